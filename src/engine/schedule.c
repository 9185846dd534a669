#include "engine/schedule.h"

#include <string.h>

#include "base/container.h"
#include "base/memory.h"
#include "base/timetext.h"
#include "engine/begin.h"
#include "engine/schedule_rows.h"
#include "playbook/cron.h"

struct schedule {
    struct schedule_row row; /* due INSTANT_NEVER: not known yet */
    struct str name; /* of the playbook */
    struct cron cron;
    const struct zone *zone;
};

struct schedules {
    struct shard *shard;
    struct zones *zones;
    struct arena arena; /* of the items */
    struct schedule *items;
    uint32_t count;
    uint64_t made; /* how often the items were made */
    struct loop_timer timer;
    bool is_syncing, wants_sync, wants_refresh;
};

/* ---- which there are ---- */

/* A zone that this machine lacks is said once a change. */
static FALLIBLE make_schedule(struct schedules *schedules, const struct playbook_version *version,
    const struct trigger *trigger, struct schedule *ret, struct err_info *why)
{
    struct arena *arena = &schedules->arena;
    *ret = (struct schedule){ .row = { version->tenant, version->number, .due = INSTANT_NEVER },
        .cron = trigger->times };
    TRY(zones_get(schedules->zones, trigger->timezone, &ret->zone, why));
    TRY(arena_str(arena, trigger->cron, &ret->row.cron, why));
    TRY(arena_str(arena, trigger->timezone, &ret->row.timezone, why));
    return arena_str(arena, version->playbook->name, &ret->name, why);
}

static bool is_known(const struct schedules *schedules, const struct schedule *schedule)
{
    for (uint32_t i = 0; i < schedules->count; i++) {
        if (schedule_row_is(&schedules->items[i].row, &schedule->row))
            return true;
    }
    return false;
}

static FALLIBLE make_all(struct schedules *schedules, const struct registry_set *set, struct err_info *why)
{
    uint32_t room = 0;
    for (uint32_t i = 0; i < set->count; i++)
        room += set->items[i].live->playbook->trigger_count;
    schedules->items = ARENA_ARRAY(&schedules->arena, room, struct schedule);
    if (!schedules->items)
        return err_memory(why);
    for (uint32_t i = 0; i < set->count; i++) {
        const struct playbook_version *version = set->items[i].live;
        for (uint32_t k = 0; set->items[i].is_enabled && k < version->playbook->trigger_count; k++) {
            const struct trigger *trigger = &version->playbook->triggers[k];
            struct schedule *schedule = &schedules->items[schedules->count];
            struct err_info wrong = { 0 };
            if (trigger->kind != TRIGGER_SCHEDULE)
                continue;
            enum err result = make_schedule(schedules, version, trigger, schedule, &wrong);
            if (result == ERR_MEMORY)
                return err_memory(why);
            if (result != ERR_OK)
                shard_complain(schedules->shard, "a schedule can't be kept", &wrong);
            else if (!is_known(schedules, schedule))
                schedules->count++;
        }
    }
    return ERR_OK;
}

/* ---- time ---- */

static struct instant now_of(const struct schedules *schedules)
{
    return loop_now(schedules->shard->loop);
}

static void arm(struct schedules *schedules)
{
    struct instant due = INSTANT_NEVER;
    for (uint32_t i = 0; i < schedules->count; i++) {
        if (schedules->items[i].row.due.us < due.us)
            due = schedules->items[i].row.due;
    }
    if (schedules->wants_sync || schedules->wants_refresh)
        due.us = now_of(schedules).us + US_PER_S;
    if (due.us != INT64_MAX && !schedules->shard->is_stopping)
        loop_timer_start(schedules->shard->loop, &schedules->timer, due);
    else
        loop_timer_stop(schedules->shard->loop, &schedules->timer);
}

/* ---- with the store ---- */

struct sync_op {
    struct op_link link;
    struct schedules *schedules;
    struct arena arena;
    struct schedule_row *rows;
    uint32_t count;
    uint64_t made;
};

