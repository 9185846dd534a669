/* finding_info and the fingerprint, which is stored in effect and may never change. */
#include "base/text.h"
#include "ingest_helpers.h"

struct probe {
    struct arena arena;
    struct sources *sources;
    struct err_info why;
};

static int probe_make(void **state)
{
    struct probe *probe = calloc(1, sizeof(*probe));
    assert_non_null(probe);
    *state = probe;
    return 0;
}

static int probe_free(void **state)
{
    struct probe *probe = *state;
    sources_free(probe->sources);
    arena_done(&probe->arena);
    free(probe);
    return 0;
}

static struct mapped map(struct probe *probe, const char *source, const char *event)
{
    struct source_file file = { STR("probe.yaml"), str_of(source) };
    struct json_options options = { .duplicates = JSON_DUPLICATES_LAST };
    struct diagnostics found;
    struct mapped mapped;
    struct value v;
    sources_free(probe->sources);
    probe->sources = NULL;
    diagnostics_init(&found, &probe->arena, STR(""));
    enum err result = sources_read(&file, 1, &found, &probe->sources, &probe->why);
    print_diagnostics(&found);
    test_check(result, &probe->why);
    test_check(json_parse(&probe->arena, str_of(event), &options, &v, &probe->why), &probe->why);
    test_check(mapping_apply(sources_get(probe->sources, STR("probe")), STR("probe"), v, RECEIVED,
                   &probe->arena, &mapped, &probe->why),
        &probe->why);
    return mapped;
}

static void assert_fingerprint(const struct mapped *mapped, const char *hex)
{
    AUTO(buf) struct buf text = { 0 };
    hex_add(
        &text, (struct str){ (const char *)mapped->fingerprint.bytes, sizeof(mapped->fingerprint.bytes) });
    assert_string_equal(buf_str(&text).data, hex);
}

static void the_fingerprint_is_a_hash_of_name_and_parts(void **state)
{
    struct probe *probe = *state;
    static const char source[] = "source: probe\nfingerprint: [event.a, event.b, event.c]\n";
    /* python3 -c 'import hashlib; print(hashlib.blake2b(b"probe\n\"a\"\n7\nnull",
     * digest_size=16).hexdigest())'
     */
    struct mapped mapped = map(probe, source, "{\"b\":7,\"a\":\"a\"}");
    assert_fingerprint(&mapped, "67eec7f29f3454cddfe4138bfdf2525e");
    assert_int_equal(mapped.window_us, US_PER_HOUR);
    /* Of b'probe\n{"a":[1,2.5,true],"b":"\xc3\xa9"}\nnull\nnull': keys in order, text as UTF-8. */
    mapped = map(probe, source, "{\"a\":{\"b\":\"\\u00e9\",\"a\":[1,2.5,true]}}");
    assert_fingerprint(&mapped, "0142b4a2c1469991f2b1a0099656ffb0");
}

static void the_first_way_of_a_part_that_gives_something_counts(void **state)
{
    struct probe *probe = *state;
    static const char source[] = "source: probe\nfingerprint: [[event.x, event.a], event.b, event.c]\n";
    struct mapped mapped = map(probe, source, "{\"b\":7,\"a\":\"a\"}");
    assert_fingerprint(&mapped, "67eec7f29f3454cddfe4138bfdf2525e");
    mapped = map(probe, source, "{\"b\":7,\"a\":\"a\",\"x\":\"\"}");
    assert_fingerprint(&mapped, "67eec7f29f3454cddfe4138bfdf2525e");
}

static void without_any_part_nothing_is_merged(void **state)
{
    struct probe *probe = *state;
    assert_int_equal(map(probe, "source: probe\nfingerprint: [event.a]\n", "{\"b\":1}").window_us, 0);
    assert_int_equal(map(probe, "source: probe\nfingerprint: [event.a]\n", "{\"a\":null}").window_us, 0);
    assert_int_equal(
        map(probe, "source: probe\nfingerprint: [event.a]\ndedup_window: 0\n", "{\"a\":1}").window_us, 0);
    assert_int_equal(
        map(probe, "source: probe\nfingerprint: [event.a]\ndedup_window: 5m\n", "{\"a\":1}").window_us,
        5 * US_PER_MIN);
}

static void techniques_are_read_as_products_write_them(void **state)
{
    struct probe *probe = *state;
    struct mapped mapped = map(probe, "source: probe\nattack: [event.t, event.more]\n",
        "{\"t\":[\"T1110\",\"attack.t1110.001\",\"TA0006\",\"T11\",\"attack.credential_access\",7,\"T1110."
        "01\"],"
        "\"more\":\"T1059\"}");
    assert_json(mapped.body, "finding_info.attacks",
        "[{\"technique\":{\"uid\":\"T1110\"}},"
        "{\"technique\":{\"uid\":\"T1110\"},\"sub_technique\":{\"uid\":\"T1110.001\"}},"
        "{\"tactic\":{\"uid\":\"TA0006\"}},{\"technique\":{\"uid\":\"T1059\"}}]");
    mapped = map(probe, "source: probe\nattack: event.t\n", "{}");
    assert_int_equal(value_path(mapped.body, STR("finding_info.attacks")).type, VALUE_NULL);
}

