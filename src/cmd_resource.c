/* The commands that talk to a server: `tocsin token create …`, `tocsin run list …`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "base/timetext.h"
#include "commands.h"
#include "resource.h"

const struct option_value *resource_option(const struct resource *resource, enum resource_option option)
{
    static const struct option_value absent = { .is_set = false };
    int index = resource->index_of[option];
    return index < 0 ? &absent : &resource->options.values[index];
}

struct str resource_text(const struct resource *resource, enum resource_option option)
{
    const struct option_value *value = resource_option(resource, option);
    return value->is_set ? str_of(value->text) : STR("");
}

bool resource_wants_json(const struct resource *resource)
{
    return resource_option(resource, ON_JSON)->is_set;
}

int resource_fail(const struct err_info *why)
{
    bool is_typed = why->code == ERR_INVALID && (why->name == NULL || strcmp(why->name, CLIENT_REFUSED) != 0);
    fprintf(stderr, "tocsin: %s\n", why->text);
    return is_typed ? 2 : 1;
}

/* ---- finding the verb ---- */

static int list_verbs(const char *noun, const char *unknown, FILE *out)
{
    const char *nearest = NULL;
    unsigned best = 4;
    for (const struct verb *verb = resource_verbs; verb->noun && unknown; verb++) {
        unsigned distance = str_distance(str_of(verb->name), str_of(unknown), best);
        if (strcmp(verb->noun, noun) == 0 && distance < best) {
            best = distance;
            nearest = verb->name;
        }
    }
    if (unknown != NULL && nearest != NULL)
        fprintf(out, "tocsin %s has no verb '%s'; did you mean '%s'? It has:\n", noun, unknown, nearest);
    else if (unknown != NULL)
        fprintf(out, "tocsin %s has no verb '%s'; it has:\n", noun, unknown);
    else if (out == stderr)
        fprintf(out, "tocsin %s needs a verb:\n", noun);
    else
        fprintf(out, "usage: tocsin %s VERB [ARGUMENT] [OPTION…]\n\n", noun);
    for (const struct verb *verb = resource_verbs; verb->noun; verb++) {
        char left[64];
        if (strcmp(verb->noun, noun) != 0)
            continue;
        snprintf(left, sizeof left, "%s %s", verb->name, verb->argument ? verb->argument : "");
        fprintf(out, "  tocsin %s %-20s  %s\n", noun, left, verb->help);
    }
    fprintf(out, "`tocsin %s VERB --help` lists a verb's options.\n", noun);
    return out == stderr ? 2 : 0;
}

static const struct verb *find_verb(const char *noun, const char *name)
{
    for (const struct verb *verb = resource_verbs; verb->noun; verb++)
        if (strcmp(verb->noun, noun) == 0 && strcmp(verb->name, name) == 0)
            return verb;
    return NULL;
}

bool resource_has_verb(const char *noun, const char *name)
{
    return find_verb(noun, name) != NULL;
}

/* ---- the request ---- */

/* A span counts back from now; a time stands as it is. */
static enum err when_text(
    struct str text, const char *option, struct arena *arena, struct str *ret, struct err_info *why)
{
    int64_t seconds, span_us;
    int32_t nanos;
    if (time_parse_rfc3339(text, &seconds, &nanos)) {
        *ret = text;
        return ERR_OK;
    }
    if (span_parse(text, &span_us, NULL) != ERR_OK)
        return err_set(why, ERR_INVALID,
            "--%s %.*s: a span such as 24h or 7d, or a time such as 2026-01-02T03:04:05Z, is expected",
            option, STR_ARG(text));
    struct time_text time = instant_text((struct instant){ clock_now(clock_system()).us - span_us });
    return arena_str(arena, str_of(time.text), ret, why);
}

static enum err add_query(const struct resource *resource, struct buf *path, struct err_info *why)
{
    char separator = str_find_byte(buf_str(path), '?', 0) >= 0 ? '&' : '?';
    for (int i = 0; i < ON_COUNT; i++) {
        const char *name = resource_options[i].query;
        struct str text = resource_text(resource, (enum resource_option)i);
        if (name == NULL || !resource_option(resource, (enum resource_option)i)->is_set ||
            resource->verb->body != NULL)
            continue;
        if (i == ON_SINCE || i == ON_UNTIL)
            TRY(when_text(text, resource_options[i].spec.name, resource->arena, &text, why));
        buf_add_byte(path, separator);
        buf_add_text(path, name);
        buf_add_byte(path, '=');
        percent_add(path, text);
        separator = '&';
    }
    return ERR_OK;
}

static enum err make_path(
    const struct resource *resource, const char *pattern, struct str *ret, struct err_info *why)
{
    AUTO(buf) struct buf path = { 0 };
    for (const char *p = pattern; *p; p++) {
        if (*p == '*')
            percent_add(&path, str_of(resource->argument));
        else
            buf_add_byte(&path, *p);
    }
    TRY(add_query(resource, &path, why));
    TRY(buf_check(&path, why));
    return arena_str(resource->arena, buf_str(&path), ret, why);
}

