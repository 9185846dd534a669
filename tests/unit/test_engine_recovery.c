/* What a start makes of journals and messages that are damaged or say nothing: their run stops and says why,
 * until they are whole again. */
#include "engine_world.h"

/* ---- damage ---- */

/* What stands in the journal is kept beside it. */
static void journal_save(void)
{
    world_sql("CREATE TABLE kept AS SELECT * FROM engine_journal");
}

static void journal_restore(void)
{
    world_sql("DELETE FROM engine_journal");
    world_sql("INSERT INTO engine_journal SELECT * FROM kept");
}

/* While the journal is as `damage` left it, who asks for the run is told so; once it is whole the run goes
 * on. */
static void check_damage(const char *damage, enum err expected, const char *name)
{
    world_open();
    world_publish(waits);
    struct id run = world_start("waits");
    world_restart();
    journal_save();
    world_sql(damage);
    struct told told = world_cancel(run);
    assert_true(told.is_told);
    if (told.result != expected)
        fail_msg("%s: %s: %s", damage, err_word(told.result), told.why.text);
    if (name)
        assert_string_equal(told.why.name, name);
    world_pass(2 * US_PER_HOUR);
    assert_status(run, "waiting");
    journal_restore();
    world_pass(US_PER_MIN);
    assert_status(run, "succeeded");
    world_close();
}

static void a_damaged_journal_stops_its_run_until_it_is_whole_again(void **state)
{
    (void)state;
    check_damage("DELETE FROM engine_journal", ERR_INVALID, "journal_gap");
    check_damage("UPDATE engine_journal SET key = key + 1", ERR_INVALID, "journal_gap");
    check_damage("UPDATE engine_journal SET record = x'00'", ERR_INVALID, "journal_damaged");
    check_damage("UPDATE engine_journal SET record = x'0009'", ERR_INVALID, "journal_version");
    check_damage("UPDATE engine_journal SET record = x''", ERR_INTERNAL, "payload_corrupt");
    check_damage("UPDATE engine_journal SET record = x'000102ff'", ERR_INVALID, "journal_damaged");
}

static void a_run_whose_row_is_gone_is_told_not_to_be_there(void **state)
{
    (void)state;
    world_publish(waits);
    struct id run = world_start("waits");
    world_restart();
    world_sql("DELETE FROM engine_runs");
    assert_int_equal(world_cancel(run).result, ERR_NOT_FOUND);
    world_pass(2 * US_PER_HOUR);
}

static void a_message_of_a_kind_that_nobody_knows_changes_nothing(void **state)
{
    (void)state;
    world_publish(waits);
    struct id run = world_start("waits");
    world_sql("INSERT INTO engine_inbox (tenant, run_id, kind, frame, object, payload)"
              " SELECT 1, id, 99, 1, NULL, x'000100' FROM engine_runs");
    world_sql("INSERT INTO engine_inbox (tenant, run_id, kind, frame, object, payload)"
              " SELECT 1, id, 6, 77, NULL, x'000100' FROM engine_runs");
    world_restart();
    world_pass(2 * US_PER_HOUR);
    assert_status(run, "succeeded");
}

static void a_cancel_without_words_is_a_cancel(void **state)
{
    (void)state;
    world_publish(waits);
    struct id run = world_start("waits");
    world_sql("INSERT INTO engine_inbox (tenant, run_id, kind, frame, object, payload)"
              " SELECT 1, id, 8, 0, NULL, x'000100' FROM engine_runs");
    world_restart();
    world_pass(2 * US_PER_HOUR);
    assert_status(run, "cancelled");
    assert_error(run, "cancelled");
}

static void the_undo_of_a_containment_is_made_again_from_its_first_record(void **state)
{
    (void)state;
    world_publish("playbook: block\ntitle: B\nsteps: [ { do: x.block, for: 1h } ]\n");
    struct id run = world_start("block");
    world_pass(US_PER_S);
    assert_status(run, "succeeded");
    world_pass(US_PER_HOUR);
    assert_int_equal(engine_world.call_count, 1); /* the undo hangs */
    world_restart();
    journal_save();
    world_sql(
        "UPDATE engine_journal SET record = x'00010002' WHERE key = (SELECT max(key) FROM engine_journal)");
    world_pass(US_PER_MIN);
    assert_int_equal(engine_world.call_count, 0);
    static const char *const damages[] = { "0009", "000102", "000102020000", "0001020100808010020000000100" };
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        char text[200];
        snprintf(text, sizeof(text),
            "UPDATE engine_journal SET record = x'%s' WHERE key = (SELECT max(key) FROM engine_journal)",
            damages[i]);
        world_sql(text);
        world_pass(US_PER_MIN);
        assert_int_equal(engine_world.call_count, 0);
    }
    world_sql(
        "UPDATE engine_journal SET record = x'000102ff' WHERE key = (SELECT max(key) FROM engine_journal)");
    world_pass(US_PER_MIN);
    journal_restore();
    world_pass(US_PER_MIN);
    assert_int_equal(engine_world.call_count, 1);
    finish_call(0, true);
    world_pass(US_PER_S);
    assert_int_equal(active_runs(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_drop)
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_journal_stops_its_run_until_it_is_whole_again),
        TEST(a_run_whose_row_is_gone_is_told_not_to_be_there),
        TEST(a_message_of_a_kind_that_nobody_knows_changes_nothing),
        TEST(a_cancel_without_words_is_a_cancel),
        TEST(the_undo_of_a_containment_is_made_again_from_its_first_record),
    };
    return cmocka_run_group_tests_name("engine_recovery", tests, NULL, NULL);
}
