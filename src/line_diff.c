#include "line_diff.h"

#include "align.h"
#include "base/arena.h"
#include "table.h"

#define CONTEXT_LINES 3

struct line_edit {
    enum edit edit;
    uint32_t before, after;
};

struct line_diff {
    struct str *before, *after; /* lines */
    struct line_edit *edits; /* room for all lines of both */
    uint32_t count;
};

static FALLIBLE split(
    struct arena *arena, struct str text, struct str **ret, uint32_t *ret_count, struct err_info *why)
{
    size_t room = 1;
    for (size_t i = 0; i < text.size; i++)
        room += text.data[i] == '\n';
    *ret = ARENA_ARRAY(arena, room, struct str);
    if (*ret == NULL)
        return err_memory(why);
    *ret_count = 0;
    while (text.size > 0 && str_split(&text, '\n', &(*ret)[*ret_count]))
        (*ret_count)++;
    return ERR_OK;
}

static bool is_same(const void *context, uint32_t before, uint32_t after)
{
    const struct line_diff *diff = context;
    return str_equal(diff->before[before], diff->after[after]);
}

static void emit(void *context, enum edit edit, uint32_t before, uint32_t after)
{
    struct line_diff *diff = context;
    diff->edits[diff->count++] = (struct line_edit){ edit, before, after };
}

/* Whether a change is so near that the line belongs to its hunk. */
static bool is_shown(const struct line_diff *diff, uint32_t at)
{
    uint32_t first = at > CONTEXT_LINES ? at - CONTEXT_LINES : 0;
    for (uint32_t i = first; i < diff->count && i <= at + CONTEXT_LINES; i++)
        if (diff->edits[i].edit != EDIT_SAME)
            return true;
    return false;
}

static void print_line(struct buf *buf, const struct line_diff *diff, uint32_t at, bool has_colours)
{
    static const char signs[] = { [EDIT_SAME] = ' ', [EDIT_REMOVED] = '-', [EDIT_ADDED] = '+' };
    static const enum paint paints[] = {
        [EDIT_SAME] = PAINT_NONE, [EDIT_REMOVED] = PAINT_BAD, [EDIT_ADDED] = PAINT_GOOD
    };
    AUTO(buf) struct buf line = { 0 };
    const struct line_edit *edit = &diff->edits[at];
    struct str text = edit->edit == EDIT_ADDED ? diff->after[edit->after] : diff->before[edit->before];
    buf_add_byte(&line, signs[edit->edit]);
    buf_add(&line, text);
    paint_add(buf, paints[edit->edit], buf_str(&line), has_colours);
    buf_add_byte(buf, '\n');
    if (line.failed != ERR_OK)
        buf->failed = line.failed;
}

static void print_edits(struct buf *buf, const struct line_diff *diff, bool has_colours)
{
    bool was_shown = false;
    for (uint32_t i = 0; i < diff->count; i++) {
        bool shown = is_shown(diff, i);
        if (shown && !was_shown)
            buf_printf(buf, "@@ -%u +%u @@\n", diff->edits[i].before + 1, diff->edits[i].after + 1);
        if (shown)
            print_line(buf, diff, i, has_colours);
        was_shown = shown;
    }
}

enum err line_diff_print(
    struct buf *buf, struct str before, struct str after, bool has_colours, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct line_diff diff = { 0 };
    struct alignment alignment = { .is_same = is_same, .emit = emit, .context = &diff };
    if (str_equal(before, after))
        return ERR_OK;
    TRY(split(&arena, before, &diff.before, &alignment.before_count, why));
    TRY(split(&arena, after, &diff.after, &alignment.after_count, why));
    diff.edits = ARENA_ARRAY(
        &arena, (size_t)alignment.before_count + alignment.after_count + 1, struct line_edit);
    if (diff.edits == NULL)
        return err_memory(why);
    TRY(align_run(&alignment, why));
    print_edits(buf, &diff, has_colours);
    return buf_check(buf, why);
}
