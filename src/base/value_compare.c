#include <math.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/value.h"
#include "base/value_hash.h"

static bool is_number(struct value v)
{
    return v.type == VALUE_INT || v.type == VALUE_UINT || v.type == VALUE_DOUBLE;
}

/* Exact order of an integer and a double, which no common type holds. NaN is the caller's. */
static int compare_int_double(int64_t a, double b)
{
    if (b >= 9223372036854775808.0)
        return -1;
    if (b < -9223372036854775808.0)
        return 1;
    int64_t whole = (int64_t)b;
    if (a != whole)
        return a < whole ? -1 : 1;
    double rest = b - (double)whole;
    return rest > 0 ? -1 : rest < 0 ? 1 : 0;
}

static int compare_uint_double(uint64_t a, double b)
{
    if (b >= 18446744073709551616.0)
        return -1;
    if (b < 0)
        return 1;
    uint64_t whole = (uint64_t)b;
    if (a != whole)
        return a < whole ? -1 : 1;
    return b > (double)whole ? -1 : 0;
}

static int compare_int_uint(int64_t a, uint64_t b)
{
    if (a < 0)
        return -1;
    return (uint64_t)a < b ? -1 : (uint64_t)a > b;
}

/* False when one is NaN. */
static bool compare_numbers(struct value a, struct value b, int *ret)
{
    if ((a.type == VALUE_DOUBLE && isnan(a.number)) || (b.type == VALUE_DOUBLE && isnan(b.number)))
        return false;
    if (a.type > b.type) {
        if (!compare_numbers(b, a, ret))
            return false;
        *ret = -*ret;
        return true;
    }
    if (a.type == VALUE_INT && b.type == VALUE_INT)
        *ret = a.integer < b.integer ? -1 : a.integer > b.integer;
    else if (a.type == VALUE_INT && b.type == VALUE_UINT)
        *ret = compare_int_uint(a.integer, b.uinteger);
    else if (a.type == VALUE_INT)
        *ret = compare_int_double(a.integer, b.number);
    else if (a.type == VALUE_UINT && b.type == VALUE_UINT)
        *ret = a.uinteger < b.uinteger ? -1 : a.uinteger > b.uinteger;
    else if (a.type == VALUE_UINT)
        *ret = compare_uint_double(a.uinteger, b.number);
    else
        *ret = a.number < b.number ? -1 : a.number > b.number;
    return true;
}

bool value_compare(struct value a, struct value b, int *ret_order)
{
    *ret_order = 0;
    if (is_number(a) && is_number(b))
        return compare_numbers(a, b, ret_order);
    if (a.type != b.type)
        return false;
    switch (a.type) {
    case VALUE_BOOL: *ret_order = (int)a.boolean - (int)b.boolean; return true;
    case VALUE_STRING:
    case VALUE_BYTES: *ret_order = str_compare(value_str(a), value_str(b)); return true;
    case VALUE_TIMESTAMP:
    case VALUE_DURATION:
        *ret_order = a.seconds < b.seconds ? -1 : a.seconds > b.seconds;
        if (*ret_order == 0)
            *ret_order = value_nanos(a) < value_nanos(b) ? -1 : value_nanos(a) > value_nanos(b);
        return true;
    default: return false;
    }
}

static bool list_equal(struct value a, struct value b)
{
    if (a.size != b.size)
        return false;
    for (uint32_t i = 0; i < a.size; i++)
        if (!value_equal(a.items[i], b.items[i]))
            return false;
    return true;
}

static bool map_equal(struct value a, struct value b)
{
    if (a.size != b.size)
        return false;
    const struct value_entry *entries = value_map_entries(a);
    for (uint32_t i = 0; i < a.size; i++) {
        const struct value *other = value_map_find_key(b, entries[i].key);
        if (other == NULL || !value_equal(entries[i].value, *other))
            return false;
    }
    return true;
}

bool value_equal(struct value a, struct value b)
{
    int order;
    if (is_number(a) && is_number(b))
        return compare_numbers(a, b, &order) && order == 0;
    if (a.type != b.type)
        return false;
    switch (a.type) {
    case VALUE_NULL: return true;
    case VALUE_LIST: return list_equal(a, b);
    case VALUE_MAP: return map_equal(a, b);
    case VALUE_OPTIONAL:
        return a.inside == NULL || b.inside == NULL ? a.inside == b.inside
                                                    : value_equal(*a.inside, *b.inside);
    case VALUE_TYPE:
    case VALUE_SECRET: return str_equal(value_str(a), value_str(b));
    case VALUE_IP:
    case VALUE_CIDR:
        return a.net->size == b.net->size && a.net->prefix == b.net->prefix &&
            memcmp(a.net->bytes, b.net->bytes, a.net->size) == 0;
    default: return value_compare(a, b, &order) && order == 0;
    }
}

static uint64_t mix(uint64_t seed, uint64_t number)
{
    uint64_t pair[2] = { seed, number };
    return XXH3_64bits(pair, sizeof pair);
}

/* Numbers that are equal must hash alike whatever their types: integers by their value where it fits
 * an int64, all else by the double. */
static uint64_t hash_number(struct value v, uint64_t seed)
{
    if (v.type == VALUE_INT)
        return mix(seed, (uint64_t)v.integer);
    if (v.type == VALUE_UINT)
        return mix(seed, v.uinteger);
    if (v.number >= -9223372036854775808.0 && v.number < 9223372036854775808.0 &&
        v.number == (double)(int64_t)v.number)
        return mix(seed, (uint64_t)(int64_t)v.number);
    if (v.number >= 0 && v.number < 18446744073709551616.0 && v.number == (double)(uint64_t)v.number)
        return mix(seed, (uint64_t)v.number);
    uint64_t bits;
    memcpy(&bits, &v.number, sizeof bits);
    return mix(seed ^ 1, bits);
}

static uint64_t hash_parts(struct value v, uint64_t seed)
{
    uint64_t sum = mix(seed, v.size);
    if (v.type == VALUE_LIST) {
        for (uint32_t i = 0; i < v.size; i++)
            sum = mix(sum, value_hash_seeded(v.items[i], seed));
        return sum;
    }
    const struct value_entry *entries = value_map_entries(v);
    for (uint32_t i = 0; i < v.size; i++) /* the order of entries does not matter */
        sum += mix(value_hash_seeded(entries[i].key, seed), value_hash_seeded(entries[i].value, seed));
    return sum;
}

uint64_t value_hash_seeded(struct value v, uint64_t seed)
{
    switch (v.type) {
    case VALUE_INT:
    case VALUE_UINT:
    case VALUE_DOUBLE: return hash_number(v, seed);
    case VALUE_STRING:
    case VALUE_BYTES:
    case VALUE_TYPE:
    case VALUE_SECRET: return XXH3_64bits_withSeed(v.bytes ? v.bytes : "", v.size, seed);
    case VALUE_LIST:
    case VALUE_MAP: return hash_parts(v, mix(seed, v.type));
    case VALUE_TIMESTAMP:
    case VALUE_DURATION: return mix(mix(seed, (uint64_t)v.seconds), v.size);
    case VALUE_OPTIONAL: return v.inside ? mix(seed, value_hash_seeded(*v.inside, seed)) : seed;
    case VALUE_IP:
    case VALUE_CIDR: return XXH3_64bits_withSeed(v.net->bytes, v.net->size, seed ^ v.net->prefix);
    case VALUE_BOOL: return mix(seed, v.boolean);
    default: return seed;
    }
}

uint64_t value_hash(struct value v)
{
    return value_hash_seeded(v, 0);
}
