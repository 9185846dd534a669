#include "playbook/lint.h"

#include "base/limits.h"

static const struct yaml_node *part(const struct yaml_node *node, const char *key)
{
    return yaml_find(node, str_of(key));
}

static void unknown_action(struct reader *r, const struct yaml_node *node, struct str name)
{
    const struct catalogue *catalogue = r->world->catalogue;
    const struct action *action, *nearest = NULL;
    unsigned best = name.size < 8 ? 3 : 5;
    for (uint32_t i = 0; (action = catalogue->at(catalogue, i)) != NULL; i++) {
        unsigned distance = str_distance(action->name, name, best);
        if (distance < best) {
            best = distance;
            nearest = action;
        }
    }
    if (nearest != NULL)
        reader_fault(r, node, "unknown_action", "there is no action \"%.*s\"; did you mean \"%.*s\"?",
            STR_ARG(name), STR_ARG(nearest->name));
    else
        reader_fault(r, node, "unknown_action",
            "there is no action \"%.*s\"; `tocsin connector list` shows what there is", STR_ARG(name));
}

/* Expressions are looked at when their types are known (lint_with.c). */
static void check_field(struct reader *r, const struct yaml_node *node, const struct type_field *field,
    const struct template *given)
{
    struct err_info why = { 0 };
    if (given->kind == TEMPLATE_CONSTANT &&
        type_check_value(field->type, given->constant, &why) == ERR_INVALID)
        reader_fault(r, node, "wrong_field_type", "`%.*s`: %s", STR_ARG(field->name), why.text);
}

/* What is given under the `index`th key of a mapping; false when it could not be read. */
static bool given_at(const struct template *with, uint32_t index, struct str key, struct template *ret)
{
    if (with == NULL)
        return false;
    if (with->kind == TEMPLATE_MAP && index < with->count) {
        *ret = with->parts[index];
        return true;
    }
    const struct value *found = with->kind == TEMPLATE_CONSTANT ? value_map_find(with->constant, key) : NULL;
    if (found == NULL)
        return false;
    *ret = (struct template){ .kind = TEMPLATE_CONSTANT, .constant = *found };
    return true;
}

static void check_given_fields(struct reader *r, const struct yaml_node *with_node,
    const struct template *with, const struct type *in, struct str owner)
{
    for (uint32_t i = 0; i < with_node->count; i++) {
        const struct yaml_node *key = with_node->pairs[i].key;
        const struct type_field *field = type_find_field(in, key->text);
        struct template given;
        if (field != NULL) {
            if (given_at(with, i, key->text, &given))
                check_field(r, with_node->pairs[i].value, field, &given);
            continue;
        }
        if (in->is_open)
            continue;
        const struct type_field *nearest = type_nearest_field(in, key->text);
        reader_fault(r, key, "unknown_field", "%.*s has no field \"%.*s\"%s%.*s%s", STR_ARG(owner),
            STR_ARG(key->text), nearest ? "; did you mean \"" : "",
            STR_ARG(nearest ? nearest->name : STR("")), nearest ? "\"?" : "");
    }
}

static void check_with(
    struct reader *r, const struct yaml_node *node, const struct template *with, const struct action *action)
{
    const struct yaml_node *with_node = part(node, "with");
    const struct type *in = action->in;
    if (in == NULL || in->kind != TYPE_RECORD)
        return;
    if (with_node != NULL && with_node->kind != YAML_MAPPING)
        return; /* one expression that gives the whole map: checked when the call is made */
    if (with_node != NULL)
        check_given_fields(r, with_node, with, in, action->name);
    for (uint32_t i = 0; i < in->field_count; i++) {
        struct str name = in->fields[i].name;
        bool has_fallback = action->defaults != NULL && value_map_find(*action->defaults, name) != NULL;
        if (in->fields[i].is_required && !has_fallback &&
            (with_node == NULL || yaml_find(with_node, name) == NULL))
            reader_fault(r, with_node ? with_node : part(node, "do"), "missing_field",
                "%.*s needs `with:` to have \"%.*s\"", STR_ARG(action->name), STR_ARG(name));
    }
}

void lint_action(struct reader *r, const struct yaml_node *node, const struct step *step)
{
    if (r->world == NULL || r->world->catalogue == NULL || step->call.action.size == 0)
        return;
    const struct action *action = catalogue_find(r->world->catalogue, step->call.action);
    if (action == NULL) {
        unknown_action(r, part(node, "do"), step->call.action);
        return;
    }
    check_with(r, node, step->call.with, action);
    if (part(node, "for") != NULL && action->undo.size == 0)
        reader_fault(r, part(node, "for"), "lease_without_undo",
            "%.*s has no undo, so nothing can end it after this span; leave out `for:`",
            STR_ARG(action->name));
    else if (action->kind == ACTION_CONTAIN && action->undo.size == 0)
        reader_warn(r, part(node, "do"), "contain_without_undo",
            "%.*s contains and has no undo: what it does stays until a person ends it",
            STR_ARG(action->name));
}

