/* Values of a mapping: what its expressions give, in the kind that the field asks for. */
#include <arpa/inet.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "ingest/mapping_impl.h"
#include "ingest/when.h"

/* ---- expressions ---- */

static struct value follow(struct value v, const struct way *way)
{
    for (uint32_t i = 0; i < way->key_count && v.type != VALUE_NULL; i++)
        v = value_part_of(v, value_get(v, way->keys[i]));
    return v;
}

static bool is_absent(const struct source *source, struct str text)
{
    for (uint32_t i = 0; i < source->absent_count; i++) {
        if (str_equal(source->absent[i], text))
            return true;
    }
    return text.size == 0;
}

/* Null and empty texts say nothing, nor do those that the source lists. */
static struct value something(const struct mapping *mapping, struct value v)
{
    if (v.type == VALUE_OPTIONAL)
        v = value_part_of(v, v.inside ? *v.inside : value_null());
    if (v.type == VALUE_STRING && is_absent(mapping->source, str_trim(value_str(v))))
        return value_null();
    return v;
}

enum err way_eval(struct mapping *mapping, const struct way *way, struct value *ret)
{
    if (!way->expr) {
        *ret = something(mapping, follow(mapping->event, way));
        return ERR_OK;
    }
    struct value v;
    enum err result = expr_eval(way->expr, mapping->arena, &mapping->activation.activation, NULL, &v, NULL);
    if (result == ERR_MEMORY)
        return err_memory(mapping->why);
    /* An event without what the expression reads is no fault: the field is left out. */
    *ret = result == ERR_OK ? something(mapping, v) : value_null();
    return ERR_OK;
}

enum err rule_eval(struct mapping *mapping, const struct rule *rule, struct value *ret)
{
    *ret = value_null();
    for (uint32_t i = 0; i < rule->count && ret->type == VALUE_NULL; i++)
        TRY(way_eval(mapping, &rule->ways[i], ret));
    return ERR_OK;
}

/* ---- kinds ---- */

static bool is_scalar(struct value v)
{
    return v.type == VALUE_STRING || v.type == VALUE_BOOL || v.type == VALUE_INT || v.type == VALUE_UINT ||
        v.type == VALUE_DOUBLE || v.type == VALUE_TIMESTAMP || v.type == VALUE_DURATION ||
        v.type == VALUE_IP || v.type == VALUE_CIDR;
}

/* A scalar as text: as JSON writes it, without quotes. */
static enum err to_text(struct mapping *mapping, struct value v, struct value *ret)
{
    if (v.type == VALUE_STRING) {
        *ret = v;
        return ERR_OK;
    }
    AUTO(buf) struct buf text = { 0 };
    struct str copy;
    json_print(&text, v, 0);
    TRY(buf_check(&text, mapping->why));
    struct str printed = buf_str(&text);
    if (printed.size >= 2 && printed.data[0] == '"')
        printed = str_slice(printed, 1, printed.size - 1);
    TRY(arena_str(mapping->arena, printed, &copy, mapping->why));
    *ret = value_string(copy);
    ret->flags = v.flags;
    return ERR_OK;
}

static struct value to_int(struct value v)
{
    int64_t number;
    switch (v.type) {
    case VALUE_INT: return v;
    case VALUE_UINT: return v.uinteger <= INT64_MAX ? value_int((int64_t)v.uinteger) : value_null();
    case VALUE_BOOL: return value_int(v.boolean);
    case VALUE_DOUBLE:
        return v.number == floor(v.number) && fabs(v.number) < 9e15 ? value_int((int64_t)v.number)
                                                                    : value_null();
    case VALUE_STRING: return str_to_int(str_trim(value_str(v)), &number) ? value_int(number) : value_null();
    default: return value_null();
    }
}

/* Scores come as 73, 73.5 and "73". */
static struct value to_rounded(struct value v)
{
    double number;
    if (v.type == VALUE_DOUBLE)
        number = v.number;
    else if (v.type != VALUE_STRING || !str_to_double(str_trim(value_str(v)), &number))
        return to_int(v);
    return fabs(number) < 9e15 ? value_int(llround(number)) : value_null();
}

