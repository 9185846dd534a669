#include "expr/type.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "base/limits.h"

const struct type type_dyn = { .kind = TYPE_DYN };
const struct type type_null = { .kind = TYPE_NULL };
const struct type type_bool = { .kind = TYPE_BOOL };
const struct type type_int = { .kind = TYPE_INT };
const struct type type_uint = { .kind = TYPE_UINT };
const struct type type_double = { .kind = TYPE_DOUBLE };
const struct type type_string = { .kind = TYPE_STRING };
const struct type type_bytes = { .kind = TYPE_BYTES };
const struct type type_timestamp = { .kind = TYPE_TIMESTAMP };
const struct type type_duration = { .kind = TYPE_DURATION };
const struct type type_ip = { .kind = TYPE_IP };
const struct type type_cidr = { .kind = TYPE_CIDR };
const struct type type_list_dyn = { .kind = TYPE_LIST, .item = &type_dyn };
const struct type type_map_dyn = { .kind = TYPE_MAP, .key = &type_string, .item = &type_dyn };
const struct type type_error = { .kind = TYPE_ERROR };

/* Types nest as deep as the values that they describe. */
#define TYPE_DEPTH_MAX VALUE_DEPTH_MAX

static const struct simple_type {
    struct str name;
    const struct type *type;
} simple_types[] = {
    { STR_INIT("dyn"), &type_dyn },
    { STR_INIT("null_type"), &type_null },
    { STR_INIT("bool"), &type_bool },
    { STR_INIT("int"), &type_int },
    { STR_INIT("uint"), &type_uint },
    { STR_INIT("double"), &type_double },
    { STR_INIT("string"), &type_string },
    { STR_INIT("bytes"), &type_bytes },
    { STR_INIT("google.protobuf.Timestamp"), &type_timestamp },
    { STR_INIT("google.protobuf.Duration"), &type_duration },
    { STR_INIT("net.IP"), &type_ip },
    { STR_INIT("net.CIDR"), &type_cidr },
};

static const char *const sink_names[SINK_COUNT] = { "", "shell", "sql", "ldap", "html", "prompt" };

const char *type_sink_name(enum type_sink sink)
{
    return sink_names[sink];
}

bool type_sink_parse(struct str text, enum type_sink *ret)
{
    for (unsigned i = SINK_NONE + 1; i < SINK_COUNT; i++) {
        if (!str_equal(text, str_of(sink_names[i])))
            continue;
        *ret = (enum type_sink)i;
        return true;
    }
    return false;
}

bool type_kind_is_fixed(enum type_kind kind)
{
    switch (kind) {
    case TYPE_NULL:
    case TYPE_BOOL:
    case TYPE_INT:
    case TYPE_UINT:
    case TYPE_DOUBLE:
    case TYPE_TIMESTAMP:
    case TYPE_DURATION:
    case TYPE_IP:
    case TYPE_CIDR:
    case TYPE_TYPE: return true;
    default: return false;
    }
}

bool type_is_plain(const struct type *type)
{
    switch (type->kind) {
    case TYPE_STRING: return type->choice_count > 0;
    case TYPE_LIST:
    case TYPE_OPTIONAL:
    case TYPE_NULLABLE: return type_is_plain(type->item);
    default: return type_kind_is_fixed(type->kind);
    }
}

const struct type *type_of_scalar(struct value v)
{
    switch (v.type) {
    case VALUE_NULL: return &type_null;
    case VALUE_BOOL: return &type_bool;
    case VALUE_INT: return &type_int;
    case VALUE_UINT: return &type_uint;
    case VALUE_DOUBLE: return &type_double;
    case VALUE_STRING: return &type_string;
    case VALUE_BYTES: return &type_bytes;
    default: return &type_dyn;
    }
}

const struct type *type_list_of(struct arena *arena, const struct type *item)
{
    struct type *type = ARENA_NEW(arena, struct type);
    if (type == NULL)
        return NULL;
    type->kind = TYPE_LIST;
    type->item = item;
    return type;
}

