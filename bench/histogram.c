#include "histogram.h"

static unsigned cell_of(uint64_t us)
{
    if (us < HISTOGRAM_PARTS)
        return (unsigned)us;
    unsigned power = 63 - (unsigned)__builtin_clzll(us); /* ≥ 6 */
    unsigned part = (unsigned)(us >> (power - 6)) - HISTOGRAM_PARTS;
    unsigned cell = (power - 5) * HISTOGRAM_PARTS + part;
    return cell < HISTOGRAM_CELLS ? cell : HISTOGRAM_CELLS - 1;
}

/* The largest value that falls into the cell. */
static uint64_t end_of(unsigned cell)
{
    if (cell < HISTOGRAM_PARTS)
        return cell;
    unsigned power = cell / HISTOGRAM_PARTS + 5, part = cell % HISTOGRAM_PARTS;
    return ((uint64_t)(HISTOGRAM_PARTS + part + 1) << (power - 6)) - 1;
}

void histogram_add(struct histogram *histogram, int64_t us)
{
    uint64_t value = us < 0 ? 0 : (uint64_t)us;
    histogram->count++;
    histogram->cells[cell_of(value)]++;
    if (value > histogram->max_us)
        histogram->max_us = value;
}

double histogram_ms(const struct histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)histogram->count), seen = 0;
    for (unsigned cell = 0; cell < HISTOGRAM_CELLS; cell++) {
        seen += histogram->cells[cell];
        if (seen > wanted) {
            uint64_t end = end_of(cell);
            return (double)(end < histogram->max_us ? end : histogram->max_us) / 1e3;
        }
    }
    return (double)histogram->max_us / 1e3;
}
