#include "expr_helpers.h"

#include "base/limits.h"

static void operators_bind_as_the_table_says(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "1 + 2 * 3", "7" },
        { "(1 + 2) * 3", "9" },
        { "10 - 4 - 3", "3" },
        { "100 / 10 / 5", "2" },
        { "100 / 10 * 5 % 7", "1" },
        { "-2 * -3", "6" },
        { "- - 5", "5" },
        { "--5", "5" },
        { "!!true", "true" },
        { "!true || true", "true" },
        { "!(true || true)", "false" },
        { "true || false && false", "true" },
        { "1 + 1 == 2 && 3 > 2", "true" },
        { "1 < 2 == true", "true" },
        { "false ? 1 : true ? 2 : 3", "2" },
        { "true ? 1 : false ? 2 : 3", "1" },
        { "1 in [1] == true", "true" },
        { "2 - 1 in [1]", "true" },
        { "-[1, 2][1]", "-2" },
        { "-1.0.size()", "!" },
        { "1-1", "0" },
        { "1 -1", "0" },
        { "[1, 2, 3][1 + 1]", "3" },
        { "{'a': {'b': [5]}}.a.b[0]", "5" },
        { "!-1 == 1", "!" },
        { ".size([1])", "1" },
        { ".math.abs(-1)", "1" },
    };
    expr_expect_plain(ROWS(rows));
}

static void what_the_grammar_does_not_have_is_refused(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "", "!" },
        { "   ", "!" },
        { "1 +", "!" },
        { "+ 1", "!" },
        { "* 1", "!" },
        { "1 2", "!the end or an operator" },
        { "(1", "!')'" },
        { "1)", "!" },
        { "[1", "!']'" },
        { "[1,,2]", "!" },
        { "{1}", "!':'" },
        { "{1:}", "!" },
        { "{:1}", "!" },
        { "{1: 2", "!" },
        { "size(1,)", "!an argument" },
        { "size(,1)", "!" },
        { "a.", "!field name" },
        { "a.1", "!" },
        { "a.'b'", "!" },
        { "a.in", "!" },
        { "{}.true", "!" },
        { "{}.null", "!" },
        { "[][]", "!" },
        { "1 ? 2", "!':'" },
        { "true ? 1 :", "!" },
        { "true ?: 1", "!" },
        { "1 && ", "!" },
        { "1 === 1", "!" },
        { "!", "!" },
        { "-", "!" },
        { ".", "!" },
        { "..a", "!" },
        { ".1a", "!" },
        { "a b", "!" },
        { "!-'a'", "!" },
        { "-!true", "!" },
        { "!-true", "!" },
        { "a?.b", "!" },
        { "{}.?a(1)", "!" },
        { "[1][?]", "!" },
        { "if", "!reserved" },
        { "let + 1", "!reserved" },
        { "as", "!reserved" },
        { "package.x", "!reserved" },
        { "while(1)", "!reserved" },
        { "namespace", "!reserved" },
    };
    expr_expect_plain(ROWS(rows));
}

static void habits_of_other_languages_get_their_mend(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "true and false", "!'&&'" },
        { "true or false", "!'||'" },
        { "not true", "!'!'" },
        { "{}?.a", "!a.?b" },
        { "{} ?? 1", "!a.?b.orValue(x)" },
        { "1 = 1", "!'=='" },
    };
    expr_expect_plain(ROWS(rows));
}

static void commas_may_end_lists_and_maps(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "[]", "[]" },
        { "[,]", "[]" },
        { "[1,]", "[1]" },
        { "[1, 2,]", "[1, 2]" },
        { "{}", "{}" },
        { "{,}", "{}" },
        { "{'a': 1,}", "{'a': 1}" },
        { "[?optional.none(), ?optional.of(2)]", "[2]" },
        { "{?'a': optional.none(), ?'b': optional.of(1)}", "{'b': 1}" },
        { "[,1]", "!" },
        { "[,,]", "!" },
    };
    expr_expect_plain(ROWS(rows));
}

static void reserved_words_are_good_behind_a_dot(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "{'if': 1, 'package': 2}.if", "1" },
        { "{'if': 1, 'package': {'for': 2}}.package.for", "2" },
        { "has({'let': 1}.let)", "true" },
        { "{'as': 1}.?as", "optional.of(1)" },
    };
    expr_expect_plain(ROWS(rows));
}

