/* Inside the linter: what the files lint_*.c share while one playbook is looked at.
 *
 * Two passes. lint_infer.c finds the types of variables, of what loops collect and of loop names, which do
 * not depend on the place where they are read. lint_flow.c then walks the graph as a run would and keeps, at
 * each place, what is there surely, what may be, and what the conditions around it have shown; lint_visit.c
 * looks at one expression there. Everything lives in the linter's arena and goes with it. */
#ifndef TOCSIN_PLAYBOOK_LINT_IMPL_H
#define TOCSIN_PLAYBOOK_LINT_IMPL_H

#include "expr/ast.h"
#include "playbook/lint.h"

/* `steps.look.output.name`: the last part first. Two paths are one when their parts are. */
struct path {
    const struct path *outer; /* NULL: a name in scope */
    struct str name;
    const struct local *local; /* of a root that a macro brought in */
    uint64_t tree; /* of a root that is what filter() gives: the same for the same filter */
};

/* What is known of a path because a condition around held, or did not. Lists share their tails. */
enum fact_kind { FACT_PRESENT, FACT_NOT_NULL, FACT_TRUE, FACT_FALSE };
struct fact {
    const struct fact *next;
    const struct path *path;
    enum fact_kind kind;
    uint32_t count; /* of this and those behind it */
};

/* One bit each: step i has an entry at i, has an output at steps + i; variable v is at 2 * steps + v. */
struct flow {
    uint64_t *surely, *maybe;
    const struct fact *facts;
    bool is_ended; /* nothing behind this place runs */
};

struct variable {
    struct str name;
    const struct step *assigned_at; /* the first one in the text */
    const struct type *type; /* NULL: not known yet */
    uint8_t taint;
    bool is_read;
};

/* What stands for a variable of a macro. */
struct bound {
    const struct bound *outer;
    const struct local *local;
    const struct path *path; /* NULL: there was no memory */
    uint8_t taint;
};

/* Not safe for any sink. */
#define TAINTED ((uint8_t)((1u << SINK_COUNT) - 2))

/* What is known of a value without its place: its type, and the sinks for which it is not safe. */
struct verdict {
    const struct type *type; /* NULL: hangs on a variable that is not known yet */
    uint8_t taint; /* 1 << enum type_sink */
};

/* An expression's checked tree, kept while no variable that it may read changes its type. */
struct examined {
    const struct expr_site *site;
    struct node *root;
    struct verdict verdict;
    uint32_t version;
    bool is_fixed; /* reads nothing that could change */
};

/* Names to numbers, by open addressing; 0: free. */
struct name_index {
    uint32_t *slots;
    uint32_t mask;
};

/* Where an expression stands decides which names have values. */
enum lint_where { LINT_IN_STEPS, LINT_IN_START, LINT_IN_TRIGGER };

struct linter {
    struct arena arena;
    struct reader *reader;
    struct diagnostics *found;
    const struct playbook_world *world;
    const struct playbook *playbook;

    struct variable *variables;
    uint32_t variable_count;
    struct name_index variable_index, step_index; /* numbers + 1 */
    struct type vars_type, steps_type, inputs_type;
    struct type_field *vars_fields, *steps_fields;
    struct type *step_types; /* by index: what `steps.ID` is */
    struct type_field *step_fields; /* STEP_FIELD_COUNT a step */
    struct verdict *outputs; /* by index */
    struct verdict *loops; /* by index: the item of a for_each */
    struct expr_name names[SCOPE_LOOP + SCOPE_LOOPS_MAX];
    uint8_t name_taints[SCOPE_LOOP + SCOPE_LOOPS_MAX];
    uint32_t name_count;

    struct examined *examined;
    uint32_t *table; /* of numbers + 1 into `examined`, by the expression's address */
    uint32_t table_mask;
    uint32_t version; /* raised when something changes that trees were checked with */
    bool has_changed;

    uint32_t word_count; /* of a flow's bits */
    const uint64_t *outer; /* what was there when a branch that keeps its assignments began; NULL: none */
    enum lint_where where;
    const struct bound *bounds; /* innermost, of the expression that is looked at */
    bool is_out_of_memory;
};

/* ---- lint_facts.c ---- */

const struct path *path_extend(struct linter *l, const struct path *outer, struct str name);
const struct path *path_root(struct linter *l, struct str name, const struct local *local);
bool path_equal(const struct path *a, const struct path *b);
struct str path_root_name(const struct path *path);
uint32_t path_depth(const struct path *path); /* 0 for a root */
bool path_is_over_list(const struct path *path); /* a `[*]` stands in it */
void path_print(struct buf *buf, const struct path *path);
/* The path that a tree is, NULL when it is none: `a.b`, `a.?b`, `a["b"]`, `a[0]`, has()'s operand, and what
 * filter() gives. */
