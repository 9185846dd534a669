/* Events: POST answers 202 only after everything is durable; the ledger is read back. */
#include "api/answer.h"
#include "api/handlers.h"
#include "api/remote.h"
#include "base/container.h"
#include "base/timetext.h"
#include "ingest/event.h"
#include "ingest/ingest.h"

#define ASK_AFTER_US (100 * US_PER_MS)

/* A request on its way in, and the runs that its sender waits for. */
struct receiving {
    struct ingest_request ingest;
    struct request *request;
    int64_t wait_us; /* 0: the answer goes out after the commit */
    struct instant until;
    struct loop_timer timer;
    struct run_watch *watches;
    uint32_t watch_count, open_count;
    struct receiving *previous, *next; /* of those that wait */
};

struct run_watch {
    struct engine_watch watch;
    struct receiving *receiving;
    bool is_open;
};

/* ---- the answer ---- */

static enum err run_ids_value(
    struct arena *arena, const struct intake_event *event, struct value *ret, struct err_info *why)
{
    struct value_list_builder runs;
    value_list_begin(&runs, arena);
    for (uint32_t i = 0; i < event->run_count; i++) {
        struct id_text text = id_text(event->runs[i]);
        struct str copy;
        TRY(arena_str(arena, id_str(&text), &copy, why));
        TRY(value_list_add(&runs, value_string(copy), why));
    }
    *ret = value_list_end(&runs);
    return ERR_OK;
}

/* {"id","status","output","error"} of each run, as far as it has come. */
static enum err results_value(struct store_conn *conn, int64_t tenant, const struct intake_event *event,
    struct arena *arena, struct value *ret, struct err_info *why)
{
    static const char *const shown[] = { "id", "playbook", "status", "output", "error" };
    struct value_list_builder results;
    value_list_begin(&results, arena);
    for (uint32_t i = 0; i < event->run_count; i++) {
        struct value run;
        struct value_map_builder result;
        TRY(run_brief(conn, tenant, event->runs[i], arena, &run, why));
        value_map_begin(&result, arena);
        for (size_t field = 0; field < sizeof shown / sizeof shown[0]; field++)
            TRY(value_map_set(&result, shown[field], value_get(run, str_of(shown[field])), why));
        TRY(value_list_add(&results, value_map_end(&result), why));
    }
    *ret = value_list_end(&results);
    return ERR_OK;
}

static enum err event_answer(struct arena *arena, const struct intake_event *event,
    struct value_map_builder *item, struct err_info *why)
{
    struct value runs;
    TRY(run_ids_value(arena, event, &runs, why));
    TRY(answer_id(item, "id", event->event_id, why));
    TRY(answer_id(item, "alert_id", event->alert_id, why));
    TRY(value_map_set(item, "fate", value_string(str_of(intake_fate_name(event->fate))), why));
    return value_map_set(item, "runs", runs, why);
}

/* {"accepted":N,"events":[{"id","alert_id","fate","runs":[…]}]}; with `conn` each event has "results" too. */
static enum err accepted_value(struct arena *arena, const struct intake_batch *batch, struct store_conn *conn,
    struct value *ret, struct err_info *why)
{
    struct value_list_builder events;
    struct value_map_builder body;
    value_list_begin(&events, arena);
    for (uint32_t i = 0; i < batch->event_count; i++) {
        struct value_map_builder item;
        struct value results;
        value_map_begin(&item, arena);
        TRY(event_answer(arena, &batch->events[i], &item, why));
        if (conn) {
            TRY(results_value(conn, batch->tenant, &batch->events[i], arena, &results, why));
            TRY(value_map_set(&item, "results", results, why));
        }
        TRY(value_list_add(&events, value_map_end(&item), why));
    }
    value_map_begin(&body, arena);
    TRY(value_map_set(&body, "accepted", value_uint(batch->event_count), why));
    TRY(value_map_set(&body, "events", value_list_end(&events), why));
    *ret = value_map_end(&body);
    return ERR_OK;
}

static void refuse(
    struct request *request, const struct ingest_request *ingest, enum err result, const struct err_info *why)
{
    struct str name = str_of(why->name);
    if (str_equal(name, STR("content_type")))
        request_problem(request, 415, "content_type", "%s", why->text);
    else if (str_equal(name, STR("ingest_rate")))
        request_retry_later(request, 429, ingest->retry_after_us, why);
    else if (result == ERR_UNAVAILABLE)
        request_retry_later(request, 503, US_PER_S, why);
    else if (result == ERR_LIMIT)
        request_problem(request, 413, why->name ? why->name : "limit", "%s", why->text);
    else
        request_fail(request, result, why);
}

/* ---- waiting for the runs ---- */

static enum err read_results(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    const struct receiving *receiving = request->context;
    return accepted_value(&request->arena, &receiving->ingest.batch, conn, ret, why);
}

static void list(struct receiving *receiving)
{
    struct api *api = receiving->request->api;
    receiving->next = api->waiting;
    if (receiving->next)
        receiving->next->previous = receiving;
    api->waiting = receiving;
}

