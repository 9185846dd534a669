#include "connect/link.h"

#include <ctype.h>
#include <string.h>

/* What is left to read. */
struct link_reader {
    struct str rest;
};

static char peek(const struct link_reader *reader)
{
    return reader->rest.size ? reader->rest.data[0] : '\0';
}

static void skip(struct link_reader *reader, size_t count)
{
    reader->rest = str_slice(reader->rest, count, reader->rest.size);
}

static void skip_blanks(struct link_reader *reader)
{
    while (peek(reader) == ' ' || peek(reader) == '\t')
        skip(reader, 1);
}

static bool take(struct link_reader *reader, char wanted)
{
    if (reader->rest.size == 0 || peek(reader) != wanted)
        return false;
    skip(reader, 1);
    return true;
}

static bool is_token_byte(char byte)
{
    return byte != '\0' && (isalnum((unsigned char)byte) || strchr("!#$%&'*+-.^_`|~:/", byte));
}

static struct str read_token(struct link_reader *reader)
{
    size_t size = 0;
    while (size < reader->rest.size && is_token_byte(reader->rest.data[size]))
        size++;
    struct str token = str_slice(reader->rest, 0, size);
    skip(reader, size);
    return token;
}

/* Behind the opening quote. Escapes stay in the text: no relation has any. */
static bool read_quoted(struct link_reader *reader, struct str *ret)
{
    for (size_t at = 0; at < reader->rest.size; at++) {
        if (reader->rest.data[at] == '\\') {
            at++;
        } else if (reader->rest.data[at] == '"') {
            *ret = str_slice(reader->rest, 0, at);
            skip(reader, at + 1);
            return true;
        }
    }
    return false;
}

/* "name", "name=token" or "name=\"text\"". */
static bool read_parameter(struct link_reader *reader, struct str *ret_name, struct str *ret_value)
{
    skip_blanks(reader);
    *ret_name = read_token(reader);
    *ret_value = (struct str){ 0 };
    skip_blanks(reader);
    if (!take(reader, '='))
        return true;
    skip_blanks(reader);
    if (take(reader, '"'))
        return read_quoted(reader, ret_value);
    *ret_value = read_token(reader);
    return true;
}

static bool has_next(struct str relations)
{
    struct str rest = relations, relation;
    while (str_split(&rest, ' ', &relation)) {
        if (str_equal_nocase(relation, STR("next")))
            return true;
    }
    return false;
}

/* One link; false when there is no further one that can be read. */
static bool read_link(struct link_reader *reader, struct str *ret_target, bool *ret_is_next)
{
    struct str relations = { 0 }, name, value;
    bool has_relation = false, has_anchor = false;
    while (peek(reader) == ',' || peek(reader) == ' ' || peek(reader) == '\t')
        skip(reader, 1);
    ptrdiff_t close = str_find_byte(reader->rest, '>', 0);
    if (peek(reader) != '<' || close < 0)
        return false;
    *ret_target = str_slice(reader->rest, 1, (size_t)close);
    skip(reader, (size_t)close + 1);
    skip_blanks(reader);
    while (take(reader, ';')) {
        if (!read_parameter(reader, &name, &value))
            return false;
        has_anchor = has_anchor || str_equal_nocase(name, STR("anchor"));
        if (!has_relation && str_equal_nocase(name, STR("rel"))) { /* later ones do not count (3.3) */
            has_relation = true;
            relations = value;
        }
        skip_blanks(reader);
    }
    *ret_is_next = !has_anchor && has_next(relations);
    return true;
}

struct str link_next(struct str header)
{
    struct link_reader reader = { header };
    struct str target;
    bool is_next;
    while (read_link(&reader, &target, &is_next)) {
        if (is_next)
            return target;
        if (reader.rest.size && peek(&reader) != ',')
            break;
    }
    return STR("");
}
