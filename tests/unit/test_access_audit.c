#include "access/audit.h"
#include "access_helpers.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/text.h"

#include <sodium.h>

struct append {
    int64_t tenant;
    int from, count;
    bool fails_after;
};

static enum err append_work(void *context, struct store_conn *conn, struct err_info *why)
{
    struct append *append = context;
    AUTO(arena) struct arena arena = { 0 };
    struct principal by = principal_system(append->tenant);
    for (int i = append->from; i < append->from + append->count; i++) {
        struct value_map_builder map = { 0 };
        char object[24];
        value_map_begin(&map, &arena);
        TRY(value_map_set(&map, "z", value_int(i), why));
        TRY(value_map_set(&map, "a", value_string(STR("quote \" and line\n")), why));
        snprintf(object, sizeof(object), "case %d", i);
        struct audit_entry entry = {
            .by = &by,
            .action = i % 3 ? STR("case.update") : STR("case.close"),
            .object_kind = STR("case"),
            .object = str_of(object),
            .before = i % 2 ? value_null() : value_int(i),
            .after = value_map_end(&map),
            .reason = i % 5 ? STR("") : STR("because"),
            .remote = STR("192.0.2.7"),
        };
        TRY(audit_append(conn, &entry, NULL, why));
    }
    return append->fails_after ? err_set(why, ERR_CANCELLED, "told to fail") : ERR_OK;
}

static void append(struct access_fixture *fixture, int64_t tenant, int from, int count)
{
    struct append append = { tenant, from, count, false };
    test_check(access_write(fixture, append_work, &append), &fixture->why);
}

static void chain_of_good_rows_is_good(void **state)
{
    struct access_fixture *fixture = *state;
    struct audit_check check = verify(fixture);
    assert_true(check.is_good);
    assert_int_equal(check.rows, 0);
    append(fixture, 1, 0, 50);
    append(fixture, 2, 0, 3);
    append(fixture, 1, 50, 50);
    check = verify(fixture);
    assert_true(check.is_good);
    assert_int_equal(check.rows, 100);
    assert_int_equal(check.head_seq, 100);
}

static void undone_operation_leaves_no_row_and_no_gap(void **state)
{
    struct access_fixture *fixture = *state;
    struct append bad = { 1, 0, 5, true };
    append(fixture, 1, 0, 3);
    assert_int_equal(access_write(fixture, append_work, &bad), ERR_CANCELLED);
    append(fixture, 1, 3, 1);
    struct audit_check check = verify(fixture);
    assert_true(check.is_good);
    assert_int_equal(check.rows, 4);
}

