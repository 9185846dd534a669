/* Flow style: what stands between brackets, and the scalars (YAML 1.2.2, chapter 7). */
#include "base/yaml_reader.h"

#define KEY_BYTES_MAX 1024 /* of a key without '?' (7.4.2) */

static const struct yaml_properties no_properties = { 0 };

static enum err read_flow_node(
    struct yaml_reader *r, int32_t indent_min, const char *open, struct yaml_node **ret);

/* To the next thing inside brackets. Lines need `indent_min` spaces; a closing bracket may stand one
 * further left, at its key's column: the specification forbids that, but people write it so and there is
 * nothing else it could mean. */
static enum err flow_gap(struct yaml_reader *r, int32_t indent_min, const char *open)
{
    struct yaml_gap gap = yaml_skip_gap(r);
    if (r->here.at == r->end || yaml_at_marker(r))
        return yaml_fail_at(r, open, "yaml_bracket", "this bracket is not closed");
    char c = *r->here.at;
    bool is_close = c == ']' || c == '}';
    if (gap.is_line_start && r->here.indent < indent_min - (is_close && !gap.has_tab))
        return yaml_fail(r, gap.has_tab ? "yaml_tab" : "yaml_indent",
            gap.has_tab ? "a tab can't indent; use spaces"
                        : "inside brackets this line needs more indentation than its key; or a bracket is "
                          "not closed");
    return ERR_OK;
}

/* ':' as the sign of a value. Behind a quoted key or a bracket it needs no space (production 153). */
static bool at_value_sign(const struct yaml_reader *r, const struct yaml_node *key)
{
    if (yaml_peek(r) != ':')
        return false;
    const char *next = r->here.at + 1;
    bool is_json_like = key != NULL && !key->is_plain && !key->is_alias;
    return is_json_like || yaml_is_space_at(r, next) || yaml_is_flow_indicator(*next);
}

/* At the end of an entry, so that a key or value is empty. */
static bool at_entry_end(const struct yaml_reader *r)
{
    char c = yaml_peek(r);
    return c == ',' || c == ']' || c == '}';
}

static enum err missing_comma(struct yaml_reader *r, char close)
{
    if (yaml_peek(r) == '{' && r->here.at > r->start && r->here.at[-1] == '$')
        return yaml_fail(r, "yaml_flow_expression", "put quotes around ${{ … }} inside { } and [ ]");
    if (yaml_peek(r) == ':')
        return yaml_fail(r, "yaml_colon", "no key can stand here; put quotes around a text that holds ':'");
    return yaml_fail(
        r, "yaml_bracket", close == ']' ? "',' or ']' should stand here" : "',' or '}' should stand here");
}

/* --- keys and values ------------------------------------------------------------------------------- */

/* The value behind a ':' that has been passed. */
static enum err read_flow_value(
    struct yaml_reader *r, int32_t indent_min, const char *open, struct yaml_node **ret)
{
    struct yaml_place place = r->here;
    TRY(flow_gap(r, indent_min, open));
    if (!at_entry_end(r))
        return read_flow_node(r, indent_min, open, ret);
    struct yaml_place next = r->here;
    r->here = place; /* an empty value stands right behind its ':' */
    TRY(yaml_node_empty(r, &no_properties, ret));
    r->here = next;
    return ERR_OK;
}

/* Behind a key: its value, or an empty one. Pushes both. */
static enum err read_pair_rest(
    struct yaml_reader *r, int32_t indent_min, const char *open, struct yaml_node *key)
{
    struct yaml_node *value = NULL;
    TRY(yaml_push(r, key));
    TRY(flow_gap(r, indent_min, open));
    if (at_value_sign(r, key)) {
        r->here.at++;
        TRY(read_flow_value(r, indent_min, open, &value));
    } else {
        TRY(yaml_node_empty(r, &no_properties, &value));
    }
    return yaml_push(r, value);
}

/* The key behind '?', or where ':' says that there is none. */
static enum err read_explicit_key(
    struct yaml_reader *r, int32_t indent_min, const char *open, struct yaml_node **ret)
{
    if (yaml_at_indicator(r, '?'))
        r->here.at++;
    TRY(flow_gap(r, indent_min, open));
    if (at_entry_end(r) || at_value_sign(r, NULL))
        return yaml_node_empty(r, &no_properties, ret);
    return read_flow_node(r, indent_min, open, ret);
}

/* --- collections ----------------------------------------------------------------------------------- */

/* "[a: b]": a mapping of one pair inside a sequence. The key's nodes are counted already; an anchor on
 * the key is the key's. */
static enum err wrap_pair(struct yaml_reader *r, int32_t indent_min, const char *open, struct yaml_node *key,
    const struct yaml_place *place, struct yaml_node **ret)
{
    struct yaml_node *pair;
    uint32_t base = r->stack_count;
    TRY(yaml_enter(r));
    TRY(yaml_node_new(r, YAML_MAPPING, &no_properties, place, &pair));
    TRY(read_pair_rest(r, indent_min, open, key));
    TRY(yaml_mapping_close(r, base, pair));
    yaml_leave(r);
    *ret = pair;
    return ERR_OK;
}

static enum err read_sequence_entry(
    struct yaml_reader *r, int32_t indent_min, const char *open, struct yaml_node **ret)
{
    struct yaml_place place = r->here;
    struct yaml_node *node;
    if (yaml_at_indicator(r, '?') || at_value_sign(r, NULL)) {
        TRY(read_explicit_key(r, indent_min, open, &node));
        return wrap_pair(r, indent_min, open, node, &place, ret);
    }
    TRY(read_flow_node(r, indent_min, open, &node));
    struct yaml_place end = r->here;
    while (r->here.at < r->end && yaml_is_blank(*r->here.at))
        r->here.at++;
    if (!at_value_sign(r, node)) {
        r->here = end;
        *ret = node;
        return ERR_OK;
    }
    if (place.line != r->here.line || r->here.at - place.at > KEY_BYTES_MAX)
        return yaml_fail_at(
            r, place.at, "yaml_key", "a key must stand on one line with its ':', or begin with '? '");
    return wrap_pair(r, indent_min, open, node, &place, ret);
}

