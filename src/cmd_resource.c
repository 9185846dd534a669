/* The commands that talk to a server: `tocsin token create …`, `tocsin secret set …`. One table says which
 * request each verb makes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "client.h"
#include "commands.h"
#include "file.h"
#include "options.h"

enum {
    RESOURCE_SERVER,
    RESOURCE_JSON,
    RESOURCE_SCOPES,
    RESOURCE_EXPIRES,
    RESOURCE_SEVERITY,
    RESOURCE_RESOLUTION,
    RESOURCE_COMMENT,
};
static const struct option_spec specs[] = {
    [RESOURCE_SERVER] = { "server", OPTION_TEXT, "URL", "the server (TOCSIN_SERVER; http://127.0.0.1:8473)" },
    [RESOURCE_JSON] = { "json", OPTION_FLAG, NULL, "print the answer as JSON" },
    [RESOURCE_SCOPES] = { "scopes", OPTION_TEXT, "SCOPES",
        "token create: what it may do, e.g. ingest:wazuh" },
    [RESOURCE_EXPIRES] = { "expires-in", OPTION_TEXT, "SPAN", "token create: how long it is good, e.g. 90d" },
    [RESOURCE_SEVERITY] = { "severity", OPTION_TEXT, "WORD", "case open: low, medium, high, critical" },
    [RESOURCE_RESOLUTION] = { "resolution", OPTION_TEXT, "WORD", "case close: why, e.g. false_positive" },
    [RESOURCE_COMMENT] = { "comment", OPTION_TEXT, "TEXT", "case close: what to remember" },
    { .name = NULL },
};

typedef enum err make_body(
    const struct options *options, struct arena *arena, struct value *ret, struct err_info *why);

struct verb {
    const char *noun, *name;
    const char *argument; /* what stands after the verb; NULL: nothing */
    const char *method;
    const char *path; /* '*' stands for the argument */
    make_body *body; /* NULL: none */
    const char *help;
};

static enum err token_body(
    const struct options *options, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_map_builder builder;
    const struct option_value *scopes = &options->values[RESOURCE_SCOPES];
    const struct option_value *expires = &options->values[RESOURCE_EXPIRES];
    if (!scopes->is_set)
        return err_set(why, ERR_INVALID, "say what the token may do, e.g. --scopes ingest:wazuh");
    value_map_begin(&builder, arena);
    TRY(value_map_set(&builder, "name", value_string(str_of(options->arguments[1])), why));
    TRY(value_map_set(&builder, "scopes", value_string(str_of(scopes->text)), why));
    if (expires->is_set)
        TRY(value_map_set(&builder, "expires_in", value_string(str_of(expires->text)), why));
    *ret = value_map_end(&builder);
    return ERR_OK;
}

/* Adds the option's text when it was given. */
static enum err add_option(struct value_map_builder *builder, const struct options *options, int option,
    const char *name, struct err_info *why)
{
    if (!options->values[option].is_set)
        return ERR_OK;
    return value_map_set(builder, name, value_string(str_of(options->values[option].text)), why);
}

static enum err case_body(
    const struct options *options, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_map_builder builder;
    value_map_begin(&builder, arena);
    TRY(value_map_set(&builder, "title", value_string(str_of(options->arguments[1])), why));
    TRY(add_option(&builder, options, RESOURCE_SEVERITY, "severity", why));
    *ret = value_map_end(&builder);
    return ERR_OK;
}

static enum err close_body(
    const struct options *options, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_map_builder builder;
    if (!options->values[RESOURCE_RESOLUTION].is_set)
        return err_set(why, ERR_INVALID, "say why the case ends, e.g. --resolution false_positive");
    value_map_begin(&builder, arena);
    TRY(add_option(&builder, options, RESOURCE_RESOLUTION, "resolution", why));
    TRY(add_option(&builder, options, RESOURCE_COMMENT, "comment", why));
    *ret = value_map_end(&builder);
    return ERR_OK;
}

