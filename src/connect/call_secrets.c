#include "connect/call_secrets.h"

#include <string.h>

#include "base/limits.h"
#include "base/text.h"

static enum err vault_open_secret(
    struct secret_source *source, struct str name, struct secret *ret, struct err_info *why)
{
    struct vault_secrets *self = (struct vault_secrets *)source;
    if (!self->vault)
        return err_named(
            why, ERR_NOT_FOUND, "secret_missing", "there is no secret %.*s: no vault is open", STR_ARG(name));
    return secret_open(self->vault, self->tenant, name, ret, why);
}

static enum err vault_unseal(
    struct secret_source *source, struct value sealed, struct secret *ret, struct err_info *why)
{
    struct vault_secrets *self = (struct vault_secrets *)source;
    if (!self->vault)
        return err_named(
            why, ERR_NOT_FOUND, "secret_missing", "a sealed output can't be opened: no vault is open");
    return secret_unseal(self->vault, self->tenant, sealed, ret, why);
}

static enum err vault_seal(struct secret_source *source, struct str bytes, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    struct vault_secrets *self = (struct vault_secrets *)source;
    if (!self->vault)
        return err_named(why, ERR_NOT_FOUND, "secret_missing", "an output can't be sealed: no vault is open");
    return secret_seal(self->vault, self->tenant, bytes, arena, ret, why);
}

void vault_secrets_init(struct vault_secrets *secrets, struct vault *vault, int64_t tenant)
{
    *secrets = (struct vault_secrets){
        .source = { .open = vault_open_secret, .unseal = vault_unseal, .seal = vault_seal },
        .vault = vault,
        .tenant = tenant
    };
}

void call_secrets_trim(struct call_secrets *secrets, uint32_t keep)
{
    while (secrets->count > keep)
        secret_wipe(&secrets->items[--secrets->count]);
}

void call_secrets_done(struct call_secrets *secrets)
{
    call_secrets_trim(secrets, 0);
}

void call_secrets_cleanup(struct call_secrets *secrets)
{
    call_secrets_done(secrets);
}

static FALLIBLE check_room(const struct call_secrets *secrets, struct err_info *why)
{
    if (secrets->count == CALL_SECRETS_MAX)
        return err_named(
            why, ERR_LIMIT, "CALL_SECRETS_MAX", "one call uses more than %d secrets", CALL_SECRETS_MAX);
    return ERR_OK;
}

static struct value handle_of(uint32_t index)
{
    return (struct value){ .type = VALUE_SECRET, .size = index };
}

FALLIBLE call_secrets_add(
    struct call_secrets *secrets, struct str bytes, struct value *ret, struct err_info *why)
{
    TRY(check_room(secrets, why));
    TRY(secret_init(&secrets->items[secrets->count], bytes, why));
    *ret = handle_of(secrets->count++);
    return ERR_OK;
}

FALLIBLE call_secrets_take(
    struct call_secrets *secrets, struct secret *secret, struct value *ret, struct err_info *why)
{
    TRY(check_room(secrets, why));
    secrets->items[secrets->count] = *secret;
    *secret = (struct secret){ 0 };
    *ret = handle_of(secrets->count++);
    return ERR_OK;
}

FALLIBLE call_secrets_bytes(struct call_secrets *secrets, struct secret_source *source, struct value handle,
    struct str *ret, struct err_info *why)
{
    struct value local = handle;
    if (handle.bytes) {
        AUTO(secret) struct secret opened = { 0 };
        TRY(source->unseal(source, handle, &opened, why));
        TRY(call_secrets_take(secrets, &opened, &local, why));
    }
    if (local.size >= secrets->count)
        return err_set(why, ERR_INVALID, "a secret of another call can't be used here");
    *ret = secret_str(&secrets->items[local.size]);
    return ERR_OK;
}

void buf_wipe(struct buf *buf)
{
    if (buf->data)
        explicit_bzero(buf->data, buf->room);
    buf_done(buf);
}

/* What to look for: each secret as it is, and percent-encoded where that differs. */
struct needles {
    struct str list[2 * CALL_SECRETS_MAX];
    uint32_t count;
    struct buf encoded;
};

static void needles_cleanup(struct needles *needles)
{
    buf_wipe(&needles->encoded);
}

static FALLIBLE needles_init(
    struct needles *needles, const struct call_secrets *secrets, struct err_info *why)
{
    size_t ends[CALL_SECRETS_MAX];
    for (uint32_t i = 0; i < secrets->count; i++) {
        percent_add(&needles->encoded, secret_str(&secrets->items[i]));
        ends[i] = needles->encoded.size;
    }
    TRY(buf_check(&needles->encoded, why));
    for (uint32_t i = 0; i < secrets->count; i++) {
        struct str plain = secret_str(&secrets->items[i]);
        struct str encoded = str_slice(buf_str(&needles->encoded), i ? ends[i - 1] : 0, ends[i]);
        if (plain.size < SECRET_MASK_BYTES_MIN)
            continue;
        needles->list[needles->count++] = plain;
        if (!str_equal(plain, encoded))
            needles->list[needles->count++] = encoded;
    }
    return ERR_OK;
}

