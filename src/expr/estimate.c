/* What an evaluation costs, as far as the text tells: a bound that lint can show and that callers can
 * refuse by. Nothing is known of the sizes of variables, so a loop over one is unbounded. */
#include "expr/call.h"
#include "expr/program.h"

static uint64_t plus(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t times(uint64_t a, uint64_t b)
{
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static struct cost_range sum(struct cost_range a, struct cost_range b)
{
    return (struct cost_range){ plus(a.least, b.least), plus(a.most, b.most) };
}

/* Entries of a list or map that stands in the text; -1 when that is not known. */
static int64_t known_size(const struct node *node)
{
    if (node->kind == NODE_CONST && (node->value.type == VALUE_LIST || node->value.type == VALUE_MAP))
        return node->value.size;
    if (node->kind == NODE_LIST && node->optional_entries == NULL)
        return node->count;
    if (node->kind == NODE_MAP && node->optional_entries == NULL)
        return node->count / 2;
    return -1;
}

/* What keeping an error as a value takes, whose text is copied. */
#define FAULT_UNITS (2 + ERR_TEXT_BYTES_MAX / CALL_BYTES_PER_UNIT)

/* A part whose error is a value like another may end at its first step, and a constant takes a step of its
 * own to get into its place. */
static struct cost_range guarded(struct cost_range part)
{
    part.least = part.least > 0;
    part.most = plus(part.most, 1 + FAULT_UNITS);
    return part;
}

static struct cost_range estimate_loop(const struct node *node)
{
    struct cost_range range = estimate_tree(node->children[0]);
    struct cost_range body = estimate_tree(node->children[2]);
    bool can_stop = node->loop == LOOP_ALL || node->loop == LOOP_EXISTS;
    if (can_stop)
        body = guarded(body);
    if (node->children[1] != NULL) {
        struct cost_range filter = estimate_tree(node->children[1]);
        body = (struct cost_range){ filter.least, plus(plus(filter.most, body.most), 1) };
    }
    int64_t size = known_size(node->children[0]);
    uint64_t least = can_stop && size > 1 ? 1 : size > 0 ? (uint64_t)size : 0;
    /* Each entry takes the step that fetches it and the one that yields. */
    range.least = plus(range.least, plus(3, times(least, plus(body.least, 1))));
    uint64_t each = plus(body.most, 4);
    /* A sort looks at each item once a pass, and gathers keys and results. */
    for (int64_t width = 1; node->loop == LOOP_SORT_BY && width < size; width *= 2)
        each = plus(each, 1);
    if (node->loop == LOOP_SORT_BY)
        each = plus(each, 2);
    /* An inner path takes a unit and more for each item that it gives. */
    if (node->loop == LOOP_EACH_FLAT)
        each = plus(each, body.most);
    range.most = size < 0 ? UINT64_MAX : plus(range.most, plus(4, times((uint64_t)size, each)));
    return range;
}

static struct cost_range estimate_condition(const struct node *node)
{
    struct cost_range test = estimate_tree(node->children[0]);
    struct cost_range yes = estimate_tree(node->children[1]), no = estimate_tree(node->children[2]);
    struct cost_range branch = { yes.least < no.least ? yes.least : no.least,
        yes.most > no.most ? yes.most : no.most };
    return sum(sum(test, branch), (struct cost_range){ 1, 2 });
}

/* The result is decided by the first operand or by the last. */
static struct cost_range estimate_logic(const struct node *node)
{
    struct cost_range all = guarded(estimate_tree(node->children[0]));
    for (uint32_t i = 1; i < node->count; i++)
        all.most = plus(all.most, plus(guarded(estimate_tree(node->children[i])).most, 1));
    return sum(all, (struct cost_range){ 1, 2 });
}

/* Units to read the value whole, as far as its type or the text tells. */
static uint64_t known_units(const struct node *node)
{
    if (node->kind == NODE_CONST && (node->value.type == VALUE_STRING || node->value.type == VALUE_BYTES))
        return 1 + node->value.size / CALL_BYTES_PER_UNIT;
    return type_kind_is_fixed(node->type->kind) ? 1 : UINT64_MAX;
}

/* What a call takes beside its arguments' own work: UINT64_MAX when nothing in the text bounds it. */
static uint64_t call_units(const struct node *node)
{
    if (node->function->is_size_dependent)
        return UINT64_MAX;
    if (node->count != 2)
        return 0;
    uint64_t left = known_units(node->children[0]), right = known_units(node->children[1]);
    switch ((enum function_step)node->function->step) {
    case FUNCTION_ADD: return plus(left, right);
    case FUNCTION_MATCHES: return UINT64_MAX;
    /* Two values are compared until they differ, so the smaller one bounds the work. */
    case FUNCTION_EQUAL:
    case FUNCTION_NOT_EQUAL:
    case FUNCTION_LESS:
    case FUNCTION_LESS_EQUAL:
    case FUNCTION_GREATER:
    case FUNCTION_GREATER_EQUAL: return left < right ? left : right;
    default: return 0;
    }
}

struct cost_range estimate_tree(const struct node *node)
{
    struct cost_range all = { 0, 0 };
    switch ((enum node_kind)node->kind) {
    case NODE_CONST: return all;
    case NODE_LOOP: return estimate_loop(node);
    case NODE_CONDITION: return estimate_condition(node);
    case NODE_AND:
    case NODE_OR: return estimate_logic(node);
    default: break;
    }
    bool is_binding = node->kind == NODE_BIND || node->kind == NODE_BLOCK;
    for (uint32_t i = 0; i < node->count; i++) {
        struct cost_range part = estimate_tree(node->children[i]);
        if (node->kind == NODE_OPT_MAP && i == 1)
            part.least = 0; /* without a value nothing is mapped */
        all = sum(all, is_binding && i < node->local_count ? guarded(part) : part);
    }
    uint64_t own = plus(1, node->kind == NODE_LIST || node->kind == NODE_MAP ? node->count : 2);
    if (node->kind == NODE_CALL)
        own = plus(own, call_units(node));
    return sum(all, (struct cost_range){ node->kind == NODE_NAME ? 0 : 1, own });
}
