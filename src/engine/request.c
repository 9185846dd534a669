/* What people ask of runs: cancel, retry, answers to tasks. A request is checked against the store first,
 * then goes to the run's shard as something that happened; its reply comes when the turn that took it is
 * durable. */
#include <string.h>

#include "base/container.h"
#include "base/memory.h"
#include "engine/engine_impl.h"
#include "engine/lease.h"
#include "engine/retry.h"
#include "engine/status.h"
#include "engine/task_answer.h"
#include "engine/task_rows.h"

/* ---- replies ---- */

static void reply_run(struct loop_job *job)
{
    struct engine_reply *reply = CONTAINER_OF(job, struct engine_reply, job);
    struct err_info *why = reply->why;
    struct err_info copy = why ? *why : (struct err_info){ .code = reply->result };
    reply->why = NULL;
    memory_free(why);
    reply->done(reply, reply->result, reply->result == ERR_OK ? NULL : &copy);
}

void reply_send(struct engine_reply *reply, enum err result, const struct err_info *why)
{
    reply->result = result;
    reply->why = NULL;
    if (result != ERR_OK && why && (reply->why = memory_alloc(sizeof(*why))))
        *reply->why = *why;
    reply->job.run = reply_run;
    loop_post(reply->reply_to, &reply->job);
}

/* ---- requests ---- */

enum request_kind { REQUEST_CANCEL, REQUEST_RETRY, REQUEST_ANSWER };

struct request {
    struct op_link link;
    struct loop_job job;
    enum request_kind kind;
    int64_t tenant;
    struct id id; /* of the run, or of the task */
    struct pending *pending;
    /* Of an answer, as the store has it. */
    struct task_row task;
    enum run_status status;
};

static void request_free(struct request *request)
{
    pending_free(request->pending);
    memory_free(request);
}

static void request_fail(struct request *request, enum err result, const struct err_info *why)
{
    struct pending *pending = request->pending;
    if (pending && pending->reply)
        reply_send(pending->reply, result, why);
    request_free(request);
}

static FALLIBLE check_task(struct request *request, struct store_conn *conn, struct err_info *why)
{
    struct pending *pending = request->pending;
    struct task_row *task = &request->task;
    TRY(task_row_find(conn, request->tenant, request->id, &pending->arena, task, why));
    if (task->status != TASK_OPEN)
        return err_set(why, ERR_CONFLICT, "the task is %s already", task_status_name(task->status));
    return task_check_answer(
        task->payload, pending->happening.data, &pending->arena, &pending->happening.data, why);
}

static enum err request_apply(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct request *request = (struct request *)(void *)op;
    if (request->kind == REQUEST_ANSWER)
        return check_task(request, conn, why);
    TRY(run_row_status(conn, request->tenant, request->id, &request->status, why));
    if (request->kind == REQUEST_CANCEL && run_status_is_end(request->status))
        return err_set(why, ERR_CONFLICT, "the run is %s already", run_status_name(request->status));
    if (request->kind == REQUEST_RETRY && request->status != RUN_FAILED && request->status != RUN_CANCELLED &&
        request->status != RUN_UNCERTAIN)
        return err_set(
            why, ERR_CONFLICT, "a run that is %s can't be retried", run_status_name(request->status));
    return ERR_OK;
}

static void deliver_run(struct loop_job *job)
{
    struct request *request = CONTAINER_OF(job, struct request, job);
    struct shard *shard = request->link.shard;
    struct err_info why = { 0 };
    shard_enter(shard);
    struct active *active = shard_find_or_add(shard, request->tenant, request->id);
    if (shard->is_stopping) {
        request_fail(request, err_set(&why, ERR_UNAVAILABLE, "the engine is being stopped"), &why);
    } else if (!active) {
        request_fail(request, err_memory(&why), &why);
    } else {
        active_deliver(active, request->pending);
        request->pending = NULL;
        request_free(request);
    }
    shard_leave(shard);
}

/* On to the shard on which the run lives. */
static void forward(struct request *request, struct id run)
{
    request->id = run;
    request->link.shard = engine_shard(request->link.shard->engine, run);
    request->job.run = deliver_run;
    loop_post(request->link.shard->loop, &request->job);
}

/* ---- a failed undo's task ---- */

struct close_op {
    struct op_link link;
    struct request *request;
};

static enum err close_apply(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct close_op *close = (struct close_op *)(void *)op;
    struct request *request = close->request;
    struct happening *happening = &request->pending->happening;
    struct engine_subjects *subjects = close->link.shard->engine->options.subjects;
    struct str answer;
    bool changed = false;
    TRY(effect_pack(&request->pending->arena, happening->data, &answer, why));
    TRY(task_row_close(
        conn, request->tenant, request->id, TASK_ANSWERED, happening->actor, answer, &changed, why));
    if (!changed)
        return err_set(why, ERR_CONFLICT, "the task was answered already, or has expired");
    if (!subjects || !subjects->audit)
        return ERR_OK;
    return subjects->audit(subjects, conn, request->tenant, happening->actor, STR("task.answer"), STR("task"),
        request->id, happening->data, why);
}

static void close_done(struct store_op *op, enum err result, const struct err_info *why)
{
    struct close_op *close = (struct close_op *)(void *)op;
    struct shard *shard = close->link.shard;
    shard_op_done(&close->link);
    shard_enter(shard);
    request_fail(close->request, result, why);
    memory_free(close);
    shard_leave(shard);
}

