/* The sets extension: lists as sets, by CEL equality. */
#include "expr/compare.h"
#include "expr/function.h"

/* Whether the list has the item; charged by what the search may take. */
static FALLIBLE has(struct call *call, struct value list, struct value item, bool *ret)
{
    uint64_t units = 1;
    TRY(call_measure(call, item, call->cost_max - call->cost, &units));
    *ret = false;
    for (uint32_t i = 0; i < list.size && !*ret; i++) {
        TRY(call_charge(call, units));
        *ret = compare_equal(list.items[i], item);
    }
    return ERR_OK;
}

static FALLIBLE is_subset(struct call *call, struct value of, struct value list, bool *ret)
{
    *ret = true;
    for (uint32_t i = 0; i < list.size && *ret; i++)
        TRY(has(call, of, list.items[i], ret));
    return ERR_OK;
}

static FALLIBLE contains(struct call *call, const struct value *a, struct value *ret)
{
    bool result = false;
    TRY(is_subset(call, a[0], a[1], &result));
    *ret = value_bool(result);
    return ERR_OK;
}

static FALLIBLE equivalent(struct call *call, const struct value *a, struct value *ret)
{
    bool result = false;
    TRY(is_subset(call, a[0], a[1], &result));
    if (result)
        TRY(is_subset(call, a[1], a[0], &result));
    *ret = value_bool(result);
    return ERR_OK;
}

static FALLIBLE intersects(struct call *call, const struct value *a, struct value *ret)
{
    bool result = false;
    for (uint32_t i = 0; i < a[0].size && !result; i++)
        TRY(has(call, a[1], a[0].items[i], &result));
    *ret = value_bool(result);
    return ERR_OK;
}

#define LIST &type_list_a

static const struct overload contains_rows[] = { { false, 2, { LIST, LIST }, &type_bool, contains } };
static const struct overload equivalent_rows[] = { { false, 2, { LIST, LIST }, &type_bool, equivalent } };
static const struct overload intersects_rows[] = { { false, 2, { LIST, LIST }, &type_bool, intersects } };

static const struct function functions[] = {
    FUNCTION("sets.contains", contains_rows),
    FUNCTION("sets.equivalent", equivalent_rows),
    FUNCTION("sets.intersects", intersects_rows),
};

const struct library library_sets = { "sets", functions, sizeof(functions) / sizeof(functions[0]) };