static void sync_free(struct sync_op *sync)
{
    arena_done(&sync->arena);
    memory_free(sync);
}

static enum err sync_apply(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct sync_op *sync = (struct sync_op *)(void *)op;
    return schedule_rows_sync(conn, sync->rows, sync->count, why);
}

static void sync_start(struct schedules *schedules);

static void sync_done(struct store_op *op, enum err result, const struct err_info *why)
{
    struct sync_op *sync = (struct sync_op *)(void *)op;
    struct schedules *schedules = sync->schedules;
    struct shard *shard = schedules->shard;
    shard_op_done(&sync->link);
    shard_enter(shard);
    schedules->is_syncing = false;
    bool is_old = sync->made != schedules->made;
    for (uint32_t i = 0; result == ERR_OK && !is_old && i < sync->count; i++)
        schedules->items[i].row.due = sync->rows[i].due;
    if (result != ERR_OK)
        shard_complain(shard, "schedules could not be stored; trying again", why);
    schedules->wants_sync |= result != ERR_OK;
    sync_free(sync);
    if (is_old)
        sync_start(schedules);
    else
        arm(schedules);
    shard_leave(shard);
}

static FALLIBLE sync_copy(struct sync_op *sync, const struct schedules *schedules, struct err_info *why)
{
    sync->count = schedules->count;
    sync->made = schedules->made;
    sync->rows = ARENA_ARRAY(&sync->arena, schedules->count, struct schedule_row);
    if (!sync->rows)
        return err_memory(why);
    for (uint32_t i = 0; i < schedules->count; i++) {
        const struct schedule *schedule = &schedules->items[i];
        struct schedule_row *row = &sync->rows[i];
        *row = schedule->row;
        row->due = cron_next(&schedule->cron, schedule->zone, now_of(schedules));
        TRY(arena_str(&sync->arena, schedule->row.cron, &row->cron, why));
        TRY(arena_str(&sync->arena, schedule->row.timezone, &row->timezone, why));
    }
    return ERR_OK;
}

static void sync_start(struct schedules *schedules)
{
    struct sync_op *sync = memory_alloc(sizeof(*sync));
    schedules->wants_sync = false;
    if (schedules->is_syncing) {
        memory_free(sync);
        return; /* it finds that it is old */
    }
    if (sync)
        memset(sync, 0, sizeof(*sync));
    if (!sync || sync_copy(sync, schedules, NULL) != ERR_OK) {
        if (sync)
            sync_free(sync);
        schedules->wants_sync = true;
        arm(schedules);
        return;
    }
    sync->schedules = schedules;
    sync->link.op.apply = sync_apply;
    sync->link.op.done = sync_done;
    schedules->is_syncing = true;
    shard_submit(schedules->shard, &sync->link);
}

/* ---- a time has come ---- */

struct tick {
    struct engine_reply reply;
    struct schedules *schedules;
};

/* A time that somebody else has taken, or that could not be: the rows say how it stands. */
static void tick_done(struct engine_reply *reply, enum err result, const struct err_info *why)
{
    struct tick *tick = (struct tick *)reply;
    struct schedules *schedules = tick->schedules;
    memory_free(tick);
    if (result == ERR_OK)
        return;
    if (result != ERR_CONFLICT)
        shard_complain(schedules->shard, "a scheduled run could not begin; trying again", why);
    schedules->wants_sync = true;
    arm(schedules);
}

static enum err take_time(struct begin_op *begin, struct store_conn *conn, struct err_info *why)
{
    const struct schedule_tick *tick = &begin->schedule;
    const struct schedule_row row = { tick->tenant, tick->playbook, tick->cron, tick->timezone, tick->due };
    return schedule_row_move(conn, &row, tick->next, why);
}

