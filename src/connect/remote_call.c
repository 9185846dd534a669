#include "connect/remote_call.h"

#include <assert.h>
#include <string.h>

#include "base/container.h"
#include "base/limits.h"
#include "cases/note.h"
#include "connect/answer.h"
#include "connect/contracts.h"

static void step(struct remote_call *remote);
static void authenticate(struct remote_call *remote);

static void unlink_call(struct remote_call *remote)
{
    if (!remote->link)
        return;
    *remote->link = remote->next;
    if (remote->next)
        remote->next->link = remote->link;
    remote->link = NULL;
}

static void link_call(struct remote_call *remote)
{
    struct host *host = remote->host;
    remote->next = host->calls;
    if (remote->next)
        remote->next->link = &remote->next;
    host->calls = remote;
    remote->link = &host->calls;
}

static void leave_gate(struct remote_call *remote, enum gate_outcome outcome, int64_t retry_after_us)
{
    if (!remote->is_gated)
        return;
    remote->is_gated = false;
    struct gate_report report = { outcome, remote->is_trial, retry_after_us };
    remote->is_trial = false;
    gate_leave(remote->host->connect->gates, remote->connection->id, &remote->rules, &report);
}

static void learn(const struct remote_call *remote, const struct action_result *result)
{
    struct contracts *contracts = remote->host->connect->options.contracts;
    if (!contracts || remote->call->purpose != ACTION_DO)
        return;
    if (result->is_ok)
        contracts_observe(contracts, remote->call, result->output);
    else if (str_equal(result->error.code, STR("answer_mismatch")))
        contracts_mismatch(contracts, remote->call, result->error.message);
}

/* What the host counts and lists. */
static void leave_host(struct remote_call *remote)
{
    leave_gate(remote, GATE_NEUTRAL, 0);
    call_turn_give(remote);
    unlink_call(remote);
}

static void give_back(struct remote_call *remote)
{
    exchange_end(&remote->exchange);
    if (remote->snapshot)
        connection_snapshot_release(remote->snapshot);
    remote->snapshot = NULL;
}

/* Gives everything back and hands the result over. Nothing may touch `remote` afterwards. */
static void finish(struct remote_call *remote, const struct action_result *result)
{
    struct host *host = remote->host;
    leave_host(remote);
    give_back(remote);
    learn(remote, result);
    if (remote->is_deferred)
        call_finish_late(&remote->late, remote->call, result);
    else
        remote->call->finish(remote->call, result);
    call_turns_wake(host, authenticate);
}

/* The request did not go out. Of a probe that says nothing about the earlier call. */
void remote_fail(struct remote_call *remote, const struct action_result *result)
{
    struct action_result unsent = *result;
    unsent.effect = remote->call->purpose == ACTION_PROBE ? ACTION_UNKNOWN : ACTION_NOT_SENT;
    finish(remote, &unsent);
}

static void fail_why(struct remote_call *remote, const struct err_info *why)
{
    struct arena *arena = remote->call->arena;
    struct action_result result = result_from_why(arena, why, ACTION_NOT_SENT);
    if (why->name && strcmp(why->name, "egress") == 0)
        result.error.code = STR("egress_denied");
    if (why->name && strcmp(why->name, "url") == 0)
        result.error.code = STR("bad_url");
    if (call_secrets_mask(
            &remote->exchange.secrets, arena, result.error.message, &result.error.message, NULL) != ERR_OK)
        result.error.message = STR("");
    remote_fail(remote, &result);
}

static struct action_result cancelled(void)
{
    return result_error(STR("cancelled"), STR("the call was cancelled"), false, ACTION_NOT_SENT);
}

static void fail_cancelled(struct remote_call *remote)
{
    struct action_result result = cancelled();
    remote_fail(remote, &result);
}

static void fail_gate(struct remote_call *remote, const struct gate_answer *answer)
{
    bool is_open = answer->verdict == GATE_OPEN;
    struct action_result result = result_error(is_open ? STR("circuit_open") : STR("rate_limited"),
        is_open ? STR("the connection failed too often; calls wait until it is tried again")
                : STR("the connection's rate limit leaves no room before the deadline"),
        true, ACTION_NOT_SENT);
    result.retry_after_us = answer->wait_us;
    remote_fail(remote, &result);
}

