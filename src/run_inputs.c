#include "run_inputs.h"

#include "base/json.h"
#include "resource.h"

static bool is_read_as_json(const struct type *type)
{
    while (type->kind == TYPE_NULLABLE || type->kind == TYPE_OPTIONAL)
        type = type->item;
    switch (type->kind) {
    case TYPE_BOOL:
    case TYPE_INT:
    case TYPE_UINT:
    case TYPE_DOUBLE:
    case TYPE_LIST:
    case TYPE_MAP:
    case TYPE_RECORD: return true;
    default: return false;
    }
}

static FALLIBLE take_typed(
    const struct playbook_input *input, struct arena *arena, struct value *v, struct err_info *why)
{
    struct json_options options = { .duplicates = JSON_DUPLICATES_REFUSE };
    struct err_info inner = { 0 };
    if (v->type != VALUE_STRING || !is_read_as_json(input->type))
        return ERR_OK;
    if (json_parse(arena, value_str(*v), &options, v, &inner) == ERR_OK)
        return ERR_OK;
    AUTO(buf) struct buf type = { 0 };
    type_print(&type, input->type);
    TRY(buf_check(&type, why));
    return err_set(why, ERR_INVALID, "--input %.*s: it is a %.*s, and what was given does not read as one",
        STR_ARG(input->name), STR_ARG(buf_str(&type)));
}

enum err inputs_read(const char *const *pairs, size_t count, const struct playbook *playbook,
    struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_map_builder builder;
    *ret = value_null();
    if (count == 0)
        return ERR_OK;
    value_map_begin(&builder, arena);
    for (size_t i = 0; i < count; i++)
        TRY(pair_add(&builder, pairs[i], "input", why));
    for (uint32_t i = 0; i < builder.count; i++) {
        struct str name = value_str(builder.entries[i].key);
        const struct playbook_input *input = playbook_find_input(playbook, name);
        if (input == NULL)
            return err_set(why, ERR_INVALID, "--input: the playbook has no input \"%.*s\"", STR_ARG(name));
        TRY(take_typed(input, arena, &builder.entries[i].value, why));
    }
    *ret = value_map_end(&builder);
    return ERR_OK;
}
