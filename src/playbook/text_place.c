/* From a place in a scalar's text back to its place in the file. */
#include "playbook/reader.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Two readings of one scalar: as it stands in the file, and as YAML understands it. */
struct walk {
    struct str raw, text;
    size_t raw_at, text_at;
    char quote; /* '"', '\'' or 0 */
};

/* Behind the opening quote, or the line with a block scalar's `|` or `>`. */
static void skip_opening(struct walk *w)
{
    char first = w->raw.size > 0 ? w->raw.data[0] : 0;
    if (first == '"' || first == '\'') {
        w->quote = first;
        w->raw_at = 1;
    } else if (first == '|' || first == '>') {
        ptrdiff_t end = str_find_byte(w->raw, '\n', 0);
        w->raw_at = end < 0 ? w->raw.size : (size_t)end + 1;
    }
}

/* An escape of a double-quoted text stands for one code point; a backslash at a line's end for nothing. */
static void skip_escape(struct walk *w)
{
    char kind = w->raw_at + 1 < w->raw.size ? w->raw.data[w->raw_at + 1] : 0;
    w->raw_at += kind == 'x' ? 4 : kind == 'u' ? 6 : kind == 'U' ? 10 : 2;
    if (kind == '\n' || kind == '\r')
        return;
    w->text_at++;
    while (w->text_at < w->text.size && ((unsigned char)w->text.data[w->text_at] & 0xc0) == 0x80)
        w->text_at++;
}

/* False where the two no longer go together. */
static bool step(struct walk *w)
{
    char raw = w->raw.data[w->raw_at], text = w->text.data[w->text_at];
    if (w->quote == '"' && raw == '\\') {
        skip_escape(w);
    } else if (raw == text) {
        w->raw_at += w->quote == '\'' && raw == '\'' ? 2 : 1;
        w->text_at++;
    } else if (is_blank(raw)) { /* indentation, or a folded line's end */
        w->raw_at++;
    } else if (is_blank(text)) {
        w->text_at++;
    } else {
        return false;
    }
    return true;
}

static size_t start_of(struct str source, const struct yaml_node *node)
{
    size_t at = 0;
    for (uint32_t line = 1; line < node->line && at < source.size; at++)
        if (source.data[at] == '\n')
            line++;
    return at + node->column - 1;
}

struct text_place reader_place(const struct reader *r, const struct yaml_node *node, size_t offset)
{
    struct text_place place = { node->line, node->column };
    struct walk w = { .raw = str_slice(r->source, start_of(r->source, node), r->source.size),
        .text = node->text };
    skip_opening(&w);
    while (w.text_at < offset && w.text_at < w.text.size && w.raw_at < w.raw.size)
        if (!step(&w))
            return place;
    while (w.text_at < w.text.size && !is_blank(w.text.data[w.text_at]) && w.raw_at < w.raw.size &&
        is_blank(w.raw.data[w.raw_at]))
        w.raw_at++;
    for (size_t i = 0; i < w.raw_at && i < w.raw.size; i++) {
        place.column++;
        if (w.raw.data[i] == '\n') {
            place.line++;
            place.column = 1;
        }
    }
    return place;
}
