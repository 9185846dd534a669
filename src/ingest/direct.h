/* An intake that records events and starts no runs: each ends as no_trigger, merged or suppressed. For tests,
 * benches and commands that only fill a store. */
#ifndef TOCSIN_INGEST_DIRECT_H
#define TOCSIN_INGEST_DIRECT_H

#include "ingest/intake.h"

struct direct_intake {
    struct intake intake;
    struct store *store;
};
void direct_intake_init(struct direct_intake *direct, struct store *store);

#endif
