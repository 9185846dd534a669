/* Events on their way in: matched, and the first turns of the runs that they start computed, before the
 * commit; then all of it in one commit; then the calls go out. What dedup decides inside the commit may undo
 * what was computed ahead: then it is dropped. */
#include <string.h>

#include "base/container.h"
#include "base/limits.h"
#include "base/memory.h"
#include "engine/engine_impl.h"
#include "engine/subscription.h"
#include "engine/trigger.h"

struct offer_run {
    struct run_commit commit;
    struct playbook_version *version; /* the commit's run holds it */
    uint32_t event;
    bool for_repeats;
    /* Decided in the commit. */
    bool is_written;
    bool is_bare; /* only its creation counts: the alert was merged into another */
};

struct offer_match {
    uint32_t event;
    struct id run;
    uint32_t frame;
    struct offer_match *next;
};

struct offer_work {
    struct op_link link;
    struct loop_job job;
    struct shard *shard;
    struct engine_offer *offer;
    struct arena arena;
    struct offer_run **runs;
    uint32_t run_count, run_room;
    struct offer_match *matches; /* ahead of the commit */
    uint64_t seen; /* of the subscriptions, when these were found */
    uint32_t match_event; /* the one that is being matched */
    /* In the commit. */
    struct arena commit_arena;
    struct poke *pokes;
    struct store_conn *conn;
};

/* ---- the answer ---- */

static void answer_run(struct loop_job *job)
{
    struct engine_offer *offer = CONTAINER_OF(job, struct engine_offer, job);
    struct err_info *why = offer->why;
    offer->why = NULL;
    struct err_info copy = why ? *why : (struct err_info){ .code = offer->result };
    memory_free(why);
    offer->accepted(offer, offer->result, offer->result == ERR_OK ? NULL : &copy);
}

static void answer(struct engine_offer *offer, enum err result, const struct err_info *why)
{
    offer->result = result;
    offer->why = NULL;
    if (result != ERR_OK && why && (offer->why = memory_alloc(sizeof(*why))))
        *offer->why = *why;
    offer->job.run = answer_run;
    loop_post(offer->reply_to, &offer->job);
}

static void offer_run_free(struct offer_run *run)
{
    if (!run)
        return;
    run_free(run->commit.run);
    run_commit_done(&run->commit);
    memory_free(run);
}

static void work_free(struct offer_work *work)
{
    for (uint32_t i = 0; i < work->run_count; i++)
        offer_run_free(work->runs[i]);
    memory_free(work->runs);
    arena_done(&work->commit_arena);
    arena_done(&work->arena);
    memory_free(work);
}

/* ---- before the commit ---- */

/* NULL when there is no memory. */
static struct offer_run *work_add(struct offer_work *work)
{
    if (work->run_count == work->run_room) {
        uint32_t room = work->run_room ? work->run_room * 2 : 4;
        void *more = memory_realloc(work->runs, room * sizeof(struct offer_run *));
        if (!more)
            return NULL;
        work->runs = more;
        work->run_room = room;
    }
    struct offer_run *run = memory_alloc(sizeof(*run));
    if (!run)
        return NULL;
    memset(run, 0, sizeof(*run));
    work->runs[work->run_count++] = run;
    return run;
}

static FALLIBLE plan_run(struct offer_work *work, struct playbook_version *version, uint32_t index,
    bool for_repeats, struct err_info *why)
{
    struct engine_event *event = &work->offer->events[index];
    const struct turn_world *world = &work->shard->world;
    struct creation creation = {
        .event_id = event->event_id, .alert_id = event->alert_id, .event = event->event, .alert = event->alert
    };
    struct instant now = clock_now(world->clock);
    TRY(start_inputs(version, value_null(), &creation, now, &work->arena, why));
    struct offer_run *planned = work_add(work);
    if (!planned)
        return err_memory(why);
    planned->event = index;
    planned->for_repeats = for_repeats;
    struct id id = start_id(world->clock, world->rand, world->shard, world->shard_count);
    struct run *run = NULL;
    TRY(start_run(work->offer->tenant, id, version, &creation, now, &run, why));
    planned->commit.run = run;
    planned->version = version;
    return run_commit_new(&planned->commit, work->shard, run, why);
}

static enum err found_before(void *context, struct id run, uint32_t frame, struct err_info *why)
{
    struct offer_work *work = context;
    struct offer_match *match = ARENA_NEW(&work->arena, struct offer_match);
    if (!match)
        return err_memory(why);
    *match = (struct offer_match){
        .event = work->match_event, .run = run, .frame = frame, .next = work->matches
    };
    work->matches = match;
    return ERR_OK;
}

