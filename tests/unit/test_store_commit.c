#include <pthread.h>
#include <semaphore.h>

#include "base/limits.h"
#include "store_helpers.h"

/* An operation that inserts one item, and may then fail. */
struct item_op {
    struct store_op op;
    int64_t id;
    const char *name; /* NULL: made from the id */
    enum err fail_with;
    enum err result;
    char why[ERR_TEXT_BYTES_MAX];
    sem_t *done_semaphore;
    sem_t *gate; /* waited for inside apply */
    sem_t *entered;
    int64_t seen_by_reader_in_done, seen_by_reader_in_apply;
    struct store *store;
    int64_t *order;
    int64_t *order_at;
    pthread_t done_thread;
};

static enum err item_apply(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct item_op *item = (struct item_op *)(void *)op;
    char name[32];
    snprintf(name, sizeof(name), "item %lld", (long long)item->id);
    if (item->entered)
        sem_post(item->entered);
    item->entered = NULL;
    if (item->gate)
        sem_wait(item->gate);
    TRY(sql_run(conn, &test_insert,
        SQL_ARGS(arg_int(item->id), arg_text(str_of(item->name ? item->name : name))), NULL, why));
    if (item->store)
        item->seen_by_reader_in_apply = test_count_items(item->store);
    if (item->order)
        item->order[(*item->order_at)++] = item->id;
    if (item->fail_with != ERR_OK)
        return err_set(why, item->fail_with, "item %lld was told to fail", (long long)item->id);
    return ERR_OK;
}

static void item_done(struct store_op *op, enum err result, const struct err_info *why)
{
    struct item_op *item = (struct item_op *)(void *)op;
    item->result = result;
    item->done_thread = pthread_self();
    snprintf(item->why, sizeof(item->why), "%s", why->text);
    if (item->store)
        item->seen_by_reader_in_done = test_count_items(item->store);
    if (item->entered)
        sem_post(item->entered); /* the transaction was not even begun */
    sem_post(item->done_semaphore);
}

static void item_init(struct item_op *item, int64_t id, sem_t *done)
{
    *item = (struct item_op){
        .op = { .apply = item_apply, .done = item_done }, .id = id, .done_semaphore = done
    };
}

struct fixture {
    struct test_folder folder;
    struct store *store;
    sem_t done, gate, entered;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    test_folder_make(&fixture->folder);
    fixture->store = test_store_open(&fixture->folder, "store.db", (struct store_options){ 0 });
    sem_init(&fixture->done, 0, 0);
    sem_init(&fixture->gate, 0, 0);
    sem_init(&fixture->entered, 0, 0);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    store_close(fixture->store);
    test_folder_remove(&fixture->folder);
    free(fixture);
    return 0;
}

/* Holds the writer inside one commit, so that what is submitted meanwhile shares the next one. */
static void hold_writer(struct fixture *fixture, struct item_op *holder)
{
    item_init(holder, 1000000, &fixture->done);
    holder->gate = &fixture->gate;
    holder->entered = &fixture->entered;
    store_submit(fixture->store, &holder->op);
    sem_wait(&fixture->entered);
}

static void operations_share_a_commit_in_the_order_submitted(void **state)
{
    struct fixture *fixture = *state;
    struct item_op holder, items[100];
    int64_t order[100], at = 0;
    struct store_metrics before, after;
    hold_writer(fixture, &holder);
    for (int i = 0; i < 100; i++) {
        item_init(&items[i], i, &fixture->done);
        items[i].order = order;
        items[i].order_at = &at;
        store_submit(fixture->store, &items[i].op);
    }
    store_metrics(fixture->store, &before);
    assert_int_equal(before.queue_length, 100);
    sem_post(&fixture->gate);
    for (int i = 0; i < 101; i++)
        sem_wait(&fixture->done);
    store_metrics(fixture->store, &after);
    assert_int_equal(after.commits - before.commits, 2);
    assert_int_equal(after.commit_ops - before.commit_ops, 101);
    assert_int_equal(after.commit_rows - before.commit_rows, 101);
    assert_int_equal(after.queue_length, 0);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(order[i], i);
        assert_int_equal(items[i].result, ERR_OK);
    }
    assert_int_equal(test_count_items(fixture->store), 101);
}

