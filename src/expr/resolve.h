/* Which variable, local, constant or function a name means (langdef, "Name Resolution"). */
#ifndef TOCSIN_EXPR_RESOLVE_H
#define TOCSIN_EXPR_RESOLVE_H

#include "expr/ast.h"
#include "expr/expr.h"
#include "expr/function.h"

/* "a.b.c" of a chain of plain selections on a name. */
#define QUALIFIED_NAME_BYTES_MAX 512

struct qualified_name {
    char text[QUALIFIED_NAME_BYTES_MAX];
    size_t size;
    const struct node *root; /* the NODE_NAME in front */
};

/* False when the node is more than a name, or the name is too long to be one. */
bool qualified_name(const struct node *node, struct qualified_name *ret);

const struct local *resolve_local(const struct local *scope, struct str name);
/* Tries the name in the container and outwards from it. On success the node has become a variable or
 * a constant, its type is set. */
bool resolve_name(const struct expr_env *env, const struct qualified_name *name, struct node *node);
/* The function that is called as `prefix.name(…)`, or NULL. `prefix` may be empty; behind a leading dot
 * (`is_root`) the container does not count. */
const struct function *resolve_function(
    const struct expr_env *env, bool is_root, struct str prefix, struct str name);
/* "; did you mean 'x'?" or an empty text, for names that are not known. */
void resolve_suggestion(
    const struct expr_env *env, const struct local *scope, struct str name, char *ret_text, size_t size);

#endif
