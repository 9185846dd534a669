#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/json_scan.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

/* Items of containers that are still open wait on a stack, so that each container takes one array of
 * exactly its size from the arena. Small documents never leave the first one. */
#define STACK_FIRST 160

struct reader {
    struct arena *arena;
    const char *start, *at, *end;
    enum json_duplicates duplicates;
    bool copy_strings;
    uint8_t flags;
    uint32_t depth, depth_max;
    uint32_t values_left;
    struct value *stack;
    size_t stack_count, stack_room;
    struct value *heap; /* the stack once it has outgrown `first` */
    struct err_info *why;
    struct value first[STACK_FIRST];
};

static uint32_t line_of(const struct reader *r, const char *at, const char **ret_start)
{
    uint32_t line = 1;
    *ret_start = r->start;
    for (const char *c = r->start; c < at; c++) {
        if (*c == '\n') {
            line++;
            *ret_start = c + 1;
        }
    }
    return line;
}

static FALLIBLE fail_at(struct reader *r, enum err code, const char *at, const char *name, const char *text)
{
    const char *start;
    uint32_t line = line_of(r, at, &start);
    return err_at(r->why, code, name, line, (uint32_t)(at - start) + 1, "%s", text);
}

static FALLIBLE invalid(struct reader *r, const char *name, const char *text)
{
    return fail_at(r, ERR_INVALID, r->at, name, text);
}

static FALLIBLE push(struct reader *r, struct value v)
{
    if (r->stack_count == r->stack_room) {
        size_t room = r->stack_room * 2;
        struct value *larger = memory_realloc(r->heap, room * sizeof *larger);
        if (larger == NULL)
            return err_memory(r->why);
        if (r->heap == NULL)
            memcpy(larger, r->first, sizeof r->first);
        r->heap = r->stack = larger;
        r->stack_room = room;
    }
    r->stack[r->stack_count++] = v;
    return ERR_OK;
}

static inline void skip_space(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
        r->at++;
}

/* --- strings --------------------------------------------------------------------------------------- */

/* Four digits behind "\u". */
static FALLIBLE read_hex4(struct reader *r, uint32_t *ret)
{
    uint32_t unit = 0;
    if (r->end - r->at < 4)
        return invalid(r, "json_escape", "\\u needs four hexadecimal digits");
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(r->at[i]);
        if (digit < 0)
            return invalid(r, "json_escape", "\\u needs four hexadecimal digits");
        unit = unit << 4 | (uint32_t)digit;
    }
    r->at += 4;
    *ret = unit;
    return ERR_OK;
}

static FALLIBLE read_code_point(struct reader *r, uint32_t *ret)
{
    uint32_t high, low;
    TRY(read_hex4(r, &high));
    if (high < 0xd800 || high > 0xdfff) {
        *ret = high;
        return ERR_OK;
    }
    const char *name = "json_surrogate",
               *text = "a surrogate stands alone: \\ud800 to \\udbff and \\udc00 to "
                       "\\udfff belong in pairs";
    if (high > 0xdbff || r->end - r->at < 2 || r->at[0] != '\\' || r->at[1] != 'u')
        return invalid(r, name, text);
    r->at += 2;
    TRY(read_hex4(r, &low));
    if (low < 0xdc00 || low > 0xdfff)
        return invalid(r, name, text);
    *ret = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    return ERR_OK;
}

static char *put_code_point(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    } else {
        *out++ = (char)(0xf0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    }
    return out;
}

