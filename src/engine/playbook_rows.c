#include "engine/playbook_rows.h"

#include "base/pack.h"

static const struct sql all_live = {
    "SELECT p.number, p.tenant, p.name, p.version, p.is_enabled, v.digest, v.source FROM engine_playbooks p"
    " JOIN engine_playbook_versions v ON v.playbook = p.number AND v.version = p.version ORDER BY p.tenant, "
    "p.name",
    NULL
};
static const struct sql find_live = {
    "SELECT p.number, p.tenant, p.name, p.version, p.is_enabled, v.digest, v.source FROM engine_playbooks p"
    " JOIN engine_playbook_versions v ON v.playbook = p.number AND v.version = p.version"
    " WHERE p.tenant = $1 AND p.name = $2",
    NULL
};
static const struct sql insert_playbook = {
    "INSERT INTO engine_playbooks (tenant, name, version, is_enabled, updated) VALUES ($1, $2, $3, $4, $5)"
    " RETURNING number",
    NULL
};
static const struct sql next_version = {
    "SELECT coalesce(max(version), 0) + 1 FROM engine_playbook_versions WHERE playbook = $1", NULL
};
static const struct sql update_playbook = {
    "UPDATE engine_playbooks SET version = $2, is_enabled = $3, updated = $4 WHERE number = $1", NULL
};
static const struct sql enable_playbook = {
    "UPDATE engine_playbooks SET is_enabled = $2, updated = $3 WHERE number = $1", NULL
};
static const struct sql insert_version = {
    "INSERT INTO engine_playbook_versions (playbook, version, tenant, digest, source, about, created)"
    " VALUES ($1, $2, $3, $4, $5, $6, $7)",
    NULL
};
static const struct sql find_source = {
    "SELECT tenant, source FROM engine_playbook_versions WHERE playbook = $1 AND version = $2", NULL
};
static const struct sql find_about = { "SELECT p.name, v.tenant, v.about FROM engine_playbook_versions v "
                                       "JOIN engine_playbooks p ON p.number = v.playbook"
                                       " WHERE v.playbook = $1 AND v.version = $2",
    NULL };

static FALLIBLE row_read(
    struct rows *rows, struct arena *arena, struct playbook_row *ret, struct err_info *why)
{
    *ret = (struct playbook_row){ .number = rows_int(rows, 0),
        .tenant = rows_int(rows, 1),
        .version = (uint32_t)rows_int(rows, 3),
        .is_enabled = rows_int(rows, 4) != 0 };
    TRY(arena_str(arena, rows_bytes(rows, 2), &ret->name, why));
    TRY(arena_str(arena, rows_bytes(rows, 5), &ret->digest, why));
    return payload_get(rows->conn, ret->tenant, rows_bytes(rows, 6), arena, &ret->source, why);
}

enum err playbook_rows(struct store_conn *conn, playbook_each *each, void *context, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &all_live, SQL_NO_ARGS, why));
    while (rows_next(&rows)) {
        AUTO(arena) struct arena arena = { 0 };
        struct playbook_row row;
        TRY(row_read(&rows, &arena, &row, why));
        TRY(each(context, &row, why));
    }
    return rows_end(&rows, why);
}

enum err playbook_row_find(struct store_conn *conn, int64_t tenant, struct str name, struct arena *arena,
    struct playbook_row *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    *ret = (struct playbook_row){ 0 };
    TRY(rows_open(&rows, conn, &find_live, SQL_ARGS(arg_int(tenant), arg_text(name)), why));
    if (rows_next(&rows))
        return row_read(&rows, arena, ret, why);
    return rows_end(&rows, why);
}

static FALLIBLE one_number(struct store_conn *conn, const struct sql *sql, const struct sql_arg *args,
    size_t arg_count, int64_t *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, sql, args, arg_count, why));
    *ret = rows_next(&rows) ? rows_int(&rows, 0) : 0;
    (void)rows_next(&rows); /* to the end, so that an INSERT is done */
    return rows_end(&rows, why);
}

static FALLIBLE row_place(struct store_conn *conn, struct playbook_row *row, struct err_info *why)
{
    int64_t version = 1;
    if (row->number == 0) {
        row->version = 1;
        return one_number(conn, &insert_playbook,
            SQL_ARGS(arg_int(row->tenant), arg_text(row->name), arg_int(1), arg_int(row->is_enabled),
                arg_instant(store_commit_time(conn))),
            &row->number, why);
    }
    TRY(one_number(conn, &next_version, SQL_ARGS(arg_int(row->number)), &version, why));
    row->version = (uint32_t)version;
    return sql_run(conn, &update_playbook,
        SQL_ARGS(arg_int(row->number), arg_int(version), arg_int(row->is_enabled),
            arg_instant(store_commit_time(conn))),
        NULL, why);
}

enum err playbook_row_publish(
    struct store_conn *conn, struct playbook_row *row, struct str about, struct err_info *why)
{
    AUTO(arena) struct arena scratch = { 0 };
    struct str source, stored_about;
    TRY(row_place(conn, row, why));
    TRY(payload_put(conn, row->tenant, row->source, &scratch, &source, why));
    TRY(payload_put(conn, row->tenant, about, &scratch, &stored_about, why));
    return sql_run(conn, &insert_version,
        SQL_ARGS(arg_int(row->number), arg_int(row->version), arg_int(row->tenant), arg_text(row->digest),
            arg_bytes(source), arg_bytes(stored_about), arg_instant(store_commit_time(conn))),
        NULL, why);
}

enum err playbook_row_enable(struct store_conn *conn, int64_t number, bool is_enabled, struct err_info *why)
{
    return sql_run(conn, &enable_playbook,
        SQL_ARGS(arg_int(number), arg_int(is_enabled), arg_instant(store_commit_time(conn))), NULL, why);
}

enum err playbook_row_source(struct store_conn *conn, int64_t number, uint32_t version, struct arena *arena,
    int64_t *ret_tenant, struct str *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &find_source, SQL_ARGS(arg_int(number), arg_int(version)), why));
    if (!rows_next(&rows)) {
        TRY(rows_end(&rows, why));
        return err_set(
            why, ERR_NOT_FOUND, "version %u of playbook %lld is not stored", version, (long long)number);
    }
    *ret_tenant = rows_int(&rows, 0);
    return payload_get(conn, *ret_tenant, rows_bytes(&rows, 1), arena, ret, why);
}

enum err playbook_row_about(struct store_conn *conn, int64_t number, uint32_t version, struct arena *arena,
    struct str *ret_name, struct value *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    struct str about;
    TRY(rows_open(&rows, conn, &find_about, SQL_ARGS(arg_int(number), arg_int(version)), why));
    if (!rows_next(&rows)) {
        TRY(rows_end(&rows, why));
        return err_set(
            why, ERR_NOT_FOUND, "version %u of playbook %lld is not stored", version, (long long)number);
    }
    TRY(arena_str(arena, rows_bytes(&rows, 0), ret_name, why));
    TRY(payload_get(conn, rows_int(&rows, 1), rows_bytes(&rows, 2), arena, &about, why));
    return unpack_value(arena, about, true, ret, why);
}
