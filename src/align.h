/* Aligns two sequences by their longest common part: the middle of every diff. */
#ifndef TOCSIN_ALIGN_H
#define TOCSIN_ALIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum edit { EDIT_SAME, EDIT_REMOVED, EDIT_ADDED };

struct alignment {
    uint32_t before_count, after_count;
    bool (*is_same)(const void *context, uint32_t before, uint32_t after);
    /* In order; `before` counts for SAME and REMOVED, `after` for SAME and ADDED. */
    void (*emit)(void *context, enum edit edit, uint32_t before, uint32_t after);
    void *context;
};

#define ALIGN_CELLS_MAX (16u << 20) /* past it the middle is told as all removed, then all added */

/* Memory for the differing middle alone, two bytes a cell. ERR_MEMORY. */
FALLIBLE align_run(const struct alignment *alignment, struct err_info *why);

#endif
