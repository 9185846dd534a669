/* The server over TLS: with curl, with clients that dawdle, and with ones that speak something else. */
#include "io_helpers.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>

struct fixture {
    struct test_tls tls;
    struct test_server server;
};

static int setup_with(void **state, struct http_server_options options)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    test_tls_make(&fixture->tls);
    options.tls_cert_file = str_of(fixture->tls.cert);
    options.tls_key_file = str_of(fixture->tls.key);
    test_server_start(&fixture->server, options);
    *state = fixture;
    return 0;
}

static int setup(void **state)
{
    return setup_with(state, (struct http_server_options){ 0 });
}

static int setup_hasty(void **state)
{
    return setup_with(state, (struct http_server_options){ .request_timeout_us = 400 * US_PER_MS });
}

static int setup_small(void **state)
{
    return setup_with(state, (struct http_server_options){ .connections_max = 3 });
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    test_server_stop(&fixture->server);
    test_tls_remove(&fixture->tls);
    free(fixture);
    return 0;
}

/* curl's exit status; its output is in `out`. */
static int run_curl(const struct fixture *fixture, const char *options, const char *path, struct buf *out)
{
    char command[500], bytes[4096];
    (void)snprintf(command, sizeof command, "curl -sS %s --max-time 20 https://127.0.0.1:%u%s 2>&1", options,
        fixture->server.port, path);
    FILE *curl = popen(command, "r");
    assert_non_null(curl);
    for (size_t size; (size = fread(bytes, 1, sizeof bytes, curl)) > 0;)
        buf_add(out, (struct str){ bytes, size });
    return pclose(curl) >> 8;
}

static void curl_gets_its_answers(void **state)
{
    struct fixture *fixture = *state;
    AUTO(buf) struct buf out = { 0 };
    char options[300];
    (void)snprintf(options, sizeof options, "--cacert %s", fixture->tls.ca);
    assert_int_equal(run_curl(fixture, options, "/show", &out), 0);
    assert_string_equal(out.data,
        "GET|/show|||"
        "|127.0.0.1");
    buf_clear(&out);
    (void)snprintf(
        options, sizeof options, "--cacert %s --tlsv1.2 --tls-max 1.2 -d some-body", fixture->tls.ca);
    assert_int_equal(run_curl(fixture, options, "/echo", &out), 0);
    assert_string_equal(out.data, "some-body");
    buf_clear(&out);
    (void)snprintf(options, sizeof options, "--cacert %s -o /dev/null -w %%{http_version},%%{size_download}",
        fixture->tls.ca);
    assert_int_equal(run_curl(fixture, options, "/size?3000000", &out), 0);
    assert_string_equal(out.data, "1.1,3000000");
    buf_clear(&out);
    assert_int_equal(run_curl(fixture, "", "/show", &out), 60); /* without the CA: not trusted */
    buf_clear(&out);
    assert_int_not_equal(
        run_curl(fixture, "-k --tlsv1.0 --tls-max 1.1 --ciphers DEFAULT:@SECLEVEL=0", "/show", &out), 0);
}

static int connect_tls(const struct fixture *fixture, SSL_CTX **context, SSL **ssl)
{
    int fd = raw_connect(fixture->server.port);
    *context = SSL_CTX_new(TLS_client_method());
    *ssl = SSL_new(*context);
    SSL_set_fd(*ssl, fd);
    assert_int_equal(SSL_connect(*ssl), 1);
    return fd;
}

static void close_tls(int fd, SSL_CTX *context, SSL *ssl)
{
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(fd);
}

static void pieces_of_records_make_no_difference(void **state)
{
    struct fixture *fixture = *state;
    static const char request[] = "GET /show?a HTTP/1.1\r\nHost: x\r\n\r\n";
    char answer[2000];
    SSL_CTX *context;
    SSL *ssl;
    int fd = connect_tls(fixture, &context, &ssl);
    for (size_t i = 0; i < sizeof request - 1; i++) /* a record a byte */
        assert_int_equal(SSL_write(ssl, request + i, 1), 1);
    int size = SSL_read(ssl, answer, sizeof answer - 1);
    assert_true(size > 0);
    answer[size] = '\0';
    assert_int_equal(strncmp(answer, "HTTP/1.1 200 ", 13), 0);
    close_tls(fd, context, ssl);
}

static void smuggling_is_refused_inside_tls_too(void **state)
{
    struct fixture *fixture = *state;
    static const char request[] =
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked"
        "\r\n\r\n0\r\n\r\nGET /show HTTP/1.1\r\nHost: x\r\n\r\n";
    char answer[4000] = "";
    int size = 0, got;
    SSL_CTX *context;
    SSL *ssl;
    int fd = connect_tls(fixture, &context, &ssl);
    assert_int_equal(SSL_write(ssl, request, sizeof request - 1), (int)sizeof request - 1);
    while ((got = SSL_read(ssl, answer + size, (int)sizeof answer - 1 - size)) > 0)
        size += got;
    answer[size] = '\0';
    assert_int_equal(strncmp(answer, "HTTP/1.1 400 ", 13), 0);
    assert_null(strstr(answer + 13, "HTTP/1.1 "));
    assert_int_equal(
        SSL_get_error(ssl, got), SSL_ERROR_ZERO_RETURN); /* it said goodbye: nothing was cut off */
    assert_int_equal(fixture->server.handle_count, 0);
    close_tls(fd, context, ssl);
}

