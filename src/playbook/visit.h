/* Walks the expressions of a playbook's steps, those inside templates too, in the order of the steps. What is
 * evaluated before there is a run (filters, defaults of inputs, the concurrency key) is not among them. */
#ifndef TOCSIN_PLAYBOOK_VISIT_H
#define TOCSIN_PLAYBOOK_VISIT_H

#include "playbook/playbook.h"

/* `line`: of the template that holds the expression, else of the step. */
typedef void expr_visit(void *context, const struct step *step, const struct expr *expr, uint32_t line);
void playbook_visit(const struct playbook *playbook, expr_visit *visit, void *context);

#endif
