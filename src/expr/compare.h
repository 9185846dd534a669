/* Order and equality of operators. They differ from base's value_compare in one thing: an int or uint is
 * compared with a double as a double, as the conformance suite has it ("9223372036854775807 <
 * 9223372036854775808.0" is false), while base is exact, which hashing needs. */
#ifndef TOCSIN_EXPR_COMPARE_H
#define TOCSIN_EXPR_COMPARE_H

#include "base/value.h"

/* False when the values have no common order, or one is NaN. */
bool compare_order(struct value a, struct value b, int *ret_order);
bool compare_equal(struct value a, struct value b);
/* An int, uint or double. */
static inline bool compare_is_number(struct value v)
{
    return v.type >= VALUE_INT && v.type <= VALUE_DOUBLE;
}

#endif
