/* Timestamps and durations as CEL has them: nanoseconds, a duration fits an int64 of them, a timestamp
 * lies in the years 1 to 9999 (langdef, "Overflow"). */
#ifndef TOCSIN_EXPR_TIMES_H
#define TOCSIN_EXPR_TIMES_H

#include "expr/call.h"

/* ERR_INVALID (a range error) when the result is out of the type's range. */
FALLIBLE times_make_timestamp(struct call *call, int64_t seconds, int64_t nanos, struct value *ret);
FALLIBLE times_make_duration(struct call *call, __int128 nanos, struct value *ret);
__int128 times_nanos(struct value duration_or_timestamp);
/* "2009-02-13T23:31:30.5Z", "3.5s": no zero ends a fraction. */
void times_print_timestamp(struct writer *writer, struct value timestamp);
void times_print_duration(struct writer *writer, struct value duration);

#endif
