/* The lists extension; sortBy is a macro, and reverse() is with the strings, which have it too. */
#include <string.h>

#include "expr/function.h"
#include "expr/lists.h"

#include "base/limits.h"

static FALLIBLE slice(struct call *call, const struct value *a, struct value *ret)
{
    int64_t from = a[1].integer, to = a[2].integer;
    if (from < 0 || to < 0)
        return call_fail(call, "cannot slice(%lld, %lld): negative indexes are not supported",
            (long long)from, (long long)to);
    if (from > to)
        return call_fail(
            call, "cannot slice(%lld, %lld): the start is behind the end", (long long)from, (long long)to);
    if (to > a[0].size)
        return call_fail(call, "cannot slice(%lld, %lld): the list has %u items", (long long)from,
            (long long)to, a[0].size);
    /* Items are never changed, so the part shares them. */
    *ret = call_list(a[0].items != NULL ? a[0].items + from : NULL, (size_t)(to - from));
    return ERR_OK;
}

/* Items of `list` with inner lists opened down to `depth`; counts only when `items` is NULL. */
static FALLIBLE flatten_into(
    struct call *call, struct value list, int64_t depth, unsigned nesting, struct value *items, size_t *count)
{
    if (nesting > VALUE_DEPTH_MAX)
        return call_fail(call, "the list is nested deeper than VALUE_DEPTH_MAX (%d)", VALUE_DEPTH_MAX);
    TRY(call_charge(call, list.size));
    for (uint32_t i = 0; i < list.size; i++) {
        struct value item = value_part_of(list, list.items[i]);
        if (item.type == VALUE_LIST && depth > 0) {
            TRY(flatten_into(call, item, depth - 1, nesting + 1, items, count));
            continue;
        }
        if (items != NULL)
            items[*count] = item;
        (*count)++;
    }
    return ERR_OK;
}

static FALLIBLE flatten_to(struct call *call, struct value list, int64_t depth, struct value *ret)
{
    struct value *items = NULL;
    size_t count = 0, filled = 0;
    if (depth < 0)
        return call_fail(call, "level must be non-negative");
    TRY(flatten_into(call, list, depth, 0, NULL, &count));
    TRY(call_items(call, count, &items));
    TRY(flatten_into(call, list, depth, 0, items, &filled));
    *ret = call_list(items, filled);
    return ERR_OK;
}

static FALLIBLE flatten(struct call *call, const struct value *a, struct value *ret)
{
    return flatten_to(call, a[0], 1, ret);
}

static FALLIBLE flatten_depth(struct call *call, const struct value *a, struct value *ret)
{
    return flatten_to(call, a[0], a[1].integer, ret);
}

static FALLIBLE sort(struct call *call, const struct value *a, struct value *ret)
{
    return list_sort(call, a[0].items, a[0].items, a[0].size, ret);
}

static FALLIBLE range(struct call *call, const struct value *a, struct value *ret)
{
    struct value *items = NULL;
    int64_t count = a[0].integer > 0 ? a[0].integer : 0;
    TRY(call_charge(call, (uint64_t)count)); /* before the size is trusted with an allocation */
    TRY(call_items(call, (size_t)count, &items));
    for (int64_t i = 0; i < count; i++)
        items[i] = value_int(i);
    *ret = call_list(items, (size_t)count);
    return ERR_OK;
}

static FALLIBLE first(struct call *call, const struct value *a, struct value *ret)
{
    *ret = call_none();
    return a[0].size == 0 ? ERR_OK : call_optional(call, a[0].items[0], ret);
}

static FALLIBLE last(struct call *call, const struct value *a, struct value *ret)
{
    *ret = call_none();
    return a[0].size == 0 ? ERR_OK : call_optional(call, a[0].items[a[0].size - 1], ret);
}

#define LIST &type_list_a

static const struct overload distinct_rows[] = { { true, 1, { LIST }, LIST, list_distinct } };
static const struct overload first_rows[] = { { true, 1, { LIST }, &type_optional_a, first } };
static const struct overload last_rows[] = { { true, 1, { LIST }, &type_optional_a, last } };
/* What is in a list of lists and other things is known to nobody before the evaluation. */
static const struct overload flatten_rows[] = {
    { true, 1, { &type_list_list_a }, LIST, flatten },
    { true, 1, { &type_list_dyn }, &type_list_dyn, flatten },
    { true, 2, { &type_list_dyn, &type_int }, &type_list_dyn, flatten_depth },
};
static const struct overload range_rows[] = { { false, 1, { &type_int }, &type_list_int, range } };
static const struct overload slice_rows[] = { { true, 3, { LIST, &type_int, &type_int }, LIST, slice } };
static const struct overload sort_rows[] = { { true, 1, { LIST }, LIST, sort } };

static const struct function functions[] = {
    FUNCTION("distinct", distinct_rows),
    FUNCTION_KEEPING("first", first_rows),
    FUNCTION("flatten", flatten_rows),
    FUNCTION_KEEPING("last", last_rows),
    FUNCTION("lists.range", range_rows),
    FUNCTION_FLAT("slice", slice_rows),
    FUNCTION("sort", sort_rows),
};

const struct library library_lists = { "lists", functions, sizeof(functions) / sizeof(functions[0]) };
