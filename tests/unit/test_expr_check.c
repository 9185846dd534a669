#include "expr_helpers.h"

struct type_row {
    const char *source;
    const char *type; /* as type_print has it, or "!TEXT" of the error */
};

static const struct type_field inner_fields[] = {
    { .name = STR_INIT("city"), .type = &type_string, .is_required = true },
    { .name = STR_INIT("codes"), .type = &type_list_dyn },
};
static const struct type inner_type = { .kind = TYPE_RECORD, .fields = inner_fields, .field_count = 2 };
static const struct type nullable_string = { .kind = TYPE_NULLABLE, .item = &type_string };
static const struct type_field alert_fields[] = {
    { .name = STR_INIT("severity_id"), .type = &type_int, .is_required = true },
    { .name = STR_INIT("title"), .type = &nullable_string },
    { .name = STR_INIT("place"), .type = &inner_type },
    { .name = STR_INIT("time"), .type = &type_timestamp },
};
static const struct type alert_type = { .kind = TYPE_RECORD, .fields = alert_fields, .field_count = 4 };
static const struct type open_type = {
    .kind = TYPE_RECORD, .fields = inner_fields, .field_count = 2, .is_open = true
};
static const struct type list_of_ints = { .kind = TYPE_LIST, .item = &type_int };
static const struct type nullable_place = { .kind = TYPE_NULLABLE, .item = &inner_type };
static const struct type places = { .kind = TYPE_LIST, .item = &nullable_place };
static const struct type nullable_places = { .kind = TYPE_NULLABLE, .item = &places };

static const struct expr_name names[] = {
    { STR_INIT("alert"), &alert_type },
    { STR_INIT("free"), &open_type },
    { STR_INIT("ints"), &list_of_ints },
    { STR_INIT("any"), &type_dyn },
    { STR_INIT("steps.a"), &alert_type },
    { STR_INIT("place"), &nullable_place },
    { STR_INIT("places"), &nullable_places },
};
static const struct expr_env env = { .names = names, .name_count = sizeof(names) / sizeof(names[0]) };
static const struct expr_env tolerant = {
    .names = names, .name_count = sizeof(names) / sizeof(names[0]), .is_tolerant = true
};

static void expect_types_in(const struct expr_env *in, const struct type_row *rows, size_t count)
{
    AUTO(buf) struct buf text = { 0 };
    size_t faults = 0;
    for (size_t i = 0; i < count; i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct err_info why = { 0 };
        struct expr *expr = NULL;
        buf_clear(&text);
        enum err err = expr_compile(&arena, in, str_of(rows[i].source), &expr, &why);
        faults += expr_compile_refusals(in, rows[i].source);
        if (err == ERR_OK)
            type_print(&text, expr_type(expr));
        else
            buf_printf(&text, "!%s", why.text);
        bool holds = rows[i].type[0] == '!'
            ? err == ERR_INVALID && str_contains(buf_str(&text), str_of(rows[i].type + 1)) && why.line > 0 &&
                strcmp(why.name, "expr_check") == 0
            : str_equal(buf_str(&text), str_of(rows[i].type));
        if (!holds)
            printf("%s\n  expected %s\n  got      %s\n", rows[i].source, rows[i].type, text.data);
        faults += !holds;
    }
    assert_int_equal(faults, 0);
}

static void expect_types(const struct type_row *rows, size_t count)
{
    expect_types_in(&env, rows, count);
}

