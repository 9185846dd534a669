/* One run with its steps: the journal, read as history. Nothing is compiled: what a step is called stands
 * beside the stored playbook (playbook_about). */
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/pack.h"
#include "engine/playbook_rows.h"
#include "engine/run_rows.h"
#include "engine/status.h"
#include "engine/task_rows.h"
#include "engine/undo.h"
#include "engine/view.h"

/* A step that was begun. */
struct node {
    uint32_t step, number, attempts;
    bool is_iteration; /* `number` counts */
    bool is_simulated;
    enum step_status status;
    struct instant started, ended;
    struct value input, output, error;
    struct node *first, **end, *next;
};

/* A frame: a step's node, or a block, which stands for the node that it belongs to. */
struct place {
    struct node *node; /* NULL: the run's own block, or a step that is not shown */
    bool is_shown;
    bool is_iteration;
    uint32_t number;
};

struct view {
    struct arena *arena;
    struct arena scratch; /* of one record */
    size_t bytes; /* of values kept */
    uint64_t values_omitted;
    struct place *places; /* by frame id */
    uint32_t room, next_frame;
    struct node *first, **end;
    uint32_t count;
    uint64_t omitted;
    struct instant now, started;
    struct value inputs;
};

static FALLIBLE place_at(struct view *view, uint32_t frame, struct place **ret, struct err_info *why)
{
    if (frame >= view->room) {
        uint32_t room = view->room ? view->room : 64;
        while (room <= frame)
            room *= 2;
        void *more = memory_realloc(view->places, room * sizeof(struct place));
        if (!more)
            return err_memory(why);
        view->places = more;
        memset(view->places + view->room, 0, (room - view->room) * sizeof(struct place));
        view->room = room;
    }
    *ret = &view->places[frame];
    return ERR_OK;
}

static struct node *node_of(const struct view *view, uint32_t frame)
{
    return frame < view->room ? view->places[frame].node : NULL;
}

/* NULL when it is one too many. */
static FALLIBLE node_add(
    struct view *view, uint32_t block, uint32_t step, struct node **ret, struct err_info *why)
{
    struct place *place;
    *ret = NULL;
    TRY(place_at(view, block, &place, why));
    if (view->count >= VIEW_STEPS_MAX || !place->is_shown) {
        view->omitted++;
        return ERR_OK;
    }
    struct node *node = ARENA_NEW(view->arena, struct node);
    if (!node)
        return err_memory(why);
    node->step = step;
    node->attempts = 1;
    node->status = STEP_RUNNING;
    node->started = view->now;
    node->end = &node->first;
    node->is_iteration = place->is_iteration;
    node->number = place->number;
    struct node ***end = place->node ? &place->node->end : &view->end;
    **end = node;
    *end = &node->next;
    view->count++;
    *ret = node;
    return ERR_OK;
}

static enum step_status status_of_phase(int64_t phase, enum step_status otherwise)
{
    switch (phase) {
    case PHASE_APPROVAL:
    case PHASE_BACKOFF:
    case PHASE_ASK:
    case PHASE_WAIT:
    case PHASE_EVENT:
    case PHASE_CHILD: return STEP_WAITING;
    case PHASE_UNCERTAIN: return STEP_UNCERTAIN;
    case PHASE_HANDLING: return otherwise;
    default: return STEP_RUNNING;
    }
}

static FALLIBLE keep(struct view *view, struct value v, struct value *ret, struct err_info *why)
{
    size_t weight = value_weight(v);
    *ret = value_null();
    if (view->bytes + weight > VIEW_BYTES_MAX) {
        view->values_omitted++;
        return ERR_OK;
    }
    view->bytes += weight;
    return value_copy(view->arena, v, ret, why);
}

static FALLIBLE node_set(struct view *view, struct node *node, const struct op *op, struct err_info *why)
{
    if (op_has(op, FIELD_PHASE))
        node->status = status_of_phase(op->numbers[FIELD_PHASE], node->status);
    if (op_has(op, FIELD_ATTEMPT))
        node->attempts = (uint32_t)op->numbers[FIELD_ATTEMPT];
    if (op_has(op, FIELD_FLAGS))
        node->is_simulated = op->numbers[FIELD_FLAGS] & FRAME_SIMULATED;
    if (op_has(op, FIELD_DATA))
        TRY(keep(view, op->data, &node->input, why));
    if (op->kind == OP_STEP_SET)
        return ERR_OK;
    node->status = (enum step_status)op->numbers[FIELD_STATUS];
    node->ended = view->now;
    if (op_has(op, FIELD_OUTPUT))
        TRY(keep(view, op->output, &node->output, why));
    return keep(view, op->error, &node->error, why);
}

