#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/pack.h"
#include "base/rand.h"
#include "memory_faults.h"

/* Equal in type, flags and bits, for all values inside: packing twice gives the same bytes. */
static void assert_comes_back(struct value v)
{
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf packed = { 0 };
    AUTO(buf) struct buf again = { 0 };
    struct value back;
    pack_value(&packed, v);
    assert_int_equal(buf_check(&packed, NULL), ERR_OK);
    assert_int_equal(unpack_value(&arena, buf_str(&packed), false, &back, NULL), ERR_OK);
    assert_int_equal(v.type, back.type);
    assert_int_equal(v.flags, back.flags);
    pack_value(&again, back);
    assert_int_equal(packed.size, again.size);
    assert_memory_equal(packed.data, again.data, packed.size);
    for (size_t size = 0; size < packed.size; size++) {
        struct value cut;
        struct err_info why = { 0 };
        assert_int_equal(
            unpack_value(&arena, str_slice(buf_str(&packed), 0, size), false, &cut, &why), ERR_INVALID);
    }
    buf_add_byte(&packed, 0);
    assert_int_equal(unpack_value(&arena, buf_str(&packed), false, &back, NULL), ERR_INVALID);
}

static void every_type_comes_back_exactly(void **state)
{
    (void)state;
    struct value inside = value_int(7);
    struct value_net v4 = { .bytes = { 10, 0, 0, 1 }, .size = 4, .prefix = 8 };
    struct value_net v6 = { .bytes = { 0x20, 0x01, 0xd, 0xb8 }, .size = 16, .prefix = 128 };
    const struct value values[] = { value_null(), value_bool(true), value_bool(false), value_int(0),
        value_int(INT64_MIN), value_int(INT64_MAX), value_int(-1), value_int(63), value_int(64),
        value_uint(0), value_uint(UINT64_MAX), value_double(0), value_double(-0.0), value_double((double)NAN),
        value_double(-HUGE_VAL), value_double(0.1), value_string(STR("")), value_string(STR("a\0\xc3\xa9")),
        value_bytes(STR("\xff\0")), value_timestamp(-62135596800, 0),
        value_timestamp(253402300799, 999999999), value_duration(-5, -500000000),
        value_duration(INT64_MAX, 1), { .type = VALUE_TYPE, .size = 3, .bytes = "int" },
        { .type = VALUE_OPTIONAL }, { .type = VALUE_OPTIONAL, .inside = &inside },
        { .type = VALUE_IP, .net = &v4 }, { .type = VALUE_CIDR, .net = &v6 },
        { .type = VALUE_SECRET, .size = 4, .bytes = "h:12" }, { .type = VALUE_LIST }, { .type = VALUE_MAP } };
    size_t count = sizeof values / sizeof values[0];
    for (size_t i = 0; i < count; i++) {
        for (unsigned flags = 0; flags < 4; flags++) {
            struct value v = values[i];
            v.flags = (uint8_t)flags;
            assert_comes_back(v);
        }
    }
    assert_comes_back((struct value){ .type = VALUE_LIST, .size = (uint32_t)count, .items = values });
}

static void trees_come_back(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf packed = { 0 };
    struct json_options options = { .flags = VALUE_OUTSIDE };
    struct value v, back;
    struct str json = STR(
        "{\"a\":[1,-1,18446744073709551615,1.5,null,true,[],{}],\"b\":{\"c\":\"text\",\"\":\"\"}}");
    assert_int_equal(json_parse(&arena, json, &options, &v, NULL), ERR_OK);
    assert_comes_back(v);
    pack_value(&packed, v);
    assert_int_equal(unpack_value(&arena, buf_str(&packed), true, &back, NULL), ERR_OK);
    memset(packed.data, 0, packed.size); /* copied strings do not mind */
    assert_true(value_equal(v, back));
    assert_int_equal(value_path(back, STR("b.c")).flags, VALUE_OUTSIDE);
}

static enum err unpack(struct str bytes)
{
    AUTO(arena) struct arena arena = { .bytes_max = MIB };
    struct value v;
    return unpack_value(&arena, bytes, false, &v, NULL);
}

