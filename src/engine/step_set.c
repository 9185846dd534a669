/* `set:`: assignments, one after another, each seeing those before it. */
#include "engine/turn.h"

static struct outcome set_leaf(struct turn *turn, const struct frame *block, const struct step *step)
{
    struct names names;
    uint32_t scope = 0;
    names_init(&names, turn->run, block);
    (void)run_scope(turn->run, block, FRAME_HAS_VARS, &scope);
    for (uint32_t i = 0; i < step->set.count; i++) {
        struct err_info why = { 0 };
        struct op op = { .kind = OP_VAR, .frame = scope };
        struct value v;
        if (names_fill(&names, step->set.items[i].value, &v, &why) != ERR_OK)
            return outcome_of_why(turn, &why, step);
        op_name(&op, step->set.items[i].name);
        op_value(&op, FIELD_DATA, v);
        turn_emit(turn, &op);
    }
    return OUTCOME_DONE;
}

/* Only after an error, when it is tried again. */
static void set_enter(struct turn *turn, struct frame *frame)
{
    const struct frame *block = run_find_frame(turn->run, frame->parent);
    step_finish(turn, frame, set_leaf(turn, block, frame_step(turn, frame)));
}

const struct step_ops step_set_ops = { .leaf = set_leaf, .enter = set_enter };
