/* `do:`: a call of an action, from its parameters to what its failure means. `script:` is a call too.
 *
 * The frame keeps the parameters of the first attempt: all attempts are the same call, under the same
 * idempotency key. In `output` it keeps the span of `for:` while the call is out. What may be repeated
 * follows from two facts, whether the action is idempotent and whether the call took effect; an unsafe one
 * is called again only when it provably never left. */
#include <string.h>

#include "base/limits.h"
#include "base/timetext.h"
#include "engine/gate.h"
#include "engine/turn.h"

/* The action of a step as of now; released together. */
struct target {
    const struct catalogue *catalogue;
    const struct action *action; /* NULL: unknown */
    const struct action *refined; /* what gates and retries go by */
};

static struct str action_name(const struct step *step)
{
    if (step->kind == STEP_DO)
        return step->call.action;
    return str_equal(step->script.language, STR("python")) ? STR("script.python") : step->script.language;
}

static struct str connection_name(const struct step *step)
{
    return step->kind == STEP_DO ? step->call.connection : STR("");
}

static void target_find(struct turn *turn, const struct frame *frame, struct value with, struct target *ret)
{
    const struct step *step = frame_step(turn, frame);
    const struct turn_world *world = turn->world;
    *ret = (struct target){ .catalogue = world->catalogues->acquire(world->catalogues) };
    if (ret->catalogue)
        ret->action = catalogue_find(ret->catalogue, action_name(step));
    if (ret->action)
        ret->refined = action_refine(
            ret->action, world->host, turn->run->tenant, connection_name(step), with);
}

static void target_release(struct turn *turn, struct target *target)
{
    if (target->catalogue)
        turn->world->catalogues->release(turn->world->catalogues, target->catalogue);
}

/* ---- parameters ---- */

static FALLIBLE with_defaults(const struct action *action, struct value given, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    *ret = given;
    if (!action->defaults || action->defaults->type != VALUE_MAP)
        return ERR_OK;
    for (uint32_t i = 0; i < action->defaults->size; i++) {
        const struct value_entry *entry = &value_map_entries(*action->defaults)[i];
        struct value copy;
        if (value_map_find_key(given, entry->key))
            continue;
        TRY(value_copy(arena, entry->value, &copy, why));
        TRY(value_map_with(arena, *ret, entry->key, copy, ret, why));
    }
    return ERR_OK;
}

static FALLIBLE parameters(
    struct turn *turn, const struct frame *frame, struct value *ret, struct err_info *why)
{
    const struct step *step = frame_step(turn, frame);
    struct arena *arena = &turn->run->arena;
    struct names names;
    struct value given;
    struct value_map_builder map = { 0 };
    names_init(&names, turn->run, frame);
    TRY(names_fill(&names, step->kind == STEP_DO ? step->call.with : step->script.with, &given, why));
    value_map_begin(&map, arena);
    if (value_is(given, VALUE_NULL))
        given = value_map_end(&map);
    if (step->kind == STEP_SCRIPT) {
        TRY(value_map_set(&map, "code", value_string(step->script.code), why));
        TRY(value_map_set(&map, "with", given, why));
        given = value_map_end(&map);
    }
    *ret = given;
    return ERR_OK;
}

/* `for:` as a duration; null: none. */
static FALLIBLE lease_span(
    struct turn *turn, const struct frame *frame, struct value *ret, struct err_info *why)
{
    const struct step *step = frame_step(turn, frame);
    struct names names;
    struct value v;
    int64_t us = 0;
    *ret = value_null();
    if (step->kind != STEP_DO || !step->call.lease)
        return ERR_OK;
    names_init(&names, turn->run, frame);
    TRY(names_fill(&names, step->call.lease, &v, why));
    if (value_is(v, VALUE_STRING)) {
        TRY(span_parse(value_str(v), &us, why));
        v = value_duration(us / US_PER_S, (int32_t)(us % US_PER_S * 1000));
    }
    if (v.type != VALUE_DURATION || v.seconds < 0)
        return err_named(why, ERR_INVALID, "expr_eval", "for: needs a span such as \"24h\", not %s",
            value_type_name(v.type));
    *ret = v;
    return ERR_OK;
}

