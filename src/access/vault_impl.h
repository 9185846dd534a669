/* What vault.c (keys) and secret.c (contents) share. */
#ifndef TOCSIN_ACCESS_VAULT_IMPL_H
#define TOCSIN_ACCESS_VAULT_IMPL_H

#include <pthread.h>
#include <sodium.h>

#include "access/vault.h"

#define VAULT_KEY_BYTES crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define VAULT_NONCE_BYTES crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define VAULT_TAG_BYTES crypto_aead_xchacha20poly1305_ietf_ABYTES
/* A sealed text is this much longer than the open one. */
#define VAULT_SEAL_BYTES (VAULT_NONCE_BYTES + VAULT_TAG_BYTES)

/* All keys in one guarded allocation, read-only once loaded. */
struct vault_keys {
    uint8_t master[VAULT_KEY_BYTES];
    uint8_t named[VAULT_KEY_COUNT][VAULT_KEY_BYTES];
};

struct vault_secret {
    struct vault_secret *next;
    int64_t tenant;
    struct instant created, updated;
    char last_four[5];
    struct str name;
    struct str sealed;
    char bytes[]; /* name, then sealed */
};

struct vault {
    struct rand *rand;
    struct vault_keys *keys;
    pthread_mutex_t mutex; /* guards `secrets` */
    struct vault_secret *secrets; /* by tenant, then name */
};

/* What a sealed text is bound to: it opens under the same words only. */
struct vault_binding {
    const char *use; /* "key", "secret", … */
    int64_t tenant;
    struct str name;
};

/* Writes nonce and ciphertext to `ret`, which has room for text.size + VAULT_SEAL_BYTES. */
void vault_seal(struct rand *rand, const uint8_t key[VAULT_KEY_BYTES], const struct vault_binding *binding,
    struct str text, uint8_t *ret);
/* `ret` has room for sealed.size - VAULT_SEAL_BYTES; false when key, binding or bytes are wrong. */
bool vault_unseal(
    const uint8_t key[VAULT_KEY_BYTES], const struct vault_binding *binding, struct str sealed, uint8_t *ret);

/* secret.c: reads the table into memory; frees it. */
FALLIBLE vault_secrets_load(struct vault *vault, struct store_conn *conn, struct err_info *why);
void vault_secrets_free(struct vault *vault);

#endif
