/* Type variables and how they are found out: what generic overloads and empty literals need. A
 * variable is a TYPE_PARAMETER with a number; what is known of it stands in a table. */
#ifndef TOCSIN_EXPR_INFER_H
#define TOCSIN_EXPR_INFER_H

#include "expr/function.h"

/* A variable and what was known of it before. */
struct binding {
    uint32_t variable;
    const struct type *before;
};

struct inference {
    struct arena *arena;
    const struct type **bound; /* by variable; NULL while nothing is known */
    uint32_t count, room;
    struct binding *trail; /* what was bound, in order, so that an attempt can be undone */
    uint32_t trail_count, trail_room;
    bool is_lenient; /* every type goes everywhere: no checker was asked for */
    bool is_out_of_memory; /* sticky; the checker looks at it once, at the end */
};

/* NULL only when there is no memory; then &type_dyn stands in and the sticky flag is set. */
const struct type *infer_fresh(struct inference *inference);
const struct type *infer_list(struct inference *inference, const struct type *item);
const struct type *infer_map(struct inference *inference, const struct type *key, const struct type *item);
const struct type *infer_optional(struct inference *inference, const struct type *item);

/* Whether a value of type `from` can go where `to` is asked for; binds variables when it can, and
 * leaves them alone when it can't. */
bool infer_assign(struct inference *inference, const struct type *to, const struct type *from);
/* The type of a literal's entries so far, with one more. `joined` is NULL for the first. */
const struct type *infer_join(
    struct inference *inference, const struct type *joined, const struct type *next);
/* What is known of the type at its root: a bound variable is followed. */
const struct type *infer_resolve(const struct inference *inference, const struct type *type);
/* The whole type without variables: dyn for what is not known. */
const struct type *infer_settle(struct inference *inference, const struct type *type);

/* Matches the arguments with every overload of the function. NULL when none fits. With several the
 * result is their common type, or dyn. */
const struct type *infer_call(struct inference *inference, const struct function *function, bool is_member,
    const struct type *const *arguments, uint32_t count);

#endif
