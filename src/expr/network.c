#include "expr/network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static bool is_mapped(const struct value_net *net)
{
    static const uint8_t prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
    return net->size == 16 && memcmp(net->bytes, prefix, sizeof(prefix)) == 0;
}

const char *network_parse_ip(struct str text, struct value_net *ret)
{
    char copy[INET6_ADDRSTRLEN + 1];
    struct value_net net = { .size = 4, .prefix = 32 };
    if (str_find_byte(text, '%', 0) >= 0)
        return "a zone value is not allowed";
    if (text.size == 0 || text.size >= sizeof(copy) || memchr(text.data, 0, text.size) != NULL)
        return "it does not look like an address";
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    bool is_v6 = strchr(copy, ':') != NULL;
    if (is_v6)
        net.size = 16, net.prefix = 128;
    if (inet_pton(is_v6 ? AF_INET6 : AF_INET, copy, net.bytes) != 1)
        return "it does not look like an address";
    if (is_mapped(&net))
        return "an IPv4-mapped IPv6 address is not allowed";
    *ret = net;
    return NULL;
}

const char *network_parse_cidr(struct str text, struct value_net *ret)
{
    ptrdiff_t slash = str_find_byte(text, '/', 0);
    if (slash < 0)
        return "a prefix length is missing, as in 10.0.0.0/8";
    struct value_net net = { .size = 0 };
    struct str bits = str_slice(text, (size_t)slash + 1, text.size);
    const char *error = network_parse_ip(str_slice(text, 0, (size_t)slash), &net);
    uint64_t prefix = 0;
    if (error != NULL)
        return error;
    bool is_plain = bits.size > 0 && bits.data[0] >= '0' && bits.data[0] <= '9' &&
        (bits.size == 1 || bits.data[0] != '0');
    if (!is_plain || !str_to_uint(bits, &prefix) || prefix > net.size * 8u)
        return "the prefix length is wrong";
    net.prefix = (uint8_t)prefix;
    *ret = net;
    return NULL;
}

/* RFC 5952: lower case, no leading zeros, "::" for the longest run of two and more zero groups. */
static int print_v6(const uint8_t bytes[16], char *text, size_t size)
{
    int longest = -1, longest_count = 1, at = 0;
    for (int i = 0; i < 8;) {
        int count = 0;
        while (i + count < 8 && bytes[2 * (i + count)] == 0 && bytes[2 * (i + count) + 1] == 0)
            count++;
        if (count > longest_count) {
            longest = i;
            longest_count = count;
        }
        i += count ? count : 1;
    }
    for (int i = 0; i < 8; i++) {
        if (i == longest) {
            at += snprintf(text + at, size - (size_t)at, "::");
            i += longest_count - 1;
            continue;
        }
        bool needs_colon = i > 0 && i != longest + longest_count;
        if (longest < 0)
            needs_colon = i > 0;
        at += snprintf(text + at, size - (size_t)at, "%s%x", needs_colon ? ":" : "",
            (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1]);
    }
    return at;
}

struct str network_print_net(const struct value_net *net, bool is_cidr, char text[NETWORK_TEXT_BYTES])
{
    int size = net->size == 16 ? print_v6(net->bytes, text, NETWORK_TEXT_BYTES)
                               : snprintf(text, NETWORK_TEXT_BYTES, "%u.%u.%u.%u", net->bytes[0],
                                     net->bytes[1], net->bytes[2], net->bytes[3]);
    if (is_cidr)
        size += snprintf(text + size, (size_t)(NETWORK_TEXT_BYTES - size), "/%u", net->prefix);
    return (struct str){ text, (size_t)size };
}

struct str network_print(struct value ip_or_cidr, char text[NETWORK_TEXT_BYTES])
{
    return network_print_net(ip_or_cidr.net, ip_or_cidr.type == VALUE_CIDR, text);
}

void network_mask(const struct value_net *network, struct value_net *ret)
{
    *ret = *network;
    for (unsigned i = 0; i < network->size; i++) {
        unsigned kept = network->prefix > 8 * i ? network->prefix - 8 * i : 0;
        if (kept < 8)
            ret->bytes[i] &= (uint8_t)(0xff00 >> kept);
    }
}

bool network_contains(const struct value_net *network, const struct value_net *address)
{
    if (network->size != address->size)
        return false;
    struct value_net masked, other = *address;
    other.prefix = network->prefix;
    network_mask(network, &masked);
    network_mask(&other, &other);
    return memcmp(masked.bytes, other.bytes, network->size) == 0;
}
