/* JSON Schemas (draft 2020-12) of content files, for editors; printed from the tables that the readers use
 * (shape.h). They say what a file looks like, not whether its expressions are right: that is the linter's. */
#ifndef TOCSIN_PLAYBOOK_SCHEMA_H
#define TOCSIN_PLAYBOOK_SCHEMA_H

#include "base/buf.h"
#include "playbook/shape.h"

/* Of a file of any one shape, with the shapes that it leads to. */
void schema_print(struct buf *out, const struct shape *root);

#endif
