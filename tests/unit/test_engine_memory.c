/* Making an engine when memory runs out at any of its allocations: it is not made, and nothing leaks. */
#include "memory_faults.h"

#include "engine_world.h"

static FALLIBLE try_engine(struct engine **ret, struct err_info *why)
{
    struct engine_world *world = &engine_world;
    struct engine_options options = { .clock = &world->clock.clock,
        .rand = &world->rand.rand,
        .log = &world->log,
        .store = world->store,
        .catalogues = &world->source,
        .subjects = &world->subjects,
        .make_host = make_host,
        .free_host = free_host,
        .host_context = world,
        .shard_count = 2 };
    return engine_new(&options, ret, why);
}

static void engine_that_lacks_memory_is_not_made_and_leaves_nothing(void **state)
{
    (void)state;
    struct engine *engine = NULL;
    long refused = 0;
    for (enum err result = ERR_MEMORY; result != ERR_OK; refused++) {
        struct err_info why = { 0 };
        memory_faults_left = refused;
        result = try_engine(&engine, &why);
        memory_faults_left = -1;
        assert_true(result == ERR_OK || result == ERR_MEMORY);
        assert_true(refused < 10000);
    }
    assert_true(refused > 10);
    engine_free(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            engine_that_lacks_memory_is_not_made_and_leaves_nothing, world_make, world_drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
