#include "expr_helpers.h"

static void integers_overflow_with_an_error(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "9223372036854775807 + 1", "!overflow" },
        { "-9223372036854775808 + -1", "!overflow" },
        { "9223372036854775807 + -9223372036854775807", "0" },
        { "-9223372036854775808 - 1", "!overflow" },
        { "0 - -9223372036854775808", "!overflow" },
        { "9223372036854775807 * 2", "!overflow" },
        { "-9223372036854775808 * -1", "!overflow" },
        { "4294967296 * 2147483648", "!overflow" },
        { "4294967296 * -2147483648", "-9223372036854775808" },
        { "-9223372036854775808 / -1", "!overflow" },
        { "-9223372036854775808 % -1", "!overflow" },
        { "-(-9223372036854775808)", "!overflow" },
        { "-(-9223372036854775807)", "9223372036854775807" },
        { "1 / 0", "!division by zero" },
        { "1 % 0", "!modulus by zero" },
        { "0 / 5", "0" },
        { "-7 / 2", "-3" },
        { "7 / -2", "-3" },
        { "-7 % 2", "-1" },
        { "7 % -2", "1" },
    };
    expr_expect_plain(ROWS(rows));
}

static void unsigned_integers_have_their_own_range(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "18446744073709551615u + 1u", "!overflow" },
        { "18446744073709551614u + 1u", "18446744073709551615u" },
        { "0u - 1u", "!overflow" },
        { "5u - 5u", "0u" },
        { "4294967296u * 4294967296u", "!overflow" },
        { "4294967295u * 4294967297u", "18446744073709551615u" },
        { "1u / 0u", "!division by zero" },
        { "1u % 0u", "!modulus by zero" },
        { "7u / 2u", "3u" },
        { "7u % 4u", "3u" },
        { "-1u", "!" },
        { "1 + 1u", "!" },
        { "1.0 + 1", "!" },
        { "1u * 2.0", "!" },
        { "dyn(1) + dyn(1u)", "!no such overload" },
        { "1.0 % 2.0", "!" },
    };
    expr_expect_plain(ROWS(rows));
}

static void doubles_follow_ieee_754(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "1.0 / 0.0", "double('infinity')" },
        { "-1.0 / 0.0", "double('-infinity')" },
        { "1.0 / -0.0 < 0.0", "true" },
        { "0.0 / 0.0 == 0.0 / 0.0", "false" },
        { "0.0 / 0.0 != 0.0 / 0.0", "true" },
        { "double('nan') < 1.0", "false" },
        { "double('nan') >= 1.0", "false" },
        { "1.0 <= double('nan')", "false" },
        { "double('nan') in [double('nan')]", "false" },
        { "[double('nan')] == [double('nan')]", "false" },
        { "0.0 == -0.0", "true" },
        { "1.7976931348623157e308 * 10.0", "double('inf')" },
        { "0.1 + 0.2", "0.30000000000000004" },
        { "1e-320 / 1e10", "0.0" },
        { "-(0.0)", "-0.0" },
        { "double('inf') - double('inf') == 0.0", "false" },
    };
    expr_expect_plain(ROWS(rows));
}

static void numbers_of_different_types_meet_on_one_line(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "dyn(1) == 1.0", "true" },
        { "dyn(1) == 1u", "true" },
        { "dyn(1u) == 1.0", "true" },
        { "dyn(-1) == 18446744073709551615u", "false" },
        { "dyn(1) != 1.5", "true" },
        { "dyn(1) < 1.5", "true" },
        { "dyn(2u) > 1.5", "true" },
        { "dyn(-1) < 0u", "true" },
        { "dyn(0u) > -1", "true" },
        { "dyn(9223372036854775807) < 9223372036854775808u", "true" },
        { "dyn(18446744073709551615u) > 9223372036854775807", "true" },
        { "dyn(1) < double('inf')", "true" },
        { "dyn(1) > double('-inf')", "true" },
        { "dyn(1) <= double('nan')", "false" },
        { "dyn(18446744073709551615u) < 1e20", "true" },
        { "dyn(-9223372036854775808) > -1e19", "true" },
        { "1 == 1.0", "~" },
        { "1 < 1.0", "~" },
        { "1u == 1", "~" },
        { "{1: 'a'}[dyn(1.0)]", "'a'" },
        { "{1: 'a'}[dyn(1u)]", "'a'" },
        { "{1u: 'a'}[dyn(1)]", "'a'" },
        { "{1: 'a'}[dyn(1.5)]", "!no such key" },
        { "dyn(1.0) in [1, 2]", "true" },
        { "dyn(2.5) in [1, 2]", "false" },
        { "dyn(1u) in {1: 2}", "true" },
        { "dyn(1.0) in {1: 2}", "true" },
        { "dyn([1, 2u, 3.0]) == dyn([1.0, 2, 3u])", "true" },
        { "dyn({1: 2}) == dyn({1u: 2.0})", "true" },
    };
    expr_expect_plain(ROWS(rows));
}

