/* The checked tree to flat steps. Each node is compiled into a register; registers are given out like
 * a stack. Parts that read nothing from outside are evaluated here and become constants. */
#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "expr/program.h"

/* Folding must not make compilation slow: what costs more is left for the evaluation. */
#define FOLD_COST_MAX 10000

struct compiler {
    struct arena *arena;
    struct step *steps;
    struct place *places;
    uint32_t step_count, step_room;
    struct value *constants;
    uint32_t constant_count, constant_room;
    struct handler *handlers;
    uint32_t handler_count, handler_room;
    uint32_t *slots;
    struct str *slot_names;
    uint32_t slot_count, slot_room;
    uint32_t top, register_count; /* next free register, most used */
    uint32_t loop_depth, loop_count;
    uint32_t handler; /* of the steps now emitted: index + 1 */
    uint32_t pattern_count;
    bool is_building;
    bool is_fold_off; /* inside a part whose folding failed */
};

static FALLIBLE compile_into(
    struct compiler *compiler, struct node *node, uint32_t dst, struct err_info *why);

/* Makes room for one more; arrays double. */
static FALLIBLE grow(struct compiler *compiler, void *array_of, uint32_t count, uint32_t *room, size_t size,
    struct err_info *why)
{
    void **array = array_of;
    if (count < *room) {
        assert(*array != NULL);
        return ERR_OK;
    }
    uint32_t larger = *room ? *room * 2 : 8;
    void *grown = arena_array(compiler->arena, larger, size);
    if (grown == NULL)
        return err_memory(why);
    if (count > 0)
        memcpy(grown, *array, count * size);
    *array = grown;
    *room = larger;
    return ERR_OK;
}

/* The new step is the last one; its fields are filled by the caller. */
static FALLIBLE emit(struct compiler *compiler, const struct node *node, enum step_op op, struct step **ret,
    struct err_info *why)
{
    if (compiler->step_count == compiler->step_room) {
        uint32_t room = compiler->step_room;
        TRY(grow(compiler, &compiler->steps, compiler->step_count, &room, sizeof(struct step), why));
        TRY(grow(compiler, &compiler->places, compiler->step_count, &compiler->step_room,
            sizeof(struct place), why));
    }
    compiler->places[compiler->step_count] = (struct place){ node->line, node->column };
    *ret = &compiler->steps[compiler->step_count++];
    memset(*ret, 0, sizeof(**ret));
    (*ret)->op = (uint8_t)op;
    (*ret)->handler = compiler->handler;
    return ERR_OK;
}

static uint32_t claim(struct compiler *compiler, uint32_t count)
{
    uint32_t first = compiler->top;
    compiler->top += count;
    if (compiler->top > compiler->register_count)
        compiler->register_count = compiler->top;
    return first;
}

static FALLIBLE add_constant(struct compiler *compiler, struct value v, uint32_t *ret, struct err_info *why)
{
    TRY(grow(compiler, &compiler->constants, compiler->constant_count, &compiler->constant_room,
        sizeof(struct value), why));
    compiler->constants[compiler->constant_count] = v;
    *ret = compiler->constant_count++ | OPERAND_CONSTANT;
    return ERR_OK;
}

static FALLIBLE variable_of(
    struct compiler *compiler, const struct node *node, uint32_t *ret, struct err_info *why)
{
    for (uint32_t i = 0; i < compiler->slot_count; i++) {
        if (compiler->slots[i] == node->slot) {
            *ret = i;
            return ERR_OK;
        }
    }
    uint32_t room = compiler->slot_room;
    TRY(grow(compiler, &compiler->slots, compiler->slot_count, &room, sizeof(uint32_t), why));
    TRY(grow(compiler, &compiler->slot_names, compiler->slot_count, &compiler->slot_room, sizeof(struct str),
        why));
    compiler->slots[compiler->slot_count] = node->slot;
    TRY(arena_str(compiler->arena, node->name, &compiler->slot_names[compiler->slot_count], why));
    *ret = compiler->slot_count++;
    return ERR_OK;
}

/* ---- constants ---- */

/* How many locals are in scope where the local is declared, itself counted; 0 for a variable of the
 * environment, which is further out than any. */
static uint32_t depth_of(const struct node *node)
{
    uint32_t depth = 0;
    if (node->kind == NODE_NAME && node->reference == NAME_LOCAL)
        for (const struct local *local = node->local; local != NULL; local = local->outer)
            depth++;
    return depth;
}

