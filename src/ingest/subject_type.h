/* The types of `alert` and `case` in playbooks, for the linter: what mappings may set (ocsf.h) and what the
 * server itself keeps (cases/alert.h, cases/case.h). */
#ifndef TOCSIN_INGEST_SUBJECT_TYPE_H
#define TOCSIN_INGEST_SUBJECT_TYPE_H

#include "expr/type.h"

/* Built from the table of fields; lives in the arena. ERR_MEMORY. */
FALLIBLE subject_type_alert(struct arena *arena, const struct type **ret, struct err_info *why);
extern const struct type subject_type_case;

#endif
