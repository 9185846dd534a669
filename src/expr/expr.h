/* CEL (Common Expression Language, the public specification's langdef): text to a checked, flat
 * program, and its evaluation under a cost limit.
 *
 * Stages: lex → parse (positions kept) → check (types; `dyn` where nothing is declared) → compile to
 * flat steps → evaluate. A program is immutable and may be evaluated by many threads at once. An
 * expression never reads a clock, a file or the network; names come from the environment alone.
 */
#ifndef TOCSIN_EXPR_EXPR_H
#define TOCSIN_EXPR_EXPR_H

#include "base/arena.h"
#include "base/err.h"
#include "base/value.h"
#include "expr/type.h"

struct expr; /* a compiled program; lives in the arena it was compiled into */

/* A variable of an environment: its slot is its index in `names`. */
struct expr_name {
    struct str name; /* may be dotted, "a.b": langdef, "Name Resolution" */
    const struct type *type;
};

struct expr_env {
    const struct expr_name *names;
    uint32_t name_count;
    struct str container; /* namespace for name resolution; empty in playbooks */
    bool is_unchecked; /* types are not checked; unknown names fail when they are evaluated */
    /* For a linter that walks the checked tree itself: what can be evaluated and is merely odd is no error
     * (a field that a record does not have, a comparison with null, branches of different types), and every
     * node's type is whole. */
    bool is_tolerant;
};

enum expr_reference_kind { EXPR_READS, EXPR_TESTS /* inside has() or optional selection */ };

/* A path of field selections that starts at a variable, as far as it is known before evaluation:
 * `steps.a.output.b[0].c` gives root "steps", fields {"a", "output", "b"}; an index that is a string
 * literal counts as a field, and `steps.a.output.b[*].c` goes on to "c". `has(steps.a.ok)` and
 * `steps.a.?ok` read {"a"} and test {"a", "ok"}: two references, in this order, over one array. Line and
 * column are those of the last field. For the linter. */
struct expr_reference {
    struct str root;
    const struct str *fields;
    uint32_t field_count;
    enum expr_reference_kind kind;
    uint32_t line, column;
    const struct type *type; /* as checked */
};

/* Compiles `source` into `arena`, which the program borrows from for ever. Expected errors:
 * ERR_INVALID with line and column inside `source` and name "expr_parse" or "expr_check" (unknown names
 * and functions get the nearest known one); ERR_LIMIT (EXPR_SOURCE_BYTES_MAX, EXPR_DEPTH_MAX,
 * EXPR_PATTERN_BYTES_MAX, EXPR_PATTERNS_MAX). */
FALLIBLE expr_compile(struct arena *arena, const struct expr_env *env, struct str source, struct expr **ret,
    struct err_info *why);

/* Borrowed from the program. */
const struct type *expr_type(const struct expr *expr);
struct str expr_source(const struct expr *expr);
const struct expr_reference *expr_references(const struct expr *expr, uint32_t *ret_count);
bool expr_is_constant(const struct expr *expr, struct value *ret); /* no variables read, folded */
/* Units that an evaluation takes at least and at most; UINT64_MAX when unbounded by the text. */
void expr_cost(const struct expr *expr, uint64_t *ret_least, uint64_t *ret_most);

/* Gives the value of slot `slot` when it is first read in an evaluation; false when the variable has
 * no value (then reading it is an evaluation error "no such attribute"). The value must live as long
 * as the arena of the evaluation. */
struct expr_activation {
    bool (*get)(const struct expr_activation *activation, uint32_t slot, struct value *ret);
};

struct expr_limits {
    uint64_t cost_max; /* 0: EXPR_COST_MAX */
    uint64_t *ret_cost; /* may be NULL: units used */
};

/* The result may share memory with the activation's values and with `arena`. Expected errors:
 * ERR_INVALID name "expr_eval" (CEL errors: no such key, division by zero, …), ERR_LIMIT names
 * "expression_cost", "EXPR_STRING_BYTES_MAX", "VALUE_DEPTH_MAX" (the result is a tree of no more than these),
 * ERR_MEMORY. */
FALLIBLE expr_eval(const struct expr *expr, struct arena *arena, const struct expr_activation *activation,
    const struct expr_limits *limits, struct value *ret, struct err_info *why);

/* Convenience for values that are at hand: slot i has values[i]. */
struct expr_values {
    struct expr_activation activation;
    const struct value *values;
    uint32_t count;
};
void expr_values_init(struct expr_values *values, const struct value *list, uint32_t count);

#endif
