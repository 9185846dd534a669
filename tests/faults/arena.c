/* In place of base/arena.c where calls are let fail (arena_made.c stays): each thing is an allocation of its
 * own, so that each can be refused, and what writes beyond its end is seen by AddressSanitizer. */
#include "base/arena.h"

#include "base/limits.h"
#include "base/memory.h"

struct arena_chunk {
    struct arena_chunk *older;
    size_t size;
};

struct arena_deferred {
    struct arena_deferred *older;
    void (*release)(void *object);
    void *object;
};

void arena_init(struct arena *arena, size_t bytes_max)
{
    *arena = (struct arena){ .bytes_max = bytes_max };
}

enum err arena_defer(struct arena *arena, void (*release)(void *object), void *object, struct err_info *why)
{
    struct arena_deferred *deferred = ARENA_NEW(arena, struct arena_deferred);
    if (deferred == NULL)
        return err_memory(why);
    *deferred = (struct arena_deferred){ arena->deferred, release, object };
    arena->deferred = deferred;
    return ERR_OK;
}

void arena_done(struct arena *arena)
{
    while (arena->deferred != NULL) {
        struct arena_deferred *deferred = arena->deferred;
        arena->deferred = deferred->older;
        deferred->release(deferred->object);
    }
    while (arena->chunk != NULL) {
        struct arena_chunk *older = arena->chunk->older;
        memory_free(arena->chunk);
        arena->chunk = older;
    }
    arena_init(arena, arena->bytes_max);
}

void arena_cleanup(struct arena *arena)
{
    arena_done(arena);
}

bool arena_adopt(struct arena *into, struct arena *from)
{
    size_t max = into->bytes_max ? into->bytes_max : ARENA_BYTES_MAX_DEFAULT;
    struct arena_chunk **oldest = &from->chunk;
    struct arena_deferred **first = &from->deferred;
    if (from->bytes_held > max || into->bytes_held > max - from->bytes_held)
        return false;
    while (*oldest != NULL)
        oldest = &(*oldest)->older;
    while (*first != NULL)
        first = &(*first)->older;
    *oldest = into->chunk;
    *first = into->deferred;
    into->chunk = from->chunk;
    into->deferred = from->deferred;
    into->bytes_held += from->bytes_held;
    arena_init(from, from->bytes_max);
    return true;
}

void arena_reset(struct arena *arena)
{
    arena_done(arena);
}

void *arena_alloc_slow(struct arena *arena, size_t size)
{
    size_t max = arena->bytes_max ? arena->bytes_max : ARENA_BYTES_MAX_DEFAULT;
    if (size > max || arena->bytes_held > max - size)
        return NULL;
    struct arena_chunk *chunk = memory_alloc(sizeof *chunk + (size ? size : 1));
    if (chunk == NULL)
        return NULL;
    *chunk = (struct arena_chunk){ arena->chunk, size };
    arena->chunk = chunk;
    arena->bytes_held += size;
    return chunk + 1;
}

char *arena_bytes_slow(struct arena *arena, size_t size)
{
    return arena_alloc_slow(arena, size);
}
