/* Runs the tests of a unit test program again and again, each time with one call refused at another place
 * (places.h). What a test expects can't hold then, and is not looked at: nothing may crash, hang, trip over
 * an assertion of ours or over a sanitizer. Linked in front of cmocka's own runner; each playing is a process
 * of its own.
 *
 *     faulted_FLOOR_NAME memory|store|system [--depth N] [--only TEST [--call N]]
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "places.h"

#define PATIENCE_SECONDS 20
#define SANITIZER_EXIT 99 /* ASAN_OPTIONS=exitcode=99, as meson.build sets it */

int __wrap__cmocka_run_group_tests(const char *group, const struct CMUnitTest *tests, size_t count,
    CMFixtureFunction setup, CMFixtureFunction teardown);
int __real_main(int count, char **arguments);
int __wrap_main(int count, char **arguments);

static struct {
    enum fault_kind kind;
    const char *only; /* test */
    long call; /* that one alone; below zero: all */
} asked = { .call = -1 };

/* ---- for plain.h ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *plain_malloc(size_t size);
void *plain_calloc(size_t count, size_t size);
void *plain_realloc(void *old, size_t size);
char *plain_strdup(const char *text);

void *plain_malloc(size_t size)
{
    return __real_malloc(size);
}

void *plain_calloc(size_t count, size_t size)
{
    return __real_calloc(count, size);
}

void *plain_realloc(void *old, size_t size)
{
    return __real_realloc(old, size);
}

char *plain_strdup(const char *text)
{
    return __real_strdup(text);
}

/* ---- the tests ---- */

/* In the child: an assertion that fails outside of cmocka's runner ends the process in order. */
static void play(const struct CMUnitTest *test, CMFixtureFunction group_setup, long number)
{
    void *state = test->initial_state, *group_state = NULL;
    if (!freopen("/dev/null", "w", stdout) || (!getenv("FAULT_TRACE") && !freopen("/dev/null", "w", stderr)))
        _exit(98);
    (void)setpgid(0, 0); /* so that what it makes ends with it */
    alarm(PATIENCE_SECONDS);
    if (group_setup && group_setup(&group_state) != 0)
        exit(1);
    if (!state)
        state = group_state;
    if (number < 0)
        faults_look(asked.kind);
    else
        faults_refuse(asked.kind, number, 0);
    if (!test->setup_func || test->setup_func(&state) == 0) {
        test->test_func(&state);
        if (test->teardown_func)
            (void)test->teardown_func(&state); /* nobody asks how it went */
    }
    (void)faults_end();
    exit(0);
}

/* What is wrong with how the child ended; NULL: nothing. */
static const char *wait_for(pid_t child)
{
    int status = 0;
    bool is_found = waitpid(child, &status, 0) == child;
    (void)kill(-child, SIGKILL); /* what the test had made and was kept from ending */
    if (!is_found)
        return "is not to be found";
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGALRM ? "hangs" : strsignal(WTERMSIG(status));
    return WEXITSTATUS(status) == SANITIZER_EXIT ? "trips a sanitizer" : NULL;
}

/* The first caller above base/: "file.c:12". Empty when addr2line does not know. */
static void place_of(char *text, size_t size)
{
    const size_t *callers = NULL;
    unsigned count = faults_callers(&callers);
    text[0] = '\0';
    for (unsigned i = 0; i < count; i++) {
        char command[80], line[400] = "";
        snprintf(command, sizeof(command), "addr2line -e /proc/%d/exe 0x%zx", (int)getpid(), callers[i]);
        FILE *out = popen(command, "r");
        bool is_read = out && fgets(line, sizeof(line), out);
        if (out)
            (void)pclose(out); /* what it printed is all there is */
        if (!is_read || strstr(line, "/base/") || strstr(line, "tests/faults/"))
            continue;
        line[strcspn(line, "\n")] = '\0';
        snprintf(text, size, "%s", line);
        return;
    }
}

/* A test that gets no memory of its own, for a buffer, stumbles over that by itself. */
static bool is_of_the_test(const char *place)
{
    return strstr(place, "tests/unit/") != NULL || place[0] == '\0';
}

static const char *play_apart(const struct CMUnitTest *test, CMFixtureFunction group_setup, long number)
{
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        play(test, group_setup, number);
    return child < 0 ? "can't be made a process" : wait_for(child);
}

int __wrap__cmocka_run_group_tests(const char *group, const struct CMUnitTest *tests, size_t count,
    CMFixtureFunction setup, CMFixtureFunction teardown)
{
    unsigned passed = 0, failed = 0;
    long places = 0;
    (void)teardown; /* each playing ends with its process */
    for (size_t i = 0; i < count; i++) {
        if (asked.only && strcmp(asked.only, tests[i].name) != 0)
            continue;
        const char *wrong = play_apart(&tests[i], setup, -1);
        struct fault_list list = faults_looked();
        unsigned faults = 0;
        if (wrong)
            printf("skipped: %s %s by itself\n", tests[i].name, wrong);
        if (asked.call >= 0)
            list = (struct fault_list){ &asked.call, 1 };
        for (long k = 0; k < list.count && !wrong && faults < 5; k++) {
            const char *how = play_apart(&tests[i], setup, list.numbers[k]);
            char place[400];
            if (!how)
                continue;
            place_of(place, sizeof(place));
            if (is_of_the_test(place))
                continue;
            printf("not ok %s: call %ld refused, %s: %s\n", tests[i].name, list.numbers[k], place, how);
            faults++;
        }
        places += list.count;
        *(faults ? &failed : &passed) += 1;
    }
    printf("%s: %ld places\n%u passed, %u failed\n", group, places, passed, failed);
    return (int)failed;
}

/* Before the program's own `main`, which has no arguments. */
int __wrap_main(int count, char **arguments)
{
    static const char *const kinds[] = { "memory", "store", "system" };
    for (int i = 1; i < count; i++) {
        for (int kind = 0; kind < 3; kind++) {
            if (strcmp(arguments[i], kinds[kind]) == 0)
                asked.kind = (enum fault_kind)kind;
        }
        if (strcmp(arguments[i], "--only") == 0 && i + 1 < count)
            asked.only = arguments[++i];
        else if (strcmp(arguments[i], "--call") == 0 && i + 1 < count)
            asked.call = atol(arguments[++i]);
        else if (strcmp(arguments[i], "--depth") == 0 && i + 1 < count)
            faults_set_depth((unsigned)atoi(arguments[++i]));
    }
    if (!faults_share())
        return 1;
    return __real_main(count, arguments);
}
