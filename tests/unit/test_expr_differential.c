#include "expr_helpers.h"

#include "base/rand.h"
#include "expr_generate.h"
#include "expr_tree_walk.h"
#include "shared_data.h"

#define EXPRESSIONS 30000
#define BYTES_OF_ONE 120

static void open_scope(struct expr_scope *scope)
{
    expr_scope_open(scope,
        "{\"x\":5,\"y\":\"text\",\"m\":{\"a\":1,\"b\":[1,2],\"d\":{\"a\":\"b\"}},\"list\":[3,1,2,\"a\",{"
        "\"a\":1}]}");
}

static void generated_expressions_give_the_same_both_ways(void **state)
{
    (void)state;
    struct expr_scope scope;
    AUTO(buf) struct buf source = { 0 };
    AUTO(buf) struct buf ours = { 0 };
    AUTO(buf) struct buf plain = { 0 };
    AUTO(arena) struct arena arena = { 0 };
    struct rand_seeded seeded;
    struct expr_values values;
    size_t faults = 0, good = 0;
    open_scope(&scope);
    rand_seeded_init(&seeded, 7);
    expr_values_init(&values, scope.values, scope.env.name_count);
    for (int i = 0; i < EXPRESSIONS; i++) {
        uint8_t bytes[BYTES_OF_ONE];
        rand_fill(&seeded.rand, bytes, sizeof(bytes));
        buf_clear(&source);
        generate(bytes, sizeof(bytes), &source);
        scope.env.is_unchecked = i % 4 != 0;
        arena_reset(&arena);
        if (!walk_agrees(&arena, &scope.env, buf_str(&source), &values.activation, &ours, &plain)) {
            printf("%s\n  compiled %s\n  walked   %s\n", source.data, ours.data, plain.data);
            faults++;
        }
        good += ours.size > 0 && ours.data[0] != '!';
    }
    expr_scope_close(&scope);
    assert_int_equal(faults, 0);
    /* Else they would agree about errors only. */
    assert_true(good > EXPRESSIONS / 10);
}

/* One case of the conformance suite, without its expectation: both evaluators see the same. */
static bool conformance_case_agrees(struct arena *arena, struct value one)
{
    AUTO(buf) struct buf ours = { 0 };
    AUTO(buf) struct buf plain = { 0 };
    struct value vars = value_get(one, STR("vars")), values[16];
    struct expr_name names[16];
    struct expr_values activation;
    struct str source = value_str(value_get(one, STR("expr")));
    if (vars.size > 16 || value_get(one, STR("functions")).type != VALUE_NULL)
        return true;
    for (uint32_t i = 0; i < vars.size; i++) {
        const struct value_entry *entry = &value_map_entries(vars)[i];
        names[i] = (struct expr_name){ value_str(entry->key), &type_dyn };
        if (typed_json_parse(arena, entry->value, &values[i], NULL) != ERR_OK)
            return true;
    }
    struct expr_env env = { .names = names,
        .name_count = vars.size,
        .container = value_str(value_get(one, STR("container"))),
        .is_unchecked = true };
    expr_values_init(&activation, values, vars.size);
    bool is_good = walk_agrees(arena, &env, source, &activation.activation, &ours, &plain);
    if (!is_good)
        printf("%.*s\n  compiled %s\n  walked   %s\n", STR_ARG(source), ours.data, plain.data);
    return is_good;
}

static void conformance_cases_give_the_same_both_ways(void **state)
{
    (void)state;
    AUTO(buf) struct buf text = { 0 };
    struct str rest, line;
    size_t faults = 0, count = 0;
    if (!shared_data_read("cel/conformance.jsonl", &text))
        skip();
    rest = buf_str(&text);
    while (str_split(&rest, '\n', &line)) {
        AUTO(arena) struct arena arena = { 0 };
        struct value one;
        if (line.size == 0)
            continue;
        assert_int_equal(json_parse(&arena, line, NULL, &one, NULL), ERR_OK);
        faults += !conformance_case_agrees(&arena, one);
        count++;
    }
    assert_true(count > 0);
    assert_int_equal(faults, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generated_expressions_give_the_same_both_ways),
        cmocka_unit_test(conformance_cases_give_the_same_both_ways),
    };
    return cmocka_run_group_tests_name("expr_differential", tests, NULL, NULL);
}
