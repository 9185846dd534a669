/* The engine: durable runs of playbooks.
 *
 * A run is a journal. It proceeds in turns; one record a turn, committed before any call of that turn goes
 * out, holds all that later turns need, so that replay never evaluates an expression again (DESIGN, "Life of
 * an event", 5). Runs are spread over shards; a run lives on one shard (one thread, one loop), so run state
 * has no locks. Parked runs are a row.
 *
 * Everything is asynchronous: what is asked for here is answered by a callback on `reply_to`. */
#ifndef TOCSIN_ENGINE_ENGINE_H
#define TOCSIN_ENGINE_ENGINE_H

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/rand.h"
#include "io/loop.h"
#include "playbook/playbook.h"
#include "store/store.h"

struct engine;

enum run_status {
    RUN_QUEUED,
    RUN_RUNNING,
    RUN_WAITING,
    RUN_SUCCEEDED,
    RUN_FAILED,
    RUN_CANCELLED,
    RUN_UNCERTAIN,
    RUN_STATUS_COUNT,
};
const char *run_status_name(enum run_status status);

enum step_status {
    STEP_PENDING,
    STEP_RUNNING,
    STEP_WAITING,
    STEP_SUCCEEDED,
    STEP_FAILED,
    STEP_SKIPPED,
    STEP_CANCELLED,
    STEP_UNCERTAIN,
    STEP_STATUS_COUNT,
};
const char *step_status_name(enum step_status status);

/* What the floors beside the engine provide; main fills it. `alert` and `case` are read when a run is loaded,
 * and in the commit of its local actions: never on a shard's thread. */
struct engine_subjects {
    /* Inside a commit or read: the current alert or case as a value, null when there is none. */
    enum err (*load_alert)(struct engine_subjects *subjects, struct store_conn *conn, int64_t tenant,
        struct id id, struct arena *arena, struct value *ret, struct err_info *why);
    enum err (*load_case)(struct engine_subjects *subjects, struct store_conn *conn, int64_t tenant,
        struct id id, struct arena *arena, struct value *ret, struct err_info *why);
    /* The case that the alert is in; ID_NONE when there is none. NULL: runs see only cases that they were
     * given. */
    enum err (*find_case)(struct engine_subjects *subjects, struct store_conn *conn, int64_t tenant,
        struct id alert, struct id *ret_case, struct err_info *why);
    /* Appends the audit row of a decision in the caller's commit. */
    enum err (*audit)(struct engine_subjects *subjects, struct store_conn *conn, int64_t tenant,
        struct str actor, struct str operation, struct str object_kind, struct id object, struct value detail,
        struct err_info *why);
};

/* A guardrail's word on an action about to be called. Policies come later; the gate is here from the start.
 */
enum guardrail_verdict { GUARDRAIL_ALLOW, GUARDRAIL_ASK, GUARDRAIL_REFUSE };
struct guardrail {
    enum guardrail_verdict (*judge)(struct guardrail *guardrail, const struct action *action,
        struct value with, const struct playbook *playbook, struct arena *arena, struct str *ret_reason);
};

struct engine_observation {
    enum { OBSERVE_RUN_STARTED, OBSERVE_STEP_ENDED, OBSERVE_RUN_ENDED, OBSERVE_TASK_OPENED } what;
    int64_t tenant;
    struct id run_id, task_id;
    const struct playbook *playbook;
    const struct step *step;
    struct str path; /* step ids and iterations: "each[3]/lookup" */
    enum step_status step_status;
    enum run_status run_status;
    int64_t elapsed_us;
    struct value detail; /* output or error; borrowed for the call */
};

/* Seals a value that an action declared secret: `*ret` becomes a VALUE_SECRET in `arena`. On a shard's thread
 * or the writer's. */
typedef enum err engine_seal(void *context, int64_t tenant, struct value plain, struct arena *arena,
    struct value *ret, struct err_info *why);

/* What a step's action has answered so far; see engine_options. */
typedef const struct type *engine_learned(void *context, int64_t tenant, const struct action *action,
    struct str playbook, struct str step, struct arena *arena);

struct engine_options {
    struct clock *clock;
    struct rand *rand;
    struct log *log;
    struct store *store;
    struct catalogue_source *catalogues;
    const struct type *alert_type, *case_type; /* what playbooks are checked against; NULL: not */
    /* What a step's action has answered so far, for the check of playbooks; NULL: nobody knows. Any thread;
     * NULL when nothing is known, else a type in `arena`. */
    engine_learned *learned_output;
    void *learned_context;
    struct engine_subjects *subjects;
    struct guardrail *guardrail; /* NULL: allow */
    engine_seal *seal; /* NULL: what an action declares secret is not kept at all */
    void *seal_context;
    unsigned shard_count; /* 0: 1 */
    /* Per shard: its loop (production: the engine makes a thread that runs it; NULL make_loop: loop_new) and
     * what connect/ hands to actions as `call->host`. */
    enum err (*make_host)(
        void *context, struct loop *loop, unsigned shard, void **ret_host, struct err_info *why);
    void (*free_host)(void *context, void *host);
    void *host_context;
    /* Tests, `tocsin run`, simulator: one shard on this loop, no threads; then the store is inline too. */
    struct loop *inline_loop;
    bool is_dry; /* `tocsin run` without --live: notify … remediate are recorded, not done */
    /* Something observable happened (metrics, `tocsin run`'s progress lines); on the shard's thread; may be
     * NULL. */
    void (*observe)(void *context, const struct engine_observation *observation);
    void *observe_context;
    bool observe_details; /* whether `detail` is wanted: it costs a copy of every output */
};

