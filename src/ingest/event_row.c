#include "ingest/event_row.h"

#include "base/json.h"
#include "base/text.h"
#include "base/timetext.h"
#include "cases/note.h"

#define COLUMNS \
    "seq, tenant, id, alert_id, source, received, fate, flags, run_count, runs, content_type, detail"

static const struct sql last_seq = { "SELECT coalesce(max(seq), 0) FROM ingest_events", NULL };
static const struct sql insert_event = {
    "INSERT INTO ingest_events (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)", NULL
};
static const struct sql insert_raw = { "INSERT INTO ingest_raw (seq, tenant, body) VALUES ($1, $2, $3)",
    NULL };
static const struct sql event_by_id = { "SELECT " COLUMNS " FROM ingest_events WHERE tenant = $1 AND id = $2",
    NULL };
static const struct sql event_by_seq = { "SELECT " COLUMNS " FROM ingest_events WHERE seq = $1", NULL };
static const struct sql raw_by_seq = { "SELECT body FROM ingest_raw WHERE seq = $1", NULL };

/* ---- writing ---- */

static enum err next_seq(struct store_conn *conn, int64_t *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &last_seq, SQL_NO_ARGS, why));
    int64_t last = rows_next(&rows) ? rows_int(&rows, 0) : 0;
    TRY(rows_end(&rows, why));
    int64_t now = store_commit_time(conn).us;
    *ret = now > last ? now : last + 1;
    return ERR_OK;
}

static struct sql_arg bytes_or_null(struct str bytes)
{
    return bytes.size > 0 ? arg_bytes(bytes) : arg_null();
}

enum err event_row_insert(
    struct store_conn *conn, struct event_row *row, struct str raw, struct arena *arena, struct err_info *why)
{
    struct str stored;
    TRY(next_seq(conn, &row->seq, why));
    TRY(sql_run(conn, &insert_event,
        SQL_ARGS(arg_int(row->seq), arg_int(row->tenant), arg_id(&row->id), arg_id_or_null(&row->alert_id),
            arg_text(row->source), arg_instant(row->received), arg_int(row->fate), arg_int(row->flags),
            arg_int(row->run_count), bytes_or_null(row->runs), bytes_or_null(row->content_type),
            bytes_or_null(row->detail)),
        NULL, why));
    TRY(payload_put(conn, row->tenant, raw, arena, &stored, why));
    return sql_run(
        conn, &insert_raw, SQL_ARGS(arg_int(row->seq), arg_int(row->tenant), arg_bytes(stored)), NULL, why);
}

/* ---- forgetting ---- */

enum err event_rows_oldest(struct store_conn *conn, struct instant before, uint32_t limit, int64_t *ret_last,
    bool *ret_is_full, struct err_info *why)
{
    static const struct sql oldest = { "SELECT seq, received FROM ingest_events ORDER BY seq LIMIT $1",
        NULL };
    AUTO(rows) struct rows rows = { 0 };
    uint32_t count = 0;
    *ret_last = 0;
    TRY(rows_open(&rows, conn, &oldest, SQL_ARGS(arg_int(limit)), why));
    while (rows_next(&rows)) {
        if (rows_int(&rows, 1) >= before.us) /* those behind it came later */
            break;
        *ret_last = rows_int(&rows, 0);
        count++;
    }
    *ret_is_full = count == limit;
    return rows_end(&rows, why);
}

enum err event_rows_delete(struct store_conn *conn, int64_t last, struct err_info *why)
{
    static const struct sql forget_raw = { "DELETE FROM ingest_raw WHERE seq <= $1", NULL };
    static const struct sql forget_events = { "DELETE FROM ingest_events WHERE seq <= $1", NULL };
    TRY(sql_run(conn, &forget_raw, SQL_ARGS(arg_int(last)), NULL, why));
    return sql_run(conn, &forget_events, SQL_ARGS(arg_int(last)), NULL, why);
}

/* ---- reading ---- */

static enum err read_row(struct rows *rows, struct arena *arena, struct event_row *ret, struct err_info *why)
{
    struct event_row row = {
        .seq = rows_int(rows, 0),
        .tenant = rows_int(rows, 1),
        .id = rows_id(rows, 2),
        .alert_id = rows_id(rows, 3),
        .received = rows_instant(rows, 5),
        .fate = (enum intake_fate)rows_int(rows, 6),
        .flags = (unsigned)rows_int(rows, 7),
        .run_count = (uint32_t)rows_int(rows, 8),
    };
    TRY(arena_str(arena, rows_bytes(rows, 4), &row.source, why));
    TRY(arena_str(arena, rows_bytes(rows, 9), &row.runs, why));
    TRY(arena_str(arena, rows_bytes(rows, 10), &row.content_type, why));
    TRY(arena_str(arena, rows_bytes(rows, 11), &row.detail, why));
    *ret = row;
    return ERR_OK;
}

