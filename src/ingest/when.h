/* Times as products write them: numbers of seconds, milliseconds, microseconds or nanoseconds, RFC 3339, and
 * its relatives with a blank, a slash, "UTC", or no offset at all (then UTC). */
#ifndef TOCSIN_INGEST_WHEN_H
#define TOCSIN_INGEST_WHEN_H

#include "base/clock.h"
#include "base/value.h"

/* False when the value is no time between 1980 and 2200. */
bool when_parse(struct value v, struct instant *ret);

#endif
