/* `wait:`: for a span, until an instant, or for the next event that matches. */
#include <string.h>

#include "base/limits.h"
#include "base/timetext.h"
#include "engine/turn.h"

/* A duration, a text like "10m", or a number of seconds. */
static FALLIBLE span_of(struct value v, int64_t *ret_us, struct err_info *why)
{
    const int64_t most = RUN_SECONDS_MAX * US_PER_S;
    if (v.type == VALUE_STRING)
        TRY(span_parse(value_str(v), ret_us, why));
    else if (v.type == VALUE_DURATION && v.seconds < RUN_SECONDS_MAX)
        *ret_us = v.seconds * US_PER_S + value_nanos(v) / 1000;
    else if (v.type == VALUE_INT && v.integer < RUN_SECONDS_MAX)
        *ret_us = v.integer * US_PER_S;
    else if (v.type != VALUE_DURATION && v.type != VALUE_INT)
        return err_named(why, ERR_INVALID, "expr_eval", "wait needs a span such as \"10m\", not %s",
            value_type_name(v.type));
    else
        *ret_us = most;
    if (*ret_us > most)
        *ret_us = most;
    return ERR_OK;
}

static FALLIBLE until_of(struct value v, int64_t *ret_us, struct err_info *why)
{
    struct instant at;
    if (v.type == VALUE_TIMESTAMP)
        at = value_to_instant(v);
    else if (v.type != VALUE_STRING || !instant_parse(value_str(v), &at))
        return err_named(
            why, ERR_INVALID, "expr_eval", "wait until needs a timestamp, not %s", value_type_name(v.type));
    *ret_us = at.us;
    return ERR_OK;
}

static FALLIBLE due_of(struct turn *turn, struct frame *frame, int64_t *ret_us, struct err_info *why)
{
    const struct step *step = frame_step(turn, frame);
    struct names names;
    struct value v;
    int64_t now = turn->run->now.us, span = step->wait.span_us;
    names_init(&names, turn->run, frame);
    if (step->wait.kind == WAIT_UNTIL) {
        TRY(names_fill(&names, step->wait.until, &v, why));
        return until_of(v, ret_us, why);
    }
    if (step->wait.span) {
        TRY(names_fill(&names, step->wait.span, &v, why));
        TRY(span_of(v, &span, why));
    }
    *ret_us = now + (span > 0 ? span : 0);
    return ERR_OK;
}

/* Which of the run's names the filter reads: they are kept with the subscription as they are now, so that
 * events can be matched without the run. */
static FALLIBLE captured_of(struct turn *turn, struct frame *frame, struct value *ret, struct err_info *why)
{
    const struct step *step = frame_step(turn, frame);
    struct value_map_builder map = { 0 };
    struct names names;
    uint32_t count = 0;
    const struct expr_reference *references = expr_references(step->wait.event, &count);
    names_init(&names, turn->run, frame);
    value_map_begin(&map, &turn->run->arena);
    for (uint32_t slot = 0; slot < SCOPE_LOOP + step->loop_depth; slot++) {
        bool is_loop = slot >= SCOPE_LOOP, is_read = is_loop;
        for (uint32_t i = 0; i < count && !is_loop && slot != SCOPE_IT; i++)
            is_read |= str_equal(references[i].root, str_of(scope_slot_names[slot]));
        struct value v;
        if (!is_read || !names.activation.get(&names.activation, slot, &v))
            continue;
        TRY(value_map_put(&map, value_int(slot), v, why));
    }
    *ret = value_map_end(&map);
    return ERR_OK;
}

static void enter_event(struct turn *turn, struct frame *frame)
{
    struct err_info why = { 0 };
    struct value captured;
    if (captured_of(turn, frame, &captured, &why) != ERR_OK) {
        step_fail_why(turn, frame, &why);
        return;
    }
    struct op op = frame_op(frame);
    op_number(&op, FIELD_PHASE, PHASE_EVENT);
    turn_emit(turn, &op);
    struct effect *effect = turn_effect(turn, EFFECT_SUBSCRIBE, frame->id);
    if (!effect)
        return;
    effect->number = frame->step;
    effect->bytes = turn_pack(turn, captured);
}

static void enter(struct turn *turn, struct frame *frame)
{
    struct err_info why = { 0 };
    int64_t due = 0;
    if (frame_step(turn, frame)->wait.kind == WAIT_EVENT) {
        enter_event(turn, frame);
        return;
    }
    if (due_of(turn, frame, &due, &why) != ERR_OK) {
        step_fail_why(turn, frame, &why);
        return;
    }
    if (due <= turn->run->now.us) {
        step_finish(turn, frame, OUTCOME_DONE);
        return;
    }
    struct op op = frame_op(frame);
    op_number(&op, FIELD_PHASE, PHASE_WAIT);
    op_number(&op, FIELD_DUE, due);
    turn_emit(turn, &op);
}

static void unsubscribe(struct turn *turn, struct frame *frame)
{
    (void)turn_effect(turn, EFFECT_UNSUBSCRIBE, frame->id); /* a failure is sticky in the turn */
}

void step_wait_event(struct turn *turn, struct frame *frame, struct value event)
{
    unsubscribe(turn, frame);
    step_finish(turn, frame, (struct outcome){ .kind = OUTCOME_OK, .output = event });
}

static void wake(struct turn *turn, struct frame *frame)
{
    step_finish(turn, frame, OUTCOME_DONE);
}

static void cancel(struct turn *turn, struct frame *frame, bool is_forced)
{
    (void)is_forced;
    if (frame->phase == PHASE_EVENT)
        unsubscribe(turn, frame);
    step_finish(turn, frame, (struct outcome){ .kind = OUTCOME_CANCELLED });
}

const struct step_ops step_wait_ops = { .enter = enter, .wake = wake, .cancel = cancel };
