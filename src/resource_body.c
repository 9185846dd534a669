#include <stdio.h>
#include <unistd.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "file.h"
#include "prompt.h"
#include "resource.h"

/* Adds the option's text when it was given. */
static enum err add_text(struct value_map_builder *builder, const struct resource *resource,
    enum resource_option option, const char *name, struct err_info *why)
{
    if (!resource_option(resource, option)->is_set)
        return ERR_OK;
    return value_map_set(builder, name, value_string(resource_text(resource, option)), why);
}

enum err pair_add(
    struct value_map_builder *builder, const char *pair, const char *option, struct err_info *why)
{
    struct json_options options = { .duplicates = JSON_DUPLICATES_REFUSE };
    struct str text = str_of(pair);
    ptrdiff_t at = str_find_byte(text, '=', 0);
    struct value v;
    if (at <= 0 || (at == 1 && text.data[0] == ':'))
        return err_set(why, ERR_INVALID, "--%s %s: NAME=TEXT or NAME:=JSON is expected", option, pair);
    struct str rest = str_slice(text, (size_t)at + 1, text.size);
    bool is_json = text.data[at - 1] == ':';
    struct str name = str_slice(text, 0, (size_t)at - (is_json ? 1 : 0));
    if (!utf8_is_valid(text))
        return err_set(why, ERR_INVALID, "--%s: the text is no UTF-8", option);
    struct err_info inner = { 0 };
    if (is_json && json_parse(builder->arena, rest, &options, &v, &inner) != ERR_OK)
        return err_set(why, ERR_INVALID, "--%s %.*s: no JSON at column %u: %s", option, STR_ARG(text),
            inner.column, inner.text);
    if (!is_json)
        v = value_string(rest);
    enum err result = value_map_add(builder, value_string(name), v, why);
    if (result == ERR_CONFLICT)
        return err_set(why, ERR_INVALID, "--%s: %.*s is given twice", option, STR_ARG(name));
    return result;
}

static enum err pairs_add(struct value_map_builder *builder, const struct resource *resource,
    enum resource_option option, struct err_info *why)
{
    const struct option_value *pairs = resource_option(resource, option);
    for (size_t i = 0; i < pairs->count; i++)
        TRY(pair_add(builder, pairs->list[i], resource_options[option].spec.name, why));
    return ERR_OK;
}

enum err body_empty(const struct resource *resource, struct value *ret, struct err_info *why)
{
    struct value_map_builder builder;
    (void)why; /* nothing is made */
    value_map_begin(&builder, resource->arena);
    *ret = value_map_end(&builder);
    return ERR_OK;
}

static enum err body_switch(
    const struct resource *resource, bool is_enabled, struct value *ret, struct err_info *why)
{
    struct value_map_builder builder;
    value_map_begin(&builder, resource->arena);
    TRY(value_map_set(&builder, "enabled", value_bool(is_enabled), why));
    *ret = value_map_end(&builder);
    return ERR_OK;
}

enum err body_enable(const struct resource *resource, struct value *ret, struct err_info *why)
{
    return body_switch(resource, true, ret, why);
}

enum err body_disable(const struct resource *resource, struct value *ret, struct err_info *why)
{
    return body_switch(resource, false, ret, why);
}

enum err body_suppression(const struct resource *resource, struct value *ret, struct err_info *why)
{
    struct value_map_builder builder;
    if (!resource_option(resource, ON_WHEN)->is_set || !resource_option(resource, ON_REASON)->is_set ||
        !resource_option(resource, ON_EXPIRES)->is_set)
        return err_set(why, ERR_INVALID, "a rule needs --when EXPR, --reason TEXT and --expires-in SPAN");
    value_map_begin(&builder, resource->arena);
    TRY(value_map_set(&builder, "name", value_string(str_of(resource->argument)), why));
    TRY(add_text(&builder, resource, ON_WHEN, "when", why));
    TRY(add_text(&builder, resource, ON_REASON, "reason", why));
    TRY(add_text(&builder, resource, ON_EXPIRES, "expires_in", why));
    TRY(add_text(&builder, resource, ON_SOURCE, "source", why));
    *ret = value_map_end(&builder);
    return ERR_OK;
}

