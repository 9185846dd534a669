#include <stdlib.h>
#include <string.h>

#include "base/container.h"
#include "base/limits.h"
#include "base/timetext.h"
#include "connect/answer.h"
#include "connect/remote_call.h"

static void finish_late(struct loop_job *job)
{
    struct late_finish *late = (struct late_finish *)job;
    late->call->finish(late->call, &late->result);
}

void call_finish_late(struct late_finish *late, struct action_call *call, const struct action_result *result)
{
    *late = (struct late_finish){ .job = { .run = finish_late }, .call = call, .result = *result };
    if (call->purpose == ACTION_PROBE && !result->is_ok)
        late->result.effect = ACTION_UNKNOWN;
    loop_post(call->loop, &late->job);
}

/* What became of these calls is not known here. */
static void finish_starved(struct loop_job *job)
{
    struct host *host = CONTAINER_OF(job, struct host, starved_job);
    struct action_call *call = host->starved;
    host->starved = NULL;
    host->is_starved_posted = false;
    while (call) {
        struct action_call *next = call->state;
        struct action_result result = result_error(
            STR("memory"), STR("there was not enough memory for the call"), true, ACTION_UNKNOWN);
        call->state = NULL;
        call->finish(call, &result);
        call = next;
    }
}

void call_finish_soon(struct action_call *call, const struct action_result *result)
{
    struct late_finish *late = ARENA_NEW(call->arena, struct late_finish);
    if (late) {
        call_finish_late(late, call, result);
        return;
    }
    struct host *host = call_host(call);
    call->state = host->starved;
    host->starved = call;
    if (!host->is_starved_posted)
        loop_post(host->loop, &host->starved_job);
    host->is_starved_posted = true;
}

/* A probe that could not ask knows nothing: it must not say that the call never happened. */
static enum action_effect effect_of_not_trying(const struct action_call *call)
{
    return call->purpose == ACTION_PROBE ? ACTION_UNKNOWN : ACTION_NOT_SENT;
}

void call_fail_soon(struct action_call *call, const struct err_info *why)
{
    struct action_result result = result_from_why(call->arena, why, effect_of_not_trying(call));
    call_finish_soon(call, &result);
}

struct host *call_host(const struct action_call *call)
{
    return call->host;
}

int64_t call_time_left(const struct action_call *call)
{
    int64_t most = (int64_t)CALL_SECONDS_MAX * US_PER_S;
    if (call->deadline.us == 0 || call->deadline.us == INSTANT_NEVER.us)
        return most;
    int64_t left = call->deadline.us - loop_now(call->loop).us;
    return left < 0 ? 0 : left < most ? left : most;
}

bool call_read_span(struct value v, int64_t *ret_us)
{
    if (v.type == VALUE_STRING)
        return span_parse(value_str(v), ret_us, NULL) == ERR_OK;
    if (v.type != VALUE_DURATION)
        return false;
    bool is_beyond = v.seconds >= INT64_MAX / US_PER_S || v.seconds <= INT64_MIN / US_PER_S;
    *ret_us = !is_beyond ? v.seconds * US_PER_S + value_nanos(v) / 1000
        : v.seconds > 0  ? INT64_MAX
                         : INT64_MIN;
    return true;
}

struct rand *call_rand(const struct action_call *call)
{
    return call->host ? call_host(call)->connect->options.rand : rand_system();
}

struct str action_connector_name(const struct action *action)
{
    ptrdiff_t dot = str_find_byte(action->name, '.', 0);
    return str_slice(action->name, 0, dot < 0 ? action->name.size : (size_t)dot);
}

static FALLIBLE no_connection(struct str connector, struct err_info *why)
{
    return err_named(why, ERR_NOT_FOUND, "connection_missing",
        "no connection of %.*s is configured as the default one: tocsin connection set NAME --connector %.*s",
        STR_ARG(connector), STR_ARG(connector));
}

