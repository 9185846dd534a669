/* The strings extension. Positions count code points, not bytes. */
#include <string.h>

#include "base/text.h"
#include "expr/format.h"
#include "expr/function.h"
#include "expr/lists.h"

/* Where the code point number `position` starts, in bytes; false when the string is shorter. The place
 * behind the last one counts. */
static bool byte_of(struct str text, int64_t position, size_t *ret)
{
    size_t at = 0;
    if (position < 0)
        return false;
    for (; position > 0; position--) {
        if (at >= text.size)
            return false;
        (void)utf8_next(text, &at);
    }
    *ret = at;
    return true;
}

static int64_t position_of(struct str text, size_t byte)
{
    return (int64_t)utf8_length(str_slice(text, 0, byte));
}

static FALLIBLE out_of_range(struct call *call, int64_t position)
{
    return call_fail(call, "index out of range: %lld", (long long)position);
}

static FALLIBLE char_at(struct call *call, const struct value *a, struct value *ret)
{
    struct str text = value_str(a[0]);
    size_t at = 0;
    TRY(call_charge_bytes(call, text.size));
    if (!byte_of(text, a[1].integer, &at))
        return out_of_range(call, a[1].integer);
    size_t end = at;
    if (at < text.size)
        (void)utf8_next(text, &end);
    *ret = value_string(str_slice(text, at, end));
    return ERR_OK;
}

/* ---- searching ---- */

static FALLIBLE find_from(
    struct call *call, struct str text, struct str part, int64_t from, struct value *ret)
{
    size_t at = 0;
    TRY(call_charge_bytes(call, text.size + part.size));
    if (part.size == 0) {
        *ret = value_int(from);
        return ERR_OK;
    }
    if (from < 0)
        return out_of_range(call, from);
    ptrdiff_t found = byte_of(text, from, &at) ? str_find(text, part, at) : -1;
    *ret = value_int(found < 0 ? -1 : position_of(text, (size_t)found));
    return ERR_OK;
}

static FALLIBLE index_of(struct call *call, const struct value *a, struct value *ret)
{
    return find_from(call, value_str(a[0]), value_str(a[1]), 0, ret);
}

static FALLIBLE index_of_from(struct call *call, const struct value *a, struct value *ret)
{
    return find_from(call, value_str(a[0]), value_str(a[1]), a[2].integer, ret);
}

/* The last place at or before byte `at` where the part stands; -1 when there is none. */
static ptrdiff_t find_last(struct str text, struct str part, size_t at)
{
    if (part.size > text.size)
        return -1;
    if (at > text.size - part.size)
        at = text.size - part.size;
    for (ptrdiff_t i = (ptrdiff_t)at; i >= 0; i--) {
        if (memcmp(text.data + i, part.data, part.size) == 0)
            return i;
    }
    return -1;
}

static FALLIBLE last_index_of(struct call *call, const struct value *a, struct value *ret)
{
    struct str text = value_str(a[0]), part = value_str(a[1]);
    TRY(call_charge_bytes(call, text.size + part.size));
    ptrdiff_t found = part.size == 0 ? (ptrdiff_t)text.size : find_last(text, part, text.size);
    *ret = value_int(found < 0 ? -1 : position_of(text, (size_t)found));
    return ERR_OK;
}

static FALLIBLE last_index_of_from(struct call *call, const struct value *a, struct value *ret)
{
    struct str text = value_str(a[0]), part = value_str(a[1]);
    size_t at = 0;
    TRY(call_charge_bytes(call, text.size + part.size));
    if (part.size == 0) {
        *ret = a[2];
        return ERR_OK;
    }
    if (a[2].integer < 0)
        return out_of_range(call, a[2].integer);
    bool is_inside = byte_of(text, a[2].integer, &at) && at < text.size;
    ptrdiff_t found = is_inside ? find_last(text, part, at) : -1;
    *ret = value_int(found < 0 ? -1 : position_of(text, (size_t)found));
    return ERR_OK;
}

/* ---- cutting ---- */

static FALLIBLE substring_to(
    struct call *call, struct str text, int64_t from, int64_t to, bool has_end, struct value *ret)
{
    size_t start = 0, end = text.size;
    TRY(call_charge_bytes(call, text.size));
    if (has_end && from > to)
        return call_fail(
            call, "invalid substring range. start: %lld, end: %lld", (long long)from, (long long)to);
    if (!byte_of(text, from, &start))
        return out_of_range(call, from);
    if (has_end && !byte_of(text, to, &end))
        return out_of_range(call, to);
    *ret = value_string(str_slice(text, start, end));
    return ERR_OK;
}

static FALLIBLE substring(struct call *call, const struct value *a, struct value *ret)
{
    return substring_to(call, value_str(a[0]), a[1].integer, 0, false, ret);
}

static FALLIBLE substring_range(struct call *call, const struct value *a, struct value *ret)
{
    return substring_to(call, value_str(a[0]), a[1].integer, a[2].integer, true, ret);
}

