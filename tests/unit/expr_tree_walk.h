/* A second evaluator, as plain as can be: it walks the checked tree and knows no steps, registers, folding or
 * handlers. What it gives for an expression is what the compiled program must give. Functions are the
 * library's own: only what lies between the tree and them is told apart here. */
#ifndef TOCSIN_TESTS_EXPR_TREE_WALK_H
#define TOCSIN_TESTS_EXPR_TREE_WALK_H

#include "base/limits.h"
#include "expr/ast.h"
#include "expr/check.h"
#include "expr/compare.h"
#include "expr/function.h"
#include "expr/lists.h"
#include "expr/regex.h"
#include "expr/typed_json.h"

struct walk_binding {
    const struct walk_binding *outer;
    const struct local *local;
    struct value value;
    enum err failed; /* of cel.bind's value: shows where the local is read */
    struct err_info why;
};

struct walk {
    struct call call;
    const struct expr_activation *activation;
};

static enum err walk_node(
    struct walk *walk, const struct node *node, const struct walk_binding *scope, struct value *ret);

static enum err walk_no_fields(struct walk *walk, struct value v)
{
    return call_fail(&walk->call, "a value of type %s has no fields%s", value_type_name(v.type),
        v.type == VALUE_LIST ? "; x[*].f takes one from each item" : "");
}

static enum err walk_name(
    struct walk *walk, const struct node *node, const struct walk_binding *scope, struct value *ret)
{
    if (node->reference == NAME_VARIABLE) {
        if (walk->activation->get(walk->activation, node->slot, ret))
            return ERR_OK;
        return call_fail(&walk->call, "no such attribute: %.*s", STR_ARG(node->name));
    }
    while (scope->local != node->local)
        scope = scope->outer;
    *ret = scope->value;
    if (scope->failed != ERR_OK)
        walk->call.why = scope->why;
    return scope->failed;
}

static enum err walk_select(
    struct walk *walk, const struct node *node, const struct walk_binding *scope, struct value *ret)
{
    struct value operand;
    TRY(walk_node(walk, node->children[0], scope, &operand));
    bool is_optional = operand.type == VALUE_OPTIONAL || node->is_optional;
    bool is_there = operand.type != VALUE_OPTIONAL || operand.inside != NULL;
    if (operand.type == VALUE_OPTIONAL && is_there)
        operand = *operand.inside;
    if (is_there && operand.type != VALUE_MAP)
        return walk_no_fields(walk, operand);
    const struct value *found = is_there ? value_map_find(operand, node->name) : NULL;
    if (node->is_test) {
        *ret = value_bool(found != NULL);
        return ERR_OK;
    }
    if (is_optional) {
        *ret = call_none();
        return found == NULL ? ERR_OK : call_optional(&walk->call, *found, ret);
    }
    if (found == NULL)
        return call_fail(&walk->call, "no such key: %.*s", STR_ARG(node->name));
    *ret = *found;
    return ERR_OK;
}

static bool walk_is_order(const struct function *function)
{
    return function->step >= FUNCTION_LESS && function->step <= FUNCTION_GREATER_EQUAL;
}

/* Numbers of different types are ordered, though no overload is declared for them. */
static bool walk_order(const struct function *function, const struct value *arguments)
{
    int order = 0;
    if (!compare_order(arguments[0], arguments[1], &order))
        return false;
    switch (function->step) {
    case FUNCTION_LESS: return order < 0;
    case FUNCTION_LESS_EQUAL: return order <= 0;
    case FUNCTION_GREATER: return order > 0;
    default: return order >= 0;
    }
}

