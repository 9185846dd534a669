#include "expr/format.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/number.h"
#include "base/text.h"
#include "expr/network.h"
#include "expr/times.h"

/* More digits than any double has; a longer text could be made of zeros alone. */
#define PRECISION_MAX 1000
#define PRECISION_DEFAULT 6

static FALLIBLE not_for(struct call *call, const char *clause, const char *types, struct value v)
{
    return call_fail(call, "error during formatting: %s clause can only be used on %s, was given %s", clause,
        types, value_type_name(v.type));
}

/* NaN and the infinities; false for other numbers. */
static bool write_special(struct writer *writer, double number)
{
    if (isfinite(number))
        return false;
    writer_add(writer, isnan(number) ? STR("NaN") : number > 0 ? STR("Infinity") : STR("-Infinity"));
    return true;
}

/* ---- %s ---- */

/* Lays out "d.ddde+XX" without the exponent: the digits are the shortest that read back as the same
 * double, zeros stand where no digit is. */
static void write_plain(struct writer *writer, struct str text, size_t exponent_at)
{
    char digits[NUMBER_TEXT_BYTES];
    int count = 0;
    int64_t exponent = 0;
    struct str power = str_slice(text, exponent_at + 1, text.size);
    assert(power.size > 0);
    if (power.data[0] == '+')
        power = str_slice(power, 1, power.size);
    (void)str_to_int(power, &exponent); /* the printer wrote it */
    if (text.data[0] == '-')
        writer_add_byte(writer, '-');
    for (size_t i = 0; i < exponent_at; i++) {
        if (text.data[i] >= '0' && text.data[i] <= '9')
            digits[count++] = text.data[i];
    }
    if (exponent < 0)
        writer_add(writer, STR("0."));
    for (int64_t i = exponent + 1; i < 0; i++)
        writer_add_byte(writer, '0');
    writer_add(writer, (struct str){ digits, (size_t)count });
    for (int64_t i = count; i <= exponent; i++)
        writer_add_byte(writer, '0');
}

static void write_double(struct writer *writer, double number)
{
    char text[NUMBER_TEXT_BYTES];
    if (write_special(writer, number))
        return;
    struct str shortest = { text, number_print_double(number, text) };
    ptrdiff_t exponent_at = str_find_byte(shortest, 'e', 0);
    if (exponent_at < 0)
        writer_add(writer, shortest);
    else
        write_plain(writer, shortest, (size_t)exponent_at);
}

/* Bytes as text; each run of bytes that is no UTF-8 becomes one U+FFFD. */
static void write_lossy(struct writer *writer, struct str bytes)
{
    bool was_bad = false;
    for (size_t at = 0; at < bytes.size;) {
        size_t from = at;
        bool is_bad = utf8_next(bytes, &at) < 0;
        if (!is_bad)
            writer_add(writer, str_slice(bytes, from, at));
        else if (!was_bad)
            writer_add_code_point(writer, 0xfffd);
        was_bad = is_bad;
    }
}

static FALLIBLE write_value(struct call *call, struct writer *writer, struct value v, unsigned depth);

static FALLIBLE write_list(struct call *call, struct writer *writer, struct value list, unsigned depth)
{
    writer_add_byte(writer, '[');
    for (uint32_t i = 0; i < list.size; i++) {
        if (i > 0)
            writer_add(writer, STR(", "));
        TRY(write_value(call, writer, list.items[i], depth + 1));
    }
    writer_add_byte(writer, ']');
    return writer->failed;
}

/* By the keys' texts; of equal ones (1 and '1' are two keys) the first entry is the first. */
static bool is_before(const struct value *keys, uint32_t a, uint32_t b)
{
    int order = str_compare(value_str(keys[a]), value_str(keys[b]));
    return order < 0 || (order == 0 && a < b);
}

static void sift_down(const struct value *keys, uint32_t *order, uint32_t root, uint32_t count)
{
    for (uint32_t child; (child = 2 * root + 1) < count; root = child) {
        if (child + 1 < count && is_before(keys, order[child], order[child + 1]))
            child++;
        if (is_before(keys, order[child], order[root]))
            return;
        uint32_t swap = order[root];
        order[root] = order[child];
        order[child] = swap;
    }
}

/* Entry numbers in order: a heap sort, which needs no room. */
static void sort_keys(const struct value *keys, uint32_t *order, uint32_t count)
{
    for (uint32_t i = count / 2; i > 0; i--)
        sift_down(keys, order, i - 1, count);
    for (uint32_t end = count; end > 1; end--) {
        uint32_t swap = order[0];
        order[0] = order[end - 1];
        order[end - 1] = swap;
        sift_down(keys, order, 0, end - 1);
    }
}

