/* The math extension. math.greatest and math.least take any number of arguments: the parser makes one
 * list of three and more. */
#include <math.h>

#include "expr/compare.h"
#include "expr/function.h"

static FALLIBLE extremum(
    struct call *call, const struct value *items, uint32_t count, int sign, struct value *ret)
{
    if (count == 0)
        return call_fail(call, "math.%s: the list is empty", sign > 0 ? "greatest" : "least");
    TRY(call_charge(call, count));
    const struct value *best = &items[0];
    for (uint32_t i = 0; i < count; i++) {
        int order;
        if (items[i].type != VALUE_INT && items[i].type != VALUE_UINT && items[i].type != VALUE_DOUBLE)
            return call_fail(call, "no such overload: math.%s of %s", sign > 0 ? "greatest" : "least",
                value_type_name(items[i].type));
        if (compare_order(items[i], *best, &order) && order * sign > 0)
            best = &items[i];
    }
    *ret = *best;
    return ERR_OK;
}

static FALLIBLE greatest_of_one(struct call *call, const struct value *a, struct value *ret)
{
    return extremum(call, a, 1, 1, ret);
}

static FALLIBLE greatest_of_two(struct call *call, const struct value *a, struct value *ret)
{
    return extremum(call, a, 2, 1, ret);
}

static FALLIBLE greatest_of_list(struct call *call, const struct value *a, struct value *ret)
{
    return extremum(call, a[0].items, a[0].size, 1, ret);
}

static FALLIBLE least_of_one(struct call *call, const struct value *a, struct value *ret)
{
    return extremum(call, a, 1, -1, ret);
}

static FALLIBLE least_of_two(struct call *call, const struct value *a, struct value *ret)
{
    return extremum(call, a, 2, -1, ret);
}

static FALLIBLE least_of_list(struct call *call, const struct value *a, struct value *ret)
{
    return extremum(call, a[0].items, a[0].size, -1, ret);
}

/* ---- rounding, signs ---- */

#define OF_DOUBLE(name, expression) \
    static FALLIBLE name##_double(struct call *call, const struct value *a, struct value *ret) \
    { \
        (void)call; /* nothing to charge */ \
        double x = a[0].number; \
        *ret = (expression); \
        return ERR_OK; \
    }

OF_DOUBLE(ceil, value_double(ceil(x)))
OF_DOUBLE(floor, value_double(floor(x)))
OF_DOUBLE(round, value_double(round(x)))
OF_DOUBLE(trunc, value_double(trunc(x)))
OF_DOUBLE(abs, value_double(fabs(x)))
OF_DOUBLE(sign, value_double(isnan(x) ? x : x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0))
OF_DOUBLE(is_nan, value_bool(isnan(x)))
OF_DOUBLE(is_infinite, value_bool(isinf(x) != 0))
OF_DOUBLE(is_finite, value_bool(isfinite(x) != 0))
OF_DOUBLE(sqrt, value_double(sqrt(x)))

static FALLIBLE sqrt_int(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* nothing to charge */
    *ret = value_double(sqrt((double)a[0].integer));
    return ERR_OK;
}

static FALLIBLE sqrt_uint(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* nothing to charge */
    *ret = value_double(sqrt((double)a[0].uinteger));
    return ERR_OK;
}

static FALLIBLE abs_int(struct call *call, const struct value *a, struct value *ret)
{
    if (a[0].integer == INT64_MIN)
        return call_fail(call, "the result is out of range: overflow");
    *ret = value_int(a[0].integer < 0 ? -a[0].integer : a[0].integer);
    return ERR_OK;
}

static FALLIBLE abs_uint(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* nothing to charge */
    *ret = a[0];
    return ERR_OK;
}

static FALLIBLE sign_int(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* nothing to charge */
    *ret = value_int((a[0].integer > 0) - (a[0].integer < 0));
    return ERR_OK;
}

static FALLIBLE sign_uint(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* nothing to charge */
    *ret = value_uint(a[0].uinteger > 0);
    return ERR_OK;
}

/* ---- bits: int and uint share their representation ---- */

#define OF_BITS(name, expression) \
    static FALLIBLE name(struct call *call, const struct value *a, struct value *ret) \
    { \
        (void)call; /* nothing to charge */ \
        *ret = a[0]; \
        ret->uinteger = (expression); \
        return ERR_OK; \
    }

OF_BITS(bit_and, a[0].uinteger &a[1].uinteger)
OF_BITS(bit_or, a[0].uinteger | a[1].uinteger)
OF_BITS(bit_xor, a[0].uinteger ^ a[1].uinteger)
OF_BITS(bit_not, ~a[0].uinteger)

static FALLIBLE shift(struct call *call, const struct value *a, bool is_left, struct value *ret)
{
    int64_t bits = a[1].integer;
    if (bits < 0)
        return call_fail(call, "negative offset: %lld", (long long)bits);
    *ret = a[0];
    if (bits > 63)
        ret->uinteger = 0;
    else
        ret->uinteger = is_left ? a[0].uinteger << bits : a[0].uinteger >> bits;
    return ERR_OK;
}

static FALLIBLE shift_left(struct call *call, const struct value *a, struct value *ret)
{
    return shift(call, a, true, ret);
}

static FALLIBLE shift_right(struct call *call, const struct value *a, struct value *ret)
{
    return shift(call, a, false, ret);
}

/* ---- the table ---- */

