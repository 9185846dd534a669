/* Proving the audit chain: one pass over a tenant's rows, beside one over its anchors. */
#include <sodium.h>
#include <string.h>

#include "access/audit.h"
#include "access/audit_impl.h"
#include "access/vault.h"
#include "base/text.h"

static const struct sql rows_all = { "SELECT " AUDIT_COLUMNS
                                     " FROM access_audit WHERE tenant = $1 AND seq >= $2"
                                     " ORDER BY seq",
    NULL };
static const struct sql row_hash = { "SELECT hash FROM access_audit WHERE tenant = $1 AND seq = $2", NULL };
static const struct sql anchors_all = {
    "SELECT seq, hash, mac FROM access_audit_anchors WHERE tenant = $1 ORDER BY seq", NULL
};

struct verify {
    struct store_conn *conn;
    struct vault *vault;
    int64_t tenant;
    struct audit_check check;
    struct audit_hash previous; /* of the last good row */
    struct buf canonical;
    struct rows anchors;
    bool has_anchor; /* one is read and not yet met */
    uint64_t anchor_seq;
    struct audit_hash anchor_hash;
    bool anchor_is_signed;
};

static void verify_cleanup(struct verify *verify)
{
    rows_cleanup(&verify->anchors);
    buf_done(&verify->canonical);
}

static void broken(struct audit_check *check, uint64_t seq, const char *code, const char *text)
{
    if (check->broken_code)
        return; /* the first one is what counts */
    check->is_good = false;
    check->broken_seq = seq;
    check->broken_code = code;
    (void)snprintf(check->broken_text, sizeof(check->broken_text), "row %llu: %s", (unsigned long long)seq,
        text); /* cutting it would do no harm */
}

static void next_anchor(struct verify *verify)
{
    verify->has_anchor = rows_next(&verify->anchors);
    if (!verify->has_anchor)
        return;
    uint8_t mac[32];
    verify->anchor_seq = (uint64_t)rows_int(&verify->anchors, 0);
    verify->anchor_hash = audit_hash_read(&verify->anchors, 1);
    struct str stored = rows_bytes(&verify->anchors, 2);
    struct audit_anchor_bytes bytes = audit_anchor_bytes(
        verify->tenant, verify->anchor_seq, &verify->anchor_hash);
    verify->anchor_is_signed = true;
    if (!verify->vault)
        return;
    vault_mac(
        verify->vault, VAULT_KEY_AUDIT, (struct str){ (const char *)bytes.bytes, sizeof(bytes.bytes) }, mac);
    verify->anchor_is_signed = stored.size == sizeof(mac) && !sodium_memcmp(mac, stored.data, sizeof(mac));
}

static void meet_anchor(struct verify *verify, const struct audit_row *row)
{
    if (!verify->has_anchor || verify->anchor_seq != row->seq)
        return;
    if (!verify->anchor_is_signed)
        broken(&verify->check, row->seq, "anchor",
            "the anchor of this row was not signed with this server's key");
    else if (memcmp(verify->anchor_hash.bytes, row->hash.bytes, sizeof(row->hash.bytes)))
        broken(&verify->check, row->seq, "anchor",
            "the row is not the one that was anchored: the chain was rewritten");
    next_anchor(verify);
}

static enum err check_row(struct verify *verify, const struct audit_row *row, struct err_info *why)
{
    struct audit_check *check = &verify->check;
    uint64_t expected = check->rows + 1;
    if (row->seq != expected) {
        broken(check, expected, row->seq > expected ? "missing" : "inserted",
            row->seq > expected ? "the row is missing: it was deleted"
                                : "a row with this number was inserted");
        return ERR_OK;
    }
    buf_clear(&verify->canonical);
    audit_row_print(&verify->canonical, verify->tenant, row, &verify->previous);
    TRY(buf_check(&verify->canonical, why));
    struct audit_hash hash = audit_hash_of(buf_str(&verify->canonical));
    if (memcmp(hash.bytes, row->hash.bytes, sizeof(hash.bytes))) {
        broken(check, row->seq, "edited",
            "its hash does not match: the row was edited, or inserted before its time");
        return ERR_OK;
    }
    meet_anchor(verify, row);
    if (check->broken_code)
        return ERR_OK;
    verify->previous = hash;
    check->rows++;
    return ERR_OK;
}

