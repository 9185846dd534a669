/* Reading sources: each fault at its place, all in one go. */
#include "ingest_helpers.h"

struct fault {
    const char *code;
    uint32_t line, column;
    const char *text; /* a part of it */
};

static void assert_faults(const char *source, const struct fault *faults, uint32_t count)
{
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    struct source *read;
    struct err_info why = { 0 };
    diagnostics_init(&found, &arena, STR("probe.yaml"));
    enum err result = source_parse(&arena, str_of(source), &found, &read, &why);
    bool is_same = found.count == count && (count > 0) == (result == ERR_INVALID);
    for (uint32_t i = 0; is_same && i < count; i++)
        is_same = strcmp(found.items[i].code, faults[i].code) == 0 && found.items[i].line == faults[i].line &&
            found.items[i].column == faults[i].column &&
            str_contains(found.items[i].text, str_of(faults[i].text));
    if (!is_same) {
        print_diagnostics(&found);
        fail_msg("other faults than expected in:\n%s", source);
    }
    assert_int_equal(source_check(str_of(source), &found), count == 0);
}
#define ASSERT_FAULTS(source, ...) \
    do { \
        static const struct fault faults_[] = { __VA_ARGS__ }; \
        assert_faults((source), faults_, sizeof(faults_) / sizeof(faults_[0])); \
    } while (0)

static void a_source_may_say_little(void **state)
{
    (void)state;
    assert_faults("source: x\n", NULL, 0);
    assert_faults("source: 0-a_b\ntitle: T\nfingerprint: [event.a]\ndedup_window: 0\n", NULL, 0);
}

static void a_source_needs_a_name(void **state)
{
    (void)state;
    ASSERT_FAULTS("title: T\n", { "missing_key", 1, 1, "`source`" });
    ASSERT_FAULTS("source: Wazuh\n", { "source_name", 1, 9, "a-z" });
    ASSERT_FAULTS("source: a.b\n", { "source_name", 1, 9, "a-z" });
    ASSERT_FAULTS("[1]\n", { "mapping_expected", 1, 1, "" });
}

static void unknown_keys_get_the_nearest(void **state)
{
    (void)state;
    ASSERT_FAULTS("source: x\nfingerprnt: [event.a]\n", { "unknown_key", 2, 1, "fingerprint" });
    ASSERT_FAULTS("source: x\nproduct: { nam: y }\n", { "unknown_key", 2, 12, "name" });
}

static void fields_are_ocsfs(void **state)
{
    (void)state;
    ASSERT_FAULTS(
        "source: x\nmapping:\n  src_endpoint.ipp: event.a\n", { "source_field", 3, 3, "src_endpoint.ip" });
    ASSERT_FAULTS("source: x\nmapping:\n  severity_id: event.a\n", { "source_field", 3, 3, "`severity:`" });
    ASSERT_FAULTS("source: x\nmapping:\n  nothing.like.it: event.a\n", { "source_field", 3, 3, "unmapped." });
    ASSERT_FAULTS("source: x\nmapping: [event.a]\n", { "mapping_expected", 2, 10, "" });
    assert_faults("source: x\nmapping:\n  unmapped.any.thing: event.a\n", NULL, 0);
}

static void expressions_have_their_places(void **state)
{
    (void)state;
    ASSERT_FAULTS("source: x\nmapping:\n  message: evnt.a\n", { "expr_check", 3, 12, "event" });
    ASSERT_FAULTS("source: x\nmapping:\n  message: 'event.a +'\n", { "expr_parse", 3, 22, "" });
    ASSERT_FAULTS("source: x\nmapping:\n  message: ${{ event.a }}\n", { "expression_marked", 3, 12, "bare" });
    ASSERT_FAULTS("source: x\ntime: \"\"\n", { "expression_missing", 2, 7, "event.message" });
    ASSERT_FAULTS("source: x\nmapping:\n  message: !has(event.a)\n", { "yaml_tag", 3, 12, "quotes" });
    ASSERT_FAULTS("source: x\ntags: [event.a, nope, {}]\n", { "expr_check", 2, 17, "" },
        { "expression_missing", 2, 23, "" });
}

static void merging_needs_a_fingerprint(void **state)
{
    (void)state;
    ASSERT_FAULTS("source: x\ndedup_window: 1h\n", { "source_fingerprint", 2, 15, "alike" });
    ASSERT_FAULTS("source: x\nfingerprint: []\n", { "source_fingerprint", 2, 14, "1 to 16" });
    ASSERT_FAULTS("source: x\nfingerprint: event.a\n", { "source_fingerprint", 2, 14, "list" });
    ASSERT_FAULTS(
        "source: x\nfingerprint: [event.a]\ndedup_window: soon\n", { "span_expected", 3, 15, "30s" });
}

