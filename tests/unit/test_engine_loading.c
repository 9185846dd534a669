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

/* ---- messages ---- */

static const char cleans_up[] = "playbook: cleans-up\ntitle: C\n"
                                "steps: [ { try: [ { wait: 1h } ], finally: [ { do: x.hang } ] } ]\n";

/* A cancel for whatever waits. */
static void put_cancel(void)
{
    world_sql("INSERT INTO engine_inbox (tenant, run_id, kind, frame, object, payload)"
              " SELECT 1, id, 8, 0, NULL, x'000100' FROM engine_runs WHERE status = 2");
}

static void poke(struct id run)
{
    shard_enter(the_shard());
    shard_poke(the_shard(), TENANT_DEFAULT, run);
    shard_leave(the_shard());
}

/* A second cancel would have ended what is done finally. */
static void assert_cancelled_once(struct id run)
{
    assert_status(run, "running");
    assert_int_equal(engine_world.call_count, 1);
    assert_int_equal(world_count("SELECT count(*) FROM engine_inbox"), 0);
    finish_call(0, true);
    world_pass(US_PER_S);
    assert_status(run, "cancelled");
}

static void a_message_that_was_being_read_when_its_run_became_void_is_taken_once(void **state)
{
    (void)state;
    struct err_info why = { 0 };
    world_publish(cleans_up);
    struct id run = world_start("cleans-up");
    put_cancel();
    poke(run);
    struct active *active = shard_find(the_shard(), run);
    assert_non_null(active->inbox_op);
    err_set(&why, ERR_MEMORY, "it is told to fail");
    shard_enter(the_shard());
    active_void(active, &why);
    active->rests = false;
    active_run(active); /* as if its rest were over before the messages are read */
    shard_leave(the_shard());
    assert_null(active->load_op);
    world_pass(5 * US_PER_S);
    assert_cancelled_once(run);
}

static void a_message_that_comes_while_others_are_read_is_read_too(void **state)
{
    (void)state;
    world_publish(cleans_up);
    struct id run = world_start("cleans-up");
    poke(run);
    put_cancel();
    poke(run); /* what is being read has not seen it */
    world_pass(US_PER_S);
    assert_cancelled_once(run);
}

static void a_run_that_there_is_not_is_poked_in_vain(void **state)
{
    (void)state;
    poke((struct id){ { 5 } });
    assert_int_equal(active_runs(), 1);
    world_pass(US_PER_S);
    assert_int_equal(active_runs(), 0);
}

/* ---- timers ---- */

static void a_call_that_is_late_while_its_turn_waits_for_the_disk_is_cancelled(void **state)
{
    (void)state;
    world_publish("playbook: deaf\ntitle: D\nsteps:\n"
                  "  - parallel: [ [ { do: x.deaf, timeout: 10s } ], [ { do: x.hang } ] ]\n");
    struct id run = world_start("deaf");
    engine_world.is_full = true; /* no room for the audit of it */
    struct told told = told_new();
    engine_cancel_run(engine_world.engine, TENANT_DEFAULT, run, STR("tester"), STR("x"), &told.reply);
    world_pass(11 * US_PER_S);
    assert_int_equal(engine_world.cancels, 1);
    assert_false(told.is_told);
    engine_world.is_full = false;
    world_pass(2 * US_PER_S);
    assert_true(told.is_told);
    assert_int_equal(told.result, ERR_OK);
    finish_call(0, false);
    world_pass(US_PER_S);
    assert_status(run, "cancelled");
}

/* ---- wakes ---- */

#define WAKES 1100 /* more than there is room for when the room that is kept is doubled once */

/* Of runs that have gone meanwhile. */
static void wake_many(long number)
{
    struct wakes *wakes = &the_shard()->wakes;
    for (unsigned i = 1; i <= WAKES; i++)
        wakes_add(wakes, WAKE_RUN, (struct id){ { 1, (uint8_t)i, (uint8_t)(i >> 8) } },
            (struct instant){ engine_world.clock.at.us + US_PER_S });
    uint32_t room = wakes->room;
    assert_true(room > WAKES);
    if (number < 0)
        faults_look(FAULT_MEMORY);
    else
        faults_refuse(FAULT_MEMORY, number, 0);
    world_pass(2 * US_PER_MIN);
    (void)faults_end();
    assert_int_equal(wakes->count, 0);
    assert_int_equal(active_runs(), 0);
    assert_true(wakes->room < room);
}

static void wakes_leave_nothing_in_memory_though_memory_was_wanting_once(void **state)
{
    (void)state;
    world_pass(US_PER_S);
    wake_many(-1);
    const struct fault_list list = faults_looked();
    assert_true(list.count > 5);
    for (long i = 0; i < list.count; i++)
        wake_many(list.numbers[i]);
}

static void what_is_lost_while_the_store_is_asked_for_wakes_is_found_by_the_next_poll(void **state)
{
    (void)state;
    world_publish(cleans_up);
    struct id run = world_start("cleans-up");
    world_pass(2 * US_PER_MIN);
    put_cancel(); /* and nobody was poked */
    while (!the_shard()->wakes.is_polling)
        (void)loop_virtual_step(engine_world.loop);
    atomic_store(&engine_world.engine->has_lost, true);
    wakes_poll_soon(&the_shard()->wakes);
    assert_false(the_shard()->wakes.poll.is_armed); /* it is armed by the answer */
    world_pass(2 * US_PER_MIN);
    assert_cancelled_once(run);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_drop)
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_queued_run_whose_cancel_failed_begins_when_it_is_its_turn),
        TEST(a_queued_run_that_is_admitted_while_it_is_read_begins),
        TEST(a_message_that_was_being_read_when_its_run_became_void_is_taken_once),
        TEST(a_message_that_comes_while_others_are_read_is_read_too),
        TEST(a_run_that_there_is_not_is_poked_in_vain),
        TEST(a_call_that_is_late_while_its_turn_waits_for_the_disk_is_cancelled),
        TEST(wakes_leave_nothing_in_memory_though_memory_was_wanting_once),
        TEST(what_is_lost_while_the_store_is_asked_for_wakes_is_found_by_the_next_poll),
    };
    return cmocka_run_group_tests_name("engine_loading", tests, NULL, NULL);
}
