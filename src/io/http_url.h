/* URLs of requests: checked and taken apart by curl's own parser, so that what we check is what it uses. */
#ifndef TOCSIN_IO_HTTP_URL_H
#define TOCSIN_IO_HTTP_URL_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct http_url {
    struct str text; /* whole, terminated */
    struct str scheme, host; /* lower case; an IPv6 address without brackets */
    unsigned port;
};

/* Absolute, http or https, a host, no userinfo. ERR_INVALID, "url". */
FALLIBLE http_url_parse(struct arena *arena, struct str text, struct http_url *ret, struct err_info *why);
/* `reference` (a Location header's value) as seen from `base`. */
FALLIBLE http_url_join(struct arena *arena, const struct http_url *base, struct str reference,
    struct http_url *ret, struct err_info *why);
/* RFC 6454. */
bool http_url_same_origin(const struct http_url *a, const struct http_url *b);

#endif
