/* `tocsin run`: one run in this process, without a server. `tocsin run list` and the like ask a server. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/limits.h"
#include "commands.h"
#include "faults.h"
#include "file.h"
#include "ingest/receive.h"
#include "options.h"
#include "prompt.h"
#include "resource.h"
#include "run_inputs.h"
#include "run_progress.h"
#include "world.h"

enum {
    RUN_EVENT,
    RUN_SOURCE,
    RUN_INPUT,
    RUN_MOCK,
    RUN_LIVE,
    RUN_NO_WAIT,
    RUN_CONNECTIONS,
    RUN_CONTENT,
    RUN_EGRESS,
    RUN_JSON,
};
static const struct option_spec specs[] = {
    [RUN_EVENT] = { "event", OPTION_TEXT, "FILE", "the event that it is about, JSON; - is standard input" },
    [RUN_SOURCE] = { "source", OPTION_TEXT, "NAME", "where the event comes from: its mapping (generic)" },
    [RUN_INPUT] = { "input", OPTION_LIST, "NAME=TEXT", "an input; NAME:=JSON for what is no text" },
    [RUN_MOCK] = { "mock", OPTION_TEXT, "FILE", "YAML, as `mocks:` of a test: these actions are made up" },
    [RUN_LIVE] = { "live", OPTION_FLAG, NULL,
        "do what notifies, contains and remediates; else it is recorded" },
    [RUN_NO_WAIT] = { "no-wait", OPTION_FLAG, NULL, "end with 3 when a person is asked" },
    [RUN_CONNECTIONS] = { "connections", OPTION_TEXT, "FILE",
        "YAML, NAME: { connector, settings }; ${secret:X} is TOCSIN_SECRET_X" },
    [RUN_CONTENT] = { "content", OPTION_LIST, "DIR",
        "a content folder: its connectors, sources and playbooks are known" },
    [RUN_EGRESS] = { "egress-allow", OPTION_LIST, "CIDR|HOST", "may be reached although it is private" },
    [RUN_JSON] = { "json", OPTION_FLAG, NULL, "print the run as JSON, and nothing else" },
    { .name = NULL },
};

#define STATUS_FAILED 1
#define STATUS_UNREADABLE 2
#define STATUS_WAITING 3
#define STATUS_INTERRUPTED 130

struct running {
    const struct options *options;
    struct arena arena;
    struct library library;
    struct world *world;
    struct progress progress;
    struct log log;
    struct diagnostics found;
    struct str playbook; /* name */
    struct world_event event;
    bool has_event;
    struct id run;
    FILE *terminal;
};

static void running_cleanup(struct running *running)
{
    prompt_close(running->terminal);
    world_free(running->world);
    library_close(&running->library);
    arena_done(&running->arena);
}

static bool is_set(const struct running *running, int option)
{
    return running->options->values[option].is_set;
}

/* ---- what it is made of ---- */

static FALLIBLE open_library(struct running *running, struct err_info *why)
{
    const struct option_value *content = &running->options->values[RUN_CONTENT];
    const struct option_value *egress = &running->options->values[RUN_EGRESS];
    const struct library_options options = { .folders = content->list,
        .folder_count = content->count,
        .connections_file = running->options->values[RUN_CONNECTIONS].text,
        .egress_allow = egress->list,
        .egress_allow_count = egress->count,
        .log = &running->log };
    return library_open(&options, &running->found, &running->library, why);
}

/* A map of action names, or a file with such a map under `mocks`. */
static FALLIBLE read_mocks(struct running *running, struct value *ret, struct err_info *why)
{
    const char *path = running->options->values[RUN_MOCK].text;
    *ret = value_null();
    if (path == NULL)
        return ERR_OK;
    TRY(file_read_yaml(path, &running->arena, ret, why));
    const struct value *inside = value_map_find(*ret, STR("mocks"));
    if (inside != NULL)
        *ret = *inside;
    return ERR_OK;
}

static FALLIBLE open_world(struct running *running, struct err_info *why)
{
    struct world_options options = { .library = &running->library,
        .is_real = true,
        .is_dry = !is_set(running, RUN_LIVE),
        .unlisted = MOCKS_PASS,
        .observe = is_set(running, RUN_JSON) ? NULL : progress_observe,
        .observe_context = &running->progress,
        .observe_details = true };
    TRY(read_mocks(running, &options.mocks, why));
    return world_new(&options, &running->world, why);
}

