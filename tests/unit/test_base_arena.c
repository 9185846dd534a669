#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "memory_faults.h"

static void objects_are_aligned_and_do_not_overlap(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct {
        unsigned char *at;
        size_t size;
    } given[600];
    for (size_t i = 0; i < 600; i++) {
        size_t size = i % 7 == 0 ? i * 31 : i % 40;
        bool is_aligned = i % 3 != 0;
        given[i].at = is_aligned ? arena_alloc(&arena, size) : (void *)arena_bytes(&arena, size);
        given[i].size = size;
        assert_non_null(given[i].at);
        if (is_aligned)
            assert_int_equal((uintptr_t)given[i].at % ARENA_ALIGNMENT, 0);
        memset(given[i].at, (int)(i & 0xff), size);
    }
    for (size_t i = 0; i < 600; i++)
        for (size_t byte = 0; byte < given[i].size; byte++)
            assert_int_equal(given[i].at[byte], i & 0xff);
}

static void limit_holds_and_the_arena_stays_good(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 10000);
    size_t got = 0;
    while (arena_alloc(&arena, 100) != NULL)
        got += 100;
    assert_true(got > 5000 && got <= 10000);
    assert_true(arena.bytes_held <= 10000);
    assert_null(arena_alloc(&arena, 20000));
    assert_null(arena_bytes(&arena, 20000));
    arena_reset(&arena);
    assert_non_null(arena_alloc(&arena, 100));
    arena_done(&arena);
    assert_non_null(arena_alloc(&arena, 100));
    arena_done(&arena);
}

static void note_release(void *object)
{
    (*(int *)object)++;
}

static void what_is_adopted_lives_as_long_as_its_new_arena(void **state)
{
    (void)state;
    for (int has_own = 0; has_own < 2; has_own++) {
        AUTO(arena) struct arena into = { 0 };
        struct arena from = { 0 };
        struct str small = { 0 }, large = { 0 }, own = { 0 };
        char bytes[20000];
        int released = 0;
        memset(bytes, 'x', sizeof bytes);
        if (has_own)
            assert_int_equal(arena_str(&into, STR("own"), &own, NULL), ERR_OK);
        assert_int_equal(arena_str(&from, STR("small"), &small, NULL), ERR_OK);
        assert_int_equal(arena_str(&from, (struct str){ bytes, sizeof bytes }, &large, NULL), ERR_OK);
        assert_int_equal(arena_defer(&from, note_release, &released, NULL), ERR_OK);
        size_t held = into.bytes_held + from.bytes_held;
        assert_true(arena_adopt(&into, &from));
        assert_int_equal(into.bytes_held, held);
        assert_int_equal(from.bytes_held, 0);
        assert_non_null(arena_alloc(&from, 100)); /* it is as good as new */
        arena_done(&from);
        assert_int_equal(released, 0);
        assert_non_null(arena_alloc(&into, 5000));
        assert_true(str_equal(small, STR("small")));
        assert_memory_equal(large.data, bytes, sizeof bytes);
        assert_true(!has_own || str_equal(own, STR("own")));
        arena_done(&into);
        assert_int_equal(released, 1);
    }
}

static void an_arena_adopts_no_more_than_its_limit(void **state)
{
    (void)state;
    AUTO(arena) struct arena from = { 0 };
    struct arena into;
    arena_init(&into, 10000);
    char *kept = arena_alloc(&from, 20000);
    assert_non_null(kept);
    assert_false(arena_adopt(&into, &from));
    memset(kept, 1, 20000);
    assert_int_equal(into.bytes_held, 0);
    struct arena empty = { 0 };
    assert_true(arena_adopt(&into, &empty));
    arena_done(&into);
}

static void sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_alloc(&arena, SIZE_MAX - 15));
    assert_null(arena_bytes(&arena, SIZE_MAX));
    assert_null(arena_array(&arena, SIZE_MAX / 2, 4));
    assert_null(arena_zalloc(&arena, SIZE_MAX / 2 + 2));
    assert_non_null(arena_array(&arena, 0, 16));
}

static void reset_keeps_one_chunk_for_reuse(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    arena_reset(&arena);
    assert_non_null(arena_alloc(&arena, 10));
    void *first = arena.chunk;
    for (int i = 0; i < 100; i++) {
        assert_non_null(arena_alloc(&arena, 500));
        arena_reset(&arena);
        assert_ptr_equal(arena.chunk, first);
    }
    /* Objects too large for a chunk go when it is reset. */
    assert_non_null(arena_alloc(&arena, 100000));
    assert_true(arena.bytes_held > 100000);
    arena_reset(&arena);
    assert_true(arena.bytes_held < 10000);
}

static void large_object_first_is_good(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    char *large = arena_alloc(&arena, 1 << 20);
    assert_non_null(large);
    memset(large, 1, 1 << 20);
    char *small = arena_alloc(&arena, 16);
    assert_non_null(small);
    assert_true(small + 16 <= large || small >= large + (1 << 20));
    arena_reset(&arena);
    assert_non_null(arena_alloc(&arena, 1 << 19));
}

static void texts_are_copied_with_an_end(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct str copy;
    assert_int_equal(arena_str(&arena, STR("a\0b"), &copy, NULL), ERR_OK);
    assert_int_equal(copy.size, 3);
    assert_memory_equal(copy.data, "a\0b", 4);
    assert_int_equal(arena_str(&arena, (struct str){ NULL, 0 }, &copy, NULL), ERR_OK);
    assert_string_equal(copy.data, "");
    assert_int_equal(arena_printf(&arena, &copy, NULL, "%s-%d", "x", 7), ERR_OK);
    assert_string_equal(copy.data, "x-7");
    assert_int_equal(copy.size, 3);
}

static void refused_memory_is_an_error_and_no_more(void **state)
{
    (void)state;
    AUTO(arena) struct arena arena = { 0 };
    struct str copy = STR("untouched");
    struct err_info why = { 0 };
    memory_faults_left = 0;
    assert_null(arena_alloc(&arena, 8));
    assert_null(arena_zalloc(&arena, 100000));
    assert_int_equal(arena_str(&arena, STR("x"), &copy, &why), ERR_MEMORY);
    assert_int_equal(arena_printf(&arena, &copy, &why, "%d", 1), ERR_MEMORY);
    assert_int_equal(why.code, ERR_MEMORY);
    assert_string_equal(copy.data, "untouched");
    memory_faults_left = -1;
    assert_int_equal(arena_str(&arena, STR("x"), &copy, &why), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_aligned_and_do_not_overlap),
        cmocka_unit_test(limit_holds_and_the_arena_stays_good),
        cmocka_unit_test(what_is_adopted_lives_as_long_as_its_new_arena),
        cmocka_unit_test(an_arena_adopts_no_more_than_its_limit),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(reset_keeps_one_chunk_for_reuse),
        cmocka_unit_test(large_object_first_is_good),
        cmocka_unit_test(texts_are_copied_with_an_end),
        cmocka_unit_test(refused_memory_is_an_error_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
