/* Which events start which playbooks. */
#ifndef TOCSIN_ENGINE_TRIGGER_H
#define TOCSIN_ENGINE_TRIGGER_H

#include "engine/engine.h"

struct arrival {
    enum trigger_kind via;
    struct str via_name;
    struct value event, alert;
    struct instant now;
};
/* True when any trigger of the playbook matches; `*ret_for_repeats`: one that wants repeats too. A filter
 * that can't be evaluated does not match. `arena` is scratch. */
bool triggers_match(const struct playbook *playbook, const struct arrival *arrival, struct arena *arena,
    bool *ret_for_repeats);

#endif
