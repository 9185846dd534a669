#include "mocks.h"

#include <string.h>

#include "base/container.h"
#include "base/memory.h"
#include "base/timetext.h"
#include "expr/expr.h"
#include "io/loop.h"
#include "store/store.h"

#define ANSWERS_MAX 10000

/* One answer of the table. */
struct mock_answer {
    const struct expr *when; /* NULL: always */
    bool is_used, is_ok, happened, hangs;
    struct value output;
    struct action_error error;
    enum action_effect effect;
    int64_t retry_after_us, delay_us;
};

struct mocked_action {
    struct action action; /* what the engine sees; first */
    const struct action *real; /* NULL: declared */
    struct mocks *mocks;
    struct mocked_action *whole; /* of a variant: the action that it varies; else itself */
    struct mock_answer *answers; /* of `whole` only */
    uint32_t answer_count;
    bool is_listed, is_passed;
    struct mocked_action *next; /* among all, or among the variants of one */
    struct mocked_action *variants;
};

struct flight {
    struct loop_job job;
    struct loop_timer timer;
    struct mocks *mocks;
    struct action_call *call;
    struct action_result result;
    bool is_landing; /* its job is posted */
    struct flight *next;
};

struct effects {
    struct str key;
    uint32_t count;
    struct value output; /* of the call that took effect; a probe gives it again */
    struct effects *next;
};

struct mocks {
    struct catalogue catalogue; /* first */
    struct catalogue_source source;
    struct catalogue_source *real_source;
    const struct catalogue *real;
    enum mocks_unlisted unlisted;
    struct arena arena;
    struct mocked_action *first, **end;
    struct mock_call *calls, **calls_end;
    struct effects *effects;
    struct flight *flights;
    struct flight spare; /* of a call that there is no memory for: it fails, instead of hanging */
    bool is_spare_out, has_run_out;
};

static struct mocked_action *mocked_of(const struct action *action)
{
    return (struct mocked_action *)(uintptr_t)action; /* ours, and its first member */
}

/* ---- the world outside ---- */

static struct effects *find_effects(const struct mocks *mocks, struct str key)
{
    struct effects *effects = mocks->effects;
    while (effects && !str_equal(effects->key, key))
        effects = effects->next;
    return effects;
}

uint32_t mocks_effects(const struct mocks *mocks, struct str key)
{
    const struct effects *effects = find_effects(mocks, key);
    return effects ? effects->count : 0;
}

/* Of that key, made when there are none. */
static FALLIBLE effects_of(
    struct mocks *mocks, const struct action_call *call, struct effects **ret, struct err_info *why)
{
    if ((*ret = find_effects(mocks, call->idempotency_key)))
        return ERR_OK;
    struct effects *effects = ARENA_NEW(&mocks->arena, struct effects);
    if (!effects)
        return err_memory(why);
    TRY(arena_str(&mocks->arena, call->idempotency_key, &effects->key, why));
    effects->next = mocks->effects;
    mocks->effects = effects;
    *ret = effects;
    return ERR_OK;
}

static void take_effect(struct effects *effects, const struct action_call *call, struct value output)
{
    if (effects->count == 0)
        effects->output = output;
    if (effects->count == 0 || !call->action->is_idempotent)
        effects->count++; /* an idempotent action takes effect once under one key */
}

static FALLIBLE record(struct mocks *mocks, const struct action_call *call, bool took_effect,
    struct mock_call **ret, struct err_info *why)
{
    struct arena *arena = &mocks->arena;
    struct mock_call *made = ARENA_NEW(arena, struct mock_call);
    if (!made)
        return err_memory(why);
    made->run_id = call->run_id;
    made->purpose = call->purpose;
    made->at = call->now;
    made->took_effect = took_effect;
    TRY(arena_str(arena, call->action->name, &made->action, why));
    TRY(arena_str(arena, call->connection, &made->connection, why));
    TRY(arena_str(arena, call->playbook, &made->playbook, why));
    TRY(arena_str(arena, call->step, &made->step, why));
    TRY(arena_str(arena, call->idempotency_key, &made->key, why));
    TRY(value_copy(arena, call->with, &made->with, why));
    *mocks->calls_end = made;
    mocks->calls_end = &made->next;
    *ret = made;
    return ERR_OK;
}

