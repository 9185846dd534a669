/* Walks the graph as a run would and keeps, at each place, which steps and variables are there surely and
 * which may be. PLAYBOOK.md, "Steps": a result is visible to every step that can only run after it; a loop's
 * steps are visible inside the iteration; what branches that run at once assign stays in the branch. */
#include <string.h>

#include "playbook/lint.h"

/* One bit each: step i has an entry at i, has an output at steps + i; variable v is at 2 * steps + v. */
struct flow {
    uint64_t *surely, *maybe;
    bool is_ended; /* nothing behind this place runs */
};

struct variable {
    struct str name;
    const struct step *assigned_at;
    bool is_read;
};

struct linter {
    struct arena arena;
    struct diagnostics *found;
    const struct playbook_world *world;
    const struct playbook *playbook;
    struct variable *variables;
    uint32_t variable_count;
    uint32_t word_count;
    const uint64_t *outer; /* what was there when a branch that keeps its assignments began; NULL: none */
    bool is_out_of_memory;
};

static uint64_t *bits_new(struct linter *l, const uint64_t *from)
{
    uint64_t *bits = ARENA_ARRAY(&l->arena, l->word_count, uint64_t);
    if (bits == NULL) {
        l->is_out_of_memory = true;
        return NULL;
    }
    if (from != NULL)
        memcpy(bits, from, l->word_count * sizeof *bits);
    else
        memset(bits, 0, l->word_count * sizeof *bits);
    return bits;
}

static bool bit_get(const uint64_t *bits, uint32_t at)
{
    return bits[at / 64] >> (at % 64) & 1;
}
static void bit_set(uint64_t *bits, uint32_t at)
{
    bits[at / 64] |= UINT64_C(1) << (at % 64);
}
static uint32_t output_bit(const struct linter *l, uint32_t step)
{
    return l->playbook->step_count + step;
}
static uint32_t variable_bit(const struct linter *l, uint32_t variable)
{
    return 2 * l->playbook->step_count + variable;
}

/* False when there is no memory. */
static bool flow_copy(struct linter *l, const struct flow *from, struct flow *ret)
{
    *ret = (struct flow){ bits_new(l, from->surely), bits_new(l, from->maybe), from->is_ended };
    return ret->surely != NULL && ret->maybe != NULL;
}

/* What holds where two ways meet. A way that ended does not come here. */
static void flow_join(struct linter *l, struct flow *into, const struct flow *other)
{
    for (uint32_t i = 0; i < l->word_count; i++) {
        into->maybe[i] |= other->maybe[i];
        if (into->is_ended)
            into->surely[i] = other->surely[i];
        else if (!other->is_ended)
            into->surely[i] &= other->surely[i];
    }
    into->is_ended = into->is_ended && other->is_ended;
}

static void flow_set_step(const struct linter *l, struct flow *flow, const struct step *step)
{
    bit_set(flow->surely, step->index);
    bit_set(flow->maybe, step->index);
    bit_set(flow->maybe, output_bit(l, step->index));
    if (step->on_error == ON_ERROR_FAIL)
        bit_set(flow->surely, output_bit(l, step->index));
}

static struct variable *find_variable(const struct linter *l, struct str name)
{
    for (uint32_t i = 0; i < l->variable_count; i++)
        if (str_equal(l->variables[i].name, name))
            return &l->variables[i];
    return NULL;
}

/* ---- one expression ---- */

struct place {
    uint32_t line, column;
};

/* Has the same expression asked for this before it reads it: `has(steps.x) && steps.x.ok`? */
static bool is_tested(
    const struct expr_reference *all, uint32_t count, const struct expr_reference *read, bool is_output)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct expr_reference *other = &all[i];
        if (!str_equal(other->root, read->root) || other->field_count == 0 ||
            !str_equal(other->fields[0], read->fields[0]))
            continue;
        if (other->kind == EXPR_TESTS && (!is_output || other->field_count > 1))
            return true;
        if (is_output && other->field_count == 2 && str_equal(other->fields[1], STR("ok")))
            return true;
    }
    return false;
}

