/* Alerts, cases and events: reading. */
#include "api/handlers.h"
#include "cases/alert.h"
#include "cases/case.h"
#include "ingest/event.h"

/* Lives in the request's arena while the read is out. */
struct reading {
    struct id id;
    struct alert_query alerts;
    struct case_query cases;
    struct event_query events;
};

static struct reading *new_reading(struct request *request)
{
    struct reading *reading = ARENA_NEW(&request->arena, struct reading);
    request->context = reading;
    if (reading == NULL)
        request_problem(request, 503, "memory", "there is no memory for the request");
    return reading;
}

/* What all three lists have in common; NULL after a reply was sent. */
static struct reading *new_list(struct request *request, struct list_query *ret)
{
    return request_list_query(request, ret) ? new_reading(request) : NULL;
}

/* Optional texts of the query: an absent one stays empty, which means all. */
static void take_text(struct request *request, const char *name, struct str *ret)
{
    struct str text;
    if (request_query(request, name, &text))
        *ret = text;
}

static enum err read_alerts(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    const struct reading *reading = request->context;
    return alert_list(conn, &reading->alerts, &request->arena, ret, why);
}

void route_alerts_list(struct request *request)
{
    struct list_query common;
    struct reading *reading = new_list(request, &common);
    if (reading == NULL)
        return;
    struct alert_query *query = &reading->alerts;
    *query = (struct alert_query){ .tenant = common.tenant,
        .limit = common.limit,
        .after = common.after,
        .status = common.status,
        .case_id = common.case_id,
        .since = common.since,
        .until = common.until };
    take_text(request, "severity", &query->severity);
    take_text(request, "source", &query->source);
    take_text(request, "owner", &query->owner);
    take_text(request, "text", &query->text);
    request_read(request, read_alerts);
}

static enum err read_cases(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    const struct reading *reading = request->context;
    return case_list(conn, &reading->cases, &request->arena, ret, why);
}

void route_cases_list(struct request *request)
{
    struct list_query common;
    struct reading *reading = new_list(request, &common);
    if (reading == NULL)
        return;
    struct case_query *query = &reading->cases;
    *query = (struct case_query){ .tenant = common.tenant,
        .limit = common.limit,
        .after = common.after,
        .status = common.status,
        .alert_id = common.alert_id,
        .since = common.since,
        .until = common.until };
    take_text(request, "severity", &query->severity);
    take_text(request, "owner", &query->owner);
    take_text(request, "text", &query->text);
    request_read(request, read_cases);
}

static enum err read_events(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    const struct reading *reading = request->context;
    return event_list(conn, &reading->events, &request->arena, ret, why);
}

void route_events_list(struct request *request)
{
    struct list_query common;
    struct reading *reading = new_list(request, &common);
    if (reading == NULL)
        return;
    struct event_query *query = &reading->events;
    *query = (struct event_query){ .tenant = common.tenant,
        .limit = common.limit,
        .after = common.after,
        .alert_id = common.alert_id,
        .since = common.since,
        .until = common.until };
    take_text(request, "source", &query->source);
    take_text(request, "fate", &query->fate);
    request_read(request, read_events);
}

static void show(struct request *request, request_work *work)
{
    struct id id;
    if (!request_id(request, 0, &id))
        return;
    struct reading *reading = new_reading(request);
    if (reading == NULL)
        return;
    reading->id = id;
    request_read(request, work);
}

static enum err read_alert(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    const struct reading *reading = request->context;
    return alert_show(conn, request->principal.tenant, reading->id, &request->arena, ret, why);
}

void route_alert_show(struct request *request)
{
    show(request, read_alert);
}

static enum err read_case(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    const struct reading *reading = request->context;
    return case_show(conn, request->principal.tenant, reading->id, &request->arena, ret, why);
}

void route_case_show(struct request *request)
{
    show(request, read_case);
}

static enum err read_event(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    const struct reading *reading = request->context;
    return event_show(conn, request->principal.tenant, reading->id, &request->arena, ret, why);
}

void route_event_show(struct request *request)
{
    show(request, read_event);
}
