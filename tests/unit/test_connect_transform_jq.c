/* transform.jq, called as the engine calls it; this program is also the child, as the server is. */
#include "connect_helpers.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "connect/jq_child.h"

static int setup(void **state)
{
    world_setup(state);
    struct connect_world *world = *state;
    CHECK(executor_new(2, 64, &world->executor, why));
    world_drop_connect(world);
    world_make_connect(world);
    return 0;
}

static int teardown(void **state)
{
    struct connect_world *world = *state;
    world->executor->ops->free(world->executor);
    return world_teardown(state);
}

static void gives(struct connect_world *world, const char *with, const char *output)
{
    struct trial trial;
    assert_output(trial_run(world, &trial, "transform.jq", with), output);
    trial_done(&trial);
}

static void fails(struct connect_world *world, const char *with, const char *code, const char *message)
{
    struct trial trial;
    const struct action_result *result = trial_run(world, &trial, "transform.jq", with);
    if (result->is_ok || !str_equal(result->error.code, str_of(code)))
        fail_msg("%s: %s %.*s (%.*s) instead of %s", with, result->is_ok ? "ok" : "",
            STR_ARG(result->error.code), STR_ARG(result->error.message), code);
    assert_false(result->error.is_retryable);
    assert_int_equal(result->effect, ACTION_NOT_SENT);
    assert_str_has(result->error.message, message);
    trial_done(&trial);
}

static void filter_gives_its_outputs(void **state)
{
    struct connect_world *world = *state;
    gives(world, "{\"filter\":\".a.b\",\"input\":{\"a\":{\"b\":1}}}", "{\"result\":1,\"results\":[1]}");
    gives(world, "{\"filter\":\".[]\",\"input\":[1,\"x\",null,{\"k\":[true]}]}",
        "{\"result\":1,\"results\":[1,\"x\",null,{\"k\":[true]}]}");
    gives(world, "{\"filter\":\"empty\",\"input\":1}", "{\"result\":null,\"results\":[]}");
    gives(world, "{\"filter\":\"$limit + .\",\"input\":1,\"args\":{\"limit\":41}}",
        "{\"result\":42,\"results\":[42]}");
    gives(world,
        "{\"filter\":\"group_by(.ip) | map({ip: .[0].ip, count: length})\",\"input\":"
        "[{\"ip\":\"a\"},{\"ip\":\"b\"},{\"ip\":\"a\"}]}",
        "{\"result\":[{\"count\":2,\"ip\":\"a\"},{\"count\":1,\"ip\":\"b\"}],"
        "\"results\":[[{\"count\":2,\"ip\":\"a\"},{\"count\":1,\"ip\":\"b\"}]]}");
    gives(world, "{\"filter\":\".\",\"input\":\"\\u0000\xc3\xa4\xf0\x9f\x9a\xa8\\n\"}",
        "{\"result\":\"\\u0000\xc3\xa4\xf0\x9f\x9a\xa8\\n\",\"results\":["
        "\"\\u0000\xc3\xa4\xf0\x9f\x9a\xa8\\n\"]}");
    gives(world, "{\"filter\":\"test(\\\"^a+$\\\")\",\"input\":\"aaa\"}",
        "{\"result\":true,\"results\":[true]}");
    gives(world, "{\"filter\":\"1,2 | ., halt\",\"input\":null}", "{\"result\":1,\"results\":[1]}");
}

/* jq has only doubles: integers up to 2^53 are exact, larger ones are rounded (the action's help says so). */
static void numbers_beyond_2_53_are_rounded(void **state)
{
    struct connect_world *world = *state;
    gives(world, "{\"filter\":\".\",\"input\":9007199254740992}",
        "{\"result\":9007199254740992,\"results\":[9007199254740992]}");
    gives(world, "{\"filter\":\".\",\"input\":9007199254740993}",
        "{\"result\":9007199254740992,\"results\":[9007199254740992]}");
    gives(world, "{\"filter\":\".\",\"input\":-9007199254740991}",
        "{\"result\":-9007199254740991,\"results\":[-9007199254740991]}");
    gives(world, "{\"filter\":\".\",\"input\":0.5}", "{\"result\":0.5,\"results\":[0.5]}");
}

