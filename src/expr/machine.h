/* One evaluation in flight. */
#ifndef TOCSIN_EXPR_MACHINE_H
#define TOCSIN_EXPR_MACHINE_H

#include "expr/program.h"

/* An error as a value, seen by && and || and by nothing outside of the evaluator. */
#define VALUE_ERROR 0xff
/* A variable that was not read yet. */
#define VALUE_UNREAD 0xfe

struct fault {
    struct str text;
    uint32_t line, column;
};

struct loop_state {
    enum loop_kind kind;
    uint32_t index, count, variables;
    bool is_map, is_decided;
    uint8_t flags; /* VALUE_OUTSIDE of the range */
    uint32_t hits; /* EXISTS_ONE */
    const struct fault *fault; /* the first error that all() and exists() met */
    const struct value *items; /* of a list */
    const struct value_entry *entries; /* of a map */
    struct value *made; /* MAP, FILTER, SORT_BY, EACH; of EACH_FLAT lists */
    struct value *keys; /* SORT_BY */
    uint32_t made_count;
    struct value_map_builder map; /* TRANSFORM_* */
};

struct machine {
    struct call call;
    const struct expr *expr;
    const struct expr_activation *activation;
    struct value *registers;
    struct value *variables;
    struct loop_state *loops;
    uint32_t pc;
};

typedef enum err step_function(struct machine *machine, const struct step *step);

static inline struct value machine_operand(const struct machine *machine, uint32_t operand)
{
    return operand & OPERAND_CONSTANT ? machine->expr->constants[operand & ~OPERAND_CONSTANT]
                                      : machine->registers[operand];
}

static inline const struct fault *machine_fault(struct value v)
{
    return (const struct fault *)(const void *)v.bytes;
}

static inline struct value machine_error(const struct fault *fault)
{
    return (struct value){ .type = VALUE_ERROR, .bytes = (const char *)fault };
}

/* The last error as a value in the arena. */
FALLIBLE machine_keep_fault(struct machine *machine, const struct step *step, struct value *ret);
/* The error of an operand of && or || that is neither true nor false, as a value. */
FALLIBLE machine_no_bool(struct machine *machine, const struct step *step, struct value v, struct value *ret);
/* Fails again with an error that was a value. */
FALLIBLE machine_raise(struct machine *machine, const struct fault *fault);
/* Calls the overload that matches. */
FALLIBLE machine_call(struct machine *machine, const struct call_site *site, struct value *ret);
/* operand.field; an optional operand gives an optional. */
FALLIBLE machine_select(struct machine *machine, struct value operand, struct str field, struct value *ret);

FALLIBLE step_loop_begin(struct machine *machine, const struct step *step);
FALLIBLE step_loop_next(struct machine *machine, const struct step *step);
FALLIBLE step_loop_keep(struct machine *machine, const struct step *step);
FALLIBLE step_loop_yield(struct machine *machine, const struct step *step);
FALLIBLE step_loop_end(struct machine *machine, const struct step *step);
FALLIBLE step_literal_list(struct machine *machine, const struct step *step);
FALLIBLE step_literal_map(struct machine *machine, const struct step *step);
FALLIBLE step_add(struct machine *machine, const struct step *step);
FALLIBLE step_subtract(struct machine *machine, const struct step *step);
FALLIBLE step_equal(struct machine *machine, const struct step *step);
FALLIBLE step_order(struct machine *machine, const struct step *step);
FALLIBLE step_index(struct machine *machine, const struct step *step);
FALLIBLE step_not(struct machine *machine, const struct step *step);
FALLIBLE step_call(struct machine *machine, const struct step *step);

#endif
