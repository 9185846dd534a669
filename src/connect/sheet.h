/* Reading connector files: keys known or not, each fault with its place, all of them in one go. */
#ifndef TOCSIN_CONNECT_SHEET_H
#define TOCSIN_CONNECT_SHEET_H

#include "base/yaml.h"
#include "playbook/diagnostic.h"

struct sheet {
    struct arena *arena; /* what is read lives here */
    struct diagnostics *found;
};

void sheet_fault(struct sheet *sheet, const struct yaml_node *node, const char *code, const char *format, ...)
    PRINTF_LIKE(4, 5);
void sheet_warning(struct sheet *sheet, const struct yaml_node *node, const char *code, const char *format,
    ...) PRINTF_LIKE(4, 5);
/* A fault at a place inside a scalar: `line` and `column` count from 1 in its text. */
void sheet_fault_inside(struct sheet *sheet, const struct yaml_node *node, size_t offset, const char *code,
    const struct err_info *why);
/* Out of memory. */
void sheet_memory(struct sheet *sheet, const struct yaml_node *node);

/* The values of a mapping by key, in the order of `keys`; NULL where absent. An unknown key is a fault with
 * the nearest known one. False when the node is no mapping, which is a fault too; then all are NULL. */
bool sheet_keys(struct sheet *sheet, const struct yaml_node *node, const char *const *keys, uint32_t count,
    const char *what, const struct yaml_node **ret);
struct shape;
/* The same with a shape's keys, in its order; `ret` has room for SHAPE_KEYS_MAX. */
bool sheet_shape(struct sheet *sheet, const struct yaml_node *node, const struct shape *shape,
    const char *what, const struct yaml_node **ret);
/* A required key's value was NULL: a fault at the mapping. */
void sheet_missing(struct sheet *sheet, const struct yaml_node *mapping, const char *key, const char *mend);

/* Each gives false, with a fault, when the node is something else; NULL nodes leave `*ret` as it is. */
bool sheet_text(struct sheet *sheet, const struct yaml_node *node, const char *what, struct str *ret);
bool sheet_bool(struct sheet *sheet, const struct yaml_node *node, const char *what, bool *ret);
bool sheet_int(struct sheet *sheet, const struct yaml_node *node, const char *what, int64_t least,
    int64_t most, int64_t *ret);
bool sheet_span(
    struct sheet *sheet, const struct yaml_node *node, const char *what, int64_t most_us, int64_t *ret_us);
/* One of the words; gives its index. */
bool sheet_word(struct sheet *sheet, const struct yaml_node *node, const char *what, const char *const *words,
    uint32_t count, uint32_t *ret);
/* Whether the text is [a-z][a-z0-9_]*; a fault otherwise. */
bool sheet_name(struct sheet *sheet, const struct yaml_node *node, const char *what, struct str *ret);
/* The word of `words` nearest to `text`; NULL when none is near. */
const char *sheet_nearest(struct str text, const char *const *words, uint32_t count);

#endif