static enum err walk_call(
    struct walk *walk, const struct node *node, const struct walk_binding *scope, struct value *ret)
{
    struct value arguments[FUNCTION_PARAMETERS_MAX];
    const struct function *function = node->function;
    if (node->count > FUNCTION_PARAMETERS_MAX)
        return call_no_overload(&walk->call);
    for (uint32_t i = 0; i < node->count; i++)
        TRY(walk_node(walk, node->children[i], scope, &arguments[i]));
    if (function->step == FUNCTION_INDEX && node->count == 2)
        return list_or_map_index(&walk->call, arguments[0], arguments[1], ret);
    if (walk_is_order(function) && node->count == 2 && compare_is_number(arguments[0]) &&
        compare_is_number(arguments[1])) {
        *ret = value_bool(walk_order(function, arguments));
        return ERR_OK;
    }
    for (uint32_t i = 0; i < function->overload_count; i++) {
        if (overload_matches(&function->overloads[i], arguments, node->count, node->is_member))
            return function->overloads[i].apply(&walk->call, arguments, ret);
    }
    return call_no_overload(&walk->call);
}

static enum err walk_entry(
    struct walk *walk, const struct node *node, uint32_t entry, struct value *v, bool *ret)
{
    *ret = true;
    if (node->optional_entries == NULL || !node->optional_entries[entry])
        return ERR_OK;
    if (v->type != VALUE_OPTIONAL)
        return call_fail(
            &walk->call, "an entry behind '?' must be optional, not %s", value_type_name(v->type));
    *ret = v->inside != NULL;
    if (v->inside != NULL)
        *v = *v->inside;
    return ERR_OK;
}

static enum err walk_list(
    struct walk *walk, const struct node *node, const struct walk_binding *scope, struct value *ret)
{
    struct value_list_builder list;
    struct value *items = NULL;
    TRY(call_items(&walk->call, node->count, &items));
    for (uint32_t i = 0; i < node->count; i++)
        TRY(walk_node(walk, node->children[i], scope, &items[i]));
    value_list_begin(&list, walk->call.arena);
    for (uint32_t i = 0; i < node->count; i++) {
        bool is_there;
        TRY(walk_entry(walk, node, i, &items[i], &is_there));
        if (is_there)
            TRY(value_list_add(&list, items[i], &walk->call.why));
    }
    *ret = value_list_end(&list);
    return ERR_OK;
}

static enum err walk_map(
    struct walk *walk, const struct node *node, const struct walk_binding *scope, struct value *ret)
{
    struct value_map_builder map;
    struct value *parts = NULL;
    bool is_repeated = false;
    TRY(call_items(&walk->call, node->count, &parts));
    for (uint32_t i = 0; i < node->count; i++)
        TRY(walk_node(walk, node->children[i], scope, &parts[i]));
    value_map_begin(&map, walk->call.arena);
    for (uint32_t i = 0; i < node->count; i += 2) {
        bool is_there;
        struct value key = parts[i];
        if (key.type != VALUE_STRING && key.type != VALUE_INT && key.type != VALUE_UINT &&
            key.type != VALUE_BOOL)
            return call_fail(&walk->call, "a value of type %s can't be a key", value_type_name(key.type));
        TRY(walk_entry(walk, node, i / 2, &parts[i + 1], &is_there));
        enum err err = is_there ? value_map_add(&map, key, parts[i + 1], &walk->call.why) : ERR_OK;
        is_repeated = is_repeated || err == ERR_CONFLICT;
        if (err != ERR_OK && err != ERR_CONFLICT)
            return err;
    }
    if (is_repeated)
        return call_fail(&walk->call, "the map has a repeated key");
    *ret = value_map_end(&map);
    return ERR_OK;
}

/* ---- logic ---- */

static enum err walk_bool(
    struct walk *walk, const struct node *node, const struct walk_binding *scope, bool *ret)
{
    struct value v;
    TRY(walk_node(walk, node, scope, &v));
    if (v.type != VALUE_BOOL)
        return call_fail(&walk->call, "no such overload: %s is no bool", value_type_name(v.type));
    *ret = v.boolean;
    return ERR_OK;
}

/* `decides` is what ends it: true for || and exists(), false for && and all(). */
struct walk_logic {
    bool decides, is_decided;
    enum err failed;
    struct err_info why; /* of the first error */
};

