#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "io/executor.h"

#define CHILD_READ_BYTES (64 * 1024)
#define CHILD_DRAIN_US (100 * US_PER_MS)

/* The parent's side of one child. Descriptors are -1 when closed. */
struct child {
    pid_t pid;
    int exit_fd; /* a pidfd: readable once the child has ended */
    int input, output, errors;
    int theirs[3]; /* the child's ends, until it is started */
    struct str unsent;
    int64_t deadline_us; /* monotonic */
    bool is_ended;
};

static void child_close(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* nothing can be done, and pipes have no delayed errors */
    *fd = -1;
}

static void child_cleanup(struct child *child)
{
    child_close(&child->exit_fd);
    child_close(&child->input);
    child_close(&child->output);
    child_close(&child->errors);
    for (int i = 0; i < 3; i++)
        child_close(&child->theirs[i]);
}

/* A server that was started without standard descriptors gets pipes numbered 0 to 2, which the child's
 * dup2 would overwrite: move those up. */
static FALLIBLE child_move_up(int *fd, struct err_info *why)
{
    if (*fd > STDERR_FILENO)
        return ERR_OK;
    int moved = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (moved < 0)
        return err_errno(why, errno, "make a pipe");
    child_close(fd);
    *fd = moved;
    return ERR_OK;
}

static FALLIBLE child_pipe(int *ours, int *theirs, bool is_input, struct err_info *why)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_errno(why, errno, "make a pipe");
    *theirs = ends[is_input ? 0 : 1];
    *ours = ends[is_input ? 1 : 0];
    TRY(child_move_up(theirs, why));
    TRY(child_move_up(ours, why));
    if (fcntl(*ours, F_SETFL, O_NONBLOCK) < 0)
        return err_errno(why, errno, "make a pipe non-blocking");
    return ERR_OK;
}

static int child_file_actions(posix_spawn_file_actions_t *actions, const int theirs[3])
{
    int failed = 0;
    for (int fd = 0; fd < 3 && !failed; fd++)
        failed = posix_spawn_file_actions_adddup2(actions, theirs[fd], fd);
    if (!failed)
        failed = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    return failed;
}

/* A process group of its own, so that all of it can be killed; default signals, nothing blocked. */
static int child_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    int failed = posix_spawnattr_setpgroup(attributes, 0);
    if (!failed)
        failed = posix_spawnattr_setsigmask(attributes, &none);
    if (!failed)
        failed = posix_spawnattr_setsigdefault(attributes, &all);
    return failed ? failed : posix_spawnattr_setflags(attributes, flags);
}

static int child_spawn(struct child *child, const struct child_request *request)
{
    static const char *const empty[] = { NULL };
    const char *const *environment = request->environment ? request->environment : empty;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed)
        return failed;
    failed = posix_spawnattr_init(&attributes);
    if (!failed)
        failed = child_file_actions(&actions, child->theirs);
    if (!failed)
        failed = child_attributes(&attributes);
    if (!failed) /* posix_spawn's vectors lack a const that C cannot express; it does not write to them */
        failed = posix_spawn(&child->pid, request->arguments[0], &actions, &attributes,
            (char *const *)(uintptr_t)request->arguments, (char *const *)(uintptr_t)environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return failed;
}

static void child_kill(struct child *child)
{
    /* The group's number cannot have been given away: its leader is not reaped before child_reap. */
    (void)kill(-child->pid, SIGKILL); /* ESRCH: all are gone already */
}

static FALLIBLE child_reap(struct child *child, struct child_result *result, struct err_info *why)
{
    int status = 0;
    pid_t pid;
    do {
        pid = waitpid(child->pid, &status, 0);
    } while (pid < 0 && errno == EINTR);
    if (pid < 0)
        return err_errno(why, errno, "wait for a child process");
    result->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    result->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    return ERR_OK;
}

static FALLIBLE child_start(struct child *child, const struct child_request *request, struct err_info *why)
{
    TRY(child_pipe(&child->input, &child->theirs[0], true, why));
    TRY(child_pipe(&child->output, &child->theirs[1], false, why));
    TRY(child_pipe(&child->errors, &child->theirs[2], false, why));
    int failed = child_spawn(child, request);
    if (failed)
        child->pid = 0;
    if (failed)
        return err_errno(why, failed, request->arguments[0]);
    for (int i = 0; i < 3; i++)
        child_close(&child->theirs[i]);
    child->exit_fd = (int)syscall(SYS_pidfd_open, child->pid, 0);
    if (child->exit_fd < 0)
        return err_errno(why, errno, "watch a child process");
    return ERR_OK;
}

