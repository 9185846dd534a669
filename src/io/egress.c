#include "io/egress.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <string.h>

#define RULE_TEXT_BYTES_MAX 300

/* Addresses are compared as IPv6; IPv4 sits behind ::ffff:0:0/96. */
struct egress_address {
    uint8_t bytes[16];
};

struct egress_net {
    struct egress_address address;
    unsigned prefix; /* of 128 bits */
};

struct egress_rule {
    struct str host; /* lower case is not needed; "*." in front for any name below; empty: `net` counts */
    struct egress_net net;
    uint16_t port; /* 0: any */
};

struct egress_special {
    const char *address;
    unsigned prefix;
    const char *what;
};

/* IANA's special-purpose registries of IPv4 and IPv6 (RFC 6890 and its followers), whole, with what is
 * reachable but not meant for us. IPv6 outside 2000::/3 is not global unicast at all and is refused below. */
static const struct egress_special special_ranges[] = {
    { "0.0.0.0", 8, "this network" },
    { "10.0.0.0", 8, "private" },
    { "100.64.0.0", 10, "shared by carriers" },
    { "127.0.0.0", 8, "loopback" },
    { "168.63.129.16", 32, "Azure's host agent" },
    { "169.254.0.0", 16, "link-local, cloud metadata" },
    { "172.16.0.0", 12, "private" },
    { "192.0.0.0", 24, "protocol assignments" },
    { "192.0.2.0", 24, "documentation" },
    { "192.31.196.0", 24, "AS112" },
    { "192.52.193.0", 24, "AMT relays" },
    { "192.88.99.0", 24, "6to4 relays" },
    { "192.168.0.0", 16, "private" },
    { "192.175.48.0", 24, "AS112" },
    { "198.18.0.0", 15, "benchmarks" },
    { "198.51.100.0", 24, "documentation" },
    { "203.0.113.0", 24, "documentation" },
    { "224.0.0.0", 4, "multicast" },
    { "240.0.0.0", 4, "reserved, broadcast" },
    { "::", 128, "unspecified" },
    { "::1", 128, "loopback" },
    { "64:ff9b:1::", 48, "local NAT64" },
    { "100::", 64, "discard-only" },
    { "2001::", 23, "protocol assignments, Teredo" },
    { "2001:db8::", 32, "documentation" },
    { "2002::", 16, "6to4" },
    { "2620:4f:8000::", 48, "AS112" },
    { "3fff::", 20, "documentation" },
    { "5f00::", 16, "segment routing" },
    { "fc00::", 7, "private" },
    { "fe80::", 10, "link-local" },
    { "fec0::", 10, "site-local" },
    { "ff00::", 8, "multicast" },
};

#define SPECIAL_RANGE_COUNT (sizeof special_ranges / sizeof special_ranges[0])

struct egress {
    size_t rule_count;
    const struct egress_rule *rules;
    struct egress_net special[SPECIAL_RANGE_COUNT]; /* special_ranges, parsed */
};

static const uint8_t mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
static const uint8_t nat64_prefix[12] = { 0x00, 0x64, 0xff, 0x9b };

static struct egress_address egress_from_v4(const void *four_bytes)
{
    struct egress_address address;
    memcpy(address.bytes, mapped_prefix, sizeof mapped_prefix);
    memcpy(address.bytes + sizeof mapped_prefix, four_bytes, 4);
    return address;
}

static bool egress_is_v4(const struct egress_address *address)
{
    return memcmp(address->bytes, mapped_prefix, sizeof mapped_prefix) == 0;
}

static bool egress_parse_address(const char *text, struct egress_address *ret)
{
    struct in_addr four;
    if (inet_pton(AF_INET, text, &four) == 1) {
        *ret = egress_from_v4(&four);
        return true;
    }
    return inet_pton(AF_INET6, text, ret->bytes) == 1;
}

static bool egress_net_has(const struct egress_net *net, const struct egress_address *address)
{
    unsigned whole = net->prefix / 8, rest = net->prefix % 8;
    if (memcmp(net->address.bytes, address->bytes, whole) != 0)
        return false;
    if (rest == 0)
        return true;
    unsigned mask = 0xffu << (8 - rest) & 0xffu;
    return ((unsigned)net->address.bytes[whole] & mask) == ((unsigned)address->bytes[whole] & mask);
}

