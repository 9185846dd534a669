/* `connection test`: calls the harmless action that the connector names for it. */
#include "base/container.h"
#include "base/text.h"
#include "connect/answer.h"
#include "connect/connect_impl.h"
#include "connect/exchange.h"
#include "connect/remote_action.h"

static void finished(struct action_call *call, const struct action_result *result)
{
    struct connection_test *test = CONTAINER_OF(call, struct connection_test, call);
    struct catalogue_source *source = test->source;
    const struct catalogue *catalogue = test->catalogue;
    test->done(test, result); /* its texts may be the catalogue's; the test is gone afterwards */
    source->release(source, catalogue);
}

static FALLIBLE make_with(const struct connector *connector, struct value settings, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    struct value filled;
    struct stencil_scope scope = {
        .values = &filled, .count = 1, .present = 1u << SLOT_SETTINGS, .arena = arena
    };
    bool is_present;
    *ret = (struct value){ .type = VALUE_MAP };
    if (!connector->has_test_with)
        return ERR_OK;
    TRY(settings_fill(connector, arena, settings, &filled, why));
    return stencil_eval(&connector->test_with, &scope, ret, &is_present, why);
}

/* Fills action and parameters of the call. */
static FALLIBLE find_action(
    struct connection_test *test, struct str connector_name, struct value settings, struct err_info *why)
{
    const struct action_catalogue *catalogue = (const struct action_catalogue *)test->catalogue;
    const struct connector *connector = action_catalogue_find_connector(catalogue, connector_name);
    struct action_call *call = &test->call;
    struct str name;
    if (!connector || connector->test_action.size == 0)
        return err_named(
            why, ERR_INVALID, "no_test", "the connector %.*s declares no `test`", STR_ARG(connector_name));
    TRY(arena_printf(
        test->arena, &name, why, "%.*s.%.*s", STR_ARG(connector_name), STR_ARG(connector->test_action)));
    call->action = catalogue_find(&catalogue->catalogue, name);
    if (!call->action || !call->action->start)
        return err_named(why, ERR_INVALID, "no_test", "the connector %.*s tests with an unknown action",
            STR_ARG(connector_name));
    TRY(make_with(connector, settings, test->arena, &call->with, why));
    if (call->action->defaults)
        TRY(value_with_defaults(test->arena, call->with, *call->action->defaults, &call->with, why));
    return type_check_value(call->action->in, call->with, why);
}

static FALLIBLE find_connection(struct connect *connect, const struct connection_test *test, struct str *ret,
    struct value *ret_settings, struct err_info *why)
{
    if (!connect->options.connections)
        return err_set(why, ERR_NOT_FOUND, "no connections are configured");
    AUTO(connection_snapshot)
    struct connection_snapshot *snapshot = connections_get(connect->options.connections);
    const struct connection *connection = connection_find(snapshot, test->tenant, test->name);
    if (!connection)
        return err_named(
            why, ERR_NOT_FOUND, "connection_missing", "there is no connection %.*s", STR_ARG(test->name));
    TRY(value_copy(test->arena, connection->settings, ret_settings, why));
    return arena_str(test->arena, connection->connector, ret, why);
}

static FALLIBLE prepare(struct connect *connect, struct connection_test *test, struct err_info *why)
{
    struct str connector;
    struct value settings;
    struct action_call *call = &test->call;
    uint8_t chance[8];
    AUTO(buf) struct buf key = { 0 };
    TRY(find_connection(connect, test, &connector, &settings, why));
    TRY(find_action(test, connector, settings, why));
    rand_fill(connect->options.rand, chance, sizeof(chance));
    buf_add_text(&key, "test-");
    hex_add(&key, (struct str){ (const char *)chance, sizeof(chance) });
    TRY(buf_check(&key, why));
    return arena_str(test->arena, buf_str(&key), &call->idempotency_key, why);
}

FALLIBLE connection_test_start(struct connect *connect, void *host, struct loop *loop,
    struct connection_test *test, struct err_info *why)
{
    test->source = connect_catalogues(connect);
    test->catalogue = test->source->acquire(test->source);
    test->call = (struct action_call){ .tenant = test->tenant,
        .connection = test->name,
        .playbook = STR("connection test"),
        .step = STR("test"),
        .now = loop_now(loop),
        .deadline = { loop_now(loop).us + US_PER_MIN },
        .arena = test->arena,
        .loop = loop,
        .host = host,
        .finish = finished };
    enum err result = prepare(connect, test, why);
    if (result != ERR_OK) {
        test->source->release(test->source, test->catalogue);
        return result;
    }
    test->call.action->start(test->call.action, &test->call);
    return ERR_OK;
}