bool mocks_have_run_out(const struct mocks *mocks)
{
    return mocks->has_run_out;
}

const struct mock_call *mocks_calls(const struct mocks *mocks)
{
    return mocks->calls;
}

/* ---- which answer ---- */

enum { WHEN_WITH, WHEN_STEP, WHEN_CONNECTION, WHEN_COUNT };
static const struct expr_name when_names[WHEN_COUNT] = {
    [WHEN_WITH] = { STR_INIT("with"), &type_dyn },
    [WHEN_STEP] = { STR_INIT("step"), &type_string },
    [WHEN_CONNECTION] = { STR_INIT("connection"), &type_string },
};

static FALLIBLE fits(
    const struct mock_answer *answer, const struct action_call *call, bool *ret, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct value result;
    struct expr_values values;
    const struct expr_limits limits = { 0 };
    const struct value names[WHEN_COUNT] = { [WHEN_WITH] = call->with,
        [WHEN_STEP] = value_string(call->step),
        [WHEN_CONNECTION] = value_string(call->connection) };
    *ret = true;
    if (!answer->when)
        return ERR_OK;
    expr_values_init(&values, names, WHEN_COUNT);
    TRY(expr_eval(answer->when, &arena, &values.activation, &limits, &result, why));
    *ret = result.type == VALUE_BOOL && result.boolean;
    return ERR_OK;
}

/* NULL: none fits. */
static FALLIBLE choose(struct mocked_action *mocked, const struct action_call *call, struct mock_answer **ret,
    struct err_info *why)
{
    *ret = NULL;
    for (uint32_t i = 0; i < mocked->answer_count; i++) {
        struct mock_answer *answer = &mocked->answers[i];
        bool is_fit = false;
        TRY(fits(answer, call, &is_fit, why));
        if (!is_fit)
            continue;
        *ret = answer;
        if (!answer->is_used)
            break;
    }
    return ERR_OK;
}

static void fail(struct action_result *result, const char *code, struct str message)
{
    *result = (struct action_result){ .effect = ACTION_NOT_SENT, .error = { str_of(code), message, false } };
}

static FALLIBLE refuse(struct mocked_action *mocked, const struct action_call *call,
    struct action_result *ret, struct err_info *why)
{
    struct str message;
    TRY(arena_printf(call->arena, &message, why,
        mocked->is_listed ? "no mock of %.*s fits this call" : "%.*s is not mocked",
        STR_ARG(mocked->action.name)));
    fail(ret, "not_mocked", message);
    return ERR_OK;
}

static void probe(struct mocks *mocks, const struct action_call *call, struct action_result *ret)
{
    const struct effects *effects = find_effects(mocks, call->idempotency_key);
    if (effects && effects->count > 0)
        *ret = (struct action_result){ .is_ok = true, .output = effects->output, .effect = ACTION_ANSWERED };
    else
        fail(ret, "not_done", STR("the earlier call had no effect"));
}

/* What a call came to, and what was before it. */
struct answered {
    struct action_result result;
    struct mock_answer *answer; /* NULL: a probe's, or none fits */
    struct mock_call *made;
    struct effects *effects; /* NULL: it took none */
    uint32_t count;
    bool was_used;
};

/* What needs memory comes first, so that a call that fails for want of it has changed nothing. */
static FALLIBLE answer_call(
    struct mocked_action *mocked, const struct action_call *call, struct answered *ret, struct err_info *why)
{
    struct mocks *mocks = mocked->mocks;
    struct mock_answer *answer = NULL;
    struct effects *effects = NULL;
    if (call->purpose == ACTION_PROBE) {
        probe(mocks, call, &ret->result);
        return record(mocks, call, ret->result.is_ok, &ret->made, why);
    }
    TRY(choose(mocked->whole, call, &answer, why));
    if (!answer) {
        TRY(record(mocks, call, false, &ret->made, why));
        return refuse(mocked->whole, call, &ret->result, why);
    }
    if (answer->happened)
        TRY(effects_of(mocks, call, &effects, why));
    TRY(record(mocks, call, answer->happened, &ret->made, why));
    ret->result = (struct action_result){ .is_ok = answer->is_ok,
        .output = answer->output,
        .error = answer->error,
        .effect = answer->effect,
        .retry_after_us = answer->retry_after_us };
    ret->answer = answer;
    ret->was_used = answer->is_used;
    ret->effects = effects;
    ret->count = effects ? effects->count : 0;
    answer->is_used = true;
    if (effects)
        take_effect(effects, call, answer->output);
    return ERR_OK;
}

