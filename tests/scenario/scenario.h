/* Scenario tests: playbooks with mocks and what has to come of them, as text. tests/scenario/README.md has
 * the format. */
#ifndef TOCSIN_TESTS_SCENARIO_H
#define TOCSIN_TESTS_SCENARIO_H

#include "mocks.h"
#include "rehearsal.h"

struct scenario {
    struct str file, name;
    struct value given; /* the case, with what it takes from its file */
};

/* What one running of a scenario has come to. */
struct played {
    const struct scenario *scenario;
    struct arena *arena;
    struct mocks *mocks;
    struct rehearsal *rehearsal;
    struct id run; /* the one that `expect` is about */
    struct instant started;
    uint64_t crash_at; /* 0: none */
    bool was_settled_by_person; /* an uncertain call was said to be done: its output is not known */
    uint64_t steps; /* of the loop */
    struct buf *faults; /* empty: all is as expected */
};

/* Plays it. ERR_… when it could not be played at all: then `why` says what is wrong with the scenario. */
FALLIBLE scenario_play(struct played *played, struct err_info *why);
/* Compares with `expect`. In `faults`: what differs. */
FALLIBLE scenario_check(struct played *played, struct value expect, struct err_info *why);

/* Appends a line to the faults. */
void scenario_fault(struct played *played, const char *format, ...) PRINTF_LIKE(2, 3);

/* The task's or run's id under `name` in a shown value. */
struct id scenario_id(struct value shown, const char *name);

#endif
