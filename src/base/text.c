#include "base/text.h"

#include <string.h>

/* The size of the sequence at `at`, whose bytes before `end` are there; 0 when it is malformed:
 * overlong, a surrogate, above U+10FFFF or cut off (Unicode 15, table 3-7). */
static size_t sequence_size(const unsigned char *at, const unsigned char *end)
{
    unsigned char lead = at[0];
    size_t left = (size_t)(end - at);
    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    if (left < 2)
        return 0;
    if (lead < 0xe0)
        return (at[1] & 0xc0) == 0x80 ? 2 : 0;
    unsigned char low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high)
        return 0;
    if (left < 3 || (at[2] & 0xc0) != 0x80)
        return 0;
    if (lead < 0xf0)
        return 3;
    return left >= 4 && (at[3] & 0xc0) == 0x80 ? 4 : 0;
}

static const unsigned char *skip_ascii(const unsigned char *at, const unsigned char *end)
{
    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        if (word & UINT64_C(0x8080808080808080))
            break;
        at += 8;
    }
    while (at < end && *at < 0x80)
        at++;
    return at;
}

/* Where the valid part of the text ends. */
static const unsigned char *skip_valid(const unsigned char *at, const unsigned char *end)
{
    for (;;) {
        at = skip_ascii(at, end);
        if (at == end)
            return at;
        size_t size = sequence_size(at, end);
        if (size == 0)
            return at;
        at += size;
    }
}

bool utf8_is_valid(struct str s)
{
    if (s.size == 0)
        return true;
    const unsigned char *at = (const unsigned char *)s.data;
    return skip_valid(at, at + s.size) == at + s.size;
}

int32_t utf8_next(struct str s, size_t *offset)
{
    const unsigned char *at = (const unsigned char *)s.data + *offset;
    size_t size = sequence_size(at, (const unsigned char *)s.data + s.size);
    *offset += size ? size : 1;
    switch (size) {
    case 1: return at[0];
    case 2: return (at[0] & 0x1f) << 6 | (at[1] & 0x3f);
    case 3: return (at[0] & 0x0f) << 12 | (at[1] & 0x3f) << 6 | (at[2] & 0x3f);
    case 4: return (at[0] & 0x07) << 18 | (at[1] & 0x3f) << 12 | (at[2] & 0x3f) << 6 | (at[3] & 0x3f);
    default: return -1;
    }
}

