/* The one place where a run's state changes: operations of the journal, applied. */
#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "engine/run.h"
#include "engine/status.h"

static enum err damaged(const struct op *op, struct err_info *why)
{
    return err_named(why, ERR_INVALID, "journal_damaged",
        "an operation of kind %d on frame %u does not fit the run's state", op->kind, op->frame);
}

/* Room for one more in an array of the run's arena. */
static FALLIBLE grow(
    struct run *run, void **items, uint32_t count, uint32_t *room, size_t size, struct err_info *why)
{
    if (count < *room)
        return ERR_OK;
    uint32_t wanted = *room ? *room * 2 : 4;
    void *fresh = arena_array(&run->arena, wanted, size);
    if (!fresh)
        return err_memory(why);
    if (count > 0)
        memcpy(fresh, *items, count * size);
    *items = fresh;
    *room = wanted;
    return ERR_OK;
}

static FALLIBLE frame_add(struct run *run, uint32_t id, struct frame **ret, struct err_info *why)
{
    void *frames = run->frames;
    TRY(grow(run, &frames, run->frame_count, &run->frame_room, sizeof(struct frame *), why));
    run->frames = frames;
    struct frame *frame = run->free_frames;
    if (frame)
        run->free_frames = frame->next_free;
    else if (!(frame = ARENA_NEW(&run->arena, struct frame)))
        return err_memory(why);
    memset(frame, 0, sizeof(*frame));
    frame->id = id;
    run->frames[run->frame_count++] = frame;
    *ret = frame;
    return ERR_OK;
}

static FALLIBLE frame_next(struct run *run, const struct op *op, struct frame **ret, struct err_info *why)
{
    if (run->next_frame == UINT32_MAX)
        return damaged(op, why);
    TRY(frame_add(run, run->next_frame, ret, why));
    run->next_frame++;
    return ERR_OK;
}

static void frame_remove(struct run *run, struct frame *frame)
{
    uint32_t at = run_frame_index(run, frame->id);
    assert(at < run->frame_count && run->frames[at] == frame);
    if (frame->scope)
        run->names_version++;
    memmove(&run->frames[at], &run->frames[at + 1], (run->frame_count - at - 1) * sizeof(struct frame *));
    run->frame_count--;
    frame->next_free = run->free_frames;
    run->free_frames = frame;
}

static FALLIBLE word(const struct op *op, enum op_field field, uint32_t *into, struct err_info *why)
{
    if (!op_has(op, field))
        return ERR_OK;
    if (op->numbers[field] < 0 || op->numbers[field] > UINT32_MAX)
        return damaged(op, why);
    *into = (uint32_t)op->numbers[field];
    return ERR_OK;
}

/* Which block a step of that kind has at all. The store is trusted to hold what was written, not to be whole:
 * nothing that it says may lead the interpreter outside of its playbook. */
static bool part_fits(const struct step *owner, uint32_t part, uint32_t number)
{
    if (!owner)
        return part == PART_MAIN || part == PART_ON_FAILURE;
    switch (part) {
    case PART_THEN:
    case PART_ELSE: return owner->kind == STEP_IF;
    case PART_CASE: return owner->kind == STEP_SWITCH && number < owner->choice.case_count;
    case PART_DEFAULT: return owner->kind == STEP_SWITCH;
    case PART_BODY: return owner->kind == STEP_WHILE || owner->kind == STEP_FOR_EACH;
    case PART_BRANCH: return owner->kind == STEP_PARALLEL && number < owner->parallel.count;
    case PART_TRY:
    case PART_CATCH:
    case PART_FINALLY: return owner->kind == STEP_TRY;
    case PART_ERROR: return owner->on_error == ON_ERROR_STEPS;
    default: return false;
    }
}

static FALLIBLE at_time(const struct op *op, enum op_field field, struct instant *into, struct err_info *why)
{
    if (!op_has(op, field))
        return ERR_OK;
    if (op->numbers[field] < -JOURNAL_TIME_US_MAX || op->numbers[field] > JOURNAL_TIME_US_MAX)
        return damaged(op, why);
    into->us = op->numbers[field];
    return ERR_OK;
}

