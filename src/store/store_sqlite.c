/* SQLite as the store's engine: connections, transactions, statements. */
#include "store/store_sqlite.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct sqlite_conn *sqlite_of(struct store_conn *conn)
{
    return (struct sqlite_conn *)(void *)conn;
}

/* ---- errors ---- */

static enum err err_of_code(sqlite3 *db, int code)
{
    switch (code & 0xff) {
    case SQLITE_CONSTRAINT: return ERR_CONFLICT;
    case SQLITE_FULL: return ERR_FULL;
    case SQLITE_NOMEM: return ERR_MEMORY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return ERR_UNAVAILABLE;
    case SQLITE_TOOBIG: return ERR_LIMIT;
    case SQLITE_IOERR:
        /* A quota that is used up is to us what a full disk is; SQLite knows ENOSPC only. */
        return code == SQLITE_IOERR_WRITE && db && sqlite3_system_errno(db) == EDQUOT ? ERR_FULL : ERR_IO;
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM: return ERR_IO;
    default: return ERR_INTERNAL;
    }
}

static const char *name_of_code(int code)
{
    switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return "store_corrupt";
    case SQLITE_TOOBIG: return "SQLITE_LENGTH";
    default: return NULL;
    }
}

enum err sqlite_error(sqlite3 *db, int code, const char *doing, struct err_info *why)
{
    int extended = db && (sqlite3_errcode(db) & 0xff) == (code & 0xff) ? sqlite3_extended_errcode(db) : code;
    const char *text = db && extended != code ? sqlite3_errmsg(db) : sqlite3_errstr(code);
    if (db && (sqlite3_errcode(db) & 0xff) == (code & 0xff))
        text = sqlite3_errmsg(db);
    int number = db ? sqlite3_system_errno(db) : 0;
    bool has_number = number != 0 && (code & 0xff) != SQLITE_CONSTRAINT && (code & 0xff) != SQLITE_ERROR;
    return err_named(why, err_of_code(db, extended), name_of_code(code), "%s: %s%s%s", doing, text,
        has_number ? ": " : "", has_number ? strerrordesc_np(number) : "");
}

bool sqlite_is_sync_failure(sqlite3 *db, int code)
{
    if ((code & 0xff) != SQLITE_IOERR)
        return false;
    int extended = sqlite3_extended_errcode(db);
    return extended == SQLITE_IOERR_FSYNC || extended == SQLITE_IOERR_DIR_FSYNC;
}

static enum err conn_error(struct sqlite_conn *sqlite, int code, const char *doing, struct err_info *why)
{
    if (sqlite_is_sync_failure(sqlite->db, code))
        sqlite->conn.is_sync_failed = true;
    return sqlite_error(sqlite->db, code, doing, why);
}

/* ---- connections ---- */

static void conn_close(struct store_conn *conn)
{
    struct sqlite_conn *sqlite = sqlite_of(conn);
    for (uint32_t i = 0; sqlite->cache && i <= sqlite->cache_mask; i++) {
        if (!sqlite->cache[i])
            continue;
        (void)sqlite3_finalize(sqlite->cache[i]->statement); /* repeats the last error, if any */
        free(sqlite->cache[i]);
    }
    free(sqlite->cache);
    for (int i = 0; i < CONTROL_COUNT; i++)
        (void)sqlite3_finalize(sqlite->control[i]);
    (void)sqlite3_close(sqlite->db); /* all statements are gone, so it can't be busy */
    free(sqlite);
}

static enum err conn_open(struct store *store, bool is_writer, struct store_conn **ret, struct err_info *why)
{
    static const char *const texts[CONTROL_COUNT] = { "BEGIN IMMEDIATE", "COMMIT", "SAVEPOINT op",
        "RELEASE op" };
    struct sqlite_conn *sqlite = calloc(1, sizeof(*sqlite));
    if (!sqlite)
        return err_memory(why);
    sqlite->conn = (struct store_conn){
        .store = store, .engine = &store_engine_sqlite, .is_writer = is_writer
    };
    enum err result = sqlite_handle_open(store, !is_writer, &sqlite->db, why);
    for (int i = 0; i < CONTROL_COUNT && result == ERR_OK; i++) {
        const char *text = i == CONTROL_BEGIN && !is_writer ? "BEGIN" : texts[i];
        int code = sqlite3_prepare_v3(
            sqlite->db, text, -1, SQLITE_PREPARE_PERSISTENT, &sqlite->control[i], NULL);
        if (code != SQLITE_OK)
            result = conn_error(sqlite, code, "preparing a transaction", why);
    }
    if (result != ERR_OK) {
        conn_close(&sqlite->conn);
        return result;
    }
    *ret = &sqlite->conn;
    return ERR_OK;
}

