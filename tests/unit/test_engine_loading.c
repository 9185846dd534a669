/* Runs that come into memory and leave it, with something wanting, or something coming in between. */
#include "engine_world.h"

#include "engine/engine_impl.h"
#include "places.h"

static struct shard *the_shard(void)
{
    return &engine_world.engine->shards[0];
}

/* ---- queued runs ---- */

static const char queue[] = "playbook: queue\ntitle: Q\nconcurrency: { key: all, max: 1, when_full: queue }\n"
                            "steps: [ { do: x.hang } ]\n";

/* Whether an allocation of the cancel was refused. */
static bool play_cancel_of_queued(long number)
{
    world_open();
    world_publish(queue);
    struct id first = world_start("queue"), second = world_start("queue");
    assert_status(second, "queued");
    if (number < 0)
        faults_look(FAULT_MEMORY);
    else
        faults_refuse(FAULT_MEMORY, number, 0);
    struct told told = world_cancel(second);
    world_pass(5 * US_PER_S);
    bool has_struck = faults_end();
    assert_true(told.is_told);
    finish_call(0, true);
    world_pass(US_PER_S);
    assert_status(first, "succeeded");
    if (told.result == ERR_OK) {
        assert_status(second, "cancelled");
    } else {
        assert_int_equal(engine_world.call_count, 2); /* it has begun */
        finish_call(1, true);
        world_pass(US_PER_S);
        assert_status(second, "succeeded");
    }
    assert_int_equal(active_runs(), 0);
    world_close();
    return has_struck;
}

static void a_queued_run_whose_cancel_failed_begins_when_it_is_its_turn(void **state)
{
    (void)state;
    unsigned struck = 0;
    (void)play_cancel_of_queued(-1);
    const struct fault_list list = faults_looked();
    for (long i = 0; i < list.count; i++)
        struck += play_cancel_of_queued(list.numbers[i]);
    assert_true(struck > 10);
}

static void a_queued_run_that_is_admitted_while_it_is_read_begins(void **state)
{
    (void)state;
    world_publish(queue);
    (void)world_start("queue");
    struct id second = world_start("queue");
    shard_enter(the_shard());
    shard_poke(the_shard(), TENANT_DEFAULT, second);
    shard_leave(the_shard()); /* it is read; the answer is on its way */
    world_sql("UPDATE engine_runs SET status = 1 WHERE status = 0");
    engine_poke(engine_world.engine, TENANT_DEFAULT, second);
    world_pass(US_PER_S);
    assert_int_equal(engine_world.call_count, 2);
    finish_call(1, true);
    world_pass(US_PER_S);
    assert_status(second, "succeeded");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_drop)
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queued_run_whose_cancel_failed_begins_when_it_is_its_turn),
        TEST(a_queued_run_that_is_admitted_while_it_is_read_begins),
    };
    return cmocka_run_group_tests_name("engine_loading", tests, NULL, NULL);
}
