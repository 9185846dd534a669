#include <assert.h>

#include "base/limits.h"
#include "base/timetext.h"
#include "io/http_connection.h"

/* Bodies up to here are copied behind their head, so that one buffer goes to the socket. */
#define BODY_BYTES_JOINED (16 * KIB)

struct http_status {
    int number;
    struct str text;
};

static const struct http_status statuses[] = {
    { 200, STR_INIT("OK") },
    { 201, STR_INIT("Created") },
    { 202, STR_INIT("Accepted") },
    { 204, STR_INIT("No Content") },
    { 301, STR_INIT("Moved Permanently") },
    { 302, STR_INIT("Found") },
    { 303, STR_INIT("See Other") },
    { 304, STR_INIT("Not Modified") },
    { 307, STR_INIT("Temporary Redirect") },
    { 308, STR_INIT("Permanent Redirect") },
    { 400, STR_INIT("Bad Request") },
    { 401, STR_INIT("Unauthorized") },
    { 403, STR_INIT("Forbidden") },
    { 404, STR_INIT("Not Found") },
    { 405, STR_INIT("Method Not Allowed") },
    { 406, STR_INIT("Not Acceptable") },
    { 408, STR_INIT("Request Timeout") },
    { 409, STR_INIT("Conflict") },
    { 410, STR_INIT("Gone") },
    { 411, STR_INIT("Length Required") },
    { 412, STR_INIT("Precondition Failed") },
    { 413, STR_INIT("Content Too Large") },
    { 414, STR_INIT("URI Too Long") },
    { 415, STR_INIT("Unsupported Media Type") },
    { 417, STR_INIT("Expectation Failed") },
    { 422, STR_INIT("Unprocessable Content") },
    { 428, STR_INIT("Precondition Required") },
    { 429, STR_INIT("Too Many Requests") },
    { 431, STR_INIT("Request Header Fields Too Large") },
    { 500, STR_INIT("Internal Server Error") },
    { 501, STR_INIT("Not Implemented") },
    { 503, STR_INIT("Service Unavailable") },
    { 505, STR_INIT("HTTP Version Not Supported") },
    { 507, STR_INIT("Insufficient Storage") },
};

static struct str http_status_text(int number)
{
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        if (statuses[i].number == number)
            return statuses[i].text;
    }
    return STR("Status"); /* the text means nothing to programs (RFC 9112, 4) */
}

static bool http_status_has_body(int number)
{
    return number >= 200 && number != 204 && number != 304;
}

/* The head. */

/* Rewritten once a second. */
static struct str http_date(struct http_server *server)
{
    static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
    static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct",
        "Nov", "Dec" };
    int64_t second = loop_now(server->loop).us / US_PER_S;
    if (second != server->date_second) {
        struct civil_time civil = civil_from_seconds(second);
        server->date_second = second;
        (void)snprintf(server->date, sizeof server->date, "%s, %02d %s %04d %02d:%02d:%02d GMT",
            days[civil.weekday], civil.day, months[civil.month - 1], (int)civil.year, civil.hour,
            civil.minute, civil.second); /* cut in the year 10000 */
    }
    return str_of(server->date);
}

/* These are ours; a handler's would contradict the framing. */
static bool http_header_is_ours(struct str name)
{
    return str_equal_nocase(name, STR("content-length")) || str_equal_nocase(name, STR("connection")) ||
        str_equal_nocase(name, STR("transfer-encoding")) || str_equal_nocase(name, STR("date"));
}

/* A control character in a value would let its author write headers of his own: it becomes a space. */
static void http_print_value(struct buf *out, struct str value)
{
    if (http_is_field_value(value)) {
        buf_add(out, value);
        return;
    }
    for (size_t i = 0; i < value.size; i++)
        buf_add_byte(out, http_is_field_value(str_slice(value, i, i + 1)) ? value.data[i] : ' ');
}

static void http_print_headers(struct buf *out, const struct http_header *headers, uint32_t header_count)
{
    for (uint32_t i = 0; i < header_count; i++) {
        if (http_header_is_ours(headers[i].name))
            continue;
        assert(http_is_token(headers[i].name));
        buf_add(out, headers[i].name);
        buf_add(out, STR(": "));
        http_print_value(out, headers[i].value);
        buf_add(out, STR("\r\n"));
    }
}

struct http_framing {
    bool has_length, is_chunked;
    uint64_t length;
};

/* Into server->out, which is emptied first. */
static void http_print_head(struct http_connection *connection, int status, const struct http_header *headers,
    uint32_t header_count, struct http_framing framing)
{
    struct http_server *server = connection->server;
    struct buf *out = &server->out;
    buf_clear(out);
    buf_add(out, STR("HTTP/1.1 "));
    buf_add_int(out, status);
    buf_add_byte(out, ' ');
    buf_add(out, http_status_text(status));
    buf_add(out, STR("\r\nDate: "));
    buf_add(out, http_date(server));
    buf_add(out, STR("\r\n"));
    http_print_headers(out, headers, header_count);
    if (framing.has_length) {
        buf_add(out, STR("Content-Length: "));
        buf_add_uint(out, framing.length);
        buf_add(out, STR("\r\n"));
    }
    if (framing.is_chunked)
        buf_add(out, STR("Transfer-Encoding: chunked\r\n"));
    if (connection->is_last_request)
        buf_add(out, STR("Connection: close\r\n"));
    buf_add(out, STR("\r\n"));
}

