#include "expr/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/text.h"

FALLIBLE call_fail(struct call *call, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(call->why.text, sizeof(call->why.text), format, arguments);
    va_end(arguments);
    for (int i = 0; i < size && i < (int)sizeof(call->why.text) - 1; i++) {
        if ((unsigned char)call->why.text[i] < ' ' || call->why.text[i] == 0x7f)
            call->why.text[i] = '?';
    }
    call->why.code = ERR_INVALID;
    call->why.name = "expr_eval";
    return ERR_INVALID;
}

FALLIBLE call_no_overload(struct call *call)
{
    return call_fail(call, "no such overload");
}

static FALLIBLE too_costly(struct call *call)
{
    return err_named(&call->why, ERR_LIMIT, "expression_cost", "the expression costs more than %llu units",
        (unsigned long long)call->cost_max);
}

FALLIBLE call_charge(struct call *call, uint64_t units)
{
    call->cost = call->cost > UINT64_MAX - units ? UINT64_MAX : call->cost + units;
    return call->cost <= call->cost_max ? ERR_OK : too_costly(call);
}

FALLIBLE call_charge_bytes(struct call *call, uint64_t bytes)
{
    return call_charge(call, bytes / CALL_BYTES_PER_UNIT);
}

/* Takes what the value and all in it weigh from `units`. */
static FALLIBLE measure(struct call *call, struct value v, unsigned depth, uint64_t *units)
{
    bool has_bytes = v.type == VALUE_STRING || v.type == VALUE_BYTES;
    uint64_t own = 1 + (has_bytes ? v.size / CALL_BYTES_PER_UNIT : 0);
    if (depth > VALUE_DEPTH_MAX)
        return err_named(&call->why, ERR_LIMIT, "VALUE_DEPTH_MAX",
            "the value is nested deeper than VALUE_DEPTH_MAX (%d)", VALUE_DEPTH_MAX);
    if (own > *units)
        return too_costly(call);
    *units -= own;
    if (v.type == VALUE_OPTIONAL && v.inside != NULL)
        return measure(call, *v.inside, depth + 1, units);
    for (uint32_t i = 0; v.type == VALUE_LIST && i < v.size; i++)
        TRY(measure(call, v.items[i], depth + 1, units));
    for (uint32_t i = 0; v.type == VALUE_MAP && i < v.size; i++) {
        const struct value_entry *entry = &value_map_entries(v)[i];
        TRY(measure(call, entry->key, depth + 1, units));
        TRY(measure(call, entry->value, depth + 1, units));
    }
    return ERR_OK;
}

FALLIBLE call_measure(struct call *call, struct value v, uint64_t units_max, uint64_t *ret_units)
{
    uint64_t left = units_max;
    TRY(measure(call, v, 0, &left));
    *ret_units = units_max - left;
    return ERR_OK;
}

FALLIBLE call_charge_value(struct call *call, struct value v)
{
    uint64_t units = 0;
    TRY(call_measure(call, v, call->cost_max - call->cost, &units));
    return call_charge(call, units);
}

FALLIBLE call_bytes(struct call *call, size_t size, char **ret)
{
    if (size > EXPR_STRING_BYTES_MAX)
        return err_named(&call->why, ERR_LIMIT, "EXPR_STRING_BYTES_MAX", "a string is longer than %llu bytes",
            (unsigned long long)EXPR_STRING_BYTES_MAX);
    TRY(call_charge_bytes(call, size));
    char *data = arena_bytes(call->arena, size ? size : 1);
    if (data == NULL)
        return err_memory(&call->why);
    *ret = data;
    return ERR_OK;
}

FALLIBLE call_items(struct call *call, size_t count, struct value **ret)
{
    TRY(call_charge(call, count));
    struct value *items = ARENA_ARRAY(call->arena, count ? count : 1, struct value);
    if (items == NULL)
        return err_memory(&call->why);
    *ret = items;
    return ERR_OK;
}

FALLIBLE call_string(struct call *call, struct str text, struct value *ret)
{
    char *data = NULL;
    TRY(call_bytes(call, text.size, &data));
    if (text.size > 0)
        memcpy(data, text.data, text.size);
    *ret = value_string((struct str){ data, text.size });
    return ERR_OK;
}

FALLIBLE call_hex(struct call *call, struct str bytes, struct value *ret)
{
    static const char digits[] = "0123456789abcdef";
    char *text = NULL;
    TRY(call_bytes(call, bytes.size * 2, &text));
    for (size_t i = 0; i < bytes.size; i++) {
        text[2 * i] = digits[(unsigned char)bytes.data[i] >> 4];
        text[2 * i + 1] = digits[(unsigned char)bytes.data[i] & 15];
    }
    *ret = value_string((struct str){ text, bytes.size * 2 });
    return ERR_OK;
}

FALLIBLE call_optional(struct call *call, struct value inside, struct value *ret)
{
    struct value *held = NULL;
    TRY(call_items(call, 1, &held));
    *held = inside;
    *ret = (struct value){ .type = VALUE_OPTIONAL, .flags = inside.flags & VALUE_OUTSIDE, .inside = held };
    return ERR_OK;
}

static bool writer_reserve(struct writer *writer, size_t size)
{
    if (writer->failed != ERR_OK)
        return false;
    if (writer->room - writer->size >= size)
        return true;
    size_t room = writer->room ? writer->room * 2 : 64;
    while (room - writer->size < size)
        room *= 2;
    char *data = NULL;
    /* Doubling may pass the limit before the text itself does. */
    if (room > EXPR_STRING_BYTES_MAX && writer->size + size <= EXPR_STRING_BYTES_MAX)
        room = EXPR_STRING_BYTES_MAX;
    writer->failed = call_bytes(writer->call, room, &data);
    if (writer->failed != ERR_OK)
        return false;
    if (writer->size > 0)
        memcpy(data, writer->data, writer->size);
    writer->data = data;
    writer->room = room;
    return true;
}

void writer_add(struct writer *writer, struct str text)
{
    if (text.size == 0 || !writer_reserve(writer, text.size))
        return;
    memcpy(writer->data + writer->size, text.data, text.size);
    writer->size += text.size;
}

void writer_add_byte(struct writer *writer, char byte)
{
    if (writer_reserve(writer, 1))
        writer->data[writer->size++] = byte;
}

void writer_add_code_point(struct writer *writer, uint32_t c)
{
    char out[4];
    size_t size = utf8_put(out, c);
    writer_add(writer, (struct str){ out, size });
}

void writer_printf(struct writer *writer, const char *format, ...)
{
    va_list arguments;
    char text[512];
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (size >= 0 && (size_t)size < sizeof(text)) {
        writer_add(writer, (struct str){ text, (size_t)size });
        return;
    }
    /* A double in full may have more than 300 digits, with a precision far more. */
    if (size < 0 || !writer_reserve(writer, (size_t)size + 1))
        return;
    va_start(arguments, format);
    vsnprintf(writer->data + writer->size, (size_t)size + 1, format, arguments);
    va_end(arguments);
    writer->size += (size_t)size;
}

FALLIBLE writer_end(struct writer *writer, struct value *ret)
{
    if (writer->failed != ERR_OK)
        return writer->failed;
    *ret = value_string((struct str){ writer->data ? writer->data : "", writer->size });
    return ERR_OK;
}
