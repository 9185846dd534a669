#include "expr_helpers.h"

#include "base/json.h"
#include "base/limits.h"

static const struct str levels[] = { STR_INIT("low"), STR_INIT("high") };
static const struct type level_type = { .kind = TYPE_STRING, .choices = levels, .choice_count = 2 };
static const struct type list_of_ints = { .kind = TYPE_LIST, .item = &type_int };
static const struct type nullable_string = { .kind = TYPE_NULLABLE, .item = &type_string };
static const struct type counts = { .kind = TYPE_MAP, .key = &type_string, .item = &type_int };
static const struct type_field inner_fields[] = {
    { .name = STR_INIT("city"), .type = &type_string, .is_required = true },
};
static const struct type any_type = { .kind = TYPE_TYPE };
static const struct type inner_type = { .kind = TYPE_RECORD, .fields = inner_fields, .field_count = 1 };
static const struct type_field fields[] = {
    { .name = STR_INIT("ip"), .type = &type_ip, .is_required = true },
    { .name = STR_INIT("level"), .type = &level_type },
    { .name = STR_INIT("note"), .type = &nullable_string },
    { .name = STR_INIT("ports"), .type = &list_of_ints },
    { .name = STR_INIT("counts"), .type = &counts },
    { .name = STR_INIT("place"), .type = &inner_type },
};
static const struct type record = { .kind = TYPE_RECORD, .fields = fields, .field_count = 6 };

#ifdef TOCSIN_REFUSALS
struct json_asked {
    struct str json;
    const struct type *type; /* NULL: it is typed JSON, which is to be read and printed */
};

static enum err read_json(void *context, struct buf *result, struct err_info *why)
{
    const struct json_asked *asked = context;
    AUTO(arena) struct arena arena = { 0 };
    struct value tree, v;
    TRY(json_parse(&arena, asked->json, NULL, &tree, why));
    if (asked->type != NULL)
        return type_check_value(asked->type, tree, why);
    TRY(typed_json_parse(&arena, tree, &v, why));
    typed_json_print(result, v);
    return result->failed ? err_memory(why) : ERR_OK;
}

static void expect_refusals(const char *json, const struct type *type)
{
    struct json_asked asked = { str_of(json), type };
    assert_int_equal(refusals_of_memory(json, read_json, &asked), 0);
}
#else
static void expect_refusals(const char *json, const struct type *type)
{
    (void)json, (void)type;
}
#endif

static void values_are_checked_with_the_path_of_what_does_not_fit(void **state)
{
    (void)state;
    static const struct {
        const char *json, *fault; /* NULL: it fits */
    } rows[] = {
        { "{\"ip\":\"192.0.2.1\"}", NULL },
        { "{\"ip\":\"192.0.2.1\",\"level\":\"low\",\"note\":null,\"ports\":[1,2],\"counts\":{\"a\":1},"
          "\"place\":{\"city\":\"x\"}}",
            NULL },
        { "{}", "ip" },
        { "{\"ip\":\"192.0.2.256\"}", "ip" },
        { "{\"ip\":7}", "ip" },
        { "{\"ip\":\"::1\",\"level\":\"mid\"}", "level" },
        { "{\"ip\":\"::1\",\"note\":7}", "note" },
        { "{\"ip\":\"::1\",\"ports\":[1,\"x\"]}", "ports[1]" },
        { "{\"ip\":\"::1\",\"ports\":null}", "ports" },
        { "{\"ip\":\"::1\",\"counts\":{\"a\":\"x\"}}", "counts.a" },
        { "{\"ip\":\"::1\",\"place\":{}}", "place.city" },
        { "{\"ip\":\"::1\",\"place\":{\"city\":1}}", "place.city" },
        { "{\"ip\":\"::1\",\"prots\":[]}", "did you mean 'ports'?" },
        { "{\"ip\":\"::1\",\"zzzzzzzz\":[]}", "zzzzzzzz: no such field" },
        { "{\"ip\":\"::1\",\"place\":{\"city\":\"x\",\"y\":1}}", "place.y: no such field" },
        { "[1]", "expected" },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct value v;
        struct err_info why = { 0 };
        assert_int_equal(json_parse(&arena, str_of(rows[i].json), NULL, &v, NULL), ERR_OK);
        expect_refusals(rows[i].json, &record);
        enum err err = type_check_value(&record, v, &why);
        if (rows[i].fault == NULL ? err != ERR_OK
                                  : err != ERR_INVALID || strstr(why.text, rows[i].fault) == NULL)
            fail_msg("%s: %s", rows[i].json, why.text);
    }
}

