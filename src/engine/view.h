/* Small helpers of what is shown to people and APIs. */
#ifndef TOCSIN_ENGINE_VIEW_H
#define TOCSIN_ENGINE_VIEW_H

#include "base/clock.h"
#include "base/id.h"
#include "base/value.h"
#include "engine/engine.h"
#include "store/store.h"

/* A text, or null for ID_NONE and us 0. */
FALLIBLE view_id(
    struct value_map_builder *map, const char *name, struct id id, struct arena *arena, struct err_info *why);
FALLIBLE view_instant(struct value_map_builder *map, const char *name, struct instant at, struct arena *arena,
    struct err_info *why);
FALLIBLE view_text(struct value_map_builder *map, const char *name, struct str text, struct arena *arena,
    struct err_info *why);

/* A query that is put together: text and arguments side by side. */
struct query {
    struct buf text;
    struct sql_arg args[16];
    size_t arg_count;
};
void query_done(struct query *query);
void query_cleanup(struct query *query);
/* Appends text in which '?' becomes the number of the argument. */
void query_add(struct query *query, const char *text, struct sql_arg arg);
/* " AND column IN (…)" of the numbers that the comma separated words stand for. ERR_INVALID on an unknown
 * word. */
typedef bool query_word(struct str word, int64_t *ret);
FALLIBLE query_add_words(
    struct query *query, const char *column, struct str words, query_word *read, struct err_info *why);

uint32_t view_limit(const struct list_query *query);
/* The page of what `sql` selects: ids first, and one row more than view_limit when there is more. */
typedef enum err view_item(
    struct rows *rows, int64_t tenant, struct arena *arena, struct value *ret, struct err_info *why);
FALLIBLE view_rows(struct store_conn *conn, const struct query *sql, const struct list_query *query,
    view_item *item, struct arena *arena, struct value *ret_page, struct err_info *why);
/* {"items", "next"}: `next` is `last` when there is more, else null. */
FALLIBLE view_page(struct value items, bool has_more, struct id last, struct arena *arena, struct value *ret,
    struct err_info *why);

#endif