static void equality_is_defined_for_all_types(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "null == null", "true" },
        { "dyn(null) == 1", "false" },
        { "dyn('1') == 1", "false" },
        { "dyn('a') == b'a'", "false" },
        { "dyn(true) == 1", "false" },
        { "dyn([]) == {}", "false" },
        { "'' == ''", "true" },
        { "'\\u00e9' == 'e\\u0301'", "false" },
        { "b'' == b''", "true" },
        { "[] == []", "true" },
        { "{} == {}", "true" },
        { "[1, [2, 3]] == [1, [2, 3]]", "true" },
        { "[1, 2] == [2, 1]", "false" },
        { "[1] == [1, 1]", "false" },
        { "{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", "true" },
        { "{'a': 1} == {'a': 1, 'b': 1}", "false" },
        { "{'a': null} == {'b': null}", "false" },
        { "type(1) == int", "true" },
        { "type(1) == type(1u)", "false" },
        { "type(type(1)) == type", "true" },
        { "timestamp('2024-01-01T00:00:00Z') == timestamp('2024-01-01T01:00:00+01:00')", "true" },
        { "duration('60s') == duration('1m')", "true" },
        { "dyn(duration('1s')) == timestamp('1970-01-01T00:00:01Z')", "false" },
        { "optional.of(1) == optional.of(1)", "true" },
        { "optional.none() == optional.none()", "true" },
        { "optional.of(1) == optional.none()", "false" },
        { "optional.of(1) != optional.of(2)", "true" },
        { "dyn(optional.of(1)) == 1", "false" },
        { "ip('127.0.0.1') == ip('127.0.0.1')", "true" },
        { "cidr('10.0.0.0/8') == cidr('10.0.0.0/9')", "false" },
        { "1 == '1'", "~" },
        { "(1/0) == 1", "!division" },
    };
    expr_expect_plain(ROWS(rows));
}

static void ordered_types_have_an_order(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "false < true", "true" },
        { "true <= true", "true" },
        { "true > true", "false" },
        { "'a' < 'b'", "true" },
        { "'a' < 'aa'", "true" },
        { "'' < 'a'", "true" },
        { "'Z' < 'a'", "true" },
        { "'\\u00e9' > 'z'", "true" },
        { "'\\uffff' < '\\U00010000'", "true" },
        { "b'a' < b'b'", "true" },
        { "b'\\xff' > b'\\x00\\x00'", "true" },
        { "timestamp(1) < timestamp(2)", "true" },
        { "duration('-1s') < duration('0')", "true" },
        { "duration('1ns') > duration('0')", "true" },
        { "duration('-1ns') < duration('0')", "true" },
        { "3 >= 3 && 3 <= 3", "true" },
        { "[1] < [2]", "!" },
        { "{} < {}", "!" },
        { "null < null", "!" },
        { "dyn('a') < 1", "!no such overload" },
        { "dyn('a') < b'b'", "!no such overload" },
        { "int < uint", "!" },
        { "optional.of(1) < optional.of(2)", "!" },
    };
    expr_expect_plain(ROWS(rows));
}

static void plus_joins_what_has_parts(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "'a' + 'b' + ''", "'ab'" },
        { "b'\\xff' + b'a'", "b'\\xffa'" },
        { "[1] + [2, 3] + []", "[1, 2, 3]" },
        { "[] + []", "[]" },
        { "dyn([1]) + dyn(['a'])", "[1, dyn('a')]" },
        { "'a' + b'b'", "!" },
        { "'a' + 1", "!" },
        { "{} + {}", "!" },
        { "null + null", "!" },
        { "true + true", "!" },
        { "'a' - 'a'", "!" },
        { "'a' * 2", "!" },
        { "[1] - [1]", "!" },
    };
    expr_expect_plain(ROWS(rows));
}

