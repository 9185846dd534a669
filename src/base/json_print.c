#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "base/timetext.h"

static void add_escaped(struct buf *buf, unsigned char c)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *found = c != '\0' ? strchr(from, c) : NULL;
    if (found != NULL) {
        buf_add_byte(buf, '\\');
        buf_add_byte(buf, to[found - from]);
    } else {
        buf_printf(buf, "\\u%04x", c);
    }
}

static void add_text(struct buf *buf, struct str s)
{
    size_t from = 0;
    for (size_t i = 0; i < s.size; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_add(buf, str_slice(s, from, i));
        add_escaped(buf, c);
        from = i + 1;
    }
    buf_add(buf, str_slice(s, from, s.size));
}

void json_print_string(struct buf *buf, struct str s)
{
    buf_add_byte(buf, '"');
    if (utf8_is_valid(s)) {
        add_text(buf, s);
    } else {
        AUTO(buf) struct buf mended = { 0 };
        utf8_add_lossy(&mended, s);
        add_text(buf, buf_str(&mended));
        if (mended.failed != ERR_OK)
            buf->failed = mended.failed;
    }
    buf_add_byte(buf, '"');
}

void json_print_double(struct buf *buf, double d)
{
    char text[NUMBER_TEXT_BYTES];
    if (isnan(d)) {
        buf_add_text(buf, "\"NaN\"");
    } else if (isinf(d)) {
        buf_add_text(buf, d > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    } else {
        size_t size = number_print_double(d, text);
        buf_add(buf, (struct str){ text, size });
        /* A double stays one when it is read back. */
        if (memchr(text, '.', size) == NULL && memchr(text, 'e', size) == NULL)
            buf_add_text(buf, ".0");
    }
}

static void print_at(struct buf *buf, struct value v, unsigned flags, unsigned depth);

static void new_line(struct buf *buf, unsigned flags, unsigned depth)
{
    if (!(flags & JSON_PRETTY))
        return;
    buf_add_byte(buf, '\n');
    for (unsigned i = 0; i < depth; i++)
        buf_add_text(buf, "  ");
}

static void print_list(struct buf *buf, struct value v, unsigned flags, unsigned depth)
{
    buf_add_byte(buf, '[');
    for (uint32_t i = 0; i < v.size; i++) {
        if (i > 0)
            buf_add_byte(buf, ',');
        new_line(buf, flags, depth + 1);
        print_at(buf, v.items[i], flags, depth + 1);
    }
    if (v.size > 0)
        new_line(buf, flags, depth);
    buf_add_byte(buf, ']');
}

static void print_key(struct buf *buf, struct value key)
{
    if (key.type == VALUE_STRING) {
        json_print_string(buf, value_str(key));
        return;
    }
    buf_add_byte(buf, '"');
    print_at(buf, key, 0, 0); /* bool, int or uint: no quotes of their own */
    buf_add_byte(buf, '"');
}

static int compare_keys(const void *a, const void *b)
{
    const struct value_entry *const *left = a, *const *right = b;
    struct value x = (*left)->key, y = (*right)->key;
    int order = 0;
    if (x.type == VALUE_STRING && y.type == VALUE_STRING)
        return str_compare(value_str(x), value_str(y));
    if (value_compare(x, y, &order))
        return order;
    return (int)x.type - (int)y.type;
}

static void print_map(struct buf *buf, struct value v, unsigned flags, unsigned depth)
{
    const struct value_entry *entries = value_map_entries(v), **sorted = NULL;
    if ((flags & JSON_SORT_KEYS) && v.size > 1) {
        sorted = memory_alloc(v.size * sizeof(const struct value_entry *));
        if (sorted == NULL) {
            buf->failed = ERR_MEMORY;
            return;
        }
        for (uint32_t i = 0; i < v.size; i++)
            sorted[i] = &entries[i];
        qsort((void *)sorted, v.size, sizeof(const struct value_entry *), compare_keys);
    }
    buf_add_byte(buf, '{');
    for (uint32_t i = 0; i < v.size; i++) {
        const struct value_entry *entry = sorted ? sorted[i] : &entries[i];
        if (i > 0)
            buf_add_byte(buf, ',');
        new_line(buf, flags, depth + 1);
        print_key(buf, entry->key);
        buf_add_text(buf, flags & JSON_PRETTY ? ": " : ":");
        print_at(buf, entry->value, flags, depth + 1);
    }
    if (v.size > 0)
        new_line(buf, flags, depth);
    buf_add_byte(buf, '}');
    memory_free((void *)sorted);
}

static void print_net(struct buf *buf, struct value v)
{
    const struct value_net *net = v.net;
    buf_add_byte(buf, '"');
    if (net->size == 4) {
        buf_printf(buf, "%u.%u.%u.%u", net->bytes[0], net->bytes[1], net->bytes[2], net->bytes[3]);
    } else {
        /* RFC 5952 needs the longest run of zero groups, the first of equals. */
        unsigned groups[8], best = 8, best_length = 1;
        for (unsigned i = 0; i < 8; i++)
            groups[i] = (unsigned)net->bytes[2 * i] << 8 | net->bytes[2 * i + 1];
        for (unsigned i = 0; i < 8; i++) {
            unsigned length = 0;
            while (i + length < 8 && groups[i + length] == 0)
                length++;
            if (length > best_length) {
                best = i;
                best_length = length;
            }
        }
        for (unsigned i = 0; i < 8; i++) {
            if (i == best) {
                buf_add_text(buf, "::");
                i += best_length - 1;
                continue;
            }
            if (i > 0 && i != best + best_length)
                buf_add_byte(buf, ':');
            buf_printf(buf, "%x", groups[i]);
        }
    }
    if (v.type == VALUE_CIDR)
        buf_printf(buf, "/%u", net->prefix);
    buf_add_byte(buf, '"');
}

static void print_quoted_time(struct buf *buf, struct value v)
{
    buf_add_byte(buf, '"');
    if (v.type == VALUE_TIMESTAMP)
        time_print_rfc3339(buf, v.seconds, value_nanos(v));
    else
        duration_print(buf, v.seconds, value_nanos(v));
    buf_add_byte(buf, '"');
}

static void print_at(struct buf *buf, struct value v, unsigned flags, unsigned depth)
{
    switch (v.type) {
    case VALUE_BOOL: buf_add_text(buf, v.boolean ? "true" : "false"); return;
    case VALUE_INT: buf_add_int(buf, v.integer); return;
    case VALUE_UINT: buf_add_uint(buf, v.uinteger); return;
    case VALUE_DOUBLE: json_print_double(buf, v.number); return;
    case VALUE_STRING:
    case VALUE_TYPE: json_print_string(buf, value_str(v)); return;
    case VALUE_BYTES:
        buf_add_byte(buf, '"');
        base64_add(buf, value_str(v));
        buf_add_byte(buf, '"');
        return;
    case VALUE_LIST: print_list(buf, v, flags, depth); return;
    case VALUE_MAP: print_map(buf, v, flags, depth); return;
    case VALUE_TIMESTAMP:
    case VALUE_DURATION: print_quoted_time(buf, v); return;
    case VALUE_OPTIONAL: print_at(buf, v.inside ? *v.inside : value_null(), flags, depth); return;
    case VALUE_IP:
    case VALUE_CIDR: print_net(buf, v); return;
    case VALUE_SECRET: buf_add_text(buf, "\"(secret)\""); return;
    default: buf_add_text(buf, "null"); return;
    }
}

void json_print(struct buf *buf, struct value v, unsigned flags)
{
    print_at(buf, v, flags, 0);
}
