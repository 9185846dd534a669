/* `case:` triggers. What changes a case appends to the outbox in the same commit; the first shard follows it,
 * as long as an enabled playbook has such a trigger, and remembers in the store how far it has come. Each
 * change starts a playbook once, whatever stops in between (engine_case_runs).
 *
 * A change that was made by a run which a change of a case has started, or by one that such a run called,
 * starts nothing: playbooks that change cases would go on for ever otherwise. */
#ifndef TOCSIN_ENGINE_FOLLOW_H
#define TOCSIN_ENGINE_FOLLOW_H

#include "base/err.h"

struct shard;
struct follow;

/* On the first shard. */
FALLIBLE follow_new(struct shard *shard, struct follow **ret, struct err_info *why);
/* Which playbooks there are may have changed. On the shard's thread. */
void follow_refresh(struct follow *follow);
void follow_stop(struct follow *follow); /* on the loop's thread, or when it has ended */
void follow_free(struct follow *follow); /* NULL is fine */

#endif
