/* Hashing of values with a seed, inside base only: map indexes need one that outsiders can't know. */
#ifndef TOCSIN_BASE_VALUE_HASH_H
#define TOCSIN_BASE_VALUE_HASH_H

#include "base/value.h"

/* Equal values (value_equal) hash alike under one seed. */
uint64_t value_hash_seeded(struct value v, uint64_t seed);

#endif
