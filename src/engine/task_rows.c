#include "engine/task_rows.h"

#include "base/pack.h"

static const char *const status_names[TASK_STATUS_COUNT] = {
    [TASK_OPEN] = "open",
    [TASK_ANSWERED] = "answered",
    [TASK_EXPIRED] = "expired",
    [TASK_CANCELLED] = "cancelled",
};
static const char *const kind_names[TASK_KIND_COUNT] = {
    [TASK_ASK] = "ask",
    [TASK_APPROVE] = "approve",
    [TASK_UNCERTAIN] = "uncertain",
    [TASK_UNDO] = "undo",
};

static const struct sql insert_task = { "INSERT INTO engine_tasks (tenant, id, run, run_id, frame, kind, "
                                        "status, step, title, payload, created, expires)"
                                        " VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10, $11)",
    NULL };
static const struct sql close_task = {
    "UPDATE engine_tasks SET status = $3, closed = $4, actor = $5, answer = $6"
    " WHERE id = $2 AND tenant = $1 AND status = 0",
    NULL
};
static const struct sql find_task = { "SELECT run, run_id, frame, kind, status, payload FROM engine_tasks"
                                      " WHERE id = $2 AND tenant = $1",
    NULL };

const char *task_status_name(enum task_status status)
{
    return status < TASK_STATUS_COUNT ? status_names[status] : "unknown";
}

const char *task_kind_name(enum task_kind kind)
{
    return kind < TASK_KIND_COUNT ? kind_names[kind] : "unknown";
}

enum err task_row_insert(
    struct store_conn *conn, const struct task_row *row, const struct task_open *task, struct err_info *why)
{
    AUTO(arena) struct arena scratch = { 0 };
    struct str payload;
    TRY(payload_put(conn, row->tenant, task->payload, &scratch, &payload, why));
    return sql_run(conn, &insert_task,
        SQL_ARGS(arg_int(row->tenant), arg_id(&task->id), arg_int(row->run), arg_id(&row->run_id),
            arg_int(row->frame), arg_int(task->kind), arg_text(task->step), arg_text(task->title),
            arg_bytes(payload), arg_instant(store_commit_time(conn)),
            task->expires.us ? arg_instant(task->expires) : arg_null()),
        NULL, why);
}

enum err task_row_close(struct store_conn *conn, int64_t tenant, struct id id, enum task_status status,
    struct str actor, struct str answer, bool *ret_changed, struct err_info *why)
{
    int64_t changed = 0;
    TRY(sql_run(conn, &close_task,
        SQL_ARGS(arg_int(tenant), arg_id(&id), arg_int(status), arg_instant(store_commit_time(conn)),
            actor.size ? arg_text(actor) : arg_null(), answer.size ? arg_bytes(answer) : arg_null()),
        &changed, why));
    *ret_changed = changed > 0;
    return ERR_OK;
}

enum err task_row_find(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct task_row *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    struct str payload;
    TRY(rows_open(&rows, conn, &find_task, SQL_ARGS(arg_int(tenant), arg_id(&id)), why));
    if (!rows_next(&rows)) {
        TRY(rows_end(&rows, why));
        return err_set(why, ERR_NOT_FOUND, "there is no task %s", id_text(id).text);
    }
    *ret = (struct task_row){ .tenant = tenant,
        .run = rows_int(&rows, 0),
        .id = id,
        .run_id = rows_id(&rows, 1),
        .frame = (uint32_t)rows_int(&rows, 2),
        .kind = (enum task_kind)rows_int(&rows, 3),
        .status = (enum task_status)rows_int(&rows, 4) };
    TRY(payload_get(conn, tenant, rows_bytes(&rows, 5), arena, &payload, why));
    return unpack_value(arena, payload, true, &ret->payload, why);
}
