/* A small XML reader: elements, attributes, text, CDATA; comments and processing instructions are read
 * over. Document types are refused, and with them external and expanding entities. */
#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "expr/parsers.h"

#define XML_DEPTH_MAX VALUE_DEPTH_MAX

struct xml {
    struct arena *arena;
    struct str text;
    size_t at;
};

static FALLIBLE refuse(const struct xml *xml, struct err_info *why, const char *text)
{
    uint32_t line = 1;
    size_t start = 0, end = xml->at < xml->text.size ? xml->at : xml->text.size;
    for (size_t i = 0; i < end; i++) {
        if (xml->text.data[i] == '\n') {
            line++;
            start = i + 1;
        }
    }
    return err_at(why, ERR_INVALID, "xml", line, (uint32_t)(end - start) + 1, "%s", text);
}

static int byte_at(const struct xml *xml, size_t at)
{
    return at < xml->text.size ? (unsigned char)xml->text.data[at] : -1;
}

static bool is_space(int c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(struct xml *xml)
{
    while (is_space(byte_at(xml, xml->at)))
        xml->at++;
}

static bool starts(const struct xml *xml, const char *mark)
{
    return str_starts(str_slice(xml->text, xml->at, xml->text.size), str_of(mark));
}

static FALLIBLE skip_to(struct xml *xml, const char *end, struct err_info *why)
{
    ptrdiff_t found = str_find(xml->text, str_of(end), xml->at);
    if (found < 0)
        return refuse(xml, why, "a comment, CDATA section or instruction does not end");
    xml->at = (size_t)found + strlen(end);
    return ERR_OK;
}

static bool is_name_byte(int c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == ':' ||
        c == '-' || c == '.' || c >= 0x80;
}

static FALLIBLE read_name(struct xml *xml, struct str *ret, struct err_info *why)
{
    size_t start = xml->at;
    while (is_name_byte(byte_at(xml, xml->at)))
        xml->at++;
    *ret = str_slice(xml->text, start, xml->at);
    bool is_good = ret->size > 0 && !(ret->data[0] >= '0' && ret->data[0] <= '9') && ret->data[0] != '-' &&
        ret->data[0] != '.';
    return is_good ? ERR_OK : refuse(xml, why, "a name is missing");
}

/* ---- text ---- */

/* &amp; and the like, &#65; &#x41;. Gives how long it is in the source, 0 when it is none. */
static size_t entity(struct str text, size_t at, uint32_t *ret)
{
    static const struct {
        struct str name;
        uint32_t c;
    } known[] = { { STR_INIT("&lt;"), '<' }, { STR_INIT("&gt;"), '>' }, { STR_INIT("&amp;"), '&' },
        { STR_INIT("&quot;"), '"' }, { STR_INIT("&apos;"), '\'' } };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (str_equal(str_slice(text, at, at + known[i].name.size), known[i].name)) {
            *ret = known[i].c;
            return known[i].name.size;
        }
    }
    bool is_hex = at + 2 < text.size && text.data[at + 2] == 'x';
    int base = is_hex ? 16 : 10;
    size_t digits = at + 2 + is_hex, i = digits;
    uint32_t c = 0;
    if (at + 1 >= text.size || text.data[at + 1] != '#')
        return 0;
    for (; i < text.size && text.data[i] != ';' && i - digits < 8; i++) {
        int digit = hex_digit(text.data[i]);
        if (digit < 0 || digit >= base)
            return 0;
        c = c * (uint32_t)base + (uint32_t)digit;
    }
    if (i == digits || i >= text.size || text.data[i] != ';' || c == 0 || c > 0x10ffff ||
        (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *ret = c;
    return i + 1 - at;
}

/* Entities are longer than what they stand for, so the copy fits. */
static FALLIBLE decoded(struct xml *xml, struct str raw, struct str *ret, struct err_info *why)
{
    *ret = raw;
    if (str_find_byte(raw, '&', 0) < 0)
        return ERR_OK;
    char *copy = arena_bytes(xml->arena, raw.size);
    size_t size = 0;
    if (copy == NULL)
        return err_memory(why);
    for (size_t i = 0; i < raw.size;) {
        uint32_t c = 0;
        size_t taken = raw.data[i] == '&' ? entity(raw, i, &c) : 0;
        if (raw.data[i] == '&' && taken == 0)
            return refuse(xml, why, "an entity is not one of XML's own");
        char out[4] = { raw.data[i] };
        size_t count = taken > 0 ? utf8_put(out, c) : 1;
        memcpy(copy + size, out, count);
        size += count;
        i += taken > 0 ? taken : 1;
    }
    *ret = (struct str){ copy, size };
    return ERR_OK;
}

/* ---- elements ---- */

/* What is inside one element while it is read: names[i] belongs to values[i]. */
struct content {
    struct value_list_builder names, values;
    char *text;
    size_t text_size, text_room;
};

static FALLIBLE add_part(struct content *content, struct value name, struct value v, struct err_info *why)
{
    TRY(value_list_add(&content->names, name, why));
    return value_list_add(&content->values, v, why);
}

static FALLIBLE add_text(struct xml *xml, struct content *content, struct str text, struct err_info *why)
{
    if (content->text_room - content->text_size < text.size) {
        size_t room = 2 * (content->text_size + text.size);
        char *grown = arena_bytes(xml->arena, room);
        if (grown == NULL)
            return err_memory(why);
        if (content->text_size > 0)
            memcpy(grown, content->text, content->text_size);
        content->text = grown;
        content->text_room = room;
    }
    if (text.size > 0)
        memcpy(content->text + content->text_size, text.data, text.size);
    content->text_size += text.size;
    return ERR_OK;
}

static FALLIBLE read_attribute(struct xml *xml, struct content *content, struct err_info *why)
{
    struct str name, v;
    struct value key;
    TRY(read_name(xml, &name, why));
    skip_space(xml);
    if (byte_at(xml, xml->at++) != '=')
        return refuse(xml, why, "an attribute has no '='");
    skip_space(xml);
    int quote = byte_at(xml, xml->at);
    ptrdiff_t end = quote == '"' || quote == '\'' ? str_find_byte(xml->text, (char)quote, xml->at + 1) : -1;
    if (end < 0)
        return refuse(xml, why, "the value of an attribute is not in quotes");
    TRY(decoded(xml, str_slice(xml->text, xml->at + 1, (size_t)end), &v, why));
    xml->at = (size_t)end + 1;
    char *at_name = arena_bytes(xml->arena, name.size + 1);
    if (at_name == NULL)
        return err_memory(why);
    at_name[0] = '@';
    memcpy(at_name + 1, name.data, name.size);
    key = value_string((struct str){ at_name, name.size + 1 });
    return add_part(content, key, value_string(v), why);
}

/* Parts of one name become a list under it. `groups` has each name once; an entry's place is the number
 * of its group. */
static FALLIBLE gather(struct xml *xml, const struct content *content, struct value groups, struct value *ret,
    struct err_info *why)
{
    const struct value_entry *entries = value_map_entries(groups);
    uint32_t *counts = arena_zalloc(xml->arena, groups.size * sizeof(uint32_t));
    struct value **lists = arena_zalloc(xml->arena, groups.size * sizeof(struct value *));
    struct value_map_builder map;
    if (counts == NULL || lists == NULL)
        return err_memory(why);
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < content->names.count; i++) {
            const struct value *found = value_map_find_key(groups, content->names.items[i]);
            size_t group = (size_t)((const struct value_entry *)((const char *)found -
                                        offsetof(struct value_entry, value)) -
                entries);
            if (pass == 1)
                lists[group][counts[group]] = content->values.items[i];
            counts[group]++;
        }
        for (uint32_t i = 0; pass == 0 && i < groups.size; i++) {
            if (counts[i] > 1 && value_str(entries[i].key).data[0] == '@')
                return refuse(xml, why, "an attribute stands twice");
            lists[i] = ARENA_ARRAY(xml->arena, counts[i], struct value);
            if (lists[i] == NULL)
                return err_memory(why);
            counts[i] = 0;
        }
    }
    value_map_begin(&map, xml->arena);
    for (uint32_t i = 0; i < groups.size; i++) {
        struct value v = counts[i] == 1
            ? lists[i][0]
            : (struct value){ .type = VALUE_LIST, .size = counts[i], .items = lists[i] };
        TRY(value_map_add(&map, entries[i].key, v, why));
    }
    *ret = value_map_end(&map);
    return ERR_OK;
}

