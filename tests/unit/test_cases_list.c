#include "cases_helpers.h"

#include "base/limits.h"
#include "cases/list.h"

static enum err alerts_run(struct work *work, struct store_conn *conn, struct err_info *why)
{
    return alert_list(conn, &work->alerts, &work->world->arena, &work->result, why);
}
static enum err cases_run(struct work *work, struct store_conn *conn, struct err_info *why)
{
    return case_list(conn, &work->cases, &work->world->arena, &work->result, why);
}
static enum err open_run(struct work *work, struct store_conn *conn, struct err_info *why)
{
    (void)conn;
    return case_open(&work->change, work->fields, &work->world->arena, &work->result, why);
}
static enum err update_run(struct work *work, struct store_conn *conn, struct err_info *why)
{
    (void)conn;
    return alert_update(&work->change, work->id, work->fields, &work->world->arena, &work->result, why);
}

#define MADE 60

/* 60 alerts of three sources, seven severities and two statuses, a minute apart. */
static void make_alerts(struct world *world)
{
    static const char *const sources[] = { "wazuh", "falco", "suricata" };
    for (int i = 0; i < MADE; i++) {
        char title[40];
        snprintf(title, sizeof(title), "Alert Number %d", i);
        struct alert_new alert = world_alert(world, title, (unsigned char)i);
        alert.source = str_of(sources[i % 3]);
        alert.severity = (enum severity)(i % SEVERITY_COUNT);
        alert.status = i % 2 == 0 ? ALERT_NEW : ALERT_SUPPRESSED;
        world_arrive(world, &alert);
        clock_manual_advance(&world->clock, US_PER_MIN);
    }
}

/* All pages of a query, checked for order and for repeats; the number of items. */
static uint32_t count_all(struct world *world, struct alert_query query)
{
    struct work work = { .world = world, .run = alerts_run, .alerts = query };
    uint32_t count = 0;
    int64_t before = INT64_MAX;
    work.alerts.tenant = TENANT_DEFAULT;
    for (int page = 0; page < 100; page++) {
        test_check(world_read(&work), &world->why);
        struct value items = value_get(work.result, STR("items"));
        for (uint32_t i = 0; i < items.size; i++) {
            int64_t seen = value_to_instant(value_get(items.items[i], STR("first_seen"))).us;
            assert_true(seen < before);
            before = seen;
        }
        count += items.size;
        struct value next = value_get(work.result, STR("next"));
        if (next.type == VALUE_NULL)
            return count;
        assert_true(id_parse(value_str(next), &work.alerts.after));
    }
    fail_msg("the pages do not end");
    return 0;
}

static uint32_t expected(int source, unsigned severities, unsigned statuses)
{
    uint32_t count = 0;
    for (int i = 0; i < MADE; i++) {
        if ((source < 0 || i % 3 == source) && (severities & 1u << i % SEVERITY_COUNT) &&
            (statuses & (i % 2 == 0 ? 1u : 2u)))
            count++;
    }
    return count;
}

static void filters_give_all_and_only_what_matches(void **state)
{
    struct world *world = *state;
    make_alerts(world);
    for (uint32_t limit = 1; limit <= 64; limit += 9) {
        assert_int_equal(count_all(world, (struct alert_query){ .limit = limit }), MADE);
        assert_int_equal(count_all(world, (struct alert_query){ .limit = limit, .status = STR("new") }),
            expected(-1, ~0u, 1));
        assert_int_equal(count_all(world,
                             (struct alert_query){ .limit = limit,
                                 .status = STR("suppressed,resolved"),
                                 .severity = STR("high, critical") }),
            expected(-1, 1u << SEVERITY_HIGH | 1u << SEVERITY_CRITICAL, 2));
        assert_int_equal(count_all(world, (struct alert_query){ .limit = limit, .source = STR("falco") }),
            expected(1, ~0u, 3));
        assert_int_equal(count_all(world,
                             (struct alert_query){ .limit = limit,
                                 .source = STR("falco,wazuh"),
                                 .status = STR("open"),
                                 .severity = STR("2") }),
            expected(0, 1u << 2, 1) + expected(1, 1u << 2, 1));
        assert_int_equal(
            count_all(world, (struct alert_query){ .limit = limit, .text = STR("number 1") }), 11);
        assert_int_equal(count_all(world, (struct alert_query){ .limit = limit, .text = STR("absent") }), 0);
    }
}

static void times_bound_the_list_exactly(void **state)
{
    struct world *world = *state;
    struct instant start = clock_now(&world->clock.clock);
    make_alerts(world);
    struct instant tenth = { start.us + 10 * US_PER_MIN };
    assert_int_equal(count_all(world, (struct alert_query){ .since = tenth }), MADE - 10);
    assert_int_equal(count_all(world, (struct alert_query){ .until = tenth }), 10);
    assert_int_equal(count_all(world, (struct alert_query){ .since = { tenth.us + 1 } }), MADE - 11);
    assert_int_equal(
        count_all(world, (struct alert_query){ .since = tenth, .until = { tenth.us + 5 * US_PER_MIN } }), 5);
    assert_int_equal(
        count_all(world, (struct alert_query){ .since = tenth, .text = STR("alert") }), MADE - 10);
}

