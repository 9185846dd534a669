#include "ingest/suppression_row.h"

#include "base/limits.h"
#include "cases/list.h"
#include "cases/note.h"
#include "ingest/event_row.h"

#define COLUMNS \
    "seq, tenant, id, name, source, condition, reason, owner, ended_by, created, expires, coalesce(ended, " \
    "0)"
#define ACTIVE "ended IS NULL AND expires > $1"

static const struct sql insert_row = {
    "INSERT INTO ingest_suppressions (tenant, id, name, source, condition, reason, owner, created, expires)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    NULL
};
static const struct sql end_row = {
    "UPDATE ingest_suppressions SET ended = $2, ended_by = $3 WHERE seq = $1 AND ended IS NULL", NULL
};
static const struct sql by_id = { "SELECT " COLUMNS " FROM ingest_suppressions WHERE tenant = $1 AND id = $2",
    NULL };
static const struct sql active = {
    "SELECT " COLUMNS " FROM ingest_suppressions WHERE " ACTIVE " ORDER BY seq", NULL
};
static const struct sql count_active = {
    "SELECT count(*), coalesce(sum(tenant = $2 AND name = $3), 0) FROM ingest_suppressions WHERE " ACTIVE,
    NULL
};
static const struct sql page = {
    "SELECT " COLUMNS " FROM ingest_suppressions WHERE tenant = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3",
    NULL
};

enum err suppression_row_insert(
    struct store_conn *conn, const struct suppression_row *row, struct err_info *why)
{
    return sql_run(conn, &insert_row,
        SQL_ARGS(arg_int(row->tenant), arg_id(&row->id), arg_text(row->name), arg_text(row->source),
            arg_bytes(row->when), arg_bytes(row->reason), arg_bytes(row->owner), arg_instant(row->created),
            arg_instant(row->expires)),
        NULL, why);
}

enum err suppression_row_end(struct store_conn *conn, const struct suppression_row *row, struct err_info *why)
{
    return sql_run(conn, &end_row,
        SQL_ARGS(arg_int(row->seq), arg_instant(row->ended), arg_bytes(row->ended_by)), NULL, why);
}

static enum err read_row(
    struct rows *rows, struct arena *arena, struct suppression_row *ret, struct err_info *why)
{
    struct suppression_row row = { .seq = rows_int(rows, 0),
        .tenant = rows_int(rows, 1),
        .id = rows_id(rows, 2),
        .created = rows_instant(rows, 9),
        .expires = rows_instant(rows, 10),
        .ended = rows_instant(rows, 11) };
    TRY(arena_str(arena, rows_bytes(rows, 3), &row.name, why));
    TRY(arena_str(arena, rows_bytes(rows, 4), &row.source, why));
    TRY(arena_str(arena, rows_bytes(rows, 5), &row.when, why));
    TRY(arena_str(arena, rows_bytes(rows, 6), &row.reason, why));
    TRY(arena_str(arena, rows_bytes(rows, 7), &row.owner, why));
    TRY(arena_str(arena, rows_bytes(rows, 8), &row.ended_by, why));
    *ret = row;
    return ERR_OK;
}

enum err suppression_row_get(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct suppression_row *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &by_id, SQL_ARGS(arg_int(tenant), arg_id(&id)), why));
    bool found = rows_next(&rows);
    if (found)
        TRY(read_row(&rows, arena, ret, why));
    TRY(rows_end(&rows, why));
    return found ? ERR_OK : err_named(why, ERR_NOT_FOUND, "policy", "no policy %s", id_text(id).text);
}

enum err suppression_row_count(struct store_conn *conn, int64_t tenant, struct str name, struct instant now,
    bool *ret_has_name, uint32_t *ret_count, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(
        &rows, conn, &count_active, SQL_ARGS(arg_instant(now), arg_int(tenant), arg_text(name)), why));
    if (rows_next(&rows)) {
        *ret_count = (uint32_t)rows_int(&rows, 0);
        *ret_has_name = rows_int(&rows, 1) > 0;
    }
    return rows_end(&rows, why);
}

enum err suppression_rows_active(struct store_conn *conn, struct instant now, struct arena *arena,
    suppression_row_each *each, void *context, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &active, SQL_ARGS(arg_instant(now)), why));
    while (rows_next(&rows)) {
        struct suppression_row row;
        TRY(read_row(&rows, arena, &row, why));
        TRY(each(context, &row, why));
    }
    return rows_end(&rows, why);
}

/* ---- as values ---- */

static enum err set_time(
    struct value_map_builder *map, const char *name, struct instant at, struct err_info *why)
{
    if (at.us == 0)
        return value_map_set(map, name, value_null(), why);
    return event_set_instant(map, name, at, why);
}

enum err suppression_row_value(const struct suppression_row *row, struct instant now, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    const char *state = row->ended.us != 0 ? "ended" : row->expires.us <= now.us ? "expired" : "active";
    struct value_map_builder map;
    value_map_begin(&map, arena);
    TRY(value_map_set(&map, "kind", value_string(STR("suppression")), why));
    TRY(set_id(&map, "id", row->id, why));
    TRY(value_map_set(&map, "name", value_string(row->name), why));
    TRY(set_text(&map, "source", row->source, why));
    TRY(value_map_set(&map, "when", value_string(row->when), why));
    TRY(value_map_set(&map, "reason", value_string(row->reason), why));
    TRY(value_map_set(&map, "owner", value_string(row->owner), why));
    TRY(set_time(&map, "created", row->created, why));
    TRY(set_time(&map, "expires", row->expires, why));
    TRY(set_time(&map, "ended", row->ended, why));
    TRY(set_text(&map, "ended_by", row->ended_by, why));
    TRY(value_map_set(&map, "state", value_string(str_of(state)), why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

enum err suppression_show(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    struct suppression_row row;
    TRY(suppression_row_get(conn, tenant, id, arena, &row, why));
    return suppression_row_value(&row, clock_now(store_clock(conn)), arena, ret, why);
}

enum err suppression_list(struct store_conn *conn, int64_t tenant, struct id after, uint32_t limit,
    struct arena *arena, struct value *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    struct suppression_row row = { .seq = INT64_MAX };
    struct value_list_builder items;
    struct id next = ID_NONE;
    limit = limit == 0 ? LIST_LIMIT_DEFAULT : limit > LIST_LIMIT_MAX ? LIST_LIMIT_MAX : limit;
    if (!id_is_none(after))
        TRY(suppression_row_get(conn, tenant, after, arena, &row, why));
    value_list_begin(&items, arena);
    TRY(rows_open(&rows, conn, &page, SQL_ARGS(arg_int(tenant), arg_int(row.seq), arg_int(limit + 1)), why));
    while (rows_next(&rows)) {
        struct value item;
        if (items.count == limit) {
            next = row.id;
            break;
        }
        TRY(read_row(&rows, arena, &row, why));
        TRY(suppression_row_value(&row, clock_now(store_clock(conn)), arena, &item, why));
        TRY(value_list_add(&items, item, why));
    }
    TRY(rows_end(&rows, why));
    return list_page_value(&items, next, arena, ret, why);
}