#define INT &type_int
#define UINT &type_uint
#define DOUBLE &type_double
#define DYN &type_dyn

#define EXTREMUM_ROWS(name) \
    { \
        { false, 1, { INT }, INT, name##_of_one }, { false, 1, { UINT }, UINT, name##_of_one }, \
            { false, 1, { DOUBLE }, DOUBLE, name##_of_one }, \
            { false, 1, { &type_list_int }, INT, name##_of_list }, \
            { false, 1, { &type_list_uint }, UINT, name##_of_list }, \
            { false, 1, { &type_list_double }, DOUBLE, name##_of_list }, \
            { false, 2, { INT, INT }, INT, name##_of_two }, \
            { false, 2, { UINT, UINT }, UINT, name##_of_two }, \
            { false, 2, { DOUBLE, DOUBLE }, DOUBLE, name##_of_two }, \
            { false, 2, { INT, UINT }, DYN, name##_of_two }, \
            { false, 2, { INT, DOUBLE }, DYN, name##_of_two }, \
            { false, 2, { UINT, INT }, DYN, name##_of_two }, \
            { false, 2, { UINT, DOUBLE }, DYN, name##_of_two }, \
            { false, 2, { DOUBLE, INT }, DYN, name##_of_two }, \
            { false, 2, { DOUBLE, UINT }, DYN, name##_of_two }, \
    }

static const struct overload greatest_rows[] = EXTREMUM_ROWS(greatest);
static const struct overload least_rows[] = EXTREMUM_ROWS(least);
static const struct overload abs_rows[] = {
    { false, 1, { INT }, INT, abs_int },
    { false, 1, { UINT }, UINT, abs_uint },
    { false, 1, { DOUBLE }, DOUBLE, abs_double },
};
static const struct overload sign_rows[] = {
    { false, 1, { INT }, INT, sign_int },
    { false, 1, { UINT }, UINT, sign_uint },
    { false, 1, { DOUBLE }, DOUBLE, sign_double },
};
static const struct overload sqrt_rows[] = {
    { false, 1, { INT }, DOUBLE, sqrt_int },
    { false, 1, { UINT }, DOUBLE, sqrt_uint },
    { false, 1, { DOUBLE }, DOUBLE, sqrt_double },
};
static const struct overload ceil_rows[] = { { false, 1, { DOUBLE }, DOUBLE, ceil_double } };
static const struct overload floor_rows[] = { { false, 1, { DOUBLE }, DOUBLE, floor_double } };
static const struct overload round_rows[] = { { false, 1, { DOUBLE }, DOUBLE, round_double } };
static const struct overload trunc_rows[] = { { false, 1, { DOUBLE }, DOUBLE, trunc_double } };
static const struct overload is_nan_rows[] = { { false, 1, { DOUBLE }, &type_bool, is_nan_double } };
static const struct overload is_infinite_rows[] = { { false, 1, { DOUBLE }, &type_bool,
    is_infinite_double } };
static const struct overload is_finite_rows[] = { { false, 1, { DOUBLE }, &type_bool, is_finite_double } };

#define BIT_ROWS(apply) \
    { \
        { false, 2, { INT, INT }, INT, apply }, \
        { \
            false, 2, { UINT, UINT }, UINT, apply \
        } \
    }
#define SHIFT_ROWS(apply) \
    { \
        { false, 2, { INT, INT }, INT, apply }, \
        { \
            false, 2, { UINT, INT }, UINT, apply \
        } \
    }

static const struct overload bit_and_rows[] = BIT_ROWS(bit_and);
static const struct overload bit_or_rows[] = BIT_ROWS(bit_or);
static const struct overload bit_xor_rows[] = BIT_ROWS(bit_xor);
static const struct overload bit_not_rows[] = {
    { false, 1, { INT }, INT, bit_not },
    { false, 1, { UINT }, UINT, bit_not },
};
static const struct overload shift_left_rows[] = SHIFT_ROWS(shift_left);
static const struct overload shift_right_rows[] = SHIFT_ROWS(shift_right);

static const struct function functions[] = {
    FUNCTION_FLAT("math.abs", abs_rows),
    FUNCTION_FLAT("math.bitAnd", bit_and_rows),
    FUNCTION_FLAT("math.bitNot", bit_not_rows),
    FUNCTION_FLAT("math.bitOr", bit_or_rows),
    FUNCTION_FLAT("math.bitShiftLeft", shift_left_rows),
    FUNCTION_FLAT("math.bitShiftRight", shift_right_rows),
    FUNCTION_FLAT("math.bitXor", bit_xor_rows),
    FUNCTION_FLAT("math.ceil", ceil_rows),
    FUNCTION_FLAT("math.floor", floor_rows),
    FUNCTION("math.greatest", greatest_rows),
    FUNCTION_FLAT("math.isFinite", is_finite_rows),
    FUNCTION_FLAT("math.isInf", is_infinite_rows),
    FUNCTION_FLAT("math.isNaN", is_nan_rows),
    FUNCTION("math.least", least_rows),
    FUNCTION_FLAT("math.round", round_rows),
    FUNCTION_FLAT("math.sign", sign_rows),
    FUNCTION_FLAT("math.sqrt", sqrt_rows),
    FUNCTION_FLAT("math.trunc", trunc_rows),
};

const struct library library_math = { "math", functions, sizeof(functions) / sizeof(functions[0]) };
