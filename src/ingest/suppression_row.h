/* Rows of suppression rules. */
#ifndef TOCSIN_INGEST_SUPPRESSION_ROW_H
#define TOCSIN_INGEST_SUPPRESSION_ROW_H

#include "ingest/suppression.h"

struct suppression_row {
    int64_t seq; /* in the order of their making */
    int64_t tenant;
    struct id id;
    struct str name, source, when, reason, owner, ended_by; /* source: empty is all */
    struct instant created, expires, ended; /* ended: 0 while it was not */
};

FALLIBLE suppression_row_insert(
    struct store_conn *conn, const struct suppression_row *row, struct err_info *why);
FALLIBLE suppression_row_end(
    struct store_conn *conn, const struct suppression_row *row, struct err_info *why);
/* ERR_NOT_FOUND, name "policy". */
FALLIBLE suppression_row_get(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct suppression_row *ret, struct err_info *why);
/* Whether one of this name is in force at `now`; and how many are, of all tenants. */
FALLIBLE suppression_row_count(struct store_conn *conn, int64_t tenant, struct str name, struct instant now,
    bool *ret_has_name, uint32_t *ret_count, struct err_info *why);

typedef enum err suppression_row_each(void *context, const struct suppression_row *row, struct err_info *why);
/* Those in force at `now`, of all tenants, oldest first. Texts live in `arena`. */
FALLIBLE suppression_rows_active(struct store_conn *conn, struct instant now, struct arena *arena,
    suppression_row_each *each, void *context, struct err_info *why);

FALLIBLE suppression_row_value(const struct suppression_row *row, struct instant now, struct arena *arena,
    struct value *ret, struct err_info *why);

#endif
