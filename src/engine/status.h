/* The phases of runs and steps: names, and which move may follow which. `engine.h` has the enums. */
#ifndef TOCSIN_ENGINE_STATUS_H
#define TOCSIN_ENGINE_STATUS_H

#include "base/str.h"
#include "engine/engine.h"

bool run_status_is_end(enum run_status status);
bool run_status_can_move(enum run_status from, enum run_status to);
/* Asserts that the move is allowed. The same status is always fine. */
void run_status_move(enum run_status *status, enum run_status to);
bool run_status_parse(struct str text, enum run_status *ret);

bool step_status_is_end(enum step_status status);
bool step_status_can_move(enum step_status from, enum step_status to);

#endif