static void types_are_accepted_where_their_values_fit(void **state)
{
    (void)state;
    static const struct type list_dyn = { .kind = TYPE_LIST, .item = &type_dyn };
    static const struct type strings = { .kind = TYPE_LIST, .item = &type_string };
    static const struct type optional = { .kind = TYPE_OPTIONAL, .item = &type_int };
    static const struct type nullable_int = { .kind = TYPE_NULLABLE, .item = &type_int };
    static const struct type nullable_int_again = { .kind = TYPE_NULLABLE, .item = &type_int };
    static const struct type int_again = { .kind = TYPE_INT };
    static const struct {
        const struct type *to, *from;
        bool fits;
    } rows[] = {
        { &type_int, &type_int, true },
        { &type_int, &type_string, false },
        { &type_int, &type_uint, false },
        { &type_dyn, &record, true },
        { &type_int, &type_dyn, true },
        { &type_ip, &type_string, true },
        { &type_string, &type_ip, false },
        { &nullable_int, &type_null, true },
        { &nullable_int, &type_int, true },
        { &nullable_int, &type_string, false },
        { &type_int, &type_null, false },
        { &list_of_ints, &list_dyn, true },
        { &list_of_ints, &strings, false },
        { &optional, &type_int, false },
        { &counts, &inner_type, false },
        { &inner_type, &counts, true },
        { &record, &inner_type, false },
        { &type_string, &level_type, true },
        { &level_type, &type_string, true },
        { &nullable_int, &nullable_int_again, true },
        { &nullable_int, &nullable_string, false },
        { &type_ip, &type_cidr, false },
        { &int_again, &type_int, true },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err_info why = { 0 };
        bool fits = type_accepts(rows[i].to, rows[i].from, &why) == ERR_OK;
        if (fits != rows[i].fits)
            fail_msg("row %zu: %s", i, why.text);
        assert_true(fits || why.text[0] != '\0');
    }
}

static void each_kind_of_type_takes_its_own_values_alone(void **state)
{
    (void)state;
    static const struct type timestamps = { .kind = TYPE_LIST, .item = &type_timestamp };
    static const struct type optional = { .kind = TYPE_OPTIONAL, .item = &type_int };
    static const struct type by_number = { .kind = TYPE_MAP, .key = &type_int, .item = &type_int };
    static const struct type parameter = { .kind = TYPE_PARAMETER, .name = STR_INIT("A") };
    static const struct type open = {
        .kind = TYPE_RECORD, .fields = inner_fields, .field_count = 1, .is_open = true
    };
    static const struct {
        const struct type *type;
        const char *source;
        bool fits;
    } rows[] = {
        { &type_null, "null", true },
        { &type_null, "1", false },
        { &type_bool, "true", true },
        { &type_bool, "1", false },
        { &type_uint, "1u", true },
        { &type_uint, "1", false },
        { &type_double, "1.5", true },
        { &type_double, "1", true },
        { &type_double, "1u", true },
        { &type_double, "'1'", false },
        { &type_int, "1.0", false },
        { &type_bytes, "b'x'", true },
        { &type_bytes, "'x'", false },
        { &type_timestamp, "timestamp('2026-01-01T00:00:00Z')", true },
        { &type_timestamp, "duration('1s')", false },
        { &type_duration, "duration('1s')", true },
        { &type_duration, "1", false },
        { &any_type, "int", true },
        { &any_type, "'int'", false },
        { &type_ip, "ip('192.0.2.1')", true },
        { &type_ip, "'192.0.2.1/8'", false },
        { &type_ip, "''", false },
        { &type_ip, "'1234567890123456789012345678901234567890123456789012345678901234'", false },
        { &type_ip, "'192.0.2.1\\u0000'", false },
        { &type_cidr, "cidr('10.0.0.0/8')", true },
        { &type_cidr, "'10.0.0.0/8'", true },
        { &type_cidr, "'10.0.0.0/33'", false },
        { &type_cidr, "'10.0.0.0/x'", false },
        { &type_cidr, "'2001:db8::/64'", true },
        { &type_cidr, "'2001:db8::/129'", false },
        { &type_cidr, "'10.0.0.0'", false },
        { &type_cidr, "'/8'", false },
        { &optional, "optional.none()", true },
        { &optional, "optional.of(1)", true },
        { &optional, "optional.of('x')", false },
        { &timestamps, "[timestamp('2026-01-01T00:00:00Z'), 1]", false },
        { &by_number, "{1: 2}", true },
        { &by_number, "{'a': 2}", false },
        { &inner_type, "{'city': 'x', 1: 2}", false },
        { &type_dyn, "[1, 'a']", true },
        { &type_error, "1", true },
        { &parameter, "1", true },
        { &open, "{'city': 'x', 'zip': 1}", true },
        { &open, "{'zip': 1}", false },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct expr_env env = { .is_unchecked = true };
        struct expr *expr;
        struct value v;
        struct err_info why = { 0 };
        assert_int_equal(expr_compile(&arena, &env, str_of(rows[i].source), &expr, NULL), ERR_OK);
        assert_int_equal(expr_eval(expr, &arena, NULL, NULL, &v, NULL), ERR_OK);
        if ((type_check_value(rows[i].type, v, &why) == ERR_OK) != rows[i].fits)
            fail_msg("%s: %s", rows[i].source, why.text);
    }
}

