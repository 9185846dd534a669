#include "io/http_connection.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>
#include <unistd.h>

#include "base/limits.h"
#include "io/heap.h"

#define TCP_KEEPALIVE_SECONDS 60

#define MAY(phase) (1u << HTTP_PHASE_##phase)

static const unsigned allowed_moves[HTTP_PHASE_COUNT] = {
    [HTTP_PHASE_IDLE] = MAY(HEAD) | MAY(CLOSED),
    [HTTP_PHASE_HEAD] = MAY(BODY) | MAY(HANDLING) | MAY(REPLYING) | MAY(STREAMING) | MAY(CLOSED),
    [HTTP_PHASE_BODY] = MAY(HANDLING) | MAY(REPLYING) | MAY(CLOSED),
    [HTTP_PHASE_HANDLING] = MAY(REPLYING) | MAY(STREAMING) | MAY(CLOSED),
    [HTTP_PHASE_REPLYING] = MAY(IDLE) | MAY(DRAINING) | MAY(LINGERING) | MAY(CLOSED),
    [HTTP_PHASE_DRAINING] = MAY(IDLE) | MAY(LINGERING) | MAY(CLOSED),
    [HTTP_PHASE_STREAMING] = MAY(REPLYING) | MAY(CLOSED),
    [HTTP_PHASE_LINGERING] = MAY(CLOSED),
    [HTTP_PHASE_CLOSED] = 0,
};

/* Lists. */

static void http_queue_remove(struct http_connection *connection, enum http_list list)
{
    struct http_link *link = &connection->links[list];
    struct http_queue *queue = link->queue;
    if (!queue)
        return;
    if (link->previous)
        link->previous->links[list].next = link->next;
    else
        queue->first = link->next;
    if (link->next)
        link->next->links[list].previous = link->previous;
    else
        queue->last = link->previous;
    *link = (struct http_link){ 0 };
}

static void http_queue_add(struct http_queue *queue, struct http_connection *connection)
{
    struct http_link *link = &connection->links[queue->list];
    http_queue_remove(connection, queue->list);
    *link = (struct http_link){ .queue = queue, .previous = queue->last };
    if (queue->last)
        queue->last->links[queue->list].next = connection;
    else
        queue->first = connection;
    queue->last = connection;
}

/* Phases. */

static struct http_queue *http_connection_queue(struct http_connection *connection, enum http_phase phase)
{
    struct http_server *server = connection->server;
    switch (phase) {
    case HTTP_PHASE_IDLE: return &server->idle;
    case HTTP_PHASE_HEAD:
    case HTTP_PHASE_BODY:
    case HTTP_PHASE_DRAINING: return &server->reading;
    case HTTP_PHASE_REPLYING: return &server->writing;
    case HTTP_PHASE_LINGERING: return &server->lingering;
    case HTTP_PHASE_HANDLING:
    case HTTP_PHASE_STREAMING:
    case HTTP_PHASE_CLOSED:
    case HTTP_PHASE_COUNT: break;
    }
    return NULL;
}

static void http_connection_set_deadline(struct http_connection *connection, struct http_queue *queue)
{
    connection->since_ms = (int64_t)uv_now(connection->server->uv);
    connection->unsent_before = SIZE_MAX;
    http_queue_add(queue, connection);
}

void http_connection_move(struct http_connection *connection, enum http_phase phase)
{
    assert(allowed_moves[connection->phase] & 1u << phase);
    struct http_queue *queue = http_connection_queue(connection, phase);
    bool is_same = queue && queue == connection->links[HTTP_LIST_DEADLINE].queue;
    connection->phase = phase;
    if (is_same) /* a body's deadline is its head's */
        return;
    http_queue_remove(connection, HTTP_LIST_DEADLINE);
    if (queue)
        http_connection_set_deadline(connection, queue);
}

bool http_connection_has_body_left(const struct http_connection *connection)
{
    return connection->is_chunked || connection->body_left > 0;
}

/* The end. */

static void http_connection_on_closed(uv_handle_t *handle)
{
    struct http_connection *connection = handle->data;
    struct http_exchange *exchange = connection->exchange;
    connection->is_socket_closed = true;
    if (exchange && exchange->state == HTTP_STREAMS)
        http_stream_closed(exchange);
    else if (exchange && http_exchange_abort(exchange))
        http_exchange_end(exchange);
    else
        http_connection_release(connection);
}

void http_connection_close(struct http_connection *connection)
{
    if (connection->phase == HTTP_PHASE_CLOSED)
        return;
    http_connection_move(connection, HTTP_PHASE_CLOSED);
    http_queue_remove(connection, HTTP_LIST_RESUME);
    uv_close((uv_handle_t *)&connection->tcp, http_connection_on_closed);
}

