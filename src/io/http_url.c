#include "io/http_url.h"

#include <curl/curl.h>
#include <string.h>

/* AUTO(url_handle) */
struct url_handle {
    CURLU *curl;
};

static void url_handle_cleanup(struct url_handle *handle)
{
    curl_url_cleanup(handle->curl);
}

static FALLIBLE http_url_bad(struct err_info *why, struct str text, const char *reason)
{
    return err_named(why, ERR_INVALID, "url", "the URL \"%.*s\" cannot be used: %s", STR_ARG(text), reason);
}

static FALLIBLE http_url_code(struct err_info *why, struct str text, CURLUcode code)
{
    if (code == CURLUE_OUT_OF_MEMORY)
        return err_memory(why);
    return http_url_bad(why, text, curl_url_strerror(code));
}

/* One part, copied into the arena. */
static CURLUcode http_url_part(
    struct arena *arena, CURLU *handle, CURLUPart part, unsigned flags, struct str *ret)
{
    char *text = NULL;
    CURLUcode code = curl_url_get(handle, part, &text, flags);
    if (code == CURLUE_OK && arena_str(arena, str_of(text), ret, NULL) != ERR_OK)
        code = CURLUE_OUT_OF_MEMORY;
    curl_free(text);
    return code;
}

static void http_url_lower(struct str s)
{
    char *bytes = (char *)(uintptr_t)s.data; /* our own copy in the arena */
    for (size_t i = 0; i < s.size; i++)
        bytes[i] = (char)(bytes[i] >= 'A' && bytes[i] <= 'Z' ? bytes[i] + ('a' - 'A') : bytes[i]);
}

static bool http_url_is_ours(struct str scheme)
{
    return str_equal_nocase(scheme, STR("http")) || str_equal_nocase(scheme, STR("https"));
}

static FALLIBLE http_url_read(
    struct arena *arena, CURLU *handle, struct str text, struct http_url *ret, struct err_info *why)
{
    struct http_url url = { 0 };
    struct str port = { 0 };
    CURLUcode code = http_url_part(arena, handle, CURLUPART_SCHEME, 0, &url.scheme);
    if (code == CURLUE_OK && !http_url_is_ours(url.scheme))
        return http_url_bad(why, text, "its scheme is not allowed here");
    if (code == CURLUE_OK)
        code = http_url_part(arena, handle, CURLUPART_HOST, 0, &url.host);
    if (code == CURLUE_OK)
        code = http_url_part(arena, handle, CURLUPART_PORT, CURLU_DEFAULT_PORT, &port);
    if (code == CURLUE_OK)
        code = http_url_part(arena, handle, CURLUPART_URL, 0, &url.text);
    if (code != CURLUE_OK)
        return http_url_code(why, text, code);
    uint64_t number;
    if (!str_to_uint(port, &number) || number == 0 || number > UINT16_MAX)
        return http_url_bad(why, text, "its port is not 1 to 65535");
    url.port = (unsigned)number;
    if (str_starts(url.host, STR("[")))
        url.host = str_slice(url.host, 1, url.host.size - 1);
    if (url.host.size == 0)
        return http_url_bad(why, text, "it has no host");
    http_url_lower(url.scheme);
    http_url_lower(url.host);
    *ret = url;
    return ERR_OK;
}

/* curl takes "http:/host" and "http:///host" for "http://host", and "javascript:x" for a path; others see
 * other things there. True when `text` has no scheme (RFC 3986, 4.1), or one with two slashes and a host. */
static bool http_url_is_plain(struct str text)
{
    size_t at = 0;
    while (at < text.size && !strchr(":/?#", text.data[at]))
        at++;
    if (at == text.size || text.data[at] != ':')
        return !str_starts(text, STR("///"));
    struct str rest = str_slice(text, at + 1, text.size);
    return str_starts(rest, STR("//")) && !str_starts(rest, STR("///"));
}

/* The path is sent as written: what it means is the server's business. */
#define URL_FLAGS (CURLU_DISALLOW_USER | CURLU_NON_SUPPORT_SCHEME | CURLU_PATH_AS_IS)

enum err http_url_parse(struct arena *arena, struct str text, struct http_url *ret, struct err_info *why)
{
    AUTO(url_handle) struct url_handle handle = { curl_url() };
    struct str terminated;
    if (!handle.curl)
        return err_memory(why);
    if (str_find_byte(text, '\0', 0) >= 0 || !http_url_is_plain(text))
        return http_url_bad(why, text, "write it like https://host/path");
    TRY(arena_str(arena, text, &terminated, why));
    CURLUcode code = curl_url_set(handle.curl, CURLUPART_URL, terminated.data, URL_FLAGS);
    if (code != CURLUE_OK)
        return http_url_code(why, text, code);
    return http_url_read(arena, handle.curl, text, ret, why);
}

enum err http_url_join(struct arena *arena, const struct http_url *base, struct str reference,
    struct http_url *ret, struct err_info *why)
{
    AUTO(url_handle) struct url_handle handle = { curl_url() };
    struct str terminated;
    if (!handle.curl)
        return err_memory(why);
    if (!http_url_is_plain(reference))
        return http_url_bad(why, reference, "it is no plain http or https URL");
    TRY(arena_str(arena, reference, &terminated, why));
    CURLUcode code = curl_url_set(handle.curl, CURLUPART_URL, base->text.data, URL_FLAGS);
    if (code == CURLUE_OK) /* relative to what is set already */
        code = curl_url_set(handle.curl, CURLUPART_URL, terminated.data, URL_FLAGS | CURLU_URLENCODE);
    if (code != CURLUE_OK)
        return http_url_code(why, reference, code);
    return http_url_read(arena, handle.curl, reference, ret, why);
}

bool http_url_same_origin(const struct http_url *a, const struct http_url *b)
{
    return a->port == b->port && str_equal(a->scheme, b->scheme) && str_equal(a->host, b->host);
}
