/* `tocsin apply`: publishes playbooks to a server; with --plan it shows what would change. */
#include <stdio.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "client.h"
#include "commands.h"
#include "embedded.h"
#include "file.h"
#include "library.h"
#include "line_diff.h"
#include "options.h"
#include "table.h"

enum { APPLY_PLAN, APPLY_DISABLED, APPLY_SERVER, APPLY_JSON };
static const struct option_spec specs[] = {
    [APPLY_PLAN] = { "plan", OPTION_FLAG, NULL,
        "change nothing; show the difference and what the check says" },
    [APPLY_DISABLED] = { "disabled", OPTION_FLAG, NULL, "new playbooks are known, but start nothing yet" },
    [APPLY_SERVER] = { "server", OPTION_TEXT, "URL", "the server (TOCSIN_SERVER; " SERVER_DEFAULT ")" },
    [APPLY_JSON] = { "json", OPTION_FLAG, NULL, "print what was done as JSON" },
    { .name = NULL },
};

struct applied {
    const char *path;
    struct str name, text; /* name empty: no playbook */
    struct str live; /* the server's text; empty: none yet */
    bool is_new, is_enabled, is_done, is_same;
    int64_t version;
    struct value diagnostics; /* list or null */
    struct str refusal; /* empty: none */
};

struct applying {
    const struct options *options;
    struct arena *arena;
    struct login login;
    struct applied *files;
    size_t count, failed;
};

static bool is_set(const struct applying *applying, int option)
{
    return applying->options->values[option].is_set;
}

/* ---- the server ---- */

static FALLIBLE playbook_request(const struct applying *applying, const struct applied *applied,
    const char *method, struct client_request *ret, struct err_info *why)
{
    AUTO(buf) struct buf path = { 0 };
    buf_add_text(&path, "/api/v1/playbooks/");
    percent_add(&path, applied->name);
    TRY(buf_check(&path, why));
    *ret = (struct client_request){ .login = applying->login, .method = method, .body = value_null() };
    return arena_str(applying->arena, buf_str(&path), &ret->path, why);
}

/* The templates of the binary: what is there, but was never asked for. */
static bool is_template(struct str text)
{
    for (const struct embedded_file *file = embedded_content; file->name; file++)
        if (str_equal(text, (struct str){ file->bytes, file->size }))
            return true;
    return false;
}

static FALLIBLE look(struct applying *applying, struct applied *applied, struct err_info *why)
{
    struct client_request request;
    struct client_answer answer;
    TRY(playbook_request(applying, applied, "GET", &request, why));
    enum err result = client_ask(&request, applying->arena, &answer, why);
    applied->is_new = result == ERR_NOT_FOUND;
    applied->is_enabled = !is_set(applying, APPLY_DISABLED);
    if (applied->is_new)
        return ERR_OK;
    TRY(result);
    struct value enabled = value_get(answer.body, STR("enabled")),
                 version = value_get(answer.body, STR("version"));
    struct value source = value_get(answer.body, STR("source"));
    applied->version = version.type == VALUE_INT ? version.integer : 0;
    applied->live = source.type == VALUE_STRING ? value_str(source) : STR("");
    applied->is_same = str_equal(applied->live, applied->text);
    /* Whoever writes a playbook under a template's name means it to run; the same template again says
     * nothing. */
    if (applied->is_same || !is_template(applied->live))
        applied->is_enabled = enabled.type == VALUE_BOOL && enabled.boolean;
    return ERR_OK;
}

static FALLIBLE make_body(
    const struct applying *applying, const struct applied *applied, struct value *ret, struct err_info *why)
{
    struct value_map_builder body;
    value_map_begin(&body, applying->arena);
    TRY(value_map_set(&body, "source", value_string(applied->text), why));
    TRY(value_map_set(&body, "enabled", value_bool(applied->is_enabled), why));
    TRY(value_map_set(&body, "dry_run", value_bool(is_set(applying, APPLY_PLAN)), why));
    *ret = value_map_end(&body);
    return ERR_OK;
}

