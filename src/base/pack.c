#include "base/pack.h"

#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "base/varint.h"

#define PACK_VERSION 1
/* On a tag. Most values came from outside and have no other flag: that costs no byte. */
#define PACK_HAS_FLAGS 0x80 /* a byte with the value's flags follows */
#define PACK_OUTSIDE 0x40 /* the flags are VALUE_OUTSIDE */
#define PACK_TAG_MASK 0x3f

/* Written to disk: never renumber, never reuse. */
enum pack_tag {
    TAG_NULL = 0,
    TAG_FALSE = 1,
    TAG_TRUE = 2,
    TAG_INT = 3, /* zigzag varint */
    TAG_UINT = 4, /* varint */
    TAG_DOUBLE = 5, /* 8 bytes, little endian */
    TAG_STRING = 6, /* varint size, bytes */
    TAG_BYTES = 7,
    TAG_LIST = 8, /* varint count, items */
    TAG_MAP = 9, /* varint count, key and value by turns */
    TAG_TIMESTAMP = 10, /* zigzag seconds, zigzag nanoseconds */
    TAG_DURATION = 11,
    TAG_TYPE = 12,
    TAG_NONE = 13, /* an optional without a value */
    TAG_SOME = 14, /* what is inside follows */
    TAG_IP = 15, /* size 4 or 16, bytes */
    TAG_CIDR = 16, /* size, bytes, prefix */
    TAG_SECRET = 17,
};

#define HEAD_BYTES_MAX (2 + VARINT_BYTES_MAX)

static char *write_tag(char *out, enum pack_tag tag, uint8_t flags)
{
    if (flags == 0 || flags == VALUE_OUTSIDE) {
        *out++ = (char)(tag | (flags ? PACK_OUTSIDE : 0));
        return out;
    }
    *out++ = (char)(tag | PACK_HAS_FLAGS);
    *out++ = (char)flags;
    return out;
}

static void commit(struct buf *buf, char *end)
{
    *end = '\0';
    buf->size = (size_t)(end - buf->data);
}

static void put_tag(struct buf *buf, enum pack_tag tag, uint8_t flags)
{
    char *out = buf_reserve(buf, HEAD_BYTES_MAX);
    if (out != NULL)
        commit(buf, write_tag(out, tag, flags));
}

static void put_number(struct buf *buf, enum pack_tag tag, uint8_t flags, uint64_t number)
{
    char *out = buf_reserve(buf, HEAD_BYTES_MAX);
    if (out != NULL)
        commit(buf, varint_write(write_tag(out, tag, flags), number));
}

static void put_text(struct buf *buf, enum pack_tag tag, struct value v)
{
    char *out = buf_reserve(buf, HEAD_BYTES_MAX + (size_t)v.size);
    if (out == NULL)
        return;
    out = varint_write(write_tag(out, tag, v.flags), v.size);
    if (v.size > 0)
        memcpy(out, v.bytes, v.size);
    commit(buf, out + v.size);
}

static void put_double(struct buf *buf, struct value v)
{
    uint64_t bits;
    char bytes[8];
    memcpy(&bits, &v.number, sizeof bits);
    for (int i = 0; i < 8; i++)
        bytes[i] = (char)(bits >> (8 * i));
    put_tag(buf, TAG_DOUBLE, v.flags);
    buf_add(buf, (struct str){ bytes, sizeof bytes });
}

static void put_time(struct buf *buf, enum pack_tag tag, struct value v)
{
    char *out = buf_reserve(buf, HEAD_BYTES_MAX + VARINT_BYTES_MAX);
    if (out == NULL)
        return;
    out = varint_write(write_tag(out, tag, v.flags), zigzag(v.seconds));
    commit(buf, varint_write(out, zigzag(value_nanos(v))));
}

