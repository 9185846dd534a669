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

struct scenario_file {
    struct scenario *scenarios;
    uint32_t count;
};
/* All in `arena`. ERR_INVALID with what is wrong with the file. */
FALLIBLE scenario_file_read(
    const char *path, struct arena *arena, struct scenario_file *ret, struct err_info *why);

/* What one running of a scenario has come to. */
struct played {
    const struct scenario *scenario;
    struct arena *arena;
    struct mocks *mocks;
    struct rehearsal *rehearsal;
    struct id run; /* the one that `expect` is about */
    struct instant started;
    uint64_t crash_at; /* 0: none */
    uint64_t crash_again; /* steps after the first crash; 0: never */
    unsigned crashes;
    uint64_t cancel_at; /* the run is cancelled before this step of the loop; 0: never */
    int64_t patience_us; /* how long a run may take; 0: as long as it likes */
    bool was_settled_by_person; /* an uncertain call was said to be done: its output is not known */
    bool had_no_mock; /* a call to a mock failed for want of memory: what comes of that is not told */
    uint32_t calls; /* that went out to mocks */
    uint64_t steps; /* of the loop */
    /* Called before what came of it is looked at; NULL: nobody asks. */
    void (*looks)(struct played *played);
    struct buf *faults; /* empty: all is as expected */
};

/* Plays it. ERR_… when it could not be played at all: then `why` says what is wrong with the scenario. */
FALLIBLE scenario_play(struct played *played, struct err_info *why);
/* Compares with `expect`. In `faults`: what differs. */
FALLIBLE scenario_check(struct played *played, struct value expect, struct err_info *why);

/* What is around the engine: a guardrail that the scenario describes (`guardrail: {action: ask or refuse}`),
 * and alerts that change (`subjects: true`: an alert is {calls: how many calls have gone out}). NULL when it
 * says nothing. Live as long as `played`. */
struct guardrail *scenario_guardrail(struct played *played);
struct engine_subjects *scenario_subjects(struct played *played);
/* The mocks' actions. Those that the scenario lists (`vanishes`) are gone once a probe of them has gone out.
 */
struct catalogue_source *scenario_catalogues(struct played *played);

/* What holds after every scenario: nothing is left of runs that have ended, nothing took effect twice. */
FALLIBLE scenario_check_left(struct played *played, struct err_info *why);
/* And of a run that was cancelled: it has ended. */
FALLIBLE scenario_check_cancelled(struct played *played, struct err_info *why);

/* Appends a line to the faults. */
void scenario_fault(struct played *played, const char *format, ...) PRINTF_LIKE(2, 3);

/* The task's or run's id under `name` in a shown value. */
struct id scenario_id(struct value shown, const char *name);

#endif
