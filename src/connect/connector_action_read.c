#include <string.h>

#include "base/limits.h"
#include "connect/answer.h"
#include "connect/connector_reading.h"
#include "connect/connector_shape.h"
#include "connect/remote_action.h"
#include "connect/request.h"
#include "connect/url.h"
#include "playbook/type_read.h"

#define ACTIONS_MAX 1000
#define EXAMPLES_MAX 50
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
    KEY_SUMMARY,
    KEY_KIND,
    KEY_IDEMPOTENT,
    KEY_IN,
    KEY_OUT,
    KEY_REQUEST,
    KEY_FORMAT,
    KEY_OK_WHEN,
    KEY_ERRORS,
    KEY_ANSWER,
    KEY_PAGING,
    KEY_PROBE,
    KEY_UNDO,
    KEY_TIMEOUT,
    KEY_EXAMPLE,
    KEY_EXAMPLES,
    KEY_COUNT
};

/* One action while it is read. */
struct action_reading {
    struct connector_reading *connector;
    struct sheet *sheet;
    struct connector_action *action;
    const struct type *inputs_seen, *inputs_in_request;
    struct slot_env request_env, answer_env;
};

/* ---- requests ---- */

enum {
    REQUEST_METHOD,
    REQUEST_PATH,
    REQUEST_QUERY,
    REQUEST_HEADERS,
    REQUEST_JSON,
    REQUEST_FORM,
    REQUEST_BODY,
    REQUEST_CONTENT_TYPE,
    REQUEST_COUNT
};

/* What stands in the file must be a path already; what expressions add is encoded later. */
static void check_path(
    struct action_reading *reading, const struct yaml_node *node, const struct stencil *path)
{
    struct err_info why = { 0 };
    if (!str_starts(node->text, STR("/"))) {
        sheet_fault(
            reading->sheet, node, "bad_path", "`path` must begin with `/`; the base URL stands before it");
        return;
    }
    uint32_t count = path->kind == STENCIL_TEXT ? path->count : 0;
    for (uint32_t i = 0; i <= count; i++) {
        struct str text = node->text;
        if (path->kind == STENCIL_TEXT)
            text = i < count && path->pieces[i].kind == PIECE_TEXT ? path->pieces[i].text : STR("");
        for (size_t at = 0; at < text.size; at++) {
            unsigned char byte = (unsigned char)text.data[at];
            if (byte <= ' ' || byte >= 0x7f || strchr("?#\\\"<>^`{|}", byte)) {
                sheet_fault(reading->sheet, node, "bad_path",
                    "`path` can't hold `%c`: parameters go under `query`, other text percent-encoded", byte);
                return;
            }
        }
    }
    if (url_check_path(node->text, &why) != ERR_OK)
        sheet_fault(reading->sheet, node, "bad_path", "%s", why.text);
}

static void read_body(
    struct action_reading *reading, const struct yaml_node *const *found, struct request_form *form)
{
    static const char *const names[] = { [BODY_JSON] = "json", [BODY_FORM] = "form", [BODY_TEXT] = "body" };
    struct stencil_env *env = &reading->request_env.env;
    for (uint32_t kind = BODY_JSON; kind <= BODY_TEXT; kind++) {
        const struct yaml_node *node = found[REQUEST_JSON + kind - BODY_JSON];
        if (!node)
            continue;
        if (form->body_kind != BODY_NONE)
            sheet_fault(reading->sheet, node, "two_bodies",
                "a request has one of `json`, `form` and `body`; it has `%s` too", names[form->body_kind]);
        form->body_kind = (enum body_kind)kind;
        if (sheet_stencil(reading->sheet, node, env, &form->body) && kind == BODY_FORM &&
            form->body.kind != STENCIL_MAP)
            sheet_fault(reading->sheet, node, "bad_shape", "`form` must be a mapping");
    }
    if (found[REQUEST_CONTENT_TYPE] && form->body_kind != BODY_TEXT)
        sheet_fault(reading->sheet, found[REQUEST_CONTENT_TYPE], "unknown_key",
            "`content_type` stands beside `body` only");
    sheet_text(reading->sheet, found[REQUEST_CONTENT_TYPE], "`content_type`", &form->content_type);
}

