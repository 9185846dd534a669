/* Conversions between types (langdef, "Types and Conversions"). */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/number.h"
#include "base/text.h"
#include "base/timetext.h"
#include "expr/function.h"
#include "expr/network.h"
#include "expr/times.h"

static FALLIBLE out_of_range(struct call *call, const char *type)
{
    return call_fail(call, "range: the value does not fit %s", type);
}

static FALLIBLE not_a(struct call *call, struct value text, const char *type)
{
    struct str shown = str_slice(value_str(text), 0, 60);
    return call_fail(call, "type conversion error: '%.*s' is no %s", STR_ARG(shown), type);
}

static FALLIBLE identity(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* nothing to charge */
    *ret = a[0];
    return ERR_OK;
}

/* ---- bool, bytes ---- */

static FALLIBLE bool_of_string(struct call *call, const struct value *a, struct value *ret)
{
    static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
    static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False" };
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        bool is_yes = value_is_text(a[0], str_of(yes[i]));
        if (is_yes || value_is_text(a[0], str_of(no[i]))) {
            *ret = value_bool(is_yes);
            return ERR_OK;
        }
    }
    return not_a(call, a[0], "bool");
}

static FALLIBLE bytes_of_string(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* the bytes are shared */
    *ret = value_bytes(value_str(a[0]));
    return ERR_OK;
}

/* ---- numbers ---- */

static FALLIBLE double_of_int(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* rounds, never fails */
    *ret = value_double((double)a[0].integer);
    return ERR_OK;
}

static FALLIBLE double_of_uint(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* rounds, never fails */
    *ret = value_double((double)a[0].uinteger);
    return ERR_OK;
}

static bool special_double(struct str text, double *ret)
{
    bool is_negative = text.size > 0 && text.data[0] == '-';
    if (text.size > 0 && (text.data[0] == '-' || text.data[0] == '+'))
        text = str_slice(text, 1, text.size);
    if (str_equal_nocase(text, STR("inf")) || str_equal_nocase(text, STR("infinity")))
        *ret = is_negative ? -(double)INFINITY : (double)INFINITY;
    else if (str_equal_nocase(text, STR("nan")))
        *ret = (double)NAN;
    else
        return false;
    return true;
}

static FALLIBLE double_of_string(struct call *call, const struct value *a, struct value *ret)
{
    struct str text = value_str(a[0]);
    double number;
    TRY(call_charge_bytes(call, text.size));
    if (!special_double(text, &number) && !str_to_double(text, &number))
        return not_a(call, a[0], "double");
    *ret = value_double(number);
    return ERR_OK;
}

static FALLIBLE int_of_uint(struct call *call, const struct value *a, struct value *ret)
{
    if (a[0].uinteger > INT64_MAX)
        return out_of_range(call, "int");
    *ret = value_int((int64_t)a[0].uinteger);
    return ERR_OK;
}

/* The bounds themselves are refused: whether they survive the way there and back depends on the
 * platform (langdef, "Overflow"). */
static FALLIBLE int_of_double(struct call *call, const struct value *a, struct value *ret)
{
    if (!(a[0].number > -9223372036854775808.0 && a[0].number < 9223372036854775808.0))
        return out_of_range(call, "int");
    *ret = value_int((int64_t)a[0].number);
    return ERR_OK;
}

static FALLIBLE int_of_string(struct call *call, const struct value *a, struct value *ret)
{
    struct str text = value_str(a[0]);
    int64_t number;
    /* "+7", as other implementations take it; "+-7" is none. */
    if (text.size > 1 && text.data[0] == '+' && text.data[1] != '-')
        text = str_slice(text, 1, text.size);
    if (!str_to_int(text, &number))
        return not_a(call, a[0], "int");
    *ret = value_int(number);
    return ERR_OK;
}

static FALLIBLE int_of_timestamp(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* a field of the value */
    *ret = value_int(a[0].seconds);
    return ERR_OK;
}

static FALLIBLE uint_of_int(struct call *call, const struct value *a, struct value *ret)
{
    if (a[0].integer < 0)
        return out_of_range(call, "uint");
    *ret = value_uint((uint64_t)a[0].integer);
    return ERR_OK;
}

static FALLIBLE uint_of_double(struct call *call, const struct value *a, struct value *ret)
{
    if (!(a[0].number >= 0 && a[0].number < 18446744073709551616.0))
        return out_of_range(call, "uint");
    *ret = value_uint((uint64_t)a[0].number);
    return ERR_OK;
}

static FALLIBLE uint_of_string(struct call *call, const struct value *a, struct value *ret)
{
    uint64_t number;
    if (!str_to_uint(value_str(a[0]), &number))
        return not_a(call, a[0], "uint");
    *ret = value_uint(number);
    return ERR_OK;
}

/* ---- string ---- */

static FALLIBLE string_of_bool(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* a literal */
    *ret = value_string(a[0].boolean ? STR("true") : STR("false"));
    return ERR_OK;
}

static FALLIBLE string_of_int(struct call *call, const struct value *a, struct value *ret)
{
    char text[24];
    int size = snprintf(text, sizeof(text), "%" PRId64, a[0].integer);
    return call_string(call, (struct str){ text, (size_t)size }, ret);
}

static FALLIBLE string_of_uint(struct call *call, const struct value *a, struct value *ret)
{
    char text[24];
    int size = snprintf(text, sizeof(text), "%" PRIu64, a[0].uinteger);
    return call_string(call, (struct str){ text, (size_t)size }, ret);
}

