/* A run's state is a fold of its journal: whatever the interpreter did, records and snapshots give the same
 * state again. */
#include "base/pack.h"
#include "engine_run_world.h"

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
/* As it comes of a large answer. What is sealed must not stand in the journal in its packed form. */
static void a_packed_answer_folds_to_the_same_state_unless_it_is_sealed(void **state)
{
    static const struct type_field fields[] = { { .name = STR_INIT("word"), .type = &type_string },
        { .name = STR_INIT("word"), .type = &type_string, .is_secret = true } };
    (void)state;
    for (int is_secret = 0; is_secret < 2; is_secret++) {
        AUTO(arena) struct arena arena = { 0 };
        AUTO(buf) struct buf packed = { 0 };
        struct value_map_builder map;
        const struct type out = { .kind = TYPE_RECORD, .fields = &fields[is_secret], .field_count = 1 };
        const struct action called = { .name = STR_INIT("x.go"), .out = &out };
        struct world *world = calloc(1, sizeof(*world));
        assert_non_null(world);
        open_world(world, "playbook: p\ntitle: P\nsteps: [ { id: a, do: x.go }, { wait: 1h } ]\n");
        run_begin(world);
        value_map_begin(&map, &arena);
        check(value_map_set(&map, "word", value_string(STR("open sesame")), NULL), NULL);
        struct action_result result = {
            .is_ok = true, .output = value_map_end(&map), .effect = ACTION_ANSWERED
        };
        pack_value(&packed, result.output);
        result.packed_output = buf_str(&packed);
        struct happening happening = { .kind = HAPPENED_RESULT,
            .frame = world->run->frames[world->run->frame_count - 1]->id,
            .result = &result,
            .action = &called,
            .arena = &arena };
        turn(world, &happening);
        struct str record = { world->records[1].bytes, world->records[1].size };
        assert_int_equal(world->count, 2);
        assert_true(str_contains(record, STR("open sesame")) == !is_secret);
        close_world(world);
        free(world);
    }
}

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
        cmocka_unit_test(a_packed_answer_folds_to_the_same_state_unless_it_is_sealed),
        cmocka_unit_test(what_does_not_fit_is_refused),
        cmocka_unit_test(a_block_that_its_step_has_not_is_refused),
        cmocka_unit_test(frames_that_stand_in_each_other_are_refused),
    };
    return cmocka_run_group_tests_name("engine_run", tests, NULL, NULL);
}