/* ---- transactions ---- */

static enum err control(
    struct store_conn *conn, enum sqlite_control which, const char *doing, struct err_info *why)
{
    struct sqlite_conn *sqlite = sqlite_of(conn);
    int code = sqlite3_step(sqlite->control[which]);
    enum err result = code == SQLITE_DONE ? ERR_OK : conn_error(sqlite, code, doing, why);
    (void)sqlite3_reset(sqlite->control[which]); /* repeats the error that `code` has */
    return result;
}

static enum err conn_begin(struct store_conn *conn, struct err_info *why)
{
    return control(conn, CONTROL_BEGIN, "beginning a transaction", why);
}

static enum err conn_commit(struct store_conn *conn, struct err_info *why)
{
    return control(conn, CONTROL_COMMIT, "committing", why);
}

static enum err conn_savepoint(struct store_conn *conn, struct err_info *why)
{
    return control(conn, CONTROL_SAVEPOINT, "setting a savepoint", why);
}

static enum err conn_release(struct store_conn *conn, struct err_info *why)
{
    return control(conn, CONTROL_RELEASE, "releasing a savepoint", why);
}

/* Undoing needs no disk; if it fails all the same, the transaction is broken and is_open tells. */
static void conn_rollback(struct store_conn *conn)
{
    (void)sqlite3_exec(sqlite_of(conn)->db, "ROLLBACK", NULL, NULL, NULL);
}

static void conn_rollback_to(struct store_conn *conn)
{
    sqlite3 *db = sqlite_of(conn)->db;
    if (sqlite3_exec(db, "ROLLBACK TO op; RELEASE op", NULL, NULL, NULL) != SQLITE_OK)
        conn_rollback(conn);
}

static bool conn_is_open(struct store_conn *conn)
{
    return !sqlite3_get_autocommit(sqlite_of(conn)->db);
}

static enum err conn_script(
    struct store_conn *conn, const struct store_migration *migration, struct err_info *why)
{
    struct sqlite_conn *sqlite = sqlite_of(conn);
    int code = sqlite3_exec(sqlite->db, migration->sqlite, NULL, NULL, NULL);
    return code == SQLITE_OK ? ERR_OK : conn_error(sqlite, code, migration->name, why);
}

/* ---- statements ---- */

/* "$1" is a name to SQLite, numbered by where it stands; "?1" is the number itself. */
static void number_parameters(char *text, size_t size)
{
    char quote = '\0';
    for (size_t i = 0; i < size; i++) {
        if (quote) {
            if (text[i] == quote)
                quote = '\0';
        } else if (text[i] == '\'' || text[i] == '"') {
            quote = text[i];
        } else if (text[i] == '$' && i + 1 < size && text[i + 1] >= '1' && text[i + 1] <= '9') {
            text[i] = '?';
        }
    }
}

static enum err prepare(
    struct sqlite_conn *sqlite, struct str text, unsigned flags, sqlite3_stmt **ret, struct err_info *why)
{
    char *copy = malloc(text.size + 1);
    if (!copy)
        return err_memory(why);
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    number_parameters(copy, text.size);
    int code = sqlite3_prepare_v3(sqlite->db, copy, (int)text.size + 1, flags, ret, NULL);
    enum err result = code == SQLITE_OK ? ERR_OK : conn_error(sqlite, code, copy, why);
    free(copy);
    return result;
}

static uint32_t cache_slot(const struct sqlite_conn *sqlite, const struct sql *sql)
{
    uint32_t at = (uint32_t)(((uintptr_t)sql >> 4) * UINT64_C(0x9e3779b97f4a7c15) >> 32);
    for (at &= sqlite->cache_mask; sqlite->cache[at] && sqlite->cache[at]->sql != sql;)
        at = (at + 1) & sqlite->cache_mask;
    return at;
}

static enum err cache_grow(struct sqlite_conn *sqlite, struct err_info *why)
{
    uint32_t old_room = sqlite->cache ? sqlite->cache_mask + 1 : 0;
    uint32_t room = old_room ? old_room * 2 : 64;
    struct sqlite_cached **old = sqlite->cache;
    struct sqlite_cached **fresh = calloc(room, sizeof(struct sqlite_cached *));
    if (!fresh)
        return err_memory(why);
    sqlite->cache = fresh;
    sqlite->cache_mask = room - 1;
    for (uint32_t i = 0; i < old_room; i++) {
        if (old[i])
            fresh[cache_slot(sqlite, old[i]->sql)] = old[i];
    }
    free(old);
    return ERR_OK;
}

