#include "expr_helpers.h"

static void all_and_exists_take_what_decides_over_errors(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "[].all(x, false)", "true" },
        { "[].exists(x, true)", "false" },
        { "[1, 2, 3].all(x, x > 0)", "true" },
        { "[1, 2, 3].all(x, x > 1)", "false" },
        { "[1, 2, 3].exists(x, x == 3)", "true" },
        { "[1, 2, 3].exists(x, x == 4)", "false" },
        { "[0, 1].all(x, 1 / x > 5)", "false" },
        { "[1, 0].all(x, 1 / x > 0)", "!division" },
        { "[0, 1].all(x, 1 / x > 0)", "!division" },
        { "[0, 1].exists(x, 1 / x == 1)", "true" },
        { "[0, 2].exists(x, 1 / x == 1)", "!division" },
        { "[1, dyn('a')].all(x, x == 1)", "false" },
        { "[1, 2].exists(x, dyn(x))", "!no such overload" },
        { "[1, 2].exists(x, dyn(x == 2 ? dyn(true) : x))", "true" },
        { "{'a': 1, 'b': 2}.all(k, k < 'c')", "true" },
        { "{'a': 1, 'b': 2}.exists(k, k == 'b')", "true" },
        { "{1: 'x'}.all(k, k == 1)", "true" },
        { "dyn(1).all(x, true)", "!looped over" },
        { "dyn('abc').exists(x, true)", "!looped over" },
        { "dyn(null).map(x, x)", "!looped over" },
        { "[1].all(x, 1)", "!" },
    };
    expr_expect_plain(ROWS(rows));
}

static void exists_one_wants_exactly_one_and_no_error(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "[].exists_one(x, true)", "false" },
        { "[7].exists_one(x, x == 7)", "true" },
        { "[1, 2, 2].exists_one(x, x == 2)", "false" },
        { "[1, 2, 2].exists_one(x, x == 1)", "true" },
        { "[1, 0].exists_one(x, 1 / x == 1)", "!division" },
        { "{'a': 1, 'aa': 2}.exists_one(k, k.startsWith('aa'))", "true" },
        { "[5, 7, 8].existsOne(x, x % 5 == 0)", "true" },
        { "[1, 2, 3].existsOne(i, v, i + v == 3)", "true" },
        { "[1, 2].exists_one(x, dyn(x))", "!" },
    };
    expr_expect_plain(ROWS(rows));
}

static void map_and_filter_keep_order_and_pass_errors_on(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "[1, 2, 3].map(x, x * x)", "[1, 4, 9]" },
        { "[].map(x, x)", "[]" },
        { "[1, 2, 3, 4].map(x, x % 2 == 0, x * 10)", "[20, 40]" },
        { "{'one': 1, 'two': 2}.map(k, k)", "['one', 'two']" },
        { "[1, 0].map(x, 1 / x)", "!division" },
        { "[0, 1].map(x, x != 0, 1 / x)", "[1]" },
        { "[0, 1].map(x, 1 / x == 1, x)", "!division" },
        { "[1, 2, 3].filter(x, x > 1)", "[2, 3]" },
        { "{'one': 1, 'two': 2}.filter(k, k == 'one')", "['one']" },
        { "[1, 0].filter(x, 1 / x == 1)", "!division" },
        { "[1].filter(x, dyn(x))", "!no such overload" },
        { "[1, 2].map(x, [3, 4].map(y, x * y))", "[[3, 4], [6, 8]]" },
        { "[1, 2].map(x, [3].map(x, x))", "[[3], [3]]" },
        { "[[1, 2], [3]].map(x, x.filter(y, y > 1))", "[[2], [3]]" },
        { "[1, 2, 3].filter(x, x > 1).map(x, x + 1).exists(x, x == 4)", "true" },
        { "[1, 2].map(x, x, x)", "!" },
    };
    expr_expect_plain(ROWS(rows));
}

