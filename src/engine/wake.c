#include "engine/wake.h"

#include <string.h>

#include "base/container.h"
#include "base/limits.h"
#include "base/memory.h"
#include "engine/engine_impl.h"
#include "engine/lease.h"
#include "engine/lease_rows.h"

#define LOST_SECONDS 60
#define WAKES_PAUSE_US (2 * US_PER_MS)
/* Operations of the shard at the store, past which waking waits: a million runs that are due at once would
 * else all be in memory, for the store gives them back no faster, and an event would wait behind all of them.
 * With 2000 it waited 370 ms. */
#define WAKES_OPS_MAX 200
#define HEAP_ROOM_KEPT 1024

/* ---- the heap ---- */

/* A total order: those that two polls have found come out one after the other. */
static bool is_before(const struct wake *a, const struct wake *b)
{
    if (a->due.us != b->due.us)
        return a->due.us < b->due.us;
    int order = memcmp(&a->id, &b->id, sizeof(a->id));
    return order != 0 ? order < 0 : a->kind < b->kind;
}

static bool heap_push(struct wakes *wakes, struct wake wake)
{
    if (wakes->count == wakes->room) {
        uint32_t room = wakes->room ? wakes->room * 2 : 64;
        void *more = memory_realloc(wakes->heap, room * sizeof(struct wake));
        if (!more)
            return false;
        wakes->heap = more;
        wakes->room = room;
    }
    uint32_t at = wakes->count++;
    while (at > 0 && is_before(&wake, &wakes->heap[(at - 1) / 2])) {
        wakes->heap[at] = wakes->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    wakes->heap[at] = wake;
    return true;
}

static struct wake heap_pop_one(struct wakes *wakes)
{
    struct wake top = wakes->heap[0], last = wakes->heap[--wakes->count];
    uint32_t at = 0;
    for (;;) {
        uint32_t below = at * 2 + 1;
        if (below >= wakes->count)
            break;
        if (below + 1 < wakes->count && is_before(&wakes->heap[below + 1], &wakes->heap[below]))
            below++;
        if (!is_before(&wakes->heap[below], &last))
            break;
        wakes->heap[at] = wakes->heap[below];
        at = below;
    }
    if (wakes->count > 0)
        wakes->heap[at] = last;
    return top;
}

/* Each poll's window overlaps the one before, so most of what it finds is here already. */
static struct wake heap_pop(struct wakes *wakes)
{
    struct wake top = heap_pop_one(wakes);
    while (wakes->count > 0 && !is_before(&top, &wakes->heap[0]))
        (void)heap_pop_one(wakes);
    return top;
}

/* What a day's worth of wakes has taken is given back. */
static void heap_trim(struct wakes *wakes)
{
    uint32_t room = wakes->room / 2;
    if (room < HEAP_ROOM_KEPT || wakes->count > room / 2)
        return;
    void *less = memory_realloc(wakes->heap, room * sizeof(struct wake));
    if (!less)
        return; /* it stays as large as it is */
    wakes->heap = less;
    wakes->room = room;
}

static void arm(struct wakes *wakes)
{
    struct shard *shard = wakes->shard;
    if (wakes->count > 0 && !shard->is_stopping)
        loop_timer_start(shard->loop, &wakes->timer, wakes->heap[0].due);
}

/* ---- waking ---- */

static void wake_run(struct shard *shard, struct id id)
{
    struct active *active = shard_find_or_add(shard, 0, id);
    if (!active) {
        engine_lost(shard->engine);
        return;
    }
    struct pending *pending = pending_new(HAPPENED_TIMER);
    if (pending)
        active_deliver(active, pending);
    else
        active_rest(active, US_PER_S); /* its timer finds that it is due */
}

/* One always: events alone can keep the store that busy, and a containment has to end all the same. */
static bool has_room(const struct shard *shard, unsigned woken)
{
    return woken == 0 || shard->ops_out + woken < WAKES_OPS_MAX;
}

/* Not all at once: a restart may find a day's worth of them. */
static void fired(struct loop_timer *timer)
{
    struct wakes *wakes = CONTAINER_OF(timer, struct wakes, timer);
    struct shard *shard = wakes->shard;
    struct instant now = loop_now(shard->loop);
    unsigned woken = 0;
    shard_enter(shard);
    while (wakes->count > 0 && wakes->heap[0].due.us <= now.us && has_room(shard, woken)) {
        struct wake wake = heap_pop(wakes);
        if (wake.kind == WAKE_RUN)
            wake_run(shard, wake.id);
        else
            lease_due(shard, wake.id);
        woken++;
    }
    shard_leave(shard);
    heap_trim(wakes);
    bool has_more = wakes->count > 0 && wakes->heap[0].due.us <= now.us;
    if (has_more)
        loop_timer_start(shard->loop, &wakes->timer, (struct instant){ now.us + WAKES_PAUSE_US });
    else
        arm(wakes);
}

void wakes_add(struct wakes *wakes, enum wake_kind kind, struct id id, struct instant due)
{
    struct engine *engine = wakes->shard->engine;
    if (due.us > atomic_load(&engine->window_end))
        return;
    bool is_first = wakes->count == 0 || due.us < wakes->heap[0].due.us;
    if (!heap_push(wakes, (struct wake){ due, id, kind }))
        engine_lost(engine);
    else if (is_first)
        arm(wakes);
}

/* ---- asking the store ---- */

/* What one shard gets of an answer. */
struct share {
    struct loop_job job;
    struct shard *shard;
    struct wake *items;
    uint32_t count, room;
};

struct poll_op {
    struct op_link link;
    struct instant until;
    bool finds_lost;
    struct instant begun_before; /* younger ones may be on their way from their commit to their shard */
    unsigned shard_count;
    struct share *shares[256];
};

static void share_free(struct share *share)
{
    if (!share)
        return;
    memory_free(share->items);
    memory_free(share);
}

static void poll_op_free(struct poll_op *poll)
{
    for (unsigned i = 0; i < poll->shard_count; i++)
        share_free(poll->shares[i]);
    memory_free(poll);
}

static void share_run(struct loop_job *job)
{
    struct share *share = (struct share *)job;
    struct shard *shard = share->shard;
    shard_enter(shard);
    for (uint32_t i = 0; i < share->count && !shard->is_stopping; i++) {
        const struct wake *wake = &share->items[i];
        if (wake->kind != WAKE_LOST)
            wakes_add(&shard->wakes, wake->kind, wake->id, wake->due);
        else
            shard_poke(shard, 0, wake->id);
    }
    shard_leave(shard);
    share_free(share);
}

static FALLIBLE share_add(struct poll_op *poll, struct wake wake, struct err_info *why)
{
    struct share *share = poll->shares[run_shard(wake.id, poll->shard_count)];
    if (share->count == share->room) {
        uint32_t room = share->room ? share->room * 2 : 64;
        void *more = memory_realloc(share->items, room * sizeof(struct wake));
        if (!more)
            return err_memory(why);
        share->items = more;
        share->room = room;
    }
    share->items[share->count++] = wake;
    return ERR_OK;
}

static enum err add_run(void *context, struct id id, struct instant due, struct err_info *why)
{
    return share_add(context, (struct wake){ due, id, WAKE_RUN }, why);
}

static enum err add_lease(void *context, struct id id, struct instant due, struct err_info *why)
{
    return share_add(context, (struct wake){ due, id, WAKE_LEASE }, why);
}

static enum err add_lost(void *context, struct id id, struct instant due, struct err_info *why)
{
    return share_add(context, (struct wake){ due, id, WAKE_LOST }, why);
}

static enum err poll_apply(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct poll_op *poll = (struct poll_op *)(void *)op;
    TRY(run_rows_due(conn, poll->until, add_run, poll, why));
    if (poll->finds_lost)
        TRY(run_rows_lost(conn, poll->begun_before, add_lost, poll, why));
    return lease_rows_due(conn, poll->until, add_lease, poll, why);
}

static void poll_later(struct wakes *wakes, int64_t span_us)
{
    if (!wakes->shard->is_stopping)
        loop_timer_start(
            wakes->shard->loop, &wakes->poll, (struct instant){ loop_now(wakes->shard->loop).us + span_us });
}

static void poll_done(struct store_op *op, enum err result, const struct err_info *why)
{
    struct poll_op *poll = (struct poll_op *)(void *)op;
    struct shard *shard = poll->link.shard;
    struct wakes *wakes = &shard->wakes;
    shard_op_done(&poll->link);
    shard_enter(shard);
    wakes->is_polling = false;
    for (unsigned i = 0; i < poll->shard_count && result == ERR_OK; i++) {
        struct share *share = poll->shares[i];
        poll->shares[i] = NULL;
        if (share->count > 0)
            loop_post(share->shard->loop, &share->job);
        else
            share_free(share);
    }
    if (result != ERR_OK)
        shard_complain(shard, "timers could not be read; trying again", why);
    if (result != ERR_OK && poll->finds_lost)
        atomic_store(&shard->engine->has_lost, true);
    int64_t span_s = TIMER_WINDOW_SECONDS / 2;
    if (atomic_load(&shard->engine->has_lost))
        span_s = LOST_SECONDS + 1;
    poll_later(wakes, (result == ERR_OK ? span_s : 1) * US_PER_S);
    poll_op_free(poll);
    shard_leave(shard);
}

void wakes_poll_soon(struct wakes *wakes)
{
    if (!wakes->is_polling)
        poll_later(wakes, (LOST_SECONDS + 1) * US_PER_S);
}

static struct poll_op *poll_new(struct engine *engine)
{
    struct poll_op *poll = memory_alloc(sizeof(*poll));
    if (!poll)
        return NULL;
    memset(poll, 0, sizeof(*poll));
    poll->shard_count = engine->shard_count;
    for (unsigned i = 0; i < engine->shard_count; i++) {
        struct share *share = memory_alloc(sizeof(*share));
        if (!share) {
            poll_op_free(poll);
            return NULL;
        }
        *share = (struct share){ .job = { .run = share_run }, .shard = &engine->shards[i] };
        poll->shares[i] = share;
    }
    poll->link.op.apply = poll_apply;
    poll->link.op.done = poll_done;
    return poll;
}

/* The window moves on before the store is asked: what is parked after the answer's snapshot was taken sees
 * the new one, what was parked before is in the answer. */
static void poll_fired(struct loop_timer *timer)
{
    struct wakes *wakes = CONTAINER_OF(timer, struct wakes, poll);
    struct shard *shard = wakes->shard;
    struct poll_op *poll = poll_new(shard->engine);
    if (!poll) {
        poll_later(wakes, US_PER_S);
        return;
    }
    poll->until.us = loop_now(shard->loop).us + TIMER_WINDOW_SECONDS * US_PER_S;
    poll->finds_lost = atomic_exchange(&shard->engine->has_lost, false);
    poll->begun_before.us = loop_now(shard->loop).us - LOST_SECONDS * US_PER_S;
    atomic_store(&shard->engine->window_end, poll->until.us);
    wakes->is_polling = true;
    shard_enter(shard);
    shard_read(shard, &poll->link);
    shard_leave(shard);
}

void wakes_init(struct wakes *wakes, struct shard *shard)
{
    *wakes = (struct wakes){ .shard = shard, .timer = { .fire = fired }, .poll = { .fire = poll_fired } };
}

void wakes_start(struct wakes *wakes)
{
    if (wakes->shard->index == 0)
        loop_timer_start(wakes->shard->loop, &wakes->poll, loop_now(wakes->shard->loop));
}

void wakes_stop(struct wakes *wakes)
{
    loop_timer_stop(wakes->shard->loop, &wakes->timer);
    loop_timer_stop(wakes->shard->loop, &wakes->poll);
}

void wakes_done(struct wakes *wakes)
{
    memory_free(wakes->heap);
    wakes->heap = NULL;
    wakes->count = wakes->room = 0;
}
