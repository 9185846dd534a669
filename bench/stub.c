/* The tools that playbooks call in benches and crash tests: an HTTP server of one thread that counts.
 *
 *   stub [--port 0]
 *
 * Prints `listening PORT`. What a call does stands in its path; all others are answered at once with 600
 * bytes of JSON:
 *   /slow/MS/…     answered after MS milliseconds
 *   /fail/CODE/…   answered with this status
 *   /once/CODE/…   the first call to this path is answered with this status, the later ones with 200
 *   /drop/…        read, counted, and then the connection is closed without an answer
 *   /seen/PATH     {"seen":true,"count":N}: how often /PATH took effect (a probe)
 *   /calls         all of them as lines `COUNT EFFECTS METHOD PATH KEY`
 *   /forget        forgets all of them
 * A call with an Idempotency-Key takes effect once, however often it comes; one without, each time. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_BYTES_MAX 65536
#define NAME_BYTES_MAX 512
#define ANSWER_BODY_BYTES 600

struct call {
    struct call *next;
    uint64_t hash;
    unsigned count, effects;
    char text[]; /* METHOD PATH KEY */
};

struct connection {
    struct connection *next_due; /* of those that wait for their time */
    int fd;
    bool is_waiting, is_closed;
    int64_t due_us;
    int status;
    char in[REQUEST_BYTES_MAX];
    size_t got;
};

struct stub {
    int epoll, listener;
    struct call **table;
    size_t mask, count;
    struct connection *waiting;
    struct connection *closed;
};

struct request {
    char method[16], path[NAME_BYTES_MAX], key[NAME_BYTES_MAX];
    size_t size; /* head and body */
};

__attribute__((noreturn)) static void die(const char *doing)
{
    fprintf(stderr, "stub: %s: %s\n", doing, strerror(errno));
    exit(2);
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- what was called ---- */

static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 29;
}

static void table_grow(struct stub *stub)
{
    size_t room = stub->table ? (stub->mask + 1) * 2 : 1024;
    struct call **fresh = calloc(room, sizeof(struct call *));
    if (!fresh)
        die("calls");
    for (size_t i = 0; stub->table && i <= stub->mask; i++) {
        for (struct call *call = stub->table[i], *next; call; call = next) {
            next = call->next;
            call->next = fresh[call->hash & (room - 1)];
            fresh[call->hash & (room - 1)] = call;
        }
    }
    free(stub->table);
    stub->table = fresh;
    stub->mask = room - 1;
}

static struct call *call_get(struct stub *stub, const struct request *request)
{
    char text[sizeof(*request)];
    int size = snprintf(text, sizeof(text), "%s %s %s", request->method, request->path, request->key);
    uint64_t hash = hash_of(text);
    if (!stub->table || stub->count > stub->mask)
        table_grow(stub);
    struct call *call = stub->table[hash & stub->mask];
    while (call && (call->hash != hash || strcmp(call->text, text)))
        call = call->next;
    if (call)
        return call;
    call = calloc(1, sizeof(*call) + (size_t)size + 1);
    if (!call)
        die("call");
    call->hash = hash;
    memcpy(call->text, text, (size_t)size + 1);
    call->next = stub->table[hash & stub->mask];
    stub->table[hash & stub->mask] = call;
    stub->count++;
    return call;
}

static unsigned effects_of(const struct stub *stub, const char *path)
{
    unsigned effects = 0;
    size_t size = strlen(path);
    for (size_t i = 0; stub->table && i <= stub->mask; i++) {
        for (const struct call *call = stub->table[i]; call; call = call->next) {
            const char *at = strchr(call->text, ' ') + 1;
            if (!strncmp(at, path, size) && at[size] == ' ')
                effects += call->effects;
        }
    }
    return effects;
}

static void forget(struct stub *stub)
{
    for (size_t i = 0; stub->table && i <= stub->mask; i++) {
        for (struct call *call = stub->table[i], *next; call; call = next) {
            next = call->next;
            free(call);
        }
    }
    free(stub->table);
    stub->table = NULL;
    stub->count = stub->mask = 0;
}

/* ---- answers ---- */

