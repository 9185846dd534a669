/* For the tests of io: a server on a thread of its own, plain sockets to talk to it, and a scripted peer. */
#ifndef TOCSIN_TESTS_IO_HELPERS_H
#define TOCSIN_TESTS_IO_HELPERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/limits.h"
#include "io/http_server.h"

#define UNUSED __attribute__((unused))

/* Fails the test with why's text. */
#define CHECK(call) \
    do { \
        struct err_info check_why_ = { 0 }; \
        struct err_info *why = &check_why_; \
        if ((call) != ERR_OK) \
            fail_msg("%s: %s", #call, why->text); \
    } while (0)

UNUSED static int64_t test_now_us(void)
{
    return clock_monotonic_us(clock_system());
}

UNUSED static void test_sleep_ms(unsigned ms)
{
    (void)usleep(ms * 1000);
}

/* Plain sockets. */

UNUSED static int raw_connect(unsigned port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* else small pieces wait 40 ms */
    return fd;
}

/* What does not go out because the peer has closed is not this function's business. */
UNUSED static void raw_send(int fd, struct str bytes)
{
    while (bytes.size > 0) {
        ssize_t sent = send(fd, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes = str_slice(bytes, (size_t)sent, bytes.size);
    }
}

/* One receive: bytes appended, 0 at the end of the connection, -1 after `wait_ms` of silence. */
UNUSED static int raw_receive(int fd, struct buf *into, int wait_ms)
{
    struct pollfd poll_fd = { fd, POLLIN, 0 };
    if (poll(&poll_fd, 1, wait_ms) <= 0)
        return -1;
    char bytes[65536];
    ssize_t size = recv(fd, bytes, sizeof bytes, 0);
    if (size <= 0)
        return 0;
    buf_add(into, (struct str){ bytes, (size_t)size });
    return (int)size;
}

/* True when the peer has closed; false after `wait_ms` of silence. */
UNUSED static bool raw_receive_to_end(int fd, struct buf *into, int wait_ms)
{
    int size;
    do {
        size = raw_receive(fd, into, wait_ms);
    } while (size > 0);
    return size == 0;
}

struct raw_answer {
    int status; /* 0: none came */
    struct str head, body; /* in the buffer */
    size_t size; /* of both in the buffer */
};

UNUSED static struct str raw_header(struct str head, const char *name)
{
    char wanted[80];
    (void)snprintf(wanted, sizeof wanted, "\r\n%s: ", name);
    ptrdiff_t at = str_find(head, str_of(wanted), 0);
    if (at < 0)
        return (struct str){ 0 };
    size_t from = (size_t)at + strlen(wanted);
    return str_slice(head, from, (size_t)str_find(head, STR("\r\n"), from));
}

/* Cuts the answer that starts at `from`; status 0 when it is not complete. */
UNUSED static struct raw_answer raw_parse(struct str bytes, size_t from, bool is_head)
{
    struct raw_answer answer = { 0 };
    ptrdiff_t end = str_find(bytes, STR("\r\n\r\n"), from);
    uint64_t length = 0;
    if (end < 0)
        return answer;
    struct str head = str_slice(bytes, from, (size_t)end + 4);
    if (!is_head)
        (void)str_to_uint(raw_header(head, "Content-Length"), &length);
    if (bytes.size - from < head.size + length)
        return answer;
    answer.head = head;
    answer.body = str_slice(bytes, from + head.size, from + head.size + length);
    answer.size = head.size + length;
    answer.status = atoi(head.data + 9);
    return answer;
}

/* Sends, then waits for one whole answer. Status 0 when the peer closes or `wait_ms` pass without one. */
UNUSED static struct raw_answer raw_ask_for(int fd, struct str bytes, struct buf *into, int wait_ms)
{
    raw_send(fd, bytes);
    struct raw_answer answer = raw_parse(buf_str(into), 0, str_starts(bytes, STR("HEAD ")));
    while (answer.status == 0 && raw_receive(fd, into, wait_ms) > 0)
        answer = raw_parse(buf_str(into), 0, str_starts(bytes, STR("HEAD ")));
    return answer;
}

UNUSED static struct raw_answer raw_ask(int fd, struct str bytes, struct buf *into)
{
    buf_clear(into);
    return raw_ask_for(fd, bytes, into, 5000);
}

/* A server with a handler that a test can steer by paths; all but /show take BODY_MAX bytes:
 *   /echo  the body comes back                           /show  method, path, query, headers; takes no body
 *   /404   answered from head                            /head-stream  streams from head
 *   /later answered by a thread, 10 ms later             /never kept; counts aborts
 *   /hold  kept without an abort hook                    /stream  three pieces, then the end
 *   /events  kept streaming; test_server_post writes     /size?N  N bytes
 *   /redirect?status=302&to=URL                          /secrets  headers that must not cross, and the body
 */
#define BODY_MAX 100000

struct test_server {
    struct http_handler handler;
    struct loop *loop;
    struct http_server *server;
    pthread_t thread;
    unsigned port;
    atomic_uint head_count, handle_count, abort_count, closed_count;
    struct http_exchange *_Atomic held;
    size_t pending_max;
    bool shapes_refusals;
};

/* A certificate for 127.0.0.1 under a CA of its own, made by the openssl command in a fresh folder. */
struct test_tls {
    char folder[64];
    char ca[96], cert[96], key[96];
};

UNUSED static void test_tls_make(struct test_tls *tls)
{
    static const char *const files[] = { "ca.pem", "cert.pem", "key.pem" };
    char *const names[] = { tls->ca, tls->cert, tls->key };
    char command[1500];
    (void)snprintf(tls->folder, sizeof tls->folder, "/tmp/test_io_tls.XXXXXX");
    assert_non_null(mkdtemp(tls->folder));
    for (int i = 0; i < 3; i++)
        (void)snprintf(names[i], 96, "%s/%s", tls->folder, files[i]);
    (void)snprintf(command, sizeof command,
        "cd %s && { openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-subj /CN=test-ca -keyout ca.key -out ca.pem && "
        "openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=test "
        "-keyout key.pem -out cert.csr && echo subjectAltName=IP:127.0.0.1 > ext && "
        "openssl x509 -req -in cert.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext "
        "-out cert.pem; } >/dev/null 2>&1",
        tls->folder);
    assert_int_equal(system(command), 0);
}

UNUSED static void test_tls_remove(struct test_tls *tls)
{
    char command[120];
    (void)snprintf(command, sizeof command, "rm -rf %s", tls->folder);
    assert_int_equal(system(command), 0);
}

struct test_later {
    struct loop_job job;
    struct loop *loop;
    struct http_exchange *exchange;
};

UNUSED static void test_later_reply(struct loop_job *job)
{
    struct test_later *later = (struct test_later *)(void *)job;
    http_reply(later->exchange, 200, NULL, 0, STR("later"));
    free(later);
}

UNUSED static void *test_later_thread(void *argument)
{
    struct test_later *later = argument;
    test_sleep_ms(10);
    loop_post(later->loop, &later->job);
    return NULL;
}

UNUSED static void test_server_later(struct test_server *server, struct http_exchange *exchange)
{
    struct test_later *later = calloc(1, sizeof *later);
    *later = (struct test_later){ { test_later_reply, NULL }, server->loop, exchange };
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, test_later_thread, later), 0);
    pthread_detach(thread);
}

