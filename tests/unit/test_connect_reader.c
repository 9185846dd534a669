/* What a wrong connector file gets: each fault with its place and its code, all in one go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "connect/connect.h"

#define HEAD \
    "connector: tool\n" \
    "title: Tool\n" \
    "settings: { key: { type: string, secret: true }, n: { type: int, default: 1 } }\n" \
    "base_url: https://tool.example\n"
#define ACTION(text) \
    HEAD "actions:\n" \
         "  do:\n" \
         "    summary: Does\n" \
         "    kind: query\n" text
/* The first line of `text` in ACTION. */
#define LINE 9
#define EXAMPLE "    example: { in: {}, answer: { body: {} }, out: {} }\n"

struct wrong {
    const char *yaml;
    uint32_t line, column; /* 0: wherever */
    const char *code, *text;
};

static const struct wrong wrongs[] = {
    /* the whole */
    { "", 0, 0, "bad_shape", "must be a mapping" },
    { "[]", 1, 1, "bad_shape", "must be a mapping" },
    { "title: x\n", 1, 1, "missing_key", "`connector` is missing" },
    { "connector: tool\n", 1, 1, "missing_key", "`title` is missing" },
    { "connector: My-Tool\ntitle: x\n", 1, 12, "bad_name", "lower case letters" },
    { "connector: tool\ntitle: x\nconector: y\n", 3, 1, "unknown_key", "did you mean `connector`" },
    { "connector: tool\ntitle: x\nactions: {}\n", 1, 1, "missing_key", "`base_url` is missing" },
    { "connector: tool\ntitle: \"x\n", 0, 0, "yaml_quote", "" },
    { "connector: tool\ntitle: x\ntitle: y\n", 3, 1, "yaml_duplicate_key", "title" },
    { HEAD "actions: [a]\n", 5, 10, "bad_shape", "mapping of at most" },
    /* settings */
    { "connector: a\ntitle: A\nsettings: { k: { type: strin } }\n", 3, 24, "unknown_type", "did you mean" },
    { "connector: a\ntitle: A\nsettings: { k: { type: int, default: x } }\n", 3, 38, "wrong_type",
        "default" },
    { "connector: a\ntitle: A\nsettings: { k: { type: int, secret: true } }\n", 3, 16, "wrong_type",
        "string" },
    { "connector: a\ntitle: A\nsettings: { k: { type: string, secret: true, default: x } }\n", 3, 16,
        "secret_default", "no default" },
    { "connector: a\ntitle: A\nsettings: { tls_insecure: bool }\n", 3, 13, "reserved_setting",
        "every connector" },
    { "connector: a\ntitle: A\nsettings: { K: string }\n", 3, 13, "bad_name", "" },
    { "connector: a\ntitle: A\nsettings: { k: { type: string, scret: true } }\n", 3, 32, "unknown_key",
        "did you mean `secret`" },
    /* where */
    { "connector: a\ntitle: A\nbase_url: ftp://x\n", 3, 11, "bad_url", "http:// or https://" },
    { "connector: a\ntitle: A\nbase_url: https://u:p@x/\n", 3, 11, "bad_url", "user or password" },
    { "connector: a\ntitle: A\nbase_url: 7\n", 3, 11, "bad_shape", "must be a text" },
    { "connector: a\ntitle: A\nsettings: { k: { type: string, secret: true } }\nbase_url: \"https://x/${{ "
      "settings.k "
      "}}\"\n",
        4, 11, "secret_misplaced", "`k`" },
    /* auth */
    { HEAD "auth: { kind: magic }\n", 5, 15, "bad_value", "none of: none, bearer" },
    { HEAD "auth: { token: x }\n", 5, 7, "missing_key", "`kind` is missing" },
    { HEAD "auth: { kind: bearer }\n", 5, 7, "missing_key", "`token` is missing" },
    { HEAD "auth: { kind: bearer, token: \"${{ settings.key }}\", user: x }\n", 5, 59, "unknown_key",
        "bearer has no `user`" },
    { HEAD "auth: { kind: basic, user: x, password: hunter2 }\n", 5, 41, "secret_in_file", "" },
    { HEAD "auth: { kind: header, name: Host, token: \"${{ settings.key }}\" }\n", 5, 29, "bad_header", "" },
    { HEAD "auth: { kind: login, user: x }\n", 0, 0, "missing_key", "`token_url` is missing" },
    { HEAD "auth: { kind: login, token_url: x, json: {}, form: {} }\n", 5, 42, "two_bodies", "" },
    { HEAD "auth: { kind: bearer, token: x, form: {} }\n", 5, 39, "unknown_key", "bearer has no `form`" },
    { HEAD "auth: { kind: none, when: settings.x }\n", 0, 0, "expr_check", "" },
    { HEAD "auth: { kind: none, when: settings.n }\n", 5, 27, "expr_type", "bool" },
    /* limits */
    { HEAD "rate_limit: { per: 1m }\n", 5, 13, "missing_key", "`calls`" },
    { HEAD "rate_limit: { calls: 0 }\n", 5, 22, "bad_value", "1 to 1000000" },
    { HEAD "rate_limit: { calls: 1, per: soon }\n", 5, 30, "bad_value", "span" },
    { HEAD "breaker: { failures: many }\n", 5, 22, "bad_value", "whole number" },
    { HEAD "headers: { Content-Length: 1 }\n", 5, 12, "bad_header", "Content-Length" },
    { HEAD "headers: { A: [1] }\n", 5, 15, "bad_shape", "single value" },
    { HEAD "test: { action: nothing }\n", 0, 0, "unknown_action", "nothing" },
    /* actions */
    { HEAD "actions: { do: { kind: query, request: { path: / } } }\n", 5, 16, "missing_key", "`summary`" },
    { HEAD "actions: { do: { summary: x, request: { path: / } } }\n", 5, 16, "missing_key", "`kind`" },
    { HEAD "actions: { do: { summary: x, kind: quer, request: { path: / } } }\n", 5, 36, "bad_value",
        "none of" },
    { HEAD "actions: { do: { summary: x, kind: query } }\n", 5, 16, "missing_key", "`request`" },
    { HEAD "actions: { Do: { summary: x, kind: query, request: { path: / } } }\n", 5, 12, "bad_name", "" },
    { ACTION("    request: { path: x }\n"), LINE, 22, "bad_path", "begin with `/`" },
    { ACTION("    request: { path: /a?b=c }\n"), LINE, 22, "bad_path", "`query`" },
    { ACTION("    request: { path: /a/../b }\n"), LINE, 22, "bad_path", "" },
    { ACTION("    request: { method: GRAB, path: / }\n"), LINE, 24, "bad_value", "none of: GET" },
    { ACTION("    request: { path: \"/x/${{ settings.key }}\" }\n"), LINE, 22, "secret_misplaced", "" },
    { ACTION("    request: { path: /, json: {}, form: {} }\n"), LINE, 41, "two_bodies", "" },
    { ACTION("    request: { path: /, form: [] }\n"), LINE, 31, "bad_shape", "mapping" },
    { ACTION("    request: { path: /, content_type: x }\n"), LINE, 39, "unknown_key", "beside `body`" },
    { ACTION("    request: { path: /, query: { q: \"${{ inputs.nothing }}\" } }\n"), LINE, 0, "expr_check",
        "" },
    { ACTION("    request: { path: /, query: { q: \"${{ in.x }}\" } }\n"), LINE, 0, "expr_parse",
        "inputs.NAME" },
    { ACTION("    request: { path: /, query: { q: \"${{ 1 + }}\" } }\n"), LINE, 0, "expr_parse", "" },
    { ACTION("    request: { path: /, query: { q: \"${{ 1\" } }\n"), LINE, 37, "template_open", "" },
    { ACTION("    request: { path: /, query: { q: \"${{ body.x }}\" } }\n"), LINE, 0, "expr_check", "body" },
    { ACTION("    request: { path: /, query: { q: \"${{ settings.key + 'x' }}\" } }\n"), LINE, 0,
        "secret_in_expression", "stand alone" },
    { ACTION("    request: { path: / }\n    ok_when: ${{ status == 200 }}\n"), LINE + 1, 14, "template_here",
        "" },
    { ACTION("    request: { path: / }\n    ok_when: status\n"), LINE + 1, 14, "expr_type", "bool" },
    { ACTION("    request: { path: / }\n    format: xml\n"), LINE + 1, 13, "bad_value", "none of: json" },
    { ACTION("    request: { path: / }\n    errors: { when: true }\n"), LINE + 1, 13, "bad_shape", "list" },
    { ACTION("    request: { path: / }\n    errors: [{ when: status == 1 }]\n"), LINE + 1, 14, "missing_key",
        "`code`" },
    { ACTION("    request: { path: / }\n    errors: [{ code: x }]\n"), LINE + 1, 14, "missing_key",
        "`when`" },
    { ACTION("    request: { path: / }\n    errors: [{ when: true, code: Not-Good }]\n"), LINE + 1, 34,
        "bad_name", "" },
    { ACTION("    request: { path: / }\n    out: { a: string }\n    answer: { b: x }\n"), LINE + 2, 0,
        "unknown_field", "b is not declared" },
    { ACTION("    request: { path: / }\n    out: { a: string }\n    answer: {}\n"), LINE + 2, 0,
        "missing_field", "a is declared" },
    { ACTION("    request: { path: / }\n    out: { a: int }\n    answer: { a: x }\n"), LINE + 2, 0,
        "wrong_type", "" },
    { ACTION("    request: { path: / }\n    out: { a: int }\n    answer: { a: \"${{ 'x' }}\" }\n"), LINE + 2,
        0, "wrong_type", "" },
    { ACTION("    request: { path: / }\n    paging: { items: \"${{ body }}\" }\n"), LINE + 1, 13,
        "bad_paging", "" },
    { ACTION("    request: { path: / }\n    paging: { next: link, cursor: x, items: x }\n"), LINE + 1, 13,
        "bad_paging", "" },
    { ACTION("    request: { path: / }\n    paging: { next: link }\n"), LINE + 1, 13, "missing_key",
        "`items`" },
    { ACTION("    request: { path: / }\n    paging: { next: x, items: \"${{ body }}\" }\n"), LINE + 1, 21,
        "bad_value", "`link`" },
    { ACTION("    request: { path: / }\n    paging: { number: {}, items: \"${{ body }}\", max: 9999 }\n"),
        LINE + 1, 54, "bad_value", "1 to 1000" },
    { ACTION("    request: { path: / }\n    probe: { request: { path: / } }\n"), LINE + 1, 12, "missing_key",
        "`done_when`" },
    { ACTION("    request: { path: / }\n    undo: { action: undone }\n"), 0, 0, "unknown_action",
        "tool.undone" },
    { ACTION("    in: { abc: int }\n    request: { path: / }\n    undo: { action: do, with: [ abc ] }\n"), 0,
        0, "missing_field", "`undo.with` lacks" },
    { ACTION("    request: { path: / }\n    timeout: 2h\n"), LINE + 1, 14, "bad_value", "span" },
    { ACTION("    in: { a: { type: ip, default: x } }\n    request: { path: / }\n"), LINE, 35, "wrong_type",
        "default" },
    { ACTION("    in: { a: { type: string, hlep: x } }\n    request: { path: / }\n"), LINE, 30, "unknown_key",
        "`help`" },
    /* examples */
    { ACTION("    request: { path: / }\n    examples: x\n"), LINE + 1, 15, "bad_shape", "list" },
    { ACTION("    request: { path: / }\n    example: { in: {}, out: {} }\n"), LINE + 1, 14, "missing_key",
        "`answer`" },
    { ACTION("    request: { path: / }\n    example: { in: {}, answer: {} }\n"), LINE + 1, 14, "missing_key",
        "`out`" },
    { ACTION("    in: { a: int }\n    request: { path: / }\n    example: { in: { a: x }, answer: {}, out: {} "
             "}\n"),
        LINE + 2, 20, "wrong_type", "a: expected int" },
    { ACTION("    out: { a: int }\n    request: { path: / }\n    example: { in: {}, answer: {}, out: { a: x "
             "} }\n"),
        LINE + 2, 41, "wrong_type", "a: expected int" },
};

