/* Bodies as events: what is one, what is many, and where a fault is. */
#include "ingest/receive.h"
#include "ingest_helpers.h"

struct got {
    struct arena arena;
    struct received *items;
    uint32_t count;
    enum err result;
    struct err_info why;
};

static struct got receive_bytes(const char *type, struct str body)
{
    struct got got = { 0 };
    got.result = receive_body(&got.arena, str_of(type), body, &got.items, &got.count, &got.why);
    return got;
}

static struct got receive(const char *type, const char *body)
{
    return receive_bytes(type, str_of(body));
}

static void assert_events(const char *type, const char *body, uint32_t count, const char *const *raws)
{
    struct got got = receive(type, body);
    if (got.result != ERR_OK)
        fail_msg("%s: %s", body, got.why.text);
    assert_int_equal(got.count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(str_equal(got.items[i].raw, str_of(raws[i])));
        assert_true(got.items[i].event.flags & VALUE_OUTSIDE);
    }
    arena_done(&got.arena);
}

#define RAWS(...) \
    (const char *const[]) \
    { \
        __VA_ARGS__ \
    }

static void json_is_one_value_or_an_array_of_events(void **state)
{
    (void)state;
    assert_events("application/json", " {\"a\": 1} ", 1, RAWS("{\"a\": 1}"));
    assert_events("application/json", "[{\"a\":1}, 2 ,\"x\",[3],null]", 5,
        RAWS("{\"a\":1}", "2", "\"x\"", "[3]", "null"));
    assert_events("application/json", "[]", 0, NULL);
    assert_events("application/json", " [ ] \n", 0, NULL);
    assert_events("application/json", "[[]]", 1, RAWS("[]"));
    assert_events("application/json; charset=utf-8", "7", 1, RAWS("7"));
    assert_events("Application/CloudEvents+JSON", "{}", 1, RAWS("{}"));
    assert_events("text/json", "null", 1, RAWS("null"));
    assert_events("application/json", "\xef\xbb\xbf{}", 1, RAWS("{}"));
}

static void ndjson_is_one_event_a_line(void **state)
{
    (void)state;
    assert_events(
        "application/x-ndjson", "{\"a\":1}\n\n{\"a\":2}\r\n3", 3, RAWS("{\"a\":1}", "{\"a\":2}", "3"));
    assert_events("application/x-ndjson", "[1,2]\n[3]\n", 2, RAWS("[1,2]", "[3]"));
    assert_events("application/x-ndjson", "\n \n", 0, NULL);
    assert_events("application/x-ndjson", "", 0, NULL);
    /* Values may span lines; what counts is that none shares one. */
    assert_events("application/jsonl", "{\n\"a\":1\n}\n{}", 2, RAWS("{\n\"a\":1\n}", "{}"));
    /* Called JSON, as many senders do. */
    assert_events("application/json", "{\"a\":1}\n{\"a\":2}\n", 2, RAWS("{\"a\":1}", "{\"a\":2}"));
}

static void any_other_type_is_one_event_of_text_or_bytes(void **state)
{
    (void)state;
    assert_events("text/plain", "[1]\n[2]", 1, RAWS("[1]\n[2]"));
    assert_events("application/xml", "<a/>", 1, RAWS("<a/>"));
    struct got got = receive_bytes("text/plain", STR("a\0b"));
    assert_int_equal(got.items[0].event.type, VALUE_STRING);
    assert_int_equal(got.items[0].event.size, 3);
    assert_false(got.items[0].is_json);
    arena_done(&got.arena);
    got = receive_bytes("text/plain", STR("\xc3\x28"));
    assert_int_equal(got.items[0].event.type, VALUE_BYTES);
    arena_done(&got.arena);
}

static void without_a_type_json_is_told_by_its_first_byte(void **state)
{
    (void)state;
    assert_events("", "  [1,2]", 2, RAWS("1", "2"));
    assert_events("", "{}", 1, RAWS("{}"));
    assert_events("", "<13>Feb 5 sshd: hello", 1, RAWS("<13>Feb 5 sshd: hello"));
}

