/* Reading cases: one, its parts, and lists. */
#include "base/limits.h"
#include "cases/alert_row.h"
#include "cases/case_row.h"
#include "cases/list.h"
#include "cases/note.h"
#include "cases/observable_row.h"

static const struct sql by_number = { "SELECT id FROM cases_cases WHERE tenant = $1 AND number = $2", NULL };
static const struct sql case_alerts = {
    "SELECT a.id, a.title, a.severity, a.status, a.source, a.first_seen, a.count FROM cases_links l"
    " JOIN cases_alerts a ON a.seq = l.alert_seq WHERE l.tenant = $1 AND l.case_id = $2 ORDER BY l.alert_seq",
    NULL
};
static const struct sql seq_by_id = { "SELECT seq FROM cases_cases WHERE tenant = $1 AND id = $2", NULL };
static const struct sql row_by_seq = { "SELECT " CASE_COLUMNS " FROM cases_cases c WHERE c.seq = $1", NULL };
static const struct sql by_status = {
    "SELECT seq FROM cases_cases WHERE tenant = $1 AND status = $2 AND severity = $3 AND seq < $4"
    " AND seq >= $5 AND opened >= $6 AND opened < $7 ORDER BY seq DESC LIMIT $8",
    NULL
};
#define WALKED "SELECT c.seq, c.id, c.status, c.severity, c.owner, c.title, c.opened"
static const struct sql walk_all = { WALKED
    " FROM cases_cases c WHERE c.tenant = $4 AND c.seq < $1 AND c.seq >= $2 ORDER BY c.seq DESC LIMIT $3",
    NULL };
static const struct sql walk_owner = { WALKED
    " FROM cases_cases c WHERE c.tenant = $4 AND c.owner = $5 AND c.seq < $1 AND c.seq >= $2"
    " ORDER BY c.seq DESC LIMIT $3",
    NULL };
static const struct sql walk_alert = { WALKED
    " FROM cases_links l JOIN cases_cases c ON c.seq = l.case_seq WHERE l.tenant = $4 AND l.alert_seq ="
    " (SELECT seq FROM cases_alerts WHERE tenant = $4 AND id = $5) AND l.case_seq < $1 AND l.case_seq >= $2"
    " ORDER BY l.case_seq DESC LIMIT $3",
    NULL };

/* ---- one ---- */

enum err case_value(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    struct case_row row;
    enum err found = case_row_get(conn, tenant, id, arena, &row, why);
    if (found == ERR_NOT_FOUND) {
        *ret = value_null();
        return ERR_OK;
    }
    TRY(found);
    return case_row_value(conn, tenant, &row, arena, ret, why);
}

enum err case_find_number(
    struct store_conn *conn, int64_t tenant, uint64_t number, struct id *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    int64_t wanted = number > INT64_MAX ? -1 : (int64_t)number;
    TRY(rows_open(&rows, conn, &by_number, SQL_ARGS(arg_int(tenant), arg_int(wanted)), why));
    struct id id = rows_next(&rows) ? rows_id(&rows, 0) : ID_NONE;
    TRY(rows_end(&rows, why));
    if (id_is_none(id))
        return err_named(why, ERR_NOT_FOUND, "case", "no case number %llu", (unsigned long long)number);
    *ret = id;
    return ERR_OK;
}

