/* Any body under any type through the splitting into events; any header through the checking of signatures.
 * The first byte chooses. */
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "ingest/hmac.h"
#include "ingest/receive.h"
#include "require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct one_header {
    struct header_source source;
    struct str value;
};

static struct str get(const struct header_source *source, const char *name)
{
    (void)name;
    return ((const struct one_header *)(const void *)source)->value; /* its first member */
}

static void try_signature(uint8_t scheme, struct str value)
{
    struct one_header header = { { get }, value };
    struct source_hmac hmac = { .scheme = (enum hmac_scheme)(HMAC_GITHUB + scheme % 5),
        .header = STR("X-Signature"),
        .is_base64 = scheme & 0x20,
        .is_sha512 = scheme & 0x40,
        .tolerance_us = US_PER_HOUR };
    struct err_info why = { 0 };
    enum err result = hmac_verify(
        &hmac, STR("secret"), STR("{}"), &header.source, (struct instant){ 0 }, &why);
    require(result == ERR_OK || (result == ERR_DENIED && why.name && why.text[0]));
}

static void try_body(const char *type, struct str body)
{
    AUTO(arena) struct arena arena = { 0 };
    struct received *items = NULL;
    uint32_t count = 0;
    struct err_info why = { 0 };
    enum err result = receive_body(&arena, str_of(type), body, &items, &count, &why);
    if (result != ERR_OK) {
        require(result == ERR_MEMORY || (why.name && why.text[0]));
        return;
    }
    require(count <= EVENTS_PER_REQUEST_MAX);
    const char *end = body.data;
    for (uint32_t i = 0; i < count; i++) {
        /* Each event has bytes of its own, in the body's order. */
        require(items[i].raw.data >= end && items[i].raw.size > 0);
        end = items[i].raw.data + items[i].raw.size;
        require(end <= body.data + body.size);
        require(items[i].event.flags & VALUE_OUTSIDE);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[] = { "application/json", "application/x-ndjson", "text/plain", "",
        "application/x+json; charset=utf-8", " ; " };
    if (size == 0)
        return 0;
    struct str rest = { (const char *)data + 1, size - 1 };
    if (data[0] & 0x80)
        try_signature(data[0], rest);
    else
        try_body(types[data[0] % (sizeof(types) / sizeof(types[0]))], rest);
    return 0;
}
