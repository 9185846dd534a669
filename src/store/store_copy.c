#include "store/store_copy.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "store/store_sqlite.h"

static enum err open_file(const char *path, int flags, sqlite3 **ret, struct err_info *why)
{
    int code = sqlite3_open_v2(path, ret, flags | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(*ret, 10000);
    return code == SQLITE_OK ? ERR_OK : sqlite_error(*ret, code, path, why);
}

static enum err open_existing(const char *path, sqlite3 **ret, struct err_info *why)
{
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return err_set(why, ERR_NOT_FOUND, "there is no store %s", path);
    return open_file(path, SQLITE_OPEN_READONLY, ret, why);
}

/* ---- soundness ---- */

static enum err damaged(const char *path, const char *fault, struct err_info *why)
{
    return err_named(why, ERR_INVALID, "store_damaged", "%s: %s", path, fault);
}

static enum err check_pages(sqlite3 *db, const char *path, struct err_info *why)
{
    sqlite3_stmt *statement = NULL;
    enum err result = ERR_OK;
    int code = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    const char *text = code == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
        result = damaged(path, sqlite3_errmsg(db), why);
    else if (code != SQLITE_ROW)
        result = sqlite_error(db, code, "checking the store", why);
    else if (text == NULL || strcmp(text, "ok") != 0)
        result = damaged(path, text ? text : "no answer", why);
    (void)sqlite3_finalize(statement); /* repeats the last error, if any */
    return result;
}

static bool is_known(const struct store_migration *const *lists, const char *module, int number)
{
    for (; *lists; lists++)
        for (const struct store_migration *known = *lists; known->module; known++)
            if (known->number == number && strcmp(known->module, module) == 0)
                return true;
    return false;
}

static enum err check_migrations(
    sqlite3 *db, const char *path, const struct store_migration *const *migrations, struct err_info *why)
{
    sqlite3_stmt *statement = NULL;
    enum err result = ERR_OK;
    int code = sqlite3_prepare_v2(db, "SELECT module, number FROM store_migrations", -1, &statement, NULL);
    while (code == SQLITE_OK && result == ERR_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *module = (const char *)sqlite3_column_text(statement, 0);
        int number = sqlite3_column_int(statement, 1);
        if (module == NULL || !is_known(migrations, module, number))
            result = err_named(why, ERR_INVALID, "store_newer",
                "%s was written by a newer Tocsin (migration %s %d): use that version", path,
                module ? module : "?", number);
        code = SQLITE_OK;
    }
    if (result == ERR_OK && code != SQLITE_DONE)
        result = sqlite_error(db, code, "reading the store's migrations", why);
    (void)sqlite3_finalize(statement); /* repeats the last error, if any */
    return result;
}

enum err store_file_check(
    const char *path, const struct store_migration *const *migrations, struct err_info *why)
{
    sqlite3 *db = NULL;
    enum err result = open_existing(path, &db, why);
    if (result == ERR_OK)
        result = check_pages(db, path, why);
    if (result == ERR_OK)
        result = check_migrations(db, path, migrations, why);
    (void)sqlite3_close(db); /* only read from */
    return result;
}

/* ---- a copy ---- */

static enum err copy_pages(sqlite3 *from, sqlite3 *to, struct err_info *why)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    if (backup == NULL)
        return sqlite_error(to, sqlite3_errcode(to), "copying the store", why);
    /* In one step: a state of one moment, read from the log's snapshot, which holds up no writer. */
    int code = sqlite3_backup_step(backup, -1);
    int last = sqlite3_backup_finish(backup);
    if (code != SQLITE_DONE)
        return sqlite_error(to, code, "copying the store", why);
    return last == SQLITE_OK ? ERR_OK : sqlite_error(to, last, "copying the store", why);
}

static enum err copy_into(sqlite3 *from, const char *path, struct err_info *why)
{
    sqlite3 *to = NULL;
    enum err result = open_file(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &to, why);
    if (result == ERR_OK)
        result = copy_pages(from, to, why);
    /* Else the copy's first reader would need the right to make a log beside it. */
    if (result == ERR_OK && sqlite3_exec(to, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL) != SQLITE_OK)
        result = sqlite_error(to, sqlite3_errcode(to), "finishing the copy", why);
    int code = sqlite3_close(to);
    if (result == ERR_OK && code != SQLITE_OK)
        return sqlite_error(NULL, code, "finishing the copy", why);
    return result;
}

enum err store_file_copy(const char *path, const char *to, struct err_info *why)
{
    sqlite3 *from = NULL;
    if (access(to, F_OK) == 0)
        return err_set(why, ERR_CONFLICT, "%s is there already", to);
    enum err result = open_existing(path, &from, why);
    if (result == ERR_OK)
        result = copy_into(from, to, why);
    (void)sqlite3_close(from); /* only read from */
    return result;
}
