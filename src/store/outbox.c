/* The outbox: numbers are given by the one writer inside its commits, so their order is that of the
 * commits. A number may be missing (its operation was undone) but never comes late. */
#include <assert.h>

#include "store/store_impl.h"

static const struct sql outbox_last = { "SELECT coalesce(max(seq), 0) FROM store_outbox", NULL };
static const struct sql outbox_oldest = { "SELECT coalesce(min(seq), 1) FROM store_outbox", NULL };
static const struct sql outbox_insert = { "INSERT INTO store_outbox (seq, tenant, at, topic, subject, body)"
                                          " VALUES ($1, $2, $3, $4, $5, $6)",
    NULL };
static const struct sql outbox_after = { "SELECT seq, at, topic, subject, body FROM store_outbox"
                                         " WHERE seq > $1 AND tenant = $2 ORDER BY seq LIMIT $3",
    NULL };
/* The newest always stays: numbers go on from it after a restart. */
static const struct sql outbox_delete = { "DELETE FROM store_outbox WHERE seq <= $1"
                                          " AND seq < (SELECT max(seq) FROM store_outbox)",
    NULL };

static enum err read_number(
    struct store_conn *conn, const struct sql *sql, uint64_t *ret, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, sql, SQL_NO_ARGS, why));
    uint64_t number = rows_next(&rows) ? (uint64_t)rows_int(&rows, 0) : 0;
    TRY(rows_end(&rows, why));
    *ret = number;
    return ERR_OK;
}

enum err outbox_start(struct store_conn *conn, struct err_info *why)
{
    return read_number(conn, &outbox_last, &conn->store->outbox_last, why);
}

enum err outbox_add(
    struct store_conn *conn, const struct outbox_entry *entry, uint64_t *ret_seq, struct err_info *why)
{
    assert(conn->is_writer);
    if (entry->topic.size == 0 || entry->topic.size > OUTBOX_TOPIC_BYTES_MAX)
        return err_named(why, ERR_LIMIT, "OUTBOX_TOPIC_BYTES_MAX", "an outbox topic has 1 to %d bytes",
            OUTBOX_TOPIC_BYTES_MAX);
    uint64_t seq = ++conn->store->outbox_last;
    TRY(sql_run(conn, &outbox_insert,
        SQL_ARGS(arg_int((int64_t)seq), arg_int(entry->tenant), arg_instant(conn->commit_time),
            arg_text(entry->topic), arg_id(&entry->subject), arg_bytes(entry->body)),
        NULL, why));
    conn->has_outbox = true;
    if (ret_seq)
        *ret_seq = seq;
    return ERR_OK;
}

enum err outbox_read(struct store_conn *conn, int64_t tenant, uint64_t after, unsigned limit,
    struct rows *rows, uint64_t *ret_oldest, struct err_info *why)
{
    uint64_t oldest = 0;
    TRY(read_number(conn, &outbox_oldest, &oldest, why));
    int64_t from = after > INT64_MAX ? INT64_MAX : (int64_t)after;
    TRY(rows_open(rows, conn, &outbox_after, SQL_ARGS(arg_int(from), arg_int(tenant), arg_int(limit)), why));
    *ret_oldest = oldest;
    return ERR_OK;
}

enum err outbox_newest(struct store_conn *conn, uint64_t *ret, struct err_info *why)
{
    return read_number(conn, &outbox_last, ret, why);
}

enum err outbox_trim(
    struct store_conn *conn, uint64_t keep, uint64_t limit, bool *ret_has_more, struct err_info *why)
{
    uint64_t oldest = 0, last = 0;
    *ret_has_more = false;
    TRY(read_number(conn, &outbox_oldest, &oldest, why));
    TRY(read_number(conn, &outbox_last, &last, why));
    if (oldest == 0 || last <= keep || oldest > last - keep)
        return ERR_OK;
    uint64_t end = last - keep;
    *ret_has_more = end - oldest >= limit;
    if (*ret_has_more)
        end = oldest + limit - 1;
    return sql_run(conn, &outbox_delete, SQL_ARGS(arg_int((int64_t)end)), NULL, why);
}
