#include "connect/connector.h"

#include <string.h>

#include "base/limits.h"
#include "connect/answer.h"
#include "connect/connector_reading.h"
#include "connect/connector_shape.h"
#include "connect/request.h"
#include "connect/url.h"
#include "playbook/type_read.h"

#define BREAKER_FAILURES_DEFAULT 10
#define BREAKER_OPEN_US_DEFAULT (30 * US_PER_S)
#define SETTINGS_MAX 64
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct type record_empty = { .kind = TYPE_RECORD };
static const struct type_field call_fields[] = {
    { .name = STR_INIT("key"), .type = &type_string, .is_required = true },
    { .name = STR_INIT("run"), .type = &type_string, .is_required = true },
    { .name = STR_INIT("playbook"), .type = &type_string, .is_required = true },
    { .name = STR_INIT("step"), .type = &type_string, .is_required = true },
};
static const struct type record_call = { .kind = TYPE_RECORD, .fields = call_fields, .field_count = 4 };
static const struct type_field page_fields[] = {
    { .name = STR_INIT("number"), .type = &type_int, .is_required = true },
    { .name = STR_INIT("complete"), .type = &type_bool, .is_required = true },
    { .name = STR_INIT("cursor"), .type = &type_dyn },
};
static const struct type record_page = { .kind = TYPE_RECORD, .fields = page_fields, .field_count = 3 };
static const struct type map_of_text = { .kind = TYPE_MAP, .key = &type_string, .item = &type_string };

void slot_env_init(struct slot_env *env, const struct connector_reading *reading, unsigned sees,
    const struct type *inputs, const struct type *output)
{
    const struct connector *connector = reading->connector;
    const struct expr_name all[SLOT_COUNT] = {
        [SLOT_SETTINGS] = { STR("settings"), connector->settings_type },
        [SLOT_INPUTS] = { STR("inputs"), inputs ? inputs : &record_empty },
        [SLOT_CALL] = { STR("call"), &record_call },
        [SLOT_PAGE] = { STR("page"), &record_page },
        [SLOT_STATUS] = { STR("status"), &type_int },
        [SLOT_HEADERS] = { STR("headers"), &map_of_text },
        [SLOT_BODY] = { STR("body"), &type_dyn },
        [SLOT_ITEMS] = { STR("items"), &type_list_dyn },
        [SLOT_OUTPUT] = { STR("output"), output ? output : &type_dyn },
    };
    *env = (struct slot_env){ 0 };
    for (uint32_t i = 0; i < SLOT_COUNT; i++) {
        env->names[i] = all[i];
        if (!(sees & (1u << i)))
            env->names[i].name = STR(""); /* matches none, and the slots stay where they are */
    }
    env->env = (struct stencil_env){ .env = { .names = env->names, .name_count = SLOT_COUNT },
        .secrets = connector->secret_names,
        .secret_count = connector->secret_count };
}

void *reading_array(
    struct connector_reading *reading, const struct yaml_node *node, size_t count, size_t size)
{
    void *array = arena_array(reading->sheet.arena, count ? count : 1, size);
    if (!array)
        sheet_memory(&reading->sheet, node);
    else
        memset(array, 0, (count ? count : 1) * size);
    return array;
}

bool read_constant(struct connector_reading *reading, const struct yaml_node *node, struct value *ret)
{
    struct err_info why = { 0 };
    if (yaml_to_value(reading->sheet.arena, node, ret, &why) == ERR_OK)
        return true;
    diagnostics_add(reading->sheet.found, DIAGNOSTIC_ERROR, why.name ? why.name : "bad_value",
        why.line ? why.line : node->line, why.column ? why.column : node->column, "%s", why.text);
    return false;
}

