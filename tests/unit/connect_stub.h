/* A tool to call: a small HTTP server on loopback, on a thread of its own, that answers by rules, keeps what
 * it was asked, and misbehaves where a rule says so. It takes many connections at a time. */
#ifndef TOCSIN_TESTS_CONNECT_STUB_H
#define TOCSIN_TESTS_CONNECT_STUB_H

#include "io_helpers.h"

enum stub_then {
    STUB_KEEP, /* the connection stays for the next request */
    STUB_CLOSE,
    STUB_RESET,
    STUB_HOLD, /* says nothing more, and keeps the connection */
    STUB_FLOOD, /* the answer, then `answer`'s last byte for ever */
    STUB_DRIP, /* one byte of the answer every `wait_ms`, the last one for ever */
};

struct stub_rule {
    char target[200]; /* what the request line begins with; empty: any request */
    char *answer; /* raw; NULL: nothing */
    size_t answer_size;
    unsigned times; /* left to be used; 0: always */
    bool is_used_up;
    enum stub_then then;
    unsigned wait_ms;
};

#define STUB_RULES_MAX 64
#define STUB_REQUESTS_MAX 256
#define STUB_CONNECTIONS_MAX 64

struct stub_connection {
    int fd;
    struct buf in;
    struct stub_rule busy; /* FLOOD, DRIP, HOLD: a copy, since rules are cleared meanwhile */
    bool is_busy;
    size_t sent; /* of DRIP */
    int64_t next_us;
};

struct stub {
    int listener, stop[2];
    unsigned port;
    pthread_t thread;
    pthread_mutex_t mutex;
    struct stub_rule rules[STUB_RULES_MAX];
    unsigned rule_count;
    char *requests[STUB_REQUESTS_MAX]; /* whole: head and body */
    unsigned request_count;
    atomic_uint connection_count, dropped_count;
    char **old_answers; /* of cleared rules: the thread may be sending them */
    size_t old_answer_count;
    struct stub_connection connections[STUB_CONNECTIONS_MAX];
    unsigned open_count;
};

/* ---- rules ---- */

/* The first rule that fits and is not used up answers. Returned for `times`, `then`, `wait_ms`. */
UNUSED static struct stub_rule *stub_add_raw(
    struct stub *stub, const char *target, const char *answer, size_t answer_size)
{
    assert_true(stub->rule_count < STUB_RULES_MAX);
    pthread_mutex_lock(&stub->mutex);
    struct stub_rule *rule = &stub->rules[stub->rule_count];
    *rule = (struct stub_rule){ .answer_size = answer_size };
    (void)snprintf(rule->target, sizeof rule->target, "%s", target);
    if (answer) {
        rule->answer = malloc(answer_size + 1);
        memcpy(rule->answer, answer, answer_size);
    }
    stub->rule_count++;
    pthread_mutex_unlock(&stub->mutex);
    return rule;
}

/* `headers`: whole lines, each with CRLF; Content-Type is JSON unless they name one. */
UNUSED static struct stub_rule *stub_add(
    struct stub *stub, const char *target, int status, const char *headers, const char *body)
{
    AUTO(buf) struct buf answer = { 0 };
    bool has_type = strcasestr(headers, "Content-Type:") != NULL;
    buf_printf(&answer, "HTTP/1.1 %d Status\r\nContent-Length: %zu\r\n%s%s\r\n%s", status, strlen(body),
        has_type ? "" : "Content-Type: application/json\r\n", headers, body);
    return stub_add_raw(stub, target, answer.data, answer.size);
}

UNUSED static struct stub_rule *stub_json(struct stub *stub, const char *target, const char *body)
{
    return stub_add(stub, target, 200, "", body);
}

UNUSED static void stub_clear(struct stub *stub)
{
    pthread_mutex_lock(&stub->mutex);
    stub->old_answers = realloc(
        stub->old_answers, (stub->old_answer_count + STUB_RULES_MAX) * sizeof *stub->old_answers);
    for (unsigned i = 0; i < stub->rule_count; i++)
        stub->old_answers[stub->old_answer_count++] = stub->rules[i].answer;
    for (unsigned i = 0; i < stub->request_count; i++)
        free(stub->requests[i]);
    stub->rule_count = stub->request_count = 0;
    pthread_mutex_unlock(&stub->mutex);
}

