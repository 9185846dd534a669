#include "base/limits.h"
#include "cases/alert_row.h"
#include "cases/list.h"
#include "cases/note.h"

static const struct sql seq_by_id = { "SELECT seq FROM cases_alerts WHERE tenant = $1 AND id = $2", NULL };
static const struct sql row_by_seq = { "SELECT " ALERT_COLUMNS " FROM cases_alerts a WHERE a.seq = $1",
    NULL };
static const struct sql by_status = {
    "SELECT seq FROM cases_alerts WHERE tenant = $1 AND status = $2 AND severity = $3 AND seq < $4"
    " AND seq >= $5 AND first_seen >= $6 AND first_seen < $7 ORDER BY seq DESC LIMIT $8",
    NULL
};
static const struct sql by_source = {
    "SELECT seq FROM cases_alerts WHERE tenant = $1 AND status = $2 AND severity = $3 AND seq < $4"
    " AND seq >= $5 AND first_seen >= $6 AND first_seen < $7 AND source = $9 ORDER BY seq DESC LIMIT $8",
    NULL
};
#define WALKED "SELECT a.seq, a.id, a.status, a.severity, a.source, a.owner, a.title, a.first_seen"
static const struct sql walk_all = { WALKED
    " FROM cases_alerts a WHERE a.tenant = $4 AND a.seq < $1 AND a.seq >= $2 ORDER BY a.seq DESC LIMIT $3",
    NULL };
static const struct sql walk_owner = { WALKED
    " FROM cases_alerts a WHERE a.tenant = $4 AND a.owner = $5 AND a.seq < $1 AND a.seq >= $2"
    " ORDER BY a.seq DESC LIMIT $3",
    NULL };
static const struct sql walk_case = { WALKED
    " FROM cases_links l JOIN cases_alerts a ON a.seq = l.alert_seq WHERE l.tenant = $4"
    " AND l.case_id = $5 AND l.alert_seq < $1 AND l.alert_seq >= $2 ORDER BY l.alert_seq DESC LIMIT $3",
    NULL };

#define STATUS_BITS(status) (1u << (status))
#define STATUSES_OPEN (STATUS_BITS(ALERT_NEW) | STATUS_BITS(ALERT_IN_PROGRESS))
#define STATUSES_ALL (STATUS_BITS(ALERT_STATUS_END) - STATUS_BITS(ALERT_NEW))

static bool status_bits(struct str word, unsigned *ret_bits)
{
    enum alert_status status;
    if (alert_status_parse(word, &status))
        *ret_bits = STATUS_BITS(status);
    else if (str_equal_nocase(word, STR("open")))
        *ret_bits = STATUSES_OPEN;
    else if (str_equal_nocase(word, STR("closed")))
        *ret_bits = STATUSES_ALL & ~STATUSES_OPEN;
    else
        return false;
    return true;
}

static enum err read_filter(struct store_conn *conn, const struct alert_query *query,
    struct list_filter *filter, struct err_info *why)
{
    int64_t after = 0;
    TRY(list_find_seq(conn, &seq_by_id, query->tenant, query->after, "alert", &after, why));
    list_filter_init(filter, query->limit, query->since, query->until, after);
    TRY(list_read_words(query->status, "status", status_bits, STATUSES_ALL, &filter->statuses, why));
    TRY(list_read_severities(query->severity, &filter->severities, why));
    TRY(list_read_sources(query->source, filter, why));
    filter->text = query->text;
    filter->owner = query->owner;
    return ERR_OK;
}

/* ---- by index ---- */

static enum err collect_range(struct store_conn *conn, int64_t tenant, const struct list_filter *filter,
    unsigned status, unsigned severity, struct seq_page *page, struct err_info *why)
{
    struct sql_arg args[9] = { arg_int(tenant), arg_int(status), arg_int(severity),
        arg_int(filter->seq_before), arg_int(filter->seq_from), arg_instant(filter->since),
        arg_instant(filter->until), arg_int(filter->limit + 1) };
    if (filter->source_count == 0) {
        TRY(seq_page_collect(page, conn, &by_status, args, 8, why));
        seq_page_cut(page, filter->limit);
        return ERR_OK;
    }
    for (uint32_t i = 0; i < filter->source_count; i++) {
        args[8] = arg_text(filter->sources[i]);
        TRY(seq_page_collect(page, conn, &by_source, args, 9, why));
        seq_page_cut(page, filter->limit);
    }
    return ERR_OK;
}