/* ---- calls ---- */

static void land(struct flight *flight)
{
    struct flight **at = &flight->mocks->flights;
    while (*at != flight)
        at = &(*at)->next;
    *at = flight->next;
    if (flight == &flight->mocks->spare)
        flight->mocks->is_spare_out = false;
    flight->call->finish(flight->call, &flight->result); /* frees the flight, which is in the call's arena */
}

static void land_job(struct loop_job *job)
{
    land(CONTAINER_OF(job, struct flight, job));
}

static void land_timer(struct loop_timer *timer)
{
    land(CONTAINER_OF(timer, struct flight, timer));
}

static void land_soon(struct flight *flight)
{
    flight->is_landing = true;
    loop_post(flight->call->loop, &flight->job);
}

static struct flight *flight_new(struct mocks *mocks, struct action_call *call)
{
    struct flight *flight = ARENA_NEW(call->arena, struct flight);
    if (flight || mocks->is_spare_out)
        return flight;
    mocks->is_spare_out = mocks->has_run_out = true;
    return &mocks->spare;
}

static void mock_start(const struct action *action, struct action_call *call)
{
    struct mocked_action *mocked = mocked_of(action);
    struct flight *flight = flight_new(mocked->mocks, call);
    struct answered answered = { 0 };
    struct err_info why = { 0 };
    if (!flight)
        return; /* as one that hangs: its timeout ends it */
    *flight = (struct flight){ .job = { .run = land_job },
        .timer = { .fire = land_timer },
        .mocks = mocked->mocks,
        .call = call,
        .next = mocked->mocks->flights };
    mocked->mocks->flights = flight;
    if (flight == &mocked->mocks->spare) {
        fail(&answered.result, "mock_failed", STR("no memory"));
    } else if (answer_call(mocked, call, &answered, &why) != ERR_OK) {
        struct str text;
        bool has_text = arena_str(call->arena, str_of(why.text), &text, NULL) == ERR_OK;
        mocked->mocks->has_run_out = true;
        fail(&answered.result, "mock_failed", has_text ? text : STR("no memory"));
    }
    /* A probe that could not be answered knows nothing; only "not_done" says that there was no effect. */
    if (call->purpose == ACTION_PROBE && str_equal(answered.result.error.code, STR("mock_failed")))
        answered.result.effect = ACTION_UNKNOWN;
    flight->result = answered.result;
    call->state = answered.answer;
    if (!answered.answer) {
        land_soon(flight);
    } else if (!answered.answer->hangs) {
        struct instant due = { loop_now(call->loop).us + answered.answer->delay_us };
        loop_timer_start(call->loop, &flight->timer, due);
    }
}

static void mock_cancel(const struct action *action, struct action_call *call)
{
    struct mocked_action *mocked = mocked_of(action);
    struct flight *flight = mocked->mocks->flights;
    while (flight && flight->call != call)
        flight = flight->next;
    if (!flight || flight->is_landing)
        return;
    if (flight->timer.is_armed)
        loop_timer_stop(call->loop, &flight->timer);
    flight->result = (struct action_result){ .effect = ACTION_UNKNOWN,
        .error = { STR("cancelled"), STR("the call was cancelled"), false } };
    land_soon(flight);
}

/* What a local action did is done once its commit is. */
struct local_effect {
    struct store_hook hook;
    struct answered answered;
};

static void local_effect_end(struct store_hook *hook, bool is_committed)
{
    const struct answered *answered = &((struct local_effect *)hook)->answered;
    if (is_committed)
        return;
    answered->made->took_effect = false;
    if (answered->answer)
        answered->answer->is_used = answered->was_used;
    if (answered->effects)
        answered->effects->count = answered->count;
}

