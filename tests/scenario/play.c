/* One scenario, from its start to the last of its `then`. */
#include <stdio.h>
#include <string.h>

#include "base/timetext.h"
#include "scenario.h"

#define TASKS_MAX 1000
#define PATIENCE_SECONDS 600

struct id scenario_id(struct value shown, const char *name)
{
    struct value v = value_get(shown, str_of(name));
    struct id id = ID_NONE;
    if (value_is(v, VALUE_STRING))
        (void)id_parse(value_str(v), &id); /* none when it is no id */
    return id;
}

static struct value given(const struct played *played, const char *name)
{
    return value_get(played->scenario->given, str_of(name));
}

static void drop_calls(void *context)
{
    mocks_drop_calls(context);
}

/* Whether what was asked for was cut off by the crash: then it may have become durable or not. */
static bool has_crashed(struct played *played, enum err result)
{
    bool has = played->crash_at != 0 && result == ERR_CANCELLED;
    if (has && played->crashes++ == 0 && played->crash_again != 0)
        rehearsal_crash_at(played->rehearsal, rehearsal_steps(played->rehearsal) + played->crash_again,
            drop_calls, played->mocks);
    return has;
}

/* ---- beginning ---- */

static FALLIBLE publish_one(struct played *played, struct value text, struct err_info *why)
{
    struct diagnostics found;
    if (text.type != VALUE_STRING)
        return err_set(why, ERR_INVALID, "a playbook must be a text (playbook: |)");
    diagnostics_init(&found, played->arena, STR("playbook"));
    enum err result = rehearsal_publish(played->rehearsal, value_str(text), &found, why);
    for (uint32_t i = 0; i < found.count && result == ERR_INVALID; i++) {
        AUTO(buf) struct buf line = { 0 };
        diagnostic_print(&line, &found.items[i]);
        scenario_fault(played, "%.*s", (int)line.size, line.data);
    }
    return result;
}

/* The scenario's own comes last: it may call the others. */
static FALLIBLE publish(struct played *played, struct err_info *why)
{
    struct value more = given(played, "playbooks");
    for (uint32_t i = 0; more.type == VALUE_LIST && i < more.size; i++)
        TRY(publish_one(played, more.items[i], why));
    return publish_one(played, given(played, "playbook"), why);
}

static FALLIBLE all_runs(struct played *played, struct id alert, struct value *ret, struct err_info *why)
{
    const struct list_query query = { .limit = 1000, .alert_id = alert };
    struct value page;
    TRY(rehearsal_list(played->rehearsal, run_list, &query, played->arena, &page, why));
    *ret = value_get(page, STR("items"));
    return ERR_OK;
}

static FALLIBLE playbook_name(struct played *played, struct str *ret, struct err_info *why)
{
    struct str text = value_str(given(played, "playbook")), line;
    while (str_split(&text, '\n', &line)) {
        if (!str_starts(line, STR("playbook:")))
            continue;
        *ret = str_trim(str_slice(line, strlen("playbook:"), line.size));
        return ERR_OK;
    }
    return err_set(why, ERR_INVALID, "the playbook has no line `playbook:`");
}

static FALLIBLE start(struct played *played, struct value inputs, struct id *ret, struct err_info *why)
{
    struct engine_start_request request = { .inputs = inputs,
        .alert = given(played, "alert"),
        .event = given(played, "event"),
        .case_value = given(played, "case"),
        .actor = STR("tester") };
    struct value before, after;
    TRY(playbook_name(played, &request.playbook, why));
    TRY(all_runs(played, ID_NONE, &before, why));
    for (;;) {
        enum err result = rehearsal_start(played->rehearsal, &request, ret, why);
        if (!has_crashed(played, result))
            return result;
        TRY(all_runs(played, ID_NONE, &after, why));
        if (after.size == before.size)
            continue;
        *ret = scenario_id(after.items[after.size - before.size - 1], "id"); /* the newest stands first */
        return ERR_OK;
    }
}

/* An offer that was cut off is offered again, as a sender does that got no answer. */
static FALLIBLE offer(struct played *played, struct value v, struct engine_event *event, struct err_info *why)
{
    struct value merged = value_get(v, STR("merged"));
    bool is_merged = merged.type == VALUE_BOOL && merged.boolean;
    struct value found = value_null();
    *event = (struct engine_event){ .event = value_get(v, STR("event")),
        .alert = value_get(v, STR("alert")) };
    for (;;) {
        enum err result = rehearsal_offer(played->rehearsal, STR("test"), event, is_merged, why);
        if (!has_crashed(played, result))
            return result;
        if (!id_is_none(event->alert_id))
            TRY(all_runs(played, event->alert_id, &found, why));
        if (found.size == 0)
            continue;
        event->runs[0] = scenario_id(found.items[found.size - 1], "id");
        event->run_count = 1;
        return ERR_OK;
    }
}

