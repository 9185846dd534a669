/* The network extension: ip() and cidr(). */
#include <string.h>

#include "expr/function.h"
#include "expr/network.h"

static FALLIBLE make(struct call *call, enum value_type type, const struct value_net *net, struct value *ret)
{
    struct value_net *held = ARENA_NEW(call->arena, struct value_net);
    if (held == NULL)
        return err_memory(&call->why);
    *held = *net;
    *ret = (struct value){ .type = (uint8_t)type, .net = held };
    return call_charge(call, 1);
}

static FALLIBLE read_ip(struct call *call, struct value text, struct value_net *ret)
{
    const char *error = network_parse_ip(value_str(text), ret);
    if (error == NULL)
        return ERR_OK;
    return call_fail(
        call, "IP Address '%.*s' parse error: %s", STR_ARG(str_slice(value_str(text), 0, 60)), error);
}

static FALLIBLE read_cidr(struct call *call, struct value text, struct value_net *ret)
{
    const char *error = network_parse_cidr(value_str(text), ret);
    if (error == NULL)
        return ERR_OK;
    return call_fail(call, "CIDR '%.*s' parse error: %s", STR_ARG(str_slice(value_str(text), 0, 60)), error);
}

static FALLIBLE ip_of_string(struct call *call, const struct value *a, struct value *ret)
{
    struct value_net net;
    TRY(read_ip(call, a[0], &net));
    return make(call, VALUE_IP, &net, ret);
}

static FALLIBLE cidr_of_string(struct call *call, const struct value *a, struct value *ret)
{
    struct value_net net;
    TRY(read_cidr(call, a[0], &net));
    return make(call, VALUE_CIDR, &net, ret);
}

static FALLIBLE is_ip(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* addresses are short */
    struct value_net net;
    *ret = value_bool(network_parse_ip(value_str(a[0]), &net) == NULL);
    return ERR_OK;
}

static FALLIBLE is_cidr(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* addresses are short */
    struct value_net net;
    *ret = value_bool(network_parse_cidr(value_str(a[0]), &net) == NULL);
    return ERR_OK;
}

static FALLIBLE is_canonical(struct call *call, const struct value *a, struct value *ret)
{
    struct value_net net;
    char text[NETWORK_TEXT_BYTES];
    TRY(read_ip(call, a[0], &net));
    *ret = value_bool(str_equal(network_print_net(&net, false, text), value_str(a[0])));
    return ERR_OK;
}

/* ---- kinds of addresses ---- */

static bool is_zero(const struct value_net *net)
{
    static const uint8_t zero[16];
    return memcmp(net->bytes, zero, net->size) == 0;
}

static bool is_loopback(const struct value_net *net)
{
    static const uint8_t one[16] = { [15] = 1 };
    return net->size == 4 ? net->bytes[0] == 127 : memcmp(net->bytes, one, 16) == 0;
}

static bool is_multicast(const struct value_net *net)
{
    return net->size == 4 ? (net->bytes[0] & 0xf0) == 0xe0 : net->bytes[0] == 0xff;
}

static bool is_link_local_unicast(const struct value_net *net)
{
    return net->size == 4 ? net->bytes[0] == 169 && net->bytes[1] == 254
                          : net->bytes[0] == 0xfe && (net->bytes[1] & 0xc0) == 0x80;
}

static bool is_link_local_multicast(const struct value_net *net)
{
    return net->size == 4 ? net->bytes[0] == 224 && net->bytes[1] == 0 && net->bytes[2] == 0
                          : net->bytes[0] == 0xff && (net->bytes[1] & 0x0f) == 0x02;
}

/* Private addresses are global unicast here too: the word means "for one receiver, of any network". */
static bool is_global_unicast(const struct value_net *net)
{
    static const uint8_t broadcast[4] = { 255, 255, 255, 255 };
    if (net->size == 4 && memcmp(net->bytes, broadcast, 4) == 0)
        return false;
    return !is_zero(net) && !is_loopback(net) && !is_multicast(net) && !is_link_local_unicast(net);
}

/* RFC 1918, RFC 4193: what never leaves an organisation. */
static bool is_private(const struct value_net *net)
{
    if (net->size == 16)
        return (net->bytes[0] & 0xfe) == 0xfc;
    return net->bytes[0] == 10 || (net->bytes[0] == 172 && (net->bytes[1] & 0xf0) == 16) ||
        (net->bytes[0] == 192 && net->bytes[1] == 168);
}

#define PREDICATE(name, test) \
    static FALLIBLE name(struct call *call, const struct value *a, struct value *ret) \
    { \
        (void)call; /* nothing to charge */ \
        *ret = value_bool(test(a[0].net)); \
        return ERR_OK; \
    }

PREDICATE(ip_is_unspecified, is_zero)
PREDICATE(ip_is_loopback, is_loopback)
PREDICATE(ip_is_link_local_unicast, is_link_local_unicast)
PREDICATE(ip_is_link_local_multicast, is_link_local_multicast)
PREDICATE(ip_is_global_unicast, is_global_unicast)
PREDICATE(ip_is_private, is_private)