static void slow_handshakes_are_cut_off(void **state)
{
    struct fixture *fixture = *state;
    /* The head of a ClientHello record that never ends; nothing at all; a byte now and then. */
    static const char hello[] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";
    for (int kind = 0; kind < 3; kind++) {
        AUTO(buf) struct buf in = { 0 };
        int fd = raw_connect(fixture->server.port);
        int64_t start_us = test_now_us();
        if (kind != 1)
            raw_send(fd, (struct str){ hello, sizeof hello - 1 });
        int got = -1;
        while (got < 0 && test_now_us() - start_us < 10 * US_PER_S) {
            if (kind == 2)
                raw_send(fd, STR("x"));
            got = raw_receive(fd, &in, 20);
        }
        assert_int_equal(got, 0); /* closed */
        assert_true(test_now_us() - start_us >= 300 * US_PER_MS && test_now_us() - start_us < 5 * US_PER_S);
        close(fd);
    }
    SSL_CTX *context; /* who is through with it may idle longer */
    SSL *ssl;
    int fd = connect_tls(fixture, &context, &ssl);
    test_sleep_ms(900);
    static const char request[] = "GET /show HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_int_equal(SSL_write(ssl, request, sizeof request - 1), (int)sizeof request - 1);
    char answer[2000];
    assert_true(SSL_read(ssl, answer, sizeof answer) > 0);
    close_tls(fd, context, ssl);
}

static void other_protocols_are_cut_off(void **state)
{
    struct fixture *fixture = *state;
    static char noise[70000];
    memset(noise, 0xa5, sizeof noise);
    const struct str openings[] = { STR("GET /show HTTP/1.1\r\nHost: a\r\n\r\n"), STR("SSH-2.0-x\r\n"),
        { noise, sizeof noise }, STR("\x16\x03\x01\xff\xff"), STR("\x80\x2e\x01\x00\x02") };
    for (size_t i = 0; i < sizeof openings / sizeof openings[0]; i++) {
        AUTO(buf) struct buf in = { 0 };
        int fd = raw_connect(fixture->server.port);
        raw_send(fd, openings[i]);
        shutdown(fd, SHUT_WR);
        assert_true(raw_receive_to_end(fd, &in, 10000));
        assert_true(in.size < 20); /* an alert at most */
        close(fd);
    }
    assert_int_equal(fixture->server.head_count, 0);
    AUTO(buf) struct buf out = { 0 };
    assert_int_equal(run_curl(fixture, "-k", "/show", &out), 0); /* it still serves */
}

static void unfinished_handshakes_make_room(void **state)
{
    struct fixture *fixture = *state;
    AUTO(buf) struct buf out = { 0 };
    int fds[3];
    for (int i = 0; i < 3; i++)
        fds[i] = raw_connect(fixture->server.port);
    int status = -1;
    int64_t start_us = test_now_us();
    while (
        status != 0 && test_now_us() - start_us < 20 * US_PER_S) { /* once they have had HTTP_SLOW_SECONDS */
        buf_clear(&out);
        status = run_curl(fixture, "-k", "/show", &out);
    }
    assert_int_equal(status, 0);
    assert_true(test_now_us() - start_us >= US_PER_S);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}

static void files_that_do_not_fit_are_told(void **state)
{
    struct fixture *fixture = *state;
    struct test_tls other;
    struct loop *loop;
    struct http_server *server;
    test_tls_make(&other);
    CHECK(loop_new(clock_system(), &loop, why));
    struct err_info why = { 0 };
    const struct http_server_options cases[] = {
        { .tls_cert_file = str_of(fixture->tls.cert), .tls_key_file = str_of(other.key) },
        { .tls_cert_file = str_of(fixture->tls.key), .tls_key_file = str_of(fixture->tls.key) },
        { .tls_cert_file = str_of(fixture->tls.cert), .tls_key_file = STR("/nowhere/key.pem") },
        { .tls_cert_file = str_of(fixture->tls.cert) },
        { .tls_cert_file = STR("/nowhere/cert.pem"), .tls_key_file = str_of(fixture->tls.key) },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct http_server_options options = cases[i];
        options.listen = STR("127.0.0.1:0");
        assert_int_equal(
            http_server_new(loop, &options, &fixture->server.handler, &server, &why), ERR_INVALID);
        assert_string_equal(why.name, "tls_file");
    }
    loop_free(loop);
    test_tls_remove(&other);
}

#define EACH(test, setup) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(curl_gets_its_answers, setup),
        EACH(pieces_of_records_make_no_difference, setup),
        EACH(smuggling_is_refused_inside_tls_too, setup),
        EACH(slow_handshakes_are_cut_off, setup_hasty),
        EACH(other_protocols_are_cut_off, setup),
        EACH(unfinished_handshakes_make_room, setup_small),
        EACH(files_that_do_not_fit_are_told, setup),
    };
    (void)signal(SIGPIPE, SIG_IGN); /* OpenSSL writes without MSG_NOSIGNAL */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
