/* The whole state of a run at once: copied into a fresh arena, or as operations that make it anew. */
#include <string.h>

#include "base/limits.h"
#include "engine/run.h"

/* ---- compaction ---- */

struct copier {
    struct arena *arena;
    struct err_info *why;
};

static FALLIBLE copy_value(struct copier *copier, struct value *v)
{
    return value_copy(copier->arena, *v, v, copier->why);
}

static FALLIBLE copy_array(struct copier *copier, void **items, size_t count, size_t size)
{
    void *fresh = arena_array(copier->arena, count, size);
    if (!fresh)
        return err_memory(copier->why);
    if (count > 0)
        memcpy(fresh, *items, count * size);
    *items = fresh;
    return ERR_OK;
}

static FALLIBLE copy_scope(struct copier *copier, struct scope *scope)
{
    void *results = scope->results, *variables = scope->variables;
    TRY(copy_array(copier, &results, scope->result_count, sizeof(struct result)));
    TRY(copy_array(copier, &variables, scope->variable_count, sizeof(struct variable)));
    *scope = (struct scope){ .results = results,
        .result_count = scope->result_count,
        .result_room = scope->result_count,
        .variables = variables,
        .variable_count = scope->variable_count,
        .variable_room = scope->variable_count };
    for (uint32_t i = 0; i < scope->result_count; i++) {
        scope->results[i].shown = value_null();
        TRY(copy_value(copier, &scope->results[i].output));
        TRY(copy_value(copier, &scope->results[i].error));
    }
    for (uint32_t i = 0; i < scope->variable_count; i++) {
        TRY(arena_str(copier->arena, scope->variables[i].name, &scope->variables[i].name, copier->why));
        TRY(copy_value(copier, &scope->variables[i].v));
    }
    return ERR_OK;
}

static FALLIBLE copy_collected(struct copier *copier, struct frame *frame)
{
    if (!frame->collected)
        return ERR_OK;
    void *items = frame->collected;
    TRY(copy_array(copier, &items, frame->collected_count, sizeof(struct value)));
    frame->collected = items;
    for (uint32_t i = 0; i < frame->collected_count; i++)
        TRY(copy_value(copier, &frame->collected[i]));
    return ERR_OK;
}

static FALLIBLE copy_frame(struct copier *copier, struct frame **into)
{
    struct frame *frame = ARENA_NEW(copier->arena, struct frame);
    if (!frame)
        return err_memory(copier->why);
    *frame = **into;
    frame->next_free = NULL;
    TRY(copy_value(copier, &frame->data));
    TRY(copy_value(copier, &frame->output));
    TRY(copy_value(copier, &frame->error));
    TRY(copy_collected(copier, frame));
    if (frame->scope) {
        struct scope *scope = ARENA_NEW(copier->arena, struct scope);
        if (!scope)
            return err_memory(copier->why);
        *scope = *frame->scope;
        TRY(copy_scope(copier, scope));
        frame->scope = scope;
    }
    *into = frame;
    return ERR_OK;
}

static FALLIBLE copy_run(struct copier *copier, struct run *copy)
{
    struct value *values[] = { &copy->event, &copy->alert, &copy->case_value, &copy->inputs,
        &copy->concurrency_key, &copy->output, &copy->error };
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        TRY(copy_value(copier, values[i]));
    void *frames = copy->frames;
    TRY(copy_array(copier, &frames, copy->frame_count, sizeof(struct frame *)));
    copy->frames = frames;
    copy->frame_room = copy->frame_count;
    copy->free_frames = NULL;
    copy->shown = copy->creation = value_null();
    for (uint32_t i = 0; i < copy->frame_count; i++)
        TRY(copy_frame(copier, &copy->frames[i]));
    return copy_scope(copier, &copy->scope);
}

enum err run_compact(struct run *run, struct err_info *why)
{
    struct run copy = *run;
    arena_init(&copy.arena, run->arena.bytes_max);
    struct copier copier = { &copy.arena, why };
    enum err result = copy_run(&copier, &copy);
    if (result != ERR_OK) {
        arena_done(&copy.arena);
        return result;
    }
    arena_done(&run->arena);
    *run = copy;
    run->live_bytes = run->arena.bytes_held;
    return ERR_OK;
}

/* ---- snapshot ---- */

static void add_number(struct op *op, enum op_field field, int64_t number)
{
    if (number != 0)
        op_number(op, field, number);
}

static void add_value(struct op *op, enum op_field field, struct value v)
{
    if (!value_is(v, VALUE_NULL))
        op_value(op, field, v);
}

