/* What `tocsin doctor` finds: each check adds one finding, with a mend when it is not well. */
#ifndef TOCSIN_DOCTOR_H
#define TOCSIN_DOCTOR_H

#include "base/arena.h"
#include "base/err.h"

enum finding_level { FINDING_OK, FINDING_WARN, FINDING_FAIL };

struct finding {
    enum finding_level level;
    const char *name; /* a literal: "disk-sync" */
    struct str text, mend; /* `mend` empty: nothing to do */
    struct finding *next;
};

struct doctor {
    struct arena *arena;
    const char *data, *listen;
    const char *server; /* NULL: the default */
    const char *const *folders; /* of content */
    size_t folder_count;
    /* What was found. */
    struct finding *first, *last;
    unsigned count, warnings, failures;
};

/* `mend` NULL: none. Without memory the finding still counts. */
void doctor_add(struct doctor *doctor, enum finding_level level, const char *name, const char *mend,
    const char *format, ...) PRINTF_LIKE(5, 6);

void doctor_machine(struct doctor *doctor); /* doctor_machine.c */
void doctor_store(struct doctor *doctor); /* doctor.c */
void doctor_content(struct doctor *doctor); /* doctor_content.c */
void doctor_server(struct doctor *doctor); /* doctor_server.c */

#endif