static void unknown_step(struct linter *l, struct place at, struct str id)
{
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
    diagnostics_add(l->found, DIAGNOSTIC_ERROR, "unknown_step", at.line, at.column,
        "no step has the id \"%.*s\"%s%.*s%s", STR_ARG(id), nearest ? "; did you mean \"" : "",
        STR_ARG(nearest ? nearest->id : STR("")), nearest ? "\"?" : "");
}

static const struct type *output_type(const struct linter *l, const struct step *step)
{
    const struct action *action = NULL;
    if (step->kind == STEP_DO && l->world != NULL && l->world->catalogue != NULL)
        action = catalogue_find(l->world->catalogue, step->call.action);
    return action != NULL ? action->out : NULL;
}

/* `steps.x.output.a.b` against what the action declares. */
static void check_output_path(
    struct linter *l, struct place at, const struct step *step, const struct expr_reference *ref)
{
    const struct type *type = output_type(l, step);
    for (uint32_t i = 2; type != NULL && i < ref->field_count; i++) {
        if (type->kind == TYPE_NULLABLE)
            type = type->item;
        if (type->kind != TYPE_RECORD)
            return;
        const struct type_field *field = type_find_field(type, ref->fields[i]);
        if (field != NULL) {
            type = field->type;
            continue;
        }
        if (type->is_open)
            return;
        const struct type_field *nearest = type_nearest_field(type, ref->fields[i]);
        diagnostics_add(l->found, DIAGNOSTIC_ERROR, "unknown_output", at.line, at.column,
            "%.*s gives no field \"%.*s\"%s%.*s%s", STR_ARG(step->call.action), STR_ARG(ref->fields[i]),
            nearest ? "; did you mean \"" : "", STR_ARG(nearest ? nearest->name : STR("")),
            nearest ? "\"?" : "");
        return;
    }
}

static bool check_step_field(struct linter *l, struct place at, const struct expr_reference *ref)
{
    static const struct str names[] = { STR_INIT("ok"), STR_INIT("output"), STR_INIT("error"),
        STR_INIT("attempts"), STR_INIT("started"), STR_INIT("ended") };
    if (ref->field_count < 2)
        return true;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (str_equal(ref->fields[1], names[i]))
            return true;
    diagnostics_add(l->found, DIAGNOSTIC_ERROR, "unknown_step_field", at.line, at.column,
        "a step has no field \"%.*s\"; it has ok, output, error, attempts, started, ended",
        STR_ARG(ref->fields[1]));
    return false;
}

static void check_step_read(struct linter *l, const struct flow *flow, struct place at,
    const struct expr_reference *all, uint32_t count, const struct expr_reference *ref)
{
    struct str id = ref->fields[0];
    const struct step *step = playbook_find_step(l->playbook, id);
    if (step == NULL || !step->has_given_id) {
        unknown_step(l, at, id);
        return;
    }
    if (!check_step_field(l, at, ref))
        return;
    bool is_output = ref->field_count > 1 && str_equal(ref->fields[1], STR("output"));
    if (is_output)
        check_output_path(l, at, step, ref);
    if (!bit_get(flow->maybe, step->index))
        diagnostics_add(l->found, DIAGNOSTIC_ERROR, "step_never_ran", at.line, at.column,
            "the step \"%.*s\" in line %u can never have run here; what a loop's body gives comes out by "
            "`collect`",
            STR_ARG(id), step->line);
    else if (ref->kind == EXPR_READS && !bit_get(flow->surely, step->index) &&
        !is_tested(all, count, ref, false))
        diagnostics_add(l->found, DIAGNOSTIC_WARNING, "step_may_not_have_run", at.line, at.column,
            "the step \"%.*s\" in line %u may not have run here; test `has(steps.%.*s)` first", STR_ARG(id),
            step->line, STR_ARG(id));
    else if (ref->kind == EXPR_READS && is_output && !bit_get(flow->surely, output_bit(l, step->index)) &&
        step->on_error != ON_ERROR_FAIL && !is_tested(all, count, ref, true))
        diagnostics_add(l->found, DIAGNOSTIC_WARNING, "output_may_be_absent", at.line, at.column,
            "the step \"%.*s\" goes on after an error and has no output then; test `steps.%.*s.ok` first",
            STR_ARG(id), STR_ARG(id));
}