static void read_request(
    struct action_reading *reading, const struct yaml_node *node, struct request_form *form)
{
    static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE" };
    const struct yaml_node *found[REQUEST_COUNT];
    struct stencil_env *env = &reading->request_env.env;
    uint32_t method = 0;
    form->line = node->line;
    form->column = node->column;
    form->method = STR("GET");
    if (!sheet_shape(reading->sheet, node, &shape_request, "`request`", found))
        return;
    if (sheet_word(reading->sheet, found[REQUEST_METHOD], "`method`", methods, COUNT(methods), &method))
        form->method = str_of(methods[method]);
    if (!found[REQUEST_PATH])
        sheet_missing(reading->sheet, node, "path", "what comes behind the base URL");
    else if (found[REQUEST_PATH]->kind != YAML_SCALAR)
        sheet_fault(reading->sheet, found[REQUEST_PATH], "bad_shape", "`path` must be a text");
    else if (sheet_stencil(reading->sheet, found[REQUEST_PATH], env, &form->path))
        check_path(reading, found[REQUEST_PATH], &form->path);
    env->may_hold_secrets = true;
    form->query = read_named(reading->connector, found[REQUEST_QUERY], env, false, &form->query_count);
    form->headers = read_named(reading->connector, found[REQUEST_HEADERS], env, true, &form->header_count);
    read_body(reading, found, form);
    env->may_hold_secrets = false;
}

/* ---- answers ---- */

static void read_rule(struct action_reading *reading, const struct yaml_node *node, struct error_rule *rule)
{
    const struct yaml_node *found[4];
    struct stencil_env *env = &reading->answer_env.env;
    if (!sheet_shape(reading->sheet, node, &shape_error_rule, "an error rule", found))
        return;
    if (!found[0])
        sheet_missing(reading->sheet, node, "when", "an expression over `status`, `headers` and `body`");
    else
        rule->when = sheet_expr(reading->sheet, found[0], env, &type_bool);
    if (!found[1])
        sheet_missing(reading->sheet, node, "code", "what playbooks see as `error.code`");
    else
        sheet_name(reading->sheet, found[1], "`code`", &rule->code);
    rule->has_message = found[2] && sheet_stencil(reading->sheet, found[2], env, &rule->message);
    rule->has_retryable = found[3] != NULL;
    sheet_bool(reading->sheet, found[3], "`retryable`", &rule->is_retryable);
}

static void read_errors(struct action_reading *reading, const struct yaml_node *node)
{
    if (!node)
        return;
    if (node->kind != YAML_SEQUENCE) {
        sheet_fault(reading->sheet, node, "bad_shape", "`errors` must be a list of rules");
        return;
    }
    struct error_rule *rules = READING_ARRAY(reading->connector, node, node->count, struct error_rule);
    for (uint32_t i = 0; rules && i < node->count; i++)
        read_rule(reading, node->items[i], &rules[i]);
    reading->action->errors = rules;
    reading->action->error_count = rules ? node->count : 0;
}

enum {
    PAGING_KEY_ITEMS,
    PAGING_KEY_CURSOR,
    PAGING_KEY_NEXT,
    PAGING_KEY_NUMBER,
    PAGING_KEY_WHILE,
    PAGING_KEY_MAX,
    PAGING_KEY_COUNT
};

static void read_number(struct action_reading *reading, const struct yaml_node *node, struct paging *paging)
{
    const struct yaml_node *found[2];
    paging->kind = PAGING_NUMBER;
    paging->first = 1;
    paging->step = 1;
    if (!sheet_shape(reading->sheet, node, &shape_paging_number, "`number`", found))
        return;
    sheet_int(reading->sheet, found[0], "`first`", 0, INT32_MAX, &paging->first);
    sheet_int(reading->sheet, found[1], "`step`", 1, 100000, &paging->step);
}

static void read_next(struct action_reading *reading, const struct yaml_node *node, struct paging *paging)
{
    if (node->kind == YAML_SCALAR && str_equal(node->text, STR("link"))) {
        paging->kind = PAGING_LINK;
        return;
    }
    paging->kind = PAGING_URL;
    if (sheet_stencil(reading->sheet, node, &reading->answer_env.env, &paging->next) &&
        paging->next.kind != STENCIL_WHOLE)
        sheet_fault(
            reading->sheet, node, "bad_value", "`next` must be `link` (the Link header) or one `${{ }}`");
}