static void faults_of_the_filter_are_told_with_jqs_words(void **state)
{
    struct connect_world *world = *state;
    fails(world, "{\"filter\":\".[\",\"input\":1}", "jq_filter", "syntax error");
    fails(world, "{\"filter\":\"nosuch(1)\",\"input\":1}", "jq_filter", "nosuch/1 is not defined");
    fails(world, "{\"filter\":\"$nobody\",\"input\":1}", "jq_filter", "$nobody is not defined");
    fails(world, "{\"filter\":\".a\",\"input\":[1]}", "jq_failed", "Cannot index array with string");
    fails(world, "{\"filter\":\"error(\\\"my words\\\")\",\"input\":1}", "jq_failed", "my words");
    fails(world, "{\"filter\":\"error({a:1})\",\"input\":1}", "jq_failed", "{\"a\":1}");
    fails(world, "{\"filter\":\"1, error(\\\"late\\\")\",\"input\":1}", "jq_failed", "late");
    fails(world, "{\"filter\":\".\\u0000\",\"input\":1}", "bad_input", "NUL");
    fails(world, "{\"filter\":\".\",\"input\":1,\"timeout\":\"61s\"}", "bad_input", "60s");
    fails(world, "{\"filter\":\".\",\"input\":1,\"timeout\":-1}", "bad_input", "60s");
    gives(world, "{\"filter\":\"error(null)\",\"input\":1}", "{\"result\":null,\"results\":[]}");
    gives(world, "{\"filter\":\".\",\"input\":1}", "{\"result\":1,\"results\":[1]}"); /* the next one works */
}

/* Every way out that jq knows. */
static void filter_reaches_nothing_outside(void **state)
{
    struct connect_world *world = *state;
    (void)setenv("JQ_TEST_SECRET", "s3cret", 1);
    gives(world, "{\"filter\":\"env, $ENV\",\"input\":1}", "{\"result\":{},\"results\":[{},{}]}");
    fails(world, "{\"filter\":\"include \\\"/etc/passwd\\\"; .\",\"input\":1}", "jq_filter", "");
    fails(world, "{\"filter\":\"import \\\"/etc/passwd\\\" as $x; $x\",\"input\":1}", "jq_filter", "");
    fails(world, "{\"filter\":\"import \\\"a\\\" as a {search:\\\"/etc\\\"}; .\",\"input\":1}", "jq_filter",
        "");
    fails(world, "{\"filter\":\"\\\"/etc/passwd\\\" | modulemeta\",\"input\":1}", "jq_failed", "");
    fails(world, "{\"filter\":\"input\",\"input\":1}", "jq_failed", "one input only");
    fails(world, "{\"filter\":\"[inputs]\",\"input\":1}", "jq_failed", "one input only");
    gives(world, "{\"filter\":\"debug | stderr | input_filename\",\"input\":1}",
        "{\"result\":null,\"results\":[null]}");
    gives(world, "{\"filter\":\"0 | todate, (now > 0), (0 | localtime | mktime)\",\"input\":1}",
        "{\"result\":\"1970-01-01T00:00:00Z\",\"results\":[\"1970-01-01T00:00:00Z\",true,0]}");
    (void)unsetenv("JQ_TEST_SECRET");
}

