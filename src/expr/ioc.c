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
    [IOC_AUTHENTIHASH] = KIND("authentihash"),
};

const struct type type_iocs = { .kind = TYPE_RECORD, .fields = kinds, .field_count = IOC_KIND_COUNT };

/* Each finder reads the text once, most of it without looking twice: charged as this many readings. */
#define READINGS 2

#define LETTER (IOC_ALNUM | IOC_WORD | IOC_HOST)

const uint8_t ioc_classes[256] = {
    ['0' ... '9'] = LETTER | IOC_DIGIT | IOC_HEX,
    ['a' ... 'f'] = LETTER | IOC_HEX,
    ['g' ... 'z'] = LETTER,
    ['A' ... 'F'] = LETTER | IOC_HEX,
    ['G' ... 'Z'] = LETTER,
    ['_'] = IOC_WORD | IOC_HOST,
    ['-'] = IOC_HOST,
    ['.'] = IOC_HOST,
    [0x80 ... 0xff] = IOC_HOST,
};

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
    struct ioc_sink *sink = search->sink;
    char *copy = NULL;
    if (sink->found == NULL && sink->lists[kind].values.count >= IOCS_PER_KIND_MAX)
        return ERR_OK;
    TRY(call_charge(call, 4));
    TRY(call_bytes(call, value.size, &copy));
    for (size_t i = 0; i < value.size; i++)
        copy[i] = changed(value.data[i], change);
    struct ioc found = { kind, { copy, value.size } };
    if (sink->found != NULL)
        return sink->found(sink->context, &found, &call->why);
    TRY(value_list_add(&sink->lists[kind].values, value_string(found.value), &call->why));
    return value_list_add(&sink->lists[kind].places, value_int((int64_t)at), &call->why);
}

FALLIBLE ioc_note_host(struct ioc_search *search, size_t start, size_t end)
{
    struct call *call = search->call;
    if (!search->sink->wants_hosts)
        return ERR_OK;
    TRY(call_charge(call, 2));
    TRY(value_list_add(&search->sink->hosts.values, value_int((int64_t)end), &call->why));
    return value_list_add(&search->sink->hosts.places, value_int((int64_t)start), &call->why);
}

static void begin_lists(struct ioc_sink *sink, struct arena *arena)
{
    *sink = (struct ioc_sink){ .found = NULL };
    for (uint32_t i = 0; i < IOC_KIND_COUNT; i++) {
        value_list_begin(&sink->lists[i].values, arena);
        value_list_begin(&sink->lists[i].places, arena);
    }
}

