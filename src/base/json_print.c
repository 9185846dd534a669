#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/json_scan.h"
#include "base/limits.h"
#include "base/memory.h"
#include "base/number.h"
#include "base/text.h"
#include "base/timetext.h"

struct printer {
    struct buf *buf;
    unsigned flags;
    unsigned depth;
};

static void print_control(struct buf *buf, unsigned char byte)
{
    static const char short_forms[0x20] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'
    };
    char *out = buf_reserve(buf, 6);
    if (out == NULL)
        return;
    out[0] = '\\';
    if (byte >= 0x20 || short_forms[byte] != '\0') {
        out[1] = byte < 0x20 ? short_forms[byte] : (char)byte;
        buf->size += 2;
        return;
    }
    memcpy(out + 1, "u00", 3);
    out[4] = (char)('0' + (byte >> 4));
    out[5] = "0123456789abcdef"[byte & 15];
    buf->size += 6;
}

void json_print_string(struct buf *buf, struct str s)
{
    const char *at = s.size ? s.data : "", *end = at + s.size;
    buf_add_byte(buf, '"');
    while (at < end) {
        const char *plain = json_plain_end(at, end);
        buf_add(buf, (struct str){ at, (size_t)(plain - at) });
        at = plain;
        if (at == end)
            break;
        if ((unsigned char)*at < 0x80) {
            print_control(buf, (unsigned char)*at++);
            continue;
        }
        size_t size = 0;
        bool is_good = utf8_next((struct str){ at, (size_t)(end - at) }, &size) >= 0;
        buf_add(buf, is_good ? (struct str){ at, size } : STR("\xef\xbf\xbd"));
        at += size;
    }
    buf_add_byte(buf, '"');
}

void json_print_double(struct buf *buf, double d)
{
    if (isnan(d) || isinf(d)) {
        buf_add_text(buf, isnan(d) ? "NaN" : d < 0 ? "-Infinity" : "Infinity");
        return;
    }
    char *out = buf_reserve(buf, NUMBER_TEXT_BYTES);
    if (out == NULL)
        return;
    buf->size += number_print_double(d, out);
    buf->data[buf->size] = '\0';
}

/* As a JSON number that reads back as a double, not as an int. */
static void print_double(struct buf *buf, double d)
{
    bool is_finite = isfinite(d);
    if (!is_finite)
        buf_add_byte(buf, '"');
    size_t from = buf->size;
    json_print_double(buf, d);
    if (!is_finite)
        buf_add_byte(buf, '"');
    else if (buf->failed == ERR_OK && strpbrk(buf->data + from, ".e") == NULL)
        buf_add_text(buf, ".0");
}

static void print_net(struct buf *buf, struct value v)
{
    char text[INET6_ADDRSTRLEN];
    int family = v.net->size == 4 ? AF_INET : AF_INET6;
    if (inet_ntop(family, v.net->bytes, text, sizeof text) == NULL)
        text[0] = '\0'; /* can't be: the family is known and the room is enough */
    buf_add_text(buf, text);
    if (v.type == VALUE_CIDR)
        buf_printf(buf, "/%u", v.net->prefix);
}

/* The text of a value that is no container, without quotes. */
static void print_bare(struct buf *buf, struct value v)
{
    switch ((enum value_type)v.type) {
    case VALUE_NULL: buf_add_text(buf, "null"); break;
    case VALUE_BOOL: buf_add_text(buf, v.boolean ? "true" : "false"); break;
    case VALUE_INT: buf_add_int(buf, v.integer); break;
    case VALUE_UINT: buf_add_uint(buf, v.uinteger); break;
    case VALUE_DOUBLE: json_print_double(buf, v.number); break;
    case VALUE_BYTES: base64_add(buf, value_str(v)); break;
    case VALUE_TIMESTAMP: time_print_rfc3339(buf, v.seconds, value_nanos(v)); break;
    case VALUE_DURATION: duration_print(buf, v.seconds, value_nanos(v)); break;
    case VALUE_IP:
    case VALUE_CIDR: print_net(buf, v); break;
    case VALUE_SECRET: buf_add_text(buf, "(secret)"); break;
    default: break;
    }
}