static void times_add_and_subtract_within_their_range(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "timestamp('2024-02-28T23:00:00Z') + duration('1h')", "timestamp('2024-02-29T00:00:00Z')" },
        { "duration('1h') + timestamp('2024-02-28T23:00:00Z')", "timestamp('2024-02-29T00:00:00Z')" },
        { "timestamp('1970-01-01T00:00:00.25Z') - duration('500ms')",
            "timestamp('1969-12-31T23:59:59.75Z')" },
        { "timestamp('2024-01-02T00:00:00Z') - timestamp('2024-01-01T12:00:00Z')", "duration('12h')" },
        { "timestamp('2024-01-01T12:00:00Z') - timestamp('2024-01-02T00:00:00Z')", "duration('-12h')" },
        { "duration('1m') - duration('90s')", "duration('-30s')" },
        { "duration('1m') + duration('1ns')", "duration('60.000000001s')" },
        { "timestamp('9999-12-31T23:59:59Z') + duration('1s')", "!range" },
        { "timestamp('9999-12-31T23:59:59Z') + duration('999999999ns')",
            "timestamp('9999-12-31T23:59:59.999999999Z')" },
        { "timestamp('9999-12-31T23:59:59.999999999Z') + duration('1ns')", "!range" },
        { "timestamp('0001-01-01T00:00:00Z') - duration('1ns')", "!range" },
        { "timestamp('9999-12-31T23:59:59Z') - timestamp('0001-01-01T00:00:00Z')", "!range" },
        { "duration('9223372036s') + duration('1h')", "!range" },
        { "duration('-9223372036s') - duration('1h')", "!range" },
        { "timestamp(0) + timestamp(0)", "!" },
        { "duration('1s') - timestamp(0)", "!" },
        { "duration('1s') * 2", "!" },
        { "-duration('1s')", "!" },
    };
    expr_expect_plain(ROWS(rows));
}

static void logic_takes_the_operand_that_decides_over_an_error(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "true || 1 / 0 > 0", "true" },
        { "1 / 0 > 0 || true", "true" },
        { "1 / 0 > 0 || false", "!division" },
        { "false || 1 / 0 > 0", "!division" },
        { "false && 1 / 0 > 0", "false" },
        { "1 / 0 > 0 && false", "false" },
        { "1 / 0 > 0 && true", "!division" },
        { "true && 1 / 0 > 0", "!division" },
        { "1 / 0 > 0 || 2 % 0 > 0 || true", "true" },
        { "1 / 0 > 0 || 2 % 0 > 0", "!division" },
        { "(1 / 0 > 0 || false) && false", "false" },
        { "!(1 / 0 > 0)", "!division" },
        { "dyn(1) || true", "true" },
        { "true || dyn(1)", "true" },
        { "false || dyn(1)", "!no such overload" },
        { "dyn('a') && false", "false" },
        { "dyn(null) && true", "!" },
        { "!dyn(1)", "!" },
        { "false || false || false", "false" },
        { "true && true && true", "true" },
        { "true ? 1 : 1 / 0", "1" },
        { "false ? 1 / 0 : 2", "2" },
        { "1 / 0 > 0 ? 1 : 2", "!division" },
        { "dyn(1) ? 1 : 2", "!" },
        { "dyn(null) ? 1 : 2", "!" },
        { "true ? 'a' : 1", "~" },
        { "dyn(true) ? dyn('a') : 1", "'a'" },
        { "1 || true", "~" },
        { "'a' && true", "!" },
    };
    expr_expect_plain(ROWS(rows));
}

