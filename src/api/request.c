#include "api/request.h"

#include <stdarg.h>
#include <stdio.h>

#include "api/answer.h"
#include "api/idempotency.h"
#include "base/container.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/timetext.h"

static void request_free(struct request *request)
{
    arena_done(&request->arena);
    memory_free(request);
}

struct http_exchange *request_detach(struct request *request)
{
    struct http_exchange *exchange = request->exchange;
    request_free(request);
    return exchange;
}

static void send_now(
    struct request *request, int status, const char *content_type, struct str text, const char *retry_after)
{
    struct http_header headers[6] = {
        { STR("Content-Type"), str_of(content_type) },
        { STR("Cache-Control"), STR("no-store") },
        { STR("X-Content-Type-Options"), STR("nosniff") },
    };
    uint32_t count = 3;
    if (retry_after != NULL && *retry_after != '\0')
        headers[count++] = (struct http_header){ STR("Retry-After"), str_of(retry_after) };
    if (status == 401)
        headers[count++] = (struct http_header){ STR("WWW-Authenticate"), STR("Bearer realm=\"tocsin\"") };
    if (request->etag[0] != '\0')
        headers[count++] = (struct http_header){ STR("ETag"), str_of(request->etag) };
    if (request->exchange != NULL) {
        http_on_abort(request->exchange, NULL, NULL);
        http_reply(request->exchange, status, headers, count, text);
    }
    request_free(request);
}

static void send_kept(struct request *request)
{
    send_now(request, request->answer_status, request->answer_type.data, request->answer,
        request->answer_retry_after);
}

static void send_reply(
    struct request *request, int status, const char *content_type, struct str text, const char *retry_after)
{
    if (request->key_state != KEY_RESERVED ||
        arena_str(&request->arena, text, &request->answer, NULL) != ERR_OK) {
        send_now(request, status, content_type, text, retry_after);
        return;
    }
    request->answer_status = status;
    request->answer_type = str_of(content_type);
    if (retry_after != NULL)
        snprintf(request->answer_retry_after, sizeof request->answer_retry_after, "%s", retry_after);
    idempotency_finish(request, send_kept);
}

void request_reply_text(struct request *request, int status, const char *content_type, struct str text)
{
    send_reply(request, status, content_type, text, NULL);
}

void request_reply(struct request *request, int status, struct value body)
{
    AUTO(buf) struct buf buf = { 0 };
    struct value revision = body.type == VALUE_MAP ? value_get(body, STR("revision")) : value_null();
    if (status < 300 && (revision.type == VALUE_INT || revision.type == VALUE_UINT))
        snprintf(request->etag, sizeof request->etag, "\"%llu\"", (unsigned long long)revision.uinteger);
    json_print(&buf, body, 0);
    buf_add_byte(&buf, '\n');
    if (buf_check(&buf, NULL) != ERR_OK) {
        request_problem(request, 500, "memory", "there is no memory for the answer");
        return;
    }
    const char *type = status >= 400 ? "application/problem+json" : "application/json";
    request_reply_text(request, status, type, buf_str(&buf));
}

static void reply_problem(
    struct request *request, int status, const char *name, struct str detail, uint32_t line, uint32_t column)
{
    AUTO(buf) struct buf buf = { 0 };
    request->api->refused++;
    problem_print(&buf, status, name, detail, line, column);
    request_reply_text(request, status, "application/problem+json", buf_str(&buf));
}

void request_problem(struct request *request, int status, const char *name, const char *format, ...)
{
    char text[ERR_TEXT_BYTES_MAX];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    reply_problem(request, status, name, str_of(text), 0, 0);
}

void request_fail(struct request *request, enum err code, const struct err_info *why)
{
    int status = problem_status(code);
    if (code == ERR_CONFLICT && str_equal(str_of(why->name), STR("revision")))
        status = 412; /* If-Match did not hold (RFC 9110, 13.1.1) */
    if (status == 500)
        log_failure(request->api->options.log, LOG_ERROR, "a request failed", why);
    reply_problem(request, status, why->name ? why->name : err_word(code),
        status == 500 ? STR("the server failed; its log says why") : str_of(why->text), why->line,
        why->column);
}

void request_retry_later(struct request *request, int status, int64_t after_us, const struct err_info *why)
{
    AUTO(buf) struct buf buf = { 0 };
    char seconds[24];
    snprintf(seconds, sizeof seconds, "%lld", (long long)((after_us + US_PER_S - 1) / US_PER_S));
    request->api->refused++;
    problem_print(&buf, status, why->name ? why->name : err_word(why->code), str_of(why->text), 0, 0);
    send_reply(request, status, "application/problem+json", buf_str(&buf), seconds);
}

