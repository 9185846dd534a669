#include "suite_run.h"

#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "expectation.h"
#include "file.h"
#include "ingest/receive.h"
#include "world.h"

#define CHILDREN_MAX 1000

/* One case on its way. */
struct attempt {
    const struct suite_run *run;
    const struct suite_case *its;
    struct arena *arena;
    struct buf *diff;
    struct world *world;
    struct world_event event;
    bool has_event, is_triggered;
    bool is_good;
    struct id id; /* of the run */
    struct world_answers answers;
};

enum err suite_run_init(struct suite_run *run, struct library *library, const struct suite *suite,
    struct arena *arena, struct err_info *why)
{
    *run = (struct suite_run){ .library = library, .suite = suite };
    TRY(arena_printf(
        arena, &run->playbook_file, why, "%.*s/%.*s.yaml", STR_ARG(suite->folder), STR_ARG(suite->playbook)));
    enum err result = file_read(run->playbook_file.data, YAML_BYTES_MAX, arena, &run->playbook_text, why);
    if (result != ERR_NOT_FOUND)
        return result;
    const struct content_file *file = library_find_playbook(library, suite->playbook);
    if (file == NULL)
        return err_set(why, ERR_NOT_FOUND, "there is no playbook \"%.*s\": neither as %s nor in the content",
            STR_ARG(suite->playbook), run->playbook_file.data);
    run->playbook_file = file->name;
    run->playbook_text = file->text;
    return ERR_OK;
}

/* A difference that is no comparison; not for ERR_MEMORY. */
static void tell(struct attempt *attempt, const char *text)
{
    buf_printf(attempt->diff, "  %s\n", text);
    attempt->is_good = false;
}

/* ---- beginning ---- */

static FALLIBLE publish(struct attempt *attempt, bool is_enabled, struct err_info *why)
{
    const struct suite_run *run = attempt->run;
    struct diagnostics found;
    struct str folder;
    diagnostics_init(&found, attempt->arena, run->playbook_file);
    TRY(arena_str(attempt->arena, run->suite->folder, &folder, why));
    enum err result = world_publish(
        attempt->world, folder.data, run->playbook_file, run->playbook_text, is_enabled, &found, why);
    for (uint32_t i = 0; i < found.count && result == ERR_INVALID; i++) {
        AUTO(buf) struct buf line = { 0 };
        if (found.items[i].level != DIAGNOSTIC_ERROR)
            continue;
        diagnostic_print(&line, &found.items[i]);
        TRY(buf_check(&line, why));
        tell(attempt, line.data);
    }
    return result;
}

static FALLIBLE read_event(struct attempt *attempt, struct err_info *why)
{
    const struct suite_case *its = attempt->its;
    struct received *received;
    struct str text;
    uint32_t count;
    attempt->event = (struct world_event){ .source = its->source };
    TRY(value_copy_marked(attempt->arena, its->event, true, &attempt->event.event, why));
    attempt->has_event = its->event_file.size > 0 || its->event.type != VALUE_NULL;
    if (its->event_file.size == 0)
        return ERR_OK;
    TRY(file_read(its->event_file.data, EVENT_BODY_BYTES_MAX, attempt->arena, &text, why));
    TRY(receive_body(attempt->arena, STR(""), text, &received, &count, why));
    if (count != 1)
        return err_set(
            why, ERR_INVALID, "%s holds %u events; a case is about one", its->event_file.data, count);
    attempt->event.event = received[0].event;
    return ERR_OK;
}

/* By its trigger, as on a server; by hand when the trigger does not want the event, when the case gives
 * inputs, or when there is no event. */
static FALLIBLE begin(struct attempt *attempt, struct err_info *why)
{
    const struct suite_case *its = attempt->its;
    struct value wanted = value_get(its->expect, STR("triggered"));
    TRY(read_event(attempt, why));
    TRY(publish(attempt, attempt->has_event && its->inputs.type == VALUE_NULL, why));
    if (attempt->has_event)
        TRY(world_offer(attempt->world, &attempt->event, attempt->arena, why));
    attempt->is_triggered = attempt->event.run_count > 0;
    if (attempt->is_triggered)
        attempt->id = attempt->event.runs[0];
    else if (wanted.type != VALUE_BOOL)
        TRY(world_start(attempt->world, attempt->run->suite->playbook, its->inputs,
            attempt->has_event ? &attempt->event : NULL, &attempt->id, why));
    return ERR_OK;
}

