/* The marks of values that come from outside, by what is declared of them. */
#include "base/limits.h"
#include "expr/type.h"

struct marking {
    struct arena *arena;
    struct err_info *why;
};

static bool has_choices(const struct type *type)
{
    for (uint32_t i = 0; i < type->field_count; i++)
        if (has_choices(type->fields[i].type))
            return true;
    return type->choice_count > 0 || (type->item != NULL && has_choices(type->item));
}

static bool is_text(struct value v)
{
    return v.type == VALUE_STRING || v.type == VALUE_BYTES;
}

/* Whether each text in it has the mark. Depth is that of a value, which its reader bounds. */
static bool is_marked(struct value v)
{
    const struct value_entry *entries = value_map_entries(v);
    for (uint32_t i = 0; v.type == VALUE_LIST && i < v.size; i++)
        if (!is_marked(v.items[i]))
            return false;
    for (uint32_t i = 0; v.type == VALUE_MAP && i < v.size; i++)
        if (!is_marked(entries[i].key) || !is_marked(entries[i].value))
            return false;
    if (v.type == VALUE_OPTIONAL && v.inside != NULL)
        return is_marked(*v.inside);
    return !is_text(v) || (v.flags & VALUE_OUTSIDE);
}

static FALLIBLE mark(const struct marking *m, const struct type *type, struct value v, struct value *ret);

static FALLIBLE mark_list(const struct marking *m, const struct type *item, struct value v, struct value *ret)
{
    struct value *items = ARENA_ARRAY(m->arena, v.size + 1, struct value);
    if (items == NULL)
        return err_memory(m->why);
    for (uint32_t i = 0; i < v.size; i++)
        TRY(mark(m, item, v.items[i], &items[i]));
    *ret = v;
    ret->items = items;
    ret->flags &= (uint8_t)~VALUE_OUTSIDE; /* each text has its own */
    return ERR_OK;
}

static FALLIBLE mark_map(const struct marking *m, const struct type *type, struct value v, struct value *ret)
{
    const struct value_entry *entries = value_map_entries(v);
    struct value_map_builder map;
    value_map_begin(&map, m->arena);
    for (uint32_t i = 0; i < v.size; i++) {
        struct value key, value;
        const struct type_field *field = type->kind == TYPE_RECORD && entries[i].key.type == VALUE_STRING
            ? type_find_field(type, value_str(entries[i].key))
            : NULL;
        const struct type *inner = type->kind == TYPE_MAP ? type->item : &type_dyn;
        TRY(value_copy_marked(m->arena, entries[i].key, true, &key, m->why));
        TRY(mark(m, field != NULL ? field->type : inner, entries[i].value, &value));
        TRY(value_map_add(&map, key, value, m->why));
    }
    *ret = value_map_end(&map);
    return ERR_OK;
}

static FALLIBLE mark(const struct marking *m, const struct type *type, struct value v, struct value *ret)
{
    if (type->kind == TYPE_NULLABLE)
        type = type->item;
    if (type->kind == TYPE_LIST && v.type == VALUE_LIST && has_choices(type))
        return mark_list(m, type->item, v, ret);
    if ((type->kind == TYPE_RECORD || type->kind == TYPE_MAP) && v.type == VALUE_MAP && has_choices(type))
        return mark_map(m, type, v, ret);
    bool is_listed = type->choice_count > 0 && type_check_value(type, v, NULL) == ERR_OK;
    return value_copy_marked(m->arena, v, !is_listed, ret, m->why);
}

FALLIBLE type_mark_outside(
    struct arena *arena, const struct type *type, struct value v, struct value *ret, struct err_info *why)
{
    const struct marking m = { arena, why };
    *ret = v;
    return has_choices(type) || !is_marked(v) ? mark(&m, type, v, ret) : ERR_OK;
}
