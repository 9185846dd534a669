/* The keys of a test file (playbook/shape.h): its reader's and its JSON Schema's. */
#ifndef TOCSIN_SUITE_SHAPE_H
#define TOCSIN_SUITE_SHAPE_H

#include "playbook/shape.h"

extern const struct shape shape_suite, shape_suite_case, shape_expect;

#endif