/* Marks the parts that refer to nothing outside of themselves. Gives the depth of what is furthest out
 * of all that the part refers to; a macro's own locals are deeper than `depth`, where it stands. */
static uint32_t mark_constants(struct node *node, uint32_t depth)
{
    uint32_t least = UINT32_MAX;
    if (node->kind == NODE_NAME || node->kind == NODE_FAIL) {
        least = depth_of(node);
    } else {
        uint32_t inner = depth;
        for (uint32_t i = 0; i < node->count; i++) {
            /* A loop's range stands outside of its locals; each binding sees those in front of it. */
            if ((node->kind == NODE_LOOP || node->kind == NODE_OPT_MAP) && i == 1)
                inner = depth + node->local_count;
            uint32_t here = node->children[i] != NULL ? mark_constants(node->children[i], inner) : UINT32_MAX;
            if (here < least)
                least = here;
            if (node->kind == NODE_BIND || node->kind == NODE_BLOCK)
                inner = depth + i + 1;
        }
    }
    node->is_constant = least > depth;
    return least;
}

static FALLIBLE compile_program(
    struct compiler *compiler, struct node *root, struct expr *expr, struct err_info *why);

/* Evaluates a constant part. When that fails, nothing is said: the error belongs to the evaluation. */
static FALLIBLE fold(struct compiler *compiler, struct node *node, struct err_info *why)
{
    struct compiler inner = { .arena = compiler->arena, .is_fold_off = true };
    struct expr *part = ARENA_NEW(compiler->arena, struct expr);
    if (part == NULL)
        return err_memory(why);
    TRY(compile_program(&inner, node, part, why));
    struct expr_limits limits = { .cost_max = FOLD_COST_MAX };
    struct err_info ignored = { 0 };
    struct value v;
    enum err err = expr_eval(part, compiler->arena, NULL, &limits, &v, &ignored);
    if (err != ERR_OK)
        return ERR_OK;
    node->kind = NODE_CONST;
    node->value = v;
    node->count = 0;
    return ERR_OK;
}

static bool is_foldable(const struct compiler *compiler, const struct node *node)
{
    return node->is_constant && !compiler->is_fold_off && node->kind != NODE_CONST;
}

/* ---- operands ---- */

/* Where the node's value is: a constant, a local's register, or a register claimed for it. */
static FALLIBLE compile_operand(
    struct compiler *compiler, struct node *node, uint32_t *ret, struct err_info *why)
{
    if (is_foldable(compiler, node))
        TRY(fold(compiler, node, why));
    if (node->kind == NODE_CONST)
        return add_constant(compiler, node->value, ret, why);
    if (node->kind == NODE_NAME && node->reference == NAME_LOCAL && !node->local->can_fail) {
        *ret = node->local->reg;
        return ERR_OK;
    }
    uint32_t reg = claim(compiler, 1);
    TRY(compile_into(compiler, node, reg, why));
    *ret = reg;
    return ERR_OK;
}

static FALLIBLE compile_operands(
    struct compiler *compiler, struct node *node, uint32_t **ret, struct err_info *why)
{
    uint32_t *operands = ARENA_ARRAY(compiler->arena, node->count ? node->count : 1, uint32_t);
    if (operands == NULL)
        return err_memory(why);
    for (uint32_t i = 0; i < node->count; i++)
        TRY(compile_operand(compiler, node->children[i], &operands[i], why));
    *ret = operands;
    return ERR_OK;
}

/* From here on an error goes into `reg`, until the handler is closed. */
static FALLIBLE open_handler(
    struct compiler *compiler, uint32_t reg, uint32_t *ret_outer, uint32_t *ret_index, struct err_info *why)
{
    TRY(grow(compiler, &compiler->handlers, compiler->handler_count, &compiler->handler_room,
        sizeof(struct handler), why));
    *ret_index = compiler->handler_count++;
    compiler->handlers[*ret_index] = (struct handler){ .reg = reg };
    *ret_outer = compiler->handler;
    compiler->handler = *ret_index + 1;
    return ERR_OK;
}

static void close_handler(struct compiler *compiler, uint32_t outer, uint32_t index)
{
    compiler->handlers[index].target = compiler->step_count;
    compiler->handler = outer;
}

