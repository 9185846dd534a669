/* `tocsin test`: runs *.test.yaml. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "commands.h"
#include "faults.h"
#include "file.h"
#include "options.h"
#include "test_report.h"

enum { TEST_COVERAGE, TEST_JUNIT, TEST_JSON, TEST_CONTENT, TEST_NAME };
static const struct option_spec specs[] = {
    [TEST_COVERAGE] = { "coverage", OPTION_FLAG, NULL, "tell which branches no case takes" },
    [TEST_JUNIT] = { "junit", OPTION_TEXT, "FILE", "also write the results as JUnit XML" },
    [TEST_JSON] = { "json", OPTION_FLAG, NULL, "print the results as JSON" },
    [TEST_CONTENT] = { "content", OPTION_LIST, "DIR",
        "a content folder: its connectors, sources and playbooks are known" },
    [TEST_NAME] = { "name", OPTION_TEXT, "TEXT", "only cases with this in their name" },
    { .name = NULL },
};

/* What is under way. */
struct testing {
    const struct options *options;
    struct library library;
    struct arena *arena; /* of everything that the report shows */
    struct report report;
};

static void testing_cleanup(struct testing *testing)
{
    for (size_t i = 0; i < testing->report.suite_count; i++)
        coverage_done(&testing->report.suites[i].coverage);
    library_close(&testing->library);
}

static bool is_wanted(const struct testing *testing, const struct suite_case *its)
{
    const struct option_value *name = &testing->options->values[TEST_NAME];
    return !name->is_set || str_contains(its->name, str_of(name->text));
}

static FALLIBLE run_case(struct testing *testing, const struct suite_run *run, const struct suite_case *its,
    struct report_suite *suite, struct err_info *why)
{
    AUTO(buf) struct buf diff = { 0 };
    struct report_case *result = &suite->cases[suite->case_count];
    int64_t begin = clock_monotonic_us(clock_system());
    TRY(suite_run_case(run, its, &diff, &result->is_good, why));
    result->its = its;
    result->elapsed_us = clock_monotonic_us(clock_system()) - begin;
    TRY(arena_str(testing->arena, buf_str(&diff), &result->diff, why));
    suite->case_count++;
    testing->report.passed += result->is_good;
    testing->report.failed += !result->is_good;
    if (!testing->options->values[TEST_JSON].is_set)
        report_print_case(suite, result);
    return ERR_OK;
}

/* Coverage is of what the playbook's own reader makes of it; one with faults has none, and its cases fail. */
static FALLIBLE open_coverage(
    struct testing *testing, struct suite_run *run, struct report_suite *suite, struct err_info *why)
{
    struct diagnostics ignored;
    struct playbook *playbook;
    if (!testing->options->values[TEST_COVERAGE].is_set)
        return ERR_OK;
    diagnostics_init(&ignored, testing->arena, run->playbook_file);
    enum err result = playbook_parse(run->playbook_text, NULL, &ignored, &playbook, why);
    if (result == ERR_INVALID)
        return ERR_OK;
    TRY(result);
    result = coverage_init(&suite->coverage, testing->arena, run->playbook_file, playbook, why);
    playbook_release(playbook);
    run->coverage = &suite->coverage;
    return result;
}

static FALLIBLE run_suite(
    struct testing *testing, const char *path, struct diagnostics *found, struct err_info *why)
{
    struct report_suite *suite = &testing->report.suites[testing->report.suite_count];
    struct suite_run run;
    struct str text;
    found->file = str_of(path);
    TRY(file_read(path, YAML_BYTES_MAX, testing->arena, &text, why));
    TRY(suite_parse(testing->arena, path, text, found, &suite->suite, why));
    TRY(suite_run_init(&run, &testing->library, &suite->suite, testing->arena, why));
    suite->cases = ARENA_ARRAY(testing->arena, suite->suite.count + 1, struct report_case);
    if (suite->cases == NULL)
        return err_memory(why);
    testing->report.suite_count++;
    TRY(open_coverage(testing, &run, suite, why));
    for (uint32_t i = 0; i < suite->suite.count; i++)
        if (is_wanted(testing, &suite->suite.cases[i]))
            TRY(run_case(testing, &run, &suite->suite.cases[i], suite, why));
    return ERR_OK;
}

/* ---- which files ---- */

/* NAME.yaml stands for NAME.test.yaml; a folder for all of them below. */
static FALLIBLE find_files(
    const char *path, struct arena *arena, struct file_list *list, struct err_info *why)
{
    struct str text = str_of(path), tests;
    size_t before = list->count;
    if (!str_ends(text, STR(".test.yaml")) && str_ends(text, STR(".yaml"))) {
        TRY(arena_printf(arena, &tests, why, "%.*s.test.yaml", (int)(text.size - strlen(".yaml")), path));
        path = tests.data;
    }
    TRY(file_walk(path, ".test.yaml", arena, list, why));
    if (list->count == before)
        return err_set(why, ERR_NOT_FOUND, "there is no *.test.yaml below %s", path);
    return ERR_OK;
}

static FALLIBLE open_testing(struct testing *testing, struct diagnostics *found, struct err_info *why)
{
    const struct option_value *content = &testing->options->values[TEST_CONTENT];
    const struct library_options options = {
        .folders = content->list, .folder_count = content->count, .is_virtual = true
    };
    return library_open(&options, found, &testing->library, why);
}

static FALLIBLE run_files(struct testing *testing, struct diagnostics *found, struct err_info *why)
{
    struct file_list list = { 0 };
    for (size_t i = 0; i < testing->options->argument_count; i++)
        TRY(find_files(testing->options->arguments[i], testing->arena, &list, why));
    TRY(open_testing(testing, found, why));
    testing->report.suites = ARENA_ARRAY(testing->arena, list.count, struct report_suite);
    if (testing->report.suites == NULL)
        return err_memory(why);
    memset(testing->report.suites, 0, list.count * sizeof *testing->report.suites);
    for (size_t i = 0; i < list.count; i++)
        TRY(run_suite(testing, list.paths[i], found, why));
    return ERR_OK;
}

int cmd_test(int argc, char **argv)
{
    AUTO(arena) struct arena arena = { 0 };
    struct options options = { .usage = "tocsin test PATH… [--coverage] [--junit FILE] [--json]",
        .summary =
            "Runs the cases of NAME.test.yaml files, or of all below folders: mocks answer, time is "
            "virtual,\npeople answer as the case says. One line a case, what differs below a failed one. "
            "Exit status:\n0 all passed, 1 some failed, 2 a file can't be read.",
        .specs = specs };
    int status = options_parse(&options, argc, argv);
    if (status != OPTIONS_GO_ON)
        return status;
    if (options.argument_count == 0)
        return options_wrong(&options, "name at least one file or folder");
    AUTO(testing) struct testing testing = { .options = &options, .arena = &arena };
    struct diagnostics found;
    struct err_info why = { 0 };
    diagnostics_init(&found, &arena, STR("content"));
    if (run_files(&testing, &found, &why) != ERR_OK) {
        faults_print(&found, NULL);
        fprintf(stderr, "tocsin: %s\n", why.text);
        return 2;
    }
    if (options.values[TEST_JUNIT].is_set &&
        report_write_junit(&testing.report, options.values[TEST_JUNIT].text, &why) != ERR_OK) {
        fprintf(stderr, "tocsin: %s\n", why.text);
        return 2;
    }
    if (options.values[TEST_JSON].is_set)
        report_print_json(&testing.report);
    else
        report_print_end(&testing.report);
    return testing.report.failed > 0 ? 1 : 0;
}