/* ---- tasks ---- */

static FALLIBLE find_open_task(struct played *played, struct id id, struct value *ret, struct err_info *why)
{
    const struct list_query query = { .status = STR("open"), .limit = TASKS_MAX };
    struct value page;
    *ret = value_null();
    TRY(rehearsal_list(played->rehearsal, task_list, &query, played->arena, &page, why));
    struct value items = value_get(page, STR("items"));
    for (uint32_t i = 0; i < items.size; i++) {
        if (id_equal(scenario_id(items.items[i], "id"), id))
            *ret = items.items[i];
    }
    return ERR_OK;
}

/* What a person would find out who looks at the other system. */
static bool has_happened(const struct played *played, struct value task)
{
    struct value with = value_get(value_get(task, STR("show")), STR("with"));
    struct id run = scenario_id(task, "run_id");
    struct value step = value_get(task, STR("step"));
    for (const struct mock_call *call = mocks_calls(played->mocks); call; call = call->next) {
        if (call->took_effect && call->purpose == ACTION_DO && id_equal(call->run_id, run) &&
            value_is_text(step, call->step) && value_equal(call->with, with))
            return true;
    }
    return false;
}

static FALLIBLE choice(struct played *played, struct str word, struct value *ret, struct err_info *why)
{
    struct value_map_builder map = { 0 };
    value_map_begin(&map, played->arena);
    TRY(value_map_set(&map, "choice", value_string(word), why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

/* How many tasks of that step were answered or closed before: which answer of a list is due. */
static FALLIBLE tasks_before(struct played *played, struct value step, uint32_t *ret, struct err_info *why)
{
    const struct list_query query = { .limit = TASKS_MAX };
    struct value page;
    *ret = 0;
    TRY(rehearsal_list(played->rehearsal, task_list, &query, played->arena, &page, why));
    struct value items = value_get(page, STR("items"));
    for (uint32_t i = 0; i < items.size; i++) {
        if (value_equal(value_get(items.items[i], STR("step")), step) &&
            !value_is_text(value_get(items.items[i], STR("status")), STR("open")))
            ++*ret;
    }
    return ERR_OK;
}

/* The scenario's answer to a task; null: none, so that its time passes. */
static FALLIBLE find_answer(struct played *played, struct value task, struct value *ret, struct err_info *why)
{
    struct value step = value_get(task, STR("step"));
    struct value answer = value_get(given(played, "answers"), value_str(step));
    bool is_uncertain = value_is_text(value_get(task, STR("kind")), STR("uncertain"));
    if (is_uncertain && (played->crash_at != 0 || played->patience_us != 0)) {
        bool is_done = has_happened(played, task);
        played->was_settled_by_person |= is_done;
        return choice(played, is_done ? STR("done") : STR("not_done"), ret, why);
    }
    if (answer.type == VALUE_LIST) {
        uint32_t at = 0;
        TRY(tasks_before(played, step, &at, why));
        answer = at < answer.size ? answer.items[at] : value_null();
    }
    *ret = answer;
    return ERR_OK;
}

static FALLIBLE without_after(
    struct played *played, struct value answer, struct value *ret, int64_t *ret_after, struct err_info *why)
{
    struct value_map_builder map = { 0 };
    *ret_after = 0;
    value_map_begin(&map, played->arena);
    for (uint32_t i = 0; i < answer.size; i++) {
        const struct value_entry *entry = &value_map_entries(answer)[i];
        if (value_is_text(entry->key, STR("after")))
            TRY(span_parse(value_str(entry->value), ret_after, why));
        else
            TRY(value_map_put(&map, entry->key, entry->value, why));
    }
    *ret = value_map_end(&map);
    return ERR_OK;
}

static FALLIBLE answer_task(struct played *played, struct id id, struct err_info *why)
{
    struct value task, answer = value_null();
    int64_t after_us = 0;
    TRY(find_open_task(played, id, &task, why));
    if (value_is(task, VALUE_NULL))
        return ERR_OK; /* it was closed meanwhile */
    TRY(find_answer(played, task, &answer, why));
    if (answer.type != VALUE_MAP)
        return ERR_OK;
    TRY(without_after(played, answer, &answer, &after_us, why));
    if (after_us > 0)
        rehearsal_wait_until(
            played->rehearsal, (struct instant){ rehearsal_now(played->rehearsal).us + after_us });
    enum err result;
    do {
        result = rehearsal_answer(played->rehearsal, id, STR("tester"), answer, why);
    } while (has_crashed(played, result));
    /* With a crash the answer may have been taken before it. */
    if (result == ERR_CONFLICT && played->crash_at != 0)
        return ERR_OK;
    /* What the scenario has refused is not what a cancel is about. */
    return result == ERR_INVALID && played->cancel_at != 0 ? ERR_OK : result;
}

/* ---- going on ---- */

/* To the end of the run, or to `until`. */
static FALLIBLE go_on(struct played *played, struct instant until, struct err_info *why)
{
    enum run_status status = RUN_RUNNING;
    struct id task = ID_NONE;
    bool is_bounded = until.us != INT64_MAX;
    if (!is_bounded && played->patience_us > 0)
        until.us = played->started.us + played->patience_us;
    for (int i = 0; i < TASKS_MAX; i++) {
        enum err result = rehearsal_go_on(played->rehearsal, played->run, until, &status, &task, why);
        if (has_crashed(played, result))
            continue;
        if (result == ERR_CANCELLED && played->cancel_at != 0) {
            result = rehearsal_cancel(played->rehearsal, played->run, STR("enough"), why);
            if (result == ERR_OK || result == ERR_CONFLICT) /* it has ended by itself */
                continue;
        }
        if (result == ERR_TIMEOUT && is_bounded) {
            rehearsal_wait_until(played->rehearsal, until);
            return ERR_OK;
        }
        TRY(result);
        if (id_is_none(task))
            return ERR_OK;
        TRY(answer_task(played, task, why));
    }
    return err_set(why, ERR_LIMIT, "the run opened more than %d tasks", TASKS_MAX);
}

static FALLIBLE lease_of(struct played *played, struct str step, struct id *ret, struct err_info *why)
{
    const struct list_query query = { .limit = 100 };
    struct value page;
    TRY(rehearsal_list(played->rehearsal, containment_list, &query, played->arena, &page, why));
    struct value items = value_get(page, STR("items"));
    for (uint32_t i = 0; i < items.size; i++) {
        if (!value_is_text(value_get(items.items[i], STR("step")), step))
            continue;
        *ret = scenario_id(items.items[i], "id");
        return ERR_OK;
    }
    return err_set(why, ERR_NOT_FOUND, "there is no containment of step %.*s", STR_ARG(step));
}

static FALLIBLE undo(struct played *played, struct str step, struct err_info *why)
{
    struct id lease = ID_NONE;
    TRY(lease_of(played, step, &lease, why));
    return rehearsal_undo(played->rehearsal, lease, why);
}

static FALLIBLE start_more(struct played *played, struct value inputs, struct err_info *why)
{
    struct id run;
    return start(played, inputs, &run, why);
}

static FALLIBLE offer_more(struct played *played, struct value v, struct err_info *why)
{
    struct engine_event event;
    return offer(played, v, &event, why);
}

/* {step, choice or form, …}: whatever state the step's task is in. */
static FALLIBLE answer_again(struct played *played, struct value v, struct err_info *why)
{
    const struct list_query query = { .limit = TASKS_MAX };
    struct value page;
    TRY(rehearsal_list(played->rehearsal, task_list, &query, played->arena, &page, why));
    struct value items = value_get(page, STR("items"));
    for (uint32_t i = 0; i < items.size; i++) {
        if (value_equal(value_get(items.items[i], STR("step")), value_get(v, STR("step"))))
            return rehearsal_answer(
                played->rehearsal, scenario_id(items.items[i], "id"), STR("tester"), v, why);
    }
    return err_set(why, ERR_NOT_FOUND, "the step has no task");
}

/* Time passes while nobody looks: the clock moves, then a new engine finds it so. */
static FALLIBLE stay_down(struct played *played, struct str span, struct err_info *why)
{
    int64_t us = 0;
    TRY(span_parse(span, &us, why));
    return rehearsal_sleep(played->rehearsal, us, drop_calls, played->mocks, why);
}

struct announcement {
    struct played *played;
    struct value change;
    struct id run;
};

/* As cases announces a change in its own commit. `run: true`: the newest run made it. */
static enum err announce_apply(void *context, struct store_conn *conn, struct err_info *why)
{
    struct announcement *announcement = context;
    struct played *played = announcement->played;
    struct value change = value_get(announcement->change, STR("change"));
    bool is_own = !value_is(value_get(announcement->change, STR("run")), VALUE_NULL);
    struct str body;
    TRY(arena_printf(played->arena, &body, why,
        is_own ? "{\"change\":\"%.*s\",\"run_id\":\"%s\"}" : "{\"change\":\"%.*s\"}",
        STR_ARG(value_str(change)), id_text(announcement->run).text));
    const struct outbox_entry entry = {
        .tenant = TENANT_DEFAULT, .topic = STR("case"), .subject = { { 7 } }, .body = body
    };
    return outbox_add(conn, &entry, NULL, why);
}

static FALLIBLE announce(struct played *played, struct value change, struct err_info *why)
{
    struct announcement announcement = { .played = played, .change = change };
    struct value runs;
    TRY(all_runs(played, ID_NONE, &runs, why));
    if (runs.size > 0)
        announcement.run = scenario_id(runs.items[0], "id");
    return store_write_wait(rehearsal_store(played->rehearsal), announce_apply, &announcement, why);
}

static FALLIBLE enable(struct played *played, struct value v, struct err_info *why)
{
    struct str name;
    TRY(playbook_name(played, &name, why));
    return engine_set_enabled(rehearsal_engine(played->rehearsal), TENANT_DEFAULT, STR("tester"), name,
        v.type == VALUE_BOOL && v.boolean, why);
}

/* One entry of `then`: its key is what to do. */
static FALLIBLE do_one(struct played *played, struct str what, struct value v, struct err_info *why)
{
    struct rehearsal *rehearsal = played->rehearsal;
    struct str text = value_is(v, VALUE_STRING) ? value_str(v) : STR("");
    if (str_equal(what, STR("cancel")))
        return rehearsal_cancel(rehearsal, played->run, text, why);
    if (str_equal(what, STR("retry")))
        return rehearsal_retry(rehearsal, played->run, why);
    if (str_equal(what, STR("undo")))
        return undo(played, text, why);
    if (str_equal(what, STR("start")))
        return start_more(played, v, why);
    if (str_equal(what, STR("offer")))
        return offer_more(played, v, why);
    if (str_equal(what, STR("mocks")))
        return mocks_set(played->mocks, v, why);
    if (str_equal(what, STR("crash")))
        return rehearsal_crash(rehearsal, drop_calls, played->mocks, why);
    if (str_equal(what, STR("publish")))
        return publish_one(played, v, why);
    if (str_equal(what, STR("answer")))
        return answer_again(played, v, why);
    if (str_equal(what, STR("case")))
        return announce(played, v, why);
    if (str_equal(what, STR("enable")))
        return enable(played, v, why);
    if (str_equal(what, STR("down"))) /* for how long the process does not run */
        return stay_down(played, text, why);
    if (str_equal(what, STR("end")))
        return go_on(played, INSTANT_NEVER, why);
    if (str_equal(what, STR("expect"))) /* on the way, a crash or a fault may have made all later */
        return played->crash_at == 0 && played->patience_us == 0 ? scenario_check(played, v, why) : ERR_OK;
    return err_set(why, ERR_INVALID, "then: unknown key \"%.*s\"", STR_ARG(what));
}

/* What was cut off by the crash is asked for again; that it was done already is no error then. */
static FALLIBLE do_sure(
    struct played *played, struct str what, struct value v, bool is_refused, struct err_info *why)
{
    enum err result = do_one(played, what, v, why);
    if (!has_crashed(played, result))
        return result;
    do {
        result = do_one(played, what, v, why);
    } while (has_crashed(played, result));
    return result == ERR_CONFLICT && !is_refused ? ERR_OK : result;
}

static FALLIBLE do_then(struct played *played, struct value then, struct err_info *why)
{
    for (uint32_t i = 0; then.type == VALUE_LIST && i < then.size; i++) {
        struct value entry = then.items[i], after = value_get(entry, STR("after"));
        struct value refused = value_get(entry, STR("refused"));
        int64_t us = 0;
        if (value_is(after, VALUE_STRING)) {
            TRY(span_parse(value_str(after), &us, why));
            struct instant until = { rehearsal_now(played->rehearsal).us + us };
            if (!id_is_none(played->run))
                TRY(go_on(played, until, why));
            rehearsal_wait_until(played->rehearsal, until);
        }
        for (uint32_t k = 0; k < entry.size; k++) {
            struct str what = value_str(value_map_entries(entry)[k].key);
            struct err_info inner = { 0 };
            if (str_equal(what, STR("after")) || str_equal(what, STR("refused")))
                continue;
            bool is_refused = value_is(refused, VALUE_STRING);
            enum err result = do_sure(played, what, value_map_entries(entry)[k].value, is_refused, &inner);
            if (is_refused) {
                if (!str_equal(str_of(err_word(result)), value_str(refused)))
                    scenario_fault(played, "%.*s: refused with \"%s\" instead of \"%.*s\"", STR_ARG(what),
                        err_word(result), STR_ARG(value_str(refused)));
            } else if (result != ERR_OK) {
                return err_set(why, result, "then: %.*s: %s", STR_ARG(what), inner.text);
            }
        }
    }
    return ERR_OK;
}

static FALLIBLE begin(struct played *played, struct err_info *why)
{
    struct value offered = given(played, "offer");
    struct engine_event event = { 0 };
    if (value_is_text(given(played, "start"), STR("none"))) /* something else starts runs */
        return ERR_OK;
    if (value_is(offered, VALUE_NULL))
        return start(played, given(played, "inputs"), &played->run, why);
    TRY(offer(played, offered, &event, why));
    struct value fate = value_get(given(played, "expect"), STR("fate"));
    if (value_is(fate, VALUE_STRING) && !value_is_text(fate, str_of(event_fate_name(event.fate))) &&
        played->crash_at == 0)
        scenario_fault(
            played, "fate: wanted %.*s, got %s", STR_ARG(value_str(fate)), event_fate_name(event.fate));
    played->run = event.run_count > 0 ? event.runs[0] : ID_NONE;
    return ERR_OK;
}

/* What was held up for want of something may come a little later. */
static FALLIBLE look(struct played *played, struct err_info *why)
{
    size_t before = played->faults->size;
    if (played->looks)
        played->looks(played);
    TRY(scenario_check(played, given(played, "expect"), why));
    if (played->faults->size > before && played->patience_us > 0) {
        played->faults->size = before;
        rehearsal_wait_until(played->rehearsal,
            (struct instant){ rehearsal_now(played->rehearsal).us + PATIENCE_SECONDS * US_PER_S });
        TRY(scenario_check(played, given(played, "expect"), why));
    }
    return scenario_check_left(played, why);
}

/* Without `then` it goes to the end; with it, only where `end` says so. */
static FALLIBLE play(struct played *played, struct err_info *why)
{
    struct value then = given(played, "then");
    TRY(publish(played, why));
    if (played->crash_at != 0)
        rehearsal_crash_at(played->rehearsal, played->crash_at, drop_calls, played->mocks);
    rehearsal_pause_at(played->rehearsal, played->cancel_at);
    played->started = rehearsal_now(played->rehearsal);
    TRY(begin(played, why));
    if ((value_is(then, VALUE_NULL) || played->cancel_at != 0) && !id_is_none(played->run))
        TRY(go_on(played, INSTANT_NEVER, why));
    if (played->cancel_at != 0)
        return scenario_check_cancelled(played, why);
    TRY(do_then(played, then, why));
    TRY(look(played, why));
    played->steps = rehearsal_steps(played->rehearsal);
    return ERR_OK;
}

enum err scenario_play(struct played *played, struct err_info *why)
{
    struct rehearsal_options options = { .seed = 1 };
    struct value now = given(played, "now");
    if (value_is(now, VALUE_STRING) && !instant_parse(value_str(now), &options.start))
        return err_set(why, ERR_INVALID, "now must be a time by RFC 3339");
    TRY(mocks_new(NULL, MOCKS_REFUSE, &played->mocks, why));
    enum err result = mocks_declare(played->mocks, given(played, "actions"), why);
    if (result == ERR_OK)
        result = mocks_set(played->mocks, given(played, "mocks"), why);
    options.catalogues = scenario_catalogues(played);
    options.guardrail = scenario_guardrail(played);
    options.subjects = scenario_subjects(played);
    options.is_dry = value_is(given(played, "dry"), VALUE_BOOL);
    if (result == ERR_OK)
        result = rehearsal_new(&options, &played->rehearsal, why);
    if (result == ERR_OK)
        result = play(played, why);
    played->had_no_mock = mocks_have_run_out(played->mocks);
    for (const struct mock_call *call = mocks_calls(played->mocks); call; call = call->next)
        played->calls++;
    mocks_drop_calls(played->mocks);
    rehearsal_free(played->rehearsal);
    mocks_free(played->mocks);
    return result;
}
