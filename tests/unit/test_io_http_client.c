#include "client_fixture.h"
#include "io/executor.h"
#include "io_peer.h"

static struct str url_of(struct fixture *fixture, unsigned port, const char *path)
{
    (void)snprintf(fixture->url, sizeof fixture->url, "http://127.0.0.1:%u%s", port, path);
    return str_of(fixture->url);
}

static struct outcome *fetch(struct fixture *fixture, const char *method, unsigned port, const char *path)
{
    return fetch_request(fixture,
        (struct http_request){
            .method = str_of(method), .url = url_of(fixture, port, path), .timeout_us = 10 * US_PER_S });
}

static void assert_body(const struct outcome *outcome, const char *wanted)
{
    if (!str_equal(buf_str(&outcome->body), str_of(wanted)))
        fail_msg("body \"%.*s\" instead of \"%s\"; failure %d %s", STR_ARG(buf_str(&outcome->body)), wanted,
            (int)outcome->failure, outcome->why.text);
}

static void request_goes_out_and_its_answer_comes_back(void **state)
{
    struct fixture *fixture = *state;
    struct http_header headers[] = { { STR("X-Test"), STR("a b") }, { STR("X-Empty"), STR("") } };
    struct outcome *outcome = fetch_request(fixture,
        (struct http_request){ .method = STR("DELETE"),
            .url = url_of(fixture, fixture->server.port, "/show?key=v%20w"),
            .headers = headers,
            .header_count = 2 });
    assert_int_equal(outcome->failure, HTTP_OK);
    assert_int_equal(outcome->status, 200);
    assert_true(outcome->may_have_left);
    assert_body(outcome, "DELETE|/show|key=v%20w|=v w|a b|127.0.0.1");
    assert_non_null(strstr(outcome->headers.data, "content-length: 41\n"));
}

static void bodies_go_out_whole_with_any_method(void **state)
{
    struct fixture *fixture = *state;
    static const char *const methods[] = { "POST", "PUT", "PATCH", "DELETE", "GET", "REPORT" };
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        for (size_t size = 0; size <= 3; size++) {
            struct outcome *outcome = fetch_request(fixture,
                (struct http_request){ .method = str_of(methods[i]),
                    .url = url_of(fixture, fixture->server.port, "/secrets"),
                    .body = { "a\0b", size },
                    .has_body = true });
            assert_int_equal(outcome->status, 200);
            assert_true(str_starts(buf_str(&outcome->body), str_of(methods[i])));
            assert_true(str_ends(buf_str(&outcome->body), (struct str){ "a\0b", size }));
            assert_int_equal(outcome->body.size, strlen(methods[i]) + 5 + size + 3);
        }
        assert_int_equal(fetch(fixture, methods[i], fixture->server.port, "/show")->status, 200);
    }
}

static void connections_are_used_again(void **state)
{
    struct fixture *fixture = *state;
    assert_false(fetch(fixture, "GET", fixture->server.port, "/show")->reused);
    for (int i = 0; i < 20; i++) {
        struct outcome *outcome = fetch(fixture, i % 2 ? "POST" : "GET", fixture->server.port, "/show");
        assert_int_equal(outcome->status, 200);
        assert_true(outcome->reused);
    }
    assert_false(fetch(fixture, "GET", fixture->other.port, "/show")->reused);
}

static void many_calls_share_few_connections(void **state)
{
    struct fixture *fixture = *state;
    enum { COUNT = 300 };
    struct outcome *outcomes = calloc(COUNT, sizeof *outcomes);
    unsigned done = 0;
    for (int i = 0; i < COUNT; i++) {
        struct http_request request = { .method = STR("GET"),
            .url = url_of(fixture, fixture->server.port, i % 10 ? "/show" : "/later") };
        CHECK(http_client_start(fixture->client, &request, on_done, &outcomes[i], NULL, why));
    }
    int64_t start_us = test_now_us();
    while (done < COUNT && test_now_us() - start_us < 20 * US_PER_S) {
        struct outcome *last = fetch(fixture, "GET", fixture->other.port, "/show"); /* turns the loop */
        assert_int_equal(last->status, 200);
        done = 0;
        for (int i = 0; i < COUNT; i++)
            done += outcomes[i].is_done;
    }
    assert_int_equal(done, COUNT);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(outcomes[i].status, 200);
        outcome_clear(&outcomes[i]);
    }
    free(outcomes);
}

