#include "engine/names.h"

#include "base/timetext.h"
#include "engine/registry.h"

static const struct step *step_of(const struct run *run, const struct frame *frame)
{
    return run->playbook->all_steps[frame->step];
}

/* ---- steps ---- */

static FALLIBLE result_show(struct run *run, struct result *result, struct value *ret, struct err_info *why)
{
    if (value_is(result->shown, VALUE_MAP)) {
        *ret = result->shown;
        return ERR_OK;
    }
    struct value_map_builder map = { 0 };
    value_map_begin(&map, &run->arena);
    TRY(value_map_set(&map, "ok", value_bool(result->status == STEP_SUCCEEDED), why));
    TRY(value_map_set(&map, "output", result->output, why));
    if (!value_is(result->error, VALUE_NULL))
        TRY(value_map_set(&map, "error", result->error, why));
    TRY(value_map_set(&map, "attempts", value_int(result->attempt), why));
    TRY(value_map_set(&map, "started", value_from_instant(result->started), why));
    TRY(value_map_set(&map, "ended", value_from_instant(result->ended), why));
    *ret = result->shown = value_map_end(&map);
    return ERR_OK;
}

static FALLIBLE add_results(
    struct run *run, struct scope *scope, struct value_map_builder *map, struct err_info *why)
{
    for (uint32_t i = 0; i < scope->result_count; i++) {
        struct value shown;
        TRY(result_show(run, &scope->results[i], &shown, why));
        TRY(value_map_put(
            map, value_string(run->playbook->all_steps[scope->results[i].step]->id), shown, why));
    }
    return ERR_OK;
}

/* From the outermost scope to the innermost, so that an iteration's own results count. */
static FALLIBLE add_scopes(struct run *run, const struct frame *frame, uint32_t kind,
    struct value_map_builder *map, struct err_info *why)
{
    uint32_t id = 0;
    struct scope *scope = run_scope(run, frame, kind, &id);
    if (id != 0)
        TRY(add_scopes(run, run_find_frame(run, run_find_frame(run, id)->parent), kind, map, why));
    if (kind == FRAME_HAS_STEPS)
        return add_results(run, scope, map, why);
    for (uint32_t i = 0; i < scope->variable_count; i++)
        TRY(value_map_put(map, value_string(scope->variables[i].name), scope->variables[i].v, why));
    return ERR_OK;
}

static FALLIBLE show_scope(
    struct run *run, const struct frame *frame, uint32_t kind, struct value *ret, struct err_info *why)
{
    uint32_t id = 0;
    struct scope *scope = run_scope(run, frame, kind, &id);
    uint64_t *version = kind == FRAME_HAS_STEPS ? &scope->steps_version : &scope->vars_version;
    struct value *cached = kind == FRAME_HAS_STEPS ? &scope->steps : &scope->vars;
    if (*version != run->names_version) {
        struct value_map_builder map = { 0 };
        value_map_begin(&map, &run->arena);
        TRY(add_scopes(run, frame, kind, &map, why));
        *cached = value_map_end(&map);
        *version = run->names_version;
    }
    *ret = *cached;
    return ERR_OK;
}

/* ---- run ---- */

