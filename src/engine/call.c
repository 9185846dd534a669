/* Calls of remote actions, from the commit that holds their intent to what they answer. */
#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "engine/engine_impl.h"

/* The run, the step, the iterations around it: the same for every attempt and after a crash. */
static void print_key(struct buf *buf, const struct run *run, const struct frame *frame)
{
    if (!frame)
        return;
    print_key(buf, run, run_find_frame(run, frame->parent));
    if (frame->kind == FRAME_BLOCK && frame->part == PART_BODY)
        buf_printf(buf, "/%u", frame->number);
}

enum err call_prepare(struct action_call *call, const struct run *run, const struct frame *frame,
    struct arena *arena, struct err_info *why)
{
    AUTO(buf) struct buf key = { 0 };
    const struct step *step = run->playbook->all_steps[frame->step];
    buf_printf(&key, "%s/%.*s", id_text(run->id).text, STR_ARG(step->id));
    print_key(&key, run, frame);
    TRY(buf_check(&key, why));
    TRY(arena_str(arena, buf_str(&key), &call->idempotency_key, why));
    call->tenant = run->tenant;
    call->connection = step->kind == STEP_DO ? step->call.connection : STR("");
    call->with = frame->data;
    call->run_id = run->id;
    call->alert_id = run->alert_id;
    call->case_id = run->case_id;
    call->playbook = run->playbook->name;
    call->step = step->id;
    call->now = run->now;
    call->deadline = INSTANT_NEVER;
    call->arena = arena;
    return ERR_OK;
}

void call_free(struct call *call)
{
    struct catalogue_source *source = call->shard->world.catalogues;
    if (call->catalogue)
        source->release(source, call->catalogue);
    arena_done(&call->arena);
    memory_free(call);
}

static void list_remove(struct call **list, struct call *call)
{
    while (*list != call)
        list = &(*list)->next;
    *list = call->next;
    call->next = NULL;
}

/* ---- the result ---- */

static void deliver(struct call *call)
{
    struct active *active = call->active;
    struct pending *pending = &call->pending;
    list_remove(&active->calls, call);
    call->active = NULL;
    *pending = (struct pending){ .call = call };
    pending->happening = (struct happening){ .kind = HAPPENED_RESULT,
        .frame = call->frame,
        .result = &call->result,
        .action = call->base.action,
        .arena = &call->arena };
    active_deliver(active, pending);
}

static void set_timeout(struct call *call, enum action_effect effect)
{
    call->result = (struct action_result){ .effect = effect,
        .error = { STR("timeout"), STR("the call took longer than its timeout"), true } };
}

static void call_finished(struct action_call *base, const struct action_result *result)
{
    struct call *call = (struct call *)base;
    struct shard *shard = call->shard;
    shard_enter(shard);
    if (!call->active) {
        list_remove(&shard->given_up, call);
        call_free(call);
        shard_leave(shard);
        return;
    }
    call->result = *result;
    if (call->is_late && !result->is_ok)
        set_timeout(call, result->effect);
    deliver(call);
    shard_leave(shard);
}

/* The action has no way to end early, or did not take it. What it did can't be known. */
static void give_up(struct call *call)
{
    struct call *stub = memory_alloc(sizeof(*stub));
    struct active *active = call->active;
    if (!stub)
        return; /* the next look at its deadline tries again */
    memset(stub, 0, sizeof(*stub));
    stub->shard = call->shard;
    stub->active = active;
    stub->frame = call->frame;
    set_timeout(stub, ACTION_UNKNOWN);
    if (!call->is_late)
        stub->result.error.code = STR("cancelled");
    list_remove(&active->calls, call);
    call->active = NULL;
    call->next = call->shard->given_up;
    call->shard->given_up = call;
    stub->next = active->calls;
    active->calls = stub;
    deliver(stub);
}

/* ---- going out ---- */