FALLIBLE engine_new(const struct engine_options *options, struct engine **ret, struct err_info *why);
/* Loads published playbooks and unfinished runs, replays them, starts the shards. */
FALLIBLE engine_start(struct engine *engine, struct err_info *why);
/* Finishes the turns under way, commits, stops the shards; what is asked for from here on is answered with
 * ERR_UNAVAILABLE. Calls in flight are abandoned: they are intents in the journal and are handled at the next
 * start. Jobs that wait on an inline loop are run. */
void engine_stop(struct engine *engine);
/* Loops that replies and watches were to come on are drained afterwards, or run on. */
void engine_free(struct engine *engine);

/* ---- playbooks ---- */
/* As publishing would check it, against today's catalogue and playbooks; the caller releases `*ret`. */
FALLIBLE engine_check(struct engine *engine, int64_t tenant, struct str text, struct diagnostics *found,
    struct playbook **ret, struct err_info *why);
/* Checks, stores a new version (none when the text is the same) and makes it live; runs under way keep
 * theirs. Blocking: boot, commands, executor. `is_enabled` false: known, but its triggers don't fire. `actor`
 * is for the audit row of the same commit. */
FALLIBLE engine_publish(struct engine *engine, int64_t tenant, struct str actor, struct str text,
    bool is_enabled, struct diagnostics *found, uint32_t *ret_version, struct err_info *why);
FALLIBLE engine_set_enabled(struct engine *engine, int64_t tenant, struct str actor, struct str name,
    bool is_enabled, struct err_info *why);
/* The live version; the caller releases it. NULL when unknown. `ret_version` and `ret_is_enabled` may be
 * NULL. Any thread. */
struct playbook *engine_find_playbook(
    struct engine *engine, int64_t tenant, struct str name, uint32_t *ret_version, bool *ret_is_enabled);

/* Where live playbooks read a field ("hosts[].name") of an action's output: [{"playbook","step","line"}]. Any
 * thread. */
FALLIBLE engine_readers(struct engine *engine, int64_t tenant, struct str action, struct str field,
    struct arena *arena, struct value *ret, struct err_info *why);
/* Whether an enabled playbook has a `webhook:` trigger of this path. `*ret_secret`: the name of the secret
 * that its senders prove to know, the first one's if several playbooks share the path; empty when they come
 * with a token. In `arena`. Any thread. */
bool engine_find_hook(
    struct engine *engine, int64_t tenant, struct str path, struct arena *arena, struct str *ret_secret);

/* ---- events ---- */
enum event_fate { FATE_RUN, FATE_NO_TRIGGER, FATE_MERGED, FATE_SUPPRESSED, FATE_DEAD_LETTER };
const char *event_fate_name(enum event_fate fate);

#define EVENT_RUNS_MAX 32
struct engine_event {
    struct id event_id, alert_id;
    struct value event, alert; /* alert null: no alert, only webhook-like triggers */
    /* Filled by the engine before `accepted`. */
    enum event_fate fate;
    struct id runs[EVENT_RUNS_MAX];
    uint32_t run_count;
};

/* Events that become durable together with the runs that they start: one commit, all or nothing. Owned by
 * the sender until `accepted` (or, with want_results, until `finished`). */
struct engine_offer {
    int64_t tenant;
    struct str source;
    struct engine_event *events;
    uint32_t event_count;
    struct arena *arena; /* holds the values; nobody else touches it until the callback */
    /* Writes event and alert rows inside the commit; tells whether the alert is new, merged or suppressed.
     * The runs of a merged one are started only for triggers with `repeats: true`; `alert` may be replaced by
     * what it was merged into. Runs on the store's writer. */
    enum err (*record)(struct engine_offer *offer, uint32_t index, struct store_conn *conn,
        enum event_fate *ret_fate, struct err_info *why);
    /* Inside the same commit, after the runs were written: where the event ended. */
    enum err (*settle)(
        struct engine_offer *offer, uint32_t index, struct store_conn *conn, struct err_info *why);
    /* After the commit (ERR_OK) or when nothing of it was stored. On `reply_to`. */
    void (*accepted)(struct engine_offer *offer, enum err result, const struct err_info *why);
    struct loop *reply_to;
    /* How the events came, for triggers: TRIGGER_ALERT (the zero) for sources; TRIGGER_WEBHOOK, _EMAIL,
     * _SYSLOG with the path, the mailbox connection, or nothing in `via_name`. */
    enum trigger_kind via;
    struct str via_name;
    /* From here the engine's. */
    struct loop_job job;
    enum err result;
    struct err_info *why;
};
/* Any thread. ERR_UNAVAILABLE through `accepted` when the engine is full. */
void engine_offer(struct engine *engine, struct engine_offer *offer);

