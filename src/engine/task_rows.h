/* The rows of tasks. */
#ifndef TOCSIN_ENGINE_TASK_ROWS_H
#define TOCSIN_ENGINE_TASK_ROWS_H

#include "engine/effect.h"
#include "store/store.h"

const char *task_status_name(enum task_status status);
const char *task_kind_name(enum task_kind kind);

struct task_row {
    int64_t tenant, run;
    struct id id, run_id;
    uint32_t frame;
    enum task_kind kind;
    enum task_status status;
    struct value payload;
};
FALLIBLE task_row_insert(
    struct store_conn *conn, const struct task_row *row, const struct task_open *task, struct err_info *why);
/* Only an open one changes; `*ret_changed` tells. `answer` is packed; may be empty. */
FALLIBLE task_row_close(struct store_conn *conn, int64_t tenant, struct id id, enum task_status status,
    struct str actor, struct str answer, bool *ret_changed, struct err_info *why);
/* ERR_NOT_FOUND. */
FALLIBLE task_row_find(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct task_row *ret, struct err_info *why);
/* As task_show shows them: a list, oldest first. */
FALLIBLE task_rows_of_run(struct store_conn *conn, int64_t tenant, struct id run, struct arena *arena,
    struct value *ret, struct err_info *why);

#endif