static bool is_found(const struct diagnostics *found, const struct wrong *wrong)
{
    for (uint32_t i = 0; i < found->count; i++) {
        const struct diagnostic *item = &found->items[i];
        if (strcmp(item->code, wrong->code) == 0 && str_contains(item->text, str_of(wrong->text)) &&
            (wrong->line == 0 || item->line == wrong->line) &&
            (wrong->column == 0 || item->column == wrong->column))
            return true;
    }
    return false;
}

static void print_found(const struct diagnostics *found)
{
    for (uint32_t i = 0; i < found->count; i++) {
        AUTO(buf) struct buf text = { 0 };
        diagnostic_print(&text, &found->items[i]);
        print_error("    %s\n", text.data);
    }
}

static void each_fault_is_told_with_its_place(void **state)
{
    unsigned missed = 0;
    (void)state;
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct diagnostics found;
        diagnostics_init(&found, &arena, STR("tool.yaml"));
        if (!connector_check(str_of(wrongs[i].yaml), &found) && is_found(&found, &wrongs[i]))
            continue;
        print_error(
            "wanted %u:%u %s %s, got\n", wrongs[i].line, wrongs[i].column, wrongs[i].code, wrongs[i].text);
        print_found(&found);
        missed++;
    }
    assert_int_equal(missed, 0);
}

