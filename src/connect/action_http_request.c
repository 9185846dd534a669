/* http.request: any HTTP request, with or without a connection of the connector `http`. */
#include <string.h>

#include "base/limits.h"
#include "connect/answer.h"
#include "connect/connect_impl.h"
#include "connect/native.h"
#include "connect/remote_call.h"
#include "connect/url.h"

static const struct str methods[] = { STR_INIT("GET"), STR_INIT("HEAD"), STR_INIT("POST"), STR_INIT("PUT"),
    STR_INIT("PATCH"), STR_INIT("DELETE"), STR_INIT("OPTIONS") };
static const struct type method_type = { .kind = TYPE_STRING, .choices = methods, .choice_count = 7 };
static const struct type text_map = { .kind = TYPE_MAP, .key = &type_string, .item = &type_string };
static const struct type_field in_fields[] = {
    FIELD("method", &method_type, false, "GET when not given"),
    FIELD("url", &type_string, true, "absolute; or a path behind the connection's base URL"),
    FIELD("headers", &type_map_dyn, false, "names to values"),
    FIELD("query", &type_map_dyn, false, "parameters; a list repeats its name, null leaves it out"),
    FIELD("json", &type_dyn, false, "body, sent as JSON"),
    FIELD("body", &type_dyn, false, "body, text or bytes, sent as it is"),
    FIELD("timeout", &type_dyn, false, "span such as 10s, or a duration; 30s when not given"),
    FIELD("any_status", &type_bool, false, "true: a status of 400 and above is an answer, not an error"),
};
static const struct type in_type = RECORD(in_fields);
static const struct type_field out_fields[] = {
    FIELD("status", &type_int, true, "HTTP status"),
    FIELD("headers", &text_map, true, "names in lower case"),
    FIELD("body", &type_dyn, true, "parsed when it is JSON; else text, or bytes; null when empty"),
};
static const struct type out_type = RECORD(out_fields);

/* ---- request ---- */

static FALLIBLE bad_input(struct err_info *why, const char *what)
{
    return err_named(why, ERR_INVALID, "bad_input", "%s", what);
}

static struct str method_of(struct value with)
{
    struct value method = value_get(with, STR("method"));
    return method.type == VALUE_STRING ? value_str(method) : STR("GET");
}

/* Behind a connection the URL must stay at its origin, since the connection's secrets go along. */
static FALLIBLE add_url(struct exchange *exchange, struct wire *wire, struct str text, struct err_info *why)
{
    struct url url;
    struct str base = exchange->place.base_url, whole = text;
    if (base.size && str_starts(text, STR("/")))
        TRY(arena_printf(exchange->arena, &whole, why, "%.*s%.*s", STR_ARG(base), STR_ARG(text)));
    TRY(url_parse(whole, &url, why));
    if (base.size) {
        struct url from;
        TRY(url_parse(base, &from, why));
        if (!url_same_origin(&from, &url))
            return err_named(why, ERR_DENIED, "other_origin", "the URL leaves the connection's origin %.*s",
                STR_ARG(from.origin));
    }
    TRY(url_check_path(url.path, why));
    buf_add(&wire->url, url.origin);
    buf_add(&wire->url, url.path.size ? url.path : STR("/"));
    wire->is_query_open = url.query.size > 0;
    if (wire->is_query_open) {
        buf_add_byte(&wire->url, '?');
        buf_add(&wire->url, url.query);
    }
    return ERR_OK;
}

static FALLIBLE add_query(
    struct exchange *exchange, struct wire *wire, struct value query, struct err_info *why)
{
    for (uint32_t i = 0; query.type == VALUE_MAP && i < query.size; i++) {
        const struct value_entry *entry = &value_map_entries(query)[i];
        if (entry->key.type != VALUE_STRING)
            return bad_input(why, "the names of `query` must be texts");
        TRY(wire_add_query(wire, &exchange->scope, value_str(entry->key), entry->value, why));
    }
    return ERR_OK;
}

static FALLIBLE add_header(
    struct exchange *exchange, struct wire *wire, const struct value_entry *entry, struct err_info *why)
{
    if (entry->key.type != VALUE_STRING || !header_name_is_allowed(value_str(entry->key)))
        return bad_input(why, "`headers` has a name that can't be set");
    return wire_add_value_header(wire, &exchange->scope, value_str(entry->key), entry->value, why);
}

