#include "connect/nft_set.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nftables/libnftables.h>

#include "base/buf.h"

#define SET_NAME_BYTES_MAX 24

/* ---- targets ---- */

static bool is_set_name(struct str set)
{
    bool is_good = set.size > 0 && set.size <= SET_NAME_BYTES_MAX && islower((unsigned char)set.data[0]);
    for (size_t i = 0; is_good && i < set.size; i++) {
        unsigned char byte = (unsigned char)set.data[i];
        is_good = islower(byte) || isdigit(byte) || byte == '_';
    }
    return is_good;
}

static bool parse_text(struct str text, struct value_net *ret, bool *ret_is_network)
{
    char copy[INET6_ADDRSTRLEN];
    ptrdiff_t slash = str_find_byte(text, '/', 0);
    struct str address = slash < 0 ? text : str_slice(text, 0, (size_t)slash);
    uint64_t prefix;
    if (address.size == 0 || address.size >= sizeof(copy) || str_find_byte(address, '\0', 0) >= 0)
        return false;
    memcpy(copy, address.data, address.size);
    copy[address.size] = '\0';
    bool is_v6 = strchr(copy, ':') != NULL;
    *ret = (struct value_net){ .size = is_v6 ? 16 : 4 };
    if (inet_pton(is_v6 ? AF_INET6 : AF_INET, copy, ret->bytes) != 1)
        return false;
    prefix = 8u * ret->size;
    if (slash >= 0 &&
        (!str_to_uint(str_slice(text, (size_t)slash + 1, text.size), &prefix) || prefix > 8u * ret->size))
        return false;
    ret->prefix = (uint8_t)prefix;
    *ret_is_network = slash >= 0 && prefix < 8u * ret->size;
    return true;
}

/* ::ffff:a.b.c.d reaches the wire as IPv4, so that is what must be blocked (RFC 4291, 2.5.5.2). */
static void unmap(struct value_net *net)
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
    if (net->size != 16 || memcmp(net->bytes, mapped, 12) != 0 || net->prefix < 96)
        return;
    memmove(net->bytes, net->bytes + 12, 4);
    net->size = 4;
    net->prefix = (uint8_t)(net->prefix - 96);
}

static bool has_host_bits(const struct value_net *net)
{
    for (unsigned bit = net->prefix; bit < 8u * net->size; bit++) {
        if (net->bytes[bit / 8] & (0x80u >> (bit % 8)))
            return true;
    }
    return false;
}

static FALLIBLE print_target(struct nft_target *target, struct str set, struct err_info *why)
{
    char address[INET6_ADDRSTRLEN];
    const struct value_net *net = &target->net;
    if (!inet_ntop(net->size == 4 ? AF_INET : AF_INET6, net->bytes, address, sizeof(address)))
        return err_errno(why, errno, "printing an address");
    if (target->is_network)
        snprintf(target->text, sizeof(target->text), "%s/%u", address, net->prefix);
    else
        snprintf(target->text, sizeof(target->text), "%s", address);
    snprintf(target->set, sizeof(target->set), "%.*s%c%s", STR_ARG(set), net->size == 4 ? '4' : '6',
        target->is_network ? "_nets" : "");
    return ERR_OK;
}

FALLIBLE nft_target_parse(struct value address, struct str set, struct nft_target *ret, struct err_info *why)
{
    struct nft_target target = { 0 };
    bool is_good = false;
    if (!is_set_name(set))
        return err_named(why, ERR_INVALID, "bad_input",
            "`set` must be lower case letters, digits and _, at most %d", SET_NAME_BYTES_MAX);
    if (address.type == VALUE_IP || address.type == VALUE_CIDR) {
        target.net = *address.net;
        if (address.type == VALUE_IP)
            target.net.prefix = (uint8_t)(8u * target.net.size);
        target.is_network = target.net.prefix < 8u * target.net.size;
        is_good = true;
    } else if (address.type == VALUE_STRING) {
        is_good = parse_text(value_str(address), &target.net, &target.is_network);
    }
    if (!is_good)
        return err_named(why, ERR_INVALID, "bad_input",
            "`ip` must be an IPv4 or IPv6 address, or a network such as "
            "203.0.113.0/24");
    unmap(&target.net);
    if (has_host_bits(&target.net))
        return err_named(
            why, ERR_INVALID, "bad_input", "the network has bits behind its prefix of %u", target.net.prefix);
    TRY(print_target(&target, set, why));
    *ret = target;
    return ERR_OK;
}

