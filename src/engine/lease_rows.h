/* The rows of containments. */
#ifndef TOCSIN_ENGINE_LEASE_ROWS_H
#define TOCSIN_ENGINE_LEASE_ROWS_H

#include "engine/effect.h"
#include "store/store.h"

/* Stored. */
enum lease_status {
    LEASE_ACTIVE = 0,
    LEASE_ENDING = 1,
    LEASE_ENDED = 2,
    LEASE_FAILED = 3,
    LEASE_STATUS_COUNT
};
const char *lease_status_name(enum lease_status status); /* "active", "ending", "ended", "failed" */

struct lease_row {
    int64_t tenant;
    struct id id, run_id;
    enum lease_status status;
    struct str undo, connection;
    struct value undo_with;
};
FALLIBLE lease_row_insert(struct store_conn *conn, int64_t tenant, int64_t run, struct id run_id,
    const struct lease_open *lease, struct err_info *why);
/* Tenant 0: any. ERR_NOT_FOUND. */
FALLIBLE lease_row_find(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct lease_row *ret, struct err_info *why);
/* From active or failed to ending: its undo begins as run `undo_run`. `*ret_changed` false: somebody was
 * first. */
FALLIBLE lease_row_begin_end(struct store_conn *conn, struct id id, struct id undo_run, struct str actor,
    bool *ret_changed, struct err_info *why);
FALLIBLE lease_row_end(struct store_conn *conn, struct id id, enum lease_status status, struct err_info *why);
typedef enum err lease_each(void *context, struct id id, struct instant due, struct err_info *why);
FALLIBLE lease_rows_due(
    struct store_conn *conn, struct instant until, lease_each *each, void *context, struct err_info *why);

#endif
