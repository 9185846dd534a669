/* A request's body as events: one JSON value, an array of them, or NDJSON; any other type is one event of
 * text or bytes. All or nothing: one fault anywhere and there are no events. */
#ifndef TOCSIN_INGEST_RECEIVE_H
#define TOCSIN_INGEST_RECEIVE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/value.h"

struct received {
    struct value event;
    struct str raw; /* its part of the body; borrowed from it */
    bool is_json; /* else the whole body as text or bytes */
};

/* The type without parameters and white space: "application/json". */
struct str content_type_of(struct str header);

/* `content_type` is the header as sent, maybe empty. Values share memory with `body`. ERR_INVALID with line
 * and column in the body (names "json_…", "body_empty"); ERR_LIMIT (EVENTS_PER_REQUEST_MAX). */
FALLIBLE receive_body(struct arena *arena, struct str content_type, struct str body, struct received **ret,
    uint32_t *ret_count, struct err_info *why);

#endif
