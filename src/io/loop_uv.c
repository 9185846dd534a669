#include "io/loop_uv.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "io/heap.h"
#include "io/timer_heap.h"

#define TIMERS_PER_TURN_MAX 10000
#define CLOSE_TURNS_MAX 16
#define FAR_SECONDS INT64_C(9000000000) /* the year 2255: near the end of the kernel's clock */

struct loop_uv {
    struct loop loop;
    uv_loop_t uv;
    uv_async_t wake;
    uv_timer_t alarm; /* for the earliest of `timers` */
    uv_poll_t clock_change; /* on clock_change_fd */
    int clock_change_fd;
    struct timer_heap timers;
    _Atomic(struct loop_job *) posted; /* newest first */
    struct loop_job *ready; /* oldest first; the loop's thread only */
    atomic_bool is_stopping;
};

static const struct loop_ops loop_uv_ops;

static struct loop_uv *loop_uv_of(struct loop *loop)
{
    assert(loop->ops == &loop_uv_ops);
    return (struct loop_uv *)loop;
}

uv_loop_t *loop_uv(struct loop *loop)
{
    return &loop_uv_of(loop)->uv;
}

enum err err_uv(struct err_info *why, int status, const char *doing)
{
    if (status == UV_ENOMEM)
        return err_memory(why);
    return err_errno(why, -status, doing);
}

/* Jobs: a stack that any thread pushes to and the loop takes whole, then turns round. */

static void loop_uv_post(struct loop *loop, struct loop_job *job)
{
    struct loop_uv *self = loop_uv_of(loop);
    struct loop_job *newest = atomic_load_explicit(&self->posted, memory_order_relaxed);
    do {
        job->next = newest;
    } while (!atomic_compare_exchange_weak_explicit(
        &self->posted, &newest, job, memory_order_release, memory_order_relaxed));
    /* Who found the stack empty wakes the loop; the others ride along. */
    if (!newest)
        (void)uv_async_send(&self->wake); /* cannot fail on an open handle */
}

static void loop_uv_take_posted(struct loop_uv *self)
{
    struct loop_job *job = atomic_exchange_explicit(&self->posted, NULL, memory_order_acquire);
    struct loop_job *oldest = NULL;
    while (job) {
        struct loop_job *next = job->next;
        job->next = oldest;
        oldest = job;
        job = next;
    }
    struct loop_job **end = &self->ready;
    while (*end)
        end = &(*end)->next;
    *end = oldest;
}

/* One batch: jobs that are posted meanwhile wait for the next turn, so that I/O and timers get theirs. */
static void loop_uv_run_jobs(struct loop_uv *self)
{
    loop_uv_take_posted(self);
    while (self->ready && !atomic_load_explicit(&self->is_stopping, memory_order_acquire)) {
        struct loop_job *job = self->ready;
        self->ready = job->next;
        job->run(job);
    }
}

static void loop_uv_on_wake(uv_async_t *wake)
{
    struct loop_uv *self = wake->data;
    loop_uv_run_jobs(self);
    if (atomic_load_explicit(&self->is_stopping, memory_order_acquire))
        uv_stop(&self->uv);
}

/* Timers: one uv timer stands for the earliest of the heap. */

static void loop_uv_on_alarm(uv_timer_t *alarm);

/* Waits `least_ms` at the least. Inside the alarm itself that must not be 0: libuv takes every timer that is
 * due before it looks at anything else, so an alarm that is due again at once would never let go, not even to
 * stop. */
static void loop_uv_set_alarm(struct loop_uv *self, uint64_t least_ms)
{
    const struct loop_timer *first = self->timers.first;
    if (!first) {
        (void)uv_timer_stop(&self->alarm); /* never fails */
        return;
    }
    int64_t now_us = loop_now(&self->loop).us;
    uint64_t wait_ms = 0;
    if (first->due.us > now_us) /* rounded up: never early */
        wait_ms = ((uint64_t)first->due.us - (uint64_t)now_us + 999) / 1000;
    if (wait_ms < least_ms)
        wait_ms = least_ms;
    uv_update_time(&self->uv);
    (void)uv_timer_start(&self->alarm, loop_uv_on_alarm, wait_ms, 0); /* fails only when closing */
}

/* The wall clock may have been set back since the alarm was set: then nothing is due. A timer that re-arms
 * itself for now must not hold up the loop, hence the budget. */
static void loop_uv_on_alarm(uv_timer_t *alarm)
{
    struct loop_uv *self = alarm->data;
    int64_t now_us = loop_now(&self->loop).us;
    for (unsigned fired = 0; fired < TIMERS_PER_TURN_MAX; fired++) {
        struct loop_timer *timer = self->timers.first;
        if (!timer || timer->due.us > now_us ||
            atomic_load_explicit(&self->is_stopping, memory_order_acquire))
            break;
        timer_heap_remove(&self->timers, timer);
        timer->fire(timer);
    }
    loop_uv_set_alarm(self, 1);
}

static void loop_uv_timer_stop(struct loop *loop, struct loop_timer *timer)
{
    /* The alarm is left as it is: waking once for nothing is cheaper than re-arming at each stop. */
    if (timer->is_armed)
        timer_heap_remove(&loop_uv_of(loop)->timers, timer);
}

static void loop_uv_timer_start(struct loop *loop, struct loop_timer *timer, struct instant due)
{
    struct loop_uv *self = loop_uv_of(loop);
    loop_uv_timer_stop(loop, timer);
    timer->due = due;
    timer_heap_add(&self->timers, timer);
    if (self->timers.first == timer)
        loop_uv_set_alarm(self, 0);
}

