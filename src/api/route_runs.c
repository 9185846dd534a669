/* Runs, tasks, containments and playbooks: what the engine keeps. */
#include "api/handlers.h"

/* ---- reading ---- */

typedef enum err list_function(struct store_conn *conn, const struct list_query *query, struct arena *arena,
    struct value *ret, struct err_info *why);

struct listing {
    struct list_query query;
    list_function *function;
};

static enum err read_list(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    const struct listing *listing = request->context;
    return listing->function(conn, &listing->query, &request->arena, ret, why);
}

static void list(struct request *request, list_function *function)
{
    struct list_query query;
    if (!request_list_query(request, &query))
        return;
    struct listing *listing = request_new_context(request, sizeof *listing);
    if (listing == NULL)
        return;
    *listing = (struct listing){ query, function };
    request_read(request, read_list);
}

void route_runs_list(struct request *request)
{
    list(request, run_list);
}

void route_run_show(struct request *request)
{
    request_show(request, run_show);
}

void route_tasks_list(struct request *request)
{
    list(request, task_list);
}

void route_task_show(struct request *request)
{
    request_show(request, task_show);
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