/* A node whose error is a value like another. */
static FALLIBLE compile_guarded(
    struct compiler *compiler, struct node *node, uint32_t reg, struct err_info *why)
{
    uint32_t outer = 0, index = 0;
    TRY(open_handler(compiler, reg, &outer, &index, why));
    TRY(compile_into(compiler, node, reg, why));
    close_handler(compiler, outer, index);
    return ERR_OK;
}

/* ---- names, selections, calls ---- */

static FALLIBLE compile_path(struct compiler *compiler, struct node *node, const struct node *root,
    uint32_t count, uint32_t dst, struct err_info *why)
{
    struct step *step = NULL;
    uint32_t variable = 0;
    struct path *path = arena_alloc(compiler->arena, sizeof(struct path) + count * sizeof(struct str));
    if (path == NULL)
        return err_memory(why);
    path->count = count;
    for (const struct node *part = node; part != root; part = part->children[0])
        TRY(arena_str(compiler->arena, part->name, &path->fields[--count], why));
    TRY(variable_of(compiler, root, &variable, why));
    TRY(emit(compiler, node, STEP_PATH, &step, why));
    step->dst = dst;
    step->a = variable;
    step->path = path;
    return ERR_OK;
}

static FALLIBLE compile_select(
    struct compiler *compiler, struct node *node, uint32_t dst, struct err_info *why)
{
    uint32_t count = 0, operand = 0;
    const struct node *root = node;
    for (; root->kind == NODE_SELECT && !root->is_test && !root->is_optional; root = root->children[0])
        count++;
    if (count > 0 && root->kind == NODE_NAME && root->reference == NAME_VARIABLE)
        return compile_path(compiler, node, root, count, dst, why);
    TRY(compile_operand(compiler, node->children[0], &operand, why));
    struct str *field = ARENA_NEW(compiler->arena, struct str);
    if (field == NULL)
        return err_memory(why);
    TRY(arena_str(compiler->arena, node->name, field, why));
    struct step *step = NULL;
    enum step_op op = node->is_test ? STEP_HAS : node->is_optional ? STEP_OPT_SELECT : STEP_SELECT;
    TRY(emit(compiler, node, op, &step, why));
    step->dst = dst;
    step->a = operand;
    step->field = field;
    return ERR_OK;
}

static FALLIBLE compile_name(struct compiler *compiler, struct node *node, uint32_t dst, struct err_info *why)
{
    if (node->reference == NAME_VARIABLE)
        return compile_path(compiler, node, node, 0, dst, why);
    struct step *step = NULL;
    TRY(emit(compiler, node, STEP_MOVE, &step, why));
    step->dst = dst;
    step->a = node->local->reg;
    return ERR_OK;
}

static FALLIBLE compile_fail(
    struct compiler *compiler, const struct node *node, struct str text, struct err_info *why)
{
    struct step *step = NULL;
    struct str *copy = ARENA_NEW(compiler->arena, struct str);
    if (copy == NULL)
        return err_memory(why);
    *copy = text;
    TRY(emit(compiler, node, STEP_FAIL, &step, why));
    step->text = copy;
    return ERR_OK;
}

static enum step_op step_of(const struct function *function)
{
    static const uint8_t ops[] = {
        [FUNCTION_CALL] = STEP_CALL,
        [FUNCTION_ADD] = STEP_ADD,
        [FUNCTION_SUBTRACT] = STEP_SUBTRACT,
        [FUNCTION_EQUAL] = STEP_EQUAL,
        [FUNCTION_NOT_EQUAL] = STEP_NOT_EQUAL,
        [FUNCTION_LESS] = STEP_LESS,
        [FUNCTION_LESS_EQUAL] = STEP_LESS_EQUAL,
        [FUNCTION_GREATER] = STEP_GREATER,
        [FUNCTION_GREATER_EQUAL] = STEP_GREATER_EQUAL,
        [FUNCTION_INDEX] = STEP_INDEX,
        [FUNCTION_NOT] = STEP_NOT,
        [FUNCTION_MATCHES] = STEP_CALL,
    };
    return ops[function->step];
}

static void free_regex(void *regex)
{
    regex_free(regex);
}

