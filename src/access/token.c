#include "access/token.h"

#include <assert.h>
#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "access/audit.h"
#include "base/text.h"

#define TOKEN_TEXT_BYTES (sizeof(((struct token_text *)0)->text) - 1)
#define HASH_BYTES 32

static const struct sql tokens_all = {
    "SELECT tenant, id, hash, name, scopes, created, expires, last_used, created_by FROM access_tokens"
    " WHERE revoked = 0 ORDER BY created, id",
    NULL
};
static const struct sql token_insert = { "INSERT INTO access_tokens (tenant, id, hash, name, scopes, "
                                         "created, expires, last_used, revoked, created_by)"
                                         " VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, $8)",
    NULL };
static const struct sql token_find = {
    "SELECT name, scopes, expires FROM access_tokens WHERE tenant = $1 AND id = $2 AND revoked = 0", NULL
};
static const struct sql token_end = {
    "UPDATE access_tokens SET revoked = $3 WHERE tenant = $1 AND id = $2 AND revoked = 0", NULL
};
static const struct sql token_use = { "UPDATE access_tokens SET last_used = $3 WHERE tenant = $1 AND id = $2",
    NULL };

struct token_entry {
    struct token_entry *next_in_bucket;
    struct token_entry *next; /* by age */
    uint8_t hash[HASH_BYTES];
    struct principal principal;
    struct instant created, expires, last_used;
    bool is_use_stored;
    uint8_t created_by_size;
    char created_by[PRINCIPAL_NAME_BYTES_MAX];
};

struct tokens {
    struct vault *vault;
    struct rand *rand;
    struct clock *clock;
    pthread_mutex_t mutex; /* guards all below */
    struct token_entry *first, *last;
    size_t count;
    struct token_entry **buckets;
    size_t bucket_count; /* a power of two */
};

static void lock(struct tokens *tokens)
{
    int failed = pthread_mutex_lock(&tokens->mutex);
    assert(!failed);
    (void)failed;
}

static void unlock(struct tokens *tokens)
{
    int failed = pthread_mutex_unlock(&tokens->mutex);
    assert(!failed);
    (void)failed;
}

/* ---- the table ---- */

static struct token_entry **bucket_of(struct tokens *tokens, const uint8_t hash[HASH_BYTES])
{
    uint64_t number;
    memcpy(&number, hash, sizeof(number)); /* a keyed hash: nobody can aim at one bucket */
    return &tokens->buckets[number & (tokens->bucket_count - 1)];
}

/* Without memory the chains only get longer. */
static void buckets_grow(struct tokens *tokens)
{
    struct token_entry **fresh = calloc(tokens->bucket_count * 4, sizeof(struct token_entry *));
    if (!fresh)
        return;
    free(tokens->buckets);
    tokens->buckets = fresh;
    tokens->bucket_count *= 4;
    for (struct token_entry *entry = tokens->first; entry; entry = entry->next) {
        struct token_entry **bucket = bucket_of(tokens, entry->hash);
        entry->next_in_bucket = *bucket;
        *bucket = entry;
    }
}

static void table_add(struct tokens *tokens, struct token_entry *entry)
{
    if (tokens->count >= tokens->bucket_count * 2)
        buckets_grow(tokens);
    struct token_entry **bucket = bucket_of(tokens, entry->hash);
    entry->next_in_bucket = *bucket;
    *bucket = entry;
    entry->next = NULL;
    if (tokens->last)
        tokens->last->next = entry;
    else
        tokens->first = entry;
    tokens->last = entry;
    tokens->count++;
}

static struct token_entry *table_find_id(const struct tokens *tokens, int64_t tenant, struct id id)
{
    struct token_entry *entry = tokens->first;
    while (entry && (entry->principal.tenant != tenant || !id_equal(entry->principal.id, id)))
        entry = entry->next;
    return entry;
}

static void table_remove(struct tokens *tokens, int64_t tenant, struct id id)
{
    struct token_entry *entry = table_find_id(tokens, tenant, id), *before = NULL;
    if (!entry)
        return; /* another process may have made it */
    struct token_entry **link = bucket_of(tokens, entry->hash);
    while (*link != entry)
        link = &(*link)->next_in_bucket;
    *link = entry->next_in_bucket;
    for (struct token_entry *at = tokens->first; at != entry; at = at->next)
        before = at;
    if (before)
        before->next = entry->next;
    else
        tokens->first = entry->next;
    if (tokens->last == entry)
        tokens->last = before;
    tokens->count--;
    free(entry);
}

