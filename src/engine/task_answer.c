#include "engine/task_answer.h"

#include "base/limits.h"
#include "expr/type.h"

/* A word that the playbook lists is its own, whoever chose it. */
static FALLIBLE check_choice(struct value options, struct value *choice, struct err_info *why)
{
    AUTO(buf) struct buf known = { 0 };
    for (uint32_t i = 0; options.type == VALUE_LIST && i < options.size; i++) {
        if (value_equal(options.items[i], *choice)) {
            choice->flags &= (uint8_t)~VALUE_OUTSIDE;
            return ERR_OK;
        }
        buf_add_text(&known, i ? ", " : "");
        buf_add(&known, value_is(options.items[i], VALUE_STRING) ? value_str(options.items[i]) : STR("?"));
    }
    return err_set(
        why, ERR_INVALID, "choice: it must be one of: %.*s", (int)known.size, known.data ? known.data : "");
}

static FALLIBLE choices_check(struct value field, struct value *v, struct str name, struct err_info *why)
{
    struct value choices = value_get(field, STR("choices"));
    if (choices.type != VALUE_LIST)
        return ERR_OK;
    for (uint32_t i = 0; i < choices.size; i++) {
        if (value_equal(choices.items[i], *v)) {
            v->flags &= (uint8_t)~VALUE_OUTSIDE;
            return ERR_OK;
        }
    }
    return err_set(why, ERR_INVALID, "form.%.*s: it is none of the field's choices", STR_ARG(name));
}

static FALLIBLE field_check(struct value field, struct value given, struct arena *arena, struct value *ret,
    bool *ret_has, struct err_info *why)
{
    struct str name = value_str(value_get(field, STR("name")));
    struct value type_text = value_get(field, STR("type")), required = value_get(field, STR("required"));
    const struct value *v = value_map_find(given, name), *fallback = value_map_find(field, STR("default"));
    const struct type *type = NULL;
    struct err_info inner = { 0 };
    *ret_has = v || fallback;
    if (!v && fallback)
        *ret = *fallback;
    else if (v)
        *ret = *v;
    else if (required.type == VALUE_BOOL && required.boolean)
        return err_set(why, ERR_INVALID, "form.%.*s: it is missing", STR_ARG(name));
    if (!v)
        return ERR_OK;
    if (value_is(type_text, VALUE_STRING) &&
        type_parse(arena, value_str(type_text), &type, &inner) == ERR_OK &&
        type_check_value(type, *v, &inner) != ERR_OK)
        return err_set(why, ERR_INVALID, "form.%.*s: %s", STR_ARG(name), inner.text);
    return choices_check(field, ret, name, why);
}

static FALLIBLE no_unknown(struct value form, struct value given, struct err_info *why)
{
    for (uint32_t i = 0; i < given.size; i++) {
        bool is_known = false;
        for (uint32_t j = 0; j < form.size; j++)
            is_known |= value_equal(value_get(form.items[j], STR("name")), value_map_entries(given)[i].key);
        struct value key = value_map_entries(given)[i].key;
        if (!is_known)
            return err_set(why, ERR_INVALID, "form: it has no field \"%.*s\"",
                STR_ARG(value_is(key, VALUE_STRING) ? value_str(key) : STR("?")));
    }
    return ERR_OK;
}

static FALLIBLE check_form(
    struct value form, struct value given, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_map_builder map = { 0 };
    if (given.type != VALUE_MAP)
        return err_set(why, ERR_INVALID, "form: it must be an object with the form's fields");
    TRY(no_unknown(form, given, why));
    value_map_begin(&map, arena);
    for (uint32_t i = 0; i < form.size; i++) {
        struct value v;
        bool has = false;
        TRY(field_check(form.items[i], given, arena, &v, &has, why));
        if (has)
            TRY(value_map_put(&map, value_get(form.items[i], STR("name")), v, why));
    }
    *ret = value_map_end(&map);
    return ERR_OK;
}

static FALLIBLE check_comment(struct value answer, struct value_map_builder *map, struct err_info *why)
{
    struct value comment = value_get(answer, STR("comment"));
    if (value_is(comment, VALUE_NULL))
        return ERR_OK;
    if (!value_is(comment, VALUE_STRING))
        return err_set(why, ERR_INVALID, "comment: it must be a text");
    return value_map_set(map, "comment", comment, why);
}

enum err task_check_answer(
    struct value payload, struct value answer, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value form = value_get(payload, STR("form")), v;
    struct value_map_builder map = { 0 };
    if (answer.type != VALUE_MAP)
        return err_set(why, ERR_INVALID, "an answer is an object with \"choice\" or \"form\"");
    if (value_weight(answer) > TASK_TEXT_BYTES_MAX)
        return err_named(why, ERR_LIMIT, "TASK_TEXT_BYTES_MAX", "an answer is larger than %d bytes",
            (int)TASK_TEXT_BYTES_MAX);
    value_map_begin(&map, arena);
    if (form.type == VALUE_LIST) {
        TRY(check_form(form, value_get(answer, STR("form")), arena, &v, why));
        TRY(value_map_set(&map, "form", v, why));
    } else {
        v = value_get(answer, STR("choice"));
        TRY(check_choice(value_get(payload, STR("options")), &v, why));
        TRY(value_map_set(&map, "choice", v, why));
    }
    TRY(check_comment(answer, &map, why));
    *ret = value_map_end(&map);
    return ERR_OK;
}
