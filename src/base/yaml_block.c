/* Block style: what indentation and '-', '?', ':' structure (YAML 1.2.2, chapter 8.2). */
#include "base/yaml_reader.h"

#define KEY_BYTES_MAX 1024 /* of a key without '?' (8.2.2) */

/* Where a block node stands. */
struct block {
    int32_t indent; /* of the collection around it */
    bool is_mapping_value; /* a list may stand at `indent` itself, below its key */
    bool can_be_compact; /* a collection may begin on this line, as in "- - a" and "- a: b" */
};

static enum err read_block_node(struct yaml_reader *r, const struct block *block, struct yaml_node **ret);

static const struct yaml_properties no_properties = { 0 };

/* Is what we have come to outside of the node? */
static bool is_outside(const struct yaml_reader *r, const struct block *block, struct yaml_gap gap)
{
    if (r->here.at == r->end)
        return true;
    if (!gap.is_line_start)
        return false;
    if (yaml_at_marker(r))
        return true;
    bool is_list_below_key = block->is_mapping_value && r->here.indent == block->indent && !gap.has_tab &&
        yaml_at_indicator(r, '-');
    return r->here.indent <= block->indent && !is_list_below_key;
}

/* Between two entries of a block collection at `column`: goes to the next one, or says that there is none. */
static enum err next_entry(struct yaml_reader *r, int32_t column, bool *ret_more)
{
    struct yaml_gap gap = yaml_skip_gap(r);
    *ret_more = false;
    if (r->here.at == r->end || yaml_at_marker(r))
        return ERR_OK;
    if (gap.has_tab)
        return yaml_fail(r, "yaml_tab", "a tab can't indent; use spaces");
    if (r->here.indent > column)
        return yaml_fail(r, "yaml_indent", "this line is indented more than the entries before it");
    *ret_more = r->here.indent == column;
    return ERR_OK;
}

/* --- sequences ------------------------------------------------------------------------------------- */

static enum err read_items(struct yaml_reader *r, int32_t column)
{
    const struct block inside = { .indent = column, .can_be_compact = true };
    bool more = true;
    while (more && yaml_at_indicator(r, '-')) {
        struct yaml_node *item = NULL;
        r->here.at++;
        TRY(read_block_node(r, &inside, &item));
        TRY(yaml_push(r, item));
        TRY(next_entry(r, column, &more));
    }
    return ERR_OK;
}

static enum err read_block_sequence(
    struct yaml_reader *r, const struct yaml_properties *properties, struct yaml_node **ret)
{
    struct yaml_node *node;
    uint32_t anchor, base = r->stack_count;
    TRY(yaml_enter(r));
    TRY(yaml_anchor_open(r, properties, &anchor));
    TRY(yaml_node_new(r, YAML_SEQUENCE, properties, &r->here, &node));
    TRY(read_items(r, yaml_column(r)));
    TRY(yaml_sequence_close(r, base, node));
    yaml_anchor_close(r, anchor, node);
    yaml_leave(r);
    *ret = node;
    return ERR_OK;
}

/* --- mappings -------------------------------------------------------------------------------------- */

/* "? key" and, on a line of its own, ": value". */
static enum err read_explicit_entry(struct yaml_reader *r, int32_t column)
{
    const struct block inside = { .indent = column, .is_mapping_value = true, .can_be_compact = true };
    struct yaml_node *key = NULL, *value = NULL;
    bool more;
    r->here.at++;
    TRY(read_block_node(r, &inside, &key));
    TRY(yaml_push(r, key));
    TRY(next_entry(r, column, &more));
    if (more && yaml_at_indicator(r, ':')) {
        r->here.at++;
        TRY(read_block_node(r, &inside, &value));
    } else {
        TRY(yaml_node_empty(r, &no_properties, &value));
    }
    return yaml_push(r, value);
}

/* Behind a key on its line: is there a ':'? Moves onto it. */
static bool find_colon(struct yaml_reader *r)
{
    struct yaml_place end = r->here;
    while (r->here.at < r->end && yaml_is_blank(*r->here.at))
        r->here.at++;
    if (yaml_at_indicator(r, ':'))
        return true;
    r->here = end;
    return false;
}

static enum err check_key(struct yaml_reader *r, const struct yaml_place *start)
{
    if (start->line != r->here.line)
        return yaml_fail(r, "yaml_key",
            "a key must stand on one line with its ':'; is a ':' missing on the line before, or are quotes?");
    if (r->here.at - start->at > KEY_BYTES_MAX)
        return yaml_fail_at(r, start->at, "yaml_key", "a key of more than 1024 bytes; begin it with '? '");
    return ERR_OK;
}