static void send_all(struct connection *connection, const char *bytes, size_t size)
{
    while (size > 0 && !connection->is_closed) {
        ssize_t sent = send(connection->fd, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0) {
            connection->is_closed = true;
            return;
        }
        bytes += sent;
        size -= (size_t)sent;
    }
}

static void answer(struct connection *connection, int status, const char *type, const char *body, size_t size)
{
    char head[256];
    int length = snprintf(head, sizeof(head),
        "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n", status,
        status < 400 ? "OK" : "Refused", type, size);
    char whole[1024];
    if ((size_t)length + size <= sizeof(whole)) {
        memcpy(whole, head, (size_t)length);
        memcpy(whole + length, body, size);
        send_all(connection, whole, (size_t)length + size);
        return;
    }
    send_all(connection, head, (size_t)length);
    send_all(connection, body, size);
}

static void answer_call(struct connection *connection, int status)
{
    char body[ANSWER_BODY_BYTES + 1];
    int size = snprintf(body, sizeof(body), "{\"ok\":%s,\"score\":%d,\"country\":\"NL\",\"reports\":[",
        status < 400 ? "true" : "false", 87);
    while (size < ANSWER_BODY_BYTES - 60)
        size += snprintf(body + size, sizeof(body) - (size_t)size,
            "%s{\"at\":\"2026-01-02T03:04:05Z\",\"what\":\"scan\"}", body[size - 1] == '[' ? "" : ",");
    size += snprintf(body + size, sizeof(body) - (size_t)size, "]}");
    answer(connection, status, "application/json", body, (size_t)size);
}

static void answer_calls(struct stub *stub, struct connection *connection)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        die("calls");
    for (size_t i = 0; stub->table && i <= stub->mask; i++) {
        for (const struct call *call = stub->table[i]; call; call = call->next)
            fprintf(out, "%u %u %s\n", call->count, call->effects, call->text);
    }
    fclose(out);
    answer(connection, 200, "text/plain", text, size);
    free(text);
}

/* ---- requests ---- */

static void header(const char *head, const char *name, char *to)
{
    const char *at = strcasestr(head, name);
    size_t size = 0;
    if (at) {
        at += strlen(name);
        at += strspn(at, " ");
        size = strcspn(at, "\r");
        size = size < NAME_BYTES_MAX ? size : NAME_BYTES_MAX - 1;
        memcpy(to, at, size);
    }
    to[size] = '\0';
}

static bool read_request(struct connection *connection, struct request *request)
{
    char length[NAME_BYTES_MAX];
    char *end = memmem(connection->in, connection->got, "\r\n\r\n", 4);
    if (!end)
        return false;
    *end = '\0';
    header(connection->in, "\r\nContent-Length:", length);
    header(connection->in, "\r\nIdempotency-Key:", request->key);
    int read = sscanf(connection->in, "%15s %511s", request->method, request->path);
    *end = '\r';
    request->size = (size_t)(end - connection->in) + 4 + strtoul(length, NULL, 10);
    if (read != 2)
        connection->is_closed = true;
    return connection->got >= request->size && read == 2;
}

static bool answer_question(struct stub *stub, struct connection *connection, const struct request *request)
{
    char body[64];
    if (!strcmp(request->path, "/calls")) {
        answer_calls(stub, connection);
    } else if (!strcmp(request->path, "/forget")) {
        forget(stub);
        answer(connection, 200, "text/plain", "", 0);
    } else if (!strncmp(request->path, "/seen/", 6)) {
        unsigned effects = effects_of(stub, request->path + 5);
        int size = snprintf(
            body, sizeof(body), "{\"seen\":%s,\"count\":%u}", effects ? "true" : "false", effects);
        answer(connection, 200, "application/json", body, (size_t)size);
    } else {
        return false;
    }
    return true;
}

