/* Regular expressions that an evaluation meets. Constant ones are compiled with the program; the last
 * other one is kept, since a loop mostly uses one. */
#ifndef TOCSIN_EXPR_PATTERN_H
#define TOCSIN_EXPR_PATTERN_H

#include "expr/call.h"
#include "expr/regex.h"

/* Borrowed until the next call. ERR_INVALID when the pattern is wrong. */
FALLIBLE pattern_get(struct call *call, struct str pattern, const struct regex **ret);
/* For a search through so many bytes. Time is linear in them, and in the pattern's size too when its
 * automaton does not fit into memory: then each byte is held against every state. */
FALLIBLE pattern_charge(struct call *call, const struct regex *regex, size_t bytes);
/* For one of many searches, in front of which `bytes` are left: it may read them all, to tell whether the
 * match goes on, but mostly ends at the match. Cheap for small patterns, so that many short matches in a long
 * text stay affordable. */
FALLIBLE pattern_charge_rest(struct call *call, const struct regex *regex, size_t bytes);

#endif
