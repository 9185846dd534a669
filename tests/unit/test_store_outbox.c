#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "store_helpers.h"

#define THREADS 4
#define EACH 500

struct entry_op {
    struct store_op op;
    int64_t tenant;
    int64_t number;
    bool fails;
    uint64_t seq;
    sem_t *done;
};

static enum err entry_apply(struct store_op *op, struct store_conn *conn, struct err_info *why)
{
    struct entry_op *entry = (struct entry_op *)(void *)op;
    char body[48];
    snprintf(body, sizeof(body), "{\"number\":%lld}", (long long)entry->number);
    struct outbox_entry out = {
        .tenant = entry->tenant,
        .topic = STR("run"),
        .subject = id_new(clock_system(), rand_system()),
        .body = str_of(body),
    };
    TRY(outbox_add(conn, &out, &entry->seq, why));
    return entry->fails ? err_set(why, ERR_DENIED, "told to fail") : ERR_OK;
}

static void entry_done(struct store_op *op, enum err result, const struct err_info *why)
{
    (void)why;
    struct entry_op *entry = (struct entry_op *)(void *)op;
    assert_int_equal(result, entry->fails ? ERR_DENIED : ERR_OK);
    sem_post(entry->done);
}

struct sender {
    struct store *store;
    int64_t tenant;
    sem_t done;
    struct entry_op entries[EACH];
};

static void *sender_main(void *context)
{
    struct sender *sender = context;
    for (int i = 0; i < EACH; i++) {
        sender->entries[i] = (struct entry_op){
            .op = { .apply = entry_apply, .done = entry_done },
            .tenant = sender->tenant,
            .number = i,
            .fails = i % 7 == 3,
            .done = &sender->done,
        };
        store_submit(sender->store, &sender->entries[i].op);
    }
    for (int i = 0; i < EACH; i++)
        sem_wait(&sender->done);
    return NULL;
}

/* Reads on from where it is, page by page, as the event stream does. */
struct follower {
    struct store *store;
    int64_t tenant;
    uint64_t at;
    int64_t next[THREADS]; /* unused for tenants without threads */
    uint64_t count;
    uint64_t oldest;
    unsigned limit;
};

static enum err follow_apply(void *context, struct store_conn *conn, struct err_info *why)
{
    struct follower *follower = context;
    AUTO(rows) struct rows rows = { 0 };
    TRY(outbox_read(conn, follower->tenant, follower->at, follower->limit, &rows, &follower->oldest, why));
    while (rows_next(&rows)) {
        uint64_t seq = (uint64_t)rows_int(&rows, 0);
        assert_true(seq > follower->at);
        assert_true(rows_instant(&rows, 1).us > 0);
        assert_true(rows_bytes(&rows, 2).size > 0);
        assert_int_equal(rows_bytes(&rows, 3).size, 16);
        follower->at = seq;
        follower->count++;
    }
    return rows_end(&rows, why);
}

static void follow(struct follower *follower)
{
    struct err_info why = { 0 };
    test_check(store_read_wait(follower->store, follow_apply, follower, &why), &why);
}

static atomic_bool all_sent;

static void *follower_main(void *context)
{
    struct follower *follower = context;
    while (!atomic_load(&all_sent))
        follow(follower);
    for (uint64_t before = UINT64_MAX; before != follower->count;) {
        before = follower->count;
        follow(follower);
    }
    return NULL;
}

/* A number that comes late would be one that a reader who is past it never sees. */
static void follower_misses_nothing_while_others_write(void **state)
{
    (void)state;
    struct test_folder folder;
    test_folder_make(&folder);
    struct store *store = test_store_open(&folder, "store.db", (struct store_options){ 0 });
    struct sender *senders = calloc(THREADS, sizeof(*senders));
    pthread_t threads[THREADS], follower_thread;
    struct follower follower = { .store = store, .tenant = 1, .limit = 10 };
    atomic_store(&all_sent, false);
    pthread_create(&follower_thread, NULL, follower_main, &follower);
    for (int i = 0; i < THREADS; i++) {
        senders[i].store = store;
        senders[i].tenant = i == 0 ? 2 : 1;
        sem_init(&senders[i].done, 0, 0);
        pthread_create(&threads[i], NULL, sender_main, &senders[i]);
    }
    uint64_t good = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        for (int j = 0; j < EACH; j++) {
            assert_true(j == 0 || senders[i].entries[j].seq > senders[i].entries[j - 1].seq);
            good += i > 0 && !senders[i].entries[j].fails;
        }
    }
    atomic_store(&all_sent, true);
    pthread_join(follower_thread, NULL);
    assert_int_equal(follower.count, good);
    store_close(store);
    free(senders);
    test_folder_remove(&folder);
}

struct note {
    atomic_ullong last_seq;
    atomic_uint count;
};

