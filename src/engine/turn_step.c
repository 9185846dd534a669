/* The life of blocks and steps: what is the same for all kinds. */
#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "engine/backoff.h"
#include "engine/status.h"
#include "engine/turn_impl.h"

const struct step_ops *const step_kind_ops[STEP_KIND_COUNT] = {
    [STEP_DO] = &step_do_ops,
    [STEP_SET] = &step_set_ops,
    [STEP_IF] = &step_if_ops,
    [STEP_SWITCH] = &step_switch_ops,
    [STEP_FOR_EACH] = &step_for_each_ops,
    [STEP_WHILE] = &step_while_ops,
    [STEP_PARALLEL] = &step_parallel_ops,
    [STEP_ASK] = &step_ask_ops,
    [STEP_WAIT] = &step_wait_ops,
    [STEP_RUN] = &step_run_ops,
    [STEP_SCRIPT] = &step_script_ops,
    [STEP_TRY] = &step_try_ops,
    [STEP_RETURN] = &step_return_ops,
    [STEP_FAIL] = &step_fail_ops,
};

const struct step *frame_step(const struct turn *turn, const struct frame *frame)
{
    return turn->run->playbook->all_steps[frame->step];
}

static const struct step_ops *ops_of(const struct turn *turn, const struct frame *frame)
{
    return step_kind_ops[frame_step(turn, frame)->kind];
}

struct op frame_op(const struct frame *frame)
{
    return (struct op){ .kind = OP_STEP_SET, .frame = frame->id };
}

void frame_set_phase(struct turn *turn, struct frame *frame, enum frame_phase phase)
{
    struct op op = frame_op(frame);
    op_number(&op, FIELD_PHASE, phase);
    turn_emit(turn, &op);
}

bool frame_waits_for_due(const struct frame *frame)
{
    return frame->phase == PHASE_BACKOFF || frame->phase == PHASE_WAIT || frame->phase == PHASE_ASK;
}

/* A call's deadline is the shard's: only it knows when the call went out. What is being stopped already has
 * no second timeout. */
bool frame_has_deadline(const struct frame *frame)
{
    return frame->stop == STOP_NONE &&
        (frame->phase == PHASE_INSIDE || frame->phase == PHASE_EVENT || frame->phase == PHASE_CHILD);
}

bool frame_has_task(const struct frame *frame)
{
    return frame->phase == PHASE_ASK || frame->phase == PHASE_APPROVAL || frame->phase == PHASE_UNCERTAIN;
}

/* ---- outcomes ---- */

struct outcome outcome_failed(
    struct turn *turn, struct str code, struct str message, bool is_retryable, const struct step *step)
{
    struct outcome outcome = { .kind = OUTCOME_FAILED };
    struct err_info why = { 0 };
    enum err result = error_value(
        &turn->run->arena, code, message, is_retryable, step ? step->id : STR(""), &outcome.error, &why);
    if (result != ERR_OK)
        turn_fail(turn, result, &why);
    return outcome;
}

/* Want of memory is no fault of the playbook's, and must not lead it into a branch for errors: the turn is
 * void and tried again (active_void ends a run that wants more than there ever is). */
struct outcome outcome_of_why(struct turn *turn, const struct err_info *why, const struct step *step)
{
    struct str code = STR("expression_error");
    if (why->code == ERR_MEMORY)
        turn_fail(turn, ERR_MEMORY, why);
    else if (why->name && strcmp(why->name, "expression_cost") == 0)
        code = STR("expression_cost");
    else if (why->code == ERR_LIMIT && why->name)
        code = str_of(why->name);
    return outcome_failed(turn, code, str_of(why->text), false, step);
}

void step_fail(struct turn *turn, struct frame *frame, struct str code, struct str message, bool is_retryable)
{
    step_finish(turn, frame, outcome_failed(turn, code, message, is_retryable, frame_step(turn, frame)));
}

void step_fail_why(struct turn *turn, struct frame *frame, const struct err_info *why)
{
    step_finish(turn, frame, outcome_of_why(turn, why, frame_step(turn, frame)));
}

/* ---- blocks ---- */

