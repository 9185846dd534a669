#include "ingest/observe.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/buf.h"
#include "cases/observable_row.h"
#include "ingest/tld.h"

#define DOMAIN_BYTES_MAX 253
#define LABEL_BYTES_MAX 63
#define REFANGED_BYTES_MAX 512

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* ---- whole texts ---- */

/* RFC 3986's dec-octet, four times. 0.0.0.0 and the broadcast address say nothing. */
static bool is_ipv4(struct str text)
{
    unsigned octets = 0;
    struct str part;
    if (text.size < 7 || text.size > 15 || str_equal(text, STR("0.0.0.0")) ||
        str_equal(text, STR("255.255.255.255")))
        return false;
    while (str_split(&text, '.', &part)) {
        uint64_t number;
        if (part.size == 0 || part.size > 3 || (part.size > 1 && part.data[0] == '0') ||
            !str_to_uint(part, &number) || number > 255)
            return false;
        octets++;
    }
    return octets == 4;
}

static bool parse_ipv6(struct str text, unsigned char bytes[16])
{
    char copy[INET6_ADDRSTRLEN + 1];
    if (text.size < 3 || text.size >= sizeof(copy))
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return strlen(copy) == text.size && inet_pton(AF_INET6, copy, bytes) == 1;
}

static bool is_ipv6(struct str text)
{
    unsigned char bytes[16];
    return parse_ipv6(text, bytes);
}

bool text_is_ip(struct str text)
{
    return is_ipv4(text) || is_ipv6(text);
}

bool text_is_mac(struct str text)
{
    if (text.size != 17)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        bool is_separator = i % 3 == 2;
        if (is_separator ? text.data[i] != text.data[2] : !is_hex(text.data[i]))
            return false;
    }
    return text.data[2] == ':' || text.data[2] == '-';
}

bool text_is_hash(struct str text)
{
    bool has_digit = false, has_letter = false;
    if (text.size != 32 && text.size != 40 && text.size != 64 && text.size != 128)
        return false;
    for (size_t i = 0; i < text.size; i++) {
        if (!is_hex(text.data[i]))
            return false;
        has_digit = has_digit || is_digit(text.data[i]);
        has_letter = has_letter || is_letter(text.data[i]);
    }
    return has_digit && has_letter;
}

static bool is_label(struct str label)
{
    if (label.size == 0 || label.size > LABEL_BYTES_MAX || label.data[0] == '-' ||
        label.data[label.size - 1] == '-')
        return false;
    for (size_t i = 0; i < label.size; i++) {
        char c = label.data[i];
        if (!is_letter(c) && !is_digit(c) && c != '-' && c != '_' && (unsigned char)c < 0x80)
            return false;
    }
    return true;
}

bool text_is_domain(struct str text)
{
    struct str label = { 0 };
    unsigned labels = 0;
    if (text.size < 4 || text.size > DOMAIN_BYTES_MAX)
        return false;
    while (str_split(&text, '.', &label)) {
        if (!is_label(label))
            return false;
        labels++;
    }
    if (labels < 2 || !tld_is_known(label))
        return false;
    return labels > 2 || !tld_is_file_like(label);
}

bool text_is_email(struct str text)
{
    ptrdiff_t at = str_find_byte(text, '@', 0);
    if (at < 1 || at > 64)
        return false;
    for (ptrdiff_t i = 0; i < at; i++) {
        char c = text.data[i];
        if (!is_letter(c) && !is_digit(c) && (unsigned char)c < 0x80 &&
            (c == '\0' || !strchr("!#$%&'*+-/=?^_`{|}~.", c)))
            return false;
    }
    return text.data[0] != '.' && text.data[at - 1] != '.' &&
        text_is_domain(str_slice(text, (size_t)at + 1, text.size));
}

/* ---- adding ---- */

void observations_begin(struct observations *observations, struct arena *arena)
{
    observations->arena = arena;
    observations->scanned_bytes = 0;
    observations->is_cut = false;
    value_list_begin(&observations->items, arena);
}

