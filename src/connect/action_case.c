/* case.*: cases of this server. */
#include "cases/case.h"
#include "connect/local_action.h"
#include "connect/native.h"

static const struct type list_of_text = { .kind = TYPE_LIST, .item = &type_string };
static const struct type list_of_maps = { .kind = TYPE_LIST, .item = &type_map_dyn };

static const struct type_field case_fields[] = {
    FIELD("id", &type_string, true, ""),
    FIELD("number", &type_int, true, "for people"),
    FIELD("title", &type_string, true, ""),
    FIELD("status", &type_string, true, "open, in_progress, on_hold, closed"),
    FIELD("severity_id", &type_int, true, "OCSF's"),
};
static const struct type case_type = {
    .kind = TYPE_RECORD, .fields = case_fields, .field_count = 5, .is_open = true
};
static const struct type_field id_fields[] = {
    FIELD("id", &type_string, true, ""),
};
static const struct type id_type = RECORD(id_fields);

#define CASE_FIELD FIELD("case", &type_dyn, false, "id or number; the run's own case when not given")
#define CASE_EXAMPLE \
    "{\"id\":\"01JZ0000000000000000000000\",\"number\":1,\"title\":\"SSH brute " \
    "force\",\"status\":\"open\",\"severity_id\":4}"
#define ID_EXAMPLE "{\"id\":\"01JZ0000000000000000000000\"}"

/* ---- open ---- */

static const struct type_field open_fields[] = {
    FIELD("title", &type_string, true, "one line"),
    FIELD("severity", &type_dyn, false, "OCSF's number or caption"),
    FIELD("owner", &type_string, false, "who works on it"),
    FIELD("phase", &type_string, false, ""),
    FIELD("summary", &type_string, false, "Markdown"),
    FIELD("tags", &list_of_text, false, ""),
    FIELD("alerts", &list_of_text, false, "ids"),
    FIELD("observables", &list_of_maps, false, "{type, value, name?} each"),
};
static const struct type open_in = RECORD(open_fields);

static enum err open_apply(const struct action *action, struct action_call *call, struct store_conn *conn,
    struct value *ret_output, struct err_info *why)
{
    struct local_change local;
    (void)action; /* known by the function */
    local_change_init(&local, call, conn);
    return case_open(&local.change, call->with, call->arena, ret_output, why);
}

const struct native_action action_case_open = {
    .action = { .name = STR_INIT("case.open"),
        .summary = STR_INIT("Opens a case"),
        .kind = ACTION_TICKET,
        .is_idempotent = true,
        .in = &open_in,
        .out = &case_type,
        .apply = open_apply },
    .example_in = "{\"title\":\"SSH brute force\",\"severity\":4}",
    .example_out = CASE_EXAMPLE,
};

/* ---- update ---- */

static const struct type_field update_fields[] = {
    CASE_FIELD,
    FIELD("title", &type_string, false, ""),
    FIELD("severity", &type_dyn, false, "OCSF's number or caption"),
    FIELD("status", &type_string, false, "open, in_progress, on_hold"),
    FIELD("owner", &type_dyn, false, "null: nobody"),
    FIELD("phase", &type_string, false, ""),
    FIELD("summary", &type_string, false, "Markdown"),
    FIELD("tags", &list_of_text, false, "all of them"),
    FIELD("add_tags", &list_of_text, false, ""),
    FIELD("remove_tags", &list_of_text, false, ""),
    FIELD("resolution", &type_string, false, "true_positive, false_positive, benign, duplicate, other"),
};
static const struct type update_in = RECORD(update_fields);

static enum err update_apply(const struct action *action, struct action_call *call, struct store_conn *conn,
    struct value *ret_output, struct err_info *why)
{
    struct local_change local;
    struct id id;
    struct value fields;
    (void)action; /* known by the function */
    local_change_init(&local, call, conn);
    TRY(local_case_id(call, conn, &id, why));
    TRY(local_without(call->arena, call->with, STR("case"), &fields, why));
    return case_update(&local.change, id, fields, call->arena, ret_output, why);
}

const struct native_action action_case_update = {
    .action = { .name = STR_INIT("case.update"),
        .summary = STR_INIT("Changes a case"),
        .kind = ACTION_TICKET,
        .is_idempotent = true,
        .in = &update_in,
        .out = &case_type,
        .apply = update_apply },
    .example_in = "{\"status\":\"in_progress\"}",
    .example_out = CASE_EXAMPLE,
};

