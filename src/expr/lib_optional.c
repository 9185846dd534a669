/* The optionals extension; optMap, optFlatMap, .? and [?] are syntax. */
#include <math.h>

#include "expr/function.h"

static FALLIBLE of(struct call *call, const struct value *a, struct value *ret)
{
    return call_optional(call, a[0], ret);
}

static FALLIBLE none(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* nothing to charge */
    (void)a; /* no arguments */
    *ret = call_none();
    return ERR_OK;
}

static bool is_zero(struct value v)
{
    switch (v.type) {
    case VALUE_NULL: return true;
    case VALUE_BOOL: return !v.boolean;
    case VALUE_INT:
    case VALUE_UINT: return v.uinteger == 0;
    case VALUE_DOUBLE: return v.number == 0;
    case VALUE_STRING:
    case VALUE_BYTES:
    case VALUE_LIST:
    case VALUE_MAP: return v.size == 0;
    case VALUE_TIMESTAMP:
    case VALUE_DURATION: return v.seconds == 0 && v.size == 0;
    case VALUE_OPTIONAL: return v.inside == NULL;
    default: return false;
    }
}

static FALLIBLE of_non_zero(struct call *call, const struct value *a, struct value *ret)
{
    *ret = call_none();
    return is_zero(a[0]) ? ERR_OK : call_optional(call, a[0], ret);
}

static FALLIBLE has_value(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* nothing to charge */
    *ret = value_bool(a[0].inside != NULL);
    return ERR_OK;
}

static FALLIBLE value(struct call *call, const struct value *a, struct value *ret)
{
    if (a[0].inside == NULL)
        return call_fail(call, "optional.none() has no value");
    *ret = *a[0].inside;
    return ERR_OK;
}

static FALLIBLE or_else(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* nothing to charge */
    *ret = a[0].inside != NULL ? a[0] : a[1];
    return ERR_OK;
}

static FALLIBLE or_value(struct call *call, const struct value *a, struct value *ret)
{
    (void)call; /* nothing to charge */
    *ret = a[0].inside != NULL ? *a[0].inside : a[1];
    return ERR_OK;
}

/* The values of a list of optionals that have one. */
static FALLIBLE unwrap(struct call *call, const struct value *a, struct value *ret)
{
    struct value *items = NULL;
    uint32_t count = 0;
    TRY(call_items(call, a[0].size, &items));
    for (uint32_t i = 0; i < a[0].size; i++) {
        struct value item = a[0].items[i];
        if (item.type != VALUE_OPTIONAL)
            return call_fail(call, "no such overload: item %u is no optional but of type %s", i,
                value_type_name(item.type));
        if (item.inside != NULL)
            items[count++] = value_part_of(item, *item.inside);
    }
    *ret = call_list(items, count);
    return ERR_OK;
}

#define A &type_a
#define OPTIONAL &type_optional_a

static const struct overload has_value_rows[] = { { true, 1, { OPTIONAL }, &type_bool, has_value } };
static const struct overload none_rows[] = { { false, 0, { NULL }, OPTIONAL, none } };
static const struct overload of_rows[] = { { false, 1, { A }, OPTIONAL, of } };
static const struct overload of_non_zero_rows[] = { { false, 1, { A }, OPTIONAL, of_non_zero } };
static const struct overload unwrap_rows[] = { { false, 1, { &type_list_optional_a }, &type_list_a,
    unwrap } };
static const struct overload or_rows[] = { { true, 2, { OPTIONAL, OPTIONAL }, OPTIONAL, or_else } };
static const struct overload or_value_rows[] = { { true, 2, { OPTIONAL, A }, A, or_value } };
static const struct overload unwrap_opt_rows[] = { { true, 1, { &type_list_optional_a }, &type_list_a,
    unwrap } };
static const struct overload value_rows[] = { { true, 1, { OPTIONAL }, A, value } };

static const struct function functions[] = {
    FUNCTION_FLAT("hasValue", has_value_rows),
    FUNCTION_FLAT("optional.none", none_rows),
    FUNCTION_FLAT("optional.of", of_rows),
    FUNCTION_FLAT("optional.ofNonZeroValue", of_non_zero_rows),
    FUNCTION("optional.unwrap", unwrap_rows),
    FUNCTION_KEEPING("or", or_rows),
    FUNCTION_KEEPING("orValue", or_value_rows),
    FUNCTION("unwrapOpt", unwrap_opt_rows),
    FUNCTION_KEEPING("value", value_rows),
};

const struct library library_optional = { "optional", functions, sizeof(functions) / sizeof(functions[0]) };
