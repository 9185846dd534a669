/* Values as compact bytes for the journal and the store: exact for every type, tagged, with varint
 * sizes. The first byte is PACK_VERSION. Reading checks everything: packed bytes from a damaged file
 * give ERR_INVALID, never a crash. */
#ifndef TOCSIN_BASE_PACK_H
#define TOCSIN_BASE_PACK_H

#include "base/buf.h"
#include "base/value.h"

void pack_value(struct buf *buf, struct value v);
/* Strings point into `bytes`, which must live as long as the value, unless `copy_strings`. */
FALLIBLE unpack_value(
    struct arena *arena, struct str bytes, bool copy_strings, struct value *ret, struct err_info *why);

#endif
