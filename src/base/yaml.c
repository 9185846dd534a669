#include "base/yaml.h"

#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/yaml_reader.h"

/* --- nodes ----------------------------------------------------------------------------------------- */

static enum err count_nodes(struct yaml_reader *r, uint32_t count)
{
    if (count > YAML_NODES_MAX - r->node_count)
        return yaml_fail_limit(r, "yaml_nodes", "too many nodes, aliases counted in full (limit yaml_nodes)");
    r->node_count += count;
    return ERR_OK;
}

enum err yaml_node_new(struct yaml_reader *r, enum yaml_kind kind, const struct yaml_properties *properties,
    const struct yaml_place *place, struct yaml_node **ret)
{
    TRY(count_nodes(r, 1));
    struct yaml_node *node = ARENA_NEW(r->arena, struct yaml_node);
    if (node == NULL)
        return err_memory(r->why);
    if (properties->place.at != NULL)
        place = &properties->place;
    node->kind = kind;
    node->tag = properties->tag;
    node->line = place->line;
    node->column = (uint32_t)(place->at - place->line_start) + 1;
    *ret = node;
    return ERR_OK;
}

void yaml_node_end(struct yaml_reader *r, struct yaml_node *node)
{
    node->end_line = r->here.line;
    node->end_column = (uint32_t)yaml_column(r) + 1;
}

enum err yaml_node_empty(
    struct yaml_reader *r, const struct yaml_properties *properties, struct yaml_node **ret)
{
    struct yaml_node *node;
    uint32_t anchor;
    TRY(yaml_anchor_open(r, properties, &anchor));
    TRY(yaml_node_new(r, YAML_SCALAR, properties, &r->here, &node));
    node->is_plain = true;
    node->text = STR("");
    const struct yaml_place *end = properties->place.at != NULL ? &properties->end : &r->here;
    node->end_line = end->line;
    node->end_column = (uint32_t)(end->at - end->line_start) + 1;
    yaml_anchor_close(r, anchor, node);
    *ret = node;
    return ERR_OK;
}

enum err yaml_enter(struct yaml_reader *r)
{
    if (r->depth == YAML_DEPTH_MAX)
        return yaml_fail_limit(r, "yaml_depth", "nested too deeply (limit yaml_depth)");
    r->depth++;
    return ERR_OK;
}

void yaml_leave(struct yaml_reader *r)
{
    r->depth--;
}

enum err yaml_push(struct yaml_reader *r, struct yaml_node *node)
{
    if (r->stack_count == r->stack_room) {
        uint32_t room = r->stack_room ? r->stack_room * 2 : 64;
        struct yaml_node **stack = memory_realloc((void *)r->stack, room * sizeof(struct yaml_node *));
        if (stack == NULL)
            return err_memory(r->why);
        r->stack = stack;
        r->stack_room = room;
    }
    r->stack[r->stack_count++] = node;
    return ERR_OK;
}

/* What a collection knows from its children: how high it is and, in block style, where it ends. */
static void take_from_children(struct yaml_reader *r, uint32_t base, struct yaml_node *node, bool is_flow)
{
    for (uint32_t i = base; i < r->stack_count; i++) {
        const struct yaml_node *child = r->stack[i];
        if (child->height + 1 > node->height)
            node->height = child->height + 1;
        if (!is_flow && !child->is_alias) {
            node->end_line = child->end_line;
            node->end_column = child->end_column;
        }
    }
}

/* A flow collection has just passed its closing bracket; a block collection ends with its last child. */
static void close_node(struct yaml_reader *r, uint32_t base, struct yaml_node *node)
{
    char last = r->here.at > r->start ? r->here.at[-1] : '\0';
    yaml_node_end(r, node);
    take_from_children(r, base, node, last == ']' || last == '}');
}

enum err yaml_sequence_close(struct yaml_reader *r, uint32_t base, struct yaml_node *node)
{
    uint32_t count = r->stack_count - base;
    node->items = ARENA_ARRAY(r->arena, count, struct yaml_node *);
    if (node->items == NULL)
        return err_memory(r->why);
    if (count > 0)
        memcpy((void *)node->items, (void *)(r->stack + base), count * sizeof(struct yaml_node *));
    node->count = count;
    close_node(r, base, node);
    r->stack_count = base;
    return ERR_OK;
}

/* Below this many keys each is compared with each. */
#define KEYS_COMPARED 16

static const struct yaml_node *find_repeated_few(const struct yaml_node *node)
{
    for (uint32_t i = 1; i < node->count; i++) {
        const struct yaml_node *key = node->pairs[i].key;
        for (uint32_t j = 0; key->kind == YAML_SCALAR && j < i; j++)
            if (node->pairs[j].key->kind == YAML_SCALAR && str_equal(node->pairs[j].key->text, key->text))
                return key;
    }
    return NULL;
}

