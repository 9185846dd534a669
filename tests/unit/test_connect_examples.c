/* The examples of the built-in connectors and of docs/connectors.md, each over the wire: a connection to a
 * stub that gives the example's answers, the action started as the engine starts it, its result compared. */
#include <dirent.h>

#include "connect/catalogue.h"
#include "connect/remote_action.h"
#include "connect_helpers.h"
#include "source_page.h"

/* ---- one example ---- */

static void add_answer(struct connect_world *world, struct value v)
{
    AUTO(buf) struct buf headers = { 0 }, text = { 0 };
    struct value status = value_get(v, STR("status")), list = value_get(v, STR("headers"));
    struct value body = value_get(v, STR("body"));
    for (uint32_t i = 0; list.type == VALUE_MAP && i < list.size; i++) {
        const struct value_entry *entry = &value_map_entries(list)[i];
        buf_printf(
            &headers, "%.*s: %.*s\r\n", STR_ARG(value_str(entry->key)), STR_ARG(value_str(entry->value)));
    }
    buf_add_text(&text, "");
    if (body.type == VALUE_STRING)
        buf_add(&text, value_str(body));
    else if (body.type != VALUE_NULL)
        json_print(&text, body, 0);
    stub_add(&world->stub, "", status.type == VALUE_INT ? (int)status.integer : 200,
        headers.size ? headers.data : "", text.size ? text.data : "")
        ->times = 1;
}

/* The settings that the example has, with the stub as the tool and the made-up secrets. */
static struct value make_settings(
    struct connect_world *world, const struct connector *connector, const struct example *example)
{
    struct value_map_builder map;
    struct str text;
    value_map_begin(&map, &world->arena);
    for (uint32_t i = 0; i < connector->setting_count; i++) {
        const struct setting *setting = &connector->settings[i];
        const struct value *given = value_map_find(example->settings, setting->name);
        struct value v = given ? *given : setting->example;
        if (setting->is_secret) {
            char content[100];
            snprintf(content, sizeof content, "example-%.*s", STR_ARG(setting->name));
            CHECK(arena_str(&world->arena, setting->name, &text, why));
            world_secret(world, text.data, content);
            CHECK(arena_printf(&world->arena, &text, why, "${secret:%.*s}", STR_ARG(setting->name)));
            v = value_string(text);
        }
        if (str_equal(setting->name, STR("base_url")) || str_equal(setting->name, STR("login_url")))
            v = value_string(world_text(world, "STUB"));
        if (v.type != VALUE_NULL)
            CHECK(value_map_put(&map, value_string(setting->name), v, why));
    }
    return value_map_end(&map);
}

/* A connection of its own for each example, so that none waits for another's rate. */
static struct str make_connection(
    struct connect_world *world, const struct connector *connector, const struct example *example)
{
    static unsigned number;
    struct connection_work work = { .world = world };
    CHECK(arena_printf(&world->arena, &work.spec.name, why, "example-%u", number++));
    CHECK(arena_str(&world->arena, connector->name, &work.spec.connector, why));
    work.spec.settings = make_settings(world, connector, example);
    work.spec.secret_fields = connector->secret_names;
    work.spec.secret_field_count = connector->secret_count;
    work.spec.is_enabled = true;
    CHECK(store_write_wait(world->access.store, connection_work_run, &work, why));
    return work.spec.name;
}

/* The address that the file gives stands in outputs and messages; here the stub's does. */
static struct str original_url(const struct connector *connector)
{
    const struct setting *setting = connector_find_setting(connector, STR("base_url"));
    assert_non_null(setting);
    struct value v = setting->default_value.type == VALUE_STRING ? setting->default_value : setting->example;
    return value_str(v);
}

static void replace(struct buf *text, struct str from, struct str to)
{
    AUTO(buf) struct buf out = { 0 };
    size_t at = 0;
    for (ptrdiff_t found; (found = str_find(buf_str(text), from, at)) >= 0; at = (size_t)found + from.size) {
        buf_add(&out, str_slice(buf_str(text), at, (size_t)found));
        buf_add(&out, to);
    }
    buf_add(&out, str_slice(buf_str(text), at, text->size));
    buf_clear(text);
    buf_add(text, buf_str(&out));
}

static void print_result(
    struct buf *out, const struct action_result *result, const struct example *example, struct arena *arena)
{
    struct value_map_builder map;
    if (result->is_ok) {
        json_print(out, result->output, JSON_SORT_KEYS);
        return;
    }
    value_map_begin(&map, arena);
    CHECK(value_map_set(&map, "code", value_string(result->error.code), why));
    if (value_get(example->out, STR("message")).type != VALUE_NULL)
        CHECK(value_map_set(&map, "message", value_string(result->error.message), why));
    if (value_get(example->out, STR("retryable")).type != VALUE_NULL)
        CHECK(value_map_set(&map, "retryable", value_bool(result->error.is_retryable), why));
    json_print(out, value_map_end(&map), JSON_SORT_KEYS);
}

/* What gives tokens, where the connector's `auth` asks for one; not asked when another one counts. */
static void add_tokens(struct connect_world *world, const struct connector *connector)
{
    static const char *const places[] = { "POST /security/user/authenticate ", "POST /api/session ",
        "POST /contoso.example/oauth2/v2.0/token ", "POST /oauth2/token " };
    if (connector->auth_count == 0 || !auth_fetches_token(&connector->auths[0]))
        return;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        stub_json(&world->stub, places[i],
            "{\"access_token\":\"example-access-token\",\"data\":{\"token\":\"example-access-token\"}}");
}