/* A constant pattern is compiled once; a wrong one is a compile error, since it can never work. */
static FALLIBLE compile_matches(
    struct compiler *compiler, struct node *node, uint32_t dst, struct err_info *why)
{
    char error[256];
    uint32_t operand = 0;
    const struct node *pattern = node->children[1];
    if (pattern->value.size > EXPR_PATTERN_BYTES_MAX)
        return err_at(why, ERR_LIMIT, "EXPR_PATTERN_BYTES_MAX", pattern->line, pattern->column,
            "the pattern is longer than EXPR_PATTERN_BYTES_MAX (%d bytes)", EXPR_PATTERN_BYTES_MAX);
    if (++compiler->pattern_count > EXPR_PATTERNS_MAX)
        return err_at(why, ERR_LIMIT, "EXPR_PATTERNS_MAX", pattern->line, pattern->column,
            "the expression has more than EXPR_PATTERNS_MAX (%d) patterns; join them with '|'",
            EXPR_PATTERNS_MAX);
    struct regex *regex = regex_new(value_str(pattern->value), error, sizeof(error));
    if (regex == NULL)
        return err_at(why, ERR_INVALID, "expr_check", pattern->line, pattern->column,
            "the pattern is wrong: %s", error);
    enum err err = arena_defer(compiler->arena, free_regex, regex, why);
    if (err != ERR_OK) {
        regex_free(regex);
        return err;
    }
    TRY(compile_operand(compiler, node->children[0], &operand, why));
    struct step *step = NULL;
    TRY(emit(compiler, node, STEP_MATCHES, &step, why));
    step->dst = dst;
    step->a = operand;
    step->regex = regex;
    return ERR_OK;
}

static FALLIBLE compile_call(struct compiler *compiler, struct node *node, uint32_t dst, struct err_info *why)
{
    if (node->function->step == FUNCTION_MATCHES && node->count == 2) {
        if (is_foldable(compiler, node->children[1]))
            TRY(fold(compiler, node->children[1], why));
        if (node->children[1]->kind == NODE_CONST && node->children[1]->value.type == VALUE_STRING)
            return compile_matches(compiler, node, dst, why);
    }
    /* No function takes as many; the operands of a call are gathered in an array of this size. */
    if (node->count > FUNCTION_PARAMETERS_MAX)
        return compile_fail(compiler, node, STR("no such overload"), why);
    struct call_site *site = ARENA_NEW(compiler->arena, struct call_site);
    uint32_t *operands = NULL;
    if (site == NULL)
        return err_memory(why);
    TRY(compile_operands(compiler, node, &operands, why));
    *site = (struct call_site){ node->function, node->is_member, node->count, operands };
    struct step *step = NULL;
    TRY(emit(compiler, node, step_of(node->function), &step, why));
    step->dst = dst;
    step->call = site;
    step->a = node->count > 0 ? operands[0] : 0;
    step->b = node->count > 1 ? operands[1] : 0;
    /* A dedicated step is an operator's, which the parser gives the operands that it reads. */
    assert(step->op == STEP_CALL || node->count == (step->op == STEP_NOT ? 1 : 2));
    return ERR_OK;
}

static FALLIBLE compile_literal(
    struct compiler *compiler, struct node *node, uint32_t dst, struct err_info *why)
{
    struct literal_site *site = ARENA_NEW(compiler->arena, struct literal_site);
    uint32_t *operands = NULL;
    compiler->is_building = true;
    if (site == NULL)
        return err_memory(why);
    TRY(compile_operands(compiler, node, &operands, why));
    *site = (struct literal_site){ node->count, operands, node->optional_entries };
    struct step *step = NULL;
    TRY(emit(compiler, node, node->kind == NODE_LIST ? STEP_LIST : STEP_MAP, &step, why));
    step->dst = dst;
    step->literal = site;
    return ERR_OK;
}

/* ---- logic ---- */

static FALLIBLE compile_logic(
    struct compiler *compiler, struct node *node, uint32_t dst, struct err_info *why)
{
    uint8_t flags = node->kind == NODE_OR ? LOGIC_OR : 0;
    uint32_t operand = claim(compiler, 1);
    uint32_t chain = 0; /* the steps whose target is not known yet, each holds the one before, plus 1 */
    struct step *step = NULL;
    for (uint32_t i = 0; i < node->count; i++) {
        TRY(compile_guarded(compiler, node->children[i], operand, why));
        TRY(emit(compiler, node->children[i], STEP_LOGIC, &step, why));
        step->flags = flags | (i == 0 ? LOGIC_FIRST : 0);
        step->dst = dst;
        step->a = operand;
        step->b = chain;
        chain = compiler->step_count;
    }
    TRY(emit(compiler, node, STEP_LOGIC_END, &step, why));
    step->dst = dst;
    while (chain != 0) {
        step = &compiler->steps[chain - 1];
        chain = step->b;
        step->b = compiler->step_count;
    }
    return ERR_OK;
}

