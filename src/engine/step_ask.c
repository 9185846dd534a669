/* `ask:`: a question to people. The first answer counts; without one in time `on_timeout` decides. The output
 * is
 * {"choice" or "form", "by", "at", "comment", "timed_out"}. */
#include "base/timetext.h"
#include "engine/turn.h"

static FALLIBLE text_list(
    struct arena *arena, const struct str *texts, uint32_t count, struct value *ret, struct err_info *why)
{
    struct value_list_builder list = { 0 };
    value_list_begin(&list, arena);
    for (uint32_t i = 0; i < count; i++)
        TRY(value_list_add(&list, value_string(texts[i]), why));
    *ret = value_list_end(&list);
    return ERR_OK;
}

static FALLIBLE field_value(
    struct arena *arena, const struct form_field *field, struct value *ret, struct err_info *why)
{
    AUTO(buf) struct buf buf = { 0 };
    struct value_map_builder map = { 0 };
    struct str type;
    type_print(&buf, field->type);
    TRY(buf_check(&buf, why));
    TRY(arena_str(arena, buf_str(&buf), &type, why));
    value_map_begin(&map, arena);
    TRY(value_map_set(&map, "name", value_string(field->name), why));
    TRY(value_map_set(&map, "title", value_string(field->title), why));
    TRY(value_map_set(&map, "type", value_string(type), why));
    TRY(value_map_set(&map, "required", value_bool(field->is_required), why));
    if (!value_is(field->default_value, VALUE_NULL))
        TRY(value_map_set(&map, "default", field->default_value, why));
    if (field->type->choice_count > 0) {
        struct value choices;
        TRY(text_list(arena, field->type->choices, field->type->choice_count, &choices, why));
        TRY(value_map_set(&map, "choices", choices, why));
    }
    *ret = value_map_end(&map);
    return ERR_OK;
}

static FALLIBLE payload_of(struct turn *turn, const struct step *step, struct value to, struct value show,
    struct value *ret, struct err_info *why)
{
    struct arena *arena = &turn->run->arena;
    struct value_map_builder map = { 0 };
    struct value via, options;
    struct value_list_builder form = { 0 };
    TRY(text_list(arena, step->ask.via, step->ask.via_count, &via, why));
    TRY(text_list(arena, step->ask.options, step->ask.option_count, &options, why));
    value_list_begin(&form, arena);
    for (uint32_t i = 0; i < step->ask.form_count; i++) {
        struct value field;
        TRY(field_value(arena, &step->ask.form[i], &field, why));
        TRY(value_list_add(&form, field, why));
    }
    value_map_begin(&map, arena);
    TRY(value_map_set(&map, "to", to, why));
    TRY(value_map_set(&map, "via", via, why));
    TRY(value_map_set(&map, "show", show, why));
    TRY(value_map_set(&map, "options", options, why));
    if (step->ask.form_count > 0)
        TRY(value_map_set(&map, "form", value_list_end(&form), why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

static FALLIBLE question(struct turn *turn, struct frame *frame, struct value *ret_title,
    struct value *ret_payload, struct err_info *why)
{
    const struct step *step = frame_step(turn, frame);
    struct names names;
    struct value to, show;
    names_init(&names, turn->run, frame);
    TRY(names_fill(&names, step->ask.to, &to, why));
    TRY(names_fill(&names, step->ask.title, ret_title, why));
    TRY(names_fill(&names, step->ask.show, &show, why));
    if (value_is(to, VALUE_STRING)) { /* one of them, by an expression */
        struct value_list_builder list = { 0 };
        value_list_begin(&list, &turn->run->arena);
        TRY(value_list_add(&list, to, why));
        to = value_list_end(&list);
    }
    return payload_of(turn, step, to, show, ret_payload, why);
}

static void enter(struct turn *turn, struct frame *frame)
{
    const struct step *step = frame_step(turn, frame);
    struct err_info why = { 0 };
    struct value title, payload;
    if (question(turn, frame, &title, &payload, &why) != ERR_OK) {
        step_fail_why(turn, frame, &why);
        return;
    }
    struct instant due = { step->timeout_us > 0 ? turn->run->now.us + step->timeout_us : 0 };
    struct op op = frame_op(frame);
    op_number(&op, FIELD_PHASE, PHASE_ASK);
    op_number(&op, FIELD_DUE, due.us);
    op_value(&op, FIELD_DATA, payload);
    op_object(&op, turn_open_task(turn, frame, TASK_ASK, title, payload, due));
    turn_emit(turn, &op);
}

static void finish(
    struct turn *turn, struct frame *frame, struct value answer, struct str by, bool is_timed_out)
{
    struct value_map_builder map = { 0 };
    struct err_info why = { 0 };
    struct arena *arena = &turn->run->arena;
    struct str actor = STR("");
    enum err result = arena_str(arena, by, &actor, &why);
    value_map_begin(&map, arena);
    for (uint32_t i = 0; i < answer.size && answer.type == VALUE_MAP && result == ERR_OK; i++)
        result = value_map_put(
            &map, value_map_entries(answer)[i].key, value_map_entries(answer)[i].value, &why);
    if (result == ERR_OK)
        result = value_map_set(&map, "by", value_string(actor), &why);
    if (result == ERR_OK)
        result = value_map_set(&map, "at", value_from_instant(turn->run->now), &why);
    if (result == ERR_OK)
        result = value_map_set(&map, "timed_out", value_bool(is_timed_out), &why);
    if (result != ERR_OK) {
        turn_fail(turn, result, &why);
        return;
    }
    step_finish(turn, frame, (struct outcome){ .kind = OUTCOME_OK, .output = value_map_end(&map) });
}

void step_ask_answer(struct turn *turn, struct frame *frame, struct value answer, struct str actor)
{
    finish(turn, frame, answer, actor, false);
}

static void wake(struct turn *turn, struct frame *frame)
{
    const struct step *step = frame_step(turn, frame);
    struct value_map_builder map = { 0 };
    struct err_info why = { 0 };
    turn_close_task(turn, frame, TASK_EXPIRED);
    if (step->ask.on_timeout.size == 0) {
        step_fail(turn, frame, STR("timeout"), STR("nobody answered in time"), false);
        return;
    }
    value_map_begin(&map, &turn->run->arena);
    if (value_map_set(&map, "choice", value_string(step->ask.on_timeout), &why) != ERR_OK) {
        turn_fail(turn, ERR_MEMORY, &why);
        return;
    }
    finish(turn, frame, value_map_end(&map), STR(""), true);
}

static void cancel(struct turn *turn, struct frame *frame, bool is_forced)
{
    (void)is_forced;
    turn_close_task(turn, frame, TASK_CANCELLED);
    step_finish(turn, frame, (struct outcome){ .kind = OUTCOME_CANCELLED });
}

const struct step_ops step_ask_ops = { .enter = enter, .wake = wake, .cancel = cancel };