static void serve(struct stub *stub, struct connection *connection, const struct request *request)
{
    int number = 0;
    if (answer_question(stub, connection, request))
        return;
    struct call *call = call_get(stub, request);
    bool is_first = call->count++ == 0;
    bool fails = sscanf(request->path, "/fail/%d/", &number) == 1 ||
        (is_first && sscanf(request->path, "/once/%d/", &number) == 1);
    if (!fails && (is_first || !request->key[0] || call->effects == 0))
        call->effects++;
    if (fails) {
        answer_call(connection, number);
    } else if (!strncmp(request->path, "/drop/", 6)) {
        connection->is_closed = true;
    } else if (sscanf(request->path, "/slow/%d/", &number) == 1) {
        connection->is_waiting = true;
        connection->due_us = now_us() + (int64_t)number * 1000;
        connection->next_due = stub->waiting;
        stub->waiting = connection;
    } else {
        answer_call(connection, 200);
    }
}

static void serve_all(struct stub *stub, struct connection *connection)
{
    struct request request;
    while (!connection->is_waiting && !connection->is_closed && read_request(connection, &request)) {
        serve(stub, connection, &request);
        connection->got -= request.size;
        memmove(connection->in, connection->in + request.size, connection->got);
    }
}

/* ---- the loop ---- */

static void accept_all(struct stub *stub)
{
    for (;;) {
        int one = 1, fd = accept4(stub->listener, NULL, NULL, 0);
        if (fd < 0)
            return;
        struct connection *connection = calloc(1, sizeof(*connection));
        if (!connection)
            die("connection");
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        connection->fd = fd;
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
        if (epoll_ctl(stub->epoll, EPOLL_CTL_ADD, fd, &event))
            die("epoll");
    }
}

/* Freed after all events of a round: another of them may still point to it. */
static void close_later(struct stub *stub, struct connection *connection)
{
    if (connection->is_waiting || connection->fd < 0)
        return; /* closed when its time has come */
    close(connection->fd);
    connection->fd = -1;
    connection->next_due = stub->closed;
    stub->closed = connection;
}

static void receive(struct stub *stub, struct connection *connection)
{
    if (connection->fd < 0 || connection->got == REQUEST_BYTES_MAX)
        return;
    ssize_t size = recv(
        connection->fd, connection->in + connection->got, REQUEST_BYTES_MAX - connection->got, MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN)
        return;
    if (size <= 0) {
        connection->is_closed = true;
        epoll_ctl(stub->epoll, EPOLL_CTL_DEL, connection->fd, NULL);
    } else {
        connection->got += (size_t)size;
        serve_all(stub, connection);
    }
    if (connection->is_closed)
        close_later(stub, connection);
}

static int answer_due(struct stub *stub)
{
    int64_t now = now_us(), least = now + 1000000;
    struct connection **at = &stub->waiting;
    while (*at) {
        struct connection *connection = *at;
        if (connection->due_us > now) {
            least = connection->due_us < least ? connection->due_us : least;
            at = &connection->next_due;
            continue;
        }
        *at = connection->next_due;
        connection->is_waiting = false;
        answer_call(connection, 200);
        serve_all(stub, connection);
        if (connection->is_closed)
            close_later(stub, connection);
    }
    return (int)((least - now) / 1000) + 1;
}

static void free_closed(struct stub *stub)
{
    while (stub->closed) {
        struct connection *connection = stub->closed;
        stub->closed = connection->next_due;
        free(connection);
    }
}

static void open_listener(struct stub *stub, int port)
{
    int one = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
    };
    socklen_t size = sizeof(address);
    stub->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(stub->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (stub->listener < 0 || bind(stub->listener, (struct sockaddr *)&address, sizeof(address)) ||
        listen(stub->listener, 1024) || getsockname(stub->listener, (struct sockaddr *)&address, &size))
        die("listen");
    stub->epoll = epoll_create1(0);
    struct epoll_event event = { .events = EPOLLIN };
    if (stub->epoll < 0 || epoll_ctl(stub->epoll, EPOLL_CTL_ADD, stub->listener, &event))
        die("epoll");
    printf("listening %d\n", ntohs(address.sin_port));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static struct stub stub;
    struct epoll_event events[256];
    open_listener(&stub, argc == 3 && !strcmp(argv[1], "--port") ? atoi(argv[2]) : 0);
    for (;;) {
        int count = epoll_wait(stub.epoll, events, 256, answer_due(&stub));
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr)
                receive(&stub, events[i].data.ptr);
            else
                accept_all(&stub);
        }
        free_closed(&stub);
    }
}
