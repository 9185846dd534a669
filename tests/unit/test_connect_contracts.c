#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "connect/contracts.h"

#define TENANT 7

static const struct type_field inner_fields[] = {
    { .name = STR_INIT("id"), .type = &type_string, .is_required = true },
    { .name = STR_INIT("raw"), .type = &type_dyn },
};
static const struct type inner = { .kind = TYPE_RECORD, .fields = inner_fields, .field_count = 2 };
static const struct type inners = { .kind = TYPE_LIST, .item = &inner };
static const struct type_field out_fields[] = {
    { .name = STR_INIT("score"), .type = &type_double, .is_required = true },
    { .name = STR_INIT("body"), .type = &type_dyn },
    { .name = STR_INIT("items"), .type = &inners },
    { .name = STR_INIT("extra"), .type = &type_dyn },
};
static const struct type out_type = { .kind = TYPE_RECORD, .fields = out_fields, .field_count = 4 };
static const struct type_field whole_fields[] = {
    { .name = STR_INIT("score"), .type = &type_int, .is_required = true },
};
static const struct type whole_type = { .kind = TYPE_RECORD, .fields = whole_fields, .field_count = 1 };

static const struct action with_holes = { .name = STR_INIT("acme.look"), .out = &out_type };
static const struct action undeclared = { .name = STR_INIT("acme.ask") };
static const struct action declared = { .name = STR_INIT("acme.know"), .out = &whole_type };
static const struct action free_form = { .name = STR_INIT("http.request"), .out = &out_type };
static const struct call_place place = { STR_INIT("triage"), STR_INIT("look") };

static void tell_nobody(void *context, const struct contract_drift *drift)
{
    (void)context;
    (void)drift;
}

static struct value json(struct arena *arena, const char *text)
{
    const struct json_options options = { 0 };
    struct value v;
    assert_int_equal(json_parse(arena, str_of(text), &options, &v, NULL), ERR_OK);
    return v;
}

static struct contracts *open_contracts(void)
{
    struct contracts *contracts = NULL;
    assert_int_equal(contracts_new(clock_system(), tell_nobody, NULL, &contracts, NULL), ERR_OK);
    return contracts;
}

static void observe(struct contracts *contracts, const struct action *action, const char *output)
{
    AUTO(arena) struct arena arena = { 0 };
    const struct action_call call = {
        .action = action, .tenant = TENANT, .playbook = place.playbook, .step = place.step
    };
    for (int i = 0; i < ANSWER_SHAPE_KNOWN_AFTER; i++)
        contracts_observe(contracts, &call, json(&arena, output));
}

/* The kind of `a.b[].c` in the step's output; TYPE_ERROR when nothing is known of the output. */
static enum type_kind kind_at(const struct type *type, const char *path)
{
    struct str rest = str_of(path), part;
    if (type == NULL)
        return TYPE_ERROR;
    while (rest.size > 0 && str_split(&rest, '.', &part)) {
        bool is_item = str_ends(part, STR("[]"));
        part.size -= is_item ? 2 : 0;
        const struct type_field *field = type_find_field(type, part);
        assert_non_null(field);
        type = field->type;
        if (is_item)
            type = type->item;
    }
    return type->kind;
}

static const struct type *learned(
    struct contracts *contracts, const struct action *action, struct arena *arena)
{
    return contracts_output_type(contracts, TENANT, action, &place, arena);
}

static void what_was_learned_fills_what_is_not_declared(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct contracts *contracts = open_contracts();
    const char *output = "{\"score\":1,\"body\":{\"n\":1},\"items\":[{\"id\":5,\"raw\":true}],\"more\":1}";
    assert_null(learned(contracts, &with_holes, &arena)); /* not a single answer yet */
    observe(contracts, &with_holes, output);
    observe(contracts, &undeclared, output);
    observe(contracts, &declared, output);
    const struct type *type = learned(contracts, &with_holes, &arena);
    assert_int_equal(kind_at(type, "score"), TYPE_DOUBLE); /* what is declared stands */
    assert_int_equal(kind_at(type, "body.n"), TYPE_INT);
    assert_int_equal(kind_at(type, "items[].id"), TYPE_STRING);
    assert_int_equal(kind_at(type, "items[].raw"), TYPE_BOOL);
    assert_int_equal(kind_at(type, "extra"), TYPE_DYN); /* never seen */
    assert_null(type_find_field(type, STR("more")));
    assert_true(type_find_field(type, STR("score"))->is_required);
    assert_false(type_find_field(type, STR("body"))->is_required);
    assert_int_equal(kind_at(learned(contracts, &undeclared, &arena), "items[].id"), TYPE_INT);
    assert_null(learned(contracts, &declared, &arena)); /* nothing is open */
    assert_null(contracts_output_type(contracts, TENANT + 1, &with_holes, &place, &arena));
    contracts_free(contracts);
}

