/* What is made in an arena: all that needs no knowledge of its chunks. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"

void *arena_zalloc(struct arena *arena, size_t size)
{
    void *given = arena_alloc(arena, size);
    if (given != NULL)
        memset(given, 0, size);
    return given;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total))
        return NULL;
    return arena_alloc(arena, total);
}

enum err arena_str(struct arena *arena, struct str s, struct str *ret, struct err_info *why)
{
    char *copy = s.size < SIZE_MAX ? arena_bytes(arena, s.size + 1) : NULL;
    if (copy == NULL)
        return err_memory(why);
    if (s.size > 0)
        memcpy(copy, s.data, s.size);
    copy[s.size] = '\0';
    *ret = (struct str){ copy, s.size };
    return ERR_OK;
}

enum err arena_printf(struct arena *arena, struct str *ret, struct err_info *why, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = size < 0 ? NULL : arena_bytes(arena, (size_t)size + 1);
    if (text != NULL)
        (void)vsnprintf(text, (size_t)size + 1, format, again); /* its size is known to fit */
    va_end(again);
    if (size < 0)
        return err_set(why, ERR_INTERNAL, "a format could not be printed");
    if (text == NULL)
        return err_memory(why);
    *ret = (struct str){ text, (size_t)size };
    return ERR_OK;
}
