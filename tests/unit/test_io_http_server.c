#include "io_helpers.h"

static int setup(void **state)
{
    struct test_server *server = calloc(1, sizeof *server);
    test_server_start(server, (struct http_server_options){ 0 });
    *state = server;
    return 0;
}

/* Timeouts short enough to wait for. */
static int setup_hasty(void **state)
{
    struct test_server *server = calloc(1, sizeof *server);
    test_server_start(server, (struct http_server_options){ .request_timeout_us = 200 * US_PER_MS });
    *state = server;
    return 0;
}

static int teardown(void **state)
{
    test_server_stop(*state);
    free(*state);
    return 0;
}

static void request_is_shown_and_answered(void **state)
{
    struct test_server *server = *state;
    AUTO(buf) struct buf in = { 0 };
    int fd = raw_connect(server->port);
    struct raw_answer answer = raw_ask(
        fd, STR("GET /show?a=b&key=x%20y+z&key=2 HTTP/1.1\r\nHost: a\r\nx-test: v w\r\n\r\n"), &in);
    assert_int_equal(answer.status, 200);
    assert_true(str_equal(answer.body, STR("GET|/show|a=b&key=x%20y+z&key=2|=x y z|v w|127.0.0.1")));
    assert_true(raw_header(answer.head, "Date").size > 20);
    assert_int_equal(raw_header(answer.head, "Connection").size, 0);
    close(fd);
}

static void connection_is_kept_for_many_requests(void **state)
{
    struct test_server *server = *state;
    AUTO(buf) struct buf in = { 0 };
    int fd = raw_connect(server->port);
    for (int i = 0; i < 200; i++) {
        struct raw_answer answer = raw_ask(
            fd, STR("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"), &in);
        assert_int_equal(answer.status, 200);
        assert_true(str_equal(answer.body, STR("hello")));
    }
    close(fd);
}

