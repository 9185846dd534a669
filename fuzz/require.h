/* What must hold for every input: the fuzzer keeps one for which it does not. */
#ifndef TOCSIN_FUZZ_REQUIRE_H
#define TOCSIN_FUZZ_REQUIRE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* Compilers make one place of all calls of abort() in a function, so the place is said. */
#define require(holds) require_at((holds), #holds, __FILE__, __LINE__)
static inline void require_at(bool holds, const char *what, const char *file, int line)
{
    if (holds)
        return;
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

#endif
