#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/pack.h"
#include "base/text.h"
#include "shared_data.h"

static enum err parse(struct arena *arena, struct str text, struct value *ret, struct err_info *why)
{
    return json_parse(arena, text, NULL, ret, why);
}

static void assert_prints_as(const char *text, const char *expected)
{
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf buf = { 0 };
    struct value v;
    struct err_info why = { 0 };
    assert_int_equal(parse(&arena, str_of(text), &v, &why), ERR_OK);
    json_print(&buf, v, 0);
    assert_int_equal(buf_check(&buf, NULL), ERR_OK);
    assert_string_equal(buf.data, expected);
}

static void values_print_as_they_were_read(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "[1,-2,3.5,1e3,true,false,null,\"x\"]", "[1,-2,3.5,1000.0,true,false,null,\"x\"]" },
        { " { \"a\" : [ ] , \"b\" : { } } ", "{\"a\":[],\"b\":{}}" },
        { "9223372036854775807", "9223372036854775807" },
        { "-9223372036854775808", "-9223372036854775808" },
        { "18446744073709551615", "18446744073709551615" },
        { "18446744073709551616", "18446744073709552000.0" },
        { "\"\\u0000\\u00e9\\ud83d\\ude00\\n\\/\"", "\"\\u0000é😀\\n/\"" },
        { "-0", "-0.0" },
        { "0.1", "0.1" },
        { "1e-9", "1e-9" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_prints_as(cases[i][0], cases[i][1]);
}

static void faults_have_place_and_name(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name;
        uint32_t line, column;
    } cases[] = {
        { "", "json_value", 1, 1 },
        { "{\n \"a\": 1,\n \"a\": 2}", "json_duplicate_key", 3, 2 },
        { "[1,]", "json_value", 1, 4 },
        { "[1 2]", "json_separator", 1, 4 },
        { "{\"a\" 1}", "json_colon", 1, 6 },
        { "{a:1}", "json_key", 1, 2 },
        { "01", "json_number", 1, 1 },
        { "1.", "json_number", 1, 3 },
        { "\"\\ud800\"", "json_surrogate", 1, 8 },
        { "\"\\x\"", "json_escape", 1, 3 },
        { "\"a\nb\"", "json_control", 1, 3 },
        { "\"abc", "json_string", 1, 5 },
        { "1 2", "json_trailing", 1, 3 },
        { "\"\xff\"", "json_utf8", 1, 2 },
        { "1e999", "json_number_range", 1, 1 },
        { "nul", "json_value", 1, 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct value v;
        struct err_info why = { 0 };
        assert_int_equal(parse(&arena, str_of(cases[i].text), &v, &why), ERR_INVALID);
        assert_string_equal(why.name, cases[i].name);
        assert_int_equal(why.line, cases[i].line);
        assert_int_equal(why.column, cases[i].column);
    }
}

static void number_of_values_is_limited_when_asked_for(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct json_options options = { .values_max = 4 };
    struct err_info why = { 0 };
    struct value v;
    assert_int_equal(json_parse(&arena, STR("[1,{\"a\":2}]"), &options, &v, &why), ERR_OK);
    assert_int_equal(json_parse(&arena, STR("[1,{\"a\":[]},3]"), &options, &v, &why), ERR_LIMIT);
    assert_string_equal(why.name, "json_values_max");
    assert_int_equal(why.column, 13);
    options.values_max = 0;
    assert_int_equal(json_parse(&arena, STR("[1,{\"a\":[]},3]"), &options, &v, &why), ERR_OK);
}

static void depth_is_limited(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf buf = { 0 };
    struct value v;
    struct err_info why = { 0 };
    for (int i = 0; i < 100000; i++)
        buf_add_byte(&buf, '[');
    assert_int_equal(parse(&arena, buf_str(&buf), &v, &why), ERR_LIMIT);
    assert_string_equal(why.name, "json_depth");
}

