#include <math.h>

#include "base/arena.h"
#include "store_helpers.h"

static const struct sql insert_all = {
    "INSERT INTO test_items (name, body, id, weight) VALUES ($2, $3, $1, $4)", NULL
};
static const struct sql select_all = { "SELECT id, name, body, weight FROM test_items ORDER BY id", NULL };
static const struct sql quoted = { "SELECT '$1 \"$2', $1 AS \"$3\"", NULL };
static const struct sql update_all = { "UPDATE test_items SET weight = $1 WHERE id >= $2", NULL };
static const struct sql returning = { "INSERT INTO test_items (id, name) VALUES ($1, $2) RETURNING id",
    NULL };
static const struct sql delete_all = { "DELETE FROM test_items", NULL };

static enum err values_work(void *context, struct store_conn *conn, struct err_info *why)
{
    (void)context;
    struct str binary = { "a\0b", 3 };
    TRY(sql_run(conn, &insert_all,
        SQL_ARGS(arg_int(INT64_MIN), arg_text(binary), arg_bytes(binary), arg_real(1.5)), NULL, why));
    TRY(sql_run(conn, &insert_all,
        SQL_ARGS(arg_int(2), arg_text((struct str){ 0 }), arg_bytes((struct str){ 0 }), arg_null()), NULL,
        why));
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &select_all, SQL_NO_ARGS, why));
    assert_true(rows_next(&rows));
    assert_int_equal(rows_int(&rows, 0), INT64_MIN);
    assert_true(str_equal(rows_bytes(&rows, 1), binary));
    assert_true(str_equal(rows_bytes(&rows, 2), binary));
    assert_true(rows_real(&rows, 3) == 1.5);
    assert_true(rows_next(&rows));
    assert_false(rows_is_null(&rows, 1));
    assert_int_equal(rows_bytes(&rows, 1).size, 0);
    assert_false(rows_is_null(&rows, 2));
    assert_int_equal(rows_bytes(&rows, 2).size, 0);
    assert_true(rows_is_null(&rows, 3));
    assert_true(id_is_none(rows_id(&rows, 3)));
    assert_false(rows_next(&rows));
    assert_false(rows_next(&rows)); /* it stays at its end */
    return rows_end(&rows, why);
}

static enum err ids_work(void *context, struct store_conn *conn, struct err_info *why)
{
    (void)context;
    struct id id = id_new(clock_system(), rand_system());
    TRY(sql_run(
        conn, &insert_all, SQL_ARGS(arg_int(1), arg_text(STR("x")), arg_id(&id), arg_null()), NULL, why));
    TRY(sql_run(conn, &insert_all,
        SQL_ARGS(arg_int(2), arg_text(STR("y")), arg_id_or_null(&ID_NONE), arg_null()), NULL, why));
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &select_all, SQL_NO_ARGS, why));
    assert_true(rows_next(&rows));
    assert_true(id_equal(rows_id(&rows, 2), id));
    assert_true(rows_next(&rows));
    assert_true(rows_is_null(&rows, 2));
    return rows_end(&rows, why);
}

static enum err quoted_work(void *context, struct store_conn *conn, struct err_info *why)
{
    (void)context;
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &quoted, SQL_ARGS(arg_int(7)), why));
    assert_true(rows_next(&rows));
    assert_true(str_equal(rows_bytes(&rows, 0), STR("$1 \"$2")));
    assert_int_equal(rows_int(&rows, 1), 7);
    return rows_end(&rows, why);
}

static enum err nested_work(void *context, struct store_conn *conn, struct err_info *why)
{
    (void)context;
    for (int i = 0; i < 4; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%d", i);
        TRY(sql_run(conn, &test_insert, SQL_ARGS(arg_int(i), arg_text(str_of(name))), NULL, why));
    }
    int pairs = 0;
    AUTO(rows) struct rows outer = { 0 };
    TRY(rows_open(&outer, conn, &select_all, SQL_NO_ARGS, why));
    while (rows_next(&outer)) {
        AUTO(rows) struct rows inner = { 0 };
        TRY(rows_open(&inner, conn, &select_all, SQL_NO_ARGS, why));
        while (rows_next(&inner))
            pairs++;
        TRY(rows_end(&inner, why));
    }
    assert_int_equal(pairs, 16);
    return rows_end(&outer, why);
}

static enum err changed_work(void *context, struct store_conn *conn, struct err_info *why)
{
    (void)context;
    int64_t changed = -1;
    TRY(sql_run(conn, &test_insert, SQL_ARGS(arg_int(1), arg_text(STR("a"))), &changed, why));
    assert_int_equal(changed, 1);
    TRY(sql_run(conn, &test_insert, SQL_ARGS(arg_int(2), arg_text(STR("b"))), &changed, why));
    TRY(sql_run(conn, &update_all, SQL_ARGS(arg_real(0.5), arg_int(0)), &changed, why));
    assert_int_equal(changed, 2);
    TRY(sql_run(conn, &update_all, SQL_ARGS(arg_real(0.5), arg_int(9)), &changed, why));
    assert_int_equal(changed, 0);
    TRY(sql_run(conn, &test_count, SQL_NO_ARGS, &changed, why));
    assert_int_equal(changed, 0);
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &returning, SQL_ARGS(arg_int(3), arg_text(STR("c"))), why));
    assert_true(rows_next(&rows));
    assert_int_equal(rows_int(&rows, 0), 3);
    assert_false(rows_next(&rows));
    TRY(rows_end(&rows, why));
    TRY(sql_run(conn, &delete_all, SQL_NO_ARGS, &changed, why));
    assert_int_equal(changed, 3);
    return ERR_OK;
}