/* ---- people ---- */

/* To the run's end; to its first question without an answer when the case expects it to wait. */
static FALLIBLE go_on(struct attempt *attempt, struct err_info *why)
{
    struct rehearsal *rehearsal = world_rehearsal(attempt->world);
    bool may_wait = value_is_text(value_get(attempt->its->expect, STR("status")), STR("waiting"));
    for (;;) {
        enum run_status status;
        struct id task;
        bool is_answered;
        enum err result = rehearsal_go_on(rehearsal, attempt->id, INSTANT_NEVER, &status, &task, why);
        if (result == ERR_TIMEOUT)
            return ERR_OK; /* nothing will happen any more: it stays as it is */
        TRY(result);
        if (id_is_none(task))
            return ERR_OK;
        TRY(world_answer(attempt->world, task, &attempt->answers, attempt->arena, &is_answered, why));
        if (!is_answered && may_wait)
            return ERR_OK;
    }
}

/* ---- what was called ---- */

static FALLIBLE add_calls(struct value_map_builder *calls, struct value steps, struct err_info *why);

/* "action" → list of what it was called with, in order. */
static FALLIBLE add_call(struct value_map_builder *calls, struct value step, struct err_info *why)
{
    struct value action = value_get(step, STR("action")), attempts = value_get(step, STR("attempts"));
    bool is_simulated = value_get(step, STR("simulated")).type == VALUE_BOOL;
    TRY(add_calls(calls, value_get(step, STR("steps")), why));
    if (action.type != VALUE_STRING || is_simulated || attempts.type != VALUE_INT || attempts.integer == 0)
        return ERR_OK;
    return value_map_append(calls, action, value_get(step, STR("input")), why);
}

static enum err add_calls(struct value_map_builder *calls, struct value steps, struct err_info *why)
{
    for (uint32_t i = 0; steps.type == VALUE_LIST && i < steps.size; i++)
        TRY(add_call(calls, steps.items[i], why));
    return ERR_OK;
}

/* Of the run and of the runs that it started. */
static FALLIBLE gather_calls(struct attempt *attempt, struct value shown, struct value_map_builder *calls,
    unsigned depth, struct err_info *why)
{
    struct rehearsal *rehearsal = world_rehearsal(attempt->world);
    struct list_query query = { .limit = CHILDREN_MAX };
    struct value id = value_get(shown, STR("id")), page, child;
    TRY(add_calls(calls, value_get(shown, STR("steps")), why));
    if (depth > RUN_DEPTH_MAX || !id_parse(value_str(id), &query.parent_id))
        return ERR_OK;
    TRY(rehearsal_list(rehearsal, run_list, &query, attempt->arena, &page, why));
    struct value items = value_get(page, STR("items"));
    for (uint32_t i = items.size; i-- > 0;) {
        struct id child_id;
        if (!id_parse(value_str(value_get(items.items[i], STR("id"))), &child_id))
            continue;
        TRY(rehearsal_show(rehearsal, child_id, attempt->arena, &child, why));
        TRY(gather_calls(attempt, child, calls, depth + 1, why));
    }
    return ERR_OK;
}

/* ---- comparing ---- */

static void check(struct attempt *attempt, const char *key, struct value actual)
{
    struct value expected = value_get(attempt->its->expect, str_of(key));
    if (expected.type != VALUE_NULL)
        attempt->is_good &= expectation_value(attempt->diff, key, expected, actual);
}

static FALLIBLE check_path(struct attempt *attempt, struct err_info *why)
{
    struct value expected = value_get(attempt->its->expect, STR("path")), actual;
    if (expected.type == VALUE_NULL)
        return ERR_OK;
    TRY(rehearsal_path(world_rehearsal(attempt->world), attempt->id, attempt->arena, &actual, why));
    attempt->is_good &= expectation_path(attempt->diff, "path", expected, actual);
    return ERR_OK;
}

