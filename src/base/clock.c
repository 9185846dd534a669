#include "base/clock.h"

#include <assert.h>
#include <stddef.h>
#include <time.h>

static int64_t read_clock(clockid_t which)
{
    struct timespec now;
    int failed = clock_gettime(which, &now);
    assert(failed == 0); /* both clocks exist on every Linux */
    (void)failed;
    return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / 1000;
}

static struct instant system_now(struct clock *clock)
{
    (void)clock;
    return (struct instant){ read_clock(CLOCK_REALTIME) };
}

static int64_t system_monotonic_us(struct clock *clock)
{
    (void)clock;
    return read_clock(CLOCK_MONOTONIC);
}

struct clock *clock_system(void)
{
    /* Nobody writes to it: the type is not const only because other clocks have state. */
    static struct clock system_clock = { system_now, system_monotonic_us };
    return &system_clock;
}

static struct clock_manual *manual_of(struct clock *clock)
{
    return (struct clock_manual *)((char *)clock - offsetof(struct clock_manual, clock));
}

static struct instant manual_now(struct clock *clock)
{
    return manual_of(clock)->at;
}

static int64_t manual_monotonic_us(struct clock *clock)
{
    return manual_of(clock)->at.us;
}

void clock_manual_init(struct clock_manual *manual, struct instant start)
{
    *manual = (struct clock_manual){ .clock = { manual_now, manual_monotonic_us }, .at = start };
}

void clock_manual_advance(struct clock_manual *manual, int64_t span_us)
{
    assert(span_us >= 0);
    manual->at.us += span_us;
}
