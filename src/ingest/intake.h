/* What ingest needs of what runs playbooks; main fills it from the engine (ingest may not include engine/).
 * The shapes mirror struct engine_offer, so that main only hands them over. */
#ifndef TOCSIN_INGEST_INTAKE_H
#define TOCSIN_INGEST_INTAKE_H

#include "base/id.h"
#include "base/value.h"
#include "io/loop.h"
#include "store/store.h"

/* Where an accepted event ends (docs/reliability.md). Stored as numbers: never renumber. */
enum intake_fate {
    INTAKE_RUN,
    INTAKE_NO_TRIGGER,
    INTAKE_MERGED,
    INTAKE_SUPPRESSED,
    INTAKE_DEAD_LETTER,
    INTAKE_FATE_COUNT
};
const char *intake_fate_name(enum intake_fate fate); /* "run", "no_trigger", "merged", … */

#define INTAKE_RUNS_MAX 32
struct intake_event {
    struct id event_id, alert_id;
    struct value event, alert;
    /* Filled by the intake before `settle` and `accepted`. */
    enum intake_fate fate;
    struct id runs[INTAKE_RUNS_MAX];
    uint32_t run_count;
};

/* Events that become durable together with the runs that they start: one commit, all or nothing. Owned by
 * the sender until `accepted`. */
struct intake_batch {
    int64_t tenant;
    struct str source;
    struct intake_event *events;
    uint32_t event_count;
    struct str hook; /* the path of the webhook that brought them; empty: a source did */
    struct arena *arena; /* holds the values; nobody else touches it until `accepted` */
    /* For each event in order, inside the commit, on the store's writer. `record` writes the alert and says
     * what it is: INTAKE_RUN (new: triggers apply), INTAKE_MERGED (only triggers with `repeats: true`), or
     * INTAKE_SUPPRESSED (none); it may change event->alert and event->alert_id to what it was merged into. */
    enum err (*record)(struct intake_batch *batch, uint32_t index, struct store_conn *conn,
        enum intake_fate *ret_fate, struct err_info *why);
    /* Inside the same commit, after the event's runs were written and its fate and runs filled in. */
    enum err (*settle)(
        struct intake_batch *batch, uint32_t index, struct store_conn *conn, struct err_info *why);
    /* After the commit (ERR_OK), or when nothing of it was stored. On `reply_to`; at once or later. */
    void (*accepted)(struct intake_batch *batch, enum err result, const struct err_info *why);
    struct loop *reply_to;
    void *intake_state; /* the intake's own */
};

struct intake {
    /* Any thread. Errors come through `accepted`: ERR_UNAVAILABLE when it is full. */
    void (*offer)(struct intake *intake, struct intake_batch *batch);
};

#endif
