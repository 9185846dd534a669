/* Several shards on threads of their own, a store with a writer thread and readers, many runs. Built with
 * -Db_sanitize=thread it shows that threads meet only where they may. */
#include "action_table.h"
#include "store_helpers.h"

#include "engine/engine.h"
#include "io/loop.h"

#define RUNS 400
#define DUE_RUNS 2500
#define SHARDS 2

/* ---- actions ---- */

struct landing {
    struct loop_job job;
    struct action_call *call;
};

static void land(struct loop_job *job)
{
    struct action_call *call = ((struct landing *)job)->call;
    struct action_result result = { .is_ok = true, .output = value_int(1), .effect = ACTION_ANSWERED };
    call->finish(call, &result);
}

static void go_start(const struct action *action, struct action_call *call)
{
    struct landing *landing = ARENA_NEW(call->arena, struct landing);
    (void)action;
    assert_non_null(landing);
    *landing = (struct landing){ .job = { .run = land }, .call = call };
    loop_post(call->loop, &landing->job);
}

static enum err note_apply(const struct action *action, struct action_call *call, struct store_conn *conn,
    struct value *ret_output, struct err_info *why)
{
    (void)action, (void)call, (void)conn, (void)why; /* takes effect nowhere */
    *ret_output = value_int(2);
    return ERR_OK;
}

static const struct action actions[] = {
    { .name = STR_INIT("x.go"),
        .kind = ACTION_ENRICH,
        .is_idempotent = true,
        .in = &any_record,
        .out = &type_dyn,
        .start = go_start },
    { .name = STR_INIT("x.note"),
        .kind = ACTION_TICKET,
        .in = &any_record,
        .out = &type_dyn,
        .apply = note_apply },
};

/* ---- the world ---- */

struct world {
    struct test_folder folder;
    struct action_table actions;
    struct store *store;
    struct loop *loop;
    struct engine *engine;
    unsigned waiting, starting;
    unsigned by_status[RUN_STATUS_COUNT];
};

static void open_engine(struct world *world)
{
    struct err_info why = { 0 };
    struct engine_options options = { .clock = clock_system(),
        .rand = rand_system(),
        .store = world->store,
        .catalogues = &world->actions.source,
        .shard_count = SHARDS };
    test_check(engine_new(&options, &world->engine, &why), &why);
    test_check(engine_start(world->engine, &why), &why);
}

static int make(void **state)
{
    static struct world world;
    static const struct store_migration *const lists[] = { store_migrations, engine_migrations, NULL };
    struct err_info why = { 0 };
    world = (struct world){ .actions = ACTION_TABLE(actions) };
    test_folder_make(&world.folder);
    world.store = test_store_open(&world.folder, "store.db", (struct store_options){ .migrations = lists });
    test_check(loop_new(clock_system(), &world.loop, &why), &why);
    open_engine(&world);
    *state = &world;
    return 0;
}

static int drop(void **state)
{
    struct world *world = *state;
    engine_free(world->engine);
    store_close(world->store);
    loop_free(world->loop);
    test_folder_remove(&world->folder);
    return 0;
}

static void publish(struct world *world, const char *text)
{
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    struct err_info why = { 0 };
    uint32_t version = 0;
    diagnostics_init(&found, &arena, STR("test"));
    test_check(engine_publish(
                   world->engine, TENANT_DEFAULT, STR("tester"), str_of(text), true, &found, &version, &why),
        &why);
}

/* ---- waiting ---- */

struct waiter {
    struct engine_reply reply;
    struct engine_watch watch;
    struct world *world;
    enum run_status status;
};

static void one_less(struct world *world)
{
    if (--world->waiting == 0)
        loop_stop(world->loop);
}

static void run_until_done(struct world *world)
{
    while (world->waiting > 0)
        loop_run(world->loop);
}

static void ended(struct engine_watch *watch, enum run_status status)
{
    struct waiter *waiter = (struct waiter *)(void *)((char *)watch - offsetof(struct waiter, watch));
    waiter->status = status;
    waiter->world->by_status[status]++;
    one_less(waiter->world);
}

static void started(struct engine_reply *reply, enum err result, const struct err_info *why)
{
    struct waiter *waiter = (struct waiter *)(void *)((char *)reply - offsetof(struct waiter, reply));
    test_check(result, why);
    waiter->watch = (struct engine_watch){
        .ended = ended, .reply_to = waiter->world->loop, .run_id = reply->run_id, .tenant = TENANT_DEFAULT
    };
    engine_watch(waiter->world->engine, &waiter->watch);
    if (--waiter->world->starting == 0)
        loop_stop(waiter->world->loop);
}

static void start(struct waiter *waiter, struct world *world, const char *playbook)
{
    struct engine_start_request request = {
        .tenant = TENANT_DEFAULT, .playbook = str_of(playbook), .actor = STR("tester")
    };
    *waiter = (struct waiter){ .reply = { .done = started, .reply_to = world->loop }, .world = world };
    world->waiting++;
    world->starting++;
    engine_start_run(world->engine, &request, &waiter->reply);
}

