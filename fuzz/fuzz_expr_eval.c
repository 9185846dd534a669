/* Two evaluators over one expression: compiled steps against a plain walk of the tree, see
 * tests/unit/expr_tree_walk.h. The first byte says whether the rest is text or chooses productions. */
#include <stdio.h>
#include <stdlib.h>

#include "expr/expr.h"

#include "../tests/unit/expr_generate.h"
#include "../tests/unit/expr_tree_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct expr_name names[] = {
    { STR_INIT("x"), &type_dyn },
    { STR_INIT("y"), &type_dyn },
    { STR_INIT("m"), &type_dyn },
    { STR_INIT("list"), &type_dyn },
};

static void fill_values(struct arena *arena, struct value values[4])
{
    struct value_map_builder map;
    static const struct value items[] = { { .type = VALUE_INT, .integer = 3 }, { .type = VALUE_BOOL },
        { .type = VALUE_DOUBLE, .number = 1.5 } };
    value_map_begin(&map, arena);
    values[0] = value_int(5);
    values[1] = value_string(STR("text"));
    values[3] = (struct value){ .type = VALUE_LIST, .size = 3, .items = items };
    if (value_map_set(&map, "a", value_int(1), NULL) != ERR_OK ||
        value_map_set(&map, "b", values[3], NULL) != ERR_OK)
        abort();
    values[2] = value_map_end(&map);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf source = { 0 };
    AUTO(buf) struct buf ours = { 0 };
    AUTO(buf) struct buf plain = { 0 };
    struct value values[4];
    struct expr_values activation;
    struct expr_env env = { .names = names, .name_count = 4 };
    if (size < 2)
        return 0;
    env.is_unchecked = data[0] % 4 < 2;
    if (data[0] % 2 == 0)
        generate(data + 1, size - 1, &source);
    else
        buf_add(&source, (struct str){ (const char *)data + 1, size - 1 });
    fill_values(&arena, values);
    expr_values_init(&activation, values, 4);
    if (walk_agrees(&arena, &env, buf_str(&source), &activation.activation, &ours, &plain))
        return 0;
    fprintf(stderr, "%.*s\n  compiled %s\n  walked   %s\n", STR_ARG(buf_str(&source)), ours.data, plain.data);
    abort();
}