static FALLIBLE compile_condition(
    struct compiler *compiler, struct node *node, uint32_t dst, struct err_info *why)
{
    uint32_t test = 0, mark = compiler->top;
    struct step *step = NULL;
    TRY(compile_operand(compiler, node->children[0], &test, why));
    compiler->top = mark;
    uint32_t branch = compiler->step_count;
    TRY(emit(compiler, node, STEP_BRANCH, &step, why));
    step->a = test;
    TRY(compile_into(compiler, node->children[1], dst, why));
    uint32_t jump = compiler->step_count;
    TRY(emit(compiler, node, STEP_JUMP, &step, why));
    compiler->steps[branch].b = compiler->step_count;
    TRY(compile_into(compiler, node->children[2], dst, why));
    compiler->steps[jump].b = compiler->step_count;
    return ERR_OK;
}

/* ---- macros ---- */

static bool absorbs_errors(const struct node *node)
{
    return node->loop == LOOP_ALL || node->loop == LOOP_EXISTS;
}

static FALLIBLE compile_loop_body(
    struct compiler *compiler, struct node *node, uint32_t loop, uint32_t next, struct err_info *why)
{
    struct step *step = NULL;
    uint32_t result = 0;
    if (node->children[1] != NULL) {
        uint32_t keep = 0;
        TRY(compile_operand(compiler, node->children[1], &keep, why));
        TRY(emit(compiler, node->children[1], STEP_LOOP_KEEP, &step, why));
        step->a = keep;
        step->b = next;
    }
    if (absorbs_errors(node)) {
        result = claim(compiler, 1);
        TRY(compile_guarded(compiler, node->children[2], result, why));
    } else {
        TRY(compile_operand(compiler, node->children[2], &result, why));
    }
    TRY(emit(compiler, node->children[2], STEP_LOOP_YIELD, &step, why));
    step->dst = loop;
    step->a = result;
    step->b = next;
    return ERR_OK;
}

static FALLIBLE compile_loop(struct compiler *compiler, struct node *node, uint32_t dst, struct err_info *why)
{
    uint32_t range = 0, loop = compiler->loop_depth;
    struct step *step = NULL;
    compiler->is_building = compiler->is_building || node->loop == LOOP_MAP ||
        node->loop == LOOP_TRANSFORM_MAP || node->loop == LOOP_TRANSFORM_ENTRY || loop_is_each(node->loop);
    TRY(compile_operand(compiler, node->children[0], &range, why));
    TRY(emit(compiler, node->children[0], STEP_LOOP_BEGIN, &step, why));
    step->dst = loop;
    step->a = range;
    step->flags = node->loop;
    step->variables = (uint16_t)node->local_count;
    if (++compiler->loop_depth > compiler->loop_count)
        compiler->loop_count = compiler->loop_depth;
    uint32_t first = claim(compiler, node->local_count);
    for (uint32_t i = 0; i < node->local_count; i++)
        node->locals[i].reg = first + i;
    uint32_t next = compiler->step_count;
    TRY(emit(compiler, node, STEP_LOOP_NEXT, &step, why));
    step->dst = first;
    step->a = loop;
    step->variables = (uint16_t)node->local_count;
    TRY(compile_loop_body(compiler, node, loop, next, why));
    compiler->steps[next].b = compiler->step_count;
    TRY(emit(compiler, node, STEP_LOOP_END, &step, why));
    step->dst = dst;
    step->a = loop;
    compiler->loop_depth--;
    return ERR_OK;
}

/* The error of a binding shows when the binding is read, as if it were evaluated there. */
static FALLIBLE compile_bindings(
    struct compiler *compiler, struct node *node, uint32_t dst, struct err_info *why)
{
    for (uint32_t i = 0; i < node->local_count; i++) {
        node->locals[i].reg = claim(compiler, 1);
        uint32_t mark = compiler->top;
        if (node->locals[i].can_fail)
            TRY(compile_guarded(compiler, node->children[i], node->locals[i].reg, why));
        else
            TRY(compile_into(compiler, node->children[i], node->locals[i].reg, why));
        compiler->top = mark;
    }
    return compile_into(compiler, node->children[node->local_count], dst, why);
}