static void all_faults_are_told_in_one_go(void **state)
{
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    (void)state;
    diagnostics_init(&found, &arena, STR("tool.yaml"));
    assert_false(connector_check(STR("connector: tool\ntitle: [x]\nbase_url: ftp://x\nauth: { kind: magic "
                                     "}\nactions:\n  a: { kind: x }\n  b: {"
                                     " summary: s, kind: query, request: { path: x } }\n"),
        &found));
    assert_true(found.error_count >= 7);
}

static void good_file_has_no_faults_and_may_have_warnings(void **state)
{
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    (void)state;
    diagnostics_init(&found, &arena, STR("tool.yaml"));
    assert_true(connector_check(STR(ACTION("    request: { path: / }\n" EXAMPLE)), &found));
    assert_int_equal(found.count, 0);
    assert_true(connector_check(STR(ACTION("    request: { path: / }\n")), &found));
    assert_int_equal(found.count, 1);
    assert_string_equal(found.items[0].code, "no_example");
}

static void load_with_faults_leaves_what_was_there(void **state)
{
    AUTO(arena) struct arena arena = { 0 };
    struct connect_options options = { .clock = clock_system(), .rand = rand_system() };
    struct connect *connect;
    struct diagnostics found;
    struct err_info why = { 0 };
    struct connector_file files[] = { { STR("good.yaml"), STR(ACTION("    request: { path: / }\n" EXAMPLE)) },
        { STR("bad.yaml"), STR("connector: other\n") } };
    (void)state;
    assert_int_equal(connect_new(&options, &connect, &why), ERR_OK);
    diagnostics_init(&found, &arena, STR(""));
    assert_int_equal(connect_load(connect, files, 1, &found, &why), ERR_OK);
    assert_int_equal(connect_load(connect, files, 2, &found, &why), ERR_INVALID);
    assert_true(found.count > 0 && str_equal(found.items[0].file, STR("bad.yaml")));
    struct catalogue_source *source = connect_catalogues(connect);
    const struct catalogue *catalogue = source->acquire(source);
    assert_non_null(catalogue_find(catalogue, STR("tool.do")));
    source->release(source, catalogue);
    connect_free(connect);
}

