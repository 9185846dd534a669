/* Types of values, of templates, of what is in scope. */
#include <string.h>

#include "playbook/lint_impl.h"

static struct type *new_type(struct linter *l, struct type given)
{
    struct type *type = ARENA_NEW(&l->arena, struct type);
    if (type == NULL)
        l->is_out_of_memory = true;
    else
        *type = given;
    return type;
}

static const struct type *or_dyn(const struct type *type)
{
    return type != NULL ? type : &type_dyn;
}

const struct type *lint_nullable(struct linter *l, const struct type *type)
{
    if (type->kind == TYPE_NULLABLE || type->kind == TYPE_NULL || type->kind == TYPE_DYN ||
        type->kind == TYPE_ERROR)
        return type;
    return or_dyn(new_type(l, (struct type){ .kind = TYPE_NULLABLE, .item = type }));
}

/* ---- joins ---- */

static const struct type *join_records(struct linter *l, const struct type *a, const struct type *b)
{
    struct type_field *fields = ARENA_ARRAY(&l->arena, a->field_count + b->field_count, struct type_field);
    uint32_t count = 0;
    if (fields == NULL) {
        l->is_out_of_memory = true;
        return &type_dyn;
    }
    for (uint32_t i = 0; i < a->field_count; i++) {
        const struct type_field *other = type_find_field(b, a->fields[i].name);
        fields[count] = a->fields[i];
        fields[count].is_required = a->fields[i].is_required && other != NULL && other->is_required;
        fields[count].is_own = a->fields[i].is_own && (other == NULL || other->is_own);
        if (other != NULL)
            fields[count].type = lint_join(l, a->fields[i].type, other->type);
        count++;
    }
    for (uint32_t i = 0; i < b->field_count; i++) {
        if (type_find_field(a, b->fields[i].name) != NULL)
            continue;
        fields[count] = b->fields[i];
        fields[count++].is_required = false;
    }
    return or_dyn(new_type(l,
        (struct type){ .kind = TYPE_RECORD,
            .fields = fields,
            .field_count = count,
            .is_open = a->is_open || b->is_open }));
}

static const struct type *join_same_kind(struct linter *l, const struct type *a, const struct type *b)
{
    switch (a->kind) {
    case TYPE_RECORD: return join_records(l, a, b);
    case TYPE_LIST:
    case TYPE_OPTIONAL:
        return or_dyn(new_type(l, (struct type){ .kind = a->kind, .item = lint_join(l, a->item, b->item) }));
    case TYPE_MAP:
        return or_dyn(new_type(l,
            (struct type){ .kind = TYPE_MAP,
                .key = lint_join(l, a->key, b->key),
                .item = lint_join(l, a->item, b->item) }));
    case TYPE_STRING: return &type_string; /* choices differ */
    default: return a;
    }
}

const struct type *lint_join(struct linter *l, const struct type *a, const struct type *b)
{
    if (type_equal(a, b) && a->choice_count == 0 && b->choice_count == 0)
        return a;
    if (a->kind == TYPE_ERROR || b->kind == TYPE_ERROR)
        return a->kind == TYPE_ERROR ? b : a;
    if (a->kind == TYPE_DYN || b->kind == TYPE_DYN)
        return &type_dyn;
    if (a->kind == TYPE_NULL || b->kind == TYPE_NULL)
        return lint_nullable(l, a->kind == TYPE_NULL ? b : a);
    if (a->kind == TYPE_NULLABLE || b->kind == TYPE_NULLABLE)
        return lint_nullable(
            l, lint_join(l, a->kind == TYPE_NULLABLE ? a->item : a, b->kind == TYPE_NULLABLE ? b->item : b));
    return a->kind == b->kind ? join_same_kind(l, a, b) : &type_dyn;
}

/* ---- values ---- */

