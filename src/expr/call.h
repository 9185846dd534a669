/* What a function sees of the evaluation that calls it: the arena for its result, the cost that it
 * adds to, the place for its error text. Every function charges in proportion to its work, so that
 * the cost limit bounds time and memory alike. */
#ifndef TOCSIN_EXPR_CALL_H
#define TOCSIN_EXPR_CALL_H

#include "base/arena.h"
#include "base/err.h"
#include "base/value.h"

struct regex;
struct zone;

/* Bytes read or written for one unit of cost. */
#define CALL_BYTES_PER_UNIT 16

struct call {
    struct arena *arena;
    uint64_t cost;
    uint64_t cost_max;
    struct regex *regex; /* the last pattern that was not a constant; owned by the evaluation */
    struct str regex_pattern;
    const struct zone *zone; /* the last time zone, in the arena */
    struct str zone_name;
    struct err_info why; /* text of the last error */
};

/* A CEL error; the evaluator adds the place. */
FALLIBLE call_fail(struct call *call, const char *format, ...) PRINTF_LIKE(2, 3);
FALLIBLE call_no_overload(struct call *call);
/* ERR_LIMIT "expression_cost" past the limit. */
FALLIBLE call_charge(struct call *call, uint64_t units);
FALLIBLE call_charge_bytes(struct call *call, uint64_t bytes);

/* Units that reading the whole value takes, at most `units_max`: one container that stands in many places is
 * read as often, and a few lines make a tree of more nodes than atoms. Nothing is charged. ERR_LIMIT:
 * "expression_cost" past `units_max`, "VALUE_DEPTH_MAX". */
FALLIBLE call_measure(struct call *call, struct value v, uint64_t units_max, uint64_t *ret_units);
/* Charges for reading the whole value. */
FALLIBLE call_charge_value(struct call *call, struct value v);

/* Room for a string of `size` bytes, charged. ERR_LIMIT (EXPR_STRING_BYTES_MAX). */
FALLIBLE call_bytes(struct call *call, size_t size, char **ret);
/* Room for `count` list items, charged. */
FALLIBLE call_items(struct call *call, size_t count, struct value **ret);
/* A copy in the arena. */
FALLIBLE call_string(struct call *call, struct str text, struct value *ret);
/* The bytes as hexadecimal digits, small letters. */
FALLIBLE call_hex(struct call *call, struct str bytes, struct value *ret);

static inline struct value call_list(const struct value *items, size_t count)
{
    return (struct value){ .type = VALUE_LIST, .size = (uint32_t)count, .items = items };
}

FALLIBLE call_optional(struct call *call, struct value inside, struct value *ret);
static inline struct value call_none(void)
{
    return (struct value){ .type = VALUE_OPTIONAL };
}

/* Text that grows in the arena. Failure is sticky; writer_end tells. */
struct writer {
    struct call *call;
    char *data;
    size_t size, room;
    enum err failed;
};

void writer_add(struct writer *writer, struct str text);
void writer_add_byte(struct writer *writer, char byte);
void writer_add_code_point(struct writer *writer, uint32_t c);
void writer_printf(struct writer *writer, const char *format, ...) PRINTF_LIKE(2, 3);
FALLIBLE writer_end(struct writer *writer, struct value *ret); /* as a string */

#endif
