#include "io/executor.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/container.h"
#include "io/heap.h"

/* Of background threads: they get a tenth of what an ordinary thread beside them gets, and all that is left.
 */
#define BACKGROUND_NICE 10

struct executor_pool {
    struct executor executor;
    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t work_came;
    struct executor_task *first, **last;
    unsigned queued_count, queue_max;
    bool is_closing;
    bool is_background;
    unsigned thread_count; /* started; not changed after executor_new */
    pthread_t threads[];
};

static const struct executor_ops executor_pool_ops;

static struct executor_pool *executor_pool_of(struct executor *executor)
{
    assert(executor->ops == &executor_pool_ops);
    return (struct executor_pool *)executor;
}

/* The next task; NULL when the pool closes and the queue is empty. */
static struct executor_task *executor_take(struct executor_pool *self)
{
    pthread_mutex_lock(&self->lock);
    while (!self->first && !self->is_closing)
        pthread_cond_wait(&self->work_came, &self->lock);
    struct executor_task *task = self->first;
    if (task) {
        self->first = task->next;
        if (!self->first)
            self->last = &self->first;
        self->queued_count--;
    }
    pthread_mutex_unlock(&self->lock);
    return task;
}

static void executor_report(struct loop_job *job)
{
    struct executor_task *task = CONTAINER_OF(job, struct executor_task, job);
    task->done(task);
}

static void *executor_thread(void *argument)
{
    struct executor_pool *self = argument;
    struct executor_task *task;
    if (self->is_background) /* of this thread alone on Linux; where it is refused, the work is done all the
                                same */
        (void)setpriority(PRIO_PROCESS, (id_t)gettid(), BACKGROUND_NICE);
    while ((task = executor_take(self))) {
        task->work(task);
        task->job.run = executor_report;
        loop_post(task->reply_to, &task->job);
    }
    return NULL;
}

static enum err executor_pool_submit(
    struct executor *executor, struct executor_task *task, struct err_info *why)
{
    struct executor_pool *self = executor_pool_of(executor);
    assert(task->work);
    assert(task->done);
    assert(task->reply_to);
    pthread_mutex_lock(&self->lock);
    assert(!self->is_closing);
    bool is_full = self->queued_count >= self->queue_max;
    if (!is_full) {
        task->next = NULL;
        *self->last = task;
        self->last = &task->next;
        self->queued_count++;
        pthread_cond_signal(&self->work_came);
    }
    pthread_mutex_unlock(&self->lock);
    if (is_full)
        return err_named(why, ERR_LIMIT, "executor_queue_max",
            "%u tasks wait for a worker thread already (executor_queue_max)", self->queue_max);
    return ERR_OK;
}

static void executor_pool_free(struct executor *executor)
{
    struct executor_pool *self = executor_pool_of(executor);
    pthread_mutex_lock(&self->lock);
    self->is_closing = true;
    pthread_cond_broadcast(&self->work_came);
    pthread_mutex_unlock(&self->lock);
    for (unsigned i = 0; i < self->thread_count; i++)
        pthread_join(self->threads[i], NULL);
    pthread_cond_destroy(&self->work_came);
    pthread_mutex_destroy(&self->lock);
    memory_free(self);
}

static const struct executor_ops executor_pool_ops = {
    .submit = executor_pool_submit,
    .free = executor_pool_free,
};

/* Signals are the main thread's: the pool's threads block them all. */
static FALLIBLE executor_start_threads(struct executor_pool *self, unsigned count, struct err_info *why)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = 0;
    while (!failed && self->thread_count < count) {
        failed = pthread_create(&self->threads[self->thread_count], NULL, executor_thread, self);
        if (!failed)
            self->thread_count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? err_errno(why, failed, "start a worker thread") : ERR_OK;
}

static FALLIBLE executor_make(unsigned thread_count, unsigned queue_max, bool is_background,
    struct executor **ret, struct err_info *why)
{
    assert(thread_count > 0);
    struct executor_pool *self = heap_zeroed(sizeof *self + thread_count * sizeof self->threads[0]);
    if (!self)
        return err_memory(why);
    self->executor.ops = &executor_pool_ops;
    self->last = &self->first;
    self->queue_max = queue_max;
    self->is_background = is_background;
    pthread_mutex_init(&self->lock, NULL); /* with default attributes glibc's never fail */
    pthread_cond_init(&self->work_came, NULL);
    enum err failed = executor_start_threads(self, thread_count, why);
    if (failed != ERR_OK) {
        executor_pool_free(&self->executor);
        return failed;
    }
    *ret = &self->executor;
    return ERR_OK;
}

enum err executor_new(unsigned thread_count, unsigned queue_max, struct executor **ret, struct err_info *why)
{
    return executor_make(thread_count, queue_max, false, ret, why);
}

enum err executor_new_background(
    unsigned thread_count, unsigned queue_max, struct executor **ret, struct err_info *why)
{
    return executor_make(thread_count, queue_max, true, ret, why);
}
