#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/pack.h"
#include "base/text.h"
#include "engine/turn.h"

#define NOW ((struct instant){ 1767225600123456 })

/* An operation of this kind with every field that there is, each different. */
static struct op full_op(enum op_kind kind, struct arena *arena)
{
    struct op op = { .kind = kind, .frame = 300 + (uint32_t)kind };
    struct value_map_builder map = { 0 };
    struct id id;
    for (unsigned field = 0; field < FIELD_NUMBERS_END; field++)
        op_number(&op, (enum op_field)field, field % 2 ? -(int64_t)field * 1000 : (int64_t)field << 40);
    memset(id.bytes, 0x40 + (int)kind, sizeof(id.bytes));
    op_object(&op, id);
    op_name(&op, STR("a name"));
    value_map_begin(&map, arena);
    assert_int_equal(value_map_set(&map, "n", value_int(kind), NULL), ERR_OK);
    assert_int_equal(value_map_set(&map, "t", value_timestamp(5, 7), NULL), ERR_OK);
    op_value(&op, FIELD_DATA, value_map_end(&map));
    op_value(&op, FIELD_OUTPUT, value_null());
    op_value(&op, FIELD_ERROR, value_string(STR("e\0f")));
    return op;
}

static void assert_same(const struct op *a, const struct op *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->frame, b->frame);
    assert_int_equal(a->fields, b->fields);
    assert_memory_equal(a->numbers, b->numbers, sizeof(a->numbers));
    assert_true(id_equal(a->object, b->object));
    assert_true(str_equal(a->name, b->name));
    assert_true(value_equal(a->data, b->data));
    assert_true(value_equal(a->output, b->output));
    assert_true(value_equal(a->error, b->error));
}

static void read_one(struct str bytes, struct arena *arena, struct op *ret)
{
    struct journal_reader reader;
    bool more = false;
    assert_int_equal(journal_open(&reader, bytes, arena, NULL), ERR_OK);
    assert_int_equal(reader.now.us, NOW.us);
    assert_int_equal(journal_next(&reader, ret, &more, NULL), ERR_OK);
    assert_true(more);
    struct op none;
    assert_int_equal(journal_next(&reader, &none, &more, NULL), ERR_OK);
    assert_false(more);
}

static void every_kind_comes_back_as_it_was(void **state)
{
    (void)state;
    for (int kind = 1; kind < OP_KIND_END; kind++) {
        AUTO(arena) struct arena arena = { 0 };
        AUTO(buf) struct buf record = { 0 };
        struct op op = full_op((enum op_kind)kind, &arena), read;
        journal_begin(&record, NOW);
        journal_add(&record, &op);
        assert_int_equal(buf_check(&record, NULL), ERR_OK);
        read_one(buf_str(&record), &arena, &read);
        assert_same(&op, &read);
    }
}

static void output_that_was_packed_before_gives_the_same_bytes(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf record = { 0 };
    AUTO(buf) struct buf other = { 0 };
    AUTO(buf) struct buf packed = { 0 };
    struct op op = full_op(OP_STEP_END, &arena);
    op_value(&op, FIELD_OUTPUT, op.data);
    journal_add(&record, &op);
    pack_value(&packed, op.output);
    op.packed_output = buf_str(&packed);
    op.output = value_null();
    journal_add(&other, &op);
    assert_int_equal(buf_check(&other, NULL), ERR_OK);
    assert_true(str_equal(buf_str(&record), buf_str(&other)));
}

static void each_field_comes_back_alone(void **state)
{
    (void)state;
    for (unsigned field = 0; field < FIELD_COUNT_ALL; field++) {
        AUTO(arena) struct arena arena = { 0 };
        AUTO(buf) struct buf record = { 0 };
        struct op whole = full_op(OP_STEP_SET, &arena), op = { .kind = OP_STEP_SET, .frame = 9 }, read;
        op.fields = FIELD_BIT(field);
        if (field < FIELD_NUMBERS_END)
            op.numbers[field] = whole.numbers[field];
        op.object = field == FIELD_OBJECT ? whole.object : op.object;
        op.name = field == FIELD_NAME ? whole.name : op.name;
        op.data = field == FIELD_DATA ? whole.data : op.data;
        op.output = field == FIELD_OUTPUT ? whole.output : op.output;
        op.error = field == FIELD_ERROR ? whole.error : op.error;
        journal_begin(&record, NOW);
        journal_add(&record, &op);
        read_one(buf_str(&record), &arena, &read);
        assert_same(&op, &read);
    }
}