/* From standard input alone: an argument would stand in the process list and the shell's history. */
static enum err secret_body(
    const struct options *options, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_map_builder builder;
    struct str text;
    (void)options; /* the name is in the path */
    if (isatty(STDIN_FILENO))
        fputs("The secret, then Ctrl-D: ", stderr);
    TRY(file_read("-", API_BODY_BYTES_MAX, arena, &text, why));
    while (text.size > 0 && (text.data[text.size - 1] == '\n' || text.data[text.size - 1] == '\r'))
        text.size--;
    if (text.size == 0 || !utf8_is_valid(text))
        return err_set(why, ERR_INVALID, "standard input holds no secret; it must be text that is not empty");
    value_map_begin(&builder, arena);
    TRY(value_map_set(&builder, "value", value_string(text), why));
    *ret = value_map_end(&builder);
    return ERR_OK;
}

static const struct verb verbs[] = {
    { "alert", "list", NULL, "GET", "/api/v1/alerts", NULL, "alerts, the newest first" },
    { "alert", "show", "ID", "GET", "/api/v1/alerts/*", NULL, "one alert with its timeline" },
    { "case", "list", NULL, "GET", "/api/v1/cases", NULL, "cases, the newest first" },
    { "case", "show", "ID", "GET", "/api/v1/cases/*", NULL, "one case with its timeline" },
    { "case", "open", "TITLE", "POST", "/api/v1/cases", case_body, "open a case" },
    { "case", "close", "ID", "POST", "/api/v1/cases/*/close", close_body, "close a case" },
    { "token", "create", "NAME", "POST", "/api/v1/tokens", token_body,
        "make a token and print its text, once" },
    { "token", "list", NULL, "GET", "/api/v1/tokens", NULL, "tokens, without their text" },
    { "token", "revoke", "ID", "DELETE", "/api/v1/tokens/*", NULL, "a token no longer lets in" },
    { "secret", "set", "NAME", "PUT", "/api/v1/secrets/*", secret_body,
        "store a secret from standard input" },
    { "secret", "list", NULL, "GET", "/api/v1/secrets", NULL, "names, ages, last four characters" },
    { "secret", "delete", "NAME", "DELETE", "/api/v1/secrets/*", NULL, "forget a secret" },
    { "audit", "verify", NULL, "GET", "/api/v1/audit/verify", NULL, "check the audit chain" },
};
#define VERB_COUNT (sizeof verbs / sizeof verbs[0])

static int list_verbs(const char *noun)
{
    fprintf(stderr, "tocsin %s needs a verb:\n", noun);
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (strcmp(verbs[i].noun, noun) == 0)
            fprintf(stderr, "  tocsin %s %s %s  %s\n", noun, verbs[i].name,
                verbs[i].argument ? verbs[i].argument : "", verbs[i].help);
    return 2;
}

