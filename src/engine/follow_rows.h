/* How far the outbox was followed, and which changes of cases have started runs. */
#ifndef TOCSIN_ENGINE_FOLLOW_ROWS_H
#define TOCSIN_ENGINE_FOLLOW_ROWS_H

#include "store/store.h"

/* The last entry that was dealt with; `*ret_known` false: the tenant is not followed yet. */
FALLIBLE followed_row_find(
    struct store_conn *conn, int64_t tenant, uint64_t *ret_seq, bool *ret_known, struct err_info *why);
FALLIBLE followed_row_put(struct store_conn *conn, int64_t tenant, uint64_t seq, struct err_info *why);
/* Nothing is followed any more. */
FALLIBLE followed_rows_clear(struct store_conn *conn, struct err_info *why);

/* ERR_CONFLICT when the change has started that playbook already. */
FALLIBLE case_run_insert(struct store_conn *conn, int64_t tenant, uint64_t seq, int64_t playbook,
    struct id run, struct err_info *why);
/* Whether the run, or one that called it, was started by a change of a case. */
FALLIBLE case_run_is_above(
    struct store_conn *conn, int64_t tenant, struct id run, bool *ret, struct err_info *why);

#endif
