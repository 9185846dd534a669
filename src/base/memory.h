/* The one door to the heap for arenas and buffers. memory.c holds nothing else, so a test program that
 * defines these three functions itself replaces them at link time and can refuse the Nth allocation
 * (tests/unit/memory_faults.h). */
#ifndef TOCSIN_BASE_MEMORY_H
#define TOCSIN_BASE_MEMORY_H

#include <stddef.h>

/* Like malloc, realloc and free; NULL when there is no memory. memory_free(NULL) is fine. What
 * memory_alloc gave may be freed with free(3). */
void *memory_alloc(size_t size) __attribute__((malloc, warn_unused_result));
void *memory_realloc(void *old, size_t size) __attribute__((warn_unused_result));
void memory_free(void *old);

#endif