static const struct block *block_steps(const struct run *run, const struct frame *block)
{
    const struct playbook *playbook = run->playbook;
    const struct step *owner = block->step == STEP_NONE ? NULL : playbook->all_steps[block->step];
    assert(owner != NULL || block->part == PART_MAIN || block->part == PART_ON_FAILURE);
    switch ((enum block_part)block->part) {
    case PART_MAIN: return &playbook->steps;
    case PART_ON_FAILURE: return &playbook->on_failure;
    case PART_THEN: return &owner->branch.then_steps;
    case PART_ELSE: return &owner->branch.else_steps;
    case PART_CASE: return &owner->choice.cases[block->number].steps;
    case PART_DEFAULT: return &owner->choice.default_steps;
    case PART_BODY: return owner->kind == STEP_WHILE ? &owner->loop.steps : &owner->for_each.steps;
    case PART_BRANCH: return &owner->parallel.branches[block->number];
    case PART_TRY: return &owner->attempt.try_steps;
    case PART_CATCH: return &owner->attempt.catch_steps;
    case PART_FINALLY: return &owner->attempt.finally_steps;
    case PART_ERROR: return &owner->error_steps;
    }
    return NULL;
}

void block_open(
    struct turn *turn, const struct frame *owner, enum block_part part, uint32_t number, uint32_t flags)
{
    if (turn->failed != ERR_OK)
        return;
    struct op op = { .kind = OP_BLOCK_OPEN };
    uint32_t id = turn->run->next_frame;
    op_number(&op, FIELD_PARENT, owner ? owner->id : 0);
    op_number(&op, FIELD_PART, part);
    if (number != 0)
        op_number(&op, FIELD_NUMBER, number);
    if (flags != 0)
        op_number(&op, FIELD_FLAGS, flags);
    turn_emit(turn, &op);
    turn_push(turn, id);
}

static void block_close(struct turn *turn, uint32_t id)
{
    struct op op = { .kind = OP_BLOCK_CLOSE, .frame = id };
    turn_emit(turn, &op);
}

/* The steps under on_error are over; the step keeps the result it had before them. */
static void handler_ended(struct turn *turn, struct frame *frame, struct outcome outcome)
{
    struct frame *block = run_find_frame(turn->run, frame->parent);
    struct op op = { .kind = OP_STEP_END, .frame = frame->id };
    op_number(&op, FIELD_STATUS, STEP_FAILED);
    op_value(&op, FIELD_ERROR, frame->error);
    turn_emit(turn, &op);
    if (outcome.kind == OUTCOME_OK)
        turn_push(turn, block->id);
    else
        block_end(turn, block, outcome);
}

void block_end(struct turn *turn, struct frame *block, struct outcome outcome)
{
    if (turn->failed != ERR_OK)
        return;
    struct ended_block ended = { block->id, block->part, block->number };
    struct frame *owner = block->parent ? run_find_frame(turn->run, block->parent) : NULL;
    if (owner && owner->phase != PHASE_HANDLING && ops_of(turn, owner)->collect && outcome.kind == OUTCOME_OK)
        outcome = ops_of(turn, owner)->collect(turn, owner, block);
    block_close(turn, ended.id);
    if (turn->failed != ERR_OK)
        return;
    if (!owner)
        run_block_ended(turn, ended.part, outcome);
    else if (owner->phase == PHASE_HANDLING)
        handler_ended(turn, owner, outcome);
    else
        ops_of(turn, owner)->block_ended(turn, owner, ended, outcome);
}

static void leaf_done(struct turn *turn, struct frame *block, const struct step *step,
    enum step_status status, struct value output)
{
    struct op op = { .kind = OP_STEP_LEAF };
    op_number(&op, FIELD_PARENT, block->id);
    op_number(&op, FIELD_STEP, step->index);
    op_number(&op, FIELD_STATUS, status);
    if (!value_is(output, VALUE_NULL))
        op_value(&op, FIELD_OUTPUT, output);
    turn_emit(turn, &op);
    turn_note_step(turn, block, step,
        (struct result){
            .status = status, .started = turn->run->now, .ended = turn->run->now, .output = output });
    turn_push(turn, block->id);
}

