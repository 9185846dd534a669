/* Times and severities as products write them. */
#include "ingest/grade.h"
#include "ingest/when.h"
#include "ingest_helpers.h"

static struct value text(const char *s)
{
    return value_string(str_of(s));
}

/* 2026-03-14T08:26:53Z; date -u -d 2026-03-14T08:26:53Z +%s */
#define SECONDS INT64_C(1773476813)

static void times_in_any_writing_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } cases[] = {
        { "2026-03-14T08:26:53Z", SECONDS * US_PER_S },
        { "2026-03-14T08:26:53.589Z", SECONDS * US_PER_S + 589000 },
        { "2026-03-14T08:26:53.589+0000", SECONDS * US_PER_S + 589000 },
        { "2026-03-14T09:26:53+01:00", SECONDS * US_PER_S },
        { "2026-03-14T03:26:53-0500", SECONDS * US_PER_S },
        { "2026-03-14 08:26:53", SECONDS * US_PER_S },
        { "2026-03-14 08:26:53.123456789", SECONDS * US_PER_S + 123456 },
        { "2026-03-14 08:26:53,5", SECONDS * US_PER_S + 500000 },
        { "2026/03/14 08:26:53 UTC", SECONDS * US_PER_S },
        { "2026-03-14 08:26:53 +0000 UTC", SECONDS * US_PER_S },
        { "2026-03-14_08:26:53 GMT", SECONDS * US_PER_S },
        { "  2026-03-14T08:26:53Z  ", SECONDS * US_PER_S },
        { "2026-03-14T08:26:53.853014+01.00", (SECONDS - 3600) * US_PER_S + 853014 },
        { "2026-03-14", (SECONDS - 8 * 3600 - 26 * 60 - 53) * US_PER_S },
        { "2026-03-14 08:26", (SECONDS - 53) * US_PER_S },
        { "1773476813", SECONDS * US_PER_S },
        { "1773476813589", SECONDS * US_PER_S + 589000 },
        { "1773476813.5", SECONDS * US_PER_S + 500000 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct instant at = { 0 };
        if (!when_parse(text(cases[i].text), &at) || at.us != cases[i].us)
            fail_msg("%s: %lld", cases[i].text, (long long)at.us);
    }
}

static void numbers_show_their_unit_by_their_size(void **state)
{
    (void)state;
    static const struct {
        int64_t number, us;
    } cases[] = {
        { SECONDS, SECONDS * US_PER_S },
        { SECONDS * 1000 + 7, SECONDS * US_PER_S + 7000 },
        { SECONDS * 1000000 + 7, SECONDS * US_PER_S + 7 },
        { SECONDS * 1000000000 + 7999, SECONDS * US_PER_S + 7 },
    };
    struct instant at;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(when_parse(value_int(cases[i].number), &at));
        assert_int_equal(at.us, cases[i].us);
        assert_true(when_parse(value_uint((uint64_t)cases[i].number), &at));
        assert_int_equal(at.us, cases[i].us);
    }
    assert_true(when_parse(value_double(1773476813.25), &at));
    assert_int_equal(at.us, SECONDS * US_PER_S + 250000);
    assert_true(when_parse(value_timestamp(SECONDS, 5000), &at));
    assert_int_equal(at.us, SECONDS * US_PER_S + 5);
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = { "", "now", "yesterday", "2026-13-01", "2026-00-10",
        "2026-03-14T25:00:00", "2026-03-14T08:61:00", "2026-03-14Tx", "2026-03-14T08:26:53+0", "12:00:00",
        "1979-12-31", "2201-01-01", "99999999999999999999", "0001-01-01T00:00:00Z",
        "2026-03-14T08:26:53Z and more", "nan", "1e400" };
    struct instant at;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (when_parse(text(texts[i]), &at))
            fail_msg("%s is taken for %lld", texts[i], (long long)at.us);
    }
    assert_false(when_parse(value_int(0), &at) || when_parse(value_int(-SECONDS), &at) ||
        when_parse(value_int(INT64_MIN), &at) || when_parse(value_int(5), &at) ||
        when_parse(value_uint(UINT64_MAX), &at) || when_parse(value_null(), &at) ||
        when_parse(value_bool(true), &at) || when_parse(value_double(__builtin_nan("")), &at) ||
        when_parse(value_double(__builtin_inf()), &at));
}

