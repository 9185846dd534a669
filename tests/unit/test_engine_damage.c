/* A journal that is not as it was written: cut off anywhere, with any byte changed, with any field of any
 * operation out of its range, operations left out or there twice. It is refused by name, or it folds to a
 * state that can be written, read and gone on with. */
#include "engine_run_world.h"

static const char *const playbooks[] = {
    "playbook: p\ntitle: P\nsteps:\n"
    "  - { id: a, do: x.go, with: { n: 1 } }\n"
    "  - { set: { s: '${{ steps.a.output }}', t: text } }\n"
    "  - id: each\n"
    "    for_each: '[1, 2]'\n"
    "    as: n\n"
    "    parallel: 2\n"
    "    steps: [ { id: b, do: x.go }, { set: { mine: '${{ n }}' } } ]\n"
    "    collect: '${{ vars.mine + steps.b.output }}'\n"
    "  - switch: vars.s\n"
    "    cases: [ { when: it == 1, steps: [ { do: x.go } ] }, { when: it == 5, steps: [ { do: x.go } ] } ]\n"
    "  - { return: '${{ steps.each.output }}' }\n",
    "playbook: p\ntitle: P\nsteps:\n"
    "  - parallel:\n"
    "      - [ { id: a, do: x.go }, { wait: 5m } ]\n"
    "      - [ { id: b, do: x.no, retry: { attempts: 2, first: 2s }, on_error: [ { id: h, do: x.go } ] } ]\n"
    "  - try: [ { do: x.no } ]\n"
    "    catch: [ { id: c, do: x.go } ]\n"
    "    finally: [ { id: f, do: x.go } ]\n"
    "  - id: q\n"
    "    ask: { title: q, options: [ yes, no ], timeout: 1h, on_timeout: 'no' }\n"
    "  - if: steps.q.output.choice == 'no'\n"
    "    then: [ { do: x.no } ]\n"
    "on_failure: [ { id: tell, do: x.go } ]\n",
    "playbook: p\ntitle: P\nsteps:\n"
    "  - { set: { i: 0 } }\n"
    "  - while: vars.i < 2\n"
    "    max: 5\n"
    "    steps: [ { set: { i: '${{ vars.i + 1 }}' } }, { id: w, do: x.go } ]\n"
    "  - id: e\n"
    "    wait: { event: it.alert.host == 'a', timeout: 1h }\n"
    "    on_error: continue\n",
};

/* ---- states ---- */

/* All that reading code and the scheduler ask of a state. */
static void look_around(const struct run *run)
{
    (void)run_next_due(run);
    (void)run_is_parked(run);
    for (uint32_t i = 0; i < run->frame_count; i++) {
        const struct frame *frame = run->frames[i];
        uint32_t at = 0;
        assert_non_null(run_scope(run, frame, FRAME_HAS_STEPS, &at));
        assert_non_null(run_scope(run, frame, FRAME_HAS_VARS, &at));
        (void)run_handled_error(run, frame);
        assert_true(frame->parent == 0 || run_find_frame(run, frame->parent));
    }
}

/* What folded can be written as a snapshot that folds to the same, and kept. */
static void assert_can_be_kept(struct world *world, struct run *run)
{
    AUTO(buf) struct buf snapshot = { 0 };
    struct err_info why = { 0 };
    struct run *again = new_run(world);
    look_around(run);
    journal_begin(&snapshot, run->now);
    snapshot_of(run, &snapshot);
    fold_bytes(again, snapshot.data, snapshot.size);
    assert_same_state(run, again);
    check(run_compact(run, &why), &why);
    assert_same_state(run, again);
    run_free(again);
}