static FALLIBLE check_calls(struct attempt *attempt, struct value shown, struct err_info *why)
{
    struct value_map_builder builder;
    struct value never = value_get(attempt->its->expect, STR("not_called"));
    struct value wanted = value_get(attempt->its->expect, STR("calls"));
    value_map_begin(&builder, attempt->arena);
    TRY(gather_calls(attempt, shown, &builder, 0, why));
    struct value calls = value_map_end(&builder);
    for (uint32_t i = 0; wanted.type == VALUE_MAP && i < wanted.size; i++) {
        struct value key = value_map_entries(wanted)[i].key, made = value_get(calls, value_str(key));
        struct str name;
        if (made.type == VALUE_NULL)
            made = (struct value){ .type = VALUE_LIST };
        TRY(arena_printf(attempt->arena, &name, why, "calls of %.*s", STR_ARG(value_str(key))));
        attempt->is_good &= expectation_value(
            attempt->diff, name.data, value_map_entries(wanted)[i].value, made);
    }
    struct value only = never; /* one name alone is a list of one */
    if (never.type == VALUE_STRING)
        never = (struct value){ .type = VALUE_LIST, .size = 1, .items = &only };
    for (uint32_t i = 0; never.type == VALUE_LIST && i < never.size; i++) {
        struct value made = value_get(calls, value_str(never.items[i]));
        if (made.type == VALUE_NULL)
            continue;
        attempt->is_good = false;
        buf_printf(attempt->diff, "  not_called: %.*s was called with ", STR_ARG(value_str(never.items[i])));
        json_print(attempt->diff, made.items[0], 0);
        buf_add_byte(attempt->diff, '\n');
    }
    return ERR_OK;
}

/* `error: CODE` alone stands for `error: { code: CODE }`. */
static void check_error(struct attempt *attempt, struct value actual)
{
    struct value expected = value_get(attempt->its->expect, STR("error"));
    if (expected.type == VALUE_STRING)
        attempt->is_good &= expectation_value(
            attempt->diff, "error.code", expected, value_get(actual, STR("code")));
    else
        check(attempt, "error", actual);
}

/* A run that went wrong unexpectedly says why. */
static void explain(struct attempt *attempt, struct value shown)
{
    struct value error = value_get(shown, STR("error"));
    if (attempt->is_good || error.type != VALUE_MAP ||
        value_get(attempt->its->expect, STR("error")).type != VALUE_NULL)
        return;
    buf_add_text(attempt->diff, "  the run's error: ");
    json_print(attempt->diff, error, 0);
    buf_add_byte(attempt->diff, '\n');
}

static FALLIBLE compare(struct attempt *attempt, struct err_info *why)
{
    struct value shown;
    check(attempt, "triggered", value_bool(attempt->is_triggered));
    if (id_is_none(attempt->id))
        return ERR_OK;
    TRY(rehearsal_show(world_rehearsal(attempt->world), attempt->id, attempt->arena, &shown, why));
    check(attempt, "status", value_get(shown, STR("status")));
    TRY(check_path(attempt, why));
    TRY(check_calls(attempt, shown, why));
    check(attempt, "output", value_get(shown, STR("output")));
    check_error(attempt, value_get(shown, STR("error")));
    explain(attempt, shown);
    if (attempt->run->coverage != NULL)
        coverage_add(attempt->run->coverage, value_get(shown, STR("steps")));
    return ERR_OK;
}

static FALLIBLE run_attempt(struct attempt *attempt, struct err_info *why)
{
    const struct world_options options = { .library = attempt->run->library,
        .start = attempt->its->now,
        .unlisted = MOCKS_REFUSE,
        .mocks = attempt->its->mocks };
    TRY(world_new(&options, &attempt->world, why));
    TRY(begin(attempt, why));
    if (!id_is_none(attempt->id))
        TRY(go_on(attempt, why));
    return compare(attempt, why);
}

enum err suite_run_case(const struct suite_run *run, const struct suite_case *its, struct buf *diff,
    bool *ret_is_good, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct err_info inner = { 0 };
    struct attempt attempt = { .run = run,
        .its = its,
        .arena = &arena,
        .diff = diff,
        .is_good = true,
        .answers = { .given = its->answers } };
    enum err result = run_attempt(&attempt, &inner);
    if (result == ERR_MEMORY) {
        world_free(attempt.world);
        return err_memory(why);
    }
    if (result != ERR_OK && attempt.is_good)
        tell(&attempt, inner.text);
    world_free(attempt.world);
    *ret_is_good = attempt.is_good && result == ERR_OK;
    return buf_check(diff, why);
}
