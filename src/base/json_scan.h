/* What the JSON reader and writer share: how many bytes of a string need no care. */
#ifndef TOCSIN_BASE_JSON_SCAN_H
#define TOCSIN_BASE_JSON_SCAN_H

#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "json_plain_end finds the first byte of a word in its lowest bits"
#endif

#define JSON_ONES UINT64_C(0x0101010101010101)
#define JSON_HIGHS UINT64_C(0x8080808080808080)

/* The first of `"`, `\`, a control character and a byte above 0x7f, or `end`. Eight bytes at a time: a
 * subtraction borrows from bytes that are smaller than what is subtracted, and only above the first
 * such byte can the marks be wrong, so the lowest mark is right. */
static inline const char *json_plain_end(const char *at, const char *end)
{
    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        uint64_t quotes = word ^ (JSON_ONES * '"'), slashes = word ^ (JSON_ONES * '\\');
        uint64_t marks = ((quotes - JSON_ONES) & ~quotes) | ((slashes - JSON_ONES) & ~slashes) |
            (word - JSON_ONES * 0x20) | word;
        marks &= JSON_HIGHS;
        if (marks != 0)
            return at + (__builtin_ctzll(marks) >> 3);
        at += 8;
    }
    for (; at < end; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte == '"' || byte == '\\' || byte < 0x20 || byte >= 0x80)
            break;
    }
    return at;
}

#endif