/* ---- going out ---- */

static void call_out(
    struct turn *turn, struct frame *frame, const struct action *action, enum action_purpose purpose)
{
    bool is_local = action->apply != NULL;
    struct op op = frame_op(frame);
    op_number(&op, FIELD_PHASE, is_local ? PHASE_LOCAL : purpose == ACTION_PROBE ? PHASE_PROBE : PHASE_CALL);
    if (purpose == ACTION_DO && !value_is(frame->error, VALUE_NULL)) /* of the attempt before */
        op_value(&op, FIELD_ERROR, value_null());
    turn_emit(turn, &op);
    struct effect *effect = turn_effect(turn, is_local ? EFFECT_LOCAL : EFFECT_CALL, frame->id);
    if (effect)
        effect->purpose = purpose;
}

static void simulate(struct turn *turn, struct frame *frame, const struct action *action)
{
    struct op op = frame_op(frame);
    op_number(&op, FIELD_FLAGS, frame->flags | FRAME_SIMULATED);
    turn_emit(turn, &op);
    struct value output = turn_keep(turn, action->example_out);
    step_finish(turn, frame, (struct outcome){ .kind = OUTCOME_OK, .output = output });
}

static FALLIBLE approval_payload(
    struct turn *turn, const struct frame *frame, struct str reason, struct value *ret, struct err_info *why)
{
    const struct step *step = frame_step(turn, frame);
    struct arena *arena = &turn->run->arena;
    struct value_map_builder show = { 0 }, payload = { 0 };
    struct value_list_builder options = { 0 };
    struct str digest;
    TRY(gate_digest(action_name(step), connection_name(step), frame->data, arena, &digest, why));
    value_map_begin(&show, arena);
    TRY(value_map_set(&show, "action", value_string(action_name(step)), why));
    TRY(value_map_set(&show, "with", frame->data, why));
    if (reason.size > 0)
        TRY(value_map_set(&show, "reason", value_string(reason), why));
    value_list_begin(&options, arena);
    TRY(value_list_add(&options, value_string(STR("approve")), why));
    TRY(value_list_add(&options, value_string(STR("reject")), why));
    value_map_begin(&payload, arena);
    TRY(value_map_set(&payload, "show", value_map_end(&show), why));
    TRY(value_map_set(&payload, "options", value_list_end(&options), why));
    TRY(value_map_set(&payload, "digest", value_string(digest), why));
    *ret = value_map_end(&payload);
    return ERR_OK;
}

static void ask_approval(struct turn *turn, struct frame *frame, struct str reason)
{
    struct err_info why = { 0 };
    struct value payload, title;
    struct str text;
    enum err result = approval_payload(turn, frame, reason, &payload, &why);
    if (result == ERR_OK)
        result = arena_printf(
            &turn->run->arena, &text, &why, "Run %.*s?", STR_ARG(action_name(frame_step(turn, frame))));
    if (result != ERR_OK) {
        turn_fail(turn, result, &why);
        return;
    }
    title = value_string(text);
    struct op op = frame_op(frame);
    op_number(&op, FIELD_PHASE, PHASE_APPROVAL);
    op_object(&op, turn_open_task(turn, frame, TASK_APPROVE, title, payload, (struct instant){ 0 }));
    turn_emit(turn, &op);
}

static void pass_gate(struct turn *turn, struct frame *frame, const struct target *target)
{
    struct str reason;
    switch (gate_judge(turn, frame, target->refined, frame->data, &reason)) {
    case GATE_CALL: call_out(turn, frame, target->refined, ACTION_DO); break;
    case GATE_SIMULATE: simulate(turn, frame, target->refined); break;
    case GATE_ASK: ask_approval(turn, frame, reason); break;
    case GATE_REFUSE:
        step_fail(turn, frame, STR("guardrail_refused"),
            reason.size > 0 ? reason : STR("a guardrail policy refuses this call"), false);
        break;
    }
}

