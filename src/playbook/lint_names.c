/* Reading `steps.ID`, what is in it, and `vars.NAME`: whether it is there at this place of the graph. */
#include <string.h>

#include "playbook/lint_impl.h"

/* ---- finding ---- */

static bool index_init(struct arena *arena, struct name_index *index, uint32_t most)
{
    uint32_t size = 16;
    while (size < most * 2)
        size *= 2;
    index->slots = ARENA_ARRAY(arena, size, uint32_t);
    index->mask = size - 1;
    if (index->slots != NULL)
        memset(index->slots, 0, size * sizeof *index->slots);
    return index->slots != NULL;
}

/* FNV-1a: names are the author's own, nobody makes them collide but to wait for himself. */
static uint32_t hash_of(struct str name)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < name.size; i++)
        hash = (hash ^ (unsigned char)name.data[i]) * 16777619u;
    return hash;
}

static void index_add(struct name_index *index, struct str name, uint32_t number)
{
    uint32_t at = hash_of(name) & index->mask;
    while (index->slots[at] != 0)
        at = (at + 1) & index->mask;
    index->slots[at] = number + 1;
}

bool lint_names_init(struct linter *l, uint32_t variables_most)
{
    if (!index_init(&l->arena, &l->variable_index, variables_most) ||
        !index_init(&l->arena, &l->step_index, l->playbook->step_count))
        return false;
    for (uint32_t i = 0; i < l->playbook->step_count; i++)
        if (l->playbook->all_steps[i]->has_given_id)
            index_add(&l->step_index, l->playbook->all_steps[i]->id, i);
    return true;
}

struct variable *lint_find_variable(const struct linter *l, struct str name)
{
    const struct name_index *index = &l->variable_index;
    for (uint32_t at = hash_of(name) & index->mask; index->slots[at] != 0; at = (at + 1) & index->mask)
        if (str_equal(l->variables[index->slots[at] - 1].name, name))
            return &l->variables[index->slots[at] - 1];
    return NULL;
}

void lint_add_variable(struct linter *l, struct str name, const struct step *assigned_at)
{
    if (lint_find_variable(l, name) != NULL)
        return;
    l->variables[l->variable_count] = (struct variable){ .name = name, .assigned_at = assigned_at };
    index_add(&l->variable_index, name, l->variable_count++);
}

const struct step *lint_find_step(const struct linter *l, struct str id)
{
    const struct name_index *index = &l->step_index;
    for (uint32_t at = hash_of(id) & index->mask; index->slots[at] != 0; at = (at + 1) & index->mask)
        if (str_equal(l->playbook->all_steps[index->slots[at] - 1]->id, id))
            return l->playbook->all_steps[index->slots[at] - 1];
    return NULL;
}

/* ---- reading ---- */

static void add(
    const struct reading *reading, enum diagnostic_level level, const char *code, const struct buf *text)
{
    struct text_place at = reader_site_place(
        reading->l->reader, reading->site, reading->line, reading->column);
    diagnostics_add_text(reading->l->found, level, code, at.line, at.column, text);
    /* Once is enough for what follows. */
    reading->flow->facts = fact_add(reading->l, reading->flow->facts, FACT_NOT_NULL, reading->path);
}

/* What the expression has asked for, or what was complained about before. */
static bool is_present(const struct reading *reading, const struct path *path)
{
    return fact_is_present(reading->facts, path) || fact_is_present(reading->flow->facts, path);
}

static bool is_not_null(const struct reading *reading, const struct path *path)
{
    return fact_is_not_null(reading->facts, path) || fact_is_not_null(reading->flow->facts, path);
}

static void unknown_step(const struct reading *reading, struct str id)
{
    const struct linter *l = reading->l;
    const struct step *nearest = NULL;
    unsigned best = 4;
    for (uint32_t i = 0; i < l->playbook->step_count; i++) {
        const struct step *step = l->playbook->all_steps[i];
        unsigned distance = step->has_given_id ? str_distance(step->id, id, best) : best;
        if (distance < best) {
            best = distance;
            nearest = step;
        }
    }
    struct text_place at = reader_site_place(l->reader, reading->site, reading->line, reading->column);
    diagnostics_add(l->found, DIAGNOSTIC_ERROR, "unknown_step", at.line, at.column,
        "no step has the id \"%.*s\"%s%.*s%s", STR_ARG(id), nearest ? "; did you mean \"" : "",
        STR_ARG(nearest ? nearest->id : STR("")), nearest ? "\"?" : "");
}