UNUSED static void test_server_on_abort(void *context)
{
    struct test_server *server = context;
    server->held = NULL;
    server->abort_count++;
}

UNUSED static void test_server_on_closed(void *context)
{
    struct test_server *server = context;
    server->held = NULL;
    server->closed_count++;
}

UNUSED static void test_server_begin_stream(struct test_server *server, struct http_exchange *exchange)
{
    struct http_header type = { STR("Content-Type"), STR("text/event-stream") };
    server->held = exchange;
    CHECK(
        http_stream_begin(exchange, 200, &type, 1, server->pending_max, test_server_on_closed, server, why));
}

UNUSED static void test_server_on_head(
    struct http_handler *handler, struct http_exchange *exchange, size_t *ret_body_bytes_max)
{
    struct test_server *server = (struct test_server *)(void *)handler;
    struct http_header type = { STR("Content-Type"), STR("text/plain") };
    server->head_count++;
    if (str_equal(http_path(exchange), STR("/404")))
        http_reply(exchange, 404, &type, 1, STR("no such thing"));
    else if (str_equal(http_path(exchange), STR("/head-stream")))
        test_server_begin_stream(server, exchange);
    else if (!str_equal(http_path(exchange), STR("/show")))
        *ret_body_bytes_max = BODY_MAX;
}

UNUSED static void test_server_show(struct http_exchange *exchange)
{
    struct str value = { 0 };
    AUTO(buf) struct buf out = { 0 };
    bool has_value = http_query_find(exchange, "key", &value);
    buf_printf(&out, "%.*s|%.*s|%.*s|%s%.*s|%.*s|%.*s", STR_ARG(http_method(exchange)),
        STR_ARG(http_path(exchange)), STR_ARG(http_query(exchange)), has_value ? "=" : "", STR_ARG(value),
        STR_ARG(http_header_get(exchange, "X-Test")), STR_ARG(http_remote(exchange)));
    http_reply(exchange, 200, NULL, 0, buf_str(&out));
}

UNUSED static void test_server_stream(struct test_server *server, struct http_exchange *exchange)
{
    test_server_begin_stream(server, exchange);
    CHECK(http_stream_write(exchange, STR("one\n"), why));
    CHECK(http_stream_write(exchange, STR("two\n"), why));
    CHECK(http_stream_write(exchange, STR("three\n"), why));
    http_stream_end(exchange);
}

UNUSED static void test_server_size(struct http_exchange *exchange)
{
    uint64_t size = 0;
    (void)str_to_uint(http_query(exchange), &size);
    char *bytes = malloc(size + 1);
    memset(bytes, 'x', size);
    http_reply(exchange, 200, NULL, 0, (struct str){ bytes, size });
    free(bytes);
}

