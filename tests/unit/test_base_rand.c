#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/rand.h"

static void one_seed_gives_one_sequence(void **state)
{
    (void)state;
    struct rand_seeded a, b, other;
    rand_seeded_init(&a, 42);
    rand_seeded_init(&b, 42);
    rand_seeded_init(&other, 43);
    int same = 0;
    for (int i = 0; i < 1000; i++) {
        uint64_t word = rand_u64(&a.rand);
        assert_true(word == rand_u64(&b.rand));
        same += word == rand_u64(&other.rand);
    }
    assert_int_equal(same, 0);
}

/* A recorded run must replay in any later version. */
static void seed_zero_gives_these_words_for_ever(void **state)
{
    (void)state;
    struct rand_seeded chance;
    rand_seeded_init(&chance, 0);
    assert_true(rand_u64(&chance.rand) == UINT64_C(0x99ec5f36cb75f2b4));
    assert_true(rand_u64(&chance.rand) == UINT64_C(0xbf6e1f784956452a));
}

static void fills_of_any_size_stay_in_bounds(void **state)
{
    (void)state;
    struct rand_seeded chance;
    rand_seeded_init(&chance, 1);
    struct rand *sources[] = { &chance.rand, rand_system() };
    for (size_t s = 0; s < 2; s++) {
        for (size_t size = 0; size < 40; size++) {
            unsigned char bytes[42] = { 0 };
            rand_fill(sources[s], bytes + 1, size);
            assert_int_equal(bytes[0], 0);
            assert_int_equal(bytes[size + 1], 0);
        }
    }
}

static void system_chance_differs(void **state)
{
    (void)state;
    uint64_t a[2], b[2];
    rand_fill(rand_system(), a, sizeof a);
    rand_fill(rand_system(), b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
}

static void numbers_below_a_bound_are_spread_evenly(void **state)
{
    (void)state;
    struct rand_seeded chance;
    rand_seeded_init(&chance, 9);
    int counts[7] = { 0 };
    for (int i = 0; i < 70000; i++) {
        uint64_t number = rand_below(&chance.rand, 7);
        assert_true(number < 7);
        counts[number]++;
    }
    for (int i = 0; i < 7; i++)
        assert_in_range(counts[i], 9500, 10500);
    assert_int_equal(rand_below(&chance.rand, 1), 0);
    for (int i = 0; i < 1000; i++)
        assert_true(rand_below(&chance.rand, (UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_seed_gives_one_sequence),
        cmocka_unit_test(seed_zero_gives_these_words_for_ever),
        cmocka_unit_test(fills_of_any_size_stay_in_bounds),
        cmocka_unit_test(system_chance_differs),
        cmocka_unit_test(numbers_below_a_bound_are_spread_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
