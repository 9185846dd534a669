#include "base/yaml_reader.h"

#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"

/* Fills what is known of a line from its start. */
static void start_line(struct yaml_reader *r, const char *line_start)
{
    const char *p = line_start;
    while (p < r->end && *p == ' ')
        p++;
    r->here.line_start = line_start;
    r->here.indent = (int32_t)(p - line_start);
    while (p < r->end && yaml_is_blank(*p))
        p++;
    r->here.content = p;
    r->here.at = line_start;
}

void yaml_reader_init(struct yaml_reader *r, struct arena *arena, struct str text, struct err_info *why)
{
    const char *data = text.data ? text.data : "";
    *r = (struct yaml_reader){ .start = data, .end = data + text.size, .arena = arena, .why = why };
    r->here.line = 1;
    start_line(r, data);
}

void yaml_reader_done(struct yaml_reader *r)
{
    buf_done(&r->scratch);
    memory_free((void *)r->stack);
    memory_free(r->anchors);
    memory_free(r->handles);
}

bool yaml_is_space_at(const struct yaml_reader *r, const char *p)
{
    return p >= r->end || yaml_is_blank(*p) || yaml_is_break(*p);
}

bool yaml_at_indicator(const struct yaml_reader *r, char c)
{
    return yaml_peek(r) == c && yaml_is_space_at(r, r->here.at + 1);
}

bool yaml_at_marker(const struct yaml_reader *r)
{
    const char *p = r->here.at;
    if (p != r->here.line_start || r->end - p < 3)
        return false;
    return (memcmp(p, "---", 3) == 0 || memcmp(p, "...", 3) == 0) && yaml_is_space_at(r, p + 3);
}

void yaml_next_line(struct yaml_reader *r)
{
    const char *p = r->here.at;
    p += r->end - p >= 2 && p[0] == '\r' && p[1] == '\n' ? 2 : 1;
    r->here.line++;
    start_line(r, p);
}

static void skip_to_end_of_line(struct yaml_reader *r)
{
    while (!yaml_at_end_of_line(r))
        r->here.at++;
}

struct yaml_gap yaml_skip_gap(struct yaml_reader *r)
{
    bool has_tab = false;
    for (;;) {
        bool was_blank = r->here.at <= r->here.content;
        for (; r->here.at < r->end && yaml_is_blank(*r->here.at); r->here.at++) {
            has_tab |= *r->here.at == '\t';
            was_blank = true;
        }
        if (yaml_peek(r) == '#' && was_blank)
            skip_to_end_of_line(r);
        if (r->here.at == r->end || !yaml_is_break(*r->here.at))
            break;
        yaml_next_line(r);
        has_tab = false;
    }
    bool is_line_start = r->here.at == r->here.content;
    /* The blanks may have been passed before. */
    if (is_line_start)
        has_tab = r->here.content - r->here.line_start != r->here.indent;
    return (struct yaml_gap){ is_line_start, has_tab };
}

enum err yaml_expect_end_of_line(struct yaml_reader *r)
{
    const char *from = r->here.at;
    while (r->here.at < r->end && yaml_is_blank(*r->here.at))
        r->here.at++;
    if (yaml_at_end_of_line(r))
        return ERR_OK;
    if (*r->here.at == '#') {
        if (r->here.at == from)
            return yaml_fail(r, "yaml_comment", "a space is missing before the # of a comment");
        skip_to_end_of_line(r);
        return ERR_OK;
    }
    if (*r->here.at == ':' && yaml_is_space_at(r, r->here.at + 1))
        return yaml_fail(r, "yaml_colon", "no key can stand here; put quotes around a text that holds ': '");
    return yaml_fail(
        r, "yaml_syntax", "the value has ended and something follows it; put quotes around the whole text");
}

enum err yaml_check_printable(struct yaml_reader *r, const char *from, const char *to)
{
    for (const char *p = from; p < to; p++) {
        if ((unsigned char)*p < 0x7f)
            continue;
        size_t offset = 0;
        int32_t c = utf8_next((struct str){ p, (size_t)(to - p) }, &offset);
        if ((c >= 0x7f && c <= 0x9f && c != 0x85) || c == 0xfeff || c == 0xfffe || c == 0xffff)
            return yaml_fail_at(
                r, p, "yaml_control", "a control character; write it as an escape in double quotes");
        p += offset - 1;
    }
    return ERR_OK;
}

/* The line is searched from the start: a failure may be at a place that was passed long ago. */
static enum err fail(struct yaml_reader *r, const char *at, enum err code, const char *name, const char *text)
{
    uint32_t line = 1;
    const char *line_start = r->start;
    for (const char *p = r->start; p < at; p++) {
        if (*p == '\n' || (*p == '\r' && !(p + 1 < r->end && p[1] == '\n'))) {
            line++;
            line_start = p + 1;
        }
    }
    return err_at(r->why, code, name, line, (uint32_t)(at - line_start) + 1, "%s", text);
}

enum err yaml_fail_at(struct yaml_reader *r, const char *at, const char *name, const char *text)
{
    (void)fail(r, at, ERR_INVALID, name, text);
    return ERR_INVALID; /* said again, since no compiler sees it in the call */
}

enum err yaml_fail(struct yaml_reader *r, const char *name, const char *text)
{
    return yaml_fail_at(r, r->here.at, name, text);
}

enum err yaml_fail_limit(struct yaml_reader *r, const char *name, const char *text)
{
    (void)fail(r, r->here.at, ERR_LIMIT, name, text);
    return ERR_LIMIT;
}
