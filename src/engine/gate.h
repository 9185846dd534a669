/* The one gate before every call: mode of the playbook, dry runs, guardrail policy, approvals. What it says
 * becomes durable with the turn; rate limits, breakers and the egress policy come after it, in connect/. */
#ifndef TOCSIN_ENGINE_GATE_H
#define TOCSIN_ENGINE_GATE_H

#include "engine/turn.h"

enum gate_word { GATE_CALL, GATE_SIMULATE, GATE_ASK, GATE_REFUSE };

/* `reason` is for people; in the turn's arena or a literal. */
enum gate_word gate_judge(struct turn *turn, const struct frame *frame, const struct action *action,
    struct value with, struct str *ret_reason);
/* Hex BLAKE2b-256 of what is to be called: an approval is bound to it. In `arena`. */
FALLIBLE gate_digest(struct str action, struct str connection, struct value with, struct arena *arena,
    struct str *ret, struct err_info *why);

#endif
