/* The state of reading one connector file; shared by connector_read.c and connector_action_read.c. */
#ifndef TOCSIN_CONNECT_CONNECTOR_READING_H
#define TOCSIN_CONNECT_CONNECTOR_READING_H

#include "connect/connector.h"

struct connector_reading {
    struct sheet sheet;
    struct connector *connector;
};

/* The names that expressions see, as an environment with all slots; hidden ones have no name. */
struct slot_env {
    struct stencil_env env;
    struct expr_name names[SLOT_COUNT];
};
#define SEES_SETTINGS (1u << SLOT_SETTINGS)
#define SEES_REQUEST (SEES_SETTINGS | 1u << SLOT_INPUTS | 1u << SLOT_CALL | 1u << SLOT_PAGE)
#define SEES_ANSWER \
    (SEES_REQUEST | 1u << SLOT_STATUS | 1u << SLOT_HEADERS | 1u << SLOT_BODY | 1u << SLOT_ITEMS)
#define SEES_UNDO (1u << SLOT_INPUTS | 1u << SLOT_OUTPUT)
/* `inputs`, `output`: their types; NULL: dyn. `env->env.may_hold_secrets` is false: the caller sets it. */
void slot_env_init(struct slot_env *env, const struct connector_reading *reading, unsigned sees,
    const struct type *inputs, const struct type *output);

/* Zeroed; NULL after a fault. */
void *reading_array(
    struct connector_reading *reading, const struct yaml_node *node, size_t count, size_t size);
#define READING_ARRAY(reading, node, count, type) \
    ((type *)reading_array((reading), (node), (count), sizeof(type)))

/* A mapping of names to values: headers, query. */
const struct named_stencil *read_named(struct connector_reading *reading, const struct yaml_node *node,
    const struct stencil_env *env, bool are_headers, uint32_t *ret_count);
/* Whether what the stencil makes can fit the type; faults otherwise. `what`: "answer". */
void check_stencil(struct connector_reading *reading, const struct stencil *stencil, const struct type *type,
    const char *what);
/* A value without expressions. */
bool read_constant(struct connector_reading *reading, const struct yaml_node *node, struct value *ret);
/* `in:`, `settings:`: a record whose `ip` and `cidr` fields are of these types, so that values are checked,
 * while
 * `*ret_seen` is what expressions see: text. */
const struct type *read_record(
    struct connector_reading *reading, const struct yaml_node *node, const struct type **ret_seen);

/* connector_action_read.c */
void read_actions(struct connector_reading *reading, const struct yaml_node *node);

#endif
