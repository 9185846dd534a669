#include "expr/lists.h"

#include <math.h>
#include <string.h>

/* ---- sorting ---- */

static bool is_number(struct value v)
{
    return v.type == VALUE_INT || v.type == VALUE_UINT || v.type == VALUE_DOUBLE;
}

static FALLIBLE check_keys(struct call *call, const struct value *keys, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        int order;
        bool is_nan = keys[i].type == VALUE_DOUBLE && isnan(keys[i].number);
        if (!is_nan && !value_compare(keys[i], keys[i], &order))
            return call_fail(call, "values of type %s have no order", value_type_name(keys[i].type));
        if (keys[i].type != keys[0].type && !(is_number(keys[i]) && is_number(keys[0])))
            return call_fail(call, "values of types %s and %s have no common order",
                value_type_name(keys[0].type), value_type_name(keys[i].type));
    }
    return ERR_OK;
}

/* NaN goes last, so that the order is total. */
static bool is_after(struct value a, struct value b)
{
    int order;
    if (value_compare(a, b, &order))
        return order > 0;
    return a.type == VALUE_DOUBLE && isnan(a.number) && !(b.type == VALUE_DOUBLE && isnan(b.number));
}

/* One pass of a bottom-up merge sort: runs of `width` from `from` are merged into `to`. */
static void merge_pass(
    const struct value *keys, const uint32_t *from, uint32_t *to, uint32_t count, uint32_t width)
{
    for (uint32_t start = 0; start < count; start += 2 * width) {
        uint32_t middle = start + width < count ? start + width : count;
        uint32_t end = middle + width < count ? middle + width : count;
        uint32_t left = start, right = middle;
        for (uint32_t i = start; i < end; i++) {
            bool take_right = left == middle ||
                (right < end && is_after(keys[from[left]], keys[from[right]]));
            to[i] = take_right ? from[right++] : from[left++];
        }
    }
}

FALLIBLE list_sort(
    struct call *call, const struct value *items, const struct value *keys, uint32_t count, struct value *ret)
{
    struct value *sorted = NULL;
    TRY(check_keys(call, keys, count));
    uint32_t *order = ARENA_ARRAY(call->arena, (size_t)count * 2 + 1, uint32_t);
    if (order == NULL)
        return err_memory(&call->why);
    uint32_t *other = order + count;
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    /* Widths stay below count, which is far below 2^31: items of 16 bytes lie in memory. */
    for (uint32_t width = 1; width < count; width *= 2) {
        TRY(call_charge(call, count));
        merge_pass(keys, order, other, count, width);
        uint32_t *swap = order;
        order = other;
        other = swap;
    }
    TRY(call_items(call, count, &sorted));
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = items[order[i]];
    *ret = call_list(sorted, count);
    return ERR_OK;
}

FALLIBLE list_reverse(struct call *call, const struct value *arguments, struct value *ret)
{
    struct value list = arguments[0], *items = NULL;
    TRY(call_items(call, list.size, &items));
    for (uint32_t i = 0; i < list.size; i++)
        items[i] = list.items[list.size - 1 - i];
    *ret = call_list(items, list.size);
    return ERR_OK;
}

/* A table of item numbers + 1 finds equals by hash. */
FALLIBLE list_distinct(struct call *call, const struct value *list, struct value *ret)
{
    uint32_t count = (*list).size, kept = 0, size = 16;
    struct value *items = NULL;
    while (size < count * 2)
        size *= 2;
    TRY(call_items(call, count, &items));
    TRY(call_charge_value(call, *list));
    uint32_t *table = arena_zalloc(call->arena, size * sizeof(uint32_t));
    if (table == NULL)
        return err_memory(&call->why);
    for (uint32_t i = 0; i < count; i++) {
        struct value item = (*list).items[i];
        uint32_t at = (uint32_t)value_hash(item) & (size - 1), probes = 0;
        while (table[at] != 0 && !value_equal(items[table[at] - 1], item)) {
            at = (at + 1) & (size - 1);
            probes++;
        }
        /* Many probes mean chosen collisions, or NaN, which equals nothing: they are paid for. */
        TRY(call_charge(call, probes));
        if (table[at] != 0)
            continue;
        items[kept++] = item;
        table[at] = kept;
    }
    *ret = call_list(items, kept);
    return ERR_OK;
}

/* ---- indexing ---- */

/* A whole number of any numeric type as a list index; false for other values. */
static bool whole_index(struct value key, int64_t *ret)
{
    if (key.type == VALUE_INT) {
        *ret = key.integer;
        return true;
    }
    if (key.type == VALUE_UINT && key.uinteger <= INT64_MAX) {
        *ret = (int64_t)key.uinteger;
        return true;
    }
    if (key.type == VALUE_DOUBLE && key.number > -9e15 && key.number < 9e15 &&
        key.number == trunc(key.number)) {
        *ret = (int64_t)key.number;
        return true;
    }
    return false;
}

static FALLIBLE no_key(struct call *call, struct value key)
{
    switch (key.type) {
    case VALUE_STRING:
        return call_fail(call, "no such key: %.*s", STR_ARG(str_slice(value_str(key), 0, 200)));
    case VALUE_INT: return call_fail(call, "no such key: %lld", (long long)key.integer);
    case VALUE_UINT: return call_fail(call, "no such key: %lluu", (unsigned long long)key.uinteger);
    case VALUE_DOUBLE: return call_fail(call, "no such key: %g", key.number);
    case VALUE_BOOL: return call_fail(call, "no such key: %s", key.boolean ? "true" : "false");
    default: return call_fail(call, "no such key: a key can't be of type %s", value_type_name(key.type));
    }
}

/* Finds container[key]; `*ret_found` is false when there is none. Errors: what can't be indexed so. */
static FALLIBLE find_part(
    struct call *call, struct value container, struct value key, struct value *ret, bool *ret_found)
{
    *ret_found = false;
    if (container.type == VALUE_MAP) {
        const struct value *found = value_map_find_key(container, key);
        if (found != NULL)
            *ret = value_part_of(container, *found);
        *ret_found = found != NULL;
        return ERR_OK;
    }
    if (container.type != VALUE_LIST)
        return call_fail(call, "no such overload: a value of type %s has no [%s]",
            value_type_name(container.type), value_type_name(key.type));
    int64_t index;
    if (!whole_index(key, &index))
        return call_fail(
            call, "invalid_argument: a list index is a whole number, not a %s", value_type_name(key.type));
    if (index < 0 || index >= container.size)
        return ERR_OK;
    *ret = value_part_of(container, container.items[index]);
    *ret_found = true;
    return ERR_OK;
}

FALLIBLE list_or_map_find(struct call *call, struct value container, struct value key, struct value *ret)
{
    struct value part;
    bool is_found = false;
    if (value_open(&container))
        TRY(find_part(call, container, key, &part, &is_found));
    if (is_found)
        return call_optional(call, part, ret);
    *ret = call_none();
    return ERR_OK;
}

FALLIBLE list_or_map_index(struct call *call, struct value container, struct value key, struct value *ret)
{
    struct value part;
    bool is_found = false;
    if (container.type == VALUE_OPTIONAL)
        return list_or_map_find(call, container, key, ret);
    TRY(find_part(call, container, key, &part, &is_found));
    if (is_found) {
        *ret = part;
        return ERR_OK;
    }
    if (container.type == VALUE_MAP)
        return no_key(call, key);
    return call_fail(call, "index out of bounds: the list has %u items", container.size);
}