static bool can_be_called(const struct playbook *playbook)
{
    for (uint32_t i = 0; i < playbook->trigger_count; i++)
        if (playbook->triggers[i].kind == TRIGGER_PLAYBOOK)
            return true;
    return playbook->trigger_count == 0;
}

/* Whether `from` can come to call `target`. `*budget` bounds the search among many playbooks. */
static bool comes_to_call(
    struct reader *r, const struct playbook *from, struct str target, unsigned depth, unsigned *budget)
{
    if (depth == 0 || *budget == 0)
        return false;
    (*budget)--;
    for (uint32_t i = 0; i < from->step_count; i++) {
        const struct step *step = from->all_steps[i];
        const struct playbook *next = NULL;
        if (step->kind != STEP_RUN)
            continue;
        if (str_equal(step->run.playbook, target))
            return true;
        if (r->world->find_playbook(r->world, step->run.playbook, &next) &&
            comes_to_call(r, next, target, depth - 1, budget))
            return true;
    }
    return false;
}

static void check_given_inputs(struct reader *r, const struct yaml_node *with_node,
    const struct template *with, const struct playbook *called)
{
    for (uint32_t i = 0; i < with_node->count; i++) {
        const struct yaml_node *key = with_node->pairs[i].key;
        const struct playbook_input *input = playbook_find_input(called, key->text);
        struct template given;
        if (input == NULL) {
            reader_fault(r, key, "unknown_field", "playbook %.*s has no input \"%.*s\"",
                STR_ARG(called->name), STR_ARG(key->text));
            continue;
        }
        struct type_field field = { .name = input->name, .type = input->type };
        if (given_at(with, i, key->text, &given))
            check_field(r, with_node->pairs[i].value, &field, &given);
    }
}

static void check_inputs(
    struct reader *r, const struct yaml_node *node, const struct step *step, const struct playbook *called)
{
    const struct yaml_node *with = part(node, "with");
    if (with != NULL && with->kind != YAML_MAPPING)
        return;
    if (with != NULL)
        check_given_inputs(r, with, step->run.with, called);
    for (uint32_t i = 0; i < called->input_count; i++)
        if (called->inputs[i].is_required && called->inputs[i].default_value == NULL &&
            (with == NULL || yaml_find(with, called->inputs[i].name) == NULL))
            reader_fault(r, with ? with : part(node, "run"), "missing_field",
                "playbook %.*s needs `with:` to have \"%.*s\"", STR_ARG(called->name),
                STR_ARG(called->inputs[i].name));
}

void lint_run(struct reader *r, const struct yaml_node *node, const struct step *step)
{
    const struct playbook *called = NULL;
    const struct yaml_node *name_node = part(node, "run");
    unsigned budget = 1000;
    if (r->name.size > 0 && str_equal(step->run.playbook, r->name)) {
        reader_warn(r, name_node, "playbook_cycle",
            "this playbook calls itself; calls inside calls end at RUN_DEPTH_MAX, %d", RUN_DEPTH_MAX);
        return;
    }
    if (r->world == NULL || r->world->find_playbook == NULL || step->run.playbook.size == 0)
        return;
    if (!r->world->find_playbook(r->world, step->run.playbook, &called)) {
        reader_fault(
            r, name_node, "unknown_playbook", "there is no playbook \"%.*s\"", STR_ARG(step->run.playbook));
        return;
    }
    if (!can_be_called(called))
        reader_fault(r, name_node, "playbook_not_callable",
            "playbook %.*s can't be called; it needs the trigger `playbook: true`", STR_ARG(called->name));
    if (comes_to_call(r, called, r->name, RUN_DEPTH_MAX, &budget))
        reader_warn(r, name_node, "playbook_cycle",
            "playbook %.*s comes to call this one again; calls inside calls end at RUN_DEPTH_MAX, %d",
            STR_ARG(called->name), RUN_DEPTH_MAX);
    check_inputs(r, node, step, called);
}

void lint_constant(struct reader *r, const struct yaml_node *node)
{
    static const struct str roots[] = { STR_INIT("alert."), STR_INIT("event."), STR_INIT("case."),
        STR_INIT("inputs."), STR_INIT("vars."), STR_INIT("steps."), STR_INIT("run.") };
    struct str text = node->text;
    if (r->world != NULL && !r->takes_text && yaml_is_yaml11_bool(node) && text.size > 1)
        reader_fault(r, node, "yaml11_bool",
            "in YAML 1.2 this is the text \"%.*s\": write true or false, or put quotes around it",
            STR_ARG(text));
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        bool is_path = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            c == '_' || c == '.';
        if (!is_path)
            return;
    }
    for (size_t i = 0; node->is_plain && i < sizeof roots / sizeof roots[0]; i++)
        if (str_starts(text, roots[i]) && text.size > roots[i].size)
            reader_warn(r, node, "looks_like_expression",
                "this is the text \"%.*s\"; for its value write \"${{ %.*s }}\", for the text use quotes",
                STR_ARG(text), STR_ARG(text));
}
