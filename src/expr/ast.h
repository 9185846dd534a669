/* The tree between parser and compiler. The parser builds it with positions and macros expanded into
 * nodes of their own; the checker fills in types and what names refer to; the compiler reads it. Lives
 * in the arena of the compilation; only constants go on into the program. */
#ifndef TOCSIN_EXPR_AST_H
#define TOCSIN_EXPR_AST_H

#include "base/arena.h"
#include "base/value.h"
#include "expr/type.h"

struct function;

enum node_kind {
    NODE_CONST,
    NODE_NAME, /* a variable, a local or a part of a longer name */
    NODE_SELECT, /* children: operand; `name` is the field */
    NODE_CALL, /* children: arguments, the receiver first when is_member */
    NODE_LIST, /* children: items */
    NODE_MAP, /* children: key, value, key, value, … */
    NODE_MESSAGE, /* Name{…}; there are no message types, so the fields are not kept */
    NODE_AND, /* children: two or more operands, flattened: a && b && c is one node */
    NODE_OR,
    NODE_CONDITION, /* children: test, then, else */
    NODE_LOOP, /* children: range, filter or NULL, body */
    NODE_BIND, /* children: value, body */
    NODE_BLOCK, /* children: the slots, then the result */
    NODE_OPT_MAP, /* children: optional, body */
    NODE_FAIL, /* set by the checker when it must not refuse: fails when evaluated */
};

enum loop_kind {
    LOOP_ALL,
    LOOP_EXISTS,
    LOOP_EXISTS_ONE,
    LOOP_MAP, /* map and transformList */
    LOOP_FILTER,
    LOOP_TRANSFORM_MAP,
    LOOP_TRANSFORM_ENTRY,
    LOOP_SORT_BY,
    /* range[*].path, over a list alone; the body is the path on the item. */
    LOOP_EACH,
    LOOP_EACH_PRESENT, /* the path has a '?': its value where there is one */
    LOOP_EACH_FLAT, /* the path has a further [*]: the items of its list */
};

static inline bool loop_is_each(uint8_t loop)
{
    return loop >= LOOP_EACH;
}

/* A variable that a macro introduces. */
struct local {
    struct str name;
    const struct type *type;
    const struct local *outer; /* the next scope outwards */
    const struct node *range; /* of range[*]: what it is an item of; else NULL */
    uint32_t reg; /* set by the compiler */
    bool can_fail; /* bound to an expression whose error shows when the local is read */
};

enum name_reference { NAME_UNRESOLVED, NAME_VARIABLE, NAME_LOCAL };

struct node {
    uint8_t kind; /* enum node_kind */
    uint8_t loop; /* LOOP: enum loop_kind */
    uint8_t reference; /* NAME: enum name_reference */
    bool is_optional; /* SELECT: a.?b; OPT_MAP: optFlatMap */
    bool is_test; /* SELECT inside has() */
    bool is_root; /* NAME, CALL, MESSAGE: written with a leading dot */
    bool is_member; /* CALL in the style a.f(b) */
    bool is_constant; /* set by the compiler's fold: reads nothing from outside */
    uint16_t height; /* of the tree under it */
    uint32_t line, column;
    struct str name; /* NAME, SELECT, CALL, MESSAGE, FAIL (the message) */
    struct node **children;
    uint32_t count;
    uint32_t slot; /* NAME_VARIABLE: index into the environment */
    const bool *optional_entries; /* LIST, MAP: entries with a '?'; NULL when there are none */
    struct value value; /* CONST */
    const struct local *local; /* NAME_LOCAL */
    struct local *locals; /* LOOP, BIND, OPT_MAP, BLOCK: what it introduces */
    uint32_t local_count;
    const struct type *type; /* set by the checker */
    const struct function *function; /* CALL: set by the checker */
};

/* Parses the whole of `source`. ERR_INVALID "expr_parse" (syntax) or "expr_check" (a macro that is
 * used wrongly), with the place; ERR_LIMIT (EXPR_DEPTH_MAX). */
FALLIBLE ast_parse(struct arena *arena, struct str source, struct node **ret, struct err_info *why);

#endif
