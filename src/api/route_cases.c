/* Alerts and cases. */
#include "api/handlers.h"
#include "cases/alert.h"
#include "cases/case.h"

static enum err read_alerts(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    const struct alert_query *query = request->context;
    return alert_list(conn, query, &request->arena, ret, why);
}

void route_alerts_list(struct request *request)
{
    struct list_query common;
    if (!request_list_query(request, &common))
        return;
    struct alert_query *query = request_new_context(request, sizeof *query);
    if (query == NULL)
        return;
    *query = (struct alert_query){ .tenant = common.tenant,
        .limit = common.limit,
        .after = common.after,
        .status = common.status,
        .case_id = common.case_id,
        .since = common.since,
        .until = common.until };
    (void)request_query(request, "severity", &query->severity); /* absent: all */
    (void)request_query(request, "source", &query->source);
    (void)request_query(request, "owner", &query->owner);
    (void)request_query(request, "text", &query->text);
    request_read(request, read_alerts);
}

static enum err read_cases(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    const struct case_query *query = request->context;
    return case_list(conn, query, &request->arena, ret, why);
}

void route_cases_list(struct request *request)
{
    struct list_query common;
    if (!request_list_query(request, &common))
        return;
    struct case_query *query = request_new_context(request, sizeof *query);
    if (query == NULL)
        return;
    *query = (struct case_query){ .tenant = common.tenant,
        .limit = common.limit,
        .after = common.after,
        .status = common.status,
        .alert_id = common.alert_id,
        .since = common.since,
        .until = common.until };
    (void)request_query(request, "severity", &query->severity);
    (void)request_query(request, "owner", &query->owner);
    (void)request_query(request, "text", &query->text);
    request_read(request, read_cases);
}

void route_alert_show(struct request *request)
{
    request_show(request, alert_show);
}

void route_case_show(struct request *request)
{
    request_show(request, case_show);
}

/* ---- changing: each in one commit with its timeline, audit row and stream entry ---- */

static struct change change_of(struct request *request, struct store_conn *conn)
{
    return (struct change){ .conn = conn,
        .by = &request->principal,
        .rand = rand_system(),
        .revision = *(const uint64_t *)request->context,
        .remote = str_of(request->principal.remote) };
}

/* Keeps the revision of If-Match while the exchange is there to be asked. */
static void write_change(struct request *request, int status_ok, request_work *work)
{
    uint64_t revision;
    if (!request_if_match(request, &revision))
        return;
    uint64_t *kept = request_new_context(request, sizeof *kept);
    if (kept == NULL)
        return;
    *kept = revision;
    request_write(request, status_ok, work);
}

static enum err open_case(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    struct change change = change_of(request, conn);
    return case_open(&change, request->body, &request->arena, ret, why);
}

void route_case_open(struct request *request)
{
    write_change(request, 201, open_case);
}

static enum err path_id(const struct request *request, struct id *ret, struct err_info *why)
{
    if (id_parse(request->match.arguments[0], ret))
        return ERR_OK;
    return err_set(why, ERR_NOT_FOUND, "there is nothing under this id; an id has 26 characters");
}

static enum err update_case(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    struct change change = change_of(request, conn);
    struct id id;
    TRY(path_id(request, &id, why));
    return case_update(&change, id, request->body, &request->arena, ret, why);
}

void route_case_update(struct request *request)
{
    write_change(request, 200, update_case);
}

/* Absent is empty; what is there must be a text. */
static enum err optional_text(
    const struct request *request, const char *name, struct str *ret, struct err_info *why)
{
    if (value_get(request->body, str_of(name)).type != VALUE_NULL)
        return request_text(request, name, ret, why);
    *ret = STR("");
    return ERR_OK;
}

static enum err close_case(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    struct change change = change_of(request, conn);
    struct str resolution, comment;
    struct id id;
    TRY(path_id(request, &id, why));
    TRY(request_text(request, "resolution", &resolution, why));
    TRY(optional_text(request, "comment", &comment, why));
    return case_close(&change, id, resolution, comment, &request->arena, ret, why);
}

void route_case_close(struct request *request)
{
    write_change(request, 200, close_case);
}

static enum err comment_case(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    struct change change = change_of(request, conn);
    struct id id, comment;
    struct str text;
    TRY(path_id(request, &id, why));
    TRY(request_text(request, "text", &text, why));
    TRY(case_comment(&change, id, text, &comment, why));
    return case_show(conn, request->principal.tenant, id, &request->arena, ret, why);
}

void route_case_comment(struct request *request)
{
    write_change(request, 201, comment_case);
}

static enum err update_alert(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    struct change change = change_of(request, conn);
    struct id id;
    TRY(path_id(request, &id, why));
    return alert_update(&change, id, request->body, &request->arena, ret, why);
}

void route_alert_update(struct request *request)
{
    write_change(request, 200, update_alert);
}
