/* Secrets: credentials that connections name, and run outputs that a connector declared secret. Opened
 * only where the call is made, wiped after; never in values, logs, journals, recordings, lists.
 *
 * Reading is synchronous on any thread: the vault keeps all sealed secrets in memory and opens one at a
 * time. */
#ifndef TOCSIN_ACCESS_SECRET_H
#define TOCSIN_ACCESS_SECRET_H

#include "access/vault.h"
#include "base/value.h"

/* Bytes in guarded memory. `{ 0 }` is an empty one. AUTO(secret) wipes on every path. */
struct secret {
    unsigned char *bytes; /* with a '\0' behind that `size` does not count */
    size_t size;
};
FALLIBLE secret_init(struct secret *secret, struct str bytes, struct err_info *why); /* copies */
void secret_wipe(struct secret *secret);
void secret_cleanup(struct secret *secret);
/* Borrowed until the wipe. Goes to a header or a body, nowhere else. */
static inline struct str secret_str(const struct secret *secret)
{
    return (struct str){ (const char *)secret->bytes, secret->size };
}
/* In constant time for equal sizes. */
bool secret_equal(const struct secret *a, struct str b);

/* Inside apply: seals and stores, new or in place of the old, with its audit row; readable once the commit
 * is durable. ERR_INVALID on a name that is not [A-Za-z0-9][A-Za-z0-9._-]*, ERR_LIMIT past
 * SECRET_BYTES_MAX. */
FALLIBLE secret_set(struct vault *vault, struct store_conn *conn, const struct principal *by, struct str name,
    struct str content, struct err_info *why);
/* ERR_NOT_FOUND. */
FALLIBLE secret_delete(struct vault *vault, struct store_conn *conn, const struct principal *by,
    struct str name, struct err_info *why);

/* ERR_NOT_FOUND with the mend when there is none of this name. The caller wipes `*ret`. */
FALLIBLE secret_open(
    struct vault *vault, int64_t tenant, struct str name, struct secret *ret, struct err_info *why);
bool secret_exists(struct vault *vault, int64_t tenant, struct str name);

struct secret_info {
    struct str name;
    struct instant created, updated;
    char last_four[5]; /* empty when the secret is shorter than 12 bytes: four would tell too much */
};
/* By name, from memory. */
FALLIBLE secret_list(struct vault *vault, int64_t tenant, struct arena *arena, struct secret_info **ret,
    size_t *ret_count, struct err_info *why);

/* Seals a run's output into a VALUE_SECRET: the value holds the sealed bytes, so it can be journalled and
 * passed on; only secret_unseal of the same tenant opens it. */
FALLIBLE secret_seal(struct vault *vault, int64_t tenant, struct str bytes, struct arena *arena,
    struct value *ret, struct err_info *why);
/* ERR_INVALID when the value is no sealed secret of this tenant or was changed. */
FALLIBLE secret_unseal(
    struct vault *vault, int64_t tenant, struct value sealed, struct secret *ret, struct err_info *why);

#endif
