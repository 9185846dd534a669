/* Paths, and what conditions say about them. */
#include <string.h>

#include "playbook/lint_impl.h"

/* ---- paths ---- */

const struct path *path_root(struct linter *l, struct str name, const struct local *local)
{
    struct path *path = ARENA_NEW(&l->arena, struct path);
    if (path == NULL) {
        l->is_out_of_memory = true;
        return NULL;
    }
    *path = (struct path){ .name = name, .local = local };
    return path;
}

const struct path *path_extend(struct linter *l, const struct path *outer, struct str name)
{
    struct path *path = outer != NULL ? ARENA_NEW(&l->arena, struct path) : NULL;
    if (path != NULL)
        *path = (struct path){ .outer = outer, .name = name };
    else if (outer != NULL)
        l->is_out_of_memory = true;
    return path;
}

bool path_equal(const struct path *a, const struct path *b)
{
    for (; a != b; a = a->outer, b = b->outer)
        if (a == NULL || b == NULL || a->local != b->local || !str_equal(a->name, b->name))
            return false;
    return true;
}

struct str path_root_name(const struct path *path)
{
    while (path->outer != NULL)
        path = path->outer;
    return path->local == NULL ? path->name : STR("");
}

uint32_t path_depth(const struct path *path)
{
    uint32_t depth = 0;
    for (; path->outer != NULL; path = path->outer)
        depth++;
    return depth;
}

bool path_is_over_list(const struct path *path)
{
    for (; path != NULL; path = path->outer)
        if (str_equal(path->name, STR("[*]")))
            return true;
    return false;
}

void path_print(struct buf *buf, const struct path *path)
{
    if (path->outer != NULL) {
        path_print(buf, path->outer);
        if (path->name.data[0] != '[')
            buf_add_byte(buf, '.');
    }
    buf_add(buf, path->name);
}

/* The name of an index that stands in the text; empty when it does not. */
static struct str index_name(struct linter *l, const struct node *index)
{
    struct str name = STR("");
    if (index->kind != NODE_CONST)
        return name;
    if (index->value.type == VALUE_STRING)
        return value_str(index->value);
    if (index->value.type == VALUE_INT &&
        arena_printf(&l->arena, &name, NULL, "[%lld]", (long long)index->value.integer) != ERR_OK)
        l->is_out_of_memory = true;
    return name;
}

static bool is_index(const struct node *node)
{
    return node->kind == NODE_CALL && node->count == 2 &&
        (str_equal(node->name, STR("_[_]")) || str_equal(node->name, STR("_[?_]")));
}

const struct path *path_of(struct linter *l, const struct node *node)
{
    if (node->kind == NODE_NAME && node->reference == NAME_VARIABLE)
        return path_root(l, node->name, NULL);
    if (node->kind == NODE_NAME && node->reference == NAME_LOCAL && node->local->range != NULL)
        return path_extend(l, path_of(l, node->local->range), STR("[*]"));
    if (node->kind == NODE_NAME && node->reference == NAME_LOCAL)
        return path_root(l, node->name, node->local);
    if (node->kind == NODE_SELECT)
        return path_extend(l, path_of(l, node->children[0]), node->name);
    if (!is_index(node))
        return NULL;
    struct str name = index_name(l, node->children[1]);
    return name.size > 0 ? path_extend(l, path_of(l, node->children[0]), name) : NULL;
}

/* ---- facts ---- */

const struct fact *fact_add(
    struct linter *l, const struct fact *facts, enum fact_kind kind, const struct path *path)
{
    struct fact *fact = path != NULL ? ARENA_NEW(&l->arena, struct fact) : NULL;
    if (fact == NULL) {
        l->is_out_of_memory = l->is_out_of_memory || path != NULL;
        return facts;
    }
    *fact = (struct fact){ facts, path, kind, facts != NULL ? facts->count + 1 : 1 };
    return fact;
}

/* Whether `path` leads to what `deep` names; itself it counts for when `is_self`. */
static bool is_on_the_way(const struct path *path, const struct path *deep, bool is_self)
{
    if (!is_self)
        deep = deep->outer;
    for (; deep != NULL; deep = deep->outer)
        if (path_equal(path, deep))
            return true;
    return false;
}

bool fact_is_present(const struct fact *facts, const struct path *path)
{
    for (; facts != NULL; facts = facts->next)
        if (is_on_the_way(path, facts->path, true))
            return true;
    return false;
}

