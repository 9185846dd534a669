/* Pieces of answers: texts, ids and times as the API writes them, copied into the builder's arena. */
#ifndef TOCSIN_API_ANSWER_H
#define TOCSIN_API_ANSWER_H

#include "base/clock.h"
#include "base/id.h"
#include "base/value.h"

FALLIBLE answer_text(
    struct value_map_builder *builder, const char *name, struct str text, struct err_info *why);
/* Null for ID_NONE. */
FALLIBLE answer_id(struct value_map_builder *builder, const char *name, struct id id, struct err_info *why);
/* RFC 3339; null for no instant (0) and INSTANT_NEVER. */
FALLIBLE answer_instant(
    struct value_map_builder *builder, const char *name, struct instant at, struct err_info *why);
/* {"items":[…],"next":null}: lists from memory are whole. */
FALLIBLE answer_page(struct arena *arena, struct value items, struct value *ret, struct err_info *why);

#endif
