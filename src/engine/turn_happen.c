/* What a turn begins with: things that happened, each handed to the frame that waits for it. What comes too
 * late, to a frame that is gone or in another phase, is dropped: its effect is in the journal already. */
#include <string.h>

#include "base/limits.h"
#include "engine/turn_impl.h"

static void record(struct turn *turn, const struct happening *happening)
{
    struct op op = { .kind = OP_HAPPENED, .frame = happening->frame };
    op_number(&op, FIELD_PART, happening->kind);
    if (!id_is_none(happening->object))
        op_object(&op, happening->object);
    if (happening->actor.size > 0)
        op_name(&op, happening->actor);
    bool had_changed = turn->has_changed;
    journal_add(&turn->record, &op);
    turn->has_changed = had_changed;
}

static void happen_start(struct turn *turn)
{
    struct run *run = turn->run;
    if (run->phase != RUN_PHASE_CREATED)
        return;
    struct value error = run->error;
    struct op op = { .kind = OP_RUN };
    op_number(&op, FIELD_PHASE, RUN_PHASE_MAIN);
    op_number(&op, FIELD_STARTED, run->now.us);
    op_number(&op, FIELD_DEADLINE, run->now.us + run_timeout_us(run));
    if (run->status != RUN_RUNNING)
        op_number(&op, FIELD_STATUS, RUN_RUNNING);
    turn_emit(turn, &op);
    if (value_is(error, VALUE_NULL))
        block_open(turn, NULL, PART_MAIN, 0, 0);
    else
        run_block_ended(turn, PART_MAIN, (struct outcome){ .kind = OUTCOME_FAILED, .error = error });
}

static struct frame *find_frame(struct turn *turn, uint32_t id, enum frame_phase phase)
{
    struct frame *frame = run_find_frame(turn->run, id);
    return frame && frame->phase == phase ? frame : NULL;
}

static void happen_result(struct turn *turn, const struct happening *happening)
{
    struct frame *frame = find_frame(turn, happening->frame, PHASE_CALL);
    if (!frame)
        frame = find_frame(turn, happening->frame, PHASE_PROBE);
    if (frame)
        step_do_result(turn, frame, happening);
}

static void frame_timer(struct turn *turn, struct frame *frame)
{
    int64_t now = turn->run->now.us;
    if (frame_waits_for_due(frame) && frame->due.us != 0 && frame->due.us <= now) {
        if (frame->phase == PHASE_BACKOFF)
            step_enter(turn, frame);
        else
            step_kind_ops[frame_step(turn, frame)->kind]->wake(turn, frame);
    } else if (frame_has_deadline(frame) && frame->deadline.us != 0 && frame->deadline.us <= now) {
        step_stop(turn, frame, STOP_TIMEOUT, false);
    }
}

static void run_timer(struct turn *turn)
{
    struct run *run = turn->run;
    struct value error;
    struct str message;
    struct err_info why = { 0 };
    if (run->phase == RUN_PHASE_ENDED || run->deadline.us == 0 || run->deadline.us > run->now.us ||
        run->paused.us != 0)
        return;
    enum err result = arena_printf(&run->arena, &message, &why,
        "the run took longer than its timeout of %lld s", (long long)(run_timeout_us(run) / US_PER_S));
    if (result == ERR_OK)
        result = error_value(&run->arena, STR("timeout"), message, false, STR(""), &error, &why);
    if (result != ERR_OK)
        turn_fail(turn, result, &why);
    else
        run_stop(turn, STOP_TIMEOUT, error);
}

/* For those who change the tree on their way: by id, not by place. `after` begins at 0. NULL at the end. */
static struct frame *next_frame(const struct turn *turn, uint32_t *after)
{
    const struct run *run = turn->run;
    uint32_t at = run_frame_index(run, *after + 1);
    if (turn->failed != ERR_OK || at >= run->frame_count)
        return NULL;
    *after = run->frames[at]->id;
    return run->frames[at];
}

/* Frames below first: a step that is to be tried again wins over the timeout of what it stands in only if it
 * was due before. */
static void happen_timer(struct turn *turn)
{
    struct frame *frame;
    uint32_t after = 0;
    while ((frame = next_frame(turn, &after))) {
        if (frame->kind == FRAME_STEP)
            frame_timer(turn, frame);
    }
    run_timer(turn);
}

static void close_answered(struct turn *turn, const struct happening *happening, struct value answer)
{
    struct effect *effect = turn_effect(turn, EFFECT_TASK_CLOSE, 0);
    struct err_info why = { 0 };
    if (!effect)
        return;
    effect->object = happening->object;
    effect->status = TASK_ANSWERED;
    effect->bytes = turn_pack(turn, answer);
    if (arena_str(turn->arena, happening->actor, &effect->actor, &why) != ERR_OK)
        turn_fail(turn, ERR_MEMORY, &why);
}

