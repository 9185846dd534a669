#include "base/str.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/number.h"

struct str str_of(const char *text)
{
    return (struct str){ text, text ? strlen(text) : 0 };
}

bool str_equal(struct str a, struct str b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool str_equal_nocase(struct str a, struct str b)
{
    if (a.size != b.size)
        return false;
    for (size_t i = 0; i < a.size; i++)
        if (ascii_lower(a.data[i]) != ascii_lower(b.data[i]))
            return false;
    return true;
}

int str_compare(struct str a, struct str b)
{
    size_t shared = a.size < b.size ? a.size : b.size;
    int order = shared ? memcmp(a.data, b.data, shared) : 0;
    if (order != 0)
        return order < 0 ? -1 : 1;
    return (a.size > b.size) - (a.size < b.size);
}

bool str_starts(struct str s, struct str prefix)
{
    return s.size >= prefix.size && (prefix.size == 0 || memcmp(s.data, prefix.data, prefix.size) == 0);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.size >= suffix.size &&
        (suffix.size == 0 || memcmp(s.data + s.size - suffix.size, suffix.data, suffix.size) == 0);
}

bool str_contains(struct str s, struct str part)
{
    return str_find(s, part, 0) >= 0;
}

ptrdiff_t str_find(struct str s, struct str part, size_t from)
{
    if (from > s.size)
        return -1;
    if (part.size == 0)
        return (ptrdiff_t)from;
    if (s.size - from < part.size)
        return -1;
    /* glibc's memmem is two-way: linear whatever the bytes are. */
    const char *hit = memmem(s.data + from, s.size - from, part.data, part.size);
    return hit ? hit - s.data : -1;
}

ptrdiff_t str_find_byte(struct str s, char byte, size_t from)
{
    if (from >= s.size)
        return -1;
    const char *hit = memchr(s.data + from, byte, s.size - from);
    return hit ? hit - s.data : -1;
}

struct str str_slice(struct str s, size_t from, size_t to)
{
    if (to > s.size)
        to = s.size;
    if (from > to)
        from = to;
    return from == 0 ? (struct str){ s.data, to } : (struct str){ s.data + from, to - from };
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct str str_trim(struct str s)
{
    size_t from = 0, to = s.size;
    while (from < to && is_space(s.data[from]))
        from++;
    while (to > from && is_space(s.data[to - 1]))
        to--;
    return str_slice(s, from, to);
}

bool str_split(struct str *rest, char byte, struct str *ret_part)
{
    if (rest->data == NULL)
        return false;
    ptrdiff_t at = str_find_byte(*rest, byte, 0);
    if (at < 0) {
        *ret_part = *rest;
        *rest = (struct str){ NULL, 0 };
        return true;
    }
    *ret_part = str_slice(*rest, 0, (size_t)at);
    *rest = str_slice(*rest, (size_t)at + 1, rest->size);
    return true;
}

bool str_to_uint(struct str s, uint64_t *ret)
{
    uint64_t number = 0;
    if (s.size == 0)
        return false;
    for (size_t i = 0; i < s.size; i++) {
        unsigned digit = (unsigned char)s.data[i] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, digit, &number))
            return false;
    }
    *ret = number;
    return true;
}

bool str_to_int(struct str s, int64_t *ret)
{
    bool is_negative = s.size > 0 && s.data[0] == '-';
    uint64_t size;
    if (!str_to_uint(is_negative ? str_slice(s, 1, s.size) : s, &size))
        return false;
    if (size > (uint64_t)INT64_MAX + is_negative)
        return false;
    *ret = is_negative ? (int64_t)(0 - size) : (int64_t)size;
    return true;
}

bool str_to_double(struct str s, double *ret)
{
    return number_parse_double(s.data, s.size, ret);
}

uint64_t str_hash(struct str s)
{
    return XXH3_64bits(s.data ? s.data : "", s.size);
}

bool str_equal_secret(struct str a, struct str b)
{
    if (a.size != b.size)
        return false;
    volatile unsigned char differs = 0;
    for (size_t i = 0; i < a.size; i++)
        differs = (unsigned char)(differs | (a.data[i] ^ b.data[i]));
    return differs == 0;
}

#define DISTANCE_WORD_MAX 64

unsigned str_distance(struct str a, struct str b, unsigned max)
{
    size_t gap = a.size > b.size ? a.size - b.size : b.size - a.size;
    if (gap > max || a.size > DISTANCE_WORD_MAX || b.size > DISTANCE_WORD_MAX)
        return max + 1;
    unsigned row[DISTANCE_WORD_MAX + 1];
    for (unsigned j = 0; j <= b.size; j++)
        row[j] = j;
    for (unsigned i = 1; i <= a.size; i++) {
        unsigned corner = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= b.size; j++) {
            unsigned best = corner + (a.data[i - 1] != b.data[j - 1]);
            corner = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b.size] > max ? max + 1 : row[b.size];
}