static void read_paging(struct action_reading *reading, const struct yaml_node *node)
{
    const struct yaml_node *found[PAGING_KEY_COUNT];
    struct paging *paging = &reading->action->paging;
    struct stencil_env *env = &reading->answer_env.env;
    int64_t pages = PAGES_MAX;
    if (!node || !sheet_shape(reading->sheet, node, &shape_paging, "`paging`", found))
        return;
    unsigned ways = (found[PAGING_KEY_CURSOR] != NULL) + (found[PAGING_KEY_NEXT] != NULL) +
        (found[PAGING_KEY_NUMBER] != NULL);
    if (ways != 1)
        sheet_fault(
            reading->sheet, node, "bad_paging", "`paging` needs one of `cursor`, `next` and `number`");
    if (!found[PAGING_KEY_ITEMS])
        sheet_missing(reading->sheet, node, "items", "where an answer has its list");
    else
        sheet_stencil(reading->sheet, found[PAGING_KEY_ITEMS], env, &paging->items);
    if (found[PAGING_KEY_NUMBER])
        read_number(reading, found[PAGING_KEY_NUMBER], paging);
    if (found[PAGING_KEY_NEXT])
        read_next(reading, found[PAGING_KEY_NEXT], paging);
    if (found[PAGING_KEY_CURSOR]) {
        paging->kind = PAGING_CURSOR;
        sheet_stencil(reading->sheet, found[PAGING_KEY_CURSOR], env, &paging->next);
    }
    if (found[PAGING_KEY_WHILE])
        paging->goes_on = sheet_expr(reading->sheet, found[PAGING_KEY_WHILE], env, &type_bool);
    sheet_int(reading->sheet, found[PAGING_KEY_MAX], "`max`", 1, PAGES_MAX, &pages);
    paging->pages_max = (uint32_t)pages;
}

static void read_probe(struct action_reading *reading, const struct yaml_node *node)
{
    const struct yaml_node *found[4];
    struct probe *probe = &reading->action->probe;
    if (!node || !sheet_shape(reading->sheet, node, &shape_probe, "`probe`", found))
        return;
    reading->action->action.has_probe = true;
    if (!found[0])
        sheet_missing(reading->sheet, node, "request", "what finds out whether the call had its effect");
    else
        read_request(reading, found[0], &probe->request);
    if (!found[1])
        sheet_missing(reading->sheet, node, "done_when", "an expression that is true when it had");
    else
        probe->done_when = sheet_expr(reading->sheet, found[1], &reading->answer_env.env, &type_bool);
    if (!found[2])
        sheet_missing(reading->sheet, node, "output", "the action's output, from the probe's answer");
    else if (sheet_stencil(reading->sheet, found[2], &reading->answer_env.env, &probe->output))
        check_stencil(reading->connector, &probe->output, reading->action->action.out, "output");
    if (found[3])
        probe->ok_when = sheet_expr(reading->sheet, found[3], &reading->answer_env.env, &type_bool);
}

static void read_answer(struct action_reading *reading, const struct yaml_node *const *found)
{
    static const char *const formats[] = { "json", "text", "bytes", "any" };
    struct connector_action *action = reading->action;
    uint32_t format = FORMAT_JSON;
    sheet_word(reading->sheet, found[KEY_FORMAT], "`format`", formats, COUNT(formats), &format);
    action->format = (enum answer_format)format;
    if (found[KEY_OK_WHEN])
        action->ok_when = sheet_expr(
            reading->sheet, found[KEY_OK_WHEN], &reading->answer_env.env, &type_bool);
    read_errors(reading, found[KEY_ERRORS]);
    action->has_answer = found[KEY_ANSWER] != NULL;
    if (found[KEY_ANSWER] &&
        sheet_stencil(reading->sheet, found[KEY_ANSWER], &reading->answer_env.env, &action->answer))
        check_stencil(reading->connector, &action->answer, action->action.out, "answer");
}

/* ---- inputs, outputs, undo ---- */

static const struct type *read_out(struct action_reading *reading, const struct yaml_node *node)
{
    const struct type *seen;
    if (!node)
        return &type_dyn;
    if (node->kind != YAML_MAPPING)
        return type_read(reading->sheet->arena, node, reading->sheet->found);
    read_record(reading->connector, node, &seen); /* an address in an answer is text */
    for (uint32_t i = 0; i < seen->field_count; i++)
        reading->action->seals_output = reading->action->seals_output || seen->fields[i].is_secret;
    return seen;
}

