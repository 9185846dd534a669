/* For the tests of connect: two stubs, a vault, connections, a loop with a real client, and calls of actions
 * through `action->start` as the engine makes them. */
#ifndef TOCSIN_TESTS_CONNECT_HELPERS_H
#define TOCSIN_TESTS_CONNECT_HELPERS_H

#include "access/connection.h"
#include "access/secret.h"
#include "base/json.h"
#include "connect/connect.h"
#include "connect_stub.h"

/* access_helpers.h brings the same macro. */
#undef UNUSED
#include "access_helpers.h"

struct connect_world {
    struct access_fixture access; /* first */
    struct stub stub, other; /* two origins */
    struct connections *connections;
    struct loop *loop;
    struct egress *egress;
    struct connect *connect;
    void *host;
    struct arena arena; /* of the test */
    struct clock *clock; /* of the connect floor */
    struct executor *executor,
        *slow_executor; /* of blocking actions; NULL: none. Set, then make connect anew */
    struct executor *answer_executor; /* likewise */
    const char *const *jq_command;
    unsigned calls_out;
    uint32_t calls_out_max; /* of the connect floor; 0: its own */
};

/* One call, as the engine holds it. */
struct trial {
    struct action_call call; /* first */
    struct connect_world *world;
    struct arena arena;
    const struct catalogue *catalogue;
    bool is_aside; /* not waited for */
    bool is_done;
    struct action_result result;
};

/* ---- the world ---- */

UNUSED static void world_make_connect(struct connect_world *world)
{
    struct connect_options options = { .clock = world->clock,
        .rand = rand_system(),
        .vault = world->access.vault,
        .connections = world->connections,
        .calls_out_max = world->calls_out_max,
        .executor = world->executor,
        .slow_executor = world->slow_executor,
        .answer_executor = world->answer_executor,
        .jq_command = world->jq_command,
        .http = { .egress = world->egress, .connections_per_host_max = 8 } };
    CHECK(connect_new(&options, &world->connect, why));
    CHECK(connect_make_host(world->connect, world->loop, 0, &world->host, why));
}

UNUSED static void world_drop_connect(struct connect_world *world)
{
    connect_free_host(world->connect, world->host);
    connect_free(world->connect);
    world->host = NULL;
    world->connect = NULL;
}

UNUSED static int world_setup(void **state)
{
    struct connect_world *world = calloc(1, sizeof *world);
    struct str allowed = STR("127.0.0.1");
    access_init(&world->access, NULL, true);
    CHECK(connections_open(world->access.store, &world->access.rand.rand, &world->connections, why));
    stub_start(&world->stub);
    stub_start(&world->other);
    world->clock = clock_system();
    CHECK(loop_new(clock_system(), &world->loop, why));
    CHECK(egress_new(&world->arena, &allowed, 1, &world->egress, why));
    world_make_connect(world);
    *state = world;
    return 0;
}

UNUSED static int world_teardown(void **state)
{
    struct connect_world *world = *state;
    world_drop_connect(world);
    loop_free(world->loop);
    stub_stop(&world->stub);
    stub_stop(&world->other);
    access_close(&world->access);
    connections_close(world->connections);
    arena_done(&world->arena);
    return access_teardown(state);
}

/* Text with "STUB" and "OTHER" in place of the stubs' origins. Lives in the world's arena. */
UNUSED static struct str world_text(struct connect_world *world, const char *text)
{
    AUTO(buf) struct buf out = { 0 };
    struct str ret;
    for (const char *at = text; *at;) {
        bool is_stub = strncmp(at, "STUB", 4) == 0, is_other = strncmp(at, "OTHER", 5) == 0;
        if (is_stub || is_other)
            buf_printf(&out, "http://127.0.0.1:%u", is_stub ? world->stub.port : world->other.port);
        else
            buf_add_byte(&out, *at);
        at += is_stub ? 4 : is_other ? 5 : 1;
    }
    CHECK(arena_str(&world->arena, buf_str(&out), &ret, why));
    return ret;
}

