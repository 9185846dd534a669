/* The rows of schedules. */
#ifndef TOCSIN_ENGINE_SCHEDULE_ROWS_H
#define TOCSIN_ENGINE_SCHEDULE_ROWS_H

#include "store/store.h"

struct schedule_row {
    int64_t tenant, playbook;
    struct str cron, timezone;
    struct instant due;
};

/* The same schedule, whenever each is due. */
bool schedule_row_is(const struct schedule_row *row, const struct schedule_row *like);
/* The rows become those that are given: one that is there keeps its due time, which is put into `rows`; one
 * that is not gets the one given; others go. */
FALLIBLE schedule_rows_sync(
    struct store_conn *conn, struct schedule_row *rows, uint32_t count, struct err_info *why);
/* From `row->due` to `next`. ERR_CONFLICT when that is not what the row has. */
FALLIBLE schedule_row_move(
    struct store_conn *conn, const struct schedule_row *row, struct instant next, struct err_info *why);

#endif