static bool is_hit(const struct needles *needles, struct str text)
{
    for (uint32_t i = 0; i < needles->count; i++) {
        if (str_contains(text, needles->list[i]))
            return true;
    }
    return false;
}

/* The length of the needle that begins at `at`; the longest one, since one secret may begin another. */
static size_t needle_at(const struct needles *needles, struct str text, size_t at)
{
    struct str rest = str_slice(text, at, text.size);
    size_t longest = 0;
    for (uint32_t i = 0; i < needles->count; i++) {
        if (needles->list[i].size > longest && str_starts(rest, needles->list[i]))
            longest = needles->list[i].size;
    }
    return longest;
}

static FALLIBLE mask_text(const struct needles *needles, struct arena *arena, struct str text,
    struct str *ret, struct err_info *why)
{
    *ret = text;
    if (!is_hit(needles, text))
        return ERR_OK;
    AUTO(buf) struct buf out = { 0 };
    for (size_t at = 0; at < text.size;) {
        size_t size = needle_at(needles, text, at);
        if (size)
            buf_add_text(&out, "(secret)");
        else
            buf_add_byte(&out, text.data[at]);
        at += size ? size : 1;
    }
    TRY(buf_check(&out, why));
    return arena_str(arena, buf_str(&out), ret, why);
}

FALLIBLE call_secrets_mask(const struct call_secrets *secrets, struct arena *arena, struct str text,
    struct str *ret, struct err_info *why)
{
    AUTO(needles) struct needles needles = { 0 };
    TRY(needles_init(&needles, secrets, why));
    return mask_text(&needles, arena, text, ret, why);
}

static bool is_value_hit(const struct needles *needles, struct value v, unsigned depth)
{
    if (v.type == VALUE_STRING || v.type == VALUE_BYTES)
        return is_hit(needles, value_str(v));
    if (depth > VALUE_DEPTH_MAX)
        return true;
    bool hit = false;
    const struct value_entry *entries = value_map_entries(v);
    for (uint32_t i = 0; v.type == VALUE_LIST && i < v.size && !hit; i++)
        hit = is_value_hit(needles, v.items[i], depth + 1);
    for (uint32_t i = 0; v.type == VALUE_MAP && i < v.size && !hit; i++)
        hit = is_value_hit(needles, entries[i].key, depth + 1) ||
            is_value_hit(needles, entries[i].value, depth + 1);
    return hit;
}

static FALLIBLE mask_copy(const struct needles *needles, struct arena *arena, struct value v, unsigned depth,
    struct value *ret, struct err_info *why);

static FALLIBLE mask_list(const struct needles *needles, struct arena *arena, struct value v, unsigned depth,
    struct value *ret, struct err_info *why)
{
    struct value_list_builder builder;
    value_list_begin(&builder, arena);
    for (uint32_t i = 0; i < v.size; i++) {
        struct value item;
        TRY(mask_copy(needles, arena, v.items[i], depth + 1, &item, why));
        TRY(value_list_add(&builder, item, why));
    }
    *ret = value_list_end(&builder);
    return ERR_OK;
}

static FALLIBLE mask_map(const struct needles *needles, struct arena *arena, struct value v, unsigned depth,
    struct value *ret, struct err_info *why)
{
    const struct value_entry *entries = value_map_entries(v);
    struct value_map_builder builder;
    value_map_begin(&builder, arena);
    for (uint32_t i = 0; i < v.size; i++) {
        struct value key, item;
        TRY(mask_copy(needles, arena, entries[i].key, depth + 1, &key, why));
        TRY(mask_copy(needles, arena, entries[i].value, depth + 1, &item, why));
        TRY(value_map_put(&builder, key, item, why));
    }
    *ret = value_map_end(&builder);
    return ERR_OK;
}

static FALLIBLE mask_copy(const struct needles *needles, struct arena *arena, struct value v, unsigned depth,
    struct value *ret, struct err_info *why)
{
    *ret = v;
    if (depth > VALUE_DEPTH_MAX)
        return err_named(why, ERR_LIMIT, "VALUE_DEPTH_MAX", "the answer is nested too deeply");
    if (v.type == VALUE_LIST)
        return mask_list(needles, arena, v, depth, ret, why);
    if (v.type == VALUE_MAP)
        return mask_map(needles, arena, v, depth, ret, why);
    if (v.type != VALUE_STRING && v.type != VALUE_BYTES)
        return ERR_OK;
    struct str masked;
    TRY(mask_text(needles, arena, value_str(v), &masked, why));
    ret->bytes = masked.data;
    ret->size = (uint32_t)masked.size;
    return ERR_OK;
}

FALLIBLE call_secrets_mask_value(const struct call_secrets *secrets, struct arena *arena, struct value v,
    struct value *ret, struct err_info *why)
{
    AUTO(needles) struct needles needles = { 0 };
    *ret = v;
    TRY(needles_init(&needles, secrets, why));
    if (needles.count == 0 || !is_value_hit(&needles, v, 0))
        return ERR_OK;
    return mask_copy(&needles, arena, v, 0, ret, why);
}