/* The defaults as a map, and the type of `inputs` in requests: with a default a field is always there. */
static void read_defaults(struct action_reading *reading, const struct yaml_node *node)
{
    struct connector_action *action = reading->action;
    const struct type *seen = reading->inputs_seen;
    struct err_info why = { 0 };
    struct value_map_builder defaults;
    value_map_begin(&defaults, reading->sheet->arena);
    struct type *present = READING_ARRAY(reading->connector, node, 1, struct type);
    struct type_field *fields = READING_ARRAY(reading->connector, node, seen->field_count, struct type_field);
    struct value *map = READING_ARRAY(reading->connector, node, 1, struct value);
    if (!present || !fields || !map)
        return;
    for (uint32_t i = 0; i < seen->field_count; i++) {
        const struct yaml_node *value = yaml_find(node->pairs[i].value, STR("default"));
        struct value v;
        fields[i] = seen->fields[i];
        if (!value || !read_constant(reading->connector, value, &v))
            continue;
        fields[i].is_required = true;
        if (type_check_value(action->action.in->fields[i].type, v, &why) != ERR_OK)
            sheet_fault(reading->sheet, value, "wrong_type", "the default does not fit: %s", why.text);
        else if (value_map_put(&defaults, value_string(fields[i].name), v, &why) != ERR_OK)
            sheet_memory(reading->sheet, value);
    }
    *present = *seen;
    present->fields = fields;
    reading->inputs_in_request = present;
    *map = value_map_end(&defaults);
    action->action.defaults = map->size ? map : NULL;
}

static void check_input_keys(struct action_reading *reading, const struct yaml_node *node)
{
    const struct yaml_node *found[SHAPE_KEYS_MAX];
    for (uint32_t i = 0; node->kind == YAML_MAPPING && i < node->count; i++) {
        if (node->pairs[i].value->kind == YAML_MAPPING)
            sheet_shape(reading->sheet, node->pairs[i].value, &shape_action_field, "a field", found);
    }
}

static void read_types(struct action_reading *reading, const struct yaml_node *const *found)
{
    struct action *action = &reading->action->action;
    action->in = read_record(reading->connector, found[KEY_IN], &reading->inputs_seen);
    reading->inputs_in_request = reading->inputs_seen;
    if (found[KEY_IN]) {
        check_input_keys(reading, found[KEY_IN]);
        if (reading->inputs_seen->field_count)
            read_defaults(reading, found[KEY_IN]);
    }
    if (found[KEY_OUT] && found[KEY_OUT]->kind == YAML_MAPPING)
        check_input_keys(reading, found[KEY_OUT]);
    action->out = read_out(reading, found[KEY_OUT]);
}

static void read_undo(struct action_reading *reading, const struct yaml_node *node)
{
    const struct yaml_node *found[2];
    struct connector_action *action = reading->action;
    struct slot_env env;
    struct str name = { 0 };
    struct err_info why = { 0 };
    if (!node || !sheet_shape(reading->sheet, node, &shape_undo, "`undo`", found))
        return;
    if (!found[0])
        sheet_missing(reading->sheet, node, "action", "the action that ends what this one does");
    sheet_text(reading->sheet, found[0], "`action`", &name);
    if (name.size && str_find_byte(name, '.', 0) < 0) {
        if (arena_printf(reading->sheet->arena, &action->action.undo, &why, "%.*s.%.*s",
                STR_ARG(reading->connector->connector->name), STR_ARG(name)) != ERR_OK)
            sheet_memory(reading->sheet, node);
    } else {
        action->action.undo = name;
    }
    if (!found[1])
        return;
    slot_env_init(&env, reading->connector, SEES_UNDO, reading->inputs_in_request, action->action.out);
    action->has_undo_with = sheet_stencil(reading->sheet, found[1], &env.env, &action->undo_with);
    action->action.undo_with = remote_undo_with;
}

/* ---- examples ---- */

enum {
    EXAMPLE_NAME,
    EXAMPLE_SETTINGS,
    EXAMPLE_IN,
    EXAMPLE_REQUEST,
    EXAMPLE_ANSWER,
    EXAMPLE_ANSWERS,
    EXAMPLE_OUT,
    EXAMPLE_ERROR,
    EXAMPLE_COUNT
};

static void read_example_answers(struct action_reading *reading, const struct yaml_node *mapping,
    const struct yaml_node *const *found, struct example *example)
{
    const struct yaml_node *answer = found[EXAMPLE_ANSWER], *answers = found[EXAMPLE_ANSWERS], *parts[3];
    if ((answer != NULL) == (answers != NULL)) {
        sheet_missing(
            reading->sheet, mapping, "answer", "what the tool answers; a list of `answers` for pages");
        return;
    }
    uint32_t count = answers && answers->kind == YAML_SEQUENCE ? answers->count : 1;
    struct value *items = READING_ARRAY(reading->connector, mapping, count, struct value);
    for (uint32_t i = 0; items && i < count; i++) {
        const struct yaml_node *node = answer ? answer
            : answers->kind == YAML_SEQUENCE  ? answers->items[i]
                                              : answers;
        if (sheet_shape(reading->sheet, node, &shape_example_answer, "an answer", parts))
            read_constant(reading->connector, node, &items[i]);
    }
    example->answers = (struct value){ .type = VALUE_LIST, .size = items ? count : 0, .items = items };
}