static void bad_requests_are_refused_at_once(void **state)
{
    struct fixture *fixture = *state;
    static const char *const urls[] = { "", "x", "/show", "ftp://a/", "file:///etc/passwd", "smtp://a/",
        "gopher://a", "http://", "http:///x", "http:/x", "http:x", "///x", "http://u@a/", "http://u:p@a/",
        "http://a:0/", "http://a:65536/", "http://a:x/", "http://a b/", "http://a/\r\nX: y", "http://a/ b",
        "javascript:alert(1)", "http://[::1/", "dict://a/" };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct http_request request = { .method = STR("GET"), .url = str_of(urls[i]) };
        struct err_info why = { 0 };
        if (http_client_start(fixture->client, &request, on_done, NULL, NULL, &why) != ERR_INVALID)
            fail_msg("URL \"%s\" is taken", urls[i]);
    }
    struct http_header headers[] = { { STR("X"), STR("a\r\nY: b") }, { STR("X"), STR("a\nb") },
        { STR("X"), STR("a\0b") }, { STR("X Y"), STR("a") }, { STR(""), STR("a") }, { STR("X:"), STR("a") },
        { STR("Host"), STR("a") }, { STR("content-length"), STR("1") },
        { STR("Transfer-Encoding"), STR("chunked") }, { STR("Connection"), STR("close") },
        { STR("Expect"), STR("100-continue") } };
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        struct http_request request = {
            .method = STR("GET"), .url = STR("http://127.0.0.1/"), .headers = &headers[i], .header_count = 1
        };
        assert_int_equal(
            http_client_start(fixture->client, &request, on_done, NULL, NULL, NULL), ERR_INVALID);
    }
    static const char *const methods[] = { "", "GE T", "GET\r\n", "CONNECT", "G\x01" };
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        struct http_request request = { .method = str_of(methods[i]), .url = STR("http://127.0.0.1/") };
        assert_int_equal(
            http_client_start(fixture->client, &request, on_done, NULL, NULL, NULL), ERR_INVALID);
    }
}

static struct outcome *follow(
    struct fixture *fixture, const char *method, const char *path, struct http_request request)
{
    static struct http_header headers[] = { { STR_INIT("Authorization"), STR_INIT("Bearer s3cret") },
        { STR_INIT("X-Api-Key"), STR_INIT("k") }, { STR_INIT("Accept"), STR_INIT("a/b") },
        { STR_INIT("Cookie"), STR_INIT("c=d") } };
    request.method = str_of(method);
    request.url = url_of(fixture, fixture->server.port, path);
    request.headers = headers;
    request.header_count = 4;
    request.has_body = str_equal(request.method, STR("POST")) || str_equal(request.method, STR("PUT"));
    request.body = request.has_body ? STR("body") : (struct str){ 0 };
    if (request.redirects_max == 0)
        request.redirects_max = 5;
    return fetch_request(fixture, request);
}

static void redirects_inside_an_origin_are_followed(void **state)
{
    struct fixture *fixture = *state;
    struct http_request plain = { 0 };
    struct outcome *outcome = follow(fixture, "GET", "/redirect?to=/secrets", plain);
    assert_body(outcome, "GET|Bearer s3cret|k|a/b|c=d|");
    assert_true(str_ends(buf_str(&outcome->url), STR("/secrets")));
    assert_body(follow(fixture, "POST", "/redirect?to=secrets", plain), "GET|Bearer s3cret|k|a/b|c=d|");
    assert_body(
        follow(fixture, "POST", "/redirect?status=303&to=/secrets", plain), "GET|Bearer s3cret|k|a/b|c=d|");
    assert_body(follow(fixture, "POST", "/redirect?status=307&to=/secrets", plain),
        "POST|Bearer s3cret|k|a/b|c=d|body");
    assert_body(follow(fixture, "POST", "/redirect?status=308&to=/secrets", plain),
        "POST|Bearer s3cret|k|a/b|c=d|body");
    assert_body(follow(fixture, "PUT", "/redirect?status=301&to=/secrets", plain),
        "PUT|Bearer s3cret|k|a/b|c=d|body");
    assert_int_equal(follow(fixture, "HEAD", "/redirect?status=303&to=/secrets", plain)->status, 200);
}

