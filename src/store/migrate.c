/* Migrations: each module's are numbered from 1 without gaps. All that are missing run in one
 * transaction, so a start that fails half way changes nothing. A file that knows more than this program is
 * refused: a newer Tocsin wrote it. */
#include "store/store_impl.h"

static const struct store_migration migrations_table = {
    .module = "store",
    .name = "the table of migrations",
    .sqlite = "CREATE TABLE IF NOT EXISTS store_migrations (module TEXT NOT NULL, number INTEGER NOT NULL,"
              " name TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (module, number)) STRICT, WITHOUT ROWID",
};

const struct store_migration store_migrations[] = {
    { .module = "store",
        .number = 1,
        .name = "outbox and blobs",
        .sqlite =
            "CREATE TABLE store_outbox (seq INTEGER PRIMARY KEY, tenant INTEGER NOT NULL,"
            " at INTEGER NOT NULL, topic TEXT NOT NULL, subject BLOB NOT NULL, body BLOB NOT NULL) STRICT;"
            "CREATE TABLE store_blobs (tenant INTEGER NOT NULL, hash BLOB NOT NULL, size INTEGER NOT NULL,"
            " at INTEGER NOT NULL, PRIMARY KEY (tenant, hash)) STRICT, WITHOUT ROWID;"
            "CREATE TABLE store_blob_bytes (tenant INTEGER NOT NULL, hash BLOB NOT NULL,"
            " bytes BLOB NOT NULL, PRIMARY KEY (tenant, hash)) STRICT;" },
    { 0 },
};

static const struct sql applied_all = {
    "SELECT module, number, name FROM store_migrations ORDER BY module, number", NULL
};
static const struct sql applied_find = { "SELECT 1 FROM store_migrations WHERE module = $1 AND number = $2",
    NULL };
static const struct sql applied_add = { "INSERT INTO store_migrations (module, number, name, at)"
                                        " VALUES ($1, $2, $3, $4)",
    NULL };

static const struct store_migration *find_known(
    const struct store_migration *const *lists, struct str module, int64_t number)
{
    for (; *lists; lists++) {
        for (const struct store_migration *known = *lists; known->module; known++) {
            if (known->number == number && str_equal(str_of(known->module), module))
                return known;
        }
    }
    return NULL;
}

static enum err check_applied(
    struct store_conn *conn, const struct store_migration *const *lists, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &applied_all, SQL_NO_ARGS, why));
    while (rows_next(&rows)) {
        struct str module = rows_bytes(&rows, 0), name = rows_bytes(&rows, 2);
        int64_t number = rows_int(&rows, 1);
        const struct store_migration *known = find_known(lists, module, number);
        if (!known)
            return err_named(why, ERR_INVALID, "store_newer",
                "this store was written by a newer Tocsin (migration %.*s %lld, \"%.*s\"): start that "
                "version,"
                " or restore a backup made before the upgrade",
                STR_ARG(module), (long long)number, STR_ARG(name));
        if (!str_equal(str_of(known->name), name))
            return err_named(why, ERR_INVALID, "store_migration",
                "migration %.*s %lld of this store is \"%.*s\", here it is \"%s\": another edition wrote it",
                STR_ARG(module), (long long)number, STR_ARG(name), known->name);
    }
    return rows_end(&rows, why);
}

static enum err is_applied(
    struct store_conn *conn, const struct store_migration *migration, bool *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &applied_find,
        SQL_ARGS(arg_text(str_of(migration->module)), arg_int(migration->number)), why));
    bool has_row = rows_next(&rows);
    TRY(rows_end(&rows, why));
    *ret = has_row;
    return ERR_OK;
}

static enum err apply_missing(struct store_conn *conn, const struct store_migration *migration,
    int number_expected, struct err_info *why)
{
    if (migration->number != number_expected)
        return err_set(why, ERR_INTERNAL, "migration %d of %s stands where number %d belongs",
            migration->number, migration->module, number_expected);
    bool has = false;
    TRY(is_applied(conn, migration, &has, why));
    if (has)
        return ERR_OK;
    TRY(conn->engine->script(conn, migration, why));
    return sql_run(conn, &applied_add,
        SQL_ARGS(arg_text(str_of(migration->module)), arg_int(migration->number),
            arg_text(str_of(migration->name)), arg_instant(conn->commit_time)),
        NULL, why);
}

static enum err migrate_all(
    struct store_conn *conn, const struct store_migration *const *lists, struct err_info *why)
{
    TRY(conn->engine->script(conn, &migrations_table, why));
    TRY(check_applied(conn, lists, why));
    for (; *lists; lists++) {
        for (int i = 0; (*lists)[i].module; i++)
            TRY(apply_missing(conn, &(*lists)[i], i + 1, why));
    }
    return ERR_OK;
}

enum err store_migrate(
    struct store_conn *conn, const struct store_migration *const *lists, struct err_info *why)
{
    conn->commit_time = clock_now(conn->store->clock);
    TRY(conn->engine->begin(conn, why));
    enum err result = migrate_all(conn, lists, why);
    if (result == ERR_OK)
        result = conn->engine->commit(conn, why);
    if (conn->engine->is_open(conn))
        conn->engine->rollback(conn);
    return result;
}
