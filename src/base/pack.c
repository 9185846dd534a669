#include "base/pack.h"

#include <string.h>

#include "base/limits.h"
#include "base/text.h"

#define PACK_VERSION 1

static void add_varint(struct buf *buf, uint64_t number)
{
    while (number >= 0x80) {
        buf_add_byte(buf, (char)(number | 0x80));
        number >>= 7;
    }
    buf_add_byte(buf, (char)number);
}

static uint64_t zigzag(int64_t number)
{
    return (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0);
}

static int64_t unzigzag(uint64_t number)
{
    return (int64_t)(number >> 1) ^ -(int64_t)(number & 1);
}

static void pack_at(struct buf *buf, struct value v)
{
    buf_add_byte(buf, (char)v.type);
    buf_add_byte(buf, (char)v.flags);
    switch (v.type) {
    case VALUE_BOOL: buf_add_byte(buf, (char)v.boolean); break;
    case VALUE_INT: add_varint(buf, zigzag(v.integer)); break;
    case VALUE_UINT: add_varint(buf, v.uinteger); break;
    case VALUE_DOUBLE: buf_add(buf, (struct str){ (const char *)&v.number, sizeof v.number }); break;
    case VALUE_STRING:
    case VALUE_BYTES:
    case VALUE_TYPE:
    case VALUE_SECRET:
        add_varint(buf, v.size);
        buf_add(buf, value_str(v));
        break;
    case VALUE_LIST:
        add_varint(buf, v.size);
        for (uint32_t i = 0; i < v.size; i++)
            pack_at(buf, v.items[i]);
        break;
    case VALUE_MAP: {
        const struct value_entry *entries = value_map_entries(v);
        add_varint(buf, v.size);
        for (uint32_t i = 0; i < v.size; i++) {
            pack_at(buf, entries[i].key);
            pack_at(buf, entries[i].value);
        }
        break;
    }
    case VALUE_TIMESTAMP:
    case VALUE_DURATION:
        add_varint(buf, zigzag(v.seconds));
        add_varint(buf, zigzag(value_nanos(v)));
        break;
    case VALUE_OPTIONAL:
        buf_add_byte(buf, v.inside != NULL);
        if (v.inside != NULL)
            pack_at(buf, *v.inside);
        break;
    case VALUE_IP:
    case VALUE_CIDR:
        buf_add_byte(buf, (char)v.net->size);
        buf_add_byte(buf, (char)v.net->prefix);
        buf_add(buf, (struct str){ (const char *)v.net->bytes, v.net->size });
        break;
    default: break;
    }
}

void pack_value(struct buf *buf, struct value v)
{
    buf_add_byte(buf, PACK_VERSION);
    pack_at(buf, v);
}

struct unpacker {
    struct arena *arena;
    const unsigned char *at, *end;
    bool copy_strings;
    struct err_info *why;
};

static enum err damaged(struct unpacker *u)
{
    return err_named(u->why, ERR_INVALID, "pack_damaged", "stored bytes are damaged");
}

static size_t bytes_left(const struct unpacker *u)
{
    return (size_t)(u->end - u->at);
}

static enum err read_varint(struct unpacker *u, uint64_t *ret)
{
    uint64_t number = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (u->at == u->end)
            return damaged(u);
        unsigned char byte = *u->at++;
        if (shift == 63 && byte > 1)
            return damaged(u);
        number |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *ret = number;
            return ERR_OK;
        }
    }
    return damaged(u);
}

/* Each item takes two bytes at least, so a count that lies can't make a huge allocation. */
static enum err read_count(struct unpacker *u, size_t bytes_each, uint32_t *ret)
{
    uint64_t count;
    TRY(read_varint(u, &count));
    if (count > bytes_left(u) / bytes_each)
        return damaged(u);
    *ret = (uint32_t)count;
    return ERR_OK;
}

static enum err read_at(struct unpacker *u, unsigned depth, struct value *ret);

static enum err read_text(struct unpacker *u, struct value *v)
{
    uint64_t size;
    TRY(read_varint(u, &size));
    if (size > bytes_left(u) || size > UINT32_MAX)
        return damaged(u);
    struct str text = { (const char *)u->at, (size_t)size };
    u->at += size;
    if (v->type == VALUE_STRING && !utf8_is_valid(text))
        return damaged(u);
    if (u->copy_strings)
        TRY(arena_str(u->arena, text, &text, u->why));
    v->size = (uint32_t)text.size;
    v->bytes = text.data;
    return ERR_OK;
}

static enum err read_list(struct unpacker *u, unsigned depth, struct value *v)
{
    TRY(read_count(u, 2, &v->size));
    struct value *items = ARENA_ARRAY(u->arena, v->size, struct value);
    if (items == NULL)
        return err_memory(u->why);
    for (uint32_t i = 0; i < v->size; i++)
        TRY(read_at(u, depth + 1, &items[i]));
    v->items = items;
    return ERR_OK;
}

