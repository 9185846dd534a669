/* The audit chain: who did what to which object, when, and how it was before and after. Every mutation
 * and every decision appends its row in its own commit, so neither is ever there without the other.
 *
 * Rows of a tenant are numbered from 1 without gaps, and each carries the SHA-256 of its canonical JSON,
 * which holds the hash of the row before: an edit, an insertion or a removal breaks the chain at its
 * place. A head row (count, last hash) shows a cut at the end. Who can write the database could also
 * rewrite chain and head together; against that stand anchors: (seq, hash) signed with a key that is
 * under the master key, kept in a table and meant for the log, where an outside collector has them.
 *
 * `export` writes the canonical lines, so the chain can be proved with sha256sum alone. */
#ifndef TOCSIN_ACCESS_AUDIT_H
#define TOCSIN_ACCESS_AUDIT_H

#include "access/principal.h"
#include "base/value.h"
#include "store/store.h"

struct vault;

struct audit_hash {
    uint8_t bytes[32]; /* SHA-256; zeros before the first row */
};

struct audit_entry {
    const struct principal *by; /* also gives the tenant */
    struct str action; /* "OBJECT.VERB": "token.create", "case.close", "task.answer" */
    struct str object_kind; /* "token", "case", "task", "connection", … */
    struct str object; /* its id as text, or its name */
    struct value before, after; /* null when there is none; never a secret's content */
    struct str reason; /* what the person or the policy gave; may be empty */
    struct str remote; /* peer address of the request; may be empty */
};

/* Inside the caller's apply. A `before` or `after` above AUDIT_VALUE_BYTES_MAX as JSON is kept as its size
 * and SHA-256. `ret_seq` may be NULL. */
FALLIBLE audit_append(
    struct store_conn *conn, const struct audit_entry *entry, uint64_t *ret_seq, struct err_info *why);

/* One row as read; slices live in the arena given to audit_list, or until the next row. */
struct audit_row {
    uint64_t seq;
    struct instant at;
    struct str actor_kind, actor_name;
    struct id actor;
    struct str action, object_kind, object;
    struct str before, after; /* JSON text; empty when there is none */
    struct str reason, remote;
    struct audit_hash hash;
};
struct audit_filter {
    struct str action; /* exact, or "token.*"; empty: any */
    struct str object_kind; /* empty: any */
    struct str object;
    struct str actor_name;
    struct instant since, until; /* until.us == 0: no end */
    uint64_t before_seq; /* 0: from the newest */
    unsigned limit; /* 0: LIST_LIMIT_DEFAULT */
};
struct audit_page {
    struct audit_row *rows;
    size_t count;
    uint64_t next; /* the before_seq of the next page; 0 at the end */
};
/* Newest first. */
FALLIBLE audit_list(struct store_conn *conn, int64_t tenant, const struct audit_filter *filter,
    struct arena *arena, struct audit_page *ret, struct err_info *why);

struct audit_check {
    bool is_good;
    uint64_t rows; /* checked and good */
    uint64_t broken_seq; /* the first row at which the chain breaks; 0 when good */
    const char *broken_code; /* "edited", "missing", "inserted", "truncated", "head", "anchor", … */
    char broken_text[200]; /* for a person */
    uint64_t head_seq;
    struct audit_hash head;
};
/* Streams over all rows of a tenant. A broken chain is a result, not an error. With a `vault` the anchors'
 * signatures are checked too; NULL leaves them out. */
FALLIBLE audit_verify(struct store_conn *conn, struct vault *vault, int64_t tenant, struct audit_check *ret,
    struct err_info *why);
/* Whether the chain still holds the row that an anchor, e.g. from an old log line, names. */
FALLIBLE audit_verify_anchor(struct store_conn *conn, int64_t tenant, uint64_t seq,
    const struct audit_hash *hash, struct audit_check *ret, struct err_info *why);

/* Signs the head and stores it when it moved since the last anchor; `*ret_seq` is 0 when it did not. The
 * caller logs seq and hash. Inside apply; main calls it every AUDIT_ANCHOR_SECONDS and at shutdown. */
FALLIBLE audit_anchor(struct store_conn *conn, struct vault *vault, int64_t tenant, uint64_t *ret_seq,
    struct audit_hash *ret_hash, struct err_info *why);

typedef enum err audit_line(void *context, struct str json, struct err_info *why);
/* Calls `line` for each row from `from_seq` on with `{"hash":…,"row":CANONICAL}` (one line of JSON, no line
 * end); a `line` that fails ends the export with its error. */
FALLIBLE audit_export(struct store_conn *conn, int64_t tenant, uint64_t from_seq, audit_line *line,
    void *context, struct err_info *why);

#endif