static void later_file_replaces_an_earlier_one(void **state)
{
    AUTO(arena) struct arena arena = { 0 };
    struct connect_options options = { .clock = clock_system(), .rand = rand_system() };
    struct connect *connect;
    struct diagnostics found;
    struct err_info why = { 0 };
    struct connector_file files[] = { { STR("built-in.yaml"),
                                          STR(ACTION("    request: { path: / }\n" EXAMPLE)) },
        { STR("own.yaml"),
            STR(HEAD "actions: { other: { summary: x, kind: query, request: { path: / } } }\n") } };
    (void)state;
    assert_int_equal(connect_new(&options, &connect, &why), ERR_OK);
    diagnostics_init(&found, &arena, STR(""));
    assert_int_equal(connect_load(connect, files, 2, &found, &why), ERR_OK);
    struct catalogue_source *source = connect_catalogues(connect);
    const struct catalogue *catalogue = source->acquire(source);
    assert_null(catalogue_find(catalogue, STR("tool.do")));
    assert_non_null(catalogue_find(catalogue, STR("tool.other")));
    source->release(source, catalogue);
    connect_free(connect);
}

static void native_action_can_not_be_replaced(void **state)
{
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    (void)state;
    diagnostics_init(&found, &arena, STR("http.yaml"));
    assert_false(connector_check(
        STR("connector: http\ntitle: x\nbase_url: https://x\nactions: { request: { summary: x, "
            "kind: query, request: { path: / } } }\n"),
        &found));
    assert_int_equal(found.error_count, 1);
    for (uint32_t i = 0; i < found.count; i++) {
        if (found.items[i].level == DIAGNOSTIC_ERROR)
            assert_true(found.items[i].line == 4 && str_equal(found.items[i].file, STR("http.yaml")));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_is_told_with_its_place),
        cmocka_unit_test(all_faults_are_told_in_one_go),
        cmocka_unit_test(good_file_has_no_faults_and_may_have_warnings),
        cmocka_unit_test(load_with_faults_leaves_what_was_there),
        cmocka_unit_test(later_file_replaces_an_earlier_one),
        cmocka_unit_test(native_action_can_not_be_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
