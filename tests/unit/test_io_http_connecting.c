/* Connections that never come to be: curl lets go of their sockets by itself. */
#include "client_fixture.h"

static struct str url_of(struct fixture *fixture, const char *host, unsigned port)
{
    (void)snprintf(fixture->url, sizeof fixture->url, "http://%s:%u/show", host, port);
    return str_of(fixture->url);
}

static struct outcome *fetch(struct fixture *fixture, const char *host, unsigned port, int64_t timeout_us)
{
    return fetch_request(fixture,
        (struct http_request){
            .method = STR("GET"), .url = url_of(fixture, host, port), .timeout_us = timeout_us });
}

static void assert_good(struct fixture *fixture, const char *host, unsigned port, int64_t timeout_us)
{
    const struct outcome *outcome = fetch(fixture, host, port, timeout_us);
    if (outcome->status != 200)
        fail_msg("failure %d: %s", (int)outcome->failure, outcome->why.text);
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
        assert_good(fixture, "127.0.0.1", fixture->other.port, 10 * US_PER_S); /* turns the loop */
    http_client_cancel(fixture->client, call);
    assert_int_equal(outcome.failure, HTTP_CANCELLED);
    assert_false(outcome.may_have_left);
    outcome_clear(&outcome);
}

/* The descriptor that was let go is soon another connection's. */
static void connecting_that_ends_early_leaves_nothing_behind(void **state)
{
    struct fixture *fixture = *state;
    struct full_listener full;
    full_listener_start(&full);
    for (int round = 0; round < 10; round++) {
        if (round % 2) {
            const struct outcome *hung = fetch(fixture, "127.0.0.1", full.port, 50 * US_PER_MS);
            assert_int_equal(hung->failure, HTTP_TIMEOUT);
            assert_false(hung->may_have_left);
        } else {
            cancel_while_connecting(fixture, full.port, round % 4);
        }
        for (int i = 0; i < 3; i++) {
            assert_good(fixture, "127.0.0.1", fixture->server.port, 10 * US_PER_S);
            assert_good(fixture, "127.0.0.1", fixture->other.port, 10 * US_PER_S);
        }
        http_client_free(fixture->client);
        new_client(fixture, "127.0.0.1");
        assert_good(fixture, "127.0.0.1", fixture->server.port, 10 * US_PER_S);
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
        assert_good(fixture, "localhost", fixture->server.port, 5 * US_PER_S);
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
