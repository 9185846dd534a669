/* Suppression: what is no news starts nothing, is still recorded, and only for as long as the rule says. */
#include "access/audit.h"
#include "ingest_world.h"

struct making {
    struct world *world;
    struct suppression_spec spec;
    struct principal by;
    struct id id; /* to end; ID_NONE: to make */
    struct value result;
    bool fails_afterwards;
};

static enum err make_run(void *context, struct store_conn *conn, struct err_info *why)
{
    struct making *making = context;
    struct suppressions *rules = ingest_suppressions(making->world->ingest);
    if (!id_is_none(making->id))
        TRY(suppression_end(
            rules, conn, &making->by, making->id, &making->world->arena, &making->result, why));
    else
        TRY(suppression_create(
            rules, conn, &making->by, &making->spec, &making->world->arena, &making->result, why));
    return making->fails_afterwards ? err_set(why, ERR_INTERNAL, "on purpose") : ERR_OK;
}

static struct suppression_spec spec_of(struct world *world, const char *name, const char *when)
{
    return (struct suppression_spec){ .name = str_of(name),
        .when = str_of(when),
        .reason = STR("the scanner of the house"),
        .expires = { clock_now(&world->clock.clock).us + US_PER_DAY } };
}

static enum err try_making(struct world *world, struct making *making)
{
    making->world = world;
    if (making->by.kind == PRINCIPAL_NONE)
        principal_init(&making->by, PRINCIPAL_USER, TENANT_DEFAULT, ID_NONE, STR("ada"));
    return store_write_wait(world->store, make_run, making, &world->why);
}

static struct value make(struct world *world, struct suppression_spec spec)
{
    struct making making = { .spec = spec };
    test_check(try_making(world, &making), &world->why);
    return making.result;
}

static struct id id_of(struct value policy)
{
    struct id id;
    assert_true(id_parse(value_str(value_get(policy, STR("id"))), &id));
    return id;
}

static void a_rule_suppresses_what_it_describes(void **state)
{
    struct world *world = *state;
    make(world, spec_of(world, "scanner", "alert.src_endpoint.ip == \"198.51.100.9\" && event.port > 10"));
    struct intake_event *hit = send_one(
        world, "door", "{\"title\":\"t\",\"src_ip\":\"198.51.100.9\",\"port\":22}");
    assert_int_equal(hit->fate, INTAKE_SUPPRESSED);
    struct value shown = show(world, hit->event_id);
    assert_json(shown, "fate", "\"suppressed\"");
    assert_json(shown, "fate_detail", "\"scanner\"");
    assert_json(shown, "alert.status", "\"Suppressed\"");
    struct intake_event *miss = send_one(
        world, "door", "{\"title\":\"t\",\"src_ip\":\"198.51.100.9\",\"port\":7}");
    assert_int_equal(miss->fate, INTAKE_NO_TRIGGER);
    assert_json(show(world, miss->event_id), "alert.status", "\"New\"");
    /* An alert without what the rule reads is news. */
    assert_int_equal(send_one(world, "door", "{\"title\":\"t\"}")->fate, INTAKE_NO_TRIGGER);
}

static void a_rule_may_be_of_one_source(void **state)
{
    struct world *world = *state;
    struct suppression_spec spec = spec_of(world, "all-of-door", "true");
    spec.source = STR("door");
    make(world, spec);
    assert_int_equal(send_one(world, "door", "{}")->fate, INTAKE_SUPPRESSED);
    assert_int_equal(send_one(world, "gate", "{}")->fate, INTAKE_NO_TRIGGER);
}

static void a_rule_is_of_its_tenant_alone(void **state)
{
    struct world *world = *state;
    struct making making = { .spec = spec_of(world, "all", "true") };
    principal_init(&making.by, PRINCIPAL_USER, 2, ID_NONE, STR("eve"));
    test_check(try_making(world, &making), &world->why);
    assert_int_equal(send_one(world, "door", "{}")->fate, INTAKE_NO_TRIGGER);
}

