/* OAuth 2 access tokens by connection, shared by all shards, in guarded memory. A changed connection (a new
 * revision) needs a new one. Thread-safe. */
#ifndef TOCSIN_CONNECT_TOKEN_CACHE_H
#define TOCSIN_CONNECT_TOKEN_CACHE_H

#include "access/secret.h"
#include "base/clock.h"
#include "base/id.h"

struct token_cache;

FALLIBLE token_cache_new(struct clock *clock, struct token_cache **ret, struct err_info *why);
void token_cache_free(struct token_cache *cache);

/* A copy that the caller wipes. False when there is none that is still good. */
bool token_cache_get(struct token_cache *cache, struct id connection, uint64_t revision, struct secret *ret);
/* Copies. Good for `life_us` from now. */
FALLIBLE token_cache_put(struct token_cache *cache, struct id connection, uint64_t revision, struct str token,
    int64_t life_us, struct err_info *why);
/* The other side no longer takes it. */
void token_cache_drop(struct token_cache *cache, struct id connection);

#endif
