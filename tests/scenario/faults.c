/* Plays scenarios again and again, each time with one call refused, at another place each time: nothing may
 * crash, leak or hang, and what comes of the run is what was to come of it, or an error that names the want.
 * scenario_faults memory|store [--depth N] [--only TEXT [--call N]] [--crash] [--reads] FOLDER
 *
 * With --reads they are played undisturbed, and what can be read at their end is (reads.c).
 * With --crash the process dies on the way, and what is refused is asked for by what comes after. */
#include <glob.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"

#define FAULTS_BYTES_MAX 4000

struct totals {
    enum fault_kind kind;
    const char *only;
    long call; /* that one alone; below zero: all */
    bool crashes, reads;
    unsigned passed, failed;
    long refused;
};

/* SQLite's codes that a store can come back from, by turns. */
static const int codes[] = { SQLITE_NOMEM, SQLITE_FULL, SQLITE_IOERR, SQLITE_BUSY };
#define CODES (sizeof(codes) / sizeof(codes[0]))

/* What is then said. Of the store any of these: some calls fail in one way only (places.c), and a watch that
 * can't be asked says that memory is wanting (rehearsal_go_on). */
static bool is_said(enum fault_kind kind, struct str text)
{
    static const char *const words[] = { "memory", "full", "I/O", "io", "locked", "unavailable" };
    for (size_t i = 0; i < (kind == FAULT_STORE ? sizeof(words) / sizeof(words[0]) : 1); i++) {
        if (str_contains(text, str_of(words[i])))
            return true;
    }
    return false;
}

int scenario_want_code(long number)
{
    return codes[(size_t)number % CODES];
}

bool scenario_want_is_said(enum fault_kind kind, enum err result, const struct err_info *why)
{
    return is_said(kind, str_of(why->text)) || is_said(kind, str_of(err_word(result)));
}

static void stop_refusing(struct played *played)
{
    (void)played;
    (void)faults_end(); /* it is asked again at the end */
}

static void read_without_memory(struct played *played)
{
    scenario_read_disturbed(played, FAULT_MEMORY);
}

static void read_without_store(struct played *played)
{
    scenario_read_disturbed(played, FAULT_STORE);
}

/* Nothing is refused when `number` is below zero. What is wrong goes to `faults`. A call whose result was
 * lost went out again, and may have had another answer: then what came of it is not told. `*calls` are those
 * of the undisturbed playing. */
static void play_once(const struct totals *totals, const struct scenario *scenario, long number,
    uint32_t *calls, struct buf *faults)
{
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf found = { 0 };
    struct err_info why = { 0 };
    struct played played = { .scenario = scenario,
        .arena = &arena,
        .patience_us = 400 * US_PER_DAY,
        .crash_at = totals->crashes ? 12 : 0,
        .looks = stop_refusing,
        .faults = &found };
    if (number < 0)
        faults_look(totals->kind);
    else
        faults_refuse(totals->kind, number, scenario_want_code(number));
    enum err result = scenario_play(&played, &why);
    bool has_struck = faults_end();
    /* Two disturbances leave nothing to compare with, but that nothing is done twice. */
    bool is_once = !str_contains(buf_str(&found), STR("took effect"));
    bool is_told = has_struck && result != ERR_TIMEOUT && is_once &&
        (totals->crashes || played.had_no_mock || played.calls > *calls ||
            is_said(totals->kind, buf_str(&found)) || scenario_want_is_said(totals->kind, result, &why));
    if (number < 0)
        *calls = played.calls;
    if ((result != ERR_OK || found.size > 0) && !is_told)
        buf_printf(faults, "  call %ld refused: %s\n%.*s", number, why.text, (int)found.size,
            found.data ? found.data : "");
}

