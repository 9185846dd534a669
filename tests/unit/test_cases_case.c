#include "cases_helpers.h"

#include "base/limits.h"

static enum err open_run(struct work *work, struct store_conn *conn, struct err_info *why)
{
    (void)conn;
    return case_open(&work->change, work->fields, &work->world->arena, &work->result, why);
}

static enum err show_run(struct work *work, struct store_conn *conn, struct err_info *why)
{
    return case_show(conn, TENANT_DEFAULT, work->id, &work->world->arena, &work->result, why);
}

static struct value show(struct world *world, struct id id)
{
    struct work work = { .world = world, .run = show_run, .id = id };
    test_check(world_read(&work), &world->why);
    return work.result;
}

static struct id id_of(struct value v)
{
    struct id id;
    assert_true(id_parse(value_str(value_get(v, STR("id"))), &id));
    return id;
}

static struct value fields_with_alert(struct world *world, struct id alert)
{
    char text[300];
    snprintf(text, sizeof(text),
        "{\"title\":\" SSH brute force \",\"severity\":4,\"alerts\":[\"%s\"],\"tags\":[\"ssh\"],"
        "\"summary\":\"from one address\",\"observables\":[{\"type\":\"ip\",\"value\":\"203.0.113.9\"}]}",
        id_text(alert).text);
    return json(world, text);
}

static struct id opened(struct world *world, struct id *ret_alert)
{
    struct alert_new alert = world_alert(world, "brute force", 1);
    world_arrive(world, &alert);
    struct work work = { .world = world, .run = open_run, .fields = fields_with_alert(world, alert.id) };
    test_check(world_write(&work), &world->why);
    if (ret_alert)
        *ret_alert = alert.id;
    return id_of(work.result);
}

static void an_opened_case_has_its_parts(void **state)
{
    struct world *world = *state;
    struct id alert, id = opened(world, &alert);
    struct value shown = show(world, id);
    assert_text(value_get(shown, STR("title")), "SSH brute force");
    assert_int_equal(value_get(shown, STR("number")).integer, 1);
    assert_text(value_get(shown, STR("status")), "open");
    assert_text(value_get(shown, STR("severity")), "High");
    assert_text(value_get(shown, STR("summary")), "from one address");
    assert_text(value_get(shown, STR("phase")), "triage");
    assert_int_equal(value_get(shown, STR("alert_count")).integer, 1);
    assert_int_equal(value_get(shown, STR("alerts")).size, 1);
    assert_text(value_get(value_get(shown, STR("alerts")).items[0], STR("title")), "brute force");
    assert_int_equal(value_get(shown, STR("observables")).size, 1);
    assert_text(value_get(value_get(shown, STR("activity")).items[0], STR("kind")), "open");
    /* The alert is taken up. */
    assert_text(value_get(world_alert_value(world, alert), STR("status")), "In Progress");
}

static void numbers_count_up_for_each_tenant(void **state)
{
    struct world *world = *state;
    struct principal other;
    principal_init(&other, PRINCIPAL_USER, 2, world->by.id, STR("eve"));
    struct work work = { .world = world, .run = open_run, .fields = json(world, "{\"title\":\"x\"}") };
    for (int64_t i = 1; i <= 3; i++) {
        test_check(world_write(&work), &world->why);
        assert_int_equal(value_get(work.result, STR("number")).integer, i);
    }
    work.change.by = &other;
    test_check(world_write(&work), &world->why);
    assert_int_equal(value_get(work.result, STR("number")).integer, 1);
}

static void a_key_opens_one_case(void **state)
{
    struct world *world = *state;
    struct work work = { .world = world, .run = open_run, .fields = json(world, "{\"title\":\"x\"}") };
    work.change.key = STR("run/case");
    test_check(world_write(&work), &world->why);
    struct id first = id_of(work.result);
    work.fields = json(world, "{\"title\":\"y\"}");
    test_check(world_write(&work), &world->why);
    assert_true(id_equal(first, id_of(work.result)));
    assert_text(value_get(work.result, STR("title")), "x");
}

static void a_case_with_an_unknown_alert_is_not_opened(void **state)
{
    struct world *world = *state;
    struct work work = { .world = world, .run = open_run };
    work.fields = fields_with_alert(world, world->by.id);
    assert_int_equal(world_write(&work), ERR_NOT_FOUND);
    work.fields = json(world, "{\"title\":\"x\"}");
    test_check(world_write(&work), &world->why);
    assert_int_equal(value_get(work.result, STR("number")).integer, 1);
}