static void severities_are_known_words(void **state)
{
    (void)state;
    ASSERT_FAULTS("source: x\nseverity: { from: event.a, map: { a: hihg }, default: none-such }\n",
        { "source_severity", 2, 38, "informational" }, { "source_severity", 2, 55, "medium" });
    ASSERT_FAULTS("source: x\nseverity: { default: high }\n", { "missing_key", 2, 11, "`from`" });
}

static void observables_need_type_and_value(void **state)
{
    (void)state;
    ASSERT_FAULTS("source: x\nobservables: [{ type: adress, value: event.a }, { type: ip }]\n",
        { "source_observable", 2, 23, "domain" }, { "missing_key", 2, 49, "`value`" });
    ASSERT_FAULTS("source: x\nobservables: ip\n", { "list_expected", 2, 14, "" });
}

static void signatures_are_whole(void **state)
{
    (void)state;
    ASSERT_FAULTS("source: x\nhmac: { scheme: github }\n", { "missing_key", 2, 7, "`secret`" });
    ASSERT_FAULTS("source: x\nhmac: { secret: s }\n", { "missing_key", 2, 7, "`scheme`" });
    ASSERT_FAULTS("source: x\nhmac: { scheme: header, secret: s }\n", { "missing_key", 2, 7, "`header`" });
    ASSERT_FAULTS("source: x\nhmac: { scheme: slack, secret: s, prefix: p }\n", { "source_hmac", 2, 7, "" });
    ASSERT_FAULTS("source: x\nhmac: { scheme: gitlab, secret: s }\n", { "unknown_word", 2, 17, "github" });
    assert_faults("source: x\nhmac: { scheme: header, secret: s, header: X-A, encoding: base64 }\n", NULL, 0);
}

static void all_faults_are_told_in_one_go(void **state)
{
    (void)state;
    ASSERT_FAULTS("source: X\ntime: evnt.a\nmapping:\n  mesage: event.a\nhmac: {}\n",
        { "source_name", 1, 9, "" }, { "missing_key", 5, 7, "`scheme`" }, { "missing_key", 5, 7, "`secret`" },
        { "expr_check", 2, 7, "event" }, { "source_field", 4, 3, "message" });
}

static void a_field_is_mapped_once(void **state)
{
    (void)state;
    ASSERT_FAULTS("source: x\nmapping:\n  unmapped.a: event.a\n  unmapped.a.b: event.b\n",
        { "source_field", 4, 3, "mapped already" });
    ASSERT_FAULTS("source: x\nmapping:\n  unmapped.a.b: event.a\n  unmapped.a: event.b\n",
        { "source_field", 4, 3, "mapped already" });
    ASSERT_FAULTS(
        "source: x\nmapping:\n  unmapped.a..b: event.a\n", { "source_field", 3, 3, "names with dots" });
}

static void yaml_that_is_none_is_told_with_its_place(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    struct source *source;
    diagnostics_init(&found, &arena, STR("probe.yaml"));
    assert_int_equal(source_parse(&arena, STR("source: x\n\tbad: 1\n"), &found, &source, NULL), ERR_INVALID);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.items[0].line, 2);
}

static void a_later_file_replaces_an_earlier_one_and_generic_is_always_there(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    struct sources *sources;
    struct source_file files[] = { { STR("a"), STR("source: door\ntitle: First\n") },
        { STR("b"), STR("source: door\ntitle: Second\n") },
        { STR("c"), STR("source: gate\ncontent_types: [Text/Plain]\n") } };
    diagnostics_init(&found, &arena, STR(""));
    assert_int_equal(sources_read(files, 3, &found, &sources, NULL), ERR_OK);
    assert_true(str_equal(source_title(sources_find(sources, STR("door"))), STR("Second")));
    assert_true(str_equal(source_name(sources_get(sources, STR("unknown"))), STR("generic")));
    assert_null(sources_find(sources, STR("unknown")));
    assert_true(source_takes(sources_find(sources, STR("gate")), STR("text/plain")));
    assert_false(source_takes(sources_find(sources, STR("gate")), STR("application/json")));
    assert_true(source_takes(sources_find(sources, STR("door")), STR("application/json")));
    sources_free(sources);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_may_say_little),
        cmocka_unit_test(a_source_needs_a_name),
        cmocka_unit_test(unknown_keys_get_the_nearest),
        cmocka_unit_test(fields_are_ocsfs),
        cmocka_unit_test(expressions_have_their_places),
        cmocka_unit_test(merging_needs_a_fingerprint),
        cmocka_unit_test(severities_are_known_words),
        cmocka_unit_test(observables_need_type_and_value),
        cmocka_unit_test(signatures_are_whole),
        cmocka_unit_test(all_faults_are_told_in_one_go),
        cmocka_unit_test(a_field_is_mapped_once),
        cmocka_unit_test(yaml_that_is_none_is_told_with_its_place),
        cmocka_unit_test(a_later_file_replaces_an_earlier_one_and_generic_is_always_there),
    };
    return cmocka_run_group_tests_name("ingest_source", tests, NULL, NULL);
}
