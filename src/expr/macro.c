/* Macros (langdef, "Macros"; extensions bindings, optionals, two-variable comprehensions, block). A
 * macro becomes a node of its own instead of the fold that other implementations expand it to: the
 * checker can then speak of it by name, and the compiler emits a plain loop. */
#include <string.h>

#include "base/limits.h"
#include "expr/parse.h"

struct macro {
    struct str name;
    uint8_t argument_count;
    uint8_t variables; /* how many names come first */
    bool has_filter; /* a predicate stands in front of the body */
    uint8_t loop; /* enum loop_kind */
};

static const struct macro loop_macros[] = {
    { STR_INIT("all"), 2, 1, false, LOOP_ALL },
    { STR_INIT("all"), 3, 2, false, LOOP_ALL },
    { STR_INIT("exists"), 2, 1, false, LOOP_EXISTS },
    { STR_INIT("exists"), 3, 2, false, LOOP_EXISTS },
    { STR_INIT("exists_one"), 2, 1, false, LOOP_EXISTS_ONE },
    { STR_INIT("exists_one"), 3, 2, false, LOOP_EXISTS_ONE },
    { STR_INIT("existsOne"), 2, 1, false, LOOP_EXISTS_ONE },
    { STR_INIT("existsOne"), 3, 2, false, LOOP_EXISTS_ONE },
    { STR_INIT("map"), 2, 1, false, LOOP_MAP },
    { STR_INIT("map"), 3, 1, true, LOOP_MAP },
    { STR_INIT("filter"), 2, 1, false, LOOP_FILTER },
    { STR_INIT("transformList"), 3, 2, false, LOOP_MAP },
    { STR_INIT("transformList"), 4, 2, true, LOOP_MAP },
    { STR_INIT("transformMap"), 3, 2, false, LOOP_TRANSFORM_MAP },
    { STR_INIT("transformMap"), 4, 2, true, LOOP_TRANSFORM_MAP },
    { STR_INIT("transformMapEntry"), 3, 2, false, LOOP_TRANSFORM_ENTRY },
    { STR_INIT("transformMapEntry"), 4, 2, true, LOOP_TRANSFORM_ENTRY },
    { STR_INIT("sortBy"), 2, 1, false, LOOP_SORT_BY },
};

static FALLIBLE misuse(const struct node *node, struct err_info *why, const char *text)
{
    return err_at(why, ERR_INVALID, "expr_check", node->line, node->column, "%s", text);
}

/* The variables that a macro's first arguments name. */
static FALLIBLE declare(struct parser *parser, const struct call_text *call, uint32_t count,
    struct node *node, struct err_info *why)
{
    node->locals = ARENA_ARRAY(parser->arena, count, struct local);
    if (node->locals == NULL)
        return err_memory(why);
    node->local_count = count;
    for (uint32_t i = 0; i < count; i++) {
        const struct node *argument = call->arguments.nodes[i];
        if (argument->kind != NODE_NAME || argument->is_root)
            return misuse(argument, why, "this argument of the macro must be a simple name");
        node->locals[i] = (struct local){ .name = argument->name };
    }
    if (count == 2 && str_equal(node->locals[0].name, node->locals[1].name))
        return misuse(call->arguments.nodes[1], why, "the two variables of the macro need different names");
    return ERR_OK;
}

static FALLIBLE expand_loop(struct parser *parser, const struct call_text *call, const struct macro *macro,
    struct node **ret, struct err_info *why)
{
    struct node_list children = { 0 };
    struct node *const *arguments = call->arguments.nodes;
    struct node *filter = macro->has_filter ? arguments[macro->variables] : NULL, *node = NULL;
    struct node *const parts[] = { call->target, filter, arguments[macro->argument_count - 1] };
    TRY(parser_list_add_all(parser, &children, parts, 3, why));
    TRY(parser_node(parser, NODE_LOOP, &call->at, children.nodes, children.count, &node, why));
    node->name = call->name;
    node->loop = macro->loop;
    TRY(declare(parser, call, macro->variables, node, why));
    *ret = node;
    return ERR_OK;
}

