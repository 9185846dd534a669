#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"

static void system_clock_tells_wall_time_and_never_goes_back(void **state)
{
    (void)state;
    struct clock *clock = clock_system();
    int64_t seconds = (int64_t)time(NULL);
    int64_t now = clock_now(clock).us;
    assert_true(now >= (seconds - 1) * US_PER_S && now < (seconds + 5) * US_PER_S);
    int64_t last = clock_monotonic_us(clock);
    for (int i = 0; i < 1000; i++) {
        int64_t next = clock_monotonic_us(clock);
        assert_true(next >= last);
        last = next;
    }
}

static void manual_clock_moves_only_when_told(void **state)
{
    (void)state;
    struct clock_manual manual;
    clock_manual_init(&manual, (struct instant){ 5 * US_PER_S });
    assert_int_equal(clock_now(&manual.clock).us, 5 * US_PER_S);
    int64_t before = clock_monotonic_us(&manual.clock);
    clock_manual_advance(&manual, US_PER_DAY);
    assert_int_equal(clock_now(&manual.clock).us, 5 * US_PER_S + US_PER_DAY);
    assert_int_equal(clock_monotonic_us(&manual.clock) - before, US_PER_DAY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(system_clock_tells_wall_time_and_never_goes_back),
        cmocka_unit_test(manual_clock_moves_only_when_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
