/* An HTTP load generator: one thread, epoll, N kept-alive connections.
 *
 *   load --to HOST:PORT --path PATH [--method POST] [--token-file FILE] [--body FILE] [--connections 64]
 *        [--rate 0] [--seconds 10] [--warm 1] [--expect TEXT] [--first 0]
 *
 * --rate R sends R requests a second whatever the answers do (open loop): each latency counts from the
 * instant at which the request was due, so that a server which stalls can't hide it (no coordinated
 * omission). --rate 0 keeps all connections busy (closed loop).
 * In the body and the path, each @SEQ@ becomes the request's number with ten digits, and @IP@ an address
 * of that number (NNN.NNN.NNN.NNN, each part from 100 to 199), so that no two requests have one fingerprint.
 * Answers without TEXT in them are counted as unexpected.
 * Prints one JSON object. */
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

#include "histogram.h"

#define CONNECTIONS_MAX 10000
#define ANSWER_BYTES_MAX 65536
#define REQUEST_BYTES_MAX (1 << 20)
#define MARKS_MAX 16
#define STATUS_MAX 600

struct mark {
    size_t at;
    bool is_address;
};

struct connection {
    int fd;
    bool is_busy;
    int64_t due_us;
    char *out; /* the template with this request's numbers in it */
    size_t sent;
    char in[ANSWER_BYTES_MAX];
    size_t got, wanted; /* `wanted` is 0 until the head is complete */
};

struct load {
    struct sockaddr_in to;
    const char *path, *method, *expect;
    char *request; /* the template */
    size_t request_size;
    struct mark marks[MARKS_MAX];
    int mark_count;
    struct connection *connections;
    struct connection **idle;
    int connection_count, idle_count, epoll;
    double rate, seconds, warm;
    int64_t start_us, measure_us, end_us;
    uint64_t next, first; /* number of the next request */
    uint64_t answers, unexpected, broken;
    uint64_t statuses[STATUS_MAX];
    uint64_t *each_second;
    struct histogram latency;
};

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    exit(2);
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- the request ---- */

static char *read_file(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "rb");
    char *bytes = malloc(REQUEST_BYTES_MAX);
    if (!file || !bytes)
        die("%s: %s", path, strerror(errno));
    *ret_size = fread(bytes, 1, REQUEST_BYTES_MAX - 1, file);
    bytes[*ret_size] = '\0';
    fclose(file);
    return bytes;
}

/* Makes room of fixed width for each mark, so that a request is made by overwriting digits. */
static char *widen(const char *text, size_t *ret_size)
{
    char *wide = malloc(REQUEST_BYTES_MAX);
    size_t size = 0;
    if (!wide)
        die("out of memory");
    while (*text && size < REQUEST_BYTES_MAX - 32) {
        if (!strncmp(text, "@SEQ@", 5)) {
            memcpy(wide + size, "@SEQ@-----", 10);
            size += 10, text += 5;
        } else if (!strncmp(text, "@IP@", 4)) {
            memcpy(wide + size, "@IP@-----------", 15);
            size += 15, text += 4;
        } else {
            wide[size++] = *text++;
        }
    }
    wide[size] = '\0';
    *ret_size = size;
    return wide;
}

static void find_marks(struct load *load)
{
    for (size_t at = 0; at + 5 < load->request_size; at++) {
        bool is_address = !strncmp(load->request + at, "@IP@-", 5);
        if (!is_address && strncmp(load->request + at, "@SEQ@", 5))
            continue;
        if (load->mark_count == MARKS_MAX)
            die("more than %d marks", MARKS_MAX);
        load->marks[load->mark_count++] = (struct mark){ at, is_address };
    }
}

static void make_request(struct load *load, const char *body_file, const char *token_file)
{
    size_t raw_size = 0, body_size = 0, path_size, token_size = 0;
    char *raw = body_file ? read_file(body_file, &raw_size) : strdup("");
    char *body = widen(raw, &body_size), *path = widen(load->path, &path_size);
    char *token = token_file ? read_file(token_file, &token_size) : strdup("");
    token[strcspn(token, "\r\n")] = '\0';
    load->request = malloc(body_size + path_size + 1024);
    if (!load->request)
        die("out of memory");
    int head = sprintf(load->request, "%s %s HTTP/1.1\r\nHost: load\r\n", load->method, path);
    if (token[0])
        head += sprintf(load->request + head, "Authorization: Bearer %.200s\r\n", token);
    if (body_file)
        head += sprintf(
            load->request + head, "Content-Type: application/json\r\nContent-Length: %zu\r\n", body_size);
    head += sprintf(load->request + head, "\r\n");
    memcpy(load->request + head, body, body_size);
    load->request_size = (size_t)head + body_size;
    find_marks(load);
    free(raw);
    free(body);
    free(path);
    free(token);
}

