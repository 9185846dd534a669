#include "cases_helpers.h"

#include "access/audit.h"
#include "base/limits.h"

static void a_new_alert_reads_as_it_was_before_its_commit(void **state)
{
    struct world *world = *state;
    struct alert_new alert = world_alert(world, "brute force", 1);
    struct value before;
    test_check(alert_prepare(&alert, &world->arena, &world->why), &world->why);
    test_check(alert_value_of_new(&alert, &world->arena, &before, &world->why), &world->why);
    struct alert_arrival arrival = world_arrive(world, &alert);
    assert_false(arrival.is_merged);
    assert_int_equal(arrival.count, 1);
    struct value after = world_alert_value(world, alert.id);
    assert_true(value_equal(before, after));
    assert_text(value_path(after, STR("finding_info.title")), "brute force");
    assert_text(value_get(after, STR("status")), "New");
    assert_int_equal(value_get(after, STR("severity_id")).integer, SEVERITY_HIGH);
}

static void a_repeat_within_the_window_is_merged(void **state)
{
    struct world *world = *state;
    struct alert_new first = world_alert(world, "first", 1);
    world_arrive(world, &first);
    clock_manual_advance(&world->clock, US_PER_HOUR - 1);
    struct alert_new repeat = world_alert(world, "second", 1);
    repeat.severity = SEVERITY_CRITICAL;
    struct alert_arrival arrival = world_arrive(world, &repeat);
    assert_true(arrival.is_merged);
    assert_true(id_equal(arrival.id, first.id));
    assert_int_equal(arrival.count, 2);
    struct value alert = world_alert_value(world, first.id);
    assert_int_equal(value_get(alert, STR("count")).integer, 2);
    assert_int_equal(value_get(alert, STR("severity_id")).integer, SEVERITY_CRITICAL);
    assert_text(value_path(alert, STR("finding_info.title")), "first");
    assert_int_equal(value_to_instant(value_get(alert, STR("last_seen"))).us, repeat.seen.us);
    assert_int_equal(world_alert_value(world, repeat.id).type, VALUE_NULL);
}

static void at_the_windows_end_a_new_alert_begins(void **state)
{
    struct world *world = *state;
    struct alert_new first = world_alert(world, "first", 1);
    world_arrive(world, &first);
    clock_manual_advance(&world->clock, US_PER_HOUR / 2);
    struct alert_new middle = world_alert(world, "first", 1);
    assert_true(world_arrive(world, &middle).is_merged);
    clock_manual_advance(&world->clock, US_PER_HOUR / 2);
    struct alert_new next = world_alert(world, "first", 1);
    assert_false(world_arrive(world, &next).is_merged);
    /* And it is the new one that stands from now on. */
    struct alert_new again = world_alert(world, "first", 1);
    assert_true(id_equal(world_arrive(world, &again).id, next.id));
}

static void an_event_that_was_received_earlier_still_finds_its_alert(void **state)
{
    struct world *world = *state;
    struct alert_new early = world_alert(world, "early", 1);
    /* Across the edge of a bucket of the window. */
    int64_t edge = (early.seen.us / US_PER_HOUR + 1) * US_PER_HOUR;
    early.seen.us = edge - 1;
    struct alert_new late = world_alert(world, "late", 1);
    late.seen.us = edge + 1;
    world_arrive(world, &late);
    assert_true(id_equal(world_arrive(world, &early).id, late.id));
}

static void without_a_window_nothing_is_merged(void **state)
{
    struct world *world = *state;
    struct alert_new first = world_alert(world, "one", 1), second = world_alert(world, "one", 1);
    first.window_us = second.window_us = 0;
    assert_false(world_arrive(world, &first).is_merged);
    assert_false(world_arrive(world, &second).is_merged);
}