const struct named_stencil *read_named(struct connector_reading *reading, const struct yaml_node *node,
    const struct stencil_env *env, bool are_headers, uint32_t *ret_count)
{
    *ret_count = 0;
    if (!node)
        return NULL;
    if (node->kind != YAML_MAPPING) {
        sheet_fault(&reading->sheet, node, "bad_shape", "%s must be a mapping of names to values",
            are_headers ? "`headers`" : "`query`");
        return NULL;
    }
    struct named_stencil *list = READING_ARRAY(reading, node, node->count, struct named_stencil);
    for (uint32_t i = 0; list && i < node->count; i++) {
        const struct yaml_node *key = node->pairs[i].key, *value = node->pairs[i].value;
        list[i].name = key->text;
        if (are_headers && !header_name_is_allowed(key->text))
            sheet_fault(&reading->sheet, key, "bad_header", "`%.*s` is no header that a connector may set",
                STR_ARG(key->text));
        if (value->kind == YAML_MAPPING || (are_headers && value->kind == YAML_SEQUENCE))
            sheet_fault(
                &reading->sheet, value, "bad_shape", "`%.*s` must be a single value", STR_ARG(key->text));
        else
            (void)sheet_stencil(&reading->sheet, value, env, &list[i].value); /* its fault is enough */
    }
    *ret_count = list ? node->count : 0;
    return list;
}

/* ---- types ---- */

static const struct type *address_type(const struct yaml_node *node)
{
    const struct yaml_node *name = node->kind == YAML_MAPPING ? yaml_find(node, STR("type")) : node;
    if (!name || name->kind != YAML_SCALAR)
        return NULL;
    return str_equal(name->text, STR("ip"))  ? &type_ip
        : str_equal(name->text, STR("cidr")) ? &type_cidr
                                             : NULL;
}

const struct type *read_record(
    struct connector_reading *reading, const struct yaml_node *node, const struct type **ret_seen)
{
    *ret_seen = &record_empty;
    if (!node)
        return &record_empty;
    const struct type *seen = type_read_fields(reading->sheet.arena, node, reading->sheet.found);
    if (seen->kind != TYPE_RECORD)
        return &record_empty;
    struct type *checked = READING_ARRAY(reading, node, 1, struct type);
    struct type_field *fields = READING_ARRAY(reading, node, seen->field_count, struct type_field);
    if (!checked || !fields)
        return &record_empty;
    for (uint32_t i = 0; i < seen->field_count; i++) {
        struct str name;
        const struct type *address = address_type(node->pairs[i].value);
        (void)sheet_name(&reading->sheet, node->pairs[i].key, "the name", &name); /* its fault is enough */
        fields[i] = seen->fields[i];
        if (address)
            fields[i].type = address;
    }
    *checked = *seen;
    checked->fields = fields;
    *ret_seen = seen;
    return checked;
}

static bool are_numbers(const struct type *a, const struct type *b)
{
    bool a_is = a->kind == TYPE_INT || a->kind == TYPE_UINT || a->kind == TYPE_DOUBLE;
    return a_is && (b->kind == TYPE_INT || b->kind == TYPE_UINT || b->kind == TYPE_DOUBLE);
}

static void fault_at(struct connector_reading *reading, const struct stencil *stencil, const char *code,
    const char *what, struct str name, const char *problem)
{
    diagnostics_add(reading->sheet.found, DIAGNOSTIC_ERROR, code, stencil->line, stencil->column,
        "%s: %.*s%s%s", what, STR_ARG(name), name.size ? " " : "", problem);
}

static void check_map(struct connector_reading *reading, const struct stencil *stencil,
    const struct type *type, const char *what)
{
    for (uint32_t i = 0; i < stencil->count; i++) {
        const struct type_field *field = type_find_field(type, stencil->keys[i]);
        if (field)
            check_stencil(reading, &stencil->parts[i], field->type, what);
        else if (!type->is_open)
            fault_at(reading, &stencil->parts[i], "unknown_field", what, stencil->keys[i], "is not declared");
    }
    for (uint32_t i = 0; i < type->field_count; i++) {
        bool is_given = !type->fields[i].is_required;
        for (uint32_t k = 0; k < stencil->count && !is_given; k++)
            is_given = str_equal(stencil->keys[k], type->fields[i].name);
        if (!is_given)
            fault_at(
                reading, stencil, "missing_field", what, type->fields[i].name, "is declared, but not given");
    }
}

static void check_typed(struct connector_reading *reading, const struct stencil *stencil,
    const struct type *type, const struct type *given, const char *what)
{
    struct err_info why = { 0 };
    if (given->kind == TYPE_OPTIONAL) /* without a value the field is left out */
        given = given->item;
    bool is_time = type->kind == TYPE_TIMESTAMP && given->kind == TYPE_STRING;
    if (!are_numbers(type, given) && !is_time && type_accepts(type, given, &why) != ERR_OK)
        fault_at(reading, stencil, "wrong_type", what, STR(""), why.text);
}

