/* What must hold for every input: the fuzzer keeps one for which it does not. */
#ifndef TOCSIN_FUZZ_REQUIRE_H
#define TOCSIN_FUZZ_REQUIRE_H

#include <stdbool.h>
#include <stdlib.h>

static inline void require(bool holds)
{
    if (!holds)
        abort();
}

#endif
