#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "playbook/lint_code.h"
#include "source_page.h"

static void codes_are_sorted_and_explained(void **state)
{
    (void)state;
    const struct lint_code *code, *before = NULL;
    for (uint32_t i = 0; (code = lint_code_at(i)) != NULL; i++, before = code) {
        assert_true(before == NULL || strcmp(before->code, code->code) < 0);
        assert_true(strlen(code->summary) > 0 && strlen(code->explanation) > 0);
        assert_ptr_equal(lint_code_find(str_of(code->code)), code);
    }
    assert_null(lint_code_find(STR("no_such_code")));
}

static void the_page_says_what_the_table_says(void **state)
{
    (void)state;
    AUTO(buf) struct buf page = { 0 };
    AUTO(buf) struct buf expected = { 0 };
    const struct lint_code *code;
    assert_true(source_page_read("lint.md", &page));
    buf_add_text(&expected,
        "# What the linter finds\n\n`tocsin lint --explain CODE` prints the same. A unit test "
        "holds this page against the code.\n");
    for (uint32_t i = 0; (code = lint_code_at(i)) != NULL; i++)
        buf_printf(&expected, "\n## %s\n%s: %s.\n\n%s\n", code->code,
            code->level == DIAGNOSTIC_ERROR ? "error" : "warning", code->summary, code->explanation);
    assert_int_equal(buf_check(&expected, NULL), ERR_OK);
    assert_int_equal(page.size, expected.size);
    assert_memory_equal(page.data, expected.data, page.size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_are_sorted_and_explained),
        cmocka_unit_test(the_page_says_what_the_table_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
