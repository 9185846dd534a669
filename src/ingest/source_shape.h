/* The keys of a source's file (playbook/shape.h): its reader's and its JSON Schema's. */
#ifndef TOCSIN_INGEST_SOURCE_SHAPE_H
#define TOCSIN_INGEST_SOURCE_SHAPE_H

#include "playbook/schema.h"

extern const struct shape shape_source, shape_product, shape_severity, shape_observable, shape_hmac;

#endif