static void redirects_end_where_they_should(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(fetch(fixture, "GET", fixture->server.port, "/redirect?to=/secrets")->status, 302);
    struct outcome *outcome = follow(fixture, "GET", "/redirect?to=/redirect%3Fto%3D/secrets",
        (struct http_request){ .redirects_max = 1 });
    assert_int_equal(outcome->status, 302); /* the second one */
    assert_non_null(strstr(outcome->headers.data, "location: /secrets\n"));
    outcome = follow(fixture, "GET", "/redirect", (struct http_request){ .redirects_max = 1000 });
    assert_int_equal(outcome->status, 302);
    assert_true(fixture->server.handle_count < 20);
    static const char *const others[] = { "", "file:///etc/passwd", "ftp://127.0.0.1/",
        "http://u:p@127.0.0.1/", "//", "///x", "http://", "http:/x", "http:///x", "http://127.0.0.1:99999/",
        "javascript:x" };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        char path[100];
        (void)snprintf(path, sizeof path, "/redirect?status=302&to=%s", others[i]);
        outcome = follow(fixture, "GET", path,
            (struct http_request){ .redirects_cross_origin = true, .redirects_max = 2 });
        if (outcome->failure != HTTP_OK || outcome->status != 302)
            fail_msg("\"%s\" is followed: failure %d, status %d", others[i], (int)outcome->failure,
                outcome->status);
    }
}

static void other_origins_get_no_secrets(void **state)
{
    struct fixture *fixture = *state;
    char path[200], path307[200];
    (void)snprintf(path, sizeof path, "/redirect?to=http://127.0.0.1:%u/secrets", fixture->other.port);
    (void)snprintf(
        path307, sizeof path307, "/redirect?status=307&to=http://127.0.0.1:%u/secrets", fixture->other.port);
    struct http_request stays = { 0 }, crosses = { .redirects_cross_origin = true };
    struct http_request secret = { .redirects_cross_origin = true, .secret_headers = true };
    assert_int_equal(follow(fixture, "GET", path, stays)->status, 302);
    assert_int_equal(fixture->other.head_count, 0);
    assert_body(follow(fixture, "GET", path, crosses), "GET||k|a/b||"); /* credentials never cross */
    assert_body(follow(fixture, "GET", path, secret), "GET|||a/b||");
    assert_body(follow(fixture, "POST", path307, crosses), "POST||k|a/b||body");
    assert_int_equal(
        follow(fixture, "POST", path307, secret)->status, 307); /* nor does a body with secrets */
    /* There and back again: what was left behind stays behind. */
    char back[300];
    (void)snprintf(back, sizeof back,
        "/redirect?to=http://127.0.0.1:%u/redirect%%3Fto%%3Dhttp://127.0.0.1:%u/secrets", fixture->other.port,
        fixture->server.port);
    assert_body(follow(fixture, "GET", back, secret), "GET|||a/b||");
    /* The same port under another scheme or name is another origin too. */
    (void)snprintf(path, sizeof path, "/redirect?to=http://localhost:%u/secrets", fixture->server.port);
    assert_int_equal(follow(fixture, "GET", path, stays)->status, 302);
    (void)snprintf(path, sizeof path, "/redirect?to=https://127.0.0.1:%u/secrets", fixture->server.port);
    assert_int_equal(follow(fixture, "GET", path, stays)->status, 302);
}

static void egress_is_checked_at_every_hop(void **state)
{
    struct fixture *fixture = *state;
    static const char *const hidden[] = { "127.0.0.2", "[::1]", "10.0.0.1", "169.254.169.254", "0.0.0.0",
        "0x7f.2", "2130706434", "[::ffff:127.0.0.2]" };
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
        char text[200];
        (void)snprintf(text, sizeof text, "http://%s:%u/show", hidden[i], fixture->server.port);
        struct outcome *outcome = fetch_request(
            fixture, (struct http_request){ .method = STR("GET"), .url = str_of(text) });
        assert_int_equal(outcome->failure, HTTP_REFUSED);
        assert_false(outcome->may_have_left);
        assert_string_equal(outcome->why.name, "egress");
        (void)snprintf(text, sizeof text, "/redirect?to=http://%s:%u/show", hidden[i], fixture->server.port);
        outcome = follow(fixture, "GET", text, (struct http_request){ .redirects_cross_origin = true });
        assert_int_equal(outcome->failure, HTTP_REFUSED);
        assert_true(outcome->may_have_left); /* its first hop did */
    }
    assert_int_equal(fetch(fixture, "GET", fixture->server.port, "/show")->status, 200);
}

