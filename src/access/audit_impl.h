/* What audit.c (writing, listing) and audit_verify.c (proving) share: how a row is read and hashed. */
#ifndef TOCSIN_ACCESS_AUDIT_IMPL_H
#define TOCSIN_ACCESS_AUDIT_IMPL_H

#include "access/audit.h"
#include "base/buf.h"

/* The columns of access_audit as audit_row_read takes them. */
#define AUDIT_COLUMNS \
    "seq, at, actor_kind, actor, actor_name, action, object_kind, object, before, after, reason, remote, " \
    "hash"

/* Borrows from `rows` until its next row. */
void audit_row_read(struct rows *rows, struct audit_row *ret);
/* The canonical JSON of a row: keys sorted, absent parts left out, `previous` in hexadecimal. */
void audit_row_print(
    struct buf *buf, int64_t tenant, const struct audit_row *row, const struct audit_hash *previous);
struct audit_hash audit_hash_of(struct str canonical);
/* False, with zeros, when there is no head. */
FALLIBLE audit_head_read(struct store_conn *conn, int64_t tenant, bool *ret_found, uint64_t *ret_seq,
    struct audit_hash *ret_hash, struct err_info *why);
struct audit_hash audit_hash_read(struct rows *rows, int column);
static inline struct str audit_hash_str(const struct audit_hash *hash)
{
    return (struct str){ (const char *)hash->bytes, sizeof(hash->bytes) };
}
/* What an anchor's signature covers. */
struct audit_anchor_bytes {
    uint8_t bytes[8 + 8 + 32];
};
struct audit_anchor_bytes audit_anchor_bytes(int64_t tenant, uint64_t seq, const struct audit_hash *hash);

#endif
