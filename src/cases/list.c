#include "cases/list.h"

#include <stdlib.h>

#include "base/limits.h"
#include "cases/alert.h"
#include "cases/fields.h"
#include "cases/note.h"

/* Between an event's receipt and its commit, and what a clock may step back. */
#define SEQ_SLACK_US (5 * US_PER_MIN)

void list_filter_init(
    struct list_filter *filter, uint32_t limit, struct instant since, struct instant until, int64_t seq_after)
{
    *filter = (struct list_filter){
        .seq_before = seq_after != 0 ? seq_after : INT64_MAX,
        .since = since,
        .until = { until.us != 0 ? until.us : INT64_MAX },
        .limit = limit == 0          ? LIST_LIMIT_DEFAULT
            : limit > LIST_LIMIT_MAX ? LIST_LIMIT_MAX
                                     : limit,
    };
    if (since.us > INT64_MIN + SEQ_SLACK_US && since.us != 0)
        filter->seq_from = since.us - SEQ_SLACK_US;
    if (until.us != 0 && until.us < INT64_MAX - SEQ_SLACK_US && until.us + SEQ_SLACK_US < filter->seq_before)
        filter->seq_before = until.us + SEQ_SLACK_US;
}

struct word_reader {
    const char *what;
    bool (*parse)(struct str word, unsigned *ret_bits);
    unsigned bits;
};

static enum err read_word(void *context, struct str word, struct err_info *why)
{
    struct word_reader *reader = context;
    unsigned bits = 0;
    if (!reader->parse(word, &bits))
        return err_named(why, ERR_INVALID, "query", "%s: unknown word '%.*s'", reader->what, STR_ARG(word));
    reader->bits |= bits;
    return ERR_OK;
}

enum err list_read_words(struct str words, const char *what,
    bool (*parse)(struct str word, unsigned *ret_bits), unsigned all, unsigned *ret, struct err_info *why)
{
    struct word_reader reader = { .what = what, .parse = parse };
    TRY(words_each(words, read_word, &reader, why));
    *ret = reader.bits != 0 ? reader.bits : all;
    return ERR_OK;
}

static bool severity_bits(struct str word, unsigned *ret_bits)
{
    enum severity severity;
    if (!severity_parse(word, &severity))
        return false;
    *ret_bits = 1u << severity;
    return true;
}

enum err list_read_severities(struct str words, unsigned *ret, struct err_info *why)
{
    return list_read_words(words, "severity", severity_bits, (1u << SEVERITY_COUNT) - 1, ret, why);
}

static enum err read_source(void *context, struct str word, struct err_info *why)
{
    struct list_filter *filter = context;
    for (uint32_t i = 0; i < filter->source_count; i++) {
        if (str_equal(filter->sources[i], word))
            return ERR_OK;
    }
    if (filter->source_count == LIST_SOURCES_MAX)
        return err_named(why, ERR_LIMIT, "query", "source: %d names are the limit", LIST_SOURCES_MAX);
    filter->sources[filter->source_count++] = word;
    return ERR_OK;
}

enum err list_read_sources(struct str words, struct list_filter *filter, struct err_info *why)
{
    return words_each(words, read_source, filter, why);
}

static unsigned char lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (unsigned char)(byte + 32) : (unsigned char)byte;
}

bool list_text_has(struct str text, struct str part)
{
    for (size_t from = 0; from + part.size <= text.size; from++) {
        size_t same = 0;
        while (same < part.size && lower(text.data[from + same]) == lower(part.data[same]))
            same++;
        if (same == part.size)
            return true;
    }
    return false;
}

enum err seq_page_init(struct seq_page *page, struct arena *arena, uint32_t room, struct err_info *why)
{
    *page = (struct seq_page){ .items = ARENA_ARRAY(arena, room, int64_t), .room = room };
    return page->items ? ERR_OK : err_memory(why);
}

enum err seq_page_collect(struct seq_page *page, struct store_conn *conn, const struct sql *sql,
    const struct sql_arg *args, size_t arg_count, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, sql, args, arg_count, why));
    while (page->count < page->room && rows_next(&rows))
        page->items[page->count++] = rows_int(&rows, 0);
    return rows_end(&rows, why);
}

static int newest_first(const void *a, const void *b)
{
    const int64_t *left = a, *right = b;
    return *left < *right ? 1 : *left > *right ? -1 : 0;
}

void seq_page_cut(struct seq_page *page, uint32_t limit)
{
    if (page->count > 1)
        qsort(page->items, page->count, sizeof(page->items[0]), newest_first);
    if (page->count > limit + 1)
        page->count = limit + 1;
}

enum err seq_page_walk(struct seq_page *page, struct rows *rows, const struct list_filter *filter,
    list_matches *matches, struct err_info *why)
{
    struct id last = ID_NONE;
    uint32_t walked = 0;
    while (page->count <= filter->limit && rows_next(rows)) {
        walked++;
        last = rows_id(rows, 1);
        if (matches(rows, filter))
            page->items[page->count++] = rows_int(rows, 0);
    }
    TRY(rows_end(rows, why));
    if (walked == ALERT_SCAN_MAX)
        page->next = last;
    return ERR_OK;
}

enum err seq_page_value(const struct seq_page *page, const struct list_source *source, uint32_t limit,
    struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_list_builder items;
    struct id next = page->next;
    value_list_begin(&items, arena);
    for (uint32_t i = 0; i < page->count && i < limit; i++) {
        struct id id;
        struct value item;
        TRY(source->describe(source, page->items[i], arena, &id, &item, why));
        TRY(value_list_add(&items, item, why));
        if (i + 1 == limit && page->count > limit)
            next = id;
    }
    return list_page_value(&items, next, arena, ret, why);
}

enum err list_find_seq(struct store_conn *conn, const struct sql *sql, int64_t tenant, struct id after,
    const char *what, int64_t *ret, struct err_info *why)
{
    *ret = 0;
    if (id_is_none(after))
        return ERR_OK;
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, sql, SQL_ARGS(arg_int(tenant), arg_id(&after)), why));
    bool found = rows_next(&rows);
    if (found)
        *ret = rows_int(&rows, 0);
    TRY(rows_end(&rows, why));
    if (!found)
        return err_named(why, ERR_INVALID, "query", "after: no %s %s", what, id_text(after).text);
    return ERR_OK;
}

enum err list_page_value(struct value_list_builder *items, struct id next, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    struct value_map_builder map;
    value_map_begin(&map, arena);
    TRY(value_map_set(&map, "items", value_list_end(items), why));
    TRY(set_id(&map, "next", next, why));
    *ret = value_map_end(&map);
    return ERR_OK;
}