void lint_read_step(const struct reading *reading)
{
    struct linter *l = reading->l;
    struct str id = reading->path->name;
    const struct step *step = lint_find_step(l, id);
    AUTO(buf) struct buf text = { 0 };
    if (step == NULL) {
        unknown_step(reading, id);
        return;
    }
    if (!bit_get(reading->flow->maybe, step->index)) {
        buf_printf(&text,
            "the step \"%.*s\" in line %u can never have run here; what a loop's body gives comes out by "
            "`collect`",
            STR_ARG(id), step->line);
        add(reading, DIAGNOSTIC_ERROR, "step_never_ran", &text);
    } else if (!reading->is_test && !bit_get(reading->flow->surely, step->index) &&
        !is_present(reading, reading->path)) {
        buf_printf(&text, "the step \"%.*s\" in line %u may not have run here; test `has(steps.%.*s)` first",
            STR_ARG(id), step->line, STR_ARG(id));
        add(reading, DIAGNOSTIC_WARNING, "step_may_not_have_run", &text);
    }
}

/* The record that every step has; its fields are made in lint_type.c. */
static bool is_step_field(const struct reading *reading)
{
    struct str name = reading->path->name;
    const struct type *record = &reading->l->step_types[0];
    for (uint32_t i = 0; i < STEP_FIELD_COUNT; i++)
        if (str_equal(record->fields[i].name, name))
            return true;
    struct text_place at = reader_site_place(
        reading->l->reader, reading->site, reading->line, reading->column);
    diagnostics_add(reading->l->found, DIAGNOSTIC_ERROR, "unknown_step_field", at.line, at.column,
        "a step has no field \"%.*s\"; it has ok, output, error, attempts, started, ended", STR_ARG(name));
    return false;
}

void lint_read_step_field(const struct reading *reading)
{
    struct linter *l = reading->l;
    const struct path *step_path = reading->path->outer;
    struct str name = reading->path->name, id = step_path->name;
    const struct step *step = lint_find_step(l, id);
    AUTO(buf) struct buf text = { 0 };
    if (step == NULL || !is_step_field(reading) || reading->is_test ||
        !bit_get(reading->flow->maybe, step->index))
        return;
    const struct path *ok = path_extend(l, step_path, STR("ok"));
    if (ok == NULL)
        return;
    if (str_equal(name, STR("output"))) {
        if (step->on_error == ON_ERROR_FAIL || bit_get(reading->flow->surely, output_bit(l, step->index)) ||
            fact_holds(reading->facts, FACT_TRUE, ok) || is_not_null(reading, reading->path))
            return;
        buf_printf(&text,
            "the step \"%.*s\" goes on after an error and has no output then; test `steps.%.*s.ok` first",
            STR_ARG(id), STR_ARG(id));
        add(reading, DIAGNOSTIC_WARNING, "output_may_be_absent", &text);
    } else if (str_equal(name, STR("error")) && !fact_holds(reading->facts, FACT_FALSE, ok) &&
        !is_present(reading, reading->path)) {
        buf_printf(&text, "the step \"%.*s\" has an error only when it failed; test `!steps.%.*s.ok` first",
            STR_ARG(id), STR_ARG(id));
        add(reading, DIAGNOSTIC_WARNING, "may_be_absent", &text);
    }
}

void lint_read_variable(const struct reading *reading)
{
    struct linter *l = reading->l;
    struct str name = reading->path->name;
    struct variable *variable = lint_find_variable(l, name);
    AUTO(buf) struct buf text = { 0 };
    if (variable == NULL) {
        buf_printf(&text, "nothing sets the variable \"%.*s\"", STR_ARG(name));
        if (!reading->is_test)
            add(reading, DIAGNOSTIC_ERROR, "variable_never_set", &text);
        return;
    }
    uint32_t bit = variable_bit(l, (uint32_t)(variable - l->variables));
    variable->is_read = true;
    if (reading->is_test || bit_get(reading->flow->surely, bit) || is_present(reading, reading->path))
        return;
    if (!bit_get(reading->flow->maybe, bit)) {
        buf_printf(&text,
            "the variable \"%.*s\" is not set before this; what a branch that runs beside others sets stays "
            "in it",
            STR_ARG(name));
        add(reading, DIAGNOSTIC_ERROR, "variable_never_set", &text);
    } else {
        buf_printf(&text, "the variable \"%.*s\" may not be set here; test `has(vars.%.*s)` first",
            STR_ARG(name), STR_ARG(name));
        add(reading, DIAGNOSTIC_WARNING, "variable_may_be_unset", &text);
    }
}