static FALLIBLE add_body(
    struct exchange *exchange, struct wire *wire, struct value with, struct err_info *why)
{
    const struct value *json = value_map_find(with, STR("json")), *body = value_map_find(with, STR("body"));
    if (body && body->type == VALUE_NULL)
        body = NULL;
    if (json && body)
        return bad_input(why, "a request has `json` or `body`, not both");
    wire->request.has_body = json || body;
    if (json)
        TRY(stencil_print_json(&exchange->scope, &wire->body, *json, why));
    else if (body && body->type == VALUE_BYTES)
        buf_add(&wire->body, value_str(*body));
    else if (body)
        TRY(stencil_print_text(&exchange->scope, &wire->body, *body, why));
    if (!json || wire_has_header(wire, "content-type"))
        return ERR_OK;
    return wire_add_header(wire, exchange->arena, STR("Content-Type"), STR("application/json"), why);
}

static FALLIBLE build(struct exchange *exchange, struct wire *wire, struct err_info *why)
{
    struct value with = exchange->values[SLOT_INPUTS], headers = value_get(with, STR("headers"));
    struct str method = method_of(with);
    wire->request.method = method;
    TRY(add_url(exchange, wire, value_str(value_get(with, STR("url"))), why));
    TRY(exchange_note_about(exchange, method, buf_str(&wire->url), why));
    TRY(add_query(exchange, wire, value_get(with, STR("query")), why));
    for (uint32_t i = 0; headers.type == VALUE_MAP && i < headers.size; i++)
        TRY(add_header(exchange, wire, &value_map_entries(headers)[i], why));
    TRY(wire_add_auth(wire, &exchange->place, &exchange->scope, why));
    wire->request.secret_headers = true; /* a playbook's headers may hold sealed values */
    TRY(add_body(exchange, wire, with, why));
    return wire_finish(wire, why);
}

static enum err request(struct remote_call *remote, struct wire *ret, struct err_info *why)
{
    AUTO(wire) struct wire wire = { 0 };
    call_secrets_trim(&remote->exchange.secrets, remote->exchange.kept_secrets);
    TRY(build(&remote->exchange, &wire, why));
    *ret = wire;
    wire = (struct wire){ 0 };
    return ERR_OK;
}

/* ---- answer ---- */

static FALLIBLE fill(struct exchange *exchange, const struct http_answer *answer, struct action_result *ret,
    struct err_info *why)
{
    struct value headers, body;
    struct value_map_builder output;
    bool takes_any = value_get(exchange->values[SLOT_INPUTS], STR("any_status")).boolean;
    TRY(answer_headers(answer, exchange->arena, &headers, why));
    TRY(answer_body(answer, FORMAT_ANY, exchange->arena, &body, why));
    TRY(call_secrets_mask_value(&exchange->secrets, exchange->arena, headers, &headers, why));
    TRY(call_secrets_mask_value(&exchange->secrets, exchange->arena, body, &body, why));
    if (answer->status >= 400 && !takes_any)
        return answer_status_error(answer, body, exchange->about, exchange->arena, ret, why);
    value_map_begin(&output, exchange->arena);
    TRY(value_map_set(&output, "status", value_int(answer->status), why));
    TRY(value_map_set(&output, "headers", headers, why));
    TRY(value_map_set(&output, "body", body, why));
    *ret = (struct action_result){
        .is_ok = true, .output = value_map_end(&output), .effect = ACTION_ANSWERED
    };
    return ERR_OK;
}

static enum err answered(struct remote_call *remote, const struct http_answer *answer,
    struct action_result *ret, bool *ret_more, struct err_info *why)
{
    *ret_more = false;
    if (answer->failure != HTTP_OK)
        return exchange_failure(&remote->exchange, answer, ret, why);
    struct err_info inner = { 0 };
    if (fill(&remote->exchange, answer, ret, &inner) == ERR_OK)
        return ERR_OK;
    if (inner.code == ERR_MEMORY)
        return err_memory(why);
    *ret = result_from_why(remote->exchange.arena, &inner, ACTION_ANSWERED);
    return ERR_OK;
}

/* ---- start ---- */

