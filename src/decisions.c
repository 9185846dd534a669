#include "decisions.h"

#include <stdlib.h>

#include "base/json.h"
#include "recorded.h"

static const char *const names[OUTCOME_COUNT] = {
    [OUTCOME_CONTAIN] = "contain",
    [OUTCOME_REMEDIATE] = "remediate",
    [OUTCOME_NOTIFY] = "notify",
    [OUTCOME_TICKET] = "ticket",
    [OUTCOME_ASK] = "ask",
    [OUTCOME_STATUS] = "status",
};

const char *outcome_name(enum outcome outcome)
{
    return names[outcome];
}

bool outcome_parse(struct str word, enum outcome *ret)
{
    for (int i = 0; i < OUTCOME_COUNT; i++)
        if (str_equal(word, str_of(names[i]))) {
            *ret = (enum outcome)i;
            return true;
        }
    return false;
}

struct taking {
    struct arena *arena;
    const struct catalogue *catalogue;
    struct recorded recorded;
    struct decisions *decisions;
    uint32_t room;
};

static uint32_t count_steps(struct value steps)
{
    uint32_t count = 0;
    for (uint32_t i = 0; steps.type == VALUE_LIST && i < steps.size; i++)
        count += 1 + count_steps(value_get(steps.items[i], STR("steps")));
    return count;
}

static void add(struct taking *taking, const struct decision *decision)
{
    struct decisions *decisions = taking->decisions;
    if (decisions->count < taking->room)
        decisions->items[decisions->count++] = *decision;
}

static bool outcome_of_kind(enum action_kind kind, enum outcome *ret)
{
    switch (kind) {
    case ACTION_NOTIFY: *ret = OUTCOME_NOTIFY; return true;
    case ACTION_TICKET: *ret = OUTCOME_TICKET; return true;
    case ACTION_CONTAIN: *ret = OUTCOME_CONTAIN; return true;
    case ACTION_REMEDIATE: *ret = OUTCOME_REMEDIATE; return true;
    case ACTION_QUERY:
    case ACTION_ENRICH:
    default: return false;
    }
}

static FALLIBLE target_of(struct taking *taking, struct value with, struct str *ret, struct err_info *why)
{
    AUTO(buf) struct buf text = { 0 };
    struct value lasting;
    TRY(recorded_lasting(&taking->recorded, with, &lasting, why));
    json_print(&text, lasting, JSON_CANONICAL);
    TRY(buf_check(&text, why));
    return arena_str(taking->arena, buf_str(&text), ret, why);
}

static FALLIBLE take_steps(struct taking *taking, struct value steps, struct err_info *why);

static FALLIBLE take_call(struct taking *taking, struct value step, struct str name, struct err_info *why)
{
    const struct action *action = catalogue_find(taking->catalogue, name);
    struct value with = value_get(step, STR("input")), attempts = value_get(step, STR("attempts"));
    struct decision decision = { .name = name };
    if (value_is_text(value_get(value_get(step, STR("error")), STR("code")), STR("not_mocked")))
        taking->decisions->missing++;
    if (action == NULL || attempts.type != VALUE_INT || attempts.integer == 0)
        return ERR_OK;
    const struct action *refined = action_refine(action, NULL, 0, STR(""), with);
    if (!outcome_of_kind(refined->kind, &decision.outcome))
        return ERR_OK;
    if (decision.outcome == OUTCOME_CONTAIN || decision.outcome == OUTCOME_REMEDIATE)
        TRY(target_of(taking, with, &decision.target, why));
    add(taking, &decision);
    return ERR_OK;
}

static FALLIBLE take_step(struct taking *taking, struct value step, struct err_info *why)
{
    struct value action = value_get(step, STR("action")), id = value_get(step, STR("id"));
    if (value_is_text(value_get(step, STR("status")), STR("skipped")))
        return ERR_OK;
    if (action.type == VALUE_STRING)
        TRY(take_call(taking, step, value_str(action), why));
    if (id.type == VALUE_STRING && value_is_text(value_get(step, STR("kind")), STR("ask"))) {
        const struct decision decision = { .outcome = OUTCOME_ASK, .name = value_str(id) };
        add(taking, &decision);
    }
    return take_steps(taking, value_get(step, STR("steps")), why);
}

static enum err take_steps(struct taking *taking, struct value steps, struct err_info *why)
{
    for (uint32_t i = 0; steps.type == VALUE_LIST && i < steps.size; i++)
        TRY(take_step(taking, steps.items[i], why));
    return ERR_OK;
}

static int compare(const void *a, const void *b)
{
    const struct decision *left = a, *right = b;
    if (left->outcome != right->outcome)
        return left->outcome < right->outcome ? -1 : 1;
    int order = str_compare(left->name, right->name);
    return order != 0 ? order : str_compare(left->target, right->target);
}

enum err decisions_take(struct arena *arena, const struct catalogue *catalogue, struct value run,
    struct decisions *ret, struct err_info *why)
{
    struct value steps = value_get(run, STR("steps")), status = value_get(run, STR("status"));
    struct taking taking = {
        .arena = arena, .catalogue = catalogue, .decisions = ret, .room = count_steps(steps) * 2 + 1
    };
    *ret = (struct decisions){ .items = ARENA_ARRAY(arena, taking.room, struct decision) };
    if (ret->items == NULL)
        return err_memory(why);
    TRY(recorded_take(arena, run, &taking.recorded, why));
    TRY(take_steps(&taking, steps, why));
    const struct decision end = { .outcome = OUTCOME_STATUS,
        .name = status.type == VALUE_STRING ? value_str(status) : STR("no run") };
    add(&taking, &end);
    qsort(ret->items, ret->count, sizeof ret->items[0], compare);
    return ERR_OK;
}

void decisions_compare(
    const struct decisions *before, const struct decisions *now, decision_visit *visit, void *context)
{
    uint32_t i = 0, j = 0;
    while (i < before->count || j < now->count) {
        int order = i == before->count ? 1
            : j == now->count          ? -1
                                       : compare(&before->items[i], &now->items[j]);
        if (order < 0)
            visit(context, &before->items[i], false);
        else if (order > 0)
            visit(context, &now->items[j], true);
        i += order <= 0;
        j += order >= 0;
    }
}
