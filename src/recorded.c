#include "recorded.h"

#include <ctype.h>
#include <string.h>

#include "base/id.h"

struct taking {
    struct arena *arena;
    struct value_map_builder mocks, calls;
    struct value_list_builder path, numbers;
};

/* Actions that are real in a test too. */
static bool is_real_in_tests(struct str action)
{
    return str_starts(action, STR("case.")) || str_starts(action, STR("alert.")) ||
        str_equal(action, STR("log.write")) || str_equal(action, STR("transform.jq"));
}

/* "step_7": the reader's, no name of the author's. */
static bool is_made_id(struct str id)
{
    if (!str_starts(id, STR("step_")) || id.size == strlen("step_"))
        return false;
    for (size_t i = strlen("step_"); i < id.size; i++)
        if (!isdigit((unsigned char)id.data[i]))
            return false;
    return true;
}

/* {output} or {error: {code, message, retryable}}. */
static FALLIBLE answer_of(struct arena *arena, struct value step, struct value *ret, struct err_info *why)
{
    static const char *const parts[] = { "code", "message", "retryable" };
    struct value_map_builder map, error;
    struct value failure = value_get(step, STR("error"));
    value_map_begin(&map, arena);
    if (failure.type == VALUE_MAP) {
        value_map_begin(&error, arena);
        for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
            const struct value *part = value_map_find(failure, str_of(parts[i]));
            if (part != NULL && part->type != VALUE_NULL)
                TRY(value_map_set(&error, parts[i], *part, why));
        }
        TRY(value_map_set(&map, "error", value_map_end(&error), why));
    } else {
        TRY(value_map_set(&map, "output", value_get(step, STR("output")), why));
    }
    *ret = value_map_end(&map);
    return ERR_OK;
}

static FALLIBLE record_steps(struct taking *taking, struct value steps, struct err_info *why);

static FALLIBLE record_step(struct taking *taking, struct value step, struct err_info *why)
{
    struct value id = value_get(step, STR("id")), action = value_get(step, STR("action")), answer;
    struct value attempts = value_get(step, STR("attempts"));
    if (value_is_text(value_get(step, STR("status")), STR("skipped")))
        return ERR_OK;
    if (id.type == VALUE_STRING && !is_made_id(value_str(id)))
        TRY(value_list_add(&taking->path, id, why));
    TRY(record_steps(taking, value_get(step, STR("steps")), why));
    bool was_called = attempts.type == VALUE_INT && attempts.integer > 0 &&
        value_get(step, STR("simulated")).type != VALUE_BOOL;
    struct value number = value_get(value_get(step, STR("output")), STR("number"));
    if (action.type == VALUE_STRING && number.type == VALUE_INT &&
        str_starts(value_str(action), STR("case.")))
        TRY(value_list_add(&taking->numbers, number, why));
    if (action.type != VALUE_STRING || !was_called || is_real_in_tests(value_str(action)))
        return ERR_OK;
    TRY(answer_of(taking->arena, step, &answer, why));
    TRY(value_map_append(&taking->mocks, action, answer, why));
    return value_map_append(&taking->calls, action, value_get(step, STR("input")), why);
}

static enum err record_steps(struct taking *taking, struct value steps, struct err_info *why)
{
    for (uint32_t i = 0; steps.type == VALUE_LIST && i < steps.size; i++)
        TRY(record_step(taking, steps.items[i], why));
    return ERR_OK;
}

/* step → {choice or form}, of tasks that people answered. */
static FALLIBLE answers_of(struct arena *arena, struct value tasks, struct value *ret, struct err_info *why)
{
    static const char *const parts[] = { "choice", "form" };
    struct value_map_builder answers;
    value_map_begin(&answers, arena);
    for (uint32_t i = 0; tasks.type == VALUE_LIST && i < tasks.size; i++) {
        struct value_map_builder one;
        struct value given = value_get(tasks.items[i], STR("answer"));
        struct value step = value_get(tasks.items[i], STR("step"));
        if (given.type != VALUE_MAP || step.type != VALUE_STRING)
            continue;
        value_map_begin(&one, arena);
        for (size_t part = 0; part < 2; part++) {
            const struct value *v = value_map_find(given, str_of(parts[part]));
            if (v != NULL && v->type != VALUE_NULL)
                TRY(value_map_set(&one, parts[part], *v, why));
        }
        struct value answer = value_map_end(&one);
        if (answer.size > 0)
            TRY(value_map_append(&answers, step, answer, why));
    }
    *ret = value_map_end(&answers);
    return ERR_OK;
}

/* Ids and the numbers of cases differ from run to run: they are not expected. */
bool recorded_is_fresh(const struct recorded *recorded, struct value v)
{
    struct id id;
    for (uint32_t i = 0; v.type == VALUE_INT && i < recorded->numbers.size; i++)
        if (value_equal(recorded->numbers.items[i], v))
            return true;
    return v.type == VALUE_STRING && id_parse(value_str(v), &id);
}

enum err recorded_lasting(
    const struct recorded *recorded, struct value v, struct value *ret, struct err_info *why)
{
    struct value_map_builder map;
    *ret = v;
    if (v.type != VALUE_MAP)
        return ERR_OK;
    const struct value_entry *entries = value_map_entries(v);
    value_map_begin(&map, recorded->arena);
    for (uint32_t i = 0; i < v.size; i++) {
        struct value inside;
        if (recorded_is_fresh(recorded, entries[i].value))
            continue;
        TRY(recorded_lasting(recorded, entries[i].value, &inside, why));
        TRY(value_map_put(&map, entries[i].key, inside, why));
    }
    *ret = value_map_end(&map);
    return ERR_OK;
}

enum err recorded_take(struct arena *arena, struct value run, struct recorded *ret, struct err_info *why)
{
    struct taking taking = { .arena = arena };
    value_map_begin(&taking.mocks, arena);
    value_map_begin(&taking.calls, arena);
    value_list_begin(&taking.path, arena);
    value_list_begin(&taking.numbers, arena);
    TRY(record_steps(&taking, value_get(run, STR("steps")), why));
    TRY(answers_of(arena, value_get(run, STR("tasks")), &ret->answers, why));
    ret->arena = arena;
    ret->mocks = value_map_end(&taking.mocks);
    ret->calls = value_map_end(&taking.calls);
    ret->path = value_list_end(&taking.path);
    ret->numbers = value_list_end(&taking.numbers);
    return ERR_OK;
}
