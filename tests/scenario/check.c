/* What came of a scenario against its `expect`. */
#include <stdarg.h>
#include <stdio.h>

#include "base/json.h"
#include "base/timetext.h"
#include "scenario.h"

void scenario_fault(struct played *played, const char *format, ...)
{
    char text[4000];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    buf_add_text(played->faults, "    ");
    buf_add_text(played->faults, text);
    buf_add_byte(played->faults, '\n');
}

/* Neither crashes nor want of memory make things later, or more. */
static bool is_calm(const struct played *played)
{
    return played->crash_at == 0 && played->patience_us == 0;
}

static void differs(struct played *played, const char *what, struct value wanted, struct value got)
{
    AUTO(buf) struct buf a = { 0 };
    AUTO(buf) struct buf b = { 0 };
    json_print(&a, wanted, 0);
    json_print(&b, got, 0);
    scenario_fault(played, "%s: wanted %.*s", what, (int)a.size, a.data);
    scenario_fault(played, "%s: got    %.*s", what, (int)b.size, b.data);
}

/* Maps: what is wanted must be there, more may. Lists: item by item. */
static bool covers(struct value wanted, struct value got)
{
    if (wanted.type == VALUE_MAP && got.type == VALUE_MAP) {
        for (uint32_t i = 0; i < wanted.size; i++) {
            const struct value_entry *entry = &value_map_entries(wanted)[i];
            const struct value *found = value_map_find_key(got, entry->key);
            if (!found || !covers(entry->value, *found))
                return false;
        }
        return true;
    }
    if (wanted.type == VALUE_LIST && got.type == VALUE_LIST) {
        if (wanted.size != got.size)
            return false;
        for (uint32_t i = 0; i < wanted.size; i++) {
            if (!covers(wanted.items[i], got.items[i]))
                return false;
        }
        return true;
    }
    /* Timestamps and such are texts in YAML. */
    if (wanted.type == VALUE_STRING && got.type != VALUE_STRING) {
        AUTO(buf) struct buf text = { 0 };
        json_print(&text, got, 0);
        return str_equal(value_str(wanted), str_slice(buf_str(&text), 1, text.size - 1));
    }
    return value_equal(wanted, got);
}

/* ---- calls ---- */

/* Of each idempotency key once: repeats and probes are the engine's business, not the playbook's. */
static bool is_repeat(const struct played *played, const struct mock_call *call)
{
    const struct mock_call *before = mocks_calls(played->mocks);
    for (; before != call; before = before->next) {
        if (before->purpose == ACTION_DO && str_equal(before->key, call->key) &&
            str_equal(before->action, call->action))
            return true;
    }
    return false;
}

static FALLIBLE calls_of(
    struct played *played, struct str action, bool with_repeats, struct value *ret, struct err_info *why)
{
    struct value_list_builder list = { 0 };
    value_list_begin(&list, played->arena);
    for (const struct mock_call *call = mocks_calls(played->mocks); call; call = call->next) {
        if (call->purpose != ACTION_DO || !str_equal(call->action, action))
            continue;
        if (with_repeats || !is_repeat(played, call))
            TRY(value_list_add(&list, call->with, why));
    }
    *ret = value_list_end(&list);
    return ERR_OK;
}

static FALLIBLE check_calls(struct played *played, struct value wanted, struct err_info *why)
{
    for (uint32_t i = 0; wanted.type == VALUE_MAP && i < wanted.size; i++) {
        const struct value_entry *entry = &value_map_entries(wanted)[i];
        struct value got;
        TRY(calls_of(played, value_str(entry->key), false, &got, why));
        if (!covers(entry->value, got))
            differs(played, value_str(entry->key).data, entry->value, got);
    }
    return ERR_OK;
}

