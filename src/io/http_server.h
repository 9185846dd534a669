/* HTTP/1.1 in, strict, on the loop of its owner. Requests that smuggle (two Content-Lengths, Content-Length
 * with Transfer-Encoding, a space before a header's colon, a bare CR, two Hosts, a chunk that does not end in
 * CR LF, …) are refused before the handler sees them. A request that is not complete within
 * HTTP_REQUEST_SECONDS_MAX is refused with 408.
 *
 * Life of an exchange: `head` (headers are there; decides the body limit or answers at once) → body is
 * gathered → `handle` → one reply, now or later. All calls on the server's loop thread. */
#ifndef TOCSIN_IO_HTTP_SERVER_H
#define TOCSIN_IO_HTTP_SERVER_H

#include "base/arena.h"
#include "io/http_client.h"
#include "io/loop.h"

struct http_server;
struct http_exchange;

struct http_handler {
    /* Sets the body limit for this request (0: a body is refused) or replies early with
     * http_reply (401, 404, 413, 415 …: the body is then drained or the connection closed). */
    void (*head)(struct http_handler *handler, struct http_exchange *exchange, size_t *ret_body_bytes_max);
    void (*handle)(struct http_handler *handler, struct http_exchange *exchange);
    /* The server itself refuses (400 malformed, 408, 413, 431, 501 …): lets the API shape the body (problem
     * details). Sets `*ret_body`, `*ret_content_type`, static or arena-owned; may be NULL. */
    void (*refused)(struct http_handler *handler, int status, const char *reason, struct arena *arena,
        struct str *ret_body, struct str *ret_content_type);
};

struct http_server_options {
    struct str listen; /* "127.0.0.1:8473", "[::1]:0"; port 0: any */
    unsigned connections_max; /* 0: HTTP_CONNECTIONS_MAX; at the limit who idles or dawdles makes room */
    unsigned connections_per_address_max; /* 0: no limit */
    struct str tls_cert_file, tls_key_file; /* empty: plain */
    int64_t request_timeout_us; /* 0: HTTP_REQUEST_SECONDS_MAX */
};

FALLIBLE http_server_new(struct loop *loop, const struct http_server_options *options,
    struct http_handler *handler, struct http_server **ret, struct err_info *why);
/* The bound address as text, "127.0.0.1:8473"; borrowed. */
struct str http_server_address(const struct http_server *server);
/* No new connections and requests; open exchanges may still be answered. */
void http_server_stop_accepting(struct http_server *server);
unsigned http_server_open_exchanges(const struct http_server *server);
/* Not from inside a handler's callback. Exchanges that are still open end without a reply; their aborted and
 * closed hooks are called. The memory goes with the loop's next turns, or with loop_free. */
void http_server_free(struct http_server *server);

/* The request: borrowed until the exchange ends. */
struct str http_method(const struct http_exchange *exchange);
struct str http_path(const struct http_exchange *exchange); /* as sent, before percent-decoding; no query */
struct str http_query(const struct http_exchange *exchange); /* the raw text after '?' */
struct str http_header_get(const struct http_exchange *exchange, const char *name); /* empty when absent */
struct str http_body(const struct http_exchange *exchange);
struct str http_remote(const struct http_exchange *exchange); /* peer address as text */
/* Lives until the exchange ends, which is after the reply was sent. */
struct arena *http_arena(struct http_exchange *exchange);
void *http_context(const struct http_exchange *exchange);
void http_set_context(struct http_exchange *exchange, void *context);
/* The first value of a query parameter, percent-decoded into the arena; false when absent. */
bool http_query_find(struct http_exchange *exchange, const char *name, struct str *ret);

/* Exactly one reply an exchange; the body is copied. After it the exchange is gone: do not touch it. Headers
 * that frame (Content-Length, Transfer-Encoding, Connection, Date) are the server's: a handler's are left
 * out. HEAD, 204 and 304 get no body. May be called from `head`, from `handle`, or later; when the peer is
 * gone by then the reply is dropped. */
void http_reply(struct http_exchange *exchange, int status, const struct http_header *headers,
    uint32_t header_count, struct str body);

/* Server-Sent Events and other long answers: begin, then write until closed. `closed` is called once when
 * the peer is gone or http_stream_end was called; the exchange is invalid after it, also
 * when http_stream_end calls it; http_stream_write never does. Bytes not yet
 * taken by the peer are capped: past `pending_max` http_stream_write gives ERR_LIMIT and the caller
 * ends the stream (the client resumes by Last-Event-ID). */
FALLIBLE http_stream_begin(struct http_exchange *exchange, int status, const struct http_header *headers,
    uint32_t header_count, size_t pending_max, void (*closed)(void *context), void *context,
    struct err_info *why);
FALLIBLE http_stream_write(struct http_exchange *exchange, struct str bytes, struct err_info *why);
void http_stream_end(struct http_exchange *exchange);
/* Optional. With it, when the peer goes away before the exchange is answered, the exchange ends: `aborted` is
 * called once, and nothing may touch the exchange afterwards. A peer that has only shut its sending side
 * counts as gone. Without it the exchange stays good until it is answered, whoever reads that. */
void http_on_abort(struct http_exchange *exchange, void (*aborted)(void *context), void *context);

#endif
