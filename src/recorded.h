/* What a run did, taken from what run_show tells of it: which answers its calls got, what people said, which
 * steps ran. So a run can be played again: as a test case, or by a changed playbook. */
#ifndef TOCSIN_RECORDED_H
#define TOCSIN_RECORDED_H

#include "base/value.h"

struct recorded {
    struct arena *arena;
    struct value mocks; /* action → list of {output} or {error}, as `mocks:` of a test */
    struct value calls; /* action → list of parameters */
    struct value answers; /* step → list of {choice} or {form} */
    struct value path; /* ids of the steps that ran, those that the author gave */
    struct value numbers; /* of cases that the run opened */
};
/* Calls of actions that are real in tests too (case.*, alert.*, log.write, transform.jq) are left out. In
 * `arena`. */
FALLIBLE recorded_take(struct arena *arena, struct value run, struct recorded *ret, struct err_info *why);

/* Without what differs from run to run: ids, and the numbers of cases that the run opened. */
FALLIBLE recorded_lasting(
    const struct recorded *recorded, struct value v, struct value *ret, struct err_info *why);
/* Whether the value is of that kind itself. */
bool recorded_is_fresh(const struct recorded *recorded, struct value v);

#endif