static void the_limit_is_kept_and_next_ends(void **state)
{
    struct world *world = *state;
    make_alerts(world);
    struct work work = { .world = world, .run = alerts_run };
    work.alerts = (struct alert_query){ .tenant = TENANT_DEFAULT };
    test_check(world_read(&work), &world->why);
    assert_int_equal(value_get(work.result, STR("items")).size, LIST_LIMIT_DEFAULT);
    assert_int_equal(value_get(work.result, STR("next")).type, VALUE_STRING);
    work.alerts.limit = MADE;
    test_check(world_read(&work), &world->why);
    assert_int_equal(value_get(work.result, STR("items")).size, MADE);
    assert_int_equal(value_get(work.result, STR("next")).type, VALUE_NULL);
}

static void wrong_queries_are_refused(void **state)
{
    struct world *world = *state;
    struct work work = { .world = world, .run = alerts_run };
    work.alerts = (struct alert_query){ .tenant = TENANT_DEFAULT, .status = STR("gone") };
    assert_int_equal(world_read(&work), ERR_INVALID);
    work.alerts = (struct alert_query){ .tenant = TENANT_DEFAULT, .severity = STR("awful") };
    assert_int_equal(world_read(&work), ERR_INVALID);
    work.alerts = (struct alert_query){ .tenant = TENANT_DEFAULT, .after = world->by.id };
    assert_int_equal(world_read(&work), ERR_INVALID);
}

static void owners_and_cases_have_their_alerts(void **state)
{
    struct world *world = *state;
    make_alerts(world);
    struct alert_new alert = world_alert(world, "mine", 200);
    world_arrive(world, &alert);
    struct work work = { .world = world, .run = update_run, .id = alert.id };
    work.fields = json(world, "{\"owner\":\"ada\"}");
    test_check(world_write(&work), &world->why);
    assert_int_equal(count_all(world, (struct alert_query){ .owner = STR("ada") }), 1);
    assert_int_equal(count_all(world, (struct alert_query){ .owner = STR("bob") }), 0);

    char fields[100];
    snprintf(fields, sizeof(fields), "{\"title\":\"c\",\"alerts\":[\"%s\"]}", id_text(alert.id).text);
    work.run = open_run;
    work.fields = json(world, fields);
    test_check(world_write(&work), &world->why);
    struct id id;
    assert_true(id_parse(value_str(value_get(work.result, STR("id"))), &id));
    assert_int_equal(count_all(world, (struct alert_query){ .case_id = id }), 1);

    work.run = cases_run;
    work.cases = (struct case_query){ .tenant = TENANT_DEFAULT, .alert_id = alert.id };
    test_check(world_read(&work), &world->why);
    assert_int_equal(value_get(work.result, STR("items")).size, 1);
}

static void cases_are_listed_newest_first(void **state)
{
    struct world *world = *state;
    struct work work = { .world = world, .run = open_run };
    for (int i = 0; i < 20; i++) {
        char fields[100];
        snprintf(fields, sizeof(fields), "{\"title\":\"Case %d\",\"severity\":%d}", i, i % 7);
        work.fields = json(world, fields);
        test_check(world_write(&work), &world->why);
    }
    work.run = cases_run;
    work.cases = (struct case_query){ .tenant = TENANT_DEFAULT, .limit = 7, .status = STR("active") };
    int64_t expected_number = 20;
    for (int page = 0; page < 3; page++) {
        test_check(world_read(&work), &world->why);
        struct value items = value_get(work.result, STR("items")), next = value_get(work.result, STR("next"));
        for (uint32_t i = 0; i < items.size; i++)
            assert_int_equal(value_get(items.items[i], STR("number")).integer, expected_number--);
        assert_int_equal(next.type, page < 2 ? VALUE_STRING : VALUE_NULL);
        if (page < 2)
            assert_true(id_parse(value_str(next), &work.cases.after));
    }
    assert_int_equal(expected_number, 0);
    work.cases = (struct case_query){
        .tenant = TENANT_DEFAULT, .severity = STR("fatal"), .text = STR("case"), .status = STR("open")
    };
    test_check(world_read(&work), &world->why);
    assert_int_equal(value_get(work.result, STR("items")).size, 2);
}

static void a_text_is_found_in_any_case(void **state)
{
    (void)state;
    assert_true(list_text_has(STR("Brute Force"), STR("fORCE")));
    assert_true(list_text_has(STR("x"), STR("")));
    assert_false(list_text_has(STR("for"), STR("force")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_free)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(filters_give_all_and_only_what_matches),
        TEST(times_bound_the_list_exactly),
        TEST(the_limit_is_kept_and_next_ends),
        TEST(wrong_queries_are_refused),
        TEST(owners_and_cases_have_their_alerts),
        TEST(cases_are_listed_newest_first),
        cmocka_unit_test(a_text_is_found_in_any_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
