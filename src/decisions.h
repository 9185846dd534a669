/* What a run decided, as far as the world outside would notice: which actions that change it were called or
 * would have been, what people were asked, how the run ended. For comparing two runs about one event. */
#ifndef TOCSIN_DECISIONS_H
#define TOCSIN_DECISIONS_H

#include "base/value.h"
#include "playbook/action.h"

enum outcome {
    OUTCOME_CONTAIN,
    OUTCOME_REMEDIATE,
    OUTCOME_NOTIFY,
    OUTCOME_TICKET,
    OUTCOME_ASK,
    OUTCOME_STATUS,
    OUTCOME_COUNT,
};
const char *outcome_name(enum outcome outcome);
bool outcome_parse(struct str word, enum outcome *ret);

struct decision {
    enum outcome outcome;
    struct str name; /* the action, the step that asks, the status */
    struct str target; /* of contain and remediate: the parameters as JSON, without what differs each time */
};

struct decisions {
    struct decision *items; /* sorted */
    uint32_t count;
    uint32_t missing; /* answers that nobody recorded: what follows from them is a guess */
};

/* `run` as run_show gives it; null: no run, whose status is "no run". In `arena`. */
FALLIBLE decisions_take(struct arena *arena, const struct catalogue *catalogue, struct value run,
    struct decisions *ret, struct err_info *why);

/* Calls `visit` with each decision that only one side has, or has more often. */
typedef void decision_visit(void *context, const struct decision *decision, bool is_new);
void decisions_compare(
    const struct decisions *before, const struct decisions *now, decision_visit *visit, void *context);

#endif
