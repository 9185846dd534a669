#include "base/json.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"

/* Items of the containers that are open lie on one stack and move into the arena, in their exact number,
 * when their container closes: so nothing is copied twice and no half-full array stays in the arena. */
struct reader {
    struct arena *arena;
    const struct json_options *options;
    const char *start, *at, *end;
    struct value_entry *stack;
    uint32_t stack_count, stack_room;
    uint32_t depth, depth_max;
    struct err_info *why;
};

static enum err fail_at(
    struct reader *r, const char *place, enum err code, const char *name, const char *text)
{
    uint32_t line = 1, column = 1;
    for (const char *p = r->start; p < place; p++) {
        column = *p == '\n' ? 1 : column + 1;
        line += *p == '\n';
    }
    return err_at(r->why, code, name, line, column, "%s", text);
}

static enum err fail(struct reader *r, const char *name, const char *text)
{
    return fail_at(r, r->at, ERR_INVALID, name, text);
}

static void skip_space(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
        r->at++;
}

static enum err push(struct reader *r, struct value key, struct value v)
{
    if (r->stack_count == r->stack_room) {
        uint32_t room = r->stack_room ? r->stack_room * 2 : 64;
        struct value_entry *stack = room > r->stack_room
            ? memory_realloc(r->stack, (size_t)room * sizeof *stack)
            : NULL;
        if (stack == NULL)
            return err_memory(r->why);
        r->stack = stack;
        r->stack_room = room;
    }
    r->stack[r->stack_count++] = (struct value_entry){ key, v };
    return ERR_OK;
}

static bool read_hex4(const char *p, uint32_t *ret)
{
    uint32_t number = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        uint32_t digit = c >= '0' && c <= '9' ? (uint32_t)(c - '0')
            : c >= 'a' && c <= 'f'            ? (uint32_t)(c - 'a' + 10)
            : c >= 'A' && c <= 'F'            ? (uint32_t)(c - 'A' + 10)
                                              : 16;
        if (digit == 16)
            return false;
        number = number * 16 + digit;
    }
    *ret = number;
    return true;
}

static size_t encode(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xc0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3f));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xe0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3f));
        out[2] = (char)(0x80 | (code & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3f));
    out[2] = (char)(0x80 | (code >> 6 & 0x3f));
    out[3] = (char)(0x80 | (code & 0x3f));
    return 4;
}

