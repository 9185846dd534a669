/* Operators and functions of the standard environment (langdef, "Standard Definitions"); conversions
 * and times have files of their own. */
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "expr/compare.h"
#include "expr/function.h"
#include "expr/lists.h"
#include "expr/pattern.h"
#include "expr/times.h"

/* ---- arithmetic ---- */

static FALLIBLE overflow(struct call *call)
{
    return call_fail(call, "the result is out of range: overflow");
}

static FALLIBLE add_int(struct call *call, const struct value *a, struct value *ret)
{
    int64_t sum;
    if (__builtin_add_overflow(a[0].integer, a[1].integer, &sum))
        return overflow(call);
    *ret = value_int(sum);
    return ERR_OK;
}

static FALLIBLE add_uint(struct call *call, const struct value *a, struct value *ret)
{
    uint64_t sum;
    if (__builtin_add_overflow(a[0].uinteger, a[1].uinteger, &sum))
        return overflow(call);
    *ret = value_uint(sum);
    return ERR_OK;
}

static FALLIBLE add_double(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* IEEE 754 arithmetic does not fail */
    *ret = value_double(a[0].number + a[1].number);
    return ERR_OK;
}

static FALLIBLE join_bytes(struct call *call, const struct value *a, char **ret_data, size_t *ret_size)
{
    char *data = NULL;
    *ret_size = (size_t)a[0].size + a[1].size;
    TRY(call_bytes(call, *ret_size, &data));
    if (a[0].size > 0)
        memcpy(data, a[0].bytes, a[0].size);
    if (a[1].size > 0)
        memcpy(data + a[0].size, a[1].bytes, a[1].size);
    *ret_data = data;
    return ERR_OK;
}

static FALLIBLE add_string(struct call *call, const struct value *a, struct value *ret)
{
    char *data = NULL;
    size_t size = 0;
    TRY(join_bytes(call, a, &data, &size));
    *ret = value_string((struct str){ data, size });
    return ERR_OK;
}

static FALLIBLE add_bytes(struct call *call, const struct value *a, struct value *ret)
{
    char *data = NULL;
    size_t size = 0;
    TRY(join_bytes(call, a, &data, &size));
    *ret = value_bytes((struct str){ data, size });
    return ERR_OK;
}

static FALLIBLE add_list(struct call *call, const struct value *a, struct value *ret)
{
    struct value *items = NULL;
    size_t count = (size_t)a[0].size + a[1].size;
    if (a[0].size == 0 || a[1].size == 0) {
        *ret = a[0].size == 0 ? a[1] : a[0];
        return ERR_OK;
    }
    TRY(call_items(call, count, &items));
    memcpy(items, a[0].items, a[0].size * sizeof(items[0]));
    memcpy(items + a[0].size, a[1].items, a[1].size * sizeof(items[0]));
    *ret = call_list(items, count);
    return ERR_OK;
}

static FALLIBLE move_timestamp(
    struct call *call, struct value timestamp, struct value duration, int sign, struct value *ret)
{
    return times_make_timestamp(call, timestamp.seconds + sign * duration.seconds,
        (int64_t)value_nanos(timestamp) + sign * value_nanos(duration), ret);
}

static FALLIBLE add_timestamp_duration(struct call *call, const struct value *a, struct value *ret)
{
    return move_timestamp(call, a[0], a[1], 1, ret);
}

static FALLIBLE add_duration_timestamp(struct call *call, const struct value *a, struct value *ret)
{
    return move_timestamp(call, a[1], a[0], 1, ret);
}

static FALLIBLE add_duration(struct call *call, const struct value *a, struct value *ret)
{
    return times_make_duration(call, times_nanos(a[0]) + times_nanos(a[1]), ret);
}

static FALLIBLE subtract_int(struct call *call, const struct value *a, struct value *ret)
{
    int64_t difference;
    if (__builtin_sub_overflow(a[0].integer, a[1].integer, &difference))
        return overflow(call);
    *ret = value_int(difference);
    return ERR_OK;
}

