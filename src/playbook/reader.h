/* Inside playbook/: the state of one reading, from YAML nodes to the graph. Faults are gathered, reading goes
 * on; a reader returns what it could make, and no playbook leaves when there was an error. */
#ifndef TOCSIN_PLAYBOOK_READER_H
#define TOCSIN_PLAYBOOK_READER_H

#include "base/yaml.h"
#include "playbook/playbook.h"

/* Where an expression stands, for the linter. */
struct expr_site {
    const struct expr *expr;
    const struct yaml_node *node;
    size_t offset; /* where it begins inside the node's text */
};

struct reader {
    struct arena *arena;
    struct diagnostics *found;
    const struct playbook_world *world;
    struct str name; /* the playbook's */
    struct str source; /* the whole text */
    struct step **steps; /* by index */
    uint32_t step_count, step_room;
    struct expr_site *sites; /* only with a world to check against */
    uint32_t site_count, site_room;
    struct str loop_names[SCOPE_LOOPS_MAX];
    uint32_t loop_depth;
    uint32_t nesting;
    bool takes_text; /* what is read is a text for people, so `no` is meant as one */
    bool has_it; /* inside `cases` or a wait's event filter */
    bool is_out_of_memory;
};

void reader_fault(struct reader *r, const struct yaml_node *node, const char *code, const char *format, ...)
    PRINTF_LIKE(4, 5);
void reader_warn(struct reader *r, const struct yaml_node *node, const char *code, const char *format, ...)
    PRINTF_LIKE(4, 5);
/* Zeroed memory; NULL sets is_out_of_memory. `count` may be 0. */
void *reader_alloc(struct reader *r, size_t count, size_t size);
#define READER_ARRAY(r, count, type) ((type *)reader_alloc((r), (count), sizeof(type)))

/* Each key of `node` must be in `keys` (ended by NULL): else a fault with the nearest. False when `node` is
 * no mapping, after a fault. */
bool reader_keys(struct reader *r, const struct yaml_node *node, const char *what, const char *const *keys);
struct shape;
bool reader_shape(
    struct reader *r, const struct yaml_node *node, const char *what, const struct shape *shape);
/* Texts, numbers, spans, words; each gives its default after a fault, and when `node` is NULL. */
struct str reader_text(struct reader *r, const struct yaml_node *node, const char *what);
int64_t reader_number(
    struct reader *r, const struct yaml_node *node, int64_t least, int64_t most, int64_t otherwise);
bool reader_bool(struct reader *r, const struct yaml_node *node, bool otherwise);
int64_t reader_span(struct reader *r, const struct yaml_node *node, int64_t otherwise);
/* The index of the word in `words` (ended by NULL). */
unsigned reader_word(
    struct reader *r, const struct yaml_node *node, const char *const *words, unsigned otherwise);
/* A list of texts, or one text alone. */
const struct str *reader_texts(struct reader *r, const struct yaml_node *node, uint32_t *ret_count);

/* A bare expression, as `if` holds it; NULL after a fault. */
const struct expr *reader_expr(struct reader *r, const struct yaml_node *node);
/* A value with `${{ }}` in it; NULL when `node` is NULL or after a fault. */
const struct template *reader_template(struct reader *r, const struct yaml_node *node);

struct text_place {
    uint32_t line, column;
};
/* A loop's name hides the same name further out; an empty name matches none, and slots stay where they are.
 */
void scope_hide(struct expr_name *names, uint32_t count);
/* The place of an error in an expression, `line` and `column` counting from 1 in its source. */
struct text_place reader_site_place(
    const struct reader *r, const struct expr_site *site, uint32_t line, uint32_t column);
/* Where in the file byte `offset` of a scalar's text stands, whatever its quotes, escapes and folding. */
struct text_place reader_place(const struct reader *r, const struct yaml_node *node, size_t offset);

struct block reader_block(struct reader *r, const struct yaml_node *node, const struct step *parent);
const struct trigger *reader_triggers(struct reader *r, const struct yaml_node *node, uint32_t *ret_count);
const struct playbook_input *reader_inputs(
    struct reader *r, const struct yaml_node *node, uint32_t *ret_count);

#endif
