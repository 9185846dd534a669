#include "engine/turn.h"

#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "engine/status.h"
#include "engine/turn_impl.h"

/* Of an answer with what its call needed beside it, from which on that is worth keeping to spare the copy. */
#define TAKE_BYTES_MIN ((size_t)256 * KIB)

void turn_begin(struct turn *turn, const struct turn_world *world, struct run *run, struct instant now,
    struct arena *arena)
{
    *turn = (struct turn){ .world = world, .run = run, .arena = arena, .old_status = run->status };
    turn->notes_end = &turn->notes;
    effect_list_init(&turn->effects, arena);
    run->now = now;
    journal_begin(&turn->record, now);
}

void turn_done(struct turn *turn)
{
    effect_list_done(&turn->effects);
    buf_done(&turn->record);
}

void turn_fail(struct turn *turn, enum err result, const struct err_info *why)
{
    if (turn->failed != ERR_OK)
        return;
    turn->failed = result;
    if (why && why->code == result)
        turn->why = *why;
    else
        turn->why = (struct err_info){ .code = result, .text = "the turn failed" };
}

void turn_emit(struct turn *turn, const struct op *op)
{
    if (turn->failed != ERR_OK)
        return;
    journal_add(&turn->record, op);
    turn->has_changed = true;
    struct err_info why = { 0 };
    enum err result = buf_check(&turn->record, &why);
    if (result == ERR_OK)
        result = run_apply(turn->run, op, &why);
    if (result != ERR_OK)
        turn_fail(turn, result, &why);
}

struct value turn_keep(struct turn *turn, struct value v)
{
    struct value kept = value_null();
    struct err_info why = { 0 };
    enum err result = value_copy(&turn->run->arena, v, &kept, &why);
    if (result != ERR_OK)
        turn_fail(turn, result, &why);
    return kept;
}

struct value turn_take(struct turn *turn, struct value v, struct arena *from)
{
    struct run *run = turn->run;
    size_t bytes = from ? from->bytes_held : 0;
    if (bytes < TAKE_BYTES_MIN || !arena_adopt(&run->arena, from))
        return turn_keep(turn, v);
    /* It is taken for live, or the compaction would copy it at once. Only the largest, so that what a loop
     * has fetched and forgotten still calls for one. */
    if (bytes > run->live_bytes)
        run->live_bytes = bytes;
    return v;
}

struct str turn_pack(struct turn *turn, struct value v)
{
    struct str packed = { 0 };
    struct err_info why = { 0 };
    enum err result = effect_pack(turn->arena, v, &packed, &why);
    if (result != ERR_OK)
        turn_fail(turn, result, &why);
    return packed;
}

struct effect *turn_effect(struct turn *turn, enum effect_kind kind, uint32_t frame)
{
    struct effect *effect = effect_add(&turn->effects, kind, frame);
    if (!effect)
        turn_fail(turn, ERR_MEMORY, NULL);
    return effect;
}

/* ---- what is ready ---- */

void turn_push(struct turn *turn, uint32_t block)
{
    if (turn->ready_count == turn->ready_room) {
        uint32_t room = turn->ready_room ? turn->ready_room * 2 : 16;
        uint32_t *ready = ARENA_ARRAY(turn->arena, room, uint32_t);
        if (!ready) {
            turn_fail(turn, ERR_MEMORY, NULL);
            return;
        }
        if (turn->ready_count > 0)
            memcpy(ready, turn->ready, turn->ready_count * sizeof(uint32_t));
        turn->ready = ready;
        turn->ready_room = room;
    }
    turn->ready[turn->ready_count++] = block;
}

/* What a turn that was cut has left. The first block is to run first, so it is pushed last. */
static void push_ready_blocks(struct turn *turn)
{
    const struct run *run = turn->run;
    for (uint32_t i = run->frame_count; i-- > 0;) {
        const struct frame *frame = run->frames[i];
        if (frame->kind == FRAME_BLOCK && frame->phase == BLOCK_READY)
            turn_push(turn, frame->id);
    }
}

static void compact_when_wanted(struct turn *turn)
{
    struct run *run = turn->run;
    struct err_info why = { 0 };
    if (!run_wants_compaction(run))
        return;
    enum err result = run_compact(run, &why);
    if (result != ERR_OK)
        turn_fail(turn, result, &why);
    else if (run->live_bytes > RUN_BYTES_MAX)
        turn_limit(turn, "RUN_BYTES_MAX", RUN_BYTES_MAX);
}

