/* Event rows: the ledger in which each accepted event must end somewhere. The raw bytes are kept as received.
 */
#ifndef TOCSIN_INGEST_EVENT_H
#define TOCSIN_INGEST_EVENT_H

#include "base/value.h"
#include "ingest/intake.h"
#include "store/store.h"

extern const struct store_migration ingest_migrations[];

/* {"id","source","received","content_type","raw" (text, or base64 with "raw_encoding":"base64"),"event"
 * (parsed), "flags":["duplicate_keys"],"fate","fate_detail","alert_id","alert","runs":["…"]}. ERR_NOT_FOUND.
 */
FALLIBLE event_show(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct value *ret, struct err_info *why);
/* The event's value alone, as a playbook sees it; null when the tenant has none of this id. */
FALLIBLE event_value(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct value *ret, struct err_info *why);

/* Retention: forgets at most `limit` events that were received before `before`, the oldest first, with their
 * raw bytes; their alerts stay. Inside a commit of the housekeeping; `*ret_has_more`: call again soon. */
FALLIBLE events_trim(
    struct store_conn *conn, struct instant before, uint32_t limit, bool *ret_has_more, struct err_info *why);

struct event_query {
    int64_t tenant;
    uint32_t limit;
    struct id after;
    struct str source; /* names, comma separated; empty: all */
    struct str fate; /* words, comma separated; empty: all */
    struct id alert_id;
    struct instant since, until; /* of received */
};
/* {"items":[event_show without raw, event and alert …],"next":id or null}, newest first. */
FALLIBLE event_list(struct store_conn *conn, const struct event_query *query, struct arena *arena,
    struct value *ret_page, struct err_info *why);

/* The proof that every accepted event ended somewhere: counts since `since` by fate, and the events that did
 * not: {"events":N,"fates":{"run":N,…},"faults":[{"id","source","received","fault"}]}, at most 100 faults.
 * A fault is an event without a fate, one whose alert is missing, one that says `run` without a run. */
FALLIBLE event_audit(struct store_conn *conn, int64_t tenant, struct instant since, struct arena *arena,
    struct value *ret, struct err_info *why);

#endif
