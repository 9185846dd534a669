/* How long steps take, by action: what `tocsin_step_seconds` shows. Fed by the engine's observations on the
 * shards' threads; thread-safe. */
#ifndef TOCSIN_STEP_TIMES_H
#define TOCSIN_STEP_TIMES_H

#include "base/buf.h"
#include "engine/engine.h"

struct step_times;

FALLIBLE step_times_new(struct step_times **ret, struct err_info *why);
void step_times_free(struct step_times *times); /* NULL is fine */
/* engine_options.observe, with the step_times as context. */
void step_times_observe(void *times, const struct engine_observation *observation);
/* Prometheus text. */
void step_times_print(void *times, struct buf *buf);

#endif