FALLIBLE call_find_connection(const struct action_call *call, const struct connection_snapshot *snapshot,
    struct str connector, bool needs_one, const struct connection **ret, struct err_info *why)
{
    *ret = NULL;
    if (call->connection.size == 0) {
        const struct connection *found = snapshot ? connection_find_default(snapshot, call->tenant, connector)
                                                  : NULL;
        if (!found && needs_one)
            return no_connection(connector, why);
        *ret = found;
        return ERR_OK;
    }
    const struct connection *found = snapshot ? connection_find(snapshot, call->tenant, call->connection)
                                              : NULL;
    if (!found)
        return err_named(why, ERR_NOT_FOUND, "connection_missing",
            "there is no connection %.*s: tocsin connection set %.*s --connector %.*s",
            STR_ARG(call->connection), STR_ARG(call->connection), STR_ARG(connector));
    if (!str_equal(found->connector, connector))
        return err_named(why, ERR_INVALID, "connection_mismatch",
            "the connection %.*s is one of %.*s, not of %.*s", STR_ARG(call->connection),
            STR_ARG(found->connector), STR_ARG(connector));
    if (!found->is_enabled)
        return err_named(why, ERR_DENIED, "connection_disabled", "the connection %.*s is switched off",
            STR_ARG(call->connection));
    *ret = found;
    return ERR_OK;
}

/* ---- blocking work ---- */

static void work(struct executor_task *task)
{
    struct blocking_call *blocking = (struct blocking_call *)task;
    blocking->work(blocking);
}

static void worked(struct executor_task *task)
{
    struct blocking_call *blocking = (struct blocking_call *)task;
    struct action_call *call = blocking->call;
    struct action_result result = blocking->result;
    if (blocking->release)
        blocking->release(blocking);
    call->finish(call, &result);
}

void *blocking_call_new(
    struct action_call *call, size_t size, void (*work_of)(struct blocking_call *blocking))
{
    struct blocking_call *blocking = arena_zalloc(call->arena, size);
    if (!blocking) {
        struct err_info why = { 0 };
        (void)err_memory(&why); /* only its text is needed */
        call_fail_soon(call, &why);
        return NULL;
    }
    blocking->task = (struct executor_task){ .work = work, .done = worked, .reply_to = call->loop };
    blocking->call = call;
    blocking->connect = call_host(call)->connect;
    blocking->work = work_of;
    call->state = blocking;
    return blocking;
}

FALLIBLE blocking_call_submit(struct blocking_call *blocking, struct err_info *why)
{
    const struct connect_options *options = &blocking->connect->options;
    struct executor *executor = blocking->is_slow && options->slow_executor ? options->slow_executor
                                                                            : options->executor;
    if (!executor)
        return err_named(why, ERR_UNAVAILABLE, "no_executor", "this process runs no blocking actions");
    struct err_info inner = { 0 };
    enum err result = executor->ops->submit(executor, &blocking->task, &inner);
    if (result == ERR_LIMIT) /* of the pool's queue: worth trying again, unlike other limits */
        return err_named(why, ERR_UNAVAILABLE, "busy", "%s", inner.text);
    return result == ERR_OK ? ERR_OK : err_set(why, result, "%s", inner.text);
}

/* ---- hosts ---- */

FALLIBLE connect_make_host(
    void *context, struct loop *loop, unsigned shard, void **ret_host, struct err_info *why)
{
    struct connect *connect = context;
    struct host *host = calloc(1, sizeof(*host));
    (void)shard; /* hosts are alike */
    if (!host)
        return err_memory(why);
    host->connect = connect;
    host->loop = loop;
    host->starved_job.run = finish_starved;
    enum err result = connect->options.make_client
        ? connect->options.make_client(connect->options.client_context, loop, &host->client, why)
        : http_client_new(loop, &connect->options.http, &host->client, why);
    if (result == ERR_OK)
        *ret_host = host;
    else
        free(host);
    return result;
}

void connect_free_host(void *context, void *given)
{
    struct host *host = given;
    (void)context; /* the host knows it */
    if (!host)
        return;
    remote_calls_abandon(host);
    http_client_free(host->client);
    free(host);
}