/* What a step of that kind can be doing at all. */
static bool phase_fits(enum step_kind kind, uint32_t phase)
{
    bool is_call = kind == STEP_DO || kind == STEP_SCRIPT;
    switch (phase) {
    case PHASE_ENTER:
    case PHASE_BACKOFF:
    case PHASE_HANDLING: return true;
    case PHASE_INSIDE:
        return kind == STEP_IF || kind == STEP_SWITCH || kind == STEP_FOR_EACH || kind == STEP_WHILE ||
            kind == STEP_PARALLEL || kind == STEP_TRY;
    case PHASE_CALL:
    case PHASE_PROBE:
    case PHASE_LOCAL:
    case PHASE_LOCAL_DONE:
    case PHASE_APPROVAL:
    case PHASE_UNCERTAIN: return is_call;
    case PHASE_ASK: return kind == STEP_ASK;
    case PHASE_WAIT:
    case PHASE_EVENT: return kind == STEP_WAIT;
    case PHASE_CHILD: return kind == STEP_RUN;
    default: return false;
    }
}

/* A block belongs to a step or to the run, a step stands in a block; both have begun after what they are in.
 */
static bool frame_fits(const struct run *run, const struct frame *frame)
{
    const struct frame *above = frame->parent ? run_find_frame(run, frame->parent) : NULL;
    bool is_block_phase = frame->phase == BLOCK_READY || frame->phase == BLOCK_BUSY;
    if ((frame->parent != 0 && (!above || frame->parent >= frame->id)) || frame->flags & FRAME_COLLECTED)
        return false;
    if (frame->kind == FRAME_STEP)
        return above && above->kind == FRAME_BLOCK && frame->step < run->playbook->step_count &&
            phase_fits(run->playbook->all_steps[frame->step]->kind, frame->phase);
    if (frame->kind != FRAME_BLOCK || !is_block_phase || (above && above->kind != FRAME_STEP))
        return false;
    return frame->step == (above ? above->step : STEP_NONE) &&
        part_fits(above ? run->playbook->all_steps[above->step] : NULL, frame->part, frame->number);
}

static FALLIBLE collected_restore(
    struct run *run, const struct op *op, struct frame *frame, struct err_info *why)
{
    if (!value_is(op->output, VALUE_LIST))
        return damaged(op, why);
    struct value *items = ARENA_ARRAY(&run->arena, op->output.size, struct value);
    if (!items)
        return err_memory(why);
    if (op->output.size > 0)
        memcpy(items, op->output.items, op->output.size * sizeof(struct value));
    frame->collected = items;
    frame->collected_count = op->output.size;
    return ERR_OK;
}

static FALLIBLE frame_set(struct frame *frame, const struct op *op, struct err_info *why)
{
    TRY(word(op, FIELD_KIND, &frame->kind, why));
    TRY(word(op, FIELD_PARENT, &frame->parent, why));
    TRY(word(op, FIELD_STEP, &frame->step, why));
    TRY(word(op, FIELD_PART, &frame->part, why));
    TRY(word(op, FIELD_NUMBER, &frame->number, why));
    TRY(word(op, FIELD_PHASE, &frame->phase, why));
    if (op_has(op, FIELD_PHASE) && frame->phase == PHASE_BACKOFF) /* the next attempt gathers anew */
        frame->collected = NULL;
    TRY(word(op, FIELD_STOP, &frame->stop, why));
    TRY(word(op, FIELD_ATTEMPT, &frame->attempt, why));
    TRY(word(op, FIELD_POSITION, &frame->position, why));
    TRY(word(op, FIELD_COUNT, &frame->count, why));
    TRY(word(op, FIELD_FLAGS, &frame->flags, why));
    TRY(at_time(op, FIELD_STARTED, &frame->started, why));
    TRY(at_time(op, FIELD_DUE, &frame->due, why));
    TRY(at_time(op, FIELD_DEADLINE, &frame->deadline, why));
    if (op_has(op, FIELD_OBJECT))
        frame->object = op->object;
    if (op_has(op, FIELD_DATA))
        frame->data = op->data;
    if (op_has(op, FIELD_OUTPUT))
        frame->output = op->output;
    if (op_has(op, FIELD_ERROR))
        frame->error = op->error;
    return ERR_OK;
}

