#include "engine/view.h"

#include "base/limits.h"
#include "base/timetext.h"

enum err view_id(
    struct value_map_builder *map, const char *name, struct id id, struct arena *arena, struct err_info *why)
{
    struct id_text text = id_text(id);
    struct str copy;
    if (id_is_none(id))
        return value_map_set(map, name, value_null(), why);
    TRY(arena_str(arena, id_str(&text), &copy, why));
    return value_map_set(map, name, value_string(copy), why);
}

enum err view_instant(struct value_map_builder *map, const char *name, struct instant at, struct arena *arena,
    struct err_info *why)
{
    struct time_text text = instant_text(at);
    struct str copy;
    if (at.us == 0)
        return value_map_set(map, name, value_null(), why);
    TRY(arena_str(arena, str_of(text.text), &copy, why));
    return value_map_set(map, name, value_string(copy), why);
}

enum err view_text(struct value_map_builder *map, const char *name, struct str text, struct arena *arena,
    struct err_info *why)
{
    struct str copy;
    TRY(arena_str(arena, text, &copy, why));
    return value_map_set(map, name, value_string(copy), why);
}

void query_done(struct query *query)
{
    buf_done(&query->text);
}

void query_cleanup(struct query *query)
{
    query_done(query);
}

void query_add(struct query *query, const char *text, struct sql_arg arg)
{
    query->args[query->arg_count++] = arg;
    for (; *text; text++) {
        if (*text == '?')
            buf_printf(&query->text, "$%zu", query->arg_count);
        else
            buf_add_byte(&query->text, *text);
    }
}

enum err query_add_words(
    struct query *query, const char *column, struct str words, query_word *read, struct err_info *why)
{
    struct str word;
    bool is_first = true;
    if (words.size == 0)
        return ERR_OK;
    buf_printf(&query->text, " AND %s IN (", column);
    while (str_split(&words, ',', &word)) {
        int64_t number = 0;
        word = str_trim(word);
        if (!read(word, &number))
            return err_set(why, ERR_INVALID, "status: there is no \"%.*s\"", STR_ARG(word));
        buf_printf(&query->text, is_first ? "%lld" : ", %lld", (long long)number);
        is_first = false;
    }
    buf_add_byte(&query->text, ')');
    return ERR_OK;
}

uint32_t view_limit(const struct list_query *query)
{
    uint32_t limit = query->limit ? query->limit : LIST_LIMIT_DEFAULT;
    return limit < LIST_LIMIT_MAX ? limit : LIST_LIMIT_MAX;
}

enum err view_page(struct value items, bool has_more, struct id last, struct arena *arena, struct value *ret,
    struct err_info *why)
{
    struct value_map_builder map = { 0 };
    value_map_begin(&map, arena);
    TRY(value_map_set(&map, "items", items, why));
    TRY(view_id(&map, "next", has_more ? last : ID_NONE, arena, why));
    *ret = value_map_end(&map);
    return ERR_OK;
}