/* The interpreter goes on with it: it may find that nothing fits, it may not stumble. */
static void go_on(struct world *world, struct run *run)
{
    const enum happening_kind kinds[] = { HAPPENED_RECOVER, HAPPENED_TIMER, HAPPENED_CANCEL };
    for (size_t i = 0; i < 3; i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct err_info why = { 0 };
        struct turn turn;
        const struct happening happening = { .kind = kinds[i], .code = STR("c"), .text = STR("t") };
        turn_begin(
            &turn, &world->turn, run, (struct instant){ world->clock.at.us + 10 * US_PER_DAY }, &arena);
        turn_happen(&turn, &happening);
        enum err result = turn_end(&turn, &why);
        turn_done(&turn);
        if (result != ERR_OK)
            return;
    }
}

static struct run *state_before(struct world *world, unsigned record)
{
    struct run *run = new_run(world);
    for (unsigned i = 0; i < record; i++)
        fold_bytes(run, world->records[i].bytes, world->records[i].size);
    return run;
}

/* Whether it folded. */
static bool fold_damaged(struct world *world, unsigned record, struct str bytes)
{
    struct run *run = state_before(world, record);
    struct err_info why = { 0 };
    struct str copy;
    check(arena_str(&run->arena, bytes, &copy, &why), &why);
    enum err result = run_fold(run, copy, &why);
    if (result == ERR_OK) {
        assert_can_be_kept(world, run);
        go_on(world, run);
    } else {
        if (result != ERR_INVALID && result != ERR_LIMIT)
            fail_msg("record %u: %s: %s", record, err_word(result), why.text);
        assert_non_null(why.name);
    }
    run_free(run);
    return result == ERR_OK;
}

/* ---- the records of a playbook ---- */

static struct world *play_all(size_t which)
{
    struct world *world = calloc(1, sizeof(*world));
    assert_non_null(world);
    open_world(world, playbooks[which]);
    (void)run_to_end(world); /* how it ends is not what this is about */
    return world;
}

/* The state before the last but `back` turns, as a record of its own. */
static void add_snapshot(struct world *world, unsigned at)
{
    AUTO(buf) struct buf bytes = { 0 };
    struct run *run = state_before(world, at);
    struct record *record = &world->records[world->count];
    journal_begin(&bytes, run->now);
    snapshot_of(run, &bytes);
    assert_true(world->count < TURNS_MAX);
    record->size = bytes.size;
    record->bytes = malloc(bytes.size);
    assert_non_null(record->bytes);
    memcpy(record->bytes, bytes.data, bytes.size);
    world->count++;
    run_free(run);
}

typedef void with_record(struct world *world, unsigned record);

static void for_each_record(with_record *damage)
{
    for (size_t i = 0; i < sizeof(playbooks) / sizeof(playbooks[0]); i++) {
        struct world *world = play_all(i);
        unsigned turns = world->count;
        for (unsigned record = 0; record < turns; record++)
            damage(world, record);
        for (unsigned at = 1; at < turns; at += 2) {
            add_snapshot(world, at);
            damage(world, world->count - 1);
        }
        close_world(world);
        free(world);
    }
}

/* ---- bytes ---- */

static void cut_anywhere(struct world *world, unsigned record)
{
    const struct record *whole = &world->records[record];
    unsigned good = 0;
    for (size_t size = 0; size <= whole->size; size++)
        good += fold_damaged(world, record, (struct str){ whole->bytes, size });
    assert_true(good >= 1); /* the whole one; and what ends between two operations */
}

static void a_record_that_is_cut_off_is_refused_or_ends_between_operations(void **state)
{
    (void)state;
    for_each_record(cut_anywhere);
}

static void change_any_byte(struct world *world, unsigned record)
{
    static const uint8_t changes[] = { 0x01, 0x80, 0xff, 0x10 };
    const struct record *whole = &world->records[record];
    char *bytes = malloc(whole->size);
    assert_non_null(bytes);
    memcpy(bytes, whole->bytes, whole->size);
    for (size_t at = 0; at < whole->size; at++) {
        for (size_t i = 0; i < sizeof(changes); i++) {
            bytes[at] = (char)((uint8_t)whole->bytes[at] ^ changes[i]);
            (void)fold_damaged(world, record, (struct str){ bytes, whole->size });
        }
        bytes[at] = whole->bytes[at];
    }
    free(bytes);
}

