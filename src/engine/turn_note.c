/* What observers are told of a turn, and where a step stands. */
#include <stdio.h>

#include "base/buf.h"
#include "engine/turn_impl.h"

static void add_path(struct turn *turn, struct buf *buf, const struct frame *frame)
{
    if (!frame)
        return;
    add_path(turn, buf, run_find_frame(turn->run, frame->parent));
    if (frame->kind == FRAME_BLOCK) {
        if (frame->part == PART_BODY || frame->part == PART_BRANCH)
            buf_printf(buf, "[%u]", frame->number);
        return;
    }
    if (buf->size > 0)
        buf_add_byte(buf, '/');
    buf_add(buf, frame_step(turn, frame)->id);
}

static struct str path_of(struct turn *turn, const struct frame *above, const struct step *step)
{
    AUTO(buf) struct buf buf = { 0 };
    struct str path = { 0 };
    struct err_info why = { 0 };
    add_path(turn, &buf, above);
    if (buf.size > 0)
        buf_add_byte(&buf, '/');
    buf_add(&buf, step->id);
    enum err result = buf_check(&buf, &why);
    if (result == ERR_OK)
        result = arena_str(turn->arena, buf_str(&buf), &path, &why);
    if (result != ERR_OK)
        turn_fail(turn, result, &why);
    return path;
}

void turn_note_step(
    struct turn *turn, const struct frame *above, const struct step *step, struct result result)
{
    if (turn->failed != ERR_OK)
        return;
    struct turn_note *note = ARENA_NEW(turn->arena, struct turn_note);
    if (!note) {
        turn_fail(turn, ERR_MEMORY, NULL);
        return;
    }
    struct value detail = value_is(result.error, VALUE_NULL) ? result.output : result.error;
    note->step = step;
    note->path = path_of(turn, above, step);
    note->status = result.status;
    note->elapsed_us = result.ended.us - result.started.us;
    if (turn->world->wants_details && !value_is(detail, VALUE_NULL))
        note->detail = turn_pack(turn, detail);
    *turn->notes_end = note;
    turn->notes_end = &note->next;
}