static FALLIBLE write_map(struct call *call, struct writer *writer, struct value map, unsigned depth)
{
    const struct value_entry *entries = value_map_entries(map);
    struct value *keys = NULL;
    TRY(call_items(call, map.size, &keys));
    uint32_t *order = ARENA_ARRAY(call->arena, map.size + 1, uint32_t);
    if (order == NULL)
        return err_memory(&call->why);
    for (uint32_t i = 0; i < map.size; i++) {
        struct writer key = { .call = call };
        TRY(write_value(call, &key, entries[i].key, depth + 1));
        TRY(writer_end(&key, &keys[i]));
        order[i] = i;
    }
    sort_keys(keys, order, map.size);
    writer_add_byte(writer, '{');
    for (uint32_t i = 0; i < map.size; i++) {
        if (i > 0)
            writer_add(writer, STR(", "));
        writer_add(writer, value_str(keys[order[i]]));
        writer_add(writer, STR(": "));
        TRY(write_value(call, writer, entries[order[i]].value, depth + 1));
    }
    writer_add_byte(writer, '}');
    return writer->failed;
}

static FALLIBLE write_value(struct call *call, struct writer *writer, struct value v, unsigned depth)
{
    char text[NETWORK_TEXT_BYTES];
    if (depth > VALUE_DEPTH_MAX)
        return call_fail(call, "the value is nested deeper than VALUE_DEPTH_MAX (%d)", VALUE_DEPTH_MAX);
    TRY(call_charge(call, 1));
    switch (v.type) {
    case VALUE_NULL: writer_add(writer, STR("null")); break;
    case VALUE_BOOL: writer_add(writer, v.boolean ? STR("true") : STR("false")); break;
    case VALUE_INT: writer_printf(writer, "%" PRId64, v.integer); break;
    case VALUE_UINT: writer_printf(writer, "%" PRIu64, v.uinteger); break;
    case VALUE_DOUBLE: write_double(writer, v.number); break;
    case VALUE_STRING:
    case VALUE_TYPE: writer_add(writer, value_str(v)); break;
    case VALUE_BYTES: write_lossy(writer, value_str(v)); break;
    case VALUE_TIMESTAMP: times_print_timestamp(writer, v); break;
    case VALUE_DURATION: times_print_duration(writer, v); break;
    case VALUE_LIST: return write_list(call, writer, v, depth);
    case VALUE_MAP: return write_map(call, writer, v, depth);
    case VALUE_IP:
    case VALUE_CIDR: writer_add(writer, network_print(v, text)); break;
    default:
        return not_for(call, "string",
            "strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps", v);
    }
    return writer->failed;
}

FALLIBLE format_value(struct call *call, struct writer *writer, struct value v)
{
    return write_value(call, writer, v, 0);
}

/* ---- the other clauses ---- */

static FALLIBLE write_decimal(struct call *call, struct writer *writer, struct value v)
{
    switch (v.type) {
    case VALUE_INT: writer_printf(writer, "%" PRId64, v.integer); return ERR_OK;
    case VALUE_UINT: writer_printf(writer, "%" PRIu64, v.uinteger); return ERR_OK;
    case VALUE_DOUBLE: write_double(writer, v.number); return ERR_OK;
    default: return not_for(call, "decimal", "integers", v);
    }
}

static FALLIBLE write_float(
    struct call *call, struct writer *writer, struct value v, int precision, char conversion)
{
    double number;
    bool is_fixed = conversion == 'f';
    switch (v.type) {
    case VALUE_DOUBLE: number = v.number; break;
    case VALUE_INT: number = (double)v.integer; break;
    case VALUE_UINT: number = (double)v.uinteger; break;
    default: return not_for(call, is_fixed ? "fixed-point" : "scientific", "doubles", v);
    }
    if (write_special(writer, number))
        return ERR_OK;
    /* The C library rounds exactly, halfway cases to even, as the extension asks for. */
    if (is_fixed)
        writer_printf(writer, "%.*f", precision, number);
    else
        writer_printf(writer, "%.*e", precision, number);
    return ERR_OK;
}

/* In base 2, 8 or 16, a sign in front. */
static void write_digits(struct writer *writer, struct value v, unsigned bits, bool is_upper)
{
    char text[72];
    size_t at = sizeof(text);
    bool is_negative = v.type == VALUE_INT && v.integer < 0;
    uint64_t magnitude = is_negative ? 0 - v.uinteger : v.uinteger;
    const char *digits = is_upper ? "0123456789ABCDEF" : "0123456789abcdef";
    do {
        text[--at] = digits[magnitude & ((1u << bits) - 1)];
        magnitude >>= bits;
    } while (magnitude != 0);
    if (is_negative)
        text[--at] = '-';
    writer_add(writer, (struct str){ text + at, sizeof(text) - at });
}