enum err resource_ask(const struct resource *resource, const char *method, const char *path,
    struct value body, struct client_answer *ret, struct err_info *why)
{
    struct client_request request = { .login = resource->login, .method = method, .body = body };
    TRY(make_path(resource, path, &request.path, why));
    return client_ask(&request, resource->arena, ret, why);
}

/* ---- the answer ---- */

static void print_items(const struct resource *resource, struct buf *buf, struct value body)
{
    struct value items = value_get(body, STR("items")), next = value_get(body, STR("next"));
    if (items.size == 0)
        fprintf(stderr, "there are none\n");
    else
        table_print(buf, resource->verb->columns, items, table_has_colours());
    if (next.type == VALUE_STRING)
        fprintf(stderr, "there are more: --after %.*s\n", STR_ARG(value_str(next)));
    else if (next.type == VALUE_INT || next.type == VALUE_UINT)
        fprintf(stderr, "there are more: --before %llu\n", (unsigned long long)next.uinteger);
}

void resource_show(const struct resource *resource, struct value body)
{
    AUTO(buf) struct buf buf = { 0 };
    if (resource_wants_json(resource)) {
        json_print(&buf, body, JSON_PRETTY);
        buf_add_byte(&buf, '\n');
    } else if (resource->verb->columns && value_get(body, STR("items")).type == VALUE_LIST) {
        print_items(resource, &buf, body);
    } else if (resource->verb->print) {
        resource->verb->print(&buf, body, table_has_colours());
    } else if (body.type == VALUE_MAP) {
        table_print_fields(&buf, body, 0);
    }
    if (buf_check(&buf, NULL) == ERR_OK && buf.size > 0)
        fwrite(buf.data, 1, buf.size, stdout);
}

/* What was asked for may be answered well and still be bad news: a broken chain, a failed test. */
static int status_of(struct value body)
{
    struct value good = value_get(body, STR("good")), ok = value_get(body, STR("ok"));
    struct value faults = value_get(body, STR("faults"));
    if ((good.type == VALUE_BOOL && !good.boolean) || (ok.type == VALUE_BOOL && !ok.boolean))
        return 1;
    return faults.type == VALUE_LIST && faults.size > 0 ? 1 : 0;
}

static int run_verb(const struct resource *resource)
{
    const struct verb *verb = resource->verb;
    struct err_info why = { 0 };
    struct client_answer answer;
    struct value body = value_null();
    if (verb->run)
        return verb->run(resource);
    if ((verb->body && verb->body(resource, &body, &why) != ERR_OK) ||
        resource_ask(resource, verb->method, verb->path, body, &answer, &why) != ERR_OK)
        return resource_fail(&why);
    resource_show(resource, answer.body);
    return status_of(answer.body);
}

/* ---- the command line ---- */

static void make_specs(struct resource *resource)
{
    /* A verb without a request needs no server. */
    uint64_t wanted = resource->verb->options;
    if (resource->verb->method != NULL)
        wanted |= WITH(SERVER) | WITH(JSON);
    int count = 0;
    for (int i = 0; i < ON_COUNT; i++) {
        resource->index_of[i] = -1;
        if (!(wanted & (UINT64_C(1) << i)))
            continue;
        resource->index_of[i] = count;
        resource->specs[count++] = resource_options[i].spec;
    }
    resource->specs[count] = (struct option_spec){ .name = NULL };
    resource->options.specs = resource->specs;
}

static int run_resource(const struct verb *verb, struct arena *arena, int argc, char **argv)
{
    struct resource resource = { .verb = verb, .arena = arena };
    struct err_info why = { 0 };
    struct str usage;
    make_specs(&resource);
    if (arena_printf(arena, &usage, &why, "tocsin %s %s%s%s [OPTION…]", verb->noun, verb->name,
            verb->argument ? " " : "", verb->argument ? verb->argument : "") != ERR_OK)
        return resource_fail(&why);
    resource.options.usage = usage.data;
    resource.options.summary = verb->help;
    int status = options_parse(&resource.options, argc, argv);
    if (status != OPTIONS_GO_ON)
        return status;
    size_t wanted = verb->argument ? 1 : 0;
    if (resource.options.argument_count != wanted ||
        (wanted == 1 && resource.options.arguments[0][0] == '\0'))
        return options_wrong(&resource.options, "`%s %s` takes %s", verb->noun, verb->name,
            verb->argument ? verb->argument : "no argument");
    resource.argument = resource.options.arguments[0];
    const struct option_value *server = resource_option(&resource, ON_SERVER);
    if (verb->method == NULL)
        return verb->run(&resource);
    if (login_find(server->is_set ? server->text : NULL, arena, &resource.login, &why) != ERR_OK)
        return resource_fail(&why);
    return run_verb(&resource);
}

int cmd_resource(int argc, char **argv)
{
    AUTO(arena) struct arena arena = { 0 };
    if (argc < 2)
        return list_verbs(argv[0], NULL, stderr);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return list_verbs(argv[0], NULL, stdout);
    const struct verb *verb = find_verb(argv[0], argv[1]);
    if (verb == NULL)
        return list_verbs(argv[0], argv[1], stderr);
    return run_resource(verb, &arena, argc - 1, argv + 1);
}