static enum err read_map(struct unpacker *u, unsigned depth, struct value *v)
{
    uint32_t count = 0, duplicate;
    uint8_t flags = v->flags;
    TRY(read_count(u, 4, &count));
    struct value_entry *entries = ARENA_ARRAY(u->arena, count, struct value_entry);
    if (entries == NULL)
        return err_memory(u->why);
    for (uint32_t i = 0; i < count; i++) {
        TRY(read_at(u, depth + 1, &entries[i].key));
        TRY(read_at(u, depth + 1, &entries[i].value));
    }
    TRY(value_map_adopt(u->arena, entries, count, v, &duplicate, u->why));
    v->flags = flags;
    return duplicate == UINT32_MAX ? ERR_OK : damaged(u);
}

static enum err read_time(struct unpacker *u, struct value *v)
{
    uint64_t seconds, nanos;
    TRY(read_varint(u, &seconds));
    TRY(read_varint(u, &nanos));
    int64_t n = unzigzag(nanos);
    if (n <= -1000000000 || n >= 1000000000)
        return damaged(u);
    v->seconds = unzigzag(seconds);
    v->size = (uint32_t)(int32_t)n;
    return ERR_OK;
}

static enum err read_net(struct unpacker *u, struct value *v)
{
    if (bytes_left(u) < 2)
        return damaged(u);
    uint8_t size = u->at[0], prefix = u->at[1];
    u->at += 2;
    if ((size != 4 && size != 16) || prefix > size * 8 || bytes_left(u) < size)
        return damaged(u);
    struct value_net *net = ARENA_NEW(u->arena, struct value_net);
    if (net == NULL)
        return err_memory(u->why);
    net->size = size;
    net->prefix = prefix;
    memcpy(net->bytes, u->at, size);
    u->at += size;
    v->net = net;
    return ERR_OK;
}

static enum err read_byte(struct unpacker *u, unsigned char max, unsigned char *ret)
{
    if (u->at == u->end || *u->at > max)
        return damaged(u);
    *ret = *u->at++;
    return ERR_OK;
}

static enum err read_scalar(struct unpacker *u, unsigned depth, struct value *v)
{
    uint64_t number;
    unsigned char byte = 0;
    switch (v->type) {
    case VALUE_NULL: return ERR_OK;
    case VALUE_BOOL:
        TRY(read_byte(u, 1, &byte));
        v->boolean = byte;
        return ERR_OK;
    case VALUE_INT:
        TRY(read_varint(u, &number));
        v->integer = unzigzag(number);
        return ERR_OK;
    case VALUE_UINT: return read_varint(u, &v->uinteger);
    case VALUE_DOUBLE:
        if (bytes_left(u) < sizeof v->number)
            return damaged(u);
        memcpy(&v->number, u->at, sizeof v->number);
        u->at += sizeof v->number;
        return ERR_OK;
    case VALUE_OPTIONAL:
        TRY(read_byte(u, 1, &byte));
        if (byte) {
            struct value *inside = ARENA_NEW(u->arena, struct value);
            if (inside == NULL)
                return err_memory(u->why);
            TRY(read_at(u, depth + 1, inside));
            v->inside = inside;
        }
        return ERR_OK;
    default: return damaged(u);
    }
}

static enum err read_at(struct unpacker *u, unsigned depth, struct value *ret)
{
    if (depth > VALUE_DEPTH_MAX || bytes_left(u) < 2)
        return damaged(u);
    struct value v = { .type = u->at[0], .flags = u->at[1] };
    u->at += 2;
    switch (v.type) {
    case VALUE_STRING:
    case VALUE_BYTES:
    case VALUE_TYPE:
    case VALUE_SECRET: TRY(read_text(u, &v)); break;
    case VALUE_LIST: TRY(read_list(u, depth, &v)); break;
    case VALUE_MAP: TRY(read_map(u, depth, &v)); break;
    case VALUE_TIMESTAMP:
    case VALUE_DURATION: TRY(read_time(u, &v)); break;
    case VALUE_IP:
    case VALUE_CIDR: TRY(read_net(u, &v)); break;
    default: TRY(read_scalar(u, depth, &v)); break;
    }
    *ret = v;
    return ERR_OK;
}

enum err unpack_value(
    struct arena *arena, struct str bytes, bool copy_strings, struct value *ret, struct err_info *why)
{
    const unsigned char *data = (const unsigned char *)bytes.data;
    struct unpacker u = { arena, data, data + bytes.size, copy_strings, why };
    if (bytes.size < 1 || *u.at++ != PACK_VERSION)
        return err_named(why, ERR_INVALID, "pack_version", "stored bytes have an unknown format");
    struct value v;
    TRY(read_at(&u, 0, &v));
    if (u.at != u.end)
        return damaged(&u);
    *ret = v;
    return ERR_OK;
}
