/* One API request from its head to its reply. It owns its memory, so that work on other threads stays safe
 * when the peer goes away: then the reply is dropped, the work is not. */
#ifndef TOCSIN_API_REQUEST_H
#define TOCSIN_API_REQUEST_H

#include "api/api.h"
#include "api/route.h"
#include "io/executor.h"

struct api {
    struct http_handler handler;
    struct api_options options;
    struct streams *streams; /* stream.h */
    struct receiving *waiting; /* route_events.c: requests that wait for runs, the newest first */
    uint64_t requests, refused;
};

struct request {
    struct api *api;
    struct http_exchange *exchange; /* NULL once the peer is gone or the reply was sent */
    struct route_match match;
    struct principal principal;
    struct arena arena; /* of what the request reads and answers */
    struct value body; /* ROUTE_JSON: an object */

    /* Of work that is out; see request_read, request_write, request_engine. */
    struct store_op op;
    struct engine_reply reply;
    enum err (*work)(
        struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why);
    enum err (*blocking)(struct request *request, struct value *ret, struct err_info *why);
    struct executor_task task;
    enum err blocking_result;
    struct err_info blocking_why;
    /* idempotency.h */
    enum { KEY_NONE, KEY_RESERVED, KEY_ANSWERED } key_state;
    uint8_t key_id[16], key_request[16];
    struct str answer, answer_type;
    int answer_status;
    char etag[24]; /* of an answer whose object has a `revision`; empty: none */
    char answer_retry_after[24]; /* seconds; empty: none */
    void (*send)(struct request *request);
    void *context; /* the handler's own, in the arena */
    int status_ok;
    struct value result;
};

/* Calls the route's handler. */
void request_handle(struct request *request);
/* Replies; the request is gone afterwards. */
void request_reply(struct request *request, int status, struct value body);
void request_reply_text(struct request *request, int status, const char *content_type, struct str text);
/* `body` under 200, or the problem. */
void request_reply_result(
    struct request *request, enum err result, struct value body, const struct err_info *why);
/* RFC 9457 problem details from an error. */
void request_fail(struct request *request, enum err code, const struct err_info *why);
void request_problem(struct request *request, int status, const char *name, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* For an answer of another kind: the exchange is the caller's, the request is gone. */
struct http_exchange *request_detach(struct request *request);

/* The same with Retry-After, rounded up to whole seconds. */
void request_retry_later(struct request *request, int status, int64_t after_us, const struct err_info *why);

/* Runs `work` on a reader thread (inside the next commit) and replies with its value under `status_ok`. */
typedef enum err request_work(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why);
void request_read(struct request *request, request_work *work);
void request_read_as(struct request *request, int status_ok, request_work *work);
void request_write(struct request *request, int status_ok, request_work *work);
/* Zeroed memory in the request's arena, kept as `context`; NULL after a 503 was sent. */
void *request_new_context(struct request *request, size_t size);
/* Replies with the object that the path's first argument names; 404 when there is none. */
typedef enum err request_show_function(struct store_conn *conn, int64_t tenant, struct id id,
    struct arena *arena, struct value *ret, struct err_info *why);
void request_show(struct request *request, request_show_function *function);
/* Replies with the page that the query asks for, as request_list_query reads it. */
typedef enum err request_list_function(struct store_conn *conn, const struct list_query *query,
    struct arena *arena, struct value *ret, struct err_info *why);
void request_list(struct request *request, request_list_function *function);

/* The same on the executor's pool, for work that blocks: publishing. `work` may change `status_ok`. */
typedef enum err request_blocking(struct request *request, struct value *ret, struct err_info *why);
void request_block(struct request *request, int status_ok, request_blocking *work);
/* "token:NAME": who asked, as the engine and its audit rows name them. In the request's arena. */
struct str request_actor(struct request *request);

/* For engine calls: pass `&request->reply` after this; on success `done` replies with `result`. */
struct engine_reply *request_engine(struct request *request, int status_ok, struct value result);

/* If-Match: the revision that the sender has seen; 0 when it does not say. False after a 400 was sent. */
bool request_if_match(struct request *request, uint64_t *ret);
/* An id argument of the path; false after a 404 was sent. */
bool request_id(struct request *request, unsigned argument, struct id *ret);
/* `ret` stays as it is when the query lacks it. */
bool request_query(struct request *request, const char *name, struct str *ret);
/* Fills limit, after, status from the query; false after a 400 was sent. */
bool request_list_query(struct request *request, struct list_query *ret);
/* A text field of the body; ERR_INVALID when it is missing or no text. */
FALLIBLE request_text(const struct request *request, const char *name, struct str *ret, struct err_info *why);
/* A flag of the body, `otherwise` when it is missing; ERR_INVALID when it is something else. */
FALLIBLE request_flag(
    const struct request *request, const char *name, bool otherwise, bool *ret, struct err_info *why);

/* The body of problem details. */
void problem_print(
    struct buf *buf, int status, const char *name, struct str detail, uint32_t line, uint32_t column);
/* Its fields, for a problem with members of its own. */
FALLIBLE problem_fields(
    struct value_map_builder *body, int status, const char *name, struct str detail, struct err_info *why);
int problem_status(enum err code);

#endif
