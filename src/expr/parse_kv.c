#include <assert.h>

#include "expr/parsers.h"

static bool ends_word(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',' || c == ';';
}

/* Behind the opening quote. A backslash protects the byte behind it. */
static FALLIBLE read_quoted(
    struct arena *arena, struct str text, size_t *at, char quote, struct value *ret, struct err_info *why)
{
    size_t start = *at, size = 0;
    while (*at < text.size && text.data[*at] != quote)
        *at += text.data[*at] == '\\' && *at + 1 < text.size ? 2 : 1;
    if (*at >= text.size)
        return err_at(why, ERR_INVALID, "kv", 0, 0, "the quoted value at byte %zu does not end", start);
    struct str raw = str_slice(text, start, *at);
    (*at)++;
    *ret = value_string(raw);
    if (str_find_byte(raw, '\\', 0) < 0)
        return ERR_OK;
    char *copy = arena_bytes(arena, raw.size);
    if (copy == NULL)
        return err_memory(why);
    for (size_t i = 0; i < raw.size; i++) {
        /* A backslash in front of the end would have kept the value open. */
        assert(raw.data[i] != '\\' || i + 1 < raw.size);
        bool is_escape = raw.data[i] == '\\' && (raw.data[i + 1] == quote || raw.data[i + 1] == '\\');
        i += is_escape;
        copy[size++] = raw.data[i];
    }
    *ret = value_string((struct str){ copy, size });
    return ERR_OK;
}

FALLIBLE parse_kv(struct arena *arena, struct str text, struct value *ret, struct err_info *why)
{
    struct value_map_builder map;
    size_t at = 0;
    value_map_begin(&map, arena);
    while (at < text.size) {
        size_t start = at;
        while (at < text.size && !ends_word(text.data[at]) && text.data[at] != '=')
            at++;
        struct str key = str_slice(text, start, at);
        if (at >= text.size || text.data[at] != '=' || key.size == 0) {
            at++;
            continue;
        }
        struct value v;
        char first = ++at < text.size ? text.data[at] : '\0';
        if (first == '"' || first == '\'') {
            at++;
            TRY(read_quoted(arena, text, &at, first, &v, why));
        } else {
            start = at;
            while (at < text.size && !ends_word(text.data[at]))
                at++;
            v = value_string(str_slice(text, start, at));
        }
        TRY(value_map_put(&map, value_string(key), v, why));
    }
    *ret = value_map_end(&map);
    return ERR_OK;
}
