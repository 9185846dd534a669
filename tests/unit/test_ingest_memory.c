/* When memory is used up at any point, the sender is told, nothing is stored, nothing is lost of what was. */
#include "memory_faults.h"

#include "ingest_world.h"

#define STEPS_MAX 5000

static const char *const bodies[] = {
    "{\"key\":1,\"title\":\"one\",\"src_ip\":\"203.0.113.9\",\"text\":\"see http://bad.example/x\"}",
    "[{\"key\":2},{\"key\":2},{\"key\":3,\"a\":{\"b\":[1,2,3,{\"c\":null}]}}]",
    "{\"key\":1,\"severity\":\"high\"}", /* merges */
};

static struct sent *send_scarcely(struct world *world, const char *source, const char *body, long allocations)
{
    struct sent *sent = calloc(1, sizeof(*sent));
    struct arena arena = { 0 };
    assert_non_null(sent);
    sent->request = (struct ingest_request){ .tenant = TENANT_DEFAULT,
        .source = str_of(source),
        .content_type = STR("application/json"),
        .body = str_of(body),
        .arena = &arena,
        .accepted = sent_accepted,
        .context = sent };
    memory_faults_left = allocations;
    ingest_receive(world->ingest, &sent->request);
    memory_faults_left = -1;
    assert_int_equal(sent->answers, 1);
    arena_done(&arena);
    return sent;
}

static void an_event_is_taken_whole_or_not_at_all(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        bool is_accepted = false;
        for (long n = 0; n < STEPS_MAX && !is_accepted; n++) {
            int64_t before = events_stored(world);
            struct sent *sent = send_scarcely(world, i == 1 ? "door" : "probe", bodies[i], n);
            is_accepted = sent->result == ERR_OK;
            if (!is_accepted)
                assert_int_equal(events_stored(world), before);
            free(sent);
        }
        assert_true(is_accepted);
    }
    assert_int_equal(events_stored(world), 5);
    assert_int_equal(number_of(world, "SELECT count(*) FROM cases_alerts"), 4);
    assert_int_equal(number_of(world, "SELECT sum(count) FROM cases_alerts"), 5);
}

static void an_ingest_is_made_or_not(void **state)
{
    (void)state;
    struct clock_manual clock;
    clock_manual_init(&clock, (struct instant){ INT64_C(1780000000) * US_PER_S });
    struct ingest_options options = { .clock = &clock.clock, .rand = rand_system() };
    struct ingest *ingest = NULL;
    struct err_info why = { 0 };
    for (long n = 0; n < STEPS_MAX && !ingest; n++) {
        memory_faults_left = n;
        enum err result = ingest_new(&options, &ingest, &why);
        memory_faults_left = -1;
        assert_int_equal(result, ingest ? ERR_OK : ERR_MEMORY);
    }
    assert_non_null(ingest);
    ingest_free(ingest);
}

static void sources_are_all_loaded_or_stay_as_they_were(void **state)
{
    struct world *world = *state;
    AUTO(arena) struct arena arena = { 0 };
    struct source_file file = { STR("content/sources/wazuh.yaml"),
        read_file(&arena, "content/sources/wazuh.yaml") };
    enum err result = ERR_MEMORY;
    for (long n = 0; n < STEPS_MAX && result != ERR_OK; n++) {
        AUTO(arena) struct arena scratch = { 0 };
        struct diagnostics found;
        diagnostics_init(&found, &scratch, STR(""));
        memory_faults_left = n;
        result = ingest_load(world->ingest, &file, 1, &found, &world->why);
        memory_faults_left = -1;
        if (result != ERR_OK) {
            const struct sources *sources = ingest_acquire_sources(world->ingest);
            assert_non_null(sources_find(sources, STR("probe")));
            ingest_release_sources(world->ingest, sources);
        }
    }
    assert_int_equal(result, ERR_OK);
}

struct ruling {
    struct world *world;
    struct arena *arena;
    struct suppression_spec spec;
};

static enum err rule_apply(void *context, struct store_conn *conn, struct err_info *why)
{
    struct ruling *ruling = context;
    struct principal by = principal_system(TENANT_DEFAULT);
    struct value rule;
    return suppression_create(
        ingest_suppressions(ruling->world->ingest), conn, &by, &ruling->spec, ruling->arena, &rule, why);
}

static void a_rule_is_in_force_or_there_is_none(void **state)
{
    struct world *world = *state;
    enum err result = ERR_MEMORY;
    for (long n = 0; n < STEPS_MAX && result != ERR_OK; n++) {
        AUTO(arena) struct arena arena = { 0 };
        struct ruling ruling = { world, &arena,
            { .name = STR("all"),
                .when = STR("true"),
                .reason = STR("a test"),
                .expires = { clock_now(&world->clock.clock).us + US_PER_DAY } } };
        memory_faults_left = n;
        result = store_write_wait(world->store, rule_apply, &ruling, &world->why);
        memory_faults_left = -1;
        assert_int_equal(number_of(world, "SELECT count(*) FROM ingest_suppressions"), result == ERR_OK);
        assert_int_equal(
            send_one(world, "door", "{}")->fate, result == ERR_OK ? INTAKE_SUPPRESSED : INTAKE_NO_TRIGGER);
    }
    assert_int_equal(result, ERR_OK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_free)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_event_is_taken_whole_or_not_at_all),
        cmocka_unit_test(an_ingest_is_made_or_not),
        TEST(sources_are_all_loaded_or_stay_as_they_were),
        TEST(a_rule_is_in_force_or_there_is_none),
    };
    return cmocka_run_group_tests_name("ingest_memory", tests, NULL, NULL);
}
