/* OAuth 2 client credentials: fetching, keeping, sharing and renewing access tokens. */
#include "connect_helpers.h"

static const char connector[] =
    "connector: cloud\n"
    "title: Cloud\n"
    "settings:\n"
    "  url: string\n"
    "  login: string\n"
    "  id: string\n"
    "  secret: { type: string, secret: true }\n"
    "  in_body: { type: bool, default: false }\n"
    "base_url: ${{ settings.url }}\n"
    "auth:\n"
    "  - { when: settings.in_body, kind: oauth2, client: body, token_url: \"${{ settings.login }}/token\", "
    "user: "
    "\"${{ settings.id }}\", password: \"${{ settings.secret }}\" }\n"
    "  - { kind: oauth2, token_url: \"${{ settings.login }}/token\", user: \"${{ settings.id }}\", password: "
    "\"${{ "
    "settings.secret }}\", form: { scope: \"a b\", audience: \"${{ settings.url }}\" } }\n"
    "breaker: { failures: 0 }\n"
    "actions:\n"
    "  get:\n"
    "    summary: Gets\n"
    "    kind: query\n"
    "    out: { n: int }\n"
    "    request: { path: /get }\n"
    "    answer: { n: \"${{ body.n }}\" }\n"
    "  make:\n"
    "    summary: Makes\n"
    "    kind: ticket\n"
    "    out: {}\n"
    "    request: { method: POST, path: /make, json: { a: 1 } }\n"
    "    answer: {}\n"
    "    probe: { request: { path: /get }, done_when: body.n == 1, output: {} }\n";

/* The API is at the first stub, the token endpoint at the other. */
static int setup(void **state)
{
    int result = world_setup(state);
    struct connect_world *world = *state;
    world_load(world, connector);
    world_secret(world, "secret", "client-s3cret&=");
    world_connection(world, "cloud", "cloud",
        "{\"url\":\"STUB\",\"login\":\"OTHER\",\"id\":\"client\",\"secret\":\"${secret:secret}\"}");
    stub_json(&world->stub, "GET /get ", "{\"n\":1}");
    return result;
}

static void token_is_fetched_once_and_used_again(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    stub_json(&world->other, "POST /token ",
        "{\"access_token\":\"t0ken-one\",\"token_type\":\"Bearer\",\"expires_in\":3600}");
    for (int i = 0; i < 3; i++) {
        assert_output(trial_run(world, &trial, "cloud.get", "{}"), "{\"n\":1}");
        assert_request_has(stub_last_request(&world->stub), "\r\nAuthorization: Bearer t0ken-one\r\n");
        trial_done(&trial);
    }
    assert_int_equal(stub_request_count(&world->other), 1);
    const char *request = stub_last_request(&world->other);
    assert_request_has(request, "\r\nAuthorization: Basic Y2xpZW50OmNsaWVudC1zM2NyZXQmPQ==\r\n");
    assert_request_has(request, "\r\nContent-Type: application/x-www-form-urlencoded\r\n");
    assert_request_has(
        request, "\r\n\r\ngrant_type=client_credentials&scope=a%20b&audience=http%3A%2F%2F127.0.0.1");
    assert_request_lacks(stub_last_request(&world->stub), "client-s3cret"); /* the API never sees it */
}

static void client_may_stand_in_the_body(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    stub_json(&world->other, "POST /token ", "{\"access_token\":\"t0ken-one\"}");
    world_connection(world, "cloud", "cloud",
        "{\"url\":\"STUB\",\"login\":\"OTHER\",\"id\":\"client\",\"secret\":\"${secret:secret}\",\"in_body\":"
        "true}");
    assert_true(trial_run(world, &trial, "cloud.get", "{}")->is_ok);
    assert_request_has(stub_last_request(&world->other),
        "grant_type=client_credentials&client_id=client&client_secret=client-s3cret%26%3D");
    assert_request_lacks(stub_last_request(&world->other), "Authorization");
    trial_done(&trial);
}

