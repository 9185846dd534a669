/* alert.* and case.*: what playbooks do to the alerts and cases of this server. What both can do alike is
 * written once, over `struct subject`; each action is a row of the table at the end. */
#include "cases/alert.h"
#include "cases/case.h"
#include "connect/local_action.h"
#include "connect/native.h"

/* ---- what is changed ---- */

struct subject {
    struct str field; /* of `with`: which one */
    enum err (*find)(
        const struct action_call *call, struct store_conn *conn, struct id *ret, struct err_info *why);
    enum err (*update)(const struct change *change, struct id id, struct value fields, struct arena *arena,
        struct value *ret, struct err_info *why);
    enum err (*close)(const struct change *change, struct id id, struct str resolution, struct str comment,
        struct arena *arena, struct value *ret, struct err_info *why);
    enum err (*comment)(
        const struct change *change, struct id id, struct str text, struct id *ret_id, struct err_info *why);
};

static const struct subject alerts = { STR_INIT("alert"), local_alert_id, alert_update, alert_close,
    alert_comment };
static const struct subject cases = { STR_INIT("case"), local_case_id, case_update, case_close,
    case_comment };

/* ---- what is done ---- */

static enum err do_update(
    const struct subject *subject, struct local_call *local, struct value *ret, struct err_info *why)
{
    struct value fields;
    TRY(local_without(local->arena, local->with, subject->field, &fields, why));
    return subject->update(&local->change, local->id, fields, local->arena, ret, why);
}

static enum err do_tag(
    const struct subject *subject, struct local_call *local, struct value *ret, struct err_info *why)
{
    struct value_map_builder fields;
    struct value add = value_get(local->with, STR("tags"));
    struct value remove = value_get(local->with, STR("remove"));
    value_map_begin(&fields, local->arena);
    if (add.type == VALUE_LIST)
        TRY(value_map_set(&fields, "add_tags", add, why));
    if (remove.type == VALUE_LIST)
        TRY(value_map_set(&fields, "remove_tags", remove, why));
    return subject->update(&local->change, local->id, value_map_end(&fields), local->arena, ret, why);
}

static enum err do_close(
    const struct subject *subject, struct local_call *local, struct value *ret, struct err_info *why)
{
    return subject->close(&local->change, local->id, local_text(local->with, "resolution"),
        local_text(local->with, "comment"), local->arena, ret, why);
}

static enum err do_comment(
    const struct subject *subject, struct local_call *local, struct value *ret, struct err_info *why)
{
    struct id comment;
    TRY(subject->comment(&local->change, local->id, local_text(local->with, "text"), &comment, why));
    return local_id_output(local->arena, comment, ret, why);
}

static enum err do_open(
    const struct subject *subject, struct local_call *local, struct value *ret, struct err_info *why)
{
    (void)subject; /* there is none yet */
    return case_open(&local->change, local->with, local->arena, ret, why);
}

static enum err do_add_alert(
    const struct subject *subject, struct local_call *local, struct value *ret, struct err_info *why)
{
    struct id alert;
    (void)subject; /* a case */
    TRY(local_alert_id(local->call, local->change.conn, &alert, why));
    TRY(case_add_alert(&local->change, local->id, alert, why));
    return local_id_output(local->arena, local->id, ret, why);
}

static enum err do_add_observable(
    const struct subject *subject, struct local_call *local, struct value *ret, struct err_info *why)
{
    (void)subject; /* a case */
    TRY(case_add_observable(&local->change, local->id, local_text(local->with, "type"),
        local_text(local->with, "value"), local_text(local->with, "name"), why));
    return local_id_output(local->arena, local->id, ret, why);
}

/* ---- types ---- */

static const struct type list_of_text = { .kind = TYPE_LIST, .item = &type_string };
static const struct type list_of_maps = { .kind = TYPE_LIST, .item = &type_map_dyn };
#define OWN(field_name, text) \
    { \
        .name = STR_INIT(field_name), .type = &type_string, .is_required = true, .is_own = true, \
        .help = STR_INIT(text) \
    }

