#include "expr/times.h"

#include "base/timetext.h"

#define NANOS_PER_SECOND 1000000000
#define TIMESTAMP_SECONDS_MIN INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define TIMESTAMP_SECONDS_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

FALLIBLE times_make_timestamp(struct call *call, int64_t seconds, int64_t nanos, struct value *ret)
{
    /* The nanoseconds are a sum of at most two parts, so one step brings them into range. */
    if (nanos >= NANOS_PER_SECOND) {
        nanos -= NANOS_PER_SECOND;
        seconds++;
    } else if (nanos < 0) {
        nanos += NANOS_PER_SECOND;
        seconds--;
    }
    if (seconds < TIMESTAMP_SECONDS_MIN || seconds > TIMESTAMP_SECONDS_MAX)
        return call_fail(call, "range: a timestamp lies between the years 1 and 9999");
    *ret = value_timestamp(seconds, (int32_t)nanos);
    return ERR_OK;
}

FALLIBLE times_make_duration(struct call *call, __int128 nanos, struct value *ret)
{
    if (nanos < INT64_MIN || nanos > INT64_MAX)
        return call_fail(call, "range: a duration is at most some 292 years");
    *ret = value_duration((int64_t)(nanos / NANOS_PER_SECOND), (int32_t)(nanos % NANOS_PER_SECOND));
    return ERR_OK;
}

__int128 times_nanos(struct value v)
{
    return (__int128)v.seconds * NANOS_PER_SECOND + value_nanos(v);
}

static void print_fraction(struct writer *writer, int32_t nanos)
{
    if (nanos == 0)
        return;
    int digits = 9;
    for (; nanos % 10 == 0; digits--)
        nanos /= 10;
    writer_printf(writer, ".%0*d", digits, nanos);
}

void times_print_timestamp(struct writer *writer, struct value timestamp)
{
    struct civil_time civil = civil_from_seconds(timestamp.seconds);
    writer_printf(writer, "%04d-%02d-%02dT%02d:%02d:%02d", (int)civil.year, civil.month, civil.day,
        civil.hour, civil.minute, civil.second);
    print_fraction(writer, value_nanos(timestamp));
    writer_add_byte(writer, 'Z');
}

void times_print_duration(struct writer *writer, struct value duration)
{
    int32_t nanos = value_nanos(duration);
    bool is_negative = duration.seconds < 0 || nanos < 0;
    /* Both parts have the sign; the seconds are far from INT64_MIN. */
    writer_printf(writer, "%s%lld", is_negative ? "-" : "",
        (long long)(is_negative ? -duration.seconds : duration.seconds));
    print_fraction(writer, is_negative ? -nanos : nanos);
    writer_add_byte(writer, 's');
}
