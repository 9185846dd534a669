/* The master key and what stands under it. The master key seals nothing but keys: each secret has a data
 * key of its own, and a few named keys serve the server itself (token hashes, sealed run outputs, audit
 * anchors). So the master key can be exchanged by wrapping keys anew, without touching contents.
 *
 * XChaCha20-Poly1305 with random nonces; tenant and name are bound in, so that a sealed secret put under
 * another's name does not open. Keys in memory live in guarded, locked pages where the system allows it.
 *
 * Thread-safe. */
#ifndef TOCSIN_ACCESS_VAULT_H
#define TOCSIN_ACCESS_VAULT_H

#include "access/principal.h"
#include "base/rand.h"
#include "store/store.h"

struct vault;

struct vault_options {
    struct store *store;
    struct rand *rand;
    struct str key_text; /* the master key as base64 (TOCSIN_MASTER_KEY); empty: from the file */
    struct str key_file; /* made with mode 0600 at the first start when absent; e.g. DATA/master.key */
};

/* Boot, blocking. ERR_DENIED, name "master_key", when the store's keys were sealed with another master
 * key, with the mend; ERR_INVALID, same name, when file or text are no key or others may read the file. */
FALLIBLE vault_open(const struct vault_options *options, struct vault **ret, struct err_info *why);
void vault_close(struct vault *vault);

enum vault_key { VAULT_KEY_TOKENS, VAULT_KEY_OUTPUTS, VAULT_KEY_AUDIT, VAULT_KEY_COUNT };
/* A keyed BLAKE2b-256 of `bytes`. */
void vault_mac(const struct vault *vault, enum vault_key key, struct str bytes, uint8_t ret[32]);

#endif
