/* Which runs are in memory, when they are woken, what becomes of calls without end, of journals that are
 * damaged, of a node that wants memory or disk: one shard on a virtual clock. */
#include "engine_world.h"

#include "base/limits.h"
#include "engine/engine_impl.h"
#include "engine/status.h"
#include "places.h"

/* ---- memory ---- */

#define MANY (RUNS_WARM_MAX + 100)

static void parked_runs_beyond_the_limit_leave_memory_and_all_come_back_in_time(void **state)
{
    (void)state;
    static struct id runs[MANY];
    world_publish(waits);
    for (unsigned i = 0; i < MANY; i++)
        runs[i] = world_start("waits");
    assert_int_equal(active_runs(), RUNS_WARM_MAX);
    world_pass(US_PER_HOUR + US_PER_S);
    for (unsigned i = 0; i < MANY; i++)
        assert_status(runs[i], "succeeded");
    assert_int_equal(active_runs(), 0);
}

static void a_restart_finds_all_that_is_due(void **state)
{
    (void)state;
    static struct id runs[MANY];
    world_publish(waits);
    for (unsigned i = 0; i < MANY; i++)
        runs[i] = world_start("waits");
    world_restart();
    assert_int_equal(active_runs(), 0);
    world_pass(US_PER_HOUR + US_PER_MIN);
    for (unsigned i = 0; i < MANY; i++)
        assert_status(runs[i], "succeeded");
}

static void timers_fire_however_much_a_shard_has_at_the_store(void **state)
{
    (void)state;
    struct shard *shard = &engine_world.engine->shards[0];
    struct id runs[3];
    world_publish(waits);
    for (int i = 0; i < 3; i++)
        runs[i] = world_start("waits");
    shard->ops_out += 100000;
    world_pass(US_PER_HOUR + US_PER_S);
    for (int i = 0; i < 3; i++)
        assert_status(runs[i], "succeeded");
    shard->ops_out -= 100000;
}

static void a_parked_run_that_weighs_too_much_leaves_memory_at_once(void **state)
{
    (void)state;
    world_publish(
        "playbook: heavy\ntitle: Heavy\nsteps:\n"
        "  - { set: { t: '${{ \"0123456789abcdef\" }}' } }\n"
        "  - { while: size(vars.t) < 300000, max: 20, steps: [ { set: { t: '${{ vars.t + vars.t }}' } } ] }\n"
        "  - { set: { u: '${{ [vars.t + \"1\", vars.t + \"2\", vars.t + \"3\", vars.t + \"4\"] }}' } }\n"
        "  - { wait: 1h }\n");
    struct id runs[12];
    for (int i = 0; i < 12; i++)
        runs[i] = world_start("heavy");
    assert_true(active_runs() < 12);
    world_pass(US_PER_HOUR + US_PER_S);
    for (int i = 0; i < 12; i++)
        assert_status(runs[i], "succeeded");
}

/* ---- calls ---- */

static void a_call_without_end_fails_with_timeout_and_its_late_result_changes_nothing(void **state)
{
    (void)state;
    world_publish("playbook: hangs\ntitle: H\nsteps: [ { id: h, do: x.hang, timeout: 10s } ]\n");
    struct id run = world_start("hangs");
    assert_int_equal(engine_world.call_count, 1);
    world_pass(11 * US_PER_S);
    assert_status(run, "failed");
    assert_error(run, "timeout");
    finish_call(0, true);
    world_pass(US_PER_S);
    assert_status(run, "failed");
}

static void a_call_that_does_not_take_its_cancel_is_given_up_and_its_effect_unknown(void **state)
{
    (void)state;
    world_publish("playbook: deaf\ntitle: D\nsteps: [ { id: d, do: x.deaf, timeout: 10s } ]\n");
    struct id run = world_start("deaf");
    world_pass(11 * US_PER_S);
    assert_int_equal(engine_world.cancels, 1);
    assert_status(run, "running");
    world_pass((CALL_GRACE_SECONDS + 1) * US_PER_S);
    assert_status(run, "uncertain");
    finish_call(0, true);
    assert_status(run, "uncertain");
}