const struct path *path_of(struct linter *l, const struct node *node);
/* `outer[index]`; NULL when the index neither stands in the text nor is a path. */
const struct path *path_index(struct linter *l, const struct path *outer, const struct node *index);

const struct fact *fact_add(
    struct linter *l, const struct fact *facts, enum fact_kind kind, const struct path *path);
bool fact_is_present(const struct fact *facts, const struct path *path);
bool fact_is_not_null(const struct fact *facts, const struct path *path);
bool fact_holds(const struct fact *facts, enum fact_kind kind, const struct path *path);
/* What is known besides when the tree gives `outcome`. */
const struct fact *facts_when(
    struct linter *l, const struct node *node, bool outcome, const struct fact *facts);
/* What is known of `from` and what lies behind it, said of `to`, in front of `into`. */
const struct fact *facts_moved(struct linter *l, const struct fact *facts, const struct path *from,
    const struct path *to, const struct fact *into);
const struct fact *facts_common(const struct fact *a, const struct fact *b);

/* ---- lint_type.c ---- */

/* What holds for values of both. */
const struct type *lint_join(struct linter *l, const struct type *a, const struct type *b);
const struct type *lint_type_of(struct linter *l, struct value v);
/* Of a template whose expressions were examined; type NULL as in the verdict. `flow` as for lint_examine. */
struct verdict lint_template(struct linter *l, struct flow *flow, const struct template *template);
const struct type *lint_nullable(struct linter *l, const struct type *type);

#define STEP_FIELD_COUNT 6
/* Makes the records of all names, with what is known without looking at expressions. */
bool lint_scope_init(struct linter *l);
/* Loop names that a step at this depth sees. */
void lint_scope_enter(struct linter *l, const struct step *step, uint32_t loop_depth);
/* `it` of a `when` in `cases`, or of a waited-for event. `type` NULL: there is none any more. */
void lint_scope_it(struct linter *l, const struct type *type, uint8_t taint);
void lint_set_output(struct linter *l, const struct step *step, struct verdict output);

/* ---- lint_visit.c ---- */

/* Type and taint of an expression. With a flow, faults are reported and the flow's facts count. */
struct verdict lint_examine(struct linter *l, struct flow *flow, const struct expr *expr);
/* Its checked tree; NULL when it has none. After lint_examine. */
const struct node *lint_tree(struct linter *l, const struct expr *expr);
bool lint_examine_init(struct linter *l);
struct text_place lint_place(struct linter *l, const struct expr *expr, uint32_t line, uint32_t column);

/* ---- lint_names.c ---- */

struct reading {
    struct linter *l;
    struct flow *flow;
    const struct fact *facts;
    const struct expr_site *site;
    uint32_t line, column; /* in the expression */
    const struct path *path; /* what is read */
    bool is_test; /* inside has() or behind `?` */
};
void lint_read_step(const struct reading *reading);
void lint_read_step_field(const struct reading *reading);
void lint_read_variable(const struct reading *reading);
/* Room for so many variables; steps with an id of their own are there at once. False: no memory. */
bool lint_names_init(struct linter *l, uint32_t variables_most);
void lint_add_variable(struct linter *l, struct str name, const struct step *assigned_at); /* once a name */
struct variable *lint_find_variable(const struct linter *l, struct str name);
const struct step *lint_find_step(const struct linter *l, struct str id); /* by a given id */

static inline bool bit_get(const uint64_t *bits, uint32_t at)
{
    return bits[at / 64] >> (at % 64) & 1;
}
static inline void bit_set(uint64_t *bits, uint32_t at)
{
    bits[at / 64] |= UINT64_C(1) << (at % 64);
}
static inline uint32_t output_bit(const struct linter *l, uint32_t step)
{
    return l->playbook->step_count + step;
}
static inline uint32_t variable_bit(const struct linter *l, uint32_t variable)
{
    return 2 * l->playbook->step_count + variable;
}

/* ---- lint_infer.c ---- */

/* False when there is no memory. */
bool lint_infer(struct linter *l);
bool lint_is_inside(const struct step *step, const struct step *loop); /* the loop itself is, too */

/* ---- lint_with.c ---- */

/* What is given under `with:` against what is asked for; `taint` is looked at where a field is a sink. */
void lint_with(struct linter *l, struct flow *flow, const struct template *with, const struct type *in);
void lint_with_inputs(
    struct linter *l, struct flow *flow, const struct template *with, const struct playbook *called);
/* A value at some other place: wrong_type, may_be_null. */
void lint_value(struct linter *l, struct flow *flow, const struct template *template, const struct type *type,
    const char *code, struct str what);
/* An expression that must be true or false. */
void lint_condition(struct linter *l, struct flow *flow, const struct expr *expr);

#endif