/* ---- close ---- */

static const struct type_field close_fields[] = {
    CASE_FIELD,
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
    TRY(local_case_id(call, conn, &id, why));
    return case_close(&local.change, id, local_text(call->with, "resolution"),
        local_text(call->with, "comment"), call->arena, ret_output, why);
}

const struct native_action action_case_close = {
    .action = { .name = STR_INIT("case.close"),
        .summary = STR_INIT("Closes a case"),
        .kind = ACTION_TICKET,
        .is_idempotent = true,
        .in = &close_in,
        .out = &case_type,
        .apply = close_apply },
    .example_in = "{\"resolution\":\"false_positive\",\"comment\":\"A scanner of our own.\"}",
    .example_out = CASE_EXAMPLE,
};

/* ---- comment ---- */

static const struct type_field comment_fields[] = {
    CASE_FIELD,
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
    TRY(local_case_id(call, conn, &id, why));
    TRY(case_comment(&local.change, id, local_text(call->with, "text"), &comment, why));
    return local_id_output(call->arena, comment, ret_output, why);
}

const struct native_action action_case_comment = {
    .action = { .name = STR_INIT("case.comment"),
        .summary = STR_INIT("Writes into a case's timeline"),
        .kind = ACTION_TICKET,
        .is_idempotent = true,
        .in = &comment_in,
        .out = &id_type,
        .apply = comment_apply },
    .example_in = "{\"text\":\"Blocked 203.0.113.9 for a day.\"}",
    .example_out = ID_EXAMPLE,
};

/* ---- add_alert, add_observable ---- */

static const struct type_field add_alert_fields[] = {
    CASE_FIELD,
    FIELD("alert", &type_string, false, "id; the run's own alert when not given"),
};
static const struct type add_alert_in = RECORD(add_alert_fields);

static enum err add_alert_apply(const struct action *action, struct action_call *call,
    struct store_conn *conn, struct value *ret_output, struct err_info *why)
{
    struct local_change local;
    struct id id, alert;
    (void)action; /* known by the function */
    local_change_init(&local, call, conn);
    TRY(local_case_id(call, conn, &id, why));
    TRY(local_alert_id(call, &alert, why));
    TRY(case_add_alert(&local.change, id, alert, why));
    return local_id_output(call->arena, id, ret_output, why);
}

const struct native_action action_case_add_alert = {
    .action = { .name = STR_INIT("case.add_alert"),
        .summary = STR_INIT("Links an alert to a case"),
        .kind = ACTION_TICKET,
        .is_idempotent = true,
        .in = &add_alert_in,
        .out = &id_type,
        .apply = add_alert_apply },
    .example_in = "{\"case\":1}",
    .example_out = ID_EXAMPLE,
};

static const struct type_field add_observable_fields[] = {
    CASE_FIELD,
    FIELD("type", &type_string, true, "ip, domain, url, hash, email, user, host, …, or OCSF's caption"),
    FIELD("value", &type_string, true, ""),
    FIELD("name", &type_string, false, "where it stood, e.g. src_endpoint.ip"),
};
static const struct type add_observable_in = RECORD(add_observable_fields);

static enum err add_observable_apply(const struct action *action, struct action_call *call,
    struct store_conn *conn, struct value *ret_output, struct err_info *why)
{
    struct local_change local;
    struct id id;
    (void)action; /* known by the function */
    local_change_init(&local, call, conn);
    TRY(local_case_id(call, conn, &id, why));
    TRY(case_add_observable(&local.change, id, local_text(call->with, "type"),
        local_text(call->with, "value"), local_text(call->with, "name"), why));
    return local_id_output(call->arena, id, ret_output, why);
}

const struct native_action action_case_add_observable = {
    .action = { .name = STR_INIT("case.add_observable"),
        .summary = STR_INIT("Adds an observable to a case"),
        .kind = ACTION_TICKET,
        .is_idempotent = true,
        .in = &add_observable_in,
        .out = &id_type,
        .apply = add_observable_apply },
    .example_in = "{\"case\":1,\"type\":\"ip\",\"value\":\"203.0.113.9\"}",
    .example_out = ID_EXAMPLE,
};
