/* Tools that hang, drip, lie, flood and blow up: each call ends in time with a clear error, in bounded
 * memory, and the calls beside it go on. */
#include "connect_helpers.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
#define CALL_US_MAX (20 * US_PER_S) /* of a machine under load, under the sanitizers */

struct hostile {
    const char *what, *answer;
    enum stub_then then;
    unsigned wait_ms;
    const char *code; /* NULL: no error */
};

static const struct hostile hostiles[] = {
    { "hangs", NULL, STUB_HOLD, 0, "timeout" },
    { "hangs in the head", OK_HEAD, STUB_HOLD, 0, "timeout" },
    { "hangs in the body", OK_HEAD "Content-Length: 9\r\n\r\n{", STUB_HOLD, 0, "timeout" },
    { "drips its head", "HTTP/1.1 200 OK\r\nX: aaaaaaaaaaaaaaaaaaaa", STUB_DRIP, 10, "timeout" },
    { "drips its body", OK_HEAD "\r\n\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", STUB_DRIP, 5, "timeout" },
    { "drips informational answers for ever", "HTTP/1.1 100 Continue\r\n\r\n\n", STUB_DRIP, 1, "network" },
    { "closes at once", NULL, STUB_CLOSE, 0, "network" },
    { "resets", NULL, STUB_RESET, 0, "network" },
    { "sends garbage", "\x16\x03\x01\x02 no HTTP \xff\xfe\r\n\r\n", STUB_CLOSE, 0, "network" },
    { "speaks HTTP/0.9", "<html>old</html>", STUB_CLOSE, 0, "network" },
    { "promises more than it sends", OK_HEAD "Content-Length: 100\r\n\r\n{}", STUB_CLOSE, 0, "network" },
    { "promises the most", OK_HEAD "Content-Length: 99999999999999\r\n\r\n{}", STUB_HOLD, 0,
        "answer_too_large" },
    { "promises less than nothing", OK_HEAD "Content-Length: -5\r\n\r\n{}", STUB_CLOSE, 0, "network" },
    { "breaks off in a chunk", OK_HEAD "Transfer-Encoding: chunked\r\n\r\n50\r\n{", STUB_CLOSE, 0,
        "network" },
    { "has chunks that are none", OK_HEAD "Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}", STUB_CLOSE, 0,
        "network" },
    { "lies about gzip", OK_HEAD "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", STUB_CLOSE, 0,
        "network" },
    { "floods its body", OK_HEAD "\r\n[ ", STUB_FLOOD, 0, "answer_too_large" },
    { "floods its headers", "HTTP/1.1 200 OK\r\nX: aaa", STUB_FLOOD, 0, "answer_too_large" },
    { "floods empty header lines", "HTTP/1.1 200 OK\r\n", STUB_FLOOD, 0, NULL },
    { "redirects for ever", "HTTP/1.1 302 Found\r\nLocation: /hostile\r\nContent-Length: 0\r\n\r\n",
        STUB_KEEP, 0, NULL },
    { "redirects nowhere", "HTTP/1.1 302 Found\r\nLocation: gopher://x\r\nContent-Length: 0\r\n\r\n",
        STUB_KEEP, 0, NULL },
    { "has no status", "HTTP/1.1 \r\n\r\n", STUB_CLOSE, 0, "network" },
    { "has a status beyond all", "HTTP/1.1 99999 X\r\nContent-Length: 0\r\n\r\n", STUB_CLOSE, 0, "network" },
};

static void assert_bounded(const struct trial *trial, int64_t started_us, const char *what)
{
    int64_t took_us = test_now_us() - started_us;
    if (took_us > CALL_US_MAX)
        fail_msg("%s: took %lld ms", what, (long long)(took_us / US_PER_MS));
    if (trial->arena.bytes_held > 100 * MIB)
        fail_msg("%s: holds %zu bytes", what, trial->arena.bytes_held);
}

static void each_ends_in_time_with_a_clear_error(void **state)
{
    struct connect_world *world = *state;
    for (size_t i = 0; i < sizeof hostiles / sizeof hostiles[0]; i++) {
        const struct hostile *hostile = &hostiles[i];
        struct trial trial;
        int64_t started_us = test_now_us();
        stub_clear(&world->stub);
        struct stub_rule *rule = stub_add_raw(
            &world->stub, "GET", hostile->answer, hostile->answer ? strlen(hostile->answer) : 0);
        rule->then = hostile->then;
        rule->wait_ms = hostile->wait_ms;
        bool hangs = hostile->code && strcmp(hostile->code, "timeout") == 0;
        trial_run(world, &trial, "http.request",
            hangs ? "{\"url\":\"STUB/hostile\",\"timeout\":\"500ms\"}" : "{\"url\":\"STUB/hostile\"}");
        assert_bounded(&trial, started_us, hostile->what);
        if (hostile->code &&
            (trial.result.is_ok || !str_equal(trial.result.error.code, str_of(hostile->code))))
            fail_msg("a tool that %s: %.*s %.*s", hostile->what, STR_ARG(trial.result.error.code),
                STR_ARG(trial.result.error.message));
        if (hostile->code)
            assert_str_has(trial.result.error.message, "GET http://127.0.0.1:");
        trial_done(&trial);
    }
}

