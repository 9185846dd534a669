/* Time comes from here, so that tests and the simulator can stand in. Instants are microseconds since
 * 1970-01-01 UTC; spans are microseconds. */
#ifndef TOCSIN_BASE_CLOCK_H
#define TOCSIN_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct instant {
    int64_t us;
};

#define US_PER_MS INT64_C(1000)
#define US_PER_S INT64_C(1000000)
#define US_PER_MIN (60 * US_PER_S)
#define US_PER_HOUR (3600 * US_PER_S)
#define US_PER_DAY (86400 * US_PER_S)
#define INSTANT_NEVER ((struct instant){ INT64_MAX })

struct clock {
    struct instant (*now)(struct clock *clock); /* wall time; may jump */
    int64_t (*monotonic_us)(struct clock *clock); /* never goes back */
};

/* The system's clock; a constant object without state. */
struct clock *clock_system(void);

static inline struct instant clock_now(struct clock *clock)
{
    return clock->now(clock);
}
static inline int64_t clock_monotonic_us(struct clock *clock)
{
    return clock->monotonic_us(clock);
}

/* A clock that stands still until it is moved: for tests and `tocsin test`. */
struct clock_manual {
    struct clock clock;
    struct instant at;
};
void clock_manual_init(struct clock_manual *manual, struct instant start);
void clock_manual_advance(struct clock_manual *manual, int64_t span_us);

#endif