static void lists_and_maps_are_indexed(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "[1, 2, 3][0]", "1" },
        { "[1, 2, 3][2]", "3" },
        { "[1, 2, 3][3]", "!out of bounds" },
        { "[1, 2, 3][-1]", "!out of bounds" },
        { "[][0]", "!out of bounds" },
        { "[1, 2][dyn(1u)]", "2" },
        { "[1, 2][dyn(1.0)]", "2" },
        { "[1, 2][dyn(0.5)]", "!" },
        { "[1, 2]['0']", "!" },
        { "[1, 2][dyn('0')]", "!" },
        { "'abc'[0]", "!" },
        { "{'a': 1}['a']", "1" },
        { "{'a': 1}.a", "1" },
        { "{'a': 1}['b']", "!no such key: b" },
        { "{'a': 1}.b", "!no such key: b" },
        { "{true: 1, false: 2}[false]", "2" },
        { "{1: 'a', 2u: 'b'}[2]", "'b'" },
        { "{'a': null}.a", "null" },
        { "{'a': 1, 'a': 2}", "!repeated key" },
        { "{1: 1, 1u: 2}", "!repeated key" },
        { "{1.5: 1}", "!can't be a key" },
        { "{null: 1}", "!can't be a key" },
        { "{[1]: 1}", "!can't be a key" },
        { "{b'a': 1}", "!can't be a key" },
        { "{'a': 1 / 0}", "!division" },
        { "[1, 1 / 0]", "!division" },
        { "'a' in {'a': null}", "true" },
        { "1 in ['a', 'b']", "~" },
        { "dyn(1) in ['a', 'b']", "false" },
        { "dyn(1.5) in {1: 1}", "false" },
        { "'a' in 'abc'", "!" },
        { "[1] in [[1], [2]]", "true" },
        { "1 in []", "false" },
        { "dyn(1).a", "!has no fields" },
        { "dyn('a').size", "!has no fields" },
        { "[1].a", "!has no fields" },
        { "dyn(null).a", "!has no fields" },
    };
    expr_expect_plain(ROWS(rows));
}

static void what_is_no_index_or_key_says_so(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "[1][dyn(18446744073709551615u)]", "!" },
        { "[1][dyn(1e18)]", "!whole number" },
        { "[1][dyn(-1e18)]", "!whole number" },
        { "[1][dyn(0.5)]", "!whole number" },
        { "[1][dyn(double('nan'))]", "!whole number" },
        { "[1][dyn(0.0)]", "1" },
        { "[1][dyn(0u)]", "1" },
        { "[1][dyn(-1.0)]", "!out of bounds" },
        { "[1][dyn('a')]", "!whole number" },
        { "{'a': 1}[dyn(5u)]", "!no such key: 5u" },
        { "{'a': 1}[dyn(5)]", "!no such key: 5" },
        { "{'a': 1}[dyn(1.5)]", "!no such key: 1.5" },
        { "{'a': 1}[dyn(true)]", "!no such key: true" },
        { "{'a': 1}[dyn(false)]", "!no such key: false" },
        { "{'a': 1}[dyn([])]", "!can't be of type list" },
        { "{'a': 1}['\\u007f\\u0001\\u001fb']", "!no such key: ???b" },
        { "{'a': 1}[lists.range(300).map(i, 'a').join()]", "!no such key: aaaa" },
        { "{'a': 1}[dyn(1)] == 1 || {'a': 1}.a == 1", "true" },
    };
    expr_expect_plain(ROWS(rows));
}

static void has_tells_presence_not_value(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "has({'a': null}.a)", "true" },
        { "has({'a': 1}.b)", "false" },
        { "has({}.a)", "false" },
        { "has({'a': {'b': 1}}.a.b)", "true" },
        { "has({'a': {'b': 1}}.a.c)", "false" },
        { "has({'a': {'b': 1}}.x.c)", "!no such key" },
        { "has({'a': 1}.a.b)", "!" },
        { "has(dyn(1).a)", "!" },
        { "has(dyn([]).a)", "!" },
        { "has(dyn(null).a)", "!" },
        { "has({'a-b': 1}.`a-b`)", "true" },
        { "!has({}.a) || {}.a == 1", "true" },
        { "has(optional.of({'a': 1}).a)", "true" },
        { "has(optional.of({'a': 1}).b)", "false" },
        { "has({'a': 1}.?a.b)", "!" },
    };
    expr_expect_plain(ROWS(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_overflow_with_an_error),
        cmocka_unit_test(unsigned_integers_have_their_own_range),
        cmocka_unit_test(doubles_follow_ieee_754),
        cmocka_unit_test(numbers_of_different_types_meet_on_one_line),
        cmocka_unit_test(equality_is_defined_for_all_types),
        cmocka_unit_test(ordered_types_have_an_order),
        cmocka_unit_test(plus_joins_what_has_parts),
        cmocka_unit_test(times_add_and_subtract_within_their_range),
        cmocka_unit_test(logic_takes_the_operand_that_decides_over_an_error),
        cmocka_unit_test(lists_and_maps_are_indexed),
        cmocka_unit_test(what_is_no_index_or_key_says_so),
        cmocka_unit_test(has_tells_presence_not_value),
    };
    return cmocka_run_group_tests_name("expr_operators", tests, NULL, NULL);
}
