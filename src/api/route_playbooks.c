/* Playbooks: listed, shown with their source, checked and published, switched on and off. */
#include "api/answer.h"
#include "api/handlers.h"
#include "engine/playbook_reads.h"

void route_playbooks_list(struct request *request)
{
    request_list(request, playbook_list);
}

static FALLIBLE playbook_value(struct arena *arena, const struct playbook *playbook, uint32_t version,
    bool is_enabled, struct value *ret, struct err_info *why)
{
    struct value_map_builder map;
    struct value about;
    TRY(playbook_about(playbook, arena, &about, why));
    value_map_begin(&map, arena);
    TRY(answer_text(&map, "name", playbook->name, why));
    TRY(value_map_set(&map, "version", value_int(version), why));
    TRY(value_map_set(&map, "enabled", value_bool(is_enabled), why));
    static const char *const names[] = { "title", "description", "mode", "attack", "triggers", "inputs" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct value part;
        TRY(value_copy(arena, value_get(about, str_of(names[i])), &part, why));
        TRY(value_map_set(&map, names[i], part, why));
    }
    TRY(answer_text(&map, "digest", playbook->digest, why));
    TRY(answer_text(&map, "source", playbook->source, why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

void route_playbook_show(struct request *request)
{
    struct err_info why = { 0 };
    struct value body = value_null();
    uint32_t version;
    bool is_enabled;
    struct playbook *playbook = engine_find_playbook(request->api->options.engine, request->principal.tenant,
        request->match.arguments[0], &version, &is_enabled);
    if (playbook == NULL) {
        request_problem(request, 404, "not_found", "there is no playbook of this name");
        return;
    }
    enum err result = playbook_value(&request->arena, playbook, version, is_enabled, &body, &why);
    playbook_release(playbook);
    request_reply_result(request, result, body, &why);
}

/* ---- publishing ---- */

struct publishing {
    struct str source;
    bool is_enabled, is_dry;
};

static FALLIBLE diagnostics_value(
    struct arena *arena, const struct diagnostics *found, struct value *ret, struct err_info *why)
{
    struct value_list_builder items;
    value_list_begin(&items, arena);
    for (uint32_t i = 0; i < found->count; i++) {
        const struct diagnostic *from = &found->items[i];
        struct value_map_builder item;
        value_map_begin(&item, arena);
        TRY(answer_text(
            &item, "level", from->level == DIAGNOSTIC_ERROR ? STR("error") : STR("warning"), why));
        TRY(value_map_set(&item, "line", value_int(from->line), why));
        TRY(value_map_set(&item, "column", value_int(from->column), why));
        TRY(answer_text(&item, "code", str_of(from->code), why));
        TRY(answer_text(&item, "text", from->text, why));
        TRY(value_list_add(&items, value_map_end(&item), why));
    }
    *ret = value_list_end(&items);
    return ERR_OK;
}

/* The name in the path is the playbook's; a text that says another is refused, not renamed. */
static FALLIBLE check_name(struct request *request, const struct playbook *playbook, struct err_info *why)
{
    if (str_equal(playbook->name, request->match.arguments[0]))
        return ERR_OK;
    return err_named(why, ERR_CONFLICT, "name",
        "the text is of the playbook \"%.*s\"; put it under that name", STR_ARG(playbook->name));
}

static FALLIBLE publish(
    struct request *request, struct diagnostics *found, uint32_t *ret_version, struct err_info *why)
{
    const struct publishing *publishing = request->context;
    struct engine *engine = request->api->options.engine;
    int64_t tenant = request->principal.tenant;
    struct playbook *checked = NULL;
    *ret_version = 0;
    TRY(engine_check(engine, tenant, publishing->source, found, &checked, why));
    enum err result = check_name(request, checked, why);
    playbook_release(checked);
    TRY(result);
    if (publishing->is_dry)
        return ERR_OK;
    /* The faults are those of the check above: they are told once. */
    struct diagnostics again;
    diagnostics_init(&again, &request->arena, STR(""));
    return engine_publish(engine, tenant, request_actor(request), publishing->source, publishing->is_enabled,
        &again, ret_version, why);
}

static enum err publish_work(struct request *request, struct value *ret, struct err_info *why)
{
    const struct publishing *publishing = request->context;
    struct diagnostics found;
    struct value_map_builder body;
    struct value list;
    uint32_t version;
    diagnostics_init(&found, &request->arena, STR(""));
    enum err result = publish(request, &found, &version, why);
    if (result != ERR_OK && (result != ERR_INVALID || found.error_count == 0))
        return result;
    TRY(diagnostics_value(&request->arena, &found, &list, why));
    value_map_begin(&body, &request->arena);
    if (result == ERR_OK) {
        TRY(answer_text(&body, "name", request->match.arguments[0], why));
        TRY(value_map_set(&body, "version", publishing->is_dry ? value_null() : value_int(version), why));
        TRY(value_map_set(&body, "enabled", value_bool(publishing->is_enabled), why));
    } else {
        request->status_ok = 422;
        TRY(problem_fields(&body, 422, "playbook", STR("the playbook has errors"), why));
    }
    TRY(value_map_set(&body, "diagnostics", list, why));
    *ret = value_map_end(&body);
    return ERR_OK;
}

void route_playbook_put(struct request *request)
{
    struct err_info why = { 0 };
    struct publishing *publishing = request_new_context(request, sizeof *publishing);
    if (publishing == NULL)
        return;
    enum err result = request_text(request, "source", &publishing->source, &why);
    if (result == ERR_OK)
        result = request_flag(request, "enabled", true, &publishing->is_enabled, &why);
    if (result == ERR_OK)
        result = request_flag(request, "dry_run", false, &publishing->is_dry, &why);
    if (result == ERR_OK)
        request_block(request, 200, publish_work);
    else
        request_fail(request, result, &why);
}

static enum err enable_work(struct request *request, struct value *ret, struct err_info *why)
{
    struct value_map_builder body;
    bool is_enabled;
    struct value enabled = value_get(request->body, STR("enabled"));
    if (enabled.type != VALUE_BOOL)
        return err_named(why, ERR_INVALID, "body", "the body needs \"enabled\", true or false");
    is_enabled = enabled.boolean;
    TRY(engine_set_enabled(request->api->options.engine, request->principal.tenant, request_actor(request),
        request->match.arguments[0], is_enabled, why));
    value_map_begin(&body, &request->arena);
    TRY(answer_text(&body, "name", request->match.arguments[0], why));
    TRY(value_map_set(&body, "enabled", value_bool(is_enabled), why));
    *ret = value_map_end(&body);
    return ERR_OK;
}

void route_playbook_update(struct request *request)
{
    request_block(request, 200, enable_work);
}
