#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "api/route.h"

static void nothing(struct request *request)
{
    (void)request;
}

static const struct route table[] = {
    { "GET", "/runs", "list", "", ROUTE_BEARER, PERMISSION_RUNS_READ, .handle = nothing },
    { "POST", "/runs", "start", "", ROUTE_BEARER, PERMISSION_RUNS_WRITE, .handle = nothing },
    { "GET", "/runs/{id}", "show", "", ROUTE_BEARER, PERMISSION_RUNS_READ, .handle = nothing },
    { "POST", "/runs/{id}/steps/{step}", "step", "", ROUTE_BEARER, PERMISSION_RUNS_WRITE, .handle = nothing },
    { .method = NULL },
};

static void paths_match_part_by_part(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path, *operation;
    } cases[] = {
        { "GET", "/runs", "list" },
        { "HEAD", "/runs", "list" },
        { "POST", "/runs", "start" },
        { "GET", "/runs/01X", "show" },
        { "POST", "/runs/01X/steps/a", "step" },
        { "GET", "/runs/", NULL },
        { "GET", "/runs//", NULL },
        { "GET", "//runs", NULL },
        { "GET", "/Runs", NULL },
        { "GET", "/runs/01X/", NULL },
        { "GET", "/runs/../runs", NULL },
        { "GET", "", NULL },
        { "get", "/runs", NULL },
        { "DELETE", "/runs", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct route_match match;
        route_find(table, str_of(cases[i].method), str_of(cases[i].path), &match);
        if (cases[i].operation == NULL) {
            assert_null(match.route);
        } else {
            assert_non_null(match.route);
            assert_string_equal(match.route->operation, cases[i].operation);
        }
    }
}

static void arguments_come_in_order(void **state)
{
    (void)state;
    struct route_match match;
    route_find(table, STR("POST"), STR("/runs/01X/steps/a%2Fb"), &match);
    assert_int_equal(match.argument_count, 2);
    assert_true(str_equal(match.arguments[0], STR("01X")));
    assert_true(str_equal(match.arguments[1], STR("a%2Fb")));
}

static void wrong_methods_name_the_allowed_ones(void **state)
{
    (void)state;
    struct route_match match;
    route_find(table, STR("DELETE"), STR("/runs"), &match);
    assert_true(match.has_path);
    assert_int_equal(match.allowed_count, 2);
    assert_string_equal(match.allowed[0], "GET");
    assert_string_equal(match.allowed[1], "POST");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_match_part_by_part),
        cmocka_unit_test(arguments_come_in_order),
        cmocka_unit_test(wrong_methods_name_the_allowed_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
