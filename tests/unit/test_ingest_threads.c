/* Senders on several threads while sources and rules change: nothing is lost, nothing torn. For the thread
 * sanitizer too. */
#include <pthread.h>
#include <stdatomic.h>

#include "ingest_world.h"

#define SENDERS 4
#define EVENTS_EACH 150

struct hall {
    struct test_folder folder;
    struct store *store;
    struct direct_intake direct;
    struct ingest *ingest;
    atomic_uint accepted, suppressed, failed;
};

struct letter {
    struct ingest_request request;
    struct hall *hall;
    struct arena arena;
    pthread_mutex_t *mutex;
    pthread_cond_t *answered;
    bool is_answered;
};

static void letter_accepted(struct ingest_request *request, enum err result, const struct err_info *why)
{
    struct letter *letter = request->context;
    (void)why;
    atomic_fetch_add(result == ERR_OK ? &letter->hall->accepted : &letter->hall->failed, 1);
    if (result == ERR_OK && request->batch.events[0].fate == INTAKE_SUPPRESSED)
        atomic_fetch_add(&letter->hall->suppressed, 1);
    pthread_mutex_lock(letter->mutex);
    letter->is_answered = true;
    pthread_cond_signal(letter->answered);
    pthread_mutex_unlock(letter->mutex);
}

static void send_letter(struct letter *letter, unsigned number)
{
    struct str body;
    struct err_info why = { 0 };
    arena_reset(&letter->arena);
    test_check(arena_printf(&letter->arena, &body, &why, "{\"key\":%u,\"src_ip\":\"203.0.113.%u\"}",
                   number % 7, number % 250 + 1),
        &why);
    letter->request = (struct ingest_request){ .tenant = TENANT_DEFAULT,
        .source = STR("probe"),
        .content_type = STR("application/json"),
        .body = body,
        .arena = &letter->arena,
        .accepted = letter_accepted,
        .context = letter };
    letter->is_answered = false;
    ingest_receive(letter->hall->ingest, &letter->request);
    pthread_mutex_lock(letter->mutex);
    while (!letter->is_answered)
        pthread_cond_wait(letter->answered, letter->mutex);
    pthread_mutex_unlock(letter->mutex);
}

static void *send_all(void *context)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t answered = PTHREAD_COND_INITIALIZER;
    struct letter letter = { .hall = context, .mutex = &mutex, .answered = &answered };
    for (unsigned i = 0; i < EVENTS_EACH; i++)
        send_letter(&letter, i);
    arena_done(&letter.arena);
    return NULL;
}

static void load_probe(struct hall *hall, struct arena *arena)
{
    struct source_file file = { STR("probe.yaml"), str_of(world_source) };
    struct diagnostics found;
    struct err_info why = { 0 };
    diagnostics_init(&found, arena, STR(""));
    test_check(ingest_load(hall->ingest, &file, 1, &found, &why), &why);
}

struct toggle {
    struct hall *hall;
    struct arena *arena;
    struct id id;
};

static enum err toggle_apply(void *context, struct store_conn *conn, struct err_info *why)
{
    struct toggle *toggle = context;
    struct suppressions *rules = ingest_suppressions(toggle->hall->ingest);
    struct principal by = principal_system(TENANT_DEFAULT);
    struct suppression_spec spec = { .name = STR("odd"),
        .when = STR("event.key == 3"),
        .reason = STR("a test"),
        .expires = { clock_now(clock_system()).us + US_PER_HOUR } };
    struct value rule;
    if (!id_is_none(toggle->id)) {
        TRY(suppression_end(rules, conn, &by, toggle->id, toggle->arena, &rule, why));
        toggle->id = ID_NONE;
        return ERR_OK;
    }
    TRY(suppression_create(rules, conn, &by, &spec, toggle->arena, &rule, why));
    return id_parse(value_str(value_get(rule, STR("id"))), &toggle->id) ? ERR_OK : ERR_INTERNAL;
}

static void count_nothing(void *context, bool is_accepted, struct str label, uint64_t count)
{
    (void)label;
    if (is_accepted)
        *(uint64_t *)context += count;
}

static enum err count_events(void *context, struct store_conn *conn, struct err_info *why)
{
    static const struct sql count = { "SELECT count(*) FROM ingest_events", NULL };
    AUTO(rows) struct rows rows = { 0 };
    TRY(rows_open(&rows, conn, &count, SQL_NO_ARGS, why));
    *(int64_t *)context = rows_next(&rows) ? rows_int(&rows, 0) : -1;
    return rows_end(&rows, why);
}

static void senders_sources_and_rules_do_not_disturb_each_other(void **state)
{
    (void)state;
    struct hall hall = { 0 };
    AUTO(arena) struct arena arena = { 0 };
    struct err_info why = { 0 };
    pthread_t threads[SENDERS];
    int64_t stored = 0;
    uint64_t counted = 0;
    test_folder_make(&hall.folder);
    hall.store = test_store_open(
        &hall.folder, "events.db", (struct store_options){ .migrations = ingest_lists });
    direct_intake_init(&hall.direct, hall.store);
    struct ingest_options options = {
        .clock = clock_system(), .rand = rand_system(), .intake = &hall.direct.intake
    };
    test_check(ingest_new(&options, &hall.ingest, &why), &why);
    load_probe(&hall, &arena);
    for (int i = 0; i < SENDERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, send_all, &hall), 0);
    struct toggle toggle = { .hall = &hall, .arena = &arena };
    while (atomic_load(&hall.accepted) + atomic_load(&hall.failed) < SENDERS * EVENTS_EACH) {
        load_probe(&hall, &arena);
        test_check(store_write_wait(hall.store, toggle_apply, &toggle, &why), &why);
        counted = 0;
        ingest_metrics(hall.ingest, count_nothing, &counted);
    }
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
    test_check(store_read_wait(hall.store, count_events, &stored, &why), &why);
    assert_int_equal(atomic_load(&hall.failed), 0);
    assert_int_equal(stored, SENDERS * EVENTS_EACH);
    counted = 0;
    ingest_metrics(hall.ingest, count_nothing, &counted);
    assert_int_equal(counted, SENDERS * EVENTS_EACH);
    ingest_free(hall.ingest);
    store_close(hall.store);
    test_folder_remove(&hall.folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(senders_sources_and_rules_do_not_disturb_each_other),
    };
    return cmocka_run_group_tests_name("ingest_threads", tests, NULL, NULL);
}
