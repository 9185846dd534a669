#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "connect/answer_shape.h"

struct told {
    char text[2000];
    int count;
};

static void tell(void *context, const struct drift *drift)
{
    struct told *told = context;
    size_t used = strlen(told->text);
    snprintf(told->text + used, sizeof told->text - used, "%s %.*s (%.*s -> %.*s);",
        drift_kind_name(drift->kind), STR_ARG(drift->field), STR_ARG(drift->before), STR_ARG(drift->now));
    told->count++;
}

static struct told observe_at(struct answer_shape *shape, const char *text, int times, int64_t second)
{
    struct told told = { 0 };
    for (int i = 0; i < times; i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct json_options options = { 0 };
        struct value v;
        struct err_info why = { 0 };
        if (json_parse(&arena, str_of(text), &options, &v, &why) != ERR_OK)
            fail_msg("%s: %s", text, why.text);
        answer_shape_observe(shape, v, (struct instant){ second * US_PER_S }, tell, &told);
    }
    return told;
}

static struct told observe(struct answer_shape *shape, const char *text, int times)
{
    return observe_at(shape, text, times, 1000);
}

static struct answer_shape *new_shape(void)
{
    struct answer_shape *shape = NULL;
    assert_int_equal(answer_shape_new(&shape, NULL), ERR_OK);
    return shape;
}

static void answers_alike_tell_nothing(void **state)
{
    (void)state;
    struct answer_shape *shape = new_shape();
    assert_int_equal(observe(shape, "{\"a\":1,\"b\":[{\"c\":\"x\"},{\"c\":\"y\"}]}", 500).count, 0);
    assert_int_equal(observe(shape, "{\"a\":1.5,\"b\":[]}", 5).count, 0); /* a number is a number */
    assert_int_equal(answer_shape_count(shape), 505);
    answer_shape_free(shape);
}

static void few_answers_are_no_knowledge(void **state)
{
    (void)state;
    struct answer_shape *shape = new_shape();
    (void)observe(shape, "{\"a\":1}", ANSWER_SHAPE_KNOWN_AFTER - 1);
    assert_int_equal(observe(shape, "{\"a\":\"x\"}", 1).count, 0);
    answer_shape_free(shape);
}

static void what_differs_is_told_with_its_path_once_an_hour(void **state)
{
    (void)state;
    struct answer_shape *shape = new_shape();
    (void)observe(shape, "{\"a\":{\"b\":[{\"c\":1,\"d\":true}]},\"e\":\"s\"}", 50);
    struct told told = observe(shape, "{\"a\":{\"b\":[{\"c\":\"1\",\"d\":null}]}}", 1);
    assert_string_equal(told.text,
        "type a.b[].c (int, in 50 of 50 answers -> string);null a.b[].d (bool, in 50 of 50 answers -> null);"
        "missing e (string, in 50 of 50 answers: \"s\" -> missing);");
    assert_int_equal(observe(shape, "{\"a\":{\"b\":[{\"c\":\"1\",\"d\":null}]}}", 1).count, 0);
    told = observe_at(shape, "{\"a\":{\"b\":7},\"e\":\"s\"}", 1, 1000 + ANSWER_SHAPE_REPORT_AGAIN_SECONDS);
    assert_string_equal(told.text, "type a.b (list, in 52 of 52 answers -> int);");
    answer_shape_free(shape);
}

static void a_field_that_comes_and_goes_may_go(void **state)
{
    (void)state;
    struct answer_shape *shape = new_shape();
    for (int i = 0; i < 50; i++) {
        (void)observe(shape, "{\"a\":1,\"b\":2}", 1);
        (void)observe(shape, "{\"a\":1,\"b\":null}", 1);
        (void)observe(shape, "{\"a\":1}", 1);
    }
    assert_int_equal(observe(shape, "{\"a\":1}", 10).count, 0);
    assert_int_equal(observe(shape, "{\"a\":1,\"b\":null,\"new\":1}", 10).count, 0);
    assert_string_equal(
        observe(shape, "{\"b\":2}", 1).text, "missing a (int, in 170 of 170 answers -> missing);");
    answer_shape_free(shape);
}

