/* Counters by label: events accepted by source, requests rejected by reason. Thread-safe. */
#ifndef TOCSIN_INGEST_COUNTS_H
#define TOCSIN_INGEST_COUNTS_H

#include <pthread.h>

#include "base/limits.h"
#include "ingest/ingest.h"

struct counter {
    char label[SOURCE_NAME_BYTES_MAX + 1];
    uint64_t count;
};
/* One more than have a label of their own: "other". */
struct counter_list {
    struct counter items[INGEST_LABELS_MAX + 1];
    uint32_t count;
};

struct counts {
    pthread_mutex_t mutex;
    struct counter_list accepted, rejected;
};

FALLIBLE counts_init(struct counts *counts, struct err_info *why);
void counts_done(struct counts *counts);
/* The label is cut at SOURCE_NAME_BYTES_MAX. */
void counts_add(struct counts *counts, bool is_accepted, struct str label, uint64_t count);
void counts_visit(struct counts *counts, ingest_metric_visit *visit, void *context);

#endif
