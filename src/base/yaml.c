#include "base/yaml.h"

#include <string.h>
#include <yaml.h>

#include "base/limits.h"
#include "base/memory.h"

struct anchor {
    struct str name;
    const struct yaml_node *node; /* NULL while the node is being read */
    uint32_t node_count; /* with all that is inside */
};

struct reader {
    yaml_parser_t parser;
    yaml_event_t event;
    bool has_event;
    struct arena *arena;
    struct anchor *anchors;
    uint32_t anchor_count, anchor_room;
    uint32_t node_count, alias_count, depth;
    struct err_info *why;
};

/* Nodes of a container that is open; copied into the arena in their exact number when it closes. */
struct children {
    struct yaml_node **items;
    uint32_t count, room;
};

static void children_cleanup(struct children *children)
{
    memory_free((void *)children->items);
}

static enum err children_add(struct children *children, struct yaml_node *node, struct err_info *why)
{
    if (children->count == children->room) {
        uint32_t room = children->room ? children->room * 2 : 16;
        struct yaml_node **items = memory_realloc((void *)children->items, room * sizeof(struct yaml_node *));
        if (items == NULL)
            return err_memory(why);
        children->items = items;
        children->room = room;
    }
    children->items[children->count++] = node;
    return ERR_OK;
}

static enum err fail_mark(
    struct reader *r, yaml_mark_t mark, enum err code, const char *name, const char *text)
{
    return err_at(r->why, code, name, (uint32_t)mark.line + 1, (uint32_t)mark.column + 1, "%s", text);
}

static const char *mend_for(const char *problem)
{
    if (strstr(problem, "cannot start any token"))
        return "; a tab can't indent, and a text that begins with @, ` or % needs quotes";
    if (strstr(problem, "mapping values are not allowed"))
        return "; put quotes around a text that holds ': '";
    if (strstr(problem, "while parsing a flow") || strstr(problem, "did not find expected ',' or"))
        return "; put quotes around ${{ … }} inside { } and [ ]";
    if (strstr(problem, "did not find expected key"))
        return "; the indentation of this line fits no key above it";
    return "";
}

static enum err fail_parser(struct reader *r)
{
    yaml_parser_t *parser = &r->parser;
    const char *problem = parser->problem ? parser->problem : "the text is no YAML";
    if (parser->error == YAML_MEMORY_ERROR)
        return err_memory(r->why);
    if (parser->error == YAML_READER_ERROR)
        return err_named(r->why, ERR_INVALID, "yaml_encoding", "%s at byte %zu; YAML must be UTF-8", problem,
            parser->problem_offset);
    return err_at(r->why, ERR_INVALID, "yaml_syntax", (uint32_t)parser->problem_mark.line + 1,
        (uint32_t)parser->problem_mark.column + 1, "%s%s%s%s", problem, parser->context ? " " : "",
        parser->context ? parser->context : "", mend_for(problem));
}

static enum err next_event(struct reader *r)
{
    if (r->has_event)
        yaml_event_delete(&r->event);
    r->has_event = false;
    if (!yaml_parser_parse(&r->parser, &r->event))
        return fail_parser(r);
    r->has_event = true;
    return ERR_OK;
}

static enum err copy_text(struct reader *r, const yaml_char_t *text, size_t size, struct str *ret)
{
    return arena_str(r->arena, (struct str){ (const char *)text, size }, ret, r->why);
}

static enum err count_nodes(struct reader *r, uint32_t count, yaml_mark_t mark)
{
    if (count > YAML_NODES_MAX - r->node_count)
        return fail_mark(
            r, mark, ERR_LIMIT, "yaml_nodes", "too many nodes, aliases counted in full (limit yaml_nodes)");
    r->node_count += count;
    return ERR_OK;
}

static enum err new_node(
    struct reader *r, enum yaml_kind kind, const yaml_char_t *tag, struct yaml_node **ret)
{
    TRY(count_nodes(r, 1, r->event.start_mark));
    struct yaml_node *node = ARENA_NEW(r->arena, struct yaml_node);
    if (node == NULL)
        return err_memory(r->why);
    node->kind = kind;
    node->line = (uint32_t)r->event.start_mark.line + 1;
    node->column = (uint32_t)r->event.start_mark.column + 1;
    node->end_line = (uint32_t)r->event.end_mark.line + 1;
    node->end_column = (uint32_t)r->event.end_mark.column + 1;
    if (tag != NULL)
        TRY(copy_text(r, tag, strlen((const char *)tag), &node->tag));
    *ret = node;
    return ERR_OK;
}

