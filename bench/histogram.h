/* Latencies in µs, exact to 1.6 %: 64 equal parts to each power of two. All counts, no samples thrown away.
 */
#ifndef TOCSIN_BENCH_HISTOGRAM_H
#define TOCSIN_BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_PARTS 64
#define HISTOGRAM_CELLS (HISTOGRAM_PARTS * 32)

struct histogram {
    uint64_t count, max_us;
    uint64_t cells[HISTOGRAM_CELLS];
};

void histogram_add(struct histogram *histogram, int64_t us);
/* The latency that `share` (0 to 1) of all did not exceed, in ms; 0 when there are none. */
double histogram_ms(const struct histogram *histogram, double share);

#endif
