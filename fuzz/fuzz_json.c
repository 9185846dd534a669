/* Any bytes as JSON: what is taken must print, pack and copy to the same value again. */
#include <string.h>

#include "base/json.h"
#include "base/pack.h"
#include "require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_value(struct arena *arena, struct value v)
{
    AUTO(buf) struct buf text = { 0 };
    AUTO(buf) struct buf again = { 0 };
    AUTO(buf) struct buf packed = { 0 };
    struct value back, unpacked, copy;
    json_print(&text, v, 0);
    require(json_parse(arena, buf_str(&text), NULL, &back, NULL) == ERR_OK);
    require(value_equal(v, back));
    require(value_hash(v) == value_hash(back));
    json_print(&again, back, 0);
    require(str_equal(buf_str(&text), buf_str(&again)));
    buf_clear(&again);
    json_print(&again, v, JSON_PRETTY | JSON_SORT_KEYS);
    require(json_parse(arena, buf_str(&again), NULL, &back, NULL) == ERR_OK && value_equal(v, back));
    pack_value(&packed, v);
    require(unpack_value(arena, buf_str(&packed), true, &unpacked, NULL) == ERR_OK);
    require(value_equal(v, unpacked) && unpacked.flags == v.flags);
    require(value_copy(arena, v, &copy, NULL) == ERR_OK && value_equal(v, copy));
}

static void check_sequence(struct arena *arena, struct str text)
{
    struct json_options options = { .duplicates = JSON_DUPLICATES_LAST, .copy_strings = true };
    size_t offset = 0;
    bool more = true;
    while (more) {
        struct value v;
        size_t before = offset;
        if (json_parse_next(arena, text, &offset, &options, &v, &more, NULL) != ERR_OK)
            return;
        require(offset > before || !more);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena arena = { 0 };
    struct str text = { (const char *)data, size };
    struct json_options lenient = { .duplicates = JSON_DUPLICATES_LAST, .flags = VALUE_OUTSIDE };
    struct value strict_value, v;
    struct err_info why = { 0 };
    enum err strict = json_parse(&arena, text, NULL, &strict_value, &why);
    require(strict == ERR_OK || why.line > 0);
    enum err result = json_parse(&arena, text, &lenient, &v, NULL);
    require(strict != ERR_OK || (result == ERR_OK && value_equal(strict_value, v)));
    if (result == ERR_OK)
        check_value(&arena, v);
    check_sequence(&arena, text);
    return 0;
}
