/* Runs a test case in a world of its own: mocks answer, time is virtual, people answer as the case says. */
#ifndef TOCSIN_SUITE_RUN_H
#define TOCSIN_SUITE_RUN_H

#include "base/buf.h"
#include "coverage.h"
#include "library.h"
#include "suite.h"

struct suite_run {
    struct library *library;
    const struct suite *suite;
    struct str playbook_file, playbook_text;
    struct coverage *coverage; /* NULL: not wanted */
};
/* Finds the playbook of the suite: beside its file, as NAME.yaml, else in the library. ERR_NOT_FOUND. Texts
 * in `arena`. */
FALLIBLE suite_run_init(struct suite_run *run, struct library *library, const struct suite *suite,
    struct arena *arena, struct err_info *why);

/* What differs is appended to `diff`, lines ended by '\n'; a case that can't be run (a mock of an action that
 * does not exist, a playbook with faults) differs too. Errors: ERR_MEMORY. */
FALLIBLE suite_run_case(const struct suite_run *run, const struct suite_case *its, struct buf *diff,
    bool *ret_is_good, struct err_info *why);

#endif
