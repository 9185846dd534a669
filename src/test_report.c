#include "test_report.h"

#include <errno.h>
#include <stdio.h>

#include "base/json.h"
#include "table.h"

/* ---- text ---- */

void report_print_case(const struct report_suite *suite, const struct report_case *result)
{
    AUTO(buf) struct buf line = { 0 };
    bool has_colours = table_has_colours();
    paint_add(&line, result->is_good ? PAINT_GOOD : PAINT_BAD, result->is_good ? STR("ok  ") : STR("FAIL"),
        has_colours);
    buf_printf(&line, " %.*s", STR_ARG(suite->suite.path));
    if (!result->is_good)
        buf_printf(&line, ":%u", result->its->line);
    buf_add_text(&line, ": ");
    table_add_cell(&line, value_string(result->its->name), 0);
    buf_add_byte(&line, '\n');
    buf_add(&line, result->diff);
    if (buf_check(&line, NULL) == ERR_OK)
        fwrite(line.data, 1, line.size, stdout);
    fflush(stdout);
}

static void print_coverage(const struct coverage *coverage)
{
    uint32_t taken = coverage_taken(coverage);
    printf("coverage %.*s: %u of %u branches%s\n", STR_ARG(coverage->playbook->name), taken, coverage->count,
        taken < coverage->count ? "; not taken:" : "");
    for (uint32_t i = 0; i < coverage->count; i++) {
        AUTO(buf) struct buf text = { 0 };
        const struct coverage_branch *branch = &coverage->branches[i];
        if (branch->is_taken)
            continue;
        coverage_print_branch(&text, branch);
        if (buf_check(&text, NULL) == ERR_OK)
            printf(
                "  %.*s:%u: %s\n", STR_ARG(coverage->file), branch->step ? branch->step->line : 1, text.data);
    }
}

void report_print_end(const struct report *report)
{
    for (size_t i = 0; i < report->suite_count; i++)
        if (report->suites[i].coverage.playbook != NULL)
            print_coverage(&report->suites[i].coverage);
    printf("%u passed, %u failed\n", report->passed, report->failed);
}

/* ---- JSON ---- */

static void add_field(struct buf *buf, const char *name, struct str text)
{
    buf_printf(buf, "\"%s\":", name);
    json_print_string(buf, text);
    buf_add_byte(buf, ',');
}

static void add_cases(struct buf *buf, const struct report_suite *suite, bool *is_first)
{
    for (size_t i = 0; i < suite->case_count; i++) {
        const struct report_case *result = &suite->cases[i];
        buf_add_text(buf, *is_first ? "{" : ",{");
        *is_first = false;
        add_field(buf, "file", suite->suite.path);
        buf_printf(buf, "\"line\":%u,", result->its->line);
        add_field(buf, "playbook", suite->suite.playbook);
        add_field(buf, "name", result->its->name);
        add_field(buf, "diff", result->diff);
        buf_printf(buf, "\"ms\":%.3f,\"ok\":%s}", (double)result->elapsed_us / 1e3,
            result->is_good ? "true" : "false");
    }
}

static void add_coverage(struct buf *buf, const struct coverage *coverage)
{
    bool is_first = true;
    buf_add_byte(buf, '{');
    add_field(buf, "playbook", coverage->playbook->name);
    add_field(buf, "file", coverage->file);
    buf_printf(
        buf, "\"branches\":%u,\"taken\":%u,\"not_taken\":[", coverage->count, coverage_taken(coverage));
    for (uint32_t i = 0; i < coverage->count; i++) {
        AUTO(buf) struct buf text = { 0 };
        const struct coverage_branch *branch = &coverage->branches[i];
        if (branch->is_taken)
            continue;
        coverage_print_branch(&text, branch);
        buf_printf(
            buf, "%s{\"line\":%u,\"branch\":", is_first ? "" : ",", branch->step ? branch->step->line : 1);
        json_print_string(buf, buf_str(&text));
        buf_add_byte(buf, '}');
        is_first = false;
    }
    buf_add_text(buf, "]}");
}