static FALLIBLE compile_opt_map(
    struct compiler *compiler, struct node *node, uint32_t dst, struct err_info *why)
{
    uint32_t optional = 0, result = 0;
    struct step *step = NULL;
    TRY(compile_operand(compiler, node->children[0], &optional, why));
    node->locals[0].reg = claim(compiler, 1);
    uint32_t test = compiler->step_count;
    TRY(emit(compiler, node, STEP_OPT_TEST, &step, why));
    step->dst = node->locals[0].reg;
    step->a = optional;
    TRY(compile_operand(compiler, node->children[1], &result, why));
    TRY(emit(compiler, node, STEP_OPT_OF, &step, why));
    step->dst = dst;
    step->a = result;
    step->flags = node->is_optional;
    uint32_t jump = compiler->step_count;
    TRY(emit(compiler, node, STEP_JUMP, &step, why));
    compiler->steps[test].b = compiler->step_count;
    TRY(emit(compiler, node, STEP_OPT_NONE, &step, why));
    step->dst = dst;
    compiler->steps[jump].b = compiler->step_count;
    return ERR_OK;
}

static FALLIBLE compile_constant(
    struct compiler *compiler, const struct node *node, uint32_t dst, struct err_info *why)
{
    uint32_t constant = 0;
    struct step *step = NULL;
    TRY(add_constant(compiler, node->value, &constant, why));
    TRY(emit(compiler, node, STEP_MOVE, &step, why));
    step->dst = dst;
    step->a = constant;
    return ERR_OK;
}

static FALLIBLE compile_kind(struct compiler *compiler, struct node *node, uint32_t dst, struct err_info *why)
{
    switch ((enum node_kind)node->kind) {
    case NODE_CONST: return compile_constant(compiler, node, dst, why);
    case NODE_NAME: return compile_name(compiler, node, dst, why);
    case NODE_SELECT: return compile_select(compiler, node, dst, why);
    case NODE_CALL: return compile_call(compiler, node, dst, why);
    case NODE_LIST:
    case NODE_MAP: return compile_literal(compiler, node, dst, why);
    case NODE_AND:
    case NODE_OR: return compile_logic(compiler, node, dst, why);
    case NODE_CONDITION: return compile_condition(compiler, node, dst, why);
    case NODE_LOOP: return compile_loop(compiler, node, dst, why);
    case NODE_BIND:
    case NODE_BLOCK: return compile_bindings(compiler, node, dst, why);
    case NODE_OPT_MAP: return compile_opt_map(compiler, node, dst, why);
    case NODE_MESSAGE:
    case NODE_FAIL: return compile_fail(compiler, node, node->name, why);
    }
    return ERR_OK;
}

static FALLIBLE compile_into(struct compiler *compiler, struct node *node, uint32_t dst, struct err_info *why)
{
    uint32_t mark = compiler->top;
    bool was_off = compiler->is_fold_off;
    if (is_foldable(compiler, node)) {
        TRY(fold(compiler, node, why));
        /* Its parts would fail again, one by one. */
        compiler->is_fold_off = node->kind != NODE_CONST;
    }
    TRY(compile_kind(compiler, node, dst, why));
    compiler->is_fold_off = was_off;
    compiler->top = mark;
    return ERR_OK;
}

static FALLIBLE compile_program(
    struct compiler *compiler, struct node *root, struct expr *expr, struct err_info *why)
{
    uint32_t result = 0;
    struct step *step = NULL;
    TRY(compile_operand(compiler, root, &result, why));
    TRY(emit(compiler, root, STEP_RETURN, &step, why));
    step->a = result;
    expr->steps = compiler->steps;
    expr->places = compiler->places;
    expr->step_count = compiler->step_count;
    expr->constants = compiler->constants;
    expr->handlers = compiler->handlers;
    expr->slots = compiler->slots;
    expr->slot_names = compiler->slot_names;
    expr->variable_count = compiler->slot_count;
    expr->register_count = compiler->register_count;
    expr->loop_count = compiler->loop_count;
    expr->is_constant = root->kind == NODE_CONST;
    expr->is_building = compiler->is_building;
    return ERR_OK;
}

FALLIBLE compile_tree(struct arena *arena, struct node *root, struct expr *expr, struct err_info *why)
{
    struct compiler compiler = { .arena = arena };
    (void)mark_constants(root, 0); /* the root's own reach is of no use */
    TRY(compile_program(&compiler, root, expr, why));
    struct cost_range cost = estimate_tree(root);
    expr->cost_least = cost.least;
    expr->cost_most = cost.most;
    return ERR_OK;
}
