/* How long a step waits before it is tried again. */
#ifndef TOCSIN_ENGINE_BACKOFF_H
#define TOCSIN_ENGINE_BACKOFF_H

#include "base/rand.h"
#include "playbook/playbook.h"

/* After attempt `attempt` (from 1) has failed. Without chance; at least 0, at most RUN_SECONDS_MAX. */
int64_t backoff_us(const struct retry_policy *retry, uint32_t attempt);
/* Up to a quarter less, by chance, so that what failed together does not come back together. */
int64_t backoff_jittered_us(int64_t wait_us, struct rand *rand);

#endif
