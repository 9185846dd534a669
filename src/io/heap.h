/* For files of this folder: zeroed objects from base/memory.h, so that tests can refuse any of them. */
#ifndef TOCSIN_IO_HEAP_H
#define TOCSIN_IO_HEAP_H

#include <string.h>

#include "base/memory.h"

static inline void *heap_zeroed(size_t size)
{
    void *object = memory_alloc(size);
    if (object)
        memset(object, 0, size);
    return object;
}

#endif
