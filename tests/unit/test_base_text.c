#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/rand.h"
#include "base/text.h"

static void utf8_is_told_from_what_only_looks_like_it(void **state)
{
    (void)state;
    static const struct str good[] = { STR_INIT(""), STR_INIT("ascii only, longer than a word"),
        STR_INIT("\0"), STR_INIT("\xc2\x80"), STR_INIT("\xdf\xbf"), STR_INIT("\xe0\xa0\x80"),
        STR_INIT("\xed\x9f\xbf"), STR_INIT("\xee\x80\x80"), STR_INIT("\xef\xbf\xbf"),
        STR_INIT("\xf0\x90\x80\x80"), STR_INIT("\xf4\x8f\xbf\xbf") };
    static const struct str bad[] = { STR_INIT("\x80"), STR_INIT("\xc0\x80"), STR_INIT("\xc1\xbf"),
        STR_INIT("\xc2"), STR_INIT("\xc2\x41"), STR_INIT("\xe0\x9f\xbf"), STR_INIT("\xe1\x80"),
        STR_INIT("\xe1\x80\x41"), STR_INIT("\xed\xa0\x80"), STR_INIT("\xf0\x8f\xbf\xbf"),
        STR_INIT("\xf0\x90\x80"), STR_INIT("\xf4\x90\x80\x80"), STR_INIT("\xf5\x80\x80\x80"),
        STR_INIT("\xff"), STR_INIT("long enough for a word\xfe") };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(utf8_is_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(utf8_is_valid(bad[i]));
}

static void code_points_go_in_and_out(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = { 0 };
    for (uint32_t c = 0; c <= 0x10ffff; c += c < 0x900 ? 1 : 97) {
        if (c >= 0xd800 && c <= 0xdfff)
            continue;
        size_t offset = 0;
        buf_clear(&buf);
        utf8_add(&buf, c);
        assert_true(utf8_is_valid(buf_str(&buf)));
        assert_int_equal(utf8_next(buf_str(&buf), &offset), c);
        assert_int_equal(offset, buf.size);
        assert_int_equal(utf8_length(buf_str(&buf)), 1);
    }
    size_t offset = 0;
    assert_int_equal(utf8_next(STR("\xe2\x82"
                                   "a"),
                         &offset),
        -1);
    assert_int_equal(offset, 1);
    buf_clear(&buf);
    utf8_add(&buf, 0xd800);
    utf8_add(&buf, 0x110000);
    assert_string_equal(buf.data, "\xef\xbf\xbd\xef\xbf\xbd");
}

static void texts_are_cut_between_characters(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10 };
    struct str text = STR("aé€😀");
    for (size_t most = 0; most < sizeof sizes / sizeof sizes[0]; most++) {
        struct str cut = utf8_cut(text, most);
        assert_int_equal(cut.size, sizes[most]);
        assert_true(str_starts(text, cut));
    }
    assert_int_equal(utf8_cut(STR("\x80\x80\x80"), 2).size, 0);
    assert_int_equal(utf8_cut((struct str){ 0 }, 5).size, 0);
}

static void bad_bytes_become_the_replacement_character(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = { 0 };
    utf8_add_lossy(&buf,
        STR("a\xff"
            "b\xc3\xa9\xe2\x82"));
    assert_string_equal(buf.data,
        "a\xef\xbf\xbd"
        "b\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd");
    struct rand_seeded chance;
    rand_seeded_init(&chance, 1);
    for (int i = 0; i < 2000; i++) {
        char noise[40];
        rand_fill(&chance.rand, noise, sizeof noise);
        buf_clear(&buf);
        utf8_add_lossy(&buf, (struct str){ noise, sizeof noise });
        assert_true(utf8_is_valid(buf_str(&buf)));
    }
}

