/* `tocsin backtest`: what a changed playbook would have decided. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backtest.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/timetext.h"
#include "commands.h"
#include "faults.h"
#include "file.h"
#include "options.h"
#include "table.h"

enum {
    BACK_EVENTS,
    BACK_SINCE,
    BACK_SOURCE,
    BACK_AGAINST,
    BACK_MOCK,
    BACK_CONTENT,
    BACK_FAIL_ON,
    BACK_SAVE,
    BACK_SERVER,
    BACK_ALL,
    BACK_JSON,
};
static const struct option_spec specs[] = {
    [BACK_EVENTS] = { "events", OPTION_TEXT, "FILE", "recorded events: JSON, an array, or a line each" },
    [BACK_SINCE] = { "since", OPTION_TEXT, "SPAN", "the server's events, e.g. of the last 30d" },
    [BACK_SOURCE] = { "source", OPTION_TEXT, "NAME", "where the events of a file come from (generic)" },
    [BACK_AGAINST] = { "against", OPTION_TEXT, "PLAYBOOK.yaml",
        "compare with this version, not with what was recorded" },
    [BACK_MOCK] = { "mock", OPTION_TEXT, "FILE", "YAML: answers of actions that have no recorded ones" },
    [BACK_CONTENT] = { "content", OPTION_LIST, "DIR",
        "a content folder: its connectors, sources and playbooks are known" },
    [BACK_FAIL_ON] = { "fail-on", OPTION_LIST, "KIND",
        "end with 1 when these change: contain, remediate, notify, ticket, ask, status" },
    [BACK_SAVE] = { "save", OPTION_TEXT, "FILE", "also write what --since read, for --events" },
    [BACK_SERVER] = { "server", OPTION_TEXT, "URL", "the server (TOCSIN_SERVER; " SERVER_DEFAULT ")" },
    [BACK_ALL] = { "all", OPTION_FLAG, NULL, "show every changed run, not only the first 20" },
    [BACK_JSON] = { "json", OPTION_FLAG, NULL, "print the difference as JSON" },
    { .name = NULL },
};

#define CHANGES_SHOWN 20
#define TEXT_WIDTH 100
#define ARENA_BYTES (UINT64_C(8) << 30)
#define THREADS_MAX 8

struct backtesting {
    const struct options *options;
    struct arena arena;
    struct library library;
    struct recordings recordings;
    struct diagnostics found;
    struct backtest backtest;
    unsigned fail_on; /* bits of enum outcome */
    int64_t begin_us;
};

static void backtesting_cleanup(struct backtesting *own)
{
    library_close(&own->library);
    arena_done(&own->arena);
}

static const struct option_value *option(const struct backtesting *own, int index)
{
    return &own->options->values[index];
}

/* ---- what it is made of ---- */

static FALLIBLE read_side(
    struct backtesting *own, const char *path, struct backtest_side *ret, struct err_info *why)
{
    struct str folder;
    TRY(arena_str(&own->arena, file_folder(str_of(path)), &folder, why));
    *ret = (struct backtest_side){ .folder = folder.data, .file = str_of(path) };
    TRY(file_read(path, YAML_BYTES_MAX, &own->arena, &ret->text, why));
    if (ret->text.size == 0)
        return err_set(why, ERR_INVALID, "%s is empty", path);
    return ERR_OK;
}

static FALLIBLE read_mocks(struct backtesting *own, struct err_info *why)
{
    const char *path = option(own, BACK_MOCK)->text;
    own->backtest.mocks = value_null();
    return path ? file_read_yaml(path, &own->arena, &own->backtest.mocks, why) : ERR_OK;
}

static void tell_reading(size_t count)
{
    if (isatty(STDERR_FILENO) && count % 16 == 0)
        fprintf(stderr, "\r%zu events read", count);
}

