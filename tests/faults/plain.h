/* Put before a test that meets refused allocations: its own are never refused, it does not look at them. */
#ifndef TOCSIN_TESTS_PLAIN_H
#define TOCSIN_TESTS_PLAIN_H

#include <stdlib.h>
#include <string.h>

void *plain_malloc(size_t size);
void *plain_calloc(size_t count, size_t size);
void *plain_realloc(void *old, size_t size);
char *plain_strdup(const char *text);

#undef strdup
#define malloc(size) plain_malloc(size)
#define calloc(count, size) plain_calloc(count, size)
#define realloc(old, size) plain_realloc(old, size)
#define strdup(text) plain_strdup(text)

#endif