static void run_ready_blocks(struct turn *turn)
{
    while (turn->failed == ERR_OK && turn->ready_count > 0) {
        if (turn->steps >= TURN_STEPS_MAX || turn->record.size >= TURN_BYTES_MAX) {
            turn->is_cut = true;
            return;
        }
        struct frame *block = run_find_frame(turn->run, turn->ready[--turn->ready_count]);
        if (!block || block->phase != BLOCK_READY)
            continue; /* it was stopped meanwhile */
        block_go_on(turn, block);
        compact_when_wanted(turn);
    }
}

/* ---- the end of a turn ---- */

static bool is_working(const struct frame *frame)
{
    switch (frame->phase) {
    case BLOCK_READY:
    case PHASE_ENTER:
    case PHASE_CALL:
    case PHASE_PROBE:
    case PHASE_LOCAL:
    case PHASE_LOCAL_DONE: return true;
    default: return false;
    }
}

/* A backoff so short that leaving memory for it would cost more than it saves. */
static bool is_short_backoff(const struct frame *frame, struct instant now)
{
    return frame->phase == PHASE_BACKOFF && frame->due.us - now.us < 5 * US_PER_S;
}

static enum run_status status_of(const struct run *run)
{
    bool is_uncertain = false;
    if (run->phase == RUN_PHASE_ENDED)
        return run->status;
    for (uint32_t i = 0; i < run->frame_count; i++) {
        const struct frame *frame = run->frames[i];
        if (is_working(frame) || is_short_backoff(frame, run->now))
            return RUN_RUNNING;
        is_uncertain |= frame->phase == PHASE_UNCERTAIN;
    }
    return is_uncertain ? RUN_UNCERTAIN : RUN_WAITING;
}

bool run_is_parked(const struct run *run)
{
    return run->phase != RUN_PHASE_ENDED && run->phase != RUN_PHASE_CREATED && status_of(run) != RUN_RUNNING;
}

static void earliest(struct instant *due, struct instant at)
{
    if (at.us != 0 && at.us < due->us)
        *due = at;
}

struct instant run_next_due(const struct run *run)
{
    struct instant due = INSTANT_NEVER;
    if (run->phase == RUN_PHASE_ENDED)
        return due;
    if (run->paused.us == 0)
        earliest(&due, run->deadline);
    for (uint32_t i = 0; i < run->frame_count; i++) {
        const struct frame *frame = run->frames[i];
        if (frame->kind != FRAME_STEP)
            continue;
        if (frame_waits_for_due(frame))
            earliest(&due, frame->due);
        if (frame_has_deadline(frame))
            earliest(&due, frame->deadline);
    }
    return due;
}

/* All that the run waits for are answers, each to a question with a timeout of its own: then the time that
 * people take is not the playbook's. Without such a bound the run's own timeout has to hold. */
static bool waits_for_answers(const struct run *run)
{
    bool has_question = false;
    if (run->status != RUN_WAITING || run->phase != RUN_PHASE_MAIN || run->stop != STOP_NONE)
        return false;
    for (uint32_t i = 0; i < run->frame_count; i++) {
        const struct frame *frame = run->frames[i];
        bool is_inner = frame->kind == FRAME_BLOCK || frame->phase == PHASE_INSIDE ||
            frame->phase == PHASE_HANDLING;
        bool is_question = frame->phase == PHASE_ASK && frame->due.us != 0;
        if (!is_inner && !is_question)
            return false;
        has_question |= is_question;
    }
    return has_question && run->playbook->timeout_us > 0;
}

static void pause_deadline(struct turn *turn)
{
    struct run *run = turn->run;
    struct op op = { .kind = OP_RUN };
    bool pauses = waits_for_answers(run);
    if (turn->failed != ERR_OK || pauses == (run->paused.us != 0))
        return;
    op_number(&op, FIELD_POSITION, pauses ? run->now.us : 0);
    if (!pauses && run->stop == STOP_NONE && run->phase == RUN_PHASE_MAIN)
        op_number(&op, FIELD_DEADLINE, run->deadline.us + (run->now.us - run->paused.us));
    turn_emit(turn, &op);
}

enum err turn_end(struct turn *turn, struct err_info *why)
{
    struct run *run = turn->run;
    push_ready_blocks(turn);
    run_ready_blocks(turn);
    if (turn->failed == ERR_OK && run->phase != RUN_PHASE_ENDED && run->phase != RUN_PHASE_CREATED) {
        enum run_status status = status_of(run);
        if (status != run->status) {
            assert(run_status_can_move(run->status, status));
            struct op op = { .kind = OP_RUN };
            op_number(&op, FIELD_STATUS, status);
            turn_emit(turn, &op);
        }
    }
    pause_deadline(turn);
    if (turn->failed != ERR_OK && why)
        *why = turn->why;
    return turn->failed;
}

