/* What products call how bad a thing is, as OCSF's severity. */
#ifndef TOCSIN_INGEST_GRADE_H
#define TOCSIN_INGEST_GRADE_H

#include "base/value.h"
#include "cases/alert.h"

enum grade_scale {
    GRADE_OCSF, /* severity_id; 99 Other becomes Unknown */
    GRADE_RISING, /* 0 to 10 as in CVSS, or 0 to 100 */
    GRADE_PRIORITY, /* 1 is the worst: 1 to 5 */
};

/* A word in any language of logs ("crit", "warning", "P1"), or a number on the scale. False when it says
 * nothing. */
bool grade_parse(struct value v, enum grade_scale scale, enum severity *ret);

#endif