static void types_are_found_out(void **state)
{
    (void)state;
    static const struct type_row rows[] = {
        { "1", "int" },
        { "1u + 2u", "uint" },
        { "1.0 / 2.0", "double" },
        { "'a' + 'b'", "string" },
        { "b'a'", "bytes" },
        { "null", "null_type" },
        { "[1, 2]", "list(int)" },
        { "[1, 'a']", "list(dyn)" },
        { "[1] + dyn(['a'])", "list(dyn)" },
        { "dyn([1]) + ['a']", "list(dyn)" },
        { "[[]]", "list(list(dyn))" },
        { "[[], [1]]", "list(list(int))" },
        { "[]", "list(dyn)" },
        { "{}", "map(dyn, dyn)" },
        { "{'a': 1}", "map(string, int)" },
        { "{'a': 1, 2: 'b'}", "map(dyn, dyn)" },
        { "type(1)", "type(int)" },
        { "int", "type(int)" },
        { "true ? 1 : 2", "int" },
        { "true ? 1 : dyn('a')", "dyn" },
        { "[1].map(x, string(x))", "list(string)" },
        { "[1].filter(x, x > 0)", "list(int)" },
        { "{'a': 1}.map(k, k)", "list(string)" },
        { "['a'].transformMap(i, v, v.size())", "map(int, int)" },
        { "{'a': 1u}.transformList(k, v, v)", "list(uint)" },
        { "[1].all(x, x == 1)", "bool" },
        { "cel.bind(x, [1], x[0])", "int" },
        { "optional.of(1)", "optional_type(int)" },
        { "optional.none()", "optional_type(dyn)" },
        { "optional.none()['a']", "optional_type(dyn)" }, /* what indexing a list asks for is forgotten */
        { "{'a': 1}.?a", "optional_type(int)" },
        { "{'a': [1]}.?a[0]", "optional_type(int)" },
        { "optional.of(1).orValue(2)", "int" },
        { "optional.of([1]).optMap(l, l.size())", "optional_type(int)" },
        { "[?optional.of('a')]", "list(string)" },
        { "timestamp(0) - timestamp(1)", "google.protobuf.Duration" },
        { "timestamp(0).getHours()", "int" },
        { "'a,b'.split(',')", "list(string)" },
        { "ip('1.2.3.4')", "net.IP" },
        { "cidr('1.2.3.4/8').masked()", "net.CIDR" },
        { "alert.severity_id", "int" },
        { "alert.place.city", "string" },
        { "alert.time.getFullYear()", "int" },
        { "alert['severity_id']", "int" },
        { "alert.?title", "optional_type(string)" },
        { "steps.a.severity_id", "int" },
        { "free.anything.at.all", "dyn" },
        { "free.city", "string" },
        { "any.x[0].y + 1", "int" },
        { "ints.map(i, i * 2)", "list(int)" },
        { "has(alert.title)", "bool" },
        { "math.greatest(1, 2.0)", "dyn" },
        { "iocs('x').ipv4", "list(string)" },
        { "parse_url('x').port", "int" },
        { "parse_json('1')", "dyn" },
        { "[1, null]", "list(dyn)" },
        { "[alert, {'a': 1}]", "list(dyn)" },
        { "[{1: 'x'}, alert]", "list(dyn)" },
        { "[[alert], [free]]", "list(dyn)" },
        { "[alert, alert]", "list(map(string, dyn))" },
        { "true ? alert : {1: 2}", "!different types" },
        { "[{'a': 1}, {'a': dyn(1)}]", "list(map(string, dyn))" },
        { "[timestamp(0), null]", "list(google.protobuf.Timestamp)" },
    };
    expect_types(rows, sizeof(rows) / sizeof(rows[0]));
}

static void paths_over_lists_have_the_type_of_their_ends(void **state)
{
    (void)state;
    static const struct type_row rows[] = {
        { "[{'a': 1}][*].a", "list(int)" },
        { "[{'a': 1}][*].?a", "list(int)" },
        { "[{'a': [1u]}][*].a[*]", "list(uint)" },
        { "[{'a': [{'b': 'c'}]}][*].?a[*].?b", "list(string)" },
        { "[alert][*].place.city", "list(string)" },
        { "[alert][*].?place.city", "list(string)" },
        { "ints[*]", "list(int)" },
        { "any[*].x", "list(dyn)" },
        { "any.?x[*].y[*].?z", "list(dyn)" },
        { "alert.?time[*]", "!no such overload: google.protobuf.Timestamp[*]" },
        { "alert[*].title", "!no such overload: map(string, dyn)[*]" },
        { "[alert][*].severty_id", "!did you mean 'severity_id'?" },
    };
    expect_types(rows, sizeof(rows) / sizeof(rows[0]));
}

