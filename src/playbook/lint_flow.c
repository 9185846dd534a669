/* Walks the graph as a run would and keeps, at each place, which steps and variables are there surely and
 * which may be. docs/playbooks.md, "Steps": a result is visible to every step that can only run after it; a
 * loop's steps are visible inside the iteration; what branches that run at once assign stays in the branch.
 */
#include <string.h>

#include "base/limits.h"
#include "playbook/lint_impl.h"

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

/* False when there is no memory. */
static bool flow_copy(struct linter *l, const struct flow *from, struct flow *ret)
{
    *ret = (struct flow){ bits_new(l, from->surely), bits_new(l, from->maybe), from->facts, from->is_ended };
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
    if (into->is_ended)
        into->facts = other->facts;
    else if (!other->is_ended)
        into->facts = facts_common(into->facts, other->facts);
    into->is_ended = into->is_ended && other->is_ended;
}

static void flow_set_step(const struct linter *l, struct flow *flow, const struct step *step)
{
    bit_set(flow->surely, step->index);
    bit_set(flow->maybe, step->index);
    bit_set(flow->maybe, output_bit(l, step->index));
    if (step->on_error != ON_ERROR_CONTINUE)
        bit_set(flow->surely, output_bit(l, step->index));
}

/* It failed, and its `on_error` steps run. */
static void flow_set_failed(struct flow *flow, const struct step *step)
{
    bit_set(flow->surely, step->index);
    bit_set(flow->maybe, step->index);
}

/* ---- expressions ---- */

/* A value that may be anything. */
static void check_template(struct linter *l, struct flow *flow, const struct template *template)
{
    lint_value(l, flow, template, &type_dyn, "wrong_type", STR(""));
}

/* Behind a condition, what it has shown holds. After lint_examine. */
static void assume(struct linter *l, struct flow *flow, const struct expr *condition, bool outcome)
{
    const struct node *tree = lint_tree(l, condition);
    const struct fact *before = flow->facts;
    if (tree == NULL)
        return;
    flow->facts = facts_when(l, tree, outcome, before);
    /* Bits outlive a place where ways meet; a step or variable that was shown to be there stays. */
    for (const struct fact *fact = flow->facts; fact != before; fact = fact->next) {
        if (fact->path->outer == NULL)
            continue;
        const struct path *top = fact->path;
        while (top->outer->outer != NULL)
            top = top->outer;
        struct str root = path_root_name(top);
        const struct variable *variable = str_equal(root, STR("vars")) ? lint_find_variable(l, top->name)
                                                                       : NULL;
        const struct step *step = str_equal(root, STR("steps")) ? lint_find_step(l, top->name) : NULL;
        if (variable != NULL)
            bit_set(flow->surely, variable_bit(l, (uint32_t)(variable - l->variables)));
        if (step != NULL)
            bit_set(flow->surely, step->index);
        if (step != NULL && fact->kind == FACT_TRUE && fact->path->outer == top &&
            str_equal(fact->path->name, STR("ok")))
            bit_set(flow->surely, output_bit(l, step->index));
    }
}

/* `steps.ID.ok` is false, as where a step's own `on_error` steps run. */
static void assume_failed(struct linter *l, struct flow *flow, const struct step *step)
{
    const struct path *path = path_extend(
        l, path_extend(l, path_root(l, STR("steps"), NULL), step->id), STR("ok"));
    flow->facts = fact_add(l, flow->facts, FACT_FALSE, path);
}

/* An error is being handled: `run.error` says which. */
static void assume_handling(struct linter *l, struct flow *flow)
{
    flow->facts = fact_add(
        l, flow->facts, FACT_NOT_NULL, path_extend(l, path_root(l, STR("run"), NULL), STR("error")));
}

/* ---- steps ---- */

static void walk_block(struct linter *l, struct flow *flow, struct block block);