void request_reply_result(
    struct request *request, enum err result, struct value body, const struct err_info *why)
{
    if (result == ERR_OK)
        request_reply(request, 200, body);
    else
        request_fail(request, result, why);
}

/* ---- work on the store ---- */

static enum err apply_work(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct request *request = CONTAINER_OF(op, struct request, op);
    TRY(request->work(request, conn, &request->result, why));
    return idempotency_store(request, conn, request->status_ok, request->result, why);
}

static void work_done(struct store_op *op, enum err result, const struct err_info *why)
{
    struct request *request = CONTAINER_OF(op, struct request, op);
    if (result == ERR_OK && request->key_state == KEY_RESERVED)
        request->key_state = KEY_ANSWERED; /* in the same commit */
    if (result == ERR_OK)
        request_reply(request, request->status_ok, request->result);
    else
        request_fail(request, result, why);
}

static void prepare(struct request *request, int status_ok, request_work *work)
{
    request->work = work;
    request->status_ok = status_ok;
    request->op = (struct store_op){
        .apply = apply_work, .done = work_done, .reply_to = request->api->options.loop
    };
}

void request_read_as(struct request *request, int status_ok, request_work *work)
{
    prepare(request, status_ok, work);
    store_read(request->api->options.store, &request->op);
}

void request_read(struct request *request, request_work *work)
{
    request_read_as(request, 200, work);
}

void request_write(struct request *request, int status_ok, request_work *work)
{
    prepare(request, status_ok, work);
    store_submit(request->api->options.store, &request->op);
}

/* ---- work that blocks ---- */

static void run_blocking(struct executor_task *task)
{
    struct request *request = CONTAINER_OF(task, struct request, task);
    request->blocking_result = request->blocking(request, &request->result, &request->blocking_why);
}

static void blocking_done(struct executor_task *task)
{
    struct request *request = CONTAINER_OF(task, struct request, task);
    if (request->blocking_result == ERR_OK)
        request_reply(request, request->status_ok, request->result);
    else
        request_fail(request, request->blocking_result, &request->blocking_why);
}

void request_block(struct request *request, int status_ok, request_blocking *work)
{
    struct executor *executor = request->api->options.executor;
    struct err_info why = { 0 };
    request->blocking = work;
    request->status_ok = status_ok;
    request->task = (struct executor_task){
        .work = run_blocking, .done = blocking_done, .reply_to = request->api->options.loop
    };
    if (executor->ops->submit(executor, &request->task, &why) != ERR_OK)
        request_retry_later(request, 503, US_PER_S, &why);
}

struct str request_actor(struct request *request)
{
    const struct principal *by = &request->principal;
    struct str text;
    if (arena_printf(&request->arena, &text, NULL, "%s:%.*s", principal_kind_word(by->kind),
            STR_ARG(principal_name(by))) != ERR_OK)
        return principal_name(by); /* less to say, and still who it was */
    return text;
}

void *request_new_context(struct request *request, size_t size)
{
    void *context = arena_zalloc(&request->arena, size);
    request->context = context;
    if (context == NULL)
        request_problem(request, 503, "memory", "there is no memory for the request");
    return context;
}

struct showing {
    struct id id;
    request_show_function *function;
};

static enum err read_shown(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    const struct showing *showing = request->context;
    return showing->function(conn, request->principal.tenant, showing->id, &request->arena, ret, why);
}

void request_show(struct request *request, request_show_function *function)
{
    struct id id;
    if (!request_id(request, 0, &id))
        return;
    struct showing *showing = request_new_context(request, sizeof *showing);
    if (showing == NULL)
        return;
    *showing = (struct showing){ id, function };
    request_read(request, read_shown);
}

struct listing {
    struct list_query query;
    request_list_function *function;
};

static enum err read_listed(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    const struct listing *listing = request->context;
    return listing->function(conn, &listing->query, &request->arena, ret, why);
}

void request_list(struct request *request, request_list_function *function)
{
    struct list_query query;
    if (!request_list_query(request, &query))
        return;
    struct listing *listing = request_new_context(request, sizeof *listing);
    if (listing == NULL)
        return;
    *listing = (struct listing){ query, function };
    request_read(request, read_listed);
}

