/* What stands between calls and a connection: its rate limit and its circuit breaker. One state for each
 * connection, shared by all shards.
 *
 * The rate limit is a token bucket in the form of GCRA (ITU-T I.371): each call reserves the instant at which
 * it may go, so that waiting calls keep their order without a queue. A `Retry-After` holds all calls of the
 * connection back. The breaker opens after some failures in a row, refuses at once while it is open, and then
 * lets a single call through to try. */
#ifndef TOCSIN_CONNECT_GATE_H
#define TOCSIN_CONNECT_GATE_H

#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "connect/connect.h"

struct gates;

struct gate_rules {
    int64_t calls; /* in `per_us`; 0: no rate limit */
    int64_t per_us;
    int64_t burst; /* calls at once; at least 1 */
    uint32_t failures; /* in a row that open the breaker; 0: no breaker */
    int64_t open_us; /* how long it stays open */
};

enum gate_verdict {
    GATE_GO, /* now, or after wait_us: then ask gate_wake */
    GATE_LIMITED, /* its turn would come after `patience_us`; nothing was reserved */
    GATE_OPEN, /* the breaker is open */
};

struct gate_answer {
    enum gate_verdict verdict;
    int64_t wait_us; /* GO: before it may go; otherwise: when to try again */
    bool is_trial; /* GO of gate_enter: the single call that tries whether the other side is back */
};

enum gate_outcome {
    GATE_SUCCEEDED,
    GATE_FAILED, /* the other side was not there or said that it is broken */
    GATE_NEUTRAL, /* the call was not made, or says nothing about the other side */
};

FALLIBLE gates_new(struct clock *clock, struct gates **ret, struct err_info *why);
void gates_free(struct gates *gates);

/* Thread-safe, all of them. ERR_MEMORY. */
FALLIBLE gate_enter(struct gates *gates, struct id connection, const struct gate_rules *rules,
    int64_t patience_us, struct gate_answer *ret, struct err_info *why);
/* After a wait: GO with wait_us 0, or a further wait since the other side asked for one, or OPEN. */
void gate_wake(struct gates *gates, struct id connection, const struct gate_rules *rules, int64_t patience_us,
    struct gate_answer *ret);
struct gate_report {
    enum gate_outcome outcome;
    bool was_trial; /* as gate_enter said */
    int64_t retry_after_us; /* all calls wait as long; 0: none */
};
/* Once for each call that went (or was given up while it waited: GATE_NEUTRAL). */
void gate_leave(struct gates *gates, struct id connection, const struct gate_rules *rules,
    const struct gate_report *report);
bool gate_health(struct gates *gates, struct id connection, struct connection_health *ret);

#endif
