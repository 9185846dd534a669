#include "access/secret.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "access/audit.h"
#include "access/vault_impl.h"

#define SEALED_VERSION_SECRET 1 /* then the sealed data key, then the content sealed with it */
#define SEALED_VERSION_OUTPUT 2 /* then the content sealed with the key of outputs */
#define SEALED_KEY_BYTES (VAULT_KEY_BYTES + VAULT_SEAL_BYTES)
#define LAST_FOUR_BYTES_MIN 12

static const struct sql secrets_all = {
    "SELECT tenant, name, sealed, last_four, created, updated FROM access_secrets", NULL
};
static const struct sql secret_find = { "SELECT created FROM access_secrets WHERE tenant = $1 AND name = $2",
    NULL };
static const struct sql secret_upsert = {
    "INSERT INTO access_secrets (tenant, name, sealed, last_four, created, updated) VALUES ($1, $2, $3, $4, "
    "$5, $6)"
    " ON CONFLICT (tenant, name) DO UPDATE SET sealed = excluded.sealed, last_four = excluded.last_four,"
    " updated = excluded.updated",
    NULL
};
static const struct sql secret_remove = { "DELETE FROM access_secrets WHERE tenant = $1 AND name = $2",
    NULL };

/* ---- struct secret ---- */

static enum err secret_make(struct secret *secret, size_t size, struct err_info *why)
{
    /* Again and again is cheap: a process may hold secrets without having opened a vault. */
    if (sodium_init() < 0)
        return err_set(why, ERR_INTERNAL, "the crypto library does not start");
    unsigned char *bytes = sodium_malloc(size + 1);
    if (!bytes)
        return err_memory(why);
    bytes[size] = '\0';
    *secret = (struct secret){ bytes, size };
    return ERR_OK;
}

enum err secret_init(struct secret *secret, struct str bytes, struct err_info *why)
{
    TRY(secret_make(secret, bytes.size, why));
    if (bytes.size > 0)
        memcpy(secret->bytes, bytes.data, bytes.size);
    return ERR_OK;
}

void secret_wipe(struct secret *secret)
{
    sodium_free(secret->bytes); /* fills with zeros first; NULL is fine */
    *secret = (struct secret){ 0 };
}

void secret_cleanup(struct secret *secret)
{
    secret_wipe(secret);
}

bool secret_equal(const struct secret *a, struct str b)
{
    return a->size == b.size && (a->size == 0 || !sodium_memcmp(a->bytes, b.data, b.size));
}

/* ---- the table in memory ---- */

static void lock(struct vault *vault)
{
    int failed = pthread_mutex_lock(&vault->mutex);
    assert(!failed);
    (void)failed;
}

static void unlock(struct vault *vault)
{
    int failed = pthread_mutex_unlock(&vault->mutex);
    assert(!failed);
    (void)failed;
}

static int secret_order(const struct vault_secret *secret, int64_t tenant, struct str name)
{
    if (secret->tenant != tenant)
        return secret->tenant < tenant ? -1 : 1;
    return str_compare(secret->name, name);
}

/* The link at which the secret stands, or would stand. */
static struct vault_secret **find_link(struct vault *vault, int64_t tenant, struct str name, bool *ret_found)
{
    struct vault_secret **link = &vault->secrets;
    int order = -1;
    while (*link && (order = secret_order(*link, tenant, name)) < 0)
        link = &(*link)->next;
    *ret_found = *link && order == 0;
    return link;
}

static void cache_put(struct vault *vault, struct vault_secret *secret)
{
    bool found = false;
    struct vault_secret **link = find_link(vault, secret->tenant, secret->name, &found);
    struct vault_secret *old = found ? *link : NULL;
    secret->next = old ? old->next : *link;
    *link = secret;
    free(old);
}

static void cache_remove(struct vault *vault, int64_t tenant, struct str name)
{
    bool found = false;
    struct vault_secret **link = find_link(vault, tenant, name, &found);
    if (!found)
        return; /* another process may have made it */
    struct vault_secret *old = *link;
    *link = old->next;
    free(old);
}

static enum err entry_new(
    int64_t tenant, struct str name, struct str sealed, struct vault_secret **ret, struct err_info *why)
{
    struct vault_secret *entry = calloc(1, sizeof(*entry) + name.size + sealed.size);
    if (!entry)
        return err_memory(why);
    memcpy(entry->bytes, name.data, name.size);
    if (sealed.size > 0)
        memcpy(entry->bytes + name.size, sealed.data, sealed.size);
    entry->tenant = tenant;
    entry->name = (struct str){ entry->bytes, name.size };
    entry->sealed = (struct str){ entry->bytes + name.size, sealed.size };
    *ret = entry;
    return ERR_OK;
}