/* ---- the run as a whole ---- */

void run_finish(struct turn *turn, enum run_status status, struct value error)
{
    struct run *run = turn->run;
    assert(run_status_can_move(run->status, status));
    struct op op = { .kind = OP_RUN };
    op_number(&op, FIELD_PHASE, RUN_PHASE_ENDED);
    op_number(&op, FIELD_STATUS, status);
    op_number(&op, FIELD_ENDED, run->now.us);
    if (status != RUN_SUCCEEDED && !value_is(run->output, VALUE_NULL))
        op_value(&op, FIELD_OUTPUT, value_null());
    if (!value_is(error, VALUE_NULL) || !value_is(run->error, VALUE_NULL))
        op_value(&op, FIELD_ERROR, error);
    turn_emit(turn, &op);
}

static void run_failed(struct turn *turn, struct value error)
{
    struct run *run = turn->run;
    if (run->phase != RUN_PHASE_MAIN || run->playbook->on_failure.count == 0) {
        run_finish(turn, RUN_FAILED, error);
        return;
    }
    struct op op = { .kind = OP_RUN };
    op_number(&op, FIELD_PHASE, RUN_PHASE_ON_FAILURE);
    op_number(&op, FIELD_DEADLINE, run->now.us + RUN_CLEANUP_SECONDS_MAX * US_PER_S);
    op_value(&op, FIELD_ERROR, error);
    turn_emit(turn, &op);
    block_open(turn, NULL, PART_ON_FAILURE, 0, 0);
}

void run_block_ended(struct turn *turn, uint32_t part, struct outcome outcome)
{
    struct run *run = turn->run;
    if (run->stop == STOP_CANCEL) {
        run_finish(turn, RUN_CANCELLED, run->error);
        return;
    }
    if (part == PART_ON_FAILURE) {
        run_finish(turn, RUN_FAILED, run->error);
        return;
    }
    switch (outcome.kind) {
    case OUTCOME_OK:
    case OUTCOME_RETURNED:
        if (run->stop == STOP_NONE)
            run_finish(turn, RUN_SUCCEEDED, value_null());
        else
            run_failed(turn, run->error);
        break;
    case OUTCOME_FAILED: run_failed(turn, run->stop == STOP_NONE ? outcome.error : run->error); break;
    case OUTCOME_CANCELLED: run_failed(turn, run->error); break;
    }
}

/* A second one is meant seriously: then `finally` has to end as well. */
void run_stop(struct turn *turn, enum stop_reason reason, struct value error)
{
    struct run *run = turn->run;
    bool is_forced = run->stop != STOP_NONE || run->phase == RUN_PHASE_ON_FAILURE;
    if (run->phase == RUN_PHASE_ENDED)
        return;
    struct op op = { .kind = OP_RUN };
    if (run->phase == RUN_PHASE_ON_FAILURE && reason != STOP_CANCEL)
        error = run->error; /* what it failed with first */
    op_number(&op, FIELD_STOP, reason == STOP_CANCEL || run->stop == STOP_NONE ? reason : run->stop);
    op_value(&op, FIELD_ERROR, error);
    op_number(&op, FIELD_DEADLINE, run->now.us + RUN_CLEANUP_SECONDS_MAX * US_PER_S);
    turn_emit(turn, &op);
    if (run->phase == RUN_PHASE_CREATED) {
        run_finish(turn, reason == STOP_CANCEL ? RUN_CANCELLED : RUN_FAILED, error);
        return;
    }
    frame_stop_blocks(turn, 0, is_forced);
}

/* `finally` and `on_failure` still get RUN_RESERVE more, so the second time is the end of those too. */
void turn_limit(struct turn *turn, const char *name, uint64_t limit)
{
    struct err_info why = { 0 };
    struct str message;
    char code[40] = { 0 };
    for (size_t i = 0; name[i] != '\0' && i + 1 < sizeof(code); i++)
        code[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + ('a' - 'A') : name[i]);
    struct value error;
    enum err result = arena_printf(&turn->run->arena, &message, &why, "the run reached the limit %s (%llu)",
        name, (unsigned long long)limit);
    if (result == ERR_OK)
        result = error_value(&turn->run->arena, str_of(code), message, false, STR(""), &error, &why);
    if (result != ERR_OK) {
        turn_fail(turn, result, &why);
        return;
    }
    run_stop(turn, STOP_LIMIT, error);
}
