/* Runs that begin without an event: started by somebody, or the undo of a containment. */
#ifndef TOCSIN_ENGINE_BEGIN_H
#define TOCSIN_ENGINE_BEGIN_H

#include "engine/engine_impl.h"

/* One run about to begin, on its shard. Owned by itself: it ends with the reply. */
struct begin_op {
    struct op_link link;
    struct loop_job job;
    struct shard *shard;
    struct arena arena; /* holds what was asked for */
    struct engine_start_request request;
    struct run_commit commit;
    struct engine_reply *reply; /* NULL: nobody asks */
    struct str actor;
    /* The undo of a containment: that it begins, in the same commit; and the task whose answer asked for it.
     */
    struct id lease, task;
    struct value answer;
    bool is_undo;
};
/* NULL without memory. */
struct begin_op *begin_new(struct shard *shard, struct engine_reply *reply);
/* On the shard. Takes over the reference to `version`. */
void begin_go(struct begin_op *begin, struct playbook_version *version, const struct creation *creation);
void begin_fail(struct begin_op *begin, enum err result, const struct err_info *why);
struct shard *engine_any_shard(struct engine *engine);

#endif