static void wrong_fields_are_refused(void **state)
{
    static const struct {
        const char *fields, *text;
    } cases[] = {
        { "{}", "title" },
        { "{\"title\":\"  \"}", "title: empty" },
        { "{\"title\":\"x\",\"severtiy\":1}", "did you mean 'severity'?" },
        { "{\"title\":\"x\",\"phase\":\"later\"}", "containment" },
        { "{\"title\":\"x\",\"alerts\":[\"1\"]}", "alerts[0]" },
        { "{\"title\":\"x\",\"observables\":[{\"value\":\"1\"}]}", "observables[0]" },
    };
    struct world *world = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct work work = { .world = world, .run = open_run, .fields = json(world, cases[i].fields) };
        assert_int_equal(world_write(&work), ERR_INVALID);
        if (!strstr(world->why.text, cases[i].text))
            fail_msg("%s: %s", cases[i].fields, world->why.text);
    }
}

static enum err update_run(struct work *work, struct store_conn *conn, struct err_info *why)
{
    (void)conn;
    return case_update(&work->change, work->id, work->fields, &work->world->arena, &work->result, why);
}

static void an_update_notes_what_changed_and_nothing_else(void **state)
{
    struct world *world = *state;
    struct work work = { .world = world, .run = update_run, .id = opened(world, NULL) };
    uint64_t revision = (uint64_t)value_get(show(world, work.id), STR("revision")).integer;
    work.fields = json(world,
        "{\"phase\":\"containment\",\"owner\":\"bob\",\"summary\":\"blocked\","
        "\"severity\":\"high\"}");
    test_check(world_write(&work), &world->why);
    struct value shown = show(world, work.id), activity = value_get(shown, STR("activity"));
    struct value last = activity.items[activity.size - 1];
    assert_int_equal(value_get(shown, STR("revision")).integer, revision + 1);
    assert_int_equal(value_get(last, STR("after")).size, 3);
    assert_text(value_path(last, STR("after.phase")), "containment");
    assert_text(value_path(last, STR("before.summary")), "from one address");
    test_check(world_write(&work), &world->why);
    assert_int_equal(value_get(work.result, STR("revision")).integer, revision + 1);
}

static enum err close_run(struct work *work, struct store_conn *conn, struct err_info *why)
{
    (void)conn;
    return case_close(
        &work->change, work->id, work->word, work->text, &work->world->arena, &work->result, why);
}

static void a_closed_case_may_be_opened_again(void **state)
{
    struct world *world = *state;
    struct work work = { .world = world,
        .run = close_run,
        .id = opened(world, NULL),
        .word = STR("true_positive"),
        .text = STR("blocked") };
    test_check(world_write(&work), &world->why);
    assert_text(value_get(work.result, STR("status")), "closed");
    assert_text(value_get(work.result, STR("resolution")), "true_positive");
    assert_int_equal(value_get(work.result, STR("closed")).type, VALUE_TIMESTAMP);
    work.word = STR("perhaps");
    assert_int_equal(world_write(&work), ERR_INVALID);
    work.run = update_run;
    work.fields = json(world, "{\"status\":\"in_progress\"}");
    test_check(world_write(&work), &world->why);
    assert_int_equal(value_get(work.result, STR("closed")).type, VALUE_NULL);
    assert_int_equal(value_get(work.result, STR("resolution")).type, VALUE_NULL);
}

static enum err link_run(struct work *work, struct store_conn *conn, struct err_info *why)
{
    (void)conn;
    return case_add_alert(&work->change, work->id, work->other, why);
}
static enum err unlink_run(struct work *work, struct store_conn *conn, struct err_info *why)
{
    (void)conn;
    return case_remove_alert(&work->change, work->id, work->other, why);
}

static void an_alert_is_linked_once_and_may_be_taken_out(void **state)
{
    struct world *world = *state;
    struct id first;
    struct work work = { .world = world, .run = link_run, .id = opened(world, &first) };
    struct alert_new second = world_alert(world, "second", 2);
    world_arrive(world, &second);
    work.other = second.id;
    test_check(world_write(&work), &world->why);
    test_check(world_write(&work), &world->why);
    struct value shown = show(world, work.id);
    assert_int_equal(value_get(shown, STR("alert_count")).integer, 2);
    assert_int_equal(value_get(shown, STR("alerts")).size, 2);
    assert_int_equal(value_get(shown, STR("activity")).size, 2);
    work.run = unlink_run;
    test_check(world_write(&work), &world->why);
    test_check(world_write(&work), &world->why);
    assert_int_equal(value_get(show(world, work.id), STR("alerts")).size, 1);
    assert_int_equal(value_get(show(world, work.id), STR("alert_count")).integer, 1);
}