const struct type *type_map_of(struct arena *arena, const struct type *key, const struct type *item)
{
    struct type *type = ARENA_NEW(arena, struct type);
    if (type == NULL)
        return NULL;
    type->kind = TYPE_MAP;
    type->key = key;
    type->item = item;
    return type;
}

const struct type *type_optional_of(struct arena *arena, const struct type *item)
{
    struct type *type = ARENA_NEW(arena, struct type);
    if (type == NULL)
        return NULL;
    type->kind = TYPE_OPTIONAL;
    type->item = item;
    return type;
}

static void print_compound(
    struct buf *buf, const char *name, const struct type *first, const struct type *second)
{
    buf_add_text(buf, name);
    buf_add_byte(buf, '(');
    type_print(buf, first);
    if (second != NULL) {
        buf_add_text(buf, ", ");
        type_print(buf, second);
    }
    buf_add_byte(buf, ')');
}

void type_print(struct buf *buf, const struct type *type)
{
    for (size_t i = 0; i < sizeof(simple_types) / sizeof(simple_types[0]); i++) {
        if (simple_types[i].type->kind == type->kind) {
            buf_add(buf, simple_types[i].name);
            return;
        }
    }
    switch (type->kind) {
    case TYPE_LIST: print_compound(buf, "list", type->item, NULL); break;
    case TYPE_MAP: print_compound(buf, "map", type->key, type->item); break;
    case TYPE_RECORD: buf_add_text(buf, "map(string, dyn)"); break;
    case TYPE_OPTIONAL: print_compound(buf, "optional_type", type->item, NULL); break;
    case TYPE_NULLABLE: type_print(buf, type->item); break;
    case TYPE_TYPE:
        if (type->item != NULL)
            print_compound(buf, "type", type->item, NULL);
        else
            buf_add_text(buf, "type");
        break;
    case TYPE_PARAMETER:
        if (type->name.size > 0)
            buf_add(buf, type->name);
        else
            buf_add_text(buf, "dyn");
        break;
    default: buf_add_text(buf, "!error!"); break;
    }
}

/* ---- text to type ---- */

struct type_reader {
    struct arena *arena;
    struct str text;
    size_t at;
};

static void skip_blanks(struct type_reader *reader)
{
    while (reader->at < reader->text.size &&
        (reader->text.data[reader->at] == ' ' || reader->text.data[reader->at] == '\t'))
        reader->at++;
}

static bool take_byte(struct type_reader *reader, char byte)
{
    skip_blanks(reader);
    if (reader->at >= reader->text.size || reader->text.data[reader->at] != byte)
        return false;
    reader->at++;
    return true;
}

static struct str take_word(struct type_reader *reader)
{
    skip_blanks(reader);
    size_t from = reader->at;
    while (reader->at < reader->text.size) {
        char c = reader->text.data[reader->at];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
            c == '_' || c == '.';
        if (!is_word)
            break;
        reader->at++;
    }
    return str_slice(reader->text, from, reader->at);
}

static FALLIBLE read_type(
    struct type_reader *reader, unsigned depth, const struct type **ret, struct err_info *why);

static FALLIBLE read_arguments(struct type_reader *reader, unsigned depth, const struct type **ret_first,
    const struct type **ret_second, struct err_info *why)
{
    TRY(read_type(reader, depth + 1, ret_first, why));
    if (ret_second != NULL) {
        if (!take_byte(reader, ','))
            return err_at(why, ERR_INVALID, "type_syntax", 1, (uint32_t)reader->at + 1,
                "a map type has two parts: map(string, dyn)");
        TRY(read_type(reader, depth + 1, ret_second, why));
    }
    if (!take_byte(reader, ')'))
        return err_at(why, ERR_INVALID, "type_syntax", 1, (uint32_t)reader->at + 1, "a ')' is missing");
    return ERR_OK;
}