static void tell_running(void *context, uint64_t done)
{
    const struct backtesting *own = context;
    bool is_long = clock_monotonic_us(clock_system()) - own->begin_us > US_PER_S;
    if (isatty(STDERR_FILENO) && is_long)
        fprintf(stderr, "\r%llu of %zu events", (unsigned long long)done, own->recordings.count);
}

static FALLIBLE save(struct backtesting *own, const char *path, struct err_info *why)
{
    FILE *file = fopen(path, "we");
    bool is_good = file != NULL;
    for (size_t i = 0; is_good && i < own->recordings.count; i++) {
        AUTO(buf) struct buf line = { 0 };
        recording_print(&line, &own->recordings.items[i]);
        is_good = buf_check(&line, NULL) == ERR_OK && fwrite(line.data, 1, line.size, file) == line.size;
    }
    if (file != NULL && fclose(file) != 0)
        is_good = false;
    return is_good ? ERR_OK : err_set(why, ERR_IO, "%s could not be written", path);
}

static FALLIBLE fetch(struct backtesting *own, struct err_info *why)
{
    struct login login;
    int64_t span_us;
    struct instant since = clock_now(clock_system());
    if (span_parse(str_of(option(own, BACK_SINCE)->text), &span_us, NULL) != ERR_OK)
        return err_set(why, ERR_INVALID, "--since: a span such as 30d is expected");
    since.us -= span_us;
    TRY(login_find(option(own, BACK_SERVER)->text, &own->arena, &login, why));
    struct str name = playbook_text_name(&own->arena, own->backtest.now.text);
    enum err result = recordings_fetch(&own->arena, &login, name, since, tell_reading, &own->recordings, why);
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
    TRY(result);
    return option(own, BACK_SAVE)->is_set ? save(own, option(own, BACK_SAVE)->text, why) : ERR_OK;
}

static FALLIBLE read_fail_on(struct backtesting *own, struct err_info *why)
{
    for (size_t i = 0; i < option(own, BACK_FAIL_ON)->count; i++) {
        struct str rest = str_of(option(own, BACK_FAIL_ON)->list[i]), word;
        while (str_split(&rest, ',', &word)) {
            enum outcome outcome;
            if (!outcome_parse(str_trim(word), &outcome))
                return err_set(why, ERR_INVALID,
                    "--fail-on %.*s: contain, remediate, notify, ticket, ask or status is expected",
                    STR_ARG(word));
            own->fail_on |= 1u << outcome;
        }
    }
    return ERR_OK;
}

static FALLIBLE prepare(struct backtesting *own, struct err_info *why)
{
    const struct library_options library = { .folders = option(own, BACK_CONTENT)->list,
        .folder_count = option(own, BACK_CONTENT)->count,
        .is_virtual = true };
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    own->backtest = (struct backtest){ .library = &own->library,
        .recordings = &own->recordings,
        .thread_count = cores < 1 ? 1
            : cores > THREADS_MAX ? THREADS_MAX
                                  : (unsigned)cores,
        .tell = tell_running,
        .context = own,
        .arena = &own->arena };
    TRY(read_fail_on(own, why));
    TRY(read_side(own, own->options->arguments[0], &own->backtest.now, why));
    if (option(own, BACK_AGAINST)->is_set)
        TRY(read_side(own, option(own, BACK_AGAINST)->text, &own->backtest.before, why));
    TRY(read_mocks(own, why));
    TRY(library_open(&library, &own->found, &own->library, why));
    if (option(own, BACK_SINCE)->is_set)
        return fetch(own, why);
    return recordings_read(&own->arena, option(own, BACK_EVENTS)->text,
        str_of(option(own, BACK_SOURCE)->text), &own->recordings, why);
}

/* ---- what it tells ---- */

