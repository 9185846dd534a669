/* One thread's runs: which are in memory, which get a turn, when they leave memory. */
#include <assert.h>
#include <string.h>

#include "base/container.h"
#include "base/limits.h"
#include "base/memory.h"
#include "engine/engine_impl.h"
#include "engine/status.h"
#include "engine/watch.h"

#define VOID_TURNS_MAX 3

/* ---- operations at the store ---- */

static void refuse_run(struct loop_job *job)
{
    struct store_op *op = CONTAINER_OF(job, struct store_op, job);
    struct err_info why = { 0 };
    op->done(op, err_set(&why, ERR_UNAVAILABLE, "the engine is being stopped"), &why);
}

/* False when the shard is ending: then the operation fails, as one that the store did not take. */
static bool goes_out(struct shard *shard, struct op_link *link)
{
    link->shard = shard;
    link->op.reply_to = shard->loop;
    shard->ops_out++;
    if (!shard->is_stopping)
        return true;
    link->op.job.run = refuse_run;
    loop_post(shard->loop, &link->op.job);
    return false;
}

void shard_submit(struct shard *shard, struct op_link *link)
{
    if (goes_out(shard, link))
        store_submit(shard->engine->options.store, &link->op);
}

void shard_read(struct shard *shard, struct op_link *link)
{
    if (goes_out(shard, link))
        store_read(shard->engine->options.store, &link->op);
}

void shard_op_done(struct op_link *link)
{
    link->shard->ops_out--;
}

/* ---- the table ---- */