static void a_rule_ends_by_itself(void **state)
{
    struct world *world = *state;
    make(world, spec_of(world, "all", "source == \"door\""));
    clock_manual_advance(&world->clock, US_PER_DAY - 1);
    assert_int_equal(send_one(world, "door", "{}")->fate, INTAKE_SUPPRESSED);
    clock_manual_advance(&world->clock, 1);
    assert_int_equal(send_one(world, "door", "{}")->fate, INTAKE_NO_TRIGGER);
    /* Its name is free again. */
    make(world, spec_of(world, "all", "true"));
    assert_int_equal(send_one(world, "door", "{}")->fate, INTAKE_SUPPRESSED);
}

static void a_rule_can_be_ended_once(void **state)
{
    struct world *world = *state;
    struct making ending = { .id = id_of(make(world, spec_of(world, "all", "true"))) };
    clock_manual_advance(&world->clock, US_PER_MIN);
    test_check(try_making(world, &ending), &world->why);
    assert_json(ending.result, "state", "\"ended\"");
    assert_json(ending.result, "ended_by", "\"ada\"");
    assert_json(ending.result, "ended", "\"2026-05-28T20:27:40.000Z\"");
    assert_int_equal(send_one(world, "door", "{}")->fate, INTAKE_NO_TRIGGER);
    assert_int_equal(try_making(world, &ending), ERR_CONFLICT);
    ending.id.bytes[0] ^= 1;
    assert_int_equal(try_making(world, &ending), ERR_NOT_FOUND);
}

static void a_change_that_is_not_committed_changes_nothing(void **state)
{
    struct world *world = *state;
    struct making making = { .spec = spec_of(world, "all", "true"), .fails_afterwards = true };
    assert_int_equal(try_making(world, &making), ERR_INTERNAL);
    assert_int_equal(send_one(world, "door", "{}")->fate, INTAKE_NO_TRIGGER);
}

static void what_comes_after_a_rule_is_news_inside_the_window_too(void **state)
{
    struct world *world = *state;
    struct making ending = { .id = id_of(make(world, spec_of(world, "all", "true"))) };
    struct intake_event *first = send_one(world, "probe", "{\"key\":1}");
    struct intake_event *repeat = send_one(world, "probe", "{\"key\":1}");
    assert_int_equal(repeat->fate, INTAKE_SUPPRESSED);
    assert_true(id_equal(first->alert_id, repeat->alert_id));
    test_check(try_making(world, &ending), &world->why);
    struct intake_event *news = send_one(world, "probe", "{\"key\":1}");
    assert_int_equal(news->fate, INTAKE_NO_TRIGGER);
    assert_false(id_equal(first->alert_id, news->alert_id));
    assert_int_equal(send_one(world, "probe", "{\"key\":1}")->fate, INTAKE_MERGED);
}

static void rules_are_there_after_a_restart(void **state)
{
    struct world *world = *state;
    make(world, spec_of(world, "all", "true"));
    ingest_free(world->ingest);
    struct ingest_options options = {
        .clock = &world->clock.clock, .rand = &world->rand.rand, .intake = &world->direct.intake
    };
    test_check(ingest_new(&options, &world->ingest, &world->why), &world->why);
    test_check(suppressions_load(ingest_suppressions(world->ingest), world->store, &world->why), &world->why);
    assert_int_equal(send_one(world, "door", "{}")->fate, INTAKE_SUPPRESSED);
}

static void assert_refused(struct world *world, struct suppression_spec spec, enum err code, const char *text)
{
    struct making making = { .spec = spec };
    enum err result = try_making(world, &making);
    if (result != code || !strstr(world->why.text, text))
        fail_msg("%s: %s, not %s", err_word(result), world->why.text, text);
}

