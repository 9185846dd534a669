#include "engine/engine.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/container.h"
#include "base/memory.h"
#include "engine/engine_impl.h"
#include "engine/follow.h"
#include "engine/schedule.h"
#include "engine/status.h"
#include "engine/subscription.h"
#include "engine/watch.h"

#define SHARDS_MAX 64

/* ---- triggers that nobody pulls: schedules, changes of cases ---- */

static void refresh_run(struct loop_job *job)
{
    struct engine *engine = CONTAINER_OF(job, struct engine, refresh_job);
    struct shard *shard = &engine->shards[0];
    atomic_store(&engine->wants_refresh, false);
    if (shard->is_stopping)
        return;
    shard_enter(shard);
    schedules_refresh(engine->schedules);
    follow_refresh(engine->follow);
    shard_leave(shard);
}

static void post_refresh(struct engine *engine)
{
    if (atomic_exchange(&engine->wants_refresh, true))
        return; /* it is on its way */
    engine->refresh_job.run = refresh_run;
    loop_post(engine->shards[0].loop, &engine->refresh_job);
}

/* Any thread. Before the start there is nobody to tell. */
static void playbooks_changed(void *context)
{
    struct engine *engine = context;
    if (atomic_load(&engine->is_started))
        post_refresh(engine);
}

static FALLIBLE engine_init(struct engine *engine, const struct engine_options *options, struct err_info *why)
{
    engine->options = *options;
    engine->shard_count = options->inline_loop || options->shard_count == 0 ? 1 : options->shard_count;
    if (engine->shard_count > SHARDS_MAX)
        engine->shard_count = SHARDS_MAX;
    TRY(registry_new(options, &engine->registry, why));
    TRY(subscriptions_new(&engine->subscriptions, why));
    TRY(watches_new(options->store, &engine->watches, why));
    size_t size = engine->shard_count * sizeof(struct shard);
    engine->shards = memory_alloc(size);
    if (!engine->shards)
        return err_memory(why);
    memset(engine->shards, 0, size);
    for (unsigned i = 0; i < engine->shard_count; i++)
        TRY(shard_init(&engine->shards[i], engine, i, why));
    TRY(schedules_new(&engine->shards[0], &engine->schedules, why));
    TRY(follow_new(&engine->shards[0], &engine->follow, why));
    registry_on_change(engine->registry, playbooks_changed, engine);
    return ERR_OK;
}

enum err engine_new(const struct engine_options *options, struct engine **ret, struct err_info *why)
{
    assert(options->clock && options->rand && options->store && options->catalogues);
    struct engine *engine = memory_alloc(sizeof(*engine));
    if (!engine)
        return err_memory(why);
    memset(engine, 0, sizeof(*engine));
    enum err result = engine_init(engine, options, why);
    if (result != ERR_OK) {
        engine_free(engine);
        return result;
    }
    *ret = engine;
    return ERR_OK;
}

/* ---- start ---- */

struct found {
    struct engine *engine;
    uint64_t count;
};

static enum err poke_found(void *context, struct id run, struct instant due, struct err_info *why)
{
    struct found *found = context;
    (void)due;
    (void)why;
    engine_poke(found->engine, 0, run);
    found->count++;
    return ERR_OK;
}

static enum err take_up(void *context, struct store_conn *conn, struct err_info *why)
{
    struct found *found = context;
    struct engine *engine = found->engine;
    uint64_t counts[RUN_STATUS_COUNT] = { 0 };
    TRY(run_rows_count(conn, counts, why));
    for (int i = 0; i < RUN_STATUS_COUNT; i++)
        atomic_store(&engine->counters.by_status[i], counts[i]);
    TRY(subscriptions_load(engine->subscriptions, engine->registry, conn, why));
    return run_rows_unfinished(conn, poke_found, found, why);
}

enum err engine_start(struct engine *engine, struct err_info *why)
{
    struct found found = { .engine = engine };
    TRY(registry_load(engine->registry, why));
    TRY(store_read_wait(engine->options.store, take_up, &found, why));
    if (found.count > 0 && engine->options.log)
        LOG(engine->options.log, LOG_INFO, "runs that were under way are taken up",
            LOG_I("runs", (int64_t)found.count));
    engine->is_started = true;
    for (unsigned i = 0; i < engine->shard_count; i++)
        TRY(shard_start(&engine->shards[i], why));
    post_refresh(engine);
    return ERR_OK;
}

