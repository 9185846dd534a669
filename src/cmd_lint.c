#include <stdio.h>

#include "commands.h"
#include "lint_report.h"
#include "options.h"
#include "playbook/lint_code.h"

enum { LINT_JSON, LINT_SARIF, LINT_EXPLAIN, LINT_LEARNED, LINT_LEARNED_FILE, LINT_SERVER };
static const struct option_spec specs[] = {
    [LINT_JSON] = { "json", OPTION_FLAG, NULL, "one JSON array of faults instead of lines" },
    [LINT_SARIF] = { "sarif", OPTION_FLAG, NULL, "SARIF 2.1.0, for code hosts and editors" },
    [LINT_EXPLAIN] = { "explain", OPTION_TEXT, "CODE", "what a code means and how to mend it" },
    [LINT_LEARNED] = { "learned", OPTION_FLAG, NULL,
        "go by what a server has learned of answers, where nothing is declared" },
    [LINT_LEARNED_FILE] = { "learned-file", OPTION_LIST, "FILE",
        "the same from a file that `tocsin connector contracts NAME --json` printed" },
    [LINT_SERVER] = { "server", OPTION_TEXT, "URL",
        "the server of --learned (TOCSIN_SERVER; " SERVER_DEFAULT ")" },
    { .name = NULL },
};

static int report(const struct err_info *why)
{
    fprintf(stderr, "tocsin: %s\n", why->text);
    return 2;
}

static int explain(const struct options *options, const char *name)
{
    const struct lint_code *code = lint_code_find(str_of(name));
    if (code == NULL)
        return options_wrong(options, "there is no code '%s'; docs/lint.md lists them", name);
    printf("%s (%s): %s\n\n%s\n", code->code, code->level == DIAGNOSTIC_ERROR ? "error" : "warning",
        code->summary, code->explanation);
    return 0;
}

static enum lint_format format_of(const struct options *options)
{
    if (options->values[LINT_SARIF].is_set)
        return LINT_AS_SARIF;
    return options->values[LINT_JSON].is_set ? LINT_AS_JSON : LINT_AS_LINES;
}

/* Without being asked for, lint knows of no server: the same files give the same faults everywhere. */
static FALLIBLE find_learning(const struct options *options, struct arena *arena, struct login *login,
    struct lint_learning *ret, struct err_info *why)
{
    const struct option_value *files = &options->values[LINT_LEARNED_FILE];
    *ret = (struct lint_learning){ .files = files->list, .file_count = files->count };
    if (!options->values[LINT_LEARNED].is_set)
        return ERR_OK;
    TRY(login_find(options->values[LINT_SERVER].text, arena, login, why));
    ret->server = login;
    return ERR_OK;
}

static int lint(const struct options *options)
{
    AUTO(arena) struct arena arena = { 0 };
    AUTO(lint_set) struct lint_set set = { 0 };
    struct lint_learning learning;
    struct login login;
    AUTO(buf) struct buf out = { 0 };
    struct err_info why = { 0 };
    struct file_list files = { 0 };
    struct diagnostics found;
    enum lint_format format = format_of(options);
    diagnostics_init(&found, &arena, STR(""));
    if (find_learning(options, &arena, &login, &learning, &why) != ERR_OK)
        return report(&why);
    if (learning.server != NULL || learning.file_count > 0)
        set.learning = &learning;
    for (size_t i = 0; i < options->argument_count; i++)
        if (file_walk(options->arguments[i], ".yaml", &arena, &files, &why) != ERR_OK)
            return report(&why);
    if (lint_files(&files, &arena, &found, &set, &why) != ERR_OK)
        return report(&why);
    diagnostics_sort(&found);
    lint_report(&out, format, &set, &found);
    if (buf_check(&out, &why) != ERR_OK)
        return report(&why);
    if (out.size > 0)
        fwrite(out.data, 1, out.size, stdout);
    if (format == LINT_AS_LINES)
        fprintf(stderr, "%zu files, %u errors, %u warnings\n", files.count, found.error_count,
            found.count - (found.error_count < found.count ? found.error_count : found.count));
    return found.error_count > 0 ? 1 : 0;
}

int cmd_lint(int argc, char **argv)
{
    struct options options = {
        .usage = "tocsin lint [--json | --sarif] [--learned] PATH… | tocsin lint --explain CODE",
        .summary =
            "Checks content files, or all *.yaml below folders: one line a fault, FILE:LINE:COL: error: TEXT "
            "[code].\nExit status: 0 no errors, 1 errors, 2 a file can't be read.",
        .specs = specs
    };
    int status = options_parse(&options, argc, argv);
    if (status != OPTIONS_GO_ON)
        return status;
    if (options.values[LINT_EXPLAIN].is_set)
        return explain(&options, options.values[LINT_EXPLAIN].text);
    if (options.values[LINT_SERVER].is_set && !options.values[LINT_LEARNED].is_set)
        return options_wrong(&options, "--server is the server of --learned, which is not given");
    if (options.argument_count == 0)
        return options_wrong(&options, "name at least one file or folder");
    return lint(&options);
}
