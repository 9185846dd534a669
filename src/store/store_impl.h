/* What the files of this folder share; nobody else includes it.
 *
 * Threads: `writer.mutex` guards the queue, the metrics and the flags of the writer; the writer's
 * connection belongs to the writer's thread (or, inline, to whoever submits). Everything else of
 * `struct store` is set before the threads start and read only afterwards. */
#ifndef TOCSIN_STORE_STORE_IMPL_H
#define TOCSIN_STORE_STORE_IMPL_H

#include <pthread.h>

#include "base/limits.h"
#include "store/store.h"

struct store_engine;

struct store_conn {
    struct store *store;
    const struct store_engine *engine;
    bool is_writer;
    bool is_sync_failed; /* an fsync failed: what is on the disk can't be known any more */
    bool has_outbox; /* this commit appended to the outbox */
    struct instant commit_time;
    struct store_hook *hooks; /* of the running operation, newest first */
    uint64_t changed; /* rows, since the connection was opened */
};

/* What an engine of the store provides. */
struct store_engine {
    const char *scheme;
    /* Checks and opens what is behind the URL, takes the lock that keeps a second server out. */
    enum err (*open)(struct store *store, struct err_info *why);
    /* Background work, once migrated. */
    enum err (*start)(struct store *store, struct err_info *why);
    void (*stop)(struct store *store);
    void (*close)(struct store *store);
    enum err (*conn_open)(struct store *store, bool is_writer, struct store_conn **ret, struct err_info *why);
    void (*conn_close)(struct store_conn *conn);

    enum err (*begin)(struct store_conn *conn, struct err_info *why); /* a reader's begin is its snapshot */
    enum err (*commit)(struct store_conn *conn, struct err_info *why);
    void (*rollback)(struct store_conn *conn);
    enum err (*savepoint)(struct store_conn *conn, struct err_info *why);
    enum err (*release)(struct store_conn *conn, struct err_info *why);
    void (*rollback_to)(struct store_conn *conn);
    /* False when a failure has already undone the whole transaction. */
    bool (*is_open)(struct store_conn *conn);
    void (*after_commit)(struct store_conn *conn);

    enum err (*script)(
        struct store_conn *conn, const struct store_migration *migration, struct err_info *why);
    enum err (*run)(struct store_conn *conn, const struct sql *sql, const struct sql_arg *args,
        size_t arg_count, int64_t *ret_changed, struct err_info *why);
    /* `sql` or, when NULL, `text`. */
    enum err (*rows_open)(struct rows *rows, const struct sql *sql, struct str text,
        const struct sql_arg *args, size_t arg_count, struct err_info *why);
    bool (*rows_next)(struct rows *rows);
    void (*rows_close)(struct rows *rows);
    bool (*rows_is_null)(struct rows *rows, int column);
    int64_t (*rows_int)(struct rows *rows, int column);
    double (*rows_real)(struct rows *rows, int column);
    struct str (*rows_bytes)(struct rows *rows, int column);
    enum err (*vacuum)(
        struct store_conn *conn, unsigned pages_max, uint64_t *ret_pages, struct err_info *why);
};
extern const struct store_engine store_engine_sqlite;

struct store_queue {
    struct store_op *first, *last;
    uint64_t count;
};
void store_queue_add(struct store_queue *queue, struct store_op *op);
struct store_op *store_queue_take(struct store_queue *queue);

struct store_writer {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct store_queue queue;
    bool has_thread;
    bool is_asleep;
    bool is_closing;
    bool is_dead; /* after a fatal error: nothing is applied any more */
    bool is_running; /* inline: a batch is being worked on, later operations wait for it */
    void (*committed)(void *context, uint64_t last_seq);
    void *committed_context;
    struct store_metrics metrics;
};

#define STORE_READERS_MAX 16
struct store_readers {
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct store_queue queue;
    bool is_closing;
    unsigned count;
    unsigned started;
    pthread_t threads[STORE_READERS_MAX];
    struct store_conn *conns[STORE_READERS_MAX];
    unsigned next_conn; /* handed to the threads as they start */
};

struct store {
    struct clock *clock;
    const struct store_engine *engine;
    void *engine_state;
    char *path; /* of the database; empty in memory */
    char *vfs; /* NULL: the default */
    char *blob_directory; /* NULL: blobs are rows */
    bool is_inline;
    void (*on_fatal)(void *context, const struct err_info *why);
    void *fatal_context;
    struct store_conn *conn; /* the writer's */
    struct store_writer writer;
    struct store_readers readers;
    uint64_t outbox_last; /* the last number given; the writer's */
};

/* ---- store_writer.c ---- */
FALLIBLE store_writer_start(struct store *store, struct err_info *why);
void store_writer_stop(struct store *store); /* commits what waits */
void store_writer_submit(struct store *store, struct store_op *op);
/* Runs `op` alone and returns when it is done, its `done` called. Inline stores only. */
void store_writer_run_now(struct store *store, struct store_op *op);
/* From any thread: stops all writing for good and tells on_fatal, once. */
void store_fatal(struct store *store, const struct err_info *why);

/* ---- store_reader.c ---- */
FALLIBLE store_readers_start(struct store *store, unsigned count, struct err_info *why);
void store_readers_stop(struct store *store);
void store_readers_submit(struct store *store, struct store_op *op);

/* ---- store.c ---- */
/* Keeps the failure for `done`; `why` may be NULL. */
void store_op_fail(struct store_op *op, enum err result, const struct err_info *why);
/* Calls `done` where the operation wants it; `op` may be gone afterwards. */
void store_op_finish(struct store_op *op);
/* The hooks of `conn` move to the front of `*list`. */
void store_hooks_take(struct store_conn *conn, struct store_hook **list);
void store_hooks_run(struct store_hook *list, bool is_committed);

/* ---- migrate.c ---- */
FALLIBLE store_migrate(
    struct store_conn *conn, const struct store_migration *const *lists, struct err_info *why);

/* ---- outbox.c ---- */
/* Finds where the numbers go on. */
FALLIBLE outbox_start(struct store_conn *conn, struct err_info *why);

/* ---- blob.c ---- */
FALLIBLE blob_start(struct store *store, struct err_info *why);

#endif