static void what_can_never_work_is_refused_with_a_mend(void **state)
{
    (void)state;
    static const struct type_row rows[] = {
        { "alert.severty_id", "!no field 'severty_id'; did you mean 'severity_id'?" },
        { "alert['severty_id']", "!did you mean 'severity_id'?" },
        { "alert.?severty_id", "!did you mean 'severity_id'?" },
        { "has(alert.severty_id)", "!did you mean 'severity_id'?" },
        { "alert.place.cty", "!did you mean 'city'?" },
        { "alrt.title", "!undeclared reference to 'alrt'; did you mean 'alert'?" },
        { "alert.severity_id.x", "!a value of type int has no fields" },
        { "ints.x", "!a value of type list(int) has no fields" },
        { "alert.place[0]", "!" },
        { "alert.severity_id + 'a'", "!operator '+' is not for (int, string)" },
        { "alert.severity_id == 'high'", "!operator '==' is not for (int, string)" },
        { "!1", "!operator '!' is not for (int)" },
        { "-'a'", "!operator '-' is not for (string)" },
        { "'a'.sise()", "!no function 'sise'; did you mean 'size'?" },
        { "math.abss(1)", "!did you mean 'math.abs'?" },
        { "size(1)", "!no such overload: size(int)" },
        { "'a'.startsWith(1)", "!no such overload: string.startsWith(int)" },
        { "ints.map(i, i.x)", "!has no fields" },
        { "alert.severity_id.map(x, x)", "!map() goes over a list or a map, not over int" },
        { "[1].filter(x, x)", "!the predicate must be bool, not int" },
        { "1 ? 2 : 3", "!the condition in front of '?' must be bool" },
        { "true ? 1 : 'a'", "!the branches of '?:' have different types" },
        { "1 && true", "!an operand of '&&' must be bool, not int" },
        { "google.protobuf.Int64Value{value: 1}", "!no message type" },
        { "optional.of(1).optFlatMap(x, x)", "!" },
        { "'a'.matches('(')", "!pattern is wrong" },
    };
    expect_types(rows, sizeof(rows) / sizeof(rows[0]));
}

/* "READS a.b" or "TESTS a.b", one a line. */
static void print_references(const struct expr *expr, struct buf *text)
{
    uint32_t count = 0;
    const struct expr_reference *references = expr_references(expr, &count);
    buf_clear(text);
    for (uint32_t i = 0; i < count; i++) {
        buf_printf(text, "%s%s %.*s", i > 0 ? "; " : "", references[i].kind == EXPR_READS ? "reads" : "tests",
            STR_ARG(references[i].root));
        for (uint32_t k = 0; k < references[i].field_count; k++)
            buf_printf(text, ".%.*s", STR_ARG(references[i].fields[k]));
        assert_true(references[i].line > 0 && references[i].column > 0 && references[i].type != NULL);
    }
}