UNUSED static void test_server_redirect(struct http_exchange *exchange)
{
    struct str to = { 0 }, status = STR("302");
    if (!http_query_find(exchange, "to", &to))
        to = STR("/redirect"); /* round and round */
    (void)http_query_find(exchange, "status", &status);
    struct http_header location = { STR("Location"), to };
    http_reply(exchange, atoi(status.data), &location, 1, STR("elsewhere"));
}

UNUSED static void test_server_secrets(struct http_exchange *exchange)
{
    AUTO(buf) struct buf out = { 0 };
    buf_printf(&out, "%.*s|%.*s|%.*s|%.*s|%.*s|", STR_ARG(http_method(exchange)),
        STR_ARG(http_header_get(exchange, "Authorization")), STR_ARG(http_header_get(exchange, "X-Api-Key")),
        STR_ARG(http_header_get(exchange, "Accept")), STR_ARG(http_header_get(exchange, "Cookie")));
    buf_add(&out, http_body(exchange));
    http_reply(exchange, 200, NULL, 0, buf_str(&out));
}

UNUSED static void test_server_on_handle(struct http_handler *handler, struct http_exchange *exchange)
{
    struct test_server *server = (struct test_server *)(void *)handler;
    struct str path = http_path(exchange);
    server->handle_count++;
    if (str_equal(path, STR("/show"))) {
        test_server_show(exchange);
    } else if (str_equal(path, STR("/later"))) {
        test_server_later(server, exchange);
    } else if (str_equal(path, STR("/never"))) {
        server->held = exchange;
        http_on_abort(exchange, test_server_on_abort, server);
    } else if (str_equal(path, STR("/hold"))) {
        server->held = exchange;
    } else if (str_equal(path, STR("/stream"))) {
        test_server_stream(server, exchange);
    } else if (str_equal(path, STR("/events"))) {
        test_server_begin_stream(server, exchange);
    } else if (str_equal(path, STR("/size"))) {
        test_server_size(exchange);
    } else if (str_equal(path, STR("/split"))) {
        struct http_header bad[] = { { STR("X-A"), STR("a\r\nX-Evil: 1") },
            { STR("Content-Length"), STR("99") } };
        http_reply(exchange, 200, bad, 2, STR("body"));
    } else if (str_equal(path, STR("/redirect"))) {
        test_server_redirect(exchange);
    } else if (str_equal(path, STR("/secrets"))) {
        test_server_secrets(exchange);
    } else if (str_equal(path, STR("/204"))) {
        http_reply(exchange, 204, NULL, 0, STR("must not be sent"));
    } else {
        http_reply(exchange, 200, NULL, 0, http_body(exchange));
    }
}

UNUSED static void test_server_on_refused(struct http_handler *handler, int status, const char *reason,
    struct arena *arena, struct str *ret_body, struct str *ret_content_type)
{
    struct test_server *server = (struct test_server *)(void *)handler;
    if (!server->shapes_refusals)
        return;
    (void)reason;
    CHECK(arena_printf(arena, ret_body, why, "{\"status\":%d}", status));
    *ret_content_type = STR("application/problem+json");
}

UNUSED static void *test_server_thread(void *argument)
{
    struct test_server *server = argument;
    loop_run(server->loop);
    return NULL;
}

UNUSED static void test_server_start(struct test_server *server, struct http_server_options options)
{
    server->handler = (struct http_handler){ test_server_on_head, test_server_on_handle,
        test_server_on_refused };
    if (server->pending_max == 0)
        server->pending_max = MIB;
    if (options.listen.size == 0)
        options.listen = STR("127.0.0.1:0");
    CHECK(loop_new(clock_system(), &server->loop, why));
    CHECK(http_server_new(server->loop, &options, &server->handler, &server->server, why));
    server->port = (unsigned)atoi(strrchr(http_server_address(server->server).data, ':') + 1);
    assert_int_equal(pthread_create(&server->thread, NULL, test_server_thread, server), 0);
}

/* Runs on the server's loop; returns when it has run. */
struct test_call {
    struct loop_job job;
    struct test_server *server;
    void (*run)(struct test_server *server, void *context);
    void *context;
    atomic_bool is_done;
};

UNUSED static void test_call_run(struct loop_job *job)
{
    struct test_call *call = (struct test_call *)(void *)job;
    call->run(call->server, call->context);
    call->is_done = true;
}

UNUSED static void test_server_call(
    struct test_server *server, void (*run)(struct test_server *server, void *context), void *context)
{
    struct test_call call = { { test_call_run, NULL }, server, run, context, false };
    loop_post(server->loop, &call.job);
    while (!call.is_done)
        test_sleep_ms(1);
}

UNUSED static void test_server_free_it(struct test_server *server, void *context)
{
    (void)context;
    http_server_free(server->server);
    loop_stop(server->loop);
}

UNUSED static void test_server_stop(struct test_server *server)
{
    test_server_call(server, test_server_free_it, NULL);
    pthread_join(server->thread, NULL);
    loop_free(server->loop);
}

/* Waits up to five seconds for a count that another thread moves. */
UNUSED static bool test_reaches(atomic_uint *count, unsigned wanted)
{
    for (unsigned i = 0; i < 1000 && *count < wanted; i++)
        test_sleep_ms(5);
    return *count == wanted;
}

#endif
