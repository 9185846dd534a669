/* An engine on a virtual loop over a store in memory, with actions that do what the test says. */
#ifndef TOCSIN_TESTS_ENGINE_WORLD_H
#define TOCSIN_TESTS_ENGINE_WORLD_H

#include <fcntl.h>

#include "action_table.h"
#include "store_helpers.h"

#include "base/container.h"
#include "engine/engine.h"
#include "io/loop_virtual.h"

#define ENGINE_CALLS_MAX 64

/* ---- the world ---- */

struct engine_world {
    struct action_table actions;
    struct engine_subjects subjects;
    struct clock_manual clock;
    struct rand_seeded rand;
    struct log log;
    struct store *store;
    struct loop *loop;
    struct engine *engine;
    struct action_call *calls[ENGINE_CALLS_MAX]; /* out, of those that hang */
    unsigned call_count, cancels, applied, hosts, observed;
    bool is_full; /* no room for audit rows */
    bool host_fails;
    enum err apply_fails; /* how x.note ends; ERR_OK: well */
    unsigned fails_left; /* of x.note, then it ends well */
    enum err subjects_fail; /* how the case is read */
    enum err find_fails; /* how the alert's case is found */
};

/* cmocka has no context for what the engine calls with none. */
static struct engine_world engine_world;

/* ---- actions: go succeeds soon, hang, cut and hold never end by themselves, note is local ---- */

struct landing {
    struct loop_job job;
    struct action_call *call;
};

static void land(struct loop_job *job)
{
    struct action_call *call = ((struct landing *)job)->call;
    struct action_result result = { .is_ok = true, .output = value_int(5), .effect = ACTION_ANSWERED };
    call->finish(call, &result);
}

static void go_start(const struct action *action, struct action_call *call)
{
    /* Not of the call's memory, so that a tool does not hang because the node lacks some. */
    static struct landing landings[ENGINE_CALLS_MAX];
    static unsigned next;
    struct landing *landing = &landings[next++ % ENGINE_CALLS_MAX];
    (void)action;
    *landing = (struct landing){ .job = { .run = land }, .call = call };
    loop_post(call->loop, &landing->job);
}

static void hang_start(const struct action *action, struct action_call *call)
{
    (void)action;
    assert_true(engine_world.call_count < ENGINE_CALLS_MAX);
    engine_world.calls[engine_world.call_count++] = call;
}

static void hang_cancel(const struct action *action, struct action_call *call)
{
    (void)action, (void)call; /* it takes note and goes on hanging */
    engine_world.cancels++;
}

static enum err note_apply(const struct action *action, struct action_call *call, struct store_conn *conn,
    struct value *ret_output, struct err_info *why)
{
    (void)action, (void)call, (void)conn;
    engine_world.applied++;
    if (engine_world.apply_fails == ERR_CONFLICT)
        return err_named(why, ERR_CONFLICT, "told", "it was told to fail");
    if (engine_world.apply_fails != ERR_OK)
        return err_set(why, engine_world.apply_fails, "it was told to fail");
    if (engine_world.fails_left > 0) {
        engine_world.fails_left--;
        return err_set(why, ERR_IO, "it was told to fail");
    }
    struct value_list_builder list = { 0 };
    value_list_begin(&list, call->arena);
    TRY(value_list_add(&list, value_int(2), why));
    *ret_output = value_list_end(&list);
    return ERR_OK;
}

static void quick_cancel(const struct action *action, struct action_call *call)
{
    struct action_result result = { .effect = ACTION_ANSWERED,
        .error = { STR("cancelled"), STR("at once"), false } };
    (void)action;
    call->finish(call, &result);
}

