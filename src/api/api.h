/* The HTTP face: routes under one table, each with its permission, body type and limit. Main builds one and
 * hands its handler to the HTTP server. Everything runs on the server's loop; store reads run on reader
 * threads and come back. */
#ifndef TOCSIN_API_API_H
#define TOCSIN_API_API_H

#include "access/audit.h"
#include "access/connection.h"
#include "access/secret.h"
#include "access/setup.h"
#include "access/token.h"
#include "base/buf.h"
#include "base/log.h"
#include "engine/engine.h"
#include "io/http_server.h"
#include "store/store.h"

struct api;
struct executor; /* io/executor.h */
struct contracts;
struct connect; /* connect/connect.h */
struct ingest; /* ingest/ingest.h */

struct api_options {
    struct loop *loop; /* the server's */
    struct clock *clock;
    struct log *log;
    struct store *store;
    struct vault *vault;
    struct tokens *tokens;
    struct connections *connections;
    struct connect *connect;
    void *connect_host; /* of connect_make_host on `loop`: for `connection test` */
    struct contracts *contracts; /* connect/contracts.h */
    struct engine *engine;
    struct ingest *ingest;
    struct executor *executor; /* for blocking work: publishing playbooks */
    const char *const *trusted_proxies; /* addresses; their X-Forwarded-For names who asks */
    size_t trusted_proxy_count;
    size_t event_body_bytes_max; /* ingest.body_max; 0: EVENT_BODY_BYTES_MAX */
    /* Adds metrics that other parts keep, as Prometheus text; NULL: none. */
    void (*print_metrics)(void *context, struct buf *buf);
    void *metrics_context;
    /* Whether the node takes work; NULL: always. */
    bool (*is_ready)(void *context);
    void *ready_context;
};

FALLIBLE api_new(const struct api_options *options, struct api **ret, struct err_info *why);
/* After the HTTP server was freed and its loop stopped, before the store is closed. */
void api_free(struct api *api);
struct http_handler *api_handler(struct api *api);

#endif
