/* Runs a playbook over recorded events with recorded answers; nothing is called, time is virtual. What it
 * decides is compared with what was decided then, or with what another version of it decides. */
#ifndef TOCSIN_BACKTEST_H
#define TOCSIN_BACKTEST_H

#include "decisions.h"
#include "library.h"
#include "recording.h"

struct backtest_side {
    const char *folder; /* where playbooks that it calls stand; NULL: none */
    struct str file, text; /* text empty: no such side */
};

struct backtest_change {
    const struct recording *recording;
    struct decision decision;
    bool is_new; /* false: it is not taken any more */
    struct backtest_change *next;
};
/* How often a decision was taken. */
struct backtest_total {
    enum outcome outcome;
    struct str name;
    uint64_t before, now, added, removed;
    struct backtest_total *next;
};

struct backtest {
    struct library *library;
    struct backtest_side now, before; /* `before` empty: what was recorded */
    struct value mocks; /* for what has no recorded answers; map or null */
    const struct recordings *recordings;
    unsigned thread_count; /* 0: 1 */
    void (*tell)(void *context, uint64_t done); /* from any thread, now and then; may be NULL */
    void *context;

    /* Filled in; lives in `arena`. */
    struct arena *arena;
    struct backtest_change *changes; /* in the order of the recordings */
    struct backtest_total *totals; /* sorted by outcome and name */
    uint64_t runs, no_runs, changed, unsure, missing; /* unsure: runs with missing answers */
    uint64_t compared; /* recordings with a "before" */
};
/* ERR_INVALID with faults in `found` when a playbook is not good. */
FALLIBLE backtest_run(struct backtest *backtest, struct diagnostics *found, struct err_info *why);

#endif