static void calls_at_the_same_time_share_one_fetch(void **state)
{
    struct connect_world *world = *state;
    struct trial trials[10];
    stub_json(&world->other, "POST", "{\"access_token\":\"t0ken-one\",\"expires_in\":3600}");
    for (int i = 0; i < 10; i++) {
        trial_make(world, &trials[i], "cloud.get", "{}");
        trial_start(&trials[i]);
    }
    world_wait(world);
    for (int i = 0; i < 10; i++) {
        assert_output(&trials[i].result, "{\"n\":1}");
        trial_done(&trials[i]);
    }
    assert_int_equal(stub_request_count(&world->other), 1);
    assert_int_equal(stub_request_count(&world->stub), 10);
}

static void refused_token_is_fetched_anew_once(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    stub_json(&world->other, "POST", "{\"access_token\":\"t0ken-one\",\"expires_in\":3600}")->times = 1;
    stub_json(&world->other, "POST", "{\"access_token\":\"t0ken-two\",\"expires_in\":3600}");
    assert_true(trial_run(world, &trial, "cloud.get", "{}")->is_ok);
    trial_done(&trial);
    stub_add(&world->stub, "POST /make ", 401, "", "{}")->times = 1;
    stub_add(&world->stub, "POST /make ", 201, "", "{}");
    assert_output(trial_run(world, &trial, "cloud.make", "{}"), "{}");
    assert_request_has(stub_last_request(&world->stub), "\r\nAuthorization: Bearer t0ken-two\r\n");
    trial_done(&trial);
    assert_int_equal(stub_request_count(&world->other), 2);
}

static void token_that_is_refused_fresh_is_the_answer(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    stub_json(&world->other, "POST", "{\"access_token\":\"t0ken-one\",\"expires_in\":3600}");
    stub_add(&world->stub, "POST /make ", 401, "", "{\"message\":\"t0ken-one is no good\"}");
    assert_error(trial_run(world, &trial, "cloud.make", "{}"), "http_401", false, ACTION_ANSWERED);
    assert_str_has(trial.result.error.message, "(secret) is no good");
    trial_done(&trial);
    assert_int_equal(stub_request_count(&world->other), 1);
    assert_int_equal(stub_request_count(&world->stub), 1);
}

static void changed_connection_gets_a_new_token(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    stub_json(&world->other, "POST", "{\"access_token\":\"t0ken-one\",\"expires_in\":3600}");
    assert_true(trial_run(world, &trial, "cloud.get", "{}")->is_ok);
    trial_done(&trial);
    world_connection(world, "cloud", "cloud",
        "{\"url\":\"STUB\",\"login\":\"OTHER\",\"id\":\"other-client\",\"secret\":\"${secret:secret}\"}");
    assert_true(trial_run(world, &trial, "cloud.get", "{}")->is_ok);
    trial_done(&trial);
    assert_int_equal(stub_request_count(&world->other), 2);
}

static void no_token_is_told_and_the_action_never_left(void **state)
{
    struct connect_world *world = *state;
    static const struct {
        int status;
        const char *body;
        bool is_retryable;
    } answers[] = { { 400, "{\"error\":\"invalid_client\",\"error_description\":\"no client-s3cret&= here\"}",
                        false },
        { 401, "no", false }, { 500, "{}", true }, { 503, "", true }, { 200, "{}", false },
        { 200, "{\"access_token\":\"\"}", false }, { 200, "{\"access_token\":7}", false },
        { 200, "{\"access_token\":\"t\",\"token_type\":\"mac\"}", false }, { 200, "no JSON", false },
        { 200, "{\"access_token\":\"t0ken-one\", cut", false }, { 200, "{\"message\":\"t0ken-one\"}", false },
        { 200, "t0ken-one", false }, { 200, "", false }, { 302, "", false } };
    struct trial trial;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        stub_clear(&world->other);
        stub_add(&world->other, "POST", answers[i].status, "", answers[i].body);
        assert_error(trial_run(world, &trial, "cloud.make", "{}"), "oauth_failed", answers[i].is_retryable,
            ACTION_NOT_SENT);
        assert_str_has(trial.result.error.message, "no access token");
        assert_str_lacks(trial.result.error.message, "client-s3cret");
        assert_str_lacks(trial.result.error.message, "t0ken");
        trial_done(&trial);
    }
    stub_clear(&world->other);
    stub_add_raw(&world->other, "POST", NULL, 0)->then = STUB_RESET;
    assert_error(trial_run(world, &trial, "cloud.make", "{}"), "oauth_failed", true, ACTION_NOT_SENT);
    trial_done(&trial);
    assert_int_equal(stub_request_count(&world->stub), 0);
}