static void answers_of_another_kind_than_declared_leave_the_declaration(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct contracts *contracts = open_contracts();
    observe(contracts, &with_holes, "[1]");
    assert_ptr_equal(learned(contracts, &with_holes, &arena), &out_type);
    contracts_free(contracts);
}

static void a_free_form_answer_belongs_to_its_step(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    const struct call_place other = { STR("triage"), STR("other") };
    struct contracts *contracts = open_contracts();
    observe(contracts, &free_form, "{\"score\":1,\"body\":{\"n\":\"x\"},\"extra\":1}");
    const struct type *type = learned(contracts, &free_form, &arena);
    assert_int_equal(kind_at(type, "body.n"), TYPE_STRING);
    assert_int_equal(kind_at(type, "extra"), TYPE_DYN); /* the body alone is learned */
    assert_null(contracts_output_type(contracts, TENANT, &free_form, &other, &arena));
    contracts_free(contracts);
}

static void what_was_described_is_read_again(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf text = { 0 };
    struct contracts *from = open_contracts(), *to = open_contracts();
    struct value described, wrapped;
    observe(from, &free_form, "{\"body\":{\"n\":1}}");
    observe(from, &undeclared, "{\"a\":[true]}");
    assert_int_equal(contracts_describe(from, TENANT, STR(""), &arena, &described, NULL), ERR_OK);
    json_print(&text, described, 0);
    assert_int_equal(buf_check(&text, NULL), ERR_OK);
    assert_int_equal(contracts_read(to, TENANT, json(&arena, text.data), NULL), ERR_OK);
    assert_int_equal(kind_at(learned(to, &free_form, &arena), "body.n"), TYPE_INT);
    assert_int_equal(kind_at(learned(to, &undeclared, &arena), "a[]"), TYPE_BOOL);
    wrapped = json(&arena, "{\"items\":[],\"next\":null}");
    assert_int_equal(contracts_read(to, TENANT, wrapped, NULL), ERR_OK);
    contracts_free(from);
    contracts_free(to);
}

static void what_is_no_description_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = { "5", "{}", "{\"items\":5}", "[5]", "[{}]", "[{\"action\":5}]",
        "[{\"action\":\"a.b\"}]", "[{\"action\":\"a.b\",\"shape\":[]}]",
        "[{\"action\":\"a.b\",\"shape\":{\"seen\":\"x\",\"types\":{}}}]" };
    struct contracts *contracts = open_contracts();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        AUTO(arena) struct arena arena = { 0 };
        struct err_info why = { 0 };
        if (contracts_read(contracts, TENANT, json(&arena, wrong[i]), &why) != ERR_INVALID)
            fail_msg("%s was taken", wrong[i]);
        assert_true(why.text[0] != '\0');
    }
    contracts_free(contracts);
}

static void note_drift(void *context, const struct contract_drift *found)
{
    const struct drift *drift = &found->drift;
    assert_string_equal(drift_kind_name(drift->kind), "declared");
    assert_true(str_equal(found->action, declared.name));
    buf_printf(context, "%.*s|%.*s|%.*s", STR_ARG(drift->field), STR_ARG(drift->before), STR_ARG(drift->now));
}

static void what_does_not_fit_is_told_by_field_and_shapes(void **state)
{
    (void)state;
    static const struct {
        const char *message, *told;
    } cases[] = {
        { ANSWER_MISMATCH_HEAD "score: expected int, got string", "score|int|string" },
        { ANSWER_MISMATCH_HEAD "hosts[12].ports[0]: expected int, got null", "hosts[].ports[]|int|null" },
        { ANSWER_MISMATCH_HEAD "expected map(string, dyn), got list", "|map(string, dyn)|list" },
        { ANSWER_MISMATCH_HEAD "host.name: a value is required",
            "host.name|always there, as declared|missing" },
        { ANSWER_MISMATCH_HEAD "no such key: x", "|what the action declares|no such key: x" },
        { "the page's `items` is no list", "|what the action declares|the page's `items` is no list" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        AUTO(buf) struct buf told = { 0 };
        struct contracts *contracts = NULL;
        assert_int_equal(contracts_new(clock_system(), note_drift, &told, &contracts, NULL), ERR_OK);
        struct action_call call = { .action = &declared, .tenant = TENANT };
        contracts_mismatch(contracts, &call, str_of(cases[i].message));
        buf_add_byte(&told, '\0');
        assert_string_equal(told.data, cases[i].told);
        contracts_free(contracts);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_learned_fills_what_is_not_declared),
        cmocka_unit_test(answers_of_another_kind_than_declared_leave_the_declaration),
        cmocka_unit_test(what_does_not_fit_is_told_by_field_and_shapes),
        cmocka_unit_test(a_free_form_answer_belongs_to_its_step),
        cmocka_unit_test(what_was_described_is_read_again),
        cmocka_unit_test(what_is_no_description_is_refused),
    };
    return cmocka_run_group_tests_name("connect_contracts", tests, NULL, NULL);
}
