/* The macros of one expression: what their variables stand for, and what is known of what they give. */
#include "playbook/lint_visit.h"

static void shadows(const struct visit *v, const struct node *node, struct str name)
{
    AUTO(buf) struct buf text = { 0 };
    buf_printf(
        &text, "`%.*s` hides the name further out; call the macro's variable something else", STR_ARG(name));
    lint_report_at(v, node, DIAGNOSTIC_WARNING, "shadowed_name", &text);
}

static void check_shadow(const struct visit *v, const struct node *node, const struct local *local)
{
    bool is_hidden = false;
    for (uint32_t i = 0; i < v->l->name_count; i++)
        is_hidden = is_hidden || str_equal(v->l->names[i].name, local->name);
    for (const struct bound *bound = v->l->bounds; bound != NULL; bound = bound->outer)
        is_hidden = is_hidden || str_equal(bound->local->name, local->name);
    if (v->flow != NULL && local->name.size > 0 && is_hidden)
        shadows(v, node, local->name);
}

/* Brings a macro's variable in: `from` is the path that it stands for, NULL when it is none; what is known of
 * that is known of the variable. */
static const struct fact *bring_in(
    struct visit *v, struct bound *bound, const struct path *from, bool may_be_null, const struct fact *facts)
{
    struct linter *l = v->l;
    bound->path = path_root(l, bound->local->name, bound->local);
    facts = facts_moved(l, facts, from, bound->path, facts);
    if (v->flow != NULL)
        facts = facts_moved(l, v->flow->facts, from, bound->path, facts);
    if (bound->local->type != NULL && bound->local->type->kind == TYPE_NULLABLE && !may_be_null)
        facts = fact_add(l, facts, FACT_NOT_NULL, bound->path);
    l->bounds = bound;
    return facts;
}

bool lint_is_told_null(const struct seen *seen)
{
    return seen->may_be_null && (seen->path != NULL || seen->is_told);
}

/* The list that filter() gives has a path of its own, of whose items is known what the predicate says. */
static struct seen filtered(
    struct visit *v, const struct node *node, const struct seen *range, const struct bound *item)
{
    struct seen seen = { .taint = range->taint, .holds_null = range->holds_null };
    const struct fact *shown = facts_when(v->l, node->children[2], true, NULL);
    bool is_shown = item->path != NULL && fact_is_not_null(shown, item->path);
    seen.holds_null = range->holds_null && !is_shown;
    v->filtered = node;
    v->filter_facts = shown;
    v->filter_item = item->path;
    if (range->path == NULL || v->flow == NULL)
        return seen;
    seen.path = path_of(v->l, node);
    const struct path *items = path_extend(v->l, seen.path, STR("[*]"));
    const struct path *range_items = path_extend(v->l, range->path, STR("[*]"));
    v->flow->facts = facts_moved(v->l, shown, item->path, items, v->flow->facts);
    v->flow->facts = facts_moved(v->l, v->flow->facts, range_items, items, v->flow->facts);
    return seen;
}

static struct seen loop_result(struct visit *v, const struct node *node, const struct seen *range,
    const struct seen *body, const struct bound *item)
{
    uint8_t taint = range->taint;
    switch ((enum loop_kind)node->loop) {
    case LOOP_FILTER: return filtered(v, node, range, item);
    case LOOP_SORT_BY:
        lint_check_null(v, node->children[2], body);
        return (struct seen){ .path = range->path, .taint = taint, .holds_null = range->holds_null };
    case LOOP_MAP:
    case LOOP_EACH: return (struct seen){ .taint = body->taint, .holds_null = lint_is_told_null(body) };
    case LOOP_EACH_PRESENT:
    case LOOP_EACH_FLAT: return (struct seen){ .taint = body->taint, .holds_null = body->holds_null };
    case LOOP_TRANSFORM_ENTRY: return (struct seen){ .taint = body->taint };
    case LOOP_TRANSFORM_MAP: return (struct seen){ .taint = body->taint | taint };
    case LOOP_ALL:
    case LOOP_EXISTS:
    case LOOP_EXISTS_ONE: break;
    }
    return (struct seen){ .taint = taint };
}

/* A path over a list goes on into it: its item is the range's `[*]`. */
static void bring_in_each(struct visit *v, struct bound *bound, const struct path *range)
{
    if (range == NULL)
        range = path_root(v->l, STR("…"), bound->local);
    bound->path = path_extend(v->l, range, STR("[*]"));
    v->l->bounds = bound;
}

