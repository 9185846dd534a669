/* Who is told of a run's end, and who is not any more. */
#include "engine_world.h"

static void a_watch_is_told_once_of_the_end_or_of_the_waiting_and_a_removed_one_never(void **state)
{
    (void)state;
    struct watching end, waiting, gone, again, unknown;
    world_publish("playbook: q\ntitle: Q\nsteps: [ { do: x.hang }, { wait: 1h } ]\n");
    struct id run = world_start("q");
    watch(&end, run, false);
    watch(&waiting, run, true);
    watch(&gone, run, false);
    watch(&unknown, (struct id){ { 1, 2, 3 } }, false);
    engine_unwatch(engine_world.engine, &gone.watch);
    engine_unwatch(engine_world.engine, &gone.watch); /* it is out already */
    finish_call(0, true);
    world_pass(US_PER_S);
    assert_int_equal(waiting.told, 1);
    assert_int_equal(waiting.status, RUN_WAITING);
    assert_int_equal(unknown.told, 1);
    assert_int_equal(end.told, 0);
    watch(&again, run, true); /* it waits already */
    world_pass(US_PER_S);
    assert_int_equal(again.told, 1);
    world_pass(US_PER_HOUR);
    assert_int_equal(end.told, 1);
    assert_int_equal(end.status, RUN_SUCCEEDED);
    assert_int_equal(gone.told, 0);
}

static void a_watch_that_was_on_its_way_when_it_was_removed_is_not_told(void **state)
{
    (void)state;
    struct watching on_its_way, left;
    world_publish(waits);
    struct id run = world_start("waits");
    watch(&left, run, false);
    watch(&on_its_way, run, true); /* the answer of the store is a job */
    engine_unwatch(engine_world.engine, &on_its_way.watch);
    world_pass(US_PER_S);
    assert_int_equal(on_its_way.told, 0);
    world_close_engine(); /* with one that waits still */
    assert_int_equal(left.told, 0);
    assert_null(left.watch.entry);
    struct err_info why = { 0 };
    test_check(world_try_engine(&why), &why);
}

static void watch_young(struct watching *watching, struct id run)
{
    *watching = (struct watching){
        .watch = { .ended = ended,
            .reply_to = engine_world.loop,
            .run_id = run,
            .tenant = TENANT_DEFAULT,
            .is_young = true },
    };
    engine_watch(engine_world.engine, &watching->watch);
}

static void a_watch_of_a_young_run_asks_when_it_is_told_to(void **state)
{
    (void)state;
    struct watching before, after, gone;
    world_publish("playbook: y\ntitle: Y\nsteps: [ { do: x.hang } ]\n");
    struct id run = world_start("y");
    watch_young(&before, run);
    engine_watch_ask(engine_world.engine, &before.watch); /* it has not ended */
    world_pass(US_PER_S);
    assert_int_equal(before.told, 0);
    finish_call(0, true);
    world_pass(US_PER_S);
    assert_int_equal(before.told, 1);
    assert_int_equal(before.status, RUN_SUCCEEDED);
    struct err_info why = { 0 };
    world_close_engine(); /* nor is it known from memory */
    test_check(world_try_engine(&why), &why);
    watch_young(&after, run);
    watch_young(&gone, run);
    world_pass(US_PER_S);
    assert_int_equal(after.told, 0);
    engine_unwatch(engine_world.engine, &gone.watch);
    engine_watch_ask(engine_world.engine, &gone.watch);
    engine_watch_ask(engine_world.engine, &after.watch);
    world_pass(US_PER_S);
    assert_int_equal(after.told, 1);
    assert_int_equal(gone.told, 0);
    engine_watch_ask(engine_world.engine, &after.watch); /* it has been called */
    world_pass(US_PER_S);
    assert_int_equal(after.told, 1);
}

