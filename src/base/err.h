/* Errors: a small code for the program, one sentence for the person.
 *
 * Every function that can fail returns `enum err` through FALLIBLE and takes `struct err_info *why` as
 * its last parameter. Whoever notices a failure first fills `why`; nobody above rewrites it. `why` may
 * be NULL where the caller needs only the code. A `ret_` parameter is written on success only.
 */
#ifndef TOCSIN_BASE_ERR_H
#define TOCSIN_BASE_ERR_H

#include <assert.h>
#include <stdint.h>

enum err {
    ERR_OK = 0,
    ERR_INVALID, /* the input is wrong; `why` has the place and the mend */
    ERR_NOT_FOUND, /* what was named does not exist */
    ERR_CONFLICT, /* it exists already, or has changed since it was read */
    ERR_LIMIT, /* a limit of base/limits.h was reached; `why->name` is the limit's name */
    ERR_DENIED, /* not authenticated, not permitted, or refused by a policy */
    ERR_TIMEOUT, /* a deadline passed */
    ERR_UNAVAILABLE, /* another system did not answer or is full; trying later may help */
    ERR_FULL, /* disk or inodes are used up */
    ERR_IO, /* a system call failed; `why` has errno's text */
    ERR_MEMORY, /* an allocation failed */
    ERR_CANCELLED, /* someone asked to stop */
    ERR_INTERNAL, /* a library broke its promise */
    ERR_COUNT,
};

#define ERR_TEXT_BYTES_MAX 512

struct err_info {
    enum err code;
    const char *name; /* stable machine word, e.g. "yaml_alias"; a string literal, or NULL */
    uint32_t line; /* 1-based; 0 when there is no place */
    uint32_t column; /* 1-based, in bytes */
    char text[ERR_TEXT_BYTES_MAX];
};

#define FALLIBLE __attribute__((warn_unused_result)) enum err

#define TRY(call) \
    do { \
        enum err try_err_ = (call); \
        if (try_err_ != ERR_OK) \
            return try_err_; \
    } while (0)

/* AUTO(buf) struct buf b = { 0 }; runs buf_cleanup(&b) on every path out of the block. */
#define AUTO(kind) __attribute__((cleanup(kind##_cleanup)))

#define PRINTF_LIKE(at, first) __attribute__((format(printf, at, first)))

/* Each returns its code, so that `return err_set(why, ERR_NOT_FOUND, "no case %s", text);` reads well.
 * The text is cut at ERR_TEXT_BYTES_MAX; control characters in it are replaced by '?'. */
enum err err_set(struct err_info *why, enum err code, const char *format, ...) PRINTF_LIKE(3, 4);
enum err err_named(struct err_info *why, enum err code, const char *name, const char *format, ...)
    PRINTF_LIKE(4, 5);
enum err err_at(struct err_info *why, enum err code, const char *name, uint32_t line, uint32_t column,
    const char *format, ...) PRINTF_LIKE(6, 7);
/* `doing` says what was tried; the text of errno follows. ENOSPC, EDQUOT become ERR_FULL. */
enum err err_errno(struct err_info *why, int number, const char *doing);
enum err err_memory(struct err_info *why);

/* None of them gives ERR_OK. Compilers and analyzers can't see that through functions of another file, and
 * would follow failed calls as if `ret_` parameters had to be written by them. */
static inline enum err err_is_not_ok(enum err code)
{
    assert(code != ERR_OK);
    return code;
}
#define err_set(...) err_is_not_ok(err_set(__VA_ARGS__))
#define err_named(...) err_is_not_ok(err_named(__VA_ARGS__))
#define err_at(...) err_is_not_ok(err_at(__VA_ARGS__))
#define err_errno(...) err_is_not_ok(err_errno(__VA_ARGS__))
#define err_memory(why) err_is_not_ok(err_memory(why))

/* "invalid", "not_found", …: the word used in APIs and logs. */
const char *err_word(enum err code);

#endif
