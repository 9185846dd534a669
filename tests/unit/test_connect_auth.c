/* Where secrets go and where they don't: kinds of authentication, origins, redirects, masking. */
#include "connect_helpers.h"

#define TOKEN "s3cr3t-t0ken/+="
#define TOKEN_ENCODED "s3cr3t-t0ken%2F%2B%3D"

static void make_connection(struct connect_world *world, const char *settings)
{
    world_load_content(world, "http.yaml");
    world_secret(world, "tok", TOKEN);
    world_connection(world, "api", "http", settings);
}

static const struct action_result *call(struct connect_world *world, struct trial *trial, const char *with)
{
    trial_make(world, trial, "http.request", with);
    trial->call.connection = STR("api");
    trial_start(trial);
    world_wait(world);
    return &trial->result;
}

static void each_kind_of_authentication_reaches_the_wire(void **state)
{
    struct connect_world *world = *state;
    static const struct {
        const char *settings, *wanted;
    } cases[] = {
        { "{\"base_url\":\"STUB\",\"auth\":\"none\"}", "GET /x HTTP/1.1\r\n" },
        { "{\"base_url\":\"STUB\"}", "GET /x HTTP/1.1\r\n" },
        { "{\"base_url\":\"STUB\",\"auth\":\"bearer\",\"token\":\"${secret:tok}\"}",
            "\r\nAuthorization: Bearer " TOKEN "\r\n" },
        { "{\"base_url\":\"STUB\",\"auth\":\"basic\",\"user\":\"ada\",\"password\":\"${secret:tok}\"}",
            "\r\nAuthorization: Basic YWRhOnMzY3IzdC10MGtlbi8rPQ==\r\n" },
        { "{\"base_url\":\"STUB\",\"auth\":\"header\",\"name\":\"X-Key\",\"token\":\"${secret:tok}\"}",
            "\r\nX-Key: " TOKEN "\r\n" },
        { "{\"base_url\":\"STUB\",\"auth\":\"query\",\"name\":\"key\",\"token\":\"${secret:tok}\"}",
            "GET /x?key=" TOKEN_ENCODED " HTTP/1.1\r\n" },
    };
    stub_json(&world->stub, "GET", "{}");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct trial trial;
        make_connection(world, cases[i].settings);
        assert_true(call(world, &trial, "{\"url\":\"/x\"}")->is_ok);
        assert_request_has(stub_last_request(&world->stub), cases[i].wanted);
        if (i < 2)
            assert_request_lacks(stub_last_request(&world->stub), "Authorization");
        trial_done(&trial);
    }
}

static void incomplete_connection_is_told_and_nothing_leaves(void **state)
{
    struct connect_world *world = *state;
    static const struct {
        const char *settings, *code, *text;
    } cases[] = {
        { "{\"base_url\":\"STUB\",\"auth\":\"bearer\"}", "connection_invalid", "lacks a setting" },
        { "{\"base_url\":\"STUB\",\"auth\":\"bearer\",\"token\":\"${secret:absent}\"}", "secret_missing",
            "absent" },
        { "{\"base_url\":\"STUB\",\"auth\":\"basic\",\"user\":\"a:b\",\"password\":\"${secret:tok}\"}",
            "connection_invalid", "colon" },
        { "{\"base_url\":\"STUB\",\"auth\":\"header\",\"name\":\"Host\",\"token\":\"${secret:tok}\"}",
            "connection_invalid", "Host" },
        { "{\"base_url\":\"STUB\",\"auth\":\"header\",\"name\":\"X\\r\\nY\",\"token\":\"${secret:tok}\"}",
            "connection_invalid", "header" },
        { "{\"base_url\":\"ftp://127.0.0.1\"}", "connection_invalid", "base URL" },
        { "{\"base_url\":\"STUB/a?b=c\"}", "connection_invalid", "query" },
        { "{\"base_url\":\"STUB/a/../b\"}", "connection_invalid", "segment" },
        { "{\"base_url\":\"STUB\",\"calls_per_minute\":0}", "connection_invalid", "rate_limit" },
    };
    stub_json(&world->stub, "GET", "{}");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct trial trial;
        make_connection(world, cases[i].settings);
        assert_error(call(world, &trial, "{\"url\":\"/x\"}"), cases[i].code, false, ACTION_NOT_SENT);
        assert_str_has(trial.result.error.message, cases[i].text);
        trial_done(&trial);
    }
    assert_int_equal(stub_request_count(&world->stub), 0);
}

