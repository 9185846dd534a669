/* Inside the linter: the walk over one expression, which lint_visit.c and lint_macro.c share. */
#ifndef TOCSIN_PLAYBOOK_LINT_VISIT_H
#define TOCSIN_PLAYBOOK_LINT_VISIT_H

#include "playbook/lint_impl.h"

struct visit {
    struct linter *l;
    struct flow *flow; /* NULL: nothing is reported */
    const struct expr_site *site;
    bool is_deferred; /* reads a variable whose type is not known yet */
    bool is_fixed;
    /* The filter() that was looked at last, and what its predicate shows of an item. */
    const struct node *filtered;
    const struct fact *filter_facts;
    const struct path *filter_item;
};

struct seen {
    const struct path *path; /* NULL: it is none */
    uint8_t taint;
    bool may_be_null; /* set by visit(), for conditions by themselves */
    bool is_told; /* it may be null although it is no path */
    bool holds_null; /* an item of the list, what the optional holds, may be null */
};

/* What is seen of a part; `facts`: what holds at its place beside the flow's own. */
struct seen lint_visit_node(struct visit *v, const struct node *node, const struct fact *facts);
/* `vars` or `steps` as a whole, not one of their fields. */
void lint_visit_whole(struct visit *v, const struct node *node, struct seen *seen);
/* At a place that null must not come to. */
void lint_check_null(struct visit *v, const struct node *node, const struct seen *seen);
void lint_report_at(const struct visit *v, const struct node *node, enum diagnostic_level level,
    const char *code, const struct buf *text);

/* ---- lint_macro.c ---- */

struct seen lint_visit_loop(struct visit *v, const struct node *node, const struct fact *facts);
struct seen lint_visit_bindings(struct visit *v, const struct node *node, const struct fact *facts);
struct seen lint_visit_opt_map(struct visit *v, const struct node *node, const struct fact *facts);
bool lint_is_told_null(const struct seen *seen);
/* The list that filter() gives, with what its predicate has shown of the items. */
const struct type *lint_refined(const struct visit *v, const struct type *list);

#endif
