/* Lists of runs and of playbooks. */
#include "base/pack.h"
#include "engine/playbook_rows.h"
#include "engine/run_rows.h"
#include "engine/status.h"
#include "engine/undo.h"
#include "engine/view.h"

static const struct sql number_of = { "SELECT number FROM engine_runs WHERE id = $1 AND tenant = $2", NULL };
static const struct sql playbook_named = {
    "SELECT number FROM engine_playbooks WHERE tenant = $1 AND name = $2", NULL
};

static bool read_status(struct str word, int64_t *ret)
{
    enum run_status status;
    if (!run_status_parse(word, &status))
        return false;
    *ret = status;
    return true;
}

static FALLIBLE find_number(struct store_conn *conn, const struct sql *sql, const struct sql_arg *args,
    size_t arg_count, int64_t *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    *ret = -2; /* nothing has it */
    TRY(rows_open(&rows, conn, sql, args, arg_count, why));
    if (rows_next(&rows))
        *ret = rows_int(&rows, 0);
    return rows_end(&rows, why);
}

static FALLIBLE add_filters(
    struct store_conn *conn, const struct list_query *query, struct query *sql, struct err_info *why)
{
    int64_t number = 0;
    if (!id_is_none(query->after)) {
        TRY(find_number(
            conn, &number_of, SQL_ARGS(arg_id(&query->after), arg_int(query->tenant)), &number, why));
        if (number < 0)
            return err_set(why, ERR_INVALID, "after: there is no such run");
        query_add(sql, " AND r.number < ?", arg_int(number));
    }
    if (query->playbook.size > 0) {
        TRY(find_number(conn, &playbook_named, SQL_ARGS(arg_int(query->tenant), arg_text(query->playbook)),
            &number, why));
        query_add(sql, " AND r.playbook = ?", arg_int(number));
    }
    TRY(query_add_words(sql, "r.status", query->status, read_status, why));
    if (!id_is_none(query->alert_id))
        query_add(sql, " AND r.alert_id = ?", arg_id(&query->alert_id));
    if (!id_is_none(query->case_id))
        query_add(sql, " AND r.case_id = ?", arg_id(&query->case_id));
    if (!id_is_none(query->parent_id))
        query_add(sql, " AND r.parent_id = ?", arg_id(&query->parent_id));
    if (!id_is_none(query->run_id))
        query_add(sql, " AND r.id = ?", arg_id(&query->run_id));
    if (query->since.us != 0)
        query_add(sql, " AND r.created >= ?", arg_instant(query->since));
    if (query->until.us != 0)
        query_add(sql, " AND r.created < ?", arg_instant(query->until));
    return ERR_OK;
}

static FALLIBLE list_error(
    struct rows *rows, struct value_map_builder *map, struct arena *arena, struct err_info *why)
{
    struct value_map_builder error = { 0 };
    if (rows_is_null(rows, 11))
        return value_map_set(map, "error", value_null(), why);
    value_map_begin(&error, arena);
    TRY(view_text(&error, "code", rows_bytes(rows, 11), arena, why));
    TRY(view_text(&error, "message", rows_bytes(rows, 12), arena, why));
    return value_map_set(map, "error", value_map_end(&error), why);
}