static struct frame *step_open(struct turn *turn, struct frame *block, const struct step *step)
{
    uint32_t id = turn->run->next_frame;
    struct op op = { .kind = OP_STEP_OPEN };
    op_number(&op, FIELD_PARENT, block->id);
    op_number(&op, FIELD_STEP, step->index);
    turn_emit(turn, &op);
    return turn->failed == ERR_OK ? run_find_frame(turn->run, id) : NULL;
}

/* True when the step is to run; else it was dealt with. */
static bool guard_passes(struct turn *turn, struct frame *block, const struct step *step)
{
    if (!step->when)
        return true;
    struct names names;
    struct err_info why = { 0 };
    bool passes = false;
    names_init(&names, turn->run, block);
    if (names_test(&names, step->when, &passes, &why) != ERR_OK) {
        struct frame *frame = step_open(turn, block, step);
        if (frame)
            step_finish(turn, frame, outcome_of_why(turn, &why, step));
        return false;
    }
    if (!passes)
        leaf_done(turn, block, step, STEP_SKIPPED, value_null());
    return passes;
}

static void step_begin(struct turn *turn, struct frame *block, const struct step *step)
{
    const struct step_ops *ops = step_kind_ops[step->kind];
    turn->steps++;
    if (!guard_passes(turn, block, step))
        return;
    if (ops->leaf) {
        struct outcome outcome = ops->leaf(turn, block, step);
        if (outcome.kind == OUTCOME_OK) {
            leaf_done(turn, block, step, STEP_SUCCEEDED, outcome.output);
            return;
        }
        struct frame *failed = step_open(turn, block, step);
        if (failed)
            step_finish(turn, failed, outcome);
        return;
    }
    struct frame *frame = step_open(turn, block, step);
    if (frame)
        step_enter(turn, frame);
}

void block_go_on(struct turn *turn, struct frame *block)
{
    struct run *run = turn->run;
    const struct block *list = block_steps(run, block);
    if (block->position >= list->count) {
        block_end(turn, block, OUTCOME_DONE);
        return;
    }
    if (run->steps_begun >= RUN_STEPS_MAX && run->stop == STOP_NONE && run->phase == RUN_PHASE_MAIN) {
        turn_limit(turn, "RUN_STEPS_MAX", RUN_STEPS_MAX);
        return;
    }
    if (run->steps_begun >= RUN_STEPS_MAX + RUN_RESERVE) {
        block_end(turn, block, (struct outcome){ .kind = OUTCOME_CANCELLED });
        return;
    }
    step_begin(turn, block, list->steps[block->position]);
}

/* ---- steps ---- */

void step_enter(struct turn *turn, struct frame *frame)
{
    const struct step *step = frame_step(turn, frame);
    if (step->timeout_us > 0) {
        struct op op = frame_op(frame);
        op_number(&op, FIELD_DEADLINE, turn->run->now.us + step->timeout_us);
        turn_emit(turn, &op);
    }
    if (turn->failed == ERR_OK)
        ops_of(turn, frame)->enter(turn, frame);
}

/* What a stop asked for counts more than how the step below happened to end. */
static struct outcome stopped_outcome(struct turn *turn, const struct frame *frame, struct outcome outcome)
{
    const struct step *step = frame_step(turn, frame);
    struct str message = { 0 };
    struct err_info why = { 0 };
    switch (frame->stop) {
    case STOP_CANCEL: return (struct outcome){ .kind = OUTCOME_CANCELLED, .output = outcome.output };
    case STOP_TIMEOUT:
        if (outcome.kind != OUTCOME_CANCELLED)
            return outcome;
        if (arena_printf(turn->arena, &message, &why, "the step took longer than its timeout of %lld ms",
                (long long)(step->timeout_us / US_PER_MS)) != ERR_OK)
            turn_fail(turn, ERR_MEMORY, &why);
        return outcome_failed(turn, STR("timeout"), message, true, step);
    default: return outcome;
    }
}