static const struct type *type_of_map(struct linter *l, struct value v)
{
    const struct value_entry *entries = value_map_entries(v);
    struct type_field *fields = ARENA_ARRAY(&l->arena, v.size + 1, struct type_field);
    if (fields == NULL) {
        l->is_out_of_memory = true;
        return &type_dyn;
    }
    for (uint32_t i = 0; i < v.size; i++)
        fields[i] = (struct type_field){
            .name = value_str(entries[i].key), .type = lint_type_of(l, entries[i].value), .is_required = true
        };
    return or_dyn(new_type(l, (struct type){ .kind = TYPE_RECORD, .fields = fields, .field_count = v.size }));
}

/* The items of an empty list fit everything. */
static const struct type *type_of_list(struct linter *l, struct value v)
{
    const struct type *item = &type_error;
    for (uint32_t i = 0; i < v.size; i++)
        item = lint_join(l, item, lint_type_of(l, v.items[i]));
    return or_dyn(new_type(l, (struct type){ .kind = TYPE_LIST, .item = item }));
}

const struct type *lint_type_of(struct linter *l, struct value v)
{
    switch (v.type) {
    case VALUE_LIST: return type_of_list(l, v);
    case VALUE_MAP: return type_of_map(l, v);
    default: return type_of_scalar(v);
    }
}

/* ---- templates ---- */

static struct verdict template_map(struct linter *l, struct flow *flow, const struct template *template)
{
    struct verdict verdict = { NULL, 0 };
    struct type_field *fields = ARENA_ARRAY(&l->arena, template->count + 1, struct type_field);
    bool is_known = true;
    if (fields == NULL) {
        l->is_out_of_memory = true;
        return verdict;
    }
    for (uint32_t i = 0; i < template->count; i++) {
        struct verdict part = lint_template(l, flow, &template->parts[i]);
        is_known = is_known && part.type != NULL;
        verdict.taint |= part.taint;
        fields[i] = (struct type_field){ .name = template->keys[i], .type = part.type, .is_required = true };
    }
    if (is_known)
        verdict.type = or_dyn(new_type(
            l, (struct type){ .kind = TYPE_RECORD, .fields = fields, .field_count = template->count }));
    return verdict;
}

static struct verdict template_list(struct linter *l, struct flow *flow, const struct template *template)
{
    struct verdict verdict = { NULL, 0 };
    const struct type *item = &type_error;
    bool is_known = true;
    for (uint32_t i = 0; i < template->count; i++) {
        struct verdict part = lint_template(l, flow, &template->parts[i]);
        is_known = is_known && part.type != NULL;
        verdict.taint |= part.taint;
        if (is_known)
            item = lint_join(l, item, part.type);
    }
    if (is_known)
        verdict.type = or_dyn(new_type(l, (struct type){ .kind = TYPE_LIST, .item = item }));
    return verdict;
}

static struct verdict template_text(struct linter *l, struct flow *flow, const struct template *template)
{
    struct verdict verdict = { &type_string, 0 };
    for (uint32_t i = 0; i < template->count; i++) {
        struct verdict part = lint_template(l, flow, &template->parts[i]);
        verdict.taint |= part.taint;
        if (part.type == NULL)
            verdict.type = NULL;
    }
    return verdict;
}

struct verdict lint_template(struct linter *l, struct flow *flow, const struct template *template)
{
    if (template == NULL) /* it had a fault, and is anything */
        return (struct verdict){ &type_dyn, 0 };
    switch (template->kind) {
    case TEMPLATE_CONSTANT: return (struct verdict){ lint_type_of(l, template->constant), 0 };
    case TEMPLATE_EXPR: return lint_examine(l, flow, template->expr);
    case TEMPLATE_TEXT: return template_text(l, flow, template);
    case TEMPLATE_LIST: return template_list(l, flow, template);
    case TEMPLATE_MAP: return template_map(l, flow, template);
    }
    return (struct verdict){ &type_dyn, TAINTED };
}

/* ---- what steps give ---- */

#define FIELD(text, kind, required) \
    { \
        .name = STR_INIT(text), .type = (kind), .is_required = (required) \
    }

static const struct type_field error_fields[] = {
    FIELD("code", &type_string, true),
    FIELD("message", &type_string, true),
    FIELD("retryable", &type_bool, true),
    FIELD("step", &type_string, false),
};
static const struct type error_type = { .kind = TYPE_RECORD, .fields = error_fields, .field_count = 4 };

