/* alert.* and case.* through `apply`, in the commit of a store, as the engine calls them. */
#include "cases_helpers.h"
#include "connect/connect.h"

struct fixture {
    struct world *world; /* of cases_helpers.h */
    struct connect *connect;
    const struct catalogue *catalogue;
    struct id run, alert, case_id;
    const char *key; /* of the next calls; NULL: another one each */
    unsigned call_count;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct err_info why = { 0 };
    void *world;
    world_make(&world);
    fixture->world = world;
    struct connect_options options = { .clock = &fixture->world->clock.clock, .rand = rand_system() };
    test_check(connect_new(&options, &fixture->connect, &why), &why);
    struct catalogue_source *source = connect_catalogues(fixture->connect);
    fixture->catalogue = source->acquire(source);
    fixture->run = id_new(&fixture->world->clock.clock, rand_system());
    struct alert_new alert = world_alert(fixture->world, "SSH brute force", 1);
    fixture->alert = world_arrive(fixture->world, &alert).id;
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    struct catalogue_source *source = connect_catalogues(fixture->connect);
    void *world = fixture->world;
    source->release(source, fixture->catalogue);
    connect_free(fixture->connect);
    world_free(&world);
    free(fixture);
    return 0;
}

struct application {
    struct fixture *fixture;
    struct action_call call;
    struct value output;
};

static enum err apply(void *context, struct store_conn *conn, struct err_info *why)
{
    struct application *application = context;
    const struct action *action = application->call.action;
    return action->apply(action, &application->call, conn, &application->output, why);
}

static enum err run(
    struct fixture *fixture, const char *name, const char *with, struct value *ret, struct err_info *why)
{
    struct world *world = fixture->world;
    char key[20];
    snprintf(key, sizeof key, "run/%u", fixture->call_count++);
    struct application application = { .fixture = fixture,
        .call = { .action = catalogue_find(fixture->catalogue, str_of(name)),
            .tenant = TENANT_DEFAULT,
            .with = json(world, with),
            .idempotency_key = str_of(fixture->key ? fixture->key : key),
            .run_id = fixture->run,
            .alert_id = fixture->alert,
            .case_id = fixture->case_id,
            .playbook = STR("a-playbook"),
            .step = STR("step"),
            .arena = &world->arena } };
    const struct action *action = application.call.action;
    assert_non_null(action);
    assert_null(action->start); /* a local action */
    assert_non_null(action->apply);
    TRY(type_check_value(action->in, application.call.with, why));
    enum err result = store_write_wait(world->store, apply, &application, why);
    if (result == ERR_OK) {
        test_check(type_check_value(action->out, application.output, why), why);
        *ret = application.output;
    }
    return result;
}

static struct value do_it(struct fixture *fixture, const char *name, const char *with)
{
    struct value v = value_null();
    struct err_info why = { 0 };
    test_check(run(fixture, name, with, &v, &why), &why);
    return v;
}

static void refused(struct fixture *fixture, const char *name, const char *with, const char *text)
{
    struct value v;
    struct err_info why = { 0 };
    if (run(fixture, name, with, &v, &why) == ERR_OK)
        fail_msg("%s %s: taken", name, with);
    if (!strstr(why.text, text))
        fail_msg("%s %s: %s", name, with, why.text);
}

static struct id id_of(struct value v)
{
    struct id id;
    assert_true(id_parse(value_str(value_get(v, STR("id"))), &id));
    return id;
}

static enum err show_case(struct work *work, struct store_conn *conn, struct err_info *why)
{
    return case_show(conn, TENANT_DEFAULT, work->id, &work->world->arena, &work->result, why);
}

static struct value case_now(struct fixture *fixture, struct id id)
{
    struct work work = { .world = fixture->world, .run = show_case, .id = id };
    test_check(world_read(&work), &fixture->world->why);
    return work.result;
}

static enum err show_alert(struct work *work, struct store_conn *conn, struct err_info *why)
{
    return alert_show(conn, TENANT_DEFAULT, work->id, &work->world->arena, &work->result, why);
}

static struct value alert_now(struct fixture *fixture)
{
    struct work work = { .world = fixture->world, .run = show_alert, .id = fixture->alert };
    test_check(world_read(&work), &fixture->world->why);
    return work.result;
}

/* Some line of a timeline holds the text. */
static bool timeline_has(struct value shown, const char *text)
{
    AUTO(buf) struct buf out = { 0 };
    json_print(&out, value_get(shown, STR("activity")), 0);
    return str_contains(buf_str(&out), str_of(text));
}