static FALLIBLE subtract_uint(struct call *call, const struct value *a, struct value *ret)
{
    uint64_t difference;
    if (__builtin_sub_overflow(a[0].uinteger, a[1].uinteger, &difference))
        return overflow(call);
    *ret = value_uint(difference);
    return ERR_OK;
}

static FALLIBLE subtract_double(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* IEEE 754 arithmetic does not fail */
    *ret = value_double(a[0].number - a[1].number);
    return ERR_OK;
}

/* Of two timestamps or two durations. */
static FALLIBLE subtract_times(struct call *call, const struct value *a, struct value *ret)
{
    return times_make_duration(call, times_nanos(a[0]) - times_nanos(a[1]), ret);
}

static FALLIBLE subtract_timestamp_duration(struct call *call, const struct value *a, struct value *ret)
{
    return move_timestamp(call, a[0], a[1], -1, ret);
}

static FALLIBLE multiply_int(struct call *call, const struct value *a, struct value *ret)
{
    int64_t product;
    if (__builtin_mul_overflow(a[0].integer, a[1].integer, &product))
        return overflow(call);
    *ret = value_int(product);
    return ERR_OK;
}

static FALLIBLE multiply_uint(struct call *call, const struct value *a, struct value *ret)
{
    uint64_t product;
    if (__builtin_mul_overflow(a[0].uinteger, a[1].uinteger, &product))
        return overflow(call);
    *ret = value_uint(product);
    return ERR_OK;
}

static FALLIBLE multiply_double(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* IEEE 754 arithmetic does not fail */
    *ret = value_double(a[0].number * a[1].number);
    return ERR_OK;
}

static FALLIBLE divide_int(struct call *call, const struct value *a, struct value *ret)
{
    if (a[1].integer == 0)
        return call_fail(call, "division by zero");
    if (a[0].integer == INT64_MIN && a[1].integer == -1)
        return overflow(call);
    *ret = value_int(a[0].integer / a[1].integer);
    return ERR_OK;
}

static FALLIBLE divide_uint(struct call *call, const struct value *a, struct value *ret)
{
    if (a[1].uinteger == 0)
        return call_fail(call, "division by zero");
    *ret = value_uint(a[0].uinteger / a[1].uinteger);
    return ERR_OK;
}

__attribute__((no_sanitize("float-divide-by-zero"))) static FALLIBLE divide_double(
    struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* division by zero gives an infinity or NaN */
    *ret = value_double(a[0].number / a[1].number);
    return ERR_OK;
}

static FALLIBLE modulo_int(struct call *call, const struct value *a, struct value *ret)
{
    if (a[1].integer == 0)
        return call_fail(call, "modulus by zero");
    if (a[0].integer == INT64_MIN && a[1].integer == -1)
        return overflow(call);
    *ret = value_int(a[0].integer % a[1].integer);
    return ERR_OK;
}

static FALLIBLE modulo_uint(struct call *call, const struct value *a, struct value *ret)
{
    if (a[1].uinteger == 0)
        return call_fail(call, "modulus by zero");
    *ret = value_uint(a[0].uinteger % a[1].uinteger);
    return ERR_OK;
}

static FALLIBLE negate_int(struct call *call, const struct value *a, struct value *ret)
{
    if (a[0].integer == INT64_MIN)
        return overflow(call);
    *ret = value_int(-a[0].integer);
    return ERR_OK;
}

static FALLIBLE negate_double(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* IEEE 754 arithmetic does not fail */
    *ret = value_double(-a[0].number);
    return ERR_OK;
}

static FALLIBLE not_bool(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* nothing to charge */
    *ret = value_bool(!a[0].boolean);
    return ERR_OK;
}

/* ---- equality and order ---- */

static bool is_tree(struct value v)
{
    return v.type == VALUE_LIST || v.type == VALUE_MAP || v.type == VALUE_OPTIONAL;
}

