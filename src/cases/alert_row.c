#include "cases/alert_row.h"

#include "base/pack.h"
#include "base/timetext.h"
#include "cases/note.h"
#include "cases/observable_row.h"

static const struct sql row_by_id = {
    "SELECT " ALERT_COLUMNS " FROM cases_alerts a WHERE a.tenant = $1 AND a.id = $2", NULL
};
static const struct sql body_by_seq = { "SELECT body FROM cases_alert_bodies WHERE seq = $1", NULL };

enum err alert_row_read(struct rows *rows, struct arena *arena, struct alert_row *ret, struct err_info *why)
{
    struct alert_row row = {
        .seq = rows_int(rows, 0),
        .id = rows_id(rows, 1),
        .event_id = rows_id(rows, 2),
        .status = (enum alert_status)rows_int(rows, 3),
        .severity = (enum severity)rows_int(rows, 4),
        .first_seen = rows_instant(rows, 10),
        .last_seen = rows_instant(rows, 11),
        .count = (uint64_t)rows_int(rows, 12),
        .revision = (uint64_t)rows_int(rows, 13),
        .observable_count = (uint32_t)rows_int(rows, 14),
    };
    TRY(arena_str(arena, rows_bytes(rows, 5), &row.source, why));
    TRY(arena_str(arena, rows_bytes(rows, 6), &row.owner, why));
    TRY(arena_str(arena, rows_bytes(rows, 7), &row.resolution, why));
    TRY(arena_str(arena, rows_bytes(rows, 8), &row.title, why));
    TRY(arena_str(arena, rows_bytes(rows, 9), &row.packed_tags, why));
    *ret = row;
    return ERR_OK;
}

enum err alert_row_get(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct alert_row *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &row_by_id, SQL_ARGS(arg_int(tenant), arg_id(&id)), why));
    bool found = rows_next(&rows);
    if (found)
        TRY(alert_row_read(&rows, arena, ret, why));
    TRY(rows_end(&rows, why));
    if (!found)
        return err_named(why, ERR_NOT_FOUND, "alert", "no alert %s", id_text(id).text);
    return ERR_OK;
}

static enum err set_own_fields(
    struct value_map_builder *map, const struct alert_row *row, struct value tags, struct err_info *why)
{
    TRY(set_id(map, "id", row->id, why));
    TRY(value_map_set(map, "source", value_string(row->source), why));
    TRY(value_map_set(map, "severity_id", value_int(row->severity), why));
    TRY(value_map_set(map, "severity", value_string(str_of(severity_caption(row->severity))), why));
    TRY(value_map_set(map, "status_id", value_int(row->status), why));
    TRY(value_map_set(map, "status", value_string(str_of(alert_status_caption(row->status))), why));
    TRY(value_map_set(map, "count", value_int((int64_t)row->count), why));
    TRY(set_instant(map, "first_seen", row->first_seen, why));
    TRY(set_instant(map, "last_seen", row->last_seen, why));
    TRY(value_map_set(map, "tags", tags, why));
    TRY(set_text(map, "owner", row->owner, why));
    TRY(set_text(map, "resolution", row->resolution, why));
    TRY(set_id(map, "event_id", row->event_id, why));
    return value_map_set(map, "revision", value_int((int64_t)row->revision), why);
}

/* The body's observables and those that were added, without repeats: the added ones were checked against
 * the body when they came. */
static enum err join_observables(
    struct value body, struct value extra, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_list_builder list;
    value_list_begin(&list, arena);
    struct value first = value_get(body, STR("observables"));
    for (uint32_t i = 0; first.type == VALUE_LIST && i < first.size; i++)
        TRY(value_list_add(&list, first.items[i], why));
    for (uint32_t i = 0; i < extra.size; i++)
        TRY(value_list_add(&list, extra.items[i], why));
    *ret = value_list_end(&list);
    return ERR_OK;
}

enum err alert_row_value(const struct alert_row *row, struct value body, struct value tags,
    struct value extra, struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_map_builder map;
    value_map_begin(&map, arena);
    TRY(set_own_fields(&map, row, tags, why));
    if (extra.type == VALUE_LIST && extra.size > 0) {
        struct value observables;
        TRY(join_observables(body, extra, arena, &observables, why));
        TRY(value_map_set(&map, "observables", observables, why));
    }
    const struct value_entry *entries = value_map_entries(body);
    for (uint32_t i = 0; body.type == VALUE_MAP && i < body.size; i++) {
        /* What the row says is newer than what the first event said. */
        enum err added = value_map_add(&map, entries[i].key, entries[i].value, why);
        if (added != ERR_OK && added != ERR_CONFLICT)
            return added;
    }
    *ret = value_map_end(&map);
    return ERR_OK;
}

enum err alert_row_load_value(struct store_conn *conn, int64_t tenant, const struct alert_row *row,
    struct arena *arena, struct value *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    struct str stored = { 0 }, packed;
    struct value body, tags, extra = value_null();
    TRY(rows_open(&rows, conn, &body_by_seq, SQL_ARGS(arg_int(row->seq)), why));
    if (rows_next(&rows))
        TRY(arena_str(arena, rows_bytes(&rows, 0), &stored, why));
    TRY(rows_end(&rows, why));
    TRY(payload_get(conn, tenant, stored, arena, &packed, why));
    TRY(unpack_value(arena, packed, false, &body, why));
    TRY(unpack_value(arena, row->packed_tags, false, &tags, why));
    if (row->observable_count > 0)
        TRY(observable_rows_list(conn, tenant, row->id, arena, &extra, why));
    return alert_row_value(row, body, tags, extra, arena, ret, why);
}

enum err alert_row_announcement(const struct alert_row *row, const char *change, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    struct value_map_builder map;
    value_map_begin(&map, arena);
    TRY(value_map_set(&map, "change", value_string(str_of(change)), why));
    TRY(set_id(&map, "id", row->id, why));
    TRY(value_map_set(&map, "source", value_string(row->source), why));
    TRY(value_map_set(&map, "title", value_string(row->title), why));
    TRY(value_map_set(&map, "severity_id", value_int(row->severity), why));
    TRY(value_map_set(&map, "status", value_string(str_of(alert_status_caption(row->status))), why));
    TRY(value_map_set(&map, "count", value_int((int64_t)row->count), why));
    *ret = value_map_end(&map);
    return ERR_OK;
}