static enum err walk_operand(
    struct walk *walk, const struct node *node, const struct walk_binding *scope, struct walk_logic *logic)
{
    bool is_true = false;
    enum err err = walk_bool(walk, node, scope, &is_true);
    if (err != ERR_OK && err != ERR_INVALID)
        return err;
    if (err == ERR_OK && is_true == logic->decides)
        logic->is_decided = true;
    if (err == ERR_INVALID && logic->failed == ERR_OK) {
        logic->failed = err;
        logic->why = walk->call.why;
    }
    return ERR_OK;
}

static enum err walk_logic_end(struct walk *walk, const struct walk_logic *logic, struct value *ret)
{
    *ret = value_bool(logic->is_decided == logic->decides);
    if (logic->is_decided || logic->failed == ERR_OK)
        return ERR_OK;
    walk->call.why = logic->why;
    return logic->failed;
}

static enum err walk_and_or(
    struct walk *walk, const struct node *node, const struct walk_binding *scope, struct value *ret)
{
    struct walk_logic logic = { .decides = node->kind == NODE_OR };
    for (uint32_t i = 0; i < node->count && !logic.is_decided; i++)
        TRY(walk_operand(walk, node->children[i], scope, &logic));
    return walk_logic_end(walk, &logic, ret);
}

static enum err walk_condition(
    struct walk *walk, const struct node *node, const struct walk_binding *scope, struct value *ret)
{
    struct value test;
    TRY(walk_node(walk, node->children[0], scope, &test));
    if (test.type != VALUE_BOOL)
        return call_fail(&walk->call, "no such overload: %s ? … : …", value_type_name(test.type));
    return walk_node(walk, node->children[test.boolean ? 1 : 2], scope, ret);
}

/* ---- macros ---- */

struct walk_loop {
    const struct node *node;
    struct walk_binding first, second; /* of the entry at hand */
    const struct walk_binding *scope; /* the inner one of them */
    struct walk_logic logic;
    struct value_list_builder made, keys;
    struct value_map_builder map;
    uint32_t hits;
};

static enum err walk_add(struct walk *walk, struct walk_loop *loop, struct value key, struct value v)
{
    enum err err = value_map_add(&loop->map, key, v, &walk->call.why);
    return err == ERR_CONFLICT ? call_fail(&walk->call, "the entries have a repeated key") : err;
}

static enum err walk_body(struct walk *walk, struct walk_loop *loop)
{
    const struct node *body = loop->node->children[2];
    struct value v;
    bool is_true = false;
    switch ((enum loop_kind)loop->node->loop) {
    case LOOP_ALL:
    case LOOP_EXISTS: return walk_operand(walk, body, loop->scope, &loop->logic);
    case LOOP_EXISTS_ONE:
        TRY(walk_bool(walk, body, loop->scope, &is_true));
        loop->hits += is_true;
        return ERR_OK;
    case LOOP_FILTER:
        TRY(walk_bool(walk, body, loop->scope, &is_true));
        return is_true ? value_list_add(&loop->made, loop->first.value, &walk->call.why) : ERR_OK;
    default: break;
    }
    TRY(walk_node(walk, body, loop->scope, &v));
    switch ((enum loop_kind)loop->node->loop) {
    case LOOP_SORT_BY:
        TRY(value_list_add(&loop->keys, v, &walk->call.why));
        return value_list_add(&loop->made, loop->first.value, &walk->call.why);
    case LOOP_TRANSFORM_MAP: return walk_add(walk, loop, loop->first.value, v);
    case LOOP_TRANSFORM_ENTRY:
        if (v.type != VALUE_MAP)
            return call_fail(
                &walk->call, "no such overload: an entry is a map, not %s", value_type_name(v.type));
        for (uint32_t i = 0; i < v.size; i++)
            TRY(walk_add(walk, loop, value_map_entries(v)[i].key, value_map_entries(v)[i].value));
        return ERR_OK;
    case LOOP_EACH_PRESENT:
        if (v.type != VALUE_OPTIONAL)
            return call_no_overload(&walk->call);
        return v.inside != NULL ? value_list_add(&loop->made, *v.inside, &walk->call.why) : ERR_OK;
    case LOOP_EACH_FLAT:
        for (uint32_t i = 0; i < v.size; i++)
            TRY(value_list_add(&loop->made, v.items[i], &walk->call.why));
        return ERR_OK;
    default: return value_list_add(&loop->made, v, &walk->call.why);
    }
}

