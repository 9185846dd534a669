/* URLs with a scheme, plain and percent-encoded, and mail addresses. */
#include <assert.h>
#include <string.h>

#include "base/text.h"
#include "expr/ioc.h"
#include "expr/network.h"
#include "expr/suffix.h"

#define SCHEME_BYTES_MAX 8
#define EMAIL_LOCAL_BYTES_MAX 64 /* RFC 5321 */

static const struct str schemes[] = { STR_INIT("http"), STR_INIT("https"), STR_INIT("ftp"), STR_INIT("ftps"),
    STR_INIT("sftp"), STR_INIT("tcp"), STR_INIT("udp"), STR_INIT("ssh"), STR_INIT("ldap"), STR_INIT("ldaps"),
    STR_INIT("smb"), STR_INIT("ws"), STR_INIT("wss"), STR_INIT("rtsp"), STR_INIT("git"), STR_INIT("telnet"),
    STR_INIT("tftp"), STR_INIT("socks"), STR_INIT("socks4"), STR_INIT("socks5"), STR_INIT("rdp"),
    STR_INIT("vnc") };

/* Where the scheme in front of "://" at `separator` starts; `separator` when none is known. The longest
 * wins, so that "xhttps" still gives https. */
static size_t scheme_start(const struct ioc_search *search, size_t separator)
{
    for (size_t size = SCHEME_BYTES_MAX; size >= 2; size--) {
        if (size > separator)
            continue;
        struct str word = str_slice(search->text, separator - size, separator);
        for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
            if (word.size == schemes[i].size && str_equal_nocase(word, schemes[i]))
                return separator - size;
        }
    }
    return separator;
}

/* ---- where a URL ends ---- */

static bool ends_url(int c)
{
    return c <= ' ' || c == '<' || c == '>' || c == '"' || c == '`' || c == '\\' || c == '|' || c == '^' ||
        c >= 0x7f;
}

static char opening_of(int c)
{
    return c == ')' ? '(' : c == ']' ? '[' : c == '}' ? '{' : '\0';
}

/* Punctuation at the end belongs to the sentence around the URL, and so does a bracket that is never
 * closed. */
static size_t trim_url(const struct ioc_search *search, size_t start, size_t end)
{
    static const char sentence[] = ".,;:!?'*([{";
    while (end > start && strchr(sentence, ioc_byte(search, end - 1)) != NULL)
        end--;
    return end;
}

size_t ioc_url_end(const struct ioc_search *search, size_t at)
{
    size_t start = at;
    int open[3] = { 0 }; /* ( [ { */
    for (; !ends_url(ioc_byte(search, at)); at++) {
        int c = ioc_byte(search, at);
        const char *brackets = "([{";
        const char *opened = strchr(brackets, c),
                   *closed = opening_of(c) ? strchr(brackets, opening_of(c)) : NULL;
        if (opened != NULL)
            open[opened - brackets]++;
        if (closed != NULL && open[closed - brackets]-- == 0)
            break;
    }
    return trim_url(search, start, at);
}

/* ---- hosts of URLs ---- */

struct authority {
    size_t start, end; /* userinfo, host, port */
    size_t host_start, host_end; /* an IPv6 address without its brackets */
};

static bool is_authority_byte(int c)
{
    return ioc_is_host(c) || c == ':' || c == '@' || c == '%' || c == '+' || c == '~' || c == '!' ||
        c == '$' || c == '&' || c == '*' || c == '=' || c == ';';
}

