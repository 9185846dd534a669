/* `tocsin doctor`: looks at the machine, the data folder, the content, and the server with its connections; a
 * line for each, with what to do where something is not well. */
#include <stdio.h>

#include "base/json.h"
#include "commands.h"
#include "doctor.h"
#include "login.h"
#include "options.h"
#include "settings.h"
#include "table.h"

enum { DOCTOR_DATA, DOCTOR_LISTEN, DOCTOR_CONTENT, DOCTOR_SERVER, DOCTOR_JSON };
static const struct option_spec specs[] = {
    [DOCTOR_DATA] = { "data", OPTION_TEXT, "DIR", "the data folder (TOCSIN_DATA; " DATA_DEFAULT ")" },
    [DOCTOR_LISTEN] = { "listen", OPTION_TEXT, "ADDR:PORT",
        "where a server would listen (TOCSIN_LISTEN; " LISTEN_DEFAULT ")" },
    [DOCTOR_CONTENT] = { "content", OPTION_LIST, "DIR",
        "a content folder to check, besides the built-in one" },
    [DOCTOR_SERVER] = { "server", OPTION_TEXT, "URL", "the server (TOCSIN_SERVER; " SERVER_DEFAULT ")" },
    [DOCTOR_JSON] = { "json", OPTION_FLAG, NULL, "print the findings as JSON" },
    { .name = NULL },
};

static const char *const words[] = { [FINDING_OK] = "ok", [FINDING_WARN] = "warn", [FINDING_FAIL] = "fail" };

static void print_text(struct buf *buf, const struct doctor *doctor)
{
    static const enum paint paints[] = {
        [FINDING_OK] = PAINT_GOOD, [FINDING_WARN] = PAINT_WARN, [FINDING_FAIL] = PAINT_BAD
    };
    bool has_colours = table_has_colours();
    for (const struct finding *finding = doctor->first; finding; finding = finding->next) {
        paint_add(buf, paints[finding->level], str_of(words[finding->level]), has_colours);
        buf_printf(buf, "%*s %-16s ", finding->level == FINDING_OK ? 2 : 0, "", finding->name);
        table_add_cell(buf, value_string(finding->text), 0);
        buf_add_byte(buf, '\n');
        if (finding->mend.size == 0)
            continue;
        buf_printf(buf, "     %-16s ", "");
        table_add_cell(buf, value_string(finding->mend), 0);
        buf_add_byte(buf, '\n');
    }
    buf_printf(
        buf, "%u checks, %u warnings, %u failures\n", doctor->count, doctor->warnings, doctor->failures);
}

static void print_json(struct buf *buf, const struct doctor *doctor)
{
    buf_printf(buf, "{\"ok\":%s,\"checks\":[", doctor->failures == 0 ? "true" : "false");
    for (const struct finding *finding = doctor->first; finding; finding = finding->next) {
        buf_printf(buf, "%s{\"name\":\"%s\",\"status\":\"%s\",\"text\":", finding == doctor->first ? "" : ",",
            finding->name, words[finding->level]);
        json_print_string(buf, finding->text);
        buf_add_text(buf, ",\"mend\":");
        if (finding->mend.size > 0)
            json_print_string(buf, finding->mend);
        else
            buf_add_text(buf, "null");
        buf_add_byte(buf, '}');
    }
    buf_add_text(buf, "]}\n");
}

int cmd_doctor(int argc, char **argv)
{
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf buf = { 0 };
    struct options options = { .usage = "tocsin doctor [--data DIR] [--content DIR]… [--json]",
        .summary =
            "Checks what Tocsin needs: disk, clock, limits, the store, content, and the server with its "
            "connections\nwhen it answers. Exit status: 0 nothing failed, 1 something did.",
        .specs = specs };
    int status = options_parse(&options, argc, argv);
    if (status != OPTIONS_GO_ON)
        return status;
    if (options.argument_count > 0)
        return options_wrong(&options, "'%s' is not expected here", options.arguments[0]);
    struct doctor doctor = { .arena = &arena,
        .data = option_or_variable(&options.values[DOCTOR_DATA], "TOCSIN_DATA", DATA_DEFAULT),
        .listen = option_or_variable(&options.values[DOCTOR_LISTEN], "TOCSIN_LISTEN", LISTEN_DEFAULT),
        .server = options.values[DOCTOR_SERVER].text,
        .folders = options.values[DOCTOR_CONTENT].list,
        .folder_count = options.values[DOCTOR_CONTENT].count };
    doctor_machine(&doctor);
    doctor_store(&doctor);
    doctor_content(&doctor);
    doctor_server(&doctor);
    if (options.values[DOCTOR_JSON].is_set)
        print_json(&buf, &doctor);
    else
        print_text(&buf, &doctor);
    if (buf_check(&buf, NULL) == ERR_OK)
        fwrite(buf.data, 1, buf.size, stdout);
    return doctor.failures > 0 ? 1 : 0;
}