static void check_constant(struct connector_reading *reading, const struct stencil *stencil,
    const struct type *type, const char *what)
{
    struct err_info why = { 0 };
    struct value v;
    if (answer_fit(type, reading->sheet.arena, stencil->constant, &v, &why) != ERR_OK ||
        type_check_value(type, v, &why) != ERR_OK)
        fault_at(reading, stencil, "wrong_type", what, STR(""), why.text);
}

void check_stencil(struct connector_reading *reading, const struct stencil *stencil, const struct type *type,
    const char *what)
{
    const struct type *inner = type->kind == TYPE_NULLABLE ? type->item : type;
    switch (stencil->kind) {
    case STENCIL_MAP:
        if (inner->kind == TYPE_RECORD)
            check_map(reading, stencil, inner, what);
        else if (inner->kind != TYPE_MAP && inner->kind != TYPE_DYN)
            fault_at(
                reading, stencil, "wrong_type", what, STR(""), "here stands a map, which is not declared");
        return;
    case STENCIL_LIST:
        if (inner->kind != TYPE_LIST && inner->kind != TYPE_DYN)
            fault_at(
                reading, stencil, "wrong_type", what, STR(""), "here stands a list, which is not declared");
        for (uint32_t i = 0; inner->kind == TYPE_LIST && inner->item && i < stencil->count; i++)
            check_stencil(reading, &stencil->parts[i], inner->item, what);
        return;
    case STENCIL_CONSTANT: check_constant(reading, stencil, type, what); return;
    case STENCIL_WHOLE:
    case STENCIL_TEXT: check_typed(reading, stencil, inner, stencil_type(stencil), what); return;
    }
}

/* ---- settings ---- */

static void read_setting(struct connector_reading *reading, const struct yaml_node *node,
    const struct type_field *field, struct setting *setting)
{
    const struct yaml_node *found[SHAPE_KEYS_MAX];
    struct err_info why = { 0 };
    *setting = (struct setting){ .name = field->name,
        .type = field->type,
        .is_required = field->is_required,
        .is_secret = field->is_secret,
        .help = field->help };
    if (node->kind != YAML_MAPPING || !sheet_shape(&reading->sheet, node, &shape_setting, "a setting", found))
        return;
    if (found[SETTING_DEFAULT] && read_constant(reading, found[SETTING_DEFAULT], &setting->default_value) &&
        type_check_value(setting->type, setting->default_value, &why) != ERR_OK)
        sheet_fault(
            &reading->sheet, found[SETTING_DEFAULT], "wrong_type", "the default does not fit: %s", why.text);
    if (found[SETTING_EXAMPLE])
        (void)read_constant(reading, found[SETTING_EXAMPLE], &setting->example); /* its fault is enough */
    if (setting->is_secret && (found[SETTING_DEFAULT] || found[SETTING_EXAMPLE]))
        sheet_fault(
            &reading->sheet, node, "secret_default", "a secret setting has no default and no example");
    if (setting->is_secret && setting->type->kind != TYPE_STRING)
        sheet_fault(&reading->sheet, node, "wrong_type", "a secret setting must be a string");
}

static void split_settings(
    struct connector_reading *reading, const struct yaml_node *node, const struct type *seen)
{
    struct connector *connector = reading->connector;
    struct type *type = READING_ARRAY(reading, node, 1, struct type);
    struct type_field *fields = READING_ARRAY(reading, node, seen->field_count, struct type_field);
    struct str *secrets = READING_ARRAY(reading, node, seen->field_count, struct str);
    if (!type || !fields || !secrets)
        return;
    *type = (struct type){ .kind = TYPE_RECORD, .fields = fields };
    for (uint32_t i = 0; i < seen->field_count; i++) {
        if (seen->fields[i].is_secret)
            secrets[connector->secret_count++] = seen->fields[i].name;
        else
            fields[type->field_count++] = seen->fields[i];
    }
    /* With a default it is always there. */
    for (uint32_t i = 0; i < type->field_count; i++) {
        for (uint32_t k = 0; k < connector->setting_count; k++) {
            if (str_equal(connector->settings[k].name, fields[i].name))
                fields[i].is_required = connector->settings[k].is_required ||
                    connector->settings[k].default_value.type != VALUE_NULL;
        }
    }
    connector->settings_type = type;
    connector->secret_names = secrets;
}

