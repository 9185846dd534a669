#include "ingest/intake.h"

const char *intake_fate_name(enum intake_fate fate)
{
    static const char *const names[INTAKE_FATE_COUNT] = {
        [INTAKE_RUN] = "run",
        [INTAKE_NO_TRIGGER] = "no_trigger",
        [INTAKE_MERGED] = "merged",
        [INTAKE_SUPPRESSED] = "suppressed",
        [INTAKE_DEAD_LETTER] = "dead_letter",
    };
    return (unsigned)fate < INTAKE_FATE_COUNT ? names[fate] : "unknown";
}