static void references_tell_what_is_read_and_what_is_tested(void **state)
{
    (void)state;
    static const struct {
        const char *source, *references;
    } rows[] = {
        { "1 + 2", "" },
        { "any", "reads any" },
        { "any.a.b.c", "reads any.a.b.c" },
        { "any['a'].b", "reads any.a.b" },
        { "any.a[0].b", "reads any.a" },
        { "has(any.a.b)", "reads any.a; tests any.a.b" },
        { "any.a.?b.c", "reads any.a; tests any.a.b.c" },
        { "any.?a", "tests any.a" },
        { "any.a + any.b", "reads any.a; reads any.b" },
        { "any.list.map(x, x.y + any.z)", "reads any.list; reads any.z" },
        { "[dyn(1)].map(any, any.x)", "" },
        { "any.list[*]", "reads any.list" },
        { "any.list[*].x.y", "reads any.list.x.y" },
        { "any.list[*].x[*].y", "reads any.list.x.y" },
        { "any.list[*].?x.y", "reads any.list; tests any.list.x.y" },
        { "any.?list[*].x", "tests any.list.x" },
        { "any.list[*].x['y'].size()", "reads any.list.x.y" },
        { "any.list[*].x[any.i]", "reads any.list.x; reads any.i" },
        { "any.f(1)[*].x", "!" },
        { "any.list.filter(x, x.z)[*].y", "reads any.list" },
        { "any[*].x", "reads any.x" },
        { "[1].map(any, .any.x)", "reads any.x" },
        { "steps.a.title", "reads steps.a.title" },
        { "any.f(alert.title)", "!" },
        { "size(alert.place.city)", "reads alert.place.city" },
        { "cel.bind(v, any.a, v.b)", "reads any.a" },
        { "[any.a, any.b, any.c, any.d, any.e, any.f, any.g, any.h, any.i]",
            "reads any.a; reads any.b; reads any.c; reads any.d; reads any.e; reads any.f; reads any.g; "
            "reads any.h; "
            "reads any.i" },
    };
    AUTO(buf) struct buf text = { 0 };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct err_info why = { 0 };
        struct expr *expr = NULL;
        enum err err = expr_compile(&arena, &env, str_of(rows[i].source), &expr, &why);
        if (rows[i].references[0] == '!') {
            assert_int_equal(err, ERR_INVALID);
            continue;
        }
        if (err != ERR_OK)
            fail_msg("%s: %s", rows[i].source, why.text);
        print_references(expr, &text);
        if (!str_equal(buf_str(&text), str_of(rows[i].references)))
            fail_msg("%s: %s", rows[i].source, text.data ? text.data : "");
    }
}

static void types_as_text_go_there_and_back(void **state)
{
    (void)state;
    static const char *const good[] = { "dyn", "int", "list(int)", "map(string, list(dyn))",
        "optional_type(bool)", "google.protobuf.Timestamp", "google.protobuf.Duration", "net.IP", "net.CIDR",
        "null_type", "type(int)", "type", "list(type(list(string)))" };
    static const char *const bad[] = { "", "in", "list(", "list()", "map(int)", "map(int, )", "list(int) x",
        "foo(int)", "list(int", "int)", "optional_type(x)", "type(x)", "map(x, int)", "map(int, x)",
        "list(-)", "list({)", "list(:)", "list(A)", "list(Z9_.)", "list([)", "list(@)" };
    AUTO(arena) struct arena arena = { 0 };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        AUTO(buf) struct buf text = { 0 };
        const struct type *type = NULL;
        assert_int_equal(type_parse(&arena, str_of(good[i]), &type, NULL), ERR_OK);
        type_print(&text, type);
        assert_string_equal(text.data, good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const struct type *type = NULL;
        struct err_info why = { 0 };
        assert_int_equal(type_parse(&arena, str_of(bad[i]), &type, &why), ERR_INVALID);
        assert_true(why.text[0] != '\0');
    }
    const struct type *type = NULL;
    assert_int_equal(type_parse(&arena, STR(" list (\tint ) "), &type, NULL), ERR_OK);
    assert_int_equal(type_parse(&arena, STR("list"), &type, NULL), ERR_OK);
    assert_ptr_equal(type, &type_list_dyn);
    assert_int_equal(type_parse(&arena, STR("map"), &type, NULL), ERR_OK);
    assert_ptr_equal(type, &type_map_dyn);
    AUTO(buf) struct buf deep = { 0 };
    for (int i = 0; i < 10000; i++)
        buf_add_text(&deep, "list(");
    assert_int_equal(type_parse(&arena, buf_str(&deep), &type, NULL), ERR_LIMIT);
}

