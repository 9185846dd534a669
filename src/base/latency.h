/* Histograms of latencies as Prometheus wants them, for all that measures: powers of two from 64 µs up. */
#ifndef TOCSIN_BASE_LATENCY_H
#define TOCSIN_BASE_LATENCY_H

#include "base/buf.h"

/* Of `count` buckets, number i takes what lasted at most 2^(i+6) µs; the last one takes all that is longer.
 */
unsigned latency_bucket(uint64_t us, unsigned count);

/* Bucket lines with sums up to each bound, in seconds, the sum and the count. `label` is empty, or one label
 * as printed: `action="http.request"`. */
void latency_print(struct buf *buf, const char *name, struct str label, const uint64_t *buckets,
    unsigned count, uint64_t us_sum);

#endif