static void an_answer_after_the_cancel_is_the_timeouts_when_it_failed_and_its_own_when_it_went_well(
    void **state)
{
    (void)state;
    world_publish("playbook: deaf\ntitle: D\nsteps: [ { id: d, do: x.deaf, timeout: 10s } ]\n");
    struct id bad = world_start("deaf"), good = world_start("deaf");
    world_pass(11 * US_PER_S);
    finish_call(0, false);
    finish_call(1, true);
    world_pass(US_PER_S);
    assert_error(bad, "timeout");
    assert_status(good, "succeeded");
}

static void a_containment_that_can_not_be_cancelled_is_waited_for_then_asked_about(void **state)
{
    (void)state;
    world_publish(
        "playbook: cut\ntitle: C\nsteps:\n"
        "  - parallel: [ [ { id: a, do: x.cut } ], [ { id: b, do: x.hang } ], [ { wait: 1h } ] ]\n");
    struct id run = world_start("cut");
    struct told told = world_cancel(run);
    assert_int_equal(told.result, ERR_OK);
    world_pass(US_PER_S);
    assert_status(run, "running");
    world_pass((CALL_GRACE_SECONDS + 1) * US_PER_S);
    assert_status(run, "uncertain");
}

static void a_call_that_was_cancelled_is_not_cancelled_again(void **state)
{
    (void)state;
    world_publish("playbook: deaf\ntitle: D\nsteps: [ { id: d, do: x.deaf } ]\n");
    struct id run = world_start("deaf");
    assert_int_equal(world_cancel(run).result, ERR_OK);
    (void)world_cancel(run); /* the second is for `finally`; the call has been told */
    world_pass(US_PER_S);
    assert_int_equal(engine_world.cancels, 1);
    finish_call(0, false);
    world_pass(US_PER_S);
    assert_status(run, "cancelled");
}

static void an_action_that_is_gone_fails_its_step_by_name(void **state)
{
    (void)state;
    world_publish("playbook: go\ntitle: G\nsteps: [ { wait: 1m }, { do: x.go } ]\n");
    world_publish("playbook: note\ntitle: N\nsteps: [ { wait: 1m }, { do: x.note } ]\n");
    /* Whenever it goes: before the turn, before the commit, before the call. */
    for (int left = 0; left < 8; left++) {
        struct id go = world_start("go"), note = world_start("note");
        engine_world.actions.finds_left = left;
        world_pass(2 * US_PER_MIN);
        engine_world.actions.finds_left = -1;
        if (left < 3) {
            assert_error(go, "unknown_action");
            assert_error(note, "unknown_action");
        }
    }
}

static void a_call_that_ends_as_it_is_cancelled_ends_its_step(void **state)
{
    (void)state;
    world_publish(
        "playbook: quick\ntitle: Q\nsteps: [ { parallel: [ [ { do: x.quick } ], [ { do: x.quick } ] ] } ]\n");
    struct id run = world_start("quick");
    assert_int_equal(world_cancel(run).result, ERR_OK);
    world_pass(US_PER_S);
    assert_status(run, "cancelled");
    run = world_start("quick");
    world_pass(2 * US_PER_HOUR); /* its own time is over */
    assert_status(run, "failed");
}

static void a_local_action_that_fails_by_its_own_fails_its_step_and_by_the_nodes_is_tried_again(void **state)
{
    (void)state;
    world_publish("playbook: note\ntitle: N\nsteps: [ { do: x.note } ]\n");
    engine_world.apply_fails = ERR_UNAVAILABLE;
    struct id refused = world_start("note");
    world_pass(US_PER_S);
    assert_error(refused, "unavailable");
    engine_world.apply_fails = ERR_CONFLICT;
    struct id told = world_start("note");
    world_pass(US_PER_S);
    assert_error(told, "told");
    engine_world.apply_fails = ERR_IO;
    struct id waiting;
    struct err_info why = { 0 };
    enum err result = world_try_start("note", value_null(), &waiting, &why);
    assert_int_equal(result, ERR_IO); /* its first turn and its beginning are one commit */
    world_publish("playbook: later\ntitle: N\nsteps: [ { wait: 1m }, { do: x.note } ]\n");
    waiting = world_start("later");
    world_pass(2 * US_PER_MIN);
    assert_status(waiting, "waiting");
    engine_world.apply_fails = ERR_OK;
    world_pass(10 * US_PER_MIN);
    assert_status(waiting, "succeeded");
}

