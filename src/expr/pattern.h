/* Regular expressions that an evaluation meets. Constant ones are compiled with the program; the last
 * other one is kept, since a loop mostly uses one. */
#ifndef TOCSIN_EXPR_PATTERN_H
#define TOCSIN_EXPR_PATTERN_H

#include "expr/call.h"
#include "expr/regex.h"

/* Borrowed until the next call. ERR_INVALID when the pattern is wrong. */
FALLIBLE pattern_get(struct call *call, struct str pattern, const struct regex **ret);

#endif