static void tenants_and_fingerprints_never_mix(void **state)
{
    struct world *world = *state;
    struct alert_new first = world_alert(world, "one", 1), other = world_alert(world, "one", 1),
                     third = world_alert(world, "one", 2);
    other.tenant = 2;
    world_arrive(world, &first);
    assert_false(world_arrive(world, &other).is_merged);
    assert_false(world_arrive(world, &third).is_merged);
    assert_int_equal(world_alert_value(world, other.id).type, VALUE_NULL);
}

static void long_titles_are_cut_at_a_characters_edge(void **state)
{
    struct world *world = *state;
    char title[700];
    memset(title, 'a', sizeof(title));
    memcpy(title + ALERT_TITLE_BYTES_MAX - 1, "\xc3\xa9", 2);
    struct value text = value_string((struct str){ title, sizeof(title) }), info, body;
    struct value_map_builder map;
    value_map_begin(&map, &world->arena);
    test_check(value_map_set(&map, "title", text, &world->why), &world->why);
    info = value_map_end(&map);
    value_map_begin(&map, &world->arena);
    test_check(value_map_set(&map, "finding_info", info, &world->why), &world->why);
    body = value_map_end(&map);
    struct alert_new alert = world_alert(world, "x", 1);
    alert.body = body;
    test_check(alert_prepare(&alert, &world->arena, &world->why), &world->why);
    assert_int_equal(alert.title.size, ALERT_TITLE_BYTES_MAX - 1);
}

/* ---- changes ---- */

static enum err update_run(struct work *work, struct store_conn *conn, struct err_info *why)
{
    (void)conn;
    return alert_update(&work->change, work->id, work->fields, &work->world->arena, &work->result, why);
}

static enum err show_run(struct work *work, struct store_conn *conn, struct err_info *why)
{
    return alert_show(conn, TENANT_DEFAULT, work->id, &work->world->arena, &work->result, why);
}

static struct value show(struct world *world, struct id id)
{
    struct work work = { .world = world, .run = show_run, .id = id };
    test_check(world_read(&work), &world->why);
    return work.result;
}

static void an_update_is_seen_noted_and_audited(void **state)
{
    struct world *world = *state;
    struct alert_new alert = world_alert(world, "one", 1);
    world_arrive(world, &alert);
    struct work work = { .world = world, .run = update_run, .id = alert.id };
    work.fields = json(world,
        "{\"status\":\"in_progress\",\"owner\":\"ada\",\"severity\":\"low\","
        "\"add_tags\":[\"seen\",\"sshd\"]}");
    test_check(world_write(&work), &world->why);
    assert_text(value_get(work.result, STR("status")), "In Progress");
    assert_text(value_get(work.result, STR("owner")), "ada");
    assert_int_equal(value_get(work.result, STR("severity_id")).integer, SEVERITY_LOW);
    assert_true(value_equal(value_get(work.result, STR("tags")), json(world, "[\"sshd\",\"seen\"]")));
    assert_int_equal(value_get(work.result, STR("revision")).integer, 2);
    assert_true(value_equal(work.result, world_alert_value(world, alert.id)));

    struct value activity = value_get(show(world, alert.id), STR("activity"));
    assert_int_equal(activity.size, 1);
    assert_text(value_get(activity.items[0], STR("kind")), "update");
    assert_text(value_path(activity.items[0], STR("actor.name")), "ada");
    assert_text(value_path(activity.items[0], STR("before.status")), "new");
    assert_text(value_path(activity.items[0], STR("after.status")), "in_progress");

    /* Nothing changes: nothing is written. */
    test_check(world_write(&work), &world->why);
    assert_int_equal(value_get(work.result, STR("revision")).integer, 2);
    assert_int_equal(value_get(show(world, alert.id), STR("activity")).size, 1);
}

