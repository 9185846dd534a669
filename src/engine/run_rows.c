#include "engine/run_rows.h"

#include <assert.h>

#include "base/limits.h"
#include "base/pack.h"

#define SEQ_BITS 17
static_assert(
    RUN_TURNS_MAX + RUN_RESERVE + 1000 < (1 << SEQ_BITS), "a record's number must fit the journal's key");

static const struct sql insert_run = {
    "INSERT INTO engine_runs (tenant, id, playbook, version, status, created, ended, wake, snapshot, "
    "event_id,"
    " alert_id, case_id, parent_id, error_code, error_message, output)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING number",
    NULL
};
static const struct sql update_run = {
    "UPDATE engine_runs SET status = $2, ended = $3, wake = $4, snapshot = $5,"
    " case_id = $6, error_code = $7, error_message = $8, output = $9"
    " WHERE number = $1",
    NULL
};
static const struct sql find_run = {
    "SELECT number, tenant, playbook, version, status, created, ended, wake,"
    " snapshot, event_id, alert_id, case_id, parent_id, error_code, error_message,"
    " output FROM engine_runs WHERE id = $1",
    NULL
};
static const struct sql run_status = { "SELECT status, tenant FROM engine_runs WHERE id = $1", NULL };
static const struct sql admit_run = { "UPDATE engine_runs SET status = 1 WHERE number = $1 AND status = 0",
    NULL };
static const struct sql insert_journal = {
    "INSERT INTO engine_journal (key, tenant, record) VALUES ($1, $2, $3)", NULL
};
static const struct sql select_journal = {
    "SELECT key, record FROM engine_journal WHERE key >= $1 AND key < $2 ORDER BY key", NULL
};
static const struct sql insert_inbox = {
    "INSERT INTO engine_inbox (tenant, run_id, kind, frame, object, payload) SELECT $1, $2, $3, $4, $5, $6"
    " WHERE EXISTS (SELECT 1 FROM engine_runs WHERE id = $2 AND status IN (0, 1, 2, 6))",
    "INSERT INTO engine_inbox (tenant, run_id, kind, frame, object, payload)"
    " SELECT $1::bigint, $2::bytea, $3::bigint, $4::bigint, $5::bytea, $6::bytea"
    " WHERE EXISTS (SELECT 1 FROM engine_runs WHERE id = $2::bytea AND status IN (0, 1, 2, 6))"
};
static const struct sql clear_inbox = { "DELETE FROM engine_inbox WHERE run_id = $1", NULL };
static const struct sql delete_inbox = { "DELETE FROM engine_inbox WHERE number = $1", NULL };
static const struct sql select_inbox = {
    "SELECT number, kind, frame, object, payload, tenant FROM engine_inbox"
    " WHERE run_id = $1 AND number > $2 ORDER BY number",
    NULL
};
/* The list is that of the partial index, which SQLite does not see behind one number. */
static const struct sql unfinished_runs = {
    "SELECT id FROM engine_runs WHERE status IN (0, 1, 2, 6) AND status = 1", NULL
};
static const struct sql inbox_runs = { "SELECT DISTINCT run_id FROM engine_inbox", NULL };
static const struct sql lost_runs = {
    "SELECT id FROM engine_runs WHERE created < $1 AND (status = 1 OR (status IN (0, 2, 6) AND"
    " EXISTS (SELECT 1 FROM engine_inbox WHERE run_id = id)))",
    NULL
};
static const struct sql due_runs = { "SELECT id, wake FROM engine_runs WHERE wake IS NOT NULL AND wake <= $1",
    NULL };
/* Grouped by a partial index; the ends are counted since the start only. */
static const struct sql count_runs = {
    "SELECT status, count(*) FROM engine_runs WHERE status IN (0, 1, 2, 6) GROUP BY status", NULL
};

static struct sql_arg instant_or_null(struct instant at)
{
    return at.us == 0 ? arg_null() : arg_instant(at);
}

static struct sql_arg text_or_null(struct str text)
{
    return text.size == 0 ? arg_null() : arg_text(text);
}

static struct sql_arg bytes_or_null(struct str bytes)
{
    return bytes.size == 0 ? arg_null() : arg_bytes(bytes);
}

