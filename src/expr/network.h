/* Addresses and networks of the network extension. Parsing is strict, as RFC 5952 has it: no zones, no
 * IPv4 inside IPv6, no leading zeros. */
#ifndef TOCSIN_EXPR_NETWORK_H
#define TOCSIN_EXPR_NETWORK_H

#include "base/value.h"

#define NETWORK_TEXT_BYTES 64

/* NULL on success, else what is wrong with the text. */
const char *network_parse_ip(struct str text, struct value_net *ret);
const char *network_parse_cidr(struct str text, struct value_net *ret);
/* The canonical text, in the caller's room. */
struct str network_print(struct value ip_or_cidr, char text[NETWORK_TEXT_BYTES]);
struct str network_print_net(const struct value_net *net, bool is_cidr, char text[NETWORK_TEXT_BYTES]);
bool network_contains(const struct value_net *network, const struct value_net *address);
void network_mask(const struct value_net *network, struct value_net *ret);

#endif