static FALLIBLE plan_event(
    struct offer_work *work, uint32_t index, const struct registry_set *set, struct err_info *why)
{
    struct engine_offer *offer = work->offer;
    struct engine_event *event = &offer->events[index];
    const struct arrival arrival = { .via = offer->via,
        .via_name = offer->via_name,
        .event = event->event,
        .alert = event->alert,
        .now = clock_now(work->shard->world.clock) };
    uint32_t started = 0;
    for (uint32_t i = 0; i < set->count && started < EVENT_RUNS_MAX; i++) {
        const struct registry_item *item = &set->items[i];
        struct trigger_match match;
        if (!item->is_enabled || item->live->tenant != offer->tenant)
            continue;
        TRY(triggers_match(item->live->playbook, &arrival, &work->arena, &match, why));
        if (!match.matches)
            continue;
        TRY(plan_run(work, item->live, index, match.for_repeats, why));
        started++;
    }
    uint64_t seen = 0;
    struct arriving arriving = { offer->tenant, event->event, event->alert };
    work->match_event = index;
    TRY(subscriptions_match(work->shard->engine->subscriptions, &arriving, &seen, found_before, work, why));
    if (index == 0)
        work->seen = seen;
    return ERR_OK;
}

static void refresh_set(struct shard *shard)
{
    uint64_t generation = registry_generation(shard->engine->registry);
    if (shard->set && shard->set_generation == generation)
        return;
    registry_set_release(shard->set);
    shard->set = registry_acquire(shard->engine->registry);
    shard->set_generation = generation;
}

static FALLIBLE plan(struct offer_work *work, struct err_info *why)
{
    refresh_set(work->shard);
    for (uint32_t i = 0; i < work->offer->event_count; i++)
        TRY(plan_event(work, i, work->shard->set, why));
    return ERR_OK;
}

/* ---- in the commit ---- */

/* A waiting run gets the event: it stands in its inbox from this commit on. */
static FALLIBLE tell(
    struct offer_work *work, uint32_t index, struct id run, uint32_t frame, struct err_info *why)
{
    const struct engine_event *event = &work->offer->events[index];
    struct value_map_builder map = { 0 };
    struct inbox_row row = { .kind = HAPPENED_EVENT, .frame = frame, .object = event->event_id };
    struct str payload;
    value_map_begin(&map, &work->commit_arena);
    TRY(value_map_set(&map, "alert", event->alert, why));
    TRY(value_map_set(&map, "event", event->event, why));
    TRY(effect_pack(&work->commit_arena, value_map_end(&map), &payload, why));
    TRY(inbox_row_insert(work->conn, work->offer->tenant, run, &row, payload, why));
    return poke_add(&work->pokes, &work->commit_arena, run, why);
}

static enum err found_inside(void *context, struct id run, uint32_t frame, struct err_info *why)
{
    struct offer_work *work = context;
    return tell(work, work->match_event, run, frame, why);
}

static FALLIBLE tell_waiting(struct offer_work *work, uint32_t index, struct err_info *why)
{
    const struct engine_event *event = &work->offer->events[index];
    uint64_t seen = work->seen;
    for (struct offer_match *match = work->matches; match; match = match->next) {
        if (match->event == index)
            TRY(tell(work, index, match->run, match->frame, why));
    }
    struct arriving arriving = { work->offer->tenant, event->event, event->alert };
    work->match_event = index;
    return subscriptions_match(work->shard->engine->subscriptions, &arriving, &seen, found_inside, work, why);
}

/* The alert was merged into another that stands: the run begins with that one, after the commit. */
static FALLIBLE write_bare(struct offer_work *work, struct offer_run *planned, struct err_info *why)
{
    struct engine_event *event = &work->offer->events[planned->event];
    struct run_commit *commit = &planned->commit;
    struct creation creation = {
        .event_id = event->event_id, .alert_id = event->alert_id, .event = event->event, .alert = event->alert
    };
    AUTO(buf) struct buf record = { 0 };
    struct str key;
    enum admission admission;
    struct run_row row = commit->row;
    TRY(start_inputs(planned->version, value_null(), &creation, commit->run->now, &work->commit_arena, why));
    TRY(start_key(creation.concurrency_key, &work->commit_arena, &key, why));
    TRY(start_record(planned->version, &creation, commit->run->now, &record, why));
    row.status = RUN_RUNNING;
    row.alert_id = event->alert_id;
    row.ended = row.wake = (struct instant){ 0 };
    row.output = row.error_code = row.error_message = STR("");
    planned->is_bare = true;
    TRY(commit_new_run(work->conn, commit, &row, planned->version, key, buf_str(&record), &admission, why));
    commit->admission = admission;
    if (admission != ADMITTED)
        return ERR_OK;
    TRY(journal_row_insert(
        work->conn, row.tenant, row.number, 1, buf_str(&record), &work->commit_arena, why));
    return poke_add(&work->pokes, &work->commit_arena, row.id, why);
}

