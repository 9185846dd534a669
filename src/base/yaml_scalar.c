/* Plain and quoted scalars (YAML 1.2.2, chapter 7.3). */
#include <string.h>

#include "base/text.h"
#include "base/yaml_reader.h"

/* Ends a line inside a scalar and goes to the next line that has content, or to the end. Returns how many
 * line ends were passed. */
static unsigned skip_breaks(struct yaml_reader *r)
{
    unsigned breaks = 0;
    while (r->here.at < r->end && yaml_is_break(*r->here.at)) {
        yaml_next_line(r);
        r->here.at = r->here.content;
        breaks++;
    }
    return breaks;
}

/* One line end folds into a space, more of them into one less (production 73). */
static void add_fold(struct buf *text, unsigned breaks)
{
    if (breaks == 1)
        buf_add_byte(text, ' ');
    for (unsigned i = 1; i < breaks; i++)
        buf_add_byte(text, '\n');
}

static enum err finish(struct yaml_reader *r, struct yaml_node *node, struct str text)
{
    TRY(buf_check(&r->scratch, r->why));
    yaml_node_end(r, node);
    return arena_str(r->arena, text, &node->text, r->why);
}

/* --- plain ----------------------------------------------------------------------------------------- */

/* Production 127: what may follow '-', '?' and ':' inside a plain scalar. */
static bool is_plain_safe(const struct yaml_reader *r, const char *p, bool in_flow)
{
    return !yaml_is_space_at(r, p) && !(in_flow && yaml_is_flow_indicator(*p));
}

bool yaml_can_start_plain(const struct yaml_reader *r, bool in_flow)
{
    char c = yaml_peek(r);
    if (c == '-' || c == '?' || c == ':')
        return is_plain_safe(r, r->here.at + 1, in_flow);
    return !yaml_is_space_at(r, r->here.at) && strchr(",[]{}#&*!|>'\"%@`", c) == NULL;
}

/* The part of a plain scalar on this line; `at` ends behind its last byte that is no blank. Returns where
 * the scan stopped. */
static const char *scan_plain_line(struct yaml_reader *r, bool in_flow)
{
    const char *p = r->here.at, *last = p;
    for (; p < r->end && !yaml_is_break(*p); p++) {
        if (yaml_is_blank(*p))
            continue;
        if (*p == ':' && !is_plain_safe(r, p + 1, in_flow))
            break;
        if (*p == '#' && p > r->here.at && yaml_is_blank(p[-1]))
            break;
        if (in_flow && yaml_is_flow_indicator(*p))
            break;
        last = p + 1;
    }
    r->here.at = last;
    return p;
}

/* Does the scalar go on with the line of content that we have come to? */
static bool goes_on(const struct yaml_reader *r, int32_t indent_min, bool in_flow)
{
    if (r->here.at == r->end || r->here.indent < indent_min || *r->here.at == '#')
        return false;
    if (r->here.content == r->here.line_start && yaml_at_marker(r))
        return false;
    if (*r->here.at == ':' && !is_plain_safe(r, r->here.at + 1, in_flow))
        return false;
    return !(in_flow && yaml_is_flow_indicator(*r->here.at));
}

enum err yaml_read_plain(struct yaml_reader *r, int32_t indent_min, bool in_flow, struct yaml_node *node)
{
    const char *from = r->here.at;
    struct str text;
    bool is_folded = false;
    node->is_plain = true;
    for (;;) {
        const char *stop = scan_plain_line(r, in_flow);
        TRY(yaml_check_printable(r, from, r->here.at));
        text = (struct str){ from, (size_t)(r->here.at - from) };
        if (is_folded)
            buf_add(&r->scratch, text);
        if (stop < r->end && !yaml_is_break(*stop))
            break;
        struct yaml_place end = r->here;
        r->here.at = stop;
        unsigned breaks = skip_breaks(r);
        if (!goes_on(r, indent_min, in_flow)) {
            r->here = end;
            break;
        }
        if (!is_folded) {
            buf_clear(&r->scratch);
            buf_add(&r->scratch, text);
            is_folded = true;
        }
        add_fold(&r->scratch, breaks);
        from = r->here.at;
    }
    return finish(r, node, is_folded ? buf_str(&r->scratch) : text);
}

/* --- quoted ---------------------------------------------------------------------------------------- */

/* At a line end inside quotes: to the next content, adding the fold. The specification wants more
 * indentation than the key has. Published files (OpenAPI documents among them) go on in the key's column, so
 * that is taken too, but not in column 0: there a missing quote would swallow the keys that follow. */
static enum err fold_quoted(struct yaml_reader *r, int32_t indent_min, const char *open, bool is_escaped)
{
    unsigned breaks = skip_breaks(r);
    if (r->here.at == r->end)
        return ERR_OK; /* the caller says that the quote is missing */
    if (r->here.content == r->here.line_start && yaml_at_marker(r))
        return yaml_fail_at(r, open, "yaml_quote", "this quote is not closed before the document ends");
    if (r->here.indent < (indent_min > 1 ? indent_min - 1 : indent_min))
        return yaml_fail(r, "yaml_indent",
            "a quoted text goes on with less indentation than its key; indent the line, or the closing quote "
            "is missing");
    if (!is_escaped)
        add_fold(&r->scratch, breaks);
    for (unsigned i = 1; is_escaped && i < breaks; i++)
        buf_add_byte(&r->scratch, '\n');
    return ERR_OK;
}