static void put_net(struct buf *buf, enum pack_tag tag, struct value v)
{
    put_tag(buf, tag, v.flags);
    buf_add_byte(buf, (char)v.net->size);
    buf_add(buf, (struct str){ (const char *)v.net->bytes, v.net->size });
    if (tag == TAG_CIDR)
        buf_add_byte(buf, (char)v.net->prefix);
}

static void put_value(struct buf *buf, struct value v, unsigned depth);

static void put_container(struct buf *buf, struct value v, unsigned depth)
{
    put_number(buf, v.type == VALUE_LIST ? TAG_LIST : TAG_MAP, v.flags, v.size);
    for (uint32_t i = 0; i < v.size && buf->failed == ERR_OK; i++) {
        if (v.type == VALUE_LIST) {
            put_value(buf, v.items[i], depth + 1);
        } else {
            put_value(buf, v.map->entries[i].key, depth + 1);
            put_value(buf, v.map->entries[i].value, depth + 1);
        }
    }
}

static void put_value(struct buf *buf, struct value v, unsigned depth)
{
    if (depth > VALUE_DEPTH_MAX) {
        buf->failed = ERR_LIMIT;
        return;
    }
    switch ((enum value_type)v.type) {
    case VALUE_NULL: put_tag(buf, TAG_NULL, v.flags); break;
    case VALUE_BOOL: put_tag(buf, v.boolean ? TAG_TRUE : TAG_FALSE, v.flags); break;
    case VALUE_INT: put_number(buf, TAG_INT, v.flags, zigzag(v.integer)); break;
    case VALUE_UINT: put_number(buf, TAG_UINT, v.flags, v.uinteger); break;
    case VALUE_DOUBLE: put_double(buf, v); break;
    case VALUE_STRING: put_text(buf, TAG_STRING, v); break;
    case VALUE_BYTES: put_text(buf, TAG_BYTES, v); break;
    case VALUE_TYPE: put_text(buf, TAG_TYPE, v); break;
    case VALUE_SECRET: put_text(buf, TAG_SECRET, v); break;
    case VALUE_LIST:
    case VALUE_MAP: put_container(buf, v, depth); break;
    case VALUE_TIMESTAMP: put_time(buf, TAG_TIMESTAMP, v); break;
    case VALUE_DURATION: put_time(buf, TAG_DURATION, v); break;
    case VALUE_OPTIONAL:
        put_tag(buf, v.inside ? TAG_SOME : TAG_NONE, v.flags);
        if (v.inside != NULL)
            put_value(buf, *v.inside, depth + 1);
        break;
    case VALUE_IP: put_net(buf, TAG_IP, v); break;
    case VALUE_CIDR: put_net(buf, TAG_CIDR, v); break;
    case VALUE_TYPE_COUNT: buf->failed = ERR_INTERNAL; break;
    }
}

void pack_value(struct buf *buf, struct value v)
{
    buf_add_byte(buf, PACK_VERSION);
    put_value(buf, v, 0);
}

struct unpacker {
    struct arena *arena;
    struct str bytes;
    size_t at;
    bool copy_strings;
    unsigned depth;
    struct err_info *why;
};

static FALLIBLE damaged(struct unpacker *u, const char *what)
{
    (void)err_named(
        u->why, ERR_INVALID, "pack_damaged", "packed value is damaged at byte %zu: %s", u->at, what);
    return ERR_INVALID; /* which the compiler could not know from the call */
}

static FALLIBLE get_byte(struct unpacker *u, uint8_t *ret)
{
    if (u->at >= u->bytes.size)
        return damaged(u, "it ends early");
    *ret = (uint8_t)u->bytes.data[u->at++];
    return ERR_OK;
}

static FALLIBLE get_varint(struct unpacker *u, uint64_t *ret)
{
    size_t begin = u->at;
    if (varint_read(u->bytes, &u->at, ret))
        return ERR_OK;
    return damaged(u, u->at - begin < VARINT_BYTES_MAX ? "it ends early" : "a number is too long");
}

