#include "access/vault.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/private_file.h"
#include "access/vault_impl.h"

#define KEY_FILE_BYTES_MAX 256

static const char *const key_names[VAULT_KEY_COUNT] = {
    [VAULT_KEY_TOKENS] = "tokens",
    [VAULT_KEY_OUTPUTS] = "outputs",
    [VAULT_KEY_AUDIT] = "audit",
};

static const struct sql key_find = { "SELECT sealed FROM access_keys WHERE name = $1", NULL };
static const struct sql key_count = { "SELECT count(*) FROM access_keys", NULL };
static const struct sql key_add = { "INSERT INTO access_keys (name, sealed) VALUES ($1, $2)", NULL };

/* ---- sealing ---- */

#define BINDING_BYTES_MAX (16 + 8 + SECRET_NAME_BYTES_MAX)

static size_t binding_print(const struct vault_binding *binding, uint8_t ret[BINDING_BYTES_MAX])
{
    size_t use_size = strlen(binding->use) + 1; /* with its '\0', so that no two bindings look alike */
    assert(use_size <= 16);
    assert(binding->name.size <= SECRET_NAME_BYTES_MAX);
    memcpy(ret, binding->use, use_size);
    for (unsigned i = 0; i < 8; i++)
        ret[use_size + i] = (uint8_t)((uint64_t)binding->tenant >> (8 * i));
    if (binding->name.size > 0)
        memcpy(ret + use_size + 8, binding->name.data, binding->name.size);
    return use_size + 8 + binding->name.size;
}

void vault_seal(struct rand *rand, const uint8_t key[VAULT_KEY_BYTES], const struct vault_binding *binding,
    struct str text, uint8_t *ret)
{
    uint8_t bound[BINDING_BYTES_MAX];
    size_t bound_size = binding_print(binding, bound);
    rand_fill(rand, ret, VAULT_NONCE_BYTES);
    int failed = crypto_aead_xchacha20poly1305_ietf_encrypt(ret + VAULT_NONCE_BYTES, NULL,
        (const unsigned char *)text.data, text.size, bound, bound_size, NULL, ret, key);
    assert(!failed); /* it has no way to fail */
    (void)failed;
}

bool vault_unseal(
    const uint8_t key[VAULT_KEY_BYTES], const struct vault_binding *binding, struct str sealed, uint8_t *ret)
{
    uint8_t bound[BINDING_BYTES_MAX];
    size_t bound_size = binding_print(binding, bound);
    if (sealed.size < VAULT_SEAL_BYTES)
        return false;
    const unsigned char *bytes = (const unsigned char *)sealed.data;
    return crypto_aead_xchacha20poly1305_ietf_decrypt(ret, NULL, NULL, bytes + VAULT_NONCE_BYTES,
               sealed.size - VAULT_NONCE_BYTES, bound, bound_size, bytes, key) == 0;
}

/* ---- the master key ---- */

static enum err parse_master(
    struct str text, const char *where, uint8_t ret[VAULT_KEY_BYTES], struct err_info *why)
{
    static const int variants[] = { sodium_base64_VARIANT_ORIGINAL_NO_PADDING,
        sodium_base64_VARIANT_URLSAFE_NO_PADDING };
    text = str_trim(text);
    while (text.size > 0 && text.data[text.size - 1] == '=')
        text.size--;
    for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
        size_t size = 0;
        if (!sodium_base642bin(ret, VAULT_KEY_BYTES, text.data, text.size, NULL, &size, NULL, variants[i]) &&
            size == VAULT_KEY_BYTES)
            return ERR_OK;
    }
    return err_named(
        why, ERR_INVALID, "master_key", "%s holds no master key: it must be 32 bytes in base64", where);
}

static enum err check_mode(int fd, const char *path, struct err_info *why)
{
    struct stat status;
    if (fstat(fd, &status))
        return err_errno(why, errno, "looking at the master key's file");
    if (!S_ISREG(status.st_mode))
        return err_named(why, ERR_INVALID, "master_key", "%s is no plain file", path);
    if (status.st_mode & 077)
        return err_named(
            why, ERR_INVALID, "master_key", "others may read the master key: run chmod 600 %s", path);
    return ERR_OK;
}

static enum err read_master(int fd, const char *path, uint8_t ret[VAULT_KEY_BYTES], struct err_info *why)
{
    char text[KEY_FILE_BYTES_MAX];
    TRY(check_mode(fd, path, why));
    ssize_t size = read(fd, text, sizeof(text));
    if (size < 0)
        return err_errno(why, errno, "reading the master key");
    enum err result = parse_master((struct str){ text, (size_t)size }, path, ret, why);
    sodium_memzero(text, sizeof(text));
    return result;
}

/* Durable before anything is sealed with it: a lost key would be the loss of all secrets. */
static enum err make_master(const char *path, const uint8_t key[VAULT_KEY_BYTES], struct err_info *why)
{
    char text[sodium_base64_ENCODED_LEN(VAULT_KEY_BYTES, sodium_base64_VARIANT_ORIGINAL) + 1];
    (void)sodium_bin2base64(
        text, sizeof(text), key, VAULT_KEY_BYTES, sodium_base64_VARIANT_ORIGINAL); /* its text */
    size_t size = strlen(text);
    text[size++] = '\n';
    enum err result = private_file_write(
        path, (struct str){ text, size }, "writing the master key's file", why);
    sodium_memzero(text, sizeof(text));
    return result;
}