static void a_stale_revision_is_refused(void **state)
{
    struct world *world = *state;
    struct alert_new alert = world_alert(world, "one", 1);
    world_arrive(world, &alert);
    struct work work = { .world = world, .run = update_run, .id = alert.id };
    work.fields = json(world, "{\"owner\":\"ada\"}");
    work.change.revision = 1;
    test_check(world_write(&work), &world->why);
    work.fields = json(world, "{\"owner\":\"bob\"}");
    assert_int_equal(world_write(&work), ERR_CONFLICT);
    assert_text(value_get(world_alert_value(world, alert.id), STR("owner")), "ada");
}

static void wrong_fields_are_refused_with_a_mend(void **state)
{
    static const struct {
        const char *fields;
        enum err code;
        const char *text;
    } cases[] = {
        { "{\"statsu\":\"new\"}", ERR_INVALID, "did you mean 'status'?" },
        { "{\"phase\":\"triage\"}", ERR_INVALID, "no field 'phase' of alert" },
        { "{\"status\":\"gone\"}", ERR_INVALID, "none of new" },
        { "{\"severity\":7}", ERR_INVALID, "0 (unknown) to 6" },
        { "{\"tags\":\"x\"}", ERR_INVALID, "a list of strings" },
        { "{\"tags\":[1]}", ERR_INVALID, "tags[0]" },
        { "{\"resolution\":\"maybe\"}", ERR_INVALID, "true_positive" },
        { "{\"owner\":7}", ERR_INVALID, "owner" },
        { "[]", ERR_INVALID, "a map" },
    };
    struct world *world = *state;
    struct alert_new alert = world_alert(world, "one", 1);
    world_arrive(world, &alert);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct work work = { .world = world, .run = update_run, .id = alert.id };
        work.fields = json(world, cases[i].fields);
        assert_int_equal(world_write(&work), cases[i].code);
        if (!strstr(world->why.text, cases[i].text))
            fail_msg("%s: %s", cases[i].fields, world->why.text);
    }
    assert_int_equal(value_get(world_alert_value(world, alert.id), STR("revision")).integer, 1);
}

static void an_alert_of_another_tenant_is_not_found(void **state)
{
    struct world *world = *state;
    struct alert_new alert = world_alert(world, "one", 1);
    world_arrive(world, &alert);
    struct principal stranger;
    principal_init(&stranger, PRINCIPAL_USER, 2, world->by.id, STR("eve"));
    struct work work = { .world = world, .run = update_run, .id = alert.id };
    work.change.by = &stranger;
    work.fields = json(world, "{\"owner\":\"eve\"}");
    assert_int_equal(world_write(&work), ERR_NOT_FOUND);
}

static enum err close_run(struct work *work, struct store_conn *conn, struct err_info *why)
{
    (void)conn;
    return alert_close(
        &work->change, work->id, work->word, work->text, &work->world->arena, &work->result, why);
}

static void closing_twice_keeps_the_second_comment(void **state)
{
    struct world *world = *state;
    struct alert_new alert = world_alert(world, "one", 1);
    world_arrive(world, &alert);
    struct work work = { .world = world,
        .run = close_run,
        .id = alert.id,
        .word = STR("false_positive"),
        .text = STR("a scanner") };
    test_check(world_write(&work), &world->why);
    assert_text(value_get(work.result, STR("status")), "Resolved");
    assert_text(value_get(work.result, STR("resolution")), "false_positive");
    work.text = STR("the same scanner");
    test_check(world_write(&work), &world->why);
    struct value activity = value_get(show(world, alert.id), STR("activity"));
    assert_int_equal(activity.size, 2);
    assert_text(value_get(activity.items[0], STR("kind")), "close");
    assert_text(value_get(activity.items[1], STR("kind")), "comment");
    assert_text(value_get(activity.items[1], STR("text")), "the same scanner");
    assert_int_equal(value_get(work.result, STR("revision")).integer, 2);
}

static enum err comment_run(struct work *work, struct store_conn *conn, struct err_info *why)
{
    (void)conn;
    return alert_comment(&work->change, work->id, work->text, &work->other, why);
}