/* Each attempt: only where no crash adds some. */
static FALLIBLE check_attempts(struct played *played, struct value wanted, struct err_info *why)
{
    for (uint32_t i = 0; wanted.type == VALUE_MAP && i < wanted.size && is_calm(played); i++) {
        const struct value_entry *entry = &value_map_entries(wanted)[i];
        struct value got;
        TRY(calls_of(played, value_str(entry->key), true, &got, why));
        if (entry->value.type == VALUE_INT && entry->value.integer != got.size)
            scenario_fault(played, "attempts: %.*s went out %u times, not %lld",
                STR_ARG(value_str(entry->key)), got.size, (long long)entry->value.integer);
    }
    return ERR_OK;
}

static FALLIBLE check_not_called(struct played *played, struct value wanted, struct err_info *why)
{
    for (uint32_t i = 0; wanted.type == VALUE_LIST && i < wanted.size; i++) {
        struct value got;
        TRY(calls_of(played, value_str(wanted.items[i]), true, &got, why));
        if (got.size > 0)
            scenario_fault(played, "not_called: %.*s was called", STR_ARG(value_str(wanted.items[i])));
    }
    return ERR_OK;
}

/* What holds whatever happens: under one key nothing takes effect twice. */
static void check_once(struct played *played)
{
    for (const struct mock_call *call = mocks_calls(played->mocks); call; call = call->next) {
        uint32_t effects = mocks_effects(played->mocks, call->key);
        if (effects > 1 && !is_repeat(played, call))
            scenario_fault(played, "%.*s took effect %u times under the key %.*s", STR_ARG(call->action),
                effects, STR_ARG(call->key));
    }
}

/* ---- the run ---- */

static struct value find_step(struct value steps, struct str id)
{
    for (uint32_t i = 0; steps.type == VALUE_LIST && i < steps.size; i++) {
        struct value step = steps.items[i];
        if (value_is_text(value_get(step, STR("id")), id))
            return step;
        struct value below = find_step(value_get(step, STR("steps")), id);
        if (!value_is(below, VALUE_NULL))
            return below;
    }
    return value_null();
}

static void check_steps(struct played *played, struct value wanted, struct value shown)
{
    for (uint32_t i = 0; wanted.type == VALUE_MAP && i < wanted.size; i++) {
        const struct value_entry *entry = &value_map_entries(wanted)[i];
        struct value got = find_step(value_get(shown, STR("steps")), value_str(entry->key));
        if (!covers(entry->value, got))
            differs(played, value_str(entry->key).data, entry->value, got);
    }
}

static FALLIBLE span_of(struct value v, int64_t *ret, struct err_info *why)
{
    if (value_is(v, VALUE_STRING))
        return span_parse(value_str(v), ret, why);
    *ret = v.type == VALUE_INT ? v.integer * US_PER_S : 0;
    return ERR_OK;
}

static FALLIBLE check_elapsed(
    struct played *played, struct value wanted, struct value shown, struct err_info *why)
{
    int64_t least = 0, most = 0;
    struct instant begun, ended;
    struct value ended_text = value_get(shown, STR("ended"));
    if (value_is(wanted, VALUE_NULL) || !is_calm(played))
        return ERR_OK;
    bool is_range = wanted.type == VALUE_LIST && wanted.size == 2;
    TRY(span_of(is_range ? wanted.items[0] : wanted, &least, why));
    TRY(span_of(is_range ? wanted.items[1] : wanted, &most, why));
    if (!value_is(ended_text, VALUE_STRING) || !instant_parse(value_str(ended_text), &ended) ||
        !instant_parse(value_str(value_get(shown, STR("created"))), &begun)) {
        scenario_fault(played, "elapsed: the run has not ended");
        return ERR_OK;
    }
    int64_t us = ended.us - begun.us;
    if (us < least || us > most)
        scenario_fault(played, "elapsed: the run took %.3f s, not %.3f to %.3f s", (double)us / 1e6,
            (double)least / 1e6, (double)most / 1e6);
    return ERR_OK;
}

