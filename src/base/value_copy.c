#include <string.h>

#include "base/limits.h"
#include "base/value.h"

struct copying {
    struct arena *arena;
    uint8_t flags_off, flags_on; /* of each value */
    struct err_info *why;
};

static enum err copy_at(const struct copying *copying, struct value v, unsigned depth, struct value *ret);

static enum err copy_list(const struct copying *copying, struct value v, unsigned depth, struct value *ret)
{
    struct value *items = ARENA_ARRAY(copying->arena, v.size, struct value);
    if (items == NULL)
        return err_memory(copying->why);
    for (uint32_t i = 0; i < v.size; i++)
        TRY(copy_at(copying, v.items[i], depth + 1, &items[i]));
    *ret = v;
    ret->items = items;
    return ERR_OK;
}

static enum err copy_map(const struct copying *copying, struct value v, unsigned depth, struct value *ret)
{
    struct value_entry *entries = ARENA_ARRAY(copying->arena, v.size, struct value_entry);
    if (entries == NULL)
        return err_memory(copying->why);
    const struct value_entry *from = value_map_entries(v);
    for (uint32_t i = 0; i < v.size; i++) {
        TRY(copy_at(copying, from[i].key, depth + 1, &entries[i].key));
        TRY(copy_at(copying, from[i].value, depth + 1, &entries[i].value));
    }
    uint32_t duplicate;
    struct value map;
    TRY(value_map_adopt(copying->arena, entries, v.size, &map, &duplicate, copying->why));
    map.flags = v.flags;
    *ret = map;
    return ERR_OK;
}

static enum err copy_at(const struct copying *copying, struct value v, unsigned depth, struct value *ret)
{
    struct arena *arena = copying->arena;
    struct err_info *why = copying->why;
    if (depth > VALUE_DEPTH_MAX)
        return err_named(why, ERR_LIMIT, "value_depth", "a value is nested deeper than %d", VALUE_DEPTH_MAX);
    struct str text;
    v.flags = (uint8_t)((v.flags & ~copying->flags_off) | copying->flags_on);
    switch (v.type) {
    case VALUE_STRING:
    case VALUE_BYTES:
    case VALUE_TYPE:
    case VALUE_SECRET:
        TRY(arena_str(arena, value_str(v), &text, why));
        v.bytes = text.data;
        break;
    case VALUE_LIST: return copy_list(copying, v, depth, ret);
    case VALUE_MAP: return copy_map(copying, v, depth, ret);
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
            TRY(copy_at(copying, *v.inside, depth + 1, inside));
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
    const struct copying copying = { .arena = arena, .why = why };
    return copy_at(&copying, v, 0, ret);
}

enum err value_copy_marked(
    struct arena *arena, struct value v, bool is_outside, struct value *ret, struct err_info *why)
{
    const struct copying copying = { arena, is_outside ? 0 : VALUE_OUTSIDE, is_outside ? VALUE_OUTSIDE : 0,
        why };
    return copy_at(&copying, v, 0, ret);
}

static void add_marks(struct value_marks *marks, struct value v, uint8_t flags, unsigned depth)
{
    flags |= v.flags & VALUE_OUTSIDE;
    marks->looked_at += depth > 0;
    if (depth > VALUE_DEPTH_MAX || marks->looked_at > marks->limit) {
        marks->is_outside = true; /* nobody looks further */
        marks->safe = 0;
        return;
    }
    if ((v.type == VALUE_STRING || v.type == VALUE_BYTES) && flags != 0) {
        marks->is_outside = true;
        marks->safe &= v.flags;
    }
    if (v.type == VALUE_OPTIONAL && v.inside != NULL)
        add_marks(marks, *v.inside, flags, depth + 1);
    for (uint32_t i = 0; v.type == VALUE_LIST && i < v.size && marks->looked_at <= marks->limit; i++)
        add_marks(marks, v.items[i], flags, depth + 1);
    for (uint32_t i = 0; v.type == VALUE_MAP && i < v.size && marks->looked_at <= marks->limit; i++) {
        const struct value_entry *entry = &value_map_entries(v)[i];
        add_marks(marks, entry->key, flags, depth + 1);
        add_marks(marks, entry->value, flags, depth + 1);
    }
}

void value_marks_add(struct value_marks *marks, struct value v)
{
    add_marks(marks, v, 0, 0);
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
