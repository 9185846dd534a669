#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/json.h"
#include "engine/seal.h"

/* {name, password (secret), more: {token (secret)}, list: [{token (secret)}], map: {…: {token (secret)}}} */
static const struct type_field inner_fields[] = {
    { .name = STR_INIT("token"), .type = &type_string, .is_secret = true },
    { .name = STR_INIT("plain"), .type = &type_string },
};
static const struct type inner = {
    .kind = TYPE_RECORD, .fields = inner_fields, .field_count = 2, .is_open = true
};
static const struct type inner_list = { .kind = TYPE_LIST, .item = &inner };
static const struct type inner_map = { .kind = TYPE_MAP, .key = &type_string, .item = &inner };
static const struct type nullable = { .kind = TYPE_NULLABLE, .item = &inner };
static const struct type_field fields[] = {
    { .name = STR_INIT("name"), .type = &type_string },
    { .name = STR_INIT("password"), .type = &type_string, .is_secret = true },
    { .name = STR_INIT("more"), .type = &nullable },
    { .name = STR_INIT("list"), .type = &inner_list },
    { .name = STR_INIT("map"), .type = &inner_map },
};
static const struct type declared = {
    .kind = TYPE_RECORD, .fields = fields, .field_count = 5, .is_open = true
};

struct world {
    struct arena arena;
    struct buf text;
    unsigned sealed;
};

static enum err count_seal(void *context, int64_t tenant, struct value plain, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    struct world *world = context;
    (void)arena, (void)why;
    assert_int_equal(tenant, 3);
    assert_int_equal(plain.type, VALUE_STRING);
    world->sealed++;
    *ret = (struct value){ .type = VALUE_SECRET, .size = 6, .bytes = "sealed" };
    return ERR_OK;
}

static const char *seal(
    struct world *world, const struct sealer *sealer, const struct type *type, const char *text)
{
    const struct json_options options = { .copy_strings = true };
    struct value v, sealed;
    assert_int_equal(json_parse(&world->arena, str_of(text), &options, &v, NULL), ERR_OK);
    assert_int_equal(seal_output(sealer, 3, type, v, &world->arena, &sealed, NULL), ERR_OK);
    buf_clear(&world->text);
    json_print(&world->text, sealed, 0);
    return world->text.data;
}

static void every_declared_part_is_sealed_and_nothing_else(void **state)
{
    (void)state;
    struct world world = { 0 };
    const struct sealer sealer = { count_seal, &world };
    assert_string_equal(seal(&world, &sealer, &declared,
                            "{\"name\":\"n\",\"password\":\"p\",\"more\":{\"token\":\"t\",\"plain\":\"q\"},"
                            "\"list\":[{\"token\":\"t\"},{\"plain\":\"q\"}],\"map\":{\"a\":{\"token\":\"t\"}}"
                            ",\"extra\":\"token\"}"),
        "{\"name\":\"n\",\"password\":\"(secret)\",\"more\":{\"token\":\"(secret)\",\"plain\":\"q\"},"
        "\"list\":[{\"token\":\"(secret)\"},{\"plain\":\"q\"}],\"map\":{\"a\":{\"token\":\"(secret)\"}},"
        "\"extra\":\"token\"}");
    assert_int_equal(world.sealed, 4);
    buf_done(&world.text);
    arena_done(&world.arena);
}

static void null_and_what_is_sealed_already_stay(void **state)
{
    (void)state;
    struct world world = { 0 };
    const struct sealer sealer = { count_seal, &world };
    struct value_map_builder map = { 0 };
    struct value sealed;
    assert_string_equal(seal(&world, &sealer, &declared, "{\"password\":null,\"more\":null}"),
        "{\"password\":null,\"more\":null}");
    value_map_begin(&map, &world.arena);
    struct value handle = { .type = VALUE_SECRET, .size = 3, .bytes = "old" };
    assert_int_equal(value_map_set(&map, "password", handle, NULL), ERR_OK);
    assert_int_equal(
        seal_output(&sealer, 3, &declared, value_map_end(&map), &world.arena, &sealed, NULL), ERR_OK);
    assert_ptr_equal(value_get(sealed, STR("password")).bytes, handle.bytes);
    assert_int_equal(world.sealed, 0);
    buf_done(&world.text);
    arena_done(&world.arena);
}

static void without_a_seal_the_content_is_gone(void **state)
{
    (void)state;
    struct world world = { 0 };
    const struct sealer none = { 0 };
    assert_string_equal(
        seal(&world, &none, &declared, "{\"password\":\"p\"}"), "{\"password\":\"(secret)\"}");
    buf_done(&world.text);
    arena_done(&world.arena);
}

static void an_output_of_another_shape_is_left_alone(void **state)
{
    (void)state;
    struct world world = { 0 };
    const struct sealer sealer = { count_seal, &world };
    assert_string_equal(seal(&world, &sealer, &declared, "[\"password\"]"), "[\"password\"]");
    assert_string_equal(seal(&world, &sealer, &type_dyn, "{\"password\":\"p\"}"), "{\"password\":\"p\"}");
    assert_string_equal(seal(&world, &sealer, NULL, "1"), "1");
    buf_done(&world.text);
    arena_done(&world.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_declared_part_is_sealed_and_nothing_else),
        cmocka_unit_test(null_and_what_is_sealed_already_stay),
        cmocka_unit_test(without_a_seal_the_content_is_gone),
        cmocka_unit_test(an_output_of_another_shape_is_left_alone),
    };
    return cmocka_run_group_tests_name("engine_seal", tests, NULL, NULL);
}