static FALLIBLE scope_add(struct run *run, struct frame *frame, struct err_info *why)
{
    if (!(frame->flags & (FRAME_HAS_STEPS | FRAME_HAS_VARS)))
        return ERR_OK;
    frame->scope = ARENA_NEW(&run->arena, struct scope);
    return frame->scope ? ERR_OK : err_memory(why);
}

/* Loops and branches count what they have begun and what has ended, so that no operation has to say it. */
static FALLIBLE apply_block_open(struct run *run, const struct op *op, struct err_info *why)
{
    struct frame *owner = NULL, *frame = NULL;
    uint32_t parent = 0;
    TRY(word(op, FIELD_PARENT, &parent, why));
    if (parent != 0 && (!(owner = run_find_frame(run, parent)) || owner->kind != FRAME_STEP))
        return damaged(op, why);
    TRY(frame_next(run, op, &frame, why));
    frame->kind = FRAME_BLOCK;
    frame->phase = BLOCK_READY;
    frame->started = run->now;
    TRY(frame_set(frame, op, why));
    frame->step = owner ? owner->step : STEP_NONE;
    if (!frame_fits(run, frame))
        return damaged(op, why);
    if (owner && (frame->part == PART_BODY || frame->part == PART_BRANCH))
        owner->position = frame->number + 1;
    return scope_add(run, frame, why);
}

static FALLIBLE apply_block_close(struct run *run, const struct op *op, struct err_info *why)
{
    struct frame *frame = run_find_frame(run, op->frame);
    if (!frame || frame->kind != FRAME_BLOCK || run_next_child(run, frame->id, frame->id))
        return damaged(op, why);
    struct frame *owner = run_find_frame(run, frame->parent);
    if (owner && (frame->part == PART_BODY || frame->part == PART_BRANCH))
        owner->count++;
    frame_remove(run, frame);
    return ERR_OK;
}

static FALLIBLE block_begins_step(
    struct run *run, const struct op *op, struct frame **ret, struct err_info *why)
{
    uint32_t parent = 0, step = 0;
    TRY(word(op, FIELD_PARENT, &parent, why));
    TRY(word(op, FIELD_STEP, &step, why));
    struct frame *block = run_find_frame(run, parent);
    if (!block || block->kind != FRAME_BLOCK || block->phase != BLOCK_READY ||
        step >= run->playbook->step_count)
        return damaged(op, why);
    block->position++;
    run->steps_begun++;
    *ret = block;
    return ERR_OK;
}

static FALLIBLE apply_step_open(struct run *run, const struct op *op, struct err_info *why)
{
    struct frame *block = NULL, *frame = NULL;
    TRY(block_begins_step(run, op, &block, why));
    block->phase = BLOCK_BUSY;
    TRY(frame_next(run, op, &frame, why));
    frame->kind = FRAME_STEP;
    frame->phase = PHASE_ENTER;
    frame->started = run->now;
    frame->attempt = 1;
    TRY(frame_set(frame, op, why));
    return frame_fits(run, frame) ? ERR_OK : damaged(op, why);
}

static FALLIBLE put_result(
    struct run *run, struct scope *scope, const struct result *result, struct err_info *why)
{
    uint32_t at = scope_result_index(scope, result->step);
    run->names_version++;
    if (at < scope->result_count && scope->results[at].step == result->step) {
        scope->results[at] = *result;
        return ERR_OK;
    }
    void *items = scope->results;
    TRY(grow(run, &items, scope->result_count, &scope->result_room, sizeof(struct result), why));
    scope->results = items;
    memmove(&scope->results[at + 1], &scope->results[at], (scope->result_count - at) * sizeof(struct result));
    scope->results[at] = *result;
    scope->result_count++;
    return ERR_OK;
}