static FALLIBLE call_make(struct active *active, struct frame *frame, enum action_purpose purpose,
    struct call *call, struct err_info *why)
{
    struct shard *shard = active->shard;
    struct run *run = active->run;
    const struct step *step = run->playbook->all_steps[frame->step];
    struct catalogue_source *source = shard->world.catalogues;
    call->shard = shard;
    call->active = active;
    call->frame = frame->id;
    TRY(call_prepare(&call->base, run, frame, &call->arena, why));
    /* The run goes on while the call is out. */
    TRY(value_copy(&call->arena, frame->data, &call->base.with, why));
    int64_t span_us = step->timeout_us > 0 ? step->timeout_us : CALL_SECONDS_MAX * US_PER_S;
    call->deadline.us = loop_now(shard->loop).us + span_us;
    call->base.deadline = call->deadline;
    call->base.purpose = purpose;
    call->base.loop = shard->loop;
    call->base.host = shard->host;
    call->base.finish = call_finished;
    call->catalogue = source->acquire(source);
    struct str name = step->kind == STEP_DO ? step->call.action : STR("script.python");
    const struct action *action = catalogue_find(call->catalogue, name);
    if (action)
        action = action_refine(action, shard->host, run->tenant, call->base.connection, call->base.with);
    call->base.action = action;
    return ERR_OK;
}

void call_start(struct active *active, uint32_t frame_id, enum action_purpose purpose)
{
    struct err_info why = { 0 };
    struct frame *frame = run_find_frame(active->run, frame_id);
    struct call *call = memory_alloc(sizeof(*call));
    if (!call) {
        (void)err_memory(&why);
        active_void(active, &why);
        return;
    }
    memset(call, 0, sizeof(*call));
    enum err result = call_make(active, frame, purpose, call, &why);
    if (result != ERR_OK) {
        call_free(call);
        active_void(active, &why);
        return;
    }
    call->next = active->calls;
    active->calls = call;
    if (call->base.action && call->base.action->start) {
        call->base.action->start(call->base.action, &call->base);
        return;
    }
    call->result = (struct action_result){ .effect = ACTION_NOT_SENT,
        .error = { STR("unknown_action"), STR("the action is not there any more"), false } };
    deliver(call);
}

/* ---- ending early ---- */

static void cancel_one(struct call *call, struct instant now)
{
    const struct action *action = call->base.action;
    call->is_cancelled = true;
    call->deadline.us = now.us + CALL_GRACE_SECONDS * US_PER_S;
    if (action->cancel)
        action->cancel(action, &call->base); /* it may have finished when this returns */
    else if (action->kind <= ACTION_ENRICH || call->is_late)
        give_up(call);
}

void call_cancel(struct active *active, uint32_t frame)
{
    for (struct call *call = active->calls; call; call = call->next) {
        if (call->frame != frame || call->is_cancelled)
            continue;
        cancel_one(call, loop_now(active->shard->loop));
        return;
    }
}

static struct call *find_overdue(const struct active *active, struct instant now)
{
    struct call *call = active->calls;
    while (call && call->deadline.us > now.us)
        call = call->next;
    return call;
}

void calls_check(struct active *active, struct instant now)
{
    struct call *call;
    while ((call = find_overdue(active, now))) {
        bool was_cancelled = call->is_cancelled;
        call->is_late |= !was_cancelled;
        if (!was_cancelled) {
            cancel_one(call, now);
            continue;
        }
        give_up(call);
        if (find_overdue(active, now) == call)
            return; /* there was no memory for it */
    }
}

struct instant calls_next_deadline(const struct active *active)
{
    struct instant due = INSTANT_NEVER;
    for (const struct call *call = active->calls; call; call = call->next) {
        if (call->deadline.us < due.us)
            due = call->deadline;
    }
    return due;
}

void calls_give_up(struct active *active)
{
    while (active->calls) {
        struct call *call = active->calls;
        active->calls = call->next;
        call->active = NULL;
        call->next = call->shard->given_up;
        call->shard->given_up = call;
    }
}
