/* Two texts, a URL and a reference to another: our reader and curl's see the same host and port, no reference
 * leaves the origin, what is added stays where it was put. */
#include <stddef.h>
#include <stdint.h>

#include "base/limits.h"
#include "base/text.h"
#include "connect/link.h"
#include "connect/url.h"
#include "io/http_url.h"
#include "require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str without_brackets(struct str host)
{
    return str_starts(host, STR("[")) ? str_slice(host, 1, host.size - 1) : host;
}

/* What the guards of connect/ took for the origin is where curl goes. */
static void same_as_curl(struct arena *arena, struct str text, const struct url *url)
{
    struct http_url curls;
    if (http_url_parse(arena, text, &curls, NULL) != ERR_OK)
        return;
    require(curls.port == url->port);
    require(str_equal(curls.scheme, url->is_https ? STR("https") : STR("http")));
    bool is_plain = utf8_is_valid(url->host) && !str_contains(url->host, STR("%"));
    for (size_t i = 0; i < url->host.size; i++)
        is_plain = is_plain && (unsigned char)url->host.data[i] < 0x80;
    /* An address may be written in many ways, 127.1 or [0::1]; curl tells the common one. */
    bool is_name = false;
    for (size_t i = 0; i < url->host.size; i++)
        is_name = is_name || (ascii_lower(url->host.data[i]) > 'f' && ascii_lower(url->host.data[i]) != 'x');
    if (is_plain && is_name)
        require(str_equal_nocase(curls.host, without_brackets(url->host)));
}

static void resolve(struct arena *arena, struct str base, struct str reference)
{
    struct str next;
    struct url from, to;
    if (url_resolve_same_origin(arena, base, reference, &next, NULL) != ERR_OK)
        return;
    require(url_parse(base, &from, NULL) == ERR_OK && url_parse(next, &to, NULL) == ERR_OK);
    require(url_same_origin(&from, &to));
}

static void add(struct arena *arena, struct str base, struct str value)
{
    AUTO(buf) struct buf text = { 0 };
    struct url before, after;
    struct str shorter;
    bool is_first = true;
    if (url_parse(base, &before, NULL) != ERR_OK || before.query.size > 0 || str_contains(base, STR("?")) ||
        str_contains(base, STR("#")))
        return;
    buf_add(&text, base);
    buf_add_text(&text, "/");
    if (url_add_segment(&text, value, NULL) != ERR_OK)
        return;
    url_add_query(&text, &is_first, STR("k"), value);
    require(url_parse(buf_str(&text), &after, NULL) == ERR_OK);
    require(url_same_origin(&before, &after));
    require(str_starts(after.query, STR("k=")) && !str_contains(after.query, STR("&")));
    require(url_without_query(arena, buf_str(&text), STR("k"), &shorter, NULL) == ERR_OK);
    require(!str_contains(shorter, STR("k=")) || str_contains(base, STR("k=")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena arena = { 0 };
    struct str rest = { (const char *)data, size }, base;
    struct url url;
    struct http_url curls, joined;
    if (size > 600 || /* encoded, within URL_BYTES_MAX */ !str_split(&rest, '\n', &base))
        return 0;
    if (url_parse(base, &url, NULL) == ERR_OK)
        same_as_curl(&arena, base, &url);
    resolve(&arena, base, rest);
    add(&arena, base, rest);
    if (url_check_path(rest, NULL) == ERR_OK)
        require(!str_contains(rest, STR("/../")));
    struct str link = link_next(rest);
    require(link.size == 0 || (link.data >= rest.data && link.data + link.size <= rest.data + rest.size));
    if (http_url_parse(&arena, base, &curls, NULL) == ERR_OK &&
        http_url_join(&arena, &curls, rest, &joined, NULL) == ERR_OK)
        require(str_equal(joined.scheme, STR("http")) || str_equal(joined.scheme, STR("https")));
    return 0;
}
