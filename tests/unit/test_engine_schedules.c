/* Which runs schedules begin: one shard on a virtual clock, which begins with a year. */
#include "engine_world.h"

static int64_t runs_of(const char *playbook)
{
    char query[200];
    snprintf(query, sizeof(query),
        "SELECT count(*) FROM engine_runs r JOIN engine_playbooks p ON p.number = r.playbook"
        " WHERE p.name = '%s'",
        playbook);
    return world_count(query);
}

static int64_t schedules(void)
{
    return world_count("SELECT count(*) FROM engine_schedules");
}

static void schedules_are_told_apart_by_tenant_playbook_time_and_zone(void **state)
{
    (void)state;
    struct err_info why = { 0 };
    world_publish("playbook: a\ntitle: A\ntriggers:\n"
                  "  - { schedule: '0 * * * *' }\n"
                  "  - { schedule: { cron: '0 * * * *', timezone: '+05:30' } }\n"
                  "  - { schedule: '15 * * * *' }\n"
                  "  - { schedule: '0 * * * *' }\n" /* once more */
                  "steps: [ { return: 1 } ]\n");
    world_publish(
        "playbook: b\ntitle: B\ntriggers: [ { schedule: '0 * * * *' } ]\nsteps: [ { return: 1 } ]\n");
    test_check(
        world_try_publish_of(2,
            "playbook: c\ntitle: C\ntriggers: [ { schedule: '0 * * * *' } ]\nsteps: [ { return: 1 } ]\n",
            &why),
        &why);
    world_pass(US_PER_S);
    assert_int_equal(schedules(), 5);
    world_pass(14 * US_PER_MIN);
    assert_int_equal(runs_of("a"), 0);
    world_pass(US_PER_MIN);
    assert_int_equal(runs_of("a"), 1);
    world_pass(15 * US_PER_MIN);
    assert_int_equal(runs_of("a"), 2); /* it is a whole hour elsewhere */
    assert_int_equal(runs_of("b"), 0);
    world_restart();
    world_pass(30 * US_PER_MIN);
    assert_int_equal(runs_of("a"), 3);
    assert_int_equal(runs_of("b"), 1);
    assert_int_equal(runs_of("c"), 1);
    assert_int_equal(schedules(), 5);
}

static void schedules_come_back_after_a_restart_however_many_and_go_with_their_playbook(void **state)
{
    (void)state;
    char text[200];
    struct err_info why = { 0 };
    for (int i = 0; i < 40; i++) {
        snprintf(text, sizeof(text),
            "playbook: p%d\ntitle: P\ntriggers: [ { schedule: '%d * * * *' } ]\nsteps: [ { return: 1 } ]\n",
            i, i + 10);
        world_publish(text);
    }
    world_pass(9 * US_PER_MIN);
    world_restart();
    assert_int_equal(schedules(), 40);
    test_check(
        engine_set_enabled(engine_world.engine, TENANT_DEFAULT, STR("tester"), STR("p39"), false, &why),
        &why);
    world_pass(US_PER_HOUR - 9 * US_PER_MIN);
    assert_int_equal(schedules(), 39);
    assert_int_equal(runs_of("p0"), 1);
    assert_int_equal(runs_of("p38"), 1);
    assert_int_equal(runs_of("p39"), 0);
}

static void a_zone_that_the_machine_lacks_keeps_no_other_schedule_from_coming(void **state)
{
    (void)state;
    world_publish("playbook: a\ntitle: A\ntriggers:\n"
                  "  - { schedule: { cron: '0 * * * *', timezone: Nowhere/Land } }\n"
                  "  - { schedule: '30 * * * *' }\n"
                  "steps: [ { return: 1 } ]\n");
    world_pass(US_PER_HOUR);
    assert_int_equal(schedules(), 1);
    assert_int_equal(runs_of("a"), 1);
}

static void a_time_that_was_taken_by_somebody_else_begins_nothing(void **state)
{
    (void)state;
    world_publish(
        "playbook: a\ntitle: A\ntriggers: [ { schedule: '0 * * * *' } ]\nsteps: [ { return: 1 } ]\n");
    world_pass(US_PER_MIN);
    world_sql("UPDATE engine_schedules SET due = due + 3600000000");
    world_pass(US_PER_HOUR);
    assert_int_equal(runs_of("a"), 0);
    world_pass(US_PER_HOUR);
    assert_int_equal(runs_of("a"), 1);
}

static void a_time_whose_run_could_not_begin_comes_again_and_once(void **state)
{
    (void)state;
    world_publish(
        "playbook: a\ntitle: A\ntriggers: [ { schedule: '0 * * * *' } ]\nsteps: [ { do: x.note } ]\n");
    engine_world.apply_fails = ERR_IO; /* in the commit of its beginning */
    world_pass(US_PER_HOUR + 2 * US_PER_MIN);
    assert_int_equal(runs_of("a"), 0);
    engine_world.apply_fails = ERR_OK;
    world_pass(2 * US_PER_S);
    assert_int_equal(runs_of("a"), 1);
    world_pass(50 * US_PER_MIN);
    assert_int_equal(runs_of("a"), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_drop)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(schedules_are_told_apart_by_tenant_playbook_time_and_zone),
        TEST(schedules_come_back_after_a_restart_however_many_and_go_with_their_playbook),
        TEST(a_zone_that_the_machine_lacks_keeps_no_other_schedule_from_coming),
        TEST(a_time_that_was_taken_by_somebody_else_begins_nothing),
        TEST(a_time_whose_run_could_not_begin_comes_again_and_once),
    };
    return cmocka_run_group_tests_name("engine_schedules", tests, NULL, NULL);
}
