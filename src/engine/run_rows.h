/* The rows of runs, of their journal and of their inbox. */
#ifndef TOCSIN_ENGINE_RUN_ROWS_H
#define TOCSIN_ENGINE_RUN_ROWS_H

#include "engine/run.h"
#include "store/store.h"

struct run_row {
    int64_t number, tenant;
    struct id id;
    int64_t playbook;
    uint32_t version;
    enum run_status status;
    struct instant created, ended, wake; /* us 0: none */
    uint32_t snapshot;
    struct id event_id, alert_id, case_id, parent_id;
    struct str error_code, error_message;
    struct str output; /* packed; empty: null */
};

FALLIBLE run_row_insert(
    struct store_conn *conn, const struct run_row *row, int64_t *ret_number, struct err_info *why);
/* Status, ended, wake, snapshot, case, error, output. */
FALLIBLE run_row_update(struct store_conn *conn, const struct run_row *row, struct err_info *why);
/* Texts live in `arena`. ERR_NOT_FOUND; tenant 0: any. */
FALLIBLE run_row_find(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct run_row *ret, struct err_info *why);
FALLIBLE run_row_status(
    struct store_conn *conn, int64_t tenant, struct id id, enum run_status *ret, struct err_info *why);
/* A queued run whose turn has come. */
FALLIBLE run_row_admit(struct store_conn *conn, int64_t number, struct err_info *why);

FALLIBLE journal_row_insert(struct store_conn *conn, int64_t tenant, int64_t run, uint32_t seq,
    struct str record, struct arena *scratch, struct err_info *why);
/* Calls `each` for the records from `from` on, in order; their bytes live in `arena`. */
typedef enum err journal_each(void *context, uint32_t seq, struct str record, struct err_info *why);
/* Retention: all records of a run. */
FALLIBLE journal_rows_delete(struct store_conn *conn, int64_t run, struct err_info *why);
FALLIBLE journal_rows(struct store_conn *conn, int64_t tenant, int64_t run, uint32_t from,
    struct arena *arena, journal_each *each, void *context, struct err_info *why);

struct inbox_row {
    int64_t number;
    uint32_t kind; /* enum happening_kind */
    uint32_t frame;
    struct id object;
    struct value payload;
};
/* Nothing when the run has ended. */
FALLIBLE inbox_row_insert(struct store_conn *conn, int64_t tenant, struct id run, const struct inbox_row *row,
    struct str payload, struct err_info *why);
/* All that came for the run. */
FALLIBLE inbox_rows_clear(struct store_conn *conn, struct id run, struct err_info *why);
FALLIBLE inbox_row_delete(struct store_conn *conn, int64_t number, struct err_info *why);
/* Those after `after`, oldest first, in `arena`. */
FALLIBLE inbox_rows(struct store_conn *conn, struct id run, int64_t after, struct arena *arena,
    struct inbox_row **ret, uint32_t *ret_count, struct err_info *why);

/* Runs that a start has to take up: running ones, and those with something in their inbox. Wake times up to
 * `until`. Each through `each`. */
typedef enum err run_id_each(void *context, struct id run, struct instant due, struct err_info *why);
FALLIBLE run_rows_unfinished(struct store_conn *conn, run_id_each *each, void *context, struct err_info *why);
/* Begun before `before`: what is running, and what has messages. */
FALLIBLE run_rows_lost(
    struct store_conn *conn, struct instant before, run_id_each *each, void *context, struct err_info *why);
FALLIBLE run_rows_due(
    struct store_conn *conn, struct instant until, run_id_each *each, void *context, struct err_info *why);
FALLIBLE run_rows_count(
    struct store_conn *conn, uint64_t ret_by_status[RUN_STATUS_COUNT], struct err_info *why);

#endif
