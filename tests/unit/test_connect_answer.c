/* From JSON to declared types, and what must not be shown. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "connect/answer.h"
#include "connect/call_secrets.h"

static struct value read_json(struct arena *arena, const char *text)
{
    struct value v;
    struct json_options options = { .copy_strings = true };
    assert_int_equal(json_parse(arena, str_of(text), &options, &v, NULL), ERR_OK);
    return v;
}

/* ---- answer_fit ---- */

static const struct type list_of_double = { .kind = TYPE_LIST, .item = &type_double };
static const struct type maybe_int = { .kind = TYPE_NULLABLE, .item = &type_int };
static const struct type map_of_int = { .kind = TYPE_MAP, .key = &type_string, .item = &type_int };
static const struct type_field fields[] = {
    { .name = STR_INIT("i"), .type = &type_int, .is_required = true },
    { .name = STR_INIT("d"), .type = &type_double },
    { .name = STR_INIT("t"), .type = &type_timestamp },
    { .name = STR_INIT("l"), .type = &list_of_double },
    { .name = STR_INIT("n"), .type = &maybe_int },
    { .name = STR_INIT("m"), .type = &map_of_int },
    { .name = STR_INIT("x"), .type = &type_dyn },
};
static const struct type record = { .kind = TYPE_RECORD, .fields = fields, .field_count = 7 };

static void json_is_made_to_fit_where_it_can(void **state)
{
    (void)state;
    static const struct {
        const char *given, *wanted; /* NULL: does not fit */
    } cases[] = {
        { "{\"i\":1}", "{\"i\":1}" },
        { "{\"i\":1.0}", "{\"i\":1}" },
        { "{\"i\":-9007199254740992.0}", "{\"i\":-9007199254740992}" },
        { "{\"i\":1.5}", NULL },
        { "{\"i\":1e300}", NULL },
        { "{\"i\":18446744073709551615}", NULL },
        { "{\"i\":\"1\"}", NULL },
        { "{\"i\":true}", NULL },
        { "{\"i\":null}", NULL },
        { "{}", NULL },
        { "{\"i\":1,\"d\":2,\"other\":{\"a\":1}}",
            "{\"d\":2.0,\"i\":1}" }, /* what is not declared is left out */
        { "{\"i\":1,\"d\":null,\"t\":null}", "{\"i\":1}" }, /* so is null that need not be there */
        { "{\"i\":1,\"n\":null}", "{\"i\":1,\"n\":null}" },
        { "{\"i\":1,\"n\":2.0}", "{\"i\":1,\"n\":2}" },
        { "{\"i\":1,\"x\":null}", "{\"i\":1,\"x\":null}" },
        { "{\"i\":1,\"l\":[1,2.5,18446744073709551615]}",
            "{\"i\":1,\"l\":[1.0,2.5,18446744073709552000.0]}" },
        { "{\"i\":1,\"l\":[1,\"2\"]}", NULL },
        { "{\"i\":1,\"m\":{\"a\":1.0}}", "{\"i\":1,\"m\":{\"a\":1}}" },
        { "{\"i\":1,\"m\":[]}", NULL },
        { "{\"i\":1,\"t\":\"2026-01-01T00:00:00+01:00\"}", "{\"i\":1,\"t\":\"2025-12-31T23:00:00Z\"}" },
        { "{\"i\":1,\"t\":\"2026-01-01T00:00:00.5-0130\"}", "{\"i\":1,\"t\":\"2026-01-01T01:30:00.500Z\"}" },
        { "{\"i\":1,\"t\":\"2026-01-01\"}", NULL },
        { "{\"i\":1,\"t\":\"-0100\"}", NULL },
        { "{\"i\":1,\"t\":1767225600}", NULL },
        { "[]", NULL },
        { "null", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena arena = { 0 };
        AUTO(buf) struct buf text = { 0 };
        struct value fitted;
        assert_int_equal(
            answer_fit(&record, &arena, read_json(&arena, cases[i].given), &fitted, NULL), ERR_OK);
        bool fits = type_check_value(&record, fitted, NULL) == ERR_OK;
        json_print(&text, fitted, JSON_SORT_KEYS);
        if (fits != (cases[i].wanted != NULL) || (fits && strcmp(text.data, cases[i].wanted) != 0))
            fail_msg("%s: %s", cases[i].given, text.data);
    }
}

static void numbers_that_no_int_holds_stay(void **state)
{
    (void)state;
    static const double odd[] = { NAN, INFINITY, -INFINITY, 9007199254740994.0, 0.5 };
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        struct value fitted;
        assert_int_equal(answer_fit(&type_int, NULL, value_double(odd[i]), &fitted, NULL), ERR_OK);
        assert_int_equal(fitted.type, VALUE_DOUBLE);
    }
}

/* ---- masking ---- */

