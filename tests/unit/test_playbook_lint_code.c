/* Every code: in the table, on its page, and with a playbook that gets it and one that nearly does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "playbook/lint_code.h"
#include "playbook_world.h"
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

/* ---- what the page has no room for ---- */

static void many(struct buf *buf, const char *before, const char *each, uint32_t count, const char *after)
{
    buf_add_text(buf, before);
    for (uint32_t i = 0; i < count; i++)
        buf_add_text(buf, each);
    buf_add_text(buf, after);
}

static void make_expression(struct buf *buf, bool is_wrong)
{
    uint32_t count = is_wrong ? EXPR_DEPTH_MAX + 1 : 10;
    buf_add_text(buf, "steps:\n  - return: \"${{ ");
    for (uint32_t i = 0; i < count; i++)
        buf_add_byte(buf, '[');
    for (uint32_t i = 0; i < count; i++)
        buf_add_byte(buf, ']');
    buf_add_text(buf, " }}\"\n");
}

static void make_loop_depth(struct buf *buf, bool is_wrong)
{
    buf_add_text(buf, "steps: ");
    uint32_t count = SCOPE_LOOPS_MAX + (is_wrong ? 1 : 0);
    for (uint32_t i = 0; i < count; i++)
        buf_printf(buf, "[ { for_each: \"[1]\", as: i%u, steps: ", i);
    many(buf, "[ { wait: 1s } ]", " } ]", count, "\n");
}

static void make_nesting(struct buf *buf, bool is_wrong)
{
    uint32_t count = is_wrong ? PLAYBOOK_NESTING_MAX : 10;
    many(buf, "steps: [ ", "{ if: alert.count > 1, then: ", count, "{ wait: 1s } ");
    many(buf, "", "} ", count, "]\n");
}

static void make_steps(struct buf *buf, bool is_wrong)
{
    many(buf, "steps:\n", "  - wait: 1s\n", PLAYBOOK_STEPS_MAX + (is_wrong ? 1 : 0), "");
}

static void make_aliases(struct buf *buf, bool is_wrong)
{
    many(buf, "title: &a x\nsteps:\n  - return: [", "*a, ", is_wrong ? YAML_ALIASES_MAX + 1 : 10, "1 ]\n");
}

static void make_bytes(struct buf *buf, bool is_wrong)
{
    many(buf, "steps: [ { wait: 1s } ]\n", "# 3456789 123456789 123456789 12345678\n",
        is_wrong ? YAML_BYTES_MAX / 39 + 1 : 10, "");
}

static void make_depth(struct buf *buf, bool is_wrong)
{
    uint32_t count = is_wrong ? YAML_DEPTH_MAX + 1 : 10;
    buf_add_text(buf, "steps:\n  - return: ");
    for (uint32_t i = 0; i < 2 * count; i++)
        buf_add_byte(buf, i < count ? '[' : ']');
    buf_add_byte(buf, '\n');
}

static void make_encoding(struct buf *buf, bool is_wrong)
{
    buf_add_text(buf,
        is_wrong ? "title: \xc3\x28\nsteps: [ { wait: 1s } ]\n"
                 : "title: \xc3\xa4\nsteps: [ { wait: 1s } ]\n");
}

static void make_nodes(struct buf *buf, bool is_wrong)
{
    many(buf, "steps:\n  - return: [", "1,", is_wrong ? YAML_NODES_MAX : 10, "]\n");
}

static const struct {
    const char *code;
    void (*make)(struct buf *buf, bool is_wrong);
} large[] = {
    { "expr_limit", make_expression },
    { "loop_depth", make_loop_depth },
    { "playbook_nesting", make_nesting },
    { "playbook_steps", make_steps },
    { "yaml_aliases", make_aliases },
    { "yaml_bytes", make_bytes },
    { "yaml_depth", make_depth },
    { "yaml_encoding", make_encoding },
    { "yaml_nodes", make_nodes },
};

static bool is_large(const char *code)
{
    for (size_t i = 0; i < sizeof large / sizeof large[0]; i++)
        if (strcmp(large[i].code, code) == 0)
            return true;
    return false;
}

/* Exactly when `is_wrong` the code is among the faults; what is right has none at all. */
static uint32_t check(const char *code, struct str text, bool is_wrong)
{
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    test_lint(text, &arena, &found);
    bool is_good = is_wrong ? test_has_code(&found, str_of(code)) : found.count == 0;
    for (uint32_t i = 0; is_wrong && i < found.count; i++)
        is_good = is_good && str_equal(str_of(found.items[i].code), str_of(code)) &&
            found.items[i].level == lint_code_find(str_of(code))->level;
    if (!is_good)
        print_message("%s: the example that is %s gets:\n", code, is_wrong ? "wrong" : "right");
    if (!is_good)
        test_print_faults(&found);
    return !is_good;
}

static void what_takes_much_text_is_found_too(void **state)
{
    (void)state;
    uint32_t wrong = 0;
    for (size_t i = 0; i < sizeof large / sizeof large[0]; i++) {
        for (unsigned is_wrong = 0; is_wrong < 2; is_wrong++) {
            AUTO(buf) struct buf text = { 0 };
            large[i].make(&text, is_wrong);
            assert_int_equal(buf_check(&text, NULL), ERR_OK);
            wrong += check(large[i].code, buf_str(&text), is_wrong);
        }
    }
    assert_int_equal(wrong, 0);
}

/* ---- the page ---- */

static bool take(struct str *page, const char *expected)
{
    struct str text = str_of(expected);
    if (!str_starts(*page, text)) {
        print_message("docs/lint.md has \"%.60s\"\nwhere \"%.60s\" is expected\n", page->data, expected);
        return false;
    }
    *page = str_slice(*page, text.size, page->size);
    return true;
}

static struct str take_example(struct str *page, const char *opening)
{
    assert_true(take(page, opening));
    ptrdiff_t end = str_find(*page, STR("```\n"), 0);
    assert_true(end > 0);
    struct str example = str_slice(*page, 0, (size_t)end);
    *page = str_slice(*page, (size_t)end + 4, page->size);
    return example;
}

static void the_page_explains_each_code_with_examples_that_hold(void **state)
{
    (void)state;
    AUTO(buf) struct buf page = { 0 };
    const struct lint_code *code;
    uint32_t wrong = 0;
    assert_true(source_page_read("lint.md", &page));
    struct str rest = buf_str(&page);
    ptrdiff_t first = str_find(rest, STR("\n## "), 0);
    assert_true(first > 0);
    rest = str_slice(rest, (size_t)first, rest.size);
    for (uint32_t i = 0; (code = lint_code_at(i)) != NULL; i++) {
        char head[2048];
        if (code->place != LINT_IN_PLAYBOOK)
            continue;
        snprintf(head, sizeof head, "\n## %s\n%s: %s.\n\n%s\n", code->code,
            code->level == DIAGNOSTIC_ERROR ? "error" : "warning", code->summary, code->explanation);
        assert_true(take(&rest, head));
        if (is_large(code->code))
            continue;
        wrong += check(code->code, take_example(&rest, "\n```yaml wrong\n"), true);
        wrong += check(code->code, take_example(&rest, "\n```yaml right\n"), false);
    }
    /* What follows is run by tests/e2e/test_e2e_lint.py, with the readers of those files. */
    assert_true(take(&rest, "\n# In connectors, sources and tests\n"));
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_are_sorted_and_explained),
        cmocka_unit_test(what_takes_much_text_is_found_too),
        cmocka_unit_test(the_page_explains_each_code_with_examples_that_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
