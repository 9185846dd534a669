#include "ingest/observe.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/buf.h"
#include "cases/observable_row.h"
#include "expr/ioc.h"
#include "expr/suffix.h"

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

/* Any address and the broadcast address. */
static bool says_nothing(struct str ipv4)
{
    return str_equal(ipv4, STR("0.0.0.0")) || str_equal(ipv4, STR("255.255.255.255"));
}

/* RFC 3986's dec-octet, four times. */
static bool is_ipv4(struct str text)
{
    unsigned octets = 0;
    struct str part;
    if (text.size < 7 || text.size > 15 || says_nothing(text))
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

static bool is_ipv6(struct str text)
{
    unsigned char bytes[16];
    char copy[INET6_ADDRSTRLEN + 1];
    if (text.size < 3 || text.size >= sizeof(copy))
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return strlen(copy) == text.size && inet_pton(AF_INET6, copy, bytes) == 1;
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
        suffix_is_domain(str_slice(text, (size_t)at + 1, text.size));
}

/* ---- adding ---- */

void observations_begin(struct observations *observations, struct arena *arena, struct arena *scratch)
{
    observations->arena = arena;
    observations->scratch = scratch;
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

/* ---- searching ---- */

struct scan {
    struct observations *observations;
    const struct place *place;
};

/* What has no type among OCSF's observables is not one here; nor are paths, of which logs are full: a source
 * maps those that matter. */
static enum observable_type type_of(enum ioc_kind kind)
{
    switch (kind) {
    case IOC_IPV4:
    case IOC_IPV6: return OBSERVABLE_IP;
    case IOC_CIDR: return OBSERVABLE_SUBNET;
    case IOC_DOMAIN: return OBSERVABLE_HOSTNAME;
    case IOC_URL: return OBSERVABLE_URL;
    case IOC_EMAIL: return OBSERVABLE_EMAIL;
    case IOC_MD5:
    case IOC_SHA1:
    case IOC_SHA256:
    case IOC_SHA512:
    case IOC_IMPHASH:
    case IOC_AUTHENTIHASH:
    case IOC_SSDEEP: return OBSERVABLE_HASH;
    case IOC_MAC: return OBSERVABLE_MAC;
    default: return OBSERVABLE_UNKNOWN;
    }
}

/* The value is in the scratch arena. */
static enum err found(void *context, const struct ioc *ioc, struct err_info *why)
{
    const struct scan *scan = context;
    enum observable_type type = type_of(ioc->kind);
    struct str value;
    uint64_t hash;
    if (type == OBSERVABLE_UNKNOWN || (ioc->kind == IOC_IPV4 && says_nothing(ioc->value)) ||
        !is_wanted(scan->observations, type, ioc->value, &hash))
        return ERR_OK;
    TRY(arena_str(scan->observations->arena, ioc->value, &value, why));
    return observations_add_at(scan->observations, type, value, scan->place, why);
}

enum err observations_scan(
    struct observations *observations, struct str text, const struct place *place, struct err_info *why)
{
    struct scan scan = { observations, place };
    if (observations->scanned_bytes + text.size > MAPPING_SCAN_BYTES_MAX) {
        text.size = MAPPING_SCAN_BYTES_MAX - observations->scanned_bytes;
        observations->is_cut = true;
    }
    observations->scanned_bytes += text.size;
    enum err result = ioc_each(observations->scratch, text, found, &scan, why);
    arena_reset(observations->scratch);
    return result;
}