static void give_up_undo(struct request *request)
{
    struct err_info why = { 0 };
    struct close_op *close = memory_alloc(sizeof(*close));
    if (!close) {
        request_fail(request, err_memory(&why), &why);
        return;
    }
    memset(close, 0, sizeof(*close));
    close->link.op.apply = close_apply;
    close->link.op.done = close_done;
    close->request = request;
    shard_submit(request->link.shard, &close->link);
}

static void answer_undo(struct request *request)
{
    struct pending *pending = request->pending;
    struct value choice = value_get(pending->happening.data, STR("choice"));
    struct value lease = value_get(value_get(request->task.payload, STR("show")), STR("containment"));
    struct lease_ask ask = { .tenant = request->tenant,
        .task = request->id,
        .actor = pending->happening.actor,
        .answer = pending->happening.data };
    if (!value_is_text(choice, STR("retry")) || !value_is(lease, VALUE_STRING) ||
        !id_parse(value_str(lease), &ask.lease)) {
        give_up_undo(request);
        return;
    }
    lease_undo(request->link.shard->engine, &ask, pending->reply);
    pending->reply = NULL;
    request_free(request);
}

/* ---- the store has answered ---- */

static void request_done(struct store_op *op, enum err result, const struct err_info *why)
{
    struct request *request = (struct request *)(void *)op;
    struct shard *shard = request->link.shard;
    shard_op_done(&request->link);
    shard_enter(shard);
    if (result != ERR_OK) {
        request_fail(request, result, why);
    } else if (request->kind == REQUEST_ANSWER && request->task.kind == TASK_UNDO) {
        answer_undo(request);
    } else if (request->kind == REQUEST_RETRY && request->status != RUN_UNCERTAIN) {
        struct pending *pending = request->pending;
        retry_run(shard, request->tenant, request->id, pending->happening.actor, pending->reply);
        pending->reply = NULL;
        request_free(request);
    } else {
        forward(request, request->kind == REQUEST_ANSWER ? request->task.run_id : request->id);
    }
    shard_leave(shard);
}

static void request_run(struct loop_job *job)
{
    struct request *request = CONTAINER_OF(job, struct request, job);
    struct shard *shard = request->link.shard;
    shard_enter(shard);
    shard_read(shard, &request->link);
    shard_leave(shard);
}

/* NULL without memory; then the reply was sent. */
static struct request *request_new(struct engine *engine, enum request_kind kind, int64_t tenant,
    struct id id, struct str actor, struct engine_reply *reply)
{
    static const enum happening_kind kinds[] = {
        [REQUEST_CANCEL] = HAPPENED_CANCEL,
        [REQUEST_RETRY] = HAPPENED_RETRY,
        [REQUEST_ANSWER] = HAPPENED_ANSWER,
    };
    static const char *const operations[] = {
        [REQUEST_CANCEL] = "run.cancel",
        [REQUEST_RETRY] = "run.retry",
        [REQUEST_ANSWER] = "task.answer",
    };
    struct err_info why = { 0 };
    struct request *request = memory_alloc(sizeof(*request));
    struct pending *pending = pending_new(kinds[kind]);
    if (!request || !pending ||
        arena_str(&pending->arena, actor, &pending->happening.actor, &why) != ERR_OK) {
        memory_free(request);
        pending_free(pending);
        reply_send(reply, err_memory(&why), &why);
        return NULL;
    }
    memset(request, 0, sizeof(*request));
    *request = (struct request){ .kind = kind, .tenant = tenant, .id = id, .pending = pending };
    request->link.shard = engine_shard(engine, id);
    request->link.op.apply = request_apply;
    request->link.op.done = request_done;
    request->job.run = request_run;
    pending->reply = reply;
    pending->operation = operations[kind];
    pending->happening.object = id;
    reply->run_id = kind == REQUEST_ANSWER ? ID_NONE : id;
    return request;
}

static void request_send(struct request *request, enum err result, const struct err_info *why)
{
    if (result != ERR_OK)
        request_fail(request, result, why);
    else
        loop_post(request->link.shard->loop, &request->job);
}

void engine_cancel_run(struct engine *engine, int64_t tenant, struct id run, struct str actor,
    struct str reason, struct engine_reply *reply)
{
    struct err_info why = { 0 };
    struct request *request = request_new(engine, REQUEST_CANCEL, tenant, run, actor, reply);
    if (!request)
        return;
    struct happening *happening = &request->pending->happening;
    enum err result = arena_str(&request->pending->arena, reason, &happening->text, &why);
    happening->data = value_string(happening->text);
    request_send(request, result, &why);
}

void engine_retry_run(
    struct engine *engine, int64_t tenant, struct id run, struct str actor, struct engine_reply *reply)
{
    struct request *request = request_new(engine, REQUEST_RETRY, tenant, run, actor, reply);
    if (request)
        request_send(request, ERR_OK, NULL);
}

void engine_answer_task(struct engine *engine, int64_t tenant, struct id task, struct str actor,
    struct value answer, struct engine_reply *reply)
{
    struct err_info why = { 0 };
    struct request *request = request_new(engine, REQUEST_ANSWER, tenant, task, actor, reply);
    if (!request)
        return;
    struct pending *pending = request->pending;
    enum err result = value_copy_marked(&pending->arena, answer, true, &pending->happening.data, &why);
    request_send(request, result, &why);
}
