#include "io/http_server.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>
#include <sys/resource.h>

#include "base/limits.h"
#include "io/heap.h"
#include "io/http_connection.h"
#include "io/loop_uv.h"

#define ACCEPT_BACKLOG 1024
#define SWEEP_MS_MAX 500
#define SWEEP_MS_MIN 10

/* Timers and accepts. */

static void http_server_sweep_queue(struct http_server *server, struct http_queue *queue)
{
    int64_t oldest_ms = (int64_t)uv_now(server->uv) - queue->span_ms;
    while (queue->first && queue->first->since_ms <= oldest_ms)
        http_connection_expire(queue->first);
}

static void http_server_on_sweep(uv_timer_t *timer)
{
    struct http_server *server = timer->data;
    http_server_sweep_queue(server, &server->shaking);
    http_server_sweep_queue(server, &server->idle);
    http_server_sweep_queue(server, &server->reading);
    http_server_sweep_queue(server, &server->writing);
    http_server_sweep_queue(server, &server->lingering);
    if (server->is_accept_due) {
        server->is_accept_due = false;
        http_connection_accept(server);
    }
    if (server->connection_count == 0 && !server->is_accept_due)
        (void)uv_timer_stop(timer); /* never fails */
}

void http_server_start_sweeper(struct http_server *server)
{
    int64_t shortest_ms = server->reading.span_ms < server->lingering.span_ms ? server->reading.span_ms
                                                                              : server->lingering.span_ms;
    int64_t wait_ms = shortest_ms / 4;
    wait_ms = wait_ms > SWEEP_MS_MAX ? SWEEP_MS_MAX : wait_ms < SWEEP_MS_MIN ? SWEEP_MS_MIN : wait_ms;
    /* Fails only on a handle that closes. */
    (void)uv_timer_start(&server->sweeper, http_server_on_sweep, (uint64_t)wait_ms, (uint64_t)wait_ms);
}

static void http_server_on_resume(uv_timer_t *timer)
{
    http_connection_resume_all(timer->data);
}

void http_server_resume_soon(struct http_server *server)
{
    (void)uv_timer_start(&server->resumer, http_server_on_resume, 0, 0); /* fails only on a closing handle */
}

static void http_server_on_connection(uv_stream_t *listener, int status)
{
    if (status == 0)
        http_connection_accept(listener->data);
}

/* Set-up. */

static FALLIBLE http_server_bad_listen(struct str listen, struct err_info *why)
{
    return err_named(why, ERR_INVALID, "listen",
        "cannot listen on \"%.*s\": write ADDRESS:PORT, like 127.0.0.1:8473 or [::1]:8473", STR_ARG(listen));
}

static FALLIBLE http_server_parse_listen(
    struct str listen, struct sockaddr_storage *ret, struct err_info *why)
{
    char address[INET6_ADDRSTRLEN];
    ptrdiff_t last_colon = -1;
    for (ptrdiff_t at = str_find_byte(listen, ':', 0); at >= 0;
         at = str_find_byte(listen, ':', (size_t)at + 1))
        last_colon = at;
    if (last_colon < 0)
        return http_server_bad_listen(listen, why);
    struct str host = str_slice(listen, 0, (size_t)last_colon);
    struct str port = str_slice(listen, (size_t)last_colon + 1, listen.size);
    bool is_six = str_starts(host, STR("[")) && str_ends(host, STR("]"));
    if (is_six)
        host = str_slice(host, 1, host.size - 1);
    uint64_t number;
    if (host.size >= sizeof address || !str_to_uint(port, &number) || number > UINT16_MAX)
        return http_server_bad_listen(listen, why);
    memcpy(address, host.data, host.size);
    address[host.size] = '\0';
    int failed = is_six ? uv_ip6_addr(address, (int)number, (struct sockaddr_in6 *)(void *)ret)
                        : uv_ip4_addr(address, (int)number, (struct sockaddr_in *)(void *)ret);
    return failed < 0 ? http_server_bad_listen(listen, why) : ERR_OK;
}

static FALLIBLE http_server_name_address(struct http_server *server, struct err_info *why)
{
    struct sockaddr_storage bound;
    int size = sizeof bound;
    int status = uv_tcp_getsockname(&server->listener, (struct sockaddr *)&bound, &size);
    if (status < 0)
        return err_uv(why, status, "read the listening address");
    const struct sockaddr_in *four = (const void *)&bound;
    const struct sockaddr_in6 *six = (const void *)&bound;
    char text[INET6_ADDRSTRLEN];
    bool is_six = bound.ss_family == AF_INET6;
    const void *address = is_six ? (const void *)&six->sin6_addr : (const void *)&four->sin_addr;
    (void)inet_ntop(bound.ss_family, address, text, sizeof text); /* of these families it fits */
    unsigned port = ntohs(is_six ? six->sin6_port : four->sin_port);
    (void)snprintf(server->address, sizeof server->address, is_six ? "[%s]:%u" : "%s:%u", text, port);
    return ERR_OK;
}

static FALLIBLE http_server_listen(struct http_server *server, struct str listen, struct err_info *why)
{
    struct sockaddr_storage address = { 0 };
    char doing[160];
    (void)snprintf(doing, sizeof doing, "listen on %.*s", STR_ARG(listen)); /* a cut text is good enough */
    TRY(http_server_parse_listen(listen, &address, why));
    int status = uv_tcp_bind(&server->listener, (const struct sockaddr *)&address, 0);
    if (status == 0)
        status = uv_listen((uv_stream_t *)&server->listener, ACCEPT_BACKLOG, http_server_on_connection);
    return status < 0 ? err_uv(why, status, doing) : http_server_name_address(server, why);
}