/* Of a declared local action. Its failure is the step's error. */
static enum err mock_apply(const struct action *action, struct action_call *call, struct store_conn *conn,
    struct value *ret_output, struct err_info *why)
{
    struct local_effect *local = ARENA_NEW(call->arena, struct local_effect);
    if (!local)
        return err_memory(why);
    TRY(answer_call(mocked_of(action), call, &local->answered, why));
    local->hook.run = local_effect_end;
    store_add_hook(conn, &local->hook);
    const struct action_result *result = &local->answered.result;
    if (!result->is_ok)
        return err_set(why, ERR_CONFLICT, "%.*s", STR_ARG(result->error.message));
    *ret_output = result->output;
    return ERR_OK;
}

/* The repeat of a call that was cut off gets the answer that was on its way. One whose job is posted already
 * is left to it: it finishes into an engine that takes nothing any more. */
void mocks_drop_calls(struct mocks *mocks)
{
    struct flight **at = &mocks->flights;
    while (*at) {
        struct flight *flight = *at;
        struct mock_answer *answer = flight->call->state;
        if (answer)
            answer->is_used = false;
        if (flight->timer.is_armed)
            loop_timer_stop(flight->call->loop, &flight->timer);
        if (flight->is_landing)
            at = &flight->next;
        else
            *at = flight->next;
    }
}

/* ---- the catalogue ---- */

static struct mocked_action *find_mocked(const struct mocks *mocks, struct str name)
{
    struct mocked_action *mocked = mocks->first;
    while (mocked && !str_equal(mocked->action.name, name))
        mocked = mocked->next;
    return mocked;
}

static void mock_behaviour(struct mocked_action *mocked)
{
    mocked->action.start = mock_start;
    mocked->action.cancel = mock_cancel;
    mocked->action.apply = NULL;
}

/* The variant that counts by the real action's word, with the answers of the whole. */
static const struct action *mock_refine(
    const struct action *action, void *host, int64_t tenant, struct str connection, struct value with)
{
    struct mocked_action *mocked = mocked_of(action);
    const struct action *real = mocked->real->refine(mocked->real, host, tenant, connection, with);
    if (real == mocked->real)
        return action;
    struct mocked_action *variant = mocked->variants;
    while (variant && variant->real != real)
        variant = variant->next;
    if (variant)
        return &variant->action;
    if (!(variant = ARENA_NEW(&mocked->mocks->arena, struct mocked_action)))
        return action;
    *variant = (struct mocked_action){
        .action = *real, .real = real, .mocks = mocked->mocks, .whole = mocked, .next = mocked->variants
    };
    mock_behaviour(variant);
    variant->action.is_made_up = mocked->action.is_made_up;
    variant->action.refine = NULL;
    mocked->variants = variant;
    return &variant->action;
}

/* Real undo_with of connect's reads `definition`, which the copy has too. */
static FALLIBLE mocked_new(
    struct mocks *mocks, const struct action *real, struct mocked_action **ret, struct err_info *why)
{
    struct mocked_action *mocked = ARENA_NEW(&mocks->arena, struct mocked_action);
    if (!mocked)
        return err_memory(why);
    mocked->mocks = mocks;
    mocked->whole = mocked;
    if (real) {
        mocked->action = *real;
        mocked->real = real;
        if (real->refine)
            mocked->action.refine = mock_refine;
    }
    mock_behaviour(mocked);
    *mocks->end = mocked;
    mocks->end = &mocked->next;
    *ret = mocked;
    return ERR_OK;
}

static const struct action *find_action(const struct catalogue *catalogue, struct str name)
{
    const struct mocks *mocks = (const struct mocks *)(const void *)catalogue;
    const struct mocked_action *mocked = find_mocked(mocks, name);
    bool is_mocked = mocked &&
        (mocked->is_listed || !mocked->real || (mocks->unlisted == MOCKS_REFUSE && !mocked->is_passed));
    if (is_mocked && !(mocked->real && mocked->real->apply && !mocked->is_listed))
        return &mocked->action;
    return mocks->real ? catalogue_find(mocks->real, name) : NULL;
}

static const struct action *action_at(const struct catalogue *catalogue, uint32_t index)
{
    const struct mocks *mocks = (const struct mocks *)(const void *)catalogue;
    const struct mocked_action *mocked = mocks->first;
    while (mocked && index-- > 0)
        mocked = mocked->next;
    return mocked ? find_action(catalogue, mocked->action.name) : NULL;
}

static const struct catalogue *acquire(struct catalogue_source *source)
{
    return &CONTAINER_OF(source, struct mocks, source)->catalogue;
}

