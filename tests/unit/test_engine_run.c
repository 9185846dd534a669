/* A run's state is a fold of its journal: whatever the interpreter did, records and snapshots give the same
 * state again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/start.h"
#include "engine/turn.h"

#define TURNS_MAX 300

/* ---- actions: x.go succeeds, x.no fails, both when they are told ---- */

static void never_started(const struct action *action, struct action_call *call)
{
    (void)action, (void)call;
    fail_msg("the interpreter starts no calls");
}

static const struct type any_record = { .kind = TYPE_RECORD, .is_open = true };
static const struct action actions[] = {
    { .name = STR_INIT("x.go"),
        .kind = ACTION_ENRICH,
        .is_idempotent = true,
        .in = &any_record,
        .out = &type_dyn,
        .start = never_started },
    { .name = STR_INIT("x.no"),
        .kind = ACTION_ENRICH,
        .is_idempotent = true,
        .in = &any_record,
        .out = &type_dyn,
        .start = never_started },
};

static const struct action *find_action(const struct catalogue *catalogue, struct str name)
{
    (void)catalogue; /* there is one */
    return str_equal(name, actions[0].name) ? &actions[0]
        : str_equal(name, actions[1].name)  ? &actions[1]
                                            : NULL;
}

static const struct catalogue catalogue = { .find = find_action };

static const struct catalogue *acquire(struct catalogue_source *source)
{
    (void)source; /* it needs no state */
    return &catalogue;
}

static void release(struct catalogue_source *source, const struct catalogue *released)
{
    (void)source, (void)released; /* a constant */
}

/* ---- a run and its journal ---- */

struct record {
    char *bytes;
    size_t size;
};

struct world {
    struct catalogue_source source;
    struct clock_manual clock;
    struct rand_seeded rand;
    struct turn_world turn;
    struct playbook_version *version;
    struct run *run;
    struct record records[TURNS_MAX];
    unsigned count;
};

static void check(enum err result, const struct err_info *why)
{
    if (result != ERR_OK)
        fail_msg("%s: %s", err_word(result), why ? why->text : "");
}

static void open_world(struct world *world, const char *text)
{
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    struct err_info why = { 0 };
    struct playbook *playbook = NULL;
    *world = (struct world){ .source = { acquire, release } };
    clock_manual_init(&world->clock, (struct instant){ INT64_C(1767225600000000) });
    rand_seeded_init(&world->rand, 3);
    world->turn = (struct turn_world){ .catalogues = &world->source,
        .clock = &world->clock.clock,
        .rand = &world->rand.rand,
        .shard_count = 1 };
    diagnostics_init(&found, &arena, STR("test"));
    enum err result = playbook_parse(str_of(text), NULL, &found, &playbook, &why);
    if (result != ERR_OK && found.count > 0)
        fail_msg("%.*s", STR_ARG(found.items[0].text));
    check(result, &why);
    check(playbook_version_new(1, 7, 1, playbook, &world->version, &why), &why);
}

static void close_world(struct world *world)
{
    for (unsigned i = 0; i < world->count; i++)
        free(world->records[i].bytes);
    run_free(world->run);
    playbook_version_release(world->version);
}

static void keep_record(struct world *world, const struct turn *turn)
{
    assert_true(world->count < TURNS_MAX);
    struct record *record = &world->records[world->count++];
    record->size = turn->record.size;
    record->bytes = malloc(record->size);
    assert_non_null(record->bytes);
    memcpy(record->bytes, turn->record.data, record->size);
    world->run->seq++;
}

static void snapshot_of(const struct run *run, struct buf *bytes)
{
    AUTO(arena) struct arena arena = { 0 };
    struct err_info why = { 0 };
    check(run_add_snapshot(run, bytes, &arena, &why), &why);
    check(buf_check(bytes, &why), &why);
}

static struct run *new_run(const struct world *world)
{
    struct err_info why = { 0 };
    struct run *run = NULL;
    check(run_new(1, world->run->id, &run, &why), &why);
    run->version = playbook_version_acquire(world->version);
    run->playbook = world->version->playbook;
    return run;
}

