/* What a test expects against what happened: values match by parts, and a difference is told so that a person
 * sees it at once. */
#ifndef TOCSIN_EXPECTATION_H
#define TOCSIN_EXPECTATION_H

#include "base/buf.h"
#include "base/value.h"

/* One line to `diff` for each difference, "  output.score: expected 93, got 12". A map need only have what is
 * expected of it; lists match item by item. True when there was none. */
bool expectation_value(struct buf *diff, const char *what, struct value expected, struct value actual);
/* Two lists of texts, shown as a diff with their common parts in place. True when they are the same. */
bool expectation_path(struct buf *diff, const char *what, struct value expected, struct value actual);

#endif
