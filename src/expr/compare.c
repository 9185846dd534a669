#include "expr/compare.h"

#include <math.h>

/* `number` against the double of an integer, whose type goes from `least` to below `limit`. */
static int order_of_double(double number, double integer, double least, double limit)
{
    if (number < least)
        return -1;
    if (number > limit)
        return 1;
    return number < integer ? -1 : number > integer;
}

/* a is a double, b an int or uint. */
static bool order_mixed(struct value a, struct value b, int *ret_order)
{
    if (isnan(a.number))
        return false;
    *ret_order = b.type == VALUE_INT
        ? order_of_double(a.number, (double)b.integer, -9223372036854775808.0, 9223372036854775808.0)
        : order_of_double(a.number, (double)b.uinteger, 0, 18446744073709551616.0);
    return true;
}

static bool is_integer(struct value v)
{
    return v.type == VALUE_INT || v.type == VALUE_UINT;
}

bool compare_order(struct value a, struct value b, int *ret_order)
{
    if (a.type == VALUE_DOUBLE && is_integer(b))
        return order_mixed(a, b, ret_order);
    if (b.type == VALUE_DOUBLE && is_integer(a)) {
        bool is_ordered = order_mixed(b, a, ret_order);
        *ret_order = -*ret_order;
        return is_ordered;
    }
    return value_compare(a, b, ret_order);
}

bool compare_equal(struct value a, struct value b)
{
    int order = 0;
    bool is_mixed = (a.type == VALUE_DOUBLE && is_integer(b)) || (b.type == VALUE_DOUBLE && is_integer(a));
    return is_mixed ? compare_order(a, b, &order) && order == 0 : value_equal(a, b);
}
