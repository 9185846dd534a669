#include "tools.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/container.h"
#include "io/loop.h"

/* ---- the catalogue ---- */

static const struct type_field mark_fields[] = { { STR_INIT("mark"), &type_string, .is_required = true } };
static const struct type mark_type = { .kind = TYPE_RECORD, .fields = mark_fields, .field_count = 1 };
static const struct type_field out_fields[] = { { STR_INIT("score"), &type_int, .is_required = true } };
static const struct type out_type = { .kind = TYPE_RECORD, .fields = out_fields, .field_count = 1 };

static void start(const struct action *action, struct action_call *call);
static void cancel(const struct action *action, struct action_call *call);

#define TOOL(called, of_kind, ...) \
    { \
        .name = STR_INIT(called), .summary = STR_INIT("a tool of the simulation"), .kind = of_kind, \
        .in = &mark_type, .out = &out_type, .start = start, .cancel = cancel, __VA_ARGS__ \
    }

static const struct action actions[] = {
    TOOL("sim.look", ACTION_ENRICH, .is_idempotent = true),
    TOOL("sim.tell", ACTION_NOTIFY, .has_probe = true),
    TOOL("sim.shoot", ACTION_REMEDIATE),
    TOOL("sim.block", ACTION_CONTAIN, .is_idempotent = true, .undo = STR_INIT("sim.unblock")),
    TOOL("sim.unblock", ACTION_REMEDIATE, .is_idempotent = true),
};
#define ACTION_COUNT (sizeof actions / sizeof actions[0])

struct flight {
    struct tools *tools;
    struct action_call *call; /* NULL: its process died */
    struct loop_timer timer;
    bool has_effect, is_answer; /* still to come; the timer is armed for the answer */
    struct action_result result;
    struct flight *next;
};

struct tools {
    struct tools_options options;
    struct catalogue catalogue;
    struct catalogue_source source;
    const struct catalogue *real;
    struct flight *flights;
    struct effect_entry *effects, *buckets[4096];
    uint64_t calls;
    bool is_good;
};

static const struct action *find(const struct catalogue *catalogue, struct str name)
{
    const struct tools *tools = (const struct tools *)(const void *)((const char *)catalogue -
        offsetof(struct tools, catalogue));
    for (size_t i = 0; i < ACTION_COUNT; i++)
        if (str_equal(actions[i].name, name))
            return &actions[i];
    return catalogue_find(tools->real, name);
}

static const struct action *at(const struct catalogue *catalogue, uint32_t index)
{
    const struct tools *tools = (const struct tools *)(const void *)((const char *)catalogue -
        offsetof(struct tools, catalogue));
    return index < ACTION_COUNT ? &actions[index] : tools->real->at(tools->real, index - ACTION_COUNT);
}

static const struct catalogue *acquire(struct catalogue_source *source)
{
    return &CONTAINER_OF(source, struct tools, source)->catalogue;
}

static void release(struct catalogue_source *source, const struct catalogue *catalogue)
{
    (void)source;
    (void)catalogue; /* lives as long as the tools */
}

/* The engine gives an action no context but its catalogue's: one simulation at a time. */
static struct tools *the_tools;

struct tools *tools_new(const struct tools_options *options)
{
    struct tools *tools = calloc(1, sizeof *tools);
    assert(tools && !the_tools);
    tools->options = *options;
    tools->catalogue = (struct catalogue){ find, at };
    tools->source = (struct catalogue_source){ acquire, release };
    tools->real = options->real->acquire(options->real);
    the_tools = tools;
    return tools;
}

void tools_free(struct tools *tools)
{
    tools_process_died(tools);
    tools->options.real->release(tools->options.real, tools->real);
    while (tools->effects) {
        struct effect_entry *next = tools->effects->next;
        free(tools->effects);
        tools->effects = next;
    }
    free(tools);
    the_tools = NULL;
}

struct catalogue_source *tools_catalogues(struct tools *tools)
{
    return &tools->source;
}

void tools_become_good(struct tools *tools)
{
    tools->is_good = true;
}

const struct effect_entry *tools_effects(const struct tools *tools)
{
    return tools->effects;
}

uint64_t tools_calls(const struct tools *tools)
{
    return tools->calls;
}

/* ---- effects ---- */

static struct effect_entry *entry_of(struct tools *tools, const struct action_call *call)
{
    char key[96];
    snprintf(key, sizeof key, "%.*s", STR_ARG(call->idempotency_key));
    struct effect_entry **bucket = &tools->buckets[str_hash(str_of(key)) % 4096];
    for (struct effect_entry *entry = *bucket; entry; entry = entry->same_bucket)
        if (strcmp(entry->key, key) == 0)
            return entry;
    struct effect_entry *entry = calloc(1, sizeof *entry);
    assert(entry);
    struct value mark = value_get(call->with, STR("mark"));
    memcpy(entry->key, key, sizeof key);
    snprintf(entry->action, sizeof entry->action, "%.*s", STR_ARG(call->action->name));
    snprintf(entry->mark, sizeof entry->mark, "%.*s", STR_ARG(value_str(mark)));
    entry->next = tools->effects;
    tools->effects = entry;
    entry->same_bucket = *bucket;
    *bucket = entry;
    return entry;
}

