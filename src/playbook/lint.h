/* Inside playbook/: what a well-formed playbook may still have wrong. lint_call.c looks at a step while it is
 * read, where the YAML nodes are at hand; lint_flow.c and what it uses (lint_impl.h) at the whole graph.
 * Codes are explained in lint_code.c. */
#ifndef TOCSIN_PLAYBOOK_LINT_H
#define TOCSIN_PLAYBOOK_LINT_H

#include "playbook/reader.h"

/* `node` is the step's. Without a catalogue in the world nothing is checked. */
void lint_action(struct reader *r, const struct yaml_node *node, const struct step *step);
void lint_run(struct reader *r, const struct yaml_node *node, const struct step *step);
/* Warns of a text that is an expression without its `${{ }}`. */
void lint_constant(struct reader *r, const struct yaml_node *node);

/* Types, names and the flow of the whole graph; needs a world. ERR_MEMORY alone. */
FALLIBLE lint_flow(struct reader *r, const struct playbook *playbook, struct err_info *why);

#endif