static void check_variable_read(struct linter *l, const struct flow *flow, struct place at,
    const struct expr_reference *all, uint32_t count, const struct expr_reference *ref)
{
    struct str name = ref->fields[0];
    struct variable *variable = find_variable(l, name);
    if (variable == NULL) {
        if (ref->kind == EXPR_READS)
            diagnostics_add(l->found, DIAGNOSTIC_ERROR, "variable_never_set", at.line, at.column,
                "nothing sets the variable \"%.*s\"", STR_ARG(name));
        return;
    }
    uint32_t bit = variable_bit(l, (uint32_t)(variable - l->variables));
    variable->is_read = true;
    if (ref->kind != EXPR_READS || bit_get(flow->surely, bit) || is_tested(all, count, ref, false))
        return;
    if (!bit_get(flow->maybe, bit))
        diagnostics_add(l->found, DIAGNOSTIC_ERROR, "variable_never_set", at.line, at.column,
            "the variable \"%.*s\" is not set before this; what a branch that runs beside others sets stays "
            "in it",
            STR_ARG(name));
    else
        diagnostics_add(l->found, DIAGNOSTIC_WARNING, "variable_may_be_unset", at.line, at.column,
            "the variable \"%.*s\" may not be set here; test `has(vars.%.*s)` first", STR_ARG(name),
            STR_ARG(name));
}

static void check_input_read(struct linter *l, struct place at, struct str name)
{
    for (uint32_t i = 0; i < l->playbook->input_count; i++)
        if (str_equal(l->playbook->inputs[i].name, name))
            return;
    diagnostics_add(l->found, DIAGNOSTIC_ERROR, "unknown_input", at.line, at.column,
        "the playbook declares no input \"%.*s\"", STR_ARG(name));
}

static void check_expr(struct linter *l, const struct flow *flow, const struct expr *expr, struct place at)
{
    uint32_t count = 0;
    const struct expr_reference *refs = expr ? expr_references(expr, &count) : NULL;
    for (uint32_t i = 0; i < count; i++) {
        const struct expr_reference *ref = &refs[i];
        if (str_equal(ref->root, STR("vars")) && ref->field_count == 0) /* vars[name], to_json(vars) */
            for (uint32_t v = 0; v < l->variable_count; v++)
                l->variables[v].is_read = true;
        if (ref->field_count == 0)
            continue;
        if (str_equal(ref->root, STR("steps")))
            check_step_read(l, flow, at, refs, count, ref);
        else if (str_equal(ref->root, STR("vars")))
            check_variable_read(l, flow, at, refs, count, ref);
        else if (str_equal(ref->root, STR("inputs")))
            check_input_read(l, at, ref->fields[0]);
    }
}

static void check_template(struct linter *l, const struct flow *flow, const struct template *template)
{
    if (template == NULL)
        return;
    check_expr(l, flow, template->expr, (struct place){ template->line, template->column });
    for (uint32_t i = 0; i < template->count; i++)
        check_template(l, flow, &template->parts[i]);
}