static void take_effect(struct flight *flight)
{
    struct effect_entry *entry = entry_of(flight->tools, flight->call);
    flight->has_effect = false;
    if (!flight->call->action->is_idempotent || entry->effects == 0)
        entry->effects++;
}

bool tools_did(const struct tools *tools, struct str action, struct str mark)
{
    for (const struct effect_entry *entry = tools->effects; entry; entry = entry->next)
        if (entry->effects > 0 && str_equal(str_of(entry->action), action) &&
            str_equal(str_of(entry->mark), mark))
            return true;
    return false;
}

/* ---- calls ---- */

static void forget(struct flight *flight)
{
    struct flight **place = &flight->tools->flights;
    while (*place != flight)
        place = &(*place)->next;
    *place = flight->next;
}

static void fire(struct loop_timer *timer)
{
    struct flight *flight = CONTAINER_OF(timer, struct flight, timer);
    struct action_call *call = flight->call;
    if (flight->has_effect)
        take_effect(flight);
    struct action_result result = flight->result;
    forget(flight);
    free(flight);
    call->finish(call, &result);
}

static struct action_result failed(struct str code, bool is_retryable, enum action_effect effect)
{
    return (
        struct action_result){ .error = { code, STR("the tool said no"), is_retryable }, .effect = effect };
}

static struct action_result done(struct arena *arena)
{
    struct value_map_builder map;
    value_map_begin(&map, arena);
    enum err result = value_map_set(&map, "score", value_int(42), NULL);
    assert(result == ERR_OK);
    (void)result;
    return (struct action_result){ .is_ok = true, .output = value_map_end(&map), .effect = ACTION_ANSWERED };
}

/* False: it hangs until it is given up. */
static bool decide(struct flight *flight)
{
    uint64_t chance = flight->tools->is_good ? 99 : rand_below(flight->tools->options.chance, 100);
    flight->has_effect = chance >= 30 || (chance >= 10 && chance < 18) || chance < 2;
    if (chance < 4)
        return false;
    if (chance < 18) /* with its effect from 10 on */
        flight->result = failed(STR("broken"), true, ACTION_UNKNOWN);
    else if (chance < 23)
        flight->result = failed(STR("busy"), true, ACTION_ANSWERED);
    else if (chance < 27)
        flight->result = failed(STR("unreachable"), true, ACTION_NOT_SENT);
    else if (chance < 30)
        flight->result = failed(STR("refused"), false, ACTION_ANSWERED);
    else
        flight->result = done(flight->call->arena);
    return true;
}

static bool probe(struct flight *flight)
{
    struct tools *tools = flight->tools;
    bool did = entry_of(tools, flight->call)->effects > 0;
    if (!tools->is_good && rand_below(tools->options.chance, 10) == 0)
        flight->result = failed(STR("broken"), true, ACTION_UNKNOWN);
    else if (did)
        flight->result = done(flight->call->arena);
    else
        flight->result = failed(STR("not_done"), true, ACTION_NOT_SENT);
    return true;
}

static int64_t delay_of(struct tools *tools)
{
    static const int64_t most_ms[] = { 20, 200, 2000, 90000 };
    int64_t most = tools->is_good ? 20 : most_ms[rand_below(tools->options.chance, 4)];
    return (int64_t)(1 + rand_below(tools->options.chance, (uint64_t)most)) * US_PER_MS;
}

static void start(const struct action *action, struct action_call *call)
{
    struct tools *tools = the_tools;
    struct flight *flight = calloc(1, sizeof *flight);
    assert(flight);
    (void)action;
    *flight = (struct flight){
        .tools = tools, .call = call, .timer = { .fire = fire }, .next = tools->flights
    };
    tools->flights = flight;
    call->state = flight;
    tools->calls++;
    entry_of(tools, call)->calls += call->purpose == ACTION_DO;
    bool answers = call->purpose == ACTION_PROBE ? probe(flight) : decide(flight);
    if (answers)
        loop_timer_start(
            call->loop, &flight->timer, (struct instant){ loop_now(call->loop).us + delay_of(tools) });
    flight->is_answer = answers;
}

/* Given up: it may have happened. */
static void cancel(const struct action *action, struct action_call *call)
{
    struct flight *flight = call->state;
    (void)action;
    if (flight->is_answer)
        loop_timer_stop(call->loop, &flight->timer);
    flight->has_effect = flight->has_effect && rand_below(flight->tools->options.chance, 2) == 0;
    flight->result = failed(STR("timeout"), true, ACTION_UNKNOWN);
    loop_timer_start(call->loop, &flight->timer, loop_now(call->loop));
    flight->is_answer = true;
}

void tools_process_died(struct tools *tools)
{
    while (tools->flights) {
        struct flight *flight = tools->flights;
        if (flight->has_effect && rand_below(tools->options.chance, 2) == 0)
            take_effect(flight);
        if (flight->is_answer)
            loop_timer_stop(flight->call->loop, &flight->timer);
        tools->flights = flight->next;
        free(flight);
    }
}
