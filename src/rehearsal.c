#include "rehearsal.h"

#include <assert.h>
#include <string.h>

#include "base/container.h"
#include "base/memory.h"
#include "engine/journal.h"
#include "engine/run_rows.h"
#include "engine/status.h"
#include "io/loop_virtual.h"

#define START_DEFAULT_US (INT64_C(1767225600) * US_PER_S) /* 2026-01-01T00:00:00Z */
#define LISTS_MAX 8

struct crash {
    uint64_t at; /* 0: none */
    void (*drop_calls)(void *context);
    void *context;
};

struct rehearsal {
    struct rehearsal_options options;
    const struct store_migration *lists[LISTS_MAX];
    struct clock_manual manual;
    struct rand_seeded seeded;
    struct clock *clock;
    struct rand *rand;
    struct store *store;
    struct loop *loop;
    struct engine *engine;
    struct arena arena; /* of `given` */
    struct id *given; /* tasks that go_on has told of */
    uint32_t given_count, given_room;
    bool has_news; /* a task may have been opened */
    uint64_t steps;
    struct crash crash;
    bool has_crashed;
    uint64_t pause_at; /* 0: nowhere */
};

/* ---- life ---- */

static void observe(void *context, const struct engine_observation *observation)
{
    struct rehearsal *rehearsal = context;
    if (observation->what == OBSERVE_TASK_OPENED || observation->what == OBSERVE_RUN_ENDED) {
        rehearsal->has_news = true;
        if (rehearsal->options.is_real)
            loop_stop(rehearsal->loop);
    }
    if (rehearsal->options.observe)
        rehearsal->options.observe(rehearsal->options.observe_context, observation);
}

static FALLIBLE open_store(struct rehearsal *rehearsal, struct err_info *why)
{
    const struct store_migration *const *more = rehearsal->options.migrations;
    size_t count = 0;
    rehearsal->lists[count++] = store_migrations;
    for (; more && *more; more++) {
        assert(count + 2 < LISTS_MAX);
        rehearsal->lists[count++] = *more;
    }
    rehearsal->lists[count++] = engine_migrations;
    struct store_options options = {
        .url = STR(":memory:"), .clock = rehearsal->clock, .migrations = rehearsal->lists, .is_inline = true
    };
    return store_open(&options, &rehearsal->store, why);
}

static FALLIBLE open_engine(struct rehearsal *rehearsal, struct err_info *why)
{
    const struct rehearsal_options *given = &rehearsal->options;
    if (given->is_real)
        TRY(loop_new(rehearsal->clock, &rehearsal->loop, why));
    else
        TRY(loop_virtual_new(&rehearsal->manual, &rehearsal->loop, why));
    struct engine_options options = { .clock = rehearsal->clock,
        .rand = rehearsal->rand,
        .log = given->log,
        .store = rehearsal->store,
        .catalogues = given->catalogues,
        .subjects = given->subjects,
        .guardrail = given->guardrail,
        .seal = given->seal,
        .seal_context = given->seal_context,
        .alert_type = given->alert_type,
        .case_type = given->case_type,
        .make_host = given->make_host,
        .free_host = given->free_host,
        .host_context = given->host_context,
        .inline_loop = rehearsal->loop,
        .is_dry = given->is_dry,
        .observe = observe,
        .observe_context = rehearsal,
        .observe_details = given->observe_details };
    TRY(engine_new(&options, &rehearsal->engine, why));
    return engine_start(rehearsal->engine, why);
}

static void close_engine(struct rehearsal *rehearsal)
{
    engine_free(rehearsal->engine);
    rehearsal->engine = NULL;
    loop_free(rehearsal->loop);
    rehearsal->loop = NULL;
}

enum err rehearsal_new(const struct rehearsal_options *options, struct rehearsal **ret, struct err_info *why)
{
    struct rehearsal *rehearsal = memory_alloc(sizeof(*rehearsal));
    if (!rehearsal)
        return err_memory(why);
    memset(rehearsal, 0, sizeof(*rehearsal));
    rehearsal->options = *options;
    int64_t start_us = options->start.us ? options->start.us : START_DEFAULT_US;
    clock_manual_init(&rehearsal->manual, (struct instant){ start_us });
    rand_seeded_init(&rehearsal->seeded, options->seed);
    rehearsal->clock = options->is_real ? clock_system() : &rehearsal->manual.clock;
    rehearsal->rand = options->is_real ? rand_system() : &rehearsal->seeded.rand;
    enum err result = open_store(rehearsal, why);
    if (result == ERR_OK)
        result = open_engine(rehearsal, why);
    if (result != ERR_OK) {
        rehearsal_free(rehearsal);
        return result;
    }
    *ret = rehearsal;
    return ERR_OK;
}

