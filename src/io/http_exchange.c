#include <assert.h>

#include "base/limits.h"
#include "base/text.h"
#include "io/heap.h"
#include "io/http_connection.h"

/* Ended exchanges are kept for the next ones, each with at most this much memory. */
#define SPARES_MAX 64
#define SPARE_BYTES_MAX (64 * KIB)

struct http_exchange *http_exchange_new(struct http_connection *connection)
{
    struct http_server *server = connection->server;
    struct http_exchange *exchange = server->spares;
    if (exchange) {
        server->spares = exchange->next_spare;
        server->spare_count--;
    } else {
        exchange = heap_zeroed(sizeof *exchange);
        if (!exchange)
            return NULL;
    }
    exchange->connection = connection;
    connection->exchange = exchange;
    server->exchange_count++;
    return exchange;
}

static void http_exchange_free(struct http_exchange *exchange)
{
    arena_done(&exchange->arena);
    buf_done(&exchange->body);
    memory_free(exchange);
}

/* Back to zero, but for memory that the next one will want. `head` is written whole when read. */
static void http_exchange_reset(struct http_exchange *exchange)
{
    if (exchange->arena.bytes_held > SPARE_BYTES_MAX)
        arena_done(&exchange->arena);
    else
        arena_reset(&exchange->arena);
    if (exchange->body.room > SPARE_BYTES_MAX)
        buf_done(&exchange->body);
    else
        buf_clear(&exchange->body);
    exchange->connection = NULL;
    exchange->state = HTTP_NOT_REPLIED;
    exchange->is_handled = false;
    exchange->body_bytes_max = exchange->body_charged = exchange->pending_max = 0;
    exchange->context = exchange->aborted_context = exchange->closed_context = NULL;
    exchange->aborted = exchange->closed = NULL;
    exchange->head.header_count = 0;
    /* Was in the arena; a refusal for want of memory looks at it before there is a head. */
    exchange->head.method = (struct str){ 0 };
}

void http_exchange_end(struct http_exchange *exchange)
{
    struct http_connection *connection = exchange->connection;
    struct http_server *server = connection->server;
    connection->exchange = NULL;
    server->exchange_count--;
    server->bodies_bytes -= exchange->body_charged;
    if (server->spare_count < SPARES_MAX) {
        http_exchange_reset(exchange);
        exchange->next_spare = server->spares;
        server->spares = exchange;
        server->spare_count++;
    } else {
        http_exchange_free(exchange);
    }
    http_connection_release(connection);
}

void http_exchange_free_spares(struct http_server *server)
{
    while (server->spares) {
        struct http_exchange *exchange = server->spares;
        server->spares = exchange->next_spare;
        http_exchange_free(exchange);
    }
}

bool http_exchange_abort(struct http_exchange *exchange)
{
    void (*aborted)(void *context) = exchange->aborted;
    exchange->aborted = NULL;
    if (aborted)
        aborted(exchange->aborted_context);
    return aborted || !exchange->is_handled;
}

/* What handlers ask. */

struct str http_method(const struct http_exchange *exchange)
{
    return exchange->head.method;
}

struct str http_path(const struct http_exchange *exchange)
{
    return exchange->head.path;
}

struct str http_query(const struct http_exchange *exchange)
{
    return exchange->head.query;
}

struct str http_header_get(const struct http_exchange *exchange, const char *name)
{
    const struct http_header *header = http_head_header(&exchange->head, str_of(name));
    return header ? header->value : (struct str){ 0 };
}

struct str http_body(const struct http_exchange *exchange)
{
    return buf_str(&exchange->body);
}

struct str http_remote(const struct http_exchange *exchange)
{
    return str_of(exchange->connection->peer_text);
}

struct arena *http_arena(struct http_exchange *exchange)
{
    return &exchange->arena;
}

void *http_context(const struct http_exchange *exchange)
{
    return exchange->context;
}

void http_set_context(struct http_exchange *exchange, void *context)
{
    exchange->context = context;
}

void http_on_abort(struct http_exchange *exchange, void (*aborted)(void *context), void *context)
{
    exchange->aborted = aborted;
    exchange->aborted_context = context;
}

static bool http_query_decode(struct http_exchange *exchange, struct str text, struct str *ret)
{
    AUTO(buf) struct buf plain = { .bytes_max = HTTP_TARGET_BYTES_MAX };
    return percent_decode(&plain, text, true) && buf_check(&plain, NULL) == ERR_OK &&
        arena_str(&exchange->arena, buf_str(&plain), ret, NULL) == ERR_OK;
}

bool http_query_find(struct http_exchange *exchange, const char *name, struct str *ret)
{
    struct str rest = exchange->head.query, part, key;
    while (str_split(&rest, '&', &part)) {
        ptrdiff_t equals = str_find_byte(part, '=', 0);
        struct str raw_key = equals < 0 ? part : str_slice(part, 0, (size_t)equals);
        struct str raw_value = str_slice(part, equals < 0 ? part.size : (size_t)equals + 1, part.size);
        if (!http_query_decode(exchange, raw_key, &key) || !str_equal(key, str_of(name)))
            continue;
        return http_query_decode(exchange, raw_value, ret);
    }
    return false;
}
