/* The YAML reader's inside, shared by the yaml_*.c files: where it stands, how it moves, how it fails.
 *
 * It reads the text once, from left to right, by the productions of YAML 1.2.2, whose numbers the comments
 * give. "Indent" is what the specification calls n: the column, from 0, of the block collection around a
 * node, and -1 around the root. Columns count bytes. */
#ifndef TOCSIN_BASE_YAML_READER_H
#define TOCSIN_BASE_YAML_READER_H

#include "base/buf.h"
#include "base/yaml.h"

struct yaml_anchor {
    struct str name;
    const struct yaml_node *node; /* NULL while the node is being read */
    uint32_t node_count; /* with all that is inside */
};

struct yaml_tag_handle {
    struct str handle, prefix;
};

/* A place that the reader can go back to. */
struct yaml_place {
    const char *at;
    const char *line_start;
    const char *content; /* the first byte of the line that is neither space nor tab */
    uint32_t line;
    int32_t indent; /* spaces at the start of the line */
};

struct yaml_reader {
    struct yaml_place here;
    const char *start, *end;
    struct arena *arena;
    struct err_info *why;
    struct buf scratch; /* a scalar that is not one slice of the text */
    struct yaml_node **stack; /* children of the containers that are open */
    uint32_t stack_count, stack_room;
    struct yaml_anchor *anchors;
    uint32_t anchor_count, anchor_room;
    struct yaml_tag_handle *handles;
    uint32_t handle_count, handle_room;
    uint32_t node_count, alias_count, depth;
};

/* Of a node, before its content. */
struct yaml_properties {
    struct str tag; /* resolved */
    struct str anchor;
    bool has_tag, has_anchor;
    const char *tag_at, *anchor_at; /* for errors */
    struct yaml_place place; /* where they start; `at` is NULL when there are none */
    struct yaml_place end; /* behind the last one */
};

/* White space, comments and line ends between two things. */
struct yaml_gap {
    bool is_line_start; /* only white space stands before us on this line */
    bool has_tab; /* in the white space right before us */
};

/* --- moving (yaml_reader.c) ------------------------------------------------------------------------ */

void yaml_reader_init(struct yaml_reader *r, struct arena *arena, struct str text, struct err_info *why);
void yaml_reader_done(struct yaml_reader *r);

static inline bool yaml_is_break(char c)
{
    return c == '\n' || c == '\r';
}
static inline bool yaml_is_blank(char c)
{
    return c == ' ' || c == '\t';
}
/* At the text's end or at a line's. */
static inline bool yaml_at_end_of_line(const struct yaml_reader *r)
{
    return r->here.at == r->end || yaml_is_break(*r->here.at);
}
/* The byte here, '\0' at the end; the text itself has none. */
static inline char yaml_peek(const struct yaml_reader *r)
{
    return r->here.at < r->end ? *r->here.at : '\0';
}
static inline int32_t yaml_column(const struct yaml_reader *r)
{
    return (int32_t)(r->here.at - r->here.line_start);
}
static inline bool yaml_is_flow_indicator(char c)
{
    return c == ',' || c == '[' || c == ']' || c == '{' || c == '}';
}
/* Nothing but a blank, a line's end or the text's end is at `p`. */
bool yaml_is_space_at(const struct yaml_reader *r, const char *p);
/* An indicator of a block collection: `c`, then white space. */
bool yaml_at_indicator(const struct yaml_reader *r, char c);
/* "---" or "..." at the start of a line. */
bool yaml_at_marker(const struct yaml_reader *r);
/* Over the line end here, to the start of the next line. */
void yaml_next_line(struct yaml_reader *r);
/* To the next thing that is neither white space nor comment, or to the end. */
struct yaml_gap yaml_skip_gap(struct yaml_reader *r);
/* Behind a node: only white space and a comment may follow on its line. */
FALLIBLE yaml_expect_end_of_line(struct yaml_reader *r);
/* The C0 controls have been refused; outside quotes YAML forbids some more characters (production 1). */
FALLIBLE yaml_check_printable(struct yaml_reader *r, const char *from, const char *to);

/* --- failing --------------------------------------------------------------------------------------- */