static bool is_known(
    const struct observations *observations, enum observable_type type, struct str value, uint64_t hash)
{
    for (uint32_t i = 0; i < observations->items.count; i++) {
        if (observations->hashes[i] != hash)
            continue;
        struct value item = observations->items.items[i];
        if (value_get(item, STR("type_id")).integer == (int64_t)type &&
            value_is_text(value_get(item, STR("value")), value))
            return true;
    }
    return false;
}

/* False when it is known, or there is no room. */
static bool is_wanted(
    struct observations *observations, enum observable_type type, struct str value, uint64_t *ret_hash)
{
    if (value.size == 0 || value.size > OBSERVABLE_VALUE_BYTES_MAX)
        return false;
    *ret_hash = str_hash(value) + type;
    if (is_known(observations, type, value, *ret_hash))
        return false;
    if (observations->items.count == ALERT_OBSERVABLES_MAX) {
        observations->is_cut = true;
        return false;
    }
    return true;
}

static enum err add(struct observations *observations, enum observable_type type, struct str value,
    struct str name, uint64_t hash, struct err_info *why)
{
    struct observable_spec spec = { .type = type, .value = value, .name = name };
    struct value item;
    TRY(observable_value(&spec, observations->arena, &item, why));
    observations->hashes[observations->items.count] = hash;
    return value_list_add(&observations->items, item, why);
}

enum err observations_add(struct observations *observations, enum observable_type type, struct str value,
    struct str name, struct err_info *why)
{
    uint64_t hash;
    if (!is_wanted(observations, type, value, &hash))
        return ERR_OK;
    return add(observations, type, value, name, hash, why);
}

static void print_place(struct buf *buf, const struct place *place)
{
    if (place->parent)
        print_place(buf, place->parent);
    if (place->is_index) {
        buf_printf(buf, "[%u]", place->index);
        return;
    }
    if (buf->size > 0)
        buf_add_byte(buf, '.');
    buf_add(buf, place->name);
}

enum err observations_add_at(struct observations *observations, enum observable_type type, struct str value,
    const struct place *place, struct err_info *why)
{
    uint64_t hash;
    struct str name;
    if (!is_wanted(observations, type, value, &hash))
        return ERR_OK;
    AUTO(buf) struct buf text = { .bytes_max = 64 * KIB };
    print_place(&text, place);
    struct str printed = buf_str(&text); /* a path above the limit is cut */
    TRY(arena_str(observations->arena, printed, &name, why));
    return add(observations, type, value, name, hash, why);
}

/* ---- scanning ---- */

struct scan {
    struct observations *observations;
    const struct place *place;
    struct err_info *why;
    bool is_refanged; /* the text is in the scan's own room: values are copied */
};

static enum err found(struct scan *scan, enum observable_type type, struct str value)
{
    uint64_t hash;
    if (scan->is_refanged && is_wanted(scan->observations, type, value, &hash))
        TRY(arena_str(scan->observations->arena, value, &value, scan->why));
    return observations_add_at(scan->observations, type, value, scan->place, scan->why);
}

/* An IPv4 address inside IPv6 (RFC 4291, 2.5.5.2) is told as what it is. */
static enum err found_ipv6(struct scan *scan, struct str text)
{
    static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
    unsigned char bytes[16];
    char printed[INET_ADDRSTRLEN];
    if (!parse_ipv6(text, bytes) || str_equal(text, STR("::")))
        return ERR_OK;
    if (memcmp(bytes, mapped, sizeof(mapped)) != 0)
        return found(scan, OBSERVABLE_IP, text);
    inet_ntop(AF_INET, bytes + 12, printed, sizeof(printed));
    struct scan copying = *scan;
    copying.is_refanged = true;
    return found(&copying, OBSERVABLE_IP, str_of(printed));
}

static enum err found_host(struct scan *scan, struct str host)
{
    if (is_ipv4(host))
        return found(scan, OBSERVABLE_IP, host);
    if (host.size > 2 && host.data[0] == '[' && host.data[host.size - 1] == ']')
        return found_ipv6(scan, str_slice(host, 1, host.size - 1));
    if (text_is_domain(host))
        return found(scan, OBSERVABLE_HOSTNAME, host);
    return ERR_OK;
}