static void happen_answer(struct turn *turn, const struct happening *happening)
{
    struct run *run = turn->run;
    for (uint32_t i = 0; i < run->frame_count; i++) {
        struct frame *frame = run->frames[i];
        if (frame->kind != FRAME_STEP || !frame_has_task(frame) ||
            !id_equal(frame->object, happening->object))
            continue;
        struct value answer = turn_keep(turn, happening->data);
        close_answered(turn, happening, answer);
        if (frame->phase == PHASE_ASK)
            step_ask_answer(turn, frame, answer, happening->actor);
        else
            step_do_answer(turn, frame, answer, happening->actor);
        return;
    }
}

static void happen_event(struct turn *turn, const struct happening *happening)
{
    struct frame *frame = find_frame(turn, happening->frame, PHASE_EVENT);
    if (frame && frame->stop == STOP_NONE)
        step_wait_event(turn, frame, turn_keep(turn, happening->data));
}

static void happen_child(struct turn *turn, const struct happening *happening)
{
    struct frame *frame = find_frame(turn, happening->frame, PHASE_CHILD);
    if (frame && id_equal(frame->object, happening->object))
        step_run_ended(turn, frame, turn_keep(turn, happening->data));
}

static void happen_stop(struct turn *turn, const struct happening *happening, enum stop_reason reason)
{
    struct value error;
    struct err_info why = { 0 };
    struct run *run = turn->run;
    enum err result = error_value(&run->arena, happening->code.size ? happening->code : STR("cancelled"),
        happening->text.size ? happening->text : STR("the run was cancelled"), false, STR(""), &error, &why);
    if (result != ERR_OK)
        turn_fail(turn, result, &why);
    else
        run_stop(turn, reason, error);
}

/* A subject's snapshot changes only when it is another value, so that the journal stays small. */
static void happen_subject(struct turn *turn, const struct happening *happening)
{
    struct run *run = turn->run;
    bool is_alert = happening->frame == SUBJECT_ALERT;
    struct value old = is_alert ? run->alert : run->case_value;
    struct id old_id = is_alert ? run->alert_id : run->case_id;
    if (value_equal(old, happening->data) && id_equal(old_id, happening->object))
        return;
    struct op op = { .kind = OP_SUBJECT };
    op_number(&op, FIELD_PART, happening->frame);
    op_object(&op, happening->object);
    op_value(&op, FIELD_DATA, turn_keep(turn, happening->data));
    turn_emit(turn, &op);
}

/* After a fold: what was under way in memory is gone. */
static void happen_recover(struct turn *turn)
{
    struct frame *frame;
    uint32_t after = 0;
    while ((frame = next_frame(turn, &after))) {
        if (frame->phase == PHASE_CALL || frame->phase == PHASE_PROBE)
            step_do_lost(turn, frame);
        else if (frame->phase == PHASE_LOCAL_DONE)
            step_do_local(turn, frame);
        else if (frame->phase == PHASE_ENTER)
            step_enter(turn, frame);
    }
}

/* Somebody wants an uncertain run to go on: as if the answer were that nothing happened. */
static void happen_retry(struct turn *turn)
{
    struct value_map_builder map = { 0 };
    struct frame *frame;
    uint32_t after = 0;
    struct err_info why = { 0 };
    value_map_begin(&map, &turn->run->arena);
    if (value_map_set(&map, "choice", value_string(STR("not_done")), &why) != ERR_OK) {
        turn_fail(turn, ERR_MEMORY, &why);
        return;
    }
    struct value answer = value_map_end(&map);
    while ((frame = next_frame(turn, &after))) {
        if (frame->phase != PHASE_UNCERTAIN)
            continue;
        turn_close_task(turn, frame, TASK_CANCELLED);
        step_do_answer(turn, frame, answer, STR(""));
    }
}

void turn_happen(struct turn *turn, const struct happening *happening)
{
    struct frame *frame;
    if (turn->failed != ERR_OK)
        return;
    record(turn, happening);
    if (happening->inbox_number != 0) {
        struct effect *effect = turn_effect(turn, EFFECT_INBOX_DONE, 0);
        if (effect)
            effect->number = happening->inbox_number;
        turn->has_changed = true;
    }
    switch (happening->kind) {
    case HAPPENED_START: happen_start(turn); break;
    case HAPPENED_RESULT: happen_result(turn, happening); break;
    case HAPPENED_LOCAL:
        if ((frame = find_frame(turn, happening->frame, PHASE_LOCAL_DONE)))
            step_do_local(turn, frame);
        break;
    case HAPPENED_TIMER: happen_timer(turn); break;
    case HAPPENED_ANSWER: happen_answer(turn, happening); break;
    case HAPPENED_EVENT: happen_event(turn, happening); break;
    case HAPPENED_CHILD: happen_child(turn, happening); break;
    case HAPPENED_CANCEL: happen_stop(turn, happening, STOP_CANCEL); break;
    case HAPPENED_ABORT: /* the second time stops `finally` too */
        happen_stop(turn, happening, STOP_LIMIT);
        happen_stop(turn, happening, STOP_LIMIT);
        break;
    case HAPPENED_CONTINUE: break;
    case HAPPENED_RETRY: happen_retry(turn); break;
    case HAPPENED_RECOVER: happen_recover(turn); break;
    case HAPPENED_SUBJECT: happen_subject(turn, happening); break;
    }
}
