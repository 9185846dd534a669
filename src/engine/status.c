#include "engine/status.h"

#define BIT(status) (1u << (status))
#define RUN_ENDS (BIT(RUN_SUCCEEDED) | BIT(RUN_FAILED) | BIT(RUN_CANCELLED))
#define RUN_LIVES (BIT(RUN_RUNNING) | BIT(RUN_WAITING) | BIT(RUN_UNCERTAIN))

static const char *const run_names[RUN_STATUS_COUNT] = {
    [RUN_QUEUED] = "queued",
    [RUN_RUNNING] = "running",
    [RUN_WAITING] = "waiting",
    [RUN_SUCCEEDED] = "succeeded",
    [RUN_FAILED] = "failed",
    [RUN_CANCELLED] = "cancelled",
    [RUN_UNCERTAIN] = "uncertain",
};

/* An end is left by a retry only, and what succeeded has nothing to retry. */
static const unsigned run_moves[RUN_STATUS_COUNT] = {
    [RUN_QUEUED] = BIT(RUN_RUNNING) | BIT(RUN_CANCELLED) | BIT(RUN_FAILED),
    [RUN_RUNNING] = RUN_LIVES | RUN_ENDS,
    [RUN_WAITING] = RUN_LIVES | RUN_ENDS,
    [RUN_SUCCEEDED] = 0,
    [RUN_FAILED] = BIT(RUN_RUNNING) | BIT(RUN_QUEUED),
    [RUN_CANCELLED] = BIT(RUN_RUNNING) | BIT(RUN_QUEUED),
    [RUN_UNCERTAIN] = RUN_LIVES | RUN_ENDS,
};

static const char *const step_names[STEP_STATUS_COUNT] = {
    [STEP_PENDING] = "pending",
    [STEP_RUNNING] = "running",
    [STEP_WAITING] = "waiting",
    [STEP_SUCCEEDED] = "succeeded",
    [STEP_FAILED] = "failed",
    [STEP_SKIPPED] = "skipped",
    [STEP_CANCELLED] = "cancelled",
    [STEP_UNCERTAIN] = "uncertain",
};

const char *run_status_name(enum run_status status)
{
    return status < RUN_STATUS_COUNT ? run_names[status] : "unknown";
}

bool run_status_parse(struct str text, enum run_status *ret)
{
    for (int i = 0; i < RUN_STATUS_COUNT; i++) {
        if (str_equal(text, str_of(run_names[i]))) {
            *ret = (enum run_status)i;
            return true;
        }
    }
    return false;
}

bool run_status_is_end(enum run_status status)
{
    return BIT(status) & RUN_ENDS;
}

bool run_status_can_move(enum run_status from, enum run_status to)
{
    return from == to || (run_moves[from] & BIT(to));
}

const char *step_status_name(enum step_status status)
{
    return status < STEP_STATUS_COUNT ? step_names[status] : "unknown";
}