static struct value to_bool(struct value v)
{
    if (v.type == VALUE_BOOL)
        return v;
    if (v.type == VALUE_STRING && str_equal_nocase(value_str(v), STR("true")))
        return value_bool(true);
    if (v.type == VALUE_STRING && str_equal_nocase(value_str(v), STR("false")))
        return value_bool(false);
    return value_null();
}

/* "[2001:db8::1]" and "::ffff:203.0.113.9" are addresses too; the latter is told as IPv4. */
static enum err to_ip(struct mapping *mapping, struct value v, struct value *ret)
{
    *ret = value_null();
    if (v.type == VALUE_IP)
        return to_text(mapping, v, ret);
    if (v.type != VALUE_STRING)
        return ERR_OK;
    struct str text = str_trim(value_str(v));
    if (text.size > 2 && text.data[0] == '[' && text.data[text.size - 1] == ']')
        text = str_slice(text, 1, text.size - 1);
    if (str_starts(text, STR("::ffff:")) && text_is_ip(str_slice(text, 7, text.size)))
        text = str_slice(text, 7, text.size);
    if (!text_is_ip(text))
        return ERR_OK;
    *ret = value_string(text);
    ret->flags = v.flags;
    return ERR_OK;
}

struct text_list {
    struct value_list_builder items;
};

static enum err add_item(void *context, struct str text, struct err_info *why)
{
    struct text_list *list = context;
    return value_list_add(&list->items, value_outside(text), why);
}

static enum err to_texts(struct mapping *mapping, struct value v, struct value *ret)
{
    struct text_list list;
    value_list_begin(&list.items, mapping->arena);
    TRY(texts_each(mapping, v, add_item, &list));
    *ret = list.items.count > 0 ? value_list_end(&list.items) : value_null();
    return ERR_OK;
}

enum err texts_each(struct mapping *mapping, struct value v,
    enum err (*add)(void *context, struct str text, struct err_info *why), void *context)
{
    struct value text;
    if (is_scalar(v)) {
        TRY(to_text(mapping, v, &text));
        return str_trim(value_str(text)).size > 0 ? add(context, str_trim(value_str(text)), mapping->why)
                                                  : ERR_OK;
    }
    for (uint32_t i = 0; v.type == VALUE_LIST && i < v.size; i++) {
        if (is_scalar(v.items[i]))
            TRY(texts_each(mapping, value_part_of(v, v.items[i]), add, context));
    }
    return ERR_OK;
}

/* The first scalar of a list, for fields that hold one. */
static struct value one_of(const struct mapping *mapping, struct value v)
{
    for (uint32_t i = 0; v.type == VALUE_LIST && i < v.size; i++) {
        if (is_scalar(v.items[i]) && something(mapping, v.items[i]).type != VALUE_NULL)
            return value_part_of(v, v.items[i]);
    }
    return v;
}

enum err field_convert(struct mapping *mapping, enum ocsf_kind kind, struct value v, struct value *ret)
{
    struct instant at;
    *ret = value_null();
    if (kind == OCSF_ANY) {
        *ret = v;
        return ERR_OK;
    }
    if (kind == OCSF_STRINGS)
        return to_texts(mapping, v, ret);
    v = one_of(mapping, v);
    switch (kind) {
    case OCSF_INT: *ret = to_int(v); break;
    case OCSF_ROUNDED: *ret = to_rounded(v); break;
    case OCSF_BOOL: *ret = to_bool(v); break;
    case OCSF_IP: return to_ip(mapping, v, ret);
    case OCSF_TIME:
        if (when_parse(v, &at))
            *ret = value_int(at.us / US_PER_MS);
        break;
    default:
        if (is_scalar(v))
            return to_text(mapping, v, ret);
        break;
    }
    return ERR_OK;
}
