/* http.request over a real client, against a stub. */
#include "connect_helpers.h"

static const struct action_result *get(struct connect_world *world, struct trial *trial, const char *with)
{
    return trial_run(world, trial, "http.request", with);
}

static void answer_is_given_with_status_and_headers(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    stub_add(&world->stub, "GET /v1/hosts/7 ", 200, "X-Two: a\r\nX-Two: b\r\n", "{\"name\":\"web\",\"n\":7}");
    assert_output(get(world, &trial, "{\"url\":\"STUB/v1/hosts/7\"}"),
        "{\"body\":{\"n\":7,\"name\":\"web\"},\"headers\":{\"content-length\":\"20\",\"content-type\":"
        "\"application/json\",\"x-two\":\"a, b\"},\"status\":200}");
    assert_request_has(stub_last_request(&world->stub), "GET /v1/hosts/7 HTTP/1.1\r\n");
    trial_done(&trial);
}

/* What `body` is in the output, as JSON. */
static void assert_body(struct connect_world *world, const char *path, const char *json)
{
    struct trial trial;
    AUTO(buf) struct buf with = { 0 }, got = { 0 };
    buf_printf(&with, "{\"url\":\"STUB%s\"}", path);
    const struct action_result *result = get(world, &trial, with.data);
    if (!result->is_ok)
        fail_msg("%s: %.*s", path, STR_ARG(result->error.message));
    json_print(&got, value_get(result->output, STR("body")), JSON_SORT_KEYS);
    assert_string_equal(got.data, json);
    trial_done(&trial);
}

static void body_is_json_text_bytes_or_null(void **state)
{
    struct connect_world *world = *state;
    struct stub *stub = &world->stub;
    static const char binary[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\xff\x00\x01";
    static const char gzip[] = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 27\r\n\r\n"
                               "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\x4a\x54\xb2\x32\xac\x05\x00"
                               "\xaf\xac\x1b\x56\x07\x00\x00\x00";
    stub_add(stub, "GET /text ", 200, "Content-Type: text/plain\r\n", "caf\xc3\xa9");
    stub_add(stub, "GET /empty ", 200, "", "");
    stub_add(stub, "GET /blank ", 200, "", "  \r\n");
    stub_add(stub, "GET /wrong ", 200, "", "{\"a\":");
    stub_add(stub, "GET /untyped ", 200, "Content-Type: text/html\r\n", "[1,2]");
    stub_add(stub, "GET /number ", 200, "", "17");
    stub_add(stub, "GET /204 ", 204, "", "");
    stub_add_raw(stub, "GET /binary ", binary, sizeof binary - 1);
    stub_add_raw(stub, "GET /gzip ", gzip, sizeof gzip - 1)->then = STUB_CLOSE;
    assert_body(world, "/text", "\"caf\xc3\xa9\"");
    assert_body(world, "/empty", "null");
    assert_body(world, "/blank", "null");
    assert_body(world, "/wrong", "\"{\\\"a\\\":\"");
    assert_body(world, "/untyped", "[1,2]");
    assert_body(world, "/number", "17");
    assert_body(world, "/204", "null");
    assert_body(world, "/binary", "\"/wAB\"");
    assert_body(world, "/gzip", "{\"a\":1}");
}

static void method_says_what_kind_the_call_is(void **state)
{
    struct connect_world *world = *state;
    static const struct {
        const char *method, *connection;
        enum action_kind kind;
        bool is_idempotent;
    } cases[] = { { "GET", "", ACTION_QUERY, true }, { "HEAD", "", ACTION_QUERY, true },
        { "POST", "", ACTION_REMEDIATE, false }, { "PUT", "", ACTION_REMEDIATE, false },
        { "PATCH", "", ACTION_REMEDIATE, false }, { "DELETE", "", ACTION_REMEDIATE, false },
        { "OPTIONS", "", ACTION_REMEDIATE, false }, { "POST", "search", ACTION_QUERY, true },
        { "PUT", "search", ACTION_REMEDIATE, true }, { "DELETE", "search", ACTION_REMEDIATE, false },
        { "POST", "absent", ACTION_REMEDIATE, false } };
    world_load_content(world, "http.yaml");
    world_connection(world, "search", "http",
        "{\"base_url\":\"STUB\",\"query_methods\":[\"POST\"],\"repeatable_methods\":[\"PUT\"]}");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct trial trial;
        char with[100];
        snprintf(with, sizeof with, "{\"method\":\"%s\",\"url\":\"/\"}", cases[i].method);
        trial_make(world, &trial, "http.request", with);
        const struct action *action = action_refine(
            trial.call.action, world->host, TENANT_DEFAULT, str_of(cases[i].connection), trial.call.with);
        assert_int_equal(action->kind, cases[i].kind);
        assert_int_equal(action->is_idempotent, cases[i].is_idempotent);
        trial_done(&trial);
    }
}