void rehearsal_free(struct rehearsal *rehearsal)
{
    if (!rehearsal)
        return;
    if (rehearsal->crash.drop_calls)
        rehearsal->crash.drop_calls(rehearsal->crash.context);
    close_engine(rehearsal);
    store_close(rehearsal->store);
    arena_done(&rehearsal->arena);
    memory_free(rehearsal);
}

struct engine *rehearsal_engine(struct rehearsal *rehearsal)
{
    return rehearsal->engine;
}

struct store *rehearsal_store(struct rehearsal *rehearsal)
{
    return rehearsal->store;
}

struct instant rehearsal_now(struct rehearsal *rehearsal)
{
    return clock_now(rehearsal->clock);
}

struct id rehearsal_new_id(struct rehearsal *rehearsal)
{
    return id_new(rehearsal->clock, rehearsal->rand);
}

uint64_t rehearsal_steps(const struct rehearsal *rehearsal)
{
    return rehearsal->steps;
}

/* ---- crashes ---- */

enum err rehearsal_crash(
    struct rehearsal *rehearsal, void (*drop_calls)(void *context), void *context, struct err_info *why)
{
    return rehearsal_sleep(rehearsal, 0, drop_calls, context, why);
}

enum err rehearsal_sleep(struct rehearsal *rehearsal, int64_t span_us, void (*drop_calls)(void *context),
    void *context, struct err_info *why)
{
    assert(!rehearsal->options.is_real);
    if (drop_calls)
        drop_calls(context);
    close_engine(rehearsal);
    clock_manual_advance(&rehearsal->manual, span_us);
    rehearsal->has_news = true; /* what was observed of it is lost */
    if (open_engine(rehearsal, why) == ERR_OK)
        return ERR_OK;
    close_engine(rehearsal); /* a start that failed is tried once more, as what looks after a server does */
    return open_engine(rehearsal, why);
}

void rehearsal_crash_at(
    struct rehearsal *rehearsal, uint64_t step, void (*drop_calls)(void *context), void *context)
{
    rehearsal->crash = (struct crash){ step, drop_calls, context };
    rehearsal->has_crashed = false;
}

void rehearsal_pause_at(struct rehearsal *rehearsal, uint64_t step)
{
    rehearsal->pause_at = step;
}

/* ---- going on ---- */

struct wait {
    bool is_done;
    enum err result;
    struct err_info *why;
    struct rehearsal *rehearsal;
};

static void wait_end(struct wait *wait, enum err result, const struct err_info *why)
{
    wait->is_done = true;
    wait->result = result;
    if (result != ERR_OK && wait->why && why)
        *wait->why = *why;
    if (wait->rehearsal->options.is_real)
        loop_stop(wait->rehearsal->loop);
}

static FALLIBLE crash_if_told(struct rehearsal *rehearsal, struct err_info *why)
{
    struct crash *crash = &rehearsal->crash;
    if (rehearsal->has_crashed || crash->at == 0 || rehearsal->steps < crash->at)
        return ERR_OK;
    rehearsal->has_crashed = true;
    TRY(rehearsal_crash(rehearsal, crash->drop_calls, crash->context, why));
    return err_set(why, ERR_CANCELLED, "the rehearsal crashed here, as it was told to");
}

static bool is_second_ask(void *context)
{
    bool *has_stepped = context;
    bool was = *has_stepped;
    *has_stepped = true;
    return was;
}

/* One step of the loop. False when there is nothing to do up to `until`. */
static FALLIBLE step(
    struct rehearsal *rehearsal, struct instant until, bool *ret_stepped, struct err_info *why)
{
    bool has_stepped = false;
    if (rehearsal->options.is_real) {
        loop_run(rehearsal->loop);
        *ret_stepped = true;
        return ERR_OK;
    }
    TRY(crash_if_told(rehearsal, why));
    rehearsal->steps++;
    *ret_stepped = loop_virtual_run_until(rehearsal->loop, is_second_ask, &has_stepped, until);
    return ERR_OK;
}

static FALLIBLE wait_for(struct rehearsal *rehearsal, struct wait *wait, struct err_info *why)
{
    while (!wait->is_done) {
        bool has_stepped = false;
        TRY(step(rehearsal, INSTANT_NEVER, &has_stepped, why));
        if (!has_stepped)
            return err_set(why, ERR_INTERNAL, "the engine never answered");
    }
    return wait->result;
}

/* ---- what is asked of the engine ---- */