static FALLIBLE read_compound(struct type_reader *reader, struct str word, unsigned depth,
    const struct type **ret, struct err_info *why)
{
    const struct type *first = NULL, *second = NULL, *made = NULL;
    if (str_equal(word, STR("list"))) {
        TRY(read_arguments(reader, depth, &first, NULL, why));
        made = type_list_of(reader->arena, first);
    } else if (str_equal(word, STR("map"))) {
        TRY(read_arguments(reader, depth, &first, &second, why));
        made = type_map_of(reader->arena, first, second);
    } else if (str_equal(word, STR("optional_type"))) {
        TRY(read_arguments(reader, depth, &first, NULL, why));
        made = type_optional_of(reader->arena, first);
    } else if (str_equal(word, STR("type"))) {
        TRY(read_arguments(reader, depth, &first, NULL, why));
        struct type *type = ARENA_NEW(reader->arena, struct type);
        if (type != NULL)
            *type = (struct type){ .kind = TYPE_TYPE, .item = first };
        made = type;
    } else {
        return err_at(
            why, ERR_INVALID, "type_unknown", 1, (uint32_t)reader->at, "no type %.*s(…)", STR_ARG(word));
    }
    if (made == NULL)
        return err_memory(why);
    *ret = made;
    return ERR_OK;
}

static FALLIBLE read_type(
    struct type_reader *reader, unsigned depth, const struct type **ret, struct err_info *why)
{
    static const struct type any_type = { .kind = TYPE_TYPE };
    if (depth > TYPE_DEPTH_MAX)
        return err_named(
            why, ERR_LIMIT, "VALUE_DEPTH_MAX", "the type is nested deeper than %d", TYPE_DEPTH_MAX);
    struct str word = take_word(reader);
    if (take_byte(reader, '('))
        return read_compound(reader, word, depth, ret, why);
    for (size_t i = 0; i < sizeof(simple_types) / sizeof(simple_types[0]); i++) {
        if (str_equal(simple_types[i].name, word)) {
            *ret = simple_types[i].type;
            return ERR_OK;
        }
    }
    if (str_equal(word, STR("list")))
        *ret = &type_list_dyn;
    else if (str_equal(word, STR("map")))
        *ret = &type_map_dyn;
    else if (str_equal(word, STR("type")))
        *ret = &any_type;
    else
        return err_at(
            why, ERR_INVALID, "type_unknown", 1, (uint32_t)reader->at, "no type '%.*s'", STR_ARG(word));
    return ERR_OK;
}

FALLIBLE type_parse(struct arena *arena, struct str text, const struct type **ret, struct err_info *why)
{
    struct type_reader reader = { .arena = arena, .text = text };
    const struct type *type = NULL;
    TRY(read_type(&reader, 0, &type, why));
    skip_blanks(&reader);
    if (reader.at != text.size)
        return err_at(
            why, ERR_INVALID, "type_syntax", 1, (uint32_t)reader.at + 1, "something stands behind the type");
    *ret = type;
    return ERR_OK;
}

/* ---- comparing types ---- */

const struct type_field *type_find_field(const struct type *record, struct str name)
{
    for (uint32_t i = 0; i < record->field_count; i++) {
        if (str_equal(record->fields[i].name, name))
            return &record->fields[i];
    }
    return NULL;
}

const struct type_field *type_nearest_field(const struct type *record, struct str name)
{
    const struct type_field *nearest = NULL;
    unsigned limit = name.size < 4 ? 1 : name.size < 8 ? 2 : 3;
    for (uint32_t i = 0; i < record->field_count; i++) {
        unsigned distance = str_distance(record->fields[i].name, name, limit);
        if (distance <= limit) {
            nearest = &record->fields[i];
            if (distance == 0)
                break;
            limit = distance - 1;
        }
    }
    return nearest;
}

static bool records_equal(const struct type *a, const struct type *b)
{
    if (a->field_count != b->field_count || a->is_open != b->is_open)
        return false;
    for (uint32_t i = 0; i < a->field_count; i++) {
        if (!str_equal(a->fields[i].name, b->fields[i].name) ||
            !type_equal(a->fields[i].type, b->fields[i].type))
            return false;
    }
    return true;
}