static void unlist(struct receiving *receiving)
{
    struct api *api = receiving->request->api;
    if (receiving->next)
        receiving->next->previous = receiving->previous;
    if (receiving->previous)
        receiving->previous->next = receiving->next;
    else
        api->waiting = receiving->next;
}

static void stop_waiting(struct receiving *receiving)
{
    const struct api_options *options = &receiving->request->api->options;
    unlist(receiving);
    loop_timer_stop(options->loop, &receiving->timer);
    for (uint32_t i = 0; i < receiving->watch_count; i++)
        if (receiving->watches[i].is_open)
            engine_unwatch(options->engine, &receiving->watches[i].watch);
}

/* All have ended, or the time is over: what is known now. */
static void finish_waiting(struct receiving *receiving)
{
    stop_waiting(receiving);
    request_read_as(receiving->request, 202, read_results);
}

void route_events_end(struct api *api)
{
    while (api->waiting) {
        struct request *request = api->waiting->request;
        stop_waiting(api->waiting);
        request_problem(request, 503, "stopping", "the server stops; the events are durable");
    }
}

static void one_less(struct receiving *receiving)
{
    if (--receiving->open_count == 0)
        finish_waiting(receiving);
}

static void run_ended(struct engine_watch *watch, enum run_status status)
{
    struct run_watch *run = CONTAINER_OF(watch, struct run_watch, watch);
    (void)status; /* it is read with the output */
    run->is_open = false;
    one_less(run->receiving);
}

/* Most runs end before anything has to be asked about them. */
static void time_has_passed(struct loop_timer *timer)
{
    struct receiving *receiving = CONTAINER_OF(timer, struct receiving, timer);
    const struct api_options *options = &receiving->request->api->options;
    if (loop_now(options->loop).us >= receiving->until.us) {
        finish_waiting(receiving);
        return;
    }
    loop_timer_start(options->loop, timer, receiving->until);
    for (uint32_t i = 0; i < receiving->watch_count; i++)
        if (receiving->watches[i].is_open)
            engine_watch_ask(options->engine, &receiving->watches[i].watch);
}

static void watch_run(struct receiving *receiving, struct id run)
{
    struct request *request = receiving->request;
    struct run_watch *watch = &receiving->watches[receiving->watch_count++];
    *watch = (struct run_watch){ .watch = { .ended = run_ended,
                                     .reply_to = request->api->options.loop,
                                     .run_id = run,
                                     .is_young = true,
                                     .tenant = request->principal.tenant },
        .receiving = receiving,
        .is_open = true };
    receiving->open_count++;
    engine_watch(request->api->options.engine, &watch->watch);
}

static void wait_for_runs(struct receiving *receiving)
{
    struct request *request = receiving->request;
    const struct intake_batch *batch = &receiving->ingest.batch;
    struct loop *loop = request->api->options.loop;
    receiving->watches = ARENA_ARRAY(&request->arena, WAIT_RUNS_MAX, struct run_watch);
    request->context = receiving;
    if (receiving->watches == NULL) { /* the events are durable: the answer says so, without waiting */
        request_read_as(request, 202, read_results);
        return;
    }
    list(receiving);
    int64_t now_us = loop_now(loop).us;
    int64_t first_us = receiving->wait_us < ASK_AFTER_US ? receiving->wait_us : ASK_AFTER_US;
    receiving->until = (struct instant){ now_us + receiving->wait_us };
    receiving->timer.fire = time_has_passed;
    loop_timer_start(loop, &receiving->timer, (struct instant){ now_us + first_us });
    /* One too many until all are watched: a watch may be answered at once. */
    receiving->open_count = 1;
    for (uint32_t i = 0; i < batch->event_count; i++)
        for (uint32_t j = 0; j < batch->events[i].run_count && receiving->watch_count < WAIT_RUNS_MAX; j++)
            watch_run(receiving, batch->events[i].runs[j]);
    one_less(receiving);
}

/* "30s"; false after a 400 was sent. */
static bool read_wait(struct request *request, int64_t *ret_us)
{
    struct str text;
    struct err_info why = { 0 };
    *ret_us = 0;
    if (!request_query(request, "wait", &text))
        return true;
    if (span_parse(text, ret_us, &why) == ERR_OK && *ret_us <= WAIT_SECONDS_MAX * US_PER_S)
        return true;
    request_problem(request, 400, "query", "wait must be a span such as 30s, at most %ds", WAIT_SECONDS_MAX);
    return false;
}

/* ---- receiving ---- */

static void accepted(struct ingest_request *ingest, enum err result, const struct err_info *why)
{
    struct receiving *receiving = CONTAINER_OF(ingest, struct receiving, ingest);
    struct request *request = receiving->request;
    struct value body;
    struct err_info own = { 0 };
    if (result != ERR_OK) {
        refuse(request, ingest, result, why);
        return;
    }
    if (receiving->wait_us > 0 && request->api->options.engine != NULL) {
        wait_for_runs(receiving);
        return;
    }
    result = accepted_value(&request->arena, &ingest->batch, NULL, &body, &own);
    if (result == ERR_OK)
        request_reply(request, 202, body);
    else
        request_fail(request, result, &own);
}