static void release(struct catalogue_source *source, const struct catalogue *catalogue)
{
    (void)source;
    (void)catalogue; /* lives as long as the mocks */
}

struct catalogue_source *mocks_catalogues(struct mocks *mocks)
{
    return &mocks->source;
}

static FALLIBLE wrap_real(struct mocks *mocks, struct err_info *why)
{
    const struct action *real;
    struct mocked_action *mocked;
    for (uint32_t i = 0; mocks->real && (real = mocks->real->at(mocks->real, i)); i++)
        TRY(mocked_new(mocks, real, &mocked, why));
    return ERR_OK;
}

enum err mocks_new(
    struct catalogue_source *real, enum mocks_unlisted unlisted, struct mocks **ret, struct err_info *why)
{
    struct mocks *mocks = memory_alloc(sizeof(*mocks));
    if (!mocks)
        return err_memory(why);
    *mocks = (struct mocks){ .catalogue = { find_action, action_at },
        .source = { acquire, release },
        .real_source = real,
        .real = real ? real->acquire(real) : NULL,
        .unlisted = unlisted };
    mocks->end = &mocks->first;
    mocks->calls_end = &mocks->calls;
    enum err result = wrap_real(mocks, why);
    if (result != ERR_OK) {
        mocks_free(mocks);
        return result;
    }
    *ret = mocks;
    return ERR_OK;
}

void mocks_free(struct mocks *mocks)
{
    if (!mocks)
        return;
    if (mocks->real)
        mocks->real_source->release(mocks->real_source, mocks->real);
    arena_done(&mocks->arena);
    memory_free(mocks);
}

/* ---- reading ---- */

static FALLIBLE bool_field(struct value map, const char *name, bool *ret, struct err_info *why)
{
    const struct value *v = value_map_find(map, str_of(name));
    if (v && v->type != VALUE_BOOL)
        return err_set(why, ERR_INVALID, "%s must be true or false", name);
    if (v)
        *ret = v->boolean;
    return ERR_OK;
}

static FALLIBLE span_field(struct value map, const char *name, int64_t *ret, struct err_info *why)
{
    const struct value *v = value_map_find(map, str_of(name));
    if (v && v->type != VALUE_STRING)
        return err_set(why, ERR_INVALID, "%s must be a span such as \"3s\"", name);
    return v ? span_parse(value_str(*v), ret, why) : ERR_OK;
}

static FALLIBLE text_field(struct value map, const char *name, struct str *ret, struct err_info *why)
{
    const struct value *v = value_map_find(map, str_of(name));
    if (v && v->type != VALUE_STRING)
        return err_set(why, ERR_INVALID, "%s must be a text", name);
    if (v)
        *ret = value_str(*v);
    return ERR_OK;
}

static FALLIBLE only_known(struct value map, const char *const *known, struct err_info *why)
{
    for (uint32_t i = 0; i < map.size; i++) {
        struct value key = value_map_entries(map)[i].key;
        const char *const *name = known;
        while (*name && !value_is_text(key, str_of(*name)))
            name++;
        if (!*name)
            return err_set(why, ERR_INVALID, "unknown key \"%.*s\"",
                STR_ARG(value_is(key, VALUE_STRING) ? value_str(key) : STR("?")));
    }
    return ERR_OK;
}

static FALLIBLE effect_field(struct value map, enum action_effect *ret, struct err_info *why)
{
    static const char *const names[] = {
        [ACTION_NOT_SENT] = "not_sent", [ACTION_ANSWERED] = "answered", [ACTION_UNKNOWN] = "unknown"
    };
    struct str text = STR("");
    TRY(text_field(map, "effect", &text, why));
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (text.size == 0 || !str_equal(text, str_of(names[i])))
            continue;
        *ret = (enum action_effect)i;
        return ERR_OK;
    }
    return text.size == 0 ? ERR_OK
                          : err_set(why, ERR_INVALID, "effect must be answered, not_sent or unknown");
}