static FALLIBLE prepare(
    struct turn *turn, const struct action *action, struct value *with, struct err_info *why)
{
    struct err_info inner = { 0 };
    TRY(with_defaults(action, *with, &turn->run->arena, with, why));
    enum err result = action->in ? type_check_value(action->in, *with, &inner) : ERR_OK;
    if (result == ERR_OK && action->in)
        result = type_check_sinks(action->in, *with, &inner);
    if (result != ERR_OK)
        return err_named(
            why, ERR_INVALID, "invalid_parameters", "%.*s: %s", STR_ARG(action->name), inner.text);
    return ERR_OK;
}

static void enter_first(
    struct turn *turn, struct frame *frame, const struct target *target, struct value with)
{
    struct err_info why = { 0 };
    struct value span;
    if (prepare(turn, target->action, &with, &why) != ERR_OK) {
        step_fail(turn, frame, STR("invalid_parameters"), str_of(why.text), false);
        return;
    }
    if (lease_span(turn, frame, &span, &why) != ERR_OK) {
        step_fail_why(turn, frame, &why);
        return;
    }
    struct op op = frame_op(frame);
    op_value(&op, FIELD_DATA, with);
    if (!value_is(span, VALUE_NULL))
        op_value(&op, FIELD_OUTPUT, span);
    turn_emit(turn, &op);
    if (turn->failed == ERR_OK)
        pass_gate(turn, frame, target);
}

static void fail_unknown(struct turn *turn, struct frame *frame)
{
    struct err_info why = { 0 };
    struct str message;
    if (arena_printf(turn->arena, &message, &why, "there is no action \"%.*s\"",
            STR_ARG(action_name(frame_step(turn, frame)))) != ERR_OK)
        turn_fail(turn, ERR_MEMORY, &why);
    else
        step_fail(turn, frame, STR("unknown_action"), message, false);
}

static void enter(struct turn *turn, struct frame *frame)
{
    struct err_info why = { 0 };
    struct value with = frame->data;
    bool is_first = value_is(with, VALUE_NULL);
    if (is_first && parameters(turn, frame, &with, &why) != ERR_OK) {
        step_fail_why(turn, frame, &why);
        return;
    }
    struct target target;
    target_find(turn, frame, with, &target);
    if (!target.action)
        fail_unknown(turn, frame);
    else if (is_first)
        enter_first(turn, frame, &target, with);
    else
        pass_gate(turn, frame, &target);
    target_release(turn, &target);
}

/* ---- coming back ---- */

static FALLIBLE undo_with(struct turn *turn, const struct action *action, struct value with,
    struct value output, struct str *ret, struct err_info *why)
{
    struct value undo = with;
    if (action->undo_with)
        TRY(action->undo_with(action, &turn->run->arena, with, output, &undo, why));
    return effect_pack(turn->arena, undo, ret, why);
}

/* A containment that took effect has to end: its row stands in the same commit as the result. */
static void open_lease(
    struct turn *turn, struct frame *frame, const struct action *action, struct value output)
{
    const struct step *step = frame_step(turn, frame);
    struct err_info why = { 0 };
    if (action->undo.size == 0 ||
        (action->kind != ACTION_CONTAIN && !value_is(frame->output, VALUE_DURATION)))
        return;
    struct effect *effect = turn_effect(turn, EFFECT_LEASE, frame->id);
    struct lease_open *lease = ARENA_NEW(turn->arena, struct lease_open);
    if (!effect || !lease) {
        turn_fail(turn, ERR_MEMORY, NULL);
        return;
    }
    *lease = (struct lease_open){ .id = id_new(turn->world->clock, turn->world->rand),
        .step = step->id,
        .connection = connection_name(step) };
    if (value_is(frame->output, VALUE_DURATION))
        lease->due.us = turn->run->now.us + frame->output.seconds * US_PER_S +
            value_nanos(frame->output) / 1000;
    enum err result = undo_with(turn, action, frame->data, output, &lease->undo_with, &why);
    if (result == ERR_OK)
        result = arena_str(turn->arena, action->undo, &lease->undo, &why);
    if (result == ERR_OK)
        result = arena_str(turn->arena, action->name, &lease->action, &why);
    if (result != ERR_OK) {
        turn_fail(turn, result, &why);
        return;
    }
    lease->with = turn_pack(turn, frame->data);
    lease->output = turn_pack(turn, output);
    effect->lease = lease;
    effect->object = lease->id;
}

