/* The chunked transfer coding (RFC 9112, 7.1), taken apart as the bytes come. Strict where leniency lets two
 * readers disagree about where a body ends: every line ends in CR LF, sizes are 1 to 15 hex digits,
 * extensions and trailers hold no control characters and are limited together by
 * HTTP_CHUNK_EXTRA_BYTES_MAX. Extensions and trailers are dropped. */
#ifndef TOCSIN_IO_HTTP_CHUNKED_H
#define TOCSIN_IO_HTTP_CHUNKED_H

#include "base/str.h"

/* `{ 0 }` is ready for a body's first byte. */
struct http_chunked {
    uint8_t phase;
    uint8_t digit_count;
    uint32_t extra_bytes;
    uint64_t left; /* data bytes of the current chunk still to come */
};

enum http_chunked_result {
    HTTP_CHUNKED_MORE, /* all bytes are used up, the body goes on */
    HTTP_CHUNKED_DATA, /* `*ret_data` is a piece of the body */
    HTTP_CHUNKED_END, /* the body has ended; `*rest` is what follows it */
    HTTP_CHUNKED_BAD,
};

/* Moves `*rest` forward. `*ret_data` points into it. */
enum http_chunked_result http_chunked_next(
    struct http_chunked *chunked, struct str *rest, struct str *ret_data);

#endif
