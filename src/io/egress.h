/* Which addresses outbound connections may reach: no loopback, private, link-local, metadata, multicast or
 * otherwise special ones unless the operator's `egress.allow` names them. Immutable after set-up.
 *
 * Checked on the resolved address when a socket is opened and again before each request on a reused
 * connection, and at each redirect. */
#ifndef TOCSIN_IO_EGRESS_H
#define TOCSIN_IO_EGRESS_H

#include <sys/socket.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct egress;

/* `rules`: CIDRs ("127.0.0.0/8", "::1/128"), addresses, or host names ("localhost",
 * "*.corp.example"), each with an optional ":port". A host name allows what that name resolves to. */
FALLIBLE egress_new(struct arena *arena, const struct str *rules, size_t rule_count, struct egress **ret,
    struct err_info *why);
/* ERR_DENIED, name "egress", with the address and the mend in `why`. `host` is the name of the URL. */
FALLIBLE egress_check(
    const struct egress *egress, struct str host, const struct sockaddr *address, struct err_info *why);

#endif