static FALLIBLE event_of(
    const struct schedule *schedule, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_map_builder map = { 0 };
    struct str due;
    TRY(arena_str(arena, str_of(instant_text(schedule->row.due).text), &due, why));
    value_map_begin(&map, arena);
    TRY(value_map_set(&map, "schedule", value_string(schedule->row.cron), why));
    TRY(value_map_set(&map, "timezone", value_string(schedule->row.timezone), why));
    TRY(value_map_set(&map, "due", value_string(due), why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

static FALLIBLE tick_fill(
    struct begin_op *begin, const struct schedule *schedule, struct instant next, struct err_info *why)
{
    begin->join = take_time;
    begin->is_triggered = true;
    begin->schedule = (struct schedule_tick){ .tenant = schedule->row.tenant,
        .playbook = schedule->row.playbook,
        .due = schedule->row.due,
        .next = next };
    TRY(arena_str(&begin->arena, schedule->row.cron, &begin->schedule.cron, why));
    return arena_str(&begin->arena, schedule->row.timezone, &begin->schedule.timezone, why);
}

static void start_run_of(struct schedules *schedules, const struct schedule *schedule, struct instant next)
{
    AUTO(arena) struct arena arena = { 0 };
    struct engine *engine = schedules->shard->engine;
    struct err_info why = { 0 };
    struct engine_start_request request = { .tenant = schedule->row.tenant, .playbook = schedule->name };
    struct tick *tick = memory_alloc(sizeof(*tick));
    struct begin_op *begin = tick ? begin_new(engine_any_shard(engine), &tick->reply) : NULL;
    if (!begin) {
        memory_free(tick);
        schedules->wants_sync = true;
        return;
    }
    *tick = (struct tick){ .reply = { .done = tick_done, .reply_to = schedules->shard->loop },
        .schedules = schedules };
    enum err result = event_of(schedule, &arena, &request.event, &why);
    if (result == ERR_OK)
        result = tick_fill(begin, schedule, next, &why);
    if (result == ERR_OK)
        begin_post(begin, &request);
    else
        begin_fail(begin, result, &why);
}

/* However many times have passed, one run. */
static void fired(struct loop_timer *timer)
{
    struct schedules *schedules = CONTAINER_OF(timer, struct schedules, timer);
    struct instant now = now_of(schedules);
    shard_enter(schedules->shard);
    if (schedules->wants_refresh) {
        schedules_refresh(schedules);
    } else if (schedules->wants_sync) {
        sync_start(schedules);
    } else {
        for (uint32_t i = 0; i < schedules->count; i++) {
            struct schedule *schedule = &schedules->items[i];
            if (schedule->row.due.us > now.us)
                continue;
            struct instant next = cron_next(&schedule->cron, schedule->zone, now);
            start_run_of(schedules, schedule, next);
            schedule->row.due = next;
        }
        arm(schedules);
    }
    shard_leave(schedules->shard);
}

/* ---- life ---- */

enum err schedules_new(struct shard *shard, struct schedules **ret, struct err_info *why)
{
    struct schedules *schedules = memory_alloc(sizeof(*schedules));
    if (!schedules)
        return err_memory(why);
    memset(schedules, 0, sizeof(*schedules));
    schedules->shard = shard;
    schedules->timer.fire = fired;
    enum err result = zones_new(NULL, &schedules->zones, why);
    if (result != ERR_OK) {
        memory_free(schedules);
        return result;
    }
    *ret = schedules;
    return ERR_OK;
}

void schedules_refresh(struct schedules *schedules)
{
    struct registry_set *set = registry_acquire(schedules->shard->engine->registry);
    struct err_info why = { 0 };
    arena_done(&schedules->arena);
    schedules->count = 0;
    schedules->wants_refresh = false;
    schedules->made++;
    enum err result = make_all(schedules, set, &why);
    registry_set_release(set);
    if (result == ERR_OK) {
        sync_start(schedules);
        return;
    }
    schedules->count = 0; /* the rows stay as they are meanwhile */
    schedules->wants_refresh = true;
    arm(schedules);
    shard_complain(schedules->shard, "schedules could not be read; trying again", &why);
}

void schedules_stop(struct schedules *schedules)
{
    loop_timer_stop(schedules->shard->loop, &schedules->timer);
}

void schedules_free(struct schedules *schedules)
{
    if (!schedules)
        return;
    zones_free(schedules->zones);
    arena_done(&schedules->arena);
    memory_free(schedules);
}
