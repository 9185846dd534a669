/* Tables of expressions and what they give. What is expected is an expression itself, mostly a literal, so
 * that its type is told apart too: 1 is not 1u, nor 1.0. Each row is evaluated checked and unchecked, since
 * the checker may refuse but never change a result. */
#ifndef TOCSIN_TESTS_EXPR_HELPERS_H
#define TOCSIN_TESTS_EXPR_HELPERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "expr/expr.h"
#include "expr/typed_json.h"
#include "expr_lift.h"

#ifdef TOCSIN_REFUSALS
#include "expr_refusals.h"
#else
static inline unsigned expr_refusals(
    const struct expr_env *env, const struct value *values, const char *source)
{
    (void)env, (void)values, (void)source;
    return 0;
}

static inline unsigned expr_compile_refusals(const struct expr_env *env, const char *source)
{
    (void)env, (void)source;
    return 0;
}
#endif

struct expr_row {
    const char *source;
    /* "!TEXT": an error with this text in it, "!" any error; "~TEXT": one of the checker alone. */
    const char *expected;
};

#define ROWS(table) (table), sizeof(table) / sizeof((table)[0])

static inline void expr_scope_open(struct expr_scope *scope, const char *json)
{
    struct err_info why;
    struct value object;
    struct json_options options = { .copy_strings = true };
    *scope = (struct expr_scope){ .env = { .names = scope->names } };
    assert_int_equal(json_parse(&scope->arena, str_of(json), &options, &object, &why), ERR_OK);
    assert_true(object.size <= EXPR_NAMES_MAX);
    for (uint32_t i = 0; i < object.size; i++) {
        const struct value_entry *entry = &value_map_entries(object)[i];
        scope->names[i] = (struct expr_name){ value_str(entry->key), &type_dyn };
        scope->values[i] = entry->value;
    }
    scope->env.name_count = object.size;
}

static inline void expr_scope_close(struct expr_scope *scope)
{
    arena_done(&scope->arena);
}

/* The value as typed JSON in `text`, or "!" and the error. */
static inline void expr_run(struct expr_scope *scope, const char *source, bool is_unchecked, struct buf *text)
{
    AUTO(arena) struct arena arena = { 0 };
    struct expr_env env = scope->env;
    struct expr_values values;
    struct err_info why = { 0 };
    struct expr *expr = NULL;
    struct value v;
    env.is_unchecked = is_unchecked;
    expr_values_init(&values, scope->values, scope->env.name_count);
    buf_clear(text);
    enum err err = expr_compile(&arena, &env, str_of(source), &expr, &why);
    if (err == ERR_OK)
        err = expr_eval(expr, &arena, &values.activation, NULL, &v, &why);
    if (err == ERR_OK) {
        typed_json_print(text, v);
    } else {
        assert_int_equal(why.code, err);
        assert_true(why.text[0] != '\0');
        buf_printf(text, "!%s", why.text);
    }
}

static inline bool expr_row_holds(
    const char *expected, bool is_unchecked, const struct buf *wanted, const struct buf *got)
{
    bool is_error = got->data[0] == '!';
    if (expected[0] == '~')
        return is_unchecked || (is_error && str_contains(buf_str(got), str_of(expected + 1)));
    /* What is wrong is told in other words when it shows only in the evaluation. */
    if (expected[0] == '!')
        return is_error && (is_unchecked || str_contains(buf_str(got), str_of(expected + 1)));
    return str_equal(buf_str(wanted), buf_str(got));
}

#define COSTS_MAX 10000 /* what comes after is more of the same */

/* An evaluation that succeeds ends at each limit below what it costs, whatever it is about to do. */
static inline unsigned expr_costs(const struct expr_scope *scope, const char *source)
{
    AUTO(arena) struct arena arena = { 0 };
    struct expr_values values;
    struct expr *expr;
    struct value v;
    uint64_t cost = 0;
    unsigned faults = 0;
    struct expr_limits limits = { .ret_cost = &cost };
    expr_values_init(&values, scope->values, scope->env.name_count);
    if (expr_compile(&arena, &scope->env, str_of(source), &expr, NULL) != ERR_OK ||
        expr_eval(expr, &arena, &values.activation, &limits, &v, NULL) != ERR_OK)
        return 0;
    for (uint64_t most = 1, whole = cost; most < whole && most < COSTS_MAX; most += 1 + most / 100) {
        struct err_info why = { 0 };
        limits.cost_max = most;
        if (expr_eval(expr, &arena, &values.activation, &limits, &v, &why) == ERR_LIMIT &&
            strcmp(why.name, "expression_cost") == 0)
            continue;
        printf("%s costs %llu, and goes through with %llu\n", source, (unsigned long long)whole,
            (unsigned long long)most);
        faults++;
    }
    return faults;
}

/* One row, one way; `wanted` is empty where an error is expected. */
static inline unsigned expr_expect_row(struct expr_scope *scope, const char *source, const char *expected,
    bool is_unchecked, const struct buf *wanted)
{
    AUTO(buf) struct buf got = { 0 };
    struct expr_env env = scope->env;
    env.is_unchecked = is_unchecked;
    unsigned faults = expr_refusals(&env, scope->values, source);
    expr_run(scope, source, is_unchecked, &got);
    if (expr_row_holds(expected, is_unchecked, wanted, &got))
        return faults;
    printf("%s (%s)\n  expected %s\n  got      %s\n", source, is_unchecked ? "unchecked" : "checked",
        wanted->size == 0 ? expected : wanted->data, got.data);
    return faults + 1;
}

static inline void expr_expect(struct expr_scope *scope, const struct expr_row *rows, size_t count)
{
    AUTO(buf) struct buf wanted = { 0 };
    unsigned faults = 0;
    for (size_t i = 0; i < count; i++) {
        const char *source = rows[i].source, *expected = rows[i].expected;
        AUTO(buf) struct buf lifted_source = { 0 };
        struct expr_scope lifted;
        buf_clear(&wanted);
        if (expected[0] != '!' && expected[0] != '~')
            expr_run(scope, expected, true, &wanted);
        faults += expr_expect_row(scope, source, expected, false, &wanted);
        faults += expr_expect_row(scope, source, expected, true, &wanted);
        if (expr_lift(scope, source, &lifted, &lifted_source)) {
            faults += expr_expect_row(&lifted, lifted_source.data, expected, true, &wanted);
            faults += expr_costs(&lifted, lifted_source.data);
        }
        expr_scope_close(&lifted);
    }
    assert_int_equal(faults, 0);
}

static inline void expr_expect_plain(const struct expr_row *rows, size_t count)
{
    struct expr_scope scope;
    expr_scope_open(&scope, "{}");
    expr_expect(&scope, rows, count);
    expr_scope_close(&scope);
}

#endif
