/* What is around the engine in a scenario. */
#include "base/container.h"
#include "scenario.h"

/* ---- guardrail ---- */

struct told_guardrail {
    struct guardrail guardrail;
    struct value words; /* action → "ask" or "refuse" */
};

static enum guardrail_verdict judge(struct guardrail *guardrail, const struct action *action,
    struct value with, const struct playbook *playbook, struct arena *arena, struct str *ret_reason)
{
    const struct told_guardrail *told = (const struct told_guardrail *)guardrail;
    struct value word = value_get(told->words, action->name);
    (void)with, (void)playbook, (void)arena; /* a scenario goes by the action alone */
    *ret_reason = STR("the scenario says so");
    if (value_is_text(word, STR("refuse")))
        return GUARDRAIL_REFUSE;
    return value_is_text(word, STR("ask")) ? GUARDRAIL_ASK : GUARDRAIL_ALLOW;
}

struct guardrail *scenario_guardrail(struct played *played)
{
    struct value words = value_get(played->scenario->given, STR("guardrail"));
    struct told_guardrail *told = ARENA_NEW(played->arena, struct told_guardrail);
    if (!told || value_is(words, VALUE_NULL))
        return NULL;
    *told = (struct told_guardrail){ { judge }, words };
    return &told->guardrail;
}

/* ---- actions ---- */

struct told_catalogue {
    struct catalogue catalogue;
    struct catalogue_source source;
    const struct catalogue *all;
    const struct mocks *mocks;
    struct value vanishing; /* names */
};

static bool has_vanished(const struct told_catalogue *told, struct str name)
{
    bool may_vanish = false, was_probed = false;
    for (uint32_t i = 0; i < told->vanishing.size; i++)
        may_vanish = may_vanish || value_is_text(told->vanishing.items[i], name);
    for (const struct mock_call *call = mocks_calls(told->mocks); call && may_vanish; call = call->next)
        was_probed = was_probed || (call->purpose == ACTION_PROBE && str_equal(call->action, name));
    return was_probed;
}

static const struct action *find_unvanished(const struct catalogue *catalogue, struct str name)
{
    const struct told_catalogue *told = (const struct told_catalogue *)(const void *)catalogue;
    return has_vanished(told, name) ? NULL : catalogue_find(told->all, name);
}

static const struct catalogue *acquire(struct catalogue_source *source)
{
    return &CONTAINER_OF(source, struct told_catalogue, source)->catalogue;
}

static void release(struct catalogue_source *source, const struct catalogue *catalogue)
{
    (void)source, (void)catalogue; /* lives as long as `played` */
}

struct catalogue_source *scenario_catalogues(struct played *played)
{
    struct value names = value_get(played->scenario->given, STR("vanishes"));
    struct catalogue_source *mocked = mocks_catalogues(played->mocks);
    struct told_catalogue *told = ARENA_NEW(played->arena, struct told_catalogue);
    if (!told || names.type != VALUE_LIST)
        return mocked;
    const struct catalogue *all = mocked->acquire(mocked);
    *told = (struct told_catalogue){ { find_unvanished, all->at }, { acquire, release }, all, played->mocks,
        names };
    return &told->source;
}

/* ---- subjects ---- */

struct told_subjects {
    struct engine_subjects subjects;
    const struct mocks *mocks;
    int64_t full; /* cancels that the disk has no room for yet */
};

static enum err audit(struct engine_subjects *subjects, struct store_conn *conn, int64_t tenant,
    struct str actor, struct str operation, struct str object_kind, struct id object, struct value detail,
    struct err_info *why)
{
    struct told_subjects *told = (struct told_subjects *)subjects;
    (void)conn, (void)tenant, (void)actor, (void)object_kind, (void)object, (void)detail;
    if (!str_equal(operation, STR("run.cancel")) || told->full-- <= 0)
        return ERR_OK;
    return err_set(why, ERR_FULL, "the disk is full");
}

static enum err load_alert(struct engine_subjects *subjects, struct store_conn *conn, int64_t tenant,
    struct id id, struct arena *arena, struct value *ret, struct err_info *why)
{
    const struct told_subjects *told = (const struct told_subjects *)subjects;
    struct value_map_builder map = { 0 };
    int64_t count = 0;
    (void)conn, (void)tenant, (void)id; /* there is one */
    for (const struct mock_call *call = mocks_calls(told->mocks); call; call = call->next)
        count++;
    value_map_begin(&map, arena);
    TRY(value_map_set(&map, "calls", value_int(count), why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

static enum err load_case(struct engine_subjects *subjects, struct store_conn *conn, int64_t tenant,
    struct id id, struct arena *arena, struct value *ret, struct err_info *why)
{
    (void)subjects, (void)conn, (void)tenant, (void)id, (void)arena, (void)why; /* there are none */
    *ret = value_null();
    return ERR_OK;
}

struct engine_subjects *scenario_subjects(struct played *played)
{
    struct value wanted = value_get(played->scenario->given, STR("subjects"));
    struct value full = value_get(wanted, STR("full"));
    struct told_subjects *told = ARENA_NEW(played->arena, struct told_subjects);
    if (!told || value_is(wanted, VALUE_NULL))
        return NULL;
    *told = (struct told_subjects){ { .load_alert = load_alert, .load_case = load_case, .audit = audit },
        played->mocks, full.type == VALUE_INT ? full.integer : 0 };
    return &told->subjects;
}
