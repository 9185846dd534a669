/* URLs as far as connectors need them: an origin (RFC 6454) that no value from outside can change, and parts
 * behind it that are always percent-encoded (RFC 3986). */
#ifndef TOCSIN_CONNECT_URL_H
#define TOCSIN_CONNECT_URL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* Slices of the text that was read. */
struct url {
    struct str scheme; /* "http" or "https", in the case of the text */
    struct str host; /* an IPv6 address with its brackets */
    uint16_t port; /* the scheme's when none is given */
    bool is_https;
    struct str origin; /* "https://host:port" as in the text */
    struct str path; /* from the first '/'; may be empty; without query and fragment */
    struct str query; /* without '?' */
};

/* An absolute http or https URL. ERR_INVALID, name "bad_url": another scheme, no host, user and password
 * (they would end up in logs), a control character, white space, a backslash or a bad port. */
FALLIBLE url_parse(struct str text, struct url *ret, struct err_info *why);
bool url_same_origin(const struct url *a, const struct url *b);

/* What a server names as the next page: absolute, "//host/path", "/path" or "?query", against the URL that it
 * answered. ERR_INVALID when it is none of these; ERR_DENIED, name "other_origin", when it leaves the origin
 * of `base`. */
FALLIBLE url_resolve_same_origin(
    struct arena *arena, struct str base, struct str reference, struct str *ret, struct err_info *why);

/* Adds `value` to a path, percent-encoded. ERR_INVALID when it is empty, since then the path would name
 * something else. */
FALLIBLE url_add_segment(struct buf *buf, struct str value, struct err_info *why);
/* ERR_INVALID when a segment of the finished path is "." or "..", also where dots or slashes are
 * percent-encoded: servers and clients resolve them, so the request would go somewhere else (RFC
 * 3986, 5.2.4).
 */
FALLIBLE url_check_path(struct str path, struct err_info *why);
/* The URL without the query's parameters of this name. */
FALLIBLE url_without_query(
    struct arena *arena, struct str url, struct str name, struct str *ret, struct err_info *why);
/* Adds "?name=value" or "&name=value", both percent-encoded. */
void url_add_query(struct buf *buf, bool *is_first, struct str name, struct str value);

#endif
