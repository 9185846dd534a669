/* What the files of the running engine share: engine.c, shard.c, commit.c, call.c, load.c,
 * subjects.c, offer.c, request.c, wake.c. The interpreter (turn.h) knows nothing of it.
 *
 * A shard is one thread with one loop and the runs that live on it; what belongs to a shard is touched by its
 * thread alone. Threads meet in jobs posted to loops, in the store's writer, and in the few structs that say
 * that they are thread-safe (registry, subscriptions, watches, counters).
 *
 * One turn of a run is out at a time: from the moment its operation goes to the store until `done`, the run
 * does not change, so the writer may read it. */
#ifndef TOCSIN_ENGINE_ENGINE_IMPL_H
#define TOCSIN_ENGINE_ENGINE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/engine.h"
#include "engine/registry.h"
#include "engine/run_rows.h"
#include "engine/slot_rows.h"
#include "engine/start.h"
#include "engine/turn.h"
#include "engine/wake.h"

struct follow;
struct schedules;
struct subscriptions;
struct watches;

struct counters {
    _Atomic uint64_t by_status[RUN_STATUS_COUNT];
    _Atomic uint64_t active, turns;
    _Atomic uint64_t run_us_sum;
    _Atomic uint64_t run_us_buckets[ENGINE_LATENCY_BUCKETS];
};

struct engine {
    struct engine_options options;
    struct registry *registry;
    struct subscriptions *subscriptions;
    struct watches *watches;
    struct schedules *schedules; /* these two are the first shard's */
    struct follow *follow;
    struct shard *shards;
    unsigned shard_count;
    atomic_uint next_shard;
    struct counters counters;
    _Atomic int64_t window_end; /* of wakes: what is due later is in the store only */
    atomic_bool is_started;
    atomic_bool has_lost; /* a poke, for want of memory: a poll of the store looks for its run soon */
    struct loop_job lost_job;
    atomic_bool wants_refresh; /* of schedules and the like: its job is posted */
    struct loop_job refresh_job;
};

/* Something that happened, until a turn has taken it. */
struct pending {
    struct happening happening;
    struct arena arena; /* holds what the happening points to */
    struct call *call; /* of a result: this is part of it */
    struct engine_reply *reply; /* told when the turn is durable; NULL: nobody asks */
    const char *operation; /* for the audit; NULL: none */
    struct pending *next;
};

/* One call in flight. */
struct call {
    struct action_call base;
    struct shard *shard;
    struct active *active; /* NULL: given up, its result is not wanted any more */
    uint32_t frame;
    struct arena arena;
    const struct catalogue *catalogue;
    struct action_result result;
    struct instant deadline; /* then it is cancelled, later given up */
    bool is_late; /* its own time was over */
    bool is_cancelled;
    struct pending pending; /* of its result, so that it can be delivered without memory */
    struct call *next; /* of active, or of the shard's given-up ones */
};

/* A run in memory. */
struct active {
    struct shard *shard;
    struct id id;
    int64_t tenant;
    struct run *run; /* NULL until it was loaded */
    struct pending *queue, **queue_end;
    struct call *calls;
    struct loop_timer timer;
    struct turn_op *turn_op; /* out at the store */
    struct load_op *load_op;
    struct inbox_op *inbox_op;
    struct instant wake; /* as its row has it; us 0: none */
    int64_t inbox_seen; /* number of the last message taken */
    unsigned void_turns; /* thrown away in a row */
    bool wants_turn, is_runnable, checks_inbox, is_warm;
    bool rests; /* until its timer: its last turn was void */
    bool is_void; /* once the turn that is out is back */
    struct active *hash_next;
    struct active *runnable_next;
    struct active *warm_previous, *warm_next; /* the last used first */
};

struct shard {
    struct engine *engine;
    unsigned index;
    struct loop *loop;
    bool owns_loop;
    void *host;
    bool has_host;
    struct turn_world world;
    pthread_t thread;
    bool has_thread;

