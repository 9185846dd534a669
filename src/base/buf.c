#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/memory.h"

#define BUF_ROOM_FIRST ((size_t)128)

void buf_init(struct buf *buf, size_t bytes_max)
{
    *buf = (struct buf){ .bytes_max = bytes_max };
}

void buf_done(struct buf *buf)
{
    memory_free(buf->data);
    buf_init(buf, buf->bytes_max);
}

void buf_cleanup(struct buf *buf)
{
    buf_done(buf);
}

void buf_clear(struct buf *buf)
{
    buf->size = 0;
    buf->failed = ERR_OK;
    if (buf->data != NULL)
        buf->data[0] = '\0';
}

static size_t limit_of(const struct buf *buf)
{
    return buf->bytes_max ? buf->bytes_max : BUF_BYTES_MAX_DEFAULT;
}

/* Makes room for `size` more bytes and the '\0'. */
static bool grow(struct buf *buf, size_t size)
{
    size_t limit = limit_of(buf);
    if (size > limit || buf->size > limit - size) {
        buf->failed = ERR_LIMIT;
        return false;
    }
    size_t need = buf->size + size + 1;
    size_t room = buf->room < BUF_ROOM_FIRST ? BUF_ROOM_FIRST : buf->room * 2;
    if (room > limit + 1)
        room = limit + 1;
    if (room < need)
        room = need;
    char *data = memory_realloc(buf->data, room);
    if (data == NULL) {
        buf->failed = ERR_MEMORY;
        return false;
    }
    buf->data = data;
    buf->room = room;
    return true;
}

char *buf_reserve_slow(struct buf *buf, size_t size)
{
    if (buf->failed != ERR_OK || !grow(buf, size))
        return NULL;
    return buf->data + buf->size;
}

void buf_add(struct buf *buf, struct str s)
{
    char *end = buf_reserve(buf, s.size);
    if (end == NULL)
        return;
    if (s.size > 0)
        memcpy(end, s.data, s.size);
    buf->size += s.size;
    buf->data[buf->size] = '\0';
}

void buf_add_text(struct buf *buf, const char *text)
{
    buf_add(buf, str_of(text));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *end = size < 0 ? NULL : buf_reserve(buf, (size_t)size);
    if (end != NULL) {
        (void)vsnprintf(end, (size_t)size + 1, format, again); /* its size is known to fit */
        buf->size += (size_t)size;
    }
    if (size < 0)
        buf->failed = ERR_INTERNAL;
    va_end(again);
}

void buf_add_uint(struct buf *buf, uint64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    buf_add(buf, (struct str){ digits + at, sizeof digits - at });
}

void buf_add_int(struct buf *buf, int64_t number)
{
    if (number < 0)
        buf_add_byte(buf, '-');
    buf_add_uint(buf, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

struct str buf_str(const struct buf *buf)
{
    return (struct str){ buf->data ? buf->data : "", buf->size };
}

enum err buf_check(const struct buf *buf, struct err_info *why)
{
    switch (buf->failed) {
    case ERR_OK: return ERR_OK;
    case ERR_LIMIT:
        return err_named(why, ERR_LIMIT, "buf_bytes_max", "more than %zu bytes of output, or nested too deep",
            limit_of(buf));
    case ERR_MEMORY: return err_memory(why);
    default: return err_set(why, buf->failed, "output could not be written");
    }
}

char *buf_take(struct buf *buf, size_t *ret_size)
{
    char *data = buf->data;
    *ret_size = buf->size;
    buf_init(buf, buf->bytes_max);
    return data;
}
