/* Connectors and their configured instances. A secret's content never comes back: settings hold references.
 */
#include "api/answer.h"
#include "api/handlers.h"
#include "base/container.h"
#include "connect/connect.h"
#include "connect/contracts.h"

void route_connectors_list(struct request *request)
{
    struct err_info why = { 0 };
    struct value items = value_null(), page = value_null();
    enum err result = connect_describe(request->api->options.connect, STR(""), &request->arena, &items, &why);
    if (result == ERR_OK)
        result = answer_page(&request->arena, items, &page, &why);
    request_reply_result(request, result, page, &why);
}

void route_connector_show(struct request *request)
{
    struct err_info why = { 0 };
    struct value body = value_null();
    enum err result = connect_describe(
        request->api->options.connect, request->match.arguments[0], &request->arena, &body, &why);
    request_reply_result(request, result, body, &why);
}

void route_contracts_list(struct request *request)
{
    struct err_info why = { 0 };
    struct value items = value_null(), page = value_null();
    enum err result = contracts_describe(request->api->options.contracts, request->principal.tenant,
        request->match.arguments[0], &request->arena, &items, &why);
    if (result == ERR_OK)
        result = answer_page(&request->arena, items, &page, &why);
    request_reply_result(request, result, page, &why);
}

static enum err connection_value(
    struct arena *arena, const struct connection *connection, struct value *ret, struct err_info *why)
{
    struct value_map_builder builder;
    struct value settings;
    value_map_begin(&builder, arena);
    TRY(value_copy(arena, connection->settings, &settings, why));
    TRY(answer_id(&builder, "id", connection->id, why));
    TRY(answer_text(&builder, "name", connection->name, why));
    TRY(answer_text(&builder, "connector", connection->connector, why));
    TRY(value_map_set(&builder, "settings", settings, why));
    TRY(value_map_set(&builder, "is_default", value_bool(connection->is_default), why));
    TRY(value_map_set(&builder, "is_enabled", value_bool(connection->is_enabled), why));
    TRY(value_map_set(&builder, "revision", value_uint(connection->revision), why));
    *ret = value_map_end(&builder);
    return ERR_OK;
}

static enum err connections_page(
    struct request *request, struct connection_snapshot *snapshot, struct value *ret, struct err_info *why)
{
    struct value_list_builder items;
    value_list_begin(&items, &request->arena);
    for (size_t i = 0; i < connection_count(snapshot); i++) {
        const struct connection *connection = connection_at(snapshot, i);
        struct value item;
        if (connection->tenant != request->principal.tenant)
            continue;
        TRY(connection_value(&request->arena, connection, &item, why));
        TRY(value_list_add(&items, item, why));
    }
    return answer_page(&request->arena, value_list_end(&items), ret, why);
}

void route_connections_list(struct request *request)
{
    struct err_info why = { 0 };
    struct value page = value_null();
    struct connection_snapshot *snapshot = connections_get(request->api->options.connections);
    enum err result = connections_page(request, snapshot, &page, &why);
    connection_snapshot_release(snapshot);
    request_reply_result(request, result, page, &why);
}

void route_connection_show(struct request *request)
{
    struct err_info why = { 0 };
    struct value body = value_null();
    struct str name = request->match.arguments[0];
    struct connection_snapshot *snapshot = connections_get(request->api->options.connections);
    const struct connection *found = connection_find(snapshot, request->principal.tenant, name);
    enum err result = found ? connection_value(&request->arena, found, &body, &why)
                            : err_set(&why, ERR_NOT_FOUND, "there is no connection \"%.*s\"", STR_ARG(name));
    connection_snapshot_release(snapshot);
    request_reply_result(request, result, body, &why);
}

/* ---- trying one ---- */

struct trying {
    struct connection_test test;
    struct request *request;
};

/* {"ok","error":{"code","message"}}: a connection that does not work is an answer, not a failed request. */
static FALLIBLE tried_value(
    struct arena *arena, const struct action_result *result, struct value *ret, struct err_info *why)
{
    struct value_map_builder body, error;
    value_map_begin(&body, arena);
    TRY(value_map_set(&body, "ok", value_bool(result->is_ok), why));
    if (!result->is_ok) {
        value_map_begin(&error, arena);
        TRY(answer_text(&error, "code", result->error.code, why));
        TRY(answer_text(&error, "message", result->error.message, why));
        TRY(value_map_set(&body, "error", value_map_end(&error), why));
    }
    *ret = value_map_end(&body);
    return ERR_OK;
}

static void tried(struct connection_test *test, const struct action_result *result)
{
    struct request *request = CONTAINER_OF(test, struct trying, test)->request;
    struct err_info why = { 0 };
    struct value body = value_null();
    enum err made = tried_value(&request->arena, result, &body, &why);
    request_reply_result(request, made, body, &why);
}

void route_connection_test(struct request *request)
{
    const struct api_options *options = &request->api->options;
    struct err_info why = { 0 };
    struct trying *trying = request_new_context(request, sizeof *trying);
    if (trying == NULL)
        return;
    trying->request = request;
    trying->test = (struct connection_test){ .done = tried,
        .tenant = request->principal.tenant,
        .name = request->match.arguments[0],
        .arena = &request->arena };
    enum err result = connection_test_start(
        options->connect, options->connect_host, options->loop, &trying->test, &why);
    if (result != ERR_OK)
        request_fail(request, result, &why);
}

/* {"connector","settings","is_default","is_enabled"} under the connection's name. */
static enum err put_connection(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    struct connection_spec spec = { .name = request->match.arguments[0],
        .settings = value_get(request->body, STR("settings")) };
    struct connection_made made;
    struct value_map_builder builder;
    struct str *secret_fields;
    TRY(request_text(request, "connector", &spec.connector, why));
    TRY(request_flag(request, "is_default", false, &spec.is_default, why));
    TRY(request_flag(request, "is_enabled", true, &spec.is_enabled, why));
    TRY(connect_check_settings(request->api->options.connect, spec.connector, spec.settings, &request->arena,
        &secret_fields, &spec.secret_field_count, why));
    spec.secret_fields = secret_fields;
    TRY(connection_put(request->api->options.connections, conn, &request->principal, &spec, &made, why));
    value_map_begin(&builder, &request->arena);
    TRY(answer_id(&builder, "id", made.id, why));
    TRY(value_map_set(&builder, "revision", value_uint(made.revision), why));
    *ret = value_map_end(&builder);
    return ERR_OK;
}

void route_connection_put(struct request *request)
{
    request_write(request, 200, put_connection);
}

static enum err delete_connection(
    struct request *request, struct store_conn *conn, struct value *ret, struct err_info *why)
{
    *ret = value_null();
    return connection_delete(
        request->api->options.connections, conn, &request->principal, request->match.arguments[0], why);
}

void route_connection_delete(struct request *request)
{
    request_write(request, 200, delete_connection);
}
