/* Blocking work off the loops: a bounded pool of threads. A seam: the simulator runs tasks inline. */
#ifndef TOCSIN_IO_EXECUTOR_H
#define TOCSIN_IO_EXECUTOR_H

#include "base/buf.h"
#include "io/loop.h"

struct executor;

struct executor_task {
    void (*work)(struct executor_task *task); /* on a pool thread */
    void (*done)(struct executor_task *task); /* on `reply_to` afterwards */
    struct loop *reply_to;
    struct loop_job job; /* the executor's */
    struct executor_task *next;
};

struct executor_ops {
    /* ERR_LIMIT when `queue_max` tasks wait. */
    enum err (*submit)(struct executor *executor, struct executor_task *task, struct err_info *why);
    void (*free)(struct executor *executor); /* waits for running tasks */
};

struct executor {
    const struct executor_ops *ops;
};

FALLIBLE executor_new(unsigned thread_count, unsigned queue_max, struct executor **ret, struct err_info *why);
/* The same, of threads that give way to all others: for long work that nobody's answer hangs on but its own.
 */
FALLIBLE executor_new_background(
    unsigned thread_count, unsigned queue_max, struct executor **ret, struct err_info *why);

/* Ends a child before its time. */
struct child_stopper {
    int fd;
};
FALLIBLE child_stopper_init(struct child_stopper *stopper, struct err_info *why);
void child_stopper_done(struct child_stopper *stopper);
void child_stopper_raise(struct child_stopper *stopper); /* any thread; for good */

/* A child process: argument vector as given, empty environment but for `environment`, no shell, stdin
 * from `input`, output capped. The executor's `work` calls it; it blocks until exit or deadline (then
 * SIGKILL). */
struct child_request {
    const char *const *arguments; /* NULL-terminated; [0] is an absolute path */
    const char *const *environment; /* NULL-terminated; NULL: empty */
    struct str input;
    size_t output_bytes_max;
    int64_t timeout_us;
    const struct child_stopper *stoppers[2]; /* either ends it; NULL: none */
};
struct child_result {
    int exit_status; /* -1 when killed by a signal */
    int signal;
    bool timed_out;
    bool was_stopped;
    struct buf *output; /* the caller's; standard output */
    struct buf *errors; /* the caller's; standard error */
};
FALLIBLE child_run(const struct child_request *request, struct child_result *result, struct err_info *why);

#endif
