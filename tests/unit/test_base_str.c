#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/number.h"
#include "base/rand.h"
#include "base/str.h"

static const struct str none = { NULL, 0 };

static void slices_compare_by_bytes(void **state)
{
    (void)state;
    assert_true(str_equal(STR("a\0b"), STR("a\0b")));
    assert_false(str_equal(STR("a\0b"), STR("a\0c")));
    assert_true(str_equal(none, STR("")));
    assert_true(str_equal_nocase(STR("Content-TYPE"), STR("content-type")));
    assert_false(str_equal_nocase(STR("\xc3\x84"), STR("\xc3\xa4"))); /* ASCII only */
    assert_false(str_equal_nocase(STR("@"), STR("`")));
    assert_int_equal(str_compare(STR("a"), STR("ab")), -1);
    assert_int_equal(str_compare(STR("b"), STR("ab")), 1);
    assert_int_equal(str_compare(STR("\xff"), STR("a")), 1);
    assert_int_equal(str_compare(none, STR("")), 0);
    assert_true(str_equal_secret(STR("token"), STR("token")));
    assert_false(str_equal_secret(STR("token"), STR("tokeN")));
    assert_false(str_equal_secret(STR("token"), STR("toke")));
    assert_int_equal(str_hash(STR("x")), str_hash(STR("x")));
    assert_int_equal(str_hash(none), str_hash(STR("")));
    assert_int_equal(str_of(NULL).size, 0);
}

static void parts_are_found(void **state)
{
    (void)state;
    struct str s = STR("one two two\0end");
    assert_true(str_starts(s, STR("one")));
    assert_true(str_starts(s, none));
    assert_false(str_starts(STR("on"), STR("one")));
    assert_true(str_ends(s, STR("\0end")));
    assert_false(str_ends(s, STR("two")));
    assert_true(str_contains(s, STR("two\0")));
    assert_int_equal(str_find(s, STR("two"), 0), 4);
    assert_int_equal(str_find(s, STR("two"), 5), 8);
    assert_int_equal(str_find(s, STR("two"), 9), -1);
    assert_int_equal(str_find(s, STR(""), 15), 15);
    assert_int_equal(str_find(s, STR(""), 16), -1);
    assert_int_equal(str_find(none, STR("a"), 0), -1);
    assert_int_equal(str_find_byte(s, '\0', 0), 11);
    assert_int_equal(str_find_byte(s, 'z', 0), -1);
    assert_int_equal(str_find_byte(s, 'o', 100), -1);
}

static void slices_are_clamped(void **state)
{
    (void)state;
    struct str s = STR("abc");
    assert_true(str_equal(str_slice(s, 1, 2), STR("b")));
    assert_true(str_equal(str_slice(s, 1, 100), STR("bc")));
    assert_true(str_equal(str_slice(s, 3, 100), STR("")));
    assert_true(str_equal(str_slice(s, 2, 1), STR("")));
    assert_int_equal(str_slice(none, 0, 5).size, 0);
    assert_true(str_equal(str_trim(STR(" \t\r\n a b \v\f")), STR("a b")));
    assert_true(str_equal(str_trim(STR("  ")), STR("")));
    assert_true(str_equal(str_trim(STR("\xc2\xa0x")), STR("\xc2\xa0x"))); /* ASCII only */
}

static void splits_give_each_part_once(void **state)
{
    (void)state;
    struct str rest = STR("a,,b,"), part;
    assert_true(str_split(&rest, ',', &part) && str_equal(part, STR("a")));
    assert_true(str_split(&rest, ',', &part) && part.size == 0);
    assert_true(str_split(&rest, ',', &part) && str_equal(part, STR("b")));
    assert_true(str_split(&rest, ',', &part) && part.size == 0);
    assert_false(str_split(&rest, ',', &part));
    rest = none;
    assert_false(str_split(&rest, ',', &part));
}

static void whole_numbers_are_exact_or_refused(void **state)
{
    (void)state;
    int64_t i = 7;
    uint64_t u = 7;
    assert_true(str_to_int(STR("-9223372036854775808"), &i) && i == INT64_MIN);
    assert_true(str_to_int(STR("9223372036854775807"), &i) && i == INT64_MAX);
    assert_true(str_to_uint(STR("18446744073709551615"), &u) && u == UINT64_MAX);
    assert_true(str_to_int(STR("007"), &i) && i == 7);
    static const char *const bad[] = { "", "-", "+1", " 1", "1 ", "1.0", "0x1", "9223372036854775808",
        "-9223372036854775809", "99999999999999999999999", "--1" };
    for (size_t n = 0; n < sizeof bad / sizeof bad[0]; n++)
        assert_false(str_to_int(str_of(bad[n]), &i));
    assert_false(str_to_uint(STR("18446744073709551616"), &u));
    assert_false(str_to_uint(STR("-1"), &u));
    assert_int_equal(i, 7);
}

