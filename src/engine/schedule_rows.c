#include "engine/schedule_rows.h"

static const struct sql select_rows = { "SELECT tenant, playbook, cron, timezone, due FROM engine_schedules",
    NULL };
static const struct sql insert_row = {
    "INSERT INTO engine_schedules (tenant, playbook, cron, timezone, due) VALUES ($1, $2, $3, $4, $5)", NULL
};
static const struct sql delete_row = {
    "DELETE FROM engine_schedules WHERE tenant = $1 AND playbook = $2 AND cron = $3 AND timezone = $4", NULL
};
static const struct sql move_row = {
    "UPDATE engine_schedules SET due = $6 WHERE tenant = $1 AND playbook = $2 AND cron = $3 AND timezone = $4"
    " AND due = $5",
    NULL
};

bool schedule_row_is(const struct schedule_row *row, const struct schedule_row *like)
{
    return row->tenant == like->tenant && row->playbook == like->playbook &&
        str_equal(row->cron, like->cron) && str_equal(row->timezone, like->timezone);
}

static struct schedule_row *find(struct schedule_row *rows, uint32_t count, const struct schedule_row *like)
{
    for (uint32_t i = 0; i < count; i++) {
        if (schedule_row_is(&rows[i], like))
            return &rows[i];
    }
    return NULL;
}

/* What is in the store, copied: rows can't be changed while they are read. */
static FALLIBLE read_rows(struct store_conn *conn, struct arena *arena, struct schedule_row **ret,
    uint32_t *ret_count, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    uint32_t room = 0, count = 0;
    struct schedule_row *list = NULL;
    TRY(rows_open(&rows, conn, &select_rows, SQL_NO_ARGS, why));
    while (rows_next(&rows)) {
        if (count == room) {
            struct schedule_row *more = ARENA_ARRAY(arena, room * 2 + 16, struct schedule_row);
            if (!more)
                return err_memory(why);
            for (uint32_t i = 0; i < count; i++)
                more[i] = list[i];
            list = more;
            room = room * 2 + 16;
        }
        struct schedule_row *row = &list[count++];
        *row = (struct schedule_row){
            .tenant = rows_int(&rows, 0), .playbook = rows_int(&rows, 1), .due = rows_instant(&rows, 4)
        };
        TRY(arena_str(arena, rows_bytes(&rows, 2), &row->cron, why));
        TRY(arena_str(arena, rows_bytes(&rows, 3), &row->timezone, why));
    }
    *ret = list;
    *ret_count = count;
    return rows_end(&rows, why);
}

enum err schedule_rows_sync(
    struct store_conn *conn, struct schedule_row *rows, uint32_t count, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct schedule_row *stored = NULL;
    uint32_t stored_count = 0;
    TRY(read_rows(conn, &arena, &stored, &stored_count, why));
    for (uint32_t i = 0; i < stored_count; i++) {
        const struct schedule_row *row = &stored[i];
        struct schedule_row *wanted = find(rows, count, row);
        if (wanted)
            wanted->due = row->due;
        else
            TRY(sql_run(conn, &delete_row,
                SQL_ARGS(arg_int(row->tenant), arg_int(row->playbook), arg_text(row->cron),
                    arg_text(row->timezone)),
                NULL, why));
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct schedule_row *row = &rows[i];
        if (find(stored, stored_count, row))
            continue;
        TRY(sql_run(conn, &insert_row,
            SQL_ARGS(arg_int(row->tenant), arg_int(row->playbook), arg_text(row->cron),
                arg_text(row->timezone), arg_instant(row->due)),
            NULL, why));
    }
    return ERR_OK;
}

enum err schedule_row_move(
    struct store_conn *conn, const struct schedule_row *row, struct instant next, struct err_info *why)
{
    int64_t changed = 0;
    TRY(sql_run(conn, &move_row,
        SQL_ARGS(arg_int(row->tenant), arg_int(row->playbook), arg_text(row->cron), arg_text(row->timezone),
            arg_instant(row->due), arg_instant(next)),
        &changed, why));
    return changed > 0 ? ERR_OK : err_set(why, ERR_CONFLICT, "this time of the schedule was taken already");
}
