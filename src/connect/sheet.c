#include "connect/sheet.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/timetext.h"
#include "playbook/shape.h"

static void add(struct sheet *sheet, enum diagnostic_level level, uint32_t line, uint32_t column,
    const char *code, const char *format, va_list arguments)
{
    char text[ERR_TEXT_BYTES_MAX];
    vsnprintf(text, sizeof(text), format, arguments);
    diagnostics_add(sheet->found, level, code, line, column, "%s", text);
}

void sheet_fault(struct sheet *sheet, const struct yaml_node *node, const char *code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(sheet, DIAGNOSTIC_ERROR, node->line, node->column, code, format, arguments);
    va_end(arguments);
}

void sheet_warning(
    struct sheet *sheet, const struct yaml_node *node, const char *code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add(sheet, DIAGNOSTIC_WARNING, node->line, node->column, code, format, arguments);
    va_end(arguments);
}

void sheet_fault_inside(struct sheet *sheet, const struct yaml_node *node, size_t offset, const char *code,
    const struct err_info *why)
{
    uint32_t line = node->line, column = node->column;
    /* In a text of several lines, or one with escapes, the place in the file is not known: the node's stands.
     */
    bool is_one_line = node->line == node->end_line;
    if (is_one_line)
        column += (uint32_t)offset + (node->is_plain ? 0 : 1) + (why->column ? why->column - 1 : 0);
    diagnostics_add(sheet->found, DIAGNOSTIC_ERROR, code, line, column, "%s", why->text);
}

void sheet_memory(struct sheet *sheet, const struct yaml_node *node)
{
    sheet_fault(sheet, node, "out_of_memory", "there is not enough memory to read this");
    sheet->found->is_out_of_memory = true;
}

const char *sheet_nearest(struct str text, const char *const *words, uint32_t count)
{
    const char *nearest = NULL;
    unsigned least = 3;
    for (uint32_t i = 0; i < count; i++) {
        unsigned distance = str_distance(text, str_of(words[i]), least);
        if (distance < least) {
            least = distance;
            nearest = words[i];
        }
    }
    return nearest;
}

static void fault_unknown(struct sheet *sheet, const struct yaml_node *key, const char *const *keys,
    uint32_t count, const char *what)
{
    const char *near = sheet_nearest(key->text, keys, count);
    if (near)
        sheet_fault(sheet, key, "unknown_key", "%s has no key `%.*s`; did you mean `%s`?", what,
            STR_ARG(key->text), near);
    else
        sheet_fault(sheet, key, "unknown_key", "%s has no key `%.*s`", what, STR_ARG(key->text));
}

bool sheet_keys(struct sheet *sheet, const struct yaml_node *node, const char *const *keys, uint32_t count,
    const char *what, const struct yaml_node **ret)
{
    memset(ret, 0, count * sizeof(*ret));
    if (node->kind != YAML_MAPPING) {
        sheet_fault(sheet, node, "bad_shape", "%s must be a mapping", what);
        return false;
    }
    for (uint32_t i = 0; i < node->count; i++) {
        const struct yaml_node *key = node->pairs[i].key;
        uint32_t at = 0;
        while (at < count && !str_equal(key->text, str_of(keys[at])))
            at++;
        if (at < count)
            ret[at] = node->pairs[i].value;
        else
            fault_unknown(sheet, key, keys, count, what);
    }
    return true;
}

bool sheet_shape(struct sheet *sheet, const struct yaml_node *node, const struct shape *shape,
    const char *what, const struct yaml_node **ret)
{
    const char *names[SHAPE_KEYS_MAX + 1];
    uint32_t count = 0;
    shape_names(shape, names);
    while (names[count])
        count++;
    return sheet_keys(sheet, node, names, count, what, ret);
}

void sheet_missing(struct sheet *sheet, const struct yaml_node *mapping, const char *key, const char *mend)
{
    sheet_fault(sheet, mapping, "missing_key", "`%s` is missing: %s", key, mend);
}

static bool is_scalar(struct sheet *sheet, const struct yaml_node *node, const char *what)
{
    if (node->kind == YAML_SCALAR && !yaml_is_null(node))
        return true;
    sheet_fault(sheet, node, "bad_shape", "%s must be a single value", what);
    return false;
}

bool sheet_text(struct sheet *sheet, const struct yaml_node *node, const char *what, struct str *ret)
{
    if (!node)
        return true;
    if (!is_scalar(sheet, node, what))
        return false;
    *ret = node->text;
    return true;
}

bool sheet_bool(struct sheet *sheet, const struct yaml_node *node, const char *what, bool *ret)
{
    if (!node)
        return true;
    bool is_true = node->kind == YAML_SCALAR && node->is_plain && str_equal(node->text, STR("true"));
    if (!is_true && !(node->kind == YAML_SCALAR && node->is_plain && str_equal(node->text, STR("false")))) {
        sheet_fault(sheet, node, "bad_value", "%s must be true or false", what);
        return false;
    }
    *ret = is_true;
    return true;
}

bool sheet_int(struct sheet *sheet, const struct yaml_node *node, const char *what, int64_t least,
    int64_t most, int64_t *ret)
{
    if (!node)
        return true;
    int64_t number;
    if (node->kind != YAML_SCALAR || !str_to_int(node->text, &number) || number < least || number > most) {
        sheet_fault(sheet, node, "bad_value", "%s must be a whole number from %lld to %lld", what,
            (long long)least, (long long)most);
        return false;
    }
    *ret = number;
    return true;
}

bool sheet_span(
    struct sheet *sheet, const struct yaml_node *node, const char *what, int64_t most_us, int64_t *ret_us)
{
    if (!node)
        return true;
    int64_t span;
    if (node->kind != YAML_SCALAR || span_parse(node->text, &span, NULL) != ERR_OK || span <= 0 ||
        span > most_us) {
        sheet_fault(sheet, node, "bad_value", "%s must be a span such as 500ms, 30s, 5m or 1d, at most %llds",
            what, (long long)(most_us / US_PER_S));
        return false;
    }
    *ret_us = span;
    return true;
}

bool sheet_word(struct sheet *sheet, const struct yaml_node *node, const char *what, const char *const *words,
    uint32_t count, uint32_t *ret)
{
    if (!node)
        return true;
    if (!is_scalar(sheet, node, what))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (str_equal(node->text, str_of(words[i]))) {
            *ret = i;
            return true;
        }
    }
    char list[256] = "";
    for (uint32_t i = 0, used = 0; i < count && used < sizeof(list); i++)
        used += (uint32_t)snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", words[i]);
    sheet_fault(sheet, node, "bad_value", "%s `%.*s` is none of: %s", what, STR_ARG(node->text), list);
    return false;
}

bool sheet_name(struct sheet *sheet, const struct yaml_node *node, const char *what, struct str *ret)
{
    if (!is_scalar(sheet, node, what))
        return false;
    struct str text = node->text;
    bool is_good = text.size > 0 && text.size <= 64 && islower((unsigned char)text.data[0]);
    for (size_t i = 0; is_good && i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        is_good = islower(byte) || isdigit(byte) || byte == '_';
    }
    if (!is_good) {
        sheet_fault(sheet, node, "bad_name", "%s `%.*s` must be lower case letters, digits and _, at most 64",
            what, STR_ARG(text));
        return false;
    }
    *ret = text;
    return true;
}