static void two_local_actions_of_one_turn_are_both_done_or_neither(void **state)
{
    (void)state;
    world_publish("playbook: two\ntitle: T\nsteps: [ { wait: 1m }, { parallel: [ [ { do: x.note } ], [ { do: "
                  "x.note } ] ] } ]\n");
    struct id run = world_start("two");
    engine_world.fails_left = 1;
    world_pass(2 * US_PER_MIN);
    assert_status(run, "succeeded");
    assert_int_equal(engine_world.applied, 3);
}

static void want_of_memory_without_end_ends_the_run_by_that_name(void **state)
{
    (void)state;
    world_publish("playbook: later\ntitle: N\nsteps: [ { wait: 1m }, { do: x.note } ]\n");
    struct id run = world_start("later");
    engine_world.apply_fails = ERR_MEMORY;
    world_pass(10 * US_PER_MIN);
    assert_error(run, "out_of_memory");
}

static void a_run_that_wants_memory_ends_so_though_memory_for_that_was_wanting_too(void **state)
{
    (void)state;
    struct fault_list list = { 0 };
    world_publish("playbook: later\ntitle: N\nsteps: [ { wait: 1m }, { do: x.note } ]\n");
    for (long i = -1; i < list.count; i++) {
        struct id run = world_start("later");
        engine_world.apply_fails = ERR_MEMORY;
        world_pass(US_PER_MIN);
        if (i < 0)
            faults_look(FAULT_MEMORY);
        else
            faults_refuse(FAULT_MEMORY, list.numbers[i], 0);
        world_pass(US_PER_MIN);
        (void)faults_end();
        if (i < 0)
            list = faults_looked();
        world_pass(10 * US_PER_MIN);
        engine_world.apply_fails = ERR_OK;
        assert_error(run, "out_of_memory");
    }
    assert_true(list.count > 20);
}

static void a_containment_without_a_way_to_end_is_asked_about_as_soon_as_it_is_late(void **state)
{
    (void)state;
    world_publish("playbook: cut\ntitle: C\nsteps: [ { id: c, do: x.cut, timeout: 10s } ]\n");
    struct id run = world_start("cut");
    world_pass(11 * US_PER_S);
    assert_status(run, "uncertain");
}

static void an_action_that_became_local_meanwhile_is_not_called(void **state)
{
    (void)state;
    static const struct action local[] = {
        { .name = STR_INIT("x.go"),
            .kind = ACTION_TICKET,
            .in = &any_record,
            .out = &type_dyn,
            .apply = note_apply },
    };
    world_publish("playbook: go\ntitle: G\nsteps: [ { wait: 1m }, { do: x.go } ]\n");
    /* Before the turn it is done here; between the commit of the turn and the call there is nothing to call.
     */
    for (unsigned steps = 0; steps < 2; steps++) {
        struct id run = world_start("go");
        world_pass(US_PER_MIN - US_PER_S);
        for (unsigned i = 0; i < steps; i++)
            (void)loop_virtual_step(engine_world.loop);
        engine_world.actions.items = local;
        engine_world.actions.count = 1;
        world_pass(US_PER_MIN);
        engine_world.actions.items = actions;
        engine_world.actions.count = sizeof(actions) / sizeof(actions[0]);
        if (steps == 0)
            assert_status(run, "succeeded");
        else
            assert_error(run, "unknown_action");
        assert_int_equal(engine_world.applied, 1);
    }
}