/* All at the same time; a good tool's calls beside them are answered at once. */
static void calls_beside_them_go_on(void **state)
{
    struct connect_world *world = *state;
    enum { COUNT = sizeof hostiles / sizeof hostiles[0], GOOD = 20 };
    struct trial trials[COUNT], good[GOOD], last;
    for (size_t i = 0; i < COUNT; i++) {
        char target[40], with[100];
        snprintf(target, sizeof target, "GET /%zu ", i);
        struct stub_rule *rule = stub_add_raw(
            &world->stub, target, hostiles[i].answer, hostiles[i].answer ? strlen(hostiles[i].answer) : 0);
        rule->then = hostiles[i].then;
        rule->wait_ms = hostiles[i].wait_ms;
        snprintf(with, sizeof with, "{\"url\":\"STUB/%zu\",\"timeout\":\"60s\"}", i);
        trial_make(world, &trials[i], "http.request", with);
        trials[i].is_aside = true;
        trial_start(&trials[i]);
    }
    stub_json(&world->other, "GET", "{}");
    int64_t started_us = test_now_us();
    for (int i = 0; i < GOOD; i++) {
        trial_make(world, &good[i], "http.request", "{\"url\":\"OTHER/\"}");
        trial_start(&good[i]);
    }
    world_wait(world);
    assert_true(test_now_us() - started_us < CALL_US_MAX);
    for (int i = 0; i < GOOD; i++) {
        assert_true(good[i].result.is_ok);
        trial_done(&good[i]);
    }
    for (size_t i = 0; i < COUNT; i++) {
        if (!trials[i].is_done)
            trials[i].call.action->cancel(trials[i].call.action, &trials[i].call);
    }
    assert_true(trial_run(world, &last, "http.request", "{\"url\":\"OTHER/\"}")->is_ok); /* turns the loop */
    trial_done(&last);
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(trials[i].is_done);
        trial_done(&trials[i]);
    }
}

/* Output of a shell command; for bombs. */
static void read_command(const char *command, struct buf *out)
{
    char part[65536];
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    for (size_t size; (size = fread(part, 1, sizeof part, pipe)) > 0;)
        buf_add(out, (struct str){ part, size });
    assert_int_equal(pclose(pipe), 0);
}

static void add_gzip(struct connect_world *world, const char *command)
{
    AUTO(buf) struct buf bomb = { 0 }, answer = { 0 };
    read_command(command, &bomb);
    buf_printf(&answer, OK_HEAD "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", bomb.size);
    buf_add(&answer, buf_str(&bomb));
    stub_add_raw(&world->stub, "GET", answer.data, answer.size);
}

static void compressed_bombs_are_bounded(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    add_gzip(world, "head -c 100000000 /dev/zero | gzip -9");
    int64_t started_us = test_now_us();
    assert_error(trial_run(world, &trial, "http.request", "{\"url\":\"STUB/\"}"), "answer_too_large", false,
        ACTION_ANSWERED);
    assert_str_has(trial.result.error.message, "answer_ratio_max");
    assert_bounded(&trial, started_us, "gzip");
    trial_done(&trial);
}

/* Text that is small but values that are many. */
static void json_of_many_values_is_bounded(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    size_t size = 15 * MIB;
    char *text = malloc(size + 1);
    for (size_t i = 0; i < size; i++)
        text[i] = i == 0 ? '[' : i == size - 1 ? ']' : i % 2 ? '1' : ',';
    text[size] = '\0';
    text[size - 2] = '1';
    stub_json(&world->stub, "", text);
    int64_t started_us = test_now_us();
    assert_error(trial_run(world, &trial, "http.request", "{\"method\":\"POST\",\"url\":\"STUB/\"}"),
        "answer_too_large", false, ACTION_ANSWERED);
    assert_str_has(trial.result.error.message, "ANSWER_VALUES_MAX");
    assert_bounded(&trial, started_us, "values");
    trial_done(&trial);
    free(text);
}

