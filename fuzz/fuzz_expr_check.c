/* Any text, and expressions made of bytes, before the checker with declared types: what it takes must also be
 * taken unchecked, and what it says of the result's type must hold for the value. */
#include <stdio.h>
#include <stdlib.h>

#include "expr/expr.h"

#include "../tests/unit/expr_generate.h"
#include "require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As require(); says of which expression, which the bytes of the input do not show. */
static void require_of(struct str source, bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "%s: %.*s\n", what, STR_ARG(source));
    abort();
}

static const struct type_field fields[] = {
    { .name = STR_INIT("a"), .type = &type_int, .is_required = true },
    { .name = STR_INIT("b"), .type = &type_list_dyn },
    { .name = STR_INIT("d"), .type = &type_map_dyn },
};
static const struct type record = { .kind = TYPE_RECORD, .fields = fields, .field_count = 3 };
static const struct expr_name names[] = {
    { STR_INIT("x"), &type_int },
    { STR_INIT("y"), &type_string },
    { STR_INIT("m"), &record },
    { STR_INIT("list"), &type_list_dyn },
    { STR_INIT("t"), &type_timestamp },
};
#define NAME_COUNT (sizeof(names) / sizeof(names[0]))

static void fill_values(struct arena *arena, struct value values[NAME_COUNT])
{
    struct value_map_builder map;
    static const struct value items[] = { { .type = VALUE_INT, .integer = 3 }, { .type = VALUE_BOOL } };
    value_map_begin(&map, arena);
    require(value_map_set(&map, "a", value_int(1), NULL) == ERR_OK);
    values[0] = value_int(5);
    values[1] = value_string(STR("text"));
    values[2] = value_map_end(&map);
    values[3] = (struct value){ .type = VALUE_LIST, .size = 2, .items = items };
    values[4] = value_timestamp(1700000000, 0);
}

/* A value of a type that was found out must be one of that type. CEL lets null stand where some types are
 * asked for, so it may also stand inside. */
static void check_value(const struct expr *expr, struct value v)
{
    struct err_info why = { 0 };
    const struct type *type = expr_type(expr);
    if (type->kind == TYPE_TYPE || type_check_value(type, v, &why) == ERR_OK)
        return;
    require_of(expr_source(expr), str_ends(str_of(why.text), STR("got null_type")), why.text);
}

static void check_source(struct arena *arena, struct str source)
{
    struct expr_env env = { .names = names, .name_count = NAME_COUNT };
    struct expr *expr = NULL;
    struct err_info why = { 0 };
    uint64_t least, most;
    if (expr_compile(arena, &env, source, &expr, &why) != ERR_OK) {
        require(why.text[0] != '\0');
        return;
    }
    expr_cost(expr, &least, &most);
    require_of(source, least <= most, "the estimate is upside down");
    uint64_t used = 0;
    struct expr_limits limits = { .ret_cost = &used };
    struct value values[NAME_COUNT], v;
    struct expr_values activation;
    fill_values(arena, values);
    expr_values_init(&activation, values, NAME_COUNT);
    enum err err = expr_eval(expr, arena, &activation.activation, &limits, &v, &why);
    if (err == ERR_OK) {
        check_value(expr, v);
        require_of(source, used >= least && used <= most, "the cost is not within the estimate");
    }
    env.is_unchecked = true;
    require_of(source, expr_compile(arena, &env, source, &expr, &why) == ERR_OK, "unchecked it is refused");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf source = { 0 };
    if (size < 2)
        return 0;
    if (data[0] % 2 == 0)
        generate(data + 1, size - 1, &source);
    else
        buf_add(&source, (struct str){ (const char *)data + 1, size - 1 });
    check_source(&arena, buf_str(&source));
    return 0;
}