bool fact_is_not_null(const struct fact *facts, const struct path *path)
{
    for (; facts != NULL; facts = facts->next)
        if (is_on_the_way(path, facts->path, facts->kind != FACT_PRESENT))
            return true;
    return false;
}

bool fact_holds(const struct fact *facts, enum fact_kind kind, const struct path *path)
{
    for (; facts != NULL; facts = facts->next)
        if (facts->kind == kind && path_equal(facts->path, path))
            return true;
    return false;
}

const struct fact *facts_common(const struct fact *a, const struct fact *b)
{
    while (a != b && a != NULL && b != NULL) {
        uint32_t in_a = a->count, in_b = b->count;
        if (in_a >= in_b)
            a = a->next;
        if (in_b >= in_a)
            b = b->next;
    }
    return a == b ? a : NULL;
}

/* ---- conditions ---- */

static bool is_null_literal(const struct node *node)
{
    return node->kind == NODE_CONST && node->value.type == VALUE_NULL;
}

static const struct fact *when_compared(
    struct linter *l, const struct node *node, bool is_equal, const struct fact *facts)
{
    for (uint32_t i = 0; i < 2; i++) {
        const struct node *side = node->children[i], *other = node->children[1 - i];
        const struct path *path = path_of(l, side);
        if (path == NULL)
            continue;
        if (is_null_literal(other) ? !is_equal : is_equal && other->kind == NODE_CONST)
            facts = fact_add(l, facts, FACT_NOT_NULL, path);
        if (other->kind == NODE_CONST && other->value.type == VALUE_BOOL)
            facts = fact_add(l, facts, other->value.boolean == is_equal ? FACT_TRUE : FACT_FALSE, path);
    }
    return facts;
}

/* Below, above: what was compared was there, whatever came out. */
static bool is_ordering(struct str name)
{
    return str_equal(name, STR("_<_")) || str_equal(name, STR("_<=_")) || str_equal(name, STR("_>_")) ||
        str_equal(name, STR("_>=_"));
}

static const struct fact *when_called(
    struct linter *l, const struct node *node, bool outcome, const struct fact *facts)
{
    struct str name = node->name;
    if (str_equal(name, STR("!_")) && node->count == 1)
        return facts_when(l, node->children[0], !outcome, facts);
    if (str_equal(name, STR("_==_")) && node->count == 2)
        return when_compared(l, node, outcome, facts);
    if (str_equal(name, STR("_!=_")) && node->count == 2)
        return when_compared(l, node, !outcome, facts);
    if (str_equal(name, STR("hasValue")) && node->count == 1 && outcome)
        return fact_add(l, facts, FACT_NOT_NULL, path_of(l, node->children[0]));
    if (str_equal(name, STR("_in_")) && node->count == 2 && outcome &&
        node->children[0]->kind == NODE_CONST && node->children[0]->value.type == VALUE_STRING &&
        node->children[1]->type->kind != TYPE_LIST)
        return fact_add(l, facts, FACT_PRESENT,
            path_extend(l, path_of(l, node->children[1]), value_str(node->children[0]->value)));
    for (uint32_t i = 0; node->count == 2 && is_ordering(name) && i < 2; i++)
        facts = fact_add(l, facts, FACT_NOT_NULL, path_of(l, node->children[i]));
    if (is_index(node))
        facts = fact_add(l, facts, outcome ? FACT_TRUE : FACT_FALSE, path_of(l, node));
    return facts;
}

const struct fact *facts_when(
    struct linter *l, const struct node *node, bool outcome, const struct fact *facts)
{
    switch ((enum node_kind)node->kind) {
    case NODE_SELECT:
        if (node->is_test)
            return outcome ? fact_add(l, facts, FACT_PRESENT, path_of(l, node)) : facts;
        return node->is_optional ? facts
                                 : fact_add(l, facts, outcome ? FACT_TRUE : FACT_FALSE, path_of(l, node));
    case NODE_AND:
    case NODE_OR:
        /* All operands are true, or all are false; the other way round only one needs to be. */
        for (uint32_t i = 0; outcome == (node->kind == NODE_AND) && i < node->count; i++)
            facts = facts_when(l, node->children[i], outcome, facts);
        return facts;
    case NODE_CALL: return when_called(l, node, outcome, facts);
    default: return facts;
    }
}