bool type_equal(const struct type *a, const struct type *b)
{
    if (a == b)
        return true;
    if (a == NULL || b == NULL || a->kind != b->kind)
        return false;
    switch (a->kind) {
    case TYPE_LIST:
    case TYPE_OPTIONAL:
    case TYPE_NULLABLE: return type_equal(a->item, b->item);
    case TYPE_TYPE:
        return (a->item == NULL) == (b->item == NULL) && (a->item == NULL || type_equal(a->item, b->item));
    case TYPE_MAP: return type_equal(a->key, b->key) && type_equal(a->item, b->item);
    case TYPE_RECORD: return records_equal(a, b);
    case TYPE_PARAMETER: return a->variable == b->variable && str_equal(a->name, b->name);
    default: return true;
    }
}

/* The way from the root of a value or type to the part in question, for messages. It lives on the
 * stack of the recursion that walks there. */
struct type_path {
    const struct type_path *outer;
    struct str name;
    int64_t index; /* when name.data is NULL */
};

static void print_path(struct buf *buf, const struct type_path *path)
{
    if (path == NULL)
        return;
    print_path(buf, path->outer);
    if (path->name.data == NULL) {
        buf_printf(buf, "[%lld]", (long long)path->index);
        return;
    }
    if (buf->size > 0)
        buf_add_byte(buf, '.');
    buf_add(buf, path->name);
}

static FALLIBLE mismatch(
    struct err_info *why, const struct type_path *path, const struct type *to, const char *got)
{
    AUTO(buf) struct buf place = { .bytes_max = 4 * KIB };
    AUTO(buf) struct buf wanted = { .bytes_max = 4 * KIB };
    print_path(&place, path);
    type_print(&wanted, to);
    if (place.size == 0)
        return err_named(
            why, ERR_INVALID, "type_mismatch", "expected %s, got %s", wanted.data ? wanted.data : "", got);
    return err_named(why, ERR_INVALID, "type_mismatch", "%s: expected %s, got %s", place.data,
        wanted.data ? wanted.data : "", got);
}

static FALLIBLE missing(struct err_info *why, const struct type_path *path, struct str field)
{
    AUTO(buf) struct buf place = { .bytes_max = 4 * KIB };
    struct type_path whole = { path, field, 0 };
    print_path(&place, &whole);
    return err_named(
        why, ERR_INVALID, "type_missing_field", "%s: a value is required", place.data ? place.data : "");
}

static FALLIBLE unknown(
    struct err_info *why, const struct type_path *path, const struct type *record, struct str field)
{
    AUTO(buf) struct buf place = { .bytes_max = 4 * KIB };
    struct type_path whole = { path, field, 0 };
    print_path(&place, &whole);
    const struct type_field *nearest = type_nearest_field(record, field);
    if (nearest != NULL)
        return err_named(why, ERR_INVALID, "type_unknown_field", "%s: no such field; did you mean '%.*s'?",
            place.data ? place.data : "", STR_ARG(nearest->name));
    return err_named(
        why, ERR_INVALID, "type_unknown_field", "%s: no such field", place.data ? place.data : "");
}

static FALLIBLE accepts(
    const struct type *to, const struct type *from, const struct type_path *path, struct err_info *why);

static FALLIBLE accepts_record(
    const struct type *to, const struct type *from, const struct type_path *path, struct err_info *why)
{
    for (uint32_t i = 0; i < to->field_count; i++) {
        const struct type_field *field = &to->fields[i];
        const struct type_field *given = type_find_field(from, field->name);
        struct type_path inner = { path, field->name, 0 };
        if (given != NULL)
            TRY(accepts(field->type, given->type, &inner, why));
        else if (field->is_required && !from->is_open)
            return missing(why, path, field->name);
    }
    for (uint32_t i = 0; !to->is_open && i < from->field_count; i++) {
        if (type_find_field(to, from->fields[i].name) == NULL)
            return unknown(why, path, to, from->fields[i].name);
    }
    return ERR_OK;
}

