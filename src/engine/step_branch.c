/* `if:` and `switch:`: one of several blocks. */
#include "engine/turn.h"

static void branch_ended(
    struct turn *turn, struct frame *frame, struct ended_block block, struct outcome outcome)
{
    (void)block;
    outcome.output = value_null();
    step_finish(turn, frame, outcome);
}

/* An empty block is not worth a frame. */
static void take(
    struct turn *turn, struct frame *frame, const struct block *steps, enum block_part part, uint32_t number)
{
    if (steps->count == 0) {
        step_finish(turn, frame, OUTCOME_DONE);
        return;
    }
    frame_set_phase(turn, frame, PHASE_INSIDE);
    block_open(turn, frame, part, number, 0);
}

static void if_enter(struct turn *turn, struct frame *frame)
{
    const struct step *step = frame_step(turn, frame);
    struct names names;
    struct err_info why = { 0 };
    bool is_true = false;
    names_init(&names, turn->run, frame);
    if (names_test(&names, step->branch.condition, &is_true, &why) != ERR_OK)
        step_fail_why(turn, frame, &why);
    else if (is_true)
        take(turn, frame, &step->branch.then_steps, PART_THEN, 0);
    else
        take(turn, frame, &step->branch.else_steps, PART_ELSE, 0);
}

static void switch_enter(struct turn *turn, struct frame *frame)
{
    const struct step *step = frame_step(turn, frame);
    struct names names;
    struct err_info why = { 0 };
    struct value subject;
    names_init(&names, turn->run, frame);
    if (names_eval(&names, step->choice.subject, &subject, &why) != ERR_OK) {
        step_fail_why(turn, frame, &why);
        return;
    }
    names.it = &subject;
    for (uint32_t i = 0; i < step->choice.case_count; i++) {
        bool matches = false;
        if (names_test(&names, step->choice.cases[i].when, &matches, &why) != ERR_OK) {
            step_fail_why(turn, frame, &why);
            return;
        }
        if (matches) {
            take(turn, frame, &step->choice.cases[i].steps, PART_CASE, i);
            return;
        }
    }
    take(turn, frame, &step->choice.default_steps, PART_DEFAULT, 0);
}

const struct step_ops step_if_ops = { .enter = if_enter, .block_ended = branch_ended };
const struct step_ops step_switch_ops = { .enter = switch_enter, .block_ended = branch_ended };