/* Do the first `prefix` bits agree? */
static bool covers(const uint8_t *network, unsigned prefix, const uint8_t *address)
{
    unsigned whole = prefix / 8, rest = prefix % 8;
    uint8_t mask = (uint8_t)(0xff00u >> rest);
    return memcmp(network, address, whole) == 0 &&
        (rest == 0 || ((network[whole] ^ address[whole]) & mask) == 0);
}

/* Each holds the other or is held by it. */
static bool overlaps(const struct value_net *net, const uint8_t *bytes, unsigned size, unsigned prefix)
{
    unsigned shorter = net->prefix < prefix ? net->prefix : prefix;
    return net->size == size && covers(net->bytes, shorter, bytes);
}

static FALLIBLE refuse(const struct nft_target *target, const char *what, struct err_info *why)
{
    return err_named(why, ERR_DENIED, "refused_target", "%s is not blocked: %s", target->text, what);
}

static FALLIBLE check_special(const struct nft_target *target, struct err_info *why)
{
    static const struct {
        uint8_t bytes[16], size, prefix;
        const char *what;
    } special[] = {
        { { 0 }, 4, 8, "it is or holds an unspecified address" },
        { { 127 }, 4, 8, "it is or holds a loopback address" },
        { { 169, 254 }, 4, 16, "it is or holds a link-local address" },
        { { 224 }, 4, 4, "it is or holds a multicast address" },
        { { 255, 255, 255, 255 }, 4, 32, "it is or holds the broadcast address" },
        { { 0 }, 16, 128, "it is or holds the unspecified address" },
        { { [15] = 1 }, 16, 128, "it is or holds the loopback address" },
        { { 0xfe, 0x80 }, 16, 10, "it is or holds a link-local address" },
        { { 0xff }, 16, 8, "it is or holds a multicast address" },
    };
    for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
        if (overlaps(&target->net, special[i].bytes, special[i].size, special[i].prefix))
            return refuse(target, special[i].what, why);
    }
    return ERR_OK;
}

static FALLIBLE check_own(const struct nft_target *target, const struct ifaddrs *list, struct err_info *why)
{
    for (const struct ifaddrs *own = list; own; own = own->ifa_next) {
        const void *bytes = NULL;
        unsigned size = 0;
        if (own->ifa_addr && own->ifa_addr->sa_family == AF_INET) {
            bytes = &((const struct sockaddr_in *)(const void *)own->ifa_addr)->sin_addr;
            size = 4;
        } else if (own->ifa_addr && own->ifa_addr->sa_family == AF_INET6) {
            bytes = &((const struct sockaddr_in6 *)(const void *)own->ifa_addr)->sin6_addr;
            size = 16;
        }
        if (bytes && overlaps(&target->net, bytes, size, 8 * size))
            return refuse(target, "it is or holds an address of this machine", why);
    }
    return ERR_OK;
}

FALLIBLE nft_target_check(
    const struct nft_target *target, const struct nft_rules *rules, struct err_info *why)
{
    unsigned least = target->net.size == 4 ? rules->prefix4_min : rules->prefix6_min;
    if (target->net.prefix < least)
        return err_named(why, ERR_DENIED, "refused_target",
            "%s is not blocked: the network is wider than /%u (the connection's ipv%c_prefix_min)",
            target->text, least, target->net.size == 4 ? '4' : '6');
    TRY(check_special(target, why));
    for (uint32_t i = 0; i < rules->never_count; i++) {
        const struct value_net *never = &rules->never[i];
        if (overlaps(&target->net, never->bytes, never->size, never->prefix))
            return refuse(target, "it is or holds an address that the connection names in `never`", why);
    }
    return ERR_OK;
}

