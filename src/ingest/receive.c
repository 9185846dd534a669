#include "ingest/receive.h"

#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"

/* Events keep what they say twice: the last of a repeated key counts, as in most readers. */
static const struct json_options event_json = { .duplicates = JSON_DUPLICATES_LAST, .flags = VALUE_OUTSIDE };

struct received_list {
    struct arena *arena;
    struct received *items;
    uint32_t count, room;
};

static enum err add(struct received_list *list, struct received event, struct err_info *why)
{
    if (list->count == EVENTS_PER_REQUEST_MAX)
        return err_named(why, ERR_LIMIT, "EVENTS_PER_REQUEST_MAX",
            "more than %d events in one request; send them in several", EVENTS_PER_REQUEST_MAX);
    if (list->count == list->room) {
        uint32_t room = list->room > 0 ? list->room * 4 : 4;
        struct received *items = ARENA_ARRAY(list->arena, room, struct received);
        if (!items)
            return err_memory(why);
        if (list->count > 0)
            memcpy(items, list->items, list->count * sizeof(*items));
        list->items = items;
        list->room = room;
    }
    list->items[list->count++] = event;
    return ERR_OK;
}

struct str content_type_of(struct str header)
{
    ptrdiff_t end = str_find_byte(header, ';', 0);
    return str_trim(end >= 0 ? str_slice(header, 0, (size_t)end) : header);
}

enum form { FORM_JSON, FORM_LINES, FORM_OTHER };

static enum form form_of(struct str type)
{
    static const struct str lines[] = { STR_INIT("application/x-ndjson"), STR_INIT("application/ndjson"),
        STR_INIT("application/jsonl"), STR_INIT("application/jsonlines"), STR_INIT("application/x-jsonlines"),
        STR_INIT("application/json-seq"), STR_INIT("application/x-json-stream") };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (str_equal_nocase(type, lines[i]))
            return FORM_LINES;
    }
    if (str_equal_nocase(type, STR("application/json")) || str_equal_nocase(type, STR("text/json")))
        return FORM_JSON;
    /* RFC 6839, 3.1 */
    if (type.size > 5 && str_equal_nocase(str_slice(type, type.size - 5, type.size), STR("+json")))
        return FORM_JSON;
    return FORM_OTHER;
}

/* ---- JSON ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static size_t skip_space(struct str body, size_t at)
{
    while (at < body.size && is_space(body.data[at]))
        at++;
    return at;
}

static enum err fault_at(struct str body, size_t at, const char *name, const char *text, struct err_info *why)
{
    uint32_t line = 1, column = 1;
    for (size_t i = 0; i < at && i < body.size; i++) {
        column = body.data[i] == '\n' ? 1 : column + 1;
        line += body.data[i] == '\n';
    }
    return err_at(why, ERR_INVALID, name, line, column, "line %u: %s", line, text);
}

/* The reader's message with its line in front, as a sender sees nothing else. What is nested too deeply is as
 * wrong as what can't be read. */
static enum err with_line(enum err result, struct err_info *own, struct err_info *why)
{
    if (own->line > 0)
        return err_at(why, ERR_INVALID, own->name, own->line, own->column, "line %u, column %u: %s",
            own->line, own->column, own->text);
    if (why)
        *why = *own;
    return result;
}

/* The value at `*at`, which moves behind it; with its raw bytes. */
static enum err take_value(struct received_list *list, struct str body, size_t *at, struct err_info *why)
{
    struct value v;
    struct err_info own = { 0 };
    bool has_value = false;
    size_t from = skip_space(body, *at);
    *at = from;
    enum err result = json_parse_next(list->arena, body, at, &event_json, &v, &has_value, &own);
    if (result != ERR_OK)
        return with_line(result, &own, why);
    if (!has_value)
        return fault_at(body, from, "json_end", "a JSON value should stand here", why);
    return add(
        list, (struct received){ .event = v, .raw = str_slice(body, from, *at), .is_json = true }, why);
}

/* Each element by itself, so that each event has its own raw bytes. */
static enum err take_array(struct received_list *list, struct str body, size_t at, struct err_info *why)
{
    at = skip_space(body, at + 1);
    bool is_empty = at < body.size && body.data[at] == ']';
    while (!is_empty) {
        TRY(take_value(list, body, &at, why));
        at = skip_space(body, at);
        if (at < body.size && body.data[at] == ']')
            break;
        if (at == body.size || body.data[at] != ',')
            return fault_at(body, at, "json_array", "',' or ']' should stand behind an element", why);
        at++;
    }
    at = skip_space(body, at + 1);
    if (at < body.size)
        return fault_at(body, at, "json_trailing", "something stands behind the array", why);
    return ERR_OK;
}

/* NDJSON: a value a line; empty lines are fine. */
static enum err take_lines(struct received_list *list, struct str body, size_t at, struct err_info *why)
{
    for (at = skip_space(body, at); at < body.size; at = skip_space(body, at)) {
        TRY(take_value(list, body, &at, why));
        size_t end = at;
        while (end < body.size && (body.data[end] == ' ' || body.data[end] == '\t' || body.data[end] == '\r'))
            end++;
        if (end < body.size && body.data[end] != '\n')
            return fault_at(
                body, end, "json_trailing", "something stands behind the value; one value a line", why);
    }
    return ERR_OK;
}

/* Many senders call NDJSON plain JSON: more values on further lines are events too. */
static enum err take_json(struct received_list *list, struct str body, size_t start, struct err_info *why)
{
    size_t at = skip_space(body, start);
    if (at == body.size)
        return err_named(
            why, ERR_INVALID, "body_empty", "the body is empty; a JSON value should stand in it");
    if (body.data[at] == '[')
        return take_array(list, body, at, why);
    return take_lines(list, body, at, why);
}

/* ---- anything else ---- */

static enum err take_whole(struct received_list *list, struct str body, struct err_info *why)
{
    struct value v = utf8_is_valid(body) ? value_string(body) : value_bytes(body);
    v.flags = VALUE_OUTSIDE;
    return add(list, (struct received){ .event = v, .raw = body }, why);
}

static bool looks_like_json(struct str body, size_t at)
{
    at = skip_space(body, at);
    return at < body.size && (body.data[at] == '{' || body.data[at] == '[');
}

enum err receive_body(struct arena *arena, struct str content_type, struct str body, struct received **ret,
    uint32_t *ret_count, struct err_info *why)
{
    struct received_list list = { .arena = arena };
    struct str type = content_type_of(content_type);
    enum form form = form_of(type);
    size_t start = str_starts(body, STR("\xef\xbb\xbf")) ? 3
                                                         : 0; /* a byte order mark is no JSON, but common */
    if (type.size == 0 && looks_like_json(body, start))
        form = FORM_JSON;
    if (body.size == 0 && form == FORM_OTHER)
        return err_named(why, ERR_INVALID, "body_empty", "the body is empty");
    switch (form) {
    case FORM_JSON: TRY(take_json(&list, body, start, why)); break;
    case FORM_LINES: TRY(take_lines(&list, body, start, why)); break;
    case FORM_OTHER: TRY(take_whole(&list, body, why)); break;
    }
    *ret = list.items;
    *ret_count = list.count;
    return ERR_OK;
}