static enum err find_repeated_many(
    const struct yaml_node *node, const struct yaml_node **ret, struct err_info *why)
{
    AUTO(arena) struct arena scratch = { 0 };
    struct value_map_builder seen;
    *ret = NULL;
    value_map_begin(&seen, &scratch);
    for (uint32_t i = 0; i < node->count; i++) {
        const struct yaml_node *key = node->pairs[i].key;
        if (key->kind != YAML_SCALAR)
            continue;
        enum err result = value_map_add(&seen, value_string(key->text), value_null(), NULL);
        if (result == ERR_CONFLICT) {
            *ret = key;
            return ERR_OK;
        }
        if (result != ERR_OK)
            return err_memory(why);
    }
    return ERR_OK;
}

/* Keys are compared by their text: `1` and `"1"` are one key in the values that we make of them. */
static enum err refuse_repeated_keys(struct yaml_reader *r, const struct yaml_node *node)
{
    const struct yaml_node *key;
    if (node->count <= KEYS_COMPARED)
        key = find_repeated_few(node);
    else
        TRY(find_repeated_many(node, &key, r->why));
    if (key == NULL)
        return ERR_OK;
    return err_at(r->why, ERR_INVALID, "yaml_duplicate_key", key->line, key->column,
        "the key \"%.*s\" stands twice in one mapping", STR_ARG(str_slice(key->text, 0, 100)));
}

enum err yaml_mapping_close(struct yaml_reader *r, uint32_t base, struct yaml_node *node)
{
    uint32_t count = (r->stack_count - base) / 2;
    node->pairs = ARENA_ARRAY(r->arena, count, struct yaml_pair);
    if (node->pairs == NULL)
        return err_memory(r->why);
    for (uint32_t i = 0; i < count; i++)
        node->pairs[i] = (struct yaml_pair){ r->stack[base + 2 * i], r->stack[base + 2 * i + 1] };
    node->count = count;
    close_node(r, base, node);
    r->stack_count = base;
    return refuse_repeated_keys(r, node);
}

/* An alias is a copy of its node's first level. It counts as all nodes that it stands for, so that a bomb
 * ends at the first alias too many, and it may not make the tree deeper than text could. */
static enum err copy_anchored(struct yaml_reader *r, const struct yaml_anchor *anchor, struct yaml_node **ret)
{
    if (++r->alias_count > YAML_ALIASES_MAX)
        return yaml_fail_limit(r, "yaml_aliases", "too many aliases (limit yaml_aliases)");
    if (r->depth + anchor->node->height > YAML_DEPTH_MAX)
        return yaml_fail_limit(r, "yaml_depth", "this alias nests too deeply (limit yaml_depth)");
    TRY(count_nodes(r, anchor->node_count));
    struct yaml_node *node = ARENA_NEW(r->arena, struct yaml_node);
    if (node == NULL)
        return err_memory(r->why);
    *node = *anchor->node;
    node->is_alias = true;
    *ret = node;
    return ERR_OK;
}

enum err yaml_read_alias(struct yaml_reader *r, struct yaml_node **ret)
{
    const char *from = r->here.at++;
    struct str name;
    TRY(yaml_read_anchor_name(r, &name));
    for (uint32_t i = r->anchor_count; i-- > 0;) {
        if (!str_equal(r->anchors[i].name, name))
            continue;
        if (r->anchors[i].node == NULL)
            return yaml_fail_at(r, from, "yaml_alias", "a node inside its own anchor");
        return copy_anchored(r, &r->anchors[i], ret);
    }
    return yaml_fail_at(r, from, "yaml_alias",
        "an alias without its anchor above it; put quotes around a text that begins with *");
}

/* --- documents ------------------------------------------------------------------------------------- */

/* "..." ends a document; only a comment may follow on its line. */
static enum err skip_document_ends(struct yaml_reader *r, bool *ret_any)
{
    *ret_any = false;
    while (yaml_at_marker(r) && *r->here.at == '.') {
        r->here.at += 3;
        TRY(yaml_expect_end_of_line(r));
        (void)yaml_skip_gap(r); /* where we are then is asked anew */
        *ret_any = true;
    }
    return ERR_OK;
}

/* U+FEFF may stand before each document (5.2). */
static void skip_byte_order_mark(struct yaml_reader *r)
{
    struct str rest = { r->here.at, (size_t)(r->end - r->here.at) };
    if (r->here.at != r->here.line_start || !str_starts(rest, STR("\xef\xbb\xbf")))
        return;
    const char *p = r->here.at + 3;
    r->here.line_start = r->here.at = p;
    r->here.indent = 0;
    while (p < r->end && *p == ' ')
        p++;
    r->here.indent = (int32_t)(p - r->here.at);
    while (p < r->end && yaml_is_blank(*p))
        p++;
    r->here.content = p;
}