/* Behind the backslash; an escape never grows when it is decoded. */
static FALLIBLE read_escape(struct reader *r, char **out)
{
    static const char escapes[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    char c = r->at < r->end ? *r->at : '\0';
    if (c == 'u') {
        uint32_t code_point = 0;
        r->at++;
        TRY(read_code_point(r, &code_point));
        *out = put_code_point(*out, code_point);
        return ERR_OK;
    }
    const char *found = c ? strchr(escapes, c) : NULL;
    if (found == NULL)
        return invalid(
            r, "json_escape", "no such escape: JSON has \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX");
    *(*out)++ = meanings[found - escapes];
    r->at++;
    return ERR_OK;
}

/* A byte that json_plain_end stopped at and that is neither a quote nor a backslash. */
static FALLIBLE check_odd_byte(struct reader *r)
{
    if (r->at == r->end)
        return invalid(r, "json_string", "the text ends inside a string: a closing \" is missing");
    if ((unsigned char)*r->at < 0x20)
        return invalid(
            r, "json_control", "a control character in a string: write it as an escape, such as \\n");
    size_t offset = 0;
    if (utf8_next((struct str){ r->at, (size_t)(r->end - r->at) }, &offset) < 0)
        return invalid(r, "json_utf8", "these bytes are not UTF-8");
    r->at += offset;
    return ERR_OK;
}

/* To the closing quote, without decoding; tells if there are escapes. */
static FALLIBLE skim_string(struct reader *r, bool *ret_has_escapes)
{
    *ret_has_escapes = false;
    for (;;) {
        r->at = json_plain_end(r->at, r->end);
        if (r->at < r->end && *r->at == '"')
            return ERR_OK;
        if (r->at < r->end && *r->at == '\\') {
            *ret_has_escapes = true;
            r->at += r->end - r->at < 2 ? 1 : 2;
            continue;
        }
        TRY(check_odd_byte(r));
    }
}

/* The bytes from `from` to r->at, which skim_string has seen, with escapes decoded. */
static FALLIBLE decode_string(struct reader *r, const char *from, struct str *ret)
{
    const char *close = r->at;
    char *text = arena_bytes(r->arena, (size_t)(close - from) + 1);
    if (text == NULL)
        return err_memory(r->why);
    char *out = text;
    r->at = from;
    while (r->at < close) {
        const char *slash = memchr(r->at, '\\', (size_t)(close - r->at));
        size_t plain = (size_t)((slash ? slash : close) - r->at);
        memcpy(out, r->at, plain);
        out += plain;
        r->at += plain;
        if (slash != NULL) {
            r->at++;
            TRY(read_escape(r, &out));
        }
    }
    *out = '\0';
    *ret = (struct str){ text, (size_t)(out - text) };
    return ERR_OK;
}

static FALLIBLE read_string(struct reader *r, struct value *ret)
{
    bool has_escapes;
    const char *from = ++r->at;
    TRY(skim_string(r, &has_escapes));
    struct str text = { from, (size_t)(r->at - from) };
    if (has_escapes)
        TRY(decode_string(r, from, &text));
    else if (r->copy_strings)
        TRY(arena_str(r->arena, text, &text, r->why));
    r->at++;
    *ret = (struct value){
        .type = VALUE_STRING, .flags = r->flags, .size = (uint32_t)text.size, .bytes = text.data
    };
    return ERR_OK;
}

/* --- numbers --------------------------------------------------------------------------------------- */

static inline bool at_digit(const struct reader *r)
{
    return r->at < r->end && *r->at >= '0' && *r->at <= '9';
}

static FALLIBLE skip_digits(struct reader *r, const char *text)
{
    if (!at_digit(r))
        return invalid(r, "json_number", text);
    while (at_digit(r))
        r->at++;
    return ERR_OK;
}

/* The part behind the whole digits; the number starts at `from`. */
static FALLIBLE read_double(struct reader *r, const char *from, struct value *ret)
{
    if (r->at < r->end && *r->at == '.') {
        r->at++;
        TRY(skip_digits(r, "a digit must follow the decimal point"));
    }
    if (r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
        r->at++;
        if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
            r->at++;
        TRY(skip_digits(r, "a digit must follow the exponent's e"));
    }
    double number;
    if (!number_parse_double(from, (size_t)(r->at - from), &number))
        return fail_at(r, ERR_INVALID, from, "json_number_range", "the number is too large for a double");
    *ret = value_double(number);
    ret->flags = r->flags;
    return ERR_OK;
}

static FALLIBLE read_number(struct reader *r, struct value *ret)
{
    const char *from = r->at;
    bool is_negative = *from == '-', is_huge = false;
    uint64_t size = 0;
    r->at += is_negative;
    const char *digits = r->at;
    for (; at_digit(r); r->at++) {
        unsigned digit = (unsigned)(*r->at - '0');
        is_huge |= __builtin_mul_overflow(size, 10, &size) || __builtin_add_overflow(size, digit, &size);
    }
    if (r->at == digits)
        return invalid(r, "json_number", "a digit is missing here");
    if (*digits == '0' && r->at - digits > 1)
        return fail_at(r, ERR_INVALID, digits, "json_number", "a number must not start with a needless 0");
    bool is_whole = r->at == r->end || (*r->at != '.' && *r->at != 'e' && *r->at != 'E');
    if (!is_whole || is_huge || (is_negative && (size == 0 || size > UINT64_C(1) << 63)))
        return read_double(r, from, ret);
    if (is_negative)
        *ret = value_int((int64_t)(0 - size));
    else
        *ret = size <= INT64_MAX ? value_int((int64_t)size) : value_uint(size);
    ret->flags = r->flags;
    return ERR_OK;
}

/* --- containers ------------------------------------------------------------------------------------ */

static FALLIBLE read_value(struct reader *r, struct value *ret);

static FALLIBLE enter(struct reader *r)
{
    if (++r->depth > r->depth_max)
        return fail_at(r, ERR_LIMIT, r->at, "json_depth", "nested too deeply (limit json_depth)");
    r->at++;
    skip_space(r);
    return ERR_OK;
}

/* Behind an item: true in `*ret_more` when a comma says that another one follows. */
static FALLIBLE read_separator(struct reader *r, char close, bool *ret_more)
{
    skip_space(r);
    char c = r->at < r->end ? *r->at : '\0';
    if (c != ',' && c != close)
        return invalid(r, "json_separator",
            close == ']' ? "a comma or ] is missing here" : "a comma or } is missing here");
    r->at++;
    *ret_more = c == ',';
    if (!*ret_more)
        return ERR_OK;
    skip_space(r);
    if (r->at < r->end && *r->at == close)
        return invalid(r, "json_value", "a comma before the closing bracket: take it away");
    return ERR_OK;
}

static FALLIBLE read_list(struct reader *r, struct value *ret)
{
    size_t base = r->stack_count;
    TRY(enter(r));
    bool more = r->at == r->end || *r->at != ']';
    r->at += !more;
    while (more) {
        struct value item;
        TRY(read_value(r, &item));
        TRY(push(r, item));
        TRY(read_separator(r, ']', &more));
    }
    size_t count = r->stack_count - base;
    struct value *items = NULL;
    if (count > 0) {
        items = ARENA_ARRAY(r->arena, count, struct value);
        if (items == NULL)
            return err_memory(r->why);
        memcpy(items, r->stack + base, count * sizeof *items);
    }
    r->stack_count = base;
    r->depth--;
    *ret = (struct value){ .type = VALUE_LIST, .flags = r->flags, .size = (uint32_t)count, .items = items };
    return ERR_OK;
}

static FALLIBLE read_entry(struct reader *r)
{
    struct value key, v;
    if (r->at == r->end || *r->at != '"')
        return invalid(r, "json_key", "a key in double quotes is missing here");
    TRY(read_string(r, &key));
    skip_space(r);
    if (r->at == r->end || *r->at != ':')
        return invalid(r, "json_colon", "a colon is missing behind the key");
    r->at++;
    skip_space(r);
    TRY(read_value(r, &v));
    TRY(push(r, key));
    return push(r, v);
}

/* The key's own place where its bytes still lie in the text, else the end of the object. */
static FALLIBLE refuse_duplicate(struct reader *r, struct value key)
{
    bool is_in_text = key.bytes > r->start && key.bytes < r->end;
    char text[160];
    (void)snprintf(
        text, sizeof text, "the key \"%.*s\" is there twice", STR_ARG(str_slice(value_str(key), 0, 100)));
    return fail_at(r, ERR_INVALID, is_in_text ? key.bytes - 1 : r->at - 1, "json_duplicate_key", text);
}

static FALLIBLE make_map(struct reader *r, size_t base, struct value *ret)
{
    static_assert(sizeof(struct value_entry) == 2 * sizeof(struct value), "an entry is a key and a value");
    size_t count = (r->stack_count - base) / 2;
    struct value_entry *entries = NULL;
    if (count > 0) {
        entries = ARENA_ARRAY(r->arena, count, struct value_entry);
        if (entries == NULL)
            return err_memory(r->why);
        memcpy(entries, r->stack + base, count * sizeof *entries);
    }
    uint32_t duplicate;
    TRY(value_map_adopt(r->arena, entries, (uint32_t)count, ret, &duplicate, r->why));
    ret->flags = r->flags;
    if (duplicate == UINT32_MAX)
        return ERR_OK;
    if (r->duplicates == JSON_DUPLICATES_REFUSE)
        return refuse_duplicate(r, r->stack[base + 2 * (size_t)duplicate]);
    ret->flags |= VALUE_DUPLICATE_KEYS;
    return ERR_OK;
}

static FALLIBLE read_map(struct reader *r, struct value *ret)
{
    size_t base = r->stack_count;
    TRY(enter(r));
    bool more = r->at == r->end || *r->at != '}';
    r->at += !more;
    while (more) {
        TRY(read_entry(r));
        TRY(read_separator(r, '}', &more));
    }
    TRY(make_map(r, base, ret));
    r->stack_count = base;
    r->depth--;
    return ERR_OK;
}

static FALLIBLE read_word(struct reader *r, struct str word, struct value v, struct value *ret)
{
    if (!str_starts((struct str){ r->at, (size_t)(r->end - r->at) }, word))
        return invalid(r, "json_value", "no such word: JSON has true, false and null");
    r->at += word.size;
    v.flags = r->flags;
    *ret = v;
    return ERR_OK;
}

static enum err read_value(struct reader *r, struct value *ret)
{
    if (r->at == r->end)
        return invalid(r, "json_value", "the text ends where a value must stand");
    if (r->values_left-- == 0)
        return fail_at(r, ERR_LIMIT, r->at, "json_values_max", "too many values (limit json_values_max)");
    switch (*r->at) {
    case '{': return read_map(r, ret);
    case '[': return read_list(r, ret);
    case '"': return read_string(r, ret);
    case 't': return read_word(r, STR("true"), value_bool(true), ret);
    case 'f': return read_word(r, STR("false"), value_bool(false), ret);
    case 'n': return read_word(r, STR("null"), value_null(), ret);
    case '-':
    case '0' ... '9': return read_number(r, ret);
    default: return invalid(r, "json_value", "no JSON value starts like this");
    }
}

static void reader_init(struct reader *r, struct arena *arena, struct str text, size_t offset,
    const struct json_options *options, struct err_info *why)
{
    static const struct json_options none = { 0 };
    if (options == NULL)
        options = &none;
    r->arena = arena;
    r->start = text.size ? text.data : "";
    r->at = r->start + offset;
    r->end = r->start + text.size;
    r->duplicates = options->duplicates;
    r->copy_strings = options->copy_strings;
    r->flags = options->flags;
    r->depth = 0;
    r->values_left = options->values_max ? options->values_max : UINT32_MAX;
    r->depth_max = options->depth_max ? options->depth_max : JSON_DEPTH_MAX;
    r->stack = r->first;
    r->stack_count = 0;
    r->stack_room = STACK_FIRST;
    r->heap = NULL;
    r->why = why;
}

static FALLIBLE check_size(struct str text, struct err_info *why)
{
    /* A value holds sizes in 32 bits. */
    if (text.size >= UINT32_MAX)
        return err_named(why, ERR_LIMIT, "json_bytes_max", "a JSON text of 4 GiB or more");
    return ERR_OK;
}

enum err json_parse_next(struct arena *arena, struct str text, size_t *offset,
    const struct json_options *options, struct value *ret, bool *ret_more, struct err_info *why)
{
    struct reader r;
    TRY(check_size(text, why));
    reader_init(&r, arena, text, *offset, options, why);
    skip_space(&r);
    bool is_end = r.at == r.end;
    struct value v;
    if (!is_end) {
        enum err failed = read_value(&r, &v);
        memory_free(r.heap);
        TRY(failed);
        *ret = v;
    }
    *offset = (size_t)(r.at - r.start);
    *ret_more = !is_end;
    return ERR_OK;
}

enum err json_parse(struct arena *arena, struct str text, const struct json_options *options,
    struct value *ret, struct err_info *why)
{
    struct reader r;
    struct value v;
    TRY(check_size(text, why));
    reader_init(&r, arena, text, 0, options, why);
    skip_space(&r);
    enum err failed = read_value(&r, &v);
    memory_free(r.heap);
    TRY(failed);
    skip_space(&r);
    if (r.at != r.end)
        return invalid(&r, "json_trailing", "something stands behind the value");
    *ret = v;
    return ERR_OK;
}
