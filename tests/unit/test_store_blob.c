#include <dirent.h>
#include <fcntl.h>

#include "base/limits.h"
#include "store_helpers.h"

struct blob_work {
    struct str bytes;
    struct blob_hash hash;
    struct arena arena;
    struct str read;
    struct str stored;
    int64_t tenant;
    bool fails;
};

static enum err add_work(void *context, struct store_conn *conn, struct err_info *why)
{
    struct blob_work *work = context;
    TRY(blob_add(conn, work->tenant, work->bytes, &work->hash, why));
    return work->fails ? err_set(why, ERR_DENIED, "told to fail") : ERR_OK;
}

static enum err get_work(void *context, struct store_conn *conn, struct err_info *why)
{
    struct blob_work *work = context;
    return blob_get(conn, work->tenant, &work->hash, &work->arena, &work->read, why);
}

static enum err put_work(void *context, struct store_conn *conn, struct err_info *why)
{
    struct blob_work *work = context;
    return payload_put(conn, work->tenant, work->bytes, &work->arena, &work->stored, why);
}

static enum err payload_work(void *context, struct store_conn *conn, struct err_info *why)
{
    struct blob_work *work = context;
    return payload_get(conn, work->tenant, work->stored, &work->arena, &work->read, why);
}

struct fixture {
    struct test_folder folder;
    struct store *store;
    char *data;
    struct blob_work work;
};

static int setup_at(void **state, const char *name)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    test_folder_make(&fixture->folder);
    fixture->store = test_store_open(&fixture->folder, name, (struct store_options){ 0 });
    fixture->data = malloc(300000);
    for (int i = 0; i < 300000; i++)
        fixture->data[i] = (char)(i * 7 >> 3);
    fixture->work = (struct blob_work){ .bytes = { fixture->data, 300000 }, .tenant = 1 };
    *state = fixture;
    return 0;
}

static int setup_file(void **state)
{
    return setup_at(state, "store.db");
}
static int setup_memory(void **state)
{
    return setup_at(state, NULL);
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    store_close(fixture->store);
    arena_done(&fixture->work.arena);
    free(fixture->data);
    test_folder_remove(&fixture->folder);
    free(fixture);
    return 0;
}

static void write_or_fail(struct fixture *fixture, store_work *work)
{
    struct err_info why = { 0 };
    test_check(store_write_wait(fixture->store, work, &fixture->work, &why), &why);
}

static void read_or_fail(struct fixture *fixture, store_work *work)
{
    struct err_info why = { 0 };
    test_check(store_read_wait(fixture->store, work, &fixture->work, &why), &why);
}

static void blob_comes_back_whole(void **state)
{
    struct fixture *fixture = *state;
    write_or_fail(fixture, add_work);
    read_or_fail(fixture, get_work);
    assert_true(str_equal(fixture->work.read, fixture->work.bytes));
    write_or_fail(fixture, add_work); /* the same bytes again are the same blob */
    read_or_fail(fixture, get_work);
    assert_true(str_equal(fixture->work.read, fixture->work.bytes));
}

static void blob_belongs_to_its_tenant(void **state)
{
    struct fixture *fixture = *state;
    struct err_info why = { 0 };
    write_or_fail(fixture, add_work);
    fixture->work.tenant = 2;
    assert_int_equal(store_read_wait(fixture->store, get_work, &fixture->work, &why), ERR_NOT_FOUND);
}

static void undone_operation_leaves_no_blob(void **state)
{
    struct fixture *fixture = *state;
    struct err_info why = { 0 };
    fixture->work.fails = true;
    assert_int_equal(store_write_wait(fixture->store, add_work, &fixture->work, &why), ERR_DENIED);
    assert_int_equal(store_read_wait(fixture->store, get_work, &fixture->work, &why), ERR_NOT_FOUND);
    fixture->work.fails = false;
    write_or_fail(fixture, add_work);
    read_or_fail(fixture, get_work);
    assert_true(str_equal(fixture->work.read, fixture->work.bytes));
}