static const char work[] = "playbook: work\n"
                           "title: Work\n"
                           "steps:\n"
                           "  - { id: go, do: x.go }\n"
                           "  - { id: note, do: x.note }\n"
                           "  - for_each: '[1, 2, 3]'\n"
                           "    parallel: 2\n"
                           "    steps: [ { do: x.go } ]\n"
                           "  - { wait: 5ms }\n"
                           "  - { id: sub, run: child }\n"
                           "  - return: '${{ steps.sub.output }}'\n";
static const char child[] = "playbook: child\n"
                            "title: Child\n"
                            "triggers: [ { playbook: true } ]\n"
                            "concurrency: { key: all, max: 3, when_full: queue }\n"
                            "steps: [ { id: go, do: x.go }, { return: '${{ steps.go.output }}' } ]\n";

static void many_runs_on_many_shards_all_succeed(void **state)
{
    struct world *world = *state;
    static struct waiter waiters[RUNS];
    struct engine_metrics metrics;
    publish(world, child);
    publish(world, work);
    for (unsigned i = 0; i < RUNS; i++)
        start(&waiters[i], world, "work");
    run_until_done(world);
    assert_int_equal(world->by_status[RUN_SUCCEEDED], RUNS);
    engine_metrics(world->engine, &metrics);
    assert_int_equal(metrics.runs_by_status[RUN_SUCCEEDED], 2 * RUNS);
    assert_int_equal(metrics.runs_by_status[RUN_RUNNING], 0);
    assert_int_equal(metrics.runs_by_status[RUN_WAITING], 0);
    assert_int_equal(metrics.runs_by_status[RUN_QUEUED], 0);
}

/* ---- events ---- */

struct offering {
    struct engine_offer offer;
    struct engine_event events[4];
    struct waiter waiters[4];
    struct arena arena;
    struct world *world;
};

static enum err record(struct engine_offer *offer, uint32_t index, struct store_conn *conn,
    enum event_fate *ret_fate, struct err_info *why)
{
    (void)offer, (void)index, (void)conn, (void)why; /* nobody reads events back */
    *ret_fate = FATE_RUN;
    return ERR_OK;
}

static void accepted(struct engine_offer *offer, enum err result, const struct err_info *why)
{
    struct offering *offering = (struct offering *)offer;
    test_check(result, why);
    for (uint32_t i = 0; i < offer->event_count; i++) {
        assert_int_equal(offering->events[i].fate, FATE_RUN);
        assert_int_equal(offering->events[i].run_count, 1);
        offering->waiters[i].world = offering->world;
        offering->waiters[i].watch = (struct engine_watch){ .ended = ended,
            .reply_to = offering->world->loop,
            .run_id = offering->events[i].runs[0],
            .tenant = TENANT_DEFAULT };
        engine_watch(offering->world->engine, &offering->waiters[i].watch);
    }
}

static void offer(struct offering *offering, struct world *world)
{
    struct value_map_builder map = { 0 };
    *offering = (struct offering){ .world = world };
    value_map_begin(&map, &offering->arena);
    assert_int_equal(value_map_set(&map, "severity_id", value_int(4), NULL), ERR_OK);
    struct value alert = value_map_end(&map);
    for (int i = 0; i < 4; i++)
        offering->events[i] = (struct engine_event){ .event_id = id_new(clock_system(), rand_system()),
            .alert_id = id_new(clock_system(), rand_system()),
            .alert = alert };
    offering->offer = (struct engine_offer){ .tenant = TENANT_DEFAULT,
        .source = STR("test"),
        .events = offering->events,
        .event_count = 4,
        .arena = &offering->arena,
        .record = record,
        .accepted = accepted,
        .reply_to = world->loop };
    world->waiting += 4;
    engine_offer(world->engine, &offering->offer);
}

static void events_start_runs_on_many_shards_and_wake_runs_of_others(void **state)
{
    struct world *world = *state;
    static struct offering offerings[RUNS / 4];
    static struct waiter waiters[32];
    publish(
        world, "playbook: waits\ntitle: Waits\nsteps: [ { wait: { event: it.alert.severity_id == 4 } } ]\n");
    publish(world,
        "playbook: alerts\ntitle: Alerts\ntriggers: [ { alert: alert.severity_id > 3 } ]\n"
        "steps: [ { id: go, do: x.go }, { return: '${{ alert.severity_id }}' } ]\n");
    for (unsigned i = 0; i < 32; i++)
        start(&waiters[i], world, "waits");
    for (unsigned i = 0; i < RUNS / 4; i++)
        offer(&offerings[i], world);
    run_until_done(world);
    assert_int_equal(world->by_status[RUN_SUCCEEDED], RUNS + 32);
    for (unsigned i = 0; i < RUNS / 4; i++)
        arena_done(&offerings[i].arena);
}

/* ---- people ---- */

static void cancelled(struct engine_reply *reply, enum err result, const struct err_info *why)
{
    (void)reply;
    test_check(result, why);
}