static bool is_choice(const struct type *to, struct str text)
{
    if (to->choices == NULL)
        return true;
    for (uint32_t i = 0; i < to->choice_count; i++) {
        if (str_equal(to->choices[i], text))
            return true;
    }
    return false;
}

static FALLIBLE refuse(
    const struct type *to, const struct type *from, const struct type_path *path, struct err_info *why)
{
    AUTO(buf) struct buf got = { .bytes_max = 4 * KIB };
    type_print(&got, from);
    return mismatch(why, path, to, got.data ? got.data : "");
}

static FALLIBLE accepts(
    const struct type *to, const struct type *from, const struct type_path *path, struct err_info *why)
{
    if (to == from || to->kind == TYPE_DYN || from->kind == TYPE_DYN || to->kind == TYPE_ERROR ||
        from->kind == TYPE_ERROR || to->kind == TYPE_PARAMETER || from->kind == TYPE_PARAMETER)
        return ERR_OK;
    if (to->kind == TYPE_NULLABLE)
        return from->kind == TYPE_NULL
            ? ERR_OK
            : accepts(to->item, from->kind == TYPE_NULLABLE ? from->item : from, path, why);
    if ((to->kind == TYPE_IP || to->kind == TYPE_CIDR) && from->kind == TYPE_STRING)
        return ERR_OK;
    struct type_path inner = { path, STR("*"), 0 };
    if (to->kind == TYPE_MAP && from->kind == TYPE_RECORD) {
        TRY(accepts(to->key, &type_string, path, why));
        for (uint32_t i = 0; i < from->field_count; i++) {
            inner.name = from->fields[i].name;
            TRY(accepts(to->item, from->fields[i].type, &inner, why));
        }
        return ERR_OK;
    }
    if (to->kind == TYPE_RECORD && from->kind == TYPE_MAP)
        return accepts(&type_string, from->key, path, why);
    if (to->kind != from->kind)
        return refuse(to, from, path, why);
    switch (to->kind) {
    case TYPE_LIST:
    case TYPE_OPTIONAL: return accepts(to->item, from->item, &inner, why);
    case TYPE_MAP:
        TRY(accepts(to->key, from->key, &inner, why));
        return accepts(to->item, from->item, &inner, why);
    case TYPE_RECORD: return accepts_record(to, from, path, why);
    case TYPE_STRING:
        for (uint32_t i = 0; to->choices != NULL && from->choices != NULL && i < from->choice_count; i++) {
            if (!is_choice(to, from->choices[i]))
                return refuse(to, from, path, why);
        }
        return ERR_OK;
    default: return ERR_OK;
    }
}

FALLIBLE type_accepts(const struct type *to, const struct type *from, struct err_info *why)
{
    return accepts(to, from, NULL, why);
}

/* ---- values against types ---- */

static FALLIBLE check(const struct type *type, struct value v, const struct type_path *path, unsigned depth,
    struct err_info *why);

static FALLIBLE check_record(const struct type *type, struct value v, const struct type_path *path,
    unsigned depth, struct err_info *why)
{
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct type_field *field = &type->fields[i];
        const struct value *given = value_map_find(v, field->name);
        struct type_path inner = { path, field->name, 0 };
        if (given != NULL)
            TRY(check(field->type, *given, &inner, depth + 1, why));
        else if (field->is_required)
            return missing(why, path, field->name);
    }
    const struct value_entry *entries = value_map_entries(v);
    for (uint32_t i = 0; !type->is_open && i < v.size; i++) {
        if (entries[i].key.type != VALUE_STRING)
            return mismatch(why, path, &type_string, value_type_name(entries[i].key.type));
        if (type_find_field(type, value_str(entries[i].key)) == NULL)
            return unknown(why, path, type, value_str(entries[i].key));
    }
    return ERR_OK;
}