/* ---- subjects ---- */

static void a_case_that_can_not_be_read_is_waited_for(void **state)
{
    (void)state;
    world_publish("playbook: reads\ntitle: R\nsteps: [ { wait: 1h }, { return: '${{ case.title }}' } ]\n");
    struct id run = world_start("reads");
    world_restart();
    engine_world.subjects_fail = ERR_IO;
    world_pass(2 * US_PER_HOUR);
    assert_status(run, "waiting");
    engine_world.subjects_fail = ERR_OK;
    world_pass(US_PER_MIN);
    assert_status(run, "succeeded");
}

static void a_case_that_can_not_be_found_is_waited_for(void **state)
{
    (void)state;
    world_publish("playbook: reads\ntitle: R\nsteps: [ { wait: 1h }, { return: '${{ case.title }}' } ]\n");
    struct id run = world_start("reads");
    world_restart();
    engine_world.find_fails = ERR_IO;
    world_pass(2 * US_PER_HOUR);
    assert_status(run, "waiting");
    engine_world.find_fails = ERR_OK;
    world_pass(US_PER_MIN);
    assert_status(run, "succeeded");
}

static void a_run_without_an_alert_sees_none_and_no_case_of_it(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct err_info why = { 0 };
    struct id run;
    world_publish("playbook: reads\ntitle: R\n"
                  "steps: [ { wait: 1h }, { return: '${{ [alert == null, case == null] }}' } ]\n");
    test_check(world_try_start_of(ID_NONE, "reads", value_null(), &run, &why), &why);
    world_restart();
    world_pass(2 * US_PER_HOUR);
    assert_status(run, "succeeded");
    struct value output = value_get(world_show(run, &arena), STR("output"));
    assert_int_equal(output.size, 2);
    assert_true(output.items[0].boolean && output.items[1].boolean);
}

static void without_an_audit_nothing_is_audited(void **state)
{
    (void)state;
    engine_world.subjects.audit = NULL;
    world_publish(waits);
    world_publish("playbook: block\ntitle: B\nsteps: [ { do: x.block, for: 30m } ]\n");
    struct id run = world_start("waits"), block = world_start("block");
    assert_int_equal(world_cancel(run).result, ERR_OK);
    world_pass(US_PER_HOUR);
    assert_status(run, "cancelled");
    assert_status(block, "succeeded");
}

static void a_containment_begins_once_its_audit_row_has_room(void **state)
{
    (void)state;
    world_publish("playbook: block\ntitle: B\nsteps: [ { wait: 1m }, { do: x.block, for: 30m } ]\n");
    struct id run = world_start("block");
    engine_world.is_full = true;
    world_pass(2 * US_PER_MIN);
    assert_status(run, "running");
    engine_world.is_full = false;
    world_pass(US_PER_MIN);
    assert_status(run, "succeeded");
}

static enum err list_containments(void *context, struct store_conn *conn, struct err_info *why)
{
    const struct list_query query = { .tenant = TENANT_DEFAULT };
    struct reading *reading = context;
    return containment_list(conn, &query, reading->arena, &reading->shown, why);
}

/* There is one, undone by x.go. */
static void assert_containment(const char *status)
{
    AUTO(arena) struct arena arena = { 0 };
    struct err_info why = { 0 };
    struct reading reading = { .arena = &arena };
    test_check(store_read_wait(engine_world.store, list_containments, &reading, &why), &why);
    struct value items = value_get(reading.shown, STR("items"));
    assert_int_equal(items.size, 1);
    assert_true(value_is_text(value_get(items.items[0], STR("undo")), STR("x.go")));
    assert_true(value_is_text(value_get(items.items[0], STR("status")), str_of(status)));
}

