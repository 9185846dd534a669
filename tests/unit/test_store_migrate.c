#include <fcntl.h>
#include <poll.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_helpers.h"

static const struct store_migration grown[] = {
    { "plant", 1, "seeds",
        "CREATE TABLE plant_seeds (id INTEGER PRIMARY KEY) STRICT;"
        "INSERT INTO plant_seeds (id) VALUES (1);",
        NULL },
    { "plant", 2, "names", "ALTER TABLE plant_seeds ADD COLUMN name TEXT NOT NULL DEFAULT 'oak';", NULL },
    { "plant", 3, "trees",
        "CREATE TABLE plant_trees (id INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;"
        "INSERT INTO plant_trees (id, name) SELECT id, name FROM plant_seeds;",
        NULL },
    { 0 },
};
static const struct sql trees = { "SELECT count(*) FROM plant_trees WHERE name = 'oak'", NULL };
static const struct sql half = { "SELECT count(*) FROM sqlite_master WHERE name = 'plant_half'", NULL };
static const struct sql applied = { "SELECT count(*) FROM store_migrations WHERE module = 'plant'", NULL };

struct fixture {
    struct test_folder folder;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    test_folder_make(&fixture->folder);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    test_folder_remove(&fixture->folder);
    free(fixture);
    return 0;
}

static enum err open_with(struct fixture *fixture, const char *name, const struct store_migration *list,
    struct store **ret, struct err_info *why)
{
    const struct store_migration *const lists[] = { store_migrations, list, NULL };
    char url[200];
    snprintf(url, sizeof(url), "sqlite:%s/%s", fixture->folder.path, name);
    struct store_options options = { .url = str_of(url), .clock = clock_system(), .migrations = lists };
    return store_open(&options, ret, why);
}

struct number {
    const struct sql *sql;
    int64_t number;
};

static enum err number_work(void *context, struct store_conn *conn, struct err_info *why)
{
    struct number *number = context;
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, number->sql, SQL_NO_ARGS, why));
    assert_true(rows_next(&rows));
    number->number = rows_int(&rows, 0);
    return rows_end(&rows, why);
}

static int64_t read_number(struct store *store, const struct sql *sql)
{
    struct err_info why = { 0 };
    struct number number = { sql, -1 };
    test_check(store_read_wait(store, number_work, &number, &why), &why);
    return number.number;
}

static void store_grows_from_each_earlier_state(void **state)
{
    struct fixture *fixture = *state;
    struct err_info why = { 0 };
    for (int from = 0; from <= 3; from++) {
        struct store_migration list[4] = { { 0 } };
        memcpy(list, grown, sizeof(grown[0]) * (size_t)from);
        char name[32];
        snprintf(name, sizeof(name), "from%d.db", from);
        struct store *store = NULL;
        test_check(open_with(fixture, name, list, &store, &why), &why);
        store_close(store);
        test_check(open_with(fixture, name, grown, &store, &why), &why);
        assert_int_equal(read_number(store, &trees), 1);
        assert_int_equal(read_number(store, &applied), 3);
        store_close(store);
    }
}

static void newer_store_is_refused_and_left_as_it_was(void **state)
{
    struct fixture *fixture = *state;
    struct err_info why = { 0 };
    struct store *store = NULL;
    test_check(open_with(fixture, "new.db", grown, &store, &why), &why);
    store_close(store);
    struct store_migration older[3] = { grown[0], grown[1], { 0 } };
    assert_int_equal(open_with(fixture, "new.db", older, &store, &why), ERR_INVALID);
    assert_string_equal(why.name, "store_newer");
    assert_non_null(strstr(why.text, "plant 3"));
    test_check(open_with(fixture, "new.db", grown, &store, &why), &why);
    assert_int_equal(read_number(store, &applied), 3);
    store_close(store);
}

static void unknown_module_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct err_info why = { 0 };
    struct store *store = NULL;
    test_check(open_with(fixture, "new.db", grown, &store, &why), &why);
    store_close(store);
    assert_int_equal(open_with(fixture, "new.db", test_migrations, &store, &why), ERR_INVALID);
    assert_string_equal(why.name, "store_newer");
}

static void migration_of_another_name_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct err_info why = { 0 };
    struct store *store = NULL;
    struct store_migration other[4];
    memcpy(other, grown, sizeof(other));
    other[1].name = "colours";
    test_check(open_with(fixture, "new.db", grown, &store, &why), &why);
    store_close(store);
    assert_int_equal(open_with(fixture, "new.db", other, &store, &why), ERR_INVALID);
    assert_string_equal(why.name, "store_migration");
}

