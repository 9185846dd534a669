/* The kernel's packet filter through libnftables: named sets of blocked addresses and the rules that drop
 * them.
 *
 * Table `inet tocsin`. For a set name NAME: `NAME4`, `NAME6` hold addresses, `NAME4_nets`, `NAME6_nets`
 * networks, all with timeouts; chains `NAME_input`, `NAME_forward` drop what comes from them, and what is
 * forwarded to them. Everything is made when it is first needed, and in one transaction with the element.
 *
 * Commands are text to libnftables, but no text from outside goes into them: addresses are printed from their
 * bytes, names are checked. */
#ifndef TOCSIN_CONNECT_NFT_SET_H
#define TOCSIN_CONNECT_NFT_SET_H

#include "base/arena.h"
#include "base/err.h"
#include "base/value.h"

struct nft_target {
    struct value_net net; /* prefix is the full one for an address */
    bool is_network;
    char text[64]; /* canonical */
    char set[48]; /* the set that it belongs to */
};

/* `address`: "203.0.113.9", "203.0.113.0/24", IPv6 likewise, or VALUE_IP, VALUE_CIDR. Host bits of a network
 * must be 0. `set`: [a-z][a-z0-9_]*, at most 24 bytes. ERR_INVALID, name "bad_input". */
FALLIBLE nft_target_parse(struct value address, struct str set, struct nft_target *ret, struct err_info *why);
/* What must not be blocked, whatever a playbook says. */
struct nft_rules {
    const struct value_net *never; /* networks, or addresses with their full prefix */
    uint32_t never_count;
    unsigned prefix4_min, prefix6_min; /* the widest networks */
};
#define NFT_PREFIX4_MIN_DEFAULT 16
#define NFT_PREFIX6_MIN_DEFAULT 32

/* ERR_DENIED, name "refused_target": loopback, unspecified, multicast or link-local addresses, those of
 * `rules`, networks that hold one of these, and networks that are too wide. */
FALLIBLE nft_target_check(
    const struct nft_target *target, const struct nft_rules *rules, struct err_info *why);
/* The same for this machine's own addresses, which it asks the kernel for. */
FALLIBLE nft_target_check_own(const struct nft_target *target, struct err_info *why);

/* Blocking, one thread at a time. `timeout_s` 0: until it is removed. Blocking again sets the timeout anew.
 * ERR_DENIED, name "not_permitted", without CAP_NET_ADMIN; ERR_CONFLICT, name "nft_overlap", when a network
 * overlaps one that stands; ERR_IO, name "nft_failed", with what nftables said. */
FALLIBLE nft_block(const struct nft_target *target, struct str set, uint64_t timeout_s, struct err_info *why);
/* `*ret_was_there`: it was blocked. */
FALLIBLE nft_unblock(const struct nft_target *target, bool *ret_was_there, struct err_info *why);
FALLIBLE nft_is_blocked(const struct nft_target *target, bool *ret, struct err_info *why);

#endif