static void read_settings(struct connector_reading *reading, const struct yaml_node *node)
{
    struct connector *connector = reading->connector;
    const struct type *seen, *checked;
    connector->settings_type = &record_empty;
    if (!node)
        return;
    checked = read_record(reading, node, &seen);
    if (checked->field_count > SETTINGS_MAX) {
        sheet_fault(&reading->sheet, node, "too_many", "a connector has at most %d settings", SETTINGS_MAX);
        return;
    }
    connector->settings = READING_ARRAY(reading, node, checked->field_count, struct setting);
    if (!connector->settings)
        return;
    connector->setting_count = checked->field_count;
    for (uint32_t i = 0; i < checked->field_count; i++) {
        read_setting(reading, node->pairs[i].value, &checked->fields[i], &connector->settings[i]);
        if (connector_common_setting(checked->fields[i].name))
            sheet_fault(&reading->sheet, node->pairs[i].key, "reserved_setting",
                "`%.*s` is a setting of every connector", STR_ARG(checked->fields[i].name));
    }
    split_settings(reading, node, seen);
}

/* ---- where and how ---- */

static bool is_text(const struct stencil *stencil)
{
    return stencil->kind == STENCIL_TEXT || stencil->kind == STENCIL_WHOLE ||
        (stencil->kind == STENCIL_CONSTANT && stencil->constant.type == VALUE_STRING);
}

static void read_base_url(
    struct connector_reading *reading, const struct yaml_node *node, const struct stencil_env *env)
{
    struct connector *connector = reading->connector;
    struct err_info why = { 0 };
    struct url url;
    if (!node || !sheet_stencil(&reading->sheet, node, env, &connector->base_url))
        return;
    connector->has_base_url = true;
    if (!is_text(&connector->base_url))
        sheet_fault(&reading->sheet, node, "bad_shape", "`base_url` must be a text");
    else if (connector->base_url.kind == STENCIL_CONSTANT &&
        url_parse(value_str(connector->base_url.constant), &url, &why) != ERR_OK)
        sheet_fault(&reading->sheet, node, "bad_url", "%s", why.text);
}

static void read_credential(struct connector_reading *reading, const struct yaml_node *mapping,
    const struct yaml_node *node, const char *key, const struct stencil_env *env, struct stencil *ret)
{
    if (!node)
        sheet_missing(&reading->sheet, mapping, key, "this kind of `auth` needs it");
    else if (sheet_stencil(&reading->sheet, node, env, ret) && !is_text(ret))
        sheet_fault(&reading->sheet, node, "bad_shape", "`%s` must be a text", key);
    else if (ret->kind == STENCIL_CONSTANT && strcmp(key, "password") == 0)
        sheet_fault(&reading->sheet, node, "secret_in_file",
            "a password does not stand in a file: name a secret setting");
}

enum {
    AUTH_KEY_KIND,
    AUTH_KEY_WHEN,
    AUTH_KEY_NAME,
    AUTH_KEY_TOKEN,
    AUTH_KEY_USER,
    AUTH_KEY_PASSWORD,
    AUTH_KEY_TOKEN_URL,
    AUTH_KEY_FORM,
    AUTH_KEY_CLIENT,
    AUTH_KEY_JSON,
    AUTH_KEY_TOKEN_PATH,
    AUTH_KEY_COUNT
};
static const char *const auth_keys[] = { "kind", "when", "name", "token", "user", "password", "token_url",
    "form", "client", "json", "token_path" };
static const char *const auth_kinds[] = { "none", "bearer", "basic", "header", "query", "oauth2", "login" };

static unsigned auth_needs(enum auth_kind kind)
{
    static const unsigned needs[] = {
        [AUTH_NONE] = 0,
        [AUTH_BEARER] = 1u << AUTH_KEY_TOKEN,
        [AUTH_BASIC] = 1u << AUTH_KEY_USER | 1u << AUTH_KEY_PASSWORD,
        [AUTH_HEADER] = 1u << AUTH_KEY_NAME | 1u << AUTH_KEY_TOKEN,
        [AUTH_QUERY] = 1u << AUTH_KEY_NAME | 1u << AUTH_KEY_TOKEN,
        [AUTH_OAUTH2] = 1u << AUTH_KEY_TOKEN_URL | 1u << AUTH_KEY_USER | 1u << AUTH_KEY_PASSWORD,
        [AUTH_LOGIN] = 1u << AUTH_KEY_TOKEN_URL,
    };
    return needs[kind];
}

