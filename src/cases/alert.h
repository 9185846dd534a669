/* Alerts: what a source said is worth a look, in OCSF's words (Detection Finding, class 2004).
 *
 * A row holds what changes (status, severity, owner, tags, count, times); the body holds what the mapping
 * made of the first event and never changes. `alert_value` joins both. A repeat within its source's window is
 * merged: it raises the count of the alert that stands. Tenants never mix.
 *
 * Everything here runs inside the caller's open transaction or snapshot. */
#ifndef TOCSIN_CASES_ALERT_H
#define TOCSIN_CASES_ALERT_H

#include "base/value.h"
#include "cases/change.h"
#include "store/store.h"

/* OCSF's severity_id; 99 Other becomes 0. */
enum severity {
    SEVERITY_UNKNOWN = 0,
    SEVERITY_INFORMATIONAL,
    SEVERITY_LOW,
    SEVERITY_MEDIUM,
    SEVERITY_HIGH,
    SEVERITY_CRITICAL,
    SEVERITY_FATAL,
    SEVERITY_COUNT,
};
/* "Unknown", "Informational", …: OCSF's captions. */
const char *severity_caption(enum severity severity);
/* A caption in any case, "info", or the number as text. */
bool severity_parse(struct str text, enum severity *ret);

/* OCSF's status_id of findings. */
enum alert_status {
    ALERT_NEW = 1,
    ALERT_IN_PROGRESS,
    ALERT_SUPPRESSED,
    ALERT_RESOLVED,
    ALERT_ARCHIVED,
    ALERT_STATUS_END,
};
const char *alert_status_word(enum alert_status status); /* "new", "in_progress", "suppressed", … */
const char *alert_status_caption(enum alert_status status); /* "New", "In Progress", … */
bool alert_status_parse(struct str text, enum alert_status *ret); /* word, caption in any case, or number */

/* A fingerprint as stored: a keyless 128-bit hash of source and expressions' values; stable for ever. */
struct fingerprint {
    uint8_t bytes[16];
};

/* ---- arrival ---- */

/* What the mapping made of an event. All slices borrowed for the call. */
struct alert_new {
    int64_t tenant;
    struct id id; /* of the alert, if it becomes one */
    struct id event_id; /* of the event that brings it */
    struct str source;
    struct fingerprint fingerprint;
    int64_t window_us; /* of dedup, counted from the first event; 0: each event is an alert */
    struct instant seen; /* when the event was received */
    enum severity severity;
    enum alert_status status; /* ALERT_NEW, or ALERT_SUPPRESSED */
    struct value body; /* what the mapping made: the OCSF fields */
    struct value tags; /* list of strings */
    /* Filled by alert_prepare, so that the store's writer need not do it. */
    struct str title, packed_body, packed_tags, announcement;
};
/* After the other fields are set; what it makes lives in `arena`. ERR_MEMORY. */
FALLIBLE alert_prepare(struct alert_new *arriving, struct arena *arena, struct err_info *why);

struct alert_arrival {
    bool is_merged;
    struct id id; /* of the alert that stands now */
    uint64_t count; /* its events so far, this one included */
};
/* Inserts what was prepared, or merges into the alert of the same tenant, source and fingerprint whose first
 * event is less than `window_us` old. A merge raises count and severity, moves last_seen on, and leaves
 * status and body alone.
 */
FALLIBLE alert_arrive(struct store_conn *conn, const struct alert_new *arriving, struct arena *arena,
    struct alert_arrival *ret, struct err_info *why);

/* The alert as the engine sees it before its commit: what alert_value would give after alert_arrive had
 * inserted it. */
FALLIBLE alert_value_of_new(
    const struct alert_new *arriving, struct arena *arena, struct value *ret, struct err_info *why);

/* ---- reading ---- */

/* OCSF fields, and our own: id, source, tags, count, first_seen, last_seen, owner, event_id, resolution,
 * revision. `*ret` is null when the tenant has no such alert. */
FALLIBLE alert_value(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct value *ret, struct err_info *why);
/* alert_value and `cases`: [{"id","number","title","status"}], `activity`: the timeline. ERR_NOT_FOUND. */
FALLIBLE alert_show(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct value *ret, struct err_info *why);

struct alert_query {
    int64_t tenant;
    uint32_t limit; /* 0: LIST_LIMIT_DEFAULT; capped at LIST_LIMIT_MAX */
    struct id after; /* ID_NONE: from the newest */
    struct str
        status; /* words, comma separated; "open" is new and in_progress, "closed" the others; empty: all */
    struct str severity; /* captions or numbers, comma separated; empty: all */
    struct str source; /* names, comma separated; empty: all */
    struct str owner; /* empty: all */
    struct str text; /* part of the title, any case of ASCII; empty: all */
    struct id case_id; /* only those of this case; ID_NONE: all */
    struct instant since, until; /* of first_seen, [since, until); 0: open */
};
/* {"items":[alert_value …],"next":id or null}, newest first. With `text` or `owner` a page may be shorter
 * than the limit, even empty, while `next` goes on: one call looks at ALERT_SCAN_MAX alerts at most.
 * ERR_INVALID on an unknown word (with a suggestion) or an `after` that does not exist. */
FALLIBLE alert_list(struct store_conn *conn, const struct alert_query *query, struct arena *arena,
    struct value *ret_page, struct err_info *why);

/* ---- changes ---- */

/* `fields`: status, severity (name or number), owner (string or null), tags (the whole list), add_tags,
 * remove_tags, resolution; others are refused (ERR_INVALID with a suggestion). ERR_NOT_FOUND,
 * ERR_CONFLICT (change->revision). Gives the alert as it is now; nothing is written when nothing changes. */
FALLIBLE alert_update(const struct change *change, struct id id, struct value fields, struct arena *arena,
    struct value *ret, struct err_info *why);
/* Status resolved with a resolution (RESOLUTIONS: "true_positive", "false_positive", "benign", "duplicate",
 * "other"; empty: none) and a comment (may be empty). */
FALLIBLE alert_close(const struct change *change, struct id id, struct str resolution, struct str comment,
    struct arena *arena, struct value *ret, struct err_info *why);
FALLIBLE alert_comment(
    const struct change *change, struct id id, struct str text, struct id *ret_id, struct err_info *why);
/* `observables`: a list of {type or type_id, value, name?}; those that are there already stay as they are. */
FALLIBLE alert_add_observables(const struct change *change, struct id id, struct value observables,
    struct arena *arena, struct value *ret, struct err_info *why);

#endif
