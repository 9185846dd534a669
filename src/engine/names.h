/* What expressions of a playbook see while a run is at some frame: event, alert, case, inputs, vars, steps,
 * run, now, it, and the names of the loops around (playbook.h, enum scope_slot). */
#ifndef TOCSIN_ENGINE_NAMES_H
#define TOCSIN_ENGINE_NAMES_H

#include "engine/run.h"

struct names {
    struct expr_activation activation;
    struct run *run;
    const struct frame *frame; /* NULL: outside any block */
    const struct value *it; /* NULL: no such name here */
    enum err failed; /* a name's value could not be made: there was no memory */
};
void names_init(struct names *names, struct run *run, const struct frame *frame);

/* Results live in the run's arena. Errors of expr_eval. */
FALLIBLE names_eval(struct names *names, const struct expr *expr, struct value *ret, struct err_info *why);
/* ERR_INVALID when the result is no bool. */
FALLIBLE names_test(struct names *names, const struct expr *expr, bool *ret, struct err_info *why);
/* `template` NULL gives null. */
FALLIBLE names_fill(
    struct names *names, const struct template *template, struct value *ret, struct err_info *why);

/* The error as steps show it: {code, message, retryable, step}. */
FALLIBLE error_value(struct arena *arena, struct str code, struct str message, bool is_retryable,
    struct str step, struct value *ret, struct err_info *why);

#endif
