/* What people and playbooks do to alerts. */
#include "base/limits.h"
#include "base/pack.h"
#include "cases/alert_row.h"
#include "cases/fields.h"
#include "cases/note.h"
#include "cases/observable_row.h"

static const struct sql alert_set = {
    "UPDATE cases_alerts SET status = $2, severity = $3, owner = $4, resolution = $5, tags = $6,"
    " revision = revision + 1 WHERE seq = $1",
    NULL
};
static const struct sql alert_observed = { "UPDATE cases_alerts SET observable_count = observable_count + "
                                           "$2, revision = revision + 1 WHERE seq = $1",
    NULL };

static struct value status_value(enum alert_status status)
{
    return value_string(str_of(alert_status_word(status)));
}

static enum err parse_status(struct str text, enum alert_status *ret, struct err_info *why)
{
    if (alert_status_parse(text, ret))
        return ERR_OK;
    return err_named(why, ERR_INVALID, "field",
        "status: '%.*s' is none of new, in_progress, suppressed, resolved, archived", STR_ARG(text));
}

/* Applies the fields to the row, noting the differences. */
static enum err apply_fields(struct alert_row *row, const struct fields *fields, struct arena *arena,
    struct difference *difference, struct err_info *why)
{
    struct alert_row was = *row;
    if (fields->given & FIELD_STATUS)
        TRY(parse_status(fields->status, &row->status, why));
    if (fields->given & FIELD_SEVERITY)
        row->severity = fields->severity;
    if (fields->given & FIELD_OWNER)
        row->owner = fields->owner;
    if (fields->given & FIELD_RESOLUTION)
        row->resolution = fields->resolution;
    TRY(difference_add(difference, "status", status_value(was.status), status_value(row->status), why));
    TRY(difference_add(difference, "severity_id", value_int(was.severity), value_int(row->severity), why));
    TRY(difference_add(difference, "owner", text_or_null(was.owner), text_or_null(row->owner), why));
    TRY(difference_add(
        difference, "resolution", text_or_null(was.resolution), text_or_null(row->resolution), why));
    if (!(fields->given & FIELD_TAGS))
        return ERR_OK;
    struct value before, after;
    AUTO(buf) struct buf packed = { 0 };
    TRY(unpack_value(arena, row->packed_tags, false, &before, why));
    TRY(fields_apply_tags(fields, before, arena, &after, why));
    TRY(difference_add(difference, "tags", before, after, why));
    pack_value(&packed, after);
    TRY(buf_check(&packed, why));
    return arena_str(arena, buf_str(&packed), &row->packed_tags, why);
}

static enum err store_row(
    const struct change *change, struct alert_row *row, struct arena *arena, struct err_info *why)
{
    TRY(sql_run(change->conn, &alert_set,
        SQL_ARGS(arg_int(row->seq), arg_int(row->status), arg_int(row->severity),
            row->owner.size > 0 ? arg_bytes(row->owner) : arg_null(),
            row->resolution.size > 0 ? arg_text(row->resolution) : arg_null(), arg_bytes(row->packed_tags)),
        NULL, why));
    row->revision++;
    struct value body;
    TRY(alert_row_announcement(row, "updated", arena, &body, why));
    return note_announce(change->conn, change->by->tenant, STR("alert"), row->id, body, why);
}

static enum err change_alert(const struct change *change, struct id id, const struct fields *fields,
    struct note note, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct alert_row row;
    struct difference difference;
    int64_t tenant = change->by->tenant;
    difference_begin(&difference, arena);
    TRY(alert_row_get(change->conn, tenant, id, arena, &row, why));
    TRY(note_check_revision(change, row.revision, why));
    TRY(apply_fields(&row, fields, arena, &difference, why));
    note.before = value_map_end(&difference.before);
    note.after = value_map_end(&difference.after);
    if (note.after.size > 0)
        TRY(store_row(change, &row, arena, why));
    else
        note.verb = STR("comment"); /* closed already: what was said still counts */
    if (note.after.size > 0 || note.text.size > 0)
        TRY(note_write(change, &note, NULL, why));
    return alert_row_load_value(change->conn, tenant, &row, arena, ret, why);
}

enum err alert_update(const struct change *change, struct id id, struct value given, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    struct fields fields;
    TRY(fields_read(given, FIELD_STATUS | FIELD_SEVERITY | FIELD_OWNER | FIELD_TAGS | FIELD_RESOLUTION,
        "alert", arena, &fields, why));
    struct note note = { .subject_kind = STR("alert"), .subject = id, .verb = STR("update") };
    return change_alert(change, id, &fields, note, arena, ret, why);
}

