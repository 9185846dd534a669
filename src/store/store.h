/* The store: one interface, two engines (SQLite inside, PostgreSQL for several nodes).
 *
 * All writes go through one writer that gathers what waits into one commit (group commit): an
 * operation's `apply` runs on the writer's thread inside the open transaction, under a savepoint of its
 * own; its `done` runs on its loop after the commit is durable, never before. When apply fails, only
 * that operation is undone. When the commit itself fails (a failed fsync above all) nothing can be known
 * about the disk any more: `on_fatal` is called and the node stops; it is never tried again.
 *
 * Reads run on a small pool of reader threads, each with a snapshot of its own.
 *
 * SQL stands in `*_rows.c` files beside its domain, in the common subset of both engines, with
 * parameters $1 … $n. Rules from the first migration on: each row carries its tenant; payloads are
 * bytes; times are int64 microseconds UTC; STRICT tables. */
#ifndef TOCSIN_STORE_STORE_H
#define TOCSIN_STORE_STORE_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "io/loop.h"

struct store;
struct store_conn; /* an open transaction (writer) or snapshot (reader) */

/* Embedded in what is to be done; owned by the submitter until `done`. */
struct store_op {
    enum err (*apply)(struct store_op *op, struct store_conn *conn, struct err_info *why);
    void (*done)(struct store_op *op, enum err result, const struct err_info *why);
    struct loop *reply_to; /* NULL: `done` runs on the writer's or reader's thread */
    struct loop_job job; /* from here on the store's */
    struct store_op *next;
    enum err result;
    struct err_info *why;
    void *state[2];
};

struct store_migration {
    const char *module; /* "access", "cases", "engine", "ingest", "store" */
    int number; /* from 1, without gaps inside a module */
    const char *name;
    const char *sqlite; /* statements separated by ';' */
    const char *postgres;
};

struct store_options {
    struct str url; /* "sqlite:PATH", ":memory:" in tests, later "postgresql://…" */
    struct clock *clock;
    const struct store_migration *const *migrations; /* lists ended by module == NULL; lists ended by NULL */
    unsigned reader_count; /* 0: 2 */
    bool is_inline; /* no threads: submit applies, commits and calls `done` at once (tests, simulator) */
    void (*on_fatal)(void *context, const struct err_info *why); /* must not return in production */
    void *fatal_context;
    struct str vfs; /* SQLite VFS's name; empty: the default */
};

/* Opens, checks and migrates. ERR_INVALID when the file was written by a newer Tocsin. */
FALLIBLE store_open(const struct store_options *options, struct store **ret, struct err_info *why);
/* Commits what waits, then closes. */
void store_close(struct store *store);

/* Never fails by itself: errors come to `done`, ERR_UNAVAILABLE past STORE_QUEUE_MAX, ERR_FULL when the
 * disk is full (nothing of this operation is stored; the node goes on). */
void store_submit(struct store *store, struct store_op *op);
void store_read(struct store *store, struct store_op *op);
/* Blocking forms for boot, commands and tests; not from a loop that the store must answer to. */
typedef enum err store_work(void *context, struct store_conn *conn, struct err_info *why);
FALLIBLE store_write_wait(struct store *store, store_work *work, void *context, struct err_info *why);
FALLIBLE store_read_wait(struct store *store, store_work *work, void *context, struct err_info *why);

/* Called on the writer's thread after each durable commit that appended to the outbox. */
void store_on_commit(struct store *store, void (*committed)(void *context, uint64_t last_seq), void *context);

/* Gives freed pages back to the file system, at most `pages_max` of them; as an operation of its own, for
 * the retention job, again and again while `*ret_pages` (pages still free) is not 0. */
FALLIBLE store_incremental_vacuum(
    struct store_conn *conn, unsigned pages_max, uint64_t *ret_pages, struct err_info *why);

/* This floor's own tables; first in store_options.migrations. */
extern const struct store_migration store_migrations[];

#define STORE_LATENCY_BUCKETS 16
struct store_metrics {
    uint64_t commits, commit_ops, commit_rows, failed_ops;
    uint64_t commit_us_sum;
    uint64_t commit_us_buckets[STORE_LATENCY_BUCKETS]; /* base/latency.h */
    uint64_t queue_length;
};
void store_metrics(struct store *store, struct store_metrics *ret);

/* ---- SQL, inside apply ---- */

/* Declared `static const` where it is used; prepared once a connection, found by its address. */
struct sql {
    const char *text;
    const char *postgres; /* NULL: the same */
};

enum sql_type { SQL_NULL, SQL_INT, SQL_REAL, SQL_TEXT, SQL_BYTES };
struct sql_arg {
    enum sql_type type;
    int64_t number;
    double real;
    struct str bytes; /* borrowed for the call */
};
static inline struct sql_arg arg_null(void)
{
    return (struct sql_arg){ .type = SQL_NULL };
}
static inline struct sql_arg arg_int(int64_t n)
{
    return (struct sql_arg){ .type = SQL_INT, .number = n };
}
static inline struct sql_arg arg_real(double d)
{
    return (struct sql_arg){ .type = SQL_REAL, .real = d };
}
static inline struct sql_arg arg_text(struct str s)
{
    return (struct sql_arg){ .type = SQL_TEXT, .bytes = s };
}
static inline struct sql_arg arg_bytes(struct str s)
{
    return (struct sql_arg){ .type = SQL_BYTES, .bytes = s };
}
static inline struct sql_arg arg_instant(struct instant at)
{
    return arg_int(at.us);
}
/* The 16 bytes; `id` must live until the call. */
static inline struct sql_arg arg_id(const struct id *id)
{
    return arg_bytes(id_bytes(id));
}
/* Of an optional id: NULL in the row when none. */
static inline struct sql_arg arg_id_or_null(const struct id *id)
{
    return id_is_none(*id) ? arg_null() : arg_id(id);
}

