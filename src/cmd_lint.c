#include <stdio.h>

#include "base/limits.h"
#include "base/yaml.h"
#include "commands.h"
#include "file.h"
#include "options.h"
#include "playbook/lint_code.h"
#include "playbook/playbook.h"

enum { LINT_JSON, LINT_EXPLAIN };
static const struct option_spec specs[] = {
    [LINT_JSON] = { "json", OPTION_FLAG, NULL, "one JSON array of faults instead of lines" },
    [LINT_EXPLAIN] = { "explain", OPTION_TEXT, "CODE", "what a code means and how to mend it" },
    { .name = NULL },
};

/* Only playbooks have their reader here; of other content the YAML itself is checked. */
static enum err check_text(struct str text, struct diagnostics *found, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct yaml_node *root;
    struct playbook *playbook;
    enum err result = yaml_parse(&arena, text, &root, why);
    if (result == ERR_INVALID || result == ERR_LIMIT) {
        diagnostics_add(
            found, DIAGNOSTIC_ERROR, why->name ? why->name : "yaml", why->line, why->column, "%s", why->text);
        return ERR_OK;
    }
    TRY(result);
    if (yaml_find(root, STR("cases")) != NULL || yaml_find(root, STR("playbook")) == NULL)
        return ERR_OK;
    result = playbook_parse(text, NULL, found, &playbook, why);
    if (result == ERR_OK)
        playbook_release(playbook);
    return result == ERR_INVALID ? ERR_OK : result;
}

static void print(const struct diagnostics *found, bool as_json)
{
    AUTO(buf) struct buf buf = { 0 };
    if (as_json)
        buf_add_byte(&buf, '[');
    for (uint32_t i = 0; i < found->count; i++) {
        if (as_json && i > 0)
            buf_add_byte(&buf, ',');
        if (as_json)
            diagnostic_print_json(&buf, &found->items[i]);
        else
            diagnostic_print(&buf, &found->items[i]);
        if (!as_json)
            buf_add_byte(&buf, '\n');
    }
    if (as_json)
        buf_add_text(&buf, "]\n");
    if (buf.size > 0 && buf_check(&buf, NULL) == ERR_OK)
        fwrite(buf.data, 1, buf.size, stdout);
}

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

int cmd_lint(int argc, char **argv)
{
    struct options options = { .usage = "tocsin lint [--json] PATH…",
        .summary =
            "Checks content files, or all *.yaml below folders: one line a fault, FILE:LINE:COL: error: TEXT "
            "[code].\nExit status: 0 no errors, 1 errors, 2 a file can't be read.",
        .specs = specs };
    int status = options_parse(&options, argc, argv);
    if (status != OPTIONS_GO_ON)
        return status;
    if (options.values[LINT_EXPLAIN].is_set)
        return explain(&options, options.values[LINT_EXPLAIN].text);
    if (options.argument_count == 0)
        return options_wrong(&options, "name at least one file or folder");
    AUTO(arena) struct arena arena = { 0 };
    struct err_info why = { 0 };
    struct file_list files = { 0 };
    struct diagnostics found;
    diagnostics_init(&found, &arena, STR(""));
    for (size_t i = 0; i < options.argument_count; i++)
        if (file_walk(options.arguments[i], ".yaml", &arena, &files, &why) != ERR_OK)
            return report(&why);
    for (size_t i = 0; i < files.count; i++) {
        struct str text;
        found.file = str_of(files.paths[i]);
        if (file_read(files.paths[i], YAML_BYTES_MAX, &arena, &text, &why) != ERR_OK ||
            check_text(text, &found, &why) != ERR_OK)
            return report(&why);
    }
    diagnostics_sort(&found);
    print(&found, options.values[LINT_JSON].is_set);
    if (!options.values[LINT_JSON].is_set)
        fprintf(stderr, "%zu files, %u errors, %u warnings\n", files.count, found.error_count,
            found.count - (found.error_count < found.count ? found.error_count : found.count));
    return found.error_count > 0 ? 1 : 0;
}
