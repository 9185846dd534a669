/* alert.*: alerts of this server. */
#include "cases/alert.h"
#include "connect/local_action.h"
#include "connect/native.h"

static const struct type list_of_text = { .kind = TYPE_LIST, .item = &type_string };
static const struct type_field alert_fields[] = {
    FIELD("id", &type_string, true, ""),
};
/* The OCSF fields of the alert beside these. */
static const struct type alert_type = {
    .kind = TYPE_RECORD, .fields = alert_fields, .field_count = 1, .is_open = true
};
static const struct type id_type = RECORD(alert_fields);

#define ALERT_FIELD FIELD("alert", &type_string, false, "id; the run's own alert when not given")
#define ID_EXAMPLE "{\"id\":\"01JZ0000000000000000000000\"}"

/* ---- update, tag ---- */

static const struct type_field update_fields[] = {
    ALERT_FIELD,
    FIELD("status", &type_string, false, "new, in_progress, suppressed, resolved, archived"),
    FIELD("severity", &type_dyn, false, "OCSF's number or caption"),
    FIELD("owner", &type_dyn, false, "null: nobody"),
    FIELD("title", &type_string, false, ""),
    FIELD("resolution", &type_string, false, "true_positive, false_positive, benign, duplicate, other"),
    FIELD("tags", &list_of_text, false, "all of them"),
    FIELD("add_tags", &list_of_text, false, ""),
    FIELD("remove_tags", &list_of_text, false, ""),
};
static const struct type update_in = RECORD(update_fields);

static enum err update(struct action_call *call, struct store_conn *conn, struct value fields,
    struct value *ret_output, struct err_info *why)
{
    struct local_change local;
    struct id id;
    local_change_init(&local, call, conn);
    TRY(local_alert_id(call, &id, why));
    return alert_update(&local.change, id, fields, call->arena, ret_output, why);
}

static enum err update_apply(const struct action *action, struct action_call *call, struct store_conn *conn,
    struct value *ret_output, struct err_info *why)
{
    struct value fields;
    (void)action; /* known by the function */
    TRY(local_without(call->arena, call->with, STR("alert"), &fields, why));
    return update(call, conn, fields, ret_output, why);
}

const struct native_action action_alert_update = {
    .action = { .name = STR_INIT("alert.update"),
        .summary = STR_INIT("Changes status, severity, owner of an alert"),
        .kind = ACTION_TICKET,
        .is_idempotent = true,
        .in = &update_in,
        .out = &alert_type,
        .apply = update_apply },
    .example_in = "{\"status\":\"in_progress\",\"owner\":\"ada\"}",
    .example_out = ID_EXAMPLE,
};

static const struct type_field tag_fields[] = {
    ALERT_FIELD,
    FIELD("tags", &list_of_text, false, "to add"),
    FIELD("remove", &list_of_text, false, "to take away"),
};
static const struct type tag_in = RECORD(tag_fields);

static enum err tag_apply(const struct action *action, struct action_call *call, struct store_conn *conn,
    struct value *ret_output, struct err_info *why)
{
    struct value_map_builder fields;
    struct value add = value_get(call->with, STR("tags")), remove = value_get(call->with, STR("remove"));
    (void)action; /* known by the function */
    value_map_begin(&fields, call->arena);
    if (add.type == VALUE_LIST)
        TRY(value_map_set(&fields, "add_tags", add, why));
    if (remove.type == VALUE_LIST)
        TRY(value_map_set(&fields, "remove_tags", remove, why));
    return update(call, conn, value_map_end(&fields), ret_output, why);
}

const struct native_action action_alert_tag = {
    .action = { .name = STR_INIT("alert.tag"),
        .summary = STR_INIT("Adds tags to an alert, or takes some away"),
        .kind = ACTION_TICKET,
        .is_idempotent = true,
        .in = &tag_in,
        .out = &alert_type,
        .apply = tag_apply },
    .example_in = "{\"tags\":[\"scanner\"]}",
    .example_out = ID_EXAMPLE,
};

/* ---- close, comment ---- */

static const struct type_field close_fields[] = {
    ALERT_FIELD,
    FIELD("resolution", &type_string, false, "true_positive, false_positive, benign, duplicate, other"),
    FIELD("comment", &type_string, false, "Markdown"),
};
static const struct type close_in = RECORD(close_fields);

static enum err close_apply(const struct action *action, struct action_call *call, struct store_conn *conn,
    struct value *ret_output, struct err_info *why)
{
    struct local_change local;
    struct id id;
    (void)action; /* known by the function */
    local_change_init(&local, call, conn);
    TRY(local_alert_id(call, &id, why));
    return alert_close(&local.change, id, local_text(call->with, "resolution"),
        local_text(call->with, "comment"), call->arena, ret_output, why);
}

const struct native_action action_alert_close = {
    .action = { .name = STR_INIT("alert.close"),
        .summary = STR_INIT("Resolves an alert"),
        .kind = ACTION_TICKET,
        .is_idempotent = true,
        .in = &close_in,
        .out = &alert_type,
        .apply = close_apply },
    .example_in = "{\"resolution\":\"false_positive\",\"comment\":\"A scanner of our own.\"}",
    .example_out = ID_EXAMPLE,
};

static const struct type_field comment_fields[] = {
    ALERT_FIELD,
    FIELD("text", &type_string, true, "Markdown"),
};
static const struct type comment_in = RECORD(comment_fields);

static enum err comment_apply(const struct action *action, struct action_call *call, struct store_conn *conn,
    struct value *ret_output, struct err_info *why)
{
    struct local_change local;
    struct id id, comment;
    (void)action; /* known by the function */
    local_change_init(&local, call, conn);
    TRY(local_alert_id(call, &id, why));
    TRY(alert_comment(&local.change, id, local_text(call->with, "text"), &comment, why));
    return local_id_output(call->arena, comment, ret_output, why);
}

const struct native_action action_alert_comment = {
    .action = { .name = STR_INIT("alert.comment"),
        .summary = STR_INIT("Writes into an alert's timeline"),
        .kind = ACTION_TICKET,
        .is_idempotent = true,
        .in = &comment_in,
        .out = &id_type,
        .apply = comment_apply },
    .example_in = "{\"text\":\"The address belongs to our scanner.\"}",
    .example_out = ID_EXAMPLE,
};
