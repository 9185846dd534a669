/* The journal: a run as a sequence of records, a record as a sequence of operations on the run's state.
 *
 * An operation says what became of the state, never how it was found out: applying the same operations
 * again gives the same state, whatever the binary that does it thinks of the expressions behind them. The
 * interpreter changes a run only by writing an operation and applying it with the function that replay
 * uses (run_apply), so the two can't differ.
 *
 * A record: one byte JOURNAL_VERSION, the instant of the turn (which is its `now`), the operations. An
 * operation: its kind, the frame it is about, a mask of fields, the fields in the order of `enum
 * op_field`. Numbers are zigzag varints, texts and packed values carry their size. Kinds and fields are
 * stored for ever: new ones go to the end. */
#ifndef TOCSIN_ENGINE_JOURNAL_H
#define TOCSIN_ENGINE_JOURNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/value.h"

#define JOURNAL_VERSION 1

enum op_kind {
    OP_CREATE = 1, /* first of a run: `data` is the map that creation_pack made */
    OP_HAPPENED = 2, /* what began the turn: `part` is enum happening_kind; changes no state */
    OP_RUN = 3, /* fields of the run */
    OP_SUBJECT = 4, /* `part` is enum subject: `data` is its new snapshot, `object` its id */
    OP_BLOCK_OPEN = 5, /* a new block under step frame `parent` (0: the run's own) */
    OP_BLOCK_CLOSE = 6,
    OP_STEP_OPEN = 7, /* step `step` of block `parent` begins */
    OP_STEP_SET = 8, /* fields of a step's frame */
    OP_STEP_RESULT = 9, /* what `steps.ID` shows from now on, the frame staying */
    OP_STEP_END = 10, /* the same, and the frame is gone */
    OP_STEP_LEAF = 11, /* STEP_OPEN and STEP_END in one, for steps that take no time */
    OP_VAR = 12, /* `name` is `data` in the scope of block `frame` (0: the run's) */
    OP_COLLECT = 13, /* item `number` of what step frame `frame` gathers is `data` */
    OP_SNAPSHOT = 14, /* the state begins anew: what follows in this record is all of it */
    OP_FRAME = 15, /* a frame as it stands, inside a snapshot */
    OP_SCOPE_RESULT = 16, /* a step's result in the scope of block `frame`, inside a snapshot */
    OP_KIND_END,
};

enum op_field {
    /* Numbers. */
    FIELD_PARENT,
    FIELD_KIND,
    FIELD_STEP,
    FIELD_PART,
    FIELD_NUMBER,
    FIELD_PHASE,
    FIELD_STATUS,
    FIELD_STOP,
    FIELD_ATTEMPT,
    FIELD_POSITION,
    FIELD_COUNT,
    FIELD_FLAGS,
    FIELD_STARTED,
    FIELD_ENDED,
    FIELD_DUE,
    FIELD_DEADLINE,
    FIELD_NUMBERS_END,
    /* Others. */
    FIELD_OBJECT = FIELD_NUMBERS_END, /* an id */
    FIELD_NAME, /* a text */
    FIELD_DATA, /* values */
    FIELD_OUTPUT,
    FIELD_ERROR,
    FIELD_COUNT_ALL,
};
#define FIELD_BIT(field) (1u << (field))

struct op {
    enum op_kind kind;
    uint32_t frame;
    uint32_t fields; /* FIELD_BITs of what is given */
    int64_t numbers[FIELD_NUMBERS_END];
    struct id object;
    struct str name;
    struct value data, output, error;
    struct str packed_output; /* `output` packed already, when writing; empty: not yet */
};

static inline bool op_has(const struct op *op, enum op_field field)
{
    return op->fields & FIELD_BIT(field);
}
void op_number(struct op *op, enum op_field field, int64_t number);
void op_object(struct op *op, struct id object);
void op_name(struct op *op, struct str name);
void op_value(struct op *op, enum op_field field, struct value v); /* DATA, OUTPUT, ERROR */

/* Appending; a failure is sticky in the buffer. */
void journal_begin(struct buf *record, struct instant now);
void journal_add(struct buf *record, const struct op *op);

struct journal_reader {
    struct arena *arena; /* where values are built; texts point into `bytes` */
    struct str bytes;
    size_t at;
    struct instant now;
};
/* ERR_INVALID "journal_version" for a record of a newer Tocsin, "journal_damaged" for nonsense. `bytes`
 * must live as long as the values read. */
FALLIBLE journal_open(
    struct journal_reader *reader, struct str bytes, struct arena *arena, struct err_info *why);
/* Sets `*ret_more` to false at the end. */
FALLIBLE journal_next(struct journal_reader *reader, struct op *ret, bool *ret_more, struct err_info *why);

/* Diagnostics and tests: one line an operation. */
void journal_print(struct buf *buf, const struct op *op);

#endif
