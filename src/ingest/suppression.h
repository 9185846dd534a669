/* Suppression: for a while, alerts that a rule describes are no news. Such an event is recorded, its alert
 * too, with the status Suppressed, but it starts no playbook; its fate names the rule.
 *
 * Each rule has an owner, a reason and an expiry, so that none outlives what it was made for. Rules are rows;
 * those in force are compiled in memory and follow each commit that changes them. Thread-safe. */
#ifndef TOCSIN_INGEST_SUPPRESSION_H
#define TOCSIN_INGEST_SUPPRESSION_H

#include "access/principal.h"
#include "base/clock.h"
#include "base/rand.h"
#include "base/value.h"
#include "store/store.h"

struct suppressions;
struct suppression_set;

FALLIBLE suppressions_new(
    struct clock *clock, struct rand *rand, struct suppressions **ret, struct err_info *why);
void suppressions_free(struct suppressions *suppressions);
/* Boot, blocking: takes up the rules in force. */
FALLIBLE suppressions_load(struct suppressions *suppressions, struct store *store, struct err_info *why);

/* ---- what is asked for each event ---- */

/* The rules as they are now; released by whoever acquired them. */
const struct suppression_set *suppressions_acquire(struct suppressions *suppressions);
void suppressions_release(struct suppressions *suppressions, const struct suppression_set *set);

struct suppressible {
    int64_t tenant;
    struct str source;
    struct value alert, event;
    struct instant received;
};
/* The oldest rule that holds; empty when none does. A rule that can't be evaluated does not hold. The name
 * lives as long as the set; `arena` is scratch. ERR_MEMORY. */
FALLIBLE suppression_find(const struct suppression_set *set, const struct suppressible *arriving,
    struct arena *arena, struct str *ret_name, struct err_info *why);

/* ---- changes: inside apply; in force once the commit is durable ---- */

struct suppression_spec {
    struct str name; /* [A-Za-z0-9][A-Za-z0-9._-]{0,63}; of those in force each has its own */
    struct str source; /* empty: all */
    struct str when; /* CEL over alert, event, source, received; true: suppressed */
    struct str reason;
    struct instant expires; /* at most SUPPRESSION_DAYS_MAX from now */
};
/* Who makes it owns it. Gives the rule as suppression_show does. ERR_INVALID with the field's name in the
 * text, ERR_CONFLICT when one of this name is in force, ERR_LIMIT past SUPPRESSIONS_MAX. */
FALLIBLE suppression_create(struct suppressions *suppressions, struct store_conn *conn,
    const struct principal *by, const struct suppression_spec *spec, struct arena *arena, struct value *ret,
    struct err_info *why);
/* Before its time. ERR_NOT_FOUND; ERR_CONFLICT when it is over already. */
FALLIBLE suppression_end(struct suppressions *suppressions, struct store_conn *conn,
    const struct principal *by, struct id id, struct arena *arena, struct value *ret, struct err_info *why);

/* ---- reading ---- */

/* {"kind":"suppression","id","name","source","when","reason","owner","created","expires","ended","ended_by",
 * "state": "active", "expired" or "ended"}. ERR_NOT_FOUND. */
FALLIBLE suppression_show(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct value *ret, struct err_info *why);
/* {"items":[…],"next":id or null}, newest first. */
FALLIBLE suppression_list(struct store_conn *conn, int64_t tenant, struct id after, uint32_t limit,
    struct arena *arena, struct value *ret, struct err_info *why);

#endif
