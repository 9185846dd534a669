/* `run:`: another playbook, awaited or not. The child is a run of its own; its end comes back through the
 * parent's inbox, in the child's last commit. */
#include "base/limits.h"
#include "engine/registry.h"
#include "engine/start.h"
#include "engine/turn.h"

struct child {
    struct id id;
    struct playbook_version *version; /* a reference */
    struct creation creation;
};

static void creation_of(
    const struct turn *turn, const struct frame *frame, bool is_awaited, struct creation *ret)
{
    const struct run *run = turn->run;
    *ret = (struct creation){
        .event_id = run->event_id,
        .alert_id = run->alert_id,
        .case_id = run->case_id,
        .event = run->event,
        .alert = run->alert,
        .case_value = run->case_value,
        .parent_id = run->id,
        .parent_frame = is_awaited ? frame->id : 0,
        .depth = run->depth + 1,
    };
}

static FALLIBLE child_effect(
    struct turn *turn, struct frame *frame, struct child *child, struct err_info *why)
{
    AUTO(buf) struct buf record = { 0 };
    struct effect *effect = turn_effect(turn, EFFECT_CHILD, frame->id);
    if (!effect)
        return err_memory(why);
    effect->object = child->id;
    TRY(start_key(child->creation.concurrency_key, turn->arena, &effect->key, why));
    TRY(start_record(child->version, &child->creation, turn->run->now, &record, why));
    TRY(arena_str(turn->arena, buf_str(&record), &effect->bytes, why));
    effect->version = child->version;
    child->version = NULL;
    return ERR_OK;
}

static void started(struct turn *turn, struct frame *frame, struct id child, bool is_awaited)
{
    struct err_info why = { 0 };
    struct value_map_builder map = { 0 };
    struct id_text text = id_text(child);
    struct str id;
    if (is_awaited) {
        struct op op = frame_op(frame);
        op_number(&op, FIELD_PHASE, PHASE_CHILD);
        op_object(&op, child);
        turn_emit(turn, &op);
        return;
    }
    value_map_begin(&map, &turn->run->arena);
    if (arena_str(&turn->run->arena, id_str(&text), &id, &why) != ERR_OK ||
        value_map_set(&map, "run_id", value_string(id), &why) != ERR_OK) {
        turn_fail(turn, ERR_MEMORY, &why);
        return;
    }
    step_finish(turn, frame, (struct outcome){ .kind = OUTCOME_OK, .output = value_map_end(&map) });
}

static void start_child(struct turn *turn, struct frame *frame, struct child *child, struct value given)
{
    const struct step *step = frame_step(turn, frame);
    const struct turn_world *world = turn->world;
    struct err_info why = { 0 };
    creation_of(turn, frame, step->run.is_awaited, &child->creation);
    child->id = start_id(world->clock, world->rand, world->shard, world->shard_count);
    enum err result = start_inputs(
        child->version, given, &child->creation, turn->run->now, &turn->run->arena, &why);
    if (result == ERR_OK && !value_is(child->creation.error, VALUE_NULL)) {
        /* The caller is wrong: the error is this step's, no run begins. */
        step_finish(turn, frame, (struct outcome){ .kind = OUTCOME_FAILED, .error = child->creation.error });
        return;
    }
    struct id id = child->id;
    if (result == ERR_OK)
        result = child_effect(turn, frame, child, &why);
    if (result != ERR_OK)
        turn_fail(turn, result, &why);
    else
        started(turn, frame, id, step->run.is_awaited);
}

static void enter(struct turn *turn, struct frame *frame)
{
    const struct step *step = frame_step(turn, frame);
    struct names names;
    struct err_info why = { 0 };
    struct value given;
    names_init(&names, turn->run, frame);
    if (names_fill(&names, step->run.with, &given, &why) != ERR_OK) {
        step_fail_why(turn, frame, &why);
        return;
    }
    struct op op = frame_op(frame);
    op_value(&op, FIELD_DATA, given);
    turn_emit(turn, &op);
    if (turn->run->depth + 1 > RUN_DEPTH_MAX) {
        step_fail(turn, frame, STR("run_depth_max"),
            STR("sub-playbooks are nested deeper than RUN_DEPTH_MAX"), false);
        return;
    }
    struct child child = { .version = registry_find(
                               turn->world->registry, turn->run->tenant, step->run.playbook) };
    if (child.version)
        start_child(turn, frame, &child, given);
    else
        step_fail(turn, frame, STR("unknown_playbook"), STR("there is no playbook of that name"), false);
    playbook_version_release(child.version);
}

void step_run_ended(struct turn *turn, struct frame *frame, struct value ended)
{
    struct value status = value_get(ended, STR("status")), error = value_get(ended, STR("error"));
    if (status.type == VALUE_INT && status.integer == RUN_SUCCEEDED) {
        step_finish(
            turn, frame, (struct outcome){ .kind = OUTCOME_OK, .output = value_get(ended, STR("output")) });
        return;
    }
    if (frame->stop != STOP_NONE) { /* it ended as it was told to; why, the stop knows */
        step_finish(turn, frame, (struct outcome){ .kind = OUTCOME_CANCELLED });
        return;
    }
    struct value code = value_get(error, STR("code")), message = value_get(error, STR("message"));
    struct value retryable = value_get(error, STR("retryable"));
    step_fail(turn, frame, value_is(code, VALUE_STRING) ? value_str(code) : STR("failed"),
        value_is(message, VALUE_STRING) ? value_str(message) : STR("the playbook failed"),
        retryable.type == VALUE_BOOL && retryable.boolean);
}

/* The child ends in its own way, with its `finally`; this step ends when it has. */
static void cancel(struct turn *turn, struct frame *frame, bool is_forced)
{
    (void)is_forced;
    struct effect *effect = turn_effect(turn, EFFECT_CANCEL_CHILD, frame->id);
    if (effect)
        effect->object = frame->object;
}

const struct step_ops step_run_ops = { .enter = enter, .cancel = cancel };
