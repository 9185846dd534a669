/* Alerts as they arrive and as they are read. */
#include "cases/alert.h"

#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/pack.h"
#include "base/text.h"
#include "cases/alert_row.h"
#include "cases/case.h"
#include "cases/note.h"

/* The windows that touch `seen`: events of several requests do not come in the order of their times. The plus
 * keeps SQLite from walking all alerts backwards for the order, which is what it takes a LIMIT for. */
static const struct sql alert_standing = {
    "SELECT " ALERT_COLUMNS " FROM cases_alerts a WHERE a.tenant = $1 AND a.bucket IN ($2, $3, $4)"
    " AND a.fingerprint = $5 AND a.first_seen > $6 AND a.first_seen < $7 ORDER BY a.bucket DESC, a.seq DESC "
    "LIMIT 1",
    NULL
};
static const struct sql alert_repeat = {
    "UPDATE cases_alerts SET count = count + 1, last_seen = $2 WHERE seq = $1", NULL
};
/* Apart, so that a repeat as severe as the first leaves the lists' indexes alone. */
static const struct sql alert_repeat_worse = {
    "UPDATE cases_alerts SET count = count + 1, last_seen = $2, severity = $3 WHERE seq = $1", NULL
};
static const struct sql alert_last = { "SELECT coalesce(max(seq), 0) FROM cases_alerts", NULL };
static const struct sql alert_insert = {
    "INSERT INTO cases_alerts (seq, tenant, id, partition, status, severity, source, first_seen, last_seen,"
    " count, bucket, fingerprint, event_id, revision, observable_count, title, tags)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, 1, $9, $10, $11, 1, 0, $12, $13)",
    NULL
};
static const struct sql body_insert = {
    "INSERT INTO cases_alert_bodies (seq, tenant, body) VALUES ($1, $2, $3)", NULL
};

static struct str fingerprint_str(const struct fingerprint *fingerprint)
{
    return (struct str){ (const char *)fingerprint->bytes, sizeof(fingerprint->bytes) };
}

/* ---- before the commit ---- */

static struct str title_of(struct value body)
{
    struct value title = value_path(body, STR("finding_info.title"));
    struct str text = title.type == VALUE_STRING ? value_str(title) : (struct str){ 0 };
    return utf8_cut(text, ALERT_TITLE_BYTES_MAX);
}

static struct alert_row row_of_new(const struct alert_new *arriving)
{
    return (struct alert_row){
        .id = arriving->id,
        .event_id = arriving->event_id,
        .status = arriving->status,
        .severity = arriving->severity,
        .source = arriving->source,
        .title = arriving->title,
        .first_seen = arriving->seen,
        .last_seen = arriving->seen,
        .count = 1,
        .revision = 1,
    };
}

static enum err pack_into(struct arena *arena, struct value v, struct str *ret, struct err_info *why)
{
    AUTO(buf) struct buf packed = { 0 };
    pack_value(&packed, v);
    TRY(buf_check(&packed, why));
    return arena_str(arena, buf_str(&packed), ret, why);
}

enum err alert_prepare(struct alert_new *arriving, struct arena *arena, struct err_info *why)
{
    AUTO(buf) struct buf json = { 0 };
    struct value announcement;
    arriving->title = title_of(arriving->body);
    TRY(pack_into(arena, arriving->body, &arriving->packed_body, why));
    TRY(pack_into(arena, arriving->tags, &arriving->packed_tags, why));
    struct alert_row row = row_of_new(arriving);
    TRY(alert_row_announcement(&row, "created", arena, &announcement, why));
    json_print(&json, announcement, 0);
    TRY(buf_check(&json, why));
    return arena_str(arena, buf_str(&json), &arriving->announcement, why);
}

enum err alert_value_of_new(
    const struct alert_new *arriving, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct alert_row row = row_of_new(arriving);
    return alert_row_value(&row, arriving->body, arriving->tags, value_null(), arena, ret, why);
}

/* ---- inside the commit ---- */

static int64_t bucket_of(const struct alert_new *arriving)
{
    int64_t bucket = arriving->seen.us / arriving->window_us;
    return arriving->seen.us % arriving->window_us < 0 ? bucket - 1 : bucket;
}

static enum err find_standing(struct store_conn *conn, const struct alert_new *arriving, struct arena *arena,
    struct alert_row *ret, bool *ret_found, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    int64_t bucket = bucket_of(arriving), seen = arriving->seen.us, window = arriving->window_us;
    int64_t since = seen < INT64_MIN + window ? INT64_MIN : seen - window;
    int64_t until = seen > INT64_MAX - window ? INT64_MAX : seen + window;
    TRY(rows_open(&rows, conn, &alert_standing,
        SQL_ARGS(arg_int(arriving->tenant), arg_int(bucket - 1), arg_int(bucket), arg_int(bucket + 1),
            arg_bytes(fingerprint_str(&arriving->fingerprint)), arg_int(since), arg_int(until)),
        why));
    *ret_found = rows_next(&rows);
    if (*ret_found)
        TRY(alert_row_read(&rows, arena, ret, why));
    return rows_end(&rows, why);
}

static enum err announce(struct store_conn *conn, int64_t tenant, const struct alert_row *row,
    const char *change, struct arena *arena, struct err_info *why)
{
    struct value body;
    TRY(alert_row_announcement(row, change, arena, &body, why));
    return note_announce(conn, tenant, STR("alert"), row->id, body, why);
}

