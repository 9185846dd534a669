#include "cases/case_row.h"

#include "base/pack.h"
#include "cases/note.h"

static const struct sql row_by_id = {
    "SELECT " CASE_COLUMNS " FROM cases_cases c WHERE c.tenant = $1 AND c.id = $2", NULL
};
static const struct sql row_touch = { "UPDATE cases_cases SET alert_count = $2, observable_count = $3, "
                                      "updated = $4, revision = $5 WHERE seq = $1",
    NULL };

enum err case_row_read(struct rows *rows, struct arena *arena, struct case_row *ret, struct err_info *why)
{
    struct case_row row = {
        .seq = rows_int(rows, 0),
        .id = rows_id(rows, 1),
        .number = (uint64_t)rows_int(rows, 2),
        .revision = (uint64_t)rows_int(rows, 3),
        .status = (enum case_status)rows_int(rows, 4),
        .severity = (enum severity)rows_int(rows, 5),
        .opened = rows_instant(rows, 6),
        .updated = rows_instant(rows, 7),
        .alert_count = (uint32_t)rows_int(rows, 9),
        .observable_count = (uint32_t)rows_int(rows, 10),
    };
    if (!rows_is_null(rows, 8))
        row.closed = rows_instant(rows, 8);
    TRY(arena_str(arena, rows_bytes(rows, 11), &row.phase, why));
    TRY(arena_str(arena, rows_bytes(rows, 12), &row.resolution, why));
    TRY(arena_str(arena, rows_bytes(rows, 13), &row.owner, why));
    TRY(arena_str(arena, rows_bytes(rows, 14), &row.title, why));
    TRY(arena_str(arena, rows_bytes(rows, 15), &row.packed_tags, why));
    TRY(arena_str(arena, rows_bytes(rows, 16), &row.stored_summary, why));
    *ret = row;
    return ERR_OK;
}

enum err case_row_get(struct store_conn *conn, int64_t tenant, struct id id, struct arena *arena,
    struct case_row *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &row_by_id, SQL_ARGS(arg_int(tenant), arg_id(&id)), why));
    bool found = rows_next(&rows);
    if (found)
        TRY(case_row_read(&rows, arena, ret, why));
    TRY(rows_end(&rows, why));
    if (!found)
        return err_named(why, ERR_NOT_FOUND, "case", "no case %s", id_text(id).text);
    return ERR_OK;
}

enum err case_row_value(struct store_conn *conn, int64_t tenant, const struct case_row *row,
    struct arena *arena, struct value *ret, struct err_info *why)
{
    struct value_map_builder map;
    struct value tags;
    struct str summary;
    value_map_begin(&map, arena);
    TRY(unpack_value(arena, row->packed_tags, false, &tags, why));
    TRY(payload_get(conn, tenant, row->stored_summary, arena, &summary, why));
    TRY(set_id(&map, "id", row->id, why));
    TRY(value_map_set(&map, "number", value_int((int64_t)row->number), why));
    TRY(value_map_set(&map, "title", value_outside(row->title), why));
    TRY(value_map_set(&map, "status", value_string(str_of(case_status_word(row->status))), why));
    TRY(value_map_set(&map, "severity_id", value_int(row->severity), why));
    TRY(value_map_set(&map, "severity", value_string(str_of(severity_caption(row->severity))), why));
    TRY(set_text(&map, "owner", row->owner, why));
    TRY(value_map_set(&map, "phase", value_outside(row->phase), why));
    TRY(value_map_set(&map, "summary", value_outside(summary), why));
    TRY(value_map_set(&map, "tags", tags, why));
    TRY(set_text(&map, "resolution", row->resolution, why));
    TRY(set_instant(&map, "opened", row->opened, why));
    TRY(set_instant(&map, "updated", row->updated, why));
    TRY(set_instant(&map, "closed", row->closed, why));
    TRY(value_map_set(&map, "alert_count", value_int(row->alert_count), why));
    TRY(value_map_set(&map, "observable_count", value_int(row->observable_count), why));
    TRY(value_map_set(&map, "revision", value_int((int64_t)row->revision), why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

enum err case_row_announce(
    const struct change *change, const struct case_row *row, const char *what, struct err_info *why)
{
    AUTO(arena) struct arena arena = { 0 };
    struct value_map_builder map;
    value_map_begin(&map, &arena);
    TRY(value_map_set(&map, "change", value_string(str_of(what)), why));
    TRY(set_id(&map, "id", row->id, why));
    TRY(value_map_set(&map, "number", value_int((int64_t)row->number), why));
    TRY(value_map_set(&map, "title", value_string(row->title), why));
    TRY(value_map_set(&map, "status", value_string(str_of(case_status_word(row->status))), why));
    TRY(value_map_set(&map, "severity_id", value_int(row->severity), why));
    if (!id_is_none(change->run_id)) /* so that a playbook does not start itself */
        TRY(set_id(&map, "run_id", change->run_id, why));
    return note_announce(change->conn, change->by->tenant, STR("case"), row->id, value_map_end(&map), why);
}

enum err case_row_touch(const struct change *change, struct case_row *row, struct err_info *why)
{
    row->updated = store_commit_time(change->conn);
    row->revision++;
    return sql_run(change->conn, &row_touch,
        SQL_ARGS(arg_int(row->seq), arg_int(row->alert_count), arg_int(row->observable_count),
            arg_instant(row->updated), arg_int((int64_t)row->revision)),
        NULL, why);
}
