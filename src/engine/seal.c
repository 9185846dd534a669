#include "engine/seal.h"

struct sealing {
    const struct sealer *sealer;
    int64_t tenant;
    struct arena *arena;
};

static FALLIBLE seal_one(
    const struct sealing *sealing, struct value v, struct value *ret, struct err_info *why)
{
    const struct sealer *sealer = sealing->sealer;
    *ret = (struct value){ .type = VALUE_SECRET, .bytes = "" };
    return sealer->seal ? sealer->seal(sealer->context, sealing->tenant, v, sealing->arena, ret, why)
                        : ERR_OK;
}

static FALLIBLE seal(const struct sealing *sealing, const struct type *type, struct value v,
    struct value *ret, struct err_info *why);

static FALLIBLE seal_record(const struct sealing *sealing, const struct type *type, struct value v,
    struct value *ret, struct err_info *why)
{
    *ret = v;
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct type_field *field = &type->fields[i];
        const struct value *found = value_map_find(v, field->name);
        struct value sealed;
        if (!found || found->type == VALUE_NULL || found->type == VALUE_SECRET)
            continue;
        if (field->is_secret)
            TRY(seal_one(sealing, *found, &sealed, why));
        else
            TRY(seal(sealing, field->type, *found, &sealed, why));
        if (sealed.type != found->type || sealed.bytes != found->bytes)
            TRY(value_map_with(sealing->arena, *ret, value_string(field->name), sealed, ret, why));
    }
    return ERR_OK;
}

static FALLIBLE seal_list(const struct sealing *sealing, const struct type *item, struct value v,
    struct value *ret, struct err_info *why)
{
    struct value_list_builder list = { 0 };
    bool has_changed = false;
    value_list_begin(&list, sealing->arena);
    for (uint32_t i = 0; i < v.size; i++) {
        struct value sealed;
        TRY(seal(sealing, item, v.items[i], &sealed, why));
        has_changed |= sealed.type != v.items[i].type || sealed.bytes != v.items[i].bytes;
        TRY(value_list_add(&list, sealed, why));
    }
    *ret = has_changed ? value_list_end(&list) : v;
    return ERR_OK;
}

static FALLIBLE seal_map(const struct sealing *sealing, const struct type *item, struct value v,
    struct value *ret, struct err_info *why)
{
    *ret = v;
    for (uint32_t i = 0; i < v.size; i++) {
        const struct value_entry *entry = &value_map_entries(v)[i];
        struct value sealed;
        TRY(seal(sealing, item, entry->value, &sealed, why));
        if (sealed.type != entry->value.type || sealed.bytes != entry->value.bytes)
            TRY(value_map_with(sealing->arena, *ret, entry->key, sealed, ret, why));
    }
    return ERR_OK;
}

/* As deep as the declaration goes, which its reader bounds. */
static FALLIBLE seal(const struct sealing *sealing, const struct type *type, struct value v,
    struct value *ret, struct err_info *why)
{
    *ret = v;
    while (type && (type->kind == TYPE_NULLABLE || type->kind == TYPE_OPTIONAL))
        type = type->item;
    if (!type)
        return ERR_OK;
    if (type->kind == TYPE_RECORD && v.type == VALUE_MAP)
        return seal_record(sealing, type, v, ret, why);
    if (type->kind == TYPE_LIST && type->item && v.type == VALUE_LIST)
        return seal_list(sealing, type->item, v, ret, why);
    if (type->kind == TYPE_MAP && type->item && v.type == VALUE_MAP)
        return seal_map(sealing, type->item, v, ret, why);
    return ERR_OK;
}

enum err seal_output(const struct sealer *sealer, int64_t tenant, const struct type *type, struct value v,
    struct arena *arena, struct value *ret, struct err_info *why)
{
    const struct sealing sealing = { sealer, tenant, arena };
    return seal(&sealing, type, v, ret, why);
}
