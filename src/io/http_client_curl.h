/* For files of the HTTP client only: a client's and a call's insides. */
#ifndef TOCSIN_IO_HTTP_CLIENT_CURL_H
#define TOCSIN_IO_HTTP_CLIENT_CURL_H

#include <curl/curl.h>
#include <uv.h>

#include "base/buf.h"
#include "io/http_client.h"
#include "io/http_url.h"
#include "io/mail.h"

struct http_socket;

/* A plain connection for another protocol; `fd` is -1 unless `answer->failure` is HTTP_OK. It is the callee's
 * then, non-blocking, and nobody else's. */
typedef void http_connected(void *context, const struct http_answer *answer, int fd);

/* Where a bare connection goes to. */
struct http_place {
    struct str host; /* a name, or an address without brackets */
    unsigned port;
    int64_t timeout_us;
};

struct http_client_curl {
    struct http_client client;
    struct loop *loop;
    uv_loop_t *uv;
    const struct egress *egress;
    char *user_agent;
    const char *ca_path, *ca_bundle; /* curl's, of the system; at most one is set */
    CURLM *multi;
    uv_timer_t timer;
    struct http_call *calls; /* started, not done */
    struct mail_call *mails; /* whose handles are open */
    struct http_call *spares;
    unsigned spare_count;
    struct http_socket **sockets; /* by descriptor */
    size_t socket_room;
    unsigned open_handle_count;
    bool has_lost; /* a call, perhaps */
    bool is_freed;
};

/* Why one of our callbacks made curl stop. */
enum http_stop {
    HTTP_STOP_NONE,
    HTTP_STOP_DENIED, /* egress; `why` is filled */
    HTTP_STOP_RETRY, /* curl was about to send an unsafe request a second time */
    HTTP_STOP_TOO_LARGE,
    HTTP_STOP_BOMB, /* it unpacks to far more than was sent */
    HTTP_STOP_MEMORY,
};

struct http_call {
    struct http_client_curl *client;
    struct http_call *next, *previous;
    CURL *easy;
    http_done *done;
    void *context;
    struct arena arena;
    struct http_request request; /* a copy in `arena` */
    struct http_url url; /* of the current hop */
    struct curl_slist *headers;
    int64_t started_us, timeout_us; /* monotonic */
    unsigned hop_count; /* redirects followed */
    bool has_left_origin; /* a hop led away from the first URL's */
    /* What curl's callbacks leave. */
    enum http_stop stop;
    bool is_lost; /* its socket could not be watched: it ends with what curl says next */
    bool may_have_left;
    unsigned send_count; /* times that this hop's request was about to be sent */
    unsigned socket_count; /* opened for this hop */
    bool has_retried; /* in any hop */
    struct http_header *answer_headers;
    uint32_t answer_header_count, answer_header_room;
    size_t answer_header_bytes;
    bool has_headers; /* of the final answer, whole */
    struct buf body;
    char curl_text[CURL_ERROR_SIZE];
    struct err_info why;
    http_connected *connected; /* in place of `done`: only the connection is wanted */
};

/* http_client_curl.c */
struct http_client_curl *http_client_curl_of(struct http_client *client);
/* A call with an easy handle that has all options that never change. `connected` NULL: for requests. Others
 * are not reused. */
FALLIBLE http_call_new(
    struct http_client_curl *client, http_connected *connected, struct http_call **ret, struct err_info *why);
/* A call that was not started, or is done. */
void http_call_free(struct http_call *call);
/* Hands it to curl. On an error the call is still the caller's. */
FALLIBLE http_call_begin(struct http_call *call, struct err_info *why);
/* Out of curl's hands: calls `done`, or `connected` with `fd`, and frees. */
void http_call_report(struct http_call *call, const struct http_answer *answer, int fd);
/* A handle that counts in open_handle_count was closed: the last one frees a client that was freed. */
void http_client_handle_closed(struct http_client_curl *client);

/* http_call.c */
enum err http_call_start(struct http_client *client, const struct http_request *request, http_done *done,
    void *context, struct http_call **ret, struct err_info *why);
/* curl is done with it: follows a redirect or reports; `fd` as http_connected gets it. */
void http_call_on_done(struct http_call *call, CURLcode code, int fd);
void http_call_cancel(struct http_client *client, struct http_call *call);
/* Resolves and connects, through the egress policy; `connected` is called exactly once, later, on the loop.
 */
FALLIBLE http_connect_start(struct http_client_curl *client, struct http_place place,
    http_connected *connected, void *context, struct http_call **ret, struct err_info *why);

/* mail.c */
enum err mail_call_start(struct http_client *client, const struct mail_request *request, mail_done *done,
    void *context, struct mail_call **ret, struct err_info *why);
void mail_call_cancel(struct http_client *client, struct mail_call *call);
/* Ends all of the client's mail calls. */
void mail_calls_abandon(struct http_client_curl *client);

#endif
