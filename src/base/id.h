/* Identifiers are ULIDs: 48 bits of milliseconds, 80 bits of chance, 26 characters of Crockford's
 * base 32. They sort by creation time only roughly; nothing may rely on their order. */
#ifndef TOCSIN_BASE_ID_H
#define TOCSIN_BASE_ID_H

#include <stdbool.h>

#include "base/clock.h"
#include "base/rand.h"
#include "base/str.h"

struct id {
    uint8_t bytes[16];
};

struct id_text {
    char text[27];
};

#define ID_NONE ((struct id){ { 0 } })

struct id id_new(struct clock *clock, struct rand *rand);
struct id_text id_text(struct id id);
bool id_parse(struct str text, struct id *ret); /* upper or lower case; no I, L, O, U */
bool id_equal(struct id a, struct id b);
bool id_is_none(struct id id);
struct str id_str(const struct id_text *text);
static inline struct str id_bytes(const struct id *id)
{
    return (struct str){ (const char *)id->bytes, 16 };
}

#endif
