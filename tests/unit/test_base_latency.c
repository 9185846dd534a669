#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/latency.h"

static void bounds_belong_to_their_bucket(void **state)
{
    (void)state;
    assert_int_equal(latency_bucket(0, 4), 0);
    assert_int_equal(latency_bucket(64, 4), 0); /* `le`: less or equal */
    assert_int_equal(latency_bucket(65, 4), 1);
    assert_int_equal(latency_bucket(128, 4), 1);
    assert_int_equal(latency_bucket(256, 4), 2);
    assert_int_equal(latency_bucket(257, 4), 3);
    assert_int_equal(latency_bucket(UINT64_MAX, 4), 3);
    assert_int_equal(latency_bucket(UINT64_MAX, 24), 23);
}

static void what_is_longer_than_all_bounds_is_under_infinity_alone(void **state)
{
    (void)state;
    AUTO(buf) struct buf text = { 0 };
    const uint64_t buckets[3] = { 2, 1, 4 };
    latency_print(&text, "t_seconds", STR(""), buckets, 3, 1500000);
    assert_true(str_equal(buf_str(&text),
        STR("t_seconds_bucket{le=\"0.000064\"} 2\nt_seconds_bucket{le=\"0.000128\"} 3\n"
            "t_seconds_bucket{le=\"+Inf\"} 7\nt_seconds_sum 1.500000\nt_seconds_count 7\n")));
}

static void a_label_stands_in_every_line(void **state)
{
    (void)state;
    AUTO(buf) struct buf text = { 0 };
    const uint64_t buckets[2] = { 1, 0 };
    latency_print(&text, "t", STR("a=\"b\""), buckets, 2, 64);
    assert_true(str_equal(buf_str(&text),
        STR("t_bucket{a=\"b\",le=\"0.000064\"} 1\nt_bucket{a=\"b\",le=\"+Inf\"} 1\n"
            "t_sum{a=\"b\"} 0.000064\nt_count{a=\"b\"} 1\n")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_belong_to_their_bucket),
        cmocka_unit_test(what_is_longer_than_all_bounds_is_under_infinity_alone),
        cmocka_unit_test(a_label_stands_in_every_line),
    };
    return cmocka_run_group_tests_name("base latency", tests, NULL, NULL);
}
