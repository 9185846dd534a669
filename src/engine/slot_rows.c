#include "engine/slot_rows.h"

/* is_held: 0 waits, 1 holds a place, 2 holds it and was told to end, 3 waited and was told to end. */

static const struct sql count_held = { "SELECT count(*) FROM engine_slots WHERE tenant = $1 AND playbook = $2"
                                       " AND key = $3 AND is_held IN (1, 2)",
    NULL };
static const struct sql insert_slot = {
    "INSERT INTO engine_slots (tenant, playbook, key, run, run_id, partition,"
    " is_held) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    NULL
};
static const struct sql find_slot = {
    "SELECT tenant, playbook, key, is_held FROM engine_slots WHERE run = $1", NULL
};
static const struct sql delete_slot = { "DELETE FROM engine_slots WHERE run = $1", NULL };
static const struct sql first_waiting = {
    "SELECT run, run_id FROM engine_slots WHERE tenant = $1 AND playbook = $2"
    " AND key = $3 AND is_held = 0 ORDER BY run LIMIT 1",
    NULL
};
static const struct sql hold_slot = { "UPDATE engine_slots SET is_held = 1 WHERE run = $1", NULL };
static const struct sql older = {
    "SELECT run, run_id, is_held FROM engine_slots WHERE tenant = $1 AND playbook = $2"
    " AND key = $3 AND run <> $4 AND is_held IN (0, 1) ORDER BY is_held, run",
    NULL
};
static const struct sql tell_slot = { "UPDATE engine_slots SET is_held = is_held + $2 WHERE run = $1", NULL };

enum run_status status_of_admission(enum admission admission)
{
    return admission == ADMITTED ? RUN_RUNNING : admission == ADMISSION_QUEUED ? RUN_QUEUED : RUN_CANCELLED;
}

enum err slot_is_free(
    struct store_conn *conn, const struct slot *slot, uint32_t max, bool *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &count_held,
        SQL_ARGS(arg_int(slot->tenant), arg_int(slot->playbook), arg_bytes(slot->key)), why));
    if (rows_next(&rows))
        *ret = rows_int(&rows, 0) < (int64_t)max;
    return rows_end(&rows, why);
}

enum err slot_take(struct store_conn *conn, const struct slot *slot, uint32_t max, enum when_full when_full,
    enum admission *ret, struct err_info *why)
{
    bool is_free = false;
    TRY(slot_is_free(conn, slot, max, &is_free, why));
    *ret = is_free ? ADMITTED : when_full == WHEN_FULL_SKIP ? ADMISSION_SKIPPED : ADMISSION_QUEUED;
    if (*ret == ADMISSION_SKIPPED)
        return ERR_OK;
    return sql_run(conn, &insert_slot,
        SQL_ARGS(arg_int(slot->tenant), arg_int(slot->playbook), arg_bytes(slot->key), arg_int(slot->run),
            arg_id(&slot->run_id), arg_int(store_partition(slot->tenant, slot->key)), arg_int(is_free)),
        NULL, why);
}

static FALLIBLE slot_next(struct store_conn *conn, const struct slot *slot, int64_t *ret_next,
    struct id *ret_next_id, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &first_waiting,
        SQL_ARGS(arg_int(slot->tenant), arg_int(slot->playbook), arg_bytes(slot->key)), why));
    if (rows_next(&rows)) {
        *ret_next = rows_int(&rows, 0);
        *ret_next_id = rows_id(&rows, 1);
    }
    TRY(rows_end(&rows, why));
    return *ret_next == 0 ? ERR_OK : sql_run(conn, &hold_slot, SQL_ARGS(arg_int(*ret_next)), NULL, why);
}

enum err slot_release(
    struct store_conn *conn, int64_t run, int64_t *ret_next, struct id *ret_next_id, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    AUTO(arena) struct arena arena = { 0 };
    struct slot slot = { 0 };
    bool was_held = false;
    *ret_next = 0;
    *ret_next_id = ID_NONE;
    TRY(rows_open(&rows, conn, &find_slot, SQL_ARGS(arg_int(run)), why));
    if (!rows_next(&rows))
        return rows_end(&rows, why);
    slot.tenant = rows_int(&rows, 0);
    slot.playbook = rows_int(&rows, 1);
    TRY(arena_str(&arena, rows_bytes(&rows, 2), &slot.key, why));
    was_held = rows_int(&rows, 3) == 1 || rows_int(&rows, 3) == 2;
    rows_cleanup(&rows);
    TRY(sql_run(conn, &delete_slot, SQL_ARGS(arg_int(run)), NULL, why));
    return was_held ? slot_next(conn, &slot, ret_next, ret_next_id, why) : ERR_OK;
}

static FALLIBLE tell_to_end(struct store_conn *conn, int64_t run, bool is_held, struct err_info *why)
{
    return sql_run(conn, &tell_slot, SQL_ARGS(arg_int(run), arg_int(is_held ? 1 : 3)), NULL, why);
}

/* The first of the holders is the last one in the list to be told: one place is enough. */
enum err slot_cancel_older(
    struct store_conn *conn, const struct slot *slot, slot_each *each, void *context, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    bool is_held = false;
    TRY(rows_open(&rows, conn, &older,
        SQL_ARGS(arg_int(slot->tenant), arg_int(slot->playbook), arg_bytes(slot->key), arg_int(slot->run)),
        why));
    while (!is_held && rows_next(&rows)) {
        is_held = rows_int(&rows, 2) == 1;
        TRY(each(context, rows_id(&rows, 1), why));
        TRY(tell_to_end(conn, rows_int(&rows, 0), is_held, why));
    }
    if (is_held)
        return ERR_OK;
    return rows_end(&rows, why);
}