/* A skipped step has no entry: `has(steps.x)` tells (docs/playbooks.md, "Expressions"). */
static FALLIBLE result_of(
    struct run *run, const struct op *op, struct frame *below, struct result result, struct err_info *why)
{
    uint32_t status = 0, scope_frame = 0;
    TRY(word(op, FIELD_STATUS, &status, why));
    if (status >= STEP_STATUS_COUNT)
        return damaged(op, why);
    if (status == STEP_SKIPPED)
        return ERR_OK;
    result.status = (enum step_status)status;
    result.ended = run->now;
    result.output = op->output;
    result.error = op->error;
    return put_result(run, run_scope(run, below, FRAME_HAS_STEPS, &scope_frame), &result, why);
}

static FALLIBLE apply_step_leaf(struct run *run, const struct op *op, struct err_info *why)
{
    struct frame *block = NULL;
    TRY(block_begins_step(run, op, &block, why));
    struct result result = { .attempt = 1, .started = run->now };
    TRY(word(op, FIELD_STEP, &result.step, why));
    return result_of(run, op, block, result, why);
}

/* What a frame is and where it stands never changes. */
static FALLIBLE apply_step_set(struct run *run, const struct op *op, struct err_info *why)
{
    const uint32_t fixed = FIELD_BIT(FIELD_KIND) | FIELD_BIT(FIELD_PARENT) | FIELD_BIT(FIELD_STEP) |
        FIELD_BIT(FIELD_PART);
    struct frame *frame = run_find_frame(run, op->frame);
    if (!frame || frame->kind != FRAME_STEP || op->fields & fixed)
        return damaged(op, why);
    TRY(frame_set(frame, op, why));
    return frame_fits(run, frame) ? ERR_OK : damaged(op, why);
}

static FALLIBLE apply_step_result(struct run *run, const struct op *op, struct err_info *why)
{
    struct frame *frame = run_find_frame(run, op->frame);
    if (!frame || frame->kind != FRAME_STEP)
        return damaged(op, why);
    struct result result = { .step = frame->step, .attempt = frame->attempt, .started = frame->started };
    if (op->kind == OP_STEP_RESULT) {
        TRY(apply_step_set(run, op, why));
        frame->flags |= FRAME_HAS_RESULT;
    }
    if (op->kind == OP_STEP_RESULT || !(frame->flags & FRAME_HAS_RESULT))
        TRY(result_of(run, op, frame, result, why));
    if (op->kind == OP_STEP_RESULT)
        return ERR_OK;
    struct frame *block = run_find_frame(run, frame->parent);
    if (!block || run_next_child(run, frame->id, frame->id))
        return damaged(op, why);
    block->phase = BLOCK_READY;
    frame_remove(run, frame);
    return ERR_OK;
}

static FALLIBLE scope_of(struct run *run, const struct op *op, struct scope **ret, struct err_info *why)
{
    struct frame *frame = op->frame ? run_find_frame(run, op->frame) : NULL;
    if (op->frame && (!frame || !frame->scope))
        return damaged(op, why);
    *ret = frame ? frame->scope : &run->scope;
    return ERR_OK;
}

static FALLIBLE apply_var(struct run *run, const struct op *op, struct err_info *why)
{
    struct scope *scope = NULL;
    TRY(scope_of(run, op, &scope, why));
    run->names_version++;
    for (uint32_t i = 0; i < scope->variable_count; i++) {
        if (str_equal(scope->variables[i].name, op->name)) {
            scope->variables[i].v = op->data;
            return ERR_OK;
        }
    }
    void *items = scope->variables;
    TRY(grow(run, &items, scope->variable_count, &scope->variable_room, sizeof(struct variable), why));
    scope->variables = items;
    scope->variables[scope->variable_count++] = (struct variable){ op->name, op->data };
    return ERR_OK;
}

