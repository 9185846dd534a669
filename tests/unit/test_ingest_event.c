/* The ledger: pages, filters, the proof. */
#include "ingest_world.h"

static void assert_sources(struct world *world, struct event_query query, const char *expected)
{
    struct value items = value_get(list_of(world, query), STR("items"));
    AUTO(buf) struct buf text = { 0 };
    for (uint32_t i = 0; i < items.size; i++) {
        buf_add(&text, value_str(value_get(items.items[i], STR("source"))));
        buf_add_byte(&text, ':');
        buf_add(&text, value_str(value_get(items.items[i], STR("fate"))));
        buf_add_byte(&text, ' ');
    }
    assert_true(str_equal(str_trim(buf_str(&text)), str_of(expected)) ||
        (print_error("%.*s\n", STR_ARG(buf_str(&text))), false));
}

static void fill(struct world *world)
{
    (void)send_one(world, "a", "{\"n\":1}");
    (void)send_one(world, "probe", "{\"key\":1}");
    clock_manual_advance(&world->clock, US_PER_MIN);
    (void)send_one(world, "probe", "{\"key\":1}");
    (void)send_one(world, "b", "{\"n\":2}");
}

static void lists_are_newest_first_and_filtered(void **state)
{
    struct world *world = *state;
    fill(world);
    assert_sources(
        world, (struct event_query){ 0 }, "b:no_trigger probe:merged probe:no_trigger a:no_trigger");
    assert_sources(world, (struct event_query){ .fate = STR("merged") }, "probe:merged");
    assert_sources(world, (struct event_query){ .source = STR("probe") }, "probe:merged probe:no_trigger");
    assert_sources(world, (struct event_query){ .source = STR("a,b") }, "b:no_trigger a:no_trigger");
    assert_sources(world, (struct event_query){ .source = STR("b"), .fate = STR("merged") }, "");
    assert_sources(world, (struct event_query){ .limit = 1 }, "b:no_trigger");
    assert_sources(world, (struct event_query){ .since = { INT64_C(1780000001) * US_PER_S } },
        "b:no_trigger probe:merged");
    assert_sources(world, (struct event_query){ .until = { INT64_C(1780000001) * US_PER_S } },
        "probe:no_trigger a:no_trigger");
    assert_sources(world, (struct event_query){ .tenant = 2 }, "");
}

static void the_events_of_an_alert_are_found(void **state)
{
    struct world *world = *state;
    fill(world);
    struct id alert = send_one(world, "probe", "{\"key\":1}")->alert_id;
    assert_sources(
        world, (struct event_query){ .alert_id = alert }, "probe:merged probe:merged probe:no_trigger");
    assert_sources(world,
        (struct event_query){ .alert_id = alert, .source = STR("a,probe"), .fate = STR("no_trigger") },
        "probe:no_trigger");
    assert_sources(world, (struct event_query){ .alert_id = alert, .source = STR("a") }, "");
}

static void pages_follow_without_gaps(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 7; i++)
        (void)send_one(world, i % 3 ? "a" : "b", i % 2 ? "{\"x\":1}" : "{\"x\":2}");
    struct event_query query = { .limit = 3 };
    unsigned seen = 0, pages = 0;
    for (;;) {
        struct value page = list_of(world, query);
        seen += value_get(page, STR("items")).size;
        pages++;
        struct value next = value_get(page, STR("next"));
        if (next.type == VALUE_NULL)
            break;
        assert_true(id_parse(value_str(next), &query.after));
    }
    assert_int_equal(seen, 7);
    assert_int_equal(pages, 3);
}

static void wrong_queries_say_why(void **state)
{
    struct world *world = *state;
    struct reading reading = { .run = list_run, .query = { .fate = STR("lost") } };
    assert_int_equal(world_read(world, &reading), ERR_INVALID);
    assert_non_null(strstr(world->why.text, "lost"));
    reading.query = (struct event_query){ .after = { { 1 } } };
    assert_int_equal(world_read(world, &reading), ERR_INVALID);
}

static enum err value_run(struct reading *reading, struct store_conn *conn, struct err_info *why)
{
    return event_value(conn, reading->tenant, reading->id, &reading->world->arena, &reading->result, why);
}