enum err run_row_insert(
    struct store_conn *conn, const struct run_row *row, int64_t *ret_number, struct err_info *why)
{
    AUTO(arena) struct arena scratch = { 0 };
    AUTO(rows) struct rows rows = { 0 };
    struct str output = row->output;
    if (output.size > 0)
        TRY(payload_put(conn, row->tenant, output, &scratch, &output, why));
    TRY(rows_open(&rows, conn, &insert_run,
        SQL_ARGS(arg_int(row->tenant), arg_id(&row->id), arg_int(row->playbook), arg_int(row->version),
            arg_int(row->status), arg_instant(row->created), instant_or_null(row->ended),
            instant_or_null(row->wake), arg_int(row->snapshot), arg_id_or_null(&row->event_id),
            arg_id_or_null(&row->alert_id), arg_id_or_null(&row->case_id), arg_id_or_null(&row->parent_id),
            text_or_null(row->error_code), text_or_null(row->error_message), bytes_or_null(output)),
        why));
    if (!rows_next(&rows)) {
        TRY(rows_end(&rows, why));
        return err_set(why, ERR_INTERNAL, "the store gave no number for a run");
    }
    *ret_number = rows_int(&rows, 0);
    /* The insert is done when its row was read; the statement has to be stepped to its end all the same. */
    (void)rows_next(&rows);
    return rows_end(&rows, why);
}

enum err run_row_update(struct store_conn *conn, const struct run_row *row, struct err_info *why)
{
    AUTO(arena) struct arena scratch = { 0 };
    struct str output = row->output;
    if (output.size > 0)
        TRY(payload_put(conn, row->tenant, output, &scratch, &output, why));
    return sql_run(conn, &update_run,
        SQL_ARGS(arg_int(row->number), arg_int(row->status), instant_or_null(row->ended),
            instant_or_null(row->wake), arg_int(row->snapshot), arg_id_or_null(&row->case_id),
            text_or_null(row->error_code), text_or_null(row->error_message), bytes_or_null(output)),
        NULL, why);
}

enum err run_row_find(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct run_row *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &find_run, SQL_ARGS(arg_id(&id)), why));
    if (!rows_next(&rows) || (tenant != 0 && rows_int(&rows, 1) != tenant)) {
        TRY(rows_end(&rows, why));
        return err_set(why, ERR_NOT_FOUND, "there is no run %s", id_text(id).text);
    }
    struct run_row row = { .number = rows_int(&rows, 0),
        .tenant = rows_int(&rows, 1),
        .id = id,
        .playbook = rows_int(&rows, 2),
        .version = (uint32_t)rows_int(&rows, 3),
        .status = (enum run_status)rows_int(&rows, 4),
        .created = rows_instant(&rows, 5),
        .ended = rows_instant(&rows, 6),
        .wake = rows_instant(&rows, 7),
        .snapshot = (uint32_t)rows_int(&rows, 8),
        .event_id = rows_id(&rows, 9),
        .alert_id = rows_id(&rows, 10),
        .case_id = rows_id(&rows, 11),
        .parent_id = rows_id(&rows, 12) };
    struct str output;
    TRY(arena_str(arena, rows_bytes(&rows, 13), &row.error_code, why));
    TRY(arena_str(arena, rows_bytes(&rows, 14), &row.error_message, why));
    TRY(arena_str(arena, rows_bytes(&rows, 15), &output, why));
    if (output.size > 0)
        TRY(payload_get(conn, row.tenant, output, arena, &row.output, why));
    *ret = row;
    return ERR_OK;
}

enum err run_row_status(
    struct store_conn *conn, int64_t tenant, struct id id, enum run_status *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &run_status, SQL_ARGS(arg_id(&id)), why));
    if (rows_next(&rows) && rows_int(&rows, 1) == tenant) {
        *ret = (enum run_status)rows_int(&rows, 0);
        return ERR_OK;
    }
    TRY(rows_end(&rows, why));
    return err_set(why, ERR_NOT_FOUND, "there is no run %s", id_text(id).text);
}

enum err run_row_admit(struct store_conn *conn, int64_t number, struct err_info *why)
{
    return sql_run(conn, &admit_run, SQL_ARGS(arg_int(number)), NULL, why);
}

/* ---- journal ---- */

enum err journal_row_insert(struct store_conn *conn, int64_t tenant, int64_t run, uint32_t seq,
    struct str record, struct arena *scratch, struct err_info *why)
{
    struct str stored;
    assert(run > 0 && seq > 0 && seq < (1 << SEQ_BITS));
    TRY(payload_put(conn, tenant, record, scratch, &stored, why));
    return sql_run(conn, &insert_journal,
        SQL_ARGS(arg_int((run << SEQ_BITS) + seq), arg_int(tenant), arg_bytes(stored)), NULL, why);
}

enum err journal_rows(struct store_conn *conn, int64_t tenant, int64_t run, uint32_t from,
    struct arena *arena, journal_each *each, void *context, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    int64_t first = run << SEQ_BITS;
    TRY(rows_open(&rows, conn, &select_journal,
        SQL_ARGS(arg_int(first + from), arg_int(first + (1 << SEQ_BITS))), why));
    while (rows_next(&rows)) {
        struct str record;
        TRY(payload_get(conn, tenant, rows_bytes(&rows, 1), arena, &record, why));
        TRY(each(context, (uint32_t)(rows_int(&rows, 0) - first), record, why));
    }
    return rows_end(&rows, why);
}

