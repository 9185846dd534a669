/* The attributes of OCSF's Detection Finding that a mapping may set, by their dotted paths. */
#ifndef TOCSIN_INGEST_OCSF_H
#define TOCSIN_INGEST_OCSF_H

#include "cases/observable.h"

#define OCSF_VERSION "1.6.0"
#define OCSF_CATEGORY_UID 2
#define OCSF_CLASS_UID 2004
#define OCSF_ACTIVITY_CREATE 1
#define OCSF_PATH_DEPTH_MAX 5

enum ocsf_kind {
    OCSF_STRING,
    OCSF_INT,
    OCSF_ROUNDED, /* an integer; a number with a fraction is rounded */
    OCSF_BOOL,
    OCSF_IP, /* an address as text */
    OCSF_TIME, /* milliseconds since 1970 */
    OCSF_STRINGS, /* a list of strings; one string becomes a list */
    OCSF_ANY,
};

struct ocsf_field {
    struct str path;
    enum ocsf_kind kind;
    enum observable_type
        observable; /* what a value here is an observable of; OBSERVABLE_UNKNOWN: of nothing */
};

/* NULL when a mapping may not set it. `unmapped.…` and `vendor_attributes.…` take anything. */
const struct ocsf_field *ocsf_find(struct str path);
/* The nearest path that there is; empty when none is near. */
struct str ocsf_suggest(struct str path);
const struct ocsf_field *ocsf_fields(uint32_t *ret_count); /* by path; for the documents */

#endif