static void types_are_equal_when_all_their_parts_are(void **state)
{
    (void)state;
    static const struct type_field other_fields[] = { { .name = STR_INIT("city"), .type = &type_int } };
    static const struct type_field named_fields[] = { { .name = STR_INIT("town"), .type = &type_string } };
    static const struct type same = { .kind = TYPE_RECORD, .fields = inner_fields, .field_count = 1 },
                             other = { .kind = TYPE_RECORD, .fields = other_fields, .field_count = 1 },
                             named = { .kind = TYPE_RECORD, .fields = named_fields, .field_count = 1 },
                             open = { .kind = TYPE_RECORD,
                                 .fields = inner_fields,
                                 .field_count = 1,
                                 .is_open = true },
                             more = { .kind = TYPE_RECORD, .fields = fields, .field_count = 6 },
                             counts_again = { .kind = TYPE_MAP, .key = &type_string, .item = &type_int },
                             names = { .kind = TYPE_MAP, .key = &type_string, .item = &type_string },
                             by_number = { .kind = TYPE_MAP, .key = &type_int, .item = &type_int },
                             ints = { .kind = TYPE_LIST, .item = &type_int },
                             a = { .kind = TYPE_PARAMETER, .name = STR_INIT("A") },
                             a_again = { .kind = TYPE_PARAMETER, .name = STR_INIT("A") },
                             a_bound = { .kind = TYPE_PARAMETER, .name = STR_INIT("A"), .variable = 1 },
                             b = { .kind = TYPE_PARAMETER, .name = STR_INIT("B") },
                             type_of_int = { .kind = TYPE_TYPE, .item = &type_int },
                             type_of_string = { .kind = TYPE_TYPE, .item = &type_string },
                             type_of_int_again = { .kind = TYPE_TYPE, .item = &type_int },
                             any_type_again = { .kind = TYPE_TYPE }, int_again = { .kind = TYPE_INT };
    static const struct {
        const struct type *a, *b;
        bool is_equal;
    } rows[] = { { &type_int, &type_int, true }, { &type_int, &type_uint, false }, { NULL, NULL, true },
        { &type_int, NULL, false }, { NULL, &type_int, false }, { &inner_type, &same, true },
        { &inner_type, &other, false }, { &inner_type, &named, false }, { &inner_type, &open, false },
        { &inner_type, &more, false }, { &list_of_ints, &ints, true },
        { &list_of_ints, &type_list_dyn, false }, { &counts, &counts_again, true },
        { &counts, &names, false }, { &counts, &by_number, false }, { &a, &a_again, true }, { &a, &b, false },
        { &a, &a_bound, false }, { &type_of_int, &type_of_int_again, true },
        { &type_of_int, &type_of_string, false }, { &type_of_int, &any_type, false },
        { &any_type, &type_of_int, false }, { &any_type, &any_type_again, true },
        { &type_int, &int_again, true } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (type_equal(rows[i].a, rows[i].b) != rows[i].is_equal)
            fail_msg("row %zu", i);
    }
}

