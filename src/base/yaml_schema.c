/* The core schema of YAML 1.2 (10.3): what a plain scalar means. */
#include <math.h>

#include "base/limits.h"
#include "base/number.h"
#include "base/text.h"
#include "base/yaml.h"

#define CORE "tag:yaml.org,2002:"

static bool is_one_of(struct str text, const char *const *words)
{
    for (; *words; words++)
        if (str_equal(text, str_of(*words)))
            return true;
    return false;
}

static const char *const null_words[] = { "", "~", "null", "Null", "NULL", NULL };
static const char *const true_words[] = { "true", "True", "TRUE", NULL };
static const char *const false_words[] = { "false", "False", "FALSE", NULL };

bool yaml_has_own_tag(const struct yaml_node *node)
{
    static const char *const core[] = { CORE "null", CORE "bool", CORE "int", CORE "float", CORE "str",
        CORE "seq", CORE "map", "!", NULL };
    return node->tag.size > 0 && !is_one_of(node->tag, core);
}

bool yaml_is_null(const struct yaml_node *node)
{
    return node->kind == YAML_SCALAR && node->is_plain && node->tag.size == 0 &&
        is_one_of(node->text, null_words);
}

bool yaml_is_yaml11_bool(const struct yaml_node *node)
{
    static const char *const words[] = { "y", "Y", "yes", "Yes", "YES", "n", "N", "no", "No", "NO", "on",
        "On", "ON", "off", "Off", "OFF", NULL };
    return node->kind == YAML_SCALAR && node->is_plain && node->tag.size == 0 && is_one_of(node->text, words);
}

/* 0o17 and 0x1F; false when it is neither. */
static bool parse_radix(struct str text, struct value *ret)
{
    if (text.size < 3 || text.data[0] != '0' || (text.data[1] != 'o' && text.data[1] != 'x'))
        return false;
    int base = text.data[1] == 'o' ? 8 : 16;
    uint64_t number = 0;
    for (size_t i = 2; i < text.size; i++) {
        int digit = hex_digit(text.data[i]);
        if (digit < 0 || digit >= base || number > (UINT64_MAX - (uint64_t)digit) / (uint64_t)base)
            return false;
        number = number * (uint64_t)base + (uint64_t)digit;
    }
    *ret = number <= INT64_MAX ? value_int((int64_t)number) : value_uint(number);
    return true;
}

