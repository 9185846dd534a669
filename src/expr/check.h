/* The checker (langdef, "Gradual Type Checking"): resolves names and functions, finds out types, and
 * gathers what the expression refers to. */
#ifndef TOCSIN_EXPR_CHECK_H
#define TOCSIN_EXPR_CHECK_H

#include "expr/ast.h"
#include "expr/expr.h"

struct checked {
    const struct type *type;
    struct expr_reference *references;
    uint32_t reference_count;
};

/* Rewrites the tree in place: names become variables, locals or constants. ERR_INVALID "expr_check";
 * when the environment is unchecked, only what no evaluation could mend. */
FALLIBLE check_tree(struct arena *arena, const struct expr_env *env, struct node *root, struct checked *ret,
    struct err_info *why);

#endif