static enum err read_mapping_entry(struct yaml_reader *r, int32_t indent_min, const char *open)
{
    struct yaml_node *key = NULL;
    if (yaml_at_indicator(r, '?') || at_value_sign(r, NULL))
        TRY(read_explicit_key(r, indent_min, open, &key));
    else
        TRY(read_flow_node(r, indent_min, open, &key));
    return read_pair_rest(r, indent_min, open, key);
}

static enum err read_entries(struct yaml_reader *r, int32_t indent_min, char close)
{
    const char *open = r->here.at++;
    for (;;) {
        TRY(flow_gap(r, indent_min, open));
        if (*r->here.at == close)
            break;
        if (*r->here.at == ',')
            return yaml_fail(r, "yaml_bracket", "a value is missing before this comma");
        if (close == '}') {
            TRY(read_mapping_entry(r, indent_min, open));
        } else {
            struct yaml_node *item = NULL;
            TRY(read_sequence_entry(r, indent_min, open, &item));
            TRY(yaml_push(r, item));
        }
        TRY(flow_gap(r, indent_min, open));
        if (*r->here.at == ',')
            r->here.at++;
        else if (*r->here.at != close)
            return missing_comma(r, close);
    }
    r->here.at++;
    return ERR_OK;
}

static enum err read_flow_collection(struct yaml_reader *r, int32_t indent_min, struct yaml_node *node)
{
    uint32_t base = r->stack_count;
    bool is_sequence = node->kind == YAML_SEQUENCE;
    TRY(yaml_enter(r));
    TRY(read_entries(r, indent_min, is_sequence ? ']' : '}'));
    TRY(is_sequence ? yaml_sequence_close(r, base, node) : yaml_mapping_close(r, base, node));
    yaml_leave(r);
    return ERR_OK;
}

/* --- nodes ----------------------------------------------------------------------------------------- */

static enum err bad_start(struct yaml_reader *r, bool in_flow)
{
    char c = yaml_peek(r);
    if (yaml_at_end_of_line(r))
        return yaml_fail(r, "yaml_syntax", "the line ends where a key or a value should stand");
    switch (c) {
    case '@':
    case '`': return yaml_fail(r, "yaml_reserved", "no text may begin with @ or `; put quotes around it");
    case '%': return yaml_fail(r, "yaml_reserved", "no text may begin with %; put quotes around it");
    case '|':
    case '>': return yaml_fail(r, "yaml_syntax", "| and > can't stand here; put quotes around the text");
    case '-':
        return yaml_fail(
            r, "yaml_syntax", in_flow ? "inside brackets a list has no '-'" : "no list can stand here");
    case ':': return yaml_fail(r, "yaml_colon", "a key is missing before this ':'");
    case '#': return yaml_fail(r, "yaml_comment", "a space is missing before the # of a comment");
    case ',':
    case ']':
    case '}': return yaml_fail(r, "yaml_bracket", "no bracket is open here; put quotes around the text");
    default: return yaml_fail(r, "yaml_syntax", "no value can begin like this; put quotes around the text");
    }
}

static enum err read_content(struct yaml_reader *r, int32_t indent_min, bool in_flow, struct yaml_node *node)
{
    switch (yaml_peek(r)) {
    case '[':
    case '{': return read_flow_collection(r, indent_min, node);
    case '"': return yaml_read_double_quoted(r, indent_min, node);
    case '\'': return yaml_read_single_quoted(r, indent_min, node);
    default: return yaml_read_plain(r, indent_min, in_flow, node);
    }
}

enum err yaml_read_flow_content(struct yaml_reader *r, int32_t indent_min, bool in_flow,
    const struct yaml_properties *properties, struct yaml_node **ret)
{
    char c = yaml_peek(r);
    if (c == '*') {
        if (properties->has_anchor || properties->has_tag)
            return yaml_fail(r, "yaml_alias", "an alias can't have an anchor or a tag of its own");
        return yaml_read_alias(r, ret);
    }
    if (c != '[' && c != '{' && c != '"' && c != '\'' && !yaml_can_start_plain(r, in_flow))
        return bad_start(r, in_flow);
    struct yaml_node *node;
    uint32_t anchor;
    enum yaml_kind kind = c == '[' ? YAML_SEQUENCE : c == '{' ? YAML_MAPPING : YAML_SCALAR;
    TRY(yaml_anchor_open(r, properties, &anchor));
    TRY(yaml_node_new(r, kind, properties, &r->here, &node));
    TRY(read_content(r, indent_min, in_flow, node));
    yaml_anchor_close(r, anchor, node);
    *ret = node;
    return ERR_OK;
}

/* A node inside brackets. */
static enum err read_flow_node(
    struct yaml_reader *r, int32_t indent_min, const char *open, struct yaml_node **ret)
{
    struct yaml_properties properties = { 0 };
    while (yaml_at_property(r)) {
        TRY(yaml_read_property(r, true, &properties));
        TRY(flow_gap(r, indent_min, open));
    }
    bool is_empty = properties.place.at != NULL && (at_entry_end(r) || at_value_sign(r, NULL));
    if (is_empty)
        return yaml_node_empty(r, &properties, ret);
    return yaml_read_flow_content(r, indent_min, true, &properties, ret);
}
