/* docs/actions.md says of each built-in action what its struct says, and its examples fit what it takes and
 * gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/json.h"
#include "connect/native.h"
#include "source_page.h"

/* All of them; NULL past the end. */
static const struct native_action *native_at(uint32_t index)
{
    uint32_t listed = 0;
    while (native_actions[listed])
        listed++;
    return index < listed ? native_actions[index] : local_action_at(index - listed);
}

static void print_type(struct buf *out, const struct type *type)
{
    if (type->kind == TYPE_DYN) {
        buf_add_text(out, "any");
    } else if (type->choice_count > 0) {
        for (uint32_t i = 0; i < type->choice_count; i++)
            buf_printf(out, "%s%.*s", i ? ", " : "", STR_ARG(type->choices[i]));
    } else {
        type_print(out, type);
    }
}

static void print_fields(struct buf *out, const char *what, const struct type *record)
{
    if (record->kind != TYPE_RECORD || record->field_count == 0)
        return;
    buf_printf(out, "| %s | type | |\n| --- | --- | --- |\n", what);
    for (uint32_t i = 0; i < record->field_count; i++) {
        const struct type_field *field = &record->fields[i];
        buf_printf(out, "| `%.*s`%s | ", STR_ARG(field->name), field->is_required ? "" : " (optional)");
        print_type(out, field->type);
        buf_printf(out, " | %.*s |\n", STR_ARG(field->help));
    }
    buf_add_byte(out, '\n');
}

static const char *safety_of(const struct action *action)
{
    if (action->apply)
        return "done and recorded in one commit";
    if (action->refine)
        return "see below";
    if (action->is_idempotent)
        return "safe to repeat";
    return "not safe to repeat: tried again only when it provably did not happen";
}

/* What the page must have, word for word. */
static void print_section(struct buf *out, const struct native_action *native)
{
    const struct action *action = &native->action;
    buf_printf(out, "## %.*s\n\n%.*s.\n\n", STR_ARG(action->name), STR_ARG(action->summary));
    buf_printf(out, "Kind: %s; %s", action_kind_name(action->kind), safety_of(action));
    if (action->has_probe)
        buf_add_text(out, "; after a crash it is asked whether it happened");
    if (action->undo.size)
        buf_printf(out, "; undone by `%.*s`", STR_ARG(action->undo));
    buf_add_text(out, ".\n\n");
    print_fields(out, "parameter", action->in);
    print_fields(out, "output", action->out);
    if (native->example_in)
        buf_printf(out, "```yaml\ndo: %.*s\nwith: %s\n```\n", STR_ARG(action->name), native->example_in);
    if (native->example_out)
        buf_printf(out, "gives `%s`\n", native->example_out);
}

static void page_says_what_the_code_says(void **state)
{
    (void)state;
    AUTO(buf) struct buf page = { 0 };
    unsigned faults = 0;
    assert_true(source_page_read("actions.md", &page));
    for (uint32_t i = 0; native_at(i); i++) {
        AUTO(buf) struct buf wanted = { 0 };
        print_section(&wanted, native_at(i));
        assert_int_equal(buf_check(&wanted, NULL), ERR_OK);
        if (str_contains(buf_str(&page), buf_str(&wanted)))
            continue;
        printf("docs/actions.md lacks this:\n%s\n", wanted.data);
        faults++;
    }
    assert_int_equal(faults, 0);
}

static void page_knows_no_other_actions(void **state)
{
    (void)state;
    AUTO(buf) struct buf page = { 0 };
    assert_true(source_page_read("actions.md", &page));
    struct str rest = buf_str(&page), line;
    while (str_split(&rest, '\n', &line)) {
        bool is_known = !str_starts(line, STR("## "));
        for (uint32_t i = 0; native_at(i); i++)
            is_known = is_known || str_equal(str_slice(line, 3, line.size), native_at(i)->action.name);
        if (!is_known)
            fail_msg("\"%.*s\" is no built-in action", STR_ARG(line));
    }
}

static void check_example(const struct native_action *native, const char *json, const struct type *type)
{
    AUTO(arena) struct arena arena = { 0 };
    struct json_options options = { .copy_strings = true };
    struct value v;
    struct err_info why = { 0 };
    if (!json)
        return;
    if (json_parse(&arena, str_of(json), &options, &v, &why) != ERR_OK ||
        type_check_value(type, v, &why) != ERR_OK)
        fail_msg("%.*s: %s: %s", STR_ARG(native->action.name), json, why.text);
}

static void examples_fit_their_types(void **state)
{
    (void)state;
    for (uint32_t i = 0; native_at(i); i++) {
        const struct native_action *native = native_at(i);
        assert_true(native->example_in || native->action.apply);
        check_example(native, native->example_in, native->action.in);
        check_example(native, native->example_out, native->action.out);
        assert_true(native->action.undo.size == 0 || native->action.kind == ACTION_CONTAIN);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_says_what_the_code_says),
        cmocka_unit_test(page_knows_no_other_actions),
        cmocka_unit_test(examples_fit_their_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
