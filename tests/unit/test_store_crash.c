/* kill -9 in the middle of commits: what was acknowledged is there afterwards, whole. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/rand.h"
#include "store_helpers.h"

#define IN_FLIGHT 32
#define ROUNDS 8

static const struct sql insert_part = { "INSERT INTO test_items (id, name) VALUES ($1, $2)", NULL };
static const struct sql halves = {
    "SELECT count(*) FROM test_items a WHERE NOT EXISTS (SELECT 1 FROM test_items b WHERE b.id = -a.id)", NULL
};
static const struct sql find_item = { "SELECT 1 FROM test_items WHERE id = $1", NULL };

/* Each operation inserts a pair, n and -n, and a blob now and then. */
struct pair {
    struct store_op op;
    struct store *store;
    int64_t n;
    int64_t *next;
    int fd;
};

static enum err pair_apply(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct pair *pair = (struct pair *)(void *)op;
    char name[32];
    for (int sign = -1; sign <= 1; sign += 2) {
        snprintf(name, sizeof(name), "%lld", (long long)(sign * pair->n));
        TRY(sql_run(
            conn, &insert_part, SQL_ARGS(arg_int(sign * pair->n), arg_text(str_of(name))), NULL, why));
    }
    struct outbox_entry entry = { .tenant = 1, .topic = STR("run"), .body = STR("{}") };
    return outbox_add(conn, &entry, NULL, why);
}

static void pair_done(struct store_op *op, enum err result, const struct err_info *why)
{
    struct pair *pair = (struct pair *)(void *)op;
    if (result != ERR_OK) {
        fprintf(stderr, "child: %s\n", why->text);
        _exit(3);
    }
    if (write(pair->fd, &pair->n, sizeof(pair->n)) != sizeof(pair->n))
        _exit(4);
    pair->n = ++*pair->next; /* all on the writer's thread */
    store_submit(pair->store, &pair->op);
}

__attribute__((noreturn)) static void child(const struct test_folder *folder, int64_t first, int fd)
{
    static struct pair pairs[IN_FLIGHT];
    static int64_t next;
    struct store *store = test_store_open(folder, "store.db", (struct store_options){ 0 });
    next = first + IN_FLIGHT;
    for (int i = 0; i < IN_FLIGHT; i++) {
        pairs[i] = (struct pair){ { .apply = pair_apply, .done = pair_done }, store, first + i, &next, fd };
        store_submit(store, &pairs[i].op);
    }
    for (;;)
        pause();
}

struct check {
    int64_t *acknowledged;
    size_t count;
    int64_t halves, missing;
};

static enum err check_work(void *context, struct store_conn *conn, struct err_info *why)
{
    struct check *check = context;
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &halves, SQL_NO_ARGS, why));
    if (rows_next(&rows))
        check->halves = rows_int(&rows, 0);
    TRY(rows_end(&rows, why));
    check->missing = 0;
    for (size_t i = 0; i < check->count; i++) {
        AUTO(rows) struct rows found = { 0 };
        TRY(rows_open(&found, conn, &find_item, SQL_ARGS(arg_int(check->acknowledged[i])), why));
        check->missing += !rows_next(&found);
        TRY(rows_end(&found, why));
    }
    return ERR_OK;
}

/* Reads until `ms` have passed since the first acknowledgement, kills, reads the rest. */
static size_t gather(pid_t pid, int fd, int64_t *numbers, size_t room, int ms)
{
    size_t count = 0;
    struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
    assert_int_equal(poll(&poll_fd, 1, 20000), 1);
    usleep((useconds_t)ms * 1000);
    assert_int_equal(kill(pid, SIGKILL), 0);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    ssize_t size;
    while (count < room && (size = read(fd, numbers + count, sizeof(*numbers) * (room - count))) > 0)
        count += (size_t)size / sizeof(*numbers);
    return count;
}

static void acknowledged_operations_survive_kill_9(void **state)
{
    (void)state;
    struct test_folder folder;
    struct err_info why = { 0 };
    size_t room = 1 << 20;
    int64_t *numbers = calloc(room, sizeof(*numbers)), last = 0;
    struct check check = { .acknowledged = numbers };
    struct rand_seeded seeded;
    rand_seeded_init(&seeded, 42);
    test_folder_make(&folder);
    for (int round = 0; round < ROUNDS; round++) {
        int fds[2];
        assert_int_equal(pipe(fds), 0);
        /* The pipe must hold what the child acknowledges while this process sleeps. */
        assert_true(fcntl(fds[0], F_SETPIPE_SZ, 1 << 20) > 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            close(fds[0]);
            child(&folder, last + 1, fds[1]);
        }
        close(fds[1]);
        size_t got = gather(
            pid, fds[0], numbers + check.count, room - check.count, (int)rand_below(&seeded.rand, 150));
        close(fds[0]);
        assert_true(got > 0);
        check.count += got;
        last += 1000000;
        struct store *store = test_store_open(&folder, "store.db", (struct store_options){ 0 });
        test_check(store_read_wait(store, check_work, &check, &why), &why);
        assert_int_equal(check.halves, 0);
        assert_int_equal(check.missing, 0);
        store_close(store);
    }
    free(numbers);
    test_folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(acknowledged_operations_survive_kill_9),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