static void query_is_encoded_and_joins_what_is_there(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    stub_json(&world->stub, "GET", "{}");
    get(world, &trial,
        "{\"url\":\"STUB/a?x=1#part\",\"query\":{\"l\":[1,true,\"z\"],\"n\":null,\"q\":\"a b&c=d#e?\xc3\xa9"
        "\\r\\n+%\",\"k&y\":2.5,\"m\":{\"$escape\":1}}}");
    assert_error(&trial.result, "bad_input", false, ACTION_NOT_SENT); /* a map has no place in a query */
    trial_done(&trial);
    assert_int_equal(stub_request_count(&world->stub), 0);
    assert_true(get(world, &trial,
        "{\"url\":\"STUB/a?x=1#part\",\"query\":{\"l\":[1,true,\"z\"],\"n\":null,\"q\":\"a b&c=d#e?\xc3\xa9"
        "\\r\\n+%\",\"k&y\":2.5}}")
                    ->is_ok);
    assert_request_has(stub_last_request(&world->stub),
        "GET /a?x=1&l=1&l=true&l=z&q=a%20b%26c%3Dd%23e%3F%C3%A9%0D%0A%2B%25&k%26y=2.5 HTTP/1.1\r\n");
    trial_done(&trial);
}

static void bodies_go_out_as_json_or_as_they_are(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    stub_json(&world->stub, "POST", "{}");
    assert_true(get(world, &trial,
        "{\"method\":\"POST\",\"url\":\"STUB/\",\"json\":{\"a\":[1,null,\"\\u0000\xc3\xa9\"]}}")
                    ->is_ok);
    assert_request_has(stub_last_request(&world->stub), "\r\nContent-Type: application/json\r\n");
    assert_request_has(stub_last_request(&world->stub), "\r\n\r\n{\"a\":[1,null,\"\\u0000\xc3\xa9\"]}");
    trial_done(&trial);
    assert_true(get(world, &trial,
        "{\"method\":\"POST\",\"url\":\"STUB/\",\"body\":\"a=b\",\"headers\":{\"Content-Type\":\"x/y\","
        "\"X-Number\":7,\"X-Empty\":\"\",\"X-Null\":null}}")
                    ->is_ok);
    assert_request_has(stub_last_request(&world->stub), "\r\nContent-Type: x/y\r\n");
    assert_request_has(stub_last_request(&world->stub), "\r\nX-Number: 7\r\n");
    assert_request_has(stub_last_request(&world->stub), "\r\nX-Empty:\r\n");
    assert_request_lacks(stub_last_request(&world->stub), "X-Null");
    assert_request_has(stub_last_request(&world->stub), "\r\n\r\na=b");
    trial_done(&trial);
    get(world, &trial, "{\"method\":\"POST\",\"url\":\"STUB/\",\"body\":\"a\",\"json\":1}");
    assert_error(&trial.result, "bad_input", false, ACTION_NOT_SENT);
    trial_done(&trial);
}

static void bad_input_never_leaves(void **state)
{
    struct connect_world *world = *state;
    static const struct {
        const char *with, *code;
    } cases[] = { { "{\"url\":\"\"}", "bad_url" }, { "{\"url\":\"/x\"}", "bad_url" },
        { "{\"url\":\"ftp://127.0.0.1/\"}", "bad_url" }, { "{\"url\":\"http://u:p@127.0.0.1/\"}", "bad_url" },
        { "{\"url\":\"STUB/a b\"}", "bad_url" }, { "{\"url\":\"STUB/a\\r\\nX: y\"}", "bad_url" },
        { "{\"url\":\"STUB/\\\\evil\"}", "bad_url" }, { "{\"url\":\"http:///x\"}", "bad_url" },
        { "{\"url\":\"STUB/a/../b\"}", "bad_input" }, { "{\"url\":\"STUB/a/%2e%2E/b\"}", "bad_input" },
        { "{\"url\":\"STUB/a%2f..%5cb\"}", "bad_input" },
        { "{\"url\":\"STUB/\",\"headers\":{\"X\":\"a\\r\\nY: b\"}}", "bad_input" },
        { "{\"url\":\"STUB/\",\"headers\":{\"X\":\"a\\u0000\"}}", "bad_input" },
        { "{\"url\":\"STUB/\",\"headers\":{\"Host\":\"evil\"}}", "bad_input" },
        { "{\"url\":\"STUB/\",\"headers\":{\"Content-Length\":\"1\"}}", "bad_input" },
        { "{\"url\":\"STUB/\",\"headers\":{\"Transfer-Encoding\":\"chunked\"}}", "bad_input" },
        { "{\"url\":\"STUB/\",\"headers\":{\"A B\":\"1\"}}", "bad_input" },
        { "{\"url\":\"STUB/\",\"headers\":{\"A:\":\"1\"}}", "bad_input" },
        { "{\"url\":\"STUB/\",\"timeout\":\"soon\"}", "bad_input" },
        { "{\"url\":\"STUB/\",\"timeout\":\"2h\"}", "bad_input" },
        { "{\"url\":\"STUB/\",\"timeout\":7}", "bad_input" } };
    stub_json(&world->stub, "", "{}");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct trial trial;
        get(world, &trial, cases[i].with);
        if (trial.result.is_ok)
            fail_msg("taken: %s", cases[i].with);
        assert_error(&trial.result, cases[i].code, false, ACTION_NOT_SENT);
        assert_true(trial.result.error.message.size > 0);
        trial_done(&trial);
    }
    assert_int_equal(stub_request_count(&world->stub), 0);
}

