#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "io/loop_virtual.h"

struct world {
    struct clock_manual clock;
    struct loop *loop;
    char seen[16];
};

struct noted_job {
    struct loop_job job;
    struct world *world;
    char name;
};

struct noted_timer {
    struct loop_timer timer;
    struct world *world;
    char name;
    int64_t at_us;
    struct loop_job *posts;
};

static void note(struct world *world, char name)
{
    size_t size = strlen(world->seen);
    assert_true(size + 1 < sizeof(world->seen));
    world->seen[size] = name;
}

static void run_noted(struct loop_job *job)
{
    struct noted_job *noted = (struct noted_job *)job;
    note(noted->world, noted->name);
}

static void fire_noted(struct loop_timer *timer)
{
    struct noted_timer *noted = (struct noted_timer *)timer;
    note(noted->world, noted->name);
    noted->at_us = loop_now(noted->world->loop).us;
    if (noted->posts)
        loop_post(noted->world->loop, noted->posts);
}

static int make(void **state)
{
    static struct world world;
    world = (struct world){ 0 };
    clock_manual_init(&world.clock, (struct instant){ 1000 });
    assert_int_equal(loop_virtual_new(&world.clock, &world.loop, NULL), ERR_OK);
    *state = &world;
    return 0;
}

static int drop(void **state)
{
    struct world *world = *state;
    loop_free(world->loop);
    return 0;
}

static void jobs_come_before_timers_and_time_jumps_to_the_next(void **state)
{
    struct world *world = *state;
    struct noted_job late = { { .run = run_noted }, world, 'p' };
    struct noted_job first = { { .run = run_noted }, world, '1' },
                     second = { { .run = run_noted }, world, '2' };
    struct noted_timer b = { { .fire = fire_noted }, world, 'b', 0, NULL };
    struct noted_timer a = { { .fire = fire_noted }, world, 'a', 0, &late.job };
    loop_timer_start(world->loop, &b.timer, (struct instant){ 9000 });
    loop_timer_start(world->loop, &a.timer, (struct instant){ 5000 });
    loop_post(world->loop, &first.job);
    loop_post(world->loop, &second.job);
    loop_run(world->loop);
    assert_string_equal(world->seen, "12apb");
    assert_int_equal(a.at_us, 5000);
    assert_int_equal(b.at_us, 9000);
    assert_int_equal(world->clock.at.us, 9000);
}

static void a_timer_that_is_overdue_fires_without_time_going_back(void **state)
{
    struct world *world = *state;
    struct noted_timer past = { { .fire = fire_noted }, world, 'x', 0, NULL };
    loop_timer_start(world->loop, &past.timer, (struct instant){ 10 });
    assert_true(loop_virtual_step(world->loop));
    assert_int_equal(past.at_us, 1000);
    assert_false(loop_virtual_step(world->loop));
}

static void a_stopped_timer_never_fires(void **state)
{
    struct world *world = *state;
    struct noted_timer timer = { { .fire = fire_noted }, world, 'x', 0, NULL };
    loop_timer_start(world->loop, &timer.timer, (struct instant){ 2000 });
    loop_timer_stop(world->loop, &timer.timer);
    loop_timer_stop(world->loop, &timer.timer);
    assert_false(loop_virtual_step(world->loop));
    assert_string_equal(world->seen, "");
}

static void run_to_leaves_the_clock_where_it_was_told(void **state)
{
    struct world *world = *state;
    struct noted_timer in = { { .fire = fire_noted }, world, 'i', 0, NULL };
    struct noted_timer out = { { .fire = fire_noted }, world, 'o', 0, NULL };
    loop_timer_start(world->loop, &in.timer, (struct instant){ 2000 });
    loop_timer_start(world->loop, &out.timer, (struct instant){ 4000 });
    loop_virtual_run_to(world->loop, (struct instant){ 3000 });
    assert_string_equal(world->seen, "i");
    assert_int_equal(world->clock.at.us, 3000);
    assert_true(out.timer.is_armed);
}

static bool has_two(void *context)
{
    return strlen(context) >= 2;
}

static void run_until_stops_at_what_was_waited_for_and_at_its_end(void **state)
{
    struct world *world = *state;
    struct noted_timer timers[3];
    for (int i = 0; i < 3; i++) {
        timers[i] = (struct noted_timer){ { .fire = fire_noted }, world, (char)('a' + i), 0, NULL };
        loop_timer_start(world->loop, &timers[i].timer, (struct instant){ 2000 + i });
    }
    assert_false(loop_virtual_run_until(world->loop, has_two, world->seen, (struct instant){ 2000 }));
    assert_string_equal(world->seen, "a");
    assert_true(loop_virtual_run_until(world->loop, has_two, world->seen, INSTANT_NEVER));
    assert_string_equal(world->seen, "ab");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(jobs_come_before_timers_and_time_jumps_to_the_next, make, drop),
        cmocka_unit_test_setup_teardown(a_timer_that_is_overdue_fires_without_time_going_back, make, drop),
        cmocka_unit_test_setup_teardown(a_stopped_timer_never_fires, make, drop),
        cmocka_unit_test_setup_teardown(run_to_leaves_the_clock_where_it_was_told, make, drop),
        cmocka_unit_test_setup_teardown(run_until_stops_at_what_was_waited_for_and_at_its_end, make, drop),
    };
    return cmocka_run_group_tests_name("io_loop_virtual", tests, NULL, NULL);
}
