#include "access/audit.h"

#include <sodium.h>
#include <string.h>

#include "access/audit_impl.h"
#include "access/vault.h"
#include "base/json.h"
#include "base/text.h"

static const struct sql head_find = { "SELECT seq, hash FROM access_audit_heads WHERE tenant = $1", NULL };
static const struct sql head_set = {
    "INSERT INTO access_audit_heads (tenant, seq, hash) VALUES ($1, $2, $3)"
    " ON CONFLICT (tenant) DO UPDATE SET seq = excluded.seq, hash = excluded.hash",
    NULL
};
static const struct sql row_insert = {
    "INSERT INTO access_audit (tenant, seq, at, actor_kind, actor, actor_name, action, object_kind, object, "
    "before,"
    " after, reason, remote, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    NULL
};
static const struct sql anchor_last = {
    "SELECT coalesce(max(seq), 0) FROM access_audit_anchors WHERE tenant = $1", NULL
};
static const struct sql anchor_insert = {
    "INSERT INTO access_audit_anchors (tenant, seq, at, hash, mac) VALUES ($1, $2, $3, $4, $5)", NULL
};

/* ---- one row ---- */

void audit_row_read(struct rows *rows, struct audit_row *ret)
{
    *ret = (struct audit_row){
        .seq = (uint64_t)rows_int(rows, 0),
        .at = rows_instant(rows, 1),
        .actor_kind = rows_bytes(rows, 2),
        .actor = rows_id(rows, 3),
        .actor_name = rows_bytes(rows, 4),
        .action = rows_bytes(rows, 5),
        .object_kind = rows_bytes(rows, 6),
        .object = rows_bytes(rows, 7),
        .before = rows_bytes(rows, 8),
        .after = rows_bytes(rows, 9),
        .reason = rows_bytes(rows, 10),
        .remote = rows_bytes(rows, 11),
        .hash = audit_hash_read(rows, 12),
    };
}

struct audit_hash audit_hash_read(struct rows *rows, int column)
{
    struct audit_hash hash = { { 0 } };
    struct str bytes = rows_bytes(rows, column);
    if (bytes.size == sizeof(hash.bytes))
        memcpy(hash.bytes, bytes.data, sizeof(hash.bytes));
    return hash;
}

static void print_text(struct buf *buf, const char *key, struct str text)
{
    buf_add_text(buf, key);
    json_print_string(buf, text);
}

void audit_row_print(
    struct buf *buf, int64_t tenant, const struct audit_row *row, const struct audit_hash *previous)
{
    struct id_text actor = id_text(row->actor);
    print_text(buf, "{\"action\":", row->action);
    print_text(buf, ",\"actor\":{\"id\":", id_is_none(row->actor) ? STR("") : id_str(&actor));
    print_text(buf, ",\"kind\":", row->actor_kind);
    print_text(buf, ",\"name\":", row->actor_name);
    buf_add_byte(buf, '}');
    if (row->after.size > 0) {
        buf_add_text(buf, ",\"after\":");
        buf_add(buf, row->after);
    }
    buf_add_text(buf, ",\"at\":");
    buf_add_int(buf, row->at.us);
    if (row->before.size > 0) {
        buf_add_text(buf, ",\"before\":");
        buf_add(buf, row->before);
    }
    print_text(buf, ",\"object\":{\"id\":", row->object);
    print_text(buf, ",\"kind\":", row->object_kind);
    buf_add_text(buf, "},\"prev\":\"");
    hex_add(buf, audit_hash_str(previous));
    buf_add_byte(buf, '"');
    if (row->reason.size > 0)
        print_text(buf, ",\"reason\":", row->reason);
    if (row->remote.size > 0)
        print_text(buf, ",\"remote\":", row->remote);
    buf_add_text(buf, ",\"seq\":");
    buf_add_uint(buf, row->seq);
    buf_add_text(buf, ",\"tenant\":");
    buf_add_int(buf, tenant);
    buf_add_byte(buf, '}');
}

struct audit_hash audit_hash_of(struct str canonical)
{
    struct audit_hash hash;
    (void)crypto_hash_sha256(
        hash.bytes, (const unsigned char *)canonical.data, canonical.size); /* never fails */
    return hash;
}

/* ---- append ---- */

enum err audit_head_read(struct store_conn *conn, int64_t tenant, bool *ret_found, uint64_t *ret_seq,
    struct audit_hash *ret_hash, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &head_find, SQL_ARGS(arg_int(tenant)), why));
    bool found = rows_next(&rows);
    uint64_t seq = found ? (uint64_t)rows_int(&rows, 0) : 0;
    struct audit_hash hash = { { 0 } };
    if (found)
        hash = audit_hash_read(&rows, 1);
    TRY(rows_end(&rows, why));
    *ret_found = found;
    *ret_seq = seq;
    *ret_hash = hash;
    return ERR_OK;
}

