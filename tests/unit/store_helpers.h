/* What the tests of store and of the floors above it share: a folder that goes away, a store in it. */
#ifndef TOCSIN_TESTS_STORE_HELPERS_H
#define TOCSIN_TESTS_STORE_HELPERS_H

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/store.h"

#define UNUSED __attribute__((unused))

struct test_folder {
    char path[40];
};

UNUSED static int test_remove_one(const char *path, const struct stat *status, int type, struct FTW *ftw)
{
    (void)status;
    (void)type;
    (void)ftw;
    return remove(path);
}

UNUSED static void test_folder_make(struct test_folder *folder)
{
    strcpy(folder->path, "/tmp/tocsin-test-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
}

UNUSED static void test_folder_remove(struct test_folder *folder)
{
    assert_int_equal(nftw(folder->path, test_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

UNUSED static char *test_path(const struct test_folder *folder, const char *name)
{
    static _Thread_local char path[4][240];
    static _Thread_local unsigned next;
    char *text = path[next++ % 4];
    snprintf(text, sizeof(path[0]), "%s/%s", folder->path, name);
    return text;
}

UNUSED static const struct store_migration test_migrations[] = {
    { "test", 1, "a table of items",
        "CREATE TABLE test_items (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, body BLOB,"
        " weight REAL) STRICT;",
        NULL },
    { 0 },
};
UNUSED static const struct store_migration *const test_lists[] = { store_migrations, test_migrations, NULL };

static const struct sql test_insert = { "INSERT INTO test_items (id, name) VALUES ($1, $2)", NULL };
static const struct sql test_count = { "SELECT count(*) FROM test_items", NULL };

UNUSED static void test_check(enum err result, const struct err_info *why)
{
    if (result != ERR_OK)
        fail_msg("%s: %s", err_word(result), why->text);
}

/* `name` NULL: in memory. */
UNUSED static struct store *test_store_open(
    const struct test_folder *folder, const char *name, struct store_options options)
{
    struct err_info why = { 0 };
    struct store *store = NULL;
    char url[200] = ":memory:";
    if (name)
        snprintf(url, sizeof(url), "sqlite:%s/%s", folder->path, name);
    options.url = str_of(url);
    if (!options.clock)
        options.clock = clock_system();
    if (!options.migrations)
        options.migrations = test_lists;
    test_check(store_open(&options, &store, &why), &why);
    return store;
}

UNUSED static enum err test_count_apply(void *context, struct store_conn *conn, struct err_info *why)
{
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &test_count, SQL_NO_ARGS, why));
    if (rows_next(&rows))
        *(int64_t *)context = rows_int(&rows, 0);
    return rows_end(&rows, why);
}

UNUSED static int64_t test_count_items(struct store *store)
{
    int64_t count = -1;
    struct err_info why = { 0 };
    test_check(store_read_wait(store, test_count_apply, &count, &why), &why);
    return count;
}

#endif