static FALLIBLE content_end(struct xml *xml, struct content *content, struct value *ret, struct err_info *why)
{
    struct str text = str_trim((struct str){ content->text, content->text_size });
    struct value_map_builder groups;
    if (content->names.count == 0) {
        *ret = text.size > 0 ? value_string(text) : value_null();
        return ERR_OK;
    }
    if (text.size > 0)
        TRY(add_part(content, value_string(STR("#text")), value_string(text), why));
    value_map_begin(&groups, xml->arena);
    for (uint32_t i = 0; i < content->names.count; i++)
        TRY(value_map_put(&groups, content->names.items[i], value_null(), why));
    return gather(xml, content, value_map_end(&groups), ret, why);
}

static FALLIBLE read_element(
    struct xml *xml, unsigned depth, struct str *ret_name, struct value *ret, struct err_info *why);

/* Text, children and the rest, up to "</". */
static FALLIBLE read_content(struct xml *xml, unsigned depth, struct content *content, struct err_info *why)
{
    for (;;) {
        struct str text;
        ptrdiff_t mark = str_find_byte(xml->text, '<', xml->at);
        if (mark < 0)
            return refuse(xml, why, "an element does not end");
        TRY(decoded(xml, str_slice(xml->text, xml->at, (size_t)mark), &text, why));
        TRY(add_text(xml, content, text, why));
        xml->at = (size_t)mark;
        if (starts(xml, "</"))
            return ERR_OK;
        if (starts(xml, "<!--")) {
            TRY(skip_to(xml, "-->", why));
        } else if (starts(xml, "<![CDATA[")) {
            size_t start = xml->at + 9;
            TRY(skip_to(xml, "]]>", why));
            TRY(add_text(xml, content, str_slice(xml->text, start, xml->at - 3), why));
        } else if (starts(xml, "<?")) {
            TRY(skip_to(xml, "?>", why));
        } else {
            struct value child = value_null();
            TRY(read_element(xml, depth + 1, &text, &child, why));
            TRY(add_part(content, value_string(text), child, why));
        }
    }
}

