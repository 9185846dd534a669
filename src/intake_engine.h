/* Joins ingest to the engine, neither of which may include the other: a batch of events becomes an offer, and
 * both are one commit. */
#ifndef TOCSIN_INTAKE_ENGINE_H
#define TOCSIN_INTAKE_ENGINE_H

#include "engine/engine.h"
#include "ingest/intake.h"

struct intake_engine {
    struct intake intake; /* for ingest_options */
    struct engine *engine; /* outlives every batch */
};
void intake_engine_init(struct intake_engine *intake, struct engine *engine);

#endif
