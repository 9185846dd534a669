#include "engine/backoff.h"

#include "base/clock.h"
#include "base/limits.h"

int64_t backoff_us(const struct retry_policy *retry, uint32_t attempt)
{
    int64_t first = retry->first_us > 0 ? retry->first_us : US_PER_S;
    int64_t most = retry->max_us > 0 ? retry->max_us : INT64_MAX;
    int64_t wait = first;
    if (retry->backoff == BACKOFF_LINEAR && __builtin_mul_overflow(first, (int64_t)attempt, &wait))
        wait = most;
    for (uint32_t i = 1; retry->backoff == BACKOFF_EXPONENTIAL && i < attempt && wait < most; i++) {
        if (__builtin_mul_overflow(wait, 2, &wait))
            wait = most;
    }
    wait = wait < most ? wait : most;
    return wait < RUN_SECONDS_MAX * US_PER_S ? wait : RUN_SECONDS_MAX * US_PER_S;
}

int64_t backoff_jittered_us(int64_t wait_us, struct rand *rand)
{
    return wait_us - (int64_t)rand_below(rand, (uint64_t)wait_us / 4 + 1);
}