static void a_containment_ends_though_its_action_had_gone_when_its_answer_came(void **state)
{
    (void)state;
    world_publish("playbook: hold\ntitle: H\nsteps: [ { do: x.hold, for: 30m } ]\n");
    struct id run = world_start("hold");
    engine_world.actions.finds_left = 0;
    finish_call(0, true);
    world_pass(US_PER_S);
    assert_status(run, "succeeded");
    assert_containment("active");
    engine_world.actions.finds_left = -1;
    world_pass(US_PER_HOUR);
    assert_containment("ended");
}

static void a_run_sees_alert_and_case_as_they_are_when_it_is_loaded(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    world_publish("playbook: reads\ntitle: R\nsteps:\n"
                  "  - { wait: 1h }\n"
                  "  - { do: x.note }\n"
                  "  - { return: '${{ [alert.title, case.title] }}' }\n");
    struct id run = world_start("reads");
    world_restart();
    world_pass(2 * US_PER_HOUR);
    assert_status(run, "succeeded");
    struct value output = value_get(world_show(run, &arena), STR("output"));
    assert_int_equal(output.size, 2);
    assert_true(value_is_text(output.items[0], STR("the alert")));
    assert_true(value_is_text(output.items[1], STR("the case")));
}

/* ---- the disk ---- */

static void a_decision_waits_for_the_disk_and_a_stop_meanwhile_loses_nothing_that_was_acknowledged(
    void **state)
{
    (void)state;
    world_publish(waits);
    struct id run = world_start("waits");
    engine_world.is_full = true;
    struct told told = told_new();
    engine_cancel_run(engine_world.engine, TENANT_DEFAULT, run, STR("tester"), STR("x"), &told.reply);
    world_pass(5 * US_PER_S);
    assert_false(told.is_told);
    assert_status(run, "waiting");
    engine_world.is_full = false;
    world_pass(2 * US_PER_S);
    assert_true(told.is_told);
    assert_status(run, "cancelled");

    run = world_start("waits");
    engine_world.is_full = true;
    struct told late = told_new();
    engine_cancel_run(engine_world.engine, TENANT_DEFAULT, run, STR("tester"), STR("x"), &late.reply);
    world_pass(5 * US_PER_S);
    world_restart();
    engine_world.is_full = false;
    world_pass(2 * US_PER_HOUR);
    assert_true(!late.is_told || late.result != ERR_OK);
    assert_status(run, "succeeded");
}

/* ---- what is read by others ---- */

static void a_run_of_another_tenant_or_of_nobody_is_not_found(void **state)
{
    (void)state;
    struct watching other;
    world_publish(waits);
    struct id run = world_start("waits");
    watch(&other, run, false);
    engine_unwatch(engine_world.engine, &other.watch);
    other = (struct watching){
        .watch = { .ended = ended, .reply_to = engine_world.loop, .run_id = run, .tenant = 2 }
    };
    engine_watch(engine_world.engine, &other.watch);
    world_pass(US_PER_S);
    assert_int_equal(other.told, 1); /* as of a run that does not exist */
    struct told told = told_new();
    engine_cancel_run(engine_world.engine, 2, run, STR("x"), STR("x"), &told.reply);
    world_pass(US_PER_S);
    assert_true(told.is_told);
    assert_int_equal(told.result, ERR_NOT_FOUND);
    told = world_cancel((struct id){ { 4, 5, 6 } });
    assert_int_equal(told.result, ERR_NOT_FOUND);
    assert_status(run, "waiting");
}

static void statuses_have_words_and_moves(void **state)
{
    (void)state;
    enum run_status status = RUN_QUEUED;
    assert_string_equal(run_status_name((enum run_status)77), "unknown");
    assert_string_equal(step_status_name((enum step_status)77), "unknown");
    assert_string_equal(step_status_name(STEP_SKIPPED), "skipped");
    assert_true(run_status_parse(STR("uncertain"), &status));
    assert_int_equal(status, RUN_UNCERTAIN);
    assert_false(run_status_parse(STR("lost"), &status));
    assert_true(run_status_can_move(RUN_SUCCEEDED, RUN_SUCCEEDED));
    assert_false(run_status_can_move(RUN_SUCCEEDED, RUN_RUNNING));
    assert_true(run_status_can_move(RUN_FAILED, RUN_RUNNING));
}