static void fold_bytes(struct run *run, const char *bytes, size_t size)
{
    struct err_info why = { 0 };
    struct str copy;
    check(arena_str(&run->arena, (struct str){ bytes, size }, &copy, &why), &why);
    check(run_fold(run, copy, &why), &why);
}

static void assert_same_state(const struct run *a, const struct run *b)
{
    AUTO(buf) struct buf left = { 0 };
    AUTO(buf) struct buf right = { 0 };
    snapshot_of(a, &left);
    snapshot_of(b, &right);
    assert_int_equal(left.size, right.size);
    assert_memory_equal(left.data, right.data, left.size);
}

/* All records folded anew; one record that is a snapshot; and the run compacted. */
static void check_replay(struct world *world)
{
    AUTO(buf) struct buf snapshot = { 0 };
    struct err_info why = { 0 };
    struct run *folded = new_run(world), *restored = new_run(world);
    for (unsigned i = 0; i < world->count; i++)
        fold_bytes(folded, world->records[i].bytes, world->records[i].size);
    assert_same_state(world->run, folded);
    journal_begin(&snapshot, world->run->now);
    snapshot_of(world->run, &snapshot);
    fold_bytes(restored, snapshot.data, snapshot.size);
    assert_same_state(world->run, restored);
    check(run_compact(world->run, &why), &why);
    assert_same_state(world->run, folded);
    run_free(folded);
    run_free(restored);
}

static void turn(struct world *world, const struct happening *happening)
{
    AUTO(arena) struct arena arena = { 0 };
    struct err_info why = { 0 };
    struct turn turn;
    turn_begin(&turn, &world->turn, world->run, world->clock.at, &arena);
    if (!value_is(world->run->creation, VALUE_NULL)) {
        struct op op = { .kind = OP_CREATE };
        op_value(&op, FIELD_DATA, world->run->creation);
        journal_add(&turn.record, &op);
        world->run->creation = value_null();
    }
    turn_happen(&turn, happening);
    check(turn_end(&turn, &why), &why);
    keep_record(world, &turn);
    turn_done(&turn);
    check_replay(world);
}

/* The first frame that waits for something gets it. */
static void answer_one(struct world *world)
{
    struct run *run = world->run;
    for (uint32_t i = 0; i < run->frame_count; i++) {
        const struct frame *frame = run->frames[i];
        const struct step *step = frame->step == STEP_NONE ? NULL : run->playbook->all_steps[frame->step];
        struct action_result result = { .is_ok = true, .output = value_int(5), .effect = ACTION_ANSWERED };
        struct happening happening = { .kind = HAPPENED_RESULT, .frame = frame->id, .result = &result };
        if (frame->kind != FRAME_STEP || frame->phase != PHASE_CALL)
            continue;
        if (str_equal(step->call.action, STR("x.no")))
            result = (struct action_result){ .error = { STR("no"), STR("no"), true },
                .effect = ACTION_ANSWERED };
        turn(world, &happening);
        return;
    }
    struct happening timer = { .kind = HAPPENED_TIMER };
    world->clock.at = run_next_due(run);
    turn(world, &timer);
}

static enum run_status run_to_end(struct world *world)
{
    AUTO(arena) struct arena arena = { 0 };
    struct err_info why = { 0 };
    const struct happening start = { .kind = HAPPENED_START };
    struct creation creation = { .event = value_int(1) };
    check(start_inputs(world->version, value_null(), &creation, world->clock.at, &arena, &why), &why);
    struct id id = id_new(&world->clock.clock, &world->rand.rand);
    check(start_run(1, id, world->version, &creation, world->clock.at, &world->run, &why), &why);
    turn(world, &start);
    while (world->run->phase != RUN_PHASE_ENDED)
        answer_one(world);
    return world->run->status;
}

/* ---- tests ---- */

static void play(const char *text, enum run_status status)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    open_world(world, text);
    assert_int_equal(run_to_end(world), status);
    close_world(world);
    free(world);
}

