#include "expr/expr.h"

#include "base/limits.h"
#include "expr/check.h"
#include "expr/program.h"

/* Both errors may come from any stage; the place is always inside the source. */
FALLIBLE expr_compile(struct arena *arena, const struct expr_env *env, struct str source, struct expr **ret,
    struct err_info *why)
{
    if (source.size > EXPR_SOURCE_BYTES_MAX)
        return err_named(why, ERR_LIMIT, "EXPR_SOURCE_BYTES_MAX", "the expression is longer than %llu bytes",
            (unsigned long long)EXPR_SOURCE_BYTES_MAX);
    struct expr *expr = ARENA_NEW(arena, struct expr);
    struct node *root = NULL;
    struct checked checked = { 0 };
    if (expr == NULL)
        return err_memory(why);
    TRY(arena_str(arena, source, &expr->source, why));
    TRY(ast_parse(arena, expr->source, &root, why));
    TRY(check_tree(arena, env, root, &checked, why));
    TRY(compile_tree(arena, root, expr, why));
    expr->type = checked.type;
    expr->references = checked.references;
    expr->reference_count = checked.reference_count;
    *ret = expr;
    return ERR_OK;
}

const struct type *expr_type(const struct expr *expr)
{
    return expr->type;
}

struct str expr_source(const struct expr *expr)
{
    return expr->source;
}

const struct expr_reference *expr_references(const struct expr *expr, uint32_t *ret_count)
{
    *ret_count = expr->reference_count;
    return expr->references;
}

bool expr_is_constant(const struct expr *expr, struct value *ret)
{
    if (expr->is_constant)
        *ret = expr->constants[expr->steps[0].a & ~OPERAND_CONSTANT];
    return expr->is_constant;
}

void expr_cost(const struct expr *expr, uint64_t *ret_least, uint64_t *ret_most)
{
    *ret_least = expr->cost_least;
    *ret_most = expr->cost_most;
}

static bool get_value(const struct expr_activation *activation, uint32_t slot, struct value *ret)
{
    const struct expr_values *values = (const struct expr_values *)(const void *)activation;
    if (slot >= values->count)
        return false;
    *ret = values->values[slot];
    return true;
}

void expr_values_init(struct expr_values *values, const struct value *list, uint32_t count)
{
    *values = (struct expr_values){ .activation = { get_value }, .values = list, .count = count };
}