static void assert_grade(struct value v, enum grade_scale scale, int expected)
{
    enum severity severity;
    bool is_known = grade_parse(v, scale, &severity);
    AUTO(buf) struct buf json = { 0 };
    json_print(&json, v, 0);
    if ((is_known ? (int)severity : -1) != expected)
        fail_msg("%s on scale %d: %d, not %d", json.data, scale, is_known ? (int)severity : -1, expected);
}

static void words_of_any_product_are_severities(void **state)
{
    (void)state;
    assert_grade(text("CRIT"), GRADE_OCSF, SEVERITY_CRITICAL);
    assert_grade(text(" Warning "), GRADE_OCSF, SEVERITY_MEDIUM);
    assert_grade(text("Informational"), GRADE_RISING, SEVERITY_INFORMATIONAL);
    assert_grade(text("p2"), GRADE_PRIORITY, SEVERITY_HIGH);
    assert_grade(text("emergency"), GRADE_OCSF, SEVERITY_FATAL);
    assert_grade(text("unknown"), GRADE_OCSF, SEVERITY_UNKNOWN);
    assert_grade(text("purple"), GRADE_OCSF, -1);
    assert_grade(text(""), GRADE_OCSF, -1);
    assert_grade(value_null(), GRADE_OCSF, -1);
    assert_grade(value_bool(true), GRADE_OCSF, -1);
}

static void numbers_are_graded_on_their_scale(void **state)
{
    (void)state;
    for (int i = 0; i < SEVERITY_COUNT; i++)
        assert_grade(value_int(i), GRADE_OCSF, i);
    assert_grade(value_int(99), GRADE_OCSF, SEVERITY_UNKNOWN);
    assert_grade(value_int(7), GRADE_OCSF, -1);
    assert_grade(value_int(-1), GRADE_OCSF, -1);
    assert_grade(value_double(1.5), GRADE_OCSF, -1);
    assert_grade(text("5"), GRADE_OCSF, SEVERITY_CRITICAL);
    /* CVSS 3.1, section 5. */
    assert_grade(value_int(0), GRADE_RISING, SEVERITY_INFORMATIONAL);
    assert_grade(value_double(0.1), GRADE_RISING, SEVERITY_LOW);
    assert_grade(value_double(3.9), GRADE_RISING, SEVERITY_LOW);
    assert_grade(value_int(4), GRADE_RISING, SEVERITY_MEDIUM);
    assert_grade(value_double(6.9), GRADE_RISING, SEVERITY_MEDIUM);
    assert_grade(value_int(7), GRADE_RISING, SEVERITY_HIGH);
    assert_grade(value_int(9), GRADE_RISING, SEVERITY_CRITICAL);
    assert_grade(value_int(73), GRADE_RISING, SEVERITY_HIGH);
    assert_grade(value_int(100), GRADE_RISING, SEVERITY_CRITICAL);
    assert_grade(value_int(101), GRADE_RISING, -1);
    assert_grade(value_int(-1), GRADE_RISING, -1);
    assert_grade(value_int(1), GRADE_PRIORITY, SEVERITY_CRITICAL);
    assert_grade(value_int(5), GRADE_PRIORITY, SEVERITY_INFORMATIONAL);
    assert_grade(value_int(0), GRADE_PRIORITY, -1);
    assert_grade(value_int(6), GRADE_PRIORITY, -1);
    assert_grade(value_double(__builtin_nan("")), GRADE_RISING, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_in_any_writing_are_read),
        cmocka_unit_test(numbers_show_their_unit_by_their_size),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(words_of_any_product_are_severities),
        cmocka_unit_test(numbers_are_graded_on_their_scale),
    };
    return cmocka_run_group_tests_name("ingest_when", tests, NULL, NULL);
}
