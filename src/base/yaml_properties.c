/* Tags and anchors (YAML 1.2.2, chapter 6.9), and the directives before a document (6.8). */
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/yaml_reader.h"

#define HANDLES_MAX 100 /* %TAG directives of one document */

/* --- anchors --------------------------------------------------------------------------------------- */

enum err yaml_read_anchor_name(struct yaml_reader *r, struct str *ret)
{
    const char *from = r->here.at;
    while (!yaml_is_space_at(r, r->here.at) && !yaml_is_flow_indicator(*r->here.at))
        r->here.at++;
    if (r->here.at == from)
        return yaml_fail(
            r, "yaml_anchor", "a name is missing here; put quotes around a text that begins with & or *");
    TRY(yaml_check_printable(r, from, r->here.at));
    *ret = (struct str){ from, (size_t)(r->here.at - from) };
    return ERR_OK;
}

enum err yaml_anchor_open(
    struct yaml_reader *r, const struct yaml_properties *properties, uint32_t *ret_anchor)
{
    *ret_anchor = UINT32_MAX;
    if (!properties->has_anchor)
        return ERR_OK;
    if (r->anchor_count == r->anchor_room) {
        uint32_t room = r->anchor_room ? r->anchor_room * 2 : 8;
        struct yaml_anchor *anchors = memory_realloc(r->anchors, room * sizeof *anchors);
        if (anchors == NULL)
            return err_memory(r->why);
        r->anchors = anchors;
        r->anchor_room = room;
    }
    r->anchors[r->anchor_count] = (struct yaml_anchor){ .name = properties->anchor,
        .node_count = r->node_count };
    *ret_anchor = r->anchor_count++;
    return ERR_OK;
}

void yaml_anchor_close(struct yaml_reader *r, uint32_t anchor, const struct yaml_node *node)
{
    if (anchor == UINT32_MAX)
        return;
    r->anchors[anchor].node = node;
    r->anchors[anchor].node_count = r->node_count - r->anchors[anchor].node_count;
}

/* --- tags ------------------------------------------------------------------------------------------ */

/* Production 39, without the percent sign. */
static bool is_uri_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
        (c != '\0' && strchr("-#;/?:@&=+$,_.!~*'()[]", c) != NULL);
}

static bool is_word_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
}

/* The handle here: "!", "!!" or "!word!"; empty when none is complete. */
static struct str peek_handle(const struct yaml_reader *r)
{
    const char *p = r->here.at;
    if (p >= r->end || *p != '!')
        return (struct str){ p, 0 };
    const char *end = p + 1;
    while (end < r->end && is_word_char(*end))
        end++;
    bool is_named = end < r->end && *end == '!';
    return (struct str){ p, is_named ? (size_t)(end + 1 - p) : 1 };
}

static struct str handle_prefix(const struct yaml_reader *r, struct str handle)
{
    for (uint32_t i = 0; i < r->handle_count; i++)
        if (str_equal(r->handles[i].handle, handle))
            return r->handles[i].prefix;
    if (str_equal(handle, STR("!")))
        return STR("!");
    return str_equal(handle, STR("!!")) ? STR("tag:yaml.org,2002:") : (struct str){ NULL, 0 };
}

static enum err keep_tag(struct yaml_reader *r, const char *at, struct str *ret)
{
    TRY(buf_check(&r->scratch, r->why));
    struct str tag = buf_str(&r->scratch);
    if (!utf8_is_valid(tag))
        return yaml_fail_at(r, at, "yaml_tag", "this tag's escapes are not UTF-8");
    return arena_str(r->arena, tag, ret, r->why);
}