static void base64_is_that_of_the_standard(void **state)
{
    (void)state;
    /* RFC 4648, 10 */
    static const char *const cases[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
        { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" } };
    AUTO(buf) struct buf buf = { 0 };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buf_clear(&buf);
        base64_add(&buf, str_of(cases[i][0]));
        assert_true(str_equal(buf_str(&buf), str_of(cases[i][1])));
        buf_clear(&buf);
        assert_true(base64_decode(&buf, str_of(cases[i][1])));
        assert_true(str_equal(buf_str(&buf), str_of(cases[i][0])));
    }
    buf_clear(&buf);
    base64url_add(&buf, STR("\xfb\xff\xbf\x01"));
    assert_string_equal(buf.data, "-_-_AQ");
    struct rand_seeded chance;
    rand_seeded_init(&chance, 2);
    for (size_t size = 0; size < 70; size++) {
        char noise[70];
        AUTO(buf) struct buf back = { 0 };
        rand_fill(&chance.rand, noise, size);
        buf_clear(&buf);
        base64url_add(&buf, (struct str){ noise, size });
        assert_true(base64url_decode(&back, buf_str(&buf)));
        assert_true(str_equal(buf_str(&back), (struct str){ noise, size }));
    }
}

static void bad_encodings_are_refused(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = { 0 };
    /* The last three have bits that no byte uses, or padding where none belongs. */
    static const char *const bad64[] = { "Z", "Zg=", "Zg===", "Z===", "=", "Zm9v=", "Zm 9v", "Zm9v\n", "Zm9-",
        "Zh==", "Zm9=", "Zg==Zg==" };
    for (size_t i = 0; i < sizeof bad64 / sizeof bad64[0]; i++)
        if (base64_decode(&buf, str_of(bad64[i])))
            fail_msg("took %s", bad64[i]);
    assert_true(base64_decode(&buf, STR("Zg"))); /* padding is optional */
    assert_false(base64url_decode(&buf, STR("Zm9+")));
    static const char *const bad_hex[] = { "a", "0g", "0x", " 0", "abc" };
    for (size_t i = 0; i < sizeof bad_hex / sizeof bad_hex[0]; i++)
        assert_false(hex_decode(&buf, str_of(bad_hex[i])));
    static const char *const bad_percent[] = { "%", "%4", "a%zz", "%4%41" };
    for (size_t i = 0; i < sizeof bad_percent / sizeof bad_percent[0]; i++)
        assert_false(percent_decode(&buf, str_of(bad_percent[i]), false));
}

static void hex_and_percent_come_back(void **state)
{
    (void)state;
    AUTO(buf) struct buf all = { 0 };
    AUTO(buf) struct buf text = { 0 };
    AUTO(buf) struct buf back = { 0 };
    for (int i = 0; i < 256; i++)
        buf_add_byte(&all, (char)i);
    hex_add(&text, buf_str(&all));
    assert_true(hex_decode(&back, buf_str(&text)));
    assert_true(str_equal(buf_str(&all), buf_str(&back)));
    buf_clear(&text);
    buf_clear(&back);
    percent_add(&text, buf_str(&all));
    assert_true(percent_decode(&back, buf_str(&text), true));
    assert_true(str_equal(buf_str(&all), buf_str(&back)));
    buf_clear(&text);
    percent_add(&text, STR("a/b?c=1 &~é"));
    assert_string_equal(text.data, "a%2Fb%3Fc%3D1%20%26~%C3%A9");
    buf_clear(&back);
    assert_true(percent_decode(&back, STR("a+b%2b"), true));
    assert_string_equal(back.data, "a b+");
    buf_clear(&back);
    assert_true(percent_decode(&back, STR("a+b"), false));
    assert_string_equal(back.data, "a+b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_told_from_what_only_looks_like_it),
        cmocka_unit_test(code_points_go_in_and_out),
        cmocka_unit_test(texts_are_cut_between_characters),
        cmocka_unit_test(bad_bytes_become_the_replacement_character),
        cmocka_unit_test(base64_is_that_of_the_standard),
        cmocka_unit_test(bad_encodings_are_refused),
        cmocka_unit_test(hex_and_percent_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