UNUSED static struct value world_json(struct connect_world *world, struct arena *arena, const char *text)
{
    struct value v;
    struct json_options options = { .copy_strings = true };
    CHECK(json_parse(arena, world_text(world, text), &options, &v, why));
    return v;
}

/* Loads one connector file; faults end the test. */
UNUSED static void world_load(struct connect_world *world, const char *yaml)
{
    struct diagnostics found;
    struct err_info why = { 0 };
    struct connector_file file = { .name = STR("test.yaml"), .text = world_text(world, yaml) };
    diagnostics_init(&found, &world->arena, file.name);
    if (connect_load(world->connect, &file, 1, &found, &why) == ERR_OK)
        return;
    for (uint32_t i = 0; i < found.count; i++) {
        AUTO(buf) struct buf text = { 0 };
        diagnostic_print(&text, &found.items[i]);
        print_error("%s\n", text.data);
    }
    fail_msg("%s", why.text);
}

/* A file of content/connectors. */
UNUSED static void world_load_content(struct connect_world *world, const char *name)
{
    AUTO(buf) struct buf text = { 0 };
    char path[300], part[4096];
    snprintf(path, sizeof path, "content/connectors/%s", name);
    FILE *file = fopen(path, "rb"); /* from the source root, as `make test` runs it, or the build folder */
    if (!file) {
        snprintf(path, sizeof path, "../content/connectors/%s", name);
        file = fopen(path, "rb");
    }
    assert_non_null(file);
    for (size_t size; (size = fread(part, 1, sizeof part, file)) > 0;)
        buf_add(&text, (struct str){ part, size });
    fclose(file);
    world_load(world, text.data);
}

struct secret_work {
    struct connect_world *world;
    struct str name, content;
};

UNUSED static enum err secret_work_run(void *context, struct store_conn *conn, struct err_info *why)
{
    struct secret_work *work = context;
    return secret_set(
        work->world->access.vault, conn, &work->world->access.admin, work->name, work->content, why);
}

UNUSED static void world_secret(struct connect_world *world, const char *name, const char *content)
{
    struct secret_work work = { world, str_of(name), str_of(content) };
    CHECK(store_write_wait(world->access.store, secret_work_run, &work, why));
}

struct connection_work {
    struct connect_world *world;
    struct connection_spec spec;
    struct connection_made made;
};

UNUSED static enum err connection_work_run(void *context, struct store_conn *conn, struct err_info *why)
{
    struct connection_work *work = context;
    return connection_put(
        work->world->connections, conn, &work->world->access.admin, &work->spec, &work->made, why);
}

/* The default connection `name` of the connector, with JSON settings. */
UNUSED static struct id world_connection(
    struct connect_world *world, const char *name, const char *connector, const char *settings)
{
    struct connection_work work = { .world = world,
        .spec = { .name = str_of(name),
            .connector = str_of(connector),
            .settings = world_json(world, &world->arena, settings),
            .is_default = true,
            .is_enabled = true } };
    struct str *secrets;
    size_t count;
    CHECK(connect_check_settings(
        world->connect, work.spec.connector, work.spec.settings, &world->arena, &secrets, &count, why));
    work.spec.secret_fields = secrets;
    work.spec.secret_field_count = count;
    CHECK(store_write_wait(world->access.store, connection_work_run, &work, why));
    return work.made.id;
}

/* ---- calls ---- */

UNUSED static void trial_finish(struct action_call *call, const struct action_result *result)
{
    struct trial *trial = (struct trial *)call;
    assert_false(trial->is_done);
    trial->is_done = true;
    trial->result = *result;
    if (!trial->is_aside && --trial->world->calls_out == 0)
        loop_stop(trial->world->loop);
}

