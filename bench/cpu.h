/* Processor time of this process so far, in microseconds. */
#ifndef TOCSIN_BENCH_CPU_H
#define TOCSIN_BENCH_CPU_H

#include <sys/resource.h>

static inline double cpu_us(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
        (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

#endif
