#include <string.h>

#include "base/pack.h"
#include "base/varint.h"
#include "engine/journal.h"

static enum err damaged(struct err_info *why)
{
    return err_named(why, ERR_INVALID, "journal_damaged", "a record of the journal is damaged");
}

static FALLIBLE read_varint(struct journal_reader *reader, uint64_t *ret, struct err_info *why)
{
    return varint_read(reader->bytes, &reader->at, ret) ? ERR_OK : damaged(why);
}

static FALLIBLE read_number(struct journal_reader *reader, int64_t *ret, struct err_info *why)
{
    uint64_t number = 0;
    TRY(read_varint(reader, &number, why));
    *ret = unzigzag(number);
    return ERR_OK;
}

static FALLIBLE read_word(struct journal_reader *reader, uint32_t *ret, struct err_info *why)
{
    uint64_t number = 0;
    TRY(read_varint(reader, &number, why));
    if (number > UINT32_MAX)
        return damaged(why);
    *ret = (uint32_t)number;
    return ERR_OK;
}

static FALLIBLE read_bytes(struct journal_reader *reader, size_t size, struct str *ret, struct err_info *why)
{
    if (size > reader->bytes.size - reader->at)
        return damaged(why);
    *ret = (struct str){ reader->bytes.data + reader->at, size };
    reader->at += size;
    return ERR_OK;
}

static FALLIBLE read_value(struct journal_reader *reader, struct value *ret, struct err_info *why)
{
    struct str head = { 0 }, packed;
    TRY(read_bytes(reader, 4, &head, why));
    uint32_t size = 0;
    for (int i = 0; i < 4; i++)
        size |= (uint32_t)(uint8_t)head.data[i] << (8 * i);
    TRY(read_bytes(reader, size, &packed, why));
    return unpack_value(reader->arena, packed, false, ret, why);
}

enum err journal_open(
    struct journal_reader *reader, struct str bytes, struct arena *arena, struct err_info *why)
{
    *reader = (struct journal_reader){ .arena = arena, .bytes = bytes };
    if (bytes.size == 0)
        return damaged(why);
    uint8_t version = (uint8_t)bytes.data[reader->at++];
    if (version != JOURNAL_VERSION)
        return err_named(why, ERR_INVALID, "journal_version",
            "the journal has a record of version %u, this Tocsin reads version %u: use the newer Tocsin "
            "again",
            version, JOURNAL_VERSION);
    return read_number(reader, &reader->now.us, why);
}

enum err journal_next(struct journal_reader *reader, struct op *ret, bool *ret_more, struct err_info *why)
{
    *ret_more = reader->at < reader->bytes.size;
    if (!*ret_more)
        return ERR_OK;
    uint32_t kind = 0;
    memset(ret, 0, sizeof(*ret));
    TRY(read_word(reader, &kind, why));
    TRY(read_word(reader, &ret->frame, why));
    TRY(read_word(reader, &ret->fields, why));
    if (kind == 0 || kind >= OP_KIND_END || ret->fields >= FIELD_BIT(FIELD_COUNT_ALL))
        return damaged(why);
    ret->kind = (enum op_kind)kind;
    for (unsigned field = 0; field < FIELD_NUMBERS_END; field++) {
        if (ret->fields & FIELD_BIT(field))
            TRY(read_number(reader, &ret->numbers[field], why));
    }
    struct str bytes = { 0 };
    if (op_has(ret, FIELD_OBJECT)) {
        TRY(read_bytes(reader, sizeof(ret->object.bytes), &bytes, why));
        memcpy(ret->object.bytes, bytes.data, bytes.size);
    }
    if (op_has(ret, FIELD_NAME)) {
        uint32_t size = 0;
        TRY(read_word(reader, &size, why));
        TRY(read_bytes(reader, size, &ret->name, why));
    }
    if (op_has(ret, FIELD_DATA))
        TRY(read_value(reader, &ret->data, why));
    if (op_has(ret, FIELD_OUTPUT))
        TRY(read_value(reader, &ret->output, why));
    if (op_has(ret, FIELD_ERROR))
        TRY(read_value(reader, &ret->error, why));
    return ERR_OK;
}
