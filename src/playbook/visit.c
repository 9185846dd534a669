#include "playbook/visit.h"

struct visitor {
    expr_visit *visit;
    void *context;
};

static void visit_expr(const struct visitor *v, const struct step *step, const struct expr *expr)
{
    if (expr)
        v->visit(v->context, step, expr, step->line);
}

static void visit_template(const struct visitor *v, const struct step *step, const struct template *template)
{
    if (!template)
        return;
    if (template->expr)
        v->visit(v->context, step, template->expr, template->line);
    for (uint32_t i = 0; i < template->count; i++)
        visit_template(v, step, &template->parts[i]);
}

static void visit_ask(const struct visitor *v, const struct step *step)
{
    visit_template(v, step, step->ask.to);
    visit_template(v, step, step->ask.title);
    visit_template(v, step, step->ask.show);
}

static void visit_step(const struct visitor *v, const struct step *step)
{
    visit_expr(v, step, step->when);
    switch (step->kind) {
    case STEP_DO:
        visit_template(v, step, step->call.with);
        visit_template(v, step, step->call.lease);
        break;
    case STEP_SET:
        for (uint32_t i = 0; i < step->set.count; i++)
            visit_template(v, step, step->set.items[i].value);
        break;
    case STEP_IF: visit_expr(v, step, step->branch.condition); break;
    case STEP_SWITCH:
        visit_expr(v, step, step->choice.subject);
        for (uint32_t i = 0; i < step->choice.case_count; i++)
            visit_expr(v, step, step->choice.cases[i].when);
        break;
    case STEP_FOR_EACH:
        visit_expr(v, step, step->for_each.items);
        visit_template(v, step, step->for_each.collect);
        break;
    case STEP_WHILE: visit_expr(v, step, step->loop.condition); break;
    case STEP_ASK: visit_ask(v, step); break;
    case STEP_WAIT:
        visit_template(v, step, step->wait.span);
        visit_template(v, step, step->wait.until);
        visit_expr(v, step, step->wait.event);
        break;
    case STEP_RUN: visit_template(v, step, step->run.with); break;
    case STEP_SCRIPT: visit_template(v, step, step->script.with); break;
    case STEP_RETURN: visit_template(v, step, step->give.value); break;
    case STEP_FAIL:
        visit_template(v, step, step->fail.code);
        visit_template(v, step, step->fail.message);
        break;
    case STEP_PARALLEL:
    case STEP_TRY:
    case STEP_KIND_COUNT: break;
    }
}

void playbook_visit(const struct playbook *playbook, expr_visit *visit, void *context)
{
    const struct visitor v = { visit, context };
    for (uint32_t i = 0; i < playbook->step_count; i++)
        visit_step(&v, playbook->all_steps[i]);
}