static void a_changed_byte_is_refused_or_makes_a_state_that_can_be_gone_on_with(void **state)
{
    (void)state;
    for_each_record(change_any_byte);
}

/* ---- operations ---- */

#define OPS_MAX 200

struct ops {
    struct arena arena;
    struct instant now;
    struct op ops[OPS_MAX];
    unsigned count;
};

static void ops_of(struct ops *ops, const struct record *record)
{
    struct journal_reader reader;
    struct err_info why = { 0 };
    bool more = true;
    *ops = (struct ops){ 0 };
    check(journal_open(&reader, (struct str){ record->bytes, record->size }, &ops->arena, &why), &why);
    ops->now = reader.now;
    for (;;) {
        assert_true(ops->count < OPS_MAX);
        check(journal_next(&reader, &ops->ops[ops->count], &more, &why), &why);
        if (!more)
            return;
        ops->count++;
    }
}

/* The record with `op` in the place of operation `at`: NULL leaves it out. */
static void fold_changed(
    struct world *world, unsigned record, const struct ops *ops, unsigned at, const struct op *op)
{
    AUTO(buf) struct buf bytes = { 0 };
    journal_begin(&bytes, ops->now);
    for (unsigned i = 0; i < ops->count; i++) {
        const struct op *written = i == at ? op : &ops->ops[i];
        if (written)
            journal_add(&bytes, written);
    }
    (void)fold_damaged(world, record, buf_str(&bytes));
}

static void change_numbers(struct world *world, unsigned record, const struct ops *ops, unsigned at)
{
    static const int64_t numbers[] = { -1, 0, 1, 2, 3, 9, 99, UINT32_MAX, (int64_t)UINT32_MAX + 1,
        INT64_MIN };
    for (unsigned field = 0; field < FIELD_NUMBERS_END; field++) {
        for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
            struct op op = ops->ops[at];
            op_number(&op, (enum op_field)field, numbers[i]);
            fold_changed(world, record, ops, at, &op);
        }
        struct op without = ops->ops[at];
        without.fields &= ~FIELD_BIT(field);
        without.numbers[field] = 0;
        fold_changed(world, record, ops, at, &without);
    }
}

static void change_others(struct world *world, unsigned record, const struct ops *ops, unsigned at)
{
    for (unsigned field = FIELD_OBJECT; field < FIELD_COUNT_ALL; field++) {
        struct op op = ops->ops[at];
        op.fields ^= FIELD_BIT(field);
        fold_changed(world, record, ops, at, &op);
    }
    for (uint32_t frame = 0; frame < 8; frame++) {
        struct op op = ops->ops[at];
        op.frame = frame == 7 ? UINT32_MAX : frame;
        fold_changed(world, record, ops, at, &op);
    }
    for (int kind = 0; kind <= OP_KIND_END; kind++) {
        struct op op = ops->ops[at];
        op.kind = (enum op_kind)kind;
        fold_changed(world, record, ops, at, &op);
    }
    fold_changed(world, record, ops, at, NULL);
}

static void change_any_operation(struct world *world, unsigned record)
{
    struct ops *ops = calloc(1, sizeof(*ops));
    assert_non_null(ops);
    ops_of(ops, &world->records[record]);
    for (unsigned at = 0; at < ops->count; at++) {
        change_numbers(world, record, ops, at);
        change_others(world, record, ops, at);
    }
    arena_done(&ops->arena);
    free(ops);
}

static void an_operation_that_is_not_as_written_is_refused_or_makes_a_state_that_can_be_gone_on_with(
    void **state)
{
    (void)state;
    for_each_record(change_any_operation);
}

/* ---- by hand ---- */

