#include "playbook/playbook.h"

#include "base/json.h"
#include "base/limits.h"

static enum err eval_text(const struct template *template, struct arena *arena,
    const struct expr_activation *activation, const struct expr_limits *limits, struct value *ret,
    struct err_info *why)
{
    AUTO(buf) struct buf buf = { .bytes_max = EXPR_STRING_BYTES_MAX };
    struct str text;
    struct value_marks marks = value_marks_none(EXPR_STRING_BYTES_MAX);
    for (uint32_t i = 0; i < template->count; i++) {
        struct value part;
        TRY(template_eval(&template->parts[i], arena, activation, limits, &part, why));
        value_marks_add(&marks, part);
        if (part.type == VALUE_STRING)
            buf_add(&buf, value_str(part));
        else
            json_print(&buf, part, 0);
    }
    TRY(buf_check(&buf, why));
    TRY(arena_str(arena, buf_str(&buf), &text, why));
    *ret = value_string(text);
    ret->flags = marks.is_outside ? VALUE_OUTSIDE | (marks.safe & VALUE_SAFE_MASK) : 0;
    return ERR_OK;
}

static enum err eval_list(const struct template *template, struct arena *arena,
    const struct expr_activation *activation, const struct expr_limits *limits, struct value *ret,
    struct err_info *why)
{
    struct value_list_builder builder;
    value_list_begin(&builder, arena);
    for (uint32_t i = 0; i < template->count; i++) {
        struct value item;
        TRY(template_eval(&template->parts[i], arena, activation, limits, &item, why));
        TRY(value_list_add(&builder, item, why));
    }
    *ret = value_list_end(&builder);
    return ERR_OK;
}

static enum err eval_map(const struct template *template, struct arena *arena,
    const struct expr_activation *activation, const struct expr_limits *limits, struct value *ret,
    struct err_info *why)
{
    struct value_map_builder builder;
    value_map_begin(&builder, arena);
    for (uint32_t i = 0; i < template->count; i++) {
        struct value item;
        TRY(template_eval(&template->parts[i], arena, activation, limits, &item, why));
        TRY(value_map_put(&builder, value_string(template->keys[i]), item, why));
    }
    *ret = value_map_end(&builder);
    return ERR_OK;
}

enum err template_eval(const struct template *template, struct arena *arena,
    const struct expr_activation *activation, const struct expr_limits *limits, struct value *ret,
    struct err_info *why)
{
    switch (template->kind) {
    case TEMPLATE_CONSTANT: *ret = template->constant; return ERR_OK;
    case TEMPLATE_EXPR: return expr_eval(template->expr, arena, activation, limits, ret, why);
    case TEMPLATE_TEXT: return eval_text(template, arena, activation, limits, ret, why);
    case TEMPLATE_LIST: return eval_list(template, arena, activation, limits, ret, why);
    case TEMPLATE_MAP: return eval_map(template, arena, activation, limits, ret, why);
    }
    return err_set(why, ERR_INTERNAL, "a template of no kind");
}
