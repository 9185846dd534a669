/* `while:`: as long as the condition holds, at most `max` times. That the bound was reached is no error: the
 * output says so ({"iterations", "exhausted"}). */
#include "engine/turn.h"

static void finish(struct turn *turn, struct frame *frame, bool is_exhausted)
{
    struct value_map_builder map = { 0 };
    struct err_info why = { 0 };
    struct outcome outcome = OUTCOME_DONE;
    value_map_begin(&map, &turn->run->arena);
    if (value_map_set(&map, "iterations", value_int(frame->count), &why) != ERR_OK ||
        value_map_set(&map, "exhausted", value_bool(is_exhausted), &why) != ERR_OK) {
        turn_fail(turn, ERR_MEMORY, &why);
        return;
    }
    outcome.output = value_map_end(&map);
    step_finish(turn, frame, outcome);
}

static void go_on(struct turn *turn, struct frame *frame)
{
    const struct step *step = frame_step(turn, frame);
    struct names names;
    struct err_info why = { 0 };
    bool is_true = false;
    names_init(&names, turn->run, frame);
    if (names_test(&names, step->loop.condition, &is_true, &why) != ERR_OK)
        step_fail_why(turn, frame, &why);
    else if (!is_true || frame->count >= step->loop.max)
        finish(turn, frame, is_true);
    else
        block_open(turn, frame, PART_BODY, frame->count, FRAME_HAS_STEPS);
}

static void enter(struct turn *turn, struct frame *frame)
{
    frame_set_phase(turn, frame, PHASE_INSIDE);
    if (turn->failed == ERR_OK)
        go_on(turn, frame);
}

static void block_ended(
    struct turn *turn, struct frame *frame, struct ended_block block, struct outcome outcome)
{
    (void)block;
    outcome.output = value_null();
    if (outcome.kind == OUTCOME_OK && frame->stop == STOP_NONE)
        go_on(turn, frame);
    else
        step_finish(turn, frame, outcome);
}

const struct step_ops step_while_ops = { .enter = enter, .block_ended = block_ended };