static void macros_that_are_used_wrongly_say_how(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "has(1)", "!has() takes a field selection" },
        { "has({}['a'])", "!has() takes a field selection" },
        { "has({}.?a)", "!has()" },
        { "has()", "!" },
        { "[1].map(1, 2)", "!simple name" },
        { "[1].map(x.y, 2)", "!simple name" },
        { "[1].map(.x, 2)", "!simple name" },
        { "[1].all(x)", "!list.all(x, test)" },
        { "has(x, y)", "!has(a.b)" },
        { "[1].exists(x, x, true)", "!different names" },
        { "[1].exists(1, x, true)", "!simple name" },
        { "[1].filter(x)", "!list.filter(x, test)" },
        { "cel.bind(1, 2, 3)", "!simple name" },
        { "cel.bind(x, 2)", "!cel.bind(name, value, expression)" },
        { "cel.block(1, 2)", "!list literal" },
        { "cel.block([1], cel.index(1))", "!" },
        { "cel.block([1], cel.index(-1))", "!not negative" },
        { "cel.index('a')", "!number" },
        { "optional.of(1).optMap(1, 2)", "!simple name" },
        { "{'a': 1}.transformMap(k, v)", "!" },
        { "'a'.matches()", "!" },
        { "'a'.matches('a', 'b')", "!" },
        { "['ab'].map(x, x.matches('a' + 'b'))", "[true]" },
        { "['ab'].map(x, x.matches(dyn(1)))", "!" },
        { "['a', 'b'].map(p, 'ab'.matches(p))", "[true, true]" },
        { "A{}", "!no message type 'A'" },
        { "A{1: 2}", "!a field name" },
        { "1 true", "!'true'" },
        { "1 false", "!'false'" },
        { "1 'a'", "!" },
        { "1 b'a'", "!" },
        { "{'b': 1}.`b`(1)", "!" },
        { "{'b': 1}.?b(1)", "!" },
        { "{}?.b[0]", "!'?.' is no operator" },
        { "{}?.b()", "!'?.' is no operator" },
        { "{}?b", "!':' of a conditional" },
        { "{'b': 1}.`b", "!closing `" },
        { "{'b': 1}.`b\nc`", "!closing `" },
        { "{'b': 1}.`b\rc`", "!closing `" },
        { "has(optional.none().a)", "false" },
        { "has(optional.of({'a': 1}).a)", "true" },
        { "has({'a': {'b': 1}}.a).b", "!" },
        { "cel.index(1, 2)", "!" },
        { "cel.iterVar(1)", "!" },
        { "cel.accuVar(1)", "!" },
        { "cel.other(1)", "!" },
        { "cel.index(x)", "!number" },
        { "[1].map(cel.accuVar(0, 0), cel.accuVar(0, 0) + 1)", "[2]" },
        { "[1].map(cel.iterVar(0, 0), cel.iterVar(0, 0) + 1)", "[2]" },
        { "cel.block([?optional.of(1)], 2)", "!list literal" },
        { "math.other(1, 2, 3)", "!" },
        { "math.least(3, 1, 2)", "1" },
        { "A{b: 1, ?c: 2}", "!no message type 'A'" },
        { "a.B{b: 1}", "!no message type 'a.B'" },
        { ".has({'a': 1}.a)", "true" },
    };
    expr_expect_plain(ROWS(rows));
}

/* langdef, "Syntax": what an implementation must take at least. */
static void the_least_sizes_of_the_standard_are_taken(void **state)
{
    (void)state;
    AUTO(buf) struct buf text = { 0 };
    AUTO(buf) struct buf got = { 0 };
    struct expr_scope scope;
    expr_scope_open(&scope, "{}");
    static const struct {
        const char *first, *again, *last;
        int count;
    } rows[] = {
        { "false", " || false", " || true", 31 },
        { "true", " && true", " == true", 31 },
        { "[0", ", 1", "].size() == 33", 32 },
        { "", "true ? false : ", "true || true", 24 },
        { "1", " + 1", " == 25", 24 },
        { "true", " == true", "", 24 },
        { "", "dyn(", "", 12 },
        { "", "[", "", 12 },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        buf_clear(&text);
        buf_add_text(&text, rows[i].first);
        for (int k = 0; k < rows[i].count; k++)
            buf_add_text(&text, rows[i].again);
        if (rows[i].last[0] == '\0' && rows[i].again[0] != ' ')
            buf_add_text(&text, "1");
        for (int k = 0; rows[i].last[0] == '\0' && rows[i].again[0] != ' ' && k < rows[i].count; k++)
            buf_add_text(&text, rows[i].again[0] == '[' ? "]" : ")");
        buf_add_text(&text, rows[i].last);
        expr_run(&scope, text.data, false, &got);
        if (got.data[0] == '!')
            fail_msg("%s: %s", text.data, got.data);
    }
    expr_scope_close(&scope);
}

