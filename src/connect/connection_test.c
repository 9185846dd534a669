/* `connection test`: calls the harmless action that the connector names for it. */
#include "base/text.h"
#include "connect/answer.h"
#include "connect/connect_impl.h"
#include "connect/remote_action.h"

static void finished(struct action_call *call, const struct action_result *result)
{
    struct connection_test *test = (struct connection_test *)((char *)call -
        offsetof(struct connection_test, call));
    struct catalogue_source *source = test->source;
    const struct catalogue *catalogue = test->catalogue;
    test->done(test, result); /* its texts may be the catalogue's; the test is gone afterwards */
    source->release(source, catalogue);
}

static FALLIBLE find_action(const struct action_catalogue *catalogue, struct str connector_name,
    struct arena *arena, const struct action **ret, struct value *ret_with, struct err_info *why)
{
    const struct connector *connector = action_catalogue_find_connector(catalogue, connector_name);
    struct str name;
    if (!connector || connector->test_action.size == 0)
        return err_named(
            why, ERR_INVALID, "no_test", "the connector %.*s declares no `test`", STR_ARG(connector_name));
    TRY(arena_printf(
        arena, &name, why, "%.*s.%.*s", STR_ARG(connector_name), STR_ARG(connector->test_action)));
    *ret = catalogue_find(&catalogue->catalogue, name);
    if (!*ret || !(*ret)->start)
        return err_named(why, ERR_INVALID, "no_test", "the connector %.*s tests with an unknown action",
            STR_ARG(connector_name));
    *ret_with = connector->test_with.type == VALUE_MAP ? connector->test_with
                                                       : (struct value){ .type = VALUE_MAP };
    if ((*ret)->defaults)
        TRY(value_with_defaults(arena, *ret_with, *(*ret)->defaults, ret_with, why));
    return ERR_OK;
}

static FALLIBLE find_connector_name(
    struct connect *connect, const struct connection_test *test, struct str *ret, struct err_info *why)
{
    if (!connect->options.connections)
        return err_set(why, ERR_NOT_FOUND, "no connections are configured");
    AUTO(connection_snapshot)
    struct connection_snapshot *snapshot = connections_get(connect->options.connections);
    const struct connection *connection = connection_find(snapshot, test->tenant, test->name);
    if (!connection)
        return err_named(
            why, ERR_NOT_FOUND, "connection_missing", "there is no connection %.*s", STR_ARG(test->name));
    return arena_str(test->arena, connection->connector, ret, why);
}

static FALLIBLE prepare(struct connect *connect, struct connection_test *test, struct err_info *why)
{
    struct str connector;
    struct action_call *call = &test->call;
    uint8_t chance[8];
    AUTO(buf) struct buf key = { 0 };
    TRY(find_connector_name(connect, test, &connector, why));
    TRY(find_action((const struct action_catalogue *)test->catalogue, connector, test->arena, &call->action,
        &call->with, why));
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
