/* `parallel:`: branches at once, until all, any or N of them have succeeded; the others are stopped then.
 * `number` of the frame counts those that have. */
#include "engine/turn.h"

static uint32_t wanted(const struct step *step)
{
    switch (step->parallel.join) {
    case JOIN_ANY: return 1;
    case JOIN_COUNT: return step->parallel.join_count;
    case JOIN_ALL:
    default: return step->parallel.count;
    }
}

static void enter(struct turn *turn, struct frame *frame)
{
    const struct step *step = frame_step(turn, frame);
    if (step->parallel.count == 0) {
        step_finish(turn, frame, OUTCOME_DONE);
        return;
    }
    frame_set_phase(turn, frame, PHASE_INSIDE);
    /* What is opened last runs first. */
    for (uint32_t i = step->parallel.count; i-- > 0 && turn->failed == ERR_OK;)
        block_open(turn, frame, PART_BRANCH, i, FRAME_HAS_VARS);
}

static void succeeded(struct turn *turn, struct frame *frame)
{
    struct op op = frame_op(frame);
    op_number(&op, FIELD_NUMBER, frame->number + 1);
    turn_emit(turn, &op);
    if (turn->failed == ERR_OK && frame->number >= wanted(frame_step(turn, frame)))
        container_settle(turn, frame, OUTCOME_DONE);
}

static void block_ended(
    struct turn *turn, struct frame *frame, struct ended_block block, struct outcome outcome)
{
    const struct step *step = frame_step(turn, frame);
    (void)block;
    outcome.output = value_null();
    if (container_is_settled(frame)) {
        container_end(turn, frame);
        return;
    }
    if (outcome.kind == OUTCOME_OK)
        succeeded(turn, frame);
    else if (outcome.kind == OUTCOME_RETURNED ||
        step->parallel.count - (frame->count - frame->number) < wanted(step))
        container_settle(turn, frame, outcome); /* too few are left to make it */
}

const struct step_ops step_parallel_ops = { .enter = enter, .block_ended = block_ended };
