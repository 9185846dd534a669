/* A file of test cases, NAME.test.yaml (docs/playbooks.md, "Tests"), read and checked; what runs them is
 * suite_run.h. */
#ifndef TOCSIN_SUITE_H
#define TOCSIN_SUITE_H

#include "base/clock.h"
#include "base/value.h"
#include "playbook/diagnostic.h"

struct suite_case {
    struct str name;
    uint32_t line;
    struct str event_file; /* as the program opens it; empty: none */
    struct value event; /* written in the test itself; null: none */
    struct str source;
    struct value inputs; /* map or null */
    struct value mocks, answers; /* maps or null */
    struct instant now; /* where the clock starts; us 0: the default */
    struct value expect; /* map */
};

struct suite {
    struct str path;
    struct str folder; /* that the file is in, without a slash at the end; "." when it has none */
    struct str playbook; /* name */
    struct suite_case *cases;
    uint32_t count;
};

/* Everything in `arena`. Faults are added to `found` with their places. ERR_INVALID when there was an error.
 */
FALLIBLE suite_parse(struct arena *arena, const char *path, struct str text, struct diagnostics *found,
    struct suite *ret, struct err_info *why);

#endif
