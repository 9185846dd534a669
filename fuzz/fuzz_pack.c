/* Any bytes as a packed value: what is taken packs to bytes that unpack to the same again. */
#include "base/json.h"
#include "base/pack.h"
#include "require.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) struct arena arena = { 0 };
    AUTO(buf) struct buf packed = { 0 };
    AUTO(buf) struct buf again = { 0 };
    AUTO(buf) struct buf text = { 0 };
    struct value v, back;
    if (unpack_value(&arena, (struct str){ (const char *)data, size }, false, &v, NULL) != ERR_OK)
        return 0;
    pack_value(&packed, v);
    require(buf_check(&packed, NULL) == ERR_OK);
    require(packed.size <= size);
    require(unpack_value(&arena, buf_str(&packed), true, &back, NULL) == ERR_OK);
    pack_value(&again, back);
    require(str_equal(buf_str(&packed), buf_str(&again)));
    json_print(&text, v, JSON_SORT_KEYS);
    require(buf_check(&text, NULL) == ERR_OK);
    (void)value_equal(v, back); /* false where NaN is inside */
    (void)value_hash(v);
    return 0;
}
