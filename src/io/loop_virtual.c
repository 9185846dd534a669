#include "io/loop_virtual.h"

#include <assert.h>

#include "io/heap.h"
#include "io/timer_heap.h"

struct loop_virtual {
    struct loop loop;
    struct clock_manual *clock;
    struct timer_heap timers;
    struct loop_job *first, **end;
    bool is_stopping;
};

static const struct loop_ops loop_virtual_ops;

static struct loop_virtual *loop_virtual_of(struct loop *loop)
{
    assert(loop->ops == &loop_virtual_ops);
    return (struct loop_virtual *)loop;
}

static void loop_virtual_post(struct loop *loop, struct loop_job *job)
{
    struct loop_virtual *self = loop_virtual_of(loop);
    job->next = NULL;
    *self->end = job;
    self->end = &job->next;
}

static void loop_virtual_timer_stop(struct loop *loop, struct loop_timer *timer)
{
    if (timer->is_armed)
        timer_heap_remove(&loop_virtual_of(loop)->timers, timer);
}

static void loop_virtual_timer_start(struct loop *loop, struct loop_timer *timer, struct instant due)
{
    loop_virtual_timer_stop(loop, timer);
    timer->due = due;
    timer_heap_add(&loop_virtual_of(loop)->timers, timer);
}

static void loop_virtual_run(struct loop *loop)
{
    struct loop_virtual *self = loop_virtual_of(loop);
    while (!self->is_stopping && loop_virtual_step(loop)) {
    }
    self->is_stopping = false;
}

static void loop_virtual_stop(struct loop *loop)
{
    loop_virtual_of(loop)->is_stopping = true;
}

static bool loop_virtual_drain(struct loop *loop)
{
    bool had_any = false;
    while (loop_virtual_step_job(loop))
        had_any = true;
    return had_any;
}

static void loop_virtual_free(struct loop *loop)
{
    memory_free(loop_virtual_of(loop));
}

static const struct loop_ops loop_virtual_ops = {
    .post = loop_virtual_post,
    .timer_start = loop_virtual_timer_start,
    .timer_stop = loop_virtual_timer_stop,
    .run = loop_virtual_run,
    .stop = loop_virtual_stop,
    .drain = loop_virtual_drain,
    .free = loop_virtual_free,
};

enum err loop_virtual_new(struct clock_manual *clock, struct loop **ret, struct err_info *why)
{
    struct loop_virtual *self = heap_zeroed(sizeof(*self));
    if (!self)
        return err_memory(why);
    self->loop = (struct loop){ .ops = &loop_virtual_ops, .clock = &clock->clock };
    self->clock = clock;
    self->end = &self->first;
    *ret = &self->loop;
    return ERR_OK;
}

/* ---- stepping ---- */

bool loop_virtual_step_job(struct loop *loop)
{
    struct loop_virtual *self = loop_virtual_of(loop);
    struct loop_job *job = self->first;
    if (!job)
        return false;
    self->first = job->next;
    if (!self->first)
        self->end = &self->first;
    job->run(job);
    return true;
}

static bool fire_next(struct loop_virtual *self, struct instant until)
{
    struct loop_timer *timer = self->timers.first;
    if (!timer || timer->due.us > until.us)
        return false;
    if (timer->due.us > self->clock->at.us)
        clock_manual_advance(self->clock, timer->due.us - self->clock->at.us);
    timer_heap_remove(&self->timers, timer);
    timer->fire(timer);
    return true;
}

bool loop_virtual_step(struct loop *loop)
{
    return loop_virtual_step_job(loop) || fire_next(loop_virtual_of(loop), INSTANT_NEVER);
}

bool loop_virtual_run_until(
    struct loop *loop, bool (*is_reached)(void *context), void *context, struct instant until)
{
    while (!is_reached(context)) {
        if (!loop_virtual_step_job(loop) && !fire_next(loop_virtual_of(loop), until))
            return false;
    }
    return true;
}

void loop_virtual_run_to(struct loop *loop, struct instant at)
{
    struct loop_virtual *self = loop_virtual_of(loop);
    while (loop_virtual_step_job(loop) || fire_next(self, at)) {
    }
    if (at.us > self->clock->at.us)
        clock_manual_advance(self->clock, at.us - self->clock->at.us);
}
