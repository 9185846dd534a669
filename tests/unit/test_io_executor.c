#include "io/executor.h"
#include "io_helpers.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "memory_faults.h"

/* The pool. */

struct task {
    struct executor_task task;
    pthread_t loop_thread;
    atomic_uint *running, *most_running;
    unsigned *done_count, wanted;
    bool has_worked;
};

static void work(struct executor_task *executor_task)
{
    struct task *task = (struct task *)(void *)executor_task;
    assert_false(pthread_equal(pthread_self(), task->loop_thread));
    unsigned now = atomic_fetch_add(task->running, 1) + 1;
    unsigned most = *task->most_running;
    while (now > most && !atomic_compare_exchange_weak(task->most_running, &most, now))
        continue;
    test_sleep_ms(2);
    atomic_fetch_sub(task->running, 1);
    task->has_worked = true;
}

static void done(struct executor_task *executor_task)
{
    struct task *task = (struct task *)(void *)executor_task;
    assert_true(pthread_equal(pthread_self(), task->loop_thread));
    assert_true(task->has_worked);
    if (++*task->done_count == task->wanted)
        loop_stop(executor_task->reply_to);
}

static void work_is_done_beside_the_loop_and_reported_on_it(void **state)
{
    (void)state;
    enum { COUNT = 40 };
    struct loop *loop;
    struct executor *executor;
    CHECK(loop_new(clock_system(), &loop, why));
    CHECK(executor_new(3, COUNT, &executor, why));
    atomic_uint running = 0, most = 0;
    unsigned count = 0;
    struct task tasks[COUNT];
    for (int i = 0; i < COUNT; i++) {
        tasks[i] = (struct task){ { .work = work, .done = done, .reply_to = loop }, pthread_self(), &running,
            &most, &count, COUNT, false };
        CHECK(executor->ops->submit(executor, &tasks[i].task, why));
    }
    loop_run(loop);
    assert_int_equal(count, COUNT);
    assert_true(most >= 2 && most <= 3);
    executor->ops->free(executor);
    loop_free(loop);
}

static void full_queue_refuses_and_what_was_taken_is_done(void **state)
{
    (void)state;
    struct loop *loop;
    struct executor *executor;
    CHECK(loop_new(clock_system(), &loop, why));
    CHECK(executor_new(1, 4, &executor, why));
    atomic_uint running = 0, most = 0;
    unsigned count = 0, taken = 0;
    struct task tasks[20];
    struct err_info why = { 0 };
    for (int i = 0; i < 20; i++) {
        tasks[i] = (struct task){ { .work = work, .done = done, .reply_to = loop }, pthread_self(), &running,
            &most, &count, 1000, false };
        if (executor->ops->submit(executor, &tasks[i].task, &why) == ERR_OK)
            taken++;
    }
    assert_true(taken >= 4 && taken < 20);
    assert_int_equal(why.code, ERR_LIMIT);
    assert_string_equal(why.name, "executor_queue_max");
    executor->ops->free(executor); /* waits for what was taken */
    loop_stop(loop);
    loop_run(loop);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(tasks[i].has_worked, i < taken);
    loop_free(loop);
}

struct nice_task {
    struct executor_task task;
    int nice;
};

static void note_nice(struct executor_task *executor_task)
{
    ((struct nice_task *)(void *)executor_task)->nice = getpriority(PRIO_PROCESS, (id_t)gettid());
}

static void stop_loop(struct executor_task *executor_task)
{
    loop_stop(executor_task->reply_to);
}

static void background_work_gives_way_and_nothing_else_does(void **state)
{
    (void)state;
    struct loop *loop;
    struct executor *executor;
    int ours = getpriority(PRIO_PROCESS, (id_t)gettid());
    CHECK(loop_new(clock_system(), &loop, why));
    CHECK(executor_new_background(1, 4, &executor, why));
    struct nice_task task = { { .work = note_nice, .done = stop_loop, .reply_to = loop }, 0 };
    CHECK(executor->ops->submit(executor, &task.task, why));
    loop_run(loop);
    executor->ops->free(executor);
    loop_free(loop);
    assert_true(task.nice > ours || ours == 19);
    assert_int_equal(getpriority(PRIO_PROCESS, (id_t)gettid()), ours);
}

