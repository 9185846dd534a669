#include "store_helpers.h"

#include "base/json.h"
#include "engine/registry.h"

struct world {
    struct store *store;
    struct registry *registry;
    unsigned changes;
};

static void count_change(void *context)
{
    ((struct world *)context)->changes++;
}

static void open_registry(struct world *world)
{
    struct err_info why = { 0 };
    const struct engine_options options = { .store = world->store };
    test_check(registry_new(&options, &world->registry, &why), &why);
    test_check(registry_load(world->registry, &why), &why);
    registry_on_change(world->registry, count_change, world);
}

static int make(void **state)
{
    static struct world world;
    static const struct store_migration *const lists[] = { store_migrations, engine_migrations, NULL };
    world = (struct world){ 0 };
    world.store = test_store_open(
        NULL, NULL, (struct store_options){ .migrations = lists, .is_inline = true });
    open_registry(&world);
    *state = &world;
    return 0;
}

static int drop(void **state)
{
    struct world *world = *state;
    registry_free(world->registry);
    store_close(world->store);
    return 0;
}

static enum err publish(struct world *world, int64_t tenant, const char *text, bool is_enabled, uint32_t *ret)
{
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    struct err_info why = { 0 };
    diagnostics_init(&found, &arena, STR("test"));
    const struct registry_change change = {
        .tenant = tenant, .actor = STR("tester"), .is_enabled = is_enabled
    };
    return registry_publish(world->registry, &change, str_of(text), &found, ret, &why);
}

static const char one[] = "playbook: p\ntitle: One\nsteps: [ { set: { x: 1 } } ]\n";
static const char two[] = "playbook: p\ntitle: Two\nsteps: [ { set: { x: 2 } } ]\n";
static const char broken[] = "playbook: p\ntitle: Two\nsteps: [ { nothing: 2 } ]\n";

static void assert_title(struct world *world, int64_t tenant, const char *title, uint32_t number)
{
    struct playbook_version *version = registry_find(world->registry, tenant, STR("p"));
    assert_non_null(version);
    assert_true(str_equal(version->playbook->title, str_of(title)));
    assert_int_equal(version->version, number);
    playbook_version_release(version);
}

static void a_changed_text_is_a_new_version_the_same_text_is_not(void **state)
{
    struct world *world = *state;
    uint32_t version = 0;
    assert_int_equal(publish(world, 1, one, true, &version), ERR_OK);
    assert_int_equal(version, 1);
    assert_int_equal(publish(world, 1, one, true, &version), ERR_OK);
    assert_int_equal(version, 1);
    assert_int_equal(publish(world, 1, two, true, &version), ERR_OK);
    assert_int_equal(version, 2);
    assert_title(world, 1, "Two", 2);
    assert_true(world->changes >= 2);
}

static void a_text_with_faults_changes_nothing(void **state)
{
    struct world *world = *state;
    uint32_t version = 0;
    assert_int_equal(publish(world, 1, one, true, &version), ERR_OK);
    assert_int_equal(publish(world, 1, broken, true, &version), ERR_INVALID);
    assert_title(world, 1, "One", 1);
}

static void tenants_do_not_see_each_other(void **state)
{
    struct world *world = *state;
    uint32_t version = 0;
    assert_int_equal(publish(world, 1, one, true, &version), ERR_OK);
    assert_null(registry_find(world->registry, 2, STR("p")));
    assert_int_equal(publish(world, 2, two, true, &version), ERR_OK);
    assert_title(world, 1, "One", 1);
    assert_title(world, 2, "Two", 1);
}

static void what_was_published_is_there_after_a_start(void **state)
{
    struct world *world = *state;
    uint32_t version = 0;
    assert_int_equal(publish(world, 1, one, true, &version), ERR_OK);
    assert_int_equal(publish(world, 1, two, false, &version), ERR_OK);
    registry_free(world->registry);
    open_registry(world);
    assert_title(world, 1, "Two", 2);
    struct registry_item item = registry_find_item(world->registry, 1, STR("p"));
    assert_false(item.is_enabled);
    playbook_version_release(item.live);
}

struct asking {
    struct world *world;
    int64_t number;
    uint32_t version;
    struct playbook_version *found;
};

static enum err ask(void *context, struct store_conn *conn, struct err_info *why)
{
    struct asking *asking = context;
    return registry_version(
        asking->world->registry, conn, asking->number, asking->version, &asking->found, why);
}

static void an_old_version_is_read_from_the_store(void **state)
{
    struct world *world = *state;
    struct err_info why = { 0 };
    uint32_t version = 0;
    assert_int_equal(publish(world, 1, one, true, &version), ERR_OK);
    assert_int_equal(publish(world, 1, two, true, &version), ERR_OK);
    registry_free(world->registry);
    open_registry(world);
    struct playbook_version *live = registry_find(world->registry, 1, STR("p"));
    struct asking asking = { .world = world, .number = live->number, .version = 1 };
    for (int i = 0; i < 2; i++) { /* compiled, then from memory */
        test_check(store_read_wait(world->store, ask, &asking, &why), &why);
        assert_true(str_equal(asking.found->playbook->title, STR("One")));
        playbook_version_release(asking.found);
    }
    asking.version = 9;
    assert_int_equal(store_read_wait(world->store, ask, &asking, &why), ERR_NOT_FOUND);
    playbook_version_release(live);
}

