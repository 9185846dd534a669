/* Tasks that a turn opens and closes. */
#include "base/json.h"
#include "base/text.h"
#include "engine/turn_impl.h"

#define TITLE_BYTES_MAX 1024

static struct str title_text(struct turn *turn, struct value title)
{
    AUTO(buf) struct buf buf = { 0 };
    struct str text = { 0 };
    struct err_info why = { 0 };
    if (value_is(title, VALUE_STRING))
        buf_add(&buf, value_str(title));
    else
        json_print(&buf, title, 0);
    enum err result = buf_check(&buf, &why);
    if (result == ERR_OK)
        result = arena_str(turn->arena, utf8_cut(buf_str(&buf), TITLE_BYTES_MAX), &text, &why);
    if (result != ERR_OK)
        turn_fail(turn, result, &why);
    return text;
}

struct id turn_open_task(struct turn *turn, const struct frame *frame, enum task_kind kind,
    struct value title, struct value payload, struct instant expires)
{
    struct effect *effect = turn_effect(turn, EFFECT_TASK_OPEN, frame->id);
    struct task_open *task = ARENA_NEW(turn->arena, struct task_open);
    if (!effect || !task) {
        turn_fail(turn, ERR_MEMORY, NULL);
        return ID_NONE;
    }
    *task = (struct task_open){ .id = id_new(turn->world->clock, turn->world->rand),
        .kind = kind,
        .step = frame_step(turn, frame)->id,
        .title = title_text(turn, title),
        .payload = turn_pack(turn, payload),
        .expires = expires };
    effect->task = task;
    effect->object = task->id;
    return task->id;
}

void turn_close_task(struct turn *turn, const struct frame *frame, enum task_status status)
{
    struct effect *effect = turn_effect(turn, EFFECT_TASK_CLOSE, frame->id);
    if (!effect)
        return;
    effect->object = frame->object;
    effect->status = status;
}