static void add_scope(struct buf *record, uint32_t frame, const struct scope *scope)
{
    for (uint32_t i = 0; i < scope->result_count; i++) {
        const struct result *result = &scope->results[i];
        struct op op = { .kind = OP_SCOPE_RESULT, .frame = frame };
        op_number(&op, FIELD_STEP, result->step);
        op_number(&op, FIELD_STATUS, result->status);
        op_number(&op, FIELD_ATTEMPT, result->attempt);
        op_number(&op, FIELD_STARTED, result->started.us);
        op_number(&op, FIELD_ENDED, result->ended.us);
        add_value(&op, FIELD_OUTPUT, result->output);
        add_value(&op, FIELD_ERROR, result->error);
        journal_add(record, &op);
    }
    for (uint32_t i = 0; i < scope->variable_count; i++) {
        struct op op = { .kind = OP_VAR, .frame = frame };
        op_name(&op, scope->variables[i].name);
        op_value(&op, FIELD_DATA, scope->variables[i].v);
        journal_add(record, &op);
    }
}

static void add_frame(struct buf *record, const struct frame *frame)
{
    struct op op = { .kind = OP_FRAME, .frame = frame->id };
    uint32_t flags = frame->flags | (frame->collected ? FRAME_COLLECTED : 0);
    op_number(&op, FIELD_KIND, frame->kind);
    op_number(&op, FIELD_PARENT, frame->parent);
    op_number(&op, FIELD_STEP, frame->step);
    op_number(&op, FIELD_PHASE, frame->phase);
    op_number(&op, FIELD_STARTED, frame->started.us);
    add_number(&op, FIELD_PART, frame->part);
    add_number(&op, FIELD_NUMBER, frame->number);
    add_number(&op, FIELD_STOP, frame->stop);
    add_number(&op, FIELD_FLAGS, flags);
    add_number(&op, FIELD_ATTEMPT, frame->attempt);
    add_number(&op, FIELD_POSITION, frame->position);
    add_number(&op, FIELD_COUNT, frame->count);
    add_number(&op, FIELD_DUE, frame->due.us);
    add_number(&op, FIELD_DEADLINE, frame->deadline.us);
    if (!id_is_none(frame->object))
        op_object(&op, frame->object);
    add_value(&op, FIELD_DATA, frame->data);
    add_value(&op, FIELD_ERROR, frame->error);
    if (frame->collected)
        op_value(&op, FIELD_OUTPUT,
            (struct value){ .type = VALUE_LIST, .size = frame->collected_count, .items = frame->collected });
    else
        add_value(&op, FIELD_OUTPUT, frame->output);
    journal_add(record, &op);
    if (frame->scope)
        add_scope(record, frame->id, frame->scope);
}

static void add_subject(struct buf *record, enum subject subject, struct id id, struct value v)
{
    struct op op = { .kind = OP_SUBJECT };
    op_number(&op, FIELD_PART, subject);
    op_object(&op, id);
    op_value(&op, FIELD_DATA, v);
    journal_add(record, &op);
}

/* The order matters to replay: creation first, frames before what is in their scopes. */
enum err run_add_snapshot(
    const struct run *run, struct buf *record, struct arena *scratch, struct err_info *why)
{
    struct creation creation = {
        .alert_id = run->alert_id,
        .event_id = run->event_id,
        .case_id = run->case_id,
        .parent_id = run->parent_id,
        .containment_id = run->containment_id,
        .parent_number = run->parent_number,
        .parent_frame = run->parent_frame,
        .depth = run->depth,
        .playbook_number = run->playbook_number,
        .playbook_version = run->playbook_version,
        .inputs = run->inputs,
        .concurrency_key = run->concurrency_key,
    };
    struct op create = { .kind = OP_CREATE }, snapshot = { .kind = OP_SNAPSHOT }, op = { .kind = OP_RUN };
    struct value packed;
    TRY(creation_pack(&creation, scratch, &packed, why));
    op_value(&create, FIELD_DATA, packed);
    journal_add(record, &snapshot);
    journal_add(record, &create);
    add_subject(record, SUBJECT_EVENT, run->event_id, run->event);
    add_subject(record, SUBJECT_ALERT, run->alert_id, run->alert);
    add_subject(record, SUBJECT_CASE, run->case_id, run->case_value);
    op_number(&op, FIELD_PHASE, run->phase);
    op_number(&op, FIELD_STATUS, run->status);
    op_number(&op, FIELD_STOP, run->stop);
    op_number(&op, FIELD_FLAGS, run->flags);
    op_number(&op, FIELD_STARTED, run->started.us);
    op_number(&op, FIELD_ENDED, run->ended.us);
    op_number(&op, FIELD_DEADLINE, run->deadline.us);
    op_number(&op, FIELD_DUE, run->created.us);
    add_number(&op, FIELD_POSITION, run->paused.us);
    op_number(&op, FIELD_COUNT, (int64_t)run->steps_begun);
    add_value(&op, FIELD_OUTPUT, run->output);
    add_value(&op, FIELD_ERROR, run->error);
    journal_add(record, &op);
    for (uint32_t i = 0; i < run->frame_count; i++)
        add_frame(record, run->frames[i]);
    add_scope(record, 0, &run->scope);
    struct op next = { .kind = OP_RUN };
    op_number(&next, FIELD_NUMBER, run->next_frame);
    journal_add(record, &next);
    return ERR_OK;
}
