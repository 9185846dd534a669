#include "engine/run.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"
#include "engine/registry.h"

#define COMPACT_BYTES_MIN ((size_t)256 * KIB)

enum err run_new(int64_t tenant, struct id id, struct run **ret, struct err_info *why)
{
    struct run *run = memory_alloc(sizeof(*run));
    if (!run)
        return err_memory(why);
    memset(run, 0, sizeof(*run));
    /* Above RUN_BYTES_MAX so that the interpreter sees the limit before the allocator does. */
    arena_init(&run->arena, 3 * RUN_BYTES_MAX);
    run->id = id;
    run->tenant = tenant;
    run->status = RUN_RUNNING;
    run->next_frame = 1;
    run->names_version = 1;
    *ret = run;
    return ERR_OK;
}

void run_free(struct run *run)
{
    if (!run)
        return;
    playbook_version_release(run->version);
    arena_done(&run->arena);
    memory_free(run);
}

uint32_t run_frame_index(const struct run *run, uint32_t id)
{
    uint32_t low = 0, high = run->frame_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (run->frames[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct frame *run_find_frame(const struct run *run, uint32_t id)
{
    uint32_t at = run_frame_index(run, id);
    return at < run->frame_count && run->frames[at]->id == id ? run->frames[at] : NULL;
}

struct frame *run_next_child(const struct run *run, uint32_t parent, uint32_t after)
{
    for (uint32_t i = run_frame_index(run, after + 1); i < run->frame_count; i++) {
        if (run->frames[i]->parent == parent)
            return run->frames[i];
    }
    return NULL;
}

struct scope *run_scope(const struct run *run, const struct frame *frame, uint32_t kind, uint32_t *ret_frame)
{
    for (; frame; frame = run_find_frame(run, frame->parent)) {
        if (frame->flags & kind && frame->scope) {
            *ret_frame = frame->id;
            return frame->scope;
        }
    }
    *ret_frame = 0;
    return (struct scope *)(uintptr_t)&run->scope;
}

struct value run_handled_error(const struct run *run, const struct frame *frame)
{
    for (; frame; frame = run_find_frame(run, frame->parent)) {
        if (frame->kind != FRAME_BLOCK ||
            (frame->part != PART_CATCH && frame->part != PART_FINALLY && frame->part != PART_ERROR))
            continue;
        const struct frame *owner = run_find_frame(run, frame->parent);
        if (owner && !value_is(owner->error, VALUE_NULL))
            return owner->error;
    }
    return run->error;
}

uint32_t scope_result_index(const struct scope *scope, uint32_t step)
{
    uint32_t low = 0, high = scope->result_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (scope->results[middle].step < step)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int64_t run_timeout_us(const struct run *run)
{
    return run->playbook->timeout_us > 0 ? run->playbook->timeout_us : RUN_SECONDS_MAX * US_PER_S;
}

bool run_wants_compaction(const struct run *run)
{
    size_t floor = run->live_bytes > COMPACT_BYTES_MIN ? run->live_bytes : COMPACT_BYTES_MIN;
    return run->arena.bytes_held > 2 * floor;
}