/* ---- alerts ---- */

static void alert_of_the_run_is_changed(void **state)
{
    struct fixture *fixture = *state;
    struct value v = do_it(fixture, "alert.update",
        "{\"status\":\"in_progress\",\"owner\":\"ada\",\"severity\":\"Critical\",\"add_tags\":[\"x\"]}");
    assert_true(id_equal(id_of(v), fixture->alert));
    assert_text(value_get(v, STR("owner")), "ada");
    assert_int_equal(value_get(v, STR("severity_id")).integer, SEVERITY_CRITICAL);
    assert_int_equal(value_get(v, STR("tags")).size, 2);
    v = do_it(fixture, "alert.update", "{\"owner\":null}");
    assert_int_equal(value_get(v, STR("owner")).type, VALUE_NULL);
    assert_true(timeline_has(alert_now(fixture), "a-playbook"));
}

static void alert_is_tagged_and_untagged(void **state)
{
    struct fixture *fixture = *state;
    struct value v = do_it(fixture, "alert.tag", "{\"tags\":[\"scanner\",\"sshd\"]}");
    assert_int_equal(value_get(v, STR("tags")).size, 2);
    v = do_it(fixture, "alert.tag", "{\"remove\":[\"sshd\"]}");
    assert_int_equal(value_get(v, STR("tags")).size, 1);
    assert_text(value_get(v, STR("tags")).items[0], "scanner");
    do_it(fixture, "alert.tag", "{}"); /* changes nothing */
}

static void alert_is_closed_and_commented(void **state)
{
    struct fixture *fixture = *state;
    assert_true(!id_is_none(id_of(do_it(fixture, "alert.comment", "{\"text\":\"The address is *ours*.\"}"))));
    struct value v = do_it(
        fixture, "alert.close", "{\"resolution\":\"false_positive\",\"comment\":\"A scanner of our own.\"}");
    assert_text(value_get(v, STR("resolution")), "false_positive");
    struct value shown = alert_now(fixture);
    assert_true(timeline_has(shown, "*ours*") && timeline_has(shown, "A scanner of our own."));
}

static void other_alerts_are_named_by_id(void **state)
{
    struct fixture *fixture = *state;
    struct alert_new other = world_alert(fixture->world, "another", 2);
    struct id id = world_arrive(fixture->world, &other).id;
    char with[100];
    snprintf(with, sizeof with, "{\"alert\":\"%s\",\"owner\":\"bob\"}", id_text(id).text);
    assert_true(id_equal(id_of(do_it(fixture, "alert.update", with)), id));
    assert_int_equal(value_get(alert_now(fixture), STR("owner")).type, VALUE_NULL);
}

static void bad_changes_of_alerts_are_refused(void **state)
{
    struct fixture *fixture = *state;
    refused(fixture, "alert.update", "{\"alert\":\"nothing\"}", "no id");
    refused(fixture, "alert.update", "{\"alert\":\"01JZ0000000000000000000000\",\"owner\":\"x\"}", "");
    refused(fixture, "alert.update", "{\"status\":\"opn\"}", "opn");
    refused(fixture, "alert.update", "{\"title\":\"x\"}", "title"); /* what a source said stands */
    refused(fixture, "alert.close", "{\"resolution\":\"whatever\"}", "whatever");
    refused(fixture, "alert.comment", "{\"text\":\"\"}", "");
    fixture->alert = ID_NONE;
    refused(fixture, "alert.tag", "{\"tags\":[\"x\"]}", "this run has no alert");
}

/* ---- cases ---- */

static void case_is_opened_once_for_a_key(void **state)
{
    struct fixture *fixture = *state;
    char with[200];
    fixture->key = "run/step";
    snprintf(with, sizeof with,
        "{\"title\":\"SSH brute "
        "force\",\"severity\":4,\"owner\":\"ada\",\"alerts\":[\"%s\"],\"observables\":[{"
        "\"type\":\"ip\",\"value\":\"203.0.113.9\"}]}",
        id_text(fixture->alert).text);
    struct value first = do_it(fixture, "case.open", with);
    assert_text(value_get(first, STR("status")), "open");
    assert_int_equal(value_get(first, STR("severity_id")).integer, 4);
    struct value again = do_it(fixture, "case.open", with);
    assert_true(id_equal(id_of(first), id_of(again)));
    fixture->key = "run/other-step";
    assert_false(id_equal(id_of(first), id_of(do_it(fixture, "case.open", with))));
    assert_int_equal(value_get(case_now(fixture, id_of(first)), STR("alerts")).size, 1);
}