static struct str trim_end(struct str text, const char *bytes)
{
    while (text.size > 0 && strchr(bytes, text.data[text.size - 1]))
        text.size--;
    return text;
}

static struct str trim_start(struct str text, const char *bytes)
{
    while (text.size > 0 && strchr(bytes, text.data[0])) {
        text.data++;
        text.size--;
    }
    return text;
}

static bool is_scheme(struct str scheme)
{
    static const struct str known[] = { STR_INIT("http"), STR_INIT("https"), STR_INIT("ftp"),
        STR_INIT("ftps"), STR_INIT("sftp"), STR_INIT("hxxp"), STR_INIT("hxxps"), STR_INIT("ws"),
        STR_INIT("wss"), STR_INIT("ldap"), STR_INIT("ldaps"), STR_INIT("smb"), STR_INIT("ssh"),
        STR_INIT("rdp") };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (str_equal_nocase(scheme, known[i]))
            return true;
    }
    return false;
}

/* hxxp becomes http: what is looked up later is the real thing. */
static enum err found_url(struct scan *scan, struct str url)
{
    if (!str_starts(url, STR("hxxp")) && !str_starts(url, STR("hXXp")))
        return found(scan, OBSERVABLE_URL, url);
    char copy[OBSERVABLE_VALUE_BYTES_MAX];
    if (url.size > sizeof(copy))
        return ERR_OK;
    memcpy(copy, url.data, url.size);
    memcpy(copy, "http", 4);
    struct scan copying = *scan;
    copying.is_refanged = true;
    return found(&copying, OBSERVABLE_URL, (struct str){ copy, url.size });
}

/* `colon`: where "://" begins in the token. */
static enum err scan_url(struct scan *scan, struct str token, size_t colon)
{
    size_t start = colon;
    while (start > 0 && is_letter(token.data[start - 1]))
        start--;
    struct str scheme = str_slice(token, start, colon);
    if (!is_scheme(scheme))
        return ERR_OK;
    struct str url = trim_end(str_slice(token, start, token.size), ".:!?]");
    size_t from = colon + 3, to = from;
    while (to < token.size && token.data[to] != '/' && token.data[to] != '?' && token.data[to] != '#')
        to++;
    struct str host = str_slice(token, from, to);
    ptrdiff_t user = str_find_byte(host, '@', 0);
    if (user >= 0)
        host = str_slice(host, (size_t)user + 1, host.size);
    ptrdiff_t port = host.size > 0 && host.data[0] == '[' ? -1 : str_find_byte(host, ':', 0);
    if (port >= 0)
        host = str_slice(host, 0, (size_t)port);
    host = trim_end(host, ".:!?");
    if (host.size == 0)
        return ERR_OK;
    TRY(found_url(scan, url));
    return found_host(scan, host);
}

static enum err scan_dotted(struct scan *scan, struct str word)
{
    ptrdiff_t end = str_find_byte(word, '/', 0);
    if (end >= 0) /* a path behind a host, or a prefix length */
        word = str_slice(word, 0, (size_t)end);
    end = str_find_byte(word, ':', 0);
    if (end >= 0) /* a port */
        word = str_slice(word, 0, (size_t)end);
    word = trim_end(word, ".-_");
    if (word.size >= 4 && is_digit(word.data[0]) && is_ipv4(word))
        return found(scan, OBSERVABLE_IP, word);
    if (text_is_domain(word))
        return found(scan, OBSERVABLE_HOSTNAME, word);
    return ERR_OK;
}

/* Without white space, quotes, brackets and '='. */
static enum err scan_word(struct scan *scan, struct str word)
{
    word = trim_start(trim_end(word, ".:!?"), ".-/");
    if (word.size < 4)
        return ERR_OK;
    if (word.size >= 32 && text_is_hash(word))
        return found(scan, OBSERVABLE_HASH, word);
    if (memchr(word.data, '@', word.size)) {
        if (text_is_email(word))
            return found(scan, OBSERVABLE_EMAIL, word);
        return ERR_OK;
    }
    ptrdiff_t colon = str_find_byte(word, ':', 0);
    if (colon >= 0) {
        if (text_is_mac(word))
            return found(scan, OBSERVABLE_MAC, word);
        if (is_ipv6(word))
            return found_ipv6(scan, word);
        struct str rest = str_slice(word, (size_t)colon + 1, word.size); /* "sha256:…" */
        if (text_is_hash(rest))
            return found(scan, OBSERVABLE_HASH, rest);
    }
    if (memchr(word.data, '.', word.size))
        return scan_dotted(scan, word);
    return ERR_OK;
}

