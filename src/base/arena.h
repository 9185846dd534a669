/* An arena: memory that lives and dies together. Ask first how long a thing lives (boot, playbook
 * version, run, step, request, evaluation), take that arena as a parameter, free nothing in it.
 *
 * Not thread-safe: an arena has one owner at a time. An allocation beyond `bytes_max`, or one that
 * malloc refuses, returns NULL; the arena stays good. */
#ifndef TOCSIN_BASE_ARENA_H
#define TOCSIN_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

struct arena_chunk;
struct arena_deferred;

struct arena {
    struct arena_chunk *chunk; /* the newest; NULL before the first allocation */
    char *next; /* aligned objects grow up from here */
    char *end; /* bytes without alignment grow down from here */
    size_t bytes_held; /* taken from malloc */
    size_t bytes_max; /* of bytes_held; 0 means ARENA_BYTES_MAX_DEFAULT */
    struct arena_deferred *deferred; /* newest first */
};

/* `struct arena a = { 0 };` is a good arena too. */
void arena_init(struct arena *arena, size_t bytes_max);
/* Frees everything; the arena may be used again. */
void arena_done(struct arena *arena);
void arena_cleanup(struct arena *arena);
/* Forgets everything given out but keeps the newest chunk, for reuse in a loop. */
void arena_reset(struct arena *arena);

/* Moves all that `from` holds: what was allocated in it lives as long as `into` from then on. `from` is empty
 * and may be used again. False, and nothing has moved, when it is more than `into` may hold. */
bool arena_adopt(struct arena *into, struct arena *from) __attribute__((warn_unused_result));

/* Calls `release(object)` when the arena is done or reset: for what an arena's objects hold outside of
 * it, such as a compiled regular expression. The newest is released first. */
FALLIBLE arena_defer(struct arena *arena, void (*release)(void *object), void *object, struct err_info *why);

/* The rest of arena_alloc and arena_bytes, when the chunk is full. */
void *arena_alloc_slow(struct arena *arena, size_t size) __attribute__((malloc, warn_unused_result, cold));
char *arena_bytes_slow(struct arena *arena, size_t size) __attribute__((malloc, warn_unused_result, cold));

#define ARENA_ALIGNMENT ((size_t)16)

/* Aligned to 16 bytes; not cleared. NULL when there is no memory or the limit is reached. */
static inline __attribute__((malloc, warn_unused_result)) void *arena_alloc(struct arena *arena, size_t size)
{
    size_t rounded = (size + (size == 0) + (ARENA_ALIGNMENT - 1)) & ~(ARENA_ALIGNMENT - 1);
    if (rounded < size || rounded > (size_t)(arena->end - arena->next))
        return arena_alloc_slow(arena, size);
    char *given = arena->next;
    arena->next += rounded;
    return given;
}

/* Bytes without alignment. */
static inline __attribute__((malloc, warn_unused_result)) char *arena_bytes(struct arena *arena, size_t size)
{
    if (size >= (size_t)(arena->end - arena->next))
        return arena_bytes_slow(arena, size);
    arena->end -= size;
    return arena->end;
}

void *arena_zalloc(struct arena *arena, size_t size) __attribute__((malloc, warn_unused_result));
/* count * size with an overflow check. */
void *arena_array(struct arena *arena, size_t count, size_t size) __attribute__((warn_unused_result));

#define ARENA_NEW(arena, type) ((type *)arena_zalloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, count, type) ((type *)arena_array((arena), (count), sizeof(type)))

/* Copies; the copy has a '\0' after it that its size does not count. */
FALLIBLE arena_str(struct arena *arena, struct str s, struct str *ret, struct err_info *why);
FALLIBLE arena_printf(struct arena *arena, struct str *ret, struct err_info *why, const char *format, ...)
    PRINTF_LIKE(4, 5);

#endif
