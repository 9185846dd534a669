#include <xxhash.h>

#include "store/store.h"

/* XXH64 as published: its results are fixed for all versions and machines. */
uint32_t store_partition(int64_t tenant, struct str key)
{
    return (uint32_t)(XXH64(key.data, key.size, (XXH64_hash_t)tenant) % STORE_PARTITIONS);
}
