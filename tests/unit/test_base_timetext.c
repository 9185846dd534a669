#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/rand.h"
#include "base/timetext.h"

static void civil_times_agree_with_the_c_library(void **state)
{
    (void)state;
    struct rand_seeded chance;
    rand_seeded_init(&chance, 11);
    for (int i = 0; i < 20000; i++) {
        time_t seconds = (time_t)rand_below(&chance.rand, UINT64_C(315537897600)) -
            62135596800; /* years 1 to 9999 */
        struct tm tm;
        assert_non_null(gmtime_r(&seconds, &tm));
        struct civil_time civil = civil_from_seconds(seconds);
        assert_int_equal(civil.year, tm.tm_year + 1900);
        assert_int_equal(civil.month, tm.tm_mon + 1);
        assert_int_equal(civil.day, tm.tm_mday);
        assert_int_equal(civil.hour, tm.tm_hour);
        assert_int_equal(civil.minute, tm.tm_min);
        assert_int_equal(civil.second, tm.tm_sec);
        assert_int_equal(civil.weekday, tm.tm_wday);
        assert_int_equal(civil.year_day, tm.tm_yday);
        assert_int_equal(civil_to_seconds(&civil), seconds);
    }
}

static void rfc3339_times_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
        int32_t nanos;
    } cases[] = {
        { "1970-01-01T00:00:00Z", 0, 0 },
        { "2026-01-02T03:04:05.678Z", 1767323045, 678000000 },
        { "2017-04-07T22:24:37.251547+0100", 1491600277, 251547000 },
        { "2009-02-13T23:31:30.123456789-02:30", 1234576890, 123456789 },
        { "1969-12-31T23:59:59.5z", -1, 500000000 },
        { "2024-02-29t12:00:00+00:00", 1709208000, 0 },
        { "2024-02-29 12:00:00Z", 1709208000, 0 },
        { "0001-01-01T00:00:00Z", -62135596800, 0 },
        { "9999-12-31T23:59:59.999999999Z", 253402300799, 999999999 },
        { "2016-12-31T23:59:60Z", 1483228800, 0 },
        { "2016-12-31T18:59:60-05:00", 1483228800, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t seconds = 0;
        int32_t nanos = 0;
        if (!time_parse_rfc3339(str_of(cases[i].text), &seconds, &nanos))
            fail_msg("refused %s", cases[i].text);
        assert_int_equal(seconds, cases[i].seconds);
        assert_int_equal(nanos, cases[i].nanos);
    }
}

static void other_times_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "", "2024-01-01", "2024-01-01T00:00:00", "2024-13-01T00:00:00Z",
        "2024-00-01T00:00:00Z", "2024-01-00T00:00:00Z", "2023-02-29T00:00:00Z", "2024-04-31T00:00:00Z",
        "2024-01-01T24:00:00Z", "2024-01-01T00:60:00Z", "2024-01-01T00:00:61Z", "2024-01-01T12:00:60Z",
        "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00.1234567890Z", "2024-01-01T00:00:00+24:00",
        "2024-01-01T00:00:00+1:00", "2024-01-01T00:00:00+00:60", "2024-01-01T00:00:00Zx",
        " 2024-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01", "24-01-01T00:00:00Z", "2024-1-1T00:00:00Z", "2024-01-01T00:00:00,5Z",
        "+2024-01-01T00:00:00Z" };
    int64_t seconds = 42;
    int32_t nanos = 42;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (time_parse_rfc3339(str_of(bad[i]), &seconds, &nanos))
            fail_msg("took %s", bad[i]);
    assert_false(time_parse_rfc3339(STR("2024-01-01T00:00:00\0Z"), &seconds, &nanos));
    assert_int_equal(seconds, 42);
    assert_int_equal(nanos, 42);
}

static void times_print_with_the_shortest_fraction(void **state)
{
    (void)state;
    static const struct {
        int64_t seconds;
        int32_t nanos;
        const char *text;
    } cases[] = { { 0, 0, "1970-01-01T00:00:00Z" }, { 0, 120000000, "1970-01-01T00:00:00.120Z" },
        { 0, 1000, "1970-01-01T00:00:00.000001Z" }, { 0, 1, "1970-01-01T00:00:00.000000001Z" },
        { -62135596800, 0, "0001-01-01T00:00:00Z" } };
    AUTO(buf) struct buf buf = { 0 };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buf_clear(&buf);
        time_print_rfc3339(&buf, cases[i].seconds, cases[i].nanos);
        assert_string_equal(buf.data, cases[i].text);
    }
    assert_string_equal(instant_text((struct instant){ 1767323045678999 }).text, "2026-01-02T03:04:05.678Z");
    assert_string_equal(instant_text((struct instant){ -1 }).text, "1969-12-31T23:59:59.999Z");
    assert_true(strlen(instant_text(INSTANT_NEVER).text) < sizeof(struct time_text));
    assert_true(strlen(instant_text((struct instant){ INT64_MIN }).text) < sizeof(struct time_text));
}

