/* `tocsin eval`: one expression from the command line, or many from standard input. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "commands.h"
#include "expr/expr.h"
#include "expr/typed_json.h"
#include "file.h"
#include "options.h"

/* Variables and their types; values[i] belongs to names[i]. */
struct scope {
    struct expr_name *names;
    struct value *values;
    bool *is_bound;
    uint32_t count;
};

struct scope_activation {
    struct expr_activation activation;
    const struct scope *scope;
};

static bool get_value(const struct expr_activation *activation, uint32_t slot, struct value *ret)
{
    const struct scope *scope = ((const struct scope_activation *)(const void *)activation)->scope;
    if (!scope->is_bound[slot])
        return false;
    *ret = scope->values[slot];
    return true;
}

static FALLIBLE scope_init(struct scope *scope, struct arena *arena, size_t room, struct err_info *why)
{
    *scope = (struct scope){ .names = ARENA_ARRAY(arena, room + 1, struct expr_name),
        .values = ARENA_ARRAY(arena, room + 1, struct value),
        .is_bound = ARENA_ARRAY(arena, room + 1, bool) };
    return scope->names && scope->values && scope->is_bound ? ERR_OK : err_memory(why);
}

static uint32_t scope_add(struct scope *scope, struct str name)
{
    for (uint32_t i = 0; i < scope->count; i++) {
        if (str_equal(scope->names[i].name, name))
            return i;
    }
    scope->names[scope->count] = (struct expr_name){ .name = name, .type = &type_dyn };
    scope->is_bound[scope->count] = false;
    return scope->count++;
}

/* ---- evaluating ---- */

struct outcome {
    const struct type *type; /* as checked; NULL when unchecked or failed */
    struct value value;
};

static FALLIBLE evaluate(struct arena *arena, const struct expr_env *env, const struct scope *scope,
    struct str source, struct outcome *ret, struct err_info *why)
{
    struct expr *expr = NULL;
    struct scope_activation activation = { { get_value }, scope };
    TRY(expr_compile(arena, env, source, &expr, why));
    TRY(expr_eval(expr, arena, &activation.activation, NULL, &ret->value, why));
    ret->type = env->is_unchecked ? NULL : expr_type(expr);
    return ERR_OK;
}

/* The stage that refused, as `tocsin eval --batch` names it. */
static const char *error_kind(const struct err_info *why)
{
    if (why->name != NULL && strcmp(why->name, "expr_check") == 0)
        return "check";
    if (why->name != NULL &&
        (strcmp(why->name, "expr_eval") == 0 || strcmp(why->name, "expression_cost") == 0))
        return "eval";
    return why->code == ERR_MEMORY || why->code == ERR_LIMIT ? "eval" : "parse";
}

static void print_error(struct buf *buf, const struct err_info *why)
{
    buf_printf(buf, "\"ok\":false,\"error\":{\"kind\":\"%s\",\"message\":", error_kind(why));
    json_print_string(buf, str_of(why->text));
    if (why->line > 0)
        buf_printf(buf, ",\"line\":%u,\"column\":%u", why->line, why->column);
    buf_add_text(buf, "}}");
}

static void print_type(struct buf *buf, const struct outcome *outcome)
{
    AUTO(buf) struct buf type = { .size = 0 };
    if (outcome->type != NULL)
        type_print(&type, outcome->type);
    else
        buf_add_text(&type, value_type_name(outcome->value.type));
    json_print_string(buf, buf_str(&type));
}

/* ---- batch ---- */

static FALLIBLE read_types(struct arena *arena, struct value types, struct scope *scope, struct err_info *why)
{
    const struct value_entry *entries = value_map_entries(types);
    for (uint32_t i = 0; types.type == VALUE_MAP && i < types.size; i++) {
        if (entries[i].value.type != VALUE_STRING)
            return err_set(why, ERR_INVALID, "a type is text, as \"list(int)\"");
        uint32_t slot = scope_add(scope, value_str(entries[i].key));
        TRY(type_parse(arena, value_str(entries[i].value), &scope->names[slot].type, why));
    }
    return ERR_OK;
}

