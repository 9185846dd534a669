/* The ledger's rows: one an event, written inside the commit that accepts it, never changed afterwards. */
#ifndef TOCSIN_INGEST_EVENT_ROW_H
#define TOCSIN_INGEST_EVENT_ROW_H

#include "ingest/event.h"

/* Bits of `flags`. Stored: never renumber. */
#define EVENT_DUPLICATE_KEYS 0x01u /* an object had a key twice */
#define EVENT_NO_JSON 0x02u /* text or bytes: the raw bytes are the event */

struct event_row {
    int64_t seq; /* the commit's microsecond, or one more than the last: orders pages */
    int64_t tenant;
    struct id id, alert_id; /* alert: the one that stands for it now */
    struct str source;
    struct instant received;
    enum intake_fate fate;
    unsigned flags;
    uint32_t run_count;
    struct str runs; /* their ids, 16 bytes each */
    struct str content_type, detail; /* may be empty; detail says more about the fate */
};

/* Gives the row its seq. `raw` is kept as received; large ones go to the blob store. */
/* The number of the last event to go when `limit` of those before `before` may; 0: none. `*ret_is_full`:
 * there may be more. */
FALLIBLE event_rows_oldest(struct store_conn *conn, struct instant before, uint32_t limit, int64_t *ret_last,
    bool *ret_is_full, struct err_info *why);
FALLIBLE event_rows_delete(struct store_conn *conn, int64_t last, struct err_info *why);
FALLIBLE event_row_insert(struct store_conn *conn, struct event_row *row, struct str raw, struct arena *arena,
    struct err_info *why);
/* ERR_NOT_FOUND, name "event". Texts are copied into `arena`. */
FALLIBLE event_row_get(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct event_row *ret, struct err_info *why);
FALLIBLE event_row_get_seq(
    struct store_conn *conn, int64_t seq, struct arena *arena, struct event_row *ret, struct err_info *why);
FALLIBLE event_row_raw(struct store_conn *conn, const struct event_row *row, struct arena *arena,
    struct str *ret, struct err_info *why);
/* The event that the raw bytes are. */
FALLIBLE event_row_parse(const struct event_row *row, struct str raw, struct arena *arena, struct value *ret,
    struct err_info *why);
/* As the API writes times. */
FALLIBLE event_set_instant(
    struct value_map_builder *into, const char *name, struct instant at, struct err_info *why);
/* Everything but raw, event and alert. */
FALLIBLE event_row_describe(
    const struct event_row *row, struct value_map_builder *into, struct err_info *why);

#endif