static const struct type_field step_shape[STEP_FIELD_COUNT] = {
    FIELD("ok", &type_bool, true),
    FIELD("output", &type_null, true),
    FIELD("error", &error_type, true), /* its absence is looked at where the flow is known */
    FIELD("attempts", &type_int, true),
    FIELD("started", &type_timestamp, true),
    FIELD("ended", &type_timestamp, true),
};
#define OUTPUT_FIELD 1

static const struct type_field run_fields[] = {
    FIELD("id", &type_string, true),
    FIELD("playbook", &type_string, true),
    FIELD("version", &type_int, true),
    FIELD("started", &type_timestamp, true),
    FIELD("error", &error_type, false),
};
static const struct type run_type = { .kind = TYPE_RECORD, .fields = run_fields, .field_count = 5 };

static const struct type_field while_fields[] = {
    FIELD("iterations", &type_int, true),
    FIELD("exhausted", &type_bool, true),
};
static const struct type while_type = { .kind = TYPE_RECORD, .fields = while_fields, .field_count = 2 };

/* {"choice" or "form", "by", "at", "comment", "timed_out"} */
static const struct type *ask_type(struct linter *l, const struct step *step)
{
    bool has_both = step->ask.option_count > 0 && step->ask.form_count > 0;
    const struct type_field rest[] = {
        FIELD("by", &type_string, true),
        FIELD("at", &type_timestamp, true),
        FIELD("comment", &type_string, false),
        FIELD("timed_out", &type_bool, true),
    };
    struct type_field *fields = ARENA_ARRAY(&l->arena, 6, struct type_field);
    struct type_field *form = ARENA_ARRAY(&l->arena, step->ask.form_count + 1, struct type_field);
    uint32_t count = 0;
    if (fields == NULL || form == NULL) {
        l->is_out_of_memory = true;
        return &type_dyn;
    }
    const struct type *choice = new_type(l,
        (struct type){
            .kind = TYPE_STRING, .choices = step->ask.options, .choice_count = step->ask.option_count });
    for (uint32_t i = 0; i < step->ask.form_count; i++)
        form[i] = (struct type_field){ .name = step->ask.form[i].name,
            .type = step->ask.form[i].type,
            .is_required = step->ask.form[i].is_required ||
                step->ask.form[i].default_value.type != VALUE_NULL };
    if (step->ask.option_count > 0)
        fields[count++] = (struct type_field)FIELD("choice", or_dyn(choice), !has_both);
    if (step->ask.form_count > 0)
        fields[count++] = (struct type_field){ .name = STR("form"),
            .type = or_dyn(new_type(l,
                (struct type){ .kind = TYPE_RECORD, .fields = form, .field_count = step->ask.form_count })),
            .is_required = !has_both };
    memcpy(fields + count, rest, sizeof rest);
    return or_dyn(
        new_type(l, (struct type){ .kind = TYPE_RECORD, .fields = fields, .field_count = count + 4 }));
}

static struct verdict event_verdict(struct linter *l)
{
    struct type_field *fields = ARENA_ARRAY(&l->arena, 2, struct type_field);
    if (fields == NULL) {
        l->is_out_of_memory = true;
        return (struct verdict){ &type_dyn, TAINTED };
    }
    fields[0] = (struct type_field)FIELD("alert", l->names[SCOPE_ALERT].type, true);
    fields[1] = (struct type_field)FIELD("event", &type_dyn, true);
    const struct type *type = new_type(
        l, (struct type){ .kind = TYPE_RECORD, .fields = fields, .field_count = 2 });
    return (struct verdict){ or_dyn(type), TAINTED };
}

/* What a local action answers are texts that came in before, beside this server's own words. */
static struct verdict call_verdict(struct linter *l, const struct step *step)
{
    const struct action *action = l->world->catalogue != NULL
        ? catalogue_find(l->world->catalogue, step->call.action)
        : NULL;
    if (action == NULL)
        return (struct verdict){ &type_dyn, TAINTED };
    const struct type *declared = action->out != NULL ? action->out : &type_dyn;
    const struct type *learned = l->world->learned_output != NULL
        ? l->world->learned_output(l->world, l->playbook, step, action, &l->arena)
        : NULL;
    return (struct verdict){ learned != NULL ? learned : declared, TAINTED };
}