static enum err merge(struct store_conn *conn, const struct alert_new *arriving, struct alert_row *standing,
    struct arena *arena, struct err_info *why)
{
    if (arriving->seen.us > standing->last_seen.us)
        standing->last_seen = arriving->seen;
    standing->count++;
    if (arriving->severity > standing->severity) {
        standing->severity = arriving->severity;
        TRY(sql_run(conn, &alert_repeat_worse,
            SQL_ARGS(arg_int(standing->seq), arg_instant(standing->last_seen), arg_int(standing->severity)),
            NULL, why));
    } else {
        TRY(sql_run(conn, &alert_repeat, SQL_ARGS(arg_int(standing->seq), arg_instant(standing->last_seen)),
            NULL, why));
    }
    return announce(conn, arriving->tenant, standing, "merged", arena, why);
}

static enum err next_seq(struct store_conn *conn, int64_t *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &alert_last, SQL_NO_ARGS, why));
    int64_t last = rows_next(&rows) ? rows_int(&rows, 0) : 0;
    TRY(rows_end(&rows, why));
    int64_t now = store_commit_time(conn).us;
    *ret = now > last ? now : last + 1;
    return ERR_OK;
}

static enum err insert(
    struct store_conn *conn, const struct alert_new *arriving, struct arena *arena, struct err_info *why)
{
    int64_t seq = 0;
    struct str body;
    uint32_t partition = store_partition(arriving->tenant, fingerprint_str(&arriving->fingerprint));
    TRY(next_seq(conn, &seq, why));
    TRY(sql_run(conn, &alert_insert,
        SQL_ARGS(arg_int(seq), arg_int(arriving->tenant), arg_id(&arriving->id), arg_int(partition),
            arg_int(arriving->status), arg_int(arriving->severity), arg_text(arriving->source),
            arg_instant(arriving->seen), arriving->window_us > 0 ? arg_int(bucket_of(arriving)) : arg_null(),
            arg_bytes(fingerprint_str(&arriving->fingerprint)), arg_id(&arriving->event_id),
            arg_bytes(arriving->title), arg_bytes(arriving->packed_tags)),
        NULL, why));
    TRY(payload_put(conn, arriving->tenant, arriving->packed_body, arena, &body, why));
    TRY(sql_run(
        conn, &body_insert, SQL_ARGS(arg_int(seq), arg_int(arriving->tenant), arg_bytes(body)), NULL, why));
    struct outbox_entry entry = { .tenant = arriving->tenant,
        .topic = STR("alert"),
        .subject = arriving->id,
        .body = arriving->announcement };
    return outbox_add(conn, &entry, NULL, why);
}

enum err alert_arrive(struct store_conn *conn, const struct alert_new *arriving, struct arena *arena,
    struct alert_arrival *ret, struct err_info *why)
{
    struct alert_row standing = { 0 };
    bool is_repeat = false;
    if (arriving->window_us > 0)
        TRY(find_standing(conn, arriving, arena, &standing, &is_repeat, why));
    if (is_repeat)
        TRY(merge(conn, arriving, &standing, arena, why));
    else
        TRY(insert(conn, arriving, arena, why));
    *ret = (struct alert_arrival){
        .is_merged = is_repeat,
        .id = is_repeat ? standing.id : arriving->id,
        .count = is_repeat ? standing.count : 1,
    };
    return ERR_OK;
}

/* ---- reading ---- */

static const struct sql alert_cases = {
    "SELECT c.id, c.number, c.title, c.status FROM cases_links l"
    " JOIN cases_cases c ON c.seq = l.case_seq WHERE l.tenant = $1 AND l.alert_seq = $2 ORDER BY l.case_seq",
    NULL
};

enum err alert_value(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    struct alert_row row;
    enum err found = alert_row_get(conn, tenant, id, arena, &row, why);
    if (found == ERR_NOT_FOUND) {
        *ret = value_null();
        return ERR_OK;
    }
    TRY(found);
    return alert_row_load_value(conn, tenant, &row, arena, ret, why);
}

static enum err read_cases(struct store_conn *conn, int64_t tenant, int64_t seq, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    struct value_list_builder list;
    value_list_begin(&list, arena);
    TRY(rows_open(&rows, conn, &alert_cases, SQL_ARGS(arg_int(tenant), arg_int(seq)), why));
    while (rows_next(&rows)) {
        struct value_map_builder map;
        struct str title;
        value_map_begin(&map, arena);
        TRY(arena_str(arena, rows_bytes(&rows, 2), &title, why));
        TRY(set_id(&map, "id", rows_id(&rows, 0), why));
        TRY(value_map_set(&map, "number", value_int(rows_int(&rows, 1)), why));
        TRY(value_map_set(&map, "title", value_string(title), why));
        const char *status = case_status_word((enum case_status)rows_int(&rows, 3));
        TRY(value_map_set(&map, "status", value_string(str_of(status)), why));
        TRY(value_list_add(&list, value_map_end(&map), why));
    }
    TRY(rows_end(&rows, why));
    *ret = value_list_end(&list);
    return ERR_OK;
}

enum err alert_show(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    struct alert_row row;
    struct value alert, cases, activity;
    TRY(alert_row_get(conn, tenant, id, arena, &row, why));
    TRY(alert_row_load_value(conn, tenant, &row, arena, &alert, why));
    TRY(read_cases(conn, tenant, row.seq, arena, &cases, why));
    TRY(note_list(conn, tenant, id, arena, &activity, why));
    TRY(value_map_with(arena, alert, value_string(STR("cases")), cases, &alert, why));
    return value_map_with(arena, alert, value_string(STR("activity")), activity, ret, why);
}