/* `count` is how many items there will be; it comes with the first. */
static FALLIBLE apply_collect(struct run *run, const struct op *op, struct err_info *why)
{
    struct frame *frame = run_find_frame(run, op->frame);
    uint32_t number = 0, count = 0;
    TRY(word(op, FIELD_NUMBER, &number, why));
    TRY(word(op, FIELD_COUNT, &count, why));
    if (!frame || frame->kind != FRAME_STEP)
        return damaged(op, why);
    if (!frame->collected) {
        if (count > LOOP_ITEMS_MAX)
            return damaged(op, why);
        frame->collected = ARENA_ARRAY(&run->arena, count, struct value);
        if (!frame->collected)
            return err_memory(why);
        memset(frame->collected, 0, count * sizeof(struct value));
        frame->collected_count = count;
    }
    if (number >= frame->collected_count)
        return damaged(op, why);
    frame->collected[number] = op->data;
    return ERR_OK;
}

static FALLIBLE apply_scope_result(struct run *run, const struct op *op, struct err_info *why)
{
    struct scope *scope = NULL;
    struct result result = { .output = op->output, .error = op->error };
    uint32_t status = 0;
    TRY(scope_of(run, op, &scope, why));
    TRY(word(op, FIELD_STEP, &result.step, why));
    TRY(word(op, FIELD_STATUS, &status, why));
    TRY(word(op, FIELD_ATTEMPT, &result.attempt, why));
    if (status >= STEP_STATUS_COUNT || result.step >= run->playbook->step_count)
        return damaged(op, why);
    result.status = (enum step_status)status;
    TRY(at_time(op, FIELD_STARTED, &result.started, why));
    TRY(at_time(op, FIELD_ENDED, &result.ended, why));
    return put_result(run, scope, &result, why);
}

static FALLIBLE apply_frame(struct run *run, const struct op *op, struct err_info *why)
{
    struct frame *frame = NULL;
    if (op->frame < run->next_frame || op->frame == UINT32_MAX)
        return damaged(op, why);
    TRY(frame_add(run, op->frame, &frame, why));
    run->next_frame = op->frame + 1;
    TRY(frame_set(frame, op, why));
    if (frame->flags & FRAME_COLLECTED) {
        TRY(collected_restore(run, op, frame, why));
        frame->flags &= ~(uint32_t)FRAME_COLLECTED;
        frame->output = value_null();
    }
    if (!frame_fits(run, frame))
        return damaged(op, why);
    return scope_add(run, frame, why);
}

static bool status_fits(enum run_phase phase, enum run_status status)
{
    bool is_end = run_status_is_end(status), may_wait = phase == RUN_PHASE_CREATED;
    return is_end == (phase == RUN_PHASE_ENDED) && (status != RUN_QUEUED || may_wait);
}

static FALLIBLE apply_run(struct run *run, const struct op *op, struct err_info *why)
{
    uint32_t phase = run->phase, status = run->status;
    TRY(word(op, FIELD_PHASE, &phase, why));
    TRY(word(op, FIELD_STATUS, &status, why));
    TRY(word(op, FIELD_STOP, &run->stop, why));
    TRY(word(op, FIELD_FLAGS, &run->flags, why));
    uint32_t next = run->next_frame;
    TRY(word(op, FIELD_NUMBER, &next, why));
    if (next == 0 || (run->frame_count > 0 && next <= run->frames[run->frame_count - 1]->id))
        return damaged(op, why);
    run->next_frame = next;
    if (phase > RUN_PHASE_ENDED || status >= RUN_STATUS_COUNT ||
        !status_fits((enum run_phase)phase, (enum run_status)status))
        return damaged(op, why);
    run->phase = (enum run_phase)phase;
    run->status = (enum run_status)status;
    TRY(at_time(op, FIELD_STARTED, &run->started, why));
    TRY(at_time(op, FIELD_ENDED, &run->ended, why));
    TRY(at_time(op, FIELD_DEADLINE, &run->deadline, why));
    TRY(at_time(op, FIELD_POSITION, &run->paused, why));
    TRY(at_time(op, FIELD_DUE, &run->created, why)); /* of a snapshot */
    if (op_has(op, FIELD_COUNT))
        run->steps_begun = (uint64_t)op->numbers[FIELD_COUNT];
    if (op_has(op, FIELD_OUTPUT))
        run->output = op->output;
    if (op_has(op, FIELD_ERROR))
        run->error = op->error;
    run->shown = value_null();
    return ERR_OK;
}

