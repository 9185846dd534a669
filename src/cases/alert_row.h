/* A row of cases_alerts and what is made of it; shared by the files of alerts and cases. */
#ifndef TOCSIN_CASES_ALERT_ROW_H
#define TOCSIN_CASES_ALERT_ROW_H

#include "cases/alert.h"

struct alert_row {
    int64_t seq;
    struct id id, event_id;
    enum alert_status status;
    enum severity severity;
    struct str source, owner, resolution, title, packed_tags;
    struct instant first_seen, last_seen;
    uint64_t count, revision;
    uint32_t observable_count; /* added after the first event */
};

/* Columns in this order, so that a query may start with them. */
#define ALERT_COLUMNS \
    "a.seq, a.id, a.event_id, a.status, a.severity, a.source, a.owner, a.resolution, a.title, a.tags," \
    " a.first_seen, a.last_seen, a.count, a.revision, a.observable_count"
#define ALERT_COLUMN_COUNT 15

/* Copies into `arena`. */
FALLIBLE alert_row_read(struct rows *rows, struct arena *arena, struct alert_row *ret, struct err_info *why);
/* ERR_NOT_FOUND when the tenant has no such alert. */
FALLIBLE alert_row_get(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct alert_row *ret, struct err_info *why);
/* The row, its tags and `body` as one value; `extra`: observables added later, or null. */
FALLIBLE alert_row_value(const struct alert_row *row, struct value body, struct value tags,
    struct value extra, struct arena *arena, struct value *ret, struct err_info *why);
/* alert_value for a row that is at hand. */
FALLIBLE alert_row_load_value(struct store_conn *conn, int64_t tenant, const struct alert_row *row,
    struct arena *arena, struct value *ret, struct err_info *why);
/* What the event stream says: {"change","id","source","title","severity_id","status","count"}. */
FALLIBLE alert_row_announcement(const struct alert_row *row, const char *change, struct arena *arena,
    struct value *ret, struct err_info *why);

#endif