static void check_error(struct played *played, struct value wanted, struct value got)
{
    if (value_is(wanted, VALUE_STRING))
        got = value_get(got, STR("code"));
    if (!covers(wanted, got))
        differs(played, "error", wanted, got);
}

static FALLIBLE check_run(struct played *played, struct value expect, struct err_info *why)
{
    struct value shown, path;
    const struct value *wanted;
    TRY(rehearsal_show(played->rehearsal, played->run, played->arena, &shown, why));
    if ((wanted = value_map_find(expect, STR("status"))) &&
        !value_equal(*wanted, value_get(shown, STR("status"))))
        differs(played, "status, error", *wanted, value_get(shown, STR("error")));
    if ((wanted = value_map_find(expect, STR("output"))) && !played->was_settled_by_person &&
        !value_equal(*wanted, value_get(shown, STR("output"))))
        differs(played, "output", *wanted, value_get(shown, STR("output")));
    if ((wanted = value_map_find(expect, STR("error"))))
        check_error(played, *wanted, value_get(shown, STR("error")));
    else if (value_is_text(value_get(shown, STR("status")), STR("succeeded")))
        check_error(played, value_null(), value_get(shown, STR("error")));
    if (is_calm(played))
        check_steps(played, value_get(expect, STR("steps")), shown);
    TRY(check_elapsed(played, value_get(expect, STR("elapsed")), shown, why));
    if (!(wanted = value_map_find(expect, STR("path"))) || played->was_settled_by_person)
        return ERR_OK;
    TRY(rehearsal_path(played->rehearsal, played->run, played->arena, &path, why));
    if (!value_equal(*wanted, path))
        differs(played, "path", *wanted, path);
    return ERR_OK;
}

/* ---- the rest of the world ---- */

static FALLIBLE check_list(struct played *played, const char *name, rehearsal_list_read *read,
    struct value wanted, struct err_info *why)
{
    const struct list_query query = { .limit = 1000 };
    struct value_list_builder oldest_first = { 0 };
    struct value page, got;
    if (value_is(wanted, VALUE_NULL))
        return ERR_OK;
    TRY(rehearsal_list(played->rehearsal, read, &query, played->arena, &page, why));
    struct value items = value_get(page, STR("items"));
    value_list_begin(&oldest_first, played->arena);
    for (uint32_t i = items.size; i-- > 0;)
        TRY(value_list_add(&oldest_first, items.items[i], why));
    got = value_list_end(&oldest_first);
    if (!covers(wanted, got))
        differs(played, name, wanted, got);
    return ERR_OK;
}

/* Lines in their order; spaces at both ends do not count. */
static FALLIBLE check_journal(struct played *played, struct value wanted, struct err_info *why)
{
    AUTO(buf) struct buf text = { 0 };
    struct str rest, left, line, got;
    if (!value_is(wanted, VALUE_STRING) || !is_calm(played))
        return ERR_OK;
    TRY(rehearsal_journal(played->rehearsal, played->run, &text, why));
    rest = buf_str(&text);
    left = value_str(wanted);
    while (str_split(&left, '\n', &line)) {
        bool has_line = str_split(&rest, '\n', &got);
        if (has_line && str_equal(str_trim(line), str_trim(got)))
            continue;
        scenario_fault(played, "journal: wanted %.*s", STR_ARG(str_trim(line)));
        buf_add_text(played->faults, "    journal: all of it:\n");
        buf_add(played->faults, buf_str(&text));
        return ERR_OK;
    }
    return ERR_OK;
}