static void failing_operation_is_undone_alone(void **state)
{
    struct fixture *fixture = *state;
    struct item_op holder, items[5];
    struct store_metrics before, after;
    store_metrics(fixture->store, &before);
    hold_writer(fixture, &holder);
    for (int i = 0; i < 5; i++) {
        item_init(&items[i], i, &fixture->done);
        items[i].fail_with = i == 1 || i == 4 ? ERR_DENIED : ERR_OK;
        store_submit(fixture->store, &items[i].op);
    }
    sem_post(&fixture->gate);
    for (int i = 0; i < 6; i++)
        sem_wait(&fixture->done);
    for (int i = 0; i < 5; i++)
        assert_int_equal(items[i].result, i == 1 || i == 4 ? ERR_DENIED : ERR_OK);
    assert_string_equal(items[1].why, "item 1 was told to fail");
    store_metrics(fixture->store, &after);
    assert_int_equal(after.failed_ops - before.failed_ops, 2);
    assert_int_equal(test_count_items(fixture->store), 4);
}

static void lone_failing_operation_stores_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct item_op item;
    item_init(&item, 7, &fixture->done);
    item.fail_with = ERR_LIMIT;
    store_submit(fixture->store, &item.op);
    sem_wait(&fixture->done);
    assert_int_equal(item.result, ERR_LIMIT);
    assert_int_equal(test_count_items(fixture->store), 0);
}

static void broken_rule_is_a_conflict_and_leaves_the_rest(void **state)
{
    struct fixture *fixture = *state;
    struct item_op holder, items[3];
    hold_writer(fixture, &holder);
    for (int i = 0; i < 3; i++) {
        item_init(&items[i], i, &fixture->done);
        items[i].name = i == 2 ? "other" : "same";
        store_submit(fixture->store, &items[i].op);
    }
    sem_post(&fixture->gate);
    for (int i = 0; i < 4; i++)
        sem_wait(&fixture->done);
    assert_int_equal(items[0].result, ERR_OK);
    assert_int_equal(items[1].result, ERR_CONFLICT);
    assert_int_equal(items[2].result, ERR_OK);
    assert_int_equal(test_count_items(fixture->store), 3);
}

static void done_runs_after_the_commit_and_not_before(void **state)
{
    struct fixture *fixture = *state;
    struct item_op item;
    item_init(&item, 1, &fixture->done);
    item.store = fixture->store;
    store_submit(fixture->store, &item.op);
    sem_wait(&fixture->done);
    assert_int_equal(item.seen_by_reader_in_apply, 0);
    assert_int_equal(item.seen_by_reader_in_done, 1);
}

static void more_than_commit_ops_max_take_several_commits(void **state)
{
    struct fixture *fixture = *state;
    int count = 2 * COMMIT_OPS_MAX + 1;
    struct item_op holder, *items = calloc((size_t)count, sizeof(*items));
    struct store_metrics before, after;
    hold_writer(fixture, &holder);
    store_metrics(fixture->store, &before);
    for (int i = 0; i < count; i++) {
        item_init(&items[i], i, &fixture->done);
        store_submit(fixture->store, &items[i].op);
    }
    sem_post(&fixture->gate);
    for (int i = 0; i < count + 1; i++)
        sem_wait(&fixture->done);
    store_metrics(fixture->store, &after);
    assert_int_equal(after.commits - before.commits, 4); /* the holder's, and three */
    free(items);
}

static void full_queue_is_refused_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct item_op holder, last, *items = calloc(STORE_QUEUE_MAX, sizeof(*items));
    hold_writer(fixture, &holder);
    for (int i = 0; i < STORE_QUEUE_MAX; i++) {
        item_init(&items[i], i, &fixture->done);
        items[i].fail_with = ERR_CANCELLED;
        items[i].name = "same";
        store_submit(fixture->store, &items[i].op);
    }
    sem_t refused;
    sem_init(&refused, 0, 0);
    item_init(&last, STORE_QUEUE_MAX, &refused);
    store_submit(fixture->store, &last.op);
    sem_wait(&refused);
    assert_int_equal(last.result, ERR_UNAVAILABLE);
    sem_post(&fixture->gate);
    for (int i = 0; i < STORE_QUEUE_MAX + 1; i++)
        sem_wait(&fixture->done);
    free(items);
}