static void answer_past_its_limit_names_it(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    char *large = malloc(ANSWER_BYTES_MAX + 2);
    memset(large, 'x', ANSWER_BYTES_MAX + 1);
    large[ANSWER_BYTES_MAX + 1] = '\0';
    stub_add(&world->stub, "GET /over ", 200, "Content-Type: text/plain\r\n", large);
    large[ANSWER_BYTES_MAX] = '\0';
    stub_add(&world->stub, "GET /just ", 200, "Content-Type: text/plain\r\n", large);
    assert_error(trial_run(world, &trial, "http.request", "{\"url\":\"STUB/over\"}"), "answer_too_large",
        false, ACTION_ANSWERED);
    assert_str_has(trial.result.error.message, "answer_bytes_max");
    trial_done(&trial);
    assert_true(trial_run(world, &trial, "http.request", "{\"url\":\"STUB/just\"}")->is_ok);
    assert_int_equal(value_get(trial.result.output, STR("body")).size, ANSWER_BYTES_MAX);
    trial_done(&trial);
    free(large);
}

/* A peer for one TLS handshake: reads the hello, says its bytes. */
struct tls_peer {
    const char *answer;
    size_t size;
    bool resets;
    const char *code;
    int listener;
};

static void *tls_peer_thread(void *argument)
{
    const struct tls_peer *peer = argument;
    struct linger hard = { 1, 0 };
    char hello[4096];
    int fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
    (void)recv(fd, hello, sizeof hello, 0); /* whatever it says */
    raw_send(fd, (struct str){ peer->answer, peer->size });
    if (peer->resets)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    else if (shutdown(fd, SHUT_WR) == 0)
        (void)recv(fd, hello, sizeof hello, 0); /* until the client closes too */
    close(fd);
    return NULL;
}

static void broken_tls_never_leaves(void **state)
{
    struct connect_world *world = *state;
    static const struct tls_peer peers[] = {
        { "\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03", 11, false, "network", 0 }, /* half a ServerHello */
        { "\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03", 11, true, "network", 0 },
        { "\x15\x03\x03\x00\x02\x02\x28", 7, false, "network", 0 }, /* alert: handshake failure */
        { "HTTP/1.1 400 Bad Request\r\n\r\n", 28, false, "network", 0 },
        { "", 0, false, "network", 0 },
    };
    for (size_t i = 0; i < sizeof peers / sizeof peers[0]; i++) {
        struct trial trial;
        struct tls_peer peer = peers[i];
        pthread_t thread;
        char with[200];
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t size = sizeof address;
        peer.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(peer.listener, (struct sockaddr *)&address, sizeof address), 0);
        assert_int_equal(listen(peer.listener, 8), 0);
        assert_int_equal(getsockname(peer.listener, (struct sockaddr *)&address, &size), 0);
        assert_int_equal(pthread_create(&thread, NULL, tls_peer_thread, &peer), 0);
        snprintf(with, sizeof with,
            "{\"method\":\"POST\",\"url\":\"https://127.0.0.1:%u/\",\"json\":1,\"timeout\":\"3s\"}",
            ntohs(address.sin_port));
        int64_t started_us = test_now_us();
        trial_run(world, &trial, "http.request", with);
        assert_bounded(&trial, started_us, "TLS");
        assert_error(&trial.result, peer.code, true, ACTION_NOT_SENT);
        trial_done(&trial);
        pthread_join(thread, NULL);
        close(peer.listener);
    }
}

/* A certificate that nobody vouches for, and the two ways in which an operator may. */
static void untrusted_certificates_are_refused(void **state)
{
    struct connect_world *world = *state;
    struct test_tls tls;
    struct trial trial;
    struct test_server server = { 0 };
    AUTO(buf) struct buf settings = { 0 };
    test_tls_make(&tls);
    test_server_start(&server,
        (struct http_server_options){ .tls_cert_file = str_of(tls.cert), .tls_key_file = str_of(tls.key) });
    world_load_content(world, "http.yaml");
    static const struct {
        const char *setting;
        bool is_good;
    } cases[] = { { "", false }, { ",\"tls_ca_file\":\"CA\"", true }, { ",\"tls_insecure\":true", true } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *ca = strstr(cases[i].setting, "CA\"");
        buf_clear(&settings);
        buf_printf(&settings, "{\"base_url\":\"https://127.0.0.1:%u\"%.*s%s%s}", server.port,
            ca ? (int)(ca - cases[i].setting) : (int)strlen(cases[i].setting), cases[i].setting,
            ca ? tls.ca : "", ca ? "\"" : "");
        world_connection(world, "tls", "http", settings.data);
        trial_make(world, &trial, "http.request", "{\"method\":\"POST\",\"url\":\"/x\",\"body\":\"a\"}");
        trial.call.connection = STR("tls");
        trial_start(&trial);
        world_wait(world);
        if (cases[i].is_good)
            assert_true(trial.result.is_ok);
        else
            assert_error(&trial.result, "tls", false, ACTION_NOT_SENT);
        trial_done(&trial);
    }
    test_server_stop(&server);
    test_tls_remove(&tls);
}

