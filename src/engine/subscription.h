/* `wait: {event:}`: who waits for which event. Rows in the store; in memory for matching, with what the
 * filter reads of its run. Thread-safe.
 *
 * No event is missed and none counts that came before the wait: subscriptions join the list inside the
 * commit of their run, in the order of commits. An event is matched ahead of its commit against what is in
 * the list, and inside its commit against what has joined since. A match for a run that no longer waits is
 * dropped by the run. */
#ifndef TOCSIN_ENGINE_SUBSCRIPTION_H
#define TOCSIN_ENGINE_SUBSCRIPTION_H

#include "engine/registry.h"

struct subscriptions;

struct subscription_row {
    int64_t tenant, run;
    struct id run_id;
    uint32_t frame;
    struct playbook_version *version; /* the callee takes a reference of its own */
    uint32_t step;
    struct str captured; /* packed: slot → value */
};

FALLIBLE subscriptions_new(struct subscriptions **ret, struct err_info *why);
void subscriptions_free(struct subscriptions *subscriptions);
/* Reads the rows; at start. */
FALLIBLE subscriptions_load(struct subscriptions *subscriptions, struct registry *registry,
    struct store_conn *conn, struct err_info *why);

/* In a commit. ERR_LIMIT SUBSCRIPTIONS_MAX. */
FALLIBLE subscription_insert(struct subscriptions *subscriptions, struct store_conn *conn,
    const struct subscription_row *row, struct err_info *why);
FALLIBLE subscription_delete(struct subscriptions *subscriptions, struct store_conn *conn, int64_t run,
    struct id run_id, uint32_t frame, struct err_info *why);

/* Calls `found` for each that matches and joined after `*seen`, which moves on. A filter that can't be
 * evaluated does not match. */
struct arriving {
    int64_t tenant;
    struct value event, alert;
};
typedef enum err subscription_found(void *context, struct id run, uint32_t frame, struct err_info *why);
FALLIBLE subscriptions_match(struct subscriptions *subscriptions, const struct arriving *arriving,
    uint64_t *seen, subscription_found *found, void *context, struct err_info *why);

#endif
