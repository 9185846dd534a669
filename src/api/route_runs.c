/* Runs, tasks, containments and playbooks: what the engine keeps. */
#include "api/handlers.h"

/* ---- reading ---- */

typedef enum err list_function(struct store_conn *conn, const struct list_query *query, struct arena *arena,
    struct value *ret, struct err_info *why);
typedef enum err show_function(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct value *ret, struct err_info *why);

/* Lives in the request's arena while the read is out. */
struct reading {
    struct list_query query;
    struct id id;
    list_function *list;
    show_function *show;
};

static enum err read_list(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    const struct reading *reading = request->context;
    return reading->list(conn, &reading->query, &request->arena, ret, why);
}

static enum err read_one(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    const struct reading *reading = request->context;
    return reading->show(conn, request->principal.tenant, reading->id, &request->arena, ret, why);
}

static struct reading *new_reading(struct request *request)
{
    struct reading *reading = ARENA_NEW(&request->arena, struct reading);
    request->context = reading;
    if (reading == NULL)
        request_problem(request, 503, "memory", "there is no memory for the request");
    return reading;
}

static void list(struct request *request, list_function *function)
{
    struct list_query query;
    if (!request_list_query(request, &query))
        return;
    struct reading *reading = new_reading(request);
    if (reading == NULL)
        return;
    reading->query = query;
    reading->list = function;
    request_read(request, read_list);
}

static void show(struct request *request, show_function *function)
{
    struct id id;
    if (!request_id(request, 0, &id))
        return;
    struct reading *reading = new_reading(request);
    if (reading == NULL)
        return;
    reading->id = id;
    reading->show = function;
    request_read(request, read_one);
}

void route_runs_list(struct request *request)
{
    list(request, run_list);
}

void route_run_show(struct request *request)
{
    show(request, run_show);
}

void route_tasks_list(struct request *request)
{
    list(request, task_list);
}

void route_task_show(struct request *request)
{
    show(request, task_show);
}

void route_containments_list(struct request *request)
{
    list(request, containment_list);
}

void route_playbooks_list(struct request *request)
{
    list(request, playbook_list);
}

/* ---- acting ---- */

static struct str actor(const struct request *request)
{
    return principal_name(&request->principal);
}

void route_run_start(struct request *request)
{
    struct err_info why = { 0 };
    struct engine_start_request start = { .tenant = request->principal.tenant, .actor = actor(request) };
    enum err result = request_text(request, "playbook", &start.playbook, &why);
    start.inputs = value_get(request->body, STR("inputs"));
    if (result == ERR_OK && start.inputs.type != VALUE_MAP && start.inputs.type != VALUE_NULL)
        result = err_named(&why, ERR_INVALID, "body", "\"inputs\" must be an object");
    if (result != ERR_OK) {
        request_fail(request, result, &why);
        return;
    }
    engine_start_run(request->api->options.engine, &start, request_engine(request, 201, value_null()));
}

/* {"reason"}: optional. */
void route_run_cancel(struct request *request)
{
    struct id id;
    if (!request_id(request, 0, &id))
        return;
    struct value reason = value_get(request->body, STR("reason"));
    struct str text = reason.type == VALUE_STRING ? value_str(reason) : STR("");
    engine_cancel_run(request->api->options.engine, request->principal.tenant, id, actor(request), text,
        request_engine(request, 202, value_null()));
}

void route_run_retry(struct request *request)
{
    struct id id;
    if (!request_id(request, 0, &id))
        return;
    engine_retry_run(request->api->options.engine, request->principal.tenant, id, actor(request),
        request_engine(request, 202, value_null()));
}

void route_task_answer(struct request *request)
{
    struct id id;
    if (!request_id(request, 0, &id))
        return;
    engine_answer_task(request->api->options.engine, request->principal.tenant, id, actor(request),
        request->body, request_engine(request, 200, value_null()));
}

void route_containment_undo(struct request *request)
{
    struct id id;
    if (!request_id(request, 0, &id))
        return;
    engine_undo_containment(request->api->options.engine, request->principal.tenant, id, actor(request),
        request_engine(request, 202, value_null()));
}