/* What kind of special address it is; NULL for an ordinary one. */
static const char *egress_special_kind(const struct egress *egress, const struct egress_address *address)
{
    for (size_t i = 0; i < SPECIAL_RANGE_COUNT; i++) {
        if (egress_net_has(&egress->special[i], address))
            return special_ranges[i].what;
    }
    if (!egress_is_v4(address) && (address->bytes[0] & 0xe0u) != 0x20u)
        return "not global unicast";
    return NULL;
}

static void egress_parse_special(struct egress_net special[SPECIAL_RANGE_COUNT])
{
    for (size_t i = 0; i < SPECIAL_RANGE_COUNT; i++) {
        bool is_good = egress_parse_address(special_ranges[i].address, &special[i].address);
        assert(is_good);
        (void)is_good;
        special[i].prefix = special_ranges[i].prefix + (egress_is_v4(&special[i].address) ? 96 : 0);
    }
}

/* Rules as text. */

static FALLIBLE egress_bad_rule(struct str rule, struct err_info *why)
{
    return err_named(why, ERR_INVALID, "egress_rule",
        "egress rule \"%.*s\" is no address, CIDR or host name; write it like 10.0.0.0/8, [fd00::1]:443, "
        "jira.corp.example or *.corp.example:8443",
        STR_ARG(rule));
}

/* Cuts ":port" off. Without brackets a colon means a port only when it is the only one. */
static bool egress_cut_port(struct str *rule, uint16_t *ret_port)
{
    struct str port = { 0 };
    bool has_port = false;
    if (str_starts(*rule, STR("["))) {
        ptrdiff_t end = str_find_byte(*rule, ']', 0);
        if (end < 0)
            return false;
        port = str_slice(*rule, (size_t)end + 1, rule->size);
        has_port = port.size > 0;
        if (has_port && !str_starts(port, STR(":")))
            return false;
        port = str_slice(port, 1, port.size);
        *rule = str_slice(*rule, 1, (size_t)end);
    } else {
        ptrdiff_t colon = str_find_byte(*rule, ':', 0);
        if (colon >= 0 && str_find_byte(*rule, ':', (size_t)colon + 1) < 0) {
            port = str_slice(*rule, (size_t)colon + 1, rule->size);
            *rule = str_slice(*rule, 0, (size_t)colon);
            has_port = true;
        }
    }
    uint64_t number = 0;
    if (has_port && (!str_to_uint(port, &number) || number == 0 || number > UINT16_MAX))
        return false;
    *ret_port = (uint16_t)number;
    return true;
}

/* "10.0.0.0/8", "::1". Host bits past the prefix must be clear, so that a slip is noticed. */
static bool egress_parse_net(struct str text, struct egress_net *ret)
{
    char address[INET6_ADDRSTRLEN];
    ptrdiff_t slash = str_find_byte(text, '/', 0);
    struct str front = slash < 0 ? text : str_slice(text, 0, (size_t)slash);
    if (front.size >= sizeof address)
        return false;
    memcpy(address, front.data, front.size);
    address[front.size] = '\0';
    if (strlen(address) != front.size || !egress_parse_address(address, &ret->address))
        return false;
    unsigned base = strchr(address, ':') ? 0 : 96;
    uint64_t prefix = 128 - base;
    if (slash >= 0 && !str_to_uint(str_slice(text, (size_t)slash + 1, text.size), &prefix))
        return false;
    if (prefix > 128 - base)
        return false;
    ret->prefix = base + (unsigned)prefix;
    for (unsigned bit = ret->prefix; bit < 128; bit++) {
        if ((unsigned)ret->address.bytes[bit / 8] & (0x80u >> bit % 8))
            return false;
    }
    return true;
}

static bool egress_is_host_name(struct str text)
{
    if (str_starts(text, STR("*.")))
        text = str_slice(text, 2, text.size);
    if (text.size == 0 || text.size > 253 || text.data[0] == '.')
        return false;
    bool has_letter = false;
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool is_digit = c >= '0' && c <= '9';
        has_letter = has_letter || is_letter;
        if (!is_letter && !is_digit && c != '-' && c != '_' && c != '.')
            return false;
    }
    return has_letter; /* "10.0.0" is a mistyped address */
}