/* ---- warm runs ---- */

static enum err record(struct engine_offer *offer, uint32_t index, struct store_conn *conn,
    enum event_fate *ret_fate, struct err_info *why)
{
    (void)offer, (void)index, (void)conn, (void)why; /* nobody reads events back */
    *ret_fate = FATE_RUN;
    return ERR_OK;
}

static void accepted(struct engine_offer *offer, enum err result, const struct err_info *why)
{
    (void)offer;
    test_check(result, why);
}

/* While the store is asked for its message the oldest warm run is where it is, though others need the room.
 */
static void a_run_that_something_happens_to_is_not_put_out_of_memory(void **state)
{
    (void)state;
    for (int steps = 0; steps < 8; steps++) {
        struct arena arena = { 0 };
        struct engine_event event = { .event_id = { { 1 } }, .event = value_int(1) };
        world_open();
        world_publish(waits);
        world_publish("playbook: event\ntitle: E\nsteps: [ { wait: { event: it.event == 1 } } ]\n");
        struct id run = world_start("event");
        for (unsigned i = 0; i < RUNS_WARM_MAX - 1; i++)
            (void)world_start("waits");
        struct engine_offer offer = { .tenant = TENANT_DEFAULT,
            .source = STR("test"),
            .events = &event,
            .event_count = 1,
            .arena = &arena,
            .record = record,
            .accepted = accepted,
            .reply_to = engine_world.loop };
        engine_offer(engine_world.engine, &offer);
        struct told told[4];
        struct engine_start_request request = {
            .tenant = TENANT_DEFAULT, .playbook = STR("waits"), .actor = STR("t")
        };
        for (int i = 0; i < steps; i++)
            (void)loop_virtual_step_job(engine_world.loop);
        for (int i = 0; i < 4; i++) {
            told[i] = told_new();
            engine_start_run(engine_world.engine, &request, &told[i].reply);
            (void)loop_virtual_step_job(engine_world.loop);
        }
        world_pass(US_PER_S);
        assert_status(run, "succeeded");
        world_close();
        arena_done(&arena);
    }
}

/* ---- beginning and end ---- */

static bool try_threads(void)
{
    struct engine_world *world = &engine_world;
    struct err_info why = { 0 };
    struct engine *engine = NULL;
    struct engine_options options = { .clock = clock_system(),
        .rand = rand_system(),
        .store = world->store,
        .catalogues = &world->actions.source,
        .shard_count = 2 };
    enum err result = engine_new(&options, &engine, &why);
    if (result == ERR_OK)
        result = engine_start(engine, &why);
    engine_free(engine);
    return result == ERR_OK;
}

static void an_engine_that_lacks_something_is_not_made_and_leaves_nothing(void **state)
{
    (void)state;
    const enum fault_kind kinds[] = { FAULT_MEMORY, FAULT_SYSTEM };
    for (int k = 0; k < 2; k++) {
        faults_look(kinds[k]);
        assert_true(try_threads());
        const struct fault_list list = faults_looked();
        assert_true(list.count > 2);
        for (long i = 0; i < list.count; i++) {
            faults_refuse(kinds[k], list.numbers[i], 0);
            bool is_made = try_threads();
            bool has_struck = faults_end();
            assert_true(is_made || has_struck);
        }
    }
}

static void an_engine_whose_host_can_not_be_made_is_not_made(void **state)
{
    (void)state;
    struct err_info why = { 0 };
    world_close_engine();
    engine_world.host_fails = true;
    assert_int_equal(world_try_engine(&why), ERR_IO);
    assert_string_equal(why.text, "no host");
    world_close_engine();
    engine_world.host_fails = false;
    test_check(world_try_engine(&why), &why);
}

static void what_is_asked_of_a_stopped_engine_is_refused(void **state)
{
    (void)state;
    struct err_info why = { 0 };
    struct id run;
    world_publish(waits);
    run = world_start("waits");
    engine_stop(engine_world.engine);
    assert_int_equal(world_try_start("waits", value_null(), &run, &why), ERR_UNAVAILABLE);
}

