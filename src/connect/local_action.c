#include "connect/local_action.h"

#include "cases/case.h"
#include "cases/note.h"
#include "connect/connect_impl.h"

void local_call_init(struct local_call *local, const struct action_call *call, struct store_conn *conn)
{
    *local = (struct local_call){ .call = call, .arena = call->arena, .with = call->with };
    principal_init(&local->principal, PRINCIPAL_RUN, call->tenant, call->run_id, call->playbook);
    local->change = (struct change){ .conn = conn,
        .by = &local->principal,
        .rand = call_rand(call),
        .run_id = call->run_id,
        .key = call->idempotency_key };
}

enum err local_alert_id(
    const struct action_call *call, struct store_conn *conn, struct id *ret, struct err_info *why)
{
    struct value given = value_get(call->with, STR("alert"));
    (void)conn; /* an id needs no looking up */
    *ret = call->alert_id;
    if (given.type == VALUE_STRING && !id_parse(value_str(given), ret))
        return err_named(why, ERR_INVALID, "no_alert", "`alert` is no id: %.*s", STR_ARG(value_str(given)));
    if (id_is_none(*ret))
        return err_named(
            why, ERR_INVALID, "no_alert", "this run has no alert; name one by its id in `alert`");
    return ERR_OK;
}

FALLIBLE local_case_id(
    const struct action_call *call, struct store_conn *conn, struct id *ret, struct err_info *why)
{
    struct value given = value_get(call->with, STR("case"));
    uint64_t number = 0;
    *ret = call->case_id;
    if (given.type == VALUE_INT && given.integer > 0)
        number = (uint64_t)given.integer;
    else if (given.type == VALUE_STRING && id_parse(value_str(given), ret))
        return ERR_OK;
    else if (given.type != VALUE_NULL &&
        (given.type != VALUE_STRING || !str_to_uint(value_str(given), &number)))
        return err_named(why, ERR_INVALID, "no_case", "`case` must be the case's id or number");
    if (number)
        return case_find_number(conn, call->tenant, number, ret, why);
    if (id_is_none(*ret))
        return err_named(
            why, ERR_INVALID, "no_case", "this run has no case; name one by its id or number in `case`");
    return ERR_OK;
}

FALLIBLE local_without(
    struct arena *arena, struct value with, struct str name, struct value *ret, struct err_info *why)
{
    struct value_map_builder rest;
    value_map_begin(&rest, arena);
    for (uint32_t i = 0; i < with.size; i++) {
        const struct value_entry *entry = &value_map_entries(with)[i];
        if (!value_is_text(entry->key, name))
            TRY(value_map_put(&rest, entry->key, entry->value, why));
    }
    *ret = value_map_end(&rest);
    return ERR_OK;
}

struct str local_text(struct value with, const char *name)
{
    struct value v = value_get(with, str_of(name));
    return v.type == VALUE_STRING ? value_str(v) : STR("");
}

FALLIBLE local_id_output(struct arena *arena, struct id id, struct value *ret, struct err_info *why)
{
    struct value_map_builder output;
    struct value text;
    value_map_begin(&output, arena);
    TRY(id_value(arena, id, &text, why));
    TRY(value_map_set(&output, "id", text, why));
    *ret = value_map_end(&output);
    return ERR_OK;
}
