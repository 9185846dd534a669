#include "command_helpers.h"

#include <stdio.h>
#include <unistd.h>

#include "options.h"
#include "suite.h"

/* ---- options ---- */

enum { FLAG, TEXT, LIST };
static const struct option_spec specs[] = {
    [FLAG] = { "flag", OPTION_FLAG, NULL, "a flag" },
    [TEXT] = { "text", OPTION_TEXT, "X", "a text" },
    [LIST] = { "list", OPTION_LIST, "X", "a list" },
    { .name = NULL },
};

static int parse(struct options *options, const char *const *words)
{
    char *argv[80] = { (char *)(uintptr_t) "command" };
    int argc = 1;
    for (; *words; words++)
        argv[argc++] = (char *)(uintptr_t)*words; /* only read */
    *options = (struct options){ .usage = "command", .summary = "", .specs = specs };
    return options_parse(options, argc, argv);
}
#define PARSE(options, ...) parse(options, (const char *const[]){ __VA_ARGS__, NULL })

static void options_and_arguments_are_told_apart(void **state)
{
    (void)state;
    struct options o;
    assert_int_equal(
        PARSE(&o, "a", "--text", "t", "--list=1", "b", "--list", "2", "--flag", "-", "-5", "./x"),
        OPTIONS_GO_ON);
    assert_string_equal(o.values[TEXT].text, "t");
    assert_int_equal(o.values[LIST].count, 2);
    assert_string_equal(o.values[LIST].list[1], "2");
    assert_true(o.values[FLAG].is_set);
    assert_int_equal(o.argument_count, 5);
    assert_int_equal(PARSE(&o, "--text=", "--", "--flag", "--nothing"), OPTIONS_GO_ON);
    assert_string_equal(o.values[TEXT].text, "");
    assert_false(o.values[FLAG].is_set);
    assert_string_equal(o.arguments[1], "--nothing");
    assert_int_equal(PARSE(&o, "--text=a=b"), OPTIONS_GO_ON);
    assert_string_equal(o.values[TEXT].text, "a=b");
}

static void wrong_options_end_with_2(void **state)
{
    (void)state;
    struct options o;
    int saved = dup(STDERR_FILENO);
    assert_non_null(freopen("/dev/null", "w", stderr));
    assert_int_equal(PARSE(&o, "--nothing"), 2);
    assert_int_equal(PARSE(&o, "--text"), 2);
    assert_int_equal(PARSE(&o, "--text", "1", "--text", "2"), 2);
    assert_int_equal(PARSE(&o, "--flag=x"), 2);
    assert_int_equal(PARSE(&o, "-x"), 2);
    assert_int_equal(PARSE(&o, "--=x"), 2);
    const char *many[OPTION_VALUES_MAX + 2] = { NULL };
    for (int i = 0; i <= OPTION_VALUES_MAX; i++)
        many[i] = "--list=x";
    assert_int_equal(parse(&o, many), 2);
    for (int i = 0; i <= OPTION_VALUES_MAX; i++)
        many[i] = "x";
    assert_int_equal(parse(&o, many), 2);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
}

/* ---- test files ---- */

static enum err read_suite(struct arena *arena, const char *text, struct suite *ret, struct buf *faults)
{
    struct diagnostics found;
    struct err_info why = { 0 };
    diagnostics_init(&found, arena, STR("a/b.test.yaml"));
    enum err result = suite_parse(arena, "a/b.test.yaml", str_of(text), &found, ret, &why);
    for (uint32_t i = 0; i < found.count; i++)
        buf_printf(faults, "%u:%u %s\n", found.items[i].line, found.items[i].column, found.items[i].code);
    return result;
}

static void a_test_file_is_read_whole(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf faults = { 0 };
    struct suite suite;
    assert_int_equal(
        read_suite(&arena,
            "playbook: p\n"
            "cases:\n"
            "  - name: one\n"
            "    event: samples/x.json\n"
            "    source: wazuh\n"
            "    now: 2026-01-02T03:04:05Z\n"
            "    mocks: { a.b: { output: 1 } }\n"
            "    answers: { ask: { choice: x } }\n"
            "    expect: { status: failed, path: [a], calls: { a.b: [ {} ] }, error: c }\n"
            "  - { name: two, event: { a: 1 }, inputs: { b: 2 }, expect: {} }\n"
            "  - { name: three, event: /x.json, expect: { triggered: false, not_called: a.b } }\n",
            &suite, &faults),
        ERR_OK);
    assert_text(&faults, "");
    assert_int_equal(suite.count, 3);
    assert_true(str_equal(suite.folder, STR("a")));
    assert_true(str_equal(suite.cases[0].event_file, STR("a/samples/x.json")));
    assert_int_equal(suite.cases[0].now.us, INT64_C(1767323045) * US_PER_S);
    assert_int_equal(suite.cases[0].line, 3);
    assert_int_equal(suite.cases[1].event.type, VALUE_MAP);
    assert_int_equal(suite.cases[1].inputs.size, 1);
    assert_true(str_equal(suite.cases[2].event_file, STR("/x.json")));
}

static void every_fault_of_a_test_file_has_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *faults;
    } cases[] = {
        { "playbook: p\ncases:\n  - { name: x }\n", "3:5 missing_key\n" },
        { "playbook: p\ncases:\n  - { expect: {} }\n", "3:5 missing_key\n" },
        { "playbook: p\ncases: {}\n", "2:8 list_expected\n" },
        { "cases: []\n", "1:1 missing_key\n" },
        { "playbook: p\ncases:\n  - { name: x, expect: { stauts: failed } }\n", "3:26 unknown_key\n" },
        { "playbook: p\ncases:\n  - { name: x, mocks: [], expect: { path: {} } }\n",
            "3:23 mapping_expected\n3:43 text_expected\n" },
        { "playbook: p\ncases:\n  - { name: x, now: today, expect: {} }\n", "3:21 time_expected\n" },
        { "playbook: p\ncases:\n  - { name: x, source: wazuh, expect: {} }\n", "3:24 unused_key\n" },
        { "playbook: [\n", "1:11 yaml_bracket\n" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena arena = { 0 };
        AUTO(buf) struct buf faults = { 0 };
        struct suite suite;
        assert_int_equal(read_suite(&arena, cases[i].text, &suite, &faults), ERR_INVALID);
        assert_text(&faults, cases[i].faults);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_arguments_are_told_apart),
        cmocka_unit_test(wrong_options_end_with_2),
        cmocka_unit_test(a_test_file_is_read_whole),
        cmocka_unit_test(every_fault_of_a_test_file_has_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