    struct active **table;
    uint32_t table_mask, active_count;
    struct active *runnable, **runnable_end;
    struct active *warm_first, *warm_last;
    uint32_t warm_count;
    size_t warm_bytes;
    struct call *given_up;
    unsigned depth; /* of shard_enter */
    uint32_t ops_out; /* at the store, not answered */
    struct registry_set *set; /* the triggers that it knows, of generation set_generation */
    uint64_t set_generation;
    struct wakes wakes;
    bool is_stopping, is_stopped;
};

/* An operation of a shard at the store, which answers each; a shard ends when all were answered. First member
 * of each. */
struct op_link {
    struct store_op op;
    struct shard *shard;
};
void shard_submit(struct shard *shard, struct op_link *link);
void shard_read(struct shard *shard, struct op_link *link);
/* First thing in every `done`. */
void shard_op_done(struct op_link *link);

/* ---- shard_thread.c ---- */

FALLIBLE shard_init(struct shard *shard, struct engine *engine, unsigned index, struct err_info *why);
FALLIBLE shard_start(struct shard *shard, struct err_info *why);
void shard_stop(struct shard *shard);
/* After shard_stop, and when its loop has run what was answered. */
void shard_done(struct shard *shard);

/* ---- shard.c ---- */

/* At the end of the shard: whatever it waits for. */
void active_drop(struct active *active);

/* Around whatever enters a shard from its loop: what became runnable runs when the outermost one leaves. */
void shard_enter(struct shard *shard);
void shard_leave(struct shard *shard);
struct active *shard_find(struct shard *shard, struct id id);
/* Ahead of its run's commit, so that nothing can fail after it. NULL without memory; memory_free it, or
 * active_join. */
struct active *active_new(struct shard *shard, int64_t tenant, struct id id);
void active_join(struct active *active);
/* The run's, made and joined when it is not here. NULL without memory. */
struct active *shard_find_or_add(struct shard *shard, int64_t tenant, struct id id);
void active_remove(struct active *active); /* frees it and its run */
void active_deliver(struct active *active, struct pending *pending);
void active_run(struct active *active); /* it gets a turn soon */
/* After a turn or a load: timers, leaving memory. */
void active_settle(struct active *active);
/* The run's state in memory is void: it is loaded again. */
void active_void(struct active *active, const struct err_info *why);
/* Something was lacking, memory or the disk: no turn and no load for so long, then it is tried again. */
void active_rest(struct active *active, int64_t us);
struct pending *pending_new(enum happening_kind kind);
void pending_free(struct pending *pending);
void pendings_free(struct pending **list); /* which is empty then */
struct shard *engine_shard(struct engine *engine, struct id run);
struct shard *engine_any_shard(struct engine *engine); /* by turns; for what has no run yet */
/* Something for the run stands in the store (its row is to be started, or its inbox has a message). Any
 * thread. */
void engine_poke(struct engine *engine, int64_t tenant, struct id run);
void shard_poke(struct shard *shard, int64_t tenant, struct id run);
/* Somebody could not be told for want of memory: the store is asked who. Any thread; needs no memory. */
void engine_lost(struct engine *engine);
/* Says so in the log, when there is one; not of a shard that is ending, where much can't be done any more. */
void shard_complain(struct shard *shard, const char *message, const struct err_info *why);
void shard_start_loading(struct shard *shard, struct active *active);
void shard_check_inbox(struct active *active);

/* ---- subjects.c ---- */

/* The alert and the case that a run may read. */
struct subjects_seen {
    struct value alert, case_value; /* in the reader's arena, or the run's */
    struct id case_id; /* also one that the alert came into after the run began */
    bool are_read;
};
/* On the writer's or a reader's thread. `ret`, zeroed before, stays so when the playbook reads neither. */
FALLIBLE subjects_read(struct engine *engine, struct store_conn *conn, const struct run *run,
    struct arena *arena, struct subjects_seen *ret, struct err_info *why);
/* Back on the shard, ahead of what shall see them. */
FALLIBLE subjects_deliver(struct active *active, const struct subjects_seen *seen, struct err_info *why);

/* ---- commit.c: one turn and what goes with it into the store ---- */

struct poke {
    struct id run;
    struct poke *next;
};