static FALLIBLE family(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* nothing to charge */
    *ret = value_int(a[0].net->size == 4 ? 4 : 6);
    return ERR_OK;
}

/* ---- networks ---- */

static FALLIBLE contains_ip(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* nothing to charge */
    *ret = value_bool(network_contains(a[0].net, a[1].net));
    return ERR_OK;
}

static FALLIBLE contains_ip_string(struct call *call, const struct value *a, struct value *ret)
{
    struct value_net net;
    TRY(read_ip(call, a[1], &net));
    *ret = value_bool(network_contains(a[0].net, &net));
    return ERR_OK;
}

static FALLIBLE contains_cidr(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* nothing to charge */
    *ret = value_bool(a[0].net->prefix <= a[1].net->prefix && network_contains(a[0].net, a[1].net));
    return ERR_OK;
}

static FALLIBLE contains_cidr_string(struct call *call, const struct value *a, struct value *ret)
{
    struct value_net net;
    TRY(read_cidr(call, a[1], &net));
    *ret = value_bool(a[0].net->prefix <= net.prefix && network_contains(a[0].net, &net));
    return ERR_OK;
}

static FALLIBLE cidr_ip(struct call *call, const struct value *a, struct value *ret)
{
    struct value_net net = *a[0].net;
    net.prefix = (uint8_t)(net.size * 8);
    return make(call, VALUE_IP, &net, ret);
}

static FALLIBLE masked(struct call *call, const struct value *a, struct value *ret)
{
    struct value_net net;
    network_mask(a[0].net, &net);
    return make(call, VALUE_CIDR, &net, ret);
}

static FALLIBLE prefix_length(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* nothing to charge */
    *ret = value_int(a[0].net->prefix);
    return ERR_OK;
}

#define S &type_string
#define IP &type_ip
#define CIDR &type_cidr
#define BOOL &type_bool

static const struct overload cidr_rows[] = { { false, 1, { S }, CIDR, cidr_of_string } };
static const struct overload contains_cidr_rows[] = {
    { true, 2, { CIDR, CIDR }, BOOL, contains_cidr },
    { true, 2, { CIDR, S }, BOOL, contains_cidr_string },
};
static const struct overload contains_ip_rows[] = {
    { true, 2, { CIDR, IP }, BOOL, contains_ip },
    { true, 2, { CIDR, S }, BOOL, contains_ip_string },
};
static const struct overload family_rows[] = { { true, 1, { IP }, &type_int, family } };
static const struct overload ip_rows[] = {
    { false, 1, { S }, IP, ip_of_string },
    { true, 1, { CIDR }, IP, cidr_ip },
};
static const struct overload is_canonical_rows[] = { { false, 1, { S }, BOOL, is_canonical } };
static const struct overload is_cidr_rows[] = { { false, 1, { S }, BOOL, is_cidr } };
static const struct overload is_ip_rows[] = { { false, 1, { S }, BOOL, is_ip } };
static const struct overload is_global_unicast_rows[] = { { true, 1, { IP }, BOOL, ip_is_global_unicast } };
static const struct overload is_link_local_multicast_rows[] = { { true, 1, { IP }, BOOL,
    ip_is_link_local_multicast } };
static const struct overload is_link_local_unicast_rows[] = { { true, 1, { IP }, BOOL,
    ip_is_link_local_unicast } };
static const struct overload is_loopback_rows[] = { { true, 1, { IP }, BOOL, ip_is_loopback } };
static const struct overload is_private_rows[] = { { true, 1, { IP }, BOOL, ip_is_private } };
static const struct overload is_unspecified_rows[] = { { true, 1, { IP }, BOOL, ip_is_unspecified } };
static const struct overload masked_rows[] = { { true, 1, { CIDR }, CIDR, masked } };
static const struct overload prefix_length_rows[] = { { true, 1, { CIDR }, &type_int, prefix_length } };

static const struct function functions[] = {
    FUNCTION_FLAT("cidr", cidr_rows),
    FUNCTION_FLAT("containsCIDR", contains_cidr_rows),
    FUNCTION_FLAT("containsIP", contains_ip_rows),
    FUNCTION_FLAT("family", family_rows),
    FUNCTION_FLAT("ip", ip_rows),
    FUNCTION_FLAT("ip.isCanonical", is_canonical_rows),
    FUNCTION_FLAT("isCIDR", is_cidr_rows),
    FUNCTION_FLAT("isGlobalUnicast", is_global_unicast_rows),
    FUNCTION_FLAT("isIP", is_ip_rows),
    FUNCTION_FLAT("isLinkLocalMulticast", is_link_local_multicast_rows),
    FUNCTION_FLAT("isLinkLocalUnicast", is_link_local_unicast_rows),
    FUNCTION_FLAT("isLoopback", is_loopback_rows),
    FUNCTION_FLAT("isPrivate", is_private_rows),
    FUNCTION_FLAT("isUnspecified", is_unspecified_rows),
    FUNCTION_FLAT("masked", masked_rows),
    FUNCTION_FLAT("prefixLength", prefix_length_rows),
};

const struct library library_network = { "network", functions, sizeof(functions) / sizeof(functions[0]) };