/* A tool that hangs takes no more than its turns; those that wait go out as others end, in their order. */
static void calls_past_the_limit_wait(void **state)
{
    struct connect_world *world = *state;
    struct trial trials[12];
    world_drop_connect(world);
    world->calls_out_max = 4;
    world_make_connect(world);
    stub_add_raw(&world->stub, "GET /hang ", NULL, 0)->then = STUB_HOLD;
    stub_json(&world->stub, "GET", "{}");
    for (int i = 0; i < 12; i++) {
        char with[80];
        snprintf(with, sizeof with, "{\"url\":\"STUB/%s\",\"timeout\":\"20s\"}", i < 4 ? "hang" : "good");
        trial_make(world, &trials[i], "http.request", with);
        trials[i].is_aside = i < 4;
        trial_start(&trials[i]);
    }
    trials[5].call.action->cancel(trials[5].call.action, &trials[5].call); /* while it waits */
    trials[11].call.action->cancel(trials[11].call.action, &trials[11].call);
    trials[0].call.action->cancel(trials[0].call.action, &trials[0].call); /* makes room for one at a time */
    world_wait(world);
    assert_in_range(world->stub.connection_count, 1, 5); /* not one for each call */
    for (int i = 4; i < 12; i++) {
        if (i == 5 || i == 11)
            assert_error(&trials[i].result, "cancelled", false, ACTION_NOT_SENT);
        else
            assert_true(trials[i].result.is_ok);
    }
    for (int i = 1; i < 4; i++) {
        assert_false(trials[i].is_done);
        trials[i].call.action->cancel(trials[i].call.action, &trials[i].call);
    }
    struct trial last;
    assert_true(trial_run(world, &last, "http.request", "{\"url\":\"STUB/good\"}")->is_ok);
    trial_done(&last);
    for (int i = 0; i < 12; i++) {
        assert_true(trials[i].is_done);
        trial_done(&trials[i]);
    }
}

/* Calls that fail as soon as it is their turn don't hold up the others. */
static void waiting_calls_that_fail_at_once_are_finished(void **state)
{
    struct connect_world *world = *state;
    struct trial trials[50], hung;
    world_drop_connect(world);
    world->calls_out_max = 1;
    world_make_connect(world);
    stub_add_raw(&world->stub, "GET /hang ", NULL, 0)->then = STUB_HOLD;
    trial_make(world, &hung, "http.request", "{\"url\":\"STUB/hang\"}");
    trial_start(&hung);
    for (int i = 0; i < 50; i++) {
        trial_make(world, &trials[i], "http.request", "{\"url\":\"STUB/a b\"}");
        trial_start(&trials[i]);
    }
    hung.call.action->cancel(hung.call.action, &hung.call);
    world_wait(world);
    trial_done(&hung);
    for (int i = 0; i < 50; i++) {
        assert_error(&trials[i].result, "bad_url", false, ACTION_NOT_SENT);
        trial_done(&trials[i]);
    }
}

static void host_that_goes_away_ends_waiting_calls(void **state)
{
    struct connect_world *world = *state;
    struct trial trials[6];
    world_drop_connect(world);
    world->calls_out_max = 2;
    world_make_connect(world);
    stub_add_raw(&world->stub, "GET", NULL, 0)->then = STUB_HOLD;
    for (int i = 0; i < 6; i++) {
        trial_make(world, &trials[i], "http.request", "{\"url\":\"STUB/\"}");
        trial_start(&trials[i]);
    }
    connect_free_host(world->connect, world->host);
    world_wait(world);
    for (int i = 0; i < 6; i++) {
        assert_error(&trials[i].result, "cancelled", false, ACTION_NOT_SENT);
        trial_done(&trials[i]);
    }
    assert_int_equal(stub_request_count(&world->stub), 0);
    CHECK(connect_make_host(world->connect, world->loop, 0, &world->host, why));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(each_ends_in_time_with_a_clear_error),
        TEST(calls_beside_them_go_on),
        TEST(calls_past_the_limit_wait),
        TEST(waiting_calls_that_fail_at_once_are_finished),
        TEST(host_that_goes_away_ends_waiting_calls),
        TEST(compressed_bombs_are_bounded),
        TEST(json_of_many_values_is_bounded),
        TEST(answer_past_its_limit_names_it),
        TEST(broken_tls_never_leaves),
        TEST(untrusted_certificates_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