/* Registers the anchor before its content is read; `*ret_index` is UINT32_MAX without one. */
static enum err open_anchor(struct reader *r, const yaml_char_t *name, uint32_t *ret_index)
{
    *ret_index = UINT32_MAX;
    if (name == NULL)
        return ERR_OK;
    if (r->anchor_count == r->anchor_room) {
        uint32_t room = r->anchor_room ? r->anchor_room * 2 : 8;
        struct anchor *anchors = memory_realloc(r->anchors, room * sizeof *anchors);
        if (anchors == NULL)
            return err_memory(r->why);
        r->anchors = anchors;
        r->anchor_room = room;
    }
    struct anchor *anchor = &r->anchors[r->anchor_count];
    *anchor = (struct anchor){ .node_count = r->node_count - 1 };
    TRY(copy_text(r, name, strlen((const char *)name), &anchor->name));
    *ret_index = r->anchor_count++;
    return ERR_OK;
}

static void close_anchor(struct reader *r, uint32_t index, const struct yaml_node *node)
{
    if (index == UINT32_MAX)
        return;
    r->anchors[index].node = node;
    r->anchors[index].node_count = r->node_count - r->anchors[index].node_count;
}

static enum err read_alias(struct reader *r, struct yaml_node **ret)
{
    struct str name = str_of((const char *)r->event.data.alias.anchor);
    yaml_mark_t mark = r->event.start_mark;
    for (uint32_t i = r->anchor_count; i-- > 0;) {
        const struct anchor *anchor = &r->anchors[i];
        if (!str_equal(anchor->name, name))
            continue;
        if (anchor->node == NULL)
            return fail_mark(r, mark, ERR_INVALID, "yaml_alias", "a node inside its own anchor");
        if (++r->alias_count > YAML_ALIASES_MAX)
            return fail_mark(r, mark, ERR_LIMIT, "yaml_aliases", "too many aliases (limit yaml_aliases)");
        TRY(count_nodes(r, anchor->node_count, mark));
        struct yaml_node *node = ARENA_NEW(r->arena, struct yaml_node);
        if (node == NULL)
            return err_memory(r->why);
        *node = *anchor->node;
        node->is_alias = true;
        *ret = node;
        return ERR_OK;
    }
    return fail_mark(r, mark, ERR_INVALID, "yaml_alias", "an alias without its anchor above it");
}

static enum err read_scalar(struct reader *r, struct yaml_node **ret)
{
    uint32_t anchor;
    struct yaml_node *node;
    TRY(new_node(r, YAML_SCALAR, r->event.data.scalar.tag, &node));
    node->is_plain = r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    TRY(copy_text(r, r->event.data.scalar.value, r->event.data.scalar.length, &node->text));
    TRY(open_anchor(r, r->event.data.scalar.anchor, &anchor));
    close_anchor(r, anchor, node);
    *ret = node;
    return ERR_OK;
}

static enum err read_node(struct reader *r, struct yaml_node **ret);

static enum err read_sequence(struct reader *r, struct yaml_node **ret)
{
    AUTO(children) struct children children = { 0 };
    uint32_t anchor;
    struct yaml_node *node;
    TRY(new_node(r, YAML_SEQUENCE, r->event.data.sequence_start.tag, &node));
    TRY(open_anchor(r, r->event.data.sequence_start.anchor, &anchor));
    TRY(next_event(r));
    while (r->event.type != YAML_SEQUENCE_END_EVENT) {
        struct yaml_node *item;
        TRY(read_node(r, &item));
        TRY(children_add(&children, item, r->why));
        TRY(next_event(r));
    }
    node->items = ARENA_ARRAY(r->arena, children.count, struct yaml_node *);
    if (node->items == NULL)
        return err_memory(r->why);
    if (children.count > 0)
        memcpy((void *)node->items, (void *)children.items, children.count * sizeof(struct yaml_node *));
    node->count = children.count;
    node->end_line = (uint32_t)r->event.end_mark.line + 1;
    node->end_column = (uint32_t)r->event.end_mark.column + 1;
    close_anchor(r, anchor, node);
    *ret = node;
    return ERR_OK;
}

/* Keys are compared by text and kind of writing: `1` and `"1"` are one key in the values we make. */
static enum err refuse_repeated_keys(struct reader *r, const struct yaml_node *node)
{
    AUTO(arena) struct arena scratch = { 0 };
    struct value_map_builder seen;
    value_map_begin(&seen, &scratch);
    for (uint32_t i = 0; i < node->count; i++) {
        const struct yaml_node *key = node->pairs[i].key;
        if (key->kind != YAML_SCALAR)
            continue;
        enum err result = value_map_add(&seen, value_string(key->text), value_null(), NULL);
        if (result == ERR_CONFLICT)
            return err_at(r->why, ERR_INVALID, "yaml_duplicate_key", key->line, key->column,
                "the key \"%.*s\" stands twice in one mapping", STR_ARG(str_slice(key->text, 0, 100)));
        if (result != ERR_OK)
            return err_memory(r->why);
    }
    return ERR_OK;
}

