#include "connect/url.h"

#include <ctype.h>

#include "base/text.h"

#define URL_BYTES_MAX 8192

static FALLIBLE bad_url(struct err_info *why, const char *what)
{
    return err_named(why, ERR_INVALID, "bad_url", "%s", what);
}

static FALLIBLE check_bytes(struct str text, struct err_info *why)
{
    if (text.size > URL_BYTES_MAX)
        return bad_url(why, "the URL is longer than 8192 bytes");
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte <= ' ' || byte == 0x7f || byte == '\\')
            return bad_url(why, "the URL has a space, a control character or a backslash in it");
    }
    return ERR_OK;
}

static bool is_host_byte(char byte)
{
    return isalnum((unsigned char)byte) || byte == '.' || byte == '-' || byte == '_';
}

static FALLIBLE check_host(struct str host, struct err_info *why)
{
    bool is_ipv6 = host.size > 2 && host.data[0] == '[' && host.data[host.size - 1] == ']';
    struct str inner = is_ipv6 ? str_slice(host, 1, host.size - 1) : host;
    if (inner.size == 0)
        return bad_url(why, "the URL has no host");
    for (size_t i = 0; i < inner.size; i++) {
        char byte = inner.data[i];
        bool is_good = is_ipv6 ? isxdigit((unsigned char)byte) || byte == ':' || byte == '.'
                               : is_host_byte(byte);
        if (!is_good)
            return bad_url(why, "the URL's host has a character that no host name has");
    }
    return ERR_OK;
}

/* Splits "host:port". */
static FALLIBLE read_authority(struct str authority, struct url *url, struct err_info *why)
{
    if (str_find_byte(authority, '@', 0) >= 0)
        return bad_url(
            why, "a URL with a user or password in it is refused; the connection's auth holds them");
    ptrdiff_t bracket = str_find_byte(authority, ']', 0);
    ptrdiff_t colon = str_find_byte(authority, ':', bracket < 0 ? 0 : (size_t)bracket);
    url->host = colon < 0 ? authority : str_slice(authority, 0, (size_t)colon);
    url->port = url->is_https ? 443 : 80;
    if (colon >= 0) {
        uint64_t port;
        if (!str_to_uint(str_slice(authority, (size_t)colon + 1, authority.size), &port) || port == 0 ||
            port > 65535)
            return bad_url(why, "the URL's port is no number from 1 to 65535");
        url->port = (uint16_t)port;
    }
    return check_host(url->host, why);
}

FALLIBLE url_parse(struct str text, struct url *ret, struct err_info *why)
{
    struct url url = { 0 };
    TRY(check_bytes(text, why));
    ptrdiff_t mark = str_find(text, STR("://"), 0);
    if (mark < 0)
        return bad_url(why, "the URL must begin with http:// or https://");
    url.scheme = str_slice(text, 0, (size_t)mark);
    url.is_https = str_equal_nocase(url.scheme, STR("https"));
    if (!url.is_https && !str_equal_nocase(url.scheme, STR("http")))
        return bad_url(why, "the URL must begin with http:// or https://");
    size_t start = (size_t)mark + 3, end = start;
    while (end < text.size && text.data[end] != '/' && text.data[end] != '?' && text.data[end] != '#')
        end++;
    TRY(read_authority(str_slice(text, start, end), &url, why));
    url.origin = str_slice(text, 0, end);
    struct str rest = str_slice(text, end, text.size);
    ptrdiff_t hash = str_find_byte(rest, '#', 0);
    if (hash >= 0)
        rest = str_slice(rest, 0, (size_t)hash);
    ptrdiff_t question = str_find_byte(rest, '?', 0);
    url.path = question < 0 ? rest : str_slice(rest, 0, (size_t)question);
    url.query = question < 0 ? STR("") : str_slice(rest, (size_t)question + 1, rest.size);
    *ret = url;
    return ERR_OK;
}

bool url_same_origin(const struct url *a, const struct url *b)
{
    return a->is_https == b->is_https && a->port == b->port && str_equal_nocase(a->host, b->host);
}