/* What may stand there beside. */
static unsigned auth_takes(enum auth_kind kind, const struct yaml_node *const *found)
{
    bool has_basic = found[AUTH_KEY_USER] || found[AUTH_KEY_PASSWORD];
    unsigned always = 1u << AUTH_KEY_KIND | 1u << AUTH_KEY_WHEN | auth_needs(kind);
    if (kind == AUTH_OAUTH2)
        return always | 1u << AUTH_KEY_FORM | 1u << AUTH_KEY_CLIENT | 1u << AUTH_KEY_TOKEN_PATH;
    if (kind == AUTH_LOGIN)
        return always | 1u << AUTH_KEY_FORM | 1u << AUTH_KEY_JSON | 1u << AUTH_KEY_TOKEN_PATH |
            (has_basic ? 1u << AUTH_KEY_USER | 1u << AUTH_KEY_PASSWORD : 0);
    return always;
}

static void read_body_map(struct connector_reading *reading, const struct yaml_node *node,
    const struct stencil_env *env, struct stencil *ret)
{
    ret->kind = STENCIL_MAP;
    if (node && sheet_stencil(&reading->sheet, node, env, ret) && ret->kind != STENCIL_MAP)
        sheet_fault(&reading->sheet, node, "bad_shape", "the body of a token request must be a mapping");
}

/* The request that fetches a token. */
static void read_fetching(struct connector_reading *reading, const struct yaml_node *const *found,
    const struct stencil_env *env, struct auth *auth)
{
    static const char *const places[] = { "header", "body" };
    struct sheet *sheet = &reading->sheet;
    uint32_t place = 0;
    (void)sheet_word(sheet, found[AUTH_KEY_CLIENT], "`client`", places, 2, &place); /* the fault is enough */
    auth->is_client_in_body = place == 1;
    read_body_map(reading, found[AUTH_KEY_FORM], env, &auth->form);
    read_body_map(reading, found[AUTH_KEY_JSON], env, &auth->json);
    auth->has_json = found[AUTH_KEY_JSON] != NULL;
    if (found[AUTH_KEY_JSON] && found[AUTH_KEY_FORM])
        sheet_fault(
            sheet, found[AUTH_KEY_JSON], "two_bodies", "a token request has `form` or `json`, not both");
    auth->token_path = STR("access_token");
    (void)sheet_text(sheet, found[AUTH_KEY_TOKEN_PATH], "`token_path`", &auth->token_path);
}

static void read_credentials(struct connector_reading *reading, const struct yaml_node *node,
    const struct yaml_node *const *found, const struct stencil_env *env, struct auth *auth)
{
    struct stencil *const places[AUTH_KEY_COUNT] = { [AUTH_KEY_NAME] = &auth->name,
        [AUTH_KEY_TOKEN] = &auth->token,
        [AUTH_KEY_USER] = &auth->user,
        [AUTH_KEY_PASSWORD] = &auth->password,
        [AUTH_KEY_TOKEN_URL] = &auth->token_url };
    unsigned takes = auth_takes(auth->kind, found);
    for (uint32_t i = 0; i < AUTH_KEY_COUNT; i++) {
        if (!(takes & (1u << i)) && found[i])
            sheet_fault(&reading->sheet, found[i], "unknown_key", "`auth` of kind %s has no `%s`",
                auth_kinds[auth->kind], auth_keys[i]);
        else if ((takes & (1u << i)) && places[i])
            read_credential(reading, node, found[i], auth_keys[i], env, places[i]);
    }
    auth->has_user = found[AUTH_KEY_USER] != NULL;
}

