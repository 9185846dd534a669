/* What people and playbooks give to change an alert or a case: a map, checked field by field. */
#ifndef TOCSIN_CASES_FIELDS_H
#define TOCSIN_CASES_FIELDS_H

#include "base/value.h"
#include "cases/alert.h"

enum field {
    FIELD_STATUS = 1 << 0, /* status, status_id */
    FIELD_SEVERITY = 1 << 1, /* severity, severity_id */
    FIELD_OWNER = 1 << 2,
    FIELD_TAGS = 1 << 3, /* tags, add_tags, remove_tags */
    FIELD_RESOLUTION = 1 << 4,
    FIELD_TITLE = 1 << 5,
    FIELD_PHASE = 1 << 6,
    FIELD_SUMMARY = 1 << 7,
    FIELD_ALERTS = 1 << 8,
    FIELD_OBSERVABLES = 1 << 9,
};

/* Slices point into the value that was read. */
struct fields {
    unsigned given; /* enum field; a tag edit of any of the three kinds is FIELD_TAGS */
    struct str status;
    enum severity severity;
    struct str owner; /* empty: none */
    struct str resolution; /* a known word; empty: none */
    struct str title, phase, summary;
    struct value tags, add_tags, remove_tags; /* null, or a list of strings */
    bool has_tags;
    struct id *alerts;
    uint32_t alert_count;
    struct value observables; /* null, or a list of maps; checked when it is used */
};

/* ERR_INVALID, name "field", on a field that is not in `allowed` (with the nearest one that is), or a value
 * of the wrong type, size or vocabulary. `kind` ("alert", "case") is for messages. */
FALLIBLE fields_read(struct value given, unsigned allowed, const char *kind, struct arena *arena,
    struct fields *ret, struct err_info *why);
/* The tags as they are after the edit: a list without repeats, at most TAGS_MAX. */
FALLIBLE fields_apply_tags(const struct fields *fields, struct value now, struct arena *arena,
    struct value *ret, struct err_info *why);
/* "true_positive", …; the empty text is fine. */
FALLIBLE resolution_check(struct str resolution, struct err_info *why);
/* "a, b, c" of comma separated words: calls `word` for each, without white space around. */
FALLIBLE words_each(struct str list, enum err (*word)(void *context, struct str word, struct err_info *why),
    void *context, struct err_info *why);

#endif
