/* Stands in for base/memory.c: include it in one test program and the Nth allocation from now on fails.
 * Everything else goes to the C library. */
#ifndef TOCSIN_TESTS_MEMORY_FAULTS_H
#define TOCSIN_TESTS_MEMORY_FAULTS_H

#include <stdbool.h>
#include <stdlib.h>

#include "base/memory.h"

static long memory_faults_left = -1; /* allocations that still work; below zero: all do */

static bool memory_faults_now(void)
{
    if (memory_faults_left < 0)
        return false;
    if (memory_faults_left == 0)
        return true; /* and all later ones too, as when memory is really used up */
    memory_faults_left--;
    return false;
}

void *memory_alloc(size_t size)
{
    return memory_faults_now() ? NULL : malloc(size);
}

void *memory_realloc(void *old, size_t size)
{
    return memory_faults_now() ? NULL : realloc(old, size);
}

void memory_free(void *old)
{
    free(old);
}

#endif