struct run_commit {
    struct shard *shard;
    struct run *run;
    struct active *active; /* of a new run, until it joins the shard */
    struct turn turn;
    struct arena arena; /* the turn's */
    bool is_new;
    size_t head_size; /* of the record of a new run: creation alone */
    struct str key; /* of its concurrency; empty: none */
    struct run_row row;
    bool writes_row;
    struct str ended; /* packed {status, output, error}; of a run that ended */
    struct str outbox;
    struct buf snapshot; /* a record of its own; empty: none */
    struct pending *pendings; /* whose audit rows are due; replies come after it */
    /* Filled by the writer. */
    size_t tail_at; /* of the record: what local actions gave */
    enum admission admission;
    struct poke *pokes;
    int32_t counted[RUN_STATUS_COUNT]; /* other runs that came to a status */
    struct subjects_seen subjects; /* as they are after local actions */
};
/* Zeroed before. Begins a turn at the clock's now. */
void run_commit_begin(struct run_commit *commit, struct shard *shard, struct run *run);
/* The first turn of a run that start_run made, ended and prepared. The run stays the caller's. */
FALLIBLE run_commit_new(
    struct run_commit *commit, struct shard *shard, struct run *run, struct err_info *why);
/* After the commit of a first turn: the run moves into the shard, if it has not ended. */
void run_commit_enter(struct run_commit *commit, struct err_info *why);
/* The same when only its creation was written. */
void run_commit_take_bare(struct run_commit *commit);
/* The turn was ended well: what the writer needs is made ready, so that it has little to do. */
FALLIBLE run_commit_prepare(struct run_commit *commit, struct instant old_wake, struct err_info *why);
/* On the writer. */
FALLIBLE run_commit_apply(struct run_commit *commit, struct store_conn *conn, struct err_info *why);
/* Back on the shard: what the writer found is taken into the run, counters, observers, watches, pokes. Calls
 * of the turn go out when `active` is given. */
FALLIBLE run_commit_take(struct run_commit *commit, struct active *active, struct err_info *why);
void run_commit_done(struct run_commit *commit);

/* A turn of a run that is in memory. */
void active_turn(struct active *active);
/* At the end of the shard: the turn waits for the store to have room, and does so no longer. */
void active_turn_drop(struct active *active);

/* ---- commit_rows.c: on the writer ---- */

FALLIBLE commit_effects(struct run_commit *commit, struct store_conn *conn, struct err_info *why);
/* To be poked after the commit. */
FALLIBLE poke_add(struct poke **pokes, struct arena *arena, struct id run, struct err_info *why);
FALLIBLE commit_new_run(struct store_conn *conn, struct run_commit *commit, struct run_row *row,
    const struct playbook_version *version, struct str key, struct str record, enum admission *ret,
    struct err_info *why);
FALLIBLE commit_run_ended(struct run_commit *commit, struct store_conn *conn, struct err_info *why);

/* ---- call.c ---- */

void call_start(struct active *active, uint32_t frame, enum action_purpose purpose);
void call_cancel(struct active *active, uint32_t frame);
/* Deadlines that have passed. */
void calls_check(struct active *active, struct instant now);
struct instant calls_next_deadline(const struct active *active);
void calls_give_up(struct active *active);
void call_free(struct call *call);
/* Fills what a call of `frame` is made of. */
FALLIBLE call_prepare(struct action_call *call, const struct run *run, const struct frame *frame,
    struct arena *arena, struct err_info *why);

/* ---- load.c ---- */

struct loaded {
    struct run *run; /* NULL: it has ended or does not exist */
    struct instant wake;
    struct arena arena; /* inbox and subjects */
    struct inbox_row *inbox;
    uint32_t inbox_count;
    struct subjects_seen subjects;
};
/* Reads and folds; on a reader's thread or in a commit. ERR_NOT_FOUND. A run that has ended is loaded only
 * when `even_ended`. */
FALLIBLE run_load(struct engine *engine, struct store_conn *conn, int64_t tenant, struct id id,
    bool even_ended, struct loaded *ret, struct err_info *why);
void loaded_done(struct loaded *loaded);

/* ---- replies ---- */

/* Any thread; `done` runs on reply->reply_to. */
void reply_send(struct engine_reply *reply, enum err result, const struct err_info *why);

#endif