static const struct type_field id_fields[] = {
    OWN("id", ""),
};
static const struct type id_type = RECORD(id_fields);
/* The OCSF fields of the alert beside these. */
static const struct type alert_type = {
    .kind = TYPE_RECORD, .fields = id_fields, .field_count = 1, .is_open = true
};
static const struct type_field case_fields[] = {
    OWN("id", ""),
    FIELD("number", &type_int, true, "for people"),
    FIELD("title", &type_string, true, ""),
    OWN("status", "open, in_progress, on_hold, closed"),
    FIELD("severity_id", &type_int, true, "OCSF's"),
};
static const struct type case_type = {
    .kind = TYPE_RECORD, .fields = case_fields, .field_count = 5, .is_open = true
};

#define ALERT_FIELD FIELD("alert", &type_string, false, "id; the run's own alert when not given")
#define CASE_FIELD FIELD("case", &type_dyn, false, "id or number; the run's own case when not given")
#define SEVERITY_FIELD FIELD("severity", &type_dyn, false, "OCSF's number or caption")
#define RESOLUTION_FIELD \
    FIELD("resolution", &type_string, false, "true_positive, false_positive, benign, duplicate, other")
#define TAG_FIELDS \
    FIELD("tags", &list_of_text, false, "all of them"), FIELD("add_tags", &list_of_text, false, ""), \
        FIELD("remove_tags", &list_of_text, false, "")
#define PHASE_FIELD \
    FIELD("phase", &type_string, false, "triage, investigation, containment, eradication, recovery, review")
#define COMMENT_FIELD FIELD("comment", &type_string, false, "Markdown")
#define TEXT_FIELD FIELD("text", &type_string, true, "Markdown")

static const struct type_field alert_update_fields[] = { ALERT_FIELD,
    FIELD("status", &type_string, false, "new, in_progress, suppressed, resolved, archived"), SEVERITY_FIELD,
    FIELD("owner", &type_dyn, false, "null: nobody"), RESOLUTION_FIELD, TAG_FIELDS };
static const struct type_field alert_tag_fields[] = { ALERT_FIELD,
    FIELD("tags", &list_of_text, false, "to add"), FIELD("remove", &list_of_text, false, "to take away") };
static const struct type_field alert_close_fields[] = { ALERT_FIELD, RESOLUTION_FIELD, COMMENT_FIELD };
static const struct type_field alert_comment_fields[] = { ALERT_FIELD, TEXT_FIELD };
static const struct type_field case_open_fields[] = {
    FIELD("title", &type_string, true, "one line"),
    SEVERITY_FIELD,
    FIELD("owner", &type_string, false, "who works on it"),
    PHASE_FIELD,
    FIELD("summary", &type_string, false, "Markdown"),
    FIELD("tags", &list_of_text, false, ""),
    FIELD("alerts", &list_of_text, false, "ids"),
    FIELD("observables", &list_of_maps, false, "{type, value, name?} each"),
};
static const struct type_field case_update_fields[] = { CASE_FIELD, FIELD("title", &type_string, false, ""),
    SEVERITY_FIELD, FIELD("status", &type_string, false, "open, in_progress, on_hold"),
    FIELD("owner", &type_dyn, false, "null: nobody"), PHASE_FIELD,
    FIELD("summary", &type_string, false, "Markdown"), TAG_FIELDS, RESOLUTION_FIELD };
static const struct type_field case_close_fields[] = { CASE_FIELD, RESOLUTION_FIELD, COMMENT_FIELD };
static const struct type_field case_comment_fields[] = { CASE_FIELD, TEXT_FIELD };
static const struct type_field case_add_alert_fields[] = { CASE_FIELD, ALERT_FIELD };
static const struct type_field case_add_observable_fields[] = { CASE_FIELD,
    FIELD("type", &type_string, true, "ip, domain, url, hash, email, user, host, …, or OCSF's caption"),
    FIELD("value", &type_string, true, ""),
    FIELD("name", &type_string, false, "where it stood, e.g. src_endpoint.ip") };

