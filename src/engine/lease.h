/* The end of containments: at their time, or by hand, each by an undo run of its own (undo.h). */
#ifndef TOCSIN_ENGINE_LEASE_H
#define TOCSIN_ENGINE_LEASE_H

#include "engine/engine_impl.h"

/* On the shard. Its time has come. */
void lease_due(struct shard *shard, struct id lease);

/* Any thread. A containment was begun and its row is durable: it is due in this window, perhaps. */
void lease_begun(struct engine *engine, struct id lease, struct instant due);

/* Any thread. `task` and `answer`: a person who was asked after an undo had failed wants it tried again; else
 * ID_NONE and null. */
struct lease_ask {
    int64_t tenant;
    struct id lease, task;
    struct str actor;
    struct value answer;
};
void lease_undo(struct engine *engine, const struct lease_ask *ask, struct engine_reply *reply);

#endif
