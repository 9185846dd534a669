/* Answer contracts: what each action's real answers look like, compared with on every call (answer_shape.h).
 * A declared action has one shape a tenant; `http.request`, which declares nothing of its body, one for each
 * step that calls it. What differs is told at once, once an hour for each field and kind. Any thread. */
#ifndef TOCSIN_CONNECT_CONTRACTS_H
#define TOCSIN_CONNECT_CONTRACTS_H

#include "connect/answer_shape.h"
#include "playbook/action.h"

#define CONTRACTS_MAX 2000

struct contracts;

/* Texts are borrowed for the call. */
struct contract_drift {
    int64_t tenant;
    struct str action;
    struct str playbook, step; /* of the call that showed it */
    struct drift drift; /* `field` as playbooks read it, below `output` */
};
/* On the thread of the call; must not wait. */
typedef void contract_report(void *context, const struct contract_drift *drift);

FALLIBLE contracts_new(struct clock *clock, contract_report *report, void *context, struct contracts **ret,
    struct err_info *why);
void contracts_free(struct contracts *contracts); /* NULL is fine */

/* The output of a call that went well. */
void contracts_observe(struct contracts *contracts, const struct action_call *call, struct value output);
/* How the message of an `answer_mismatch` begins; behind it stands what type_check_value says. */
#define ANSWER_MISMATCH_HEAD "the answer is not what the action declares: "

/* An answer that does not fit what the action declares; `text` is the error's message. */
void contracts_mismatch(struct contracts *contracts, const struct action_call *call, struct str text);

/* The step that calls. */
struct call_place {
    struct str playbook, step;
};
/* The type of a step's output: as declared, and as learned where nothing is declared. NULL when nothing is
 * known, or the action declares it all. */
const struct type *contracts_output_type(struct contracts *contracts, int64_t tenant,
    const struct action *action, const struct call_place *place, struct arena *arena);

/* [{"action","playbook","step","shape":{…}}] of a connector's actions; of all when `connector` is empty. */
FALLIBLE contracts_describe(struct contracts *contracts, int64_t tenant, struct str connector,
    struct arena *arena, struct value *ret, struct err_info *why);
/* What contracts_describe gave, or an object with it under `items`, as the API answers. ERR_INVALID when it
 * is not that. */
FALLIBLE contracts_read(
    struct contracts *contracts, int64_t tenant, struct value described, struct err_info *why);

/* ---- keeping them over a restart: the caller stores rows ---- */
struct contract_row {
    int64_t tenant;
    struct str action, scope; /* scope: "playbook/step", or empty */
    struct value shape;
};
typedef enum err contract_each(void *context, const struct contract_row *row, struct err_info *why);
/* Those that have changed since they were given last. One that `each` fails for is given again. */
FALLIBLE contracts_changed(
    struct contracts *contracts, contract_each *each, void *context, struct err_info *why);
FALLIBLE contracts_restore(struct contracts *contracts, const struct contract_row *row, struct err_info *why);

#endif