static struct token_entry *table_find_hash(struct tokens *tokens, const uint8_t hash[HASH_BYTES])
{
    struct token_entry *entry = *bucket_of(tokens, hash);
    while (entry && sodium_memcmp(entry->hash, hash, HASH_BYTES))
        entry = entry->next_in_bucket;
    return entry;
}

/* ---- opening ---- */

static enum err load_one(struct tokens *tokens, struct rows *rows, struct err_info *why)
{
    struct token_entry *entry = calloc(1, sizeof(*entry));
    if (!entry)
        return err_memory(why);
    principal_init(
        &entry->principal, PRINCIPAL_TOKEN, rows_int(rows, 0), rows_id(rows, 1), rows_bytes(rows, 3));
    enum err result = scopes_parse(&entry->principal.scopes, rows_bytes(rows, 4), why);
    struct str hash = rows_bytes(rows, 2);
    if (result == ERR_OK && hash.size != HASH_BYTES)
        result = err_named(why, ERR_INTERNAL, "store_corrupt", "a token's hash has %zu bytes", hash.size);
    if (result != ERR_OK) {
        free(entry);
        return result;
    }
    memcpy(entry->hash, hash.data, HASH_BYTES);
    entry->created = rows_instant(rows, 5);
    entry->expires = rows_instant(rows, 6);
    entry->last_used = rows_instant(rows, 7);
    entry->is_use_stored = true;
    struct str by = str_slice(rows_bytes(rows, 8), 0, sizeof(entry->created_by));
    memcpy(entry->created_by, by.data ? by.data : "", by.size);
    entry->created_by_size = (uint8_t)by.size;
    table_add(tokens, entry);
    return ERR_OK;
}

static enum err load_all(void *context, struct store_conn *conn, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &tokens_all, SQL_NO_ARGS, why));
    while (rows_next(&rows))
        TRY(load_one(context, &rows, why));
    return rows_end(&rows, why);
}

enum err tokens_open(const struct tokens_options *options, struct tokens **ret, struct err_info *why)
{
    struct tokens *tokens = calloc(1, sizeof(*tokens));
    if (!tokens)
        return err_memory(why);
    tokens->vault = options->vault;
    tokens->rand = options->rand;
    tokens->clock = options->clock;
    tokens->bucket_count = 64;
    tokens->buckets = calloc(tokens->bucket_count, sizeof(struct token_entry *));
    if (!tokens->buckets || pthread_mutex_init(&tokens->mutex, NULL)) {
        free(tokens->buckets);
        free(tokens);
        return err_memory(why);
    }
    enum err result = store_read_wait(options->store, load_all, tokens, why);
    if (result != ERR_OK) {
        tokens_close(tokens);
        return result;
    }
    *ret = tokens;
    return ERR_OK;
}

void tokens_close(struct tokens *tokens)
{
    if (!tokens)
        return;
    while (tokens->first) {
        struct token_entry *entry = tokens->first;
        tokens->first = entry->next;
        free(entry);
    }
    free(tokens->buckets);
    (void)pthread_mutex_destroy(&tokens->mutex); /* unused now */
    free(tokens);
}

struct rand *tokens_rand(const struct tokens *tokens)
{
    return tokens->rand;
}

/* ---- authentication ---- */

static enum err refuse(struct err_info *why)
{
    /* One text for all causes that tell a stranger something. */
    return err_named(why, ERR_DENIED, "token", "this token is not known here: it is wrong, or was revoked");
}