static void note_commit(void *context, uint64_t last_seq)
{
    struct note *note = context;
    atomic_store(&note->last_seq, last_seq);
    atomic_fetch_add(&note->count, 1);
}

static enum err add_work(void *context, struct store_conn *conn, struct err_info *why)
{
    struct outbox_entry entry = { .tenant = 1, .topic = STR("case"), .body = STR("{}") };
    return outbox_add(conn, &entry, context, why);
}

static enum err other_work(void *context, struct store_conn *conn, struct err_info *why)
{
    (void)context;
    return sql_run(conn, &test_insert, SQL_ARGS(arg_int(1), arg_text(STR("x"))), NULL, why);
}

static enum err trim_work(void *context, struct store_conn *conn, struct err_info *why)
{
    bool has_more;
    TRY(outbox_trim(conn, *(uint64_t *)context, 2, &has_more, why));
    return has_more ? outbox_trim(conn, *(uint64_t *)context, 1000, &has_more, why) : ERR_OK;
}

static void listener_is_told_of_commits_with_entries_only(void **state)
{
    (void)state;
    struct err_info why = { 0 };
    struct note note = { 0 };
    uint64_t seq = 0;
    struct store *store = test_store_open(NULL, NULL, (struct store_options){ .is_inline = true });
    store_on_commit(store, note_commit, &note);
    test_check(store_write_wait(store, other_work, NULL, &why), &why);
    assert_int_equal(atomic_load(&note.count), 0);
    test_check(store_write_wait(store, add_work, &seq, &why), &why);
    assert_int_equal(atomic_load(&note.count), 1);
    assert_int_equal(atomic_load(&note.last_seq), seq);
    store_close(store);
}

static void trimming_keeps_the_newest_and_numbers_go_on_after_a_restart(void **state)
{
    (void)state;
    struct test_folder folder;
    struct err_info why = { 0 };
    test_folder_make(&folder);
    struct store *store = test_store_open(&folder, "store.db", (struct store_options){ 0 });
    struct follower follower = { .store = store, .tenant = 1, .limit = 100 };
    follow(&follower);
    assert_int_equal(follower.oldest, 1);
    uint64_t seq = 0;
    for (int i = 0; i < 20; i++)
        test_check(store_write_wait(store, add_work, &seq, &why), &why);
    assert_int_equal(seq, 20);
    uint64_t keep = 5;
    test_check(store_write_wait(store, trim_work, &keep, &why), &why);
    follow(&follower);
    assert_int_equal(follower.oldest, 16);
    assert_int_equal(follower.count, 5);
    keep = 0;
    test_check(store_write_wait(store, trim_work, &keep, &why), &why);
    store_close(store);
    store = test_store_open(&folder, "store.db", (struct store_options){ 0 });
    test_check(store_write_wait(store, add_work, &seq, &why), &why);
    assert_int_equal(seq, 21);
    store_close(store);
    test_folder_remove(&folder);
}

static enum err bad_topic_work(void *context, struct store_conn *conn, struct err_info *why)
{
    struct outbox_entry entry = { .tenant = 1, .topic = *(struct str *)context, .body = STR("{}") };
    return outbox_add(conn, &entry, NULL, why);
}

static void topic_has_a_limit(void **state)
{
    (void)state;
    struct err_info why = { 0 };
    char text[100];
    memset(text, 't', sizeof(text));
    struct str topics[] = { { text, sizeof(text) }, { text, 0 } };
    struct store *store = test_store_open(NULL, NULL, (struct store_options){ .is_inline = true });
    for (int i = 0; i < 2; i++)
        assert_int_equal(store_write_wait(store, bad_topic_work, &topics[i], &why), ERR_LIMIT);
    store_close(store);
}

/* These numbers are stored: they may never change. */
static void partitions_stay_what_they_are(void **state)
{
    (void)state;
    assert_int_equal(store_partition(1, STR("")), 75);
    assert_int_equal(store_partition(1, STR("203.0.113.9")), 65);
    assert_int_equal(store_partition(2, STR("203.0.113.9")), 114);
    unsigned seen[STORE_PARTITIONS] = { 0 };
    for (int i = 0; i < 256 * 64; i++) {
        char key[16];
        snprintf(key, sizeof(key), "key %d", i);
        seen[store_partition(1, str_of(key))]++;
    }
    for (int i = 0; i < STORE_PARTITIONS; i++)
        assert_in_range(seen[i], 20, 130);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follower_misses_nothing_while_others_write),
        cmocka_unit_test(listener_is_told_of_commits_with_entries_only),
        cmocka_unit_test(trimming_keeps_the_newest_and_numbers_go_on_after_a_restart),
        cmocka_unit_test(topic_has_a_limit),
        cmocka_unit_test(partitions_stay_what_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
