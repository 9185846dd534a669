#include "table.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "base/timetext.h"

#define COLUMNS_MAX 12
#define CELL_WIDTH_MAX 60
#define FIELD_NAME_WIDTH 14

bool table_has_colours(void)
{
    const char *refused = getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) && (refused == NULL || refused[0] == '\0');
}

void paint_add(struct buf *buf, enum paint paint, struct str text, bool has_colours)
{
    static const char *const codes[] = {
        [PAINT_GOOD] = "\033[32m",
        [PAINT_WARN] = "\033[33m",
        [PAINT_BAD] = "\033[31m",
        [PAINT_FAINT] = "\033[2m",
    };
    if (!has_colours || paint == PAINT_NONE) {
        buf_add(buf, text);
        return;
    }
    buf_add_text(buf, codes[paint]);
    buf_add(buf, text);
    buf_add_text(buf, "\033[0m");
}

enum paint paint_of_status(struct str word)
{
    static const struct {
        struct str word;
        enum paint paint;
    } words[] = {
        { STR_INIT("succeeded"), PAINT_GOOD },
        { STR_INIT("failed"), PAINT_BAD },
        { STR_INIT("uncertain"), PAINT_BAD },
        { STR_INIT("dead_letter"), PAINT_BAD },
        { STR_INIT("Critical"), PAINT_BAD },
        { STR_INIT("Fatal"), PAINT_BAD },
        { STR_INIT("High"), PAINT_BAD },
        { STR_INIT("waiting"), PAINT_WARN },
        { STR_INIT("queued"), PAINT_WARN },
        { STR_INIT("open"), PAINT_WARN },
        { STR_INIT("Medium"), PAINT_WARN },
        { STR_INIT("cancelled"), PAINT_FAINT },
        { STR_INIT("skipped"), PAINT_FAINT },
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (str_equal(words[i].word, word))
            return words[i].paint;
    return PAINT_NONE;
}

/* "2026-01-02T03:04:05.678Z" */
static bool is_time(struct str s)
{
    struct instant ignored;
    return s.size >= 20 && s.size <= 30 && s.data[10] == 'T' && s.data[s.size - 1] == 'Z' &&
        instant_parse(s, &ignored);
}

/* Control characters (C0, DEL, C1) become '?', so that nothing written by others drives the terminal. */
static void add_clean(struct buf *buf, struct str s, size_t width_max)
{
    size_t offset = 0;
    for (size_t width = 0; offset < s.size; width++) {
        size_t begin = offset;
        int32_t point = utf8_next(s, &offset);
        if (width_max > 0 && width + 1 == width_max && offset < s.size) {
            buf_add_text(buf, "…");
            return;
        }
        if (point < 0x20 || (point >= 0x7f && point < 0xa0))
            buf_add_byte(buf, point == '\n' || point == '\t' ? ' ' : '?');
        else
            buf_add(buf, str_slice(s, begin, offset));
    }
}

void table_add_json(struct buf *buf, struct value v)
{
    AUTO(buf) struct buf text = { 0 };
    json_print(&text, v, JSON_PRETTY);
    struct str rest = buf_str(&text), line;
    while (rest.size > 0 && str_split(&rest, '\n', &line)) {
        add_clean(buf, line, 0);
        buf_add_byte(buf, '\n');
    }
    if (text.failed != ERR_OK)
        buf->failed = text.failed;
}

/* ["a","b"] as "a, b". */
static bool join_texts(struct buf *text, struct value list)
{
    for (uint32_t i = 0; i < list.size; i++) {
        if (list.items[i].type != VALUE_STRING)
            return false;
        buf_add_text(text, i ? ", " : "");
        buf_add(text, value_str(list.items[i]));
    }
    return true;
}

void table_add_cell(struct buf *buf, struct value v, size_t width_max)
{
    AUTO(buf) struct buf text = { 0 };
    if (v.type == VALUE_NULL || (v.type == VALUE_LIST && v.size == 0)) {
        buf_add_byte(buf, '-');
    } else if (v.type == VALUE_LIST && join_texts(&text, v)) {
        add_clean(buf, buf_str(&text), width_max);
    } else if (v.type != VALUE_STRING) {
        buf_clear(&text);
        json_print(&text, v, 0);
        add_clean(buf, buf_str(&text), width_max);
    } else if (is_time(value_str(v))) {
        buf_printf(buf, "%.10s %.8sZ", v.bytes, v.bytes + 11);
    } else {
        add_clean(buf, value_str(v), width_max);
    }
    if (text.failed != ERR_OK)
        buf->failed = text.failed;
}

static size_t width_of(const struct buf *cell)
{
    return utf8_length(buf_str(cell));
}

static void add_blanks(struct buf *buf, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_add_byte(buf, ' ');
}

/* The last column needs no blanks behind it. */
static void add_padded(
    struct buf *buf, const struct buf *cell, enum paint paint, bool has_colours, size_t width, bool is_last)
{
    paint_add(buf, paint, buf_str(cell), has_colours);
    if (!is_last)
        add_blanks(buf, width + 2 - width_of(cell));
}

static void measure(const struct table_column *columns, struct value items, size_t *widths, struct buf *cell)
{
    for (size_t c = 0; columns[c].title; c++) {
        widths[c] = str_of(columns[c].title).size;
        for (uint32_t i = 0; i < items.size; i++) {
            buf_clear(cell);
            table_add_cell(cell, value_path(items.items[i], str_of(columns[c].path)), CELL_WIDTH_MAX);
            if (width_of(cell) > widths[c])
                widths[c] = width_of(cell);
        }
    }
}

void table_print(struct buf *buf, const struct table_column *columns, struct value items, bool has_colours)
{
    AUTO(buf) struct buf cell = { 0 };
    size_t widths[COLUMNS_MAX] = { 0 };
    measure(columns, items, widths, &cell);
    for (size_t c = 0; columns[c].title; c++) {
        buf_clear(&cell);
        buf_add_text(&cell, columns[c].title);
        add_padded(buf, &cell, PAINT_FAINT, has_colours, widths[c], columns[c + 1].title == NULL);
    }
    buf_add_byte(buf, '\n');
    for (uint32_t i = 0; i < items.size; i++) {
        for (size_t c = 0; columns[c].title; c++) {
            buf_clear(&cell);
            table_add_cell(&cell, value_path(items.items[i], str_of(columns[c].path)), CELL_WIDTH_MAX);
            add_padded(buf, &cell, paint_of_status(buf_str(&cell)), has_colours, widths[c],
                columns[c + 1].title == NULL);
        }
        buf_add_byte(buf, '\n');
    }
    if (cell.failed != ERR_OK)
        buf->failed = cell.failed;
}

/* Shown on the line of its name: whatever has no fields of its own. */
static bool is_flat(struct value v)
{
    if (v.type == VALUE_MAP)
        return v.size == 0;
    if (v.type != VALUE_LIST)
        return true;
    for (uint32_t i = 0; i < v.size; i++)
        if (v.items[i].type == VALUE_MAP || v.items[i].type == VALUE_LIST)
            return false;
    return true;
}

/* A text of several lines stands below its name, line for line. */
static bool is_block(struct value v)
{
    if (v.type != VALUE_STRING)
        return false;
    struct str s = value_str(v);
    const char *end = s.size ? memchr(s.data, '\n', s.size) : NULL;
    return end && (size_t)(end - s.data) + 1 < s.size;
}

static void add_block(struct buf *buf, struct str text, unsigned indent)
{
    struct str line;
    buf_add_text(buf, " |\n");
    while (text.size > 0 && str_split(&text, '\n', &line)) {
        if (line.size > 0)
            add_blanks(buf, indent);
        add_clean(buf, line, 0);
        buf_add_byte(buf, '\n');
    }
}

static void add_list(struct buf *buf, struct value list, unsigned indent)
{
    for (uint32_t i = 0; i < list.size; i++) {
        add_blanks(buf, indent);
        if (list.items[i].type == VALUE_MAP && list.items[i].size > 0) {
            buf_add_text(buf, "-\n");
            table_print_fields(buf, list.items[i], indent + 2);
        } else {
            buf_add_text(buf, "- ");
            table_add_cell(buf, list.items[i], 0);
            buf_add_byte(buf, '\n');
        }
    }
}

void table_print_fields(struct buf *buf, struct value map, unsigned indent)
{
    const struct value_entry *entries = value_map_entries(map);
    for (uint32_t i = 0; i < map.size; i++) {
        struct value v = entries[i].value;
        size_t begin = buf->size;
        add_blanks(buf, indent);
        table_add_cell(buf, entries[i].key, 0);
        buf_add_byte(buf, ':');
        if (is_block(v)) {
            add_block(buf, value_str(v), indent + 2);
            continue;
        }
        if (is_flat(v)) {
            size_t width = buf->size - begin - indent;
            add_blanks(buf, width < FIELD_NAME_WIDTH ? FIELD_NAME_WIDTH - width : 1);
            table_add_cell(buf, v, 0);
            buf_add_byte(buf, '\n');
            continue;
        }
        buf_add_byte(buf, '\n');
        if (v.type == VALUE_MAP)
            table_print_fields(buf, v, indent + 2);
        else
            add_list(buf, v, indent + 2);
    }
}