static FALLIBLE read_error(struct value error, struct mock_answer *ret, struct err_info *why)
{
    static const char *const keys[] = { "code", "message", "retryable", "retry_after", NULL };
    ret->error.message = STR("made up by a mock");
    if (error.type == VALUE_STRING) {
        ret->error.code = value_str(error);
        return ERR_OK;
    }
    if (error.type != VALUE_MAP)
        return err_set(why, ERR_INVALID, "error must be a code, or {code, message, retryable}");
    TRY(only_known(error, keys, why));
    ret->error.code = STR("failed");
    TRY(text_field(error, "code", &ret->error.code, why));
    TRY(text_field(error, "message", &ret->error.message, why));
    TRY(span_field(error, "retry_after", &ret->retry_after_us, why));
    return bool_field(error, "retryable", &ret->error.is_retryable, why);
}

static FALLIBLE read_when(struct mocks *mocks, struct value v, struct mock_answer *ret, struct err_info *why)
{
    const struct expr_env env = { .names = when_names, .name_count = WHEN_COUNT };
    struct str text = STR("");
    struct expr *when = NULL;
    TRY(text_field(v, "when", &text, why));
    if (text.size == 0)
        return ERR_OK;
    TRY(expr_compile(&mocks->arena, &env, text, &when, why));
    ret->when = when;
    return ERR_OK;
}

static FALLIBLE read_answer(
    struct mocks *mocks, struct value v, struct mock_answer *ret, struct err_info *why)
{
    static const char *const keys[] = { "when", "output", "error", "effect", "happened", "delay", "hangs",
        NULL };
    if (v.type != VALUE_MAP)
        return err_set(why, ERR_INVALID, "an answer must be { output: … } or { error: … }");
    TRY(only_known(v, keys, why));
    const struct value *output = value_map_find(v, STR("output")), *error = value_map_find(v, STR("error"));
    TRY(bool_field(v, "hangs", &ret->hangs, why));
    if ((output && error) || (!output && !error && !ret->hangs))
        return err_set(why, ERR_INVALID, "an answer has either output or error");
    ret->is_ok = ret->happened = !error;
    ret->effect = ACTION_ANSWERED;
    ret->output = output ? *output : value_null();
    if (error)
        TRY(read_error(*error, ret, why));
    TRY(effect_field(v, &ret->effect, why));
    TRY(bool_field(v, "happened", &ret->happened, why));
    TRY(span_field(v, "delay", &ret->delay_us, why));
    return read_when(mocks, v, ret, why);
}

static FALLIBLE read_answers(
    struct mocks *mocks, struct value v, struct mocked_action *mocked, struct err_info *why)
{
    uint32_t count = v.type == VALUE_LIST ? v.size : 1;
    if (count == 0 || count > ANSWERS_MAX)
        return err_set(why, ERR_INVALID, "it needs 1 to %d answers", ANSWERS_MAX);
    struct mock_answer *answers = arena_zalloc(&mocks->arena, count * sizeof(struct mock_answer));
    if (!answers)
        return err_memory(why);
    for (uint32_t i = 0; i < count; i++)
        TRY(read_answer(mocks, v.type == VALUE_LIST ? v.items[i] : v, &answers[i], why));
    mocked->answers = answers;
    mocked->answer_count = count;
    mocked->is_listed = true;
    mocked->action.is_made_up = true;
    return ERR_OK;
}

/* An action by its name, with an error that says which one it is about. */
static enum err about(struct err_info *why, enum err result, struct str name, const struct err_info *inner)
{
    return err_set(why, result, "mocks: %.*s: %s", STR_ARG(name), inner->text);
}

enum err mocks_set(struct mocks *mocks, struct value table, struct err_info *why)
{
    struct value copy;
    for (struct mocked_action *mocked = mocks->first; mocked; mocked = mocked->next) {
        mocked->is_listed = false;
        mocked->action.is_made_up = false;
        mocked->answer_count = 0;
    }
    if (value_is(table, VALUE_NULL))
        return ERR_OK;
    if (table.type != VALUE_MAP)
        return err_set(why, ERR_INVALID, "mocks must be a map of action names");
    TRY(value_copy(&mocks->arena, table, &copy, why));
    for (uint32_t i = 0; i < copy.size; i++) {
        const struct value_entry *entry = &value_map_entries(copy)[i];
        struct str name = value_is(entry->key, VALUE_STRING) ? value_str(entry->key) : STR("?");
        struct mocked_action *mocked = find_mocked(mocks, name);
        struct err_info inner = { 0 };
        if (!mocked)
            return err_set(why, ERR_NOT_FOUND, "mocks: there is no action \"%.*s\"", STR_ARG(name));
        enum err result = read_answers(mocks, entry->value, mocked, &inner);
        if (result != ERR_OK)
            return about(why, result, name, &inner);
    }
    return ERR_OK;
}