/* In the order of appearance: one kind may come from several finders. */
static FALLIBLE ordered(struct call *call, struct ioc_found *found, struct value *ret)
{
    struct value values = value_list_end(&found->values), places = value_list_end(&found->places);
    struct value sorted;
    *ret = values;
    if (values.size < 2)
        return ERR_OK;
    TRY(list_sort(call, values.items, places.items, values.size, &sorted));
    return list_distinct(call, &sorted, ret);
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

/* ---- which finders a text is worth ---- */

#define HAS_DOT 0x01
#define HAS_AT 0x02
#define HAS_COLON 0x04
#define HAS_SLASH 0x08
#define HAS_BACKSLASH 0x10
#define HAS_BRACKET 0x20
#define HAS_PERCENT 0x40
#define HAS_OTHER 0x80 /* beyond ASCII */

static const uint8_t marks[256] = {
    ['.'] = HAS_DOT,
    ['@'] = HAS_AT,
    [':'] = HAS_COLON,
    ['/'] = HAS_SLASH,
    ['\\'] = HAS_BACKSLASH,
    ['['] = HAS_BRACKET,
    [']'] = HAS_BRACKET,
    ['('] = HAS_BRACKET,
    [')'] = HAS_BRACKET,
    ['{'] = HAS_BRACKET,
    ['}'] = HAS_BRACKET,
    ['<'] = HAS_BRACKET,
    ['>'] = HAS_BRACKET,
    ['%'] = HAS_PERCENT,
    [0x80 ... 0xff] = HAS_OTHER,
};

/* What stands anywhere in the text: most texts of an event lack what most finders look for. */
static unsigned marks_of(struct str text)
{
    const unsigned char *bytes = (const unsigned char *)text.data;
    unsigned has[4] = { 0 };
    size_t i = 0;
    for (; i + 4 <= text.size; i += 4) {
        has[0] |= marks[bytes[i]];
        has[1] |= marks[bytes[i + 1]];
        has[2] |= marks[bytes[i + 2]];
        has[3] |= marks[bytes[i + 3]];
    }
    for (; i < text.size; i++)
        has[0] |= marks[bytes[i]];
    return has[0] | has[1] | has[2] | has[3];
}

/* All forms of defanging have a bracket, a backslash, two slashes, or "__" for them. */
static FALLIBLE readable(struct call *call, struct str text, unsigned *has, struct str *ret)
{
    struct value v = value_string(text);
    bool may_be_defanged = (*has & (HAS_BRACKET | HAS_BACKSLASH)) != 0 ||
        ((*has & HAS_SLASH) && str_contains(text, STR("//"))) ||
        ((*has & HAS_DOT) && str_contains(text, STR("__")));
    if (may_be_defanged) {
        TRY(refang_text(call, text, &v));
        *has = marks_of(value_str(v));
    }
    if (*has & HAS_OTHER)
        TRY(blank_breaks(call, &v));
    *ret = value_str(v);
    return ERR_OK;
}

static FALLIBLE find_all(struct call *call, struct ioc_sink *sink, struct str text)
{
    unsigned has = marks_of(text);
    struct ioc_search search = { .call = call, .sink = sink };
    TRY(readable(call, text, &has, &search.text));
    if ((has & HAS_SLASH) || (has & HAS_PERCENT))
        TRY(ioc_find_urls(&search));
    if (has & HAS_AT)
        TRY(ioc_find_emails(&search));
    if (has & HAS_DOT)
        TRY(ioc_find_hosts(&search));
    if (has & HAS_COLON)
        TRY(ioc_find_ipv6(&search));
    TRY(ioc_find_words(&search));
    return has & (HAS_SLASH | HAS_BACKSLASH) ? ioc_find_paths(&search) : ERR_OK;
}

struct str ioc_kind_name(enum ioc_kind kind)
{
    return kinds[kind].name;
}

FALLIBLE ioc_find_all(struct call *call, struct str text, struct value *ret)
{
    struct ioc_sink sink;
    struct value_map_builder map;
    TRY(call_charge_bytes(call, READINGS * text.size));
    begin_lists(&sink, call->arena);
    TRY(find_all(call, &sink, text));
    value_map_begin(&map, call->arena);
    for (uint32_t i = 0; i < IOC_KIND_COUNT; i++) {
        struct value list;
        TRY(ordered(call, &sink.lists[i], &list));
        TRY(value_map_put(&map, value_string(kinds[i].name), list, &call->why));
    }
    *ret = value_map_end(&map);
    return ERR_OK;
}

FALLIBLE ioc_each(struct arena *arena, struct str text,
    enum err (*found)(void *context, const struct ioc *found, struct err_info *why), void *context,
    struct err_info *why)
{
    struct call call; /* its error's text is large and stays unset until there is one */
    struct ioc_sink sink;
    call.arena = arena;
    call.cost = 0;
    call.cost_max = UINT64_MAX;
    call.regex = NULL;
    call.zone = NULL;
    sink.found = found;
    sink.context = context;
    sink.wants_hosts = false;
    enum err err = find_all(&call, &sink, text);
    if (err != ERR_OK && why != NULL)
        *why = call.why;
    return err;
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
    struct ioc_sink sink;
    struct ioc_search search = { .call = call, .text = text, .sink = &sink };
    struct value ends, starts;
    struct writer writer = { .call = call };
    uint32_t host = 0, url = 0;
    TRY(call_charge_bytes(call, READINGS * text.size));
    begin_lists(&sink, call->arena);
    sink.wants_hosts = true;
    value_list_begin(&sink.hosts.values, call->arena);
    value_list_begin(&sink.hosts.places, call->arena);
    TRY(ioc_find_urls(&search));
    TRY(ioc_find_emails(&search));
    TRY(ioc_find_hosts(&search));
    struct value places = value_list_end(&sink.hosts.places), values = value_list_end(&sink.hosts.values);
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
