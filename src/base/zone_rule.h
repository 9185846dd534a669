/* The rule in a TZif footer (RFC 8536, 3.3, which is POSIX's TZ with the extensions of 3.3.1):
 * "CET-1CEST,M3.5.0,M10.5.0/3". For base/zone.c. */
#ifndef TOCSIN_BASE_ZONE_RULE_H
#define TOCSIN_BASE_ZONE_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct zone_day {
    enum { ZONE_DAY_OF_MONTH, ZONE_DAY_OF_JULIAN, ZONE_DAY_OF_YEAR } kind;
    int month, week, day; /* Mm.w.d; Jn and n have only `day` */
    int32_t seconds; /* local time of day of the change; from -167 to 167 hours */
};

struct zone_rule {
    int32_t standard_offset; /* seconds to add to UTC */
    bool has_summer;
    int32_t summer_offset;
    struct zone_day start, end; /* of summer time */
};

/* A span of time with one offset. */
struct zone_span {
    int64_t from, until; /* from is in it, until is not */
    int32_t offset;
};

/* False when the text is no such rule. */
bool zone_rule_parse(struct str text, struct zone_rule *ret);
struct zone_span zone_rule_span_at(const struct zone_rule *rule, int64_t seconds);

#endif
