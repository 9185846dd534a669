/* Declarative actions over a real client: what goes out, what comes back, what went wrong. */
#include "connect_helpers.h"

static const char connector[] =
    "connector: tool\n"
    "title: Tool\n"
    "settings:\n"
    "  url: string\n"
    "  key: { type: string, secret: true }\n"
    "  failures: { type: int, default: 3 }\n"
    "base_url: ${{ settings.url }}\n"
    "auth: { kind: header, name: X-Key, token: \"${{ settings.key }}\" }\n"
    "headers: { X-Client: tocsin }\n"
    "breaker: { failures: 3, open_for: 100ms }\n"
    "actions:\n"
    "  get:\n"
    "    summary: Gets a thing\n"
    "    kind: enrich\n"
    "    in: { name: string, kind: { type: string, required: false }, list: { type: list, items: string, "
    "required: false }, note: { type: string, required: false } }\n"
    "    out: { name: string, score: { type: double, required: false }, seen: { type: timestamp, required: "
    "false } }\n"
    "    request:\n"
    "      path: /v1/things/${{ inputs.name }}/x\n"
    "      query: { kind: \"${{ inputs.kind }}\", l: \"${{ inputs.list }}\", mixed: \"a/${{ inputs.name }}\" "
    "}\n"
    "      headers: { X-Note: \"${{ inputs.note }}\" }\n"
    "    answer: { name: \"${{ body.thing.name }}\", score: \"${{ body.thing.score }}\", seen: \"${{ "
    "body.thing.seen }}\" }\n"
    "    errors:\n"
    "      - { when: \"status == 404\", code: not_known, message: \"no ${{ inputs.name }}: ${{ body.why }}\" "
    "}\n"
    "      - { when: \"status == 200 && has(body.error)\", code: refused, message: \"${{ body.error }}\", "
    "retryable: true }\n"
    "  make:\n"
    "    summary: Makes a thing\n"
    "    kind: ticket\n"
    "    in: { title: string, parts: { type: list, items: string, default: [] } }\n"
    "    out: { id: string }\n"
    "    request:\n"
    "      method: POST\n"
    "      path: /v1/things\n"
    "      headers: { Idempotency-Key: \"${{ call.key }}\" }\n"
    "      json: { title: \"${{ inputs.title }}\", parts: \"${{ inputs.parts }}\", by: { run: \"${{ call.run "
    "}}\", "
    "playbook: \"${{ call.playbook }}/${{ call.step }}\" }, key: \"${{ settings.key }}\" }\n"
    "    answer: { id: \"${{ string(body.id) }}\" }\n"
    "    probe:\n"
    "      request: { path: /v1/things, query: { key: \"${{ call.key }}\" } }\n"
    "      done_when: body.things.size() > 0\n"
    "      output: { id: \"${{ string(body.things[0].id) }}\" }\n"
    "    undo: { action: drop, with: { id: \"${{ output.id }}\" } }\n"
    "  put:\n"
    "    summary: Makes a thing of a name of ours\n"
    "    kind: ticket\n"
    "    in: { name: string }\n"
    "    out: { name: string }\n"
    "    request: { method: POST, path: /v1/named, form: { name: \"${{ inputs.name }}\", l: [a, \"b c\"] } "
    "}\n"
    "    answer: { name: \"${{ inputs.name }}\" }\n"
    "    probe:\n"
    "      request: { path: \"/v1/named/${{ inputs.name }}\" }\n"
    "      ok_when: status == 200 || status == 404\n"
    "      done_when: status == 200\n"
    "      output: { name: \"${{ inputs.name }}\" }\n"
    "  drop:\n"
    "    summary: Drops a thing\n"
    "    kind: ticket\n"
    "    in: { id: string }\n"
    "    out: {}\n"
    "    request: { method: DELETE, path: \"/v1/things/${{ inputs.id }}\" }\n"
    "    answer: {}\n"
    "  login:\n"
    "    summary: Gives a secret\n"
    "    kind: query\n"
    "    out: { session: { type: string, secret: true }, user: string }\n"
    "    request: { path: /login }\n"
    "  raw:\n"
    "    summary: Text and bytes\n"
    "    kind: query\n"
    "    format: text\n"
    "    out: { text: string }\n"
    "    request: { method: POST, path: /raw, body: \"<${{ call.step }}>\", content_type: text/xml }\n"
    "    answer: { text: \"${{ body }}\" }\n";