static void values_become_what_their_field_holds(void **state)
{
    static const struct {
        const char *field, *event, *path, *expected; /* expected null: it is kept under unmapped */
    } cases[] = {
        { "process.pid", "7", "process.pid", "7" },
        { "process.pid", "\" 7 \"", "process.pid", "7" },
        { "process.pid", "7.0", "process.pid", "7" },
        { "process.pid", "true", "process.pid", "1" },
        { "process.pid", "7.5", "process.pid", NULL },
        { "process.pid", "\"many\"", "process.pid", NULL },
        { "process.pid", "18446744073709551615", "process.pid", NULL },
        { "process.pid", "[1,2]", "process.pid", "1" },
        { "process.pid", "{}", "process.pid", NULL },
        { "risk_score", "73.5", "risk_score", "74" },
        { "risk_score", "\"56.4\"", "risk_score", "56" },
        { "risk_score", "12", "risk_score", "12" },
        { "risk_score", "1e300", "risk_score", NULL },
        { "is_alert", "true", "is_alert", "true" },
        { "is_alert", "\"False\"", "is_alert", "false" },
        { "is_alert", "\"TRUE\"", "is_alert", "true" },
        { "src_endpoint.ip", "\"[2001:db8::1]\"", "src_endpoint.ip", "\"2001:db8::1\"" },
        { "src_endpoint.ip", "\"::ffff:203.0.113.9\"", "src_endpoint.ip", "\"203.0.113.9\"" },
        { "src_endpoint.ip", "7", "src_endpoint.ip", NULL },
        { "message", "7.5", "message", "\"7.5\"" },
        { "message", "true", "message", "\"true\"" },
        { "finding_info.types", "\"one\"", "finding_info.types", "[\"one\"]" },
        { "finding_info.types", "[\"one\",2]", "finding_info.types", "[\"one\",\"2\"]" },
        { "start_time", "\"2026-03-14T08:26:53Z\"", "start_time", "1773476813000" },
        { "start_time", "\"soon\"", "start_time", NULL },
    };
    struct probe *probe = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char source[200], event[200];
        snprintf(source, sizeof(source), "source: probe\nmapping:\n  %s: event.v\n", cases[i].field);
        snprintf(event, sizeof(event), "{\"v\":%s}", cases[i].event);
        struct mapped mapped = map(probe, source, event);
        assert_json(mapped.body, cases[i].path, cases[i].expected ? cases[i].expected : "null");
        struct value kept = value_get(value_get(mapped.body, STR("unmapped")), str_of(cases[i].field));
        if ((kept.type != VALUE_NULL) != (cases[i].expected == NULL))
            fail_msg("%s of %s: kept or lost", cases[i].field, cases[i].event);
    }
}

static void titles_are_one_line_and_bounded(void **state)
{
    struct probe *probe = *state;
    struct mapped mapped = map(probe, "source: probe\n", "{\"title\":\"  one\\r\\ntwo\"}");
    assert_json(mapped.body, "finding_info.title", "\"one\"");
    char event[3000] = "{\"title\":\"";
    for (int i = 0; i < 600; i++)
        strcat(event, "\xc3\xa9");
    strcat(event, "\"}");
    mapped = map(probe, "source: probe\n", event);
    struct str title = value_str(value_path(mapped.body, STR("finding_info.title")));
    assert_int_equal(title.size, ALERT_TITLE_BYTES_MAX);
    assert_true(utf8_is_valid(title));
    mapped = map(probe, "source: probe\nmapping: { finding_info.title: event.t }\n",
        "{\"t\":\" \\none\\ntwo\",\"title\":\"x\"}");
    assert_json(mapped.body, "finding_info.title", "\"one\"");
    mapped = map(
        probe, "source: probe\nmapping: { finding_info.title: event.t }\n", "{\"t\":\" \",\"title\":\"x\"}");
    assert_json(mapped.body, "finding_info.title", "\"x\"");
}

static void what_is_made_of_the_event_s_texts_says_so(void **state)
{
    struct probe *probe = *state;
    struct mapped mapped = map(probe,
        "source: probe\ntags: event.t\nmapping: { finding_info.types: event.t }\n",
        "{\"title\":\"$(reboot)\",\"t\":[\"$(halt)\"],\"ip\":\"198.51.100.7\"}");
    struct value finding = value_get(mapped.body, STR("finding_info"));
    struct value observables = value_get(mapped.body, STR("observables"));
    assert_true(value_get(finding, STR("title")).flags & VALUE_OUTSIDE);
    assert_true(value_get(finding, STR("types")).items[0].flags & VALUE_OUTSIDE);
    assert_true(mapped.tags.items[0].flags & VALUE_OUTSIDE);
    assert_true(value_get(observables.items[0], STR("value")).flags & VALUE_OUTSIDE);
}

static void events_without_an_id_get_one_from_what_they_hold(void **state)
{
    struct probe *probe = *state;
    /* hashlib.blake2b(b'{"a":1,"b":2}', digest_size=16) */
    struct mapped mapped = map(probe, "source: probe\n", "{\"b\":2,\"a\":1}");
    assert_json(mapped.body, "finding_info.uid", "\"b48465408132d0bff24c5d5f94bfe758\"");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, probe_make, probe_free)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_fingerprint_is_a_hash_of_name_and_parts),
        TEST(the_first_way_of_a_part_that_gives_something_counts),
        TEST(without_any_part_nothing_is_merged),
        TEST(techniques_are_read_as_products_write_them),
        TEST(values_become_what_their_field_holds),
        TEST(titles_are_one_line_and_bounded),
        TEST(what_is_made_of_the_event_s_texts_says_so),
        TEST(events_without_an_id_get_one_from_what_they_hold),
    };
    return cmocka_run_group_tests_name("ingest_finding", tests, NULL, NULL);
}