static void records_and_maps_are_accepted_field_by_field(void **state)
{
    (void)state;
    static const struct type_field optional_city[] = { { .name = STR_INIT("city"), .type = &type_string } },
                                   number_city[] = { { .name = STR_INIT("city"), .type = &type_int } },
                                   more_fields[] = { { .name = STR_INIT("city"), .type = &type_string },
                                       { .name = STR_INIT("zip"), .type = &type_string } };
    static const struct str one_level[] = { STR_INIT("low") }, odd_level[] = { STR_INIT("odd") };
    static const struct type may = { .kind = TYPE_RECORD, .fields = optional_city, .field_count = 1 },
                             number = { .kind = TYPE_RECORD, .fields = number_city, .field_count = 1 },
                             more = { .kind = TYPE_RECORD, .fields = more_fields, .field_count = 2 },
                             none = { .kind = TYPE_RECORD }, open = { .kind = TYPE_RECORD, .is_open = true },
                             names = { .kind = TYPE_MAP, .key = &type_string, .item = &type_string },
                             by_number = { .kind = TYPE_MAP, .key = &type_int, .item = &type_string },
                             low = { .kind = TYPE_STRING, .choices = one_level, .choice_count = 1 },
                             odd = { .kind = TYPE_STRING, .choices = odd_level, .choice_count = 1 },
                             parameter = { .kind = TYPE_PARAMETER, .name = STR_INIT("A") };
    static const struct {
        const struct type *to, *from;
        bool fits;
    } rows[] = { { &inner_type, &may, true }, { &inner_type, &number, false }, { &inner_type, &more, false },
        { &more, &inner_type, true }, { &inner_type, &none, false }, { &inner_type, &open, true },
        { &open, &more, true }, { &names, &more, true }, { &names, &number, false },
        { &by_number, &more, false }, { &names, &by_number, false }, { &by_number, &names, false },
        { &counts, &names, false }, { &names, &names, true }, { &level_type, &low, true },
        { &level_type, &odd, false }, { &type_int, &type_error, true }, { &type_error, &type_int, true },
        { &parameter, &type_int, true }, { &type_int, &parameter, true },
        { &type_cidr, &type_string, true } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct err_info why = { 0 };
        bool fits = type_accepts(rows[i].to, rows[i].from, &why) == ERR_OK;
        if (fits != rows[i].fits)
            fail_msg("row %zu: %s", i, why.text);
    }
}

static void types_are_printed_by_their_names(void **state)
{
    (void)state;
    static const struct type named = { .kind = TYPE_PARAMETER, .name = STR_INIT("A") },
                             unnamed = { .kind = TYPE_PARAMETER, .variable = 1 };
    static const struct {
        const struct type *type;
        const char *text;
    } rows[] = { { &named, "A" }, { &unnamed, "dyn" }, { &type_error, "!error!" },
        { &nullable_string, "string" }, { &record, "map(string, dyn)" }, { &any_type, "type" } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO(buf) struct buf text = { 0 };
        type_print(&text, rows[i].type);
        assert_string_equal(text.data, rows[i].text);
    }
    assert_ptr_equal(type_of_scalar((struct value){ .type = VALUE_LIST }), &type_dyn);
    assert_ptr_equal(type_nearest_field(&record, STR("ports")), &fields[3]);
    assert_ptr_equal(type_nearest_field(&record, STR("prts")), &fields[3]);
    assert_null(type_nearest_field(&record, STR("unlike")));
}