static enum err scan_words(struct scan *scan, struct str token)
{
    size_t from = 0;
    for (size_t at = 0; at <= token.size; at++) {
        if (at < token.size && token.data[at] != '=' && token.data[at] != '[' && token.data[at] != ']')
            continue;
        TRY(scan_word(scan, str_slice(token, from, at)));
        from = at + 1;
    }
    return ERR_OK;
}

static enum err scan_token(struct scan *scan, struct str token)
{
    ptrdiff_t scheme = str_find(token, STR("://"), 0);
    if (scheme > 0)
        return scan_url(scan, token, (size_t)scheme);
    return scan_words(scan, token);
}

/* "203.0.113[.]9", "bad[.]example", "user[@]bad.example", "hxxps[:]//bad[dot]example". */
static enum err scan_defanged(struct scan *scan, struct str token)
{
    static const struct {
        struct str fanged;
        char byte;
    } marks[] = { { STR_INIT("[.]"), '.' }, { STR_INIT("[dot]"), '.' }, { STR_INIT("[:]"), ':' },
        { STR_INIT("[@]"), '@' }, { STR_INIT("[at]"), '@' } };
    char text[REFANGED_BYTES_MAX];
    size_t size = 0;
    for (size_t at = 0; at < token.size && size < sizeof(text);) {
        size_t mark = 0, count = sizeof(marks) / sizeof(marks[0]);
        struct str rest = str_slice(token, at, token.size);
        while (mark < count && !str_starts(rest, marks[mark].fanged))
            mark++;
        text[size++] = mark < count ? marks[mark].byte : token.data[at];
        at += mark < count ? marks[mark].fanged.size : 1;
    }
    struct scan copying = *scan;
    copying.is_refanged = true;
    return scan_token(&copying, (struct str){ text, size });
}

static bool is_delimiter(unsigned char c)
{
    return c <= ' ' || c == 0x7f || c == '"' || c == '\'' || c == '<' || c == '>' || c == '(' || c == ')' ||
        c == '{' || c == '}' || c == ',' || c == ';' || c == '|' || c == '\\' || c == '`' || c == '^';
}

enum err observations_scan(
    struct observations *observations, struct str text, const struct place *place, struct err_info *why)
{
    struct scan scan = { .observations = observations, .place = place, .why = why };
    /* Without a dot, a colon or an at-sign only a hash can be in it. */
    if (text.size < 4 ||
        (text.size < 32 && !memchr(text.data, '.', text.size) && !memchr(text.data, ':', text.size) &&
            !memchr(text.data, '@', text.size)))
        return ERR_OK;
    if (observations->scanned_bytes + text.size > MAPPING_SCAN_BYTES_MAX) {
        text.size = MAPPING_SCAN_BYTES_MAX - observations->scanned_bytes;
        observations->is_cut = true;
    }
    observations->scanned_bytes += text.size;
    size_t from = 0;
    for (size_t at = 0; at <= text.size; at++) {
        if (at < text.size && !is_delimiter((unsigned char)text.data[at]))
            continue;
        struct str token = str_slice(text, from, at);
        from = at + 1;
        if (token.size < 4)
            continue;
        bool is_defanged = token.size <= REFANGED_BYTES_MAX && memchr(token.data, '[', token.size) &&
            (str_contains(token, STR("[.]")) || str_contains(token, STR("[dot]")) ||
                str_contains(token, STR("[:]")) || str_contains(token, STR("[@]")));
        TRY(is_defanged ? scan_defanged(&scan, token) : scan_token(&scan, token));
    }
    return ERR_OK;
}
