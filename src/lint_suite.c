/* A test file: by its own reader, then each name in it against the playbook and the actions. */
#include <assert.h>
#include <stdio.h>
#include <unistd.h>

#include "base/yaml.h"
#include "lint_files.h"
#include "suite.h"

struct check {
    const struct lint_set *set;
    struct arena *arena;
    struct diagnostics *found;
    const struct playbook *playbook;
};

static const struct yaml_node *part(const struct yaml_node *node, const char *key)
{
    return node != NULL ? yaml_find(node, str_of(key)) : NULL;
}

static uint32_t pairs_of(const struct yaml_node *node)
{
    return node != NULL && node->kind == YAML_MAPPING ? node->count : 0;
}

static uint32_t items_of(const struct yaml_node *node)
{
    return node != NULL && node->kind == YAML_SEQUENCE ? node->count : 0;
}

static void fault(const struct check *check, const struct yaml_node *node, const char *code, const char *what,
    struct str name)
{
    diagnostics_add(
        check->found, DIAGNOSTIC_ERROR, code, node->line, node->column, "%s \"%.*s\"", what, STR_ARG(name));
}

/* NULL after a fault, and when actions are not known. */
static const struct action *find_action(const struct check *check, const struct yaml_node *node)
{
    if (check->set->catalogue == NULL)
        return NULL;
    const struct action *action = catalogue_find(check->set->catalogue, node->text);
    if (action == NULL)
        fault(check, node, "unknown_action", "there is no action", node->text);
    return action;
}

/* Some of a record's fields, each of its type; all of them need not be there. */
static void check_part(
    const struct check *check, const struct yaml_node *node, const struct type *record, const char *what)
{
    if (record == NULL || record->kind != TYPE_RECORD)
        return;
    for (uint32_t i = 0; i < pairs_of(node); i++) {
        const struct yaml_node *key = node->pairs[i].key;
        const struct type_field *field = type_find_field(record, key->text);
        struct err_info why = { 0 };
        struct value v;
        if (field == NULL && !record->is_open)
            fault(check, key, "unknown_field", what, key->text);
        if (field != NULL && field->type->kind != TYPE_TIMESTAMP && field->type->kind != TYPE_DURATION &&
            yaml_to_value(check->arena, node->pairs[i].value, &v, &why) == ERR_OK &&
            type_check_value(field->type, v, &why) == ERR_INVALID)
            diagnostics_add(check->found, DIAGNOSTIC_ERROR, "wrong_field_type", node->pairs[i].value->line,
                node->pairs[i].value->column, "`%.*s`: %s", STR_ARG(field->name), why.text);
    }
}

static void check_mock(const struct check *check, const struct yaml_node *answer, const struct action *action)
{
    if (action != NULL)
        check_part(check, part(answer, "output"), action->out, "the action gives no field");
}

static void check_mocks(const struct check *check, const struct yaml_node *mocks)
{
    for (uint32_t i = 0; i < pairs_of(mocks); i++) {
        const struct yaml_node *answers = mocks->pairs[i].value;
        const struct action *action = find_action(check, mocks->pairs[i].key);
        if (answers->kind == YAML_MAPPING)
            check_mock(check, answers, action);
        for (uint32_t k = 0; k < items_of(answers); k++)
            check_mock(check, answers->items[k], action);
    }
}

static void check_answers(const struct check *check, const struct yaml_node *answers)
{
    for (uint32_t i = 0; i < pairs_of(answers); i++) {
        const struct yaml_node *key = answers->pairs[i].key;
        const struct step *step = playbook_find_step(check->playbook, key->text);
        /* An action may be asked about, too: suggest mode, a guardrail. */
        if (step == NULL)
            fault(check, key, "unknown_step", "the playbook has no step", key->text);
        else if (step->kind != STEP_ASK && step->kind != STEP_DO)
            fault(check, key, "unknown_step", "nobody is asked at the step", key->text);
    }
}

static void check_inputs(const struct check *check, const struct yaml_node *inputs)
{
    struct type_field *fields = ARENA_ARRAY(
        check->arena, check->playbook->input_count + 1, struct type_field);
    struct type record = {
        .kind = TYPE_RECORD, .fields = fields, .field_count = check->playbook->input_count
    };
    for (uint32_t i = 0; fields != NULL && i < record.field_count; i++)
        fields[i] = (struct type_field){ .name = check->playbook->inputs[i].name,
            .type = check->playbook->inputs[i].type };
    if (fields != NULL)
        check_part(check, inputs, &record, "the playbook has no input");
}

static void check_expect(const struct check *check, const struct yaml_node *expect)
{
    const struct yaml_node *path = part(expect, "path"), *calls = part(expect, "calls");
    const struct yaml_node *not_called = part(expect, "not_called");
    for (uint32_t i = 0; i < items_of(path); i++) {
        const struct step *step = playbook_find_step(check->playbook, path->items[i]->text);
        if (step == NULL || !step->has_given_id)
            fault(check, path->items[i], "unknown_step", "the playbook has no step with the id",
                path->items[i]->text);
    }
    for (uint32_t i = 0; i < pairs_of(calls); i++) {
        const struct action *action = find_action(check, calls->pairs[i].key);
        for (uint32_t k = 0; action != NULL && k < items_of(calls->pairs[i].value); k++)
            check_part(check, calls->pairs[i].value->items[k], action->in, "the action takes no field");
    }
    for (uint32_t i = 0; i < items_of(not_called); i++)
        (void)find_action(check, not_called->items[i]); /* only that it is there */
}

static void check_event(
    const struct check *check, const struct yaml_node *event, const struct suite_case *its)
{
    char path[4096];
    if (event == NULL || its->event_file.size == 0 || its->event_file.size >= sizeof path)
        return;
    snprintf(path, sizeof path, "%.*s", STR_ARG(its->event_file));
    if (access(path, R_OK) != 0)
        fault(check, event, "no_such_file", "there is no readable file", its->event_file);
}

enum err lint_suite(const struct lint_set *set, const struct lint_file *file, struct arena *arena,
    struct diagnostics *found, struct err_info *why)
{
    struct suite suite;
    struct yaml_node *root;
    struct str path;
    TRY(arena_str(arena, file->name, &path, why)); /* ends in a zero byte: it is a path that was opened */
    enum err result = suite_parse(arena, path.data, file->text, found, &suite, why);
    if (result == ERR_INVALID)
        return ERR_OK;
    TRY(result);
    TRY(yaml_parse(arena, file->text, &root, why));
    struct check check = { set, arena, found, lint_find_playbook(set, suite.playbook) };
    if (check.playbook == NULL) {
        const struct yaml_node *name = part(root, "playbook");
        assert(name != NULL); /* no suite is without it */
        diagnostics_add(found, DIAGNOSTIC_WARNING, "untested_playbook", name->line, name->column,
            "the playbook \"%.*s\" is not among the files that are checked; name its file too",
            STR_ARG(suite.playbook));
        return ERR_OK;
    }
    const struct yaml_node *cases = part(root, "cases");
    for (uint32_t i = 0; i < items_of(cases) && i < suite.count; i++) {
        check_event(&check, part(cases->items[i], "event"), &suite.cases[i]);
        check_inputs(&check, part(cases->items[i], "inputs"));
        check_mocks(&check, part(cases->items[i], "mocks"));
        check_answers(&check, part(cases->items[i], "answers"));
        check_expect(&check, part(cases->items[i], "expect"));
    }
    return ERR_OK;
}