static void a_fault_names_its_line(void **state)
{
    static const struct {
        const char *type, *body, *name;
        uint32_t line;
    } cases[] = {
        { "application/json", "", "body_empty", 0 },
        { "application/json", " \n", "body_empty", 0 },
        { "text/plain", "", "body_empty", 0 },
        { "", "", "body_empty", 0 },
        { "application/json", "{\n\"a\":}", "json_", 2 },
        { "application/json", "[1,\n2,\n", "json_", 3 },
        { "application/json", "[1\n2]", "json_array", 2 },
        { "application/json", "[1,]", "json_", 1 },
        { "application/json", "[1]\n]", "json_trailing", 2 },
        { "application/json", "[1] [2]", "json_trailing", 1 },
        { "application/json", "{} {}", "json_trailing", 1 },
        { "application/x-ndjson", "{}\n{} x\n", "json_trailing", 2 },
        { "application/x-ndjson", "{}\n{\"a\":\"\n\"}\n", "json_", 2 },
        { "application/json", "\"\xff\"", "json_", 1 },
        { "application/json", "[NaN]", "json_", 1 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct got got = receive(cases[i].type, cases[i].body);
        if (got.result != ERR_INVALID || got.why.line != cases[i].line ||
            strncmp(got.why.name, cases[i].name, strlen(cases[i].name)) != 0)
            fail_msg("case %zu: %s, line %u, %s", i, err_word(got.result), got.why.line, got.why.name);
        if (cases[i].line > 0)
            assert_non_null(strstr(got.why.text, "line "));
        arena_done(&got.arena);
    }
}

static void of_repeated_keys_the_last_counts_and_the_map_says_so(void **state)
{
    (void)state;
    struct got got = receive("application/json", "{\"a\":1,\"b\":0,\"a\":2}");
    assert_json(got.items[0].event, "", "{\"a\":2,\"b\":0}");
    assert_true(got.items[0].event.flags & VALUE_DUPLICATE_KEYS);
    arena_done(&got.arena);
}

static void too_deep_is_wrong_with_its_line(void **state)
{
    (void)state;
    char deep[JSON_DEPTH_MAX + 10];
    memset(deep, '[', sizeof(deep));
    deep[0] = '\n';
    deep[sizeof(deep) - 1] = '\0';
    struct got got = receive("application/json", deep);
    assert_int_equal(got.result, ERR_INVALID);
    assert_string_equal(got.why.name, "json_depth");
    assert_int_equal(got.why.line, 2);
    arena_done(&got.arena);
}

static void the_number_of_events_is_bounded(void **state)
{
    (void)state;
    AUTO(buf) struct buf body = { 0 };
    for (int i = 0; i < EVENTS_PER_REQUEST_MAX; i++)
        buf_add_text(&body, "{}\n");
    struct got got = receive_bytes("application/x-ndjson", buf_str(&body));
    assert_int_equal(got.result, ERR_OK);
    assert_int_equal(got.count, EVENTS_PER_REQUEST_MAX);
    arena_done(&got.arena);
    buf_add_text(&body, "{}");
    got = receive_bytes("application/x-ndjson", buf_str(&body));
    assert_int_equal(got.result, ERR_LIMIT);
    assert_string_equal(got.why.name, "EVENTS_PER_REQUEST_MAX");
    arena_done(&got.arena);
}

static void types_lose_their_parameters(void **state)
{
    (void)state;
    assert_true(str_equal(content_type_of(STR(" text/plain ; charset=x")), STR("text/plain")));
    assert_true(str_equal(content_type_of(STR("")), STR("")));
    assert_true(str_equal(content_type_of(STR(";")), STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_one_value_or_an_array_of_events),
        cmocka_unit_test(ndjson_is_one_event_a_line),
        cmocka_unit_test(any_other_type_is_one_event_of_text_or_bytes),
        cmocka_unit_test(without_a_type_json_is_told_by_its_first_byte),
        cmocka_unit_test(a_fault_names_its_line),
        cmocka_unit_test(of_repeated_keys_the_last_counts_and_the_map_says_so),
        cmocka_unit_test(too_deep_is_wrong_with_its_line),
        cmocka_unit_test(the_number_of_events_is_bounded),
        cmocka_unit_test(types_lose_their_parameters),
    };
    return cmocka_run_group_tests_name("ingest_receive", tests, NULL, NULL);
}
