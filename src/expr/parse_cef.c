/* CEF and LEEF: a header of fields with '|' between them, then pairs. */
#include <string.h>

#include "base/text.h"
#include "expr/parsers.h"

static FALLIBLE refuse(struct err_info *why, const char *format, const char *text)
{
    return err_named(why, ERR_INVALID, "event_format", "no %s: %s", format, text);
}

/* Without the backslashes in front of what they protect; \n and \r are line ends. */
static FALLIBLE unescaped(struct arena *arena, struct str raw, struct value *ret, struct err_info *why)
{
    *ret = value_string(raw);
    if (str_find_byte(raw, '\\', 0) < 0)
        return ERR_OK;
    char *copy = arena_bytes(arena, raw.size);
    size_t size = 0;
    if (copy == NULL)
        return err_memory(why);
    for (size_t i = 0; i < raw.size; i++) {
        char next = raw.data[i] == '\\' && i + 1 < raw.size ? raw.data[i + 1] : '\0';
        bool is_escape = next == '\\' || next == '|' || next == '=' || next == 'n' || next == 'r';
        copy[size++] = !is_escape ? raw.data[i] : next == 'n' ? '\n' : next == 'r' ? '\r' : next;
        i += is_escape;
    }
    *ret = value_string((struct str){ copy, size });
    return ERR_OK;
}

/* The part up to the next '|' that no backslash protects; false when there is none. */
static bool take_header(struct str *rest, struct str *ret)
{
    for (size_t i = 0; i < rest->size; i++) {
        if (rest->data[i] == '\\') {
            i++;
        } else if (rest->data[i] == '|') {
            *ret = str_slice(*rest, 0, i);
            *rest = str_slice(*rest, i + 1, rest->size);
            return true;
        }
    }
    return false;
}

static FALLIBLE read_header(struct arena *arena, struct str *rest, const char *const *names, size_t count,
    const char *format, struct value_map_builder *map, struct err_info *why)
{
    for (size_t i = 0; i < count; i++) {
        struct str part;
        struct value v;
        bool is_there = take_header(rest, &part);
        /* The last field may end the message: an event without an extension. */
        if (!is_there && i + 1 < count)
            return refuse(why, format, "its header has too few fields");
        if (!is_there) {
            part = *rest;
            *rest = (struct str){ "", 0 };
        }
        TRY(unescaped(arena, str_trim(part), &v, why));
        TRY(value_map_set(map, names[i], v, why));
    }
    return ERR_OK;
}

static bool is_key_byte(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '-' ||
        c == '.' || c == '[' || c == ']' || c == ':';
}

/* Where the next "key=" starts at or after `from`, behind a blank; the size of the text when there is
 * none. Values have blanks, so only the next key tells where one ends. */
static size_t next_key(struct str text, size_t from, size_t *ret_equal)
{
    for (size_t equal = from; equal < text.size; equal++) {
        if (text.data[equal] == '\\') {
            equal++;
            continue;
        }
        if (text.data[equal] != '=')
            continue;
        size_t start = equal;
        while (start > from && is_key_byte(text.data[start - 1]))
            start--;
        bool is_first = start == from || text.data[start - 1] == ' ' || text.data[start - 1] == '\t';
        if (start == equal || !is_first)
            continue;
        *ret_equal = equal;
        return start;
    }
    *ret_equal = text.size;
    return text.size;
}

static FALLIBLE read_extension(struct arena *arena, struct str text, struct value *ret, struct err_info *why)
{
    struct value_map_builder map;
    size_t equal, key = next_key(text, 0, &equal);
    value_map_begin(&map, arena);
    while (key < text.size) {
        size_t next_equal, next = next_key(text, equal + 1, &next_equal);
        struct value v;
        TRY(unescaped(arena, str_trim(str_slice(text, equal + 1, next)), &v, why));
        TRY(value_map_put(&map, value_string(str_slice(text, key, equal)), v, why));
        key = next;
        equal = next_equal;
    }
    *ret = value_map_end(&map);
    return ERR_OK;
}

FALLIBLE parse_cef(struct arena *arena, struct str text, struct value *ret, struct err_info *why)
{
    static const char *const names[] = { "version", "device_vendor", "device_product", "device_version",
        "signature_id", "name", "severity" };
    struct value_map_builder map;
    struct value extension;
    ptrdiff_t start = str_find(text, STR("CEF:"), 0);
    if (start < 0)
        return refuse(why, "CEF", "'CEF:' does not stand in it");
    struct str rest = str_slice(text, (size_t)start + 4, text.size);
    value_map_begin(&map, arena);
    TRY(read_header(arena, &rest, names, 7, "CEF", &map, why));
    TRY(read_extension(arena, str_trim(rest), &extension, why));
    TRY(value_map_set(&map, "extension", extension, why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

/* LEEF 2.0 names its delimiter: a character, or its code as "x5E" or "0x5E". */
static bool delimiter_of(struct str text, char *ret)
{
    if (text.size == 1) {
        *ret = text.data[0];
        return true;
    }
    size_t from = str_starts(text, STR("0x")) ? 2 : str_starts(text, STR("x")) ? 1 : text.size;
    unsigned code = 0;
    for (size_t i = from; i < text.size; i++) {
        int digit = hex_digit(text.data[i]);
        if (digit < 0 || code > 0x7f)
            return false;
        code = code * 16 + (unsigned)digit;
    }
    if (from == text.size || code == 0 || code > 0x7f)
        return false;
    *ret = (char)code;
    return true;
}

static FALLIBLE read_attributes(
    struct arena *arena, struct str text, char delimiter, struct value *ret, struct err_info *why)
{
    struct value_map_builder map;
    struct str pair;
    value_map_begin(&map, arena);
    while (str_split(&text, delimiter, &pair)) {
        ptrdiff_t equal = str_find_byte(pair, '=', 0);
        if (equal <= 0)
            continue;
        TRY(value_map_put(&map, value_string(str_trim(str_slice(pair, 0, (size_t)equal))),
            value_string(str_slice(pair, (size_t)equal + 1, pair.size)), why));
    }
    *ret = value_map_end(&map);
    return ERR_OK;
}

FALLIBLE parse_leef(struct arena *arena, struct str text, struct value *ret, struct err_info *why)
{
    static const char *const names[] = { "version", "vendor", "product", "product_version", "event_id" };
    struct value_map_builder map;
    struct value attributes;
    struct str part;
    char delimiter = '\t';
    ptrdiff_t start = str_find(text, STR("LEEF:"), 0);
    if (start < 0)
        return refuse(why, "LEEF", "'LEEF:' does not stand in it");
    struct str rest = str_slice(text, (size_t)start + 5, text.size);
    bool is_second = str_starts(rest, STR("2"));
    value_map_begin(&map, arena);
    TRY(read_header(arena, &rest, names, 5, "LEEF", &map, why));
    struct str behind = rest;
    if (is_second && take_header(&behind, &part) && (part.size == 0 || delimiter_of(part, &delimiter)))
        rest = behind;
    /* Senders that should write tabs write blanks, too: then the pairs are read as CEF's. */
    if (delimiter == '\t' && str_find_byte(rest, '\t', 0) < 0)
        TRY(read_extension(arena, str_trim(rest), &attributes, why));
    else
        TRY(read_attributes(arena, rest, delimiter, &attributes, why));
    TRY(value_map_set(&map, "attributes", attributes, why));
    *ret = value_map_end(&map);
    return ERR_OK;
}
