/* Faults as lines, as JSON, as SARIF (the OASIS standard, version 2.1.0) for code hosts and editors. */
#ifndef TOCSIN_LINT_REPORT_H
#define TOCSIN_LINT_REPORT_H

#include "lint_files.h"

enum lint_format { LINT_AS_LINES, LINT_AS_JSON, LINT_AS_SARIF };

/* `set` has the texts of the files that the faults stand in. */
void lint_report(
    struct buf *out, enum lint_format format, const struct lint_set *set, const struct diagnostics *found);

#endif
