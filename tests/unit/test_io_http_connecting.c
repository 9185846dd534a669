/* Connections that never come to be: curl lets go of their sockets by itself. */
#include "io_helpers.h"

#include "io/http_client.h"

struct outcome {
    struct loop *loop; /* stopped when it is done; NULL: not */
    bool is_done, may_have_left;
    enum http_failure failure;
    int status;
    struct err_info why;
};

struct fixture {
    struct loop *loop;
    struct http_client *client;
    struct arena arena;
    struct test_server server, other; /* two origins */
    char url[100];
};

static void on_done(void *context, const struct http_answer *answer)
{
    struct outcome *outcome = context;
    assert_false(outcome->is_done);
    outcome->is_done = true;
    outcome->failure = answer->failure;
    outcome->may_have_left = answer->may_have_left;
    outcome->status = answer->status;
    outcome->why = answer->why;
    if (outcome->loop)
        loop_stop(outcome->loop);
}

static void new_client(struct fixture *fixture, const char *rule)
{
    struct egress *egress;
    struct str rules = str_of(rule);
    CHECK(egress_new(&fixture->arena, &rules, 1, &egress, why));
    struct http_client_options options = { .egress = egress };
    CHECK(http_client_new(fixture->loop, &options, &fixture->client, why));
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    test_server_start(&fixture->server, (struct http_server_options){ 0 });
    test_server_start(&fixture->other, (struct http_server_options){ 0 });
    CHECK(loop_new(clock_system(), &fixture->loop, why));
    new_client(fixture, "127.0.0.1");
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    http_client_free(fixture->client);
    loop_free(fixture->loop);
    test_server_stop(&fixture->server);
    test_server_stop(&fixture->other);
    arena_done(&fixture->arena);
    free(fixture);
    return 0;
}

static struct str url_of(struct fixture *fixture, const char *host, unsigned port)
{
    (void)snprintf(fixture->url, sizeof fixture->url, "http://%s:%u/show", host, port);
    return str_of(fixture->url);
}

static struct outcome fetch(struct fixture *fixture, const char *host, unsigned port, int64_t timeout_us)
{
    struct outcome outcome = { .loop = fixture->loop };
    struct http_request request = {
        .method = STR("GET"), .url = url_of(fixture, host, port), .timeout_us = timeout_us
    };
    CHECK(http_client_start(fixture->client, &request, on_done, &outcome, NULL, why));
    loop_run(fixture->loop);
    assert_true(outcome.is_done);
    return outcome;
}

static void assert_good(struct fixture *fixture, unsigned port)
{
    struct outcome outcome = fetch(fixture, "127.0.0.1", port, 10 * US_PER_S);
    if (outcome.status != 200)
        fail_msg("failure %d: %s", (int)outcome.failure, outcome.why.text);
}

/* A listener whose queue is full: the kernel answers no further SYN, so that connecting hangs. */
struct full_listener {
    int listener, waiting[8];
    unsigned port;
};

static void full_listener_start(struct full_listener *full)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    full->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(full->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(full->listener, 0), 0);
    assert_int_equal(getsockname(full->listener, (struct sockaddr *)&address, &size), 0);
    full->port = ntohs(address.sin_port);
    for (size_t i = 0; i < 8; i++) {
        full->waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)connect(full->waiting[i], (struct sockaddr *)&address, sizeof address); /* under way at least */
    }
}

static void full_listener_stop(struct full_listener *full)
{
    for (size_t i = 0; i < 8; i++)
        close(full->waiting[i]);
    close(full->listener);
}

static void cancel_while_connecting(struct fixture *fixture, unsigned port, bool is_under_way)
{
    struct outcome outcome = { 0 };
    struct http_request request = { .method = STR("GET"), .url = url_of(fixture, "127.0.0.1", port) };
    struct http_call *call;
    CHECK(http_client_start(fixture->client, &request, on_done, &outcome, &call, why));
    if (is_under_way)
        assert_good(fixture, fixture->other.port); /* turns the loop */
    http_client_cancel(fixture->client, call);
    assert_int_equal(outcome.failure, HTTP_CANCELLED);
    assert_false(outcome.may_have_left);
}

/* The descriptor that was let go is soon another connection's. */
static void connecting_that_ends_early_leaves_nothing_behind(void **state)
{
    struct fixture *fixture = *state;
    struct full_listener full;
    full_listener_start(&full);
    for (int round = 0; round < 10; round++) {
        if (round % 2) {
            struct outcome hung = fetch(fixture, "127.0.0.1", full.port, 50 * US_PER_MS);
            assert_int_equal(hung.failure, HTTP_TIMEOUT);
            assert_false(hung.may_have_left);
        } else {
            cancel_while_connecting(fixture, full.port, round % 4);
        }
        for (int i = 0; i < 3; i++) {
            assert_good(fixture, fixture->server.port);
            assert_good(fixture, fixture->other.port);
        }
        http_client_free(fixture->client);
        new_client(fixture, "127.0.0.1");
        assert_good(fixture, fixture->server.port);
    }
    full_listener_stop(&full);
}

/* The first address of a name refuses, the next one gets the same descriptor. */
static void next_address_is_tried_when_the_first_refuses(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 5; i++) {
        http_client_free(fixture->client);
        new_client(fixture, "localhost");
        struct outcome outcome = fetch(fixture, "localhost", fixture->server.port, 5 * US_PER_S);
        if (outcome.status != 200)
            fail_msg("failure %d: %s", (int)outcome.failure, outcome.why.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(connecting_that_ends_early_leaves_nothing_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(next_address_is_tried_when_the_first_refuses, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