static void two_variables_stand_for_index_or_key_and_value(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "[5, 6].all(i, v, v == i + 5)", "true" },
        { "[5, 6].exists(i, v, i == 1 && v == 6)", "true" },
        { "{'a': 1, 'b': 2}.all(k, v, k != 'c' && v < 3)", "true" },
        { "{'a': 1}.exists(k, v, k == 'a' && v == 1)", "true" },
        { "[].all(i, v, false)", "true" },
        { "[0, 1].exists(i, v, 1 / v == 1)", "true" },
        { "[3, 4].transformList(i, v, i * v)", "[0, 4]" },
        { "[3, 4].transformList(i, v, i > 0, v)", "[4]" },
        { "{'b': 1, 'a': 2}.transformList(k, v, k)", "['b', 'a']" },
        { "[3, 4].transformMap(i, v, v * 2)", "{0: 6, 1: 8}" },
        { "{'a': 1, 'b': 2}.transformMap(k, v, v + 1)", "{'a': 2, 'b': 3}" },
        { "{'a': 1, 'b': 2}.transformMap(k, v, v > 1, v)", "{'b': 2}" },
        { "{'a': 1}.transformMapEntry(k, v, {v: k})", "{1: 'a'}" },
        { "{'a': 'x', 'b': 'x'}.transformMapEntry(k, v, {v: k})", "!repeated key" },
        { "[1, 2].transformMapEntry(i, v, v > 1, {v: i})", "{2: 1}" },
        { "{'a': 1}.transformMapEntry(k, v, {k: v, 'z': 9})", "{'a': 1, 'z': 9}" },
        { "{'a': 1}.transformMapEntry(k, v, {})", "{}" },
        { "{'a': 1}.transformMapEntry(k, v, k)", "!" },
        { "{'a': 0}.transformMap(k, v, 1 / v)", "!division" },
        { "[1].transformList(i, v, [2].transformList(i, w, i + v + w))", "[[3]]" },
    };
    expr_expect_plain(ROWS(rows));
}

static void bindings_are_evaluated_once_and_fail_where_they_are_read(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "cel.bind(x, 3, x * x)", "9" },
        { "cel.bind(x, 1, cel.bind(y, x + 1, x + y))", "3" },
        { "cel.bind(x, 1, cel.bind(x, x + 1, x))", "2" },
        { "cel.bind(x, 1 / 0, 5)", "5" },
        { "cel.bind(x, 1 / 0, x == 1 || true)", "true" },
        { "cel.bind(x, 1 / 0, x)", "!division" },
        { "cel.bind(x, [1, 2], x.map(y, y + x.size()))", "[3, 4]" },
        { "[1, 2].map(y, cel.bind(x, y * 2, x + 1))", "[3, 5]" },
        { "cel.bind(f, true, f ? 1 : 2)", "1" },
        { "cel.block([1, cel.index(0) + 1], cel.index(1) + cel.index(0))", "3" },
        { "cel.block([1 / 0], 5)", "5" },
        { "cel.block([1 / 0, cel.index(0) + 1], cel.index(1))", "!division" },
        { "cel.block([[1, 2]], cel.index(0).map(cel.iterVar(0, 0), cel.iterVar(0, 0) + 1))", "[2, 3]" },
        { "cel.block([], 1)", "1" },
        { "cel.block([1], cel.index(1))", "!" },
        { "cel.nothing(1)", "!" },
    };
    expr_expect_plain(ROWS(rows));
}

static void optionals_carry_absence_through_a_chain(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "optional.none().hasValue()", "false" },
        { "optional.of(null).hasValue()", "true" },
        { "optional.of(1).value()", "1" },
        { "optional.none().value()", "!no value" },
        { "optional.of(1).orValue(2)", "1" },
        { "optional.none().orValue(2)", "2" },
        { "optional.none().or(optional.of(3)).value()", "3" },
        { "optional.of(1).or(optional.none()).value()", "1" },
        { "optional.none().or(optional.none()).hasValue()", "false" },
        { "optional.ofNonZeroValue('').hasValue()", "false" },
        { "optional.ofNonZeroValue(0).hasValue()", "false" },
        { "optional.ofNonZeroValue(0u).hasValue()", "false" },
        { "optional.ofNonZeroValue(0.0).hasValue()", "false" },
        { "optional.ofNonZeroValue(false).hasValue()", "false" },
        { "optional.ofNonZeroValue([]).hasValue()", "false" },
        { "optional.ofNonZeroValue({}).hasValue()", "false" },
        { "optional.ofNonZeroValue(null).hasValue()", "false" },
        { "optional.ofNonZeroValue(b'').hasValue()", "false" },
        { "optional.ofNonZeroValue(duration('0')).hasValue()", "false" },
        { "optional.ofNonZeroValue('a')", "optional.of('a')" },
        { "{'a': {'b': 1}}.?a.b", "optional.of(1)" },
        { "{'a': {'b': 1}}.?a.?b.orValue(0)", "1" },
        { "{'a': dyn({'b': 1})}.?x.b.c.d.orValue(0)", "0" },
        { "{'a': {'b': 1}}.?a.c.orValue(0)", "0" },
        { "{'a': 1}[?'a']", "optional.of(1)" },
        { "{'a': 1}[?'b'].orValue(5)", "5" },
        { "[1, 2][?1]", "optional.of(2)" },
        { "[1, 2][?5]", "optional.none()" },
        { "[1, 2][?-1]", "optional.none()" },
        { "{'a': [1]}.?a[0]", "optional.of(1)" },
        { "{'a': [1]}.?a[3].orValue(7)", "7" },
        { "{'a': [1]}.?b[?0].hasValue()", "false" },
        { "{'a': 1}.?a.b", "!has no fields" },
        { "dyn(1).?a", "!has no fields" },
        { "optional.of(2).optMap(x, x * x)", "optional.of(4)" },
        { "optional.none().optMap(x, x * x).hasValue()", "false" },
        { "optional.of(2).optFlatMap(x, optional.of(x + 1))", "optional.of(3)" },
        { "optional.of(2).optFlatMap(x, optional.none()).hasValue()", "false" },
        { "optional.of(2).optFlatMap(x, x)", "!" },
        { "optional.of(0).optMap(x, 1 / x)", "!division" },
        { "optional.unwrap([optional.of(1), optional.none(), optional.of(3)])", "[1, 3]" },
        { "[optional.of(1), optional.none()].unwrapOpt()", "[1]" },
        { "[?optional.of(1), ?optional.none(), 3]", "[1, 3]" },
        { "{?'a': {'x': 1}.?x, ?'b': {}.?x}", "{'a': 1}" },
        { "[?1]", "!" },
        { "{?'a': 1}", "!" },
        { "1.value()", "!" },
        { "type(optional.none()) == optional_type", "true" },
        { "optional.of(optional.of(1)).value().value()", "1" },
        { "[1].first().value()", "1" },
        { "[].last().hasValue()", "false" },
    };
    expr_expect_plain(ROWS(rows));
}