/* What must stand nowhere: neither in the journal nor in what is shown of the run. */
static FALLIBLE check_absent(struct played *played, struct value words, struct err_info *why)
{
    AUTO(buf) struct buf text = { 0 };
    struct value shown;
    if (words.type != VALUE_LIST)
        return ERR_OK;
    TRY(rehearsal_journal(played->rehearsal, played->run, &text, why));
    TRY(rehearsal_show(played->rehearsal, played->run, played->arena, &shown, why));
    json_print(&text, shown, 0);
    TRY(buf_check(&text, why));
    for (uint32_t i = 0; i < words.size; i++) {
        if (str_contains(buf_str(&text), value_str(words.items[i])))
            scenario_fault(played, "absent: %.*s stands in the journal", STR_ARG(value_str(words.items[i])));
    }
    return ERR_OK;
}

enum err scenario_check(struct played *played, struct value expect, struct err_info *why)
{
    if (!id_is_none(played->run))
        TRY(check_run(played, expect, why));
    TRY(check_calls(played, value_get(expect, STR("calls")), why));
    TRY(check_attempts(played, value_get(expect, STR("attempts")), why));
    TRY(check_not_called(played, value_get(expect, STR("not_called")), why));
    TRY(check_list(played, "runs", run_list, value_get(expect, STR("runs")), why));
    TRY(check_list(played, "containments", containment_list, value_get(expect, STR("containments")), why));
    if (is_calm(played))
        TRY(check_list(played, "tasks", task_list, value_get(expect, STR("tasks")), why));
    check_once(played);
    if (!id_is_none(played->run))
        TRY(check_absent(played, value_get(expect, STR("absent")), why));
    return id_is_none(played->run) ? ERR_OK : check_journal(played, value_get(expect, STR("journal")), why);
}

/* ---- what is left ---- */

#define ENDED "(SELECT id FROM engine_runs WHERE status IN (3, 4, 5))"
static const struct {
    const char *what;
    struct sql count;
} leftovers[] = {
    { "open tasks of runs that have ended",
        { "SELECT count(*) FROM engine_tasks WHERE status = 0 AND kind <> 3 AND run_id IN " ENDED, NULL } },
    { "messages for runs that have ended",
        { "SELECT count(*) FROM engine_inbox WHERE run_id IN " ENDED, NULL } },
    { "events that runs which have ended wait for",
        { "SELECT count(*) FROM engine_subscriptions WHERE run_id IN " ENDED, NULL } },
    { "places that runs which have ended hold",
        { "SELECT count(*) FROM engine_slots WHERE run_id IN " ENDED, NULL } },
    { "times at which runs that have ended are woken",
        { "SELECT count(*) FROM engine_runs WHERE wake IS NOT NULL AND status IN (3, 4, 5)", NULL } },
};

static enum err count_left(void *context, struct store_conn *conn, struct err_info *why)
{
    struct played *played = context;
    for (size_t i = 0; i < sizeof(leftovers) / sizeof(leftovers[0]); i++) {
        AUTO(rows) struct rows rows = { 0 };
        TRY(rows_open(&rows, conn, &leftovers[i].count, SQL_NO_ARGS, why));
        int64_t count = rows_next(&rows) ? rows_int(&rows, 0) : 0;
        TRY(rows_end(&rows, why));
        if (count > 0)
            scenario_fault(played, "left: %lld %s", (long long)count, leftovers[i].what);
    }
    return ERR_OK;
}

enum err scenario_check_left(struct played *played, struct err_info *why)
{
    check_once(played);
    return store_read_wait(rehearsal_store(played->rehearsal), count_left, played, why);
}

enum err scenario_check_cancelled(struct played *played, struct err_info *why)
{
    struct value shown;
    TRY(scenario_check_left(played, why));
    if (id_is_none(played->run))
        return ERR_OK;
    TRY(rehearsal_show(played->rehearsal, played->run, played->arena, &shown, why));
    struct value status = value_get(shown, STR("status"));
    if (!value_is_text(status, STR("cancelled")) && !value_is_text(status, STR("succeeded")) &&
        !value_is_text(status, STR("failed")))
        differs(played, "status", value_string(STR("cancelled")), status);
    return ERR_OK;
}
