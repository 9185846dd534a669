#include "ingest/bucket.h"

enum err bucket_init(struct bucket *bucket, struct clock *clock, uint64_t rate_per_s, struct err_info *why)
{
    *bucket = (struct bucket){ .clock = clock,
        .rate_per_s = rate_per_s,
        .tokens = (double)rate_per_s,
        .filled_us = clock_monotonic_us(clock) };
    int failed = pthread_mutex_init(&bucket->mutex, NULL);
    return failed == 0 ? ERR_OK : err_errno(why, failed, "make a lock");
}

void bucket_done(struct bucket *bucket)
{
    (void)pthread_mutex_destroy(&bucket->mutex); /* fails only on misuse */
}

static void fill(struct bucket *bucket)
{
    int64_t now = clock_monotonic_us(bucket->clock);
    double full = (double)bucket->rate_per_s;
    bucket->tokens += (double)(now - bucket->filled_us) * full / (double)US_PER_S;
    if (bucket->tokens > full)
        bucket->tokens = full;
    bucket->filled_us = now;
}

bool bucket_take(struct bucket *bucket, uint64_t count, int64_t *ret_wait_us)
{
    if (bucket->rate_per_s == 0)
        return true;
    double needed = (double)(count < bucket->rate_per_s ? count : bucket->rate_per_s);
    (void)pthread_mutex_lock(&bucket->mutex); /* fails only on misuse */
    fill(bucket);
    double missing = needed - bucket->tokens;
    if (missing <= 0)
        bucket->tokens -= (double)count;
    (void)pthread_mutex_unlock(&bucket->mutex);
    if (missing <= 0)
        return true;
    *ret_wait_us = (int64_t)(missing * (double)US_PER_S / (double)bucket->rate_per_s) + 1;
    return false;
}
