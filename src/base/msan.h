/* MemorySanitizer does not see what libraries write that were built without it: it is told so where they have
 * written. Without it this is nothing. */
#ifndef TOCSIN_BASE_MSAN_H
#define TOCSIN_BASE_MSAN_H

#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#define TOCSIN_HAS_MSAN 1
#endif
#endif

#ifdef TOCSIN_HAS_MSAN
#include <sanitizer/msan_interface.h>
#define msan_is_written(bytes, size) __msan_unpoison(bytes, size)
#else
#define msan_is_written(bytes, size) ((void)0)
#endif

#endif
