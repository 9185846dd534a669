/* What stands in for threads and the network where time is virtual: blocking work is done at once on the
 * caller's thread, and no request leaves. */
#ifndef TOCSIN_STAND_IN_H
#define TOCSIN_STAND_IN_H

#include "io/executor.h"
#include "io/http_client.h"

/* Embedded in what owns it; nothing to free. Tasks run inside `submit`; `done` is posted as ever. */
void executor_inline_init(struct executor *executor);
/* connect_options.make_client: a client that refuses every request before it leaves. */
FALLIBLE make_deaf_client(void *context, struct loop *loop, struct http_client **ret, struct err_info *why);

#endif