static void digits(char *to, int count, uint64_t number)
{
    for (int i = count - 1; i >= 0; i--, number /= 10)
        to[i] = (char)('0' + number % 10);
}

static void fill(const struct load *load, char *out, uint64_t number)
{
    for (int i = 0; i < load->mark_count; i++) {
        char *at = out + load->marks[i].at;
        if (!load->marks[i].is_address) {
            digits(at, 10, number);
            continue;
        }
        uint64_t rest = number;
        for (int part = 3; part >= 0; part--, rest /= 100) {
            digits(at + part * 4, 3, 100 + rest % 100);
            if (part > 0)
                at[part * 4 - 1] = '.';
        }
    }
}

/* ---- connections ---- */

static void connection_open(struct load *load, struct connection *connection)
{
    int one = 1;
    connection->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connection->fd < 0 || connect(connection->fd, (struct sockaddr *)&load->to, sizeof(load->to)))
        die("connect: %s", strerror(errno));
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = connection };
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event))
        die("epoll: %s", strerror(errno));
}

static void connection_reopen(struct load *load, struct connection *connection)
{
    close(connection->fd);
    connection_open(load, connection);
    connection->got = connection->wanted = 0;
    if (connection->is_busy) {
        load->broken++;
        connection->is_busy = false;
        load->idle[load->idle_count++] = connection;
    }
}

static void push_out(struct load *load, struct connection *connection)
{
    while (connection->sent < load->request_size) {
        ssize_t size = send(connection->fd, connection->out + connection->sent,
            load->request_size - connection->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size < 0 && errno != EAGAIN) {
            connection_reopen(load, connection);
            return;
        }
        if (size < 0)
            break;
        connection->sent += (size_t)size;
    }
    bool is_out = connection->sent == load->request_size;
    struct epoll_event event = { .events = is_out ? EPOLLIN : EPOLLIN | EPOLLOUT, .data.ptr = connection };
    if (!is_out)
        epoll_ctl(load->epoll, EPOLL_CTL_MOD, connection->fd, &event);
}

static void send_next(struct load *load, int64_t due_us)
{
    struct connection *connection = load->idle[--load->idle_count];
    connection->is_busy = true;
    connection->due_us = due_us;
    connection->sent = 0;
    fill(load, connection->out, load->first + load->next++);
    push_out(load, connection);
}

/* ---- answers ---- */

static void answered(struct load *load, struct connection *connection)
{
    int64_t now = now_us();
    int status = atoi(connection->in + 9);
    connection->in[connection->got < ANSWER_BYTES_MAX ? connection->got : ANSWER_BYTES_MAX - 1] = '\0';
    if (now >= load->measure_us && now < load->end_us) {
        load->answers++;
        load->statuses[status > 0 && status < STATUS_MAX ? status : 0]++;
        load->each_second[(now - load->measure_us) / 1000000]++;
        histogram_add(&load->latency, now - connection->due_us);
        if (load->expect && !strstr(connection->in, load->expect))
            load->unexpected++;
    }
    connection->got = connection->wanted = 0;
    connection->is_busy = false;
    load->idle[load->idle_count++] = connection;
}

static bool read_head(struct connection *connection)
{
    char *end = memmem(connection->in, connection->got, "\r\n\r\n", 4);
    if (!end)
        return false;
    *end = '\0';
    const char *length = strcasestr(connection->in, "\r\nContent-Length:");
    *end = '\r';
    connection->wanted = (size_t)(end - connection->in) + 4 + (length ? strtoul(length + 17, NULL, 10) : 0);
    return true;
}

/* An answer larger than the room is read over and over into its end: only its size matters then. */
static void read_answer(struct load *load, struct connection *connection)
{
    for (;;) {
        size_t at = connection->got < ANSWER_BYTES_MAX ? connection->got : ANSWER_BYTES_MAX / 2;
        ssize_t size = recv(connection->fd, connection->in + at, ANSWER_BYTES_MAX - at, MSG_DONTWAIT);
        if (size < 0 && errno == EAGAIN)
            return;
        if (size <= 0) {
            connection_reopen(load, connection);
            return;
        }
        connection->got += (size_t)size;
        if (!connection->wanted && !read_head(connection))
            continue;
        if (connection->got >= connection->wanted) {
            answered(load, connection);
            return;
        }
    }
}

/* ---- the loop ---- */

/* Sends all that is due; returns how long to wait for the next, in µs. */
static int64_t send_due(struct load *load)
{
    int64_t now = now_us();
    while (load->idle_count > 0 && now < load->end_us) {
        int64_t due = now;
        if (load->rate > 0) {
            due = load->start_us + (int64_t)((double)load->next / load->rate * 1e6);
            if (due > now)
                return due - now;
        }
        send_next(load, due);
    }
    return 100000;
}

