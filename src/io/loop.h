/* One thread's event loop: timers, posted jobs. A seam: production is libuv (loop_uv.c), the simulator
 * brings its own ops. Everything but loop_post belongs to the loop's own thread. */
#ifndef TOCSIN_IO_LOOP_H
#define TOCSIN_IO_LOOP_H

#include "base/clock.h"
#include "base/err.h"

struct loop;

/* Something to do on a loop's thread. Owned by whoever posts it; may be reused or freed once `run` was
 * called. */
struct loop_job {
    void (*run)(struct loop_job *job);
    struct loop_job *next; /* the loop's while queued */
};

/* Embedded in what it wakes. Not armed after `{ 0 }`. */
struct loop_timer {
    void (*fire)(struct loop_timer *timer);
    struct instant due;
    void *state[6]; /* the loop's */
    bool is_armed;
};

struct loop_ops {
    /* Never fails: queues are intrusive. Jobs of one thread run in the order posted. After loop_stop
     * posted jobs no longer run. */
    void (*post)(struct loop *loop, struct loop_job *job);
    /* Arms or re-arms: wakes once, at or after `due`, never early. */
    void (*timer_start)(struct loop *loop, struct loop_timer *timer, struct instant due);
    void (*timer_stop)(struct loop *loop, struct loop_timer *timer);
    void (*run)(struct loop *loop); /* until stop */
    void (*stop)(struct loop *loop); /* from any thread */
    bool (*drain)(struct loop *loop);
    void (*free)(struct loop *loop);
};

struct loop {
    const struct loop_ops *ops;
    struct clock *clock;
};

FALLIBLE loop_new(struct clock *clock, struct loop **ret, struct err_info *why);
static inline void loop_post(struct loop *loop, struct loop_job *job)
{
    loop->ops->post(loop, job);
}
static inline void loop_timer_start(struct loop *loop, struct loop_timer *timer, struct instant due)
{
    loop->ops->timer_start(loop, timer, due);
}
static inline void loop_timer_stop(struct loop *loop, struct loop_timer *timer)
{
    loop->ops->timer_stop(loop, timer);
}
static inline void loop_run(struct loop *loop)
{
    loop->ops->run(loop);
}
static inline void loop_stop(struct loop *loop)
{
    loop->ops->stop(loop);
}
/* Runs what is posted, and what that posts; no timers, no I/O. For whoever ends a loop that runs no more, so
 * that nothing is left behind. False when there was nothing. */
static inline bool loop_drain(struct loop *loop)
{
    return loop->ops->drain(loop);
}
static inline void loop_free(struct loop *loop)
{
    if (loop)
        loop->ops->free(loop);
}
static inline struct instant loop_now(struct loop *loop)
{
    return clock_now(loop->clock);
}

#endif
