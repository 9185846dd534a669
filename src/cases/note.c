#include "cases/note.h"

#include "access/audit.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/pack.h"
#include "base/timetext.h"

static const struct sql activity_last = {
    "SELECT coalesce(max(number), 0) FROM cases_activity WHERE tenant = $1 AND subject = $2", NULL
};
static const struct sql activity_insert = { "INSERT INTO cases_activity (tenant, subject, number, id, at, "
                                            "kind, actor_kind, actor, run_id, key, detail)"
                                            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    NULL };
static const struct sql activity_by_key = { "SELECT id FROM cases_activity WHERE tenant = $1 AND key = $2",
    NULL };
static const struct sql activity_of = {
    "SELECT id, at, kind, actor_kind, actor, run_id, detail FROM cases_activity"
    " WHERE tenant = $1 AND subject = $2 ORDER BY number DESC LIMIT $3",
    NULL
};

enum err id_value(struct arena *arena, struct id id, struct value *ret, struct err_info *why)
{
    struct id_text text = id_text(id);
    struct str copy;
    TRY(arena_str(arena, id_str(&text), &copy, why));
    *ret = value_string(copy);
    return ERR_OK;
}

enum err set_id(struct value_map_builder *map, const char *name, struct id id, struct err_info *why)
{
    struct value v = value_null();
    if (!id_is_none(id))
        TRY(id_value(map->arena, id, &v, why));
    return value_map_set(map, name, v, why);
}

enum err set_text(struct value_map_builder *map, const char *name, struct str text, struct err_info *why)
{
    return value_map_set(map, name, text.size > 0 ? value_outside(text) : value_null(), why);
}

enum err set_instant(struct value_map_builder *map, const char *name, struct instant at, struct err_info *why)
{
    return value_map_set(map, name, at.us != 0 ? value_from_instant(at) : value_null(), why);
}

/* ---- writing ---- */

static enum err next_number(
    struct store_conn *conn, int64_t tenant, const struct id *subject, int64_t *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &activity_last, SQL_ARGS(arg_int(tenant), arg_id(subject)), why));
    int64_t last = rows_next(&rows) ? rows_int(&rows, 0) : 0;
    TRY(rows_end(&rows, why));
    *ret = last + 1;
    return ERR_OK;
}

static enum err pack_detail(
    const struct note *note, struct arena *arena, struct buf *buf, struct err_info *why)
{
    struct value_map_builder map;
    value_map_begin(&map, arena);
    if (note->text.size > 0)
        TRY(value_map_set(&map, "text", value_string(note->text), why));
    if (note->before.type != VALUE_NULL)
        TRY(value_map_set(&map, "before", note->before, why));
    if (note->after.type != VALUE_NULL)
        TRY(value_map_set(&map, "after", note->after, why));
    pack_value(buf, value_map_end(&map));
    return buf_check(buf, why);
}

static enum err write_line(const struct change *change, const struct note *note, const struct id *line,
    struct arena *arena, struct err_info *why)
{
    AUTO(buf) struct buf packed = { 0 };
    int64_t tenant = change->by->tenant, number = 0;
    struct str stored;
    TRY(next_number(change->conn, tenant, &note->subject, &number, why));
    TRY(pack_detail(note, arena, &packed, why));
    TRY(payload_put(change->conn, tenant, buf_str(&packed), arena, &stored, why));
    return sql_run(change->conn, &activity_insert,
        SQL_ARGS(arg_int(tenant), arg_id(&note->subject), arg_int(number), arg_id(line),
            arg_instant(store_commit_time(change->conn)), arg_text(note->verb),
            arg_text(str_of(principal_kind_word(change->by->kind))), arg_bytes(principal_name(change->by)),
            arg_id_or_null(&change->run_id), change->key.size > 0 ? arg_bytes(change->key) : arg_null(),
            arg_bytes(stored)),
        NULL, why);
}

static enum err write_audit(
    const struct change *change, const struct note *note, struct arena *arena, struct err_info *why)
{
    struct str action;
    struct value subject;
    TRY(arena_printf(arena, &action, why, "%.*s.%.*s", STR_ARG(note->subject_kind), STR_ARG(note->verb)));
    TRY(id_value(arena, note->subject, &subject, why));
    struct audit_entry entry = {
        .by = change->by,
        .action = action,
        .object_kind = note->subject_kind,
        .object = value_str(subject),
        .before = note->before,
        .after = note->text.size > 0 && note->after.type == VALUE_NULL ? value_string(note->text)
                                                                       : note->after,
        .remote = change->remote,
    };
    return audit_append(change->conn, &entry, NULL, why);
}

enum err note_write(
    const struct change *change, const struct note *note, struct id *ret_id, struct err_info *why)
{
    if (change->key.size > CHANGE_KEY_BYTES_MAX)
        return err_named(why, ERR_LIMIT, "CHANGE_KEY_BYTES_MAX",
            "the idempotency key has %zu bytes, %d are the limit", change->key.size, CHANGE_KEY_BYTES_MAX);
    AUTO(arena) struct arena arena = { 0 };
    struct id line = id_new(store_clock(change->conn), change->rand);
    TRY(write_line(change, note, &line, &arena, why));
    TRY(write_audit(change, note, &arena, why));
    if (ret_id)
        *ret_id = line;
    return ERR_OK;
}

