/* Tasks and containments, as they are shown. */
#include "base/pack.h"
#include "engine/lease_rows.h"
#include "engine/task_rows.h"
#include "engine/view.h"

#define TASK_COLUMNS "id, run_id, kind, status, step, title, payload, created, expires, closed, actor, answer"

static const struct sql one_task = {
    "SELECT " TASK_COLUMNS " FROM engine_tasks WHERE tenant = $1 AND id = $2", NULL
};
static const struct sql tasks_of_run = {
    "SELECT " TASK_COLUMNS " FROM engine_tasks WHERE tenant = $1 AND run_id = $2 ORDER BY number", NULL
};
static const struct sql task_number = { "SELECT number FROM engine_tasks WHERE tenant = $1 AND id = $2",
    NULL };
static const struct sql lease_number = {
    "SELECT number FROM engine_containments WHERE tenant = $1 AND id = $2", NULL
};

static FALLIBLE unpacked(struct rows *rows, int64_t tenant, int column, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    struct str packed;
    *ret = value_null();
    if (rows_is_null(rows, column))
        return ERR_OK;
    TRY(payload_get(rows->conn, tenant, rows_bytes(rows, column), arena, &packed, why));
    return unpack_value(arena, packed, true, ret, why);
}

static FALLIBLE answer_bytes(struct rows *rows, struct arena *arena, struct value *ret, struct err_info *why)
{
    *ret = value_null();
    if (rows_is_null(rows, 11))
        return ERR_OK;
    return unpack_value(arena, rows_bytes(rows, 11), true, ret, why);
}