FALLIBLE url_resolve_same_origin(
    struct arena *arena, struct str base, struct str reference, struct str *ret, struct err_info *why)
{
    struct url from, to;
    TRY(url_parse(base, &from, why));
    TRY(check_bytes(reference, why));
    struct str path = from.path.size ? from.path : STR("/");
    struct str whole;
    if (str_starts(reference, STR("//")))
        TRY(arena_printf(arena, &whole, why, "%.*s:%.*s", STR_ARG(from.scheme), STR_ARG(reference)));
    else if (str_starts(reference, STR("/")))
        TRY(arena_printf(arena, &whole, why, "%.*s%.*s", STR_ARG(from.origin), STR_ARG(reference)));
    else if (str_starts(reference, STR("?")))
        TRY(arena_printf(
            arena, &whole, why, "%.*s%.*s%.*s", STR_ARG(from.origin), STR_ARG(path), STR_ARG(reference)));
    else
        TRY(arena_str(arena, reference, &whole, why));
    TRY(url_parse(whole, &to, why));
    if (!url_same_origin(&from, &to))
        return err_named(why, ERR_DENIED, "other_origin",
            "the next page is at another origin (%.*s); pages are read from the connection's own only",
            STR_ARG(to.origin));
    TRY(url_check_path(to.path, why));
    *ret = whole;
    return ERR_OK;
}

FALLIBLE url_add_segment(struct buf *buf, struct str value, struct err_info *why)
{
    if (value.size == 0)
        return err_named(why, ERR_INVALID, "bad_input", "an empty text can't be a part of the path");
    percent_add(buf, value);
    return ERR_OK;
}

/* The byte at `*at`, percent-decoded when it is a dot or a slash, which servers decode before they look at
 * segments; moves `*at` behind it. */
static char path_byte(struct str path, size_t *at)
{
    static const struct {
        struct str text;
        char byte;
    } encoded[] = { { STR_INIT("%2e"), '.' }, { STR_INIT("%2f"), '/' }, { STR_INIT("%5c"), '/' } };
    struct str here = str_slice(path, *at, *at + 3 < path.size ? *at + 3 : path.size);
    for (size_t i = 0; i < sizeof(encoded) / sizeof(encoded[0]); i++) {
        if (str_equal_nocase(here, encoded[i].text)) {
            *at += 3;
            return encoded[i].byte;
        }
    }
    char byte = path.data[(*at)++];
    return byte == '\\' ? '/' : byte;
}

FALLIBLE url_check_path(struct str path, struct err_info *why)
{
    size_t at = 0, dots = 0, others = 0;
    bool is_end = false;
    while (!is_end) {
        is_end = at == path.size;
        char byte = is_end ? '/' : path_byte(path, &at);
        if (byte != '/') {
            dots += byte == '.';
            others += byte != '.';
            continue;
        }
        if (others == 0 && (dots == 1 || dots == 2))
            return err_named(why, ERR_INVALID, "bad_input",
                "`%s` can't be a segment of the path: it would name something else", dots == 1 ? "." : "..");
        dots = others = 0;
    }
    return ERR_OK;
}

FALLIBLE url_without_query(
    struct arena *arena, struct str url, struct str name, struct str *ret, struct err_info *why)
{
    AUTO(buf) struct buf out = { 0 }, encoded = { 0 };
    ptrdiff_t question = str_find_byte(url, '?', 0);
    *ret = url;
    if (question < 0)
        return ERR_OK;
    struct str rest = str_slice(url, (size_t)question + 1, url.size), part;
    percent_add(&encoded, name);
    buf_add(&out, str_slice(url, 0, (size_t)question));
    char separator = '?';
    while (str_split(&rest, '&', &part)) {
        ptrdiff_t equals = str_find_byte(part, '=', 0);
        struct str key = str_slice(part, 0, equals < 0 ? part.size : (size_t)equals);
        if (str_equal(key, name) || str_equal(key, buf_str(&encoded)))
            continue;
        buf_add_byte(&out, separator);
        buf_add(&out, part);
        separator = '&';
    }
    TRY(buf_check(&encoded, why));
    TRY(buf_check(&out, why));
    return arena_str(arena, buf_str(&out), ret, why);
}

void url_add_query(struct buf *buf, bool *is_first, struct str name, struct str value)
{
    buf_add_byte(buf, *is_first ? '?' : '&');
    *is_first = false;
    percent_add(buf, name);
    buf_add_byte(buf, '=');
    percent_add(buf, value);
}