static enum err missing_colon(
    struct yaml_reader *r, const struct yaml_node *key, const struct yaml_place *start)
{
    if (key->is_plain && str_find_byte(key->text, ':', 0) > 0)
        return yaml_fail_at(r, start->at, "yaml_colon", "a space is missing behind the ':' of this key");
    if (key->is_plain && key->text.size > 1 && key->text.data[0] == '-')
        return yaml_fail_at(
            r, start->at, "yaml_colon", "a space is missing behind this '-', or a ':' behind the key");
    return yaml_fail_at(r, start->at, "yaml_colon", "a key and ':' should stand here; the ':' is missing");
}

/* A key that is not the first: tag and anchor on the same line are its own. */
static enum err read_key(struct yaml_reader *r, int32_t column, struct yaml_node **ret)
{
    struct yaml_place start = r->here;
    struct yaml_properties properties = { 0 };
    if (yaml_at_indicator(r, '-'))
        return yaml_fail(
            r, "yaml_indent", "a list's '-' among the keys of a mapping; indent the list below its key");
    while (yaml_at_property(r)) {
        TRY(yaml_read_property(r, false, &properties));
        while (r->here.at < r->end && yaml_is_blank(*r->here.at))
            r->here.at++;
    }
    struct yaml_node *key;
    if (yaml_at_indicator(r, ':'))
        TRY(yaml_node_empty(r, &properties, &key));
    else
        TRY(yaml_read_flow_content(r, column + 1, false, &properties, &key));
    if (!find_colon(r))
        return missing_colon(r, key, &start);
    TRY(check_key(r, &start));
    *ret = key;
    return ERR_OK;
}

/* At the ':' behind a key. */
static enum err read_implicit_value(struct yaml_reader *r, int32_t column, struct yaml_node *key)
{
    const struct block inside = { .indent = column, .is_mapping_value = true };
    struct yaml_node *value = NULL;
    TRY(yaml_push(r, key));
    r->here.at++;
    TRY(read_block_node(r, &inside, &value));
    return yaml_push(r, value);
}

/* `first` is a key that has been read up to its ':', or NULL where a '?' stands. */
static enum err read_pairs(struct yaml_reader *r, int32_t column, struct yaml_node *first)
{
    bool more = true;
    while (more) {
        struct yaml_node *key = first;
        first = NULL;
        if (key == NULL && yaml_at_indicator(r, '?')) {
            TRY(read_explicit_entry(r, column));
        } else {
            if (key == NULL)
                TRY(read_key(r, column, &key));
            TRY(read_implicit_value(r, column, key));
        }
        /* Behind "? a" without a value we may stand on the next entry already. */
        TRY(next_entry(r, column, &more));
    }
    return ERR_OK;
}

/* `anchor` is that of `properties`, opened before the first key was read. */
static enum err read_block_mapping(struct yaml_reader *r, const struct yaml_place *start,
    const struct yaml_properties *properties, uint32_t anchor, struct yaml_node *first,
    struct yaml_node **ret)
{
    struct yaml_node *node;
    uint32_t base = r->stack_count;
    TRY(yaml_enter(r));
    TRY(yaml_node_new(r, YAML_MAPPING, properties, start, &node));
    TRY(read_pairs(r, (int32_t)(start->at - start->line_start), first));
    TRY(yaml_mapping_close(r, base, node));
    yaml_anchor_close(r, anchor, node);
    yaml_leave(r);
    *ret = node;
    return ERR_OK;
}

/* --- nodes ----------------------------------------------------------------------------------------- */

/* What has been read of a node before its content. */
struct opening {
    struct yaml_place start; /* of the content's line part: its properties or itself */
    struct yaml_properties outer; /* on lines before: of the node, whatever it is */
    struct yaml_properties inner; /* on the content's line: of the first key, if it is a mapping */
    bool can_be_collection;
    bool has_tab; /* why not */
};

static void set_start(
    struct yaml_reader *r, const struct block *block, struct yaml_gap gap, struct opening *opening)
{
    opening->start = r->here;
    opening->has_tab = gap.has_tab;
    opening->can_be_collection = !gap.has_tab && (gap.is_line_start || block->can_be_compact);
}

/* Reads properties up to the content; `*ret_is_empty` when there is none. */
static enum err read_opening(
    struct yaml_reader *r, const struct block *block, struct opening *opening, bool *ret_is_empty)
{
    struct yaml_gap gap = yaml_skip_gap(r);
    *ret_is_empty = is_outside(r, block, gap);
    if (*ret_is_empty)
        return ERR_OK;
    set_start(r, block, gap, opening);
    while (yaml_at_property(r)) {
        TRY(yaml_read_property(r, false, &opening->inner));
        gap = yaml_skip_gap(r);
        if (r->here.at < r->end && !gap.is_line_start)
            continue;
        TRY(yaml_properties_merge(r, &opening->outer, &opening->inner));
        opening->inner = no_properties;
        *ret_is_empty = is_outside(r, block, gap);
        if (*ret_is_empty)
            return ERR_OK;
        set_start(r, block, gap, opening);
    }
    return ERR_OK;
}