static void plain_is_what_can_hold_no_text_of_its_own(void **state)
{
    (void)state;
    static const struct type choices = { .kind = TYPE_LIST, .item = &level_type },
                             optional = { .kind = TYPE_OPTIONAL, .item = &type_ip };
    static const struct {
        const struct type *type;
        bool is_plain;
    } rows[] = { { &type_int, true }, { &type_cidr, true }, { &any_type, true }, { &type_string, false },
        { &level_type, true }, { &choices, true }, { &optional, true }, { &nullable_string, false },
        { &list_of_ints, true }, { &counts, false }, { &record, false }, { &type_dyn, false },
        { &type_bytes, false } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(type_is_plain(rows[i].type), rows[i].is_plain);
}

static void values_of_a_type_are_no_deeper_than_their_limit(void **state)
{
    (void)state;
    static struct type types[VALUE_DEPTH_MAX + 3];
    static struct value values[VALUE_DEPTH_MAX + 3];
    struct err_info why = { 0 };
    types[0] = type_int;
    values[0] = value_int(1);
    for (size_t i = 1; i < VALUE_DEPTH_MAX + 3; i++) {
        types[i] = (struct type){ .kind = TYPE_LIST, .item = &types[i - 1] };
        values[i] = (struct value){ .type = VALUE_LIST, .size = 1, .items = &values[i - 1] };
    }
    assert_int_equal(type_check_value(&types[VALUE_DEPTH_MAX], values[VALUE_DEPTH_MAX], &why), ERR_OK);
    assert_int_equal(
        type_check_value(&types[VALUE_DEPTH_MAX + 1], values[VALUE_DEPTH_MAX + 1], &why), ERR_LIMIT);
    assert_string_equal(why.name, "VALUE_DEPTH_MAX");
}

static void sinks_have_names(void **state)
{
    (void)state;
    for (enum type_sink sink = SINK_NONE + 1; sink < SINK_COUNT; sink++) {
        enum type_sink read = SINK_NONE;
        assert_true(type_sink_parse(str_of(type_sink_name(sink)), &read));
        assert_int_equal(read, sink);
    }
    enum type_sink untouched = SINK_NONE;
    assert_false(type_sink_parse(STR(""), &untouched));
    assert_false(type_sink_parse(STR("shel"), &untouched));
    assert_int_equal(untouched, SINK_NONE);
}

/* Texts from outside, where a field of the type is one of a shell. */
static void what_goes_into_a_sink_is_safe_for_it(void **state)
{
    (void)state;
    static const struct type_field inner[] = {
        { .name = STR_INIT("line"), .type = &type_dyn, .sink = SINK_SHELL }
    };
    static const struct type line_type = { .kind = TYPE_RECORD, .fields = inner, .field_count = 1 },
                             nullable_line = { .kind = TYPE_NULLABLE, .item = &line_type },
                             lines = { .kind = TYPE_LIST, .item = &nullable_line },
                             by_name = { .kind = TYPE_MAP, .key = &type_string, .item = &line_type };
    static const struct type_field outer[] = { { .name = STR_INIT("lines"), .type = &lines },
        { .name = STR_INIT("by_name"), .type = &by_name },
        { .name = STR_INIT("note"), .type = &type_string } };
    static const struct type whole = { .kind = TYPE_RECORD, .fields = outer, .field_count = 3 };
    static const struct {
        const char *json;
        const char *place; /* NULL: it is safe */
    } rows[] = { { "{\"note\":\"a\"}", NULL }, { "{\"lines\":[{\"line\":1},{\"line\":null},{}]}", NULL },
        { "{\"lines\":[null,{\"line\":\"a\"}]}", "lines[1].line" },
        { "{\"lines\":[{\"line\":[1,[\"a\"]]}]}", "lines[0].line" },
        { "{\"lines\":[{\"line\":{\"a\":1}}]}", "lines[0].line" },
        { "{\"by_name\":{\"x\":{\"line\":1},\"y\":{\"line\":\"a\"}}}", "by_name.y.line" },
        { "{\"by_name\":{}}", NULL }, { "{\"lines\":[{\"line\":{}}]}", NULL }, { "{\"lines\":\"a\"}", NULL },
        { "[]", NULL } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct json_options outside = { .flags = VALUE_OUTSIDE };
        struct value v;
        struct err_info why = { 0 };
        assert_int_equal(json_parse(&arena, str_of(rows[i].json), &outside, &v, NULL), ERR_OK);
        enum err err = type_check_sinks(&whole, v, &why);
        if (rows[i].place == NULL ? err != ERR_OK
                                  : err != ERR_INVALID || strstr(why.text, rows[i].place) == NULL)
            fail_msg("%s: %s", rows[i].json, why.text);
        /* The same from inside is nobody's concern. */
        assert_int_equal(json_parse(&arena, str_of(rows[i].json), NULL, &v, NULL), ERR_OK);
        assert_int_equal(type_check_sinks(&whole, v, &why), ERR_OK);
    }
}

/* A map of the one field `line`, against `line_type`. */
static enum err check_line(const struct type *line_type, struct value line)
{
    AUTO(arena) struct arena arena = { 0 };
    struct value_map_builder map;
    value_map_begin(&map, &arena);
    assert_int_equal(value_map_add(&map, value_string(STR("line")), line, NULL), ERR_OK);
    return type_check_sinks(line_type, value_map_end(&map), NULL);
}

static void an_encoded_text_is_safe_for_its_sink_wherever_it_is(void **state)
{
    (void)state;
    static const struct type_field inner[] = {
        { .name = STR_INIT("line"), .type = &type_dyn, .sink = SINK_SHELL }
    };
    static const struct type line_type = { .kind = TYPE_RECORD, .fields = inner, .field_count = 1 },
                             optional_line = { .kind = TYPE_OPTIONAL, .item = &line_type };
    static const struct type_field outer[] = { { .name = STR_INIT("line"), .type = &optional_line } };
    static const struct type whole = { .kind = TYPE_RECORD, .fields = outer, .field_count = 1 };
    struct value text = value_string(STR("'a'")), none = { .type = VALUE_OPTIONAL };
    struct value some = { .type = VALUE_OPTIONAL, .inside = &text };
    static const uint8_t unsafe[] = { VALUE_OUTSIDE, VALUE_OUTSIDE | VALUE_SAFE_FOR(SINK_SQL) };
    text.flags = VALUE_OUTSIDE | VALUE_SAFE_FOR(SINK_SHELL);
    assert_int_equal(check_line(&line_type, text), ERR_OK);
    assert_int_equal(check_line(&line_type, some), ERR_OK);
    assert_int_equal(check_line(&line_type, none), ERR_OK);
    assert_int_equal(check_line(&whole, none), ERR_OK);
    for (size_t i = 0; i < sizeof(unsafe); i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct value_map_builder map;
        text.flags = unsafe[i];
        assert_int_equal(check_line(&line_type, text), ERR_INVALID);
        assert_int_equal(check_line(&line_type, some), ERR_INVALID);
        value_map_begin(&map, &arena);
        assert_int_equal(value_map_add(&map, text, value_int(1), NULL), ERR_OK);
        assert_int_equal(check_line(&line_type, value_map_end(&map)), ERR_INVALID);
        value_map_begin(&map, &arena);
        assert_int_equal(value_map_add(&map, value_string(STR("line")), text, NULL), ERR_OK);
        struct value held = value_map_end(&map);
        some.inside = &held;
        assert_int_equal(check_line(&whole, some), ERR_INVALID);
        some.inside = &text;
    }
    assert_int_equal(type_check_value(&type_int, (struct value){ .type = VALUE_SECRET }, NULL), ERR_OK);
}

/* Everything that typed JSON prints reads back as the same value of the same type. */
static void typed_json_goes_there_and_back(void **state)
{
    (void)state;
    static const char *const sources[] = { "null", "true", "-9223372036854775808", "18446744073709551615u",
        "1.5", "-0.0", "double('nan')", "false", "double('inf')", "double('-inf')", "1e300",
        "'a\\u0000\\u00e9\\U0001F600'", "b'\\x00\\xff'", "[]", "[1, [2u], null]", "{}",
        "{'a': 1, 2: 'b', true: 3u, 4u: {}}", "timestamp('2026-01-02T03:04:05.000000006Z')",
        "timestamp('0001-01-01T00:00:00Z')", "duration('-1.5s')", "duration('0')", "int", "optional.none()",
        "optional.of([1])", "ip('2001:db8::1')", "cidr('10.0.0.0/8')" };
    struct expr_scope scope;
    AUTO(buf) struct buf text = { 0 };
    AUTO(buf) struct buf again = { 0 };
    expr_scope_open(&scope, "{}");
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct value tree, v;
        expr_run(&scope, sources[i], false, &text);
        assert_int_equal(json_parse(&arena, buf_str(&text), NULL, &tree, NULL), ERR_OK);
        if (typed_json_parse(&arena, tree, &v, NULL) != ERR_OK)
            fail_msg("%s", text.data);
        expect_refusals(text.data, NULL);
        buf_clear(&again);
        typed_json_print(&again, v);
        assert_string_equal(again.data, text.data);
    }
    expr_scope_close(&scope);
}