static bool step_retries(struct turn *turn, struct frame *frame, const struct outcome *outcome)
{
    const struct retry_policy *retry = &frame_step(turn, frame)->retry;
    struct value is_retryable = value_get(outcome->error, STR("retryable"));
    if (outcome->kind != OUTCOME_FAILED || frame->attempt >= retry->attempts)
        return false;
    if (is_retryable.type != VALUE_BOOL || !is_retryable.boolean)
        return false;
    int64_t wait_us = backoff_jittered_us(backoff_us(retry, frame->attempt), turn->world->rand);
    struct value after = value_get(outcome->error, STR("retry_after_us"));
    if (after.type == VALUE_INT && after.integer > wait_us)
        wait_us = after.integer < RETRY_AFTER_SECONDS_MAX * US_PER_S ? after.integer
                                                                     : RETRY_AFTER_SECONDS_MAX * US_PER_S;
    struct op op = frame_op(frame);
    op_number(&op, FIELD_PHASE, PHASE_BACKOFF);
    op_number(&op, FIELD_STOP, STOP_NONE);
    op_number(&op, FIELD_FLAGS, frame->flags & FRAME_APPROVED);
    op_number(&op, FIELD_ATTEMPT, frame->attempt + 1);
    op_number(&op, FIELD_POSITION, 0);
    op_number(&op, FIELD_COUNT, 0);
    op_number(&op, FIELD_NUMBER, 0);
    op_number(&op, FIELD_DUE, turn->run->now.us + wait_us);
    op_value(&op, FIELD_ERROR, outcome->error);
    turn_emit(turn, &op);
    return true;
}

static void step_close(
    struct turn *turn, struct frame *frame, enum step_status status, struct outcome outcome)
{
    const struct step *step = frame_step(turn, frame);
    struct frame *block = run_find_frame(turn->run, frame->parent);
    struct result result = { .attempt = frame->attempt,
        .status = status,
        .started = frame->started,
        .ended = turn->run->now,
        .output = outcome.output,
        .error = outcome.error };
    struct op op = { .kind = OP_STEP_END, .frame = frame->id };
    op_number(&op, FIELD_STATUS, status);
    if (!value_is(outcome.output, VALUE_NULL))
        op_value(&op, FIELD_OUTPUT, outcome.output);
    op.packed_output = outcome.packed_output;
    if (!value_is(outcome.error, VALUE_NULL))
        op_value(&op, FIELD_ERROR, outcome.error);
    turn_emit(turn, &op);
    turn_note_step(turn, block, step, result);
}

static void step_handle(struct turn *turn, struct frame *frame, struct outcome outcome)
{
    struct op op = { .kind = OP_STEP_RESULT, .frame = frame->id };
    op_number(&op, FIELD_STATUS, STEP_FAILED);
    op_number(&op, FIELD_PHASE, PHASE_HANDLING);
    op_value(&op, FIELD_ERROR, outcome.error);
    turn_emit(turn, &op);
    block_open(turn, frame, PART_ERROR, 0, 0);
}

void step_finish(struct turn *turn, struct frame *frame, struct outcome outcome)
{
    if (turn->failed != ERR_OK)
        return;
    const struct step *step = frame_step(turn, frame);
    struct frame *block = run_find_frame(turn->run, frame->parent);
    assert(block);
    outcome = stopped_outcome(turn, frame, outcome);
    switch (outcome.kind) {
    case OUTCOME_OK:
        step_close(turn, frame, STEP_SUCCEEDED, outcome);
        turn_push(turn, block->id);
        break;
    case OUTCOME_FAILED:
        if (step_retries(turn, frame, &outcome))
            break;
        if (step->on_error == ON_ERROR_STEPS) {
            step_handle(turn, frame, outcome);
            break;
        }
        step_close(turn, frame, STEP_FAILED, outcome);
        if (step->on_error == ON_ERROR_CONTINUE)
            turn_push(turn, block->id);
        else
            block_end(turn, block, outcome);
        break;
    case OUTCOME_RETURNED:
        step_close(turn, frame, STEP_SUCCEEDED, OUTCOME_DONE);
        block_end(turn, block, outcome);
        break;
    case OUTCOME_CANCELLED:
        step_close(turn, frame, STEP_CANCELLED, outcome);
        block_end(turn, block, (struct outcome){ .kind = OUTCOME_CANCELLED });
        break;
    }
}

