#include "engine/follow_rows.h"

#include "base/limits.h"

static const struct sql find_followed = { "SELECT seq FROM engine_followed WHERE tenant = $1", NULL };
static const struct sql put_followed = { "INSERT INTO engine_followed (tenant, seq) VALUES ($1, $2)"
                                         " ON CONFLICT (tenant) DO UPDATE SET seq = excluded.seq",
    NULL };
static const struct sql clear_followed = { "DELETE FROM engine_followed", NULL };
static const struct sql insert_case_run = {
    "INSERT INTO engine_case_runs (tenant, seq, playbook, run_id) VALUES ($1, $2, $3, $4)"
    " ON CONFLICT DO NOTHING",
    NULL
};
static const struct sql find_case_run = { "SELECT 1 FROM engine_case_runs WHERE run_id = $1", NULL };
static const struct sql find_parent = { "SELECT parent_id FROM engine_runs WHERE id = $1 AND tenant = $2",
    NULL };

enum err followed_row_find(
    struct store_conn *conn, int64_t tenant, uint64_t *ret_seq, bool *ret_known, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &find_followed, SQL_ARGS(arg_int(tenant)), why));
    *ret_known = rows_next(&rows);
    if (*ret_known)
        *ret_seq = (uint64_t)rows_int(&rows, 0);
    return rows_end(&rows, why);
}

enum err followed_row_put(struct store_conn *conn, int64_t tenant, uint64_t seq, struct err_info *why)
{
    return sql_run(conn, &put_followed, SQL_ARGS(arg_int(tenant), arg_int((int64_t)seq)), NULL, why);
}

enum err followed_rows_clear(struct store_conn *conn, struct err_info *why)
{
    return sql_run(conn, &clear_followed, SQL_NO_ARGS, NULL, why);
}

enum err case_run_insert(struct store_conn *conn, int64_t tenant, uint64_t seq, int64_t playbook,
    struct id run, struct err_info *why)
{
    int64_t changed = 0;
    TRY(sql_run(conn, &insert_case_run,
        SQL_ARGS(arg_int(tenant), arg_int((int64_t)seq), arg_int(playbook), arg_id(&run)), &changed, why));
    return changed > 0 ? ERR_OK : err_set(why, ERR_CONFLICT, "this change has started the playbook already");
}

static FALLIBLE is_case_run(struct store_conn *conn, struct id run, bool *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &find_case_run, SQL_ARGS(arg_id(&run)), why));
    *ret = rows_next(&rows);
    return rows_end(&rows, why);
}

static FALLIBLE parent_of(
    struct store_conn *conn, int64_t tenant, struct id run, struct id *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &find_parent, SQL_ARGS(arg_id(&run), arg_int(tenant)), why));
    *ret = rows_next(&rows) ? rows_id(&rows, 0) : ID_NONE;
    return rows_end(&rows, why);
}

enum err case_run_is_above(
    struct store_conn *conn, int64_t tenant, struct id run, bool *ret, struct err_info *why)
{
    *ret = false;
    for (int depth = 0; depth <= RUN_DEPTH_MAX && !id_is_none(run) && !*ret; depth++) {
        TRY(is_case_run(conn, run, ret, why));
        TRY(parent_of(conn, tenant, run, &run, why));
    }
    return ERR_OK;
}
