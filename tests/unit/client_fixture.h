/* For the tests of the HTTP client: one on a loop of its own, two servers for it, and what a call came to. */
#ifndef TOCSIN_TESTS_CLIENT_FIXTURE_H
#define TOCSIN_TESTS_CLIENT_FIXTURE_H

#include "io_helpers.h"

#include "io/http_client.h"

struct outcome {
    bool is_done;
    struct loop *loop;
    enum http_failure failure;
    bool may_have_left, reused;
    int status;
    struct buf body, headers, url;
    struct err_info why;
};

struct fixture {
    struct loop *loop;
    struct http_client *client;
    struct arena arena;
    struct test_server server, other; /* two origins */
    char url[300];
    struct outcome outcome; /* of the last fetch */
};

static void on_done(void *context, const struct http_answer *answer)
{
    struct outcome *outcome = context;
    assert_false(outcome->is_done);
    outcome->is_done = true;
    outcome->failure = answer->failure;
    outcome->may_have_left = answer->may_have_left;
    outcome->reused = answer->reused_connection;
    outcome->status = answer->status;
    outcome->why = answer->why;
    buf_add(&outcome->body, answer->body);
    buf_add(&outcome->url, answer->url);
    for (uint32_t i = 0; i < answer->header_count; i++)
        buf_printf(&outcome->headers, "%.*s: %.*s\n", STR_ARG(answer->headers[i].name),
            STR_ARG(answer->headers[i].value));
    if (outcome->loop)
        loop_stop(outcome->loop);
}

static void outcome_clear(struct outcome *outcome)
{
    outcome->is_done = false;
    buf_done(&outcome->body);
    buf_done(&outcome->headers);
    buf_done(&outcome->url);
}

static void new_client(struct fixture *fixture, const char *rule)
{
    struct egress *egress;
    struct str rules = str_of(rule);
    CHECK(egress_new(&fixture->arena, &rules, rules.size > 0, &egress, why));
    struct http_client_options options = { .egress = egress, .connections_per_host_max = 4 };
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
    outcome_clear(&fixture->outcome);
    free(fixture);
    return 0;
}

static struct outcome *fetch_request(struct fixture *fixture, struct http_request request)
{
    struct outcome *outcome = &fixture->outcome;
    outcome_clear(outcome);
    outcome->loop = fixture->loop;
    CHECK(http_client_start(fixture->client, &request, on_done, outcome, NULL, why));
    assert_false(outcome->is_done);
    loop_run(fixture->loop);
    assert_true(outcome->is_done);
    return outcome;
}

#endif
