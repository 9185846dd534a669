/* The same expression with its literals in variables: what is told of constants while compiling has to be
 * what evaluating gives. */
#ifndef TOCSIN_TESTS_EXPR_LIFT_H
#define TOCSIN_TESTS_EXPR_LIFT_H

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "expr/expr.h"
#include "expr/token.h"

#define EXPR_NAMES_MAX 64

/* Names and values of the tables: `v` is a JSON object's fields as variables of type dyn. */
struct expr_scope {
    struct arena arena;
    struct expr_name names[EXPR_NAMES_MAX];
    struct value values[EXPR_NAMES_MAX];
    struct expr_env env;
};

static inline bool expr_compiles(struct arena *arena, const struct expr_env *env, struct str source)
{
    struct expr *expr;
    return expr_compile(arena, env, source, &expr, NULL) == ERR_OK;
}

/* True with the value of a literal that is good by itself; 2^63 is not without its sign. */
static inline bool expr_lift_value(struct arena *arena, struct str literal, struct value *ret)
{
    struct expr *expr;
    struct expr_env env = { 0 };
    return expr_compile(arena, &env, literal, &expr, NULL) == ERR_OK &&
        expr_eval(expr, arena, NULL, NULL, ret, NULL) == ERR_OK;
}

static inline bool expr_lift_is_literal(enum token_kind kind)
{
    return kind == TOKEN_INT || kind == TOKEN_UINT || kind == TOKEN_DOUBLE || kind == TOKEN_STRING ||
        kind == TOKEN_BYTES;
}

static inline void expr_lift_token(
    struct expr_scope *to, struct str text, bool is_literal, struct buf *source)
{
    struct value v;
    uint32_t at = to->env.name_count;
    struct str name;
    if (!is_literal || at == EXPR_NAMES_MAX || !expr_lift_value(&to->arena, text, &v)) {
        buf_add(source, text);
    } else if (arena_printf(&to->arena, &name, NULL, "literal_%u", at) == ERR_OK) {
        to->names[at] = (struct expr_name){ name, &type_dyn };
        to->values[at] = v;
        to->env.name_count++;
        buf_add(source, name);
    }
    buf_add_byte(source, ' ');
}

/* False when there is nothing to lift: the words are none, or a macro wants its literal as it stands. `to` is
 * to be closed in any case. */
static inline bool expr_lift(
    const struct expr_scope *from, const char *text, struct expr_scope *to, struct buf *source)
{
    struct str whole = str_of(text);
    struct lexer lexer;
    struct token token;
    *to = (struct expr_scope){ .env = from->env };
    memcpy(to->names, from->names, sizeof(to->names));
    memcpy(to->values, from->values, sizeof(to->values));
    to->env.names = to->names;
    to->env.is_unchecked = true;
    if (str_contains(whole, STR("cel.")) || str_contains(whole, STR("\n")) ||
        !expr_compiles(&to->arena, &to->env, whole))
        return false;
    lexer_init(&lexer, &to->arena, whole);
    while (lexer_next(&lexer, &token, NULL) == ERR_OK) {
        if (token.kind == TOKEN_END)
            return to->env.name_count > from->env.name_count;
        expr_lift_token(
            to, str_slice(whole, token.column - 1, lexer.at), expr_lift_is_literal(token.kind), source);
    }
    return false;
}

#endif