static void run(struct load *load)
{
    struct epoll_event events[256];
    while (now_us() < load->end_us) {
        int64_t wait_us = send_due(load);
        struct timespec wait = { wait_us / 1000000, wait_us % 1000000 * 1000 };
        int count = epoll_pwait2(load->epoll, events, 256, &wait, NULL);
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (events[i].events & EPOLLOUT)
                push_out(load, connection);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                read_answer(load, connection);
        }
    }
}

static void report(const struct load *load)
{
    int seconds = (int)load->seconds;
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < seconds; i++)
        least = load->each_second[i] < least ? load->each_second[i] : least;
    printf("{\"requests\":%llu,\"answers\":%llu,\"rate\":%.1f,\"least_a_second\":%llu,\"broken\":%llu,"
           "\"unexpected\":%llu,\"p50_ms\":%.3f,\"p90_ms\":%.3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f,"
           "\"max_ms\":%.3f,\"status\":{",
        (unsigned long long)load->next, (unsigned long long)load->answers,
        (double)load->answers / load->seconds, (unsigned long long)(seconds > 0 ? least : 0),
        (unsigned long long)load->broken, (unsigned long long)load->unexpected,
        histogram_ms(&load->latency, 0.5), histogram_ms(&load->latency, 0.9),
        histogram_ms(&load->latency, 0.99), histogram_ms(&load->latency, 0.999),
        (double)load->latency.max_us / 1e3);
    const char *comma = "";
    for (int status = 0; status < STATUS_MAX; status++) {
        if (load->statuses[status] > 0) {
            printf("%s\"%d\":%llu", comma, status, (unsigned long long)load->statuses[status]);
            comma = ",";
        }
    }
    printf("}}\n");
}

static void parse_address(struct load *load, const char *text)
{
    char host[64];
    const char *colon = strrchr(text, ':');
    if (!colon || (size_t)(colon - text) >= sizeof(host))
        die("--to HOST:PORT");
    snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
    load->to.sin_family = AF_INET;
    load->to.sin_port = htons((uint16_t)atoi(colon + 1));
    if (inet_pton(AF_INET, host, &load->to.sin_addr) != 1)
        die("%s is no IPv4 address", host);
}

static void parse_options(struct load *load, char **argv)
{
    const char *body = NULL, *token = NULL;
    for (char **at = argv + 1; *at; at += 2) {
        const char *name = *at, *value = at[1];
        if (!value)
            die("%s needs a value", name);
        if (!strcmp(name, "--to"))
            parse_address(load, value);
        else if (!strcmp(name, "--path"))
            load->path = value;
        else if (!strcmp(name, "--method"))
            load->method = value;
        else if (!strcmp(name, "--token-file"))
            token = value;
        else if (!strcmp(name, "--body"))
            body = value;
        else if (!strcmp(name, "--connections"))
            load->connection_count = atoi(value);
        else if (!strcmp(name, "--rate"))
            load->rate = atof(value);
        else if (!strcmp(name, "--seconds"))
            load->seconds = atof(value);
        else if (!strcmp(name, "--warm"))
            load->warm = atof(value);
        else if (!strcmp(name, "--expect"))
            load->expect = value;
        else if (!strcmp(name, "--first"))
            load->first = strtoull(value, NULL, 10);
        else
            die("unknown option %s", name);
    }
    if (!load->path || !load->to.sin_port || load->connection_count < 1 ||
        load->connection_count > CONNECTIONS_MAX)
        die("--to, --path and 1 to %d --connections are needed", CONNECTIONS_MAX);
    make_request(load, body, token);
}

static void open_all(struct load *load)
{
    size_t count = (size_t)load->connection_count;
    load->connections = calloc(count, sizeof(struct connection));
    load->idle = calloc(count, sizeof(struct connection *));
    load->each_second = calloc((size_t)load->seconds + 2, sizeof(uint64_t));
    load->epoll = epoll_create1(0);
    if (!load->connections || !load->idle || !load->each_second || load->epoll < 0)
        die("out of memory");
    for (size_t i = 0; i < count; i++) {
        struct connection *connection = &load->connections[i];
        connection->out = malloc(load->request_size);
        if (!connection->out)
            die("out of memory");
        memcpy(connection->out, load->request, load->request_size);
        connection_open(load, connection);
        load->idle[load->idle_count++] = connection;
    }
}

int main(int argc, char **argv)
{
    static struct load load = { .method = "POST", .connection_count = 64, .seconds = 10, .warm = 1 };
    (void)argc;
    parse_options(&load, argv);
    open_all(&load);
    load.start_us = now_us();
    load.measure_us = load.start_us + (int64_t)(load.warm * 1e6);
    load.end_us = load.measure_us + (int64_t)(load.seconds * 1e6);
    run(&load);
    report(&load);
    return load.answers > 0 ? 0 : 1;
}
