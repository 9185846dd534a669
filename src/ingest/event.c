/* Events as they are read back, and the proof that each ended somewhere. */
#include "ingest/event.h"

#include "base/text.h"
#include "cases/alert.h"
#include "cases/note.h"
#include "ingest/event_row.h"

#define FAULTS_MAX 100

/* Narrow rows for the lists, the raw bytes beside them. A list's filter is a range of one index, or one a
 * fate; `seq` is the place in it. */
const struct store_migration ingest_migrations[] = {
    { .module = "ingest",
        .number = 1,
        .name = "the ledger of events",
        .sqlite =
            "CREATE TABLE ingest_events (seq INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, id BLOB NOT NULL,"
            " alert_id BLOB, source TEXT NOT NULL, received INTEGER NOT NULL, fate INTEGER NOT NULL,"
            " flags INTEGER NOT NULL, run_count INTEGER NOT NULL, runs BLOB, content_type BLOB, detail BLOB)"
            " STRICT;"
            "CREATE TABLE ingest_raw (seq INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, body BLOB NOT NULL)"
            " STRICT;"
            "CREATE UNIQUE INDEX ingest_events_by_id ON ingest_events (tenant, id);"
            "CREATE INDEX ingest_events_by_fate ON ingest_events (tenant, fate, seq);"
            "CREATE INDEX ingest_events_by_source ON ingest_events (tenant, source, fate, seq);"
            "CREATE INDEX ingest_events_by_alert ON ingest_events (tenant, alert_id, fate, seq)"
            " WHERE alert_id IS NOT NULL;" },
    { .module = "ingest",
        .number = 2,
        .name = "suppression rules",
        .sqlite =
            "CREATE TABLE ingest_suppressions (seq INTEGER PRIMARY KEY AUTOINCREMENT, tenant INTEGER NOT "
            "NULL,"
            " id BLOB NOT NULL, name TEXT NOT NULL, source TEXT NOT NULL, condition BLOB NOT NULL,"
            " reason BLOB NOT NULL, owner BLOB NOT NULL, created INTEGER NOT NULL, expires INTEGER NOT NULL,"
            " ended INTEGER, ended_by BLOB) STRICT;"
            "CREATE UNIQUE INDEX ingest_suppressions_by_id ON ingest_suppressions (tenant, id);"
            "CREATE INDEX ingest_suppressions_active ON ingest_suppressions (expires) WHERE ended IS NULL;" },
    { .module = NULL },
};

static enum err set_raw(
    const struct event_row *row, struct str raw, struct value_map_builder *map, struct err_info *why)
{
    struct value event;
    TRY(event_row_parse(row, raw, map->arena, &event, why));
    TRY(value_map_set(map, "event", event, why));
    if (utf8_is_valid(raw))
        return value_map_set(map, "raw", value_string(raw), why);
    AUTO(buf) struct buf text = { 0 };
    struct str copy;
    base64_add(&text, raw);
    TRY(buf_check(&text, why));
    TRY(arena_str(map->arena, buf_str(&text), &copy, why));
    TRY(value_map_set(map, "raw", value_string(copy), why));
    return value_map_set(map, "raw_encoding", value_string(STR("base64")), why);
}