static FALLIBLE write_run(
    struct offer_work *work, struct offer_run *planned, bool is_merged, struct err_info *why)
{
    struct engine_event *event = &work->offer->events[planned->event];
    if (is_merged && !planned->for_repeats)
        return ERR_OK;
    if (is_merged && !id_equal(planned->commit.run->alert_id, event->alert_id))
        TRY(write_bare(work, planned, why));
    else
        TRY(run_commit_apply(&planned->commit, work->conn, why));
    planned->is_written = true;
    event->runs[event->run_count++] = planned->commit.run->id;
    return ERR_OK;
}

static FALLIBLE write_event(struct offer_work *work, uint32_t index, uint32_t *next, struct err_info *why)
{
    struct engine_offer *offer = work->offer;
    struct engine_event *event = &offer->events[index];
    event->run_count = 0;
    event->fate = FATE_NO_TRIGGER;
    TRY(offer->record(offer, index, work->conn, &event->fate, why));
    bool is_out = event->fate == FATE_SUPPRESSED || event->fate == FATE_DEAD_LETTER;
    for (; *next < work->run_count && work->runs[*next]->event == index; (*next)++) {
        if (!is_out)
            TRY(write_run(work, work->runs[*next], event->fate == FATE_MERGED, why));
    }
    if (event->run_count > 0)
        event->fate = FATE_RUN;
    else if (event->fate == FATE_RUN)
        event->fate = FATE_NO_TRIGGER;
    if (!is_out)
        TRY(tell_waiting(work, index, why));
    return offer->settle ? offer->settle(offer, index, work->conn, why) : ERR_OK;
}

static enum err work_apply(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct offer_work *work = (struct offer_work *)(void *)op;
    uint32_t next = 0;
    work->conn = conn;
    work->pokes = NULL;
    for (uint32_t i = 0; i < work->run_count; i++)
        work->runs[i]->is_written = work->runs[i]->is_bare = false;
    for (uint32_t i = 0; i < work->offer->event_count; i++)
        TRY(write_event(work, i, &next, why));
    return ERR_OK;
}

/* ---- after the commit ---- */

static void take_run(struct offer_run *planned)
{
    struct err_info why = { 0 };
    if (!planned->is_written)
        return;
    if (planned->is_bare) {
        run_commit_take_bare(&planned->commit);
        return;
    }
    run_commit_enter(&planned->commit, &why);
}

static void work_done(struct store_op *op, enum err result, const struct err_info *why)
{
    struct offer_work *work = (struct offer_work *)(void *)op;
    struct shard *shard = work->shard;
    shard_op_done(&work->link);
    shard_enter(shard);
    for (uint32_t i = 0; i < work->run_count && result == ERR_OK; i++)
        take_run(work->runs[i]);
    for (struct poke *poke = work->pokes; poke && result == ERR_OK; poke = poke->next)
        engine_poke(shard->engine, work->offer->tenant, poke->run);
    answer(work->offer, result, why);
    work_free(work);
    shard_leave(shard);
}

static void work_run(struct loop_job *job)
{
    struct offer_work *work = CONTAINER_OF(job, struct offer_work, job);
    struct shard *shard = work->shard;
    struct err_info why = { 0 };
    enum err result = ERR_OK;
    shard_enter(shard);
    if (shard->is_stopping || shard->active_count - shard->warm_count > RUNS_ACTIVE_MAX)
        result = err_named(&why, ERR_UNAVAILABLE, "RUNS_ACTIVE_MAX",
            "the engine has as many runs under way as it takes; try again later");
    if (result == ERR_OK)
        result = plan(work, &why);
    if (result == ERR_OK) {
        shard_submit(shard, &work->link);
    } else {
        answer(work->offer, result, &why);
        work_free(work);
    }
    shard_leave(shard);
}

void engine_offer(struct engine *engine, struct engine_offer *offer)
{
    struct err_info why = { 0 };
    struct offer_work *work = memory_alloc(sizeof(*work));
    if (!work) {
        answer(offer, err_memory(&why), &why);
        return;
    }
    memset(work, 0, sizeof(*work));
    work->offer = offer;
    work->shard = engine_any_shard(engine);
    work->link.shard = work->shard;
    work->link.op.apply = work_apply;
    work->link.op.done = work_done;
    work->job.run = work_run;
    loop_post(work->shard->loop, &work->job);
}

const char *event_fate_name(enum event_fate fate)
{
    static const char *const names[] = {
        [FATE_RUN] = "run",
        [FATE_NO_TRIGGER] = "no_trigger",
        [FATE_MERGED] = "merged",
        [FATE_SUPPRESSED] = "suppressed",
        [FATE_DEAD_LETTER] = "dead_letter",
    };
    return fate <= FATE_DEAD_LETTER ? names[fate] : "unknown";
}
