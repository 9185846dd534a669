/* A run's turns one after another: from what happened to the store and back. */
#include <string.h>

#include "base/container.h"
#include "base/limits.h"
#include "base/memory.h"
#include "engine/engine_impl.h"

struct turn_op {
    struct op_link link;
    struct run_commit commit;
    struct active *active;
    struct loop_timer again; /* the disk was full */
};

void active_turn_drop(struct active *active)
{
    struct turn_op *turn_op = active->turn_op;
    if (!turn_op)
        return;
    loop_timer_stop(active->shard->loop, &turn_op->again);
    run_commit_done(&turn_op->commit);
    memory_free(turn_op);
    active->turn_op = NULL;
}

static enum err turn_op_apply(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    return run_commit_apply(&((struct turn_op *)(void *)op)->commit, conn, why);
}

static void send_replies(struct run_commit *commit, enum err result, const struct err_info *why)
{
    for (struct pending *pending = commit->pendings; pending; pending = pending->next) {
        if (pending->reply)
            reply_send(pending->reply, result, why);
        pending->reply = NULL;
    }
}

static void turn_op_again(struct loop_timer *timer)
{
    struct turn_op *turn_op = CONTAINER_OF(timer, struct turn_op, again);
    struct shard *shard = turn_op->link.shard;
    shard_enter(shard);
    shard_submit(shard, &turn_op->link);
    shard_leave(shard);
}

/* The disk is full, or the store too busy: what the turn decided stands and is stored later; the run waits.
 */
static bool waits_for_store(struct turn_op *turn_op, enum err result)
{
    struct shard *shard = turn_op->link.shard;
    if (result != ERR_FULL && result != ERR_UNAVAILABLE)
        return false;
    if (shard->is_stopping)
        return false;
    turn_op->again.fire = turn_op_again;
    loop_timer_start(shard->loop, &turn_op->again, (struct instant){ loop_now(shard->loop).us + US_PER_S });
    return true;
}

static void turn_op_done(struct store_op *op, enum err result, const struct err_info *why)
{
    struct turn_op *turn_op = (struct turn_op *)(void *)op;
    struct active *active = turn_op->active;
    struct shard *shard = turn_op->link.shard;
    struct err_info taken = { 0 };
    shard_op_done(&turn_op->link);
    shard_enter(shard);
    if (result != ERR_OK && waits_for_store(turn_op, result)) {
        shard_leave(shard);
        return;
    }
    active->turn_op = NULL;
    bool was_void = active->is_void;
    active->is_void = false;
    if (result == ERR_OK) {
        active->wake = turn_op->commit.row.wake;
        active->void_turns = 0;
        result = run_commit_take(&turn_op->commit, was_void ? NULL : active, &taken);
        send_replies(&turn_op->commit, ERR_OK, NULL);
        if (result == ERR_OK && was_void)
            result = err_memory(&taken);
    } else {
        taken = *why;
        send_replies(&turn_op->commit, result, why);
    }
    if (result != ERR_OK)
        active_void(active, &taken);
    run_commit_done(&turn_op->commit);
    memory_free(turn_op);
    active_settle(active);
    shard_leave(shard);
}

static void take_queue(struct active *active, struct run_commit *commit)
{
    commit->pendings = active->queue;
    active->queue = NULL;
    active->queue_end = &active->queue;
    active->wants_turn = false;
    for (struct pending *pending = commit->pendings; pending; pending = pending->next) {
        turn_happen(&commit->turn, &pending->happening);
    }
}

/* Nothing changed: there is nothing to store. A decision that came too late is refused. */
static void turn_was_empty(struct active *active, struct turn_op *turn_op)
{
    struct err_info why = { 0 };
    enum err result = err_set(
        &why, ERR_CONFLICT, "it came too late: somebody was first, or the run has gone on");
    send_replies(&turn_op->commit, result, &why);
    run_commit_done(&turn_op->commit);
    memory_free(turn_op);
    active_settle(active);
}

static void turn_void(
    struct active *active, struct turn_op *turn_op, enum err result, const struct err_info *why)
{
    send_replies(&turn_op->commit, result, why);
    run_commit_done(&turn_op->commit);
    memory_free(turn_op);
    active_void(active, why);
}

void active_turn(struct active *active)
{
    struct err_info why = { 0 };
    struct turn_op *turn_op = memory_alloc(sizeof(*turn_op));
    if (!turn_op) {
        (void)err_memory(&why);
        active_void(active, &why);
        return;
    }
    memset(turn_op, 0, sizeof(*turn_op));
    turn_op->link.op.apply = turn_op_apply;
    turn_op->link.op.done = turn_op_done;
    turn_op->active = active;
    struct run_commit *commit = &turn_op->commit;
    run_commit_begin(commit, active->shard, active->run);
    commit->row.case_id = active->run->case_id;
    take_queue(active, commit);
    enum err result = turn_end(&commit->turn, &why);
    if (result == ERR_OK && !commit->turn.has_changed) {
        turn_was_empty(active, turn_op);
        return;
    }
    if (result == ERR_OK)
        result = run_commit_prepare(commit, active->wake, &why);
    if (result != ERR_OK) {
        turn_void(active, turn_op, result, &why);
        return;
    }
    active->turn_op = turn_op;
    shard_submit(active->shard, &turn_op->link);
}
