/* Types that do not hang on a place: of variables (what all assignments have in common), of what loops
 * collect, of loop names. In rounds over the text: what is not known yet is skipped and comes in the next
 * one. */
#include "base/limits.h"
#include "playbook/lint_impl.h"

/* Straight text needs one round and one that shows that nothing changes; loops that feed themselves a few. */
#define ROUNDS_MAX 8

static bool is_same(const struct verdict *a, const struct verdict *b)
{
    return a->taint == b->taint && (a->type == b->type || (a->type != NULL && type_equal(a->type, b->type)));
}

/* `is_first`: trees that read it before were not kept, so they need no new check. */
static void note_change(struct linter *l, bool is_first)
{
    l->has_changed = true;
    if (!is_first)
        l->version++;
}

static void assign(struct linter *l, struct variable *variable, struct verdict value)
{
    struct verdict before = { variable->type, variable->taint };
    if (value.type == NULL)
        return;
    if (value.type->kind == TYPE_OPTIONAL) /* which is a fault, and told once */
        value.type = &type_dyn;
    struct verdict after = { variable->type != NULL ? lint_join(l, variable->type, value.type) : value.type,
        variable->taint | value.taint };
    if (is_same(&before, &after))
        return;
    variable->type = after.type;
    variable->taint = after.taint;
    l->vars_fields[variable - l->variables].type = after.type;
    note_change(l, before.type == NULL);
}

static struct verdict item_of(struct linter *l, struct verdict items)
{
    static const struct str key = STR_INIT("key"), name = STR_INIT("value");
    if (items.type == NULL)
        return items;
    const struct type *type = items.type->kind == TYPE_NULLABLE ? items.type->item : items.type;
    if (type->kind == TYPE_LIST)
        return (struct verdict){ type->item, items.taint };
    if (type->kind != TYPE_MAP && type->kind != TYPE_RECORD)
        return (struct verdict){ &type_dyn, items.taint };
    struct type_field *fields = ARENA_ARRAY(&l->arena, 2, struct type_field);
    struct type *record = ARENA_NEW(&l->arena, struct type);
    if (fields == NULL || record == NULL) {
        l->is_out_of_memory = true;
        return (struct verdict){ &type_dyn, items.taint };
    }
    fields[0] = (struct type_field){ .name = key, .type = &type_string, .is_required = true };
    fields[1] = (struct type_field){
        .name = name, .type = type->kind == TYPE_MAP ? type->item : &type_dyn, .is_required = true
    };
    *record = (struct type){ .kind = TYPE_RECORD, .fields = fields, .field_count = 2 };
    return (struct verdict){ record, items.taint };
}

static void infer_loop(struct linter *l, const struct step *step)
{
    struct verdict *loop = &l->loops[step->index];
    struct verdict item = item_of(l, lint_examine(l, NULL, step->for_each.items));
    if (item.type == NULL || is_same(loop, &item))
        return;
    note_change(l, loop->type->kind == TYPE_ERROR);
    *loop = item;
}

static void infer_collect(struct linter *l, const struct step *step)
{
    lint_scope_enter(l, step, step->loop_depth + 1);
    struct verdict one = lint_template(l, NULL, step->for_each.collect);
    struct verdict before = l->outputs[step->index];
    struct type *list = one.type != NULL ? ARENA_NEW(&l->arena, struct type) : NULL;
    if (list == NULL) {
        l->is_out_of_memory = l->is_out_of_memory || one.type != NULL;
        return;
    }
    *list = (struct type){ .kind = TYPE_LIST, .item = one.type };
    struct verdict output = { list, one.taint };
    if (is_same(&before, &output))
        return;
    lint_set_output(l, step, output);
    note_change(l, before.type->kind == TYPE_ERROR);
}

/* A loop's output is known behind its body: it is looked at when the first step after it comes. */
static void infer_step(struct linter *l, const struct step *step)
{
    lint_scope_enter(l, step, step->loop_depth);
    if (step->kind == STEP_FOR_EACH)
        infer_loop(l, step);
    for (uint32_t i = 0; step->kind == STEP_SET && i < step->set.count; i++)
        assign(l, lint_find_variable(l, step->set.items[i].name),
            lint_template(l, NULL, step->set.items[i].value));
}

bool lint_is_inside(const struct step *step, const struct step *loop)
{
    while (step != NULL && step != loop)
        step = step->parent;
    return step == loop;
}

static void one_round(struct linter *l)
{
    const struct step *open[PLAYBOOK_NESTING_MAX + 1];
    uint32_t open_count = 0;
    for (uint32_t i = 0; i < l->playbook->step_count; i++) {
        const struct step *step = l->playbook->all_steps[i];
        while (open_count > 0 && !lint_is_inside(step, open[open_count - 1]))
            infer_collect(l, open[--open_count]);
        infer_step(l, step);
        if (step->kind == STEP_FOR_EACH && step->for_each.collect != NULL &&
            open_count <= PLAYBOOK_NESTING_MAX)
            open[open_count++] = step;
    }
    while (open_count > 0)
        infer_collect(l, open[--open_count]);
}

/* Types that grow with each round, a list around itself, are anything. */
static void give_up(struct linter *l)
{
    for (uint32_t i = 0; i < l->variable_count; i++) {
        l->variables[i].type = l->vars_fields[i].type = &type_dyn;
    }
    for (uint32_t i = 0; i < l->playbook->step_count; i++) {
        const struct step *step = l->playbook->all_steps[i];
        if (step->kind == STEP_FOR_EACH && step->for_each.collect != NULL)
            lint_set_output(l, step, (struct verdict){ &type_dyn, l->outputs[i].taint });
        l->loops[i].type = &type_dyn;
    }
    l->version++;
}

bool lint_infer(struct linter *l)
{
    for (unsigned round = 0; round < ROUNDS_MAX && !l->is_out_of_memory; round++) {
        l->has_changed = false;
        one_round(l);
        if (!l->has_changed)
            return !l->is_out_of_memory;
    }
    give_up(l);
    return !l->is_out_of_memory;
}