static FALLIBLE string_of_double(struct call *call, const struct value *a, struct value *ret)
{
    char text[NUMBER_TEXT_BYTES];
    if (isnan(a[0].number))
        return call_string(call, STR("NaN"), ret);
    if (isinf(a[0].number))
        return call_string(call, a[0].number > 0 ? STR("Infinity") : STR("-Infinity"), ret);
    size_t size = number_print_double(a[0].number, text);
    return call_string(call, (struct str){ text, size }, ret);
}

static FALLIBLE string_of_bytes(struct call *call, const struct value *a, struct value *ret)
{
    TRY(call_charge_bytes(call, a[0].size));
    if (!utf8_is_valid(value_str(a[0])))
        return call_fail(call, "invalid UTF-8: the bytes are no text");
    *ret = value_string(value_str(a[0]));
    return ERR_OK;
}

static FALLIBLE string_of_timestamp(struct call *call, const struct value *a, struct value *ret)
{
    struct writer writer = { .call = call };
    times_print_timestamp(&writer, a[0]);
    return writer_end(&writer, ret);
}

static FALLIBLE string_of_duration(struct call *call, const struct value *a, struct value *ret)
{
    struct writer writer = { .call = call };
    times_print_duration(&writer, a[0]);
    return writer_end(&writer, ret);
}

static FALLIBLE string_of_network(struct call *call, const struct value *a, struct value *ret)
{
    char text[NETWORK_TEXT_BYTES];
    return call_string(call, network_print(a[0], text), ret);
}

/* ---- times ---- */

static FALLIBLE timestamp_of_string(struct call *call, const struct value *a, struct value *ret)
{
    int64_t seconds;
    int32_t nanos;
    if (!time_parse_rfc3339(value_str(a[0]), &seconds, &nanos))
        return call_fail(call, "type conversion error or out of range: '%.*s' is no RFC 3339 timestamp",
            STR_ARG(str_slice(value_str(a[0]), 0, 60)));
    return times_make_timestamp(call, seconds, nanos, ret);
}

static FALLIBLE timestamp_of_int(struct call *call, const struct value *a, struct value *ret)
{
    return times_make_timestamp(call, a[0].integer, 0, ret);
}

static FALLIBLE duration_of_string(struct call *call, const struct value *a, struct value *ret)
{
    int64_t seconds;
    int32_t nanos;
    if (!duration_parse(value_str(a[0]), &seconds, &nanos))
        return call_fail(call, "type conversion error or out of range: '%.*s' is no duration",
            STR_ARG(str_slice(value_str(a[0]), 0, 60)));
    return times_make_duration(call, (__int128)seconds * 1000000000 + nanos, ret);
}

static FALLIBLE type_of(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* a literal */
    struct str name = str_of(value_type_name(a[0].type));
    *ret = (struct value){ .type = VALUE_TYPE, .size = (uint32_t)name.size, .bytes = name.data };
    return ERR_OK;
}

/* ---- the table ---- */

#define ROW(from, to, apply) \
    { \
        false, 1, { &type_##from }, &type_##to, apply \
    }

static const struct overload bool_rows[] = { ROW(bool, bool, identity), ROW(string, bool, bool_of_string) };
static const struct overload bytes_rows[] = { ROW(bytes, bytes, identity),
    ROW(string, bytes, bytes_of_string) };
static const struct overload double_rows[] = {
    ROW(double, double, identity),
    ROW(int, double, double_of_int),
    ROW(uint, double, double_of_uint),
    ROW(string, double, double_of_string),
};
static const struct overload duration_rows[] = {
    ROW(duration, duration, identity),
    ROW(string, duration, duration_of_string),
};
static const struct overload dyn_rows[] = { ROW(a, dyn, identity) };
static const struct overload int_rows[] = {
    ROW(int, int, identity),
    ROW(uint, int, int_of_uint),
    ROW(double, int, int_of_double),
    ROW(string, int, int_of_string),
    ROW(timestamp, int, int_of_timestamp),
};
static const struct overload string_rows[] = {
    ROW(string, string, identity),
    ROW(bool, string, string_of_bool),
    ROW(int, string, string_of_int),
    ROW(uint, string, string_of_uint),
    ROW(double, string, string_of_double),
    ROW(bytes, string, string_of_bytes),
    ROW(timestamp, string, string_of_timestamp),
    ROW(duration, string, string_of_duration),
    ROW(ip, string, string_of_network),
    ROW(cidr, string, string_of_network),
};
static const struct overload timestamp_rows[] = {
    ROW(timestamp, timestamp, identity),
    ROW(string, timestamp, timestamp_of_string),
    ROW(int, timestamp, timestamp_of_int),
};
static const struct overload type_rows[] = { ROW(a, type_a, type_of) };
static const struct overload uint_rows[] = {
    ROW(uint, uint, identity),
    ROW(int, uint, uint_of_int),
    ROW(double, uint, uint_of_double),
    ROW(string, uint, uint_of_string),
};

static const struct function functions[] = {
    FUNCTION_FLAT("bool", bool_rows),
    FUNCTION_FLAT("bytes", bytes_rows),
    FUNCTION_FLAT("double", double_rows),
    FUNCTION_FLAT("duration", duration_rows),
    FUNCTION_KEEPING("dyn", dyn_rows),
    FUNCTION_FLAT("int", int_rows),
    FUNCTION("string", string_rows),
    FUNCTION_FLAT("timestamp", timestamp_rows),
    FUNCTION_FLAT("type", type_rows),
    FUNCTION_FLAT("uint", uint_rows),
};

const struct library library_conversions = { "conversions", functions,
    sizeof(functions) / sizeof(functions[0]) };
