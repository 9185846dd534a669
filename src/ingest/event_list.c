/* Pages of the ledger, newest first: each filter is one range of an index, or one a fate. */
#include "cases/list.h"
#include "ingest/event_row.h"

static const struct sql seq_by_id = { "SELECT seq FROM ingest_events WHERE tenant = $1 AND id = $2", NULL };
#define RANGE " AND seq < $3 AND seq >= $4 AND received >= $5 AND received < $6 ORDER BY seq DESC LIMIT $7"
static const struct sql by_fate = { "SELECT seq FROM ingest_events WHERE tenant = $1 AND fate = $2" RANGE,
    NULL };
static const struct sql by_source = {
    "SELECT seq FROM ingest_events WHERE tenant = $1 AND fate = $2 AND source = $8" RANGE, NULL
};
/* All events of an alert are of its source: that is looked at row by row. */
static const struct sql by_alert = {
    "SELECT seq FROM ingest_events WHERE tenant = $1 AND alert_id = $8 AND fate = $2" RANGE, NULL
};
static const struct sql by_alert_and_source = {
    "SELECT seq FROM ingest_events WHERE tenant = $1 AND alert_id = $8 AND fate = $2 AND +source = $9" RANGE,
    NULL
};

static bool fate_bits(struct str word, unsigned *ret_bits)
{
    for (unsigned fate = 0; fate < INTAKE_FATE_COUNT; fate++) {
        if (str_equal_nocase(word, str_of(intake_fate_name((enum intake_fate)fate)))) {
            *ret_bits = 1u << fate;
            return true;
        }
    }
    return false;
}

struct collecting {
    struct store_conn *conn;
    const struct list_filter *filter;
    struct seq_page *page;
    const struct sql *sql;
    struct sql_arg args[9];
    size_t arg_count;
};

static enum err collect_range(struct collecting *collecting, struct err_info *why)
{
    TRY(seq_page_collect(
        collecting->page, collecting->conn, collecting->sql, collecting->args, collecting->arg_count, why));
    seq_page_cut(collecting->page, collecting->filter->limit);
    return ERR_OK;
}

static enum err collect_fate(struct collecting *collecting, unsigned fate, struct err_info *why)
{
    const struct list_filter *filter = collecting->filter;
    collecting->args[1] = arg_int(fate);
    if (filter->source_count == 0)
        return collect_range(collecting, why);
    for (uint32_t i = 0; i < filter->source_count; i++) {
        collecting->args[collecting->arg_count - 1] = arg_text(filter->sources[i]);
        TRY(collect_range(collecting, why));
    }
    return ERR_OK;
}

static enum err collect(struct store_conn *conn, const struct event_query *query,
    const struct list_filter *filter, struct seq_page *page, struct err_info *why)
{
    bool has_alert = !id_is_none(query->alert_id), has_source = filter->source_count > 0;
    struct collecting collecting = { .conn = conn,
        .filter = filter,
        .page = page,
        .args = { arg_int(query->tenant), arg_int(0), arg_int(filter->seq_before), arg_int(filter->seq_from),
            arg_instant(filter->since), arg_instant(filter->until), arg_int(filter->limit + 1) },
        .arg_count = 7 };
    if (has_alert)
        collecting.args[collecting.arg_count++] = arg_id(&query->alert_id);
    collecting.arg_count += has_source;
    collecting.sql = has_alert && has_source ? &by_alert_and_source
        : has_alert                          ? &by_alert
        : has_source                         ? &by_source
                                             : &by_fate;
    for (unsigned fate = 0; fate < INTAKE_FATE_COUNT; fate++) {
        if (filter->statuses & 1u << fate)
            TRY(collect_fate(&collecting, fate, why));
    }
    return ERR_OK;
}

static enum err describe(const struct list_source *source, int64_t seq, struct arena *arena,
    struct id *ret_id, struct value *ret, struct err_info *why)
{
    struct event_row row;
    struct value_map_builder map;
    TRY(event_row_get_seq(source->conn, seq, arena, &row, why));
    value_map_begin(&map, arena);
    TRY(event_row_describe(&row, &map, why));
    *ret = value_map_end(&map);
    *ret_id = row.id;
    return ERR_OK;
}

enum err event_list(struct store_conn *conn, const struct event_query *query, struct arena *arena,
    struct value *ret_page, struct err_info *why)
{
    struct list_filter filter;
    struct seq_page page;
    int64_t after;
    TRY(list_find_seq(conn, &seq_by_id, query->tenant, query->after, "event", &after, why));
    list_filter_init(&filter, query->limit, query->since, query->until, after);
    TRY(list_read_words(
        query->fate, "fate", fate_bits, (1u << INTAKE_FATE_COUNT) - 1, &filter.statuses, why));
    TRY(list_read_sources(query->source, &filter, why));
    TRY(seq_page_init(&page, arena, 2 * (filter.limit + 1), why));
    TRY(collect(conn, query, &filter, &page, why));
    const struct list_source source = { conn, query->tenant, describe };
    return seq_page_value(&page, &source, filter.limit, arena, ret_page, why);
}