static enum err walk_result(struct walk *walk, struct walk_loop *loop, struct value *ret)
{
    switch ((enum loop_kind)loop->node->loop) {
    case LOOP_ALL:
    case LOOP_EXISTS: return walk_logic_end(walk, &loop->logic, ret);
    case LOOP_EXISTS_ONE: *ret = value_bool(loop->hits == 1); return ERR_OK;
    case LOOP_SORT_BY: {
        struct value made = value_list_end(&loop->made), keys = value_list_end(&loop->keys);
        return list_sort(&walk->call, made.items, keys.items, made.size, ret);
    }
    case LOOP_TRANSFORM_MAP:
    case LOOP_TRANSFORM_ENTRY: *ret = value_map_end(&loop->map); return ERR_OK;
    default: *ret = value_list_end(&loop->made); return ERR_OK;
    }
}

static void walk_set_entry(struct walk_loop *loop, struct value range, uint32_t i)
{
    bool is_map = range.type == VALUE_MAP;
    loop->first.value = is_map         ? value_map_entries(range)[i].key
        : loop->node->local_count == 2 ? value_int(i)
                                       : range.items[i];
    loop->second.value = is_map ? value_map_entries(range)[i].value : range.items[i];
}

static enum err walk_loop(
    struct walk *walk, const struct node *node, const struct walk_binding *scope, struct value *ret)
{
    struct walk_loop loop = { .node = node, .logic = { .decides = node->loop == LOOP_EXISTS } };
    struct value range;
    TRY(walk_node(walk, node->children[0], scope, &range));
    if (loop_is_each(node->loop)) {
        if (range.type == VALUE_OPTIONAL)
            range = range.inside != NULL ? *range.inside : call_list(NULL, 0);
        if (range.type != VALUE_LIST)
            return call_no_overload(&walk->call);
    }
    if (range.type != VALUE_LIST && range.type != VALUE_MAP)
        return call_fail(&walk->call, "a value of type %s can't be looped over", value_type_name(range.type));
    value_list_begin(&loop.made, walk->call.arena);
    value_list_begin(&loop.keys, walk->call.arena);
    value_map_begin(&loop.map, walk->call.arena);
    loop.first = (struct walk_binding){ .outer = scope, .local = &node->locals[0] };
    loop.second = (struct walk_binding){ .outer = &loop.first, .local = &node->locals[1] };
    loop.scope = node->local_count == 2 ? &loop.second : &loop.first;
    for (uint32_t i = 0; i < range.size && !loop.logic.is_decided; i++) {
        bool is_kept = true;
        walk_set_entry(&loop, range, i);
        if (node->children[1] != NULL)
            TRY(walk_bool(walk, node->children[1], loop.scope, &is_kept));
        if (is_kept)
            TRY(walk_body(walk, &loop));
    }
    return walk_result(walk, &loop, ret);
}

/* cel.bind and cel.block, from binding number `i` on. */
static enum err walk_bindings(struct walk *walk, const struct node *node, uint32_t i,
    const struct walk_binding *scope, struct value *ret)
{
    if (i == node->local_count)
        return walk_node(walk, node->children[i], scope, ret);
    struct walk_binding binding = { .outer = scope, .local = &node->locals[i] };
    binding.failed = walk_node(walk, node->children[i], scope, &binding.value);
    if (binding.failed != ERR_OK && binding.failed != ERR_INVALID)
        return binding.failed;
    if (binding.failed != ERR_OK)
        binding.why = walk->call.why;
    return walk_bindings(walk, node, i + 1, &binding, ret);
}

static enum err walk_opt_map(
    struct walk *walk, const struct node *node, const struct walk_binding *scope, struct value *ret)
{
    struct walk_binding binding = { .outer = scope, .local = &node->locals[0] };
    struct value optional, v;
    TRY(walk_node(walk, node->children[0], scope, &optional));
    if (optional.type != VALUE_OPTIONAL)
        return call_no_overload(&walk->call);
    *ret = call_none();
    if (optional.inside == NULL)
        return ERR_OK;
    binding.value = *optional.inside;
    TRY(walk_node(walk, node->children[1], &binding, &v));
    if (!node->is_optional)
        return call_optional(&walk->call, v, ret);
    if (v.type != VALUE_OPTIONAL)
        return call_no_overload(&walk->call);
    *ret = v;
    return ERR_OK;
}