enum err event_show(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    struct event_row row;
    struct value_map_builder map;
    struct value alert = value_null();
    struct str raw;
    TRY(event_row_get(conn, tenant, id, arena, &row, why));
    TRY(event_row_raw(conn, &row, arena, &raw, why));
    value_map_begin(&map, arena);
    TRY(event_row_describe(&row, &map, why));
    TRY(set_raw(&row, raw, &map, why));
    if (!id_is_none(row.alert_id))
        TRY(alert_value(conn, tenant, row.alert_id, arena, &alert, why));
    TRY(value_map_set(&map, "alert", alert, why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

enum err event_value(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    struct event_row row;
    struct str raw;
    struct err_info own = { 0 };
    enum err found = event_row_get(conn, tenant, id, arena, &row, &own);
    if (found == ERR_OK)
        found = event_row_raw(conn, &row, arena, &raw, &own);
    if (found == ERR_NOT_FOUND) {
        *ret = value_null();
        return ERR_OK;
    }
    if (found != ERR_OK) {
        if (why)
            *why = own;
        return found;
    }
    return event_row_parse(&row, raw, arena, ret, why);
}

/* ---- the proof ---- */

static const struct sql count_fates = {
    "SELECT fate, count(*) FROM ingest_events WHERE tenant = $1 AND seq >= $2 GROUP BY fate", NULL
};
/* What a webhook brought becomes no alert. */
static const struct sql without_alert = {
    "SELECT e.id, e.source, e.received FROM ingest_events e WHERE e.tenant = $1 AND e.seq >= $2"
    " AND e.fate IN (0, 1, 2, 3) AND (e.alert_id IS NOT NULL OR e.source <> 'webhook') AND NOT EXISTS"
    " (SELECT 1 FROM cases_alerts a WHERE a.tenant = e.tenant AND a.id = e.alert_id) ORDER BY e.seq LIMIT $3",
    NULL
};
static const struct sql without_run = {
    "SELECT id, source, received FROM ingest_events WHERE tenant = $1 AND fate = 0 AND seq >= $2"
    " AND run_count = 0 ORDER BY seq LIMIT $3",
    NULL
};
static const struct sql without_fate = {
    "SELECT id, source, received FROM ingest_events WHERE tenant = $1 AND (fate < 0 OR fate > 4)"
    " AND seq >= $2 ORDER BY seq LIMIT $3",
    NULL
};

static enum err count_by_fate(struct store_conn *conn, int64_t tenant, struct instant since,
    struct value_map_builder *map, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    struct value_map_builder fates;
    int64_t total = 0;
    value_map_begin(&fates, map->arena);
    TRY(rows_open(&rows, conn, &count_fates, SQL_ARGS(arg_int(tenant), arg_instant(since)), why));
    while (rows_next(&rows)) {
        const char *name = intake_fate_name((enum intake_fate)rows_int(&rows, 0));
        total += rows_int(&rows, 1);
        TRY(value_map_set(&fates, name, value_int(rows_int(&rows, 1)), why));
    }
    TRY(rows_end(&rows, why));
    TRY(value_map_set(map, "events", value_int(total), why));
    return value_map_set(map, "fates", value_map_end(&fates), why);
}

struct faults {
    struct store_conn *conn;
    int64_t tenant;
    struct instant since;
    struct value_list_builder list;
};

static enum err add_faults(
    struct faults *faults, const struct sql *sql, const char *fault, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    struct arena *arena = faults->list.arena;
    TRY(rows_open(&rows, faults->conn, sql,
        SQL_ARGS(arg_int(faults->tenant), arg_instant(faults->since), arg_int(FAULTS_MAX)), why));
    while (faults->list.count < FAULTS_MAX && rows_next(&rows)) {
        struct value_map_builder item;
        struct str source;
        value_map_begin(&item, arena);
        TRY(arena_str(arena, rows_bytes(&rows, 1), &source, why));
        TRY(set_id(&item, "id", rows_id(&rows, 0), why));
        TRY(value_map_set(&item, "source", value_string(source), why));
        TRY(event_set_instant(&item, "received", rows_instant(&rows, 2), why));
        TRY(value_map_set(&item, "fault", value_string(str_of(fault)), why));
        TRY(value_list_add(&faults->list, value_map_end(&item), why));
    }
    return rows_end(&rows, why);
}

enum err event_audit(struct store_conn *conn, int64_t tenant, struct instant since, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    struct faults faults = { .conn = conn, .tenant = tenant, .since = since };
    struct value_map_builder map;
    value_map_begin(&map, arena);
    value_list_begin(&faults.list, arena);
    TRY(count_by_fate(conn, tenant, since, &map, why));
    TRY(add_faults(&faults, &without_fate, "the event has no known fate", why));
    TRY(add_faults(&faults, &without_alert, "the event's alert is missing", why));
    TRY(add_faults(&faults, &without_run, "the event says that it started a run, but names none", why));
    TRY(value_map_set(&map, "faults", value_list_end(&faults.list), why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

enum err events_trim(
    struct store_conn *conn, struct instant before, uint32_t limit, bool *ret_has_more, struct err_info *why)
{
    int64_t last;
    TRY(event_rows_oldest(conn, before, limit, &last, ret_has_more, why));
    return last == 0 ? ERR_OK : event_rows_delete(conn, last, why);
}