static FALLIBLE list_item(
    struct rows *rows, int64_t tenant, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_map_builder map = { 0 };
    struct value output = value_null();
    bool is_undo = rows_int(rows, 1) == UNDO_PLAYBOOK_NUMBER;
    value_map_begin(&map, arena);
    TRY(view_id(&map, "id", rows_id(rows, 0), arena, why));
    TRY(view_text(&map, "playbook", is_undo ? UNDO_PLAYBOOK_NAME : rows_bytes(rows, 2), arena, why));
    TRY(value_map_set(&map, "version", value_int(rows_int(rows, 3)), why));
    TRY(value_map_set(
        &map, "status", value_string(str_of(run_status_name((enum run_status)rows_int(rows, 4)))), why));
    TRY(view_id(&map, "event_id", rows_id(rows, 7), arena, why));
    TRY(view_id(&map, "alert_id", rows_id(rows, 8), arena, why));
    TRY(view_id(&map, "case_id", rows_id(rows, 9), arena, why));
    TRY(view_id(&map, "parent", rows_id(rows, 10), arena, why));
    TRY(view_instant(&map, "started", rows_instant(rows, 5), arena, why));
    TRY(view_instant(&map, "ended", rows_instant(rows, 6), arena, why));
    if (!rows_is_null(rows, 13)) {
        struct str packed;
        TRY(payload_get(rows->conn, tenant, rows_bytes(rows, 13), arena, &packed, why));
        TRY(unpack_value(arena, packed, true, &output, why));
    }
    TRY(value_map_set(&map, "output", output, why));
    TRY(list_error(rows, &map, arena, why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

#define RUN_COLUMNS \
    "SELECT r.id, r.playbook, p.name, r.version, r.status, r.created, r.ended, r.event_id, r.alert_id, " \
    "r.case_id, r.parent_id, r.error_code, r.error_message, r.output FROM engine_runs r" \
    " LEFT JOIN engine_playbooks p ON p.number = r.playbook"

enum err run_brief(struct store_conn *conn, int64_t tenant, struct id run, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    static const struct sql one = { RUN_COLUMNS " WHERE r.id = $1 AND r.tenant = $2", NULL };
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &one, SQL_ARGS(arg_id(&run), arg_int(tenant)), why));
    if (rows_next(&rows))
        return list_item(&rows, tenant, arena, ret, why);
    TRY(rows_end(&rows, why));
    return err_set(why, ERR_NOT_FOUND, "there is no such run");
}

enum err run_list(struct store_conn *conn, const struct list_query *query, struct arena *arena,
    struct value *ret_page, struct err_info *why)
{
    AUTO(query) struct query sql = { 0 };
    query_add(&sql, RUN_COLUMNS " WHERE r.tenant = ?", arg_int(query->tenant));
    TRY(add_filters(conn, query, &sql, why));
    query_add(&sql, " ORDER BY r.number DESC LIMIT ?", arg_int(view_limit(query) + 1));
    return view_rows(conn, &sql, query, list_item, arena, ret_page, why);
}

/* ---- playbooks ---- */

static FALLIBLE playbook_item(struct rows *rows, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_map_builder map = { 0 };
    struct str packed;
    struct value about;
    TRY(payload_get(rows->conn, rows_int(rows, 5), rows_bytes(rows, 3), arena, &packed, why));
    TRY(unpack_value(arena, packed, true, &about, why));
    value_map_begin(&map, arena);
    TRY(view_text(&map, "name", rows_bytes(rows, 0), arena, why));
    TRY(value_map_set(&map, "version", value_int(rows_int(rows, 1)), why));
    TRY(value_map_set(&map, "enabled", value_bool(rows_int(rows, 2) != 0), why));
    static const char *const names[] = { "title", "description", "mode", "attack", "triggers", "inputs" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        TRY(value_map_set(&map, names[i], value_get(about, str_of(names[i])), why));
    TRY(view_instant(&map, "updated", rows_instant(rows, 4), arena, why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

/* By name; few enough to be shown at once. */
enum err playbook_list(struct store_conn *conn, const struct list_query *query, struct arena *arena,
    struct value *ret_page, struct err_info *why)
{
    static const struct sql all = {
        "SELECT p.name, p.version, p.is_enabled, v.about, p.updated, p.tenant FROM engine_playbooks p"
        " JOIN engine_playbook_versions v ON v.playbook = p.number AND v.version = p.version"
        " WHERE p.tenant = $1 ORDER BY p.name",
        NULL
    };
    AUTO(rows) struct rows rows = { 0 };
    struct value_list_builder items = { 0 };
    value_list_begin(&items, arena);
    TRY(rows_open(&rows, conn, &all, SQL_ARGS(arg_int(query->tenant)), why));
    while (rows_next(&rows)) {
        struct value item;
        if (query->playbook.size > 0 && !str_equal(query->playbook, rows_bytes(&rows, 0)))
            continue;
        TRY(playbook_item(&rows, arena, &item, why));
        TRY(value_list_add(&items, item, why));
    }
    TRY(rows_end(&rows, why));
    return view_page(value_list_end(&items), false, ID_NONE, arena, ret_page, why);
}
