/* List work that both a function and a step do. */
#ifndef TOCSIN_EXPR_LISTS_H
#define TOCSIN_EXPR_LISTS_H

#include "expr/call.h"

/* The items in the order of their keys, equal ones as they stood; `keys` may be `items`. The keys must
 * be of one ordered type, numbers counting as one. Neither array is changed. */
FALLIBLE list_sort(struct call *call, const struct value *items, const struct value *keys, uint32_t count,
    struct value *ret);
/* container[key]: of a list, a map, or an optional of one (then the result is optional). */
FALLIBLE list_or_map_index(struct call *call, struct value container, struct value key, struct value *ret);
/* container[?key]. */
FALLIBLE list_or_map_find(struct call *call, struct value container, struct value key, struct value *ret);
/* The items without repeats; the first of equal ones stays. */
FALLIBLE list_distinct(struct call *call, const struct value *list, struct value *ret);
/* Two overloads of one function, list.reverse() and string.reverse(), live in one table. */
FALLIBLE list_reverse(struct call *call, const struct value *arguments, struct value *ret);

#endif
