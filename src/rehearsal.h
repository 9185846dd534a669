/* An engine in this process, for one caller on one thread: what `tocsin run`, `tocsin test` and the scenario
 * tests run playbooks in. A store in memory, a loop, an engine whose one shard lives on that loop.
 *
 * With a virtual clock nothing waits: time jumps to what is due next. With the system's clock (`tocsin run`)
 * it waits really. All functions here block until what they ask for is durable. The tenant is
 * TENANT_DEFAULT. */
#ifndef TOCSIN_REHEARSAL_H
#define TOCSIN_REHEARSAL_H

#include "engine/engine.h"
#include "playbook/diagnostic.h"

struct rehearsal;

struct rehearsal_options {
    struct catalogue_source *catalogues; /* mocks_catalogues(…) or connect's */
    /* Virtual: where the clock starts, and what all chance comes from. Real: `is_real`. */
    bool is_real;
    struct instant start; /* us 0: 2026-01-01T00:00:00Z */
    uint64_t seed;
    struct log *log; /* NULL: nothing is logged */
    struct engine_subjects *subjects; /* NULL: no alerts and cases in the store */
    struct guardrail *guardrail; /* NULL: allow */
    engine_seal *seal; /* NULL: what an action declares secret is not kept */
    void *seal_context;
    const struct type *alert_type, *case_type; /* what playbooks are checked against; NULL: not */
    /* Of the store, besides its own, the engine's: a list of lists ended by NULL; NULL: none. */
    const struct store_migration *const *migrations;
    bool is_dry;
    enum err (*make_host)(
        void *context, struct loop *loop, unsigned shard, void **ret_host, struct err_info *why);
    void (*free_host)(void *context, void *host);
    void *host_context;
    void (*observe)(void *context, const struct engine_observation *observation);
    void *observe_context;
    bool observe_details;
};

FALLIBLE rehearsal_new(const struct rehearsal_options *options, struct rehearsal **ret, struct err_info *why);
void rehearsal_free(struct rehearsal *rehearsal); /* NULL is fine */

/* Borrowed; they change with rehearsal_crash, but for the store. */
struct engine *rehearsal_engine(struct rehearsal *rehearsal);
struct store *rehearsal_store(struct rehearsal *rehearsal);
struct instant rehearsal_now(struct rehearsal *rehearsal);
struct id rehearsal_new_id(struct rehearsal *rehearsal); /* by its clock and its chance */

/* engine_publish, enabled, for the default tenant. */
FALLIBLE rehearsal_publish(
    struct rehearsal *rehearsal, struct str text, struct diagnostics *found, struct err_info *why);

/* Starts a run of `request->playbook` (its tenant is filled in). `*ret_run` when it is durable. */
FALLIBLE rehearsal_start(struct rehearsal *rehearsal, const struct engine_start_request *request,
    struct id *ret_run, struct err_info *why);
/* Offers one event; `event` gets ids if it has none, its fate and its runs. `merged` true: as if dedup had
 * folded the alert into one that stands. */
FALLIBLE rehearsal_offer(struct rehearsal *rehearsal, struct str source, struct engine_event *event,
    bool is_merged, struct err_info *why);
/* With what stores it in the commit of its runs, as ingest does on a server; it may change the event. `arena`
 * is the offer's, and outlives what is read of the event. */
typedef enum err rehearsal_record(void *context, struct engine_event *event, struct store_conn *conn,
    struct arena *arena, enum event_fate *ret_fate, struct err_info *why);
FALLIBLE rehearsal_offer_recorded(struct rehearsal *rehearsal, struct str source, struct engine_event *event,
    rehearsal_record *record, void *context, struct arena *arena, struct err_info *why);

/* Goes on until the run has ended, or a task stands open that no call before has given: then `*ret_task` is
 * that, else ID_NONE. Answer it, or go on: its time passes then as any other. ERR_TIMEOUT past `until`
 * (INSTANT_NEVER: no end; a run has a timeout of its own); ERR_CANCELLED when rehearsal_crash_at struck. */
FALLIBLE rehearsal_go_on(struct rehearsal *rehearsal, struct id run, struct instant until,
    enum run_status *ret_status, struct id *ret_task, struct err_info *why);
/* Lets time pass up to `at`, and does what is due. Virtual only. */
void rehearsal_wait_until(struct rehearsal *rehearsal, struct instant at);

FALLIBLE rehearsal_answer(
    struct rehearsal *rehearsal, struct id task, struct str actor, struct value answer, struct err_info *why);
FALLIBLE rehearsal_cancel(
    struct rehearsal *rehearsal, struct id run, struct str reason, struct err_info *why);
FALLIBLE rehearsal_retry(struct rehearsal *rehearsal, struct id run, struct err_info *why);
FALLIBLE rehearsal_undo(struct rehearsal *rehearsal, struct id containment, struct err_info *why);

/* run_show, task_list, …: what a store read gives. Values in `arena`. */
FALLIBLE rehearsal_show(
    struct rehearsal *rehearsal, struct id run, struct arena *arena, struct value *ret, struct err_info *why);
typedef enum err rehearsal_list_read(struct store_conn *conn, const struct list_query *query,
    struct arena *arena, struct value *ret_page, struct err_info *why);
FALLIBLE rehearsal_list(struct rehearsal *rehearsal, rehearsal_list_read *read,
    const struct list_query *query, struct arena *arena, struct value *ret_page, struct err_info *why);
/* Which steps with an id of their own ran, in the order in which they began: docs/playbooks.md, "Tests",
 * `path`. Those of an iteration come once an iteration; skipped ones are left out. */
FALLIBLE rehearsal_path(
    struct rehearsal *rehearsal, struct id run, struct arena *arena, struct value *ret, struct err_info *why);
/* The run's journal, one operation a line. */
FALLIBLE rehearsal_journal(
    struct rehearsal *rehearsal, struct id run, struct buf *text, struct err_info *why);

/* As if the process died here and was started again: engine and loop are thrown away, with all calls that are
 * out; the store stays. `drop_calls(context)` is told before, to forget the calls too (mocks_drop_calls).
 * Virtual only. */
FALLIBLE rehearsal_crash(
    struct rehearsal *rehearsal, void (*drop_calls)(void *context), void *context, struct err_info *why);
/* The same with `span_us` between the end and the start. */
FALLIBLE rehearsal_sleep(struct rehearsal *rehearsal, int64_t span_us, void (*drop_calls)(void *context),
    void *context, struct err_info *why);
/* Crashes before the loop's step numbered `step` (rehearsal_steps counts them), once. Whatever was asked for
 * then ends with ERR_CANCELLED: it may or may not have become durable. The new engine runs already. Tests. */
void rehearsal_crash_at(
    struct rehearsal *rehearsal, uint64_t step, void (*drop_calls)(void *context), void *context);
/* The next rehearsal_go_on ends with ERR_CANCELLED before the step numbered `step`, once; nothing is lost.
 * Tests. */
void rehearsal_pause_at(struct rehearsal *rehearsal, uint64_t step);
uint64_t rehearsal_steps(const struct rehearsal *rehearsal);

#endif