/* Comparing walks both until they differ: no more than there is in either. */
static FALLIBLE charge_comparison(struct call *call, struct value a, struct value b)
{
    if (!is_tree(a) || !is_tree(b))
        return call_charge_bytes(call, a.type == VALUE_STRING || a.type == VALUE_BYTES ? a.size : 0);
    /* Lists of unequal sizes are told apart at once. */
    if (a.type != b.type || (a.type != VALUE_OPTIONAL && a.size != b.size))
        return ERR_OK;
    return call_charge_value(call, a);
}

static FALLIBLE equal(struct call *call, const struct value *a, struct value *ret)
{
    TRY(charge_comparison(call, a[0], a[1]));
    *ret = value_bool(compare_equal(a[0], a[1]));
    return ERR_OK;
}

static FALLIBLE not_equal(struct call *call, const struct value *a, struct value *ret)
{
    TRY(charge_comparison(call, a[0], a[1]));
    *ret = value_bool(!compare_equal(a[0], a[1]));
    return ERR_OK;
}

/* What an order may be for the comparison to hold: a bit of each. */
enum { BELOW = 1, SAME = 2, ABOVE = 4 };

static FALLIBLE order_among(struct call *call, const struct value *a, unsigned wanted, struct value *ret)
{
    int order = 0;
    TRY(charge_comparison(call, a[0], a[1]));
    bool is_ordered = compare_order(a[0], a[1], &order); /* nothing is in order with NaN */
    unsigned is = order < 0 ? BELOW : order == 0 ? SAME : ABOVE;
    *ret = value_bool(is_ordered && (is & wanted) != 0);
    return ERR_OK;
}

static FALLIBLE less(struct call *call, const struct value *a, struct value *ret)
{
    return order_among(call, a, BELOW, ret);
}

static FALLIBLE less_or_equal(struct call *call, const struct value *a, struct value *ret)
{
    return order_among(call, a, BELOW | SAME, ret);
}

static FALLIBLE greater(struct call *call, const struct value *a, struct value *ret)
{
    return order_among(call, a, ABOVE, ret);
}

static FALLIBLE greater_or_equal(struct call *call, const struct value *a, struct value *ret)
{
    return order_among(call, a, ABOVE | SAME, ret);
}

/* ---- lists, maps, optionals of them ---- */

static FALLIBLE index_any(struct call *call, const struct value *a, struct value *ret)
{
    return list_or_map_index(call, a[0], a[1], ret);
}

static FALLIBLE find_any(struct call *call, const struct value *a, struct value *ret)
{
    return list_or_map_find(call, a[0], a[1], ret);
}

static FALLIBLE in_list(struct call *call, const struct value *a, struct value *ret)
{
    TRY(call_charge(call, a[1].size));
    bool is_found = false;
    for (uint32_t i = 0; i < a[1].size && !is_found; i++) {
        if (is_tree(a[0]))
            TRY(charge_comparison(call, a[0], a[1].items[i]));
        is_found = compare_equal(a[0], a[1].items[i]);
    }
    *ret = value_bool(is_found);
    return ERR_OK;
}

static FALLIBLE in_map(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* maps are hashed */
    *ret = value_bool(value_map_find_key(a[1], a[0]) != NULL);
    return ERR_OK;
}

static FALLIBLE size_of_string(struct call *call, const struct value *a, struct value *ret)
{
    TRY(call_charge_bytes(call, a[0].size));
    *ret = value_int((int64_t)utf8_length(value_str(a[0])));
    return ERR_OK;
}

static FALLIBLE size_of(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* a field of the value */
    *ret = value_int(a[0].size);
    return ERR_OK;
}

/* ---- strings ---- */

static FALLIBLE contains(struct call *call, const struct value *a, struct value *ret)
{
    TRY(call_charge_bytes(call, (uint64_t)a[0].size + a[1].size));
    *ret = value_bool(str_contains(value_str(a[0]), value_str(a[1])));
    return ERR_OK;
}

static FALLIBLE starts_with(struct call *call, const struct value *a, struct value *ret)
{
    TRY(call_charge_bytes(call, a[1].size));
    *ret = value_bool(str_starts(value_str(a[0]), value_str(a[1])));
    return ERR_OK;
}