static enum err cache_add(
    struct sqlite_conn *sqlite, const struct sql *sql, struct sqlite_cached **ret, struct err_info *why)
{
    if (!sqlite->cache || sqlite->cache_count * 2 > sqlite->cache_mask)
        TRY(cache_grow(sqlite, why));
    struct sqlite_cached *cached = calloc(1, sizeof(*cached));
    if (!cached)
        return err_memory(why);
    cached->sql = sql;
    enum err result = prepare(sqlite, str_of(sql->text), SQLITE_PREPARE_PERSISTENT, &cached->statement, why);
    if (result != ERR_OK) {
        free(cached);
        return result;
    }
    sqlite->cache[cache_slot(sqlite, sql)] = cached;
    sqlite->cache_count++;
    *ret = cached;
    return ERR_OK;
}

static struct sqlite_cached *cache_find(const struct sqlite_conn *sqlite, const struct sql *sql)
{
    return sqlite->cache ? sqlite->cache[cache_slot(sqlite, sql)] : NULL;
}

/* A statement ready to be bound. `*ret_cached` is NULL when the statement is the caller's to finalize. */
static enum err statement_take(struct sqlite_conn *sqlite, const struct sql *sql,
    struct sqlite_cached **ret_cached, sqlite3_stmt **ret, struct err_info *why)
{
    struct sqlite_cached *cached = cache_find(sqlite, sql);
    if (!cached)
        TRY(cache_add(sqlite, sql, &cached, why));
    if (cached->is_busy) {
        *ret_cached = NULL;
        return prepare(sqlite, str_of(sql->text), 0, ret, why);
    }
    cached->is_busy = true;
    *ret_cached = cached;
    *ret = cached->statement;
    return ERR_OK;
}

/* The result of reset and finalize only repeats that of the last step. */
static void statement_give_back(struct sqlite_cached *cached, sqlite3_stmt *statement)
{
    if (!cached) {
        (void)sqlite3_finalize(statement);
        return;
    }
    (void)sqlite3_reset(statement);
    cached->is_busy = false;
}

static int bind_one(sqlite3_stmt *statement, int at, const struct sql_arg *arg, sqlite3_destructor_type keep)
{
    /* SQLite takes a NULL pointer for NULL, which an empty text is not. */
    const char *bytes = arg->bytes.data ? arg->bytes.data : "";
    switch (arg->type) {
    case SQL_NULL: return sqlite3_bind_null(statement, at);
    case SQL_INT: return sqlite3_bind_int64(statement, at, arg->number);
    case SQL_REAL: return sqlite3_bind_double(statement, at, arg->real);
    case SQL_TEXT: return sqlite3_bind_text64(statement, at, bytes, arg->bytes.size, keep, SQLITE_UTF8);
    case SQL_BYTES: return sqlite3_bind_blob64(statement, at, bytes, arg->bytes.size, keep);
    }
    return SQLITE_MISUSE;
}

static enum err bind_all(struct sqlite_conn *sqlite, sqlite3_stmt *statement, const struct sql_arg *args,
    size_t arg_count, sqlite3_destructor_type keep, struct err_info *why)
{
    size_t wanted = (size_t)sqlite3_bind_parameter_count(statement);
    if (wanted != arg_count)
        return err_set(why, ERR_INTERNAL, "%zu arguments for a statement of %zu: %s", arg_count, wanted,
            sqlite3_sql(statement));
    for (size_t i = 0; i < arg_count; i++) {
        int code = bind_one(statement, (int)i + 1, &args[i], keep);
        if (code != SQLITE_OK)
            return conn_error(sqlite, code, "binding an argument", why);
    }
    return ERR_OK;
}

static enum err conn_run(struct store_conn *conn, const struct sql *sql, const struct sql_arg *args,
    size_t arg_count, int64_t *ret_changed, struct err_info *why)
{
    struct sqlite_conn *sqlite = sqlite_of(conn);
    struct sqlite_cached *cached = NULL;
    sqlite3_stmt *statement = NULL;
    TRY(statement_take(sqlite, sql, &cached, &statement, why));
    enum err result = bind_all(sqlite, statement, args, arg_count, SQLITE_STATIC, why);
    if (result == ERR_OK) {
        int code = sqlite3_step(statement);
        while (code == SQLITE_ROW) /* of a RETURNING clause that nobody reads */
            code = sqlite3_step(statement);
        if (code != SQLITE_DONE)
            result = conn_error(sqlite, code, sql->text, why);
    }
    if (result == ERR_OK) {
        int64_t changed = sqlite3_stmt_readonly(statement) ? 0 : sqlite3_changes64(sqlite->db);
        conn->changed += (uint64_t)changed;
        if (ret_changed)
            *ret_changed = changed;
    }
    statement_give_back(cached, statement);
    return result;
}

