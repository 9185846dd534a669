/* Events: POST answers 202 only after everything is durable; the ledger is read back. */
#include "api/answer.h"
#include "api/handlers.h"
#include "ingest/event.h"
#include "ingest/ingest.h"

static enum err run_list_value(
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

/* {"accepted":N,"events":[{"id","alert_id","fate","runs":[…]}]} */
static enum err accepted_value(
    struct arena *arena, const struct intake_batch *batch, struct value *ret, struct err_info *why)
{
    struct value_list_builder events;
    struct value_map_builder body;
    value_list_begin(&events, arena);
    for (uint32_t i = 0; i < batch->event_count; i++) {
        const struct intake_event *event = &batch->events[i];
        struct value_map_builder item;
        struct value runs;
        value_map_begin(&item, arena);
        TRY(run_list_value(arena, event, &runs, why));
        TRY(answer_id(&item, "id", event->event_id, why));
        TRY(answer_id(&item, "alert_id", event->alert_id, why));
        TRY(value_map_set(&item, "fate", value_string(str_of(intake_fate_name(event->fate))), why));
        TRY(value_map_set(&item, "runs", runs, why));
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

static void accepted(struct ingest_request *ingest, enum err result, const struct err_info *why)
{
    struct request *request = ingest->context;
    struct value body;
    struct err_info own = { 0 };
    if (result != ERR_OK) {
        refuse(request, ingest, result, why);
        return;
    }
    result = accepted_value(&request->arena, &ingest->batch, &body, &own);
    if (result == ERR_OK)
        request_reply(request, 202, body);
    else
        request_fail(request, result, &own);
}

void route_event_receive(struct request *request)
{
    struct err_info why = { 0 };
    struct ingest_request *ingest = ARENA_NEW(&request->arena, struct ingest_request);
    enum err result = ingest ? ERR_OK : err_memory(&why);
    if (result == ERR_OK) {
        *ingest = (struct ingest_request){ .tenant = request->principal.tenant,
            .source = request->match.arguments[0],
            .arena = &request->arena,
            .accepted = accepted,
            .reply_to = request->api->options.loop,
            .context = request };
        /* The exchange may go before the commit; the event may not. */
        result = arena_str(&request->arena, http_body(request->exchange), &ingest->body, &why);
    }
    if (result == ERR_OK)
        result = arena_str(
            &request->arena, http_header_get(request->exchange, "content-type"), &ingest->content_type, &why);
    if (result != ERR_OK) {
        request_fail(request, result, &why);
        return;
    }
    ingest_receive(request->api->options.ingest, ingest);
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
    struct str text;
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
    if (request_query(request, "source", &text))
        query->source = text;
    if (request_query(request, "fate", &text))
        query->fate = text;
    request_read(request, read_events);
}

void route_event_show(struct request *request)
{
    request_show(request, event_show);
}