static void paths_go_over_the_items_of_lists(void **state)
{
    (void)state;
    static const struct expr_row rows[] = {
        { "[{'a': 1}, {'a': 2}][*].a", "[1, 2]" },
        { "[{'a': {'b': 1}}, {'a': {'b': 2}}][*].a.b", "[1, 2]" },
        { "[{'a': 1}, {'b': 2}][*].a", "!no such key: a" },
        { "[{'a': 1}, {'b': 2}][*].?a", "[1]" },
        { "[{'a': {'b': 1}}, {'a': {'c': 1}}, {}][*].?a.b", "[1]" },
        { "[{'a': null}][*].?a", "[null]" },
        { "[{'a-b': 1}][*].`a-b` + [{'a': 2}][*]['a']", "[1, 2]" },
        { "[][*].a", "[]" },
        { "[1, 'x', null][*]", "[dyn(1), 'x', null]" },
        { "[[1, 2], [3]][*][0]", "[1, 3]" },
        { "[[1, 2], [3]][*][1]", "!out of bounds" },
        { "[[1, 2], [3]][*][?1]", "[2]" },
        /* A further [*] goes over what was found so far: one list, one level less. */
        { "[[1, 2], [], [3]][*][*]", "[1, 2, 3]" },
        { "[[[1], [2]], [[3]]][*][*]", "[[1], [2], [3]]" },
        { "[[[1], [2]], [[3]]][*][*][*]", "[1, 2, 3]" },
        { "[{'l': [{'v': 1}, {'v': 2}]}, {'l': []}, {'l': [{'v': 3}]}][*].l[*].v", "[1, 2, 3]" },
        { "[{'l': [{'v': 1}, {}]}, {}][*].?l[*].?v", "[1]" },
        { "[{'l': [{'v': 1}]}, {}][*].l[*].v", "!no such key: l" },
        { "[{'l': [{'v': [5, 6]}]}][*].l[*].v[1]", "[6]" },
        { "[{'l': {'v': 1}}][*].l[*].v", "!no such overload" },
        /* What stands behind the path is about the list. */
        { "[{'n': 'a'}, {'n': 'b'}][*].n.join(', ')", "'a, b'" },
        { "[{'n': 1}][*].n.map(x, x + 1)", "[2]" },
        { "[{'n': 1}, {'n': 1}][*].n.distinct()[0]", "1" },
        { "([{'n': 1}, {'n': 2}][*].n)[1]", "2" },
        { "([{'n': 1}, {'n': 2}][*].n)[*]", "[1, 2]" },
        { "[{'n': [1]}, {'n': [2, 3]}].filter(x, x.n.size() > 1)[*].n[*]", "[2, 3]" },
        { "[{'n': 1}][*].n + [7]", "[1, 7]" },
        { "2 in [{'n': 2}][*].n && ![{'n': true}][*].n.exists(x, !x)", "true" },
        { "[{'n': 1}] [ * ] . n", "[1]" },
        { "{'k': [{'n': 1}][*].n}", "{'k': [1]}" },
        { "[[1, 2]][*][[{'i': 1}][*].i[0]]",
            "!" }, /* the index's own path ends with it: a list is no index */
        { "[[1, 2]][*][([{'i': 1}][*].i)[0]]", "[2]" },
        { "[1, 2].map(x, [{'n': x}][*].n)", "[[1], [2]]" },
        /* Nothing is gone over when there is no list. */
        { "optional.none()[*]", "[]" },
        { "optional.of([{'n': 1}])[*].n", "[1]" },
        { "{'l': [{'n': 1}]}.?l[*].n + {'l': [{'n': 2}]}.?m[*].n", "[1]" },
        { "dyn({'l': 5}).?l[*]", "!no such overload: int[*]" },
        /* Of a map there are no items. */
        { "{'a': {'b': 1}}[*].b", "!no such overload: map(string, map(string, int))[*]" },
        { "dyn({'a': 1})[*]", "!m.transformList(key, v, v.field)" },
        { "'abc'[*]", "!no such overload: string[*]" },
        { "dyn(null)[*].a", "!no such overload: null_type[*]" },
        { "[{'a': 1}].a", "!x[*].f takes one from each item" },
        { "dyn([{'a': 1}]).a", "!x[*].f takes one from each item" },
        { "[1][*].a", "!has no fields" },
        { "has([{'a': 1}][*].a)", "!has() takes a field selection" },
        { "[1][*", "!" },
        { "[1][*]{a: 1}", "!" },
        { "[1][**]", "!" },
        { "[1][?*]", "!" },
        { "[*]", "!" },
        { "[1][*].@item", "!" },
        { "true[*]", "!no such overload: bool[*]" },
        { "if[*].a", "!reserved" },
        { "for.a[*].b", "!reserved" },
        { "[1].?a[*]", "!has no fields" },
    };
    expr_expect_plain(ROWS(rows));
}