static const struct action actions[] = {
    { .name = STR_INIT("x.go"),
        .kind = ACTION_ENRICH,
        .is_idempotent = true,
        .in = &any_record,
        .out = &type_dyn,
        .start = go_start },
    { .name = STR_INIT("x.hang"),
        .kind = ACTION_ENRICH,
        .is_idempotent = true,
        .in = &any_record,
        .out = &type_dyn,
        .start = hang_start },
    { .name = STR_INIT("x.cut"),
        .kind = ACTION_CONTAIN,
        .in = &any_record,
        .out = &type_dyn,
        .start = hang_start },
    { .name = STR_INIT("x.deaf"),
        .kind = ACTION_CONTAIN,
        .in = &any_record,
        .out = &type_dyn,
        .start = hang_start,
        .cancel = hang_cancel },
    { .name = STR_INIT("x.quick"),
        .kind = ACTION_CONTAIN,
        .in = &any_record,
        .out = &type_dyn,
        .start = hang_start,
        .cancel = quick_cancel },
    { .name = STR_INIT("x.note"),
        .kind = ACTION_TICKET,
        .in = &any_record,
        .out = &type_dyn,
        .apply = note_apply },
    { .name = STR_INIT("x.block"),
        .kind = ACTION_CONTAIN,
        .is_idempotent = true,
        .in = &any_record,
        .out = &type_dyn,
        .start = go_start,
        .undo = STR_INIT("x.hang") },
    { .name = STR_INIT("x.hold"),
        .kind = ACTION_CONTAIN,
        .in = &any_record,
        .out = &type_dyn,
        .start = hang_start,
        .undo = STR_INIT("x.go") },
};
/* ---- subjects: each alert is in the case { 7 } ---- */

static const struct id the_case = { { 7 } };

