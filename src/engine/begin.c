#include "engine/begin.h"

#include <string.h>

#include "base/container.h"
#include "base/memory.h"
#include "engine/lease_rows.h"
#include "engine/task_rows.h"

void begin_free(struct begin_op *begin)
{
    if (!begin)
        return;
    run_free(begin->commit.run);
    run_commit_done(&begin->commit);
    arena_done(&begin->arena);
    memory_free(begin);
}

static void begin_answer(struct begin_op *begin, enum err result, const struct err_info *why)
{
    if (begin->reply)
        reply_send(begin->reply, result, why);
    else if (result != ERR_OK && result != ERR_CONFLICT)
        shard_complain(begin->shard, "a run could not begin", why);
}

void begin_fail(struct begin_op *begin, enum err result, const struct err_info *why)
{
    begin_answer(begin, result, why);
    begin_free(begin);
}

/* ---- in the commit ---- */

static FALLIBLE audit(struct begin_op *begin, struct store_conn *conn, struct err_info *why)
{
    struct engine_subjects *subjects = begin->shard->engine->options.subjects;
    if (!subjects || !subjects->audit || begin->actor.size == 0)
        return ERR_OK;
    const struct run *run = begin->commit.run;
    if (!id_is_none(begin->task))
        TRY(subjects->audit(subjects, conn, run->tenant, begin->actor, STR("task.answer"), STR("task"),
            begin->task, begin->answer, why));
    if (begin->is_undo)
        return subjects->audit(subjects, conn, run->tenant, begin->actor, STR("containment.undo"),
            STR("containment"), begin->lease, value_null(), why);
    return subjects->audit(
        subjects, conn, run->tenant, begin->actor, STR("run.start"), STR("run"), run->id, run->inputs, why);
}

static FALLIBLE begin_lease(struct begin_op *begin, struct store_conn *conn, struct err_info *why)
{
    struct run *run = begin->commit.run;
    bool changed = false;
    if (!id_is_none(begin->task)) {
        struct str answer;
        TRY(effect_pack(&begin->commit.arena, begin->answer, &answer, why));
        TRY(task_row_close(
            conn, run->tenant, begin->task, TASK_ANSWERED, begin->actor, answer, &changed, why));
        if (!changed)
            return err_set(why, ERR_CONFLICT, "the task was answered already, or has expired");
    }
    TRY(lease_row_begin_end(conn, begin->lease, run->id, begin->actor, &changed, why));
    return changed ? ERR_OK
                   : err_set(why, ERR_CONFLICT, "the containment is being ended, or has ended, already");
}

static enum err begin_apply(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct begin_op *begin = (struct begin_op *)(void *)op;
    if (begin->is_undo)
        TRY(begin_lease(begin, conn, why));
    if (begin->join)
        TRY(begin->join(begin, conn, why));
    TRY(run_commit_apply(&begin->commit, conn, why));
    return audit(begin, conn, why);
}

static void begin_done(struct store_op *op, enum err result, const struct err_info *why)
{
    struct begin_op *begin = (struct begin_op *)(void *)op;
    struct shard *shard = begin->shard;
    struct err_info failed = { 0 };
    shard_op_done(&begin->link);
    shard_enter(shard);
    if (result == ERR_OK) {
        if (begin->reply)
            begin->reply->run_id = begin->commit.run->id;
        run_commit_enter(&begin->commit, &failed);
    }
    begin_answer(begin, result, why);
    begin_free(begin);
    shard_leave(shard);
}

/* ---- on the shard ---- */

void begin_go(struct begin_op *begin, struct playbook_version *version, const struct creation *creation)
{
    struct shard *shard = begin->shard;
    const struct turn_world *world = &shard->world;
    struct err_info why = { 0 };
    struct run *run = NULL;
    struct id id = start_id(world->clock, world->rand, world->shard, world->shard_count);
    enum err result = start_run(
        begin->request.tenant, id, version, creation, clock_now(world->clock), &run, &why);
    playbook_version_release(version);
    if (result == ERR_OK) {
        begin->commit.run = run;
        result = run_commit_new(&begin->commit, shard, run, &why);
    }
    if (result != ERR_OK)
        begin_fail(begin, result, &why);
    else
        shard_submit(shard, &begin->link);
}

