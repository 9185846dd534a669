/* Two texts as a diff by lines, in the unified format without its head. */
#ifndef TOCSIN_LINE_DIFF_H
#define TOCSIN_LINE_DIFF_H

#include "base/buf.h"

/* Nothing when they are the same. ERR_MEMORY. */
FALLIBLE line_diff_print(
    struct buf *buf, struct str before, struct str after, bool has_colours, struct err_info *why);

#endif
