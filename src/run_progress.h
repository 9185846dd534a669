/* What `tocsin run` shows: a line for each step as it ends, then the result. */
#ifndef TOCSIN_RUN_PROGRESS_H
#define TOCSIN_RUN_PROGRESS_H

#include "engine/engine.h"
#include "table.h"

struct progress {
    bool has_colours;
    struct id run; /* the first that started; steps of others carry their playbook's name */
};
void progress_init(struct progress *progress);
/* engine_options.observe, with the struct progress as its context. */
void progress_observe(void *progress, const struct engine_observation *observation);
/* `run` as run_show gives it: how it ended, its output, what was recorded and not done. */
void progress_print_end(struct buf *buf, struct value run, bool has_colours);

#endif