/* Half of the descriptors are for the rest of the process: without one left nobody could be let in, and so
 * nobody be made to leave. */
static unsigned http_server_connections_max(unsigned wanted)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return wanted;
    rlim_t most = limit.rlim_cur / 2;
    return most < wanted ? (unsigned)(most > 0 ? most : 1) : wanted;
}

static void http_server_set_limits(struct http_server *server, const struct http_server_options *options)
{
    int64_t request_us = options->request_timeout_us;
    int64_t request_ms = request_us > 0 ? request_us / US_PER_MS : HTTP_REQUEST_SECONDS_MAX * 1000;
    server->connections_max = http_server_connections_max(
        options->connections_max ? options->connections_max : HTTP_CONNECTIONS_MAX);
    server->connections_per_address_max = options->connections_per_address_max;
    server->all = (struct http_queue){ .list = HTTP_LIST_ALL };
    server->resuming = (struct http_queue){ .list = HTTP_LIST_RESUME };
    server->shaking = (struct http_queue){ .list = HTTP_LIST_DEADLINE, .span_ms = request_ms };
    server->idle = (struct http_queue){ .list = HTTP_LIST_DEADLINE, .span_ms = HTTP_IDLE_SECONDS_MAX * 1000 };
    server->reading = (struct http_queue){ .list = HTTP_LIST_DEADLINE, .span_ms = request_ms };
    server->writing = (struct http_queue){ .list = HTTP_LIST_DEADLINE, .span_ms = request_ms };
    server->lingering = (struct http_queue){ .list = HTTP_LIST_DEADLINE,
        .span_ms = HTTP_LINGER_SECONDS * 1000 };
}

/* Opening these opens no descriptor, so it cannot fail. */
static void http_server_open_handles(struct http_server *server)
{
    (void)uv_tcp_init(server->uv, &server->listener);
    (void)uv_timer_init(server->uv, &server->sweeper);
    (void)uv_timer_init(server->uv, &server->resumer);
    server->listener.data = server->sweeper.data = server->resumer.data = server;
    server->open_handle_count = 3;
}

enum err http_server_new(struct loop *loop, const struct http_server_options *options,
    struct http_handler *handler, struct http_server **ret, struct err_info *why)
{
    struct http_server *server = heap_zeroed(sizeof *server);
    if (!server)
        return err_memory(why);
    server->loop = loop;
    server->uv = loop_uv(loop);
    server->handler = handler;
    http_server_set_limits(server, options);
    http_server_open_handles(server);
    server->read_bytes = memory_alloc(HTTP_READ_BYTES);
    enum err failed = server->read_bytes ? ERR_OK : err_memory(why);
    if (failed == ERR_OK && options->tls_cert_file.size > 0) {
        server->plain_bytes = memory_alloc(HTTP_READ_BYTES);
        failed = server->plain_bytes
            ? tls_context_new(options->tls_cert_file, options->tls_key_file, &server->tls, why)
            : err_memory(why);
    }
    if (failed == ERR_OK)
        failed = http_server_listen(server, options->listen, why);
    if (failed != ERR_OK) {
        http_server_free(server);
        return failed;
    }
    *ret = server;
    return ERR_OK;
}

struct str http_server_address(const struct http_server *server)
{
    return str_of(server->address);
}

unsigned http_server_open_exchanges(const struct http_server *server)
{
    return server->exchange_count;
}

/* The end. */

static void http_server_on_handle_closed(uv_handle_t *handle)
{
    struct http_server *server = handle->data;
    server->open_handle_count--;
    http_server_release(server);
}

void http_server_release(struct http_server *server)
{
    if (!server->is_freed || server->open_handle_count > 0 || server->connection_count > 0)
        return;
    http_exchange_free_spares(server);
    tls_context_free(server->tls);
    buf_done(&server->out);
    memory_free(server->read_bytes);
    memory_free(server->plain_bytes);
    memory_free(server);
}

static void http_server_close_listener(struct http_server *server)
{
    if (!uv_is_closing((uv_handle_t *)&server->listener))
        uv_close((uv_handle_t *)&server->listener, http_server_on_handle_closed);
}

void http_server_stop_accepting(struct http_server *server)
{
    server->is_stopping = true;
    http_server_close_listener(server);
    while (server->idle.first)
        http_connection_close(server->idle.first);
}

/* Nobody will answer this exchange any more. */
static void http_server_drop_exchange(struct http_exchange *exchange)
{
    if (exchange->state == HTTP_STREAMS) {
        http_stream_closed(exchange);
        return;
    }
    (void)http_exchange_abort(exchange); /* it ends whether or not anyone has listened */
    http_exchange_end(exchange);
}

void http_server_free(struct http_server *server)
{
    if (!server)
        return;
    server->is_stopping = server->is_freed = true;
    struct http_connection *connection;
    for (connection = server->all.first; connection; connection = connection->links[HTTP_LIST_ALL].next)
        http_connection_close(connection);
    connection = server->all.first;
    while (connection) { /* a handler that is told may end other exchanges: begin anew after each */
        if (!connection->exchange) {
            connection = connection->links[HTTP_LIST_ALL].next;
            continue;
        }
        http_server_drop_exchange(connection->exchange);
        connection = server->all.first;
    }
    http_server_close_listener(server);
    uv_close((uv_handle_t *)&server->sweeper, http_server_on_handle_closed);
    uv_close((uv_handle_t *)&server->resumer, http_server_on_handle_closed);
}