static enum err read_mapping(struct reader *r, struct yaml_node **ret)
{
    AUTO(children) struct children children = { 0 };
    uint32_t anchor;
    struct yaml_node *node;
    TRY(new_node(r, YAML_MAPPING, r->event.data.mapping_start.tag, &node));
    TRY(open_anchor(r, r->event.data.mapping_start.anchor, &anchor));
    TRY(next_event(r));
    while (r->event.type != YAML_MAPPING_END_EVENT) {
        struct yaml_node *child;
        TRY(read_node(r, &child));
        TRY(children_add(&children, child, r->why));
        TRY(next_event(r));
    }
    node->count = children.count / 2;
    node->pairs = ARENA_ARRAY(r->arena, node->count, struct yaml_pair);
    if (node->pairs == NULL)
        return err_memory(r->why);
    for (uint32_t i = 0; i < node->count; i++)
        node->pairs[i] = (struct yaml_pair){ children.items[2 * i], children.items[2 * i + 1] };
    node->end_line = (uint32_t)r->event.end_mark.line + 1;
    node->end_column = (uint32_t)r->event.end_mark.column + 1;
    TRY(refuse_repeated_keys(r, node));
    close_anchor(r, anchor, node);
    *ret = node;
    return ERR_OK;
}

static enum err read_node(struct reader *r, struct yaml_node **ret)
{
    if (r->event.type == YAML_SCALAR_EVENT)
        return read_scalar(r, ret);
    if (r->event.type == YAML_ALIAS_EVENT)
        return read_alias(r, ret);
    if (r->depth == YAML_DEPTH_MAX)
        return fail_mark(
            r, r->event.start_mark, ERR_LIMIT, "yaml_depth", "nested too deeply (limit yaml_depth)");
    r->depth++;
    enum err result = r->event.type == YAML_SEQUENCE_START_EVENT ? read_sequence(r, ret)
                                                                 : read_mapping(r, ret);
    r->depth--;
    return result;
}

static enum err read_stream(struct reader *r, struct children *roots, bool is_single)
{
    TRY(next_event(r)); /* the stream's start */
    TRY(next_event(r));
    while (r->event.type != YAML_STREAM_END_EVENT) {
        struct yaml_node *root;
        if (is_single && roots->count == 1)
            return fail_mark(r, r->event.start_mark, ERR_INVALID, "yaml_documents",
                "a second document; only one may stand in a file");
        r->anchor_count = 0; /* anchors end with their document (YAML 1.2, 3.2.2.2) */
        TRY(next_event(r));
        TRY(read_node(r, &root));
        TRY(children_add(roots, root, r->why));
        TRY(next_event(r)); /* the document's end */
        TRY(next_event(r));
    }
    return ERR_OK;
}

static enum err read_all(
    struct arena *arena, struct str text, bool is_single, struct children *roots, struct err_info *why)
{
    struct reader r = { .arena = arena, .why = why };
    if (text.size > YAML_BYTES_MAX)
        return err_named(why, ERR_LIMIT, "yaml_bytes", "more than %llu bytes of YAML (limit yaml_bytes)",
            (unsigned long long)YAML_BYTES_MAX);
    if (!yaml_parser_initialize(&r.parser))
        return err_memory(why);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)(text.data ? text.data : ""), text.size);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    enum err result = read_stream(&r, roots, is_single);
    if (r.has_event)
        yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    memory_free(r.anchors);
    return result;
}

enum err yaml_parse(struct arena *arena, struct str text, struct yaml_node **ret_root, struct err_info *why)
{
    AUTO(children) struct children roots = { 0 };
    TRY(read_all(arena, text, true, &roots, why));
    if (roots.count == 0) {
        struct yaml_node *node = ARENA_NEW(arena, struct yaml_node);
        if (node == NULL)
            return err_memory(why);
        *node = (struct yaml_node){
            .is_plain = true, .line = 1, .column = 1, .end_line = 1, .end_column = 1
        };
        *ret_root = node;
        return ERR_OK;
    }
    *ret_root = roots.items[0];
    return ERR_OK;
}

enum err yaml_parse_all(struct arena *arena, struct str text, struct yaml_node ***ret_roots,
    uint32_t *ret_count, struct err_info *why)
{
    AUTO(children) struct children roots = { 0 };
    TRY(read_all(arena, text, false, &roots, why));
    struct yaml_node **copy = ARENA_ARRAY(arena, roots.count, struct yaml_node *);
    if (copy == NULL)
        return err_memory(why);
    if (roots.count > 0)
        memcpy((void *)copy, (void *)roots.items, roots.count * sizeof(struct yaml_node *));
    *ret_roots = copy;
    *ret_count = roots.count;
    return ERR_OK;
}

const struct yaml_node *yaml_find(const struct yaml_node *node, struct str key)
{
    if (node == NULL || node->kind != YAML_MAPPING)
        return NULL;
    for (uint32_t i = 0; i < node->count; i++)
        if (node->pairs[i].key->kind == YAML_SCALAR && str_equal(node->pairs[i].key->text, key))
            return node->pairs[i].value;
    return NULL;
}