static FALLIBLE ends_with(struct call *call, const struct value *a, struct value *ret)
{
    TRY(call_charge_bytes(call, a[1].size));
    *ret = value_bool(str_ends(value_str(a[0]), value_str(a[1])));
    return ERR_OK;
}

static FALLIBLE matches(struct call *call, const struct value *a, struct value *ret)
{
    const struct regex *regex = NULL;
    TRY(pattern_get(call, value_str(a[1]), &regex));
    TRY(pattern_charge(call, regex, a[0].size));
    *ret = value_bool(regex_matches(regex, value_str(a[0])));
    return ERR_OK;
}

/* ---- the table ---- */

#define A &type_a
#define LIST &type_list_a
#define MAP &type_map_ab
#define BOOL &type_bool
#define INT &type_int
#define UINT &type_uint
#define DOUBLE &type_double
#define STRING &type_string
#define BYTES &type_bytes
#define TIME &type_timestamp
#define SPAN &type_duration

static const struct overload not_rows[] = { { false, 1, { BOOL }, BOOL, not_bool } };
static const struct overload negate_rows[] = {
    { false, 1, { INT }, INT, negate_int },
    { false, 1, { DOUBLE }, DOUBLE, negate_double },
};
static const struct overload add_rows[] = {
    { false, 2, { INT, INT }, INT, add_int },
    { false, 2, { UINT, UINT }, UINT, add_uint },
    { false, 2, { DOUBLE, DOUBLE }, DOUBLE, add_double },
    { false, 2, { STRING, STRING }, STRING, add_string },
    { false, 2, { BYTES, BYTES }, BYTES, add_bytes },
    { false, 2, { LIST, LIST }, LIST, add_list },
    { false, 2, { TIME, SPAN }, TIME, add_timestamp_duration },
    { false, 2, { SPAN, TIME }, TIME, add_duration_timestamp },
    { false, 2, { SPAN, SPAN }, SPAN, add_duration },
};
static const struct overload subtract_rows[] = {
    { false, 2, { INT, INT }, INT, subtract_int },
    { false, 2, { UINT, UINT }, UINT, subtract_uint },
    { false, 2, { DOUBLE, DOUBLE }, DOUBLE, subtract_double },
    { false, 2, { TIME, TIME }, SPAN, subtract_times },
    { false, 2, { TIME, SPAN }, TIME, subtract_timestamp_duration },
    { false, 2, { SPAN, SPAN }, SPAN, subtract_times },
};
static const struct overload multiply_rows[] = {
    { false, 2, { INT, INT }, INT, multiply_int },
    { false, 2, { UINT, UINT }, UINT, multiply_uint },
    { false, 2, { DOUBLE, DOUBLE }, DOUBLE, multiply_double },
};
static const struct overload divide_rows[] = {
    { false, 2, { INT, INT }, INT, divide_int },
    { false, 2, { UINT, UINT }, UINT, divide_uint },
    { false, 2, { DOUBLE, DOUBLE }, DOUBLE, divide_double },
};
static const struct overload modulo_rows[] = {
    { false, 2, { INT, INT }, INT, modulo_int },
    { false, 2, { UINT, UINT }, UINT, modulo_uint },
};
static const struct overload equal_rows[] = { { false, 2, { A, A }, BOOL, equal } };
static const struct overload not_equal_rows[] = { { false, 2, { A, A }, BOOL, not_equal } };

/* Ordering is declared for equal types (langdef, "Comparison Operators"). Numbers of different types meet
 * only when one is dynamic; the step compares them without asking for an overload. */
#define ORDER_ROWS(apply) \
    { \
        { false, 2, { BOOL, BOOL }, BOOL, apply }, { false, 2, { INT, INT }, BOOL, apply }, \
            { false, 2, { UINT, UINT }, BOOL, apply }, { false, 2, { DOUBLE, DOUBLE }, BOOL, apply }, \
            { false, 2, { STRING, STRING }, BOOL, apply }, { false, 2, { BYTES, BYTES }, BOOL, apply }, \
            { false, 2, { TIME, TIME }, BOOL, apply }, { false, 2, { SPAN, SPAN }, BOOL, apply }, \
    }