static enum err refuse_collection(struct yaml_reader *r, const struct opening *opening, const char *text)
{
    if (opening->has_tab)
        return yaml_fail_at(r, opening->start.at, "yaml_tab", "a tab can't indent; use spaces");
    return yaml_fail(r, "yaml_colon", text);
}

/* '-' or '?': a collection, whose properties stand on lines before. */
static enum err read_indicated(struct yaml_reader *r, struct opening *opening, struct yaml_node **ret)
{
    uint32_t anchor;
    if (!opening->can_be_collection || opening->inner.place.at != NULL)
        return refuse_collection(r, opening, "a list or mapping must begin on a line of its own");
    if (*r->here.at == '-')
        return read_block_sequence(r, &opening->outer, ret);
    TRY(yaml_anchor_open(r, &opening->outer, &anchor));
    return read_block_mapping(r, &opening->start, &opening->outer, anchor, NULL, ret);
}

static enum err read_block_scalar_node(
    struct yaml_reader *r, int32_t indent, struct opening *opening, struct yaml_node **ret)
{
    struct yaml_node *node;
    uint32_t anchor;
    TRY(yaml_properties_merge(r, &opening->outer, &opening->inner));
    TRY(yaml_anchor_open(r, &opening->outer, &anchor));
    TRY(yaml_node_new(r, YAML_SCALAR, &opening->outer, &r->here, &node));
    TRY(yaml_read_block_scalar(r, indent, node));
    yaml_anchor_close(r, anchor, node);
    *ret = node;
    return ERR_OK;
}

/* The node on this line turned out to be no key: properties on lines before are its own too. */
static enum err adopt_outer(
    struct yaml_reader *r, struct opening *opening, uint32_t anchor, struct yaml_node *node)
{
    struct yaml_properties *outer = &opening->outer;
    if (outer->place.at != NULL) {
        if (node->is_alias)
            return yaml_fail_at(
                r, opening->start.at, "yaml_alias", "an alias can't have an anchor or a tag of its own");
        TRY(yaml_properties_merge(r, outer, &opening->inner));
        node->tag = outer->tag;
        node->line = outer->place.line;
        node->column = (uint32_t)(outer->place.at - outer->place.line_start) + 1;
    }
    yaml_anchor_close(r, anchor, node);
    return yaml_expect_end_of_line(r);
}

/* A node of which only a ':' behind it tells that it is the first key of a mapping. Tag and anchor on its
 * line are then its own, those on lines before the mapping's. */
static enum err read_scalar_or_mapping(
    struct yaml_reader *r, int32_t indent, struct opening *opening, struct yaml_node **ret)
{
    struct yaml_node *node;
    uint32_t anchor;
    TRY(yaml_anchor_open(r, &opening->outer, &anchor));
    if (yaml_at_indicator(r, ':'))
        TRY(yaml_node_empty(r, &opening->inner, &node));
    else
        TRY(yaml_read_flow_content(r, indent + 1, false, &opening->inner, &node));
    if (!find_colon(r)) {
        TRY(adopt_outer(r, opening, anchor, node));
        *ret = node;
        return ERR_OK;
    }
    if (!opening->can_be_collection && !opening->has_tab && opening->start.line != r->here.line)
        return yaml_fail(r, "yaml_indent",
            "this line goes on with the value above it and can have no ':'; indent it like the key that it "
            "belongs to");
    if (!opening->can_be_collection)
        return refuse_collection(r, opening,
            "a key can't stand here; put quotes around a text that holds ': ', or begin a new line");
    TRY(check_key(r, &opening->start));
    return read_block_mapping(r, &opening->start, &opening->outer, anchor, node, ret);
}

static enum err read_block_node(struct yaml_reader *r, const struct block *block, struct yaml_node **ret)
{
    struct opening opening = { 0 };
    struct yaml_place begin = r->here;
    bool is_empty;
    TRY(read_opening(r, block, &opening, &is_empty));
    if (is_empty) {
        struct yaml_place next = r->here;
        r->here = begin;
        TRY(yaml_node_empty(r, &opening.outer, ret));
        r->here = next;
        return ERR_OK;
    }
    if (yaml_at_indicator(r, '-') || yaml_at_indicator(r, '?'))
        return read_indicated(r, &opening, ret);
    if (yaml_peek(r) == '|' || yaml_peek(r) == '>')
        return read_block_scalar_node(r, block->indent, &opening, ret);
    return read_scalar_or_mapping(r, block->indent, &opening, ret);
}

enum err yaml_read_root(struct yaml_reader *r, struct yaml_node **ret)
{
    const struct block block = { .indent = -1 };
    return read_block_node(r, &block, ret);
}
