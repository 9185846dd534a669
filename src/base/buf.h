/* A growing byte buffer with a limit. Failure is sticky: after one failed append all later ones do
 * nothing, and buf_check tells once at the end. Holds a '\0' behind its bytes. */
#ifndef TOCSIN_BASE_BUF_H
#define TOCSIN_BASE_BUF_H

#include "base/err.h"
#include "base/str.h"

struct buf {
    char *data;
    size_t size; /* bytes in use */
    size_t room; /* bytes allocated */
    size_t bytes_max; /* 0 means BUF_BYTES_MAX_DEFAULT */
    enum err failed;
};

void buf_init(struct buf *buf, size_t bytes_max); /* `{ 0 }` is good too */
void buf_done(struct buf *buf);
void buf_cleanup(struct buf *buf);
void buf_clear(struct buf *buf); /* empties, keeps the memory, forgets a failure */

/* The rest of buf_reserve, when there is no room yet. */
char *buf_reserve_slow(struct buf *buf, size_t size) __attribute__((cold));
/* Room for `size` bytes and a '\0' at the end, or NULL; the caller writes them and adds to buf->size
 * itself. */
static inline char *buf_reserve(struct buf *buf, size_t size)
{
    if (buf->failed != ERR_OK || buf->room - buf->size <= size)
        return buf_reserve_slow(buf, size);
    return buf->data + buf->size;
}

void buf_add(struct buf *buf, struct str s);
void buf_add_text(struct buf *buf, const char *text);
static inline void buf_add_byte(struct buf *buf, char byte)
{
    char *end = buf_reserve(buf, 1);
    if (end == NULL)
        return;
    end[0] = byte;
    end[1] = '\0';
    buf->size++;
}
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_add_int(struct buf *buf, int64_t number);
void buf_add_uint(struct buf *buf, uint64_t number);

struct str buf_str(const struct buf *buf); /* borrowed until the next append */
/* ERR_OK, or what made an append fail (ERR_MEMORY, ERR_LIMIT). */
FALLIBLE buf_check(const struct buf *buf, struct err_info *why);
/* The bytes leave the buffer, which is empty afterwards; the caller frees them with free(). */
char *buf_take(struct buf *buf, size_t *ret_size);

#endif