/* Unicode's White_Space; the zero-width characters are none. */
static bool is_space(int32_t c)
{
    return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
        (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
        c == 0x3000;
}

static FALLIBLE trim(struct call *call, const struct value *a, struct value *ret)
{
    struct str text = value_str(a[0]);
    size_t start = text.size, end = 0;
    TRY(call_charge_bytes(call, text.size));
    for (size_t at = 0; at < text.size;) {
        size_t before = at;
        if (is_space(utf8_next(text, &at)))
            continue;
        if (start == text.size)
            start = before;
        end = at;
    }
    *ret = value_string(end == 0 ? STR("") : str_slice(text, start, end));
    return ERR_OK;
}

/* How many parts `split` gives, at most `most`; the positions are found again when they are cut. */
static size_t count_parts(struct str text, struct str separator, size_t most)
{
    if (separator.size == 0) {
        size_t length = utf8_length(text);
        return length < most ? length : most;
    }
    size_t count = 1;
    for (ptrdiff_t at = 0; count < most && (at = str_find(text, separator, (size_t)at)) >= 0;
         at += (ptrdiff_t)separator.size)
        count++;
    return count;
}

static FALLIBLE split_at_most(
    struct call *call, struct str text, struct str separator, int64_t most, struct value *ret)
{
    struct value *items = NULL;
    TRY(call_charge_bytes(call, 2 * text.size + separator.size));
    size_t count = most == 0 ? 0 : count_parts(text, separator, most < 0 ? SIZE_MAX : (size_t)most);
    TRY(call_items(call, count, &items));
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        size_t end = text.size, next = text.size;
        if (i + 1 < count && separator.size == 0) {
            end = at;
            (void)utf8_next(text, &end);
            next = end;
        } else if (i + 1 < count) {
            end = (size_t)str_find(text, separator, at); /* it was counted, so it is there */
            next = end + separator.size;
        }
        items[i] = value_string(str_slice(text, at, end));
        at = next;
    }
    *ret = call_list(items, count);
    return ERR_OK;
}

static FALLIBLE split(struct call *call, const struct value *a, struct value *ret)
{
    return split_at_most(call, value_str(a[0]), value_str(a[1]), -1, ret);
}

static FALLIBLE split_limit(struct call *call, const struct value *a, struct value *ret)
{
    return split_at_most(call, value_str(a[0]), value_str(a[1]), a[2].integer, ret);
}

/* ---- making ---- */

static FALLIBLE change_case(struct call *call, struct str text, char first, char last, struct value *ret)
{
    char *data = NULL;
    TRY(call_bytes(call, text.size, &data));
    for (size_t i = 0; i < text.size; i++)
        data[i] = text.data[i] >= first && text.data[i] <= last ? (char)(text.data[i] ^ 0x20) : text.data[i];
    *ret = value_string((struct str){ data, text.size });
    return ERR_OK;
}

static FALLIBLE lower_ascii(struct call *call, const struct value *a, struct value *ret)
{
    return change_case(call, value_str(a[0]), 'A', 'Z', ret);
}

static FALLIBLE upper_ascii(struct call *call, const struct value *a, struct value *ret)
{
    return change_case(call, value_str(a[0]), 'a', 'z', ret);
}

static FALLIBLE join_with(struct call *call, struct value list, struct str separator, struct value *ret)
{
    struct writer writer = { .call = call };
    TRY(call_charge(call, list.size));
    for (uint32_t i = 0; i < list.size; i++) {
        if (list.items[i].type != VALUE_STRING)
            return call_fail(call, "no such overload: join() takes strings, item %u is of type %s", i,
                value_type_name(list.items[i].type));
        if (i > 0)
            writer_add(&writer, separator);
        writer_add(&writer, value_str(list.items[i]));
    }
    return writer_end(&writer, ret);
}

static FALLIBLE join(struct call *call, const struct value *a, struct value *ret)
{
    return join_with(call, a[0], STR(""), ret);
}

static FALLIBLE join_separator(struct call *call, const struct value *a, struct value *ret)
{
    return join_with(call, a[0], value_str(a[1]), ret);
}

/* An empty `old` stands in front of each code point and at the end. */
static void replace_nothing(struct writer *writer, struct str text, struct str new, uint64_t most)
{
    size_t at = 0;
    for (uint64_t done = 0; done < most; done++) {
        size_t from = at;
        writer_add(writer, new);
        if (at >= text.size || writer->failed != ERR_OK)
            return;
        (void)utf8_next(text, &at);
        writer_add(writer, str_slice(text, from, at));
    }
    writer_add(writer, str_slice(text, at, text.size));
}

