/* The public conformance suite, when it is there: each case's value, type or error. */
#include "expr_helpers.h"

#include <math.h>

#include "shared_data.h"

#define NAMES_MAX 16

static bool same(struct value a, struct value b, bool is_zero_signed);

static bool same_double(double a, double b, bool is_zero_signed)
{
    if (isnan(a) || isnan(b))
        return isnan(a) && isnan(b);
    return a == b && (!is_zero_signed || signbit(a) == signbit(b));
}

/* Keys of different types are different keys here, though they are equal to CEL. */
static bool same_map(struct value a, struct value b, bool is_zero_signed)
{
    for (uint32_t i = 0; i < a.size; i++) {
        const struct value_entry *entry = &value_map_entries(a)[i];
        bool is_found = false;
        for (uint32_t k = 0; k < b.size && !is_found; k++) {
            const struct value_entry *other = &value_map_entries(b)[k];
            is_found = same(entry->key, other->key, is_zero_signed) &&
                same(entry->value, other->value, is_zero_signed);
        }
        if (!is_found)
            return false;
    }
    return a.size == b.size;
}

static bool same(struct value a, struct value b, bool is_zero_signed)
{
    if (a.type != b.type)
        return false;
    switch (a.type) {
    case VALUE_DOUBLE: return same_double(a.number, b.number, is_zero_signed);
    case VALUE_TYPE: return str_equal(value_str(a), value_str(b));
    case VALUE_MAP: return same_map(a, b, is_zero_signed);
    case VALUE_OPTIONAL:
        if (a.inside == NULL || b.inside == NULL)
            return a.inside == b.inside;
        return same(*a.inside, *b.inside, is_zero_signed);
    case VALUE_LIST:
        for (uint32_t i = 0; i < a.size && i < b.size; i++) {
            if (!same(a.items[i], b.items[i], is_zero_signed))
                return false;
        }
        return a.size == b.size;
    default: return value_equal(a, b);
    }
}

struct conformance_case {
    struct arena *arena;
    struct expr_name names[NAMES_MAX];
    struct value values[NAMES_MAX];
    bool is_bound[NAMES_MAX];
    struct expr_env env;
    struct expr_activation activation;
    uint32_t count;
};

static uint32_t slot_of(struct conformance_case *c, struct str name)
{
    for (uint32_t i = 0; i < c->count; i++) {
        if (str_equal(c->names[i].name, name))
            return i;
    }
    assert_true(c->count < NAMES_MAX);
    c->names[c->count] = (struct expr_name){ name, &type_dyn };
    return c->count++;
}

static bool get_bound(const struct expr_activation *activation, uint32_t slot, struct value *ret)
{
    const struct conformance_case *c =
        (const struct conformance_case *)(const void *)((const char *)activation -
            offsetof(struct conformance_case, activation));
    *ret = c->values[slot];
    return c->is_bound[slot];
}

static void read_case(struct conformance_case *c, struct arena *arena, struct value one)
{
    struct value vars = value_get(one, STR("vars")), types = value_get(one, STR("types"));
    struct value check = value_get(one, STR("check")), container = value_get(one, STR("container"));
    *c = (struct conformance_case){ .arena = arena, .activation = { get_bound } };
    for (uint32_t i = 0; types.type == VALUE_MAP && i < types.size; i++) {
        const struct value_entry *entry = &value_map_entries(types)[i];
        uint32_t slot = slot_of(c, value_str(entry->key));
        assert_int_equal(type_parse(arena, value_str(entry->value), &c->names[slot].type, NULL), ERR_OK);
    }
    for (uint32_t i = 0; vars.type == VALUE_MAP && i < vars.size; i++) {
        const struct value_entry *entry = &value_map_entries(vars)[i];
        uint32_t slot = slot_of(c, value_str(entry->key));
        assert_int_equal(typed_json_parse(arena, entry->value, &c->values[slot], NULL), ERR_OK);
        c->is_bound[slot] = true;
    }
    c->env = (struct expr_env){ .names = c->names,
        .name_count = c->count,
        .container = container.type == VALUE_STRING ? value_str(container) : STR(""),
        .is_unchecked = check.type == VALUE_BOOL && !check.boolean };
}

static bool has_type(const struct expr *expr, struct value wanted)
{
    AUTO(buf) struct buf text = { 0 };
    if (wanted.type != VALUE_STRING)
        return true;
    type_print(&text, expr_type(expr));
    return str_equal(buf_str(&text), value_str(wanted));
}

static bool passes(struct conformance_case *c, struct value one, struct err_info *why)
{
    struct value expect = value_get(one, STR("expect")), wanted_json = value_get(expect, STR("value"));
    struct value source = value_get(one, STR("expr")), wanted, v;
    struct expr *expr = NULL;
    bool wants_error = value_get(expect, STR("error")).type != VALUE_NULL;
    enum err err = expr_compile(c->arena, &c->env, value_str(source), &expr, why);
    if (err == ERR_OK && !has_type(expr, value_get(expect, STR("type"))))
        return false;
    if (err == ERR_OK && wanted_json.type == VALUE_NULL && !wants_error)
        return true;
    if (err == ERR_OK)
        err = expr_eval(expr, c->arena, &c->activation, NULL, &v, why);
    if (wants_error)
        return err == ERR_INVALID && strcmp(why->name, "expr_parse") != 0;
    if (err != ERR_OK || typed_json_parse(c->arena, wanted_json, &wanted, NULL) != ERR_OK)
        return false;
    return same(v, wanted, value_get(expect, STR("signed_zero")).type == VALUE_BOOL);
}

static void every_case_has_its_value_type_or_error(void **state)
{
    (void)state;
    AUTO(buf) struct buf text = { 0 };
    struct str rest, line;
    size_t passed = 0, failed = 0;
    if (!shared_data_read("cel/conformance.jsonl", &text))
        skip();
    rest = buf_str(&text);
    while (str_split(&rest, '\n', &line)) {
        AUTO(arena) struct arena arena = { 0 };
        struct conformance_case c;
        struct err_info why = { 0 };
        struct value one;
        if (line.size == 0)
            continue;
        assert_int_equal(json_parse(&arena, line, NULL, &one, NULL), ERR_OK);
        if (value_get(one, STR("skip")).type != VALUE_NULL)
            continue;
        read_case(&c, &arena, one);
        bool is_good = passes(&c, one, &why);
        if (!is_good)
            printf("%.*s: %s\n", STR_ARG(value_str(value_get(one, STR("id")))), why.text);
        *(is_good ? &passed : &failed) += 1;
    }
    printf("conformance: %zu passed, %zu failed\n", passed, failed);
    assert_true(passed > 0);
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_case_has_its_value_type_or_error) };
    return cmocka_run_group_tests_name("expr_conformance", tests, NULL, NULL);
}
