#include "base/rand.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static void system_fill(struct rand *rand, void *bytes, size_t size)
{
    (void)rand;
    char *at = bytes;
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            /* Keys and identifiers without chance would be worse than no server. */
            perror("getrandom");
            abort();
        }
        at += got;
        size -= (size_t)got;
    }
}

struct rand *rand_system(void)
{
    /* Nobody writes to it: the type is not const only because other sources have state. */
    static struct rand system_rand = { system_fill };
    return &system_rand;
}

static uint64_t rotate_left(uint64_t bits, int by)
{
    return (bits << by) | (bits >> (64 - by));
}

/* xoshiro256** 1.0 by Blackman and Vigna (public domain). */
static uint64_t seeded_next(uint64_t state[4])
{
    uint64_t ret = rotate_left(state[1] * 5, 7) * 9;
    uint64_t shifted = state[1] << 17;
    state[2] ^= state[0];
    state[3] ^= state[1];
    state[1] ^= state[2];
    state[0] ^= state[3];
    state[2] ^= shifted;
    state[3] = rotate_left(state[3], 45);
    return ret;
}

static void seeded_fill(struct rand *rand, void *bytes, size_t size)
{
    struct rand_seeded *seeded = (struct rand_seeded *)((char *)rand - offsetof(struct rand_seeded, rand));
    char *at = bytes;
    while (size > 0) {
        uint64_t word = seeded_next(seeded->state);
        size_t part = size < sizeof word ? size : sizeof word;
        memcpy(at, &word, part);
        at += part;
        size -= part;
    }
}

void rand_seeded_init(struct rand_seeded *seeded, uint64_t seed)
{
    seeded->rand = (struct rand){ seeded_fill };
    for (int i = 0; i < 4; i++) {
        /* splitmix64, as the generator's authors ask for seeding. */
        seed += UINT64_C(0x9e3779b97f4a7c15);
        uint64_t mixed = (seed ^ (seed >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94d049bb133111eb);
        seeded->state[i] = mixed ^ (mixed >> 31);
    }
}

uint64_t rand_u64(struct rand *rand)
{
    uint64_t word;
    rand_fill(rand, &word, sizeof word);
    return word;
}

uint64_t rand_below(struct rand *rand, uint64_t bound)
{
    assert(bound > 0);
    /* The low 2^64 mod bound words would make some results likelier: draw again. */
    uint64_t unfair = (0 - bound) % bound;
    uint64_t word;
    do
        word = rand_u64(rand);
    while (word < unfair);
    return word % bound;
}