/* Inside what a condition guards, what it tests is there. */
static void assume(struct linter *l, struct flow *flow, const struct expr *condition)
{
    uint32_t count = 0;
    const struct expr_reference *refs = condition ? expr_references(condition, &count) : NULL;
    for (uint32_t i = 0; i < count; i++) {
        const struct expr_reference *ref = &refs[i];
        if (ref->field_count == 0)
            continue;
        if (str_equal(ref->root, STR("vars")) && ref->kind == EXPR_TESTS) {
            const struct variable *variable = find_variable(l, ref->fields[0]);
            if (variable != NULL)
                bit_set(flow->surely, variable_bit(l, (uint32_t)(variable - l->variables)));
        }
        const struct step *step = str_equal(ref->root, STR("steps"))
            ? playbook_find_step(l->playbook, ref->fields[0])
            : NULL;
        if (step == NULL)
            continue;
        if (ref->kind == EXPR_TESTS)
            bit_set(flow->surely, step->index);
        if (ref->field_count > 1 && (str_equal(ref->fields[1], STR("ok")) || ref->kind == EXPR_TESTS))
            bit_set(flow->surely, output_bit(l, step->index));
    }
}

/* ---- steps ---- */

static void walk_block(struct linter *l, struct flow *flow, struct block block);

static struct place place_of(const struct step *step)
{
    return (struct place){ step->line, step->column };
}

static void walk_set(struct linter *l, struct flow *flow, const struct step *step)
{
    for (uint32_t i = 0; i < step->set.count; i++)
        check_template(l, flow, step->set.items[i].value);
    for (uint32_t i = 0; i < step->set.count; i++) {
        const struct variable *variable = find_variable(l, step->set.items[i].name);
        uint32_t bit = variable_bit(l, (uint32_t)(variable - l->variables));
        if (l->outer != NULL && bit_get(l->outer, bit))
            diagnostics_add(l->found, DIAGNOSTIC_WARNING, "lost_assignment", step->line, step->column,
                "\"%.*s\" gets this value only inside its branch, which runs beside others; use `collect`",
                STR_ARG(variable->name));
        bit_set(flow->surely, bit);
        bit_set(flow->maybe, bit);
    }
}

static void walk_if(struct linter *l, struct flow *flow, const struct step *step)
{
    struct flow otherwise;
    check_expr(l, flow, step->branch.condition, place_of(step));
    if (!flow_copy(l, flow, &otherwise))
        return;
    assume(l, flow, step->branch.condition);
    walk_block(l, flow, step->branch.then_steps);
    walk_block(l, &otherwise, step->branch.else_steps);
    flow_join(l, flow, &otherwise);
}

static void walk_switch(struct linter *l, struct flow *flow, const struct step *step)
{
    struct flow start, inside;
    check_expr(l, flow, step->choice.subject, place_of(step));
    if (!flow_copy(l, flow, &start))
        return;
    walk_block(l, flow, step->choice.default_steps);
    for (uint32_t i = 0; i < step->choice.case_count; i++) {
        if (!flow_copy(l, &start, &inside))
            return;
        check_expr(l, &inside, step->choice.cases[i].when, place_of(step));
        assume(l, &inside, step->choice.cases[i].when);
        walk_block(l, &inside, step->choice.cases[i].steps);
        flow_join(l, flow, &inside);
    }
}

/* Variables that a later part of the body sets are there in the next iteration. */
static void expect_assignments(struct linter *l, struct flow *flow, const struct step *loop)
{
    for (uint32_t i = loop->index + 1; i < l->playbook->step_count; i++) {
        const struct step *step = l->playbook->all_steps[i], *outer = step->parent;
        while (outer != NULL && outer != loop)
            outer = outer->parent;
        if (outer == NULL)
            return;
        for (uint32_t k = 0; step->kind == STEP_SET && k < step->set.count; k++) {
            const struct variable *variable = find_variable(l, step->set.items[k].name);
            bit_set(flow->maybe, variable_bit(l, (uint32_t)(variable - l->variables)));
        }
    }
}

static void walk_loop(struct linter *l, struct flow *flow, const struct step *step, struct block body)
{
    const uint64_t *outer_before = l->outer;
    bool is_alone = step->kind == STEP_WHILE || step->for_each.parallel <= 1;
    struct flow inside;
    if (is_alone)
        expect_assignments(l, flow, step);
    if (!flow_copy(l, flow, &inside))
        return;
    if (step->kind == STEP_WHILE)
        check_expr(l, &inside, step->loop.condition, place_of(step));
    if (!is_alone)
        l->outer = flow->maybe;
    assume(l, &inside, step->kind == STEP_WHILE ? step->loop.condition : NULL);
    walk_block(l, &inside, body);
    if (step->kind == STEP_FOR_EACH)
        check_template(l, &inside, step->for_each.collect);
    l->outer = outer_before;
}