size_t utf8_put(char out[4], uint32_t code_point)
{
    if (code_point > 0x10ffff || (code_point >= 0xd800 && code_point <= 0xdfff))
        code_point = 0xfffd;
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        out[0] = (char)(0xc0 | code_point >> 6);
        out[1] = (char)(0x80 | (code_point & 0x3f));
        return 2;
    }
    if (code_point < 0x10000) {
        out[0] = (char)(0xe0 | code_point >> 12);
        out[1] = (char)(0x80 | (code_point >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code_point & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code_point >> 18);
    out[1] = (char)(0x80 | (code_point >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code_point >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code_point & 0x3f));
    return 4;
}

void utf8_add(struct buf *buf, uint32_t code_point)
{
    char bytes[4];
    size_t size = utf8_put(bytes, code_point);
    buf_add(buf, (struct str){ bytes, size });
}

void utf8_add_lossy(struct buf *buf, struct str s)
{
    if (s.size == 0)
        return;
    const unsigned char *at = (const unsigned char *)s.data, *end = at + s.size;
    for (;;) {
        const unsigned char *good = skip_valid(at, end);
        buf_add(buf, (struct str){ (const char *)at, (size_t)(good - at) });
        if (good == end)
            return;
        buf_add(buf, STR("\xef\xbf\xbd"));
        at = good + 1;
    }
}

size_t utf8_length(struct str s)
{
    size_t length = 0;
    for (size_t i = 0; i < s.size; i++)
        length += ((unsigned char)s.data[i] & 0xc0) != 0x80;
    return length;
}

struct str utf8_cut(struct str s, size_t most)
{
    if (s.size <= most)
        return s;
    while (most > 0 && ((unsigned char)s.data[most] & 0xc0) == 0x80)
        most--;
    return str_slice(s, 0, most);
}

static void base64_add_with(struct buf *buf, struct str bytes, const char *alphabet, bool is_padded)
{
    const unsigned char *in = (const unsigned char *)bytes.data;
    size_t whole = bytes.size / 3 * 3;
    for (size_t i = 0; i < whole; i += 3) {
        char *out = buf_reserve(buf, 4);
        if (out == NULL)
            return;
        uint32_t group = (uint32_t)in[i] << 16 | (uint32_t)in[i + 1] << 8 | in[i + 2];
        for (int digit = 0; digit < 4; digit++)
            out[digit] = alphabet[group >> (18 - 6 * digit) & 63];
        out[4] = '\0';
        buf->size += 4;
    }
    size_t rest = bytes.size - whole;
    if (rest == 0)
        return;
    uint32_t group = (uint32_t)in[whole] << 16 | (rest == 2 ? (uint32_t)in[whole + 1] << 8 : 0);
    for (size_t digit = 0; digit <= rest; digit++)
        buf_add_byte(buf, alphabet[group >> (18 - 6 * digit) & 63]);
    for (size_t digit = rest + 1; is_padded && digit < 4; digit++)
        buf_add_byte(buf, '=');
}

void base64_add(struct buf *buf, struct str bytes)
{
    base64_add_with(buf, bytes, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", true);
}

void base64url_add(struct buf *buf, struct str bytes)
{
    base64_add_with(buf, bytes, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", false);
}

static int base64_digit(char c, char digit62, char digit63)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == digit62 ? 62 : c == digit63 ? 63 : -1;
}

/* Padding, where present, must complete the group; bits that no byte uses must be zero, so that no two
 * texts mean the same bytes (RFC 4648, 3.5). */
static bool base64_decode_with(struct buf *buf, struct str text, char digit62, char digit63)
{
    size_t size = text.size;
    for (int padding = 0; padding < 2 && size > 0 && text.size % 4 == 0 && text.data[size - 1] == '=';
         padding++)
        size--;
    if (size % 4 == 1)
        return false;
    uint32_t held = 0;
    unsigned bits = 0;
    for (size_t i = 0; i < size; i++) {
        int digit = base64_digit(text.data[i], digit62, digit63);
        if (digit < 0)
            return false;
        held = (held << 6 | (uint32_t)digit) & 0xffff;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            buf_add_byte(buf, (char)(held >> bits & 0xff));
        }
    }
    return (held & ((1u << bits) - 1)) == 0;
}

bool base64_decode(struct buf *buf, struct str text)
{
    return base64_decode_with(buf, text, '+', '/');
}

bool base64url_decode(struct buf *buf, struct str text)
{
    return base64_decode_with(buf, text, '-', '_');
}

void hex_add(struct buf *buf, struct str bytes)
{
    for (size_t i = 0; i < bytes.size; i++) {
        unsigned char byte = (unsigned char)bytes.data[i];
        buf_add_byte(buf, "0123456789abcdef"[byte >> 4]);
        buf_add_byte(buf, "0123456789abcdef"[byte & 15]);
    }
}

int hex_digit(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hex_decode(struct buf *buf, struct str text)
{
    if (text.size % 2 != 0)
        return false;
    for (size_t i = 0; i < text.size; i += 2) {
        int high = hex_digit(text.data[i]), low = hex_digit(text.data[i + 1]);
        if (high < 0 || low < 0)
            return false;
        buf_add_byte(buf, (char)(high << 4 | low));
    }
    return true;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
        c == '.' || c == '_' || c == '~';
}

void percent_add(struct buf *buf, struct str s)
{
    for (size_t i = 0; i < s.size; i++) {
        unsigned char byte = (unsigned char)s.data[i];
        if (is_unreserved(s.data[i])) {
            buf_add_byte(buf, s.data[i]);
            continue;
        }
        buf_add_byte(buf, '%');
        buf_add_byte(buf, "0123456789ABCDEF"[byte >> 4]);
        buf_add_byte(buf, "0123456789ABCDEF"[byte & 15]);
    }
}

bool percent_decode(struct buf *buf, struct str text, bool plus_is_space)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c == '%') {
            if (text.size - i < 3 || !hex_decode(buf, str_slice(text, i + 1, i + 3)))
                return false;
            i += 2;
            continue;
        }
        buf_add_byte(buf, c == '+' && plus_is_space ? ' ' : c);
    }
    return true;
}
