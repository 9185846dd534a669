#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/timetext.h"
#include "playbook/cron.h"

static void what_is_no_schedule_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = { "", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *",
        "* * 0 * *", "* * 32 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *", "5-1 * * * *", "a * * * *",
        "* * * foo *", "1,,2 * * * *", "1- * * * *", "-1 * * * *", "0 0 30 2 *", "0 0 31 4,6,9,11 *",
        "@reboot", "@every 5m", "*/x * * * *", "1 2 3 4 5 # six" };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct cron cron;
        struct err_info why = { 0 };
        if (cron_parse(str_of(texts[i]), &cron, &why) == ERR_OK)
            fail_msg("\"%s\" is read", texts[i]);
        assert_string_equal(why.name, "cron_syntax");
    }
}

static struct instant at(const char *text)
{
    int64_t seconds = 0;
    int32_t nanos = 0;
    assert_true(time_parse_rfc3339(str_of(text), &seconds, &nanos));
    return (struct instant){ seconds * US_PER_S };
}

static void the_next_time_is_the_first_that_fits(void **state)
{
    (void)state;
    static const struct {
        const char *cron, *zone, *after, *next;
    } cases[] = {
        { "* * * * *", "UTC", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z" },
        { "* * * * *", "UTC", "2026-01-01T00:00:59Z", "2026-01-01T00:01:00Z" },
        { "0 6 * * *", "UTC", "2026-01-01T06:00:00Z", "2026-01-02T06:00:00Z" },
        { "*/15 9-17 * * mon-fri", "UTC", "2026-01-02T17:46:00Z", "2026-01-05T09:00:00Z" },
        { "0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z" },
        { "0 0 29 2 */7", "UTC", "2088-03-01T00:00:00Z", "2128-02-29T00:00:00Z" },
        { "2 2 */7 1 0", "UTC", "2024-01-01T00:00:00Z", "2034-01-01T02:02:00Z" },
        { "30 4 1,15 * 5", "UTC", "2026-05-01T04:30:00Z", "2026-05-08T04:30:00Z" },
        { "0 0 13 * 5", "UTC", "2026-02-13T00:00:00Z", "2026-02-20T00:00:00Z" },
        { "0 0 * * 7", "UTC", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z" },
        { "0 0 * * SUN", "UTC", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z" },
        { "@yearly", "UTC", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z" },
        { "@weekly", "UTC", "2025-12-30T00:00:00Z", "2026-01-04T00:00:00Z" },
        { "5/20 * * * *", "UTC", "2026-01-01T00:26:00Z", "2026-01-01T00:45:00Z" },
        { "0 6 * * *", "+02:00", "2026-01-01T00:00:00Z", "2026-01-01T04:00:00Z" },
        { "0 23 31 12 *", "-05:00", "1969-01-01T00:00:00Z", "1969-01-01T04:00:00Z" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct cron cron;
        const struct zone *zone = NULL;
        struct err_info why = { 0 };
        assert_int_equal(cron_parse(str_of(cases[i].cron), &cron, &why), ERR_OK);
        assert_int_equal(zone_load(&arena, NULL, str_of(cases[i].zone), &zone, &why), ERR_OK);
        struct instant next = cron_next(&cron, zone, at(cases[i].after));
        if (next.us != at(cases[i].next).us)
            fail_msg("\"%s\" after %s gives %s, not %s", cases[i].cron, cases[i].after,
                instant_text(next).text, cases[i].next);
    }
}

static void at_a_change_of_clocks_each_local_time_counts_once(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct cron cron;
    const struct zone *zone = NULL;
    struct err_info why = { 0 };
    assert_int_equal(cron_parse(STR("30 2 * * *"), &cron, &why), ERR_OK);
    if (zone_load(&arena, NULL, STR("Europe/Vienna"), &zone, &why) != ERR_OK) {
        print_message("skipped: %s\n", why.text);
        return;
    }
    /* 29 March 2026: 2:00 becomes 3:00, which is 01:00 UTC. */
    assert_int_equal(cron_next(&cron, zone, at("2026-03-28T12:00:00Z")).us, at("2026-03-29T01:00:00Z").us);
    assert_int_equal(cron_next(&cron, zone, at("2026-03-29T01:00:00Z")).us, at("2026-03-30T00:30:00Z").us);
    /* 25 October 2026: 2:30 comes twice, at 00:30 and at 01:30 UTC. */
    assert_int_equal(cron_next(&cron, zone, at("2026-10-24T12:00:00Z")).us, at("2026-10-25T00:30:00Z").us);
    assert_int_equal(cron_next(&cron, zone, at("2026-10-25T00:30:00Z")).us, at("2026-10-26T01:30:00Z").us);
    assert_int_equal(cron_next(&cron, zone, at("2026-10-25T01:00:00Z")).us, at("2026-10-26T01:30:00Z").us);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_schedule_is_refused),
        cmocka_unit_test(the_next_time_is_the_first_that_fits),
        cmocka_unit_test(at_a_change_of_clocks_each_local_time_counts_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