static void no_memory_for_a_pool_is_an_error(void **state)
{
    (void)state;
    struct executor *executor;
    memory_faults_left = 0;
    assert_int_equal(executor_new(1, 1, &executor, NULL), ERR_MEMORY);
    memory_faults_left = -1;
}

/* Children. */

struct child_outcome {
    enum err code;
    struct child_result result;
    struct buf output, errors;
    struct err_info why;
    int64_t took_us;
};

static void run_shell(
    const char *script, struct str input, size_t output_max, int64_t timeout_ms, struct child_outcome *ret)
{
    const char *const arguments[] = { "/bin/sh", "-c", script, NULL };
    struct child_request request = { .arguments = arguments,
        .input = input,
        .output_bytes_max = output_max,
        .timeout_us = timeout_ms * US_PER_MS };
    buf_clear(&ret->output);
    buf_clear(&ret->errors);
    ret->result = (struct child_result){ .output = &ret->output, .errors = &ret->errors };
    ret->took_us = test_now_us();
    ret->code = child_run(&request, &ret->result, &ret->why);
    ret->took_us = test_now_us() - ret->took_us;
}

static void outcome_done(struct child_outcome *outcome)
{
    buf_done(&outcome->output);
    buf_done(&outcome->errors);
}

static void child_gives_output_errors_and_status(void **state)
{
    (void)state;
    struct child_outcome outcome = { 0 };
    run_shell("cat; echo err >&2; exit 3", STR("some input"), 1000, 5000, &outcome);
    assert_int_equal(outcome.code, ERR_OK);
    assert_int_equal(outcome.result.exit_status, 3);
    assert_int_equal(outcome.result.signal, 0);
    assert_false(outcome.result.timed_out);
    assert_string_equal(outcome.output.data, "some input");
    assert_string_equal(outcome.errors.data, "err\n");
    run_shell("kill -TERM $$", STR(""), 1000, 5000, &outcome);
    assert_int_equal(outcome.result.exit_status, -1);
    assert_int_equal(outcome.result.signal, SIGTERM);
    outcome_done(&outcome);
}

static void large_input_and_output_do_not_lock_up(void **state)
{
    (void)state;
    AUTO(buf) struct buf input = { 0 };
    struct child_outcome outcome = { 0 };
    for (int i = 0; i < 400000; i++)
        buf_add(&input, STR("0123456789"));
    run_shell("cat", buf_str(&input), 5000000, 20000, &outcome);
    assert_int_equal(outcome.code, ERR_OK);
    assert_true(str_equal(buf_str(&outcome.output), buf_str(&input)));
    outcome_done(&outcome);
}

static void child_that_does_not_read_is_no_error(void **state)
{
    (void)state;
    AUTO(buf) struct buf input = { 0 };
    struct child_outcome outcome = { 0 };
    for (int i = 0; i < 100000; i++)
        buf_add(&input, STR("0123456789"));
    run_shell("exec <&-; echo fine", buf_str(&input), 1000, 5000, &outcome);
    assert_int_equal(outcome.code, ERR_OK);
    assert_string_equal(outcome.output.data, "fine\n");
    outcome_done(&outcome);
}

static void deadline_kills_the_whole_group(void **state)
{
    (void)state;
    struct child_outcome outcome = { 0 };
    char folder[] = "/tmp/test_io_child.XXXXXX", script[200], path[100];
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/late", folder);
    (void)snprintf(
        script, sizeof script, "trap '' TERM; (sleep 0.6; touch %s) & echo started; sleep 30", path);
    run_shell(script, STR(""), 1000, 200, &outcome);
    assert_int_equal(outcome.code, ERR_OK);
    assert_true(outcome.result.timed_out);
    assert_int_equal(outcome.result.signal, SIGKILL);
    assert_string_equal(outcome.output.data, "started\n");
    assert_true(outcome.took_us >= 200 * US_PER_MS && outcome.took_us < 5 * US_PER_S);
    test_sleep_ms(800);
    assert_int_equal(access(path, F_OK), -1); /* the grandchild is gone too */
    rmdir(folder);
    outcome_done(&outcome);
}