static void typed_json_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "1", "null", "[]", "{}", "{\"int\":1.5}", "{\"int\":\"x\"}",
        "{\"int\":\"9223372036854775808\"}", "{\"uint\":\"-1\"}", "{\"double\":\"x\"}", "{\"bytes\":\"%\"}",
        "{\"list\":1}", "{\"map\":[1]}", "{\"map\":[[{\"int\":\"1\"}]]}",
        "{\"map\":[[{\"list\":[]},{\"int\":\"1\"}]]}", "{\"timestamp\":\"x\"}", "{\"duration\":\"x\"}",
        "{\"what\":1}", "{\"list\":[1]}", "{\"map\":[[1,{\"int\":\"1\"}]]}",
        "{\"map\":[[{\"int\":\"1\"},1]]}", "{\"map\":{}}", "{\"optional\":1}", "{\"bool\":1}", "{\"null\":1}",
        "{\"ip\":\"x\"}", "{\"cidr\":\"10.0.0.0\"}", "{\"int\":\"1\",\"uint\":\"1\"}", "{\"bool\":\"true\"}",
        "{\"string\":1}" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct value tree, v;
        struct err_info why = { 0 };
        assert_int_equal(json_parse(&arena, str_of(bad[i]), NULL, &tree, NULL), ERR_OK);
        if (typed_json_parse(&arena, tree, &v, &why) != ERR_INVALID || why.text[0] == '\0')
            fail_msg("%s was taken", bad[i]);
    }
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf text = { 0 };
    struct value tree, v;
    struct str twice = STR("{\"map\":[[{\"int\":\"1\"},{\"int\":\"1\"}],[{\"int\":\"1\"},{\"int\":\"2\"}]]}");
    assert_int_equal(json_parse(&arena, twice, NULL, &tree, NULL), ERR_OK);
    assert_int_equal(typed_json_parse(&arena, tree, &v, NULL), ERR_CONFLICT);
    typed_json_print(&text, (struct value){ .type = VALUE_SECRET });
    assert_string_equal(text.data, "{\"secret\":\"(secret)\"}");
}