FALLIBLE nft_target_check_own(const struct nft_target *target, struct err_info *why)
{
    struct ifaddrs *list;
    if (getifaddrs(&list) != 0)
        return err_errno(why, errno, "listing this machine's addresses");
    enum err result = check_own(target, list, why);
    freeifaddrs(list);
    return result;
}

/* ---- libnftables ---- */

/* libnftables ends the process when it gets no netlink socket; so that is tried first. */
static FALLIBLE check_netlink(struct err_info *why)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    if (fd < 0)
        return err_errno(why, errno, "opening a netlink socket to nftables");
    close(fd);
    return ERR_OK;
}

static FALLIBLE nft_error(const char *text, struct err_info *why)
{
    struct str said = str_trim(str_of(text ? text : ""));
    ptrdiff_t end = str_find_byte(said, '\n', 0);
    struct str first = str_slice(said, 0, end < 0 ? said.size : (size_t)end);
    if (str_contains(said, STR("Operation not permitted")))
        return err_named(why, ERR_DENIED, "not_permitted",
            "nftables needs the capability CAP_NET_ADMIN (systemd: AmbientCapabilities=CAP_NET_ADMIN)");
    if (str_contains(said, STR("overlap")) || str_contains(said, STR("conflicting intervals")) ||
        str_contains(said, STR("File exists")))
        return err_named(why, ERR_CONFLICT, "nft_overlap",
            "a network that overlaps this one is blocked already: %.*s", STR_ARG(first));
    return err_named(why, ERR_IO, "nft_failed", "nftables: %.*s", STR_ARG(first));
}

/* What a run says: `is_absent` when a table, set or element does not exist. */
struct nft_said {
    struct buf output;
    bool is_absent;
};

static void nft_said_cleanup(struct nft_said *said)
{
    buf_done(&said->output);
}

static FALLIBLE nft_run_in(
    struct nft_ctx *nft, const char *commands, struct nft_said *ret, struct err_info *why)
{
    if (nft_ctx_buffer_output(nft) != 0 || nft_ctx_buffer_error(nft) != 0)
        return err_memory(why);
    if (nft_run_cmd_from_buffer(nft, commands) == 0) {
        const char *output = nft_ctx_get_output_buffer(nft);
        buf_add_text(&ret->output, output ? output : "");
        return buf_check(&ret->output, why);
    }
    const char *error = nft_ctx_get_error_buffer(nft);
    ret->is_absent = error && strstr(error, "No such file or directory");
    return nft_error(error, why);
}

static FALLIBLE nft_run(const struct buf *commands, struct nft_said *ret, struct err_info *why)
{
    TRY(buf_check(commands, why));
    TRY(check_netlink(why));
    struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);
    if (!nft)
        return err_memory(why);
    enum err result = nft_run_in(nft, commands->data, ret, why);
    nft_ctx_free(nft);
    return result;
}

static void add_sets(struct buf *commands, struct str set)
{
    for (unsigned version = 4; version <= 6; version += 2) {
        buf_printf(commands, "add set inet tocsin %.*s%u { type ipv%u_addr; flags timeout; }\n", STR_ARG(set),
            version, version);
        buf_printf(commands,
            "add set inet tocsin %.*s%u_nets { type ipv%u_addr; flags interval, timeout; }\n", STR_ARG(set),
            version, version);
    }
}

