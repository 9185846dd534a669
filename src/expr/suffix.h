/* Host names and the public suffix list (publicsuffix.org, through libpsl's built-in copy: no file is
 * read, so a binary gives the same answer everywhere). */
#ifndef TOCSIN_EXPR_SUFFIX_H
#define TOCSIN_EXPR_SUFFIX_H

#include <stdbool.h>

#include "base/str.h"

#define HOST_BYTES_MAX 253 /* RFC 1035 */

/* Letters, digits, '-', '_' and any character beyond ASCII, in labels, under a top-level domain that
 * exists (".onion" too), below a public suffix. Case does not matter. */
bool suffix_is_domain(struct str host);
/* "example.co.uk" of "www.example.co.uk", a part of `host`; an empty slice when there is none. */
struct str suffix_registered_domain(struct str host);

#endif
