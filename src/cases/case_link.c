/* What hangs on a case: alerts, observables, comments. */
#include "base/limits.h"
#include "cases/alert_row.h"
#include "cases/case_row.h"
#include "cases/note.h"
#include "cases/observable_row.h"

static const struct sql link_insert = {
    "INSERT INTO cases_links (tenant, case_id, alert_seq, alert_id, case_seq, at)"
    " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant, case_id, alert_seq) DO NOTHING",
    NULL
};
static const struct sql link_delete = {
    "DELETE FROM cases_links WHERE tenant = $1 AND case_id = $2 AND alert_seq = $3", NULL
};
/* An alert that someone works on is no longer new. */
static const struct sql alert_taken_up = {
    "UPDATE cases_alerts SET status = $2, revision = revision + 1 WHERE seq = $1 AND status = $3", NULL
};

enum err case_link_alert(const struct change *change, struct case_row *row, struct id id, struct arena *arena,
    bool *ret_added, struct err_info *why)
{
    struct alert_row alert;
    struct value body;
    int64_t tenant = change->by->tenant, changed = 0;
    TRY(alert_row_get(change->conn, tenant, id, arena, &alert, why));
    TRY(sql_run(change->conn, &link_insert,
        SQL_ARGS(arg_int(tenant), arg_id(&row->id), arg_int(alert.seq), arg_id(&id), arg_int(row->seq),
            arg_instant(store_commit_time(change->conn))),
        &changed, why));
    *ret_added = changed > 0;
    if (changed == 0)
        return ERR_OK;
    if (row->alert_count >= CASE_ALERTS_MAX)
        return err_named(
            why, ERR_LIMIT, "CASE_ALERTS_MAX", "the case has %d alerts, which is the limit", CASE_ALERTS_MAX);
    row->alert_count++;
    TRY(sql_run(change->conn, &alert_taken_up,
        SQL_ARGS(arg_int(alert.seq), arg_int(ALERT_IN_PROGRESS), arg_int(ALERT_NEW)), &changed, why));
    if (changed == 0)
        return ERR_OK;
    alert.status = ALERT_IN_PROGRESS;
    TRY(alert_row_announcement(&alert, "updated", arena, &body, why));
    return note_announce(change->conn, tenant, STR("alert"), id, body, why);
}

enum err case_link_observables(
    const struct change *change, struct case_row *row, struct value observables, struct err_info *why)
{
    for (uint32_t i = 0; observables.type == VALUE_LIST && i < observables.size; i++) {
        struct observable_spec spec;
        bool is_added = false;
        TRY(observable_read(observables.items[i], i, &spec, why));
        TRY(observable_rows_add(change->conn, change->by->tenant, row->id, &spec, &is_added, why));
        row->observable_count += is_added;
    }
    return ERR_OK;
}

/* After something was added to or taken from a case: the row, the timeline, the stream. */
static enum err finish(const struct change *change, struct case_row *row, const struct note *note,
    struct id *ret_id, struct err_info *why)
{
    TRY(case_row_touch(change, row, why));
    TRY(note_write(change, note, ret_id, why));
    return case_row_announce(change, row, "updated", why);
}

static enum err get_case(const struct change *change, struct id id, struct arena *arena, struct case_row *ret,
    struct err_info *why)
{
    TRY(case_row_get(change->conn, change->by->tenant, id, arena, ret, why));
    return note_check_revision(change, ret->revision, why);
}

enum err case_comment(
    const struct change *change, struct id id, struct str text, struct id *ret_id, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct case_row row;
    struct id earlier;
    TRY(note_check_comment(text, why));
    TRY(case_row_get(change->conn, change->by->tenant, id, &arena, &row, why));
    TRY(note_find_key(change, &earlier, why));
    if (!id_is_none(earlier)) {
        *ret_id = earlier;
        return ERR_OK;
    }
    struct note note = { .subject_kind = STR("case"), .subject = id, .verb = STR("comment"), .text = text };
    return finish(change, &row, &note, ret_id, why);
}

static enum err id_map(struct arena *arena, struct id id, struct value *ret, struct err_info *why)
{
    struct value_map_builder map;
    value_map_begin(&map, arena);
    TRY(set_id(&map, "alert", id, why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

enum err case_add_alert(const struct change *change, struct id id, struct id alert, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct case_row row;
    bool is_added = false;
    struct note note = { .subject_kind = STR("case"), .subject = id, .verb = STR("add_alert") };
    TRY(get_case(change, id, &arena, &row, why));
    TRY(case_link_alert(change, &row, alert, &arena, &is_added, why));
    if (!is_added)
        return ERR_OK;
    TRY(id_map(&arena, alert, &note.after, why));
    return finish(change, &row, &note, NULL, why);
}

enum err case_remove_alert(const struct change *change, struct id id, struct id alert, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct case_row row;
    struct alert_row linked;
    int64_t tenant = change->by->tenant, changed = 0;
    struct note note = { .subject_kind = STR("case"), .subject = id, .verb = STR("remove_alert") };
    TRY(get_case(change, id, &arena, &row, why));
    TRY(alert_row_get(change->conn, tenant, alert, &arena, &linked, why));
    TRY(sql_run(change->conn, &link_delete, SQL_ARGS(arg_int(tenant), arg_id(&id), arg_int(linked.seq)),
        &changed, why));
    if (changed == 0)
        return ERR_OK;
    row.alert_count--;
    TRY(id_map(&arena, alert, &note.before, why));
    return finish(change, &row, &note, NULL, why);
}

enum err case_add_observable(const struct change *change, struct id id, struct str type, struct str value,
    struct str name, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct case_row row;
    bool is_added = false;
    struct observable_spec spec = { .value = value, .name = name };
    struct note note = { .subject_kind = STR("case"), .subject = id, .verb = STR("add_observable") };
    if (!observable_type_parse(type, &spec.type))
        return err_named(why, ERR_INVALID, "field",
            "type: '%.*s' is no kind of observable; such are ip, domain, url, hash, email, user",
            STR_ARG(type));
    TRY(observable_check(&spec, why));
    TRY(get_case(change, id, &arena, &row, why));
    TRY(observable_rows_add(change->conn, change->by->tenant, id, &spec, &is_added, why));
    if (!is_added)
        return ERR_OK;
    row.observable_count++;
    TRY(observable_value(&spec, &arena, &note.after, why));
    return finish(change, &row, &note, NULL, why);
}
