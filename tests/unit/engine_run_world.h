/* A run whose interpreter and journal are driven by hand: actions that succeed (x.go) and fail (x.no) when
 * they are told, the records of its turns, and a check that they fold to the state that the interpreter made.
 */
#ifndef TOCSIN_TESTS_ENGINE_RUN_WORLD_H
#define TOCSIN_TESTS_ENGINE_RUN_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "action_table.h"
#include "engine/start.h"
#include "engine/turn.h"

#define UNUSED __attribute__((unused))
#define TURNS_MAX 300

/* ---- actions: x.go succeeds, x.no fails, both when they are told ---- */

static void never_started(const struct action *action, struct action_call *call)
{
    (void)action, (void)call;
    fail_msg("the interpreter starts no calls");
}

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

/* ---- a run and its journal ---- */

struct record {
    char *bytes;
    size_t size;
};

struct world {
    struct action_table actions;
    struct clock_manual clock;
    struct rand_seeded rand;
    struct turn_world turn;
    struct playbook_version *version;
    struct run *run;
    struct record records[TURNS_MAX];
    unsigned count;
};

UNUSED static void check(enum err result, const struct err_info *why)
{
    if (result != ERR_OK)
        fail_msg("%s: %s", err_word(result), why ? why->text : "");
}

UNUSED static void open_world(struct world *world, const char *text)
{
    AUTO(arena) struct arena arena = { 0 };
    struct diagnostics found;
    struct err_info why = { 0 };
    struct playbook *playbook = NULL;
    *world = (struct world){ .actions = ACTION_TABLE(actions) };
    clock_manual_init(&world->clock, (struct instant){ INT64_C(1767225600000000) });
    rand_seeded_init(&world->rand, 3);
    world->turn = (struct turn_world){ .catalogues = &world->actions.source,
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

UNUSED static void close_world(struct world *world)
{
    for (unsigned i = 0; i < world->count; i++)
        free(world->records[i].bytes);
    run_free(world->run);
    playbook_version_release(world->version);
}

UNUSED static void keep_record(struct world *world, const struct turn *turn)
{
    assert_true(world->count < TURNS_MAX);
    struct record *record = &world->records[world->count++];
    record->size = turn->record.size;
    record->bytes = malloc(record->size);
    assert_non_null(record->bytes);
    memcpy(record->bytes, turn->record.data, record->size);
    world->run->seq++;
}

UNUSED static void snapshot_of(const struct run *run, struct buf *bytes)
{
    AUTO(arena) struct arena arena = { 0 };
    struct err_info why = { 0 };
    check(run_add_snapshot(run, bytes, &arena, &why), &why);
    check(buf_check(bytes, &why), &why);
}

UNUSED static struct run *new_run(const struct world *world)
{
    struct err_info why = { 0 };
    struct run *run = NULL;
    check(run_new(1, world->run->id, &run, &why), &why);
    run->version = playbook_version_acquire(world->version);
    run->playbook = world->version->playbook;
    return run;
}

UNUSED static void fold_bytes(struct run *run, const char *bytes, size_t size)
{
    struct err_info why = { 0 };
    struct str copy;
    check(arena_str(&run->arena, (struct str){ bytes, size }, &copy, &why), &why);
    check(run_fold(run, copy, &why), &why);
}

UNUSED static void assert_same_state(const struct run *a, const struct run *b)
{
    AUTO(buf) struct buf left = { 0 };
    AUTO(buf) struct buf right = { 0 };
    snapshot_of(a, &left);
    snapshot_of(b, &right);
    assert_int_equal(left.size, right.size);
    assert_memory_equal(left.data, right.data, left.size);
}

/* All records folded anew; one record that is a snapshot; and the run compacted. */
UNUSED static void check_replay(struct world *world)
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

UNUSED static void turn(struct world *world, const struct happening *happening)
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
UNUSED static void answer_one(struct world *world)
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

UNUSED static void run_begin(struct world *world)
{
    AUTO(arena) struct arena arena = { 0 };
    struct err_info why = { 0 };
    const struct happening start = { .kind = HAPPENED_START };
    struct creation creation = { .event = value_int(1) };
    check(start_inputs(world->version, value_null(), &creation, world->clock.at, &arena, &why), &why);
    struct id id = id_new(&world->clock.clock, &world->rand.rand);
    check(start_run(1, id, world->version, &creation, world->clock.at, &world->run, &why), &why);
    turn(world, &start);
}

UNUSED static enum run_status run_to_end(struct world *world)
{
    run_begin(world);
    while (world->run->phase != RUN_PHASE_ENDED)
        answer_one(world);
    return world->run->status;
}

#endif