static enum err walk_node(
    struct walk *walk, const struct node *node, const struct walk_binding *scope, struct value *ret)
{
    TRY(call_charge(&walk->call, 1));
    switch ((enum node_kind)node->kind) {
    case NODE_CONST: *ret = node->value; return ERR_OK;
    case NODE_NAME: return walk_name(walk, node, scope, ret);
    case NODE_SELECT: return walk_select(walk, node, scope, ret);
    case NODE_CALL: return walk_call(walk, node, scope, ret);
    case NODE_LIST: return walk_list(walk, node, scope, ret);
    case NODE_MAP: return walk_map(walk, node, scope, ret);
    case NODE_AND:
    case NODE_OR: return walk_and_or(walk, node, scope, ret);
    case NODE_CONDITION: return walk_condition(walk, node, scope, ret);
    case NODE_LOOP: return walk_loop(walk, node, scope, ret);
    case NODE_BIND:
    case NODE_BLOCK: return walk_bindings(walk, node, 0, scope, ret);
    case NODE_OPT_MAP: return walk_opt_map(walk, node, scope, ret);
    default: return call_fail(&walk->call, "%.*s", STR_ARG(node->name));
    }
}

/* Parses, checks and walks. Errors as of expr_compile and expr_eval together. */
static enum err walk_source(struct arena *arena, const struct expr_env *env, struct str source,
    const struct expr_activation *activation, struct value *ret, struct err_info *why)
{
    struct walk walk = { .call = { .arena = arena, .cost_max = 4 * EXPR_COST_MAX },
        .activation = activation };
    struct node *root = NULL;
    struct checked checked;
    TRY(ast_parse(arena, source, &root, why));
    TRY(check_tree(arena, env, root, &checked, why));
    enum err err = walk_node(&walk, root, NULL, ret);
    regex_free(walk.call.regex);
    if (err != ERR_OK && why != NULL)
        *why = walk.call.why;
    return err;
}

/* Whether both evaluators agree about the source; what they say goes to `ret_ours` (compiled) and
 * `ret_plain` as typed JSON, or "!" with the error. Where a limit ended either, there is nothing to compare.
 */
static bool walk_agrees(struct arena *arena, const struct expr_env *env, struct str source,
    const struct expr_activation *activation, struct buf *ret_ours, struct buf *ret_plain)
{
    struct err_info ours_why = { 0 }, plain_why = { 0 };
    struct expr *expr = NULL;
    struct value ours, plain;
    buf_clear(ret_ours);
    buf_clear(ret_plain);
    enum err compiled = expr_compile(arena, env, source, &expr, &ours_why);
    if (compiled != ERR_OK)
        return true;
    enum err ours_err = expr_eval(expr, arena, activation, NULL, &ours, &ours_why);
    enum err plain_err = walk_source(arena, env, source, activation, &plain, &plain_why);
    if (ours_err == ERR_LIMIT || plain_err == ERR_LIMIT || ours_err == ERR_MEMORY || plain_err == ERR_MEMORY)
        return true;
    if (ours_err == ERR_OK)
        typed_json_print(ret_ours, ours);
    else
        buf_printf(ret_ours, "!%s", ours_why.text);
    if (plain_err == ERR_OK)
        typed_json_print(ret_plain, plain);
    else
        buf_printf(ret_plain, "!%s", plain_why.text);
    /* "no such overload" is all that the plain one says of it. */
    bool both_no_overload = ours_err == ERR_INVALID && plain_err == ERR_INVALID &&
        str_starts(str_of(ours_why.text), STR("no such overload")) &&
        str_starts(str_of(plain_why.text), STR("no such overload"));
    return both_no_overload || str_equal(buf_str(ret_ours), buf_str(ret_plain));
}

#endif
