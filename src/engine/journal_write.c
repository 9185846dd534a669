#include <string.h>

#include "base/json.h"
#include "base/pack.h"
#include "base/varint.h"
#include "engine/journal.h"

void op_number(struct op *op, enum op_field field, int64_t number)
{
    op->fields |= FIELD_BIT(field);
    op->numbers[field] = number;
}

void op_object(struct op *op, struct id object)
{
    op->fields |= FIELD_BIT(FIELD_OBJECT);
    op->object = object;
}

void op_name(struct op *op, struct str name)
{
    op->fields |= FIELD_BIT(FIELD_NAME);
    op->name = name;
}

void op_value(struct op *op, enum op_field field, struct value v)
{
    op->fields |= FIELD_BIT(field);
    struct value *into = field == FIELD_DATA ? &op->data : field == FIELD_OUTPUT ? &op->output : &op->error;
    *into = v;
}

static void add_varint(struct buf *record, uint64_t number)
{
    char bytes[VARINT_BYTES_MAX];
    const char *end = varint_write(bytes, number);
    buf_add(record, (struct str){ bytes, (size_t)(end - bytes) });
}

static void add_size(struct buf *record, size_t at, size_t size)
{
    if (size > UINT32_MAX) {
        record->failed = ERR_LIMIT;
        return;
    }
    for (int i = 0; i < 4; i++)
        record->data[at + (size_t)i] = (char)(size >> (8 * i));
}

static size_t add_room_for_size(struct buf *record)
{
    const uint8_t nothing[4] = { 0 };
    size_t at = record->size;
    buf_add(record, (struct str){ (const char *)nothing, sizeof(nothing) });
    return at;
}

static void add_packed(struct buf *record, struct str packed)
{
    size_t at = add_room_for_size(record);
    buf_add(record, packed);
    if (!record->failed)
        add_size(record, at, packed.size);
}

/* The size stands in front in four bytes, filled in afterwards: packing twice only to know it costs more
 * than the bytes do. */
static void add_value(struct buf *record, struct value v)
{
    size_t at = add_room_for_size(record), begin = record->size;
    pack_value(record, v);
    if (!record->failed)
        add_size(record, at, record->size - begin);
}

void journal_begin(struct buf *record, struct instant now)
{
    buf_add_byte(record, JOURNAL_VERSION);
    add_varint(record, zigzag(now.us));
}

void journal_add(struct buf *record, const struct op *op)
{
    add_varint(record, (uint64_t)op->kind);
    add_varint(record, op->frame);
    add_varint(record, op->fields);
    for (unsigned field = 0; field < FIELD_NUMBERS_END; field++) {
        if (op->fields & FIELD_BIT(field))
            add_varint(record, zigzag(op->numbers[field]));
    }
    if (op_has(op, FIELD_OBJECT))
        buf_add(record, id_bytes(&op->object));
    if (op_has(op, FIELD_NAME)) {
        add_varint(record, op->name.size);
        buf_add(record, op->name);
    }
    if (op_has(op, FIELD_DATA))
        add_value(record, op->data);
    if (op_has(op, FIELD_OUTPUT) && op->packed_output.size > 0)
        add_packed(record, op->packed_output);
    else if (op_has(op, FIELD_OUTPUT))
        add_value(record, op->output);
    if (op_has(op, FIELD_ERROR))
        add_value(record, op->error);
}

static const char *const op_names[OP_KIND_END] = {
    [OP_CREATE] = "create",
    [OP_HAPPENED] = "happened",
    [OP_RUN] = "run",
    [OP_SUBJECT] = "subject",
    [OP_BLOCK_OPEN] = "block_open",
    [OP_BLOCK_CLOSE] = "block_close",
    [OP_STEP_OPEN] = "step_open",
    [OP_STEP_SET] = "step_set",
    [OP_STEP_RESULT] = "step_result",
    [OP_STEP_END] = "step_end",
    [OP_STEP_LEAF] = "step_leaf",
    [OP_VAR] = "var",
    [OP_COLLECT] = "collect",
    [OP_SNAPSHOT] = "snapshot",
    [OP_FRAME] = "frame",
    [OP_SCOPE_RESULT] = "scope_result",
};

static const char *const field_names[FIELD_COUNT_ALL] = {
    [FIELD_PARENT] = "parent",
    [FIELD_KIND] = "kind",
    [FIELD_STEP] = "step",
    [FIELD_PART] = "part",
    [FIELD_NUMBER] = "number",
    [FIELD_PHASE] = "phase",
    [FIELD_STATUS] = "status",
    [FIELD_STOP] = "stop",
    [FIELD_ATTEMPT] = "attempt",
    [FIELD_POSITION] = "position",
    [FIELD_COUNT] = "count",
    [FIELD_FLAGS] = "flags",
    [FIELD_STARTED] = "started",
    [FIELD_ENDED] = "ended",
    [FIELD_DUE] = "due",
    [FIELD_DEADLINE] = "deadline",
    [FIELD_OBJECT] = "object",
    [FIELD_NAME] = "name",
    [FIELD_DATA] = "data",
    [FIELD_OUTPUT] = "output",
    [FIELD_ERROR] = "error",
};

void journal_print(struct buf *buf, const struct op *op)
{
    buf_printf(buf, "%s #%u", op->kind < OP_KIND_END ? op_names[op->kind] : "?", op->frame);
    for (unsigned field = 0; field < FIELD_NUMBERS_END; field++) {
        if (op->fields & FIELD_BIT(field))
            buf_printf(buf, " %s=%lld", field_names[field], (long long)op->numbers[field]);
    }
    if (op_has(op, FIELD_OBJECT))
        buf_printf(buf, " object=%s", id_text(op->object).text);
    if (op_has(op, FIELD_NAME))
        buf_printf(buf, " name=%.*s", STR_ARG(op->name));
    const struct value *values[] = { &op->data, &op->output, &op->error };
    for (unsigned i = 0; i < 3; i++) {
        if (!op_has(op, (enum op_field)(FIELD_DATA + i)))
            continue;
        buf_printf(buf, " %s=", field_names[FIELD_DATA + i]);
        json_print(buf, *values[i], 0);
    }
    buf_add_byte(buf, '\n');
}
