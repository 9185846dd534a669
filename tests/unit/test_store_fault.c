/* What happens when the disk fails: SQLite runs on a VFS of this test, which counts writes and syncs and
 * fails from a chosen one on. */
#include <pthread.h>
#include <semaphore.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "store_helpers.h"

/* ---- the VFS ---- */

static struct {
    atomic_int writes_left; /* until they fail; negative: never */
    atomic_int syncs_left;
    atomic_int write_error; /* SQLITE_FULL or SQLITE_IOERR_WRITE */
    atomic_int sync_failures;
    atomic_bool database_only; /* not the log */
    atomic_bool log_only;
    atomic_bool tears_neighbours; /* a torn write takes what stands beside it along */
} faults;

/* A write fails between any two pieces of this size; each counts. */
#define PIECE_BYTES 2048

struct faulty_file {
    sqlite3_file file;
    bool is_log;
    sqlite3_file *real; /* behind this struct */
};

static struct faulty_file *faulty_of(sqlite3_file *file)
{
    return (struct faulty_file *)(void *)file;
}
static sqlite3_file *real_of(sqlite3_file *file)
{
    return faulty_of(file)->real;
}

static bool is_spared(const struct faulty_file *file)
{
    return (atomic_load(&faults.database_only) && file->is_log) ||
        (atomic_load(&faults.log_only) && !file->is_log);
}

/* Counts down and tells whether this one fails. */
static bool fails(atomic_int *left, const struct faulty_file *file)
{
    if (is_spared(file))
        return false;
    int now = atomic_load(left);
    while (now > 0 && !atomic_compare_exchange_weak(left, &now, now - 1))
        ;
    return now == 0;
}

static int faulty_close(sqlite3_file *file)
{
    return real_of(file)->pMethods ? real_of(file)->pMethods->xClose(real_of(file)) : SQLITE_OK;
}
static int faulty_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 at)
{
    return real_of(file)->pMethods->xRead(real_of(file), bytes, size, at);
}
static int faulty_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
    for (int done = 0; done < size; done += PIECE_BYTES) {
        int piece = size - done < PIECE_BYTES ? size - done : PIECE_BYTES;
        if (fails(&faults.writes_left, faulty_of(file)))
            return atomic_load(&faults.write_error);
        int code = real_of(file)->pMethods->xWrite(
            real_of(file), (const char *)bytes + done, piece, at + done);
        if (code != SQLITE_OK)
            return code;
    }
    return SQLITE_OK;
}
static int faulty_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return real_of(file)->pMethods->xTruncate(real_of(file), size);
}
static int faulty_sync(sqlite3_file *file, int flags)
{
    if (fails(&faults.syncs_left, faulty_of(file))) {
        atomic_fetch_add(&faults.sync_failures, 1);
        return SQLITE_IOERR_FSYNC;
    }
    return real_of(file)->pMethods->xSync(real_of(file), flags);
}
static int faulty_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}
static int faulty_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}
static int faulty_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}
static int faulty_reserved(sqlite3_file *file, int *result)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), result);
}
static int faulty_control(sqlite3_file *file, int op, void *arg)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), op, arg);
}
static int faulty_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}
static int faulty_device(sqlite3_file *file)
{
    return atomic_load(&faults.tears_neighbours)
        ? 0
        : real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}
static int faulty_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **at)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, at);
}
static int faulty_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}
static void faulty_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}
static int faulty_shm_unmap(sqlite3_file *file, int remove_it)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), remove_it);
}

static const sqlite3_io_methods faulty_methods = {
    .iVersion = 2,
    .xClose = faulty_close,
    .xRead = faulty_read,
    .xWrite = faulty_write,
    .xTruncate = faulty_truncate,
    .xSync = faulty_sync,
    .xFileSize = faulty_size,
    .xLock = faulty_lock,
    .xUnlock = faulty_unlock,
    .xCheckReservedLock = faulty_reserved,
    .xFileControl = faulty_control,
    .xSectorSize = faulty_sector,
    .xDeviceCharacteristics = faulty_device,
    .xShmMap = faulty_shm_map,
    .xShmLock = faulty_shm_lock,
    .xShmBarrier = faulty_shm_barrier,
    .xShmUnmap = faulty_shm_unmap,
};

static int faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    sqlite3_vfs *real = vfs->pAppData;
    struct faulty_file *faulty = faulty_of(file);
    faulty->real = (sqlite3_file *)(void *)(faulty + 1);
    faulty->is_log = (flags & SQLITE_OPEN_WAL) != 0;
    faulty->file.pMethods = &faulty_methods;
    return real->xOpen(real, name, faulty->real, flags | SQLITE_OPEN_CREATE, out_flags);
}

static sqlite3_vfs faulty_vfs;

static void faults_clear(void)
{
    atomic_store(&faults.writes_left, -1);
    atomic_store(&faults.syncs_left, -1);
    atomic_store(&faults.sync_failures, 0);
    atomic_store(&faults.database_only, false);
    atomic_store(&faults.log_only, false);
    atomic_store(&faults.tears_neighbours, false);
}

