#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "io/http_connection.h"

/* Of a body, what is allocated at once on the word of its Content-Length; more only as it comes. */
#define BODY_BYTES_TRUSTED (64 * KIB)

static const struct http_refusal no_memory = { 503, "out of memory" };
static const struct http_refusal too_many_bodies = { 503, "too many request bodies at a time" };
static const struct http_refusal body_too_large = { 413, "the body is larger than this route takes" };
static const struct http_refusal bad_chunk = { 400, "the chunked body is malformed" };

void http_input_refuse(struct http_connection *connection, const struct http_refusal *refusal, bool is_last)
{
    struct http_exchange *exchange = connection->exchange;
    if (is_last) {
        connection->is_last_request = true;
        connection->must_linger = true;
    }
    AUTO(arena) struct arena arena = { 0 };
    struct str body = str_of(refusal->reason), type = STR("text/plain; charset=utf-8");
    struct http_handler *handler = connection->server->handler;
    if (handler->refused)
        handler->refused(handler, refusal->status, refusal->reason, &arena, &body, &type);
    struct http_header header = { STR("Content-Type"), type };
    http_reply_send(connection, refusal->status, &header, 1, body);
    if (exchange) {
        (void)http_exchange_abort(exchange); /* the handler has seen at most its head */
        http_exchange_end(exchange);
    }
    http_connection_reply_sent(connection);
}

/* Bodies. */

/* Room for `size` more bytes of body, on the server's account. */
static const struct http_refusal *http_input_charge(struct http_exchange *exchange, size_t size)
{
    struct http_server *server = exchange->connection->server;
    if (size > exchange->body_bytes_max - exchange->body.size)
        return &body_too_large;
    if (server->bodies_bytes + size > HTTP_BODIES_BYTES_MAX)
        return &too_many_bodies;
    if (!buf_reserve(&exchange->body, size))
        return &no_memory;
    server->bodies_bytes += size;
    exchange->body_charged += size;
    return NULL;
}

static void http_input_take_data(struct http_connection *connection, struct str data)
{
    if (connection->phase == HTTP_PHASE_DRAINING) {
        connection->dropped_bytes += data.size;
        if (connection->dropped_bytes > HTTP_DRAIN_BYTES_MAX) {
            connection->must_linger = true;
            http_connection_linger(connection);
        }
        return;
    }
    const struct http_refusal *refusal = http_input_charge(connection->exchange, data.size);
    if (refusal)
        http_input_refuse(connection, refusal, false);
    else
        buf_add(&connection->exchange->body, data);
}

/* Takes one piece of the body off `*rest`. */
static void http_input_take_chunked(struct http_connection *connection, struct str *rest)
{
    struct str data;
    switch (http_chunked_next(&connection->chunked, rest, &data)) {
    case HTTP_CHUNKED_MORE: break;
    case HTTP_CHUNKED_DATA: http_input_take_data(connection, data); break;
    case HTTP_CHUNKED_END: connection->is_chunked = false; break;
    case HTTP_CHUNKED_BAD:
        if (connection->phase == HTTP_PHASE_BODY)
            http_input_refuse(connection, &bad_chunk, true);
        else
            http_connection_close(connection);
        break;
    }
}

static void http_input_take_body(struct http_connection *connection, struct str *rest)
{
    if (connection->is_chunked) {
        http_input_take_chunked(connection, rest);
        return;
    }
    size_t size = connection->body_left < rest->size ? (size_t)connection->body_left : rest->size;
    struct str data = str_slice(*rest, 0, size);
    *rest = str_slice(*rest, size, rest->size);
    connection->body_left -= size;
    http_input_take_data(connection, data);
}

static void http_input_handle(struct http_connection *connection)
{
    struct http_handler *handler = connection->server->handler;
    http_connection_move(connection, HTTP_PHASE_HANDLING);
    connection->exchange->is_handled = true;
    handler->handle(handler, connection->exchange);
}

/* Some of the body is here, or all of it. */
static void http_input_body(struct http_connection *connection, struct str *rest)
{
    http_input_take_body(connection, rest);
    if (http_connection_has_body_left(connection))
        return;
    if (connection->phase == HTTP_PHASE_BODY)
        http_input_handle(connection);
    else if (connection->phase == HTTP_PHASE_DRAINING)
        http_connection_move(connection, HTTP_PHASE_IDLE);
}

/* Heads. */

/* The handler has not answered at the head: what comes next is the body, or the handler again. */
static void http_input_await_body(struct http_connection *connection, size_t body_bytes_max, bool has_more)
{
    struct http_exchange *exchange = connection->exchange;
    exchange->body_bytes_max = body_bytes_max;
    exchange->body.bytes_max = body_bytes_max + 1; /* 0 would mean the default */
    if (connection->body_left > body_bytes_max || (connection->is_chunked && body_bytes_max == 0)) {
        http_input_refuse(connection, &body_too_large, false);
        return;
    }
    if (!http_connection_has_body_left(connection)) {
        http_input_handle(connection);
        return;
    }
    size_t size = connection->body_left < BODY_BYTES_TRUSTED ? (size_t)connection->body_left : 0;
    if (size > 0 && !buf_reserve(&exchange->body, size)) {
        http_input_refuse(connection, &no_memory, false);
        return;
    }
    if (connection->expects_continue && !has_more)
        http_connection_send(connection, STR("HTTP/1.1 100 Continue\r\n\r\n"), (struct str){ 0 });
    connection->expects_continue = false;
    if (connection->phase != HTTP_PHASE_CLOSED)
        http_connection_move(connection, HTTP_PHASE_BODY);
}