static void what_may_be_null_has_the_type_of_what_it_is_else(void **state)
{
    (void)state;
    static const struct type_row rows[] = {
        { "place.city", "string" },
        { "place['city']", "string" },
        { "place[?'city']", "optional_type(string)" },
        { "place.nope", "!no field 'nope'" },
        { "alert.zzzzzzzz", "!no field 'zzzzzzzz'" },
        { "places[*].city", "list(string)" },
        { "places.map(p, p.city)", "list(string)" },
        { "places[0].city", "string" },
        { "[alert.title, 'x']", "list(string)" },
        { "['x', alert.title]", "list(string)" },
        { "[null, alert.title, null]", "list(string)" },
        { "alert.title + 'x'", "string" },
        { "alert.title == null", "bool" },
        { "true ? alert.title : 'x'", "string" },
        { "true ? null : alert.title", "string" },
        { "[place, alert.place]", "list(map(string, dyn))" },
        { "[{'a': alert.title}, {'a': 'x'}]", "list(map(string, string))" },
        { "size(1, 2, 3, 4, 5, 6, 7, 8, 9)", "!no such overload" },
        { "{alert: 1}", "map(dyn, int)" },
        { "{[1]: 1}", "map(dyn, int)" },
        { "{1: alert.place, 2: {'a': 1}}", "map(int, dyn)" },
        { "[alert.place, {1: 2}]", "list(dyn)" },
        { "[{1: 2}, alert.place]", "list(dyn)" },
        { "[timestamp(alert.time), null, timestamp(alert.time)]", "list(google.protobuf.Timestamp)" },
        { "[null, ip('::1')]", "list(net.IP)" },
        { "[null, cidr('::1/1')]", "list(net.CIDR)" },
        { "[null, duration('1s')]", "list(google.protobuf.Duration)" },
        { "[null, optional.of(1)]", "list(optional_type(int))" },
        { "[null, 1]", "list(dyn)" },
        { "any.a + any.b", "dyn" },
        { "dyn(1) + 1", "int" },
        { "-any", "dyn" },
        { "[[]] + [[1]]", "list(list(int))" },
        { "{} == {'a': 1}", "bool" },
    };
    expect_types(rows, sizeof(rows) / sizeof(rows[0]));
}

/* For the linter: what has no overload and evaluates nevertheless. */
static void a_tolerant_check_takes_what_evaluates(void **state)
{
    (void)state;
    static const struct type_row rows[] = {
        { "1 == null", "bool" },
        { "null != 'a'", "bool" },
        { "1 == 1.0", "bool" },
        { "1u != 1", "bool" },
        { "1.0 == 1u", "bool" },
        { "1.0 == 'a'", "!operator '==' is not for (double, string)" },
        { "'a' == 1", "!operator '=='" },
        { "[1] + ['a']", "list(dyn)" },
        { "[1] + 'a'", "!operator '+'" },
        { "'a' + [1]", "!operator '+'" },
        { "'a' - 'b'", "!operator '-'" },
        { "-'a'", "!operator '-'" },
        { "optional.of('a').orValue(null)", "string" },
        { "optional.of(null).orValue('a')", "string" },
        { "optional.of('a').orValue(1)", "dyn" },
        { "'a'.orValue(1)", "!" },
        { "true ? 'a' : null", "string" },
        { "true ? null : 'a'", "string" },
        { "true ? 1 : 'a'", "dyn" },
        { "alert.nope", "dyn" },
        { "alert['nope']", "dyn" },
        { "(1).x", "dyn" },
        { "[alert.nope].map(x, x + 1)", "list(int)" },
        { "cel.bind(x, alert.nope, x)", "dyn" },
        { "steps.a.severity_id + steps.a.nope", "int" },
        { "[1].map(item, itemm)", "!did you mean 'item'?" },
        { "alert.place.map(k, k)", "list(string)" },
        { "[{'a': [1]}, {'a': [null]}, {'b': []}]", "list(dyn)" },
        { "[place, alert.title]", "list(dyn)" },
        { "[[1], [2.0]]", "list(dyn)" },
        { "lists.range(3).distinct().sort().reverse()", "list(int)" },
    };
    expect_types_in(&tolerant, rows, sizeof(rows) / sizeof(rows[0]));
}

