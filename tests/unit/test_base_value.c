#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/value.h"
#include "memory_faults.h"

static struct value text(const char *s)
{
    return value_string(str_of(s));
}

static struct value read_json(struct arena *arena, const char *json)
{
    struct value v;
    struct json_options options = { .copy_strings = true };
    assert_int_equal(json_parse(arena, str_of(json), &options, &v, NULL), ERR_OK);
    return v;
}

static void a_value_takes_16_bytes(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct value), 16);
}

static void numbers_compare_exactly_across_types(void **state)
{
    (void)state;
    const double two_to_53 = 9007199254740992.0, two_to_63 = 9223372036854775808.0;
    const struct {
        struct value a, b;
        int order;
    } cases[] = {
        { value_int(1), value_uint(1), 0 },
        { value_int(1), value_double(1.0), 0 },
        { value_int(-1), value_uint(UINT64_MAX), -1 },
        { value_int(INT64_MAX), value_double(two_to_63), -1 },
        { value_int(INT64_MIN), value_double(-two_to_63), 0 },
        { value_uint(UINT64_MAX), value_double(18446744073709551616.0), -1 },
        { value_uint(UINT64_C(1) << 63), value_double(two_to_63), 0 },
        { value_int((INT64_C(1) << 53) + 1), value_double(two_to_53), 1 },
        { value_int(-3), value_double(-3.5), 1 },
        { value_int(-4), value_double(-3.5), -1 },
        { value_uint(0), value_double(-0.5), 1 },
        { value_int(0), value_double(-0.0), 0 },
        { value_int(5), value_double(HUGE_VAL), -1 },
        { value_uint(5), value_double(-HUGE_VAL), 1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int order = 9;
        assert_true(value_compare(cases[i].a, cases[i].b, &order));
        assert_int_equal(order, cases[i].order);
        assert_true(value_compare(cases[i].b, cases[i].a, &order));
        assert_int_equal(order, -cases[i].order);
        assert_int_equal(value_equal(cases[i].a, cases[i].b), cases[i].order == 0);
        if (cases[i].order == 0)
            assert_true(value_hash(cases[i].a) == value_hash(cases[i].b));
    }
}

static void nan_equals_nothing_and_has_no_order(void **state)
{
    (void)state;
    int order;
    struct value nan_value = value_double((double)NAN);
    assert_false(value_equal(nan_value, nan_value));
    assert_false(value_compare(nan_value, value_int(1), &order));
    assert_false(value_compare(value_uint(1), nan_value, &order));
}

static void kinds_do_not_mix(void **state)
{
    (void)state;
    int order;
    assert_false(value_equal(text("1"), value_int(1)));
    assert_false(value_equal(text("a"), value_bytes(STR("a"))));
    assert_false(value_equal(value_null(), value_bool(false)));
    assert_false(value_equal(value_timestamp(1, 0), value_duration(1, 0)));
    assert_false(value_compare(text("a"), value_bytes(STR("a")), &order));
    assert_false(value_compare(value_null(), value_null(), &order));
    assert_true(value_compare(value_timestamp(1, 5), value_timestamp(1, 6), &order));
    assert_int_equal(order, -1);
    assert_true(value_compare(value_duration(-1, -5), value_duration(-1, -6), &order));
    assert_int_equal(order, 1);
    assert_true(value_compare(value_bool(false), value_bool(true), &order));
    assert_int_equal(order, -1);
}

static void equal_trees_hash_alike_whatever_the_order_of_keys(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct value a = read_json(&arena, "{\"a\":[1,2,{\"x\":null}],\"b\":true,\"c\":1.0}");
    struct value b = read_json(&arena, "{\"c\":1,\"b\":true,\"a\":[1.0,2,{\"x\":null}]}");
    struct value c = read_json(&arena, "{\"c\":1,\"b\":true,\"a\":[2,1,{\"x\":null}]}");
    assert_true(value_equal(a, b));
    assert_true(value_hash(a) == value_hash(b));
    assert_false(value_equal(a, c));
    assert_false(value_hash(a) == value_hash(c));
    assert_false(value_equal(read_json(&arena, "{\"a\":1}"), read_json(&arena, "{\"b\":1}")));
    assert_false(value_equal(read_json(&arena, "[1]"), read_json(&arena, "[1,1]")));
}

static void built_maps_keep_order_and_refuse_a_key_twice(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct value_map_builder b;
    char names[400][8];
    struct err_info why = { 0 };
    value_map_begin(&b, &arena);
    for (int i = 0; i < 400; i++) {
        snprintf(names[i], sizeof names[i], "k%d", i);
        assert_int_equal(value_map_add(&b, text(names[i]), value_int(i), NULL), ERR_OK);
        assert_int_equal(value_map_add(&b, text(names[i / 2]), value_int(0), &why), ERR_CONFLICT);
        assert_int_equal(value_map_put(&b, text(names[i / 3]), value_int(i / 3), NULL), ERR_OK);
    }
    struct value map = value_map_end(&b);
    assert_int_equal(map.size, 400);
    for (int i = 0; i < 400; i++) {
        assert_true(value_is_text(value_map_entries(map)[i].key, str_of(names[i])));
        assert_int_equal(value_get(map, str_of(names[i])).integer, i);
    }
    assert_null(value_map_find(map, STR("k400")));
}

static void items_are_added_to_the_list_under_their_key(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf printed = { 0 };
    struct value_map_builder b;
    value_map_begin(&b, &arena);
    assert_int_equal(value_map_append(&b, text("a"), value_int(1), NULL), ERR_OK);
    struct value one = b.entries[0].value;
    assert_int_equal(value_map_append(&b, text("b"), value_null(), NULL), ERR_OK);
    assert_int_equal(value_map_append(&b, text("a"), value_int(2), NULL), ERR_OK);
    json_print(&printed, value_map_end(&b), 0);
    buf_add_byte(&printed, '\0');
    assert_string_equal(printed.data, "{\"a\":[1,2],\"b\":[null]}");
    assert_int_equal(one.size, 1); /* what was given out before does not change */
}

static void numeric_keys_are_equal_by_number(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    for (int fill = 0; fill < 30; fill += 29) { /* without and with an index */
        struct value_map_builder b;
        value_map_begin(&b, &arena);
        for (int i = 0; i < fill; i++)
            assert_int_equal(value_map_add(&b, value_int(100 + i), value_null(), NULL), ERR_OK);
        assert_int_equal(value_map_add(&b, value_int(1), text("one"), NULL), ERR_OK);
        assert_int_equal(value_map_add(&b, value_uint(1), text("again"), NULL), ERR_CONFLICT);
        assert_int_equal(value_map_add(&b, value_bool(true), text("yes"), NULL), ERR_OK);
        assert_int_equal(value_map_add(&b, text("1"), text("text"), NULL), ERR_OK);
        struct value map = value_map_end(&b);
        assert_true(value_is_text(*value_map_find_key(map, value_uint(1)), STR("one")));
        assert_true(value_is_text(*value_map_find_key(map, value_double(1.0)), STR("one")));
        assert_true(value_is_text(*value_map_find_key(map, value_bool(true)), STR("yes")));
        assert_true(value_is_text(*value_map_find_key(map, text("1")), STR("text")));
        assert_null(value_map_find_key(map, value_double(1.5)));
    }
}

static void a_map_with_one_more_field_leaves_the_old_one_alone(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct value map = value_null();
    char name[8];
    for (int i = 0; i < 40; i++) {
        struct value larger, replaced;
        snprintf(name, sizeof name, "k%d", i);
        struct str key;
        assert_int_equal(arena_str(&arena, str_of(name), &key, NULL), ERR_OK);
        assert_int_equal(value_map_with(&arena, map, value_string(key), value_int(i), &larger, NULL), ERR_OK);
        assert_int_equal(larger.size, i + 1);
        assert_null(value_map_find(map, key));
        assert_int_equal(value_map_with(&arena, larger, text("k0"), value_int(-7), &replaced, NULL), ERR_OK);
        assert_int_equal(replaced.size, i + 1);
        assert_int_equal(value_get(replaced, STR("k0")).integer, -7);
        assert_int_equal(value_get(larger, STR("k0")).integer, 0);
        assert_int_equal(value_get(replaced, key).integer, i ? i : -7);
        map = larger;
    }
    map.flags = VALUE_OUTSIDE;
    struct value marked;
    assert_int_equal(value_map_with(&arena, map, text("new"), value_null(), &marked, NULL), ERR_OK);
    assert_int_equal(marked.flags, VALUE_OUTSIDE);
    assert_int_equal(value_map_with(&arena, map, text("k3"), value_null(), &marked, NULL), ERR_OK);
    assert_int_equal(marked.flags, VALUE_OUTSIDE);
}

static void adopted_entries_lose_their_duplicates(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    for (uint32_t count = 4; count < 100; count += 17) {
        struct value_entry *entries = ARENA_ARRAY(&arena, count, struct value_entry);
        for (uint32_t i = 0; i < count; i++)
            entries[i] = (struct value_entry){ value_int(i % (count - 2)), value_int(i) };
        struct value map;
        uint32_t duplicate;
        assert_int_equal(value_map_adopt(&arena, entries, count, &map, &duplicate, NULL), ERR_OK);
        assert_int_equal(duplicate, count - 2);
        assert_int_equal(map.size, count - 2);
        assert_int_equal(value_map_find_key(map, value_int(0))->integer, count - 2);
        assert_int_equal(value_map_find_key(map, value_int(1))->integer, count - 1);
        assert_int_equal(value_map_entries(map)[0].value.integer, count - 2);
    }
}

static void paths_end_in_null_where_nothing_is(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct value v = read_json(&arena, "{\"a\":{\"b\":{\"c\":7}},\"n\":null}");
    assert_int_equal(value_path(v, STR("a.b.c")).integer, 7);
    assert_int_equal(value_path(v, STR("a.x.c")).type, VALUE_NULL);
    assert_int_equal(value_path(v, STR("a.b.c.d")).type, VALUE_NULL);
    assert_int_equal(value_path(value_int(1), STR("a")).type, VALUE_NULL);
    assert_non_null(value_map_find(v, STR("n")));
    assert_null(value_map_find(value_int(1), STR("n")));
    struct value bare = { .type = VALUE_MAP }; /* an empty map needs no table */
    assert_null(value_map_find(bare, STR("n")));
}

static void copies_share_nothing(void **state)
{
    (void)state;
    AUTO(arena) struct arena kept = { 0 };
    struct arena gone = { 0 };
    struct value_net net = { .bytes = { 192, 0, 2, 1 }, .size = 4, .prefix = 24 };
    struct value inside = text("inside");
    struct value items[] = { read_json(&gone, "{\"a\":[1,\"two\",{\"x\":\"y\"}],\"e\":{},\"l\":[]}"),
        { .type = VALUE_CIDR, .net = &net }, { .type = VALUE_OPTIONAL, .inside = &inside },
        { .type = VALUE_OPTIONAL }, value_bytes(STR("\0\1")), value_timestamp(5, 6),
        { .type = VALUE_SECRET, .size = 3, .bytes = "h:1" } };
    items[0].flags = VALUE_OUTSIDE | VALUE_DUPLICATE_KEYS;
    struct value list = { .type = VALUE_LIST, .size = sizeof items / sizeof items[0], .items = items };
    AUTO(buf) struct buf before = { 0 };
    AUTO(buf) struct buf after = { 0 };
    json_print(&before, list, 0);
    struct value copy;
    assert_int_equal(value_copy(&kept, list, &copy, NULL), ERR_OK);
    assert_true(value_equal(list, copy));
    arena_done(&gone); /* the address sanitizer tells if the copy still looks there */
    json_print(&after, copy, 0);
    assert_string_equal(before.data, after.data);
    assert_int_equal(copy.items[0].flags, VALUE_OUTSIDE | VALUE_DUPLICATE_KEYS);
    assert_ptr_not_equal(copy.items[1].net, &net);
}

static void a_copy_is_from_outside_with_all_its_parts_or_none_is(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct value v = read_json(&arena, "{\"a\":[\"b\",{\"c\":\"d\"}]}"), marked, bare;
    assert_int_equal(value_copy_marked(&arena, v, true, &marked, NULL), ERR_OK);
    assert_int_equal(value_copy_marked(&arena, marked, false, &bare, NULL), ERR_OK);
    const struct value of_marked[] = { marked, value_map_entries(marked)[0].key, value_path(marked, STR("a")),
        value_path(marked, STR("a")).items[0], value_get(value_path(marked, STR("a")).items[1], STR("c")) };
    const struct value of_bare[] = { bare, value_map_entries(bare)[0].key, value_path(bare, STR("a")),
        value_path(bare, STR("a")).items[0], value_get(value_path(bare, STR("a")).items[1], STR("c")) };
    for (size_t i = 0; i < sizeof of_bare / sizeof of_bare[0]; i++) {
        assert_int_equal(of_marked[i].flags, VALUE_OUTSIDE);
        assert_int_equal(of_bare[i].flags, 0);
    }
    assert_true(value_equal(v, bare));
    assert_true(value_equal(v, marked));
}

static void copies_stop_at_the_depth_limit(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct value nest[VALUE_DEPTH_MAX + 2], copy;
    struct err_info why = { 0 };
    nest[0] = value_int(1);
    for (int i = 1; i < VALUE_DEPTH_MAX + 2; i++)
        nest[i] = (struct value){ .type = VALUE_LIST, .size = 1, .items = &nest[i - 1] };
    assert_int_equal(value_copy(&arena, nest[VALUE_DEPTH_MAX], &copy, &why), ERR_OK);
    assert_int_equal(value_copy(&arena, nest[VALUE_DEPTH_MAX + 1], &copy, &why), ERR_LIMIT);
    AUTO(buf) struct buf buf = { 0 };
    json_print(&buf, nest[VALUE_DEPTH_MAX], 0);
    assert_int_equal(buf_check(&buf, NULL), ERR_OK);
    buf_clear(&buf);
    json_print(&buf, nest[VALUE_DEPTH_MAX + 1], 0);
    assert_int_equal(buf_check(&buf, NULL), ERR_LIMIT);
}

static void weight_covers_what_a_copy_takes(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct value small = read_json(&arena, "{\"a\":1}");
    struct value large = read_json(
        &arena, "{\"a\":[1,2,3,4,5,6,7,8,9,\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]}");
    assert_true(value_weight(value_null()) >= sizeof(struct value));
    assert_true(value_weight(large) > value_weight(small) + 9 * sizeof(struct value) + 40);
}

/* Each allocation in turn is refused: every function must say so and leak nothing. */
static void refused_memory_is_an_error_everywhere(void **state)
{
    (void)state;
    AUTO(arena) struct arena source = { 0 };
    AUTO(buf) struct buf json = { 0 };
    buf_add_byte(&json, '{');
    for (int i = 0; i < 3000; i++)
        buf_printf(&json, "%s\"key %d\":[%d,\"\\u0041\",{}]", i ? "," : "", i, i);
    buf_add_byte(&json, '}');
    struct value v = read_json(&source, json.data);
    int failures = 0;
    for (long allowed = 0;; allowed++) {
        AUTO(arena) struct arena arena = { 0 };
        struct value copy = value_null();
        struct err_info why = { 0 };
        memory_faults_left = allowed;
        enum err result = value_copy(&arena, v, &copy, &why);
        if (result == ERR_OK)
            result = value_map_with(&arena, v, text("more"), value_null(), &copy, &why);
        if (result == ERR_OK)
            result = json_parse(&arena, buf_str(&json), NULL, &copy, &why);
        memory_faults_left = -1;
        if (result == ERR_OK)
            break;
        assert_int_equal(result, ERR_MEMORY);
        assert_int_equal(why.code, ERR_MEMORY);
        failures++;
    }
    assert_true(failures > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_takes_16_bytes),
        cmocka_unit_test(numbers_compare_exactly_across_types),
        cmocka_unit_test(nan_equals_nothing_and_has_no_order),
        cmocka_unit_test(kinds_do_not_mix),
        cmocka_unit_test(equal_trees_hash_alike_whatever_the_order_of_keys),
        cmocka_unit_test(built_maps_keep_order_and_refuse_a_key_twice),
        cmocka_unit_test(items_are_added_to_the_list_under_their_key),
        cmocka_unit_test(numeric_keys_are_equal_by_number),
        cmocka_unit_test(a_map_with_one_more_field_leaves_the_old_one_alone),
        cmocka_unit_test(adopted_entries_lose_their_duplicates),
        cmocka_unit_test(paths_end_in_null_where_nothing_is),
        cmocka_unit_test(copies_share_nothing),
        cmocka_unit_test(a_copy_is_from_outside_with_all_its_parts_or_none_is),
        cmocka_unit_test(copies_stop_at_the_depth_limit),
        cmocka_unit_test(weight_covers_what_a_copy_takes),
        cmocka_unit_test(refused_memory_is_an_error_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