static void last_duplicate_wins_and_flags_the_map(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct json_options options = { .duplicates = JSON_DUPLICATES_LAST, .flags = VALUE_OUTSIDE };
    struct value v;
    assert_int_equal(json_parse(&arena, STR("{\"a\":1,\"b\":2,\"a\":3}"), &options, &v, NULL), ERR_OK);
    assert_true(v.flags & VALUE_DUPLICATE_KEYS);
    assert_true(v.flags & VALUE_OUTSIDE);
    assert_int_equal(v.size, 2);
    assert_int_equal(value_get(v, STR("a")).integer, 3);
}

static void large_maps_find_each_key(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf buf = { 0 };
    struct value v;
    buf_add_byte(&buf, '{');
    for (int i = 0; i < 5000; i++)
        buf_printf(&buf, "%s\"key%d\":%d", i ? "," : "", i, i);
    buf_add_byte(&buf, '}');
    assert_int_equal(parse(&arena, buf_str(&buf), &v, NULL), ERR_OK);
    for (int i = 0; i < 5000; i++) {
        char key[16];
        snprintf(key, sizeof key, "key%d", i);
        assert_int_equal(value_get(v, str_of(key)).integer, i);
    }
    assert_null(value_map_find(v, STR("key5000")));
}

static void sequences_are_read_one_by_one(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct str text = STR("{\"a\":1}\n\n[2]\n3");
    size_t offset = 0;
    bool more = true;
    int count = 0;
    for (;; count++) {
        struct value v;
        assert_int_equal(json_parse_next(&arena, text, &offset, NULL, &v, &more, NULL), ERR_OK);
        if (!more)
            break;
    }
    assert_int_equal(count, 3);
}

/* Strings are scanned eight bytes at a time: what needs care must be seen at every place of a word. */
static void odd_bytes_are_seen_at_every_place(void **state)
{
    (void)state;
    static const struct {
        const char *in, *name;
    } cases[] = { { "\\n", NULL }, { "\xc3\xa9", NULL }, { "\xf0\x9f\x98\x80", NULL },
        { "\\ud83d\\ude00", NULL }, { "\x1f", "json_control" }, { "\x80", "json_utf8" },
        { "\xff", "json_utf8" }, { "\xed\xa0\x80", "json_utf8" }, { "\xc0\xaf", "json_utf8" },
        { "\xf4\x90\x80\x80", "json_utf8" }, { "\xe2\x82", "json_utf8" }, { "\\u12", "json_escape" },
        { "\\u12g4", "json_escape" }, { "\\ud800\\u0041", "json_surrogate" }, { "\\udc00", "json_surrogate" },
        { "\x7f", NULL } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int before = 0; before < 18; before++) {
            AUTO(arena) struct arena arena = { 0 };
            AUTO(buf) struct buf in = { 0 };
            AUTO(buf) struct buf out = { 0 };
            AUTO(buf) struct buf again = { 0 };
            struct value v, back;
            struct err_info why = { 0 };
            buf_printf(&in, "\"%.*s%s%s\"", before, "!#.abcdefgh~,:;{}[]", cases[i].in, "zz");
            enum err result = parse(&arena, buf_str(&in), &v, &why);
            if (cases[i].name != NULL) {
                assert_int_equal(result, ERR_INVALID);
                assert_string_equal(why.name, cases[i].name);
                continue;
            }
            assert_int_equal(result, ERR_OK);
            json_print(&out, v, 0);
            assert_int_equal(parse(&arena, buf_str(&out), &back, NULL), ERR_OK);
            assert_true(value_equal(v, back));
            json_print(&again, back, 0);
            assert_string_equal(out.data, again.data);
        }
    }
}

