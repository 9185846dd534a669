/* Observables that people and playbooks added to an alert or a case. */
#ifndef TOCSIN_CASES_OBSERVABLE_ROW_H
#define TOCSIN_CASES_OBSERVABLE_ROW_H

#include "base/value.h"
#include "cases/observable.h"
#include "store/store.h"

struct observable_spec {
    enum observable_type type;
    struct str value;
    struct str name; /* where it was found; may be empty */
};

/* A map {type or type_id, value, name?}. ERR_INVALID, ERR_LIMIT; `number` is its place in the list, for
 * messages. */
FALLIBLE observable_read(
    struct value given, uint32_t number, struct observable_spec *ret, struct err_info *why);
FALLIBLE observable_check(const struct observable_spec *spec, struct err_info *why);
/* {"name","type","type_id","value"}: OCSF's observable. Borrows the spec's texts. */
FALLIBLE observable_value(
    const struct observable_spec *spec, struct arena *arena, struct value *ret, struct err_info *why);

/* `*ret_added` is false when the subject has it already. ERR_LIMIT past SUBJECT_OBSERVABLES_MAX. */
FALLIBLE observable_rows_add(struct store_conn *conn, int64_t tenant, struct id subject,
    const struct observable_spec *spec, bool *ret_added, struct err_info *why);
/* In the order in which they came. */
FALLIBLE observable_rows_list(struct store_conn *conn, int64_t tenant, struct id subject, struct arena *arena,
    struct value *ret, struct err_info *why);

#endif
