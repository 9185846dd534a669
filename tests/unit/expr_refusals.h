/* With refused allocations, where the tests of a table are linked with them: see refusals.h. */
#ifndef TOCSIN_TESTS_EXPR_REFUSALS_H
#define TOCSIN_TESTS_EXPR_REFUSALS_H

#include "expr/expr.h"
#include "expr/typed_json.h"
#include "refusals.h"

struct expr_refusals {
    const struct expr_env *env;
    const struct value *values;
    struct str source;
};

static inline enum err expr_refusals_operation(void *context, struct buf *result, struct err_info *why)
{
    const struct expr_refusals *asked = context;
    AUTO(arena) struct arena arena = { 0 };
    struct expr_values values;
    struct expr *expr;
    struct value v;
    expr_values_init(&values, asked->values, asked->env->name_count);
    TRY(expr_compile(&arena, asked->env, asked->source, &expr, why));
    TRY(expr_eval(expr, &arena, &values.activation, NULL, &v, why));
    type_print(result, expr_type(expr));
    typed_json_print(result, v);
    return result->failed ? err_memory(why) : ERR_OK;
}

/* Compiling alone: what it finds out of the type. */
static inline enum err expr_refusals_of_compiling(void *context, struct buf *result, struct err_info *why)
{
    const struct expr_refusals *asked = context;
    AUTO(arena) struct arena arena = { 0 };
    struct expr *expr;
    TRY(expr_compile(&arena, asked->env, asked->source, &expr, why));
    type_print(result, expr_type(expr));
    return result->failed ? err_memory(why) : ERR_OK;
}

static inline unsigned expr_compile_refusals(const struct expr_env *env, const char *source)
{
    struct expr_refusals asked = { env, NULL, str_of(source) };
    return refusals_of_memory(source, expr_refusals_of_compiling, &asked);
}

static inline unsigned expr_refusals(
    const struct expr_env *env, const struct value *values, const char *source)
{
    struct expr_refusals asked = { env, values, str_of(source) };
    return refusals_of_memory(source, expr_refusals_operation, &asked);
}

#endif