static void damage_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        struct str bytes;
    } cases[] = {
        { "empty", STR_INIT("") },
        { "other version", STR_INIT("\2\0") },
        { "unknown type", STR_INIT("\1\x3f") },
        { "varint of eleven bytes", STR_INIT("\1\4\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\1") },
        { "varint above 64 bits", STR_INIT("\1\4\xff\xff\xff\xff\xff\xff\xff\xff\xff\2") },
        { "string longer than the rest", STR_INIT("\1\6\5abc") },
        { "string that is not UTF-8", STR_INIT("\1\6\1\xff") },
        { "list longer than the rest", STR_INIT("\1\x08\xff\xff\xff\xff\x0f") },
        { "map with a list as key", STR_INIT("\1\x09\1\x08\0\0") },
        { "map with a key twice", STR_INIT("\1\x09\2\6\1a\0\6\1a\0") },
        { "address of five bytes", STR_INIT("\1\x0f\5abcde") },
        { "prefix of 33", STR_INIT("\1\x10\4abcd\x21") },
        { "a second of nanoseconds", STR_INIT("\1\x0a\0\x80\xa8\xd6\xb9\x07") },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (unpack(cases[i].bytes) != ERR_INVALID)
            fail_msg("took: %s", cases[i].what);
}

static void deep_nests_are_refused(void **state)
{
    (void)state;
    AUTO(buf) struct buf bytes = { 0 };
    buf_add_byte(&bytes, 1);
    for (int i = 0; i < 100000; i++)
        buf_add(&bytes, STR("\x08\1"));
    assert_int_equal(unpack(buf_str(&bytes)), ERR_INVALID);
    struct value nest[VALUE_DEPTH_MAX + 2];
    nest[0] = value_null();
    for (int i = 1; i < VALUE_DEPTH_MAX + 2; i++)
        nest[i] = (struct value){ .type = VALUE_LIST, .size = 1, .items = &nest[i - 1] };
    assert_comes_back(nest[VALUE_DEPTH_MAX]);
    buf_clear(&bytes);
    pack_value(&bytes, nest[VALUE_DEPTH_MAX + 1]);
    assert_int_equal(buf_check(&bytes, NULL), ERR_LIMIT);
}

static void random_damage_never_crashes(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf packed = { 0 };
    struct rand_seeded chance;
    struct value v;
    struct str json = STR("{\"a\":[1,-1,2.5,null,true],\"b\":{\"c\":\"text\"},\"d\":[[[{}]]]}");
    rand_seeded_init(&chance, 5);
    assert_int_equal(json_parse(&arena, json, NULL, &v, NULL), ERR_OK);
    for (int i = 0; i < 20000; i++) {
        buf_clear(&packed);
        pack_value(&packed, v);
        for (uint64_t n = rand_below(&chance.rand, 4) + 1; n > 0; n--)
            packed.data[rand_below(&chance.rand, packed.size)] = (char)rand_below(&chance.rand, 256);
        enum err result = unpack(buf_str(&packed));
        assert_true(result == ERR_OK || result == ERR_INVALID);
    }
}

static void refused_memory_is_an_error(void **state)
{
    (void)state;
    AUTO(arena) struct arena source = { 0 };
    AUTO(buf) struct buf packed = { 0 };
    struct value v;
    assert_int_equal(json_parse(&source, STR("{\"a\":[1,2,{\"b\":\"c\"}]}"), NULL, &v, NULL), ERR_OK);
    pack_value(&packed, v);
    AUTO(arena) struct arena arena = { 0 };
    memory_faults_left = 0;
    enum err result = unpack_value(&arena, buf_str(&packed), true, &v, NULL);
    memory_faults_left = -1;
    assert_int_equal(result, ERR_MEMORY);
    memory_faults_left = 0;
    AUTO(buf) struct buf none = { 0 };
    pack_value(&none, v);
    memory_faults_left = -1;
    assert_int_equal(buf_check(&none, NULL), ERR_MEMORY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_comes_back_exactly),
        cmocka_unit_test(trees_come_back),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(deep_nests_are_refused),
        cmocka_unit_test(random_damage_never_crashes),
        cmocka_unit_test(refused_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
