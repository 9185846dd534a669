/* Who asks: the peer of the connection, or who a trusted proxy says it is. */
#ifndef TOCSIN_API_REMOTE_H
#define TOCSIN_API_REMOTE_H

#include "api/api.h"

/* The peer's address. Behind a proxy of `trusted_proxies` the last address in X-Forwarded-For that is none of
 * them; a header of anybody else counts for nothing. Borrowed from the exchange. */
struct str remote_of(const struct api_options *options, const struct http_exchange *exchange);

#endif