static const struct type settings_none = { .kind = TYPE_RECORD };

static FALLIBLE read_timeout(struct value v, int64_t *ret_us, struct err_info *why)
{
    *ret_us = 0;
    if (v.type == VALUE_NULL)
        return ERR_OK;
    if (!call_read_span(v, ret_us))
        return bad_input(why, "`timeout` must be a span such as 10s, or a duration");
    if (*ret_us <= 0 || *ret_us > CALL_SECONDS_MAX * US_PER_S)
        return bad_input(why, "`timeout` must be above 0 and at most 1h");
    return ERR_OK;
}

static void start(const struct action *action, struct action_call *call)
{
    static const struct remote_ops ops = { .may_go_bare = true, .request = request, .answer = answered };
    static const struct connector no_connector = { .name = STR_INIT("http"),
        .settings_type = &settings_none };
    const struct native_bound *bound = action->definition;
    struct err_info why = { 0 };
    int64_t timeout_us;
    if (read_timeout(value_get(call->with, STR("timeout")), &timeout_us, &why) != ERR_OK)
        call_fail_soon(call, &why);
    else
        remote_call_start(call, bound->connector ? bound->connector : &no_connector, NULL, &ops, timeout_us);
}

/* ---- by method ---- */

enum variant { VARIANT_SAFE, VARIANT_REPEATABLE, VARIANT_UNSAFE, VARIANT_COUNT };

static enum err prepare(
    struct action *action, struct native_bound *bound, struct arena *arena, struct err_info *why)
{
    struct action *variants = ARENA_ARRAY(arena, VARIANT_COUNT, struct action);
    if (!variants)
        return err_memory(why);
    for (unsigned i = 0; i < VARIANT_COUNT; i++) {
        variants[i] = *action;
        variants[i].kind = i == VARIANT_SAFE ? ACTION_QUERY : ACTION_REMEDIATE;
        variants[i].is_idempotent = i != VARIANT_UNSAFE;
    }
    bound->variants = variants;
    return ERR_OK;
}

static bool lists_method(struct value settings, struct str name, struct str method)
{
    struct value list = value_get(settings, name);
    for (uint32_t i = 0; list.type == VALUE_LIST && i < list.size; i++) {
        if (value_is_text(list.items[i], method))
            return true;
    }
    return false;
}

/* What the connection says: `query_methods` only read, `repeatable_methods` may be sent twice. */
static enum variant connection_variant(
    const struct host *host, int64_t tenant, struct str name, struct str method)
{
    if (!host || !host->connect->options.connections || name.size == 0)
        return VARIANT_UNSAFE;
    AUTO(connection_snapshot)
    struct connection_snapshot *snapshot = connections_get(host->connect->options.connections);
    const struct connection *connection = connection_find(snapshot, tenant, name);
    if (!connection || !str_equal(connection->connector, STR("http")))
        return VARIANT_UNSAFE;
    if (lists_method(connection->settings, STR("query_methods"), method))
        return VARIANT_SAFE;
    return lists_method(connection->settings, STR("repeatable_methods"), method) ? VARIANT_REPEATABLE
                                                                                 : VARIANT_UNSAFE;
}

static const struct action *refine(
    const struct action *action, void *host, int64_t tenant, struct str connection, struct value with)
{
    const struct native_bound *bound = action->definition;
    if (with.type != VALUE_MAP)
        return action;
    struct str method = method_of(with);
    bool only_reads = str_equal(method, STR("GET")) || str_equal(method, STR("HEAD"));
    return &bound->variants[only_reads ? VARIANT_SAFE : connection_variant(host, tenant, connection, method)];
}

const struct native_action action_http_request = {
    .action = {
        .name = STR_INIT("http.request"),
        .summary = STR_INIT("Sends an HTTP request"),
        .kind = ACTION_REMEDIATE,
        .in = &in_type,
        .out = &out_type,
        .start = start,
        .cancel = remote_cancel,
        .refine = refine,
    },
    .defaults = "{\"method\":\"GET\"}",
    .example_in = "{\"method\":\"GET\",\"url\":\"https://api.example.com/v1/hosts/7\"}",
    .example_out = "{\"status\":200,\"headers\":{\"content-type\":\"application/json\"},\"body\":{}}",
    .prepare = prepare,
};
