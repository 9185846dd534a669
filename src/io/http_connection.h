/* For files of the HTTP server only: its parts and how they hang together.
 *
 * A connection has at most one exchange. What comes behind a request that is not answered yet waits in
 * `input`. A connection is freed when its socket is closed and its exchange has ended; a handler's exchange
 * stays good until it was answered, even when the peer is gone. */
#ifndef TOCSIN_IO_HTTP_CONNECTION_H
#define TOCSIN_IO_HTTP_CONNECTION_H

#include <netinet/in.h>
#include <uv.h>

#include "base/buf.h"
#include "io/http_chunked.h"
#include "io/http_head.h"
#include "io/http_server.h"
#include "io/tls.h"

enum http_phase {
    HTTP_PHASE_IDLE, /* no byte of a request is there */
    HTTP_PHASE_HEAD, /* some of the head is */
    HTTP_PHASE_BODY, /* the body is gathered into the exchange */
    HTTP_PHASE_HANDLING, /* the handler has it */
    HTTP_PHASE_REPLYING, /* the reply is on its way to the socket */
    HTTP_PHASE_DRAINING, /* answered; the rest of the body is read and dropped */
    HTTP_PHASE_STREAMING, /* the handler writes when it likes */
    HTTP_PHASE_LINGERING, /* our half is shut; the peer's bytes are dropped until it has read the answer */
    HTTP_PHASE_CLOSED,
    HTTP_PHASE_COUNT,
};

/* A connection is in several lists at a time. */
enum http_list { HTTP_LIST_ALL, HTTP_LIST_DEADLINE, HTTP_LIST_RESUME, HTTP_LIST_COUNT };

/* In the order of joining; for deadlines, whose span is the same for all members, the order in which they
 * expire, so that the sweeper looks only at the first ones. */
struct http_queue {
    enum http_list list;
    struct http_connection *first, *last;
    int64_t span_ms;
};

struct http_link {
    struct http_queue *queue; /* NULL: in none */
    struct http_connection *next, *previous;
};

struct http_connection {
    uv_tcp_t tcp;
    struct http_server *server;
    struct tls *tls; /* NULL: plain */
    struct http_exchange *exchange;
    enum http_phase phase;
    struct http_link links[HTTP_LIST_COUNT];
    int64_t since_ms; /* in its deadline queue */
    size_t unsent_before; /* when the sweeper last looked at a slow reply */
    struct buf input; /* received, not yet understood */
    struct http_head_scan scan;
    /* The body of the current request. */
    bool is_chunked;
    struct http_chunked chunked;
    uint64_t body_left; /* of a body with Content-Length */
    bool expects_continue; /* and was not told to */
    uint64_t dropped_bytes; /* while draining or lingering */
    unsigned writes_pending;
    bool is_consuming; /* http_connection_consume is on the stack */
    bool is_reading;
    bool is_socket_closed;
    bool has_peer_ended; /* it sends no more */
    bool is_last_request; /* close after the reply */
    bool must_linger; /* the peer may still be sending when it closes */
    bool has_skipped_line; /* one empty line before a request line is forgiven (RFC 9112, 2.2) */
    struct sockaddr_storage peer;
    char peer_text[INET6_ADDRSTRLEN];
};

enum http_reply_state { HTTP_NOT_REPLIED, HTTP_REPLIED, HTTP_STREAMS };

struct http_exchange {
    struct http_connection *connection;
    struct arena arena;
    struct buf body;
    size_t body_bytes_max;
    size_t body_charged; /* to server->bodies_bytes */
    enum http_reply_state state;
    bool is_handled; /* handle was called: the handler has it until it replies */
    void *context;
    void (*aborted)(void *context);
    void *aborted_context;
    void (*closed)(void *context); /* of a stream */
    void *closed_context;
    size_t pending_max;
    struct http_exchange *next_spare;
    struct http_head head; /* points into `arena` */
};

struct http_server {
    uv_tcp_t listener;
    uv_timer_t sweeper; /* runs while there are connections */
    uv_timer_t resumer; /* for `resuming`, on the loop's next turn */
    uv_loop_t *uv;
    struct loop *loop;
    struct http_handler *handler;
    struct tls_context *tls;
    unsigned connections_max, connections_per_address_max;
    unsigned connection_count, exchange_count, spare_count;
    unsigned open_handle_count; /* of the three above */
    bool is_accept_due; /* there was no memory for a connection: the sweeper tries again */
    bool is_stopping; /* no new requests */
    bool is_freed;
    struct http_exchange *spares;
    struct http_queue all, shaking, idle, reading, writing, lingering, resuming;
    uint64_t bodies_bytes;
    int64_t date_second;
    char date[40]; /* "Tue, 15 Nov 1994 08:12:31 GMT" of date_second */
    char address[INET6_ADDRSTRLEN + 10];
    struct buf out; /* scratch for one reply's head */
    char *read_bytes; /* scratch for one read from any socket */
    char *plain_bytes; /* and for what TLS makes of it */
};

#define HTTP_READ_BYTES ((size_t)64 * 1024)

/* http_connection.c */
void http_connection_accept(struct http_server *server);
/* Moves to a phase, which the present one must allow, and starts its deadline. */
void http_connection_move(struct http_connection *connection, enum http_phase phase);
/* Sends or queues both; closes the connection when that fails. */
void http_connection_send(struct http_connection *connection, struct str head, struct str body);
size_t http_connection_unsent_bytes(const struct http_connection *connection);
bool http_connection_has_body_left(const struct http_connection *connection);
/* The reply was given to http_connection_send: when it has left, the next request gets its turn, never
 * inside this call. */
void http_connection_reply_sent(struct http_connection *connection);
/* Ends our half and, if `must_linger`, waits for the peer's. */
void http_connection_linger(struct http_connection *connection);
/* Now, both directions. Who holds its exchange is told later, from the loop. */
void http_connection_close(struct http_connection *connection);
/* Frees it if its socket is closed and its exchange has ended. */
void http_connection_release(struct http_connection *connection);
/* The deadline of its phase has passed. */
void http_connection_expire(struct http_connection *connection);
/* http_server.c. The last connection or handle is gone: frees the server if that was asked for. */
void http_server_release(struct http_server *server);
void http_server_start_sweeper(struct http_server *server);
/* http_connection_resume_all on the loop's next turn. */
void http_server_resume_soon(struct http_server *server);
/* Those whose next request waits in `input`. */
void http_connection_resume_all(struct http_server *server);

/* http_input.c: from bytes to exchanges. */
void http_input_consume(struct http_connection *connection, struct str bytes);
/* What waits in `input`, now that the request before it is answered. */
void http_input_resume(struct http_connection *connection);
/* Answers for the server itself. `is_last` closes; else the rest of the body is drained. */
void http_input_refuse(struct http_connection *connection, const struct http_refusal *refusal, bool is_last);

/* http_exchange.c. NULL when there is no memory. */
struct http_exchange *http_exchange_new(struct http_connection *connection);
void http_exchange_end(struct http_exchange *exchange);
void http_exchange_free_spares(struct http_server *server);
/* There will be no reply, or nobody to read it: tells a handler that wants to know. True when nobody holds
 * the exchange any more. */
bool http_exchange_abort(struct http_exchange *exchange);

/* http_reply.c. Sends an answer, whoever's it is, and decides whether it is the connection's last. */
void http_reply_send(struct http_connection *connection, int status, const struct http_header *headers,
    uint32_t header_count, struct str body);
void http_stream_closed(struct http_exchange *exchange);

#endif