static const struct verb *find_verb(const char *noun, const char *name)
{
    for (size_t i = 0; i < VERB_COUNT; i++)
        if (strcmp(verbs[i].noun, noun) == 0 && strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

static enum err make_path(
    const struct verb *verb, const char *argument, struct arena *arena, struct str *ret, struct err_info *why)
{
    AUTO(buf) struct buf path = { 0 };
    for (const char *p = verb->path; *p; p++) {
        if (*p == '*')
            percent_add(&path, str_of(argument));
        else
            buf_add_byte(&path, *p);
    }
    TRY(buf_check(&path, why));
    return arena_str(arena, buf_str(&path), ret, why);
}

/* A cell: texts bare, the rest as JSON. Control characters from a server never reach the terminal. */
static void print_cell(struct buf *buf, struct value v)
{
    if (v.type != VALUE_STRING) {
        json_print(buf, v, 0);
        return;
    }
    for (uint32_t i = 0; i < v.size; i++)
        buf_add_byte(buf, (unsigned char)v.bytes[i] < 0x20 || v.bytes[i] == 0x7f ? '?' : v.bytes[i]);
}

static void print_row(struct buf *buf, struct value row)
{
    const struct value_entry *entries = value_map_entries(row);
    for (uint32_t i = 0; row.type == VALUE_MAP && i < row.size; i++) {
        if (i > 0)
            buf_add_byte(buf, '\t');
        print_cell(buf, entries[i].value);
    }
    buf_add_byte(buf, '\n');
}

/* People get one line an item with its fields' names above; --json gets the answer. */
static void print_body(const struct client_answer *answer, bool as_json)
{
    AUTO(buf) struct buf buf = { 0 };
    struct value items = value_get(answer->body, STR("items"));
    if (as_json || (answer->body.type != VALUE_MAP && answer->body.type != VALUE_NULL)) {
        json_print(&buf, answer->body, JSON_PRETTY);
        buf_add_byte(&buf, '\n');
    } else if (items.type == VALUE_LIST) {
        const struct value_entry *names = items.size ? value_map_entries(items.items[0]) : NULL;
        for (uint32_t i = 0; names && i < items.items[0].size; i++) {
            buf_add_text(&buf, i ? "\t" : "");
            print_cell(&buf, names[i].key);
        }
        buf_add_text(&buf, names ? "\n" : "");
        for (uint32_t i = 0; i < items.size; i++)
            print_row(&buf, items.items[i]);
    } else if (answer->body.type == VALUE_MAP) {
        const struct value_entry *entries = value_map_entries(answer->body);
        for (uint32_t i = 0; i < answer->body.size; i++) {
            print_cell(&buf, entries[i].key);
            buf_add_byte(&buf, '\t');
            print_cell(&buf, entries[i].value);
            buf_add_byte(&buf, '\n');
        }
    }
    if (buf_check(&buf, NULL) == ERR_OK && buf.size > 0)
        fwrite(buf.data, 1, buf.size, stdout);
}

static int fail(const struct err_info *why)
{
    fprintf(stderr, "tocsin: %s\n", why->text);
    return why->code == ERR_INVALID ? 2 : 1;
}

static int run_verb(const struct verb *verb, const struct options *options)
{
    AUTO(arena) struct arena arena = { 0 };
    struct err_info why = { 0 };
    struct client_answer answer;
    const char *from_environment = getenv("TOCSIN_SERVER");
    struct client_request request = { .method = verb->method, .body = value_null() };
    request.server = str_of(options->values[RESOURCE_SERVER].is_set ? options->values[RESOURCE_SERVER].text
            : from_environment                                      ? from_environment
                                                                    : "http://127.0.0.1:8473");
    if (make_path(verb, options->arguments[1], &arena, &request.path, &why) != ERR_OK ||
        (verb->body && verb->body(options, &arena, &request.body, &why) != ERR_OK) ||
        client_call(&request, &arena, &answer, &why) != ERR_OK)
        return fail(&why);
    if (answer.status >= 300) {
        AUTO(buf) struct buf detail = { 0 };
        print_cell(&detail, value_get(answer.body, STR("detail")));
        fprintf(stderr, "tocsin: the server answered %d: %.*s\n", answer.status, STR_ARG(buf_str(&detail)));
        return 1;
    }
    print_body(&answer, options->values[RESOURCE_JSON].is_set);
    struct value good = value_get(answer.body, STR("good"));
    return good.type == VALUE_BOOL && !good.boolean ? 1 : 0;
}

int cmd_resource(int argc, char **argv)
{
    struct options options = {
        .usage = "tocsin alert|case|token|secret|audit VERB [ARGUMENT] [--server URL] [--json]",
        .summary = "Asks a running server. The token comes from TOCSIN_TOKEN.",
        .specs = specs
    };
    int status = options_parse(&options, argc, argv);
    if (status != OPTIONS_GO_ON)
        return status;
    if (options.argument_count == 0)
        return list_verbs(argv[0]);
    const struct verb *verb = find_verb(argv[0], options.arguments[0]);
    if (verb == NULL)
        return list_verbs(argv[0]);
    if (options.argument_count != (verb->argument ? 2 : 1))
        return options_wrong(&options, "`%s %s` takes %s", argv[0], verb->name,
            verb->argument ? verb->argument : "no argument");
    return run_verb(verb, &options);
}
