/* The beginning of a run: its inputs, its concurrency key, its first record. */
#ifndef TOCSIN_ENGINE_START_H
#define TOCSIN_ENGINE_START_H

#include "engine/registry.h"
#include "engine/run.h"

/* Fills `creation->inputs` from `given` (a map or null) and the defaults, checks their types, and evaluates
 * the concurrency key. What is wrong with them becomes `creation->error`: the run starts and fails with it.
 * ERR_MEMORY only. Values live in `arena`, and may share memory with event, alert, case and `given`. */
FALLIBLE start_inputs(const struct playbook_version *version, struct value given, struct creation *creation,
    struct instant now, struct arena *arena, struct err_info *why);
/* The bytes under which runs with the same key meet; empty when there is none. */
FALLIBLE start_key(struct value key, struct arena *arena, struct str *ret, struct err_info *why);
/* Appends the head of a first record: OP_CREATE, with what the playbook reads of event, alert and case. */
FALLIBLE start_record(const struct playbook_version *version, const struct creation *creation,
    struct instant now, struct buf *record, struct err_info *why);
/* A run in memory that has had its creation applied. Copies what it needs. */
FALLIBLE start_run(int64_t tenant, struct id id, struct playbook_version *version,
    const struct creation *creation, struct instant now, struct run **ret, struct err_info *why);
/* An id whose run lives on shard `shard` of `shard_count`. */
struct id start_id(struct clock *clock, struct rand *rand, unsigned shard, unsigned shard_count);
static inline unsigned run_shard(struct id id, unsigned shard_count)
{
    return id.bytes[15] % shard_count;
}

#endif