static void closing_commits_what_waits(void **state)
{
    struct fixture *fixture = *state;
    struct item_op holder, items[50];
    hold_writer(fixture, &holder);
    for (int i = 0; i < 50; i++) {
        item_init(&items[i], i, &fixture->done);
        store_submit(fixture->store, &items[i].op);
    }
    sem_post(&fixture->gate);
    store_close(fixture->store);
    for (int i = 0; i < 50; i++)
        assert_int_equal(items[i].result, ERR_OK);
    fixture->store = test_store_open(&fixture->folder, "store.db", (struct store_options){ 0 });
    assert_int_equal(test_count_items(fixture->store), 51);
}

struct snapshot_op {
    struct store_op op;
    sem_t *entered, *gate, *done;
    int64_t first, second;
};

static enum err snapshot_apply(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct snapshot_op *snapshot = (struct snapshot_op *)(void *)op;
    TRY(test_count_apply(&snapshot->first, conn, why));
    sem_post(snapshot->entered);
    sem_wait(snapshot->gate);
    return test_count_apply(&snapshot->second, conn, why);
}

static void snapshot_done(struct store_op *op, enum err result, const struct err_info *why)
{
    (void)why;
    assert_int_equal(result, ERR_OK);
    sem_post(((struct snapshot_op *)(void *)op)->done);
}

static void reader_keeps_its_snapshot(void **state)
{
    struct fixture *fixture = *state;
    struct item_op item;
    struct snapshot_op snapshot = {
        .op = { .apply = snapshot_apply, .done = snapshot_done },
        .entered = &fixture->entered,
        .gate = &fixture->gate,
        .done = &fixture->done,
    };
    store_read(fixture->store, &snapshot.op);
    sem_wait(&fixture->entered);
    item_init(&item, 1, &fixture->done);
    store_submit(fixture->store, &item.op);
    sem_wait(&fixture->done);
    assert_int_equal(test_count_items(fixture->store), 1); /* the other reader sees it */
    sem_post(&fixture->gate);
    sem_wait(&fixture->done);
    assert_int_equal(snapshot.first, 0);
    assert_int_equal(snapshot.second, 0);
}

static enum err write_work(void *context, struct store_conn *conn, struct err_info *why)
{
    (void)context;
    return sql_run(conn, &test_insert, SQL_ARGS(arg_int(1), arg_text(STR("x"))), NULL, why);
}

static void reader_cannot_write(void **state)
{
    struct fixture *fixture = *state;
    struct err_info why = { 0 };
    assert_int_not_equal(store_read_wait(fixture->store, write_work, NULL, &why), ERR_OK);
    assert_int_equal(test_count_items(fixture->store), 0);
}

/* A loop of the test's own: jobs gather until it runs them. */
struct test_loop {
    struct loop loop;
    pthread_mutex_t mutex;
    struct loop_job *first;
    sem_t *posted;
};

static void test_loop_post(struct loop *loop, struct loop_job *job)
{
    struct test_loop *test = (struct test_loop *)(void *)loop;
    pthread_mutex_lock(&test->mutex);
    job->next = test->first;
    test->first = job;
    pthread_mutex_unlock(&test->mutex);
    sem_post(test->posted);
}

static void done_runs_on_the_loop_asked_for(void **state)
{
    struct fixture *fixture = *state;
    static const struct loop_ops ops = { .post = test_loop_post };
    sem_t posted;
    sem_init(&posted, 0, 0);
    struct test_loop loop = { { &ops, clock_system() }, PTHREAD_MUTEX_INITIALIZER, NULL, &posted };
    struct item_op item;
    item_init(&item, 1, &fixture->done);
    item.op.reply_to = &loop.loop;
    store_submit(fixture->store, &item.op);
    sem_wait(&posted);
    assert_int_equal(sem_trywait(&fixture->done), -1);
    loop.first->run(loop.first);
    assert_int_equal(sem_trywait(&fixture->done), 0);
    assert_true(pthread_equal(item.done_thread, pthread_self()));
    assert_int_equal(item.result, ERR_OK);
}

