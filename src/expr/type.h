/* CEL types, also what actions, sources and playbooks declare for their `in` and `out`. Immutable,
 * arena-owned; the simple ones are constants. */
#ifndef TOCSIN_EXPR_TYPE_H
#define TOCSIN_EXPR_TYPE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/value.h"

enum type_kind {
    TYPE_DYN = 0,
    TYPE_NULL,
    TYPE_BOOL,
    TYPE_INT,
    TYPE_UINT,
    TYPE_DOUBLE,
    TYPE_STRING,
    TYPE_BYTES,
    TYPE_TIMESTAMP,
    TYPE_DURATION,
    TYPE_IP,
    TYPE_CIDR,
    TYPE_LIST, /* of item */
    TYPE_MAP, /* key, item */
    TYPE_RECORD, /* a map with known string keys */
    TYPE_OPTIONAL, /* of item */
    TYPE_TYPE, /* of item, or NULL */
    TYPE_NULLABLE, /* item or null; in declarations */
    TYPE_PARAMETER, /* a type variable, by name */
    TYPE_ERROR, /* what could not be typed; says nothing further */
};

/* What reads a text as more than a text. A value from outside gets there through its encoder alone. */
enum type_sink { SINK_NONE = 0, SINK_SHELL, SINK_SQL, SINK_LDAP, SINK_HTML, SINK_PROMPT, SINK_COUNT };
const char *type_sink_name(enum type_sink sink); /* "shell", "sql", …; "" of none */
bool type_sink_parse(struct str text, enum type_sink *ret);

struct type_field {
    struct str name;
    const struct type *type;
    bool is_required; /* false: may be absent */
    bool is_secret; /* sealed in outputs: travels as a handle */
    bool is_own; /* this server's own words, such as an id or a state, among texts from outside */
    struct str help;
    enum type_sink sink; /* of parameters: where the value goes */
};

struct type {
    enum type_kind kind;
    const struct type *item; /* LIST, MAP's value, OPTIONAL, TYPE, NULLABLE */
    const struct type *key; /* MAP */
    struct str name; /* PARAMETER */
    uint32_t variable; /* PARAMETER inside the checker: number + 1 of a fresh type variable */
    const struct type_field *fields; /* RECORD */
    uint32_t field_count;
    bool is_open; /* RECORD: unknown fields are dyn, not an error */
    const struct str *choices; /* STRING restricted to these; NULL: any */
    uint32_t choice_count;
};

extern const struct type type_dyn, type_null, type_bool, type_int, type_uint, type_double, type_string,
    type_bytes, type_timestamp, type_duration, type_ip, type_cidr, type_list_dyn, type_map_dyn, type_error;

/* Compound types; `item` and `key` are borrowed. NULL when the arena is full. */
const struct type *type_list_of(struct arena *arena, const struct type *item);
const struct type *type_map_of(struct arena *arena, const struct type *key, const struct type *item);
const struct type *type_optional_of(struct arena *arena, const struct type *item);

/* Whether all values of the kind have one size, so that no text hides in them: numbers, times, addresses. */
bool type_kind_is_fixed(enum type_kind kind);
/* Of such kinds, and choices, alone or in lists: nothing in it is anybody's own text. */
bool type_is_plain(const struct type *type);
/* Of null, a bool, a number, a text, bytes; dyn of everything else. */
const struct type *type_of_scalar(struct value v);

/* The notation of `tocsin eval`: "int", "list(int)", "map(string, dyn)", "google.protobuf.Timestamp",
 * "optional_type(int)". Records print as map(string, dyn). */
void type_print(struct buf *buf, const struct type *type);
FALLIBLE type_parse(struct arena *arena, struct str text, const struct type **ret, struct err_info *why);
const struct type_field *type_find_field(const struct type *record, struct str name);
/* The field whose name is nearest to `name`; NULL when none is near. For "did you mean". */
const struct type_field *type_nearest_field(const struct type *record, struct str name);
bool type_equal(const struct type *a, const struct type *b);
/* ERR_OK when a value of type `from` can go where `to` is asked for; else what differs is in `why`
 * (ERR_INVALID), with the path of the field. dyn goes everywhere; a string goes where an address or a
 * network is asked for, since JSON has no other form of them (type_check_value reads it). */
FALLIBLE type_accepts(const struct type *to, const struct type *from, struct err_info *why);
/* Refuses a text from outside at a field that goes into a sink, unless it went through the sink's encoder
 * (ERR_INVALID "unsafe_sink", with the field's path). `record` may be any type; values that do not fit it are
 * not looked at. */
FALLIBLE type_check_sinks(const struct type *record, struct value v, struct err_info *why);
/* What a tool has answered is from outside, but for the words that its declared type lists: those are marked
 * as not. `*ret` is `v` where the marks are right already, else a copy in the arena. */
FALLIBLE type_mark_outside(
    struct arena *arena, const struct type *type, struct value v, struct value *ret, struct err_info *why);
/* Does the value fit? `why` names the path of the first part that does not: "with.ip: expected …". */
FALLIBLE type_check_value(const struct type *type, struct value v, struct err_info *why);

#endif
