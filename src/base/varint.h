/* Numbers in as few bytes as they need: seven bits a byte, the lowest first, the eighth says that more
 * follow. Signed ones are folded so that small ones of either sign are short. Both stand on disk, in packed
 * values and in journals: they never change. */
#ifndef TOCSIN_BASE_VARINT_H
#define TOCSIN_BASE_VARINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define VARINT_BYTES_MAX 10

static inline uint64_t zigzag(int64_t number)
{
    return (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0);
}

static inline int64_t unzigzag(uint64_t number)
{
    return (int64_t)(number >> 1 ^ (0 - (number & 1)));
}

/* Up to VARINT_BYTES_MAX bytes; where they end. */
static inline char *varint_write(char *out, uint64_t number)
{
    for (; number >= 0x80; number >>= 7)
        *out++ = (char)(0x80 | (number & 0x7f));
    *out++ = (char)number;
    return out;
}

/* Moves `*at` behind it. False when `bytes` end within it, or, after VARINT_BYTES_MAX bytes, when it is too
 * large.
 */
static inline bool varint_read(struct str bytes, size_t *at, uint64_t *ret)
{
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 64 && *at < bytes.size; shift += 7) {
        uint8_t byte = (uint8_t)bytes.data[(*at)++];
        if (shift == 63 && byte > 1)
            return false;
        number |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret = number;
            return true;
        }
    }
    return false;
}

#endif