void http_connection_release(struct http_connection *connection)
{
    if (!connection->is_socket_closed || connection->exchange)
        return;
    struct http_server *server = connection->server;
    http_queue_remove(connection, HTTP_LIST_ALL);
    server->connection_count--;
    tls_free(connection->tls);
    buf_done(&connection->input);
    memory_free(connection);
    http_server_release(server);
}

/* Sending. */

struct http_write {
    uv_write_t request;
    char bytes[];
};

static void http_connection_finish_reply(struct http_connection *connection);

static void http_connection_on_written(uv_write_t *request, int status)
{
    struct http_connection *connection = request->data;
    memory_free(request);
    connection->writes_pending--;
    if (connection->phase == HTTP_PHASE_CLOSED)
        return;
    if (status < 0)
        http_connection_close(connection);
    else if (connection->phase == HTTP_PHASE_REPLYING && connection->writes_pending == 0)
        http_connection_finish_reply(connection);
}

static size_t http_bufs_size(const uv_buf_t *bufs, unsigned count)
{
    size_t size = 0;
    for (unsigned i = 0; i < count; i++)
        size += bufs[i].len;
    return size;
}

/* What the socket did not take waits in a copy. */
static bool http_connection_queue_write(
    struct http_connection *connection, const uv_buf_t *bufs, unsigned count, size_t sent)
{
    size_t size = http_bufs_size(bufs, count) - sent;
    struct http_write *write = memory_alloc(sizeof *write + size);
    if (!write)
        return false;
    size_t at = 0;
    for (unsigned i = 0; i < count; i++) {
        size_t skipped = sent < bufs[i].len ? sent : bufs[i].len;
        sent -= skipped;
        if (bufs[i].len > skipped)
            memcpy(write->bytes + at, bufs[i].base + skipped, bufs[i].len - skipped);
        at += bufs[i].len - skipped;
    }
    write->request.data = connection;
    uv_buf_t rest = uv_buf_init(write->bytes, (unsigned)size);
    int status = uv_write(
        &write->request, (uv_stream_t *)&connection->tcp, &rest, 1, http_connection_on_written);
    if (status < 0) {
        memory_free(write);
        return false;
    }
    connection->writes_pending++;
    return true;
}

static void http_connection_send_raw(struct http_connection *connection, struct str head, struct str body)
{
    /* uv's buffers lack a const; it does not write to them. */
    uv_buf_t bufs[2] = { { (char *)(uintptr_t)head.data, head.size },
        { (char *)(uintptr_t)body.data, body.size } };
    unsigned count = body.size > 0 ? 2 : 1;
    size_t size = http_bufs_size(bufs, count);
    if (size == 0)
        return;
    int sent = 0;
    if (connection->writes_pending == 0)
        sent = uv_try_write((uv_stream_t *)&connection->tcp, bufs, count);
    if (sent == UV_EAGAIN)
        sent = 0;
    bool is_good = sent >= 0;
    if (is_good && (size_t)sent < size)
        is_good = http_connection_queue_write(connection, bufs, count, (size_t)sent);
    if (!is_good)
        http_connection_close(connection);
}

static void http_connection_flush_tls(struct http_connection *connection)
{
    if (connection->phase == HTTP_PHASE_CLOSED)
        return;
    http_connection_send_raw(connection, tls_output(connection->tls), (struct str){ 0 });
    tls_output_sent(connection->tls);
}

void http_connection_send(struct http_connection *connection, struct str head, struct str body)
{
    if (connection->phase == HTTP_PHASE_CLOSED)
        return;
    if (!connection->tls) {
        http_connection_send_raw(connection, head, body);
        return;
    }
    if (tls_write(connection->tls, head, NULL) != ERR_OK || tls_write(connection->tls, body, NULL) != ERR_OK)
        http_connection_close(connection);
    else
        http_connection_flush_tls(connection);
}

size_t http_connection_unsent_bytes(const struct http_connection *connection)
{
    return connection->writes_pending > 0
        ? uv_stream_get_write_queue_size((const uv_stream_t *)&connection->tcp)
        : 0;
}

/* Reading. */

static void http_connection_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
    (void)suggested;
    struct http_connection *connection = handle->data;
    *ret = uv_buf_init(connection->server->read_bytes, HTTP_READ_BYTES);
}

static bool http_connection_waits_for_peer(const struct http_connection *connection)
{
    return connection->phase == HTTP_PHASE_IDLE || connection->phase == HTTP_PHASE_HEAD ||
        connection->phase == HTTP_PHASE_BODY || connection->phase == HTTP_PHASE_DRAINING ||
        connection->phase == HTTP_PHASE_LINGERING;
}

/* The peer sends no more. An answer may still be on its way to it (a half-closed connection), unless the
 * handler has asked to be told that it is gone. */