static void walk_parallel(struct linter *l, struct flow *flow, const struct step *step)
{
    const uint64_t *outer_before = l->outer;
    uint32_t step_bits = 2 * l->playbook->step_count;
    struct flow start, inside;
    if (!flow_copy(l, flow, &start))
        return;
    for (uint32_t i = 0; i < step->parallel.count; i++) {
        if (!flow_copy(l, &start, &inside))
            return;
        l->outer = start.maybe;
        walk_block(l, &inside, step->parallel.branches[i]);
        for (uint32_t bit = 0; bit < step_bits; bit++) {
            if (bit_get(inside.maybe, bit))
                bit_set(flow->maybe, bit);
            if (step->parallel.join == JOIN_ALL && bit_get(inside.surely, bit))
                bit_set(flow->surely, bit);
        }
    }
    l->outer = outer_before;
}

static void walk_try(struct linter *l, struct flow *flow, const struct step *step)
{
    struct flow caught, last;
    if (!flow_copy(l, flow, &caught))
        return;
    walk_block(l, flow, step->attempt.try_steps);
    for (uint32_t i = 0; i < l->word_count; i++)
        caught.maybe[i] |= flow->maybe[i];
    if (!flow_copy(l, &caught, &last)) /* `finally` may follow upon a failure anywhere */
        return;
    if (step->attempt.has_catch) {
        walk_block(l, &caught, step->attempt.catch_steps);
        flow_join(l, flow, &caught);
    }
    for (uint32_t i = 0; i < l->word_count; i++)
        last.maybe[i] |= flow->maybe[i];
    last.is_ended = false;
    walk_block(l, &last, step->attempt.finally_steps);
    for (uint32_t i = 0; i < l->word_count; i++) {
        flow->maybe[i] |= last.maybe[i];
        flow->surely[i] |= last.surely[i];
    }
    flow->is_ended = flow->is_ended || last.is_ended;
}

/* Kinds without steps inside. */
static void walk_plain(struct linter *l, struct flow *flow, const struct step *step)
{
    switch (step->kind) {
    case STEP_DO:
        check_template(l, flow, step->call.with);
        check_template(l, flow, step->call.lease);
        break;
    case STEP_ASK:
        check_template(l, flow, step->ask.to);
        check_template(l, flow, step->ask.title);
        check_template(l, flow, step->ask.show);
        break;
    case STEP_WAIT:
        check_template(l, flow, step->wait.span);
        check_template(l, flow, step->wait.until);
        check_expr(l, flow, step->wait.event, place_of(step));
        break;
    case STEP_RUN: check_template(l, flow, step->run.with); break;
    case STEP_SCRIPT: check_template(l, flow, step->script.with); break;
    case STEP_RETURN: check_template(l, flow, step->give.value); break;
    case STEP_FAIL:
        check_template(l, flow, step->fail.code);
        check_template(l, flow, step->fail.message);
        break;
    default: break;
    }
    flow->is_ended = flow->is_ended || step->kind == STEP_RETURN || step->kind == STEP_FAIL;
}

static void walk_kind(struct linter *l, struct flow *flow, const struct step *step)
{
    switch (step->kind) {
    case STEP_SET: walk_set(l, flow, step); break;
    case STEP_IF: walk_if(l, flow, step); break;
    case STEP_SWITCH: walk_switch(l, flow, step); break;
    case STEP_FOR_EACH:
        check_expr(l, flow, step->for_each.items, place_of(step));
        walk_loop(l, flow, step, step->for_each.steps);
        break;
    case STEP_WHILE: walk_loop(l, flow, step, step->loop.steps); break;
    case STEP_PARALLEL: walk_parallel(l, flow, step); break;
    case STEP_TRY: walk_try(l, flow, step); break;
    default: walk_plain(l, flow, step); break;
    }
}