enum err alert_close(const struct change *change, struct id id, struct str resolution, struct str comment,
    struct arena *arena, struct value *ret, struct err_info *why)
{
    TRY(resolution_check(resolution, why));
    if (comment.size > 0)
        TRY(note_check_comment(comment, why));
    struct fields fields = { .given = FIELD_STATUS, .status = STR("resolved") };
    if (resolution.size > 0) {
        fields.given |= FIELD_RESOLUTION;
        fields.resolution = resolution;
    }
    struct note note = { .subject_kind = STR("alert"), .subject = id, .verb = STR("close"), .text = comment };
    return change_alert(change, id, &fields, note, arena, ret, why);
}

enum err alert_comment(
    const struct change *change, struct id id, struct str text, struct id *ret_id, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct alert_row row;
    struct id earlier;
    TRY(note_check_comment(text, why));
    TRY(alert_row_get(change->conn, change->by->tenant, id, &arena, &row, why));
    TRY(note_find_key(change, &earlier, why));
    if (!id_is_none(earlier)) {
        *ret_id = earlier;
        return ERR_OK;
    }
    struct note note = { .subject_kind = STR("alert"), .subject = id, .verb = STR("comment"), .text = text };
    TRY(note_write(change, &note, ret_id, why));
    struct value body;
    TRY(alert_row_announcement(&row, "commented", &arena, &body, why));
    return note_announce(change->conn, change->by->tenant, STR("alert"), id, body, why);
}

/* ---- observables ---- */

static bool body_has(struct value observables, const struct observable_spec *spec)
{
    for (uint32_t i = 0; observables.type == VALUE_LIST && i < observables.size; i++) {
        struct value type = value_get(observables.items[i], STR("type_id"));
        if (type.type == VALUE_INT && type.integer == (int64_t)spec->type &&
            value_is_text(value_get(observables.items[i], STR("value")), spec->value))
            return true;
    }
    return false;
}

static enum err add_observables(const struct change *change, const struct alert_row *row, struct value now,
    struct value given, struct value_list_builder *added, struct err_info *why)
{
    for (uint32_t i = 0; i < given.size; i++) {
        struct observable_spec spec;
        struct value item;
        bool is_added = false;
        TRY(observable_read(given.items[i], i, &spec, why));
        if (body_has(now, &spec))
            continue;
        TRY(observable_rows_add(change->conn, change->by->tenant, row->id, &spec, &is_added, why));
        if (!is_added)
            continue;
        TRY(observable_value(&spec, added->arena, &item, why));
        TRY(value_list_add(added, item, why));
    }
    return ERR_OK;
}

enum err alert_add_observables(const struct change *change, struct id id, struct value observables,
    struct arena *arena, struct value *ret, struct err_info *why)
{
    struct alert_row row;
    struct value alert;
    struct value_list_builder added;
    int64_t tenant = change->by->tenant;
    if (observables.type != VALUE_LIST)
        return err_named(why, ERR_INVALID, "field", "observables: a list is needed, not %s",
            value_type_name(observables.type));
    TRY(alert_row_get(change->conn, tenant, id, arena, &row, why));
    TRY(note_check_revision(change, row.revision, why));
    TRY(alert_row_load_value(change->conn, tenant, &row, arena, &alert, why));
    value_list_begin(&added, arena);
    TRY(add_observables(change, &row, value_get(alert, STR("observables")), observables, &added, why));
    struct note note = { .subject_kind = STR("alert"),
        .subject = id,
        .verb = STR("add_observables"),
        .after = value_list_end(&added) };
    if (note.after.size == 0) {
        *ret = alert;
        return ERR_OK;
    }
    TRY(sql_run(
        change->conn, &alert_observed, SQL_ARGS(arg_int(row.seq), arg_int(note.after.size)), NULL, why));
    TRY(note_write(change, &note, NULL, why));
    row.revision++;
    row.observable_count += note.after.size;
    struct value body;
    TRY(alert_row_announcement(&row, "updated", arena, &body, why));
    TRY(note_announce(change->conn, tenant, STR("alert"), id, body, why));
    return alert_row_load_value(change->conn, tenant, &row, arena, ret, why);
}