static void succeed(struct turn *turn, struct frame *frame, const struct action *action, struct value output,
    struct str packed_output)
{
    if (action)
        open_lease(turn, frame, action, output);
    step_finish(turn, frame,
        (struct outcome){ .kind = OUTCOME_OK, .output = output, .packed_output = packed_output });
}

static struct outcome failure(struct turn *turn, const struct frame *frame, const struct action_error *error,
    bool may_repeat, int64_t retry_after_us)
{
    struct outcome outcome = outcome_failed(
        turn, error->code, error->message, error->is_retryable && may_repeat, frame_step(turn, frame));
    struct err_info why = { 0 };
    if (retry_after_us > 0 && turn->failed == ERR_OK &&
        value_map_with(&turn->run->arena, outcome.error, value_string(STR("retry_after_us")),
            value_int(retry_after_us), &outcome.error, &why) != ERR_OK)
        turn_fail(turn, ERR_MEMORY, &why);
    return outcome;
}

static void keep_error(struct turn *turn, struct frame *frame, struct value error)
{
    struct op op = frame_op(frame);
    op_value(&op, FIELD_ERROR, error);
    turn_emit(turn, &op);
}

static void become_uncertain(struct turn *turn, struct frame *frame);

/* Whether the call took effect is found out before anything else happens: by a probe, else by a person. */
static void find_out(struct turn *turn, struct frame *frame, const struct action *action)
{
    if (action && action->has_probe)
        call_out(turn, frame, action, ACTION_PROBE);
    else
        become_uncertain(turn, frame);
}

static void call_failed(
    struct turn *turn, struct frame *frame, const struct action *action, const struct action_result *result)
{
    bool is_safe = action && action->is_idempotent;
    bool is_unclear = result->effect == ACTION_UNKNOWN && !is_safe;
    bool may_repeat = result->effect != ACTION_ANSWERED || is_safe;
    struct outcome outcome = failure(turn, frame, &result->error, may_repeat, result->retry_after_us);
    if (!is_unclear) {
        step_finish(turn, frame, outcome);
        return;
    }
    keep_error(turn, frame, outcome.error);
    if (turn->failed == ERR_OK)
        find_out(turn, frame, action);
}

/* `error` of the frame is what the call failed with; null when a crash lost its answer. That the call had no
 * effect makes it as good as one that never left. The action may have gone while the probe was out. */
static void probed(
    struct turn *turn, struct frame *frame, const struct action *action, const struct action_result *result)
{
    struct value error = frame->error;
    if (result->effect != ACTION_NOT_SENT)
        become_uncertain(turn, frame);
    else if (frame->stop != STOP_NONE)
        step_finish(turn, frame, (struct outcome){ .kind = OUTCOME_CANCELLED });
    else if (value_is(error, VALUE_NULL) && action)
        call_out(turn, frame, action, ACTION_DO);
    else if (value_is(error, VALUE_NULL))
        fail_unknown(turn, frame);
    else
        step_finish(turn, frame, (struct outcome){ .kind = OUTCOME_FAILED, .error = error });
}

static bool is_same(struct value a, struct value b)
{
    return a.type == b.type && a.bytes == b.bytes;
}

/* All of it is from outside, but for words that its type lists. What is declared secret is sealed before it
 * comes into the run. Then what was packed is not what it is any more. */
