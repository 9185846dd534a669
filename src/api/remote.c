#include "api/remote.h"

#define REMOTE_BYTES_MAX 64 /* an IPv6 address with a zone */

/* "192.0.2.1:443" and "[2001:db8::1]:443" without the port. */
static struct str address_of(struct str peer)
{
    if (peer.size > 0 && peer.data[0] == '[') {
        ptrdiff_t end = str_find_byte(peer, ']', 0);
        return end > 0 ? str_slice(peer, 1, (size_t)end) : peer;
    }
    ptrdiff_t colon = str_find_byte(peer, ':', 0);
    bool has_port = colon >= 0 && str_find_byte(peer, ':', (size_t)colon + 1) < 0;
    return has_port ? str_slice(peer, 0, (size_t)colon) : peer;
}

static bool is_trusted(const struct api_options *options, struct str address)
{
    for (size_t i = 0; i < options->trusted_proxy_count; i++)
        if (str_equal(str_of(options->trusted_proxies[i]), address))
            return true;
    return false;
}

struct str remote_of(const struct api_options *options, const struct http_exchange *exchange)
{
    struct str peer = http_remote(exchange), found = peer, part;
    if (!is_trusted(options, address_of(peer)))
        return peer;
    /* Each proxy appends whom it talks to: from the end, the first that no proxy of ours is, is who asks. */
    struct str rest = http_header_get(exchange, "x-forwarded-for");
    while (str_split(&rest, ',', &part)) {
        part = str_trim(part);
        if (part.size > 0 && part.size <= REMOTE_BYTES_MAX && !is_trusted(options, address_of(part)))
            found = part;
    }
    return found;
}
