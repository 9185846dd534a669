/* What faults.c and reads.c share. */
#ifndef TOCSIN_TESTS_FAULTS_H
#define TOCSIN_TESTS_FAULTS_H

#include "places.h"
#include "scenario.h"

/* SQLite's code with which the statement of that number fails: by turns. */
int scenario_want_code(long number);
/* Whether an error tells of it, or of the want of memory. */
bool scenario_want_is_said(enum fault_kind kind, enum err result, const struct err_info *why);

/* Of a scenario that has been played: all that can be read. Deviations become its faults. */
void scenario_read_disturbed(struct played *played, enum fault_kind kind);

#endif