static void add_rules(struct buf *commands, struct str set, const char *chain, const char *direction)
{
    for (unsigned version = 4; version <= 6; version += 2) {
        const char *family = version == 4 ? "ip" : "ip6";
        buf_printf(commands, "add rule inet tocsin %.*s_%s %s %s @%.*s%u drop\n", STR_ARG(set), chain, family,
            direction, STR_ARG(set), version);
        buf_printf(commands, "add rule inet tocsin %.*s_%s %s %s @%.*s%u_nets drop\n", STR_ARG(set), chain,
            family, direction, STR_ARG(set), version);
    }
}

/* Table, sets, chains and rules. Adding what is there changes nothing, but for rules: their chains, which are
 * ours alone, are filled anew. */
static void add_frame(struct buf *commands, struct str set)
{
    static const char *const chains[] = { "input", "forward" };
    buf_add_text(commands, "add table inet tocsin\n");
    add_sets(commands, set);
    for (unsigned i = 0; i < 2; i++) {
        buf_printf(commands,
            "add chain inet tocsin %.*s_%s { type filter hook %s priority -10; policy accept; }\n",
            STR_ARG(set), chains[i], chains[i]);
        buf_printf(commands, "flush chain inet tocsin %.*s_%s\n", STR_ARG(set), chains[i]);
        add_rules(commands, set, chains[i], "saddr");
    }
    add_rules(commands, set, "forward", "daddr");
}

/* Deleting what is not there is an error, and adding what is there leaves its timeout as it was. Since a
 * batch is one transaction, this works in both cases. */
static void add_deletion(struct buf *commands, const struct nft_target *target)
{
    buf_printf(commands, "add element inet tocsin %s { %s }\n", target->set, target->text);
    buf_printf(commands, "delete element inet tocsin %s { %s }\n", target->set, target->text);
}

FALLIBLE nft_block(const struct nft_target *target, struct str set, uint64_t timeout_s, struct err_info *why)
{
    AUTO(buf) struct buf commands = { 0 };
    AUTO(nft_said) struct nft_said said = { 0 };
    add_frame(&commands, set);
    add_deletion(&commands, target);
    buf_printf(&commands, "add element inet tocsin %s { %s", target->set, target->text);
    if (timeout_s)
        buf_printf(&commands, " timeout %llus", (unsigned long long)timeout_s);
    buf_add_text(&commands, " }\n");
    return nft_run(&commands, &said, why);
}

FALLIBLE nft_unblock(const struct nft_target *target, bool *ret_was_there, struct err_info *why)
{
    AUTO(buf) struct buf commands = { 0 };
    AUTO(nft_said) struct nft_said said = { 0 };
    TRY(nft_is_blocked(target, ret_was_there, why));
    if (!*ret_was_there)
        return ERR_OK;
    add_deletion(&commands, target);
    return nft_run(&commands, &said, why);
}

/* The listing names the element itself: asked for a network, nftables also gives a wider one that holds it.
 */
static bool lists(struct str output, const char *text)
{
    struct str wanted = str_of(text);
    for (ptrdiff_t at = str_find(output, wanted, 0); at >= 0; at = str_find(output, wanted, (size_t)at + 1)) {
        size_t end = (size_t)at + wanted.size;
        bool begins = at > 0 && output.data[at - 1] == ' ';
        if (begins && end < output.size && (output.data[end] == ' ' || output.data[end] == ','))
            return true;
    }
    return false;
}

FALLIBLE nft_is_blocked(const struct nft_target *target, bool *ret, struct err_info *why)
{
    AUTO(buf) struct buf commands = { 0 };
    AUTO(nft_said) struct nft_said said = { 0 };
    struct err_info inner = { 0 };
    buf_printf(&commands, "get element inet tocsin %s { %s }\n", target->set, target->text);
    enum err result = nft_run(&commands, &said, &inner);
    if (result != ERR_OK && !said.is_absent) {
        if (why)
            *why = inner;
        return result;
    }
    *ret = result == ERR_OK && lists(buf_str(&said.output), target->text);
    return ERR_OK;
}
