#include "io/http_chunked.h"

#include "base/limits.h"
#include "io/http_head.h"

#define DIGITS_MAX 15 /* so that `left` cannot overflow */

enum chunked_phase {
    CHUNKED_SIZE, /* hex digits */
    CHUNKED_EXTENSION, /* after ';' */
    CHUNKED_SIZE_LF, /* the LF of the size's line */
    CHUNKED_DATA, /* `left` bytes */
    CHUNKED_DATA_CR, /* the CR behind them */
    CHUNKED_DATA_LF, /* its LF */
    CHUNKED_TRAILER, /* a trailer's first byte, or the CR of the last line */
    CHUNKED_TRAILER_NAME,
    CHUNKED_TRAILER_VALUE,
    CHUNKED_TRAILER_LF,
    CHUNKED_LAST_LF,
    CHUNKED_ENDED,
    CHUNKED_FAILED,
};

static int chunked_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool chunked_is_text(char c)
{
    return http_is_field_value((struct str){ &c, 1 });
}

static enum chunked_phase chunked_on_size(struct http_chunked *self, char c)
{
    int digit = chunked_hex(c);
    if (digit >= 0) {
        self->left = self->left << 4 | (uint64_t)digit;
        return self->digit_count++ < DIGITS_MAX ? CHUNKED_SIZE : CHUNKED_FAILED;
    }
    if (self->digit_count == 0)
        return CHUNKED_FAILED;
    if (c == ';')
        return CHUNKED_EXTENSION;
    return c == '\r' ? CHUNKED_SIZE_LF : CHUNKED_FAILED;
}

static enum chunked_phase chunked_on_size_lf(struct http_chunked *self, char c)
{
    self->digit_count = 0;
    if (c != '\n')
        return CHUNKED_FAILED;
    return self->left > 0 ? CHUNKED_DATA : CHUNKED_TRAILER;
}

static bool chunked_takes_extra(struct http_chunked *self, char c)
{
    return ++self->extra_bytes <= HTTP_CHUNK_EXTRA_BYTES_MAX && chunked_is_text(c);
}

static enum chunked_phase chunked_on_trailer_name(struct http_chunked *self, char c)
{
    if (self->extra_bytes++ >= HTTP_CHUNK_EXTRA_BYTES_MAX)
        return CHUNKED_FAILED;
    if (c == ':' && self->phase == CHUNKED_TRAILER_NAME)
        return CHUNKED_TRAILER_VALUE;
    return http_is_token((struct str){ &c, 1 }) ? CHUNKED_TRAILER_NAME : CHUNKED_FAILED;
}

/* One byte of framing. */
static enum chunked_phase chunked_step(struct http_chunked *self, char c)
{
    switch ((enum chunked_phase)self->phase) {
    case CHUNKED_SIZE: return chunked_on_size(self, c);
    case CHUNKED_EXTENSION:
        if (c == '\r')
            return CHUNKED_SIZE_LF;
        return chunked_takes_extra(self, c) ? CHUNKED_EXTENSION : CHUNKED_FAILED;
    case CHUNKED_SIZE_LF: return chunked_on_size_lf(self, c);
    case CHUNKED_DATA_CR: return c == '\r' ? CHUNKED_DATA_LF : CHUNKED_FAILED;
    case CHUNKED_DATA_LF: return c == '\n' ? CHUNKED_SIZE : CHUNKED_FAILED;
    case CHUNKED_TRAILER:
        if (c == '\r')
            return CHUNKED_LAST_LF;
        return chunked_on_trailer_name(self, c);
    case CHUNKED_TRAILER_NAME: return chunked_on_trailer_name(self, c);
    case CHUNKED_TRAILER_VALUE:
        if (c == '\r')
            return CHUNKED_TRAILER_LF;
        return chunked_takes_extra(self, c) ? CHUNKED_TRAILER_VALUE : CHUNKED_FAILED;
    case CHUNKED_TRAILER_LF: return c == '\n' ? CHUNKED_TRAILER : CHUNKED_FAILED;
    case CHUNKED_LAST_LF: return c == '\n' ? CHUNKED_ENDED : CHUNKED_FAILED;
    case CHUNKED_DATA:
    case CHUNKED_ENDED:
    case CHUNKED_FAILED: break;
    }
    return CHUNKED_FAILED;
}

enum http_chunked_result http_chunked_next(
    struct http_chunked *chunked, struct str *rest, struct str *ret_data)
{
    while (rest->size > 0) {
        if (chunked->phase == CHUNKED_DATA) {
            size_t size = chunked->left < rest->size ? (size_t)chunked->left : rest->size;
            *ret_data = str_slice(*rest, 0, size);
            *rest = str_slice(*rest, size, rest->size);
            chunked->left -= size;
            if (chunked->left == 0)
                chunked->phase = CHUNKED_DATA_CR;
            return HTTP_CHUNKED_DATA;
        }
        chunked->phase = (uint8_t)chunked_step(chunked, rest->data[0]);
        if (chunked->phase == CHUNKED_FAILED)
            return HTTP_CHUNKED_BAD;
        *rest = str_slice(*rest, 1, rest->size);
        if (chunked->phase == CHUNKED_ENDED)
            return HTTP_CHUNKED_END;
    }
    return HTTP_CHUNKED_MORE;
}