/* ---- what it was asked ---- */

UNUSED static unsigned stub_request_count(struct stub *stub)
{
    pthread_mutex_lock(&stub->mutex);
    unsigned count = stub->request_count;
    pthread_mutex_unlock(&stub->mutex);
    return count;
}

/* Borrowed until stub_clear. */
UNUSED static const char *stub_request(struct stub *stub, unsigned index)
{
    pthread_mutex_lock(&stub->mutex);
    const char *request = index < stub->request_count ? stub->requests[index] : NULL;
    pthread_mutex_unlock(&stub->mutex);
    assert_non_null(request);
    return request;
}

UNUSED static const char *stub_last_request(struct stub *stub)
{
    return stub_request(stub, stub_request_count(stub) - 1);
}

UNUSED static void assert_request_has(const char *request, const char *text)
{
    if (!strstr(request, text))
        fail_msg("no \"%s\" in: %s", text, request ? request : "");
}

UNUSED static void assert_request_lacks(const char *request, const char *text)
{
    if (strstr(request, text))
        fail_msg("\"%s\" is in: %s", text, request ? request : "");
}

/* ---- the thread ---- */

static struct stub_rule *stub_find_rule(struct stub *stub, const char *request)
{
    for (unsigned i = 0; i < stub->rule_count; i++) {
        struct stub_rule *rule = &stub->rules[i];
        if (rule->is_used_up || strncmp(request, rule->target, strlen(rule->target)) != 0)
            continue;
        if (rule->times && --rule->times == 0)
            rule->is_used_up = true;
        return rule;
    }
    return NULL;
}

static void stub_drop(struct stub *stub, struct stub_connection *connection, bool is_hard)
{
    struct linger hard = { 1, 0 };
    if (is_hard)
        setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(connection->fd);
    buf_done(&connection->in);
    *connection = stub->connections[--stub->open_count];
    stub->dropped_count++;
}

/* The size of the first whole request in `in`; 0: not there yet. */
static size_t stub_request_size(const struct buf *in)
{
    const char *end = in->size ? strstr(in->data, "\r\n\r\n") : NULL;
    if (!end)
        return 0;
    const char *length = strcasestr(in->data, "\r\nContent-Length: ");
    size_t size = (size_t)(end - in->data) + 4 +
        (length && length < end ? (size_t)atoi(length + strlen("\r\nContent-Length: ")) : 0);
    return in->size >= size ? size : 0;
}

static void stub_keep_request(struct stub *stub, struct str request)
{
    if (stub->request_count == STUB_REQUESTS_MAX)
        return;
    char *copy = malloc(request.size + 1);
    memcpy(copy, request.data, request.size);
    copy[request.size] = '\0';
    stub->requests[stub->request_count++] = copy;
}

/* False when the connection is gone. */
static bool stub_answer(struct stub *stub, struct stub_connection *connection, size_t request_size)
{
    pthread_mutex_lock(&stub->mutex);
    stub_keep_request(stub, (struct str){ connection->in.data, request_size });
    const struct stub_rule *found = stub_find_rule(stub, connection->in.data);
    struct stub_rule rule = found ? *found : (struct stub_rule){ 0 };
    pthread_mutex_unlock(&stub->mutex);
    struct buf rest = { 0 };
    buf_add(&rest, (struct str){ connection->in.data + request_size, connection->in.size - request_size });
    buf_done(&connection->in);
    connection->in = rest;
    if (!found) {
        stub_drop(stub, connection, false);
        return false;
    }
    if (rule.answer && rule.then != STUB_DRIP)
        raw_send(connection->fd, (struct str){ rule.answer, rule.answer_size });
    if (rule.then == STUB_CLOSE || rule.then == STUB_RESET) {
        stub_drop(stub, connection, rule.then == STUB_RESET);
        return false;
    }
    connection->is_busy = rule.then != STUB_KEEP;
    connection->busy = rule;
    return true;
}

