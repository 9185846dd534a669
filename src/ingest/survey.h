/* One walk over an event of any shape: what its keys say it is (title, severity, time, addresses, names), the
 * observables in its texts, and whether a key stood twice. Bounded by MAPPING_NODES_MAX. */
#ifndef TOCSIN_INGEST_SURVEY_H
#define TOCSIN_INGEST_SURVEY_H

#include "ingest/observe.h"

enum survey_role {
    SURVEY_NONE,
    SURVEY_TITLE,
    SURVEY_DESCRIPTION,
    SURVEY_SEVERITY, /* a word or a grade */
    SURVEY_PRIORITY, /* a grade of which 1 is the worst */
    SURVEY_SEVERITY_ID, /* OCSF's */
    SURVEY_TIME,
    SURVEY_UID,
    SURVEY_SOURCE_IP,
    SURVEY_TARGET_IP,
    SURVEY_HOST,
    SURVEY_USER,
    SURVEY_PRODUCT,
    SURVEY_VENDOR,
    SURVEY_COUNT,
};

struct survey {
    struct value found[SURVEY_COUNT]; /* the best for each role; null when there is none */
    uint32_t ranks[SURVEY_COUNT]; /* lower is better; 0: none yet */
    bool has_duplicate_keys;
    bool is_extracting;
    uint32_t node_count;
    struct observations *observations;
    struct err_info *why;
};

/* `observations` is begun; with is_extracting texts are searched and added to it. ERR_MEMORY. */
FALLIBLE survey_run(struct survey *survey, struct value event, bool is_extracting,
    struct observations *observations, struct err_info *why);

#endif