static const struct value *only_item(const struct value *list)
{
    assert_int_equal(list->size, 1);
    return list->items;
}

/* Words that the type lists are nobody's own, as long as it is they that came. */
static void what_a_tool_answers_is_from_outside_but_for_listed_words(void **state)
{
    (void)state;
    static const struct type rows = { .kind = TYPE_LIST, .item = &record };
    static const struct {
        const char *json, *field;
        bool is_outside;
    } cases[] = {
        { "[{\"level\":\"low\"}]", "level", false },
        { "[{\"level\":\"; rm -rf\"}]", "level", true },
        { "[{\"level\":[\"low\"]}]", "level", true },
        { "[{\"note\":\"low\"}]", "note", true },
        { "[{\"place\":{\"city\":\"low\"}}]", "place", true },
        { "[{\"else\":\"low\"}]", "else", true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct value given, marked, again;
        struct value_marks marks = value_marks_none(1000);
        assert_int_equal(json_parse(&arena, str_of(cases[i].json), NULL, &given, NULL), ERR_OK);
        assert_int_equal(type_mark_outside(&arena, &rows, given, &marked, NULL), ERR_OK);
        value_marks_add(
            &marks, value_part_of(marked, value_get(*only_item(&marked), str_of(cases[i].field))));
        assert_int_equal(marks.is_outside, cases[i].is_outside);
        assert_true(value_equal(given, marked));
        /* Of a type without such words all is marked, and a second time nothing is to be done. */
        assert_int_equal(type_mark_outside(&arena, &type_dyn, given, &marked, NULL), ERR_OK);
        assert_int_equal(type_mark_outside(&arena, &type_dyn, marked, &again, NULL), ERR_OK);
        assert_ptr_equal(marked.items, again.items);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_checked_with_the_path_of_what_does_not_fit),
        cmocka_unit_test(types_are_accepted_where_their_values_fit),
        cmocka_unit_test(each_kind_of_type_takes_its_own_values_alone),
        cmocka_unit_test(types_are_equal_when_all_their_parts_are),
        cmocka_unit_test(records_and_maps_are_accepted_field_by_field),
        cmocka_unit_test(types_are_printed_by_their_names),
        cmocka_unit_test(plain_is_what_can_hold_no_text_of_its_own),
        cmocka_unit_test(values_of_a_type_are_no_deeper_than_their_limit),
        cmocka_unit_test(sinks_have_names),
        cmocka_unit_test(what_goes_into_a_sink_is_safe_for_it),
        cmocka_unit_test(an_encoded_text_is_safe_for_its_sink_wherever_it_is),
        cmocka_unit_test(what_a_tool_answers_is_from_outside_but_for_listed_words),
        cmocka_unit_test(typed_json_goes_there_and_back),
        cmocka_unit_test(typed_json_that_is_none_is_refused),
    };
    return cmocka_run_group_tests_name("expr_type", tests, NULL, NULL);
}
