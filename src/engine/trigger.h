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
struct trigger_match {
    bool matches; /* any trigger of the playbook */
    bool for_repeats; /* one of those that want repeats too */
};
/* A filter that can't be evaluated does not match, but for want of memory: ERR_MEMORY. `arena` is scratch. */
FALLIBLE triggers_match(const struct playbook *playbook, const struct arrival *arrival, struct arena *arena,
    struct trigger_match *ret, struct err_info *why);

#endif
