#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Here are the functions themselves. */
#undef err_set
#undef err_named
#undef err_at
#undef err_errno
#undef err_memory

static const char *const words[ERR_COUNT] = {
    [ERR_OK] = "ok",
    [ERR_INVALID] = "invalid",
    [ERR_NOT_FOUND] = "not_found",
    [ERR_CONFLICT] = "conflict",
    [ERR_LIMIT] = "limit",
    [ERR_DENIED] = "denied",
    [ERR_TIMEOUT] = "timeout",
    [ERR_UNAVAILABLE] = "unavailable",
    [ERR_FULL] = "full",
    [ERR_IO] = "io",
    [ERR_MEMORY] = "memory",
    [ERR_CANCELLED] = "cancelled",
    [ERR_INTERNAL] = "internal",
};

const char *err_word(enum err code)
{
    return (unsigned)code < ERR_COUNT ? words[code] : "internal";
}

/* A cut inside a UTF-8 sequence would make the whole text invalid: drop the piece. */
static size_t whole_characters(const char *text, size_t size)
{
    size_t back = 0;
    while (back < size && back < 3 && ((unsigned char)text[size - 1 - back] & 0xc0) == 0x80)
        back++;
    if (back == size)
        return size;
    unsigned char lead = (unsigned char)text[size - 1 - back];
    size_t need = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
    return need > back ? size - 1 - back : size;
}

static PRINTF_LIKE(2, 0) void fill_text(struct err_info *why, const char *format, va_list arguments)
{
    int written = vsnprintf(why->text, sizeof why->text, format, arguments);
    size_t size = written < 0 ? 0 : (size_t)written;
    if (size >= sizeof why->text)
        size = whole_characters(why->text, sizeof why->text - 1);
    why->text[size] = '\0';
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)why->text[i];
        if (byte < 0x20 || byte == 0x7f)
            why->text[i] = '?';
    }
}

static PRINTF_LIKE(6, 0) enum err fill(struct err_info *why, enum err code, const char *name, uint32_t line,
    uint32_t column, const char *format, va_list arguments)
{
    if (why == NULL)
        return code;
    why->code = code;
    why->name = name;
    why->line = line;
    why->column = column;
    fill_text(why, format, arguments);
    return code;
}

enum err err_set(struct err_info *why, enum err code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    enum err ret = fill(why, code, NULL, 0, 0, format, arguments);
    va_end(arguments);
    return ret;
}

enum err err_named(struct err_info *why, enum err code, const char *name, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    enum err ret = fill(why, code, name, 0, 0, format, arguments);
    va_end(arguments);
    return ret;
}

enum err err_at(struct err_info *why, enum err code, const char *name, uint32_t line, uint32_t column,
    const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    enum err ret = fill(why, code, name, line, column, format, arguments);
    va_end(arguments);
    return ret;
}

static enum err code_of_errno(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT: return ERR_FULL;
    case ENOMEM: return ERR_MEMORY;
    default: return ERR_IO;
    }
}

enum err err_errno(struct err_info *why, int number, const char *doing)
{
    char text[128];
    return err_set(why, code_of_errno(number), "%s: %s", doing, strerror_r(number, text, sizeof text));
}

enum err err_memory(struct err_info *why)
{
    return err_named(why, ERR_MEMORY, "memory", "out of memory");
}
