/* The event stream's part that outlives a request: all open streams, woken together by one commit. */
#ifndef TOCSIN_API_STREAM_H
#define TOCSIN_API_STREAM_H

#include "api/api.h"

struct streams;

/* Registers with store_on_commit; one a store. */
FALLIBLE streams_new(const struct api_options *options, struct streams **ret, struct err_info *why);
/* On the server's thread, after its loop stopped and the HTTP server was freed, before the store is closed.
 */
void streams_free(struct streams *streams);

#endif