/* A playbook that the server's check refuses is no error here; it is told with the others. */
static FALLIBLE put(struct applying *applying, struct applied *applied, struct err_info *why)
{
    struct client_request request;
    struct client_answer answer;
    struct err_info inner = { 0 };
    TRY(playbook_request(applying, applied, "PUT", &request, why));
    TRY(make_body(applying, applied, &request.body, why));
    enum err result = client_ask(&request, applying->arena, &answer, &inner);
    applied->refusal = STR("");
    applied->diagnostics = value_get(answer.body, STR("diagnostics"));
    if (result == ERR_OK) {
        struct value version = value_get(answer.body, STR("version"));
        applied->version = version.type == VALUE_INT ? version.integer : applied->version;
        applied->is_done = true;
        return ERR_OK;
    }
    if (result != ERR_INVALID && result != ERR_CONFLICT)
        return err_named(why, result, inner.name, "%s", inner.text);
    return arena_str(applying->arena, str_of(inner.text), &applied->refusal, why);
}

/* A playbook may call one that comes later: what was refused is tried again for as long as others go in. */
static FALLIBLE put_all(struct applying *applying, struct err_info *why)
{
    for (size_t before = SIZE_MAX;;) {
        size_t left = 0;
        for (size_t i = 0; i < applying->count; i++) {
            struct applied *applied = &applying->files[i];
            if (applied->is_done || applied->is_same)
                continue;
            TRY(put(applying, applied, why));
            left += !applied->is_done;
        }
        if (left == 0 || left == before)
            return ERR_OK;
        before = left;
    }
}

/* ---- the files ---- */

static FALLIBLE read_files(struct applying *applying, struct err_info *why)
{
    struct file_list list = { 0 };
    for (size_t i = 0; i < applying->options->argument_count; i++)
        TRY(file_walk(applying->options->arguments[i], ".yaml", applying->arena, &list, why));
    applying->files = ARENA_ARRAY(applying->arena, list.count + 1, struct applied);
    if (applying->files == NULL)
        return err_memory(why);
    for (size_t i = 0; i < list.count; i++) {
        struct applied *applied = &applying->files[applying->count];
        *applied = (struct applied){ .path = list.paths[i] };
        if (str_ends(str_of(applied->path), STR(".test.yaml")))
            continue;
        TRY(file_read(applied->path, YAML_BYTES_MAX, applying->arena, &applied->text, why));
        applied->name = playbook_text_name(applying->arena, applied->text);
        if (applied->name.size > 0)
            applying->count++;
        else
            fprintf(stderr, "tocsin: %s is no playbook; it comes with a --content folder of the server\n",
                applied->path);
    }
    if (applying->count == 0)
        return err_set(why, ERR_NOT_FOUND, "there is no playbook among what was named");
    return ERR_OK;
}

/* ---- telling ---- */

static const char *word_of(const struct applying *applying, const struct applied *applied)
{
    if (applied->is_same)
        return "unchanged";
    if (!applied->is_done)
        return "refused";
    if (is_set(applying, APPLY_PLAN))
        return applied->is_new ? "would be new" : "would change";
    return applied->is_new ? "created" : "updated";
}

static void print_diagnostics(struct buf *buf, const struct applied *applied)
{
    struct value list = applied->diagnostics;
    for (uint32_t i = 0; list.type == VALUE_LIST && i < list.size; i++) {
        static const char *const parts[] = { "line", "column", "level", "text", "code" };
        static const char *const before[] = { ":", ":", ": ", ": ", " [" };
        buf_add_text(buf, applied->path);
        for (size_t part = 0; part < sizeof parts / sizeof parts[0]; part++) {
            buf_add_text(buf, before[part]);
            table_add_cell(buf, value_get(list.items[i], str_of(parts[part])), 0);
        }
        buf_add_text(buf, "]\n");
    }
}