static int setup(void **state)
{
    int result = world_setup(state);
    struct connect_world *world = *state;
    world_load(world, connector);
    world_secret(world, "key", "the-secret-key");
    world_connection(world, "tool", "tool", "{\"url\":\"STUB/api\",\"key\":\"${secret:key}\"}");
    return result;
}

static void request_is_built_as_declared(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    stub_json(&world->stub, "GET /api/v1/things/web/x?",
        "{\"thing\":{\"name\":\"web\",\"score\":7,\"seen\":\"2026-01-12T08:14:03+01:00\",\"more\":1}}");
    assert_output(
        trial_run(world, &trial, "tool.get", "{\"name\":\"web\",\"kind\":\"host\",\"list\":[\"a\",\"b\"]}"),
        "{\"name\":\"web\",\"score\":7.0,\"seen\":\"2026-01-12T07:14:03Z\"}");
    const char *request = stub_last_request(&world->stub);
    assert_request_has(request, "GET /api/v1/things/web/x?kind=host&l=a&l=b&mixed=a%2Fweb HTTP/1.1\r\n");
    assert_request_has(request, "\r\nX-Key: the-secret-key\r\n");
    assert_request_has(request, "\r\nX-Client: tocsin\r\n");
    assert_request_has(request, "\r\nAccept: application/json\r\n");
    assert_request_lacks(request, "X-Note");
    trial_done(&trial);
}

/* Hostile values never change origin, path or framing. */
static void values_are_encoded_for_the_place_they_go_to(void **state)
{
    struct connect_world *world = *state;
    static const struct {
        const char *name, *wanted; /* NULL: refused */
    } cases[] = { { "a b", "/things/a%20b/x?mixed=a%2Fa%20b " },
        { "a/b", "/things/a%2Fb/x?mixed=a%2Fa%2Fb " }, { "?q=1&z#h", "/things/%3Fq%3D1%26z%23h/x?" },
        { "@evil.example", "/things/%40evil.example/x?" },
        { "//evil.example", "/things/%2F%2Fevil.example/x?" },
        { "http://e/", "/things/http%3A%2F%2Fe%2F/x?" }, { "caf\xc3\xa9", "/things/caf%C3%A9/x?" },
        { "\\r\\nX-Evil: 1", "/things/%0D%0AX-Evil%3A%201/x?" }, { "\\u0000", "/things/%00/x?" },
        { "%2e%2e", "/things/%252e%252e/x?" }, { "...", "/things/.../x?" }, { ";a=b", "/things/%3Ba%3Db/x?" },
        { "", NULL }, { ".", NULL }, { "..", NULL }, { "../../admin", NULL }, { "..\\\\..\\\\admin", NULL },
        { "a/../b", NULL } };
    stub_json(&world->stub, "GET", "{\"thing\":{\"name\":\"x\"}}");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct trial trial;
        AUTO(buf) struct buf with = { 0 };
        unsigned before = stub_request_count(&world->stub);
        buf_printf(&with, "{\"name\":\"%s\"}", cases[i].name);
        trial_run(world, &trial, "tool.get", with.data);
        if (cases[i].wanted) {
            assert_output(&trial.result, "{\"name\":\"x\"}");
            assert_request_has(stub_last_request(&world->stub), cases[i].wanted);
            assert_request_lacks(stub_last_request(&world->stub), "\r\nX-Evil");
        } else {
            assert_error(&trial.result, "bad_input", false, ACTION_NOT_SENT);
            assert_int_equal(stub_request_count(&world->stub), before);
        }
        trial_done(&trial);
    }
    struct trial trial;
    trial_run(world, &trial, "tool.get", "{\"name\":\"x\",\"note\":\"a\\r\\nX-Evil: 1\"}");
    assert_error(&trial.result, "bad_input", false, ACTION_NOT_SENT);
    trial_done(&trial);
    trial_run(world, &trial, "tool.get", "{\"name\":\"x\",\"note\":\"caf\xc3\xa9 <>\"}");
    assert_request_has(stub_last_request(&world->stub), "\r\nX-Note: caf\xc3\xa9 <>\r\n");
    trial_done(&trial);
    AUTO(buf) struct buf with = { 0 };
    buf_add_text(&with, "{\"name\":\"");
    for (int i = 0; i < 9000; i++)
        buf_add_byte(&with, 'a');
    buf_add_text(&with, "\"}");
    trial_run(world, &trial, "tool.get", with.data);
    assert_error(&trial.result, "bad_input", false, ACTION_NOT_SENT);
    assert_str_has(trial.result.error.message, "8192");
    trial_done(&trial);
}