static void failing_migration_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct err_info why = { 0 };
    struct store *store = NULL;
    struct store_migration broken[4];
    memcpy(broken, grown, sizeof(broken));
    broken[2].sqlite = "CREATE TABLE plant_half (id INTEGER) STRICT; CREATE TABLE nonsense";
    assert_int_equal(open_with(fixture, "new.db", broken, &store, &why), ERR_INTERNAL);
    assert_non_null(strstr(why.text, "trees"));
    test_check(open_with(fixture, "new.db", grown, &store, &why), &why);
    assert_int_equal(read_number(store, &trees), 1);
    assert_int_equal(
        read_number(store, &half), 0); /* what stood before the failing statement is undone too */
    store_close(store);
}

static void gap_in_the_numbers_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct err_info why = { 0 };
    struct store *store = NULL;
    struct store_migration gap[] = { grown[0], grown[2], { 0 } };
    assert_int_equal(open_with(fixture, "new.db", gap, &store, &why), ERR_INTERNAL);
}

static void second_server_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct err_info why = { 0 };
    struct store *store = NULL, *second = NULL;
    test_check(open_with(fixture, "one.db", grown, &store, &why), &why);
    assert_int_equal(open_with(fixture, "one.db", grown, &second, &why), ERR_CONFLICT);
    assert_string_equal(why.name, "store_locked");
    store_close(store);
    test_check(open_with(fixture, "one.db", grown, &store, &why), &why);
    store_close(store);
}

/* As a child does that a killed server was about to start. */
static void lock_that_a_dying_server_leaves_is_waited_for(void **state)
{
    struct fixture *fixture = *state;
    struct err_info why = { 0 };
    struct store *store = NULL;
    const char *path = test_path(&fixture->folder, "one.db.lock");
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), ends[2];
    assert_true(fd >= 0 && pipe(ends) == 0);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char byte;
        (void)!read(ends[0], &byte, 1);
        (void)poll(NULL, 0, 50);
        _exit(0);
    }
    assert_int_equal(close(fd), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    test_check(open_with(fixture, "one.db", grown, &store, &why), &why);
    store_close(store);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(close(ends[0]) | close(ends[1]), 0);
}

static void foreign_file_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    struct err_info why = { 0 };
    struct store *store = NULL;
    const char *path = test_path(&fixture->folder, "text.db");
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 1000; i++)
        fprintf(file, "this is no database, line %d\n", i);
    fclose(file);
    assert_int_equal(open_with(fixture, "text.db", grown, &store, &why), ERR_INTERNAL);
    assert_string_equal(why.name, "store_corrupt");
    file = fopen(path, "r");
    char line[64];
    assert_non_null(fgets(line, sizeof(line), file));
    assert_string_equal(line, "this is no database, line 0\n");
    fclose(file);
}

/* A good SQLite database, but of somebody else. */
static void other_programs_database_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    struct err_info why = { 0 };
    struct store *store = NULL;
    sqlite3 *db = NULL;
    const char *path = test_path(&fixture->folder, "theirs.db");
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TABLE theirs (a)", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_int_equal(open_with(fixture, "theirs.db", grown, &store, &why), ERR_INVALID);
    assert_string_equal(why.name, "store_foreign");
}

static void store_is_readable_by_its_owner_only(void **state)
{
    struct fixture *fixture = *state;
    struct err_info why = { 0 };
    struct store *store = NULL;
    struct stat status;
    test_check(open_with(fixture, "deep/one.db", grown, &store, &why), &why);
    static const char *const names[] = { "deep/one.db", "deep/one.db-wal", "deep/one.db-shm" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_int_equal(stat(test_path(&fixture->folder, names[i]), &status), 0);
        assert_int_equal(status.st_mode & 0777, 0600);
    }
    store_close(store);
}

static void unknown_address_is_refused(void **state)
{
    (void)state;
    struct err_info why = { 0 };
    struct store *store = NULL;
    static const char *const urls[] = { "", "sqlite:", "mysql://x", "/tmp/x.db" };
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        struct store_options options = {
            .url = str_of(urls[i]), .clock = clock_system(), .migrations = test_lists
        };
        assert_int_equal(store_open(&options, &store, &why), ERR_INVALID);
        assert_string_equal(why.name, "store_url");
    }
    struct store_options options = {
        .url = STR("sqlite:/proc/nowhere/x.db"), .clock = clock_system(), .migrations = test_lists
    };
    assert_int_equal(store_open(&options, &store, &why), ERR_IO);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(store_grows_from_each_earlier_state),
        IN_FOLDER(newer_store_is_refused_and_left_as_it_was),
        IN_FOLDER(unknown_module_is_refused),
        IN_FOLDER(migration_of_another_name_is_refused),
        IN_FOLDER(failing_migration_changes_nothing),
        IN_FOLDER(gap_in_the_numbers_is_refused),
        IN_FOLDER(second_server_is_refused),
        IN_FOLDER(lock_that_a_dying_server_leaves_is_waited_for),
        IN_FOLDER(foreign_file_is_left_alone),
        IN_FOLDER(other_programs_database_is_left_alone),
        IN_FOLDER(store_is_readable_by_its_owner_only),
        cmocka_unit_test(unknown_address_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
