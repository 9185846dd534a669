/* The encoders extension, and hexadecimal and percent-encoding beside it. */
#include <string.h>

#include "base/text.h"
#include "expr/function.h"

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static FALLIBLE base64_encode(struct call *call, const struct value *a, struct value *ret)
{
    const unsigned char *bytes = (const unsigned char *)a[0].bytes;
    size_t count = a[0].size, size = (count + 2) / 3 * 4;
    char *text = NULL;
    TRY(call_bytes(call, size, &text));
    char *out = text;
    for (size_t i = 0; i < count; i += 3) {
        uint32_t group = (uint32_t)bytes[i] << 16;
        if (i + 1 < count)
            group |= (uint32_t)bytes[i + 1] << 8;
        if (i + 2 < count)
            group |= bytes[i + 2];
        *out++ = base64_digits[group >> 18];
        *out++ = base64_digits[group >> 12 & 63];
        *out++ = i + 1 < count ? base64_digits[group >> 6 & 63] : '=';
        *out++ = i + 2 < count ? base64_digits[group & 63] : '=';
    }
    *ret = value_string((struct str){ text, size });
    return ERR_OK;
}

static int base64_digit(char c)
{
    const char *found = c != '\0' ? strchr(base64_digits, c) : NULL;
    return found != NULL ? (int)(found - base64_digits) : -1;
}

/* Without the line ends that mail puts in (RFC 2045, 6.8) and without the padding, which may be left out,
 * but not be wrong. */
static FALLIBLE base64_digits_of(struct call *call, struct str text, char **ret_digits, size_t *ret_count)
{
    char *digits = NULL;
    size_t count = 0, padding = 0;
    TRY(call_bytes(call, text.size, &digits));
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c == '\r' || c == '\n')
            continue;
        padding += c == '=';
        if (c != '=' && (padding > 0 || base64_digit(c) < 0))
            return call_fail(call, "illegal base64 data at input byte %zu", i);
        if (c != '=')
            digits[count++] = (char)base64_digit(c);
    }
    if (count % 4 == 1 || (padding > 0 && (padding > 2 || (count + padding) % 4 != 0)))
        return call_fail(call, "illegal base64 data: the length is wrong");
    *ret_digits = digits;
    *ret_count = count;
    return ERR_OK;
}

/* Bits behind the last byte must be zero (RFC 4648, 3.5). */
static FALLIBLE base64_decode_string(struct call *call, const struct value *a, struct value *ret)
{
    char *digits = NULL, *bytes = NULL;
    size_t count = 0, size = 0;
    TRY(base64_digits_of(call, value_str(a[0]), &digits, &count));
    TRY(call_bytes(call, count / 4 * 3 + 3, &bytes));
    uint32_t group = 0;
    for (size_t i = 0; i < count; i++) {
        group = group << 6 | (unsigned char)digits[i];
        if (i % 4 != 0)
            bytes[size++] = (char)(group >> (6 - 2 * (i % 4)));
    }
    unsigned rest = count % 4 == 2 ? 4 : count % 4 == 3 ? 2 : 0;
    if ((group & ((1u << rest) - 1)) != 0)
        return call_fail(call, "illegal base64 data: bits are left over at the end");
    *ret = value_bytes((struct str){ bytes, size });
    return ERR_OK;
}

static FALLIBLE hex_encode(struct call *call, const struct value *a, struct value *ret)
{
    return call_hex(call, value_str(a[0]), ret);
}

static FALLIBLE hex_decode_string(struct call *call, const struct value *a, struct value *ret)
{
    char *bytes = NULL;
    if (a[0].size % 2 != 0)
        return call_fail(call, "illegal hexadecimal data: the length is odd");
    TRY(call_bytes(call, a[0].size / 2, &bytes));
    for (uint32_t i = 0; i < a[0].size; i += 2) {
        int high = hex_digit(a[0].bytes[i]), low = hex_digit(a[0].bytes[i + 1]);
        if (high < 0 || low < 0)
            return call_fail(call, "illegal hexadecimal data at input byte %u", i);
        bytes[i / 2] = (char)(high << 4 | low);
    }
    *ret = value_bytes((struct str){ bytes, a[0].size / 2 });
    return ERR_OK;
}

/* Everything but RFC 3986's unreserved characters becomes %XX. */
static FALLIBLE url_encode(struct call *call, const struct value *a, struct value *ret)
{
    static const char digits[] = "0123456789ABCDEF";
    struct writer writer = { .call = call };
    for (uint32_t i = 0; i < a[0].size; i++) {
        unsigned char c = (unsigned char)a[0].bytes[i];
        bool is_plain = (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '-' ||
            c == '.' || c == '_' || c == '~';
        if (is_plain) {
            writer_add_byte(&writer, (char)c);
            continue;
        }
        char escaped[3] = { '%', digits[c >> 4], digits[c & 15] };
        writer_add(&writer, (struct str){ escaped, 3 });
    }
    return writer_end(&writer, ret);
}

static FALLIBLE url_decode(struct call *call, const struct value *a, struct value *ret)
{
    char *bytes = NULL;
    size_t size = 0;
    TRY(call_bytes(call, a[0].size, &bytes));
    for (uint32_t i = 0; i < a[0].size; i++) {
        char c = a[0].bytes[i];
        if (c == '%') {
            int high = i + 2 < a[0].size ? hex_digit(a[0].bytes[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(a[0].bytes[i + 2]) : -1;
            if (low < 0)
                return call_fail(call, "a '%%' without two hexadecimal digits at input byte %u", i);
            c = (char)(high << 4 | low);
            i += 2;
        }
        bytes[size++] = c;
    }
    if (!utf8_is_valid((struct str){ bytes, size }))
        return call_fail(call, "invalid UTF-8: the decoded bytes are no text");
    *ret = value_string((struct str){ bytes, size });
    return ERR_OK;
}

#define S &type_string
#define BYTES &type_bytes

static const struct overload base64_decode_rows[] = { { false, 1, { S }, BYTES, base64_decode_string } };
static const struct overload base64_encode_rows[] = { { false, 1, { BYTES }, S, base64_encode } };
static const struct overload hex_decode_rows[] = { { false, 1, { S }, BYTES, hex_decode_string } };
static const struct overload hex_encode_rows[] = { { false, 1, { BYTES }, S, hex_encode } };
static const struct overload url_decode_rows[] = { { false, 1, { S }, S, url_decode } };
static const struct overload url_encode_rows[] = { { false, 1, { S }, S, url_encode } };

static const struct function functions[] = {
    FUNCTION("base64.decode", base64_decode_rows),
    FUNCTION("base64.encode", base64_encode_rows),
    FUNCTION("hex.decode", hex_decode_rows),
    FUNCTION("hex.encode", hex_encode_rows),
    FUNCTION("url.decode", url_decode_rows),
    FUNCTION("url.encode", url_encode_rows),
};

const struct library library_encoders = { "encoders", functions, sizeof(functions) / sizeof(functions[0]) };
