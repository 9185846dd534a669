/* What store_sqlite.c (statements, transactions) and store_sqlite_file.c (the file: opening, locking,
 * checkpoints) share. The only files that know SQLite's types. */
#ifndef TOCSIN_STORE_STORE_SQLITE_H
#define TOCSIN_STORE_STORE_SQLITE_H

#include <sqlite3.h>
#include <stdatomic.h>

#include "store/store_impl.h"
#include "store/store_sqlite_log.h"

/* A statement that was prepared once; at most one use at a time, a nested use prepares its own. */
struct sqlite_cached {
    const struct sql *sql;
    sqlite3_stmt *statement;
    bool is_busy;
};

enum sqlite_control { CONTROL_BEGIN, CONTROL_COMMIT, CONTROL_SAVEPOINT, CONTROL_RELEASE, CONTROL_COUNT };

struct sqlite_conn {
    struct store_conn conn; /* first: the two are cast into each other */
    sqlite3 *db;
    struct sqlite_cached **cache; /* open addressing by the address of the struct sql */
    uint32_t cache_count;
    uint32_t cache_mask; /* room - 1; 0 before the first entry */
    sqlite3_stmt *control[CONTROL_COUNT];
};

/* Checkpoints: a thread of its own copies the bulk of the log into the database beside the writer, which
 * then copies only the small rest between two commits, after which the log starts anew. */
struct sqlite_file {
    int lock_fd; /* -1: none */
    struct sqlite_log_vfs *log_vfs; /* what all handles are opened with; NULL in memory */
    sqlite3 *db; /* the checkpointer's */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t mutex; /* guards the two below */
    pthread_cond_t wake;
    bool is_wanted;
    bool is_closing;
    atomic_bool is_busy; /* from the wish to its end */
    atomic_bool must_finish; /* the rest is small: the writer's turn */
    int pages_next; /* length of the log at which the next checkpoint is wanted; the writer's */
};

FALLIBLE sqlite_file_open(struct store *store, struct err_info *why);
FALLIBLE sqlite_file_start(struct store *store, struct err_info *why);
void sqlite_file_stop(struct store *store);
void sqlite_file_close(struct store *store);
void sqlite_file_after_commit(struct store_conn *conn);

/* Opens a handle with this floor's settings. */
FALLIBLE sqlite_handle_open(struct store *store, bool is_read_only, sqlite3 **ret, struct err_info *why);
/* Maps a result of SQLite; `db` may be NULL. Never ERR_OK. */
FALLIBLE sqlite_error(sqlite3 *db, int code, const char *doing, struct err_info *why);
/* Whether a result says that an fsync failed. */
bool sqlite_is_sync_failure(sqlite3 *db, int code);

#endif