static void names_resolve_from_the_inside_out(void **state)
{
    (void)state;
    struct expr_scope scope;
    expr_scope_open(&scope,
        "{\"x\":10,\"y\":{\"z\":20},\"size\":3,\"a.b\":1,\"a\":{\"b\":2,\"c\":3},"
        "\"n.s.v\":7,\"n.v\":8,\"v\":9,\"list\":[1]}");
    static const struct expr_row rows[] = {
        { "x", "10.0 == 10.0 ? 10 : 0" },
        { "[1].map(x, x)", "[1]" },
        { "[1].map(x, .x)", "[10]" },
        { "[1].exists(y, y == 1)", "true" },
        { "[{'z': 5}].map(y, y.z)", "[5]" },
        { "size([1]) + size", "4" },
        { "a.b", "1" },
        { "a.c", "3" },
        { "a['b']", "2" },
        { "[{'b': 5}].map(a, a.b)", "[5]" },
        { "y.z", "20" },
        { "cel.bind(x, 1, .x + x)", "11" },
        { "nothing", "!undeclared reference to 'nothing'" },
        { "siz", "!did you mean 'size'" },
        { "strin", "!did you mean 'string'" },
        { "a[?'c'].orValue(0) + a[?'z'].orValue(4)", "7" },
        { "x.y.z", "!" },
    };
    expr_expect(&scope, ROWS(rows));
    scope.env.container = STR("n.s");
    static const struct expr_row inside[] = {
        { "v", "7" },
        { ".v", "9" },
        { "x", "10" },
        { "s.v", "7" },
        { "n.v", "8" },
        { "[1].map(v, v)", "[1]" },
        { "math.abs(-1)", "1" },
        { "type(1) == int", "true" },
        { ".math.abs(-1)", "1" },
        { "size([1])", "1" },
        { "abs(-1)", "!" },
    };
    expr_expect(&scope, ROWS(inside));
    /* A function's name is looked for in the container too, the innermost first. */
    scope.env.container = STR("math.x");
    static const struct expr_row functions[] = {
        { "abs(-1)", "1" },
        { "math.abs(-1)", "1" },
        { ".abs(-1)", "!" },
        { "sqrt(4)", "2.0" },
    };
    expr_expect(&scope, ROWS(functions));
    expr_scope_close(&scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_and_exists_take_what_decides_over_errors),
        cmocka_unit_test(exists_one_wants_exactly_one_and_no_error),
        cmocka_unit_test(map_and_filter_keep_order_and_pass_errors_on),
        cmocka_unit_test(two_variables_stand_for_index_or_key_and_value),
        cmocka_unit_test(bindings_are_evaluated_once_and_fail_where_they_are_read),
        cmocka_unit_test(optionals_carry_absence_through_a_chain),
        cmocka_unit_test(paths_go_over_the_items_of_lists),
        cmocka_unit_test(names_resolve_from_the_inside_out),
    };
    return cmocka_run_group_tests_name("expr_macros", tests, NULL, NULL);
}