static void case_is_found_by_id_number_or_run(void **state)
{
    struct fixture *fixture = *state;
    struct value opened = do_it(fixture, "case.open", "{\"title\":\"a\"}");
    int64_t number = value_get(opened, STR("number")).integer;
    char with[4][120];
    snprintf(with[0], sizeof with[0], "{\"case\":%lld,\"phase\":\"triage\"}", (long long)number);
    snprintf(with[1], sizeof with[1], "{\"case\":\"%lld\",\"phase\":\"containment\"}", (long long)number);
    snprintf(
        with[2], sizeof with[2], "{\"case\":\"%s\",\"phase\":\"recovery\"}", id_text(id_of(opened)).text);
    snprintf(with[3], sizeof with[3], "{\"phase\":\"review\"}");
    fixture->case_id = id_of(opened);
    static const char *const phases[] = { "triage", "containment", "recovery", "review" };
    for (int i = 0; i < 4; i++)
        assert_text(value_get(do_it(fixture, "case.update", with[i]), STR("phase")), phases[i]);
}

static void case_gets_alerts_observables_comments_and_its_end(void **state)
{
    struct fixture *fixture = *state;
    fixture->case_id = id_of(do_it(fixture, "case.open", "{\"title\":\"a\"}"));
    do_it(fixture, "case.add_alert", "{}"); /* the run's own */
    do_it(fixture, "case.add_observable",
        "{\"type\":\"ip\",\"value\":\"203.0.113.9\",\"name\":\"src_endpoint.ip\"}");
    do_it(fixture, "case.add_observable", "{\"type\":\"ip\",\"value\":\"203.0.113.9\"}");
    do_it(fixture, "case.comment", "{\"text\":\"Blocked for a day.\"}");
    do_it(fixture, "case.update", "{\"status\":\"on_hold\",\"severity\":\"high\",\"tags\":[\"a\",\"b\"]}");
    struct value v = do_it(fixture, "case.close", "{\"resolution\":\"true_positive\",\"comment\":\"Done.\"}");
    assert_text(value_get(v, STR("status")), "closed");
    struct value shown = case_now(fixture, fixture->case_id);
    assert_int_equal(value_get(shown, STR("alerts")).size, 1);
    assert_int_equal(value_get(shown, STR("observables")).size, 1);
    assert_true(timeline_has(shown, "Blocked for a day.") && timeline_has(shown, "Done."));
    do_it(fixture, "case.close", "{}"); /* a closed one stays closed */
}

static void bad_changes_of_cases_are_refused_and_leave_nothing(void **state)
{
    struct fixture *fixture = *state;
    refused(fixture, "case.open", "{}", "title");
    refused(fixture, "case.open", "{\"title\":\"\"}", "");
    refused(fixture, "case.open", "{\"title\":\"a\",\"alerts\":[\"01JZ0000000000000000000000\"]}", "");
    refused(fixture, "case.update", "{\"phase\":\"x\"}", "this run has no case");
    refused(fixture, "case.update", "{\"case\":99,\"phase\":\"x\"}", "");
    refused(fixture, "case.update", "{\"case\":-1,\"phase\":\"x\"}", "id or number");
    refused(fixture, "case.update", "{\"case\":[],\"phase\":\"x\"}", "id or number");
    refused(fixture, "case.update", "{\"case\":\"x\",\"phase\":\"x\"}", "id or number");
    fixture->case_id = id_of(do_it(fixture, "case.open", "{\"title\":\"a\"}"));
    assert_int_equal(value_get(case_now(fixture, fixture->case_id), STR("number")).integer, 1);
    refused(fixture, "case.update", "{\"status\":\"shut\"}", "shut");
    refused(fixture, "case.add_observable", "{\"type\":\"planet\",\"value\":\"Mars\"}", "planet");
    refused(fixture, "case.add_alert", "{\"alert\":\"x\"}", "no id");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(alert_of_the_run_is_changed),
        TEST(alert_is_tagged_and_untagged),
        TEST(alert_is_closed_and_commented),
        TEST(other_alerts_are_named_by_id),
        TEST(bad_changes_of_alerts_are_refused),
        TEST(case_is_opened_once_for_a_key),
        TEST(case_is_found_by_id_number_or_run),
        TEST(case_gets_alerts_observables_comments_and_its_end),
        TEST(bad_changes_of_cases_are_refused_and_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
