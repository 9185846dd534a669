#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/json.h"
#include "engine/trigger.h"

struct world {
    struct arena arena;
    struct playbook *playbook;
};

static void open_world(struct world *world, const char *triggers)
{
    struct diagnostics found;
    struct err_info why = { 0 };
    struct str text;
    *world = (struct world){ 0 };
    diagnostics_init(&found, &world->arena, STR("test"));
    assert_int_equal(arena_printf(&world->arena, &text, &why,
                         "playbook: p\ntitle: P\ntriggers:\n%ssteps: [ { set: { x: 1 } } ]\n", triggers),
        ERR_OK);
    enum err result = playbook_parse(text, NULL, &found, &world->playbook, &why);
    if (result != ERR_OK)
        fail_msg("%.*s", STR_ARG(found.count ? found.items[0].text : STR("?")));
}

static void close_world(struct world *world)
{
    playbook_release(world->playbook);
    arena_done(&world->arena);
}

static struct value json(struct world *world, const char *text)
{
    const struct json_options options = { .copy_strings = true };
    struct value v;
    assert_int_equal(json_parse(&world->arena, str_of(text), &options, &v, NULL), ERR_OK);
    return v;
}

static bool matches(struct world *world, struct arrival arrival, bool *ret_for_repeats)
{
    struct trigger_match match;
    arrival.now = (struct instant){ INT64_C(1767225600000000) };
    assert_int_equal(triggers_match(world->playbook, &arrival, &world->arena, &match, NULL), ERR_OK);
    *ret_for_repeats = match.for_repeats;
    return match.matches;
}

static void an_alert_is_filtered(void **state)
{
    (void)state;
    struct world world;
    bool for_repeats = true;
    open_world(&world, "  - alert: alert.severity_id >= severity.HIGH && event.k == 1\n");
    struct arrival arrival = { .alert = json(&world, "{\"severity_id\":4}"),
        .event = json(&world, "{\"k\":1}") };
    assert_true(matches(&world, arrival, &for_repeats));
    assert_false(for_repeats);
    arrival.event = json(&world, "{\"k\":2}");
    assert_false(matches(&world, arrival, &for_repeats));
    close_world(&world);
}

static void a_filter_that_fails_does_not_match(void **state)
{
    (void)state;
    struct world world;
    bool for_repeats;
    open_world(&world, "  - alert: alert.a.b.c == 1\n  - alert: alert.n\n");
    struct arrival arrival = { .alert = json(&world, "{\"n\":7}") };
    assert_false(matches(&world, arrival, &for_repeats));
    close_world(&world);
}

static void one_trigger_that_wants_repeats_is_enough(void **state)
{
    (void)state;
    struct world world;
    bool for_repeats = false;
    open_world(&world, "  - alert: 'true'\n  - { alert: alert.n == 1, repeats: true }\n");
    struct arrival arrival = { .alert = json(&world, "{\"n\":1}") };
    assert_true(matches(&world, arrival, &for_repeats));
    assert_true(for_repeats);
    arrival.alert = json(&world, "{\"n\":2}");
    assert_true(matches(&world, arrival, &for_repeats));
    assert_false(for_repeats);
    close_world(&world);
}

static void a_webhook_counts_for_its_own_path(void **state)
{
    (void)state;
    struct world world;
    bool for_repeats = false;
    open_world(&world, "  - webhook: { path: deploy }\n");
    struct arrival arrival = {
        .via = TRIGGER_WEBHOOK, .via_name = STR("deploy"), .event = json(&world, "{}")
    };
    assert_true(matches(&world, arrival, &for_repeats));
    assert_true(for_repeats);
    arrival.via_name = STR("other");
    assert_false(matches(&world, arrival, &for_repeats));
    arrival = (struct arrival){ .alert = json(&world, "{}") };
    assert_false(matches(&world, arrival, &for_repeats));
    close_world(&world);
}

static void mail_and_syslog_are_told_apart(void **state)
{
    (void)state;
    struct world world;
    bool for_repeats;
    open_world(&world,
        "  - email: { connection: inbox, filter: \"event.subject.startsWith('ALERT')\" }\n  - syslog: "
        "event.program == 'sshd'\n");
    struct arrival mail = {
        .via = TRIGGER_EMAIL, .via_name = STR("inbox"), .event = json(&world, "{\"subject\":\"ALERT 1\"}")
    };
    struct arrival line = { .via = TRIGGER_SYSLOG, .event = json(&world, "{\"program\":\"sshd\"}") };
    assert_true(matches(&world, mail, &for_repeats));
    assert_true(matches(&world, line, &for_repeats));
    mail.via_name = STR("other");
    line.event = json(&world, "{\"program\":\"cron\"}");
    assert_false(matches(&world, mail, &for_repeats));
    assert_false(matches(&world, line, &for_repeats));
    close_world(&world);
}

static void what_people_and_clocks_start_no_event_does(void **state)
{
    (void)state;
    struct world world;
    bool for_repeats;
    open_world(&world, "  - manual: true\n  - playbook: true\n  - schedule: '@daily'\n  - case: created\n");
    struct arrival arrival = { .alert = json(&world, "{}"), .event = json(&world, "{}") };
    assert_false(matches(&world, arrival, &for_repeats));
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_alert_is_filtered),
        cmocka_unit_test(a_filter_that_fails_does_not_match),
        cmocka_unit_test(one_trigger_that_wants_repeats_is_enough),
        cmocka_unit_test(a_webhook_counts_for_its_own_path),
        cmocka_unit_test(mail_and_syslog_are_told_apart),
        cmocka_unit_test(what_people_and_clocks_start_no_event_does),
    };
    return cmocka_run_group_tests_name("engine_trigger", tests, NULL, NULL);
}
