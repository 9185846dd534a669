#include <string.h>

#include "base/limits.h"
#include "base/value.h"

static enum err copy_at(
    struct arena *arena, struct value v, unsigned depth, struct value *ret, struct err_info *why);

static enum err copy_list(
    struct arena *arena, struct value v, unsigned depth, struct value *ret, struct err_info *why)
{
    struct value *items = ARENA_ARRAY(arena, v.size, struct value);
    if (items == NULL)
        return err_memory(why);
    for (uint32_t i = 0; i < v.size; i++)
        TRY(copy_at(arena, v.items[i], depth + 1, &items[i], why));
    *ret = v;
    ret->items = items;
    return ERR_OK;
}

static enum err copy_map(
    struct arena *arena, struct value v, unsigned depth, struct value *ret, struct err_info *why)
{
    struct value_entry *entries = ARENA_ARRAY(arena, v.size, struct value_entry);
    if (entries == NULL)
        return err_memory(why);
    const struct value_entry *from = value_map_entries(v);
    for (uint32_t i = 0; i < v.size; i++) {
        TRY(copy_at(arena, from[i].key, depth + 1, &entries[i].key, why));
        TRY(copy_at(arena, from[i].value, depth + 1, &entries[i].value, why));
    }
    uint32_t duplicate;
    struct value map;
    TRY(value_map_adopt(arena, entries, v.size, &map, &duplicate, why));
    map.flags = v.flags;
    *ret = map;
    return ERR_OK;
}

static enum err copy_at(
    struct arena *arena, struct value v, unsigned depth, struct value *ret, struct err_info *why)
{
    if (depth > VALUE_DEPTH_MAX)
        return err_named(why, ERR_LIMIT, "value_depth", "a value is nested deeper than %d", VALUE_DEPTH_MAX);
    struct str text;
    switch (v.type) {
    case VALUE_STRING:
    case VALUE_BYTES:
    case VALUE_TYPE:
    case VALUE_SECRET:
        TRY(arena_str(arena, value_str(v), &text, why));
        v.bytes = text.data;
        break;
    case VALUE_LIST: return copy_list(arena, v, depth, ret, why);
    case VALUE_MAP: return copy_map(arena, v, depth, ret, why);
    case VALUE_IP:
    case VALUE_CIDR: {
        struct value_net *net = ARENA_NEW(arena, struct value_net);
        if (net == NULL)
            return err_memory(why);
        *net = *v.net;
        v.net = net;
        break;
    }
    case VALUE_OPTIONAL:
        if (v.inside != NULL) {
            struct value *inside = ARENA_NEW(arena, struct value);
            if (inside == NULL)
                return err_memory(why);
            TRY(copy_at(arena, *v.inside, depth + 1, inside, why));
            v.inside = inside;
        }
        break;
    default: break;
    }
    *ret = v;
    return ERR_OK;
}

enum err value_copy(struct arena *arena, struct value v, struct value *ret, struct err_info *why)
{
    return copy_at(arena, v, 0, ret, why);
}

size_t value_weight(struct value v)
{
    size_t sum = sizeof(struct value);
    switch (v.type) {
    case VALUE_STRING:
    case VALUE_BYTES:
    case VALUE_TYPE:
    case VALUE_SECRET: return sum + v.size;
    case VALUE_LIST:
        for (uint32_t i = 0; i < v.size; i++)
            sum += value_weight(v.items[i]);
        return sum;
    case VALUE_MAP: {
        const struct value_entry *entries = value_map_entries(v);
        sum += sizeof(struct value_map);
        for (uint32_t i = 0; i < v.size; i++)
            sum += value_weight(entries[i].key) + value_weight(entries[i].value);
        return sum;
    }
    case VALUE_OPTIONAL: return sum + (v.inside ? value_weight(*v.inside) : 0);
    case VALUE_IP:
    case VALUE_CIDR: return sum + sizeof(struct value_net);
    default: return sum;
    }
}