/* Reads [user[:password]@]host[:port] behind "://". */
static bool read_authority(const struct ioc_search *search, size_t at, struct authority *ret)
{
    struct authority authority = { .start = at, .host_start = at };
    size_t end = at;
    while (is_authority_byte(ioc_byte(search, end)) || ioc_byte(search, end) == '[') {
        if (ioc_byte(search, end) == '[') {
            size_t close = end;
            while (ioc_byte(search, close) != ']' && close - end < 48 && ioc_byte(search, close) > ' ')
                close++;
            if (ioc_byte(search, close) != ']')
                return false;
            authority.host_start = end + 1;
            authority.host_end = close;
            end = close + 1;
            break;
        }
        if (ioc_byte(search, end) == '@')
            authority.host_start = end + 1;
        end++;
    }
    if (authority.host_end == 0) {
        authority.host_end = authority.host_start;
        while (ioc_is_host(ioc_byte(search, authority.host_end)))
            authority.host_end++;
        end = authority.host_end;
    }
    if (ioc_byte(search, end) == ':') {
        size_t digits = end + 1;
        while (ioc_is_digit(ioc_byte(search, digits)))
            digits++;
        end = digits > end + 1 ? digits : end;
    }
    authority.end = end;
    *ret = authority;
    return authority.host_end > authority.host_start;
}

/* A host of one name, inside an organisation: http://intranet/. It makes a URL, but is no indicator by
 * itself. */
static bool is_local_name(const struct ioc_search *search, const struct authority *authority, struct str host)
{
    int behind = ioc_byte(search, authority->end);
    bool is_name = host.size >= 2 && host.size <= 63 && !ioc_is_digit((unsigned char)host.data[0]);
    for (size_t i = 0; i < host.size; i++)
        is_name = is_name && (ioc_is_alnum((unsigned char)host.data[i]) || host.data[i] == '-');
    return is_name && (behind == '/' || behind == '?' || behind == '#' || ends_url(behind));
}

/* Adds the host under its own kind; false when it is none, then neither is the URL. */
static FALLIBLE add_host(struct ioc_search *search, struct authority *authority, bool *ret_is_host)
{
    char text[NETWORK_TEXT_BYTES];
    struct value_net net;
    struct str host = str_slice(search->text, authority->host_start, authority->host_end);
    bool has_brackets = ioc_before(search, authority->host_start) == '[';
    *ret_is_host = true;
    if (has_brackets) {
        if (network_parse_ip(host, &net) == NULL)
            return ioc_add(
                search, IOC_IPV6, authority->host_start, network_print_net(&net, false, text), IOC_AS_IS);
        bool is_domain = suffix_is_domain(host);
        *ret_is_host = is_domain || is_local_name(search, authority, host);
        return is_domain ? ioc_add(search, IOC_DOMAIN, authority->host_start, host, IOC_LOWER) : ERR_OK;
    }
    while (host.size > 0 && (host.data[host.size - 1] == '.' || host.data[host.size - 1] == '-'))
        host.size--;
    /* The dot of a whole name, "a.example./x", is none of the sentence's. */
    if (authority->end == authority->host_end && ioc_byte(search, authority->end) != '/')
        authority->end = authority->host_start + host.size;
    bool is_v4 = host.size > 0 && ioc_read_ipv4(host, 0, text) == host.size;
    *ret_is_host = is_v4 || suffix_is_domain(host) || is_local_name(search, authority, host);
    if (!*ret_is_host || (!is_v4 && !suffix_is_domain(host)))
        return ERR_OK;
    TRY(ioc_note_host(search, authority->host_start, authority->host_start + host.size));
    return is_v4 ? ioc_add(search, IOC_IPV4, authority->host_start, str_of(text), IOC_AS_IS)
                 : ioc_add(search, IOC_DOMAIN, authority->host_start, host, IOC_LOWER);
}

/* http://fdc4:2581::1, an IPv6 address that lacks its brackets. */
static size_t bare_v6_end(const struct ioc_search *search, size_t at)
{
    struct value_net net;
    size_t end = at;
    while (ioc_is_hex(ioc_byte(search, end)) || ioc_byte(search, end) == ':')
        end++;
    /* Without a dot it is no IPv4 address. */
    bool is_v6 = end - at < 40 && network_parse_ip(str_slice(search->text, at, end), &net) == NULL;
    return is_v6 ? end : at;
}

