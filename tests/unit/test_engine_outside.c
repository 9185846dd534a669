/* Which values of a run are marked as from outside: the gate in front of each call goes by that. */
#include "engine_world.h"

#include "base/json.h"

static enum err open_task(void *context, struct store_conn *conn, struct err_info *why)
{
    struct reading *reading = context;
    const struct list_query query = {
        .tenant = TENANT_DEFAULT, .limit = 1, .status = STR("open"), .run_id = reading->run
    };
    return task_list(conn, &query, reading->arena, &reading->shown, why);
}

static void answer_task(struct id run, const char *answer)
{
    AUTO(arena) struct arena arena = { 0 };
    struct err_info why = { 0 };
    struct reading reading = { .run = run, .arena = &arena };
    struct told told = told_new();
    struct value given;
    struct id task;
    test_check(store_read_wait(engine_world.store, open_task, &reading, &why), &why);
    assert_true(
        id_parse(value_str(value_get(value_get(reading.shown, STR("items")).items[0], STR("id"))), &task));
    test_check(json_parse(&arena, str_of(answer), NULL, &given, &why), &why);
    engine_answer_task(engine_world.engine, TENANT_DEFAULT, task, STR("tester"), given, &told.reply);
    world_pass(US_PER_S);
    assert_true(told.is_told);
    test_check(told.result, &told.why);
}

/* As the linter has it; the gate in front of each call goes by the marks. */
static void what_people_give_is_from_outside_but_for_words_that_the_playbook_lists(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool is_outside;
    } rows[] = { { "text", true }, { "item", true }, { "field", true }, { "said", true }, { "own", false },
        { "word", false }, { "each", false }, { "pick", false }, { "choice", false } };
    AUTO(arena) struct arena arena = { 0 };
    struct err_info why = { 0 };
    struct value inputs;
    struct id run;
    world_publish(
        "playbook: says\ntitle: Says\ninputs:\n  text: string\n  list: [string]\n  map: map\n"
        "  own: { type: string, default: mine }\n  word: { type: string, enum: [a, b] }\n"
        "  words: { type: list, items: { type: string, enum: [a, b] } }\n"
        "steps:\n  - { id: f, ask: { title: f, form: { said: string, pick: { type: string, enum: [x, y] } } "
        "} }\n"
        "  - { id: q, ask: { title: q, options: [go, stop] } }\n"
        "  - return:\n      text: '${{ inputs.text }}'\n      item: '${{ inputs.list[0] }}'\n"
        "      field: '${{ inputs.map.k }}'\n      own: '${{ inputs.own }}'\n      word: '${{ inputs.word "
        "}}'\n"
        "      each: '${{ inputs.words[0] }}'\n      said: '${{ steps.f.output.form.said }}'\n"
        "      pick: '${{ steps.f.output.form.pick }}'\n      choice: '${{ steps.q.output.choice }}'\n");
    test_check(json_parse(&arena,
                   STR("{\"text\":\"t\",\"list\":[\"i\"],\"map\":{\"k\":\"v\"},\"word\":\"a\","
                       "\"words\":[\"b\"]}"),
                   NULL, &inputs, &why),
        &why);
    test_check(world_try_start("says", inputs, &run, &why), &why);
    answer_task(run, "{\"form\":{\"said\":\"hello\",\"pick\":\"y\"}}");
    answer_task(run, "{\"choice\":\"go\"}");
    assert_status(run, "succeeded");
    struct value output = value_get(world_show(run, &arena), STR("output"));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct value v = value_get(output, str_of(rows[i].name));
        assert_int_equal(v.type, VALUE_STRING);
        if (((v.flags & VALUE_OUTSIDE) != 0) != rows[i].is_outside)
            fail_msg("%s: the mark is %d", rows[i].name, v.flags & VALUE_OUTSIDE);
    }
}

static void what_a_tool_answers_is_from_outside_however_it_was_made(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct err_info why = { 0 };
    struct id run;
    world_publish("playbook: looks\ntitle: Looks\nsteps:\n  - { id: look, do: x.hang, with: {} }\n"
                  "  - return: '${{ steps.look.output.text }}'\n");
    test_check(world_try_start("looks", value_null(), &run, &why), &why);
    world_pass(US_PER_S);
    struct value_map_builder map;
    value_map_begin(&map, &arena);
    test_check(value_map_set(&map, "text", value_string(STR("who")), &why), &why);
    struct action_result result = { .is_ok = true, .output = value_map_end(&map), .effect = ACTION_ANSWERED };
    engine_world.calls[0]->finish(engine_world.calls[0], &result);
    world_pass(US_PER_S);
    assert_status(run, "succeeded");
    assert_true(value_get(world_show(run, &arena), STR("output")).flags & VALUE_OUTSIDE);
}

/* Its text quotes what a tool has answered. */
static void what_an_error_says_is_from_outside(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct id run;
    world_publish("playbook: fails\ntitle: Fails\nsteps:\n"
                  "  - try: [ { fail: { code: broken, message: no luck } } ]\n"
                  "    catch:\n"
                  "      - return: { code: '${{ run.error.code }}', message: '${{ run.error.message }}' }\n");
    struct err_info why = { 0 };
    test_check(world_try_start("fails", value_null(), &run, &why), &why);
    assert_status(run, "succeeded");
    struct value output = value_get(world_show(run, &arena), STR("output"));
    assert_true(value_get(output, STR("code")).flags & VALUE_OUTSIDE);
    assert_true(value_get(output, STR("message")).flags & VALUE_OUTSIDE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_drop)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_people_give_is_from_outside_but_for_words_that_the_playbook_lists),
        TEST(what_a_tool_answers_is_from_outside_however_it_was_made),
        TEST(what_an_error_says_is_from_outside),
    };
    return cmocka_run_group_tests_name("engine_outside", tests, NULL, NULL);
}