static void cancels_reach_runs_on_every_shard(void **state)
{
    struct world *world = *state;
    static struct waiter waiters[RUNS];
    static struct engine_reply replies[RUNS];
    publish(world,
        "playbook: waits\ntitle: Waits\nsteps: [ { try: [ { wait: 1h } ], finally: [ { do: x.go } ] } ]\n");
    for (unsigned i = 0; i < RUNS; i++)
        start(&waiters[i], world, "waits");
    while (world->starting > 0)
        loop_run(world->loop);
    for (unsigned i = 0; i < RUNS; i++) {
        replies[i] = (struct engine_reply){ .done = cancelled, .reply_to = world->loop };
        engine_cancel_run(world->engine, TENANT_DEFAULT, waiters[i].watch.run_id, STR("tester"),
            STR("enough"), &replies[i]);
    }
    run_until_done(world);
    assert_int_equal(world->by_status[RUN_CANCELLED], RUNS);
    (void)loop_drain(world->loop);
}

/* ---- ending in the middle ---- */

/* As if the process had died: nobody waits for the runs any more, another engine opens the same store. */
static void start_anew(struct world *world, struct waiter *waiters, unsigned count)
{
    while (world->starting > 0)
        loop_run(world->loop);
    for (unsigned i = 0; i < count; i++) {
        if (waiters[i].watch.entry)
            engine_unwatch(world->engine, &waiters[i].watch);
    }
    engine_free(world->engine);
    (void)loop_drain(world->loop); /* what was answered meanwhile */
    open_engine(world);
    memset(world->by_status, 0, sizeof(world->by_status));
    world->waiting = 0;
    for (unsigned i = 0; i < count; i++) {
        waiters[i].watch.entry = NULL;
        world->waiting++;
        engine_watch(world->engine, &waiters[i].watch);
    }
}

static void a_node_that_stops_in_the_middle_goes_on_at_its_next_start(void **state)
{
    struct world *world = *state;
    static struct waiter waiters[RUNS];
    publish(world, child);
    publish(world, work);
    for (unsigned i = 0; i < RUNS; i++)
        start(&waiters[i], world, "work");
    start_anew(world, waiters, RUNS);
    run_until_done(world);
    assert_int_equal(world->by_status[RUN_SUCCEEDED], RUNS);
}

/* More than are woken at a time, and more than stay in memory. */
static void runs_that_are_due_at_once_all_wake_after_a_start(void **state)
{
    struct world *world = *state;
    static struct waiter waiters[DUE_RUNS];
    publish(world, "playbook: sleeps\ntitle: Sleeps\nsteps: [ { wait: 1s } ]\n");
    for (unsigned i = 0; i < DUE_RUNS; i++)
        start(&waiters[i], world, "sleeps");
    start_anew(world, waiters, DUE_RUNS);
    run_until_done(world);
    assert_int_equal(world->by_status[RUN_SUCCEEDED], DUE_RUNS);
}

/* ---- ending while the store is asked ---- */

static enum err dawdle(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    (void)op;
    TRY(rows_open_text(&rows, conn,
        STR("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 300000)"
            " SELECT count(*) FROM n"),
        SQL_NO_ARGS, why));
    while (rows_next(&rows))
        ;
    return rows_end(&rows, why);
}

struct slow {
    struct store_op op;
    struct world *world;
};

static void dawdled(struct store_op *op, enum err result, const struct err_info *why)
{
    struct world *world = ((struct slow *)op)->world;
    test_check(result, why);
    if (--world->starting == 0)
        loop_stop(world->loop);
}

/* The readers have something else to do first. */
static void an_engine_that_ends_waits_for_what_the_store_was_asked_for_a_watch(void **state)
{
    struct world *world = *state;
    struct slow slow[8];
    struct waiter waiter = { .world = world };
    publish(world, "playbook: waits\ntitle: Waits\nsteps: [ { wait: 1h } ]\n");
    start(&waiter, world, "waits");
    while (world->starting > 0)
        loop_run(world->loop);
    engine_unwatch(world->engine, &waiter.watch);
    for (int i = 0; i < 8; i++) {
        slow[i] = (struct slow){ { .apply = dawdle, .done = dawdled, .reply_to = world->loop }, world };
        world->starting++;
        store_read(world->store, &slow[i].op);
    }
    engine_watch(world->engine, &waiter.watch);
    engine_free(world->engine);
    world->engine = NULL;
    assert_null(waiter.watch.entry);
    while (world->starting > 0)
        loop_run(world->loop);
    assert_int_equal(world->waiting, 1); /* it was not told */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(many_runs_on_many_shards_all_succeed, make, drop),
        cmocka_unit_test_setup_teardown(events_start_runs_on_many_shards_and_wake_runs_of_others, make, drop),
        cmocka_unit_test_setup_teardown(cancels_reach_runs_on_every_shard, make, drop),
        cmocka_unit_test_setup_teardown(
            a_node_that_stops_in_the_middle_goes_on_at_its_next_start, make, drop),
        cmocka_unit_test_setup_teardown(runs_that_are_due_at_once_all_wake_after_a_start, make, drop),
        cmocka_unit_test_setup_teardown(
            an_engine_that_ends_waits_for_what_the_store_was_asked_for_a_watch, make, drop),
    };
    return cmocka_run_group_tests_name("engine_shards", tests, NULL, NULL);
}