static void tampering_is_found_at_its_row(void **state)
{
    struct access_fixture *fixture = *state;
    static const struct {
        const char *statement;
        uint64_t seq;
        const char *code;
    } cases[] = {
        { "UPDATE access_audit SET action = 'case.open' WHERE tenant = 1 AND seq = 7", 7, "edited" },
        { "UPDATE access_audit SET at = at + 1 WHERE tenant = 1 AND seq = 20", 20, "edited" },
        { "UPDATE access_audit SET after = x'7b7d' WHERE tenant = 1 AND seq = 3", 3, "edited" },
        { "UPDATE access_audit SET before = x'30' WHERE tenant = 1 AND seq = 2", 2, "edited" },
        { "UPDATE access_audit SET reason = x'78' WHERE tenant = 1 AND seq = 4", 4, "edited" },
        { "UPDATE access_audit SET remote = NULL WHERE tenant = 1 AND seq = 4", 4, "edited" },
        { "UPDATE access_audit SET actor = x'01020304050607080910111213141516' WHERE seq = 1", 1, "edited" },
        { "UPDATE access_audit SET actor_name = x'78' WHERE tenant = 1 AND seq = 20", 20, "edited" },
        { "UPDATE access_audit SET object = x'78' WHERE tenant = 1 AND seq = 11", 11, "edited" },
        { "UPDATE access_audit SET hash = x'00' WHERE tenant = 1 AND seq = 12", 12, "edited" },
        { "DELETE FROM access_audit WHERE tenant = 1 AND seq = 1", 1, "missing" },
        { "DELETE FROM access_audit WHERE tenant = 1 AND seq = 9", 9, "missing" },
        { "DELETE FROM access_audit WHERE tenant = 1 AND seq = 20", 20, "truncated" },
        { "DELETE FROM access_audit WHERE tenant = 1 AND seq > 5", 6, "truncated" },
        { "DELETE FROM access_audit WHERE tenant = 1", 1, "truncated" },
        { "INSERT INTO access_audit SELECT tenant, 0, at, actor_kind, actor, actor_name, action, "
          "object_kind, object,"
          " before, after, reason, remote, hash FROM access_audit WHERE tenant = 1 AND seq = 1",
            1, "inserted" },
        { "INSERT INTO access_audit SELECT tenant, 21, at, actor_kind, actor, actor_name, action, "
          "object_kind,"
          " object, before, after, reason, remote, hash FROM access_audit WHERE tenant = 1 AND seq = 20",
            21, "edited" },
        { "DELETE FROM access_audit_heads WHERE tenant = 1", 20, "head" },
        { "UPDATE access_audit_heads SET hash = x'00' WHERE tenant = 1", 20, "head" },
        { "UPDATE access_audit_heads SET seq = 10 WHERE tenant = 1", 11, "inserted" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tamper(fixture, "DELETE FROM access_audit");
        tamper(fixture, "DELETE FROM access_audit_heads");
        append(fixture, 1, 0, 20);
        append(fixture, 2, 0, 20);
        assert_true(verify(fixture).is_good);
        tamper(fixture, cases[i].statement);
        struct audit_check check = verify(fixture);
        assert_false(check.is_good);
        if (check.broken_seq != cases[i].seq || strcmp(check.broken_code, cases[i].code) != 0)
            fail_msg("%s: found %s at %llu", cases[i].statement, check.broken_code,
                (unsigned long long)check.broken_seq);
    }
}

struct anchor {
    struct access_fixture *fixture;
    uint64_t seq;
    struct audit_hash hash;
    struct audit_check check;
};

static enum err anchor_work(void *context, struct store_conn *conn, struct err_info *why)
{
    struct anchor *anchor = context;
    return audit_anchor(conn, anchor->fixture->vault, 1, &anchor->seq, &anchor->hash, why);
}

static enum err verify_signed_work(void *context, struct store_conn *conn, struct err_info *why)
{
    struct anchor *anchor = context;
    return audit_verify(conn, anchor->fixture->vault, 1, &anchor->check, why);
}

static enum err verify_anchor_work(void *context, struct store_conn *conn, struct err_info *why)
{
    struct anchor *anchor = context;
    return audit_verify_anchor(conn, 1, anchor->seq, &anchor->hash, &anchor->check, why);
}

static struct audit_check verify_signed(struct access_fixture *fixture)
{
    struct anchor anchor = { .fixture = fixture };
    test_check(access_write(fixture, verify_signed_work, &anchor), &fixture->why);
    return anchor.check;
}

static struct anchor make_anchor(struct access_fixture *fixture)
{
    struct anchor anchor = { .fixture = fixture };
    test_check(access_write(fixture, anchor_work, &anchor), &fixture->why);
    return anchor;
}

static void anchor_is_made_only_when_the_head_moved(void **state)
{
    struct access_fixture *fixture = *state;
    assert_int_equal(make_anchor(fixture).seq, 0);
    append(fixture, 1, 0, 4);
    assert_int_equal(make_anchor(fixture).seq, 4);
    assert_int_equal(make_anchor(fixture).seq, 0);
    append(fixture, 1, 4, 1);
    assert_int_equal(make_anchor(fixture).seq, 5);
    assert_true(verify_signed(fixture).is_good);
}

/* Whoever rewrites rows and head together is found by the anchors. */
static void rewritten_chain_is_found_by_its_anchor(void **state)
{
    struct access_fixture *fixture = *state;
    append(fixture, 1, 0, 10);
    struct anchor anchor = make_anchor(fixture);
    tamper(fixture, "DELETE FROM access_audit");
    tamper(fixture, "DELETE FROM access_audit_heads");
    append(fixture, 1, 1, 12);
    struct audit_check check = verify_signed(fixture);
    assert_false(check.is_good);
    assert_string_equal(check.broken_code, "anchor");
    assert_int_equal(check.broken_seq, 10);
    tamper(fixture, "DELETE FROM access_audit_anchors"); /* then the line in the log still tells */
    assert_true(verify_signed(fixture).is_good);
    test_check(access_write(fixture, verify_anchor_work, &anchor), &fixture->why);
    assert_false(anchor.check.is_good);
    assert_string_equal(anchor.check.broken_code, "anchor");
}

static void cut_with_its_head_is_found_by_its_anchor(void **state)
{
    struct access_fixture *fixture = *state;
    append(fixture, 1, 0, 10);
    struct anchor anchor = make_anchor(fixture);
    tamper(fixture, "DELETE FROM access_audit WHERE seq > 6");
    tamper(fixture,
        "UPDATE access_audit_heads SET seq = 6, hash = (SELECT hash FROM access_audit WHERE seq = 6)");
    struct audit_check check = verify_signed(fixture);
    assert_false(check.is_good);
    assert_string_equal(check.broken_code, "truncated");
    assert_int_equal(check.broken_seq, 7);
    test_check(access_write(fixture, verify_anchor_work, &anchor), &fixture->why);
    assert_string_equal(anchor.check.broken_code, "truncated");
}

static void forged_anchor_is_found(void **state)
{
    struct access_fixture *fixture = *state;
    append(fixture, 1, 0, 10);
    make_anchor(fixture);
    tamper(fixture, "UPDATE access_audit_anchors SET mac = zeroblob(32)");
    assert_true(verify(fixture).is_good); /* without the key nobody can tell */
    struct audit_check check = verify_signed(fixture);
    assert_false(check.is_good);
    assert_string_equal(check.broken_code, "anchor");
}

/* ---- listing ---- */

struct list {
    struct audit_filter filter;
    struct arena *arena;
    struct audit_page page;
};

static enum err list_work(void *context, struct store_conn *conn, struct err_info *why)
{
    struct list *list = context;
    return audit_list(conn, 1, &list->filter, list->arena, &list->page, why);
}

static struct list list_rows(struct access_fixture *fixture, struct audit_filter filter)
{
    struct list list = { .filter = filter, .arena = &fixture->arena };
    test_check(access_write(fixture, list_work, &list), &fixture->why);
    return list;
}

static void list_pages_from_the_newest(void **state)
{
    struct access_fixture *fixture = *state;
    append(fixture, 1, 0, 25);
    append(fixture, 2, 0, 5);
    struct list list = { .filter = { .limit = 10 } };
    uint64_t expected = 25;
    do {
        list = list_rows(fixture, (struct audit_filter){ .limit = 10, .before_seq = list.page.next });
        for (size_t i = 0; i < list.page.count; i++)
            assert_int_equal(list.page.rows[i].seq, expected--);
    } while (list.page.next);
    assert_int_equal(expected, 0);
    assert_int_equal(list_rows(fixture, (struct audit_filter){ .limit = 25 }).page.next, 0);
}

static void a_page_has_its_most(void **state)
{
    struct access_fixture *fixture = *state;
    append(fixture, 1, 0, LIST_LIMIT_MAX + 1);
    struct list list = list_rows(fixture, (struct audit_filter){ .limit = 10 * LIST_LIMIT_MAX });
    assert_int_equal(list.page.count, LIST_LIMIT_MAX);
    assert_int_equal(list.page.next, 2);
}

struct one_row {
    uint64_t seq;
    struct audit_check check;
};

static enum err one_row_work(void *context, struct store_conn *conn, struct err_info *why)
{
    struct one_row *one = context;
    struct principal by = principal_system(TENANT_DEFAULT);
    struct audit_entry entry = { .by = &by, .action = STR("case.close"), .object_kind = STR("case") };
    struct audit_hash none = { { 0 } };
    TRY(audit_append(conn, &entry, &one->seq, why));
    /* No row has this number: an anchor that says so is one of a chain that was cut. */
    return audit_verify_anchor(conn, TENANT_DEFAULT, UINT64_MAX, &none, &one->check, why);
}

static void a_row_tells_its_number(void **state)
{
    struct access_fixture *fixture = *state;
    struct one_row one = { 0 };
    append(fixture, 1, 0, 3);
    test_check(access_write(fixture, one_row_work, &one), &fixture->why);
    assert_int_equal(one.seq, 4);
    assert_false(one.check.is_good);
    assert_string_equal(one.check.broken_code, "truncated");
}

static void list_filters(void **state)
{
    struct access_fixture *fixture = *state;
    append(fixture, 1, 0, 30);
    assert_int_equal(list_rows(fixture, (struct audit_filter){ .action = STR("case.close") }).page.count, 10);
    assert_int_equal(list_rows(fixture, (struct audit_filter){ .action = STR("case.*") }).page.count, 30);
    assert_int_equal(list_rows(fixture, (struct audit_filter){ .action = STR("cas.*") }).page.count, 0);
    assert_int_equal(list_rows(fixture, (struct audit_filter){ .object_kind = STR("token") }).page.count, 0);
    assert_int_equal(list_rows(fixture, (struct audit_filter){ .actor_name = STR("system") }).page.count, 30);
    struct audit_filter all = { .action = STR("case.*"),
        .object_kind = STR("case"),
        .object = STR("case 5"),
        .actor_name = STR("system"),
        .since = { 1 },
        .until = INSTANT_NEVER,
        .before_seq = 100 };
    struct list list = list_rows(fixture, all);
    assert_int_equal(list.page.count, 1);
    struct audit_row *row = &list.page.rows[0];
    assert_int_equal(row->seq, 6);
    assert_true(str_equal(row->reason, STR("because")));
    assert_true(str_equal(row->remote, STR("192.0.2.7")));
    assert_true(str_equal(row->after, STR("{\"a\":\"quote \\\" and line\\n\",\"z\":5}")));
    assert_int_equal(row->before.size, 0);
    all.since = (struct instant){ fixture->clock.at.us + 1 };
    assert_int_equal(list_rows(fixture, all).page.count, 0);
}

/* ---- export ---- */

struct export
{
    struct arena arena;
    char previous[65];
    uint64_t rows;
};

/* Proves each line with nothing but SHA-256, as an auditor would. */
static enum err export_line(void *context, struct str json, struct err_info *why)
{
    struct export *export = context;
    struct json_options options = { .depth_max = 0 };
    struct value line = value_null();
    TRY(json_parse(&export->arena, json, &options, &line, why));
    struct str hash = value_str(value_get(line, STR("hash")));
    struct str start = STR("{\"hash\":\""), middle = STR("\",\"row\":");
    struct str row = str_slice(json, start.size + 64 + middle.size, json.size - 1);
    unsigned char bytes[32];
    char hex[65];
    crypto_hash_sha256(bytes, (const unsigned char *)row.data, row.size);
    sodium_bin2hex(hex, sizeof(hex), bytes, sizeof(bytes));
    assert_true(str_equal(hash, str_of(hex)));
    struct str previous = value_str(value_get(value_get(line, STR("row")), STR("prev")));
    if (export->previous[0])
        assert_true(str_equal(previous, str_of(export->previous)));
    strcpy(export->previous, hex);
    export->rows++;
    return ERR_OK;
}

static enum err export_work(void *context, struct store_conn *conn, struct err_info *why)
{
    return audit_export(conn, 1, ((struct export *)context)->rows ? 5 : 0, export_line, context, why);
}

static void export_proves_itself(void **state)
{
    struct access_fixture *fixture = *state;
    struct export export = { 0 };
    append(fixture, 1, 0, 12);
    test_check(access_write(fixture, export_work, &export), &fixture->why);
    assert_int_equal(export.rows, 12);
    export.previous[0] = '\0';
    test_check(access_write(fixture, export_work, &export), &fixture->why);
    assert_int_equal(export.rows, 12 + 8);
    arena_done(&export.arena);
}

static enum err remote_work(void *context, struct store_conn *conn, struct err_info *why)
{
    struct principal by = principal_system(1);
    struct audit_entry entry = { .by = &by, .action = STR("case.close"), .object_kind = STR("case") };
    principal_set_remote(&by, str_of(context));
    return audit_append(conn, &entry, NULL, why);
}

static void address_comes_from_the_principal(void **state)
{
    struct access_fixture *fixture = *state;
    char address[] = "2001:db8::17", long_address[200];
    memset(long_address, 'f', sizeof(long_address) - 1);
    long_address[199] = '\0';
    test_check(access_write(fixture, remote_work, address), &fixture->why);
    test_check(access_write(fixture, remote_work, long_address), &fixture->why);
    struct list list = list_rows(fixture, (struct audit_filter){ 0 });
    assert_int_equal(list.page.rows[0].remote.size, PRINCIPAL_REMOTE_BYTES_MAX);
    assert_true(str_equal(list.page.rows[1].remote, str_of(address)));
}

static enum err large_work(void *context, struct store_conn *conn, struct err_info *why)
{
    struct access_fixture *fixture = context;
    struct str large = { arena_zalloc(&fixture->arena, AUDIT_VALUE_BYTES_MAX + 1),
        AUDIT_VALUE_BYTES_MAX + 1 };
    struct audit_entry entry = {
        .by = &fixture->admin,
        .action = STR("playbook.publish"),
        .object_kind = STR("playbook"),
        .object = STR("x"),
        .after = value_string(large),
    };
    return audit_append(conn, &entry, NULL, why);
}

static void large_value_is_kept_as_its_hash(void **state)
{
    struct access_fixture *fixture = *state;
    test_check(access_write(fixture, large_work, fixture), &fixture->why);
    struct list list = list_rows(fixture, (struct audit_filter){ 0 });
    assert_int_equal(list.page.count, 1);
    assert_true(list.page.rows[0].after.size < 200);
    assert_true(str_contains(list.page.rows[0].after, STR("\"sha256\":")));
    assert_true(verify(fixture).is_good);
}

#define IN_MEMORY(test) cmocka_unit_test_setup_teardown(test, access_setup, access_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_MEMORY(chain_of_good_rows_is_good),
        IN_MEMORY(undone_operation_leaves_no_row_and_no_gap),
        IN_MEMORY(tampering_is_found_at_its_row),
        IN_MEMORY(anchor_is_made_only_when_the_head_moved),
        IN_MEMORY(rewritten_chain_is_found_by_its_anchor),
        IN_MEMORY(cut_with_its_head_is_found_by_its_anchor),
        IN_MEMORY(forged_anchor_is_found),
        IN_MEMORY(list_pages_from_the_newest),
        IN_MEMORY(list_filters),
        IN_MEMORY(a_page_has_its_most),
        IN_MEMORY(a_row_tells_its_number),
        IN_MEMORY(export_proves_itself),
        IN_MEMORY(address_comes_from_the_principal),
        IN_MEMORY(large_value_is_kept_as_its_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
