/* SQLite's file: opening it safely, keeping a second server out, and checkpoints.
 *
 * A checkpoint on the commit path costs 10 to 20 ms at the 99th percentile, because it writes and syncs
 * the database. So a thread of its own copies what is in the log while the writer goes on writing, pass
 * after pass until what is left is little. The log can start anew only when nothing is left, and the
 * writer would always be ahead; so the writer itself does the last small pass between two commits. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "store/store_sqlite.h"

#define APPLICATION_ID 0x546f6373 /* "Tocs" */
#define CHECKPOINT_REST_PAGES 512
#define CHECKPOINT_PASSES_MAX 8
#define LOCK_TRY_MS 10

/* ---- the file ---- */

static int sync_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = fd < 0 || fsync(fd) ? errno : 0;
    if (fd >= 0)
        (void)close(fd); /* nothing was written through it */
    return failed;
}

/* Makes the last folder of the path, durable in its parent: SQLite syncs only the folder of its files. */
static int make_durable_folder(char *folder)
{
    if (mkdir(folder, 0700))
        return errno == EEXIST ? 0 : errno;
    char *slash = strrchr(folder, '/');
    if (!slash)
        return sync_folder(".");
    slash[slash == folder] = '\0';
    return sync_folder(folder);
}

static enum err make_folder(const char *path, struct err_info *why)
{
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return ERR_OK;
    char *folder = strndup(path, (size_t)(slash - path));
    if (!folder)
        return err_memory(why);
    int failed = make_durable_folder(folder);
    free(folder);
    return failed ? err_errno(why, failed, "making the store's folder") : ERR_OK;
}

/* Its rows are nobody else's to read; SQLite gives its log and index the same mode. */
static enum err make_file(const char *path, struct err_info *why)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(why, errno, "opening the store");
    (void)close(fd); /* nothing was written */
    return ERR_OK;
}

/* A killed server's lock can outlive it for an instant: a child that it was about to start has the descriptor
 * until its exec. So a lock that is taken is tried for a while; what starts servers anew need not try again.
 */
static int lock_patiently(int fd)
{
    const struct timespec pause = { .tv_nsec = LOCK_TRY_MS * 1000000L };
    for (int waited_ms = 0;; waited_ms += LOCK_TRY_MS) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return 0;
        if (errno != EWOULDBLOCK || waited_ms >= STORE_LOCK_WAIT_MS)
            return errno;
        (void)nanosleep(&pause, NULL); /* cut short by a signal: tried again sooner */
    }
}

static enum err lock_file(struct sqlite_file *file, const char *path, struct err_info *why)
{
    char *name = NULL;
    if (asprintf(&name, "%s.lock", path) < 0)
        return err_memory(why);
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int failed = fd < 0 ? errno : 0;
    free(name);
    if (failed)
        return err_errno(why, failed, "opening the store's lock");
    failed = lock_patiently(fd);
    if (failed) {
        (void)close(fd); /* nothing was written */
        if (failed == EWOULDBLOCK)
            return err_named(why, ERR_CONFLICT, "store_locked",
                "another tocsin has %s open: stop it, or give this one a data folder of its own", path);
        return err_errno(why, failed, "locking the store");
    }
    file->lock_fd = fd;
    return ERR_OK;
}

static enum err execute(sqlite3 *db, const char *text, struct err_info *why)
{
    int code = sqlite3_exec(db, text, NULL, NULL, NULL);
    return code == SQLITE_OK ? ERR_OK : sqlite_error(db, code, "opening the store", why);
}