/* "!<tag:example.com,2000:thing>" */
static enum err read_verbatim(struct yaml_reader *r, struct str *ret)
{
    const char *open = r->here.at, *from = open + 2;
    r->here.at = from;
    while (r->here.at < r->end && (is_uri_char(*r->here.at) || *r->here.at == '%'))
        r->here.at++;
    struct str uri = { from, (size_t)(r->here.at - from) };
    if (yaml_peek(r) != '>' || uri.size == 0 || str_equal(uri, STR("!")))
        return yaml_fail_at(r, open, "yaml_tag", "a tag in < > must be a whole URI");
    r->here.at++;
    buf_clear(&r->scratch);
    if (!percent_decode(&r->scratch, uri, false))
        return yaml_fail_at(r, open, "yaml_tag", "a % in a tag needs two hexadecimal digits");
    return keep_tag(r, open, ret);
}

static enum err read_tag(struct yaml_reader *r, struct str *ret)
{
    const char *open = r->here.at;
    if (r->end - open >= 2 && open[1] == '<')
        return read_verbatim(r, ret);
    struct str handle = peek_handle(r);
    r->here.at += handle.size;
    const char *from = r->here.at;
    while (r->here.at < r->end && (is_uri_char(*r->here.at) || *r->here.at == '%') && *r->here.at != '!' &&
        !yaml_is_flow_indicator(*r->here.at))
        r->here.at++;
    struct str suffix = { from, (size_t)(r->here.at - from) }, prefix = handle_prefix(r, handle);
    if (prefix.data == NULL)
        return yaml_fail_at(r, open, "yaml_tag", "this tag's handle has no %TAG line before the document");
    if (suffix.size == 0 && handle.size > 1)
        return yaml_fail_at(r, open, "yaml_tag", "this tag has no name behind its last !");
    buf_clear(&r->scratch);
    buf_add(&r->scratch, suffix.size ? prefix : STR("!"));
    if (!percent_decode(&r->scratch, suffix, false))
        return yaml_fail_at(r, open, "yaml_tag", "a % in a tag needs two hexadecimal digits");
    return keep_tag(r, open, ret);
}

/* --- properties ------------------------------------------------------------------------------------ */

enum err yaml_read_property(struct yaml_reader *r, bool in_flow, struct yaml_properties *properties)
{
    const char *from = r->here.at;
    if (properties->place.at == NULL)
        properties->place = r->here;
    if (*from == '&') {
        if (properties->has_anchor)
            return yaml_fail(r, "yaml_anchor", "a second anchor for one node; a node has one name");
        r->here.at++;
        TRY(yaml_read_anchor_name(r, &properties->anchor));
        properties->has_anchor = true;
        properties->anchor_at = from;
    } else {
        if (properties->has_tag)
            return yaml_fail(r, "yaml_tag", "a second tag for one node");
        TRY(read_tag(r, &properties->tag));
        properties->has_tag = true;
        properties->tag_at = from;
    }
    properties->end = r->here;
    bool ends = yaml_is_space_at(r, r->here.at) || (in_flow && yaml_is_flow_indicator(*r->here.at));
    if (!ends)
        return yaml_fail(r, *from == '&' ? "yaml_anchor" : "yaml_tag",
            *from == '&' ? "this can't be in an anchor's name; put quotes around a text that begins with &"
                         : "this can't be in a tag; put quotes around a text that begins with !");
    return ERR_OK;
}

enum err yaml_properties_merge(
    struct yaml_reader *r, struct yaml_properties *outer, const struct yaml_properties *inner)
{
    if (outer->has_anchor && inner->has_anchor)
        return yaml_fail_at(
            r, inner->anchor_at, "yaml_anchor", "a second anchor for one node; a node has one name");
    if (outer->has_tag && inner->has_tag)
        return yaml_fail_at(r, inner->tag_at, "yaml_tag", "a second tag for one node");
    if (outer->place.at == NULL)
        outer->place = inner->place;
    if (inner->place.at != NULL)
        outer->end = inner->end;
    if (inner->has_anchor) {
        outer->has_anchor = true;
        outer->anchor = inner->anchor;
        outer->anchor_at = inner->anchor_at;
    }
    if (inner->has_tag) {
        outer->has_tag = true;
        outer->tag = inner->tag;
        outer->tag_at = inner->tag_at;
    }
    return ERR_OK;
}