static void environment_proxies_do_not_count(void **state)
{
    struct fixture *fixture = *state;
    static const char *const names[] = { "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY",
        "https_proxy" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        setenv(names[i], "http://127.0.0.1:1/", 1);
    assert_int_equal(fetch(fixture, "GET", fixture->server.port, "/show")->status, 200);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unsetenv(names[i]);
}

/* Peers that misbehave: one script a connection. */

struct bad_peer {
    const char *what, *method;
    struct peer_script script;
    enum http_failure failure;
    int status;
    const char *body;
};

#define OK_HEAD "HTTP/1.1 200 OK\r\n"

static const struct bad_peer bad_peers[] = {
    { "silence", "GET", { NULL, 0, PEER_HOLD, 0 }, HTTP_TIMEOUT, 0, "" },
    { "half a head", "GET", { OK_HEAD "X: y\r\n", 0, PEER_HOLD, 0 }, HTTP_TIMEOUT, 0, "" },
    { "half a body", "GET", { OK_HEAD "Content-Length: 9\r\n\r\nhalf", 0, PEER_HOLD, 0 }, HTTP_TIMEOUT, 0,
        "" },
    { "a close", "POST", { NULL, 0, PEER_CLOSE, 0 }, HTTP_BROKEN, 0, "" },
    { "a reset", "POST", { NULL, 0, PEER_RESET, 0 }, HTTP_BROKEN, 0, "" },
    { "a close in the head", "POST", { OK_HEAD, 0, PEER_CLOSE, 0 }, HTTP_OK, 200, "" },
    { "a close in the body", "GET", { OK_HEAD "Content-Length: 9\r\n\r\nhalf", 0, PEER_CLOSE, 0 },
        HTTP_BROKEN, 0, "" },
    { "a close in a chunk", "GET", { OK_HEAD "Transfer-Encoding: chunked\r\n\r\n5\r\nha", 0, PEER_CLOSE, 0 },
        HTTP_BROKEN, 0, "" },
    { "no last chunk", "GET", { OK_HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\nha\r\n", 0, PEER_CLOSE, 0 },
        HTTP_BROKEN, 0, "" },
    { "a bad chunk", "GET", { OK_HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\nha\r\n", 0, PEER_CLOSE, 0 },
        HTTP_BROKEN, 0, "" },
    { "garbage", "GET", { "\x01\x02garbage\r\n\r\n", 0, PEER_CLOSE, 0 }, HTTP_BROKEN, 0, "" },
    { "HTTP/0.9", "GET", { "<html>old</html>", 0, PEER_CLOSE, 0 }, HTTP_BROKEN, 0, "" },
    { "bad gzip", "GET",
        { OK_HEAD "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope", 0, PEER_CLOSE, 0 }, HTTP_BROKEN,
        0, "" },
    { "more than announced", "GET", { OK_HEAD "Content-Length: 2\r\n\r\nno surplus", 0, PEER_CLOSE, 0 },
        HTTP_OK, 200, "no" },
    { "an end by closing", "GET", { OK_HEAD "\r\nuntil the end", 0, PEER_CLOSE, 0 }, HTTP_OK, 200,
        "until the end" },
    { "100 Continue first", "POST",
        { "HTTP/1.1 100 Continue\r\nX: 1\r\n\r\nHTTP/1.1 103 Early\r\nX: 2\r\n\r\nHTTP/1.1 201 Created\r\nX: "
          "3\r\nContent-Length: 2\r\n\r\nok",
            0, PEER_CLOSE, 0 },
        HTTP_OK, 201, "ok" },
    { "trailers", "GET",
        { OK_HEAD "Transfer-Encoding: chunked\r\nX: 3\r\n\r\n2\r\nok\r\n0\r\nX: 4\r\n\r\n", 0, PEER_CLOSE,
            0 },
        HTTP_OK, 200, "ok" },
};

static void misbehaving_peers_do_no_harm(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < sizeof bad_peers / sizeof bad_peers[0]; i++) {
        const struct bad_peer *bad = &bad_peers[i];
        struct peer peer;
        peer_start(&peer, &bad->script, 1);
        struct outcome *outcome = fetch_request(fixture,
            (struct http_request){ .method = str_of(bad->method),
                .url = url_of(fixture, peer.port, "/"),
                .timeout_us = 300 * US_PER_MS });
        if (outcome->failure != bad->failure || outcome->status != bad->status)
            fail_msg("%s: failure %d, status %d, %s", bad->what, (int)outcome->failure, outcome->status,
                outcome->why.text);
        assert_body(outcome, bad->body);
        assert_true(outcome->may_have_left);
        assert_int_equal(outcome->failure == HTTP_OK, outcome->why.code == ERR_OK);
        if (outcome->headers.size > 0 && strstr(outcome->headers.data, "x: "))
            assert_non_null(strstr(outcome->headers.data, "x: 3\n"));
        assert_true(outcome->headers.size == 0 || !strstr(outcome->headers.data, "x: 4\n"));
        peer_stop(&peer);
    }
}

static void headers_of_an_answer_are_limited(void **state)
{
    struct fixture *fixture = *state;
    AUTO(buf) struct buf answer = { 0 };
    buf_add(&answer, STR(OK_HEAD));
    while (answer.size < 2 * ANSWER_HEADER_BYTES_MAX)
        buf_add(&answer,
            STR("X-Filler: 0123456789012345678901234567890123456789012345678901234567890123456789\r\n"));
    buf_add(&answer, STR("\r\n"));
    struct peer_script script = { answer.data, answer.size, PEER_CLOSE, 0 };
    struct peer peer;
    peer_start(&peer, &script, 1);
    struct outcome *outcome = fetch(fixture, "GET", peer.port, "/");
    assert_int_equal(outcome->failure, HTTP_TOO_LARGE);
    assert_string_equal(outcome->why.name, "answer_header_bytes_max");
    peer_stop(&peer);
}

/* An answer that is what the shell command prints, packed. */
static void zip(const char *command, struct buf *ret_answer)
{
    const char *const arguments[] = { "/bin/sh", "-c", command, NULL };
    AUTO(buf) struct buf zipped = { 0 };
    AUTO(buf) struct buf errors = { 0 };
    struct child_request request = { arguments, NULL, STR(""), MIB, 60 * US_PER_S };
    struct child_result result = { .output = &zipped, .errors = &errors };
    CHECK(child_run(&request, &result, why));
    assert_true(zipped.size > 50000);
    buf_printf(ret_answer, OK_HEAD "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", zipped.size);
    buf_add(ret_answer, buf_str(&zipped));
}

static void bombs_are_told_by_their_ratio(void **state)
{
    struct fixture *fixture = *state;
    AUTO(buf) struct buf bomb = { 0 };
    AUTO(buf) struct buf numbers = { 0 };
    zip("head -c 100000000 /dev/zero | gzip -c", &bomb);
    zip("seq 1 300000 | gzip -c", &numbers);
    struct peer_script scripts[] = { { bomb.data, bomb.size, PEER_CLOSE, 0 },
        { bomb.data, bomb.size, PEER_CLOSE, 0 }, { bomb.data, bomb.size, PEER_CLOSE, 0 },
        { numbers.data, numbers.size, PEER_CLOSE, 0 } };
    struct peer peer;
    peer_start(&peer, scripts, sizeof scripts / sizeof scripts[0]);
    struct outcome *outcome = fetch(fixture, "GET", peer.port, "/");
    assert_int_equal(outcome->failure, HTTP_TOO_LARGE);
    assert_string_equal(outcome->why.name, "answer_ratio_max");
    assert_int_equal(outcome->body.size, 0);
    /* Who asks for a size gets that much. */
    struct http_request request = { .method = STR("GET"), .url = url_of(fixture, peer.port, "/") };
    request.answer_bytes_max = 100000000;
    outcome = fetch_request(fixture, request);
    assert_int_equal(outcome->failure, HTTP_OK);
    assert_int_equal(outcome->body.size, 100000000);
    request.answer_bytes_max--;
    outcome = fetch_request(fixture, request);
    assert_int_equal(outcome->failure, HTTP_TOO_LARGE);
    assert_string_equal(outcome->why.name, "answer_bytes_max");
    outcome = fetch(fixture, "GET", peer.port, "/");
    assert_int_equal(outcome->failure, HTTP_OK);
    assert_int_equal(outcome->body.size, 1988895);
    peer_stop(&peer);
}

static void answers_of_100_megabytes_are_refused_or_taken_as_asked(void **state)
{
    struct fixture *fixture = *state;
    struct outcome *outcome = fetch(fixture, "GET", fixture->server.port, "/size?100000000");
    assert_int_equal(outcome->failure, HTTP_TOO_LARGE);
    struct http_request request = { .method = STR("GET"),
        .url = url_of(fixture, fixture->server.port, "/size?100000000"),
        .answer_bytes_max = 100000000 };
    outcome = fetch_request(fixture, request);
    assert_int_equal(outcome->body.size, 100000000);
    request.answer_bytes_max--;
    assert_int_equal(fetch_request(fixture, request)->failure, HTTP_TOO_LARGE);
}

static void answers_that_promise_too_much_are_not_read(void **state)
{
#define LONG_HEAD(status) "HTTP/1.1 " status "\r\nContent-Length: 16777217\r\n\r\n"
    struct fixture *fixture = *state;
    static const char *const heads[] = { LONG_HEAD("200 OK"), LONG_HEAD("302 Found"), LONG_HEAD("200 OK"),
        LONG_HEAD("304 Not Modified"), "HTTP/1.1 200 OK\r\nContent-Length: 16777216\r\n\r\n" };
    static const enum http_failure expected[] = { HTTP_TOO_LARGE, HTTP_TOO_LARGE, HTTP_OK, HTTP_OK,
        HTTP_BROKEN };
    struct peer_script scripts[5];
    struct peer peer;
    for (int i = 0; i < 5; i++)
        scripts[i] = (struct peer_script){ heads[i], strlen(heads[i]), PEER_CLOSE, 0 };
    peer_start(&peer, scripts, 5);
    for (int i = 0; i < 5; i++)
        assert_int_equal(fetch(fixture, i == 2 ? "HEAD" : "GET", peer.port, "/")->failure, expected[i]);
    peer_stop(&peer);
}

/* May the request have reached the server? */

static void what_never_left_is_known(void **state)
{
    struct fixture *fixture = *state;
    struct outcome *outcome = fetch(fixture, "POST", 1, "/"); /* nobody listens there */
    assert_int_equal(outcome->failure, HTTP_CONNECT);
    assert_false(outcome->may_have_left);
    outcome = fetch_request(
        fixture, (struct http_request){ .method = STR("POST"), .url = STR("http://no-such-host.invalid/") });
    assert_int_equal(outcome->failure, HTTP_RESOLVE);
    assert_false(outcome->may_have_left);
    struct peer_script silent = { NULL, 0, PEER_HOLD, 0 };
    struct peer peer;
    peer_start(&peer, &silent, 1);
    char url[100];
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u/", peer.port);
    struct http_request request = {
        .method = STR("POST"), .url = str_of(url), .timeout_us = 100 * US_PER_MS
    };
    outcome = fetch_request(fixture, request); /* a handshake that never ends */
    assert_int_equal(outcome->failure, HTTP_TIMEOUT);
    assert_false(outcome->may_have_left);
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u/", fixture->server.port);
    outcome = fetch_request(fixture, request); /* a server that speaks no TLS */
    assert_int_equal(outcome->failure, HTTP_CONNECT);
    assert_false(outcome->may_have_left);
    peer_stop(&peer);
}

static void unsafe_request_is_never_sent_twice(void **state)
{
    struct fixture *fixture = *state;
    static const char ok[] = OK_HEAD "Content-Length: 2\r\n\r\nok";
    /* The kept connection dies under the second request; a third would be answered. */
    struct peer_script scripts[] = { { ok, 0, PEER_AGAIN, 0 }, { NULL, 0, PEER_CLOSE, 0 },
        { ok, 0, PEER_CLOSE, 0 } };
    static const char *const methods[] = { "POST", "PATCH", "REPORT", "GET", "PUT", "DELETE" };
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        bool is_repeatable = i >= 3;
        struct peer peer;
        peer_start(&peer, scripts, 3);
        assert_int_equal(fetch(fixture, "GET", peer.port, "/")->status, 200);
        struct outcome *outcome = fetch(fixture, methods[i], peer.port, "/");
        if (outcome->failure != (is_repeatable ? HTTP_OK : HTTP_BROKEN))
            fail_msg("%s: failure %d, %s", methods[i], (int)outcome->failure, outcome->why.text);
        assert_true(outcome->may_have_left);
        test_sleep_ms(30);
        assert_int_equal(peer.request_count, is_repeatable ? 3 : 2);
        peer_stop(&peer);
    }
}

static void idle_connection_that_the_peer_closed_is_not_used(void **state)
{
    struct fixture *fixture = *state;
    static const char ok[] = OK_HEAD "Content-Length: 2\r\n\r\nok";
    struct peer_script scripts[] = { { ok, 0, PEER_CLOSE, 0 }, { ok, 0, PEER_CLOSE, 0 } };
    struct peer peer;
    peer_start(&peer, scripts, 2);
    assert_int_equal(fetch(fixture, "POST", peer.port, "/")->status, 200);
    test_sleep_ms(30);
    assert_int_equal(
        fetch(fixture, "GET", fixture->server.port, "/show")->status, 200); /* the loop sees the end */
    struct outcome *outcome = fetch(fixture, "POST", peer.port, "/");
    assert_int_equal(outcome->status, 200);
    assert_false(outcome->reused);
    peer_stop(&peer);
}

static void cancelled_call_ends_at_once_and_only_once(void **state)
{
    struct fixture *fixture = *state;
    struct outcome early = { 0 }, late = { 0 };
    struct http_call *call;
    struct http_request request = { .method = STR("POST"),
        .url = url_of(fixture, fixture->server.port, "/never") };
    CHECK(http_client_start(fixture->client, &request, on_done, &early, &call, why));
    http_client_cancel(fixture->client, call);
    assert_true(early.is_done);
    assert_int_equal(early.failure, HTTP_CANCELLED);
    assert_int_equal(early.why.code, ERR_CANCELLED);
    assert_false(early.may_have_left);
    CHECK(http_client_start(fixture->client, &request, on_done, &late, &call, why));
    while (fixture->server.handle_count == 0)
        assert_int_equal(fetch(fixture, "GET", fixture->other.port, "/show")->status, 200);
    http_client_cancel(fixture->client, call);
    assert_true(late.is_done);
    assert_true(late.may_have_left);
    assert_true(test_reaches(&fixture->server.abort_count, 1));
    outcome_clear(&early);
    outcome_clear(&late);
}

/* A cancelled or timed-out call must not wait for the resolver: its thread may be stuck for seconds. */
static void cancelling_does_not_wait_for_the_resolver(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcome = { 0 };
    struct http_call *call;
    struct http_request request = { .method = STR("GET"), .url = STR("http://never-asked.invalid/") };
    CHECK(http_client_start(fixture->client, &request, on_done, &outcome, &call, why));
    assert_int_equal(fetch(fixture, "GET", fixture->server.port, "/show")->status, 200);
    int64_t start_us = test_now_us();
    if (!outcome.is_done)
        http_client_cancel(fixture->client, call);
    assert_true(test_now_us() - start_us < 500 * US_PER_MS);
    outcome_clear(&outcome);
}

static void freed_client_cancels_what_is_open(void **state)
{
    struct fixture *fixture = *state;
    struct outcome outcomes[3] = { 0 };
    struct http_request request = { .method = STR("GET"),
        .url = url_of(fixture, fixture->server.port, "/never") };
    for (int i = 0; i < 3; i++)
        CHECK(http_client_start(fixture->client, &request, on_done, &outcomes[i], NULL, why));
    assert_int_equal(fetch(fixture, "GET", fixture->other.port, "/show")->status, 200);
    http_client_free(fixture->client);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(outcomes[i].failure, HTTP_CANCELLED);
        outcome_clear(&outcomes[i]);
    }
    new_client(fixture, "127.0.0.1"); /* for teardown */
}