/* Matches `wait: {event:}` steps; called by engine_offer itself for its own events. */

/* ---- runs ---- */
struct engine_reply {
    void (*done)(struct engine_reply *reply, enum err result, const struct err_info *why);
    struct loop *reply_to;
    struct id run_id; /* of a started or retried run */
    struct loop_job job; /* the engine's */
    enum err result;
    struct err_info *why;
};
struct engine_start_request {
    int64_t tenant;
    struct str playbook;
    struct value inputs; /* map or null */
    struct value event, alert, case_value;
    struct id event_id, alert_id, case_id;
    struct str actor; /* who started it, for the audit */
};
/* What the request points to is copied before it returns. */
void engine_start_run(
    struct engine *engine, const struct engine_start_request *request, struct engine_reply *reply);
void engine_cancel_run(struct engine *engine, int64_t tenant, struct id run, struct str actor,
    struct str reason, struct engine_reply *reply);
/* Starts a failed, cancelled or uncertain run again from its failed step, results before it reused. */
void engine_retry_run(
    struct engine *engine, int64_t tenant, struct id run, struct str actor, struct engine_reply *reply);
/* Answers a task: `answer` has "choice" or "form" (and optional "comment"). ERR_CONFLICT when it was answered
 * or has expired; ERR_INVALID with place when the form does not fit. The first answer counts. */
void engine_answer_task(struct engine *engine, int64_t tenant, struct id task, struct str actor,
    struct value answer, struct engine_reply *reply);
/* Ends a containment before its time: runs its undo. */
void engine_undo_containment(struct engine *engine, int64_t tenant, struct id containment, struct str actor,
    struct engine_reply *reply);

/* Called once when the run has ended (or at once if it has), or waits for a person when `or_waiting`. */
struct engine_watch {
    void (*ended)(struct engine_watch *watch, enum run_status status);
    struct loop *reply_to;
    struct id run_id;
    int64_t tenant;
    bool or_waiting;
    bool is_young; /* the run has begun just now: see engine_watch_ask */
    struct watch_entry *entry; /* from here the engine's */
};
void engine_watch(struct engine *engine, struct engine_watch *watch);
/* That a young run has ended before its watch was there is nearly always known without the store, so that is
 * not asked about each: whoever watches one does this once, soon. On reply_to's thread; for a watch that has
 * been called, nothing. */
void engine_watch_ask(struct engine *engine, struct engine_watch *watch);
void engine_unwatch(struct engine *engine, struct engine_watch *watch); /* on reply_to's thread */

#define ENGINE_LATENCY_BUCKETS 24
struct engine_metrics {
    uint64_t runs_by_status[RUN_STATUS_COUNT]; /* ended ones count up; queued, running, waiting are gauges */
    uint64_t runs_active, runs_parked;
    uint64_t run_us_sum;
    uint64_t run_us_buckets[ENGINE_LATENCY_BUCKETS]; /* base/latency.h */
    uint64_t turns;
};
void engine_metrics(struct engine *engine, struct engine_metrics *ret);

/* ---- reading, inside a store read: values as the API shows them ---- */
struct list_query {
    int64_t tenant;
    uint32_t limit;
    struct id after; /* ID_NONE: from the newest */
    struct str status; /* empty: all; comma separated */
    struct str playbook; /* runs */
    struct id alert_id, case_id, parent_id, run_id;
    struct instant since, until; /* 0: open */
};
FALLIBLE run_show(struct store_conn *conn, int64_t tenant, struct id run, struct arena *arena,
    struct value *ret, struct err_info *why);
/* The run as run_list's items show it, without its steps. ERR_NOT_FOUND. */
FALLIBLE run_brief(struct store_conn *conn, int64_t tenant, struct id run, struct arena *arena,
    struct value *ret, struct err_info *why);
FALLIBLE run_list(struct store_conn *conn, const struct list_query *query, struct arena *arena,
    struct value *ret_page, struct err_info *why); /* {"items":[…],"next":id or null} */
FALLIBLE task_show(struct store_conn *conn, int64_t tenant, struct id task, struct arena *arena,
    struct value *ret, struct err_info *why);
FALLIBLE task_list(struct store_conn *conn, const struct list_query *query, struct arena *arena,
    struct value *ret_page, struct err_info *why);
FALLIBLE containment_list(struct store_conn *conn, const struct list_query *query, struct arena *arena,
    struct value *ret_page, struct err_info *why);
FALLIBLE playbook_list(struct store_conn *conn, const struct list_query *query, struct arena *arena,
    struct value *ret_page, struct err_info *why);

extern const struct store_migration engine_migrations[];

#endif