static void names_beyond_their_room_are_no_names(void **state)
{
    (void)state;
    AUTO(buf) struct buf name = { 0 };
    static const char *const forms[] = { "%s", "a.%s", "%s.a", "a.%s.b", "%s(1)", "a.%s(1)", "%s.f(1)",
        "%s.b.f(1)" };
    static const size_t sizes[] = { 505, 510, 511, 512, 600 };
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
            AUTO(arena) struct arena arena = { 0 };
            struct expr_env inside = env;
            struct err_info why = { 0 };
            struct expr *expr;
            struct str source;
            buf_clear(&name);
            while (name.size < sizes[k])
                buf_add_byte(&name, 'x');
            assert_int_equal(arena_str(&arena, buf_str(&name), &source, NULL), ERR_OK);
            buf_clear(&name);
            const char *at = strchr(forms[i], '%');
            buf_add(&name, (struct str){ forms[i], (size_t)(at - forms[i]) });
            buf_add(&name, source);
            buf_add_text(&name, at + 2);
            inside.container = STR("steps.b");
            assert_int_equal(expr_compile(&arena, &inside, buf_str(&name), &expr, &why), ERR_INVALID);
            assert_string_equal(why.name, "expr_check");
        }
    }
}

/* Many generic calls in one expression: what the checker remembers of attempts grows with their number, not
 * with its square. */
static void checking_takes_memory_in_proportion(void **state)
{
    (void)state;
    AUTO(buf) struct buf source = { 0 };
    AUTO(arena) struct arena arena = { .bytes_max = 64 * 1024 * 1024 };
    struct err_info why = { 0 };
    struct expr *expr = NULL;
    buf_add_text(&source, "[size([])");
    for (int i = 0; i < 6000; i++)
        buf_add_text(&source, ",size([])");
    buf_add_text(&source, "]");
    assert_int_equal(expr_compile(&arena, &env, buf_str(&source), &expr, &why), ERR_OK);
}

/* Types that hold each other twice, and variables that lead to each other: both once took for ever. */
static void checking_ends_for_types_that_double_or_go_in_circles(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf source = { 0 };
    struct expr_env lenient = { .is_unchecked = false };
    struct err_info why = { 0 };
    struct expr *expr = NULL;
    buf_add_text(&source, "cel.bind(a, {'x': []}, ");
    for (int i = 0; i < 60; i++)
        buf_add_text(&source, "cel.bind(a, {a: [a]}, ");
    buf_add_text(&source, "a.size()");
    for (int i = 0; i <= 60; i++)
        buf_add_text(&source, ")");
    assert_int_equal(expr_compile(&arena, &lenient, buf_str(&source), &expr, &why), ERR_OK);
    static const char *const circles[] = {
        "cel.bind(a, null, cel.bind(a, [?a, a], a.optFlatMap(b, a)))",
        "cel.bind(a, {(null).optFlatMap(b, null): null}, {a: a, a: a})",
        "[optional.none(), optional.none().optFlatMap(b, optional.none()), null].map(a, [a, null])",
        "[[], [[]], null].map(a, [a, [a]])",
    };
    for (size_t i = 0; i < sizeof(circles) / sizeof(circles[0]); i++) {
        enum err err = expr_compile(&arena, &lenient, str_of(circles[i]), &expr, &why);
        assert_true(err == ERR_OK || err == ERR_INVALID); /* that it ends is what counts */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_found_out),
        cmocka_unit_test(paths_over_lists_have_the_type_of_their_ends),
        cmocka_unit_test(what_can_never_work_is_refused_with_a_mend),
        cmocka_unit_test(references_tell_what_is_read_and_what_is_tested),
        cmocka_unit_test(types_as_text_go_there_and_back),
        cmocka_unit_test(what_may_be_null_has_the_type_of_what_it_is_else),
        cmocka_unit_test(a_tolerant_check_takes_what_evaluates),
        cmocka_unit_test(names_beyond_their_room_are_no_names),
        cmocka_unit_test(checking_takes_memory_in_proportion),
        cmocka_unit_test(checking_ends_for_types_that_double_or_go_in_circles),
    };
    return cmocka_run_group_tests_name("expr_check", tests, NULL, NULL);
}
