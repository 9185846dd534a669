/* All function tables together: finding by name, and the names that are constants everywhere. */
#include "expr/function.h"

static const struct library *const libraries[] = {
    &library_standard,
    &library_conversions,
    &library_strings,
    &library_lists,
    &library_sets,
    &library_math,
    &library_encoders,
    &library_optional,
    &library_network,
    &library_time,
    &library_regex,
    &library_security,
    &library_sinks,
    &library_parsers,
};
#define LIBRARY_COUNT (sizeof(libraries) / sizeof(libraries[0]))

const struct type type_a = { .kind = TYPE_PARAMETER, .name = STR_INIT("A") };
const struct type type_b = { .kind = TYPE_PARAMETER, .name = STR_INIT("B") };
const struct type type_type_a = { .kind = TYPE_TYPE, .item = &type_a };
const struct type type_list_a = { .kind = TYPE_LIST, .item = &type_a };
const struct type type_list_string = { .kind = TYPE_LIST, .item = &type_string };
const struct type type_list_int = { .kind = TYPE_LIST, .item = &type_int };
const struct type type_list_uint = { .kind = TYPE_LIST, .item = &type_uint };
const struct type type_list_double = { .kind = TYPE_LIST, .item = &type_double };
const struct type type_list_list_a = { .kind = TYPE_LIST, .item = &type_list_a };
const struct type type_map_ab = { .kind = TYPE_MAP, .key = &type_a, .item = &type_b };
const struct type type_optional_a = { .kind = TYPE_OPTIONAL, .item = &type_a };
const struct type type_optional_b = { .kind = TYPE_OPTIONAL, .item = &type_b };
const struct type type_optional_string = { .kind = TYPE_OPTIONAL, .item = &type_string };
const struct type type_optional_list_a = { .kind = TYPE_OPTIONAL, .item = &type_list_a };
const struct type type_optional_map_ab = { .kind = TYPE_OPTIONAL, .item = &type_map_ab };
const struct type type_list_optional_a = { .kind = TYPE_LIST, .item = &type_optional_a };

const struct library *const *function_libraries(uint32_t *ret_count)
{
    *ret_count = LIBRARY_COUNT;
    return libraries;
}

static const struct function *find_in(const struct library *library, struct str name)
{
    uint32_t low = 0, high = library->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = str_compare(library->functions[middle].name, name);
        if (order == 0)
            return &library->functions[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct function *function_find(struct str name)
{
    for (size_t i = 0; i < LIBRARY_COUNT; i++) {
        const struct function *function = find_in(libraries[i], name);
        if (function != NULL)
            return function;
    }
    return NULL;
}

static unsigned near_limit(struct str name)
{
    return name.size < 4 ? 1 : name.size < 8 ? 2 : 3;
}

struct str function_nearest(struct str name)
{
    struct str nearest = { NULL, 0 };
    unsigned limit = near_limit(name);
    for (size_t i = 0; i < LIBRARY_COUNT; i++) {
        for (uint32_t k = 0; k < libraries[i]->count; k++) {
            struct str known = libraries[i]->functions[k].name;
            unsigned distance = str_find_byte(known, '_', 0) == 0 ? limit + 1
                                                                  : str_distance(known, name, limit);
            if (distance > limit || (distance == limit && nearest.data != NULL))
                continue;
            nearest = known;
            limit = distance;
        }
    }
    return nearest;
}

/* Bitmask over enum value_type. */
#define BIT(value_type) (UINT32_C(1) << (value_type))

static uint32_t values_of(enum type_kind kind)
{
    static const uint32_t masks[] = {
        [TYPE_DYN] = UINT32_MAX,
        [TYPE_NULL] = BIT(VALUE_NULL),
        [TYPE_BOOL] = BIT(VALUE_BOOL),
        [TYPE_INT] = BIT(VALUE_INT),
        [TYPE_UINT] = BIT(VALUE_UINT),
        [TYPE_DOUBLE] = BIT(VALUE_DOUBLE),
        [TYPE_STRING] = BIT(VALUE_STRING),
        [TYPE_BYTES] = BIT(VALUE_BYTES),
        [TYPE_TIMESTAMP] = BIT(VALUE_TIMESTAMP),
        [TYPE_DURATION] = BIT(VALUE_DURATION),
        [TYPE_IP] = BIT(VALUE_IP),
        [TYPE_CIDR] = BIT(VALUE_CIDR),
        [TYPE_LIST] = BIT(VALUE_LIST),
        [TYPE_MAP] = BIT(VALUE_MAP),
        [TYPE_RECORD] = BIT(VALUE_MAP),
        [TYPE_OPTIONAL] = BIT(VALUE_OPTIONAL),
        [TYPE_TYPE] = BIT(VALUE_TYPE),
        [TYPE_NULLABLE] = UINT32_MAX,
        [TYPE_PARAMETER] = UINT32_MAX,
        [TYPE_ERROR] = UINT32_MAX,
    };
    return masks[kind];
}

static bool matches(const struct type *type, struct value v)
{
    if ((values_of(type->kind) & BIT(v.type)) == 0)
        return false;
    /* What an optional holds tells optional(list) from optional(map). */
    if (type->kind == TYPE_OPTIONAL && v.inside != NULL)
        return (values_of(type->item->kind) & BIT(v.inside->type)) != 0;
    return true;
}

bool overload_matches(
    const struct overload *overload, const struct value *arguments, uint32_t count, bool is_member)
{
    if (overload->is_member != is_member || overload->count != count)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!matches(overload->parameters[i], arguments[i]))
            return false;
    }
    return true;
}

