/* The value: JSON's types plus those of CEL. A value is 16 bytes, passed by copy; what it points to
 * lives in an arena and never changes once built, so trees may be shared between threads for as long
 * as their arena lives.
 *
 * Maps keep the order in which their keys were added; keys are unique. Map keys are strings in JSON;
 * CEL allows bool, int and uint too. Numeric keys are equal when their numbers are (CEL, "Maps").
 */
#ifndef TOCSIN_BASE_VALUE_H
#define TOCSIN_BASE_VALUE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

enum value_type {
    VALUE_NULL = 0,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_UINT,
    VALUE_DOUBLE,
    VALUE_STRING, /* valid UTF-8, may hold U+0000 */
    VALUE_BYTES,
    VALUE_LIST,
    VALUE_MAP,
    VALUE_TIMESTAMP, /* seconds and nanoseconds since 1970-01-01 UTC, years 1 to 9999 */
    VALUE_DURATION, /* seconds and nanoseconds of the same sign */
    VALUE_TYPE, /* a type's name as a value, e.g. "list" */
    VALUE_OPTIONAL,
    VALUE_IP, /* network address: 4 or 16 bytes */
    VALUE_CIDR,
    VALUE_SECRET, /* a handle to a sealed output; never its content */
    VALUE_TYPE_COUNT,
};

/* Flags. */
#define VALUE_OUTSIDE 0x01 /* came from outside; must not reach a sink without its encoder */
#define VALUE_DUPLICATE_KEYS 0x02 /* a map that was read from an object with a repeated key */
/* A text from outside that went through the encoder of a sink (expr/type.h, enum type_sink, from 1 on). */
#define VALUE_SAFE_FOR(sink) ((uint8_t)(0x02u << (sink)))
#define VALUE_SAFE_MASK 0x7c

struct value_map;
struct value_net;

struct value {
    uint8_t type; /* enum value_type */
    uint8_t flags;
    uint16_t spare;
    uint32_t size; /* bytes of a string, items of a list, entries of a map, nanoseconds of a time */
    union {
        bool boolean;
        int64_t integer;
        uint64_t uinteger;
        double number;
        const char *bytes; /* STRING, BYTES, TYPE, SECRET */
        const struct value *items; /* LIST */
        const struct value_map *map; /* MAP */
        const struct value *inside; /* OPTIONAL: NULL when there is none */
        int64_t seconds; /* TIMESTAMP, DURATION; nanoseconds in `size` as int32_t */
        const struct value_net *net; /* IP, CIDR */
    };
};

struct value_entry {
    struct value key;
    struct value value;
};

/* `index` is an open-addressing table of entry numbers + 1 for maps above VALUE_MAP_LINEAR entries. Its
 * hash has a seed that outsiders can't know, so that nobody can send keys which all collide. */
struct value_map {
    uint32_t count;
    uint32_t index_mask; /* 0: no index, search in order */
    uint64_t index_seed;
    const uint32_t *index;
    const struct value_entry *entries;
};
#define VALUE_MAP_LINEAR 12
extern const struct value_entry value_no_entry;

struct value_net {
    uint8_t bytes[16];
    uint8_t size; /* 4 or 16 */
    uint8_t prefix; /* bits; of a CIDR */
};

static inline struct value value_null(void)
{
    return (struct value){ .type = VALUE_NULL };
}
static inline struct value value_bool(bool b)
{
    return (struct value){ .type = VALUE_BOOL, .boolean = b };
}
static inline struct value value_int(int64_t i)
{
    return (struct value){ .type = VALUE_INT, .integer = i };
}
static inline struct value value_uint(uint64_t u)
{
    return (struct value){ .type = VALUE_UINT, .uinteger = u };
}
static inline struct value value_double(double d)
{
    return (struct value){ .type = VALUE_DOUBLE, .number = d };
}
/* Borrows the bytes. The caller knows that they are UTF-8 and under 4 GiB. */
static inline struct value value_string(struct str s)
{
    return (struct value){ .type = VALUE_STRING, .size = (uint32_t)s.size, .bytes = s.data };
}
/* A text that came from outside, or is part of one. */
static inline struct value value_outside(struct str s)
{
    return (struct value){
        .type = VALUE_STRING, .flags = VALUE_OUTSIDE, .size = (uint32_t)s.size, .bytes = s.data
    };
}
/* `part` as it is taken out of `whole`: the mark of a list or map is that of all that is inside. */
static inline struct value value_part_of(struct value whole, struct value part)
{
    part.flags |= whole.flags & VALUE_OUTSIDE;
    return part;
}
/* What the texts in values tell of themselves; numbers and times hold nobody's text. Start with
 * value_marks_none(limit). */