static enum err observe_run(struct work *work, struct store_conn *conn, struct err_info *why)
{
    (void)conn;
    return case_add_observable(&work->change, work->id, work->word, work->text, STR("note"), why);
}

static void an_observable_is_added_once(void **state)
{
    struct world *world = *state;
    struct work work = { .world = world,
        .run = observe_run,
        .id = opened(world, NULL),
        .word = STR("domain"),
        .text = STR("bad.example") };
    test_check(world_write(&work), &world->why);
    test_check(world_write(&work), &world->why);
    struct value shown = show(world, work.id);
    assert_int_equal(value_get(shown, STR("observables")).size, 2);
    assert_int_equal(value_get(shown, STR("observable_count")).integer, 2);
    work.word = STR("colour");
    assert_int_equal(world_write(&work), ERR_INVALID);
}

static enum err comment_run(struct work *work, struct store_conn *conn, struct err_info *why)
{
    (void)conn;
    return case_comment(&work->change, work->id, work->text, &work->other, why);
}

static void a_comment_is_as_long_as_the_limit_at_most(void **state)
{
    struct world *world = *state;
    size_t size = COMMENT_BYTES_MAX + 1;
    char *text = malloc(size);
    assert_non_null(text);
    memset(text, 'x', size);
    struct work work = {
        .world = world, .run = comment_run, .id = opened(world, NULL), .text = { text, size }
    };
    assert_int_equal(world_write(&work), ERR_LIMIT);
    work.text.size--;
    test_check(world_write(&work), &world->why);
    struct value activity = value_get(show(world, work.id), STR("activity"));
    assert_int_equal(value_get(activity.items[1], STR("text")).size, COMMENT_BYTES_MAX);
    free(text);
}

static enum err value_run(struct work *work, struct store_conn *conn, struct err_info *why)
{
    return case_value(conn, work->change.by->tenant, work->id, &work->world->arena, &work->result, why);
}

/* What people, tools and playbooks wrote; the words of this server are its own. */
static void texts_of_a_case_are_from_outside(void **state)
{
    struct world *world = *state;
    struct work work = { .world = world, .run = value_run, .id = opened(world, NULL) };
    test_check(world_read(&work), &world->why);
    const struct value texts[] = { value_get(work.result, STR("title")),
        value_get(work.result, STR("summary")), value_get(work.result, STR("phase")),
        value_get(work.result, STR("tags")).items[0] };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_true(texts[i].flags & VALUE_OUTSIDE);
    assert_false(value_get(work.result, STR("status")).flags & VALUE_OUTSIDE);
    assert_false(value_get(work.result, STR("id")).flags & VALUE_OUTSIDE);
}

static enum err number_run(struct work *work, struct store_conn *conn, struct err_info *why)
{
    return case_find_number(conn, work->change.by->tenant, work->number, &work->other, why);
}

static void a_case_of_another_tenant_is_not_seen(void **state)
{
    struct world *world = *state;
    struct work work = { .world = world, .run = number_run, .id = opened(world, NULL), .number = 1 };
    test_check(world_read(&work), &world->why);
    assert_true(id_equal(work.other, work.id));
    struct principal stranger;
    principal_init(&stranger, PRINCIPAL_USER, 2, world->by.id, STR("eve"));
    work.change.by = &stranger;
    assert_int_equal(world_read(&work), ERR_NOT_FOUND);
    work.run = value_run;
    test_check(world_read(&work), &world->why);
    assert_int_equal(work.result.type, VALUE_NULL);
    work.run = close_run;
    assert_int_equal(world_write(&work), ERR_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_free)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_opened_case_has_its_parts),
        TEST(numbers_count_up_for_each_tenant),
        TEST(a_key_opens_one_case),
        TEST(a_case_with_an_unknown_alert_is_not_opened),
        TEST(wrong_fields_are_refused),
        TEST(an_update_notes_what_changed_and_nothing_else),
        TEST(a_closed_case_may_be_opened_again),
        TEST(an_alert_is_linked_once_and_may_be_taken_out),
        TEST(an_observable_is_added_once),
        TEST(a_comment_is_as_long_as_the_limit_at_most),
        TEST(a_case_of_another_tenant_is_not_seen),
        TEST(texts_of_a_case_are_from_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
