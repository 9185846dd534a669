#include "connect/remote_action.h"

#include "connect/connector.h"

FALLIBLE value_with_defaults(
    struct arena *arena, struct value map, struct value defaults, struct value *ret, struct err_info *why)
{
    const struct value_entry *entries = value_map_entries(defaults);
    *ret = map;
    for (uint32_t i = 0; i < defaults.size; i++) {
        if (!value_map_find_key(map, entries[i].key))
            TRY(value_map_with(arena, *ret, entries[i].key, entries[i].value, ret, why));
    }
    return ERR_OK;
}

enum err remote_undo_with(const struct action *action, struct arena *arena, struct value with,
    struct value output, struct value *ret_with, struct err_info *why)
{
    const struct connector_action *definition = action->definition;
    struct value values[SLOT_COUNT] = { [SLOT_INPUTS] = with, [SLOT_OUTPUT] = output };
    struct stencil_scope scope = { .values = values,
        .count = SLOT_COUNT,
        .present = 1u << SLOT_INPUTS | 1u << SLOT_OUTPUT,
        .arena = arena };
    bool is_present;
    if (!definition->has_undo_with) {
        *ret_with = with;
        return ERR_OK;
    }
    return stencil_eval(&definition->undo_with, &scope, ret_with, &is_present, why);
}