static void http_connection_on_end(struct http_connection *connection)
{
    connection->has_peer_ended = true;
    struct http_exchange *exchange = connection->exchange;
    bool is_wanted = exchange && exchange->state == HTTP_NOT_REPLIED && !exchange->aborted;
    bool is_pending = connection->phase == HTTP_PHASE_REPLYING || connection->links[HTTP_LIST_RESUME].queue;
    if (!is_pending && (http_connection_waits_for_peer(connection) || !is_wanted))
        http_connection_close(connection);
}

/* A handshake has a request's time; what follows it idles like any connection. */
static void http_connection_end_handshake(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    if (connection->links[HTTP_LIST_DEADLINE].queue != &server->shaking || !tls_is_ready(connection->tls))
        return;
    http_queue_remove(connection, HTTP_LIST_DEADLINE);
    http_connection_set_deadline(connection, &server->idle);
}

static void http_connection_decrypt(struct http_connection *connection, struct str cipher)
{
    if (tls_receive(connection->tls, cipher, NULL) != ERR_OK) {
        http_connection_close(connection);
        return;
    }
    int count;
    do {
        char *bytes = connection->server->plain_bytes;
        count = tls_read(connection->tls, bytes, HTTP_READ_BYTES);
        http_connection_flush_tls(connection);
        http_connection_end_handshake(connection);
        if (count > 0)
            http_input_consume(connection, (struct str){ bytes, (size_t)count });
    } while (count > 0 && connection->phase != HTTP_PHASE_CLOSED);
    if (count < 0 && connection->phase != HTTP_PHASE_CLOSED)
        http_connection_on_end(connection);
}

static void http_connection_on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *bytes);

/* What waits behind an unanswered request is bounded: beyond it the peer has to wait. */
static void http_connection_set_reading(struct http_connection *connection)
{
    bool should_read = connection->phase != HTTP_PHASE_CLOSED && !connection->has_peer_ended &&
        connection->input.size <= HTTP_HEADER_BYTES_MAX;
    if (should_read == connection->is_reading || connection->phase == HTTP_PHASE_CLOSED)
        return;
    uv_stream_t *stream = (uv_stream_t *)&connection->tcp;
    if (!should_read)
        (void)uv_read_stop(stream); /* never fails */
    else if (uv_read_start(stream, http_connection_on_alloc, http_connection_on_read) < 0)
        http_connection_close(connection);
    connection->is_reading = should_read;
}

static void http_connection_on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *bytes)
{
    struct http_connection *connection = stream->data;
    if (size == UV_EOF) {
        http_connection_on_end(connection);
        http_connection_set_reading(connection);
        return;
    }
    if (size < 0) {
        http_connection_close(connection);
        return;
    }
    struct str received = { bytes->base, (size_t)size };
    if (connection->tls)
        http_connection_decrypt(connection, received);
    else
        http_input_consume(connection, received);
    http_connection_set_reading(connection);
}

/* After a reply. */

/* Our half ends; the peer reads what we said before it learns that the socket is gone. Closing at once, with
 * bytes of it unread, would reset the connection and could take our answer from under it. */
void http_connection_linger(struct http_connection *connection)
{
    if (connection->tls) {
        tls_end(connection->tls);
        http_connection_flush_tls(connection);
    }
    if (connection->phase == HTTP_PHASE_CLOSED)
        return;
    uv_os_fd_t fd;
    bool is_done = connection->has_peer_ended || !connection->must_linger;
    if (is_done || uv_fileno((uv_handle_t *)&connection->tcp, &fd) < 0) {
        http_connection_close(connection);
        return;
    }
    http_connection_move(connection, HTTP_PHASE_LINGERING);
    connection->dropped_bytes = 0;
    (void)shutdown(fd, SHUT_WR); /* if the peer is gone, so is the need */
}

static void http_connection_finish_reply(struct http_connection *connection)
{
    if (connection->is_last_request) {
        http_connection_linger(connection);
        return;
    }
    if (http_connection_has_body_left(connection)) {
        connection->dropped_bytes = 0;
        http_connection_move(connection, HTTP_PHASE_DRAINING);
    } else {
        http_connection_move(connection, HTTP_PHASE_IDLE);
    }
    if (connection->is_consuming)
        return;
    if (connection->input.size > 0 || connection->has_peer_ended) {
        http_queue_add(&connection->server->resuming, connection);
        http_server_resume_soon(connection->server);
    }
}

void http_connection_reply_sent(struct http_connection *connection)
{
    if (connection->phase == HTTP_PHASE_REPLYING && connection->writes_pending == 0)
        http_connection_finish_reply(connection);
}

