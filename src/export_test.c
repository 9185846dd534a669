/* `tocsin run export-test ID`: a recorded run as a test case: its event, what was answered as mocks, what
 * people said, and what came out of it as what is expected. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "base/json.h"
#include "mask.h"
#include "resource.h"

/* What was called, by action. */
struct recorded {
    struct arena *arena;
    struct value_map_builder mocks; /* action → list of answers */
    struct value_map_builder calls; /* action → list of parameters */
    struct value_list_builder path;
    struct value_list_builder numbers; /* of cases that the run opened */
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

static FALLIBLE append(
    struct value_map_builder *map, struct value key, struct value item, struct err_info *why)
{
    struct value_list_builder list;
    value_list_begin(&list, map->arena);
    for (uint32_t i = 0; i < map->count; i++) {
        struct value before = map->entries[i].value;
        if (!value_equal(map->entries[i].key, key))
            continue;
        for (uint32_t j = 0; j < before.size; j++)
            TRY(value_list_add(&list, before.items[j], why));
    }
    TRY(value_list_add(&list, item, why));
    return value_map_put(map, key, value_list_end(&list), why);
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

static FALLIBLE record_steps(struct recorded *recorded, struct value steps, struct err_info *why);

static FALLIBLE record_step(struct recorded *recorded, struct value step, struct err_info *why)
{
    struct value id = value_get(step, STR("id")), action = value_get(step, STR("action")), answer;
    struct value attempts = value_get(step, STR("attempts"));
    if (value_is_text(value_get(step, STR("status")), STR("skipped")))
        return ERR_OK;
    if (id.type == VALUE_STRING && !is_made_id(value_str(id)))
        TRY(value_list_add(&recorded->path, id, why));
    TRY(record_steps(recorded, value_get(step, STR("steps")), why));
    bool was_called = attempts.type == VALUE_INT && attempts.integer > 0 &&
        value_get(step, STR("simulated")).type != VALUE_BOOL;
    struct value number = value_get(value_get(step, STR("output")), STR("number"));
    if (action.type == VALUE_STRING && number.type == VALUE_INT &&
        str_starts(value_str(action), STR("case.")))
        TRY(value_list_add(&recorded->numbers, number, why));
    if (action.type != VALUE_STRING || !was_called || is_real_in_tests(value_str(action)))
        return ERR_OK;
    TRY(answer_of(recorded->arena, step, &answer, why));
    TRY(append(&recorded->mocks, action, answer, why));
    return append(&recorded->calls, action, value_get(step, STR("input")), why);
}

static enum err record_steps(struct recorded *recorded, struct value steps, struct err_info *why)
{
    for (uint32_t i = 0; steps.type == VALUE_LIST && i < steps.size; i++)
        TRY(record_step(recorded, steps.items[i], why));
    return ERR_OK;
}

/* ---- what a new run can't have again ---- */

/* Ids and the numbers of cases differ from run to run: they are not expected. */
static bool is_fresh(const struct recorded *recorded, struct value v)
{
    struct id id;
    for (uint32_t i = 0; v.type == VALUE_INT && i < recorded->numbers.count; i++)
        if (value_equal(recorded->numbers.items[i], v))
            return true;
    return v.type == VALUE_STRING && id_parse(value_str(v), &id);
}

static FALLIBLE without_fresh(
    const struct recorded *recorded, struct value v, struct value *ret, struct err_info *why)
{
    struct value_map_builder map;
    const struct value_entry *entries = value_map_entries(v);
    *ret = v;
    if (v.type != VALUE_MAP)
        return ERR_OK;
    value_map_begin(&map, recorded->arena);
    for (uint32_t i = 0; i < v.size; i++) {
        struct value inside;
        if (is_fresh(recorded, entries[i].value))
            continue;
        TRY(without_fresh(recorded, entries[i].value, &inside, why));
        TRY(value_map_put(&map, entries[i].key, inside, why));
    }
    *ret = value_map_end(&map);
    return ERR_OK;
}

static FALLIBLE expectation(const struct recorded *recorded, struct value run, struct value calls,
    struct value path, struct value *ret, struct err_info *why)
{
    struct value_map_builder map, error;
    struct value output = value_get(run, STR("output")), failure = value_get(run, STR("error"));
    value_map_begin(&map, recorded->arena);
    TRY(value_map_set(&map, "status", value_get(run, STR("status")), why));
    TRY(value_map_set(&map, "path", path, why));
    if (calls.size > 0) {
        TRY(without_fresh(recorded, calls, &calls, why));
        TRY(value_map_set(&map, "calls", calls, why));
    }
    if (output.type != VALUE_NULL && !is_fresh(recorded, output)) {
        TRY(without_fresh(recorded, output, &output, why));
        TRY(value_map_set(&map, "output", output, why));
    }
    if (failure.type == VALUE_MAP) {
        value_map_begin(&error, recorded->arena);
        TRY(value_map_set(&error, "code", value_get(failure, STR("code")), why));
        TRY(value_map_set(&map, "error", value_map_end(&error), why));
    }
    *ret = value_map_end(&map);
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
        if (given.type != VALUE_MAP)
            continue;
        value_map_begin(&one, arena);
        for (size_t part = 0; part < 2; part++) {
            const struct value *v = value_map_find(given, str_of(parts[part]));
            if (v != NULL && v->type != VALUE_NULL)
                TRY(value_map_set(&one, parts[part], *v, why));
        }
        struct value answer = value_map_end(&one);
        if (answer.size > 0)
            TRY(append(&answers, value_get(tasks.items[i], STR("step")), answer, why));
    }
    *ret = value_map_end(&answers);
    return ERR_OK;
}

/* ---- the file ---- */

static FALLIBLE ask_event(
    const struct resource *resource, struct value run, struct value *ret, struct err_info *why)
{
    struct value id = value_get(run, STR("event_id"));
    struct resource about = *resource;
    struct client_answer answer;
    struct str copy;
    *ret = value_null();
    if (id.type != VALUE_STRING)
        return ERR_OK;
    TRY(arena_str(resource->arena, value_str(id), &copy, why));
    about.argument = copy.data;
    TRY(resource_ask(&about, "GET", "/api/v1/events/*", value_null(), &answer, why));
    *ret = answer.body;
    return ERR_OK;
}

static FALLIBLE make_case(const struct resource *resource, struct value run, struct value event,
    struct value *ret, struct err_info *why)
{
    struct arena *arena = resource->arena;
    struct recorded recorded = { .arena = arena };
    struct value_map_builder map;
    struct value answers, expect;
    struct str name;
    value_map_begin(&recorded.mocks, arena);
    value_map_begin(&recorded.calls, arena);
    value_list_begin(&recorded.path, arena);
    value_list_begin(&recorded.numbers, arena);
    TRY(record_steps(&recorded, value_get(run, STR("steps")), why));
    TRY(answers_of(arena, value_get(run, STR("tasks")), &answers, why));
    TRY(expectation(
        &recorded, run, value_map_end(&recorded.calls), value_list_end(&recorded.path), &expect, why));
    TRY(arena_printf(arena, &name, why, "as run %s went", resource->argument));
    value_map_begin(&map, arena);
    TRY(value_map_set(&map, "name", value_string(name), why));
    TRY(value_map_set(&map, "now", value_get(run, STR("created")), why));
    if (event.type == VALUE_MAP) {
        TRY(value_map_set(&map, "event", value_get(event, STR("event")), why));
        TRY(value_map_set(&map, "source", value_get(event, STR("source")), why));
    } else {
        TRY(value_map_set(&map, "inputs", value_get(run, STR("inputs")), why));
    }
    struct value mocks = value_map_end(&recorded.mocks);
    if (mocks.size > 0)
        TRY(value_map_set(&map, "mocks", mocks, why));
    if (answers.size > 0)
        TRY(value_map_set(&map, "answers", answers, why));
    TRY(value_map_set(&map, "expect", expect, why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

/* JSON is YAML; what is inside a key stands on its line. */
static void print_case(struct buf *buf, struct value playbook, struct value its)
{
    const struct value_entry *entries = value_map_entries(its);
    buf_add_text(buf, "playbook: ");
    json_print(buf, playbook, 0);
    buf_add_text(buf, "\ncases:\n");
    for (uint32_t i = 0; i < its.size; i++) {
        struct value inside = entries[i].value;
        const struct value_entry *parts = inside.type == VALUE_MAP ? value_map_entries(inside) : NULL;
        buf_add_text(buf, i == 0 ? "  - " : "    ");
        buf_add(buf, value_str(entries[i].key));
        buf_add_byte(buf, ':');
        if (parts == NULL || value_is_text(entries[i].key, STR("event")) || inside.size == 0) {
            buf_add_byte(buf, ' ');
            json_print(buf, inside, 0);
            buf_add_byte(buf, '\n');
            continue;
        }
        buf_add_byte(buf, '\n');
        for (uint32_t j = 0; j < inside.size; j++) {
            buf_add_text(buf, "      ");
            json_print(buf, parts[j].key, 0);
            buf_add_text(buf, ": ");
            json_print(buf, parts[j].value, 0);
            buf_add_byte(buf, '\n');
        }
    }
}

static FALLIBLE export(const struct resource *resource, struct err_info *why)
{
    AUTO(buf) struct buf buf = { 0 };
    struct client_answer answer;
    struct value event, its, masked;
    unsigned count = 0;
    TRY(resource_ask(resource, "GET", "/api/v1/runs/*", value_null(), &answer, why));
    if (value_get(answer.body, STR("ended")).type != VALUE_STRING)
        return err_named(why, ERR_CONFLICT, CLIENT_REFUSED, "the run has not ended yet");
    TRY(ask_event(resource, answer.body, &event, why));
    TRY(make_case(resource, answer.body, event, &its, why));
    TRY(mask_value(resource->arena, its, &masked, &count, why));
    if (resource_wants_json(resource)) {
        json_print(&buf, masked, JSON_PRETTY);
        buf_add_byte(&buf, '\n');
    } else {
        print_case(&buf, value_get(answer.body, STR("playbook")), masked);
    }
    TRY(buf_check(&buf, why));
    fwrite(buf.data, 1, buf.size, stdout);
    if (count > 0)
        fprintf(stderr, "tocsin: %u values look like secrets and are masked\n", count);
    return ERR_OK;
}

int export_test(const struct resource *resource)
{
    struct err_info why = { 0 };
    return export(resource, &why) == ERR_OK ? 0 : resource_fail(&why);
}
