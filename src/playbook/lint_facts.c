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
        if (a == NULL || b == NULL || a->local != b->local || a->tree != b->tree ||
            !str_equal(a->name, b->name))
            return false;
    return true;
}

/* What is known of each item is known of the first. */
static bool is_covered(const struct path *path, const struct path *known)
{
    for (; path != known; path = path->outer, known = known->outer) {
        if (path == NULL || known == NULL || path->local != known->local || path->tree != known->tree)
            return false;
        bool is_item = str_equal(known->name, STR("[*]")) && str_starts(path->name, STR("["));
        if (!is_item && !str_equal(path->name, known->name))
            return false;
    }
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

static struct str path_text(struct linter *l, const struct path *path)
{
    AUTO(buf) struct buf buf = { 0 };
    struct str text = STR("");
    buf_add_byte(&buf, '[');
    path_print(&buf, path);
    buf_add_byte(&buf, ']');
    if (buf_check(&buf, NULL) != ERR_OK || arena_str(&l->arena, buf_str(&buf), &text, NULL) != ERR_OK)
        l->is_out_of_memory = true;
    return text;
}

/* The name of an index that stands in the text, or is a path itself; empty when it is neither. */
static struct str index_name(struct linter *l, const struct node *index)
{
    struct str name = STR("");
    const struct path *path = index->kind != NODE_CONST ? path_of(l, index) : NULL;
    if (path != NULL)
        return path_text(l, path);
    if (index->kind != NODE_CONST)
        return name;
    if (index->value.type == VALUE_STRING)
        return value_str(index->value);
    if (index->value.type == VALUE_INT &&
        arena_printf(&l->arena, &name, NULL, "[%lld]", (long long)index->value.integer) != ERR_OK)
        l->is_out_of_memory = true;
    return name;
}

const struct path *path_index(struct linter *l, const struct path *outer, const struct node *index)
{
    struct str name = outer != NULL ? index_name(l, index) : STR("");
    return name.size > 0 ? path_extend(l, outer, name) : NULL;
}

static bool is_index(const struct node *node)
{
    return node->kind == NODE_CALL && node->count == 2 &&
        (str_equal(node->name, STR("_[_]")) || str_equal(node->name, STR("_[?_]")));
}

/* FNV-1a over what stands in the tree, so that the same text gives the same number. Depth is the parser's. */
static uint64_t hash_bytes(uint64_t hash, struct str bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        hash = (hash ^ (unsigned char)bytes.data[i]) * UINT64_C(0x100000001b3);
    return (hash ^ bytes.size) * UINT64_C(0x100000001b3);
}

static uint64_t hash_tree(uint64_t hash, const struct node *node)
{
    char kind[] = { (char)node->kind, (char)node->loop, (char)node->is_test, (char)node->is_optional };
    hash = hash_bytes(hash_bytes(hash, (struct str){ kind, sizeof kind }), node->name);
    if (node->kind == NODE_CONST && node->value.type == VALUE_STRING)
        hash = hash_bytes(hash, value_str(node->value));
    else if (node->kind == NODE_CONST && node->value.type <= VALUE_DOUBLE && node->value.type != VALUE_NULL)
        hash = hash ^ (node->value.type == VALUE_BOOL ? node->value.boolean : node->value.uinteger);
    for (uint32_t i = 0; i < node->count; i++)
        if (node->children[i] != NULL)
            hash = hash_tree(hash, node->children[i]);
    return hash * UINT64_C(0x100000001b3);
}

static const struct path *path_of_filter(struct linter *l, const struct node *node)
{
    struct path *path = ARENA_NEW(&l->arena, struct path);
    if (path == NULL)
        l->is_out_of_memory = true;
    else
        *path = (struct path){ .name = STR("filter(…)"),
            .tree = hash_tree(UINT64_C(0xcbf29ce484222325), node) | 1 };
    return path;
}

const struct path *path_of(struct linter *l, const struct node *node)
{
    if (node->kind == NODE_LOOP && node->loop == LOOP_FILTER)
        return path_of_filter(l, node);
    if (node->kind == NODE_NAME && node->reference == NAME_VARIABLE)
        return path_root(l, node->name, NULL);
    if (node->kind == NODE_NAME && node->reference == NAME_LOCAL && node->local->range != NULL)
        return path_extend(l, path_of(l, node->local->range), STR("[*]"));
    for (const struct bound *bound = l->bounds; node->kind == NODE_NAME && bound != NULL;
         bound = bound->outer)
        if (node->reference == NAME_LOCAL && bound->local == node->local)
            return bound->path;
    if (node->kind == NODE_NAME)
        return NULL; /* what macros of the machine's own bring in */
    if (node->kind == NODE_SELECT)
        return path_extend(l, path_of(l, node->children[0]), node->name);
    return is_index(node) ? path_index(l, path_of(l, node->children[0]), node->children[1]) : NULL;
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
        if (is_covered(path, deep))
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

/* `path` with `to` in place of `from` at its beginning; NULL when it begins otherwise. */
static const struct path *rebased(
    struct linter *l, const struct path *path, const struct path *from, const struct path *to)
{
    if (path_equal(path, from))
        return to;
    const struct path *outer = path->outer != NULL ? rebased(l, path->outer, from, to) : NULL;
    return path_extend(l, outer, path->name);
}

const struct fact *facts_moved(struct linter *l, const struct fact *facts, const struct path *from,
    const struct path *to, const struct fact *into)
{
    for (; facts != NULL && from != NULL && to != NULL; facts = facts->next) {
        const struct path *path = rebased(l, facts->path, from, to);
        if (path != NULL)
            into = fact_add(l, into, facts->kind, path);
    }
    return into;
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

static bool is_call(const struct node *node, const char *name, uint32_t count)
{
    return node->kind == NODE_CALL && node->count == count && str_equal(node->name, str_of(name));
}

/* `a.?b.orValue(x)`: the path a.b, when x stands in the text. */
static const struct path *path_of_default(struct linter *l, const struct node *node)
{
    if (is_call(node, "size", 1))
        return path_of_default(l, node->children[0]);
    if (!is_call(node, "orValue", 2))
        return NULL;
    const struct node *instead = node->children[1];
    bool is_written = instead->kind == NODE_CONST ||
        ((instead->kind == NODE_LIST || instead->kind == NODE_MAP) && instead->count == 0);
    return is_written ? path_of(l, node->children[0]) : NULL;
}

/* `a.?b.orValue(x) == y`: b was there when it is so and x is not y, or when it is not so and x is y. */
static const struct fact *when_default_compared(struct linter *l, const struct node *side,
    const struct node *other, bool is_equal, const struct fact *facts)
{
    const struct path *path = is_call(side, "orValue", 2) ? path_of_default(l, side) : NULL;
    if (path == NULL || other->kind != NODE_CONST || side->children[1]->kind != NODE_CONST)
        return facts;
    bool is_default = value_equal(side->children[1]->value, other->value);
    if (is_equal == is_default)
        return facts;
    return fact_add(l, facts, is_equal ? FACT_NOT_NULL : FACT_PRESENT, path);
}

static const struct fact *when_compared(
    struct linter *l, const struct node *node, bool is_equal, const struct fact *facts)
{
    for (uint32_t i = 0; i < 2; i++) {
        const struct node *side = node->children[i], *other = node->children[1 - i];
        const struct path *path = path_of(l, side);
        facts = when_default_compared(l, side, other, is_equal, facts);
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

/* A test that holds of what stands in for an absent value is not written: who tests, tests what is there. */
static const struct fact *when_default_tested(
    struct linter *l, const struct node *node, const struct fact *facts)
{
    static const char *const tests[] = { "startsWith", "endsWith", "contains", "matches" };
    bool is_test = is_ordering(node->name) || str_equal(node->name, STR("_in_"));
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++)
        is_test = is_test || str_equal(node->name, str_of(tests[i]));
    for (uint32_t i = 0; is_test && i < node->count; i++)
        facts = fact_add(l, facts, FACT_PRESENT, path_of_default(l, node->children[i]));
    return facts;
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
    if (outcome)
        facts = when_default_tested(l, node, facts);
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