static const struct overload less_rows[] = ORDER_ROWS(less);
static const struct overload less_equal_rows[] = ORDER_ROWS(less_or_equal);
static const struct overload greater_rows[] = ORDER_ROWS(greater);
static const struct overload greater_equal_rows[] = ORDER_ROWS(greater_or_equal);

static const struct overload index_rows[] = {
    { false, 2, { LIST, INT }, A, index_any },
    { false, 2, { MAP, A }, &type_b, index_any },
    { false, 2, { &type_optional_list_a, INT }, &type_optional_a, index_any },
    { false, 2, { &type_optional_map_ab, A }, &type_optional_b, index_any },
};
static const struct overload find_rows[] = {
    { false, 2, { LIST, INT }, &type_optional_a, find_any },
    { false, 2, { MAP, A }, &type_optional_b, find_any },
    { false, 2, { &type_optional_list_a, INT }, &type_optional_a, find_any },
    { false, 2, { &type_optional_map_ab, A }, &type_optional_b, find_any },
};
static const struct overload in_rows[] = {
    { false, 2, { A, LIST }, BOOL, in_list },
    { false, 2, { A, MAP }, BOOL, in_map },
};
static const struct overload contains_rows[] = { { true, 2, { STRING, STRING }, BOOL, contains } };
static const struct overload ends_with_rows[] = { { true, 2, { STRING, STRING }, BOOL, ends_with } };
static const struct overload starts_with_rows[] = { { true, 2, { STRING, STRING }, BOOL, starts_with } };
static const struct overload matches_rows[] = {
    { true, 2, { STRING, STRING }, BOOL, matches },
    { false, 2, { STRING, STRING }, BOOL, matches },
};
static const struct overload size_rows[] = {
    { false, 1, { STRING }, INT, size_of_string },
    { false, 1, { BYTES }, INT, size_of },
    { false, 1, { LIST }, INT, size_of },
    { false, 1, { MAP }, INT, size_of },
    { true, 1, { STRING }, INT, size_of_string },
    { true, 1, { BYTES }, INT, size_of },
    { true, 1, { LIST }, INT, size_of },
    { true, 1, { MAP }, INT, size_of },
};

static const struct function functions[] = {
    FUNCTION_STEP("!_", not_rows, FUNCTION_NOT),
    FUNCTION_FLAT("-_", negate_rows),
    FUNCTION_STEP("_!=_", not_equal_rows, FUNCTION_NOT_EQUAL),
    FUNCTION_FLAT("_%_", modulo_rows),
    FUNCTION_FLAT("_*_", multiply_rows),
    FUNCTION_STEP_KEEPING("_+_", add_rows, FUNCTION_ADD),
    FUNCTION_STEP("_-_", subtract_rows, FUNCTION_SUBTRACT),
    FUNCTION_FLAT("_/_", divide_rows),
    FUNCTION_STEP("_<=_", less_equal_rows, FUNCTION_LESS_EQUAL),
    FUNCTION_STEP("_<_", less_rows, FUNCTION_LESS),
    FUNCTION_STEP("_==_", equal_rows, FUNCTION_EQUAL),
    FUNCTION_STEP("_>=_", greater_equal_rows, FUNCTION_GREATER_EQUAL),
    FUNCTION_STEP("_>_", greater_rows, FUNCTION_GREATER),
    FUNCTION_FLAT("_[?_]", find_rows),
    FUNCTION_STEP_KEEPING("_[_]", index_rows, FUNCTION_INDEX),
    FUNCTION("_in_", in_rows),
    FUNCTION("contains", contains_rows),
    FUNCTION("endsWith", ends_with_rows),
    FUNCTION_STEP("matches", matches_rows, FUNCTION_MATCHES),
    FUNCTION("size", size_rows),
    FUNCTION("startsWith", starts_with_rows),
};

const struct library library_standard = { "standard", functions, sizeof(functions) / sizeof(functions[0]) };