static void read_auth(struct connector_reading *reading, const struct yaml_node *node,
    struct stencil_env *env, struct auth *auth)
{
    struct sheet *sheet = &reading->sheet;
    const struct yaml_node *found[AUTH_KEY_COUNT];
    uint32_t kind = AUTH_NONE;
    if (!sheet_shape(sheet, node, &shape_auth, "`auth`", found))
        return;
    if (!found[AUTH_KEY_KIND])
        sheet_missing(sheet, node, "kind", "none, bearer, basic, header, query, oauth2 or login");
    if (!sheet_word(sheet, found[AUTH_KEY_KIND], "`kind`", auth_kinds, COUNT(auth_kinds), &kind))
        return;
    auth->kind = (enum auth_kind)kind;
    if (found[AUTH_KEY_WHEN])
        auth->when = sheet_expr(sheet, found[AUTH_KEY_WHEN], env, &type_bool);
    env->may_hold_secrets = true;
    read_credentials(reading, node, found, env, auth);
    read_fetching(reading, found, env, auth);
    env->may_hold_secrets = false;
    if (auth->kind == AUTH_HEADER && auth->name.kind == STENCIL_CONSTANT && found[AUTH_KEY_NAME] &&
        !header_name_is_allowed(value_str(auth->name.constant)))
        sheet_fault(sheet, found[AUTH_KEY_NAME], "bad_header", "that is no header that a connector may set");
}

static void read_auths(
    struct connector_reading *reading, const struct yaml_node *node, struct stencil_env *env)
{
    if (!node)
        return;
    bool is_list = node->kind == YAML_SEQUENCE;
    uint32_t count = is_list ? node->count : 1;
    struct auth *auths = READING_ARRAY(reading, node, count, struct auth);
    for (uint32_t i = 0; auths && i < count; i++)
        read_auth(reading, is_list ? node->items[i] : node, env, &auths[i]);
    reading->connector->auths = auths;
    reading->connector->auth_count = auths ? count : 0;
}

static void read_limits(struct connector_reading *reading, const struct yaml_node *rate,
    const struct yaml_node *breaker, const struct stencil_env *env)
{
    struct connector *connector = reading->connector;
    const struct yaml_node *found[3];
    int64_t failures = BREAKER_FAILURES_DEFAULT;
    connector->breaker_open_us = BREAKER_OPEN_US_DEFAULT;
    if (rate && sheet_shape(&reading->sheet, rate, &shape_rate_limit, "`rate_limit`", found)) {
        connector->has_rate = true;
        connector->rate_per_us = US_PER_MIN;
        if (!found[0])
            sheet_missing(&reading->sheet, rate, "calls", "how many calls may go `per` minute");
        else if (sheet_stencil(&reading->sheet, found[0], env, &connector->rate_calls))
            check_stencil(reading, &connector->rate_calls, &type_int, "`calls`");
        if (connector->rate_calls.kind == STENCIL_CONSTANT &&
            connector->rate_calls.constant.type == VALUE_INT &&
            (connector->rate_calls.constant.integer < 1 || connector->rate_calls.constant.integer > 1000000))
            sheet_fault(&reading->sheet, found[0], "bad_value", "`calls` must be from 1 to 1000000");
        (void)sheet_span(&reading->sheet, found[1], "`per`", 31 * US_PER_DAY, &connector->rate_per_us);
        (void)sheet_int(&reading->sheet, found[2], "`burst`", 1, 100000, &connector->rate_burst);
    }
    if (breaker && sheet_shape(&reading->sheet, breaker, &shape_breaker, "`breaker`", found)) {
        (void)sheet_int(&reading->sheet, found[0], "`failures`", 0, 1000, &failures);
        (void)sheet_span(&reading->sheet, found[1], "`open_for`", US_PER_HOUR, &connector->breaker_open_us);
    }
    connector->breaker_failures = (uint32_t)failures;
}

/* ---- the whole ---- */

static void read_test(
    struct connector_reading *reading, const struct yaml_node *node, const struct stencil_env *env)
{
    const struct yaml_node *found[2];
    struct connector *connector = reading->connector;
    if (!node || !sheet_shape(&reading->sheet, node, &shape_connector_test, "`test`", found))
        return;
    if (!found[0])
        sheet_missing(&reading->sheet, node, "action", "the action that tries a connection");
    (void)sheet_text(&reading->sheet, found[0], "`action`", &connector->test_action);
    connector->has_test_with = found[1] &&
        sheet_stencil(&reading->sheet, found[1], env, &connector->test_with);
    if (connector->has_test_with && connector->test_with.kind != STENCIL_MAP)
        sheet_fault(&reading->sheet, found[1], "bad_shape", "`with` must be a mapping");
}