struct seen lint_visit_loop(struct visit *v, const struct node *node, const struct fact *facts)
{
    const struct bound *before = v->l->bounds;
    struct bound bounds[2] = { { 0 }, { 0 } };
    struct seen range = lint_visit_node(v, node->children[0], facts);
    bool is_list = node->children[0]->type->kind == TYPE_LIST;
    lint_visit_whole(v, node->children[0], &range);
    lint_check_null(v, node->children[0], &range);
    for (uint32_t i = 0; i < node->local_count && i < 2; i++) {
        const struct local *local = &node->locals[i];
        bool is_item = is_list && i + 1 == node->local_count;
        const struct path *from = is_item ? path_extend(v->l, range.path, STR("[*]")) : NULL;
        check_shadow(v, node, local);
        bounds[i] = (struct bound){ v->l->bounds, local, NULL, range.taint };
        if (loop_is_each(node->loop))
            bring_in_each(v, &bounds[i], range.path);
        else
            facts = bring_in(v, &bounds[i], from, is_item ? range.holds_null : true, facts);
    }
    if (node->children[1] != NULL) {
        (void)lint_visit_node(v, node->children[1], facts); /* a bool */
        facts = facts_when(v->l, node->children[1], true, facts);
    }
    struct seen body = lint_visit_node(v, node->children[2], facts);
    struct seen seen = loop_result(v, node, &range, &body, &bounds[node->local_count == 2]);
    v->l->bounds = before;
    return seen;
}

struct seen lint_visit_bindings(struct visit *v, const struct node *node, const struct fact *facts)
{
    const struct bound *before = v->l->bounds;
    struct bound *bounds = ARENA_ARRAY(&v->l->arena, node->local_count + 1, struct bound);
    if (bounds == NULL) {
        v->l->is_out_of_memory = true;
        return (struct seen){ NULL, TAINTED };
    }
    for (uint32_t i = 0; i < node->local_count; i++) {
        struct seen value = lint_visit_node(v, node->children[i], facts);
        lint_visit_whole(v, node->children[i], &value);
        bounds[i] = (struct bound){ v->l->bounds, &node->locals[i], value.path, value.taint };
        if (value.path == NULL)
            facts = bring_in(v, &bounds[i], NULL, value.may_be_null, facts);
        v->l->bounds = &bounds[i];
    }
    struct seen body = lint_visit_node(v, node->children[node->local_count], facts);
    v->l->bounds = before;
    body.is_told = body.path == NULL && body.is_told;
    body.path = NULL;
    return body;
}

struct seen lint_visit_opt_map(struct visit *v, const struct node *node, const struct fact *facts)
{
    struct seen value = lint_visit_node(v, node->children[0], facts);
    struct bound bound = { v->l->bounds, &node->locals[0], value.path, value.taint };
    if (value.path == NULL)
        facts = bring_in(v, &bound, NULL, value.holds_null, facts);
    v->l->bounds = &bound;
    struct seen body = lint_visit_node(v, node->children[1], facts);
    v->l->bounds = bound.outer;
    bool holds_null = node->is_optional ? body.holds_null : lint_is_told_null(&body);
    return (struct seen){ .taint = body.taint, .holds_null = holds_null };
}

/* What filter() gives: its items have the fields, and no null, that the predicate asks for. */
const struct type *lint_refined(const struct visit *v, const struct type *list)
{
    struct linter *l = v->l;
    const struct type *item = list->item->kind == TYPE_NULLABLE &&
            fact_is_not_null(v->filter_facts, v->filter_item)
        ? list->item->item
        : list->item;
    struct type *made = ARENA_NEW(&l->arena, struct type), *record = ARENA_NEW(&l->arena, struct type);
    struct type_field *fields = ARENA_ARRAY(&l->arena, item->field_count + 1, struct type_field);
    if (made == NULL || record == NULL || fields == NULL) {
        l->is_out_of_memory = true;
        return list;
    }
    *record = *item;
    for (uint32_t i = 0; item->kind == TYPE_RECORD && i < item->field_count; i++) {
        const struct path *path = path_extend(l, v->filter_item, item->fields[i].name);
        fields[i] = item->fields[i];
        if (path == NULL)
            continue;
        fields[i].is_required = fields[i].is_required || fact_is_present(v->filter_facts, path);
        if (fields[i].type->kind == TYPE_NULLABLE && fact_is_not_null(v->filter_facts, path))
            fields[i].type = fields[i].type->item;
    }
    if (item->kind == TYPE_RECORD)
        record->fields = fields;
    *made = *list;
    made->item = item->kind == TYPE_RECORD ? record : item;
    return made;
}