static void what_a_child_leaves_behind_does_not_hold_us(void **state)
{
    (void)state;
    struct child_outcome outcome = { 0 };
    run_shell("sleep 30 & echo done", STR(""), 1000, 20000, &outcome);
    assert_false(outcome.result.timed_out);
    assert_int_equal(outcome.result.exit_status, 0);
    assert_true(outcome.took_us < 5 * US_PER_S);
    run_shell("setsid sleep 2 & sleep 0.1; echo done", STR(""), 1000, 20000, &outcome); /* left the group */
    assert_false(outcome.result.timed_out);
    assert_string_equal(outcome.output.data, "done\n");
    assert_true(outcome.took_us < 1500 * US_PER_MS);
    outcome_done(&outcome);
}

static void output_past_its_limit_is_an_error(void **state)
{
    (void)state;
    struct child_outcome outcome = { 0 };
    run_shell("while :; do echo 0123456789; done", STR(""), 100000, 20000, &outcome);
    assert_int_equal(outcome.code, ERR_LIMIT);
    assert_string_equal(outcome.why.name, "output_bytes_max");
    assert_int_equal(outcome.output.size, 100000);
    run_shell("printf 0123456789", STR(""), 10, 5000, &outcome);
    assert_int_equal(outcome.code, ERR_OK);
    run_shell("printf 0123456789 >&2; echo fine", STR(""), 5, 5000, &outcome); /* errors are only cut */
    assert_int_equal(outcome.code, ERR_OK);
    assert_string_equal(outcome.errors.data, "01234");
    outcome_done(&outcome);
}

static void child_inherits_nothing(void **state)
{
    (void)state;
    struct child_outcome outcome = { 0 };
    int leak = dup(1); /* without close-on-exec, on purpose */
    sigset_t block;
    sigemptyset(&block);
    sigaddset(&block, SIGUSR1);
    sigprocmask(SIG_BLOCK, &block, NULL);
    (void)signal(SIGUSR2, SIG_IGN);
    assert_int_equal(setenv("TOCSIN_TEST_SECRET", "x", 1), 0);
    run_shell("/usr/bin/env; ls /proc/self/fd | tr '\\n' ' '; grep -E 'SigBlk|SigIgn' /proc/self/status",
        STR(""), 5000, 5000, &outcome);
    assert_int_equal(outcome.code, ERR_OK);
    assert_null(strstr(outcome.output.data, "SECRET"));
    assert_null(strstr(outcome.output.data, "HOME"));
    assert_non_null(strstr(outcome.output.data, "0 1 2 3 ")); /* 3 is ls's own */
    assert_null(strstr(outcome.output.data, "0 1 2 3 4"));
    assert_non_null(strstr(outcome.output.data, "SigBlk:\t0000000000000000"));
    const char *ignored = strstr(outcome.output.data, "SigIgn:\t");
    assert_non_null(ignored);
    /* glibc has two signals above the classic ones for itself and leaves them ignored. */
    assert_int_equal(strtoull(ignored + strlen("SigIgn:\t"), NULL, 16) & 0x7fffffff, 0);
    close(leak);
    sigprocmask(SIG_UNBLOCK, &block, NULL);
    outcome_done(&outcome);
}

static void *raise_soon(void *stopper)
{
    test_sleep_ms(50);
    child_stopper_raise(stopper);
    return NULL;
}

static void child_is_stopped_from_another_thread(void **state)
{
    (void)state;
    AUTO(buf) struct buf output = { 0 };
    AUTO(buf) struct buf errors = { 0 };
    struct child_stopper stopper;
    pthread_t thread;
    static const char *const arguments[] = { "/bin/sleep", "60", NULL };
    CHECK(child_stopper_init(&stopper, why));
    struct child_request request = { arguments, NULL, STR(""), 1000, 60 * US_PER_S, { NULL, &stopper } };
    struct child_result result = { .output = &output, .errors = &errors };
    assert_int_equal(pthread_create(&thread, NULL, raise_soon, &stopper), 0);
    int64_t begin_us = test_now_us();
    CHECK(child_run(&request, &result, why));
    assert_true(result.was_stopped);
    assert_false(result.timed_out);
    assert_int_equal(result.signal, SIGKILL);
    pthread_join(thread, NULL);
    CHECK(child_run(&request, &result, why)); /* raised before it began */
    assert_true(result.was_stopped);
    assert_true(test_now_us() - begin_us < 10 * US_PER_S);
    child_stopper_done(&stopper);
}

