/* Chance comes from here: the kernel's in the server, a seed's in tests and the simulator. */
#ifndef TOCSIN_BASE_RAND_H
#define TOCSIN_BASE_RAND_H

#include <stddef.h>
#include <stdint.h>

struct rand {
    void (*fill)(struct rand *rand, void *bytes, size_t size);
};

/* getrandom(2); thread-safe, stateless. */
struct rand *rand_system(void);

/* xoshiro256** from one seed; one thread. */
struct rand_seeded {
    struct rand rand;
    uint64_t state[4];
};
void rand_seeded_init(struct rand_seeded *seeded, uint64_t seed);

static inline void rand_fill(struct rand *rand, void *bytes, size_t size)
{
    rand->fill(rand, bytes, size);
}
uint64_t rand_u64(struct rand *rand);
uint64_t rand_below(struct rand *rand, uint64_t bound); /* 0 … bound-1, unbiased; bound > 0 */

#endif