static struct value keep_output(struct turn *turn, const struct action *action, struct value output,
    struct arena *from, struct str *packed)
{
    struct err_info why = { 0 };
    struct value marked = output, sealed;
    const struct type *declared = action && action->out ? action->out : &type_dyn;
    enum err result = type_mark_outside(from ? from : turn->arena, declared, output, &marked, &why);
    sealed = marked;
    if (result == ERR_OK && action)
        result = seal_output(
            &turn->world->sealer, turn->run->tenant, action->out, marked, turn->arena, &sealed, &why);
    if (result != ERR_OK) {
        turn_fail(turn, result, &why);
        return value_null();
    }
    if (!is_same(output, sealed))
        *packed = STR("");
    /* What holds something sealed lives in the turn's arena, and the content beside it must not stay. */
    return is_same(marked, sealed) ? turn_take(turn, marked, from) : turn_keep(turn, sealed);
}

/* What was done is judged by the action that did it, which may have gone meanwhile: what is secret in its
 * answer, and how it is undone. What is to be done next goes by the actions of now. */
void step_do_result(struct turn *turn, struct frame *frame, const struct happening *happening)
{
    const struct action_result *result = happening->result;
    const struct action *called = happening->action;
    struct target target;
    if (result->is_ok) {
        struct str packed = result->packed_output;
        struct value output = keep_output(turn, called, result->output, happening->arena, &packed);
        succeed(turn, frame, called, output, packed);
        return;
    }
    target_find(turn, frame, frame->data, &target);
    if (frame->phase == PHASE_PROBE)
        probed(turn, frame, target.refined, result);
    else
        call_failed(turn, frame, target.refined, result);
    target_release(turn, &target);
}

/* The result of a local action stands in the frame, put there by its own commit. */
void step_do_local(struct turn *turn, struct frame *frame)
{
    struct target target;
    struct value output = frame->output;
    bool has_failed = frame->flags & FRAME_FAILS;
    target_find(turn, frame, frame->data, &target);
    if (has_failed)
        step_finish(turn, frame, (struct outcome){ .kind = OUTCOME_FAILED, .error = frame->error });
    else
        succeed(turn, frame, target.refined, output, STR(""));
    target_release(turn, &target);
}

/* ---- what nobody knows: after a crash, or a failure that says nothing ---- */

static FALLIBLE uncertain_payload(
    struct turn *turn, const struct frame *frame, struct value *ret, struct err_info *why)
{
    struct arena *arena = &turn->run->arena;
    struct value_map_builder show = { 0 }, payload = { 0 };
    struct value_list_builder options = { 0 };
    value_map_begin(&show, arena);
    TRY(value_map_set(&show, "action", value_string(action_name(frame_step(turn, frame))), why));
    TRY(value_map_set(&show, "with", frame->data, why));
    TRY(value_map_set(&show, "sent", value_from_instant(frame->started), why));
    if (!value_is(frame->error, VALUE_NULL))
        TRY(value_map_set(&show, "error", frame->error, why));
    value_list_begin(&options, arena);
    TRY(value_list_add(&options, value_string(STR("done")), why));
    TRY(value_list_add(&options, value_string(STR("not_done")), why));
    value_map_begin(&payload, arena);
    TRY(value_map_set(&payload, "show", value_map_end(&show), why));
    TRY(value_map_set(&payload, "options", value_list_end(&options), why));
    *ret = value_map_end(&payload);
    return ERR_OK;
}

static void become_uncertain(struct turn *turn, struct frame *frame)
{
    struct err_info why = { 0 };
    struct value payload;
    struct str text;
    enum err result = uncertain_payload(turn, frame, &payload, &why);
    if (result == ERR_OK)
        result = arena_printf(&turn->run->arena, &text, &why,
            value_is(frame->error, VALUE_NULL)
                ? "Tocsin stopped while %.*s was under way. Did it happen?"
                : "%.*s failed in a way that does not tell whether it took effect. Did it happen?",
            STR_ARG(action_name(frame_step(turn, frame))));
    if (result != ERR_OK) {
        turn_fail(turn, result, &why);
        return;
    }
    struct op op = frame_op(frame);
    op_number(&op, FIELD_PHASE, PHASE_UNCERTAIN);
    op_object(
        &op, turn_open_task(turn, frame, TASK_UNCERTAIN, value_string(text), payload, (struct instant){ 0 }));
    turn_emit(turn, &op);
}