struct hook_op {
    struct store_op op;
    struct store_hook hooks[2];
    enum err fail_with;
    int64_t id;
    char log[16]; /* "C" committed, "D" dropped, "!" done */
    sem_t *done;
};

static void hook_note(struct hook_op *op, char c)
{
    op->log[strlen(op->log)] = c;
}

static void hook_run_first(struct store_hook *hook, bool is_committed)
{
    struct hook_op *op = (struct hook_op *)(void *)((char *)hook - offsetof(struct hook_op, hooks[0]));
    hook_note(op, is_committed ? '1' : 'a');
}

static void hook_run_second(struct store_hook *hook, bool is_committed)
{
    struct hook_op *op = (struct hook_op *)(void *)((char *)hook - offsetof(struct hook_op, hooks[1]));
    hook_note(op, is_committed ? '2' : 'b');
}

static enum err hook_apply(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct hook_op *hook = (struct hook_op *)(void *)op;
    hook->hooks[0].run = hook_run_first;
    hook->hooks[1].run = hook_run_second;
    store_add_hook(conn, &hook->hooks[0]);
    store_add_hook(conn, &hook->hooks[1]);
    return hook->fail_with ? err_set(why, hook->fail_with, "no") : ERR_OK;
}

static void hook_done(struct store_op *op, enum err result, const struct err_info *why)
{
    (void)why;
    struct hook_op *hook = (struct hook_op *)(void *)op;
    assert_int_equal(result, hook->fail_with);
    hook_note(hook, '!');
    sem_post(hook->done);
}

static void hooks_tell_what_became_of_the_commit_before_done(void **state)
{
    struct fixture *fixture = *state;
    struct item_op holder;
    struct hook_op good = { .op = { .apply = hook_apply, .done = hook_done }, .done = &fixture->done };
    struct hook_op bad = good;
    bad.fail_with = ERR_DENIED;
    hold_writer(fixture, &holder);
    store_submit(fixture->store, &good.op);
    store_submit(fixture->store, &bad.op);
    sem_post(&fixture->gate);
    for (int i = 0; i < 3; i++)
        sem_wait(&fixture->done);
    assert_string_equal(good.log, "12!");
    assert_string_equal(bad.log, "ab!");
}

struct flood {
    struct fixture *fixture;
    int64_t from;
    sem_t done;
    struct item_op items[500];
};

static void *flood_main(void *context)
{
    struct flood *flood = context;
    for (int i = 0; i < 500; i++) {
        item_init(&flood->items[i], flood->from + i, &flood->done);
        store_submit(flood->fixture->store, &flood->items[i].op);
    }
    for (int i = 0; i < 500; i++)
        sem_wait(&flood->done);
    return NULL;
}

