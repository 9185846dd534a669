/* Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): a mutation that is sent again with the same
 * key and the same content is done once, and answered as it was the first time, for IDEMPOTENCY_SECONDS.
 *
 * The key is reserved, durably, before the work begins, and the answer is stored before it is sent; work that
 * is one commit stores the answer in that commit. A reservation without an answer is a request under way, or
 * one that a crash cut off: then nobody knows, and the sender is told to look (409). Keys belong to their
 * principal. Answers of 429 and 5xx, which say that nothing was done, free the key. */
#ifndef TOCSIN_API_IDEMPOTENCY_H
#define TOCSIN_API_IDEMPOTENCY_H

#include "api/request.h"

extern const struct store_migration api_migrations[];

/* False when the request has no key, or needs none. Else it is looked after: the route's handler is called
 * later, or an answer goes out. */
bool idempotency_take(struct request *request);
/* Inside the commit of the work. */
FALLIBLE idempotency_store(
    struct request *request, struct store_conn *conn, int status, struct value body, struct err_info *why);
/* Keeps the answer of a request whose key is reserved, then calls `send` with it. */
typedef void idempotency_send(struct request *request);
void idempotency_finish(struct request *request, idempotency_send *send);

/* Inside a commit of the housekeeping: forgets what is older than IDEMPOTENCY_SECONDS, a part at a time. */
FALLIBLE idempotency_trim(struct store_conn *conn, struct err_info *why);

#endif