static struct verdict run_verdict(const struct linter *l, const struct step *step)
{
    static const struct type_field fields[] = { FIELD("run_id", &type_string, true) };
    static const struct type started = { .kind = TYPE_RECORD, .fields = fields, .field_count = 1 };
    const struct playbook *called = NULL;
    if (!step->run.is_awaited)
        return (struct verdict){ &started, 0 };
    if (l->world->find_playbook == NULL || !l->world->find_playbook(l->world, step->run.playbook, &called))
        return (struct verdict){ &type_dyn, TAINTED };
    return (struct verdict){ called->output, TAINTED };
}

static struct verdict output_verdict(struct linter *l, const struct step *step)
{
    switch (step->kind) {
    case STEP_DO: return call_verdict(l, step);
    case STEP_ASK: return (struct verdict){ ask_type(l, step), TAINTED };
    case STEP_RUN: return run_verdict(l, step);
    case STEP_WHILE: return (struct verdict){ &while_type, 0 };
    case STEP_SCRIPT: return (struct verdict){ &type_dyn, TAINTED };
    case STEP_WAIT:
        return step->wait.kind == WAIT_EVENT ? event_verdict(l) : (struct verdict){ &type_null, 0 };
    case STEP_FOR_EACH:
        if (step->for_each.collect != NULL) /* found out in lint_infer.c */
            return (struct verdict){ &type_error, 0 };
        return (struct verdict){ &type_null, 0 };
    default: return (struct verdict){ &type_null, 0 };
    }
}

void lint_set_output(struct linter *l, const struct step *step, struct verdict output)
{
    l->outputs[step->index] = output;
    l->step_fields[step->index * STEP_FIELD_COUNT + OUTPUT_FIELD].type = output.type;
}

/* ---- names in scope ---- */

static bool has_trigger(const struct playbook *playbook, unsigned kinds)
{
    for (uint32_t i = 0; i < playbook->trigger_count; i++)
        if (kinds >> playbook->triggers[i].kind & 1)
            return true;
    return playbook->trigger_count == 0;
}

/* Runs that a schedule starts have no alert, and most have no case. */
static const struct type *subject_type(struct linter *l, const struct type *type, unsigned kinds)
{
    if (type == NULL)
        return &type_dyn;
    return has_trigger(l->playbook, kinds) ? type : lint_nullable(l, type);
}

static bool make_inputs(struct linter *l)
{
    uint32_t count = l->playbook->input_count;
    struct type_field *fields = ARENA_ARRAY(&l->arena, count + 1, struct type_field);
    if (fields == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const struct playbook_input *input = &l->playbook->inputs[i];
        fields[i] = (struct type_field){ .name = input->name,
            .type = input->type,
            .is_required = input->is_required || input->default_value != NULL };
    }
    l->inputs_type = (struct type){ .kind = TYPE_RECORD, .fields = fields, .field_count = count };
    return true;
}

static bool make_steps(struct linter *l)
{
    uint32_t count = l->playbook->step_count;
    l->step_types = ARENA_ARRAY(&l->arena, count + 1, struct type);
    l->step_fields = ARENA_ARRAY(&l->arena, (count + 1) * STEP_FIELD_COUNT, struct type_field);
    l->steps_fields = ARENA_ARRAY(&l->arena, count + 1, struct type_field);
    l->outputs = ARENA_ARRAY(&l->arena, count + 1, struct verdict);
    l->loops = ARENA_ARRAY(&l->arena, count + 1, struct verdict);
    if (l->step_types == NULL || l->step_fields == NULL || l->steps_fields == NULL || l->outputs == NULL ||
        l->loops == NULL)
        return false;
    l->steps_type = (struct type){ .kind = TYPE_RECORD, .fields = l->steps_fields };
    for (uint32_t i = 0; i < count; i++) {
        const struct step *step = l->playbook->all_steps[i];
        struct type_field *fields = l->step_fields + (size_t)i * STEP_FIELD_COUNT;
        memcpy(fields, step_shape, sizeof step_shape);
        l->step_types[i] = (struct type){
            .kind = TYPE_RECORD, .fields = fields, .field_count = STEP_FIELD_COUNT
        };
        l->loops[i] = (struct verdict){ &type_error, 0 };
        lint_set_output(l, step, output_verdict(l, step));
        if (step->has_given_id)
            l->steps_fields[l->steps_type.field_count++] = (struct type_field){
                .name = step->id, .type = &l->step_types[i], .is_required = true
            };
    }
    return true;
}