static void child_write(struct child *child)
{
    if (child->unsent.size > 0) {
        ssize_t written = write(child->input, child->unsent.data, child->unsent.size);
        if (written > 0)
            child->unsent = str_slice(child->unsent, (size_t)written, child->unsent.size);
        else if (written < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        else
            child->unsent.size = 0; /* it does not read its input: its choice */
    }
    if (child->unsent.size == 0)
        child_close(&child->input);
}

/* One read; closes the descriptor at the end of the file. What exceeds `bytes_max` is not kept. */
static FALLIBLE child_read(
    int *fd, struct buf *into, size_t bytes_max, bool *ret_is_over, struct err_info *why)
{
    char bytes[CHILD_READ_BYTES];
    ssize_t size = read(*fd, bytes, sizeof bytes);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return ERR_OK;
    if (size <= 0) {
        child_close(fd);
        return ERR_OK;
    }
    size_t room = bytes_max > into->size ? bytes_max - into->size : 0;
    if ((size_t)size > room)
        *ret_is_over = true;
    buf_add(into, (struct str){ bytes, (size_t)size < room ? (size_t)size : room });
    return buf_check(into, why);
}

static int child_wait_ms(const struct child *child)
{
    int64_t left_us = child->deadline_us - clock_monotonic_us(clock_system());
    if (left_us <= 0)
        return 0;
    return left_us / 1000 >= INT32_MAX ? INT32_MAX : (int)(left_us / 1000) + 1;
}

/* The child has ended. What it left behind in its group would keep the pipes open, so that goes too; what
 * has left the group gets a moment to show that the pipes are empty. */
static void child_on_exit(struct child *child)
{
    child_close(&child->exit_fd);
    child_close(&child->input);
    child_kill(child);
    int64_t drained_us = clock_monotonic_us(clock_system()) + CHILD_DRAIN_US;
    if (drained_us < child->deadline_us)
        child->deadline_us = drained_us;
}

/* One turn of the exchange. Sets is_ended when nothing more is to come. */
static FALLIBLE child_turn(struct child *child, const struct child_request *request,
    struct child_result *result, struct err_info *why)
{
    struct pollfd fds[] = {
        /* poll skips those that are -1 */
        { child->input, POLLOUT, 0 },
        { child->output, POLLIN, 0 },
        { child->errors, POLLIN, 0 },
        { child->exit_fd, POLLIN, 0 },
        { request->stoppers[0] ? request->stoppers[0]->fd : -1, POLLIN, 0 },
        { request->stoppers[1] ? request->stoppers[1]->fd : -1, POLLIN, 0 },
    };
    int wait_ms = child_wait_ms(child);
    if (wait_ms == 0) {
        result->timed_out = child->exit_fd >= 0;
        child->is_ended = true;
        return ERR_OK;
    }
    int ready = poll(fds, sizeof fds / sizeof fds[0], wait_ms);
    if (ready < 0 && errno != EINTR)
        return err_errno(why, errno, "wait for a child process");
    if (ready <= 0)
        return ERR_OK;
    if (fds[4].revents || fds[5].revents) {
        result->was_stopped = true;
        child->is_ended = true;
        return ERR_OK;
    }
    bool is_over = false, is_error_over = false;
    if (fds[0].revents)
        child_write(child);
    if (fds[1].revents)
        TRY(child_read(&child->output, result->output, request->output_bytes_max, &is_over, why));
    if (fds[2].revents) /* errors are for people: their head is enough */
        TRY(child_read(&child->errors, result->errors, request->output_bytes_max, &is_error_over, why));
    if (is_over)
        return err_named(why, ERR_LIMIT, "output_bytes_max",
            "%s wrote more than %zu bytes (output_bytes_max)", request->arguments[0],
            request->output_bytes_max);
    if (fds[3].revents)
        child_on_exit(child);
    child->is_ended = child->exit_fd < 0 && child->output < 0 && child->errors < 0;
    return ERR_OK;
}

/* A child that closes its standard input must not kill the server: the write gives EPIPE instead. */
static void child_block_sigpipe(sigset_t *before)
{
    sigset_t pipe_signal;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    (void)pthread_sigmask(SIG_BLOCK, &pipe_signal, before); /* fails only on a bad first argument */
}

static void child_unblock_sigpipe(const sigset_t *before)
{
    if (sigismember(before, SIGPIPE))
        return;
    const struct timespec no_wait = { 0 };
    sigset_t pipe_signal;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    (void)sigtimedwait(&pipe_signal, NULL, &no_wait); /* swallows one that a write has left pending */
    (void)pthread_sigmask(SIG_SETMASK, before, NULL);
}

enum err child_stopper_init(struct child_stopper *stopper, struct err_info *why)
{
    stopper->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return stopper->fd < 0 ? err_errno(why, errno, "make a descriptor that stops a child") : ERR_OK;
}

void child_stopper_done(struct child_stopper *stopper)
{
    child_close(&stopper->fd);
}

void child_stopper_raise(struct child_stopper *stopper)
{
    uint64_t one = 1;
    (void)!write(stopper->fd, &one, sizeof one); /* fails only when it is raised 2^64 times */
}

enum err child_run(const struct child_request *request, struct child_result *result, struct err_info *why)
{
    assert(request->arguments[0][0] == '/');
    AUTO(child)
    struct child child = { .exit_fd = -1,
        .input = -1,
        .output = -1,
        .errors = -1,
        .theirs = { -1, -1, -1 },
        .unsent = request->input,
        .deadline_us = clock_monotonic_us(clock_system()) + request->timeout_us };
    result->exit_status = -1;
    result->signal = 0;
    result->timed_out = result->was_stopped = false;
    enum err failed = child_start(&child, request, why);
    if (child.pid == 0)
        return failed;
    sigset_t before;
    child_block_sigpipe(&before);
    while (failed == ERR_OK && !child.is_ended)
        failed = child_turn(&child, request, result, why);
    child_unblock_sigpipe(&before);
    child_kill(&child);
    enum err reaped = child_reap(&child, result, failed == ERR_OK ? why : NULL);
    return failed != ERR_OK ? failed : reaped;
}
