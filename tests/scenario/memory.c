/* Plays scenarios again and again, each time with one allocation refused, the next one each time: nothing may
 * crash, leak or hang, and what comes of the run is what was to come of it, or an error that names the want
 * of memory. memory FILE NAME … */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/yaml.h"
#include "scenario.h"

#define ALLOCATIONS_MAX 20000

/* In place of base/memory.c. */
static long refused_after =
    -1; /* allocations that still work before the one that does not; below zero: all do */

static bool is_refused(void)
{
    return refused_after >= 0 && refused_after-- == 0;
}

void *memory_alloc(size_t size)
{
    return is_refused() ? NULL : malloc(size);
}

void *memory_realloc(void *old, size_t size)
{
    return is_refused() ? NULL : realloc(old, size);
}

void memory_free(void *old)
{
    free(old);
}

/* Whether an allocation was refused at all: else all have been tried. */
static bool play_once(const struct scenario *scenario, long after, struct buf *faults)
{
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf found = { 0 };
    struct err_info why = { 0 };
    struct played played = {
        .scenario = scenario, .arena = &arena, .patience_us = 4 * US_PER_DAY, .faults = &found
    };
    refused_after = after;
    enum err result = scenario_play(&played, &why);
    bool was_refused = refused_after < 0;
    refused_after = -1;
    bool is_said = str_contains(buf_str(&found), STR("memory")) || result == ERR_MEMORY ||
        strstr(why.text, "memory");
    if ((result != ERR_OK || found.size > 0) && !is_said)
        buf_printf(faults, "  allocation %ld: %s\n%.*s", after, why.text, (int)found.size, found.data);
    return was_refused;
}

static void play_all(const struct scenario *scenario, unsigned *passed, unsigned *failed)
{
    AUTO(buf) struct buf faults = { 0 };
    long after = 0;
    while (after < ALLOCATIONS_MAX && faults.size < 4000 && play_once(scenario, after, &faults))
        after++;
    printf("%s %.*s: %.*s, %ld allocations\n%.*s", faults.size ? "not ok" : "ok", STR_ARG(scenario->file),
        STR_ARG(scenario->name), after, (int)faults.size, faults.data ? faults.data : "");
    fflush(stdout);
    *(faults.size ? failed : passed) += 1;
}

static FALLIBLE run_file(const char *folder, const char *file, const char *name, unsigned *passed,
    unsigned *failed, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct scenario_file read;
    struct str path;
    TRY(arena_printf(&arena, &path, why, "%s/%s.yaml", folder, file));
    TRY(scenario_file_read(path.data, &arena, &read, why));
    for (uint32_t i = 0; i < read.count; i++) {
        if (str_contains(read.scenarios[i].name, str_of(name)))
            play_all(&read.scenarios[i], passed, failed);
    }
    return ERR_OK;
}

int main(int count, char **arguments)
{
    static const char *const cases[][2] = { { "first", "high score" }, { "do", "local action is done" },
        { "do", "steps under on_error run" }, { "do", "ends by itself" }, { "parallel", "any takes" },
        { "try", "catch sees" }, { "run", "gives its output" }, { "ask", "a choice" },
        { "wait", "next event that matches" }, { "concurrency", "queue runs" },
        { "triggers", "passes the filter" }, { "retry", "cancelled run goes on" },
        { "unasked", "each of its times" } };
    unsigned passed = 0, failed = 0;
    for (size_t i = 0; count == 2 && i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err_info why = { 0 };
        if (run_file(arguments[1], cases[i][0], cases[i][1], &passed, &failed, &why) == ERR_OK)
            continue;
        printf("not ok %s: %s\n", cases[i][0], why.text);
        failed++;
    }
    printf("%u passed, %u failed\n", passed, failed);
    return failed > 0 || passed == 0;
}
