/* A world to run playbooks in: a rehearsal (an engine in this process) with mocks in front of the library's
 * connectors, cases and alerts in its store, and events that go through their source's mapping. */
#ifndef TOCSIN_WORLD_H
#define TOCSIN_WORLD_H

#include "library.h"
#include "mocks.h"
#include "rehearsal.h"

struct world;

struct world_options {
    struct library *library; /* outlives the world */
    bool is_real; /* the system's clock; else time is virtual and starts at `start` */
    struct instant start; /* us 0: the rehearsal's default */
    bool is_dry; /* notify … remediate are recorded, not done */
    enum mocks_unlisted unlisted; /* MOCKS_REFUSE: log.write and transform.jq are real all the same */
    struct value mocks; /* map or null */
    void (*observe)(void *context, const struct engine_observation *observation);
    void *observe_context;
    bool observe_details;
};

/* ERR_INVALID, ERR_NOT_FOUND when the mocks are wrong. */
FALLIBLE world_new(const struct world_options *options, struct world **ret, struct err_info *why);
void world_free(struct world *world); /* NULL is fine */

struct rehearsal *world_rehearsal(struct world *world);
struct mocks *world_mocks(struct world *world);

/* Publishes a playbook, and before it those that it calls: from `folder` (NULL: none), as NAME.yaml, else
 * from the library; they do not start by themselves. `found->file` changes with the file. ERR_INVALID with
 * faults in `found`. */
FALLIBLE world_publish(struct world *world, const char *folder, struct str file, struct str text,
    bool is_enabled, struct diagnostics *found, struct err_info *why);

struct world_event {
    struct str source; /* empty: "generic" */
    struct value event;
    bool is_distinct; /* never merged into an alert that stands */
    /* Filled in. */
    struct id event_id, alert_id;
    struct value alert; /* as the mapping made it */
    enum event_fate fate;
    struct id runs[EVENT_RUNS_MAX];
    uint32_t run_count;
};
/* Maps the event, stores its alert, starts the enabled playbooks whose triggers want it. Values in `arena`.
 */
FALLIBLE world_offer(
    struct world *world, struct world_event *event, struct arena *arena, struct err_info *why);
/* Starts a playbook by hand over an event that was offered (NULL: none). */
FALLIBLE world_start(struct world *world, struct str playbook, struct value inputs,
    const struct world_event *event, struct id *ret_run, struct err_info *why);

/* ---- people ---- */

/* A task as task_show gives it, in `arena`. */
FALLIBLE world_task(
    struct world *world, struct id task, struct arena *arena, struct value *ret, struct err_info *why);

#define ANSWERED_STEPS_MAX 64 /* beyond it the first answer of a step is given again and again */
struct world_answers {
    struct value given; /* step → an answer, or a list of them, one after another, the last again and again */
    uint32_t used[ANSWERED_STEPS_MAX]; /* by the place in `given` */
};
/* Answers a task with what is given for its step; `*ret_answered` false: nothing is. Errors of
 * rehearsal_answer. */
FALLIBLE world_answer(struct world *world, struct id task, struct world_answers *answers, struct arena *arena,
    bool *ret_answered, struct err_info *why);

#endif
