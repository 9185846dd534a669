/* Runs that begin without an event: started by somebody, by a schedule, by a change of a case, or the undo of
 * a containment. */
#ifndef TOCSIN_ENGINE_BEGIN_H
#define TOCSIN_ENGINE_BEGIN_H

#include "engine/engine_impl.h"

/* A time that a schedule has come to. Texts live in the begin_op's arena. */
struct schedule_tick {
    int64_t tenant, playbook;
    struct str cron, timezone;
    struct instant due, next;
};

/* A case that has changed, by its entry in the outbox. */
struct case_tick {
    int64_t tenant, playbook;
    uint64_t seq;
};

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
    /* What becomes true in the same commit, before the run: ERR_CONFLICT when somebody was first. NULL:
     * nothing.
     */
    enum err (*join)(struct begin_op *begin, struct store_conn *conn, struct err_info *why);
    struct schedule_tick schedule;
    struct case_tick change;
    bool is_triggered; /* inputs that do not fit are the run's failure, there is nobody to be told */
};
/* NULL without memory. */
struct begin_op *begin_new(struct shard *shard, struct engine_reply *reply);
/* Without a word to anybody. NULL is well. */
void begin_free(struct begin_op *begin);
/* On the shard. Takes over the reference to `version`. */
void begin_go(struct begin_op *begin, struct playbook_version *version, const struct creation *creation);
/* `request` is copied; then its run begins on the shard. Owned by the callee. */
void begin_post(struct begin_op *begin, const struct engine_start_request *request);
void begin_fail(struct begin_op *begin, enum err result, const struct err_info *why);

#endif
