/* Runs scenario files: scenario [--crash or --cancel] [--only TEXT] FILE-OR-FOLDER… Prints `ok` or `not ok` a
 * case, and `N passed, N failed`. With --crash each case is played once for each step of its loop, with a
 * crash before that step; what has to come of it is the same. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario.h"

#define FAULTS_SHOWN_MAX 3
#define CRASHES_MAX 40

struct totals {
    unsigned passed, failed;
    const char *only;
    bool crashes, cancels;
};

/* What comes in between. Zero: nothing. */
struct disturbance {
    uint64_t crash_at, crash_again, cancel_at;
    struct buf *faults;
};

/* Plays it once. */
static FALLIBLE play(
    const struct scenario *scenario, const struct disturbance *by, uint64_t *ret_steps, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct played played = { .scenario = scenario,
        .arena = &arena,
        .crash_at = by->crash_at,
        .crash_again = by->crash_again,
        .cancel_at = by->cancel_at,
        .patience_us = by->cancel_at ? 100 * US_PER_DAY : 0,
        .faults = by->faults };
    TRY(scenario_play(&played, why));
    if (ret_steps)
        *ret_steps = played.steps;
    return ERR_OK;
}

static void say(struct totals *totals, const struct scenario *scenario, const struct buf *faults)
{
    bool is_ok = faults->size == 0;
    *(is_ok ? &totals->passed : &totals->failed) += 1;
    printf("%s %.*s: %.*s\n%.*s", is_ok ? "ok" : "not ok", STR_ARG(scenario->file), STR_ARG(scenario->name),
        (int)faults->size, faults->data ? faults->data : "");
    fflush(stdout);
}

static void add_failure(struct buf *faults, const struct err_info *why)
{
    buf_printf(faults, "    %s\n", why->text);
}

/* A crash, or a cancel, before each step of the loop, one playing each; of long scenarios, which mostly wait,
 * before some. */
static void play_disturbed(
    const struct totals *totals, const struct scenario *scenario, uint64_t steps, struct buf *faults)
{
    unsigned shown = 0;
    uint64_t stride = steps / CRASHES_MAX + 1;
    for (uint64_t at = 1; at <= steps && shown < FAULTS_SHOWN_MAX; at += stride) {
        AUTO(buf) struct buf found = { 0 };
        struct err_info why = { 0 };
        struct disturbance by = { .faults = &found };
        if (totals->crashes) {
            by.crash_at = at;
            by.crash_again = at % 3 == 0 ? at % 7 + 1 : 0; /* some are followed by another soon */
        } else {
            by.cancel_at = at;
        }
        if (play(scenario, &by, NULL, &why) != ERR_OK)
            add_failure(&found, &why);
        if (found.size == 0)
            continue;
        buf_printf(faults, "  %s before step %llu, again after %llu:\n%.*s",
            totals->crashes ? "crash" : "cancel", (unsigned long long)at, (unsigned long long)by.crash_again,
            (int)found.size, found.data);
        shown++;
    }
}

static void run_case(struct totals *totals, const struct scenario *scenario)
{
    AUTO(buf) struct buf faults = { 0 };
    struct err_info why = { 0 };
    uint64_t steps = 0;
    struct value crash = value_get(scenario->given, STR("crash"));
    bool may_crash = !(crash.type == VALUE_BOOL && !crash.boolean);
    struct value heavy = value_get(scenario->given, STR("heavy")); /* once is enough */
    if ((totals->crashes && !may_crash) || ((totals->crashes || totals->cancels) && heavy.type == VALUE_BOOL))
        return;
    if (play(scenario, &(struct disturbance){ .faults = &faults }, &steps, &why) != ERR_OK)
        add_failure(&faults, &why);
    if ((totals->crashes || totals->cancels) && faults.size == 0)
        play_disturbed(totals, scenario, steps, &faults);
    say(totals, scenario, &faults);
}

static FALLIBLE run_file(struct totals *totals, const char *path, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct scenario_file file;
    TRY(scenario_file_read(path, &arena, &file, why));
    for (uint32_t i = 0; i < file.count; i++) {
        if (!totals->only || str_contains(file.scenarios[i].name, str_of(totals->only)))
            run_case(totals, &file.scenarios[i]);
    }
    return ERR_OK;
}

static void run_path(struct totals *totals, const char *path)
{
    char pattern[4096];
    glob_t found = { 0 };
    snprintf(pattern, sizeof(pattern), "%s/*.yaml", path);
    if (glob(pattern, 0, NULL, &found) != 0)
        found.gl_pathc = 0;
    for (size_t i = 0; i < (found.gl_pathc ? found.gl_pathc : 1); i++) {
        struct err_info why = { 0 };
        const char *file = found.gl_pathc ? found.gl_pathv[i] : path;
        if (run_file(totals, file, &why) == ERR_OK)
            continue;
        printf("not ok %s:%u:%u: %s\n", file, why.line, why.column, why.text);
        totals->failed++;
    }
    globfree(&found);
}

int main(int count, char **arguments)
{
    struct totals totals = { 0 };
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--crash") == 0)
            totals.crashes = true;
        else if (strcmp(arguments[i], "--cancel") == 0)
            totals.cancels = true;
        else if (strcmp(arguments[i], "--only") == 0 && i + 1 < count)
            totals.only = arguments[++i];
        else
            run_path(&totals, arguments[i]);
    }
    printf("%u passed, %u failed\n", totals.passed, totals.failed);
    return totals.failed > 0;
}