/* Every cut of two requests into two pieces. */
static void pieces_make_no_difference(void **state)
{
    struct test_server *server = *state;
    struct str bytes = STR("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
                           "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                           "3\r\nwor\r\n2\r\nld\r\n0\r\n\r\n");
    AUTO(buf) struct buf in = { 0 };
    int fd = raw_connect(server->port);
    for (size_t cut = 1; cut < bytes.size; cut++) {
        buf_clear(&in);
        raw_send(fd, str_slice(bytes, 0, cut));
        if (cut % 8 == 0)
            test_sleep_ms(1);
        struct raw_answer answer = raw_ask_for(fd, str_slice(bytes, cut, bytes.size), &in, 5000);
        struct raw_answer second = { 0 };
        while ((second = raw_parse(buf_str(&in), answer.size, false)).status == 0)
            assert_true(raw_receive(fd, &in, 5000) > 0);
        answer = raw_parse(buf_str(&in), 0, false);
        assert_true(str_equal(answer.body, STR("hello")));
        assert_true(str_equal(second.body, STR("world")));
    }
    close(fd);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct test_server *server = *state;
    AUTO(buf) struct buf out = { 0 };
    AUTO(buf) struct buf in = { 0 };
    for (int i = 0; i < 300; i++) { /* delayed, immediate and early answers mixed */
        if (i % 50 == 3)
            buf_add(&out, STR("GET /later HTTP/1.1\r\nHost: a\r\n\r\n"));
        else if (i % 7 == 0)
            buf_add(&out, STR("POST /404 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxy"));
        else
            buf_printf(&out, "GET /show?key=%d HTTP/1.1\r\nHost: a\r\n\r\n", i);
    }
    int fd = raw_connect(server->port);
    raw_send(fd, buf_str(&out));
    size_t at = 0;
    for (int i = 0; i < 300; i++) {
        struct raw_answer answer;
        while ((answer = raw_parse(buf_str(&in), at, false)).status == 0)
            assert_true(raw_receive(fd, &in, 5000) > 0);
        char wanted[40];
        (void)snprintf(wanted, sizeof wanted, "key=%d|", i);
        if (i % 50 == 3)
            assert_true(str_equal(answer.body, STR("later")));
        else if (i % 7 == 0)
            assert_int_equal(answer.status, 404);
        else
            assert_true(str_contains(answer.body, str_of(wanted)));
        at += answer.size;
    }
    close(fd);
}

static void half_closed_peer_gets_all_its_answers(void **state)
{
    struct test_server *server = *state;
    AUTO(buf) struct buf in = { 0 };
    int fd = raw_connect(server->port);
    raw_send(fd, STR("GET /later HTTP/1.1\r\nHost: a\r\n\r\nGET /later HTTP/1.1\r\nHost: a\r\n\r\n"));
    shutdown(fd, SHUT_WR);
    assert_true(raw_receive_to_end(fd, &in, 5000));
    struct raw_answer first = raw_parse(buf_str(&in), 0, false);
    assert_int_equal(first.status, 200);
    assert_int_equal(raw_parse(buf_str(&in), first.size, false).status, 200);
    close(fd);
}

struct bad_case {
    const char *what;
    const char *bytes;
    int status;
};

/* What http_head refuses is in test_io_http_head; here is what the connection adds. */
static const struct bad_case bad_cases[] = {
    { "two lengths", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        400 },
    { "length and chunked",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400 },
    { "a space before the colon", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length : 1\r\n\r\na", 400 },
    { "a bare CR", "GET /echo HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", 400 },
    { "two Hosts", "GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400 },
    { "a bare LF", "GET /echo HTTP/1.1\nHost: a\n\n", 400 },
    { "a chunk size ended by CR alone",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\rxa\r\n0\r\n\r\n", 400 },
    { "a chunk without its CR LF",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\naxx0\r\n\r\n", 400 },
    { "a bad chunk size", "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400 },
    { "a chunk with bare LF",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n", 400 },
    { "an unknown coding", "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501 },
    { "an unknown expectation", "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: magic\r\n\r\n", 417 },
    { "another version", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505 },
    { "two empty lines first", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "a lone CR first", "\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
    { "TLS", "\x16\x03\x01\x02", 400 },
};

static void malformed_requests_are_refused_and_closed(void **state)
{
    struct test_server *server = *state;
    for (size_t i = 0; i < sizeof bad_cases / sizeof bad_cases[0]; i++) {
        AUTO(buf) struct buf in = { 0 };
        int fd = raw_connect(server->port);
        struct raw_answer answer = raw_ask(fd, str_of(bad_cases[i].bytes), &in);
        if (answer.status != bad_cases[i].status)
            fail_msg("%s: %d instead of %d", bad_cases[i].what, answer.status, bad_cases[i].status);
        assert_true(str_equal(raw_header(answer.head, "Connection"), STR("close")));
        assert_true(raw_receive_to_end(fd, &in, 5000));
        assert_int_equal(in.size, raw_parse(buf_str(&in), 0, false).size); /* one answer, no second request */
        close(fd);
    }
    assert_int_equal(server->handle_count, 0);
}

static void one_empty_line_before_a_request_is_forgiven(void **state)
{
    struct test_server *server = *state;
    AUTO(buf) struct buf in = { 0 };
    int fd = raw_connect(server->port);
    for (int i = 0; i < 3; i++) {
        raw_send(fd, STR("\r"));
        test_sleep_ms(2);
        assert_int_equal(raw_ask(fd, STR("\nGET /show HTTP/1.1\r\nHost: a\r\n\r\n"), &in).status, 200);
    }
    close(fd);
}

static void refusals_can_be_shaped_by_the_handler(void **state)
{
    struct test_server *server = *state;
    server->shapes_refusals = true;
    AUTO(buf) struct buf in = { 0 };
    int fd = raw_connect(server->port);
    struct raw_answer answer = raw_ask(fd, STR("BAD\r\n\r\n"), &in);
    assert_int_equal(answer.status, 400);
    assert_true(str_equal(answer.body, STR("{\"status\":400}")));
    assert_true(str_equal(raw_header(answer.head, "Content-Type"), STR("application/problem+json")));
    close(fd);
}

/* A request with `size` bytes of body, chunked or not, to `path`. */
static void ask_with_body(
    int fd, const char *path, size_t size, bool is_chunked, struct buf *in, struct raw_answer *ret)
{
    AUTO(buf) struct buf out = { 0 };
    buf_printf(&out, "POST %s HTTP/1.1\r\nHost: a\r\n", path);
    if (is_chunked)
        buf_add(&out, STR("Transfer-Encoding: chunked\r\n\r\n"));
    else
        buf_printf(&out, "Content-Length: %zu\r\n\r\n", size);
    for (size_t left = size; left > 0;) {
        size_t piece = left < 10000 ? left : 10000;
        if (is_chunked)
            buf_printf(&out, "%zx\r\n", piece);
        char *end = buf_reserve(&out, piece);
        memset(end, 'b', piece);
        out.size += piece;
        if (is_chunked)
            buf_add(&out, STR("\r\n"));
        left -= piece;
    }
    if (is_chunked)
        buf_add(&out, STR("0\r\n\r\n"));
    *ret = raw_ask(fd, buf_str(&out), in);
}

static void body_limit_is_exact_and_leaves_the_connection_good(void **state)
{
    struct test_server *server = *state;
    AUTO(buf) struct buf in = { 0 };
    int fd = raw_connect(server->port);
    struct raw_answer answer;
    for (int is_chunked = 0; is_chunked <= 1; is_chunked++) {
        ask_with_body(fd, "/echo", BODY_MAX, is_chunked, &in, &answer);
        assert_int_equal(answer.status, 200);
        assert_int_equal(answer.body.size, BODY_MAX);
        ask_with_body(fd, "/echo", BODY_MAX + 1, is_chunked, &in, &answer);
        assert_int_equal(answer.status, 413);
        assert_int_equal(raw_header(answer.head, "Connection").size, 0);
        ask_with_body(fd, "/echo", 9 * MIB, is_chunked, &in, &answer);
        assert_int_equal(answer.status, 413);
        ask_with_body(fd, "/show", 1, is_chunked, &in, &answer); /* takes no body */
        assert_int_equal(answer.status, 413);
        ask_with_body(fd, "/show", 0, is_chunked && false, &in, &answer);
        assert_int_equal(answer.status, 200);
    }
    close(fd);
}

static void early_reply_leaves_the_connection_good(void **state)
{
    struct test_server *server = *state;
    AUTO(buf) struct buf in = { 0 };
    int fd = raw_connect(server->port);
    struct raw_answer answer;
    for (int i = 0; i < 20; i++) {
        ask_with_body(fd, "/404", (size_t)i * 5000, i % 2, &in, &answer);
        assert_int_equal(answer.status, 404);
        assert_int_equal(raw_header(answer.head, "Connection").size, 0);
        assert_int_equal(raw_ask(fd, STR("GET /show HTTP/1.1\r\nHost: a\r\n\r\n"), &in).status, 200);
    }
    close(fd);
}

static void early_reply_to_a_huge_body_closes(void **state)
{
    struct test_server *server = *state;
    AUTO(buf) struct buf in = { 0 };
    int fd = raw_connect(server->port);
    struct raw_answer answer = raw_ask(
        fd, STR("POST /404 HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\nabc"), &in);
    assert_int_equal(answer.status, 404);
    assert_true(str_equal(raw_header(answer.head, "Connection"), STR("close")));
    assert_true(raw_receive_to_end(fd, &in, 5000));
    close(fd);
    /* A chunked one does not say how much it is: it is drained for a while. */
    fd = raw_connect(server->port);
    ask_with_body(fd, "/404", HTTP_DRAIN_BYTES_MAX + MIB, true, &in, &answer);
    assert_int_equal(answer.status, 404);
    assert_true(raw_receive_to_end(fd, &in, 5000));
    close(fd);
}

static void continue_is_said_only_when_the_body_is_wanted(void **state)
{
    struct test_server *server = *state;
    AUTO(buf) struct buf in = { 0 };
    int fd = raw_connect(server->port);
    struct str head = STR(
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    for (int i = 0; i < 2; i++) {
        struct raw_answer answer = raw_ask(fd, head, &in);
        assert_int_equal(answer.status, 100);
        answer = raw_ask(fd, STR("hello"), &in);
        assert_int_equal(answer.status, 200);
        assert_true(str_equal(answer.body, STR("hello")));
    }
    close(fd);
    fd = raw_connect(server->port); /* not wanted: whether a body follows is unclear, so it closes */
    struct raw_answer answer = raw_ask(
        fd, STR("POST /404 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"), &in);
    assert_int_equal(answer.status, 404);
    assert_true(str_equal(raw_header(answer.head, "Connection"), STR("close")));
    assert_true(raw_receive_to_end(fd, &in, 5000));
    close(fd);
    fd = raw_connect(server->port); /* too large: said before the body is sent */
    answer = raw_ask(fd,
        STR("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 500000\r\nExpect: 100-continue\r\n\r\n"), &in);
    assert_int_equal(answer.status, 413);
    close(fd);
}

static void head_gets_a_length_and_no_body(void **state)
{
    struct test_server *server = *state;
    AUTO(buf) struct buf in = { 0 };
    int fd = raw_connect(server->port);
    struct raw_answer answer = raw_ask(fd, STR("HEAD /size?1234 HTTP/1.1\r\nHost: a\r\n\r\n"), &in);
    assert_int_equal(answer.status, 200);
    assert_true(str_equal(raw_header(answer.head, "Content-Length"), STR("1234")));
    answer = raw_ask(fd, STR("GET /show HTTP/1.1\r\nHost: a\r\n\r\n"), &in);
    assert_int_equal(answer.status, 200); /* nothing of a body was in between */
    answer = raw_ask(fd, STR("GET /204 HTTP/1.1\r\nHost: a\r\n\r\n"), &in);
    assert_int_equal(answer.status, 204);
    assert_int_equal(raw_header(answer.head, "Content-Length").size, 0);
    assert_int_equal(raw_ask(fd, STR("GET /show HTTP/1.1\r\nHost: a\r\n\r\n"), &in).status, 200);
    close(fd);
}

static void reply_headers_cannot_be_split(void **state)
{
    struct test_server *server = *state;
    AUTO(buf) struct buf in = { 0 };
    int fd = raw_connect(server->port);
    struct raw_answer answer = raw_ask(fd, STR("GET /split HTTP/1.1\r\nHost: a\r\n\r\n"), &in);
    assert_true(str_equal(raw_header(answer.head, "X-A"), STR("a  X-Evil: 1")));
    assert_int_equal(raw_header(answer.head, "X-Evil").size, 0);
    assert_true(str_equal(raw_header(answer.head, "Content-Length"), STR("4")));
    close(fd);
}

static void http_1_0_and_close_end_the_connection(void **state)
{
    struct test_server *server = *state;
    static const char *const requests[] = { "GET /show HTTP/1.0\r\n\r\n",
        "GET /show HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET /show HTTP/1.1\r\nHost: a\r\nConnection: foo, CLOSE\r\n\r\n" };
    for (int i = 0; i < 3; i++) {
        AUTO(buf) struct buf in = { 0 };
        int fd = raw_connect(server->port);
        struct raw_answer answer = raw_ask(fd, str_of(requests[i]), &in);
        assert_int_equal(answer.status, 200);
        assert_true(str_equal(raw_header(answer.head, "Connection"), STR("close")));
        assert_true(raw_receive_to_end(fd, &in, 5000));
        close(fd);
    }
}

static void large_reply_reaches_a_slow_reader(void **state)
{
    struct test_server *server = *state;
    AUTO(buf) struct buf in = { 0 };
    int fd = raw_connect(server->port);
    raw_send(fd, STR("GET /size?30000000 HTTP/1.1\r\nHost: a\r\n\r\nGET /show HTTP/1.1\r\nHost: a\r\n\r\n"));
    test_sleep_ms(50);
    struct raw_answer answer;
    while ((answer = raw_parse(buf_str(&in), 0, false)).status == 0)
        assert_true(raw_receive(fd, &in, 5000) > 0);
    assert_int_equal(answer.body.size, 30000000);
    while (raw_parse(buf_str(&in), answer.size, false).status == 0)
        assert_true(raw_receive(fd, &in, 5000) > 0);
    close(fd);
}

static void delayed_replies_come_from_other_threads(void **state)
{
    struct test_server *server = *state;
    AUTO(buf) struct buf in = { 0 };
    int fds[20];
    for (int i = 0; i < 20; i++) {
        fds[i] = raw_connect(server->port);
        raw_send(fds[i], STR("GET /later HTTP/1.1\r\nHost: a\r\n\r\n"));
    }
    for (int i = 0; i < 20; i++) {
        struct raw_answer answer = raw_ask(fds[i], (struct str){ 0 }, &in);
        assert_true(str_equal(answer.body, STR("later")));
        close(fds[i]);
    }
}

static void handler_hears_that_the_peer_is_gone(void **state)
{
    struct test_server *server = *state;
    int fd = raw_connect(server->port);
    raw_send(fd, STR("GET /never HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_true(test_reaches(&server->handle_count, 1));
    assert_int_equal(server->abort_count, 0);
    close(fd);
    assert_true(test_reaches(&server->abort_count, 1));
    fd = raw_connect(server->port); /* and when it leaves by a reset */
    raw_send(fd, STR("GET /never HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_true(test_reaches(&server->handle_count, 2));
    struct linger hard = { 1, 0 };
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
    assert_true(test_reaches(&server->abort_count, 2));
}

static void reply_held(struct test_server *server, void *context)
{
    (void)context;
    http_reply(server->held, 200, NULL, 0, STR("late"));
    server->held = NULL;
}

static void count_exchanges(struct test_server *server, void *context)
{
    *(unsigned *)context = http_server_open_exchanges(server->server);
}

static void exchange_stays_good_when_the_peer_is_gone(void **state)
{
    struct test_server *server = *state;
    for (unsigned i = 1; i <= 2; i++) {
        int fd = raw_connect(server->port);
        raw_send(fd, STR("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert_true(test_reaches(&server->handle_count, i));
        struct linger hard = { 1, 0 };
        if (i == 2)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        close(fd);
        test_sleep_ms(20);
        test_server_call(server, reply_held, NULL);
        unsigned count = 1;
        test_server_call(server, count_exchanges, &count);
        assert_int_equal(count, 0);
    }
}

static void server_may_go_with_exchanges_open(void **state)
{
    struct test_server *server = *state;
    static const char *const requests[] = { "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /never HTTP/1.1\r\nHost: a\r\n\r\n", "GET /events HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf", "GET /ha" };
    int fds[5];
    for (int i = 0; i < 5; i++) {
        fds[i] = raw_connect(server->port);
        raw_send(fds[i], str_of(requests[i]));
    }
    assert_true(test_reaches(&server->head_count, 4));
    test_server_stop(server);
    assert_int_equal(server->abort_count, 1);
    assert_int_equal(server->closed_count, 1);
    for (int i = 0; i < 5; i++)
        close(fds[i]);
    free(server);
    assert_int_equal(setup(state), 0); /* for teardown */
}

static void stop_accepting(struct test_server *server, void *context)
{
    (void)context;
    http_server_stop_accepting(server->server);
}

static void stopping_finishes_what_is_open(void **state)
{
    struct test_server *server = *state;
    AUTO(buf) struct buf in = { 0 };
    int idle = raw_connect(server->port), busy = raw_connect(server->port);
    assert_int_equal(raw_ask(idle, STR("GET /show HTTP/1.1\r\nHost: a\r\n\r\n"), &in).status, 200);
    raw_send(busy, STR("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_true(test_reaches(&server->handle_count, 2));
    test_server_call(server, stop_accepting, NULL);
    assert_true(raw_receive_to_end(idle, &in, 5000));
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)server->port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int refused = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(refused, (struct sockaddr *)&address, sizeof address), -1);
    test_server_call(server, reply_held, NULL);
    struct raw_answer answer = raw_ask(busy, (struct str){ 0 }, &in);
    assert_int_equal(answer.status, 200);
    assert_true(str_equal(raw_header(answer.head, "Connection"), STR("close")));
    assert_true(raw_receive_to_end(busy, &in, 5000));
    close(refused);
    close(idle);
    close(busy);
}

/* Slowloris: bytes that keep coming do not extend the deadline. */
static void slow_requests_are_cut_off(void **state)
{
    struct test_server *server = *state;
    static const char *const starts[] = { "GET /show HTTP/1.1\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\n"
        "Content-Length: 1000\r\n\r\n" };
    for (int i = 0; i < 2; i++) {
        AUTO(buf) struct buf in = { 0 };
        int fd = raw_connect(server->port);
        int64_t start_us = test_now_us();
        raw_send(fd, str_of(starts[i]));
        while (test_now_us() - start_us < 5 * US_PER_S && in.size == 0) {
            raw_send(fd, i == 0 ? STR("X") : STR("b"));
            if (raw_receive(fd, &in, 20) == 0)
                break;
        }
        assert_true(test_now_us() - start_us < 2 * US_PER_S);
        assert_int_equal(raw_parse(buf_str(&in), 0, false).status, 408);
        assert_true(raw_receive_to_end(fd, &in, 5000));
        close(fd);
    }
}

/* An answer that nobody reads does not hold its memory for ever; one that is read slowly arrives. */
static void unread_answers_are_cut_off(void **state)
{
    struct test_server *server = *state;
    AUTO(buf) struct buf in = { 0 };
    int fd = raw_connect(server->port);
    raw_send(fd, STR("GET /size?60000000 HTTP/1.1\r\nHost: a\r\n\r\n"));
    test_sleep_ms(1200);
    assert_true(raw_receive_to_end(fd, &in, 2000));
    assert_true(in.size < 60000000); /* what the sockets held */
    close(fd);
}

static void a_delayed_answer_has_no_deadline(void **state)
{
    struct test_server *server = *state;
    AUTO(buf) struct buf in = { 0 };
    int fd = raw_connect(server->port);
    raw_send(fd, STR("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_true(test_reaches(&server->handle_count, 1));
    test_sleep_ms(700);
    test_server_call(server, reply_held, NULL);
    assert_int_equal(raw_ask(fd, (struct str){ 0 }, &in).status, 200);
    close(fd);
}

static void who_idles_longest_makes_room(void **state)
{
    (void)state;
    struct test_server server = { 0 };
    test_server_start(&server, (struct http_server_options){ .connections_max = 3 });
    AUTO(buf) struct buf in = { 0 };
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = raw_connect(server.port);
        assert_int_equal(raw_ask(fds[i], STR("GET /show HTTP/1.1\r\nHost: a\r\n\r\n"), &in).status, 200);
    }
    int late = raw_connect(server.port);
    assert_int_equal(raw_ask(late, STR("GET /show HTTP/1.1\r\nHost: a\r\n\r\n"), &in).status, 200);
    assert_true(raw_receive_to_end(fds[0], &in, 5000));
    assert_int_equal(raw_ask(fds[1], STR("GET /show HTTP/1.1\r\nHost: a\r\n\r\n"), &in).status, 200);
    /* When nobody idles there is no room. */
    raw_send(fds[1], STR("GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"));
    raw_send(fds[2], STR("GET /ha"));
    raw_send(late, STR("GET /ha"));
    assert_true(test_reaches(&server.handle_count, 6));
    test_sleep_ms(20);
    int refused = raw_connect(server.port);
    assert_int_equal(raw_ask(refused, STR("GET /show HTTP/1.1\r\nHost: a\r\n\r\n"), &in).status, 0);
    close(refused);
    close(late);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    test_server_stop(&server);
}

static void who_dawdles_makes_room(void **state)
{
    (void)state;
    struct test_server server = { 0 };
    test_server_start(&server, (struct http_server_options){ .connections_max = 3 });
    AUTO(buf) struct buf in = { 0 };
    int fds[3], status = 0;
    for (int i = 0; i < 3; i++) {
        fds[i] = raw_connect(server.port);
        raw_send(fds[i],
            STR("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"));
        buf_clear(&in);
        assert_true(raw_receive(fds[i], &in, 5000) > 0); /* 100: it waits for the body */
    }
    int64_t start_us = test_now_us();
    while (status != 200 && test_now_us() - start_us < 20 * US_PER_S) {
        int late = raw_connect(server.port);
        status = raw_ask(late, STR("GET /show HTTP/1.1\r\nHost: a\r\n\r\n"), &in).status;
        close(late);
    }
    assert_int_equal(status, 200);
    assert_true(test_now_us() - start_us >= US_PER_S); /* HTTP_SLOW_SECONDS, seen by a coarser clock */
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    test_server_stop(&server);
}

static void one_address_gets_only_its_share(void **state)
{
    (void)state;
    struct test_server server = { 0 };
    test_server_start(&server, (struct http_server_options){ .connections_per_address_max = 2 });
    AUTO(buf) struct buf in = { 0 };
    int first = raw_connect(server.port), second = raw_connect(server.port), third = raw_connect(server.port);
    assert_int_equal(raw_ask(third, STR("GET /show HTTP/1.1\r\nHost: a\r\n\r\n"), &in).status, 0);
    assert_int_equal(raw_ask(second, STR("GET /show HTTP/1.1\r\nHost: a\r\n\r\n"), &in).status, 200);
    close(first);
    test_sleep_ms(20);
    int fourth = raw_connect(server.port);
    assert_int_equal(raw_ask(fourth, STR("GET /show HTTP/1.1\r\nHost: a\r\n\r\n"), &in).status, 200);
    close(second);
    close(third);
    close(fourth);
    test_server_stop(&server);
}

static void listening_needs_a_good_address(void **state)
{
    (void)state;
    static const char *const bad[] = { "", "8473", "localhost:8473", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x",
        "127.0.0.1:65536", "127.0.0.1:-1", "::1:80", "[::1]", "[::1:80", "127.0.0.1:80:80" };
    struct loop *loop;
    struct http_server *server;
    struct http_handler handler = { test_server_on_head, test_server_on_handle, NULL };
    CHECK(loop_new(clock_system(), &loop, why));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct http_server_options options = { .listen = str_of(bad[i]) };
        struct err_info why;
        assert_int_equal(http_server_new(loop, &options, &handler, &server, &why), ERR_INVALID);
        assert_true(str_contains(str_of(why.text), STR("ADDRESS:PORT")));
    }
    struct http_server_options good = { .listen = STR("[::1]:0") };
    CHECK(http_server_new(loop, &good, &handler, &server, why));
    assert_true(str_starts(http_server_address(server), STR("[::1]:")));
    struct http_server_options taken = { .listen = http_server_address(server) };
    struct http_server *second;
    struct err_info why;
    assert_int_equal(http_server_new(loop, &taken, &handler, &second, &why), ERR_IO);
    assert_true(str_contains(str_of(why.text), STR("[::1]")));
    struct http_server_options no_cert = {
        .listen = STR("127.0.0.1:0"), .tls_cert_file = STR("/nowhere"), .tls_key_file = STR("/nowhere")
    };
    assert_int_equal(http_server_new(loop, &no_cert, &handler, &second, &why), ERR_INVALID);
    assert_true(str_contains(str_of(why.text), STR("/nowhere")));
    http_server_free(server);
    loop_free(loop);
}

int main(void)
{
#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define HASTY(test) cmocka_unit_test_setup_teardown(test, setup_hasty, teardown)
    const struct CMUnitTest tests[] = {
        EACH(request_is_shown_and_answered),
        EACH(connection_is_kept_for_many_requests),
        EACH(pieces_make_no_difference),
        EACH(pipelined_requests_are_answered_in_order),
        EACH(half_closed_peer_gets_all_its_answers),
        EACH(malformed_requests_are_refused_and_closed),
        EACH(one_empty_line_before_a_request_is_forgiven),
        EACH(refusals_can_be_shaped_by_the_handler),
        EACH(body_limit_is_exact_and_leaves_the_connection_good),
        EACH(early_reply_leaves_the_connection_good),
        EACH(early_reply_to_a_huge_body_closes),
        EACH(continue_is_said_only_when_the_body_is_wanted),
        EACH(head_gets_a_length_and_no_body),
        EACH(reply_headers_cannot_be_split),
        EACH(http_1_0_and_close_end_the_connection),
        EACH(large_reply_reaches_a_slow_reader),
        EACH(delayed_replies_come_from_other_threads),
        EACH(handler_hears_that_the_peer_is_gone),
        EACH(exchange_stays_good_when_the_peer_is_gone),
        EACH(server_may_go_with_exchanges_open),
        EACH(stopping_finishes_what_is_open),
        HASTY(slow_requests_are_cut_off),
        HASTY(unread_answers_are_cut_off),
        HASTY(a_delayed_answer_has_no_deadline),
        cmocka_unit_test(who_idles_longest_makes_room),
        cmocka_unit_test(who_dawdles_makes_room),
        cmocka_unit_test(one_address_gets_only_its_share),
        cmocka_unit_test(listening_needs_a_good_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
