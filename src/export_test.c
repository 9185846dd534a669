/* `tocsin run export-test ID`: a recorded run as a test case: its event, what was answered as mocks, what
 * people said, and what came out of it as what is expected. */
#include <ctype.h>
#include <stdio.h>

#include "base/json.h"
#include "mask.h"
#include "recorded.h"
#include "resource.h"

static FALLIBLE expectation(
    const struct recorded *recorded, struct value run, struct value *ret, struct err_info *why)
{
    struct value calls = recorded->calls;
    struct value_map_builder map, error;
    struct value output = value_get(run, STR("output")), failure = value_get(run, STR("error"));
    value_map_begin(&map, recorded->arena);
    TRY(value_map_set(&map, "status", value_get(run, STR("status")), why));
    TRY(value_map_set(&map, "path", recorded->path, why));
    if (calls.size > 0) {
        TRY(recorded_lasting(recorded, calls, &calls, why));
        TRY(value_map_set(&map, "calls", calls, why));
    }
    if (output.type != VALUE_NULL && !recorded_is_fresh(recorded, output)) {
        TRY(recorded_lasting(recorded, output, &output, why));
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
    struct recorded recorded;
    struct value_map_builder map;
    struct value expect;
    struct str name;
    TRY(recorded_take(arena, run, &recorded, why));
    TRY(expectation(&recorded, run, &expect, why));
    TRY(arena_printf(arena, &name, why, "as run %s went", resource->argument));
    value_map_begin(&map, arena);
    TRY(value_map_set(&map, "name", value_string(name), why));
    TRY(value_map_set(&map, "now", value_get(run, STR("created")), why));
    if (event.type == VALUE_MAP) {
        TRY(value_map_set(&map, "event", value_get(event, STR("event")), why));
        TRY(value_map_set(&map, "source", value_get(event, STR("source")), why));
    }
    /* A run that somebody started from an alert has inputs that its event does not give. */
    struct value inputs = value_get(run, STR("inputs"));
    if (event.type != VALUE_MAP || (inputs.type == VALUE_MAP && inputs.size > 0))
        TRY(value_map_set(&map, "inputs", inputs, why));
    if (recorded.mocks.size > 0)
        TRY(value_map_set(&map, "mocks", recorded.mocks, why));
    if (recorded.answers.size > 0)
        TRY(value_map_set(&map, "answers", recorded.answers, why));
    TRY(value_map_set(&map, "expect", expect, why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

/* Names of actions and steps need no quotes. */
static void add_key(struct buf *buf, struct value key)
{
    struct str name = value_str(key);
    bool is_plain = name.size > 0 && isalpha((unsigned char)name.data[0]);
    for (size_t i = 0; is_plain && i < name.size; i++)
        is_plain = isalnum((unsigned char)name.data[i]) || name.data[i] == '_' || name.data[i] == '.' ||
            name.data[i] == '-';
    if (is_plain)
        buf_add(buf, name);
    else
        json_print(buf, key, 0);
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
        const struct value_entry *parts = value_map_entries(inside);
        buf_add_text(buf, i == 0 ? "  - " : "    ");
        buf_add(buf, value_str(entries[i].key));
        buf_add_byte(buf, ':');
        if (inside.type != VALUE_MAP || inside.size == 0 || value_is_text(entries[i].key, STR("event"))) {
            buf_add_byte(buf, ' ');
            json_print(buf, inside, 0);
            buf_add_byte(buf, '\n');
            continue;
        }
        buf_add_byte(buf, '\n');
        for (uint32_t j = 0; j < inside.size; j++) {
            buf_add_text(buf, "      ");
            add_key(buf, parts[j].key);
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
