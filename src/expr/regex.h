/* RE2 behind C. A compiled pattern may be used by many threads at once; matching takes time linear in
 * the text. Memory of one pattern and its automata is bounded. */
#ifndef TOCSIN_EXPR_REGEX_H
#define TOCSIN_EXPR_REGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#ifdef __cplusplus
extern "C" {
#endif

struct regex;

#define REGEX_GROUPS_MAX 16

/* NULL when the pattern is wrong or too large; then what is wrong stands in `error`. */
struct regex *regex_new(struct str pattern, char *error, size_t error_size);
void regex_free(struct regex *regex);
/* Whether a part of the text matches. */
bool regex_matches(const struct regex *regex, struct str text);
/* Groups of the pattern, the whole match not counted. */
int regex_group_count(const struct regex *regex);
/* The first match at or after `from`: `groups[0]` is the whole, groups that took no part have NULL
 * data. At most `count` groups are filled. */
bool regex_find(const struct regex *regex, struct str text, size_t from, struct str *groups, int count);
/* Units of cost to compile, a measure of the automaton's size. */
uint64_t regex_size(const struct regex *regex);

#ifdef __cplusplus
}
#endif

#endif