static enum err conn_rows_open(struct rows *rows, const struct sql *sql, struct str text,
    const struct sql_arg *args, size_t arg_count, struct err_info *why)
{
    struct sqlite_conn *sqlite = sqlite_of(rows->conn);
    struct sqlite_cached *cached = NULL;
    sqlite3_stmt *statement = NULL;
    if (sql)
        TRY(statement_take(sqlite, sql, &cached, &statement, why));
    else
        TRY(prepare(sqlite, text, 0, &statement, why));
    /* The arguments are the caller's only for this call, and the rows are stepped later. */
    enum err result = bind_all(sqlite, statement, args, arg_count, SQLITE_TRANSIENT, why);
    if (result != ERR_OK) {
        statement_give_back(cached, statement);
        return result;
    }
    rows->statement = statement;
    rows->state[0] = cached;
    return ERR_OK;
}

static bool conn_rows_next(struct rows *rows)
{
    struct sqlite_conn *sqlite = sqlite_of(rows->conn);
    int code = sqlite3_step(rows->statement);
    if (code == SQLITE_ROW)
        return true;
    if (code != SQLITE_DONE) {
        rows->result = conn_error(sqlite, code, sqlite3_sql(rows->statement), rows->why);
        return false;
    }
    if (!sqlite3_stmt_readonly(rows->statement)) /* INSERT … RETURNING */
        rows->conn->changed += (uint64_t)sqlite3_changes64(sqlite->db);
    rows_cleanup(rows); /* so that stepping on never starts it again */
    return false;
}

static void conn_rows_close(struct rows *rows)
{
    statement_give_back(rows->state[0], rows->statement);
}

static bool conn_rows_is_null(struct rows *rows, int column)
{
    return sqlite3_column_type(rows->statement, column) == SQLITE_NULL;
}

static int64_t conn_rows_int(struct rows *rows, int column)
{
    return sqlite3_column_int64(rows->statement, column);
}

static double conn_rows_real(struct rows *rows, int column)
{
    return sqlite3_column_double(rows->statement, column);
}

static struct str conn_rows_bytes(struct rows *rows, int column)
{
    const char *bytes = sqlite3_column_type(rows->statement, column) == SQLITE_BLOB
        ? sqlite3_column_blob(rows->statement, column)
        : (const char *)sqlite3_column_text(rows->statement, column);
    int size = sqlite3_column_bytes(rows->statement, column);
    return (struct str){ bytes, bytes ? (size_t)size : 0 };
}

static enum err pragma_int(struct sqlite_conn *sqlite, const char *text, int64_t *ret, struct err_info *why)
{
    sqlite3_stmt *statement = NULL;
    TRY(prepare(sqlite, str_of(text), 0, &statement, why));
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW && ret)
        *ret = sqlite3_column_int64(statement, 0);
    while (code == SQLITE_ROW) /* incremental_vacuum does its work one page a step */
        code = sqlite3_step(statement);
    enum err result = code == SQLITE_DONE ? ERR_OK : conn_error(sqlite, code, text, why);
    (void)sqlite3_finalize(statement); /* repeats what `code` has */
    return result;
}

static enum err conn_vacuum(
    struct store_conn *conn, unsigned pages_max, uint64_t *ret_pages, struct err_info *why)
{
    struct sqlite_conn *sqlite = sqlite_of(conn);
    char text[64];
    (void)snprintf(text, sizeof(text), "PRAGMA incremental_vacuum(%u)", pages_max); /* always fits */
    TRY(pragma_int(sqlite, text, NULL, why));
    int64_t pages = 0;
    TRY(pragma_int(sqlite, "PRAGMA freelist_count", &pages, why));
    if (ret_pages)
        *ret_pages = (uint64_t)pages;
    return ERR_OK;
}

const struct store_engine store_engine_sqlite = {
    .scheme = "sqlite",
    .open = sqlite_file_open,
    .start = sqlite_file_start,
    .stop = sqlite_file_stop,
    .close = sqlite_file_close,
    .conn_open = conn_open,
    .conn_close = conn_close,
    .begin = conn_begin,
    .commit = conn_commit,
    .rollback = conn_rollback,
    .savepoint = conn_savepoint,
    .release = conn_release,
    .rollback_to = conn_rollback_to,
    .is_open = conn_is_open,
    .after_commit = sqlite_file_after_commit,
    .script = conn_script,
    .run = conn_run,
    .rows_open = conn_rows_open,
    .rows_next = conn_rows_next,
    .rows_close = conn_rows_close,
    .rows_is_null = conn_rows_is_null,
    .rows_int = conn_rows_int,
    .rows_real = conn_rows_real,
    .rows_bytes = conn_rows_bytes,
    .vacuum = conn_vacuum,
};