static FALLIBLE write_octal(struct call *call, struct writer *writer, struct value v)
{
    if (v.type != VALUE_INT && v.type != VALUE_UINT)
        return not_for(call, "octal", "integers", v);
    write_digits(writer, v, 3, false);
    return ERR_OK;
}

static FALLIBLE write_binary(struct call *call, struct writer *writer, struct value v)
{
    if (v.type == VALUE_BOOL)
        writer_add_byte(writer, v.boolean ? '1' : '0');
    else if (v.type == VALUE_INT || v.type == VALUE_UINT)
        write_digits(writer, v, 1, false);
    else
        return not_for(call, "binary", "integers and bools", v);
    return ERR_OK;
}

static FALLIBLE write_hex(struct call *call, struct writer *writer, struct value v, bool is_upper)
{
    const char *digits = is_upper ? "0123456789ABCDEF" : "0123456789abcdef";
    if (v.type == VALUE_INT || v.type == VALUE_UINT) {
        write_digits(writer, v, 4, is_upper);
        return ERR_OK;
    }
    if (v.type != VALUE_STRING && v.type != VALUE_BYTES)
        return not_for(call, "hex", "integers, byte buffers, and strings", v);
    for (uint32_t i = 0; i < v.size; i++) {
        unsigned char byte = (unsigned char)v.bytes[i];
        char pair[2] = { digits[byte >> 4], digits[byte & 15] };
        writer_add(writer, (struct str){ pair, 2 });
    }
    return ERR_OK;
}

/* One %[.precision]conversion, read behind the '%'. */
struct clause {
    int precision;
    char conversion;
};

static FALLIBLE read_clause(struct call *call, struct str format, size_t *at, struct clause *ret)
{
    *ret = (struct clause){ .precision = PRECISION_DEFAULT };
    bool has_precision = *at < format.size && format.data[*at] == '.';
    if (has_precision) {
        size_t from = ++*at;
        ret->precision = 0;
        for (; *at < format.size && format.data[*at] >= '0' && format.data[*at] <= '9'; (*at)++) {
            ret->precision = ret->precision * 10 + (format.data[*at] - '0');
            if (ret->precision > PRECISION_MAX)
                return call_fail(
                    call, "could not parse formatting clause: the precision is above %d", PRECISION_MAX);
        }
        if (*at == from)
            return call_fail(call, "could not parse formatting clause: the precision has no digits");
    }
    if (*at >= format.size)
        return call_fail(call, "could not parse formatting clause: unexpected end of string");
    ret->conversion = format.data[(*at)++];
    if (has_precision && ret->conversion != 'f' && ret->conversion != 'e')
        return call_fail(call, "could not parse formatting clause: %%%c takes no precision", ret->conversion);
    return ERR_OK;
}

static FALLIBLE write_clause(
    struct call *call, struct writer *writer, const struct clause *clause, struct value v)
{
    switch (clause->conversion) {
    case 's': return format_value(call, writer, v);
    case 'd': return write_decimal(call, writer, v);
    case 'f':
    case 'e': return write_float(call, writer, v, clause->precision, clause->conversion);
    case 'x':
    case 'X': return write_hex(call, writer, v, clause->conversion == 'X');
    case 'o': return write_octal(call, writer, v);
    case 'b': return write_binary(call, writer, v);
    default:
        return call_fail(call, "could not parse formatting clause: unrecognized formatting clause \"%c\"",
            clause->conversion);
    }
}

FALLIBLE format_string(struct call *call, struct str format, struct value arguments, struct value *ret)
{
    struct writer writer = { .call = call };
    uint32_t used = 0;
    TRY(call_charge_bytes(call, format.size));
    for (size_t at = 0; at < format.size;) {
        ptrdiff_t percent = str_find_byte(format, '%', at);
        size_t end = percent < 0 ? format.size : (size_t)percent;
        writer_add(&writer, str_slice(format, at, end));
        if (percent < 0)
            break;
        at = end + 1;
        if (at < format.size && format.data[at] == '%') {
            writer_add_byte(&writer, '%');
            at++;
            continue;
        }
        struct clause clause;
        TRY(read_clause(call, format, &at, &clause));
        if (used >= arguments.size)
            return call_fail(call, "index %u out of range: the format has more clauses than arguments", used);
        TRY(write_clause(call, &writer, &clause, arguments.items[used++]));
    }
    return writer_end(&writer, ret);
}