static FALLIBLE read_vars(struct arena *arena, struct value vars, struct scope *scope, struct err_info *why)
{
    const struct value_entry *entries = value_map_entries(vars);
    for (uint32_t i = 0; vars.type == VALUE_MAP && i < vars.size; i++) {
        uint32_t slot = scope_add(scope, value_str(entries[i].key));
        TRY(typed_json_parse(arena, entries[i].value, &scope->values[slot], why));
        scope->is_bound[slot] = true;
    }
    return ERR_OK;
}

static FALLIBLE answer_request(
    struct arena *arena, struct value request, struct outcome *ret, struct err_info *why)
{
    struct value expr = value_get(request, STR("expr")), check = value_get(request, STR("check"));
    struct value vars = value_get(request, STR("vars")), types = value_get(request, STR("types"));
    struct value container = value_get(request, STR("container"));
    struct scope scope;
    if (expr.type != VALUE_STRING)
        return err_set(why, ERR_INVALID, "a request is an object with \"id\" and \"expr\"");
    size_t room = (vars.type == VALUE_MAP ? vars.size : 0) +
        (size_t)(types.type == VALUE_MAP ? types.size : 0);
    TRY(scope_init(&scope, arena, room, why));
    TRY(read_types(arena, types, &scope, why));
    TRY(read_vars(arena, vars, &scope, why));
    struct expr_env env = { .names = scope.names,
        .name_count = scope.count,
        .container = container.type == VALUE_STRING ? value_str(container) : STR(""),
        .is_unchecked = check.type == VALUE_BOOL && !check.boolean };
    return evaluate(arena, &env, &scope, value_str(expr), ret, why);
}

static void answer_line(struct str line, struct buf *buf)
{
    AUTO(arena) struct arena arena = { 0 };
    struct json_options options = { .duplicates = JSON_DUPLICATES_REFUSE };
    struct err_info why = { .code = ERR_OK };
    struct outcome outcome = { 0 };
    struct value request = value_null();
    enum err err = json_parse(&arena, line, &options, &request, &why);
    buf_add_text(buf, "{\"id\":");
    json_print(buf, value_get(request, STR("id")), 0);
    buf_add_byte(buf, ',');
    if (err == ERR_OK)
        err = answer_request(&arena, request, &outcome, &why);
    if (err != ERR_OK) {
        print_error(buf, &why);
        return;
    }
    buf_add_text(buf, "\"ok\":true,\"type\":");
    print_type(buf, &outcome);
    buf_add_text(buf, ",\"value\":");
    typed_json_print(buf, outcome.value);
    buf_add_byte(buf, '}');
}

static bool write_line(struct buf *buf)
{
    struct err_info why;
    if (buf_check(buf, &why) != ERR_OK) {
        fprintf(stderr, "tocsin: an answer is too long: %s\n", why.text);
        return false;
    }
    buf_add_byte(buf, '\n');
    bool is_written = fwrite(buf->data, 1, buf->size, stdout) == buf->size && fflush(stdout) == 0;
    buf_clear(buf);
    return is_written;
}

static int run_batch(void)
{
    AUTO(buf) struct buf buf = { .size = 0 };
    char *line = NULL;
    size_t room = 0;
    ssize_t size;
    bool is_good = true;
    while (is_good && (size = getline(&line, &room, stdin)) >= 0) {
        struct str text = str_trim((struct str){ line, (size_t)size });
        if (text.size == 0)
            continue;
        answer_line(text, &buf);
        is_good = write_line(&buf);
    }
    free(line);
    return is_good && !ferror(stdin) ? 0 : 2;
}

/* ---- one expression ---- */