static uint32_t slot_of(const struct shard *shard, struct id id)
{
    uint64_t hash;
    memcpy(&hash, id.bytes + 8, sizeof(hash)); /* the half that is chance */
    return (uint32_t)((hash * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & shard->table_mask;
}

struct active *shard_find(struct shard *shard, struct id id)
{
    if (!shard->table)
        return NULL;
    struct active *active = shard->table[slot_of(shard, id)];
    while (active && !id_equal(active->id, id))
        active = active->hash_next;
    return active;
}

static bool table_grow(struct shard *shard)
{
    uint32_t old_size = shard->table ? shard->table_mask + 1 : 0, size = old_size ? old_size * 2 : 64;
    struct active **old = shard->table;
    struct active **fresh = memory_alloc(size * sizeof(struct active *));
    if (!fresh)
        return false;
    memset(fresh, 0, size * sizeof(struct active *));
    shard->table = fresh;
    shard->table_mask = size - 1;
    for (uint32_t i = 0; i < old_size; i++) {
        for (struct active *active = old[i], *next; active; active = next) {
            next = active->hash_next;
            uint32_t at = slot_of(shard, active->id);
            active->hash_next = fresh[at];
            fresh[at] = active;
        }
    }
    memory_free(old);
    return true;
}

static void active_timer_fired(struct loop_timer *timer);

struct active *active_new(struct shard *shard, int64_t tenant, struct id id)
{
    if (!shard->table && !table_grow(shard))
        return NULL;
    struct active *active = memory_alloc(sizeof(*active));
    if (!active)
        return NULL;
    memset(active, 0, sizeof(*active));
    active->shard = shard;
    active->tenant = tenant;
    active->id = id;
    active->queue_end = &active->queue;
    active->timer.fire = active_timer_fired;
    return active;
}

void active_join(struct active *active)
{
    struct shard *shard = active->shard;
    if (shard->active_count > shard->table_mask)
        (void)table_grow(shard); /* without memory its chains grow instead */
    uint32_t at = slot_of(shard, active->id);
    active->hash_next = shard->table[at];
    shard->table[at] = active;
    shard->active_count++;
    atomic_fetch_add_explicit(&shard->engine->counters.active, 1, memory_order_relaxed);
}

struct active *shard_find_or_add(struct shard *shard, int64_t tenant, struct id id)
{
    struct active *active = shard_find(shard, id);
    if (active)
        return active;
    active = active_new(shard, tenant, id);
    if (active)
        active_join(active);
    return active;
}

/* ---- warm runs: parked, but still here ---- */

static size_t weight(const struct active *active)
{
    assert(active->run);
    return sizeof(*active) + sizeof(*active->run) + active->run->arena.bytes_held;
}

static void warm_remove(struct active *active)
{
    struct shard *shard = active->shard;
    if (!active->is_warm)
        return;
    if (active->warm_previous)
        active->warm_previous->warm_next = active->warm_next;
    else
        shard->warm_first = active->warm_next;
    if (active->warm_next)
        active->warm_next->warm_previous = active->warm_previous;
    else
        shard->warm_last = active->warm_previous;
    active->warm_previous = active->warm_next = NULL;
    active->is_warm = false;
    shard->warm_count--;
    shard->warm_bytes -= weight(active);
}

static void warm_add(struct active *active)
{
    struct shard *shard = active->shard;
    assert(!active->is_warm);
    active->is_warm = true;
    active->warm_next = shard->warm_first;
    if (shard->warm_first)
        shard->warm_first->warm_previous = active;
    else
        shard->warm_last = active;
    shard->warm_first = active;
    shard->warm_count++;
    shard->warm_bytes += weight(active);
    while (shard->warm_count > RUNS_WARM_MAX || shard->warm_bytes > RUNS_WARM_BYTES_MAX)
        active_remove(shard->warm_last);
}

static void table_remove(struct active *active)
{
    struct shard *shard = active->shard;
    struct active **at = &shard->table[slot_of(shard, active->id)];
    while (*at != active)
        at = &(*at)->hash_next;
    *at = active->hash_next;
    shard->active_count--;
    atomic_fetch_sub_explicit(&shard->engine->counters.active, 1, memory_order_relaxed);
}

void active_drop(struct active *active)
{
    active_turn_drop(active);
    active_remove(active);
}

void active_remove(struct active *active)
{
    assert(!active->turn_op && !active->load_op && !active->inbox_op && !active->is_runnable);
    warm_remove(active);
    table_remove(active);
    loop_timer_stop(active->shard->loop, &active->timer);
    calls_give_up(active);
    pendings_free(&active->queue);
    run_free(active->run);
    memory_free(active);
}

/* ---- what happened ---- */

struct pending *pending_new(enum happening_kind kind)
{
    struct pending *pending = memory_alloc(sizeof(*pending));
    if (!pending)
        return NULL;
    memset(pending, 0, sizeof(*pending));
    pending->happening.kind = kind;
    return pending;
}

void pending_free(struct pending *pending)
{
    if (!pending)
        return;
    arena_done(&pending->arena);
    if (pending->call)
        call_free(pending->call); /* it is part of it */
    else
        memory_free(pending);
}

void pendings_free(struct pending **list)
{
    while (*list) {
        struct pending *pending = *list;
        *list = pending->next;
        pending_free(pending);
    }
}

void active_run(struct active *active)
{
    struct shard *shard = active->shard;
    if (active->is_runnable)
        return;
    warm_remove(active); /* what something happens to must not be put out of memory */
    active->is_runnable = true;
    active->runnable_next = NULL;
    *shard->runnable_end = active;
    shard->runnable_end = &active->runnable_next;
}

void active_deliver(struct active *active, struct pending *pending)
{
    pending->next = NULL;
    *active->queue_end = pending;
    active->queue_end = &pending->next;
    active_run(active);
}

static bool can_turn(const struct active *active)
{
    return active->run && !active->turn_op && (active->queue || active->wants_turn);
}

static void run_one(struct active *active)
{
    struct shard *shard = active->shard;
    if (shard->is_stopping || active->load_op || active->rests)
        return;
    if (!active->run) {
        if (!active->inbox_op) /* whose messages would come twice; now they are not wanted */
            shard_start_loading(shard, active);
        return;
    }
    if (active->checks_inbox && !active->inbox_op)
        shard_check_inbox(active);
    if (can_turn(active))
        active_turn(active);
}

void shard_enter(struct shard *shard)
{
    shard->depth++;
}

static void maybe_stop(struct shard *shard)
{
    if (shard->is_stopping && !shard->is_stopped && shard->ops_out == 0) {
        shard->is_stopped = true;
        if (shard->has_thread)
            loop_stop(shard->loop);
    }
}

/* The depth stays up while it works: what a turn sets free, an inline store's `done` above all, only joins
 * the list instead of going deeper. */
void shard_leave(struct shard *shard)
{
    if (shard->depth == 1) {
        while (shard->runnable) {
            struct active *active = shard->runnable;
            shard->runnable = active->runnable_next;
            if (!shard->runnable)
                shard->runnable_end = &shard->runnable;
            active->is_runnable = false;
            run_one(active);
        }
        maybe_stop(shard);
    }
    shard->depth--;
}

/* ---- timers ---- */

static void active_timer_fired(struct loop_timer *timer)
{
    struct active *active = CONTAINER_OF(timer, struct active, timer);
    struct shard *shard = active->shard;
    struct instant now = loop_now(shard->loop);
    shard_enter(shard);
    active->rests = false;
    calls_check(active, now);
    if (active->run && !active->turn_op && run_next_due(active->run).us <= now.us) {
        struct pending *pending = pending_new(HAPPENED_TIMER);
        if (pending)
            active_deliver(active, pending);
    }
    if (!active->is_runnable && !active->turn_op)
        active_settle(active);
    shard_leave(shard);
}

/* It stands in the journal. */
static void forget_state(struct active *active)
{
    run_free(active->run);
    active->run = NULL;
    active->inbox_seen = 0;
}

/* A journal that is damaged may tell no time at all. */
static void arm(struct active *active)
{
    struct loop *loop = active->shard->loop;
    struct instant dues[] = { run_next_due(active->run), calls_next_deadline(active) };
    struct instant due = { loop_now(loop).us + RUN_SECONDS_MAX * US_PER_S };
    for (int i = 0; i < 2; i++) {
        if (dues[i].us < due.us)
            due = dues[i];
    }
    loop_timer_start(loop, &active->timer, due);
}

/* Whoever admits it changes its row and pokes it: then it is loaded, also when the poke came meanwhile. */
static bool is_queued(const struct active *active)
{
    return active->run && active->run->status == RUN_QUEUED;
}

void active_settle(struct active *active)
{
    assert(!active->load_op); /* it has no state and no timer before that is back */
    if (active->turn_op || active->inbox_op || active->is_runnable || active->rests)
        return;
    bool has_turn = active->queue || active->wants_turn;
    if (!has_turn && is_queued(active))
        forget_state(active);
    if (has_turn || active->checks_inbox) {
        active_run(active);
        return;
    }
    if (!active->run || run_status_is_end(active->run->status)) {
        active_remove(active);
        return;
    }
    if (!run_is_parked(active->run)) {
        arm(active);
        return;
    }
    assert(!active->calls); /* a step that a call is out for is running */
    loop_timer_stop(active->shard->loop, &active->timer);
    wakes_add(&active->shard->wakes, WAKE_RUN, active->id, run_next_due(active->run));
    warm_add(active);
}

/* ---- void turns ---- */

void shard_complain(struct shard *shard, const char *message, const struct err_info *why)
{
    struct log *log = shard->engine->options.log;
    if (log && !shard->is_stopping)
        log_failure(log, LOG_ERROR, message, why);
}

/* The queue is kept but for results of calls: those are lost with the state, as in a crash. */
static void drop_results(struct active *active)
{
    struct pending **at = &active->queue;
    while (*at) {
        struct pending *pending = *at;
        if (pending->happening.kind != HAPPENED_RESULT && pending->happening.kind != HAPPENED_LOCAL &&
            pending->happening.inbox_number == 0) {
            at = &pending->next;
            continue;
        }
        *at = pending->next;
        pending_free(pending);
    }
    active->queue_end = at;
}

/* What can't be computed for want of memory again and again ends the run. */
static void give_up_run(struct active *active)
{
    struct pending *pending = pending_new(HAPPENED_ABORT);
    if (!pending)
        return;
    pending->happening.code = STR("out_of_memory");
    pending->happening.text = STR("the run needs more memory than there is, or than RUN_BYTES_MAX allows");
    active_deliver(active, pending);
    active->void_turns = 0;
}

void active_rest(struct active *active, int64_t us)
{
    struct loop *loop = active->shard->loop;
    warm_remove(active);
    active->wants_turn = active->rests = true;
    loop_timer_start(loop, &active->timer, (struct instant){ loop_now(loop).us + us });
}

/* While a turn is out at the store the writer reads the run: then it becomes void when that is back. */
void active_void(struct active *active, const struct err_info *why)
{
    shard_complain(active->shard, "a turn of a run failed; it is loaded again", why);
    active->is_void = active->turn_op != NULL;
    if (active->is_void)
        return;
    warm_remove(active);
    calls_give_up(active);
    drop_results(active);
    forget_state(active);
    bool may_pass = why->code == ERR_IO || why->code == ERR_FULL || why->code == ERR_UNAVAILABLE;
    if (!may_pass && ++active->void_turns >= VOID_TURNS_MAX)
        give_up_run(active);
    active_rest(active, US_PER_S); /* memory may come back */
}

/* ---- pokes ---- */

struct message {
    struct loop_job job;
    struct shard *shard;
    int64_t tenant;
    struct id run;
};

void shard_poke(struct shard *shard, int64_t tenant, struct id run)
{
    struct active *active = shard_find_or_add(shard, tenant, run);
    if (!active) {
        engine_lost(shard->engine);
        return;
    }
    active->checks_inbox |= active->run || active->load_op;
    active_run(active);
}

static void message_run(struct loop_job *job)
{
    struct message *message = (struct message *)job;
    struct shard *shard = message->shard;
    if (!shard->is_stopping) {
        shard_enter(shard);
        shard_poke(shard, message->tenant, message->run);
        shard_leave(shard);
    }
    memory_free(message);
}

static void lost_run(struct loop_job *job)
{
    struct engine *engine = CONTAINER_OF(job, struct engine, lost_job);
    wakes_poll_soon(&engine->shards[0].wakes);
}

void engine_lost(struct engine *engine)
{
    if (atomic_exchange(&engine->has_lost, true))
        return;
    engine->lost_job.run = lost_run;
    loop_post(engine->shards[0].loop, &engine->lost_job);
}

struct shard *engine_shard(struct engine *engine, struct id run)
{
    return &engine->shards[run_shard(run, engine->shard_count)];
}

struct shard *engine_any_shard(struct engine *engine)
{
    unsigned turn = atomic_fetch_add_explicit(&engine->next_shard, 1, memory_order_relaxed);
    return &engine->shards[turn % engine->shard_count];
}

void engine_poke(struct engine *engine, int64_t tenant, struct id run)
{
    struct shard *shard = engine_shard(engine, run);
    struct message *message = memory_alloc(sizeof(*message));
    if (!message) {
        engine_lost(engine);
        return;
    }
    *message = (struct message){
        .job = { .run = message_run }, .shard = shard, .tenant = tenant, .run = run
    };
    loop_post(shard->loop, &message->job);
}