/* Blanks before a line end are no content; the rest of the line is. */
static const char *trim_back(const char *from, const char *to)
{
    while (to > from && yaml_is_blank(to[-1]))
        to--;
    return to;
}

enum err yaml_read_single_quoted(struct yaml_reader *r, int32_t indent_min, struct yaml_node *node)
{
    const char *open = r->here.at++, *from = r->here.at;
    buf_clear(&r->scratch);
    for (;;) {
        while (!yaml_at_end_of_line(r) && *r->here.at != '\'')
            r->here.at++;
        const char *to = yaml_at_end_of_line(r) ? trim_back(from, r->here.at) : r->here.at;
        buf_add(&r->scratch, (struct str){ from, (size_t)(to - from) });
        if (r->here.at == r->end)
            return yaml_fail_at(r, open, "yaml_quote", "this quote is not closed");
        if (yaml_is_break(*r->here.at)) {
            TRY(fold_quoted(r, indent_min, open, false));
            from = r->here.at;
            continue;
        }
        r->here.at++;
        if (yaml_peek(r) != '\'')
            break;
        from = r->here.at++; /* '' is one ' */
    }
    return finish(r, node, buf_str(&r->scratch));
}

static bool read_hex(const struct yaml_reader *r, const char *p, int digits, uint32_t *ret)
{
    uint32_t code = 0;
    if (r->end - p < digits)
        return false;
    for (int i = 0; i < digits; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0)
            return false;
        code = code << 4 | (uint32_t)digit;
    }
    *ret = code;
    return true;
}

/* \xXX, \uXXXX and \UXXXXXXXX. JSON's pairs of surrogates are taken too: JSON is YAML. */
static enum err read_code_point(struct yaml_reader *r)
{
    int digits = *r->here.at == 'x' ? 2 : *r->here.at == 'u' ? 4 : 8;
    uint32_t code, low;
    if (!read_hex(r, r->here.at + 1, digits, &code))
        return yaml_fail(r, "yaml_escape", "hexadecimal digits are missing: \\xXX, \\uXXXX or \\UXXXXXXXX");
    const char *next = r->here.at + 1 + digits;
    if (code >= 0xd800 && code <= 0xdbff && r->end - next >= 2 && next[0] == '\\' && next[1] == 'u' &&
        read_hex(r, next + 2, 4, &low) && low >= 0xdc00 && low <= 0xdfff) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        next += 6;
    }
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return yaml_fail(r, "yaml_escape", "this number is no character");
    utf8_add(&r->scratch, code);
    r->here.at = next;
    return ERR_OK;
}

/* Behind the backslash (production 62). */
static enum err read_escape(struct yaml_reader *r)
{
    static const struct {
        char name;
        uint16_t code;
    } escapes[] = { { '0', 0 }, { 'a', 7 }, { 'b', 8 }, { 't', 9 }, { '\t', 9 }, { 'n', 10 }, { 'v', 11 },
        { 'f', 12 }, { 'r', 13 }, { 'e', 27 }, { ' ', ' ' }, { '"', '"' }, { '/', '/' }, { '\\', '\\' },
        { 'N', 0x85 }, { '_', 0xa0 }, { 'L', 0x2028 }, { 'P', 0x2029 } };
    char c = yaml_peek(r);
    if (c == 'x' || c == 'u' || c == 'U')
        return read_code_point(r);
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++) {
        if (escapes[i].name == c) {
            utf8_add(&r->scratch, escapes[i].code);
            r->here.at++;
            return ERR_OK;
        }
    }
    return yaml_fail(r, "yaml_escape", "no such escape; write a backslash as \\\\ or use single quotes");
}

/* To the next quote, backslash or line end; what is read goes to the scratch. */
static void read_quoted_part(struct yaml_reader *r)
{
    const char *from = r->here.at;
    while (!yaml_at_end_of_line(r) && *r->here.at != '"' && *r->here.at != '\\')
        r->here.at++;
    const char *to = yaml_at_end_of_line(r) ? trim_back(from, r->here.at) : r->here.at;
    buf_add(&r->scratch, (struct str){ from, (size_t)(to - from) });
}

enum err yaml_read_double_quoted(struct yaml_reader *r, int32_t indent_min, struct yaml_node *node)
{
    const char *open = r->here.at++;
    buf_clear(&r->scratch);
    for (;;) {
        read_quoted_part(r);
        if (r->here.at == r->end)
            return yaml_fail_at(r, open, "yaml_quote", "this quote is not closed");
        char c = *r->here.at;
        if (yaml_is_break(c)) {
            TRY(fold_quoted(r, indent_min, open, false));
            continue;
        }
        r->here.at++;
        if (c == '"')
            break;
        if (r->here.at < r->end && yaml_is_break(*r->here.at))
            TRY(fold_quoted(r, indent_min, open, true));
        else
            TRY(read_escape(r));
    }
    return finish(r, node, buf_str(&r->scratch));
}