static int register_vfs(void **state)
{
    (void)state;
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    faulty_vfs = *real;
    faulty_vfs.zName = "faulty";
    faulty_vfs.szOsFile = (int)sizeof(struct faulty_file) + real->szOsFile;
    faulty_vfs.pAppData = real;
    faulty_vfs.xOpen = faulty_open;
    faulty_vfs.pNext = NULL;
    faults_clear();
    return sqlite3_vfs_register(&faulty_vfs, 0);
}

/* ---- a store on it ---- */

struct fixture {
    struct test_folder folder;
    struct store *store;
    atomic_int fatal_count;
    char fatal_text[ERR_TEXT_BYTES_MAX];
    int64_t next_id;
    int64_t acknowledged; /* items */
};

static void on_fatal(void *context, const struct err_info *why)
{
    struct fixture *fixture = context;
    atomic_fetch_add(&fixture->fatal_count, 1);
    snprintf(fixture->fatal_text, sizeof(fixture->fatal_text), "%s", why->text);
}

static void fixture_open(struct fixture *fixture)
{
    struct store_options options = { .on_fatal = on_fatal, .fatal_context = fixture, .vfs = STR("faulty") };
    fixture->store = test_store_open(&fixture->folder, "store.db", options);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    faults_clear();
    test_folder_make(&fixture->folder);
    fixture_open(fixture);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    faults_clear();
    store_close(fixture->store);
    test_folder_remove(&fixture->folder);
    free(fixture);
    return 0;
}

static enum err add_item(void *context, struct store_conn *conn, struct err_info *why)
{
    static const struct sql insert = { "INSERT INTO test_items (id, name, body) VALUES ($1, $2, $3)", NULL };
    static const char body[900];
    struct fixture *fixture = context;
    char name[32];
    int64_t id = ++fixture->next_id;
    snprintf(name, sizeof(name), "item %lld", (long long)id);
    return sql_run(conn, &insert,
        SQL_ARGS(arg_int(id), arg_text(str_of(name)), arg_bytes((struct str){ body, sizeof(body) })), NULL,
        why);
}

static enum err add_many(void *context, struct store_conn *conn, struct err_info *why)
{
    for (int i = 0; i < 400; i++)
        TRY(add_item(context, conn, why));
    return ERR_OK;
}

static enum err write_item(struct fixture *fixture, struct err_info *why)
{
    enum err result = store_write_wait(fixture->store, add_item, fixture, why);
    fixture->acknowledged += result == ERR_OK;
    return result;
}

static void full_disk_refuses_what_does_not_fit_and_the_node_goes_on(void **state)
{
    struct fixture *fixture = *state;
    struct err_info why = { 0 };
    for (int after = 0; after < 12; after++) {
        assert_int_equal(write_item(fixture, &why), ERR_OK);
        atomic_store(&faults.write_error, SQLITE_FULL);
        atomic_store(&faults.writes_left, after % 4);
        assert_int_equal(write_item(fixture, &why), ERR_FULL);
        assert_int_equal(write_item(fixture, &why), ERR_FULL);
        faults_clear();
    }
    assert_int_equal(write_item(fixture, &why), ERR_OK);
    assert_int_equal(atomic_load(&fixture->fatal_count), 0);
    assert_int_equal(test_count_items(fixture->store), fixture->acknowledged);
    store_close(fixture->store);
    fixture_open(fixture);
    assert_int_equal(test_count_items(fixture->store), 13);
}

/* A large operation writes to the log before its commit, from inside apply. */
static void full_disk_inside_an_operation_undoes_it_all(void **state)
{
    struct fixture *fixture = *state;
    struct err_info why = { 0 };
    assert_int_equal(write_item(fixture, &why), ERR_OK);
    for (int after = 0; after < 100; after += 9) {
        atomic_store(&faults.write_error, SQLITE_FULL);
        atomic_store(&faults.writes_left, after);
        assert_int_equal(store_write_wait(fixture->store, add_many, fixture, &why), ERR_FULL);
        faults_clear();
        assert_int_equal(test_count_items(fixture->store), fixture->acknowledged);
        assert_int_equal(write_item(fixture, &why), ERR_OK);
    }
    assert_int_equal(atomic_load(&fixture->fatal_count), 0);
}

static void failed_sync_is_fatal_and_acknowledges_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct err_info why = { 0 };
    assert_int_equal(write_item(fixture, &why), ERR_OK);
    atomic_store(&faults.log_only, true);
    atomic_store(&faults.syncs_left, 0);
    assert_int_equal(write_item(fixture, &why), ERR_IO);
    assert_int_equal(atomic_load(&fixture->fatal_count), 1);
    assert_int_equal(atomic_load(&faults.sync_failures), 1); /* never tried again */
    faults_clear();
    assert_int_equal(write_item(fixture, &why), ERR_UNAVAILABLE); /* not even when the disk is back */
    assert_string_equal(why.name, "store_stopped");
    assert_int_equal(atomic_load(&fixture->fatal_count), 1);
    store_close(fixture->store);
    fixture_open(fixture);
    int64_t count = test_count_items(fixture->store);
    assert_true(count == fixture->acknowledged || count == fixture->acknowledged + 1);
}

