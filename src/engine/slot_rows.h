/* Concurrency keys: how many runs of a playbook may be under way for one key, and who waits. Decided inside
 * the commit that begins a run and inside the one that ends it, so two can't take the same place. */
#ifndef TOCSIN_ENGINE_SLOT_ROWS_H
#define TOCSIN_ENGINE_SLOT_ROWS_H

#include "engine/engine.h"
#include "playbook/playbook.h"
#include "store/store.h"

enum admission { ADMITTED, ADMISSION_QUEUED, ADMISSION_SKIPPED };
enum run_status status_of_admission(enum admission admission); /* a new run's */

struct slot {
    int64_t tenant, playbook;
    struct str key;
    int64_t run;
    struct id run_id;
};

/* How many may hold the key is `max`. With WHEN_FULL_SKIP and no place nothing is written. */
FALLIBLE slot_take(struct store_conn *conn, const struct slot *slot, uint32_t max, enum when_full when_full,
    enum admission *ret, struct err_info *why);
/* Whether there is a place, before the run's row is there. */
FALLIBLE slot_is_free(
    struct store_conn *conn, const struct slot *slot, uint32_t max, bool *ret, struct err_info *why);
/* Gives the run's place back. When somebody waited for it: `*ret_next` and `*ret_next_id`, else 0. */
FALLIBLE slot_release(
    struct store_conn *conn, int64_t run, int64_t *ret_next, struct id *ret_next_id, struct err_info *why);
/* For WHEN_FULL_CANCEL_RUNNING, after slot_take queued: the run that holds a place for longest, and all that
 * wait for one before this run, are to be told to end. Each is named once, ever. */
typedef enum err slot_each(void *context, struct id run, struct err_info *why);
FALLIBLE slot_cancel_older(
    struct store_conn *conn, const struct slot *slot, slot_each *each, void *context, struct err_info *why);

#endif