static bool parse_special_float(struct str text, struct value *ret)
{
    static const char *const infinity[] = { ".inf", ".Inf", ".INF", NULL };
    static const char *const nan_words[] = { ".nan", ".NaN", ".NAN", NULL };
    struct str rest = text;
    bool has_sign = text.size > 0 && (text.data[0] == '-' || text.data[0] == '+');
    if (has_sign)
        rest = str_slice(text, 1, text.size);
    if (is_one_of(rest, infinity)) {
        *ret = value_double(text.data[0] == '-' ? -HUGE_VAL : HUGE_VAL);
        return true;
    }
    if (!has_sign && is_one_of(text, nan_words)) {
        *ret = value_double((double)NAN);
        return true;
    }
    return false;
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool parse_number(struct str text, struct value *ret)
{
    size_t at = 0, whole = 0, fraction = 0;
    bool is_integer = true;
    if (at < text.size && (text.data[at] == '-' || text.data[at] == '+'))
        at++;
    for (; at < text.size && text.data[at] >= '0' && text.data[at] <= '9'; at++)
        whole++;
    if (at < text.size && text.data[at] == '.') {
        is_integer = false;
        for (at++; at < text.size && text.data[at] >= '0' && text.data[at] <= '9'; at++)
            fraction++;
    }
    if (whole + fraction == 0)
        return false;
    if (at < text.size && (text.data[at] == 'e' || text.data[at] == 'E')) {
        size_t digits = 0;
        is_integer = false;
        at++;
        if (at < text.size && (text.data[at] == '-' || text.data[at] == '+'))
            at++;
        for (; at < text.size && text.data[at] >= '0' && text.data[at] <= '9'; at++)
            digits++;
        if (digits == 0)
            return false;
    }
    if (at != text.size)
        return false;
    struct str unsigned_text = text.data[0] == '+' ? str_slice(text, 1, text.size) : text;
    int64_t integer;
    uint64_t uinteger;
    double number;
    if (is_integer && str_to_int(unsigned_text, &integer))
        *ret = value_int(integer);
    else if (is_integer && str_to_uint(unsigned_text, &uinteger))
        *ret = value_uint(uinteger);
    else if (str_to_double(unsigned_text, &number))
        *ret = value_double(number);
    else
        return false;
    return true;
}

static bool resolve_plain(struct str text, struct value *ret)
{
    if (is_one_of(text, null_words))
        *ret = value_null();
    else if (is_one_of(text, true_words))
        *ret = value_bool(true);
    else if (is_one_of(text, false_words))
        *ret = value_bool(false);
    else
        return parse_radix(text, ret) || parse_special_float(text, ret) || parse_number(text, ret);
    return true;
}

static bool fits_tag(struct str tag, struct value v)
{
    switch (v.type) {
    case VALUE_NULL: return str_equal(tag, STR(CORE "null"));
    case VALUE_BOOL: return str_equal(tag, STR(CORE "bool"));
    case VALUE_INT:
    case VALUE_UINT: return str_equal(tag, STR(CORE "int")) || str_equal(tag, STR(CORE "float"));
    case VALUE_DOUBLE: return str_equal(tag, STR(CORE "float"));
    default: return false;
    }
}

static enum err scalar_to_value(const struct yaml_node *node, struct value *ret, struct err_info *why)
{
    struct value v = value_string(node->text);
    if (node->tag.size == 0) {
        if (node->is_plain)
            (void)resolve_plain(node->text, &v); /* what resolves to nothing else is a string */
        *ret = v;
        return ERR_OK;
    }
    if (str_equal(node->tag, STR("!")) || str_equal(node->tag, STR(CORE "str"))) {
        *ret = v;
        return ERR_OK;
    }
    if (!resolve_plain(node->text, &v) || !fits_tag(node->tag, v))
        return err_at(why, ERR_INVALID, "yaml_tag", node->line, node->column,
            "\"%.*s\" does not fit its tag %.*s", STR_ARG(str_slice(node->text, 0, 60)),
            STR_ARG(str_slice(node->tag, 0, 60)));
    if (str_equal(node->tag, STR(CORE "float")) && v.type == VALUE_INT)
        v = value_double((double)v.integer);
    *ret = v;
    return ERR_OK;
}

static enum err mapping_to_value(
    struct arena *arena, const struct yaml_node *node, struct value *ret, struct err_info *why)
{
    struct value_map_builder builder;
    value_map_begin(&builder, arena);
    for (uint32_t i = 0; i < node->count; i++) {
        const struct yaml_node *key = node->pairs[i].key;
        struct value v;
        if (key->kind != YAML_SCALAR)
            return err_at(why, ERR_INVALID, "yaml_key", key->line, key->column,
                "a key must be a plain or quoted text, not a list or a mapping");
        TRY(yaml_to_value(arena, node->pairs[i].value, &v, why));
        TRY(value_map_put(&builder, value_string(key->text), v, why));
    }
    *ret = value_map_end(&builder);
    return ERR_OK;
}

enum err yaml_to_value(
    struct arena *arena, const struct yaml_node *node, struct value *ret, struct err_info *why)
{
    if (yaml_has_own_tag(node))
        return err_at(why, ERR_INVALID, "yaml_tag", node->line, node->column,
            "the tag %.*s is unknown; a text that begins with '!' needs quotes",
            STR_ARG(str_slice(node->tag, 0, 60)));
    if (node->kind == YAML_SCALAR)
        return scalar_to_value(node, ret, why);
    struct str fitting = node->kind == YAML_MAPPING ? STR(CORE "map") : STR(CORE "seq");
    if (node->tag.size > 0 && !str_equal(node->tag, STR("!")) && !str_equal(node->tag, fitting))
        return err_at(why, ERR_INVALID, "yaml_tag", node->line, node->column, "a %s can't have the tag %.*s",
            node->kind == YAML_MAPPING ? "mapping" : "list", STR_ARG(str_slice(node->tag, 0, 60)));
    if (node->kind == YAML_MAPPING)
        return mapping_to_value(arena, node, ret, why);
    struct value_list_builder builder;
    value_list_begin(&builder, arena);
    for (uint32_t i = 0; i < node->count; i++) {
        struct value item = value_null();
        TRY(yaml_to_value(arena, node->items[i], &item, why));
        TRY(value_list_add(&builder, item, why));
    }
    *ret = value_list_end(&builder);
    return ERR_OK;
}