static FALLIBLE expand_has(const struct call_text *call, struct node **ret, struct err_info *why)
{
    struct node *argument = call->arguments.nodes[0];
    if (argument->kind != NODE_SELECT || argument->is_optional)
        return misuse(argument, why, "has() takes a field selection, as in has(a.b)");
    argument->is_test = true;
    *ret = argument;
    return ERR_OK;
}

static FALLIBLE expand_bind(
    struct parser *parser, const struct call_text *call, struct node **ret, struct err_info *why)
{
    struct node *node = NULL;
    TRY(parser_node(parser, NODE_BIND, &call->at, call->arguments.nodes + 1, 2, &node, why));
    TRY(declare(parser, call, 1, node, why));
    *ret = node;
    return ERR_OK;
}

static FALLIBLE expand_opt_map(struct parser *parser, const struct call_text *call, bool is_flat,
    struct node **ret, struct err_info *why)
{
    struct node_list children = { 0 };
    struct node *const parts[] = { call->target, call->arguments.nodes[1] };
    struct node *node = NULL;
    TRY(parser_list_add_all(parser, &children, parts, 2, why));
    TRY(parser_node(parser, NODE_OPT_MAP, &call->at, children.nodes, children.count, &node, why));
    node->is_optional = is_flat;
    TRY(declare(parser, call, 1, node, why));
    *ret = node;
    return ERR_OK;
}

/* ---- cel.block and what optimisers write with it ---- */

/* cel.index(2), cel.iterVar(0, 1): names that no person can write. */
static FALLIBLE expand_generated_name(struct parser *parser, const struct call_text *call, const char *prefix,
    struct node **ret, struct err_info *why)
{
    uint64_t numbers[2] = { 0, 0 };
    for (uint32_t i = 0; i < call->arguments.count; i++) {
        const struct node *argument = call->arguments.nodes[i];
        if (argument->kind != NODE_CONST || argument->value.type != VALUE_INT || argument->value.integer < 0)
            return misuse(argument, why, "this argument must be a number that is not negative");
        numbers[i] = argument->value.uinteger;
    }
    TRY(parser_node(parser, NODE_NAME, &call->at, NULL, 0, ret, why));
    return arena_printf(parser->arena, &(*ret)->name, why, "@%s:%llu:%llu", prefix,
        (unsigned long long)numbers[0], (unsigned long long)numbers[1]);
}

static FALLIBLE expand_block(
    struct parser *parser, const struct call_text *call, struct node **ret, struct err_info *why)
{
    const struct node *slots = call->arguments.nodes[0];
    if (slots->kind != NODE_LIST || slots->optional_entries != NULL)
        return misuse(slots, why, "the first argument of cel.block is a list literal");
    struct node_list children = { 0 };
    TRY(parser_list_add_all(parser, &children, slots->children, slots->count, why));
    TRY(parser_list_add(parser, &children, call->arguments.nodes[1], why));
    struct node *node = NULL;
    TRY(parser_node(parser, NODE_BLOCK, &call->at, children.nodes, children.count, &node, why));
    node->local_count = slots->count;
    node->locals = ARENA_ARRAY(parser->arena, slots->count ? slots->count : 1, struct local);
    if (node->locals == NULL)
        return err_memory(why);
    for (uint32_t i = 0; i < slots->count; i++) {
        node->locals[i] = (struct local){ 0 };
        TRY(arena_printf(parser->arena, &node->locals[i].name, why, "@index:%u:0", i));
    }
    *ret = node;
    return ERR_OK;
}

