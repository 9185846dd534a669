/* Which live playbooks read a field of an action's output, and where. */
#include <string.h>

#include "engine/engine_impl.h"
#include "playbook/visit.h"

#define FIELD_PARTS_MAX 32

struct looking {
    const struct playbook *playbook;
    struct str action;
    struct str parts[FIELD_PARTS_MAX]; /* of the field, without the marks of lists */
    uint32_t part_count;
    struct value_list_builder *found;
    enum err result;
    struct err_info *why;
    uint32_t last_line; /* told once a line */
};

static void split_field(struct looking *looking, struct str field)
{
    struct str part;
    while (looking->part_count < FIELD_PARTS_MAX && str_split(&field, '.', &part)) {
        while (str_ends(part, STR("[]")))
            part.size -= 2;
        if (part.size > 0)
            looking->parts[looking->part_count++] = part;
    }
}

/* Whoever reads a part of the field, the field itself, or what it is in. */
static bool reads(const struct looking *looking, const struct expr_reference *reference)
{
    if (!str_equal(reference->root, STR("steps")) || reference->field_count < 2 ||
        !str_equal(reference->fields[1], STR("output")))
        return false;
    const struct step *step = playbook_find_step(looking->playbook, reference->fields[0]);
    if (!step || step->kind != STEP_DO || !str_equal(step->call.action, looking->action))
        return false;
    for (uint32_t i = 2; i < reference->field_count && i - 2 < looking->part_count; i++)
        if (!str_equal(reference->fields[i], looking->parts[i - 2]))
            return false;
    return true;
}

/* What is read on the way to a test: the test says of which field. */
static bool leads_to_next(const struct expr_reference *references, uint32_t count, uint32_t i)
{
    return i + 1 < count && references[i + 1].kind == EXPR_TESTS &&
        references[i + 1].fields == references[i].fields;
}

static FALLIBLE add(struct looking *looking, const struct step *step, uint32_t line, struct err_info *why)
{
    struct arena *arena = looking->found->arena;
    struct value_map_builder map = { 0 };
    struct str playbook, id;
    TRY(arena_str(arena, looking->playbook->name, &playbook, why));
    TRY(arena_str(arena, step->id, &id, why));
    value_map_begin(&map, arena);
    TRY(value_map_set(&map, "playbook", value_string(playbook), why));
    TRY(value_map_set(&map, "step", value_string(id), why));
    TRY(value_map_set(&map, "line", value_int(line), why));
    return value_list_add(looking->found, value_map_end(&map), why);
}

static void look(void *context, const struct step *step, const struct expr *expr, uint32_t line)
{
    struct looking *looking = context;
    uint32_t count = 0;
    const struct expr_reference *references = expr_references(expr, &count);
    for (uint32_t i = 0; i < count && looking->result == ERR_OK; i++) {
        if (line == looking->last_line || leads_to_next(references, count, i) ||
            !reads(looking, &references[i]))
            continue;
        looking->last_line = line;
        looking->result = add(looking, step, line, looking->why);
    }
}

enum err engine_readers(struct engine *engine, int64_t tenant, struct str action, struct str field,
    struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_list_builder found = { 0 };
    struct looking looking = { .action = action, .found = &found, .why = why };
    struct registry_set *set = registry_acquire(engine->registry);
    value_list_begin(&found, arena);
    split_field(&looking, field);
    for (uint32_t i = 0; i < set->count && looking.result == ERR_OK; i++) {
        if (set->items[i].live->tenant != tenant)
            continue;
        looking.playbook = set->items[i].live->playbook;
        looking.last_line = 0;
        playbook_visit(looking.playbook, look, &looking);
    }
    registry_set_release(set);
    *ret = value_list_end(&found);
    return looking.result;
}
