/* Values at places that ask for a type: under `with:`, conditions, people, times. */
#include <stdio.h>

#include "playbook/lint_impl.h"

/* At the places of the language itself, `for:`, `wait:`, a text stands for these. Parameters of actions are
 * given as they are. */
static bool is_written_as_text(const struct type *type)
{
    return type->kind == TYPE_TIMESTAMP || type->kind == TYPE_DURATION || type->kind == TYPE_BYTES ||
        (type->kind == TYPE_NULLABLE && is_written_as_text(type->item));
}

struct demand {
    struct linter *l;
    struct flow *flow;
    const char *code; /* of a wrong type */
    struct str name; /* of the field, for the message */
    enum type_sink sink;
    bool takes_text; /* for a time, a span */
};

static void fault(const struct demand *demand, const struct template *at, enum diagnostic_level level,
    const char *code, const char *text)
{
    struct str name = demand->name;
    diagnostics_add(demand->l->found, level, code, at->line, at->column, "%s%.*s%s%s",
        name.size > 0 ? "`" : "", STR_ARG(name), name.size > 0 ? "`: " : "", text);
}

static void check_sink(const struct demand *demand, const struct template *at, uint8_t taint)
{
    char text[ERR_TEXT_BYTES_MAX];
    const char *sink = type_sink_name(demand->sink);
    if (demand->sink == SINK_NONE || !(taint >> demand->sink & 1))
        return;
    snprintf(
        text, sizeof text, "a text from outside goes into %s; make it safe with encode_%s(…)", sink, sink);
    fault(demand, at, DIAGNOSTIC_ERROR, "unsafe_sink", text);
}

/* One expression gives the whole mapping, sinks among it. */
static void check_sinks_inside(
    const struct demand *demand, const struct template *at, const struct type *type, uint8_t taint)
{
    for (uint32_t i = 0; type->kind == TYPE_RECORD && i < type->field_count; i++) {
        struct demand inner = *demand;
        inner.name = type->fields[i].name;
        inner.sink = type->fields[i].sink;
        check_sink(&inner, at, taint);
    }
}

static void check_type(
    const struct demand *demand, const struct template *at, const struct type *type, const struct type *given)
{
    struct err_info why = { 0 };
    if (demand->takes_text && is_written_as_text(type) && given->kind == TYPE_STRING)
        return;
    if (given->kind == TYPE_OPTIONAL)
        fault(demand, at, DIAGNOSTIC_ERROR, "optional_value",
            "this is an optional value, which only expressions know; write `.orValue(…)` behind it");
    else if (type_accepts(type, given, &why) == ERR_OK)
        return;
    else if (given->kind == TYPE_NULLABLE && type_accepts(type, given->item, &why) == ERR_OK)
        fault(demand, at, DIAGNOSTIC_WARNING, "may_be_null",
            "the value may be null, which does not fit; test it first");
    else
        fault(demand, at, DIAGNOSTIC_ERROR, demand->code, why.text);
}

static void check_template(
    const struct demand *demand, const struct template *template, const struct type *type);

static void check_map(const struct demand *demand, const struct template *template, const struct type *record)
{
    for (uint32_t i = 0; i < template->count; i++) {
        const struct type_field *field = type_find_field(record, template->keys[i]);
        struct demand inner = *demand;
        inner.name = template->keys[i];
        if (field != NULL)
            inner.sink = field->sink;
        if (field == NULL && !record->is_open)
            fault(&inner, &template->parts[i], DIAGNOSTIC_ERROR, "unknown_field", "there is no such field");
        check_template(&inner, &template->parts[i], field != NULL ? field->type : &type_dyn);
    }
    for (uint32_t i = 0; i < record->field_count; i++) {
        bool is_given = !record->fields[i].is_required;
        for (uint32_t k = 0; k < template->count && !is_given; k++)
            is_given = str_equal(template->keys[k], record->fields[i].name);
        if (is_given)
            continue;
        char text[ERR_TEXT_BYTES_MAX];
        snprintf(text, sizeof text, "the field \"%.*s\" is missing", STR_ARG(record->fields[i].name));
        fault(demand, template, DIAGNOSTIC_ERROR, "missing_field", text);
    }
}

