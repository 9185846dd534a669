#include "connect/gate.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

/* Longer than any server should ask for; a hostile one can't lock a connection for ever. */
#define HOLD_US_MAX (15 * US_PER_MIN)
/* While a trial is out others are told to come back then. */
#define TRIAL_US US_PER_S

struct gate {
    struct id connection;
    int64_t arrival_us; /* GCRA's theoretical arrival time of the next call */
    int64_t held_until_us; /* Retry-After */
    uint32_t failures; /* in a row */
    int64_t open_until_us; /* 0: closed; in the past: half open */
    bool is_trial_out;
    uint64_t calls, failed_calls;
    struct gate *next;
};

/* A list: a tenant has tens of connections, and a gate is never removed while the process lives. */
struct gates {
    struct clock *clock;
    pthread_mutex_t mutex;
    struct gate *first;
};

FALLIBLE gates_new(struct clock *clock, struct gates **ret, struct err_info *why)
{
    struct gates *gates = calloc(1, sizeof(*gates));
    if (!gates)
        return err_memory(why);
    gates->clock = clock;
    pthread_mutex_init(&gates->mutex, NULL);
    *ret = gates;
    return ERR_OK;
}

void gates_free(struct gates *gates)
{
    if (!gates)
        return;
    for (struct gate *gate = gates->first, *next; gate; gate = next) {
        next = gate->next;
        free(gate);
    }
    pthread_mutex_destroy(&gates->mutex);
    free(gates);
}

static struct gate *find(const struct gates *gates, struct id connection)
{
    for (struct gate *gate = gates->first; gate; gate = gate->next) {
        if (id_equal(gate->connection, connection))
            return gate;
    }
    return NULL;
}

static struct gate *find_or_add(struct gates *gates, struct id connection)
{
    struct gate *gate = find(gates, connection);
    if (gate)
        return gate;
    gate = calloc(1, sizeof(*gate));
    if (!gate)
        return NULL;
    gate->connection = connection;
    gate->next = gates->first;
    gates->first = gate;
    return gate;
}

/* True when the breaker refuses. Takes the trial when it is half open. */
static bool is_refused(
    struct gate *gate, const struct gate_rules *rules, int64_t now, struct gate_answer *ret)
{
    if (rules->failures == 0 || gate->open_until_us == 0)
        return false;
    int64_t left = gate->open_until_us - now;
    if (left <= 0 && !gate->is_trial_out) {
        gate->is_trial_out = ret->is_trial = true;
        return false;
    }
    *ret = (struct gate_answer){ .verdict = GATE_OPEN, .wait_us = left > 0 ? left : TRIAL_US };
    return true;
}

static int64_t at_least(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* When the next call may go by the rate limit; 0 for at once. */
static int64_t limit_wait(const struct gate *gate, const struct gate_rules *rules, int64_t now)
{
    if (rules->calls <= 0)
        return 0;
    int64_t spacing = at_least(rules->per_us / rules->calls, 1);
    int64_t tolerance = spacing * (at_least(rules->burst, 1) - 1);
    return at_least(gate->arrival_us - tolerance - now, 0);
}

static void reserve(struct gate *gate, const struct gate_rules *rules, int64_t now)
{
    if (rules->calls > 0)
        gate->arrival_us = at_least(gate->arrival_us, now) + at_least(rules->per_us / rules->calls, 1);
}

static void enter(struct gate *gate, const struct gate_rules *rules, int64_t now, int64_t patience_us,
    struct gate_answer *ret)
{
    int64_t wait = at_least(limit_wait(gate, rules, now), gate->held_until_us - now);
    if (wait > patience_us) {
        *ret = (struct gate_answer){ .verdict = GATE_LIMITED, .wait_us = wait };
        return;
    }
    *ret = (struct gate_answer){ .verdict = GATE_GO, .wait_us = wait };
    if (!is_refused(gate, rules, now, ret))
        reserve(gate, rules, now);
}

FALLIBLE gate_enter(struct gates *gates, struct id connection, const struct gate_rules *rules,
    int64_t patience_us, struct gate_answer *ret, struct err_info *why)
{
    int64_t now = clock_monotonic_us(gates->clock);
    pthread_mutex_lock(&gates->mutex);
    struct gate *gate = find_or_add(gates, connection);
    if (gate)
        enter(gate, rules, now, patience_us, ret);
    pthread_mutex_unlock(&gates->mutex);
    return gate ? ERR_OK : err_memory(why);
}

void gate_wake(struct gates *gates, struct id connection, const struct gate_rules *rules, int64_t patience_us,
    struct gate_answer *ret)
{
    int64_t now = clock_monotonic_us(gates->clock);
    pthread_mutex_lock(&gates->mutex);
    struct gate *gate = find(gates, connection);
    assert(gate);
    int64_t wait = at_least(gate->held_until_us - now, 0);
    if (rules->failures > 0 && gate->open_until_us > now)
        *ret = (struct gate_answer){ .verdict = GATE_OPEN, .wait_us = gate->open_until_us - now };
    else if (wait > patience_us)
        *ret = (struct gate_answer){ .verdict = GATE_LIMITED, .wait_us = wait };
    else
        *ret = (struct gate_answer){ .verdict = GATE_GO, .wait_us = wait };
    pthread_mutex_unlock(&gates->mutex);
}

static void count(
    struct gate *gate, const struct gate_rules *rules, const struct gate_report *report, int64_t now)
{
    if (report->was_trial)
        gate->is_trial_out = false;
    if (report->outcome == GATE_NEUTRAL)
        return;
    gate->calls++;
    if (report->outcome == GATE_SUCCEEDED) {
        gate->failures = 0;
        gate->open_until_us = 0;
        return;
    }
    gate->failed_calls++;
    gate->failures++;
    if (rules->failures > 0 && (report->was_trial || gate->failures >= rules->failures))
        gate->open_until_us = now + rules->open_us;
}

void gate_leave(struct gates *gates, struct id connection, const struct gate_rules *rules,
    const struct gate_report *report)
{
    int64_t now = clock_monotonic_us(gates->clock), asked = report->retry_after_us;
    pthread_mutex_lock(&gates->mutex);
    struct gate *gate = find(gates, connection);
    assert(gate);
    count(gate, rules, report, now);
    int64_t hold = asked < HOLD_US_MAX ? asked : HOLD_US_MAX;
    if (hold > 0)
        gate->held_until_us = at_least(gate->held_until_us, now + hold);
    pthread_mutex_unlock(&gates->mutex);
}

bool gate_health(struct gates *gates, struct id connection, struct connection_health *ret)
{
    int64_t now = clock_monotonic_us(gates->clock);
    pthread_mutex_lock(&gates->mutex);
    const struct gate *gate = find(gates, connection);
    if (gate) {
        double health = gate->open_until_us == 0 ? 1 : gate->open_until_us > now ? 0 : 0.5;
        *ret = (struct connection_health){ .health = health,
            .calls = gate->calls,
            .failures = gate->failed_calls,
            .opened_until_us = gate->open_until_us };
    }
    pthread_mutex_unlock(&gates->mutex);
    return gate != NULL;
}