static void walk_set(struct linter *l, struct flow *flow, const struct step *step)
{
    for (uint32_t i = 0; i < step->set.count; i++)
        check_template(l, flow, step->set.items[i].value);
    for (uint32_t i = 0; i < step->set.count; i++) {
        const struct variable *variable = lint_find_variable(l, step->set.items[i].name);
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
    lint_condition(l, flow, step->branch.condition);
    if (!flow_copy(l, flow, &otherwise))
        return;
    assume(l, flow, step->branch.condition, true);
    assume(l, &otherwise, step->branch.condition, false);
    walk_block(l, flow, step->branch.then_steps);
    walk_block(l, &otherwise, step->branch.else_steps);
    flow_join(l, flow, &otherwise);
}

static void walk_switch(struct linter *l, struct flow *flow, const struct step *step)
{
    struct flow start, inside;
    struct verdict subject = lint_examine(l, flow, step->choice.subject);
    if (!flow_copy(l, flow, &start))
        return;
    walk_block(l, flow, step->choice.default_steps);
    for (uint32_t i = 0; i < step->choice.case_count; i++) {
        if (!flow_copy(l, &start, &inside))
            return;
        lint_scope_enter(l, step, step->loop_depth);
        lint_scope_it(l, subject.type, subject.taint);
        lint_condition(l, &inside, step->choice.cases[i].when);
        lint_scope_it(l, NULL, 0);
        assume(l, &inside, step->choice.cases[i].when, true);
        walk_block(l, &inside, step->choice.cases[i].steps);
        flow_join(l, flow, &inside);
    }
}

/* Variables that a later part of the body sets are there in the next iteration. */
static void expect_assignments(struct linter *l, struct flow *flow, const struct step *loop)
{
    for (uint32_t i = loop->index + 1; i < l->playbook->step_count; i++) {
        const struct step *step = l->playbook->all_steps[i];
        if (!lint_is_inside(step, loop))
            return;
        for (uint32_t k = 0; step->kind == STEP_SET && k < step->set.count; k++) {
            const struct variable *variable = lint_find_variable(l, step->set.items[k].name);
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
        lint_condition(l, &inside, step->loop.condition);
    if (!is_alone)
        l->outer = flow->maybe;
    if (step->kind == STEP_WHILE)
        assume(l, &inside, step->loop.condition, true);
    walk_block(l, &inside, body);
    if (step->kind == STEP_FOR_EACH) {
        lint_scope_enter(l, step, step->loop_depth + 1);
        check_template(l, &inside, step->for_each.collect);
        lint_scope_enter(l, step, step->loop_depth);
    }
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
        assume_handling(l, &caught);
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

static void walk_do(struct linter *l, struct flow *flow, const struct step *step)
{
    const struct action *action = l->world->catalogue != NULL
        ? catalogue_find(l->world->catalogue, step->call.action)
        : NULL;
    lint_with(l, flow, step->call.with, action != NULL ? action->in : NULL);
    lint_value(l, flow, step->call.lease, &type_duration, "wrong_type", STR("for"));
}

static void walk_ask(struct linter *l, struct flow *flow, const struct step *step)
{
    lint_value(l, flow, step->ask.to, &type_dyn, "wrong_type", STR("to"));
    lint_value(l, flow, step->ask.title, &type_dyn, "wrong_type", STR("title"));
    check_template(l, flow, step->ask.show);
}

static void walk_wait(struct linter *l, struct flow *flow, const struct step *step)
{
    lint_value(l, flow, step->wait.span, &type_duration, "wrong_type", STR("wait"));
    lint_value(l, flow, step->wait.until, &type_timestamp, "wrong_type", STR("until"));
    if (step->wait.event == NULL)
        return;
    lint_scope_it(l, l->outputs[step->index].type, l->outputs[step->index].taint);
    lint_condition(l, flow, step->wait.event);
    lint_scope_it(l, NULL, 0);
}

static void walk_run(struct linter *l, struct flow *flow, const struct step *step)
{
    const struct playbook *called = NULL;
    if (l->world->find_playbook != NULL && l->world->find_playbook(l->world, step->run.playbook, &called))
        lint_with_inputs(l, flow, step->run.with, called);
    else
        check_template(l, flow, step->run.with);
}

static void walk_return(struct linter *l, struct flow *flow, const struct step *step)
{
    const struct type *type = l->playbook->output;
    if (step->give.value != NULL)
        lint_value(l, flow, step->give.value, type, "wrong_output", STR(""));
    else if (type->kind == TYPE_RECORD || type->kind == TYPE_LIST)
        diagnostics_add(l->found, DIAGNOSTIC_ERROR, "wrong_output", step->line, step->column,
            "the playbook declares an `out:`, and this returns null");
}

static void walk_for_each(struct linter *l, struct flow *flow, const struct step *step)
{
    const struct type *type = lint_examine(l, flow, step->for_each.items).type;
    const struct type *items = type->kind == TYPE_NULLABLE ? type->item : type;
    bool is_wrong = items->kind != TYPE_LIST && items->kind != TYPE_MAP && items->kind != TYPE_RECORD &&
        items->kind != TYPE_DYN && items->kind != TYPE_ERROR;
    struct text_place at = { 0, 0 };
    if (is_wrong || type->kind == TYPE_NULLABLE)
        at = lint_place(l, step->for_each.items, 1, 1);
    if (type->kind == TYPE_NULLABLE)
        diagnostics_add(l->found, DIAGNOSTIC_WARNING, "may_be_null", at.line, at.column,
            "what is looped over may be null; test it in a `when:`");
    if (is_wrong)
        diagnostics_add(l->found, DIAGNOSTIC_ERROR, "loop_type", at.line, at.column,
            "`for_each` goes over a list or a map, and this is neither");
    walk_loop(l, flow, step, step->for_each.steps);
}

/* Kinds without steps inside. */
static void walk_plain(struct linter *l, struct flow *flow, const struct step *step)
{
    switch (step->kind) {
    case STEP_DO: walk_do(l, flow, step); break;
    case STEP_ASK: walk_ask(l, flow, step); break;
    case STEP_WAIT: walk_wait(l, flow, step); break;
    case STEP_RUN: walk_run(l, flow, step); break;
    case STEP_SCRIPT: check_template(l, flow, step->script.with); break;
    case STEP_RETURN: walk_return(l, flow, step); break;
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
    case STEP_FOR_EACH: walk_for_each(l, flow, step); break;
    case STEP_WHILE: walk_loop(l, flow, step, step->loop.steps); break;
    case STEP_PARALLEL: walk_parallel(l, flow, step); break;
    case STEP_TRY: walk_try(l, flow, step); break;
    default: walk_plain(l, flow, step); break;
    }
}

static void walk_step(struct linter *l, struct flow *flow, const struct step *step)
{
    struct flow skipped, failed;
    lint_scope_enter(l, step, step->loop_depth);
    lint_condition(l, flow, step->when);
    if (step->when != NULL) {
        if (!flow_copy(l, flow, &skipped))
            return;
        assume(l, flow, step->when, true);
        assume(l, &skipped, step->when, false);
    }
    if (step->on_error == ON_ERROR_STEPS && !flow_copy(l, flow, &failed))
        return;
    walk_kind(l, flow, step);
    flow_set_step(l, flow, step);
    if (step->on_error == ON_ERROR_STEPS) {
        flow_set_failed(&failed, step);
        assume_failed(l, &failed, step);
        assume_handling(l, &failed);
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
    if (l->variables == NULL || !lint_names_init(l, most))
        return false;
    for (uint32_t i = 0; i < l->playbook->step_count; i++) {
        const struct step *step = l->playbook->all_steps[i];
        for (uint32_t k = 0; step->kind == STEP_SET && k < step->set.count; k++)
            lint_add_variable(l, step->set.items[k].name, step);
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

/* What every trigger's filter has shown before a step runs. A person or another playbook shows nothing. */
static const struct fact *shown_by_triggers(struct linter *l)
{
    const struct fact *common = NULL;
    for (uint32_t i = 0; i < l->playbook->trigger_count; i++) {
        const struct node *tree = lint_tree(l, l->playbook->triggers[i].filter);
        const struct fact *facts = tree != NULL ? facts_when(l, tree, true, NULL) : NULL;
        const struct fact *kept = i == 0 ? facts : NULL;
        for (const struct fact *fact = common; i > 0 && fact != NULL; fact = fact->next)
            if (fact_holds(facts, fact->kind, fact->path))
                kept = fact_add(l, kept, fact->kind, fact->path);
        common = kept;
    }
    return common;
}

/* What is evaluated before there is a run. */
static void walk_head(struct linter *l, struct flow *flow)
{
    lint_scope_enter(l, NULL, 0);
    l->where = LINT_IN_TRIGGER;
    for (uint32_t i = 0; i < l->playbook->trigger_count; i++)
        lint_condition(l, flow, l->playbook->triggers[i].filter);
    l->where = LINT_IN_START;
    for (uint32_t i = 0; i < l->playbook->input_count; i++)
        lint_value(l, flow, l->playbook->inputs[i].default_value, l->playbook->inputs[i].type, "wrong_type",
            l->playbook->inputs[i].name);
    check_template(l, flow, l->playbook->concurrency_key);
    l->where = LINT_IN_STEPS;
}

static void walk_playbook(struct linter *l)
{
    struct flow flow = { bits_new(l, NULL), bits_new(l, NULL), NULL, false };
    if (l->is_out_of_memory)
        return;
    walk_head(l, &flow);
    const struct fact *shown = shown_by_triggers(l);
    flow.facts = shown;
    walk_block(l, &flow, l->playbook->steps);
    /* A failure may come at any step, so nothing is sure in on_failure. */
    memset(flow.surely, 0, l->word_count * sizeof *flow.surely);
    flow.is_ended = false;
    flow.facts = shown;
    assume_handling(l, &flow);
    walk_block(l, &flow, l->playbook->on_failure);
    if (!l->is_out_of_memory)
        report_unused(l);
}

enum err lint_flow(struct reader *r, const struct playbook *playbook, struct err_info *why)
{
    struct linter linter = { .reader = r, .found = r->found, .world = r->world, .playbook = playbook };
    bool is_done = gather_variables(&linter) && lint_scope_init(&linter) && lint_examine_init(&linter) &&
        lint_infer(&linter);
    linter.word_count = (2 * playbook->step_count + linter.variable_count) / 64 + 1;
    if (is_done)
        walk_playbook(&linter);
    is_done = is_done && !linter.is_out_of_memory;
    arena_done(&linter.arena);
    return is_done ? ERR_OK : err_memory(why);
}
