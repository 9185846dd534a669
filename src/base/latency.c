#include "base/latency.h"

#define FIRST_BOUND_BITS 6 /* 64 µs */

unsigned latency_bucket(uint64_t us, unsigned count)
{
    unsigned bucket = 0;
    while (bucket + 1 < count && us > UINT64_C(1) << (bucket + FIRST_BOUND_BITS))
        bucket++;
    return bucket;
}

void latency_print(struct buf *buf, const char *name, struct str label, const uint64_t *buckets,
    unsigned count, uint64_t us_sum)
{
    const char *comma = label.size > 0 ? "," : "", *open = label.size > 0 ? "{" : "",
               *close = label.size > 0 ? "}" : "";
    uint64_t sum = 0;
    for (unsigned i = 0; i + 1 < count; i++) {
        sum += buckets[i];
        buf_printf(buf, "%s_bucket{%.*s%sle=\"%.6f\"} %llu\n", name, STR_ARG(label), comma,
            (double)(UINT64_C(1) << (i + FIRST_BOUND_BITS)) / 1e6, (unsigned long long)sum);
    }
    sum += buckets[count - 1];
    buf_printf(
        buf, "%s_bucket{%.*s%sle=\"+Inf\"} %llu\n", name, STR_ARG(label), comma, (unsigned long long)sum);
    buf_printf(buf, "%s_sum%s%.*s%s %.6f\n", name, open, STR_ARG(label), close, (double)us_sum / 1e6);
    buf_printf(buf, "%s_count%s%.*s%s %llu\n", name, open, STR_ARG(label), close, (unsigned long long)sum);
}