static FALLIBLE titled(const char *title, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_map_builder map = { 0 };
    value_map_begin(&map, arena);
    TRY(value_map_set(&map, "title", value_string(str_of(title)), why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

static enum err load_alert(struct engine_subjects *subjects, struct store_conn *conn, int64_t tenant,
    struct id id, struct arena *arena, struct value *ret, struct err_info *why)
{
    (void)subjects, (void)conn, (void)tenant, (void)id;
    return titled("the alert", arena, ret, why);
}

static enum err load_case(struct engine_subjects *subjects, struct store_conn *conn, int64_t tenant,
    struct id id, struct arena *arena, struct value *ret, struct err_info *why)
{
    (void)subjects, (void)conn, (void)tenant;
    assert_true(id_equal(id, the_case));
    if (engine_world.subjects_fail != ERR_OK)
        return err_set(why, engine_world.subjects_fail, "the case can't be read");
    return titled("the case", arena, ret, why);
}

static enum err find_case(struct engine_subjects *subjects, struct store_conn *conn, int64_t tenant,
    struct id alert, struct id *ret_case, struct err_info *why)
{
    (void)subjects, (void)conn, (void)tenant, (void)alert;
    if (engine_world.find_fails != ERR_OK)
        return err_set(why, engine_world.find_fails, "the case can't be found");
    *ret_case = the_case;
    return ERR_OK;
}

static enum err audit(struct engine_subjects *subjects, struct store_conn *conn, int64_t tenant,
    struct str actor, struct str operation, struct str object_kind, struct id object, struct value detail,
    struct err_info *why)
{
    (void)subjects, (void)conn, (void)tenant, (void)actor, (void)operation, (void)object_kind, (void)object;
    (void)detail;
    return engine_world.is_full ? err_set(why, ERR_FULL, "the disk is full") : ERR_OK;
}

/* ---- life ---- */

static enum err make_host(
    void *context, struct loop *loop, unsigned shard, void **ret_host, struct err_info *why)
{
    (void)loop, (void)shard;
    if (engine_world.host_fails)
        return err_set(why, ERR_IO, "no host");
    engine_world.hosts++;
    *ret_host = context;
    return ERR_OK;
}

static void free_host(void *context, void *host)
{
    (void)context, (void)host;
    engine_world.hosts--;
}

static void observe(void *context, const struct engine_observation *observation)
{
    (void)context, (void)observation;
    engine_world.observed++;
}

static FALLIBLE world_try_engine(struct err_info *why)
{
    struct engine_world *world = &engine_world;
    TRY(loop_virtual_new(&world->clock, &world->loop, why));
    struct engine_options options = { .clock = &world->clock.clock,
        .rand = &world->rand.rand,
        .log = &world->log,
        .store = world->store,
        .catalogues = &world->actions.source,
        .subjects = &world->subjects,
        .make_host = make_host,
        .free_host = free_host,
        .host_context = world,
        .observe = observe,
        .observe_details = true,
        .inline_loop = world->loop };
    TRY(engine_new(&options, &world->engine, why));
    return engine_start(world->engine, why);
}

UNUSED static void world_close_engine(void)
{
    engine_free(engine_world.engine);
    engine_world.engine = NULL;
    if (engine_world.loop)
        (void)loop_drain(engine_world.loop);
    loop_free(engine_world.loop);
    engine_world.loop = NULL;
    engine_world.call_count = 0;
}

/* As after the end of the process: what was in memory is gone, calls that were out too. */
UNUSED static void world_restart(void)
{
    struct err_info why = { 0 };
    world_close_engine();
    test_check(world_try_engine(&why), &why);
}

UNUSED static void world_open(void)
{
    static const struct store_migration *const lists[] = { store_migrations, engine_migrations, NULL };
    struct engine_world *world = &engine_world;
    struct err_info why = { 0 };
    *world = (struct engine_world){ .actions = ACTION_TABLE(actions),
        .subjects = { load_alert, load_case, find_case, audit },
        .log = { .level = LOG_DEBUG, .fd = open("/dev/null", O_WRONLY | O_CLOEXEC) } };
    assert_true(world->log.fd >= 0);
    clock_manual_init(&world->clock, (struct instant){ INT64_C(1767225600000000) });
    rand_seeded_init(&world->rand, 3);
    world->log.clock = &world->clock.clock;
    world->store = test_store_open(NULL, NULL,
        (struct store_options){ .migrations = lists, .is_inline = true, .clock = &world->clock.clock });
    test_check(world_try_engine(&why), &why);
}

UNUSED static void world_close(void)
{
    world_close_engine();
    store_close(engine_world.store);
    close(engine_world.log.fd);
    assert_int_equal(engine_world.hosts, 0);
}

UNUSED static int world_make(void **state)
{
    world_open();
    *state = &engine_world;
    return 0;
}

UNUSED static int world_drop(void **state)
{
    (void)state;
    world_close();
    return 0;
}

/* ---- what is done in it ---- */

UNUSED static void world_pass(int64_t us)
{
    loop_virtual_run_to(engine_world.loop, (struct instant){ engine_world.clock.at.us + us });
}

UNUSED static enum err world_try_publish_of(int64_t tenant, const char *text, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    uint32_t version = 0;
    diagnostics_init(&found, &arena, STR("test"));
    enum err result = engine_publish(
        engine_world.engine, tenant, STR("tester"), str_of(text), true, &found, &version, why);
    if (result == ERR_INVALID && found.count > 0)
        fail_msg("%.*s", STR_ARG(found.items[0].text));
    return result;
}

UNUSED static enum err world_try_publish(const char *text, struct err_info *why)
{
    return world_try_publish_of(TENANT_DEFAULT, text, why);
}

UNUSED static void world_publish(const char *text)
{
    struct err_info why = { 0 };
    test_check(world_try_publish(text, &why), &why);
}

struct told {
    struct engine_reply reply;
    enum err result;
    struct err_info why;
    bool is_told;
};

static void tell(struct engine_reply *reply, enum err result, const struct err_info *why)
{
    struct told *told = CONTAINER_OF(reply, struct told, reply);
    assert_false(told->is_told);
    told->is_told = true;
    told->result = result;
    if (why)
        told->why = *why;
}

UNUSED static struct told told_new(void)
{
    return (struct told){ .reply = { .done = tell, .reply_to = engine_world.loop } };
}

/* Of an alert; ID_NONE: without. */
UNUSED static enum err world_try_start_of(
    struct id alert, const char *playbook, struct value inputs, struct id *ret, struct err_info *why)
{
    struct told told = told_new();
    struct engine_start_request request = { .tenant = TENANT_DEFAULT,
        .playbook = str_of(playbook),
        .inputs = inputs,
        .alert_id = alert,
        .actor = STR("tester") };
    engine_start_run(engine_world.engine, &request, &told.reply);
    for (int i = 0; i < 1000 && !told.is_told; i++)
        (void)loop_virtual_step(engine_world.loop);
    assert_true(told.is_told);
    *why = told.why;
    *ret = told.reply.run_id;
    return told.result;
}

UNUSED static enum err world_try_start(
    const char *playbook, struct value inputs, struct id *ret, struct err_info *why)
{
    return world_try_start_of((struct id){ { 9 } }, playbook, inputs, ret, why);
}

UNUSED static struct id world_start(const char *playbook)
{
    struct err_info why = { 0 };
    struct id run = ID_NONE;
    test_check(world_try_start(playbook, value_null(), &run, &why), &why);
    return run;
}

struct reading {
    struct id run;
    struct arena *arena;
    struct value shown;
};

static enum err show_apply(void *context, struct store_conn *conn, struct err_info *why)
{
    struct reading *reading = context;
    return run_brief(conn, TENANT_DEFAULT, reading->run, reading->arena, &reading->shown, why);
}

/* The run as lists show it, in `arena`. */
UNUSED static struct value world_show(struct id run, struct arena *arena)
{
    struct err_info why = { 0 };
    struct reading reading = { .run = run, .arena = arena };
    test_check(store_read_wait(engine_world.store, show_apply, &reading, &why), &why);
    return reading.shown;
}

UNUSED static void assert_status(struct id run, const char *status)
{
    AUTO(arena) struct arena arena = { 0 };
    struct value got = value_get(world_show(run, &arena), STR("status"));
    if (!value_is_text(got, str_of(status)))
        fail_msg("the run is %.*s, not %s", STR_ARG(value_str(got)), status);
}

UNUSED static void assert_error(struct id run, const char *code)
{
    AUTO(arena) struct arena arena = { 0 };
    struct value got = value_get(value_get(world_show(run, &arena), STR("error")), STR("code"));
    if (!value_is_text(got, str_of(code)))
        fail_msg("the error is %.*s, not %s", value_is(got, VALUE_STRING) ? (int)got.size : 4,
            value_is(got, VALUE_STRING) ? got.bytes : "null", code);
}

static enum err sql_apply(void *context, struct store_conn *conn, struct err_info *why)
{
    const struct sql sql = { context, NULL };
    int64_t changed = 0;
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open_text(&rows, conn, str_of(sql.text), SQL_NO_ARGS, why));
    while (rows_next(&rows))
        changed++;
    return rows_end(&rows, why);
}

UNUSED static enum err world_try_sql(const char *text, struct err_info *why)
{
    return store_write_wait(engine_world.store, sql_apply, (void *)(uintptr_t)text, why);
}

/* Behind the engine's back. */
UNUSED static void world_sql(const char *text)
{
    struct err_info why = { 0 };
    test_check(world_try_sql(text, &why), &why);
}

static enum err count_apply(void *context, struct store_conn *conn, struct err_info *why)
{
    struct reading *reading = context;
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open_text(&rows, conn, value_str(reading->shown), SQL_NO_ARGS, why));
    assert_true(rows_next(&rows));
    reading->shown = value_int(rows_int(&rows, 0));
    assert_false(rows_next(&rows));
    return rows_end(&rows, why);
}

/* The one number that a query gives. */
UNUSED static int64_t world_count(const char *query)
{
    struct err_info why = { 0 };
    struct reading reading = { .shown = value_string(str_of(query)) };
    test_check(store_read_wait(engine_world.store, count_apply, &reading, &why), &why);
    return reading.shown.integer;
}

UNUSED static struct told world_cancel(struct id run)
{
    struct told told = told_new();
    engine_cancel_run(engine_world.engine, TENANT_DEFAULT, run, STR("tester"), STR("enough"), &told.reply);
    for (int i = 0; i < 1000 && !told.is_told && loop_virtual_step(engine_world.loop); i++)
        ;
    return told;
}

/* Of those that hang, by the order in which they went out. */
UNUSED static void finish_call(unsigned number, bool is_ok)
{
    struct action_call *call = engine_world.calls[number];
    struct action_result result = { .is_ok = is_ok, .output = value_int(7), .effect = ACTION_ANSWERED };
    if (!is_ok)
        result.error = (struct action_error){ STR("late"), STR("late"), false };
    call->finish(call, &result);
}

UNUSED static uint64_t active_runs(void)
{
    struct engine_metrics metrics;
    engine_metrics(engine_world.engine, &metrics);
    return metrics.runs_active;
}

UNUSED static const char waits[] = "playbook: waits\ntitle: Waits\nsteps: [ { wait: 1h }, { return: 1 } ]\n";

/* ---- watches ---- */

struct watching {
    struct engine_watch watch;
    unsigned told;
    enum run_status status;
};

static void ended(struct engine_watch *watch, enum run_status status)
{
    struct watching *watching = CONTAINER_OF(watch, struct watching, watch);
    watching->told++;
    watching->status = status;
}

UNUSED static void watch(struct watching *watching, struct id run, bool or_waiting)
{
    *watching = (struct watching){ .watch = { .ended = ended,
                                       .reply_to = engine_world.loop,
                                       .run_id = run,
                                       .tenant = TENANT_DEFAULT,
                                       .or_waiting = or_waiting } };
    engine_watch(engine_world.engine, &watching->watch);
}

#endif