/* What an answer says about the other side's health. */
static enum gate_outcome outcome_of(const struct http_answer *answer)
{
    switch (answer->failure) {
    case HTTP_OK: return answer->status >= 500 && answer->status != 501 ? GATE_FAILED : GATE_SUCCEEDED;
    case HTTP_REFUSED:
    case HTTP_CANCELLED: return GATE_NEUTRAL;
    default: return GATE_FAILED;
    }
}

/* The token was refused, although the cache held it for good: fetches another one, once. */
static bool takes_new_token(struct remote_call *remote, const struct http_answer *answer)
{
    const struct auth *auth = remote->exchange.place.auth;
    bool is_refused = answer->failure == HTTP_OK && answer->status == 401;
    if (!is_refused || !auth_fetches_token(auth) || remote->is_token_fresh || !remote->connection)
        return false;
    token_cache_drop(remote->host->connect->tokens, remote->connection->id);
    return true;
}

/* From the gate on; while it waits there, others may have its turn, and the secrets of the last request are
 * not needed.
 */
static void step_again(struct remote_call *remote)
{
    struct host *host = remote->host;
    call_turn_give(remote);
    call_secrets_trim(&remote->exchange.secrets, remote->exchange.kept_secrets);
    step(remote);
    call_turns_wake(host, authenticate);
}

static void answered(void *context, const struct http_answer *answer)
{
    struct remote_call *remote = context;
    struct answer_reading *reading = &remote->reading;
    remote->http = NULL;
    leave_gate(remote, outcome_of(answer), answer_retry_after(answer));
    if (takes_new_token(remote, answer)) {
        step_again(remote);
        return;
    }
    if (answer_reading_start(remote, answer))
        return;
    *reading = (struct answer_reading){ 0 };
    reading->outcome = remote->ops->answer(
        remote, answer, &reading->result, &reading->is_more, &reading->why);
    remote_was_read(remote);
}

/* An answer that has come counts, whatever was asked for meanwhile; only its other pages are not fetched. */
void remote_was_read(struct remote_call *remote)
{
    struct answer_reading *reading = &remote->reading;
    struct action_result *result = &reading->result;
    if (reading->outcome != ERR_OK)
        *result = result_from_why(remote->call->arena, &reading->why, ACTION_UNKNOWN);
    else if (reading->is_more && (remote->is_cancelled || !remote->host))
        *result = cancelled();
    else if (reading->is_more) {
        step_again(remote);
        return;
    }
    if (remote->host) {
        finish(remote, result);
        return;
    }
    give_back(remote);
    remote->call->finish(remote->call, result);
}

static bool is_set(struct value settings, struct str name)
{
    struct value v = value_get(settings, name);
    return v.type == VALUE_BOOL && v.boolean;
}

/* The settings that every connection over HTTP has. */
static void set_common(const struct remote_call *remote, struct http_request *request)
{
    struct value settings = remote->exchange.scope.references;
    struct value ca_file = value_get(settings, SETTING_CA_FILE);
    if (ca_file.type == VALUE_STRING)
        request->ca_file = value_str(ca_file);
    request->insecure_tls = is_set(settings, SETTING_INSECURE);
    request->redirects_cross_origin = is_set(settings, SETTING_REDIRECTS);
    request->redirects_max = REDIRECTS_MAX;
}

static FALLIBLE start_http(
    struct remote_call *remote, struct wire *wire, http_done *done, struct err_info *why)
{
    int64_t left = call_time_left(remote->call);
    if (left <= 0)
        return err_named(why, ERR_TIMEOUT, "timeout", "the deadline passed before the call could go out");
    struct http_request *request = &wire->request;
    set_common(remote, request);
    request->timeout_us = remote->timeout_us < left ? remote->timeout_us : left;
    return http_client_start(remote->host->client, request, done, remote, &remote->http, why);
}

FALLIBLE remote_send(struct remote_call *remote, struct wire *wire, http_done *done, struct err_info *why)
{
    enum err result = start_http(remote, wire, done, why);
    wire_done(wire); /* the client has its copy; ours holds secrets */
    return result;
}