static FALLIBLE expand_cel(
    struct parser *parser, const struct call_text *call, struct node **ret, struct err_info *why)
{
    uint32_t count = call->arguments.count;
    if (str_equal(call->name, STR("bind")) && count == 3)
        return expand_bind(parser, call, ret, why);
    if (str_equal(call->name, STR("block")) && count == 2)
        return expand_block(parser, call, ret, why);
    if (str_equal(call->name, STR("index")) && count == 1)
        return expand_generated_name(parser, call, "index", ret, why);
    if (str_equal(call->name, STR("iterVar")) && count == 2)
        return expand_generated_name(parser, call, "it", ret, why);
    if (str_equal(call->name, STR("accuVar")) && count == 2)
        return expand_generated_name(parser, call, "accu", ret, why);
    return ERR_OK;
}

/* math.greatest and math.least take any number of arguments; three and more become one list. */
static FALLIBLE expand_extremum(
    struct parser *parser, const struct call_text *call, struct node **ret, struct err_info *why)
{
    struct node *list = NULL;
    TRY(parser_node(parser, NODE_LIST, &call->at, call->arguments.nodes, call->arguments.count, &list, why));
    struct node *const parts[] = { call->target, list };
    struct node_list children = { 0 };
    TRY(parser_list_add_all(parser, &children, parts, 2, why));
    TRY(parser_node(parser, NODE_CALL, &call->at, children.nodes, children.count, ret, why));
    (*ret)->name = call->name;
    (*ret)->is_member = true;
    return ERR_OK;
}

const char *macro_usage(struct str name)
{
    static const struct {
        struct str name;
        const char *usage;
    } usages[] = {
        { STR_INIT("has"), "has(a.b)" },
        { STR_INIT("all"), "list.all(x, test)" },
        { STR_INIT("exists"), "list.exists(x, test)" },
        { STR_INIT("exists_one"), "list.exists_one(x, test)" },
        { STR_INIT("existsOne"), "list.existsOne(x, test)" },
        { STR_INIT("map"), "list.map(x, expression) or list.map(x, test, expression)" },
        { STR_INIT("filter"), "list.filter(x, test)" },
        { STR_INIT("sortBy"), "list.sortBy(x, key)" },
        { STR_INIT("transformList"), "list.transformList(i, x, expression)" },
        { STR_INIT("transformMap"), "map.transformMap(key, x, expression)" },
        { STR_INIT("transformMapEntry"), "map.transformMapEntry(key, x, {newKey: newValue})" },
        { STR_INIT("optMap"), "optional.optMap(x, expression)" },
        { STR_INIT("optFlatMap"), "optional.optFlatMap(x, optionalExpression)" },
        { STR_INIT("bind"), "cel.bind(name, value, expression)" },
        { STR_INIT("block"), "cel.block([value, …], expression)" },
    };
    for (size_t i = 0; i < sizeof(usages) / sizeof(usages[0]); i++) {
        if (str_equal(usages[i].name, name))
            return usages[i].usage;
    }
    return NULL;
}

static bool is_namespace(const struct node *target, struct str name)
{
    return target->kind == NODE_NAME && str_equal(target->name, name);
}

FALLIBLE macro_expand(
    struct parser *parser, const struct call_text *call, struct node **ret, struct err_info *why)
{
    uint32_t count = call->arguments.count;
    *ret = NULL;
    if (call->target == NULL)
        return str_equal(call->name, STR("has")) && count == 1 ? expand_has(call, ret, why) : ERR_OK;
    if (is_namespace(call->target, STR("cel")))
        return expand_cel(parser, call, ret, why);
    if (is_namespace(call->target, STR("math")) && count > 2 &&
        (str_equal(call->name, STR("greatest")) || str_equal(call->name, STR("least"))))
        return expand_extremum(parser, call, ret, why);
    if (count == 2 && str_equal(call->name, STR("optMap")))
        return expand_opt_map(parser, call, false, ret, why);
    if (count == 2 && str_equal(call->name, STR("optFlatMap")))
        return expand_opt_map(parser, call, true, ret, why);
    for (size_t i = 0; i < sizeof(loop_macros) / sizeof(loop_macros[0]); i++) {
        if (loop_macros[i].argument_count == count && str_equal(loop_macros[i].name, call->name))
            return expand_loop(parser, call, &loop_macros[i], ret, why);
    }
    return ERR_OK;
}
