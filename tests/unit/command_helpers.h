/* Values for tests of commands, from JSON written in C with single quotes. */
#ifndef TOCSIN_TESTS_COMMAND_HELPERS_H
#define TOCSIN_TESTS_COMMAND_HELPERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/json.h"

static inline struct value json(struct arena *arena, const char *text)
{
    struct json_options options = { 0 };
    struct err_info why = { 0 };
    struct value v;
    struct str copy;
    assert_int_equal(arena_str(arena, str_of(text), &copy, &why), ERR_OK);
    for (size_t i = 0; i < copy.size; i++)
        if (copy.data[i] == '\'')
            ((char *)(uintptr_t)copy.data)[i] = '"'; /* our own copy */
    if (json_parse(arena, copy, &options, &v, &why) != ERR_OK)
        fail_msg("%s: %s", text, why.text);
    return v;
}

static inline void assert_text(const struct buf *buf, const char *wanted)
{
    assert_int_equal(buf->failed, ERR_OK);
    assert_string_equal(buf->data ? buf->data : "", wanted);
}

#endif
