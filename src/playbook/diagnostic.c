#include "playbook/diagnostic.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

void diagnostics_init(struct diagnostics *found, struct arena *arena, struct str file)
{
    *found = (struct diagnostics){ .arena = arena, .file = file };
}

static bool grow(struct diagnostics *found)
{
    if (found->count < found->room)
        return true;
    uint32_t room = found->room ? found->room * 2 : 16;
    struct diagnostic *items = ARENA_ARRAY(found->arena, room, struct diagnostic);
    if (items == NULL)
        return false;
    if (found->count > 0)
        memcpy(items, found->items, found->count * sizeof *items);
    found->items = items;
    found->room = room;
    return true;
}

void diagnostics_lack_memory(struct diagnostics *found)
{
    found->is_out_of_memory = true;
    found->error_count++;
}

void diagnostics_add(struct diagnostics *found, enum diagnostic_level level, const char *code, uint32_t line,
    uint32_t column, const char *format, ...)
{
    char text[ERR_TEXT_BYTES_MAX];
    struct str copy;
    va_list list;
    if (level == DIAGNOSTIC_ERROR)
        found->error_count++;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    if (found->count >= DIAGNOSTICS_MAX)
        return;
    if (!grow(found) || arena_str(found->arena, str_of(text), &copy, NULL) != ERR_OK) {
        diagnostics_lack_memory(found);
        return;
    }
    found->items[found->count++] = (struct diagnostic){ level, found->file, line, column, code, copy };
}

void diagnostics_add_text(struct diagnostics *found, enum diagnostic_level level, const char *code,
    uint32_t line, uint32_t column, const struct buf *text)
{
    if (text->failed != ERR_OK)
        diagnostics_lack_memory(found);
    else
        diagnostics_add(found, level, code, line, column, "%.*s", STR_ARG(buf_str(text)));
}

static int compare(const void *left, const void *right)
{
    const struct diagnostic *a = left, *b = right;
    int order = str_compare(a->file, b->file);
    if (order == 0)
        order = a->line < b->line ? -1 : a->line > b->line;
    if (order == 0)
        order = a->column < b->column ? -1 : a->column > b->column;
    return order;
}

void diagnostics_sort(struct diagnostics *found)
{
    if (found->count > 1)
        qsort(found->items, found->count, sizeof *found->items, compare);
}

static const char *level_name(enum diagnostic_level level)
{
    return level == DIAGNOSTIC_ERROR ? "error" : "warning";
}

void diagnostic_print(struct buf *buf, const struct diagnostic *item)
{
    buf_printf(buf, "%.*s:%u:%u: %s: %.*s [%s]", STR_ARG(item->file), item->line, item->column,
        level_name(item->level), STR_ARG(item->text), item->code);
}

void diagnostic_print_json(struct buf *buf, const struct diagnostic *item)
{
    buf_add_text(buf, "{\"file\":");
    json_print_string(buf, item->file);
    buf_printf(buf, ",\"line\":%u,\"column\":%u,\"level\":\"%s\",\"code\":\"%s\",\"text\":", item->line,
        item->column, level_name(item->level), item->code);
    json_print_string(buf, item->text);
    buf_add_byte(buf, '}');
}