static FALLIBLE read_element(
    struct xml *xml, unsigned depth, struct str *ret_name, struct value *ret, struct err_info *why)
{
    struct content content = { .text = NULL };
    struct str name, end;
    if (depth > XML_DEPTH_MAX)
        return err_named(
            why, ERR_LIMIT, "VALUE_DEPTH_MAX", "elements are nested deeper than %d", XML_DEPTH_MAX);
    value_list_begin(&content.names, xml->arena);
    value_list_begin(&content.values, xml->arena);
    xml->at++;
    TRY(read_name(xml, &name, why));
    for (skip_space(xml); byte_at(xml, xml->at) != '>' && !starts(xml, "/>"); skip_space(xml))
        TRY(read_attribute(xml, &content, why));
    if (starts(xml, "/>")) {
        xml->at += 2;
    } else {
        xml->at++;
        TRY(read_content(xml, depth, &content, why));
        xml->at += 2;
        TRY(read_name(xml, &end, why));
        skip_space(xml);
        if (!str_equal(name, end) || byte_at(xml, xml->at) != '>')
            return refuse(xml, why, "an element is closed by another name");
        xml->at++;
    }
    *ret_name = name;
    return content_end(xml, &content, ret, why);
}

/* What may stand around the one element of a document. */
static FALLIBLE skip_outside(struct xml *xml, struct err_info *why)
{
    for (;;) {
        skip_space(xml);
        if (starts(xml, "<!--"))
            TRY(skip_to(xml, "-->", why));
        else if (starts(xml, "<?"))
            TRY(skip_to(xml, "?>", why));
        else if (starts(xml, "<!"))
            return refuse(xml, why, "a document type is not allowed here");
        else
            return ERR_OK;
    }
}

FALLIBLE parse_xml(struct arena *arena, struct str text, struct value *ret, struct err_info *why)
{
    struct xml xml = { .arena = arena, .text = text };
    struct value_map_builder map;
    struct value root;
    struct str name;
    if (str_starts(text, STR("\xef\xbb\xbf")))
        xml.at = 3;
    TRY(skip_outside(&xml, why));
    if (byte_at(&xml, xml.at) != '<')
        return refuse(&xml, why, "an element is missing");
    TRY(read_element(&xml, 1, &name, &root, why));
    TRY(skip_outside(&xml, why));
    if (xml.at != text.size)
        return refuse(&xml, why, "something stands behind the document's element");
    value_map_begin(&map, arena);
    TRY(value_map_put(&map, value_string(name), root, why));
    *ret = value_map_end(&map);
    return ERR_OK;
}