void http_connection_resume_all(struct http_server *server)
{
    struct http_connection *last = server->resuming.last;
    struct http_connection *connection = NULL;
    while (connection != last && (connection = server->resuming.first)) {
        http_queue_remove(connection, HTTP_LIST_RESUME);
        http_input_resume(connection);
        if (connection->has_peer_ended && http_connection_waits_for_peer(connection))
            http_connection_close(connection);
        http_connection_set_reading(connection);
    }
}

void http_connection_expire(struct http_connection *connection)
{
    static const struct http_refusal too_slow = { 408, "the request was not complete in time" };
    size_t unsent = http_connection_unsent_bytes(connection);
    switch (connection->phase) {
    case HTTP_PHASE_HEAD:
    case HTTP_PHASE_BODY: http_input_refuse(connection, &too_slow, true); break;
    case HTTP_PHASE_REPLYING:
        if (unsent >= connection->unsent_before) {
            http_connection_close(connection);
            break;
        }
        http_connection_set_deadline(connection, &connection->server->writing);
        connection->unsent_before = unsent;
        break;
    default: http_connection_close(connection); break;
    }
}

/* The beginning. */

static bool http_same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
    const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;
    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET)
        return a4->sin_addr.s_addr == b4->sin_addr.s_addr;
    return memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof a6->sin6_addr) == 0;
}

static bool http_connection_is_one_too_many(const struct http_connection *connection)
{
    const struct http_server *server = connection->server;
    if (server->connections_per_address_max == 0)
        return false;
    unsigned count = 0;
    const struct http_connection *other = server->all.first;
    for (; other; other = other->links[HTTP_LIST_ALL].next)
        count += http_same_address(&other->peer, &connection->peer);
    return count > server->connections_per_address_max;
}

static bool http_connection_name_peer(struct http_connection *connection)
{
    int size = sizeof connection->peer;
    if (uv_tcp_getpeername(&connection->tcp, (struct sockaddr *)&connection->peer, &size) < 0)
        return false;
    const struct sockaddr_in *four = (const void *)&connection->peer;
    const struct sockaddr_in6 *six = (const void *)&connection->peer;
    bool is_four = connection->peer.ss_family == AF_INET;
    const void *address = is_four ? (const void *)&four->sin_addr : (const void *)&six->sin6_addr;
    return inet_ntop(connection->peer.ss_family, address, connection->peer_text,
               sizeof connection->peer_text) != NULL;
}

static bool http_connection_start(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    if (uv_accept((uv_stream_t *)&server->listener, (uv_stream_t *)&connection->tcp) < 0)
        return false;
    if (!http_connection_name_peer(connection) || http_connection_is_one_too_many(connection))
        return false;
    (void)uv_tcp_nodelay(&connection->tcp, 1); /* slower without, not wrong */
    (void)uv_tcp_keepalive(&connection->tcp, 1, TCP_KEEPALIVE_SECONDS);
    if (server->tls && tls_new(server->tls, &connection->tls, NULL) != ERR_OK)
        return false;
    http_connection_set_reading(connection);
    return true;
}

static bool http_queue_first_is_slow(const struct http_server *server, const struct http_queue *queue)
{
    return queue->first && (int64_t)uv_now(server->uv) - queue->first->since_ms >= HTTP_SLOW_SECONDS * 1000;
}

/* Who dawdles over a handshake makes room, then who has been idle longest, then who dawdles over a request: a
 * flood of slow peers does not keep quick ones out. */
static bool http_server_make_room(struct http_server *server)
{
    struct http_connection *victim = server->idle.first;
    if (http_queue_first_is_slow(server, &server->shaking))
        victim = server->shaking.first;
    else if (!victim && http_queue_first_is_slow(server, &server->reading))
        victim = server->reading.first;
    if (!victim)
        return false;
    http_connection_close(victim);
    return true;
}

void http_connection_accept(struct http_server *server)
{
    struct http_connection *connection = heap_zeroed(sizeof *connection);
    if (!connection) { /* uv stops listening until the socket that waits is taken */
        server->is_accept_due = true;
        http_server_start_sweeper(server);
        return;
    }
    bool is_full = server->connection_count >= server->connections_max && !http_server_make_room(server);
    connection->server = server;
    connection->input.bytes_max = HTTP_HEADER_BYTES_MAX + HTTP_READ_BYTES + 1;
    (void)uv_tcp_init(server->uv, &connection->tcp); /* opens nothing yet, cannot fail */
    connection->tcp.data = connection;
    http_queue_add(&server->all, connection);
    http_connection_set_deadline(connection, server->tls ? &server->shaking : &server->idle);
    if (server->connection_count++ == 0)
        http_server_start_sweeper(server);
    if (!http_connection_start(connection) || is_full)
        http_connection_close(connection);
}
