/* Opening, updating and closing cases. */
#include "cases/case.h"

#include "base/limits.h"
#include "base/pack.h"
#include "cases/case_row.h"
#include "cases/fields.h"
#include "cases/note.h"

static const struct sql case_last = { "SELECT coalesce(max(seq), 0) FROM cases_cases", NULL };
static const struct sql number_next = {
    "INSERT INTO cases_numbers (tenant, last) VALUES ($1, 1)"
    " ON CONFLICT (tenant) DO UPDATE SET last = cases_numbers.last + 1 RETURNING last",
    NULL
};
static const struct sql case_by_key = { "SELECT id FROM cases_cases WHERE tenant = $1 AND key = $2", NULL };
static const struct sql case_insert = {
    "INSERT INTO cases_cases (seq, tenant, id, partition, number, status, severity, opened, updated, "
    "revision,"
    " alert_count, observable_count, phase, owner, key, title, tags, summary)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, 1, 0, 0, $9, $10, $11, $12, $13, $14)",
    NULL
};
static const struct sql case_set = {
    "UPDATE cases_cases SET status = $2, severity = $3, owner = $4, phase = $5, resolution = $6, title = $7,"
    " tags = $8, summary = $9, updated = $10, closed = $11, revision = $12 WHERE seq = $1",
    NULL
};

static enum err read_int(struct store_conn *conn, const struct sql *sql, const struct sql_arg *args,
    size_t arg_count, int64_t *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, sql, args, arg_count, why));
    int64_t number = rows_next(&rows) ? rows_int(&rows, 0) : 0;
    /* To the end, so that a statement that writes is done. */
    while (rows_next(&rows))
        continue;
    TRY(rows_end(&rows, why));
    *ret = number;
    return ERR_OK;
}

static struct sql_arg bytes_or_null(struct str bytes)
{
    return bytes.size > 0 ? arg_bytes(bytes) : arg_null();
}

static enum err pack_tags(struct value tags, struct arena *arena, struct str *ret, struct err_info *why)
{
    AUTO(buf) struct buf packed = { 0 };
    pack_value(&packed, tags);
    TRY(buf_check(&packed, why));
    return arena_str(arena, buf_str(&packed), ret, why);
}

/* ---- opening ---- */

static enum err find_by_key(const struct change *change, struct id *ret, struct err_info *why)
{
    *ret = ID_NONE;
    if (change->key.size == 0)
        return ERR_OK;
    if (change->key.size > CHANGE_KEY_BYTES_MAX)
        return err_named(why, ERR_LIMIT, "CHANGE_KEY_BYTES_MAX",
            "the idempotency key has %zu bytes, %d are the limit", change->key.size, CHANGE_KEY_BYTES_MAX);
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, change->conn, &case_by_key,
        SQL_ARGS(arg_int(change->by->tenant), arg_bytes(change->key)), why));
    if (rows_next(&rows))
        *ret = rows_id(&rows, 0);
    return rows_end(&rows, why);
}

static enum err insert_case(const struct change *change, const struct fields *fields, struct arena *arena,
    struct case_row *row, struct err_info *why)
{
    int64_t tenant = change->by->tenant, last = 0, number = 0;
    struct value tags;
    struct instant now = store_commit_time(change->conn);
    TRY(read_int(change->conn, &case_last, SQL_NO_ARGS, &last, why));
    TRY(read_int(change->conn, &number_next, SQL_ARGS(arg_int(tenant)), &number, why));
    TRY(fields_apply_tags(fields, value_null(), arena, &tags, why));
    *row = (struct case_row){
        .seq = now.us > last ? now.us : last + 1,
        .id = id_new(store_clock(change->conn), change->rand),
        .number = (uint64_t)number,
        .revision = 1,
        .status = CASE_OPEN,
        .severity = fields->severity,
        .opened = now,
        .updated = now,
        .phase = fields->given & FIELD_PHASE ? fields->phase : STR("triage"),
        .owner = fields->owner,
        .title = fields->title,
    };
    TRY(pack_tags(tags, arena, &row->packed_tags, why));
    TRY(payload_put(change->conn, tenant, fields->summary, arena, &row->stored_summary, why));
    return sql_run(change->conn, &case_insert,
        SQL_ARGS(arg_int(row->seq), arg_int(tenant), arg_id(&row->id),
            arg_int(store_partition(tenant, id_bytes(&row->id))), arg_int(number), arg_int(row->status),
            arg_int(row->severity), arg_instant(now), arg_text(row->phase), bytes_or_null(row->owner),
            bytes_or_null(change->key), arg_bytes(row->title), arg_bytes(row->packed_tags),
            arg_bytes(row->stored_summary)),
        NULL, why);
}