static void read_example_error(
    struct action_reading *reading, const struct yaml_node *node, struct example *example)
{
    const struct yaml_node *found[3];
    example->is_error = true;
    if (sheet_shape(reading->sheet, node, &shape_example_error, "`error`", found))
        read_constant(reading->connector, node, &example->out);
}

/* A value of the example against what is declared. */
static void check_example_value(
    struct action_reading *reading, const struct yaml_node *node, const struct type *type, struct value *v)
{
    struct err_info why = { 0 };
    struct value fitted;
    if (answer_fit(type, reading->sheet->arena, *v, &fitted, &why) != ERR_OK ||
        type_check_value(type, fitted, &why) != ERR_OK)
        sheet_fault(reading->sheet, node, "wrong_type", "the example does not fit: %s", why.text);
    else
        *v = fitted;
}

static void read_example_in(
    struct action_reading *reading, const struct yaml_node *node, struct example *example)
{
    const struct action *action = &reading->action->action;
    struct err_info why = { 0 };
    if (!read_constant(reading->connector, node, &example->in))
        return;
    if (example->in.type == VALUE_MAP && action->defaults &&
        value_with_defaults(reading->sheet->arena, example->in, *action->defaults, &example->in, &why) !=
            ERR_OK)
        sheet_memory(reading->sheet, node);
    if (type_check_value(action->in, example->in, &why) != ERR_OK)
        sheet_fault(reading->sheet, node, "wrong_type", "the example does not fit: %s", why.text);
}

static void read_example_request(
    struct action_reading *reading, const struct yaml_node *node, struct example *example)
{
    const struct yaml_node *found[5];
    if (sheet_shape(reading->sheet, node, &shape_example_request, "the example's `request`", found))
        read_constant(reading->connector, node, &example->request);
}

static void read_example(
    struct action_reading *reading, const struct yaml_node *node, struct example *example)
{
    const struct yaml_node *found[EXAMPLE_COUNT];
    example->line = node->line;
    example->column = node->column;
    example->name = STR("example");
    if (!sheet_shape(reading->sheet, node, &shape_example, "an example", found))
        return;
    sheet_text(reading->sheet, found[EXAMPLE_NAME], "`name`", &example->name);
    if (found[EXAMPLE_SETTINGS])
        read_constant(reading->connector, found[EXAMPLE_SETTINGS], &example->settings);
    if (found[EXAMPLE_IN])
        read_example_in(reading, found[EXAMPLE_IN], example);
    else
        example->in = (struct value){ .type = VALUE_MAP };
    if (found[EXAMPLE_REQUEST])
        read_example_request(reading, found[EXAMPLE_REQUEST], example);
    read_example_answers(reading, node, found, example);
    if ((found[EXAMPLE_OUT] != NULL) == (found[EXAMPLE_ERROR] != NULL))
        sheet_missing(reading->sheet, node, "out", "what the answer becomes; or `error`");
    else if (found[EXAMPLE_ERROR])
        read_example_error(reading, found[EXAMPLE_ERROR], example);
    else if (read_constant(reading->connector, found[EXAMPLE_OUT], &example->out))
        check_example_value(reading, found[EXAMPLE_OUT], reading->action->action.out, &example->out);
}

static void read_examples(
    struct action_reading *reading, const struct yaml_node *action_node, const struct yaml_node *const *found)
{
    struct connector_action *action = reading->action;
    const struct yaml_node *one = found[KEY_EXAMPLE], *list = found[KEY_EXAMPLES];
    if (!one && !list) {
        sheet_warning(reading->sheet, action_node, "no_example",
            "an action without an `example` is not tested, and `run` without --live has nothing to show for "
            "it");
        return;
    }
    if (list && (list->kind != YAML_SEQUENCE || list->count > EXAMPLES_MAX)) {
        sheet_fault(
            reading->sheet, list, "bad_shape", "`examples` must be a list of at most %d", EXAMPLES_MAX);
        return;
    }
    uint32_t count = (one != NULL) + (list ? list->count : 0);
    struct example *examples = READING_ARRAY(reading->connector, action_node, count, struct example);
    for (uint32_t i = 0; examples && i < count; i++)
        read_example(reading, one && i == 0 ? one : list->items[i - (one != NULL)], &examples[i]);
    action->examples = examples;
    action->example_count = examples ? count : 0;
    for (uint32_t i = 0; i < action->example_count; i++) {
        if (examples[i].is_error)
            continue;
        action->action.example_in = examples[i].in;
        action->action.example_out = examples[i].out;
        return;
    }
}

