#include "engine/trigger.h"

#include "base/timetext.h"

static bool passes(const struct trigger *trigger, const struct arrival *arrival, struct arena *arena)
{
    struct value values[SCOPE_IT] = { 0 }, result;
    struct expr_values names;
    struct expr_limits limits = { 0 };
    if (!trigger->filter)
        return true;
    values[SCOPE_EVENT] = arrival->event;
    values[SCOPE_ALERT] = arrival->alert;
    values[SCOPE_NOW] = value_from_instant(arrival->now);
    expr_values_init(&names, values, SCOPE_IT);
    return expr_eval(trigger->filter, arena, &names.activation, &limits, &result, NULL) == ERR_OK &&
        result.type == VALUE_BOOL && result.boolean;
}

/* An alert starts what is triggered by alerts, however its event came; a webhook's own triggers count for it
 * alone. */
static bool is_meant(const struct trigger *trigger, const struct arrival *arrival)
{
    switch (trigger->kind) {
    case TRIGGER_ALERT: return !value_is(arrival->alert, VALUE_NULL);
    case TRIGGER_WEBHOOK:
        return arrival->via == TRIGGER_WEBHOOK && str_equal(trigger->path, arrival->via_name);
    case TRIGGER_EMAIL:
        return arrival->via == TRIGGER_EMAIL && str_equal(trigger->connection, arrival->via_name);
    case TRIGGER_SYSLOG: return arrival->via == TRIGGER_SYSLOG;
    default: return false;
    }
}

bool triggers_match(const struct playbook *playbook, const struct arrival *arrival, struct arena *arena,
    bool *ret_for_repeats)
{
    bool matches = false;
    *ret_for_repeats = false;
    for (uint32_t i = 0; i < playbook->trigger_count; i++) {
        const struct trigger *trigger = &playbook->triggers[i];
        if (!is_meant(trigger, arrival) || !passes(trigger, arrival, arena))
            continue;
        matches = true;
        *ret_for_repeats |= trigger->is_for_repeats || trigger->kind != TRIGGER_ALERT;
    }
    return matches;
}