/* A value too large for the chain is kept as what it can be recognised by. */
static void print_value(struct buf *buf, struct value v)
{
    if (value_is(v, VALUE_NULL))
        return;
    json_print(buf, v, JSON_CANONICAL);
    if (buf->failed || buf->size <= AUDIT_VALUE_BYTES_MAX)
        return;
    struct audit_hash hash = audit_hash_of(buf_str(buf));
    size_t size = buf->size;
    buf_clear(buf);
    buf_printf(buf, "{\"bytes\":%zu,\"sha256\":\"", size);
    hex_add(buf, audit_hash_str(&hash));
    buf_add_text(buf, "\"}");
}

static struct sql_arg arg_bytes_or_null(struct str bytes)
{
    return bytes.size ? arg_bytes(bytes) : arg_null();
}

static enum err insert_row(
    struct store_conn *conn, int64_t tenant, const struct audit_row *row, struct err_info *why)
{
    TRY(sql_run(conn, &row_insert,
        SQL_ARGS(arg_int(tenant), arg_int((int64_t)row->seq), arg_instant(row->at), arg_text(row->actor_kind),
            arg_id(&row->actor), arg_bytes(row->actor_name), arg_text(row->action),
            arg_text(row->object_kind), arg_bytes(row->object), arg_bytes_or_null(row->before),
            arg_bytes_or_null(row->after), arg_bytes_or_null(row->reason), arg_bytes_or_null(row->remote),
            arg_bytes(audit_hash_str(&row->hash))),
        NULL, why));
    return sql_run(conn, &head_set,
        SQL_ARGS(arg_int(tenant), arg_int((int64_t)row->seq), arg_bytes(audit_hash_str(&row->hash))), NULL,
        why);
}

enum err audit_append(
    struct store_conn *conn, const struct audit_entry *entry, uint64_t *ret_seq, struct err_info *why)
{
    AUTO(buf) struct buf before = { 0 };
    AUTO(buf) struct buf after = { 0 };
    AUTO(buf) struct buf canonical = { 0 };
    bool has_head = false;
    uint64_t last = 0;
    struct audit_hash previous;
    int64_t tenant = entry->by->tenant;
    TRY(audit_head_read(conn, tenant, &has_head, &last, &previous, why));
    print_value(&before, entry->before);
    print_value(&after, entry->after);
    TRY(buf_check(&before, why));
    TRY(buf_check(&after, why));
    struct audit_row row = {
        .seq = last + 1,
        .at = store_commit_time(conn),
        .actor_kind = str_of(principal_kind_word(entry->by->kind)),
        .actor = entry->by->id,
        .actor_name = principal_name(entry->by),
        .action = entry->action,
        .object_kind = entry->object_kind,
        .object = entry->object,
        .before = buf_str(&before),
        .after = buf_str(&after),
        .reason = entry->reason,
        .remote = entry->remote.size > 0 ? entry->remote : str_of(entry->by->remote),
    };
    audit_row_print(&canonical, tenant, &row, &previous);
    TRY(buf_check(&canonical, why));
    row.hash = audit_hash_of(buf_str(&canonical));
    TRY(insert_row(conn, tenant, &row, why));
    if (ret_seq)
        *ret_seq = row.seq;
    return ERR_OK;
}

/* ---- anchors ---- */

struct audit_anchor_bytes audit_anchor_bytes(int64_t tenant, uint64_t seq, const struct audit_hash *hash)
{
    struct audit_anchor_bytes anchor;
    for (unsigned i = 0; i < 8; i++) {
        anchor.bytes[i] = (uint8_t)((uint64_t)tenant >> (8 * i));
        anchor.bytes[8 + i] = (uint8_t)(seq >> (8 * i));
    }
    memcpy(anchor.bytes + 16, hash->bytes, sizeof(hash->bytes));
    return anchor;
}

static enum err last_anchor(struct store_conn *conn, int64_t tenant, uint64_t *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &anchor_last, SQL_ARGS(arg_int(tenant)), why));
    uint64_t seq = rows_next(&rows) ? (uint64_t)rows_int(&rows, 0) : 0;
    TRY(rows_end(&rows, why));
    *ret = seq;
    return ERR_OK;
}