/* ---- memory is wanting ---- */

/* What happens to runs in it takes all the ways of the scheduler: cut off, woken, cancelled, loaded, undone.
 */
static bool play_disturbed(enum fault_kind kind, long number)
{
    struct err_info why = { 0 };
    struct id runs[6] = { 0 };
    struct watching watching = { 0 };
    static const char *const names[] = { "hangs", "waits", "block", "deaf", "both", "reads" };
    world_open();
    world_publish(waits);
    world_publish("playbook: hangs\ntitle: H\nsteps: [ { id: h, do: x.hang, timeout: 10s } ]\n");
    world_publish("playbook: block\ntitle: B\nsteps: [ { do: x.block, for: 30m }, { do: x.note } ]\n");
    world_publish("playbook: deaf\ntitle: D\n"
                  "steps: [ { id: d, do: x.deaf, timeout: 10s, with: { text: '${{ \"a\" + \"b\" }}' } } ]\n");
    world_publish("playbook: reads\ntitle: R\n"
                  "steps: [ { wait: 1h }, { return: '${{ alert.title + case.title }}' } ]\n");
    world_publish(
        "playbook: both\ntitle: B\nsteps: [ { parallel: [ [ { do: x.go } ], [ { do: x.go } ] ] } ]\n");
    world_publish("playbook: often\ntitle: O\ntriggers: [ { schedule: '*/20 * * * *' } ]\n"
                  "steps: [ { do: x.note } ]\n");
    if (number < 0)
        faults_look(kind);
    else
        faults_refuse(kind, number, 13 /* SQLITE_FULL */);
    for (int i = 0; i < 6; i++)
        (void)world_try_start(names[i], value_null(), &runs[i], &why); /* ID_NONE: refused */
    watch(&watching, runs[1], true);
    for (int i = 0; i < 6; i++) /* messages that say nothing */
        (void)world_try_sql("INSERT INTO engine_inbox (tenant, run_id, kind, frame, object, payload)"
                            " SELECT 1, id, 6, 77, NULL, x'0001060161' FROM engine_runs WHERE status = 2",
            &why);
    engine_lost(engine_world.engine);
    engine_lost(engine_world.engine); /* the first is on its way */
    world_pass(3 * US_PER_MIN);
    world_close_engine();
    bool is_up = world_try_engine(&why) == ERR_OK;
    if (!is_up) { /* and is started once more */
        world_close_engine();
        test_check(world_try_engine(&why), &why);
    }
    if (!id_is_none(runs[3]))
        (void)world_cancel(runs[3]);
    world_pass(3 * US_PER_HOUR);
    bool has_struck = faults_end();
    world_pass(US_PER_HOUR);
    /* Whatever was wanting: what was begun has come as far as it can. */
    if (!id_is_none(runs[0]))
        assert_error(runs[0], "timeout");
    if (!id_is_none(runs[1]))
        assert_status(runs[1], "succeeded");
    if (!id_is_none(runs[2]))
        assert_status(runs[2], "succeeded");
    if (!id_is_none(runs[4]))
        assert_status(runs[4], "succeeded");
    if (!id_is_none(runs[5]))
        assert_status(runs[5], "succeeded");
    world_close();
    return has_struck;
}

static void runs_come_as_far_as_they_can_whatever_is_refused_once(void **state)
{
    (void)state;
    for (int kind = FAULT_MEMORY; kind <= FAULT_STORE; kind++) {
        (void)play_disturbed((enum fault_kind)kind, -1);
        const struct fault_list list = faults_looked();
        assert_true(list.count > 20);
        for (long i = 0; i < list.count; i++)
            (void)play_disturbed((enum fault_kind)kind, list.numbers[i]);
    }
}

