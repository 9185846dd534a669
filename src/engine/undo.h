/* How a containment ends: by a run of its own, of a playbook that is made for it (one `do` of the undo, tried
 * again for long). So an undo is as durable, as careful with repeating and as visible as any action. */
#ifndef TOCSIN_ENGINE_UNDO_H
#define TOCSIN_ENGINE_UNDO_H

#include "engine/registry.h"

#define UNDO_PLAYBOOK_NUMBER INT64_C(-1) /* in a run's row: no stored playbook */

#define UNDO_PLAYBOOK_NAME STR("containment-undo")

/* `inputs` is {"action", "connection", "with"}; it is copied. */
FALLIBLE undo_version_new(
    int64_t tenant, struct value inputs, struct playbook_version **ret, struct err_info *why);

#endif
