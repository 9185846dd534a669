/* YAML to a tree with positions, and from there to a value by the core schema of YAML 1.2 (10.3).
 *
 * Everything lives in the arena that was given; the tree never changes once it is built. An alias shows
 * as a copy of what its anchor names (with the anchor's positions), so a reader need not know of
 * aliases. Input is hostile: YAML_BYTES_MAX, YAML_DEPTH_MAX, YAML_NODES_MAX and YAML_ALIASES_MAX hold, a
 * node inside its own anchor is refused, a repeated key is refused with its place. */
#ifndef TOCSIN_BASE_YAML_H
#define TOCSIN_BASE_YAML_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "base/value.h"

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml_node {
    enum yaml_kind kind;
    bool is_plain; /* a scalar without quotes that is no block scalar */
    bool is_alias; /* stands where the text has *name */
    struct str text; /* of a scalar, unfolded and unescaped; valid UTF-8 */
    struct str tag; /* resolved, e.g. "tag:yaml.org,2002:str" or "!mine"; empty without one */
    uint32_t line, column; /* 1-based; where the node starts; columns in bytes.
                            * Tag and anchor are part of it */
    uint32_t end_line, end_column; /* behind its last byte */
    uint32_t height; /* levels of nodes below: 0 for a scalar and for an empty collection */
    uint32_t count; /* of items or pairs */
    union {
        struct yaml_node **items; /* SEQUENCE */
        struct yaml_pair *pairs; /* MAPPING; in the order of the text */
    };
};

struct yaml_pair {
    struct yaml_node *key;
    struct yaml_node *value;
};

/* One document. Text without any gives a plain scalar with no text, which is null. Errors: ERR_INVALID
 * with line, column and a name that starts with "yaml_"; ERR_LIMIT; ERR_MEMORY. */
FALLIBLE yaml_parse(struct arena *arena, struct str text, struct yaml_node **ret_root, struct err_info *why);
/* Every document of a stream; `*ret_roots` is an array in the arena. */
FALLIBLE yaml_parse_all(struct arena *arena, struct str text, struct yaml_node ***ret_roots,
    uint32_t *ret_count, struct err_info *why);

/* The value under a scalar key; NULL when absent or when `node` is no mapping. */
const struct yaml_node *yaml_find(const struct yaml_node *node, struct str key);
/* Has a tag of its own beside the core schema's (null, bool, int, float, str, seq, map). */
bool yaml_has_own_tag(const struct yaml_node *node);
bool yaml_is_null(const struct yaml_node *node);
/* A plain scalar that YAML 1.1 reads as a boolean and 1.2 as a string: yes, no, on, off, y, n in the
 * cases that 1.1 lists. For the linter's warning. */
bool yaml_is_yaml11_bool(const struct yaml_node *node);

/* By the core schema: null, booleans, integers (exact int64, above it uint64, else double) and floats
 * from plain scalars or by tag; everything else is a string. Keys become strings, as in JSON: a mapping
 * whose keys are no scalars is refused ("yaml_key"), so is a tag of one's own ("yaml_tag").
 * `copy_strings` is not needed: texts live in the tree's arena, which must live as long as the value. */
FALLIBLE yaml_to_value(
    struct arena *arena, const struct yaml_node *node, struct value *ret, struct err_info *why);

#endif