enum {
    KEY_CONNECTOR,
    KEY_TITLE,
    KEY_DESCRIPTION,
    KEY_HOMEPAGE,
    KEY_SETTINGS,
    KEY_BASE_URL,
    KEY_AUTH,
    KEY_HEADERS,
    KEY_RATE_LIMIT,
    KEY_BREAKER,
    KEY_TEST,
    KEY_ACTIONS,
    KEY_COUNT
};
static void read_head(
    struct connector_reading *reading, const struct yaml_node *root, const struct yaml_node *const *found)
{
    struct connector *connector = reading->connector;
    struct sheet *sheet = &reading->sheet;
    (void)sheet_name(sheet, found[KEY_CONNECTOR], "the connector's name", &connector->name);
    if (!found[KEY_TITLE])
        sheet_missing(sheet, root, "title", "what people call it");
    (void)sheet_text(sheet, found[KEY_TITLE], "`title`", &connector->title);
    (void)sheet_text(sheet, found[KEY_DESCRIPTION], "`description`", &connector->description);
    (void)sheet_text(sheet, found[KEY_HOMEPAGE], "`homepage`", &connector->homepage);
}

static void read_root(struct connector_reading *reading, const struct yaml_node *root)
{
    struct connector *connector = reading->connector;
    const struct yaml_node *found[KEY_COUNT];
    struct slot_env env;
    connector->line = root->line;
    connector->column = root->column;
    if (!sheet_shape(&reading->sheet, root, &shape_connector, "a connector", found))
        return;
    if (!found[KEY_CONNECTOR]) {
        sheet_missing(&reading->sheet, root, "connector", "the connector's name, as in `NAME.action`");
        return;
    }
    read_head(reading, root, found);
    read_settings(reading, found[KEY_SETTINGS]);
    slot_env_init(&env, reading, SEES_SETTINGS, NULL, NULL);
    read_base_url(reading, found[KEY_BASE_URL], &env.env);
    read_auths(reading, found[KEY_AUTH], &env.env);
    read_limits(reading, found[KEY_RATE_LIMIT], found[KEY_BREAKER], &env.env);
    read_test(reading, found[KEY_TEST], &env.env);
    env.env.may_hold_secrets = true;
    connector->headers = read_named(reading, found[KEY_HEADERS], &env.env, true, &connector->header_count);
    if (found[KEY_ACTIONS] && !found[KEY_BASE_URL])
        sheet_missing(&reading->sheet, root, "base_url", "where the requests of `actions` go");
    if (found[KEY_ACTIONS])
        read_actions(reading, found[KEY_ACTIONS]);
}

const struct connector *connector_read(struct arena *arena, struct str text, struct diagnostics *found)
{
    struct connector_reading reading = { .sheet = { .arena = arena, .found = found } };
    struct err_info why = { 0 };
    struct yaml_node *root;
    struct str copy;
    uint32_t errors_before = found->error_count;
    reading.connector = ARENA_NEW(arena, struct connector);
    if (!reading.connector || arena_str(arena, text, &copy, &why) != ERR_OK ||
        arena_str(arena, found->file, &reading.connector->file, &why) != ERR_OK) {
        diagnostics_lack_memory(found);
        return NULL;
    }
    enum err result = yaml_parse(arena, copy, &root, &why);
    if (result == ERR_MEMORY) {
        diagnostics_lack_memory(found);
        return NULL;
    }
    if (result != ERR_OK) {
        diagnostics_add(found, DIAGNOSTIC_ERROR, why.name ? why.name : "yaml", why.line ? why.line : 1,
            why.column ? why.column : 1, "%s", why.text);
        return NULL;
    }
    read_root(&reading, root);
    return found->error_count == errors_before ? reading.connector : NULL;
}

const struct type *connector_common_setting(struct str name)
{
    if (str_equal(name, SETTING_CA_FILE))
        return &type_string;
    return str_equal(name, SETTING_INSECURE) || str_equal(name, SETTING_REDIRECTS) ? &type_bool : NULL;
}

const struct setting *connector_find_setting(const struct connector *connector, struct str name)
{
    for (uint32_t i = 0; i < connector->setting_count; i++) {
        if (str_equal(connector->settings[i].name, name))
            return &connector->settings[i];
    }
    return NULL;
}