struct reply {
    struct engine_reply reply;
    struct wait wait;
};

static void reply_done(struct engine_reply *reply, enum err result, const struct err_info *why)
{
    wait_end(&CONTAINER_OF(reply, struct reply, reply)->wait, result, why);
}

static struct reply reply_to(struct rehearsal *rehearsal, struct err_info *why)
{
    return (struct reply){ .reply = { .done = reply_done, .reply_to = rehearsal->loop },
        .wait = { .rehearsal = rehearsal, .why = why } };
}

enum err rehearsal_publish(
    struct rehearsal *rehearsal, struct str text, struct diagnostics *found, struct err_info *why)
{
    uint32_t version = 0;
    return engine_publish(
        rehearsal->engine, TENANT_DEFAULT, STR("rehearsal"), text, true, found, &version, why);
}

enum err rehearsal_start(struct rehearsal *rehearsal, const struct engine_start_request *request,
    struct id *ret_run, struct err_info *why)
{
    struct engine_start_request own = *request;
    struct reply reply = reply_to(rehearsal, why);
    own.tenant = TENANT_DEFAULT;
    engine_start_run(rehearsal->engine, &own, &reply.reply);
    TRY(wait_for(rehearsal, &reply.wait, why));
    *ret_run = reply.reply.run_id;
    return ERR_OK;
}

enum err rehearsal_answer(
    struct rehearsal *rehearsal, struct id task, struct str actor, struct value answer, struct err_info *why)
{
    struct reply reply = reply_to(rehearsal, why);
    engine_answer_task(rehearsal->engine, TENANT_DEFAULT, task, actor, answer, &reply.reply);
    return wait_for(rehearsal, &reply.wait, why);
}

enum err rehearsal_cancel(struct rehearsal *rehearsal, struct id run, struct str reason, struct err_info *why)
{
    struct reply reply = reply_to(rehearsal, why);
    engine_cancel_run(rehearsal->engine, TENANT_DEFAULT, run, STR("rehearsal"), reason, &reply.reply);
    return wait_for(rehearsal, &reply.wait, why);
}

enum err rehearsal_retry(struct rehearsal *rehearsal, struct id run, struct err_info *why)
{
    struct reply reply = reply_to(rehearsal, why);
    engine_retry_run(rehearsal->engine, TENANT_DEFAULT, run, STR("rehearsal"), &reply.reply);
    return wait_for(rehearsal, &reply.wait, why);
}

enum err rehearsal_undo(struct rehearsal *rehearsal, struct id containment, struct err_info *why)
{
    struct reply reply = reply_to(rehearsal, why);
    engine_undo_containment(rehearsal->engine, TENANT_DEFAULT, containment, STR("rehearsal"), &reply.reply);
    return wait_for(rehearsal, &reply.wait, why);
}

/* ---- events ---- */

struct offering {
    struct engine_offer offer;
    struct wait wait;
    rehearsal_record *record;
    void *context;
};

static enum err offer_record(struct engine_offer *offer, uint32_t index, struct store_conn *conn,
    enum event_fate *ret_fate, struct err_info *why)
{
    const struct offering *own = CONTAINER_OF(offer, struct offering, offer);
    return own->record(own->context, &offer->events[index], conn, offer->arena, ret_fate, why);
}

static void offer_accepted(struct engine_offer *offer, enum err result, const struct err_info *why)
{
    wait_end(&CONTAINER_OF(offer, struct offering, offer)->wait, result, why);
}

enum err rehearsal_offer_recorded(struct rehearsal *rehearsal, struct str source, struct engine_event *event,
    rehearsal_record *record, void *context, struct arena *arena, struct err_info *why)
{
    struct offering offering = { .offer = { .tenant = TENANT_DEFAULT,
                                     .source = source,
                                     .events = event,
                                     .event_count = 1,
                                     .arena = arena,
                                     .record = offer_record,
                                     .accepted = offer_accepted,
                                     .reply_to = rehearsal->loop },
        .wait = { .rehearsal = rehearsal, .why = why },
        .record = record,
        .context = context };
    engine_offer(rehearsal->engine, &offering.offer);
    return wait_for(rehearsal, &offering.wait, why);
}

static enum err record_nothing(void *context, struct engine_event *event, struct store_conn *conn,
    struct arena *arena, enum event_fate *ret_fate, struct err_info *why)
{
    const bool *is_merged = context;
    (void)event, (void)conn, (void)arena, (void)why; /* nobody reads events back */
    *ret_fate = *is_merged ? FATE_MERGED : FATE_RUN;
    return ERR_OK;
}