enum err token_authenticate(
    struct tokens *tokens, struct str text, struct principal *ret, struct err_info *why)
{
    uint8_t hash[HASH_BYTES];
    if (text.size != TOKEN_TEXT_BYTES || !str_starts(text, STR(TOKEN_PREFIX)))
        return refuse(why);
    vault_mac(tokens->vault, VAULT_KEY_TOKENS, text, hash);
    struct instant now = clock_now(tokens->clock);
    lock(tokens);
    struct token_entry *entry = table_find_hash(tokens, hash);
    bool is_expired = entry && now.us >= entry->expires.us;
    if (entry && !is_expired) {
        *ret = entry->principal;
        entry->last_used = now;
        entry->is_use_stored = false;
    }
    unlock(tokens);
    if (is_expired)
        return err_named(why, ERR_DENIED, "token_expired", "this token has expired: ask for a new one");
    return entry ? ERR_OK : refuse(why);
}

enum err token_authenticate_header(
    struct tokens *tokens, struct str header, struct principal *ret, struct err_info *why)
{
    struct str scheme = str_slice(header, 0, strlen("Bearer "));
    if (!str_equal_nocase(scheme, STR("Bearer ")))
        return err_named(why, ERR_DENIED, "token", "send a token: Authorization: Bearer toc_…");
    return token_authenticate(tokens, str_trim(str_slice(header, scheme.size, header.size)), ret, why);
}

/* ---- create and revoke ---- */

/* What a commit changes in memory: adds `entry`, or takes out the token `id` when there is none. */
struct token_hook {
    struct store_hook hook;
    struct tokens *tokens;
    struct token_entry *entry;
    int64_t tenant;
    struct id id;
};

static void token_hook_run(struct store_hook *hook, bool is_committed)
{
    struct token_hook *change = (struct token_hook *)(void *)hook;
    lock(change->tokens);
    if (is_committed && change->entry)
        table_add(change->tokens, change->entry);
    else if (is_committed)
        table_remove(change->tokens, change->tenant, change->id);
    unlock(change->tokens);
    if (!is_committed)
        free(change->entry);
    free(change);
}

/* Takes `entry`, also on failure. */
static enum err add_hook(struct tokens *tokens, struct store_conn *conn, struct token_entry *entry,
    int64_t tenant, struct id id, struct err_info *why)
{
    struct token_hook *change = calloc(1, sizeof(*change));
    if (!change) {
        free(entry);
        return err_memory(why);
    }
    *change = (struct token_hook){ { .run = token_hook_run }, tokens, entry, tenant, id };
    store_add_hook(conn, &change->hook);
    return ERR_OK;
}

static enum err check_name(struct str name, struct err_info *why)
{
    bool is_good = name.size > 0 && name.size <= PRINCIPAL_NAME_BYTES_MAX && utf8_is_valid(name);
    for (size_t i = 0; is_good && i < name.size; i++)
        is_good = (unsigned char)name.data[i] >= ' ' && name.data[i] != 0x7f;
    if (is_good)
        return ERR_OK;
    return err_named(why, ERR_INVALID, "token_name",
        "a token needs a name of 1 to %d bytes without control characters", PRINCIPAL_NAME_BYTES_MAX);
}

static enum err check_spec(
    struct store_conn *conn, const struct principal *by, const struct token_spec *spec, struct err_info *why)
{
    TRY(check_name(spec->name, why));
    if (spec->expires.us <= store_commit_time(conn).us)
        return err_named(why, ERR_INVALID, "token_expires", "a token's end must lie in the future");
    if (spec->scopes.permissions == 0)
        return err_named(
            why, ERR_INVALID, "scope", "a token without a scope could do nothing: give at least one");
    if (!scopes_cover(&by->scopes, &spec->scopes))
        return err_named(
            why, ERR_DENIED, "scope", "nobody can give a token scopes that they do not have themselves");
    return ERR_OK;
}

static void make_text(struct rand *rand, struct token_text *ret)
{
    uint8_t bytes[32];
    rand_fill(rand, bytes, sizeof(bytes));
    memcpy(ret->text, TOKEN_PREFIX, strlen(TOKEN_PREFIX));
    (void)sodium_bin2base64(ret->text + strlen(TOKEN_PREFIX), sizeof(ret->text) - strlen(TOKEN_PREFIX), bytes,
        sizeof(bytes), sodium_base64_VARIANT_URLSAFE_NO_PADDING); /* returns its buffer */
    sodium_memzero(bytes, sizeof(bytes));
}