/* A complete head, copied so that it lives as long as the exchange. */
static void http_input_begin(struct http_connection *connection, struct str bytes, bool has_more)
{
    struct http_exchange *exchange = http_exchange_new(connection);
    char *copy = exchange ? arena_bytes(&exchange->arena, bytes.size) : NULL;
    if (!copy) {
        http_input_refuse(connection, &no_memory, true);
        return;
    }
    memcpy(copy, bytes.data, bytes.size);
    const struct http_refusal *refusal = http_head_parse((struct str){ copy, bytes.size }, &exchange->head);
    if (refusal) {
        exchange->head.method = STR("GET"); /* unknown, and the answer's body is wanted */
        http_input_refuse(connection, refusal, true);
        return;
    }
    connection->is_chunked = exchange->head.is_chunked;
    connection->chunked = (struct http_chunked){ 0 };
    connection->body_left = exchange->head.content_length;
    connection->expects_continue = exchange->head.expects_continue &&
        http_connection_has_body_left(connection);
    connection->is_last_request = !exchange->head.keeps_alive;
    size_t body_bytes_max = 0;
    struct http_handler *handler = connection->server->handler;
    handler->head(handler, exchange, &body_bytes_max);
    if (connection->exchange == exchange && exchange->state == HTTP_NOT_REPLIED)
        http_input_await_body(connection, body_bytes_max, has_more);
}

/* False when more bytes must come first. */
static bool http_input_head(struct http_connection *connection, struct str *rest)
{
    size_t size;
    const struct http_refusal *refusal = http_head_find_end(&connection->scan, *rest, &size);
    if (refusal) {
        http_input_refuse(connection, refusal, true);
        return true;
    }
    if (size == 0)
        return false;
    struct str head = str_slice(*rest, 0, size);
    *rest = str_slice(*rest, size, rest->size);
    http_input_begin(connection, head, rest->size > 0);
    return true;
}

/* The first byte of a request. One empty line before it is forgiven (RFC 9112, 2.2). */
static bool http_input_idle(struct http_connection *connection, struct str *rest)
{
    if (connection->server->is_stopping) {
        http_connection_close(connection);
        return false;
    }
    if (!connection->has_skipped_line && rest->data[0] == '\r') {
        if (rest->size < 2)
            return false;
        connection->has_skipped_line = true;
        if (rest->data[1] == '\n')
            *rest = str_slice(*rest, 2, rest->size);
        return true;
    }
    connection->has_skipped_line = false;
    connection->scan = (struct http_head_scan){ 0 };
    http_connection_move(connection, HTTP_PHASE_HEAD);
    return true;
}

static void http_input_drop(struct http_connection *connection, struct str *rest)
{
    connection->dropped_bytes += rest->size;
    *rest = (struct str){ 0 };
    if (connection->dropped_bytes > HTTP_DRAIN_BYTES_MAX)
        http_connection_close(connection);
}

/* As far as the bytes go, or until a request's answer must come first. */
static void http_input_run(struct http_connection *connection, struct str *rest)
{
    bool goes_on = true;
    connection->is_consuming = true;
    while (goes_on && rest->size > 0) {
        switch (connection->phase) {
        case HTTP_PHASE_IDLE: goes_on = http_input_idle(connection, rest); break;
        case HTTP_PHASE_HEAD: goes_on = http_input_head(connection, rest); break;
        case HTTP_PHASE_BODY:
        case HTTP_PHASE_DRAINING: http_input_body(connection, rest); break;
        case HTTP_PHASE_LINGERING: http_input_drop(connection, rest); break;
        default: goes_on = false; break;
        }
    }
    connection->is_consuming = false;
}

void http_input_resume(struct http_connection *connection)
{
    struct buf *input = &connection->input;
    struct str rest = buf_str(input);
    http_input_run(connection, &rest);
    if (rest.size == 0) {
        buf_done(input); /* idle connections hold no memory */
        return;
    }
    memmove(input->data, rest.data, rest.size);
    input->size = rest.size;
}

void http_input_consume(struct http_connection *connection, struct str bytes)
{
    bool is_waiting = connection->input.size > 0;
    if (!is_waiting)
        http_input_run(connection, &bytes);
    if (bytes.size == 0)
        return;
    buf_add(&connection->input, bytes);
    if (buf_check(&connection->input, NULL) != ERR_OK)
        http_connection_close(connection);
    else if (is_waiting)
        http_input_resume(connection);
}