static FALLIBLE publish(struct running *running, struct err_info *why)
{
    const char *path = running->options->arguments[0];
    struct str text, folder;
    TRY(file_read(path, YAML_BYTES_MAX, &running->arena, &text, why));
    TRY(arena_str(&running->arena, file_folder(str_of(path)), &folder, why));
    running->playbook = playbook_text_name(&running->arena, text);
    return world_publish(running->world, folder.data, str_of(path), text, false, &running->found, why);
}

static FALLIBLE read_event(struct running *running, struct err_info *why)
{
    const char *path = running->options->values[RUN_EVENT].text;
    struct received *received;
    struct str text;
    struct err_info inner = { 0 };
    uint32_t count;
    if (path == NULL)
        return ERR_OK;
    TRY(file_read(path, EVENT_BODY_BYTES_MAX, &running->arena, &text, why));
    enum err result = receive_body(&running->arena, STR(""), text, &received, &count, &inner);
    if (result != ERR_OK)
        return err_set(why, result, "%s:%u:%u: %s", path, inner.line, inner.column, inner.text);
    if (count != 1)
        return err_set(why, ERR_INVALID, "%s holds %u events; a run is about one", path, count);
    running->has_event = true;
    running->event = (struct world_event){ .event = received[0].event,
        .source = str_of(running->options->values[RUN_SOURCE].text) };
    return ERR_OK;
}

static FALLIBLE prepare(struct running *running, struct err_info *why)
{
    TRY(open_library(running, why));
    TRY(open_world(running, why));
    TRY(publish(running, why));
    TRY(read_event(running, why));
    if (running->has_event)
        return world_offer(running->world, &running->event, &running->arena, why);
    return ERR_OK;
}

static FALLIBLE start(struct running *running, struct err_info *why)
{
    struct value inputs;
    struct playbook *playbook = engine_find_playbook(
        rehearsal_engine(world_rehearsal(running->world)), TENANT_DEFAULT, running->playbook, NULL, NULL);
    const struct option_value *given = &running->options->values[RUN_INPUT];
    enum err result = playbook == NULL
        ? err_set(why, ERR_INTERNAL, "the playbook is not there after it was published")
        : inputs_read(given->list, given->count, playbook, &running->arena, &inputs, why);
    playbook_release(playbook);
    TRY(result);
    return world_start(running->world, running->playbook, inputs, running->has_event ? &running->event : NULL,
        &running->run, why);
}

/* ---- people ---- */

/* `*ret_answered` false: nobody is there to ask. */
static FALLIBLE ask(struct running *running, struct id task, bool *ret_answered, struct err_info *why)
{
    struct rehearsal *rehearsal = world_rehearsal(running->world);
    struct value shown, answer;
    *ret_answered = false;
    TRY(world_task(running->world, task, &running->arena, &shown, why));
    if (running->terminal == NULL || is_set(running, RUN_NO_WAIT)) {
        fprintf(
            stderr, "tocsin: a person is asked: %.*s\n", STR_ARG(value_str(value_get(shown, STR("title")))));
        if (!is_set(running, RUN_NO_WAIT))
            fputs("tocsin: there is no terminal to ask on\n", stderr);
        return ERR_OK;
    }
    enum err result = prompt_task(running->terminal, shown, &running->arena, &answer, why);
    if (result == ERR_CANCELLED)
        return ERR_OK;
    TRY(result);
    *ret_answered = true;
    return rehearsal_answer(rehearsal, task, STR("user:terminal"), answer, why);
}

/* `*ret_status` is what the process ends with. */
static FALLIBLE go_on(struct running *running, int *ret_status, struct err_info *why)
{
    for (;;) {
        enum run_status status = RUN_FAILED;
        struct id task;
        bool is_answered;
        TRY(rehearsal_go_on(
            world_rehearsal(running->world), running->run, INSTANT_NEVER, &status, &task, why));
        if (id_is_none(task)) {
            *ret_status = status == RUN_SUCCEEDED ? 0 : STATUS_FAILED;
            return ERR_OK;
        }
        TRY(ask(running, task, &is_answered, why));
        if (!is_answered) {
            *ret_status = STATUS_WAITING;
            return ERR_OK;
        }
    }
}

