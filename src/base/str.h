/* A slice of bytes that somebody else owns. Bytes from outside are always a slice, never a bare
 * `char *`: they may hold U+0000 and have no terminator. */
#ifndef TOCSIN_BASE_STR_H
#define TOCSIN_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
    const char *data;
    size_t size; /* bytes */
};

#define STR(literal) ((struct str){ (literal), sizeof(literal) - 1 })
/* For static initialisers. */
#define STR_INIT(literal) \
    { \
        (literal), sizeof(literal) - 1 \
    }
/* For printf's "%.*s". */
#define STR_ARG(s) str_print_size((s).size), str_print_data((s).data)

static inline int str_print_size(size_t size)
{
    return size > 0x7fffffff ? 0x7fffffff : (int)size;
}

static inline const char *str_print_data(const char *data)
{
    return data ? data : "";
}

/* The small letter of a capital one of ASCII; all other bytes as they are. */
static inline char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

struct str str_of(const char *text); /* borrows; NULL gives an empty slice */
bool str_equal(struct str a, struct str b);
bool str_equal_nocase(struct str a, struct str b); /* ASCII only */
int str_compare(struct str a, struct str b); /* by bytes, which for UTF-8 is by code point */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_contains(struct str s, struct str part);
/* The offset of `part` at or after `from`; -1 when absent. */
ptrdiff_t str_find(struct str s, struct str part, size_t from);
ptrdiff_t str_find_byte(struct str s, char byte, size_t from);
/* Clamped to the slice. */
struct str str_slice(struct str s, size_t from, size_t to);
/* Without ASCII white space at both ends. */
struct str str_trim(struct str s);
/* Cuts the part before `byte` off the front of `*rest`; false when `*rest` is used up. */
bool str_split(struct str *rest, char byte, struct str *ret_part);
/* The whole slice as a decimal number; false on anything else or overflow. */
bool str_to_int(struct str s, int64_t *ret);
bool str_to_uint(struct str s, uint64_t *ret);
bool str_to_double(struct str s, double *ret); /* C locale whatever the environment says */
uint64_t str_hash(struct str s); /* xxh3; not for secrets, not stored */
/* In constant time for equal sizes. */
bool str_equal_secret(struct str a, struct str b);
/* Levenshtein distance of short words, for "did you mean"; capped at `max` + 1. */
unsigned str_distance(struct str a, struct str b, unsigned max);

#endif