static FALLIBLE get_zigzag(struct unpacker *u, int64_t *ret)
{
    uint64_t number;
    TRY(get_varint(u, &number));
    *ret = unzigzag(number);
    return ERR_OK;
}

/* A count or size: each thing counted takes a byte at least, so no damaged count makes us allocate more
 * than a small multiple of what is there. */
static FALLIBLE get_count(struct unpacker *u, size_t bytes_each, uint32_t *ret)
{
    uint64_t count;
    TRY(get_varint(u, &count));
    if (count > (u->bytes.size - u->at) / bytes_each || count > UINT32_MAX)
        return damaged(u, "a size is larger than what is left");
    *ret = (uint32_t)count;
    return ERR_OK;
}

static FALLIBLE get_text(struct unpacker *u, enum value_type type, struct value *ret)
{
    uint32_t size;
    TRY(get_count(u, 1, &size));
    struct str text = { u->bytes.data + u->at, size };
    if (type != VALUE_BYTES && !utf8_is_valid(text))
        return damaged(u, "a string is not UTF-8");
    if (u->copy_strings)
        TRY(arena_str(u->arena, text, &text, u->why));
    u->at += size;
    *ret = (struct value){ .type = (uint8_t)type, .size = size, .bytes = text.data };
    return ERR_OK;
}

static FALLIBLE get_double(struct unpacker *u, struct value *ret)
{
    uint64_t bits = 0;
    double number;
    if (u->bytes.size - u->at < sizeof bits)
        return damaged(u, "it ends early");
    for (unsigned i = 0; i < sizeof bits; i++)
        bits |= (uint64_t)(uint8_t)u->bytes.data[u->at++] << (8 * i);
    memcpy(&number, &bits, sizeof number);
    *ret = value_double(number);
    return ERR_OK;
}

static FALLIBLE get_time(struct unpacker *u, enum value_type type, struct value *ret)
{
    int64_t seconds, nanos;
    TRY(get_zigzag(u, &seconds));
    TRY(get_zigzag(u, &nanos));
    if (nanos <= -1000000000 || nanos >= 1000000000)
        return damaged(u, "a time has more than a second of nanoseconds");
    *ret = (struct value){ .type = (uint8_t)type, .size = (uint32_t)(int32_t)nanos, .seconds = seconds };
    return ERR_OK;
}

static FALLIBLE get_net(struct unpacker *u, enum value_type type, struct value *ret)
{
    struct value_net *net = ARENA_NEW(u->arena, struct value_net);
    if (net == NULL)
        return err_memory(u->why);
    TRY(get_byte(u, &net->size));
    if ((net->size != 4 && net->size != 16) || u->bytes.size - u->at < net->size)
        return damaged(u, "a network address has a wrong size");
    memcpy(net->bytes, u->bytes.data + u->at, net->size);
    u->at += net->size;
    if (type == VALUE_CIDR)
        TRY(get_byte(u, &net->prefix));
    if (net->prefix > net->size * 8)
        return damaged(u, "a network prefix is too long");
    *ret = (struct value){ .type = (uint8_t)type, .net = net };
    return ERR_OK;
}

static FALLIBLE get_value(struct unpacker *u, struct value *ret);

static FALLIBLE get_list(struct unpacker *u, struct value *ret)
{
    uint32_t count;
    TRY(get_count(u, 1, &count));
    struct value *items = ARENA_ARRAY(u->arena, count, struct value);
    if (items == NULL)
        return err_memory(u->why);
    for (uint32_t i = 0; i < count; i++)
        TRY(get_value(u, &items[i]));
    *ret = (struct value){ .type = VALUE_LIST, .size = count, .items = items };
    return ERR_OK;
}

static bool can_be_key(struct value v)
{
    return v.type == VALUE_STRING || v.type == VALUE_INT || v.type == VALUE_UINT || v.type == VALUE_BOOL;
}