static enum err text_work(void *context, struct store_conn *conn, struct err_info *why)
{
    (void)context;
    TRY(sql_run(conn, &test_insert, SQL_ARGS(arg_int(1), arg_text(STR("a"))), NULL, why));
    AUTO(rows) struct rows rows = { 0 };
    char text[] = "SELECT name FROM test_items WHERE id = $1";
    struct sql_arg arg = arg_int(1);
    TRY(rows_open_text(&rows, conn, (struct str){ text, sizeof(text) - 1 }, &arg, 1, why));
    memset(text, 'x', sizeof(text)); /* text and arguments are the caller's only for the call */
    arg = arg_int(2);
    assert_true(rows_next(&rows));
    assert_true(str_equal(rows_bytes(&rows, 0), STR("a")));
    return rows_end(&rows, why);
}

static void check_in_memory(store_work *work)
{
    struct err_info why = { 0 };
    struct store *store = test_store_open(NULL, NULL, (struct store_options){ .is_inline = true });
    test_check(store_write_wait(store, work, NULL, &why), &why);
    store_close(store);
}

static void values_come_back_as_they_were(void **state)
{
    (void)state;
    check_in_memory(values_work);
}
static void ids_come_back_as_they_were(void **state)
{
    (void)state;
    check_in_memory(ids_work);
}
static void dollars_in_quotes_are_no_parameters(void **state)
{
    (void)state;
    check_in_memory(quoted_work);
}
static void statement_may_be_used_inside_itself(void **state)
{
    (void)state;
    check_in_memory(nested_work);
}
static void changed_rows_are_counted(void **state)
{
    (void)state;
    check_in_memory(changed_work);
}
static void query_of_run_time_borrows_nothing(void **state)
{
    (void)state;
    check_in_memory(text_work);
}

static const struct sql bad_syntax = { "SELEC 1", NULL };
static const struct sql needs_two = { "SELECT $1, $2", NULL };

static enum err bad_syntax_work(void *context, struct store_conn *conn, struct err_info *why)
{
    (void)context;
    return sql_run(conn, &bad_syntax, SQL_NO_ARGS, NULL, why);
}

static enum err too_few_work(void *context, struct store_conn *conn, struct err_info *why)
{
    (void)context;
    return sql_run(conn, &needs_two, SQL_ARGS(arg_int(1)), NULL, why);
}

static void wrong_statements_are_told(void **state)
{
    (void)state;
    struct err_info why = { 0 };
    struct store *store = test_store_open(NULL, NULL, (struct store_options){ .is_inline = true });
    assert_int_equal(store_write_wait(store, bad_syntax_work, NULL, &why), ERR_INTERNAL);
    assert_non_null(strstr(why.text, "SELEC 1"));
    assert_int_equal(store_write_wait(store, too_few_work, NULL, &why), ERR_INTERNAL);
    assert_int_equal(test_count_items(store), 0);
    store_close(store);
}

static enum err fill_work(void *context, struct store_conn *conn, struct err_info *why)
{
    (void)context;
    static const char body[3000];
    for (int i = 0; i < 2000; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d", i);
        TRY(sql_run(conn, &insert_all,
            SQL_ARGS(arg_int(i), arg_text(str_of(name)), arg_bytes((struct str){ body, sizeof(body) }),
                arg_null()),
            NULL, why));
    }
    return ERR_OK;
}

static enum err delete_work(void *context, struct store_conn *conn, struct err_info *why)
{
    (void)context;
    return sql_run(conn, &delete_all, SQL_NO_ARGS, NULL, why);
}

static enum err vacuum_work(void *context, struct store_conn *conn, struct err_info *why)
{
    return store_incremental_vacuum(conn, 500, context, why);
}

static void freed_space_is_given_back_piece_by_piece(void **state)
{
    (void)state;
    struct test_folder folder;
    struct err_info why = { 0 };
    test_folder_make(&folder);
    struct store *store = test_store_open(&folder, "store.db", (struct store_options){ 0 });
    test_check(store_write_wait(store, fill_work, NULL, &why), &why);
    test_check(store_write_wait(store, delete_work, NULL, &why), &why);
    uint64_t free_pages = 0, before = UINT64_MAX;
    do {
        test_check(store_write_wait(store, vacuum_work, &free_pages, &why), &why);
        assert_true(free_pages < before);
        before = free_pages;
    } while (free_pages > 0);
    store_close(store);
    FILE *file = fopen(test_path(&folder, "store.db"), "rb");
    fseek(file, 0, SEEK_END);
    assert_true(ftell(file) < 200 * 1024);
    fclose(file);
    test_folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back_as_they_were),
        cmocka_unit_test(ids_come_back_as_they_were),
        cmocka_unit_test(dollars_in_quotes_are_no_parameters),
        cmocka_unit_test(statement_may_be_used_inside_itself),
        cmocka_unit_test(changed_rows_are_counted),
        cmocka_unit_test(query_of_run_time_borrows_nothing),
        cmocka_unit_test(wrong_statements_are_told),
        cmocka_unit_test(freed_space_is_given_back_piece_by_piece),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