/* Whether this reply ends the connection, and how gently: the request may have a body that we do not want. */
static void http_reply_decide_end(struct http_connection *connection)
{
    bool has_body = http_connection_has_body_left(connection);
    /* Whoever expects 100-continue and gets a final answer may or may not send the body (RFC 9110, 10.1.1).
     */
    bool is_unclear = has_body && connection->expects_continue;
    bool is_too_much = connection->body_left > HTTP_DRAIN_BYTES_MAX;
    if (connection->server->is_stopping || is_unclear || is_too_much)
        connection->is_last_request = true;
    if (connection->is_last_request && has_body)
        connection->must_linger = true;
}

void http_reply_send(struct http_connection *connection, int status, const struct http_header *headers,
    uint32_t header_count, struct str body)
{
    struct http_exchange *exchange = connection->exchange;
    struct buf *out = &connection->server->out;
    if (connection->phase == HTTP_PHASE_CLOSED)
        return;
    http_reply_decide_end(connection);
    struct http_framing framing = { .has_length = http_status_has_body(status), .length = body.size };
    http_print_head(connection, status, headers, header_count, framing);
    if (!framing.has_length || (exchange && str_equal(exchange->head.method, STR("HEAD"))))
        body.size = 0;
    bool is_joined = body.size <= BODY_BYTES_JOINED;
    if (is_joined)
        buf_add(out, body);
    if (buf_check(out, NULL) != ERR_OK) {
        http_connection_close(connection);
        return;
    }
    http_connection_move(connection, HTTP_PHASE_REPLYING);
    http_connection_send(connection, buf_str(out), is_joined ? STR("") : body);
}

void http_reply(struct http_exchange *exchange, int status, const struct http_header *headers,
    uint32_t header_count, struct str body)
{
    assert(exchange->state == HTTP_NOT_REPLIED);
    struct http_connection *connection = exchange->connection;
    exchange->state = HTTP_REPLIED;
    http_reply_send(connection, status, headers, header_count, body);
    bool is_closed = connection->phase == HTTP_PHASE_CLOSED;
    http_exchange_end(exchange); /* which frees a connection that is closed already */
    if (!is_closed)
        http_connection_reply_sent(connection);
}

/* Streams. HTTP/1.0 knows no chunks: there the end of the connection ends the answer. */

static bool http_stream_is_chunked(const struct http_exchange *exchange)
{
    return !exchange->head.is_http_1_0;
}

static bool http_stream_is_bodiless(const struct http_exchange *exchange)
{
    return str_equal(exchange->head.method, STR("HEAD"));
}

enum err http_stream_begin(struct http_exchange *exchange, int status, const struct http_header *headers,
    uint32_t header_count, size_t pending_max, void (*closed)(void *context), void *context,
    struct err_info *why)
{
    assert(exchange->state == HTTP_NOT_REPLIED);
    struct http_connection *connection = exchange->connection;
    if (connection->phase == HTTP_PHASE_CLOSED)
        return err_set(why, ERR_UNAVAILABLE, "the peer is gone");
    http_reply_decide_end(connection);
    struct http_framing framing = { .is_chunked = http_stream_is_chunked(exchange) };
    if (!framing.is_chunked)
        connection->is_last_request = true;
    http_print_head(connection, status, headers, header_count, framing);
    TRY(buf_check(&connection->server->out, why));
    exchange->state = HTTP_STREAMS;
    exchange->is_handled = true;
    exchange->pending_max = pending_max;
    exchange->closed = closed;
    exchange->closed_context = context;
    exchange->aborted = NULL;
    http_connection_move(connection, HTTP_PHASE_STREAMING);
    http_connection_send(connection, buf_str(&connection->server->out), (struct str){ 0 });
    return ERR_OK;
}

enum err http_stream_write(struct http_exchange *exchange, struct str bytes, struct err_info *why)
{
    assert(exchange->state == HTTP_STREAMS);
    struct http_connection *connection = exchange->connection;
    if (connection->phase == HTTP_PHASE_CLOSED)
        return err_set(why, ERR_UNAVAILABLE, "the peer is gone");
    if (bytes.size == 0 || http_stream_is_bodiless(exchange))
        return ERR_OK;
    if (http_connection_unsent_bytes(connection) + bytes.size > exchange->pending_max)
        return err_named(why, ERR_LIMIT, "pending_max",
            "the peer reads too slowly: over %zu bytes wait for it", exchange->pending_max);
    struct buf *out = &connection->server->out;
    buf_clear(out);
    if (http_stream_is_chunked(exchange)) {
        buf_printf(out, "%zx\r\n", bytes.size);
        buf_add(out, bytes);
        buf_add(out, STR("\r\n"));
    } else {
        buf_add(out, bytes);
    }
    TRY(buf_check(out, why));
    http_connection_send(connection, buf_str(out), (struct str){ 0 });
    return ERR_OK;
}

void http_stream_closed(struct http_exchange *exchange)
{
    void (*closed)(void *context) = exchange->closed;
    void *context = exchange->closed_context;
    http_exchange_end(exchange);
    if (closed)
        closed(context);
}

void http_stream_end(struct http_exchange *exchange)
{
    assert(exchange->state == HTTP_STREAMS);
    struct http_connection *connection = exchange->connection;
    bool is_closed = connection->phase == HTTP_PHASE_CLOSED;
    if (!is_closed) {
        bool has_last_chunk = http_stream_is_chunked(exchange) && !http_stream_is_bodiless(exchange);
        http_connection_move(connection, HTTP_PHASE_REPLYING);
        http_connection_send(
            connection, has_last_chunk ? STR("0\r\n\r\n") : (struct str){ 0 }, (struct str){ 0 });
        is_closed = connection->phase == HTTP_PHASE_CLOSED;
    }
    /* The context may own the caller's memory: it hears of the end last. */
    void (*closed)(void *context) = exchange->closed;
    void *context = exchange->closed_context;
    http_exchange_end(exchange);
    if (!is_closed)
        http_connection_reply_sent(connection);
    if (closed)
        closed(context);
}