static FALLIBLE see_block(struct view *view, const struct op *op, struct err_info *why)
{
    struct place *place, *owner;
    uint32_t parent = (uint32_t)op->numbers[FIELD_PARENT];
    TRY(place_at(view, view->next_frame, &place, why));
    TRY(place_at(view, parent, &owner, why));
    place = &view->places[view->next_frame++];
    int64_t part = op->numbers[FIELD_PART];
    *place = (struct place){ .node = owner->node,
        .is_shown = parent == 0 || owner->is_shown,
        .is_iteration = part == PART_BODY || part == PART_BRANCH,
        .number = (uint32_t)op->numbers[FIELD_NUMBER] };
    return ERR_OK;
}

static FALLIBLE see_step(struct view *view, const struct op *op, struct err_info *why)
{
    struct node *node;
    struct place *place;
    TRY(node_add(view, (uint32_t)op->numbers[FIELD_PARENT], (uint32_t)op->numbers[FIELD_STEP], &node, why));
    if (op->kind == OP_STEP_LEAF)
        return node ? node_set(view, node, op, why) : ERR_OK;
    TRY(place_at(view, view->next_frame, &place, why));
    *place = (struct place){ .node = node, .is_shown = node != NULL };
    view->next_frame++;
    return ERR_OK;
}

static FALLIBLE see(struct view *view, const struct op *op, struct err_info *why)
{
    struct node *node = node_of(view, op->frame);
    switch (op->kind) {
    case OP_CREATE: return keep(view, value_get(op->data, STR("inputs")), &view->inputs, why);
    case OP_RUN:
        if (op_has(op, FIELD_STARTED) && op->numbers[FIELD_STARTED] != 0)
            view->started.us = op->numbers[FIELD_STARTED];
        return ERR_OK;
    case OP_FRAME: /* only a retry changes a frame in a snapshot */
        if (node && op->numbers[FIELD_KIND] == FRAME_STEP) {
            node->status = status_of_phase(op->numbers[FIELD_PHASE], node->status);
            node->ended = (struct instant){ 0 };
            node->error = value_null();
        }
        return ERR_OK;
    case OP_BLOCK_OPEN: return see_block(view, op, why);
    case OP_STEP_OPEN:
    case OP_STEP_LEAF: return see_step(view, op, why);
    case OP_STEP_SET:
    case OP_STEP_RESULT:
    case OP_STEP_END: return node ? node_set(view, node, op, why) : ERR_OK;
    default: return ERR_OK;
    }
}

static enum err see_record(void *context, uint32_t seq, struct str record, struct err_info *why)
{
    struct view *view = context;
    struct journal_reader reader;
    struct op op;
    bool more = true;
    (void)seq;
    TRY(journal_open(&reader, record, &view->scratch, why));
    view->now = reader.now;
    for (;;) {
        TRY(journal_next(&reader, &op, &more, why));
        if (!more)
            break;
        TRY(see(view, &op, why));
    }
    arena_reset(&view->scratch); /* the record itself is in it */
    return ERR_OK;
}

/* ---- printing ---- */

static struct str about_text(struct value about, uint32_t step, uint32_t field)
{
    struct value steps = value_get(about, STR("steps"));
    if (steps.type != VALUE_LIST || step >= steps.size || steps.items[step].type != VALUE_LIST ||
        field >= steps.items[step].size)
        return STR("");
    struct value v = steps.items[step].items[field];
    return value_is(v, VALUE_STRING) ? value_str(v) : STR("");
}

static FALLIBLE nodes_value(const struct node *node, struct value about, struct arena *arena,
    struct value *ret, struct err_info *why);