static void failed_write_of_a_commit_is_fatal(void **state)
{
    struct fixture *fixture = *state;
    struct err_info why = { 0 };
    assert_int_equal(write_item(fixture, &why), ERR_OK);
    atomic_store(&faults.write_error, SQLITE_IOERR_WRITE);
    atomic_store(&faults.writes_left, 1);
    assert_int_equal(write_item(fixture, &why), ERR_IO);
    assert_int_equal(atomic_load(&fixture->fatal_count), 1);
}

/* SQLite fills the last sector of such a commit up, and syncs in the middle of what it fills it with. */
static void a_disk_that_tears_neighbours_shows_whole_pages(void **state)
{
    struct fixture *fixture = *state;
    struct err_info why = { 0 };
    store_close(fixture->store);
    atomic_store(&faults.tears_neighbours, true);
    fixture_open(fixture);
    for (int i = 1; i <= 40; i++) {
        assert_int_equal(write_item(fixture, &why), ERR_OK);
        assert_int_equal(test_count_items(fixture->store), i); /* by another handle */
    }
}

struct burst {
    struct store_op op;
    struct fixture *fixture;
    sem_t *done;
    enum err result;
};

static enum err burst_apply(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    return add_item(((struct burst *)(void *)op)->fixture, conn, why);
}

static void burst_done(struct store_op *op, enum err result, const struct err_info *why)
{
    (void)why;
    ((struct burst *)(void *)op)->result = result;
    sem_post(((struct burst *)(void *)op)->done);
}

static void all_operations_of_a_failed_commit_fail(void **state)
{
    struct fixture *fixture = *state;
    struct burst bursts[64];
    sem_t done;
    sem_init(&done, 0, 0);
    atomic_store(&faults.log_only, true);
    atomic_store(&faults.syncs_left, 0);
    for (int i = 0; i < 64; i++) {
        bursts[i] = (struct burst){
            .op = { .apply = burst_apply, .done = burst_done }, .fixture = fixture, .done = &done
        };
        store_submit(fixture->store, &bursts[i].op);
    }
    for (int i = 0; i < 64; i++)
        sem_wait(&done);
    for (int i = 0; i < 64; i++)
        assert_int_not_equal(bursts[i].result, ERR_OK);
    assert_int_equal(atomic_load(&fixture->fatal_count), 1);
    assert_int_equal(atomic_load(&faults.sync_failures), 1);
}

/* The log's pages reach the database beside the writer; a failed sync there is as fatal. */
static void failed_sync_of_a_checkpoint_is_fatal(void **state)
{
    struct fixture *fixture = *state;
    struct err_info why = { 0 };
    atomic_store(&faults.database_only, true);
    atomic_store(&faults.syncs_left, 0);
    for (int i = 0; i < 200 && atomic_load(&fixture->fatal_count) == 0; i++) {
        if (store_write_wait(fixture->store, add_many, fixture, &why) == ERR_OK)
            fixture->acknowledged += 400;
        usleep(1000);
    }
    assert_int_equal(atomic_load(&fixture->fatal_count), 1);
    faults_clear();
    store_close(fixture->store);
    fixture_open(fixture);
    assert_int_equal(test_count_items(fixture->store), fixture->acknowledged);
}

static long log_bytes(struct fixture *fixture)
{
    FILE *file = fopen(test_path(&fixture->folder, "store.db-wal"), "rb");
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    fclose(file);
    return size;
}

static void log_starts_anew_while_writing_goes_on(void **state)
{
    struct fixture *fixture = *state;
    struct err_info why = { 0 };
    for (int i = 0; i < 150; i++) /* 60 thousand items: several times the log's length */
        assert_int_equal(store_write_wait(fixture->store, add_many, fixture, &why), ERR_OK);
    long size = log_bytes(fixture);
    assert_in_range(size, 4L << 20, 64L << 20);
    assert_int_equal(test_count_items(fixture->store), 150 * 400);
}

#define ON_FAULTY_DISK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_FAULTY_DISK(full_disk_refuses_what_does_not_fit_and_the_node_goes_on),
        ON_FAULTY_DISK(full_disk_inside_an_operation_undoes_it_all),
        ON_FAULTY_DISK(failed_sync_is_fatal_and_acknowledges_nothing),
        ON_FAULTY_DISK(failed_write_of_a_commit_is_fatal),
        ON_FAULTY_DISK(a_disk_that_tears_neighbours_shows_whole_pages),
        ON_FAULTY_DISK(all_operations_of_a_failed_commit_fail),
        ON_FAULTY_DISK(failed_sync_of_a_checkpoint_is_fatal),
        ON_FAULTY_DISK(log_starts_anew_while_writing_goes_on),
    };
    return cmocka_run_group_tests(tests, register_vfs, NULL);
}
