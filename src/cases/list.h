/* What the lists of alerts and of cases share: words to sets, and pages of row numbers.
 *
 * Rows are numbered in the order of their commits (`seq`, about the microseconds of the commit). A filter by
 * status, severity and source is answered from one index: each combination is a range in it, newest first,
 * and a page is the newest of all ranges. Everything else is a walk that ends after ALERT_SCAN_MAX rows. */
#ifndef TOCSIN_CASES_LIST_H
#define TOCSIN_CASES_LIST_H

#include "base/clock.h"
#include "base/value.h"
#include "store/store.h"

#define LIST_SOURCES_MAX 16

struct list_filter {
    unsigned statuses, severities; /* bit 1 << number */
    struct str sources[LIST_SOURCES_MAX];
    uint32_t source_count; /* 0: all */
    int64_t seq_before, seq_from; /* seq_from <= seq < seq_before */
    struct instant since, until; /* exact; until.us is INT64_MAX when open */
    struct str text, owner; /* empty: all */
    uint32_t limit; /* within LIST_LIMIT_MAX */
};

/* `seq_after` 0: from the newest. */
void list_filter_init(struct list_filter *filter, uint32_t limit, struct instant since, struct instant until,
    int64_t seq_after);
/* The row that a page goes on after: `sql` gives its number by tenant and id. 0 for ID_NONE; ERR_INVALID when
 * there is none, `what` being the object's word. */
FALLIBLE list_find_seq(struct store_conn *conn, const struct sql *sql, int64_t tenant, struct id after,
    const char *what, int64_t *ret, struct err_info *why);
/* Comma separated words. ERR_INVALID on an unknown one; all when empty. `parse` gives the bits of a word. */
FALLIBLE list_read_words(struct str words, const char *what,
    bool (*parse)(struct str word, unsigned *ret_bits), unsigned all, unsigned *ret, struct err_info *why);
FALLIBLE list_read_severities(struct str words, unsigned *ret, struct err_info *why);
FALLIBLE list_read_sources(struct str words, struct list_filter *filter, struct err_info *why);
/* Part of `text`, any case of ASCII letters; the empty part is in all. */
bool list_text_has(struct str text, struct str part);

/* Row numbers of a page. */
struct seq_page {
    int64_t *items;
    uint32_t count, room;
    struct id next; /* where a walk that ended early goes on; ID_NONE when it came to its end */
};
FALLIBLE seq_page_init(struct seq_page *page, struct arena *arena, uint32_t room, struct err_info *why);
/* The one integer column of `sql`; as many as fit. */
FALLIBLE seq_page_collect(struct seq_page *page, struct store_conn *conn, const struct sql *sql,
    const struct sql_arg *args, size_t arg_count, struct err_info *why);
/* Newest first; only the first `limit` + 1 stay. Called between ranges it keeps the page small. */
void seq_page_cut(struct seq_page *page, uint32_t limit);

/* Walks open rows, whose first columns are number and id, and keeps those that match; a walk that saw
 * ALERT_SCAN_MAX rows says where to go on. */
typedef bool list_matches(struct rows *rows, const struct list_filter *filter);
FALLIBLE seq_page_walk(struct seq_page *page, struct rows *rows, const struct list_filter *filter,
    list_matches *matches, struct err_info *why);
/* The page's first `limit` rows, each described by its number. */
struct list_source {
    struct store_conn *conn;
    int64_t tenant;
    enum err (*describe)(const struct list_source *source, int64_t seq, struct arena *arena,
        struct id *ret_id, struct value *ret, struct err_info *why);
};
FALLIBLE seq_page_value(const struct seq_page *page, const struct list_source *source, uint32_t limit,
    struct arena *arena, struct value *ret, struct err_info *why);

/* {"items":[…],"next":id or null}. */
FALLIBLE list_page_value(struct value_list_builder *items, struct id next, struct arena *arena,
    struct value *ret, struct err_info *why);

#endif