/* `before` or `after` is null: a token is made or ends, it never changes. */
static enum err audit_token(struct store_conn *conn, const struct principal *by, struct id id,
    struct value before, struct value after, struct err_info *why)
{
    struct id_text text = id_text(id);
    struct audit_entry entry = {
        .by = by,
        .action = value_is(before, VALUE_NULL) ? STR("token.create") : STR("token.revoke"),
        .object_kind = STR("token"),
        .object = id_str(&text),
        .before = before,
        .after = after,
    };
    return audit_append(conn, &entry, NULL, why);
}

/* How a token stands in the audit chain. */
static enum err describe(struct arena *arena, struct str name, struct str scopes, struct instant expires,
    struct value *ret, struct err_info *why)
{
    struct value_map_builder map = { 0 };
    value_map_begin(&map, arena);
    TRY(value_map_set(&map, "name", value_string(name), why));
    TRY(value_map_set(&map, "scopes", value_string(scopes), why));
    if (expires.us != INSTANT_NEVER.us)
        TRY(value_map_set(&map, "expires", value_int(expires.us), why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

static enum err entry_new(struct tokens *tokens, struct store_conn *conn, const struct principal *by,
    const struct token_spec *spec, const struct token_text *text, struct token_entry **ret)
{
    struct token_entry *entry = calloc(1, sizeof(*entry));
    if (!entry)
        return ERR_MEMORY;
    struct id id = id_new(tokens->clock, tokens->rand);
    principal_init(&entry->principal, PRINCIPAL_TOKEN, by->tenant, id, spec->name);
    entry->principal.scopes = spec->scopes;
    vault_mac(tokens->vault, VAULT_KEY_TOKENS, str_of(text->text), entry->hash);
    entry->created = store_commit_time(conn);
    entry->expires = spec->expires;
    entry->is_use_stored = true;
    memcpy(entry->created_by, by->name, by->name_size);
    entry->created_by_size = by->name_size;
    *ret = entry;
    return ERR_OK;
}

static enum err insert(struct store_conn *conn, const struct principal *by, const struct token_entry *entry,
    struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf scopes = { 0 };
    struct value after = value_null();
    const struct principal *principal = &entry->principal;
    scopes_print(&scopes, &principal->scopes);
    TRY(buf_check(&scopes, why));
    TRY(sql_run(conn, &token_insert,
        SQL_ARGS(arg_int(principal->tenant), arg_id(&principal->id),
            arg_bytes((struct str){ (const char *)entry->hash, HASH_BYTES }),
            arg_text(principal_name(principal)), arg_text(buf_str(&scopes)), arg_instant(entry->created),
            arg_instant(entry->expires), arg_text((struct str){ entry->created_by, entry->created_by_size })),
        NULL, why));
    TRY(describe(&arena, principal_name(principal), buf_str(&scopes), entry->expires, &after, why));
    return audit_token(conn, by, principal->id, value_null(), after, why);
}

enum err token_create(struct tokens *tokens, struct store_conn *conn, const struct principal *by,
    const struct token_spec *spec, struct token_made *ret, struct err_info *why)
{
    struct token_made made = { 0 };
    struct token_entry *entry = NULL;
    TRY(check_spec(conn, by, spec, why));
    make_text(tokens->rand, &made.text);
    if (entry_new(tokens, conn, by, spec, &made.text, &entry) != ERR_OK)
        return err_memory(why);
    made.id = entry->principal.id;
    enum err result = insert(conn, by, entry, why);
    if (result != ERR_OK) {
        free(entry);
        return result;
    }
    TRY(add_hook(tokens, conn, entry, by->tenant, made.id, why));
    *ret = made;
    return ERR_OK;
}

/* What will be revoked, for the audit chain. */
static enum err describe_stored(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    struct str name = { 0 }, scopes = { 0 };
    TRY(rows_open(&rows, conn, &token_find, SQL_ARGS(arg_int(tenant), arg_id(&id)), why));
    if (!rows_next(&rows)) {
        TRY(rows_end(&rows, why));
        return err_named(why, ERR_NOT_FOUND, "token", "there is no such token");
    }
    TRY(arena_str(arena, rows_bytes(&rows, 0), &name, why));
    TRY(arena_str(arena, rows_bytes(&rows, 1), &scopes, why));
    struct instant expires = rows_instant(&rows, 2);
    TRY(rows_end(&rows, why));
    return describe(arena, name, scopes, expires, ret, why);
}

enum err token_revoke(struct tokens *tokens, struct store_conn *conn, const struct principal *by,
    struct id id, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct value before = value_null();
    TRY(describe_stored(conn, by->tenant, id, &arena, &before, why));
    TRY(sql_run(conn, &token_end,
        SQL_ARGS(arg_int(by->tenant), arg_id(&id), arg_instant(store_commit_time(conn))), NULL, why));
    TRY(add_hook(tokens, conn, NULL, by->tenant, id, why));
    return audit_token(conn, by, id, before, value_null(), why);
}

/* ---- lists ---- */

static enum err info_of(
    const struct token_entry *entry, struct arena *arena, struct token_info *ret, struct err_info *why)
{
    *ret = (struct token_info){
        .id = entry->principal.id,
        .scopes = entry->principal.scopes,
        .created = entry->created,
        .expires = entry->expires,
        .last_used = entry->last_used,
    };
    TRY(arena_str(arena, principal_name(&entry->principal), &ret->name, why));
    struct str by = { entry->created_by, entry->created_by_size };
    return arena_str(arena, by, &ret->created_by, why);
}

static enum err list_locked(const struct tokens *tokens, int64_t tenant, struct arena *arena,
    struct token_info **ret, size_t *ret_count, struct err_info *why)
{
    size_t count = 0;
    struct token_info *list = ARENA_ARRAY(arena, tokens->count + 1, struct token_info);
    if (!list)
        return err_memory(why);
    for (const struct token_entry *entry = tokens->first; entry; entry = entry->next) {
        if (entry->principal.tenant == tenant)
            TRY(info_of(entry, arena, &list[count++], why));
    }
    *ret = list;
    *ret_count = count;
    return ERR_OK;
}

enum err token_list(struct tokens *tokens, int64_t tenant, struct arena *arena, struct token_info **ret,
    size_t *ret_count, struct err_info *why)
{
    lock(tokens);
    enum err result = list_locked(tokens, tenant, arena, ret, ret_count, why);
    unlock(tokens);
    return result;
}

enum err token_get(struct tokens *tokens, int64_t tenant, struct id id, struct arena *arena,
    struct token_info *ret, struct err_info *why)
{
    lock(tokens);
    const struct token_entry *entry = table_find_id(tokens, tenant, id);
    enum err result = entry ? info_of(entry, arena, ret, why) : ERR_NOT_FOUND;
    unlock(tokens);
    return entry ? result : err_named(why, ERR_NOT_FOUND, "token", "there is no such token");
}

/* ---- times of use ---- */

bool tokens_have_uses(struct tokens *tokens)
{
    bool has = false;
    lock(tokens);
    for (const struct token_entry *entry = tokens->first; entry && !has; entry = entry->next)
        has = !entry->is_use_stored;
    unlock(tokens);
    return has;
}

struct use {
    int64_t tenant;
    struct id id;
    struct instant at;
};

/* Marks them as stored: if the commit fails, the next use of each marks it again. */
static size_t take_uses(struct tokens *tokens, struct use *uses, size_t room)
{
    size_t count = 0;
    for (struct token_entry *entry = tokens->first; entry && count < room; entry = entry->next) {
        if (entry->is_use_stored)
            continue;
        uses[count++] = (struct use){ entry->principal.tenant, entry->principal.id, entry->last_used };
        entry->is_use_stored = true;
    }
    return count;
}

enum err tokens_store_uses(struct tokens *tokens, struct store_conn *conn, struct err_info *why)
{
    struct use uses[64];
    size_t count = sizeof(uses) / sizeof(uses[0]);
    while (count == sizeof(uses) / sizeof(uses[0])) {
        lock(tokens);
        count = take_uses(tokens, uses, count);
        unlock(tokens);
        for (size_t i = 0; i < count; i++)
            TRY(sql_run(conn, &token_use,
                SQL_ARGS(arg_int(uses[i].tenant), arg_id(&uses[i].id), arg_instant(uses[i].at)), NULL, why));
    }
    return ERR_OK;
}
