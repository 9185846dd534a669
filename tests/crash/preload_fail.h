#ifndef TOCSIN_TESTS_CRASH_PRELOAD_FAIL_H
#define TOCSIN_TESTS_CRASH_PRELOAD_FAIL_H

#include "preload.h"

/* Counts an allocation of the program's; true for the one that is to fail. */
bool preload_alloc_fails(void);

#endif
