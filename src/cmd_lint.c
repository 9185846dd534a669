#include <stdio.h>

#include "base/limits.h"
#include "base/rand.h"
#include "base/yaml.h"
#include "commands.h"
#include "connect/connect.h"
#include "embedded.h"
#include "file.h"
#include "ingest/subject_type.h"
#include "options.h"
#include "playbook/lint_code.h"
#include "playbook/playbook.h"

enum { LINT_JSON, LINT_EXPLAIN };
static const struct option_spec specs[] = {
    [LINT_JSON] = { "json", OPTION_FLAG, NULL, "one JSON array of faults instead of lines" },
    [LINT_EXPLAIN] = { "explain", OPTION_TEXT, "CODE", "what a code means and how to mend it" },
    { .name = NULL },
};

/* One file of those that were named. */
struct lint_file {
    struct str name, text;
    enum { LINT_OTHER, LINT_PLAYBOOK, LINT_CONNECTOR } kind;
    struct playbook *playbook; /* NULL: none, or with errors */
};

/* What the playbooks are checked against: the actions inside the binary and of the named connectors, and the
 * named playbooks. */
struct lint_world {
    struct playbook_world world;
    struct connect *connect;
    struct catalogue_source *source;
    const struct catalogue *catalogue;
    struct lint_file *files;
    size_t count;
};

static void lint_world_cleanup(struct lint_world *w)
{
    for (size_t i = 0; i < w->count; i++)
        playbook_release(w->files[i].playbook);
    if (w->catalogue != NULL)
        w->source->release(w->source, w->catalogue);
    connect_free(w->connect);
}

static bool find_playbook(const struct playbook_world *world, struct str name, const struct playbook **ret)
{
    const struct lint_world *w = world->context;
    for (size_t i = 0; i < w->count; i++) {
        const struct playbook *playbook = w->files[i].playbook;
        if (playbook == NULL || !str_equal(playbook->name, name))
            continue;
        *ret = playbook;
        return true;
    }
    return false;
}

/* Tells by its keys what a file is; the YAML's own faults are added. */
static enum err classify(struct lint_file *file, struct diagnostics *found, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct yaml_node *root;
    enum err result = yaml_parse(&arena, file->text, &root, why);
    if (result == ERR_INVALID && str_starts(file->text, STR("playbook:"))) {
        file->kind = LINT_PLAYBOOK; /* its reader knows more about what broke it */
        return ERR_OK;
    }
    if (result == ERR_INVALID || result == ERR_LIMIT) {
        diagnostics_add(
            found, DIAGNOSTIC_ERROR, why->name ? why->name : "yaml", why->line, why->column, "%s", why->text);
        return ERR_OK;
    }
    TRY(result);
    if (yaml_find(root, STR("connector")) != NULL)
        file->kind = LINT_CONNECTOR;
    else if (yaml_find(root, STR("playbook")) != NULL && yaml_find(root, STR("cases")) == NULL)
        file->kind = LINT_PLAYBOOK;
    return ERR_OK;
}

/* The connectors inside the binary, and the named ones without faults. */
static enum err load_connectors(struct lint_world *w, struct arena *arena, struct err_info *why)
{
    struct connect_options options = { .clock = clock_system(), .rand = rand_system() };
    struct diagnostics ignored; /* the named files' faults were added by connector_check */
    size_t room = w->count, used = 0;
    for (size_t i = 0; embedded_content[i].name; i++)
        room++;
    struct connector_file *files = ARENA_ARRAY(arena, room, struct connector_file);
    if (files == NULL)
        return err_memory(why);
    for (size_t i = 0; embedded_content[i].name; i++)
        if (str_starts(str_of(embedded_content[i].name), STR("connectors/")))
            files[used++] = (struct connector_file){ str_of(embedded_content[i].name),
                { embedded_content[i].bytes, embedded_content[i].size } };
    for (size_t i = 0; i < w->count; i++)
        if (w->files[i].kind == LINT_CONNECTOR)
            files[used++] = (struct connector_file){ w->files[i].name, w->files[i].text };
    diagnostics_init(&ignored, arena, STR(""));
    TRY(connect_new(&options, &w->connect, why));
    TRY(connect_load(w->connect, files, used, &ignored, why));
    w->source = connect_catalogues(w->connect);
    w->catalogue = w->source->acquire(w->source);
    return ERR_OK;
}

/* Playbooks are read twice: to know them all, then to check each against all. */
static enum err check_playbooks(
    struct lint_world *w, struct arena *arena, struct diagnostics *found, struct err_info *why)
{
    struct diagnostics ignored;
    diagnostics_init(&ignored, arena, STR(""));
    for (size_t i = 0; i < w->count; i++) {
        if (w->files[i].kind != LINT_PLAYBOOK)
            continue;
        enum err result = playbook_parse(w->files[i].text, NULL, &ignored, &w->files[i].playbook, why);
        if (result != ERR_OK && result != ERR_INVALID)
            return result;
    }
    w->world = (struct playbook_world){ .catalogue = w->catalogue,
        .case_type = &subject_type_case,
        .find_playbook = find_playbook,
        .context = w };
    TRY(subject_type_alert(arena, &w->world.alert_type, why));
    for (size_t i = 0; i < w->count; i++) {
        struct playbook *playbook = NULL;
        if (w->files[i].kind != LINT_PLAYBOOK)
            continue;
        found->file = w->files[i].name;
        enum err result = playbook_parse(w->files[i].text, &w->world, found, &playbook, why);
        playbook_release(playbook);
        if (result != ERR_OK && result != ERR_INVALID)
            return result;
    }
    return ERR_OK;
}

static enum err check_files(
    const struct file_list *files, struct arena *arena, struct diagnostics *found, struct err_info *why)
{
    AUTO(lint_world) struct lint_world w = { 0 };
    uint32_t connector_errors = 0;
    w.files = ARENA_ARRAY(arena, files->count + 1, struct lint_file);
    if (w.files == NULL)
        return err_memory(why);
    for (; w.count < files->count; w.count++) {
        struct lint_file *file = &w.files[w.count];
        *file = (struct lint_file){ .name = str_of(files->paths[w.count]) };
        found->file = file->name;
        TRY(file_read(files->paths[w.count], YAML_BYTES_MAX, arena, &file->text, why));
        TRY(classify(file, found, why));
        if (file->kind == LINT_CONNECTOR && !connector_check(file->text, found))
            connector_errors++;
    }
    /* With a broken connector its actions are not known, and `unknown_action` would only be noise. */
    if (connector_errors == 0)
        TRY(load_connectors(&w, arena, why));
    return check_playbooks(&w, arena, found, why);
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
    if (check_files(&files, &arena, &found, &why) != ERR_OK)
        return report(&why);
    diagnostics_sort(&found);
    print(&found, options.values[LINT_JSON].is_set);
    if (!options.values[LINT_JSON].is_set)
        fprintf(stderr, "%zu files, %u errors, %u warnings\n", files.count, found.error_count,
            found.count - (found.error_count < found.count ? found.error_count : found.count));
    return found.error_count > 0 ? 1 : 0;
}