static void endless_filters_are_ended_in_time(void **state)
{
    struct connect_world *world = *state;
    static const char *const filters[] = { "def f: f; f", "[range(1e12)] | length", "last(repeat(.))",
        "\\\"a\\\" * 1000000 | test(\\\"(a+)+b\\\")" };
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        struct trial trial;
        char with[200];
        (void)snprintf(
            with, sizeof with, "{\"filter\":\"%s\",\"input\":1,\"timeout\":\"300ms\"}", filters[i]);
        int64_t begin_us = test_now_us();
        const struct action_result *result = trial_run(world, &trial, "transform.jq", with);
        assert_false(result->is_ok);
        if (i != 1 && i != 3) /* those may run out of memory first */
            assert_true(str_equal(result->error.code, STR("jq_timeout")));
        assert_true(test_now_us() - begin_us < 10 * US_PER_S);
        trial_done(&trial);
    }
    struct trial trial; /* the step's deadline counts too */
    trial_make(world, &trial, "transform.jq", "{\"filter\":\"def f: f; f\",\"input\":1}");
    trial.call.deadline = (struct instant){ loop_now(world->loop).us + 200 * US_PER_MS };
    int64_t begin_us = test_now_us();
    trial_start(&trial);
    world_wait(world);
    assert_true(str_equal(trial.result.error.code, STR("jq_timeout")));
    assert_true(test_now_us() - begin_us < 4 * US_PER_S);
    trial_done(&trial);
}

static void endless_output_is_cut_off(void **state)
{
    struct connect_world *world = *state;
    fails(world, "{\"filter\":\"repeat(\\\"0123456789\\\")\",\"input\":1,\"timeout\":\"30s\"}", "jq_output",
        "JQ_OUTPUT_BYTES_MAX");
    fails(world, "{\"filter\":\"\\\"x\\\" * 9000000\",\"input\":1,\"timeout\":\"30s\"}", "jq_output",
        "JQ_OUTPUT_BYTES_MAX");
}

static void memory_is_limited(void **state)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    (void)state;
    print_message("skipped: the sanitizer reserves terabytes; tests/e2e/test_e2e_jq.py tries this\n");
    skip();
#else
    struct connect_world *world = *state;
    fails(world,
        "{\"filter\":\"[limit(1e9; repeat(\\\"0123456789\\\" * 1000))]\",\"input\":1,\"timeout\":\"60s\"}",
        "jq_memory", "memory");
    gives(world, "{\"filter\":\".\",\"input\":1}", "{\"result\":1,\"results\":[1]}");
#endif
}

static void large_inputs_go_through_and_too_large_ones_are_refused(void **state)
{
    struct connect_world *world = *state;
    AUTO(buf) struct buf with = { 0 };
    buf_add_text(&with, "{\"filter\":\"length\",\"input\":\"");
    for (int i = 0; i < 400000; i++)
        buf_add_text(&with, "0123456789");
    buf_add_text(&with, "\"}");
    gives(world, with.data, "{\"result\":4000000,\"results\":[4000000]}");
    with.size -= 2;
    for (int i = 0; i < 450000; i++)
        buf_add_text(&with, "0123456789");
    buf_add_text(&with, "\"}");
    fails(world, with.data, "JQ_INPUT_BYTES_MAX", "too large");
    buf_clear(&with);
    buf_add_text(&with, "{\"input\":1,\"filter\":\"1");
    for (int i = 0; i < 40000; i++)
        buf_add_text(&with, "+1");
    buf_add_text(&with, "\"}");
    fails(world, with.data, "bad_input", "64 KiB");
}

static void deep_values_are_an_error_and_no_crash(void **state)
{
    struct connect_world *world = *state;
    struct trial trial;
    const struct action_result *result = trial_run(
        world, &trial, "transform.jq", "{\"filter\":\"reduce range(1000) as $i (0; [.])\",\"input\":1}");
    assert_false(result->is_ok);
    assert_str_has(result->error.message, "deep");
    trial_done(&trial);
    AUTO(buf) struct buf with = { 0 };
    buf_add_text(&with, "{\"input\":1,\"filter\":\"");
    for (int i = 0; i < 30000; i++)
        buf_add_byte(&with, '(');
    buf_add_text(&with, "\"}");
    result = trial_run(world, &trial, "transform.jq", with.data);
    assert_false(result->is_ok);
    trial_done(&trial);
    gives(world, "{\"filter\":\".\",\"input\":1}", "{\"result\":1,\"results\":[1]}");
}