/* A probe without a token has not asked: the earlier call may have had its effect. */
static void probe_without_a_token_knows_nothing(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    stub_add(&world->other, "POST", 503, "", "{}")->times = 1;
    stub_json(&world->other, "POST", "{\"access_token\":\"t0ken-one\"}");
    for (int i = 0; i < 2; i++) {
        trial_make(world, &trial, "cloud.make", "{}");
        trial.call.purpose = ACTION_PROBE;
        trial_start(&trial);
        world_wait(world);
        if (i == 0)
            assert_error(&trial.result, "oauth_failed", true, ACTION_UNKNOWN);
        else
            assert_output(&trial.result, "{}");
        trial_done(&trial);
    }
}

static void token_with_a_line_break_goes_nowhere(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    stub_json(&world->other, "POST", "{\"access_token\":\"a-token\\r\\nX-Evil: 1\"}");
    assert_error(trial_run(world, &trial, "cloud.make", "{}"), "bad_input", false, ACTION_NOT_SENT);
    assert_str_lacks(trial.result.error.message, "a-token");
    trial_done(&trial);
    assert_int_equal(stub_request_count(&world->stub), 0);
}

/* The call that fetches is cancelled: the first of those that wait takes over. */
static void cancelled_fetch_is_taken_over(void **state)
{
    struct connect_world *world = *state;
    struct trial trials[4];
    stub_json(&world->other, "POST", "{\"access_token\":\"t0ken-one\",\"expires_in\":3600}");
    for (int i = 0; i < 4; i++) {
        trial_make(world, &trials[i], "cloud.get", "{}");
        trial_start(&trials[i]);
    }
    trials[0].call.action->cancel(trials[0].call.action, &trials[0].call);
    trials[2].call.action->cancel(trials[2].call.action, &trials[2].call);
    world_wait(world);
    assert_error(&trials[0].result, "cancelled", false, ACTION_NOT_SENT);
    assert_output(&trials[1].result, "{\"n\":1}");
    assert_error(&trials[2].result, "cancelled", false, ACTION_NOT_SENT);
    assert_output(&trials[3].result, "{\"n\":1}");
    for (int i = 0; i < 4; i++)
        trial_done(&trials[i]);
}

static void token_dies_with_its_time(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    stub_json(&world->other, "POST", "{\"access_token\":\"t0ken-one\",\"expires_in\":0}")->times = 1;
    stub_json(&world->other, "POST", "{\"access_token\":\"t0ken-two\",\"expires_in\":\"3600\"}");
    for (int i = 0; i < 3; i++) {
        assert_true(trial_run(world, &trial, "cloud.get", "{}")->is_ok);
        trial_done(&trial);
    }
    assert_int_equal(stub_request_count(&world->other), 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(token_is_fetched_once_and_used_again),
        TEST(client_may_stand_in_the_body),
        TEST(calls_at_the_same_time_share_one_fetch),
        TEST(refused_token_is_fetched_anew_once),
        TEST(token_that_is_refused_fresh_is_the_answer),
        TEST(changed_connection_gets_a_new_token),
        TEST(no_token_is_told_and_the_action_never_left),
        TEST(probe_without_a_token_knows_nothing),
        TEST(token_with_a_line_break_goes_nowhere),
        TEST(cancelled_fetch_is_taken_over),
        TEST(token_dies_with_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