static void statuses_say_what_became_of_the_call(void **state)
{
    struct connect_world *world = *state;
    static const struct {
        int status;
        bool is_retryable;
        enum action_effect effect;
    } cases[] = { { 400, false, ACTION_ANSWERED }, { 401, false, ACTION_ANSWERED },
        { 404, false, ACTION_ANSWERED }, { 408, true, ACTION_ANSWERED }, { 409, false, ACTION_ANSWERED },
        { 422, false, ACTION_ANSWERED }, { 425, true, ACTION_ANSWERED }, { 429, true, ACTION_NOT_SENT },
        { 500, true, ACTION_UNKNOWN }, { 501, false, ACTION_ANSWERED }, { 502, true, ACTION_UNKNOWN },
        { 503, true, ACTION_ANSWERED }, { 504, true, ACTION_UNKNOWN }, { 505, false, ACTION_ANSWERED },
        { 521, true, ACTION_UNKNOWN } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct trial trial;
        char code[16];
        snprintf(code, sizeof code, "http_%d", cases[i].status);
        stub_clear(&world->stub);
        stub_add(&world->stub, "POST", cases[i].status, "", "{\"error\":{\"message\":\"no such thing\"}}");
        get(world, &trial, "{\"method\":\"POST\",\"url\":\"STUB/v1/x?key=hush\"}");
        assert_error(&trial.result, code, cases[i].is_retryable, cases[i].effect);
        assert_str_has(trial.result.error.message, ": no such thing");
        assert_str_has(trial.result.error.message, "POST http://127.0.0.1:");
        assert_str_lacks(trial.result.error.message, "hush"); /* a query may hold a key */
        trial_done(&trial);
        get(world, &trial, "{\"method\":\"POST\",\"url\":\"STUB/\",\"any_status\":true}");
        assert_true(trial.result.is_ok);
        assert_int_equal(value_get(trial.result.output, STR("status")).integer, cases[i].status);
        trial_done(&trial);
    }
}