static void body_is_printed_as_declared(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    stub_add(&world->stub, "POST /api/v1/things ", 201, "", "{\"id\":17}");
    stub_json(&world->stub, "POST /api/v1/named ", "null");
    stub_add(&world->stub, "POST /api/raw ", 200, "Content-Type: text/plain\r\n", "{\"not\":\"parsed\"}");
    assert_output(
        trial_run(world, &trial, "tool.make", "{\"title\":\"a \\\"b\\\" \\u2028\\n\"}"), "{\"id\":\"17\"}");
    const char *request = stub_last_request(&world->stub);
    assert_request_has(request, "\r\nContent-Type: application/json\r\n");
    assert_request_has(request, "\r\nIdempotency-Key: 01JZ/step\r\n");
    assert_request_has(request,
        "\r\n\r\n{\"title\":\"a \\\"b\\\" \xe2\x80\xa8\\n\",\"parts\":[],\"by\":{\"run\":"
        "\"00000000000000000000000000\",\"playbook\":\"a-playbook/step\"},\"key\":\"the-secret-key\"}");
    trial_done(&trial);
    assert_output(trial_run(world, &trial, "tool.put", "{\"name\":\"a&b=c d\"}"), "{\"name\":\"a&b=c d\"}");
    assert_request_has(
        stub_last_request(&world->stub), "\r\nContent-Type: application/x-www-form-urlencoded\r\n");
    assert_request_has(stub_last_request(&world->stub), "\r\n\r\nname=a%26b%3Dc%20d&l=a&l=b%20c");
    trial_done(&trial);
    assert_output(trial_run(world, &trial, "tool.raw", "{}"), "{\"text\":\"{\\\"not\\\":\\\"parsed\\\"}\"}");
    assert_request_has(stub_last_request(&world->stub), "\r\nContent-Type: text/xml\r\n");
    assert_request_has(stub_last_request(&world->stub), "\r\n\r\n<step>");
    trial_done(&trial);
}

