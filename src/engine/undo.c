#include "engine/undo.h"

#include <string.h>

#include "base/limits.h"
#include "base/memory.h"

struct undo_graph {
    struct playbook playbook;
    struct step step;
    struct template with;
    const struct step *steps[1];
};

static FALLIBLE text_field(
    struct value inputs, struct str name, struct arena *arena, struct str *ret, struct err_info *why)
{
    struct value v = value_get(inputs, name);
    return arena_str(arena, value_is(v, VALUE_STRING) ? value_str(v) : STR(""), ret, why);
}

static FALLIBLE graph_build(
    struct undo_graph *graph, struct value inputs, struct arena *arena, struct err_info *why)
{
    struct step *step = &graph->step;
    TRY(text_field(inputs, STR("action"), arena, &step->call.action, why));
    TRY(text_field(inputs, STR("connection"), arena, &step->call.connection, why));
    TRY(value_copy(arena, value_get(inputs, STR("with")), &graph->with.constant, why));
    graph->with.kind = TEMPLATE_CONSTANT;
    step->call.with = &graph->with;
    step->id = STR("undo");
    step->has_given_id = true;
    step->kind = STEP_DO;
    step->retry = (struct retry_policy){ .attempts = UNDO_ATTEMPTS_MAX,
        .backoff = BACKOFF_EXPONENTIAL,
        .first_us = 5 * US_PER_S,
        .max_us = 10 * US_PER_MIN };
    graph->steps[0] = step;
    graph->playbook = (struct playbook){
        .name = UNDO_PLAYBOOK_NAME,
        .title = STR("End of a containment"),
        .mode = MODE_AUTO,
        .output = &type_dyn,
        .steps = { graph->steps, 1 },
        .all_steps = graph->steps,
        .step_count = 1,
    };
    return ERR_OK;
}

enum err undo_version_new(
    int64_t tenant, struct value inputs, struct playbook_version **ret, struct err_info *why)
{
    struct arena *arena = memory_alloc(sizeof(*arena));
    if (!arena)
        return err_memory(why);
    arena_init(arena, 0);
    struct undo_graph *graph = ARENA_NEW(arena, struct undo_graph);
    enum err result = graph ? graph_build(graph, inputs, arena, why) : err_memory(why);
    if (result == ERR_OK)
        result = playbook_version_new(tenant, UNDO_PLAYBOOK_NUMBER, 0, &graph->playbook, ret, why);
    if (result != ERR_OK) {
        arena_done(arena);
        memory_free(arena);
        return result;
    }
    (*ret)->owned = arena; /* frees the playbook with itself */
    return ERR_OK;
}