void report_print_json(const struct report *report)
{
    AUTO(buf) struct buf buf = { 0 };
    bool is_first = true;
    buf_printf(&buf, "{\"passed\":%u,\"failed\":%u,\"cases\":[", report->passed, report->failed);
    for (size_t i = 0; i < report->suite_count; i++)
        add_cases(&buf, &report->suites[i], &is_first);
    buf_add_text(&buf, "],\"coverage\":[");
    is_first = true;
    for (size_t i = 0; i < report->suite_count; i++) {
        if (report->suites[i].coverage.playbook == NULL)
            continue;
        buf_add_text(&buf, is_first ? "" : ",");
        add_coverage(&buf, &report->suites[i].coverage);
        is_first = false;
    }
    buf_add_text(&buf, "]}\n");
    if (buf_check(&buf, NULL) == ERR_OK)
        fwrite(buf.data, 1, buf.size, stdout);
}

/* ---- JUnit ---- */

/* XML 1.0 has no way to say most control characters; they become '?'. */
static void add_xml(struct buf *buf, struct str text)
{
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        switch (c) {
        case '&': buf_add_text(buf, "&amp;"); break;
        case '<': buf_add_text(buf, "&lt;"); break;
        case '>': buf_add_text(buf, "&gt;"); break;
        case '"': buf_add_text(buf, "&quot;"); break;
        case '\n': buf_add_text(buf, "&#10;"); break;
        default: buf_add_byte(buf, (unsigned char)c < 0x20 && c != '\t' ? '?' : c);
        }
    }
}

static void add_junit_case(
    struct buf *buf, const struct report_suite *suite, const struct report_case *result)
{
    buf_add_text(buf, "    <testcase classname=\"");
    add_xml(buf, suite->suite.playbook);
    buf_add_text(buf, "\" name=\"");
    add_xml(buf, result->its->name);
    buf_add_text(buf, "\" file=\"");
    add_xml(buf, suite->suite.path);
    buf_printf(buf, "\" line=\"%u\" time=\"%.6f\"", result->its->line, (double)result->elapsed_us / 1e6);
    if (result->is_good) {
        buf_add_text(buf, "/>\n");
        return;
    }
    buf_add_text(buf, ">\n      <failure message=\"what happened differs from what is expected\">");
    add_xml(buf, result->diff);
    buf_add_text(buf, "</failure>\n    </testcase>\n");
}

static void add_junit_suite(struct buf *buf, const struct report_suite *suite)
{
    size_t failed = 0;
    for (size_t i = 0; i < suite->case_count; i++)
        failed += !suite->cases[i].is_good;
    buf_add_text(buf, "  <testsuite name=\"");
    add_xml(buf, suite->suite.path);
    buf_printf(buf, "\" tests=\"%zu\" failures=\"%zu\">\n", suite->case_count, failed);
    for (size_t i = 0; i < suite->case_count; i++)
        add_junit_case(buf, suite, &suite->cases[i]);
    buf_add_text(buf, "  </testsuite>\n");
}

enum err report_write_junit(const struct report *report, const char *path, struct err_info *why)
{
    AUTO(buf) struct buf buf = { 0 };
    buf_printf(&buf,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"%u\" failures=\"%u\">\n",
        report->passed + report->failed, report->failed);
    for (size_t i = 0; i < report->suite_count; i++)
        add_junit_suite(&buf, &report->suites[i]);
    buf_add_text(&buf, "</testsuites>\n");
    TRY(buf_check(&buf, why));
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return err_errno(why, errno, path);
    bool is_written = fwrite(buf.data, 1, buf.size, file) == buf.size;
    if (fclose(file) != 0 || !is_written)
        return err_errno(why, errno, path);
    return ERR_OK;
}