static void set_last_four(struct vault_secret *entry, struct str last_four)
{
    size_t size = last_four.size < sizeof(entry->last_four) ? last_four.size : 0;
    if (size > 0)
        memcpy(entry->last_four, last_four.data, size);
    entry->last_four[size] = '\0';
}

enum err vault_secrets_load(struct vault *vault, struct store_conn *conn, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &secrets_all, SQL_NO_ARGS, why));
    while (rows_next(&rows)) {
        struct vault_secret *entry = NULL;
        TRY(entry_new(rows_int(&rows, 0), rows_bytes(&rows, 1), rows_bytes(&rows, 2), &entry, why));
        set_last_four(entry, rows_bytes(&rows, 3));
        entry->created = rows_instant(&rows, 4);
        entry->updated = rows_instant(&rows, 5);
        cache_put(vault, entry);
    }
    return rows_end(&rows, why);
}

void vault_secrets_free(struct vault *vault)
{
    while (vault->secrets) {
        struct vault_secret *entry = vault->secrets;
        vault->secrets = entry->next;
        free(entry);
    }
}

/* What a commit changes in memory: puts `entry`, or with `is_removal` takes out what has its name. */
struct secret_hook {
    struct store_hook hook;
    struct vault *vault;
    struct vault_secret *entry;
    bool is_removal;
};

static void secret_hook_run(struct store_hook *hook, bool is_committed)
{
    struct secret_hook *change = (struct secret_hook *)(void *)hook;
    bool is_kept = is_committed && !change->is_removal;
    lock(change->vault);
    if (is_kept)
        cache_put(change->vault, change->entry);
    else if (is_committed)
        cache_remove(change->vault, change->entry->tenant, change->entry->name);
    unlock(change->vault);
    if (!is_kept)
        free(change->entry);
    free(change);
}

/* Takes `entry`, also on failure. */
static enum err add_hook(struct vault *vault, struct store_conn *conn, struct vault_secret *entry,
    bool is_removal, struct err_info *why)
{
    struct secret_hook *change = calloc(1, sizeof(*change));
    if (!change) {
        free(entry);
        return err_memory(why);
    }
    *change = (struct secret_hook){ { .run = secret_hook_run }, vault, entry, is_removal };
    store_add_hook(conn, &change->hook);
    return ERR_OK;
}

/* ---- set and delete ---- */

static enum err check_name(struct str name, struct err_info *why)
{
    if (access_name_is_good(name, SECRET_NAME_BYTES_MAX, true))
        return ERR_OK;
    return err_named(why, ERR_INVALID, "secret_name",
        "\"%.*s\" is no name for a secret: use 1 to %d letters, digits, '.', '_' and '-', the first a letter "
        "or digit",
        STR_ARG(str_slice(name, 0, 80)), SECRET_NAME_BYTES_MAX);
}

static enum err audit_secret(struct store_conn *conn, const struct principal *by, struct str action,
    struct str name, struct err_info *why)
{
    struct audit_entry entry = {
        .by = by,
        .action = action,
        .object_kind = STR("secret"),
        .object = name,
    };
    return audit_append(conn, &entry, NULL, why);
}

static void seal_content(
    struct vault *vault, int64_t tenant, struct str name, struct str content, uint8_t *ret)
{
    uint8_t key[VAULT_KEY_BYTES];
    struct vault_binding key_binding = { "secret-key", tenant, name };
    struct vault_binding binding = { "secret", tenant, name };
    rand_fill(vault->rand, key, sizeof(key));
    ret[0] = SEALED_VERSION_SECRET;
    vault_seal(vault->rand, vault->keys->master, &key_binding, (struct str){ (const char *)key, sizeof(key) },
        ret + 1);
    vault_seal(vault->rand, key, &binding, content, ret + 1 + SEALED_KEY_BYTES);
    sodium_memzero(key, sizeof(key));
}

static enum err find_created(struct store_conn *conn, int64_t tenant, struct str name, bool *ret_found,
    struct instant *ret_created, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &secret_find, SQL_ARGS(arg_int(tenant), arg_text(name)), why));
    bool found = rows_next(&rows);
    struct instant created = found ? rows_instant(&rows, 0) : store_commit_time(conn);
    TRY(rows_end(&rows, why));
    *ret_found = found;
    *ret_created = created;
    return ERR_OK;
}