static void a_set_that_is_held_does_not_change(void **state)
{
    struct world *world = *state;
    uint32_t version = 0;
    assert_int_equal(publish(world, 1, one, true, &version), ERR_OK);
    uint64_t generation = registry_generation(world->registry);
    struct registry_set *set = registry_acquire(world->registry);
    assert_int_equal(publish(world, 1, two, true, &version), ERR_OK);
    assert_int_equal(set->count, 1);
    assert_true(str_equal(set->items[0].live->playbook->title, STR("One")));
    assert_true(registry_generation(world->registry) != generation);
    registry_set_release(set);
}

static const char reading[] =
    "playbook: p\ntitle: Reads\nsteps:\n"
    "  - set: { x: \"${{ alert.src.ip }}\", y: \"${{ has(alert.tags) }}\", z: \"${{ alert['count'] }}\" }\n"
    "  - if: event == {}\n    then: [ { set: { q: 1 } } ]\n";

static void assert_picked(const struct subject_reads *reads, const char *json, const char *kept)
{
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf text = { 0 };
    struct value v, picked;
    struct err_info why = { 0 };
    test_check(json_parse(&arena, str_of(json), NULL, &v, &why), &why);
    v.flags = VALUE_OUTSIDE;
    test_check(subject_reads_pick(reads, v, &arena, &picked, &why), &why);
    assert_true(value_is(picked, VALUE_NULL) || (picked.flags & VALUE_OUTSIDE));
    json_print(&text, picked, JSON_CANONICAL);
    assert_int_equal(buf_check(&text, &why), ERR_OK);
    assert_memory_equal(text.data, kept, strlen(kept));
    assert_int_equal(text.size, strlen(kept));
}

static void a_run_keeps_the_fields_that_its_playbook_reads(void **state)
{
    struct world *world = *state;
    uint32_t number = 0;
    assert_int_equal(publish(world, 1, reading, true, &number), ERR_OK);
    struct playbook_version *version = registry_find(world->registry, 1, STR("p"));
    const struct playbook_reads *reads = &version->reads;
    assert_true(subject_is_read(&reads->alert) && !reads->alert.is_whole);
    assert_picked(&reads->alert, "{\"src\":{\"ip\":1,\"port\":2},\"tags\":[],\"count\":3,\"raw\":\"x\"}",
        "{\"count\":3,\"src\":{\"ip\":1,\"port\":2},\"tags\":[]}");
    assert_picked(&reads->alert, "{\"raw\":1}", "{}");
    assert_picked(&reads->alert, "[1]", "[1]"); /* an event may be of any type */
    assert_picked(&reads->event, "{\"a\":1}", "{\"a\":1}");
    assert_false(subject_is_read(&reads->case_value));
    assert_picked(&reads->case_value, "{\"a\":1}", "null");
    playbook_version_release(version);
}

static void a_playbook_that_reads_many_fields_keeps_all(void **state)
{
    struct world *world = *state;
    AUTO(buf) struct buf text = { 0 };
    uint32_t number = 0;
    buf_add_text(&text, "playbook: p\ntitle: Many\nsteps:\n");
    for (int i = 0; i <= SUBJECT_FIELDS_MAX; i++)
        buf_printf(&text, "  - set: { x: \"${{ alert.f%d }}\" }\n", i);
    buf_add_byte(&text, '\0');
    assert_int_equal(publish(world, 1, text.data, true, &number), ERR_OK);
    struct playbook_version *version = registry_find(world->registry, 1, STR("p"));
    assert_true(version->reads.alert.is_whole);
    playbook_version_release(version);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_changed_text_is_a_new_version_the_same_text_is_not, make, drop),
        cmocka_unit_test_setup_teardown(a_text_with_faults_changes_nothing, make, drop),
        cmocka_unit_test_setup_teardown(tenants_do_not_see_each_other, make, drop),
        cmocka_unit_test_setup_teardown(what_was_published_is_there_after_a_start, make, drop),
        cmocka_unit_test_setup_teardown(an_old_version_is_read_from_the_store, make, drop),
        cmocka_unit_test_setup_teardown(a_set_that_is_held_does_not_change, make, drop),
        cmocka_unit_test_setup_teardown(a_run_keeps_the_fields_that_its_playbook_reads, make, drop),
        cmocka_unit_test_setup_teardown(a_playbook_that_reads_many_fields_keeps_all, make, drop),
    };
    return cmocka_run_group_tests_name("engine_registry", tests, NULL, NULL);
}
