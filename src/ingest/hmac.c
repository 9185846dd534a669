#include "ingest/hmac.h"

#include <sodium.h>

#include "base/text.h"

#define DIGEST_BYTES_MAX 64

struct digest {
    unsigned char bytes[DIGEST_BYTES_MAX];
    size_t size;
};

static struct str digest_str(const struct digest *digest)
{
    return (struct str){ (const char *)digest->bytes, digest->size };
}

/* Over the parts one after another. */
static struct digest digest_of(bool is_sha512, struct str secret, const struct str *parts, size_t part_count)
{
    struct digest digest = { .size = is_sha512 ? 64 : 32 };
    const unsigned char *key = (const unsigned char *)secret.data;
    if (is_sha512) {
        crypto_auth_hmacsha512_state state;
        crypto_auth_hmacsha512_init(&state, key, secret.size);
        for (size_t i = 0; i < part_count; i++)
            crypto_auth_hmacsha512_update(&state, (const unsigned char *)parts[i].data, parts[i].size);
        crypto_auth_hmacsha512_final(&state, digest.bytes);
        sodium_memzero(&state, sizeof(state));
        return digest;
    }
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key, secret.size);
    for (size_t i = 0; i < part_count; i++)
        crypto_auth_hmacsha256_update(&state, (const unsigned char *)parts[i].data, parts[i].size);
    crypto_auth_hmacsha256_final(&state, digest.bytes);
    sodium_memzero(&state, sizeof(state));
    return digest;
}

static enum err denied(struct err_info *why, const char *text)
{
    return err_named(why, ERR_DENIED, "signature", "%s", text);
}

/* Whether `text` (hex or base64) is this digest. The sizes are public, the bytes are compared in constant
 * time. */
static bool is_digest(struct str text, bool is_base64, const struct digest *digest)
{
    AUTO(buf) struct buf decoded = { .bytes_max = 256 };
    if (text.size > 200 || !(is_base64 ? base64_decode(&decoded, text) : hex_decode(&decoded, text)))
        return false;
    return buf_check(&decoded, NULL) == ERR_OK && str_equal_secret(buf_str(&decoded), digest_str(digest));
}

static enum err check_header(const struct source_hmac *hmac, struct str secret, struct str body,
    const struct header_source *headers, struct err_info *why)
{
    char name[128];
    struct str header = hmac->scheme == HMAC_GITHUB ? STR("X-Hub-Signature-256")
        : hmac->scheme == HMAC_JIRA                 ? STR("X-Hub-Signature")
                                                    : hmac->header;
    struct str prefix = hmac->scheme == HMAC_HEADER ? hmac->prefix : STR("sha256=");
    if (header.size >= sizeof(name))
        return denied(why, "the signature's header has a name that is too long");
    for (size_t i = 0; i < header.size; i++)
        name[i] = header.data[i];
    name[header.size] = '\0';
    struct str given = str_trim(headers->get(headers, name));
    if (given.size == 0)
        return err_named(why, ERR_DENIED, "signature", "the header %s with the signature is missing", name);
    if (!str_starts(given, prefix))
        return err_named(
            why, ERR_DENIED, "signature", "the header %s should begin with '%.*s'", name, STR_ARG(prefix));
    struct digest digest = digest_of(hmac->is_sha512, secret, &body, 1);
    if (!is_digest(str_slice(given, prefix.size, given.size), hmac->is_base64, &digest))
        return denied(why, "the signature does not fit the body and the secret");
    return ERR_OK;
}

/* The time is signed, so that a request that was overheard can't be sent again later. */
static enum err check_time(struct str text, int64_t tolerance_us, struct instant now, struct err_info *why)
{
    int64_t seconds;
    if (!str_to_int(text, &seconds) || seconds < 0 || seconds > INT64_MAX / US_PER_S)
        return denied(why, "the signature's time is missing or no number of seconds");
    int64_t age = now.us - seconds * US_PER_S;
    if (age > tolerance_us || age < -tolerance_us)
        return denied(why, "the signature's time is too far from now; are both clocks right?");
    return ERR_OK;
}

static enum err check_slack(const struct source_hmac *hmac, struct str secret, struct str body,
    const struct header_source *headers, struct instant now, struct err_info *why)
{
    struct str time = str_trim(headers->get(headers, "X-Slack-Request-Timestamp"));
    struct str given = str_trim(headers->get(headers, "X-Slack-Signature"));
    if (!str_starts(given, STR("v0=")))
        return denied(why, "the header X-Slack-Signature is missing or does not begin with 'v0='");
    TRY(check_time(time, hmac->tolerance_us, now, why));
    struct str parts[] = { STR("v0:"), time, STR(":"), body };
    struct digest digest = digest_of(false, secret, parts, 4);
    if (!is_digest(str_slice(given, 3, given.size), false, &digest))
        return denied(why, "the signature does not fit the body and the secret");
    return ERR_OK;
}

/* "t=1492774577,v1=HEX,v1=HEX": several while a secret is being changed; one that fits is enough. */
static enum err check_stripe(const struct source_hmac *hmac, struct str secret, struct str body,
    const struct header_source *headers, struct instant now, struct err_info *why)
{
    struct str header = headers->get(headers, "Stripe-Signature"), rest = header, part, time = { 0 };
    while (str_split(&rest, ',', &part)) {
        part = str_trim(part);
        if (str_starts(part, STR("t=")))
            time = str_slice(part, 2, part.size);
    }
    if (time.size == 0)
        return denied(why, "the header Stripe-Signature is missing or has no 't='");
    TRY(check_time(time, hmac->tolerance_us, now, why));
    struct str parts[] = { time, STR("."), body };
    struct digest digest = digest_of(false, secret, parts, 3);
    for (rest = header; str_split(&rest, ',', &part);) {
        part = str_trim(part);
        if (str_starts(part, STR("v1=")) && is_digest(str_slice(part, 3, part.size), false, &digest))
            return ERR_OK;
    }
    return denied(why, "no signature in the header fits the body and the secret");
}

enum err hmac_verify(const struct source_hmac *hmac, struct str secret, struct str body,
    const struct header_source *headers, struct instant now, struct err_info *why)
{
    if (secret.size == 0)
        return denied(why, "the secret of the source's signatures is empty");
    switch (hmac->scheme) {
    case HMAC_SLACK: return check_slack(hmac, secret, body, headers, now, why);
    case HMAC_STRIPE: return check_stripe(hmac, secret, body, headers, now, why);
    case HMAC_GITHUB:
    case HMAC_JIRA:
    case HMAC_HEADER: return check_header(hmac, secret, body, headers, why);
    case HMAC_NONE: break;
    }
    return denied(why, "the source takes no signatures; send a token");
}
