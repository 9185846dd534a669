/* Signatures of webhooks: HMAC over the raw body, compared in constant time. */
#ifndef TOCSIN_INGEST_HMAC_H
#define TOCSIN_INGEST_HMAC_H

#include "base/clock.h"
#include "ingest/ingest.h"

/* ERR_DENIED, name "signature", when there is none, it is wrong, or it is older or newer than the tolerance.
 */
FALLIBLE hmac_verify(const struct source_hmac *hmac, struct str secret, struct str body,
    const struct header_source *headers, struct instant now, struct err_info *why);

#endif
