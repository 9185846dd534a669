/* Values as typed JSON, one key each: {"int":"-9"}, {"list":[…]}, {"map":[[key,value]…]}, … (docs/cli.md,
 * `tocsin eval --batch`). Loses nothing that plain JSON would: number types, bytes, times, optionals. */
#ifndef TOCSIN_EXPR_TYPED_JSON_H
#define TOCSIN_EXPR_TYPED_JSON_H

#include "base/buf.h"
#include "base/value.h"

void typed_json_print(struct buf *buf, struct value v);
/* `json` is a tree as json_parse reads it; the result shares its strings. ERR_INVALID. */
FALLIBLE typed_json_parse(struct arena *arena, struct value json, struct value *ret, struct err_info *why);

#endif