/* ---- actions ---- */

static void read_kind(
    struct action_reading *reading, const struct yaml_node *action_node, const struct yaml_node *const *found)
{
    static const char *const kinds[] = { "query", "enrich", "notify", "ticket", "contain", "remediate" };
    struct action *action = &reading->action->action;
    uint32_t kind = ACTION_REMEDIATE;
    if (!found[KEY_KIND])
        sheet_missing(
            reading->sheet, action_node, "kind", "query, enrich, notify, ticket, contain or remediate");
    sheet_word(reading->sheet, found[KEY_KIND], "`kind`", kinds, COUNT(kinds), &kind);
    action->kind = (enum action_kind)kind;
    struct str method = reading->action->request.method;
    action->is_idempotent = str_equal(method, STR("GET")) || str_equal(method, STR("HEAD"));
    sheet_bool(reading->sheet, found[KEY_IDEMPOTENT], "`idempotent`", &action->is_idempotent);
    if (found[KEY_KIND] && action->kind == ACTION_CONTAIN && !found[KEY_UNDO])
        sheet_warning(reading->sheet, found[KEY_KIND], "contain_without_undo",
            "a containment should name the action that ends it under `undo`");
}

static void read_action(struct connector_reading *connector, const struct yaml_node *name,
    const struct yaml_node *node, struct connector_action *action)
{
    struct action_reading reading = { .connector = connector, .sheet = &connector->sheet, .action = action };
    const struct yaml_node *found[KEY_COUNT];
    struct str own = { 0 };
    struct err_info why = { 0 };
    *action = (struct connector_action){
        .connector = connector->connector, .line = node->line, .column = node->column
    };
    if (!sheet_name(reading.sheet, name, "the action's name", &own) ||
        !sheet_shape(reading.sheet, node, &shape_action, "an action", found))
        return;
    if (arena_printf(reading.sheet->arena, &action->action.name, &why, "%.*s.%.*s",
            STR_ARG(connector->connector->name), STR_ARG(own)) != ERR_OK)
        sheet_memory(reading.sheet, node);
    if (!found[KEY_SUMMARY])
        sheet_missing(reading.sheet, node, "summary", "one sentence that says what it does");
    sheet_text(reading.sheet, found[KEY_SUMMARY], "`summary`", &action->action.summary);
    read_types(&reading, found);
    slot_env_init(&reading.request_env, connector, SEES_REQUEST, reading.inputs_in_request, NULL);
    slot_env_init(&reading.answer_env, connector, SEES_ANSWER, reading.inputs_in_request, NULL);
    if (!found[KEY_REQUEST])
        sheet_missing(reading.sheet, node, "request", "method, path, query, headers, json");
    else
        read_request(&reading, found[KEY_REQUEST], &action->request);
    read_kind(&reading, node, found);
    read_answer(&reading, found);
    read_paging(&reading, found[KEY_PAGING]);
    read_probe(&reading, found[KEY_PROBE]);
    read_undo(&reading, found[KEY_UNDO]);
    sheet_span(
        reading.sheet, found[KEY_TIMEOUT], "`timeout`", CALL_SECONDS_MAX * US_PER_S, &action->timeout_us);
    read_examples(&reading, node, found);
    action->action.start = remote_start;
    action->action.cancel = remote_cancel;
    action->action.definition = action;
}

void read_actions(struct connector_reading *reading, const struct yaml_node *node)
{
    struct connector *connector = reading->connector;
    if (node->kind != YAML_MAPPING || node->count > ACTIONS_MAX) {
        sheet_fault(&reading->sheet, node, "bad_shape",
            "`actions` must be a mapping of at most %d names to actions", ACTIONS_MAX);
        return;
    }
    struct connector_action *actions = READING_ARRAY(reading, node, node->count, struct connector_action);
    if (!actions)
        return;
    for (uint32_t i = 0; i < node->count; i++)
        read_action(reading, node->pairs[i].key, node->pairs[i].value, &actions[i]);
    connector->actions = actions;
    connector->action_count = node->count;
}