static enum err master_from_file(
    const struct vault_options *options, bool has_keys, uint8_t ret[VAULT_KEY_BYTES], struct err_info *why)
{
    char *path = strndup(options->key_file.data, options->key_file.size);
    if (!path)
        return err_memory(why);
    enum err result = ERR_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        result = read_master(fd, path, ret, why);
        (void)close(fd); /* nothing was written */
    } else if (errno != ENOENT) {
        result = err_errno(why, errno, "opening the master key's file");
    } else if (has_keys) {
        result = err_named(why, ERR_DENIED, "master_key",
            "the master key's file %s is missing, and the store's secrets are sealed with it: put it back "
            "from a"
            " backup, or give the key in TOCSIN_MASTER_KEY",
            path);
    } else {
        rand_fill(options->rand, ret, VAULT_KEY_BYTES);
        result = make_master(path, ret, why);
    }
    free(path);
    return result;
}

static enum err master_get(
    const struct vault_options *options, bool has_keys, uint8_t ret[VAULT_KEY_BYTES], struct err_info *why)
{
    if (options->key_text.size > 0)
        return parse_master(options->key_text, "TOCSIN_MASTER_KEY", ret, why);
    if (options->key_file.size > 0)
        return master_from_file(options, has_keys, ret, why);
    if (has_keys)
        return err_named(why, ERR_DENIED, "master_key",
            "the store's secrets are sealed with a master key: give its file, or TOCSIN_MASTER_KEY");
    rand_fill(options->rand, ret, VAULT_KEY_BYTES); /* a store in memory needs none that lasts */
    return ERR_OK;
}

/* ---- the named keys ---- */

static enum err named_key_load(
    struct vault *vault, struct store_conn *conn, enum vault_key key, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    struct str name = str_of(key_names[key]);
    struct vault_binding binding = { .use = "key", .name = name };
    TRY(rows_open(&rows, conn, &key_find, SQL_ARGS(arg_text(name)), why));
    if (!rows_next(&rows)) {
        TRY(rows_end(&rows, why));
        uint8_t sealed[VAULT_KEY_BYTES + VAULT_SEAL_BYTES];
        rand_fill(vault->rand, vault->keys->named[key], VAULT_KEY_BYTES);
        vault_seal(vault->rand, vault->keys->master, &binding,
            (struct str){ (const char *)vault->keys->named[key], VAULT_KEY_BYTES }, sealed);
        return sql_run(conn, &key_add,
            SQL_ARGS(arg_text(name), arg_bytes((struct str){ (const char *)sealed, sizeof(sealed) })), NULL,
            why);
    }
    struct str sealed = rows_bytes(&rows, 0);
    if (sealed.size != VAULT_KEY_BYTES + VAULT_SEAL_BYTES ||
        !vault_unseal(vault->keys->master, &binding, sealed, vault->keys->named[key]))
        return err_named(why, ERR_DENIED, "master_key",
            "the store's secrets are sealed with another master key: put back the master.key of this store "
            "from a"
            " backup, or give that key in TOCSIN_MASTER_KEY");
    return rows_end(&rows, why);
}

struct vault_load {
    struct vault *vault;
    const struct vault_options *options;
};

static enum err has_any_key(struct store_conn *conn, bool *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &key_count, SQL_NO_ARGS, why));
    bool has = rows_next(&rows) && rows_int(&rows, 0) > 0;
    TRY(rows_end(&rows, why));
    *ret = has;
    return ERR_OK;
}

static enum err vault_load(void *context, struct store_conn *conn, struct err_info *why)
{
    struct vault_load *load = context;
    bool has_keys = false;
    TRY(has_any_key(conn, &has_keys, why));
    TRY(master_get(load->options, has_keys, load->vault->keys->master, why));
    for (int i = 0; i < VAULT_KEY_COUNT; i++)
        TRY(named_key_load(load->vault, conn, (enum vault_key)i, why));
    return vault_secrets_load(load->vault, conn, why);
}

enum err vault_open(const struct vault_options *options, struct vault **ret, struct err_info *why)
{
    if (sodium_init() < 0)
        return err_set(why, ERR_INTERNAL, "libsodium does not start");
    struct vault *vault = calloc(1, sizeof(*vault));
    if (!vault)
        return err_memory(why);
    vault->rand = options->rand;
    vault->keys = sodium_malloc(sizeof(*vault->keys)); /* locked where the system allows it */
    if (!vault->keys || pthread_mutex_init(&vault->mutex, NULL)) {
        sodium_free(vault->keys);
        free(vault);
        return err_memory(why);
    }
    struct vault_load load = { vault, options };
    enum err result = store_write_wait(options->store, vault_load, &load, why);
    if (result != ERR_OK) {
        vault_close(vault);
        return result;
    }
    (void)sodium_mprotect_readonly(vault->keys); /* one more guard; without it all works the same */
    *ret = vault;
    return ERR_OK;
}

void vault_close(struct vault *vault)
{
    if (!vault)
        return;
    vault_secrets_free(vault);
    (void)pthread_mutex_destroy(&vault->mutex); /* unused now */
    sodium_free(vault->keys); /* wipes */
    free(vault);
}

void vault_mac(const struct vault *vault, enum vault_key key, struct str bytes, uint8_t ret[32])
{
    int failed = crypto_generichash(
        ret, 32, (const unsigned char *)bytes.data, bytes.size, vault->keys->named[key], VAULT_KEY_BYTES);
    assert(!failed); /* only wrong sizes fail */
    (void)failed;
}