static FALLIBLE check_items(const struct type *type, struct value v, const struct type_path *path,
    unsigned depth, struct err_info *why)
{
    struct type_path inner = { path, { NULL, 0 }, 0 };
    for (uint32_t i = 0; v.type == VALUE_LIST && i < v.size; i++) {
        inner.index = i;
        TRY(check(type->item, v.items[i], &inner, depth + 1, why));
    }
    const struct value_entry *entries = value_map_entries(v);
    for (uint32_t i = 0; v.type == VALUE_MAP && i < v.size; i++) {
        inner.name = entries[i].key.type == VALUE_STRING ? value_str(entries[i].key) : STR("*");
        TRY(check(type->key, entries[i].key, &inner, depth + 1, why));
        TRY(check(type->item, entries[i].value, &inner, depth + 1, why));
    }
    return ERR_OK;
}

/* Whether the text is an address, or with `is_network` an address and a prefix length. */
static bool is_address(struct str text, bool is_network)
{
    char copy[INET6_ADDRSTRLEN + 1];
    unsigned char bytes[16];
    ptrdiff_t slash = str_find_byte(text, '/', 0);
    if ((slash >= 0) != is_network)
        return false;
    struct str address = is_network ? str_slice(text, 0, (size_t)slash) : text;
    if (address.size == 0 || address.size >= sizeof(copy) || memchr(address.data, 0, address.size) != NULL)
        return false;
    memcpy(copy, address.data, address.size);
    copy[address.size] = '\0';
    bool is_v6 = memchr(copy, ':', address.size) != NULL;
    if (inet_pton(is_v6 ? AF_INET6 : AF_INET, copy, bytes) != 1)
        return false;
    uint64_t prefix = 0;
    return !is_network ||
        (str_to_uint(str_slice(text, (size_t)slash + 1, text.size), &prefix) &&
            prefix <= (is_v6 ? 128u : 32u));
}

static enum value_type value_type_of(enum type_kind kind)
{
    switch (kind) {
    case TYPE_NULL: return VALUE_NULL;
    case TYPE_BOOL: return VALUE_BOOL;
    case TYPE_INT: return VALUE_INT;
    case TYPE_UINT: return VALUE_UINT;
    case TYPE_DOUBLE: return VALUE_DOUBLE;
    case TYPE_STRING: return VALUE_STRING;
    case TYPE_BYTES: return VALUE_BYTES;
    case TYPE_TIMESTAMP: return VALUE_TIMESTAMP;
    case TYPE_DURATION: return VALUE_DURATION;
    case TYPE_IP: return VALUE_IP;
    case TYPE_CIDR: return VALUE_CIDR;
    case TYPE_LIST: return VALUE_LIST;
    case TYPE_MAP:
    case TYPE_RECORD: return VALUE_MAP;
    case TYPE_OPTIONAL: return VALUE_OPTIONAL;
    case TYPE_TYPE: return VALUE_TYPE;
    default: return VALUE_TYPE_COUNT;
    }
}

static FALLIBLE check(const struct type *type, struct value v, const struct type_path *path, unsigned depth,
    struct err_info *why)
{
    if (depth > VALUE_DEPTH_MAX)
        return err_named(
            why, ERR_LIMIT, "VALUE_DEPTH_MAX", "the value is nested deeper than %d", VALUE_DEPTH_MAX);
    if (type->kind == TYPE_DYN || type->kind == TYPE_ERROR || type->kind == TYPE_PARAMETER)
        return ERR_OK;
    if (type->kind == TYPE_NULLABLE)
        return v.type == VALUE_NULL ? ERR_OK : check(type->item, v, path, depth + 1, why);
    if ((type->kind == TYPE_IP || type->kind == TYPE_CIDR) && v.type == VALUE_STRING)
        return is_address(value_str(v), type->kind == TYPE_CIDR)
            ? ERR_OK
            : mismatch(why, path, type, "a string that is none");
    /* A sealed output stands for a value of the declared type; what is in it is not known here. */
    if (v.type == VALUE_SECRET)
        return ERR_OK;
    /* JSON does not tell 3 from 3.0: a whole number goes where a double is asked for. */
    if (type->kind == TYPE_DOUBLE && (v.type == VALUE_INT || v.type == VALUE_UINT))
        return ERR_OK;
    if (v.type != value_type_of(type->kind))
        return mismatch(why, path, type, value_type_name(v.type));
    switch (type->kind) {
    case TYPE_LIST:
    case TYPE_MAP: return check_items(type, v, path, depth, why);
    case TYPE_RECORD: return check_record(type, v, path, depth, why);
    case TYPE_OPTIONAL: return v.inside == NULL ? ERR_OK : check(type->item, *v.inside, path, depth + 1, why);
    case TYPE_STRING:
        return is_choice(type, value_str(v))
            ? ERR_OK
            : mismatch(why, path, type, "a string that is not among the choices");
    default: return ERR_OK;
    }
}