static FALLIBLE print_text(const struct applying *applying, struct buf *buf, struct err_info *why)
{
    for (size_t i = 0; i < applying->count; i++) {
        const struct applied *applied = &applying->files[i];
        buf_printf(buf, "%s %.*s", word_of(applying, applied), STR_ARG(applied->name));
        if (applied->version > 0)
            buf_printf(buf, " version %lld", (long long)applied->version);
        if ((applied->is_done || applied->is_same) && !applied->is_enabled)
            buf_printf(buf, " (disabled; `tocsin playbook enable %.*s` lets its triggers start it)",
                STR_ARG(applied->name));
        if (applied->refusal.size > 0)
            buf_printf(buf, ": %.*s", STR_ARG(applied->refusal));
        buf_add_byte(buf, '\n');
        print_diagnostics(buf, applied);
        if (is_set(applying, APPLY_PLAN))
            TRY(line_diff_print(buf, applied->live, applied->text, table_has_colours(), why));
    }
    return ERR_OK;
}

static void print_json(const struct applying *applying, struct buf *buf)
{
    buf_add_byte(buf, '[');
    for (size_t i = 0; i < applying->count; i++) {
        const struct applied *applied = &applying->files[i];
        buf_add_text(buf, i ? ",{\"file\":" : "{\"file\":");
        json_print_string(buf, str_of(applied->path));
        buf_add_text(buf, ",\"playbook\":");
        json_print_string(buf, applied->name);
        buf_printf(buf,
            ",\"result\":\"%s\",\"version\":%lld,\"enabled\":%s,\"diagnostics\":", word_of(applying, applied),
            (long long)applied->version, applied->is_enabled ? "true" : "false");
        json_print(buf, applied->diagnostics, 0);
        buf_add_byte(buf, '}');
    }
    buf_add_text(buf, "]\n");
}

static FALLIBLE apply(struct applying *applying, struct err_info *why)
{
    AUTO(buf) struct buf buf = { 0 };
    TRY(login_find(applying->options->values[APPLY_SERVER].text, applying->arena, &applying->login, why));
    TRY(read_files(applying, why));
    for (size_t i = 0; i < applying->count; i++)
        TRY(look(applying, &applying->files[i], why));
    TRY(put_all(applying, why));
    for (size_t i = 0; i < applying->count; i++)
        applying->failed += !applying->files[i].is_done && !applying->files[i].is_same;
    if (is_set(applying, APPLY_JSON))
        print_json(applying, &buf);
    else
        TRY(print_text(applying, &buf, why));
    TRY(buf_check(&buf, why));
    fwrite(buf.data, 1, buf.size, stdout);
    return ERR_OK;
}

int cmd_apply(int argc, char **argv)
{
    AUTO(arena) struct arena arena = { 0 };
    struct options options = { .usage = "tocsin apply PATH… [--plan] [--server URL]",
        .summary =
            "Publishes playbooks, files or all below folders, to a server. One that is there keeps its "
            "state,\n"
            "enabled or not; one in place of a built-in template is enabled. Exit status: 0 all are live,\n"
            "1 one was refused or the server does not answer, 2 a file can't be read.",
        .specs = specs };
    struct err_info why = { 0 };
    int status = options_parse(&options, argc, argv);
    if (status != OPTIONS_GO_ON)
        return status;
    if (options.argument_count == 0)
        return options_wrong(&options, "name at least one file or folder");
    struct applying applying = { .options = &options, .arena = &arena };
    if (apply(&applying, &why) == ERR_OK)
        return applying.failed > 0 ? 1 : 0;
    fprintf(stderr, "tocsin: %s\n", why.text);
    bool is_local = why.name == NULL && (why.code == ERR_NOT_FOUND || why.code == ERR_INVALID);
    return is_local ? 2 : 1;
}