enum err audit_anchor(struct store_conn *conn, struct vault *vault, int64_t tenant, uint64_t *ret_seq,
    struct audit_hash *ret_hash, struct err_info *why)
{
    bool has_head = false;
    uint64_t seq = 0, anchored = 0;
    struct audit_hash hash;
    TRY(audit_head_read(conn, tenant, &has_head, &seq, &hash, why));
    TRY(last_anchor(conn, tenant, &anchored, why));
    if (seq > anchored) {
        uint8_t mac[32];
        struct audit_anchor_bytes anchor = audit_anchor_bytes(tenant, seq, &hash);
        vault_mac(
            vault, VAULT_KEY_AUDIT, (struct str){ (const char *)anchor.bytes, sizeof(anchor.bytes) }, mac);
        TRY(sql_run(conn, &anchor_insert,
            SQL_ARGS(arg_int(tenant), arg_int((int64_t)seq), arg_instant(store_commit_time(conn)),
                arg_bytes(audit_hash_str(&hash)), arg_bytes((struct str){ (const char *)mac, sizeof(mac) })),
            NULL, why));
    }
    *ret_seq = seq > anchored ? seq : 0;
    *ret_hash = hash;
    return ERR_OK;
}

/* ---- list ---- */

struct list_query {
    struct buf text;
    struct sql_arg args[10];
    unsigned count;
};

static void where(struct list_query *query, const char *condition, struct sql_arg arg)
{
    query->args[query->count++] = arg;
    buf_printf(&query->text, " AND %s $%u", condition, query->count);
}

/* "token.*" becomes a range, which a text column compares by bytes: '/' follows '.'. */
static enum err where_action(
    struct list_query *query, struct str action, struct arena *arena, struct err_info *why)
{
    if (!str_ends(action, STR(".*"))) {
        where(query, "action =", arg_text(action));
        return ERR_OK;
    }
    struct str from = str_slice(action, 0, action.size - 1), to = { 0 };
    TRY(arena_printf(arena, &to, why, "%.*s/", STR_ARG(str_slice(action, 0, action.size - 2))));
    where(query, "action >=", arg_text(from));
    where(query, "action <", arg_text(to));
    return ERR_OK;
}

static enum err build_query(struct list_query *query, int64_t tenant, const struct audit_filter *filter,
    unsigned limit, struct arena *arena, struct err_info *why)
{
    query->args[query->count++] = arg_int(tenant);
    buf_add_text(&query->text, "SELECT " AUDIT_COLUMNS " FROM access_audit WHERE tenant = $1");
    if (filter->before_seq > 0)
        where(query, "seq <", arg_int((int64_t)filter->before_seq));
    if (filter->object_kind.size > 0)
        where(query, "object_kind =", arg_text(filter->object_kind));
    if (filter->object.size > 0)
        where(query, "object =", arg_bytes(filter->object));
    if (filter->action.size > 0)
        TRY(where_action(query, filter->action, arena, why));
    if (filter->actor_name.size > 0)
        where(query, "actor_name =", arg_bytes(filter->actor_name));
    if (filter->since.us > 0)
        where(query, "at >=", arg_instant(filter->since));
    if (filter->until.us > 0)
        where(query, "at <", arg_instant(filter->until));
    query->args[query->count++] = arg_int(limit + 1); /* one more tells whether there is a next page */
    buf_printf(&query->text, " ORDER BY seq DESC LIMIT $%u", query->count);
    return buf_check(&query->text, why);
}

static enum err keep_row(struct arena *arena, struct audit_row *row, struct err_info *why)
{
    struct str *parts[] = { &row->actor_kind, &row->actor_name, &row->action, &row->object_kind, &row->object,
        &row->before, &row->after, &row->reason, &row->remote };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        TRY(arena_str(arena, *parts[i], parts[i], why));
    return ERR_OK;
}

enum err audit_list(struct store_conn *conn, int64_t tenant, const struct audit_filter *filter,
    struct arena *arena, struct audit_page *ret, struct err_info *why)
{
    unsigned limit = filter->limit > 0 ? filter->limit : LIST_LIMIT_DEFAULT;
    if (limit > LIST_LIMIT_MAX)
        limit = LIST_LIMIT_MAX;
    struct audit_row *list = ARENA_ARRAY(arena, limit, struct audit_row);
    if (!list)
        return err_memory(why);
    struct list_query query = { 0 };
    AUTO(rows) struct rows rows = { 0 };
    enum err result = build_query(&query, tenant, filter, limit, arena, why);
    if (result == ERR_OK)
        result = rows_open_text(&rows, conn, buf_str(&query.text), query.args, query.count, why);
    buf_done(&query.text);
    TRY(result);
    size_t count = 0;
    bool has_more = false;
    while (rows_next(&rows)) {
        has_more = count == limit;
        if (has_more)
            break;
        audit_row_read(&rows, &list[count]);
        TRY(keep_row(arena, &list[count], why));
        count++;
    }
    TRY(rows_end(&rows, why));
    *ret = (struct audit_page){ list, count, has_more ? list[count - 1].seq : 0 };
    return ERR_OK;
}