/* Timers are wall times and the alarm counts monotonic ones: when someone sets the clock, or the machine
 * slept, the kernel says so here and the alarm is computed anew. */
static FALLIBLE loop_uv_watch_clock(struct loop_uv *self, struct err_info *why)
{
    struct itimerspec far = { .it_value = { .tv_sec = FAR_SECONDS } };
    int flags = TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET;
    if (timerfd_settime(self->clock_change_fd, flags, &far, NULL) < 0 && errno != ECANCELED)
        return err_errno(why, errno, "watch the system's clock");
    return ERR_OK;
}

static void loop_uv_on_clock_change(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct loop_uv *self = poll->data;
    uint64_t expirations;
    (void)!read(self->clock_change_fd, &expirations, sizeof expirations); /* ECANCELED is the news */
    if (loop_uv_watch_clock(self, NULL) != ERR_OK)
        (void)uv_poll_stop(poll); /* better no watch than a busy loop */
    loop_uv_set_alarm(self, 0);
}

static void loop_uv_run(struct loop *loop)
{
    struct loop_uv *self = loop_uv_of(loop);
    sigset_t pipe_signal;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &pipe_signal, NULL); /* fails only on a bad first argument */
    loop_uv_run_jobs(self); /* what an earlier stop left */
    while (!atomic_load_explicit(&self->is_stopping, memory_order_acquire))
        (void)uv_run(&self->uv, UV_RUN_DEFAULT); /* whether handles are left; the wake handle always is */
    atomic_store_explicit(&self->is_stopping, false, memory_order_release);
}

static void loop_uv_stop(struct loop *loop)
{
    struct loop_uv *self = loop_uv_of(loop);
    atomic_store_explicit(&self->is_stopping, true, memory_order_release);
    (void)uv_async_send(&self->wake); /* cannot fail on an open handle */
}

static bool loop_uv_drain(struct loop *loop)
{
    struct loop_uv *self = loop_uv_of(loop);
    bool had_any = false;
    for (loop_uv_take_posted(self); self->ready; loop_uv_take_posted(self)) {
        struct loop_job *job = self->ready;
        self->ready = job->next;
        job->run(job);
        had_any = true;
    }
    return had_any;
}

static void loop_uv_free(struct loop *loop)
{
    struct loop_uv *self = loop_uv_of(loop);
    uv_close((uv_handle_t *)&self->wake, NULL);
    uv_close((uv_handle_t *)&self->alarm, NULL);
    uv_close((uv_handle_t *)&self->clock_change, NULL);
    /* Each turn runs close callbacks, also those of servers and clients that were freed just before. */
    int status = uv_loop_close(&self->uv);
    for (unsigned turns = 0; status == UV_EBUSY && turns < CLOSE_TURNS_MAX; turns++) {
        (void)uv_run(&self->uv, UV_RUN_NOWAIT); /* says only whether handles are left */
        status = uv_loop_close(&self->uv);
    }
    assert(status == 0); /* else someone's handle is still open */
    (void)close(self->clock_change_fd); /* nothing was written to it */
    memory_free(self);
}

static const struct loop_ops loop_uv_ops = {
    .post = loop_uv_post,
    .timer_start = loop_uv_timer_start,
    .timer_stop = loop_uv_timer_stop,
    .run = loop_uv_run,
    .stop = loop_uv_stop,
    .drain = loop_uv_drain,
    .free = loop_uv_free,
};

/* Initialising a uv_timer or a uv_poll on a valid descriptor cannot fail; uv_async_init opens an eventfd. */
static FALLIBLE loop_uv_open_handles(struct loop_uv *self, struct err_info *why)
{
    int status = uv_async_init(&self->uv, &self->wake, loop_uv_on_wake);
    if (status < 0)
        return err_uv(why, status, "open the loop's wake-up");
    self->wake.data = self;
    (void)uv_timer_init(&self->uv, &self->alarm);
    self->alarm.data = self;
    status = uv_poll_init(&self->uv, &self->clock_change, self->clock_change_fd);
    assert(status == 0);
    self->clock_change.data = self;
    status = uv_poll_start(&self->clock_change, UV_READABLE, loop_uv_on_clock_change);
    assert(status == 0);
    return ERR_OK;
}

static FALLIBLE loop_uv_open(struct loop_uv *self, struct err_info *why)
{
    int status = uv_loop_init(&self->uv);
    if (status < 0)
        return err_uv(why, status, "open an event loop");
    self->clock_change_fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    enum err failed = ERR_OK;
    if (self->clock_change_fd < 0)
        failed = err_errno(why, errno, "open a timer descriptor");
    if (failed == ERR_OK)
        failed = loop_uv_watch_clock(self, why);
    if (failed == ERR_OK)
        failed = loop_uv_open_handles(self, why);
    if (failed != ERR_OK) {
        if (self->clock_change_fd >= 0)
            (void)close(self->clock_change_fd);
        (void)uv_loop_close(&self->uv); /* no handles were opened */
    }
    return failed;
}

enum err loop_new(struct clock *clock, struct loop **ret, struct err_info *why)
{
    struct loop_uv *self = heap_zeroed(sizeof *self);
    if (!self)
        return err_memory(why);
    self->loop.ops = &loop_uv_ops;
    self->loop.clock = clock;
    enum err failed = loop_uv_open(self, why);
    if (failed != ERR_OK) {
        memory_free(self);
        return failed;
    }
    *ret = &self->loop;
    return ERR_OK;
}