/* What was really contained "for 24h" would be undone by an engine that is there then; this one ends now. */
static FALLIBLE warn_of_containments(struct running *running, struct err_info *why)
{
    const struct list_query query = { .limit = LIST_LIMIT_MAX, .status = STR("active") };
    struct value page;
    if (!is_set(running, RUN_LIVE))
        return ERR_OK;
    TRY(rehearsal_list(
        world_rehearsal(running->world), containment_list, &query, &running->arena, &page, why));
    struct value items = value_get(page, STR("items"));
    for (uint32_t i = 0; i < items.size; i++) {
        AUTO(buf) struct buf line = { 0 };
        table_add_cell(&line, value_get(items.items[i], STR("action")), 0);
        buf_add_byte(&line, ' ');
        table_add_cell(&line, value_get(items.items[i], STR("with")), 200);
        TRY(buf_check(&line, why));
        fprintf(stderr,
            "tocsin: still contained: %s; only a server ends a containment by itself, so end it by hand\n",
            line.data);
    }
    return ERR_OK;
}

static FALLIBLE finish(struct running *running, struct err_info *why)
{
    AUTO(buf) struct buf buf = { 0 };
    struct value shown;
    TRY(rehearsal_show(world_rehearsal(running->world), running->run, &running->arena, &shown, why));
    if (is_set(running, RUN_JSON)) {
        json_print(&buf, shown, JSON_PRETTY);
        buf_add_byte(&buf, '\n');
    } else {
        progress_print_end(&buf, shown, running->progress.has_colours);
    }
    TRY(buf_check(&buf, why));
    fwrite(buf.data, 1, buf.size, stdout);
    return warn_of_containments(running, why);
}

static int run(struct running *running)
{
    struct err_info why = { 0 };
    int status = STATUS_UNREADABLE;
    enum err result = prepare(running, &why);
    faults_print(&running->found, running->options->arguments[0]);
    if (result != ERR_OK) {
        bool is_lint = result == ERR_INVALID && running->found.error_count > 0;
        fprintf(stderr, "tocsin: %s\n", why.text);
        return is_lint ? STATUS_FAILED : STATUS_UNREADABLE;
    }
    result = start(running, &why);
    if (result == ERR_OK) {
        status = STATUS_FAILED;
        result = go_on(running, &status, &why);
    }
    if (result == ERR_OK)
        result = finish(running, &why);
    if (result == ERR_OK)
        return status;
    fprintf(stderr, "tocsin: %s\n", why.text);
    return status == 0 ? STATUS_FAILED : status;
}

/* Ctrl-C: the shell, and whoever started this from a script, gets the status that docs/cli.md names. Nothing
 * is undone: what --live has done is done. Only what a signal handler may call is called. */
static void on_interrupt(int signal)
{
    static const char text[] = "\ntocsin: interrupted; what was done stays done\n";
    (void)signal;
    ssize_t written = write(2, text, sizeof text - 1);
    (void)written;
    _exit(STATUS_INTERRUPTED);
}

/* Not where it is ignored, as for a job in a script's background. */
static void catch_interrupt(void)
{
    struct sigaction old, action = { .sa_handler = on_interrupt };
    if (sigaction(SIGINT, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
        sigaction(SIGINT, &action, NULL);
}

int cmd_run(int argc, char **argv)
{
    struct options options = { .usage = "tocsin run PLAYBOOK.yaml [--event FILE] [OPTION…]",
        .summary =
            "One run in this process, without a server: prints the steps as they end, then the result. "
            "What\nnotifies, contains, remediates or files tickets is recorded, not done, unless --live. "
            "Exit status:\n0 succeeded, 1 failed, 2 wrong use or unreadable input, 3 waiting for a person.\n"
            "`tocsin run list`, show, start, cancel, retry, export-test ask a server; `tocsin run list "
            "--help`.",
        .specs = specs };
    if (argc > 1 && resource_has_verb("run", argv[1]))
        return cmd_resource(argc, argv);
    int status = options_parse(&options, argc, argv);
    if (status != OPTIONS_GO_ON)
        return status;
    if (options.argument_count != 1)
        return options_wrong(&options, "name one playbook's file");
    if (options.values[RUN_SOURCE].is_set && !options.values[RUN_EVENT].is_set)
        return options_wrong(&options, "--source says where --event comes from, and there is no event");
    catch_interrupt();
    AUTO(running) struct running running = { .options = &options };
    bool is_input_taken = options.values[RUN_EVENT].is_set &&
        strcmp(options.values[RUN_EVENT].text, "-") == 0;
    progress_init(&running.progress);
    running.log = (struct log){ .clock = clock_system(), .level = LOG_INFO, .format = LOG_TEXT, .fd = 2 };
    running.terminal = prompt_open(is_input_taken);
    diagnostics_init(&running.found, &running.arena, str_of(options.arguments[0]));
    return run(&running);
}
