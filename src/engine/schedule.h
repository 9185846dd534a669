/* `schedule:` triggers. What is due next stands in the store, one row a playbook and schedule, and moves on
 * in the commit in which the run begins: a time that has come starts one run, whatever stops in between.
 *
 * While Tocsin does not run, times pass: at its next start one run makes up for all of them. A schedule that
 * is new, or whose playbook was enabled again, begins with its next time. Clock changes: playbook/cron.h. */
#ifndef TOCSIN_ENGINE_SCHEDULE_H
#define TOCSIN_ENGINE_SCHEDULE_H

#include "base/err.h"

struct shard;
struct schedules;

/* On the first shard. */
FALLIBLE schedules_new(struct shard *shard, struct schedules **ret, struct err_info *why);
/* Which playbooks there are may have changed. On the shard's thread. */
void schedules_refresh(struct schedules *schedules);
void schedules_stop(struct schedules *schedules); /* on the loop's thread, or when it has ended */
void schedules_free(struct schedules *schedules); /* NULL is fine */

#endif