enum err mocks_pass(struct mocks *mocks, struct str name, struct err_info *why)
{
    struct mocked_action *mocked = find_mocked(mocks, name);
    if (!mocked)
        return err_set(why, ERR_NOT_FOUND, "there is no action \"%.*s\"", STR_ARG(name));
    mocked->is_passed = true;
    return ERR_OK;
}

static FALLIBLE secret_fields(
    struct mocks *mocks, struct value names, struct action *action, struct err_info *why)
{
    struct type *out = ARENA_NEW(&mocks->arena, struct type);
    struct type_field *fields = ARENA_ARRAY(&mocks->arena, names.size, struct type_field);
    if (!out || !fields)
        return err_memory(why);
    for (uint32_t i = 0; i < names.size; i++) {
        if (names.items[i].type != VALUE_STRING)
            return err_set(why, ERR_INVALID, "secret must list names of fields");
        fields[i] = (struct type_field){
            .name = value_str(names.items[i]), .type = &type_dyn, .is_secret = true
        };
    }
    *out = (struct type){ .kind = TYPE_RECORD, .is_open = true, .fields = fields, .field_count = names.size };
    action->out = out;
    return ERR_OK;
}

static FALLIBLE declare(struct mocks *mocks, struct str name, struct value v, struct err_info *why)
{
    static const char *const keys[] = { "kind", "idempotent", "probe", "undo", "local", "secret", NULL };
    struct mocked_action *mocked = NULL;
    struct str kind = STR("query");
    bool is_local = false;
    struct type *in = ARENA_NEW(&mocks->arena, struct type);
    if (!in)
        return err_memory(why);
    *in = (struct type){ .kind = TYPE_RECORD, .is_open = true };
    if (v.type != VALUE_MAP && v.type != VALUE_NULL)
        return err_set(why, ERR_INVALID, "it must be {kind, idempotent, probe, undo, local, secret}");
    if (find_mocked(mocks, name))
        return err_set(why, ERR_CONFLICT, "there is such an action already");
    TRY(mocked_new(mocks, NULL, &mocked, why));
    struct action *action = &mocked->action;
    action->name = name;
    action->summary = STR("declared by a test");
    action->in = in;
    action->out = &type_dyn;
    if (v.type == VALUE_NULL)
        return ERR_OK;
    TRY(only_known(v, keys, why));
    TRY(text_field(v, "kind", &kind, why));
    TRY(text_field(v, "undo", &action->undo, why));
    TRY(bool_field(v, "idempotent", &action->is_idempotent, why));
    TRY(bool_field(v, "probe", &action->has_probe, why));
    TRY(bool_field(v, "local", &is_local, why));
    struct value secret = value_get(v, STR("secret"));
    if (secret.type == VALUE_LIST)
        TRY(secret_fields(mocks, secret, action, why));
    if (!action_kind_parse(kind, &action->kind))
        return err_set(why, ERR_INVALID, "there is no kind \"%.*s\"", STR_ARG(kind));
    if (is_local) {
        action->apply = mock_apply;
        action->start = NULL;
        action->cancel = NULL;
    }
    return ERR_OK;
}

enum err mocks_declare(struct mocks *mocks, struct value actions, struct err_info *why)
{
    struct value copy;
    if (value_is(actions, VALUE_NULL))
        return ERR_OK;
    if (actions.type != VALUE_MAP)
        return err_set(why, ERR_INVALID, "actions must be a map of action names");
    TRY(value_copy(&mocks->arena, actions, &copy, why));
    for (uint32_t i = 0; i < copy.size; i++) {
        const struct value_entry *entry = &value_map_entries(copy)[i];
        struct err_info inner = { 0 };
        struct str name = value_is(entry->key, VALUE_STRING) ? value_str(entry->key) : STR("?");
        enum err result = declare(mocks, name, entry->value, &inner);
        if (result != ERR_OK)
            return about(why, result, name, &inner);
    }
    return ERR_OK;
}