static void an_unknown_event_is_not_found_and_its_value_is_null(void **state)
{
    struct world *world = *state;
    struct reading reading = { .run = show_run, .id = { { 1 } } };
    assert_int_equal(world_read(world, &reading), ERR_NOT_FOUND);
    reading = (struct reading){ .run = value_run, .id = { { 1 } }, .result = value_int(1) };
    assert_int_equal(world_read(world, &reading), ERR_OK);
    assert_int_equal(reading.result.type, VALUE_NULL);
    reading.id = send_one(world, "a", "{\"deep\":[{\"x\":1}]}")->event_id;
    assert_int_equal(world_read(world, &reading), ERR_OK);
    assert_json(reading.result, "", "{\"deep\":[{\"x\":1}]}");
    assert_true(reading.result.flags & VALUE_OUTSIDE);
}

static enum err audit_run(struct reading *reading, struct store_conn *conn, struct err_info *why)
{
    return event_audit(
        conn, reading->tenant, reading->query.since, &reading->world->arena, &reading->result, why);
}

static struct value audit_of(struct world *world)
{
    struct reading reading = { .run = audit_run };
    test_check(world_read(world, &reading), &world->why);
    return reading.result;
}

static enum err break_rows(void *context, struct store_conn *conn, struct err_info *why)
{
    (void)context;
    static const struct sql lose_alert = {
        "DELETE FROM cases_alerts WHERE id = (SELECT alert_id FROM ingest_events WHERE source = 'a')", NULL
    };
    static const struct sql claim_run = { "UPDATE ingest_events SET fate = 0 WHERE source = 'b'", NULL };
    TRY(sql_run(conn, &lose_alert, SQL_NO_ARGS, NULL, why));
    return sql_run(conn, &claim_run, SQL_NO_ARGS, NULL, why);
}

static void the_proof_counts_fates_and_finds_what_ended_nowhere(void **state)
{
    struct world *world = *state;
    fill(world);
    struct value audit = audit_of(world);
    assert_json(audit, "events", "4");
    assert_json(audit, "fates", "{\"no_trigger\":3,\"merged\":1}");
    assert_json(audit, "faults", "[]");
    test_check(store_write_wait(world->store, break_rows, NULL, &world->why), &world->why);
    struct value faults = value_get(audit_of(world), STR("faults"));
    assert_int_equal(faults.size, 2);
    assert_json(faults.items[0], "source", "\"a\"");
    assert_json(faults.items[0], "received", "\"2026-05-28T20:26:40.000Z\"");
    assert_json(faults.items[0], "fault", "\"the event's alert is missing\"");
    assert_json(faults.items[1], "source", "\"b\"");
}

struct trimming {
    struct instant before;
    bool has_more;
};

static enum err trim_run(void *context, struct store_conn *conn, struct err_info *why)
{
    struct trimming *trimming = context;
    return events_trim(conn, trimming->before, 3, &trimming->has_more, why);
}

static void old_events_are_forgotten_a_part_at_a_time(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 5; i++)
        (void)send_one(world, "a", "{\"n\":1}");
    clock_manual_advance(&world->clock, US_PER_DAY);
    struct id kept = send_one(world, "b", "{\"n\":2}")->event_id;
    struct trimming trimming = { .before = { clock_now(&world->clock.clock).us } };
    test_check(store_write_wait(world->store, trim_run, &trimming, &world->why), &world->why);
    assert_true(trimming.has_more);
    assert_int_equal(events_stored(world), 3);
    test_check(store_write_wait(world->store, trim_run, &trimming, &world->why), &world->why);
    assert_false(trimming.has_more);
    assert_int_equal(events_stored(world), 1);
    assert_int_equal(number_of(world, "SELECT count(*) FROM ingest_raw"), 1);
    assert_json(show(world, kept), "source", "\"b\"");
    test_check(store_write_wait(world->store, trim_run, &trimming, &world->why), &world->why);
    assert_int_equal(events_stored(world), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_free)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(lists_are_newest_first_and_filtered),
        TEST(the_events_of_an_alert_are_found),
        TEST(pages_follow_without_gaps),
        TEST(wrong_queries_say_why),
        TEST(an_unknown_event_is_not_found_and_its_value_is_null),
        TEST(old_events_are_forgotten_a_part_at_a_time),
        TEST(the_proof_counts_fates_and_finds_what_ended_nowhere),
    };
    return cmocka_run_group_tests_name("ingest_event", tests, NULL, NULL);
}
