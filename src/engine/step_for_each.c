/* `for_each:`: one iteration an item, `parallel` of them at a time, `collect` in the order of the items.
 * `position` of the frame is how many have begun, `count` how many have ended (run_apply counts both). */
#include "base/limits.h"
#include "engine/turn.h"

/* A map is a list of {"key", "value"}. */
static FALLIBLE items_of(struct turn *turn, struct value given, struct value *ret, struct err_info *why)
{
    struct arena *arena = &turn->run->arena;
    struct value_list_builder list = { 0 };
    if (given.type != VALUE_LIST && given.type != VALUE_MAP)
        return err_named(why, ERR_INVALID, "expr_eval", "for_each needs a list or a map, not %s",
            value_type_name(given.type));
    if (given.size > LOOP_ITEMS_MAX)
        return err_named(why, ERR_LIMIT, "loop_items_max",
            "for_each has %u items, more than LOOP_ITEMS_MAX (%d)", given.size, LOOP_ITEMS_MAX);
    if (given.type == VALUE_LIST) {
        *ret = given;
        return ERR_OK;
    }
    value_list_begin(&list, arena);
    for (uint32_t i = 0; i < given.size; i++) {
        struct value_map_builder item = { 0 };
        value_map_begin(&item, arena);
        TRY(value_map_set(&item, "key", value_map_entries(given)[i].key, why));
        TRY(value_map_set(&item, "value", value_map_entries(given)[i].value, why));
        TRY(value_list_add(&list, value_map_end(&item), why));
    }
    *ret = value_list_end(&list);
    return ERR_OK;
}

static uint32_t scope_flags(const struct step *step)
{
    return FRAME_HAS_STEPS | (step->for_each.parallel > 1 ? FRAME_HAS_VARS : 0);
}

/* What `collect` gathered, in order; null for what was not. */
static struct outcome gathered(struct turn *turn, const struct frame *frame)
{
    const struct step *step = frame_step(turn, frame);
    struct outcome outcome = OUTCOME_DONE;
    if (!step->for_each.collect)
        return outcome;
    struct value_list_builder list = { 0 };
    struct err_info why = { 0 };
    value_list_begin(&list, &turn->run->arena);
    for (uint32_t i = 0; i < frame->data.size; i++) {
        struct value item = frame->collected ? frame->collected[i] : value_null();
        if (value_list_add(&list, item, &why) != ERR_OK) {
            turn_fail(turn, ERR_MEMORY, &why);
            return outcome;
        }
    }
    outcome.output = value_list_end(&list);
    return outcome;
}

static void enter(struct turn *turn, struct frame *frame)
{
    const struct step *step = frame_step(turn, frame);
    struct names names;
    struct err_info why = { 0 };
    struct value items;
    names_init(&names, turn->run, frame);
    if (names_eval(&names, step->for_each.items, &items, &why) != ERR_OK ||
        items_of(turn, items, &items, &why) != ERR_OK) {
        step_fail_why(turn, frame, &why);
        return;
    }
    struct op op = frame_op(frame);
    op_number(&op, FIELD_PHASE, PHASE_INSIDE);
    op_value(&op, FIELD_DATA, items);
    turn_emit(turn, &op);
    if (items.size == 0) {
        step_finish(turn, frame, gathered(turn, frame));
        return;
    }
    uint32_t parallel = step->for_each.parallel > 1 ? step->for_each.parallel : 1;
    uint32_t first = items.size < parallel ? items.size : parallel;
    /* What is opened last runs first. */
    for (uint32_t i = first; i-- > 0 && turn->failed == ERR_OK;)
        block_open(turn, frame, PART_BODY, i, scope_flags(step));
    struct op begun = frame_op(frame);
    op_number(&begun, FIELD_POSITION, first);
    if (first > 1)
        turn_emit(turn, &begun);
}

static struct outcome collect(struct turn *turn, struct frame *frame, const struct frame *block)
{
    const struct step *step = frame_step(turn, frame);
    struct names names;
    struct err_info why = { 0 };
    struct op op = { .kind = OP_COLLECT, .frame = frame->id };
    struct value v;
    if (!step->for_each.collect)
        return OUTCOME_DONE;
    names_init(&names, turn->run, block);
    if (names_fill(&names, step->for_each.collect, &v, &why) != ERR_OK)
        return outcome_of_why(turn, &why, step);
    op_number(&op, FIELD_NUMBER, block->number);
    if (!frame->collected)
        op_number(&op, FIELD_COUNT, frame->data.size);
    op_value(&op, FIELD_DATA, v);
    turn_emit(turn, &op);
    return OUTCOME_DONE;
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
    if (outcome.kind != OUTCOME_OK)
        container_settle(turn, frame, outcome);
    else if (frame->position < frame->data.size)
        block_open(turn, frame, PART_BODY, frame->position, scope_flags(step));
    else if (frame->count == frame->data.size)
        step_finish(turn, frame, gathered(turn, frame));
}

const struct step_ops step_for_each_ops = { .enter = enter, .collect = collect, .block_ended = block_ended };