static void run_example(
    struct connect_world *world, const struct connector_action *definition, const struct example *example)
{
    const struct connector *connector = definition->connector;
    struct trial trial;
    AUTO(buf) struct buf wanted = { 0 }, got = { 0 };
    struct str name;
    stub_clear(&world->stub);
    add_tokens(world, connector);
    for (uint32_t i = 0; i < example->answers.size; i++)
        add_answer(world, example->answers.items[i]);
    CHECK(arena_str(&world->arena, definition->action.name, &name, why));
    trial_make(world, &trial, name.data, NULL);
    trial.call.with = example->in;
    trial.call.connection = make_connection(world, connector, example);
    trial.call.idempotency_key = STR("example-key");
    trial_start(&trial);
    world_wait(world);
    if (trial.result.is_ok == example->is_error)
        fail_msg("%s, %.*s: %.*s", name.data, STR_ARG(example->name), STR_ARG(trial.result.error.message));
    print_result(&got, &trial.result, example, &trial.arena);
    json_print(&wanted, example->out, JSON_SORT_KEYS);
    replace(&got, world_text(world, "STUB"), original_url(connector));
    if (!str_equal(buf_str(&got), buf_str(&wanted)))
        fail_msg("%s, %.*s: wanted %s, got %s", name.data, STR_ARG(example->name), wanted.data, got.data);
    trial_done(&trial);
}

static unsigned run_examples(struct connect_world *world)
{
    struct catalogue_source *source = connect_catalogues(world->connect);
    const struct catalogue *catalogue = source->acquire(source);
    const struct action *action;
    unsigned count = 0;
    for (uint32_t i = 0; (action = catalogue->at(catalogue, i)) != NULL; i++) {
        const struct connector_action *definition = action->start == remote_start ? action->definition : NULL;
        for (uint32_t k = 0; definition && k < definition->example_count; k++, count++)
            run_example(world, definition, &definition->examples[k]);
    }
    source->release(source, catalogue);
    return count;
}

/* ---- where they stand ---- */

static void examples_of_built_in_connectors_hold_over_the_wire(void **state)
{
    struct connect_world *world = *state;
    DIR *folder = opendir("content/connectors");
    unsigned count = 0;
    if (!folder)
        folder = opendir("../content/connectors");
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        size_t length = strlen(entry->d_name);
        if (length < 6 || strcmp(entry->d_name + length - 5, ".yaml") != 0)
            continue;
        world_load_content(world, entry->d_name);
        count += run_examples(world);
    }
    closedir(folder);
    print_message("%u examples\n", count);
    assert_true(count > 50);
}

static void count_fault(void *context, struct str action, struct str example, struct str fault)
{
    if (fault.size == 0)
        return;
    print_error("%.*s, %.*s: %.*s\n", STR_ARG(action), STR_ARG(example), STR_ARG(fault));
    (*(unsigned *)context)++;
}

/* One connector of the page: no faults, no warnings, and its examples hold as they stand and over the wire.
 */
static unsigned check_block(struct connect_world *world, struct str block)
{
    struct diagnostics found;
    struct str text;
    unsigned faults = 0;
    diagnostics_init(&found, &world->arena, STR("docs/connectors.md"));
    CHECK(arena_str(&world->arena, block, &text, why));
    (void)connector_check(text, &found); /* what it says is in `found` */
    for (uint32_t i = 0; i < found.count; i++)
        print_error("line %u of the example: %.*s\n", found.items[i].line, STR_ARG(found.items[i].text));
    assert_int_equal(found.count, 0);
    CHECK(connector_test_examples(text, &found, count_fault, &faults, why));
    assert_int_equal(faults, 0);
    world_load(world, text.data);
    unsigned count = run_examples(world);
    assert_true(count > 0);
    return count;
}

static void each_example_of_the_guide_holds(void **state)
{
    struct connect_world *world = *state;
    AUTO(buf) struct buf page = { 0 };
    unsigned blocks = 0, examples = 0;
    assert_true(source_page_read("connectors.md", &page));
    struct str text = buf_str(&page);
    for (ptrdiff_t at = 0; (at = str_find(text, STR("```yaml\n"), (size_t)at)) >= 0; blocks++) {
        ptrdiff_t end = str_find(text, STR("\n```\n"), (size_t)at + 8);
        assert_true(end > 0);
        examples += check_block(world, str_slice(text, (size_t)at + 8, (size_t)end + 1));
        at = end + 5;
    }
    print_message("%u connectors, %u examples\n", blocks, examples);
    assert_true(blocks >= 5);
}

/* The guide's list of actions is whole. */
static void each_action_stands_in_the_guide(void **state)
{
    struct connect_world *world = *state;
    AUTO(buf) struct buf page = { 0 };
    DIR *folder = opendir("content/connectors");
    unsigned missing = 0;
    assert_true(source_page_read("connectors.md", &page));
    if (!folder)
        folder = opendir("../content/connectors");
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        const struct action *action;
        struct catalogue_source *source = connect_catalogues(world->connect);
        if (!strstr(entry->d_name, ".yaml"))
            continue;
        world_load_content(world, entry->d_name);
        const struct catalogue *catalogue = source->acquire(source);
        for (uint32_t i = 0; (action = catalogue->at(catalogue, i)) != NULL; i++) {
            char wanted[200];
            snprintf(wanted, sizeof wanted, "`%.*s`", STR_ARG(action->name));
            if (action->start != remote_start || str_contains(buf_str(&page), str_of(wanted)))
                continue;
            print_error("docs/connectors.md lacks %s\n", wanted);
            missing++;
        }
        source->release(source, catalogue);
    }
    closedir(folder);
    assert_int_equal(missing, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        TEST(examples_of_built_in_connectors_hold_over_the_wire),
        TEST(each_example_of_the_guide_holds),
        TEST(each_action_stands_in_the_guide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
