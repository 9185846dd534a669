/* A row of cases_cases and what is made of it. */
#ifndef TOCSIN_CASES_CASE_ROW_H
#define TOCSIN_CASES_CASE_ROW_H

#include "cases/case.h"

struct case_row {
    int64_t seq;
    struct id id;
    uint64_t number, revision;
    enum case_status status;
    enum severity severity;
    struct instant opened, updated, closed; /* closed.us 0: it is not */
    uint32_t alert_count, observable_count;
    struct str phase, resolution, owner, title, packed_tags, stored_summary;
};

#define CASE_COLUMNS \
    "c.seq, c.id, c.number, c.revision, c.status, c.severity, c.opened, c.updated, c.closed, c.alert_count," \
    " c.observable_count, c.phase, c.resolution, c.owner, c.title, c.tags, c.summary"

/* Copies into `arena`. */
FALLIBLE case_row_read(struct rows *rows, struct arena *arena, struct case_row *ret, struct err_info *why);
/* ERR_NOT_FOUND. */
FALLIBLE case_row_get(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct case_row *ret, struct err_info *why);
FALLIBLE case_row_value(struct store_conn *conn, int64_t tenant, const struct case_row *row,
    struct arena *arena, struct value *ret, struct err_info *why);
/* To the event stream: {"change","id","number","title","status","severity_id"}. */
FALLIBLE case_row_announce(
    const struct change *change, const struct case_row *row, const char *what, struct err_info *why);
/* Writes the row's counts and its time; raises the revision, here too. */
FALLIBLE case_row_touch(const struct change *change, struct case_row *row, struct err_info *why);

/* ---- the parts of opening a case ---- */

/* Links the alert to the case; `*ret_added` is false when it is linked already. The row's count is raised,
 * not stored. ERR_NOT_FOUND, ERR_LIMIT. */
FALLIBLE case_link_alert(const struct change *change, struct case_row *row, struct id alert,
    struct arena *arena, bool *ret_added, struct err_info *why);
FALLIBLE case_link_observables(
    const struct change *change, struct case_row *row, struct value observables, struct err_info *why);

#endif
