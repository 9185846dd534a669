#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "memory_faults.h"

static void appends_add_up(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = { 0 };
    assert_string_equal(buf_str(&buf).data, "");
    buf_add(&buf, STR("a\0b"));
    buf_add_text(&buf, "cd");
    buf_add_byte(&buf, '-');
    buf_printf(&buf, "%05d", 42);
    buf_add_int(&buf, INT64_MIN);
    buf_add_byte(&buf, ' ');
    buf_add_uint(&buf, UINT64_MAX);
    buf_add_int(&buf, 0);
    buf_add(&buf, (struct str){ NULL, 0 });
    struct str expected = STR("a\0bcd-00042-9223372036854775808 184467440737095516150");
    assert_int_equal(buf.size, expected.size);
    assert_memory_equal(buf.data, expected.data, expected.size + 1);
    assert_int_equal(buf_check(&buf, NULL), ERR_OK);
}

static void growth_keeps_the_bytes(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = { 0 };
    for (int i = 0; i < 100000; i++)
        buf_add_byte(&buf, (char)(i % 251));
    assert_int_equal(buf.size, 100000);
    for (int i = 0; i < 100000; i++)
        assert_int_equal((unsigned char)buf.data[i], i % 251);
    assert_int_equal(buf.data[buf.size], '\0');
}

static void limit_is_exact_and_failure_sticks(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = { .bytes_max = 200 };
    struct err_info why = { 0 };
    for (int i = 0; i < 200; i++)
        buf_add_byte(&buf, 'x');
    assert_int_equal(buf_check(&buf, NULL), ERR_OK);
    buf_add_byte(&buf, 'y');
    assert_int_equal(buf_check(&buf, &why), ERR_LIMIT);
    assert_string_equal(why.name, "buf_bytes_max");
    buf_add(&buf, (struct str){ "", 0 });
    assert_null(buf_reserve(&buf, 0));
    assert_int_equal(buf.size, 200);
    buf_clear(&buf);
    buf_add_text(&buf, "again");
    assert_int_equal(buf_check(&buf, NULL), ERR_OK);
    assert_string_equal(buf.data, "again");
    assert_null(buf_reserve(&buf, SIZE_MAX));
}

static void reserved_room_is_the_callers(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = { 0 };
    char *room = buf_reserve(&buf, 1000);
    assert_non_null(room);
    memset(room, 'r', 1000);
    buf.size += 1000;
    buf_add_byte(&buf, '!');
    assert_int_equal(buf.size, 1001);
    assert_int_equal(buf.data[1000], '!');
}

static void taken_bytes_leave_the_buffer(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = { 0 };
    size_t size;
    buf_add_text(&buf, "mine");
    char *bytes = buf_take(&buf, &size);
    assert_int_equal(size, 4);
    assert_string_equal(bytes, "mine");
    free(bytes);
    assert_int_equal(buf.size, 0);
    buf_add_text(&buf, "next");
    assert_string_equal(buf.data, "next");
}

static void refused_memory_sticks_and_keeps_what_was_there(void **state)
{
    (void)state;
    AUTO(buf) struct buf buf = { 0 };
    struct err_info why = { 0 };
    buf_add_text(&buf, "start");
    memory_faults_left = 0;
    for (int i = 0; i < 1000; i++)
        buf_printf(&buf, "%d", i);
    memory_faults_left = -1;
    buf_add_text(&buf, "ignored");
    assert_int_equal(buf_check(&buf, &why), ERR_MEMORY);
    assert_memory_equal(buf.data, "start012", 8);
    assert_null(strstr(buf.data, "ignored"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_add_up),
        cmocka_unit_test(growth_keeps_the_bytes),
        cmocka_unit_test(limit_is_exact_and_failure_sticks),
        cmocka_unit_test(reserved_room_is_the_callers),
        cmocka_unit_test(taken_bytes_leave_the_buffer),
        cmocka_unit_test(refused_memory_sticks_and_keeps_what_was_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