/* `with` is JSON. Defaults are filled in as the engine does. */
UNUSED static void trial_make(
    struct connect_world *world, struct trial *trial, const char *action, const char *with)
{
    struct catalogue_source *source = connect_catalogues(world->connect);
    memset(trial, 0, sizeof *trial);
    trial->world = world;
    trial->catalogue = source->acquire(source);
    trial->call = (struct action_call){ .action = catalogue_find(trial->catalogue, str_of(action)),
        .tenant = TENANT_DEFAULT,
        .idempotency_key = STR("01JZ/step"),
        .playbook = STR("a-playbook"),
        .step = STR("step"),
        .now = loop_now(world->loop),
        .deadline = { loop_now(world->loop).us + 90 * US_PER_S },
        .arena = &trial->arena,
        .loop = world->loop,
        .host = world->host,
        .finish = trial_finish };
    if (!trial->call.action)
        fail_msg("there is no action %s", action);
    if (!with) /* the caller gives it */
        return;
    trial->call.with = world_json(world, &trial->arena, with);
    const struct value *defaults = trial->call.action->defaults;
    for (uint32_t i = 0; defaults && i < defaults->size; i++) {
        const struct value_entry *entry = &value_map_entries(*defaults)[i];
        if (!value_map_find_key(trial->call.with, entry->key))
            CHECK(value_map_with(
                &trial->arena, trial->call.with, entry->key, entry->value, &trial->call.with, why));
    }
    CHECK(type_check_value(trial->call.action->in, trial->call.with, why));
}

UNUSED static void trial_start(struct trial *trial)
{
    const struct action *action = action_refine(
        trial->call.action, trial->world->host, trial->call.tenant, trial->call.connection, trial->call.with);
    trial->call.action = action;
    trial->world->calls_out += !trial->is_aside;
    action->start(action, &trial->call);
    assert_false(trial->is_done); /* never from inside start */
}

UNUSED static void trial_done(struct trial *trial)
{
    struct catalogue_source *source = connect_catalogues(trial->world->connect);
    source->release(source, trial->catalogue);
    arena_done(&trial->arena);
}

/* Runs the loop until all calls that are out are done. */
UNUSED static void world_wait(struct connect_world *world)
{
    if (world->calls_out)
        loop_run(world->loop);
    assert_int_equal(world->calls_out, 0);
}

UNUSED static const struct action_result *trial_run(
    struct connect_world *world, struct trial *trial, const char *action, const char *with)
{
    trial_make(world, trial, action, with);
    trial_start(trial);
    world_wait(world);
    assert_true(trial->is_done);
    return &trial->result;
}

/* ---- results ---- */

UNUSED static void assert_str_has(struct str text, const char *wanted)
{
    if (!str_contains(text, str_of(wanted)))
        fail_msg("no \"%s\" in \"%.*s\"", wanted, STR_ARG(text));
}

UNUSED static void assert_str_lacks(struct str text, const char *unwanted)
{
    if (str_contains(text, str_of(unwanted)))
        fail_msg("\"%s\" is in \"%.*s\"", unwanted, STR_ARG(text));
}

UNUSED static void assert_output(const struct action_result *result, const char *json)
{
    AUTO(buf) struct buf got = { 0 };
    if (!result->is_ok)
        fail_msg("%.*s: %.*s", STR_ARG(result->error.code), STR_ARG(result->error.message));
    json_print(&got, result->output, JSON_SORT_KEYS);
    assert_string_equal(got.data, json);
    assert_int_equal(result->effect, ACTION_ANSWERED);
}

UNUSED static void assert_error(
    const struct action_result *result, const char *code, bool is_retryable, enum action_effect effect)
{
    if (result->is_ok || !str_equal(result->error.code, str_of(code)) ||
        result->error.is_retryable != is_retryable || result->effect != effect)
        fail_msg("wanted %s, got %s %.*s (%.*s), retryable %d, effect %d", code, result->is_ok ? "ok" : "",
            STR_ARG(result->error.code), STR_ARG(result->error.message), result->error.is_retryable,
            (int)result->effect);
}

#endif