static void doubles_are_read_strictly(void **state)
{
    (void)state;
    double d = 7;
    assert_true(str_to_double(STR("1.5e3"), &d) && d == 1500);
    assert_true(str_to_double(STR("-0"), &d) && d == 0 && signbit(d));
    assert_true(str_to_double(STR("4.9e-324"), &d) && d > 0);
    assert_true(str_to_double(STR("1e-400"), &d) && d == 0);
    assert_true(str_to_double(STR("-0.000000000000000000001e-400"), &d) && d == 0 && signbit(d));
    assert_true(str_to_double(STR("1.7976931348623157e308"), &d));
    d = 7;
    static const char *const bad[] = { "", "-", "1e", "1e+", " 1", "1 ", "inf", "nan", "-inf", "0x1p3", "1,5",
        "+1", "1e400", "-1e400", "1.5.5", "infinity", "1e99999999999999999999", "--1" };
    for (size_t n = 0; n < sizeof bad / sizeof bad[0]; n++)
        if (str_to_double(str_of(bad[n]), &d))
            fail_msg("took \"%s\"", bad[n]);
    assert_true(d == 7);
}

/* Whatever the size of the digits and the exponent that undoes it. */
static void numbers_out_of_range_are_told_apart_from_small_ones(void **state)
{
    (void)state;
    char text[1200];
    double d = 7;
    memset(text, '0', sizeof text);
    memcpy(text, "1", 1);
    memcpy(text + 1100, "e-1100", 7);
    assert_true(str_to_double(str_of(text), &d));
    assert_true(d == 0.1);
    memcpy(text + 1100, "e-300", 6);
    assert_false(str_to_double(str_of(text), &d));
    memcpy(text, "0.", 2);
    memcpy(text + 1000, "1e990", 6);
    assert_true(str_to_double(str_of(text), &d));
    assert_true(d > 0.9e-9 && d < 1.1e-9);
    memcpy(text + 1000, "1e100", 6);
    assert_true(str_to_double(str_of(text), &d));
    assert_true(d == 0);
}

static void doubles_print_shortest_and_come_back(void **state)
{
    (void)state;
    static const struct {
        double number;
        const char *text;
    } cases[] = { { 0, "0" }, { -0.0, "-0" }, { 1, "1" }, { 0.1, "0.1" }, { 100000, "100000" },
        { 1e20, "100000000000000000000" }, { 1e21, "1e+21" }, { 1.5e-7, "1.5e-7" }, { 0.000001, "0.000001" },
        { 123.456, "123.456" }, { -2.5, "-2.5" }, { 5e-324, "5e-324" },
        { 1.7976931348623157e308, "1.7976931348623157e+308" } };
    char text[NUMBER_TEXT_BYTES];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size = number_print_double(cases[i].number, text);
        assert_int_equal(size, strlen(cases[i].text));
        assert_memory_equal(text, cases[i].text, size);
    }
    struct rand_seeded chance;
    rand_seeded_init(&chance, 3);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = rand_u64(&chance.rand);
        double number, back;
        memcpy(&number, &bits, sizeof number);
        if (!isfinite(number))
            continue;
        size_t size = number_print_double(number, text);
        assert_true(size <= sizeof text);
        assert_true(str_to_double((struct str){ text, size }, &back));
        assert_memory_equal(&number, &back, sizeof number);
    }
}

static void distances_help_to_guess(void **state)
{
    (void)state;
    assert_int_equal(str_distance(STR("severity"), STR("severty"), 3), 1);
    assert_int_equal(str_distance(STR("kitten"), STR("sitting"), 5), 3);
    assert_int_equal(str_distance(STR("kitten"), STR("sitting"), 2), 3);
    assert_int_equal(str_distance(STR(""), STR("abc"), 5), 3);
    assert_int_equal(str_distance(STR("same"), STR("same"), 0), 0);
    char long_word[200];
    memset(long_word, 'a', sizeof long_word);
    assert_int_equal(str_distance((struct str){ long_word, 200 }, (struct str){ long_word, 199 }, 2), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_compare_by_bytes),
        cmocka_unit_test(parts_are_found),
        cmocka_unit_test(slices_are_clamped),
        cmocka_unit_test(splits_give_each_part_once),
        cmocka_unit_test(whole_numbers_are_exact_or_refused),
        cmocka_unit_test(doubles_are_read_strictly),
        cmocka_unit_test(numbers_out_of_range_are_told_apart_from_small_ones),
        cmocka_unit_test(doubles_print_shortest_and_come_back),
        cmocka_unit_test(distances_help_to_guess),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
