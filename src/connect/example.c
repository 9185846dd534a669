/* Examples of connector files: a request is built and compared, the answers of the file are taken, the result
 * is compared. Nothing is called. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "connect/catalogue.h"
#include "connect/exchange.h"

#define FAULT_BYTES_MAX 2000

/* Secrets of examples: the setting `api_key` holds "example-api_key". */
static enum err made_up_secret(
    struct secret_source *source, struct str name, struct secret *ret, struct err_info *why)
{
    char text[SECRET_NAME_BYTES_MAX + 16];
    (void)source; /* it needs no state */
    int size = snprintf(text, sizeof(text), "example-%.*s", STR_ARG(name));
    return secret_init(ret, (struct str){ text, (size_t)size }, why);
}

static enum err no_sealed(
    struct secret_source *source, struct value sealed, struct secret *ret, struct err_info *why)
{
    (void)source, (void)sealed, (void)ret; /* examples hold no sealed outputs */
    return err_set(why, ERR_INVALID, "an example has no sealed outputs");
}

static enum err show_sealed(struct secret_source *source, struct str bytes, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    struct str copy;
    (void)source; /* it needs no state */
    TRY(arena_str(arena, bytes, &copy, why));
    *ret = value_string(copy); /* compared with the example's `out` */
    return ERR_OK;
}

static struct secret_source made_up = { .open = made_up_secret, .unseal = no_sealed, .seal = show_sealed };

/* ---- settings ---- */

static FALLIBLE make_settings(const struct connector *connector, const struct example *example,
    struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_map_builder builder;
    value_map_begin(&builder, arena);
    for (uint32_t i = 0; i < connector->setting_count; i++) {
        const struct setting *setting = &connector->settings[i];
        const struct value *given = value_map_find(example->settings, setting->name);
        struct value v = given ? *given : setting->example;
        struct str reference;
        if (setting->is_secret && !(given && given->type == VALUE_NULL)) {
            TRY(arena_printf(arena, &reference, why, "${secret:%.*s}", STR_ARG(setting->name)));
            v = value_string(reference);
        }
        if (v.type != VALUE_NULL)
            TRY(value_map_put(&builder, value_string(setting->name), v, why));
    }
    *ret = value_map_end(&builder);
    return ERR_OK;
}

/* ---- answers ---- */

struct made_answer {
    struct http_answer answer;
    struct buf body;
};

static FALLIBLE make_answer(
    struct value v, struct arena *arena, struct made_answer *ret, struct err_info *why)
{
    struct value status = value_get(v, STR("status")), headers = value_get(v, STR("headers"));
    struct value body = value_get(v, STR("body"));
    bool has_headers = headers.type == VALUE_MAP;
    struct http_header *list = ARENA_ARRAY(arena, headers.size + 1, struct http_header);
    if (!list)
        return err_memory(why);
    uint32_t count = 0;
    for (uint32_t i = 0; has_headers && i < headers.size; i++) {
        const struct value_entry *entry = &value_map_entries(headers)[i];
        if (entry->value.type != VALUE_STRING)
            return err_set(why, ERR_INVALID, "the answer's headers must be texts");
        list[count++] = (struct http_header){ value_str(entry->key), value_str(entry->value) };
    }
    if (body.type == VALUE_STRING)
        buf_add(&ret->body, value_str(body));
    else if (body.type != VALUE_NULL)
        json_print(&ret->body, body, 0);
    if (body.type == VALUE_MAP || body.type == VALUE_LIST)
        list[count++] = (struct http_header){ STR("content-type"), STR("application/json") };
    TRY(buf_check(&ret->body, why));
    ret->answer = (struct http_answer){ .may_have_left = true,
        .status = status.type == VALUE_INT ? (int)status.integer : 200,
        .headers = list,
        .header_count = count,
        .body = buf_str(&ret->body) };
    return ERR_OK;
}

/* ---- comparing ---- */

static void add_difference(struct buf *fault, const char *what, struct value wanted, struct value got)
{
    buf_printf(fault, "%s%s: wanted ", fault->size ? "; " : "", what);
    json_print(fault, wanted, JSON_SORT_KEYS);
    buf_add_text(fault, ", got ");
    json_print(fault, got, JSON_SORT_KEYS);
}

static void compare_text(struct buf *fault, const char *what, struct value wanted, struct str got)
{
    if (wanted.type != VALUE_NULL && !value_is_text(wanted, got))
        add_difference(fault, what, wanted, value_string(got));
}

static void compare_headers(struct buf *fault, struct value wanted, const struct http_request *request)
{
    for (uint32_t i = 0; wanted.type == VALUE_MAP && i < wanted.size; i++) {
        const struct value_entry *entry = &value_map_entries(wanted)[i];
        struct value got = value_null();
        for (uint32_t k = 0; k < request->header_count; k++) {
            if (str_equal_nocase(request->headers[k].name, value_str(entry->key)))
                got = value_string(request->headers[k].value);
        }
        if (!value_equal(entry->value, got))
            add_difference(fault, "header", entry->value, got);
    }
}

static FALLIBLE compare_request(struct buf *fault, struct value wanted, const struct http_request *request,
    struct arena *arena, struct err_info *why)
{
    struct value json = value_get(wanted, STR("json")), body;
    struct json_options options = { .copy_strings = true };
    compare_text(fault, "method", value_get(wanted, STR("method")), request->method);
    compare_text(fault, "url", value_get(wanted, STR("url")), request->url);
    compare_text(fault, "body", value_get(wanted, STR("body")), request->body);
    compare_headers(fault, value_get(wanted, STR("headers")), request);
    if (json.type == VALUE_NULL)
        return ERR_OK;
    TRY(json_parse(arena, request->body, &options, &body, why));
    if (!value_equal(json, body))
        add_difference(fault, "json", json, body);
    return ERR_OK;
}