static void start_another(void *context, const struct http_answer *answer)
{
    struct fixture *fixture = context;
    assert_int_equal(answer->status, 200);
    struct http_request request = { .method = STR("GET"),
        .url = url_of(fixture, fixture->other.port, "/show") };
    CHECK(http_client_start(fixture->client, &request, on_done, &fixture->outcome, NULL, why));
}

static void done_may_start_the_next_call(void **state)
{
    struct fixture *fixture = *state;
    struct http_request request = { .method = STR("GET"),
        .url = url_of(fixture, fixture->server.port, "/show") };
    fixture->outcome.loop = fixture->loop;
    CHECK(http_client_start(fixture->client, &request, start_another, fixture, NULL, why));
    loop_run(fixture->loop);
    assert_int_equal(fixture->outcome.status, 200);
}

/* TLS. */

static void certificates_are_verified(void **state)
{
    struct fixture *fixture = *state;
    struct test_tls tls, stranger;
    struct test_server secure = { 0 };
    char url[100];
    test_tls_make(&tls);
    test_tls_make(&stranger);
    test_server_start(&secure,
        (struct http_server_options){ .tls_cert_file = str_of(tls.cert), .tls_key_file = str_of(tls.key) });
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u/echo", secure.port);
    struct http_request request = {
        .method = STR("POST"), .url = str_of(url), .has_body = true, .body = STR("body")
    };
    struct outcome *outcome = fetch_request(fixture, request); /* a CA that nobody knows */
    assert_int_equal(outcome->failure, HTTP_TLS_VERIFY);
    assert_false(outcome->may_have_left);
    request.ca_file = str_of(stranger.ca);
    assert_int_equal(fetch_request(fixture, request)->failure, HTTP_TLS_VERIFY);
    request.ca_file = STR("/nowhere/ca.pem");
    assert_int_equal(fetch_request(fixture, request)->failure, HTTP_TLS_VERIFY);
    request.ca_file = str_of(tls.ca);
    outcome = fetch_request(fixture, request);
    assert_int_equal(outcome->status, 200);
    assert_body(outcome, "body");
    assert_true(fetch_request(fixture, request)->reused);
    request.ca_file = (struct str){ 0 }; /* the trusted connection must not serve who does not trust it */
    assert_int_equal(fetch_request(fixture, request)->failure, HTTP_TLS_VERIFY);
    request.insecure_tls = true;
    assert_int_equal(fetch_request(fixture, request)->status, 200);
    request.insecure_tls = false;
    assert_int_equal(fetch_request(fixture, request)->failure, HTTP_TLS_VERIFY);
    http_client_free(fixture->client); /* a name that the certificate does not have */
    new_client(fixture, "localhost");
    (void)snprintf(url, sizeof url, "https://localhost:%u/echo", secure.port);
    request.ca_file = str_of(tls.ca);
    outcome = fetch_request(fixture, request);
    assert_int_equal(outcome->failure, HTTP_TLS_VERIFY);
    assert_int_equal(secure.handle_count, 3);
    test_server_stop(&secure);
    test_tls_remove(&tls);
    test_tls_remove(&stranger);
}