struct value_marks {
    bool is_outside; /* a text came from outside, or stands in something that did */
    uint8_t safe; /* of VALUE_SAFE_MASK: what all of those are safe for */
    uint64_t looked_at, limit; /* parts of values, shared ones each time; behind the limit all is outside */
};
static inline struct value_marks value_marks_none(uint64_t limit)
{
    return (struct value_marks){ .safe = VALUE_SAFE_MASK, .limit = limit };
}
void value_marks_add(struct value_marks *marks, struct value v);
/* Takes out what an optional holds; every other value stays. False for an optional that holds nothing. */
static inline bool value_open(struct value *v)
{
    if (v->type != VALUE_OPTIONAL)
        return true;
    if (v->inside == NULL)
        return false;
    *v = value_part_of(*v, *v->inside);
    return true;
}
static inline struct value value_bytes(struct str s)
{
    return (struct value){ .type = VALUE_BYTES, .size = (uint32_t)s.size, .bytes = s.data };
}
static inline struct str value_str(struct value v)
{
    return (struct str){ v.bytes, v.size };
}
static inline int32_t value_nanos(struct value v)
{
    return (int32_t)v.size;
}
struct value value_timestamp(int64_t seconds, int32_t nanos);
struct value value_duration(int64_t seconds, int32_t nanos);
static inline bool value_is(struct value v, enum value_type type)
{
    return v.type == type;
}
/* A string value with these bytes. */
static inline bool value_is_text(struct value v, struct str text)
{
    return v.type == VALUE_STRING && str_equal(value_str(v), text);
}

/* The CEL name of a type: "null_type", "bool", "int", …, "google.protobuf.Timestamp". */
const char *value_type_name(enum value_type type);

/* Building. A builder is used once, inside one arena; `{ 0 }` then *_init. */
struct value_list_builder {
    struct arena *arena;
    struct value *items;
    uint32_t count, room;
};
void value_list_begin(struct value_list_builder *b, struct arena *arena);
FALLIBLE value_list_add(struct value_list_builder *b, struct value item, struct err_info *why);
struct value value_list_end(struct value_list_builder *b);

struct value_map_builder {
    struct arena *arena;
    struct value_entry *entries;
    uint32_t count, room;
    uint32_t *index;
    uint32_t index_mask;
    uint64_t index_seed;
    struct value_map *map; /* made with the first entry, so that value_map_end can't fail */
};
void value_map_begin(struct value_map_builder *b, struct arena *arena);
/* ERR_CONFLICT when the key is there already. */
FALLIBLE value_map_add(struct value_map_builder *b, struct value key, struct value v, struct err_info *why);
/* Replaces the value of a key that is there already. */
FALLIBLE value_map_put(struct value_map_builder *b, struct value key, struct value v, struct err_info *why);
/* Adds to the list under the key, which is made with the first item. */
FALLIBLE value_map_append(
    struct value_map_builder *b, struct value key, struct value item, struct err_info *why);
struct value value_map_end(struct value_map_builder *b);
/* For fields known in the source: value_map_put under a borrowed literal name. */
FALLIBLE value_map_set(struct value_map_builder *b, const char *name, struct value v, struct err_info *why);

/* Makes a map of `count` entries that the caller has put into the arena; they belong to the map from
 * here on. Of entries with equal keys the last value wins, in the place of the first; `*ret_duplicate` is
 * the number of the first entry whose key stood there before, or UINT32_MAX. */
FALLIBLE value_map_adopt(struct arena *arena, struct value_entry *entries, uint32_t count, struct value *ret,
    uint32_t *ret_duplicate, struct err_info *why);

/* A map with one more or replaced field: entries are copied, values shared. `map` may be null. */
FALLIBLE value_map_with(struct arena *arena, struct value map, struct value key, struct value v,
    struct value *ret, struct err_info *why);

/* Borrowed entries; NULL when absent or when `map` is no map. */
const struct value *value_map_find(struct value map, struct str key);
const struct value *value_map_find_key(struct value map, struct value key);
/* Borrowed; never NULL: of an empty map, and of what is no map, there is a place where entries would stand.
 */
static inline const struct value_entry *value_map_entries(struct value map)
{
    return map.type == VALUE_MAP && map.size > 0 ? map.map->entries : &value_no_entry;
}
/* value_map_find that gives null when absent: value_get(value_get(alert, STR("a")), STR("b")). */
struct value value_get(struct value map, struct str key);
/* Follows "a.b.c" through maps; null when any part is absent. */
struct value value_path(struct value root, struct str dotted);

/* CEL equality: numbers of different types compare by number, NaN differs from itself, lists and maps
 * by content. Depth is bounded by the reader's limits. */
bool value_equal(struct value a, struct value b);
/* Order for two values of one ordered kind; false when they can't be ordered. */
bool value_compare(struct value a, struct value b, int *ret_order);
uint64_t value_hash(struct value v); /* equal values hash alike */

/* A deep copy that shares nothing with the original. ERR_LIMIT past VALUE_DEPTH_MAX. */
FALLIBLE value_copy(struct arena *arena, struct value v, struct value *ret, struct err_info *why);
/* The same; the copy and all that is in it came from outside, or did not. */
FALLIBLE value_copy_marked(
    struct arena *arena, struct value v, bool is_outside, struct value *ret, struct err_info *why);
/* Bytes that a deep copy would take, to charge against limits. */
size_t value_weight(struct value v);

#endif
