/* JSON (RFC 8259) to value and back. Strict: no comments, no trailing commas, valid UTF-8 only, depth
 * capped at JSON_DEPTH_MAX. Integers are exact: int, above 2^63-1 uint, else double; -0 is a double.
 * Lone surrogates in \u escapes are refused. Text points into the input where no escape stands
 * before it, so the input must live as long as the value unless `copy_strings` is set. */
#ifndef TOCSIN_BASE_JSON_H
#define TOCSIN_BASE_JSON_H

#include "base/buf.h"
#include "base/value.h"

enum json_duplicates {
    JSON_DUPLICATES_REFUSE, /* our own files and API bodies: error "json_duplicate_key" */
    JSON_DUPLICATES_LAST, /* ingested events: the last wins, the map gets VALUE_DUPLICATE_KEYS */
};

struct json_options {
    enum json_duplicates duplicates;
    bool copy_strings;
    uint8_t flags; /* set on each value read, e.g. VALUE_OUTSIDE */
    uint32_t depth_max; /* 0: JSON_DEPTH_MAX */
    uint32_t values_max; /* past it ERR_LIMIT, name "json_values_max"; 0: any number */
};

/* One value and nothing but white space after it. Errors: ERR_INVALID with line, column and a name
 * that starts with "json_"; ERR_LIMIT; ERR_MEMORY. */
FALLIBLE json_parse(struct arena *arena, struct str text, const struct json_options *options,
    struct value *ret, struct err_info *why);
/* The next value of a sequence (NDJSON or concatenated). `*offset` moves behind it. Sets `*ret_more`
 * to false, and no value, when only white space is left. */
FALLIBLE json_parse_next(struct arena *arena, struct str text, size_t *offset,
    const struct json_options *options, struct value *ret, bool *ret_more, struct err_info *why);

#define JSON_PRETTY 0x01 /* two spaces of indent */
#define JSON_SORT_KEYS 0x02 /* by bytes, for hashes and stable diffs */
#define JSON_CANONICAL (JSON_SORT_KEYS)

/* Appends. What JSON lacks is written as text: bytes in base64, timestamps in RFC 3339, durations
 * like "3.5s", NaN and the infinities as in proto3 JSON, types by name, an optional as what it holds
 * or null, a secret as "(secret)". Keys that are no strings are written as their text. */
void json_print(struct buf *buf, struct value v, unsigned flags);
void json_print_string(
    struct buf *buf, struct str s); /* with quotes; bytes that are no UTF-8 become U+FFFD */
/* The shortest decimal text that reads back as the same double. */
void json_print_double(struct buf *buf, double d);

#endif
