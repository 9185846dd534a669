/* Literal and folded scalars (YAML 1.2.2, chapter 8.1). */
#include "base/yaml_reader.h"

enum chomp { CHOMP_CLIP, CHOMP_STRIP, CHOMP_KEEP };

struct block_scalar {
    bool is_folded;
    enum chomp chomp;
    int32_t indent; /* spaces before each line's content; -1 until the first line tells */
};

/* "|" or ">", a digit and a sign in either order, a comment (productions 162 to 164). */
static enum err read_header(struct yaml_reader *r, int32_t indent, struct block_scalar *ret)
{
    struct block_scalar scalar = { .is_folded = *r->here.at == '>', .indent = -1 };
    bool has_sign = false;
    for (r->here.at++; !yaml_is_space_at(r, r->here.at); r->here.at++) {
        char c = *r->here.at;
        if ((c == '+' || c == '-') && !has_sign) {
            scalar.chomp = c == '+' ? CHOMP_KEEP : CHOMP_STRIP;
            has_sign = true;
        } else if (c >= '1' && c <= '9' && scalar.indent < 0) {
            scalar.indent = (indent < 0 ? 0 : indent) + (c - '0');
        } else {
            return yaml_fail(r, "yaml_block_scalar",
                "behind | or > only a digit from 1 to 9, + or -, and a comment may stand; the text begins on "
                "the next line");
        }
    }
    TRY(yaml_expect_end_of_line(r));
    *ret = scalar;
    return ERR_OK;
}

/* Finds the indentation from the first line that has content. Lines of spaces before it must not be
 * longer, since those spaces would be content (production 163, "It is an error"). */
static enum err detect_indent(struct yaml_reader *r, int32_t indent_min, struct block_scalar *scalar)
{
    struct yaml_place start = r->here;
    int32_t most = 0;
    const char *longest = r->here.at;
    for (;;) {
        const char *p = r->here.line_start + r->here.indent;
        bool is_blank = p == r->end || yaml_is_break(*p);
        if (is_blank && r->here.indent > most) {
            most = r->here.indent;
            longest = p;
        }
        if (!is_blank || p == r->end) {
            scalar->indent = r->here.indent > indent_min && !is_blank ? r->here.indent : indent_min;
            break;
        }
        r->here.at = p;
        yaml_next_line(r);
    }
    bool has_content = r->here.line_start + r->here.indent < r->end && r->here.indent >= indent_min;
    r->here = start;
    if (has_content && most > scalar->indent)
        return yaml_fail_at(r, longest, "yaml_indent",
            "an empty line has more spaces than the first line of this text; take them away");
    if (!has_content && most > scalar->indent)
        scalar->indent = most;
    return ERR_OK;
}

/* Is the line we stand on part of the scalar? `*ret_is_empty` when it has nothing but indentation. */
static bool is_inside(struct yaml_reader *r, const struct block_scalar *scalar, bool *ret_is_empty)
{
    if (r->here.line_start == r->end)
        return false;
    const char *p = r->here.line_start + (r->here.indent < scalar->indent ? r->here.indent : scalar->indent);
    *ret_is_empty = p == r->end || yaml_is_break(*p);
    if (*ret_is_empty)
        return true;
    return r->here.indent >= scalar->indent && !yaml_at_marker(r);
}

/* Adds the line ends between two lines of content; a fold joins two lines that are not more indented. */
static void add_breaks(struct buf *text, unsigned breaks, bool folds)
{
    if (folds && breaks == 1)
        buf_add_byte(text, ' ');
    for (unsigned i = folds ? 1 : 0; i < breaks; i++)
        buf_add_byte(text, '\n');
}

static enum err read_lines(struct yaml_reader *r, const struct block_scalar *scalar)
{
    unsigned breaks = 0;
    bool has_content = false, was_spaced = false, is_empty;
    bool ends_early = false; /* the file ends without ending its last line, which counts all the same */
    while (is_inside(r, scalar, &is_empty)) {
        const char *from = r->here.line_start + scalar->indent;
        r->here.at = is_empty ? r->here.line_start + r->here.indent : from;
        while (!yaml_at_end_of_line(r))
            r->here.at++;
        if (!is_empty) {
            bool is_spaced = yaml_is_blank(*from);
            TRY(yaml_check_printable(r, from, r->here.at));
            add_breaks(&r->scratch, breaks, scalar->is_folded && has_content && !was_spaced && !is_spaced);
            buf_add(&r->scratch, (struct str){ from, (size_t)(r->here.at - from) });
            breaks = 0;
            was_spaced = is_spaced;
            has_content = true;
        }
        ends_early = r->here.at == r->end;
        if (ends_early)
            break;
        breaks++;
        yaml_next_line(r);
    }
    if (scalar->chomp == CHOMP_CLIP && has_content)
        buf_add_byte(&r->scratch, '\n');
    if (scalar->chomp == CHOMP_KEEP)
        for (unsigned i = 0; i < breaks + ends_early; i++)
            buf_add_byte(&r->scratch, '\n');
    return ERR_OK;
}

enum err yaml_read_block_scalar(struct yaml_reader *r, int32_t indent, struct yaml_node *node)
{
    struct block_scalar scalar = { 0 };
    TRY(read_header(r, indent, &scalar));
    yaml_node_end(r, node);
    buf_clear(&r->scratch);
    if (r->here.at < r->end) {
        yaml_next_line(r);
        if (scalar.indent < 0)
            TRY(detect_indent(r, indent + 1, &scalar));
        TRY(read_lines(r, &scalar));
        /* An empty line may be indented less than the text, but by spaces (production 70). */
        const char *p = r->here.content;
        bool is_empty = r->here.at == r->here.line_start && (p == r->end || yaml_is_break(*p));
        if (is_empty && p - r->here.line_start != r->here.indent)
            return yaml_fail_at(
                r, r->here.line_start + r->here.indent, "yaml_tab", "a tab can't indent; use spaces");
        yaml_node_end(r, node);
    }
    TRY(buf_check(&r->scratch, r->why));
    return arena_str(r->arena, buf_str(&r->scratch), &node->text, r->why);
}