static enum err collect_by_index(struct store_conn *conn, int64_t tenant, const struct list_filter *filter,
    struct arena *arena, struct seq_page *page, struct err_info *why)
{
    TRY(seq_page_init(page, arena, 2 * (filter->limit + 1), why));
    for (unsigned status = ALERT_NEW; status < ALERT_STATUS_END; status++) {
        for (unsigned severity = 0; severity < SEVERITY_COUNT; severity++) {
            if ((filter->statuses & 1u << status) && (filter->severities & 1u << severity))
                TRY(collect_range(conn, tenant, filter, status, severity, page, why));
        }
    }
    return ERR_OK;
}

/* ---- by walking ---- */

static bool source_matches(const struct list_filter *filter, struct str source)
{
    for (uint32_t i = 0; i < filter->source_count; i++) {
        if (str_equal(filter->sources[i], source))
            return true;
    }
    return filter->source_count == 0;
}

static bool row_matches(struct rows *rows, const struct list_filter *filter)
{
    int64_t first_seen = rows_int(rows, 7);
    return (filter->statuses & 1u << rows_int(rows, 2)) && (filter->severities & 1u << rows_int(rows, 3)) &&
        first_seen >= filter->since.us && first_seen < filter->until.us &&
        source_matches(filter, rows_bytes(rows, 4)) &&
        (filter->owner.size == 0 || str_equal(filter->owner, rows_bytes(rows, 5))) &&
        list_text_has(rows_bytes(rows, 6), filter->text);
}

static enum err open_walk(struct rows *rows, struct store_conn *conn, const struct alert_query *query,
    const struct list_filter *filter, struct err_info *why)
{
    struct sql_arg args[5] = { arg_int(filter->seq_before), arg_int(filter->seq_from),
        arg_int(ALERT_SCAN_MAX), arg_int(query->tenant) };
    if (!id_is_none(query->case_id)) {
        args[4] = arg_id(&query->case_id);
        return rows_open(rows, conn, &walk_case, args, 5, why);
    }
    if (filter->owner.size > 0) {
        args[4] = arg_bytes(filter->owner);
        return rows_open(rows, conn, &walk_owner, args, 5, why);
    }
    return rows_open(rows, conn, &walk_all, args, 4, why);
}

static enum err collect_by_walk(struct store_conn *conn, const struct alert_query *query,
    const struct list_filter *filter, struct arena *arena, struct seq_page *page, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(seq_page_init(page, arena, filter->limit + 1, why));
    TRY(open_walk(&rows, conn, query, filter, why));
    return seq_page_walk(page, &rows, filter, row_matches, why);
}

static enum err describe(const struct list_source *source, int64_t seq, struct arena *arena,
    struct id *ret_id, struct value *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    struct alert_row row = { 0 };
    TRY(rows_open(&rows, source->conn, &row_by_seq, SQL_ARGS(arg_int(seq)), why));
    if (rows_next(&rows))
        TRY(alert_row_read(&rows, arena, &row, why));
    TRY(rows_end(&rows, why));
    *ret_id = row.id;
    return alert_row_load_value(source->conn, source->tenant, &row, arena, ret, why);
}

enum err alert_list(struct store_conn *conn, const struct alert_query *query, struct arena *arena,
    struct value *ret_page, struct err_info *why)
{
    struct list_filter filter;
    struct seq_page page;
    TRY(read_filter(conn, query, &filter, why));
    if (filter.text.size > 0 || filter.owner.size > 0 || !id_is_none(query->case_id))
        TRY(collect_by_walk(conn, query, &filter, arena, &page, why));
    else
        TRY(collect_by_index(conn, query->tenant, &filter, arena, &page, why));
    const struct list_source source = { conn, query->tenant, describe };
    return seq_page_value(&page, &source, filter.limit, arena, ret_page, why);
}