static void secret_with_a_line_break_is_no_header(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    make_connection(world, "{\"base_url\":\"STUB\",\"auth\":\"bearer\",\"token\":\"${secret:broken}\"}");
    world_secret(world, "broken", "top-secret\r\nX-Evil: 1");
    assert_error(call(world, &trial, "{\"url\":\"/x\"}"), "bad_input", false, ACTION_NOT_SENT);
    assert_str_lacks(trial.result.error.message, "top-secret");
    trial_done(&trial);
}

static void connection_that_is_missing_or_anothers_is_told(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    world_load_content(world, "http.yaml");
    assert_error(call(world, &trial, "{\"url\":\"/x\"}"), "connection_missing", false, ACTION_NOT_SENT);
    assert_str_has(trial.result.error.message, "tocsin connection set api");
    trial_done(&trial);
    make_connection(world, "{\"base_url\":\"STUB\"}");
    trial_make(world, &trial, "http.request", "{\"url\":\"/x\"}");
    trial.call.connection = STR("api");
    trial.call.tenant = TENANT_DEFAULT + 1;
    trial_start(&trial);
    world_wait(world);
    assert_error(&trial.result, "connection_missing", false, ACTION_NOT_SENT);
    trial_done(&trial);
}

/* What a playbook writes in `url` stays at the connection's origin, or goes nowhere. */
static void url_never_leaves_the_connections_origin(void **state)
{
    struct connect_world *world = *state;
    static const struct {
        const char *url, *code;
    } cases[] = { { "OTHER/x", "other_origin" }, { "http://localhost/x", "other_origin" },
        { "https://127.0.0.1/x", "other_origin" }, { "//127.0.0.1:1/x", NULL }, { "/@127.0.0.1:1/x", NULL },
        { "/\\\\127.0.0.1/x", "bad_url" }, { "@127.0.0.1:1/x", "bad_url" }, { ":1@127.0.0.1/x", "bad_url" },
        { ".evil/x", "bad_url" }, { "x", "bad_url" }, { "", "bad_url" }, { "?a=b", "bad_url" },
        { "#x", "bad_url" }, { "/a/../../x", "bad_input" }, { "http:STUB", "bad_url" },
        { "STUB@127.0.0.1/x", "bad_url" } };
    make_connection(world, "{\"base_url\":\"STUB/base/\",\"auth\":\"bearer\",\"token\":\"${secret:tok}\"}");
    stub_json(&world->stub, "GET", "{}");
    stub_json(&world->other, "GET", "{}");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct trial trial;
        AUTO(buf) struct buf with = { 0 };
        buf_printf(&with, "{\"url\":\"%s\"}", cases[i].url);
        call(world, &trial, with.data);
        if (cases[i].code &&
            (trial.result.is_ok || !str_equal(trial.result.error.code, str_of(cases[i].code))))
            fail_msg("%s: %d %.*s", cases[i].url, trial.result.is_ok, STR_ARG(trial.result.error.code));
        if (!cases[i].code)
            assert_request_has(stub_last_request(&world->stub), "GET /base/");
        trial_done(&trial);
    }
    assert_int_equal(world->other.connection_count, 0);
    struct trial trial;
    assert_true(call(world, &trial, "{\"url\":\"STUB/elsewhere\"}")->is_ok); /* the same origin */
    assert_request_has(stub_last_request(&world->stub), "GET /elsewhere HTTP/1.1\r\n");
    trial_done(&trial);
}

