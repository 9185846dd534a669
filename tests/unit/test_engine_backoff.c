#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/limits.h"
#include "engine/backoff.h"

static struct retry_policy policy(enum backoff backoff, int64_t first_s, int64_t max_s)
{
    return (struct retry_policy){
        .attempts = 100, .backoff = backoff, .first_us = first_s * US_PER_S, .max_us = max_s * US_PER_S
    };
}

static void fixed_stays(void **state)
{
    (void)state;
    struct retry_policy fixed = policy(BACKOFF_FIXED, 3, 0);
    assert_int_equal(backoff_us(&fixed, 1), 3 * US_PER_S);
    assert_int_equal(backoff_us(&fixed, 99), 3 * US_PER_S);
}

static void linear_grows_by_its_first_span(void **state)
{
    (void)state;
    struct retry_policy linear = policy(BACKOFF_LINEAR, 2, 7);
    assert_int_equal(backoff_us(&linear, 1), 2 * US_PER_S);
    assert_int_equal(backoff_us(&linear, 3), 6 * US_PER_S);
    assert_int_equal(backoff_us(&linear, 4), 7 * US_PER_S);
}

static void exponential_doubles_up_to_its_maximum(void **state)
{
    (void)state;
    struct retry_policy exponential = policy(BACKOFF_EXPONENTIAL, 2, 60);
    assert_int_equal(backoff_us(&exponential, 1), 2 * US_PER_S);
    assert_int_equal(backoff_us(&exponential, 2), 4 * US_PER_S);
    assert_int_equal(backoff_us(&exponential, 5), 32 * US_PER_S);
    assert_int_equal(backoff_us(&exponential, 6), 60 * US_PER_S);
    assert_int_equal(backoff_us(&exponential, 100), 60 * US_PER_S);
}

static void nothing_overflows(void **state)
{
    (void)state;
    struct retry_policy exponential = { .backoff = BACKOFF_EXPONENTIAL, .first_us = INT64_MAX / 2 };
    struct retry_policy linear = { .backoff = BACKOFF_LINEAR, .first_us = INT64_MAX / 2 };
    assert_int_equal(backoff_us(&exponential, UINT32_MAX), RUN_SECONDS_MAX * US_PER_S);
    assert_int_equal(backoff_us(&linear, UINT32_MAX), RUN_SECONDS_MAX * US_PER_S);
}

static void without_a_span_it_is_a_second(void **state)
{
    (void)state;
    struct retry_policy none = { .backoff = BACKOFF_FIXED };
    assert_int_equal(backoff_us(&none, 1), US_PER_S);
}

static void chance_takes_away_a_quarter_at_the_most(void **state)
{
    (void)state;
    struct rand_seeded rand;
    int64_t least = INT64_MAX, most = 0;
    rand_seeded_init(&rand, 7);
    for (int i = 0; i < 10000; i++) {
        int64_t us = backoff_jittered_us(1000, &rand.rand);
        least = us < least ? us : least;
        most = us > most ? us : most;
    }
    assert_int_equal(least, 750);
    assert_int_equal(most, 1000);
    assert_int_equal(backoff_jittered_us(0, &rand.rand), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_stays),
        cmocka_unit_test(linear_grows_by_its_first_span),
        cmocka_unit_test(exponential_doubles_up_to_its_maximum),
        cmocka_unit_test(nothing_overflows),
        cmocka_unit_test(without_a_span_it_is_a_second),
        cmocka_unit_test(chance_takes_away_a_quarter_at_the_most),
    };
    return cmocka_run_group_tests_name("engine_backoff", tests, NULL, NULL);
}