/* What only the end of the chain can show. */
static void check_end(struct verify *verify, bool has_head)
{
    struct audit_check *check = &verify->check;
    uint64_t next = check->rows + 1;
    if (has_head && check->head_seq > check->rows)
        broken(
            check, next, "truncated", "the rows from here on are missing: the end of the chain was cut off");
    if (verify->has_anchor)
        broken(
            check, next, "truncated", "an anchor stands for a later row: the end of the chain was cut off");
    if (!has_head && check->rows > 0)
        broken(check, check->rows, "head", "the head of the chain is missing");
    if (has_head && check->head_seq < check->rows)
        broken(check, check->head_seq + 1, "inserted", "the row stands behind the head of the chain");
    if (has_head && memcmp(verify->previous.bytes, check->head.bytes, sizeof(check->head.bytes)))
        broken(check, check->rows, "head", "the head of the chain has another hash than its last row");
}

enum err audit_verify(struct store_conn *conn, struct vault *vault, int64_t tenant, struct audit_check *ret,
    struct err_info *why)
{
    AUTO(verify) struct verify verify = { .conn = conn, .vault = vault, .tenant = tenant };
    AUTO(rows) struct rows rows = { 0 };
    bool has_head = false;
    verify.check.is_good = true;
    TRY(audit_head_read(conn, tenant, &has_head, &verify.check.head_seq, &verify.check.head, why));
    TRY(rows_open(&verify.anchors, conn, &anchors_all, SQL_ARGS(arg_int(tenant)), why));
    TRY(rows_open(&rows, conn, &rows_all, SQL_ARGS(arg_int(tenant), arg_int(0)), why));
    next_anchor(&verify);
    while (!verify.check.broken_code && rows_next(&rows)) {
        struct audit_row row;
        audit_row_read(&rows, &row);
        TRY(check_row(&verify, &row, why));
    }
    TRY(rows_end(&rows, why));
    if (!verify.check.broken_code)
        check_end(&verify, has_head);
    TRY(rows_end(&verify.anchors, why));
    *ret = verify.check;
    return ERR_OK;
}

enum err audit_verify_anchor(struct store_conn *conn, int64_t tenant, uint64_t seq,
    const struct audit_hash *hash, struct audit_check *ret, struct err_info *why)
{
    TRY(audit_verify(conn, NULL, tenant, ret, why));
    AUTO(rows) struct rows rows = { 0 };
    int64_t number = seq > INT64_MAX ? INT64_MAX : (int64_t)seq;
    TRY(rows_open(&rows, conn, &row_hash, SQL_ARGS(arg_int(tenant), arg_int(number)), why));
    bool found = rows_next(&rows);
    struct audit_hash have = { { 0 } };
    if (found)
        have = audit_hash_read(&rows, 0);
    TRY(rows_end(&rows, why));
    if (!found)
        broken(ret, seq, "truncated", "the anchored row is missing");
    else if (memcmp(have.bytes, hash->bytes, sizeof(have.bytes)))
        broken(ret, seq, "anchor", "the row is not the one that was anchored: the chain was rewritten");
    return ERR_OK;
}

enum err audit_export(struct store_conn *conn, int64_t tenant, uint64_t from_seq, audit_line *line,
    void *context, struct err_info *why)
{
    AUTO(buf) struct buf out = { 0 };
    AUTO(rows) struct rows rows = { 0 };
    struct audit_hash previous = { { 0 } };
    /* The row before the first one is read too, for its hash. */
    int64_t first = from_seq > 1 ? (int64_t)from_seq - 1 : 0;
    TRY(rows_open(&rows, conn, &rows_all, SQL_ARGS(arg_int(tenant), arg_int(first)), why));
    while (rows_next(&rows)) {
        struct audit_row row;
        audit_row_read(&rows, &row);
        if (row.seq >= from_seq) {
            buf_clear(&out);
            buf_add_text(&out, "{\"hash\":\"");
            hex_add(&out, audit_hash_str(&row.hash));
            buf_add_text(&out, "\",\"row\":");
            audit_row_print(&out, tenant, &row, &previous);
            buf_add_byte(&out, '}');
            TRY(buf_check(&out, why));
            TRY(line(context, buf_str(&out), why));
        }
        previous = row.hash;
    }
    return rows_end(&rows, why);
}