static void stub_read(struct stub *stub, struct stub_connection *connection)
{
    char bytes[16384];
    ssize_t got = recv(connection->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (got <= 0) {
        stub_drop(stub, connection, false);
        return;
    }
    buf_add(&connection->in, (struct str){ bytes, (size_t)got });
    for (size_t size; !connection->is_busy && (size = stub_request_size(&connection->in)) > 0;) {
        if (!stub_answer(stub, connection, size))
            return;
    }
}

/* FLOOD and DRIP go on. */
static void stub_go_on(struct stub *stub, struct stub_connection *connection, int64_t now_us)
{
    static char flood[65536];
    const struct stub_rule *rule = &connection->busy;
    size_t last = rule->answer_size - 1;
    if (rule->then == STUB_FLOOD) {
        memset(flood, rule->answer[last], sizeof flood);
        ssize_t sent = send(connection->fd, flood, sizeof flood, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN)
            stub_drop(stub, connection, false);
        return;
    }
    if (now_us < connection->next_us)
        return;
    size_t at = connection->sent < last ? connection->sent++ : last;
    connection->next_us = now_us + (int64_t)rule->wait_ms * US_PER_MS;
    if (send(connection->fd, rule->answer + at, 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        stub_drop(stub, connection, false);
}

static void stub_accept(struct stub *stub)
{
    int fd = accept4(stub->listener, NULL, NULL, SOCK_CLOEXEC), on = 1;
    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    stub->connection_count++;
    stub->connections[stub->open_count++] = (struct stub_connection){ .fd = fd };
}

static void *stub_thread(void *argument)
{
    struct stub *stub = argument;
    for (;;) {
        struct pollfd fds[STUB_CONNECTIONS_MAX + 2] = { { stub->stop[0], POLLIN, 0 },
            { stub->open_count < STUB_CONNECTIONS_MAX ? stub->listener : -1, POLLIN, 0 } };
        unsigned count = stub->open_count;
        int wait_ms = -1;
        for (unsigned i = 0; i < count; i++) {
            const struct stub_connection *at = &stub->connections[i];
            bool floods = at->is_busy && at->busy.then == STUB_FLOOD;
            fds[i + 2] = (struct pollfd){ stub->connections[i].fd, (short)(floods ? POLLOUT : POLLIN), 0 };
            if (at->is_busy && at->busy.then == STUB_DRIP)
                wait_ms = 1;
        }
        (void)poll(fds, count + 2, wait_ms);
        if (fds[0].revents)
            return NULL;
        for (unsigned i = count; i-- > 0;) { /* from the end: a drop moves the last one here */
            struct stub_connection *connection = &stub->connections[i];
            if (fds[i + 2].revents & (POLLIN | POLLHUP | POLLERR))
                stub_read(stub, connection);
            else if (connection->is_busy && connection->busy.then >= STUB_FLOOD)
                stub_go_on(stub, connection, test_now_us());
        }
        if (fds[1].revents)
            stub_accept(stub);
    }
}

UNUSED static void stub_start(struct stub *stub)
{
    struct sockaddr_in address = { .sin_family = AF_INET };
    socklen_t size = sizeof address;
    memset(stub, 0, sizeof *stub);
    pthread_mutex_init(&stub->mutex, NULL);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    stub->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(stub->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(stub->listener, 128), 0);
    assert_int_equal(getsockname(stub->listener, (struct sockaddr *)&address, &size), 0);
    stub->port = ntohs(address.sin_port);
    assert_int_equal(pipe(stub->stop), 0);
    assert_int_equal(pthread_create(&stub->thread, NULL, stub_thread, stub), 0);
}

UNUSED static void stub_stop(struct stub *stub)
{
    close(stub->stop[1]);
    pthread_join(stub->thread, NULL);
    while (stub->open_count)
        stub_drop(stub, &stub->connections[0], false);
    stub_clear(stub);
    for (size_t i = 0; i < stub->old_answer_count; i++)
        free(stub->old_answers[i]);
    free(stub->old_answers);
    close(stub->stop[0]);
    close(stub->listener);
    pthread_mutex_destroy(&stub->mutex);
}

#endif