static FALLIBLE apply_subject(struct run *run, const struct op *op, struct err_info *why)
{
    struct id *id = NULL;
    struct value *v = NULL;
    switch (op->numbers[FIELD_PART]) {
    case SUBJECT_EVENT: id = &run->event_id, v = &run->event; break;
    case SUBJECT_ALERT: id = &run->alert_id, v = &run->alert; break;
    case SUBJECT_CASE: id = &run->case_id, v = &run->case_value; break;
    default: return damaged(op, why);
    }
    if (op_has(op, FIELD_OBJECT))
        *id = op->object;
    if (op_has(op, FIELD_DATA))
        *v = op->data;
    return ERR_OK;
}

static FALLIBLE apply_create(struct run *run, const struct op *op, struct err_info *why)
{
    struct creation creation;
    TRY(creation_unpack(op->data, &creation, why));
    run->playbook_number = creation.playbook_number;
    run->playbook_version = creation.playbook_version;
    run->event_id = creation.event_id;
    run->alert_id = creation.alert_id;
    run->case_id = creation.case_id;
    run->parent_id = creation.parent_id;
    run->containment_id = creation.containment_id;
    run->parent_number = creation.parent_number;
    run->parent_frame = creation.parent_frame;
    run->depth = creation.depth;
    run->event = creation.event;
    run->alert = creation.alert;
    run->case_value = creation.case_value;
    run->inputs = creation.inputs;
    run->concurrency_key = creation.concurrency_key;
    run->error = creation.error;
    run->created = run->now;
    return ERR_OK;
}

static void apply_snapshot(struct run *run)
{
    run->frame_count = 0;
    run->free_frames = NULL;
    run->frames = NULL;
    run->frame_room = 0;
    run->next_frame = 1;
    run->scope = (struct scope){ 0 };
    run->names_version++;
    run->output = run->error = value_null();
    run->stop = run->flags = 0;
    run->ended = run->deadline = run->paused = (struct instant){ 0 };
}

enum err run_apply(struct run *run, const struct op *op, struct err_info *why)
{
    switch (op->kind) {
    case OP_CREATE: return apply_create(run, op, why);
    case OP_HAPPENED: return ERR_OK;
    case OP_RUN: return apply_run(run, op, why);
    case OP_SUBJECT: return apply_subject(run, op, why);
    case OP_BLOCK_OPEN: return apply_block_open(run, op, why);
    case OP_BLOCK_CLOSE: return apply_block_close(run, op, why);
    case OP_STEP_OPEN: return apply_step_open(run, op, why);
    case OP_STEP_SET: return apply_step_set(run, op, why);
    case OP_STEP_RESULT:
    case OP_STEP_END: return apply_step_result(run, op, why);
    case OP_STEP_LEAF: return apply_step_leaf(run, op, why);
    case OP_VAR: return apply_var(run, op, why);
    case OP_COLLECT: return apply_collect(run, op, why);
    case OP_SNAPSHOT: apply_snapshot(run); return ERR_OK;
    case OP_FRAME: return apply_frame(run, op, why);
    case OP_SCOPE_RESULT: return apply_scope_result(run, op, why);
    default: return damaged(op, why);
    }
}

enum err run_fold(struct run *run, struct str bytes, struct err_info *why)
{
    struct journal_reader reader;
    struct op op;
    bool more = false;
    TRY(journal_open(&reader, bytes, &run->arena, why));
    if (reader.now.us < -JOURNAL_TIME_US_MAX || reader.now.us > JOURNAL_TIME_US_MAX)
        return damaged(&(struct op){ 0 }, why);
    run->now = reader.now;
    for (;;) {
        TRY(journal_next(&reader, &op, &more, why));
        if (!more)
            break;
        TRY(run_apply(run, &op, why));
    }
    run->seq++;
    return ERR_OK;
}
