/* The head of a request, HTTP/1.1 only (RFC 9112), read strictly: whatever two implementations might
 * understand differently is refused, so that no proxy in front of us can be talked into seeing another
 * request than we do. Pure functions over bytes. */
#ifndef TOCSIN_IO_HTTP_HEAD_H
#define TOCSIN_IO_HTTP_HEAD_H

#include "base/limits.h"
#include "io/http_client.h"

/* Why a request is refused; static. */
struct http_refusal {
    int status;
    const char *reason;
};

struct http_head {
    struct str method;
    struct str path; /* starts with '/', or is "*"; as sent, every '%' followed by two hex digits */
    struct str query; /* what follows '?' */
    bool is_http_1_0;
    bool keeps_alive;
    bool expects_continue;
    bool is_chunked;
    uint64_t content_length; /* 0 when absent or chunked */
    uint32_t header_count;
    struct http_header headers[HTTP_HEADERS_MAX]; /* names as sent */
};

struct http_head_scan {
    size_t line_start; /* where the unfinished line begins; 0 at first */
};

/* Looks for the end of a head in `bytes`, which grow from call to call. `*ret_size` becomes the size with
 * its empty line, or 0 while it is not complete. NULL, or why this can never be a request. */
const struct http_refusal *http_head_find_end(
    struct http_head_scan *scan, struct str bytes, size_t *ret_size);

/* Reads a complete head, empty line included. What `*ret` holds points into `bytes`. NULL, or why not; then
 * `*ret` is undefined. */
const struct http_refusal *http_head_parse(struct str bytes, struct http_head *ret);

/* The first header of that name; NULL when absent. */
const struct http_header *http_head_header(const struct http_head *head, struct str name);

/* RFC 9110, 5.6.2 and 5.5: at least one token character; no control characters but tab. */
bool http_is_token(struct str s);
bool http_is_field_value(struct str s);

#endif
