#include "engine/lease_rows.h"

#include "base/pack.h"

static const char *const names[LEASE_STATUS_COUNT] = {
    [LEASE_ACTIVE] = "active",
    [LEASE_ENDING] = "ending",
    [LEASE_ENDED] = "ended",
    [LEASE_FAILED] = "failed",
};

static const struct sql insert_lease = {
    "INSERT INTO engine_containments (tenant, id, run, run_id, step, action, connection, with_value, output, "
    "undo,"
    " undo_with, status, started, due) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, $12, $13)",
    NULL
};
static const struct sql find_lease = { "SELECT tenant, run_id, status, undo, connection, undo_with"
                                       " FROM engine_containments WHERE id = $1",
    NULL };
static const struct sql begin_end = { "UPDATE engine_containments SET status = 1, undo_run = $2, actor = $3"
                                      " WHERE id = $1 AND status IN (0, 3)",
    NULL };
static const struct sql end_lease = {
    "UPDATE engine_containments SET status = $2, ended = $3 WHERE id = $1 AND status = 1", NULL
};
static const struct sql due_leases = { "SELECT id, due FROM engine_containments"
                                       " WHERE due IS NOT NULL AND status = 0 AND due <= $1",
    NULL };

const char *lease_status_name(enum lease_status status)
{
    return status < LEASE_STATUS_COUNT ? names[status] : "unknown";
}

enum err lease_row_insert(struct store_conn *conn, int64_t tenant, int64_t run, struct id run_id,
    const struct lease_open *lease, struct err_info *why)
{
    AUTO(arena) struct arena scratch = { 0 };
    struct str with, output, undo_with;
    TRY(payload_put(conn, tenant, lease->with, &scratch, &with, why));
    TRY(payload_put(conn, tenant, lease->output, &scratch, &output, why));
    TRY(payload_put(conn, tenant, lease->undo_with, &scratch, &undo_with, why));
    return sql_run(conn, &insert_lease,
        SQL_ARGS(arg_int(tenant), arg_id(&lease->id), arg_int(run), arg_id(&run_id), arg_text(lease->step),
            arg_text(lease->action), arg_text(lease->connection), arg_bytes(with), arg_bytes(output),
            arg_text(lease->undo), arg_bytes(undo_with), arg_instant(store_commit_time(conn)),
            lease->due.us ? arg_instant(lease->due) : arg_null()),
        NULL, why);
}

enum err lease_row_find(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct lease_row *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &find_lease, SQL_ARGS(arg_id(&id)), why));
    if (!rows_next(&rows) || (tenant != 0 && rows_int(&rows, 0) != tenant)) {
        TRY(rows_end(&rows, why));
        return err_set(why, ERR_NOT_FOUND, "there is no containment %s", id_text(id).text);
    }
    struct lease_row row = { .tenant = rows_int(&rows, 0),
        .id = id,
        .run_id = rows_id(&rows, 1),
        .status = (enum lease_status)rows_int(&rows, 2) };
    struct str packed;
    TRY(arena_str(arena, rows_bytes(&rows, 3), &row.undo, why));
    TRY(arena_str(arena, rows_bytes(&rows, 4), &row.connection, why));
    TRY(payload_get(conn, row.tenant, rows_bytes(&rows, 5), arena, &packed, why));
    TRY(unpack_value(arena, packed, true, &row.undo_with, why));
    *ret = row;
    return ERR_OK;
}

enum err lease_row_begin_end(struct store_conn *conn, struct id id, struct id undo_run, struct str actor,
    bool *ret_changed, struct err_info *why)
{
    int64_t changed = 0;
    TRY(sql_run(conn, &begin_end, SQL_ARGS(arg_id(&id), arg_id(&undo_run), arg_text(actor)), &changed, why));
    *ret_changed = changed > 0;
    return ERR_OK;
}

enum err lease_row_end(struct store_conn *conn, struct id id, enum lease_status status, struct err_info *why)
{
    return sql_run(conn, &end_lease,
        SQL_ARGS(arg_id(&id), arg_int(status), arg_instant(store_commit_time(conn))), NULL, why);
}

enum err lease_rows_due(
    struct store_conn *conn, struct instant until, lease_each *each, void *context, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &due_leases, SQL_ARGS(arg_instant(until)), why));
    while (rows_next(&rows))
        TRY(each(context, rows_id(&rows, 0), rows_instant(&rows, 1), why));
    return rows_end(&rows, why);
}