static FALLIBLE node_value(
    const struct node *node, struct value about, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_map_builder map = { 0 };
    struct str kind = about_text(about, node->step, 1), action = about_text(about, node->step, 2);
    bool shows_input = str_equal(kind, STR("do")) || str_equal(kind, STR("run")) ||
        str_equal(kind, STR("script")) || str_equal(kind, STR("ask"));
    value_map_begin(&map, arena);
    TRY(value_map_set(&map, "id", value_string(about_text(about, node->step, 0)), why));
    TRY(value_map_set(&map, "kind", value_string(kind), why));
    TRY(value_map_set(&map, "action", action.size ? value_string(action) : value_null(), why));
    if (node->is_iteration)
        TRY(value_map_set(&map, "iteration", value_int(node->number), why));
    TRY(value_map_set(&map, "status", value_string(str_of(step_status_name(node->status))), why));
    TRY(value_map_set(&map, "attempts", value_int(node->status == STEP_SKIPPED ? 0 : node->attempts), why));
    TRY(view_instant(&map, "started", node->started, arena, why));
    TRY(view_instant(&map, "ended", node->ended, arena, why));
    TRY(value_map_set(&map, "input", shows_input ? node->input : value_null(), why));
    TRY(value_map_set(&map, "output", node->output, why));
    TRY(value_map_set(&map, "error", node->error, why));
    if (node->is_simulated)
        TRY(value_map_set(&map, "simulated", value_bool(true), why));
    struct value steps;
    TRY(nodes_value(node->first, about, arena, &steps, why));
    TRY(value_map_set(&map, "steps", steps, why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

/* Its depth is that of the playbook: PLAYBOOK_NESTING_MAX. */
static FALLIBLE nodes_value(
    const struct node *node, struct value about, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_list_builder list = { 0 };
    value_list_begin(&list, arena);
    for (; node; node = node->next) {
        struct value item;
        TRY(node_value(node, about, arena, &item, why));
        TRY(value_list_add(&list, item, why));
    }
    *ret = value_list_end(&list);
    return ERR_OK;
}

static FALLIBLE undo_about(struct value inputs, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_list_builder step = { 0 }, steps = { 0 };
    struct value_map_builder map = { 0 };
    value_list_begin(&step, arena);
    TRY(value_list_add(&step, value_string(STR("undo")), why));
    TRY(value_list_add(&step, value_string(STR("do")), why));
    TRY(value_list_add(&step, value_get(inputs, STR("action")), why));
    TRY(value_list_add(&step, value_string(STR("")), why));
    value_list_begin(&steps, arena);
    TRY(value_list_add(&steps, value_list_end(&step), why));
    value_map_begin(&map, arena);
    TRY(value_map_set(&map, "steps", value_list_end(&steps), why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

static FALLIBLE add_outcome(
    const struct run_row *row, struct value_map_builder *map, struct arena *arena, struct err_info *why)
{
    struct value output = value_null(), error = value_null();
    if (row->output.size > 0)
        TRY(unpack_value(arena, row->output, true, &output, why));
    if (row->error_code.size > 0) {
        struct value_map_builder fields = { 0 };
        value_map_begin(&fields, arena);
        TRY(value_map_set(&fields, "code", value_string(row->error_code), why));
        TRY(value_map_set(&fields, "message", value_string(row->error_message), why));
        error = value_map_end(&fields);
    }
    TRY(value_map_set(map, "output", output, why));
    return value_map_set(map, "error", error, why);
}

static FALLIBLE show(struct store_conn *conn, const struct run_row *row, struct view *view, struct value *ret,
    struct err_info *why)
{
    struct arena *arena = view->arena;
    struct value_map_builder map = { 0 };
    struct value about, steps, tasks;
    struct str name = UNDO_PLAYBOOK_NAME;
    if (row->playbook == UNDO_PLAYBOOK_NUMBER)
        TRY(undo_about(view->inputs, arena, &about, why));
    else
        TRY(playbook_row_about(conn, row->playbook, row->version, arena, &name, &about, why));
    TRY(nodes_value(view->first, about, arena, &steps, why));
    TRY(task_rows_of_run(conn, row->tenant, row->id, arena, &tasks, why));
    value_map_begin(&map, arena);
    TRY(view_id(&map, "id", row->id, arena, why));
    TRY(value_map_set(&map, "playbook", value_string(name), why));
    TRY(value_map_set(&map, "version", value_int(row->version), why));
    TRY(value_map_set(&map, "status", value_string(str_of(run_status_name(row->status))), why));
    TRY(view_id(&map, "event_id", row->event_id, arena, why));
    TRY(view_id(&map, "alert_id", row->alert_id, arena, why));
    TRY(view_id(&map, "case_id", row->case_id, arena, why));
    TRY(view_id(&map, "parent", row->parent_id, arena, why));
    TRY(view_instant(&map, "created", row->created, arena, why));
    TRY(view_instant(&map, "started", view->started, arena, why));
    TRY(view_instant(&map, "ended", row->ended, arena, why));
    TRY(value_map_set(&map, "inputs", view->inputs, why));
    TRY(add_outcome(row, &map, arena, why));
    TRY(value_map_set(&map, "steps", steps, why));
    if (view->omitted > 0)
        TRY(value_map_set(&map, "steps_omitted", value_int((int64_t)view->omitted), why));
    if (view->values_omitted > 0)
        TRY(value_map_set(&map, "values_omitted", value_int((int64_t)view->values_omitted), why));
    TRY(value_map_set(&map, "tasks", tasks, why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

enum err run_show(struct store_conn *conn, int64_t tenant, struct id run, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    struct run_row row;
    struct view view = { .arena = arena, .next_frame = 1 };
    view.end = &view.first;
    TRY(run_row_find(conn, tenant, run, arena, &row, why));
    enum err result = place_at(&view, 0, &(struct place *){ NULL }, why);
    if (result == ERR_OK) {
        view.places[0].is_shown = true;
        result = journal_rows(conn, tenant, row.number, 0, &view.scratch, see_record, &view, why);
    }
    if (result == ERR_OK)
        result = show(conn, &row, &view, ret, why);
    arena_done(&view.scratch);
    memory_free(view.places);
    return result;
}
