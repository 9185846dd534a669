#include "engine/trigger.h"

#include "base/timetext.h"

static FALLIBLE passes(const struct trigger *trigger, const struct arrival *arrival, struct arena *arena,
    bool *ret, struct err_info *why)
{
    struct value values[SCOPE_IT] = { 0 }, result;
    struct expr_values names;
    struct expr_limits limits = { 0 };
    *ret = true;
    if (!trigger->filter)
        return ERR_OK;
    values[SCOPE_EVENT] = arrival->event;
    values[SCOPE_ALERT] = arrival->alert;
    values[SCOPE_NOW] = value_from_instant(arrival->now);
    expr_values_init(&names, values, SCOPE_IT);
    enum err failed = expr_eval(trigger->filter, arena, &names.activation, &limits, &result, NULL);
    *ret = failed == ERR_OK && result.type == VALUE_BOOL && result.boolean;
    return failed == ERR_MEMORY ? err_memory(why) : ERR_OK;
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

enum err triggers_match(const struct playbook *playbook, const struct arrival *arrival, struct arena *arena,
    struct trigger_match *ret, struct err_info *why)
{
    *ret = (struct trigger_match){ 0 };
    for (uint32_t i = 0; i < playbook->trigger_count; i++) {
        const struct trigger *trigger = &playbook->triggers[i];
        bool has_passed = false;
        if (!is_meant(trigger, arrival))
            continue;
        TRY(passes(trigger, arrival, arena, &has_passed, why));
        if (!has_passed)
            continue;
        ret->matches = true;
        ret->for_repeats |= trigger->is_for_repeats || trigger->kind != TRIGGER_ALERT;
    }
    return ERR_OK;
}
