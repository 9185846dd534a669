/* Runs that ended long ago are forgotten: retention. */
#ifndef TOCSIN_ENGINE_RUN_TRIM_H
#define TOCSIN_ENGINE_RUN_TRIM_H

#include "store/store.h"

/* Deletes at most `limit` runs that ended before `before`, with their journals, tasks and containments; one
 * whose containment still stands stays. Inside a commit of the housekeeping; `*ret_has_more`: call again
 * soon. */
FALLIBLE runs_trim(
    struct store_conn *conn, struct instant before, uint32_t limit, bool *ret_has_more, struct err_info *why);

#endif