enum err rehearsal_offer(struct rehearsal *rehearsal, struct str source, struct engine_event *event,
    bool is_merged, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    if (id_is_none(event->event_id))
        event->event_id = id_new(rehearsal->clock, rehearsal->rand);
    if (id_is_none(event->alert_id) && !value_is(event->alert, VALUE_NULL))
        event->alert_id = id_new(rehearsal->clock, rehearsal->rand);
    return rehearsal_offer_recorded(rehearsal, source, event, record_nothing, &is_merged, &arena, why);
}

/* ---- reading ---- */

struct reading {
    rehearsal_list_read *list;
    const struct list_query *query;
    struct id run;
    struct arena *arena;
    struct value value;
    struct buf *text;
    struct rehearsal *rehearsal;
    enum run_status status;
};

static enum err read_list(void *context, struct store_conn *conn, struct err_info *why)
{
    struct reading *reading = context;
    return reading->list(conn, reading->query, reading->arena, &reading->value, why);
}

enum err rehearsal_list(struct rehearsal *rehearsal, rehearsal_list_read *read,
    const struct list_query *query, struct arena *arena, struct value *ret_page, struct err_info *why)
{
    struct list_query own = *query;
    struct reading reading = { .list = read, .query = &own, .arena = arena };
    own.tenant = TENANT_DEFAULT;
    TRY(store_read_wait(rehearsal->store, read_list, &reading, why));
    *ret_page = reading.value;
    return ERR_OK;
}

static enum err read_show(void *context, struct store_conn *conn, struct err_info *why)
{
    struct reading *reading = context;
    return run_show(conn, TENANT_DEFAULT, reading->run, reading->arena, &reading->value, why);
}

enum err rehearsal_show(
    struct rehearsal *rehearsal, struct id run, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct reading reading = { .run = run, .arena = arena };
    TRY(store_read_wait(rehearsal->store, read_show, &reading, why));
    *ret = reading.value;
    return ERR_OK;
}

static FALLIBLE add_path(struct value_list_builder *path, const struct playbook *playbook, struct value steps,
    struct err_info *why)
{
    for (uint32_t i = 0; i < steps.size; i++) {
        struct value shown = steps.items[i], id = value_get(shown, STR("id"));
        const struct step *step = playbook_find_step(playbook, value_str(id));
        if (value_is_text(value_get(shown, STR("status")), STR("skipped")))
            continue;
        if (step && step->has_given_id)
            TRY(value_list_add(path, id, why));
        TRY(add_path(path, playbook, value_get(shown, STR("steps")), why));
    }
    return ERR_OK;
}

enum err rehearsal_path(
    struct rehearsal *rehearsal, struct id run, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value shown;
    struct value_list_builder path = { 0 };
    TRY(rehearsal_show(rehearsal, run, arena, &shown, why));
    struct str name = value_str(value_get(shown, STR("playbook")));
    struct playbook *playbook = engine_find_playbook(rehearsal->engine, TENANT_DEFAULT, name, NULL, NULL);
    value_list_begin(&path, arena);
    enum err result = playbook ? add_path(&path, playbook, value_get(shown, STR("steps")), why) : ERR_OK;
    playbook_release(playbook);
    *ret = value_list_end(&path);
    return result;
}

static enum err print_record(void *context, uint32_t seq, struct str record, struct err_info *why)
{
    struct reading *reading = context;
    struct journal_reader reader;
    struct op op;
    bool more = true;
    TRY(journal_open(&reader, record, reading->arena, why));
    buf_printf(reading->text, "%u\n", seq);
    for (;;) {
        TRY(journal_next(&reader, &op, &more, why));
        if (!more)
            return ERR_OK;
        buf_add_text(reading->text, "  ");
        journal_print(reading->text, &op);
    }
}

static enum err read_journal(void *context, struct store_conn *conn, struct err_info *why)
{
    struct reading *reading = context;
    struct run_row row;
    TRY(run_row_find(conn, TENANT_DEFAULT, reading->run, reading->arena, &row, why));
    return journal_rows(conn, row.tenant, row.number, 0, reading->arena, print_record, reading, why);
}

enum err rehearsal_journal(struct rehearsal *rehearsal, struct id run, struct buf *text, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct reading reading = { .run = run, .arena = &arena, .text = text };
    TRY(store_read_wait(rehearsal->store, read_journal, &reading, why));
    return buf_check(text, why);
}

/* ---- a run to its end ---- */

static enum err read_status(void *context, struct store_conn *conn, struct err_info *why)
{
    struct reading *reading = context;
    return run_row_status(conn, TENANT_DEFAULT, reading->run, &reading->status, why);
}