static void only_the_given_environment_is_there(void **state)
{
    (void)state;
    const char *const arguments[] = { "/usr/bin/env", NULL };
    const char *const environment[] = { "A=1", "B=two words; $(id)", NULL };
    AUTO(buf) struct buf output = { 0 };
    AUTO(buf) struct buf errors = { 0 };
    struct child_request request = { arguments, environment, STR(""), 1000, 5 * US_PER_S };
    struct child_result result = { .output = &output, .errors = &errors };
    CHECK(child_run(&request, &result, why));
    assert_string_equal(output.data, "A=1\nB=two words; $(id)\n");
}

static void program_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    const char *const arguments[] = { "/nowhere/at/all", NULL };
    AUTO(buf) struct buf output = { 0 };
    AUTO(buf) struct buf errors = { 0 };
    struct child_request request = { arguments, NULL, STR(""), 1000, 5 * US_PER_S };
    struct child_result result = { .output = &output, .errors = &errors };
    struct err_info why;
    assert_int_equal(child_run(&request, &result, &why), ERR_IO);
    assert_non_null(strstr(why.text, "/nowhere/at/all"));
}

/* A server that was started with its standard descriptors closed. */
static void closed_standard_descriptors_do_no_harm(void **state)
{
    (void)state;
    struct child_outcome outcome = { 0 };
    int kept[3];
    for (int fd = 0; fd < 3; fd++) {
        kept[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 10);
        close(fd);
    }
    run_shell("cat; echo err >&2", STR("in"), 1000, 5000, &outcome);
    for (int fd = 0; fd < 3; fd++) {
        dup2(kept[fd], fd);
        close(kept[fd]);
    }
    assert_int_equal(outcome.code, ERR_OK);
    assert_string_equal(outcome.output.data, "in");
    assert_string_equal(outcome.errors.data, "err\n");
    outcome_done(&outcome);
}

static unsigned open_descriptors(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void no_descriptor_is_left_and_no_memory_is_an_error(void **state)
{
    (void)state;
    struct child_outcome outcome = { 0 };
    unsigned before = open_descriptors();
    run_shell("true", STR(""), 1000, 5000, &outcome);
    run_shell("sleep 10", STR(""), 1000, 50, &outcome);
    outcome_done(&outcome);
    memory_faults_left = 0;
    run_shell("echo x", STR(""), 1000, 5000, &outcome);
    memory_faults_left = -1;
    assert_int_equal(outcome.code, ERR_MEMORY);
    assert_int_equal(open_descriptors(), before);
    outcome_done(&outcome);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_is_done_beside_the_loop_and_reported_on_it),
        cmocka_unit_test(full_queue_refuses_and_what_was_taken_is_done),
        cmocka_unit_test(background_work_gives_way_and_nothing_else_does),
        cmocka_unit_test(no_memory_for_a_pool_is_an_error),
        cmocka_unit_test(child_gives_output_errors_and_status),
        cmocka_unit_test(large_input_and_output_do_not_lock_up),
        cmocka_unit_test(child_that_does_not_read_is_no_error),
        cmocka_unit_test(deadline_kills_the_whole_group),
        cmocka_unit_test(what_a_child_leaves_behind_does_not_hold_us),
        cmocka_unit_test(output_past_its_limit_is_an_error),
        cmocka_unit_test(child_inherits_nothing),
        cmocka_unit_test(child_is_stopped_from_another_thread),
        cmocka_unit_test(only_the_given_environment_is_there),
        cmocka_unit_test(program_that_is_not_there_is_an_error),
        cmocka_unit_test(closed_standard_descriptors_do_no_harm),
        cmocka_unit_test(no_descriptor_is_left_and_no_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