FALLIBLE yaml_fail(struct yaml_reader *r, const char *name, const char *text);
FALLIBLE yaml_fail_at(struct yaml_reader *r, const char *at, const char *name, const char *text);
FALLIBLE yaml_fail_limit(struct yaml_reader *r, const char *name, const char *text);

/* --- nodes (yaml.c) -------------------------------------------------------------------------------- */

/* Counts against YAML_NODES_MAX. The node starts at its properties, or else at `place`. */
FALLIBLE yaml_node_new(struct yaml_reader *r, enum yaml_kind kind, const struct yaml_properties *properties,
    const struct yaml_place *place, struct yaml_node **ret);
/* Where there is nothing: null, unless a tag says otherwise. Takes tag and anchor. */
FALLIBLE yaml_node_empty(
    struct yaml_reader *r, const struct yaml_properties *properties, struct yaml_node **ret);
/* The node ends here. */
void yaml_node_end(struct yaml_reader *r, struct yaml_node *node);
/* Depth, for YAML_DEPTH_MAX; every success needs a yaml_leave. */
FALLIBLE yaml_enter(struct yaml_reader *r);
void yaml_leave(struct yaml_reader *r);
/* A child of the container that is open; yaml_*_close takes those from `base` on. */
FALLIBLE yaml_push(struct yaml_reader *r, struct yaml_node *node);
FALLIBLE yaml_sequence_close(struct yaml_reader *r, uint32_t base, struct yaml_node *node);
FALLIBLE yaml_mapping_close(struct yaml_reader *r, uint32_t base, struct yaml_node *node);
FALLIBLE yaml_read_alias(struct yaml_reader *r, struct yaml_node **ret);

/* --- properties and directives (yaml_properties.c) ------------------------------------------------- */

static inline bool yaml_at_property(const struct yaml_reader *r)
{
    return yaml_peek(r) == '&' || yaml_peek(r) == '!';
}
/* One tag or anchor; refused when there is one of its kind already. */
FALLIBLE yaml_read_property(struct yaml_reader *r, bool in_flow, struct yaml_properties *properties);
/* `inner` joins `outer`. */
FALLIBLE yaml_properties_merge(
    struct yaml_reader *r, struct yaml_properties *outer, const struct yaml_properties *inner);
/* Before the node: names it, if it has an anchor, so that an alias inside of it is seen as such.
 * `*ret_anchor` is for yaml_anchor_close, behind the node. */
FALLIBLE yaml_anchor_open(
    struct yaml_reader *r, const struct yaml_properties *properties, uint32_t *ret_anchor);
void yaml_anchor_close(struct yaml_reader *r, uint32_t anchor, const struct yaml_node *node);
/* Letters, digits and all else that an anchor's name may hold. */
FALLIBLE yaml_read_anchor_name(struct yaml_reader *r, struct str *ret);
/* The lines with '%' before a document; sets `*ret_any` when there are some. */
FALLIBLE yaml_read_directives(struct yaml_reader *r, bool *ret_any);

/* --- scalars (yaml_scalar.c, yaml_block_scalar.c) -------------------------------------------------- */

/* Lines behind the first need `indent_min` spaces. Each starts on the scalar's first byte. */
FALLIBLE yaml_read_plain(struct yaml_reader *r, int32_t indent_min, bool in_flow, struct yaml_node *node);
FALLIBLE yaml_read_double_quoted(struct yaml_reader *r, int32_t indent_min, struct yaml_node *node);
FALLIBLE yaml_read_single_quoted(struct yaml_reader *r, int32_t indent_min, struct yaml_node *node);
FALLIBLE yaml_read_block_scalar(struct yaml_reader *r, int32_t indent, struct yaml_node *node);
/* May a plain scalar start here? (production 126) */
bool yaml_can_start_plain(const struct yaml_reader *r, bool in_flow);

/* --- collections (yaml_flow.c, yaml_block.c) ------------------------------------------------------- */

/* A scalar in quotes, a plain one, an alias or a flow collection, with the properties that were read. */
FALLIBLE yaml_read_flow_content(struct yaml_reader *r, int32_t indent_min, bool in_flow,
    const struct yaml_properties *properties, struct yaml_node **ret);
/* The root of a document. */
FALLIBLE yaml_read_root(struct yaml_reader *r, struct yaml_node **ret);

#endif
