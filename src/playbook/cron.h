/* Schedules: `MINUTE HOUR DAY MONTH WEEKDAY`, as crontab(5) has them: `*`, numbers, ranges `a-b`, steps `/n`,
 * lists with commas, names of months and weekdays (jan, mon), 7 for Sunday, and @hourly, @daily, @weekly,
 * @monthly,
 * @yearly. When both DAY and WEEKDAY are restricted, either is enough.
 *
 * At a change of clocks: a local time that is left out comes when the clocks have gone forward; one that
 * comes twice counts once, the first time. */
#ifndef TOCSIN_PLAYBOOK_CRON_H
#define TOCSIN_PLAYBOOK_CRON_H

#include "base/clock.h"
#include "base/err.h"
#include "base/zone.h"

struct cron {
    uint64_t minutes; /* bit 0 to 59 */
    uint32_t hours, days, months; /* bits 0 to 23, 1 to 31, 1 to 12 */
    uint8_t weekdays; /* bit 0: Sunday */
    bool is_any_day, is_any_weekday;
};

/* ERR_INVALID with the part that is wrong, also for a date that never comes (30 February). */
FALLIBLE cron_parse(struct str text, struct cron *ret, struct err_info *why);
/* The first time after `after` that fits, to the minute. Within forty years there is one. */
struct instant cron_next(const struct cron *cron, const struct zone *zone, struct instant after);

#endif