static void retry_after_is_passed_on(void **state)
{
    struct connect_world *world = *state;
    static const struct {
        int status;
        const char *headers;
        int64_t seconds;
    } cases[] = { { 429, "Retry-After: 7\r\n", 7 }, { 503, "Retry-After: 120\r\n", 120 },
        { 429, "Retry-After: 99999999999\r\n", 86400 }, { 429, "Retry-After: -1\r\n", 0 },
        { 429, "Retry-After: soon\r\n", 0 }, { 429, "", 0 }, { 500, "Retry-After: 7\r\n", 0 },
        { 429, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:50:07 GMT\r\n", 30 },
        { 429, "Retry-After: Sun, 06 Nov 1994 08:50:07 GMT\r\n", 0 },
        { 429, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:00:00 GMT\r\n", 0 },
        { 429, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Foo 1994 08:50:07 GMT\r\n", 0 } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct trial trial;
        stub_clear(&world->stub);
        stub_add(&world->stub, "GET", cases[i].status, cases[i].headers, "");
        get(world, &trial, "{\"url\":\"STUB/\"}");
        assert_int_equal(trial.result.retry_after_us, cases[i].seconds * US_PER_S);
        trial_done(&trial);
    }
}

static unsigned closed_port(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static void what_never_left_is_told_from_what_may_have(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    char with[200];
    snprintf(with, sizeof with, "{\"method\":\"POST\",\"url\":\"http://127.0.0.1:%u/\"}", closed_port());
    get(world, &trial, with);
    assert_error(&trial.result, "network", true, ACTION_NOT_SENT);
    trial_done(&trial);
    get(world, &trial, "{\"method\":\"POST\",\"url\":\"http://127.0.0.2:80/\"}");
    assert_error(&trial.result, "egress_denied", false, ACTION_NOT_SENT);
    assert_str_has(trial.result.error.message, "egress.allow");
    trial_done(&trial);
    get(world, &trial, "{\"method\":\"POST\",\"url\":\"http://169.254.169.254/latest/meta-data/\"}");
    assert_error(&trial.result, "egress_denied", false, ACTION_NOT_SENT);
    trial_done(&trial);
    stub_add_raw(&world->stub, "POST /hang ", NULL, 0)->then = STUB_HOLD;
    stub_add_raw(&world->stub, "POST /close ", NULL, 0)->then = STUB_CLOSE;
    stub_add_raw(&world->stub, "POST /reset ", NULL, 0)->then = STUB_RESET;
    get(world, &trial, "{\"method\":\"POST\",\"url\":\"STUB/hang\",\"timeout\":\"200ms\"}");
    assert_error(&trial.result, "timeout", true, ACTION_UNKNOWN);
    trial_done(&trial);
    get(world, &trial, "{\"method\":\"POST\",\"url\":\"STUB/close\"}");
    assert_error(&trial.result, "network", true, ACTION_UNKNOWN);
    trial_done(&trial);
    get(world, &trial, "{\"method\":\"POST\",\"url\":\"STUB/reset\"}");
    assert_error(&trial.result, "network", true, ACTION_UNKNOWN);
    trial_done(&trial);
}

static void deadline_bounds_the_timeout(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    stub_add_raw(&world->stub, "GET", NULL, 0)->then = STUB_HOLD;
    trial_make(world, &trial, "http.request", "{\"url\":\"STUB/\",\"timeout\":\"1m\"}");
    trial.call.deadline.us = loop_now(world->loop).us + 200 * US_PER_MS;
    trial_start(&trial);
    world_wait(world);
    assert_error(&trial.result, "timeout", true, ACTION_UNKNOWN);
    trial_done(&trial);
    trial_make(world, &trial, "http.request", "{\"url\":\"STUB/\"}");
    trial.call.deadline.us = loop_now(world->loop).us - 1;
    trial_start(&trial);
    world_wait(world);
    assert_error(&trial.result, "timeout", true, ACTION_NOT_SENT);
    trial_done(&trial);
    assert_int_equal(stub_request_count(&world->stub), 1);
}

static void cancel_ends_a_call_at_once(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    stub_add_raw(&world->stub, "POST", NULL, 0)->then = STUB_HOLD;
    trial_make(world, &trial, "http.request", "{\"method\":\"POST\",\"url\":\"STUB/\"}");
    trial_start(&trial);
    trial.call.action->cancel(trial.call.action, &trial.call);
    world_wait(world);
    assert_error(&trial.result, "cancelled", false, ACTION_NOT_SENT); /* the loop had not turned yet */
    trial_done(&trial);
}

static void host_that_goes_away_ends_its_calls(void **state)
{
    struct connect_world *world = *state;
    struct trial trials[3];
    stub_add_raw(&world->stub, "GET", NULL, 0)->then = STUB_HOLD;
    for (int i = 0; i < 3; i++) {
        trial_make(world, &trials[i], "http.request", "{\"url\":\"STUB/\"}");
        trial_start(&trials[i]);
    }
    connect_free_host(world->connect, world->host);
    world_wait(world);
    for (int i = 0; i < 3; i++) {
        assert_error(&trials[i].result, "cancelled", false, ACTION_NOT_SENT);
        trial_done(&trials[i]);
    }
    CHECK(connect_make_host(world->connect, world->loop, 0, &world->host, why));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(answer_is_given_with_status_and_headers),
        TEST(body_is_json_text_bytes_or_null),
        TEST(method_says_what_kind_the_call_is),
        TEST(query_is_encoded_and_joins_what_is_there),
        TEST(bodies_go_out_as_json_or_as_they_are),
        TEST(bad_input_never_leaves),
        TEST(statuses_say_what_became_of_the_call),
        TEST(retry_after_is_passed_on),
        TEST(what_never_left_is_told_from_what_may_have),
        TEST(deadline_bounds_the_timeout),
        TEST(cancel_ends_a_call_at_once),
        TEST(host_that_goes_away_ends_its_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