static void calls_and_assignments_fold_to_the_same_state(void **state)
{
    (void)state;
    play("playbook: p\ntitle: P\nsteps:\n"
         "  - { id: a, do: x.go, with: { n: 1 } }\n"
         "  - { set: { s: '${{ steps.a.output }}', t: text } }\n"
         "  - { id: b, do: x.go, when: vars.s == 5 }\n"
         "  - { return: '${{ vars }}' }\n",
        RUN_SUCCEEDED);
}

static void loops_fold_to_the_same_state(void **state)
{
    (void)state;
    play("playbook: p\ntitle: P\nsteps:\n"
         "  - id: each\n"
         "    for_each: '[1, 2, 3, 4, 5]'\n"
         "    as: n\n"
         "    parallel: 2\n"
         "    steps: [ { id: a, do: x.go }, { set: { mine: '${{ n }}' } }, { wait: 1m } ]\n"
         "    collect: '${{ vars.mine + steps.a.output }}'\n"
         "  - { set: { i: 0 } }\n"
         "  - while: vars.i < 3\n"
         "    max: 5\n"
         "    steps: [ { set: { i: '${{ vars.i + 1 }}' } }, { do: x.go } ]\n"
         "  - { return: '${{ steps.each.output }}' }\n",
        RUN_SUCCEEDED);
}

static void branches_and_handlers_fold_to_the_same_state(void **state)
{
    (void)state;
    play("playbook: p\ntitle: P\nsteps:\n"
         "  - parallel:\n"
         "      - [ { id: a, do: x.go }, { wait: 5m } ]\n"
         "      - [ { id: b, do: x.no, retry: { attempts: 3, first: 2s }, on_error: [ { id: h, do: x.go } ] "
         "} ]\n"
         "  - try: [ { do: x.no } ]\n"
         "    catch: [ { id: c, do: x.go } ]\n"
         "    finally: [ { id: f, do: x.go } ]\n"
         "  - id: q\n"
         "    ask: { title: q, options: [ yes, no ], timeout: 1h, on_timeout: 'no' }\n"
         "  - if: steps.q.output.choice == 'no'\n"
         "    then: [ { do: x.no } ]\n"
         "on_failure: [ { id: tell, do: x.go } ]\n",
        RUN_FAILED);
}

static void a_timeout_folds_to_the_same_state(void **state)
{
    (void)state;
    play("playbook: p\ntitle: P\ntimeout: 10m\nsteps:\n"
         "  - parallel:\n"
         "      - [ { wait: 1h } ]\n"
         "      - [ { try: [ { wait: 2h } ], finally: [ { do: x.go } ] } ]\n"
         "on_failure: [ { wait: 1m }, { do: x.go } ]\n",
        RUN_FAILED);
}

/* Operations that fit no state are refused, whatever they name. */
static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    open_world(world, "playbook: p\ntitle: P\nsteps: [ { id: a, do: x.go }, { id: b, do: x.go } ]\n");
    struct run *run = NULL;
    struct err_info why = { 0 };
    check(run_new(1, id_new(&world->clock.clock, &world->rand.rand), &run, &why), &why);
    run->version = playbook_version_acquire(world->version);
    run->playbook = world->version->playbook;
    for (int kind = OP_BLOCK_OPEN; kind <= OP_STEP_LEAF; kind++) {
        struct op op = { .kind = (enum op_kind)kind, .frame = 9 };
        op_number(&op, FIELD_PARENT, 9);
        assert_int_equal(run_apply(run, &op, &why), ERR_INVALID);
        assert_string_equal(why.name, "journal_damaged");
    }
    struct op var = { .kind = OP_VAR, .frame = 5 }, collect = { .kind = OP_COLLECT, .frame = 5 };
    assert_int_equal(run_apply(run, &var, &why), ERR_INVALID);
    assert_int_equal(run_apply(run, &collect, &why), ERR_INVALID);
    struct op status = { .kind = OP_RUN };
    op_number(&status, FIELD_STATUS, 99);
    assert_int_equal(run_apply(run, &status, &why), ERR_INVALID);
    run_free(run);
    close_world(world);
    free(world);
}