enum err note_check_comment(struct str text, struct err_info *why)
{
    if (str_trim(text).size == 0)
        return err_named(why, ERR_INVALID, "field", "the comment is empty");
    if (text.size > COMMENT_BYTES_MAX)
        return err_named(why, ERR_LIMIT, "COMMENT_BYTES_MAX", "the comment has %zu bytes, %llu are the limit",
            text.size, (unsigned long long)COMMENT_BYTES_MAX);
    return ERR_OK;
}

enum err note_check_revision(const struct change *change, uint64_t now, struct err_info *why)
{
    if (change->revision == 0 || change->revision == now)
        return ERR_OK;
    return err_named(why, ERR_CONFLICT, "revision", "it has changed since: revision %llu, not %llu",
        (unsigned long long)now, (unsigned long long)change->revision);
}

void difference_begin(struct difference *difference, struct arena *arena)
{
    value_map_begin(&difference->before, arena);
    value_map_begin(&difference->after, arena);
}

enum err difference_add(
    struct difference *difference, const char *name, struct value was, struct value is, struct err_info *why)
{
    if (value_equal(was, is))
        return ERR_OK;
    TRY(value_map_set(&difference->before, name, was, why));
    return value_map_set(&difference->after, name, is, why);
}

enum err note_find_key(const struct change *change, struct id *ret, struct err_info *why)
{
    *ret = ID_NONE;
    if (change->key.size == 0)
        return ERR_OK;
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, change->conn, &activity_by_key,
        SQL_ARGS(arg_int(change->by->tenant), arg_bytes(change->key)), why));
    if (rows_next(&rows))
        *ret = rows_id(&rows, 0);
    return rows_end(&rows, why);
}

enum err note_announce(struct store_conn *conn, int64_t tenant, struct str topic, struct id subject,
    struct value body, struct err_info *why)
{
    AUTO(buf) struct buf json = { 0 };
    json_print(&json, body, 0);
    TRY(buf_check(&json, why));
    struct outbox_entry entry = {
        .tenant = tenant, .topic = topic, .subject = subject, .body = buf_str(&json)
    };
    return outbox_add(conn, &entry, NULL, why);
}

/* ---- reading ---- */

static enum err read_line(struct store_conn *conn, int64_t tenant, struct rows *rows, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    struct value_map_builder map, actor;
    struct str stored, packed, kind, actor_kind, actor_name;
    TRY(arena_str(arena, rows_bytes(rows, 2), &kind, why));
    TRY(arena_str(arena, rows_bytes(rows, 3), &actor_kind, why));
    TRY(arena_str(arena, rows_bytes(rows, 4), &actor_name, why));
    TRY(arena_str(arena, rows_bytes(rows, 6), &stored, why));
    TRY(payload_get(conn, tenant, stored, arena, &packed, why));
    value_map_begin(&map, arena);
    TRY(set_id(&map, "id", rows_id(rows, 0), why));
    TRY(set_instant(&map, "at", rows_instant(rows, 1), why));
    TRY(value_map_set(&map, "kind", value_string(kind), why));
    value_map_begin(&actor, arena);
    TRY(value_map_set(&actor, "kind", value_string(actor_kind), why));
    TRY(value_map_set(&actor, "name", value_string(actor_name), why));
    TRY(value_map_set(&map, "actor", value_map_end(&actor), why));
    TRY(set_id(&map, "run_id", rows_id(rows, 5), why));
    struct value detail;
    TRY(unpack_value(arena, packed, false, &detail, why));
    static const char *const parts[] = { "text", "before", "after" };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        TRY(value_map_set(&map, parts[i], value_get(detail, str_of(parts[i])), why));
    *ret = value_map_end(&map);
    return ERR_OK;
}

enum err note_list(struct store_conn *conn, int64_t tenant, struct id subject, struct arena *arena,
    struct value *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    struct value *items = ARENA_ARRAY(arena, ACTIVITY_SHOWN_MAX, struct value);
    if (!items)
        return err_memory(why);
    uint32_t count = 0;
    TRY(rows_open(&rows, conn, &activity_of,
        SQL_ARGS(arg_int(tenant), arg_id(&subject), arg_int(ACTIVITY_SHOWN_MAX)), why));
    while (rows_next(&rows)) {
        TRY(read_line(conn, tenant, &rows, arena, &items[count], why));
        count++;
    }
    TRY(rows_end(&rows, why));
    struct value_list_builder list;
    value_list_begin(&list, arena);
    for (uint32_t i = count; i > 0; i--)
        TRY(value_list_add(&list, items[i - 1], why));
    *ret = value_list_end(&list);
    return ERR_OK;
}
