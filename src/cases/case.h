/* Cases: what people work on. A case has a number for people, a status, a phase, alerts, observables, and a
 * timeline that says who did what; nothing in the timeline is ever changed.
 *
 * Everything here runs inside the caller's open transaction or snapshot, so a playbook's `case.open` and
 * the journal record of its result are one commit. */
#ifndef TOCSIN_CASES_CASE_H
#define TOCSIN_CASES_CASE_H

#include "base/value.h"
#include "cases/alert.h"
#include "cases/change.h"

enum case_status { CASE_OPEN = 1, CASE_IN_PROGRESS, CASE_ON_HOLD, CASE_CLOSED, CASE_STATUS_END };
const char *case_status_word(enum case_status status); /* "open", "in_progress", "on_hold", "closed" */
bool case_status_parse(struct str text, enum case_status *ret);

/* ---- changes ---- */

/* `fields`: title (required), severity (name or number), owner, phase, summary, tags, alerts (ids),
 * observables (list of {type or type_id, value, name?}); others are refused. Gives case_value. With
 * change->key: a case that was opened with this key is given as it is now. ERR_INVALID, ERR_NOT_FOUND (an
 * alert). */
FALLIBLE case_open(const struct change *change, struct value fields, struct arena *arena, struct value *ret,
    struct err_info *why);
/* `fields`: title, severity, status, owner, phase, summary, tags, add_tags, remove_tags, resolution.
 * ERR_NOT_FOUND, ERR_CONFLICT (change->revision). Nothing is written when nothing changes. */
FALLIBLE case_update(const struct change *change, struct id id, struct value fields, struct arena *arena,
    struct value *ret, struct err_info *why);
/* With a resolution (see alert_close) and a comment, both may be empty. Closing a closed case changes
 * nothing. */
FALLIBLE case_close(const struct change *change, struct id id, struct str resolution, struct str comment,
    struct arena *arena, struct value *ret, struct err_info *why);
/* Markdown text of 1 … COMMENT_BYTES_MAX bytes. `*ret_id` is the comment's. */
FALLIBLE case_comment(
    const struct change *change, struct id id, struct str text, struct id *ret_id, struct err_info *why);
/* Linking twice changes nothing. An alert may be in several cases. New alerts become in_progress. */
FALLIBLE case_add_alert(const struct change *change, struct id id, struct id alert, struct err_info *why);
FALLIBLE case_remove_alert(const struct change *change, struct id id, struct id alert, struct err_info *why);
/* `type`: an OCSF caption or a short word ("ip", "domain", "url", "hash", "email", "user", "host", …). The
 * same type and value twice changes nothing. */
FALLIBLE case_add_observable(const struct change *change, struct id id, struct str type, struct str value,
    struct str name, struct err_info *why);

/* ---- reading ---- */

/* {"id","number","title","status","severity_id","severity","owner","phase","summary","tags","resolution","opened",
 * "updated","closed","revision","alert_count"}; null when the tenant has none of this id. */
FALLIBLE case_value(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct value *ret, struct err_info *why);
/* case_value, `alerts` (id, title, severity_id, status, source), `observables`, `activity`. ERR_NOT_FOUND. */
FALLIBLE case_show(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct value *ret, struct err_info *why);
/* The id of the case with this number; ERR_NOT_FOUND. */
FALLIBLE case_find_number(
    struct store_conn *conn, int64_t tenant, uint64_t number, struct id *ret, struct err_info *why);

struct case_query {
    int64_t tenant;
    uint32_t limit;
    struct id after;
    struct str status; /* words, comma separated; "active" is all but closed; empty: all */
    struct str severity; /* as in alert_query */
    struct str owner, text;
    struct id alert_id; /* only those with this alert; ID_NONE: all */
    struct instant since, until; /* of opened */
};
/* {"items":[case_value …],"next":id or null}, newest first; short pages as in alert_list. */
FALLIBLE case_list(struct store_conn *conn, const struct case_query *query, struct arena *arena,
    struct value *ret_page, struct err_info *why);

#endif
