/* Types as YAML declares them: `ip`, `{ type: list, items: string }`, `{ type: record, fields: { a: int } }`.
 * Used by playbooks' inputs, connectors' `in`, `out` and `settings`, and sources. */
#ifndef TOCSIN_PLAYBOOK_TYPE_READ_H
#define TOCSIN_PLAYBOOK_TYPE_READ_H

#include "base/yaml.h"
#include "expr/type.h"
#include "playbook/diagnostic.h"

/* `dyn` after a fault. Keys of the mapping form that are not a type's (`default`, `required`, `secret`,
 * `help`, `example`, `sink`) are left to the caller. A name with `?` behind it ("string?") may be null. */
const struct type *type_read(struct arena *arena, const struct yaml_node *node, struct diagnostics *found);
/* The names that a type can have, for the schema; empty past the end. */
struct str type_read_name(uint32_t index);
/* `{ name: TYPE, … }` as a record. Fields are required unless `required: false` or a `default` stands there.
 */
const struct type *type_read_fields(
    struct arena *arena, const struct yaml_node *node, struct diagnostics *found);

#endif
