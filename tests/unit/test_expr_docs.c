#include "expr_helpers.h"

#include "expr/function.h"
#include "source_page.h"

#define ARROW " \xe2\x86\x92 "

/* The text between "```KIND" and "```", from `*at` on, which moves behind it. False when there is no more. */
static bool next_block(struct str page, const char *kind, size_t *at, struct str *ret)
{
    char mark[16];
    snprintf(mark, sizeof(mark), "\n```%s\n", kind);
    ptrdiff_t start = str_find(page, str_of(mark), *at);
    if (start < 0)
        return false;
    size_t from = (size_t)start + strlen(mark);
    ptrdiff_t end = str_find(page, STR("\n```"), from - 1);
    assert_true(end > 0);
    *ret = str_slice(page, from, (size_t)end + 1);
    *at = (size_t)end;
    return true;
}

static void copy(char *room, size_t size, struct str text)
{
    assert_true(text.size < size);
    memcpy(room, text.data, text.size);
    room[text.size] = '\0';
}

/* One example; it may go over several lines, and ends with the one that has the arrow. */
static size_t check_example(struct expr_scope *scope, struct str source, struct str wanted)
{
    char expression[2048], result[2048];
    AUTO(buf) struct buf ours = { 0 };
    AUTO(buf) struct buf theirs = { 0 };
    bool is_error = str_starts(wanted, STR("error: "));
    copy(expression, sizeof(expression), source);
    copy(result, sizeof(result), is_error ? str_slice(wanted, 7, wanted.size) : wanted);
    assert_int_equal(expr_refusals(&scope->env, scope->values, expression), 0);
    expr_run(scope, expression, false, &ours);
    if (!is_error)
        expr_run(scope, result, false, &theirs);
    bool holds = is_error ? ours.data[0] == '!' && str_contains(buf_str(&ours), str_of(result))
                          : ours.data[0] != '!' && str_equal(buf_str(&ours), buf_str(&theirs));
    if (!holds)
        printf("%s\n  expected %s\n  got      %s\n", expression, is_error ? result : theirs.data, ours.data);
    return !holds;
}

static void open_page_scope(struct str page, struct expr_scope *scope)
{
    char json[2048];
    struct str block;
    size_t at = 0;
    assert_true(next_block(page, "json", &at, &block));
    copy(json, sizeof(json), block);
    expr_scope_open(scope, json);
}

static void each_example_gives_what_the_page_says(void **state)
{
    (void)state;
    AUTO(buf) struct buf page = { 0 };
    struct expr_scope scope;
    struct str block;
    size_t at = 0, examples = 0, faults = 0;
    assert_true(source_page_read("expressions.md", &page));
    open_page_scope(buf_str(&page), &scope);
    while (next_block(buf_str(&page), "cel", &at, &block)) {
        size_t from = 0;
        for (ptrdiff_t arrow; (arrow = str_find(block, STR(ARROW), from)) >= 0;) {
            ptrdiff_t end = str_find_byte(block, '\n', (size_t)arrow);
            assert_true(end > 0);
            struct str wanted = str_slice(block, (size_t)arrow + strlen(ARROW), (size_t)end);
            faults += check_example(&scope, str_slice(block, from, (size_t)arrow), wanted);
            from = (size_t)end + 1;
            examples++;
        }
        assert_int_equal(from, block.size);
    }
    expr_scope_close(&scope);
    assert_true(examples > 100);
    assert_int_equal(faults, 0);
}

/* Whether "name(" stands in an example; methods and functions look alike there. */
static bool has_example(struct str page, struct str name)
{
    AUTO(buf) struct buf mark = { 0 };
    struct str block;
    buf_add(&mark, name);
    buf_add_byte(&mark, '(');
    for (size_t at = 0; next_block(page, "cel", &at, &block);) {
        if (str_contains(block, buf_str(&mark)))
            return true;
    }
    return false;
}

static void every_function_has_an_example(void **state)
{
    (void)state;
    AUTO(buf) struct buf page = { 0 };
    uint32_t count = 0;
    size_t faults = 0;
    assert_true(source_page_read("expressions.md", &page));
    const struct library *const *libraries = function_libraries(&count);
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < libraries[i]->count; k++) {
            struct str name = libraries[i]->functions[k].name;
            bool is_operator = name.data[0] == '_' || name.data[0] == '!' || name.data[0] == '-';
            if (is_operator || has_example(buf_str(&page), name))
                continue;
            printf("%.*s() has no example\n", STR_ARG(name));
            faults++;
        }
    }
    assert_int_equal(faults, 0);
}

/* function_find searches by halves. */
static void tables_of_functions_are_in_order(void **state)
{
    (void)state;
    uint32_t count = 0;
    const struct library *const *libraries = function_libraries(&count);
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < libraries[i]->count; k++) {
            const struct function *function = &libraries[i]->functions[k];
            assert_ptr_equal(function_find(function->name), function);
            assert_true(k == 0 || str_compare(function[-1].name, function->name) < 0);
            for (uint32_t o = 0; o < function->overload_count; o++)
                assert_true(function->overloads[o].count <= FUNCTION_PARAMETERS_MAX);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_example_gives_what_the_page_says),
        cmocka_unit_test(every_function_has_an_example),
        cmocka_unit_test(tables_of_functions_are_in_order),
    };
    return cmocka_run_group_tests_name("expr_docs", tests, NULL, NULL);
}