static void wrong_rules_are_refused_with_what_is_wrong(void **state)
{
    struct world *world = *state;
    struct suppression_spec good = spec_of(world, "scanner", "true"), spec = good;
    spec.name = STR(" x");
    assert_refused(world, spec, ERR_INVALID, "name");
    spec = good;
    spec.source = STR("No Source");
    assert_refused(world, spec, ERR_INVALID, "source");
    spec = good;
    spec.reason = STR("");
    assert_refused(world, spec, ERR_INVALID, "reason");
    spec = good;
    spec.expires.us = clock_now(&world->clock.clock).us;
    assert_refused(world, spec, ERR_INVALID, "expires");
    spec.expires.us += (SUPPRESSION_DAYS_MAX + 1) * US_PER_DAY;
    assert_refused(world, spec, ERR_INVALID, "expires");
    spec = good;
    spec.when = STR("alret.x == 1");
    assert_refused(world, spec, ERR_INVALID, "alert");
    spec.when = STR("1 +");
    assert_refused(world, spec, ERR_INVALID, "line 1");
    spec.when = STR("\"text\"");
    assert_refused(world, spec, ERR_INVALID, "true or false");
    spec.when = STR("");
    assert_refused(world, spec, ERR_INVALID, "when");
    make(world, good);
    assert_refused(world, good, ERR_CONFLICT, "in force");
    assert_int_equal(number_of(world, "SELECT count(*) FROM ingest_suppressions"), 1);
}

static void the_number_in_force_is_bounded(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < SUPPRESSIONS_MAX; i++) {
        char *name = test_path(&world->folder, "");
        snprintf(name, 20, "r%d", i);
        make(world, spec_of(world, name, "false"));
    }
    assert_refused(world, spec_of(world, "one-more", "true"), ERR_LIMIT, "limit");
    assert_int_equal(send_one(world, "door", "{}")->fate, INTAKE_NO_TRIGGER);
}

struct paging {
    struct world *world;
    struct id after;
    struct value page;
};

static enum err page_run(void *context, struct store_conn *conn, struct err_info *why)
{
    struct paging *paging = context;
    return suppression_list(
        conn, TENANT_DEFAULT, paging->after, 2, &paging->world->arena, &paging->page, why);
}

static void lists_are_newest_first_in_pages(void **state)
{
    struct world *world = *state;
    struct paging paging = { .world = world };
    make(world, spec_of(world, "a", "true"));
    make(world, spec_of(world, "b", "true"));
    make(world, spec_of(world, "c", "true"));
    test_check(store_read_wait(world->store, page_run, &paging, &world->why), &world->why);
    struct value items = value_get(paging.page, STR("items"));
    assert_int_equal(items.size, 2);
    assert_json(items.items[0], "name", "\"c\"");
    assert_json(items.items[0], "owner", "\"ada\"");
    assert_json(items.items[0], "state", "\"active\"");
    assert_json(items.items[0], "expires", "\"2026-05-29T20:26:40.000Z\"");
    assert_true(id_parse(value_str(value_get(paging.page, STR("next"))), &paging.after));
    test_check(store_read_wait(world->store, page_run, &paging, &world->why), &world->why);
    items = value_get(paging.page, STR("items"));
    assert_int_equal(items.size, 1);
    assert_json(items.items[0], "name", "\"a\"");
    assert_json(paging.page, "next", "null");
}

static enum err audit_run(void *context, struct store_conn *conn, struct err_info *why)
{
    struct audit_check *check = context;
    return audit_verify(conn, NULL, TENANT_DEFAULT, check, why);
}

static void each_change_stands_in_the_audit(void **state)
{
    struct world *world = *state;
    struct audit_check before, after;
    test_check(store_read_wait(world->store, audit_run, &before, &world->why), &world->why);
    struct making ending = { .id = id_of(make(world, spec_of(world, "a", "true"))) };
    test_check(try_making(world, &ending), &world->why);
    test_check(store_read_wait(world->store, audit_run, &after, &world->why), &world->why);
    assert_true(after.is_good);
    assert_int_equal(after.rows, before.rows + 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_free)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_rule_suppresses_what_it_describes),
        TEST(a_rule_may_be_of_one_source),
        TEST(a_rule_is_of_its_tenant_alone),
        TEST(a_rule_ends_by_itself),
        TEST(a_rule_can_be_ended_once),
        TEST(a_change_that_is_not_committed_changes_nothing),
        TEST(what_comes_after_a_rule_is_news_inside_the_window_too),
        TEST(rules_are_there_after_a_restart),
        TEST(wrong_rules_are_refused_with_what_is_wrong),
        TEST(the_number_in_force_is_bounded),
        TEST(lists_are_newest_first_in_pages),
        TEST(each_change_stands_in_the_audit),
    };
    return cmocka_run_group_tests_name("ingest_suppression", tests, NULL, NULL);
}