static void answer_that_is_not_as_declared_is_told(void **state)
{
    struct connect_world *world = *state;
    static const struct {
        const char *body, *code, *text;
    } cases[] = {
        { "{\"thing\":{}}", "answer_mismatch", "name" },
        { "{\"thing\":{\"name\":7}}", "answer_mismatch", "name" },
        { "{\"thing\":{\"name\":\"a\",\"score\":\"high\"}}", "answer_mismatch", "score" },
        { "{\"thing\":{\"name\":\"a\",\"seen\":\"yesterday\"}}", "answer_mismatch", "seen" },
        { "{\"thing\":[]}", "answer_mismatch", "name" },
        { "[]", "answer_mismatch", "name" },
        { "", "answer_mismatch", "name" },
        { "<html>login</html>", "answer_not_json", "line 1, column 1" },
        { "{\"thing\":", "answer_not_json", "line 1" },
        { "{} trailing", "answer_not_json", "line 1" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct trial trial;
        stub_clear(&world->stub);
        stub_json(&world->stub, "GET", cases[i].body);
        assert_error(
            trial_run(world, &trial, "tool.get", "{\"name\":\"a\"}"), cases[i].code, false, ACTION_ANSWERED);
        assert_str_has(trial.result.error.message, cases[i].text);
        trial_done(&trial);
    }
}

static void hostile_json_is_refused_without_harm(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    AUTO(buf) struct buf deep = { 0 };
    for (int i = 0; i < 100000; i++)
        buf_add_byte(&deep, '[');
    stub_json(&world->stub, "GET", deep.data)->times = 1;
    assert_error(
        trial_run(world, &trial, "tool.get", "{\"name\":\"a\"}"), "answer_not_json", false, ACTION_ANSWERED);
    trial_done(&trial);
    /* A repeated key: the last one counts, as in events. */
    stub_json(&world->stub, "GET", "{\"thing\":{\"name\":\"a\"},\"thing\":{\"name\":\"b\",\"score\":1e400}}")
        ->times = 1;
    trial_run(world, &trial, "tool.get", "{\"name\":\"a\"}");
    assert_false(trial.result.is_ok && trial.result.output.size == 0);
    trial_done(&trial);
}

static void error_rules_name_the_error(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    stub_add(&world->stub, "GET", 404, "", "{\"why\":\"gone\"}")->times = 1;
    assert_error(
        trial_run(world, &trial, "tool.get", "{\"name\":\"web\"}"), "not_known", false, ACTION_ANSWERED);
    assert_str_has(trial.result.error.message, "no web: gone");
    trial_done(&trial);
    /* The message's path leads nowhere: the tool's own words stand. */
    stub_add(&world->stub, "GET", 404, "", "{\"message\":\"nothing here\"}")->times = 1;
    assert_error(
        trial_run(world, &trial, "tool.get", "{\"name\":\"web\"}"), "not_known", false, ACTION_ANSWERED);
    assert_str_has(trial.result.error.message, "answered 404: nothing here");
    trial_done(&trial);
    stub_json(&world->stub, "GET", "{\"error\":\"busy the-secret-key\"}")->times = 1;
    assert_error(
        trial_run(world, &trial, "tool.get", "{\"name\":\"web\"}"), "refused", true, ACTION_ANSWERED);
    assert_str_has(trial.result.error.message, "busy (secret)");
    trial_done(&trial);
    stub_add(&world->stub, "GET", 302, "Location: /login\r\n", "");
    stub_add(&world->stub, "GET", 302, "Location: http://example.com/\r\n", "");
    trial_run(world, &trial, "tool.get", "{\"name\":\"web\"}");
    assert_error(&trial.result, "http_302", false, ACTION_ANSWERED);
    trial_done(&trial);
}

static void secret_outputs_are_sealed(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    AUTO(buf) struct buf text = { 0 };
    AUTO(secret) struct secret opened = { 0 };
    stub_json(&world->stub, "GET", "{\"session\":\"session-of-ada\",\"user\":\"ada\",\"more\":1}");
    assert_true(trial_run(world, &trial, "tool.login", "{}")->is_ok);
    struct value sealed = value_get(trial.result.output, STR("session"));
    assert_int_equal(sealed.type, VALUE_SECRET);
    json_print(&text, trial.result.output, 0);
    assert_str_lacks(buf_str(&text), "session-of-ada");
    CHECK(secret_unseal(world->access.vault, TENANT_DEFAULT, sealed, &opened, why));
    assert_true(secret_equal(&opened, STR("session-of-ada")));
    trial_done(&trial);
}

/* ---- probes, undo ---- */

static const struct action_result *probe(
    struct connect_world *world, struct trial *trial, const char *action, const char *with)
{
    trial_make(world, trial, action, with);
    assert_true(trial->call.action->has_probe);
    trial->call.purpose = ACTION_PROBE;
    trial_start(trial);
    world_wait(world);
    return &trial->result;
}

static void probe_tells_whether_the_call_took_effect(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    stub_json(&world->stub, "GET /api/v1/things?key=01JZ%2Fstep ", "{\"things\":[{\"id\":9}]}")->times = 1;
    assert_output(probe(world, &trial, "tool.make", "{\"title\":\"a\"}"), "{\"id\":\"9\"}");
    trial_done(&trial);
    stub_json(&world->stub, "GET /api/v1/things", "{\"things\":[]}");
    assert_error(probe(world, &trial, "tool.make", "{\"title\":\"a\"}"), "not_done", true, ACTION_NOT_SENT);
    trial_done(&trial);
    stub_add(&world->stub, "GET /api/v1/named/a ", 404, "", "{}");
    stub_json(&world->stub, "GET /api/v1/named/b ", "{}");
    assert_error(probe(world, &trial, "tool.put", "{\"name\":\"a\"}"), "not_done", true, ACTION_NOT_SENT);
    trial_done(&trial);
    assert_output(probe(world, &trial, "tool.put", "{\"name\":\"b\"}"), "{\"name\":\"b\"}");
    trial_done(&trial);
}

/* Whatever keeps a probe from asking or understanding leaves the question open. */
static void probe_that_learns_nothing_says_so(void **state)
{
    struct connect_world *world = *state;
    static const struct {
        int status;
        const char *body;
    } answers[] = { { 404, "{}" }, { 401, "{}" }, { 429, "{}" }, { 500, "{}" }, { 503, "" }, { 200, "{}" },
        { 200, "no JSON" }, { 200, "{\"things\":7}" }, { 200, "{\"things\":[{}]}" }, { 200, "" } };
    struct trial trial;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        stub_clear(&world->stub);
        world_drop_connect(world); /* a fresh breaker */
        world_make_connect(world);
        world_load(world, connector);
        stub_add(&world->stub, "GET", answers[i].status, "", answers[i].body);
        const struct action_result *result = probe(world, &trial, "tool.make", "{\"title\":\"a\"}");
        assert_false(result->is_ok);
        assert_int_equal(result->effect, ACTION_UNKNOWN);
        trial_done(&trial);
    }
    stub_clear(&world->stub);
    stub_add_raw(&world->stub, "GET", NULL, 0)->then = STUB_CLOSE;
    assert_int_equal(probe(world, &trial, "tool.make", "{\"title\":\"a\"}")->effect, ACTION_UNKNOWN);
    trial_done(&trial);
    trial_make(world, &trial, "tool.make", "{\"title\":\"a\"}");
    trial.call.purpose = ACTION_PROBE;
    trial.call.connection = STR("absent");
    trial_start(&trial);
    world_wait(world);
    assert_error(&trial.result, "connection_missing", false, ACTION_UNKNOWN);
    trial_done(&trial);
    trial_make(world, &trial, "tool.make", "{\"title\":\"a\"}");
    trial.call.purpose = ACTION_PROBE;
    trial_start(&trial);
    trial.call.action->cancel(trial.call.action, &trial.call);
    world_wait(world);
    assert_error(&trial.result, "cancelled", false, ACTION_UNKNOWN);
    trial_done(&trial);
    assert_error(probe(world, &trial, "tool.put", "{\"name\":\"..\"}"), "bad_input", false, ACTION_UNKNOWN);
    trial_done(&trial);
}

