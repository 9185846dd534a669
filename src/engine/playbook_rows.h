/* The rows of playbooks and of their versions. */
#ifndef TOCSIN_ENGINE_PLAYBOOK_ROWS_H
#define TOCSIN_ENGINE_PLAYBOOK_ROWS_H

#include "base/value.h"
#include "store/store.h"

struct playbook_row {
    int64_t number, tenant;
    struct str name;
    uint32_t version;
    bool is_enabled;
    struct str digest, source; /* of the live version */
};
typedef enum err playbook_each(void *context, const struct playbook_row *row, struct err_info *why);
FALLIBLE playbook_rows(struct store_conn *conn, playbook_each *each, void *context, struct err_info *why);
/* `*ret_number` 0 when there is none. Texts in `arena`. */
FALLIBLE playbook_row_find(struct store_conn *conn, int64_t tenant, struct str name, struct arena *arena,
    struct playbook_row *ret, struct err_info *why);
/* A new version, the first or the next: number and version of `row` are filled. */
FALLIBLE playbook_row_publish(
    struct store_conn *conn, struct playbook_row *row, struct str about, struct err_info *why);
FALLIBLE playbook_row_enable(struct store_conn *conn, int64_t number, bool is_enabled, struct err_info *why);
/* The stored text of a version. ERR_NOT_FOUND. */
FALLIBLE playbook_row_source(struct store_conn *conn, int64_t number, uint32_t version, struct arena *arena,
    int64_t *ret_tenant, struct str *ret, struct err_info *why);
/* Name, and what the version says of itself (playbook_about). ERR_NOT_FOUND. */
FALLIBLE playbook_row_about(struct store_conn *conn, int64_t number, uint32_t version, struct arena *arena,
    struct str *ret_name, struct value *ret, struct err_info *why);

#endif