void engine_stop(struct engine *engine)
{
    if (!engine || !engine->is_started)
        return;
    engine->is_started = false;
    for (unsigned i = 0; i < engine->shard_count; i++)
        shard_stop(&engine->shards[i]);
    /* What was asked for meanwhile is answered; shards ask each other, so again until all is quiet. */
    bool had_any = true;
    while (had_any) {
        had_any = false;
        for (unsigned i = 0; i < engine->shard_count; i++)
            had_any |= loop_drain(engine->shards[i].loop);
    }
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    engine_stop(engine);
    for (unsigned i = 0; engine->shards && i < engine->shard_count; i++) {
        if (engine->shards[i].engine)
            shard_done(&engine->shards[i]);
    }
    schedules_free(engine->schedules);
    follow_free(engine->follow);
    memory_free(engine->shards);
    watches_free(engine->watches);
    subscriptions_free(engine->subscriptions);
    registry_free(engine->registry);
    memory_free(engine);
}

/* ---- what goes to the parts ---- */

enum err engine_check(struct engine *engine, int64_t tenant, struct str text, struct diagnostics *found,
    struct playbook **ret, struct err_info *why)
{
    return registry_check(engine->registry, tenant, text, found, ret, why);
}

enum err engine_publish(struct engine *engine, int64_t tenant, struct str actor, struct str text,
    bool is_enabled, struct diagnostics *found, uint32_t *ret_version, struct err_info *why)
{
    const struct registry_change by = { tenant, actor, is_enabled };
    return registry_publish(engine->registry, &by, text, found, ret_version, why);
}

enum err engine_set_enabled(struct engine *engine, int64_t tenant, struct str actor, struct str name,
    bool is_enabled, struct err_info *why)
{
    const struct registry_change by = { tenant, actor, is_enabled };
    return registry_enable(engine->registry, &by, name, why);
}

struct playbook *engine_find_playbook(
    struct engine *engine, int64_t tenant, struct str name, uint32_t *ret_version, bool *ret_is_enabled)
{
    struct registry_item item = registry_find_item(engine->registry, tenant, name);
    if (!item.live)
        return NULL;
    struct playbook *playbook = playbook_acquire(item.live->playbook);
    if (ret_version)
        *ret_version = item.live->version;
    if (ret_is_enabled)
        *ret_is_enabled = item.is_enabled;
    playbook_version_release(item.live);
    return playbook;
}

static const struct trigger *find_hook(const struct playbook *playbook, struct str path)
{
    for (uint32_t i = 0; i < playbook->trigger_count; i++)
        if (playbook->triggers[i].kind == TRIGGER_WEBHOOK && str_equal(playbook->triggers[i].path, path))
            return &playbook->triggers[i];
    return NULL;
}

bool engine_find_hook(
    struct engine *engine, int64_t tenant, struct str path, struct arena *arena, struct str *ret_secret)
{
    struct registry_set *set = registry_acquire(engine->registry);
    const struct trigger *found = NULL;
    for (uint32_t i = 0; i < set->count && !found; i++)
        if (set->items[i].is_enabled && set->items[i].live->tenant == tenant)
            found = find_hook(set->items[i].live->playbook, path);
    bool is_found = found && arena_str(arena, found->secret, ret_secret, NULL) == ERR_OK;
    registry_set_release(set);
    return is_found;
}

void engine_watch(struct engine *engine, struct engine_watch *watch)
{
    watches_add(engine->watches, watch);
}

void engine_watch_ask(struct engine *engine, struct engine_watch *watch)
{
    watches_ask(engine->watches, watch);
}

void engine_unwatch(struct engine *engine, struct engine_watch *watch)
{
    watches_remove(engine->watches, watch);
}

void engine_metrics(struct engine *engine, struct engine_metrics *ret)
{
    const struct counters *counters = &engine->counters;
    *ret = (struct engine_metrics){ .turns = atomic_load(&counters->turns),
        .run_us_sum = atomic_load(&counters->run_us_sum),
        .runs_active = atomic_load(&counters->active) };
    for (int i = 0; i < RUN_STATUS_COUNT; i++)
        ret->runs_by_status[i] = atomic_load(&counters->by_status[i]);
    ret->runs_parked = ret->runs_by_status[RUN_WAITING] + ret->runs_by_status[RUN_UNCERTAIN];
    for (int i = 0; i < ENGINE_LATENCY_BUCKETS; i++)
        ret->run_us_buckets[i] = atomic_load(&counters->run_us_buckets[i]);
}