static void check_constant(
    const struct demand *demand, const struct template *template, const struct type *type)
{
    struct err_info why = { 0 };
    if (demand->takes_text && template->constant.type == VALUE_STRING && is_written_as_text(type))
        return;
    if (type_check_value(type, template->constant, &why) == ERR_INVALID)
        fault(demand, template, DIAGNOSTIC_ERROR, demand->code, why.text);
}

/* Part for part, so that each fault has its own place. */
static void check_template(
    const struct demand *demand, const struct template *template, const struct type *type)
{
    const struct type *inner = type->kind == TYPE_NULLABLE ? type->item : type;
    bool has_items = inner->kind == TYPE_LIST || inner->kind == TYPE_MAP;
    if (template->kind == TEMPLATE_CONSTANT) {
        check_constant(demand, template, type);
    } else if (template->kind == TEMPLATE_MAP && inner->kind == TYPE_RECORD) {
        check_map(demand, template, inner);
    } else if ((template->kind == TEMPLATE_LIST && (inner->kind == TYPE_LIST || inner->kind == TYPE_DYN)) ||
        (template->kind == TEMPLATE_MAP && (inner->kind == TYPE_MAP || inner->kind == TYPE_DYN))) {
        for (uint32_t i = 0; i < template->count; i++)
            check_template(demand, &template->parts[i], has_items ? inner->item : inner);
    } else {
        struct verdict verdict = lint_template(demand->l, demand->flow, template);
        check_sink(demand, template, verdict.taint);
        check_sinks_inside(demand, template, inner, verdict.taint);
        if (verdict.type != NULL)
            check_type(demand, template, type, verdict.type);
    }
}

void lint_value(struct linter *l, struct flow *flow, const struct template *template, const struct type *type,
    const char *code, struct str what)
{
    struct demand demand = { l, flow, code, what, SINK_NONE, .takes_text = true };
    if (template != NULL)
        check_template(&demand, template, type);
}

/* Constants were looked at while the text was read (lint_call.c), names and missing fields too. */
void lint_with(struct linter *l, struct flow *flow, const struct template *with, const struct type *in)
{
    struct demand demand = { l, flow, "wrong_field_type", STR(""), SINK_NONE };
    if (with == NULL || with->kind == TEMPLATE_CONSTANT)
        return;
    if (with->kind != TEMPLATE_MAP || in == NULL || in->kind != TYPE_RECORD) {
        check_template(&demand, with, in != NULL ? in : &type_dyn);
        return;
    }
    for (uint32_t i = 0; i < with->count; i++) {
        const struct type_field *field = type_find_field(in, with->keys[i]);
        if (with->parts[i].kind == TEMPLATE_CONSTANT)
            continue;
        demand.name = with->keys[i];
        demand.sink = field != NULL ? field->sink : SINK_NONE;
        check_template(&demand, &with->parts[i], field != NULL ? field->type : &type_dyn);
    }
}

void lint_with_inputs(
    struct linter *l, struct flow *flow, const struct template *with, const struct playbook *called)
{
    struct demand demand = { l, flow, "wrong_field_type", STR(""), SINK_NONE };
    if (with == NULL || with->kind == TEMPLATE_CONSTANT)
        return;
    if (with->kind != TEMPLATE_MAP) {
        check_template(&demand, with, &type_map_dyn);
        return;
    }
    for (uint32_t i = 0; i < with->count; i++) {
        const struct playbook_input *input = playbook_find_input(called, with->keys[i]);
        if (with->parts[i].kind == TEMPLATE_CONSTANT)
            continue;
        demand.name = with->keys[i];
        check_template(&demand, &with->parts[i], input != NULL ? input->type : &type_dyn);
    }
}

void lint_condition(struct linter *l, struct flow *flow, const struct expr *expr)
{
    if (expr == NULL)
        return;
    struct verdict verdict = lint_examine(l, flow, expr);
    const struct type *type = verdict.type != NULL ? verdict.type : &type_dyn;
    if (type->kind == TYPE_NULLABLE)
        type = type->item;
    if (type->kind == TYPE_BOOL || type->kind == TYPE_DYN || type->kind == TYPE_ERROR)
        return;
    AUTO(buf) struct buf text = { 0 };
    type_print(&text, type);
    struct text_place at = lint_place(l, expr, 1, 1);
    diagnostics_add(l->found, DIAGNOSTIC_ERROR, "condition_type", at.line, at.column,
        "a condition must be true or false, not %.*s; compare it with something", STR_ARG(buf_str(&text)));
}