static void engine_done(struct engine_reply *reply, enum err result, const struct err_info *why)
{
    struct request *request = CONTAINER_OF(reply, struct request, reply);
    if (result != ERR_OK) {
        request_fail(request, result, why);
        return;
    }
    if (request->result.type == VALUE_NULL && !id_is_none(reply->run_id)) {
        struct value_map_builder builder;
        value_map_begin(&builder, &request->arena);
        if (answer_id(&builder, "id", reply->run_id, NULL) == ERR_OK)
            request->result = value_map_end(&builder);
    }
    request_reply(request, request->status_ok, request->result);
}

struct engine_reply *request_engine(struct request *request, int status_ok, struct value result)
{
    request->status_ok = status_ok;
    request->result = result;
    request->reply = (struct engine_reply){ .done = engine_done, .reply_to = request->api->options.loop };
    return &request->reply;
}

/* ---- reading the request ---- */

bool request_id(struct request *request, unsigned argument, struct id *ret)
{
    if (id_parse(request->match.arguments[argument], ret))
        return true;
    request_problem(request, 404, "not_found", "there is nothing under this id; an id has 26 characters");
    return false;
}

bool request_query(struct request *request, const char *name, struct str *ret)
{
    struct str text;
    return http_query_find(request->exchange, name, &text) &&
        arena_str(&request->arena, text, ret, NULL) == ERR_OK;
}

bool request_if_match(struct request *request, uint64_t *ret)
{
    struct str text = http_header_get(request->exchange, "if-match");
    int64_t revision = 0;
    *ret = 0;
    if (text.size == 0 || str_equal(text, STR("*")))
        return true;
    bool is_quoted = text.size > 2 && text.data[0] == '"' && text.data[text.size - 1] == '"';
    if (!is_quoted || !str_to_int(str_slice(text, 1, text.size - 1), &revision) || revision < 1) {
        request_problem(request, 400, "if_match", "If-Match must be the ETag of an answer, as in \"7\"");
        return false;
    }
    *ret = (uint64_t)revision;
    return true;
}

static bool query_instant(struct request *request, const char *name, struct instant *ret)
{
    struct str text;
    if (!request_query(request, name, &text) || instant_parse(text, ret))
        return true;
    request_problem(request, 400, "query", "%s must be a time as in RFC 3339, 2026-01-31T12:00:00Z", name);
    return false;
}

static bool query_id(struct request *request, const char *name, struct id *ret)
{
    struct str text;
    if (!request_query(request, name, &text))
        return true;
    if (id_parse(text, ret))
        return true;
    request_problem(request, 400, "query", "%s must be an id of 26 characters", name);
    return false;
}

bool request_list_query(struct request *request, struct list_query *ret)
{
    struct str text;
    int64_t limit = LIST_LIMIT_DEFAULT;
    *ret = (struct list_query){ .tenant = request->principal.tenant };
    if (request_query(request, "limit", &text) &&
        (!str_to_int(text, &limit) || limit < 1 || limit > LIST_LIMIT_MAX)) {
        request_problem(request, 400, "query", "limit must be a number from 1 to %d", LIST_LIMIT_MAX);
        return false;
    }
    ret->limit = (uint32_t)limit;
    (void)request_query(request, "status", &ret->status); /* absent: all */
    (void)request_query(request, "playbook", &ret->playbook);
    return query_id(request, "after", &ret->after) && query_id(request, "alert_id", &ret->alert_id) &&
        query_id(request, "case_id", &ret->case_id) && query_id(request, "run_id", &ret->run_id) &&
        query_instant(request, "since", &ret->since) && query_instant(request, "until", &ret->until);
}

enum err request_text(const struct request *request, const char *name, struct str *ret, struct err_info *why)
{
    struct value v = value_get(request->body, str_of(name));
    if (v.type != VALUE_STRING || v.size == 0)
        return err_named(why, ERR_INVALID, "body", "the body needs \"%s\", a text that is not empty", name);
    *ret = value_str(v);
    return ERR_OK;
}

enum err request_flag(
    const struct request *request, const char *name, bool otherwise, bool *ret, struct err_info *why)
{
    struct value v = value_get(request->body, str_of(name));
    if (v.type != VALUE_NULL && v.type != VALUE_BOOL)
        return err_named(why, ERR_INVALID, "body", "\"%s\" must be true or false", name);
    *ret = v.type == VALUE_BOOL ? v.boolean : otherwise;
    return ERR_OK;
}
