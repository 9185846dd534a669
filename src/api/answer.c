#include "api/answer.h"

#include "base/timetext.h"

enum err answer_text(
    struct value_map_builder *builder, const char *name, struct str text, struct err_info *why)
{
    struct str copy;
    TRY(arena_str(builder->arena, text, &copy, why));
    return value_map_set(builder, name, value_string(copy), why);
}

enum err answer_id(struct value_map_builder *builder, const char *name, struct id id, struct err_info *why)
{
    if (id_is_none(id))
        return value_map_set(builder, name, value_null(), why);
    struct id_text text = id_text(id);
    return answer_text(builder, name, id_str(&text), why);
}

enum err answer_instant(
    struct value_map_builder *builder, const char *name, struct instant at, struct err_info *why)
{
    if (at.us == 0 || at.us == INSTANT_NEVER.us)
        return value_map_set(builder, name, value_null(), why);
    struct time_text text = instant_text(at);
    return answer_text(builder, name, str_of(text.text), why);
}

enum err answer_page(struct arena *arena, struct value items, struct value *ret, struct err_info *why)
{
    struct value_map_builder page;
    value_map_begin(&page, arena);
    TRY(value_map_set(&page, "items", items, why));
    TRY(value_map_set(&page, "next", value_null(), why));
    *ret = value_map_end(&page);
    return ERR_OK;
}