/* A run so long that its state is written whole on its way. */
static void play_long(long number)
{
    struct err_info why = { 0 };
    struct id run = ID_NONE;
    world_open();
    world_publish("playbook: long\ntitle: L\nsteps:\n"
                  "  - { set: { i: 0 } }\n"
                  "  - { while: vars.i < 1100, max: 2000, steps: [ { set: { i: '${{ vars.i + 1 }}' } }, { "
                  "do: x.go } ] }\n");
    if (number < 0)
        faults_look(FAULT_MEMORY);
    else
        faults_refuse(FAULT_MEMORY, number, 0);
    (void)world_try_start("long", value_null(), &run, &why); /* ID_NONE: refused */
    world_pass(US_PER_HOUR);
    (void)faults_end();
    world_pass(US_PER_HOUR);
    if (!id_is_none(run))
        assert_status(run, "succeeded");
    world_close();
}

static void a_long_run_is_written_whole_on_its_way_whatever_is_refused_once(void **state)
{
    (void)state;
    play_long(-1);
    const struct fault_list list = faults_looked();
    for (long i = 0; i < list.count; i++)
        play_long(list.numbers[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_make, world_drop)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(parked_runs_beyond_the_limit_leave_memory_and_all_come_back_in_time),
        TEST(a_restart_finds_all_that_is_due),
        TEST(timers_fire_however_much_a_shard_has_at_the_store),
        TEST(a_parked_run_that_weighs_too_much_leaves_memory_at_once),
        TEST(a_call_without_end_fails_with_timeout_and_its_late_result_changes_nothing),
        TEST(a_call_that_does_not_take_its_cancel_is_given_up_and_its_effect_unknown),
        TEST(an_answer_after_the_cancel_is_the_timeouts_when_it_failed_and_its_own_when_it_went_well),
        TEST(a_containment_that_can_not_be_cancelled_is_waited_for_then_asked_about),
        TEST(a_call_that_was_cancelled_is_not_cancelled_again),
        TEST(an_action_that_is_gone_fails_its_step_by_name),
        TEST(a_local_action_that_fails_by_its_own_fails_its_step_and_by_the_nodes_is_tried_again),
        TEST(a_run_sees_alert_and_case_as_they_are_when_it_is_loaded),
        TEST(a_decision_waits_for_the_disk_and_a_stop_meanwhile_loses_nothing_that_was_acknowledged),
        TEST(an_engine_whose_host_can_not_be_made_is_not_made),
        TEST(what_is_asked_of_a_stopped_engine_is_refused),
        TEST(a_call_that_ends_as_it_is_cancelled_ends_its_step),
        TEST(two_local_actions_of_one_turn_are_both_done_or_neither),
        TEST(want_of_memory_without_end_ends_the_run_by_that_name),
        TEST(a_run_that_wants_memory_ends_so_though_memory_for_that_was_wanting_too),
        TEST(a_containment_without_a_way_to_end_is_asked_about_as_soon_as_it_is_late),
        TEST(an_action_that_became_local_meanwhile_is_not_called),
        TEST(a_case_that_can_not_be_read_is_waited_for),
        TEST(a_case_that_can_not_be_found_is_waited_for),
        TEST(a_run_without_an_alert_sees_none_and_no_case_of_it),
        TEST(without_an_audit_nothing_is_audited),
        TEST(a_containment_begins_once_its_audit_row_has_room),
        TEST(a_containment_ends_though_its_action_had_gone_when_its_answer_came),
        TEST(a_run_of_another_tenant_or_of_nobody_is_not_found),
        cmocka_unit_test(statuses_have_words_and_moves),
        cmocka_unit_test(a_run_that_something_happens_to_is_not_put_out_of_memory),
        TEST(an_engine_that_lacks_something_is_not_made_and_leaves_nothing),
        cmocka_unit_test(a_long_run_is_written_whole_on_its_way_whatever_is_refused_once),
        cmocka_unit_test(runs_come_as_far_as_they_can_whatever_is_refused_once),
    };
    return cmocka_run_group_tests_name("engine_scheduler", tests, NULL, NULL);
}