enum err sqlite_handle_open(struct store *store, bool is_read_only, sqlite3 **ret, struct err_info *why)
{
    const char *path = store->path[0] ? store->path : ":memory:";
    int flags = SQLITE_OPEN_NOMUTEX | (is_read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE);
    const struct sqlite_file *file = store->engine_state;
    const char *vfs = file->log_vfs ? sqlite_log_vfs_name(file->log_vfs) : NULL;
    int code = sqlite3_open_v2(path, ret, flags | (store->path[0] ? 0 : SQLITE_OPEN_CREATE), vfs);
    if (code != SQLITE_OK)
        return sqlite_error(*ret, code, "opening the store", why);
    (void)sqlite3_extended_result_codes(*ret, 0); /* asked for where they matter */
    (void)sqlite3_busy_timeout(*ret, 10000);
    (void)sqlite3_db_config(*ret, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(*ret, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(*ret, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    (void)sqlite3_db_config(*ret, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    TRY(execute(*ret,
        "PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0;"
        "PRAGMA foreign_keys=OFF; PRAGMA wal_autocheckpoint=0; PRAGMA journal_size_limit=67108864;",
        why));
    return execute(*ret, is_read_only ? "PRAGMA cache_size=-2048" : "PRAGMA cache_size=-16384", why);
}

static enum err read_int(sqlite3 *db, const char *text, int64_t *ret, struct err_info *why)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, text, -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        *ret = sqlite3_column_int64(statement, 0);
    enum err result = code == SQLITE_ROW ? ERR_OK : sqlite_error(db, code, "opening the store", why);
    (void)sqlite3_finalize(statement); /* repeats what `code` has */
    return result;
}

/* A file that something else wrote is left alone. */
static enum err claim(sqlite3 *db, const char *path, struct err_info *why)
{
    int64_t id = 0, tables = 0;
    TRY(read_int(db, "PRAGMA application_id", &id, why));
    if (id == APPLICATION_ID)
        return ERR_OK;
    TRY(read_int(db, "SELECT count(*) FROM sqlite_master", &tables, why));
    if (id != 0 || tables > 0)
        return err_named(why, ERR_INVALID, "store_foreign",
            "%s is the database of another program: give Tocsin a file of its own", path);
    char text[96];
    (void)snprintf(text, sizeof(text), "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA application_id=%d;",
        APPLICATION_ID); /* always fits */
    return execute(db, text, why);
}

static enum err use_log(sqlite3 *db, const char *path, struct err_info *why)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, "PRAGMA journal_mode=WAL", -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    bool is_wal = code == SQLITE_ROW && !strcmp((const char *)sqlite3_column_text(statement, 0), "wal");
    if (code == SQLITE_ROW)
        code = sqlite3_step(statement); /* the row comes first, what makes it true is committed now */
    enum err result = ERR_OK;
    if (code != SQLITE_DONE)
        result = sqlite_error(db, code, "opening the store", why);
    else if (!is_wal)
        result = err_set(
            why, ERR_IO, "%s: this file system can't hold a write-ahead log; use a local disk", path);
    (void)sqlite3_finalize(statement); /* repeats what `code` has */
    return result;
}

static enum err sqlite_file_prepare(struct store *store, struct sqlite_file *file, struct err_info *why)
{
    if (!store->path[0])
        return ERR_OK;
    TRY(sqlite_log_vfs_new(store->vfs, &file->log_vfs, why));
    if (!store->vfs) { /* a VFS of the simulator or a test has no files to lock */
        TRY(make_folder(store->path, why));
        TRY(lock_file(file, store->path, why));
        TRY(make_file(store->path, why));
    }
    TRY(sqlite_handle_open(store, false, &file->db, why));
    TRY(claim(file->db, store->path, why));
    return use_log(file->db, store->path, why);
}

enum err sqlite_file_open(struct store *store, struct err_info *why)
{
    /* Counting each allocation costs a lock; refused, harmlessly, once SQLite is in use. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    struct sqlite_file *file = calloc(1, sizeof(*file));
    if (!file)
        return err_memory(why);
    store->engine_state = file;
    file->lock_fd = -1;
    file->pages_next = STORE_LOG_PAGES;
    if (pthread_mutex_init(&file->mutex, NULL) || pthread_cond_init(&file->wake, NULL))
        return err_memory(why);
    return sqlite_file_prepare(store, file, why);
}

void sqlite_file_close(struct store *store)
{
    struct sqlite_file *file = store->engine_state;
    if (!file)
        return;
    (void)sqlite3_close(file->db); /* the last to close copies the log into the database */
    sqlite_log_vfs_free(file->log_vfs);
    if (file->lock_fd >= 0)
        (void)close(file->lock_fd); /* nothing was written */
    (void)pthread_mutex_destroy(&file->mutex);
    (void)pthread_cond_destroy(&file->wake);
    free(file);
    store->engine_state = NULL;
}

/* ---- checkpoints ---- */

/* One pass; `*ret_rest` is what is left in the log. A busy database is no failure: the next pass goes on. */
static bool checkpoint_pass(struct store *store, sqlite3 *db, int *ret_rest)
{
    int pages = 0, copied = 0;
    int code = sqlite3_wal_checkpoint_v2(db, "main", SQLITE_CHECKPOINT_PASSIVE, &pages, &copied);
    *ret_rest = pages > copied ? pages - copied : 0;
    if (code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY)
        return true;
    struct err_info why = { 0 };
    bool is_fatal = sqlite_is_sync_failure(db, code);
    if (sqlite_error(db, code, "copying the store's log into the database", &why) != ERR_OK && is_fatal)
        store_fatal(store, &why);
    return false; /* e.g. a full disk: the log still has everything, and grows until the next try */
}

static void checkpoint(struct store *store, struct sqlite_file *file)
{
    int rest = 0;
    for (int pass = 0; pass < CHECKPOINT_PASSES_MAX; pass++) {
        if (!checkpoint_pass(store, file->db, &rest))
            break;
        if (rest <= CHECKPOINT_REST_PAGES) {
            atomic_store(&file->must_finish, true);
            break;
        }
    }
    atomic_store(&file->is_busy, false);
}

static void *checkpoint_main(void *context)
{
    struct store *store = context;
    struct sqlite_file *file = store->engine_state;
    (void)pthread_mutex_lock(&file->mutex); /* plain mutex and condition: fail only on misuse */
    while (!file->is_closing) {
        if (!file->is_wanted) {
            (void)pthread_cond_wait(&file->wake, &file->mutex);
            continue;
        }
        file->is_wanted = false;
        (void)pthread_mutex_unlock(&file->mutex);
        checkpoint(store, file);
        (void)pthread_mutex_lock(&file->mutex);
    }
    (void)pthread_mutex_unlock(&file->mutex);
    return NULL;
}

static int note_log_length(void *context, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    struct store *store = context;
    struct sqlite_file *file = store->engine_state;
    if (pages < STORE_LOG_PAGES)
        file->pages_next = STORE_LOG_PAGES; /* it started anew */
    if (pages < file->pages_next || atomic_load(&file->is_busy))
        return SQLITE_OK;
    /* A long read can hold the log: ask again only when it has grown by as much once more. */
    file->pages_next = pages + STORE_LOG_PAGES;
    atomic_store(&file->is_busy, true);
    if (!file->has_thread) {
        checkpoint(store, file);
        return SQLITE_OK;
    }
    (void)pthread_mutex_lock(&file->mutex); /* plain mutex and condition: fail only on misuse */
    file->is_wanted = true;
    (void)pthread_cond_signal(&file->wake);
    (void)pthread_mutex_unlock(&file->mutex);
    return SQLITE_OK;
}

void sqlite_file_after_commit(struct store_conn *conn)
{
    struct sqlite_file *file = conn->store->engine_state;
    if (!atomic_load(&file->must_finish))
        return;
    atomic_store(&file->must_finish, false);
    int rest = 0;
    (void)checkpoint_pass(
        conn->store, ((struct sqlite_conn *)(void *)conn)->db, &rest); /* the log keeps the rest */
}

/* SQLite syncs the folder when it makes its files, and does not mind when that fails; a log whose name a
 * power cut takes away holds nothing. So it is done once more, and counts, before anything is acknowledged.
 */
static enum err sync_names(const struct store *store, struct err_info *why)
{
    const char *slash = strrchr(store->path, '/');
    char *folder = slash ? strndup(store->path, (size_t)(slash - store->path) + 1) : strdup(".");
    if (!folder)
        return err_memory(why);
    int failed = sync_folder(folder);
    free(folder);
    return failed ? err_errno(why, failed, "syncing the store's folder") : ERR_OK;
}

enum err sqlite_file_start(struct store *store, struct err_info *why)
{
    struct sqlite_file *file = store->engine_state;
    if (!store->path[0])
        return ERR_OK;
    if (!store->vfs)
        TRY(sync_names(store, why));
    (void)sqlite3_wal_hook(((struct sqlite_conn *)(void *)store->conn)->db, note_log_length, store);
    if (store->is_inline)
        return ERR_OK;
    int failed = pthread_create(&file->thread, NULL, checkpoint_main, store);
    if (failed)
        return err_errno(why, failed, "starting the store's checkpoints");
    file->has_thread = true;
    (void)pthread_setname_np(file->thread, "store-log"); /* only a help for people */
    return ERR_OK;
}

void sqlite_file_stop(struct store *store)
{
    struct sqlite_file *file = store->engine_state;
    if (!file || !file->has_thread)
        return;
    (void)pthread_mutex_lock(&file->mutex); /* plain mutex and condition: fail only on misuse */
    file->is_closing = true;
    (void)pthread_cond_signal(&file->wake);
    (void)pthread_mutex_unlock(&file->mutex);
    (void)pthread_join(file->thread, NULL);
    file->has_thread = false;
}
