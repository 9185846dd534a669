/* What the parser shares with the macros that it expands. */
#ifndef TOCSIN_EXPR_PARSE_H
#define TOCSIN_EXPR_PARSE_H

#include "expr/ast.h"
#include "expr/token.h"

struct parser {
    struct arena *arena;
    struct lexer lexer;
    struct token token; /* the one to be read next */
    struct token next; /* the one after */
    unsigned depth; /* of nested expressions */
};

struct node_list {
    struct node **nodes;
    uint32_t count, room;
};

/* A call as it was written, before it is known to be a macro. */
struct call_text {
    struct node *target; /* NULL for f(x) */
    struct str name;
    struct token at;
    struct node_list arguments;
};

/* A node over `count` children, which are borrowed. ERR_LIMIT (EXPR_DEPTH_MAX) when the tree grows
 * too high. */
FALLIBLE parser_node(struct parser *parser, enum node_kind kind, const struct token *at,
    struct node **children, uint32_t count, struct node **ret, struct err_info *why);
FALLIBLE parser_list_add(
    struct parser *parser, struct node_list *list, struct node *node, struct err_info *why);
/* The pointers are copied; NULL among them is for a part that a node lacks. */
FALLIBLE parser_list_add_all(struct parser *parser, struct node_list *list, struct node *const *nodes,
    uint32_t count, struct err_info *why);

/* How the macro of this name is written, or NULL: for calls that look like it but are not. */
const char *macro_usage(struct str name);
/* Expands the call when it is a macro; else `*ret` is NULL. ERR_INVALID "expr_check" when a macro is
 * used wrongly. */
FALLIBLE macro_expand(
    struct parser *parser, const struct call_text *call, struct node **ret, struct err_info *why);

#endif
