/* Observables in an event's texts: which, under which names, how many. */
#include "ingest/observe.h"
#include "ingest_helpers.h"

struct seen {
    struct arena arena, scratch;
    struct observations observations;
    struct err_info why;
};

static int seen_make(void **state)
{
    struct seen *seen = calloc(1, sizeof(*seen));
    assert_non_null(seen);
    observations_begin(&seen->observations, &seen->arena, &seen->scratch);
    *state = seen;
    return 0;
}

static int seen_free(void **state)
{
    struct seen *seen = *state;
    arena_done(&seen->arena);
    arena_done(&seen->scratch);
    free(seen);
    return 0;
}

static void scan(struct seen *seen, const char *text)
{
    static const struct place root = { .name = STR_INIT("event") };
    static const struct place place = { .parent = &root, .name = STR_INIT("message") };
    test_check(observations_scan(&seen->observations, str_of(text), &place, &seen->why), &seen->why);
}

static bool has(struct seen *seen, int type_id, const char *text)
{
    for (uint32_t i = 0; i < seen->observations.items.count; i++) {
        struct value item = seen->observations.items.items[i];
        if (value_get(item, STR("type_id")).integer == type_id &&
            value_is_text(value_get(item, STR("value")), str_of(text)))
            return true;
    }
    return false;
}

static void what_stands_in_logs_is_found(void **state)
{
    struct seen *seen = *state;
    static const struct {
        const char *text;
        enum observable_type type;
        const char *value;
    } cases[] = {
        { "Failed password for root from 203.0.113.9 port 22", OBSERVABLE_IP, "203.0.113.9" },
        { "client=198.51.100.7:4444, peer=[2001:db8::7]:443", OBSERVABLE_IP, "198.51.100.7" },
        { "peer 2001:DB8:0:0::17 closed", OBSERVABLE_IP, "2001:db8::17" },
        { "GET http://evil.example.com/a?b=1 HTTP/1.1", OBSERVABLE_URL, "http://evil.example.com/a?b=1" },
        { "query[A] cdn.evil-site.net from 198.51.100.7", OBSERVABLE_HOSTNAME, "cdn.evil-site.net" },
        { "mail from <boss@evil-site.net>", OBSERVABLE_EMAIL, "boss@evil-site.net" },
        { "hxxps://bad[.]example/x", OBSERVABLE_URL, "https://bad.example/x" },
        { "192[.]0[.]2[.]33 was seen", OBSERVABLE_IP, "192.0.2.33" },
        { "logon at dc01.corp.local by x@lab.internal", OBSERVABLE_HOSTNAME, "dc01.corp.local" },
        { "md5=0cc175b9c0f1b6a831c399e269772661", OBSERVABLE_HASH, "0cc175b9c0f1b6a831c399e269772661" },
        { "lladdr 02:00:5e:10:00:ff REACHABLE", OBSERVABLE_MAC, "02:00:5e:10:00:ff" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        observations_begin(&seen->observations, &seen->arena, &seen->scratch);
        scan(seen, cases[i].text);
        if (!has(seen, cases[i].type, cases[i].value))
            fail_msg("%s: no %s", cases[i].text, cases[i].value);
    }
}

static void what_only_looks_alike_is_not(void **state)
{
    struct seen *seen = *state;
    static const char *const texts[] = { "", "a", "0.0.0.0", "255.255.255.255", "999.1.1.1", "1.2.3",
        "/usr/bin/setup.sh", "setup.sh", "run.py and notes.md", "/var/log/auth.log", "a.b", "e.g. this",
        "12:30:45", "std::string", "d41d8cd98f00b204", "user@", "@example.com", "T1059",
        "rule 5712 level 10" };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        observations_begin(&seen->observations, &seen->arena, &seen->scratch);
        scan(seen, texts[i]);
        if (seen->observations.items.count > 0)
            fail_msg("'%s': %.*s", texts[i],
                STR_ARG(value_str(value_get(seen->observations.items.items[0], STR("value")))));
    }
}

static void each_is_told_once_under_its_first_place(void **state)
{
    struct seen *seen = *state;
    scan(seen, "203.0.113.9 and again 203.0.113.9");
    scan(seen, "203.0.113.9");
    test_check(observations_add(&seen->observations, OBSERVABLE_IP, STR("203.0.113.9"), STR("x"), &seen->why),
        &seen->why);
    assert_int_equal(seen->observations.items.count, 1);
    assert_json(seen->observations.items.items[0], "",
        "{\"name\":\"event.message\",\"type\":\"IP Address\",\"type_id\":2,\"value\":\"203.0.113.9\"}");
}

static void places_in_lists_have_their_number(void **state)
{
    struct seen *seen = *state;
    struct place root = { .name = STR("event") }, list = { .parent = &root, .name = STR("ips") };
    struct place item = { .parent = &list, .is_index = true, .index = 12 };
    test_check(observations_scan(&seen->observations, STR("203.0.113.9"), &item, &seen->why), &seen->why);
    assert_json(seen->observations.items.items[0], "name", "\"event.ips[12]\"");
}

static void their_number_is_bounded(void **state)
{
    struct seen *seen = *state;
    for (int i = 0; i < 2 * ALERT_OBSERVABLES_MAX; i++) {
        char text[40];
        snprintf(text, sizeof(text), "198.51.%d.%d", i / 200, i % 200 + 1);
        scan(seen, text);
    }
    assert_int_equal(seen->observations.items.count, ALERT_OBSERVABLES_MAX);
    assert_true(seen->observations.is_cut);
}

static void the_bytes_that_are_searched_are_bounded(void **state)
{
    struct seen *seen = *state;
    AUTO(buf) struct buf text = { 0 };
    while (text.size < MAPPING_SCAN_BYTES_MAX)
        buf_add_text(&text, "nothing to see here ");
    buf_add_text(&text, "203.0.113.9");
    scan(seen, buf_str(&text).data);
    assert_int_equal(seen->observations.items.count, 0);
    assert_true(seen->observations.is_cut);
    scan(seen, "203.0.113.9");
    assert_int_equal(seen->observations.items.count, 0);
}

static void whole_texts_are_told_apart(void **state)
{
    (void)state;
    assert_true(text_is_ip(STR("203.0.113.9")) && text_is_ip(STR("2001:db8::1")) && text_is_ip(STR("::1")));
    assert_false(text_is_ip(STR("203.0.113.09")) || text_is_ip(STR("203.0.113.9 ")) ||
        text_is_ip(STR("1.2.3")) || text_is_ip(STR("::ffff\0")) || text_is_ip(STR("")));
    assert_true(text_is_mac(STR("02:00:5e:10:00:ff")) && text_is_mac(STR("02-00-5E-10-00-FF")));
    assert_false(text_is_mac(STR("02:00-5e:10:00:ff")) || text_is_mac(STR("02.00.5e.10.00.ff")) ||
        text_is_mac(STR("02:00:5e:10:00:fg")));
    assert_true(text_is_email(STR("a.b+c@corp.example")));
    assert_false(text_is_email(STR("@corp.example")) || text_is_email(STR(".a@corp.example")) ||
        text_is_email(STR("a b@corp.example")) || text_is_email(STR("a@corp")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, seen_make, seen_free)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_stands_in_logs_is_found),
        TEST(what_only_looks_alike_is_not),
        TEST(each_is_told_once_under_its_first_place),
        TEST(places_in_lists_have_their_number),
        TEST(their_number_is_bounded),
        TEST(the_bytes_that_are_searched_are_bounded),
        TEST(whole_texts_are_told_apart),
    };
    return cmocka_run_group_tests_name("ingest_observe", tests, NULL, NULL);
}