static void a_word_beside_the_few_is_told(void **state)
{
    (void)state;
    struct answer_shape *shape = new_shape();
    (void)observe(shape, "{\"state\":\"open\"}", 150);
    (void)observe(shape, "{\"state\":\"closed\"}", 0);
    struct told told = observe(shape, "{\"state\":\"archived\"}", 1);
    assert_string_equal(told.text, "value state (string, in 150 of 150 answers: \"open\" -> \"archived\");");
    answer_shape_free(shape);
}

static void free_texts_are_no_choices(void **state)
{
    (void)state;
    struct answer_shape *shape = new_shape();
    char text[64];
    for (int i = 0; i < 300; i++) {
        snprintf(text, sizeof text, "{\"id\":\"%d\"}", i);
        assert_int_equal(observe(shape, text, 1).count, 0);
    }
    answer_shape_free(shape);
}

static void what_is_stored_is_known_again(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf first = { 0 };
    AUTO(buf) struct buf second = { 0 };
    struct answer_shape *shape = new_shape(), *again = NULL;
    struct value described;
    struct err_info why = { 0 };
    (void)observe(shape, "{\"a\":[{\"b\":1}],\"c\":\"x\"}", 120);
    assert_int_equal(answer_shape_describe(shape, &arena, &described, &why), ERR_OK);
    assert_int_equal(answer_shape_restore(described, &again, &why), ERR_OK);
    json_print(&first, described, 0);
    assert_int_equal(answer_shape_describe(again, &arena, &described, &why), ERR_OK);
    json_print(&second, described, 0);
    assert_true(str_equal(buf_str(&first), buf_str(&second)));
    assert_string_equal(observe(again, "{\"a\":[{}],\"c\":\"y\"}", 1).text,
        "missing a[].b (int, in 120 of 120 answers -> missing);"
        "value c (string, in 120 of 120 answers: \"x\" -> \"y\");");
    answer_shape_free(shape);
    answer_shape_free(again);
    assert_int_equal(answer_shape_restore(value_string(STR("x")), &again, &why), ERR_INVALID);
}

static struct value describe(const struct answer_shape *shape, struct arena *arena)
{
    struct value described = value_null();
    assert_int_equal(answer_shape_describe(shape, arena, &described, NULL), ERR_OK);
    return described;
}

static void hostile_answers_stay_within_limits(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct answer_shape *shape = new_shape();
    AUTO(buf) struct buf text = { 0 };
    buf_add_byte(&text, '{');
    for (int i = 0; i < 20000; i++)
        buf_printf(&text, "%s\"k%d\":{\"v\":%d}", i ? "," : "", i, i);
    buf_add_byte(&text, '}');
    buf_add_byte(&text, '\0');
    for (int i = 0; i < 30; i++)
        assert_int_equal(observe(shape, buf_str(&text).data, 1).count, 0);
    text.size = 0;
    for (int i = 0; i < 60; i++)
        buf_add_text(&text, "{\"d\":");
    buf_add_text(&text, "1");
    for (int i = 0; i < 60; i++)
        buf_add_byte(&text, '}');
    buf_add_byte(&text, '\0');
    /* What was learned of the wide ones is missing, each field once; what is deep finds no room beside it. */
    assert_int_equal(observe(shape, buf_str(&text).data, 3).count, ANSWER_SHAPE_CHILDREN_MAX);
    assert_int_equal(answer_shape_count(shape), 33);
    assert_int_equal(value_get(describe(shape, &arena), STR("fields")).size, ANSWER_SHAPE_CHILDREN_MAX);
    answer_shape_free(shape);
    shape = new_shape();
    assert_int_equal(observe(shape, buf_str(&text).data, 3).count, 0);
    struct value level = describe(shape, &arena);
    int depth = 0;
    for (; value_get(level, STR("fields")).size > 0; depth++)
        level = value_get(value_get(level, STR("fields")), STR("d"));
    assert_int_equal(depth, ANSWER_SHAPE_DEPTH_MAX);
    answer_shape_free(shape);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_alike_tell_nothing),
        cmocka_unit_test(few_answers_are_no_knowledge),
        cmocka_unit_test(what_differs_is_told_with_its_path_once_an_hour),
        cmocka_unit_test(a_field_that_comes_and_goes_may_go),
        cmocka_unit_test(a_word_beside_the_few_is_told),
        cmocka_unit_test(free_texts_are_no_choices),
        cmocka_unit_test(what_is_stored_is_known_again),
        cmocka_unit_test(hostile_answers_stay_within_limits),
    };
    return cmocka_run_group_tests_name("connect shape", tests, NULL, NULL);
}