/* `\uXXXX`, with its second half when it is a surrogate; r->at stands behind the 'u'. */
static enum err read_unicode(struct reader *r, uint32_t *ret)
{
    uint32_t code = 0, low = 0;
    if (r->end - r->at < 4 || !read_hex4(r->at, &code))
        return fail(r, "json_escape", "\\u needs four hexadecimal digits");
    r->at += 4;
    if (code >= 0xdc00 && code <= 0xdfff)
        return fail(r, "json_surrogate", "a low surrogate without a high one before it");
    if (code >= 0xd800 && code <= 0xdbff) {
        if (r->end - r->at < 6 || r->at[0] != '\\' || r->at[1] != 'u' || !read_hex4(r->at + 2, &low) ||
            low < 0xdc00 || low > 0xdfff)
            return fail(r, "json_surrogate", "a high surrogate without a low one behind it");
        r->at += 6;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    *ret = code;
    return ERR_OK;
}

static enum err read_escape(struct reader *r, char **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (r->at >= r->end)
        return fail(r, "json_string", "the string has no closing quote");
    char c = *r->at++;
    if (c == 'u') {
        uint32_t code = 0;
        TRY(read_unicode(r, &code));
        *out += encode(*out, code);
        return ERR_OK;
    }
    const char *found = c != '\0' ? strchr(from, c) : NULL;
    if (found == NULL) {
        r->at--;
        return fail(r, "json_escape", "an unknown escape; a backslash itself is written \\\\");
    }
    *(*out)++ = to[found - from];
    return ERR_OK;
}

/* The string's text with escapes; `from` is behind the quote, r->at on the first backslash. */
static enum err read_escaped(struct reader *r, const char *from, struct str *ret)
{
    const char *close = r->at;
    while (close < r->end && *close != '"')
        close += *close == '\\' ? 2 : 1;
    if (close >= r->end)
        return fail(r, "json_string", "the string has no closing quote");
    /* No escape is shorter than what it stands for. */
    char *text = arena_bytes(r->arena, (size_t)(close - from) + 1);
    if (text == NULL)
        return err_memory(r->why);
    char *out = text;
    memcpy(out, from, (size_t)(r->at - from));
    out += r->at - from;
    while (*r->at != '"') {
        if ((unsigned char)*r->at < 0x20)
            return fail(r, "json_control", "a control character in a string; write it as \\u00XX");
        if (*r->at != '\\') {
            *out++ = *r->at++;
            continue;
        }
        r->at++;
        TRY(read_escape(r, &out));
    }
    r->at++;
    *ret = (struct str){ text, (size_t)(out - text) };
    return ERR_OK;
}

static enum err read_string(struct reader *r, struct value *ret)
{
    const char *from = ++r->at;
    unsigned char high = 0;
    while (r->at < r->end && *r->at != '"' && *r->at != '\\' && (unsigned char)*r->at >= 0x20)
        high |= (unsigned char)*r->at++;
    if (r->at >= r->end)
        return fail(r, "json_string", "the string has no closing quote");
    if ((unsigned char)*r->at < 0x20)
        return fail(r, "json_control", "a control character in a string; write it as \\u00XX");
    struct str text = { from, (size_t)(r->at - from) };
    if (*r->at == '\\') {
        TRY(read_escaped(r, from, &text));
        high = 0x80;
    } else {
        r->at++;
        if (r->options->copy_strings)
            TRY(arena_str(r->arena, text, &text, r->why));
    }
    if ((high & 0x80) && !utf8_is_valid(text))
        return fail_at(r, from, ERR_INVALID, "json_utf8", "the string is not valid UTF-8");
    if (text.size > UINT32_MAX)
        return fail_at(r, from, ERR_LIMIT, "json_string_bytes", "a string of 4 GiB or more");
    *ret = value_string(text);
    return ERR_OK;
}

static const char *skip_digits(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

static enum err read_number(struct reader *r, struct value *ret)
{
    const char *from = r->at, *p = from + (*from == '-'), *digits = p;
    p = skip_digits(p, r->end);
    if (p == digits)
        return fail(r, "json_number", "a number needs a digit here");
    if (*digits == '0' && p > digits + 1)
        return fail(r, "json_number", "a number must not begin with 0");
    bool is_integer = true;
    if (p < r->end && *p == '.') {
        const char *fraction = p + 1;
        is_integer = false;
        p = skip_digits(fraction, r->end);
        if (p == fraction)
            return fail(r, "json_number", "a digit must follow the decimal point");
    }
    if (p < r->end && (*p == 'e' || *p == 'E')) {
        const char *power = p + 1;
        is_integer = false;
        if (power < r->end && (*power == '+' || *power == '-'))
            power++;
        p = skip_digits(power, r->end);
        if (p == power)
            return fail(r, "json_number", "a digit must follow the exponent's sign");
    }
    struct str text = { from, (size_t)(p - from) };
    r->at = p;
    int64_t integer;
    uint64_t uinteger;
    double number;
    bool is_minus_zero = text.size == 2 && from[0] == '-' && from[1] == '0';
    if (is_integer && !is_minus_zero && str_to_int(text, &integer))
        *ret = value_int(integer);
    else if (is_integer && !is_minus_zero && str_to_uint(text, &uinteger))
        *ret = value_uint(uinteger);
    else if (number_parse_double(text.data, text.size, &number))
        *ret = value_double(number);
    else
        return fail_at(r, from, ERR_INVALID, "json_number", "the number is too large for a double");
    return ERR_OK;
}

static enum err read_value(struct reader *r, struct value *ret);

static enum err read_word(struct reader *r, struct value *ret)
{
    static const struct {
        struct str word;
        struct value value;
    } words[] = {
        { STR_INIT("true"), { .type = VALUE_BOOL, .boolean = true } },
        { STR_INIT("false"), { .type = VALUE_BOOL } },
        { STR_INIT("null"), { .type = VALUE_NULL } },
    };
    struct str rest = { r->at, (size_t)(r->end - r->at) };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (str_starts(rest, words[i].word)) {
            r->at += words[i].word.size;
            *ret = words[i].value;
            return ERR_OK;
        }
    }
    return fail(r, "json_value",
        r->at == r->end ? "the text ends where a value should stand" : "a value should stand here");
}

/* Moves behind ',' (true) or `close` (false). */
static enum err read_separator(struct reader *r, char close, bool *ret_more)
{
    skip_space(r);
    if (r->at < r->end && *r->at == ',') {
        r->at++;
        *ret_more = true;
        return ERR_OK;
    }
    if (r->at < r->end && *r->at == close) {
        r->at++;
        *ret_more = false;
        return ERR_OK;
    }
    return fail(
        r, "json_separator", close == ']' ? "',' or ']' should stand here" : "',' or '}' should stand here");
}

static enum err read_array(struct reader *r, struct value *ret)
{
    uint32_t base = r->stack_count;
    r->at++;
    skip_space(r);
    bool more = !(r->at < r->end && *r->at == ']');
    if (!more)
        r->at++;
    while (more) {
        struct value item;
        TRY(read_value(r, &item));
        TRY(push(r, value_null(), item));
        TRY(read_separator(r, ']', &more));
    }
    uint32_t count = r->stack_count - base;
    struct value *items = ARENA_ARRAY(r->arena, count, struct value);
    if (items == NULL)
        return err_memory(r->why);
    for (uint32_t i = 0; i < count; i++)
        items[i] = r->stack[base + i].value;
    r->stack_count = base;
    *ret = (struct value){ .type = VALUE_LIST, .size = count, .items = items };
    return ERR_OK;
}

static enum err close_object(struct reader *r, uint32_t base, const char *open, struct value *ret)
{
    uint32_t count = r->stack_count - base, duplicate;
    struct value_entry *entries = ARENA_ARRAY(r->arena, count, struct value_entry);
    if (entries == NULL)
        return err_memory(r->why);
    if (count > 0)
        memcpy(entries, r->stack + base, count * sizeof *entries);
    TRY(value_map_adopt(r->arena, entries, count, ret, &duplicate, r->why));
    if (duplicate != UINT32_MAX) {
        struct str key = value_str(r->stack[base + duplicate].key);
        if (r->options->duplicates == JSON_DUPLICATES_REFUSE) {
            char text[160];
            snprintf(text, sizeof text, "the key \"%.*s\" stands twice in one object",
                STR_ARG(str_slice(key, 0, 100)));
            bool is_inside = key.data >= r->start && key.data < r->end;
            return fail_at(r, is_inside ? key.data - 1 : open, ERR_INVALID, "json_duplicate_key", text);
        }
        ret->flags |= VALUE_DUPLICATE_KEYS;
    }
    r->stack_count = base;
    return ERR_OK;
}

static enum err read_object(struct reader *r, struct value *ret)
{
    const char *open = r->at++;
    uint32_t base = r->stack_count;
    skip_space(r);
    bool more = !(r->at < r->end && *r->at == '}');
    if (!more)
        r->at++;
    while (more) {
        struct value key, item;
        skip_space(r);
        if (r->at >= r->end || *r->at != '"')
            return fail(r, "json_key", "a key in double quotes should stand here");
        TRY(read_string(r, &key));
        key.flags = r->options->flags;
        skip_space(r);
        if (r->at >= r->end || *r->at != ':')
            return fail(r, "json_colon", "':' should stand between key and value");
        r->at++;
        TRY(read_value(r, &item));
        TRY(push(r, key, item));
        TRY(read_separator(r, '}', &more));
    }
    return close_object(r, base, open, ret);
}

static enum err read_value(struct reader *r, struct value *ret)
{
    skip_space(r);
    char first = r->at < r->end ? *r->at : '\0';
    enum err result;
    if (first == '{' || first == '[') {
        if (r->depth == r->depth_max)
            return fail_at(r, r->at, ERR_LIMIT, "json_depth", "nested too deeply (limit json_depth)");
        r->depth++;
        result = first == '{' ? read_object(r, ret) : read_array(r, ret);
        r->depth--;
    } else if (first == '"') {
        result = read_string(r, ret);
    } else if (first == '-' || (first >= '0' && first <= '9')) {
        result = read_number(r, ret);
    } else {
        result = read_word(r, ret);
    }
    if (result == ERR_OK)
        ret->flags |= r->options->flags;
    return result;
}

static void reader_init(struct reader *r, struct arena *arena, struct str text, size_t offset,
    const struct json_options *options, struct err_info *why)
{
    static const struct json_options strict = { 0 };
    const struct json_options *chosen = options ? options : &strict;
    const char *data = text.data ? text.data : "";
    *r = (struct reader){ .arena = arena,
        .options = chosen,
        .start = data,
        .at = data + offset,
        .end = data + text.size,
        .depth_max = chosen->depth_max ? chosen->depth_max : JSON_DEPTH_MAX,
        .why = why };
}

enum err json_parse(struct arena *arena, struct str text, const struct json_options *options,
    struct value *ret, struct err_info *why)
{
    struct reader r;
    struct value v;
    reader_init(&r, arena, text, 0, options, why);
    enum err result = read_value(&r, &v);
    if (result == ERR_OK) {
        skip_space(&r);
        if (r.at != r.end)
            result = fail(&r, "json_trailing", "something stands behind the value");
    }
    memory_free(r.stack);
    TRY(result);
    *ret = v;
    return ERR_OK;
}

enum err json_parse_next(struct arena *arena, struct str text, size_t *offset,
    const struct json_options *options, struct value *ret, bool *ret_more, struct err_info *why)
{
    struct reader r;
    struct value v;
    reader_init(&r, arena, text, *offset, options, why);
    skip_space(&r);
    if (r.at == r.end) {
        *offset = text.size;
        *ret_more = false;
        return ERR_OK;
    }
    enum err result = read_value(&r, &v);
    memory_free(r.stack);
    TRY(result);
    *offset = (size_t)(r.at - r.start);
    *ret_more = true;
    *ret = v;
    return ERR_OK;
}