/* `count` times `open`, then "1", then as often `close`. */
static enum err compile_nested(const char *open, const char *close, int count, struct err_info *why)
{
    AUTO(buf) struct buf text = { 0 };
    AUTO(arena) struct arena arena = { 0 };
    struct expr_env env = { .is_unchecked = true };
    struct expr *expr;
    for (int i = 0; i < count; i++)
        buf_add_text(&text, open);
    buf_add_text(&text, "1");
    for (int i = 0; i < count; i++)
        buf_add_text(&text, close);
    return expr_compile(&arena, &env, buf_str(&text), &expr, why);
}

static void depth_is_bounded_by_its_limit_and_says_so(void **state)
{
    (void)state;
    static const struct {
        const char *open, *close;
    } rows[] = { { "(", ")" }, { "[", "]" }, { "{1:", "}" }, { "-", "" }, { "!", "" }, { "dyn(", ")" },
        { "true?1:", "" }, { "[1].map(x,", ")" }, { "cel.bind(x,1,", ")" }, { "", ".a" }, { "", "[0]" },
        { "", ".size()" }, { "1+(", ")" }, { "a{b:", "}" }, { "", "+1" }, { "", ".?a" } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err_info why = { 0 };
        enum err few = compile_nested(rows[i].open, rows[i].close, 40, &why);
        if (few != ERR_OK)
            fail_msg("%s…%s: %s", rows[i].open, rows[i].close, why.text);
        for (int count = EXPR_DEPTH_MAX + 2; count <= 8000; count *= 4) {
            assert_int_equal(compile_nested(rows[i].open, rows[i].close, count, &why), ERR_LIMIT);
            assert_string_equal(why.name, "EXPR_DEPTH_MAX");
            assert_non_null(strstr(why.text, "EXPR_DEPTH_MAX"));
        }
    }
}

static void a_source_above_its_limit_is_refused(void **state)
{
    (void)state;
    AUTO(buf) struct buf text = { 0 };
    AUTO(arena) struct arena arena = { 0 };
    struct expr_env env = { 0 };
    struct expr *expr;
    struct err_info why;
    while (text.size < EXPR_SOURCE_BYTES_MAX)
        buf_add_byte(&text, ' ');
    text.data[0] = '1';
    assert_int_equal(expr_compile(&arena, &env, buf_str(&text), &expr, &why), ERR_OK);
    buf_add_byte(&text, ' ');
    assert_int_equal(expr_compile(&arena, &env, buf_str(&text), &expr, &why), ERR_LIMIT);
    assert_string_equal(why.name, "EXPR_SOURCE_BYTES_MAX");
}

/* The arrays of a program double as it is compiled, so with enough in front each step is once the first that
 * finds no room. */
static void programs_grow_at_any_step(void **state)
{
    (void)state;
    static const char *const last[] = { "cel.bind(v, x + 1, v)", "list.map(i, i > 1, i)",
        "optional.of(x).optMap(i, i + 1)", "optional.of(x).optFlatMap(i, optional.of(i))",
        "list.all(i, i > x) || list.exists(i, i < x)", "x > 0 && x < 9 && y == 'text'", "x > 0 ? x : 2",
        "{'a': x, ?'b': m.?a}", "[x, ?m.?z]", "has(m.a)", "m[y == 'text' ? 'a' : 'b']",
        "y.matches('^t' + 'e')", "list[*] == list", "dyn(!(x == 1))", "(x).size" };
    struct expr_scope scope;
    AUTO(buf) struct buf source = { 0 };
    expr_scope_open(&scope, "{\"x\":5,\"y\":\"text\",\"m\":{\"a\":1},\"list\":[1,2]}");
    for (size_t i = 0; i < sizeof(last) / sizeof(last[0]); i++) {
        for (int before = 0; before < 20; before++) {
            buf_clear(&source);
            buf_add_byte(&source, '[');
            for (int k = 0; k < before; k++)
                buf_printf(&source, "x + %d, ", k);
            buf_printf(&source, "%s][%d]", last[i], before);
            struct expr_row row = { source.data,
                strcmp(last[i], "(x).size") == 0 ? "!has no fields" : last[i] };
            expr_expect(&scope, &row, 1);
        }
    }
    expr_scope_close(&scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operators_bind_as_the_table_says),
        cmocka_unit_test(what_the_grammar_does_not_have_is_refused),
        cmocka_unit_test(habits_of_other_languages_get_their_mend),
        cmocka_unit_test(commas_may_end_lists_and_maps),
        cmocka_unit_test(reserved_words_are_good_behind_a_dot),
        cmocka_unit_test(macros_that_are_used_wrongly_say_how),
        cmocka_unit_test(the_least_sizes_of_the_standard_are_taken),
        cmocka_unit_test(depth_is_bounded_by_its_limit_and_says_so),
        cmocka_unit_test(a_source_above_its_limit_is_refused),
        cmocka_unit_test(programs_grow_at_any_step),
    };
    return cmocka_run_group_tests_name("expr_parse", tests, NULL, NULL);
}