static void numbers_at_their_bounds_come_back(void **state)
{
    (void)state;
    const int64_t numbers[] = { 0, 1, -1, 63, 64, -64, -65, INT64_MAX, INT64_MIN };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        AUTO(arena) struct arena arena = { 0 };
        AUTO(buf) struct buf record = { 0 };
        struct op op = { .kind = OP_RUN, .frame = UINT32_MAX }, read;
        op_number(&op, FIELD_DUE, numbers[i]);
        journal_begin(&record, NOW);
        journal_add(&record, &op);
        read_one(buf_str(&record), &arena, &read);
        assert_same(&op, &read);
    }
}

/* Reads to the end or to the first error. */
static enum err read_all(struct str bytes)
{
    AUTO(arena) struct arena arena = { 0 };
    struct journal_reader reader;
    struct op op;
    bool more = true;
    TRY(journal_open(&reader, bytes, &arena, NULL));
    while (more)
        TRY(journal_next(&reader, &op, &more, NULL));
    return ERR_OK;
}

static void a_record_that_was_cut_off_is_refused(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf record = { 0 };
    struct op op = full_op(OP_FRAME, &arena);
    journal_begin(&record, NOW);
    size_t head = record.size;
    journal_add(&record, &op);
    for (size_t size = 0; size < record.size; size++) {
        /* A heap copy of that very size, so that the sanitizer sees a read past its end. */
        char *copy = malloc(size + 1);
        assert_non_null(copy);
        memcpy(copy, record.data, size);
        enum err result = read_all((struct str){ copy, size });
        assert_int_equal(result, size == head ? ERR_OK : ERR_INVALID);
        free(copy);
    }
    assert_int_equal(read_all(buf_str(&record)), ERR_OK);
}

static void garbled_bytes_are_refused_or_read_but_never_more(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf record = { 0 };
    struct op op = full_op(OP_STEP_END, &arena);
    journal_begin(&record, NOW);
    journal_add(&record, &op);
    for (size_t at = 0; at < record.size; at++) {
        for (int bit = 0; bit < 8; bit++) {
            record.data[at] = (char)(record.data[at] ^ (1 << bit));
            enum err result = read_all(buf_str(&record));
            assert_true(result == ERR_OK || result == ERR_INVALID || result == ERR_LIMIT);
            record.data[at] = (char)(record.data[at] ^ (1 << bit));
        }
    }
}

static void a_newer_version_is_told_apart_from_damage(void **state)
{
    (void)state;
    struct err_info why = { 0 };
    struct journal_reader reader;
    AUTO(arena) struct arena arena = { 0 };
    assert_int_equal(journal_open(&reader, STR("\x02\x00"), &arena, &why), ERR_INVALID);
    assert_string_equal(why.name, "journal_version");
    assert_int_equal(journal_open(&reader, STR(""), &arena, &why), ERR_INVALID);
    assert_string_equal(why.name, "journal_damaged");
}

/* What is stored stays readable: these are the bytes of version 1 for ever. */
static void the_format_does_not_drift(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf record = { 0 };
    AUTO(buf) struct buf hex = { 0 };
    struct op open = { .kind = OP_STEP_OPEN }, set = { .kind = OP_STEP_SET, .frame = 2 };
    struct op var = { .kind = OP_VAR };
    op_number(&open, FIELD_PARENT, 1);
    op_number(&open, FIELD_STEP, 3);
    op_number(&set, FIELD_PHASE, 12);
    op_number(&set, FIELD_DUE, -5);
    op_object(&set, (struct id){ { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 } });
    op_name(&var, STR("score"));
    op_value(&var, FIELD_DATA, value_int(93));
    op_value(&var, FIELD_ERROR, value_string(STR("x")));
    journal_begin(&record, (struct instant){ 1000000 });
    journal_add(&record, &open);
    journal_add(&record, &set);
    journal_add(&record, &var);
    hex_add(&hex, buf_str(&record));
    assert_string_equal(hex.data,
        "0180897a07000502060802a0800518090102030405060708090a0b0c0d0e0f100c008080580573636f7265040000000103ba"
        "010400000001060178");
}

