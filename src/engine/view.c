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

enum err view_rows(struct store_conn *conn, const struct query *sql, const struct list_query *query,
    view_item *item, struct arena *arena, struct value *ret_page, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    struct value_list_builder items = { 0 };
    uint32_t limit = view_limit(query), count = 0;
    struct id last = ID_NONE;
    TRY(buf_check(&sql->text, why));
    TRY(rows_open_text(&rows, conn, buf_str(&sql->text), sql->args, sql->arg_count, why));
    value_list_begin(&items, arena);
    for (; rows_next(&rows); count++) {
        struct value v;
        if (count == limit)
            return view_page(value_list_end(&items), true, last, arena, ret_page, why);
        last = rows_id(&rows, 0);
        TRY(item(&rows, query->tenant, arena, &v, why));
        TRY(value_list_add(&items, v, why));
    }
    TRY(rows_end(&rows, why));
    return view_page(value_list_end(&items), false, last, arena, ret_page, why);
}