static char *blob_file(struct fixture *fixture)
{
    char hex[65];
    for (int i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", fixture->work.hash.bytes[i]);
    char name[128];
    snprintf(name, sizeof(name), "blobs/1/%.2s/%s", hex, hex);
    return test_path(&fixture->folder, name);
}

static void damaged_blob_is_told(void **state)
{
    struct fixture *fixture = *state;
    struct err_info why = { 0 };
    write_or_fail(fixture, add_work);
    int fd = open(blob_file(fixture), O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "!", 1, 150000), 1);
    assert_int_equal(store_read_wait(fixture->store, get_work, &fixture->work, &why), ERR_INTERNAL);
    assert_string_equal(why.name, "blob_corrupt");
    assert_int_equal(ftruncate(fd, 100), 0);
    close(fd);
    assert_int_equal(store_read_wait(fixture->store, get_work, &fixture->work, &why), ERR_INTERNAL);
    assert_string_equal(why.name, "blob_corrupt");
    assert_int_equal(unlink(blob_file(fixture)), 0);
    assert_int_equal(store_read_wait(fixture->store, get_work, &fixture->work, &why), ERR_INTERNAL);
    assert_string_equal(why.name, "blob_corrupt");
}

static void half_written_blob_of_a_crash_is_written_anew(void **state)
{
    struct fixture *fixture = *state;
    fixture->work.fails = true;
    struct err_info why = { 0 };
    assert_int_equal(store_write_wait(fixture->store, add_work, &fixture->work, &why), ERR_DENIED);
    char fresh[200];
    snprintf(fresh, sizeof(fresh), "%s.new", blob_file(fixture));
    FILE *file = fopen(fresh, "w");
    fputs("half", file);
    fclose(file);
    assert_int_equal(truncate(blob_file(fixture), 10), 0);
    fixture->work.fails = false;
    write_or_fail(fixture, add_work);
    read_or_fail(fixture, get_work);
    assert_true(str_equal(fixture->work.read, fixture->work.bytes));
}

static void payloads_of_all_sizes_come_back(void **state)
{
    struct fixture *fixture = *state;
    static const size_t sizes[] = { 0, 1, 1500, BLOB_INLINE_BYTES_MAX, BLOB_INLINE_BYTES_MAX + 1, 300000 };
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        fixture->work.bytes.size = sizes[i];
        write_or_fail(fixture, put_work);
        assert_int_equal(fixture->work.stored.size, sizes[i] > BLOB_INLINE_BYTES_MAX ? 33 : sizes[i] + 1);
        read_or_fail(fixture, payload_work);
        assert_true(str_equal(fixture->work.read, fixture->work.bytes));
    }
}

static void damaged_payload_is_told(void **state)
{
    struct fixture *fixture = *state;
    static const struct str damaged[] = { { "", 0 }, { "\1short", 6 }, { "\7xyz", 4 } };
    for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
        struct err_info why = { 0 };
        fixture->work.stored = damaged[i];
        assert_int_equal(store_read_wait(fixture->store, payload_work, &fixture->work, &why), ERR_INTERNAL);
        assert_string_equal(why.name, "payload_corrupt");
    }
}

#define ON_FILE(test) cmocka_unit_test_setup_teardown(test, setup_file, teardown)
#define IN_MEMORY(test) \
    { \
#test "_in_memory", test, setup_memory, teardown, NULL \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_FILE(blob_comes_back_whole),
        ON_FILE(blob_belongs_to_its_tenant),
        ON_FILE(undone_operation_leaves_no_blob),
        ON_FILE(damaged_blob_is_told),
        ON_FILE(half_written_blob_of_a_crash_is_written_anew),
        ON_FILE(payloads_of_all_sizes_come_back),
        ON_FILE(damaged_payload_is_told),
        IN_MEMORY(blob_comes_back_whole),
        IN_MEMORY(blob_belongs_to_its_tenant),
        IN_MEMORY(undone_operation_leaves_no_blob),
        IN_MEMORY(payloads_of_all_sizes_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