/* A child that is not what it should be. */
static void child_that_dies_is_a_clear_error_and_the_next_call_works(void **state)
{
    struct connect_world *world = *state;
    static const struct {
        const char *script, *code, *message;
    } cases[] = {
        { "kill -SEGV $$", "jq_crashed", "signal 11" },
        { "kill -KILL $$", "jq_crashed", "signal 9" },
        { "kill -ABRT $$", "jq_memory", "memory" },
        { "exit 3", "jq_process", "ended with 3" },
        { "echo out of order >&2; exit 14", "jq_process", "out of order" },
        { "echo '{'", "", "" },
        { "printf '1\\n\\377\\n'", "", "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *const command[] = { "/bin/sh", "-c", cases[i].script, NULL };
        struct trial trial;
        world->jq_command = command;
        world_drop_connect(world);
        world_make_connect(world);
        const struct action_result *result = trial_run(
            world, &trial, "transform.jq", "{\"filter\":\".\",\"input\":1}");
        assert_false(result->is_ok);
        if (*cases[i].code && !str_equal(result->error.code, str_of(cases[i].code)))
            fail_msg("%s: %.*s", cases[i].script, STR_ARG(result->error.code));
        assert_str_has(result->error.message, cases[i].message);
        trial_done(&trial);
    }
    const char *const missing[] = { "/nowhere/jq", NULL };
    world->jq_command = missing;
    world_drop_connect(world);
    world_make_connect(world);
    struct trial trial;
    const struct action_result *result = trial_run(
        world, &trial, "transform.jq", "{\"filter\":\".\",\"input\":1}");
    assert_false(result->is_ok);
    assert_str_has(result->error.message, "/nowhere/jq");
    trial_done(&trial);
    world->jq_command = NULL;
    world_drop_connect(world);
    world_make_connect(world);
    gives(world, "{\"filter\":\".\",\"input\":1}", "{\"result\":1,\"results\":[1]}");
}

static void many_calls_at_once_do_not_mix(void **state)
{
    struct connect_world *world = *state;
    enum { COUNT = 20 };
    struct trial *trials = calloc(COUNT, sizeof *trials);
    for (int i = 0; i < COUNT; i++) {
        char with[100];
        (void)snprintf(with, sizeof with, "{\"filter\":\". + 1\",\"input\":%d}", i);
        trial_make(world, &trials[i], "transform.jq", with);
        trial_start(&trials[i]);
    }
    world_wait(world);
    for (int i = 0; i < COUNT; i++) {
        char output[100];
        (void)snprintf(output, sizeof output, "{\"result\":%d,\"results\":[%d]}", i + 1, i + 1);
        assert_output(&trials[i].result, output);
        trial_done(&trials[i]);
    }
    free(trials);
}

static void cancelled_filter_ends_at_once(void **state)
{
    struct connect_world *world = *state;
    struct trial trials[4]; /* two run, two wait for a thread */
    int64_t begin_us = test_now_us();
    for (int i = 0; i < 4; i++) {
        trial_make(world, &trials[i], "transform.jq",
            "{\"filter\":\"def f: f; f\",\"input\":1,\"timeout\":\"60s\"}");
        trial_start(&trials[i]);
    }
    for (int i = 0; i < 4; i++) {
        trials[i].call.action->cancel(trials[i].call.action, &trials[i].call);
        assert_false(trials[i].is_done);
        trials[i].call.action->cancel(trials[i].call.action, &trials[i].call); /* once more does no harm */
    }
    world_wait(world);
    for (int i = 0; i < 4; i++) {
        assert_error(&trials[i].result, "cancelled", false, ACTION_NOT_SENT);
        trial_done(&trials[i]);
    }
    assert_true(test_now_us() - begin_us < 10 * US_PER_S);
    gives(world, "{\"filter\":\".\",\"input\":1}", "{\"result\":1,\"results\":[1]}");
}

static void filters_end_with_the_server(void **state)
{
    struct connect_world *world = *state;
    struct trial trials[4];
    int64_t begin_us = test_now_us();
    for (int i = 0; i < 4; i++) {
        trial_make(world, &trials[i], "transform.jq",
            "{\"filter\":\"def f: f; f\",\"input\":1,\"timeout\":\"60s\"}");
        trial_start(&trials[i]);
    }
    connect_stop(world->connect);
    world_wait(world);
    for (int i = 0; i < 4; i++) {
        assert_error(&trials[i].result, "cancelled", false, ACTION_NOT_SENT);
        trial_done(&trials[i]);
    }
    assert_true(test_now_us() - begin_us < 10 * US_PER_S);
}

static void filters_run_in_the_pool_for_slow_work(void **state)
{
    struct connect_world *world = *state;
    struct executor *executor = world->executor;
    world->executor = NULL; /* what contains waits for nobody's filter: it has the other pool */
    world->slow_executor = executor;
    world_drop_connect(world);
    world_make_connect(world);
    gives(world, "{\"filter\":\".\",\"input\":1}", "{\"result\":1,\"results\":[1]}");
    world->executor = executor;
}

/* The process as the kernel sees it, while it works. */

static bool status_has(pid_t pid, const char *wanted)
{
    char path[64], text[8192];
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    if (size < 0)
        return false;
    text[size] = '\0';
    return strstr(text, wanted) != NULL;
}

static void process_has_given_up_its_rights(void **state)
{
    (void)state;
    static const char endless[] = "11\ndef f: f; f[1,{}]";
    char *arguments[] = { (char *)(uintptr_t) "/proc/self/exe", (char *)(uintptr_t)JQ_CHILD_WORD, NULL };
    char *environment[] = { NULL };
    posix_spawn_file_actions_t actions;
    int input[2];
    pid_t pid;
    assert_int_equal(pipe2(input, O_CLOEXEC), 0);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input[0], 0);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    assert_int_equal(posix_spawn(&pid, arguments[0], &actions, NULL, arguments, environment), 0);
    posix_spawn_file_actions_destroy(&actions);
    assert_int_equal(write(input[1], endless, sizeof endless - 1), (ssize_t)sizeof endless - 1);
    close(input[1]);
    close(input[0]);
    bool is_narrow = false;
    for (int tries = 0; tries < 5000 && !is_narrow; tries++) {
        is_narrow = status_has(pid, "Seccomp:\t2\n") && status_has(pid, "NoNewPrivs:\t1\n");
        test_sleep_ms(1);
    }
    assert_true(is_narrow);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        EACH(filter_gives_its_outputs),
        EACH(numbers_beyond_2_53_are_rounded),
        EACH(faults_of_the_filter_are_told_with_jqs_words),
        EACH(filter_reaches_nothing_outside),
        EACH(endless_filters_are_ended_in_time),
        EACH(endless_output_is_cut_off),
        EACH(memory_is_limited),
        EACH(large_inputs_go_through_and_too_large_ones_are_refused),
        EACH(deep_values_are_an_error_and_no_crash),
        EACH(child_that_dies_is_a_clear_error_and_the_next_call_works),
        EACH(many_calls_at_once_do_not_mix),
        EACH(cancelled_filter_ends_at_once),
        EACH(filters_end_with_the_server),
        EACH(filters_run_in_the_pool_for_slow_work),
        EACH(process_has_given_up_its_rights),
    };
    if (argc == 2 && strcmp(argv[1], JQ_CHILD_WORD) == 0)
        jq_child_main();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