struct signed_headers {
    struct header_source source;
    const struct http_exchange *exchange;
};

static struct str get_header(const struct header_source *source, const char *name)
{
    return http_header_get(((const struct signed_headers *)source)->exchange, name);
}

/* A request without a token came this far because its source has a scheme of signatures; false after a 401
 * was sent. */
bool route_event_admit(struct request *request)
{
    struct signed_headers headers = { { get_header }, request->exchange };
    struct ingest *ingest = request->api->options.ingest;
    struct err_info why = { 0 };
    if (request->principal.kind != PRINCIPAL_NONE)
        return true;
    if (ingest_authenticate(ingest, TENANT_DEFAULT, request->match.arguments[0], http_body(request->exchange),
            &headers.source, &request->principal, &why) == ERR_OK) {
        principal_set_remote(&request->principal, remote_of(&request->api->options, request->exchange));
        return true;
    }
    ingest_count_rejected(ingest, "signature");
    request_problem(request, 401, "signature", "%s", why.text);
    return false;
}

static enum err fill(struct request *request, struct receiving *receiving, struct err_info *why)
{
    receiving->ingest = (struct ingest_request){ .tenant = request->principal.tenant,
        .source = request->match.arguments[0],
        .arena = &request->arena,
        .accepted = accepted,
        .reply_to = request->api->options.loop };
    receiving->request = request;
    /* The exchange may go before the commit; the event may not. */
    TRY(arena_str(&request->arena, http_body(request->exchange), &receiving->ingest.body, why));
    return arena_str(&request->arena, http_header_get(request->exchange, "content-type"),
        &receiving->ingest.content_type, why);
}

/* Who knows the webhook's secret may call it; false after an answer was sent. */
bool route_hook_admit(struct request *request)
{
    const struct api_options *options = &request->api->options;
    struct signed_headers headers = { { get_header }, request->exchange };
    struct err_info why = { 0 };
    struct str secret;
    if (!engine_find_hook(
            options->engine, TENANT_DEFAULT, request->match.arguments[0], &request->arena, &secret)) {
        /* Whoever proves nothing learns nothing of which paths there are. */
        bool is_known = request->principal.kind != PRINCIPAL_NONE;
        request_problem(request, is_known ? 404 : 401, is_known ? "not_found" : "signature",
            is_known ? "no enabled playbook has a webhook of this path"
                     : "send the webhook's secret as X-Tocsin-Token, a signature made with it, or a token");
        return false;
    }
    if (request->principal.kind != PRINCIPAL_NONE)
        return true;
    if (secret.size > 0 &&
        ingest_authenticate_hook(options->ingest, TENANT_DEFAULT, secret, http_body(request->exchange),
            &headers.source, &request->principal, &why) == ERR_OK) {
        principal_set_remote(&request->principal, remote_of(&request->api->options, request->exchange));
        return true;
    }
    ingest_count_rejected(options->ingest, "signature");
    request_problem(request, 401, "signature", "%s",
        secret.size > 0 ? why.text : "send a token with the scope ingest:webhook");
    return false;
}

static void receive(struct request *request, int64_t wait_us, bool is_hook)
{
    struct err_info why = { 0 };
    struct receiving *receiving = request_new_context(request, sizeof *receiving);
    if (receiving == NULL)
        return;
    enum err result = fill(request, receiving, &why);
    if (result != ERR_OK) {
        request_fail(request, result, &why);
        return;
    }
    if (is_hook) {
        receiving->ingest.hook = receiving->ingest.source;
        receiving->ingest.source = STR("webhook");
    }
    receiving->wait_us = wait_us;
    ingest_receive(request->api->options.ingest, &receiving->ingest);
}

void route_event_receive(struct request *request)
{
    int64_t wait_us;
    if (read_wait(request, &wait_us))
        receive(request, wait_us, false);
}

void route_hook_receive(struct request *request)
{
    int64_t wait_us;
    if (read_wait(request, &wait_us))
        receive(request, wait_us, true);
}

/* ---- the ledger ---- */

static enum err read_events(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    const struct event_query *query = request->context;
    return event_list(conn, query, &request->arena, ret, why);
}

void route_events_list(struct request *request)
{
    struct list_query common;
    if (!request_list_query(request, &common))
        return;
    struct event_query *query = request_new_context(request, sizeof *query);
    if (query == NULL)
        return;
    *query = (struct event_query){ .tenant = common.tenant,
        .limit = common.limit,
        .after = common.after,
        .alert_id = common.alert_id,
        .since = common.since,
        .until = common.until };
    (void)request_query(request, "source", &query->source); /* absent: all */
    (void)request_query(request, "fate", &query->fate);
    request_read(request, read_events);
}

void route_event_show(struct request *request)
{
    request_show(request, event_show);
}