static void tls_carries_large_bodies_and_streams(void **state)
{
    struct fixture *fixture = *state;
    struct test_tls tls;
    struct test_server secure = { 0 };
    char url[100];
    test_tls_make(&tls);
    test_server_start(&secure,
        (struct http_server_options){ .tls_cert_file = str_of(tls.cert), .tls_key_file = str_of(tls.key) });
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u/size?9000000", secure.port);
    struct http_request request = { .method = STR("GET"), .url = str_of(url), .ca_file = str_of(tls.ca) };
    struct outcome *outcome = fetch_request(fixture, request);
    assert_int_equal(outcome->body.size, 9000000);
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u/stream", secure.port);
    request.url = str_of(url);
    assert_body(fetch_request(fixture, request), "one\ntwo\nthree\n");
    static char bytes[BODY_MAX];
    memset(bytes, 'b', sizeof bytes);
    (void)snprintf(url, sizeof url, "https://127.0.0.1:%u/echo", secure.port);
    request = (struct http_request){ .method = STR("POST"),
        .url = str_of(url),
        .ca_file = str_of(tls.ca),
        .has_body = true,
        .body = { bytes, sizeof bytes } };
    assert_int_equal(fetch_request(fixture, request)->body.size, sizeof bytes);
    /* Plain text on a TLS port, and a peer that leaves in the handshake. */
    AUTO(buf) struct buf in = { 0 };
    int fd = raw_connect(secure.port);
    raw_send(fd, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    (void)raw_receive_to_end(fd, &in, 2000);
    close(fd);
    fd = raw_connect(secure.port);
    raw_send(fd, STR("\x16\x03\x01"));
    close(fd);
    assert_int_equal(fetch_request(fixture, request)->status, 200);
    test_server_stop(&secure);
    test_tls_remove(&tls);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        EACH(request_goes_out_and_its_answer_comes_back),
        EACH(bodies_go_out_whole_with_any_method),
        EACH(connections_are_used_again),
        EACH(many_calls_share_few_connections),
        EACH(bad_requests_are_refused_at_once),
        EACH(redirects_inside_an_origin_are_followed),
        EACH(redirects_end_where_they_should),
        EACH(other_origins_get_no_secrets),
        EACH(egress_is_checked_at_every_hop),
        EACH(environment_proxies_do_not_count),
        EACH(misbehaving_peers_do_no_harm),
        EACH(headers_of_an_answer_are_limited),
        EACH(bombs_are_told_by_their_ratio),
        EACH(answers_of_100_megabytes_are_refused_or_taken_as_asked),
        EACH(answers_that_promise_too_much_are_not_read),
        EACH(what_never_left_is_known),
        EACH(unsafe_request_is_never_sent_twice),
        EACH(idle_connection_that_the_peer_closed_is_not_used),
        EACH(cancelled_call_ends_at_once_and_only_once),
        EACH(cancelling_does_not_wait_for_the_resolver),
        EACH(freed_client_cancels_what_is_open),
        EACH(done_may_start_the_next_call),
        EACH(certificates_are_verified),
        EACH(tls_carries_large_bodies_and_streams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