static bool make_variables(struct linter *l)
{
    l->vars_fields = ARENA_ARRAY(&l->arena, l->variable_count + 1, struct type_field);
    if (l->vars_fields == NULL)
        return false;
    for (uint32_t i = 0; i < l->variable_count; i++)
        l->vars_fields[i] = (struct type_field){
            .name = l->variables[i].name, .type = &type_error, .is_required = true
        };
    l->vars_type = (struct type){
        .kind = TYPE_RECORD, .fields = l->vars_fields, .field_count = l->variable_count
    };
    return true;
}

bool lint_scope_init(struct linter *l)
{
    const unsigned from_alert = 1u << TRIGGER_ALERT | 1u << TRIGGER_WEBHOOK | 1u << TRIGGER_EMAIL |
        1u << TRIGGER_SYSLOG | 1u << TRIGGER_MANUAL | 1u << TRIGGER_PLAYBOOK;
    const unsigned from_case = 1u << TRIGGER_CASE | 1u << TRIGGER_MANUAL | 1u << TRIGGER_PLAYBOOK;
    const struct type *const types[SCOPE_LOOP] = {
        [SCOPE_EVENT] = &type_dyn,
        [SCOPE_ALERT] = subject_type(l, l->world->alert_type, from_alert),
        [SCOPE_CASE] = subject_type(l, l->world->case_type, from_case),
        [SCOPE_INPUTS] = &l->inputs_type,
        [SCOPE_VARS] = &l->vars_type,
        [SCOPE_STEPS] = &l->steps_type,
        [SCOPE_RUN] = &run_type,
        [SCOPE_NOW] = &type_timestamp,
        [SCOPE_IT] = &type_dyn,
    };
    for (uint32_t i = 0; i < SCOPE_LOOP; i++)
        l->names[i] = (struct expr_name){ STR(""), types[i] }; /* lint_scope_enter names them */
    l->name_count = SCOPE_LOOP;
    l->name_taints[SCOPE_EVENT] = l->name_taints[SCOPE_ALERT] = l->name_taints[SCOPE_CASE] =
        l->name_taints[SCOPE_INPUTS] = TAINTED;
    return make_inputs(l) && make_steps(l) && make_variables(l);
}

void lint_scope_it(struct linter *l, const struct type *type, uint8_t taint)
{
    l->names[SCOPE_IT] = (struct expr_name){ type ? STR("it") : STR(""), type ? type : &type_dyn };
    l->name_taints[SCOPE_IT] = taint;
}

void lint_scope_enter(struct linter *l, const struct step *step, uint32_t loop_depth)
{
    for (uint32_t i = 0; i < SCOPE_IT; i++)
        l->names[i].name = str_of(scope_slot_names[i]);
    l->name_count = SCOPE_LOOP + (loop_depth < SCOPE_LOOPS_MAX ? loop_depth : SCOPE_LOOPS_MAX);
    for (; step != NULL; step = step->parent) {
        if (step->kind != STEP_FOR_EACH || step->loop_depth >= loop_depth ||
            step->loop_depth >= SCOPE_LOOPS_MAX) /* one too many was found fault with */
            continue;
        uint32_t slot = SCOPE_LOOP + step->loop_depth;
        l->names[slot] = (struct expr_name){ step->for_each.as, l->loops[step->index].type };
        l->name_taints[slot] = l->loops[step->index].taint;
    }
    scope_hide(l->names, l->name_count);
}
