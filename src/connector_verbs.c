/* `tocsin connector new` and `connector test`: writing a connector, without a server. */
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "connect/connect.h"
#include "faults.h"
#include "file.h"
#include "resource.h"

/* ---- new ---- */

/* '%' stands for the connector's name. It is good as it is: `connector test` runs its example. */
static const char scaffold[] =
    "# docs/connectors.md explains each key. `tocsin connector test %.yaml` runs the examples.\n"
    "connector: %\n"
    "title: %\n"
    "description: What it is and what it is for, in a sentence.\n"
    "settings:\n"
    "  base_url: { type: string, help: \"where the API answers\", example: \"https://api.example.com/v1\" }\n"
    "  api_key: { type: string, secret: true, help: \"where an administrator finds it\" }\n"
    "base_url: ${{ settings.base_url }}\n"
    "auth: { kind: bearer, token: \"${{ settings.api_key }}\" }\n"
    "rate_limit: { calls: 60, per: 1m }\n"
    "test: { action: get_thing, with: { id: ping } }\n"
    "\n"
    "actions:\n"
    "  get_thing:\n"
    "    summary: Reads one thing by its id\n"
    "    kind: query\n"
    "    in:\n"
    "      id: { type: string, help: the thing's id }\n"
    "    out:\n"
    "      name: string\n"
    "      score: { type: int, required: false }\n"
    "    request:\n"
    "      path: /things/${{ inputs.id }}\n"
    "    answer:\n"
    "      name: ${{ body.name }}\n"
    "      score: ${{ body.score }}\n"
    "    examples:\n"
    "      - name: a thing that is there\n"
    "        in: { id: a1 }\n"
    "        request:\n"
    "          method: GET\n"
    "          url: https://api.example.com/v1/things/a1\n"
    "        answer:\n"
    "          body: { name: first, score: 7 }\n"
    "        out: { name: first, score: 7 }\n";

static bool is_name(const char *name)
{
    size_t size = strlen(name);
    for (size_t i = 0; i < size; i++)
        if (!((name[i] >= 'a' && name[i] <= 'z') ||
                (i > 0 && ((name[i] >= '0' && name[i] <= '9') || name[i] == '_'))))
            return false;
    return size > 0 && size <= CONNECTION_NAME_BYTES_MAX;
}

int connector_file_new(const struct resource *resource)
{
    AUTO(arena) struct arena arena = { 0 };
    struct err_info why = { 0 };
    struct str path;
    if (!is_name(resource->argument))
        return options_wrong(&resource->options, "a connector's name has a-z, then a-z, 0-9 and _");
    if (arena_printf(&arena, &path, &why, "%s.yaml", resource->argument) != ERR_OK)
        return resource_fail(&why);
    FILE *file = fopen(path.data, "wxe");
    if (file == NULL) {
        fprintf(stderr, "tocsin: %s can't be made; is it there already?\n", path.data);
        return 2;
    }
    for (const char *p = scaffold; *p; p++) {
        if (*p == '%')
            fputs(resource->argument, file);
        else
            fputc(*p, file);
    }
    if (fclose(file) != 0) {
        fprintf(stderr, "tocsin: %s could not be written\n", path.data);
        return 1;
    }
    printf("%s is made; `tocsin connector test %s` runs its example\n", path.data, path.data);
    return 0;
}

/* ---- test ---- */

struct tally {
    unsigned passed, failed;
};

static void report(void *context, struct str action, struct str example, struct str fault)
{
    struct tally *tally = context;
    AUTO(buf) struct buf line = { 0 };
    bool is_good = fault.size == 0;
    paint_add(
        &line, is_good ? PAINT_GOOD : PAINT_BAD, is_good ? STR("ok  ") : STR("FAIL"), table_has_colours());
    buf_printf(&line, " %.*s: ", STR_ARG(action));
    table_add_cell(&line, value_string(example), 0);
    if (!is_good) {
        buf_add_text(&line, "\n  ");
        table_add_cell(&line, value_string(fault), 0);
    }
    if (buf_check(&line, NULL) == ERR_OK)
        puts(line.data);
    tally->passed += is_good;
    tally->failed += !is_good;
}

int connector_file_test(const struct resource *resource)
{
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    struct tally tally = { 0 };
    struct err_info why = { 0 };
    struct str text;
    if (file_read(resource->argument, YAML_BYTES_MAX, &arena, &text, &why) != ERR_OK) {
        fprintf(stderr, "tocsin: %s\n", why.text);
        return 2;
    }
    diagnostics_init(&found, &arena, str_of(resource->argument));
    enum err result = connector_test_examples(text, &found, report, &tally, &why);
    faults_print(&found, NULL);
    if (result != ERR_OK) {
        fprintf(stderr, "tocsin: %s\n", why.text);
        return 1;
    }
    printf("%u passed, %u failed\n", tally.passed, tally.failed);
    return tally.failed > 0 ? 1 : 0;
}
