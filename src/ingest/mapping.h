/* From an event's value to an alert: the source's expressions, then what can be found in any shape (title,
 * severity, time, addresses, names), then observables. An unknown shape still makes an alert: an expression
 * that fails leaves its field out; only memory can make it fail.
 *
 * Pure: what it gives depends on the source, the event and `received` alone. */
#ifndef TOCSIN_INGEST_MAPPING_H
#define TOCSIN_INGEST_MAPPING_H

#include "cases/alert.h"
#include "ingest/source.h"

struct mapped {
    struct value body; /* OCSF Detection Finding; see alert_new.body */
    struct value tags;
    enum severity severity;
    struct fingerprint fingerprint;
    int64_t window_us; /* 0: never merged */
    bool has_duplicate_keys; /* an object of the event had a key twice */
};

/* `name` is the source's name as the sender gave it (it may be mapped by `generic`). The result lives in
 * `arena` and shares memory with `event`. Errors: ERR_MEMORY. */
FALLIBLE mapping_apply(const struct source *source, struct str name, struct value event,
    struct instant received, struct arena *arena, struct mapped *ret, struct err_info *why);

#endif