static FALLIBLE inputs_of(struct begin_op *begin, const struct playbook_version *version,
    struct creation *creation, struct err_info *why)
{
    const struct engine_start_request *request = &begin->request;
    *creation = (struct creation){ .event_id = request->event_id,
        .alert_id = request->alert_id,
        .case_id = request->case_id,
        .event = request->event,
        .alert = request->alert,
        .case_value = request->case_value,
        .actor = request->actor };
    TRY(start_inputs(
        version, request->inputs, creation, clock_now(begin->shard->world.clock), &begin->arena, why));
    if (value_is(creation->error, VALUE_NULL) || begin->is_triggered)
        return ERR_OK;
    struct value message = value_get(creation->error, STR("message"));
    return err_named(why, ERR_INVALID, "invalid_inputs", "%.*s", STR_ARG(value_str(message)));
}

static void begin_run(struct loop_job *job)
{
    struct begin_op *begin = CONTAINER_OF(job, struct begin_op, job);
    struct shard *shard = begin->shard;
    const struct engine_start_request *request = &begin->request;
    struct err_info why = { 0 };
    struct creation creation;
    struct playbook_version *version = registry_find(
        shard->engine->registry, request->tenant, request->playbook);
    enum err result = ERR_OK;
    shard_enter(shard);
    if (shard->is_stopping)
        result = err_set(&why, ERR_UNAVAILABLE, "the engine is being stopped");
    else if (!version)
        result = err_set(&why, ERR_NOT_FOUND, "there is no playbook \"%.*s\"", STR_ARG(request->playbook));
    else
        result = inputs_of(begin, version, &creation, &why);
    if (result == ERR_OK && version) {
        begin_go(begin, version, &creation);
    } else {
        playbook_version_release(version);
        begin_fail(begin, result, &why);
    }
    shard_leave(shard);
}

struct begin_op *begin_new(struct shard *shard, struct engine_reply *reply)
{
    struct begin_op *begin = memory_alloc(sizeof(*begin));
    if (!begin)
        return NULL;
    memset(begin, 0, sizeof(*begin));
    begin->shard = begin->link.shard = shard;
    begin->reply = reply;
    begin->link.op.apply = begin_apply;
    begin->link.op.done = begin_done;
    begin->job.run = begin_run;
    return begin;
}

static FALLIBLE request_copy(
    struct begin_op *begin, const struct engine_start_request *request, struct err_info *why)
{
    struct engine_start_request *copy = &begin->request;
    struct arena *arena = &begin->arena;
    *copy = *request;
    TRY(arena_str(arena, request->playbook, &copy->playbook, why));
    TRY(arena_str(arena, request->actor, &copy->actor, why));
    TRY(value_copy_marked(arena, request->inputs, true, &copy->inputs, why));
    TRY(value_copy(arena, request->event, &copy->event, why));
    TRY(value_copy(arena, request->alert, &copy->alert, why));
    TRY(value_copy(arena, request->case_value, &copy->case_value, why));
    begin->actor = copy->actor;
    return ERR_OK;
}

void begin_post(struct begin_op *begin, const struct engine_start_request *request)
{
    struct err_info why = { 0 };
    enum err result = request_copy(begin, request, &why);
    if (result != ERR_OK)
        begin_fail(begin, result, &why);
    else
        loop_post(begin->shard->loop, &begin->job);
}

void engine_start_run(
    struct engine *engine, const struct engine_start_request *request, struct engine_reply *reply)
{
    struct err_info why = { 0 };
    struct begin_op *begin = begin_new(engine_any_shard(engine), reply);
    if (!begin) {
        reply_send(reply, err_memory(&why), &why);
        return;
    }
    begin_post(begin, request);
}
