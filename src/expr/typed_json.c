#include "expr/typed_json.h"

#include <math.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"
#include "base/timetext.h"
#include "expr/network.h"

/* ---- printing ---- */

static void print_quoted_int(struct buf *buf, struct value v)
{
    buf_add_byte(buf, '"');
    if (v.type == VALUE_INT)
        buf_add_int(buf, v.integer);
    else
        buf_add_uint(buf, v.uinteger);
    buf_add_byte(buf, '"');
}

static void print_double(struct buf *buf, double number)
{
    buf_add_byte(buf, '"');
    if (isnan(number))
        buf_add_text(buf, "NaN");
    else if (isinf(number))
        buf_add_text(buf, number > 0 ? "Infinity" : "-Infinity");
    else
        json_print_double(buf, number);
    buf_add_byte(buf, '"');
}

static void print_list(struct buf *buf, struct value v)
{
    buf_add_byte(buf, '[');
    for (uint32_t i = 0; i < v.size; i++) {
        if (i > 0)
            buf_add_byte(buf, ',');
        typed_json_print(buf, v.items[i]);
    }
    buf_add_byte(buf, ']');
}

static void print_map(struct buf *buf, struct value v)
{
    const struct value_entry *entries = value_map_entries(v);
    buf_add_byte(buf, '[');
    for (uint32_t i = 0; i < v.size; i++) {
        buf_add_text(buf, i > 0 ? ",[" : "[");
        typed_json_print(buf, entries[i].key);
        buf_add_byte(buf, ',');
        typed_json_print(buf, entries[i].value);
        buf_add_byte(buf, ']');
    }
    buf_add_byte(buf, ']');
}

static void print_quoted(struct buf *buf, struct value v)
{
    char text[NETWORK_TEXT_BYTES];
    buf_add_byte(buf, '"');
    switch (v.type) {
    case VALUE_BYTES: base64_add(buf, value_str(v)); break;
    case VALUE_TIMESTAMP: time_print_rfc3339(buf, v.seconds, value_nanos(v)); break;
    case VALUE_DURATION: duration_print(buf, v.seconds, value_nanos(v)); break;
    default: buf_add(buf, network_print(v, text)); break;
    }
    buf_add_byte(buf, '"');
}

/* The word in front of the value; the abstract types have short ones. */
static const char *word_of(struct value v)
{
    switch (v.type) {
    case VALUE_NULL: return "null";
    case VALUE_TIMESTAMP: return "timestamp";
    case VALUE_DURATION: return "duration";
    case VALUE_OPTIONAL: return "optional";
    case VALUE_IP: return "ip";
    case VALUE_CIDR: return "cidr";
    default: return value_type_name(v.type);
    }
}

void typed_json_print(struct buf *buf, struct value v)
{
    buf_printf(buf, "{\"%s\":", word_of(v));
    switch (v.type) {
    case VALUE_NULL: buf_add_text(buf, "null"); break;
    case VALUE_BOOL: buf_add_text(buf, v.boolean ? "true" : "false"); break;
    case VALUE_INT:
    case VALUE_UINT: print_quoted_int(buf, v); break;
    case VALUE_DOUBLE: print_double(buf, v.number); break;
    case VALUE_STRING:
    case VALUE_TYPE: json_print_string(buf, value_str(v)); break;
    case VALUE_LIST: print_list(buf, v); break;
    case VALUE_MAP: print_map(buf, v); break;
    case VALUE_OPTIONAL:
        if (v.inside != NULL)
            typed_json_print(buf, *v.inside);
        else
            buf_add_text(buf, "null");
        break;
    case VALUE_SECRET: buf_add_text(buf, "\"(secret)\""); break;
    default: print_quoted(buf, v); break;
    }
    buf_add_byte(buf, '}');
}

/* ---- reading ---- */

static FALLIBLE refuse(struct str word, struct err_info *why)
{
    return err_set(
        why, ERR_INVALID, "\"%.*s\" has a value that it can't have", STR_ARG(str_slice(word, 0, 40)));
}

static FALLIBLE parse_list(struct arena *arena, struct value json, struct value *ret, struct err_info *why)
{
    struct value_list_builder list;
    value_list_begin(&list, arena);
    for (uint32_t i = 0; i < json.size; i++) {
        struct value item = value_null();
        TRY(typed_json_parse(arena, json.items[i], &item, why));
        TRY(value_list_add(&list, item, why));
    }
    *ret = value_list_end(&list);
    return ERR_OK;
}

static FALLIBLE parse_map(struct arena *arena, struct value json, struct value *ret, struct err_info *why)
{
    struct value_map_builder map;
    value_map_begin(&map, arena);
    for (uint32_t i = 0; i < json.size; i++) {
        struct value pair = json.items[i], key = value_null(), v = value_null();
        if (pair.type != VALUE_LIST || pair.size != 2)
            return err_set(why, ERR_INVALID, "an entry of a \"map\" is a pair, [key, value]");
        TRY(typed_json_parse(arena, pair.items[0], &key, why));
        TRY(typed_json_parse(arena, pair.items[1], &v, why));
        if (key.type != VALUE_STRING && key.type != VALUE_INT && key.type != VALUE_UINT &&
            key.type != VALUE_BOOL)
            return err_set(why, ERR_INVALID, "a value of type %s can't be a key", value_type_name(key.type));
        TRY(value_map_add(&map, key, v, why));
    }
    *ret = value_map_end(&map);
    return ERR_OK;
}