static void a_comment_with_a_key_is_written_once(void **state)
{
    struct world *world = *state;
    struct alert_new alert = world_alert(world, "one", 1);
    world_arrive(world, &alert);
    struct work work = { .world = world, .run = comment_run, .id = alert.id, .text = STR("seen") };
    work.change.key = STR("run/step/0");
    test_check(world_write(&work), &world->why);
    struct id first = work.other;
    test_check(world_write(&work), &world->why);
    assert_true(id_equal(first, work.other));
    assert_int_equal(value_get(show(world, alert.id), STR("activity")).size, 1);
    work.text = STR(" \n");
    assert_int_equal(world_write(&work), ERR_INVALID);
}

static enum err observe_run(struct work *work, struct store_conn *conn, struct err_info *why)
{
    (void)conn;
    return alert_add_observables(
        &work->change, work->id, work->fields, &work->world->arena, &work->result, why);
}

static void observables_are_added_once(void **state)
{
    struct world *world = *state;
    struct alert_new alert = world_alert(world, "one", 1);
    world_arrive(world, &alert);
    struct work work = { .world = world, .run = observe_run, .id = alert.id };
    work.fields = json(world,
        "[{\"type\":\"domain\",\"value\":\"bad.example\",\"name\":\"dns\"},"
        "{\"type\":\"ip\",\"value\":\"203.0.113.9\"},"
        "{\"type_id\":1,\"value\":\"bad.example\"}]");
    test_check(world_write(&work), &world->why);
    struct value observables = value_get(work.result, STR("observables"));
    assert_int_equal(observables.size, 2);
    assert_text(value_get(observables.items[1], STR("value")), "bad.example");
    assert_text(value_get(observables.items[1], STR("type")), "Hostname");
    assert_true(value_equal(work.result, world_alert_value(world, alert.id)));
    work.fields = json(world, "[{\"type\":\"colour\",\"value\":\"red\"}]");
    assert_int_equal(world_write(&work), ERR_INVALID);
    work.fields = json(world, "[{\"type\":\"ip\",\"value\":\"\"}]");
    assert_int_equal(world_write(&work), ERR_INVALID);
}

static enum err verify_run(struct work *work, struct store_conn *conn, struct err_info *why)
{
    struct audit_check check;
    TRY(audit_verify(conn, NULL, TENANT_DEFAULT, &check, why));
    work->number = check.rows;
    return check.is_good ? ERR_OK : err_set(why, ERR_INVALID, "%s", check.broken_text);
}

static void every_change_has_its_audit_row(void **state)
{
    struct world *world = *state;
    struct alert_new alert = world_alert(world, "one", 1);
    world_arrive(world, &alert);
    struct work work = { .world = world, .run = comment_run, .id = alert.id, .text = STR("seen") };
    test_check(world_write(&work), &world->why);
    work.run = close_run;
    work.text = STR("");
    test_check(world_write(&work), &world->why);
    work.run = verify_run;
    test_check(world_read(&work), &world->why);
    assert_int_equal(work.number, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_free)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_alert_reads_as_it_was_before_its_commit),
        TEST(a_repeat_within_the_window_is_merged),
        TEST(at_the_windows_end_a_new_alert_begins),
        TEST(an_event_that_was_received_earlier_still_finds_its_alert),
        TEST(without_a_window_nothing_is_merged),
        TEST(tenants_and_fingerprints_never_mix),
        TEST(long_titles_are_cut_at_a_characters_edge),
        TEST(an_update_is_seen_noted_and_audited),
        TEST(a_stale_revision_is_refused),
        TEST(wrong_fields_are_refused_with_a_mend),
        TEST(an_alert_of_another_tenant_is_not_found),
        TEST(closing_twice_keeps_the_second_comment),
        TEST(a_comment_with_a_key_is_written_once),
        TEST(observables_are_added_once),
        TEST(every_change_has_its_audit_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
