#include "base/memory.h"

#include <stdlib.h>

void *memory_alloc(size_t size)
{
    return malloc(size);
}

void *memory_realloc(void *old, size_t size)
{
    return realloc(old, size);
}

void memory_free(void *old)
{
    free(old);
}