/* ---- the table ---- */

struct local_action {
    struct native_action native; /* first */
    const struct subject *subject; /* NULL: it makes one */
    enum err (*change)(
        const struct subject *subject, struct local_call *local, struct value *ret, struct err_info *why);
};

static enum err apply(const struct action *action, struct action_call *call, struct store_conn *conn,
    struct value *ret_output, struct err_info *why)
{
    const struct native_bound *bound = action->definition;
    const struct local_action *self = (const struct local_action *)bound->native;
    struct local_call local;
    local_call_init(&local, call, conn);
    if (self->subject)
        TRY(self->subject->find(call, conn, &local.id, why));
    return self->change(self->subject, &local, ret_output, why);
}

#define ID_EXAMPLE "{\"id\":\"01JZ0000000000000000000000\"}"
#define CASE_EXAMPLE \
    "{\"id\":\"01JZ0000000000000000000000\",\"number\":1,\"title\":\"SSH brute " \
    "force\",\"status\":\"open\",\"severity_id\":4}"
#define CLOSE_EXAMPLE "{\"resolution\":\"false_positive\",\"comment\":\"A scanner of our own.\"}"

#define ROW(action_name, says, on, does, fields, gives, example, result) \
    { \
        .native = { .action = { .name = STR_INIT(action_name), \
                        .summary = STR_INIT(says), \
                        .kind = ACTION_TICKET, \
                        .is_idempotent = true, \
                        .in = &(const struct type)RECORD(fields), \
                        .out = (gives), \
                        .apply = apply }, \
            .example_in = (example), \
            .example_out = (result) }, \
        .subject = (on), .change = (does) \
    }

static const struct local_action local_actions[] = {
    ROW("alert.close", "Resolves an alert", &alerts, do_close, alert_close_fields, &alert_type, CLOSE_EXAMPLE,
        ID_EXAMPLE),
    ROW("alert.comment", "Writes into an alert's timeline", &alerts, do_comment, alert_comment_fields,
        &id_type, "{\"text\":\"The address belongs to our scanner.\"}", ID_EXAMPLE),
    ROW("alert.tag", "Adds tags to an alert, or takes some away", &alerts, do_tag, alert_tag_fields,
        &alert_type, "{\"tags\":[\"scanner\"]}", ID_EXAMPLE),
    ROW("alert.update", "Changes status, severity, owner of an alert", &alerts, do_update,
        alert_update_fields, &alert_type, "{\"status\":\"in_progress\",\"owner\":\"ada\"}", ID_EXAMPLE),
    ROW("case.add_alert", "Links an alert to a case", &cases, do_add_alert, case_add_alert_fields, &id_type,
        "{\"case\":1}", ID_EXAMPLE),
    ROW("case.add_observable", "Adds an observable to a case", &cases, do_add_observable,
        case_add_observable_fields, &id_type, "{\"case\":1,\"type\":\"ip\",\"value\":\"203.0.113.9\"}",
        ID_EXAMPLE),
    ROW("case.close", "Closes a case", &cases, do_close, case_close_fields, &case_type, CLOSE_EXAMPLE,
        CASE_EXAMPLE),
    ROW("case.comment", "Writes into a case's timeline", &cases, do_comment, case_comment_fields, &id_type,
        "{\"text\":\"Blocked 203.0.113.9 for a day.\"}", ID_EXAMPLE),
    ROW("case.open", "Opens a case", NULL, do_open, case_open_fields, &case_type,
        "{\"title\":\"SSH brute force\",\"severity\":4}", CASE_EXAMPLE),
    ROW("case.update", "Changes a case", &cases, do_update, case_update_fields, &case_type,
        "{\"status\":\"in_progress\"}", CASE_EXAMPLE),
};

const struct native_action *local_action_at(uint32_t index)
{
    return index < sizeof(local_actions) / sizeof(local_actions[0]) ? &local_actions[index].native : NULL;
}