static void undo_gets_its_parameters_from_inputs_and_output(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    struct value with;
    stub_add(&world->stub, "DELETE /api/v1/things/7%2Fx ", 204, "", "");
    trial_make(world, &trial, "tool.make", "{\"title\":\"a\"}");
    const struct action *action = trial.call.action;
    assert_true(str_equal(action->undo, STR("tool.drop")));
    CHECK(action->undo_with(action, &trial.arena, trial.call.with,
        world_json(world, &trial.arena, "{\"id\":\"7/x\"}"), &with, why));
    trial_done(&trial);
    assert_output(trial_run(world, &trial, "tool.drop", "{\"id\":\"7/x\"}"), "{}");
    trial_done(&trial);
}

/* ---- gate ---- */

static void breaker_opens_after_failures_and_lets_one_try(void **state)
{
    struct connect_world *world = *state;
    struct trial trial, second;
    struct connection_health health = { 0 };
    struct id id = world_connection(
        world, "tool", "tool", "{\"url\":\"STUB/api\",\"key\":\"${secret:key}\"}");
    stub_add(&world->stub, "GET", 500, "", "{}")->times = 4;
    stub_json(&world->stub, "GET", "{\"thing\":{\"name\":\"x\"}}");
    assert_false(connect_health(world->connect, id, &health));
    for (int i = 0; i < 3; i++) {
        assert_error(
            trial_run(world, &trial, "tool.get", "{\"name\":\"a\"}"), "http_500", true, ACTION_UNKNOWN);
        trial_done(&trial);
    }
    assert_error(
        trial_run(world, &trial, "tool.get", "{\"name\":\"a\"}"), "circuit_open", true, ACTION_NOT_SENT);
    assert_true(trial.result.retry_after_us > 0 && trial.result.retry_after_us <= 100 * US_PER_MS);
    assert_int_equal(stub_request_count(&world->stub), 3);
    trial_done(&trial);
    assert_true(connect_health(world->connect, id, &health));
    assert_true(health.health == 0 && health.calls == 3 && health.failures == 3);
    test_sleep_ms(110);
    /* One call tries; the other is told to come back. */
    trial_make(world, &trial, "tool.get", "{\"name\":\"a\"}");
    trial_make(world, &second, "tool.get", "{\"name\":\"a\"}");
    trial_start(&trial);
    trial_start(&second);
    world_wait(world);
    assert_error(&trial.result, "http_500", true, ACTION_UNKNOWN);
    assert_error(&second.result, "circuit_open", true, ACTION_NOT_SENT);
    trial_done(&trial);
    trial_done(&second);
    test_sleep_ms(110);
    assert_true(trial_run(world, &trial, "tool.get", "{\"name\":\"a\"}")->is_ok);
    trial_done(&trial);
    assert_true(connect_health(world->connect, id, &health));
    assert_true(health.health == 1);
}

