#include "engine/playbook_reads.h"

#include "playbook/visit.h"

static void read_field(struct subject_reads *reads, struct str name)
{
    for (uint32_t i = 0; i < reads->count; i++) {
        if (str_equal(reads->names[i], name))
            return;
    }
    if (reads->count == SUBJECT_FIELDS_MAX)
        reads->is_whole = true;
    else
        reads->names[reads->count++] = name;
}

static void read_expr(void *context, const struct step *step, const struct expr *expr, uint32_t line)
{
    struct playbook_reads *reads = context;
    uint32_t count = 0;
    (void)step;
    (void)line;
    const struct expr_reference *references = expr_references(expr, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct expr_reference *reference = &references[i];
        struct subject_reads *subject = str_equal(reference->root, STR("event")) ? &reads->event
            : str_equal(reference->root, STR("alert"))                           ? &reads->alert
            : str_equal(reference->root, STR("case"))                            ? &reads->case_value
                                                                                 : NULL;
        if (subject && reference->field_count > 0)
            read_field(subject, reference->fields[0]);
        else if (subject)
            subject->is_whole = true;
    }
}

void playbook_reads_find(const struct playbook *playbook, struct playbook_reads *ret)
{
    *ret = (struct playbook_reads){ 0 };
    playbook_visit(playbook, read_expr, ret);
    for (uint32_t i = 0; i < playbook->step_count; i++) {
        if (playbook->all_steps[i]->kind == STEP_RUN) /* the other playbook may read all of it */
            ret->event.is_whole = ret->alert.is_whole = ret->case_value.is_whole = true;
    }
}

enum err subject_reads_pick(const struct subject_reads *reads, struct value v, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    struct value_map_builder map = { 0 };
    bool is_read = subject_is_read(reads);
    if (reads->is_whole || v.type != VALUE_MAP || !is_read) {
        *ret = is_read ? v : value_null();
        return ERR_OK;
    }
    value_map_begin(&map, arena);
    for (uint32_t i = 0; i < reads->count; i++) {
        const struct value *field = value_map_find(v, reads->names[i]);
        if (field)
            TRY(value_map_put(&map, value_string(reads->names[i]), *field, why));
    }
    *ret = value_map_end(&map);
    ret->flags = v.flags;
    return ERR_OK;
}

/* ---- about ---- */

const char *playbook_mode_name(enum playbook_mode mode)
{
    switch (mode) {
    case MODE_SHADOW: return "shadow";
    case MODE_SUGGEST: return "suggest";
    case MODE_AUTO:
    default: return "auto";
    }
}

const char *trigger_kind_name(enum trigger_kind kind)
{
    static const char *const names[] = {
        [TRIGGER_ALERT] = "alert",
        [TRIGGER_WEBHOOK] = "webhook",
        [TRIGGER_SCHEDULE] = "schedule",
        [TRIGGER_EMAIL] = "email",
        [TRIGGER_SYSLOG] = "syslog",
        [TRIGGER_CASE] = "case",
        [TRIGGER_MANUAL] = "manual",
        [TRIGGER_PLAYBOOK] = "playbook",
    };
    return kind <= TRIGGER_PLAYBOOK ? names[kind] : "unknown";
}

static FALLIBLE about_step(
    const struct step *step, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_list_builder list = { 0 };
    struct str action = step->kind == STEP_DO ? step->call.action
        : step->kind == STEP_RUN              ? step->run.playbook
                                              : STR("");
    value_list_begin(&list, arena);
    TRY(value_list_add(&list, value_string(step->id), why));
    TRY(value_list_add(&list, value_string(str_of(step_kind_name(step->kind))), why));
    TRY(value_list_add(&list, value_string(action), why));
    TRY(value_list_add(&list, value_string(step->name), why));
    *ret = value_list_end(&list);
    return ERR_OK;
}

static FALLIBLE about_input(
    const struct playbook_input *input, struct arena *arena, struct value *ret, struct err_info *why)
{
    AUTO(buf) struct buf buf = { 0 };
    struct value_map_builder map = { 0 };
    struct str type;
    type_print(&buf, input->type);
    TRY(buf_check(&buf, why));
    TRY(arena_str(arena, buf_str(&buf), &type, why));
    value_map_begin(&map, arena);
    TRY(value_map_set(&map, "name", value_string(input->name), why));
    TRY(value_map_set(&map, "type", value_string(type), why));
    TRY(value_map_set(&map, "required", value_bool(input->is_required), why));
    TRY(value_map_set(&map, "help", value_string(input->help), why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

struct about_lists {
    struct value attack, triggers, inputs, steps;
};

static FALLIBLE about_lists(
    const struct playbook *playbook, struct arena *arena, struct about_lists *ret, struct err_info *why)
{
    struct value_list_builder attack = { 0 }, triggers = { 0 }, inputs = { 0 }, steps = { 0 };
    struct value item;
    value_list_begin(&attack, arena);
    value_list_begin(&triggers, arena);
    value_list_begin(&inputs, arena);
    value_list_begin(&steps, arena);
    for (uint32_t i = 0; i < playbook->attack_count; i++)
        TRY(value_list_add(&attack, value_string(playbook->attack[i]), why));
    for (uint32_t i = 0; i < playbook->trigger_count; i++)
        TRY(value_list_add(
            &triggers, value_string(str_of(trigger_kind_name(playbook->triggers[i].kind))), why));
    for (uint32_t i = 0; i < playbook->input_count; i++) {
        TRY(about_input(&playbook->inputs[i], arena, &item, why));
        TRY(value_list_add(&inputs, item, why));
    }
    for (uint32_t i = 0; i < playbook->step_count; i++) {
        TRY(about_step(playbook->all_steps[i], arena, &item, why));
        TRY(value_list_add(&steps, item, why));
    }
    *ret = (struct about_lists){ value_list_end(&attack), value_list_end(&triggers), value_list_end(&inputs),
        value_list_end(&steps) };
    return ERR_OK;
}

enum err playbook_about(
    const struct playbook *playbook, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_map_builder map = { 0 };
    struct about_lists lists;
    TRY(about_lists(playbook, arena, &lists, why));
    value_map_begin(&map, arena);
    TRY(value_map_set(&map, "title", value_string(playbook->title), why));
    TRY(value_map_set(&map, "description", value_string(playbook->description), why));
    TRY(value_map_set(&map, "mode", value_string(str_of(playbook_mode_name(playbook->mode))), why));
    TRY(value_map_set(&map, "attack", lists.attack, why));
    TRY(value_map_set(&map, "triggers", lists.triggers, why));
    TRY(value_map_set(&map, "inputs", lists.inputs, why));
    TRY(value_map_set(&map, "steps", lists.steps, why));
    *ret = value_map_end(&map);
    return ERR_OK;
}