static void walk_step(struct linter *l, struct flow *flow, const struct step *step)
{
    struct flow skipped, failed;
    check_expr(l, flow, step->when, place_of(step));
    if (step->when != NULL && !flow_copy(l, flow, &skipped))
        return;
    assume(l, flow, step->when);
    if (step->on_error == ON_ERROR_STEPS && !flow_copy(l, flow, &failed))
        return;
    walk_kind(l, flow, step);
    flow_set_step(l, flow, step);
    if (step->on_error == ON_ERROR_STEPS) {
        flow_set_step(l, &failed, step);
        walk_block(l, &failed, step->error_steps);
        flow_join(l, flow, &failed);
    }
    if (step->when != NULL)
        flow_join(l, flow, &skipped);
}

static void walk_block(struct linter *l, struct flow *flow, struct block block)
{
    for (uint32_t i = 0; i < block.count && !l->is_out_of_memory; i++) {
        if (flow->is_ended) {
            diagnostics_add(l->found, DIAGNOSTIC_ERROR, "unreachable_step", block.steps[i]->line,
                block.steps[i]->column, "nothing comes here: each way before this ends the run");
            return;
        }
        walk_step(l, flow, block.steps[i]);
    }
}

/* ---- the playbook ---- */

static bool gather_variables(struct linter *l)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < l->playbook->step_count; i++)
        if (l->playbook->all_steps[i]->kind == STEP_SET)
            most += l->playbook->all_steps[i]->set.count;
    l->variables = ARENA_ARRAY(&l->arena, most + 1, struct variable);
    if (l->variables == NULL)
        return false;
    for (uint32_t i = 0; i < l->playbook->step_count; i++) {
        const struct step *step = l->playbook->all_steps[i];
        for (uint32_t k = 0; step->kind == STEP_SET && k < step->set.count; k++)
            if (find_variable(l, step->set.items[k].name) == NULL)
                l->variables[l->variable_count++] = (struct variable){ step->set.items[k].name, step, false };
    }
    return true;
}

static void report_unused(struct linter *l)
{
    for (uint32_t i = 0; i < l->variable_count; i++)
        if (!l->variables[i].is_read)
            diagnostics_add(l->found, DIAGNOSTIC_WARNING, "unused_variable",
                l->variables[i].assigned_at->line, l->variables[i].assigned_at->column,
                "nothing reads the variable \"%.*s\"", STR_ARG(l->variables[i].name));
}

static void walk_playbook(struct linter *l)
{
    struct flow flow = { bits_new(l, NULL), bits_new(l, NULL), false };
    if (l->is_out_of_memory)
        return;
    check_template(l, &flow, l->playbook->concurrency_key);
    for (uint32_t i = 0; i < l->playbook->input_count; i++)
        check_template(l, &flow, l->playbook->inputs[i].default_value);
    walk_block(l, &flow, l->playbook->steps);
    /* A failure may come at any step, so nothing is sure in on_failure. */
    memset(flow.surely, 0, l->word_count * sizeof *flow.surely);
    flow.is_ended = false;
    walk_block(l, &flow, l->playbook->on_failure);
    if (!l->is_out_of_memory)
        report_unused(l);
}

enum err lint_flow(struct diagnostics *found, const struct playbook_world *world,
    const struct playbook *playbook, struct err_info *why)
{
    struct linter linter = { .found = found, .world = world, .playbook = playbook };
    bool is_done = gather_variables(&linter);
    linter.word_count = (2 * playbook->step_count + linter.variable_count) / 64 + 1;
    if (is_done)
        walk_playbook(&linter);
    arena_done(&linter.arena);
    return is_done && !linter.is_out_of_memory ? ERR_OK : err_memory(why);
}