void step_do_lost(struct turn *turn, struct frame *frame)
{
    struct target target;
    target_find(turn, frame, frame->data, &target);
    const struct action *action = target.refined;
    bool is_stopped = frame->stop != STOP_NONE;
    if (action && action->has_probe && !action->is_idempotent)
        call_out(turn, frame, action, ACTION_PROBE);
    else if (action && action->is_idempotent && !is_stopped)
        call_out(turn, frame, action, ACTION_DO);
    else if (action && action->is_idempotent)
        step_finish(turn, frame, (struct outcome){ .kind = OUTCOME_CANCELLED });
    else
        become_uncertain(turn, frame);
    target_release(turn, &target);
}

/* ---- people ---- */

static void approved(struct turn *turn, struct frame *frame)
{
    struct target target;
    struct op op = frame_op(frame);
    op_number(&op, FIELD_FLAGS, frame->flags | FRAME_APPROVED);
    turn_emit(turn, &op);
    target_find(turn, frame, frame->data, &target);
    if (!target.action)
        fail_unknown(turn, frame);
    else
        pass_gate(turn, frame, &target);
    target_release(turn, &target);
}

static void happened(struct turn *turn, struct frame *frame)
{
    struct target target;
    target_find(turn, frame, frame->data, &target);
    succeed(turn, frame, target.refined, value_null(), STR(""));
    target_release(turn, &target);
}

static void not_happened(struct turn *turn, struct frame *frame)
{
    struct target target;
    target_find(turn, frame, frame->data, &target);
    if (frame->stop != STOP_NONE)
        step_finish(turn, frame, (struct outcome){ .kind = OUTCOME_CANCELLED });
    else if (target.refined)
        call_out(turn, frame, target.refined, ACTION_DO);
    else
        fail_unknown(turn, frame);
    target_release(turn, &target);
}

void step_do_answer(struct turn *turn, struct frame *frame, struct value answer, struct str actor)
{
    struct value choice = value_get(answer, STR("choice"));
    (void)actor; /* the task's row and the audit have it */
    if (frame->phase == PHASE_UNCERTAIN) {
        if (value_is_text(choice, STR("done")))
            happened(turn, frame);
        else
            not_happened(turn, frame);
        return;
    }
    if (value_is_text(choice, STR("approve")))
        approved(turn, frame);
    else
        step_fail(turn, frame, STR("rejected"), STR("a person refused this call"), false);
}

/* A call that is out is told to end and waited for: what it did has to be known. */
static void cancel(struct turn *turn, struct frame *frame, bool is_forced)
{
    (void)is_forced;
    switch (frame->phase) {
    case PHASE_CALL:
    case PHASE_PROBE:
        if (!effect_take_back(&turn->effects, EFFECT_CALL, frame->id)) {
            (void)turn_effect(turn, EFFECT_CALL_CANCEL, frame->id); /* a failure is sticky in the turn */
            return;
        }
        break;
    case PHASE_LOCAL:
        if (!effect_take_back(&turn->effects, EFFECT_LOCAL, frame->id))
            return;
        break;
    case PHASE_LOCAL_DONE: return;
    case PHASE_APPROVAL:
    case PHASE_UNCERTAIN: turn_close_task(turn, frame, TASK_CANCELLED); break;
    default: break;
    }
    step_finish(turn, frame, (struct outcome){ .kind = OUTCOME_CANCELLED });
}

const struct step_ops step_do_ops = { .enter = enter, .cancel = cancel };
const struct step_ops step_script_ops = { .enter = enter, .cancel = cancel };
