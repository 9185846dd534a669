#include <string.h>

#include "base/text.h"
#include "expr/parsers.h"

static FALLIBLE refuse(struct err_info *why, const char *text)
{
    return err_named(why, ERR_INVALID, "url", "no URL: %s", text);
}

/* %XX and '+' decoded as far as they are good; what would be no UTF-8 stays as it was. */
static FALLIBLE decoded(struct arena *arena, struct str text, struct value *ret, struct err_info *why)
{
    char *copy = arena_bytes(arena, text.size + 1);
    size_t size = 0;
    if (copy == NULL)
        return err_memory(why);
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i] == '+' ? ' ' : text.data[i];
        int high = c == '%' && i + 2 < text.size ? hex_digit(text.data[i + 1]) : -1;
        int low = high >= 0 ? hex_digit(text.data[i + 2]) : -1;
        if (low >= 0) {
            c = (char)(high << 4 | low);
            i += 2;
        }
        copy[size++] = c;
    }
    struct str made = { copy, size };
    *ret = value_string(utf8_is_valid(made) ? made : text);
    return ERR_OK;
}

/* Of equal names the last wins. */
static FALLIBLE read_params(struct arena *arena, struct str query, struct value *ret, struct err_info *why)
{
    struct value_map_builder map;
    struct str rest = query, pair;
    value_map_begin(&map, arena);
    while (str_split(&rest, '&', &pair)) {
        struct value key, v;
        ptrdiff_t equal = str_find_byte(pair, '=', 0);
        size_t end = equal < 0 ? pair.size : (size_t)equal;
        if (pair.size == 0)
            continue;
        TRY(decoded(arena, str_slice(pair, 0, end), &key, why));
        TRY(decoded(arena, str_slice(pair, end + 1, pair.size), &v, why));
        TRY(value_map_put(&map, key, v, why));
    }
    *ret = value_map_end(&map);
    return ERR_OK;
}

static FALLIBLE lowered(struct arena *arena, struct str text, struct value *ret, struct err_info *why)
{
    char *copy = arena_bytes(arena, text.size + 1);
    if (copy == NULL)
        return err_memory(why);
    for (size_t i = 0; i < text.size; i++)
        copy[i] = ascii_lower(text.data[i]);
    *ret = value_string((struct str){ copy, text.size });
    return ERR_OK;
}

/* [user@]host[:port]; the host without brackets. */
static FALLIBLE read_authority(
    struct arena *arena, struct str authority, struct value_map_builder *map, struct err_info *why)
{
    struct str user = { "", 0 }, host = authority, port = { NULL, 0 };
    struct value v;
    uint64_t number = 0;
    for (size_t i = authority.size; i > 0; i--) {
        if (authority.data[i - 1] == '@') {
            user = str_slice(authority, 0, i - 1);
            host = str_slice(authority, i, authority.size);
            break;
        }
    }
    bool is_v6 = host.size > 0 && host.data[0] == '[';
    ptrdiff_t close = is_v6 ? str_find_byte(host, ']', 0) : -1;
    ptrdiff_t colon = str_find_byte(host, ':', close > 0 ? (size_t)close : 0);
    if (is_v6 && close < 0)
        return refuse(why, "a ']' is missing in the host");
    if (is_v6 && (size_t)close + 1 < host.size && colon != close + 1)
        return refuse(why, "something stands between the ']' of the host and its port");
    if (colon >= 0)
        port = str_slice(host, (size_t)colon + 1, host.size);
    if (is_v6)
        host = str_slice(host, 1, (size_t)close);
    else if (colon >= 0)
        host = str_slice(host, 0, (size_t)colon);
    if (host.size == 0)
        return refuse(why, "it has no host");
    for (size_t i = 0; i < host.size; i++)
        if ((unsigned char)host.data[i] <= ' ' || host.data[i] == '<' || host.data[i] == '>')
            return refuse(why, "a blank or an angle bracket stands in the host");
    TRY(value_map_set(map, "user", value_string(user), why));
    TRY(lowered(arena, host, &v, why));
    TRY(value_map_set(map, "host", v, why));
    if (port.size == 0)
        return ERR_OK;
    if (!str_to_uint(port, &number) || number > 65535)
        return refuse(why, "the port is no number up to 65535");
    return value_map_set(map, "port", value_int((int64_t)number), why);
}

static size_t find_any(struct str text, size_t from, const char *marks)
{
    while (from < text.size && (text.data[from] == '\0' || strchr(marks, text.data[from]) == NULL))
        from++;
    return from;
}

FALLIBLE parse_url(struct arena *arena, struct str text, struct value *ret, struct err_info *why)
{
    struct value_map_builder map;
    struct value v;
    ptrdiff_t colon = str_find(text, STR("://"), 0);
    if (colon <= 0)
        return refuse(why, "it does not start with a scheme, as in https://");
    size_t authority = (size_t)colon + 3, path = find_any(text, authority, "/?#");
    size_t query = find_any(text, path, "?#"), fragment = find_any(text, query, "#");
    for (size_t i = 0; i < (size_t)colon; i++) {
        char c = text.data[i];
        bool is_good = ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
            (i > 0 && ((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'));
        if (!is_good)
            return refuse(why, "its scheme has a character that schemes don't have");
    }
    value_map_begin(&map, arena);
    TRY(lowered(arena, str_slice(text, 0, (size_t)colon), &v, why));
    TRY(value_map_set(&map, "scheme", v, why));
    TRY(read_authority(arena, str_slice(text, authority, path), &map, why));
    TRY(value_map_set(&map, "path", value_string(str_slice(text, path, query)), why));
    struct str query_text = str_slice(text, query + 1, fragment);
    if (query >= fragment)
        query_text = STR("");
    TRY(value_map_set(&map, "query", value_string(query_text), why));
    TRY(read_params(arena, query_text, &v, why));
    TRY(value_map_set(&map, "params", v, why));
    struct str fragment_text = fragment < text.size ? str_slice(text, fragment + 1, text.size) : STR("");
    TRY(value_map_set(&map, "fragment", value_string(fragment_text), why));
    *ret = value_map_end(&map);
    return ERR_OK;
}