static enum err read_document(struct yaml_reader *r, bool has_directives, struct yaml_node **ret)
{
    r->anchor_count = 0; /* anchors end with their document (3.2.2.2) */
    bool is_explicit = yaml_at_marker(r) && *r->here.at == '-';
    if (is_explicit)
        r->here.at += 3;
    else if (has_directives)
        return yaml_fail(r, "yaml_directive", "behind the lines with % a line --- must begin the document");
    TRY(yaml_read_root(r, ret));
    struct yaml_gap gap = yaml_skip_gap(r);
    if (r->here.at == r->end || yaml_at_marker(r))
        return ERR_OK;
    return yaml_fail(r, gap.has_tab ? "yaml_tab" : "yaml_indent",
        gap.has_tab ? "a tab can't indent; use spaces"
                    : "this line belongs to nothing above it; its indentation fits no key or list");
}

/* The documents' roots go to the reader's stack. */
static enum err read_stream(struct yaml_reader *r, bool is_single)
{
    bool can_have_directives = true; /* at the start, and behind a "..." */
    for (;;) {
        bool any, has_directives = false;
        skip_byte_order_mark(r);
        (void)yaml_skip_gap(r); /* where we are then is asked anew */
        TRY(skip_document_ends(r, &any));
        can_have_directives |= any;
        skip_byte_order_mark(r);
        if (can_have_directives)
            TRY(yaml_read_directives(r, &has_directives));
        if (r->here.at == r->end && !has_directives)
            return ERR_OK;
        struct yaml_node *root = NULL;
        if (is_single && r->stack_count == 1)
            return yaml_fail(r, "yaml_documents", "a second document; only one may stand in a file");
        TRY(read_document(r, has_directives, &root));
        TRY(yaml_push(r, root));
        can_have_directives = false;
        r->handle_count = 0; /* so do %TAG lines */
    }
}

/* Control characters are forbidden everywhere, even in quotes (production 2). */
static enum err check_bytes(struct yaml_reader *r)
{
    for (const char *p = r->start; p < r->end; p++) {
        unsigned char byte = (unsigned char)*p;
        size_t offset = 0;
        if (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r')
            return yaml_fail_at(r, p, "yaml_control",
                byte == 0 && p < r->start + 4
                    ? "a zero byte; YAML must be UTF-8 here, not UTF-16"
                    : "a control character; write it as an escape in double quotes");
        if (byte < 0x80)
            continue;
        if (utf8_next((struct str){ p, (size_t)(r->end - p) }, &offset) < 0)
            return yaml_fail_at(r, p, "yaml_encoding", "these bytes are not UTF-8");
        p += offset - 1;
    }
    return ERR_OK;
}

static enum err read_all(struct yaml_reader *r, bool is_single)
{
    if (r->end - r->start > (ptrdiff_t)YAML_BYTES_MAX)
        return yaml_fail_limit(r, "yaml_bytes", "more than 4 MiB of YAML (limit yaml_bytes)");
    TRY(check_bytes(r));
    return read_stream(r, is_single);
}

enum err yaml_parse(struct arena *arena, struct str text, struct yaml_node **ret_root, struct err_info *why)
{
    struct yaml_reader r;
    struct yaml_node *empty = NULL;
    static const struct yaml_properties none = { 0 };
    yaml_reader_init(&r, arena, text, why);
    enum err result = read_all(&r, true);
    if (result == ERR_OK && r.stack_count == 0)
        result = yaml_node_empty(&r, &none, &empty);
    if (result == ERR_OK)
        *ret_root = empty ? empty : r.stack[0];
    yaml_reader_done(&r);
    return result;
}

enum err yaml_parse_all(struct arena *arena, struct str text, struct yaml_node ***ret_roots,
    uint32_t *ret_count, struct err_info *why)
{
    struct yaml_reader r;
    struct yaml_node **roots = NULL;
    yaml_reader_init(&r, arena, text, why);
    enum err result = read_all(&r, false);
    if (result == ERR_OK) {
        roots = ARENA_ARRAY(arena, r.stack_count, struct yaml_node *);
        result = roots == NULL ? err_memory(why) : ERR_OK;
    }
    if (result == ERR_OK) {
        if (r.stack_count > 0)
            memcpy((void *)roots, (void *)r.stack, r.stack_count * sizeof(struct yaml_node *));
        *ret_roots = roots;
        *ret_count = r.stack_count;
    }
    yaml_reader_done(&r);
    return result;
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