static bool parse_double(struct str text, double *ret)
{
    if (str_equal(text, STR("NaN")))
        *ret = (double)NAN;
    else if (str_equal(text, STR("Infinity")))
        *ret = (double)INFINITY;
    else if (str_equal(text, STR("-Infinity")))
        *ret = -(double)INFINITY;
    else
        return str_to_double(text, ret);
    return true;
}

static FALLIBLE parse_bytes(struct arena *arena, struct str text, struct value *ret, struct err_info *why)
{
    AUTO(buf) struct buf bytes = { .size = 0 };
    struct str copy;
    if (!base64_decode(&bytes, text))
        return refuse(STR("bytes"), why);
    TRY(buf_check(&bytes, why));
    TRY(arena_str(arena, buf_str(&bytes), &copy, why));
    *ret = value_bytes(copy);
    return ERR_OK;
}

static FALLIBLE parse_net(
    struct arena *arena, struct str text, bool is_cidr, struct value *ret, struct err_info *why)
{
    struct value_net *net = ARENA_NEW(arena, struct value_net);
    if (net == NULL)
        return err_memory(why);
    const char *error = is_cidr ? network_parse_cidr(text, net) : network_parse_ip(text, net);
    if (error != NULL)
        return refuse(is_cidr ? STR("cidr") : STR("ip"), why);
    *ret = (struct value){ .type = is_cidr ? VALUE_CIDR : VALUE_IP, .net = net };
    return ERR_OK;
}

/* Types whose value is written as a string. */
static FALLIBLE parse_text(
    struct arena *arena, struct str word, struct str text, struct value *ret, struct err_info *why)
{
    int64_t integer;
    uint64_t uinteger;
    double number;
    int32_t nanos;
    if (str_equal(word, STR("string")))
        *ret = value_string(text);
    else if (str_equal(word, STR("int")) && str_to_int(text, &integer))
        *ret = value_int(integer);
    else if (str_equal(word, STR("uint")) && str_to_uint(text, &uinteger))
        *ret = value_uint(uinteger);
    else if (str_equal(word, STR("double")) && parse_double(text, &number))
        *ret = value_double(number);
    else if (str_equal(word, STR("type")))
        *ret = (struct value){ .type = VALUE_TYPE, .size = (uint32_t)text.size, .bytes = text.data };
    else if (str_equal(word, STR("timestamp")) && time_parse_rfc3339(text, &integer, &nanos))
        *ret = value_timestamp(integer, nanos);
    else if (str_equal(word, STR("duration")) && duration_parse(text, &integer, &nanos))
        *ret = value_duration(integer, nanos);
    else if (str_equal(word, STR("bytes")))
        return parse_bytes(arena, text, ret, why);
    else if (str_equal(word, STR("ip")) || str_equal(word, STR("cidr")))
        return parse_net(arena, text, str_equal(word, STR("cidr")), ret, why);
    else
        return refuse(word, why);
    return ERR_OK;
}

static FALLIBLE parse_optional(
    struct arena *arena, struct value json, struct value *ret, struct err_info *why)
{
    struct value *inside = NULL;
    if (json.type != VALUE_NULL) {
        inside = ARENA_NEW(arena, struct value);
        if (inside == NULL)
            return err_memory(why);
        TRY(typed_json_parse(arena, json, inside, why));
    }
    *ret = (struct value){ .type = VALUE_OPTIONAL, .inside = inside };
    return ERR_OK;
}

/* The depth is bounded by JSON_DEPTH_MAX, which the tree was read with. */
FALLIBLE typed_json_parse(struct arena *arena, struct value json, struct value *ret, struct err_info *why)
{
    if (json.type != VALUE_MAP || json.size != 1)
        return err_set(why, ERR_INVALID, "a typed value is an object with one key, as {\"int\": \"1\"}");
    struct str word = value_str(value_map_entries(json)[0].key);
    struct value inner = value_map_entries(json)[0].value;
    if (inner.type == VALUE_STRING)
        return parse_text(arena, word, value_str(inner), ret, why);
    if (str_equal(word, STR("list")) && inner.type == VALUE_LIST)
        return parse_list(arena, inner, ret, why);
    if (str_equal(word, STR("map")) && inner.type == VALUE_LIST)
        return parse_map(arena, inner, ret, why);
    if (str_equal(word, STR("optional")))
        return parse_optional(arena, inner, ret, why);
    bool is_plain = (str_equal(word, STR("bool")) && inner.type == VALUE_BOOL) ||
        (str_equal(word, STR("null")) && inner.type == VALUE_NULL);
    if (!is_plain)
        return refuse(word, why);
    *ret = inner;
    return ERR_OK;
}
