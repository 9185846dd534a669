/* Times as people and protocols write them. */
#ifndef TOCSIN_BASE_TIMETEXT_H
#define TOCSIN_BASE_TIMETEXT_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/value.h"

struct time_text {
    char text[40];
};

struct civil_time {
    int64_t year;
    int month, day, hour, minute, second; /* month and day from 1 */
    int32_t nanos;
    int weekday; /* 0 = Sunday */
    int year_day; /* 0 = 1 January */
};

/* RFC 3339 UTC with milliseconds, as the API writes it: 2026-01-02T03:04:05.678Z. */
struct time_text instant_text(struct instant at);
/* RFC 3339 with any offset and up to nine digits of fraction; also "2017-04-07T22:24:37.2+0100" (no
 * colon in the offset), as sensors write it. Years 1 to 9999. */
bool time_parse_rfc3339(struct str text, int64_t *ret_seconds, int32_t *ret_nanos);
/* The same to the microsecond; `ret` stays as it is when the text is no time. */
bool instant_parse(struct str text, struct instant *ret);
void time_print_rfc3339(
    struct buf *buf, int64_t seconds, int32_t nanos); /* shortest fraction of 0, 3, 6, 9 digits */
struct civil_time civil_from_seconds(int64_t seconds);
int64_t civil_to_seconds(const struct civil_time *civil);

/* Spans in configuration and playbooks: "150ms", "2s", "10m", "4h", "30d", "1h30m". Refuses negative
 * and empty ones. */
FALLIBLE span_parse(struct str text, int64_t *ret_us, struct err_info *why);
/* CEL durations: sign, fractions, units h m s ms us ns. */
bool duration_parse(struct str text, int64_t *ret_seconds, int32_t *ret_nanos);
void duration_print(struct buf *buf, int64_t seconds, int32_t nanos); /* "3.5s" */

static inline struct value value_from_instant(struct instant at)
{
    int64_t seconds = at.us / US_PER_S, rest = at.us % US_PER_S;
    if (rest < 0) {
        rest += US_PER_S;
        seconds -= 1;
    }
    return value_timestamp(seconds, (int32_t)(rest * 1000));
}
static inline struct instant value_to_instant(struct value v)
{
    return (struct instant){ v.seconds * US_PER_S + value_nanos(v) / 1000 };
}

#endif