/* --- directives ------------------------------------------------------------------------------------ */

/* The next word of the line; empty before a comment and at the line's end. */
static struct str read_word(struct yaml_reader *r)
{
    const char *p = r->here.at;
    while (p < r->end && yaml_is_blank(*p))
        p++;
    if (yaml_is_space_at(r, p) || *p == '#')
        return (struct str){ p, 0 };
    r->here.at = p;
    while (!yaml_is_space_at(r, r->here.at))
        r->here.at++;
    return (struct str){ p, (size_t)(r->here.at - p) };
}

static enum err read_version(struct yaml_reader *r, bool *has_version)
{
    struct str word = read_word(r), major;
    uint64_t number, minor;
    if (*has_version)
        return yaml_fail_at(r, word.data, "yaml_directive", "a second %YAML line");
    if (!str_split(&word, '.', &major) || !str_to_uint(major, &number) || !str_to_uint(word, &minor))
        return yaml_fail(r, "yaml_directive", "%YAML needs a version, such as %YAML 1.2");
    if (number != 1)
        return yaml_fail_at(r, major.data, "yaml_directive", "only YAML 1 can be read here");
    *has_version = true;
    return ERR_OK;
}

static enum err read_tag_handle(struct yaml_reader *r)
{
    struct str handle = read_word(r), prefix = read_word(r), copy;
    bool is_handle = handle.size > 0 && handle.data[0] == '!' && handle.data[handle.size - 1] == '!';
    for (size_t i = 1; is_handle && i + 1 < handle.size; i++)
        is_handle = is_word_char(handle.data[i]);
    if (!is_handle || prefix.size == 0)
        return yaml_fail(r, "yaml_directive",
            "%TAG needs a handle and what it stands for: %TAG !e! tag:example.com,2000:");
    for (uint32_t i = 0; i < r->handle_count; i++)
        if (str_equal(r->handles[i].handle, handle))
            return yaml_fail_at(r, handle.data, "yaml_directive", "a second %TAG line for one handle");
    if (r->handle_count == HANDLES_MAX)
        return yaml_fail_limit(r, "yaml_directive", "too many %TAG lines");
    if (r->handle_count == r->handle_room) {
        uint32_t room = r->handle_room ? r->handle_room * 2 : 4;
        struct yaml_tag_handle *handles = memory_realloc(r->handles, room * sizeof *handles);
        if (handles == NULL)
            return err_memory(r->why);
        r->handles = handles;
        r->handle_room = room;
    }
    buf_clear(&r->scratch);
    if (!percent_decode(&r->scratch, prefix, false))
        return yaml_fail_at(r, prefix.data, "yaml_directive", "a % here needs two hexadecimal digits");
    TRY(keep_tag(r, prefix.data, &copy));
    r->handles[r->handle_count++] = (struct yaml_tag_handle){ handle, copy };
    return ERR_OK;
}

enum err yaml_read_directives(struct yaml_reader *r, bool *ret_any)
{
    bool has_version = false;
    r->handle_count = 0;
    *ret_any = false;
    while (yaml_peek(r) == '%' && r->here.at == r->here.line_start) {
        *ret_any = true;
        r->here.at++;
        struct str name = read_word(r);
        if (str_equal(name, STR("YAML")))
            TRY(read_version(r, &has_version));
        else if (str_equal(name, STR("TAG")))
            TRY(read_tag_handle(r));
        else
            while (read_word(r).size > 0) /* reserved: "should be ignored" (6.8) */
                continue;
        TRY(yaml_expect_end_of_line(r));
        (void)yaml_skip_gap(r); /* whether a line follows is the caller's question */
    }
    return ERR_OK;
}