static enum err fill_case(const struct change *change, const struct fields *fields, struct arena *arena,
    struct case_row *row, struct err_info *why)
{
    for (uint32_t i = 0; i < fields->alert_count; i++) {
        bool is_added = false;
        TRY(case_link_alert(change, row, fields->alerts[i], arena, &is_added, why));
    }
    TRY(case_link_observables(change, row, fields->observables, why));
    if (row->alert_count == 0 && row->observable_count == 0)
        return ERR_OK;
    return case_row_touch(change, row, why);
}

enum err case_open(const struct change *change, struct value given, struct arena *arena, struct value *ret,
    struct err_info *why)
{
    struct fields fields;
    struct id earlier;
    struct case_row row;
    int64_t tenant = change->by->tenant;
    TRY(fields_read(given,
        FIELD_TITLE | FIELD_SEVERITY | FIELD_OWNER | FIELD_PHASE | FIELD_SUMMARY | FIELD_TAGS | FIELD_ALERTS |
            FIELD_OBSERVABLES,
        "case", arena, &fields, why));
    if (!(fields.given & FIELD_TITLE))
        return err_named(why, ERR_INVALID, "field", "title: a case needs one");
    TRY(find_by_key(change, &earlier, why));
    if (!id_is_none(earlier))
        return case_value(change->conn, tenant, earlier, arena, ret, why);
    /* The key stands on the case; the lines of its timeline need none. */
    struct change inner = *change;
    inner.key = (struct str){ 0 };
    TRY(insert_case(change, &fields, arena, &row, why));
    TRY(fill_case(&inner, &fields, arena, &row, why));
    TRY(case_row_value(change->conn, tenant, &row, arena, ret, why));
    struct note note = { .subject_kind = STR("case"), .subject = row.id, .verb = STR("open"), .after = *ret };
    TRY(note_write(&inner, &note, NULL, why));
    return case_row_announce(change, &row, "created", why);
}

/* ---- updating ---- */

static void move_status(struct case_row *row, enum case_status status, struct instant now)
{
    if (status == CASE_CLOSED && row->status != CASE_CLOSED)
        row->closed = now;
    if (status != CASE_CLOSED) {
        row->closed = (struct instant){ 0 };
        if (row->status == CASE_CLOSED)
            row->resolution = (struct str){ 0 }; /* opened again: the old word no longer holds */
    }
    row->status = status;
}

static enum err apply_status(
    struct case_row *row, const struct fields *fields, struct instant now, struct err_info *why)
{
    enum case_status status;
    if (!(fields->given & FIELD_STATUS))
        return ERR_OK;
    if (!case_status_parse(fields->status, &status))
        return err_named(why, ERR_INVALID, "field",
            "status: '%.*s' is none of open, in_progress, on_hold, closed", STR_ARG(fields->status));
    move_status(row, status, now);
    return ERR_OK;
}

static enum err apply_summary(const struct change *change, struct case_row *row, const struct fields *fields,
    struct arena *arena, struct difference *difference, struct err_info *why)
{
    struct str before;
    if (!(fields->given & FIELD_SUMMARY))
        return ERR_OK;
    int64_t tenant = change->by->tenant;
    TRY(payload_get(change->conn, tenant, row->stored_summary, arena, &before, why));
    TRY(difference_add(difference, "summary", value_string(before), value_string(fields->summary), why));
    return payload_put(change->conn, tenant, fields->summary, arena, &row->stored_summary, why);
}

static enum err apply_tags(struct case_row *row, const struct fields *fields, struct arena *arena,
    struct difference *difference, struct err_info *why)
{
    struct value before, after;
    if (!(fields->given & FIELD_TAGS))
        return ERR_OK;
    TRY(unpack_value(arena, row->packed_tags, false, &before, why));
    TRY(fields_apply_tags(fields, before, arena, &after, why));
    TRY(difference_add(difference, "tags", before, after, why));
    return pack_tags(after, arena, &row->packed_tags, why);
}

static struct value status_value(enum case_status status)
{
    return value_string(str_of(case_status_word(status)));
}