static FALLIBLE load_vars(const char *path, struct arena *arena, struct scope *scope, struct err_info *why)
{
    struct json_options options = { .duplicates = JSON_DUPLICATES_REFUSE };
    struct value vars = value_null();
    if (path != NULL) {
        struct str text;
        TRY(file_read(path, EVENT_BODY_BYTES_MAX, arena, &text, why));
        TRY(json_parse(arena, text, &options, &vars, why));
        if (vars.type != VALUE_MAP)
            return err_set(why, ERR_INVALID, "%s: an object is expected, name to value", path);
    }
    TRY(scope_init(scope, arena, path != NULL ? vars.size : 0, why));
    const struct value_entry *entries = value_map_entries(vars);
    for (uint32_t i = 0; path != NULL && i < vars.size; i++) {
        uint32_t slot = scope_add(scope, value_str(entries[i].key));
        scope->values[slot] = entries[i].value;
        scope->is_bound[slot] = true;
    }
    return ERR_OK;
}

static void print_outcome(
    const struct outcome *outcome, enum err err, const struct err_info *why, bool is_json)
{
    AUTO(buf) struct buf buf = { .size = 0 };
    if (!is_json && err != ERR_OK) {
        fprintf(stderr, "%u:%u: error: %s [%s]\n", why->line, why->column, why->text, error_kind(why));
        return;
    }
    if (err != ERR_OK) {
        buf_add_byte(&buf, '{');
        print_error(&buf, why);
    } else if (is_json) {
        buf_add_text(&buf, "{\"ok\":true,\"type\":");
        print_type(&buf, outcome);
        buf_add_text(&buf, ",\"value\":");
        json_print(&buf, outcome->value, 0);
        buf_add_byte(&buf, '}');
    } else {
        json_print(&buf, outcome->value, JSON_PRETTY);
    }
    (void)write_line(&buf); /* standard output is gone: nobody is left to tell */
}

static int run_one(const char *source, const char *vars_path, bool is_json)
{
    AUTO(arena) struct arena arena = { 0 };
    struct scope scope;
    struct outcome outcome = { 0 };
    struct err_info why = { .code = ERR_OK };
    if (load_vars(vars_path, &arena, &scope, &why) != ERR_OK) {
        fprintf(stderr, "tocsin: %s: ", vars_path);
        if (why.line > 0)
            fprintf(stderr, "%u:%u: ", why.line, why.column);
        fprintf(stderr, "%s\n", why.text);
        return 2;
    }
    struct expr_env env = { .names = scope.names, .name_count = scope.count };
    enum err err = evaluate(&arena, &env, &scope, str_of(source), &outcome, &why);
    print_outcome(&outcome, err, &why, is_json);
    return err == ERR_OK ? 0 : 1;
}

int cmd_eval(int argc, char **argv)
{
    enum { VARS, BATCH, JSON };
    static const struct option_spec specs[] = {
        [VARS] = { "vars", OPTION_TEXT, "FILE", "a JSON object, name to value; - is standard input" },
        [BATCH] = { "batch", OPTION_FLAG, NULL, "JSON lines in and out, values in typed JSON" },
        [JSON] = { "json", OPTION_FLAG, NULL, "print an object with ok, type, value or error" },
        { NULL, OPTION_FLAG, NULL, NULL },
    };
    struct options options = {
        .usage = "tocsin eval EXPR [--vars FILE] [--json] | tocsin eval --batch",
        .summary = "Evaluates a CEL expression, as playbooks hold them, and prints its value as JSON.\n"
                   "docs/expressions.md lists the functions.",
        .specs = specs,
    };
    int status = options_parse(&options, argc, argv);
    if (status != OPTIONS_GO_ON)
        return status;
    if (options.values[BATCH].is_set)
        return options.argument_count == 0 ? run_batch()
                                           : options_wrong(&options, "--batch reads standard input");
    if (options.argument_count != 1)
        return options_wrong(&options, "one expression is expected");
    return run_one(options.arguments[0], options.values[VARS].text, options.values[JSON].is_set);
}