enum err body_token(const struct resource *resource, struct value *ret, struct err_info *why)
{
    struct value_map_builder builder;
    if (!resource_option(resource, ON_SCOPES)->is_set)
        return err_set(why, ERR_INVALID, "say what the token may do, e.g. --scopes ingest:wazuh");
    value_map_begin(&builder, resource->arena);
    TRY(value_map_set(&builder, "name", value_string(str_of(resource->argument)), why));
    TRY(add_text(&builder, resource, ON_SCOPES, "scopes", why));
    TRY(add_text(&builder, resource, ON_EXPIRES, "expires_in", why));
    *ret = value_map_end(&builder);
    return ERR_OK;
}

/* From standard input alone: an argument would stand in the process list and the shell's history. */
enum err body_secret(const struct resource *resource, struct value *ret, struct err_info *why)
{
    struct value_map_builder builder;
    struct str text;
    if (isatty(STDIN_FILENO))
        fputs("The secret, then Ctrl-D: ", stderr);
    TRY(file_read("-", API_BODY_BYTES_MAX, resource->arena, &text, why));
    while (text.size > 0 && (text.data[text.size - 1] == '\n' || text.data[text.size - 1] == '\r'))
        text.size--;
    if (text.size == 0 || !utf8_is_valid(text))
        return err_set(why, ERR_INVALID, "standard input holds no secret; it must be text that is not empty");
    value_map_begin(&builder, resource->arena);
    TRY(value_map_set(&builder, "value", value_string(text), why));
    *ret = value_map_end(&builder);
    return ERR_OK;
}

enum err body_case_open(const struct resource *resource, struct value *ret, struct err_info *why)
{
    struct value_map_builder builder;
    value_map_begin(&builder, resource->arena);
    TRY(value_map_set(&builder, "title", value_string(str_of(resource->argument)), why));
    TRY(add_text(&builder, resource, ON_SEVERITY, "severity", why));
    TRY(add_text(&builder, resource, ON_OWNER, "owner", why));
    *ret = value_map_end(&builder);
    return ERR_OK;
}

enum err body_case_close(const struct resource *resource, struct value *ret, struct err_info *why)
{
    struct value_map_builder builder;
    if (!resource_option(resource, ON_RESOLUTION)->is_set)
        return err_set(why, ERR_INVALID, "say why the case ends, e.g. --resolution false_positive");
    value_map_begin(&builder, resource->arena);
    TRY(add_text(&builder, resource, ON_RESOLUTION, "resolution", why));
    TRY(add_text(&builder, resource, ON_COMMENT, "comment", why));
    *ret = value_map_end(&builder);
    return ERR_OK;
}

enum err body_case_comment(const struct resource *resource, struct value *ret, struct err_info *why)
{
    struct value_map_builder builder;
    if (!resource_option(resource, ON_COMMENT)->is_set)
        return err_set(why, ERR_INVALID, "say it with --comment TEXT");
    value_map_begin(&builder, resource->arena);
    TRY(add_text(&builder, resource, ON_COMMENT, "text", why));
    *ret = value_map_end(&builder);
    return ERR_OK;
}

enum err body_update(const struct resource *resource, struct value *ret, struct err_info *why)
{
    struct value_map_builder builder;
    value_map_begin(&builder, resource->arena);
    TRY(add_text(&builder, resource, ON_STATUS, "status", why));
    TRY(add_text(&builder, resource, ON_SEVERITY, "severity", why));
    TRY(add_text(&builder, resource, ON_OWNER, "owner", why));
    *ret = value_map_end(&builder);
    if (ret->size == 0)
        return err_set(why, ERR_INVALID, "say what changes: --status, --severity or --owner");
    return ERR_OK;
}

enum err body_run_start(const struct resource *resource, struct value *ret, struct err_info *why)
{
    struct value_map_builder builder, inputs;
    value_map_begin(&builder, resource->arena);
    value_map_begin(&inputs, resource->arena);
    TRY(pairs_add(&inputs, resource, ON_INPUT, why));
    TRY(value_map_set(&builder, "playbook", value_string(str_of(resource->argument)), why));
    TRY(value_map_set(&builder, "inputs", value_map_end(&inputs), why));
    *ret = value_map_end(&builder);
    return ERR_OK;
}

