#include "engine/run_trim.h"

#include "engine/run_rows.h"
#include "engine/status.h"

/* Rows that one call looks at: runs are numbered in the order in which they were made, and old ones that
 * still wait stand before those that may go. */
#define SCAN_ROWS_MAX 20000

struct old_run {
    int64_t number;
    struct id id;
};

static const struct sql oldest_runs = {
    "SELECT number, id, status, created, ended FROM engine_runs ORDER BY number LIMIT $1", NULL
};
static const struct sql standing = {
    "SELECT 1 FROM engine_containments WHERE run_id = $1 AND status <> 2 LIMIT 1", NULL
};
static const struct sql forget_tasks = { "DELETE FROM engine_tasks WHERE run_id = $1", NULL };
static const struct sql forget_containments = { "DELETE FROM engine_containments WHERE run_id = $1", NULL };
static const struct sql forget_case = { "DELETE FROM engine_case_runs WHERE run_id = $1", NULL };
static const struct sql forget_run = { "DELETE FROM engine_runs WHERE number = $1", NULL };

static FALLIBLE find_old(struct store_conn *conn, struct instant before, uint32_t limit,
    struct old_run *found, uint32_t *ret_count, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    *ret_count = 0;
    TRY(rows_open(&rows, conn, &oldest_runs, SQL_ARGS(arg_int(SCAN_ROWS_MAX)), why));
    while (*ret_count < limit && rows_next(&rows)) {
        if (rows_int(&rows, 3) >= before.us)
            break; /* those behind it are younger */
        if (run_status_is_end((enum run_status)rows_int(&rows, 2)) && rows_int(&rows, 4) < before.us)
            found[(*ret_count)++] = (struct old_run){ rows_int(&rows, 0), rows_id(&rows, 1) };
    }
    return *ret_count == limit ? ERR_OK : rows_end(&rows, why);
}

static FALLIBLE has_standing(struct store_conn *conn, struct id run, bool *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &standing, SQL_ARGS(arg_id(&run)), why));
    *ret = rows_next(&rows);
    return *ret ? ERR_OK : rows_end(&rows, why);
}

static FALLIBLE forget(
    struct store_conn *conn, const struct old_run *run, uint32_t *forgotten, struct err_info *why)
{
    bool stands = false;
    TRY(has_standing(conn, run->id, &stands, why));
    if (stands)
        return ERR_OK;
    (*forgotten)++;
    TRY(journal_rows_delete(conn, run->number, why));
    TRY(sql_run(conn, &forget_tasks, SQL_ARGS(arg_id(&run->id)), NULL, why));
    TRY(sql_run(conn, &forget_containments, SQL_ARGS(arg_id(&run->id)), NULL, why));
    TRY(sql_run(conn, &forget_case, SQL_ARGS(arg_id(&run->id)), NULL, why));
    return sql_run(conn, &forget_run, SQL_ARGS(arg_int(run->number)), NULL, why);
}

enum err runs_trim(
    struct store_conn *conn, struct instant before, uint32_t limit, bool *ret_has_more, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct old_run *found = ARENA_ARRAY(&arena, limit, struct old_run);
    uint32_t count = 0, forgotten = 0;
    *ret_has_more = false;
    if (!found)
        return err_memory(why);
    TRY(find_old(conn, before, limit, found, &count, why));
    for (uint32_t i = 0; i < count; i++)
        TRY(forget(conn, &found[i], &forgotten, why));
    *ret_has_more = count == limit && forgotten > 0;
    return ERR_OK;
}