static FALLIBLE keep_span(struct ioc_search *search, size_t start, size_t end, struct ioc_span authority)
{
    struct call *call = search->call;
    if (search->url_count == search->url_room) {
        uint32_t room = search->url_room ? search->url_room * 2 : 16;
        struct ioc_span *spans = ARENA_ARRAY(call->arena, (size_t)room * 2, struct ioc_span);
        if (spans == NULL)
            return err_memory(&call->why);
        if (search->url_count > 0) {
            memcpy(spans, search->urls, search->url_count * sizeof(spans[0]));
            memcpy(spans + room, search->authorities, search->url_count * sizeof(spans[0]));
        }
        search->urls = spans;
        search->authorities = spans + room;
        search->url_room = room;
    }
    search->urls[search->url_count] = (struct ioc_span){ start, end };
    search->authorities[search->url_count++] = authority;
    return call_charge(call, 1);
}

/* "://" stands at `separator`. Gives where the search goes on. */
static FALLIBLE look_at_url(struct ioc_search *search, size_t separator, size_t *ret_next)
{
    struct authority authority;
    size_t start = scheme_start(search, separator), host = separator + 3;
    *ret_next = host;
    if (start == separator)
        return ERR_OK;
    size_t v6_end = bare_v6_end(search, host), end = 0;
    bool is_host = v6_end > host;
    if (is_host) {
        authority = (struct authority){ host, v6_end, host, v6_end };
    } else {
        if (!read_authority(search, host, &authority))
            return ERR_OK;
        TRY(add_host(search, &authority, &is_host));
    }
    if (!is_host)
        return ERR_OK;
    int behind = ioc_byte(search, authority.end);
    end = behind == '/' || behind == '?' || behind == '#' ? ioc_url_end(search, authority.end)
                                                          : authority.end;
    TRY(ioc_add(search, IOC_URL, start, str_slice(search->text, start, end), IOC_AS_IS));
    /* Behind the host another URL may stand, where a redirection leads. */
    *ret_next = authority.end > host ? authority.end : host;
    return keep_span(search, start, end, (struct ioc_span){ authority.start, authority.end });
}

/* ---- http%3A%2F%2F ---- */

/* Browsers take no longer URLs. */
#define ENCODED_BYTES_MAX 2048

/* Up to what is no UTF-8: escapes may stand for any bytes. */
static struct str valid_part(struct str text)
{
    size_t at = 0, end = 0;
    while (at < text.size && utf8_next(text, &at) >= 0)
        end = at;
    return str_slice(text, 0, end);
}

/* The decoded URL is searched on its own, in an inner search that shares the sink. */
static FALLIBLE look_at_encoded(struct ioc_search *search, size_t start, size_t *ret_end)
{
    struct call *call = search->call;
    char *decoded = NULL;
    size_t end = start, size = 0;
    while (
        !ends_url(ioc_byte(search, end)) && ioc_byte(search, end) != '&' && end - start < ENCODED_BYTES_MAX)
        end++;
    *ret_end = end;
    TRY(call_bytes(call, end - start, &decoded));
    for (size_t at = start; at < end; at++) {
        bool is_escape = ioc_byte(search, at) == '%' && at + 2 < end &&
            ioc_is_hex(ioc_byte(search, at + 1)) && ioc_is_hex(ioc_byte(search, at + 2));
        decoded[size++] = is_escape
            ? (char)(hex_digit(ioc_byte(search, at + 1)) << 4 | hex_digit(ioc_byte(search, at + 2)))
            : (char)ioc_byte(search, at);
        at += is_escape ? 2 : 0;
    }
    struct ioc_search inner = *search;
    inner.text = valid_part((struct str){ decoded, size });
    ptrdiff_t separator = str_find(inner.text, STR("://"), 0);
    size_t next = 0;
    assert(separator >= 0); /* it is what led here */
    /* The places of the decoded text mean nothing in this one, so its spans are dropped. */
    return look_at_url(&inner, (size_t)separator, &next);
}

static FALLIBLE find_encoded(struct ioc_search *search)
{
    size_t at = 0;
    for (ptrdiff_t found; (found = str_find_byte(search->text, '%', at)) >= 0;) {
        const struct str mark = STR("%3a%2f%2f");
        size_t percent = (size_t)found;
        at = percent + 1;
        if (!str_equal_nocase(str_slice(search->text, percent, percent + mark.size), mark))
            continue;
        size_t start = scheme_start(search, percent);
        if (start < percent)
            TRY(look_at_encoded(search, start, &at));
    }
    return ERR_OK;
}