static FALLIBLE get_map(struct unpacker *u, struct value *ret)
{
    uint32_t count, duplicate;
    TRY(get_count(u, 2, &count));
    struct value_entry *entries = ARENA_ARRAY(u->arena, count, struct value_entry);
    if (entries == NULL)
        return err_memory(u->why);
    for (uint32_t i = 0; i < count; i++) {
        TRY(get_value(u, &entries[i].key));
        if (!can_be_key(entries[i].key))
            return damaged(u, "a map's key has a wrong type");
        TRY(get_value(u, &entries[i].value));
    }
    struct value map;
    TRY(value_map_adopt(u->arena, entries, count, &map, &duplicate, u->why));
    if (duplicate != UINT32_MAX)
        return damaged(u, "a map has a key twice");
    *ret = map;
    return ERR_OK;
}

static FALLIBLE get_some(struct unpacker *u, struct value *ret)
{
    struct value *inside = ARENA_NEW(u->arena, struct value);
    if (inside == NULL)
        return err_memory(u->why);
    TRY(get_value(u, inside));
    *ret = (struct value){ .type = VALUE_OPTIONAL, .inside = inside };
    return ERR_OK;
}

static FALLIBLE get_tagged(struct unpacker *u, uint8_t tag, struct value *ret)
{
    switch (tag) {
    case TAG_NULL: *ret = value_null(); return ERR_OK;
    case TAG_FALSE: *ret = value_bool(false); return ERR_OK;
    case TAG_TRUE: *ret = value_bool(true); return ERR_OK;
    case TAG_INT: *ret = value_int(0); return get_zigzag(u, &ret->integer);
    case TAG_UINT: *ret = value_uint(0); return get_varint(u, &ret->uinteger);
    case TAG_DOUBLE: return get_double(u, ret);
    case TAG_STRING: return get_text(u, VALUE_STRING, ret);
    case TAG_BYTES: return get_text(u, VALUE_BYTES, ret);
    case TAG_LIST: return get_list(u, ret);
    case TAG_MAP: return get_map(u, ret);
    case TAG_TIMESTAMP: return get_time(u, VALUE_TIMESTAMP, ret);
    case TAG_DURATION: return get_time(u, VALUE_DURATION, ret);
    case TAG_TYPE: return get_text(u, VALUE_TYPE, ret);
    case TAG_NONE: *ret = (struct value){ .type = VALUE_OPTIONAL }; return ERR_OK;
    case TAG_SOME: return get_some(u, ret);
    case TAG_IP: return get_net(u, VALUE_IP, ret);
    case TAG_CIDR: return get_net(u, VALUE_CIDR, ret);
    case TAG_SECRET: return get_text(u, VALUE_SECRET, ret);
    default: return damaged(u, "an unknown type");
    }
}

static enum err get_value(struct unpacker *u, struct value *ret)
{
    uint8_t tag, flags = 0;
    TRY(get_byte(u, &tag));
    if (tag & PACK_HAS_FLAGS)
        TRY(get_byte(u, &flags));
    else if (tag & PACK_OUTSIDE)
        flags = VALUE_OUTSIDE;
    if (u->depth > VALUE_DEPTH_MAX)
        return damaged(u, "it is nested too deep");
    u->depth++;
    struct value v;
    TRY(get_tagged(u, tag & PACK_TAG_MASK, &v));
    u->depth--;
    v.flags = flags;
    *ret = v;
    return ERR_OK;
}

enum err unpack_value(
    struct arena *arena, struct str bytes, bool copy_strings, struct value *ret, struct err_info *why)
{
    struct unpacker u = { .arena = arena, .bytes = bytes, .copy_strings = copy_strings, .why = why };
    uint8_t version;
    struct value v;
    TRY(get_byte(&u, &version));
    if (version != PACK_VERSION)
        return err_named(why, ERR_INVALID, "pack_version",
            "packed value has version %u, this program reads %d", version, PACK_VERSION);
    TRY(get_value(&u, &v));
    if (u.at != bytes.size)
        return damaged(&u, "bytes are left over");
    *ret = v;
    return ERR_OK;
}
