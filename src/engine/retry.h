/* A run that failed or was cancelled, started again from where it went wrong: its journal is folded up to the
 * operation that did it, the state of that moment is written as a snapshot, and the run goes on from there.
 * What succeeded before is not done again; a call of which nothing is known is handled as after a crash. */
#ifndef TOCSIN_ENGINE_RETRY_H
#define TOCSIN_ENGINE_RETRY_H

#include "engine/engine_impl.h"

/* On the run's shard, which does not have it in memory. */
void retry_run(
    struct shard *shard, int64_t tenant, struct id run, struct str actor, struct engine_reply *reply);

#endif