/* A file's events are told by their number, from 1. */
static void add_change(
    struct buf *buf, const struct backtesting *own, const struct backtest_change *change, bool has_colours)
{
    const struct recording *recording = change->recording;
    struct str id = recording->run_id.size > 0 ? recording->run_id : recording->id;
    buf_add_text(buf, "  ");
    if (id.size > 0)
        table_add_cell(buf, value_string(id), 0);
    else
        buf_printf(buf, "event %zu", (size_t)(recording - own->recordings.items) + 1);
    buf_add_text(buf, "  ");
    paint_add(buf, change->is_new ? PAINT_WARN : PAINT_FAINT,
        change->is_new ? STR("now ") : STR("not any more "), has_colours);
    buf_printf(buf, "%s ", outcome_name(change->decision.outcome));
    table_add_cell(buf, value_string(change->decision.name), 0);
    if (change->decision.target.size > 0) {
        buf_add_byte(buf, ' ');
        table_add_cell(buf, value_string(change->decision.target), TEXT_WIDTH);
    }
    buf_add_byte(buf, '\n');
}

static void print_totals(struct buf *buf, const struct backtest *backtest)
{
    for (const struct backtest_total *total = backtest->totals; total; total = total->next) {
        buf_printf(buf, "  %-10s %-32.*s", outcome_name(total->outcome), STR_ARG(total->name));
        if (backtest->compared == 0)
            buf_printf(buf, " %8llu\n", (unsigned long long)total->now);
        else
            buf_printf(buf, " before %8llu  now %8llu  +%llu -%llu\n", (unsigned long long)total->before,
                (unsigned long long)total->now, (unsigned long long)total->added,
                (unsigned long long)total->removed);
    }
}

static void print_text(struct buf *buf, const struct backtesting *own)
{
    const struct backtest *backtest = &own->backtest;
    uint64_t left = option(own, BACK_ALL)->is_set ? UINT64_MAX : CHANGES_SHOWN;
    bool has_colours = table_has_colours();
    buf_printf(buf, "%zu events: %llu runs, %llu start nothing\n", own->recordings.count,
        (unsigned long long)backtest->runs, (unsigned long long)backtest->no_runs);
    print_totals(buf, backtest);
    if (backtest->missing > 0)
        buf_printf(buf, "%llu answers that nobody recorded, in %llu runs: what these decide is a guess\n",
            (unsigned long long)backtest->missing, (unsigned long long)backtest->unsure);
    if (backtest->compared == 0) {
        buf_add_text(buf, "nothing to compare with: use --since, recorded runs, or --against\n");
        return;
    }
    buf_printf(buf, "%llu of %llu would decide otherwise\n", (unsigned long long)backtest->changed,
        (unsigned long long)backtest->compared);
    const struct backtest_change *change = backtest->changes;
    for (; change && left > 0; change = change->next, left--)
        add_change(buf, own, change, has_colours);
    if (change != NULL)
        buf_add_text(buf, "  … (--all shows the others)\n");
}

static void add_text(struct buf *buf, const char *name, struct str text)
{
    buf_printf(buf, "\"%s\":", name);
    json_print_string(buf, text);
}

static void print_json(struct buf *buf, const struct backtesting *own)
{
    const struct backtest *backtest = &own->backtest;
    buf_printf(buf, "{\"events\":%zu,\"runs\":%llu,\"no_runs\":%llu,\"compared\":%llu,\"changed\":%llu,",
        own->recordings.count, (unsigned long long)backtest->runs, (unsigned long long)backtest->no_runs,
        (unsigned long long)backtest->compared, (unsigned long long)backtest->changed);
    buf_printf(buf, "\"missing_answers\":%llu,\"unsure_runs\":%llu,\"totals\":[",
        (unsigned long long)backtest->missing, (unsigned long long)backtest->unsure);
    for (const struct backtest_total *total = backtest->totals; total; total = total->next) {
        buf_printf(
            buf, "%s{\"kind\":\"%s\",", total == backtest->totals ? "" : ",", outcome_name(total->outcome));
        add_text(buf, "name", total->name);
        buf_printf(buf, ",\"before\":%llu,\"now\":%llu,\"added\":%llu,\"removed\":%llu}",
            (unsigned long long)total->before, (unsigned long long)total->now,
            (unsigned long long)total->added, (unsigned long long)total->removed);
    }
    buf_add_text(buf, "],\"changes\":[");
    for (const struct backtest_change *change = backtest->changes; change; change = change->next) {
        buf_printf(buf, "%s{\"kind\":\"%s\",\"change\":\"%s\",", change == backtest->changes ? "" : ",",
            outcome_name(change->decision.outcome), change->is_new ? "added" : "removed");
        add_text(buf, "name", change->decision.name);
        buf_printf(buf, ",\"number\":%zu,", (size_t)(change->recording - own->recordings.items) + 1);
        add_text(buf, "event_id", change->recording->id);
        buf_add_byte(buf, ',');
        add_text(buf, "run_id", change->recording->run_id);
        buf_printf(buf, ",\"with\":%.*s}",
            STR_ARG(change->decision.target.size ? change->decision.target : STR("null")));
    }
    buf_add_text(buf, "]}\n");
}

