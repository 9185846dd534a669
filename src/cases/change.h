/* Who changes something, inside which transaction, on whose behalf. Every change of this floor takes one:
 * its effect, its line in the timeline, its audit row and its entry in the event stream are one commit. */
#ifndef TOCSIN_CASES_CHANGE_H
#define TOCSIN_CASES_CHANGE_H

#include "access/principal.h"
#include "base/rand.h"
#include "store/store.h"

/* Plain data, borrowed for the call. */
struct change {
    struct store_conn *conn;
    const struct principal *by; /* gives the tenant too */
    struct rand *rand; /* for new ids */
    struct id run_id; /* the run on whose behalf; ID_NONE: none */
    struct str key; /* idempotency: a second change with the same key (case_open, *_comment) gives the first
                       one's result and does nothing; empty: none. At most CHANGE_KEY_BYTES_MAX */
    struct str remote; /* peer address of the request, for the audit; may be empty */
    uint64_t revision; /* If-Match: ERR_CONFLICT when the object has moved on; 0: any */
};

#endif
