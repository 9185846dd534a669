/* For the tests of mail: a client, a relay, and the outcome of one message. */
#ifndef TOCSIN_TESTS_MAIL_HELPERS_H
#define TOCSIN_TESTS_MAIL_HELPERS_H

#include "smtp_peer.h"

#include <signal.h>

#include "io/mail.h"

struct outcome {
    bool is_done;
    struct loop *loop;
    struct mail_answer answer; /* without what is borrowed */
    uint16_t recipients[8];
    char reply[512];
    int64_t took_us;
};

struct fixture {
    struct loop *loop;
    struct http_client *client;
    struct arena arena;
    struct outcome outcome;
    struct smtp_peer *peer;
};

/* Made once: one for 127.0.0.1, one of a stranger. */
static struct test_tls known_tls, strange_tls;

UNUSED static int make_certificates(void **state)
{
    (void)state;
    test_tls_make(&known_tls);
    test_tls_make(&strange_tls);
    return 0;
}

UNUSED static int remove_certificates(void **state)
{
    (void)state;
    test_tls_remove(&known_tls);
    test_tls_remove(&strange_tls);
    return 0;
}

UNUSED static void on_done(void *context, const struct mail_answer *answer)
{
    struct outcome *outcome = context;
    assert_false(outcome->is_done);
    outcome->is_done = true;
    outcome->answer = *answer;
    (void)snprintf(outcome->reply, sizeof outcome->reply, "%.*s", STR_ARG(answer->reply));
    for (int i = 0; i < 8 && answer->recipient_status; i++)
        outcome->recipients[i] = i < 3 ? answer->recipient_status[i] : 0;
    loop_stop(outcome->loop);
}

UNUSED static void new_client(struct fixture *fixture, const char *rule)
{
    struct egress *egress;
    struct str rules = str_of(rule);
    CHECK(egress_new(&fixture->arena, &rules, rules.size > 0, &egress, why));
    struct http_client_options options = { .egress = egress };
    CHECK(http_client_new(fixture->loop, &options, &fixture->client, why));
}

UNUSED static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->peer = calloc(1, sizeof *fixture->peer);
    CHECK(loop_new(clock_system(), &fixture->loop, why));
    new_client(fixture, "127.0.0.1");
    *state = fixture;
    return 0;
}

UNUSED static int teardown(void **state)
{
    struct fixture *fixture = *state;
    http_client_free(fixture->client);
    loop_free(fixture->loop);
    arena_done(&fixture->arena);
    smtp_peer_free(fixture->peer);
    free(fixture);
    return 0;
}

UNUSED static const struct str three[] = { STR_INIT("a@example.org"), STR_INIT("b@example.org"),
    STR_INIT("c@example.org") };

UNUSED static struct mail_request request_to(const struct fixture *fixture)
{
    return (struct mail_request){ .host = STR("127.0.0.1"),
        .port = fixture->peer->port,
        .tls = MAIL_TLS_NONE,
        .from = STR("soc@example.org"),
        .to = three,
        .to_count = 1,
        .message = STR("Subject: x\r\n\r\nhello\r\n"),
        .timeout_us = 20 * US_PER_S };
}

/* Until the answer came. */
UNUSED static struct outcome *send_request(struct fixture *fixture, struct mail_request request)
{
    struct outcome *outcome = &fixture->outcome;
    *outcome = (struct outcome){ .loop = fixture->loop };
    int64_t begin_us = test_now_us();
    CHECK(mail_send(fixture->client, &request, on_done, outcome, NULL, why));
    assert_false(outcome->is_done);
    loop_run(fixture->loop);
    assert_true(outcome->is_done);
    outcome->took_us = test_now_us() - begin_us;
    return outcome;
}

struct settling {
    struct loop_timer timer; /* first */
    struct fixture *fixture;
    unsigned turns;
};

UNUSED static void settle_turn(struct loop_timer *timer)
{
    struct settling *settling = (struct settling *)(void *)timer;
    struct smtp_peer *peer = settling->fixture->peer;
    struct instant next = { loop_now(settling->fixture->loop).us + US_PER_MS };
    if (peer->ended_count == peer->connection_count || ++settling->turns > 5000)
        loop_stop(settling->fixture->loop);
    else
        loop_timer_start(settling->fixture->loop, timer, next);
}

/* Until the relay has seen the end of each connection. */
UNUSED static void settle(struct fixture *fixture)
{
    struct settling settling = { .timer = { .fire = settle_turn }, .fixture = fixture };
    loop_timer_start(fixture->loop, &settling.timer, loop_now(fixture->loop));
    loop_run(fixture->loop);
}

/* Sends, then stops the relay. */
UNUSED static struct outcome *send_once(struct fixture *fixture, struct mail_request request)
{
    struct smtp_peer *peer = fixture->peer;
    smtp_peer_start(peer);
    request.port = peer->port;
    struct outcome *outcome = send_request(fixture, request);
    bool holds = false;
    for (int i = 0; i < SMTP_RULES_MAX; i++)
        holds = holds || peer->rules[i].then == SMTP_HOLD;
    if (!holds)
        settle(fixture);
    smtp_peer_stop(peer);
    return outcome;
}

UNUSED static void new_peer(struct fixture *fixture)
{
    smtp_peer_free(fixture->peer);
    fixture->peer = calloc(1, sizeof *fixture->peer);
}

UNUSED static void assert_failure(
    const struct outcome *outcome, enum http_failure failure, bool may_have_left)
{
    if (outcome->answer.failure != failure || outcome->answer.may_have_left != may_have_left)
        fail_msg("failure %d, left %d, status %d %s (%s) instead of %d, %d", (int)outcome->answer.failure,
            outcome->answer.may_have_left, outcome->answer.status, outcome->reply, outcome->answer.why.text,
            (int)failure, may_have_left);
}

UNUSED static void assert_status(const struct outcome *outcome, int status, bool may_have_left)
{
    assert_failure(outcome, HTTP_OK, may_have_left);
    assert_int_equal(outcome->answer.status, status);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