/* URLs inside of one URL; each goes to the end of the outermost, so their number is bounded. */
#define NESTED_URLS_MAX 4

FALLIBLE ioc_find_urls(struct ioc_search *search)
{
    size_t at = 0, outer_end = 0;
    unsigned nested = 0;
    for (ptrdiff_t found; (found = str_find(search->text, STR("://"), at)) >= 0;) {
        uint32_t count = search->url_count;
        nested = (size_t)found < outer_end ? nested + 1 : 0;
        if (nested > NESTED_URLS_MAX) {
            at = outer_end;
            continue;
        }
        TRY(look_at_url(search, (size_t)found, &at));
        if (search->url_count > count && search->urls[count].end > outer_end)
            outer_end = search->urls[count].end;
    }
    return find_encoded(search);
}

/* ---- mail ---- */

static bool is_local_byte(int c)
{
    return ioc_is_word(c) || c == '.' || c == '-' || c == '+' || c == '%' || c == '#' || c == '~';
}

static FALLIBLE add_email(struct ioc_search *search, size_t start, size_t at, size_t end)
{
    struct call *call = search->call;
    char *text = NULL;
    TRY(call_bytes(call, end - start, &text));
    memcpy(text, search->text.data + start, end - start);
    for (size_t i = at - start; i < end - start; i++)
        text[i] = ascii_lower(text[i]); /* the host's case means nothing, the mailbox's may */
    return ioc_add(search, IOC_EMAIL, start, (struct str){ text, end - start }, IOC_AS_IS);
}

/* user@[192.0.2.1] */
static FALLIBLE look_at_literal(struct ioc_search *search, size_t start, size_t at)
{
    char address[16];
    size_t end = ioc_read_ipv4(search->text, at + 2, address);
    if (end == at + 2 || ioc_byte(search, end) != ']')
        return ERR_OK;
    TRY(ioc_note_host(search, at + 2, end));
    TRY(ioc_add(search, IOC_IPV4, at + 2, str_of(address), IOC_AS_IS));
    return add_email(search, start, at, end + 1);
}

static FALLIBLE look_at_email(struct ioc_search *search, size_t at)
{
    size_t start = at, end = at + 1;
    while (start > 0 && at - start <= EMAIL_LOCAL_BYTES_MAX && is_local_byte(ioc_byte(search, start - 1)))
        start--;
    while (start < at && !ioc_is_word(ioc_byte(search, start)))
        start++;
    if (start == at || at - start > EMAIL_LOCAL_BYTES_MAX || ioc_byte(search, at - 1) == '.')
        return ERR_OK;
    if (ioc_byte(search, end) == '[')
        return look_at_literal(search, start, at);
    while (ioc_is_host(ioc_byte(search, end)) && end - at <= HOST_BYTES_MAX)
        end++;
    if (ioc_is_host(ioc_byte(search, end)))
        return ERR_OK;
    while (end > at + 1 && !ioc_is_alnum(ioc_byte(search, end - 1)) && ioc_byte(search, end - 1) < 0x80)
        end--;
    struct str host = str_slice(search->text, at + 1, end);
    if (!suffix_is_domain(host))
        return ERR_OK;
    TRY(ioc_note_host(search, at + 1, end));
    TRY(ioc_add(search, IOC_DOMAIN, at + 1, host, IOC_LOWER));
    return add_email(search, start, at, end);
}

FALLIBLE ioc_find_emails(struct ioc_search *search)
{
    uint32_t next = 0;
    for (ptrdiff_t at = 0; (at = str_find_byte(search->text, '@', (size_t)at)) >= 0; at++) {
        /* http://user:password@host is no mailbox. */
        while (next < search->url_count && search->authorities[next].end <= (size_t)at)
            next++;
        bool is_userinfo = next < search->url_count && search->authorities[next].start <= (size_t)at;
        if (!is_userinfo)
            TRY(look_at_email(search, (size_t)at));
    }
    return ERR_OK;
}
