/* Who wants to know when a run ends. Thread-safe. */
#ifndef TOCSIN_ENGINE_WATCH_H
#define TOCSIN_ENGINE_WATCH_H

#include "engine/engine.h"

struct watches;

FALLIBLE watches_new(struct store *store, struct watches **ret, struct err_info *why);
void watches_free(struct watches *watches);
void watches_add(struct watches *watches, struct engine_watch *watch);
void watches_ask(struct watches *watches, struct engine_watch *watch);
void watches_remove(struct watches *watches, struct engine_watch *watch);
/* The run came to a status that somebody may wait for. Any thread. */
void watches_tell(struct watches *watches, struct id run, enum run_status status);

#endif