static FALLIBLE send_request(struct remote_call *remote, struct err_info *why)
{
    struct wire wire = { 0 };
    TRY(remote->ops->request(remote, &wire, why));
    return remote_send(remote, &wire, answered, why);
}

void remote_go_on(struct remote_call *remote)
{
    struct err_info why = { 0 };
    if (remote->is_cancelled)
        fail_cancelled(remote);
    else if (send_request(remote, &why) != ERR_OK)
        fail_why(remote, &why);
}

/* In turn, behind the gate. */
static void authenticate(struct remote_call *remote)
{
    if (auth_fetches_token(remote->exchange.place.auth))
        token_fetch_start(remote);
    else
        remote_go_on(remote);
}

static void take_turn(struct remote_call *remote)
{
    if (call_turn_take(remote))
        authenticate(remote);
}

static void wait_at_gate(struct remote_call *remote, int64_t wait_us)
{
    loop_timer_start(
        remote->host->loop, &remote->timer, (struct instant){ loop_now(remote->host->loop).us + wait_us });
}

static void pass_gate(struct remote_call *remote, const struct gate_answer *answer)
{
    if (answer->verdict != GATE_GO)
        fail_gate(remote, answer);
    else if (answer->wait_us > 0)
        wait_at_gate(remote, answer->wait_us);
    else
        take_turn(remote);
}

static void gate_timer_fired(struct loop_timer *timer)
{
    struct remote_call *remote = CONTAINER_OF(timer, struct remote_call, timer);
    struct gate_answer answer = { 0 };
    gate_wake(remote->host->connect->gates, remote->connection->id, &remote->rules,
        call_time_left(remote->call), &answer);
    pass_gate(remote, &answer);
}

/* One request and its answer; again for each page. */
static void step(struct remote_call *remote)
{
    struct gate_answer answer = { .verdict = GATE_GO };
    struct err_info why = { 0 };
    if (!remote->connection || (remote->rules.calls == 0 && remote->rules.failures == 0)) {
        take_turn(remote);
        return;
    }
    if (gate_enter(remote->host->connect->gates, remote->connection->id, &remote->rules,
            call_time_left(remote->call), &answer, &why) != ERR_OK) {
        fail_why(remote, &why);
        return;
    }
    remote->is_gated = answer.verdict == GATE_GO;
    remote->is_trial = remote->is_gated && answer.is_trial;
    pass_gate(remote, &answer);
}

/* ---- start ---- */

static FALLIBLE read_rules(
    struct remote_call *remote, const struct connector *connector, struct err_info *why)
{
    struct gate_rules *rules = &remote->rules;
    rules->failures = connector->breaker_failures;
    rules->open_us = connector->breaker_open_us;
    if (!connector->has_rate)
        return ERR_OK;
    struct value calls;
    bool is_present;
    TRY(stencil_eval(&connector->rate_calls, &remote->exchange.scope, &calls, &is_present, why));
    if (!is_present || calls.type != VALUE_INT || calls.integer < 1)
        return err_named(why, ERR_INVALID, "connection_invalid", "rate_limit.calls is no number above 0");
    rules->calls = calls.integer;
    rules->per_us = connector->rate_per_us;
    rules->burst = connector->rate_burst ? connector->rate_burst : calls.integer;
    return ERR_OK;
}

static FALLIBLE make_call_value(const struct action_call *call, struct value *ret, struct err_info *why)
{
    struct value_map_builder builder;
    struct value run;
    value_map_begin(&builder, call->arena);
    TRY(id_value(call->arena, call->run_id, &run, why));
    TRY(value_map_set(&builder, "key", value_string(call->idempotency_key), why));
    TRY(value_map_set(&builder, "run", run, why));
    TRY(value_map_set(&builder, "playbook", value_string(call->playbook), why));
    TRY(value_map_set(&builder, "step", value_string(call->step), why));
    *ret = value_map_end(&builder);
    return ERR_OK;
}

/* Without settings that must be given a connector works without a connection. */
static bool needs_connection(const struct remote_call *remote, const struct connector *connector)
{
    bool needs_one = false;
    for (uint32_t i = 0; i < connector->setting_count; i++)
        needs_one = needs_one || connector->settings[i].is_required;
    return needs_one && !remote->ops->may_go_bare;
}