/* ---- constants ---- */

static const struct type type_type_bool = { .kind = TYPE_TYPE, .item = &type_bool };
static const struct type type_type_bytes = { .kind = TYPE_TYPE, .item = &type_bytes };
static const struct type type_type_double = { .kind = TYPE_TYPE, .item = &type_double };
static const struct type type_type_duration = { .kind = TYPE_TYPE, .item = &type_duration };
static const struct type type_type_timestamp = { .kind = TYPE_TYPE, .item = &type_timestamp };
static const struct type type_type_int = { .kind = TYPE_TYPE, .item = &type_int };
static const struct type type_type_list = { .kind = TYPE_TYPE, .item = &type_list_dyn };
static const struct type type_dyn_map = { .kind = TYPE_MAP, .key = &type_dyn, .item = &type_dyn };
static const struct type type_type_map = { .kind = TYPE_TYPE, .item = &type_dyn_map };
static const struct type type_type_cidr = { .kind = TYPE_TYPE, .item = &type_cidr };
static const struct type type_type_ip = { .kind = TYPE_TYPE, .item = &type_ip };
static const struct type type_type_null = { .kind = TYPE_TYPE, .item = &type_null };
static const struct type type_optional_dyn = { .kind = TYPE_OPTIONAL, .item = &type_dyn };
static const struct type type_type_optional = { .kind = TYPE_TYPE, .item = &type_optional_dyn };
static const struct type type_type_string = { .kind = TYPE_TYPE, .item = &type_string };
static const struct type type_plain_type = { .kind = TYPE_TYPE };
static const struct type type_type_type = { .kind = TYPE_TYPE, .item = &type_plain_type };
static const struct type type_type_uint = { .kind = TYPE_TYPE, .item = &type_uint };

/* Types denote themselves; the severities are OCSF's severity_id. */
static const struct {
    struct str name;
    const struct type *type; /* NULL: an int, `number` */
    int64_t number;
} constants[] = {
    { STR_INIT("bool"), &type_type_bool, 0 },
    { STR_INIT("bytes"), &type_type_bytes, 0 },
    { STR_INIT("double"), &type_type_double, 0 },
    { STR_INIT("google.protobuf.Duration"), &type_type_duration, 0 },
    { STR_INIT("google.protobuf.Timestamp"), &type_type_timestamp, 0 },
    { STR_INIT("int"), &type_type_int, 0 },
    { STR_INIT("list"), &type_type_list, 0 },
    { STR_INIT("map"), &type_type_map, 0 },
    { STR_INIT("net.CIDR"), &type_type_cidr, 0 },
    { STR_INIT("net.IP"), &type_type_ip, 0 },
    { STR_INIT("null_type"), &type_type_null, 0 },
    { STR_INIT("optional_type"), &type_type_optional, 0 },
    { STR_INIT("string"), &type_type_string, 0 },
    { STR_INIT("type"), &type_type_type, 0 },
    { STR_INIT("uint"), &type_type_uint, 0 },
    { STR_INIT("severity.UNKNOWN"), NULL, 0 },
    { STR_INIT("severity.INFORMATIONAL"), NULL, 1 },
    { STR_INIT("severity.LOW"), NULL, 2 },
    { STR_INIT("severity.MEDIUM"), NULL, 3 },
    { STR_INIT("severity.HIGH"), NULL, 4 },
    { STR_INIT("severity.CRITICAL"), NULL, 5 },
    { STR_INIT("severity.FATAL"), NULL, 6 },
};
#define CONSTANT_COUNT (sizeof(constants) / sizeof(constants[0]))

bool function_constant(struct str name, struct value *ret, const struct type **ret_type)
{
    for (size_t i = 0; i < CONSTANT_COUNT; i++) {
        if (!str_equal(constants[i].name, name))
            continue;
        *ret = constants[i].type == NULL ? value_int(constants[i].number)
                                         : (struct value){ .type = VALUE_TYPE,
                                               .size = (uint32_t)name.size,
                                               .bytes = constants[i].name.data };
        *ret_type = constants[i].type == NULL ? &type_int : constants[i].type;
        return true;
    }
    return false;
}

struct str function_nearest_constant(struct str name, unsigned *distance)
{
    struct str nearest = { NULL, 0 };
    for (size_t i = 0; i < CONSTANT_COUNT; i++) {
        unsigned here = str_distance(constants[i].name, name, *distance);
        if (here < *distance) {
            nearest = constants[i].name;
            *distance = here;
        }
    }
    return nearest;
}