static void spans_are_read_strictly(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } good[] = { { "150ms", 150000 }, { "2s", 2 * US_PER_S }, { "10m", 10 * US_PER_MIN },
        { "4h", 4 * US_PER_HOUR }, { "30d", 30 * US_PER_DAY }, { "1h30m", 90 * US_PER_MIN }, { "0s", 0 },
        { "1d2h3m4s5ms", 93784005000 } };
    static const char *const bad[] = { "", "5", "-5s", "+5s", "s", "5 s", "1.5h", "30m1h", "1h1h", "5us",
        "5ns", "5x", "5S", "1h 30m", "9999999999999999999s", "99999999999999999999999s", "106751992d",
        "5sm" };
    int64_t us = 42;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(span_parse(str_of(good[i].text), &us, NULL), ERR_OK);
        assert_int_equal(us, good[i].us);
    }
    us = 42;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct err_info why = { 0 };
        if (span_parse(str_of(bad[i]), &us, &why) != ERR_INVALID)
            fail_msg("took %s", bad[i]);
        assert_string_equal(why.name, "span");
    }
    assert_int_equal(us, 42);
}

static void durations_are_those_of_cel(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
        int32_t nanos;
        const char *printed;
    } good[] = { { "3.5s", 3, 500000000, "3.5s" }, { "-1.5h", -5400, 0, "-5400s" },
        { "1h1.25s", 3601, 250000000, "3601.25s" }, { "0", 0, 0, "0s" }, { "-0s", 0, 0, "0s" },
        { "1ns", 0, 1, "0.000000001s" }, { "-1ms", 0, -1000000, "-0.001s" }, { ".5m", 30, 0, "30s" },
        { "5.s", 5, 0, "5s" }, { "+2us", 0, 2000, "0.000002s" }, { "1.0000000004s", 1, 0, "1s" },
        { "1000000s", 1000000, 0, "1000000s" }, { "315576000000s", 315576000000, 0, "315576000000s" } };
    static const char *const bad[] = { "", "-", "1", "s", ".s", "1.5", "1d", "1 s", "1h-1s", "--1s",
        "315576000001s", "99999999999999999999999h", "1.5.5s", "0x1s", "1e3s" };
    AUTO(buf) struct buf buf = { 0 };
    int64_t seconds = 0;
    int32_t nanos = 0;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        if (!duration_parse(str_of(good[i].text), &seconds, &nanos))
            fail_msg("refused %s", good[i].text);
        assert_int_equal(seconds, good[i].seconds);
        assert_int_equal(nanos, good[i].nanos);
        buf_clear(&buf);
        duration_print(&buf, seconds, nanos);
        assert_string_equal(buf.data, good[i].printed);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (duration_parse(str_of(bad[i]), &seconds, &nanos))
            fail_msg("took %s", bad[i]);
}

static void instants_and_values_convert_both_ways(void **state)
{
    (void)state;
    const int64_t cases[] = { 0, 1, -1, -1000000, -999999, 1767323045678901 };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct value v = value_from_instant((struct instant){ cases[i] });
        assert_true(value_nanos(v) >= 0);
        assert_int_equal(value_to_instant(v).us, cases[i]);
    }
}

static void instants_are_read_to_the_microsecond(void **state)
{
    (void)state;
    struct instant at = { 7 };
    assert_false(instant_parse(STR("yesterday"), &at));
    assert_int_equal(at.us, 7);
    assert_true(instant_parse(STR("1970-01-01T01:00:01.2345678+01:00"), &at));
    assert_int_equal(at.us, 1234567);
    assert_true(instant_parse(STR("1969-12-31T23:59:59.5Z"), &at));
    assert_int_equal(at.us, -500000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(civil_times_agree_with_the_c_library),
        cmocka_unit_test(rfc3339_times_are_read),
        cmocka_unit_test(other_times_are_refused),
        cmocka_unit_test(times_print_with_the_shortest_fraction),
        cmocka_unit_test(spans_are_read_strictly),
        cmocka_unit_test(durations_are_those_of_cel),
        cmocka_unit_test(instants_and_values_convert_both_ways),
        cmocka_unit_test(instants_are_read_to_the_microsecond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
