/* The secrets of one call: opened when its request is made, held to mask what the other side echoes, wiped
 * when it ends. In values a secret is only a handle (VALUE_SECRET without bytes); its content goes to a
 * header, a query or a body, nowhere else. */
#ifndef TOCSIN_CONNECT_CALL_SECRETS_H
#define TOCSIN_CONNECT_CALL_SECRETS_H

#include "access/secret.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/value.h"

/* Opens what a setting names; the vault's in production, made-up ones for examples. */
struct secret_source {
    enum err (*open)(struct secret_source *source, struct str name, struct secret *ret, struct err_info *why);
    /* A sealed output of an earlier step. */
    enum err (*unseal)(
        struct secret_source *source, struct value sealed, struct secret *ret, struct err_info *why);
    /* Makes a sealed output. */
    enum err (*seal)(struct secret_source *source, struct str bytes, struct arena *arena, struct value *ret,
        struct err_info *why);
};

/* The vault's secrets of one tenant. */
struct vault_secrets {
    struct secret_source source;
    struct vault *vault; /* NULL: there are none */
    int64_t tenant;
};
void vault_secrets_init(struct vault_secrets *secrets, struct vault *vault, int64_t tenant);

#define CALL_SECRETS_MAX 16
/* Shorter ones would mask parts of ordinary words. */
#define SECRET_MASK_BYTES_MIN 6

struct call_secrets {
    struct secret items[CALL_SECRETS_MAX];
    uint32_t count;
};
/* Wipes all. `{ 0 }` is empty. */
void call_secrets_done(struct call_secrets *secrets);
void call_secrets_cleanup(struct call_secrets *secrets);
/* Wipes all but the first `keep`. */
void call_secrets_trim(struct call_secrets *secrets, uint32_t keep);

/* Copies the bytes and gives their handle. ERR_LIMIT past CALL_SECRETS_MAX. */
FALLIBLE call_secrets_add(
    struct call_secrets *secrets, struct str bytes, struct value *ret, struct err_info *why);
/* Takes over `*secret`, which is empty afterwards. */
FALLIBLE call_secrets_take(
    struct call_secrets *secrets, struct secret *secret, struct value *ret, struct err_info *why);
/* What a handle stands for; a sealed output is unsealed first, and masked from then on. Borrowed. */
FALLIBLE call_secrets_bytes(struct call_secrets *secrets, struct secret_source *source, struct value handle,
    struct str *ret, struct err_info *why);

/* The text with each secret replaced by "(secret)": as it is, and percent-encoded. The text itself when
 * there is nothing to mask. */
FALLIBLE call_secrets_mask(const struct call_secrets *secrets, struct arena *arena, struct str text,
    struct str *ret, struct err_info *why);
/* The same for every string in a value, keys too; shares what does not change. */
FALLIBLE call_secrets_mask_value(const struct call_secrets *secrets, struct arena *arena, struct value v,
    struct value *ret, struct err_info *why);

/* A buffer that held secrets: overwritten before it is freed. */
void buf_wipe(struct buf *buf);

#endif