static FALLIBLE show_run(struct run *run, const struct frame *frame, struct value *ret, struct err_info *why)
{
    struct value error = run_handled_error(run, frame);
    struct value_map_builder map = { 0 };
    struct str id;
    struct id_text text = id_text(run->id);
    value_map_begin(&map, &run->arena);
    TRY(arena_str(&run->arena, id_str(&text), &id, why));
    TRY(value_map_set(&map, "id", value_string(id), why));
    TRY(value_map_set(&map, "playbook", value_string(run->playbook->name), why));
    TRY(value_map_set(&map, "version", value_int(run->playbook_version), why));
    TRY(value_map_set(&map, "started", value_from_instant(run->started), why));
    if (!value_is(error, VALUE_NULL))
        TRY(value_map_set(&map, "error", error, why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

/* ---- loops ---- */

/* The item of the loop whose name is `depth` loops deep. */
static bool find_item(const struct run *run, const struct frame *frame, uint32_t depth, struct value *ret)
{
    for (; frame; frame = run_find_frame(run, frame->parent)) {
        if (frame->kind != FRAME_BLOCK || frame->part != PART_BODY)
            continue;
        const struct frame *owner = run_find_frame(run, frame->parent);
        if (!owner || step_of(run, owner)->kind != STEP_FOR_EACH || step_of(run, owner)->loop_depth != depth)
            continue;
        if (frame->number >= owner->data.size)
            return false;
        *ret = owner->data.items[frame->number];
        return true;
    }
    return false;
}

static bool names_get(const struct expr_activation *activation, uint32_t slot, struct value *ret)
{
    struct names *names = (struct names *)(uintptr_t)activation;
    struct run *run = names->run;
    switch (slot) {
    case SCOPE_EVENT: *ret = run->event; return true;
    case SCOPE_ALERT: *ret = run->alert; return true;
    case SCOPE_CASE: *ret = run->case_value; return true;
    case SCOPE_INPUTS: *ret = run->inputs; return true;
    case SCOPE_VARS: names->failed = show_scope(run, names->frame, FRAME_HAS_VARS, ret, NULL); break;
    case SCOPE_STEPS: names->failed = show_scope(run, names->frame, FRAME_HAS_STEPS, ret, NULL); break;
    case SCOPE_RUN: names->failed = show_run(run, names->frame, ret, NULL); break;
    case SCOPE_NOW: *ret = value_from_instant(run->now); return true;
    case SCOPE_IT:
        if (names->it)
            *ret = *names->it;
        return names->it != NULL;
    default: return find_item(run, names->frame, slot - SCOPE_LOOP, ret);
    }
    return names->failed == ERR_OK;
}

void names_init(struct names *names, struct run *run, const struct frame *frame)
{
    *names = (struct names){ .activation = { names_get }, .run = run, .frame = frame };
}

static FALLIBLE outcome(struct names *names, enum err result, struct err_info *why)
{
    return names->failed != ERR_OK ? err_memory(why) : result;
}

enum err names_eval(struct names *names, const struct expr *expr, struct value *ret, struct err_info *why)
{
    struct expr_limits limits = { 0 };
    return outcome(names, expr_eval(expr, &names->run->arena, &names->activation, &limits, ret, why), why);
}

enum err names_test(struct names *names, const struct expr *expr, bool *ret, struct err_info *why)
{
    struct value v;
    TRY(names_eval(names, expr, &v, why));
    if (v.type != VALUE_BOOL) {
        struct str source = expr_source(expr);
        return err_named(why, ERR_INVALID, "expr_eval",
            "a condition must be true or false, but `%.*s` gives %s",
            (int)(source.size > 120 ? 120 : source.size), source.data, value_type_name(v.type));
    }
    *ret = v.boolean;
    return ERR_OK;
}

enum err names_fill(
    struct names *names, const struct template *template, struct value *ret, struct err_info *why)
{
    struct expr_limits limits = { 0 };
    if (!template) {
        *ret = value_null();
        return ERR_OK;
    }
    return outcome(
        names, template_eval(template, &names->run->arena, &names->activation, &limits, ret, why), why);
}

enum err error_value(struct arena *arena, struct str code, struct str message, bool is_retryable,
    struct str step, struct value *ret, struct err_info *why)
{
    struct value_map_builder map = { 0 };
    struct str texts[3];
    const struct str given[3] = { code, message, step };
    for (int i = 0; i < 3; i++)
        TRY(arena_str(arena, given[i], &texts[i], why));
    value_map_begin(&map, arena);
    /* Most of them quote what a tool has answered, and the linter takes them for that. */
    TRY(value_map_set(&map, "code", value_outside(texts[0]), why));
    TRY(value_map_set(&map, "message", value_outside(texts[1]), why));
    TRY(value_map_set(&map, "retryable", value_bool(is_retryable), why));
    if (step.size > 0)
        TRY(value_map_set(&map, "step", value_string(texts[2]), why));
    *ret = value_map_end(&map);
    return ERR_OK;
}
