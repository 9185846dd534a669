/* The phases of runs: which are an end, and which move may follow which. `engine.h` has the enums, and the
 * names. */
#ifndef TOCSIN_ENGINE_STATUS_H
#define TOCSIN_ENGINE_STATUS_H

#include "base/str.h"
#include "engine/engine.h"

bool run_status_is_end(enum run_status status);
/* The same status is always fine. */
bool run_status_can_move(enum run_status from, enum run_status to);
bool run_status_parse(struct str text, enum run_status *ret);

#endif