enum err body_reason(const struct resource *resource, struct value *ret, struct err_info *why)
{
    struct value_map_builder builder;
    value_map_begin(&builder, resource->arena);
    TRY(add_text(&builder, resource, ON_REASON, "reason", why));
    *ret = value_map_end(&builder);
    return ERR_OK;
}

/* At a terminal the question itself is asked there. */
static FALLIBLE ask_there(const struct resource *resource, struct value *ret, struct err_info *why)
{
    struct client_answer task;
    FILE *terminal = prompt_open(false);
    TRY(resource_ask(resource, "GET", "/api/v1/tasks/*", value_null(), &task, why));
    enum err result = prompt_task(terminal, task.body, resource->arena, ret, why);
    prompt_close(terminal);
    return result;
}

enum err body_answer(const struct resource *resource, struct value *ret, struct err_info *why)
{
    struct value_map_builder builder, form;
    bool has_choice = resource_option(resource, ON_CHOICE)->is_set;
    bool has_form = resource_option(resource, ON_FORM)->is_set;
    if (!has_choice && !has_form && isatty(STDIN_FILENO))
        return ask_there(resource, ret, why);
    if (has_choice == has_form)
        return err_set(why, ERR_INVALID,
            "answer with --choice OPTION or with --form NAME=TEXT for each field; `task show` tells which");
    value_map_begin(&builder, resource->arena);
    value_map_begin(&form, resource->arena);
    TRY(add_text(&builder, resource, ON_CHOICE, "choice", why));
    TRY(pairs_add(&form, resource, ON_FORM, why));
    if (has_form)
        TRY(value_map_set(&builder, "form", value_map_end(&form), why));
    TRY(add_text(&builder, resource, ON_COMMENT, "comment", why));
    *ret = value_map_end(&builder);
    return ERR_OK;
}

/* `--secret key=NAME` becomes the reference to that stored secret. */
static enum err secrets_add(
    struct value_map_builder *settings, const struct resource *resource, struct err_info *why)
{
    const struct option_value *pairs = resource_option(resource, ON_SECRET);
    for (size_t i = 0; i < pairs->count; i++) {
        struct str text = str_of(pairs->list[i]), reference;
        ptrdiff_t at = str_find_byte(text, '=', 0);
        if (at <= 0 || (size_t)at + 1 == text.size)
            return err_set(why, ERR_INVALID, "--secret %s: NAME=SECRET is expected", pairs->list[i]);
        TRY(arena_printf(resource->arena, &reference, why, "${secret:%.*s}",
            STR_ARG(str_slice(text, (size_t)at + 1, text.size))));
        struct str name = str_slice(text, 0, (size_t)at);
        enum err result = value_map_add(settings, value_string(name), value_string(reference), why);
        if (result == ERR_CONFLICT)
            return err_set(why, ERR_INVALID, "the setting %.*s is given twice", STR_ARG(name));
        TRY(result);
    }
    return ERR_OK;
}

enum err body_connection(const struct resource *resource, struct value *ret, struct err_info *why)
{
    struct value_map_builder builder, settings;
    if (!resource_option(resource, ON_CONNECTOR)->is_set)
        return err_set(why, ERR_INVALID, "say with --connector NAME what it is a connection of");
    value_map_begin(&builder, resource->arena);
    value_map_begin(&settings, resource->arena);
    TRY(pairs_add(&settings, resource, ON_SET, why));
    TRY(secrets_add(&settings, resource, why));
    TRY(add_text(&builder, resource, ON_CONNECTOR, "connector", why));
    TRY(value_map_set(&builder, "settings", value_map_end(&settings), why));
    TRY(value_map_set(
        &builder, "is_default", value_bool(resource_option(resource, ON_DEFAULT)->is_set), why));
    TRY(value_map_set(
        &builder, "is_enabled", value_bool(!resource_option(resource, ON_DISABLED)->is_set), why));
    *ret = value_map_end(&builder);
    return ERR_OK;
}