static FALLIBLE egress_parse_rule(
    struct arena *arena, struct str text, struct egress_rule *ret, struct err_info *why)
{
    struct str rest = str_trim(text);
    struct egress_rule rule = { 0 };
    if (rest.size == 0 || rest.size > RULE_TEXT_BYTES_MAX || !egress_cut_port(&rest, &rule.port))
        return egress_bad_rule(text, why);
    if (!egress_parse_net(rest, &rule.net)) {
        if (!egress_is_host_name(rest))
            return egress_bad_rule(text, why);
        TRY(arena_str(arena, rest, &rule.host, why));
    }
    *ret = rule;
    return ERR_OK;
}

enum err egress_new(struct arena *arena, const struct str *rules, size_t rule_count, struct egress **ret,
    struct err_info *why)
{
    struct egress *egress = ARENA_NEW(arena, struct egress);
    struct egress_rule *parsed = ARENA_ARRAY(arena, rule_count ? rule_count : 1, struct egress_rule);
    if (!egress || !parsed)
        return err_memory(why);
    for (size_t i = 0; i < rule_count; i++)
        TRY(egress_parse_rule(arena, rules[i], &parsed[i], why));
    egress_parse_special(egress->special);
    egress->rules = parsed;
    egress->rule_count = rule_count;
    *ret = egress;
    return ERR_OK;
}

/* Checks. */

static bool egress_host_matches(struct str pattern, struct str host)
{
    if (str_ends(host, STR("."))) /* the root's dot */
        host.size--;
    if (!str_starts(pattern, STR("*.")))
        return str_equal_nocase(pattern, host);
    struct str below = str_slice(pattern, 1, pattern.size); /* ".corp.example" */
    if (host.size <= below.size)
        return false;
    return str_equal_nocase(below, str_slice(host, host.size - below.size, host.size));
}

static bool egress_is_allowed(
    const struct egress *egress, struct str host, const struct egress_address *address, uint16_t port)
{
    for (size_t i = 0; i < egress->rule_count; i++) {
        const struct egress_rule *rule = &egress->rules[i];
        if (rule->port != 0 && rule->port != port)
            continue;
        if (rule->host.size > 0 ? egress_host_matches(rule->host, host) : egress_net_has(&rule->net, address))
            return true;
    }
    return false;
}

/* IPv4 inside IPv6 is judged as the IPv4 that it reaches: mapped addresses, NAT64 (RFC 6052) and the
 * deprecated "IPv4-compatible" ::a.b.c.d. */
static struct egress_address egress_unwrap(const uint8_t bytes[16])
{
    static const uint8_t zeros[12];
    struct egress_address address;
    memcpy(address.bytes, bytes, 16);
    bool is_compatible = memcmp(bytes, zeros, 12) == 0 && (bytes[12] || bytes[13] || bytes[14]);
    if (memcmp(bytes, nat64_prefix, sizeof nat64_prefix) == 0 || is_compatible)
        return egress_from_v4(bytes + 12);
    return address;
}

enum err egress_check(
    const struct egress *egress, struct str host, const struct sockaddr *address, struct err_info *why)
{
    struct egress_address plain;
    uint16_t port;
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)address;
        plain = egress_from_v4(&four->sin_addr);
        port = ntohs(four->sin_port);
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)address;
        plain = egress_unwrap(six->sin6_addr.s6_addr);
        port = ntohs(six->sin6_port);
    } else {
        return err_named(why, ERR_DENIED, "egress", "connections of address family %d are not allowed",
            address->sa_family);
    }
    const char *kind = egress_special_kind(egress, &plain);
    if (!kind || egress_is_allowed(egress, host, &plain, port))
        return ERR_OK;
    char text[INET6_ADDRSTRLEN] = "?";
    bool is_v4 = egress_is_v4(&plain);
    (void)inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? plain.bytes + 12 : plain.bytes, text, sizeof text);
    return err_named(why, ERR_DENIED, "egress",
        "%.*s is %s port %u, a special address (%s); if connections may go there, add it to egress.allow",
        STR_ARG(host), text, (unsigned)port, kind);
}
