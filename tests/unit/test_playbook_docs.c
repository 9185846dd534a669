#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "playbook/playbook.h"
#include "source_page.h"

static uint32_t faults_of(struct str text)
{
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    struct playbook *playbook = NULL;
    struct err_info why = { 0 };
    const struct playbook_world world = { 0 }; /* actions are looked at in tests/e2e/test_e2e_lint.py */
    diagnostics_init(&found, &arena, STR("docs/playbooks.md"));
    if (playbook_parse(text, &world, &found, &playbook, &why) != ERR_OK && found.count == 0)
        print_message("%s\n", why.text);
    playbook_release(playbook);
    for (uint32_t i = 0; i < found.count; i++)
        print_message("line %u of the example: %s %.*s\n", found.items[i].line, found.items[i].code,
            STR_ARG(found.items[i].text));
    return found.count;
}

static void each_example_of_the_guide_has_no_faults(void **state)
{
    (void)state;
    AUTO(buf) struct buf page = { 0 };
    uint32_t examples = 0, faults = 0;
    assert_true(source_page_read("playbooks.md", &page));
    struct str text = buf_str(&page);
    for (ptrdiff_t at = 0; (at = str_find(text, STR("```yaml\n"), (size_t)at)) >= 0;) {
        ptrdiff_t end = str_find(text, STR("\n```\n"), (size_t)at + 8);
        assert_true(end > 0);
        faults += faults_of(str_slice(text, (size_t)at + 8, (size_t)end + 1));
        examples++;
        at = end + 5;
    }
    assert_true(examples >= 3);
    assert_int_equal(faults, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_example_of_the_guide_has_no_faults) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
