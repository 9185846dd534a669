/* Connections: their settings are checked, they can be tried, and their secrets stay at their origin. */
#include "connect_helpers.h"

struct tried {
    struct connection_test test; /* first */
    struct connect_world *world;
    struct arena arena;
    bool is_done;
    struct action_result result;
};

static void tried_done(struct connection_test *test, const struct action_result *result)
{
    struct tried *tried = (struct tried *)test;
    assert_false(tried->is_done);
    tried->is_done = true;
    tried->result = *result;
    /* The result's texts may be the catalogue's, which goes away behind this. */
    CHECK(arena_str(&tried->arena, result->error.code, &tried->result.error.code, why));
    loop_stop(tried->world->loop);
}

static enum err try_connection(
    struct connect_world *world, struct tried *tried, const char *name, struct err_info *why)
{
    memset(tried, 0, sizeof *tried);
    tried->world = world;
    tried->test = (struct connection_test){
        .done = tried_done, .tenant = TENANT_DEFAULT, .name = str_of(name), .arena = &tried->arena
    };
    enum err result = connection_test_start(world->connect, world->host, world->loop, &tried->test, why);
    if (result == ERR_OK) {
        assert_false(tried->is_done);
        loop_run(world->loop);
        assert_true(tried->is_done);
    }
    return result;
}

static const struct action_result *tried_run(
    struct connect_world *world, struct tried *tried, const char *name)
{
    CHECK(try_connection(world, tried, name, why));
    return &tried->result;
}

static void connection_is_tried_with_its_connectors_test(void **state)
{
    struct connect_world *world = *state;
    struct tried tried;
    world_load_content(world, "slack.yaml");
    world_secret(world, "key", "xoxb-a-token");
    world_connection(world, "chat", "slack", "{\"base_url\":\"STUB\",\"token\":\"${secret:key}\"}");
    stub_json(&world->stub, "POST /auth.test",
        "{\"ok\":true,\"url\":\"u\",\"team\":\"T\",\"user\":\"tocsin\",\"team_id\":\"T1\",\"user_id\":"
        "\"U1\"}")
        ->times = 1;
    stub_json(&world->stub, "POST /auth.test", "{\"ok\":false,\"error\":\"invalid_auth\"}");
    assert_output(tried_run(world, &tried, "chat"),
        "{\"team\":\"T\",\"team_id\":\"T1\",\"url\":\"u\",\"user\":\"tocsin\",\"user_id\":\"U1\"}");
    assert_request_has(stub_last_request(&world->stub), "\r\nAuthorization: Bearer xoxb-a-token\r\n");
    arena_done(&tried.arena);
    assert_error(tried_run(world, &tried, "chat"), "unauthorized", false, ACTION_ANSWERED);
    arena_done(&tried.arena);
}

static void test_has_parameters_and_defaults(void **state)
{
    struct connect_world *world = *state;
    struct tried tried;
    world_load_content(world, "abuseipdb.yaml");
    world_secret(world, "key", "a-secret-key");
    world_connection(world, "ipdb", "abuseipdb", "{\"base_url\":\"STUB\",\"api_key\":\"${secret:key}\"}");
    stub_add(&world->stub, "GET /check?ipAddress=127.0.0.1&maxAgeInDays=90 ", 401, "",
        "{\"errors\":[{\"detail\":\"no a-secret-key\"}]}");
    assert_error(tried_run(world, &tried, "ipdb"), "unauthorized", false, ACTION_ANSWERED);
    assert_str_has(tried.result.error.message, "no (secret)");
    arena_done(&tried.arena);
    /* A native action as the test. */
    world_load_content(world, "http.yaml");
    world_connection(world, "web", "http", "{\"base_url\":\"STUB/base\"}");
    stub_json(&world->stub, "GET /base/ ", "{}");
    assert_true(tried_run(world, &tried, "web")->is_ok);
    arena_done(&tried.arena);
}

static void what_can_not_be_tried_is_told_at_once(void **state)
{
    struct connect_world *world = *state;
    struct tried tried;
    struct err_info why = { 0 };
    assert_int_equal(try_connection(world, &tried, "absent", &why), ERR_NOT_FOUND);
    assert_str_has(str_of(why.text), "absent");
    arena_done(&tried.arena);
    world_load_content(world, "pagerduty.yaml");
    world_secret(world, "key", "a-secret-key");
    world_connection(world, "pd", "pagerduty", "{\"routing_key\":\"${secret:key}\"}");
    assert_int_equal(try_connection(world, &tried, "pd", &why), ERR_INVALID);
    assert_str_has(str_of(why.text), "declares no `test`");
    arena_done(&tried.arena);
    /* The connector is gone by a reload. */
    world_load_content(world, "http.yaml");
    assert_int_equal(try_connection(world, &tried, "pd", &why), ERR_INVALID);
    arena_done(&tried.arena);
}

static void reload_does_not_touch_a_test_that_is_out(void **state)
{
    struct connect_world *world = *state;
    struct tried tried = { .world = world };
    world_load_content(world, "slack.yaml");
    world_secret(world, "key", "xoxb-a-token");
    world_connection(world, "chat", "slack", "{\"base_url\":\"STUB\",\"token\":\"${secret:key}\"}");
    stub_json(&world->stub, "POST /auth.test", "{\"ok\":false,\"error\":\"invalid_auth\"}");
    tried.test = (struct connection_test){
        .done = tried_done, .tenant = TENANT_DEFAULT, .name = STR("chat"), .arena = &tried.arena
    };
    CHECK(connection_test_start(world->connect, world->host, world->loop, &tried.test, why));
    world_load_content(world, "http.yaml");
    loop_run(world->loop);
    assert_error(&tried.result, "unauthorized", false, ACTION_ANSWERED);
    arena_done(&tried.arena);
}

