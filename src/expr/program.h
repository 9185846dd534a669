/* A compiled program: flat steps over registers. Immutable once built, shared by threads.
 *
 * Errors are values where CEL says so: a step with a handler that fails puts the error into a
 * register and goes on at the handler's target, where && and || (and all, exists, bindings) look at
 * it. Without a handler the evaluation ends. */
#ifndef TOCSIN_EXPR_PROGRAM_H
#define TOCSIN_EXPR_PROGRAM_H

#include "expr/ast.h"
#include "expr/expr.h"
#include "expr/function.h"
#include "expr/regex.h"

/* A register, or with this bit a constant of the program. */
#define OPERAND_CONSTANT UINT32_C(0x80000000)

enum step_op {
    STEP_RETURN, /* a */
    STEP_MOVE, /* dst = a; an error in a is raised */
    STEP_PATH, /* dst = variable a, then the fields of `path` one by one */
    STEP_SELECT, /* dst = a.field */
    STEP_HAS, /* dst = has(a.field) */
    STEP_OPT_SELECT, /* dst = a.?field */
    STEP_CALL, /* dst = call(…) */
    STEP_NOT, /* dst = !a; below too the `call` is what to do for other types */
    STEP_ADD, /* dst = a + b */
    STEP_SUBTRACT,
    STEP_EQUAL,
    STEP_NOT_EQUAL,
    STEP_LESS,
    STEP_LESS_EQUAL,
    STEP_GREATER,
    STEP_GREATER_EQUAL,
    STEP_INDEX, /* dst = a[b] */
    STEP_MATCHES, /* dst = a.matches(regex) */
    STEP_LIST, /* dst = [operands] */
    STEP_MAP, /* dst = {operands in pairs} */
    STEP_JUMP, /* to b */
    STEP_BRANCH, /* a true: on; false: to b */
    STEP_LOGIC, /* dst = dst && a, decided: to b; flags LOGIC_* */
    STEP_LOGIC_END, /* dst: an error in it is raised */
    STEP_LOOP_BEGIN, /* loop dst over a; flags: enum loop_kind */
    STEP_LOOP_NEXT, /* loop a: the next entry into registers dst, dst + 1; none left: to b */
    STEP_LOOP_KEEP, /* a true: on; false: to b */
    STEP_LOOP_YIELD, /* loop dst takes the body's result a, then to b */
    STEP_LOOP_END, /* dst = what loop a made */
    STEP_OPT_TEST, /* the optional a into dst when it has a value; else to b */
    STEP_OPT_NONE, /* dst = none */
    STEP_OPT_OF, /* dst = optional of a; with flags set: a, which must be an optional */
    STEP_FAIL, /* `text` */
    STEP_OP_COUNT,
};

#define LOGIC_OR 1
#define LOGIC_FIRST 2 /* dst has nothing yet */

struct path {
    uint32_t count;
    struct str fields[];
};

struct call_site {
    const struct function *function;
    bool is_member;
    uint32_t count;
    const uint32_t *operands;
};

struct step {
    uint8_t op;
    uint8_t flags;
    uint16_t variables; /* LOOP_NEXT: 1 or 2 */
    uint32_t handler; /* index + 1; 0: none */
    uint32_t dst, a, b;
    union {
        const struct path *path; /* PATH */
        const struct str *field; /* SELECT, HAS, OPT_SELECT */
        const struct call_site *call;
        struct regex *regex; /* MATCHES */
        const struct literal_site *literal; /* LIST, MAP */
        const struct str *text; /* FAIL */
    };
};

struct literal_site {
    uint32_t count; /* operands */
    const uint32_t *operands;
    const bool *optional_entries;
};

struct handler {
    uint32_t reg;
    uint32_t target;
};

struct place {
    uint32_t line, column;
};

struct expr {
    struct str source;
    const struct type *type;
    const struct expr_reference *references;
    uint32_t reference_count;
    const struct step *steps;
    const struct place *places; /* one a step */
    uint32_t step_count;
    const struct value *constants;
    const struct handler *handlers;
    const uint32_t *slots; /* by variable of the program: its slot in the environment */
    const struct str *slot_names;
    uint32_t variable_count;
    uint32_t register_count;
    uint32_t loop_count; /* nested at most */
    bool is_constant;
    bool is_building; /* makes lists or maps, which may hold one value many times */
    uint64_t cost_least, cost_most;
};

/* Steps of a checked tree, constants folded. */
FALLIBLE compile_tree(struct arena *arena, struct node *root, struct expr *expr, struct err_info *why);

/* Cost that evaluating the tree takes at least and at most. */
struct cost_range {
    uint64_t least, most;
};
struct cost_range estimate_tree(const struct node *root);

#endif