static enum err alert_line(struct rows *rows, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_map_builder map;
    struct str title, source;
    value_map_begin(&map, arena);
    TRY(arena_str(arena, rows_bytes(rows, 1), &title, why));
    TRY(arena_str(arena, rows_bytes(rows, 4), &source, why));
    TRY(set_id(&map, "id", rows_id(rows, 0), why));
    TRY(value_map_set(&map, "title", value_string(title), why));
    TRY(value_map_set(&map, "severity_id", value_int(rows_int(rows, 2)), why));
    const char *status = alert_status_caption((enum alert_status)rows_int(rows, 3));
    TRY(value_map_set(&map, "status", value_string(str_of(status)), why));
    TRY(value_map_set(&map, "source", value_string(source), why));
    TRY(set_instant(&map, "first_seen", rows_instant(rows, 5), why));
    TRY(value_map_set(&map, "count", value_int(rows_int(rows, 6)), why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

static enum err read_alerts(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    struct value_list_builder list;
    value_list_begin(&list, arena);
    TRY(rows_open(&rows, conn, &case_alerts, SQL_ARGS(arg_int(tenant), arg_id(&id)), why));
    while (rows_next(&rows)) {
        struct value line;
        TRY(alert_line(&rows, arena, &line, why));
        TRY(value_list_add(&list, line, why));
    }
    TRY(rows_end(&rows, why));
    *ret = value_list_end(&list);
    return ERR_OK;
}

enum err case_show(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    struct case_row row;
    struct value shown, alerts, observables, activity;
    TRY(case_row_get(conn, tenant, id, arena, &row, why));
    TRY(case_row_value(conn, tenant, &row, arena, &shown, why));
    TRY(read_alerts(conn, tenant, id, arena, &alerts, why));
    TRY(observable_rows_list(conn, tenant, id, arena, &observables, why));
    TRY(note_list(conn, tenant, id, arena, &activity, why));
    TRY(value_map_with(arena, shown, value_string(STR("alerts")), alerts, &shown, why));
    TRY(value_map_with(arena, shown, value_string(STR("observables")), observables, &shown, why));
    return value_map_with(arena, shown, value_string(STR("activity")), activity, ret, why);
}

/* ---- lists ---- */

#define STATUSES_ALL ((1u << CASE_STATUS_END) - (1u << CASE_OPEN))

static bool status_bits(struct str word, unsigned *ret_bits)
{
    enum case_status status;
    if (case_status_parse(word, &status))
        *ret_bits = 1u << status;
    else if (str_equal_nocase(word, STR("active")))
        *ret_bits = STATUSES_ALL & ~(1u << CASE_CLOSED);
    else
        return false;
    return true;
}

static enum err read_filter(
    struct store_conn *conn, const struct case_query *query, struct list_filter *filter, struct err_info *why)
{
    int64_t after = 0;
    TRY(list_find_seq(conn, &seq_by_id, query->tenant, query->after, "case", &after, why));
    list_filter_init(filter, query->limit, query->since, query->until, after);
    TRY(list_read_words(query->status, "status", status_bits, STATUSES_ALL, &filter->statuses, why));
    TRY(list_read_severities(query->severity, &filter->severities, why));
    filter->text = query->text;
    filter->owner = query->owner;
    return ERR_OK;
}

static enum err collect_by_index(struct store_conn *conn, int64_t tenant, const struct list_filter *filter,
    struct arena *arena, struct seq_page *page, struct err_info *why)
{
    TRY(seq_page_init(page, arena, 2 * (filter->limit + 1), why));
    for (unsigned status = CASE_OPEN; status < CASE_STATUS_END; status++) {
        for (unsigned severity = 0; severity < SEVERITY_COUNT; severity++) {
            if (!(filter->statuses & 1u << status) || !(filter->severities & 1u << severity))
                continue;
            TRY(seq_page_collect(page, conn, &by_status,
                SQL_ARGS(arg_int(tenant), arg_int(status), arg_int(severity), arg_int(filter->seq_before),
                    arg_int(filter->seq_from), arg_instant(filter->since), arg_instant(filter->until),
                    arg_int(filter->limit + 1)),
                why));
            seq_page_cut(page, filter->limit);
        }
    }
    return ERR_OK;
}

static bool row_matches(struct rows *rows, const struct list_filter *filter)
{
    int64_t opened = rows_int(rows, 6);
    return (filter->statuses & 1u << rows_int(rows, 2)) && (filter->severities & 1u << rows_int(rows, 3)) &&
        opened >= filter->since.us && opened < filter->until.us &&
        (filter->owner.size == 0 || str_equal(filter->owner, rows_bytes(rows, 4))) &&
        list_text_has(rows_bytes(rows, 5), filter->text);
}

static enum err collect_by_walk(struct store_conn *conn, const struct case_query *query,
    const struct list_filter *filter, struct arena *arena, struct seq_page *page, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    struct sql_arg args[5] = { arg_int(filter->seq_before), arg_int(filter->seq_from),
        arg_int(ALERT_SCAN_MAX), arg_int(query->tenant) };
    TRY(seq_page_init(page, arena, filter->limit + 1, why));
    if (!id_is_none(query->alert_id)) {
        args[4] = arg_id(&query->alert_id);
        TRY(rows_open(&rows, conn, &walk_alert, args, 5, why));
    } else if (filter->owner.size > 0) {
        args[4] = arg_bytes(filter->owner);
        TRY(rows_open(&rows, conn, &walk_owner, args, 5, why));
    } else {
        TRY(rows_open(&rows, conn, &walk_all, args, 4, why));
    }
    return seq_page_walk(page, &rows, filter, row_matches, why);
}

static enum err describe(const struct list_source *source, int64_t seq, struct arena *arena,
    struct id *ret_id, struct value *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    struct case_row row = { 0 };
    TRY(rows_open(&rows, source->conn, &row_by_seq, SQL_ARGS(arg_int(seq)), why));
    if (rows_next(&rows))
        TRY(case_row_read(&rows, arena, &row, why));
    TRY(rows_end(&rows, why));
    *ret_id = row.id;
    return case_row_value(source->conn, source->tenant, &row, arena, ret, why);
}

enum err case_list(struct store_conn *conn, const struct case_query *query, struct arena *arena,
    struct value *ret_page, struct err_info *why)
{
    struct list_filter filter;
    struct seq_page page;
    TRY(read_filter(conn, query, &filter, why));
    if (filter.text.size > 0 || filter.owner.size > 0 || !id_is_none(query->alert_id))
        TRY(collect_by_walk(conn, query, &filter, arena, &page, why));
    else
        TRY(collect_by_index(conn, query->tenant, &filter, arena, &page, why));
    const struct list_source source = { conn, query->tenant, describe };
    return seq_page_value(&page, &source, filter.limit, arena, ret_page, why);
}