#define SQL_ARGS(...) \
    (const struct sql_arg[]){ __VA_ARGS__ }, \
        sizeof((const struct sql_arg[]){ __VA_ARGS__ }) / sizeof(struct sql_arg)
#define SQL_NO_ARGS NULL, 0

/* `ret_changed` (may be NULL): rows changed. ERR_CONFLICT on a unique or check constraint. */
FALLIBLE sql_run(struct store_conn *conn, const struct sql *sql, const struct sql_arg *args, size_t arg_count,
    int64_t *ret_changed, struct err_info *why);

struct rows {
    struct store_conn *conn;
    void *statement;
    enum err result;
    struct err_info *why;
    void *state[2];
};
FALLIBLE rows_open(struct rows *rows, struct store_conn *conn, const struct sql *sql,
    const struct sql_arg *args, size_t arg_count, struct err_info *why);
/* False at the end or on an error; rows_end tells which. */
bool rows_next(struct rows *rows);
FALLIBLE rows_end(struct rows *rows, struct err_info *why);
void rows_cleanup(struct rows *rows); /* for AUTO(rows) */
bool rows_is_null(struct rows *rows, int column);
int64_t rows_int(struct rows *rows, int column); /* 0 for NULL */
double rows_real(struct rows *rows, int column);
/* Text or bytes, empty for NULL; borrowed until the next row. */
struct str rows_bytes(struct rows *rows, int column);
struct id rows_id(struct rows *rows, int column); /* ID_NONE for NULL */
struct instant rows_instant(struct rows *rows, int column);
/* A query built at run time (list filters): same binding rules, not cached. */
FALLIBLE rows_open_text(struct rows *rows, struct store_conn *conn, struct str text,
    const struct sql_arg *args, size_t arg_count, struct err_info *why);

/* For what is kept in memory beside the store. Added inside apply: when the commit is durable, `run` is
 * called on the writer's thread with is_committed, before any `done` of that commit; when the operation or
 * the commit failed, without. Owned by the adder, which frees it in `run`. */
struct store_hook {
    void (*run)(struct store_hook *hook, bool is_committed);
    struct store_hook *next; /* the store's */
};
void store_add_hook(struct store_conn *conn, struct store_hook *hook);

struct clock *store_clock(struct store_conn *conn);
/* The instant of this commit, one for all its operations. */
struct instant store_commit_time(struct store_conn *conn);

/* ---- partitions ---- */
#define STORE_PARTITIONS 256
#define TENANT_DEFAULT 1
/* Stable for ever (stored): fingerprints, concurrency keys and shared rates belong to it. */
uint32_t store_partition(int64_t tenant, struct str key);

/* ---- outbox: what the event stream sends, in the order of commits ---- */
struct outbox_entry {
    int64_t tenant;
    struct str topic; /* "alert", "case", "run", "step", "task", "containment" */
    struct id subject;
    struct str body; /* JSON object */
};
/* Gives the entry its sequence number inside this commit. */
FALLIBLE outbox_add(
    struct store_conn *conn, const struct outbox_entry *entry, uint64_t *ret_seq, struct err_info *why);
/* Entries of a tenant after `after`, oldest first, at most `limit`: (seq, at, topic, subject, body) rows.
 * `*ret_oldest` is the oldest kept: a reader further back has missed some. */
FALLIBLE outbox_read(struct store_conn *conn, int64_t tenant, uint64_t after, unsigned limit,
    struct rows *rows, uint64_t *ret_oldest, struct err_info *why);
/* The newest number in this snapshot; 0 when none was given yet. */
FALLIBLE outbox_newest(struct store_conn *conn, uint64_t *ret, struct err_info *why);
/* Forgets entries but the newest `keep`, at most `limit` at a time, so that no commit gets long;
 * `*ret_has_more`: there are more to forget. */
FALLIBLE outbox_trim(
    struct store_conn *conn, uint64_t keep, uint64_t limit, bool *ret_has_more, struct err_info *why);

/* ---- blobs: payloads above BLOB_INLINE_BYTES_MAX, by content ---- */
struct blob_hash {
    uint8_t bytes[32]; /* BLAKE2b-256 */
};
/* Durable when it returns, before the row that names it is committed. */
FALLIBLE blob_add(
    struct store_conn *conn, int64_t tenant, struct str bytes, struct blob_hash *ret, struct err_info *why);
FALLIBLE blob_get(struct store_conn *conn, int64_t tenant, const struct blob_hash *hash, struct arena *arena,
    struct str *ret, struct err_info *why);
/* A payload column's bytes: small ones stand in the row, large ones as a reference. For all tables with
 * payloads: payload_put gives what to store, payload_get what it meant. */
FALLIBLE payload_put(struct store_conn *conn, int64_t tenant, struct str bytes, struct arena *arena,
    struct str *ret_stored, struct err_info *why);
FALLIBLE payload_get(struct store_conn *conn, int64_t tenant, struct str stored, struct arena *arena,
    struct str *ret_bytes, struct err_info *why);

#endif