static void a_text_that_ends_early_is_refused_at_every_byte(void **state)
{
    (void)state;
    struct str text = STR("{\"a\":[1.5e3,true,null,\"x\\u00e9\\n\",{}],\"b\":-12}");
    for (size_t size = 0; size < text.size; size++) {
        AUTO(arena) struct arena arena = { 0 };
        struct value v;
        /* A copy of exactly this size, so that the address sanitizer sees any byte read behind it. */
        char *copy = memcpy(malloc(size ? size : 1), text.data, size);
        assert_int_equal(parse(&arena, (struct str){ copy, size }, &v, NULL), ERR_INVALID);
        free(copy);
    }
}

static void copied_strings_outlive_the_text(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct json_options options = { .copy_strings = true };
    char text[] = "{\"key\":\"some text\"}";
    struct value v;
    assert_int_equal(json_parse(&arena, str_of(text), &options, &v, NULL), ERR_OK);
    memset(text, 'x', sizeof text);
    assert_true(value_is_text(value_get(v, STR("key")), STR("some text")));
}

static void a_failed_parse_writes_no_value(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct value v = value_int(42);
    size_t offset = 0;
    bool more = true;
    assert_int_equal(parse(&arena, STR("[1,2"), &v, NULL), ERR_INVALID);
    assert_int_equal(json_parse_next(&arena, STR("[1,2"), &offset, NULL, &v, &more, NULL), ERR_INVALID);
    assert_int_equal(v.integer, 42);
    assert_int_equal(offset, 0);
}

static void wide_containers_outgrow_the_first_stack(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf text = { 0 };
    AUTO(buf) struct buf out = { 0 };
    struct value v;
    buf_add_byte(&text, '[');
    for (int i = 0; i < 2000; i++)
        buf_printf(&text, "%s[%d,{\"a\":[%d]}]", i ? "," : "", i, i);
    buf_add_byte(&text, ']');
    assert_int_equal(parse(&arena, buf_str(&text), &v, NULL), ERR_OK);
    json_print(&out, v, 0);
    assert_string_equal(text.data, out.data);
}

static void what_json_lacks_is_written_as_text(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf out = { 0 };
    struct value inside = value_int(7);
    struct value_net v4 = { .bytes = { 10, 0, 0, 1 }, .size = 4, .prefix = 8 };
    struct value_net v6 = { .bytes = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 }, .size = 16 };
    const struct value items[] = { value_bytes(STR("\xff\0x")), value_timestamp(0, 5000000),
        value_duration(-3, -500000000), value_double(-HUGE_VAL), value_double((double)NAN),
        { .type = VALUE_TYPE, .size = 3, .bytes = "int" }, { .type = VALUE_OPTIONAL, .inside = &inside },
        { .type = VALUE_OPTIONAL }, { .type = VALUE_CIDR, .net = &v4 }, { .type = VALUE_IP, .net = &v6 },
        { .type = VALUE_SECRET, .size = 5, .bytes = "s3:42" }, value_string(STR("a\xff\"")) };
    struct value list = { .type = VALUE_LIST, .size = sizeof items / sizeof items[0], .items = items };
    json_print(&out, list, 0);
    assert_string_equal(out.data,
        "[\"/wB4\",\"1970-01-01T00:00:00.005Z\",\"-3.5s\",\"-Infinity\",\"NaN\",\"int\",7,null,\"10.0.0.1/"
        "8\","
        "\"2001:db8::1\",\"(secret)\",\"a\xef\xbf\xbd\\\"\"]");
    struct value_map_builder b;
    value_map_begin(&b, &arena);
    assert_int_equal(value_map_put(&b, value_bool(true), value_null(), NULL), ERR_OK);
    assert_int_equal(value_map_put(&b, value_uint(3), value_null(), NULL), ERR_OK);
    buf_clear(&out);
    json_print(&out, value_map_end(&b), 0);
    assert_string_equal(out.data, "{\"true\":null,\"3\":null}");
}