static FALLIBLE task_item(
    struct rows *rows, int64_t tenant, struct arena *arena, struct value *ret, struct err_info *why)
{
    static const char *const parts[] = { "show", "options", "form", "to", "via" };
    struct value_map_builder map = { 0 };
    struct value payload, answer;
    TRY(unpacked(rows, tenant, 6, arena, &payload, why));
    TRY(answer_bytes(rows, arena, &answer, why));
    value_map_begin(&map, arena);
    TRY(view_id(&map, "id", rows_id(rows, 0), arena, why));
    TRY(view_id(&map, "run_id", rows_id(rows, 1), arena, why));
    TRY(value_map_set(
        &map, "kind", value_string(str_of(task_kind_name((enum task_kind)rows_int(rows, 2)))), why));
    TRY(value_map_set(
        &map, "status", value_string(str_of(task_status_name((enum task_status)rows_int(rows, 3)))), why));
    TRY(view_text(&map, "step", rows_bytes(rows, 4), arena, why));
    TRY(view_text(&map, "title", rows_bytes(rows, 5), arena, why));
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        TRY(value_map_set(&map, parts[i], value_get(payload, str_of(parts[i])), why));
    struct value digest = value_get(payload, STR("digest"));
    if (!value_is(digest, VALUE_NULL))
        TRY(value_map_set(&map, "digest", digest, why));
    TRY(view_instant(&map, "created", rows_instant(rows, 7), arena, why));
    TRY(view_instant(&map, "expires", rows_instant(rows, 8), arena, why));
    TRY(view_instant(&map, "closed", rows_instant(rows, 9), arena, why));
    TRY(view_text(&map, "by", rows_bytes(rows, 10), arena, why));
    TRY(value_map_set(&map, "answer", answer, why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

enum err task_show(struct store_conn *conn, int64_t tenant, struct id task, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &one_task, SQL_ARGS(arg_int(tenant), arg_id(&task)), why));
    if (rows_next(&rows))
        return task_item(&rows, tenant, arena, ret, why);
    TRY(rows_end(&rows, why));
    return err_set(why, ERR_NOT_FOUND, "there is no task %s", id_text(task).text);
}

enum err task_rows_of_run(struct store_conn *conn, int64_t tenant, struct id run, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    struct value_list_builder items = { 0 };
    value_list_begin(&items, arena);
    TRY(rows_open(&rows, conn, &tasks_of_run, SQL_ARGS(arg_int(tenant), arg_id(&run)), why));
    while (rows_next(&rows)) {
        struct value item;
        TRY(task_item(&rows, tenant, arena, &item, why));
        TRY(value_list_add(&items, item, why));
    }
    *ret = value_list_end(&items);
    return rows_end(&rows, why);
}

static bool read_task_status(struct str word, int64_t *ret)
{
    for (int i = 0; i < TASK_STATUS_COUNT; i++) {
        if (str_equal(word, str_of(task_status_name((enum task_status)i)))) {
            *ret = i;
            return true;
        }
    }
    return false;
}

static bool read_lease_status(struct str word, int64_t *ret)
{
    for (int i = 0; i < LEASE_STATUS_COUNT; i++) {
        if (str_equal(word, str_of(lease_status_name((enum lease_status)i)))) {
            *ret = i;
            return true;
        }
    }
    return false;
}

struct listing {
    const char *select; /* up to "tenant = ?" */
    const char *since, *until; /* " AND column >= ?", " AND column < ?" */
    const struct sql *number;
    query_word *read_status;
    view_item *item;
};

static FALLIBLE number_after(struct store_conn *conn, const struct listing *listing,
    const struct list_query *query, struct query *sql, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    if (id_is_none(query->after))
        return ERR_OK;
    TRY(rows_open(
        &rows, conn, listing->number, SQL_ARGS(arg_int(query->tenant), arg_id(&query->after)), why));
    if (!rows_next(&rows)) {
        TRY(rows_end(&rows, why));
        return err_set(why, ERR_INVALID, "after: there is nothing of this id");
    }
    query_add(sql, " AND number < ?", arg_int(rows_int(&rows, 0)));
    return ERR_OK;
}

static FALLIBLE add_filters(struct store_conn *conn, const struct listing *listing,
    const struct list_query *query, struct query *sql, struct err_info *why)
{
    query_add(sql, listing->select, arg_int(query->tenant));
    TRY(number_after(conn, listing, query, sql, why));
    TRY(query_add_words(sql, "status", query->status, listing->read_status, why));
    if (!id_is_none(query->run_id))
        query_add(sql, " AND run_id = ?", arg_id(&query->run_id));
    if (query->since.us != 0)
        query_add(sql, listing->since, arg_instant(query->since));
    if (query->until.us != 0)
        query_add(sql, listing->until, arg_instant(query->until));
    query_add(sql, " ORDER BY number DESC LIMIT ?", arg_int(view_limit(query) + 1));
    return ERR_OK;
}

static FALLIBLE list_rows(struct store_conn *conn, const struct listing *listing,
    const struct list_query *query, struct arena *arena, struct value *ret_page, struct err_info *why)
{
    AUTO(query) struct query sql = { 0 };
    TRY(add_filters(conn, listing, query, &sql, why));
    return view_rows(conn, &sql, query, listing->item, arena, ret_page, why);
}

enum err task_list(struct store_conn *conn, const struct list_query *query, struct arena *arena,
    struct value *ret_page, struct err_info *why)
{
    static const struct listing listing = { "SELECT " TASK_COLUMNS " FROM engine_tasks WHERE tenant = ?",
        " AND created >= ?", " AND created < ?", &task_number, read_task_status, task_item };
    return list_rows(conn, &listing, query, arena, ret_page, why);
}

/* ---- containments ---- */

#define LEASE_COLUMNS \
    "id, run_id, step, action, connection, with_value, output, undo, status, started, due, ended, " \
    "undo_run, actor"

static FALLIBLE lease_item(
    struct rows *rows, int64_t tenant, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_map_builder map = { 0 };
    struct value with, output;
    TRY(unpacked(rows, tenant, 5, arena, &with, why));
    TRY(unpacked(rows, tenant, 6, arena, &output, why));
    value_map_begin(&map, arena);
    TRY(view_id(&map, "id", rows_id(rows, 0), arena, why));
    TRY(view_id(&map, "run_id", rows_id(rows, 1), arena, why));
    TRY(view_text(&map, "step", rows_bytes(rows, 2), arena, why));
    TRY(view_text(&map, "action", rows_bytes(rows, 3), arena, why));
    TRY(view_text(&map, "connection", rows_bytes(rows, 4), arena, why));
    TRY(value_map_set(&map, "with", with, why));
    TRY(value_map_set(&map, "output", output, why));
    TRY(view_text(&map, "undo", rows_bytes(rows, 7), arena, why));
    TRY(value_map_set(
        &map, "status", value_string(str_of(lease_status_name((enum lease_status)rows_int(rows, 8)))), why));
    TRY(view_instant(&map, "started", rows_instant(rows, 9), arena, why));
    TRY(view_instant(&map, "due", rows_instant(rows, 10), arena, why));
    TRY(view_instant(&map, "ended", rows_instant(rows, 11), arena, why));
    TRY(view_id(&map, "undo_run", rows_id(rows, 12), arena, why));
    TRY(view_text(&map, "by", rows_bytes(rows, 13), arena, why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

enum err containment_list(struct store_conn *conn, const struct list_query *query, struct arena *arena,
    struct value *ret_page, struct err_info *why)
{
    static const struct listing listing = { "SELECT " LEASE_COLUMNS
                                            " FROM engine_containments WHERE tenant = ?",
        " AND started >= ?", " AND started < ?", &lease_number, read_lease_status, lease_item };
    return list_rows(conn, &listing, query, arena, ret_page, why);
}