/* ---- origins ---- */

static void bound_connection_goes_to_its_origin_only(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    struct connection_work work = { .world = world };
    static const struct {
        const char *origin;
        bool is_good;
    } cases[] = { { "STUB", true }, { "OTHER", false }, { "https://127.0.0.1", false } };
    world_load_content(world, "http.yaml");
    world_secret(world, "key", "a-secret-key");
    stub_json(&world->stub, "GET", "{}");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str secret = STR("token");
        unsigned before = stub_request_count(&world->stub);
        work.spec = (struct connection_spec){ .name = STR("api"),
            .connector = STR("http"),
            .settings = world_json(world, &world->arena,
                "{\"base_url\":\"STUB\",\"auth\":\"bearer\",\"token\":\"${secret:key}\"}"),
            .origin = world_text(world, cases[i].origin),
            .is_enabled = true,
            .secret_fields = &secret,
            .secret_field_count = 1 };
        CHECK(store_write_wait(world->access.store, connection_work_run, &work, why));
        trial_make(world, &trial, "http.request", "{\"url\":\"/x\"}");
        trial.call.connection = STR("api");
        trial_start(&trial);
        world_wait(world);
        if (cases[i].is_good)
            assert_true(trial.result.is_ok);
        else
            assert_error(&trial.result, "other_origin", false, ACTION_NOT_SENT);
        assert_int_equal(stub_request_count(&world->stub) - before, cases[i].is_good);
        trial_done(&trial);
    }
}

static void disabled_connection_is_not_used(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    struct connection_work work = { .world = world };
    world_load_content(world, "http.yaml");
    work.spec = (struct connection_spec){ .name = STR("api"),
        .connector = STR("http"),
        .settings = world_json(world, &world->arena, "{\"base_url\":\"STUB\"}") };
    CHECK(store_write_wait(world->access.store, connection_work_run, &work, why));
    trial_make(world, &trial, "http.request", "{\"url\":\"/x\"}");
    trial.call.connection = STR("api");
    trial_start(&trial);
    world_wait(world);
    assert_error(&trial.result, "connection_disabled", false, ACTION_NOT_SENT);
    trial_done(&trial);
}

/* ---- settings ---- */

static void settings_are_checked_before_they_are_stored(void **state)
{
    struct connect_world *world = *state;
    static const struct {
        const char *connector, *settings, *text;
        enum err code;
    } cases[] = {
        { "slack", "{}", "needs the setting `token`", ERR_INVALID },
        { "slack", "{\"token\":\"${secret:a}\",\"tokn\":1}", "did you mean `token`", ERR_INVALID },
        { "slack", "{\"token\":\"${secret:a}\",\"base_url\":7}", "settings.base_url", ERR_INVALID },
        { "slack", "{\"token\":\"${secret:a}\",\"tls_insecure\":\"yes\"}", "settings.tls_insecure",
            ERR_INVALID },
        { "slack", "{\"token\":\"${secret:a}\",\"cross_origin_redirects\":1}", "cross_origin_redirects",
            ERR_INVALID },
        { "slack", "[]", "map", ERR_INVALID },
        { "slack", "null", "needs the setting `token`", ERR_INVALID },
        { "nowhere", "{}", "no connector nowhere", ERR_NOT_FOUND },
        { "slack", "{\"token\":\"${secret:a}\",\"tls_insecure\":true,\"tls_ca_file\":\"/x\"}", NULL, ERR_OK },
    };
    world_load_content(world, "slack.yaml");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct str *secrets = NULL;
        size_t count = 0;
        struct err_info why = { 0 };
        assert_int_equal(
            connect_check_settings(world->connect, str_of(cases[i].connector),
                world_json(world, &world->arena, cases[i].settings), &world->arena, &secrets, &count, &why),
            cases[i].code);
        if (cases[i].text)
            assert_str_has(str_of(why.text), cases[i].text);
        else
            assert_true(count == 1 && str_equal(secrets[0], STR("token")));
    }
}

static void connectors_are_described(void **state)
{
    struct connect_world *world = *state;
    struct value all, one;
    struct err_info fault = { 0 };
    AUTO(buf) struct buf text = { 0 };
    world_load_content(world, "slack.yaml");
    CHECK(connect_describe(world->connect, STR(""), &world->arena, &all, why));
    assert_int_equal(all.type, VALUE_LIST);
    assert_true(all.size > 5); /* native ones too */
    CHECK(connect_describe(world->connect, STR("slack"), &world->arena, &one, why));
    assert_true(value_is_text(value_get(one, STR("title")), STR("Slack")));
    json_print(&text, one, 0);
    assert_str_has(buf_str(&text), "\"secret\":true");
    assert_str_has(buf_str(&text), "slack.post_message");
    assert_int_equal(
        connect_describe(world->connect, STR("nowhere"), &world->arena, &one, &fault), ERR_NOT_FOUND);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(connection_is_tried_with_its_connectors_test),
        TEST(test_has_parameters_and_defaults),
        TEST(what_can_not_be_tried_is_told_at_once),
        TEST(reload_does_not_touch_a_test_that_is_out),
        TEST(bound_connection_goes_to_its_origin_only),
        TEST(disabled_connection_is_not_used),
        TEST(settings_are_checked_before_they_are_stored),
        TEST(connectors_are_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
