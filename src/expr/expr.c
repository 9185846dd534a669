#include "expr/expr.h"

#include "base/limits.h"
#include "base/text.h"
#include "expr/check.h"
#include "expr/program.h"

/* Literals are slices of the source, and strings are UTF-8. */
static FALLIBLE check_text(struct str source, struct err_info *why)
{
    uint32_t line = 1;
    size_t start = 0, at = 0;
    if (utf8_is_valid(source))
        return ERR_OK;
    for (;;) {
        size_t before = at;
        int32_t c = utf8_next(source, &at);
        if (c < 0)
            return err_at(why, ERR_INVALID, "expr_parse", line, (uint32_t)(before - start) + 1,
                "the byte 0x%02x is no UTF-8", (unsigned char)source.data[before]);
        if (c == '\n') {
            line++;
            start = at;
        }
    }
}

/* Both errors may come from any stage; the place is always inside the source. */
FALLIBLE expr_compile(struct arena *arena, const struct expr_env *env, struct str source, struct expr **ret,
    struct err_info *why)
{
    if (source.size > EXPR_SOURCE_BYTES_MAX)
        return err_named(why, ERR_LIMIT, "EXPR_SOURCE_BYTES_MAX", "the expression is longer than %llu bytes",
            (unsigned long long)EXPR_SOURCE_BYTES_MAX);
    TRY(check_text(source, why));
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