static void refusals_do_not_open_the_breaker(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    stub_add(&world->stub, "GET", 400, "", "{}");
    for (int i = 0; i < 6; i++) {
        assert_error(
            trial_run(world, &trial, "tool.get", "{\"name\":\"a\"}"), "http_400", false, ACTION_ANSWERED);
        trial_done(&trial);
    }
}

static void retry_after_holds_all_calls_of_the_connection(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    stub_add(&world->stub, "GET", 429, "Retry-After: 30\r\n", "{}");
    assert_error(trial_run(world, &trial, "tool.get", "{\"name\":\"a\"}"), "http_429", true, ACTION_NOT_SENT);
    assert_int_equal(trial.result.retry_after_us, 30 * US_PER_S);
    trial_done(&trial);
    trial_make(world, &trial, "tool.get", "{\"name\":\"a\"}");
    trial.call.deadline.us = loop_now(world->loop).us + 5 * US_PER_S;
    trial_start(&trial);
    world_wait(world);
    assert_error(&trial.result, "rate_limited", true, ACTION_NOT_SENT);
    assert_true(trial.result.retry_after_us > 25 * US_PER_S);
    trial_done(&trial);
    trial_make(world, &trial, "tool.get", "{\"name\":\"a\"}"); /* waits, and is cancelled while it waits */
    trial_start(&trial);
    trial.call.action->cancel(trial.call.action, &trial.call);
    world_wait(world);
    assert_error(&trial.result, "cancelled", false, ACTION_NOT_SENT);
    trial_done(&trial);
    assert_int_equal(stub_request_count(&world->stub), 1);
}

static void calls_wait_for_their_turn(void **state)
{
    struct connect_world *world = *state;
    struct trial trials[6];
    world_load(world,
        "connector: slow\ntitle: Slow\nsettings: { url: string, calls: { type: int, default: 50 } }\n"
        "base_url: ${{ settings.url }}\nrate_limit: { calls: \"${{ settings.calls }}\", per: 1s, burst: 1 }\n"
        "actions:\n  get: { summary: Gets, kind: query, in: { n: int }, out: { n: int }, request: { path: "
        "\"/${{ inputs.n }}\" } }\n");
    world_connection(world, "slow", "slow", "{\"url\":\"STUB\"}");
    stub_json(&world->stub, "GET", "{\"n\":1}");
    int64_t started_us = test_now_us();
    for (int i = 0; i < 6; i++) {
        char with[20];
        snprintf(with, sizeof with, "{\"n\":%d}", i);
        trial_make(world, &trials[i], "slow.get", with);
        trial_start(&trials[i]);
    }
    world_wait(world);
    assert_true(test_now_us() - started_us >= 5 * 20 * US_PER_MS);
    for (int i = 0; i < 6; i++) {
        char line[20];
        snprintf(line, sizeof line, "GET /%d ", i);
        assert_output(&trials[i].result, "{\"n\":1}");
        assert_request_has(stub_request(&world->stub, (unsigned)i), line);
        trial_done(&trials[i]);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(request_is_built_as_declared),
        TEST(values_are_encoded_for_the_place_they_go_to),
        TEST(body_is_printed_as_declared),
        TEST(answer_that_is_not_as_declared_is_told),
        TEST(hostile_json_is_refused_without_harm),
        TEST(error_rules_name_the_error),
        TEST(secret_outputs_are_sealed),
        TEST(probe_tells_whether_the_call_took_effect),
        TEST(probe_that_learns_nothing_says_so),
        TEST(undo_gets_its_parameters_from_inputs_and_output),
        TEST(breaker_opens_after_failures_and_lets_one_try),
        TEST(refusals_do_not_open_the_breaker),
        TEST(retry_after_holds_all_calls_of_the_connection),
        TEST(calls_wait_for_their_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