static FALLIBLE find_connection(
    struct remote_call *remote, const struct connector *connector, struct err_info *why)
{
    struct connections *connections = remote->host->connect->options.connections;
    if (remote->ops->may_go_bare && remote->call->connection.size == 0)
        return ERR_OK;
    if (connections)
        remote->snapshot = connections_get(connections);
    return call_find_connection(remote->call, remote->snapshot, connector->name,
        needs_connection(remote, connector), &remote->connection, why);
}

static FALLIBLE begin(struct remote_call *remote, const struct connector *connector,
    const struct connector_action *action, struct err_info *why)
{
    struct action_call *call = remote->call;
    struct exchange *exchange = &remote->exchange;
    struct exchange_options options = { .connector = connector,
        .action = action,
        .purpose = call->purpose,
        .arena = call->arena,
        .source = &remote->source.source,
        .with = call->with };
    TRY(find_connection(remote, connector, why));
    vault_secrets_init(&remote->source, remote->host->connect->options.vault, call->tenant);
    if (remote->connection)
        options.settings = remote->connection->settings;
    TRY(make_call_value(call, &options.call, why));
    TRY(exchange_begin(exchange, &options, why));
    if (!remote->connection && remote->ops->may_go_bare)
        return ERR_OK;
    struct str origin = remote->connection ? remote->connection->origin : STR("");
    if (connector->has_base_url)
        TRY(request_base_url(connector, &exchange->scope, origin, &exchange->place.base_url, why));
    exchange->place.auth = request_auth(connector, &exchange->scope);
    return read_rules(remote, connector, why);
}

void remote_call_start(struct action_call *call, const struct connector *connector,
    const struct connector_action *action, const struct remote_ops *ops, int64_t timeout_us)
{
    struct err_info why = { 0 };
    struct remote_call *remote = ARENA_NEW(call->arena, struct remote_call);
    if (!remote) {
        (void)err_memory(&why); /* only its text is needed */
        call_fail_soon(call, &why);
        return;
    }
    *remote = (struct remote_call){ .call = call,
        .ops = ops,
        .host = call_host(call),
        .is_deferred = true,
        .timeout_us = timeout_us ? timeout_us : CALL_SECONDS_DEFAULT * US_PER_S,
        .timer = { .fire = gate_timer_fired } };
    call->state = remote;
    link_call(remote);
    if (begin(remote, connector, action, &why) != ERR_OK)
        fail_why(remote, &why);
    else
        step(remote);
    remote->is_deferred = false; /* it lives in the arena, as long as the call */
}

static enum err declared_request(struct remote_call *remote, struct wire *ret, struct err_info *why)
{
    return exchange_request(&remote->exchange, ret, why);
}

static enum err declared_answer(struct remote_call *remote, const struct http_answer *answer,
    struct action_result *ret, bool *ret_more, struct err_info *why)
{
    return exchange_answer(&remote->exchange, answer, ret, ret_more, why);
}

void remote_start(const struct action *action, struct action_call *call)
{
    static const struct remote_ops ops = { .request = declared_request, .answer = declared_answer };
    const struct connector_action *definition = action->definition;
    remote_call_start(call, definition->connector, definition, &ops, definition->timeout_us);
}

void remote_cancel(const struct action *action, struct action_call *call)
{
    (void)action; /* the call knows all that is needed */
    struct remote_call *remote = call->state;
    remote->is_deferred = true;
    remote->is_cancelled = true;
    if (remote->timer.is_armed) {
        loop_timer_stop(remote->host->loop, &remote->timer);
        fail_cancelled(remote);
    } else if (remote->is_waiting) {
        fail_cancelled(remote);
    } else if (token_fetch_leave(remote)) {
        fail_cancelled(remote);
    } else if (remote->http) {
        http_client_cancel(remote->host->client, remote->http); /* its `done` finishes the call */
    } /* else its answer is being read, which takes no longer than a cancel may */
}

void remote_calls_abandon(struct host *host)
{
    host->is_waking = true; /* none goes out any more */
    while (host->calls) {
        struct remote_call *remote = host->calls;
        if (remote->reading.is_out) {
            leave_host(remote);
            remote->host = NULL;
            continue;
        }
        remote_cancel(remote->call->action, remote->call);
        assert(host->calls != remote);
    }
}