static void many_threads_may_submit(void **state)
{
    struct fixture *fixture = *state;
    pthread_t threads[4];
    struct flood *floods = calloc(4, sizeof(*floods));
    for (int i = 0; i < 4; i++) {
        floods[i].fixture = fixture;
        floods[i].from = i * 1000;
        sem_init(&floods[i].done, 0, 0);
        pthread_create(&threads[i], NULL, flood_main, &floods[i]);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(test_count_items(fixture->store), 2000);
    free(floods);
}

/* An inline store does all at once; what `done` submits comes after it. */
struct inline_op {
    struct store_op op;
    struct store *store;
    struct inline_op *then;
    int64_t id;
    bool is_done, was_then_done_inside;
};

static enum err inline_apply(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct inline_op *item = (struct inline_op *)(void *)op;
    char name[32];
    snprintf(name, sizeof(name), "%lld", (long long)item->id);
    return sql_run(conn, &test_insert, SQL_ARGS(arg_int(item->id), arg_text(str_of(name))), NULL, why);
}

static void inline_done(struct store_op *op, enum err result, const struct err_info *why)
{
    (void)why;
    struct inline_op *item = (struct inline_op *)(void *)op;
    assert_int_equal(result, ERR_OK);
    item->is_done = true;
    if (!item->then)
        return;
    store_submit(item->store, &item->then->op);
    item->was_then_done_inside = item->then->is_done;
    assert_int_equal(test_count_items(item->store), 1); /* waiting works from inside done */
}

static void inline_store_works_without_threads(void **state)
{
    (void)state;
    struct store *store = test_store_open(NULL, NULL, (struct store_options){ .is_inline = true });
    struct inline_op second = {
        .op = { .apply = inline_apply, .done = inline_done }, .store = store, .id = 2
    };
    struct inline_op first = second;
    first.id = 1;
    first.then = &second;
    store_submit(store, &first.op);
    assert_true(first.is_done);
    assert_true(second.is_done);
    assert_int_equal(test_count_items(store), 2);
    store_close(store);
}

static void store_in_memory_reads_what_it_wrote(void **state)
{
    (void)state;
    struct err_info why = { 0 };
    struct store *store = test_store_open(NULL, NULL, (struct store_options){ 0 });
    test_check(store_write_wait(store, write_work, NULL, &why), &why);
    assert_int_equal(test_count_items(store), 1);
    store_close(store);
}

/* More than the writer keeps in memory goes to the log before the commit, where the operation has to find it;
 * so it reads back past what memory holds again and again. */
#define LARGE_ROWS 1800
#define LARGE_STEP 60
#define LARGE_BYTES 12000

static enum err large_read(struct store_conn *conn, int64_t *seen, struct err_info *why)
{
    static const struct sql select = { "SELECT id, body FROM test_items ORDER BY id DESC", NULL };
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &select, SQL_NO_ARGS, why));
    for (*seen = 0; rows_next(&rows);) {
        struct str body = rows_bytes(&rows, 1);
        char byte = (char)(rows_int(&rows, 0) % 251);
        *seen += body.size == LARGE_BYTES && body.data[0] == byte && body.data[LARGE_BYTES - 1] == byte;
    }
    return rows_end(&rows, why);
}

static enum err large_apply(void *context, struct store_conn *conn, struct err_info *why)
{
    static const struct sql insert = { "INSERT INTO test_items (id, name, body) VALUES ($1, $2, $3)", NULL };
    static char body[LARGE_BYTES];
    char name[32];
    for (int64_t id = 1; id <= LARGE_ROWS; id++) {
        snprintf(name, sizeof(name), "item %lld", (long long)id);
        memset(body, (int)(id % 251), sizeof(body));
        const struct str bytes = { body, sizeof(body) };
        TRY(sql_run(
            conn, &insert, SQL_ARGS(arg_int(id), arg_text(str_of(name)), arg_bytes(bytes)), NULL, why));
        if (id % LARGE_STEP != 0 || id < LARGE_ROWS / 2)
            continue;
        int64_t *seen = context;
        TRY(large_read(conn, seen, why));
        assert_int_equal(*seen, id);
    }
    return ERR_OK;
}

static void an_operation_larger_than_memory_reads_what_it_wrote(void **state)
{
    struct fixture *fixture = *state;
    struct err_info why = { 0 };
    int64_t seen = 0;
    test_check(store_write_wait(fixture->store, large_apply, &seen, &why), &why);
    assert_int_equal(seen, LARGE_ROWS);
    assert_int_equal(test_count_items(fixture->store), LARGE_ROWS);
}

#define WITH_STORE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_STORE(operations_share_a_commit_in_the_order_submitted),
        WITH_STORE(failing_operation_is_undone_alone),
        WITH_STORE(lone_failing_operation_stores_nothing),
        WITH_STORE(broken_rule_is_a_conflict_and_leaves_the_rest),
        WITH_STORE(done_runs_after_the_commit_and_not_before),
        WITH_STORE(more_than_commit_ops_max_take_several_commits),
        WITH_STORE(full_queue_is_refused_at_once),
        WITH_STORE(closing_commits_what_waits),
        WITH_STORE(reader_keeps_its_snapshot),
        WITH_STORE(reader_cannot_write),
        WITH_STORE(done_runs_on_the_loop_asked_for),
        WITH_STORE(hooks_tell_what_became_of_the_commit_before_done),
        WITH_STORE(many_threads_may_submit),
        WITH_STORE(an_operation_larger_than_memory_reads_what_it_wrote),
        cmocka_unit_test(inline_store_works_without_threads),
        cmocka_unit_test(store_in_memory_reads_what_it_wrote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