static enum err apply_fields(const struct change *change, struct case_row *row, const struct fields *fields,
    struct arena *arena, struct difference *difference, struct err_info *why)
{
    struct case_row was = *row;
    TRY(apply_status(row, fields, store_commit_time(change->conn), why));
    if (fields->given & FIELD_SEVERITY)
        row->severity = fields->severity;
    if (fields->given & FIELD_OWNER)
        row->owner = fields->owner;
    if (fields->given & FIELD_PHASE)
        row->phase = fields->phase;
    if (fields->given & FIELD_TITLE)
        row->title = fields->title;
    if (fields->given & FIELD_RESOLUTION)
        row->resolution = fields->resolution;
    TRY(difference_add(difference, "status", status_value(was.status), status_value(row->status), why));
    TRY(difference_add(difference, "severity_id", value_int(was.severity), value_int(row->severity), why));
    TRY(difference_add(difference, "owner", text_or_null(was.owner), text_or_null(row->owner), why));
    TRY(difference_add(difference, "phase", text_or_null(was.phase), text_or_null(row->phase), why));
    TRY(difference_add(difference, "title", text_or_null(was.title), text_or_null(row->title), why));
    TRY(difference_add(
        difference, "resolution", text_or_null(was.resolution), text_or_null(row->resolution), why));
    TRY(apply_summary(change, row, fields, arena, difference, why));
    return apply_tags(row, fields, arena, difference, why);
}

static enum err store_row(const struct change *change, struct case_row *row, struct err_info *why)
{
    row->revision++;
    row->updated = store_commit_time(change->conn);
    return sql_run(change->conn, &case_set,
        SQL_ARGS(arg_int(row->seq), arg_int(row->status), arg_int(row->severity), bytes_or_null(row->owner),
            arg_text(row->phase), row->resolution.size > 0 ? arg_text(row->resolution) : arg_null(),
            arg_bytes(row->title), arg_bytes(row->packed_tags), arg_bytes(row->stored_summary),
            arg_instant(row->updated), row->closed.us != 0 ? arg_instant(row->closed) : arg_null(),
            arg_int((int64_t)row->revision)),
        NULL, why);
}

static enum err change_case(const struct change *change, struct id id, const struct fields *fields,
    struct note note, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct case_row row;
    struct difference difference;
    int64_t tenant = change->by->tenant;
    difference_begin(&difference, arena);
    TRY(case_row_get(change->conn, tenant, id, arena, &row, why));
    TRY(note_check_revision(change, row.revision, why));
    bool was_closed = row.status == CASE_CLOSED;
    TRY(apply_fields(change, &row, fields, arena, &difference, why));
    note.before = value_map_end(&difference.before);
    note.after = value_map_end(&difference.after);
    if (note.after.size > 0) {
        TRY(store_row(change, &row, why));
        const char *what = row.status == CASE_CLOSED && !was_closed ? "closed" : "updated";
        TRY(case_row_announce(change, &row, what, why));
    } else {
        note.verb = STR("comment"); /* closed already: what was said still counts */
    }
    if (note.after.size > 0 || note.text.size > 0)
        TRY(note_write(change, &note, NULL, why));
    return case_row_value(change->conn, tenant, &row, arena, ret, why);
}

enum err case_update(const struct change *change, struct id id, struct value given, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    struct fields fields;
    TRY(fields_read(given,
        FIELD_TITLE | FIELD_SEVERITY | FIELD_STATUS | FIELD_OWNER | FIELD_PHASE | FIELD_SUMMARY | FIELD_TAGS |
            FIELD_RESOLUTION,
        "case", arena, &fields, why));
    struct note note = { .subject_kind = STR("case"), .subject = id, .verb = STR("update") };
    return change_case(change, id, &fields, note, arena, ret, why);
}

enum err case_close(const struct change *change, struct id id, struct str resolution, struct str comment,
    struct arena *arena, struct value *ret, struct err_info *why)
{
    TRY(resolution_check(resolution, why));
    if (comment.size > 0)
        TRY(note_check_comment(comment, why));
    struct fields fields = { .given = FIELD_STATUS, .status = STR("closed") };
    if (resolution.size > 0) {
        fields.given |= FIELD_RESOLUTION;
        fields.resolution = resolution;
    }
    struct note note = { .subject_kind = STR("case"), .subject = id, .verb = STR("close"), .text = comment };
    return change_case(change, id, &fields, note, arena, ret, why);
}
