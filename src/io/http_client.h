/* HTTP requests out, one client a loop: request in, answer out. A seam: production is libcurl's multi
 * interface on the loop (http_client_curl.c); tests and the simulator bring their own ops. Keep-alive,
 * HTTP/2 where offered, TLS verified, proxy variables of the environment ignored, egress policy on
 * every connection. */
#ifndef TOCSIN_IO_HTTP_CLIENT_H
#define TOCSIN_IO_HTTP_CLIENT_H

#include "base/arena.h"
#include "base/buf.h"
#include "io/egress.h"
#include "io/loop.h"

struct http_header {
    struct str name;
    struct str value; /* no CR, LF, NUL: refused with ERR_INVALID */
};

struct http_request {
    struct str method;
    struct str url; /* http or https only; userinfo refused */
    const struct http_header *headers;
    uint32_t header_count;
    struct str body;
    bool has_body;
    int64_t timeout_us; /* whole exchange; 0: CALL_SECONDS_DEFAULT */
    size_t answer_bytes_max; /* decoded; 0: ANSWER_BYTES_MAX */
    unsigned redirects_max; /* 0: none followed */
    bool redirects_cross_origin; /* false: a redirect to another origin ends the call with its answer */
    bool secret_headers; /* never sent to another origin even when redirects cross */
    struct str ca_file; /* PEM of an additional CA; empty: the system's */
    struct str client_cert_file, client_key_file;
    bool insecure_tls; /* the connection's explicit choice */
};

enum http_failure {
    HTTP_OK = 0, /* an answer came, whatever its status */
    HTTP_REFUSED, /* egress policy, bad URL: never left */
    HTTP_RESOLVE, /* DNS: never left */
    HTTP_CONNECT, /* no connection or TLS handshake: never left */
    HTTP_TLS_VERIFY, /* certificate not trusted: never left */
    HTTP_TIMEOUT,
    HTTP_BROKEN, /* the connection ended or talked nonsense after the request may have left */
    HTTP_TOO_LARGE, /* answer past answer_bytes_max */
    HTTP_CANCELLED,
};

struct http_answer {
    enum http_failure failure;
    bool may_have_left; /* false only when no byte of the request can have reached the server */
    int status;
    const struct http_header *headers; /* names in lower case, borrowed until `done` returns */
    uint32_t header_count;
    struct str body; /* decoded (gzip, deflate, br); borrowed until `done` returns */
    struct buf
        *body_owner; /* what `body` stands in: `done` may move it out, and leaves `{ 0 }`; NULL: it may not */
    struct str url; /* the last one, after redirects */
    int64_t total_us, connect_us;
    bool reused_connection;
    struct err_info why; /* filled when failure is not HTTP_OK */
};

struct http_client;
struct http_call;
struct mail_request; /* io/mail.h */
struct mail_answer;
struct mail_call;

typedef void http_done(void *context, const struct http_answer *answer);

struct http_client_ops {
    /* What `request` points to is copied. `done` is called exactly once, later, on the loop, never from
     * inside start. On an error `done` is not called. */
    enum err (*start)(struct http_client *client, const struct http_request *request, http_done *done,
        void *context, struct http_call **ret, struct err_info *why);
    /* `done` is called with HTTP_CANCELLED before cancel returns. */
    void (*cancel)(struct http_client *client, struct http_call *call);
    void (*free)(struct http_client *client);
    /* Mail over the same loop and egress policy; see mail.h. NULL: this client knows no mail. */
    enum err (*send_mail)(struct http_client *client, const struct mail_request *request,
        void (*done)(void *context, const struct mail_answer *answer), void *context, struct mail_call **ret,
        struct err_info *why);
    void (*cancel_mail)(struct http_client *client, struct mail_call *call);
};

struct http_client {
    const struct http_client_ops *ops;
};

struct http_client_options {
    const struct egress *egress;
    struct str user_agent;
    unsigned connections_max; /* in all */
    unsigned connections_per_host_max;
};

FALLIBLE http_client_new(struct loop *loop, const struct http_client_options *options,
    struct http_client **ret, struct err_info *why);

__attribute__((warn_unused_result)) static inline enum err http_client_start(struct http_client *client,
    const struct http_request *request, http_done *done, void *context, struct http_call **ret,
    struct err_info *why)
{
    return client->ops->start(client, request, done, context, ret, why);
}
static inline void http_client_cancel(struct http_client *client, struct http_call *call)
{
    client->ops->cancel(client, call);
}
static inline void http_client_free(struct http_client *client)
{
    if (client)
        client->ops->free(client);
}

/* Borrowed; NULL when absent. `name` in lower case. */
const struct http_header *http_answer_header(const struct http_answer *answer, const char *name);

#endif
