/* Local actions, case.* and alert.*: they change rows inside the engine's open transaction, so their effect
 * and the journal record of their result are one commit. */
#ifndef TOCSIN_CONNECT_LOCAL_ACTION_H
#define TOCSIN_CONNECT_LOCAL_ACTION_H

#include "cases/change.h"
#include "playbook/action.h"

/* One call: who changes what, on whose behalf. */
struct local_call {
    const struct action_call *call;
    struct principal principal; /* what `change` points to */
    struct change change;
    struct arena *arena; /* the call's */
    struct value with;
    struct id id; /* of the alert or case; the caller's to set */
};
void local_call_init(struct local_call *local, const struct action_call *call, struct store_conn *conn);

/* The alert of `with.alert` (an id), or the run's own. ERR_INVALID, name "no_alert". */
FALLIBLE local_alert_id(
    const struct action_call *call, struct store_conn *conn, struct id *ret, struct err_info *why);
/* The case of `with.case` (an id, or a number), or the run's own. ERR_INVALID, name "no_case"; ERR_NOT_FOUND.
 */
FALLIBLE local_case_id(
    const struct action_call *call, struct store_conn *conn, struct id *ret, struct err_info *why);

/* `with` without one field. */
FALLIBLE local_without(
    struct arena *arena, struct value with, struct str name, struct value *ret, struct err_info *why);
struct str local_text(struct value with, const char *name);
/* {"id": …}. */
FALLIBLE local_id_output(struct arena *arena, struct id id, struct value *ret, struct err_info *why);

#endif