/* One that goes otherwise when a person who is asked looks at the tool has nothing to compare with. */
static void play_all(struct totals *totals, const struct scenario *scenario)
{
    AUTO(buf) struct buf faults = { 0 };
    struct value heavy = value_get(scenario->given, STR("heavy"));
    struct value crash = value_get(scenario->given, STR("crash"));
    if (heavy.type == VALUE_BOOL || (totals->crashes && crash.type == VALUE_BOOL))
        return;
    uint32_t calls = 0;
    play_once(totals, scenario, -1, &calls, &faults);
    struct fault_list list = faults_looked();
    if (totals->call >= 0)
        list = (struct fault_list){ &totals->call, 1 };
    if (faults.size > 0) {
        printf("skipped %.*s: %.*s\n", STR_ARG(scenario->file), STR_ARG(scenario->name));
        return;
    }
    for (long i = 0; i < list.count && faults.size < FAULTS_BYTES_MAX; i++)
        play_once(totals, scenario, list.numbers[i], &calls, &faults);
    printf("%s %.*s: %.*s, %ld places\n%.*s", faults.size ? "not ok" : "ok", STR_ARG(scenario->file),
        STR_ARG(scenario->name), list.count, (int)faults.size, faults.data ? faults.data : "");
    fflush(stdout);
    *(faults.size ? &totals->failed : &totals->passed) += 1;
    totals->refused += list.count;
}

/* Undisturbed to its end; then everything is read with something wanting. */
static void play_reads(struct totals *totals, const struct scenario *scenario)
{
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf faults = { 0 };
    struct err_info why = { 0 };
    struct played played = { .scenario = scenario,
        .arena = &arena,
        .faults = &faults,
        .looks = totals->kind == FAULT_STORE ? read_without_store : read_without_memory };
    if (scenario_play(&played, &why) != ERR_OK)
        buf_printf(&faults, "  %s\n", why.text);
    printf("%s %.*s: %.*s: reads\n%.*s", faults.size ? "not ok" : "ok", STR_ARG(scenario->file),
        STR_ARG(scenario->name), (int)faults.size, faults.data ? faults.data : "");
    *(faults.size ? &totals->failed : &totals->passed) += 1;
}

static FALLIBLE run_file(struct totals *totals, const char *path, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct scenario_file read;
    TRY(scenario_file_read(path, &arena, &read, why));
    for (uint32_t i = 0; i < read.count; i++) {
        if (!totals->only || str_contains(read.scenarios[i].name, str_of(totals->only)))
            (totals->reads ? play_reads : play_all)(totals, &read.scenarios[i]);
    }
    return ERR_OK;
}

static void run_folder(struct totals *totals, const char *folder)
{
    char pattern[4096];
    glob_t found = { 0 };
    snprintf(pattern, sizeof(pattern), "%s/*.yaml", folder);
    if (glob(pattern, 0, NULL, &found) != 0)
        found.gl_pathc = 0;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct err_info why = { 0 };
        if (run_file(totals, found.gl_pathv[i], &why) == ERR_OK)
            continue;
        printf("not ok %s: %s\n", found.gl_pathv[i], why.text);
        totals->failed++;
    }
    globfree(&found);
}

int main(int count, char **arguments)
{
    struct totals totals = { .call = -1 };
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "memory") == 0)
            totals.kind = FAULT_MEMORY;
        else if (strcmp(arguments[i], "store") == 0)
            totals.kind = FAULT_STORE;
        else if (strcmp(arguments[i], "--crash") == 0)
            totals.crashes = true;
        else if (strcmp(arguments[i], "--reads") == 0)
            totals.reads = true;
        else if (strcmp(arguments[i], "--only") == 0 && i + 1 < count)
            totals.only = arguments[++i];
        else if (strcmp(arguments[i], "--call") == 0 && i + 1 < count)
            totals.call = atol(arguments[++i]);
        else if (strcmp(arguments[i], "--depth") == 0 && i + 1 < count)
            faults_set_depth((unsigned)atoi(arguments[++i]));
        else
            run_folder(&totals, arguments[i]);
    }
    printf("%ld places\n%u passed, %u failed\n", totals.refused, totals.passed, totals.failed);
    return totals.failed > 0 || totals.passed == 0;
}