/* ---- inbox ---- */

enum err inbox_row_insert(struct store_conn *conn, int64_t tenant, struct id run, const struct inbox_row *row,
    struct str payload, struct err_info *why)
{
    AUTO(arena) struct arena scratch = { 0 };
    struct str stored;
    TRY(payload_put(conn, tenant, payload, &scratch, &stored, why));
    return sql_run(conn, &insert_inbox,
        SQL_ARGS(arg_int(tenant), arg_id(&run), arg_int(row->kind), arg_int(row->frame),
            arg_id_or_null(&row->object), arg_bytes(stored)),
        NULL, why);
}

enum err inbox_row_delete(struct store_conn *conn, int64_t number, struct err_info *why)
{
    return sql_run(conn, &delete_inbox, SQL_ARGS(arg_int(number)), NULL, why);
}

enum err inbox_rows_clear(struct store_conn *conn, struct id run, struct err_info *why)
{
    return sql_run(conn, &clear_inbox, SQL_ARGS(arg_id(&run)), NULL, why);
}

static FALLIBLE inbox_add(struct store_conn *conn, struct rows *rows, struct arena *arena,
    struct inbox_row *ret, struct err_info *why)
{
    struct str payload;
    TRY(payload_get(conn, rows_int(rows, 5), rows_bytes(rows, 4), arena, &payload, why));
    *ret = (struct inbox_row){ .number = rows_int(rows, 0),
        .kind = (uint32_t)rows_int(rows, 1),
        .frame = (uint32_t)rows_int(rows, 2),
        .object = rows_id(rows, 3) };
    return unpack_value(arena, payload, true, &ret->payload, why);
}

enum err inbox_rows(struct store_conn *conn, struct id run, int64_t after, struct arena *arena,
    struct inbox_row **ret, uint32_t *ret_count, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    uint32_t room = 4, count = 0;
    struct inbox_row *list = ARENA_ARRAY(arena, room, struct inbox_row);
    if (!list)
        return err_memory(why);
    TRY(rows_open(&rows, conn, &select_inbox, SQL_ARGS(arg_id(&run), arg_int(after)), why));
    while (rows_next(&rows)) {
        if (count == room) {
            struct inbox_row *more = ARENA_ARRAY(arena, room * 2, struct inbox_row);
            if (!more)
                return err_memory(why);
            for (uint32_t i = 0; i < count; i++)
                more[i] = list[i];
            list = more;
            room *= 2;
        }
        TRY(inbox_add(conn, &rows, arena, &list[count], why));
        count++;
    }
    *ret = list;
    *ret_count = count;
    return rows_end(&rows, why);
}

/* ---- what a start takes up ---- */

static FALLIBLE each_id(
    struct store_conn *conn, const struct sql *sql, run_id_each *each, void *context, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, sql, SQL_NO_ARGS, why));
    while (rows_next(&rows))
        TRY(each(context, rows_id(&rows, 0), (struct instant){ 0 }, why));
    return rows_end(&rows, why);
}

enum err run_rows_unfinished(struct store_conn *conn, run_id_each *each, void *context, struct err_info *why)
{
    TRY(each_id(conn, &unfinished_runs, each, context, why));
    return each_id(conn, &inbox_runs, each, context, why);
}

enum err run_rows_lost(
    struct store_conn *conn, struct instant before, run_id_each *each, void *context, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &lost_runs, SQL_ARGS(arg_instant(before)), why));
    while (rows_next(&rows))
        TRY(each(context, rows_id(&rows, 0), before, why));
    return rows_end(&rows, why);
}

enum err run_rows_due(
    struct store_conn *conn, struct instant until, run_id_each *each, void *context, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &due_runs, SQL_ARGS(arg_instant(until)), why));
    while (rows_next(&rows))
        TRY(each(context, rows_id(&rows, 0), rows_instant(&rows, 1), why));
    return rows_end(&rows, why);
}

enum err run_rows_count(
    struct store_conn *conn, uint64_t ret_by_status[RUN_STATUS_COUNT], struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &count_runs, SQL_NO_ARGS, why));
    while (rows_next(&rows)) {
        int64_t status = rows_int(&rows, 0);
        assert(status >= 0 && status < RUN_STATUS_COUNT); /* the statement names those that it wants */
        ret_by_status[status] = (uint64_t)rows_int(&rows, 1);
    }
    return rows_end(&rows, why);
}

enum err journal_rows_delete(struct store_conn *conn, int64_t run, struct err_info *why)
{
    static const struct sql forget = { "DELETE FROM engine_journal WHERE key >= $1 AND key < $2", NULL };
    return sql_run(
        conn, &forget, SQL_ARGS(arg_int(run << SEQ_BITS), arg_int((run + 1) << SEQ_BITS)), NULL, why);
}
