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

struct expr_row {
    const char *source;
    /* "!TEXT": an error with this text in it, "!" any error; "~TEXT": one of the checker alone. */
    const char *expected;
};

#define ROWS(table) (table), sizeof(table) / sizeof((table)[0])

/* Names and values of the tables: `v` is a JSON object's fields as variables of type dyn. */
struct expr_scope {
    struct arena arena;
    struct expr_name names[16];
    struct value values[16];
    struct expr_env env;
};

static inline void expr_scope_open(struct expr_scope *scope, const char *json)
{
    struct err_info why;
    struct value object;
    struct json_options options = { .copy_strings = true };
    *scope = (struct expr_scope){ .env = { .names = scope->names } };
    assert_int_equal(json_parse(&scope->arena, str_of(json), &options, &object, &why), ERR_OK);
    assert_true(object.size <= 16);
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

static inline void expr_expect(struct expr_scope *scope, const struct expr_row *rows, size_t count)
{
    AUTO(buf) struct buf wanted = { 0 };
    AUTO(buf) struct buf got = { 0 };
    size_t faults = 0;
    for (size_t i = 0; i < count; i++) {
        const char *expected = rows[i].expected;
        bool is_refused = expected[0] == '!' || expected[0] == '~';
        if (!is_refused)
            expr_run(scope, expected, true, &wanted);
        for (int is_unchecked = 0; is_unchecked < 2; is_unchecked++) {
            expr_run(scope, rows[i].source, is_unchecked, &got);
            if (expr_row_holds(expected, is_unchecked, &wanted, &got))
                continue;
            printf("%s (%s)\n  expected %s\n  got      %s\n", rows[i].source,
                is_unchecked ? "unchecked" : "checked", is_refused ? expected : wanted.data, got.data);
            faults++;
        }
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
