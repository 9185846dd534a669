#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/id.h"

static void texts_are_those_of_ulids(void **state)
{
    (void)state;
    struct id id = { { 0x01, 0x56, 0x3e, 0x3a, 0xb5, 0xd3, 0xd6, 0x76, 0x4c, 0x61, 0xef, 0xb9, 0x93, 0x02,
        0xbd, 0x5b } };
    assert_string_equal(id_text(id).text, "01ARZ3NDEKTSV4RRFFQ69G5FAV");
    struct id back;
    assert_true(id_parse(STR("01arz3ndektsv4rrffq69g5fav"), &back));
    assert_true(id_equal(id, back));
    memset(&id, 0xff, sizeof id);
    assert_string_equal(id_text(id).text, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
    assert_string_equal(id_text(ID_NONE).text, "00000000000000000000000000");
    assert_true(id_is_none(ID_NONE));
    struct id_text text = id_text(id);
    assert_int_equal(id_str(&text).size, 26);
    assert_int_equal(id_bytes(&id).size, 16);
}

static void new_ids_hold_the_time_and_come_back(void **state)
{
    (void)state;
    struct clock_manual clock;
    struct rand_seeded chance;
    clock_manual_init(&clock, (struct instant){ 1767323045678000 });
    rand_seeded_init(&chance, 1);
    struct id last = ID_NONE;
    for (int i = 0; i < 2000; i++) {
        struct id id = id_new(&clock.clock, &chance.rand), back = ID_NONE;
        struct id_text text = id_text(id);
        assert_memory_equal(text.text, "01KDY", 5);
        assert_true(id_parse(id_str(&text), &back));
        assert_true(id_equal(id, back));
        assert_false(id_equal(id, last));
        last = id;
    }
}

static void other_texts_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "", "01ARZ3NDEKTSV4RRFFQ69G5FA", "01ARZ3NDEKTSV4RRFFQ69G5FAVX",
        "81ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAI", "01ARZ3NDEKTSV4RRFFQ69G5FAL",
        "01ARZ3NDEKTSV4RRFFQ69G5FAO", "01ARZ3NDEKTSV4RRFFQ69G5FAU", "01ARZ3NDEKTSV4RRFFQ69G5F-V",
        "\xff"
        "1ARZ3NDEKTSV4RRFFQ69G5FAV" };
    struct id id = ID_NONE;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(id_parse(str_of(bad[i]), &id));
    assert_false(id_parse((struct str){ "01ARZ3NDEKTSV4RRFFQ69G5FA\0", 26 }, &id));
    assert_true(id_is_none(id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_those_of_ulids),
        cmocka_unit_test(new_ids_hold_the_time_and_come_back),
        cmocka_unit_test(other_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
