#include "api/api.h"

#include <stdio.h>
#include <string.h>

#include "api/handlers.h"
#include "api/idempotency.h"
#include "api/remote.h"
#include "api/request.h"
#include "api/stream.h"
#include "base/json.h"
#include "base/memory.h"
#include "ingest/ingest.h"

/* What the head found out, in the exchange's memory: a body that never comes whole leaves nothing behind. */
struct admitted {
    struct route_match match;
    struct principal principal;
};

static void aborted(void *context)
{
    struct request *request = context;
    request->exchange = NULL;
}

/* Replies with a problem before there is a request of its own. */
static void refuse(
    struct http_exchange *exchange, int status, const char *name, const char *detail, struct str allow)
{
    AUTO(buf) struct buf buf = { 0 };
    struct http_header headers[3] = { { STR("Content-Type"), STR("application/problem+json") } };
    uint32_t count = 1;
    if (status == 401)
        headers[count++] = (struct http_header){ STR("WWW-Authenticate"), STR("Bearer realm=\"tocsin\"") };
    if (allow.size > 0)
        headers[count++] = (struct http_header){ STR("Allow"), allow };
    problem_print(&buf, status, name, str_of(detail), 0, 0);
    http_reply(exchange, status, headers, count, buf_str(&buf));
}

static void refuse_method(struct http_exchange *exchange, const struct route_match *match)
{
    AUTO(buf) struct buf allow = { 0 };
    for (unsigned i = 0; i < match->allowed_count; i++)
        buf_printf(&allow, "%s%s", i ? ", " : "", match->allowed[i]);
    refuse(exchange, 405, "method", "this path knows other methods; Allow lists them", buf_str(&allow));
}

static bool is_json_type(struct str type)
{
    struct str rest = type, essence;
    if (!str_split(&rest, ';', &essence))
        return true; /* no type: JSON is meant */
    essence = str_trim(essence);
    return essence.size == 0 || str_equal_nocase(essence, STR("application/json"));
}

static void count_rejected(const struct api *api, const struct route *route, const char *reason)
{
    if (route->permission == PERMISSION_INGEST && api->options.ingest)
        ingest_count_rejected(api->options.ingest, reason);
}

static bool authenticate(
    struct api *api, struct http_exchange *exchange, const struct route_match *match, struct principal *ret)
{
    const struct route *route = match->route;
    struct err_info why = { 0 };
    memset(ret, 0, sizeof *ret);
    if (route->authentication == ROUTE_OPEN)
        return true;
    struct str header = http_header_get(exchange, "authorization");
    /* A signature is over the body: route->admit checks it when that is there. */
    if (header.size == 0 && route->admit != NULL &&
        (route->authentication == ROUTE_HOOK ||
            ingest_takes_signatures(api->options.ingest, match->arguments[0])))
        return true;
    if (header.size == 0) {
        count_rejected(api, route, "token");
        refuse(exchange, 401, "token",
            "send `Authorization: Bearer toc_…`; `tocsin token create` makes a token", STR(""));
        return false;
    }
    if (token_authenticate_header(api->options.tokens, header, ret, &why) != ERR_OK) {
        count_rejected(api, route, "token");
        refuse(exchange, 401, why.name ? why.name : "token", why.text, STR(""));
        return false;
    }
    principal_set_remote(ret, remote_of(&api->options, exchange));
    struct str source = route->authentication == ROUTE_HOOK ? STR("webhook") : match->arguments[0];
    bool may = route->permission == PERMISSION_INGEST ? principal_can_ingest(ret, source)
                                                      : principal_can(ret, route->permission);
    if (!may) {
        count_rejected(api, route, "permission");
        const char *scope = permissions[route->permission].name;
        char text[160];
        snprintf(text, sizeof text, "this token lacks the scope %s", scope ? scope : "");
        refuse(exchange, 403, "permission", text, STR(""));
    }
    return may;
}

static size_t body_limit(const struct api *api, const struct route *route)
{
    if (route->body == ROUTE_NO_BODY)
        return 0;
    if (route->permission == PERMISSION_INGEST)
        return api->options.event_body_bytes_max ? api->options.event_body_bytes_max : EVENT_BODY_BYTES_MAX;
    return route->body_bytes_max ? route->body_bytes_max : API_BODY_BYTES_MAX;
}