static void compare_result(
    struct buf *fault, const struct example *example, const struct action_result *result)
{
    if (!example->is_error) {
        if (!result->is_ok)
            buf_printf(fault, "the result is the error %.*s: %.*s", STR_ARG(result->error.code),
                STR_ARG(result->error.message));
        else if (!value_equal(example->out, result->output))
            add_difference(fault, "out", example->out, result->output);
        return;
    }
    if (result->is_ok) {
        buf_add_text(fault, "the result is no error");
        return;
    }
    struct value retryable = value_get(example->out, STR("retryable"));
    compare_text(fault, "code", value_get(example->out, STR("code")), result->error.code);
    compare_text(fault, "message", value_get(example->out, STR("message")), result->error.message);
    if (retryable.type == VALUE_BOOL && retryable.boolean != result->error.is_retryable)
        add_difference(fault, "retryable", retryable, value_bool(result->error.is_retryable));
}

/* ---- running ---- */

static FALLIBLE make_call(struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_map_builder builder;
    value_map_begin(&builder, arena);
    TRY(value_map_set(&builder, "key", value_string(STR("example-key")), why));
    TRY(value_map_set(&builder, "run", value_string(STR("00000000000000000000000000")), why));
    TRY(value_map_set(&builder, "playbook", value_string(STR("example")), why));
    TRY(value_map_set(&builder, "step", value_string(STR("example")), why));
    *ret = value_map_end(&builder);
    return ERR_OK;
}

static FALLIBLE begin(struct exchange *exchange, const struct connector_action *action,
    const struct example *example, struct arena *arena, struct err_info *why)
{
    struct exchange_options options = { .connector = action->connector,
        .action = action,
        .arena = arena,
        .source = &made_up,
        .with = example->in };
    TRY(make_settings(action->connector, example, arena, &options.settings, why));
    TRY(make_call(arena, &options.call, why));
    TRY(exchange_begin(exchange, &options, why));
    TRY(request_base_url(action->connector, &exchange->scope, STR(""), &exchange->place.base_url, why));
    exchange->place.auth = request_auth(action->connector, &exchange->scope);
    if (!auth_fetches_token(exchange->place.auth))
        return ERR_OK;
    AUTO(secret) struct secret token = { 0 };
    TRY(secret_init(&token, STR("example-access-token"), why));
    return exchange_set_token(exchange, &token, why);
}

/* Sends one request to the file's next answer. */
static FALLIBLE take_answer(struct exchange *exchange, const struct example *example, uint32_t index,
    struct action_result *result, bool *ret_more, struct buf *fault, struct err_info *why)
{
    AUTO(wire) struct wire wire = { 0 };
    struct made_answer made = { 0 };
    TRY(exchange_request(exchange, &wire, why));
    if (index == 0 && example->request.type == VALUE_MAP)
        TRY(compare_request(fault, example->request, &wire.request, exchange->arena, why));
    enum err made_well = make_answer(example->answers.items[index], exchange->arena, &made, why);
    if (made_well == ERR_OK)
        made_well = exchange_answer(exchange, &made.answer, result, ret_more, why);
    buf_done(&made.body);
    return made_well;
}

static FALLIBLE run(const struct connector_action *action, const struct example *example, struct arena *arena,
    struct buf *fault, struct err_info *why)
{
    struct exchange exchange;
    struct action_result result = { 0 };
    bool is_more = true;
    uint32_t used = 0;
    enum err outcome = begin(&exchange, action, example, arena, why);
    while (outcome == ERR_OK && is_more && used < example->answers.size)
        outcome = take_answer(&exchange, example, used++, &result, &is_more, fault, why);
    exchange_end(&exchange);
    TRY(outcome);
    if (is_more)
        buf_printf(fault, "another page is asked for after %u answers", used);
    else if (used < example->answers.size)
        buf_printf(fault, "only %u of %u answers were asked for", used, example->answers.size);
    if (!is_more)
        compare_result(fault, example, &result);
    return ERR_OK;
}

static FALLIBLE run_example(const struct connector_action *action, const struct example *example,
    connector_example_report *report, void *context, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf fault = { .bytes_max = FAULT_BYTES_MAX };
    struct err_info inner = { 0 };
    if (run(action, example, &arena, &fault, &inner) != ERR_OK) {
        if (inner.code == ERR_MEMORY)
            return err_memory(why);
        buf_printf(&fault, "%s", inner.text);
    }
    if (buf_check(&fault, NULL) != ERR_OK)
        report(context, action->action.name, example->name, STR("differs in more than can be shown"));
    else
        report(context, action->action.name, example->name, buf_str(&fault));
    return ERR_OK;
}

FALLIBLE connector_test_examples(struct str text, struct diagnostics *found, connector_example_report *report,
    void *context, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    const struct connector *connector = connector_read(&arena, text, found);
    if (!connector)
        return err_set(why, ERR_INVALID, "the connector has faults");
    for (uint32_t i = 0; i < connector->action_count; i++) {
        const struct connector_action *action = &connector->actions[i];
        for (uint32_t k = 0; k < action->example_count; k++)
            TRY(run_example(action, &action->examples[k], report, context, why));
    }
    return ERR_OK;
}