static void redirects_stay_at_the_origin_unless_the_connection_says_so(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    AUTO(buf) struct buf location = { 0 };
    buf_printf(&location, "Location: http://127.0.0.1:%u/there\r\n", world->other.port);
    stub_add(&world->stub, "GET /inside ", 302, "Location: /target\r\n", "");
    stub_json(&world->stub, "GET /target ", "{\"at\":1}");
    stub_add(&world->stub, "GET /outside ", 302, location.data, "");
    stub_add(&world->stub, "POST /outside ", 307, location.data, "");
    stub_add(&world->stub, "GET /round ", 302, "Location: /round\r\n", "");
    stub_json(&world->other, "", "{}");
    make_connection(world, "{\"base_url\":\"STUB\",\"auth\":\"bearer\",\"token\":\"${secret:tok}\"}");
    assert_int_equal(
        value_path(call(world, &trial, "{\"url\":\"/inside\"}")->output, STR("body.at")).integer, 1);
    assert_request_has(stub_last_request(&world->stub), TOKEN);
    trial_done(&trial);
    assert_int_equal(
        value_path(call(world, &trial, "{\"url\":\"/outside\"}")->output, STR("status")).integer, 302);
    trial_done(&trial);
    assert_int_equal(world->other.connection_count, 0);
    unsigned before = stub_request_count(&world->stub);
    assert_int_equal(
        value_path(call(world, &trial, "{\"url\":\"/round\"}")->output, STR("status")).integer, 302);
    assert_int_equal(stub_request_count(&world->stub) - before, REDIRECTS_MAX + 1);
    trial_done(&trial);
    make_connection(world,
        "{\"base_url\":\"STUB\",\"auth\":\"header\",\"name\":\"X-Key\",\"token\":\"${secret:tok}\","
        "\"cross_origin_redirects\":true}");
    assert_int_equal(
        value_path(call(world, &trial, "{\"url\":\"/outside\",\"headers\":{\"X-Own\":\"mine\"}}")->output,
            STR("status"))
            .integer,
        200);
    assert_request_lacks(stub_last_request(&world->other), TOKEN);
    assert_request_lacks(stub_last_request(&world->other), "X-Own");
    trial_done(&trial);
    before = stub_request_count(&world->other);
    assert_int_equal(
        value_path(
            call(world, &trial, "{\"method\":\"POST\",\"url\":\"/outside\",\"body\":\"text\"}")->output,
            STR("status"))
            .integer,
        307); /* a body may hold secrets too */
    assert_int_equal(stub_request_count(&world->other), before);
    trial_done(&trial);
}

static void egress_policy_holds_at_redirects(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    stub_add(&world->stub, "GET", 302, "Location: http://169.254.169.254/latest\r\n", "");
    make_connection(world, "{\"base_url\":\"STUB\",\"cross_origin_redirects\":true}");
    assert_error(call(world, &trial, "{\"url\":\"/\"}"), "egress_denied", false, ACTION_UNKNOWN);
    trial_done(&trial);
}

