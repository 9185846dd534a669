#include "expr/ioc.h"

#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "expr/function.h"
#include "expr/lists.h"
#include "expr/refang.h"

#define KIND(field) \
    { \
        .name = STR_INIT(field), .type = &type_list_string, .is_required = true \
    }

static const struct type_field kinds[IOC_KIND_COUNT] = {
    [IOC_IPV4] = KIND("ipv4"),
    [IOC_IPV6] = KIND("ipv6"),
    [IOC_CIDR] = KIND("cidr"),
    [IOC_DOMAIN] = KIND("domain"),
    [IOC_URL] = KIND("url"),
    [IOC_EMAIL] = KIND("email"),
    [IOC_MD5] = KIND("md5"),
    [IOC_SHA1] = KIND("sha1"),
    [IOC_SHA256] = KIND("sha256"),
    [IOC_SHA512] = KIND("sha512"),
    [IOC_IMPHASH] = KIND("imphash"),
    [IOC_SSDEEP] = KIND("ssdeep"),
    [IOC_CVE] = KIND("cve"),
    [IOC_ASN] = KIND("asn"),
    [IOC_MAC] = KIND("mac"),
    [IOC_ATTACK] = KIND("attack"),
    [IOC_WALLET] = KIND("wallet"),
    [IOC_PATH] = KIND("path"),
    [IOC_REGISTRY] = KIND("registry"),
    [IOC_UUID] = KIND("uuid"),
    [IOC_TRACKER] = KIND("tracker"),
};

const struct type type_iocs = { .kind = TYPE_RECORD, .fields = kinds, .field_count = IOC_KIND_COUNT };

/* Each finder reads the text once, most of it without looking twice: charged as this many readings. */
#define READINGS 2

bool ioc_is_digit(int c)
{
    return c >= '0' && c <= '9';
}