static void a_young_run_that_ended_before_its_watch_came_is_told_without_asking(void **state)
{
    (void)state;
    struct watching young, removed, another;
    world_publish("playbook: at-once\ntitle: A\nsteps: [ { return: 1 } ]\n");
    struct id run = world_start("at-once");
    world_pass(US_PER_S);
    watch_young(&another, world_start("at-once"));
    watch_young(&young, run);
    watch_young(&removed, run);
    engine_unwatch(engine_world.engine, &removed.watch);
    assert_int_equal(young.told, 0); /* on its loop, not inside the call */
    engine_watch_ask(engine_world.engine, &young.watch); /* it is on its way */
    world_pass(US_PER_S);
    assert_int_equal(young.told, 1);
    assert_int_equal(young.status, RUN_SUCCEEDED);
    assert_int_equal(removed.told, 0);
    assert_int_equal(another.told, 1);
}

static void an_engine_that_ends_leaves_no_watch_whatever_is_on_its_way(void **state)
{
    (void)state;
    struct err_info why = { 0 };
    for (int steps = 0; steps < 5; steps++) {
        struct watching watching;
        world_publish("playbook: at-once\ntitle: A\nsteps: [ { return: 1 } ]\n");
        struct id run = world_start("at-once");
        world_pass(US_PER_S);
        watch(&watching, run, false);
        for (int i = 0; i < steps; i++)
            (void)loop_virtual_step_job(engine_world.loop);
        world_close_engine();
        assert_true(watching.told <= 1);
        assert_null(watching.watch.entry);
        test_check(world_try_engine(&why), &why);
    }
}

static void a_watch_of_waiting_is_told_of_uncertainty(void **state)
{
    (void)state;
    struct watching end, waiting;
    world_publish("playbook: deaf\ntitle: D\nsteps: [ { id: d, do: x.deaf, timeout: 10s } ]\n");
    struct id run = world_start("deaf");
    watch(&end, run, false);
    watch(&waiting, run, true);
    world_pass(5 * US_PER_MIN);
    assert_status(run, "uncertain");
    assert_int_equal(waiting.told, 1);
    assert_int_equal(waiting.status, RUN_UNCERTAIN);
    assert_int_equal(end.told, 0);
}

/* What is on its way to a loop that outlives the engine finds nobody. */
static void a_watch_on_another_loop_is_not_told_when_the_engine_has_gone(void **state)
{
    (void)state;
    struct err_info why = { 0 };
    struct loop *other = NULL;
    struct watching told, left, removed;
    struct watching *const all[] = { &told, &left, &removed };
    world_publish("playbook: at-once\ntitle: A\nsteps: [ { return: 1 } ]\n");
    struct id run = world_start("at-once");
    test_check(loop_virtual_new(&engine_world.clock, &other, &why), &why);
    for (int i = 0; i < 3; i++) {
        *all[i] = (struct watching){
            .watch = { .ended = ended, .reply_to = other, .run_id = run, .tenant = TENANT_DEFAULT }
        };
        engine_watch(engine_world.engine, &all[i]->watch);
        world_pass(US_PER_S);
        if (all[i] == &told)
            assert_true(loop_drain(other));
    }
    engine_unwatch(engine_world.engine, &removed.watch);
    world_close_engine();
    assert_null(left.watch.entry);
    assert_true(loop_drain(other));
    assert_int_equal(told.told, 1);
    assert_int_equal(left.told, 0);
    assert_int_equal(removed.told, 0);
    loop_free(other);
    test_check(world_try_engine(&why), &why);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_drop)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_watch_is_told_once_of_the_end_or_of_the_waiting_and_a_removed_one_never),
        TEST(a_watch_that_was_on_its_way_when_it_was_removed_is_not_told),
        TEST(a_watch_of_a_young_run_asks_when_it_is_told_to),
        TEST(a_young_run_that_ended_before_its_watch_came_is_told_without_asking),
        TEST(an_engine_that_ends_leaves_no_watch_whatever_is_on_its_way),
        TEST(a_watch_of_waiting_is_told_of_uncertainty),
        TEST(a_watch_on_another_loop_is_not_told_when_the_engine_has_gone),
    };
    return cmocka_run_group_tests_name("engine_watch", tests, NULL, NULL);
}
