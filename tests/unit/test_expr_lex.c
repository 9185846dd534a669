#include "expr_helpers.h"

#include "expr/token.h"

static void numbers_are_read_as_the_grammar_has_them(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "0", "0" },
        { "9223372036854775807", "9223372036854775807" },
        { "-9223372036854775808", "-9223372036854775807 - 1" },
        { "9223372036854775808", "!too large for an int" },
        { "-9223372036854775809", "!too large" },
        { "18446744073709551615u", "18446744073709551615u" },
        { "18446744073709551616u", "!too large" },
        { "0x1F", "31" },
        { "0xabcdefu", "11259375u" },
        { "-0x8000000000000000", "-9223372036854775808" },
        { "0xFFFFFFFFFFFFFFFFu", "18446744073709551615u" },
        { "0x1FFFFFFFFFFFFFFFFu", "!too large" },
        { "0X1", "!" },
        { "0x", "!" },
        { "00012", "12" },
        { "7U", "7u" },
        { "1.5", "double('1.5')" },
        { ".5", "0.5" },
        { ".00000000000000000000000000000000000000000001", "1e-44" },
        { "1e3", "1000.0" },
        { "1.5E-3", "0.0015" },
        { "2.5e+2", "250.0" },
        { "1e400", "!" },
        { "1.", "!" },
        { "1.e3", "!" },
        { "1e", "!" },
        { "12abc", "!letter follows a number" },
        { "1u2", "!" },
        { "1.5u", "!" },
    };
    expr_expect_plain(ROWS(rows));
}

static void strings_have_their_escapes(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "\"a'b\"", "'a\\'b'" },
        { "'a\"b'", "\"a\\\"b\"" },
        { "'''x''x'''", "\"x''x\"" },
        { "\"\"\"a\nb\"\"\"", "'a\\nb'" },
        { "''''''", "''" },
        { "r'\\n'.size()", "2" },
        { "R\"\\\"", "'\\\\'" },
        { "r'''\\'''", "'\\\\'" },
        { "'\\a\\b\\f\\n\\r\\t\\v\\\\\\?\\\"\\'\\`' == "
          "'\\007\\010\\014\\012\\015\\011\\013\\134\\077\\042\\047\\140'",
            "true" },
        { "'\\u00e9'", "'\303\251'" },
        { "'\\U0001F600'", "'\360\237\230\200'" },
        { "'\\xFF'", "'\303\277'" },
        { "'\\XfF'", "'\303\277'" },
        { "'\\303\\277'", "'\303\203\302\277'" },
        { "'\\377'", "'\303\277'" },
        { "'\\000'.size()", "1" },
        { "'\\8'", "!" },
        { "'\\400'", "!" },
        { "'\\12'", "!octal escape" },
        { "'\\s'", "!no such escape" },
        { "'\\u12'", "!too few digits" },
        { "'\\ud83d'", "!no Unicode character" },
        { "'\\ud83d\\ude03'", "!no Unicode character" },
        { "'\\U0000d800'", "!no Unicode character" },
        { "'\\U00110000'", "!no Unicode character" },
        { "'a\nb'", "!does not end on its line" },
        { "'a\rb'", "!does not end on its line" },
        { "'abc", "!does not end" },
        { "'''abc''", "!closing quotes" },
        { "'abc\\", "!" },
        { "'\xff'", "!UTF-8" },
    };
    expr_expect_plain(ROWS(rows));
}

static void bytes_are_octets(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "b'abc'.size()", "3" },
        { "b'\303\277'", "b'\\303\\277'" },
        { "b'\\xff'.size()", "1" },
        { "b'\\377' == b'\\xFF'", "true" },
        { "B\"\\u00e9\"", "!not for bytes" },
        { "b'\\U0001F600'", "!not for bytes" },
        { "br'\\n'.size()", "2" },
        { "b'''a\nb'''.size()", "3" },
        { "rb'a'", "!" },
        { "b'\\000\\001'.size()", "2" },
    };
    expr_expect_plain(ROWS(rows));
}

static void blanks_and_comments_only_part_words(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { " \t\n\r\f 1 \n", "1" },
        { "1 // one\n + // and\n 2", "3" },
        { "1 // the end", "1" },
        { "1 /* no */", "!" },
        { "// nothing", "!ends where" },
        { "1 \v+ 2", "!" },
        { "1 \302\240+ 2", "!" },
        { "'//' + \"//\"", "'////'" },
    };
    expr_expect_plain(ROWS(rows));
}

static void unknown_marks_are_refused_with_a_mend(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "1 = 1", "!equality is '=='" },
        { "1 & 1", "!'&&'" },
        { "1 | 1", "!'||'" },
        { "#", "!'#' has no meaning" },
        { "a $ b", "!'$'" },
        { "{'a`b': 1}.`a`b`", "!" },
        { "{'a-b.c/d e': 1}.`a-b.c/d e`", "1" },
        { "{'': 1}.``", "!empty" },
        { "{'a': 1}.`a", "!missing" },
        { "`a`", "!" },
    };
    expr_expect_plain(ROWS(rows));
}

static void tokens_tell_their_place(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct lexer lexer;
    struct token token;
    struct err_info why;
    lexer_init(&lexer, &arena, STR("a\n  '''x\ny''' b\n c"));
    static const struct {
        uint32_t line, column;
    } places[] = { { 1, 1 }, { 2, 3 }, { 3, 6 }, { 4, 2 }, { 4, 3 } };
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        assert_int_equal(lexer_next(&lexer, &token, &why), ERR_OK);
        assert_int_equal(token.line, places[i].line);
        assert_int_equal(token.column, places[i].column);
    }
    assert_int_equal(token.kind, TOKEN_END);
    assert_int_equal(lexer_next(&lexer, &token, &why), ERR_OK);
    assert_int_equal(token.kind, TOKEN_END);
}

static void errors_tell_the_place_of_the_offending_byte(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct expr_env env = { 0 };
    static const struct {
        const char *source;
        uint32_t line, column;
    } rows[] = { { "1 +\n  'abc", 2, 3 }, { "'ab\\qc'", 1, 4 }, { "1 +\n\n #", 3, 2 },
        { "  99999999999999999999", 1, 3 }, { "[1,\n 2", 2, 3 }, { "a.b(", 1, 5 } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err_info why = { 0 };
        struct expr *expr;
        assert_int_equal(expr_compile(&arena, &env, str_of(rows[i].source), &expr, &why), ERR_INVALID);
        assert_string_equal(why.name, "expr_parse");
        assert_int_equal(why.line, rows[i].line);
        assert_int_equal(why.column, rows[i].column);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_read_as_the_grammar_has_them),
        cmocka_unit_test(strings_have_their_escapes),
        cmocka_unit_test(bytes_are_octets),
        cmocka_unit_test(blanks_and_comments_only_part_words),
        cmocka_unit_test(unknown_marks_are_refused_with_a_mend),
        cmocka_unit_test(tokens_tell_their_place),
        cmocka_unit_test(errors_tell_the_place_of_the_offending_byte),
    };
    return cmocka_run_group_tests_name("expr_lex", tests, NULL, NULL);
}
