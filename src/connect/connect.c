#include "connect/connect.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "connect/answer.h"
#include "connect/connect_impl.h"

FALLIBLE connect_new(const struct connect_options *options, struct connect **ret, struct err_info *why)
{
    struct connect *connect = calloc(1, sizeof(*connect));
    if (!connect)
        return err_memory(why);
    connect->options = *options;
    connect->calls_out_max = options->calls_out_max ? options->calls_out_max : CALLS_OUT_MAX;
    pthread_mutex_init(&connect->nftables, NULL);
    enum err result = child_stopper_init(&connect->stopper, why);
    if (result == ERR_OK)
        result = gates_new(options->clock, &connect->gates, why);
    if (result == ERR_OK)
        result = token_cache_new(options->clock, &connect->tokens, why);
    if (result == ERR_OK)
        result = catalogues_init(&connect->catalogues, why);
    if (result == ERR_OK)
        *ret = connect;
    else
        connect_free(connect);
    return result;
}

void connect_stop(struct connect *connect)
{
    if (connect)
        child_stopper_raise(&connect->stopper);
}

void connect_free(struct connect *connect)
{
    if (!connect)
        return;
    catalogues_done(&connect->catalogues);
    token_cache_free(connect->tokens);
    gates_free(connect->gates);
    child_stopper_done(&connect->stopper);
    pthread_mutex_destroy(&connect->nftables);
    free(connect);
}

FALLIBLE connect_load(struct connect *connect, const struct connector_file *files, size_t count,
    struct diagnostics *found, struct err_info *why)
{
    struct action_catalogue *next;
    TRY(action_catalogue_build(files, count, found, &next, why));
    catalogues_swap(&connect->catalogues, next);
    return ERR_OK;
}

struct catalogue_source *connect_catalogues(struct connect *connect)
{
    return &connect->catalogues.source;
}

bool connect_health(struct connect *connect, struct id connection, struct connection_health *ret)
{
    return gate_health(connect->gates, connection, ret);
}

/* ---- describing ---- */

static FALLIBLE put_text(
    struct value_map_builder *map, const char *name, struct str text, struct err_info *why)
{
    struct str copy;
    TRY(arena_str(map->arena, text, &copy, why));
    return value_map_set(map, name, value_string(copy), why);
}

static FALLIBLE put_type(struct value_map_builder *map, const struct type *type, struct err_info *why)
{
    AUTO(buf) struct buf text = { 0 };
    type_print(&text, type);
    TRY(buf_check(&text, why));
    TRY(put_text(map, "type", buf_str(&text), why));
    if (type->choice_count == 0)
        return ERR_OK;
    struct value_list_builder choices;
    value_list_begin(&choices, map->arena);
    for (uint32_t i = 0; i < type->choice_count; i++) {
        struct str copy;
        TRY(arena_str(map->arena, type->choices[i], &copy, why));
        TRY(value_list_add(&choices, value_string(copy), why));
    }
    return value_map_set(map, "choices", value_list_end(&choices), why);
}

static FALLIBLE put_copy(
    struct value_map_builder *map, const char *name, struct value v, struct err_info *why)
{
    struct value copy;
    if (v.type == VALUE_NULL)
        return ERR_OK;
    TRY(value_copy(map->arena, v, &copy, why));
    return value_map_set(map, name, copy, why);
}

