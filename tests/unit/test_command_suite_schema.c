/* The schema for editors says of a test file's shape what its reader says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../src/suite.h"
#include "../../src/suite_shape.h"
#include "playbook/schema.h"
#include "schema_check.h"

static const char *const structural[] = { "bool_expected", "list_expected", "mapping_expected", "missing_key",
    "text_expected", "time_expected", "unknown_key", "unknown_word", "unused_key", NULL };

static const char *const seeds[] = {
    "playbook: a\ncases:\n"
    "  - name: one\n    event: { a: 1 }\n    source: wazuh\n    inputs: { b: 2 }\n"
    "    mocks: { c.d: { output: { e: 3 } } }\n    answers: { f: { choice: g } }\n    now: "
    "'2026-01-02T03:04:05Z'\n"
    "    expect: { status: succeeded, triggered: true, path: [h], calls: { c.d: [ { i: 1 } ] }, not_called: "
    "[j.k],\n"
    "      output: { l: 1 }, error: { code: m } }\n"
    "  - { name: two, event: samples/a.json, expect: { status: failed } }\n",
};

static void read_suite(struct str text, struct diagnostics *found)
{
    AUTO(arena) struct arena arena = { 0 };
    struct suite suite;
    struct err_info why = { 0 };
    enum err result = suite_parse(&arena, "a.test.yaml", text, found, &suite, &why);
    assert_true(result == ERR_OK || result == ERR_INVALID); /* what counts is in `found` */
}

static void reader_and_schema_agree_on_shape(void **state)
{
    (void)state;
    AUTO(buf) struct buf schema = { 0 };
    struct agreement agreement = { .read = read_suite, .structural = structural };
    schema_print(&schema, &shape_suite);
    assert_int_equal(buf_check(&schema, NULL), ERR_OK);
    agreement_check(&agreement, buf_str(&schema), seeds, sizeof seeds / sizeof seeds[0]);
    assert_true(agreement.told > 200 && agreement.accepted > 50 && agreement.accepted < agreement.told);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(reader_and_schema_agree_on_shape) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