static void secrets_are_masked_wherever_they_stand(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(call_secrets) struct call_secrets secrets = { 0 };
    struct value handle;
    static const struct {
        const char *given, *wanted;
    } cases[] = { { "nothing here", "nothing here" }, { "a/b c+d", "(secret)" },
        { "x a/b c+dy", "x (secret)y" }, { "a%2Fb%20c%2Bd", "(secret)" },
        { "a/b c+da/b c+d", "(secret)(secret)" }, { "a/b c+", "a/b c+" },
        { "long-secret-and-more", "(secret)" }, { "long-secret-and", "(secret)-and" }, { "", "" },
        { "tiny", "tiny" } };
    assert_int_equal(call_secrets_add(&secrets, STR("a/b c+d"), &handle, NULL), ERR_OK);
    assert_int_equal(call_secrets_add(&secrets, STR("long-secret"), &handle, NULL), ERR_OK);
    assert_int_equal(call_secrets_add(&secrets, STR("long-secret-and-more"), &handle, NULL), ERR_OK);
    assert_int_equal(call_secrets_add(&secrets, STR("tiny"), &handle, NULL), ERR_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str masked;
        assert_int_equal(call_secrets_mask(&secrets, &arena, str_of(cases[i].given), &masked, NULL), ERR_OK);
        if (!str_equal(masked, str_of(cases[i].wanted)))
            fail_msg("%s: %.*s", cases[i].given, STR_ARG(masked));
    }
}

static void values_are_masked_at_any_depth_and_keys_too(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf text = { 0 };
    AUTO(call_secrets) struct call_secrets secrets = { 0 };
    struct value handle, masked, clean = read_json(&arena, "{\"a\":[1,{\"b\":\"c\"}]}");
    assert_int_equal(call_secrets_add(&secrets, STR("s3cr3t"), &handle, NULL), ERR_OK);
    struct value v = read_json(
        &arena, "{\"a\":[1,{\"<s3cr3t>\":[\"s3cr3t\",{\"x\":\"s3cr3ts3cr3t\"}]}],\"n\":null}");
    assert_int_equal(call_secrets_mask_value(&secrets, &arena, v, &masked, NULL), ERR_OK);
    json_print(&text, masked, 0);
    assert_string_equal(
        text.data, "{\"a\":[1,{\"<(secret)>\":[\"(secret)\",{\"x\":\"(secret)(secret)\"}]}],\"n\":null}");
    assert_int_equal(call_secrets_mask_value(&secrets, &arena, clean, &masked, NULL), ERR_OK);
    assert_ptr_equal(masked.map, clean.map); /* shared when there is nothing to mask */
}

static void call_has_a_limited_number_of_secrets(void **state)
{
    (void)state;
    AUTO(call_secrets) struct call_secrets secrets = { 0 };
    struct value handle;
    struct err_info why = { 0 };
    struct str bytes;
    for (int i = 0; i < CALL_SECRETS_MAX; i++)
        assert_int_equal(call_secrets_add(&secrets, STR("another one"), &handle, NULL), ERR_OK);
    assert_int_equal(call_secrets_add(&secrets, STR("another one"), &handle, &why), ERR_LIMIT);
    assert_string_equal(why.name, "CALL_SECRETS_MAX");
    call_secrets_trim(&secrets, 1);
    assert_int_equal(secrets.count, 1);
    struct value foreign = { .type = VALUE_SECRET, .size = 5 };
    assert_int_equal(call_secrets_bytes(&secrets, NULL, foreign, &bytes, NULL), ERR_INVALID);
}

/* ---- errors ---- */

static void tools_own_words_are_found_and_cut(void **state)
{
    (void)state;
    static const struct {
        const char *body, *wanted;
    } cases[] = { { "{\"message\":\"no\"}", "GET x answered 400: no" },
        { "{\"error\":{\"message\":\"no\",\"code\":7}}", "GET x answered 400: no" },
        { "{\"error\":\"no\"}", "GET x answered 400: no" },
        { "{\"detail\":\"no\"}", "GET x answered 400: no" },
        { "{\"error_description\":\"no\",\"error\":\"bad\"}", "GET x answered 400: no" },
        { "{\"title\":\"no\"}", "GET x answered 400: no" }, { "\"no\"", "GET x answered 400: no" },
        { "{\"message\":7}", "GET x answered 400" }, { "[1]", "GET x answered 400" },
        { "null", "GET x answered 400" } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct http_answer answer = { .status = 400 };
        struct action_result result;
        assert_int_equal(answer_status_error(
                             &answer, read_json(&arena, cases[i].body), STR("GET x"), &arena, &result, NULL),
            ERR_OK);
        if (!str_equal(result.error.message, str_of(cases[i].wanted)))
            fail_msg("%s: %.*s", cases[i].body, STR_ARG(result.error.message));
    }
}

static void long_words_are_cut_between_characters(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf text = { 0 };
    struct http_answer answer = { .status = 400 };
    struct action_result result;
    buf_add_byte(&text, 'x');
    for (int i = 0; i < 400; i++)
        buf_add_text(&text, "\xc3\xa9");
    assert_int_equal(
        answer_status_error(&answer, value_string(buf_str(&text)), STR("GET x"), &arena, &result, NULL),
        ERR_OK);
    assert_true(result.error.message.size < 330);
    assert_true(str_ends(result.error.message, STR("\xc3\xa9")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_made_to_fit_where_it_can),
        cmocka_unit_test(numbers_that_no_int_holds_stay),
        cmocka_unit_test(secrets_are_masked_wherever_they_stand),
        cmocka_unit_test(values_are_masked_at_any_depth_and_keys_too),
        cmocka_unit_test(call_has_a_limited_number_of_secrets),
        cmocka_unit_test(tools_own_words_are_found_and_cut),
        cmocka_unit_test(long_words_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