static bool was_given(const struct rehearsal *rehearsal, struct id task)
{
    for (uint32_t i = 0; i < rehearsal->given_count; i++) {
        if (id_equal(rehearsal->given[i], task))
            return true;
    }
    return false;
}

static FALLIBLE give(struct rehearsal *rehearsal, struct id task, struct err_info *why)
{
    if (rehearsal->given_count == rehearsal->given_room) {
        uint32_t room = rehearsal->given_room ? rehearsal->given_room * 2 : 16;
        struct id *more = ARENA_ARRAY(&rehearsal->arena, room, struct id);
        if (!more)
            return err_memory(why);
        if (rehearsal->given_count > 0)
            memcpy(more, rehearsal->given, rehearsal->given_count * sizeof(*more));
        rehearsal->given = more;
        rehearsal->given_room = room;
    }
    rehearsal->given[rehearsal->given_count++] = task;
    return ERR_OK;
}

/* The oldest open task that was not told of; ID_NONE. */
static FALLIBLE find_task(struct rehearsal *rehearsal, struct id *ret, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    const struct list_query query = { .status = STR("open"), .limit = 1000 };
    struct value page;
    *ret = ID_NONE;
    TRY(rehearsal_list(rehearsal, task_list, &query, &arena, &page, why));
    struct value items = value_get(page, STR("items"));
    for (uint32_t i = items.size; i-- > 0;) {
        struct id task = ID_NONE;
        if (!id_parse(value_str(value_get(items.items[i], STR("id"))), &task) || was_given(rehearsal, task))
            continue;
        *ret = task;
        return give(rehearsal, task, why);
    }
    rehearsal->has_news = false;
    return ERR_OK;
}

struct ending {
    struct engine_watch watch;
    bool has_ended;
    struct rehearsal *rehearsal;
};

static void run_ended(struct engine_watch *watch, enum run_status status)
{
    struct ending *ending = CONTAINER_OF(watch, struct ending, watch);
    (void)status; /* the store has it */
    ending->has_ended = true;
    if (ending->rehearsal->options.is_real)
        loop_stop(ending->rehearsal->loop);
}

static FALLIBLE go_on(struct rehearsal *rehearsal, struct ending *ending, struct instant until,
    struct id *ret_task, struct err_info *why)
{
    *ret_task = ID_NONE;
    while (!ending->has_ended) {
        bool has_stepped = false;
        if (rehearsal->has_news)
            TRY(find_task(rehearsal, ret_task, why));
        if (!id_is_none(*ret_task))
            return ERR_OK;
        if (rehearsal->pause_at != 0 && rehearsal->steps >= rehearsal->pause_at)
            return err_set(why, ERR_CANCELLED, "the rehearsal pauses here, as it was told to");
        TRY(step(rehearsal, until, &has_stepped, why));
        if (!has_stepped)
            return err_set(why, ERR_TIMEOUT, "the run did not end in the time that it was given");
    }
    return ERR_OK;
}

enum err rehearsal_go_on(struct rehearsal *rehearsal, struct id run, struct instant until,
    enum run_status *ret_status, struct id *ret_task, struct err_info *why)
{
    struct reading reading = { .run = run };
    struct ending ending = { .rehearsal = rehearsal,
        .watch = {
            .ended = run_ended, .reply_to = rehearsal->loop, .run_id = run, .tenant = TENANT_DEFAULT } };
    engine_watch(rehearsal->engine, &ending.watch);
    enum err result = go_on(rehearsal, &ending, until, ret_task, why);
    bool is_pause = result == ERR_CANCELLED && rehearsal->pause_at != 0 && !rehearsal->has_crashed;
    if (is_pause)
        rehearsal->pause_at = 0;
    if (result != ERR_CANCELLED || is_pause) /* a crash takes the watch with it */
        engine_unwatch(rehearsal->engine, &ending.watch);
    TRY(result);
    TRY(store_read_wait(rehearsal->store, read_status, &reading, why));
    /* A watch that there was no memory for tells at once. */
    if (id_is_none(*ret_task) && !run_status_is_end(reading.status))
        return err_memory(why);
    *ret_status = reading.status;
    return ERR_OK;
}

void rehearsal_wait_until(struct rehearsal *rehearsal, struct instant at)
{
    bool has_stepped = true;
    assert(!rehearsal->options.is_real);
    while (has_stepped && step(rehearsal, at, &has_stepped, NULL) == ERR_OK) {
    }
    loop_virtual_run_to(rehearsal->loop, at);
}
