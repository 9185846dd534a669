/* Outputs that an action declares secret: from the moment that they come back they travel as handles
 * (VALUE_SECRET), which journals keep sealed and views, logs and exports mask. connect/ seals what connectors
 * answer itself; this is for whatever comes plain. */
#ifndef TOCSIN_ENGINE_SEAL_H
#define TOCSIN_ENGINE_SEAL_H

#include "engine/engine.h"

struct sealer {
    engine_seal *seal; /* NULL: what is secret is not kept at all, an empty handle stands for it */
    void *context;
};
/* `v`, with each part that `type` declares secret sealed. Shares memory with `v`; new parts in `arena`. */
FALLIBLE seal_output(const struct sealer *sealer, int64_t tenant, const struct type *type, struct value v,
    struct arena *arena, struct value *ret, struct err_info *why);

#endif
