/* Observables in an event: those that its source names, and those that stand in its texts (found by
 * expr/ioc.h). Each once; their number and the bytes that are searched are bounded. */
#ifndef TOCSIN_INGEST_OBSERVE_H
#define TOCSIN_INGEST_OBSERVE_H

#include "base/limits.h"
#include "base/value.h"
#include "cases/observable.h"

struct observations {
    struct arena *arena;
    struct arena *scratch; /* reset after each text */
    struct value_list_builder items; /* OCSF's observables */
    uint64_t hashes[ALERT_OBSERVABLES_MAX];
    size_t scanned_bytes;
    bool is_cut; /* there was more than the limits let in */
};

/* Where a text stands; printed only when something is found in it. */
struct place {
    const struct place *parent;
    struct str name; /* a key; empty for an item of a list */
    uint32_t index;
    bool is_index;
};

/* What is found goes to `arena`; `scratch` is another one. */
void observations_begin(struct observations *observations, struct arena *arena, struct arena *scratch);
/* Adds one, unless its type and value are there already. A value that is empty or above
 * OBSERVABLE_VALUE_BYTES_MAX is left out. `name` is borrowed. */
FALLIBLE observations_add(struct observations *observations, enum observable_type type, struct str value,
    struct str name, struct err_info *why);
/* As above, named by the place: "event.data.srcip". */
FALLIBLE observations_add_at(struct observations *observations, enum observable_type type, struct str value,
    const struct place *place, struct err_info *why);
/* Searches a text. */
FALLIBLE observations_scan(
    struct observations *observations, struct str text, const struct place *place, struct err_info *why);

/* Readers of whole texts, for checks. */
bool text_is_ip(struct str text);
bool text_is_email(struct str text);
bool text_is_mac(struct str text);

#endif