static enum err entry_seal(struct vault *vault, int64_t tenant, struct str name, struct str content,
    struct vault_secret **ret, struct err_info *why)
{
    size_t size = 1 + SEALED_KEY_BYTES + content.size + VAULT_SEAL_BYTES;
    uint8_t *sealed = malloc(size);
    if (!sealed)
        return err_memory(why);
    seal_content(vault, tenant, name, content, sealed);
    enum err result = entry_new(tenant, name, (struct str){ (const char *)sealed, size }, ret, why);
    free(sealed);
    TRY(result);
    if (content.size >= LAST_FOUR_BYTES_MIN)
        set_last_four(*ret, str_slice(content, content.size - 4, content.size));
    return ERR_OK;
}

enum err secret_set(struct vault *vault, struct store_conn *conn, const struct principal *by, struct str name,
    struct str content, struct err_info *why)
{
    TRY(check_name(name, why));
    if (content.size == 0)
        return err_named(
            why, ERR_INVALID, "secret_empty", "the secret \"%.*s\" has no content", STR_ARG(name));
    if (content.size > SECRET_BYTES_MAX)
        return err_named(why, ERR_LIMIT, "SECRET_BYTES_MAX",
            "a secret holds at most %llu bytes, this one has %zu", (unsigned long long)SECRET_BYTES_MAX,
            content.size);
    bool found = false;
    struct instant created;
    struct vault_secret *entry = NULL;
    TRY(find_created(conn, by->tenant, name, &found, &created, why));
    TRY(entry_seal(vault, by->tenant, name, content, &entry, why));
    entry->created = created;
    entry->updated = store_commit_time(conn);
    enum err result = sql_run(conn, &secret_upsert,
        SQL_ARGS(arg_int(by->tenant), arg_text(name), arg_bytes(entry->sealed),
            arg_text(str_of(entry->last_four)), arg_instant(created), arg_instant(entry->updated)),
        NULL, why);
    if (result != ERR_OK) {
        free(entry);
        return result;
    }
    TRY(add_hook(vault, conn, entry, false, why));
    return audit_secret(conn, by, found ? STR("secret.replace") : STR("secret.create"), name, why);
}

static enum err no_secret(struct str name, struct err_info *why)
{
    return err_named(why, ERR_NOT_FOUND, "secret",
        "there is no secret \"%.*s\": set it with tocsin secret set %.*s", STR_ARG(name), STR_ARG(name));
}

enum err secret_delete(struct vault *vault, struct store_conn *conn, const struct principal *by,
    struct str name, struct err_info *why)
{
    int64_t changed = 0;
    struct vault_secret *entry = NULL;
    TRY(check_name(name, why));
    TRY(sql_run(conn, &secret_remove, SQL_ARGS(arg_int(by->tenant), arg_text(name)), &changed, why));
    if (changed == 0)
        return no_secret(name, why);
    TRY(entry_new(by->tenant, name, (struct str){ 0 }, &entry, why));
    TRY(add_hook(vault, conn, entry, true, why));
    return audit_secret(conn, by, STR("secret.delete"), name, why);
}

/* ---- open ---- */

static enum err damaged(struct str name, struct err_info *why)
{
    return err_named(
        why, ERR_INVALID, "secret_damaged", "the secret \"%.*s\" does not open: set it again", STR_ARG(name));
}

static enum err open_sealed(
    const struct vault *vault, const struct vault_secret *entry, struct secret *ret, struct err_info *why)
{
    struct str sealed = entry->sealed;
    if (sealed.size < 1 + SEALED_KEY_BYTES + VAULT_SEAL_BYTES || sealed.data[0] != SEALED_VERSION_SECRET)
        return damaged(entry->name, why);
    struct vault_binding key_binding = { "secret-key", entry->tenant, entry->name };
    struct vault_binding binding = { "secret", entry->tenant, entry->name };
    struct str content = str_slice(sealed, 1 + SEALED_KEY_BYTES, sealed.size);
    uint8_t key[VAULT_KEY_BYTES];
    struct secret secret = { 0 };
    if (!vault_unseal(vault->keys->master, &key_binding, str_slice(sealed, 1, 1 + SEALED_KEY_BYTES), key))
        return damaged(entry->name, why);
    enum err result = secret_make(&secret, content.size - VAULT_SEAL_BYTES, why);
    if (result == ERR_OK && !vault_unseal(key, &binding, content, secret.bytes)) {
        secret_wipe(&secret);
        result = damaged(entry->name, why);
    }
    sodium_memzero(key, sizeof(key));
    TRY(result);
    *ret = secret;
    return ERR_OK;
}