/* What a tool echoes of a secret is masked wherever it comes back. */
static void echoed_secrets_are_masked(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    AUTO(buf) struct buf text = { 0 };
    stub_add(&world->stub, "GET /ok ", 200, "X-Echo: Bearer " TOKEN "\r\nX-Url: /x?key=" TOKEN_ENCODED "\r\n",
        "{\"a\":[\"<" TOKEN ">\",{\"" TOKEN "\":\"" TOKEN_ENCODED "\"}],\"escaped\":\"s3cr3t-t0ken\\/+=\"}");
    stub_add(&world->stub, "GET /no ", 403, "", "{\"message\":\"bad token " TOKEN "!\"}");
    stub_add(&world->stub, "GET /text ", 403, "Content-Type: text/plain\r\n", "bad token " TOKEN "!");
    make_connection(world, "{\"base_url\":\"STUB\",\"auth\":\"bearer\",\"token\":\"${secret:tok}\"}");
    assert_true(call(world, &trial, "{\"url\":\"/ok\"}")->is_ok);
    json_print(&text, trial.result.output, 0);
    assert_str_lacks(buf_str(&text), "s3cr3t");
    assert_str_has(buf_str(&text), "<(secret)>");
    trial_done(&trial);
    assert_error(call(world, &trial, "{\"url\":\"/no\"}"), "http_403", false, ACTION_ANSWERED);
    assert_str_has(trial.result.error.message, "bad token (secret)!");
    trial_done(&trial);
    assert_error(call(world, &trial, "{\"url\":\"/text\"}"), "http_403", false, ACTION_ANSWERED);
    assert_str_has(trial.result.error.message, "bad token (secret)!");
    trial_done(&trial);
    stub_clear(&world->stub);
    stub_add(&world->stub, "GET", 401, "", "{\"message\":\"not YWRhOnMzY3IzdC10MGtlbi8rPQ==\"}");
    make_connection(
        world, "{\"base_url\":\"STUB\",\"auth\":\"basic\",\"user\":\"ada\",\"password\":\"${secret:tok}\"}");
    assert_error(call(world, &trial, "{\"url\":\"/\"}"), "http_401", false, ACTION_ANSWERED);
    assert_str_has(trial.result.error.message, "not (secret)");
    trial_done(&trial);
}

/* A failure of the client itself names the URL, whose query may hold the key. */
static void failures_do_not_tell_secrets(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    make_connection(world,
        "{\"base_url\":\"http://"
        "127.0.0.3:9\",\"auth\":\"query\",\"name\":\"key\",\"token\":\"${secret:tok}\"}");
    assert_error(call(world, &trial, "{\"url\":\"/x\"}"), "egress_denied", false, ACTION_NOT_SENT);
    assert_str_lacks(trial.result.error.message, "s3cr3t");
    trial_done(&trial);
}

static void sealed_values_go_to_headers_and_bodies_only_as_their_content(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    struct value sealed;
    AUTO(buf) struct buf text = { 0 };
    stub_json(&world->stub, "POST", "{\"echo\":\"sealed-content\"}");
    trial_make(world, &trial, "http.request", "{\"method\":\"POST\",\"url\":\"STUB/\",\"headers\":{}}");
    CHECK(
        secret_seal(world->access.vault, TENANT_DEFAULT, STR("sealed-content"), &trial.arena, &sealed, why));
    struct value headers, json;
    CHECK(value_map_with(&trial.arena, world_json(world, &trial.arena, "{}"), value_string(STR("X-Key")),
        sealed, &headers, why));
    CHECK(value_map_with(
        &trial.arena, world_json(world, &trial.arena, "{}"), value_string(STR("key")), sealed, &json, why));
    CHECK(value_map_with(
        &trial.arena, trial.call.with, value_string(STR("headers")), headers, &trial.call.with, why));
    CHECK(value_map_with(
        &trial.arena, trial.call.with, value_string(STR("json")), json, &trial.call.with, why));
    trial_start(&trial);
    world_wait(world);
    assert_true(trial.result.is_ok);
    assert_request_has(stub_last_request(&world->stub), "\r\nX-Key: sealed-content\r\n");
    assert_request_has(stub_last_request(&world->stub), "\r\n\r\n{\"key\":\"sealed-content\"}");
    json_print(&text, trial.result.output, 0);
    assert_str_lacks(buf_str(&text), "sealed-content");
    trial_done(&trial);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(each_kind_of_authentication_reaches_the_wire),
        TEST(incomplete_connection_is_told_and_nothing_leaves),
        TEST(secret_with_a_line_break_is_no_header),
        TEST(connection_that_is_missing_or_anothers_is_told),
        TEST(url_never_leaves_the_connections_origin),
        TEST(redirects_stay_at_the_origin_unless_the_connection_says_so),
        TEST(egress_policy_holds_at_redirects),
        TEST(echoed_secrets_are_masked),
        TEST(failures_do_not_tell_secrets),
        TEST(sealed_values_go_to_headers_and_bodies_only_as_their_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