static FALLIBLE describe_field(
    const struct type_field *field, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_map_builder map;
    value_map_begin(&map, arena);
    TRY(put_text(&map, "name", field->name, why));
    TRY(put_type(&map, field->type, why));
    TRY(value_map_set(&map, "required", value_bool(field->is_required), why));
    TRY(value_map_set(&map, "secret", value_bool(field->is_secret), why));
    if (field->help.size)
        TRY(put_text(&map, "help", field->help, why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

static FALLIBLE describe_fields(
    struct value_map_builder *map, const char *name, const struct type *type, struct err_info *why)
{
    struct value_list_builder list;
    value_list_begin(&list, map->arena);
    for (uint32_t i = 0; type->kind == TYPE_RECORD && i < type->field_count; i++) {
        struct value field;
        TRY(describe_field(&type->fields[i], map->arena, &field, why));
        TRY(value_list_add(&list, field, why));
    }
    return value_map_set(map, name, value_list_end(&list), why);
}

static FALLIBLE describe_action(
    const struct action *action, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_map_builder map, example;
    value_map_begin(&map, arena);
    TRY(put_text(&map, "name", action->name, why));
    TRY(put_text(&map, "summary", action->summary, why));
    TRY(put_text(&map, "kind", str_of(action_kind_name(action->kind)), why));
    TRY(value_map_set(&map, "idempotent", value_bool(action->is_idempotent), why));
    TRY(value_map_set(&map, "probe", value_bool(action->has_probe), why));
    TRY(describe_fields(&map, "in", action->in, why));
    TRY(describe_fields(&map, "out", action->out, why));
    if (action->undo.size)
        TRY(put_text(&map, "undo", action->undo, why));
    if (action->example_in.type != VALUE_NULL) {
        value_map_begin(&example, arena);
        TRY(put_copy(&example, "in", action->example_in, why));
        TRY(put_copy(&example, "out", action->example_out, why));
        TRY(value_map_set(&map, "example", value_map_end(&example), why));
    }
    *ret = value_map_end(&map);
    return ERR_OK;
}

static FALLIBLE describe_actions(const struct action_catalogue *catalogue, struct str connector,
    struct value_map_builder *map, struct err_info *why)
{
    struct value_list_builder list;
    value_list_begin(&list, map->arena);
    for (uint32_t i = 0; i < catalogue->action_count; i++) {
        struct value action;
        if (!str_equal(action_connector_name(catalogue->actions[i]), connector))
            continue;
        TRY(describe_action(catalogue->actions[i], map->arena, &action, why));
        TRY(value_list_add(&list, action, why));
    }
    return value_map_set(map, "actions", value_list_end(&list), why);
}

static FALLIBLE describe_setting(
    const struct setting *setting, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_map_builder map;
    value_map_begin(&map, arena);
    TRY(put_text(&map, "name", setting->name, why));
    TRY(put_type(&map, setting->type, why));
    TRY(value_map_set(&map, "required", value_bool(setting->is_required), why));
    TRY(value_map_set(&map, "secret", value_bool(setting->is_secret), why));
    TRY(put_copy(&map, "default", setting->default_value, why));
    if (setting->help.size)
        TRY(put_text(&map, "help", setting->help, why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

static FALLIBLE describe_connector(const struct action_catalogue *catalogue, struct str name,
    struct arena *arena, struct value *ret, struct err_info *why)
{
    const struct connector *connector = action_catalogue_find_connector(catalogue, name);
    struct value_map_builder map;
    struct value_list_builder settings;
    value_map_begin(&map, arena);
    value_list_begin(&settings, arena);
    TRY(put_text(&map, "name", name, why));
    TRY(put_text(&map, "title", connector ? connector->title : name, why));
    TRY(put_text(&map, "description", connector ? connector->description : STR(""), why));
    for (uint32_t i = 0; connector && i < connector->setting_count; i++) {
        struct value setting;
        TRY(describe_setting(&connector->settings[i], arena, &setting, why));
        TRY(value_list_add(&settings, setting, why));
    }
    TRY(value_map_set(&map, "settings", value_list_end(&settings), why));
    TRY(describe_actions(catalogue, name, &map, why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

/* Actions are sorted by name, so a connector's stand together; a connector without actions is not listed. */
static FALLIBLE describe(const struct action_catalogue *catalogue, struct str wanted, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    struct value_list_builder list;
    struct str last = { 0 };
    value_list_begin(&list, arena);
    for (uint32_t i = 0; i < catalogue->action_count; i++) {
        struct str name = action_connector_name(catalogue->actions[i]);
        struct value connector;
        if (str_equal(name, last) || (wanted.size && !str_equal(name, wanted)))
            continue;
        last = name;
        TRY(describe_connector(catalogue, name, arena, &connector, why));
        TRY(value_list_add(&list, connector, why));
    }
    *ret = value_list_end(&list);
    if (wanted.size && ret->size == 0)
        return err_set(why, ERR_NOT_FOUND, "there is no connector %.*s", STR_ARG(wanted));
    if (wanted.size)
        *ret = ret->items[0];
    return ERR_OK;
}

FALLIBLE connect_describe(
    struct connect *connect, struct str name, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct catalogue_source *source = connect_catalogues(connect);
    const struct catalogue *catalogue = source->acquire(source);
    enum err result = describe((const struct action_catalogue *)catalogue, name, arena, ret, why);
    source->release(source, catalogue);
    return result;
}

/* ---- connections ---- */

static FALLIBLE unknown_setting(const struct connector *connector, struct str name, struct err_info *why)
{
    const char *names[64];
    char copies[64][65];
    uint32_t count = 0;
    for (uint32_t i = 0; i < connector->setting_count && count < 64; i++) {
        snprintf(copies[count], sizeof(copies[count]), "%.*s", STR_ARG(connector->settings[i].name));
        names[count] = copies[count];
        count++;
    }
    const char *near = sheet_nearest(name, names, count);
    return err_named(why, ERR_INVALID, "unknown_setting", "%.*s has no setting `%.*s`%s%s%s",
        STR_ARG(connector->name), STR_ARG(name), near ? "; did you mean `" : "", near ? near : "",
        near ? "`?" : "");
}

static FALLIBLE check_one(
    const struct connector *connector, struct str name, struct value v, struct err_info *why)
{
    const struct setting *setting = connector_find_setting(connector, name);
    struct err_info inner = { 0 };
    const struct type *type = setting ? setting->type : NULL;
    if (!type && connector->has_base_url)
        type = connector_common_setting(name);
    if (!type)
        return unknown_setting(connector, name, why);
    if (v.type == VALUE_NULL || (setting && setting->is_secret))
        return ERR_OK; /* connection_put sees to secret references */
    if (type_check_value(type, v, &inner) != ERR_OK)
        return err_named(why, ERR_INVALID, "bad_setting", "settings.%.*s: %s", STR_ARG(name), inner.text);
    return ERR_OK;
}

static FALLIBLE check_settings(const struct connector *connector, struct value settings, struct err_info *why)
{
    if (settings.type != VALUE_MAP && settings.type != VALUE_NULL)
        return err_named(why, ERR_INVALID, "bad_setting", "settings must be a map");
    for (uint32_t i = 0; settings.type == VALUE_MAP && i < settings.size; i++) {
        const struct value_entry *entry = &value_map_entries(settings)[i];
        if (entry->key.type != VALUE_STRING)
            return err_named(why, ERR_INVALID, "bad_setting", "settings have names");
        TRY(check_one(connector, value_str(entry->key), entry->value, why));
    }
    for (uint32_t i = 0; i < connector->setting_count; i++) {
        const struct setting *setting = &connector->settings[i];
        if (setting->is_required && value_get(settings, setting->name).type == VALUE_NULL)
            return err_named(why, ERR_INVALID, "missing_setting", "%.*s needs the setting `%.*s`%s%.*s",
                STR_ARG(connector->name), STR_ARG(setting->name), setting->help.size ? ": " : "",
                STR_ARG(setting->help));
    }
    return ERR_OK;
}

static FALLIBLE check_connection(const struct action_catalogue *catalogue, struct str name,
    struct value settings, struct arena *arena, struct str **ret_secret_fields,
    size_t *ret_secret_field_count, struct err_info *why)
{
    const struct connector *connector = action_catalogue_find_connector(catalogue, name);
    if (!connector)
        return err_named(why, ERR_NOT_FOUND, "unknown_connector", "there is no connector %.*s with settings",
            STR_ARG(name));
    TRY(check_settings(connector, settings, why));
    struct str *fields = ARENA_ARRAY(arena, connector->secret_count + 1, struct str);
    if (!fields)
        return err_memory(why);
    for (uint32_t i = 0; i < connector->secret_count; i++)
        TRY(arena_str(arena, connector->secret_names[i], &fields[i], why));
    *ret_secret_fields = fields;
    *ret_secret_field_count = connector->secret_count;
    return ERR_OK;
}

FALLIBLE connect_check_settings(struct connect *connect, struct str connector, struct value settings,
    struct arena *arena, struct str **ret_secret_fields, size_t *ret_secret_field_count, struct err_info *why)
{
    struct catalogue_source *source = connect_catalogues(connect);
    const struct catalogue *catalogue = source->acquire(source);
    enum err result = check_connection((const struct action_catalogue *)catalogue, connector, settings, arena,
        ret_secret_fields, ret_secret_field_count, why);
    source->release(source, catalogue);
    return result;
}
