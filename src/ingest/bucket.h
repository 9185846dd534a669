/* A token bucket: so many a second, with a burst of as many. Thread-safe. */
#ifndef TOCSIN_INGEST_BUCKET_H
#define TOCSIN_INGEST_BUCKET_H

#include <pthread.h>

#include "base/clock.h"
#include "base/err.h"

struct bucket {
    struct clock *clock;
    uint64_t rate_per_s; /* 0: no limit */
    pthread_mutex_t mutex;
    double tokens; /* below 0 after more than a burst was let in at once */
    int64_t filled_us; /* monotonic */
};

FALLIBLE bucket_init(struct bucket *bucket, struct clock *clock, uint64_t rate_per_s, struct err_info *why);
void bucket_done(struct bucket *bucket);
/* Takes `count`, or nothing and tells after how many microseconds to try again. More than a burst at once is
 * let in when the bucket is full; what follows waits the longer. */
bool bucket_take(struct bucket *bucket, uint64_t count, int64_t *ret_wait_us);

#endif
