/* `try:` / `catch:` / `finally:`. `finally` runs whatever happened before it: an error, a `return`, a cancel,
 * a timeout; only a second cancel stops it. What was under way before it goes on after it, unless it ends in
 * an error or a `return` itself. `position` is the stage, the FRAME_… flags are what was under way. */
#include "engine/turn.h"

enum stage { STAGE_TRY = 1, STAGE_CATCH = 2, STAGE_FINALLY = 3 };
#define PENDING (FRAME_FAILS | FRAME_RETURNS | FRAME_CANCELS)

static struct outcome pending(const struct frame *frame)
{
    if (frame->flags & FRAME_FAILS)
        return (struct outcome){ .kind = OUTCOME_FAILED, .error = frame->error };
    if (frame->flags & FRAME_RETURNS)
        return (struct outcome){ .kind = OUTCOME_RETURNED };
    if (frame->flags & FRAME_CANCELS)
        return (struct outcome){ .kind = OUTCOME_CANCELLED };
    return OUTCOME_DONE;
}

static uint32_t flags_of(const struct frame *frame, struct outcome outcome)
{
    static const uint32_t flags[] = {
        [OUTCOME_OK] = 0,
        [OUTCOME_FAILED] = FRAME_FAILS,
        [OUTCOME_RETURNED] = FRAME_RETURNS,
        [OUTCOME_CANCELLED] = FRAME_CANCELS,
    };
    return (frame->flags & ~(uint32_t)PENDING) | flags[outcome.kind];
}

/* Begins a stage with what is under way. */
static void begin(struct turn *turn, struct frame *frame, enum stage stage, struct outcome outcome)
{
    static const enum block_part parts[] = {
        [STAGE_TRY] = PART_TRY,
        [STAGE_CATCH] = PART_CATCH,
        [STAGE_FINALLY] = PART_FINALLY,
    };
    struct op op = frame_op(frame);
    op_number(&op, FIELD_PHASE, PHASE_INSIDE);
    op_number(&op, FIELD_POSITION, stage);
    op_number(&op, FIELD_FLAGS, flags_of(frame, outcome));
    if (outcome.kind == OUTCOME_FAILED)
        op_value(&op, FIELD_ERROR, outcome.error);
    turn_emit(turn, &op);
    block_open(turn, frame, parts[stage], 0, 0);
}

static void enter(struct turn *turn, struct frame *frame)
{
    begin(turn, frame, STAGE_TRY, OUTCOME_DONE);
}

static void finally(struct turn *turn, struct frame *frame, struct outcome outcome)
{
    if (frame_step(turn, frame)->attempt.finally_steps.count == 0)
        step_finish(turn, frame, outcome);
    else
        begin(turn, frame, STAGE_FINALLY, outcome);
}

static void block_ended(
    struct turn *turn, struct frame *frame, struct ended_block block, struct outcome outcome)
{
    const struct step *step = frame_step(turn, frame);
    outcome.output = value_null();
    switch ((enum block_part)block.part) {
    case PART_TRY:
        if (outcome.kind == OUTCOME_FAILED && step->attempt.has_catch && frame->stop == STOP_NONE)
            begin(turn, frame, STAGE_CATCH, outcome);
        else
            finally(turn, frame, outcome);
        break;
    case PART_CATCH: finally(turn, frame, outcome); break;
    default: step_finish(turn, frame, outcome.kind == OUTCOME_OK ? pending(frame) : outcome); break;
    }
}

static void cancel(struct turn *turn, struct frame *frame, bool is_forced)
{
    if (frame->position != STAGE_FINALLY || is_forced) {
        frame_stop_blocks(turn, frame->id, is_forced);
        return;
    }
    struct op op = frame_op(frame);
    op_number(&op, FIELD_FLAGS, flags_of(frame, (struct outcome){ .kind = OUTCOME_CANCELLED }));
    turn_emit(turn, &op);
}

const struct step_ops step_try_ops = { .enter = enter, .block_ended = block_ended, .cancel = cancel };