enum err secret_open(
    struct vault *vault, int64_t tenant, struct str name, struct secret *ret, struct err_info *why)
{
    bool found = false;
    lock(vault);
    struct vault_secret **link = find_link(vault, tenant, name, &found);
    enum err result = found ? open_sealed(vault, *link, ret, why) : ERR_NOT_FOUND;
    unlock(vault);
    return found ? result : no_secret(name, why);
}

bool secret_exists(struct vault *vault, int64_t tenant, struct str name)
{
    bool found = false;
    lock(vault);
    (void)find_link(vault, tenant, name, &found); /* only whether it is there */
    unlock(vault);
    return found;
}

static size_t count_of_tenant(const struct vault *vault, int64_t tenant)
{
    size_t count = 0;
    for (const struct vault_secret *entry = vault->secrets; entry; entry = entry->next)
        count += entry->tenant == tenant;
    return count;
}

static enum err list_locked(const struct vault *vault, int64_t tenant, struct arena *arena,
    struct secret_info **ret, size_t *ret_count, struct err_info *why)
{
    size_t room = count_of_tenant(vault, tenant), count = 0;
    struct secret_info *list = ARENA_ARRAY(arena, room + 1, struct secret_info);
    if (!list)
        return err_memory(why);
    for (const struct vault_secret *entry = vault->secrets; entry; entry = entry->next) {
        if (entry->tenant != tenant)
            continue;
        struct secret_info *info = &list[count++];
        *info = (struct secret_info){ .created = entry->created, .updated = entry->updated };
        memcpy(info->last_four, entry->last_four, sizeof(info->last_four));
        TRY(arena_str(arena, entry->name, &info->name, why));
    }
    *ret = list;
    *ret_count = count;
    return ERR_OK;
}

enum err secret_list(struct vault *vault, int64_t tenant, struct arena *arena, struct secret_info **ret,
    size_t *ret_count, struct err_info *why)
{
    lock(vault);
    enum err result = list_locked(vault, tenant, arena, ret, ret_count, why);
    unlock(vault);
    return result;
}

/* ---- sealed outputs ---- */

enum err secret_seal(struct vault *vault, int64_t tenant, struct str bytes, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    size_t size = 1 + bytes.size + VAULT_SEAL_BYTES;
    if (size > UINT32_MAX)
        return err_named(why, ERR_LIMIT, "ANSWER_BYTES_MAX",
            "an output of %zu bytes is too large to be sealed", bytes.size);
    char *sealed = arena_bytes(arena, size);
    if (!sealed)
        return err_memory(why);
    struct vault_binding binding = { .use = "output", .tenant = tenant };
    sealed[0] = SEALED_VERSION_OUTPUT;
    vault_seal(vault->rand, vault->keys->named[VAULT_KEY_OUTPUTS], &binding, bytes, (uint8_t *)sealed + 1);
    *ret = (struct value){ .type = VALUE_SECRET, .size = (uint32_t)size, .bytes = sealed };
    return ERR_OK;
}

enum err secret_unseal(
    struct vault *vault, int64_t tenant, struct value sealed, struct secret *ret, struct err_info *why)
{
    struct secret secret = { 0 };
    struct vault_binding binding = { .use = "output", .tenant = tenant };
    bool is_sealed = value_is(sealed, VALUE_SECRET) && sealed.size >= 1 + VAULT_SEAL_BYTES &&
        sealed.bytes[0] == SEALED_VERSION_OUTPUT;
    if (!is_sealed)
        return err_named(why, ERR_INVALID, "secret_damaged", "this value is no sealed output");
    struct str content = str_slice(value_str(sealed), 1, sealed.size);
    TRY(secret_make(&secret, content.size - VAULT_SEAL_BYTES, why));
    if (!vault_unseal(vault->keys->named[VAULT_KEY_OUTPUTS], &binding, content, secret.bytes)) {
        secret_wipe(&secret);
        return err_named(why, ERR_INVALID, "secret_damaged",
            "this sealed output does not open: it was changed, or is another tenant's");
    }
    *ret = secret;
    return ERR_OK;
}