static bool has_failed(const struct backtesting *own)
{
    for (const struct backtest_change *change = own->backtest.changes; change; change = change->next)
        if (own->fail_on & (1u << change->decision.outcome))
            return true;
    return false;
}

static FALLIBLE run(struct backtesting *own, struct err_info *why)
{
    AUTO(buf) struct buf buf = { 0 };
    TRY(prepare(own, why));
    own->begin_us = clock_monotonic_us(clock_system());
    enum err result = backtest_run(&own->backtest, &own->found, why);
    int64_t elapsed_us = clock_monotonic_us(clock_system()) - own->begin_us;
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
    TRY(result);
    if (option(own, BACK_JSON)->is_set)
        print_json(&buf, own);
    else
        print_text(&buf, own);
    TRY(buf_check(&buf, why));
    fwrite(buf.data, 1, buf.size, stdout);
    if (elapsed_us > US_PER_S && isatty(STDERR_FILENO))
        fprintf(stderr, "%.0f events a second\n", (double)own->recordings.count * 1e6 / (double)elapsed_us);
    if (own->fail_on != 0 && own->backtest.compared == 0)
        return err_set(why, ERR_INVALID,
            "--fail-on needs something to compare with: --since, recorded runs, or --against");
    return ERR_OK;
}

int cmd_backtest(int argc, char **argv)
{
    struct options options = { .usage = "tocsin backtest PLAYBOOK.yaml --events FILE|--since 30d [OPTION…]",
        .summary =
            "Runs a changed playbook over recorded events with the answers recorded then; nothing is "
            "called.\nPrints what it would decide otherwise. Exit status: 0 done, 1 a kind of --fail-on "
            "changed or the\nplaybook has errors, 2 wrong use or unreadable input.",
        .specs = specs };
    struct err_info why = { 0 };
    int status = options_parse(&options, argc, argv);
    if (status != OPTIONS_GO_ON)
        return status;
    if (options.argument_count != 1)
        return options_wrong(&options, "name one playbook's file");
    if (options.values[BACK_EVENTS].is_set == options.values[BACK_SINCE].is_set)
        return options_wrong(&options, "either --events FILE or --since SPAN says which events");
    if (options.values[BACK_SAVE].is_set && !options.values[BACK_SINCE].is_set)
        return options_wrong(&options, "--save is for what --since reads");
    AUTO(backtesting) struct backtesting own = { .options = &options };
    arena_init(&own.arena, ARENA_BYTES);
    diagnostics_init(&own.found, &own.arena, str_of(options.arguments[0]));
    if (run(&own, &why) == ERR_OK)
        return has_failed(&own) ? 1 : 0;
    faults_print(&own.found, options.arguments[0]);
    fprintf(stderr, "tocsin: %s\n", why.text);
    return own.found.error_count > 0 || why.code == ERR_UNAVAILABLE || why.code == ERR_DENIED ? 1 : 2;
}