static void head(struct http_handler *handler, struct http_exchange *exchange, size_t *ret_body_bytes_max)
{
    struct api *api = (struct api *)handler;
    struct route_match match;
    struct principal principal;
    *ret_body_bytes_max = 0;
    api->requests++;
    route_find(routes, http_method(exchange), http_path(exchange), &match);
    if (match.route == NULL && match.has_path) {
        refuse_method(exchange, &match);
        return;
    }
    if (match.route == NULL) {
        refuse(exchange, 404, "not_found",
            "there is nothing under this path; /api/v1/openapi.json lists what is", STR(""));
        return;
    }
    if (!authenticate(api, exchange, &match, &principal))
        return;
    if (match.route->body == ROUTE_JSON && !is_json_type(http_header_get(exchange, "content-type"))) {
        refuse(exchange, 415, "content_type", "the body must be application/json", STR(""));
        return;
    }
    struct admitted *admitted = ARENA_NEW(http_arena(exchange), struct admitted);
    if (admitted == NULL) {
        refuse(exchange, 503, "memory", "there is no memory for the request", STR(""));
        return;
    }
    *admitted = (struct admitted){ match, principal };
    http_set_context(exchange, admitted);
    *ret_body_bytes_max = body_limit(api, match.route);
}

/* A request's own copy of the path's arguments outlives the exchange. */
static struct request *request_new(
    struct api *api, struct http_exchange *exchange, const struct admitted *admitted)
{
    struct request *request = memory_alloc(sizeof *request);
    if (request == NULL)
        return NULL;
    *request = (struct request){
        .api = api, .exchange = exchange, .match = admitted->match, .principal = admitted->principal
    };
    for (unsigned i = 0; i < request->match.argument_count; i++) {
        struct str *argument = &request->match.arguments[i];
        if (arena_str(&request->arena, *argument, argument, NULL) != ERR_OK) {
            arena_done(&request->arena);
            memory_free(request);
            return NULL;
        }
    }
    return request;
}

static void handle(struct http_handler *handler, struct http_exchange *exchange)
{
    struct api *api = (struct api *)handler;
    struct request *request = request_new(api, exchange, http_context(exchange));
    if (request == NULL) {
        refuse(exchange, 503, "memory", "there is no memory for the request", STR(""));
        return;
    }
    http_on_abort(exchange, aborted, request);
    const struct route *route = request->match.route;
    if (route->body == ROUTE_JSON) {
        struct err_info why = { 0 };
        struct json_options options = { .copy_strings = true };
        enum err result = json_parse(&request->arena, http_body(exchange), &options, &request->body, &why);
        if (result == ERR_OK && request->body.type != VALUE_MAP)
            result = err_named(&why, ERR_INVALID, "body", "the body must be a JSON object");
        if (result != ERR_OK) {
            request_fail(request, result, &why);
            return;
        }
    }
    if (route->admit != NULL && !route->admit(request))
        return;
    if (!idempotency_take(request))
        request_handle(request);
}

void request_handle(struct request *request)
{
    request->match.route->handle(request);
}

static void refused(struct http_handler *handler, int status, const char *reason, struct arena *arena,
    struct str *ret_body, struct str *ret_content_type)
{
    struct api *api = (struct api *)handler;
    AUTO(buf) struct buf buf = { 0 };
    struct str body;
    api->refused++;
    problem_print(&buf, status, "http", str_of(reason), 0, 0);
    if (arena_str(arena, buf_str(&buf), &body, NULL) != ERR_OK)
        return; /* without memory the server's own short text goes out */
    *ret_body = body;
    *ret_content_type = STR("application/problem+json");
}

enum err api_new(const struct api_options *options, struct api **ret, struct err_info *why)
{
    struct api *api = memory_alloc(sizeof *api);
    if (api == NULL)
        return err_memory(why);
    *api = (struct api){ .handler = { head, handle, refused }, .options = *options };
    enum err result = streams_new(options, &api->streams, why);
    if (result != ERR_OK) {
        memory_free(api);
        return result;
    }
    *ret = api;
    return ERR_OK;
}

void api_free(struct api *api)
{
    route_events_end(api);
    streams_free(api->streams);
    memory_free(api);
}

struct http_handler *api_handler(struct api *api)
{
    return &api->handler;
}