static void print_quoted(struct buf *buf, struct value v)
{
    buf_add_byte(buf, '"');
    print_bare(buf, v);
    buf_add_byte(buf, '"');
}

static void print_value(struct printer *p, struct value v);

static void print_key(struct buf *buf, struct value key)
{
    if (key.type == VALUE_STRING)
        json_print_string(buf, value_str(key));
    else
        print_quoted(buf, key);
}

static void new_line(struct printer *p)
{
    if ((p->flags & JSON_PRETTY) == 0)
        return;
    buf_add_byte(p->buf, '\n');
    for (unsigned i = 0; i < p->depth; i++)
        buf_add_text(p->buf, "  ");
}

static void print_list(struct printer *p, struct value v)
{
    buf_add_byte(p->buf, '[');
    p->depth++;
    for (uint32_t i = 0; i < v.size && p->buf->failed == ERR_OK; i++) {
        if (i > 0)
            buf_add_byte(p->buf, ',');
        new_line(p);
        print_value(p, v.items[i]);
    }
    p->depth--;
    if (v.size > 0)
        new_line(p);
    buf_add_byte(p->buf, ']');
}

/* Keys that are no strings sort before those that are, by number. */
static int order_entries(const void *a, const void *b)
{
    const struct value *left = &(*(const struct value_entry *const *)a)->key;
    const struct value *right = &(*(const struct value_entry *const *)b)->key;
    int order;
    if (value_compare(*left, *right, &order))
        return order;
    return (int)left->type - (int)right->type;
}

/* NULL when the buffer has failed. */
static const struct value_entry **sorted_entries(struct buf *buf, struct value v)
{
    const struct value_entry **sorted = memory_alloc(((size_t)v.size + 1) * sizeof *sorted);
    if (sorted == NULL) {
        buf->failed = ERR_MEMORY;
        return NULL;
    }
    for (uint32_t i = 0; i < v.size; i++)
        sorted[i] = &v.map->entries[i];
    qsort(sorted, v.size, sizeof(*sorted), order_entries);
    return sorted;
}

static void print_map(struct printer *p, struct value v)
{
    const struct value_entry **sorted = NULL;
    if (p->flags & JSON_SORT_KEYS) {
        sorted = sorted_entries(p->buf, v);
        if (sorted == NULL)
            return;
    }
    buf_add_byte(p->buf, '{');
    p->depth++;
    for (uint32_t i = 0; i < v.size && p->buf->failed == ERR_OK; i++) {
        const struct value_entry *entry = sorted ? sorted[i] : &v.map->entries[i];
        if (i > 0)
            buf_add_byte(p->buf, ',');
        new_line(p);
        print_key(p->buf, entry->key);
        buf_add_text(p->buf, p->flags & JSON_PRETTY ? ": " : ":");
        print_value(p, entry->value);
    }
    p->depth--;
    if (v.size > 0)
        new_line(p);
    buf_add_byte(p->buf, '}');
    memory_free(sorted);
}

static void print_value(struct printer *p, struct value v)
{
    if (p->depth > VALUE_DEPTH_MAX) {
        p->buf->failed = ERR_LIMIT;
        return;
    }
    switch ((enum value_type)v.type) {
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_INT:
    case VALUE_UINT: print_bare(p->buf, v); break;
    case VALUE_DOUBLE: print_double(p->buf, v.number); break;
    case VALUE_STRING:
    case VALUE_TYPE: json_print_string(p->buf, value_str(v)); break;
    case VALUE_LIST: print_list(p, v); break;
    case VALUE_MAP: print_map(p, v); break;
    case VALUE_OPTIONAL: print_value(p, v.inside ? *v.inside : value_null()); break;
    default: print_quoted(p->buf, v); break;
    }
}

void json_print(struct buf *buf, struct value v, unsigned flags)
{
    struct printer printer = { buf, flags, 0 };
    print_value(&printer, v);
}
