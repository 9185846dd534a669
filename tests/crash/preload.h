/* Libraries that a test puts before the C library with LD_PRELOAD, so that the program under test needs no
 * code for tests. What they share: which files are of interest, and the real functions behind theirs. */
#ifndef TOCSIN_TESTS_CRASH_PRELOAD_H
#define TOCSIN_TESTS_CRASH_PRELOAD_H

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REAL(type, name) ((type)preload_real(name))

static inline void *preload_real(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

/* The path that a descriptor was opened by; empty when it is no file. */
static inline void preload_path(int fd, char *ret, size_t size)
{
    char link[64];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t got = readlink(link, ret, size - 1);
    ret[got > 0 ? got : 0] = '\0';
}

static inline bool preload_ends(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);
    return size >= end_size && !strcmp(text + size - end_size, end);
}

#endif