enum err event_row_get(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct event_row *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &event_by_id, SQL_ARGS(arg_int(tenant), arg_id(&id)), why));
    bool found = rows_next(&rows);
    if (found)
        TRY(read_row(&rows, arena, ret, why));
    TRY(rows_end(&rows, why));
    if (!found)
        return err_named(why, ERR_NOT_FOUND, "event", "no event %s", id_text(id).text);
    return ERR_OK;
}

enum err event_row_get_seq(
    struct store_conn *conn, int64_t seq, struct arena *arena, struct event_row *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &event_by_seq, SQL_ARGS(arg_int(seq)), why));
    bool found = rows_next(&rows);
    if (found)
        TRY(read_row(&rows, arena, ret, why));
    TRY(rows_end(&rows, why));
    return found ? ERR_OK : err_named(why, ERR_NOT_FOUND, "event", "no event of number %lld", (long long)seq);
}

enum err event_row_raw(struct store_conn *conn, const struct event_row *row, struct arena *arena,
    struct str *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    struct str stored;
    TRY(rows_open(&rows, conn, &raw_by_seq, SQL_ARGS(arg_int(row->seq)), why));
    if (!rows_next(&rows)) {
        TRY(rows_end(&rows, why));
        return err_named(
            why, ERR_NOT_FOUND, "event", "the bytes of event %s are gone", id_text(row->id).text);
    }
    TRY(arena_str(arena, rows_bytes(&rows, 0), &stored, why));
    TRY(rows_end(&rows, why));
    return payload_get(conn, row->tenant, stored, arena, ret, why);
}

enum err event_row_parse(
    const struct event_row *row, struct str raw, struct arena *arena, struct value *ret, struct err_info *why)
{
    static const struct json_options options = { .duplicates = JSON_DUPLICATES_LAST, .flags = VALUE_OUTSIDE };
    if (!(row->flags & EVENT_NO_JSON))
        return json_parse(arena, raw, &options, ret, why);
    *ret = utf8_is_valid(raw) ? value_string(raw) : value_bytes(raw);
    ret->flags = VALUE_OUTSIDE;
    return ERR_OK;
}

/* ---- as values ---- */

static enum err describe_runs(
    const struct event_row *row, struct value_map_builder *into, struct err_info *why)
{
    struct value_list_builder runs;
    value_list_begin(&runs, into->arena);
    for (size_t at = 0; at + sizeof(struct id) <= row->runs.size; at += sizeof(struct id)) {
        struct id run;
        struct value text;
        for (size_t i = 0; i < sizeof(run.bytes); i++)
            run.bytes[i] = (uint8_t)row->runs.data[at + i];
        TRY(id_value(into->arena, run, &text, why));
        TRY(value_list_add(&runs, text, why));
    }
    return value_map_set(into, "runs", value_list_end(&runs), why);
}

static enum err describe_flags(
    const struct event_row *row, struct value_map_builder *into, struct err_info *why)
{
    struct value_list_builder flags;
    value_list_begin(&flags, into->arena);
    if (row->flags & EVENT_DUPLICATE_KEYS)
        TRY(value_list_add(&flags, value_string(STR("duplicate_keys")), why));
    return value_map_set(into, "flags", value_list_end(&flags), why);
}

enum err event_set_instant(
    struct value_map_builder *into, const char *name, struct instant at, struct err_info *why)
{
    struct time_text text = instant_text(at);
    struct str copy;
    TRY(arena_str(into->arena, str_of(text.text), &copy, why));
    return value_map_set(into, name, value_string(copy), why);
}

enum err event_row_describe(const struct event_row *row, struct value_map_builder *into, struct err_info *why)
{
    TRY(set_id(into, "id", row->id, why));
    TRY(value_map_set(into, "source", value_string(row->source), why));
    TRY(event_set_instant(into, "received", row->received, why));
    TRY(set_text(into, "content_type", row->content_type, why));
    TRY(describe_flags(row, into, why));
    TRY(value_map_set(into, "fate", value_string(str_of(intake_fate_name(row->fate))), why));
    TRY(set_text(into, "fate_detail", row->detail, why));
    TRY(set_id(into, "alert_id", row->alert_id, why));
    return describe_runs(row, into, why);
}