/* ---- stopping ---- */

static void block_stop(struct turn *turn, struct frame *block, bool is_forced)
{
    struct frame *below = run_next_child(turn->run, block->id, 0);
    if (below)
        step_stop(turn, below, STOP_CANCEL, is_forced);
    else
        block_end(turn, block, (struct outcome){ .kind = OUTCOME_CANCELLED });
}

/* Those that are there now: what a stop itself opens, `finally` or `on_failure`, is to run. */
void frame_stop_blocks(struct turn *turn, uint32_t frame, bool is_forced)
{
    struct frame *block;
    uint32_t end = turn->run->next_frame, after = 0;
    while (turn->failed == ERR_OK && (block = run_next_child(turn->run, frame, after)) && block->id < end) {
        after = block->id;
        block_stop(turn, block, is_forced);
    }
}

bool frame_has_blocks(const struct turn *turn, const struct frame *frame)
{
    return run_next_child(turn->run, frame->id, frame->id) != NULL;
}

void step_stop(struct turn *turn, struct frame *frame, enum stop_reason reason, bool is_forced)
{
    const struct step_ops *ops = ops_of(turn, frame);
    uint32_t id = frame->id, phase = frame->phase;
    if (turn->failed != ERR_OK || (frame->stop != STOP_NONE && frame->stop != STOP_SETTLED && !is_forced))
        return;
    struct op op = frame_op(frame);
    op_number(&op, FIELD_STOP, frame->stop == STOP_CANCEL ? STOP_CANCEL : reason);
    turn_emit(turn, &op);
    if (phase == PHASE_BACKOFF || phase == PHASE_ENTER)
        step_finish(turn, frame, (struct outcome){ .kind = OUTCOME_CANCELLED });
    else if (phase == PHASE_HANDLING || !ops->cancel)
        frame_stop_blocks(turn, id, is_forced);
    else
        ops->cancel(turn, frame, is_forced);
}

/* ---- steps with several blocks at once ---- */

bool container_is_settled(const struct frame *frame)
{
    return frame->flags & (FRAME_FAILS | FRAME_RETURNS | FRAME_CANCELS) || frame->stop != STOP_NONE;
}

void container_settle(struct turn *turn, struct frame *frame, struct outcome outcome)
{
    static const uint32_t flags[] = {
        [OUTCOME_OK] = 0,
        [OUTCOME_FAILED] = FRAME_FAILS,
        [OUTCOME_RETURNED] = FRAME_RETURNS,
        [OUTCOME_CANCELLED] = FRAME_CANCELS,
    };
    uint32_t id = frame->id;
    if (!frame_has_blocks(turn, frame)) {
        step_finish(turn, frame, outcome);
        return;
    }
    struct op op = frame_op(frame);
    if (frame->stop == STOP_NONE)
        op_number(&op, FIELD_STOP, STOP_SETTLED);
    op_number(&op, FIELD_FLAGS, frame->flags | flags[outcome.kind]);
    if (outcome.kind == OUTCOME_FAILED)
        op_value(&op, FIELD_ERROR, outcome.error);
    turn_emit(turn, &op);
    frame_stop_blocks(turn, id, false);
}

void container_end(struct turn *turn, struct frame *frame)
{
    struct outcome outcome = OUTCOME_DONE;
    if (frame_has_blocks(turn, frame))
        return;
    if (frame->flags & FRAME_FAILS)
        outcome = (struct outcome){ .kind = OUTCOME_FAILED, .error = frame->error };
    else if (frame->flags & FRAME_RETURNS)
        outcome.kind = OUTCOME_RETURNED;
    else if (frame->flags & FRAME_CANCELS || frame->stop == STOP_CANCEL || frame->stop == STOP_TIMEOUT)
        outcome.kind = OUTCOME_CANCELLED;
    step_finish(turn, frame, outcome);
}
