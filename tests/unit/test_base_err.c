#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/str.h"
#include "base/text.h"

static void whoever_fails_gives_code_name_place_and_text(void **state)
{
    (void)state;
    struct err_info why = { 0 };
    assert_int_equal(err_at(&why, ERR_INVALID, "yaml_tab", 3, 7, "no %s here", "tab"), ERR_INVALID);
    assert_int_equal(why.code, ERR_INVALID);
    assert_string_equal(why.name, "yaml_tab");
    assert_int_equal(why.line, 3);
    assert_int_equal(why.column, 7);
    assert_string_equal(why.text, "no tab here");
    assert_int_equal(err_set(&why, ERR_NOT_FOUND, "gone"), ERR_NOT_FOUND);
    assert_null(why.name);
    assert_int_equal(why.line, 0);
    assert_int_equal(err_named(NULL, ERR_LIMIT, "x", "%d", 1), ERR_LIMIT);
    assert_int_equal(err_memory(&why), ERR_MEMORY);
}

static void long_texts_are_cut_between_characters(void **state)
{
    (void)state;
    struct err_info why;
    for (int shift = 0; shift < 4; shift++) {
        char long_text[1200];
        size_t size = 0;
        for (int i = 0; i < shift; i++)
            long_text[size++] = 'x';
        while (size + 4 < sizeof long_text) {
            memcpy(long_text + size, "\xf0\x9f\x98\x80", 4);
            size += 4;
        }
        long_text[size] = '\0';
        assert_int_equal(err_set(&why, ERR_INVALID, "%s", long_text), ERR_INVALID);
        struct str text = str_of(why.text);
        assert_true(text.size > ERR_TEXT_BYTES_MAX - 6 && text.size < ERR_TEXT_BYTES_MAX);
        assert_true(utf8_is_valid(text));
    }
}

static void control_characters_do_not_pass(void **state)
{
    (void)state;
    struct err_info why;
    assert_int_equal(err_set(&why, ERR_INVALID, "a\nb\x1b[31mc\x7f"), ERR_INVALID);
    assert_string_equal(why.text, "a?b?[31mc?");
}

static void errno_becomes_a_code(void **state)
{
    (void)state;
    struct err_info why;
    assert_int_equal(err_errno(&why, ENOSPC, "writing the journal"), ERR_FULL);
    assert_non_null(strstr(why.text, "writing the journal: "));
    assert_int_equal(err_errno(&why, EDQUOT, "x"), ERR_FULL);
    assert_int_equal(err_errno(&why, ENOMEM, "x"), ERR_MEMORY);
    assert_int_equal(err_errno(&why, EIO, "x"), ERR_IO);
}

static void every_code_has_its_word(void **state)
{
    (void)state;
    for (int code = 0; code < ERR_COUNT; code++)
        assert_true(strlen(err_word((enum err)code)) > 1);
    assert_string_equal(err_word(ERR_NOT_FOUND), "not_found");
    assert_string_equal(err_word((enum err)999), "internal");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_fails_gives_code_name_place_and_text),
        cmocka_unit_test(long_texts_are_cut_between_characters),
        cmocka_unit_test(control_characters_do_not_pass),
        cmocka_unit_test(errno_becomes_a_code),
        cmocka_unit_test(every_code_has_its_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