/* Steps 0 to 5 of the playbook below, each in a block of its own run; which parts and numbers they take. */
static void a_block_that_its_step_has_not_is_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t step, part, number;
        bool fits;
    } cases[] = { { 0, PART_CASE, 1, true }, { 0, PART_CASE, 2, false }, { 0, PART_DEFAULT, 0, true },
        { 0, PART_THEN, 0, false }, { 3, PART_BRANCH, 1, true }, { 3, PART_BRANCH, 2, false },
        { 3, PART_BODY, 0, false }, { 6, PART_BODY, 70000, true }, { 6, PART_TRY, 0, false },
        { 8, PART_TRY, 0, true }, { 8, PART_FINALLY, 0, true }, { 8, PART_ELSE, 0, false },
        { 8, PART_ERROR, 0, false }, { 8, 99, 0, false } };
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    open_world(world,
        "playbook: p\ntitle: P\nsteps:\n"
        "  - { switch: 1, cases: [ { when: it == 1, steps: [ { do: x.go } ] }, { when: it == 2, steps: [ { "
        "do: x.go } ] } ] }\n"
        "  - parallel: [ [ { do: x.go } ], [ { do: x.go } ] ]\n"
        "  - { for_each: '[1]', steps: [ { do: x.go } ] }\n"
        "  - { try: [ { do: x.go } ], finally: [ { do: x.go } ] }\n");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct run *run = NULL;
        struct op main_block = { .kind = OP_BLOCK_OPEN }, step = { .kind = OP_STEP_OPEN },
                  block = { .kind = OP_BLOCK_OPEN };
        check(run_new(1, id_new(&world->clock.clock, &world->rand.rand), &run, NULL), NULL);
        run->version = playbook_version_acquire(world->version);
        run->playbook = world->version->playbook;
        op_number(&main_block, FIELD_PART, PART_MAIN);
        op_number(&step, FIELD_PARENT, 1);
        op_number(&step, FIELD_STEP, cases[i].step);
        op_number(&block, FIELD_PARENT, 2);
        op_number(&block, FIELD_PART, cases[i].part);
        op_number(&block, FIELD_NUMBER, cases[i].number);
        assert_int_equal(run_apply(run, &main_block, NULL), ERR_OK);
        assert_int_equal(run_apply(run, &step, NULL), ERR_OK);
        assert_int_equal(run_apply(run, &block, NULL), cases[i].fits ? ERR_OK : ERR_INVALID);
        run_free(run);
    }
    close_world(world);
    free(world);
}

static void frames_that_stand_in_each_other_are_refused(void **state)
{
    (void)state;
    struct world *world = calloc(1, sizeof(*world));
    struct run *run = NULL;
    assert_non_null(world);
    open_world(world, "playbook: p\ntitle: P\nsteps: [ { id: a, do: x.go } ]\n");
    check(run_new(1, id_new(&world->clock.clock, &world->rand.rand), &run, NULL), NULL);
    run->version = playbook_version_acquire(world->version);
    run->playbook = world->version->playbook;
    struct op snapshot = { .kind = OP_SNAPSHOT }, step = { .kind = OP_FRAME, .frame = 1 };
    op_number(&step, FIELD_KIND, FRAME_STEP);
    op_number(&step, FIELD_PHASE, PHASE_CALL);
    op_number(&step, FIELD_STEP, 0);
    op_number(&step, FIELD_PARENT, 2);
    assert_int_equal(run_apply(run, &snapshot, NULL), ERR_OK);
    assert_int_equal(run_apply(run, &step, NULL), ERR_INVALID);
    run_free(run);
    close_world(world);
    free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_and_assignments_fold_to_the_same_state),
        cmocka_unit_test(loops_fold_to_the_same_state),
        cmocka_unit_test(branches_and_handlers_fold_to_the_same_state),
        cmocka_unit_test(a_timeout_folds_to_the_same_state),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(a_block_that_its_step_has_not_is_refused),
        cmocka_unit_test(frames_that_stand_in_each_other_are_refused),
    };
    return cmocka_run_group_tests_name("engine_run", tests, NULL, NULL);
}