static void sorted_and_pretty_texts_read_back_the_same(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf out = { 0 };
    struct value v, back;
    assert_int_equal(
        parse(&arena, STR("{\"b\":[1,{}],\"a\":[],\"aa\":{\"z\":1,\"y\":2}}"), &v, NULL), ERR_OK);
    json_print(&out, v, JSON_CANONICAL);
    assert_string_equal(out.data, "{\"a\":[],\"aa\":{\"y\":2,\"z\":1},\"b\":[1,{}]}");
    buf_clear(&out);
    json_print(&out, v, JSON_PRETTY | JSON_SORT_KEYS);
    assert_string_equal(out.data,
        "{\n  \"a\": [],\n  \"aa\": {\n    \"y\": 2,\n    \"z\": 1\n  },\n  \"b\": [\n    1,\n    {}\n  "
        "]\n}");
    assert_int_equal(parse(&arena, buf_str(&out), &back, NULL), ERR_OK);
    assert_true(value_equal(v, back));
}

/* Whatever was read comes back the same, by text and by packing, with each number's type. */
static void assert_round_trip(struct value v)
{
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf out = { 0 };
    AUTO(buf) struct buf again = { 0 };
    struct value back;
    struct json_options options = { .duplicates = JSON_DUPLICATES_LAST };
    json_print(&out, v, 0);
    assert_int_equal(json_parse(&arena, buf_str(&out), &options, &back, NULL), ERR_OK);
    assert_true(value_equal(v, back));
    json_print(&again, back, 0);
    assert_string_equal(out.data, again.data);
    buf_clear(&out);
    pack_value(&out, v);
    assert_int_equal(unpack_value(&arena, buf_str(&out), false, &back, NULL), ERR_OK);
    assert_true(value_equal(v, back));
}

static void json_test_suite_holds(void **state)
{
    (void)state;
    AUTO(buf) struct buf file = { 0 };
    if (!shared_data_read("json-yaml/JSONTestSuite.jsonl", &file))
        skip();
    struct str rest = buf_str(&file), line;
    unsigned count = 0;
    while (str_split(&rest, '\n', &line)) {
        AUTO(arena) struct arena arena = { 0 };
        AUTO(buf) struct buf text = { 0 };
        struct value record, v;
        if (line.size == 0)
            continue;
        assert_int_equal(parse(&arena, line, &record, NULL), ERR_OK);
        assert_true(base64_decode(&text, value_str(value_get(record, STR("bytes_base64")))));
        enum err result = parse(&arena, buf_str(&text), &v, NULL);
        struct value expect = value_get(record, STR("expect"));
        struct value name = value_get(record, STR("name"));
        /* RFC 8259, 4 leaves repeated keys open: the suite takes them, and so do events. */
        struct json_options options = { .duplicates = JSON_DUPLICATES_LAST };
        if (result == ERR_INVALID)
            result = json_parse(&arena, buf_str(&text), &options, &v, NULL);
        bool is_wrong = (value_is_text(expect, STR("accept")) && result != ERR_OK) ||
            (value_is_text(expect, STR("reject")) && result == ERR_OK);
        if (is_wrong)
            fail_msg("%.*s", STR_ARG(value_str(name)));
        if (result == ERR_OK)
            assert_round_trip(v);
        count++;
    }
    assert_true(count > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_print_as_they_were_read),
        cmocka_unit_test(faults_have_place_and_name),
        cmocka_unit_test(number_of_values_is_limited_when_asked_for),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(last_duplicate_wins_and_flags_the_map),
        cmocka_unit_test(large_maps_find_each_key),
        cmocka_unit_test(sequences_are_read_one_by_one),
        cmocka_unit_test(odd_bytes_are_seen_at_every_place),
        cmocka_unit_test(a_text_that_ends_early_is_refused_at_every_byte),
        cmocka_unit_test(copied_strings_outlive_the_text),
        cmocka_unit_test(a_failed_parse_writes_no_value),
        cmocka_unit_test(wide_containers_outgrow_the_first_stack),
        cmocka_unit_test(what_json_lacks_is_written_as_text),
        cmocka_unit_test(sorted_and_pretty_texts_read_back_the_same),
        cmocka_unit_test(json_test_suite_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