static FALLIBLE replace_at_most(struct call *call, const struct value *a, int64_t limit, struct value *ret)
{
    struct str text = value_str(a[0]), old = value_str(a[1]), new = value_str(a[2]);
    uint64_t most = limit < 0 ? UINT64_MAX : (uint64_t)limit;
    struct writer writer = { .call = call };
    TRY(call_charge_bytes(call, text.size + old.size));
    if (old.size == 0 && most > 0) {
        replace_nothing(&writer, text, new, most);
        return writer_end(&writer, ret);
    }
    size_t at = 0;
    ptrdiff_t found;
    for (; most > 0 && writer.failed == ERR_OK && (found = str_find(text, old, at)) >= 0; most--) {
        writer_add(&writer, str_slice(text, at, (size_t)found));
        writer_add(&writer, new);
        at = (size_t)found + old.size;
    }
    if (at == 0) {
        *ret = a[0];
        return writer.failed;
    }
    writer_add(&writer, str_slice(text, at, text.size));
    return writer_end(&writer, ret);
}

static FALLIBLE replace(struct call *call, const struct value *a, struct value *ret)
{
    return replace_at_most(call, a, -1, ret);
}

static FALLIBLE replace_limit(struct call *call, const struct value *a, struct value *ret)
{
    return replace_at_most(call, a, a[3].integer, ret);
}

static FALLIBLE reverse(struct call *call, const struct value *a, struct value *ret)
{
    struct str text = value_str(a[0]);
    char *data = NULL;
    TRY(call_bytes(call, text.size, &data));
    for (size_t at = 0; at < text.size;) {
        size_t from = at;
        (void)utf8_next(text, &at);
        memcpy(data + text.size - at, text.data + from, at - from);
    }
    *ret = value_string((struct str){ data, text.size });
    return ERR_OK;
}

static FALLIBLE quote(struct call *call, const struct value *a, struct value *ret)
{
    static const char from[] = "\a\b\f\n\r\t\v\\\"";
    static const char to[] = "abfnrtv\\\"";
    struct writer writer = { .call = call };
    struct str text = value_str(a[0]);
    writer_add_byte(&writer, '"');
    for (size_t i = 0; i < text.size; i++) {
        const char *found = text.data[i] != '\0' ? strchr(from, text.data[i]) : NULL;
        if (found != NULL)
            writer_add_byte(&writer, '\\');
        writer_add_byte(&writer, found != NULL ? to[found - from] : text.data[i]);
    }
    writer_add_byte(&writer, '"');
    return writer_end(&writer, ret);
}

static FALLIBLE format(struct call *call, const struct value *a, struct value *ret)
{
    return format_string(call, value_str(a[0]), a[1], ret);
}

/* ---- the table ---- */

#define S &type_string
#define INT &type_int
#define STRINGS &type_list_string

static const struct overload char_at_rows[] = { { true, 2, { S, INT }, S, char_at } };
static const struct overload format_rows[] = { { true, 2, { S, &type_list_dyn }, S, format } };
static const struct overload index_of_rows[] = {
    { true, 2, { S, S }, INT, index_of },
    { true, 3, { S, S, INT }, INT, index_of_from },
};
static const struct overload join_rows[] = {
    { true, 1, { STRINGS }, S, join },
    { true, 2, { STRINGS, S }, S, join_separator },
};
static const struct overload last_index_of_rows[] = {
    { true, 2, { S, S }, INT, last_index_of },
    { true, 3, { S, S, INT }, INT, last_index_of_from },
};
static const struct overload lower_ascii_rows[] = { { true, 1, { S }, S, lower_ascii } };
static const struct overload replace_rows[] = {
    { true, 3, { S, S, S }, S, replace },
    { true, 4, { S, S, S, INT }, S, replace_limit },
};
static const struct overload split_rows[] = {
    { true, 2, { S, S }, STRINGS, split },
    { true, 3, { S, S, INT }, STRINGS, split_limit },
};
static const struct overload quote_rows[] = { { false, 1, { S }, S, quote } };
static const struct overload substring_rows[] = {
    { true, 2, { S, INT }, S, substring },
    { true, 3, { S, INT, INT }, S, substring_range },
};
static const struct overload trim_rows[] = { { true, 1, { S }, S, trim } };
static const struct overload upper_ascii_rows[] = { { true, 1, { S }, S, upper_ascii } };
static const struct overload reverse_rows[] = {
    { true, 1, { S }, S, reverse },
    { true, 1, { &type_list_a }, &type_list_a, list_reverse },
};

static const struct function functions[] = {
    FUNCTION("charAt", char_at_rows),
    FUNCTION_JOINING("format", format_rows),
    FUNCTION("indexOf", index_of_rows),
    FUNCTION_JOINING("join", join_rows),
    FUNCTION("lastIndexOf", last_index_of_rows),
    FUNCTION("lowerAscii", lower_ascii_rows),
    FUNCTION("replace", replace_rows),
    FUNCTION("reverse", reverse_rows),
    FUNCTION("split", split_rows),
    FUNCTION("strings.quote", quote_rows),
    FUNCTION("substring", substring_rows),
    FUNCTION("trim", trim_rows),
    FUNCTION("upperAscii", upper_ascii_rows),
};

const struct library library_strings = { "strings", functions, sizeof(functions) / sizeof(functions[0]) };
