#include "connect/token_cache.h"

#include <pthread.h>
#include <stdlib.h>

struct token {
    struct id connection;
    uint64_t revision;
    struct secret secret;
    int64_t good_until_us; /* monotonic */
    struct token *next;
};

/* One entry for each connection that uses OAuth: a short list. */
struct token_cache {
    struct clock *clock;
    pthread_mutex_t mutex;
    struct token *first;
};

FALLIBLE token_cache_new(struct clock *clock, struct token_cache **ret, struct err_info *why)
{
    struct token_cache *cache = calloc(1, sizeof(*cache));
    if (!cache)
        return err_memory(why);
    cache->clock = clock;
    pthread_mutex_init(&cache->mutex, NULL);
    *ret = cache;
    return ERR_OK;
}

void token_cache_free(struct token_cache *cache)
{
    if (!cache)
        return;
    for (struct token *token = cache->first, *next; token; token = next) {
        next = token->next;
        secret_wipe(&token->secret);
        free(token);
    }
    pthread_mutex_destroy(&cache->mutex);
    free(cache);
}

static struct token *find(const struct token_cache *cache, struct id connection)
{
    for (struct token *token = cache->first; token; token = token->next) {
        if (id_equal(token->connection, connection))
            return token;
    }
    return NULL;
}

bool token_cache_get(struct token_cache *cache, struct id connection, uint64_t revision, struct secret *ret)
{
    int64_t now = clock_monotonic_us(cache->clock);
    pthread_mutex_lock(&cache->mutex);
    const struct token *token = find(cache, connection);
    bool is_good = token && token->secret.bytes && token->revision == revision &&
        now < token->good_until_us && secret_init(ret, secret_str(&token->secret), NULL) == ERR_OK;
    pthread_mutex_unlock(&cache->mutex);
    return is_good;
}

static FALLIBLE put(struct token_cache *cache, struct id connection, uint64_t revision, struct secret *secret,
    int64_t good_until_us, struct err_info *why)
{
    struct token *token = find(cache, connection);
    if (!token) {
        token = calloc(1, sizeof(*token));
        if (!token)
            return err_memory(why);
        token->connection = connection;
        token->next = cache->first;
        cache->first = token;
    }
    secret_wipe(&token->secret);
    token->secret = *secret;
    *secret = (struct secret){ 0 };
    token->revision = revision;
    token->good_until_us = good_until_us;
    return ERR_OK;
}

FALLIBLE token_cache_put(struct token_cache *cache, struct id connection, uint64_t revision, struct str token,
    int64_t life_us, struct err_info *why)
{
    AUTO(secret) struct secret secret = { 0 };
    TRY(secret_init(&secret, token, why));
    int64_t good_until_us = clock_monotonic_us(cache->clock) + life_us;
    pthread_mutex_lock(&cache->mutex);
    enum err result = put(cache, connection, revision, &secret, good_until_us, why);
    pthread_mutex_unlock(&cache->mutex);
    return result;
}

void token_cache_drop(struct token_cache *cache, struct id connection)
{
    pthread_mutex_lock(&cache->mutex);
    struct token *token = find(cache, connection);
    if (token)
        secret_wipe(&token->secret);
    pthread_mutex_unlock(&cache->mutex);
}