static struct run *run_with_loop(struct world *world)
{
    struct run *run = NULL;
    struct op block = { .kind = OP_BLOCK_OPEN }, step = { .kind = OP_STEP_OPEN };
    check(run_new(1, id_new(&world->clock.clock, &world->rand.rand), &run, NULL), NULL);
    run->version = playbook_version_acquire(world->version);
    run->playbook = world->version->playbook;
    op_number(&block, FIELD_PART, PART_MAIN);
    op_number(&step, FIELD_PARENT, 1);
    op_number(&step, FIELD_STEP, 0);
    assert_int_equal(run_apply(run, &block, NULL), ERR_OK);
    assert_int_equal(run_apply(run, &step, NULL), ERR_OK);
    return run;
}

/* That memory is wanting may pass, so it is waited for: nothing damaged may look like it. */
static void more_items_than_a_loop_can_have_are_damage_not_want_of_memory(void **state)
{
    (void)state;
    struct world world;
    struct err_info why = { 0 };
    open_world(&world, "playbook: p\ntitle: P\nsteps: [ { for_each: '[1]', steps: [ { do: x.go } ] } ]\n");
    struct run *run = run_with_loop(&world);
    struct op collect = { .kind = OP_COLLECT, .frame = 2 };
    op_number(&collect, FIELD_COUNT, UINT32_MAX);
    assert_int_equal(run_apply(run, &collect, &why), ERR_INVALID);
    assert_string_equal(why.name, "journal_damaged");
    op_number(&collect, FIELD_COUNT, 3);
    op_number(&collect, FIELD_NUMBER, 3);
    assert_int_equal(run_apply(run, &collect, &why), ERR_INVALID);
    op_number(&collect, FIELD_NUMBER, 2);
    assert_int_equal(run_apply(run, &collect, &why), ERR_OK);
    run_free(run);
    close_world(&world);
}

static void the_last_frame_number_has_no_next_one(void **state)
{
    (void)state;
    struct world world;
    struct err_info why = { 0 };
    open_world(&world, "playbook: p\ntitle: P\nsteps: [ { for_each: '[1]', steps: [ { do: x.go } ] } ]\n");
    struct run *run = run_with_loop(&world);
    struct op last = { .kind = OP_RUN }, block = { .kind = OP_BLOCK_OPEN };
    op_number(&last, FIELD_NUMBER, UINT32_MAX);
    op_number(&block, FIELD_PARENT, 2);
    op_number(&block, FIELD_PART, PART_BODY);
    assert_int_equal(run_apply(run, &last, &why), ERR_OK);
    assert_int_equal(run_apply(run, &block, &why), ERR_INVALID);
    assert_string_equal(why.name, "journal_damaged");
    run_free(run);
    close_world(&world);
}

static void an_operation_of_no_kind_is_refused(void **state)
{
    (void)state;
    struct world world;
    struct err_info why = { 0 };
    open_world(&world, "playbook: p\ntitle: P\nsteps: [ { for_each: '[1]', steps: [ { do: x.go } ] } ]\n");
    struct run *run = run_with_loop(&world);
    const struct op none = { .kind = OP_KIND_END };
    assert_int_equal(run_apply(run, &none, &why), ERR_INVALID);
    assert_string_equal(why.name, "journal_damaged");
    run_free(run);
    close_world(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_that_is_cut_off_is_refused_or_ends_between_operations),
        cmocka_unit_test(a_changed_byte_is_refused_or_makes_a_state_that_can_be_gone_on_with),
        cmocka_unit_test(
            an_operation_that_is_not_as_written_is_refused_or_makes_a_state_that_can_be_gone_on_with),
        cmocka_unit_test(more_items_than_a_loop_can_have_are_damage_not_want_of_memory),
        cmocka_unit_test(the_last_frame_number_has_no_next_one),
        cmocka_unit_test(an_operation_of_no_kind_is_refused),
    };
    return cmocka_run_group_tests_name("engine_damage", tests, NULL, NULL);
}