/* Numbers of enums that stand in journals and rows. A new one goes to the end; none is ever used again. */
static void stored_numbers_do_not_change(void **state)
{
    (void)state;
    const int kinds[] = { OP_CREATE, OP_HAPPENED, OP_RUN, OP_SUBJECT, OP_BLOCK_OPEN, OP_BLOCK_CLOSE,
        OP_STEP_OPEN, OP_STEP_SET, OP_STEP_RESULT, OP_STEP_END, OP_STEP_LEAF, OP_VAR, OP_COLLECT, OP_SNAPSHOT,
        OP_FRAME, OP_SCOPE_RESULT };
    const int fields[] = { FIELD_PARENT, FIELD_KIND, FIELD_STEP, FIELD_PART, FIELD_NUMBER, FIELD_PHASE,
        FIELD_STATUS, FIELD_STOP, FIELD_ATTEMPT, FIELD_POSITION, FIELD_COUNT, FIELD_FLAGS, FIELD_STARTED,
        FIELD_ENDED, FIELD_DUE, FIELD_DEADLINE, FIELD_OBJECT, FIELD_NAME, FIELD_DATA, FIELD_OUTPUT,
        FIELD_ERROR };
    const int parts[] = { PART_MAIN, PART_ON_FAILURE, PART_THEN, PART_ELSE, PART_CASE, PART_DEFAULT,
        PART_BODY, PART_BRANCH, PART_TRY, PART_CATCH, PART_FINALLY, PART_ERROR };
    const int phases[] = { PHASE_ENTER, PHASE_INSIDE, PHASE_CALL, PHASE_PROBE, PHASE_LOCAL, PHASE_LOCAL_DONE,
        PHASE_APPROVAL, PHASE_BACKOFF, PHASE_ASK, PHASE_WAIT, PHASE_EVENT, PHASE_CHILD, PHASE_UNCERTAIN,
        PHASE_HANDLING };
    const int happenings[] = { HAPPENED_START, HAPPENED_RESULT, HAPPENED_LOCAL, HAPPENED_TIMER,
        HAPPENED_ANSWER, HAPPENED_EVENT, HAPPENED_CHILD, HAPPENED_CANCEL, HAPPENED_CONTINUE, HAPPENED_RECOVER,
        HAPPENED_RETRY, HAPPENED_SUBJECT, HAPPENED_ABORT };
    const int statuses[] = { RUN_QUEUED, RUN_RUNNING, RUN_WAITING, RUN_SUCCEEDED, RUN_FAILED, RUN_CANCELLED,
        RUN_UNCERTAIN };
    for (int i = 0; i < 16; i++)
        assert_int_equal(kinds[i], i + 1);
    for (int i = 0; i < 21; i++)
        assert_int_equal(fields[i], i);
    for (int i = 0; i < 12; i++)
        assert_int_equal(parts[i], i + 1);
    for (int i = 0; i < 14; i++)
        assert_int_equal(phases[i], i + 10);
    for (int i = 0; i < 13; i++)
        assert_int_equal(happenings[i], i + 1);
    for (int i = 0; i < 7; i++)
        assert_int_equal(statuses[i], i);
    assert_int_equal(
        FRAME_RETURNS | FRAME_FAILS | FRAME_SIMULATED | FRAME_APPROVED, 0x08 | 0x10 | 0x40 | 0x80);
}

static void operations_print_as_text(void **state)
{
    (void)state;
    AUTO(buf) struct buf text = { 0 };
    struct op op = { .kind = OP_STEP_END, .frame = 4 };
    op_number(&op, FIELD_STATUS, 3);
    op_value(&op, FIELD_OUTPUT, value_bool(true));
    journal_print(&text, &op);
    assert_string_equal(text.data, "step_end #4 status=3 output=true\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_comes_back_as_it_was),
        cmocka_unit_test(output_that_was_packed_before_gives_the_same_bytes),
        cmocka_unit_test(each_field_comes_back_alone),
        cmocka_unit_test(numbers_at_their_bounds_come_back),
        cmocka_unit_test(a_record_that_was_cut_off_is_refused),
        cmocka_unit_test(garbled_bytes_are_refused_or_read_but_never_more),
        cmocka_unit_test(a_newer_version_is_told_apart_from_damage),
        cmocka_unit_test(the_format_does_not_drift),
        cmocka_unit_test(stored_numbers_do_not_change),
        cmocka_unit_test(operations_print_as_text),
    };
    return cmocka_run_group_tests_name("engine_journal", tests, NULL, NULL);
}