FALLIBLE type_check_value(const struct type *type, struct value v, struct err_info *why)
{
    return check(type, v, NULL, 0, why);
}

/* ---- sinks ---- */

/* `flags`: of what it stands in. Depth is that of a value, which its reader bounds. */
static bool is_safe(struct value v, uint8_t flags, enum type_sink sink)
{
    const struct value_entry *entries = value_map_entries(v);
    flags |= v.flags & VALUE_OUTSIDE;
    if (v.type == VALUE_OPTIONAL)
        return v.inside == NULL || is_safe(*v.inside, flags, sink);
    for (uint32_t i = 0; v.type == VALUE_LIST && i < v.size; i++)
        if (!is_safe(v.items[i], flags, sink))
            return false;
    for (uint32_t i = 0; v.type == VALUE_MAP && i < v.size; i++)
        if (!is_safe(entries[i].key, flags, sink) || !is_safe(entries[i].value, flags, sink))
            return false;
    bool is_text = v.type == VALUE_STRING || v.type == VALUE_BYTES;
    return !is_text || flags == 0 || (v.flags & VALUE_SAFE_FOR(sink));
}

static FALLIBLE check_sinks(
    const struct type *type, struct value v, const struct type_path *path, struct err_info *why)
{
    if (type->kind == TYPE_NULLABLE)
        type = type->item;
    struct type_path inner = { path, { NULL, 0 }, 0 };
    if (type->kind == TYPE_OPTIONAL && v.type == VALUE_OPTIONAL && v.inside != NULL)
        return check_sinks(type->item, value_part_of(v, *v.inside), path, why);
    const struct value_entry *entries = value_map_entries(v);
    for (uint32_t i = 0; type->kind == TYPE_MAP && v.type == VALUE_MAP && i < v.size; i++) {
        inner.name = entries[i].key.type == VALUE_STRING ? value_str(entries[i].key) : STR("*");
        TRY(check_sinks(type->item, value_part_of(v, entries[i].value), &inner, why));
    }
    for (uint32_t i = 0; type->kind == TYPE_LIST && v.type == VALUE_LIST && i < v.size; i++) {
        inner.index = i;
        TRY(check_sinks(type->item, value_part_of(v, v.items[i]), &inner, why));
    }
    for (uint32_t i = 0; type->kind == TYPE_RECORD && v.type == VALUE_MAP && i < type->field_count; i++) {
        const struct type_field *field = &type->fields[i];
        const struct value *given = value_map_find(v, field->name);
        inner.name = field->name;
        if (given == NULL)
            continue;
        if (field->sink == SINK_NONE || is_safe(*given, v.flags & VALUE_OUTSIDE, field->sink)) {
            TRY(check_sinks(field->type, value_part_of(v, *given), &inner, why));
            continue;
        }
        AUTO(buf) struct buf place = { .bytes_max = 4 * KIB };
        print_path(&place, &inner);
        return err_named(why, ERR_INVALID, "unsafe_sink",
            "%s: a text from outside goes into %s; make it safe with encode_%s(…)",
            place.data ? place.data : "", type_sink_name(field->sink), type_sink_name(field->sink));
    }
    return ERR_OK;
}

FALLIBLE type_check_sinks(const struct type *record, struct value v, struct err_info *why)
{
    return check_sinks(record, v, NULL, why);
}
