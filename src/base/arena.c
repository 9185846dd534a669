#include "base/arena.h"

#include <assert.h>

#include "base/limits.h"
#include "base/memory.h"

#define CHUNK_BYTES_FIRST ((size_t)4096)
#define CHUNK_BYTES_LARGEST ((size_t)1 << 20)

struct arena_chunk {
    struct arena_chunk *older;
    size_t size; /* with this header */
};

struct arena_deferred {
    struct arena_deferred *older;
    void (*release)(void *object);
    void *object;
};

static_assert(sizeof(struct arena_chunk) % 16 == 0, "what follows the header must be aligned");

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

static void release_deferred(struct arena *arena)
{
    while (arena->deferred != NULL) {
        struct arena_deferred *deferred = arena->deferred;
        arena->deferred = deferred->older;
        deferred->release(deferred->object);
    }
}

void arena_done(struct arena *arena)
{
    release_deferred(arena);
    struct arena_chunk *chunk = arena->chunk;
    while (chunk != NULL) {
        struct arena_chunk *older = chunk->older;
        memory_free(chunk);
        chunk = older;
    }
    arena_init(arena, arena->bytes_max);
}

void arena_cleanup(struct arena *arena)
{
    arena_done(arena);
}

void arena_reset(struct arena *arena)
{
    struct arena_chunk *kept = arena->chunk;
    if (kept == NULL)
        return;
    release_deferred(arena);
    arena->chunk = kept->older;
    arena_done(arena);
    kept->older = NULL;
    arena->chunk = kept;
    arena->bytes_held = kept->size;
    arena->next = (char *)(kept + 1);
    arena->end = (char *)kept + kept->size;
}

static size_t bytes_left(const struct arena *arena)
{
    size_t max = arena->bytes_max ? arena->bytes_max : ARENA_BYTES_MAX_DEFAULT;
    return max > arena->bytes_held ? max - arena->bytes_held : 0;
}

static struct arena_chunk *chunk_new(struct arena *arena, size_t size)
{
    if (size > bytes_left(arena))
        return NULL;
    struct arena_chunk *chunk = memory_alloc(size);
    if (chunk == NULL)
        return NULL;
    chunk->size = size;
    arena->bytes_held += size;
    return chunk;
}

/* Behind the newest chunk of `into`, whose rest stays in use. */
static void splice_chunks(struct arena *into, struct arena *from)
{
    struct arena_chunk *oldest = from->chunk;
    while (oldest->older != NULL)
        oldest = oldest->older;
    if (into->chunk == NULL) {
        into->chunk = from->chunk;
        into->next = from->next;
        into->end = from->end;
    } else {
        oldest->older = into->chunk->older;
        into->chunk->older = from->chunk;
    }
    into->bytes_held += from->bytes_held;
}

bool arena_adopt(struct arena *into, struct arena *from)
{
    if (from->chunk == NULL)
        return true;
    if (from->bytes_held > bytes_left(into))
        return false;
    splice_chunks(into, from);
    struct arena_deferred **oldest = &from->deferred;
    while (*oldest != NULL)
        oldest = &(*oldest)->older;
    *oldest = into->deferred;
    into->deferred = from->deferred;
    arena_init(from, from->bytes_max);
    return true;
}

/* Chunks double, so that a large tree costs few calls and a small one little memory. */
static size_t next_chunk_size(const struct arena *arena)
{
    size_t size = arena->bytes_held < CHUNK_BYTES_FIRST ? CHUNK_BYTES_FIRST : arena->bytes_held;
    if (size > CHUNK_BYTES_LARGEST)
        size = CHUNK_BYTES_LARGEST;
    size_t left = bytes_left(arena) & ~(ARENA_ALIGNMENT - 1);
    return size < left ? size : left;
}

/* A chunk of its own behind the newest, whose rest stays in use. */
static void *alloc_apart(struct arena *arena, size_t size)
{
    struct arena_chunk *chunk = chunk_new(arena, size + sizeof *chunk);
    if (chunk == NULL)
        return NULL;
    if (arena->chunk == NULL) {
        chunk->older = NULL;
        arena->chunk = chunk;
        arena->next = arena->end = (char *)chunk + chunk->size;
    } else {
        chunk->older = arena->chunk->older;
        arena->chunk->older = chunk;
    }
    return chunk + 1;
}

void *arena_alloc_slow(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size_t rounded = (size + (size == 0) + (ARENA_ALIGNMENT - 1)) & ~(ARENA_ALIGNMENT - 1);
    size_t chunk_size = next_chunk_size(arena);
    if (rounded > chunk_size / 4)
        return alloc_apart(arena, rounded);
    struct arena_chunk *chunk = chunk_new(arena, chunk_size);
    if (chunk == NULL)
        return NULL;
    chunk->older = arena->chunk;
    arena->chunk = chunk;
    arena->next = (char *)(chunk + 1) + rounded;
    arena->end = (char *)chunk + chunk->size;
    return chunk + 1;
}

char *arena_bytes_slow(struct arena *arena, size_t size)
{
    return arena_alloc_slow(arena, size);
}
