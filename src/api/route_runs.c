/* Runs, tasks and containments: what the engine keeps. */
#include "api/handlers.h"
#include "base/container.h"
#include "cases/alert.h"
#include "cases/case.h"
#include "ingest/event.h"

/* ---- reading ---- */

void route_runs_list(struct request *request)
{
    request_list(request, run_list);
}

void route_run_show(struct request *request)
{
    request_show(request, run_show);
}

void route_tasks_list(struct request *request)
{
    request_list(request, task_list);
}

void route_task_show(struct request *request)
{
    request_show(request, task_show);
}

void route_containments_list(struct request *request)
{
    request_list(request, containment_list);
}

/* ---- acting ---- */

/* What a run that is started by hand is about, read before it starts. */
struct starting {
    struct engine_start_request start;
    struct store_op op;
    struct request *request;
};

static FALLIBLE load_case(struct starting *starting, struct store_conn *conn, struct err_info *why)
{
    struct engine_start_request *start = &starting->start;
    if (id_is_none(start->case_id))
        return ERR_OK;
    TRY(case_value(conn, start->tenant, start->case_id, &starting->request->arena, &start->case_value, why));
    return start->case_value.type == VALUE_NULL
        ? err_named(why, ERR_NOT_FOUND, "case_id", "there is no such case")
        : ERR_OK;
}

/* The alert brings the event that it came with. */
static enum err load_subjects(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct starting *starting = CONTAINER_OF(op, struct starting, op);
    struct engine_start_request *start = &starting->start;
    struct arena *arena = &starting->request->arena;
    TRY(load_case(starting, conn, why));
    if (id_is_none(start->alert_id))
        return ERR_OK;
    TRY(alert_value(conn, start->tenant, start->alert_id, arena, &start->alert, why));
    if (start->alert.type == VALUE_NULL)
        return err_named(why, ERR_NOT_FOUND, "alert_id", "there is no such alert");
    struct value event_id = value_get(start->alert, STR("event_id"));
    if (event_id.type != VALUE_STRING || !id_parse(value_str(event_id), &start->event_id))
        return ERR_OK;
    return event_value(conn, start->tenant, start->event_id, arena, &start->event, why);
}

static void subjects_loaded(struct store_op *op, enum err result, const struct err_info *why)
{
    struct starting *starting = CONTAINER_OF(op, struct starting, op);
    struct request *request = starting->request;
    if (result == ERR_OK)
        engine_start_run(
            request->api->options.engine, &starting->start, request_engine(request, 201, value_null()));
    else
        request_fail(request, result, why);
}

static FALLIBLE body_id(const struct request *request, const char *name, struct id *ret, struct err_info *why)
{
    struct value v = value_get(request->body, str_of(name));
    if (v.type == VALUE_NULL || (v.type == VALUE_STRING && id_parse(value_str(v), ret)))
        return ERR_OK;
    return err_named(why, ERR_INVALID, "body", "\"%s\" must be an id of 26 characters", name);
}

static FALLIBLE read_start(struct request *request, struct engine_start_request *start, struct err_info *why)
{
    start->tenant = request->principal.tenant;
    start->actor = request_actor(request);
    start->inputs = value_get(request->body, STR("inputs"));
    TRY(request_text(request, "playbook", &start->playbook, why));
    TRY(body_id(request, "alert_id", &start->alert_id, why));
    TRY(body_id(request, "case_id", &start->case_id, why));
    if (start->inputs.type != VALUE_MAP && start->inputs.type != VALUE_NULL)
        return err_named(why, ERR_INVALID, "body", "\"inputs\" must be an object");
    return ERR_OK;
}

/* {"playbook","inputs","alert_id","case_id"}: all but the first optional. */
void route_run_start(struct request *request)
{
    struct err_info why = { 0 };
    struct starting *starting = request_new_context(request, sizeof *starting);
    if (starting == NULL)
        return;
    enum err result = read_start(request, &starting->start, &why);
    if (result != ERR_OK) {
        request_fail(request, result, &why);
        return;
    }
    starting->request = request;
    starting->op = (struct store_op){
        .apply = load_subjects, .done = subjects_loaded, .reply_to = request->api->options.loop
    };
    store_read(request->api->options.store, &starting->op);
}

/* {"reason"}: optional. */
void route_run_cancel(struct request *request)
{
    struct id id;
    if (!request_id(request, 0, &id))
        return;
    struct value reason = value_get(request->body, STR("reason"));
    struct str text = reason.type == VALUE_STRING ? value_str(reason) : STR("");
    engine_cancel_run(request->api->options.engine, request->principal.tenant, id, request_actor(request),
        text, request_engine(request, 202, value_null()));
}

void route_run_retry(struct request *request)
{
    struct id id;
    if (!request_id(request, 0, &id))
        return;
    engine_retry_run(request->api->options.engine, request->principal.tenant, id, request_actor(request),
        request_engine(request, 202, value_null()));
}

void route_task_answer(struct request *request)
{
    struct id id;
    if (!request_id(request, 0, &id))
        return;
    engine_answer_task(request->api->options.engine, request->principal.tenant, id, request_actor(request),
        request->body, request_engine(request, 200, value_null()));
}

void route_containment_undo(struct request *request)
{
    struct id id;
    if (!request_id(request, 0, &id))
        return;
    engine_undo_containment(request->api->options.engine, request->principal.tenant, id,
        request_actor(request), request_engine(request, 202, value_null()));
}