bool ioc_is_hex(int c)
{
    return ioc_is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

bool ioc_is_alnum(int c)
{
    return ioc_is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

bool ioc_is_word(int c)
{
    return ioc_is_alnum(c) || c == '_';
}

bool ioc_is_host(int c)
{
    return ioc_is_word(c) || c == '-' || c == '.' || c >= 0x80;
}

int ioc_byte(const struct ioc_search *search, size_t at)
{
    return at < search->text.size ? (unsigned char)search->text.data[at] : -1;
}

bool ioc_in_url(const struct ioc_search *search, size_t at, uint32_t *next)
{
    while (*next < search->url_count && search->urls[*next].end <= at)
        (*next)++;
    return *next < search->url_count && search->urls[*next].start <= at;
}

static char changed(char c, enum ioc_case change)
{
    bool is_upper = c >= 'A' && c <= 'Z', is_lower = c >= 'a' && c <= 'z';
    if ((change == IOC_LOWER && is_upper) || (change == IOC_UPPER && is_lower))
        return (char)(c ^ 0x20);
    return c;
}

FALLIBLE ioc_add(
    struct ioc_search *search, enum ioc_kind kind, size_t at, struct str value, enum ioc_case change)
{
    struct call *call = search->call;
    char *copy = NULL;
    if (search->found[kind].values.count >= IOCS_PER_KIND_MAX)
        return ERR_OK;
    TRY(call_charge(call, 4));
    TRY(call_bytes(call, value.size, &copy));
    for (size_t i = 0; i < value.size; i++)
        copy[i] = changed(value.data[i], change);
    TRY(value_list_add(
        &search->found[kind].values, value_string((struct str){ copy, value.size }), &call->why));
    return value_list_add(&search->found[kind].places, value_int((int64_t)at), &call->why);
}

FALLIBLE ioc_note_host(struct ioc_search *search, size_t start, size_t end)
{
    struct call *call = search->call;
    TRY(call_charge(call, 2));
    TRY(value_list_add(&search->hosts.values, value_int((int64_t)end), &call->why));
    return value_list_add(&search->hosts.places, value_int((int64_t)start), &call->why);
}

static void begin(struct ioc_search *search, struct call *call, struct str text)
{
    *search = (struct ioc_search){ .call = call, .text = text };
    for (uint32_t i = 0; i < IOC_KIND_COUNT; i++) {
        value_list_begin(&search->found[i].values, call->arena);
        value_list_begin(&search->found[i].places, call->arena);
    }
    value_list_begin(&search->hosts.values, call->arena);
    value_list_begin(&search->hosts.places, call->arena);
}

/* In the order of appearance: one kind may come from several finders. */
static FALLIBLE ordered(struct ioc_search *search, enum ioc_kind kind, struct value *ret)
{
    struct value values = value_list_end(&search->found[kind].values);
    struct value places = value_list_end(&search->found[kind].places);
    struct value sorted;
    TRY(list_sort(search->call, values.items, places.items, values.size, &sorted));
    return list_distinct(search->call, &sorted, ret);
}

/* Spaces and punctuation beyond ASCII, which end words as those of ASCII do. */
static bool is_break(int32_t c)
{
    return (c >= 0x80 && c <= 0xa9) || c == 0xab || c == 0xbb || c == 0x1680 ||
        (c >= 0x2000 && c <= 0x206f) || (c >= 0x3000 && c <= 0x301f) || (c >= 0xff00 && c <= 0xff0f) ||
        c == 0xfeff;
}

/* Puts blanks in their place; the text keeps its size. */
static FALLIBLE blank_breaks(struct call *call, struct value *text)
{
    char *copy = NULL;
    struct str from = value_str(*text);
    TRY(call_bytes(call, from.size, &copy));
    for (size_t at = 0; at < from.size;) {
        size_t start = at;
        bool is_ascii = (unsigned char)from.data[at] < 0x80;
        int32_t c = is_ascii ? from.data[at++] : utf8_next(from, &at);
        if (is_break(c))
            memset(copy + start, ' ', at - start);
        else
            memcpy(copy + start, from.data + start, at - start);
    }
    *text = value_string((struct str){ copy, from.size });
    return ERR_OK;
}

FALLIBLE ioc_find_all(struct call *call, struct str text, struct value *ret)
{
    struct value refanged;
    TRY(call_charge_bytes(call, READINGS * text.size));
    TRY(refang_text(call, text, &refanged));
    TRY(blank_breaks(call, &refanged));
    struct ioc_search search;
    begin(&search, call, value_str(refanged));
    TRY(ioc_find_urls(&search));
    TRY(ioc_find_emails(&search));
    TRY(ioc_find_hosts(&search));
    TRY(ioc_find_ipv6(&search));
    TRY(ioc_find_words(&search));
    TRY(ioc_find_paths(&search));
    struct value_map_builder map;
    value_map_begin(&map, call->arena);
    for (uint32_t i = 0; i < IOC_KIND_COUNT; i++) {
        struct value list;
        TRY(ordered(&search, i, &list));
        TRY(value_map_put(&map, value_string(kinds[i].name), list, &call->why));
    }
    *ret = value_map_end(&map);
    return ERR_OK;
}

/* ---- defanging ---- */

static void write_host(struct writer *writer, struct str host)
{
    for (size_t i = 0; i < host.size; i++) {
        if (host.data[i] == '.')
            writer_add(writer, STR("[.]"));
        else
            writer_add_byte(writer, host.data[i]);
    }
}

/* http becomes hxxp, ftp fxp, at the start of a URL; gives how much of the text was replaced. */
static size_t write_scheme(struct writer *writer, struct str url)
{
    if (str_equal_nocase(str_slice(url, 0, 4), STR("http"))) {
        writer_add(writer, STR("hxxp"));
        return 4;
    }
    if (str_equal_nocase(str_slice(url, 0, 3), STR("ftp"))) {
        writer_add(writer, STR("fxp"));
        return 3;
    }
    return 0;
}

FALLIBLE ioc_defang(struct call *call, struct str text, struct value *ret)
{
    struct ioc_search search;
    struct value ends, starts;
    struct writer writer = { .call = call };
    uint32_t host = 0, url = 0;
    TRY(call_charge_bytes(call, READINGS * text.size));
    begin(&search, call, text);
    TRY(ioc_find_urls(&search));
    TRY(ioc_find_emails(&search));
    TRY(ioc_find_hosts(&search));
    struct value places = value_list_end(&search.hosts.places), values = value_list_end(&search.hosts.values);
    TRY(list_sort(call, values.items, places.items, places.size, &ends));
    TRY(list_sort(call, places.items, places.items, places.size, &starts));
    for (size_t at = 0; at < text.size;) {
        while (host < starts.size && (size_t)starts.items[host].integer < at)
            host++;
        while (url < search.url_count && search.urls[url].start < at)
            url++;
        if (host < starts.size && (size_t)starts.items[host].integer == at) {
            size_t end = (size_t)ends.items[host].integer;
            write_host(&writer, str_slice(text, at, end));
            at = end;
            continue;
        }
        if (url < search.url_count && search.urls[url].start == at) {
            size_t size = write_scheme(&writer, str_slice(text, at, search.urls[url].end));
            at += size;
            url++;
            if (size > 0)
                continue;
        }
        bool is_mailbox = text.data[at] == '@' && host < starts.size &&
            (size_t)starts.items[host].integer == at + 1;
        if (is_mailbox)
            writer_add(&writer, STR("[@]"));
        else
            writer_add_byte(&writer, text.data[at]);
        at++;
    }
    return writer_end(&writer, ret);
}
